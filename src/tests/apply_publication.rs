//! Live apply: each way to publish tables.

use super::pair::{Options, Pair};
use super::server::{server, skipped};

/// Statements that make, change and move tables in schemas `app` and `other`, which are there on both sides.
const TABLES: &[&str] = &[
    "CREATE TABLE app.a (id int PRIMARY KEY, v text); INSERT INTO app.a VALUES (1, 'a')",
    "BEGIN; CREATE TABLE app.b AS SELECT * FROM app.a; ALTER TABLE app.b ADD n int DEFAULT 1; INSERT INTO app.b VALUES (2, 'b', 2); COMMIT",
    "CREATE TABLE other.c (x int); ALTER TABLE other.c SET SCHEMA app; INSERT INTO app.c VALUES (1)",
    "ALTER TABLE app.b RENAME TO b2; UPDATE app.b2 SET n = 3; DELETE FROM app.b2 WHERE id = 1",
    "CREATE TABLE app.p (k int) PARTITION BY LIST (k); CREATE TABLE app.p1 PARTITION OF app.p FOR VALUES IN (1); INSERT INTO app.p VALUES (1);
       CREATE TABLE app.p2 (k int); ALTER TABLE app.p ATTACH PARTITION app.p2 FOR VALUES IN (2); INSERT INTO app.p VALUES (2)",
    "DROP TABLE app.a; CREATE TABLE app.a (other text); INSERT INTO app.a VALUES ('again'); UPDATE app.a SET other = 'twice'",
];
const SCHEMAS: &str = "CREATE SCHEMA app; CREATE SCHEMA other";

#[test]
fn of_schemas() {
    if server().major < 15 {
        return skipped("of_schemas", "FOR TABLES IN SCHEMA came with 15");
    }
    let pair = Pair::new(&Options {
        topic: "schemas",
        source: SCHEMAS,
        destination: SCHEMAS,
        publication: "FOR TABLES IN SCHEMA app, TABLE public.dts_ddl_command",
        ..Options::default()
    });
    pair.source.run_each(TABLES);
    // not published: the schema arrives, the rows do not
    pair.source
        .run("CREATE TABLE other.quiet (x int); INSERT INTO other.quiet VALUES (1)");
    pair.check();
    assert_eq!(
        pair.destination.value("SELECT count(*) FROM other.quiet"),
        "0"
    );
    assert_eq!(pair.destination.value("SELECT count(*) FROM app.p"), "2");
}

#[test]
fn of_a_list() {
    let pair = Pair::new(&Options {
        topic: "list",
        source: SCHEMAS,
        destination: SCHEMAS,
        publication: "FOR TABLE public.dts_ddl_command",
        name: "dts_sync_list",
        ..Options::default()
    });
    pair.source.run_each(TABLES);
    pair.source.run("BEGIN; CREATE TABLE of_root (x int); INSERT INTO of_root VALUES (1); SELECT 1 AS y INTO into_root; COMMIT");
    pair.check();
    assert_eq!(pair.destination.value("SELECT count(*) FROM app.b2"), "1");
}

/// No prefix: new tables are not published, and so are not in the subscription.
#[test]
fn of_the_capture_table_only() {
    let pair = Pair::new(&Options {
        topic: "only",
        publication: "FOR TABLE public.dts_ddl_command",
        ..Options::default()
    });
    pair.source
        .run("CREATE TABLE t (x int); INSERT INTO t VALUES (1); CREATE TABLE u AS SELECT 1 AS x");
    pair.check();
    assert_eq!(pair.destination.value("SELECT count(*) FROM t"), "0");
    assert_eq!(
        pair.destination.value("SELECT string_agg(srrelid::regclass::text, ' ') FROM pg_subscription_rel s JOIN pg_class c ON c.oid = srrelid"),
        "dts_ddl_command"
    );
    // taking the table in later is an ordinary refresh, with a copy
    pair.source.run("ALTER PUBLICATION p ADD TABLE t");
    pair.destination.run(&format!(
        "ALTER SUBSCRIPTION {} REFRESH PUBLICATION",
        pair.destination.database
    ));
    pair.source
        .run("ALTER TABLE t ADD y int; INSERT INTO t VALUES (2, 2)");
    pair.check();
    assert_eq!(pair.destination.value("SELECT count(*) FROM t"), "2");
}

/// Tables whose REPLICA IDENTITY FULL is taken back: the destination has the same identity, and rows go on.
#[test]
fn of_columns() {
    if server().major < 15 {
        return skipped("of_columns", "column lists came with 15");
    }
    let pair = Pair::new(&Options {
        topic: "columns",
        publication: "FOR TABLE public.dts_ddl_command WITH (publish_via_partition_root = true)",
        ..Options::default()
    });
    pair.source.run_each(&[
        "CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a VALUES (1, 'x'), (2, 'y')",
        "ALTER PUBLICATION p ADD TABLE a (id, v)",
        "UPDATE a SET v = 'q' WHERE id = 1; UPDATE a SET id = 3 WHERE id = 1; DELETE FROM a WHERE id = 2",
        "CREATE TABLE r (id int PRIMARY KEY, v int) PARTITION BY RANGE (id); CREATE TABLE r1 PARTITION OF r DEFAULT",
    ]);
    pair.source.run("ALTER PUBLICATION p ADD TABLE r (id, v)");
    pair.wait();
    pair.destination.run(&format!(
        "ALTER SUBSCRIPTION {} REFRESH PUBLICATION",
        pair.destination.database
    ));
    pair.wait();
    pair.source.run_each(&[
        "CREATE TABLE r2 PARTITION OF r FOR VALUES FROM (0) TO (10)",
        "INSERT INTO r VALUES (1, 1), (11, 1); UPDATE r SET v = 2; UPDATE r SET id = 12 WHERE id = 11; DELETE FROM r WHERE id = 1",
        "UPDATE a SET v = 'z'",
    ]);
    pair.check();
    let identities = "SELECT string_agg(relname || relreplident::text, ' ' ORDER BY relname) FROM pg_class WHERE relname IN ('a', 'r', 'r1', 'r2')";
    assert_eq!(pair.source.value(identities), "ad rd r1d r2d");
    assert_eq!(pair.destination.value(identities), "ad rd r1d r2d");
    assert_eq!(
        pair.destination.value("SELECT id || v FROM a"),
        "3z",
        "{:?}",
        pair.apply_log()
    );
    assert_eq!(
        pair.destination.value("SELECT id || ' ' || v FROM r"),
        "12 2"
    );
}

/// Which identities are their owner's is known after cutover, too: only FULL that capture gave is taken back there.
#[test]
fn of_columns_after_cutover() {
    if server().major < 15 {
        return skipped("of_columns_after_cutover", "column lists came with 15");
    }
    let pair = Pair::new(&Options {
        topic: "cutover_columns",
        ..Options::default()
    });
    pair.source.run_each(&[
        "CREATE TABLE given (id int PRIMARY KEY, v text)",
        "CREATE TABLE chosen (id int PRIMARY KEY, v text); ALTER TABLE chosen REPLICA IDENTITY FULL",
    ]);
    pair.check();
    pair.destination
        .run("SELECT dts_ddl.stop_apply(capture => true)");
    pair.destination
        .run("CREATE PUBLICATION q FOR TABLE given (id), chosen (id)");
    assert_eq!(
        pair.destination.value("SELECT string_agg(relname || ' ' || relreplident::text, ', ' ORDER BY relname) FROM pg_class WHERE relname IN ('given', 'chosen')"),
        "chosen f, given d"
    );
}
