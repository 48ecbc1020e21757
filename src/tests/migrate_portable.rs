//! `dts-migrate` where neither server has the extension: the portable edition captures on the source, portable apply applies on
//! the target.

use super::migrate_start::{of, servers, started};
use super::pair::{Node, Pair, same_schema, wait_for};
use dts_migrate::connection::Side;
use dts_migrate::{finish, recopy, status, switch};

/// From start to finish, with rows and DDL at each step.
#[test]
fn from_start_to_finish() {
    let pair = Pair::bare(&servers(), "migrate_portable");
    let (source, destination) = (&pair.source, &pair.destination);
    // what is made under capture may get its identity by that, and keeps it
    source.run("CREATE TABLE keyless (x int); INSERT INTO keyless SELECT generate_series(1, 20)");
    source.expect_value(
        "SELECT relreplident FROM pg_class WHERE relname = 'keyless'",
        "d",
    );
    source.run(include_str!("../../sql/portable/install.sql"));
    destination.run(include_str!("../../sql/portable/apply.sql"));
    let name = source.database.clone();
    source.run_each(&[
        "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, 'v' || i FROM generate_series(1, 100) i",
        "CREATE TABLE altered (id int PRIMARY KEY); INSERT INTO altered SELECT generate_series(1, 50)",
        "CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE part PARTITION OF parts DEFAULT",
        "INSERT INTO parts SELECT generate_series(1, 30); CREATE SEQUENCE s; SELECT nextval('s')",
        "CREATE VIEW w AS SELECT * FROM t",
    ]);
    // what is altered before it is copied is given to the subscription
    started(&pair, "moment");
    source.run_each(&[
        "ALTER TABLE altered ADD w text DEFAULT 'w'; INSERT INTO altered VALUES (51, 'x')",
        "CREATE TABLE early (id int PRIMARY KEY); INSERT INTO early VALUES (1)",
    ]);
    started(&pair, "");
    source.run_each(&[
        "ALTER TABLE t ADD c int DEFAULT 7; INSERT INTO t VALUES (101, 'later', 8)",
        "CREATE TABLE later (id serial PRIMARY KEY, v text); INSERT INTO later (v) SELECT 'l' FROM generate_series(1, 5)",
        "DELETE FROM keyless WHERE x < 5; UPDATE parts SET id = -id WHERE id < 4",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; COMMENT ON TABLE t IS 'kept'",
    ]);
    let servers = (of(Side::Source, source), of(Side::Destination, destination));
    wait_for(source, destination, &name);
    destination.run("DELETE FROM t; DELETE FROM parts");
    recopy::recopy(
        &servers.0,
        &servers.1,
        &["t".to_owned(), "parts".to_owned()],
        true,
        &mut |_| {},
    )
    .unwrap_or_else(|problem| panic!("{problem}"));
    let said = status::status(&servers.0, &servers.1, true);
    assert_eq!(said.exit_status(), status::FINE, "{}", said.text());

    let way_back = switch(&pair, true).expect_err("needs the extension");
    assert!(way_back.contains("the extension on both"), "{way_back}");
    source.run(
        "CREATE TABLE last (id int PRIMARY KEY); INSERT INTO last VALUES (1); SELECT nextval('s')",
    );
    let done = switch(&pair, false).unwrap_or_else(|problem| panic!("{problem}"));
    assert!(!done.contains("does not have"), "{done}");
    for table in ["t", "keyless", "altered", "parts", "early", "later", "last"] {
        let rows = format!("SELECT string_agg(r::text, ' ' ORDER BY r::text) FROM {table} r");
        assert_ne!(source.value(&rows), "NULL", "{table}");
        assert_eq!(source.value(&rows), destination.value(&rows), "{table}");
    }
    destination.expect_value("SELECT last_value > 1000 FROM s", "true");
    destination.run("INSERT INTO last VALUES (2); DELETE FROM last WHERE id = 2");
    let report = finish::finish(
        &servers.0,
        &servers.1,
        &finish::Options {
            open_old: true,
            ..finish::Options::default()
        },
    )
    .unwrap_or_else(|problem| panic!("{problem}"));
    let text = report.text();
    assert!(
        text.contains("uninstall.sql") && text.contains("remove_apply.sql"),
        "{text}"
    );
    nothing_is_left(source);
    nothing_is_left(destination);
    source.run(include_str!("../../sql/portable/uninstall.sql"));
    destination.run(include_str!("../../sql/portable/remove_apply.sql"));
    same_schema(source, destination);
}

/// What it says at its end, or why not.
fn switch(pair: &Pair, back: bool) -> Result<String, String> {
    let options = switch::Options {
        back,
        ..switch::Options::default()
    };
    switch::switch(
        &of(Side::Source, &pair.source),
        &of(Side::Destination, &pair.destination),
        &options,
        &mut |_| true,
        &mut |_| {},
    )
    .map(|done| done.text())
    .map_err(|problem| problem.to_string())
}

#[track_caller]
fn nothing_is_left(node: &Node) {
    for query in [
        "SELECT count(*) FROM pg_namespace WHERE nspname = 'dts_migrate'",
        "SELECT count(*) FROM pg_publication",
        "SELECT count(*) FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = current_database()",
        "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()",
        "SELECT count(*) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase WHERE d.datname = current_database()",
        "SELECT count(*) FROM pg_class WHERE relreplident = 'f' AND relname = 'keyless'",
    ] {
        node.expect_value(query, "0");
    }
}
