//! Retention as consumers of WAL see it; counts and limits are in `pg_test/retention/`.

use super::server::{Database, value};
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

/// The default limit is 10,000 rows; a transaction that makes more keeps the newest. Large limits are kept in rounds of
/// up to 16 rows: never more than the limit, and at most 15 fewer.
#[test]
fn default_limit() {
    let database = Database::new("default_limit");
    let mut client = database.connect();
    client.batch_execute("DO $$ BEGIN FOR i IN 1..10050 LOOP EXECUTE format('CREATE FUNCTION f%s() RETURNS int LANGUAGE sql AS ''SELECT 1''', i); END LOOP; END $$").unwrap();
    let row = client
        .query_one("SELECT count(*), min(id) - dts_ddl.pruned_through(), max(id) - min(id) + 1 FROM public.dts_ddl_command", &[])
        .unwrap();
    let (count, gap, span): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
    assert!((9_985..=10_000).contains(&count), "{count} rows");
    assert_eq!((gap, span), (1, count));
    assert_eq!(
        value(
            &mut client,
            "SELECT ddl_text FROM public.dts_ddl_command ORDER BY id DESC LIMIT 1"
        ),
        "CREATE FUNCTION f10050() RETURNS int LANGUAGE sql AS 'SELECT 1'"
    );
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
    // sessions in parallel do not see one another's rows; the next command does
    client
        .batch_execute("SET dts_ddl_capture.max_rows = 10; CREATE TYPE last AS ENUM ()")
        .unwrap();
    assert_eq!(
        value(&mut client, "SELECT count(*) FROM public.dts_ddl_command"),
        "10"
    );
}
