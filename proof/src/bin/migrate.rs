//! Started by `proof/migrate` and `bench/migrate`.

use dts_proof::migrate::{bench::Way, database, server::Pair};
use std::process::ExitCode;

fn main() -> ExitCode {
    let pair = Pair::new();
    let mb = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(2048);
    let start = std::time::Instant::now();
    let size = database::Size { megabytes: mb, tables: 300, odd_names: false };
    let tables = database::make(&pair.source, &size, 1);
    size.make_roles(&pair.target);
    let size = pair.source.column("shop", "SELECT pg_size_pretty(pg_database_size(current_database()))");
    let count = pair.source.column("shop", "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND oid > 16384");
    println!("{} tables, {count:?}, {size:?}, made in {:.1} s", tables.len(), start.elapsed().as_secs_f64());
    for way in [Way::Pgcopydb, Way::Dump, Way::Pgcopydb, Way::Dump] {
        match way.run(&pair, 2, &std::env::temp_dir()) {
            Ok(seconds) => println!("{}: {:.1?} s", way.name(), seconds),
            Err(problem) => println!("{}: {problem}", way.name()),
        }
        let size = pair.target.column("shop", "SELECT pg_size_pretty(pg_database_size(current_database()))");
        println!("{size:?}");
    }
    ExitCode::SUCCESS
}
