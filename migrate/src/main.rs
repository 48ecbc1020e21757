//! `dts-migrate`: see docs/migrate.md.

mod acting;
mod arguments;
mod pages;

use arguments::{Servers, logged, memory, name};
use clap::{Args, Parser, Subcommand};
use dts_migrate::check;
use dts_migrate::compare::{self, Options, Progress, report};
use dts_migrate::config;
use dts_migrate::connection::{Server, Side};
use dts_migrate::pair;
use dts_migrate::problem::Problem;
use dts_migrate::start;
use std::process::ExitCode;
use std::time::Duration;

/// Steps of a migration of PostgreSQL by logical replication.
#[derive(Parser)]
#[command(name = "dts-migrate", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything that can be known beforehand: what must be mended, what will not travel, how long it may take.
    ///
    /// Exit status: 0 nothing must be mended, 1 something must, 2 it could not look.
    Check(Check),
    /// Make a target that follows the source, rows and DDL, while users go on; after a crash: go on.
    Start(Start),
    /// Whether the target has what the source has, while both run and the stream flows.
    ///
    /// Exit status: 0 all the same, 1 something differs for no known reason, 2 something could not be compared, 3 what
    /// differs has a reason, or rows are undecided, or tables are still being copied.
    Compare(Compare),
    /// Where the migration is, what stands in its way, and what to do next.
    ///
    /// Exit status: 0 fine, 1 something needs a hand, 2 something could not be looked at.
    Status(acting::Status),
    /// Users go from the source to the target: fence, rest of the stream, sequences, quick comparison.
    Switch(acting::Switch),
    /// Copies tables of the target once more, while the stream goes on.
    Recopy(acting::Recopy),
    /// After the switch: nothing is left on either server, or it says what.
    Finish(acting::Finish),
    /// Before the switch: the source is as it was before start.
    Abort(acting::Abort),
    #[command(flatten)]
    Pages(pages::Pages),
}

#[derive(Args)]
struct Check {
    #[command(flatten)]
    servers: Servers,
    /// All who may run DDL on the source may do on the target whatever the subscription's owner may.
    #[arg(long)]
    trust_source: bool,
    /// Tables that are copied at the same time, for the estimate.
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: Option<u16>,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Start {
    #[command(flatten)]
    servers: Servers,
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
    /// After so long another snapshot of the source is taken for the tables that are left: foreign keys between them and those before
    /// are validated when the stream is there. (An old snapshot keeps VACUUM from its work, and lets CREATE INDEX CONCURRENTLY wait.)
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    snapshot_seconds: u64,
    /// Begin although check finds what must be mended.
    #[arg(long)]
    no_check: bool,
    /// End after this step; start again goes on.
    #[arg(long, value_name = "STEP", value_parser = clap::builder::PossibleValuesParser::new(start::STEPS))]
    until: Option<String>,
}

#[derive(Args)]
struct Compare {
    #[command(flatten)]
    servers: Servers,
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
    /// The program, of the newer of the two majors or newer; without: the one that is found.
    #[arg(long, value_name = "PATH")]
    pg_dump: Option<String>,
    /// One JSON object on each line: the schema, then each table.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Check(arguments) => check(&arguments),
        Command::Start(arguments) => start(&arguments),
        Command::Compare(arguments) => compare(&arguments),
        Command::Status(arguments) => arguments.run(),
        Command::Switch(arguments) => arguments.run(),
        Command::Recopy(arguments) => arguments.run(),
        Command::Finish(arguments) => arguments.run(),
        Command::Abort(arguments) => arguments.run(),
        Command::Pages(pages) => pages.run(<Cli as clap::CommandFactory>::command()),
    };
    match done {
        Ok(status) => ExitCode::from(status),
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::from(report::FAILED)
        }
    }
}

fn check(arguments: &Check) -> Result<u8, Problem> {
    let (said, source, target) = arguments.servers.read()?;
    let options = check::Options {
        trust_source: arguments.trust_source || said.config.trust_source.unwrap_or_default(),
        jobs: arguments.jobs.or(said.config.jobs).unwrap_or(4),
        pg_bin: said.pg_bin,
    };
    let report = check::check(&source, &target, &options)?;
    let text = if arguments.json {
        report
            .json()
            .map_err(|error| Problem::new(error.to_string(), ""))?
    } else {
        report.text(arguments.servers.common.verbose)
    };
    println!("{text}");
    Ok(report.exit_status())
}

fn start(arguments: &Start) -> Result<u8, Problem> {
    let (said, source, target) = arguments.servers.read()?;
    let output = said.output()?;
    let for_target = arguments.source_for_target.as_deref();
    let config = &said.config;
    let named = arguments.name.clone().or_else(|| config.name.clone());
    let options = start::Options {
        name: named,
        jobs: arguments.jobs.or(config.jobs).unwrap_or(4).into(),
        trust_source: arguments.trust_source || config.trust_source.unwrap_or_default(),
        source_for_target: for_target
            .map(|connection| Server::new(Side::Source, connection))
            .transpose()?,
        index_memory: arguments.index_memory.clone(),
        snapshot_age: Duration::from_secs(arguments.snapshot_seconds),
        until: arguments.until.clone(),
    };
    if !arguments.no_check && !start::is_begun(&target) {
        let must = check::check(
            &source,
            &target,
            &check::Options {
                trust_source: options.trust_source,
                jobs: arguments.jobs.or(config.jobs).unwrap_or(4),
                pg_bin: said.pg_bin.clone(),
            },
        )?;
        if must.exit_status() != 0 {
            output.say(&must.text(false));
            let problem = Problem::new(
                "something must be mended first (above); nothing was changed on either side",
                "mend it, then dts-migrate start again; or --no-check",
            );
            return logged(&output, Err(problem));
        }
    }
    let done = start::start(&source, &target, &options, said.pg_bin.as_deref(), &output);
    logged(&output, done)?;
    Ok(0)
}

fn compare(arguments: &Compare) -> Result<u8, Problem> {
    let (said, mut source, mut destination) = arguments.servers.read()?;
    // after switch --back it is the old server that follows
    if !arguments.at_rest
        && let Ok((servers, Some(_))) = pair::find(&source, &destination, false)
    {
        (source, destination) = (servers.source, servers.target);
    }
    let pg_dump = match &arguments.pg_dump {
        Some(path) => path.clone(),
        None if arguments.rows_only => String::new(),
        None => {
            let major = source
                .connect()?
                .major()
                .max(destination.connect()?.major());
            config::programs(said.pg_bin.as_deref(), major)?.path("pg_dump")
        }
    };
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
        pg_dump,
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
        found.text(arguments.servers.common.verbose)
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
        for accepted in [
            &["status", "a", "b", "--json"][..],
            &[
                "switch",
                "a",
                "b",
                "--yes",
                "--back",
                "--max-downtime",
                "2.5",
            ],
            &["recopy", "host=a", "host=b", "t", "u", "--no-wait"],
            &["finish", "a", "b", "--open-old"],
            &["abort", "a", "--source-only", "--name", "m"],
        ] {
            let arguments = ["dts-migrate"].iter().chain(accepted);
            assert!(Cli::try_parse_from(arguments).is_ok(), "{accepted:?}");
        }
    }
}
