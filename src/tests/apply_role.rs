//! Live apply: each command as the role, with the search_path and the settings that it had.

use super::pair::{Node, Options, Pair, describe};

/// Roles on both sides, with the same rights in the database.
fn roles(pair: &Pair, names: &[&str]) {
    for node in [&pair.source, &pair.destination] {
        for name in names {
            node.run(&format!(
                "CREATE ROLE {name} LOGIN; GRANT CREATE ON DATABASE {} TO {name}",
                node.database
            ));
        }
    }
}

#[test]
fn owners_and_privileges() {
    let pair = Pair::simple("owners");
    roles(&pair, &["own_a", "own_b", "own_reader"]);
    for node in [&pair.source, &pair.destination] {
        node.run("GRANT own_b TO own_a");
    }
    let mut client = pair.source.connect_as(Some("own_a"));
    for sql in [
        "CREATE SCHEMA a; CREATE TABLE a.t (id serial PRIMARY KEY, v text); INSERT INTO a.t (v) VALUES ('x'); CREATE TYPE a.e AS ENUM ('x')",
        "GRANT SELECT, UPDATE (v) ON a.t TO own_reader; GRANT USAGE ON SCHEMA a TO own_reader, own_b WITH GRANT OPTION; GRANT CREATE ON SCHEMA a TO own_b",
        "SET ROLE own_b; CREATE TABLE a.of_b AS SELECT 1 AS x; RESET ROLE",
        "CREATE FUNCTION a.definer() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN CREATE TABLE a.by_definer (x int); INSERT INTO a.by_definer VALUES (1); END $$;
           REVOKE ALL ON FUNCTION a.definer() FROM PUBLIC; GRANT EXECUTE ON FUNCTION a.definer() TO own_b",
        "SET ROLE own_b; SELECT a.definer(); RESET ROLE",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA a GRANT SELECT ON TABLES TO own_reader; CREATE TABLE a.readable (x int); CREATE VIEW a.v AS SELECT * FROM a.t",
        "ALTER TABLE a.readable OWNER TO own_b; ALTER TABLE a.t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON a.t TO own_reader USING (v = current_user)",
        "CREATE MATERIALIZED VIEW a.mv AS SELECT current_user AS who",
    ] {
        client.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
    // rows of tables under row level security, and of tables that the role does not own any more
    pair.source.run_each(&["INSERT INTO a.t (v) VALUES ('own_reader'); INSERT INTO a.readable VALUES (1); INSERT INTO a.of_b VALUES (2); DROP OWNED BY own_reader", "REASSIGN OWNED BY own_b TO own_a"]);
    pair.check();
    assert_eq!(pair.destination.value("SELECT who FROM a.mv"), "own_a");
    assert_eq!(
        pair.destination.value("SELECT role FROM dts_ddl.apply_log WHERE ddl_text IS NULL AND tag = 'CREATE TABLE' AND id = (SELECT id FROM public.dts_ddl_command WHERE ddl_text LIKE 'CREATE TABLE a.of_b%')"),
        "own_b"
    );
}

#[test]
fn search_path_and_settings() {
    let pair = Pair::simple("path");
    roles(&pair, &["path_a"]);
    for node in [&pair.source, &pair.destination] {
        node.run("DO $$ BEGIN PERFORM set_config('allow_in_place_tablespaces', 'on', false); EXCEPTION WHEN undefined_object THEN NULL; END $$");
        // not in a transaction block, and not on a server too old for tablespaces in place
        let mut client = node.connect();
        if client
            .batch_execute("SET allow_in_place_tablespaces = on")
            .is_ok()
        {
            client
                .batch_execute("CREATE TABLESPACE path_space LOCATION ''")
                .unwrap();
            client
                .batch_execute("GRANT CREATE ON TABLESPACE path_space TO PUBLIC")
                .unwrap();
        }
    }
    pair.source.run_each(&[
        "CREATE SCHEMA app; CREATE SCHEMA \"Odd, \"\"one\"; CREATE TABLE app.t (x int); CREATE TABLE public.t (y text); CREATE TYPE app.ty AS ENUM ('app'); CREATE TYPE public.ty AS ENUM ('public')",
        "SET search_path = app, public", "CREATE TABLE u (a ty DEFAULT 'app')", "ALTER TABLE t ADD z int", "INSERT INTO u DEFAULT VALUES",
        "SET search_path = public, app", "CREATE TABLE u (a ty DEFAULT 'public')", "ALTER TABLE t ADD z int", "INSERT INTO u DEFAULT VALUES",
        "SET search_path = nowhere, \"Odd, \"\"one\", app", "CREATE TABLE w AS SELECT * FROM u", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT count(*)::int FROM t'",
        "SET search_path = ''", "CREATE TABLE app.x (y int DEFAULT pg_catalog.length('abc'))", "RESET search_path",
        "SET standard_conforming_strings = off; SET escape_string_warning = off; SET backslash_quote = on",
        r"CREATE TABLE scs (v text DEFAULT 'a\tb\'c')", "RESET ALL",
        "SET DateStyle = 'SQL, DMY'", "CREATE TABLE dmy (d date DEFAULT '02/01/2024', c text DEFAULT '02/01/2024'::date::text); INSERT INTO dmy DEFAULT VALUES",
        "CREATE TABLE dmy_as AS SELECT * FROM dmy", "ALTER TABLE dmy ADD e date DEFAULT '03/01/2024'", "ALTER TABLE dmy ALTER d TYPE text USING d::text", "RESET DateStyle",
        "SET TimeZone = 'Asia/Tokyo'", "CREATE TABLE tz (id int, t timestamptz DEFAULT '2024-01-01 00:00'); INSERT INTO tz VALUES (1)", "ALTER TABLE tz ALTER t TYPE timestamp", "RESET TimeZone",
        "SET IntervalStyle = 'sql_standard'", "CREATE TABLE iv (i interval DEFAULT '-1 2:03')", "RESET IntervalStyle",
        "SET xmloption = document; SET extra_float_digits = 0; SET bytea_output = escape", "CREATE TABLE fl (f float8 DEFAULT 0.1::float8 + 0.2, b text DEFAULT '\\x61'::bytea::text)", "RESET ALL",
        "SET check_function_bodies = off", "CREATE FUNCTION later() RETURNS int LANGUAGE sql AS 'SELECT x FROM app.not_yet'", "RESET check_function_bodies",
        "SET default_tablespace = path_space", "DO $$ BEGIN IF EXISTS (SELECT FROM pg_tablespace WHERE spcname = 'path_space') THEN CREATE TABLE spaced (id int PRIMARY KEY); CREATE TABLE spaced_as AS SELECT 1 AS x; END IF; END $$",
        "RESET default_tablespace",
        "SET default_toast_compression = pglz", "CREATE TABLE toast (x text)", "RESET ALL",
        "SET quote_all_identifiers = on; SET transform_null_equals = on", "CREATE VIEW nulls AS SELECT * FROM app.x WHERE y = NULL", "RESET ALL",
        "BEGIN; SET LOCAL search_path = app; SET LOCAL lock_timeout = '5s'; CREATE TABLE local_path (x int); INSERT INTO local_path VALUES (1); COMMIT",
        "CREATE FUNCTION app.mk() RETURNS void LANGUAGE plpgsql SET search_path = app SET TimeZone = 'America/Lima' AS $$ BEGIN CREATE TABLE by_mk (t timestamptz DEFAULT '2024-01-01 00:00'); INSERT INTO by_mk DEFAULT VALUES; END $$",
        "SELECT app.mk()",
    ].into_iter().filter(|sql| !sql.contains("default_toast_compression") || super::server::server().major >= 14)
        // 19 knows nothing but standard strings
        .filter(|sql| !sql.contains("scs") && !sql.contains("standard_conforming_strings") || super::server::server().major < 19).collect::<Vec<_>>());
    // "$user" is the role's own schema
    let mut client = pair.source.connect_as(Some("path_a"));
    client
        .batch_execute(
            "CREATE SCHEMA path_a; CREATE TABLE mine (x int); INSERT INTO mine VALUES (1)",
        )
        .unwrap();
    pair.check();
    // nothing of it stays behind in the apply worker
    pair.source.run("CREATE TABLE public.plain (t timestamptz DEFAULT '2024-01-01 00:00', d date DEFAULT '02/01/2024')");
    pair.check();
}

#[test]
fn missing_role_stops() {
    let pair = Pair::simple("missing");
    pair.source.run("CREATE ROLE missing_a LOGIN");
    pair.source
        .run("CREATE SCHEMA open; GRANT ALL ON SCHEMA open TO PUBLIC");
    let mut client = pair.source.connect_as(Some("missing_a"));
    client.batch_execute("CREATE TABLE open.t (x int); INSERT INTO open.t VALUES (1); CREATE TABLE open.u AS SELECT 2 AS y").unwrap();
    let id = pair.source.value(
        "SELECT id FROM public.dts_ddl_command WHERE ddl_text = 'CREATE TABLE open.t (x int)'",
    );
    let error = pair.expect_error(&[
        &format!("could not apply DDL command {id}: "),
        "\"missing_a\"",
        "CREATE TABLE open.t (x int)",
    ]);
    assert!(error.contains(&format!("dts_ddl.skip({id})")), "{error}");
    assert_eq!(pair.destination.value("to_regclass('open.t')"), "NULL");
    pair.destination.run("CREATE ROLE missing_a");
    pair.check();
    assert_eq!(
        pair.destination
            .value("SELECT tableowner FROM pg_tables WHERE tablename = 't'"),
        "missing_a"
    );
}

#[test]
fn missing_role_becomes_the_owner() {
    let pair = Pair::new(&Options {
        topic: "instead",
        start_apply: "trust_source => true",
        ..Options::default()
    });
    let database = &pair.destination.database;
    pair.destination.run(&format!(
        "ALTER DATABASE {database} SET dts_ddl_capture.apply_missing_role = owner; ALTER SUBSCRIPTION {database} DISABLE"
    ));
    pair.destination
        .run(&format!("ALTER SUBSCRIPTION {database} ENABLE"));
    pair.source.run("CREATE ROLE instead_a LOGIN");
    pair.source
        .run("CREATE SCHEMA open; GRANT ALL ON SCHEMA open TO PUBLIC");
    let mut client = pair.source.connect_as(Some("instead_a"));
    client.batch_execute("CREATE TABLE open.t (x int); INSERT INTO open.t VALUES (1); CREATE TABLE open.u AS SELECT 2 AS y").unwrap();
    pair.wait();
    assert_eq!(pair.destination.value("SELECT count(*) FROM open.t"), "1");
    assert_eq!(pair.destination.value("SELECT count(*) FROM open.u"), "1");
    let notes = pair
        .destination
        .column("SELECT note FROM dts_ddl.apply_log WHERE tag = 'CREATE TABLE' ORDER BY id");
    assert_eq!(notes.len(), 2);
    for note in notes {
        assert!(note.contains("instead_a"), "{note}");
    }
}

/// A source that records commands on roles, in every session.
const ROLES_TOO: &str = "DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET session_preload_libraries = dts_ddl_capture', current_database());
    EXECUTE format('ALTER DATABASE %I SET dts_ddl_capture.capture_roles = on', current_database());
  END $$";

/// All about the roles whose names begin so, but their passwords.
fn about_roles(node: &Node, prefix: &str) -> Vec<String> {
    node.column(&format!(
        "SELECT concat_ws(' ', rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolconnlimit, rolvaliduntil,
                shobj_description(r.oid, 'pg_authid'),
                (SELECT array_agg(concat_ws(' in ', s.setconfig, d.datname) ORDER BY d.datname) FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = setdatabase WHERE setrole = r.oid),
                (SELECT array_agg(concat_ws(' ', g.rolname, to_jsonb(m) - '{{oid,roleid,member,grantor}}'::text[], (SELECT rolname FROM pg_roles x WHERE x.oid = m.grantor AND x.rolname LIKE '{prefix}%')) ORDER BY g.rolname, m.grantor::regrole::text)
                   FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid))
         FROM pg_roles r WHERE rolname LIKE '{prefix}%' ORDER BY rolname"
    ))
}

#[test]
fn commands_on_roles() {
    let pair = Pair::new(&Options {
        topic: "on_roles",
        source: ROLES_TOO,
        ..Options::default()
    });
    let database = &pair.source.database;
    pair.destination
        .run("CREATE ROLE onr_known LOGIN PASSWORD 'of the destination'");
    let known = pair
        .destination
        .value("SELECT rolpassword FROM pg_authid WHERE rolname = 'onr_known'");
    pair.source.run_each(&[
        "SET dts_ddl_capture.capture_roles = off; CREATE ROLE onr_known LOGIN; RESET dts_ddl_capture.capture_roles",
        "ALTER ROLE onr_known PASSWORD 'new' CREATEDB",
        "ALTER ROLE onr_known PASSWORD 'newer'",
        "CREATE ROLE onr_admin LOGIN CREATEROLE PASSWORD 'admin'; CREATE ROLE onr_group; CREATE ROLE onr_gone",
        "GRANT onr_group TO onr_admin WITH ADMIN OPTION; COMMENT ON ROLE onr_group IS 'it''s a group'",
        &format!("ALTER ROLE onr_known SET role = 'onr_group'; ALTER ROLE onr_known IN DATABASE {database} SET search_path = a, \"B\"; GRANT CREATE ON SCHEMA public TO onr_admin, onr_group"),
        "CREATE FUNCTION as_owner() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
           GRANT onr_gone TO SESSION_USER; ALTER ROLE SESSION_USER SET work_mem = '3MB'; CREATE TABLE of_session (x int);
           ALTER TABLE of_session OWNER TO SESSION_USER; CREATE SCHEMA AUTHORIZATION SESSION_USER CREATE TABLE in_schema (x int) GRANT SELECT ON in_schema TO SESSION_USER WITH GRANT OPTION; CREATE TABLE later (x int);
           GRANT SELECT ON later TO SESSION_USER; ALTER DEFAULT PRIVILEGES FOR ROLE SESSION_USER GRANT SELECT ON TABLES TO SESSION_USER, PUBLIC; END $$",
    ]);
    let mut client = pair.source.connect_as(Some("onr_admin"));
    for sql in [
        "CREATE USER onr_user IN ROLE onr_group VALID UNTIL '2031-02-03'; CREATE ROLE onr_other ROLE onr_user",
        "ALTER ROLE onr_other RENAME TO onr_renamed; ALTER ROLE CURRENT_USER SET DateStyle = 'SQL'; ALTER ROLE onr_user CONNECTION LIMIT 3 LOGIN",
        "BEGIN; CREATE ROLE onr_with_table; CREATE TABLE of_new (x int); ALTER TABLE of_new ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON of_new TO onr_with_table; INSERT INTO of_new VALUES (1); COMMIT",
        "REVOKE onr_group FROM onr_user; GRANT onr_group TO onr_renamed; SELECT as_owner(); CREATE ROLE onr_dropped; DROP ROLE IF EXISTS onr_nobody, onr_dropped",
    ] {
        client
            .batch_execute(sql)
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
    pair.source.run("REVOKE onr_gone FROM onr_admin; DROP ROLE onr_gone; ALTER GROUP onr_group ADD USER onr_with_table");
    pair.check();
    let (here, there) = (
        about_roles(&pair.source, "onr_"),
        about_roles(&pair.destination, "onr_"),
    );
    assert_eq!(here, there);
    assert_eq!(here.len(), 6, "{here:?}");
    // no password came, and none was lost
    assert_eq!(
        pair.destination.column("SELECT rolname || ' ' || rolpassword FROM pg_authid WHERE rolname LIKE 'onr_%' AND rolpassword IS NOT NULL"),
        [format!("onr_known {known}")]
    );
    assert_eq!(
        pair.destination.column("SELECT concat_ws(' ', status, tag, note) FROM dts_ddl.apply_log WHERE note IS NOT NULL ORDER BY id"),
        [
            "applied ALTER ROLE passwords left out: 1",
            "not for replay ALTER ROLE passwords are not recorded",
            "applied CREATE ROLE passwords left out: 1",
        ]
    );
    // a role that has fewer rights here than there makes no superuser
    pair.source
        .run("SET dts_ddl_capture.capture_roles = off; ALTER ROLE onr_admin SUPERUSER");
    let mut client = pair.source.connect_as(Some("onr_admin"));
    client
        .batch_execute("CREATE ROLE onr_super SUPERUSER")
        .unwrap();
    let id = pair.source.last_id();
    pair.expect_error(&[&format!("could not apply DDL command {id}: "), "onr_super"]);
    pair.destination.run(&format!("SELECT dts_ddl.skip({id})"));
    pair.source.run("SET dts_ddl_capture.capture_roles = off; ALTER ROLE onr_admin NOSUPERUSER; DROP ROLE onr_super");
    // what cannot be done here stops, and goes on when it can
    pair.destination.run("CREATE ROLE onr_taken");
    pair.source.run("CREATE ROLE onr_taken");
    pair.expect_error(&["role \"onr_taken\" already exists"]);
    pair.destination.run("DROP ROLE onr_taken");
    pair.check();
}

/// The pipe of docs/script.md, between two servers.
#[test]
fn commands_on_roles_in_a_script() {
    let pair = Pair::unjoined(&Options {
        topic: "roles_script",
        source: ROLES_TOO,
        ..Options::default()
    });
    pair.destination.run("CREATE EXTENSION dts_ddl_capture");
    pair.source.run_each(&[
        "CREATE ROLE prs_admin CREATEROLE; CREATE ROLE prs_group; CREATE ROLE prs_gone; DROP ROLE prs_gone",
        "GRANT prs_group TO prs_admin WITH ADMIN OPTION; ALTER ROLE prs_admin LOGIN PASSWORD 'x'; GRANT CREATE ON SCHEMA public TO prs_admin",
    ]);
    let mut client = pair.source.connect_as(Some("prs_admin"));
    client.batch_execute("CREATE ROLE prs_made LOGIN PASSWORD 'y' ROLE prs_group; ALTER ROLE CURRENT_USER SET work_mem = '3MB'; ALTER ROLE prs_made PASSWORD 'z'; CREATE TABLE t (x int PRIMARY KEY); CLUSTER t USING t_pkey").unwrap();
    let script = pair.source.column("SELECT s::text FROM dts_ddl.script() s");
    let file = std::env::temp_dir().join(format!("roles_script_{}.sql", std::process::id()));
    std::fs::write(&file, script.join("\n")).expect("a file for the script");
    let cluster = pair.destination.cluster();
    let output = std::process::Command::new(cluster.installation.program("psql"))
        .args(["-X", "-v", "ON_ERROR_STOP=1", "-f"])
        .arg(&file)
        .args(["-d", &cluster.connection_string(&pair.destination.database)])
        .output()
        .expect("psql");
    let _ = std::fs::remove_file(&file);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let (here, there) = (
        about_roles(&pair.source, "prs_"),
        about_roles(&pair.destination, "prs_"),
    );
    assert_eq!(here, there);
    assert_eq!(here.len(), 3, "{here:?}");
    assert_eq!(
        pair.destination
            .value("SELECT indisclustered FROM pg_index WHERE indexrelid = 't_pkey'::regclass"),
        "true"
    );
    assert_eq!(
        pair.destination.value(
            "SELECT count(*) FROM pg_authid WHERE rolname LIKE 'prs_%' AND rolpassword IS NOT NULL"
        ),
        "0"
    );
}

/// What code of a command asks about its session is what the source's session was, also once it resets a setting. Rows, and
/// commands after one that fails, find everything as it was before.
#[test]
fn session_as_code_sees_it() {
    let set = |what: &str| {
        format!(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET {what}', current_database()); END $$;"
        )
    };
    let destination = set("DateStyle = ''SQL, DMY''")
        + &set("dts_ddl_capture.apply_on_error = log")
        + &set("extra_float_digits = -1")
        + "CREATE TABLE taken (x int); CREATE TABLE noted (id int, what text); GRANT ALL ON noted TO PUBLIC";
    let pair = Pair::new(&Options {
        topic: "session",
        destination: &destination,
        ..Options::default()
    });
    roles(&pair, &["session_a", "session_b"]);
    pair.source
        .run("CREATE TABLE public.rows (id int PRIMARY KEY)");
    pair.wait();
    pair.destination.run("CREATE FUNCTION notes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           INSERT INTO public.noted SELECT NEW.id, concat_ws('|', session_user, current_setting('DateStyle'), current_setting('extra_float_digits'), current_setting('search_path'),
             string_agg(name || reset_val || source, '|' ORDER BY name)) FROM pg_catalog.pg_settings WHERE name IN ('search_path', 'DateStyle', 'extra_float_digits', 'TimeZone');
           RETURN NEW; END $$;
         CREATE TRIGGER notes BEFORE INSERT ON rows FOR EACH ROW EXECUTE FUNCTION notes(); ALTER TABLE rows ENABLE ALWAYS TRIGGER notes");
    pair.source.run("INSERT INTO rows VALUES (1)");
    pair.source.run(
        "CREATE FUNCTION public.asks() RETURNS text LANGUAGE plpgsql AS $f$ DECLARE found text; BEGIN
           found := concat_ws('|', session_user, current_user, current_setting('session_authorization'), string_agg(name || reset_val, '|' ORDER BY name))
             FROM pg_catalog.pg_settings WHERE name IN ('search_path', 'DateStyle', 'extra_float_digits', 'TimeZone', 'check_function_bodies');
           RESET search_path; RESET DateStyle; SET extra_float_digits TO DEFAULT;
           RETURN concat_ws('|', found, current_setting('search_path'), current_setting('DateStyle'), current_setting('extra_float_digits'));
         END $f$;
         CREATE TABLE taken (y int)",
    );
    let mut made = Vec::new();
    let mut ask = |role: Option<&str>, before: &str| {
        let view = format!("made_{}.v", made.len());
        let mut client = pair.source.connect_as(role);
        client
            .batch_execute(&format!(
                "CREATE SCHEMA made_{}; {before}; CREATE MATERIALIZED VIEW {view} AS SELECT public.asks() AS what; CREATE TABLE public.taken_{} (y int)",
                made.len(), made.len()
            ))
            .unwrap_or_else(|error| panic!("{before}: {error:?}"));
        made.push(view);
    };
    pair.source.run("GRANT ALL ON SCHEMA public TO session_a");
    ask(None, "SELECT 1");
    ask(
        None,
        "SET search_path = pg_catalog; SET DateStyle = 'German'; SET extra_float_digits = 2; SET check_function_bodies = off",
    );
    ask(
        None,
        "SET SESSION AUTHORIZATION session_b; RESET SESSION AUTHORIZATION; BEGIN; SET LOCAL TimeZone = 'Asia/Tokyo'; COMMIT",
    );
    ask(Some("session_a"), "SET search_path = made_3, public");
    pair.source.run("ALTER ROLE session_a SET search_path = pg_catalog, \"no such\", public; ALTER ROLE session_a SET DateStyle = 'Postgres, YMD'; ALTER ROLE session_a SET TimeZone = 'Asia/Tokyo'");
    ask(
        Some("session_a"),
        "SET DateStyle = 'ISO, MDY'; SET TimeZone = 'GMT'",
    );
    ask(Some("session_a"), "SET search_path = ''");
    pair.source
        .run("GRANT session_b TO session_a; GRANT ALL ON SCHEMA public TO session_b");
    pair.destination.run("GRANT session_b TO session_a");
    ask(
        Some("session_a"),
        "GRANT ALL ON SCHEMA made_6 TO session_b; SET ROLE session_b",
    );
    pair.source.run("INSERT INTO rows VALUES (2)");
    pair.wait();
    for view in &made {
        let what = format!("SELECT what FROM {view}");
        assert_eq!(
            pair.destination.value(&what),
            pair.source.value(&what),
            "{view}"
        );
    }
    assert_eq!(
        pair.destination
            .column("SELECT tag || ': ' || error FROM dts_ddl.apply_log WHERE status = 'failed'"),
        ["CREATE TABLE: relation \"taken\" already exists"]
    );
    assert_eq!(
        pair.destination
            .value("SELECT count(*) || ' ' || count(DISTINCT what) FROM noted"),
        "2 1",
        "{:?}",
        pair.destination.column("SELECT what FROM noted")
    );
}

/// A session that makes a subscription runs commands itself; when it is cancelled at one, it has its own reset values again.
#[test]
fn cancelled_session_has_its_reset_values() {
    let pair = Pair::unjoined(&Options {
        topic: "session_cancel",
        source: "CREATE TABLE public.before (x int)",
        ..Options::default()
    });
    let dumped = pair.source.last_id();
    pair.source.run(
        "CREATE FUNCTION public.slow() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
           IF to_regclass('public.here') IS NOT NULL THEN PERFORM pg_sleep(60); END IF; RETURN 1; END $$;
         SET DateStyle = 'German'; CREATE MATERIALIZED VIEW public.v AS SELECT public.slow() AS x",
    );
    pair.destination.run(
        "CREATE EXTENSION dts_ddl_capture; CREATE TABLE public.here (x int); CREATE TABLE public.before (x int);
         DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET DateStyle = ''SQL, DMY''', current_database());
           EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database()); END $$",
    );
    pair.destination
        .start_apply(&format!("after_id => {dumped}"));
    let connection = pair
        .source
        .cluster()
        .connection_string(&pair.source.database);
    let mut client = pair.destination.connect();
    let query = "SELECT string_agg(name || reset_val || setting, '|' ORDER BY name) FROM pg_settings WHERE name IN ('DateStyle', 'search_path')";
    let before: String = client.query_one(query, &[]).expect(query).get(0);
    client
        .batch_execute("SET statement_timeout = '3s'")
        .expect("SET");
    let error = client
        .batch_execute(&format!("CREATE SUBSCRIPTION s CONNECTION '{connection}' PUBLICATION p WITH (create_slot = false, slot_name = NONE, enabled = false)"))
        .expect_err("CREATE SUBSCRIPTION");
    assert!(describe(&error).contains("statement timeout"), "{error:?}");
    let after: String = client.query_one(query, &[]).expect(query).get(0);
    assert_eq!(after, before);
}
