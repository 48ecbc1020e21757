//! Completions and man pages, made from the definition of the command line: a new subcommand has both at once. What that
//! definition does not say is here: environment, files, exit status, examples.

use clap::{Command, Subcommand};
use clap_complete::{Generator, Shell};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use dts_migrate::problem::Problem;
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(Subcommand)]
pub enum Pages {
    /// Print what completes this program's command lines in a shell.
    ///
    /// Packages bring it along for bash, zsh and fish. Else, for bash:
    /// dts-migrate completions bash >~/.local/share/bash-completion/completions/dts-migrate
    Completions {
        /// Whose.
        shell: Shell,
    },
    /// Write the manual pages into a directory.
    #[command(hide = true)]
    Man {
        directory: PathBuf,
        /// What they are dated.
        #[arg(long, default_value = " ")]
        date: String,
    },
}

impl Pages {
    /// `command`: the whole program's.
    pub fn run(&self, command: Command) -> Result<u8, Problem> {
        match self {
            Self::Completions { shell } => completions(*shell, command, &mut std::io::stdout())
                .map_err(|error| Problem::new(format!("stdout: {error}"), ""))?,
            Self::Man { directory, date } => man(command, date, directory).map_err(|error| {
                Problem::new(
                    format!("{}: {error}", directory.display()),
                    "name a directory that can be written to",
                )
            })?,
        }
        Ok(0)
    }
}

fn completions(shell: Shell, mut command: Command, to: &mut dyn Write) -> std::io::Result<()> {
    let name = command.get_name().to_owned();
    command.set_bin_name(name);
    command.build();
    shell.try_generate(&command, to)?;
    to.flush()
}

/// dts-migrate.1, and a page for each subcommand that is not hidden.
fn man(command: Command, date: &str, directory: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    for (name, text) in all_pages(command, date)? {
        std::fs::write(directory.join(name), text)?;
    }
    Ok(())
}

/// `date`: not empty, or the library's title line has one word less, and the version in the date's place.
fn all_pages(command: Command, date: &str) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut command = command
        .disable_help_subcommand(true)
        .subcommand_value_name("subcommand");
    command.build();
    let source = format!(
        "{} {}",
        command.get_name(),
        command.get_version().unwrap_or_default()
    );
    let visible = || command.get_subcommands().filter(|sub| !sub.is_hide_set());
    let mut pages = Vec::new();
    for one in std::iter::once(&command).chain(visible()) {
        let man = Man::new(one.clone())
            .title(page_name(one).to_uppercase())
            .date(date)
            .source(&source)
            .manual("Migration of PostgreSQL");
        let mut page = Vec::new();
        man.render_title(&mut page)?;
        man.render_name_section(&mut page)?;
        man.render_synopsis_section(&mut page)?;
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
        let mut more = Roff::default();
        let others: Vec<_> = if one.has_subcommands() {
            man.render_subcommands_section(&mut page)?;
            general(&mut more, one);
            visible().map(page_name).collect()
        } else {
            vec![page_name(&command)]
        };
        see_also(&mut more, &others);
        more.to_writer(&mut page)?;
        pages.push((man.get_filename(), page));
    }
    Ok(pages)
}

fn page_name(command: &Command) -> &str {
    command
        .get_display_name()
        .unwrap_or_else(|| command.get_name())
}

const EXIT_STATUS: &[(&str, &str)] = &[
    ("0", "Done; of what was looked at, all is as it should be."),
    ("1", "Something that was looked at is not as it should be."),
    (
        "2",
        "It could not be done, or the command line is wrong: the message says why, and what to do next.",
    ),
    ("others", "The page of the subcommand says which."),
];

const ENVIRONMENT: &[(&str, &str)] = &[
    (
        "SRC, DST",
        "Connection string, URI or service of the source and of the target, where the command line does not name them.",
    ),
    (
        "PGPASSWORD",
        "The password for both servers, where connection string and service have none.",
    ),
    (
        "PGPASSFILE, PGSERVICEFILE",
        "Files to be read instead of ~/.pgpass and ~/.pg_service.conf.",
    ),
    (
        "PGSYSCONFDIR",
        "The directory of pg_service.conf for all users.",
    ),
    (
        "PGHOST, PGPORT, PGDATABASE, PGUSER, PGSSLMODE, ..",
        "As libpq has them, for both servers, where the connection string does not say it.",
    ),
    (
        "PATH",
        "Where pg_dump, pg_restore and psql are looked for first; then where packages of Debian and of the PGDG put them.",
    ),
    (
        "TMPDIR",
        "The directory, instead of /tmp, for what is dumped of the schema; gone when the program ends.",
    ),
];

const FILES: &[(&str, &str)] = &[
    (
        "dts-migrate.toml",
        "In the directory where the program runs, or as --config says: lines of the form key = value, for what the command \
         line and SRC and DST do not say. The keys are source, target, name, jobs, pg_bin, trust_source, log, part_bytes and \
         max_downtime. It may have no password.",
    ),
    (
        "dts-migrate.log",
        "Likewise, or as --log says: all that the subcommands say that change something is appended to it.",
    ),
    (
        "~/.pgpass",
        "Passwords, as libpq reads them: only if no others may read the file (chmod 600).",
    ),
    (
        "~/.pg_service.conf",
        "Services: connections by name, as libpq reads them.",
    ),
];

/// Those of subcommands that there are not are left out.
const EXAMPLES: &[(&str, &str)] = &[
    ("Whether it can be done, and what to do first:", "check"),
    (
        "Make the target, which then follows the source:",
        "start --jobs 8",
    ),
    ("How far it is:", "status"),
    ("Whether both have the same, while they run:", "compare"),
    ("Let the users go over to the target:", "switch"),
    ("Take away what the migration needed:", "finish"),
];
const CONNECTIONS: &str = "export SRC='host=old dbname=shop' DST='service=new'";

fn general(roff: &mut Roff, command: &Command) {
    for (heading, entries) in [
        ("EXIT STATUS", EXIT_STATUS),
        ("ENVIRONMENT", ENVIRONMENT),
        ("FILES", FILES),
    ] {
        roff.control("SH", [heading]);
        for (term, text) in entries {
            roff.control("TP", []);
            roff.text([bold(*term)]).text([roman(*text)]);
        }
    }
    roff.control("SH", ["EXAMPLES"]);
    let example = |roff: &mut Roff, text: &str, line: String| {
        roff.text([roman(text)]);
        roff.control("PP", []).control("RS", ["4"]);
        roff.text([bold(line)]).control("RE", []);
    };
    example(
        roff,
        "Which servers, for all that follows:",
        CONNECTIONS.into(),
    );
    for (text, line) in examples(command) {
        roff.control("PP", []);
        example(roff, text, format!("{} {line}", command.get_name()));
    }
}

fn examples(command: &Command) -> impl Iterator<Item = (&'static str, &'static str)> {
    EXAMPLES.iter().copied().filter(|(_, line)| {
        let name = line.split(' ').next().unwrap_or_default();
        command.find_subcommand(name).is_some()
    })
}

fn see_also(roff: &mut Roff, others: &[&str]) {
    roff.control("SH", ["SEE ALSO"]);
    let mut line = Vec::new();
    for (i, name) in others.iter().enumerate() {
        line.push(bold(*name));
        let end = if i + 1 < others.len() { "(1), " } else { "(1)" };
        line.push(roman(end));
    }
    roff.text(line);
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::error::ErrorKind;
    use clap::{CommandFactory, ValueEnum};
    use dts_migrate::config;

    fn command() -> Command {
        crate::Cli::command()
    }

    fn subcommands() -> Vec<String> {
        let command = command();
        let all = command.get_subcommands();
        all.filter(|sub| !sub.is_hide_set())
            .map(|sub| sub.get_name().to_owned())
            .collect()
    }

    #[test]
    fn each_subcommand_has_its_page() {
        let pages = all_pages(command(), "2026-01-01").expect("pages");
        let mut names: Vec<_> = pages.iter().map(|(name, _)| name.as_str()).collect();
        let mut wanted: Vec<_> = subcommands()
            .iter()
            .map(|name| format!("dts-migrate-{name}.1"))
            .collect();
        wanted.push("dts-migrate.1".to_owned());
        names.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(names, wanted);
        let main = String::from_utf8_lossy(&pages[0].1).into_owned();
        let title = format!(
            ".TH DTS-MIGRATE 1 2026-01-01 \"dts-migrate {}\" ",
            env!("CARGO_PKG_VERSION")
        );
        assert!(main.contains(&title), "{main}");
        for heading in [
            "EXAMPLES",
            "FILES",
            "ENVIRONMENT",
            "EXIT STATUS",
            "SEE ALSO",
        ] {
            assert_eq!(
                main.matches(&format!(".SH {heading}")).count()
                    + main.matches(&format!(".SH \"{heading}\"")).count(),
                1,
                "{main}"
            );
        }
        for (name, page) in &pages[1..] {
            let page = String::from_utf8_lossy(page);
            assert!(
                page.contains(".SH SYNOPSIS") && page.contains("\\fBdts\\-migrate\\fR(1)"),
                "{name}: {page}"
            );
        }
    }

    #[test]
    fn each_shell_completes_each_subcommand() {
        for shell in Shell::value_variants() {
            let mut text = Vec::new();
            completions(*shell, command(), &mut text).expect("completions");
            let text = String::from_utf8(text).expect("UTF-8");
            for name in subcommands() {
                assert!(text.contains(&name), "{shell}: {name}");
            }
            assert!(text.contains("dts-migrate"), "{shell}");
        }
    }

    /// A connection may be missing: it is in the environment.
    #[test]
    fn examples_are_command_lines() {
        let command = command();
        for (_, line) in examples(&command) {
            let words = std::iter::once("dts-migrate").chain(line.split(' '));
            if let Err(error) = command.clone().try_get_matches_from(words) {
                assert_eq!(
                    error.kind(),
                    ErrorKind::MissingRequiredArgument,
                    "{line}: {error}"
                );
            }
        }
        assert!(examples(&command).count() > 1);
    }

    /// An error of the file itself names all keys.
    #[test]
    fn all_keys_of_the_file_are_named() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "no_key = 1").expect("its text");
        let said = config::load(Some(file.path()))
            .expect_err("refused")
            .to_string();
        let (_, keys) = said.split_once("expected one of ").expect("the keys");
        let keys: Vec<_> = keys
            .lines()
            .next()
            .unwrap_or_default()
            .split('`')
            .skip(1)
            .step_by(2)
            .collect();
        assert!(keys.contains(&"source"), "{said}");
        for key in keys {
            let words = |c: char| !(c.is_alphanumeric() || c == '_');
            assert!(FILES[0].1.split(words).any(|word| word == key), "{key}");
        }
    }
}
