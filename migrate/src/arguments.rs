//! Arguments that several commands have.

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use dts_migrate::config::{self, Config};
use dts_migrate::connection::{Server, Side};
use dts_migrate::output::Output;
use dts_migrate::problem::Problem;
use std::path::PathBuf;

#[derive(Args)]
pub struct Common {
    /// Connections and options, as TOML; without: dts-migrate.toml, if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The directory of PostgreSQL's programs; without: where they are found, of the newer major or newer.
    #[arg(long, value_name = "DIRECTORY")]
    pg_bin: Option<PathBuf>,
    /// The log file, which is appended to (dts-migrate.log); '' for none.
    #[arg(long, value_name = "FILE", value_parser = OsStringValueParser::new().map(PathBuf::from))]
    log: Option<PathBuf>,
    /// Say more.
    #[arg(long, short)]
    pub verbose: bool,
}

/// What the command line, the environment and the file say.
pub struct Said {
    pub config: Config,
    pub pg_bin: Option<PathBuf>,
    log: PathBuf,
    verbose: bool,
}

impl Common {
    pub fn read(&self) -> Result<Said, Problem> {
        let config = config::load(self.config.as_deref())?;
        let pg_bin = self.pg_bin.clone().or_else(|| config.pg_bin.clone());
        let log = self.log.clone().or_else(|| config.log.clone());
        Ok(Said {
            config,
            pg_bin,
            log: log.unwrap_or_else(|| PathBuf::from("dts-migrate.log")),
            verbose: self.verbose,
        })
    }
}

impl Said {
    pub fn server(&self, side: Side, given: Option<&str>) -> Result<Server, Problem> {
        Server::new(side, self.config.connection(given, side)?)
    }

    /// For the commands that act.
    pub fn output(&self) -> Result<Output, Problem> {
        let log = (!self.log.as_os_str().is_empty()).then_some(self.log.as_path());
        Output::new(self.verbose, log)
    }
}

/// The two servers. Passwords are better in ~/.pgpass, a service or PGPASSWORD.
#[derive(Args)]
pub struct Servers {
    /// Connection string, URI or service of the source.
    #[arg(env = "SRC", hide_env_values = true)]
    source: Option<String>,
    /// Connection string, URI or service of the target.
    #[arg(env = "DST", hide_env_values = true)]
    target: Option<String>,
    #[command(flatten)]
    pub common: Common,
}

impl Servers {
    pub fn read(&self) -> Result<(Said, Server, Server), Problem> {
        let said = self.common.read()?;
        let source = said.server(Side::Source, self.source.as_deref())?;
        let target = said.server(Side::Destination, self.target.as_deref())?;
        Ok((said, source, target))
    }

    pub fn source_only(&self) -> Result<(Said, Server), Problem> {
        let said = self.common.read()?;
        let source = said.server(Side::Source, self.source.as_deref())?;
        Ok((said, source))
    }
}

/// Good for a slot, with room for what is added to it.
pub fn name(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if (1..=40).contains(&text.len()) && text.chars().all(good) {
        Ok(text.to_owned())
    } else {
        Err("1 to 40 of a to z, 0 to 9 and _".to_owned())
    }
}

pub fn memory(text: &str) -> Result<String, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    if digits.parse::<u32>().is_ok() && ["", "kB", "MB", "GB"].contains(&&text[digits.len()..]) {
        Ok(text.to_owned())
    } else {
        Err("a number with kB, MB or GB".to_owned())
    }
}

/// What went wrong is in the log, too.
pub fn logged<T>(output: &Output, result: Result<T, Problem>) -> Result<T, Problem> {
    result.inspect_err(|problem| output.failed(problem))
}
