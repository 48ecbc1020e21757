//! Live apply between this major and others, in both directions. The others are named by `DTS_TEST_PEERS`
//! (`"13=/path/to/bin 17=/path/to/bin"`); they must have the extension installed.

use super::cluster::{self, Installation};
use super::pair::{Options, Pair, Servers};
use super::server::skipped;

/// SQL that every major understands.
const COMMANDS: &[&str] = &[
    "CREATE SCHEMA app; CREATE TABLE app.a (id serial PRIMARY KEY, v text, at timestamptz DEFAULT '2024-01-01 00:00+00'); INSERT INTO app.a (v) SELECT 'v' || g FROM generate_series(1, 50) g",
    "BEGIN; CREATE TABLE app.b AS SELECT id, v, random() AS r FROM app.a; ALTER TABLE app.b ADD n int DEFAULT 3; INSERT INTO app.b VALUES (0, 'x', 0.5, 4); COMMIT",
    "SET search_path = app; SELECT v, count(*) AS n INTO c FROM a GROUP BY v; CREATE VIEW w AS SELECT count(*) AS n FROM c; COMMENT ON VIEW w IS 'it''s'",
    "CREATE TABLE app.p (k int, v text) PARTITION BY RANGE (k); CREATE TABLE app.p1 PARTITION OF app.p FOR VALUES FROM (0) TO (10); CREATE TABLE app.p2 PARTITION OF app.p DEFAULT; INSERT INTO app.p SELECT g, 'p' FROM generate_series(1, 20) g",
    "ALTER TABLE app.p DETACH PARTITION app.p1; INSERT INTO app.p1 VALUES (100, 'alone'); ALTER TABLE app.p RENAME TO parts; INSERT INTO app.parts VALUES (50, 'q')",
    "CREATE TYPE app.mood AS ENUM ('sad', 'ok'); ALTER TABLE app.a ADD m app.mood DEFAULT 'ok'; UPDATE app.a SET m = 'sad' WHERE id < 5; ALTER TABLE app.a ALTER v TYPE varchar(50)",
    "CREATE FUNCTION app.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER t BEFORE INSERT ON app.a FOR EACH ROW EXECUTE FUNCTION app.f()",
    "DO $$ BEGIN FOR i IN 1..3 LOOP EXECUTE format('CREATE TABLE app.d%s (x int); INSERT INTO app.d%1$s VALUES (%1$s)', i); END LOOP; END $$; DROP TABLE app.d2",
    "CREATE INDEX CONCURRENTLY ON app.a (v)",
    "CREATE MATERIALIZED VIEW app.mv AS SELECT count(*) AS n FROM app.a; GRANT SELECT ON app.a TO PUBLIC; ALTER TABLE app.b RENAME COLUMN n TO number; DELETE FROM app.b WHERE id > 40",
];

fn between(source: &Installation, destination: &Installation) {
    let servers = Servers::between(source.clone(), destination.clone());
    let pair = Pair::on(
        &servers,
        &Options {
            topic: "majors",
            ..Options::default()
        },
    );
    pair.source.run_each(COMMANDS);
    pair.check();
    pair.source
        .run("CREATE TABLE app.later (x int); INSERT INTO app.later VALUES (1)");
    pair.check();
    if source.major >= 14 && destination.major >= 14 {
        let pair = Pair::on(
            &servers,
            &Options {
                topic: "streamed_majors",
                subscription: "streaming = on,",
                ..Options::default()
            },
        );
        pair.source.run("BEGIN; CREATE TABLE big AS SELECT g AS id, repeat('b', 100) AS v FROM generate_series(1, 3000) g; ALTER TABLE big ADD n int DEFAULT 1; UPDATE big SET n = 2; COMMIT");
        pair.check();
    }
}

#[test]
fn cross_major() {
    let peers = cluster::peers();
    if peers.is_empty() {
        return skipped("cross_major", "DTS_TEST_PEERS names no other major");
    }
    let own = cluster::under_test();
    for peer in &peers {
        println!("{} and {}", own.major, peer.major);
        between(&own, peer);
        between(peer, &own);
    }
}
