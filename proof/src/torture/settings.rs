//! Random settings, roles and search_paths: DDL works as in a bare database beside it, its row is right, and what is planted
//! in the search_path is not run by the capture.
//!
//! Each session does the same in a database with the extension and in a bare one. Settings are all that `pg_settings` says
//! the session may set, at random values and at their limits; those that switch event triggers off or make the outcome
//! depend on time are left out. Schema `evil` belongs to an ordinary role and has functions, operators, types and tables
//! that are named like PostgreSQL's and ours; each call of one moves a sequence, another one for superusers. The
//! statements call them too, so that both databases must agree. Every row is replayed by `dts_ddl.script()` into a third
//! database; the dumps of all three are the same (the bare one but for REPLICA IDENTITY FULL).

use super::dice::Dice;
use super::{Findings, Plan, connect_patiently, directory, literal, replica, shortened};
use harness::cluster::Cluster;
use harness::server;
use harness::wire::{Lost, Reply, Wire};
use std::path::PathBuf;

/// Not set: they switch event triggers off, make the outcome depend on time or memory, or fill the log.
const LEFT_OUT: &[&str] = &[
    "session_replication_role",
    "event_triggers",
    "default_transaction_read_only",
    "transaction_read_only",
    "exit_on_error",
    "client_encoding",
    "temp_buffers",
    "temp_file_limit",
    "role",
    "session_authorization",
    "is_superuser",
    "dts_ddl_capture.enabled",
    "default_transaction_isolation",
    "transaction_isolation",
    "ignore_checksum_failure",
    "transaction_deferrable",
    "wal_debug",
    "trace_sort",
    "seed",
    "search_path",
    "dts_ddl_capture.max_age",
];
const LEFT_OUT_PREFIXES: &[&str] = &["log_", "debug_print", "trace_"];
const LEFT_OUT_SUFFIXES: &[&str] = &["_timeout", "_delay"];

/// Values of settings that are strings.
const STRINGS: &[(&str, &[&str])] = &[
    (
        "DateStyle",
        &[
            "ISO, DMY",
            "SQL, DMY",
            "Postgres, MDY",
            "German",
            "ISO, YMD",
        ],
    ),
    (
        "TimeZone",
        &[
            "UTC",
            "Asia/Kolkata",
            "America/St_Johns",
            "<+0330>-03:30",
            "PST8PDT",
        ],
    ),
    ("timezone_abbreviations", &["India", "Australia", "Default"]),
    ("lc_messages", &["C", "POSIX", ""]),
    ("lc_monetary", &["C", "POSIX"]),
    ("lc_numeric", &["POSIX", "C"]),
    ("lc_time", &["POSIX", "C"]),
    (
        "default_text_search_config",
        &["pg_catalog.english", "pg_catalog.simple"],
    ),
    ("createrole_self_grant", &["set, inherit", ""]),
    ("application_name", &["'; DROP TABLE x; --", "\u{e9}\\"]),
    ("dynamic_library_path", &["", "/nowhere"]),
    ("extension_control_path", &["/nowhere"]),
    ("wal_consistency_checking", &["all", ""]),
    (
        "restrict_nonsystem_relation_kind",
        &["view", "foreign-table", ""],
    ),
    ("default_table_access_method", &["heap"]),
    ("backtrace_functions", &["heap_create"]),
    (
        "dts_ddl_capture.publication_prefix",
        &["", "dts_sync_", "x"],
    ),
    ("evil.custom", &["x"]),
];

const SEARCH_PATHS: &[&str] = &[
    "evil, pg_catalog, app",
    "evil, app, pg_catalog",
    "app, evil",
    // (pg_temp first would make temporary objects of unqualified ones)
    "evil, pg_catalog, app, pg_temp",
    "app, pg_temp",
    "\"$user\", app, public, evil",
    "app, nowhere, \"no;where\"",
    "app, pg_catalog, public",
    "\"o;dd\", evil, pg_catalog",
    "",
    "information_schema, app",
];

pub fn run(plan: &Plan, findings: &Findings) {
    let cluster = server::fresh();
    cluster.start("-c dts_ddl_capture.max_rows=0 -c wal_level=logical -c max_connections=40");
    let mut topic = Topic {
        plan,
        cluster: &cluster,
        directory: directory(&cluster),
        findings,
        serial: 0,
        settings: 0,
        statements: 0,
        refused: 0,
        rows: 0,
        sessions: 0,
        entries: 0,
        calls: String::new(),
        created: Vec::new(),
    };
    if let Err(lost) = topic.rounds() {
        findings.violation(format!("the server did not answer: {lost}"));
    }
    findings.fact(format!(
        "{} sessions, {} settings set, {} statements ({} refused, alike in both databases), {} rows right and replayed; dumps of \
         {} entries identical; planted functions called by the statements themselves only (as a user, as a superuser: {})",
        topic.sessions, topic.settings, topic.statements, topic.refused, topic.rows, topic.entries, topic.calls
    ));
    cluster.stop("fast");
}

struct Topic<'a> {
    plan: &'a Plan,
    cluster: &'a Cluster,
    directory: PathBuf,
    findings: &'a Findings,
    serial: u64,
    settings: usize,
    statements: usize,
    refused: usize,
    rows: usize,
    sessions: usize,
    entries: usize,
    calls: String,
    /// Tables that were made, with their schemas as far as known.
    created: Vec<String>,
}

/// A command, the way it is sent, and what its row must say.
struct Command {
    sql: String,
    sent: String,
    /// Whose rights it has, where that is not the session's current role.
    username: Option<&'static str>,
    /// Its search_path is not the session's.
    elsewhere: bool,
}

impl Topic<'_> {
    fn rounds(&mut self) -> Result<(), Lost> {
        let mut admin = connect_patiently(self.cluster, "postgres");
        for sql in [
            "CREATE ROLE alice LOGIN",
            "CREATE ROLE bob LOGIN",
            "CREATE ROLE mallory LOGIN",
            "GRANT alice TO bob",
            "CREATE ROLE \"r;ole\" LOGIN",
            "GRANT \"r;ole\" TO bob",
            "CREATE DATABASE captured",
            "CREATE DATABASE bare",
            "CREATE DATABASE replay",
            "GRANT CREATE, TEMP ON DATABASE captured, bare, replay TO alice, bob, mallory, \"r;ole\"",
        ] {
            admin.rows(sql)?;
        }
        let (mut captured, mut bare) = (self.admin("captured")?, self.admin("bare")?);
        captured.rows("CREATE EXTENSION dts_ddl_capture")?;
        for wire in [&mut captured, &mut bare] {
            for sql in preparation() {
                wire.rows(&sql)?;
            }
        }
        let mut last = replica::follow(
            self.cluster,
            self.plan,
            &mut captured,
            ("captured", "replay"),
            0,
            self.findings,
        )?;
        let mut script = Vec::new();
        while !self.plan.is_over() && !self.findings.are_enough() {
            self.sessions += 1;
            last = self.session(&mut captured, &mut script, last)?;
            if self.sessions.is_multiple_of(8) {
                self.compare(&mut captured, &mut bare, &mut script)?;
            }
        }
        self.compare(&mut captured, &mut bare, &mut script)
    }

    fn admin(&self, database: &str) -> Result<Wire, Lost> {
        Ok(connect_patiently(self.cluster, database))
    }

    /// The same session in both databases; returns the last id.
    fn session(
        &mut self,
        admin: &mut Wire,
        script: &mut Vec<u8>,
        mut last: i64,
    ) -> Result<i64, Lost> {
        let mut dice = Dice::new(self.plan.seed, 5000 + self.sessions as u64);
        let user = *dice.pick(&["postgres", "postgres", "alice", "bob", "mallory", "r;ole"]);
        let mut pair = [
            Wire::connect(&self.directory, user, "captured", &[])?,
            Wire::connect(&self.directory, user, "bare", &[])?,
        ];
        let mut history = vec![format!("-- as {user}")];
        let available = pair[1].rows(&format!(
            "SELECT name, vartype, min_val, max_val, array_to_string(enumvals, '|'), boot_val FROM pg_settings WHERE context = 'user' OR {}
             ORDER BY name COLLATE \"C\"",
            if user == "postgres" { "context = 'superuser'" } else { "false" }
        ))?;
        if dice.one_in(3) {
            self.both(&mut pair, "CREATE TEMP TABLE dts_ddl_command (id int); CREATE TEMP TABLE pg_class (oid int); CREATE TEMP SEQUENCE dts_ddl_command_id_seq", &mut history)?;
            self.both(&mut pair, "CREATE TYPE pg_temp.text AS (a int); CREATE FUNCTION pg_temp.lower(pg_catalog.text) RETURNS pg_catalog.text LANGUAGE sql AS 'SELECT evil.lower($1)'", &mut history)?;
        }
        for _ in 0..dice.roll(40) {
            if let Some(sql) = setting(&mut dice, &available) {
                self.settings += 1;
                self.both(&mut pair, &sql, &mut history)?;
            }
        }
        if user == "postgres" {
            for _ in 0..dice.roll(3) {
                let own = *dice.pick(&[
                    "max_rows = 1",
                    "max_rows = 2147483647",
                    "replica_identity = off",
                    "replica_identity = full_without_key",
                    "on_error = warning",
                    "emit_message = on",
                    "qualify_names = on",
                    "publication_prefix = ''",
                    "warn_on_rewrite = off",
                    "max_rows = 0",
                ]);
                pair[0].query(format!("SET dts_ddl_capture.{own}"))?;
                history.push(format!("SET dts_ddl_capture.{own}"));
            }
        }
        for _ in 0..3 + dice.roll(8) {
            let change = match dice.roll(9) {
                0 | 1 => Some(format!(
                    "SET search_path = {}",
                    match *dice.pick(SEARCH_PATHS) {
                        "" => "''",
                        path => path,
                    }
                )),
                2 => Some(format!(
                    "SET ROLE {}",
                    dice.pick(&["alice", "bob", "\"r;ole\"", "NONE", "mallory"])
                )),
                3 if user == "postgres" => Some(format!(
                    "SET SESSION AUTHORIZATION {}",
                    dice.pick(&["alice", "bob", "mallory", "DEFAULT"])
                )),
                4 => setting(&mut dice, &available),
                5 => Some("RESET ALL".to_owned()),
                _ => None,
            };
            if let Some(change) = change {
                self.both(&mut pair, &change, &mut history)?;
            }
            last = self.command(&mut dice, &mut pair, admin, script, &mut history, last)?;
        }
        Ok(last)
    }

    fn both(
        &self,
        pair: &mut [Wire; 2],
        sql: &str,
        history: &mut Vec<String>,
    ) -> Result<[Reply; 2], Lost> {
        history.push(sql.to_owned());
        let [left, right] = pair;
        let replies = [left.query(sql)?, right.query(sql)?];
        let view = |reply: &Reply| {
            let tags: Vec<String> = reply.results.iter().map(|(tag, _)| tag.clone()).collect();
            (
                reply.code().to_owned(),
                reply.message().to_owned(),
                tags,
                reply.status,
            )
        };
        if view(&replies[0]) != view(&replies[1]) {
            self.findings.violation(format!(
                "answers differ to {sql}\n  with: {:?}\n  bare: {:?}\n  {}",
                view(&replies[0]),
                view(&replies[1]),
                shortened(&history.join(";\n  "), 4000)
            ));
        }
        Ok(replies)
    }

    fn command(
        &mut self,
        dice: &mut Dice,
        pair: &mut [Wire; 2],
        admin: &mut Wire,
        script: &mut Vec<u8>,
        history: &mut Vec<String>,
        last: i64,
    ) -> Result<i64, Lost> {
        let command = self.written(dice);
        // in a failed or open block nothing of the session's own would be told right
        let local = dice.one_in(5);
        let who = pair[1].rows("SELECT current_user, pg_catalog.current_schema()")?;
        if local {
            self.both(pair, "BEGIN", history)?;
        }
        self.statements += 1;
        let replies = self.both(pair, &command.sent, history)?;
        if local {
            self.both(pair, "COMMIT", history)?;
        }
        let rows = admin.rows(&format!(
            "SELECT coalesce(message::jsonb #>> '{{original,text}}', ddl_text), username, schema, id FROM public.dts_ddl_command WHERE id > {last} ORDER BY id"
        ))?;
        if !replies[0].succeeded() {
            self.refused += 1;
            if !rows.is_empty() {
                self.findings.violation(format!(
                    "{} failed, but has rows {rows:?}\n  {}",
                    command.sent,
                    history.join(";\n  ")
                ));
            }
            return Ok(last);
        }
        // the row names the session's own temporary schema so
        let schema = if who[0][1].starts_with("pg_temp_") {
            "pg_temp"
        } else {
            &who[0][1]
        };
        let fits = match &rows[..] {
            [row] => {
                row[0] == command.sql
                    && command
                        .username
                        .map_or(row[1] == who[0][0], |name| row[1] == name)
                    && (command.elsewhere || row[2] == schema)
            }
            _ => false,
        };
        if !fits {
            self.findings.violation(format!(
                "not its row: {rows:?} for {} by {:?} in {:?}\n  {}",
                command.sql,
                command.username.unwrap_or(&who[0][0]),
                who[0][1],
                shortened(&history.join(";\n  "), 4000)
            ));
        }
        let Some(id) = rows.last().and_then(|row| row[3].parse::<i64>().ok()) else {
            return Ok(last);
        };
        self.rows += rows.len();
        // the script is made by a superuser whose search_path is the worst
        admin.rows(&format!(
            "SET search_path = {}",
            *dice.pick(&[
                "evil, pg_catalog, public",
                "pg_temp, evil, pg_catalog",
                "pg_catalog"
            ])
        ))?;
        let text = admin.value(&format!(
            "SELECT pg_catalog.string_agg(x, E'\\n') FROM dts_ddl.script({last}, {id}) AS s(x)"
        ))?;
        admin.rows("RESET search_path")?;
        script.extend_from_slice(text.as_bytes());
        script.push(b'\n');
        Ok(id)
    }

    fn written(&mut self, dice: &mut Dice) -> Command {
        self.serial += 1;
        let n = self.serial;
        let place = *dice.pick(&["", "", "app.", "evil.", "\"o;dd\"."]);
        let some_table = dice
            .pick(&["app.base", "evil.base", "app.base"])
            .to_string();
        let last = if self.created.is_empty() {
            some_table.clone()
        } else {
            dice.pick(&self.created).clone()
        };
        let sql = match dice.roll(26) {
            0..=3 => {
                self.created.push(format!("{place}w{n}"));
                format!(
                    "CREATE TABLE {place}w{n} (a int, b text DEFAULT lower('X'), c timestamptz DEFAULT '2020-01-02 03:04', d date DEFAULT '01/02/03', \
                     e interval DEFAULT '-1 day 2:03', f float8 DEFAULT 0.1, g bytea DEFAULT '\\x00ff', h varchar(5) COLLATE \"C\")"
                )
            }
            4 => format!(
                "CREATE VIEW {place}w{n} AS SELECT upper('x') AS a, now() AS b, 1 = 1 AS c, 'a' || 'b' AS d, '01/02/03'::date AS e"
            ),
            5 => format!("CREATE TABLE {place}w{n} (d date, t timestamptz) PARTITION BY RANGE (d)"),
            6 => format!(
                "CREATE TABLE {place}p{n} PARTITION OF app.parted FOR VALUES FROM ('01/02/{0}') TO ('01/03/{0}')",
                2000 + n % 3000
            ),
            7 => format!(
                "CREATE FUNCTION {place}w{n}(a text) RETURNS text LANGUAGE sql AS 'SELECT lower(a)'"
            ),
            8 => format!(
                "CREATE FUNCTION {place}w{n}(a int DEFAULT length('x')) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN nonsense(a); END'"
            ),
            9 => format!("CREATE INDEX w{n} ON {some_table} (lower(a)) WHERE a = 'x'"),
            10 | 11 => format!(
                "ALTER TABLE {last} ADD COLUMN c{n} text DEFAULT lower('Q'), ADD CONSTRAINT k{n} CHECK (length(c{n}) < 10)"
            ),
            12 => format!(
                "CREATE TABLE {place}w{n} AS SELECT '01/02/03'::date AS d, lower('x') AS t, '1 mon'::interval AS i"
            ),
            13 => format!("COMMENT ON TABLE {last} IS 'w{n}'"),
            14 => format!("GRANT SELECT ON {last} TO mallory, \"r;ole\""),
            15 => format!("CREATE DOMAIN {place}w{n} AS text CHECK (VALUE = lower(VALUE))"),
            16 => format!(
                "CREATE SCHEMA w{n} CREATE TABLE t (a text DEFAULT lower('x')) CREATE VIEW v AS SELECT upper(a) AS u FROM t"
            ),
            17 => format!("CREATE SEQUENCE {place}w{n} START {n}"),
            18 => format!(
                "CREATE TRIGGER w{n} BEFORE INSERT ON {some_table} FOR EACH ROW WHEN (NEW.a = lower(NEW.a)) EXECUTE FUNCTION app.trigger()"
            ),
            19 => format!(
                "CREATE MATERIALIZED VIEW {place}w{n} AS SELECT lower('x') AS a, '01/02/03'::date AS d"
            ),
            20 => format!(
                "ALTER DEFAULT PRIVILEGES GRANT {} ON TABLES TO PUBLIC",
                dice.pick(&["SELECT", "INSERT", "ALL"])
            ),
            21 => format!(
                "ALTER TABLE {last} ALTER COLUMN b TYPE varchar({}) USING lower(b)",
                20 + n % 50
            ),
            22 => format!("CREATE TYPE {place}w{n} AS ENUM ('a', 'b')"),
            23 => format!(
                "CREATE OPERATOR {place}<{}> (PROCEDURE = app.eq, LEFTARG = int, RIGHTARG = int)",
                "!".repeat(1 + (n % 20) as usize)
            ),
            24 if !self.created.is_empty() => {
                let at = dice.roll(self.created.len());
                format!("DROP TABLE {} CASCADE", self.created.remove(at))
            }
            _ => format!("CREATE POLICY w{n} ON {some_table} USING (a = lower(current_user))"),
        };
        let plain = |sql: String| Command {
            sent: sql.clone(),
            sql,
            username: None,
            elsewhere: false,
        };
        match dice.roll(12) {
            0 => Command {
                sent: format!("SELECT app.definer({})", literal(&sql)),
                sql,
                username: Some("alice"),
                elsewhere: false,
            },
            1 => Command {
                sent: format!("SELECT app.definer_path({})", literal(&sql)),
                sql,
                username: Some("alice"),
                elsewhere: true,
            },
            2 => Command {
                sent: format!("SELECT evil.definer({})", literal(&sql)),
                sql,
                username: Some("mallory"),
                elsewhere: true,
            },
            3 => Command {
                sent: format!("SELECT app.settings({})", literal(&sql)),
                sql,
                username: None,
                elsewhere: true,
            },
            4 => Command {
                sent: format!(
                    "DO {}",
                    literal(&format!("BEGIN EXECUTE {}; END", literal(&sql)))
                ),
                ..plain(sql)
            },
            5 => Command {
                sent: format!("SELECT app.becomes({})", literal(&sql)),
                sql,
                username: Some("postgres"),
                elsewhere: true,
            },
            _ => plain(sql),
        }
    }

    /// Replays what has come together, and compares the three databases.
    fn compare(
        &mut self,
        captured: &mut Wire,
        bare: &mut Wire,
        script: &mut Vec<u8>,
    ) -> Result<(), Lost> {
        let file = self.plan.directory.join("settings.sql");
        if let Err(error) = std::fs::write(&file, std::mem::take(script)) {
            self.findings
                .violation(format!("{}: {error}", file.display()));
        }
        let arguments = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "replay"];
        let (done, output, problem) = replica::run(self.cluster, "psql", &arguments, Some(&file));
        if !done {
            let output = String::from_utf8_lossy(&output);
            self.findings.violation(format!(
                "replay stopped at {:?}: {}",
                output.lines().last(),
                shortened(&problem, 1500)
            ));
        }
        self.entries = replica::compare(
            self.cluster,
            ("captured", "replay"),
            "[aeow]*",
            self.findings,
        );
        let dump = |database: &str| {
            let (_, output, _) = replica::run(
                self.cluster,
                "pg_dump",
                &["-s", "-n", "[aeow]*", "-d", database],
                None,
            );
            let text = String::from_utf8_lossy(&output).into_owned();
            let unlike = |line: &&str| {
                !line.contains("REPLICA IDENTITY FULL")
                    && !line.contains("restrict ")
                    && !line.is_empty()
            };
            text.lines()
                .filter(unlike)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let (left, right) = (dump("captured"), dump("bare"));
        if let Some((l, r)) = left.iter().zip(&right).find(|(l, r)| l != r) {
            self.findings.violation(format!(
                "captured and bare database differ: {l:?} and {r:?}"
            ));
        }
        // everything of ours that a superuser calls, with everything planted in the way
        captured.rows("SET search_path = pg_temp, evil, pg_catalog")?;
        for sql in [
            "dts_ddl.script()",
            "dts_ddl.gaps()",
            "dts_ddl.last_id()",
            "dts_ddl.pruned_through()",
            "dts_ddl.statement_tags('SELECT 1'::pg_catalog.text)",
        ] {
            // script(): rows were pruned where a session has set max_rows
            let reply = captured.query(format!("SELECT pg_catalog.count(*) FROM {sql}"))?;
            if !reply.succeeded() && !reply.message().contains("pruned") {
                self.findings.violation(format!(
                    "{sql} under a hostile search_path: {}",
                    reply.message()
                ));
            }
        }
        captured.rows("RESET search_path")?;
        let calls = "SELECT (SELECT last_value FROM evil.as_user), (SELECT last_value FROM evil.as_superuser)";
        let (with, without) = (captured.rows(calls)?, bare.rows(calls)?);
        if with != without {
            self.findings.violation(format!(
                "planted functions were called {with:?} times, in the bare database {without:?}"
            ));
        }
        self.calls = without[0].join(", ");
        Ok(())
    }
}

/// A SET of one of the settings that are there.
fn setting(dice: &mut Dice, available: &[Vec<String>]) -> Option<String> {
    let row = dice.pick(available);
    let [name, kind, min, max, values, default] = &row[..] else {
        return None;
    };
    if LEFT_OUT.contains(&name.as_str())
        || LEFT_OUT_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
        || LEFT_OUT_SUFFIXES
            .iter()
            .any(|suffix| name.ends_with(suffix))
        || name.starts_with("dts_ddl_capture.")
        // from then on the library of every extension is looked for there (dfmgr.c: load_external_function)
        || name == "dynamic_library_path" && harness::server::server().major >= 18
    {
        return None;
    }
    let values: Vec<&str> = values.split('|').collect();
    let value = match kind.as_str() {
        "bool" => dice.pick(&["on", "off"]).to_string(),
        "enum" => dice.pick(&values).to_string(),
        "integer" | "real" => dice
            .pick(&[min.as_str(), max, default, "1", "100"])
            .to_string(),
        _ => {
            let (_, values) = STRINGS.iter().find(|(known, _)| known == name)?;
            dice.pick(values).to_string()
        }
    };
    let local = if dice.one_in(6) { "SESSION " } else { "" };
    Some(format!("SET {local}{name} = {}", literal(&value)))
}

/// What both databases have. `evil` and all in it belong to mallory.
fn preparation() -> Vec<String> {
    let mut list: Vec<String> = [
        "CREATE SCHEMA app AUTHORIZATION alice",
        "CREATE SCHEMA \"o;dd\" AUTHORIZATION \"r;ole\"",
        "CREATE SCHEMA evil AUTHORIZATION mallory",
        "GRANT USAGE, CREATE ON SCHEMA app, evil, \"o;dd\" TO PUBLIC",
        "SET SESSION AUTHORIZATION alice",
        "CREATE TABLE app.base (id int, a text, b text)",
        "INSERT INTO app.base VALUES (1, 'x', 'Y')",
        "CREATE TABLE app.parted (d date) PARTITION BY RANGE (d)",
        "CREATE FUNCTION app.eq(int, int) RETURNS bool LANGUAGE sql AS 'SELECT $1 OPERATOR(pg_catalog.=) $2'",
        "CREATE FUNCTION app.trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE FUNCTION app.definer(text) RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN EXECUTE $1; RETURN 1; END'",
        "CREATE FUNCTION app.definer_path(text) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = app, evil SET \"DateStyle\" = 'German' \
         AS 'BEGIN EXECUTE $1; RETURN 1; END'",
        "CREATE FUNCTION app.settings(text) RETURNS int LANGUAGE plpgsql SET search_path = evil, pg_catalog, app SET \"TimeZone\" = 'Asia/Tokyo' \
         SET \"IntervalStyle\" = iso_8601 SET enable_indexscan = off AS 'BEGIN EXECUTE $1; RETURN 1; END'",
        "SET SESSION AUTHORIZATION mallory",
        "CREATE TABLE evil.base (id int, a text, b text)",
        "CREATE SEQUENCE evil.as_user",
        "CREATE SEQUENCE evil.as_superuser",
        "GRANT ALL ON evil.as_user, evil.as_superuser TO PUBLIC",
        "CREATE FUNCTION evil.note() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN
           IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) current_user) THEN
             RETURN pg_catalog.nextval(''evil.as_superuser'');
           END IF; RETURN pg_catalog.nextval(''evil.as_user''); END'",
        "CREATE FUNCTION evil.definer(text) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = evil, pg_temp \
         AS 'BEGIN EXECUTE $1; RETURN 1; END'",
        "CREATE TABLE evil.dts_ddl_command (ddl_text pg_catalog.text, id bigserial PRIMARY KEY)",
        "CREATE TABLE evil.pg_class (oid int)",
        "CREATE TABLE evil.pg_namespace (oid int)",
        "CREATE TABLE evil.pg_event_trigger (evtname int)",
        "CREATE TABLE evil.pg_publication (pubname int)",
        "CREATE TYPE evil.regclass AS (a int)",
        "CREATE TYPE evil.jsonb AS (a int)",
        "CREATE TYPE evil.oid AS (a int)",
        "CREATE DOMAIN evil.\"varchar\" AS pg_catalog.text CHECK (evil.note() IS NOT NULL)",
    ]
    .map(str::to_owned)
    .to_vec();
    let call = |name: &str, arguments: &str, result: &str, value: &str| {
        format!(
            "CREATE FUNCTION evil.{name}({arguments}) RETURNS {result} LANGUAGE plpgsql IMMUTABLE \
             AS 'BEGIN PERFORM evil.note(); RETURN {value}; END'"
        )
    };
    let t = "pg_catalog.text";
    for (name, arguments, result, value) in [
        ("lower", t, t, "pg_catalog.lower($1)"),
        ("upper", t, t, "pg_catalog.upper($1)"),
        ("length", t, "int", "pg_catalog.length($1)"),
        ("quote_ident", t, t, "$1"),
        ("quote_literal", t, t, "$1"),
        ("format", t, t, "$1"),
        ("now", "", "timestamptz", "pg_catalog.now()"),
        ("clock_timestamp", "", "timestamptz", "pg_catalog.now()"),
        ("txid_current", "", "bigint", "1"),
        (
            "current_schemas",
            "boolean",
            "name[]",
            "pg_catalog.current_schemas($1)",
        ),
        ("nextval", "pg_catalog.regclass", "bigint", "1"),
        ("nextval", t, "bigint", "1"),
        (
            "set_config",
            "pg_catalog.text, pg_catalog.text, boolean",
            t,
            "$1",
        ),
        ("pg_get_userbyid", "pg_catalog.oid", "name", "''x''"),
        ("pg_event_trigger_ddl_commands", "", "int", "1"),
        ("pg_event_trigger_dropped_objects", "", "int", "1"),
        ("dts_capture_ddl", "", "int", "1"),
        ("jsonb_build_object", "VARIADIC anyarray", t, "''{}''"),
        (
            "eq",
            "pg_catalog.text, pg_catalog.text",
            "boolean",
            "$1 OPERATOR(pg_catalog.=) $2",
        ),
        (
            "cat",
            "pg_catalog.text, pg_catalog.text",
            t,
            "$1 OPERATOR(pg_catalog.||) $2",
        ),
        ("eqi", "int, int", "boolean", "$1 OPERATOR(pg_catalog.=) $2"),
        (
            "eqo",
            "pg_catalog.oid, pg_catalog.oid",
            "boolean",
            "$1 OPERATOR(pg_catalog.=) $2",
        ),
        (
            "eqn",
            "name, name",
            "boolean",
            "$1 OPERATOR(pg_catalog.=) $2",
        ),
        (
            "gt",
            "bigint, bigint",
            "boolean",
            "$1 OPERATOR(pg_catalog.>) $2",
        ),
    ] {
        list.push(call(name, arguments, result, value));
    }
    for (operator, function, kind) in [
        ("=", "eq", t),
        ("||", "cat", t),
        ("=", "eqi", "int"),
        ("=", "eqo", "pg_catalog.oid"),
        ("=", "eqn", "name"),
        (">", "gt", "bigint"),
    ] {
        list.push(format!("CREATE OPERATOR evil.{operator} (PROCEDURE = evil.{function}, LEFTARG = {kind}, RIGHTARG = {kind})"));
    }
    list.push("RESET SESSION AUTHORIZATION".to_owned());
    list.push(
        "CREATE FUNCTION app.becomes(text) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, evil, app \
         AS 'BEGIN EXECUTE $1; RETURN 1; END'"
            .to_owned(),
    );
    list
}
