//! What users do while their database is migrated: pgbench, and the DDL and DML of deployments that hurt.
//!
//! Statements depend on the seed and the session only; what they meet (locks, kills, each other) depends on the moment, and
//! errors are part of it. Each ALTER TABLE is preceded by the lock that it takes, so that how long it waited is known
//! without how long it worked.

use super::database::{OWNER, Table};
use super::dice::Dice;
use super::server::{DATABASE, Server};
use crate::lock;
use postgres::Client;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What the loads' sessions are called in pg_stat_activity.
const NAME: &str = "load";
/// What the tables of the load need.
const BEFORE: &str = "
    CREATE TYPE load.colour AS ENUM ('red');
    CREATE TABLE load.p (id int NOT NULL, v text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
    CREATE TABLE load.p_rest PARTITION OF load.p DEFAULT;
    CREATE TABLE load.heartbeat (n bigint PRIMARY KEY);
    CREATE VIEW load.v AS SELECT 1 AS one;
    CREATE FUNCTION load.f(i int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
    DO $$ BEGIN FOR n IN 0..11 LOOP
      EXECUTE format('CREATE TABLE %s.l%s (id serial PRIMARY KEY, a int, b text, c load.colour DEFAULT ''red'')',
        CASE WHEN n % 3 = 0 THEN 'load2' ELSE 'load' END, n);
    END LOOP; END $$";
const SAMPLE: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Everything.
    Hard,
    /// Changes nothing in the end, and waits as long as it has to: for programs that a real one would break.
    Gentle,
}

pub struct Load<'a> {
    source: &'a Server,
    tables: &'a [Table],
    kind: Kind,
    seed: u64,
    stop: AtomicBool,
    log: Mutex<File>,
    seen: Mutex<Seen>,
}

/// Of the phase that runs.
#[derive(Default)]
struct Seen {
    /// Seconds for which each ALTER TABLE waited.
    waits: Vec<f64>,
    /// By SQLSTATE, and `ok`.
    outcomes: BTreeMap<String, u64>,
    /// Seconds for which users waited for sessions that are no users, by their names.
    blockers: BTreeMap<String, f64>,
}

/// A statement, with the table that it locks if it is an ALTER TABLE.
struct Step {
    sql: String,
    alters: Option<String>,
}

impl Step {
    fn run(&self, client: &mut Client, waits: &mut Vec<f64>) -> Result<(), postgres::Error> {
        if let Some(table) = &self.alters {
            let start = Instant::now();
            let locked =
                client.batch_execute(&format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"));
            waits.push(start.elapsed().as_secs_f64());
            locked?;
        }
        client.batch_execute(&self.sql)
    }
}

impl<'a> Load<'a> {
    /// Statements that succeeded are written to the file.
    pub fn new(source: &'a Server, tables: &'a [Table], kind: Kind, seed: u64, log: File) -> Self {
        Self {
            source,
            tables,
            kind,
            seed,
            stop: AtomicBool::new(false),
            log: Mutex::new(log),
            seen: Mutex::default(),
        }
    }

    /// Once for each database.
    pub fn prepare(source: &Server) {
        let sql = format!("SET ROLE {OWNER}; {BEFORE}");
        source
            .connect(DATABASE)
            .batch_execute(&sql)
            .expect("tables of the load");
    }

    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    fn runs(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    /// What was seen since it was last asked.
    pub fn phase(&self) -> Figures {
        let seen = std::mem::take(&mut *lock(&self.seen));
        Figures::of(seen)
    }

    /// One session, until stopped; a few of its transactions a second.
    pub fn session(&self, number: u64, per_second: f64) {
        let mut dice = Dice::new(self.seed, 100 + number);
        let mut connection = None;
        let pause = Duration::from_secs_f64(1.0 / per_second);
        while self.runs() {
            let start = Instant::now();
            if self.kind == Kind::Gentle {
                let table = self.any_table(&mut dice);
                let column = dice.roll(1000);
                let steps = ["ADD", "DROP"].map(|verb| Step {
                    sql: format!(
                        "ALTER TABLE {table} {verb} COLUMN gentle_{column}{}",
                        if verb == "ADD" { " int" } else { "" }
                    ),
                    alters: Some(table.clone()),
                });
                self.transaction(&mut connection, &steps, true);
            } else if dice.one_in(5) {
                let step = alone(&mut dice);
                self.transaction(&mut connection, &[step], false);
            } else {
                let count = [1, 1, 1, 2, 3, 5][dice.roll(6)];
                let steps: Vec<Step> = (0..count).map(|_| self.ordinary(&mut dice)).collect();
                self.transaction(&mut connection, &steps, true);
            }
            // (a fraction of the time also when it took long: nothing else would keep the rate below what is asked)
            std::thread::sleep(pause.saturating_sub(start.elapsed()).max(pause / 10));
        }
    }

    fn transaction(&self, connection: &mut Option<Client>, steps: &[Step], block: bool) {
        let client = match connection {
            Some(client) if !client.is_closed() => client,
            _ => match self.connect() {
                Ok(client) => connection.insert(client),
                Err(error) => return self.count(&code(&error)),
            },
        };
        let (mut waits, mut done) = (Vec::new(), Vec::new());
        let mut run = || {
            if block {
                client.batch_execute("BEGIN")?;
            }
            for step in steps {
                if block {
                    client.batch_execute("SAVEPOINT step")?;
                }
                match step.run(client, &mut waits) {
                    Ok(()) => done.push(step),
                    Err(error) => {
                        self.count(&code(&error));
                        if block {
                            client.batch_execute("ROLLBACK TO step")?;
                        }
                    }
                }
            }
            if block {
                client.batch_execute("COMMIT")
            } else {
                Ok(())
            }
        };
        let outcome = run();
        lock(&self.seen).waits.append(&mut waits);
        match outcome {
            Ok(()) => {
                let mut log = lock(&self.log);
                for step in done {
                    self.count("ok");
                    let _ = writeln!(log, "{};", step.sql);
                }
                let _ = writeln!(log, "--");
            }
            Err(error) => {
                let _ = client.batch_execute("ROLLBACK");
                self.count(&code(&error));
            }
        }
    }

    fn count(&self, outcome: &str) {
        *lock(&self.seen)
            .outcomes
            .entry(outcome.to_owned())
            .or_default() += 1;
    }

    fn connect(&self) -> Result<Client, postgres::Error> {
        let mut config = self.source.cluster.config(DATABASE);
        let mut client = config
            .user(OWNER)
            .application_name(NAME)
            .connect(postgres::NoTls)?;
        let patience = match self.kind {
            Kind::Hard => "30s",
            Kind::Gentle => "0",
        };
        client.batch_execute(&format!(
            "SET lock_timeout = '{patience}'; SET client_min_messages = error"
        ))?;
        Ok(client)
    }

    /// pgbench's own transactions, as many a second; again when its server was killed.
    pub fn pgbench(&self, tps: u32) {
        let rate = tps.to_string();
        while self.runs() {
            let mut command = self.source.program("pgbench");
            command.args(["-n", "-c", "4", "-j", "1", "-T", "36000", "-R", &rate]);
            command.env("PGUSER", OWNER).env("PGAPPNAME", NAME);
            let mut child = command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("pgbench");
            while self.runs() && matches!(child.try_wait(), Ok(None)) {
                std::thread::sleep(SAMPLE);
            }
            let _ = child.kill();
            let _ = child.wait();
            std::thread::sleep(SAMPLE);
        }
    }

    /// Looks whom users wait for, until stopped.
    pub fn watch(&self) {
        let waiting = format!(
            "SELECT DISTINCT a.pid, coalesce(nullif(b.application_name, ''), b.backend_type)
             FROM pg_stat_activity a, unnest(pg_blocking_pids(a.pid)) AS p JOIN pg_stat_activity b ON b.pid = p
             WHERE a.wait_event_type = 'Lock' AND a.application_name = '{NAME}' AND b.application_name <> '{NAME}'"
        );
        let mut connection = None;
        while self.runs() {
            std::thread::sleep(SAMPLE);
            let client = match &mut connection {
                Some(client) => client,
                none => match self.source.try_connect(DATABASE, "postgres") {
                    Ok(client) => none.insert(client),
                    Err(_) => continue,
                },
            };
            let Ok(rows) = client.query(&waiting, &[]) else {
                connection = None;
                continue;
            };
            let mut seen = lock(&self.seen);
            for row in rows {
                let name: String = row.get(1);
                let name = name
                    .trim_end_matches(|c: char| c.is_ascii_digit() || c == '_')
                    .to_owned();
                *seen.blockers.entry(name).or_default() += SAMPLE.as_secs_f64();
            }
        }
    }

    /// One of the database's own.
    fn any_table(&self, dice: &mut Dice) -> String {
        loop {
            let table = dice.pick(self.tables);
            if table.alterable {
                return table.name.clone();
            }
        }
    }

    /// What can stand in a transaction with others.
    fn ordinary(&self, dice: &mut Dice) -> Step {
        let (table, number) = (small(dice), dice.roll(1_000_000));
        let alter = |table: &str, what: String| Step {
            sql: format!("ALTER TABLE {table} {what}"),
            alters: Some(table.to_owned()),
        };
        let other = |sql: String| Step { sql, alters: None };
        match dice.roll(64) {
            0..=4 => other(format!(
                "CREATE TABLE {table} (id serial PRIMARY KEY, a int, b text DEFAULT 'b', c load.colour DEFAULT 'red')"
            )),
            5 => other(format!("CREATE TABLE {table} (a int, b text)")),
            6 => other(format!(
                "CREATE TABLE {table} AS SELECT g AS id, g AS a, 'x' || g AS b FROM generate_series(1, 500) g"
            )),
            7 | 8 => other(format!("DROP TABLE {table}")),
            9 => other(format!("DROP TABLE IF EXISTS {table} CASCADE")),
            10 | 11 => {
                let (_, bare) = table.split_once('.').expect("a schema");
                let to = format!("l{}", dice.roll(SMALL));
                if bare == to {
                    alter(&table, "RENAME b TO bb".to_owned())
                } else {
                    alter(&table, format!("RENAME TO {to}"))
                }
            }
            12 => alter(
                &table,
                format!("SET SCHEMA {}", dice.pick(&["load", "load2"])),
            ),
            13 | 14 => alter(
                &table,
                format!("ADD COLUMN n{} int DEFAULT {number}", dice.roll(5)),
            ),
            15 => alter(&table, format!("DROP COLUMN IF EXISTS n{}", dice.roll(5))),
            16 => alter(
                &table,
                format!(
                    "ALTER a TYPE {} USING a::int",
                    dice.pick(&["bigint", "int", "numeric"])
                ),
            ),
            17 => alter(&table, "RENAME a TO a2".to_owned()),
            18 => alter(&table, "RENAME a2 TO a".to_owned()),
            19 => alter(
                &table,
                format!(
                    "ADD CONSTRAINT positive CHECK (a > {}) NOT VALID",
                    -1 - dice.roll(5) as i32
                ),
            ),
            20 => alter(&table, "VALIDATE CONSTRAINT positive".to_owned()),
            21 => alter(&table, "DROP CONSTRAINT positive".to_owned()),
            22 => alter(
                &table,
                format!("ALTER b SET DEFAULT 'd{number}', ALTER a SET NOT NULL"),
            ),
            23 => alter(&table, "ALTER a DROP NOT NULL".to_owned()),
            24 => alter(
                &table,
                format!("ADD FOREIGN KEY (a) REFERENCES {} NOT VALID", small(dice)),
            ),
            25 | 26 => other(format!("TRUNCATE {table}")),
            27 => other(format!(
                "TRUNCATE {table}; INSERT INTO {table} (a, b) SELECT g, 'again {number}' FROM generate_series(1, 200) g"
            )),
            28 | 29 => other(format!(
                "CREATE INDEX ON {table} ({})",
                dice.pick(&["a", "b", "lower(b)"])
            )),
            30 => other(format!(
                "CREATE UNIQUE INDEX u{} ON {table} (id)",
                dice.roll(6)
            )),
            31 => other(format!("DROP INDEX load.u{}", dice.roll(6))),
            32 => other(format!(
                "CREATE TABLE load.p{0} PARTITION OF load.p FOR VALUES FROM ({0}000) TO ({0}999)",
                1 + dice.roll(6)
            )),
            33 => other(format!(
                "CREATE TABLE load.p{} (LIKE load.p INCLUDING ALL)",
                1 + dice.roll(6)
            )),
            34 => alter(
                "load.p",
                format!(
                    "ATTACH PARTITION load.p{0} FOR VALUES FROM ({0}000) TO ({0}999)",
                    1 + dice.roll(6)
                ),
            ),
            35 => alter(
                "load.p",
                format!("DETACH PARTITION load.p{}", 1 + dice.roll(6)),
            ),
            36 => other(format!("DROP TABLE load.p{}", 1 + dice.roll(6))),
            37 => other(format!(
                "INSERT INTO load.p SELECT g, 'p{number}' FROM generate_series({0}000, {0}050) g ON CONFLICT DO NOTHING",
                dice.roll(7)
            )),
            38 => other(format!(
                "CREATE OR REPLACE VIEW load.v AS SELECT {number} AS one"
            )),
            39 => other(format!(
                "CREATE OR REPLACE FUNCTION load.f(i int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 + {number}'"
            )),
            40 => other(format!("GRANT SELECT, INSERT ON {table} TO shop_app")),
            41 => other(format!("REVOKE INSERT ON {table} FROM shop_app")),
            42 => other(format!("ALTER TYPE load.colour ADD VALUE 'c{number}'")),
            43 => other(format!("COMMENT ON TABLE {table} IS 'comment {number}'")),
            44 => {
                let table = self.any_table(dice);
                let more = ["", ", ALTER extra TYPE bigint"][dice.roll(2)];
                alter(
                    &table,
                    format!("ADD COLUMN IF NOT EXISTS extra int DEFAULT {number}{more}"),
                )
            }
            45 => alter(&self.any_table(dice), "DROP COLUMN extra".to_owned()),
            46 => alter(&self.any_table(dice), "ALTER extra TYPE numeric".to_owned()),
            47 => {
                let table = self.any_table(dice);
                other(format!(
                    "UPDATE {table} SET extra = {number} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} LIMIT 20))"
                ))
            }
            48 => {
                let table = self.any_table(dice);
                other(format!(
                    "DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} LIMIT 3))"
                ))
            }
            49..=53 => other(format!(
                "INSERT INTO {table} (a, b) SELECT g, 'row {number}' FROM generate_series(1, {}) g",
                1 + dice.roll(300)
            )),
            54 | 55 => other(format!(
                "UPDATE {table} SET b = 'u{number}' WHERE a % 7 = {}",
                dice.roll(7)
            )),
            56 | 57 => other(format!(
                "DELETE FROM {table} WHERE a % 11 = {}",
                dice.roll(11)
            )),
            58 => other(format!(
                "CREATE MATERIALIZED VIEW load.m{0} AS SELECT count(*) AS n FROM {table}",
                dice.roll(3)
            )),
            59 => other(format!("REFRESH MATERIALIZED VIEW load.m{}", dice.roll(3))),
            _ => other(format!(
                "CREATE TABLE IF NOT EXISTS {table} (id serial PRIMARY KEY, a int, b text)"
            )),
        }
    }
}

/// Tables that come and go.
const SMALL: usize = 12;

fn small(dice: &mut Dice) -> String {
    format!(
        "{}.l{}",
        dice.pick(&["load", "load", "load2"]),
        dice.roll(SMALL)
    )
}

/// What cannot stand in a transaction, or takes all of it.
fn alone(dice: &mut Dice) -> Step {
    let table = small(dice);
    let sql = match dice.roll(8) {
        0 | 1 => format!("CREATE INDEX CONCURRENTLY ON {table} (b)"),
        2 => format!(
            "CREATE UNIQUE INDEX CONCURRENTLY u{} ON {table} (a, id)",
            dice.roll(6)
        ),
        3 => format!("DROP INDEX CONCURRENTLY load.u{}", dice.roll(6)),
        4 => format!("REINDEX TABLE CONCURRENTLY {table}"),
        // (COMMENT: it raises no event trigger, and is not seen in a session that has not loaded the library, docs/limits.md)
        5 => format!(
            "COMMENT ON TABLE {table} IS 'in order'; CLUSTER {table} USING {}_pkey",
            table.split_once('.').expect("a schema").1
        ),
        _ => format!("VACUUM (FULL) {table}"),
    };
    Step { sql, alters: None }
}

fn code(error: &postgres::Error) -> String {
    error
        .code()
        .map_or_else(|| "lost".to_owned(), |code| code.code().to_owned())
}

/// What a phase was for the users.
pub struct Figures {
    alters: usize,
    pub longest: f64,
    line: String,
}

impl Figures {
    fn of(mut seen: Seen) -> Self {
        seen.waits.sort_by(f64::total_cmp);
        let waits = &seen.waits;
        let (alters, longest) = (waits.len(), waits.last().copied().unwrap_or_default());
        let mean = waits.iter().sum::<f64>() / alters.max(1) as f64;
        let most = waits.get(alters * 99 / 100).copied().unwrap_or_default();
        let told = |name: &str, text: Vec<String>| {
            if text.is_empty() {
                String::new()
            } else {
                format!("; {name} {}", text.join(", "))
            }
        };
        let blockers = seen
            .blockers
            .iter()
            .map(|(name, seconds)| format!("{name} {seconds:.1} s"));
        let outcomes = seen
            .outcomes
            .iter()
            .map(|(code, times)| format!("{code} {times}"));
        let line = format!(
            "{alters} ALTER TABLE waited mean {mean:.3} s, 99 % {most:.3} s, longest {longest:.3} s{}{}",
            told("users waited for", blockers.collect()),
            told("statements", outcomes.collect())
        );
        Self {
            alters,
            longest,
            line,
        }
    }

    /// There was something to be measured.
    pub fn are_there(&self) -> bool {
        self.alters > 0
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.line)
    }
}
