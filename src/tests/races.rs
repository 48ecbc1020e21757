//! Two sessions in each other's way at the worst moment.

use super::pair::Pair;
use super::server::Database;
use std::time::Duration;

/// Long enough for the other session to run into the lock.
pub const A_WHILE: Duration = Duration::from_millis(700);

/// A publication that is dropped while a new table is about to join it: no membership of a publication that is gone, which
/// would make every later command on the table fail.
#[test]
fn publication_dropped_meanwhile() {
    let database = Database::new("publication_race");
    let mut one = database.connect();
    one.batch_execute("CREATE PUBLICATION dts_sync_race; CREATE TABLE warm (x int)")
        .unwrap();
    one.batch_execute("BEGIN; DROP PUBLICATION dts_sync_race")
        .unwrap();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut two = database.connect();
            two.batch_execute("CREATE TABLE joined (x int primary key)")
                .unwrap();
        });
        std::thread::sleep(A_WHILE);
        one.batch_execute("COMMIT").unwrap();
        other.join().unwrap();
    });
    assert_eq!(
        database.value("SELECT count(*) FROM pg_publication_rel"),
        "0"
    );
    one.batch_execute("INSERT INTO joined VALUES (1); DELETE FROM joined; DROP TABLE joined")
        .unwrap();
    // and the other way round: the table joins first, the DROP PUBLICATION waits for it
    // not in one string with BEGIN, which would put it into the same transaction
    one.batch_execute("CREATE PUBLICATION dts_sync_race")
        .unwrap();
    one.batch_execute("BEGIN; CREATE TABLE first (x int primary key)")
        .unwrap();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut two = database.connect();
            two.batch_execute("DROP PUBLICATION dts_sync_race").unwrap();
        });
        std::thread::sleep(A_WHILE);
        one.batch_execute("COMMIT").unwrap();
        other.join().unwrap();
    });
    one.batch_execute("INSERT INTO first VALUES (1); DELETE FROM first; DROP TABLE first")
        .unwrap();
}

/// LOCK TABLE, then TRUNCATE or DROP EXTENSION, in one transaction: the DDL of another session waits and goes on; it never
/// ends in a deadlock.
#[test]
fn maintenance_in_one_transaction() {
    let database = Database::new("maintenance_race");
    let mut one = database.connect();
    for end in [
        "TRUNCATE public.dts_ddl_command RESTART IDENTITY",
        "ALTER TABLE public.dts_ddl_command OWNER TO CURRENT_USER",
        "DROP EXTENSION dts_ddl_capture",
    ] {
        one.batch_execute("BEGIN; LOCK TABLE public.dts_ddl_command")
            .unwrap();
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                let mut two = database.connect();
                two.batch_execute(
                    "CREATE TABLE waits (x int); DROP TABLE waits; CREATE TYPE wt AS ENUM (); DROP TYPE wt",
                )
            });
            std::thread::sleep(A_WHILE);
            let result = one.batch_execute(end);
            assert!(result.is_ok(), "{end}: {result:?}");
            one.batch_execute("COMMIT").unwrap();
            let result = other.join().unwrap();
            assert!(result.is_ok(), "DDL beside {end}: {result:?}");
        });
    }
}

/// A command cancelled while it waits for the capture table, under on_error = warning, inside a block that catches the
/// cancel: the session's transaction state stays in order.
#[test]
fn cancelled_while_recording() {
    let database = Database::new("cancel_race");
    let mut one = database.connect();
    let mut two = database.connect();
    two.batch_execute("CREATE TABLE warm (x int); SET dts_ddl_capture.on_error = warning; SET statement_timeout = '500ms'")
        .unwrap();
    one.batch_execute("BEGIN; LOCK TABLE public.dts_ddl_command")
        .unwrap();
    two.batch_execute(
        "DO $$ BEGIN CREATE TABLE q (x int); EXCEPTION WHEN query_canceled THEN NULL; END $$",
    )
    .unwrap();
    one.batch_execute("COMMIT").unwrap();
    two.batch_execute("RESET statement_timeout; CREATE TABLE after_cancel (x int)")
        .unwrap();
    two.batch_execute("BEGIN; CREATE TABLE once_more (x int); COMMIT")
        .unwrap();
    two.batch_execute("VACUUM warm").unwrap();
    database.expect(&[
        "CREATE TABLE warm (x int)",
        "CREATE TABLE after_cancel (x int)",
        "CREATE TABLE once_more (x int)",
    ]);
    assert_eq!(database.value("SELECT dts_ddl.gaps()"), "0");
}

/// Strangers' publications, and what strangers can do to others' ones, keep no CREATE TABLE waiting.
#[test]
fn publications_of_strangers() {
    let database = Database::new("stranger_race");
    let mut one = database.connect();
    let mut stranger = database.connect_as("publication_stranger");
    one.batch_execute(&format!(
        "GRANT CREATE ON DATABASE {} TO publication_stranger; CREATE PUBLICATION dts_sync_ours; SET lock_timeout = '2s'",
        database.name
    ))
    .unwrap();
    stranger
        .batch_execute("CREATE PUBLICATION dts_sync_x; SET lock_timeout = '5s'")
        .unwrap();
    let joined = "SELECT string_agg(DISTINCT pubname, ' ') FROM pg_publication_tables WHERE tablename <> 'dts_ddl_command'";
    for command in [
        "ALTER PUBLICATION dts_sync_x RENAME TO dts_sync_x2",
        "DROP PUBLICATION dts_sync_x",
        "COMMENT ON PUBLICATION dts_sync_x IS 'x'",
    ] {
        stranger.batch_execute("BEGIN").unwrap();
        stranger.batch_execute(command).unwrap();
        let result = one
            .batch_execute("CREATE TABLE a (x int); CREATE TABLE b AS SELECT 1 AS x; DROP TABLE b");
        assert!(result.is_ok(), "{command}: {result:?}");
        assert_eq!(database.value(joined), "dts_sync_ours");
        one.batch_execute("DROP TABLE a").unwrap();
        stranger.batch_execute("ROLLBACK").unwrap();
    }
    // An attempt that will be refused asks for the lock before it asks for the right.
    for command in [
        "DROP PUBLICATION dts_sync_ours",
        "ALTER PUBLICATION dts_sync_ours RENAME TO mine",
    ] {
        let mut holder = database.connect_as("publication_stranger");
        holder
            .batch_execute("BEGIN; CREATE TABLE publication_stranger.held (x int)")
            .unwrap();
        std::thread::scope(|scope| {
            let refused = scope.spawn(|| stranger.batch_execute(command));
            std::thread::sleep(A_WHILE);
            let result = one.batch_execute("CREATE TABLE a (x int)");
            assert!(result.is_ok(), "{command}: {result:?}");
            holder.batch_execute("ROLLBACK").unwrap();
            let refused = refused.join().unwrap().unwrap_err();
            assert_eq!(refused.code().unwrap().code(), "42501", "{refused:?}");
        });
        assert_eq!(database.value(joined), "dts_sync_ours");
        one.batch_execute("DROP TABLE a").unwrap();
    }
    drop(one);
    database
        .connect()
        .batch_execute("DROP PUBLICATION dts_sync_x; DROP OWNED BY publication_stranger; DROP ROLE publication_stranger")
        .unwrap();
}

/// Commands that lock the capture table before PostgreSQL refuses them: they are refused before, so that nobody's DDL waits behind
/// one that waits for an open transaction.
#[test]
fn commands_of_strangers() {
    let database = Database::new("stranger_lock");
    let mut holder = database.connect();
    let mut stranger = database.connect_as("lock_stranger");
    stranger
        .batch_execute(
            "CREATE TABLE parts (id bigint NOT NULL) PARTITION BY LIST (id); CREATE TABLE own (id bigint);
             CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; SET lock_timeout = '300ms'",
        )
        .unwrap();
    holder
        .batch_execute("BEGIN; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC")
        .unwrap();
    for command in [
        "CREATE RULE r AS ON INSERT TO public.dts_ddl_command DO NOTHING",
        "CREATE RULE r AS ON INSERT TO public.dts_ddl_command_id_seq DO NOTHING",
        "CREATE TRIGGER t BEFORE INSERT ON public.dts_ddl_command FOR EACH ROW EXECUTE FUNCTION f()",
        "CREATE CONSTRAINT TRIGGER t AFTER INSERT ON public.dts_ddl_command FOR EACH ROW EXECUTE FUNCTION f()",
        "CREATE TABLE x (id bigint REFERENCES public.dts_ddl_command)",
        "CREATE TABLE x (id bigint, FOREIGN KEY (id) REFERENCES public.dts_ddl_command (id))",
        "CREATE TEMP TABLE x (id bigint REFERENCES public.dts_ddl_command)",
        "CREATE TABLE x PARTITION OF public.dts_ddl_command DEFAULT",
        "ALTER TABLE own ADD FOREIGN KEY (id) REFERENCES public.dts_ddl_command",
        "ALTER TABLE own ADD COLUMN o bigint REFERENCES public.dts_ddl_command",
        "ALTER TABLE parts ATTACH PARTITION public.dts_ddl_command DEFAULT",
        "ALTER INDEX public.dts_ddl_command_pkey DEPENDS ON EXTENSION plpgsql",
        "CREATE SCHEMA AUTHORIZATION lock_stranger CREATE TABLE x (id bigint REFERENCES public.dts_ddl_command)",
        "DO $$ BEGIN CREATE RULE r AS ON INSERT TO public.dts_ddl_command DO NOTHING; END $$",
        "SET search_path = public; CREATE RULE r AS ON INSERT TO dts_ddl_command DO NOTHING",
        // those that ask for the right first
        "ALTER TABLE public.dts_ddl_command ADD COLUMN x int",
        "DROP TABLE public.dts_ddl_command",
        "CREATE INDEX ON public.dts_ddl_command (tag)",
        "CREATE POLICY p ON public.dts_ddl_command",
        "ALTER INDEX public.dts_ddl_command_pkey RENAME TO x",
        "ALTER SEQUENCE public.dts_ddl_command_id_seq RESTART",
        "DO $$ BEGIN LOCK TABLE public.dts_ddl_command; END $$",
        "TRUNCATE public.dts_ddl_command",
        "CLUSTER public.dts_ddl_command",
        "REINDEX TABLE public.dts_ddl_command",
    ] {
        let refused = stranger.batch_execute(command).unwrap_err();
        let code = refused.code().map(postgres::error::SqlState::code);
        assert!(code == Some("42501"), "{command}: {refused:?}");
    }
    holder.batch_execute("COMMIT").unwrap();
    // who may does
    holder
        .batch_execute(
            "GRANT REFERENCES, TRIGGER ON public.dts_ddl_command TO lock_stranger; CREATE RULE r AS ON DELETE TO public.dts_ddl_command DO ALSO NOTHING;
             DROP RULE r ON public.dts_ddl_command",
        )
        .unwrap();
    stranger
        .batch_execute(
            "CREATE TABLE dts_ddl_command (id bigint PRIMARY KEY); CREATE TABLE x (id bigint REFERENCES dts_ddl_command);
             CREATE TABLE y (id bigint REFERENCES public.dts_ddl_command)",
        )
        .unwrap();
    drop(stranger);
    holder
        .batch_execute("DROP OWNED BY lock_stranger CASCADE; DROP ROLE lock_stranger")
        .unwrap();
}

/// A DROP PUBLICATION of its owner that waits while another table joins: nothing is left of it, and nobody waited but the DROP.
#[test]
fn publication_dropped_behind_others() {
    let database = Database::new("drop_behind");
    let (mut one, mut two) = (database.connect(), database.connect());
    one.batch_execute("CREATE PUBLICATION dts_sync_race; SET lock_timeout = '2s'")
        .unwrap();
    two.batch_execute("CREATE TABLE warm (x int); SET lock_timeout = '2s'")
        .unwrap();
    one.batch_execute("BEGIN; CREATE TABLE first (x int PRIMARY KEY)")
        .unwrap();
    std::thread::scope(|scope| {
        let drop = scope.spawn(|| {
            database
                .connect()
                .batch_execute("SET lock_timeout = '10s'; DROP PUBLICATION dts_sync_race")
        });
        std::thread::sleep(A_WHILE);
        two.batch_execute("BEGIN; CREATE TABLE second (x int PRIMARY KEY)")
            .unwrap();
        one.batch_execute("COMMIT").unwrap();
        std::thread::sleep(A_WHILE);
        assert!(!drop.is_finished());
        two.batch_execute("CREATE TABLE third (x int PRIMARY KEY); COMMIT")
            .unwrap();
        let result = drop.join().unwrap();
        assert!(result.is_ok(), "{result:?}");
    });
    let left = "SELECT (SELECT count(*) FROM pg_publication_rel) + (SELECT count(*) FROM pg_depend WHERE classid = 'pg_publication_rel'::regclass)";
    assert_eq!(database.value(left), "0");
    for table in ["first", "second", "third"] {
        one.batch_execute(&format!(
            "INSERT INTO {table} VALUES (1); UPDATE {table} SET x = 2; DELETE FROM {table}; DROP TABLE {table}"
        ))
        .unwrap();
    }
}

/// What a stranger has left to be told of is told in portions, whose locks are soon given up, and not by what is prepared.
#[test]
fn indexes_left_by_others() {
    let database = Database::new("untold_many");
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE mine (x int); CREATE TABLE t (x int); SET dts_ddl_capture.enabled = off;
             DO $$ BEGIN FOR i IN 1 .. 250 LOOP EXECUTE format('CREATE INDEX left_%s ON t (x)', i); END LOOP; END $$;
             RESET dts_ddl_capture.enabled;
             INSERT INTO pg_depend SELECT 'pg_class'::regclass, indexrelid, 0, 'pg_proc'::regclass, 'pg_index_has_property'::regproc, 0, 'n'
               FROM pg_index WHERE indrelid = 't'::regclass",
        )
        .unwrap();
    // Marks are announced, but not those that are put down so: this session remembers that there are none.
    let mut client = database.connect();
    let told = |count: &str| {
        let rows = "SELECT count(*) FROM public.dts_ddl_command WHERE tag = 'CREATE INDEX'";
        assert_eq!(database.value(rows), count);
    };
    for statement in [
        "BEGIN",
        "ALTER TABLE mine ADD a int",
        "PREPARE TRANSACTION 'untold_many'",
    ] {
        client.batch_execute(statement).unwrap();
    }
    told("0");
    let locks = "SELECT count(*) FROM pg_locks l WHERE relation IN (SELECT oid FROM pg_class WHERE relname ~ '^left_') AND pid IS NULL";
    assert_eq!(database.value(locks), "0");
    client
        .batch_execute("COMMIT PREPARED 'untold_many'")
        .unwrap();
    told("100");
    for count in ["200", "250", "250"] {
        client
            .batch_execute("ALTER TABLE mine ADD b int; ALTER TABLE mine DROP b")
            .unwrap();
        told(count);
    }
}

/// An index that a failed build has left becomes part of a partitioned table's index while another session's command runs, which is
/// not about it: it still gets its rows when it becomes valid.
#[test]
fn index_attached_meanwhile() {
    let database = Database::new("attach_race");
    let mut one = database.connect();
    one.batch_execute(
        "CREATE TABLE p (a int, b int) PARTITION BY RANGE (a); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9);
         CREATE INDEX pi ON ONLY p ((a / b)); INSERT INTO p VALUES (1, 0); CREATE TABLE other (x int)",
    )
    .unwrap();
    one.batch_execute("CREATE INDEX CONCURRENTLY p1i ON p1 ((a / b))")
        .unwrap_err();
    let mut holder = database.connect();
    holder.batch_execute("BEGIN; LOCK TABLE other").unwrap();
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| {
            let mut two = database.connect();
            two.batch_execute("CREATE INDEX ON other (x)").unwrap();
        });
        std::thread::sleep(A_WHILE);
        one.batch_execute("ALTER INDEX pi ATTACH PARTITION p1i")
            .unwrap();
        holder.batch_execute("COMMIT").unwrap();
        waits.join().unwrap();
    });
    one.batch_execute("DELETE FROM p").unwrap();
    one.batch_execute("REINDEX INDEX CONCURRENTLY p1i").unwrap();
    assert_eq!(
        database.value(
            "SELECT string_agg(tag, ', ' ORDER BY id) FROM public.dts_ddl_command WHERE ddl_text ~ 'p1i' AND (message::jsonb -> 'replay') IS NULL"
        ),
        "CREATE INDEX, ALTER INDEX"
    );
}

/// DROP INDEX CONCURRENTLY fails when nothing uses the index any more: others must not have it either. Built anew it is there again.
#[test]
fn index_dropped_half_way() {
    let pair = Pair::simple("half_dropped");
    pair.source
        .run("CREATE SCHEMA s; CREATE TABLE t (id int PRIMARY KEY, u int CONSTRAINT no_number UNIQUE, v int); CREATE UNIQUE INDEX \"I\" ON t (v)");
    let mut early = pair.source.connect();
    early.batch_execute("BEGIN; SELECT FROM t").unwrap();
    let mut client = pair.source.connect();
    let cancel = client.cancel_token();
    let mut late = pair.source.connect();
    let is_live = "SELECT indislive FROM pg_index WHERE indexrelid = '\"I\"'::regclass";
    std::thread::scope(|scope| {
        let drop = scope.spawn(move || client.batch_execute("DROP INDEX CONCURRENTLY \"I\""));
        pair.source.expect_value(
            "SELECT count(*) FROM pg_index WHERE indexrelid = '\"I\"'::regclass AND NOT indisvalid",
            "1",
        );
        late.batch_execute("BEGIN; SELECT FROM t").unwrap();
        early.batch_execute("COMMIT").unwrap();
        pair.source.expect_value(is_live, "false");
        cancel.cancel_query(postgres::NoTls).unwrap();
        drop.join().unwrap().unwrap_err();
    });
    late.batch_execute("COMMIT").unwrap();
    let rows = "SELECT string_agg(ddl_text, '; ' ORDER BY id) FROM dts_ddl_command WHERE tag IN ('DROP INDEX', 'CREATE INDEX')";
    let told = "CREATE UNIQUE INDEX \"I\" ON t (v); DROP INDEX CONCURRENTLY \"I\"";
    assert_eq!(pair.source.value(rows), told);
    // what it would not allow; it does not go with its table
    pair.source
        .run("INSERT INTO t VALUES (1, 1, 1), (2, 2, 1); ALTER TABLE t SET SCHEMA s");
    pair.wait();
    assert_eq!(
        pair.destination
            .value("SELECT count(*) FROM pg_class WHERE relname = 'I'"),
        "0"
    );
    pair.source
        .run("ALTER TABLE s.t SET SCHEMA public; DELETE FROM t WHERE id = 2; REINDEX INDEX \"I\"");
    pair.check();
    assert!(
        pair.source
            .value(rows)
            .ends_with("CREATE UNIQUE INDEX IF NOT EXISTS \"I\" ON public.t USING btree (v)")
    );
    pair.source.run("DROP INDEX CONCURRENTLY \"I\"");
    pair.check();
}

/// A name that comes to mean another table while the command waits for a lock gets no schema: neither where the command is about that
/// table, nor where it reads it.
#[test]
fn names_change_meanwhile() {
    for (statement, is_plain) in [
        ("ALTER TABLE t ADD c int", false),
        ("CREATE VIEW first.v AS SELECT * FROM t", false),
        ("DROP TABLE t", false),
        ("ALTER TABLE other ADD c int", true),
        ("DROP TABLE other", true),
    ] {
        let database = Database::new("names_race");
        let mut one = database.connect();
        one.batch_execute("CREATE SCHEMA first; CREATE SCHEMA second; CREATE TABLE second.t (x int); CREATE TABLE second.other (x int)")
            .unwrap();
        one.batch_execute("BEGIN; LOCK TABLE second.t, second.other")
            .unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                let mut two = database.connect();
                two.batch_execute(
                    "SET search_path = first, second; SET dts_ddl_capture.qualify_names = on",
                )
                .unwrap();
                two.batch_execute(statement).unwrap();
            });
            std::thread::sleep(A_WHILE);
            database
                .connect()
                .batch_execute("CREATE TABLE first.t (x int)")
                .unwrap();
            one.batch_execute("COMMIT").unwrap();
            waiting.join().unwrap();
        });
        let row = format!(
            "SELECT ddl_text || coalesce(' ' || (message::jsonb ->> 'unqualified'), '') FROM public.dts_ddl_command WHERE id = {}",
            value_of_last(&database)
        );
        let got = database.value(&row);
        if is_plain {
            assert_eq!(got, statement.replace("other", "second.other"));
        } else {
            assert_eq!(
                got,
                format!("{statement} [\"relation t: has come to mean another one\"]")
            );
        }
    }
}

fn value_of_last(database: &Database) -> String {
    database.value("SELECT max(id) FROM public.dts_ddl_command")
}

/// What a DROP names is moved to another schema while it waits for it: the row names it as it was dropped, and says so where its names
/// should have schemas.
#[test]
fn moved_before_it_is_dropped() {
    for (qualify, statement, identity) in [
        ("off", "DROP TABLE t", "second.t"),
        (
            "on",
            "DROP TABLE t [\"relation t: has come to mean another one\"]",
            "second.t",
        ),
    ] {
        let database = Database::new("moved_race");
        let mut one = database.connect();
        one.batch_execute(
            "CREATE SCHEMA first; CREATE SCHEMA second; CREATE TABLE first.t (x int)",
        )
        .unwrap();
        one.batch_execute("BEGIN; ALTER TABLE first.t SET SCHEMA second")
            .unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                let mut two = database.connect();
                two.batch_execute(&format!(
                    "SET search_path = first, second; SET dts_ddl_capture.qualify_names = {qualify}"
                ))
                .unwrap();
                two.batch_execute("DROP TABLE t").unwrap();
            });
            std::thread::sleep(A_WHILE);
            one.batch_execute("COMMIT").unwrap();
            waiting.join().unwrap();
        });
        let row = format!(
            "SELECT ddl_text || coalesce(' ' || (message::jsonb ->> 'unqualified'), '') || ' ' || object_name FROM public.dts_ddl_command WHERE id = {}",
            value_of_last(&database)
        );
        assert_eq!(database.value(&row), format!("{statement} {identity}"));
    }
}
