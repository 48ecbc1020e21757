//! Live apply for long: DDL of all kinds mixed with row changes from several sessions at once, while either server is killed
//! again and again. At the end both sides are the same.
//!
//! What is sent depends on a seed, which is printed when the test fails; `DTS_TEST_SEED` repeats one, `DTS_TEST_COMMANDS`
//! asks for more than the usual number of commands.

use super::cluster;
use super::pair::{Node, Options, Pair, Servers, preloaded};
use super::server::server;
use postgres::Client;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const SESSIONS: u64 = 3;
/// As many commands are to be captured.
const COMMANDS: u64 = 500;
const KILLS: u32 = 5;

/// Xorshift: good enough to choose, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.roll(of.len() as u64) as usize]
    }
}

/// One session's way to choose statements. Names come from a small stock, so that many statements fail because something is
/// there already or is not; that is part of the test.
struct Session {
    dice: Dice,
    number: u64,
    next: u64,
}

impl Session {
    /// Mostly the session's own schema; the last one belongs to all.
    fn schema(&mut self) -> String {
        if self.dice.roll(8) == 0 {
            "shared".to_owned()
        } else {
            format!("s{}", self.number)
        }
    }

    fn table(&mut self) -> String {
        format!("{}.t{}", self.schema(), self.dice.roll(6))
    }

    /// Never twice the same.
    fn serial(&mut self) -> u64 {
        self.next += 1;
        self.next * SESSIONS + self.number
    }

    fn statement(&mut self) -> String {
        let (t, n) = (self.table(), self.serial());
        let c = self.dice.roll(4);
        let s = self.schema();
        let k = self.dice.roll(4);
        let base = n * 1000;
        match self.dice.roll(66) {
            0..=4 => format!("CREATE TABLE {t} (id bigint PRIMARY KEY, a text DEFAULT 'a', n numeric DEFAULT {k})"),
            5 | 6 => format!("CREATE TABLE {t} (id bigint, a text)"),
            7 => format!("CREATE TABLE {t} (id bigserial, a text NOT NULL DEFAULT 'x', CONSTRAINT ck_{n} CHECK (id > 0)); INSERT INTO {t} (a) VALUES ('y')"),
            8 | 9 => format!("CREATE TABLE {t} AS SELECT g::bigint + {base} AS id, 'as' || g AS a, random() AS r FROM generate_series(1, 20) g"),
            10 => format!("SELECT g::bigint + {base} AS id, md5(g::text) AS a, clock_timestamp() AS at INTO {t} FROM generate_series(1, 5) g"),
            11..=22 => format!("INSERT INTO {t} (id, a) SELECT {base} + g, 'i' || g FROM generate_series(1, {}) g", 1 + self.dice.roll(30)),
            23 => format!("INSERT INTO {t} (id, a) SELECT {base} + g, repeat(md5(g::text), 30) FROM generate_series(1, 300) g"),
            24..=27 => format!("UPDATE {t} SET a = 'u{n}' WHERE id % 3 = {}", self.dice.roll(3)),
            28 | 29 => format!("DELETE FROM {t} WHERE id % 7 = {}", self.dice.roll(7)),
            30 => format!("TRUNCATE {t}"),
            31..=33 => format!("ALTER TABLE {t} ADD COLUMN c{c} {}", self.dice.pick(&["int DEFAULT 5", "text", "timestamptz DEFAULT '2024-01-01'", "int[] DEFAULT '{1,2}'", "varchar(40) DEFAULT 'v'", "int GENERATED ALWAYS AS (3) STORED"])),
            34 => format!("ALTER TABLE {t} DROP COLUMN c{c}"),
            35 => format!("ALTER TABLE {t} ALTER COLUMN c{c} TYPE text USING c{c}::text || '!'"),
            36 => format!("ALTER TABLE {t} RENAME COLUMN c{c} TO c{}", self.dice.roll(4)),
            37 => format!("ALTER TABLE {t} RENAME TO t{}", self.dice.roll(6)),
            38 => format!("ALTER TABLE {t} SET SCHEMA {s}"),
            39 => format!("ALTER TABLE {t} ADD CONSTRAINT k{n} CHECK (a <> 'never{n}') NOT VALID, ALTER COLUMN a SET DEFAULT 'd{n}'"),
            40 => format!("ALTER TABLE {t} REPLICA IDENTITY {}", self.dice.pick(&["FULL", "FULL", "DEFAULT"])),
            41 | 42 => format!("CREATE INDEX i{k} ON {t} (a, id)"),
            // Of a table that nothing rewrites: of an index that it leaves invalid (a kill, a timeout) a rewriting ALTER TABLE would make
            // a valid one, and no row would tell (docs/limits.md).
            43 if self.dice.roll(4) == 0 => format!("DROP INDEX shared.p{k}"),
            43 => format!("CREATE INDEX CONCURRENTLY p{k} ON shared.plain (lower(a))"),
            44 => format!("DROP INDEX {s}.i{k}"),
            45 => format!("CREATE OR REPLACE VIEW {s}.v{k} AS SELECT id, a FROM {t}"),
            46 => format!("DROP VIEW {s}.v{k}"),
            47 => format!("CREATE MATERIALIZED VIEW {s}.m{k} AS SELECT count(*) AS n FROM {t}"),
            48 => format!("DROP MATERIALIZED VIEW {s}.m{k}"),
            49 => format!("CREATE OR REPLACE FUNCTION {s}.f{k}() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN NEW.a := coalesce(NEW.a, 'f{n}'); RETURN NEW; END $f$"),
            50 => format!("CREATE TRIGGER tr{k} BEFORE INSERT OR UPDATE ON {t} FOR EACH ROW EXECUTE FUNCTION {s}.f{k}()"),
            51 => format!("DROP FUNCTION {s}.f{k}() CASCADE"),
            52 => format!("CREATE TYPE {s}.e{k} AS ENUM ('a', 'b'); CREATE TABLE {t} (id bigint PRIMARY KEY, a text, e {s}.e{k} DEFAULT 'a')"),
            53 => format!("ALTER TYPE {s}.e{k} ADD VALUE 'v{n}'"),
            54 => format!("DROP TYPE {s}.e{k} CASCADE"),
            55 => format!("CREATE TABLE {s}.p{k} (id bigint, a text, PRIMARY KEY (id)) PARTITION BY HASH (id); CREATE TABLE {s}.p{k}_0 PARTITION OF {s}.p{k} FOR VALUES WITH (MODULUS 2, REMAINDER 0);
                           CREATE TABLE {s}.p{k}_1 PARTITION OF {s}.p{k} FOR VALUES WITH (MODULUS 2, REMAINDER 1); INSERT INTO {s}.p{k} SELECT {base} + g, 'p' FROM generate_series(1, 20) g"),
            56 | 57 => format!("INSERT INTO {s}.p{k} SELECT {base} + g, 'p' FROM generate_series(1, 20) g; UPDATE {s}.p{k} SET a = 'pu{n}' WHERE id % 5 = 0"),
            58 => format!("ALTER TABLE {s}.p{k} DETACH PARTITION {s}.p{k}_1"),
            59 => format!("DELETE FROM {s}.p{k}_1; ALTER TABLE {s}.p{k} ATTACH PARTITION {s}.p{k}_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1)"),
            60 => format!("COMMENT ON TABLE {t} IS 'comment {n}'; GRANT SELECT ON {t} TO PUBLIC"),
            61 => format!("CREATE SEQUENCE {s}.q{k} INCREMENT {n}; ALTER SEQUENCE {s}.q{k} MINVALUE -5"),
            62 => format!("DROP SEQUENCE {s}.q{k}"),
            63 => format!("DO $$ BEGIN FOR i IN 1..3 LOOP EXECUTE format('CREATE TABLE {s}.d{n}_%s AS SELECT %s AS id, ''do''::text AS a', i, i); EXECUTE format('INSERT INTO {s}.d{n}_%s VALUES (9, ''x'')', i); END LOOP; EXECUTE 'DROP TABLE {s}.d{n}_2'; END $$"),
            _ => format!("DROP TABLE {t} CASCADE"),
        }
    }

    /// One transaction, or one statement by itself. Whatever the server says is right.
    fn act(&mut self, client: &mut Client) {
        if self.dice.roll(3) == 0 {
            let _ = client.batch_execute(&self.statement());
            return;
        }
        if client.batch_execute("BEGIN").is_err() {
            return;
        }
        for _ in 0..=self.dice.roll(6) {
            let statement = self.statement();
            if statement.contains("CONCURRENTLY") {
                continue;
            }
            let done = client.batch_execute("SAVEPOINT s").is_ok()
                && client.batch_execute(&statement).is_ok();
            if !done || self.dice.roll(10) == 0 {
                let _ = client.batch_execute("ROLLBACK TO s");
            }
        }
        let end = if self.dice.roll(8) == 0 {
            "ROLLBACK"
        } else {
            "COMMIT"
        };
        let _ = client.batch_execute(end);
    }
}

/// A connection, while the server may be down.
fn connected(node: &Node) -> Client {
    let start = Instant::now();
    loop {
        let mut config = node.cluster().config(&node.database);
        config.options("-c statement_timeout=30s -c lock_timeout=500ms -c deadlock_timeout=100ms -c client_min_messages=error");
        match config.connect(postgres::NoTls) {
            Ok(client) => return client,
            Err(error) => assert!(start.elapsed() < Duration::from_secs(60), "{error}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn number_from(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| {
        value
            .parse()
            .unwrap_or_else(|error| panic!("{name}: {error}"))
    })
}

#[test]
fn all_kinds_under_kills() {
    let seed = number_from("DTS_TEST_SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("a clock");
        u64::from(now.subsec_nanos()) + 1
    });
    let commands = number_from("DTS_TEST_COMMANDS").unwrap_or(COMMANDS);
    // printed with a failure only
    println!("DTS_TEST_SEED={seed}");
    let servers = Servers::new(cluster::under_test());
    // 18 tells subscribers that a subtransaction is aborted of which it never sent anything, when a transaction does not fit
    // into this memory and is known to be aborted (after a crash it is). Apply workers of any version die of that.
    let work_mem = if server().major == 18 { "1GB" } else { "64kB" };
    let pair = Pair::on(
        &servers,
        &Options {
            topic: "long",
            work_mem,
            ..Options::default()
        },
    );
    pair.source
        .run("CREATE SCHEMA s0; CREATE SCHEMA s1; CREATE SCHEMA s2; CREATE SCHEMA shared; CREATE TABLE shared.plain (id bigint PRIMARY KEY, a text);
              INSERT INTO shared.plain SELECT g, 'A' || g FROM generate_series(1, 100) g");
    let history = pair.source.last_id() - 5;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let sessions: Vec<_> = (0..SESSIONS)
            .map(|number| {
                let (source, done) = (&pair.source, &done);
                scope.spawn(move || {
                    let mut session = Session {
                        dice: Dice((seed + number).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
                        number,
                        next: 0,
                    };
                    let mut client = connected(source);
                    while !done.load(Ordering::Relaxed) {
                        if client.is_closed() {
                            client = connected(source);
                        }
                        session.act(&mut client);
                    }
                })
            })
            .collect();
        let mut dice = Dice(seed.wrapping_mul(0x2545_F491_4F6C_DD1D) | 1);
        let start = Instant::now();
        for kill in 1..=KILLS {
            // evenly over the commands, so that a slow machine is killed as often as a fast one
            let due = commands * u64::from(kill) / u64::from(KILLS);
            while connected(&pair.source)
                .query_one("SELECT last_value FROM public.dts_ddl_command_id_seq", &[])
                .is_ok_and(|row| row.get::<_, i64>(0) < due as i64)
                && start.elapsed() < Duration::from_secs(120)
            {
                assert!(
                    !sessions.iter().any(|session| session.is_finished()),
                    "a session ended"
                );
                std::thread::sleep(Duration::from_millis(20 + dice.roll(50)));
            }
            let node = if kill % 2 == 0 {
                &servers.source
            } else {
                &servers.destination
            };
            node.kill_and_start(&preloaded());
        }
        std::thread::sleep(Duration::from_millis(500));
        done.store(true, Ordering::Relaxed);
    });
    pair.check();
    let number = |query: &str| -> u64 { pair.source.value(query).parse().expect("a number") };
    let rows = number("SELECT count(*) FROM public.dts_ddl_command");
    assert!(rows * 2 > commands, "only {rows} commands");
    // each once: nothing twice, nothing left out
    let applied = pair.destination.column("SELECT id FROM dts_ddl.apply_log WHERE status IN ('applied', 'not for replay') ORDER BY id");
    assert_eq!(
        applied,
        pair.source.column(&format!(
            "SELECT id FROM public.dts_ddl_command WHERE id > {history} ORDER BY id"
        ))
    );
}
