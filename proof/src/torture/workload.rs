//! Sessions that run random DDL and know which rows must come of it.
//!
//! Each command carries a mark in a comment, `/*cSESSION.NUMBER*/`, so that its row is found again. What is sent depends on
//! the seed and the session's number only, never on what the server answers. Names come from a small stock, so that many
//! commands fail because something is there already, or is not; that is part of it.

use super::dice::Dice;
use super::{Findings, Plan, connect_patiently, literal, replica, shortened};
use harness::cluster::Cluster;
use harness::wire::{Fields, Lost, Reply, Wire};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Objects of all sessions.
pub const SHARED: &str = "t_shared";

/// What all sessions need; the extension is created before it, so that the script of the replica has it, too.
pub fn preparation(sessions: usize) -> Vec<String> {
    let mut list = vec![
        "DO $$ BEGIN CREATE ROLE t_r1; CREATE ROLE t_r2; EXCEPTION WHEN duplicate_object THEN NULL; END $$".to_owned(),
        format!("CREATE SCHEMA {SHARED}"),
        "CREATE SCHEMA t_lib".to_owned(),
        "CREATE FUNCTION t_lib.run(list text[]) RETURNS int LANGUAGE plpgsql AS 'DECLARE s text; BEGIN
           FOREACH s IN ARRAY list LOOP EXECUTE s; END LOOP; RETURN 1; END'"
            .to_owned(),
        "CREATE FUNCTION t_lib.definer(list text[]) RETURNS int LANGUAGE plpgsql SECURITY DEFINER
           SET search_path = pg_catalog AS 'BEGIN RETURN t_lib.run(list); END'"
            .to_owned(),
        "CREATE PROCEDURE t_lib.commits(list text[]) LANGUAGE plpgsql AS 'DECLARE s text; BEGIN
           FOREACH s IN ARRAY list LOOP EXECUTE s; COMMIT; END LOOP; END'"
            .to_owned(),
        "CREATE TABLE t_lib.big (id int, a text)".to_owned(),
        "INSERT INTO t_lib.big SELECT g, md5(g::text) FROM generate_series(1, 20000) g".to_owned(),
    ];
    list.extend((0..sessions).map(|n| format!("CREATE SCHEMA t_{n}")));
    list
}

/// SQL, and the texts of the rows that it leaves when it succeeds and does something.
#[derive(Clone, Debug)]
struct Statement {
    sql: String,
    rows: Vec<String>,
    /// It cannot run in a transaction block.
    alone: bool,
}

/// Texts of the rows of one transaction, in order.
#[derive(Debug, Clone)]
struct Entry {
    texts: Vec<String>,
    /// The client does not know whether it was committed. Of entries with one number a first part may be.
    doubt: Option<u64>,
    prepared: Option<String>,
}

impl Entry {
    /// How many of these rows are the entry's, all of it. Where the answer was lost, so were the notices that tell which of
    /// its commands found nothing to do.
    fn matches(&self, rows: &[(String, String)]) -> Option<usize> {
        let mut taken = 0;
        for text in &self.texts {
            if rows.get(taken).is_some_and(|(found, _)| found == text) {
                taken += 1;
            } else if self.doubt.is_none() || !text.contains(" IF ") {
                return None;
            }
        }
        let one_transaction = rows[..taken].windows(2).all(|pair| pair[0].1 == pair[1].1);
        one_transaction.then_some(taken)
    }
}

pub struct Session {
    pub number: usize,
    dice: Dice,
    next: u64,
    /// Weight of everything that is slow or waits, for sessions that are to be cancelled.
    slow: bool,
    /// Pauses of this session are too long for its idle_in_transaction_session_timeout.
    limited: bool,
    ledger: Vec<Entry>,
    recent: Vec<String>,
    /// Answers that no statement should get.
    internal: Vec<String>,
    pub statistics: Statistics,
}

#[derive(Default, Clone)]
pub struct Statistics {
    pub transactions: u64,
    pub statements: u64,
    pub errors: BTreeMap<String, u64>,
    pub connections: u64,
}

impl Statistics {
    pub fn add(&mut self, other: &Statistics) {
        self.transactions += other.transactions;
        self.statements += other.statements;
        self.connections += other.connections;
        for (code, times) in &other.errors {
            *self.errors.entry(code.clone()).or_default() += times;
        }
    }
}

impl Session {
    pub fn new(seed: u64, number: usize, slow: bool) -> Self {
        Session {
            number,
            dice: Dice::new(seed, number as u64 + 1),
            next: 0,
            slow,
            limited: false,
            ledger: Vec::new(),
            recent: Vec::new(),
            internal: Vec::new(),
            statistics: Statistics::default(),
        }
    }

    /// Takes the answers that name an error inside PostgreSQL or of event triggers.
    pub fn internal_errors(&mut self) -> impl Iterator<Item = String> {
        std::mem::take(&mut self.internal).into_iter()
    }

    pub fn connect(&mut self, directory: &Path) -> Result<Wire, Lost> {
        let mut wire = Wire::connect(directory, "postgres", "torture", &[])?;
        self.statistics.connections += 1;
        // sessions wait for one another's locks, also for those of prepared transactions that nobody ends
        wire.query("SET lock_timeout = '1s'; SET deadlock_timeout = '50ms'")?;
        if self.slow {
            let settings = match self.dice.roll(6) {
                0 => "SET idle_in_transaction_session_timeout = 3".to_owned(),
                1 => "SET temp_file_limit = '300kB'; SET work_mem = '64kB'; SET maintenance_work_mem = '1MB'".to_owned(),
                2 => "SET lock_timeout = 5".to_owned(),
                _ => String::new(),
            };
            self.limited = settings.starts_with("SET idle");
            wire.query(settings)?;
        }
        Ok(wire)
    }

    fn serial(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn mark(&mut self) -> String {
        let serial = self.serial();
        format!("/*c{}.{serial}*/", self.number)
    }

    fn schema(&mut self) -> String {
        if self.dice.one_in(6) {
            SHARED.to_owned()
        } else {
            format!("t_{}", self.number)
        }
    }

    fn table(&mut self) -> String {
        format!("{}.tb{}", self.schema(), self.dice.roll(5))
    }

    fn own(&mut self, kind: &str, stock: usize) -> String {
        format!("t_{}.{kind}{}", self.number, self.dice.roll(stock))
    }

    /// One plain command that leaves one row, itself.
    fn ddl(&mut self) -> String {
        let m = self.mark();
        let n = self.serial();
        let me = self.number;
        match self.dice.roll(56) {
            0..=6 => format!(
                "CREATE{m} TABLE {} (id int PRIMARY KEY, a text, b int DEFAULT {n})",
                self.table()
            ),
            7 => format!(
                "CREATE TABLE{m} IF NOT EXISTS {} (id int, a text, b int, c{n} text DEFAULT '{n};')",
                self.table()
            ),
            8 => format!("DROP TABLE{m} {}", self.table()),
            9 => format!("DROP TABLE{m} IF EXISTS {} CASCADE", self.table()),
            10..=12 => format!(
                "ALTER TABLE{m} {} ADD COLUMN c{n} int DEFAULT {n}",
                self.table()
            ),
            13 => format!("ALTER TABLE{m} {} DROP COLUMN IF EXISTS b", self.table()),
            14 => format!(
                "ALTER TABLE{m} {} RENAME COLUMN a TO a{}",
                self.table(),
                self.dice.roll(3)
            ),
            15 => format!(
                "ALTER TABLE{m} {} RENAME TO tb{}",
                self.table(),
                self.dice.roll(5)
            ),
            16 => format!(
                "ALTER TABLE{m} {} ALTER COLUMN b TYPE {}",
                self.table(),
                self.dice.pick(&["bigint", "int", "numeric"])
            ),
            17 => format!(
                "ALTER TABLE{m} {} ADD CONSTRAINT ck{n} CHECK (id < {n}00000), ALTER b SET DEFAULT {n}",
                self.table()
            ),
            18 => {
                // to the same schema it does nothing, and leaves no row
                let n = self.dice.roll(5);
                let (from, to) = *self.dice.pick(&[(SHARED, "own"), ("own", SHARED)]);
                let name = |which: &str| {
                    if which == SHARED {
                        SHARED.to_owned()
                    } else {
                        format!("t_{me}")
                    }
                };
                format!(
                    "ALTER TABLE{m} {}.tb{n} SET SCHEMA {}",
                    name(from),
                    name(to)
                )
            }
            19 | 20 => format!(
                "CREATE INDEX{m} ix{} ON {} (id, b)",
                self.dice.roll(4),
                self.table()
            ),
            21 => format!("DROP INDEX{m} {}.ix{}", self.schema(), self.dice.roll(4)),
            22 => format!(
                "CREATE OR REPLACE VIEW{m} {} AS SELECT id, a AS \"a;{n}\" FROM {}",
                self.own("v", 3),
                self.table()
            ),
            23 => format!(
                "CREATE VIEW{m} {} AS SELECT * FROM {}",
                self.own("v", 3),
                self.table()
            ),
            24 => format!("DROP VIEW{m} IF EXISTS {}", self.own("v", 3)),
            25 => format!(
                "CREATE MATERIALIZED VIEW{m} {} AS SELECT 1 AS x{n}",
                self.own("mv", 2)
            ),
            26 => format!("DROP MATERIALIZED VIEW{m} {}", self.own("mv", 2)),
            27 | 28 => format!(
                "CREATE OR REPLACE FUNCTION{m} {}(x int) RETURNS int LANGUAGE plpgsql AS $f$ BEGIN -- {n};\nRETURN x; END $f$",
                self.own("f", 3)
            ),
            29 => format!(
                "CREATE FUNCTION{m} {}() RETURNS int LANGUAGE sql AS 'SELECT {n}; SELECT {n}'",
                self.own("f", 3)
            ),
            30 => format!("DROP FUNCTION{m} {}(int)", self.own("f", 3)),
            31 => format!(
                "CREATE TYPE{m} {} AS ENUM ('v{n}', 'w{n}')",
                self.own("ty", 3)
            ),
            32 => format!("ALTER TYPE{m} {} ADD VALUE 'x{n}'", self.own("ty", 3)),
            33 => format!("CREATE TYPE{m} {} AS (a int, b text)", self.own("ty", 3)),
            34 => format!("DROP TYPE{m} IF EXISTS {} CASCADE", self.own("ty", 3)),
            35 => format!(
                "CREATE DOMAIN{m} {} AS int CHECK (VALUE > {n})",
                self.own("do", 2)
            ),
            36 => format!("DROP DOMAIN{m} {}", self.own("do", 2)),
            37 => format!(
                "CREATE SCHEMA{m} t_{me}_x{} CREATE TABLE e{n} (id int PRIMARY KEY) CREATE VIEW ev AS SELECT id FROM e{n}",
                self.dice.roll(2)
            ),
            38 => format!(
                "DROP SCHEMA{m} IF EXISTS t_{me}_x{} CASCADE",
                self.dice.roll(2)
            ),
            39 => format!(
                "CREATE TABLE{m} {} AS SELECT g AS id, 'x'::text AS a, {n} AS b FROM generate_series(1, 20) g",
                self.table()
            ),
            40 => format!(
                "SELECT{m} g AS id, 'y'::text AS a, {n} AS b INTO {} FROM generate_series(1, 5) g",
                self.table()
            ),
            41 | 42 => format!(
                "CREATE TABLE{m} {} (id int, a text, b int) PARTITION BY RANGE (id)",
                self.own("pt", 2)
            ),
            43 | 44 => {
                let low = self.dice.roll(9) * 10;
                format!(
                    "CREATE TABLE{m} t_{me}.pp{low} PARTITION OF {} FOR VALUES FROM ({low}) TO ({})",
                    self.own("pt", 2),
                    low + 10
                )
            }
            45 => format!(
                "ALTER TABLE{m} {} DETACH PARTITION t_{me}.pp{}",
                self.own("pt", 2),
                self.dice.roll(9) * 10
            ),
            46 => {
                let low = self.dice.roll(9) * 10;
                let parent = self.own("pt", 2);
                format!(
                    "ALTER TABLE{m} {parent} ATTACH PARTITION t_{me}.pp{low} FOR VALUES FROM ({low}) TO ({})",
                    low + 10
                )
            }
            47 => format!(
                "GRANT{m} {} ON {} TO t_r1, t_r2",
                self.dice.pick(&["SELECT", "INSERT, UPDATE", "ALL"]),
                self.table()
            ),
            48 => format!(
                "REVOKE{m} ALL ON {} FROM t_r{}",
                self.table(),
                1 + self.dice.roll(2)
            ),
            49 | 50 => format!("COMMENT{m} ON TABLE {} IS 'it''s {n};'", self.table()),
            51 => format!("CREATE SEQUENCE{m} {} START {n}", self.own("sq", 2)),
            52 => format!("ALTER SEQUENCE{m} {} INCREMENT {n}", self.own("sq", 2)),
            53 => format!(
                "CREATE STATISTICS{m} {} ON id, b FROM {}",
                self.own("st", 3),
                self.table()
            ),
            54 => format!(
                "CREATE RULE{m} ru{} AS ON DELETE TO {} DO ALSO (SELECT {n}; NOTIFY x)",
                self.dice.roll(2),
                self.table()
            ),
            _ => format!(
                "CREATE POLICY{m} po{n} ON {} USING (id > {n})",
                self.table()
            ),
        }
    }

    /// Rows that come and go with the commands, and DDL that leaves no row.
    fn without_row(&mut self) -> String {
        let n = self.serial();
        match self.dice.roll(9) {
            0..=2 => format!(
                "INSERT INTO {} (id) SELECT {n}0 + g FROM generate_series(1, 5) g",
                self.table()
            ),
            3 => format!("UPDATE {} SET b = {n}", self.table()),
            4 => format!("DELETE FROM {} WHERE id % 3 = 0", self.table()),
            5 => format!("TRUNCATE {}", self.table()),
            6 => format!(
                "CREATE TEMP TABLE IF NOT EXISTS tmp{} (id int, x{n} int)",
                self.dice.roll(3)
            ),
            7 => format!("DROP TABLE IF EXISTS pg_temp.tmp{}", self.dice.roll(3)),
            _ => "SELECT pg_sleep(0.002)".to_owned(),
        }
    }

    fn statement(&mut self) -> Statement {
        let one = |sql: String| Statement {
            rows: vec![top(&sql)],
            sql,
            alone: false,
        };
        let none = |sql: String| Statement {
            rows: Vec::new(),
            sql,
            alone: false,
        };
        let list = |session: &mut Self| -> Vec<String> {
            (0..1 + session.dice.roll(3))
                .map(|_| session.ddl())
                .collect()
        };
        match self.dice.roll(30) {
            0..=16 => one(self.ddl()),
            17..=21 => none(self.without_row()),
            22 => {
                let rows = list(self);
                let body: String = rows
                    .iter()
                    .map(|r| format!("EXECUTE {};", literal(&format!(" --x;\n{r} ; "))))
                    .collect();
                Statement {
                    sql: format!("DO $do$ BEGIN {body} END $do$"),
                    rows: rows.iter().map(|row| nested(row)).collect(),
                    alone: false,
                }
            }
            23 => {
                // what an exception takes back leaves no row
                let (first, undone, last) = (self.ddl(), self.ddl(), self.ddl());
                let n = self.serial();
                Statement {
                    sql: format!(
                        "DO $do$ BEGIN EXECUTE {}; BEGIN EXECUTE {}; RAISE EXCEPTION 'n{n}'; EXCEPTION WHEN raise_exception \
                         OR syntax_error_or_access_rule_violation OR object_not_in_prerequisite_state THEN NULL; END; EXECUTE {}; END $do$",
                        literal(&first),
                        literal(&undone),
                        literal(&last)
                    ),
                    rows: vec![nested(&first), nested(&last)],
                    alone: false,
                }
            }
            24 | 25 => {
                let rows = list(self);
                let texts: Vec<String> = rows.iter().map(|r| literal(r)).collect();
                let function = self.dice.pick(&["run", "definer"]);
                Statement {
                    sql: format!("SELECT t_lib.{function}(ARRAY[{}])", texts.join(", ")),
                    rows: rows.iter().map(|row| nested(row)).collect(),
                    alone: false,
                }
            }
            26 => {
                // static SQL in a function
                let n = self.serial();
                let (me, row) = (self.number, self.ddl());
                let m = self.mark();
                let function = format!(
                    "CREATE FUNCTION{m} t_{me}.g{n}() RETURNS void LANGUAGE plpgsql AS {}",
                    literal(&format!("BEGIN {row}; END"))
                );
                Statement {
                    sql: format!("{function}; SELECT t_{me}.g{n}()"),
                    rows: vec![top(&function), nested(&row)],
                    alone: false,
                }
            }
            27 if self.slow => {
                let m = self.mark();
                let n = self.serial();
                let me = self.number;
                one(match self.dice.roll(5) {
                    0 => format!(
                        "CREATE TABLE{m} t_{me}.big{} AS SELECT * FROM t_lib.big ORDER BY a",
                        n % 3
                    ),
                    // much text
                    3 | 4 => {
                        let length = 1000 << self.dice.roll(13);
                        format!(
                            "COMMENT{m} ON SCHEMA t_{me} IS '{}'",
                            "x;''".repeat(length / 4)
                        )
                    }
                    1 => format!(
                        "CREATE INDEX{m} bigx{} ON t_{me}.big{} (a, id)",
                        n % 4,
                        n % 3
                    ),
                    _ => format!(
                        "ALTER TABLE{m} t_{me}.big{} ALTER id TYPE {}",
                        n % 3,
                        self.dice.pick(&["bigint", "text", "numeric"])
                    ),
                })
            }
            27 => {
                let m = self.mark();
                let n = self.serial();
                let table = self.table();
                Statement {
                    alone: true,
                    ..one(format!(
                        "CREATE INDEX{m} CONCURRENTLY cic{n}_{} ON {table} (id)",
                        self.number
                    ))
                }
            }
            _ => {
                let m = self.mark();
                let schema = self.schema();
                Statement {
                    alone: true,
                    ..one(format!(
                        "DROP INDEX{m} CONCURRENTLY {schema}.ix{}",
                        self.dice.roll(4)
                    ))
                }
            }
        }
    }

    fn in_block(&mut self) -> Statement {
        loop {
            let statement = self.statement();
            if !statement.alone {
                return statement;
            }
        }
    }

    /// One transaction, or one string, or one procedure that commits in between.
    pub fn transaction(&mut self, wire: &mut Wire) -> Result<(), Lost> {
        self.statistics.transactions += 1;
        if self.slow && self.dice.one_in(3) {
            let most = *self.dice.pick(&[2, 10, 50]);
            let timeout = if self.dice.one_in(3) {
                0
            } else {
                1 + self.dice.roll(most)
            };
            self.run(wire, &format!("SET statement_timeout = {timeout}"), false)?;
        }
        match self.dice.roll(12) {
            0..=3 => {
                let statement = self.statement();
                let extended = self.dice.one_in(3);
                self.one_string(wire, vec![statement], extended)
            }
            4 | 5 => {
                let list = (0..2 + self.dice.roll(4))
                    .map(|_| self.in_block())
                    .collect();
                self.one_string(wire, list, false)
            }
            6..=9 => self.block(wire),
            10 => self.prepared(wire),
            _ => self.procedure(wire),
        }
    }

    fn run(&mut self, wire: &mut Wire, sql: &str, extended: bool) -> Result<Reply, Lost> {
        self.statistics.statements += 1;
        if self.recent.len() >= 40 {
            self.recent.remove(0);
        }
        self.recent.push(shortened(sql, 600));
        if self.limited && self.dice.one_in(10) {
            std::thread::sleep(std::time::Duration::from_millis(8));
        }
        let reply = if extended {
            wire.extended(sql, 1)
        } else {
            wire.query(sql)
        };
        let answer = match &reply {
            Ok(reply) if reply.succeeded() => "",
            Ok(reply) => {
                *self
                    .statistics
                    .errors
                    .entry(reply.code().to_owned())
                    .or_default() += 1;
                // PostgreSQL's own, also without the extension (--bare 1): a table that all use goes before it is locked.
                let under_others = [
                    "cache lookup failed for relation ",
                    "could not open relation with OID ",
                ];
                let of_one_gone =
                    (sql.contains(SHARED) || sql.contains("GRANT") || sql.contains("REVOKE"))
                        && under_others
                            .iter()
                            .any(|start| reply.message().starts_with(start));
                // no statement calls what only event triggers may call
                let is_internal = reply.code().starts_with("XX") || reply.code() == "39P03";
                if is_internal
                    && !reply.message().starts_with("tuple concurrently ")
                    && !of_one_gone
                {
                    self.internal.push(format!(
                        "{}: {} {} to {sql}",
                        self.number,
                        reply.code(),
                        reply.message()
                    ));
                }
                reply.message()
            }
            Err(_) => "connection lost",
        };
        if let Some(last) = self.recent.last_mut().filter(|_| !answer.is_empty()) {
            last.push_str(&format!("   -- {answer}"));
        }
        reply
    }

    /// Statements that are one transaction because they are one string.
    fn one_string(
        &mut self,
        wire: &mut Wire,
        list: Vec<Statement>,
        extended: bool,
    ) -> Result<(), Lost> {
        let alone = list.len() == 1;
        let sql: Vec<&str> = list.iter().map(|s| s.sql.as_str()).collect();
        // the extended protocol takes one statement
        let extended = extended && alone && !list[0].sql.starts_with("CREATE FUNCTION");
        let text = if alone {
            sql[0].to_owned()
        } else {
            format!("/* ; */{};--", sql.join(" ;\n-- x;\n "))
        };
        let all: Vec<String> = list.iter().flat_map(|s| s.rows.clone()).collect();
        match self.run(wire, &text, extended) {
            Ok(reply) if reply.succeeded() => {
                let skipped = skipped(&reply.notices);
                // of several it is not known which one was skipped
                if skipped == 0 {
                    self.commit(all);
                } else if alone && list[0].rows.len() == 1 {
                    self.commit(Vec::new());
                } else {
                    self.maybe(all, skipped);
                }
                Ok(())
            }
            // Its row comes with the second of its three commits.
            Ok(_)
                if alone && sql[0].starts_with("DROP INDEX") && sql[0].contains("CONCURRENTLY") =>
            {
                self.doubt(all);
                Ok(())
            }
            Ok(reply) => {
                // An error behind the last tag came after the commit (simple protocol), or at it (extended protocol).
                let statements: usize = list
                    .iter()
                    .map(|s| if s.sql.contains("; SELECT t_") { 2 } else { 1 })
                    .sum();
                if reply.results.len() >= statements {
                    if extended || skipped(&reply.notices) > 0 {
                        self.maybe(all, 0)
                    } else {
                        self.commit(all)
                    }
                }
                Ok(())
            }
            Err(lost) => {
                self.doubt(all);
                Err(lost)
            }
        }
    }

    /// BEGIN .. with savepoints .. COMMIT or ROLLBACK; `None` when nothing is left to be ended.
    fn body(&mut self, wire: &mut Wire) -> Result<Option<Vec<String>>, Lost> {
        let isolation = *self.dice.pick(&[
            "",
            "",
            "",
            " ISOLATION LEVEL REPEATABLE READ",
            " ISOLATION LEVEL SERIALIZABLE",
        ]);
        if !self
            .run(wire, &format!("BEGIN{isolation}"), false)?
            .succeeded()
        {
            return Ok(None);
        }
        let mut levels: Vec<Vec<String>> = vec![Vec::new()];
        for _ in 0..1 + self.dice.roll(7) {
            let (choice, extended) = (self.dice.roll(8), self.dice.one_in(4));
            let statement = self.in_block();
            match choice {
                0 | 1 => {
                    let reply = self.run(wire, &format!("SAVEPOINT s{}", levels.len()), false)?;
                    if reply.succeeded() {
                        levels.push(Vec::new());
                    } else {
                        return self.failed(wire).map(|()| None);
                    }
                }
                2 if levels.len() > 1 => {
                    let reply =
                        self.run(wire, &format!("ROLLBACK TO s{}", levels.len() - 1), false)?;
                    if !reply.succeeded() {
                        return self.failed(wire).map(|()| None);
                    }
                    levels.last_mut().into_iter().for_each(Vec::clear);
                }
                3 if levels.len() > 1 => {
                    let reply = self.run(wire, &format!("RELEASE s{}", levels.len() - 1), false)?;
                    if !reply.succeeded() {
                        return self.failed(wire).map(|()| None);
                    }
                    let rows = levels.pop().unwrap_or_default();
                    levels
                        .last_mut()
                        .into_iter()
                        .for_each(|level| level.extend(rows.clone()));
                }
                _ => {
                    let extended = extended && !statement.sql.starts_with("CREATE FUNCTION");
                    let reply = self.run(wire, &statement.sql, extended)?;
                    if reply.succeeded() {
                        let skipped = skipped(&reply.notices);
                        let rows = match (skipped, statement.rows.len()) {
                            (0, _) => statement.rows,
                            (_, 1) => Vec::new(),
                            _ => {
                                // not known which: take it back
                                self.run(wire, "ROLLBACK", false)?;
                                return Ok(None);
                            }
                        };
                        levels
                            .last_mut()
                            .into_iter()
                            .for_each(|level| level.extend(rows.clone()));
                    } else if levels.len() > 1 {
                        let reply =
                            self.run(wire, &format!("ROLLBACK TO s{}", levels.len() - 1), false)?;
                        if !reply.succeeded() {
                            return self.failed(wire).map(|()| None);
                        }
                        levels.last_mut().into_iter().for_each(Vec::clear);
                    } else {
                        return self.failed(wire).map(|()| None);
                    }
                }
            }
        }
        Ok(Some(levels.concat()))
    }

    fn failed(&mut self, wire: &mut Wire) -> Result<(), Lost> {
        // a cancel request may hit the ROLLBACK itself
        for _ in 0..5 {
            if self.run(wire, "ROLLBACK", false)?.status == b'I' {
                break;
            }
        }
        Ok(())
    }

    fn block(&mut self, wire: &mut Wire) -> Result<(), Lost> {
        let rolls_back = self.dice.one_in(4);
        let Some(rows) = self.body(wire)? else {
            return Ok(());
        };
        if rolls_back {
            return self.failed(wire);
        }
        self.end(wire, "COMMIT", rows)
    }

    fn end(&mut self, wire: &mut Wire, sql: &str, rows: Vec<String>) -> Result<(), Lost> {
        match self.run(wire, sql, false) {
            Ok(reply) => {
                let tag = reply.results.last().map_or("", |(tag, _)| tag.as_str());
                // also when an error follows: it came after the commit
                if tag == "COMMIT" {
                    self.commit(rows);
                }
                if reply.status == b'I' {
                    Ok(())
                } else {
                    self.failed(wire)
                }
            }
            Err(lost) => {
                self.doubt(rows);
                Err(lost)
            }
        }
    }

    fn prepared(&mut self, wire: &mut Wire) -> Result<(), Lost> {
        let commits = !self.dice.one_in(3);
        // 13 and later refuse to prepare what touched a temporary table: that is an error like others
        let Some(rows) = self.body(wire)? else {
            return Ok(());
        };
        let serial = self.serial();
        let gid = format!("p{}_{serial}", self.number);
        let prepared = match self.run(wire, &format!("PREPARE TRANSACTION '{gid}'"), false) {
            Ok(reply) => {
                let tag = reply
                    .results
                    .last()
                    .map_or("", |(tag, _)| tag.as_str())
                    .to_owned();
                if reply.status != b'I' {
                    self.failed(wire)?;
                }
                tag == "PREPARE TRANSACTION"
            }
            Err(lost) => {
                self.doubt(rows);
                self.ledger
                    .last_mut()
                    .into_iter()
                    .for_each(|entry| entry.prepared = Some(gid.clone()));
                return Err(lost);
            }
        };
        if !prepared {
            return Ok(());
        }
        let end = if commits { "COMMIT" } else { "ROLLBACK" };
        match self.run(wire, &format!("{end} PREPARED '{gid}'"), false) {
            Ok(reply) if !reply.results.is_empty() => {
                if commits {
                    self.commit(rows);
                }
                Ok(())
            }
            other => {
                self.doubt(rows);
                self.ledger
                    .last_mut()
                    .into_iter()
                    .for_each(|entry| entry.prepared = Some(gid.clone()));
                other.map(|_| ())
            }
        }
    }

    /// A procedure that commits after each command: what is done stays, also when it fails or dies.
    fn procedure(&mut self, wire: &mut Wire) -> Result<(), Lost> {
        let list: Vec<String> = (0..2 + self.dice.roll(3)).map(|_| self.ddl()).collect();
        let texts: Vec<String> = list.iter().map(|text| literal(text)).collect();
        let reply = self.run(
            wire,
            &format!("CALL t_lib.commits(ARRAY[{}])", texts.join(", ")),
            false,
        );
        let done = matches!(&reply, Ok(reply) if reply.succeeded() && skipped(&reply.notices) == 0);
        let skips = matches!(&reply, Ok(reply) if skipped(&reply.notices) > 0);
        let number = self.serial();
        for text in list {
            let mut number = number;
            if skips {
                number = self.serial();
            }
            self.ledger.push(Entry {
                texts: vec![nested(&text)],
                doubt: (!done).then_some(number),
                prepared: None,
            });
        }
        reply.map(|_| ())
    }

    fn commit(&mut self, texts: Vec<String>) {
        if !texts.is_empty() {
            self.ledger.push(Entry {
                texts,
                doubt: None,
                prepared: None,
            });
        }
    }

    fn doubt(&mut self, texts: Vec<String>) {
        let number = self.serial();
        self.ledger.push(Entry {
            texts,
            doubt: Some(number),
            prepared: None,
        });
    }

    /// Some of these rows are missing since their commands had nothing to do.
    fn maybe(&mut self, texts: Vec<String>, _skipped: usize) {
        for text in texts {
            self.doubt(vec![text]);
        }
    }

    /// Compares what the table has of this session with what it was told. What was in doubt is known afterwards.
    /// With `pruned`, rows may be missing, but none may be there that does not belong.
    fn check(&mut self, rows: &[(String, String)], pruned: bool, findings: &Findings) {
        let mut rest = rows;
        let mut stopped = None;
        let mut problem = None;
        for entry in &mut self.ledger {
            let taken = entry.matches(rest);
            let there = taken.is_some();
            if there {
                if entry.doubt.is_some() && entry.doubt == stopped && taken > Some(0) {
                    problem = Some(format!(
                        "came after one of the same string that did not: {}",
                        brief(&entry.texts)
                    ));
                }
                rest = &rest[taken.unwrap_or_default()..];
                entry.doubt = None;
            } else if pruned {
                // one by one: a part of a transaction may be pruned
                for text in &entry.texts {
                    if rest.first().is_some_and(|(found, _)| found == text) {
                        rest = &rest[1..];
                    }
                }
                entry.doubt = None;
            } else if let Some(number) = entry.doubt {
                stopped = Some(number);
                entry.texts.clear();
            } else {
                problem = Some(format!(
                    "committed, but no row in its place: {}, instead: {}",
                    brief(&entry.texts),
                    brief(&rest.first())
                ));
                break;
            }
        }
        if problem.is_none() && !rest.is_empty() {
            problem = Some(format!(
                "rows of nothing that was committed: {}",
                brief(&&rest[..rest.len().min(3)])
            ));
        }
        if let Some(problem) = problem {
            findings.violation(format!(
                "session {}: {problem}\n  its last statements:\n    {}",
                self.number,
                self.recent.join("\n    ")
            ));
        }
        // the rows above the last id that was checked are the next check's
        self.ledger.clear();
    }
}

/// All servers of this workload run with these.
pub const OPTIONS: &str = "-c wal_level=logical -c max_prepared_transactions=20 -c max_connections=60 \
     -c checkpoint_timeout=30 -c autovacuum_naptime=1 -c log_min_messages=log -c log_statement=ddl -c max_wal_size=200MB";

/// A database with the extension, one that follows, and what sessions need in both; returns the id up to which both agree.
pub fn make_databases(
    cluster: &Cluster,
    plan: &Plan,
    sessions: usize,
    findings: &Findings,
) -> Result<i64, Lost> {
    let mut admin = connect_patiently(cluster, "postgres");
    for database in ["torture", "replica"] {
        admin.rows(&format!("DROP DATABASE IF EXISTS {database}"))?;
        admin.rows(&format!("CREATE DATABASE {database}"))?;
    }
    let mut wire = connect_patiently(cluster, "torture");
    if !plan.bare {
        wire.rows("CREATE EXTENSION dts_ddl_capture")?;
    }
    wire.rows("CREATE PUBLICATION dts_sync_t")?;
    for sql in preparation(sessions) {
        wire.rows(&sql)?;
    }
    if plan.bare {
        return Ok(0);
    }
    replica::follow(
        cluster,
        plan,
        &mut wire,
        ("torture", "replica"),
        0,
        findings,
    )
}

/// Takes away what a CREATE or DROP INDEX CONCURRENTLY that failed has left, on both sides, uncaptured: it has no row. Where it has
/// come so far that nothing uses the index any more, it does not move with its table to another schema (relcache.c:
/// RelationGetIndexList); on the other side, where the index is whole, it does.
pub fn drop_invalid_indexes(cluster: &Cluster, wire: &mut Wire) -> Result<usize, Lost> {
    let invalid = wire.rows(
        "SELECT indexrelid::regclass, format('%I.%I', n.nspname, c.relname)
           FROM pg_index JOIN pg_class c ON c.oid = indexrelid
           JOIN pg_class t ON t.oid = indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
          WHERE c.relkind = 'i' AND (NOT indisvalid OR c.relname LIKE 'cic%' AND NOT EXISTS (
            SELECT FROM public.dts_ddl_command r WHERE r.tag = 'CREATE INDEX' AND r.ddl_text LIKE '%' || c.relname || '%'))",
    )?;
    let mut replica = connect_patiently(cluster, "replica");
    wire.rows("SET session_replication_role = replica")?;
    for index in &invalid {
        wire.rows(&format!("DROP INDEX {}", index[0]))?;
        replica.rows(&format!("DROP INDEX IF EXISTS {}", index[1]))?;
    }
    wire.rows("RESET session_replication_role")?;
    Ok(invalid.len())
}

fn brief(value: &impl std::fmt::Debug) -> String {
    shortened(&format!("{value:?}"), 1500)
}

/// What is compared of a row: the level at which the command ran, and its text.
fn top(text: &str) -> String {
    format!("top {text}")
}

fn nested(text: &str) -> String {
    format!("nested {text}")
}

fn skipped(notices: &[Fields]) -> usize {
    notices
        .iter()
        .filter(|notice| notice.get(&'M').is_some_and(|m| m.ends_with(", skipping")))
        .count()
}

/// Ends transactions that are prepared still, half of them this way, half of them that way, by their name.
/// One that the client was told is prepared or ended and that is not what it should be shows in `check`.
pub fn end_prepared(wire: &mut Wire) -> Result<usize, Lost> {
    let names =
        wire.rows("SELECT gid FROM pg_prepared_xacts WHERE database = 'torture' ORDER BY 1")?;
    for name in &names {
        let end = if name[0].len() % 2 == 0 {
            "COMMIT"
        } else {
            "ROLLBACK"
        };
        let reply = wire.query(format!("{end} PREPARED {}", literal(&name[0])))?;
        if !reply.succeeded() {
            return Err(Lost {
                fatal: reply.error.clone(),
                reason: format!("{end} PREPARED"),
            });
        }
    }
    Ok(names.len())
}

/// The row of an index that a failed concurrent build left and another command, which may be no DDL, made valid: no session is
/// told of it. That it is right shows when the databases are compared.
const BECAME_VALID: &str =
    "(tag = 'CREATE INDEX' AND ddl_text ~ '^CREATE INDEX IF NOT EXISTS cic')";

/// Compares all rows above `after` with what the sessions were told; returns the number of rows.
pub fn check(
    wire: &mut Wire,
    sessions: &mut [&mut Session],
    after: i64,
    pruned: bool,
    findings: &Findings,
) -> Result<usize, Lost> {
    let rows = wire.rows(&format!(
        "SELECT concat(coalesce(message::jsonb #>> '{{nesting,level}}', 'top'), ' ', coalesce(message::jsonb #>> '{{original,text}}', ddl_text)), txid_current
         FROM public.dts_ddl_command WHERE id > {after} AND NOT {BECAME_VALID} ORDER BY id"
    ))?;
    let wrong = wire.rows(&format!(
        "SELECT id, username, schema, database, tag, object_type, ddl_text FROM public.dts_ddl_command WHERE id > {after} AND
         (username, database, schema = ANY ('{{public,pg_catalog}}'), object_type IS NOT NULL) IS DISTINCT FROM ('postgres', 'torture', true, true)"
    ))?;
    for row in wrong.iter().take(2) {
        findings.violation(format!(
            "a row with other values than its session has: {row:?}"
        ));
    }
    let mut by_session: HashMap<usize, Vec<(String, String)>> = HashMap::new();
    for row in &rows {
        match session_of(&row[0]) {
            Some(session) => by_session
                .entry(session)
                .or_default()
                .push((row[0].clone(), row[1].clone())),
            None => findings.violation(format!("a row that no session asked for: {row:?}")),
        }
    }
    for session in sessions {
        let rows = by_session.remove(&session.number).unwrap_or_default();
        session
            .internal_errors()
            .for_each(|answer| findings.violation(format!("session {answer}")));
        session.check(&rows, pruned, findings);
    }
    if let Some((session, rows)) = by_session.into_iter().next() {
        findings.violation(format!(
            "rows of session {session}, which does not exist: {:?}",
            rows.first()
        ));
    }
    Ok(rows.len())
}

fn session_of(text: &str) -> Option<usize> {
    let (_, rest) = text.split_once("/*c")?;
    rest.split_once('.')?.0.parse().ok()
}
