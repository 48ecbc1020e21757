//! `dts-migrate`: see docs/migrate.md.

use clap::{Args, Parser, Subcommand};
use dts_migrate::compare::{self, Options, Progress, report};
use dts_migrate::config::{self, Config};
use dts_migrate::connection::{Server, Side};
use dts_migrate::output::Output;
use dts_migrate::problem::Problem;
use dts_migrate::start;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Steps of a migration of PostgreSQL by logical replication.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a target that follows the source, rows and DDL, while users go on; after a crash: go on.
    Start(Start),
    /// Whether the target has what the source has, while both run and the stream flows.
    ///
    /// Exit status: 0 all the same, 1 something differs for no known reason, 2 something could not be compared, 3 what
    /// differs has a reason, or rows are undecided, or tables are still being copied.
    Compare(Compare),
}

/// The two servers. Passwords are better in ~/.pgpass, a service or PGPASSWORD.
#[derive(Args)]
struct Servers {
    /// Connection string, URI or service of the source.
    #[arg(env = "SRC", hide_env_values = true)]
    source: Option<String>,
    /// Connection string, URI or service of the target.
    #[arg(env = "DST", hide_env_values = true)]
    target: Option<String>,
    /// Connections and options, as TOML; without: dts-migrate.toml, if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The directory of PostgreSQL's programs; without: where they are found, of the newer major or newer.
    #[arg(long, value_name = "DIRECTORY")]
    pg_bin: Option<PathBuf>,
    /// Say more.
    #[arg(long, short)]
    verbose: bool,
}

impl Servers {
    fn read(&self) -> Result<(Config, Server, Server), Problem> {
        let config = config::load(self.config.as_deref())?;
        let source = config.connection(self.source.as_deref(), Side::Source)?;
        let target = config.connection(self.target.as_deref(), Side::Destination)?;
        let source = Server::new(Side::Source, source)?;
        let target = Server::new(Side::Destination, target)?;
        Ok((config, source, target))
    }

    fn pg_bin(&self, config: &Config) -> Option<PathBuf> {
        self.pg_bin.clone().or_else(|| config.pg_bin.clone())
    }
}

/// The log of the acting commands.
#[derive(Args)]
struct Log {
    /// The log file, which is appended to; '' for none.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

impl Log {
    fn output(&self, config: &Config, verbose: bool) -> Result<Output, Problem> {
        let path = self.log.clone().or_else(|| config.log.clone());
        let path = path.unwrap_or_else(|| PathBuf::from("dts-migrate.log"));
        Output::new(
            verbose,
            (!path.as_os_str().is_empty()).then_some(path.as_path()),
        )
    }
}

#[derive(Args)]
struct Start {
    #[command(flatten)]
    servers: Servers,
    #[command(flatten)]
    log: Log,
    /// Of publication, replication slot and subscription: lower-case letters, digits, _.
    #[arg(long, value_parser = name)]
    name: Option<String>,
    /// Tables, indexes and constraints at a time.
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: Option<u16>,
    /// All who may run DDL on the source may do on the target whatever the subscription's owner may (docs/security.md, I8); needed
    /// where the target is older than 16 or does not preload the library.
    #[arg(long)]
    trust_source: bool,
    /// How the target's server reaches the source, when that is not as this program does.
    #[arg(long, value_name = "CONNECTION")]
    source_for_target: Option<String>,
    /// maintenance_work_mem of each session that makes indexes.
    #[arg(long, value_name = "SIZE", default_value = "256MB", value_parser = memory)]
    index_memory: String,
    /// End after this step; start again goes on.
    #[arg(long, value_name = "STEP", value_parser = clap::builder::PossibleValuesParser::new(start::STEPS))]
    until: Option<String>,
}

/// Good for a slot, with room for what is added to it.
fn name(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if (1..=40).contains(&text.len()) && text.chars().all(good) {
        Ok(text.to_owned())
    } else {
        Err("1 to 40 of a to z, 0 to 9 and _".to_owned())
    }
}

fn memory(text: &str) -> Result<String, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    if digits.parse::<u32>().is_ok() && ["", "kB", "MB", "GB"].contains(&&text[digits.len()..]) {
        Ok(text.to_owned())
    } else {
        Err("a number with kB, MB or GB".to_owned())
    }
}

#[derive(Args)]
struct Compare {
    /// Connection string or URI of the source; a password better in the variable SRC or in PGPASSWORD.
    #[arg(env = "SRC", hide_env_values = true)]
    source: String,
    /// Connection string or URI of the destination.
    #[arg(env = "DST", hide_env_values = true)]
    destination: String,
    /// A subscription of the destination; may be repeated. Without: all that are enabled.
    #[arg(long, value_name = "NAME", conflicts_with = "at_rest")]
    subscription: Vec<String>,
    /// There is no subscription and nobody writes on either side: compare all tables.
    #[arg(long)]
    at_rest: bool,
    /// Only rows of tables that match: schema.name or name, * for anything; may be repeated.
    #[arg(long, value_name = "PATTERN")]
    table: Vec<String>,
    /// Only the schema.
    #[arg(long, conflicts_with = "rows_only")]
    schema_only: bool,
    /// Only rows.
    #[arg(long)]
    rows_only: bool,
    /// Rows of a chunk, which is read by one query.
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(10..))]
    rows_per_chunk: u64,
    /// The longest that such a query may take; then the chunk is cut smaller.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    chunk_seconds: u64,
    /// Chunks that are read at the same time; each takes a connection to either server.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// How often a row is looked at that is not the same and changes.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(2..))]
    looks: u32,
    /// How long to wait each time for the stream to come to where the source is.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    wait: u64,
    /// Keys of differing rows that are shown for each table.
    #[arg(long, value_name = "N", default_value_t = 10)]
    show: usize,
    /// Show these rows, not only their keys.
    #[arg(long)]
    show_rows: bool,
    /// The program, of the newer of the two majors or newer.
    #[arg(long, value_name = "PATH", default_value = "pg_dump")]
    pg_dump: String,
    /// One JSON object on each line: the schema, then each table.
    #[arg(long)]
    json: bool,
    /// Name tables that are the same, too.
    #[arg(long, short)]
    verbose: bool,
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Start(arguments) => start(&arguments),
        Command::Compare(arguments) => compare(&arguments),
    };
    match done {
        Ok(status) => ExitCode::from(status),
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::from(report::FAILED)
        }
    }
}

/// What went wrong is in the log, too.
fn logged<T>(output: &Output, result: Result<T, Problem>) -> Result<T, Problem> {
    result.inspect_err(|problem| output.failed(problem))
}

fn start(arguments: &Start) -> Result<u8, Problem> {
    let (config, source, target) = arguments.servers.read()?;
    let output = arguments.log.output(&config, arguments.servers.verbose)?;
    let for_target = arguments.source_for_target.as_deref();
    let options = start::Options {
        name: arguments
            .name
            .clone()
            .or_else(|| config.name.clone())
            .unwrap_or_else(|| "dts_migrate".to_owned()),
        jobs: arguments.jobs.or(config.jobs).unwrap_or(4).into(),
        trust_source: arguments.trust_source || config.trust_source.unwrap_or_default(),
        source_for_target: for_target
            .map(|connection| Server::new(Side::Source, connection))
            .transpose()?,
        index_memory: arguments.index_memory.clone(),
        until: arguments.until.clone(),
    };
    let pg_bin = arguments.servers.pg_bin(&config);
    let done = start::start(&source, &target, &options, pg_bin.as_deref(), &output);
    logged(&output, done)?;
    Ok(0)
}

fn compare(arguments: &Compare) -> Result<u8, Problem> {
    let source = Server::new(Side::Source, &arguments.source)?;
    let destination = Server::new(Side::Destination, &arguments.destination)?;
    let options = Options {
        subscriptions: arguments.subscription.clone(),
        at_rest: arguments.at_rest,
        tables: arguments.table.clone(),
        schema: !arguments.rows_only,
        rows: !arguments.schema_only,
        rows_per_chunk: arguments.rows_per_chunk,
        chunk_seconds: arguments.chunk_seconds,
        jobs: arguments.jobs.into(),
        looks: arguments.looks,
        wait: Duration::from_secs(arguments.wait),
        show: arguments.show,
        show_rows: arguments.show_rows,
        pg_dump: arguments.pg_dump.clone(),
        ..Options::default()
    };
    let progress = Progress::new();
    let found = compare::compare(&source, &destination, &options, &progress);
    progress.clear();
    let found = found?;
    let text = if arguments.json {
        found
            .json()
            .map_err(|error| Problem::new(error.to_string(), ""))?
    } else {
        found.text(arguments.verbose)
    };
    println!("{text}");
    Ok(found.exit_status())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn arguments() {
        Cli::command().debug_assert();
        let parsed = |more: &[&str]| {
            let arguments = ["dts-migrate", "compare", "host=a", "host=b"]
                .iter()
                .chain(more);
            Cli::try_parse_from(arguments)
        };
        assert!(parsed(&["--table", "a.*", "--table", "b", "--jobs", "4", "--json"]).is_ok());
        for refused in [
            &["--schema-only", "--rows-only"][..],
            &["--jobs", "0"],
            &["--looks", "1"],
            &["--at-rest", "--subscription", "s"],
        ] {
            assert!(parsed(refused).is_err(), "{refused:?}");
        }
    }
}
