//! Settings that come with the connection. See also `pg_test/settings/`.

use super::server::Database;
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
