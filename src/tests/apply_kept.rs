//! Live apply: what a worker keeps from one command to the next holds only as long as what it was made of.

use super::pair::Pair;
use super::server::server;

/// More commands than PostgreSQL plans a kept statement anew for, each in a transaction of its own.
fn warm(pair: &Pair, table: &str) {
    pair.source
        .run(&format!("CREATE TABLE {table} (x int PRIMARY KEY)"));
    for i in 0..8 {
        pair.source
            .run(&format!("COMMENT ON TABLE {table} IS '{i}'"));
    }
    pair.wait();
}

fn worker(pair: &Pair) -> String {
    pair.destination.value(
        "SELECT pid FROM pg_stat_subscription WHERE subname = current_database() AND relid IS NULL",
    )
}

#[test]
fn same_worker_after_the_extension_was_made_anew() {
    let pair = Pair::simple("kept_anew");
    warm(&pair, "before");
    let pid = worker(&pair);
    pair.destination
        .run("DROP EXTENSION dts_ddl_capture; CREATE EXTENSION dts_ddl_capture");
    pair.destination
        .start_apply(&format!("after_id => {}", pair.source.last_id()));
    pair.destination.run(&format!(
        "ALTER SUBSCRIPTION {} REFRESH PUBLICATION WITH (copy_data = false)",
        pair.destination.database
    ));
    warm(&pair, "behind");
    assert_eq!(worker(&pair), pid, "another worker, which keeps nothing");
    assert_eq!(pair.apply_log().len(), 9);
    pair.destination
        .expect_value("SELECT obj_description('behind'::regclass)", "7");
}

/// A view that has come into the place of a table of the extension is not read, nor is what it calls run.
#[test]
fn what_has_come_in_its_place() {
    let pair = Pair::simple("kept_view");
    warm(&pair, "a");
    pair.destination.run(
        "BEGIN; ALTER TABLE dts_ddl.apply_skip RENAME TO other; CREATE VIEW dts_ddl.apply_skip AS SELECT id FROM dts_ddl.other; COMMIT",
    );
    pair.source.run("CREATE TABLE b (x int)");
    pair.expect_error(&["relation dts_ddl.apply_skip does not belong to the extension"]);
    pair.destination
        .run("BEGIN; DROP VIEW dts_ddl.apply_skip; ALTER TABLE dts_ddl.other RENAME TO apply_skip; COMMIT");
    warm(&pair, "c");
    pair.check();
}

/// From 16 on rows are written as the table's owner, who may be another one by now.
#[test]
fn rights_are_asked_for_each_time() {
    if server().major < 16 {
        return;
    }
    let pair = Pair::simple("kept_role");
    let role = format!("{}_owner", pair.destination.database);
    let owner = pair.destination.value("current_user");
    warm(&pair, "a");
    pair.destination.run(&format!(
        "CREATE ROLE {role}; ALTER TABLE public.dts_ddl_command OWNER TO {role}"
    ));
    pair.source.run("CREATE TABLE b (x int)");
    pair.expect_error(&["permission denied for table apply_skip"]);
    pair.destination.run(&format!(
        "ALTER TABLE public.dts_ddl_command OWNER TO {owner}; DROP ROLE {role}"
    ));
    warm(&pair, "c");
    pair.check();
}

/// A command that the DBA wants left out is, also by a worker that has applied some; and a row that was here already is not
/// run again, by the index of the table or, where the DBA has given it a column, by a query.
#[test]
fn skipped_and_known_rows() {
    let pair = Pair::simple("kept_rows");
    warm(&pair, "a");
    for i in 0..2 {
        let next = pair.source.last_id() + 1;
        pair.destination
            .run(&format!("SELECT dts_ddl.skip({next})"));
        pair.source
            .run(&format!("COMMENT ON TABLE a IS 'left out {i}'"));
        pair.wait();
        assert_eq!(
            pair.destination.value(&format!(
                "SELECT status FROM dts_ddl.apply_log WHERE id = {next}"
            )),
            "skipped"
        );
        let known = next + 1;
        pair.destination.run(&format!(
            "INSERT INTO public.dts_ddl_command (ddl_text, id, txid_current) VALUES ('COMMENT ON TABLE a IS ''known''', {known}, 'x')"
        ));
        pair.source.run("COMMENT ON TABLE a IS 'known'");
        pair.expect_error(&[&format!("{known}"), "has the same id"]);
        pair.destination.run(&format!(
            "UPDATE public.dts_ddl_command SET txid_current = '{}' WHERE id = {known}",
            pair.source.value(&format!(
                "SELECT txid_current FROM public.dts_ddl_command WHERE id = {known}"
            ))
        ));
        pair.wait();
        assert_eq!(
            pair.destination.value(&format!(
                "SELECT count(*) FROM dts_ddl.apply_log WHERE id = {known}"
            )),
            "0"
        );
        pair.destination
            .run("ALTER TABLE public.dts_ddl_command ADD COLUMN IF NOT EXISTS noted text");
    }
}
