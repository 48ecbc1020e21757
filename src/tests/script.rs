//! `dts_ddl.script()` as it is meant to be used: out of one psql into another. What the rows become word by word is in
//! `pg_test/script/`.

use super::extension_scripts::install;
use super::replay::{MIGRATION, expect_same_schema};
use super::server::{Database, admin, server};
use postgres::Client;
use std::process::{Output, Stdio};

/// A database that is to be made like another one: with the extension, so that dumps can be the same, but not capturing.
fn target(options: &str) -> Database {
    let target = Database::with_options("script_target", options);
    target
        .connect()
        .batch_execute(&format!(
            "CREATE EXTENSION dts_ddl_capture; ALTER DATABASE {} SET dts_ddl_capture.enabled = off",
            target.name
        ))
        .expect("a target");
    target
}

const UTF8: &str = "ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'";

fn script(source: &Database, call: &str) -> Vec<u8> {
    let output = source
        .psql()
        .args(["-A", "-t", "-c", &format!("SELECT {call}")])
        .output()
        .expect("psql");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// The pipe of docs/script.md.
fn pipe(source: &Database, target: &Database) -> Output {
    let mut reader = source
        .psql()
        .args(["-A", "-t", "-c", "SELECT dts_ddl.script()"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("psql");
    let output = target
        .psql()
        .args(["-v", "ON_ERROR_STOP=1", "-v", "x=pwned"])
        .stdin(reader.stdout.take().expect("its output"))
        .output()
        .expect("psql");
    assert!(reader.wait().expect("its end").success());
    output
}

#[track_caller]
fn expect_success(output: &Output) {
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .rev()
            .take(10)
            .collect::<Vec<_>>()
            .join("\n"),
        String::from_utf8_lossy(&output.stderr)
    );
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("ERROR"), "{stderr}");
}

/// Runs a script that is no longer in the pipe.
fn run(target: &Database, script: &[u8], arguments: &[&str]) -> Output {
    let file = std::env::temp_dir().join(format!("{}_{}.sql", target.name, std::process::id()));
    std::fs::write(&file, script).expect("a file for the script");
    let output = target
        .psql()
        .args(["-v", "ON_ERROR_STOP=1"])
        .args(arguments)
        .stdin(std::fs::File::open(&file).expect("the script"))
        .output()
        .expect("psql");
    let _ = std::fs::remove_file(&file);
    output
}

fn run_all(client: &mut Client, strings: &[&str]) {
    for string in strings {
        client
            .batch_execute(string)
            .unwrap_or_else(|error| panic!("{string}: {error:?}"));
    }
}

#[test]
fn migration() {
    let (source, target) = (Database::new("script_source"), target(UTF8));
    let mut client = source.connect();
    client
        .batch_execute("SET client_min_messages = error")
        .unwrap();
    run_all(&mut client, MIGRATION);
    source.expect_sound();
    expect_success(&pipe(&source, &target));
    expect_same_schema(&source, &target);
}

/// Roles belong to the server: both databases share them. Dropped at the end, also when the test fails.
struct Roles(&'static [&'static str]);

impl Roles {
    fn new(names: &'static [&'static str]) -> Self {
        let roles = Roles(names);
        for name in names {
            admin()
                .batch_execute(&format!("CREATE ROLE {name}"))
                .expect("CREATE ROLE");
        }
        roles
    }
}

impl Drop for Roles {
    fn drop(&mut self) {
        for name in self.0 {
            let name = name.split(" IN ROLE").next().unwrap_or(name);
            let name = name.trim_end_matches(" LOGIN");
            if let Err(error) = admin().batch_execute(&format!("DROP ROLE {name}")) {
                eprintln!("{name}: {error:?}");
            }
        }
    }
}

/// What psql would take for something else: variables, its own commands, ends of statements and of comments.
const NASTY: &[&str] = &[
    "CREATE TABLE \"a\nb; \\q :x :'x' :\"\"x\"\" \\! false\" (\"c\\gexec\n\\q\n\" int DEFAULT 1, \":x\" text DEFAULT ':x \\q :''x'' \" ')",
    "COMMENT ON TABLE \"a\nb; \\q :x :'x' :\"\"x\"\" \\! false\" IS ':x :{?x} $dts$ $$ \\\\q `false`\n\\q\n\\.\n\n\n;\n--\n/*\n'' \" $dts1'",
    "COMMENT ON TABLE \"a\nb; \\q :x :'x' :\"\"x\"\" \\! false\" IS 'ends with $dts'",
    "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $dts$ SELECT ':x' || $a$ \\q $a$ -- ; :x\n\n; SELECT 'x' $dts$",
    "CREATE FUNCTION /* :x \\q ; -- */ g(\"in\" int) -- \\q ' \" $x$ :x\n RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN ''\\\\:x''; -- :x\n END' /* ' */",
    "CREATE VIEW v AS SELECT (ARRAY[1,2,3])[1:2] AS \"slice:x\", 1::int AS c, current_user::text AS d, 'b'
       'c' AS e, U&'\\0061\\0062' AS h",
    "CREATE TABLE \"crlf\r\nx\" (a text DEFAULT 'a\r\nb\rc')",
    "CREATE SCHEMA \"s\n\"\"; \\q :x $dts$\"",
    "SET search_path = \"s\n\"\"; \\q :x $dts$\", public; CREATE TABLE here (x int); CREATE TABLE here2 AS SELECT 1 AS \"x\n\"; RESET search_path",
    "CREATE TABLE scs (x text)",
    "SET standard_conforming_strings = on; CREATE TABLE scs3 (x text DEFAULT '\\')",
    "CREATE OPERATOR public.? (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq); CREATE VIEW w AS SELECT 1 ? 2 AS x",
    "SET IntervalStyle = 'sql_standard'; SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'SQL, DMY'; SET array_nulls = off; SET transform_null_equals = on; SET xmloption = document; SET bytea_output = escape;
     CREATE TABLE styles (i interval DEFAULT '-1 2:03', t timestamptz DEFAULT '02/01/2024 00:00', a text[] DEFAULT '{null}', b boolean GENERATED ALWAYS AS (now IS NULL) STORED, now int CHECK (now = NULL));
     CREATE TABLE parts (t timestamptz) PARTITION BY RANGE (t); CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM ('02/01/2024 00:00') TO ('02/02/2024 00:00');
     RESET ALL; CREATE TABLE styles2 (i interval DEFAULT '-1 2:03', d date DEFAULT '02/01/2024')",
    "SET default_tablespace = pg_default; SET check_function_bodies = off; CREATE FUNCTION later() RETURNS int LANGUAGE sql AS 'SELECT x FROM not_yet'; RESET ALL",
    // not for replay, over several lines, with what would end a comment
    "CREATE PUBLICATION /*\n\\q\r\\q\r\n\\! false\n*/ p FOR TABLE scs -- x",
    // not in a transaction block
    "CREATE INDEX CONCURRENTLY \"i\n\\q :x\" ON scs ((x || ':x'))",
    "CREATE INDEX CONCURRENTLY gone ON scs (x)",
    "DROP INDEX CONCURRENTLY gone",
    "REINDEX TABLE scs",
    "REINDEX INDEX CONCURRENTLY \"i\n\\q :x\"",
    "CREATE TABLE indexed (x int) PARTITION BY LIST (x); CREATE TABLE indexed1 PARTITION OF indexed FOR VALUES IN (1); CREATE INDEX ON indexed (x)",
    "REINDEX SCHEMA public",
    "CREATE MATERIALIZED VIEW mv AS SELECT 1 AS x; CREATE UNIQUE INDEX ON mv (x)",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY mv",
    "CREATE TYPE e AS ENUM ('a'); ALTER TYPE e ADD VALUE 'b'",
    "ALTER TYPE e ADD VALUE ':x'",
    "CREATE TABLE with_enum (x e DEFAULT ':x')",
];

/// As of 19 backslashes in plain constants are never escapes.
const NASTY_BEFORE_19: &[&str] = &[
    "SET standard_conforming_strings = off; SET escape_string_warning = off; SET DateStyle = 'German'",
    "CREATE TABLE scs1 (x text DEFAULT 'it\\'s; \\\\ \\n :x')",
    "CREATE TABLE scs2 (x text DEFAULT '\\\\', d date DEFAULT '03.02.2001')",
    "CREATE INDEX CONCURRENTLY ON scs1 (x) WHERE x <> 'it\\'s'",
    "RESET standard_conforming_strings; RESET escape_string_warning; RESET DateStyle",
];

/// These need 14.
const NASTY_14: &[&str] = &[
    "CREATE FUNCTION atomic(n int) RETURNS int BEGIN ATOMIC SELECT CASE WHEN n > 0 THEN 1 ELSE 2 END; SELECT ':x;\\q'::text::name = session_user; SELECT n; END",
    "CREATE PROCEDURE atomic_p() BEGIN ATOMIC ; SELECT 1;; END",
    "ALTER TABLE indexed DETACH PARTITION indexed1 CONCURRENTLY",
    "SET default_toast_compression = pglz; CREATE TABLE toast (x text); RESET default_toast_compression",
];

#[test]
fn nothing_of_a_statement_is_read_by_psql() {
    // 19 refuses newlines in the names of roles
    let names: &'static [&'static str] = if server().major >= 19 {
        &["\"script r \"\"; \\q :x 'ö\""]
    } else {
        &["\"script r\n\"\"; \\q :x 'ö\""]
    };
    let (_roles, name) = (Roles::new(names), names[0]);
    let (source, target) = (Database::new("script_nasty"), target(UTF8));
    let mut client = source.connect();
    client
        .batch_execute("SET client_min_messages = error")
        .unwrap();
    run_all(&mut client, NASTY);
    if server().major >= 14 {
        run_all(&mut client, NASTY_14);
    }
    if server().major < 19 {
        run_all(&mut client, NASTY_BEFORE_19);
    }
    run_all(
        &mut client,
        &[
            &format!("CREATE SCHEMA owned AUTHORIZATION {name}"),
            &format!("SET ROLE {name}"),
            "CREATE TABLE owned.t (x int); CREATE INDEX ON owned.t (x)",
            "CREATE INDEX CONCURRENTLY ON owned.t (x)",
            "RESET ROLE",
        ],
    );
    expect_success(&pipe(&source, &target));
    expect_same_schema_but_publications(&source, &target);
}

const STATE: &str = "SELECT string_agg(name || '=' || setting, ', ' ORDER BY name), current_user, session_user FROM pg_settings
    WHERE source = 'session' AND name NOT LIKE '%version%';\n";

/// Each command as who ran it; afterwards the session is as it was.
#[test]
fn roles_and_settings_are_those_of_each_command() {
    let _roles = Roles::new(&["script_b", "script_a IN ROLE script_b"]);
    let (source, target) = (Database::new("script_roles"), target(UTF8));
    let mut client = source.connect();
    run_all(
        &mut client,
        &[
            "CREATE SCHEMA a AUTHORIZATION script_a; CREATE SCHEMA b AUTHORIZATION script_b",
            "SET SESSION AUTHORIZATION script_a; SET search_path = a; SET DateStyle = 'SQL, DMY'; CREATE TABLE of_a (x int, d date DEFAULT '02/01/2024')",
            "SET ROLE script_b; SET search_path = b; CREATE TABLE of_b (x int); CREATE INDEX ON of_b (x)",
            "CREATE INDEX CONCURRENTLY ON of_b (x)",
            "CREATE FUNCTION b.make() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = b AS $$ BEGIN CREATE TABLE by_definer (x int); END $$",
            "RESET ROLE; SELECT b.make()",
            "SET ROLE script_b; GRANT SELECT ON b.of_b TO SESSION_USER; ALTER TABLE b.of_b OWNER TO CURRENT_USER; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO SESSION_USER",
            "RESET ROLE; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
            "RESET SESSION AUTHORIZATION; RESET ALL; CREATE TABLE of_super (x int)",
        ],
    );
    let mut script = script(&source, "dts_ddl.script()");
    script.extend_from_slice(STATE.as_bytes());
    // a session that had settings of its own
    let output = run(&target, &script, &["-A", "-t", "-q"]);
    expect_success(&output);
    let user = &server().user;
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(stdout.lines().last(), Some(&*format!("|{user}|{user}")));
    expect_same_schema(&source, &target);
    let owners = target.value(
        "SELECT string_agg(relname || ' ' || relowner::regrole, ', ' ORDER BY relname) FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text IN ('a', 'b')",
    );
    assert_eq!(owners, "by_definer script_b, of_a script_a, of_b script_b");
}

/// Whoever ran DDL on the source cannot make the script of a superuser run anything with more rights than his own, by no kind of
/// code that a command runs, now or at the end of its transaction.
#[test]
fn nothing_runs_with_the_rights_of_who_runs_it() {
    let _roles = Roles::new(&["script_mallory LOGIN"]);
    let (source, target) = (Database::new("script_attack"), target(UTF8));
    let user = &server().user;
    source
        .connect()
        .batch_execute("CREATE SCHEMA m AUTHORIZATION script_mallory")
        .unwrap();
    // its own session, out of which nothing leads
    let mut config = source.config();
    config.user("script_mallory");
    let mut client = config.connect(postgres::NoTls).expect("a session");
    client
        .batch_execute("SET client_min_messages = error; SET search_path = m")
        .unwrap();
    // everything is tried only where the superuser's session is another one's: on the target
    let attempt = format!(
        "CREATE FUNCTION f(what text) RETURNS int LANGUAGE plpgsql AS $f$
         DECLARE s text;
         BEGIN
           FOREACH s IN ARRAY ARRAY['RESET ROLE', 'SET ROLE \"{user}\"', 'SET LOCAL ROLE NONE', 'RESET SESSION AUTHORIZATION', 'SET SESSION AUTHORIZATION DEFAULT',
             'SELECT set_config(''role'', ''none'', false)', 'SELECT set_config(''dts_ddl.statement'', ''ALTER ROLE script_mallory SUPERUSER'', false)',
             'ALTER ROLE script_mallory SUPERUSER', 'DECLARE c CURSOR WITH HOLD FOR SELECT m.g()', 'CREATE TEMP TABLE t (x int)', 'SET CONSTRAINTS ALL DEFERRED',
             'CREATE OR REPLACE FUNCTION dts_ddl_script.run() RETURNS boolean LANGUAGE sql AS ''SELECT true''', 'DROP SCHEMA dts_ddl_script CASCADE', 'LISTEN x', 'PREPARE p AS SELECT 1']
           LOOP
             s := replace(s, 'dts_ddl_script', coalesce((SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname LIKE 'dts_ddl_script_%'), 'dts_ddl_script'));
             BEGIN EXECUTE s; EXCEPTION WHEN OTHERS THEN NULL; END;
           END LOOP;
           IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) OR current_user <> 'script_mallory' THEN
             INSERT INTO m.seen VALUES (current_user, what);
           END IF;
           IF session_user <> 'script_mallory' THEN INSERT INTO m.ran VALUES (what); END IF;
           RETURN 1;
         END $f$"
    );
    for sql in [
        "CREATE TABLE seen (who text, what text); CREATE TABLE ran (what text); CREATE TABLE base (x int PRIMARY KEY, v text)",
        &attempt,
        "CREATE FUNCTION g() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN m.f('cursor'); END $$",
        "CREATE FUNCTION i(what text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN m.f(what); END $$",
        "CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM m.f('trigger'); RETURN NEW; END $$",
        "CREATE FUNCTION fills() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN INSERT INTO m.queued VALUES (1); RETURN 1; END $$",
        "CREATE DOMAIN dom AS int CHECK (m.f('domain') = 1); ALTER TABLE base ADD a dom[]",
        "CREATE FUNCTION constant(x dom[] DEFAULT '{1}') RETURNS void LANGUAGE sql AS ''",
        "CREATE FUNCTION with_role(x dom[] DEFAULT '{1}') RETURNS void LANGUAGE sql SET work_mem = '1MB' SET role = script_mallory AS ''",
        "CREATE FUNCTION with_role_last(x dom[] DEFAULT '{1}') RETURNS void LANGUAGE sql AS '' SET role TO script_mallory",
        "CREATE PROCEDURE proc(x dom[] DEFAULT '{1}') SET ROLE script_mallory SET search_path FROM CURRENT LANGUAGE sql AS ''",
        "ALTER FUNCTION with_role(dom[]) SET role = script_mallory; ALTER FUNCTION with_role(dom[]) RESET ALL",
        "CREATE INDEX ON base (x) WHERE a IS DISTINCT FROM '{1}'::dom[]",
        "CREATE INDEX CONCURRENTLY ON base (x) WHERE a IS DISTINCT FROM '{1}'::dom[]",
        "CREATE INDEX ON base (i('index'))",
        "ALTER TABLE base ADD c int DEFAULT f('default'), ADD CHECK (f('check') = 1)",
        "CREATE VIEW view AS SELECT '{1}'::dom[] AS x; CREATE RULE r AS ON INSERT TO base DO ALSO SELECT '{1}'::dom[]",
        "CREATE MATERIALIZED VIEW mv AS SELECT f('materialized view') AS x; CREATE UNIQUE INDEX ON mv (x); REFRESH MATERIALIZED VIEW mv; REFRESH MATERIALIZED VIEW CONCURRENTLY mv",
        "REINDEX TABLE base",
        "CREATE TABLE queued (x int); CREATE CONSTRAINT TRIGGER later AFTER INSERT ON queued DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION t()",
        "CREATE TABLE part (x int) PARTITION BY LIST (i('key ' || x)); CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1); CREATE TABLE part_2 PARTITION OF part FOR VALUES IN (f('bound') + 1)",
        "CREATE POLICY p ON base USING (f('policy') = 1); COMMENT ON TABLE base IS 'x'",
    ] {
        // each statement in a string of its own
        for statement in sql
            .split("; ")
            .filter(|_| !sql.contains("$f$") && !sql.contains("$$"))
        {
            client
                .batch_execute(statement)
                .unwrap_or_else(|error| panic!("{statement}: {error:?}"));
        }
        if sql.contains("$f$") || sql.contains("$$") {
            client
                .batch_execute(sql)
                .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        }
    }
    if server().major < 19 {
        // read as one statement, and as several where it is read again
        for statement in [
            "ALTER FUNCTION m.g() SET role = 'script_mallory\\'; RESET ROLE; ALTER ROLE script_mallory SUPERUSER; --'",
            "CREATE FUNCTION m.several() RETURNS int LANGUAGE sql SET role = script_mallory SET application_name = 'x\\'; RESET ROLE; ALTER ROLE script_mallory SUPERUSER; --' AS 'SELECT 1'",
        ] {
            client
                .batch_execute("SET standard_conforming_strings = off")
                .unwrap();
            let string = format!("SET standard_conforming_strings = on; {statement}");
            client
                .batch_execute(&string)
                .unwrap_or_else(|error| panic!("{string}: {error:?}"));
            let not_read = "SELECT message::json ->> 'replay_reason' FROM public.dts_ddl_command ORDER BY id DESC LIMIT 1";
            let reason: String = source.connect().query_one(not_read, &[]).unwrap().get(0);
            assert_eq!(
                reason,
                "it was read under another standard_conforming_strings than it was run under"
            );
        }
        client
            .batch_execute("SET standard_conforming_strings = on")
            .unwrap();
        for sql in [
            "ALTER FUNCTION m.g() RESET ALL",
            "DROP FUNCTION IF EXISTS m.several()",
        ] {
            client.batch_execute(sql).unwrap();
        }
    }
    if server().major >= 14 {
        client
            .batch_execute("ALTER TABLE part DETACH PARTITION part_2 CONCURRENTLY")
            .unwrap();
        client
            .batch_execute("CREATE FUNCTION atomic(x dom[] DEFAULT '{1}') RETURNS boolean SET role = script_mallory BEGIN ATOMIC SELECT x = '{1}'::dom[]; END")
            .unwrap();
    }
    drop(client);
    expect_success(&pipe(&source, &target));
    let mut there = target.connect();
    let value = |client: &mut Client, query: &str| super::server::value(client, query);
    assert_eq!(
        value(
            &mut there,
            "SELECT string_agg(who || ': ' || what, ', ') FROM m.seen"
        ),
        "NULL"
    );
    assert_eq!(
        value(
            &mut there,
            "SELECT rolsuper FROM pg_roles WHERE rolname = 'script_mallory'"
        ),
        "false"
    );
    // the attempts were made
    let ran = value(
        &mut there,
        "SELECT string_agg(DISTINCT what, ', ' ORDER BY what) FROM m.ran",
    );
    for what in ["domain", "index", "materialized view"] {
        assert!(ran.contains(what), "{what}: {ran}");
    }
    assert_eq!(value(&mut there, WALLS), "0");
    expect_same_schema(&source, &target);
}

const WALLS: &str = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'dts_ddl_script%'";

/// A session of a role of [`Roles`], with a schema of its name.
fn session_of(database: &Database, role: &str) -> Client {
    database
        .connect()
        .batch_execute(&format!("CREATE SCHEMA {role} AUTHORIZATION {role}"))
        .expect("a schema");
    let mut client = database
        .config()
        .user(role)
        .connect(postgres::NoTls)
        .expect("a session");
    client
        .batch_execute(&format!("SET search_path = {role}"))
        .unwrap();
    client
}

/// Runs a script with a psql that goes on after an error, even inside of a transaction.
fn run_on(target: &Database, script: &[u8], arguments: &[&str]) -> (bool, String) {
    let output = run(
        target,
        script,
        &[
            &["-v", "ON_ERROR_STOP=0", "-v", "ON_ERROR_ROLLBACK=on", "-q"],
            arguments,
        ]
        .concat(),
    );
    (
        output.status.success(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// A role that was dropped while its session went on: nobody knows whose rights its command is to have.
#[test]
fn nothing_is_run_without_a_role() {
    let roles = Roles::new(&["script_dropped"]);
    let (source, target) = (Database::new("script_dropped"), target(UTF8));
    let mut client = source.connect();
    run_all(
        &mut client,
        &[
            "CREATE TABLE t (x int)",
            "GRANT SELECT ON t TO PUBLIC",
            "SET ROLE script_dropped",
        ],
    );
    drop(roles);
    client
        .batch_execute("GRANT  SELECT ON t TO PUBLIC")
        .unwrap();
    assert_eq!(
        source
            .column("concat_ws('/', username, message::jsonb->>'replay', message::jsonb->>'replay_reason')")
            .last()
            .unwrap(),
        "false/the role that ran it had been dropped"
    );
    // a row of an older version
    source
        .connect()
        .batch_execute("UPDATE public.dts_ddl_command SET message = (message::jsonb - 'replay' - 'replay_reason')::text")
        .unwrap();
    let text = String::from_utf8(script(&source, "dts_ddl.script()")).unwrap();
    assert!(
        text.contains(
            "\n-- not run: the role that ran it had been dropped\n-- GRANT  SELECT ON t TO PUBLIC\n"
        ),
        "{text}"
    );
    expect_success(&pipe(&source, &target));
    expect_same_schema(&source, &target);
}

/// What stands alone is run by its role or not at all, also where psql goes on after the error.
#[test]
fn nothing_runs_without_its_role() {
    let (source, target) = (Database::new("script_missing"), target(UTF8));
    run_all(
        &mut source.connect(),
        &[
            "CREATE TABLE t (x int); CREATE INDEX one ON t (x); CREATE INDEX two ON t (x)",
            "DROP INDEX CONCURRENTLY one",
            "DROP INDEX CONCURRENTLY two",
            "UPDATE public.dts_ddl_command SET username = 'script_nobody' WHERE ddl_text LIKE 'DROP%'",
            "UPDATE public.dts_ddl_command SET message = (message::jsonb - 'superuser')::text WHERE ddl_text LIKE '%two'",
        ],
    );
    let text = script(&source, "dts_ddl.script()");
    let (success, stderr) = run_on(&target, &text, &[]);
    assert!(success);
    assert_eq!(
        stderr
            .matches("not run: the session is not its role")
            .count(),
        2,
        "{stderr}"
    );
    assert_eq!(
        target.value("SELECT count(*) FROM pg_class WHERE relname IN ('one', 'two')"),
        "2"
    );
    assert_eq!(target.value(WALLS), "0");
    let again = script(&source, "dts_ddl.script(after_id => 3)");
    assert_eq!(run(&target, &again, &["-q"]).status.code(), Some(3));
}

/// Nobody can make the schema that the script is about to make.
#[test]
fn planted_schemas_are_not_used() {
    let _roles = Roles::new(&["script_plants LOGIN", "script_runs LOGIN"]);
    let (source, target) = (Database::new("script_planted"), target(UTF8));
    run_all(
        &mut session_of(&source, "script_plants"),
        &["CREATE TABLE t (x int)", "CREATE VIEW v AS SELECT x FROM t"],
    );
    source
        .connect()
        .batch_execute("CREATE SCHEMA dts_ddl_script")
        .unwrap();
    let planted = format!("dts_ddl_script_{}", "0".repeat(32));
    for name in ["dts_ddl_script", &planted] {
        target
            .connect()
            .batch_execute(&format!(
                "CREATE SCHEMA {name} AUTHORIZATION script_plants; GRANT ALL ON SCHEMA {name} TO PUBLIC;
                 CREATE FUNCTION {name}.run() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE public.pwned (); RETURN true; END $$"
            ))
            .unwrap();
    }
    let text = script(&source, "dts_ddl.script()");
    let (success, stderr) = run_on(&target, &text, &[]);
    assert!(success);
    assert!(
        stderr.contains("schema \"dts_ddl_script\" already exists")
            && stderr.matches("ERROR").count() == 1,
        "{stderr}"
    );
    assert_eq!(target.value("to_regclass('public.pwned')"), "NULL");
    // those of others stay, its own goes
    assert_eq!(target.value(WALLS), "2");
    // what an interrupted run has left
    target
        .connect()
        .batch_execute(&format!(
            "DROP SCHEMA dts_ddl_script, {planted}, script_plants CASCADE; CREATE SCHEMA {planted}"
        ))
        .unwrap();
    expect_success(&run(&target, &text, &["-q"]));
    assert_eq!(
        target.value(&format!("to_regnamespace('{planted}')")),
        "NULL"
    );
    expect_same_schema(&source, &target);
    // where it cannot be made, nothing more runs
    let rest = script(&source, "dts_ddl.script(after_id => 1)");
    target
        .connect()
        .batch_execute("DROP TABLE script_plants.t CASCADE")
        .unwrap();
    let (success, stderr) = run_on(&target, &rest, &["-U", "script_runs"]);
    assert!(!success);
    assert!(
        stderr.contains("permission denied for database") && stderr.matches("ERROR").count() == 1,
        "{stderr}"
    );
}

/// A role that has more rights on the destination than the row says runs nothing, by whatever way.
#[test]
fn rights_beyond_the_row_in_a_script() {
    let _roles = Roles::new(&["script_more LOGIN"]);
    let (source, target) = (Database::new("script_more"), target(UTF8));
    let user = &server().user;
    run_all(
        &mut session_of(&source, "script_more"),
        &[
            "CREATE TABLE t (x int); CREATE INDEX i ON t (x)",
            "CREATE MATERIALIZED VIEW mv AS SELECT 1 AS x WITH NO DATA",
            "REFRESH MATERIALIZED VIEW mv",
            "DROP INDEX CONCURRENTLY i",
        ],
    );
    let text = script(&source, "dts_ddl.script()");
    let refresh = script(&source, "dts_ddl.script(after_id => 4)");
    for (give, take, right) in [
        (
            "ALTER ROLE script_more CREATEDB",
            "ALTER ROLE script_more NOCREATEDB",
            "createdb",
        ),
        (
            "ALTER ROLE script_more BYPASSRLS",
            "ALTER ROLE script_more NOBYPASSRLS",
            "bypassrls",
        ),
        (
            "ALTER ROLE script_more SUPERUSER",
            "ALTER ROLE script_more NOSUPERUSER",
            "superuser",
        ),
        (
            "GRANT pg_signal_backend TO script_more",
            "REVOKE pg_signal_backend FROM script_more",
            "pg_signal_backend",
        ),
        (
            &format!("GRANT \"{user}\" TO script_more"),
            &format!("REVOKE \"{user}\" FROM script_more"),
            "member_of_superuser, pg_database_owner",
        ),
        (
            &format!("ALTER DATABASE {} OWNER TO script_more", target.name),
            &format!("ALTER DATABASE {} OWNER TO \"{user}\"", target.name),
            "pg_database_owner",
        ),
    ] {
        run_all(&mut admin(), &[give]);
        let (success, stderr) = run_on(&target, &text, &[]);
        assert!(success, "{stderr}");
        let message =
            format!("role script_more may do more here than it could on the source: {right}\n");
        // each command of it: the table, the index, the view, REFRESH, DROP INDEX
        assert_eq!(stderr.matches(&message).count(), 5, "{right}: {stderr}");
        assert_eq!(
            target.value(
                "SELECT count(*) FROM pg_class WHERE relnamespace = 'script_more'::regnamespace"
            ),
            "0",
            "{right}"
        );
        run_all(&mut admin(), &[take]);
        target
            .connect()
            .batch_execute("DROP SCHEMA script_more CASCADE")
            .unwrap();
    }
    expect_success(&run(&target, &text, &["-q"]));
    expect_same_schema(&source, &target);
    // REFRESH and what stands alone, of what is there
    run_all(
        &mut target.connect(),
        &[
            "CREATE INDEX i ON script_more.t (x); REFRESH MATERIALIZED VIEW script_more.mv WITH NO DATA",
        ],
    );
    run_all(
        &mut admin(),
        &["ALTER ROLE script_more CREATEDB CREATEROLE"],
    );
    let state = "SELECT (to_regclass('script_more.i') IS NOT NULL, relispopulated) FROM pg_class WHERE relname = 'mv'";
    let (_, stderr) = run_on(&target, &refresh, &[]);
    assert_eq!(target.value(state), "(t,f)", "{stderr}");
    assert_eq!(run(&target, &refresh, &["-q"]).status.code(), Some(3));
    // who runs the script as that role has its rights anyhow; it needs nothing of its own
    expect_success(&run(&target, &refresh, &["-q", "-U", "script_more"]));
    assert_eq!(target.value(state), "(f,t)");
    // the source's row says so
    source
        .connect()
        .batch_execute("UPDATE public.dts_ddl_command SET message = jsonb_set(message::jsonb, '{rights}', '[\"createdb\", \"createrole\"]')")
        .unwrap();
    target
        .connect()
        .batch_execute("DROP SCHEMA script_more CASCADE")
        .unwrap();
    expect_success(&pipe(&source, &target));
    expect_same_schema(&source, &target);
}

/// The last word of a statement is a name as well.
#[test]
fn names_that_end_like_a_detach() {
    let _roles = Roles::new(&["script_ends LOGIN"]);
    let (source, target) = (Database::new("script_ends"), target(UTF8));
    source
        .connect()
        .batch_execute(
            "CREATE SCHEMA script_other; GRANT ALL ON SCHEMA script_other TO script_ends",
        )
        .unwrap();
    let mut client = session_of(&source, "script_ends");
    run_all(
        &mut client,
        &[
            "CREATE TABLE t (a text, b text); CREATE DOMAIN partition AS text; CREATE COLLATION finalize FROM \"C\"",
            "ALTER TABLE t RENAME COLUMN a TO finalize; ALTER TABLE t RENAME b TO \"concurrently\"",
            "ALTER TABLE t ADD detach partition COLLATE finalize",
            "ALTER TABLE t RENAME TO finalize",
            "CREATE TABLE detach (x int) PARTITION BY LIST (x)",
        ],
    );
    if server().major >= 14 {
        run_all(
            &mut client,
            &[
                "SET search_path = script_other",
                "CREATE TABLE partition PARTITION OF script_ends.detach FOR VALUES IN (1)",
                "ALTER TABLE script_ends.detach DETACH PARTITION partition CONCURRENTLY",
            ],
        );
    }
    expect_success(&pipe(&source, &target));
    expect_same_schema(&source, &target);
}

/// The constraint that a superuser's DETACH PARTITION CONCURRENTLY leaves is the owner's code.
#[test]
fn detach_by_a_superuser_runs_as_the_owner() {
    if !(14..19).contains(&server().major) {
        return super::server::skipped("detach_by_a_superuser", "14 to 18 leave a constraint");
    }
    let _roles = Roles::new(&["script_parent LOGIN", "script_child"]);
    let (source, target) = (Database::new("script_detach"), target(UTF8));
    run_all(
        &mut session_of(&source, "script_parent"),
        &[
            "CREATE TABLE seen (who text)",
            "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO script_parent.seen VALUES (current_user); RETURN 0; END $$",
            "CREATE FUNCTION i(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN x + script_parent.f(); END $$",
            "CREATE TABLE part (x int) PARTITION BY LIST (i(x))",
            "CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1)",
            "CREATE TABLE part_2 PARTITION OF part FOR VALUES IN (2)",
        ],
    );
    let mut client = source.connect();
    run_all(
        &mut client,
        &["SET search_path = script_parent; ALTER TABLE part_2 OWNER TO script_child"],
    );
    expect_success(&pipe(&source, &target));
    let last = source.column("id").pop().unwrap();
    target
        .connect()
        .batch_execute(
            "INSERT INTO script_parent.part VALUES (1), (2); TRUNCATE script_parent.seen",
        )
        .unwrap();
    run_all(
        &mut client,
        &[
            "ALTER TABLE part DETACH PARTITION part_1 CONCURRENTLY",
            "ALTER TABLE part DETACH PARTITION part_2 CONCURRENTLY",
        ],
    );
    assert_eq!(
        source.column("message::jsonb->'run_as'").last().unwrap(),
        "{\"role\": \"script_parent\"}"
    );
    let rest = script(&source, &format!("dts_ddl.script(after_id => {last})"));
    expect_success(&run(&target, &rest, &["-q"]));
    assert_eq!(
        target.value("SELECT string_agg(DISTINCT who, ', ') FROM script_parent.seen"),
        "script_parent"
    );
    let constraints =
        "SELECT string_agg(conrelid::regclass::text, ', ' ORDER BY conrelid::regclass::text)
        FROM pg_constraint WHERE contype = 'c' AND connamespace = 'script_parent'::regnamespace";
    assert_eq!(
        source.value(constraints),
        "script_parent.part_1, script_parent.part_2"
    );
    // the owner of the parent may add none to another's table
    assert_eq!(target.value(constraints), "script_parent.part_1");
}

/// The destination's own defaults do not change what a command means.
#[test]
fn defaults_of_the_destination_do_not_matter() {
    let (source, target) = (Database::new("script_defaults"), target(UTF8));
    run_all(
        &mut source.connect(),
        &[
            "SET DateStyle = 'ISO, MDY'; SET standard_conforming_strings = on; SET TimeZone = 'GMT'",
            "CREATE TABLE t (d date DEFAULT '02/03/2024', z timestamptz DEFAULT '2024-01-01 00:00', s text DEFAULT '\\')",
            "CREATE INDEX CONCURRENTLY ON t (d) WHERE d > '02/03/2024'",
            "SET DateStyle = 'German'",
            "CREATE INDEX CONCURRENTLY ON t (d) WHERE d > '02.03.2024'",
            "RESET DateStyle; SET DateStyle = 'ISO, MDY'; CREATE TABLE after (d date DEFAULT '02/03/2024')",
        ],
    );
    let mut settings = String::from(
        "DateStyle = 'SQL, DMY'; TimeZone = 'Asia/Tokyo'; default_tablespace = 'pg_global'",
    );
    if server().major < 19 {
        settings.push_str("; standard_conforming_strings = off");
    }
    for setting in settings.split("; ") {
        target
            .connect()
            .batch_execute(&format!("ALTER DATABASE {} SET {setting}", target.name))
            .unwrap();
    }
    let mut text = script(&source, "dts_ddl.script()");
    text.extend_from_slice(STATE.as_bytes());
    text.extend_from_slice(b"SHOW DateStyle;\n");
    let output = run(&target, &text, &["-A", "-t", "-q"]);
    expect_success(&output);
    let user = &server().user;
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(
        stdout.ends_with(&format!("\n|{user}|{user}\nSQL, DMY\n")),
        "{stdout}"
    );
    target
        .connect()
        .batch_execute(&format!(
            "ALTER DATABASE {} RESET ALL; ALTER DATABASE {0} SET dts_ddl_capture.enabled = off",
            target.name
        ))
        .unwrap();
    expect_same_schema(&source, &target);
}

/// A locale that the destination's system lacks, and a setting that its PostgreSQL does not know.
#[test]
fn what_the_destination_does_not_know() {
    let (source, target) = (Database::new("script_unknown"), target(UTF8));
    run_all(
        &mut source.connect(),
        &[
            "CREATE TABLE one (x int)",
            "UPDATE public.dts_ddl_command SET message = jsonb_set(message::jsonb, '{settings}', '{\"lc_monetary\": \"xx_YY\", \"default_with_oids\": \"off\"}')",
            "CREATE TABLE two (x int)",
        ],
    );
    let output = pipe(&source, &target);
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "WARNING:  lc_monetary cannot be set to \"xx_YY\" here and stays as it is\n"
    );
    expect_same_schema(&source, &target);
}

/// psql stops at the command that fails, says which it was, and nothing of it or after it stays.
#[test]
fn a_failure_stops_psql() {
    let (source, target) = (Database::new("script_failure"), target(UTF8));
    run_all(
        &mut source.connect(),
        &[
            "CREATE TABLE one (x int)",
            "CREATE TABLE two (x int)",
            "CREATE TABLE three (x int)",
        ],
    );
    target
        .connect()
        .batch_execute("CREATE VIEW two AS SELECT 1 AS x")
        .unwrap();
    let output = pipe(&source, &target);
    assert_eq!(output.status.code(), Some(3));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("relation \"two\" already exists"),
        "{stderr}"
    );
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(
        stdout.contains("\n1 CREATE TABLE\n") && stdout.contains("\n2 CREATE TABLE\n"),
        "{stdout}"
    );
    assert!(!stdout.contains("3 CREATE TABLE"), "{stdout}");
    assert_eq!(
        target.value("SELECT count(*) FROM pg_class WHERE relname IN ('one', 'three')"),
        "1"
    );
    // mended, it goes on after the last one that went through
    target.connect().batch_execute("DROP VIEW two").unwrap();
    let rest = script(&source, "dts_ddl.script(after_id => 1)");
    expect_success(&run(&target, &rest, &["-q"]));
    expect_same_schema(&source, &target);
    // without ON_ERROR_STOP the others run, and what failed leaves nothing
    let output = run(
        &target,
        &script(&source, "dts_ddl.script()"),
        &["-v", "ON_ERROR_STOP=0", "-q"],
    );
    assert!(output.status.success());
    expect_same_schema(&source, &target);
    // a command that stands alone
    source
        .connect()
        .batch_execute("CREATE INDEX CONCURRENTLY gone ON one (x)")
        .unwrap();
    target.connect().batch_execute("DROP TABLE one").unwrap();
    let output = run(
        &target,
        &script(&source, "dts_ddl.script(after_id => 3)"),
        &["-q"],
    );
    assert_eq!(output.status.code(), Some(3));
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(stdout, "4 CREATE INDEX\n");
}

/// The pipe keeps the text, whatever the encodings of the two databases.
#[test]
fn encodings() {
    for (from, to, text) in [
        ("LATIN1", "LATIN1", "größe"),
        ("LATIN1", "UTF8", "größe"),
        ("UTF8", "LATIN1", "größe"),
        ("EUC_JP", "UTF8", "日本語"),
        ("SQL_ASCII", "SQL_ASCII", "größe"),
        ("SQL_ASCII", "UTF8", "größe"),
    ] {
        let options = |encoding| format!("ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'");
        let source = Database::with_options("script_encoding", &options(from));
        let target = target(&options(to));
        let mut client = source.connect();
        client
            .batch_execute("CREATE EXTENSION dts_ddl_capture")
            .unwrap();
        run_all(
            &mut client,
            &[
                &format!("CREATE SCHEMA \"{text}\"; SET search_path = \"{text}\""),
                &format!("CREATE TABLE \"{text}\" (\"{text}\\q\" text DEFAULT '{text}:x')"),
                &format!("CREATE PUBLICATION \"{text}\""),
                &format!("CREATE INDEX CONCURRENTLY \"{text}1\" ON \"{text}\" (\"{text}\\q\")"),
            ],
        );
        // SQL_ASCII stays as it is when it is dumped in UTF8
        expect_success(&pipe(&source, &target));
        expect_same_schema_but_publications(&source, &target);
    }
}

fn expect_same_schema_but_publications(source: &Database, target: &Database) {
    source
        .connect()
        .batch_execute(
            "DO $$ DECLARE p name; BEGIN FOR p IN SELECT pubname FROM pg_publication LOOP EXECUTE format('DROP PUBLICATION %I', p); END LOOP; END $$",
        )
        .unwrap();
    expect_same_schema(source, target);
}

/// The script of what comes after now.
fn script_of(source: &Database, commands: &[&str]) -> Vec<u8> {
    let from = source.value("SELECT dts_ddl.last_id()::text");
    let mut client = source.connect();
    client
        .batch_execute("SET client_min_messages = error")
        .unwrap();
    run_all(&mut client, commands);
    script(source, &format!("dts_ddl.script({from})"))
}

/// Event triggers that run DDL did so on the source; here they do not do it once more. Those that fire in live apply do
/// here, too, and a capture of the destination goes on where there is no other.
#[test]
fn event_triggers_of_the_destination_do_not_fire() {
    let (source, target) = (Database::new("script_fires"), target(UTF8));
    for database in [&source, &target] {
        database
            .connect()
            .batch_execute(
                "CREATE FUNCTION auto_rls() RETURNS event_trigger LANGUAGE plpgsql AS $$
                 DECLARE r record;
                 BEGIN
                   FOR r IN SELECT * FROM pg_event_trigger_ddl_commands() WHERE object_type = 'table' LOOP
                     EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', r.object_identity);
                     EXECUTE format('CREATE POLICY own ON %s USING (true)', r.object_identity);
                   END LOOP;
                 END $$;
                 CREATE EVENT TRIGGER a_rls ON ddl_command_end WHEN tag IN ('CREATE TABLE', 'CREATE SCHEMA') EXECUTE FUNCTION auto_rls();
                 CREATE SEQUENCE seen;
                 CREATE FUNCTION always() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('public.seen'); END $$;
                 CREATE EVENT TRIGGER b_always ON ddl_command_end WHEN tag IN ('CREATE VIEW') EXECUTE FUNCTION always();
                 ALTER EVENT TRIGGER b_always ENABLE ALWAYS",
            )
            .unwrap();
    }
    let mut lines = script_of(
        &source,
        &[
            "CREATE TABLE t1 (i int PRIMARY KEY); INSERT INTO t1 VALUES (1); CREATE TABLE t2 AS SELECT 1 AS i",
            "CREATE TABLE child (i int); INSERT INTO child VALUES (1); ALTER TABLE child ADD FOREIGN KEY (i) REFERENCES t1 ON DELETE CASCADE",
            "CREATE SCHEMA s CREATE TABLE t3 (i int) CREATE VIEW v3 AS SELECT 1 AS x",
            "CREATE MATERIALIZED VIEW mv AS SELECT 1 AS x; CREATE UNIQUE INDEX ON mv (x); REFRESH MATERIALIZED VIEW CONCURRENTLY mv",
            "CREATE VIEW v AS SELECT 1 AS x",
        ],
    );
    lines.extend_from_slice(b"\nSELECT s.setting, s.source FROM pg_settings s WHERE s.name = 'session_replication_role';\n");
    let output = run(&target, &lines, &["-A", "-t", "-q"]);
    expect_success(&output);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(stdout.lines().last(), Some("origin|default"));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("do not fire for this script: a_rls\n"),
        "{stderr}"
    );
    assert!(!stderr.contains("b_always"), "{stderr}");
    assert_eq!(target.value("SELECT last_value::text FROM seen"), "1");
    expect_same_schema(&source, &target);

    // Without any other, a capture of the destination records what the script runs.
    let chain = Database::with_options("script_chain", UTF8);
    chain
        .connect()
        .batch_execute("CREATE EXTENSION dts_ddl_capture")
        .unwrap();
    let lines = script_of(&source, &["CREATE TYPE alone AS ENUM ('a')"]);
    let output = run(&chain, &lines, &[]);
    expect_success(&output);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("fire"));
    chain.expect(&["CREATE TYPE alone AS ENUM ('a')"]);
}

/// One that an extension of the script brings does not fire for what comes after it either.
#[test]
fn event_triggers_of_extensions_do_not_fire() {
    let (source, target) = (Database::new("script_brings"), target(UTF8));
    let Some(_files) = install(
        "event_triggers_of_extensions_do_not_fire",
        &source,
        &[
            ("dts_test_fires.control", "default_version = '1.0'\n"),
            (
                "dts_test_fires--1.0.sql",
                "CREATE FUNCTION fires() RETURNS event_trigger LANGUAGE plpgsql AS $$
                 DECLARE r record;
                 BEGIN
                   FOR r IN SELECT * FROM pg_event_trigger_ddl_commands() WHERE object_type = 'table' LOOP
                     EXECUTE format('ALTER TABLE %s ADD by_trigger int', r.object_identity);
                   END LOOP;
                 END $$;
                 CREATE EVENT TRIGGER a_fires ON ddl_command_end WHEN tag IN ('CREATE TABLE') EXECUTE FUNCTION fires();",
            ),
        ],
    ) else {
        return;
    };
    let lines = script_of(
        &source,
        &["CREATE EXTENSION dts_test_fires", "CREATE TABLE t (x int)"],
    );
    let output = run(&target, &lines, &[]);
    expect_success(&output);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains(
            "INFO:  event triggers of this database do not fire for this script: a_fires\n"
        ),
        "{stderr}"
    );
    expect_same_schema(&source, &target);
}

/// Who may not keep them from firing is told so.
#[test]
fn event_triggers_that_fire_are_told() {
    let _roles = Roles::new(&["script_plain LOGIN"]);
    let (source, target) = (Database::new("script_told"), target(UTF8));
    target
        .connect()
        .batch_execute(&format!(
            "GRANT CREATE ON DATABASE {} TO script_plain; CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
             CREATE EVENT TRIGGER \"My one\" ON ddl_command_end EXECUTE FUNCTION e()",
            target.name
        ))
        .unwrap();
    source
        .connect()
        .batch_execute("CREATE SCHEMA p AUTHORIZATION script_plain")
        .unwrap();
    target
        .connect()
        .batch_execute("CREATE SCHEMA p AUTHORIZATION script_plain")
        .unwrap();
    let lines = script_of(
        &source,
        &["SET SESSION AUTHORIZATION script_plain; CREATE TABLE p.t (x int)"],
    );
    let output = run(&target, &lines, &["-U", "script_plain"]);
    expect_success(&output);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains(
            "WARNING:  event triggers of this database fire for this script: \"My one\"\n"
        ),
        "{stderr}"
    );
}

/// Settings of the application that commands have read are there for them, inside and outside of transactions, and for a role of
/// its own; afterwards they are not.
#[test]
fn settings_of_the_application() {
    let _roles = Roles::new(&["script_app"]);
    let (source, target) = (Database::new("script_custom"), target(UTF8));
    let mut client = source.connect();
    run_all(
        &mut client,
        &[
            "CREATE FUNCTION org(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN $1 + current_setting('app.org')::int; END $$;
             CREATE SCHEMA s AUTHORIZATION script_app; SET app.org = '7'; SET app.secret = 'hidden'",
            "CREATE MATERIALIZED VIEW m AS SELECT org(1) AS x, current_setting('app.\"T\"', true) AS t",
            "CREATE INDEX CONCURRENTLY i ON m (org(x))",
            "SET ROLE script_app; SET app.org = '1'; CREATE MATERIALIZED VIEW s.m AS SELECT org(1) AS x; RESET ROLE",
        ],
    );
    let mut script = script(&source, "dts_ddl.script()");
    script.extend_from_slice(
        b"\nSELECT 'left: ' || coalesce(current_setting('app.org', true), '');\n",
    );
    let output = run(&target, &script, &["-A", "-t", "-q"]);
    expect_success(&output);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(stdout.lines().last(), Some("left: "));
    assert!(!String::from_utf8(script).unwrap().contains("hidden"));
    expect_same_schema(&source, &target);
    assert_eq!(
        target.value("SELECT (SELECT x FROM m) || ' ' || (SELECT x FROM s.m)"),
        "8 2"
    );
}

/// Settings that name what the destination lacks are a warning where the command can do without, as a role of its own
/// and outside of a transaction, too.
#[test]
fn settings_that_the_destination_does_not_know() {
    let _roles = Roles::new(&["script_set"]);
    let (source, target) = (Database::new("script_unknown"), target(UTF8));
    let edit = |what: &str| {
        source
            .connect()
            .batch_execute(&format!(
                "UPDATE public.dts_ddl_command SET message = jsonb_set(message::jsonb, '{{settings}}', coalesce(message::jsonb->'settings', '{{}}') || '{what}')::text"
            ))
            .unwrap();
        script(&source, "dts_ddl.script()")
    };
    let mut client = source.connect();
    client
        .batch_execute("SET client_min_messages = error")
        .unwrap();
    run_all(
        &mut client,
        &[
            "CREATE SCHEMA s AUTHORIZATION script_set; CREATE TABLE a (x text); CREATE TABLE b AS SELECT 1 AS x",
            "CREATE INDEX CONCURRENTLY ON a (x)",
            "SET ROLE script_set; CREATE TABLE s.a (x int PRIMARY KEY); CREATE VIEW s.v AS SELECT 1 AS x; RESET ROLE",
        ],
    );
    // as where the configuration is dropped by the transaction that has it set
    let lines = edit(
        "{\"default_tablespace\": \"it''s \\\\ not \\\" here\", \"default_text_search_config\": \"public.gone\"}",
    );
    let output = run(&target, &lines, &[]);
    expect_success(&output);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("WARNING:  default_text_search_config cannot be set to \"public.gone\" here and stays as it is"),
        "{stderr}"
    );
    expect_same_schema(&source, &target);

    // Without its access method a table is another one, and no error where nothing is made with it.
    run_all(
        &mut client,
        &[
            "DELETE FROM public.dts_ddl_command; CREATE VIEW v AS SELECT 1 AS x; CREATE INDEX ON a (x); ALTER TABLE a ADD y int; CREATE TABLE with_it (x int)",
        ],
    );
    let lines = edit("{\"default_table_access_method\": \"nowhere\"}");
    let output = run(&target, &lines, &[]);
    assert!(!output.status.success());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains(
            "ERROR:  invalid value for parameter \"default_table_access_method\": \"nowhere\""
        ),
        "{stderr}"
    );
    assert_eq!(target.value("SELECT concat(to_regclass('v'), to_regclass('a_x_idx1'), to_regclass('with_it'), (SELECT ' ' || count(*) FROM pg_attribute WHERE attrelid = 'a'::regclass AND attname = 'y'))"), "va_x_idx1 1");
}

/// A command that needed nearly all of the stack where it was sent.
#[test]
fn expressions_at_the_limit_of_the_stack() {
    let _roles = Roles::new(&["script_deep"]);
    let (source, target) = (Database::new("script_stack"), target(UTF8));
    let lines = script_of(
        &source,
        &[
            "CREATE SCHEMA d AUTHORIZATION script_deep",
            "SET ROLE script_deep; SET search_path = d; SET max_parallel_workers_per_gather = 0",
            super::apply_lacks::DEEPEST,
        ],
    );
    expect_success(&run(&target, &lines, &[]));
    assert_eq!(
        target.value("SELECT to_regclass('d.deepest')::text"),
        "d.deepest"
    );
}

/// What got its name from the server has the source's here, also where names are exchanged; else the script stops.
#[test]
fn made_names() {
    let _roles = Roles::new(&["script_names"]);
    let (source, target) = (Database::new("script_made"), target(UTF8));
    let made = |id: &str, made: &str| {
        source
            .connect()
            .batch_execute(&format!(
                "UPDATE public.dts_ddl_command SET message = jsonb_set(message::jsonb, '{{made}}', '{made}')::text WHERE id = {id}"
            ))
            .unwrap();
    };
    let mut client = source.connect();
    run_all(
        &mut client,
        &[
            "CREATE SCHEMA n AUTHORIZATION script_names; CREATE OPERATOR n.= (LEFTARG = name, RIGHTARG = text, FUNCTION = nameeqtext)",
            "SET ROLE script_names; SET search_path = n, pg_catalog",
        ],
    );
    for (statement, names) in [
        (
            "CREATE TABLE t (a serial, b int UNIQUE, c int UNIQUE, d int GENERATED ALWAYS AS IDENTITY, e text)",
            r#"[{"type": "sequence", "name": "t_d_seq"}, {"type": "index", "table": "n.t", "name": "t_c_key",
                 "definition": "CREATE UNIQUE INDEX ON n.t USING btree (b) CONSTRAINT UNIQUE (b)"},
                {"type": "sequence", "name": "its own :x"}, {"type": "index", "table": "n.t", "name": "t_b_key", "definition": "CREATE UNIQUE INDEX ON n.t USING btree (c) CONSTRAINT UNIQUE (c)"}]"#,
        ),
        (
            "CREATE INDEX ON t (e)",
            r#"[{"type": "index", "table": "n.t", "name": "t_e_idx7", "definition": "CREATE INDEX ON n.t USING btree (e)"}]"#,
        ),
        (
            "CREATE TABLE p (i int) PARTITION BY LIST (i); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE INDEX ON p (i)",
            r#"[{"type": "index", "table": "n.p", "name": "p_i_idx", "definition": "CREATE INDEX ON ONLY n.p USING btree (i)"}, {"type": "index", "table": "n.p1", "name": "it''s \\ \"q\"", "definition": "CREATE INDEX ON n.p1 USING btree (i)"}]"#,
        ),
    ] {
        run_all(&mut client, &[statement]);
        let last = source.value("SELECT dts_ddl.last_id()::text");
        made(&last, names);
    }
    run_all(
        &mut client,
        &["RESET ROLE", "CREATE INDEX CONCURRENTLY ON t (b)"],
    );
    let last = source.value("SELECT dts_ddl.last_id()::text");
    made(
        &last,
        r#"[{"type": "index", "table": "n.t", "name": "concurrently made", "definition": "CREATE INDEX ON n.t USING btree (b)"}]"#,
    );
    expect_success(&pipe(&source, &target));
    assert_eq!(
        target.value(
            "SELECT string_agg(relname, ', ' ORDER BY oid) FROM pg_class WHERE relkind IN ('i', 'I', 'S') AND relnamespace = 'n'::regnamespace"
        ),
        "t_d_seq, its own :x, t_c_key, t_b_key, t_e_idx7, p_i_idx, it's \\ \"q\", concurrently made"
    );
    assert_eq!(
        target.value("SELECT string_agg(conname, ', ' ORDER BY oid) FROM pg_constraint WHERE conrelid = 'n.t'::regclass AND contype = 'u'"),
        "t_c_key, t_b_key"
    );
    // never another one than that
    for names in [
        r#"[{"type": "index", "table": "n.u", "name": "x"}, {"type": "index", "table": "n.u", "name": "y"}]"#,
        r#"[{"type": "index", "table": "n.nowhere", "name": "x"}]"#,
    ] {
        run_all(
            &mut client,
            &[
                "DELETE FROM public.dts_ddl_command; SET ROLE script_names; CREATE TABLE u (a int PRIMARY KEY); RESET ROLE; DROP TABLE n.u",
            ],
        );
        let first = source.value("SELECT min(id)::text FROM public.dts_ddl_command");
        made(&first, names);
        let output = pipe(&source, &target);
        assert!(!output.status.success());
        let stderr = String::from_utf8_lossy(&output.stderr);
        let table = if names.contains("nowhere") {
            "n.nowhere"
        } else {
            "n.u"
        };
        assert!(
            stderr.contains(&format!(
                "number of objects here as on the source: index {table}\n"
            )),
            "{stderr}"
        );
    }
}

/// A row says the same in the form of 1.7.0 as in that which leaves out what can be told.
#[test]
fn rows_of_either_form() {
    let source = Database::new("script_forms");
    let mut client = source.connect();
    run_all(
        &mut client,
        &[
            "CREATE SCHEMA s; CREATE TABLE s.t (id serial PRIMARY KEY); ALTER TABLE s.t OWNER TO SESSION_USER",
            "CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; DROP FUNCTION s.f()",
            "CREATE VIEW s.v AS SELECT * FROM s.t; DROP TABLE s.t CASCADE",
        ],
    );
    let short = source.column("message");
    client
        .batch_execute(
            r#"UPDATE public.dts_ddl_command SET message = message::jsonb || jsonb_build_object('session_user', username, 'nesting', jsonb_build_object('level', 'top'),
                 'objects', (SELECT jsonb_agg(o || CASE WHEN o ->> 'identity' ~ '^\w+[.]\w+$' THEN jsonb_build_object('schema', split_part(o ->> 'identity', '.', 1), 'name', split_part(o ->> 'identity', '.', 2)) ELSE '{}' END
                   || CASE WHEN o ->> 'op' = 'drop' THEN jsonb_build_object('original', o ? 'original') ELSE '{}' END ORDER BY n)
                   FROM jsonb_array_elements(message::jsonb -> 'objects') WITH ORDINALITY x (o, n)))"#,
        )
        .unwrap();
    assert_ne!(source.column("message"), short);
    for call in ["dts_ddl.script()", "dts_ddl.script(without => '{COMMENT}')"] {
        let long = script(&source, call);
        for (id, message) in source.column("id").iter().zip(&short) {
            client
                .execute(
                    "UPDATE public.dts_ddl_command SET message = $2 WHERE id::text = $1",
                    &[id, message],
                )
                .unwrap();
        }
        assert_eq!(
            String::from_utf8_lossy(&long),
            String::from_utf8_lossy(&script(&source, call))
        );
    }
}

/// The work is in proportion to the rows.
#[test]
fn many_rows() {
    let source = Database::new("script_many");
    let mut client = source.connect();
    client
        .batch_execute(
            "INSERT INTO public.dts_ddl_command (ddl_text, tag, username, message)
             SELECT format('COMMENT ON TABLE public.dts_ddl_command IS %L', repeat('x', i % 5000)), 'COMMENT', current_user, '{\"v\":1,\"search_path\":[\"public\"]}'
             FROM generate_series(1, 100000) i",
        )
        .unwrap();
    let mut time = |rows: usize| {
        let start = std::time::Instant::now();
        let row = client
            .query_one(
                "SELECT count(*) FROM dts_ddl.script(up_to_id => $1)",
                &[&(rows as i64)],
            )
            .unwrap();
        assert_eq!(row.get::<_, i64>(0), rows as i64 + 2);
        start.elapsed()
    };
    let (some, all) = (time(10_000), time(100_000));
    assert!(
        all < some * 40 + std::time::Duration::from_secs(10),
        "10,000 rows: {some:?}, 100,000: {all:?}"
    );
}

/// What ape-dts would run of the rows after an id, in its way: with the schema of the row as search_path. The id of the last one, or
/// of the one before it failed.
fn consume(source: &Database, target: &Database, after: i64) -> Result<i64, (i64, String)> {
    let rows = source
        .connect()
        .query(
            "SELECT id, schema, ddl_text FROM public.dts_ddl_command
              WHERE id > $1 AND tag IN ('CREATE TABLE', 'ALTER TABLE', 'DROP TABLE', 'CREATE INDEX') ORDER BY id",
            &[&after],
        )
        .expect("rows");
    let mut consumer = target.connect();
    let mut last = after;
    for row in rows {
        let (schema, statement): (String, String) = (row.get(1), row.get(2));
        consumer
            .batch_execute(&format!("SET search_path = {schema}; {statement}"))
            .map_err(|error| (last, super::pair::describe(&error)))?;
        last = row.get(0);
    }
    Ok(last)
}

/// The rest of what a consumer runs, beside it: before it, behind it, and more than once.
#[test]
fn beside_a_consumer() {
    let (source, target) = (Database::new("script_beside"), target(UTF8));
    let rest = |after: i64| {
        let call = format!("dts_ddl.script(without => '{{ape-dts}}', after_id => {after})");
        run(&target, &script(&source, &call), &["-q"])
    };
    let errors = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let mut client = source.connect();
    run_all(
        &mut client,
        &[
            "SET dts_ddl_capture.replica_identity = off",
            "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE SEQUENCE numbers; CREATE TABLE t (m mood, n int DEFAULT nextval('numbers'))",
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TABLE u (x int)",
            "CREATE TRIGGER g BEFORE INSERT ON u FOR EACH ROW EXECUTE FUNCTION f(); CREATE VIEW v AS SELECT m FROM t",
        ],
    );
    let Err((last, error)) = consume(&source, &target, 0) else {
        panic!("the type is not there");
    };
    assert!(error.contains("type \"mood\" does not exist"), "{error}");
    // the consumer has not got to the tables: it ends there, and goes on later
    let output = rest(0);
    assert!(
        errors(&output).contains("relation \"u\" does not exist"),
        "{output:?}"
    );
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.trim_end().ends_with("6 CREATE TRIGGER"), "{shown}");
    let last = consume(&source, &target, last).expect("the consumer");
    expect_success(&rest(5));
    // from the beginning: what is there is left out
    let again = rest(0);
    expect_success(&again);
    let shown = String::from_utf8_lossy(&again.stdout).into_owned();
    assert_eq!(shown.matches("left out: it is there").count(), 5, "{shown}");
    expect_same_schema(&source, &target);
    // the consumer is ahead, and has taken away what commands of the script are about
    run_all(
        &mut client,
        &[
            "CREATE TABLE gone (x int); COMMENT ON TABLE gone IS 'x'; CREATE VIEW w AS SELECT x FROM gone; CREATE RULE r AS ON INSERT TO gone DO NOTHING",
            "DROP VIEW w; DROP TABLE gone; CREATE TABLE named (x int); GRANT SELECT ON named TO PUBLIC; ALTER TABLE named RENAME TO other",
            "CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'; COMMENT ON TABLE u IS 'the end'",
            "DROP VIEW IF EXISTS absent; DROP SEQUENCE IF EXISTS absent",
        ],
    );
    consume(&source, &target, last).expect("the consumer");
    let output = rest(last);
    assert!(output.status.success(), "{output:?}");
    for part in ["\"gone\" does not exist", "\"named\" does not exist"] {
        assert!(
            errors(&output).contains(part),
            "{part}: {}",
            errors(&output)
        );
    }
    assert_eq!(
        target.value(
            "SELECT obj_description('u'::regclass) || prosrc FROM pg_proc WHERE proname = 'f'"
        ),
        "the endBEGIN RETURN OLD; END"
    );
    // tags instead of a name; what is neither
    let tags = script(
        &source,
        "dts_ddl.script(without => '{CREATE TABLE, COMMENT}')",
    );
    let text = String::from_utf8(tags).unwrap();
    assert!(
        text.contains("\n-- 1 CREATE TYPE\n")
            && !text.contains("COMMENT\n")
            && !text.contains(" CREATE TABLE\n"),
        "{text}"
    );
    let error = client
        .batch_execute("SELECT dts_ddl.script(without => '{debezium}')")
        .unwrap_err();
    assert!(
        super::pair::describe(&error).contains("consumer \"debezium\" is not known"),
        "{error}"
    );
}

/// Beside a consumer what is left out takes nothing of others along: what the commands of a role need is made also where its first
/// one is left out, and an error that is told does not keep the next one from ending the script.
#[test]
fn beside_a_consumer_by_roles() {
    let _roles = Roles::new(&["script_beside LOGIN"]);
    let (source, target) = (Database::new("script_beside_role"), target(UTF8));
    let mut role = session_of(&source, "script_beside");
    let mut client = source.connect();
    const FUNCTION: &str = "() RETURNS int LANGUAGE sql AS 'SELECT 1'";
    run_all(
        &mut role,
        &[&format!(
            "CREATE FUNCTION gone{FUNCTION}; CREATE FUNCTION stays{FUNCTION}"
        )],
    );
    run_all(
        &mut client,
        &["CREATE TABLE t (x int)", "CREATE VIEW v AS SELECT * FROM t"],
    );
    run_all(
        &mut role,
        &[
            "DROP FUNCTION gone()",
            &format!("CREATE FUNCTION last{FUNCTION}"),
        ],
    );
    let text = script(
        &source,
        "dts_ddl.script(without => '{ape-dts,CREATE SCHEMA}')",
    );
    target
        .connect()
        .batch_execute("CREATE SCHEMA script_beside AUTHORIZATION script_beside")
        .unwrap();
    let output = run(&target, &text, &["-q"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("\"t\" does not exist"),
        "{output:?}"
    );
    target
        .connect()
        .batch_execute("CREATE TABLE t (x int)")
        .unwrap();
    for _ in 0..2 {
        let output = run(&target, &text, &["-q"]);
        assert!(output.status.success(), "{output:?}");
    }
    assert_eq!(
        target.value("SELECT string_agg(proname, ' ' ORDER BY proname) FROM pg_proc WHERE pronamespace = 'script_beside'::regnamespace"),
        "last stays"
    );
    assert_eq!(target.value(WALLS), "0");
}

/// Names of indexes are told by their definitions, which say as much of a schema here as there.
#[test]
fn made_by_like() {
    let (source, target) = (Database::new("script_like"), target(UTF8));
    run_all(
        &mut source.connect(),
        &[
            "CREATE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1'",
            "CREATE TABLE t (id int); CREATE INDEX ON t (f(id)); CREATE TABLE u (LIKE t INCLUDING ALL)",
        ],
    );
    expect_success(&pipe(&source, &target));
    expect_same_schema(&source, &target);
}
