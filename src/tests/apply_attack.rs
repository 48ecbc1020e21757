//! Live apply runs what unprivileged roles of the source have written. On the destination none of it may run with more
//! rights than there.

use super::pair::{Node, Options, Pair, Servers, same_schema};
use super::server::{admin, server, skipped, value};

/// A function that tries everything to become more than its role, then writes down who it is. It never fails. The list of
/// attempts is long because each is refused by a different part of the server.
fn arm(pair: &Pair, role: &str) {
    for node in [&pair.source, &pair.destination] {
        node.run(&format!(
            "CREATE ROLE {role} LOGIN; GRANT CREATE ON DATABASE {} TO {role}",
            node.database
        ));
    }
    let user = &server().user;
    let mut client = pair.source.connect_as(Some(role));
    client
        .batch_execute(&format!(
            "CREATE SCHEMA {role};
             CREATE TABLE {role}.seen (who text, super boolean, what text);
             CREATE FUNCTION {role}.f(what text) RETURNS int LANGUAGE plpgsql AS $f$
             DECLARE s text;
             BEGIN
               FOREACH s IN ARRAY ARRAY['ALTER ROLE {role} SUPERUSER', 'RESET ROLE', 'ALTER ROLE {role} SUPERUSER', 'SET ROLE \"{user}\"', 'SET LOCAL ROLE \"{user}\"',
                 'ALTER ROLE {role} SUPERUSER', 'SET SESSION AUTHORIZATION \"{user}\"', 'RESET SESSION AUTHORIZATION', 'SET SESSION AUTHORIZATION DEFAULT',
                 'SELECT set_config(''role'', ''none'', false)', 'SELECT set_config(''session_authorization'', ''{user}'', true)', 'ALTER ROLE {role} SUPERUSER CREATEROLE',
                 'CREATE ROLE {role}_made SUPERUSER', 'GRANT \"{user}\" TO {role}', 'GRANT pg_execute_server_program TO {role}',
                 'CREATE SCHEMA {role}_gained AUTHORIZATION \"{user}\"', 'SET session_replication_role = origin', 'SELECT dts_ddl.skip(1)', 'SELECT dts_ddl.stop_apply()',
                 'DELETE FROM dts_ddl.apply_log', 'COPY (SELECT 1) TO PROGRAM ''true''', 'ALTER SYSTEM SET work_mem = 64']
               LOOP
                 BEGIN EXECUTE s; EXCEPTION WHEN OTHERS THEN NULL; END;
               END LOOP;
               BEGIN
                 INSERT INTO {role}.seen SELECT current_user, r.rolsuper, what FROM pg_catalog.pg_roles r WHERE r.rolname = current_user;
               EXCEPTION WHEN OTHERS THEN NULL; END;
               RETURN 1;
             END $f$;
             -- claims to be immutable, so that it may stand in indexes, generated columns and partition keys
             CREATE FUNCTION {role}.i(what text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $f$ BEGIN RETURN {role}.f(what); END $f$;
             CREATE FUNCTION {role}.t() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN PERFORM {role}.f('trigger ' || TG_NAME); RETURN NEW; END $f$;"
        ))
        .unwrap_or_else(|error| panic!("{error:?}"));
}

#[track_caller]
fn nothing_gained(node: &Node, role: &str) {
    assert_eq!(
        node.column(&format!("SELECT DISTINCT who || ': ' || what FROM {role}.seen WHERE super OR who <> '{role}' ORDER BY 1")),
        Vec::<String>::new(),
        "with the rights of somebody else"
    );
    assert_eq!(
        node.value(&format!(
            "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = '{role}'"
        )),
        "false"
    );
    assert_eq!(
        node.value(&format!(
            "SELECT count(*) FROM pg_roles WHERE rolname = '{role}_made'"
        )),
        "0"
    );
    assert_eq!(
        node.value(&format!(
            "SELECT count(*) FROM pg_auth_members WHERE member = '{role}'::regrole"
        )),
        "0"
    );
    assert_eq!(
        node.value(&format!(
            "SELECT count(*) FROM pg_namespace WHERE nspname = '{role}_gained'"
        )),
        "0"
    );
}

/// Functions that the commands themselves call.
#[test]
fn by_commands() {
    let role = "mallory_ddl";
    let pair = Pair::simple("attackddl");
    arm(&pair, role);
    let mut client = pair.source.connect_as(Some(role));
    for sql in [
        "CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a SELECT g, 'v' FROM generate_series(1, 3) g",
        "ALTER TABLE a ADD COLUMN d int DEFAULT f('add column')",
        "CREATE INDEX ON a (i('index'), id)",
        "CREATE INDEX ON a (id) WHERE i('predicate') = 1",
        "CREATE INDEX CONCURRENTLY ON a (id, i('concurrently'))",
        "ALTER TABLE a ADD CONSTRAINT checked CHECK (f('check') = 1)",
        "ALTER TABLE a ADD COLUMN g int GENERATED ALWAYS AS (i('generated')) STORED",
        "CREATE DOMAIN dom AS int CHECK (f('domain') = 1); ALTER TABLE a ADD COLUMN dm dom DEFAULT 1",
        "ALTER DOMAIN dom ADD CONSTRAINT more CHECK (f('alter domain') = 1)",
        "ALTER TABLE a ALTER v TYPE int USING f('using')",
        "CREATE MATERIALIZED VIEW mv AS SELECT f('materialized view') AS x",
        "REFRESH MATERIALIZED VIEW mv",
        "REINDEX TABLE a",
        "CREATE TABLE as_made AS SELECT f('create table as') AS x",
        "CREATE TABLE part (k int, v text) PARTITION BY RANGE (i('key ' || k)); CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (9)",
        "CREATE TABLE bounds (k int) PARTITION BY LIST (k); CREATE TABLE bounds_1 PARTITION OF bounds FOR VALUES IN (f('bound'))",
        "CREATE TABLE loose (k int); INSERT INTO loose VALUES (5); ALTER TABLE bounds ATTACH PARTITION loose FOR VALUES IN (f('attach') + 4)",
        "CREATE STATISTICS st ON id, v FROM a; CREATE TYPE ct AS (x int); CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)",
        "CREATE VIEW vw AS SELECT f('view') AS x; CREATE RULE r AS ON INSERT TO a DO ALSO SELECT f('rule')",
        "CREATE FUNCTION outspoken() RETURNS void LANGUAGE plpgsql SET search_path = mallory_ddl AS $$ BEGIN EXECUTE 'CREATE TABLE by_function (x int DEFAULT f(''by function''))'; END $$; SELECT outspoken()",
        "SET ROLE mallory_ddl; SET search_path = mallory_ddl; CREATE TABLE last_one (x int)",
    ] {
        client
            .batch_execute(sql)
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
    // names that the apply side itself might look up
    for sql in [
        "CREATE FUNCTION format(text, text) RETURNS text LANGUAGE sql AS 'SELECT f(''format'')::text'",
        "CREATE FUNCTION eq(bigint, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT f(''operator'') = 1'; CREATE OPERATOR = (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = eq)",
        "CREATE TABLE pg_subscription_rel (x int); CREATE TABLE pg_class (x int); CREATE TABLE dts_ddl_command (x int); CREATE TABLE apply_log (x int)",
        "CREATE TABLE after (x int)",
    ] {
        client
            .batch_execute(sql)
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
    pair.wait();
    assert_eq!(
        pair.destination.value("to_regclass('mallory_ddl.after')"),
        "mallory_ddl.after"
    );
    nothing_gained(&pair.source, role);
    nothing_gained(&pair.destination, role);
    same_schema(&pair.source, &pair.destination);
    assert!(
        pair.destination
            .value("SELECT count(*) FROM mallory_ddl.seen")
            .parse::<i32>()
            .unwrap()
            > 10
    );
}

/// What the rows call that follow: triggers, constraints, index expressions, generated columns, partition keys.
/// From 16 on the worker becomes the owner of each table, and refuses deferred triggers and forced row level security.
#[test]
fn by_rows() {
    rows(
        "mallory_rows",
        "",
        server().major < 16 && deferred_may_catch(),
    );
}

/// As all subscriptions before 16: rows are written with the rights of the subscription's owner, a superuser.
#[test]
fn by_rows_of_a_superuser() {
    if server().major < 16 {
        return skipped(
            "by_rows_of_a_superuser",
            "run_as_owner came with 16; before, by_rows is the same",
        );
    }
    rows(
        "mallory_owner",
        "run_as_owner = true,",
        deferred_may_catch(),
    );
}

/// A server with assertions does not survive a deferred trigger that catches an error while the transaction commits (xact.c,
/// `RollbackAndReleaseCurrentSubTransaction`, also without this extension).
fn deferred_may_catch() -> bool {
    value(&mut admin(), "SELECT current_setting('debug_assertions')") == "off"
}

fn rows(role: &str, options: &str, deferred: bool) {
    // A worker that has not loaded the library yet has no guard (README, Security), and a worker may be a new one at any row.
    let pair = Pair::on(
        &Servers::preloaded(),
        &Options {
            topic: role,
            subscription: options,
            ..Options::default()
        },
    );
    arm(&pair, role);
    let mut client = pair.source.connect_as(Some(role));
    for sql in [
        "CREATE DOMAIN dom AS int CHECK (f('domain') = 1)",
        "CREATE TABLE a (id int PRIMARY KEY, g int GENERATED ALWAYS AS (i('generated')) STORED, d dom, e int DEFAULT f('default'), CONSTRAINT c CHECK (f('check') = 1))",
        "CREATE INDEX ON a (i('index'), id); CREATE INDEX ON a (id) WHERE i('predicate') = 1",
        "CREATE TABLE part (k int, v text) PARTITION BY RANGE (i('key ' || k)); CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (9)",
        "CREATE TABLE trig (id int PRIMARY KEY)",
        "CREATE TRIGGER before BEFORE INSERT ON trig FOR EACH ROW EXECUTE FUNCTION t(); ALTER TABLE trig ENABLE ALWAYS TRIGGER before",
        "CREATE TRIGGER after AFTER INSERT OR UPDATE ON trig FOR EACH ROW EXECUTE FUNCTION t(); ALTER TABLE trig ENABLE REPLICA TRIGGER after",
        "CREATE CONSTRAINT TRIGGER deferred AFTER INSERT ON trig DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION t(); ALTER TABLE trig ENABLE ALWAYS TRIGGER deferred",
        "CREATE TRIGGER conditional AFTER INSERT ON trig FOR EACH ROW WHEN (f('when') = 1) EXECUTE FUNCTION t(); ALTER TABLE trig ENABLE ALWAYS TRIGGER conditional",
        "CREATE TABLE ruled (x int); CREATE RULE r AS ON INSERT TO ruled DO ALSO SELECT f('rule'); ALTER TABLE ruled ENABLE ALWAYS RULE r",
        "CREATE TABLE policed (x int); ALTER TABLE policed ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON policed USING (f('policy') = 1)",
        "CREATE TABLE stage (id int PRIMARY KEY, x int)",
        "CREATE VIEW vw AS SELECT f('view') AS x FROM stage",
    ]
    .into_iter()
    .filter(|sql| deferred || !(sql.contains("DEFERRED") || sql.contains("FORCE ROW LEVEL")))
    {
        client
            .batch_execute(sql)
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
    pair.wait();
    pair.destination
        .run("SELECT pg_terminate_backend(pid) FROM pg_stat_subscription WHERE pid IS NOT NULL");
    // each in turn
    for sql in [
        "INSERT INTO a (id, d) VALUES (1, 1), (2, 2)",
        "INSERT INTO part VALUES (1, 'a')",
        "BEGIN; INSERT INTO trig VALUES (1); CREATE TABLE in_between (x int DEFAULT f('in between')); INSERT INTO trig VALUES (2); COMMIT",
        "INSERT INTO ruled VALUES (1); INSERT INTO stage VALUES (1, 1)",
        "DO $$ BEGIN IF to_regclass('policed') IS NOT NULL THEN INSERT INTO policed VALUES (1); END IF; END $$",
        "UPDATE a SET d = 3 WHERE id = 1; UPDATE trig SET id = 3 WHERE id = 1; DELETE FROM a WHERE id = 2",
        // the trigger comes by a command in the middle of the rows' transaction
        "BEGIN; INSERT INTO stage VALUES (2, 2); CREATE CONSTRAINT TRIGGER late AFTER INSERT ON stage DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION t();
           ALTER TABLE stage ENABLE ALWAYS TRIGGER late; INSERT INTO stage VALUES (3, 3); COMMIT",
        "CREATE TABLE after (x int); INSERT INTO after VALUES (1)",
    ]
    .map(|sql| if deferred { sql.to_owned() } else { sql.replace("DEFERRABLE INITIALLY DEFERRED", "") })
    {
        client.batch_execute(&sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
    pair.wait();
    assert_eq!(
        pair.destination
            .value(&format!("SELECT count(*) FROM {role}.after")),
        "1"
    );
    nothing_gained(&pair.source, role);
    nothing_gained(&pair.destination, role);
    for table in ["a", "part", "trig", "ruled", "stage"] {
        let rows =
            format!("SELECT string_agg(t::text, ' ' ORDER BY t::text) FROM {role}.{table} t");
        assert_eq!(
            pair.source.value(&rows),
            pair.destination.value(&rows),
            "{table}"
        );
    }
}

/// A role that has less on the destination than on the source, and one that has more.
#[test]
fn other_rights_on_the_destination() {
    let pair = Pair::new(&Options {
        topic: "rights",
        ..Options::default()
    });
    pair.source
        .run("CREATE ROLE rights_more LOGIN; CREATE ROLE rights_super LOGIN SUPERUSER");
    pair.destination
        .run("CREATE ROLE rights_more LOGIN SUPERUSER; CREATE ROLE rights_super LOGIN");
    pair.source
        .run("CREATE SCHEMA open; GRANT ALL ON SCHEMA open TO PUBLIC");
    // a superuser only there: its commands would run with rights that their author did not have
    pair.source
        .connect_as(Some("rights_more"))
        .batch_execute("CREATE TABLE open.more (x int)")
        .unwrap();
    let id = pair.source.last_id();
    pair.expect_error(&[
        &format!("could not apply DDL command {id}: "),
        "rights_more",
        "CREATE TABLE open.more",
    ]);
    pair.destination.run("ALTER ROLE rights_more NOSUPERUSER");
    pair.check();
    // a superuser only here: what it may not do there, fails there
    pair.source
        .connect_as(Some("rights_super"))
        .batch_execute("CREATE TABLE open.less (x int); CREATE SCHEMA needs_more")
        .unwrap();
    pair.expect_error(&["could not apply DDL command", "CREATE SCHEMA needs_more"]);
    pair.destination.run("ALTER ROLE rights_super SUPERUSER");
    pair.check();
}
