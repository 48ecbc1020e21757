//! Settings that come with the connection. See also `pg_test/settings/`.

use super::server::{Database, value};
use postgres::NoTls;

/// Connection options of an unprivileged user switch nothing off, whenever the library is loaded.
#[test]
fn connection_options_of_an_unprivileged_user() {
    let database = Database::new("options_user");
    drop(database.connect_as("options_app"));
    for (number, options) in [
        "-c dts_ddl_capture.enabled=off",
        "-c dts_ddl_capture.on_error=warning -c dts_ddl_capture.enabled=0",
        "-c dts_ddl_capture.max_rows=1",
        "-c dts_ddl_capture.warn_on_rewrite=off",
    ]
    .into_iter()
    .enumerate()
    {
        let mut client = match database
            .config()
            .user("options_app")
            .options(options)
            .connect(NoTls)
        {
            Ok(client) => client,
            // refused at once is as good
            Err(error) => {
                assert!(
                    format!("{error:?}").contains("permission denied"),
                    "{options}: {error:?}"
                );
                continue;
            }
        };
        let statement = format!("CREATE TABLE options_app.t{number} (x int)");
        client.batch_execute(&statement).unwrap();
        assert_eq!(database.texts().last(), Some(&statement), "{options}");
    }
    // session_preload_libraries of an unprivileged user cannot be set; local_preload_libraries only loads from plugins/
    let denied = database
        .config()
        .user("options_app")
        .options("-c session_preload_libraries=dts_ddl_capture")
        .connect(NoTls);
    assert!(denied.is_err());
}

/// A superuser's connection options count, also for the library that is loaded later.
#[test]
fn connection_options_of_a_superuser() {
    let database = Database::new("options_super");
    let mut off = database
        .config()
        .options("-c dts_ddl_capture.enabled=off")
        .connect(NoTls)
        .unwrap();
    off.batch_execute("CREATE TABLE a (x int); CREATE TABLE b AS SELECT 1 AS x")
        .unwrap();
    let mut preloaded = database
        .config()
        .options(
            "-c session_preload_libraries=dts_ddl_capture -c dts_ddl_capture.replica_identity=off",
        )
        .connect(NoTls)
        .unwrap();
    preloaded
        .batch_execute(
            "DO $$ BEGIN CREATE TABLE c (x int); END $$; SELECT 1; CREATE TABLE d (x int)",
        )
        .unwrap();
    database.expect(&["CREATE TABLE c (x int)", "CREATE TABLE d (x int)"]);
    assert_eq!(
        database.value(
            "SELECT string_agg(relreplident::text, '') FROM pg_class WHERE relname IN ('c', 'd')"
        ),
        "dd"
    );
}

/// RESET ALL, DISCARD ALL and a pooler's session end leave a working session.
#[test]
fn discard_all() {
    let database = Database::new("discard");
    let mut client = database.connect();
    client
        .batch_execute("CREATE TABLE a (x int); PREPARE p AS SELECT 1 AS x")
        .unwrap();
    client.batch_execute("DISCARD ALL").unwrap();
    client
        .batch_execute("CREATE TABLE b (x int); RESET ALL; CREATE TABLE c AS SELECT 1 AS x")
        .unwrap();
    client.batch_execute("DISCARD ALL").unwrap();
    client
        .batch_execute("DISCARD PLANS; CREATE TABLE d (x int)")
        .unwrap();
    database.expect(&[
        "CREATE TABLE a (x int)",
        "CREATE TABLE b (x int)",
        "CREATE TABLE public.c (x integer)",
        "CREATE TABLE d (x int)",
    ]);
}

/// The library of an extension lies in PostgreSQL's own directory, wherever else libraries are looked for. (18 and later look for
/// the libraries of all extensions in dynamic_library_path.)
#[cfg(not(any(feature = "pg18", feature = "pg19")))]
#[test]
fn library_path() {
    let database = Database::new("library_path");
    for path in ["", "/nowhere"] {
        let mut client = database.connect();
        client
            .batch_execute(&format!(
                "SET dynamic_library_path = '{path}'; CREATE TABLE a (x int); DROP TABLE a"
            ))
            .unwrap();
    }
    assert_eq!(database.column("tag").len(), 4);
}

/// Settings that the library defines are where PostgreSQL looks for them, and so are all others, in their order, whatever values
/// there were before it was loaded: up to 15 they are put into PostgreSQL's own list (`src/pg/runtime/setting.rs`). With so many
/// placeholders that the list is moved while they are.
#[test]
fn defined_in_their_places() {
    const OWN: i64 = 15;
    let database = Database::new("settings_places");
    let sorted = "SELECT bool_and(before IS NULL OR before < name) FROM (SELECT name, lag(name) OVER (ORDER BY n) AS before
         FROM (SELECT lower(name) COLLATE \"C\" AS name, ordinality AS n FROM pg_show_all_settings() WITH ORDINALITY) s) s";
    let found = "SELECT bool_and(current_setting(name) IS NOT NULL) FROM pg_settings";
    let count = "SELECT count(*) FROM pg_settings";
    database
        .connect()
        .batch_execute(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET dts_ddl_capture.max_age = 77', current_database()); END $$",
        )
        .unwrap();
    for placeholders in (0..=120).step_by(10) {
        let mut client = database.connect();
        let before: i64 = client.query_one(count, &[]).unwrap().get(0);
        client
            .batch_execute(&format!(
                "SELECT set_config(p || '.x' || i, p || i, false)
                   FROM generate_series(1, {placeholders} / 2) i, unnest('{{app,zebra}}'::text[]) p;
                 SET \"DTS_DDL_Capture.max_rows\" = 7; SET dts_ddl_capture.replica_identity = 'off';
                 SET dts_ddl_capture.warn_on_rewrite = 'neither'; SET dts_ddl_capture_too.x = 'a'; SET dts_ddl.x = 'b'"
            ))
            .unwrap();
        client
            .batch_execute("BEGIN; SET LOCAL dts_ddl_capture.publication_prefix = 'other_'")
            .unwrap();
        // (the value that is none is reported, and not taken)
        client
            .batch_execute("CREATE TABLE a (x int); DROP TABLE a")
            .unwrap();
        let after: i64 = client.query_one(count, &[]).unwrap().get(0);
        assert_eq!(after - before, OWN, "{placeholders}");
        assert_eq!(value(&mut client, sorted), "true", "{placeholders}");
        assert_eq!(value(&mut client, found), "true", "{placeholders}");
        let shown = "SELECT concat_ws(' ', current_setting('dts_ddl_capture.max_rows'), current_setting('dts_ddl_capture.max_age'),
             current_setting('dts_ddl_capture.replica_identity'), current_setting('dts_ddl_capture.warn_on_rewrite'),
             current_setting('dts_ddl_capture.publication_prefix'), current_setting('dts_ddl_capture_too.x'), current_setting('dts_ddl.x'),
             current_setting('app.x1', true), current_setting('zebra.x1', true), current_setting('work_mem'))";
        let others = if placeholders > 0 { "app1 zebra1 " } else { "" };
        assert_eq!(
            value(&mut client, shown),
            format!("7 77s off on other_ a b {others}4MB")
        );
        client
            .batch_execute(
                "SET dts_ddl_capture.max_rows = 8; ROLLBACK; RESET dts_ddl_capture.replica_identity;
                 SET dts_ddl_capture.enabled = off; SET zone_of.mine = 1; LOAD 'auto_explain'; SET auto_explain.log_nested_statements = on",
            )
            .unwrap();
        assert_eq!(
            value(&mut client, shown),
            format!("7 77s full on dts_sync_ a b {others}4MB")
        );
        assert_eq!(value(&mut client, sorted), "true", "{placeholders}");
        assert_eq!(value(&mut client, found), "true", "{placeholders}");
        client
            .batch_execute("RESET ALL; CREATE TABLE b (x int)")
            .unwrap();
        assert_eq!(
            value(&mut client, "current_setting('dts_ddl_capture.max_rows')"),
            "10000"
        );
        client.batch_execute("DROP TABLE b").unwrap();
    }
}
