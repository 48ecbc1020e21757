//! A table whose rows a command has computed anew is copied again by itself, and the stream goes on behind the copy.

use crate::tests::pair::{Options, Pair, connect_nodes, wait_for};
use crate::tests::server::{server, skipped};
use std::time::Duration;

/// What the apply log says of the last command.
fn note(pair: &Pair) -> String {
    pair.destination
        .value("SELECT note FROM dts_ddl.apply_log ORDER BY entry DESC LIMIT 1")
}

const AGAIN: &str = "is copied again, since its rows were rewritten with a volatile expression";

/// Rewrites of tables with rows, and what is done with these before, in the same transaction, and after.
const CASES: [&[&str]; 10] = [
    &[
        "CREATE TABLE a (id int PRIMARY KEY, v text)",
        "CREATE TABLE of_a (id int PRIMARY KEY, a int REFERENCES a ON DELETE CASCADE)",
        "INSERT INTO a SELECT g, 'v' FROM generate_series(1, 100) g",
        "INSERT INTO of_a VALUES (1, 1), (2, 2)",
        "ALTER TABLE a ADD u float8 NOT NULL DEFAULT random()",
        "INSERT INTO a (id) VALUES (101)",
        "UPDATE a SET v = 'w' WHERE id % 7 = 0",
        "DELETE FROM a WHERE id < 3",
    ],
    &[
        "BEGIN",
        "INSERT INTO a (id, v) VALUES (200, '2000-01-01')",
        "UPDATE a SET v = 'before' WHERE id = 5",
        "ALTER TABLE a ALTER v TYPE timestamptz USING clock_timestamp()",
        "INSERT INTO a (id, v) VALUES (201, clock_timestamp())",
        "UPDATE a SET v = v + '1 day' WHERE id = 6",
        "COMMIT",
        "DELETE FROM a WHERE id = 7",
    ],
    &[
        "ALTER TABLE a ADD n serial",
        "INSERT INTO a (id) VALUES (300)",
        "ALTER TABLE a ADD m bigint GENERATED ALWAYS AS IDENTITY",
        "UPDATE a SET u = 0 WHERE n > 50",
    ],
    &[
        "BEGIN",
        "ALTER TABLE a ADD r1 float8 DEFAULT random()",
        "SAVEPOINT s",
        "ALTER TABLE a ADD r2 float8 DEFAULT random()",
        "UPDATE a SET u = 1 WHERE id = 50",
        "ROLLBACK TO s",
        "INSERT INTO a (id) VALUES (400)",
        "ALTER TABLE a ADD r3 float8 DEFAULT random()",
        "COMMIT",
    ],
    &[
        "BEGIN",
        "SAVEPOINT s",
        "ALTER TABLE a ADD r4 float8 DEFAULT random()",
        "ROLLBACK TO s",
        "INSERT INTO a (id) VALUES (500)",
        "COMMIT",
    ],
    &[
        "CREATE TABLE p (k int PRIMARY KEY, v text) PARTITION BY RANGE (k)",
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20) PARTITION BY LIST (k)",
        "CREATE TABLE p21 PARTITION OF p2 FOR VALUES IN (11, 12)",
        "INSERT INTO p VALUES (1, 'a'), (11, 'b')",
        "ALTER TABLE p ADD at timestamptz DEFAULT clock_timestamp()",
        "INSERT INTO p (k) VALUES (2), (12)",
        "UPDATE p SET v = 'c'",
    ],
    &[
        "CREATE TABLE i (x int)",
        "CREATE TABLE i1 (y int) INHERITS (i)",
        "INSERT INTO i VALUES (1)",
        "INSERT INTO i1 VALUES (1, 1)",
        "ALTER TABLE i ADD r float8 DEFAULT random()",
        "UPDATE i SET x = 2",
    ],
    &[
        "CREATE TABLE \"Q.t\" (id int, v text)",
        "INSERT INTO \"Q.t\" VALUES (1, repeat('x', 10000))",
        "BEGIN",
        "ALTER TABLE \"Q.t\" ADD \"r r\" float8 DEFAULT random()",
        "ALTER TABLE \"Q.t\" RENAME TO \"R\"",
        "COMMIT",
        "INSERT INTO \"R\" VALUES (2)",
        "UPDATE \"R\" SET v = 'x' WHERE id = 1",
    ],
    &[
        "CREATE TABLE gone (id int)",
        "INSERT INTO gone VALUES (1)",
        "ALTER TABLE gone ADD r float8 DEFAULT random()",
        "DROP TABLE gone",
        "CREATE TABLE gone (id int)",
        "INSERT INTO gone VALUES (2)",
        "BEGIN",
        "ALTER TABLE gone ADD r float8 DEFAULT random()",
        "DROP TABLE gone",
        "COMMIT",
    ],
    &[
        "CREATE DOMAIN dice AS int DEFAULT (random() * 1000000)::int",
        "CREATE TABLE d (id int PRIMARY KEY)",
        "INSERT INTO d VALUES (1), (2)",
        "DO $$ BEGIN ALTER TABLE d ADD e dice; INSERT INTO d VALUES (3); END $$",
        "CREATE TABLE empty (id int PRIMARY KEY)",
        "ALTER TABLE empty ADD r float8 DEFAULT random()",
        "INSERT INTO empty VALUES (1)",
    ],
];

fn all(pair: &Pair) {
    for case in CASES {
        pair.source.run_each(case);
        pair.check();
    }
    assert_eq!(
        pair.destination.value(&format!(
            "SELECT count(*) > 8 AND count(*) FILTER (WHERE note NOT LIKE '%{AGAIN}%') = 0
               FROM dts_ddl.apply_log WHERE note LIKE '%rewritten%'"
        )),
        "true"
    );
    assert_eq!(
        pair.destination.value(
            "SELECT string_agg(note, '; ') FROM dts_ddl.apply_log WHERE note LIKE '%table public.empty%'"
        ),
        "NULL"
    );
}

#[test]
fn whatever_is_done_around() {
    all(&Pair::simple("again"));
}

#[test]
fn sent_as_the_root() {
    all(&Pair::new(&Options {
        topic: "again_root",
        publication: "FOR ALL TABLES WITH (publish_via_partition_root = true)",
        ..Options::default()
    }));
}

/// In the middle of transactions that arrive in pieces.
fn streamed(topic: &str, streaming: &str) {
    let pair = Pair::new(&Options {
        topic,
        subscription: &format!("streaming = {streaming},"),
        ..Options::default()
    });
    all(&pair);
    pair.source.run_each(&[
        "CREATE TABLE l (id int PRIMARY KEY, v text)",
        "INSERT INTO l VALUES (0, 'x')",
        "BEGIN",
        "INSERT INTO l SELECT g, repeat('l', 200) FROM generate_series(1, 2000) g",
        // no rewrite in it: over one that is rolled back PostgreSQL's decoding of a piece fails (docs/limits.md)
        "SAVEPOINT s",
        "UPDATE l SET v = 'lost'",
        "ROLLBACK TO s",
        "INSERT INTO l SELECT g, repeat('m', 200) FROM generate_series(2001, 4000) g",
        "ALTER TABLE l ADD r float8 DEFAULT random()",
        "INSERT INTO l SELECT g, repeat('n', 200) FROM generate_series(4001, 6000) g",
        "UPDATE l SET v = 'u' WHERE id % 10 = 0",
        "COMMIT",
        "UPDATE l SET v = 'w' WHERE id % 100 = 0",
    ]);
    pair.check();
}

#[test]
fn in_pieces() {
    if server().major < 14 {
        return skipped("in_pieces", "streaming came with 14");
    }
    streamed("again_pieces", "on");
}

#[test]
fn in_parallel() {
    if server().major < 16 {
        return skipped("in_parallel", "streaming = parallel came with 16");
    }
    streamed("again_parallel", "parallel");
}

/// The rows come by another subscription than the command, one whose stream is behind.
#[test]
fn by_another_subscription() {
    let pair = Pair::new(&Options {
        topic: "again_other",
        source: "CREATE TABLE t (id int PRIMARY KEY, v text); ALTER TABLE t REPLICA IDENTITY DEFAULT",
        destination: "CREATE TABLE t (id int PRIMARY KEY, v text)",
        publication: "FOR TABLE dts_ddl_command",
        ..Options::default()
    });
    let other = format!("{}_other", pair.destination.database);
    pair.source.run("CREATE PUBLICATION q FOR TABLE t");
    connect_nodes(&pair.source, &pair.destination, &other, "q", "");
    pair.source.run("INSERT INTO t VALUES (1, 'a'), (2, 'b')");
    wait_for(&pair.source, &pair.destination, &other);
    // it waits for this lock with its next row
    let mut holder = pair.destination.connect();
    holder
        .batch_execute("BEGIN; SELECT FROM t WHERE id = 1 FOR UPDATE")
        .unwrap();
    pair.source.run("UPDATE t SET v = 'c' WHERE id = 1");
    pair.destination.expect_value(
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'",
        "1",
    );
    pair.source
        .run("ALTER TABLE t ADD r float8 DEFAULT random()");
    pair.source.run("INSERT INTO t VALUES (3)");
    std::thread::sleep(Duration::from_millis(200));
    holder.batch_execute("COMMIT").unwrap();
    pair.source.run("UPDATE t SET v = 'd' WHERE id = 2");
    pair.wait();
    wait_for(&pair.source, &pair.destination, &other);
    pair.check();
    assert!(note(&pair).contains(AGAIN), "{}", note(&pair));
}

/// A second rewrite comes while the copy for the first one has begun, or has even been made.
#[test]
fn once_more_meanwhile() {
    let pair = Pair::simple("again_twice");
    pair.source
        .run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)");
    pair.wait();
    let (mut first, mut second) = (pair.destination.connect(), pair.destination.connect());
    first.batch_execute("BEGIN; SELECT FROM t LIMIT 1").unwrap();
    pair.source
        .run("ALTER TABLE t ADD r float8 DEFAULT random()");
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 't'::regclass";
    pair.destination.expect_value(waiting, "1");
    let held = std::thread::spawn(move || {
        // behind the command, before the copy
        second
            .batch_execute("BEGIN; LOCK TABLE t IN SHARE MODE")
            .unwrap();
        second
    });
    pair.destination.expect_value(waiting, "2");
    first.batch_execute("COMMIT").unwrap();
    let mut second = held.join().expect("a session");
    // the copy waits
    pair.destination.expect_value(waiting, "1");
    pair.source
        .run("ALTER TABLE t ADD s float8 DEFAULT random()");
    pair.destination.expect_value(waiting, "2");
    pair.source.run("INSERT INTO t VALUES (0)");
    second.batch_execute("COMMIT").unwrap();
    pair.check();
    pair.source.run("DELETE FROM t WHERE id < 10");
    pair.check();
}

/// A command for a table whose copy has begun waits for the end of that, however long; on 13, where it would wait for good, the copy
/// begins anew behind it.
#[test]
fn indexed_while_it_is_copied() {
    let pair = Pair::new(&Options {
        topic: "again_indexed",
        source: "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)",
        destination: "CREATE TABLE t (id int PRIMARY KEY)",
        publication: "FOR TABLE dts_ddl_command",
        ..Options::default()
    });
    let mut session = pair.destination.connect();
    session
        .batch_execute("BEGIN; INSERT INTO t VALUES (50)")
        .unwrap();
    pair.source.run("ALTER PUBLICATION p ADD TABLE t");
    pair.destination.run(&format!(
        "ALTER SUBSCRIPTION {} REFRESH PUBLICATION",
        pair.destination.database
    ));
    // the copy waits for the end of the session's row, and has the table
    pair.destination.expect_value(
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'
           AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid())",
        "1",
    );
    // a lock that the copy's query on the source allows
    pair.source.run("CREATE INDEX i ON t (id)");
    pair.destination.expect_value(
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 't'::regclass",
        "1",
    );
    session.batch_execute("ROLLBACK").unwrap();
    pair.source.run("INSERT INTO t VALUES (0)");
    pair.wait();
    let rows = "SELECT count(*) || ' ' || sum(id) || ' ' || to_regclass('i') FROM t";
    pair.destination
        .expect_value(rows, &pair.source.value(rows));
}

/// What comes later in the transaction cannot be applied at first: all of it is undone, and done once that is mended.
#[test]
fn after_an_error() {
    let pair = Pair::simple("again_error");
    pair.destination.run("CREATE TABLE taken (other int)");
    pair.source
        .run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)");
    pair.wait();
    pair.source.run_each(&[
        "BEGIN",
        "ALTER TABLE t ADD r float8 DEFAULT random()",
        "INSERT INTO t VALUES (0)",
        "CREATE TABLE taken (id int PRIMARY KEY)",
        "COMMIT",
    ]);
    pair.expect_error(&["could not apply DDL command", "taken"]);
    assert_eq!(pair.destination.value("SELECT count(*) FROM t"), "100");
    pair.destination.run("DROP TABLE taken");
    pair.check();
}

/// The table of an ordinary role, whose DDL that was.
#[test]
fn of_an_ordinary_role() {
    if server().major < 16 {
        return skipped(
            "of_an_ordinary_role",
            "before 16 a copy has the subscription owner's rights",
        );
    }
    let pair = Pair::simple("again_role");
    let role = format!("o_{}", pair.destination.database);
    for node in [&pair.source, &pair.destination] {
        node.run(&format!(
            "CREATE ROLE {role}; SET dts_ddl_capture.enabled = off; GRANT CREATE ON SCHEMA public TO {role}"
        ));
    }
    pair.source.run_each(&[
        &format!("SET ROLE {role}"),
        "CREATE TABLE t (id int PRIMARY KEY)",
        "INSERT INTO t VALUES (1), (2)",
        "ALTER TABLE t ADD r float8 DEFAULT random()",
        "INSERT INTO t VALUES (3)",
    ]);
    pair.check();
    for node in [&pair.source, &pair.destination] {
        node.run(&format!(
            "SET dts_ddl_capture.enabled = off; DROP OWNED BY {role} CASCADE; DROP ROLE {role}"
        ));
    }
}

/// Where that is not wanted, or could lose rows, it is told that they differ.
fn only_told(pair: &Pair) {
    pair.source.run(
        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100); ALTER TABLE t ADD r float8 DEFAULT random()",
    );
    pair.wait();
    let note = note(pair);
    assert!(note.contains("differ from the source's"), "{note}");
    assert_eq!(pair.destination.value("SELECT count(*) FROM t"), "100");
    pair.source.run("INSERT INTO t VALUES (0)");
    pair.wait();
    assert_eq!(pair.destination.value("SELECT count(*) FROM t"), "101");
}

#[test]
fn told_by_choice() {
    let pair = Pair::that_only_tells("again_note");
    only_told(&pair);
    pair.expect_error(&["WARNING", "rows of table public.t"]);
}

#[test]
fn told_where_this_server_captures() {
    only_told(&Pair::new(&Options {
        topic: "again_captures",
        start_apply: "server_number => 1",
        ..Options::default()
    }));
}

#[test]
fn told_with_two_phases() {
    if server().major < 15 {
        return skipped(
            "told_with_two_phases",
            "two-phase subscriptions came with 15",
        );
    }
    only_told(&Pair::new(&Options {
        topic: "again_prepared",
        subscription: "two_phase = true,",
        ..Options::default()
    }));
}
