//! CREATE EXTENSION and ALTER EXTENSION .. UPDATE whose scripts fill tables: the row comes first. Small extensions are
//! put into the server's directory for the length of a test, by whoever installed the extension under test there.

use super::server::{Database, skipped, value};
use postgres::Client;
use std::path::PathBuf;

/// Extensions that CREATE EXTENSION finds as long as the value lives.
pub struct Installed(Vec<PathBuf>);

impl Drop for Installed {
    fn drop(&mut self) {
        for file in &self.0 {
            let _ = std::fs::remove_file(file);
        }
    }
}

/// Writes control files (`NAME.control`) and scripts (`NAME--VERSION.sql`); `None` where that is not allowed.
pub fn install(test: &str, database: &Database, files: &[(&str, &str)]) -> Option<Installed> {
    let directory = database.value("SELECT setting FROM pg_config WHERE name = 'SHAREDIR'");
    let mut installed = Installed(Vec::new());
    for (name, text) in files {
        let path = PathBuf::from(&directory).join("extension").join(name);
        if let Err(error) = std::fs::write(&path, text) {
            skipped(test, &format!("{}: {error}", path.display()));
            return None;
        }
        installed.0.push(path);
    }
    Some(installed)
}

/// A slot, and what came since the last look: per transaction the tables that got a row, the capture table as `DDL`.
struct Decoder<'a> {
    database: &'a Database,
    slot: String,
}

impl<'a> Decoder<'a> {
    fn new(test: &str, database: &'a Database) -> Option<Self> {
        let slot = format!("slot_{}", database.name);
        let made = database.connect().execute(
            "SELECT pg_create_logical_replication_slot($1, 'test_decoding')",
            &[&slot],
        );
        if let Err(error) = made {
            skipped(test, &format!("test_decoding: {error}"));
            return None;
        }
        Some(Self { database, slot })
    }

    fn taken(&self) -> String {
        self.database.value(&format!(
            "SELECT string_agg(CASE WHEN data LIKE 'table public.dts_ddl_command: INSERT:%' THEN 'DDL' ELSE substring(data FROM '^table \\S+\\.(\\S+): INSERT:') END, ' ' ORDER BY o)
             FROM pg_logical_slot_get_changes('{}', NULL, NULL) WITH ORDINALITY AS c(lsn, xid, data, o)
             WHERE data LIKE 'table %: INSERT:%'",
            self.slot
        ))
    }
}

pub fn run(client: &mut Client, sql: &str) {
    client
        .batch_execute(sql)
        .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
}

const CONTROL: &str = "default_version = '1.0'\nrelocatable = false\n";

/// Whatever the first statement of a script is, the row comes before what it writes.
#[test]
fn row_before_rows() {
    let database = Database::new("extension_order");
    let Some(decoder) = Decoder::new("row_before_rows", &database) else {
        return;
    };
    let Some(_files) = install(
        "row_before_rows",
        &database,
        &[
            ("dts_t_table.control", CONTROL),
            (
                "dts_t_table--1.0.sql",
                "CREATE TABLE dts_t_table (x int); INSERT INTO dts_t_table VALUES (1), (2);",
            ),
            (
                "dts_t_table--1.0--1.1.sql",
                "INSERT INTO dts_t_table VALUES (3); CREATE TABLE dts_t_more AS SELECT 1 AS x;",
            ),
            (
                "dts_t_table--1.1--1.2.sql",
                "UPDATE dts_t_table SET x = x; INSERT INTO dts_t_table VALUES (4);",
            ),
            ("dts_t_insert.control", CONTROL),
            (
                "dts_t_insert--1.0.sql",
                "INSERT INTO public.dts_t_source VALUES (1);",
            ),
            ("dts_t_select.control", CONTROL),
            (
                "dts_t_select--1.0.sql",
                "-- nothing\nSELECT public.dts_t_fill();",
            ),
            ("dts_t_do.control", CONTROL),
            (
                "dts_t_do--1.0.sql",
                "SET LOCAL check_function_bodies = off; DO $$ BEGIN INSERT INTO public.dts_t_source VALUES (1); CREATE TABLE dts_t_done AS SELECT 1 AS x; END $$;",
            ),
            ("dts_t_ctas.control", CONTROL),
            (
                "dts_t_ctas--1.0.sql",
                "CREATE TABLE dts_t_ctas AS SELECT 1 AS x;",
            ),
            ("dts_t_copy.control", CONTROL),
            (
                "dts_t_copy--1.0.sql",
                "COPY public.dts_t_source FROM PROGRAM 'echo 1';",
            ),
            (
                "dts_t_needs.control",
                "default_version = '1.0'\nrequires = 'dts_t_table, dts_t_ctas'\n",
            ),
            (
                "dts_t_needs--1.0.sql",
                "CREATE TABLE dts_t_own AS SELECT 1 AS x;",
            ),
        ],
    ) else {
        return;
    };
    let mut client = database.connect();
    run(
        &mut client,
        "SET dts_ddl_capture.enabled = off; CREATE TABLE public.dts_t_source (x int);
         CREATE FUNCTION public.dts_t_fill() RETURNS void LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.dts_t_source VALUES (1); END $$;
         RESET dts_ddl_capture.enabled",
    );
    decoder.taken();
    let mut expect = |statement: &str, decoded: &str| {
        run(&mut client, statement);
        assert_eq!(decoder.taken(), decoded, "{statement}");
    };
    expect(
        "CREATE EXTENSION dts_t_table",
        "DDL dts_t_table dts_t_table",
    );
    expect(
        "ALTER EXTENSION dts_t_table UPDATE TO '1.2'",
        "DDL dts_t_table dts_t_more dts_t_table",
    );
    expect("ALTER EXTENSION dts_t_table UPDATE TO '1.2'", "NULL");
    expect("CREATE EXTENSION IF NOT EXISTS dts_t_table", "NULL");
    expect("DROP EXTENSION dts_t_table", "DDL");
    expect("CREATE EXTENSION dts_t_insert", "DDL dts_t_source");
    expect("CREATE EXTENSION dts_t_select", "DDL dts_t_source");
    expect("CREATE EXTENSION dts_t_do", "DDL dts_t_source dts_t_done");
    expect("CREATE EXTENSION dts_t_copy", "DDL dts_t_source");
    expect(
        "CREATE EXTENSION dts_t_needs CASCADE",
        "DDL dts_t_table dts_t_table dts_t_ctas dts_t_own",
    );
    expect(
        "DROP EXTENSION dts_t_table CASCADE; DROP EXTENSION dts_t_ctas",
        "DDL DDL",
    );
    expect(
        "BEGIN; CREATE TABLE plain AS SELECT 1 AS x; DO $$ BEGIN CREATE EXTENSION dts_t_ctas; INSERT INTO plain VALUES (2); END $$; COMMIT",
        "DDL plain DDL dts_t_ctas plain",
    );
    expect("DROP EXTENSION dts_t_ctas", "DDL");
    expect(
        "CREATE TABLE a (x int); INSERT INTO a VALUES (1); CREATE EXTENSION dts_t_ctas; INSERT INTO a VALUES (2)",
        "DDL a DDL dts_t_ctas a",
    );
    expect("DROP EXTENSION dts_t_ctas", "DDL");
    // the first DDL of a session, plain and in a function
    for statement in [
        "CREATE EXTENSION dts_t_ctas",
        "DO $$ BEGIN CREATE EXTENSION dts_t_ctas; END $$",
        "SELECT 1; CREATE EXTENSION dts_t_ctas; SELECT 2",
    ] {
        run(&mut database.connect(), statement);
        assert_eq!(decoder.taken(), "DDL dts_t_ctas", "{statement}");
        run(&mut database.connect(), "DROP EXTENSION dts_t_ctas");
        decoder.taken();
    }
    database.expect_sound();
}

/// What the early row says, and which commands have none.
#[test]
fn rows() {
    let database = Database::new("extension_rows");
    let Some(_files) = install(
        "rows",
        &database,
        &[
            (
                "dts_r_Odd x.control",
                "default_version = '1.0'\nschema = 'dts_r_schema'\n",
            ),
            (
                "dts_r_Odd x--1.0.sql",
                "CREATE TABLE dts_r_odd (x int); CREATE FUNCTION dts_r_f() RETURNS int LANGUAGE sql AS 'SELECT 1';",
            ),
            (
                "dts_r_Odd x--1.0--2.0.sql",
                "ALTER TABLE dts_r_odd ADD COLUMN y int; DROP FUNCTION dts_r_f();",
            ),
            ("dts_r_empty.control", CONTROL),
            ("dts_r_empty--1.0.sql", "-- nothing at all\n"),
            ("dts_r_fails.control", CONTROL),
            (
                "dts_r_fails--1.0.sql",
                "CREATE TABLE dts_r_gone (x int); SELECT 1/0;",
            ),
            (
                "dts_r_needs.control",
                "default_version = '1.0'\nrequires = 'dts_r_fails'\n",
            ),
            ("dts_r_needs--1.0.sql", "SELECT 1;"),
        ],
    ) else {
        return;
    };
    let mut client = database.connect();
    run(
        &mut client,
        "CREATE EXTENSION \"dts_r_Odd x\"; ALTER EXTENSION \"dts_r_Odd x\" UPDATE TO '2.0'; ALTER EXTENSION \"dts_r_Odd x\" UPDATE TO '2.0';
         CREATE EXTENSION IF NOT EXISTS \"dts_r_Odd x\"; CREATE EXTENSION dts_r_empty; CREATE EXTENSION IF NOT EXISTS dts_r_empty; CREATE TABLE after (x int);
         SET search_path = pg_catalog; ALTER EXTENSION \"dts_r_Odd x\" DROP TABLE dts_r_schema.dts_r_odd; RESET search_path",
    );
    database.expect(&[
        "CREATE EXTENSION \"dts_r_Odd x\"",
        "ALTER EXTENSION \"dts_r_Odd x\" UPDATE TO '2.0'",
        "CREATE EXTENSION dts_r_empty",
        "CREATE TABLE after (x int)",
        "ALTER EXTENSION \"dts_r_Odd x\" DROP TABLE dts_r_schema.dts_r_odd",
    ]);
    assert_eq!(
        database.column("concat_ws(' ', tag, object_type, object_name, (SELECT string_agg(concat_ws(' ', o->>'op', o->>'type', o->>'identity'), ', ') FROM json_array_elements(message::json->'objects') o), message::json->'search_path')")[..3],
        [
            "CREATE EXTENSION extension \"dts_r_Odd x\" create schema dts_r_schema, create extension \"dts_r_Odd x\" [\"public\"]",
            "ALTER EXTENSION extension \"dts_r_Odd x\" alter extension \"dts_r_Odd x\" [\"public\"]",
            "CREATE EXTENSION extension dts_r_empty create extension dts_r_empty [\"public\"]",
        ]
    );
    // what fails leaves no row, and the next command has its own
    run(&mut client, "DELETE FROM public.dts_ddl_command");
    for mut client in [client, database.connect()] {
        client
            .batch_execute("CREATE EXTENSION dts_r_fails")
            .unwrap_err();
        client
            .batch_execute("CREATE EXTENSION dts_r_needs CASCADE")
            .unwrap_err();
        run(&mut client, "BEGIN; SAVEPOINT s");
        client
            .batch_execute("CREATE EXTENSION dts_r_fails")
            .unwrap_err();
        run(
            &mut client,
            "ROLLBACK TO s; CREATE TABLE saved (x int); COMMIT",
        );
        run(
            &mut client,
            "DO $$ BEGIN BEGIN CREATE EXTENSION dts_r_fails; EXCEPTION WHEN division_by_zero THEN CREATE TABLE caught (x int); END; END $$; DROP TABLE saved, caught",
        );
        database.expect(&[
            "CREATE TABLE saved (x int)",
            "CREATE TABLE caught (x int)",
            "DROP TABLE saved, caught",
        ]);
        run(&mut client, "DELETE FROM public.dts_ddl_command");
    }
}

/// When nothing is to be captured, nothing is; a row that cannot be written is an error or a gap, once.
#[test]
fn settings() {
    let database = Database::new("extension_settings");
    let Some(_files) = install(
        "settings",
        &database,
        &[
            ("dts_s_two.control", CONTROL),
            (
                "dts_s_two--1.0.sql",
                "CREATE TABLE dts_s_1 (x int); CREATE TABLE dts_s_2 (x int);",
            ),
        ],
    ) else {
        return;
    };
    let mut client = database.connect();
    run(
        &mut client,
        "SET dts_ddl_capture.enabled = off; CREATE EXTENSION dts_s_two; DROP EXTENSION dts_s_two; RESET dts_ddl_capture.enabled;
         SET session_replication_role = replica; CREATE EXTENSION dts_s_two; DROP EXTENSION dts_s_two; RESET session_replication_role",
    );
    database.expect(&[]);
    run(
        &mut client,
        "SET session_replication_role = replica; ALTER TABLE public.dts_ddl_command RENAME TO elsewhere; RESET session_replication_role",
    );
    let error = client
        .batch_execute("CREATE EXTENSION dts_s_two")
        .unwrap_err();
    assert!(
        error
            .as_db_error()
            .unwrap()
            .message()
            .contains("does not exist"),
        "{error:?}"
    );
    run(
        &mut client,
        "SET dts_ddl_capture.on_error = warning; CREATE EXTENSION dts_s_two",
    );
    assert_eq!(value(&mut client, "SELECT dts_ddl.gaps()"), "1");
}

/// `published` tells which publications will send tables that the script makes.
#[test]
fn published() {
    let database = Database::new("extension_published");
    let Some(_files) = install(
        "published",
        &database,
        &[
            ("dts_p_one.control", CONTROL),
            ("dts_p_one--1.0.sql", "CREATE TABLE dts_p_1 (x int);"),
            ("dts_p_one--1.0--1.1.sql", "CREATE TABLE dts_p_2 (x int);"),
        ],
    ) else {
        return;
    };
    let mut client = database.connect();
    run(
        &mut client,
        "CREATE EXTENSION dts_p_one; DROP EXTENSION dts_p_one; CREATE PUBLICATION dts_sync_x; CREATE PUBLICATION every_a FOR ALL TABLES; CREATE PUBLICATION every_b FOR ALL TABLES",
    );
    let with_schemas = super::server::server().major >= 15;
    if with_schemas {
        run(
            &mut client,
            "CREATE SCHEMA s2; CREATE PUBLICATION two FOR TABLES IN SCHEMA s2, public; CREATE PUBLICATION other FOR TABLES IN SCHEMA s2",
        );
    }
    run(
        &mut client,
        "CREATE EXTENSION dts_p_one; ALTER EXTENSION dts_p_one UPDATE TO '1.1'",
    );
    let mut want = "[{\"publications\":[\"every_a\",\"every_b\"]}".to_owned();
    if with_schemas {
        want += ",{\"schema\":\"public\",\"publications\":[\"two\"]},{\"schema\":\"s2\",\"publications\":[\"two\",\"other\"]}";
    }
    want += "]";
    let got = database.column("tag || ' ' || coalesce(message::json->>'published', '-')");
    let extensions: Vec<&String> = got
        .iter()
        .filter(|row| row.contains("E EXTENSION") || row.contains("R EXTENSION"))
        .collect();
    assert_eq!(
        extensions,
        [
            "CREATE EXTENSION -",
            &format!("CREATE EXTENSION {want}"),
            &format!("ALTER EXTENSION {want}")
        ]
    );
}

/// An update of this extension itself: no row of it or of what its script does, and capture goes on, with a library that was
/// loaded before as with a fresh one, in the session that ran it and in others.
#[test]
fn own_update() {
    let database = Database::new("own_update");
    let version = env!("CARGO_PKG_VERSION");
    let Some(_files) = install(
        "own_update",
        &database,
        &[
            (
                &format!("dts_ddl_capture--{version}--{version}.t1.sql"),
                "COMMENT ON SCHEMA dts_ddl IS 'updated';
                 CREATE OR REPLACE FUNCTION dts_ddl.gaps() RETURNS bigint
                   LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'gaps_wrapper';",
            ),
            (
                &format!("dts_ddl_capture--{version}.t1--{version}.t2.sql"),
                "CREATE SEQUENCE dts_ddl.of_an_update;
                 CREATE TABLE dts_ddl.of_an_update_too AS SELECT 1 AS x;
                 DROP TABLE dts_ddl.of_an_update_too;
                 DROP EVENT TRIGGER dts_intercept_ddl;
                 CREATE EVENT TRIGGER dts_intercept_ddl ON ddl_command_end EXECUTE FUNCTION public.dts_capture_ddl();",
            ),
        ],
    ) else {
        return;
    };
    let mut other = database.connect();
    let mut used = database.connect();
    run(&mut other, "CREATE TABLE a (x int)");
    run(&mut used, "CREATE TABLE b (x int)");
    run(
        &mut used,
        &format!("ALTER EXTENSION dts_ddl_capture UPDATE TO '{version}.t1'"),
    );
    run(&mut used, "CREATE TABLE c (x int)");
    run(&mut other, "CREATE TABLE d (x int)");
    // a fresh session, whose first command it is
    run(
        &mut database.connect(),
        &format!(
            "ALTER EXTENSION dts_ddl_capture UPDATE TO '{version}.t2'; CREATE TABLE e (x int); SELECT 1 AS x INTO f"
        ),
    );
    run(&mut other, "DROP TABLE d");
    run(
        &mut used,
        "BEGIN; COMMENT ON EXTENSION dts_ddl_capture IS 'x'; CREATE TABLE g (x int); COMMIT",
    );
    database.expect(&[
        "CREATE TABLE a (x int)",
        "CREATE TABLE b (x int)",
        "CREATE TABLE c (x int)",
        "CREATE TABLE d (x int)",
        "CREATE TABLE e (x int)",
        "CREATE TABLE public.f (x integer)",
        "DROP TABLE d",
        "CREATE TABLE g (x int)",
    ]);
    assert_eq!(
        database.column("id"),
        ["1", "2", "3", "4", "5", "6", "7", "8"]
    );
    assert_eq!(
        database.value("SELECT extversion || ' ' || dts_ddl.gaps() || ' ' || obj_description('dts_ddl'::regnamespace) FROM pg_extension WHERE extname = 'dts_ddl_capture'"),
        format!("{version}.t2 0 updated")
    );
    run(&mut used, "DROP EXTENSION dts_ddl_capture");
    assert_eq!(database.value("SELECT count(*) FROM pg_event_trigger"), "0");
}
