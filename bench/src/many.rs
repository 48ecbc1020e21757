//! Workloads of many objects, files or connections.

use crate::measure::{Samples, Table};
use crate::migration;
use crate::variants::{Bench, Variant};
use crate::workloads::{ROUND, in_sessions, in_turns, timed};
use postgres::{Client, NoTls};
use rand::seq::SliceRandom;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

fn run(program: &Path, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "{program:?} {arguments:?}"
    );
}

fn drop_databases(bench: &Bench, names: &[&str]) {
    let mut client = bench.cluster.connect("postgres");
    for name in names {
        let command = format!("DROP DATABASE {name} WITH (FORCE)");
        client.batch_execute(&command).expect("DROP DATABASE");
    }
}

fn drop_variants(bench: &Bench, variants: &[Variant]) {
    let names: Vec<&str> = variants.iter().map(|v| v.database.as_str()).collect();
    drop_databases(bench, &names);
}

/// The last tenth of samples.
fn last(samples: &[(String, Samples)]) -> Vec<(String, Samples)> {
    let tenth = |s: &Samples| Samples(s.0[s.0.len() * 9 / 10..].to_vec());
    samples
        .iter()
        .map(|(name, s)| (name.clone(), tenth(s)))
        .collect()
}

/// A table and its partitions.
pub fn partitions(bench: &Bench) -> Vec<Table> {
    let variants = bench.few("partitions");
    for variant in &variants {
        bench
            .connect(variant)
            .batch_execute(
                "CREATE TABLE parts (id integer, v text, PRIMARY KEY (id)) PARTITION BY RANGE (id)",
            )
            .expect("a table");
    }
    let n = bench.times(1000);
    // each variant counts for itself
    let next = |client: &mut Client| -> i64 {
        let query = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'parts'::regclass";
        client.query_one(query, &[]).expect("a count").get(0)
    };
    let made = in_sessions(bench, &variants, n, |_, client| {
        let i = next(client);
        timed(
            client,
            &format!(
                "CREATE TABLE part_{i} PARTITION OF parts FOR VALUES FROM ({i}) TO ({})",
                i + 1
            ),
        )
    });
    let changed = in_turns(bench, &variants, bench.times(7), |_, client| {
        timed(client, "ALTER TABLE parts ADD COLUMN w integer")
            + timed(client, "ALTER TABLE parts DROP COLUMN w")
    });
    let dropped = in_turns(bench, &variants, bench.times(7), |_, client| {
        client.batch_execute("BEGIN").expect("BEGIN");
        let time = timed(client, "DROP TABLE parts");
        client.batch_execute("ROLLBACK").expect("ROLLBACK");
        time
    });
    drop_variants(bench, &variants);
    vec![
        Table::of_samples(&format!("One of {n} partitions of a table"), &made),
        Table::of_samples("The last tenth of them", &last(&made)),
        Table::of_samples(
            &format!("ADD COLUMN, DROP COLUMN of a table with {n} partitions"),
            &changed,
        ),
        Table::of_samples(
            &format!("DROP TABLE of a table with {n} partitions"),
            &dropped,
        ),
    ]
}

/// A database with `n` tables; of `keyed` every one with a key.
fn tables(bench: &Bench, name: &str, n: usize, keyed: usize) {
    let create = format!("CREATE DATABASE {name} TEMPLATE template0");
    let mut client = bench.cluster.connect("postgres");
    client.batch_execute(&create).expect("a database");
    bench
        .cluster
        .connect(name)
        .batch_execute(&format!(
            "CREATE SCHEMA many;
             DO $$ BEGIN FOR i IN 1 .. {n} LOOP
               EXECUTE format('CREATE TABLE many.t%s (id integer %s, v integer)', i, CASE WHEN i % {keyed} = 0 THEN 'PRIMARY KEY' END);
             END LOOP; END $$"
        ))
        .expect("tables");
}

/// Commands about all tables of a schema with 10,000 of them.
pub fn schema(bench: &Bench) -> Vec<Table> {
    let n = bench.times(10_000).max(1000);
    tables(bench, "schema_template", n, 10);
    let variants = bench.few_of("schema", "schema_template");
    let granted = in_turns(bench, &variants, 4, |_, client| {
        let time = timed(
            client,
            "GRANT SELECT ON ALL TABLES IN SCHEMA many TO pg_monitor",
        );
        let revoke = "REVOKE SELECT ON ALL TABLES IN SCHEMA many FROM pg_monitor";
        client.batch_execute(revoke).expect(revoke);
        time
    });
    let dropped = in_turns(bench, &variants, 4, |_, client| {
        let begin = "SET client_min_messages = error; BEGIN";
        client.batch_execute(begin).expect(begin);
        let time = timed(client, "DROP SCHEMA many CASCADE");
        client.batch_execute("ROLLBACK").expect("ROLLBACK");
        time
    });
    drop_variants(bench, &variants);
    drop_databases(bench, &["schema_template"]);
    vec![
        Table::of_samples(
            &format!("GRANT ON ALL TABLES IN SCHEMA, {n} tables"),
            &granted,
        ),
        Table::of_samples(&format!("DROP SCHEMA CASCADE, {n} tables"), &dropped),
    ]
}

/// Takes `work` to new databases of all variants, `times` times.
fn afresh(
    bench: &Bench,
    topic: &str,
    times: usize,
    mut work: impl FnMut(&[Variant], &mut [f64]),
) -> Vec<(String, Samples)> {
    let mut samples: Vec<(String, Samples)> = Vec::new();
    for _ in 0..times {
        let variants = bench.few(topic);
        let mut took = vec![0.0; variants.len()];
        work(&variants, &mut took);
        for (i, variant) in variants.iter().enumerate() {
            if samples.len() <= i {
                samples.push((variant.name.clone(), Samples::default()));
            }
            samples[i].1.0.push(took[i]);
        }
        drop_variants(bench, &variants);
    }
    samples
}

/// A dump of a database without capture, restored where there is one.
pub fn restore(bench: &Bench) -> Vec<Table> {
    let n = bench.times(5000).max(500);
    tables(bench, "restore_source", n, 5);
    let programs = &bench.cluster.installation;
    let source = bench.cluster.connection_string("restore_source");
    run(
        &programs.program("pg_dump"),
        &["-Fc", "-f", "dump", "-d", &source],
    );
    drop_databases(bench, &["restore_source"]);
    let samples = afresh(bench, "restore", bench.times(3), |variants, took| {
        let mut order: Vec<usize> = (0..variants.len()).collect();
        order.shuffle(&mut rand::rng());
        for i in order {
            let target = bench.cluster.connection_string(&variants[i].database);
            let start = Instant::now();
            run(&programs.program("pg_restore"), &["-d", &target, "dump"]);
            took[i] = start.elapsed().as_secs_f64() * 1e6;
        }
        captured(bench, variants, n);
    });
    vec![Table::of_samples(
        &format!("pg_restore of {n} tables"),
        &samples,
    )]
}

/// Each capture has written at least `n` rows.
fn captured(bench: &Bench, variants: &[Variant], n: usize) {
    for variant in &variants[1..] {
        let query = "SELECT count(*) FROM public.dts_ddl_command";
        let rows: i64 = bench
            .connect(variant)
            .query_one(query, &[])
            .expect("rows")
            .get(0);
        assert!(rows >= n as i64, "{}: {rows} rows", variant.name);
    }
}

/// The files of a migration, each in a transaction; the variants take turns with every file.
pub fn migration(bench: &Bench) -> Vec<Table> {
    let files: Vec<String> = (0..migration::FILES).map(migration::file).collect();
    let samples = afresh(bench, "migration", bench.times(5), |variants, took| {
        let mut clients: Vec<Client> = variants.iter().map(|v| bench.connect(v)).collect();
        let mut order: Vec<usize> = (0..variants.len()).collect();
        for file in &files {
            order.shuffle(&mut rand::rng());
            for &i in &order {
                took[i] += timed(&mut clients[i], &format!("BEGIN;\n{file}COMMIT"));
            }
        }
        captured(bench, variants, migration::FILES);
    });
    vec![Table::of_samples(
        &format!("A migration of {} files", files.len()),
        &samples,
    )]
}

/// pgbouncer in front of the server; stopped when dropped.
struct Pool(Child);

impl Drop for Pool {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Connections of one command each, through a pool in transaction mode.
pub fn pool(bench: &Bench) -> Vec<Table> {
    let program = std::env::var("DTS_BENCH_PGBOUNCER").unwrap_or_default();
    if program.is_empty() {
        println!(
            "No pgbouncer: connections of one command each are those of the workload `first` only.\n"
        );
        return Vec::new();
    }
    let here = std::env::current_dir().expect("a directory");
    let settings = format!(
        "[databases]\n* = {}\n[pgbouncer]\npool_mode = transaction\nlisten_port = 6432\nunix_socket_dir = {}\nauth_type = any\nlogfile = pgbouncer.log\n",
        bench.cluster.connection_string("").replace(" dbname=", ""),
        here.display()
    );
    std::fs::write("pgbouncer.ini", settings).expect("pgbouncer.ini");
    let _pool = Pool(
        Command::new(program)
            .args(["-q", "pgbouncer.ini"])
            .spawn()
            .expect("pgbouncer"),
    );
    let connect = |variant: &Variant| {
        let user = bench
            .cluster
            .config("")
            .get_user()
            .expect("a user")
            .to_owned();
        postgres::Config::new()
            .host_path(&here)
            .port(6432)
            .user(&user)
            .dbname(&variant.database)
            .connect(NoTls)
    };
    let variants = bench.few("pool");
    let start = Instant::now();
    while connect(&variants[0]).is_err() {
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "pgbouncer does not answer"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    let samples = in_turns(bench, &variants, bench.times(500), |variant, _| {
        let start = Instant::now();
        for statement in ROUND {
            connect(variant)
                .expect("a pooled connection")
                .batch_execute(statement)
                .expect(statement);
        }
        start.elapsed().as_secs_f64() * 1e6
    });
    vec![Table::of_samples(
        "The round, each command by a connection of its own through pgbouncer (transaction pooling)",
        &samples,
    )]
}
