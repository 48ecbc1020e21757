//! Live apply: what happens to a command that fails, to one that is not for the destination, and to one that the
//! destination runs in another form.

use super::pair::{Options, Pair};
use super::server::server;

#[test]
fn stop_until_mended() {
    let pair = Pair::simple("stop");
    pair.destination.run("CREATE TABLE in_the_way (other int)");
    pair.source.run("CREATE TABLE before (x int); CREATE TABLE in_the_way (x int); INSERT INTO in_the_way VALUES (1); CREATE TABLE after (x int); INSERT INTO after VALUES (1)");
    let id = pair
        .source
        .value("SELECT id FROM public.dts_ddl_command WHERE ddl_text LIKE '%in_the_way%'");
    let error = pair.expect_error(&[
        &format!("could not apply DDL command {id}: relation \"in_the_way\" already exists"),
        "CREATE TABLE in_the_way (x int)",
        &format!("dts_ddl.skip({id})"),
    ]);
    assert!(
        error.contains("DETAIL:") && error.contains("HINT:"),
        "{error}"
    );
    // the transaction as a whole waits
    assert_eq!(pair.destination.value("to_regclass('before')"), "NULL");
    pair.destination.run("DROP TABLE in_the_way");
    pair.check();
    assert_eq!(
        pair.destination
            .value("SELECT count(*) FROM dts_ddl.apply_log WHERE status = 'failed'"),
        "0"
    );
}

#[test]
fn stop_until_skipped() {
    let pair = Pair::simple("skip");
    pair.source.run("CREATE TABLE base (x int)");
    pair.destination
        .run("CREATE VIEW skipped_view AS SELECT 5 AS local");
    pair.source.run("CREATE VIEW skipped_view AS SELECT 1 AS one; INSERT INTO base VALUES (1); CREATE TABLE after (x int); INSERT INTO after VALUES (1)");
    let id = pair
        .source
        .value("SELECT id FROM public.dts_ddl_command WHERE ddl_text LIKE '%skipped_view%'");
    pair.expect_error(&[
        &format!("could not apply DDL command {id}: "),
        "skipped_view",
    ]);
    pair.destination.run(&format!("SELECT dts_ddl.skip({id})"));
    pair.wait();
    assert_eq!(
        pair.destination.value("SELECT local FROM skipped_view"),
        "5"
    );
    assert_eq!(pair.destination.value("SELECT count(*) FROM after"), "1");
    assert_eq!(
        pair.destination.value(&format!(
            "SELECT status FROM dts_ddl.apply_log WHERE id = {id}"
        )),
        "skipped"
    );
    // ahead of time, too
    let next = pair.source.last_id() + 1;
    pair.destination
        .run(&format!("SELECT dts_ddl.skip({next})"));
    pair.source.run("CREATE VIEW unwanted AS SELECT 1 AS x");
    pair.source.run("CREATE VIEW wanted AS SELECT 1 AS x");
    pair.wait();
    assert_eq!(pair.destination.value("to_regclass('unwanted')"), "NULL");
    assert_eq!(pair.destination.value("to_regclass('wanted')"), "wanted");
}

#[test]
fn log_and_go_on() {
    let pair = Pair::simple("log");
    let database = &pair.destination.database;
    pair.destination.run(&format!(
        "ALTER DATABASE {database} SET dts_ddl_capture.apply_on_error = log; ALTER SUBSCRIPTION {database} DISABLE; CREATE TABLE taken (id int PRIMARY KEY, local text)"
    ));
    pair.destination
        .run(&format!("ALTER SUBSCRIPTION {database} ENABLE"));
    pair.source.run("CREATE TABLE a (x int); CREATE TABLE taken (id int PRIMARY KEY); CREATE TABLE b (x int); INSERT INTO b VALUES (1)");
    pair.source
        .run("ALTER TABLE a ADD y int; INSERT INTO a VALUES (1, 2)");
    pair.wait();
    assert_eq!(
        pair.apply_log(),
        [
            "applied | CREATE TABLE | postgres | - | -",
            "failed | CREATE TABLE | postgres | 42P07 | relation \"taken\" already exists",
            "applied | CREATE TABLE | postgres | - | -",
            "applied | ALTER TABLE | postgres | - | -",
        ]
        .map(|line| line.replace("postgres", &super::server::server().user))
    );
    assert_eq!(
        pair.destination
            .column("SELECT ddl_text FROM dts_ddl.apply_log WHERE ddl_text IS NOT NULL"),
        ["CREATE TABLE taken (id int PRIMARY KEY)"]
    );
    assert_eq!(pair.destination.value("SELECT count(*) FROM b"), "1");
    assert_eq!(pair.destination.value("SELECT bool_and(duration_ms >= 0 AND finished > now() - interval '5 min') FROM dts_ddl.apply_log WHERE status = 'applied'"), "true");
    // errors of every sort: at parse, at the end of the command, in a trigger
    pair.destination
        .run("ALTER TABLE a ADD only_here int NOT NULL DEFAULT 1 CHECK (only_here > 0)");
    pair.source.run("ALTER TABLE a ADD CONSTRAINT a_only_here_check CHECK (x > 0); ALTER TABLE a ADD only_here text; CREATE TABLE last (x int)");
    pair.wait();
    assert_eq!(
        pair.destination.column(
            "SELECT sqlstate FROM dts_ddl.apply_log WHERE status = 'failed' ORDER BY id OFFSET 1"
        ),
        ["42710", "42701"]
    );
    assert_eq!(pair.destination.value("to_regclass('last')"), "last");
}

#[test]
fn not_for_the_destination() {
    let pair = Pair::simple("notfor");
    pair.source.run("CREATE TABLE a (x int); CREATE PUBLICATION more FOR TABLE a; CREATE TABLE b (x int); DROP PUBLICATION more");
    pair.check();
    let statuses = pair
        .destination
        .column("SELECT status || ' ' || tag FROM dts_ddl.apply_log ORDER BY id");
    assert_eq!(
        statuses,
        [
            "applied CREATE TABLE",
            "not for replay CREATE PUBLICATION",
            "applied CREATE TABLE",
            "not for replay DROP PUBLICATION"
        ]
    );
}

/// Nobody knows whose rights a command is to have whose role was dropped meanwhile.
#[test]
fn role_dropped_meanwhile() {
    let pair = Pair::simple("roledropped");
    pair.source
        .run("CREATE ROLE policy_dropped; CREATE TABLE a (x int); GRANT SELECT ON a TO PUBLIC");
    let mut client = pair.source.connect();
    client.batch_execute("SET ROLE policy_dropped").unwrap();
    pair.source.run("DROP ROLE policy_dropped");
    client.batch_execute("GRANT SELECT ON a TO PUBLIC").unwrap();
    pair.source.run("CREATE TABLE b (x int)");
    pair.check();
    assert_eq!(
        pair.destination.column("SELECT concat_ws(' ', status, tag, note) FROM dts_ddl.apply_log ORDER BY id DESC LIMIT 2"),
        [
            "applied CREATE TABLE",
            "not for replay GRANT the role that ran it had been dropped"
        ]
    );
}

/// Commands that cannot run inside a transaction run in their plain form.
#[test]
fn concurrently() {
    let pair = Pair::simple("concurrently");
    pair.source.run_each(&[
        "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT g, 'v' || g FROM generate_series(1, 100) g; CREATE MATERIALIZED VIEW mv AS SELECT id FROM t; CREATE UNIQUE INDEX ON mv (id)",
        "CREATE INDEX CONCURRENTLY one ON t (v)",
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"CONCURRENTLY\" ON t (v, id) WHERE v <> 'CONCURRENTLY'",
        "CREATE INDEX /* CONCURRENTLY */ CONCURRENTLY -- x\n three ON t (lower(v))",
        "CREATE INDEX CONCURRENTLY ON t (id, v)",
        "DROP INDEX CONCURRENTLY one",
        "DROP INDEX CONCURRENTLY IF EXISTS three",
        "REINDEX TABLE CONCURRENTLY t",
        "REINDEX INDEX CONCURRENTLY \"CONCURRENTLY\"",
        "INSERT INTO t VALUES (101, 'w')",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY mv",
        "ALTER TYPE pg_temp.nothing ADD VALUE 'x'",
    ].into_iter().filter(|sql| !sql.contains("nothing")).collect::<Vec<_>>());
    if server().major >= 14 {
        pair.source.run_each(&[
            "CREATE TABLE p (k int) PARTITION BY LIST (k); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2); INSERT INTO p VALUES (1), (2)",
            "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY",
            "INSERT INTO p1 VALUES (1)",
            "REINDEX (VERBOSE off, CONCURRENTLY) TABLE t",
            "CREATE TABLE h (k int) PARTITION BY HASH (k); CREATE TABLE h1 PARTITION OF h FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
            "ALTER TABLE h DETACH PARTITION h1 CONCURRENTLY",
            "CREATE INDEX pi ON p (k)",
            // these cannot run in a transaction at all: left out (before 17 they have no row)
            "REINDEX TABLE p",
            "REINDEX INDEX CONCURRENTLY pi",
        ]);
        // Earlier minors leave a constraint that names the parent by its OID: then no row can come without that.
        let left =
            "SELECT count(*) FROM pg_constraint WHERE conrelid = 'h1'::regclass AND contype = 'c'";
        if pair.source.value(left) == "0" {
            pair.source
                .run_each(&["DROP TABLE h", "INSERT INTO h1 VALUES (1)"]);
        } else {
            pair.source.run("DROP TABLE h1, h");
        }
    }
    pair.source.run("INSERT INTO t VALUES (102, 'x')");
    pair.check();
    assert_eq!(
        pair.destination
            .value("SELECT count(*) FROM pg_index WHERE NOT indisvalid"),
        "0"
    );
}

/// Rows of an unlogged table are in no stream: when it becomes permanent it is copied, or at least named.
#[test]
fn set_logged() {
    let pair = Pair::new(&Options {
        topic: "logged",
        ..Options::default()
    });
    pair.source.run("CREATE UNLOGGED TABLE u (id int PRIMARY KEY, v text); INSERT INTO u SELECT g, 'u' FROM generate_series(1, 100) g");
    pair.source.run("ALTER TABLE u SET LOGGED");
    pair.source
        .run("INSERT INTO u VALUES (101, 'logged'); UPDATE u SET v = 'x' WHERE id = 101");
    pair.check();
    assert_eq!(pair.destination.value("SELECT count(*) FROM u"), "101");
    pair.source
        .run("ALTER TABLE u SET UNLOGGED; INSERT INTO u VALUES (102, 'unlogged')");
    pair.wait();
    assert_eq!(
        pair.destination
            .value("SELECT relpersistence FROM pg_class WHERE relname = 'u'"),
        "u"
    );
}
