//! What it is all for: the captured rows, run one by one somewhere else, make the same schema.

use super::dump;
use super::server::Database;

/// Sent as these strings.
pub const MIGRATION: &[&str] = &[
    "CREATE SCHEMA app; CREATE SCHEMA \"Odd; schema\"; SET search_path = app, public; CREATE TYPE mood AS ENUM ('sad', 'ok');
     CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL, mood mood DEFAULT 'ok', created timestamptz DEFAULT now());
     INSERT INTO users (name) VALUES ('a'), ('b; c'); CREATE INDEX users_name ON users (lower(name)) WHERE id > 0;
     COMMENT ON TABLE users IS 'it''s; all'; RESET search_path; CREATE TABLE in_public (x int)",
    "SET search_path = app; ALTER TYPE mood ADD VALUE 'happy' AFTER 'ok'",
    "SET search_path = app; CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN NEW.created := now(); RETURN NEW; END $f$;
     CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch(); UPDATE users SET name = 'x';
     CREATE VIEW active AS SELECT id, name FROM users WHERE mood <> 'sad'; CREATE RULE r AS ON DELETE TO active DO INSTEAD NOTHING;
     ALTER TABLE users ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON users USING (id > 0)",
    "SET search_path = app; DO $$ DECLARE i int; BEGIN
       FOR i IN 1..3 LOOP EXECUTE format('CREATE TABLE part_%s (k int, v text); CREATE INDEX ON part_%1$s (k)', i); END LOOP;
       CREATE TABLE filled AS SELECT id, name AS \"Name\", 1.5::numeric(6,2) AS n, name COLLATE \"C\" AS c FROM users;
       BEGIN CREATE TABLE lost (x int); PERFORM 1/0; EXCEPTION WHEN division_by_zero THEN CREATE TABLE kept (x int); END;
     END $$; SELECT count(*) AS n INTO counted FROM users; CREATE TABLE IF NOT EXISTS users (x int);
     CREATE TEMP TABLE tmp (x int); CREATE TABLE real_one (x int); DROP TABLE tmp, part_3; DROP TABLE IF EXISTS nothing",
    "CREATE TABLE app.events (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
     CREATE TABLE app.events_1 PARTITION OF app.events FOR VALUES FROM ('2024-01-02') TO ('2025-01-01');
     SET DateStyle = 'SQL, DMY'; CREATE TABLE app.dmy (d date DEFAULT '02/01/2024'); RESET DateStyle;
     SET TimeZone = 'Asia/Tokyo'; CREATE TABLE app.tz (t timestamptz DEFAULT '2024-01-01 00:00'); RESET TimeZone;
     SET IntervalStyle = 'sql_standard'; CREATE TABLE app.iv (i interval DEFAULT '-1 2:03'); RESET IntervalStyle;
     SET check_function_bodies = off; CREATE FUNCTION app.later() RETURNS int LANGUAGE sql AS 'SELECT x FROM app.not_yet'; RESET check_function_bodies",
    "CREATE FUNCTION app.mk() RETURNS void LANGUAGE plpgsql SET search_path = \"Odd; schema\" AS $$ BEGIN CREATE TABLE \"T ; t\" (\"c;\" int); CREATE TABLE as_made AS SELECT 1 AS \"x y\"; END $$; SELECT app.mk()",
    "CREATE FUNCTION app.s() RETURNS void LANGUAGE sql AS 'CREATE TABLE app.by_sql (x int); COMMENT ON TABLE app.by_sql IS ''s'''; SELECT app.s();
     BEGIN; ALTER TABLE app.users ADD COLUMN extra int DEFAULT 5, ALTER COLUMN created TYPE timestamp; SAVEPOINT s; DROP TABLE app.kept; ROLLBACK TO s; COMMIT;
     CREATE SCHEMA elements CREATE TABLE e1 (x int PRIMARY KEY) CREATE VIEW e2 AS SELECT * FROM e1 CREATE SEQUENCE e3;
     CREATE MATERIALIZED VIEW app.mv AS SELECT count(*) AS n FROM app.users; ALTER VIEW app.active RENAME TO active_users; DROP VIEW app.active_users;
     CREATE UNLOGGED TABLE app.ul AS SELECT 1 AS x; CREATE TABLE app.opt WITH (fillfactor = 60) AS SELECT 'x'::text AS x",
    "GRANT SELECT ON app.users TO PUBLIC; ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO PUBLIC; CREATE TABLE app.granted (x int);
     CREATE DOMAIN app.pos AS int CHECK (VALUE > 0); CREATE CAST (app.pos AS text) WITH INOUT; CREATE AGGREGATE app.agg(int) (SFUNC = int4pl, STYPE = int);
     CREATE OPERATOR app.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq); CREATE STATISTICS app.st ON id, name FROM app.users; CREATE COLLATION app.co FROM \"C\"",
    "CREATE TABLE app.self (id int PRIMARY KEY, parent int REFERENCES app.self); DROP TABLE app.real_one CASCADE; DROP SCHEMA elements CASCADE; DROP FUNCTION app.later()",
];

/// Both sides have the same schema.
#[track_caller]
pub fn expect_same_schema(source: &Database, target: &Database) {
    dump::expect_same(&source.dump(), &target.dump());
}

#[test]
fn the_rows_make_the_same_schema() {
    // `replica_identity` is off on both sides, since capture does that part itself.
    let (source, target) = (
        Database::new("replay_source"),
        Database::new("replay_target"),
    );
    let mut client = source.connect();
    client
        .batch_execute(
            "SET dts_ddl_capture.replica_identity = off; SET client_min_messages = error",
        )
        .unwrap();
    for string in MIGRATION {
        client
            .batch_execute(string)
            .unwrap_or_else(|error| panic!("{string}: {error:?}"));
    }
    source.expect_sound();
    let mut replay = target.connect();
    replay
        .batch_execute("SET dts_ddl_capture.enabled = off; SET client_min_messages = error")
        .unwrap();
    let rows = source
        .connect()
        .query(
            "SELECT ddl_text,
                    coalesce((SELECT string_agg(quote_ident(s), ', ') FROM jsonb_array_elements_text(message::jsonb->'search_path') s), ''''''),
                    coalesce((SELECT string_agg(format('SET LOCAL %I = %L; ', key, value), '') FROM jsonb_each_text(message::jsonb->'settings')), '')
             FROM public.dts_ddl_command WHERE message::jsonb->'replay' IS DISTINCT FROM 'false' ORDER BY id",
            &[],
        )
        .unwrap();
    assert!(rows.len() > 50, "{} rows", rows.len());
    for row in rows {
        let (text, path, settings): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        replay
            .batch_execute(&format!(
                "BEGIN; SET LOCAL search_path = {path}; {settings}"
            ))
            .unwrap();
        // one prepared statement, as consumers do it
        replay
            .execute(text.as_str(), &[])
            .unwrap_or_else(|error| panic!("{text}: {error:?}"));
        replay.batch_execute("COMMIT").unwrap();
    }
    expect_same_schema(&source, &target);
}
