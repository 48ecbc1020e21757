//! Portable apply (`sql/portable/apply.sql`): a destination that has neither the extension nor its library, behind a stock subscription or
//! behind a program that inserts rows.

use super::apply_attack::{COMMANDS, arm, nothing_gained};
use super::documents::document;
use super::pair::{Node, Pair, Servers, connect_nodes, describe, same_rows, same_schema, wait_for};
use super::server::{server, skipped, value};
use super::shell::Shell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

const APPLY: &str = include_str!("../../sql/portable/apply.sql");
const REMOVE: &str = include_str!("../../sql/portable/remove_apply.sql");
/// What neither side is to have in common with the other.
const TABLE: &str = "public.dts_ddl_command";

/// Nothing is preloaded on them, and no other test uses them.
fn servers() -> Arc<Servers> {
    static SERVERS: LazyLock<Arc<Servers>> = LazyLock::new(Servers::not_preloaded);
    Arc::clone(&SERVERS)
}

/// A captured source, and a destination with portable apply that follows it from the slot on, by a stock subscription.
fn pair(topic: &str) -> Pair {
    let pair = unjoined(topic, APPLY);
    join(&pair);
    pair
}

fn unjoined(topic: &str, destination: &str) -> Pair {
    let pair = Pair::bare(&servers(), topic);
    pair.source
        .run("CREATE EXTENSION dts_ddl_capture; CREATE PUBLICATION p FOR ALL TABLES");
    pair.destination.run(destination);
    pair
}

fn join(pair: &Pair) {
    let name = &pair.source.database;
    pair.source.run(&format!(
        "SELECT pg_create_logical_replication_slot('{name}', 'pgoutput')"
    ));
    connect_nodes(
        &pair.source,
        &pair.destination,
        name,
        "p",
        "copy_data = false, create_slot = false,",
    );
}

/// Nothing of ours is loaded where the rows are applied.
fn has_no_library(node: &Node, subscription: &str) {
    assert_eq!(
        node.value("SELECT count(*) FROM pg_extension WHERE extname = 'dts_ddl_capture'"),
        "0"
    );
    // ENABLE returns before the launcher has started it
    let end = Instant::now() + Duration::from_secs(60);
    let workers = loop {
        let workers = node.column(&format!(
            "SELECT pid FROM pg_stat_subscription WHERE pid IS NOT NULL AND subname = '{subscription}'"
        ));
        if !workers.is_empty() || Instant::now() > end {
            break workers;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(workers.len(), 1, "{workers:?}");
    let libraries =
        std::fs::read_to_string(format!("/proc/{}/maps", workers[0])).expect("what it has loaded");
    assert!(libraries.contains("/postgres"), "{libraries}");
    assert!(
        !libraries.contains("/dts_ddl_capture.so"),
        "the worker has the library"
    );
}

/// Ends the replication, removes capture and apply; then both sides are the same.
#[track_caller]
fn same_without_ours(pair: &Pair) {
    let (source, destination) = (&pair.source, &pair.destination);
    wait_for(source, destination, &destination.database);
    same_rows(source, destination, &["p".to_owned()], TABLE);
    let name = &destination.database;
    destination.run(&format!("ALTER SUBSCRIPTION {name} DISABLE"));
    destination.run(&format!("DROP SUBSCRIPTION {name}"));
    destination.run(REMOVE);
    source.run("DROP EXTENSION dts_ddl_capture");
    same_schema(source, destination);
}

fn log(node: &Node, what: &str) -> Vec<String> {
    node.column(&format!(
        "SELECT concat_ws(' | ', {what}) FROM dts_ddl_apply.log ORDER BY id"
    ))
}

fn error_of(node: &Node, role: Option<&str>, sql: &str) -> String {
    match node.connect_as(role).batch_execute(sql) {
        Ok(()) => panic!("no error: {sql}"),
        Err(error) => describe(&error),
    }
}

/// Where the library is preloaded it is in the worker of every subscription. It has no say in a database that is no destination of its own:
/// neither in what portable apply runs, nor in DDL of anybody's trigger.
#[test]
fn beside_the_library() {
    let pair = Pair::bare(&Servers::shared(), "papply_beside");
    pair.source
        .run("CREATE EXTENSION dts_ddl_capture; CREATE PUBLICATION p FOR ALL TABLES");
    pair.destination.run(APPLY);
    join(&pair);
    pair.source.run_each(&[
        "CREATE TABLE t (id int PRIMARY KEY)",
        "INSERT INTO t VALUES (1)",
    ]);
    wait_for(&pair.source, &pair.destination, &pair.destination.database);
    pair.destination.expect_value("SELECT count(*) FROM t", "1");
    pair.destination.run(
        "CREATE FUNCTION made() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN CREATE TABLE public.by_trigger (x int); RETURN new; END';
         CREATE TRIGGER made BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION made(); ALTER TABLE t ENABLE ALWAYS TRIGGER made",
    );
    pair.source.run("INSERT INTO t VALUES (2)");
    wait_for(&pair.source, &pair.destination, &pair.destination.database);
    pair.destination
        .expect_value("SELECT count(*) FROM by_trigger", "0");
}

/// Nor in the rights of what rows of a superuser's table call there: they are those that PostgreSQL gives.
#[test]
fn rights_beside_the_library() {
    let pair = Pair::bare(&Servers::shared(), "papply_rights");
    pair.source.run(
        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); CREATE PUBLICATION p FOR ALL TABLES",
    );
    pair.destination.run(
        "CREATE FUNCTION own() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN current_user; END';
         CREATE FUNCTION tells() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.told VALUES (current_user); RETURN new; END';
         REVOKE EXECUTE ON FUNCTION own(), tells() FROM public;
         CREATE TABLE told (who text);
         CREATE TABLE t (id int PRIMARY KEY, who text DEFAULT own(), size bigint DEFAULT pg_database_size(current_database()),
           CHECK (own() = current_user));
         CREATE TRIGGER tells AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION tells(); ALTER TABLE t ENABLE ALWAYS TRIGGER tells",
    );
    let name = &pair.source.database;
    connect_nodes(&pair.source, &pair.destination, name, "p", "");
    wait_for(&pair.source, &pair.destination, name);
    pair.source.run("INSERT INTO t VALUES (2)");
    wait_for(&pair.source, &pair.destination, name);
    pair.destination.expect_value(
        "SELECT string_agg(concat_ws(' ', id, who = current_user, size > 0), ', ' ORDER BY id) FROM t",
        "1 t t, 2 t t",
    );
    pair.destination.expect_value(
        "SELECT string_agg((who = current_user)::text, ' ') FROM told",
        "true true",
    );
}

/// Commands of many kinds with rows between them, in transactions and alone.
#[test]
fn stock_subscription() {
    let pair = unjoined("papply", "");
    for node in [&pair.source, &pair.destination] {
        node.run(&format!(
            "CREATE ROLE papply_ann LOGIN; GRANT CREATE ON DATABASE {} TO papply_ann",
            node.database
        ));
    }
    pair.destination.run(APPLY);
    // over itself, and from nothing
    pair.destination.run(APPLY);
    pair.destination.run(REMOVE);
    assert_eq!(
        pair.destination.value(&format!("to_regclass('{TABLE}')")),
        "NULL"
    );
    pair.destination.run(APPLY);
    join(&pair);
    has_no_library(&pair.destination, &pair.destination.database);
    pair.source.run_each(&[
        "CREATE TABLE t (id int PRIMARY KEY, v text)",
        "INSERT INTO t VALUES (1, 'a'), (2, 'b')",
        "BEGIN; ALTER TABLE t ADD c int DEFAULT 7; INSERT INTO t VALUES (3, 'c', 9);
           CREATE TABLE u (id serial PRIMARY KEY, x int); INSERT INTO u (x) SELECT generate_series(1, 10);
           ALTER TABLE u ADD y int; UPDATE u SET y = x; ALTER TABLE t RENAME v TO w; INSERT INTO t VALUES (4, 'd', 1); COMMIT",
        "CREATE SCHEMA s1; CREATE SCHEMA s2; CREATE TYPE s2.mood AS ENUM ('x'); SET search_path = s1, s2",
        "CREATE TABLE of_first (m mood); INSERT INTO of_first VALUES ('x')",
        "BEGIN; CREATE TYPE e AS ENUM ('a'); CREATE TABLE em (x e DEFAULT 'a'); INSERT INTO em VALUES ('a'); COMMIT",
        "ALTER TYPE e ADD VALUE 'b'",
        "INSERT INTO em VALUES ('b')",
        "RESET search_path",
        "CREATE INDEX CONCURRENTLY ON t (c)",
        "CREATE /* first */ UNIQUE -- second\n INDEX concurrently IF NOT EXISTS \"concurrently\" ON t (w)",
        "REINDEX INDEX CONCURRENTLY \"concurrently\"",
        "REINDEX TABLE t",
        "DROP INDEX CONCURRENTLY \"concurrently\"",
        "COMMENT ON TABLE t IS 'DROP INDEX CONCURRENTLY; x'",
        "CREATE MATERIALIZED VIEW mv AS SELECT * FROM t",
        "CREATE UNIQUE INDEX ON mv (id)",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY mv",
        "CREATE TABLE part (a int, b text) PARTITION BY RANGE (a)",
        "CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10); CREATE TABLE \"part 2\" PARTITION OF part FOR VALUES FROM (10) TO (20)",
        "CREATE INDEX ON part (a); INSERT INTO part VALUES (1, 'a'), (11, 'b')",
        "REINDEX TABLE part_1",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.c := 5; RETURN NEW; END'",
        "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f(); INSERT INTO t VALUES (10, 'z', 1)",
        "SET DateStyle = 'German'; SET TimeZone = 'Europe/Berlin'",
        "CREATE TABLE dates (d date DEFAULT '1.2.2024', t timestamptz DEFAULT '1.2.2024 12:00'); INSERT INTO dates DEFAULT VALUES",
        "RESET DateStyle; RESET TimeZone; SET standard_conforming_strings = off; SET escape_string_warning = off",
        r"CREATE VIEW esc AS SELECT 'a\'b' AS x",
        "RESET standard_conforming_strings",
        "CREATE VIEW quotes AS SELECT '$dts$;''\"\\' AS \"a\"\"b %I\"",
        "CLUSTER t USING t_pkey",
        "CREATE TABLE lk (LIKE u INCLUDING ALL); CREATE TABLE lk2 (id int PRIMARY KEY, UNIQUE (id), x int UNIQUE)",
        "CREATE SEQUENCE sq; ALTER SEQUENCE sq OWNED BY lk2.x",
        "GRANT SELECT ON t TO papply_ann; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO papply_ann",
        "SET ROLE papply_ann; CREATE SCHEMA ann; SET search_path = ann, public",
        "CREATE TABLE mine (a int PRIMARY KEY, b int); INSERT INTO mine SELECT g, g FROM generate_series(1, 5) g",
        "CREATE TABLE as_made AS SELECT * FROM mine",
        "BEGIN; SAVEPOINT a; CREATE TABLE gone (a int); ROLLBACK TO a; CREATE TABLE stays (a int); INSERT INTO stays VALUES (1); COMMIT",
        "DO $$ BEGIN EXECUTE 'CREATE TABLE inside (x int)'; INSERT INTO inside VALUES (4); END $$",
        "RESET ROLE; RESET search_path",
        "ALTER TABLE ann.stays OWNER TO CURRENT_USER; ALTER TABLE ann.stays SET SCHEMA public; CREATE POLICY pol ON t USING (true); CREATE STATISTICS st ON id, w FROM t",
        "CREATE DOMAIN dom AS int CHECK (value > 0); ALTER TABLE t ADD dd dom; CREATE RULE r AS ON INSERT TO lk2 DO NOTHING",
        "CREATE AGGREGATE ag (int) (SFUNC = int4pl, STYPE = int, INITCOND = '0'); CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)",
        "CREATE TABLE owned_by_ann (x int); ALTER TABLE owned_by_ann OWNER TO papply_ann; CREATE PUBLICATION another",
        "SET ROLE papply_ann; CREATE TABLE ann.last_one (x int); DROP OWNED BY papply_ann; RESET ROLE",
        // what only this session has set
        "SET app.tenant = 'seven'",
        "CREATE MATERIALIZED VIEW tenant AS SELECT current_setting('app.tenant') AS t",
        // rows that were never in the stream
        "CREATE UNLOGGED TABLE late (x int); INSERT INTO late VALUES (1), (2)",
        "ALTER TABLE late SET LOGGED; INSERT INTO late VALUES (3)",
        if server().major >= 17 {
            "BEGIN; CREATE TYPE en AS ENUM ('x'); ALTER TYPE en ADD VALUE 'y'; CREATE TABLE of_en (e en DEFAULT 'y'); INSERT INTO of_en DEFAULT VALUES; COMMIT"
        } else {
            "SELECT 1"
        },
        "CREATE TABLE afterwards (x int); INSERT INTO afterwards VALUES (1)",
    ]);
    wait_for(&pair.source, &pair.destination, &pair.destination.database);
    let of = |status: &str| {
        pair.destination.column(&format!(
            "SELECT tag FROM dts_ddl_apply.log WHERE status = '{status}'"
        ))
    };
    assert!(of("applied").len() > 50, "{:?}", of("applied"));
    assert_eq!(
        pair.destination
            .column("SELECT tag || ': ' || note FROM dts_ddl_apply.log WHERE note IS NOT NULL AND tag <> 'REINDEX'"),
        ["CREATE PUBLICATION: publications belong to the server that publishes"]
    );
    assert_eq!(
        pair.destination
            .value("SELECT count(*) FROM pg_namespace WHERE nspname ~ '^dts_ddl_apply_'"),
        "0"
    );
    // each new table is in the subscription from its first row on
    assert_eq!(
        pair.destination
            .value("SELECT count(*) FROM pg_subscription_rel WHERE srsubstate <> 'r'"),
        "0"
    );
    assert_eq!(pair.destination.value("SELECT t FROM tenant"), "seven");
    has_no_library(&pair.destination, &pair.destination.database);
    same_without_ours(&pair);
    for node in [&pair.source, &pair.destination] {
        node.run("DROP OWNED BY papply_ann; DROP ROLE papply_ann");
    }
}

/// What is committed on the source between DETACH PARTITION CONCURRENTLY's two transactions needs another session there: the text alone.
#[test]
fn forms_without_concurrently() {
    let pair = unjoined("papplyplain", APPLY);
    for (tag, statement, plain) in [
        (
            "CREATE INDEX",
            "create unique index concurrently on t (x)",
            "create unique index  on t (x)",
        ),
        (
            "CREATE INDEX",
            "CREATE INDEX concurrently_x ON t (x)",
            "CREATE INDEX concurrently_x ON t (x)",
        ),
        (
            "CREATE INDEX",
            "CREATE INDEX \"concurrently\" ON t (x)",
            "CREATE INDEX \"concurrently\" ON t (x)",
        ),
        (
            "CREATE INDEX",
            "CREATE INDEX/* a */CONCURRENTLY i ON t (x)",
            "CREATE INDEX/* a */ i ON t (x)",
        ),
        (
            "CREATE INDEX",
            "CREATE INDEX i ON concurrently (concurrently)",
            "CREATE INDEX i ON concurrently (concurrently)",
        ),
        (
            "DROP INDEX",
            "DROP INDEX CONCURRENTLY IF EXISTS i",
            "DROP INDEX  IF EXISTS i",
        ),
        (
            "REINDEX",
            "REINDEX TABLE CONCURRENTLY t",
            "REINDEX TABLE  t",
        ),
        (
            "CREATE VIEW",
            "DROP INDEX CONCURRENTLY i",
            "DROP INDEX CONCURRENTLY i",
        ),
        (
            "ALTER TABLE",
            "ALTER TABLE ONLY s.\"a b\" DETACH PARTITION \"p CONCURRENTLY\".\"q\" CONCURRENTLY",
            "ALTER TABLE ONLY s.\"a b\" DETACH PARTITION \"p CONCURRENTLY\".\"q\"",
        ),
        (
            "ALTER TABLE",
            "ALTER TABLE a DETACH PARTITION b FINALIZE",
            "ALTER TABLE a DETACH PARTITION b",
        ),
        (
            "ALTER TABLE",
            "ALTER TABLE a DETACH PARTITION \"CONCURRENTLY\"",
            "ALTER TABLE a DETACH PARTITION \"CONCURRENTLY\"",
        ),
        (
            "ALTER TABLE",
            "ALTER TABLE a ALTER b SET DEFAULT 'x DETACH PARTITION y CONCURRENTLY'",
            "ALTER TABLE a ALTER b SET DEFAULT 'x DETACH PARTITION y CONCURRENTLY'",
        ),
    ] {
        let got: String = pair
            .destination
            .connect()
            .query_one(
                "SELECT dts_ddl_apply.plain_form($1, $2, false)",
                &[&tag, &statement],
            )
            .unwrap()
            .get(0);
        assert_eq!(got, plain);
    }
    if server().major < 14 {
        return;
    }
    join(&pair);
    pair.source.run_each(&[
        "CREATE TABLE p (a int) PARTITION BY RANGE (a); CREATE TABLE q PARTITION OF p FOR VALUES FROM (0) TO (10); INSERT INTO p VALUES (1)",
        "ALTER TABLE p DETACH PARTITION q CONCURRENTLY",
        "INSERT INTO q VALUES (2)",
        "CREATE TABLE h (a int) PARTITION BY HASH (a); CREATE TABLE h0 PARTITION OF h FOR VALUES WITH (MODULUS 1, REMAINDER 0); ALTER TABLE h DETACH PARTITION h0",
    ]);
    same_without_ours(&pair);
}

/// A source that has no library either: its CREATE TABLE AS comes behind the rows of the table, which are copied.
#[test]
fn both_portable() {
    let pair = Pair::bare(&servers(), "papplyboth");
    let (source, destination) = (&pair.source, &pair.destination);
    source.run(include_str!("../../sql/portable/install.sql"));
    source.run("CREATE PUBLICATION dts_sync_p FOR TABLE public.dts_ddl_command");
    destination.run(APPLY);
    let name = &source.database;
    source.run(&format!(
        "SELECT pg_create_logical_replication_slot('{name}', 'pgoutput')"
    ));
    connect_nodes(
        source,
        destination,
        name,
        "dts_sync_p",
        "copy_data = false, create_slot = false,",
    );
    source.run_each(&[
        "CREATE TABLE a (i int PRIMARY KEY)",
        "INSERT INTO a VALUES (1)",
        "BEGIN",
        "ALTER TABLE a ADD x int",
        "INSERT INTO a VALUES (2, 2)",
        "CREATE TABLE b AS SELECT * FROM a",
        "INSERT INTO b VALUES (3, 3)",
        "COMMIT",
        "CREATE INDEX CONCURRENTLY ON a (x)",
    ]);
    wait_for(source, destination, name);
    same_rows(source, destination, &["dts_sync_p".to_owned()], TABLE);
    assert_eq!(destination.value("SELECT count(*) FROM b"), "3");
    destination.run(&format!("ALTER SUBSCRIPTION {name} DISABLE"));
    destination.run(&format!("DROP SUBSCRIPTION {name}"));
    destination.run(REMOVE);
    source.run(include_str!("../../sql/portable/uninstall.sql"));
    same_schema(source, destination);
}

/// Where the server has chosen a name, it is the source's.
#[test]
fn names() {
    let pair = pair("papplynames");
    let (source, destination) = (&pair.source, &pair.destination);
    source.run("CREATE TABLE u (id serial PRIMARY KEY, x int UNIQUE, y int); CREATE INDEX ON u (y); CREATE TABLE lk_pkey (x int); CREATE TABLE lk_y_idx (x int); CREATE TABLE w_id_seq (x int)");
    wait_for(source, destination, &destination.database);
    destination.run("DROP TABLE lk_pkey, lk_y_idx, w_id_seq; CREATE TABLE lk_x_key (x int)");
    source.run("CREATE TABLE lk (LIKE u INCLUDING ALL)");
    let id = source.last_id();
    // what stands in the way is an error, and not another name
    pair.expect_error(&[&format!(
        "could not apply DDL command {id}: relation \"lk_x_key\" already exists"
    )]);
    destination.run("DROP TABLE lk_x_key");
    source.run(
        "CREATE TABLE w (id serial PRIMARY KEY); ALTER TABLE lk ADD UNIQUE (y), ADD UNIQUE (y, x)",
    );
    wait_for(source, destination, &destination.database);
    destination.run("CREATE TABLE lk_pkey (x int); CREATE TABLE lk_y_idx (x int); CREATE TABLE w_id_seq (x int)");
    source.run("DROP TABLE lk_pkey, lk_y_idx, w_id_seq");
    same_without_ours(&pair);
}

/// An error names the command; the stream goes on when its cause is mended, or when the command is skipped.
#[test]
fn errors() {
    let pair = pair("papplyerr");
    pair.destination
        .run("CREATE TABLE taken (mine int); CREATE TYPE taken_type AS (x int)");
    pair.source
        .run("CREATE TABLE taken (x int); INSERT INTO taken VALUES (1)");
    let id = pair.source.last_id();
    let entry = pair.expect_error(&[&format!(
        "could not apply DDL command {id}: relation \"taken\" already exists"
    )]);
    for part in [
        "The command was run by role",
        "CREATE TABLE taken (x int)",
        &format!("SELECT dts_ddl_apply.skip({id})"),
    ] {
        assert!(entry.contains(part), "{part}: {entry}");
    }
    assert_eq!(log(&pair.destination, "id"), Vec::<String>::new());
    pair.destination.run("DROP TABLE taken");
    wait_for(&pair.source, &pair.destination, &pair.destination.database);
    assert_eq!(pair.destination.value("SELECT x FROM taken"), "1");
    pair.source
        .run("CREATE TYPE taken_type AS (x int); CREATE TABLE next (t taken_type); INSERT INTO next VALUES ('(1)')");
    let id = pair.source.last_id() - 1;
    let entry = pair.expect_error(&["taken_type", "already exists"]);
    // where no subtransaction may be, the id stands in the context
    assert!(
        entry.contains(&format!("command_{id}")) || entry.contains(&format!("command {id}:")),
        "{entry}"
    );
    pair.destination
        .run(&format!("SELECT dts_ddl_apply.skip({id})"));
    wait_for(&pair.source, &pair.destination, &pair.destination.database);
    assert_eq!(
        log(&pair.destination, "status, tag"),
        [
            "applied | CREATE TABLE",
            "skipped",
            "applied | CREATE TABLE"
        ]
    );
    let error = error_of(
        &pair.destination,
        None,
        &format!("SELECT dts_ddl_apply.skip({id})"),
    );
    assert!(error.contains("has come already: skipped"), "{error}");
    same_without_ours(&pair);
}

/// A server that is killed goes on where it was, and runs nothing twice.
#[test]
fn killed() {
    let servers = Servers::not_preloaded();
    let pair = Pair::bare(&servers, "papplykill");
    pair.source
        .run("CREATE EXTENSION dts_ddl_capture; CREATE PUBLICATION p FOR ALL TABLES");
    pair.destination.run(APPLY);
    join(&pair);
    for round in 0..3 {
        for table in 0..10 {
            pair.source.run(&format!(
                "CREATE TABLE t_{round}_{table} (x int); INSERT INTO t_{round}_{table} SELECT generate_series(1, 100)"
            ));
        }
        servers.destination.kill_and_start(super::pair::OPTIONS);
    }
    wait_for(&pair.source, &pair.destination, &pair.destination.database);
    assert_eq!(
        pair.destination
            .value("SELECT count(*) FROM dts_ddl_apply.log WHERE status = 'applied'"),
        "30"
    );
    same_without_ours(&pair);
}

/// Without a superuser nothing may write pg_subscription_rel: new tables come by ALTER SUBSCRIPTION .. REFRESH PUBLICATION, which copies what
/// has been passed over until then, again and again while users make tables and rows.
#[test]
fn refreshed() {
    let pair = unjoined("papplyrefresh", "");
    let destination = &pair.destination;
    let user = &server().user;
    pair.source.run("CREATE ROLE papply_admin LOGIN");
    destination.run(&format!(
        "CREATE ROLE papply_admin LOGIN; GRANT CREATE ON DATABASE {} TO papply_admin; GRANT CREATE ON SCHEMA public TO papply_admin",
        destination.database
    ));
    destination
        .connect_as(Some("papply_admin"))
        .batch_execute(APPLY)
        .unwrap_or_else(|error| panic!("{}", describe(&error)));
    // whom the source's superuser is here
    destination.run(&format!(
        "INSERT INTO dts_ddl_apply.role_map VALUES ('{user}', 'papply_admin')"
    ));
    join(&pair);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = pair.source.connect();
            for table in 0..12 {
                client
                    .batch_execute(&format!(
                        "CREATE TABLE public.r{table} (id serial PRIMARY KEY, x int); INSERT INTO r{table} (x) SELECT generate_series(1, 50)"
                    ))
                    .unwrap();
                for other in 0..=table {
                    client
                        .batch_execute(&format!(
                            "INSERT INTO r{other} (x) VALUES ({table}); UPDATE r{other} SET x = x + 1 WHERE id % 7 = 0; DELETE FROM r{other} WHERE id = {table}"
                        ))
                        .unwrap();
                }
                if table % 4 == 3 {
                    client
                        .batch_execute(&format!("ALTER TABLE r{table} ADD y int DEFAULT {table}; INSERT INTO r{table} (y) VALUES (1)"))
                        .unwrap();
                }
                std::thread::sleep(Duration::from_millis(100));
            }
            is_over.store(true, Ordering::Relaxed);
        });
        let refresh = format!(
            "ALTER SUBSCRIPTION {} REFRESH PUBLICATION",
            destination.database
        );
        let start = Instant::now();
        loop {
            let was_over = is_over.load(Ordering::Relaxed);
            // a table whose command is still to come
            if let Err(error) = destination.connect().batch_execute(&refresh) {
                let error = describe(&error);
                assert!(error.contains("does not exist"), "{error}");
            } else if was_over
                && destination.value(
                    "SELECT count(*) FROM pg_subscription_rel WHERE srrelid::regclass::text ~ '^r'",
                ) == "12"
            {
                break;
            }
            assert!(
                start.elapsed() < Duration::from_secs(120),
                "{:?}",
                log(destination, "id, note")
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    wait_for(&pair.source, destination, &destination.database);
    same_rows(&pair.source, destination, &["p".to_owned()], TABLE);
    assert_eq!(
        destination
            .value("SELECT count(*) FROM dts_ddl_apply.log WHERE note LIKE '%REFRESH PUBLICATION'"),
        "12"
    );
}

/// A row as a sink writes it.
fn row(id: i64, role: &str, statement: &str, message: &str) -> String {
    format!(
        "INSERT INTO public.dts_ddl_command (id, username, tag, ddl_text, message)
         VALUES ({id}, '{role}', 'SOME TAG', $ddl${statement}$ddl$, '{{\"v\":1{message}}}')"
    )
}

const PUBLIC: &str = ",\"search_path\":[\"public\"]";

/// Plain INSERTs, as of a JDBC sink, by a role that may do nothing else; a role without superuser's rights runs the commands.
#[test]
fn rows_of_a_sink() {
    let pair = Pair::bare(&servers(), "papplysink");
    let node = &pair.destination;
    node.run(&format!(
        "CREATE ROLE papply_owner LOGIN; CREATE ROLE papply_sink LOGIN; CREATE ROLE papply_one LOGIN; CREATE ROLE papply_two LOGIN CREATEROLE;
         GRANT papply_one, papply_two TO papply_owner; GRANT CREATE ON DATABASE {} TO papply_owner, papply_one;
         GRANT CREATE ON SCHEMA public TO papply_owner, papply_one, papply_two",
        node.database
    ));
    node.connect_as(Some("papply_owner"))
        .batch_execute(&format!(
            "{APPLY}; GRANT INSERT, SELECT, UPDATE ON public.dts_ddl_command TO papply_sink; SELECT dts_ddl_apply.history(9)"
        ))
        .unwrap_or_else(|error| panic!("{}", describe(&error)));
    let mut sink = node.connect_as(Some("papply_sink"));
    let mut send = |sql: &str| {
        sink.batch_execute(sql)
            .unwrap_or_else(|error| panic!("{sql}: {}", describe(&error)));
    };
    let create = row(
        10,
        "papply_one",
        "CREATE TABLE t (id int PRIMARY KEY, v text)",
        PUBLIC,
    );
    send(&row(
        9,
        "papply_one",
        "CREATE TABLE of_history (x int)",
        PUBLIC,
    ));
    send(&create);
    send(&create);
    send(&format!("{create} ON CONFLICT (id) DO NOTHING"));
    send(&format!(
        "{create} ON CONFLICT (id) DO UPDATE SET tag = excluded.tag"
    ));
    // the row is pruned, and comes once more
    node.connect_as(Some("papply_owner"))
        .batch_execute("DELETE FROM public.dts_ddl_command")
        .unwrap();
    send(&create);
    send(&row(11, "papply_one", "GRANT ALL ON t TO PUBLIC", PUBLIC));
    send("INSERT INTO public.t VALUES (1, 'a')");
    send(&format!(
        "BEGIN; {}; INSERT INTO public.t VALUES (2, 'b', 3); {}; COMMIT",
        row(12, "papply_one", "ALTER TABLE t ADD n int", PUBLIC),
        row(
            13,
            "papply_one",
            "ALTER TABLE t ALTER n TYPE bigint",
            PUBLIC
        )
    ));
    send(&row(
        14,
        "papply_one",
        "CREATE PUBLICATION left_out",
        &format!("{PUBLIC},\"replay\":false,\"replay_reason\":\"its own\""),
    ));
    send(&format!(
        "BEGIN; {}; ROLLBACK",
        row(15, "papply_one", "CREATE TABLE rolled_back (x int)", PUBLIC)
    ));
    assert_eq!(
        log(node, "id, status, role, note"),
        [
            "9 | history",
            "10 | applied | papply_one",
            "11 | applied | papply_one",
            "12 | applied | papply_one",
            "13 | applied | papply_one",
            "14 | not for replay | its own"
        ]
    );
    assert_eq!(
        node.value("SELECT string_agg(t::text, ' ' ORDER BY id) || pg_get_userbyid((SELECT relowner FROM pg_class WHERE oid = 't'::regclass)) FROM t"),
        "(1,a,) (2,b,3)papply_one"
    );
    // the role of the row, and no more than it had
    for (sql, problem) in [
        (
            row(20, "papply_two", "CREATE TABLE two (x int)", PUBLIC),
            "may do more here than it could on the source: createrole",
        ),
        (
            row(20, "papply_nobody", "CREATE TABLE two (x int)", PUBLIC),
            "role \"papply_nobody\" does not exist",
        ),
        (
            row(
                20,
                "papply_one",
                "ALTER TABLE dts_ddl_command ADD x int",
                PUBLIC,
            ),
            "must be owner of table dts_ddl_command",
        ),
        (
            row(
                20,
                &server().user,
                "CREATE TABLE super (x int)",
                ",\"superuser\":true",
            ),
            "could not apply DDL command 20: must be",
        ),
        (
            row(20, "papply_one", "CREATE TABLE two (x int)", ",\"v\":2"),
            "is not of version 1",
        ),
        (
            "INSERT INTO public.dts_ddl_command (id, message) VALUES (20, 'no document')"
                .to_owned(),
            "could not apply DDL command 20: invalid input syntax for type json",
        ),
        (
            "SELECT dts_ddl_apply.skip(1)".to_owned(),
            "permission denied for schema dts_ddl_apply",
        ),
        (
            "DELETE FROM dts_ddl_apply.log".to_owned(),
            "permission denied for schema dts_ddl_apply",
        ),
        (
            "DELETE FROM public.dts_ddl_command".to_owned(),
            "permission denied for table dts_ddl_command",
        ),
    ] {
        let error = error_of(node, Some("papply_sink"), &sql);
        assert!(error.contains(problem), "{sql}: {error}");
    }
    send(&row(
        20,
        "papply_two",
        "CREATE TABLE two (x int)",
        &format!("{PUBLIC},\"rights\":[\"createrole\"]"),
    ));
    // what the rows of the sink call has its rights; it is not the replicator, and says so
    let inner = row(99, "papply_one", "CREATE ROLE made_by_row", PUBLIC)
        .replace('\'', "''")
        .replace("$ddl$", "$inner$");
    let by_row =
        format!("CREATE FUNCTION by_row() RETURNS int LANGUAGE sql AS '{inner} RETURNING 1'");
    send(&row(30, "papply_one", &by_row, PUBLIC));
    for (id, how) in [
        (
            21,
            "CREATE FUNCTION evil() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM by_row(); RETURN NEW; END'; CREATE TRIGGER e BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION evil()",
        ),
        (
            22,
            "DROP TRIGGER e ON t; CREATE CONSTRAINT TRIGGER e AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION evil()",
        ),
        (
            23,
            "DROP TRIGGER e ON t; ALTER TABLE t ALTER v SET DEFAULT by_row()::text",
        ),
    ] {
        send(&row(id, "papply_one", how, PUBLIC));
        let error = error_of(
            node,
            Some("papply_sink"),
            "INSERT INTO public.t (id) VALUES (7)",
        );
        assert!(
            error.contains("DDL command 99 was not sent by the replicator itself"),
            "{id}: {error}"
        );
    }
    assert_eq!(
        node.value("SELECT count(*) FROM information_schema.role_table_grants WHERE table_schema = 'dts_ddl_apply' AND grantee <> 'papply_owner'"),
        "0"
    );
    // none may be called, or made a trigger of anybody's table, but the one that runs what its caller has said, as its caller
    assert_eq!(
        node.column("SELECT proname FROM pg_proc WHERE pronamespace = 'dts_ddl_apply'::regnamespace AND has_function_privilege('papply_sink', oid, 'EXECUTE')"),
        ["run"]
    );
    node.connect_as(Some("papply_owner"))
        .batch_execute(REMOVE)
        .unwrap();
    assert_eq!(
        node.value("SELECT count(*) FROM pg_namespace WHERE nspname ~ '^dts'")
            + &node.value(&format!("to_regclass('{TABLE}')")),
        "0NULL"
    );
}

/// What stands in its place is refused, and nothing is made.
#[test]
fn in_the_place_of_others() {
    let pair = Pair::bare(&servers(), "papplyplace");
    let node = &pair.destination;
    node.run(&format!(
        "CREATE ROLE papply_squatter LOGIN; GRANT CREATE ON DATABASE {} TO papply_squatter; GRANT CREATE ON SCHEMA public TO papply_squatter",
        node.database
    ));
    for (make, problem, away) in [
        ("SET ROLE papply_squatter; CREATE TABLE dts_ddl_command (ddl_text text, id int8, tag text, username text, object_name text, message text)", "is not what portable apply can use", "DROP TABLE dts_ddl_command"),
        ("CREATE VIEW dts_ddl_command AS SELECT 1 AS id", "is not what portable apply can use", "DROP VIEW dts_ddl_command"),
        ("CREATE TABLE dts_ddl_command (id int8)", "is not what portable apply can use", "DROP TABLE dts_ddl_command"),
        ("SET ROLE papply_squatter; CREATE SCHEMA dts_ddl_apply", "schema \"dts_ddl_apply\" belongs to another role", "DROP SCHEMA dts_ddl_apply"),
        ("CREATE SCHEMA dts_ddl_apply", "schema \"dts_ddl_apply\" already exists", "DROP SCHEMA dts_ddl_apply"),
        ("CREATE SCHEMA dts_ddl_apply; CREATE TABLE dts_ddl_apply.own (x int); GRANT ALL ON SCHEMA dts_ddl_apply TO papply_squatter; SET ROLE papply_squatter;
          CREATE FUNCTION dts_ddl_apply.run() RETURNS boolean LANGUAGE sql AS 'SELECT true'", "an object in schema \"dts_ddl_apply\" belongs to another role", "DROP SCHEMA dts_ddl_apply CASCADE"),
        ("CREATE EXTENSION dts_ddl_capture", "extension dts_ddl_capture is installed", "DROP EXTENSION dts_ddl_capture"),
        (include_str!("../../sql/portable/install.sql"), "this database captures DDL itself", include_str!("../../sql/portable/uninstall.sql")),
    ] {
        node.run(make);
        let error = error_of(node, None, APPLY);
        assert!(error.contains(problem), "{error}");
        node.run(away);
    }
    let error = error_of(node, Some("papply_squatter"), REMOVE);
    assert!(error.contains("is not installed"), "{error}");
    // a table with rows: these are history
    node.run("CREATE TABLE dts_ddl_command (ddl_text text, id int8 PRIMARY KEY, tag text, username text, object_name text, message text); INSERT INTO dts_ddl_command (id) VALUES (5)");
    node.run(APPLY);
    let error = error_of(node, Some("papply_squatter"), REMOVE);
    assert!(
        error.contains("permission denied") || error.contains("belongs to another role"),
        "{error}"
    );
    node.run(&row(
        4,
        "papply_squatter",
        "CREATE TABLE old (x int)",
        PUBLIC,
    ));
    node.run(&row(
        6,
        "papply_squatter",
        "CREATE TABLE new (x int)",
        PUBLIC,
    ));
    assert_eq!(log(node, "id, status"), ["4 | history", "6 | applied"]);
    node.run(REMOVE);
    // which it has not made
    assert_eq!(node.value("SELECT count(*) FROM dts_ddl_command"), "3");
}

/// Commands of a hostile role, as superuser on the destination: whatever they call has that role's rights, and nothing of it stays.
#[test]
fn hostile_commands() {
    let role = "mallory_ddl";
    let pair = pair("papplyattack");
    arm(&pair, role);
    let mut client = pair.source.connect_as(Some(role));
    // nothing in there may set a role, not even its own
    for sql in COMMANDS.iter().filter(|sql| !sql.contains("SET role =")) {
        client
            .batch_execute(sql)
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
    wait_for(&pair.source, &pair.destination, &pair.destination.database);
    assert_eq!(
        pair.destination
            .value("to_regclass('mallory_ddl.last_one')"),
        "mallory_ddl.last_one"
    );
    nothing_gained(&pair.source, role);
    // a row tells of the settings that its command has read: it was the source's
    pair.destination
        .run("DELETE FROM mallory_ddl.seen WHERE what LIKE 'a setting is left, at %'");
    nothing_gained(&pair.destination, role);
    let called: i32 = (pair
        .destination
        .value("SELECT count(*) FROM mallory_ddl.seen"))
    .parse()
    .unwrap();
    assert!(called > 10, "{called}");
    has_no_library(&pair.destination, &pair.destination.database);
    // what a command wants of its own, and of others
    for (statement, problem) in [
        ("RESET ROLE; CREATE ROLE mallory_made SUPERUSER", "cannot set parameter \"role\" within security-definer function"),
        ("CREATE TEMP TABLE left_behind (x int)", "cannot create temporary table within security-restricted operation"),
        ("DECLARE c CURSOR WITH HOLD FOR SELECT f(''held'')", "cannot create a cursor WITH HOLD within security-restricted operation"),
        ("COMMIT", "EXECUTE of transaction commands is not implemented"),
        ("CREATE TABLE late (x int); CREATE CONSTRAINT TRIGGER tr AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION t();
          ALTER TABLE late ENABLE ALWAYS TRIGGER tr; INSERT INTO late VALUES (1)", "cannot fire deferred trigger within security-restricted operation"),
        ("DROP OWNED BY mallory_ddl CASCADE; RESET ROLE", "because it is being used by active queries"),
    ] {
        let statement = statement.replace("''", "'");
        let error = error_of(&pair.destination, None, &row(1_000_000, role, &statement, ",\"search_path\":[\"mallory_ddl\"]"));
        assert!(error.contains(problem), "{statement}: {error}");
    }
    // what a superuser has made there, and finds here
    let made = |kind: &str, name: &str| {
        format!(
            ",\"superuser\":true,\"search_path\":[],\"objects\":[{{\"op\":\"create\",\"type\":\"{kind}\",\"identity\":\"{name}\"}}]"
        )
    };
    for (kind, name, rest) in [
        ("table", "mallory_ddl.a", " ()"),
        ("schema", "mallory_ddl", ""),
    ] {
        let statement = format!("CREATE {kind} IF NOT EXISTS {name}{rest}");
        let sql = row(1_000_000, &server().user, &statement, &made(kind, name))
            .replace("SOME TAG", &format!("CREATE {}", kind.to_uppercase()));
        let error = error_of(&pair.destination, None, &sql);
        let want = format!("{name} is here already, and belongs to role \"mallory_ddl\"");
        assert!(error.contains(&want), "{error}");
    }
    let mut client = pair.destination.connect();
    let path = ",\"search_path\":[\"mallory_ddl\"]";
    client
        .batch_execute(&row(1_000_001, role, "SELECT f('settings')", path))
        .unwrap();
    for setting in [
        "mallory.left",
        "dts_ddl_apply.statement",
        "dts_ddl_apply.row",
    ] {
        let left = value(
            &mut client,
            &format!("SELECT coalesce(current_setting('{setting}', true), '')"),
        );
        assert_eq!(left, "", "{setting}");
    }
    assert_eq!(
        value(
            &mut client,
            "SELECT current_setting('search_path') || current_user"
        ),
        format!("\"$user\", public{}", server().user)
    );
    nothing_gained(&pair.destination, role);
}

/// What rows call: PostgreSQL itself confines it from 16 on.
#[test]
fn hostile_rows() {
    if server().major < 16 {
        return skipped(
            "hostile_rows",
            "before 16 rows have the rights of the subscription's owner, who must trust all who may run DDL",
        );
    }
    let role = "mallory_portable";
    let pair = pair("papplyrows");
    arm(&pair, role);
    let mut client = pair.source.connect_as(Some(role));
    for sql in [
        "CREATE TABLE a (id int PRIMARY KEY, e int DEFAULT f('default'), CHECK (f('check') = 1))",
        "CREATE INDEX ON a (i('index'), id); CREATE INDEX ON a (id) WHERE i('predicate') = 1",
        "CREATE TRIGGER before BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION t(); ALTER TABLE a ENABLE ALWAYS TRIGGER before",
        "CREATE TRIGGER after AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION t(); ALTER TABLE a ENABLE ALWAYS TRIGGER after",
        "BEGIN; INSERT INTO a (id) VALUES (1); CREATE TABLE between (x int DEFAULT f('between')); INSERT INTO a (id) VALUES (2); COMMIT",
    ] {
        client
            .batch_execute(sql)
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
    wait_for(&pair.source, &pair.destination, &pair.destination.database);
    // what rows have locked for the session is locked until the worker ends: PostgreSQL alone runs them
    pair.destination.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_subscription WHERE pid IS NOT NULL AND subname = current_database()",
    );
    pair.destination.expect_value(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 11",
        "0",
    );
    // before anybody reads the table: a query evaluates predicates of its indexes as whoever asks
    nothing_gained(&pair.destination, role);
    assert_eq!(
        pair.destination
            .value(&format!("SELECT count(*) FROM {role}.a")),
        "2"
    );
}

/// The commands of the document, while users make tables and rows, from an empty destination until nothing of ours is left.
#[test]
fn procedure() {
    let pair = Pair::bare(&servers(), "papplydoc");
    pair.source.run(
        "CREATE SCHEMA app; CREATE TABLE app.a (id serial PRIMARY KEY, v text); INSERT INTO app.a (v) SELECT 'old' FROM generate_series(1, 500);
         CREATE TABLE app.without_key AS SELECT * FROM app.a",
    );
    let blocks: Vec<String> = (document("docs/portable-apply.md").blocks())
        .into_iter()
        .filter(|block| block.language == "sh")
        .map(|block| {
            (block.text).replace(
                "sql/portable/",
                concat!(env!("CARGO_MANIFEST_DIR"), "/sql/portable/"),
            )
        })
        .collect();
    let [install, slot, moment, refresh] = &blocks[..] else {
        panic!("blocks: {blocks:#?}");
    };
    let shell = Shell::new(&pair);
    shell.run(install);
    shell.run(&document("docs/live.md").blocks()[0].text);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = pair.source.connect();
            client.batch_execute("SET lock_timeout = 0; SET statement_timeout = 0").unwrap();
            for n in 0.. {
                client
                    .batch_execute(&format!("INSERT INTO app.a (v) VALUES ('{n}'); UPDATE app.without_key SET v = '{n}' WHERE id = {n}"))
                    .unwrap();
                // not while the rows of old tables are copied: on 13 such a command waits for 10 seconds and more
                if n % 20 == 0 {
                    client
                        .batch_execute(&format!("CREATE TABLE app.n{n} (id int PRIMARY KEY, v text); INSERT INTO app.n{n} VALUES (1, 'a')"))
                        .unwrap();
                }
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let printed = shell.try_run(slot).and_then(|_| {
            std::thread::sleep(Duration::from_millis(300));
            shell.try_run(moment)
        });
        std::thread::sleep(Duration::from_millis(300));
        is_over.store(true, Ordering::Relaxed);
        let printed = printed.unwrap_or_else(|problem| panic!("{problem}"));
        assert!(!printed.contains("ERROR"), "{printed}");
    });
    wait_for(&pair.source, &pair.destination, "mig");
    shell.run(refresh);
    wait_for(&pair.source, &pair.destination, "mig");
    has_no_library(&pair.destination, "mig");
    same_rows(&pair.source, &pair.destination, &["mig".to_owned()], TABLE);
    pair.destination.run("DROP SUBSCRIPTION mig");
    shell.run(install.lines().last().expect("its end"));
    pair.source.run("DROP EXTENSION dts_ddl_capture");
    same_schema(&pair.source, &pair.destination);
}
