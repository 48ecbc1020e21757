//! pg_dump and restores: nothing of the extension's members is in a dump, what is restored is quiet until it is told what it is, and
//! nobody can use that to hide a command.

use super::dump;
use super::pair::describe;
use super::server::{Database, value};
use std::process::Command;

/// What every dump sets before its first command.
const SETTINGS_OF_A_DUMP: &str =
    "SET search_path = ''; SET check_function_bodies = off; SET row_security = off";

#[track_caller]
fn output(command: &mut Command) -> String {
    let output = command.output().expect("a client program");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    assert!(!errors.contains("ERROR"), "{command:?}: {errors}");
    String::from_utf8(output.stdout).expect("UTF8")
}

/// A schema with one of everything that a dump writes in a way of its own.
fn source() -> Database {
    let source = Database::new("dumped");
    source
        .connect()
        .batch_execute(
            "CREATE TABLE a (id serial PRIMARY KEY, t text CHECK (t <> ''));
             INSERT INTO a (t) VALUES ('x'), ('y');
             ALTER TABLE a REPLICA IDENTITY DEFAULT;
             CREATE TABLE b (id int REFERENCES a, g int GENERATED ALWAYS AS IDENTITY);
             CREATE INDEX ON b (id);
             CREATE VIEW v AS SELECT * FROM a;
             CREATE MATERIALIZED VIEW m AS SELECT count(*) AS n FROM a;
             CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
             CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f();
             CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
             CREATE EVENT TRIGGER zz ON ddl_command_end EXECUTE FUNCTION e();
             CREATE SCHEMA s; CREATE TYPE s.e AS ENUM ('a', 'b');
             CREATE PUBLICATION dts_sync_p; ALTER PUBLICATION dts_sync_p ADD TABLE b;
             GRANT SELECT ON a TO PUBLIC; COMMENT ON TABLE a IS 'a'",
        )
        .expect("a schema");
    source
}

const COPY: &str = "SELECT status || ' ' || (SELECT capturing FROM dts_ddl.status) FROM dts_ddl.check() WHERE name = 'copy'";

/// Nothing was recorded, everything is as it was, and nothing is until the database is told that it is a source.
#[track_caller]
fn expect_restored(source: &Database, restored: &Database) {
    assert_eq!(restored.texts(), Vec::<String>::new(), "{}", restored.name);
    dump::expect_same(&source.dump(), &restored.dump());
    let mut client = restored.connect();
    assert_eq!(
        value(
            &mut client,
            "SELECT string_agg(relname || relreplident::text, ' ' ORDER BY relname) FROM pg_class WHERE relname IN ('a', 'b')"
        ),
        "ad bf"
    );
    client
        .batch_execute("CREATE TABLE quiet (x int)")
        .expect("DDL");
    assert_eq!(value(&mut client, "SELECT dts_ddl.last_id()"), "0");
    assert_eq!(value(&mut client, COPY), "error false");
    client
        .batch_execute("SELECT dts_ddl.start_capture(); CREATE TABLE first (x int); ALTER TABLE a ADD COLUMN n int")
        .expect("DDL");
    restored.expect(&[
        "CREATE TABLE first (x int)",
        "ALTER TABLE a ADD COLUMN n int",
    ]);
    assert_eq!(restored.column("id"), ["1", "2"]);
    assert_eq!(value(&mut client, COPY), "ok true");
    assert_eq!(
        value(
            &mut client,
            "SELECT dts_ddl.pruned_through() || ' ' || dts_ddl.gaps()"
        ),
        "0 0"
    );
    // from then on a session with these settings is one like any other
    client
        .batch_execute(&format!(
            "{SETTINGS_OF_A_DUMP}; CREATE TABLE public.of_a_later_restore (x int)"
        ))
        .expect("DDL");
    assert_eq!(
        restored.texts().last().map(String::as_str),
        Some("CREATE TABLE public.of_a_later_restore (x int)")
    );
}

/// A dump as text, with psql.
#[test]
fn text() {
    let source = source();
    let text = output(&mut source.program("pg_dump", &[]));
    assert!(
        text.contains("CREATE EXTENSION IF NOT EXISTS dts_ddl_capture"),
        "{text}"
    );
    for word in [
        "TABLE public.dts_ddl_command",
        "dts_intercept",
        "dts_capture_ddl",
        "SCHEMA dts_ddl",
        "COPY public.dts_ddl_command",
    ] {
        assert!(!text.contains(word), "{word} is in the dump:\n{text}");
    }
    let file = std::env::temp_dir().join(format!("{}.sql", source.name));
    std::fs::write(&file, text).expect("a file");
    for options in [&["-v", "ON_ERROR_STOP=1"][..], &["-1"]] {
        let restored = Database::bare("restored_text");
        output(restored.psql().args(options).arg("-f").arg(&file));
        expect_restored(&source, &restored);
    }
    let _ = std::fs::remove_file(&file);
}

/// A dump as archive, with pg_restore: in one session, in one transaction, in several sessions.
#[test]
fn archive() {
    let source = source();
    let file = std::env::temp_dir().join(format!("{}.dump", source.name));
    output(source.program("pg_dump", &["-Fc"]).arg("-f").arg(&file));
    for options in [&["--exit-on-error"][..], &["-1"], &["--jobs=3"]] {
        let restored = Database::bare("restored_archive");
        output(restored.program("pg_restore", options).arg(&file));
        expect_restored(&source, &restored);
    }
    let _ = std::fs::remove_file(&file);
}

/// A restore into a database that captures already is DDL like any other, unless capture is switched off for it.
#[test]
fn into_a_capturing_database() {
    let source = source();
    let file = std::env::temp_dir().join(format!("{}.into.dump", source.name));
    output(source.program("pg_dump", &["-Fc"]).arg("-f").arg(&file));
    let recorded = Database::new("restored_into");
    output(recorded.program("pg_restore", &[]).arg(&file));
    let tags = recorded.column("tag || ' ' || coalesce(object_name, '')");
    assert!(
        tags.contains(&"CREATE TABLE public.a".to_owned())
            && tags.contains(&"CREATE VIEW public.v".to_owned()),
        "{tags:?}"
    );
    recorded.expect_sound();
    let silent = Database::new("restored_silently");
    output(
        silent
            .program("pg_restore", &[])
            .env("PGOPTIONS", "-c dts_ddl_capture.enabled=off")
            .arg(&file),
    );
    dump::expect_same(&source.dump(), &silent.dump());
    assert_eq!(silent.texts(), Vec::<String>::new());
    let _ = std::fs::remove_file(&file);
}

/// A database whose extension a restore has made.
fn copy(topic: &str) -> Database {
    let copy = Database::bare(topic);
    copy.connect()
        .batch_execute(&format!(
            "{SETTINGS_OF_A_DUMP}; CREATE EXTENSION dts_ddl_capture; CREATE TABLE public.part_of_it (x int)"
        ))
        .expect("a restore");
    copy
}

/// The settings alone hide nothing where the extension was made by hand.
#[test]
fn hides_nothing() {
    let by_hand = Database::new("by_hand");
    by_hand
        .connect()
        .batch_execute(&format!(
            "{SETTINGS_OF_A_DUMP}; CREATE TABLE public.a (x int)"
        ))
        .expect("DDL");
    by_hand.expect(&["CREATE TABLE public.a (x int)"]);
}

/// A program that copies a database goes on in sessions of its own, and brings rows of the source's table: a copy is quiet for all of
/// them, and its own ids begin above those rows, whatever tells it that it is a source.
#[test]
fn quiet_until_it_is_told() {
    const ROWS: &str = "INSERT INTO public.dts_ddl_command (id, ddl_text) SELECT i, 'of the source' FROM generate_series(1, 5) i";
    const IDS: &str = "SELECT string_agg(id::text, ' ' ORDER BY id) FROM public.dts_ddl_command WHERE ddl_text <> 'of the source'";
    for tell in [
        "SELECT dts_ddl.start_capture()",
        "SELECT dts_ddl.start_apply(trust_source => true); SELECT dts_ddl.stop_apply(capture => true)",
        "SELECT pg_create_logical_replication_slot('SLOT', 'pgoutput')",
    ] {
        let database = copy("told");
        let mut client = database.connect();
        let mut user = database.connect_as("restore_user");
        client
            .batch_execute("CREATE INDEX ON public.part_of_it (x)")
            .expect("DDL");
        user.batch_execute("CREATE TABLE restore_user.a (x int)")
            .expect("DDL");
        if !tell.contains("start_apply") {
            client.batch_execute(ROWS).expect("rows");
        }
        assert_eq!(value(&mut client, "SELECT dts_ddl.last_id()"), "0");
        client
            .batch_execute(&tell.replace("SLOT", &format!("slot_{}", database.name)))
            .expect(tell);
        if tell.contains("start_apply") {
            client.batch_execute(ROWS).expect("rows");
        }
        user.batch_execute("CREATE TABLE restore_user.b (x int)")
            .expect(tell);
        client
            .batch_execute("CREATE TABLE public.c (x int)")
            .expect(tell);
        assert_eq!(value(&mut client, IDS), "6 7", "{tell}");
        assert_eq!(value(&mut client, COPY), "ok true");
    }
    // what is taken back is not told
    let database = copy("told_in_vain");
    let mut client = database.connect();
    client
        .batch_execute(
            "BEGIN; SELECT dts_ddl.start_capture(); CREATE TABLE public.x (x int); ROLLBACK",
        )
        .expect("a rollback");
    client
        .batch_execute("BEGIN; SAVEPOINT s; SELECT dts_ddl.start_capture(); CREATE TABLE public.x (x int); ROLLBACK TO s; COMMIT; CREATE TABLE public.y (x int)")
        .expect("a rollback");
    database.expect(&[]);
    assert_eq!(value(&mut client, COPY), "error false");
    let destination = copy("told_destination");
    let mut client = destination.connect();
    client
        .batch_execute("SELECT dts_ddl.start_apply(trust_source => true)")
        .expect("a destination");
    assert_eq!(value(&mut client, COPY), "ok false");
    let error = client
        .batch_execute("SELECT dts_ddl.start_capture()")
        .unwrap_err();
    assert!(
        describe(&error).contains("this database applies DDL of another server"),
        "{error}"
    );
}

/// The owner of a database can have each session in it begin with these settings, a superuser's as well.
#[test]
fn not_by_the_owner_of_the_database() {
    let by_owner = |database: &Database| {
        database
            .connect()
            .batch_execute(&format!(
                "ALTER DATABASE {0} SET row_security = off; ALTER DATABASE {0} SET check_function_bodies = off",
                database.name
            ))
            .expect("settings");
    };
    let made_by_hand = Database::bare("owner_made");
    by_owner(&made_by_hand);
    for sql in [
        "CREATE EXTENSION dts_ddl_capture",
        "CREATE TABLE public.a (x int)",
    ] {
        made_by_hand.connect().batch_execute(sql).expect(sql);
    }
    made_by_hand.expect(&["CREATE TABLE public.a (x int)"]);
    let restored_later = Database::bare("owner_later");
    by_owner(&restored_later);
    // by nobody's later settings: the extension was not made by a restore
    let reset = format!("ALTER DATABASE {} RESET ALL", restored_later.name);
    for sql in [
        "CREATE EXTENSION dts_ddl_capture",
        reset.as_str(),
        &format!("{SETTINGS_OF_A_DUMP}; CREATE TABLE public.a (x int)"),
    ] {
        restored_later.connect().batch_execute(sql).expect(sql);
    }
    restored_later.expect(&["CREATE TABLE public.a (x int)"]);
}
