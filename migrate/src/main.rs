//! `dts-migrate`: see docs/compare.md.

use clap::{Args, Parser, Subcommand};
use dts_migrate::compare::{self, Options, Progress, report};
use dts_migrate::connection::{Server, Side};
use dts_migrate::problem::Problem;
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
    /// Whether the destination has what the source has, while both run and the stream flows.
    ///
    /// Exit status: 0 all the same, 1 something differs for no known reason, 2 something could not be compared, 3 what
    /// differs has a reason, or rows are undecided, or tables are still being copied.
    Compare(Compare),
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
    let Command::Compare(arguments) = Cli::parse().command;
    match run(&arguments) {
        Ok(status) => ExitCode::from(status),
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::from(report::FAILED)
        }
    }
}

fn run(arguments: &Compare) -> Result<u8, Problem> {
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
