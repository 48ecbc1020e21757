//! Arguments of the commands that look at a migration, or act on it, and what they print.

use crate::arguments::{Common, Servers, logged};
use clap::Args;
use dts_migrate::connection::{Server, Side};
use dts_migrate::problem::Problem;
use dts_migrate::{config, finish, interrupt, recopy, status, switch};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::time::Duration;

#[derive(Args)]
pub struct Status {
    #[command(flatten)]
    servers: Servers,
    /// Again every two seconds, until Ctrl-C.
    #[arg(long, conflicts_with = "json")]
    watch: bool,
    /// For machines.
    #[arg(long)]
    json: bool,
}

impl Status {
    pub fn run(&self) -> Result<u8, Problem> {
        let (_, source, target) = self.servers.read()?;
        if !self.watch {
            let status = status::status(&source, &target, true);
            if self.json {
                println!("{}", status.json()?);
            } else {
                print!("{}", status.text());
            }
            return Ok(status.exit_status());
        }
        interrupt::catch();
        let mut checks = Vec::new();
        for look in 0_u32.. {
            // check() takes longer than the rest
            let with_checks = look % 10 == 0;
            let mut status = status::status(&source, &target, with_checks);
            if with_checks {
                checks.clone_from(&status.checks);
            } else {
                status.checks.clone_from(&checks);
            }
            if std::io::stdout().is_terminal() {
                print!("\x1b[H\x1b[2J");
            }
            println!("{}", status.text());
            let _ = std::io::stdout().flush();
            for _ in 0..20 {
                if interrupt::asked() {
                    return Ok(status.exit_status());
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        Ok(status::FINE)
    }
}

#[derive(Args)]
pub struct Switch {
    #[command(flatten)]
    servers: Servers,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    /// The old server follows the new one, so that switch again goes back.
    #[arg(long)]
    back: bool,
    /// If users had to stay away longer, everything is left as before.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    max_downtime: Option<Duration>,
    /// Numbers that each sequence leaves out.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    margin: u64,
    /// Copy large objects again, while users are away.
    #[arg(long)]
    large_objects: bool,
    /// No quick comparison of rows.
    #[arg(long)]
    no_compare: bool,
    /// How long that comparison may take.
    #[arg(long, value_name = "SECONDS", default_value = "0.5", value_parser = seconds)]
    compare_seconds: Duration,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if number > 0.0 {
        Duration::try_from_secs_f64(number).map_err(|error| error.to_string())
    } else {
        Err("has to be more than 0".to_owned())
    }
}

impl Switch {
    pub fn run(&self) -> Result<u8, Problem> {
        let terminal = std::io::stdin().is_terminal();
        if !self.yes && !terminal {
            return Err(Problem::new(
                "switch asks before it sends users away, and this is no terminal",
                "add --yes; nothing was changed",
            ));
        }
        let (said, source, target) = self.servers.read()?;
        let output = said.output()?;
        let mut options = switch::Options {
            back: self.back,
            max_downtime: self.max_downtime,
            margin: self.margin,
            large_objects: self.large_objects,
            compare: !self.no_compare,
            budget: self.compare_seconds,
            ..switch::Options::default()
        };
        if self.large_objects {
            let majors = [source.connect()?.major(), target.connect()?.major()];
            let programs = config::programs(said.pg_bin.as_deref(), majors[0].max(majors[1]))?;
            options.pg_dump = programs.path("pg_dump");
            options.pg_restore = programs.path("pg_restore");
        }
        interrupt::catch();
        let yes = self.yes;
        let mut ask = |text: &str| {
            output.say(text);
            yes || answer("Switch now? [y/N] ")
        };
        let mut tell = |text: &str| output.say(text);
        let done = switch::switch(&source, &target, &options, &mut ask, &mut tell);
        let done = logged(&output, done)?;
        output.say(&done.text());
        Ok(0)
    }
}

fn answer(question: &str) -> bool {
    print!("{question}");
    let _ = std::io::stdout().flush();
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line);
    read.is_ok() && !interrupt::asked() && matches!(line.trim(), "y" | "Y" | "yes")
}

#[derive(Args)]
pub struct Recopy {
    /// Tables of the target, as schema.name; before them SOURCE and TARGET, unless SRC and DST or the file name them.
    #[arg(required = true, value_name = "[SOURCE TARGET] TABLE")]
    arguments: Vec<String>,
    #[command(flatten)]
    common: Common,
    /// Do not wait until they are copied.
    #[arg(long)]
    no_wait: bool,
}

impl Recopy {
    pub fn run(&self) -> Result<u8, Problem> {
        let said = self.common.read()?;
        let output = said.output()?;
        let named = |variable: &str, of_file: &Option<String>| {
            std::env::var(variable).ok().or_else(|| of_file.clone())
        };
        let known = (
            named("SRC", &said.config.source),
            named("DST", &said.config.target),
        );
        let (source, target, tables) = servers_and_tables(&self.arguments, known)?;
        let source = Server::new(Side::Source, &source)?;
        let target = Server::new(Side::Destination, &target)?;
        interrupt::catch();
        // drawn on stderr, and only when that is a terminal
        let bar = ProgressBar::new_spinner().with_style(
            ProgressStyle::with_template("{spinner} {elapsed} {msg}").expect("a template"),
        );
        let mut tell = |copying: &recopy::Copying| {
            let tables = if copying.left == 1 { "table" } else { "tables" };
            bar.set_message(format!(
                "{} {tables} left; {} rows, {}",
                copying.left,
                copying.rows,
                dts_migrate::output::size(copying.bytes)
            ));
            bar.tick();
        };
        let done = recopy::recopy(&source, &target, &tables, !self.no_wait, &mut tell);
        bar.finish_and_clear();
        output.say(&logged(&output, done)?);
        Ok(0)
    }
}

/// Names of tables have neither `=` nor `://` where the variables name the servers.
fn servers_and_tables(
    arguments: &[String],
    variables: (Option<String>, Option<String>),
) -> Result<(String, String, Vec<String>), Problem> {
    let is_connection = |text: &String| text.contains('=') || text.contains("://");
    if let (Some(source), Some(target)) = variables
        && !is_connection(&arguments[0])
    {
        return Ok((source, target, arguments.to_vec()));
    }
    match arguments {
        [source, target, tables @ ..] if !tables.is_empty() => {
            Ok((source.clone(), target.clone(), tables.to_vec()))
        }
        _ => Err(Problem::new(
            "recopy is given the source, the target, and at least one table",
            "dts-migrate recopy SOURCE TARGET TABLE..; or set SRC and DST, and give the tables alone",
        )),
    }
}

#[derive(Args)]
pub struct Finish {
    #[command(flatten)]
    servers: Servers,
    /// The old server lets users in again.
    #[arg(long)]
    open_old: bool,
}

impl Finish {
    pub fn run(&self) -> Result<u8, Problem> {
        let (said, source, target) = self.servers.read()?;
        let options = finish::Options {
            open_old: self.open_old,
            ..finish::Options::default()
        };
        let output = said.output()?;
        let report = logged(&output, finish::finish(&source, &target, &options))?;
        output.say(&report.text());
        Ok(0)
    }
}

#[derive(Args)]
pub struct Abort {
    #[command(flatten)]
    servers: Servers,
    /// The target is gone: only the source is set back, by the names of things.
    #[arg(long, conflicts_with = "drop_database")]
    source_only: bool,
    /// The target's database goes, too, if start has made it.
    #[arg(long)]
    drop_database: bool,
    /// Of publication and slot, for --source-only.
    #[arg(long, value_name = "NAME", default_value = "dts_migrate")]
    name: String,
}

impl Abort {
    pub fn run(&self) -> Result<u8, Problem> {
        let options = finish::Options {
            source_only: self.source_only,
            drop_database: self.drop_database,
            name: Some(self.name.clone()),
            ..finish::Options::default()
        };
        let (said, source, target) = if self.source_only {
            let (said, source) = self.servers.source_only()?;
            // the second one is not asked
            (said, source.clone(), source)
        } else {
            self.servers.read()?
        };
        let output = said.output()?;
        let report = logged(&output, finish::abort(&source, &target, &options))?;
        output.say(&report.text());
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_servers() {
        let list = |words: &[&str]| {
            words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>()
        };
        let set = || (Some("host=a".to_owned()), Some("host=b".to_owned()));
        let (source, _, tables) =
            servers_and_tables(&list(&["t", "u", "v"]), set()).expect("tables");
        assert_eq!((source.as_str(), tables.len()), ("host=a", 3));
        let (source, target, tables) =
            servers_and_tables(&list(&["host=x", "host=y", "t"]), set()).expect("servers");
        assert_eq!(
            (source.as_str(), target.as_str(), tables.len()),
            ("host=x", "host=y", 1)
        );
        assert!(servers_and_tables(&list(&["service", "other", "t"]), (None, None)).is_ok());
        assert!(servers_and_tables(&list(&["service", "other"]), (None, None)).is_err());
    }

    #[test]
    fn times() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for refused in ["0", "-1", "x", "NaN"] {
            assert!(seconds(refused).is_err(), "{refused}");
        }
    }
}
