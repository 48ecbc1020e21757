//! `dts-migrate compare` between two servers that are joined by a subscription. (What does not depend on the major:
//! `src/tests/compare.rs`.)

use crate::tests::pair::{self, Pair};
use crate::tests::server::server;
use dts_migrate::compare::report::{How, Report, Status, TableReport};
use dts_migrate::compare::{self, Options, Progress};
use dts_migrate::connection::{Server, Side};
use dts_migrate::problem::Problem;

/// What it says of a pair; `change` its options.
pub fn try_compare(pair: &Pair, change: impl FnOnce(&mut Options)) -> Result<Report, Problem> {
    let of = |side, node: &pair::Node| Server::of(side, node.cluster().config(&node.database));
    let pg_dump = pair.source.cluster().installation.program("pg_dump");
    let mut options = Options {
        pg_dump: pg_dump.to_str().expect("a plain path").to_owned(),
        schema: false,
        ..Options::default()
    };
    change(&mut options);
    compare::compare(
        &of(Side::Source, &pair.source),
        &of(Side::Destination, &pair.destination),
        &options,
        &Progress::none(),
    )
}

#[track_caller]
pub fn compared(pair: &Pair, change: impl FnOnce(&mut Options)) -> Report {
    try_compare(pair, change).unwrap_or_else(|problem| panic!("{problem}"))
}

#[track_caller]
pub fn table<'a>(report: &'a Report, name: &str) -> &'a TableReport {
    let mut tables = report.tables.iter();
    tables
        .find(|table| table.table.identity() == name)
        .unwrap_or_else(|| panic!("{name} is not in\n{}", report.text(true)))
}

/// Its keys, as they are shown.
fn keys(table: &TableReport, how: How) -> Vec<&str> {
    let rows = table.rows.iter().filter(|row| row.how == how);
    let mut keys: Vec<&str> = rows.map(|row| row.key.as_str()).collect();
    keys.sort_unstable();
    keys
}

/// Tables of all kinds are the same; then what was done by hand on the destination is found, and nothing else.
#[test]
fn by_hand() {
    let pair = Pair::simple("compare");
    pair.source.run_each(&[
        "CREATE TABLE keyed (id bigint PRIMARY KEY, v text, d float8, t timestamptz, i interval, b bytea, n numeric)",
        "INSERT INTO keyed SELECT i, 'secret ' || i, i / 3.0, now(), i * interval '1 hour', '\\x00ff', i FROM generate_series(1, 1000) i",
        r#"CREATE TABLE "Odd ""one""" ("K.1" text, "select" uuid, v jsonb, PRIMARY KEY ("K.1", "select"))"#,
        r#"INSERT INTO "Odd ""one""" SELECT E'\\''"' || i, md5(i::text)::uuid, '{"a": 1}' FROM generate_series(1, 100) i"#,
        "CREATE TYPE mood AS ENUM ('sad', 'ok')",
        "CREATE TABLE moods (m mood PRIMARY KEY, a int[], r int4range)",
        "INSERT INTO moods VALUES ('sad', '{1,NULL}', '[1,2)'), ('ok', NULL, NULL)",
        "CREATE TABLE keyless (x int, y text)",
        "INSERT INTO keyless SELECT i % 50, NULLIF(i % 3, 0)::text FROM generate_series(1, 300) i",
        "CREATE TABLE parted (id int PRIMARY KEY, v text) PARTITION BY RANGE (id)",
        "CREATE TABLE low PARTITION OF parted FOR VALUES FROM (0) TO (100)",
        "CREATE TABLE high PARTITION OF parted FOR VALUES FROM (100) TO (1000)",
        "INSERT INTO parted SELECT i, 'v' FROM generate_series(1, 500) i",
        "CREATE TABLE computed (id int PRIMARY KEY, v int, g int GENERATED ALWAYS AS (v * 2) STORED)",
        "INSERT INTO computed SELECT i, i FROM generate_series(1, 20) i",
        "ALTER TABLE computed ADD dropped int DEFAULT 7",
        "ALTER TABLE computed DROP dropped, ADD late int DEFAULT 8",
    ]);
    pair.wait();
    let report = compared(&pair, |options| {
        options.schema = true;
        options.rows_per_chunk = 37;
    });
    assert_eq!(report.exit_status(), 0, "{}", report.text(true));
    assert_eq!(report.tables.len(), 7, "{}", report.text(true));
    assert_eq!(table(&report, "public.keyed").source_rows, 1000);
    assert_eq!(table(&report, "public.keyed").method, "key");
    assert_eq!(table(&report, "public.moods").method, "buckets");
    assert_eq!(table(&report, "public.high").destination_rows, 401);

    pair.destination.run_each(&[
        "UPDATE keyed SET v = 'other' WHERE id = 37",
        "DELETE FROM keyed WHERE id = 38",
        "INSERT INTO keyed VALUES (-5, 'more'), (1001, 'more')",
        r#"UPDATE "Odd ""one""" SET v = '{}' WHERE "K.1" = E'\\''"7'"#,
        "UPDATE moods SET a = '{1}' WHERE m = 'sad'",
        "DELETE FROM keyless WHERE ctid = (SELECT min(ctid) FROM keyless WHERE x = 5)",
        "INSERT INTO keyless VALUES (6, 'y')",
        "DELETE FROM parted WHERE id = 100",
        "UPDATE computed SET late = 9 WHERE id = 3",
        "CREATE INDEX by_hand ON keyed (v)",
    ]);
    let report = compared(&pair, |options| {
        options.schema = true;
        options.rows_per_chunk = 37;
    });
    let text = report.text(false);
    assert_eq!(report.exit_status(), 1, "{text}");
    let keyed = table(&report, "public.keyed");
    assert_eq!(keyed.status, Status::Different);
    assert_eq!(
        (keyed.differ, keyed.missing, keyed.extra, keyed.undecided),
        (1, 1, 2, 0),
        "{text}"
    );
    assert_eq!(keys(keyed, How::Differs), ["(id) = (37)"]);
    assert_eq!(keys(keyed, How::Missing), ["(id) = (38)"]);
    assert_eq!(keys(keyed, How::Extra), ["(id) = (-5)", "(id) = (1001)"]);
    assert_eq!(
        table(&report, r#"public."Odd ""one""""#).differ,
        1,
        "{text}"
    );
    let moods = table(&report, "public.moods");
    assert_eq!((moods.missing, moods.extra), (1, 1), "{text}");
    let keyless = table(&report, "public.keyless");
    assert_eq!((keyless.missing, keyless.extra), (1, 1), "{text}");
    assert_eq!(
        keys(table(&report, "public.high"), How::Missing),
        ["(id) = (100)"]
    );
    assert_eq!(table(&report, "public.low").status, Status::Same);
    assert_eq!(
        keys(table(&report, "public.computed"), How::Differs),
        ["(id) = (3)"]
    );
    let schema = report.schema.as_ref().expect("the schema");
    assert_eq!(schema.differences.len(), 1, "{text}");
    assert!(
        schema.differences[0]
            .item
            .starts_with("INDEX public.by_hand"),
        "{text}"
    );
    for line in report.json().expect("JSON").lines() {
        serde_json::from_str::<serde_json::Value>(line).expect("an object on each line");
    }
    // no contents, unless they are asked for
    assert!(
        !text.contains("secret") && !report.json().expect("JSON").contains("secret"),
        "{text}"
    );
    let report = compared(&pair, |options| {
        options.tables = vec!["keyed".to_owned(), "public.keyl*".to_owned()];
        options.show_rows = true;
    });
    assert_eq!(report.tables.len(), 2);
    let text = report.text(false);
    assert!(
        text.contains("source: (37,\"secret 37\",") && text.contains("destination: (37,other,"),
        "{text}"
    );
    assert!(text.contains("destination: (6,y)"), "{text}");
}

/// Column lists and row filters (from 15 on), and a publication that sends a partitioned table as a whole.
#[test]
fn parts_of_tables() {
    let major = server().major;
    let listed = if major >= 15 { " (id, v)" } else { "" };
    let filtered = if major >= 15 {
        " WHERE (id % 10 = 1)"
    } else {
        ""
    };
    let pair = Pair::new(&pair::Options {
        topic: "compare_parts",
        source: "CREATE TABLE listed (id int PRIMARY KEY, hidden text, v text);
            INSERT INTO listed SELECT i, 'hidden', 'v' FROM generate_series(1, 100) i;
            CREATE TABLE filtered (id int PRIMARY KEY, v text);
            INSERT INTO filtered SELECT i, 'v' FROM generate_series(1, 100) i;
            CREATE TABLE parted (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
            CREATE TABLE low PARTITION OF parted FOR VALUES FROM (0) TO (100);
            CREATE TABLE high PARTITION OF parted FOR VALUES FROM (100) TO (1000);
            INSERT INTO parted SELECT i, 'v' FROM generate_series(1, 500) i",
        destination:
            "CREATE TABLE listed (v text, id int PRIMARY KEY, hidden text DEFAULT 'another');
            CREATE TABLE filtered (id int PRIMARY KEY, v text);
            CREATE TABLE parted (id int PRIMARY KEY, v text)",
        start_apply: "after_id => 1000000",
        publication: &format!(
            "FOR TABLE listed{listed}, filtered{filtered}, parted, public.dts_ddl_command WITH (publish_via_partition_root)"
        ),
        ..pair::Options::default()
    });
    let report = compared(&pair, |options| options.rows_per_chunk = 30);
    let text = report.text(true);
    assert_eq!(report.exit_status(), 0, "{text}");
    assert_eq!(table(&report, "public.parted").source_rows, 500, "{text}");
    let rows = if major >= 15 { 10 } else { 100 };
    assert_eq!(
        table(&report, "public.filtered").source_rows,
        rows,
        "{text}"
    );
    pair.destination.run_each(&[
        "UPDATE listed SET v = 'w' WHERE id = 50",
        "DELETE FROM filtered WHERE id = 21",
        "UPDATE parted SET v = 'w' WHERE id = 99",
    ]);
    let report = compared(&pair, |options| options.rows_per_chunk = 30);
    let text = report.text(true);
    assert_eq!(
        keys(table(&report, "public.listed"), How::Differs),
        ["(id) = (50)"],
        "{text}"
    );
    assert_eq!(
        keys(table(&report, "public.filtered"), How::Missing),
        ["(id) = (21)"],
        "{text}"
    );
    assert_eq!(
        keys(table(&report, "public.parted"), How::Differs),
        ["(id) = (99)"],
        "{text}"
    );
}

/// What users of either side have made in schema public, and in front of pg_catalog, is never called. Each of these functions fails
/// when it is this program that calls it.
#[test]
fn of_hostile_users() {
    let pair = Pair::simple("compare_hostile");
    let functions = "
        CREATE FUNCTION public.trap() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$BEGIN
          IF current_setting('application_name') = 'dts-migrate' THEN RAISE EXCEPTION 'a trap'; END IF; END$$;
        CREATE FUNCTION public.f_int(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM public.trap(); RETURN $1; END';
        CREATE FUNCTION public.f_mood(public.mood) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM public.trap(); RETURN ''x''; END';";
    let hostile = "
        CREATE FUNCTION public.count() RETURNS bigint LANGUAGE sql AS 'SELECT public.trap(); SELECT 1::bigint';
        CREATE FUNCTION public.hashtextextended(text, bigint) RETURNS bigint LANGUAGE sql AS 'SELECT public.trap(); SELECT 1::bigint';
        CREATE FUNCTION public.pg_current_wal_insert_lsn() RETURNS pg_lsn LANGUAGE sql AS $$SELECT public.trap(); SELECT '0/0'::pg_lsn$$;
        CREATE FUNCTION public.compared(int, int) RETURNS bool LANGUAGE sql AS 'SELECT public.trap(); SELECT false';
        CREATE FUNCTION public.compared(text, text) RETURNS bool LANGUAGE sql AS 'SELECT public.trap(); SELECT false';
        CREATE FUNCTION public.compared(bigint, bigint) RETURNS bigint LANGUAGE sql AS 'SELECT public.trap(); SELECT 0::bigint';
        CREATE FUNCTION public.compared(pg_lsn, pg_lsn) RETURNS bool LANGUAGE sql AS 'SELECT public.trap(); SELECT true';
        CREATE OPERATOR public.> (LEFTARG = int, RIGHTARG = int, FUNCTION = public.compared);
        CREATE OPERATOR public.<= (LEFTARG = int, RIGHTARG = int, FUNCTION = public.compared);
        CREATE OPERATOR public.= (LEFTARG = int, RIGHTARG = int, FUNCTION = public.compared);
        CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.compared);
        CREATE OPERATOR public.& (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = public.compared);
        CREATE OPERATOR public.< (LEFTARG = pg_lsn, RIGHTARG = pg_lsn, FUNCTION = public.compared);
        CREATE CAST (public.mood AS text) WITH FUNCTION public.f_mood(public.mood) AS IMPLICIT;
        CREATE TABLE public.pg_publication_tables (pubname name); CREATE TABLE public.pg_class (oid oid);";
    pair.source.run_each(&[
        "CREATE TYPE public.mood AS ENUM ('sad', 'ok')",
        functions,
        "CREATE DOMAIN public.checked AS int CHECK (public.f_int(VALUE) > 0)",
        "CREATE TABLE app (id public.checked PRIMARY KEY, m public.mood, a public.mood[], c public.checked[])",
        "INSERT INTO app SELECT i, 'sad', '{ok}', ARRAY[i]::public.checked[] FROM generate_series(1, 100) i",
        "CREATE TABLE moods (m public.mood PRIMARY KEY, c public.checked)",
        "INSERT INTO moods VALUES ('sad', 1)",
    ]);
    pair.wait();
    for node in [&pair.source, &pair.destination] {
        node.run(&format!(
            "SET session_replication_role = replica; {hostile}
             ALTER DATABASE {} SET search_path = public, pg_catalog",
            node.database
        ));
    }
    pair.destination
        .run("UPDATE app SET m = 'ok' WHERE id OPERATOR(pg_catalog.=) 50");
    // the traps do work
    for node in [&pair.source, &pair.destination] {
        let trapped = node
            .connect()
            .batch_execute("SET application_name = 'dts-migrate'; SELECT count() WHERE 1 > 2");
        assert!(pair::describe(&trapped.expect_err("a trap")).contains("a trap"));
    }
    let report = compared(&pair, |options| {
        options.rows_per_chunk = 30;
        options.show_rows = true;
    });
    let text = report.text(true);
    let app = table(&report, "public.app");
    assert_eq!(
        (app.status, app.method),
        (Status::Different, "key"),
        "{text}"
    );
    assert_eq!(keys(app, How::Differs), ["(id) = (50)"], "{text}");
    assert!(text.contains("source: (50,sad,{ok},{50})"), "{text}");
    assert_eq!(
        table(&report, "public.moods").status,
        Status::Same,
        "{text}"
    );
}
