//! What is measured.

use crate::many;
use crate::measure::{FLOOR, Line, Samples, Table};
use crate::variants::{Bench, Kind, Variant};
use postgres::Client;
use rand::seq::SliceRandom;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub type Workload = fn(&Bench) -> Vec<Table>;
pub const ALL: [(&str, Workload); 15] = [
    ("round", round),
    ("kept", kept),
    ("cheap", cheap),
    ("other", other),
    ("temporary", temporary),
    ("string", string),
    ("sessions", sessions),
    ("first", first),
    ("pool", many::pool),
    ("partitions", many::partitions),
    ("schema", many::schema),
    ("restore", many::restore),
    ("migration", many::migration),
    ("dml", dml),
    ("size", size),
];

/// Whether `timed` gives the time of the processor instead of that of the clock.
pub static PROCESSOR: AtomicBool = AtomicBool::new(false);

/// How long a statement takes, in microseconds.
pub fn timed(client: &mut Client, statement: &str) -> f64 {
    // what a look costs is in the second difference
    let looks = PROCESSOR.load(Ordering::Relaxed).then(|| {
        let first = processor_time(client);
        (first, processor_time(client))
    });
    let start = Instant::now();
    client
        .batch_execute(statement)
        .unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    match looks {
        Some((first, second)) => (processor_time(client) - second) - (second - first),
        None => start.elapsed().as_secs_f64() * 1e6,
    }
}

/// What the backend has used so far, as Linux counts it whenever a process begins to wait.
fn processor_time(client: &mut Client) -> f64 {
    let query = "SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::float8 / 1000";
    client.query_one(query, &[]).expect(query).get(0)
}

/// Runs `work` on each variant in turn, in another order each time; one more time before, not counted.
pub fn in_turns(
    bench: &Bench,
    variants: &[Variant],
    times: usize,
    mut work: impl FnMut(&Variant, &mut Client) -> f64,
) -> Vec<(String, Samples)> {
    let mut clients: Vec<Client> = variants.iter().map(|v| bench.connect(v)).collect();
    let mut samples: Vec<(String, Samples)> = variants
        .iter()
        .map(|v| (v.name.clone(), Samples::default()))
        .collect();
    let mut order: Vec<usize> = (0..variants.len()).collect();
    for round in 0..=times {
        // dead rows in the catalogs would slow down later rounds, and not all variants alike
        if round % 500 == 0 {
            for client in &mut clients {
                client.batch_execute("VACUUM").expect("VACUUM");
            }
        }
        order.shuffle(&mut rand::rng());
        for &i in &order {
            let time = work(&variants[i], &mut clients[i]);
            if round > 0 {
                samples[i].1.0.push(time);
            }
        }
    }
    samples
}

/// The same in ten sessions of each variant, one after the other: how the memory of one happens to lie can make it slower than
/// another for as long as it lives.
pub fn in_sessions(
    bench: &Bench,
    variants: &[Variant],
    times: usize,
    mut work: impl FnMut(&Variant, &mut Client) -> f64,
) -> Vec<(String, Samples)> {
    let mut all = Vec::new();
    for _ in 0..10 {
        let some = in_turns(bench, variants, times.div_ceil(10), &mut work);
        if all.is_empty() {
            all = some;
        } else {
            for (samples, more) in all.iter_mut().zip(some) {
                samples.1.0.extend(more.1.0);
            }
        }
    }
    all
}

pub const ROUND: [&str; 3] = [
    "CREATE TABLE bench_round (id integer PRIMARY KEY, v text)",
    "ALTER TABLE bench_round ADD COLUMN w integer",
    "DROP TABLE bench_round",
];

fn one_round(variant: &Variant, client: &mut Client) -> f64 {
    // pglogical does not let a table of a replication set be dropped otherwise
    let cascade = variant.kind == Kind::PglDdlDeploy;
    let [create, alter, drop] = ROUND;
    let drop = if cascade {
        "DROP TABLE bench_round CASCADE"
    } else {
        drop
    };
    [create, alter, drop]
        .iter()
        .map(|statement| timed(client, statement))
        .sum()
}

fn round(bench: &Bench) -> Vec<Table> {
    let variants = bench.standard("round");
    let samples = in_sessions(bench, &variants, bench.times(1500), one_round);
    vec![Table::of_samples(
        "A round of CREATE TABLE, ALTER TABLE, DROP TABLE",
        &samples,
    )]
}

fn kept(bench: &Bench) -> Vec<Table> {
    let variants = [
        bench.variant("kept", "no capture", Kind::None, 0),
        bench.variant("kept", FLOOR, Kind::Floor, 0),
        bench.variant(
            "kept",
            "PL/pgSQL function, 10,000 rows kept",
            Kind::PlPgSql,
            10_000,
        ),
        bench.variant(
            "kept",
            "extension, 10,000 rows kept",
            Kind::Extension,
            10_000,
        ),
        bench.variant(
            "kept",
            "extension, 1,000,000 rows kept",
            Kind::Extension,
            1_000_000,
        ),
    ];
    let samples = in_turns(bench, &variants, bench.times(1000), one_round);
    vec![Table::of_samples(
        "The same round where many rows are kept",
        &samples,
    )]
}

/// A command that is run again and again.
struct Single {
    title: &'static str,
    /// Run once in each database.
    prepare: &'static str,
    /// Run each time before, not measured.
    before: &'static str,
    command: &'static str,
}

/// A table for each.
fn singles(bench: &Bench, variants: &[Variant], times: usize, all: &[Single]) -> Vec<Table> {
    let table = |single: &Single| {
        for variant in variants {
            let mut client = bench.connect(variant);
            client.batch_execute(single.prepare).expect(single.prepare);
        }
        let samples = in_sessions(bench, variants, bench.times(times), |_, client| {
            client.batch_execute(single.before).expect(single.before);
            timed(client, single.command)
        });
        Table::of_samples(single.title, &samples)
    };
    all.iter().map(table).collect()
}

fn cheap(bench: &Bench) -> Vec<Table> {
    let commands = [
        Single {
            title: "A cheap command: CREATE OR REPLACE FUNCTION",
            prepare: "",
            before: "",
            command: "CREATE OR REPLACE FUNCTION f(i integer) RETURNS integer LANGUAGE sql AS 'SELECT i + 1'",
        },
        Single {
            title: "A cheap command: COMMENT",
            prepare: "",
            before: "",
            command: "COMMENT ON SCHEMA public IS 'a comment'",
        },
        Single {
            title: "A cheap command: GRANT",
            prepare: "",
            before: "REVOKE USAGE ON SCHEMA public FROM pg_monitor",
            command: "GRANT USAGE ON SCHEMA public TO pg_monitor",
        },
    ];
    singles(bench, &bench.standard("cheap"), 2000, &commands)
}

/// What captures have little or nothing to do with, and what is run often.
fn other(bench: &Bench) -> Vec<Table> {
    let commands = [
        Single {
            title: "CREATE TABLE IF NOT EXISTS that does nothing",
            prepare: "CREATE TABLE there (id integer)",
            before: "SET client_min_messages = error",
            command: "CREATE TABLE IF NOT EXISTS there (id integer)",
        },
        Single {
            title: "TRUNCATE of a small table",
            prepare: "CREATE TABLE emptied (id integer, v text)",
            before: "INSERT INTO emptied VALUES (1, 'a'), (2, 'b')",
            command: "TRUNCATE emptied",
        },
        Single {
            title: "REFRESH MATERIALIZED VIEW of 100 rows",
            prepare: "CREATE MATERIALIZED VIEW fresh AS SELECT i, i::text AS v FROM generate_series(1, 100) i",
            before: "",
            command: "REFRESH MATERIALIZED VIEW fresh",
        },
    ];
    singles(bench, &bench.few("other"), 1000, &commands)
}

fn temporary(bench: &Bench) -> Vec<Table> {
    let commands = [
        Single {
            title: "A transaction with CREATE TEMP TABLE .. ON COMMIT DROP",
            prepare: "",
            before: "",
            command: "BEGIN; CREATE TEMP TABLE basket (id integer, v text) ON COMMIT DROP;
                      INSERT INTO basket VALUES (1, 'a'), (2, 'b'), (3, 'c'); SELECT count(*) FROM basket; COMMIT",
        },
        Single {
            title: "The same in a function",
            prepare: "CREATE FUNCTION work() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN
                        CREATE TEMP TABLE basket (id integer, v text) ON COMMIT DROP;
                        INSERT INTO basket VALUES (1, 'a'), (2, 'b'), (3, 'c');
                        RETURN (SELECT count(*) FROM basket);
                      END $$",
            before: "",
            command: "SELECT work()",
        },
    ];
    singles(bench, &bench.few("temporary"), 1500, &commands)
}

/// A file in one string: what a statement of it costs must not depend on its length.
fn string(bench: &Bench) -> Vec<Table> {
    let variants = [
        bench.variant("string", "no capture", Kind::None, 0),
        bench.variant("string", FLOOR, Kind::Floor, 0),
        bench.variant("string", "extension", Kind::Extension, 0),
    ];
    let text = |n: usize| -> String {
        (0..n)
            .map(|i| format!("CREATE FUNCTION s.f{i}(i integer) RETURNS integer LANGUAGE sql AS 'SELECT i + {i}';\n"))
            .collect()
    };
    let mut tables = Vec::new();
    for n in [1_000, 10_000] {
        let text = text(n);
        let samples = in_turns(
            bench,
            &variants,
            bench.times(10_000 * 5 / n),
            |_, client| {
                client
                    .batch_execute("CREATE SCHEMA s")
                    .expect("CREATE SCHEMA");
                let time = timed(client, &text) / n as f64;
                client
                    .batch_execute("SET client_min_messages = error; DROP SCHEMA s CASCADE")
                    .expect("DROP SCHEMA");
                time
            },
        );
        let mut table = Table::of_samples(
            &format!("One statement of a string of {n} CREATE FUNCTION"),
            &samples,
        );
        table.in_picture = n == 10_000;
        tables.push(table);
    }
    // The PL/pgSQL function stores the whole string with each statement, and is measured with the short one only.
    let variants = [
        bench.variant("short", "no capture", Kind::None, 0),
        bench.variant("short", FLOOR, Kind::Floor, 0),
        bench.variant("short", "PL/pgSQL function", Kind::PlPgSql, 0),
    ];
    let text = text(1_000);
    let samples = in_turns(bench, &variants, bench.times(5), |_, client| {
        client
            .batch_execute("CREATE SCHEMA s")
            .expect("CREATE SCHEMA");
        let time = timed(client, &text) / 1_000.0;
        client
            .batch_execute("SET client_min_messages = error; DROP SCHEMA s CASCADE")
            .expect("DROP SCHEMA");
        time
    });
    let mut table = Table::of_samples(
        "The same with the PL/pgSQL function, 1000 statements",
        &samples,
    );
    table.in_picture = false;
    tables.push(table);
    tables
}

/// Eight sessions at once, each with a table of its own.
fn sessions(bench: &Bench) -> Vec<Table> {
    const SESSIONS: usize = 8;
    let variants = [
        bench.variant("sessions", "no capture", Kind::None, 0),
        bench.variant("sessions", FLOOR, Kind::Floor, 0),
        bench.variant("sessions", "PL/pgSQL function", Kind::PlPgSql, 0),
        bench.variant(
            "sessions",
            "PL/pgSQL function, 10,000 rows kept",
            Kind::PlPgSql,
            10_000,
        ),
        bench.variant("sessions", "extension", Kind::Extension, 0),
        bench.variant(
            "sessions",
            "extension, 10,000 rows kept",
            Kind::Extension,
            10_000,
        ),
    ];
    let rounds = 40;
    let mut waits = vec![0_i64; variants.len()];
    let mut looks = 0;
    let samples = in_turns(bench, &variants, bench.times(10), |variant, _| {
        let place = variants
            .iter()
            .position(|v| v.name == variant.name)
            .unwrap_or(0);
        let mut observer = bench.connect(variant);
        let clients: Vec<Client> = (0..SESSIONS).map(|_| bench.connect(variant)).collect();
        let start = Instant::now();
        std::thread::scope(|scope| {
            let workers: Vec<_> = clients
                .into_iter()
                .enumerate()
                .map(|(number, mut client)| {
                    scope.spawn(move || {
                        for _ in 0..rounds {
                            for statement in ROUND {
                                timed(
                                    &mut client,
                                    &statement.replace("bench_round", &format!("t{number}")),
                                );
                            }
                        }
                    })
                })
                .collect();
            while !workers.iter().all(|worker| worker.is_finished()) {
                std::thread::sleep(Duration::from_millis(20));
                let waiting: i64 = observer
                    .query_one("SELECT count(*) FROM pg_locks WHERE NOT granted", &[])
                    .expect("pg_locks")
                    .get(0);
                waits[place] += waiting;
                looks += 1;
            }
        });
        start.elapsed().as_secs_f64() * 1e6 / (SESSIONS * rounds) as f64
    });
    let mut table = Table::of_samples(
        "Eight sessions at once: a round, by the clock of all",
        &samples,
    );
    let seen: Vec<String> = variants
        .iter()
        .zip(&waits)
        .map(|(v, n)| format!("{}: {n}", v.name))
        .collect();
    table.note = format!(
        "Sessions seen waiting for a lock, in {looks} looks all in all: {}.",
        seen.join("; ")
    );
    vec![table]
}

/// The first DDL of a new connection, which loads the library.
fn first(bench: &Bench) -> Vec<Table> {
    let mut variants = bench.few("first");
    variants.push(bench.variant(
        "first",
        "extension, session_preload_libraries",
        Kind::Extension,
        0,
    ));
    let preloaded = variants.last().expect("the one just added");
    bench
        .connect(preloaded)
        .batch_execute(&format!(
            "ALTER DATABASE {} SET session_preload_libraries = 'dts_ddl_capture'",
            preloaded.database
        ))
        .expect("ALTER DATABASE");
    let statement = "CREATE TABLE bench_first (id integer PRIMARY KEY, v text)";
    let mut command = Vec::new();
    let with_connection = in_turns(bench, &variants, bench.times(300), |variant, client| {
        let start = Instant::now();
        let mut fresh = bench.connect(variant);
        let connected = start.elapsed().as_secs_f64() * 1e6;
        let time = timed(&mut fresh, statement);
        command.push((variant.name.clone(), time));
        client
            .batch_execute("DROP TABLE bench_first")
            .expect("DROP TABLE");
        connected + time
    });
    let alone: Vec<(String, Samples)> = variants
        .drain(..)
        .map(|variant| {
            let of_it = command.iter().filter(|(name, _)| *name == variant.name);
            let times = of_it.map(|(_, time)| *time).skip(1).collect();
            (variant.name, Samples(times))
        })
        .collect();
    let mut tables = vec![
        Table::of_samples("The first DDL of a new connection", &alone),
        Table::of_samples("Connecting and the first DDL", &with_connection),
    ];
    for table in &mut tables {
        table.in_picture = false;
    }
    tables
}

/// DML of a session that has the library loaded, since a DDL command ran in it.
fn dml(bench: &Bench) -> Vec<Table> {
    let variants = [
        bench.variant("dml", "no capture", Kind::None, 0),
        bench.variant("dml", "extension loaded", Kind::Extension, 0),
    ];
    let samples = in_turns(bench, &variants, bench.times(6000), |_, client| {
        // a table of the session's own, made when it is not there
        let made = client
            .query_one("SELECT to_regclass('rows') IS NULL", &[])
            .expect("a look")
            .get(0);
        if made {
            client
                .batch_execute("CREATE TABLE rows (id integer PRIMARY KEY, v text); ALTER TABLE rows REPLICA IDENTITY DEFAULT; INSERT INTO rows SELECT i, 'x' FROM generate_series(1, 1000) i")
                .expect("a table");
        }
        timed(client, "UPDATE rows SET v = 'y' WHERE id = 500")
            + timed(client, "SELECT v FROM rows WHERE id = 7")
            + timed(
                client,
                "INSERT INTO rows SELECT 1001, 'z'; DELETE FROM rows WHERE id = 1001",
            )
    });
    vec![Table::of_samples(
        "UPDATE, SELECT, INSERT and DELETE in a session that has the library loaded",
        &samples,
    )]
}

/// Bytes stored for a row beyond its statement.
fn size(bench: &Bench) -> Vec<Table> {
    let variant = bench.variant("size", "extension", Kind::Extension, 0);
    let mut client = bench.connect(&variant);
    client
        .batch_execute(
            "CREATE SCHEMA app; CREATE TABLE app.customer (id integer PRIMARY KEY, name text);
             ALTER TABLE app.customer ADD COLUMN mail text; CREATE INDEX ON app.customer (name);
             CREATE VIEW app.names AS SELECT name FROM app.customer; COMMENT ON TABLE app.customer IS 'c';
             CREATE FUNCTION app.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'; GRANT SELECT ON app.customer TO pg_monitor;
             CREATE TYPE app.kind AS ENUM ('a'); CREATE SEQUENCE app.s; DROP VIEW app.names; DROP TABLE app.customer",
        )
        .expect("commands");
    let rows = client
        .query(
            "SELECT tag, (pg_column_size(c.*) - octet_length(ddl_text))::float8 FROM public.dts_ddl_command c ORDER BY id",
            &[],
        )
        .expect("rows");
    vec![Table {
        title: "Bytes stored for a row beyond its statement".to_owned(),
        unit: "bytes",
        lines: rows
            .iter()
            .map(|row| Line {
                variant: row.get(0),
                value: row.get(1),
                ..Line::default()
            })
            .collect(),
        note: String::new(),
        in_picture: false,
    }]
}
