//! Errors of the user's own statements reach the client exactly as without the extension: every field is compared.

use super::cluster;
use super::server::Database;
use postgres::Client;
use postgres::error::ErrorPosition;

/// What a client sees of an error, all of it.
fn seen(client: &mut Client, statement: &str) -> Option<String> {
    let error = client.batch_execute(statement).err()?;
    let error = error
        .as_db_error()
        .unwrap_or_else(|| panic!("{statement}: {error}"))
        .clone();
    let position = match error.position() {
        None => "none".to_owned(),
        Some(ErrorPosition::Original(at)) => format!("{at}"),
        Some(ErrorPosition::Internal { position, query }) => format!("{position} in {query:?}"),
    };
    Some(format!(
        "{} {} {}\nDETAIL {:?}\nHINT {:?}\nPOSITION {position}\nCONTEXT {:?}\nOBJECT {:?}\nLOCATION {:?} {:?} {:?}",
        error.severity(),
        error.code().code(),
        error.message(),
        error.detail().map(without_oids),
        error.hint(),
        error.where_(),
        (
            error.schema(),
            error.table(),
            error.column(),
            error.datatype(),
            error.constraint()
        ),
        error.routine(),
        error.file(),
        error.line(),
    ))
}

/// The two databases have different OIDs, which a few messages show.
fn without_oids(detail: &str) -> String {
    let words = detail.split_inclusive(|c: char| !c.is_ascii_digit());
    words
        .map(|word| {
            if word.trim_end_matches(|c: char| !c.is_ascii_digit()).len() >= 5 {
                "(oid)"
            } else {
                word
            }
        })
        .collect()
}

const SETUP: &str = "
    CREATE TABLE uq (id int CONSTRAINT uq_pk PRIMARY KEY, n int NOT NULL CONSTRAINT positive CHECK (n > 0), v varchar(3));
    INSERT INTO uq VALUES (1, 1);
    CREATE TABLE child (id int CONSTRAINT child_fk REFERENCES uq);
    INSERT INTO child VALUES (1);
    CREATE DOMAIN small AS int CONSTRAINT under_ten CHECK (VALUE < 10);
    CREATE FUNCTION plain(n int) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO uq VALUES (1, n);
    END $$;
    CREATE FUNCTION outer_f(n int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM plain(n); END $$;
    CREATE FUNCTION sqlf(n int) RETURNS void LANGUAGE sql AS 'INSERT INTO uq VALUES (1, n)';
    CREATE FUNCTION ddl(s text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE s; END $$;
    CREATE FUNCTION raise_all() RETURNS void LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'mine' USING DETAIL = 'd', HINT = 'h', ERRCODE = 'P1234', CONSTRAINT = 'c', TABLE = 't', SCHEMA = 's', COLUMN = 'col', DATATYPE = 'dt'; END $$;
    CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM raise_all(); RETURN NULL; END $$;
    CREATE TABLE trig (x int); CREATE TRIGGER tr AFTER INSERT ON trig FOR EACH ROW EXECUTE FUNCTION tf();
    CREATE PROCEDURE proc() LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE in_proc (x int); COMMIT; PERFORM plain(1); END $$;
";

const FAILING: &[&str] = &[
    "SELECT plain(5)",
    "SELECT outer_f(5)",
    "SELECT sqlf(5)",
    "SELECT raise_all()",
    "INSERT INTO trig VALUES (1)",
    "DO $$ BEGIN PERFORM outer_f(0); END $$",
    "DO $$ BEGIN EXECUTE 'SELECT nonsense FROM uq'; END $$",
    "DO $$ BEGIN EXECUTE 'CREATE TABLE bad (x nonsense)'; END $$",
    "DO $$ BEGIN EXECUTE 'CREATE TABLE ok_first (x int); CREATE TABLE bad (x int, , y int)'; END $$",
    "DO $$ BEGIN CREATE TABLE bad (x nonsense); END $$",
    "SELECT ddl('CREATE VIEW bad AS SELECT idd FROM uq')",
    "SELECT ddl('ALTER TABLE uq ADD CONSTRAINT big CHECK (n > 100)')",
    "SELECT 1; SELECT 2; CREATE TABLE bad (x nonsense); SELECT 3",
    "CREATE TABLE bad (x int) WITH (nonsense = 1)",
    "CREATE TABLE uq (x int)",
    "CREATE TABLE one_more (x int); CREATE TABLE uq (x int)",
    "CREATE VIEW bad AS SELECT nope FROM uq",
    "   CREATE VIEW bad AS SELECT * FROM missing_table",
    "CREATE INDEX ON uq (nope)",
    "CREATE UNIQUE INDEX ON uq ((0)); INSERT INTO uq VALUES (2, 2)",
    "CREATE FUNCTION bad() RETURNS int LANGUAGE sql AS 'SELECT ''x'' + nope'",
    "CREATE FUNCTION bad() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1 END'",
    "CREATE FUNCTION bad() RETURNS nonsense LANGUAGE sql AS ''",
    "ALTER TABLE uq ADD CONSTRAINT big CHECK (n > 100)",
    "ALTER TABLE uq ALTER n TYPE small USING 20",
    "ALTER TABLE uq ALTER v SET NOT NULL",
    "ALTER TABLE uq ADD COLUMN f float8 DEFAULT random(), ADD CONSTRAINT big2 CHECK (n > 100)",
    "ALTER TABLE child ADD FOREIGN KEY (id) REFERENCES missing_table",
    "ALTER TABLE missing_table ADD COLUMN x int",
    "DROP TABLE uq",
    "DROP TABLE missing_table",
    "DROP TABLE child, missing_table",
    "DROP FUNCTION missing(int)",
    "CREATE TABLE made AS SELECT plain(i) FROM generate_series(1, 2) i",
    "CREATE TABLE made AS SELECT 1/(i - 2) AS x FROM generate_series(1, 3) i",
    "SELECT 1/(i - 2) AS x INTO made FROM generate_series(1, 3) i",
    "CREATE TABLE made AS SELECT nope",
    "CREATE TABLE made (a, b) AS SELECT 1",
    "CREATE TABLE uq AS SELECT 1 AS x",
    "CREATE TABLE made AS EXECUTE missing_statement",
    "CREATE MATERIALIZED VIEW mv AS SELECT 1/0 AS x",
    "CREATE SCHEMA s CREATE TABLE a (x int) CREATE VIEW v AS SELECT nope FROM a",
    "CREATE TYPE bad AS ENUM ('a', 'a')",
    "GRANT SELECT ON missing_table TO PUBLIC",
    "GRANT SELECT ON uq TO missing_role",
    "COMMENT ON COLUMN uq.missing IS 'x'",
    "CREATE TRIGGER bad AFTER INSERT ON uq FOR EACH ROW EXECUTE FUNCTION plain()",
    "CREATE EXTENSION missing_extension",
    "CREATE TABLE pg_catalog.bad (x int)",
    "CREATE TABLE missing_schema.bad (x int)",
    "CREATE TABLE bad (x int PRIMARY KEY, y int PRIMARY KEY)",
    "CREATE TABLE bad (x int DEFAULT nope)",
    "CREATE TABLE bad (x int) PARTITION BY RANGE (nope)",
    "CREATE NONSENSE",
    "CREATE TABLE bad (x int",
    "SELECT 'unfinished",
    "CALL proc()",
    "INSERT INTO uq VALUES (7, 0)",
    "INSERT INTO uq VALUES (7, NULL)",
    "INSERT INTO uq VALUES (7, 7, 'too long')",
    "INSERT INTO child VALUES (99)",
    "SELECT 20::small",
    "DELETE FROM uq",
    "BEGIN; CREATE TABLE bad (x int); SELECT 1/0",
    "CREATE TABLE bad (x int); SELECT 1/0",
    "DO $$ BEGIN CREATE TABLE bad (x int); PERFORM plain(1); END $$",
    "DO $$ BEGIN BEGIN PERFORM plain(1); EXCEPTION WHEN unique_violation THEN CREATE TABLE uq (x int); END; END $$",
    "CREATE INDEX CONCURRENTLY ON missing_table (x)",
    "BEGIN; CREATE INDEX CONCURRENTLY ON uq (n)",
    "REFRESH MATERIALIZED VIEW missing_view",
    "SET ROLE missing_role",
    "ALTER TYPE missing_type ADD VALUE 'x'",
    "LOCK TABLE missing_table",
];

/// The same failing statements in a database with and one without the extension, fresh sessions and used ones.
#[test]
fn every_field_is_as_without_the_extension() {
    let (bare, with) = (Database::bare("errors_bare"), Database::new("errors_with"));
    for database in [&bare, &with] {
        database.connect().batch_execute(SETUP).unwrap();
    }
    let (mut bare_client, mut used_client) = (bare.connect(), with.connect());
    // the library is loaded and has seen every kind of path
    for client in [&mut bare_client, &mut used_client] {
        client
            .batch_execute("CREATE TABLE warm (x int); CREATE TABLE warm2 AS SELECT 1 AS x; DROP TABLE warm, warm2")
            .unwrap();
    }
    let mut differences = Vec::new();
    for statement in FAILING {
        let mut fresh_client = with.connect();
        let want = seen(&mut bare_client, statement);
        assert!(want.is_some(), "does not fail: {statement}");
        for (which, client) in [("used", &mut used_client), ("fresh", &mut fresh_client)] {
            let got = seen(client, statement);
            if got != want {
                differences.push(format!(
                    "{statement} ({which} session)\n--- without\n{}\n--- with\n{}",
                    want.as_deref().unwrap_or("no error"),
                    got.as_deref().unwrap_or("no error")
                ));
            }
            let _ = client.batch_execute("ROLLBACK; DROP TABLE IF EXISTS in_proc");
        }
        let _ = bare_client.batch_execute("ROLLBACK; DROP TABLE IF EXISTS in_proc");
    }
    assert!(
        differences.is_empty(),
        "{} differences:\n\n{}",
        differences.len(),
        differences.join("\n\n")
    );
}

/// A statement that fails leaves nothing: no row, and the next is right.
#[test]
fn state_is_clean_after_errors() {
    let database = Database::new("errors_state");
    let mut client = database.connect();
    client.batch_execute(SETUP).unwrap();
    let mut want = database.texts();
    for (number, statement) in FAILING.iter().enumerate() {
        let before = database.texts().len();
        seen(&mut client, statement).expect(statement);
        client.batch_execute("ROLLBACK").unwrap();
        let left = database.texts().split_off(before);
        // the procedure commits its first command; every other failure takes all along
        let committed: &[&str] = if *statement == "CALL proc()" {
            &["CREATE TABLE in_proc (x int)"]
        } else {
            &[]
        };
        assert_eq!(left, committed, "{statement}");
        want.extend(left);
        let next = format!("CREATE TABLE next_{number} (x int)");
        client
            .batch_execute(&format!("SELECT 1; {next}; SELECT 2"))
            .unwrap();
        want.push(next);
        assert_eq!(database.texts(), want, "after {statement}");
    }
    database.expect_sound();
}

/// A cancelled or timed-out command is an ordinary error.
#[test]
fn timeouts() {
    let database = Database::new("timeouts");
    let mut client = database.connect();
    client
        .batch_execute("CREATE TABLE a AS SELECT 1 AS x; SET statement_timeout = 50")
        .unwrap();
    for statement in [
        "CREATE TABLE b AS SELECT pg_sleep(10)::text AS x",
        "DO $$ BEGIN CREATE TABLE b (x int); PERFORM pg_sleep(10); END $$",
        "ALTER TABLE a ADD COLUMN y text DEFAULT pg_sleep(10)::text",
    ] {
        let error = client.batch_execute(statement).unwrap_err();
        assert_eq!(
            error.code().map(postgres::error::SqlState::code),
            Some("57014"),
            "{statement}: {error}"
        );
    }
    client
        .batch_execute("RESET statement_timeout; CREATE TABLE c (x int)")
        .unwrap();
    database.expect(&[
        "CREATE TABLE public.a (x integer)",
        "CREATE TABLE c (x int)",
    ]);
}

/// Nothing of Rust is in messages, nor in the server's log: not even where the server's environment asks for backtraces, as
/// that of these clusters does. Taking one needs memory, which an error may be about.
#[test]
fn no_rust_in_messages() {
    let cluster = cluster::fresh();
    cluster.start("-c log_error_verbosity=verbose");
    let mut client = cluster.connect("postgres");
    client
        .batch_execute("CREATE EXTENSION dts_ddl_capture")
        .unwrap();
    client.batch_execute(SETUP).unwrap();
    client
        .batch_execute("SET session_replication_role = replica; ALTER TABLE public.dts_ddl_command RENAME TO gone; RESET session_replication_role")
        .unwrap();
    let mut all = seen(&mut client, "CREATE TABLE x (a int)").expect("an error");
    all += &seen(&mut client, "SELECT public.dts_capture_ddl()").expect("an error");
    all += &seen(
        &mut client,
        "SELECT dts_ddl.statement_tags('CREATE NONSENSE')",
    )
    .expect("an error");
    for word in ["panicked", "backtrace", "::", "unwrap"] {
        assert!(
            !all.split("LOCATION").next().unwrap().contains(word),
            "{word} in {all}"
        );
    }
    let log = cluster.log();
    assert!(log.contains("dts_capture_ddl"), "{log}");
    for word in ["panicked", "backtrace", "unwrap"] {
        assert!(!log.contains(word), "{word} in {log}");
    }
}
