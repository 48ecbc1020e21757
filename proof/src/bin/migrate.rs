//! Started by `proof/migrate`, and with `--bench` by `bench/migrate`.

use dts_proof::migrate::database::Size;
use dts_proof::migrate::{bench, rounds};
use std::process::ExitCode;

fn main() -> ExitCode {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let mut seed = now.map_or(1, |now| now.as_secs() % 1_000_000);
    let (mut megabytes, mut tables, mut kills, mut aborts, mut tps, mut ddl) =
        (2048, 300, 6, 3, 200, 6);
    let (mut measure, mut jobs) = (false, 2);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().and_then(|value| value.parse::<u64>().ok());
        match (argument.as_str(), value) {
            ("--mb", Some(value)) => megabytes = value,
            ("--tables", Some(value)) => tables = value as usize,
            ("--seed", Some(value)) => seed = value,
            ("--kills", Some(value)) => kills = value as usize,
            ("--aborts", Some(value)) => aborts = value as usize,
            ("--tps", Some(value)) => tps = value as u32,
            ("--ddl", Some(value)) => ddl = value,
            ("--jobs", Some(value)) => jobs = value as usize,
            ("--bench", Some(value)) => measure = value > 0,
            _ => {
                eprintln!("start this by proof/migrate or bench/migrate, which say how");
                return ExitCode::from(2);
            }
        }
    }
    let size = Size {
        megabytes,
        tables,
        odd_names: !measure,
    };
    let directory = std::env::temp_dir();
    let violations = if measure {
        bench::run(&size, seed, jobs, &directory)
    } else {
        let plan = rounds::Plan {
            seed,
            size,
            kills,
            aborts,
            tps,
            ddl: ddl as f64,
            directory,
        };
        let violations = rounds::run(&plan).len();
        println!("violations: {violations}; again with: --seed {seed}");
        violations
    };
    ExitCode::from(u8::from(violations > 0))
}
