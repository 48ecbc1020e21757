//! A destination whose source fails over to a standby: `docs/failover.md`.

use super::check::{findings, says};
use super::cluster;
use super::pair::{OPTIONS, preloaded, start_apply};
use super::server::{server, value};
use std::time::{Duration, Instant};

/// A standby is promoted that had not got what the destination has: the slot there is ahead of its server, which is an error.
#[test]
fn slot_ahead_of_its_server() {
    let (source, destination) = (cluster::fresh(), cluster::fresh());
    source.start(OPTIONS);
    destination.start(&preloaded());
    let mut there = source.connect("postgres");
    for command in [
        "CREATE EXTENSION dts_ddl_capture",
        "CREATE PUBLICATION p FOR ALL TABLES",
    ] {
        there.batch_execute(command).expect(command);
    }
    let standby = source.standby();
    let mut here = destination.connect("postgres");
    for command in [
        "CREATE EXTENSION dts_ddl_capture".to_owned(),
        start_apply("", server().major),
        format!(
            "CREATE SUBSCRIPTION s CONNECTION '{}' PUBLICATION p",
            source.connection_string("postgres")
        ),
    ] {
        here.batch_execute(&command).expect("a subscription");
    }
    // enough that what a promotion writes does not hide it
    there
        .batch_execute("CREATE TABLE lost (id int PRIMARY KEY); INSERT INTO lost SELECT generate_series(1, 20000)")
        .expect("a table");
    let wait = |until: &mut dyn FnMut() -> bool| {
        let start = Instant::now();
        while !until() {
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "{}",
                destination.log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    wait(&mut || value(&mut here, "to_regclass('lost')") == "lost");
    let slot = "SELECT confirmed_flush_lsn >= (SELECT sent_lsn FROM pg_stat_replication WHERE application_name = 's') FROM pg_replication_slots";
    wait(&mut || value(&mut here, "SELECT count(*) FROM lost") == "20000");
    wait(&mut || value(&mut there, slot) == "true");
    says(&findings(&mut there), "slots", "ok", "bytes behind");
    drop(there);
    source.stop("immediate");
    standby.start(OPTIONS);
    let mut promoted = standby.connect("postgres");
    promoted
        .batch_execute("SELECT pg_promote()")
        .expect("a promotion");
    promoted
        .batch_execute("SELECT pg_create_logical_replication_slot('s', 'pgoutput')")
        .expect("a slot");
    here.batch_execute(&format!(
        "ALTER SUBSCRIPTION s CONNECTION '{}'",
        standby.connection_string("postgres")
    ))
    .expect("the new source");
    wait(&mut || {
        findings(&mut promoted)["slots"]
            .1
            .contains("bytes AHEAD of this server")
    });
    let found = findings(&mut promoted);
    says(&found, "slots", "error", "AHEAD of this server");
    assert!(
        found["slots"]
            .2
            .as_ref()
            .is_some_and(|remedy| remedy.contains("make a new copy")),
        "{found:?}"
    );
    // what it says: this never arrives
    promoted
        .batch_execute("CREATE TABLE after_promotion (id int PRIMARY KEY)")
        .expect("a table");
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(value(&mut here, "to_regclass('after_promotion')"), "NULL");
    here.batch_execute("ALTER SUBSCRIPTION s DISABLE; ALTER SUBSCRIPTION s SET (slot_name = NONE); DROP SUBSCRIPTION s")
        .expect("the end");
    drop((here, promoted));
    standby.stop("fast");
    destination.stop("fast");
}
