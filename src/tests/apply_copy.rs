//! `dts_ddl.copy_table()`: a table is copied again, or for the first time, and what check() says before.

use super::check::{findings, says};
use super::pair::{Options, Pair, Side, Third, connect_nodes, wait_for};
use super::server::server;

/// While the subscription is disabled and no worker of it runs.
pub fn at_rest(pair: &Pair, act: impl FnOnce()) {
    let name = &pair.destination.database;
    pair.destination
        .run(&format!("ALTER SUBSCRIPTION {name} DISABLE"));
    pair.destination.expect_value(
        &format!(
            "SELECT count(*) FROM pg_stat_subscription WHERE subname = '{name}' AND pid IS NOT NULL"
        ),
        "0",
    );
    act();
    pair.destination
        .run(&format!("ALTER SUBSCRIPTION {name} ENABLE"));
}

/// What the function says of these arguments.
#[track_caller]
pub fn copy(pair: &Pair, table: &str) -> String {
    let name = &pair.destination.database;
    pair.destination
        .value(&format!("dts_ddl.copy_table('{name}', '{table}')"))
}

#[track_caller]
fn refused(pair: &Pair, subscription: &str, table: &str) -> (String, String, String) {
    let error = pair
        .destination
        .connect()
        .batch_execute(&format!(
            "SELECT dts_ddl.copy_table('{subscription}', '{table}')"
        ))
        .expect_err("it is refused");
    let error = error.as_db_error().expect("an error of the server");
    (
        error.code().code().to_owned(),
        error.message().to_owned(),
        error.hint().unwrap_or_default().to_owned(),
    )
}

/// Nothing of what an owner may put on a table keeps its rows, or runs: foreign keys, triggers and rules that fire always, policies
/// that hide rows, the function of an index. Those who decode this server see that the rows are gone.
#[test]
fn whatever_is_on_the_table() {
    let pair = Pair::simple("copy_again");
    let role = format!("o_{}", pair.destination.database);
    for node in [&pair.source, &pair.destination] {
        node.run(&format!(
            "CREATE ROLE {role}; SET dts_ddl_capture.enabled = off; GRANT CREATE ON SCHEMA public TO {role}"
        ));
    }
    let third = Third::new(&pair, Side::Source);
    pair.source.run(&format!(
        "SET ROLE {role}; CREATE TABLE t (id int PRIMARY KEY, v text, big text);
         CREATE TABLE child (id int PRIMARY KEY, t int REFERENCES t); CREATE INDEX ON t (upper(v));
         INSERT INTO t SELECT g, 'v' || g, (SELECT string_agg(md5(g::text || i), '') FROM generate_series(1, 200) i) FROM generate_series(1, 50) g; INSERT INTO child VALUES (1, 1)"
    ));
    pair.check();
    pair.destination
        .run("CREATE PUBLICATION q FOR TABLE t, child");
    // it has the schema of the moment, and the rows by its own copy
    third.0.run(
        "CREATE TABLE t (id int PRIMARY KEY, v text, big text); CREATE TABLE child (id int PRIMARY KEY, t int)",
    );
    connect_nodes(&pair.destination, &third.0, &third.0.database, "q", "");
    wait_for(&pair.destination, &third.0, &third.0.database);
    // who owns it, and may have put anything there
    pair.destination.run(&format!(
        "SET ROLE {role}; CREATE TABLE ran (what text);
         CREATE FUNCTION run() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.ran VALUES (TG_OP); RAISE ''no''; END';
         CREATE TRIGGER d BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION run(); CREATE TRIGGER tr BEFORE TRUNCATE ON t EXECUTE FUNCTION run();
         ALTER TABLE t ENABLE ALWAYS TRIGGER d; ALTER TABLE t ENABLE ALWAYS TRIGGER tr;
         CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING; ALTER TABLE t ENABLE ALWAYS RULE r;
         CREATE POLICY p ON t USING (false); ALTER TABLE t ENABLE ROW LEVEL SECURITY;
         CREATE FUNCTION who(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
           IF current_user <> '{role}' THEN RAISE 'run by %', current_user; END IF; RETURN $1; END $$"
    ));
    pair.destination.run(&format!(
        "SET session_replication_role = replica; SET ROLE {role}; ALTER TABLE t DISABLE TRIGGER d; ALTER TABLE t DISABLE RULE r; DELETE FROM t WHERE id < 20;
         UPDATE t SET v = 'differs' WHERE id > 40; ALTER TABLE t ENABLE ALWAYS TRIGGER d; ALTER TABLE t ENABLE ALWAYS RULE r"
    ));
    let name = &pair.destination.database;
    let (code, message, hint) = refused(&pair, name, "t");
    assert_eq!(code, "55000", "{message}");
    assert!(
        hint.contains(&format!("ALTER SUBSCRIPTION {name} DISABLE")),
        "{hint}"
    );
    at_rest(&pair, || {
        // also when it is rolled back
        pair.destination.run(&format!(
            "BEGIN; SELECT dts_ddl.copy_table('{name}', 't'); ROLLBACK"
        ));
        assert_eq!(pair.destination.value("SELECT count(*) FROM t"), "31");
        // its function is also called when such an index is looked at
        pair.destination.run(&format!(
            "SET ROLE {role}; CREATE INDEX of_function ON t (who(v), who('constant'))"
        ));
        assert_eq!(copy(&pair, "t"), "1");
        assert_eq!(pair.destination.value("pg_relation_size('t')"), "0");
        pair.destination.run("DROP INDEX of_function");
        pair.source
            .run("INSERT INTO t VALUES (1000, 'meanwhile', ''); UPDATE t SET v = 'meanwhile' WHERE id = 5");
    });
    pair.wait();
    pair.source.run("UPDATE t SET v = 'later' WHERE id = 6");
    pair.wait();
    assert_eq!(
        pair.destination.column("SELECT what FROM ran"),
        Vec::<String>::new()
    );
    let rows = "SELECT count(*) || ' ' || md5(string_agg(x::text, '' ORDER BY id)) FROM t x";
    assert_eq!(pair.source.value(rows), pair.destination.value(rows));
    third.0.expect_value(rows, &pair.source.value(rows));
    // found by the index as well
    assert_eq!(
        pair.destination
            .value("SELECT count(*) FROM t WHERE upper(v) = 'LATER'"),
        "1"
    );
    drop(third);
    for node in [&pair.source, &pair.destination] {
        node.run(&format!(
            "SET dts_ddl_capture.enabled = off; DROP OWNED BY {role} CASCADE; DROP ROLE {role}"
        ));
    }
}

/// CREATE TABLE and CREATE EXTENSION that were skipped: their rows go nowhere, which is said, until the tables are taken in.
#[test]
fn after_skip() {
    let pair = Pair::simple("copy_skipped");
    pair.destination
        .run("CREATE TABLE taken (id int PRIMARY KEY, v text, mine int)");
    pair.source
        .run("CREATE TABLE taken (id int PRIMARY KEY, v text)");
    let id = pair.source.last_id();
    pair.source
        .run("INSERT INTO taken VALUES (1, 'a'); CREATE TABLE alone (id int PRIMARY KEY)");
    pair.expect_error(&[&format!("could not apply DDL command {id}")]);
    pair.destination.run(&format!("SELECT dts_ddl.skip({id})"));
    pair.wait();
    assert_eq!(pair.destination.value("SELECT count(*) FROM taken"), "0");
    pair.destination.run("CREATE TABLE local_only (x int)");
    let found = findings(&mut pair.destination.connect());
    says(
        &found,
        "apply_tables",
        "error",
        "rows of 1 tables go nowhere, since they are in no subscription, but the source sends them: public.taken",
    );
    says(
        &found,
        "apply_tables",
        "error",
        "1 tables are in no subscription: public.local_only",
    );
    assert!(
        found["apply_tables"]
            .2
            .as_ref()
            .is_some_and(|remedy| remedy.contains("dts_ddl.copy_table("))
    );
    at_rest(&pair, || {
        pair.destination
            .run("DROP TABLE local_only; ALTER TABLE taken DROP mine, REPLICA IDENTITY FULL");
        assert_eq!(copy(&pair, "taken"), "1");
    });
    pair.source.run("INSERT INTO taken VALUES (2, 'b')");
    pair.check();
    let found = findings(&mut pair.destination.connect());
    says(&found, "apply_tables", "ok", "all tables are ready");
}

/// By partition, or as rows of the partitioned table.
fn partitions(topic: &str, by_root: bool) {
    let publication = format!("FOR ALL TABLES WITH (publish_via_partition_root = {by_root})");
    let pair = Pair::new(&Options {
        topic,
        publication: &publication,
        ..Options::default()
    });
    pair.source.run(
        "CREATE TABLE p (id int, v text, PRIMARY KEY (id)) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100);
         CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (200) PARTITION BY RANGE (id); CREATE TABLE p21 PARTITION OF p2 FOR VALUES FROM (100) TO (150);
         CREATE TABLE p22 PARTITION OF p2 DEFAULT; INSERT INTO p SELECT g, 'v' FROM generate_series(1, 199) g",
    );
    pair.check();
    let spoil = "SET session_replication_role = replica; UPDATE p SET v = 'differs' WHERE id % 3 = 0; DELETE FROM p WHERE id % 3 = 1";
    at_rest(&pair, || {
        pair.destination.run(spoil);
        assert_eq!(copy(&pair, "p"), if by_root { "1" } else { "3" });
        assert_eq!(pair.destination.value("SELECT count(*) FROM p"), "0");
        pair.source
            .run("UPDATE p SET v = 'meanwhile' WHERE id % 7 = 0");
    });
    pair.wait();
    pair.source
        .run("UPDATE p SET v = 'later' WHERE id % 11 = 0");
    pair.check();
    at_rest(&pair, || {
        pair.destination.run(spoil);
        let name = &pair.destination.database;
        if by_root {
            let (code, message, hint) = refused(&pair, name, "p2");
            assert_eq!(code, "55000");
            assert_eq!(message, "rows of table public.p2 come as rows of public.p");
            assert_eq!(hint, "Copy that table.");
            assert_eq!(copy(&pair, "p"), "1");
        } else {
            assert_eq!(copy(&pair, "p2"), "2");
            assert_eq!(copy(&pair, "p1"), "1");
        }
    });
    pair.check();
}

#[test]
fn partitions_by_leaf() {
    partitions("copy_leaf", false);
}

#[test]
fn partitions_by_root() {
    partitions("copy_root", true);
}

/// A copy that did not end has left its slot on the publisher and its origin here.
#[test]
fn leftovers() {
    if server().major < 14 {
        return; // nothing is left there
    }
    let pair = Pair::simple("copy_left");
    pair.source
        .run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2)");
    pair.check();
    let name = &pair.destination.database;
    for state in ["r", "d", "f", "s"] {
        at_rest(&pair, || {
            let of_copy = pair.destination.value(&format!(
                "SELECT format('pg_%s_sync_%s_%s', s.oid, 't'::regclass::oid, (pg_control_system()).system_identifier) FROM pg_subscription s WHERE subname = '{name}'"
            ));
            let origin = pair.destination.value(&format!(
                "SELECT format('pg_%s_%s', s.oid, 't'::regclass::oid) FROM pg_subscription s WHERE subname = '{name}'"
            ));
            pair.source.run(&format!(
                "SELECT pg_create_logical_replication_slot('{of_copy}', 'pgoutput')"
            ));
            pair.destination.run(&format!(
                "INSERT INTO pg_replication_origin VALUES (60001, '{origin}');
                 UPDATE pg_subscription_rel SET srsubstate = '{state}', srsublsn = CASE WHEN '{state}' = 'd' THEN NULL ELSE srsublsn END WHERE srrelid = 't'::regclass"
            ));
            assert_eq!(copy(&pair, "t"), "1");
        });
        pair.source.run("INSERT INTO t SELECT max(id) + 1 FROM t");
        pair.check();
        pair.source.expect_value(
            &format!("SELECT count(*) FROM pg_replication_slots WHERE database = '{name}'"),
            "1",
        );
        assert_eq!(
            pair.destination
                .value("SELECT count(*) FROM pg_replication_origin o JOIN pg_subscription s ON o.roname LIKE 'pg_' || s.oid || '\\_%' JOIN pg_database d ON d.oid = subdbid WHERE datname = current_database()"),
            "0"
        );
    }
}

#[test]
fn what_cannot_be_copied() {
    let pair = Pair::simple("copy_refused");
    pair.destination.run(
        "CREATE VIEW v AS SELECT 1 AS x; CREATE TABLE not_there (x int); CREATE ROLE copy_nobody; GRANT USAGE ON SCHEMA dts_ddl TO copy_nobody",
    );
    let name = &pair.destination.database;
    at_rest(&pair, || {
        for table in [
            "v",
            "pg_class",
            "public.dts_ddl_command",
            "dts_ddl.apply_log",
            "dts_ddl.gap_count",
        ] {
            assert_eq!(refused(&pair, name, table).0, "42809", "{table}");
        }
        assert_eq!(refused(&pair, "another", "not_there").0, "42704");
        let (code, message, _) = refused(&pair, name, "not_there");
        assert_eq!(code, "55000");
        assert!(
            message.contains("sends rows of table public.not_there"),
            "{message}"
        );
        let denied = pair
            .destination
            .connect()
            .batch_execute(&format!(
                "SET ROLE copy_nobody; SELECT dts_ddl.copy_table('{name}', 'not_there')"
            ))
            .expect_err("it is denied");
        assert_eq!(denied.code().map(|code| code.code()), Some("42501"));
        let read_only = pair
            .destination
            .connect()
            .batch_execute(&format!(
                "BEGIN READ ONLY; SELECT dts_ddl.copy_table('{name}', 'not_there')"
            ))
            .expect_err("it writes");
        assert_eq!(read_only.code().map(|code| code.code()), Some("25006"));
    });
    pair.destination
        .run("DROP OWNED BY copy_nobody; DROP ROLE copy_nobody");
}

/// Rows that would not come again are not removed.
#[test]
fn partition_of_this_server_alone() {
    let pair = Pair::simple("copy_own_part");
    pair.source.run(
        "CREATE TABLE p (x int PRIMARY KEY) PARTITION BY RANGE (x); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
         INSERT INTO p VALUES (1)",
    );
    pair.wait();
    pair.destination.run(
        "SET session_replication_role = replica; CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20); INSERT INTO p VALUES (15)",
    );
    at_rest(&pair, || {
        let (code, message, _) = refused(&pair, &pair.destination.database, "p");
        assert_eq!(code, "55000");
        assert!(
            message.contains("sends rows of table public.p2"),
            "{message}"
        );
        assert_eq!(pair.destination.value("SELECT count(*) FROM p"), "2");
        assert_eq!(copy(&pair, "p1"), "1");
    });
    pair.wait();
    pair.destination.expect_value("SELECT count(*) FROM p", "2");
}
