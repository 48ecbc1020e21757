//! `dts-migrate start`: what it makes of a target while users of the source go on. (Killed at every moment, and on large databases:
//! `proof/migrate`.)

use super::pair::{Node, Pair, Servers, same_rows, same_schema};
use super::server::server;
use dts_migrate::compare::{self, Progress};
use dts_migrate::connection::{Server, Side};
use dts_migrate::output::Output;
use dts_migrate::problem::Problem;
use dts_migrate::start::{Options, start};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// `start` makes roles on the destination: no other test uses these.
pub(super) fn servers() -> Arc<Servers> {
    static SERVERS: LazyLock<Arc<Servers>> =
        LazyLock::new(|| Servers::new(super::cluster::under_test()));
    Arc::clone(&SERVERS)
}

pub(super) fn of(side: Side, node: &Node) -> Server {
    Server::of(side, node.cluster().config(&node.database))
}

fn is_old() -> bool {
    server().major < 16
}

/// Up to a step, or to the end.
fn try_start(pair: &Pair, until: &str) -> Result<(), Problem> {
    start_with(pair, until, Duration::from_secs(60))
}

fn start_with(pair: &Pair, until: &str, snapshot_age: Duration) -> Result<(), Problem> {
    start_as(pair, Some(&pair.source.database), until, snapshot_age)
}

fn start_as(
    pair: &Pair,
    name: Option<&str>,
    until: &str,
    snapshot_age: Duration,
) -> Result<(), Problem> {
    let options = Options {
        name: name.map(str::to_owned),
        jobs: 2,
        // before 16 nothing is applied without
        trust_source: is_old(),
        source_for_target: None,
        index_memory: "16MB".to_owned(),
        snapshot_age,
        until: (!until.is_empty()).then(|| until.to_owned()),
    };
    let pg_dump = pair.source.cluster().installation.program("pg_dump");
    start(
        &of(Side::Source, &pair.source),
        &of(Side::Destination, &pair.destination),
        &options,
        pg_dump.parent(),
        &Output::none(),
    )
}

#[track_caller]
pub(super) fn started(pair: &Pair, until: &str) {
    try_start(pair, until).unwrap_or_else(|problem| panic!("{problem}"));
}

/// While it flows, and schema and rows by other means of the tests.
#[track_caller]
fn expect_same(pair: &Pair) {
    let pg_dump = pair.source.cluster().installation.program("pg_dump");
    let options = compare::Options {
        pg_dump: pg_dump.to_str().expect("a plain path").to_owned(),
        ..compare::Options::default()
    };
    let report = compare::compare(
        &of(Side::Source, &pair.source),
        &of(Side::Destination, &pair.destination),
        &options,
        &Progress::none(),
    )
    .unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(report.exit_status(), 0, "{}", report.text(true));
    same_rows(
        &pair.source,
        &pair.destination,
        std::slice::from_ref(&pair.source.database),
        "public.dts_ddl_command",
    );
}

/// What it has made goes, so that the schemas can be compared.
fn end(pair: &Pair) {
    let name = &pair.source.database;
    for sql in [
        format!("ALTER SUBSCRIPTION {name} DISABLE"),
        format!("DROP SUBSCRIPTION {name}"),
        "DROP EXTENSION dts_ddl_capture".to_owned(),
        "DROP SCHEMA dts_migrate CASCADE".to_owned(),
    ] {
        pair.destination.run(&sql);
    }
    pair.source.run(&format!(
        "DROP PUBLICATION {name}; DROP EXTENSION dts_ddl_capture"
    ));
    same_schema(&pair.source, &pair.destination);
}

fn states(pair: &Pair) -> Vec<String> {
    pair.destination.column(
        "SELECT concat_ws(' ', name, why IS NOT NULL) FROM dts_migrate.\"table\" ORDER BY name COLLATE \"C\"",
    )
}

/// Tables that users alter, rewrite, truncate, drop, rename between the moment of the schema and their copy; and the others.
#[test]
fn while_tables_change() {
    let pair = Pair::bare(&servers(), "start_changes");
    pair.source.run_each(&[
        "CREATE TABLE plain (id int PRIMARY KEY, v text); INSERT INTO plain SELECT i, 'v' || i FROM generate_series(1, 100) i",
        "CREATE TABLE altered AS SELECT i, i * 2 AS v FROM generate_series(1, 100) i",
        "CREATE TABLE doubled AS TABLE altered",
        "CREATE TABLE emptied AS TABLE altered",
        "CREATE TABLE dropped AS TABLE altered",
        "CREATE TABLE again AS TABLE altered",
        "CREATE TABLE renamed AS TABLE altered",
        "CREATE TABLE moved AS TABLE altered",
        "CREATE TABLE packed AS TABLE altered",
        "CREATE TABLE less AS TABLE altered",
        "CREATE TYPE label AS ENUM ('p', 'q'); CREATE TABLE labels (l label); INSERT INTO labels VALUES ('p')",
        "CREATE TYPE two AS (x int, a int); CREATE TABLE composites (id int PRIMARY KEY, c two[]); INSERT INTO composites VALUES (1, ARRAY[ROW(1, 11)]::two[])",
        "CREATE TABLE parts (id int, k text, PRIMARY KEY (id, k)) PARTITION BY LIST (k)",
        "CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a'); INSERT INTO parts SELECT i, 'a' FROM generate_series(1, 50) i",
        "CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent SELECT generate_series(1, 10)",
        "CREATE TABLE child (id int REFERENCES parent); INSERT INTO child SELECT generate_series(1, 10)",
        "CREATE TABLE child_parts (id int REFERENCES parent) PARTITION BY RANGE (id)",
        "CREATE TABLE child_part PARTITION OF child_parts DEFAULT; INSERT INTO child_parts SELECT generate_series(1, 10)",
        "CREATE TABLE loosened (id int PRIMARY KEY, p int CONSTRAINT to_parent REFERENCES parent, u int CONSTRAINT one_u UNIQUE)",
        "INSERT INTO loosened SELECT i, i, i FROM generate_series(1, 10) i",
        "CREATE TABLE generated (a int, b int GENERATED ALWAYS AS (a * 2) STORED, c int GENERATED ALWAYS AS IDENTITY, d serial)",
        "INSERT INTO generated (a) SELECT generate_series(1, 10)",
        r#"CREATE SCHEMA "Odd ""S"; CREATE TABLE "Odd ""S"."t '\" ("c "" d" int); INSERT INTO "Odd ""S"."t '\" VALUES (1)"#,
        "CREATE UNLOGGED TABLE unlogged (x int); INSERT INTO unlogged VALUES (7)",
        "CREATE TABLE no_columns (); INSERT INTO no_columns DEFAULT VALUES",
        "CREATE INDEX ON plain (upper(v)); CREATE INDEX part_of ON altered (v) WHERE i > 3",
        "CREATE MATERIALIZED VIEW first AS SELECT count(*) FROM plain; CREATE MATERIALIZED VIEW second AS SELECT * FROM first",
        "ALTER MATERIALIZED VIEW first RENAME TO zz_first",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$fired$$; END'",
        "CREATE TRIGGER t BEFORE INSERT ON parent FOR EACH ROW WHEN (new.id > 1000) EXECUTE FUNCTION f()",
        "SELECT lo_from_bytea(0, 'large'), lo_from_bytea(0, 'object')",
    ]);
    started(&pair, "schema");
    pair.source.run_each(&[
        "ALTER TABLE altered ALTER v TYPE bigint USING v * 10; INSERT INTO altered VALUES (7777, 1)",
        // the same type before and after: it must not be done twice
        "ALTER TABLE doubled ALTER v TYPE int USING v * 2",
        "TRUNCATE emptied; INSERT INTO emptied VALUES (1, 1)",
        "DROP TABLE dropped",
        "DROP TABLE again; CREATE TABLE again (x text); INSERT INTO again VALUES ('new')",
        "ALTER TABLE renamed RENAME TO renamed_now; INSERT INTO renamed_now VALUES (0, 0)",
        "CREATE SCHEMA other; ALTER TABLE moved SET SCHEMA other; DELETE FROM other.moved WHERE i < 50",
        "VACUUM FULL packed",
        "UPDATE packed SET v = 0 WHERE i = 3",
        "ALTER TABLE less DROP COLUMN v",
        "ALTER TABLE loosened DROP CONSTRAINT to_parent, DROP CONSTRAINT one_u; INSERT INTO loosened VALUES (11, 7777, 1)",
        "ALTER TYPE label RENAME VALUE 'p' TO 't'; ALTER TYPE label RENAME VALUE 'q' TO 'p'; ALTER TYPE label RENAME VALUE 't' TO 'q'",
        "ALTER TYPE two DROP ATTRIBUTE a; ALTER TYPE two ADD ATTRIBUTE b int; INSERT INTO composites VALUES (2, ARRAY[ROW(2, 22)]::two[])",
        "CREATE TABLE parts_b PARTITION OF parts FOR VALUES IN ('b'); INSERT INTO parts VALUES (1, 'b')",
        "ALTER TABLE parent ADD note text DEFAULT 'n'; INSERT INTO parent VALUES (11); INSERT INTO child VALUES (11)",
        "INSERT INTO child_parts VALUES (11)",
        "CREATE TABLE fresh (id int PRIMARY KEY); INSERT INTO fresh SELECT generate_series(1, 10)",
        "CREATE UNIQUE INDEX ON plain (v); UPDATE plain SET v = v || '!' WHERE id % 2 = 0",
    ]);
    started(&pair, "");
    expect_same(&pair);
    let left: Vec<String> = states(&pair)
        .into_iter()
        .filter_map(|state| state.strip_suffix(" t").map(str::to_owned))
        .collect();
    assert_eq!(
        left,
        [
            "again",
            "altered",
            "composites",
            "doubled",
            "dropped",
            "emptied",
            "labels",
            "less",
            "loosened",
            "moved",
            "no_columns",
            "packed",
            "parent",
            "plain",
            "renamed"
        ],
        "left to the subscription"
    );
    // all of them hold, and the subscription has made all tables ready
    for (query, want) in [
        (
            "SELECT count(*) FROM pg_constraint WHERE NOT convalidated",
            "0",
        ),
        (
            "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conparentid = 0",
            "2",
        ),
        (
            "SELECT count(*) FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid = srsubid AND subname = current_database() WHERE srsubstate <> 'r'",
            "0",
        ),
        ("SELECT count FROM second", "100"),
        ("SELECT x FROM unlogged", "7"),
        (
            "SELECT string_agg(convert_from(lo_get(oid), 'UTF8'), ' ' ORDER BY oid) FROM pg_largeobject_metadata",
            "large object",
        ),
        (
            "SELECT reltuples FROM pg_class WHERE relname = 'plain'",
            "100",
        ),
    ] {
        pair.destination.expect_value(query, want);
    }
    // once more there is nothing to do
    started(&pair, "");
    end(&pair);
}

/// DDL that never pauses: no moment of the schema without a lock, and still one schema.
#[test]
fn while_ddl_never_pauses() {
    let pair = Pair::bare(&servers(), "start_ddl");
    pair.source.run_each(&[
        "CREATE TABLE t (id serial PRIMARY KEY, v text)",
        "INSERT INTO t (v) SELECT 'x' FROM generate_series(1, 20000)",
    ]);
    let over = AtomicBool::new(false);
    let rounds = std::thread::scope(|scope| {
        let users: Vec<_> = (0..2)
            .map(|user| {
                let (pair, over) = (&pair, &over);
                scope.spawn(move || {
                    let mut client = pair.source.connect();
                    let mut n = 0;
                    while !over.load(Ordering::Relaxed) {
                        n += 1;
                        let sql = format!(
                            "CREATE TABLE u{user}_{n} (id int PRIMARY KEY, v int);
                             INSERT INTO u{user}_{n} SELECT i, i FROM generate_series(1, 10) i;
                             ALTER TABLE u{user}_{n} RENAME v TO w; CREATE INDEX ON u{user}_{n} (w);
                             INSERT INTO t (v) VALUES ('{user} {n}');
                             CREATE OR REPLACE VIEW w{user} AS SELECT {n} AS n FROM u{user}_{n};
                             TRUNCATE u{user}_{n}; INSERT INTO u{user}_{n} VALUES ({n}, {n})"
                        );
                        let of_t = format!(
                            "ALTER TABLE t ADD c{user}_{n} int DEFAULT {n}; UPDATE t SET c{user}_{n} = id WHERE id % 1000 = 1;
                             ALTER TABLE t DROP c{user}_{n}"
                        );
                        // on 13 a command on a table that is being copied waits for 10 s, and lets the copy begin anew
                        let alters = server().major > 13 && n < 100;
                        let all = sql
                            .split(';')
                            .chain(of_t.split(';').take(if alters { 3 } else { 0 }));
                        for statement in all {
                            // two users of one table may meet in a deadlock
                            let _ = client.batch_execute(statement);
                        }
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    n
                })
            })
            .collect();
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| try_start(&pair, "")));
        over.store(true, Ordering::Relaxed);
        let rounds: Vec<i32> = users
            .into_iter()
            .map(|user| user.join().expect("a user"))
            .collect();
        done.expect("no panic")
            .unwrap_or_else(|problem| panic!("{problem}"));
        rounds
    });
    assert!(rounds.iter().all(|&rounds| rounds > 3), "{rounds:?}");
    expect_same(&pair);
    end(&pair);
}

/// Each table under a snapshot of its own, while rows change: each is what it was at its own position, and the stream goes on from there.
#[test]
fn many_snapshots() {
    let pair = Pair::bare(&servers(), "start_snapshots");
    pair.source.run_each(&[
        "CREATE TABLE parent (id int PRIMARY KEY, n int DEFAULT 0); INSERT INTO parent SELECT generate_series(1, 1000)",
        "CREATE TABLE child (id serial PRIMARY KEY, parent int REFERENCES parent, n int)",
        "CREATE TABLE parts (id serial, parent int REFERENCES parent) PARTITION BY HASH (id)",
        "CREATE TABLE part_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
        "CREATE TABLE part_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
        "CREATE TABLE total (n bigint PRIMARY KEY); INSERT INTO total VALUES (0)",
    ]);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let users: Vec<_> = (0..2)
            .map(|user| {
                let (pair, over) = (&pair, &over);
                scope.spawn(move || {
                    let mut client = pair.source.connect();
                    let mut n = 1000 + user;
                    while !over.load(Ordering::Relaxed) {
                        n += 2;
                        client
                            .batch_execute(&format!(
                                "BEGIN; INSERT INTO parent VALUES ({n}, 1); INSERT INTO child (parent, n) VALUES ({n}, {n});
                                 INSERT INTO parts (parent) VALUES ({n}), ({n}); UPDATE parent SET n = n + 1 WHERE id = {n} % 1000 + 1;
                                 UPDATE total SET n = n + 1; COMMIT"
                            ))
                            .expect("a transaction");
                        std::thread::sleep(Duration::from_millis(1));
                    }
                })
            })
            .collect();
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            start_with(&pair, "", Duration::ZERO)
        }));
        over.store(true, Ordering::Relaxed);
        for user in users {
            user.join().expect("a user");
        }
        done.expect("no panic")
            .unwrap_or_else(|problem| panic!("{problem}"));
    });
    expect_same(&pair);
    let positions = pair
        .destination
        .value("SELECT count(DISTINCT lsn) FROM dts_migrate.\"table\"")
        .parse::<u32>()
        .expect("a number");
    assert!(positions >= 3, "{positions} snapshots");
    for (query, want) in [
        (
            "SELECT count(*) FROM pg_constraint WHERE NOT convalidated",
            "0",
        ),
        (
            "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conparentid = 0",
            "2",
        ),
    ] {
        pair.destination.expect_value(query, want);
    }
    end(&pair);
}

/// Code of users runs with their own rights only, whatever it is a part of.
#[test]
fn code_of_users() {
    if is_old() {
        // Before 16 PostgreSQL's subscription itself has its owner's rights: the source must be trusted (security.md, I8).
        return;
    }
    let pair = Pair::bare(&servers(), "start_code");
    let name = pair.source.database.clone();
    pair.source.run(&format!(
        "CREATE ROLE {name}_mallory LOGIN; GRANT CREATE ON DATABASE {name} TO {name}_mallory"
    ));
    let mut mallory = pair.source.connect_as(Some(&format!("{name}_mallory")));
    let made = mallory.batch_execute(&format!(
        "CREATE SCHEMA m;
         CREATE FUNCTION m.attack() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
           BEGIN EXECUTE 'RESET ROLE'; EXCEPTION WHEN OTHERS THEN NULL; END;
           BEGIN EXECUTE 'ALTER ROLE {name}_mallory SUPERUSER'; EXCEPTION WHEN OTHERS THEN NULL; END; END $$;
         CREATE FUNCTION m.evil(x int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM m.attack(); RETURN x; END $$;
         CREATE DOMAIN m.d AS int CHECK (m.evil(value) = value);
         CREATE TYPE m.c AS (a m.d);
         CREATE TABLE m.in_check (x int CHECK (m.evil(x) = x)); INSERT INTO m.in_check VALUES (1);
         CREATE TABLE m.in_domain (x m.d); INSERT INTO m.in_domain VALUES (1);
         CREATE TABLE m.in_array (x m.d[]); INSERT INTO m.in_array VALUES ('{{1}}');
         CREATE TABLE m.in_composite (x m.c); INSERT INTO m.in_composite VALUES (ROW(1));
         CREATE TABLE m.generated (x int, y int GENERATED ALWAYS AS (m.evil(x)) STORED); INSERT INTO m.generated VALUES (1);
         CREATE TABLE m.parts (x int) PARTITION BY LIST (m.evil(x)); CREATE TABLE m.part PARTITION OF m.parts FOR VALUES IN (1);
         INSERT INTO m.parts VALUES (1);
         CREATE TABLE m.indexed (x int); INSERT INTO m.indexed VALUES (1); CREATE INDEX ON m.indexed (m.evil(x));
         CREATE MATERIALIZED VIEW m.view AS SELECT m.evil(1) AS x;
         CREATE FUNCTION m.evil(t text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM m.attack(); RETURN true; END $$;
         CREATE DOMAIN m.dt AS text CHECK (m.evil(value));
         CREATE TABLE m.by_cast (a text PRIMARY KEY, CHECK ((a::m.dt) IS NOT NULL)); INSERT INTO m.by_cast VALUES ('a');
         CREATE TABLE m.by_builtin (a text, CHECK (length(query_to_xml('SELECT m.attack()', true, true, '')::text) > 0));
         INSERT INTO m.by_builtin VALUES ('a');
         CREATE TABLE m.generated_cast (a text, b text GENERATED ALWAYS AS ((a::m.dt)::text) STORED); INSERT INTO m.generated_cast VALUES ('a');
         CREATE TYPE m.e AS ENUM ('a'); CREATE FUNCTION m.as_int(m.e) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM m.attack(); RETURN 1; END $$;
         CREATE CAST (m.e AS int) WITH FUNCTION m.as_int(m.e) AS IMPLICIT; CREATE TABLE m.p (id int PRIMARY KEY); INSERT INTO m.p VALUES (1);
         CREATE TABLE m.referencing (x m.e REFERENCES m.p); INSERT INTO m.referencing VALUES ('a');
         CREATE TABLE m.own_type (a int PRIMARY KEY);
         CREATE FUNCTION m.of_row(r m.own_type) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM m.attack(); RETURN true; END $$;
         ALTER TABLE m.own_type ADD CHECK (m.of_row(own_type)); INSERT INTO m.own_type VALUES (1);
         CREATE TABLE m.harmless (x int CHECK (x > 0 AND x IN (1, 2)), y text CHECK (length(y) < 5 OR y IS NULL),
           z numeric GENERATED ALWAYS AS (CASE WHEN x > 1 THEN 2.5 ELSE x * 1.5 END) STORED); INSERT INTO m.harmless VALUES (1)"
    ));
    made.unwrap_or_else(|error| panic!("{}", super::pair::describe(&error)));
    drop(mallory);
    started(&pair, "");
    for node in [&pair.source, &pair.destination] {
        node.expect_value(
            &format!("SELECT rolsuper FROM pg_roles WHERE rolname = '{name}_mallory'"),
            "false",
        );
    }
    for table in [
        "own_type",
        "by_cast",
        "by_builtin",
        "generated_cast",
        "referencing",
        "in_check",
        "in_domain",
        "in_array",
        "in_composite",
        "generated",
        "part",
        "indexed",
        "view",
        "harmless",
    ] {
        pair.destination
            .expect_value(&format!("SELECT count(*) FROM m.{table}"), "1");
    }
    let left = states(&pair);
    for (table, is_left) in [
        ("own_type", "t"),
        ("by_cast", "t"),
        ("by_builtin", "t"),
        ("generated_cast", "t"),
        ("in_check", "t"),
        ("in_array", "t"),
        ("in_composite", "t"),
        ("part", "t"),
        ("harmless", "f"),
    ] {
        assert!(left.contains(&format!("{table} {is_left}")), "{left:?}");
    }
    // the attack is good: with the rights of a superuser it succeeds
    pair.source.run("SELECT m.evil(1)");
    pair.source.expect_value(
        &format!("SELECT rolsuper FROM pg_roles WHERE rolname = '{name}_mallory'"),
        "true",
    );
}

/// Roles and what belongs to the database, texts of users among them that look like commands.
#[test]
fn roles_and_database() {
    let pair = Pair::bare(&servers(), "start_globals");
    let name = pair.source.database.clone();
    // What is there stays as it is. First, since other tests' migrations between these servers take along all roles of the source.
    pair.destination.run(&format!(
        "CREATE ROLE {name}_both CREATEDB; CREATE ROLE {name}_root SUPERUSER"
    ));
    pair.source.run(&format!(
        r#"CREATE ROLE {name}_app LOGIN PASSWORD 'secret' CONNECTION LIMIT 7 VALID UNTIL '2040-01-01';
           CREATE ROLE {name}_group NOINHERIT CREATEROLE; GRANT {name}_group TO {name}_app WITH ADMIN OPTION;
           CREATE ROLE "{name} ""odd@"; ALTER ROLE "{name} ""odd@" IN DATABASE {name} SET work_mem = '7MB';
           COMMENT ON ROLE {name}_app IS E'a\nALTER ROLE {name}_app SUPERUSER;\n''';
           ALTER ROLE {name}_app SET application_name = E'x\nALTER ROLE {name}_app SUPERUSER;';
           ALTER ROLE {name}_app IN DATABASE {name} SET search_path = "$user", app, "Odd, one";
           CREATE SCHEMA app; ALTER DATABASE {name} SET search_path = app, public; ALTER DATABASE {name} SET my.own = 'a ''b';
           ALTER DATABASE {name} OWNER TO {name}_app; COMMENT ON DATABASE {name} IS 'it''s'; REVOKE CONNECT ON DATABASE {name} FROM PUBLIC;
           GRANT CONNECT ON DATABASE {name} TO {name}_group WITH GRANT OPTION; CREATE TABLE app.t (id int PRIMARY KEY);
           GRANT SELECT ON app.t TO {name}_group; CREATE ROLE {name}_both; CREATE ROLE {name}_root; GRANT {name}_root TO {name}_app;
           GRANT pg_monitor TO {name}_app"#
    ));
    started(&pair, "");
    let queries = [
        format!(
            "SELECT string_agg(concat_ws(',', rolname, rolsuper, rolinherit, rolcreaterole, rolcanlogin, rolconnlimit, rolpassword,
               rolvaliduntil AT TIME ZONE 'UTC', shobj_description(oid, 'pg_authid')), '; ' ORDER BY rolname)
             FROM pg_authid WHERE rolname LIKE '{name}%' AND rolname NOT IN ('{name}_both', '{name}_root')"
        ),
        format!(
            "SELECT string_agg(x, ';' ORDER BY x COLLATE \"C\") FROM (SELECT concat_ws(',', g.rolname, m.rolname, admin_option) AS x FROM pg_auth_members a
             JOIN pg_roles g ON g.oid = roleid JOIN pg_roles m ON m.oid = member WHERE g.rolname <> '{name}_root' AND m.rolname LIKE '{name}%') s"
        ),
        format!(
            "SELECT string_agg(x, ';' ORDER BY x COLLATE \"C\") FROM (SELECT concat_ws(',', r.rolname, d.datname, (SELECT string_agg(c, ',' ORDER BY c) FROM unnest(setconfig) c)) AS x
             FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = setrole LEFT JOIN pg_database d ON d.oid = setdatabase
             WHERE r.rolname LIKE '{name}%' OR d.datname = '{name}') s"
        ),
        "SELECT concat_ws(',', pg_get_userbyid(datdba), shobj_description(oid, 'pg_database'),
           (SELECT string_agg(a::text, ',' ORDER BY a::text) FROM unnest(datacl) a)) FROM pg_database WHERE datname = current_database()"
            .to_owned(),
    ];
    for query in &queries {
        assert_eq!(
            pair.source.value(query),
            pair.destination.value(query),
            "{query}"
        );
    }
    pair.destination.expect_value(
        &format!("SELECT rolcreatedb FROM pg_roles WHERE rolname = '{name}_both'"),
        "true",
    );
    // nobody comes there before the switch
    pair.destination.expect_value(
        "SELECT datconnlimit FROM pg_database WHERE datname = current_database()",
        "0",
    );
    // the role of that name is another one there
    pair.destination.expect_value(
        &format!("SELECT pg_has_role('{name}_app', '{name}_root', 'MEMBER')"),
        "false",
    );
    pair.source.run("INSERT INTO app.t VALUES (1)");
    pair.destination.expect_value("SELECT count(*) FROM t", "1");
}

/// A role that the DBA makes while start would do so is his, with rights that nobody else gets by it, and abort leaves it there.
#[test]
fn role_made_meanwhile() {
    let pair = Pair::bare(&servers(), "start_meanwhile");
    let name = pair.source.database.clone();
    let mut dba = pair.destination.connect();
    let pid: i32 = dba
        .query_one("SELECT pg_backend_pid()", &[])
        .expect("a pid")
        .get(0);
    dba.batch_execute(&format!("BEGIN; CREATE ROLE {name}_root SUPERUSER"))
        .expect("a role that nobody sees yet");
    pair.source.run(&format!(
        "CREATE ROLE {name}_app; CREATE ROLE {name}_root; GRANT {name}_root TO {name}_app"
    ));
    std::thread::scope(|scope| {
        let start = scope.spawn(|| try_start(&pair, ""));
        let waiting = format!(
            "SELECT count(*) > 0 FROM pg_stat_activity WHERE {pid} = ANY (pg_blocking_pids(pid))"
        );
        while pair.destination.value(&waiting) != "true" && !start.is_finished() {
            std::thread::sleep(Duration::from_millis(20));
        }
        dba.batch_execute("COMMIT").expect("a role");
        let done = start.join().expect("no panic");
        done.unwrap_or_else(|problem| panic!("{problem}"));
    });
    pair.destination.expect_value(
        &format!("SELECT pg_has_role('{name}_app', '{name}_root', 'MEMBER')"),
        "false",
    );
    pair.destination.expect_value(
        &format!(
            "SELECT count(*) FROM dts_migrate.made WHERE kind = 'role' AND object = '{name}_root'"
        ),
        "0",
    );
    end(&pair);
}

/// Somebody else's schema of the record's name is not read.
#[test]
fn planted_record() {
    let pair = Pair::bare(&servers(), "start_planted");
    let name = pair.source.database.clone();
    for node in [&pair.source, &pair.destination] {
        node.run(&format!(
            "CREATE ROLE {name}_eve LOGIN; GRANT CREATE ON DATABASE {name} TO {name}_eve"
        ));
        let planted = node.connect_as(Some(&format!("{name}_eve"))).batch_execute(&format!(
            "CREATE SCHEMA dts_migrate; COMMENT ON SCHEMA dts_migrate IS 'dts-migrate: what of a migration to this database is done';
             CREATE FUNCTION dts_migrate.evil() RETURNS text LANGUAGE plpgsql AS $$ BEGIN ALTER ROLE {name}_eve SUPERUSER; RETURN 's'; END $$;
             CREATE VIEW dts_migrate.migration AS SELECT dts_migrate.evil() AS name, 's'::text AS source, 's'::text AS source_system,
               '1'::text AS source_database, false AS trust_source, 'starting'::text AS phase"
        ));
        planted.unwrap_or_else(|error| panic!("{}", super::pair::describe(&error)));
    }
    let of_eve = |node: &Node| {
        node.expect_value(
            &format!("SELECT rolsuper FROM pg_roles WHERE rolname = '{name}_eve'"),
            "false",
        );
    };
    let problem = try_start(&pair, "").expect_err("a schema of somebody else");
    assert!(problem.what.contains("schema dts_migrate"), "{problem}");
    let (source, target) = (
        of(Side::Source, &pair.source),
        of(Side::Destination, &pair.destination),
    );
    let _ = dts_migrate::status::status(&source, &target, true).text();
    for node in [&pair.source, &pair.destination] {
        of_eve(node);
        // the attack is good
        node.run("SELECT name FROM dts_migrate.migration");
        node.expect_value(
            &format!("SELECT rolsuper FROM pg_roles WHERE rolname = '{name}_eve'"),
            "true",
        );
    }
}

/// What is refused, with both sides as they were; and a database that start makes itself.
#[test]
fn refusals() {
    let pair = Pair::bare(&servers(), "start_refused");
    pair.source.run("CREATE TABLE t (id int)");
    pair.destination.run("CREATE TABLE there (id int)");
    let before = |node: &Node| {
        node.value("SELECT concat_ws(' ', (SELECT count(*) FROM pg_extension), (SELECT count(*) FROM pg_namespace), (SELECT count(*) FROM pg_publication))")
    };
    let both = [before(&pair.source), before(&pair.destination)];
    let problem = try_start(&pair, "").expect_err("a target that is not empty");
    assert!(
        problem.what.contains("is not empty: table public.there"),
        "{problem}"
    );
    assert_eq!(both, [before(&pair.source), before(&pair.destination)]);
    pair.destination.run(
        "DROP TABLE there; CREATE SCHEMA dts_ddl_other; CREATE TABLE dts_ddl_other.there (id int)",
    );
    let problem = try_start(&pair, "").expect_err("a target that is not empty");
    assert!(
        problem
            .what
            .contains("is not empty: table dts_ddl_other.there"),
        "{problem}"
    );
    let name = pair.destination.database.clone();
    pair.destination
        .cluster()
        .connect("postgres")
        .batch_execute(&format!("DROP DATABASE {name}"))
        .expect("DROP DATABASE");
    started(&pair, "publication");
    pair.destination.expect_value(
        "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()",
        "UTF8",
    );
    let age = Duration::from_secs(60);
    let problem = start_as(&pair, Some("another"), "", age).expect_err("another name");
    assert!(
        problem.what.contains(&format!(
            "begun with the name {}, not another",
            pair.source.database
        )),
        "{problem}"
    );
    start_as(&pair, None, "schema", age).unwrap_or_else(|problem| panic!("{problem}"));
    let (source, target) = (
        of(Side::Source, &pair.source),
        of(Side::Destination, &pair.destination),
    );
    // that there is no subscription yet is no error
    let status = dts_migrate::status::status(&source, &target, true);
    assert!(
        !status.text().contains("no subscription"),
        "{}",
        status.text()
    );
    assert_eq!(
        status.exit_status(),
        dts_migrate::status::FINE,
        "{}",
        status.text()
    );
    pair.source
        .run("SELECT pg_drop_replication_slot(current_database())");
    let problem = try_start(&pair, "").expect_err("the slot is gone");
    assert!(
        problem.what.contains("is gone from the source"),
        "{problem}"
    );
}

/// Nothing is made where source and target are one.
#[test]
fn one_database() {
    let pair = Pair::bare(&servers(), "start_one");
    let node = &pair.source;
    let (source, target) = (of(Side::Source, node), of(Side::Destination, node));
    let objects = "(SELECT count(*) FROM pg_extension) + (SELECT count(*) FROM pg_namespace) + (SELECT count(*) FROM pg_publication)";
    let before = node.value(objects);
    let pg_dump = node.cluster().installation.program("pg_dump");
    let options = Options {
        name: None,
        jobs: 2,
        trust_source: true,
        source_for_target: None,
        index_memory: "16MB".to_owned(),
        snapshot_age: Duration::from_secs(60),
        until: None,
    };
    let problem = start(
        &source,
        &target,
        &options,
        pg_dump.parent(),
        &Output::none(),
    )
    .expect_err("one database");
    assert!(problem.what.contains("are the same database"), "{problem}");
    assert_eq!(node.value(objects), before);
}
