//! How live apply begins: history is kept and not run, and nothing falls between the schema's dump and the stream.

use super::pair::{Options, Pair, same_schema};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

/// Objects and rows that are there before anybody thinks of a destination.
const HISTORY: &str = "
    CREATE SCHEMA app; CREATE TABLE app.a (id int PRIMARY KEY, v text); INSERT INTO app.a SELECT g, 'old' FROM generate_series(1, 100) g;
    CREATE TABLE app.gone (x int); DROP TABLE app.gone; ALTER TABLE app.a ADD COLUMN w int DEFAULT 5;
    CREATE TABLE app.b AS SELECT * FROM app.a; CREATE VIEW app.v AS SELECT count(*) AS n FROM app.b;
    CREATE FUNCTION app.note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER note BEFORE INSERT ON app.a FOR EACH ROW EXECUTE FUNCTION app.note()";

/// Schema, or with an exported snapshot everything, from the source into the destination; both programs of the source's
/// own installation.
fn restore(pair: &Pair, options: &[&str]) {
    let installation = &pair.source.cluster().installation;
    let dump = Command::new(installation.program("pg_dump"))
        .args(options)
        .args(["--no-publications", "--no-subscriptions", "-d"])
        .arg(
            pair.source
                .cluster()
                .connection_string(&pair.source.database),
        )
        .output()
        .expect("pg_dump");
    assert!(
        dump.status.success(),
        "{}",
        String::from_utf8_lossy(&dump.stderr)
    );
    let mut psql = Command::new(installation.program("psql"))
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d"])
        .arg(
            pair.destination
                .cluster()
                .connection_string(&pair.destination.database),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("psql");
    psql.stdin
        .take()
        .expect("a pipe")
        .write_all(&dump.stdout)
        .expect("psql reads the dump");
    let output = psql.wait_with_output().expect("psql");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn history(topic: &str) -> Options<'_> {
    Options {
        topic,
        source: HISTORY,
        ..Options::default()
    }
}

/// The destination has the schema already: what the initial copy brings is not run.
#[test]
fn history_is_not_run() {
    let options = history("history");
    let pair = Pair::unjoined(&options);
    restore(&pair, &["--schema-only"]);
    pair.subscribe(&options);
    pair.wait();
    pair.source.run("CREATE TABLE app.c (x int); INSERT INTO app.c VALUES (1); ALTER TABLE app.a DROP COLUMN w; INSERT INTO app.a VALUES (101, 'new')");
    pair.check();
    assert_eq!(pair.destination.value("SELECT count(*) FROM app.a"), "101");
    assert_eq!(
        pair.destination
            .value("SELECT count(*) FROM dts_ddl.apply_log WHERE status = 'applied'"),
        "2"
    );
    assert_eq!(
        pair.source.last_id(),
        pair.destination
            .value("SELECT max(id) FROM dts_ddl.apply_log")
            .parse::<i64>()
            .unwrap()
    );
}

/// What came between the dump of the schema and the start of the stream is run, in order, before the rows that need it.
#[test]
fn newer_than_the_dump() {
    let options = history("newer");
    let pair = Pair::unjoined(&options);
    let dumped = pair.source.last_id();
    restore(&pair, &["--schema-only"]);
    pair.source.run(
        "ALTER TABLE app.a ADD COLUMN late int DEFAULT 9; CREATE INDEX late ON app.a (late); INSERT INTO app.a (id, late) VALUES (200, 10);
         CREATE TABLE app.between (id int PRIMARY KEY, v text); INSERT INTO app.between SELECT g, 'b' FROM generate_series(1, 50) g;
         CREATE TABLE app.between_as AS SELECT * FROM app.between; DROP VIEW app.v; ALTER TABLE app.b DROP COLUMN w",
    );
    let start_apply = format!("after_id => {dumped}");
    pair.subscribe(&Options {
        start_apply: &start_apply,
        ..options
    });
    pair.source.run("ALTER TABLE app.between ADD COLUMN soon int DEFAULT 1; INSERT INTO app.between VALUES (51, 'c', 2)");
    pair.source.run("CREATE TABLE app.then (x int); INSERT INTO app.then VALUES (1); UPDATE app.between SET v = 'then' WHERE id = 1");
    pair.check();
    assert_eq!(
        pair.destination.value("SELECT count(*) FROM app.between"),
        "51"
    );
    assert_eq!(
        pair.destination.value(&format!(
            "SELECT count(*) FROM dts_ddl.apply_log WHERE id <= {dumped} AND status = 'applied'"
        )),
        "0"
    );
    assert_eq!(
        pair.destination.value(&format!("SELECT count(*) FROM dts_ddl.apply_log WHERE id > {dumped} AND status = 'applied'")),
        pair.source.value(&format!("SELECT count(*) FROM public.dts_ddl_command WHERE id > {dumped} AND message::jsonb->'replay' IS NULL"))
    );
}

/// A history that is larger than work_mem is kept in a file while it is read, and the file goes with it.
#[test]
fn long_history() {
    let options = Options {
        topic: "long_history",
        source: "CREATE TABLE a (x int); DO $$ BEGIN FOR i IN 1..300 LOOP
                   EXECUTE format('COMMENT ON TABLE a IS %L', repeat(i::text, 1000)); END LOOP; END $$",
        destination: "CREATE TABLE a (x int); CREATE EXTENSION dts_ddl_capture",
        ..Options::default()
    };
    let pair = Pair::unjoined(&options);
    let database = &pair.destination.database;
    pair.destination
        .run(&format!("ALTER DATABASE {database} SET work_mem = '64kB'"));
    pair.subscribe(&options);
    pair.wait();
    pair.destination
        .expect_value("SELECT count(*) > 300 FROM public.dts_ddl_command", "true");
    let log = pair.destination.cluster().log();
    let leak = log
        .lines()
        .find(|line| line.contains(" leak: ") || line.contains("was not closed"));
    assert!(leak.is_none(), "{leak:?}");
}

/// The same with everything that can be done before the stream begins: no table is copied twice, none is left out.
#[test]
fn from_an_exported_snapshot() {
    let options = history("snapshot");
    let pair = Pair::unjoined(&options);
    let name = pair.destination.database.clone();
    // A session of the replication protocol makes the slot, and keeps its snapshot as long as it lives.
    let mut psql = Command::new(pair.source.cluster().installation.program("psql"))
        .args(["-X", "-A", "-t", "-d"])
        .arg(format!(
            "{} replication=database",
            pair.source.cluster().connection_string(&name)
        ))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("psql");
    let mut input = psql.stdin.take().expect("a pipe");
    writeln!(input, "CREATE_REPLICATION_SLOT {name} LOGICAL pgoutput;").expect("psql reads");
    let mut line = String::new();
    BufReader::new(psql.stdout.as_mut().expect("a pipe"))
        .read_line(&mut line)
        .expect("the slot");
    let snapshot = line
        .split('|')
        .nth(2)
        .unwrap_or_else(|| panic!("no snapshot in {line}"))
        .to_owned();
    // From here on everything comes by the stream.
    pair.source.run(
        "ALTER TABLE app.a ADD COLUMN late int DEFAULT 9; INSERT INTO app.a (id, late) VALUES (200, 10); CREATE TABLE app.between AS SELECT * FROM app.a;
         INSERT INTO app.b (id) VALUES (-1)",
    );
    restore(&pair, &["--snapshot", &snapshot]);
    drop(input);
    psql.wait().expect("psql");
    pair.source.run(
        "CREATE INDEX ON app.between (late); UPDATE app.between SET late = 11 WHERE id = 1;
         DROP TABLE app.b CASCADE; CREATE TABLE app.b (again text); INSERT INTO app.b VALUES ('b')",
    );
    pair.destination.start_apply("");
    pair.destination.run(&format!(
        "CREATE SUBSCRIPTION {name} CONNECTION '{}' PUBLICATION p WITH (connect = false, slot_name = '{name}')",
        pair.source.cluster().connection_string(&name)
    ));
    let adopted = pair
        .destination
        .value(&format!("dts_ddl.adopt_tables('{name}')"));
    assert!(adopted.parse::<i64>().unwrap() >= 3, "{adopted} tables");
    pair.destination
        .run(&format!("ALTER SUBSCRIPTION {name} ENABLE"));
    pair.source
        .run("CREATE TABLE app.after (x int); INSERT INTO app.after VALUES (1)");
    pair.wait();
    // rows that were written before the slot existed are not in the stream
    assert_eq!(
        pair.destination
            .value("SELECT count(*) FROM public.dts_ddl_command"),
        pair.destination
            .value("SELECT count(*) FROM dts_ddl.apply_log")
    );
    for table in ["app.a", "app.b", "app.between", "app.after"] {
        let rows = format!("SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM {table} t");
        assert_eq!(
            pair.source.value(&rows),
            pair.destination.value(&rows),
            "{table}"
        );
    }
    same_schema(&pair.source, &pair.destination);
}

/// What a destination says and does about its own capture.
#[test]
fn own_capture_is_off() {
    let pair = Pair::simple("off");
    pair.destination.run("CREATE TABLE local (x int)");
    // the one of the initial copy
    assert_eq!(
        pair.destination
            .column("SELECT tag FROM public.dts_ddl_command"),
        ["CREATE PUBLICATION"]
    );
    assert_eq!(
        pair.destination.value("SELECT string_agg(DISTINCT evtenabled::text, '') FROM pg_event_trigger WHERE evtname IN ('dts_intercept_ddl', 'dts_intercept_start', 'dts_intercept_drop', 'dts_intercept_rewrite')"),
        "D"
    );
    pair.source.run("CREATE TABLE t (x int)");
    pair.wait();
    let mut client = pair.destination.connect();
    client
        .batch_execute("DROP TABLE local; CREATE TABLE local2 (x int); DROP TABLE local2")
        .unwrap();
    pair.check();
    // unprivileged roles have no business here
    pair.destination
        .run("DO $$ BEGIN CREATE ROLE off_nobody LOGIN; END $$");
    let mut nobody = pair.destination.connect_as(Some("off_nobody"));
    for sql in [
        "SELECT dts_ddl.start_apply()",
        "SELECT dts_ddl.stop_apply()",
        "SELECT dts_ddl.skip(1)",
        "SELECT * FROM dts_ddl.apply_log",
    ] {
        let error = nobody.batch_execute(sql).expect_err(sql);
        assert_eq!(
            error.code().map(postgres::error::SqlState::code),
            Some("42501"),
            "{sql}: {error:?}"
        );
    }
}

/// Errors and warnings of `start_apply()` and `stop_apply()` do not bring the whole text of what these run, neither to the client nor to
/// the server log.
#[test]
fn messages_are_short() {
    let pair = Pair::simple("short");
    let mut client = pair.destination.connect();
    for (call, want) in [
        (
            "start_apply(after_id => -1)",
            "after_id must not be negative",
        ),
        (
            "start_apply(server_number => 16)",
            "server_number must be between 0 and 15",
        ),
    ] {
        let error = client
            .batch_execute(&format!("SELECT dts_ddl.{call}"))
            .expect_err(call);
        let error = error.as_db_error().expect("an error of the server");
        assert_eq!((error.code().code(), error.message()), ("22023", want));
        assert_eq!(error.where_(), None, "{call}");
    }
    for call in ["start_apply()", "stop_apply()"] {
        let error = client
            .batch_execute(&format!("BEGIN READ ONLY; SELECT dts_ddl.{call}"))
            .expect_err(call);
        let error = error.as_db_error().expect("an error of the server");
        assert_eq!(
            error.message(),
            format!("cannot execute dts_ddl.{call} in a read-only transaction")
        );
        client.batch_execute("ROLLBACK").expect("ROLLBACK");
    }
    pair.destination.run("SELECT dts_ddl.stop_apply()");
    let words = "an enabled subscription still brings DDL commands";
    let entry = pair.expect_error(&["WARNING", words]);
    assert!(entry.lines().count() < 5, "{entry}");
}
