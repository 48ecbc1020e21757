//! `dts_ddl.check()` and `dts_ddl.status` on a destination.

use super::check::{Findings, findings, findings_after, says};
use super::pair::{Options, Pair, connect_nodes, start_apply};
use super::server::{server, value};
use std::time::{Duration, Instant};

fn on_destination(pair: &Pair) -> Findings {
    findings(&mut pair.destination.connect())
}

/// In a transaction that is rolled back.
fn after(pair: &Pair, change: &str) -> Findings {
    findings_after(&mut pair.destination.connect(), change)
}

#[test]
fn sound_and_broken() {
    let pair = Pair::simple("apply_check");
    let role = format!("r_{}", pair.destination.database);
    for node in [&pair.source, &pair.destination] {
        node.run(&format!(
            "CREATE ROLE {role}; SET dts_ddl_capture.enabled = off; GRANT CREATE ON SCHEMA public TO {role}"
        ));
    }
    pair.source.run(&format!(
        "CREATE TABLE a (id int PRIMARY KEY); SET ROLE {role}; CREATE TABLE b (id int PRIMARY KEY)"
    ));
    pair.wait();
    let id = pair.source.last_id();
    let found = on_destination(&pair);
    for check in [
        "triggers",
        "functions",
        "table",
        "apply",
        "subscription",
        "apply_failures",
        "apply_notes",
        "apply_tables",
        "apply_stopped",
        "apply_waits",
        "apply_silence",
        "pending_detach",
        "roles",
        "slots",
        "publications",
        "ids",
    ] {
        says(&found, check, "ok", "");
    }
    // before 16 the source is trusted, and that is said
    let rights = if server().major >= 16 {
        "rows have the rights of the tables' owners"
    } else {
        "the source is said to be trusted: before PostgreSQL 16 rows have the rights of the subscription's owner"
    };
    assert_eq!(found["apply_rights"].1, rights);
    says(&found, "triggers", "ok", "this database applies DDL");
    says(
        &found,
        "apply",
        "ok",
        &format!("apply is on; last command: id {id}"),
    );
    says(&found, "subscription", "ok", "is running");
    assert_eq!(
        pair.destination.value(
            "SELECT concat_ws(' ', applying, capturing, applied_id, apply_workers, apply_failures, tables_not_ready, applied_time > now() - interval '1 hour') FROM dts_ddl.status"
        ),
        format!("t f {id} 1 0 0 t")
    );
    // on the source
    let source = findings(&mut pair.source.connect());
    says(&source, "slots", "ok", "\" active, ");
    says(&source, "apply", "ok", "applies no DDL");

    let found = after(
        &pair,
        "ALTER TABLE public.dts_ddl_command DISABLE TRIGGER dts_apply_row",
    );
    says(&found, "apply", "error", "missing or disabled");
    let found = after(&pair, "ALTER EVENT TRIGGER dts_intercept_subscribe DISABLE");
    says(&found, "apply", "error", "missing or disabled");
    let found = after(&pair, "ALTER EVENT TRIGGER dts_intercept_ddl ENABLE");
    says(
        &found,
        "triggers",
        "error",
        "although this database applies",
    );
    let found = after(
        &pair,
        "UPDATE pg_subscription_rel SET srsubstate = 'd' WHERE srrelid = 'a'::regclass",
    );
    says(&found, "apply_tables", "warning", "public.a");
    let found = after(
        &pair,
        "DELETE FROM pg_subscription_rel WHERE srrelid = 'public.dts_ddl_command'::regclass",
    );
    says(
        &found,
        "subscription",
        "error",
        "does not bring public.dts_ddl_command",
    );
    let found = after(&pair, &format!("ALTER ROLE {role} RENAME TO {role}_other"));
    says(
        &found,
        "roles",
        "error",
        &format!("do not exist here: {role}"),
    );
    let found = after(
        &pair,
        "UPDATE dts_ddl.apply_log SET note = 'x' WHERE tag = 'CREATE TABLE'",
    );
    says(&found, "apply_notes", "warning", "2 commands have a note");
    let found = after(
        &pair,
        "UPDATE dts_ddl.apply_log SET note = 'x' WHERE tag = 'CREATE TABLE'; SELECT dts_ddl.skip(id) FROM dts_ddl.apply_log WHERE tag = 'CREATE TABLE'",
    );
    says(&found, "apply_notes", "ok", "no command needs attention");
    let found = after(&pair, "SELECT dts_ddl.stop_apply(capture => true)");
    says(&found, "apply", "error", "brings DDL commands");
    says(&found, "triggers", "ok", "enabled");
    // ids go on above those that are there
    says(&found, "ids", "ok", &format!("last id given: {id}"));
    let found = after(&pair, "SET LOCAL dts_ddl_capture.enabled = off");
    says(&found, "settings", "ok", "enabled = off");
    // rows for it are left out by the worker
    let found = after(&pair, "CREATE TABLE forgotten (id int PRIMARY KEY)");
    says(
        &found,
        "apply_tables",
        "warning",
        "1 tables are in no subscription: public.forgotten",
    );
    // what fires here, of what comes here
    let fires = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE TABLE own (id int)";
    for (table, status) in [("a", "warning"), ("own", "ok")] {
        let found = after(
            &pair,
            &format!(
                "{fires}; CREATE TRIGGER g AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE {table} ENABLE ALWAYS TRIGGER g"
            ),
        );
        says(&found, "always_triggers", status, "");
    }
    let forced = "ALTER TABLE b ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY";
    if server().major >= 16 {
        says(&after(&pair, forced), "owner_rights", "error", "public.b");
        let found = after(
            &pair,
            &format!("{forced}; UPDATE pg_subscription SET subrunasowner = true"),
        );
        says(&found, "owner_rights", "ok", "");
    } else {
        says(&after(&pair, forced), "owner_rights", "ok", "");
    }
    // it sends nothing to anybody
    let found = after(&pair, "CREATE UNLOGGED TABLE u (id int)");
    says(&found, "unlogged_tables", "ok", "");
    let found = after(
        &pair,
        "CREATE UNLOGGED TABLE u (id int); CREATE PUBLICATION back",
    );
    says(&found, "unlogged_tables", "warning", "public.u");
    // whichever trigger is gone: the remedy brings it back
    for name in ["dts_apply_once", "dts_apply_row", "dts_apply_copied"] {
        let broken = format!("DROP TRIGGER {name} ON public.dts_ddl_command");
        let found = after(&pair, &broken);
        says(&found, "apply", "error", "missing or disabled");
        let start = start_apply("", server().major);
        let mended = &format!("SELECT dts_ddl.stop_apply(); {start}");
        let found = after(&pair, &format!("{broken}; {mended}"));
        says(&found, "apply", "ok", "apply is on");
        let found = after(&pair, &format!("{broken}; {start}"));
        says(&found, "apply", "ok", "apply is on");
    }

    let subscription = &pair.destination.database;
    pair.destination
        .run(&format!("ALTER SUBSCRIPTION {subscription} DISABLE"));
    says(
        &on_destination(&pair),
        "subscription",
        "error",
        "is disabled",
    );
    let found = after(&pair, "SELECT dts_ddl.stop_apply(capture => true)");
    says(&found, "apply", "ok", "apply is off");
    pair.destination
        .run(&format!("ALTER SUBSCRIPTION {subscription} ENABLE"));
    pair.wait();
    for node in [&pair.source, &pair.destination] {
        node.run(&format!(
            "SET dts_ddl_capture.enabled = off; DROP OWNED BY {role}; DROP ROLE {role}"
        ));
    }
}

/// Nobody has called start_apply().
#[test]
fn not_started() {
    let pair = Pair::unjoined(&Options {
        topic: "apply_check_forgotten",
        ..Options::default()
    });
    pair.destination.run("CREATE EXTENSION dts_ddl_capture");
    connect_nodes(
        &pair.source,
        &pair.destination,
        &pair.destination.database,
        "p",
        "",
    );
    says(
        &on_destination(&pair),
        "apply",
        "error",
        "which are not run here",
    );
}

/// A command that cannot be applied: the worker that stops, and the failure that is logged.
#[test]
fn failures() {
    let pair = Pair::new(&Options {
        topic: "apply_check_failures",
        ..Options::default()
    });
    let database = &pair.destination.database;
    pair.destination.run(
        "CREATE VIEW in_the_way AS SELECT 1 AS x; CREATE VIEW in_the_way_too AS SELECT 1 AS x",
    );
    pair.source.run("CREATE VIEW in_the_way AS SELECT 2 AS y");
    let stopped = Instant::now();
    loop {
        let found = on_destination(&pair);
        // not the check "subscription": the worker may end after the stops were read, and before the workers are
        if found["apply_stopped"].0 == "error" {
            let id = pair.source.last_id();
            says(
                &found,
                "apply_stopped",
                "error",
                &format!(" at DDL command {id} (CREATE VIEW)"),
            );
            break;
        }
        assert!(
            stopped.elapsed() < Duration::from_secs(60),
            "the worker has stopped, and nobody says so: {found:?}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    // between two tries, too
    for _ in 0..20 {
        let found = on_destination(&pair);
        says(&found, "subscription", "error", "stands still");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(
        pair.destination
            .value("SELECT stopped_id FROM dts_ddl.status"),
        pair.source.last_id().to_string()
    );
    pair.destination.run(&format!(
        "ALTER DATABASE {database} SET dts_ddl_capture.apply_on_error = log; ALTER SUBSCRIPTION {database} DISABLE; ALTER SUBSCRIPTION {database} ENABLE"
    ));
    pair.source
        .run("CREATE VIEW in_the_way_too AS SELECT 2 AS y");
    pair.wait();
    pair.destination
        .expect_value("SELECT count(*) FROM dts_ddl.stops()", "0");
    let found = on_destination(&pair);
    says(&found, "apply_failures", "error", "2 commands failed");
    assert_eq!(
        pair.destination
            .value("SELECT apply_failures FROM dts_ddl.status"),
        "2"
    );
    // done by hand, and said so
    let id = pair.source.last_id();
    pair.destination.run(&format!("SELECT dts_ddl.skip({id})"));
    says(
        &on_destination(&pair),
        "apply_failures",
        "error",
        "1 commands failed",
    );
    assert_eq!(
        pair.destination
            .value("SELECT apply_failures FROM dts_ddl.status"),
        "1"
    );
}

/// A session here holds what a command needs: for whom apply waits is told, with the beginning of that one's query, since when, and
/// in numbers.
#[test]
fn waits() {
    let pair = Pair::simple("apply_check_waits");
    pair.source.run("CREATE TABLE t (id int PRIMARY KEY)");
    pair.wait();
    let mut blocker = pair.destination.connect();
    let pid: i32 = blocker
        .query_one("SELECT pg_backend_pid()", &[])
        .expect("its pid")
        .get(0);
    blocker
        .batch_execute("BEGIN; SELECT 'of\n  the report' FROM t")
        .expect("a reader");
    pair.source.run("ALTER TABLE t ADD v text");
    pair.destination
        .expect_value("SELECT waiting_for FROM dts_ddl.status", &pid.to_string());
    let found = on_destination(&pair);
    let words = format!("for process {pid} (");
    says(&found, "apply_waits", "warning", &words);
    // each blank as one space, and no line ends
    says(
        &found,
        "apply_waits",
        "warning",
        "SELECT 'of the report' FROM t",
    );
    let remedy = found["apply_waits"].2.clone().unwrap_or_default();
    assert!(
        remedy.contains(&format!("pg_terminate_backend({pid})")),
        "{remedy}"
    );
    if server().major >= 14 {
        says(&found, "apply_waits", "warning", ") waits since ");
        assert_eq!(
            pair.destination
                .value("SELECT waiting_seconds BETWEEN 0 AND 60 FROM dts_ddl.status"),
            "true"
        );
    }
    assert_eq!(
        pair.destination.value(
            "SELECT silent_seconds BETWEEN 0 AND 60 AND received_lsn IS NOT NULL FROM dts_ddl.status"
        ),
        "true"
    );
    blocker.batch_execute("COMMIT").expect("its end");
    // one that belongs to no process
    blocker
        .batch_execute("BEGIN; LOCK TABLE t IN SHARE MODE; PREPARE TRANSACTION 'apply_check_waits'")
        .expect("a prepared transaction");
    pair.source.run("ALTER TABLE t ADD w text");
    pair.destination
        .expect_value("SELECT waiting_for FROM dts_ddl.status", "0");
    says(
        &on_destination(&pair),
        "apply_waits",
        "warning",
        "a prepared transaction",
    );
    blocker
        .batch_execute("COMMIT PREPARED 'apply_check_waits'")
        .expect("its end");
    pair.check();
    says(&on_destination(&pair), "apply_waits", "ok", "");
    pair.destination
        .expect_value("SELECT waiting_for FROM dts_ddl.status", "NULL");
}

/// What stands still, between two tries of a worker as well: id, since when and the error, with what can be done.
#[test]
fn stops() {
    let pair = Pair::simple("apply_check_stops");
    let database = &pair.destination.database;
    let stop = |id: &str, tag: &str, copied: &str| {
        format!(
            "CREATE OR REPLACE FUNCTION dts_ddl.stops(OUT subscription text, OUT copied_table text, OUT since timestamptz, OUT last timestamptz, OUT failures bigint,
                OUT id bigint, OUT tag text, OUT role text, OUT ddl_text text, OUT sqlstate text, OUT error text, OUT detail text, OUT hint text, OUT context text)
               RETURNS SETOF record LANGUAGE sql AS $$ SELECT '{database}'::text, {copied}::text, now() - interval '1 hour', now(), 185::bigint, {id}::bigint, {tag}::text, 'r',
                 'secret statement', '42P07', 'relation \"a\" already exists'::text, NULL, NULL, NULL $$"
        )
    };
    let found = after(&pair, &stop("17", "'CREATE TABLE'", "NULL"));
    says(&found, "subscription", "error", "stands still");
    for part in [
        format!("\"{database}\" has stood still since "),
        "at DDL command 17 (CREATE TABLE), 185 failures: relation \"a\" already exists".to_owned(),
    ] {
        says(&found, "apply_stopped", "error", &part);
    }
    let remedy = found["apply_stopped"].2.clone().unwrap_or_default();
    for part in [
        "Mend the cause",
        "SELECT dts_ddl.skip(17)",
        "make its tables by hand",
        "dts_ddl.copy_table(",
    ] {
        assert!(remedy.contains(part), "{part}: {remedy}");
    }
    let shown = format!("{found:?}");
    assert!(!shown.contains("secret statement"), "{shown}");
    // a copy that fails
    let found = after(&pair, &stop("NULL", "NULL", "'public.t'"));
    says(&found, "apply_stopped", "error", ", copying public.t");
    let remedy = found["apply_stopped"].2.clone().unwrap_or_default();
    assert!(!remedy.contains("skip"), "{remedy}");
    let mut client = pair.destination.connect();
    client
        .batch_execute(&format!("BEGIN; {}", stop("17", "'GRANT'", "NULL")))
        .expect("a stop");
    assert_eq!(
        value(
            &mut client,
            "SELECT stopped_id || ' ' || (stopped_since < now()) FROM dts_ddl.status"
        ),
        "17 true"
    );
}

/// Publishers of 18 can make an apply worker crash that takes transactions before their end, and some minors stop it for good: said
/// before it happens.
#[test]
fn streaming() {
    let pair = Pair::new(&Options {
        topic: "apply_check_streaming",
        subscription: if server().major >= 14 {
            "streaming = on,"
        } else {
            ""
        },
        ..Options::default()
    });
    let name = &pair.destination.database;
    let told = |status: &str, text: &str| {
        says(
            &findings(&mut pair.source.connect()),
            "streaming",
            status,
            text,
        );
    };
    let minor = "SELECT current_setting('server_version_num')::int % 10000";
    let minor: i32 = pair.source.connect().query_one(minor, &[]).unwrap().get(0);
    let danger = match (server().major, minor) {
        (14, ..=23) | (15, ..=19) | (16, ..=15) | (17, ..=11) | (19, _) => "this minor of",
        (18, _) => "a publisher of",
        _ => return told("ok", "no consumer is in danger"),
    };
    told("warning", &format!("slots \"{name}\": {danger} PostgreSQL"));
    pair.source.run(&format!(
        "ALTER DATABASE {name} SET logical_decoding_work_mem = '1GB'"
    ));
    told("ok", "");
    pair.source.run(&format!(
        "ALTER DATABASE {name} RESET logical_decoding_work_mem"
    ));
    pair.destination
        .run(&format!("ALTER SUBSCRIPTION {name} SET (streaming = off)"));
    pair.source.expect_value(
        "SELECT status FROM dts_ddl.check() WHERE name = 'streaming'",
        "ok",
    );
}

/// What `check()` on the source names stops the destination, by these errors, and goes on after that: docs/stock-limits.md.
#[test]
fn stock_limits() {
    const WITHOUT_ACTION: &str =
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'";
    const FORCED: &str = "CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t OWNER TO pg_monitor; ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY";
    let deferred = format!(
        "{WITHOUT_ACTION}; CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t OWNER TO pg_monitor;
         CREATE CONSTRAINT TRIGGER g AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE t ENABLE ALWAYS TRIGGER g"
    );
    // majors, what follows CREATE PUBLICATION, tables, what stops, the check, the error, and what ends it on the destination
    for (majors, publication, tables, statement, check, error, cure) in [
        (
            13..=19,
            "FOR ALL TABLES",
            "CREATE TABLE par (id int PRIMARY KEY); CREATE TABLE chi (d int REFERENCES par) PARTITION BY RANGE (d); CREATE TABLE chi1 PARTITION OF chi DEFAULT",
            "TRUNCATE par CASCADE",
            "truncate_cascade",
            "cannot truncate a table referenced in a foreign key constraint",
            "ALTER TABLE public.chi DROP CONSTRAINT chi_d_fkey",
        ),
        (
            13..=17,
            "FOR ALL TABLES",
            "CREATE TABLE g (a int, b int GENERATED ALWAYS AS (a) STORED, v int, PRIMARY KEY (a, b)); INSERT INTO g VALUES (1)",
            "UPDATE g SET v = 2",
            "generated_keys",
            "publisher did not send replica identity column",
            "CREATE UNIQUE INDEX g_a ON g (a); ALTER TABLE g REPLICA IDENTITY USING INDEX g_a",
        ),
        (
            13..=19,
            "FOR ALL TABLES",
            "CREATE TABLE j (a int, v json); INSERT INTO j VALUES (1, '{}')",
            "UPDATE j SET v = '[]'",
            "unequal_columns",
            "could not identify an equality operator for type json",
            "ALTER TABLE j ADD PRIMARY KEY (a)",
        ),
        (
            16..=19,
            "FOR ALL TABLES",
            FORCED,
            "INSERT INTO t VALUES (1)",
            "owner_rights",
            "cannot replicate into relation with row-level security enabled",
            "ALTER TABLE t NO FORCE ROW LEVEL SECURITY",
        ),
        (
            16..=19,
            "FOR ALL TABLES",
            deferred.as_str(),
            "INSERT INTO t VALUES (1)",
            "always_triggers",
            "cannot fire deferred trigger within security-restricted operation",
            "ALTER TABLE t DISABLE TRIGGER g",
        ),
        (
            18..=19,
            "FOR ALL TABLES WITH (publish_generated_columns = stored)",
            "CREATE TABLE g (a int PRIMARY KEY, b int GENERATED ALWAYS AS (a) STORED)",
            "INSERT INTO g VALUES (1)",
            "generated_columns",
            "has incompatible generated column",
            "ALTER TABLE g ALTER b DROP EXPRESSION",
        ),
    ] {
        if !majors.contains(&server().major) {
            continue;
        }
        let pair = Pair::new(&Options {
            topic: "apply_check_stock",
            publication,
            ..Options::default()
        });
        pair.source.run(tables);
        pair.check();
        let found = findings(&mut pair.source.connect());
        assert_ne!(found[check].0, "ok", "{found:?}");
        if ["owner_rights", "always_triggers"].contains(&check) {
            // it can be seen on both sides
            assert_ne!(on_destination(&pair)[check].0, "ok");
        } else {
            assert_eq!(on_destination(&pair)[check].0, "ok");
        }
        pair.source.run(statement);
        pair.expect_error(&[error]);
        pair.destination.run(cure);
        pair.wait();
        assert_eq!(on_destination(&pair)[check].0, "ok");
    }
    if server().major < 15 {
        return;
    }
    let table = "CREATE TABLE t (id int PRIMARY KEY, v int NOT NULL)";
    let pair = Pair::new(&Options {
        topic: "apply_check_list",
        source: table,
        destination: table,
        publication: "FOR TABLE public.dts_ddl_command, t (id)",
        ..Options::default()
    });
    says(
        &findings(&mut pair.source.connect()),
        "column_lists",
        "error",
        "public.t (v)",
    );
    pair.source.run("INSERT INTO t VALUES (1, 1)");
    pair.expect_error(&[
        "null value in column \"v\" of relation \"t\" violates not-null constraint",
    ]);
    pair.destination.run("ALTER TABLE t ALTER v DROP NOT NULL");
    pair.wait();
}
