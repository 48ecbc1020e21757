//! `dts-migrate compare`: what is in motion, what has a reason, what cannot be compared. (What depends on the major:
//! `src/tests/each_major/compare.rs`.)

use super::apply_copy::{at_rest, copy};
use super::each_major::compare::{compared, table, try_compare};
use super::pair::{self, Pair};
use super::server::value;
use dts_migrate::compare::report::Status;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Makes the destination slow: each row that is changed takes so many seconds.
fn slow(pair: &Pair, table: &str, seconds: &str) {
    pair.destination.run(&format!(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_catalog.pg_sleep({seconds}); RETURN NEW; END';
         CREATE TRIGGER slow BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION slow();
         ALTER TABLE {table} ENABLE ALWAYS TRIGGER slow"
    ));
}

/// Rows that the source changes all the time, and that the destination gets late, are not called different: they have nearly always
/// other values there. One that nobody changes and that does differ is, beside them.
#[test]
fn hot_rows() {
    let pair = Pair::simple("compare_hot");
    pair.source.run_each(&[
        "CREATE TABLE hot (id int PRIMARY KEY, n int)",
        "INSERT INTO hot SELECT i, 0 FROM generate_series(1, 100) i",
        "CREATE TABLE keyless (id int, n int)",
        "INSERT INTO keyless SELECT i, 0 FROM generate_series(1, 20) i",
    ]);
    pair.wait();
    slow(&pair, "hot", "0.1");
    pair.destination.run_each(&[
        "UPDATE hot SET n = -1 WHERE id = 50",
        "DELETE FROM keyless WHERE id = 20",
    ]);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = pair.source.connect();
            let mut n = 0;
            while !over.load(Ordering::Relaxed) {
                n += 1;
                // to and fro: what it was before, it soon is again
                let change = format!(
                    "UPDATE hot SET n = {0} WHERE id = 7; UPDATE keyless SET n = {0} WHERE id = 3",
                    n % 2
                );
                client.batch_execute(&change).expect("an update");
                std::thread::sleep(Duration::from_millis(130));
            }
        });
        // whatever happens, the other thread comes to its end
        let reports = std::panic::catch_unwind(|| {
            let naive = (0..40).any(|_| {
                std::thread::sleep(Duration::from_millis(17));
                let n = |node: &pair::Node| node.value("SELECT n FROM hot WHERE id = 7");
                n(&pair.source) != n(&pair.destination)
            });
            assert!(naive, "the destination is not late");
            [0; 3].map(|_| compared(&pair, |_| {}))
        });
        over.store(true, Ordering::Relaxed);
        for report in reports.expect("reports") {
            let text = report.text(true);
            let hot = table(&report, "public.hot");
            let keys: Vec<&str> = hot.rows.iter().map(|row| row.key.as_str()).collect();
            assert_eq!(
                (hot.status, keys),
                (Status::Different, vec!["(id) = (50)"]),
                "{text}"
            );
            let keyless = table(&report, "public.keyless");
            assert_eq!((keyless.missing, keyless.extra), (1, 0), "{text}");
        }
    });
}

/// A row that is never the same, and never at rest, is undecided: here each change is turned into another on its way. (Where the
/// machine gives the sessions that change it no time during a look, it was at rest, and does differ: then once more.)
#[test]
fn never_at_rest() {
    let pair = Pair::simple("compare_undecided");
    pair.source.run_each(&[
        "CREATE TABLE hot (id int PRIMARY KEY, n bigint)",
        "INSERT INTO hot VALUES (1, 0)",
    ]);
    pair.wait();
    pair.destination.run(
        "CREATE FUNCTION other() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.n = -NEW.n; RETURN NEW; END';
         CREATE TRIGGER other BEFORE UPDATE ON hot FOR EACH ROW EXECUTE FUNCTION other();
         ALTER TABLE hot ENABLE ALWAYS TRIGGER other",
    );
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut client = pair.source.connect();
                while !over.load(Ordering::Relaxed) {
                    client
                        .batch_execute("UPDATE hot SET n = n + 1")
                        .expect("an update");
                }
            });
        }
        let reports = std::panic::catch_unwind(|| {
            std::thread::sleep(Duration::from_millis(300));
            let mut reports = (0..20).map(|_| compared(&pair, |options| options.looks = 2));
            reports.find(|report| table(report, "public.hot").status == Status::Undecided)
        });
        over.store(true, Ordering::Relaxed);
        let report = reports.expect("reports").expect("one that is undecided");
        let text = report.text(true);
        assert_eq!(report.exit_status(), 3, "{text}");
        assert!(
            text.contains("rows that changed during 2 looks: 1"),
            "{text}"
        );
    });
    // at rest it does differ
    let report = compared(&pair, |_| {});
    assert_eq!(
        table(&report, "public.hot").differ,
        1,
        "{}",
        report.text(true)
    );
}

/// A stream that stands is no difference, and is told.
#[test]
fn a_stream_that_stands() {
    let pair = Pair::simple("compare_stands");
    pair.source.run_each(&[
        "CREATE TABLE t (id int PRIMARY KEY, n int)",
        "INSERT INTO t SELECT i, 0 FROM generate_series(1, 10) i",
    ]);
    pair.wait();
    let mut holder = pair.destination.connect();
    holder
        .batch_execute("BEGIN; LOCK TABLE t IN SHARE MODE")
        .expect("a lock that readers do not meet");
    pair.source.run("UPDATE t SET n = 1 WHERE id = 5");
    let problem = try_compare(&pair, |options| options.wait = Duration::from_secs(1));
    let problem = problem.err().expect("it cannot be compared").to_string();
    assert!(
        problem.contains("within 1 s") && problem.contains("dts_ddl.stops()"),
        "{problem}"
    );
    holder.batch_execute("COMMIT").expect("COMMIT");
    let report = compared(&pair, |_| {});
    assert_eq!(report.exit_status(), 0, "{}", report.text(true));
}

/// A rewrite that was announced is a reason, until the table is copied again.
#[test]
fn announced() {
    let pair = Pair::that_only_tells("compare_announced");
    pair.source.run_each(&[
        "CREATE TABLE t (id int PRIMARY KEY)",
        "INSERT INTO t SELECT generate_series(1, 20)",
        "CREATE TABLE other (id int PRIMARY KEY, v text)",
        "INSERT INTO other SELECT i, 'v' FROM generate_series(1, 20) i",
        "ALTER TABLE t ADD r float8 DEFAULT random()",
    ]);
    pair.wait();
    let report = compared(&pair, |options| options.schema = true);
    let text = report.text(true);
    let known = table(&report, "public.t");
    assert_eq!((known.status, known.differ), (Status::Known, 20), "{text}");
    assert!(
        known.reasons[0].contains("has rewritten the table"),
        "{text}"
    );
    assert_eq!(report.exit_status(), 3, "{text}");
    // another table has no such reason
    pair.destination
        .run("UPDATE other SET v = 'w' WHERE id = 3");
    let report = compared(&pair, |_| {});
    assert_eq!(report.exit_status(), 1, "{}", report.text(true));
    pair.destination
        .run("UPDATE other SET v = 'v' WHERE id = 3");

    // nor does it explain a row that is missing
    pair.destination.run("DELETE FROM t WHERE id = 3");
    let report = compared(&pair, |_| {});
    let text = report.text(true);
    assert_eq!(
        table(&report, "public.t").status,
        Status::Different,
        "{text}"
    );
    assert_eq!(report.exit_status(), 1, "{text}");

    at_rest(&pair, || {
        assert!(!copy(&pair, "t").is_empty());
    });
    pair.wait();
    let report = compared(&pair, |_| {});
    assert_eq!(report.exit_status(), 0, "{}", report.text(true));
    pair.destination.run("UPDATE t SET r = 7 WHERE id = 3");
    let report = compared(&pair, |_| {});
    let text = report.text(true);
    assert_eq!(
        (table(&report, "public.t").status, report.exit_status()),
        (Status::Different, 1),
        "{text}"
    );
}

/// Tables that are being copied, and those that only one side knows.
#[test]
fn not_compared() {
    let pair = Pair::new(&pair::Options {
        topic: "compare_others",
        source: "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 20)",
        destination: "CREATE TABLE t (id int PRIMARY KEY)",
        start_apply: "after_id => 1000000",
        publication: "FOR TABLE t, public.dts_ddl_command",
        ..pair::Options::default()
    });
    let mut holder = pair.destination.connect();
    at_rest(&pair, || {
        copy(&pair, "t");
        holder
            .batch_execute("BEGIN; LOCK TABLE t IN SHARE MODE")
            .expect("a lock that the copy waits for");
    });
    pair.destination.expect_value(
        "SELECT count(*) FROM pg_subscription_rel WHERE srrelid = 't'::regclass AND srsubstate = 'd'",
        "1",
    );
    let report = compared(&pair, |_| {});
    let text = report.text(true);
    assert_eq!(
        (table(&report, "public.t").status, report.exit_status()),
        (Status::Copying, 3),
        "{text}"
    );
    holder.batch_execute("COMMIT").expect("COMMIT");
    pair.wait();
    assert_eq!(compared(&pair, |_| {}).exit_status(), 0);

    pair.source.run_each(&[
        "SET session_replication_role = replica; CREATE TABLE unknown (id int PRIMARY KEY); ALTER PUBLICATION p ADD TABLE unknown",
    ]);
    let report = compared(&pair, |_| {});
    let text = report.text(true);
    assert_eq!(
        (
            table(&report, "public.unknown").status,
            report.exit_status()
        ),
        (Status::OnlySource, 1),
        "{text}"
    );
    let report = compared(&pair, |options| options.tables = vec!["t".to_owned()]);
    assert_eq!(report.exit_status(), 0, "{}", report.text(true));
}

/// Borders of chunks by a key of text whose order is another one on the other side.
#[test]
fn another_order() {
    let pair = Pair::simple("compare_order");
    let icu = "SELECT count(*) FROM pg_collation WHERE collname = 'en-x-icu'";
    if pair.source.value(icu) == "0" {
        return super::server::skipped("another_order", "a server without ICU");
    }
    pair.source.run_each(&[
        r#"CREATE TABLE t (a text COLLATE "en-x-icu" NOT NULL, b int NOT NULL, v text)"#,
        "CREATE UNIQUE INDEX mixed ON t (a, b DESC)",
        "ALTER TABLE t REPLICA IDENTITY USING INDEX mixed",
        r#"CREATE TABLE u (a text COLLATE "en-x-icu" PRIMARY KEY, v text)"#,
        "INSERT INTO t SELECT chr(CASE WHEN i % 2 = 0 THEN 65 ELSE 97 END + i % 26) || i, i, 'v' FROM generate_series(1, 300) i",
        "INSERT INTO u SELECT a, v FROM t",
    ]);
    pair.wait();
    pair.destination.run(
        r#"SET session_replication_role = replica; ALTER TABLE u ALTER a TYPE text COLLATE "C""#,
    );
    let report = compared(&pair, |options| options.rows_per_chunk = 10);
    let text = report.text(true);
    assert_eq!(report.exit_status(), 0, "{text}");
    // directions that are mixed are no order of chunks
    assert_eq!(
        (
            table(&report, "public.t").method,
            table(&report, "public.u").method
        ),
        ("buckets", "key"),
        "{text}"
    );
    pair.destination
        .run("DELETE FROM u WHERE a = (SELECT max(a) FROM u WHERE a < 'a')");
    let report = compared(&pair, |options| options.rows_per_chunk = 10);
    let text = report.text(true);
    let u = table(&report, "public.u");
    assert_eq!((u.missing, u.extra, u.differ), (1, 0, 0), "{text}");
}

/// What it says when it cannot begin.
#[test]
fn problems() {
    let pair = Pair::simple("compare_problems");
    let says = |parts: &[&str], change: &dyn Fn(&mut dts_migrate::compare::Options)| {
        let problem = try_compare(&pair, change)
            .err()
            .expect("a problem")
            .to_string();
        assert!(parts.iter().all(|part| problem.contains(part)), "{problem}");
    };
    says(&["is too old", "--pg-dump"], &|options| {
        options.schema = true;
        options.pg_dump = "/bin/echo".to_owned();
    });
    says(
        &["no subscription absent", &pair.destination.database],
        &|options| {
            options.subscriptions = vec!["absent".to_owned()];
        },
    );
    says(&["no table matches", "*"], &|options| {
        options.tables = vec!["absent".to_owned()]
    });
    let turned = Pair::bare(&pair::Servers::shared(), "compare_bare");
    let problem = try_compare(&turned, |_| {})
        .err()
        .expect("no subscription")
        .to_string();
    assert!(
        problem.contains("no subscription that is enabled") && problem.contains("--at-rest"),
        "{problem}"
    );
    // without a stream both are compared as they are
    for node in [&turned.source, &turned.destination] {
        node.run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
    }
    turned.source.run("CREATE TABLE u ()");
    let report = compared(&turned, |options| options.at_rest = true);
    assert_eq!(table(&report, "public.t").status, Status::Same);
    assert_eq!(table(&report, "public.u").status, Status::OnlySource);
    turned.source.run("ALTER TABLE t ADD v int");
    let report = compared(&turned, |options| options.at_rest = true);
    let text = report.text(true);
    assert_eq!(
        table(&report, "public.t").status,
        Status::Different,
        "{text}"
    );
    assert!(text.contains("lacks columns: v"), "{text}");
}

/// No query of it holds a snapshot for long; and it ends also where all rows differ.
#[test]
fn short_queries() {
    let pair = Pair::simple("compare_short");
    pair.source.run_each(&[
        "CREATE TABLE t (id int PRIMARY KEY, v text)",
        "INSERT INTO t SELECT i, repeat(i::text, 20) FROM generate_series(1, 3000) i",
    ]);
    pair.wait();
    let over = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut client = pair.source.connect();
            let mut seen = Vec::new();
            while !over.load(Ordering::Relaxed) {
                // between two statements of one transaction it is idle for a moment
                let idle =
                    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dts-migrate'
                    AND (state LIKE 'idle in%' AND clock_timestamp() - state_change > '1 s' OR clock_timestamp() - xact_start > '5 s')";
                seen.push(value(&mut client, idle));
            }
            seen
        });
        let report =
            std::panic::catch_unwind(|| compared(&pair, |options| options.rows_per_chunk = 10));
        over.store(true, Ordering::Relaxed);
        assert_eq!(report.expect("a report").exit_status(), 0);
        watch.join().expect("what was seen")
    });
    assert!(
        seen.len() > 3 && seen.iter().all(|count| count == "0"),
        "{seen:?}"
    );
    // when very much differs it does not go on for ever
    pair.destination.run("TRUNCATE t");
    let report = compared(&pair, |_| {});
    let t = table(&report, "public.t");
    let text = report.text(true);
    assert!(
        t.missing >= 1000 && t.missing < 3000 && t.at_least,
        "{text}"
    );
    assert!(text.contains("at least 1,"), "{text}");
}
