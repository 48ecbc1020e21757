//! Retention as consumers of WAL see it, with the default limit, and beside other sessions; more in `pg_test/retention/`.

use super::pair::{Options, Pair, describe};
use super::server::{Database, value};
use postgres::Client;
use std::collections::BTreeSet;

/// What is pruned before a consumer reads was still decoded as an insert, in order, with its whole text.
#[test]
fn consumers_of_wal_lose_nothing() {
    let database = Database::new("wal_consumer");
    let mut client = database.connect();
    client.batch_execute("CREATE PUBLICATION feed FOR TABLE public.dts_ddl_command WITH (publish = 'insert'); SET dts_ddl_capture.max_rows = 1").unwrap();
    let slot = format!("slot_{}", database.name);
    client
        .execute(
            "SELECT pg_create_logical_replication_slot($1, 'pgoutput')",
            &[&slot],
        )
        .unwrap();
    let want: Vec<String> = (0..20)
        .map(|i| format!("CREATE TABLE w{i} (x int)"))
        .collect();
    for statement in &want {
        client.batch_execute(statement).unwrap();
    }
    assert_eq!(
        value(&mut client, "SELECT count(*) FROM public.dts_ddl_command"),
        "1"
    );
    let rows = client
        .query("SELECT data FROM pg_logical_slot_get_binary_changes($1, NULL, NULL, 'proto_version', '1', 'publication_names', 'feed')", &[&slot])
        .unwrap();
    // 'I', relation, 'N', number of columns, then ddl_text as the first: 't', length, bytes
    let got: Vec<String> = rows
        .iter()
        .map(|row| row.get::<_, Vec<u8>>(0))
        .filter(|data| data[0] == b'I')
        .map(|data| {
            let length = u32::from_be_bytes(data[9..13].try_into().unwrap()) as usize;
            String::from_utf8(data[13..13 + length].to_vec()).unwrap()
        })
        .collect();
    assert_eq!(got, want);
}

/// Pruning, by 100 commands and by hand, is nothing that a consumer hears of. `test_decoding` alone knows that a row is gone, not
/// which. Under REPLICA IDENTITY DEFAULT, which `check()` accepts, consumers are told.
#[test]
fn consumers_do_not_hear_of_it() {
    let database = Database::new("unheard");
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE PUBLICATION everything FOR ALL TABLES; SET dts_ddl_capture.max_rows = 5",
        )
        .unwrap();
    for plugin in ["pgoutput", "test_decoding"] {
        let slot = format!("{}_{plugin}", database.name);
        client
            .execute(
                "SELECT pg_create_logical_replication_slot($1, $2)",
                &[&slot, &plugin],
            )
            .unwrap();
    }
    let pgoutput = format!(
        "SELECT string_agg(count || ' ' || kind, ', ' ORDER BY kind) FROM (
           SELECT chr(get_byte(data, 0)) AS kind, count(*)::text FROM pg_logical_slot_get_binary_changes('{}_pgoutput', NULL, NULL,
             'proto_version', '1', 'publication_names', 'everything') GROUP BY 1) x WHERE kind NOT IN ('B', 'C', 'R', 'Y')",
        database.name
    );
    let decoded = format!(
        "SELECT string_agg(DISTINCT data, ', ') FROM pg_logical_slot_get_changes('{}_test_decoding', NULL, NULL)
          WHERE data LIKE '%: DELETE:%'",
        database.name
    );
    client.batch_execute(&comments(1, 105)).unwrap();
    client
        .batch_execute("SET dts_ddl_capture.max_rows = 1; SELECT dts_ddl.prune()")
        .unwrap();
    assert_eq!(value(&mut client, &pgoutput), "105 I");
    assert_eq!(
        value(&mut client, &decoded),
        "table public.dts_ddl_command: DELETE: (no-tuple-data)"
    );
    let refused = client
        .batch_execute("DELETE FROM public.dts_ddl_command")
        .unwrap_err();
    assert!(
        describe(&refused).contains("does not have a replica identity"),
        "{refused}"
    );
    let check = "SELECT status FROM dts_ddl.check() WHERE name = 'table'";
    assert_eq!(value(&mut client, check), "ok");
    client
        .batch_execute("ALTER TABLE public.dts_ddl_command REPLICA IDENTITY DEFAULT; COMMENT ON SCHEMA public IS 'x'")
        .unwrap();
    assert_eq!(value(&mut client, &pgoutput), "2 D, 2 I");
    assert_eq!(value(&mut client, check), "ok");
}

/// A destination keeps as many rows as it is told to, whatever the source keeps, and the deletions of a source that sends them stop
/// nothing, though the destination has a publication.
#[test]
fn of_a_destination() {
    const ROWS: &str = "SELECT count(*) FROM public.dts_ddl_command";
    let options = Options {
        topic: "prunes_its_own",
        ..Options::default()
    };
    let pair = Pair::unjoined(&options);
    let database = &pair.destination.database;
    pair.destination.run(&format!(
        "CREATE EXTENSION dts_ddl_capture; ALTER DATABASE {database} SET dts_ddl_capture.max_rows = 10; CREATE PUBLICATION passed_on FOR ALL TABLES"
    ));
    pair.subscribe(&options);
    for i in 0..30 {
        pair.source.run(&format!("CREATE TABLE t{i} (i int)"));
    }
    pair.wait();
    assert_eq!(pair.destination.value(ROWS), "10");
    pair.destination.expect_value(
        "SELECT dts_ddl.pruned_through() - min(id) FROM public.dts_ddl_command",
        "-1",
    );
    pair.source
        .run("ALTER TABLE public.dts_ddl_command REPLICA IDENTITY DEFAULT");
    pair.source.run(
        "SET dts_ddl_capture.max_rows = 5; DROP TABLE t1; SELECT dts_ddl.prune(); DROP TABLE t2",
    );
    pair.check();
    assert_eq!(pair.source.value(ROWS), "5");
    assert_eq!(pair.destination.value(ROWS), "5");
}

/// The default limit is 10,000 rows; a transaction that makes more keeps the newest. Large limits are kept in rounds of
/// 16 rows: never more than the limit, and at most 15 fewer. With `max_age`, exactly.
#[test]
fn default_limit() {
    let database = Database::new("default_limit");
    let mut client = database.connect();
    client.batch_execute(&comments(1, 10_050)).unwrap();
    let count = |client: &mut Client| -> i64 {
        let row = client
            .query_one("SELECT count(*), min(id) - dts_ddl.pruned_through(), max(id) - min(id) + 1 FROM public.dts_ddl_command", &[])
            .unwrap();
        assert_eq!(
            (row.get::<_, i64>(1), row.get::<_, i64>(2)),
            (1, row.get(0))
        );
        row.get(0)
    };
    let mut counts = vec![count(&mut client)];
    for i in 10_051..10_083 {
        client.batch_execute(&comments(i, i)).unwrap();
        counts.push(count(&mut client));
    }
    let ends = (*counts.iter().min().unwrap(), *counts.iter().max().unwrap());
    assert_eq!(ends, (9_985, 10_000), "{counts:?}");
    assert_eq!(
        database.texts().last().unwrap(),
        "COMMENT ON SCHEMA public IS '10082'"
    );
    client
        .batch_execute(&format!(
            "SET dts_ddl_capture.max_age = '1d'; {}",
            comments(1, 15)
        ))
        .unwrap();
    for i in 1..20 {
        client.batch_execute(&comments(i, i)).unwrap();
        assert_eq!(count(&mut client), 10_000);
    }
}

/// So many commands, the quickest way.
fn comments(first: i32, last: i32) -> String {
    format!(
        "DO $$ BEGIN FOR i IN {first}..{last} LOOP EXECUTE format('COMMENT ON SCHEMA public IS %L', i); END LOOP; END $$"
    )
}

/// No row is counted: nothing is written for it, at commit or before, and the sequences that older versions counted in are
/// not needed.
#[test]
fn nothing_is_counted() {
    const WRITTEN: &str = "SELECT concat_ws(' ', c.last_value, c.is_called, i.last_value, i.is_called, (SELECT is_called FROM dts_ddl.pruned_id))
                             FROM dts_ddl.row_count c, dts_ddl.counted_id i";
    let database = Database::new("not_counted");
    let mut client = database.connect();
    client.batch_execute(&comments(1, 300)).unwrap();
    assert_eq!(value(&mut client, WRITTEN), "0 f 1 f f");
    client
        .batch_execute(&format!(
            "SET dts_ddl_capture.max_rows = 100; {}; SELECT dts_ddl.prune()",
            comments(1, 300)
        ))
        .unwrap();
    assert_eq!(value(&mut client, WRITTEN), "0 f 1 f t");
    assert_eq!(
        value(&mut client, "SELECT rows_kept FROM dts_ddl.status"),
        "100"
    );
    client
        .batch_execute(
            "SET session_replication_role = replica; ALTER EXTENSION dts_ddl_capture DROP SEQUENCE dts_ddl.row_count;
             ALTER EXTENSION dts_ddl_capture DROP SEQUENCE dts_ddl.counted_id; DROP SEQUENCE dts_ddl.row_count, dts_ddl.counted_id;
             RESET session_replication_role",
        )
        .unwrap();
    for mut client in [client, database.connect()] {
        client
            .batch_execute(&format!(
                "SET dts_ddl_capture.max_rows = 100; {}; SELECT dts_ddl.prune()",
                comments(1, 5)
            ))
            .unwrap();
        assert_eq!(
            value(&mut client, "SELECT rows_kept FROM dts_ddl.status"),
            "100"
        );
        assert_eq!(
            value(
                &mut client,
                "SELECT status FROM dts_ddl.check() WHERE name = 'table'"
            ),
            "ok"
        );
    }
}

/// Rows that were passed over go later, and nobody waits for them: those of a transaction that was open when its turn had
/// come, and those whose deletion another session has rolled back.
#[test]
fn passed_over() {
    const KEPT: &str = "SELECT concat_ws(' ', count(*), count(*) FILTER (WHERE id <= dts_ddl.last_id() - 10)) FROM public.dts_ddl_command";
    let database = Database::new("passed_over");
    let mut open = database.connect();
    let mut other = database.connect();
    for client in [&mut open, &mut other] {
        client
            .batch_execute("SET dts_ddl_capture.max_rows = 10; SET lock_timeout = '5s'; SET statement_timeout = '20s'")
            .unwrap();
    }
    open.batch_execute("CREATE SCHEMA s").unwrap();
    open.batch_execute("BEGIN; COMMENT ON SCHEMA s IS 'open'")
        .unwrap();
    other.batch_execute(&comments(1, 30)).unwrap();
    assert_eq!(value(&mut other, KEPT), "10 0");
    open.batch_execute("COMMIT").unwrap();
    assert_eq!(value(&mut other, KEPT), "11 1");
    let mut commands = 0;
    while value(&mut other, KEPT) != "10 0" {
        assert!(commands < 64, "still there after {commands} commands");
        other.batch_execute(&comments(1, 1)).unwrap();
        commands += 1;
    }
    // one has deleted all ten: the other passes them over, and deletes them when they came back
    open.batch_execute("BEGIN; COMMENT ON SCHEMA s IS 'o'")
        .unwrap();
    let in_s = comments(1, 9).replace("public", "s");
    open.batch_execute(&in_s).unwrap();
    other.batch_execute(&comments(1, 2)).unwrap();
    assert_eq!(value(&mut other, KEPT), "12 10");
    open.batch_execute("ROLLBACK").unwrap();
    other.batch_execute(&comments(1, 1)).unwrap();
    assert_eq!(value(&mut other, KEPT), "3 0");
    // more of them than a command looks at
    other
        .batch_execute(
            "INSERT INTO public.dts_ddl_command (ddl_text) SELECT 'x' FROM generate_series(1, 1200)",
        )
        .unwrap();
    open.batch_execute("BEGIN; SELECT dts_ddl.prune()").unwrap();
    other.batch_execute(&comments(1, 30)).unwrap();
    assert_eq!(value(&mut other, KEPT), "1203 1193");
}

/// The extension made anew in a session that has pruned: its ids begin again, and so does retention.
#[test]
fn made_anew() {
    let database = Database::new("made_anew");
    let mut client = database.connect();
    for _ in 0..2 {
        client
            .batch_execute(&format!(
                "SET dts_ddl_capture.max_rows = 5; {}",
                comments(1, 20)
            ))
            .unwrap();
        assert_eq!(database.column("id"), ["16", "17", "18", "19", "20"]);
        assert_eq!(value(&mut client, "SELECT dts_ddl.pruned_through()"), "15");
        client
            .batch_execute("DROP EXTENSION dts_ddl_capture; CREATE EXTENSION dts_ddl_capture")
            .unwrap();
    }
}

/// pruned_through() is never behind: a row that a reader saw and that is gone is one of those it tells of.
#[test]
fn pruned_through_never_lies() {
    let database = Database::new("pruned_through");
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let mut writers = Vec::new();
        for session in 0..3 {
            let database = &database;
            writers.push(scope.spawn(move || {
                let mut client = database.connect();
                client
                    .batch_execute("SET dts_ddl_capture.max_rows = 10")
                    .unwrap();
                for i in 0..100 {
                    client
                        .batch_execute(&format!("CREATE TYPE t{session}_{i} AS ENUM ()"))
                        .unwrap();
                }
            }));
        }
        let reader = scope.spawn(|| {
            let mut client = database.connect();
            let mut seen = BTreeSet::new();
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let rows = client
                    .query("SELECT id FROM public.dts_ddl_command", &[])
                    .unwrap();
                let now: BTreeSet<i64> = rows.iter().map(|row| row.get(0)).collect();
                let pruned: i64 = client
                    .query_one("SELECT dts_ddl.pruned_through()", &[])
                    .unwrap()
                    .get(0);
                let untold: Vec<_> = seen.difference(&now).filter(|id| **id > pruned).collect();
                assert!(
                    untold.is_empty(),
                    "{untold:?} are gone, but pruned through {pruned} only"
                );
                seen = now;
            }
        });
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        reader.join().unwrap();
    });
    // never behind: every id that was given (none was rolled back) and is gone is at most pruned_through()
    let mut client = database.connect();
    assert_eq!(
        value(
            &mut client,
            "SELECT count(*) FROM generate_series(1, (SELECT max(id) FROM public.dts_ddl_command)) AS i
             WHERE i > dts_ddl.pruned_through() AND NOT EXISTS (SELECT FROM public.dts_ddl_command WHERE id = i)"
        ),
        "0"
    );
    // rows of transactions that were open then are passed over; prune() finds them
    client
        .batch_execute("SET dts_ddl_capture.max_rows = 10; CREATE TYPE last AS ENUM (); SELECT dts_ddl.prune()")
        .unwrap();
    assert_eq!(
        value(&mut client, "SELECT count(*) FROM public.dts_ddl_command"),
        "10"
    );
}
