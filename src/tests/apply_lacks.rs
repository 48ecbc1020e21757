//! What a destination does not have: tablespaces and other objects that settings name; and what only the way of running a command
//! would take from it: an enum value of the same transaction, the depth of the stack.

use super::pair::Pair;
use super::server::server;

#[test]
fn tablespaces() {
    let pair = Pair::simple("lacks");
    let here = format!("only_{}", pair.source.database);
    pair.source.run_each(&[
        "SET allow_in_place_tablespaces = on",
        &format!("CREATE TABLESPACE {here} LOCATION ''"),
    ]);
    pair.source.run(&format!(
        "SET default_tablespace = {here}; CREATE VIEW v AS SELECT 1 AS x; CREATE SEQUENCE s; CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'"
    ));
    pair.check();
    pair.source.run(&format!(
        "SET default_tablespace = {here}; CREATE TABLE by_setting (i int PRIMARY KEY); INSERT INTO by_setting VALUES (1)"
    ));
    pair.expect_error(&[
        &format!("\"{here}\" does not exist"),
        "apply_missing_tablespace",
    ]);
    let database = &pair.destination.database;
    pair.destination.run(&format!(
        "ALTER DATABASE {database} SET dts_ddl_capture.apply_missing_tablespace = database; ALTER SUBSCRIPTION {database} DISABLE; ALTER SUBSCRIPTION {database} ENABLE"
    ));
    pair.source.run(&format!(
        "CREATE TABLE named (i int PRIMARY KEY USING INDEX TABLESPACE {here}, j int) TABLESPACE {here}; CREATE INDEX ON named (j) TABLESPACE {here};
         CREATE MATERIALIZED VIEW m TABLESPACE {here} AS SELECT 1 AS x; ALTER TABLE v RENAME TO w; CREATE TABLE moved (i int); ALTER TABLE moved SET TABLESPACE {here};
         ALTER TABLE moved ADD UNIQUE (i) USING INDEX TABLESPACE {here}; INSERT INTO named VALUES (1, 2)"
    ));
    pair.wait();
    assert_eq!(
        pair.destination.value(
            "SELECT count(*) FROM pg_class WHERE relname IN ('by_setting', 'named', 'named_pkey', 'named_j_idx', 'm', 'moved', 'moved_i_key') AND reltablespace = 0"
        ),
        "7"
    );
    assert_eq!(
        pair.destination.value(&format!(
            "SELECT count(*) FROM dts_ddl.apply_log WHERE note LIKE '%{here}%'"
        )),
        "6"
    );
    pair.source
        .run("DROP TABLE by_setting, named, moved; DROP MATERIALIZED VIEW m");
    pair.check();
    pair.source.run(&format!("DROP TABLESPACE {here}"));
}

#[test]
fn dropped_in_the_same_transaction() {
    let pair = Pair::simple("lacks_search");
    pair.source.run(
        "BEGIN; CREATE TEXT SEARCH CONFIGURATION tsc (COPY = pg_catalog.english); SET LOCAL default_text_search_config = 'public.tsc';
         CREATE TABLE a (x int); DROP TEXT SEARCH CONFIGURATION tsc; CREATE TABLE b (x int); COMMIT",
    );
    pair.check();
}

/// Added to an enum that the same transaction has made.
#[test]
fn enum_in_one_transaction() {
    let pair = Pair::simple("lacks_enum");
    let database = pair.destination.database.clone();
    let statement = |name: &str| {
        let used = if server().major >= 17 {
            format!(
                "CREATE TABLE t_{name} (id int PRIMARY KEY, e {name} DEFAULT 'y'); INSERT INTO t_{name} (id) VALUES (1);"
            )
        } else {
            String::new()
        };
        format!(
            "BEGIN; CREATE TYPE {name} AS ENUM ('x'); ALTER TYPE {name} ADD VALUE 'y'; {used} COMMIT"
        )
    };
    pair.source.run(&statement("first"));
    pair.check();
    pair.destination.run(&format!(
        "ALTER DATABASE {database} SET dts_ddl_capture.apply_on_error = log; ALTER SUBSCRIPTION {database} DISABLE; ALTER SUBSCRIPTION {database} ENABLE"
    ));
    pair.source.run(&statement("second"));
    pair.check();
    // what fails is logged all the same, and the stream goes on
    pair.destination.run("CREATE TYPE third AS ENUM ('here')");
    pair.source
        .run("CREATE TYPE third AS ENUM ('x'); CREATE TABLE afterwards (i int)");
    pair.wait();
    assert_eq!(
        pair.destination
            .value("SELECT string_agg(tag, ' ') FROM dts_ddl.apply_log WHERE status = 'failed'"),
        "CREATE TYPE"
    );
}

/// A table with the deepest expression that this session may write. (Without parentheses: the parser has a limit for these.)
pub const DEEPEST: &str = "DO $$ DECLARE n int := 100; step int := 4096; BEGIN
    WHILE step >= 8 LOOP BEGIN
      EXECUTE 'CREATE TABLE deep (x int, CHECK (x' || repeat('+1', n + step) || ' > 0))';
      EXECUTE 'DROP TABLE deep'; n := n + step;
    EXCEPTION WHEN statement_too_complex THEN step := step / 2; END; END LOOP;
    EXECUTE 'CREATE TABLE deepest (x int, CHECK (x' || repeat('+1', n) || ' > 0))'; END $$";

/// The deepest expression that the source takes is not too deep for a worker.
#[test]
fn deep_expressions() {
    let pair = Pair::simple("lacks_depth");
    pair.source.run(DEEPEST);
    pair.wait();
    pair.destination.expect_value(
        "SELECT count(*) FROM pg_constraint WHERE conrelid = 'deepest'::regclass AND contype = 'c'",
        "1",
    );
}
