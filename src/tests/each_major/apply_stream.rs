//! Live apply under the options that change how a transaction arrives: streaming, parallel workers, two-phase commit.

use crate::tests::pair::{Options, Pair};
use crate::tests::server::{server, skipped};

/// Each of these transactions is far larger than `logical_decoding_work_mem`, and has DDL at its beginning, in its
/// middle and at its end. Two run at the same time, so that their changes alternate in WAL.
fn large(pair: &Pair) {
    pair.source.run(
        "CREATE TABLE before (id int PRIMARY KEY, v text); INSERT INTO before VALUES (1, 'a')",
    );
    let (mut one, mut two) = (pair.source.connect(), pair.source.connect());
    one.batch_execute("BEGIN; CREATE TABLE one (id int PRIMARY KEY, v text)")
        .unwrap();
    two.batch_execute("BEGIN; CREATE TABLE two AS SELECT g AS id, repeat('t', 200) AS v FROM generate_series(1, 2000) g").unwrap();
    for round in 0..4 {
        one.batch_execute(&format!(
            "INSERT INTO one (id, v) SELECT g, repeat('o', 200) FROM generate_series({0} * 1000 + 1, ({0} + 1) * 1000) g;
             ALTER TABLE one ADD COLUMN c{0} int DEFAULT {0}",
            round
        ))
        .unwrap();
        two.batch_execute(&format!(
            "SAVEPOINT s; CREATE TABLE lost_{0} (x int); INSERT INTO two SELECT -g, 'lost' FROM generate_series(1, 1000) g; ROLLBACK TO s;
             CREATE TABLE kept_{0} (x int); INSERT INTO kept_{0} SELECT generate_series(1, 1000); UPDATE two SET v = 'u{0}' WHERE id % 4 = {0}",
            round
        ))
        .unwrap();
    }
    let mut three = pair.source.connect();
    three
        .batch_execute(
            "BEGIN; CREATE TABLE never AS SELECT g AS id, repeat('n', 200) AS v FROM generate_series(1, 5000) g; ALTER TABLE before ADD never int",
        )
        .unwrap();
    three.batch_execute("ROLLBACK").unwrap();
    one.batch_execute(
        "ALTER TABLE before RENAME TO after; INSERT INTO after VALUES (2, 'b'); COMMIT",
    )
    .unwrap();
    two.batch_execute(
        "ALTER TABLE two ADD PRIMARY KEY (id); DELETE FROM two WHERE id % 7 = 0; COMMIT",
    )
    .unwrap();
    pair.source.run(
        "INSERT INTO one (id) VALUES (0); INSERT INTO two VALUES (0); UPDATE after SET v = 'end'",
    );
    pair.check();
}

#[test]
fn whole() {
    large(&Pair::simple("whole"));
}

#[test]
fn streamed() {
    if server().major < 14 {
        return skipped("streamed", "streaming came with 14");
    }
    large(&Pair::new(&Options {
        topic: "streamed",
        subscription: "streaming = on,",
        ..Options::default()
    }));
}

#[test]
fn in_parallel() {
    if server().major < 16 {
        return skipped("in_parallel", "streaming = parallel came with 16");
    }
    large(&Pair::new(&Options {
        topic: "parallel",
        subscription: "streaming = parallel,",
        ..Options::default()
    }));
}

fn two_phase(topic: &str, options: &str) {
    let pair = Pair::new(&Options {
        topic,
        subscription: &format!("two_phase = true, {options}"),
        ..Options::default()
    });
    pair.destination.expect_value(
        &format!(
            "SELECT subtwophasestate FROM pg_subscription WHERE subname = '{}'",
            pair.destination.database
        ),
        "e",
    );
    let prepared = "SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()";
    pair.source
        .run("CREATE TABLE base (id int PRIMARY KEY, v text); INSERT INTO base VALUES (1, 'a')");
    pair.source.run_each(&[
        "BEGIN",
        "CREATE TABLE t1 (x int)",
        "INSERT INTO t1 SELECT generate_series(1, 3000)",
        "ALTER TABLE base ADD n int DEFAULT 1",
        "INSERT INTO base VALUES (2, 'b', 2)",
        &format!("PREPARE TRANSACTION '{topic} 1'"),
    ]);
    pair.destination.expect_value(prepared, "1");
    assert_eq!(pair.destination.value("to_regclass('t1')"), "NULL");
    pair.source.run(&format!("COMMIT PREPARED '{topic} 1'"));
    pair.source.run("INSERT INTO t1 VALUES (0)");
    pair.check();
    pair.source.run_each(&[
        "BEGIN",
        "CREATE TABLE t2 AS SELECT g AS x FROM generate_series(1, 3000) g",
        "DROP TABLE t1",
        &format!("PREPARE TRANSACTION '{topic} 2'"),
    ]);
    pair.destination.expect_value(prepared, "1");
    pair.source.run(&format!("ROLLBACK PREPARED '{topic} 2'"));
    pair.source
        .run("CREATE TABLE t2 (y text); INSERT INTO t2 VALUES ('y'); INSERT INTO t1 VALUES (-1)");
    pair.check();
    pair.destination.expect_value(prepared, "0");
}

#[test]
fn prepared() {
    if server().major < 15 {
        return skipped("prepared", "two-phase subscriptions came with 15");
    }
    two_phase("prepared", "");
}

#[test]
fn prepared_and_streamed() {
    if server().major < 15 {
        return skipped(
            "prepared_and_streamed",
            "two-phase subscriptions came with 15",
        );
    }
    let streaming = if server().major >= 16 {
        "parallel"
    } else {
        "on"
    };
    two_phase("prepared_streamed", &format!("streaming = {streaming},"));
}
