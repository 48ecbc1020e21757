//! Logical messages of savepoints that are rolled back, as a consumer of pgoutput's streams gets them (14 and later).

use crate::tests::server::{Database, skipped, value};

const CONTENT: &str = "{\"v\":";

/// The message comes under the id of the top transaction, and says in which subtransaction the command was; the stream says which of
/// them are void. Savepoints that were released into one that is rolled back are among these.
#[test]
fn of_what_is_rolled_back() {
    let database = Database::new("streamed");
    let mut client = database.connect();
    if value(
        &mut client,
        "SELECT current_setting('server_version_num')::int / 10000",
    ) == "13"
    {
        return skipped("of_what_is_rolled_back", "pgoutput of 13 sends no messages");
    }
    let slot = format!("slot_{}", database.name);
    client
        .batch_execute("CREATE PUBLICATION feed FOR TABLE public.dts_ddl_command; CREATE TABLE filled (x text)")
        .unwrap();
    client
        .execute(
            "SELECT pg_create_logical_replication_slot($1, 'pgoutput')",
            &[&slot],
        )
        .unwrap();
    client
        .batch_execute(
            "SET dts_ddl_capture.emit_message = on; SET logical_decoding_work_mem = '64kB';
             BEGIN; CREATE TABLE top (x int);
             SAVEPOINT a; CREATE TABLE kept (x int); RELEASE a;
             SAVEPOINT b; CREATE TABLE void (x int); SAVEPOINT c; CREATE TABLE void_too (x int); RELEASE c;
             INSERT INTO filled SELECT repeat('x', 100) FROM generate_series(1, 2000); ROLLBACK TO b;
             COMMIT",
        )
        .unwrap();
    let messages: Vec<Vec<u8>> = client
        .query(
            "SELECT data FROM pg_logical_slot_get_binary_changes($1, NULL, NULL,
               'proto_version', '2', 'streaming', 'on', 'messages', 'true', 'publication_names', 'feed')",
            &[&slot],
        )
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    let id_at = |data: &[u8], at: usize| u32::from_be_bytes(data[at..at + 4].try_into().unwrap());
    // 'A', top transaction, subtransaction
    let void: Vec<u32> = messages
        .iter()
        .filter(|data| data[0] == b'A')
        .map(|data| id_at(data, 5))
        .collect();
    assert_eq!(void.len(), 2, "{void:?}");
    let mut told = Vec::new();
    // 'M', transaction, flags, position, prefix, length, content
    for data in messages.iter().filter(|data| data[0] == b'M') {
        let text = String::from_utf8_lossy(data);
        let document: serde_json::Value =
            serde_json::from_str(&text[text.find(CONTENT).expect("a document")..]).unwrap();
        let subtransaction = document
            .get("subtransaction")
            .and_then(serde_json::Value::as_u64);
        assert_eq!(document["txid_current"], id_at(data, 1).to_string());
        let state = match subtransaction {
            None => "top",
            Some(id) if void.iter().any(|void| u64::from(*void) == id) => "void",
            Some(_) => "kept",
        };
        told.push(format!(
            "{state}: {}",
            document["ddl_text"].as_str().unwrap()
        ));
    }
    assert_eq!(
        told,
        [
            "top: CREATE TABLE top (x int)",
            "kept: CREATE TABLE kept (x int)",
            "void: CREATE TABLE void (x int)",
            "void: CREATE TABLE void_too (x int)"
        ]
    );
}
