//! Live apply runs what unprivileged roles of the source have written. On the destination none of it may run with more
//! rights than there.

use super::cluster;
use super::pair::{Node, Options, Pair, Servers, connect_nodes, describe, same_schema};
use super::server::{server, skipped};
use std::time::{Duration, Instant};

/// A function that tries everything to become more than its role, then writes down who it is. It never fails. The list of
/// attempts is long because each is refused by a different part of the server.
pub fn arm(pair: &Pair, role: &str) {
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
            "CREATE SCHEMA {role}; GRANT USAGE ON SCHEMA {role} TO PUBLIC;
             CREATE TABLE {role}.seen (who text, super boolean, what text);
             CREATE FUNCTION {role}.f(what text) RETURNS int LANGUAGE plpgsql AS $f$
             DECLARE s text;
             BEGIN
               FOREACH s IN ARRAY ARRAY['ALTER ROLE {role} SUPERUSER', 'RESET ROLE', 'ALTER ROLE {role} SUPERUSER', 'SET ROLE \"{user}\"', 'SET LOCAL ROLE \"{user}\"',
                 'ALTER ROLE {role} SUPERUSER', 'SET SESSION AUTHORIZATION \"{user}\"', 'RESET SESSION AUTHORIZATION', 'SET SESSION AUTHORIZATION DEFAULT',
                 'SELECT set_config(''role'', ''none'', false)', 'SELECT set_config(''session_authorization'', ''{user}'', true)', 'ALTER ROLE {role} SUPERUSER CREATEROLE',
                 'CREATE ROLE {role}_made SUPERUSER', 'GRANT \"{user}\" TO {role}', 'GRANT pg_execute_server_program TO {role}',
                 'CREATE SCHEMA {role}_gained AUTHORIZATION \"{user}\"', 'SET session_replication_role = origin', 'SELECT dts_ddl.skip(1)', 'SELECT dts_ddl.stop_apply()', 'SELECT pg_try_advisory_lock(11)',
                 'DELETE FROM dts_ddl.apply_log', 'COPY (SELECT 1) TO PROGRAM ''true''', 'ALTER SYSTEM SET work_mem = 64']
               LOOP
                 BEGIN EXECUTE s; EXCEPTION WHEN OTHERS THEN NULL; END;
               END LOOP;
               IF session_user <> '{role}' AND nullif(current_setting('mallory.left', true), '') <> txid_current()::text THEN
                 INSERT INTO {role}.seen VALUES (session_user, true, 'a setting is left, at ' || what);
               END IF;
               PERFORM set_config('mallory.left', txid_current()::text, false);
               BEGIN
                 INSERT INTO {role}.seen SELECT current_user, r.rolsuper, what FROM pg_catalog.pg_roles r WHERE r.rolname = current_user;
               EXCEPTION WHEN OTHERS THEN NULL; END;
               RETURN 1;
             END $f$;
             -- claims to be immutable, so that it may stand in indexes, generated columns and partition keys
             CREATE FUNCTION {role}.i(what text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $f$ BEGIN RETURN {role}.f(what); END $f$;
             CREATE FUNCTION {role}.p(what text) RETURNS int LANGUAGE plpgsql SET work_mem = '1MB' AS $f$ BEGIN RETURN {role}.f(what); END $f$;
             CREATE FUNCTION {role}.t() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN PERFORM {role}.f('trigger ' || TG_NAME); RETURN NEW; END $f$;"
        ))
        .unwrap_or_else(|error| panic!("{error:?}"));
}

#[track_caller]
pub fn nothing_gained(node: &Node, role: &str) {
    assert_eq!(
        node.column(&format!("SELECT DISTINCT who || ': ' || what FROM {role}.seen WHERE super OR who <> '{role}' ORDER BY 1")),
        Vec::<String>::new(),
        "with the rights of somebody else"
    );
    assert_eq!(
        node.value("SELECT count(*) FROM pg_locks l JOIN pg_stat_subscription s USING (pid) WHERE l.locktype = 'advisory' AND l.objid = 11
           AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())"),
        "0",
        "a lock is left"
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

/// Commands of a role `mallory_ddl` that [`arm`] has armed, which call its functions.
pub const COMMANDS: &[&str] = &[
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
    "CREATE FUNCTION constant(x dom[] DEFAULT '{1}') RETURNS void LANGUAGE sql AS ''; ALTER FUNCTION constant(dom[]) SET work_mem = '1MB'",
    "CREATE TYPE pair AS (x dom, y int); CREATE FUNCTION row_constant(x pair DEFAULT '(1,2)') RETURNS void LANGUAGE sql SET role = mallory_ddl AS ''",
    "CREATE FUNCTION with_role(x dom[] DEFAULT '{2}') RETURNS text LANGUAGE sql SET search_path = mallory_ddl SET role = mallory_ddl SET work_mem = '1MB' AS 'SELECT current_user::text'",
    "CREATE OR REPLACE FUNCTION with_role(x dom[] DEFAULT '{3}') RETURNS text LANGUAGE sql SET role = mallory_ddl AS 'SELECT current_user::text'",
    "ALTER FUNCTION with_role(dom[]) SET role = mallory_ddl; ALTER FUNCTION with_role(dom[]) RESET role; ALTER FUNCTION with_role(dom[]) RESET ALL",
    "CREATE PROCEDURE proc(x dom[] DEFAULT '{4}') LANGUAGE sql SET role = mallory_ddl AS ''; ALTER PROCEDURE proc(dom[]) SET role = mallory_ddl",
    "CREATE AGGREGATE agg (int) (SFUNC = int4pl, STYPE = int, INITCOND = '0'); CREATE CAST (ct AS text) WITH INOUT AS ASSIGNMENT",
    "CREATE POLICY p ON a USING (f('policy') = 1); CREATE TRIGGER tr BEFORE INSERT ON a FOR EACH ROW WHEN (NEW.dm > '1'::dom) EXECUTE FUNCTION t()",
    "ALTER TABLE a ALTER d SET DEFAULT ('{5}'::dom[])[1]; COMMENT ON FUNCTION f(text) IS 'a comment'",
    "SET ROLE mallory_ddl; SET search_path = mallory_ddl; CREATE TABLE last_one (x int)",
];

/// Functions that the commands themselves call.
#[test]
fn by_commands() {
    let role = "mallory_ddl";
    let pair = Pair::simple("attackddl");
    arm(&pair, role);
    let mut client = pair.source.connect_as(Some(role));
    for sql in COMMANDS {
        client
            .batch_execute(sql)
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
    if server().major >= 14 {
        client
            .batch_execute("CREATE FUNCTION atomic(x dom[] DEFAULT '{6}') RETURNS boolean SET role = mallory_ddl BEGIN ATOMIC SELECT x = '{7}'::dom[]; END")
            .unwrap();
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
/// The worker becomes the owner of each table, and refuses deferred triggers and forced row level security.
#[test]
fn by_rows() {
    if server().major < 16 {
        return skipped(
            "by_rows",
            "before 16 rows have the rights of the subscription's owner: only a trusted source is applied",
        );
    }
    let role = "mallory_rows";
    let pair = Pair::simple(role);
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
        "CREATE TRIGGER conditional AFTER INSERT ON trig FOR EACH ROW WHEN (f('when') = 1) EXECUTE FUNCTION t(); ALTER TABLE trig ENABLE ALWAYS TRIGGER conditional",
        "CREATE TABLE ruled (x int); CREATE RULE r AS ON INSERT TO ruled DO ALSO SELECT f('rule'); ALTER TABLE ruled ENABLE ALWAYS RULE r",
        "CREATE TABLE stage (id int PRIMARY KEY, x int)",
        "CREATE VIEW vw AS SELECT f('view') AS x FROM stage",
    ] {
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
        "UPDATE a SET d = 3 WHERE id = 1; UPDATE trig SET id = 3 WHERE id = 1; DELETE FROM a WHERE id = 2",
        // the trigger comes by a command in the middle of the rows' transaction
        "BEGIN; INSERT INTO stage VALUES (2, 2); CREATE CONSTRAINT TRIGGER late AFTER INSERT ON stage FOR EACH ROW EXECUTE FUNCTION t();
           ALTER TABLE stage ENABLE ALWAYS TRIGGER late; INSERT INTO stage VALUES (3, 3); COMMIT",
        "CREATE TABLE after (x int); INSERT INTO after VALUES (1)",
    ]
    {
        client.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
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

/// Each right that a role may have beyond its own objects is compared.
#[test]
fn rights_beyond_the_row() {
    // roles belong to all databases
    let servers = Servers::new(cluster::under_test());
    let pair = Pair::on(
        &servers,
        &Options {
            topic: "powers",
            ..Options::default()
        },
    );
    let role = "powers_app";
    for node in [&pair.source, &pair.destination] {
        node.run(&format!("CREATE ROLE {role} LOGIN"));
    }
    pair.source.run(&format!(
        "CREATE SCHEMA open; GRANT ALL ON SCHEMA open TO {role}"
    ));
    pair.wait();
    let mut table = 0;
    let mut make = || {
        table += 1;
        pair.source
            .connect_as(Some(role))
            .batch_execute(&format!("CREATE TABLE open.t{table} (x int)"))
            .unwrap();
    };
    make();
    pair.wait();
    let database = &pair.destination.database;
    let owner = &server().user;
    for (give, take, name) in [
        (
            format!("ALTER ROLE {role} CREATEROLE"),
            format!("ALTER ROLE {role} NOCREATEROLE"),
            "createrole",
        ),
        (
            format!("ALTER ROLE {role} CREATEDB"),
            format!("ALTER ROLE {role} NOCREATEDB"),
            "createdb",
        ),
        (
            format!("ALTER ROLE {role} REPLICATION"),
            format!("ALTER ROLE {role} NOREPLICATION"),
            "replication",
        ),
        (
            format!("ALTER ROLE {role} BYPASSRLS"),
            format!("ALTER ROLE {role} NOBYPASSRLS"),
            "bypassrls",
        ),
        (
            format!("GRANT pg_execute_server_program TO {role}"),
            format!("REVOKE pg_execute_server_program FROM {role}"),
            "pg_execute_server_program",
        ),
        // by way of another role
        (
            format!(
                "CREATE ROLE powers_between; GRANT pg_monitor TO powers_between; GRANT powers_between TO {role}"
            ),
            format!("REVOKE powers_between FROM {role}"),
            "pg_monitor, pg_read_all_settings",
        ),
        (
            format!("ALTER DATABASE {database} OWNER TO {role}"),
            format!("ALTER DATABASE {database} OWNER TO \"{owner}\""),
            "pg_database_owner",
        ),
        (
            format!("GRANT \"{owner}\" TO {role}"),
            format!("REVOKE \"{owner}\" FROM {role}"),
            "member_of_superuser, pg_database_owner",
        ),
    ] {
        pair.destination.run(&give);
        make();
        pair.expect_error(&[
            "could not apply DDL command",
            &format!("role \"{role}\" may do more here than it could on the source: {name}"),
        ]);
        pair.destination.run(&take);
        pair.wait();
    }
    // the same on both sides, and more on the source
    for node in [&pair.source, &pair.destination] {
        node.run(&format!(
            "ALTER ROLE {role} CREATEDB; GRANT pg_monitor TO {role}"
        ));
    }
    pair.source.run(&format!(
        "GRANT pg_execute_server_program TO {role}; ALTER ROLE {role} CREATEROLE"
    ));
    make();
    pair.check();
}

/// Code of strangers that a superuser's tables run for a row.
#[test]
fn rows_of_superusers_tables() {
    if server().major < 16 {
        return skipped("rows_of_superusers_tables", "as by_rows");
    }
    let role = "mallory_tables";
    let pair = Pair::simple(role);
    arm(&pair, role);
    pair.source.run(&format!(
        "CREATE SCHEMA super; GRANT USAGE ON SCHEMA super TO {role}"
    ));
    let mut mallory = pair.source.connect_as(Some(role));
    mallory
        .batch_execute(
            "CREATE DOMAIN zip AS text; CREATE DOMAIN pure AS text CHECK (upper(VALUE) <> 'NO')",
        )
        .unwrap();
    let dba = |sql: &str| {
        pair.source
            .run(&format!("SET search_path = super, {role}; {sql}"))
    };
    for sql in [
        "CREATE TABLE by_domain (id int PRIMARY KEY, z zip, p pure); GRANT INSERT ON by_domain TO PUBLIC",
        "CREATE TABLE by_check (id int PRIMARY KEY, CHECK (f('check') = 1)); GRANT INSERT ON by_check TO PUBLIC",
        "CREATE TABLE by_setting (id int PRIMARY KEY, CHECK (p('with a setting') = 1)); GRANT INSERT ON by_setting TO PUBLIC",
        "CREATE TABLE by_time (id int PRIMARY KEY, at timestamptz DEFAULT now(), CHECK (at <= now() AND at::date <= current_date + 1 AND to_char(at, 'YYYY') > ''));
         GRANT INSERT ON by_time TO PUBLIC",
        "CREATE TABLE by_index (id int PRIMARY KEY); CREATE INDEX ON by_index (i('index ' || id)); GRANT INSERT ON by_index TO PUBLIC",
        "CREATE TABLE by_generated (id int PRIMARY KEY, g int GENERATED ALWAYS AS (i('generated ' || id)) STORED); GRANT INSERT ON by_generated TO PUBLIC",
        "CREATE TABLE by_trigger (id int PRIMARY KEY); CREATE TRIGGER tr BEFORE INSERT ON by_trigger FOR EACH ROW EXECUTE FUNCTION t();
         ALTER TABLE by_trigger ENABLE ALWAYS TRIGGER tr; GRANT INSERT ON by_trigger TO PUBLIC",
        "CREATE TABLE by_deferred (id int PRIMARY KEY); CREATE CONSTRAINT TRIGGER tr AFTER INSERT ON by_deferred DEFERRABLE INITIALLY DEFERRED
           FOR EACH ROW EXECUTE FUNCTION t(); ALTER TABLE by_deferred ENABLE ALWAYS TRIGGER tr; GRANT INSERT ON by_deferred TO PUBLIC",
        "CREATE TABLE by_part (id int) PARTITION BY LIST (id); CREATE TABLE by_part_1 PARTITION OF by_part FOR VALUES IN (1);
         GRANT INSERT ON by_part TO PUBLIC; GRANT CREATE ON SCHEMA super TO mallory_tables; ALTER TABLE by_part_1 OWNER TO mallory_tables",
    ] {
        dba(sql);
    }
    mallory
        .batch_execute(
            "ALTER DOMAIN zip ADD CHECK (f('domain') = 1) NOT VALID; ALTER TABLE super.by_part_1 ADD CHECK (f('partition') = 1)",
        )
        .unwrap();
    for table in [
        "by_check",
        "by_setting",
        "by_time",
        "by_index",
        "by_generated",
        "by_trigger",
        "by_deferred",
        "by_part",
    ] {
        mallory
            .batch_execute(&format!("INSERT INTO super.{table} (id) VALUES (1)"))
            .unwrap_or_else(|error| panic!("{table}: {error:?}"));
    }
    mallory
        .batch_execute("INSERT INTO super.by_domain VALUES (1, '12345', 'yes')")
        .unwrap();
    // copied by another worker
    mallory
        .batch_execute("SET search_path = mallory_tables; CREATE UNLOGGED TABLE later (x int CHECK (f('copied') = 1), z zip); INSERT INTO later VALUES (1, 'x')")
        .unwrap();
    dba(
        "CREATE UNLOGGED TABLE super.later (x int CHECK (f('copied') = 1), z zip); GRANT INSERT ON super.later TO PUBLIC",
    );
    mallory
        .batch_execute("INSERT INTO super.later VALUES (1, 'x'); ALTER TABLE later SET LOGGED")
        .unwrap();
    dba("ALTER TABLE super.later SET LOGGED");
    pair.wait();
    nothing_gained(&pair.destination, role);
    for table in [
        "super.by_domain",
        "super.by_check",
        "super.by_setting",
        "super.by_time",
        "super.by_part",
        "super.later",
        "mallory_tables.later",
    ] {
        pair.destination
            .expect_value(&format!("SELECT count(*) FROM {table}"), "1");
    }
    // a helper of somebody else, which does what it is told: not with his rights
    for node in [&pair.source, &pair.destination] {
        node.run("CREATE ROLE tables_victim LOGIN");
    }
    pair.source.run(
        "CREATE SCHEMA v AUTHORIZATION tables_victim; GRANT USAGE ON SCHEMA v TO PUBLIC; SET ROLE tables_victim; CREATE TABLE v.secret AS SELECT 'top'::text AS x;
         CREATE FUNCTION v.run(q text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN EXECUTE q; RETURN true; EXCEPTION WHEN OTHERS THEN RETURN true; END $$;
         CREATE TABLE v.stolen (x text); GRANT ALL ON v.stolen TO PUBLIC",
    );
    let constrained = |check: &str| {
        format!("ALTER DOMAIN mallory_tables.zip ADD CONSTRAINT more CHECK ({check}) NOT VALID")
    };
    let mut insert = {
        let mut id = 1;
        move |mallory: &mut postgres::Client| {
            id += 1;
            mallory
                .batch_execute(&format!(
                    "INSERT INTO super.by_domain VALUES ({id}, 'x', 'yes')"
                ))
                .unwrap_or_else(|error| panic!("{error:?}"));
        }
    };
    mallory
        .batch_execute(&constrained(
            "v.run('INSERT INTO v.stolen SELECT x FROM v.secret')",
        ))
        .unwrap();
    insert(&mut mallory);
    pair.wait();
    assert_eq!(pair.destination.value("SELECT count(*) FROM v.stolen"), "0");
    mallory
        .batch_execute("ALTER DOMAIN zip DROP CONSTRAINT more; CREATE FUNCTION plain(text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN true; END'")
        .unwrap();
    pair.source.run(
        "CREATE FUNCTION super.execute(q text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE q; RETURN true; END $$;
         REVOKE ALL ON FUNCTION super.execute(text) FROM PUBLIC",
    );
    pair.wait();
    // a function that PostgreSQL keeps ready, and that has changed since
    mallory
        .batch_execute(
            "SET search_path = mallory_tables; CREATE FUNCTION diff(int, int) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
               IF (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user) THEN INSERT INTO mallory_tables.seen VALUES (current_user, true, 'difference'); END IF; RETURN $1 - $2; END $$;
             CREATE TYPE rng AS RANGE (subtype = int, subtype_diff = diff)",
        )
        .unwrap();
    dba(
        "CREATE TABLE ranges (id serial, r rng); CREATE INDEX ON ranges USING gist (r); GRANT INSERT ON ranges TO PUBLIC; GRANT ALL ON SEQUENCE ranges_id_seq TO PUBLIC",
    );
    let fill = "INSERT INTO super.ranges (r) SELECT mallory_tables.rng(g, g + g % 37) FROM generate_series(1, 400) g";
    for change in [
        "SELECT 1",
        "ALTER FUNCTION diff(int, int) VOLATILE SECURITY DEFINER",
        "ALTER FUNCTION diff(int, int) SECURITY INVOKER",
    ] {
        mallory.batch_execute(change).unwrap();
        mallory.batch_execute(fill).unwrap();
        pair.wait();
    }
    nothing_gained(&pair.destination, role);
    // what is refused, and told. The check is on the destination alone, as code that asks where it runs could make it
    for (prepare, check, words) in [
        (
            "SELECT 1",
            "CASE WHEN has_table_privilege('pg_authid', 'select') THEN query_to_xml('SELECT rolpassword FROM pg_authid', true, false, '') IS NULL ELSE true END",
            "function has_table_privilege is not run with a superuser's rights for a replicated row",
        ),
        (
            "ALTER FUNCTION mallory_tables.plain(text) SET role = tables_victim",
            "mallory_tables.plain(VALUE)",
            "function plain is not run for a replicated row, since it sets a role",
        ),
        (
            "ALTER FUNCTION mallory_tables.plain(text) RESET ALL; ALTER FUNCTION mallory_tables.plain(text) SET session_authorization = tables_victim",
            "mallory_tables.plain(VALUE)",
            "function plain is not run for a replicated row, since it sets a role",
        ),
        (
            "SELECT 1",
            "super.execute('ALTER ROLE mallory_tables SUPERUSER')",
            "function execute is not run with a superuser's rights for a replicated row",
        ),
    ] {
        pair.destination.run(prepare);
        pair.destination.run(&constrained(check));
        insert(&mut mallory);
        pair.expect_error(&[words]);
        pair.destination
            .run("ALTER DOMAIN mallory_tables.zip DROP CONSTRAINT more");
        pair.wait();
    }
    nothing_gained(&pair.destination, role);
}

/// Where rows have more rights than they should, no DDL is applied but of a source that is trusted; and who can write rows of the
/// capture table must be a superuser there.
#[test]
fn refused_unless_trusted() {
    let servers = Servers::not_preloaded();
    let pair = Pair::bare(&servers, "trust");
    pair.source.run(
        "CREATE EXTENSION dts_ddl_capture; CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION p FOR ALL TABLES",
    );
    pair.destination.run("CREATE EXTENSION dts_ddl_capture");
    let refused = |sql: &str, words: &str| {
        let error = pair
            .destination
            .connect()
            .batch_execute(sql)
            .expect_err(sql);
        let error = error.as_db_error().expect("an error of the server");
        let text = format!(
            "{}; {}",
            error.message(),
            error.detail().unwrap_or_default()
        );
        assert!(text.contains(words), "{sql}: {text}");
    };
    let untrusted = "DDL of a source that is not trusted is not applied here";
    refused("SELECT dts_ddl.start_apply()", untrusted);
    pair.destination
        .run("SELECT dts_ddl.start_apply(trust_source => true)");
    assert_eq!(
        pair.destination
            .value("SELECT count(*) FROM dts_ddl.apply_log"),
        "0"
    );
    // what is refused changes nothing
    let trusted = "SELECT is_called FROM dts_ddl.trust_source";
    refused("SELECT dts_ddl.start_apply()", untrusted);
    assert_eq!(pair.destination.value(trusted), "true");
    pair.destination.run("SELECT dts_ddl.stop_apply()");
    assert_eq!(pair.destination.value(trusted), "false");

    if server().major >= 16 {
        let servers = Servers::new(cluster::under_test());
        let pair = Pair::bare(&servers, "distrust");
        pair.source.run(
            "CREATE EXTENSION dts_ddl_capture; CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION p FOR ALL TABLES",
        );
        pair.destination.run(
            "CREATE EXTENSION dts_ddl_capture; SELECT dts_ddl.start_apply(); CREATE TABLE t (id int PRIMARY KEY)",
        );
        let name = &pair.destination.database;
        let subscribe = |options: &str| {
            format!(
                "CREATE SUBSCRIPTION {name} CONNECTION '{}' PUBLICATION p WITH ({options} slot_name = '{name}')",
                pair.source
                    .cluster()
                    .connection_string(&pair.source.database)
            )
        };
        let refused = |sql: &str, words: &str| {
            let error = pair
                .destination
                .connect()
                .batch_execute(sql)
                .expect_err(sql);
            let error = error.as_db_error().expect("an error of the server");
            let text = format!(
                "{}; {}",
                error.message(),
                error.detail().unwrap_or_default()
            );
            assert!(text.contains(words), "{sql}: {text}");
        };
        refused(&subscribe("run_as_owner = true,"), untrusted);
        pair.source
            .run("CREATE ROLE distrust_writer LOGIN; GRANT pg_write_all_data TO distrust_writer");
        refused(
            &subscribe(""),
            "become a role that can: \"distrust_writer\"",
        );
        pair.source.run("REVOKE pg_write_all_data FROM distrust_writer; GRANT INSERT (id) ON public.dts_ddl_command TO distrust_writer");
        refused(&subscribe(""), "\"distrust_writer\"");
        let revoke = "REVOKE ALL ON public.dts_ddl_command FROM distrust_writer";
        pair.source.run(revoke);
        connect_nodes(&pair.source, &pair.destination, name, "p", "");
        pair.wait();
        // of a subscription that is there already
        pair.destination.run("SELECT dts_ddl.start_apply()");
        pair.source
            .run("GRANT UPDATE ON public.dts_ddl_command TO distrust_writer");
        refused("SELECT dts_ddl.start_apply()", "\"distrust_writer\"");
        // by a worker, before its first command
        pair.destination.run(&format!(
            "ALTER SUBSCRIPTION {name} DISABLE; ALTER SUBSCRIPTION {name} ENABLE"
        ));
        pair.source.run("CREATE TABLE since_then (x int)");
        pair.expect_error(&[
            "could not apply DDL command",
            "roles of the source that are no superusers can write DDL commands",
        ]);
        pair.source
            .run(&format!("{revoke}; DROP ROLE distrust_writer"));
        // later changes are noticed with the next command
        pair.destination.run(&format!(
            "ALTER SUBSCRIPTION {name} SET (run_as_owner = true)"
        ));
        pair.source.run("CREATE TABLE later (x int)");
        pair.expect_error(&["could not apply DDL command", untrusted]);
        pair.destination.run(&format!(
            "ALTER SUBSCRIPTION {name} SET (run_as_owner = false)"
        ));
        pair.wait();
        pair.destination
            .run("CREATE ROLE distrust_owner LOGIN IN ROLE pg_create_subscription");
        pair.destination.run(&format!(
            "GRANT CREATE ON DATABASE {name} TO distrust_owner; ALTER SUBSCRIPTION {name} SET (password_required = false);
             ALTER SUBSCRIPTION {name} OWNER TO distrust_owner"
        ));
        pair.source.run("CREATE TABLE latest (x int)");
        pair.expect_error(&["role \"distrust_owner\" cannot SET ROLE to"]);
        pair.destination.run(&format!(
            "ALTER SUBSCRIPTION {name} OWNER TO \"{}\"",
            server().user
        ));
        pair.wait();
    }
}

/// The event trigger of CREATE SUBSCRIPTION connects to nobody for a role that may not make one.
#[test]
fn subscription_by_anybody() {
    let pair = Pair::simple("anybody");
    pair.destination.run("CREATE ROLE anybody_here LOGIN");
    let error = pair
        .destination
        .connect_as(Some("anybody_here"))
        .batch_execute(&format!(
            "CREATE SUBSCRIPTION s CONNECTION '{}' PUBLICATION p",
            pair.source
                .cluster()
                .connection_string(&pair.source.database)
        ))
        .expect_err("not for an ordinary role");
    assert_eq!(
        error.code().map(|code| code.code()),
        Some("42501"),
        "{error:?}"
    );
    let connected = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 's'";
    assert_eq!(pair.source.value(connected), "0");
    assert!(
        !pair
            .source
            .cluster()
            .log()
            .contains("CREATE SUBSCRIPTION s")
    );
}

/// What the destination derives from a row is code of the object's owner, and does what PostgreSQL did.
#[test]
fn derived_statements() {
    let role = "mallory_derived";
    let pair = Pair::simple(role);
    arm(&pair, role);
    let mut mallory = pair.source.connect_as(Some(role));
    mallory
        .batch_execute(
            "CREATE DOMAIN dom AS int CHECK (f('derived domain') = 1);
             CREATE TABLE r (x int, a dom[]); INSERT INTO r VALUES (1, NULL), (1, NULL);
             CREATE TABLE pa (x int, y text) PARTITION BY LIST (i('key ' || x)); CREATE TABLE pa1 PARTITION OF pa FOR VALUES IN (1)",
        )
        .unwrap();
    mallory
        .batch_execute(
            "CREATE UNIQUE INDEX CONCURRENTLY bad ON r (x) WHERE a IS DISTINCT FROM '{1}'::dom[]",
        )
        .expect_err("two equal rows");
    mallory.batch_execute("DELETE FROM r").unwrap();
    if server().major >= 16 {
        // before, rows run what they call as the owner of the subscription
        mallory
            .batch_execute("INSERT INTO pa VALUES (1, 'a')")
            .unwrap();
    }
    pair.wait();
    pair.destination.run(&format!("TRUNCATE {role}.seen"));
    // before 17 no event trigger sees a REINDEX: not the first command of a session
    pair.source.run_each(&[
        "CREATE TABLE first ()",
        &format!("REINDEX INDEX {role}.bad"),
    ]);
    if server().major >= 14 {
        pair.source.run(&format!(
            "ALTER TABLE {role}.pa DETACH PARTITION {role}.pa1 CONCURRENTLY"
        ));
    }
    // what a superuser's table takes from a temporary one: hers, or his own that took it from hers
    pair.source.run(&format!(
        "CREATE FUNCTION public.like_hers() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
           AS 'CREATE TABLE {role}.like_hers (LIKE pg_temp.hers INCLUDING ALL)'; GRANT EXECUTE ON FUNCTION public.like_hers() TO {role}"
    ));
    for columns in [
        "a dom[] DEFAULT '{1}'::dom[]",
        "x int, CHECK (x::text::dom[] <> '{2}'::dom[])",
        "x int, g int GENERATED ALWAYS AS (i('derived generated')) STORED",
    ] {
        mallory
            .batch_execute(&format!(
                "CREATE TEMP TABLE hers ({columns}); SELECT public.like_hers(); DROP TABLE hers"
            ))
            .unwrap_or_else(|error| panic!("{columns}: {error:?}"));
        pair.wait();
        assert_eq!(
            pair.destination.value(
                "SELECT status || ': ' || note FROM dts_ddl.apply_log ORDER BY entry DESC LIMIT 1"
            ),
            "not for replay: what it takes from a temporary table would run code of other roles when it is read as text",
            "{columns}"
        );
        pair.source
            .run(&format!("DROP TABLE IF EXISTS {role}.like_hers"));
    }
    mallory
        .batch_execute(&format!(
            "CREATE TABLE {role}.ord (a dom[] DEFAULT '{{1}}'::dom[])"
        ))
        .unwrap();
    pair.source.run(&format!(
        "CREATE TEMP TABLE stage (LIKE {role}.ord INCLUDING ALL); CREATE TABLE fin (LIKE stage INCLUDING ALL); DROP TABLE IF EXISTS fin"
    ));
    pair.wait();
    assert_ne!(
        pair.destination.value(&format!(
            "SELECT count(*) FROM {role}.seen WHERE what LIKE 'derived%'"
        )),
        "0",
        "the test is one of code that runs"
    );
    nothing_gained(&pair.destination, role);
    assert_eq!(
        pair.destination.value(&format!(
            "SELECT count(*) FROM {role}.seen WHERE what LIKE 'key%'"
        )),
        "0",
        "no look at the rows"
    );
    assert_eq!(
        pair.destination.value(&format!(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = '{role}.bad'::regclass"
        )),
        "true"
    );
    same_schema(&pair.source, &pair.destination);
}

/// A table that is here and is not the role's takes no part in the subscription, whatever the role says.
#[test]
fn tables_of_others() {
    let pair = Pair::simple("others");
    for node in [&pair.source, &pair.destination] {
        node.run("CREATE ROLE others_app LOGIN");
        node.run(&format!(
            "GRANT CREATE ON DATABASE {} TO others_app",
            node.database
        ));
    }
    pair.source
        .run("CREATE SCHEMA app; GRANT ALL ON SCHEMA app TO others_app");
    pair.wait();
    pair.destination
        .run("CREATE TABLE app.payroll (id int PRIMARY KEY, name text); INSERT INTO app.payroll VALUES (1, 'victim')");
    let mut client = pair.source.connect_as(Some("others_app"));
    client
        .batch_execute("CREATE TABLE IF NOT EXISTS app.payroll (id int PRIMARY KEY, name text)")
        .unwrap();
    client
        .batch_execute("INSERT INTO app.payroll VALUES (666, 'stranger'); CREATE TABLE app.mine (x int); INSERT INTO app.mine VALUES (1)")
        .unwrap();
    pair.wait();
    assert_eq!(
        pair.destination
            .value("SELECT string_agg(name, ' ') FROM app.payroll"),
        "victim"
    );
    assert_eq!(pair.destination.value("SELECT count(*) FROM app.mine"), "1");
    assert_eq!(
        pair.destination.value(
            "SELECT count(*) FROM pg_subscription_rel WHERE srrelid = 'app.payroll'::regclass"
        ),
        "0"
    );
    let note = pair
        .destination
        .value("SELECT note FROM dts_ddl.apply_log WHERE note LIKE '%app.payroll%'");
    assert!(note.contains("takes no part in the subscription"), "{note}");

    // DDL of code that a command calls has a row of its own, if it ran on the source, and is left out here
    client
        .batch_execute(
            "SET search_path = app; CREATE TABLE base (x int); INSERT INTO base VALUES (1);
             CREATE FUNCTION here_only() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
               IF current_setting('session_replication_role') = 'replica' THEN
                 CREATE TABLE app.accounts (id int PRIMARY KEY, name text); CREATE OR REPLACE FUNCTION app.planted() RETURNS int LANGUAGE sql AS 'SELECT 1';
                 EXECUTE 'CREATE TABLE app.planted AS SELECT 1 AS x'; ALTER FUNCTION app.here_only() SECURITY DEFINER;
               ELSE CREATE TABLE app.on_both (x int); END IF; RETURN 1; END $$;
             ALTER TABLE base ADD CHECK (here_only() = 1)",
        )
        .unwrap();
    pair.wait();
    assert_eq!(
        pair.destination.value("SELECT concat_ws(' ', to_regclass('app.accounts'), to_regclass('app.planted'), to_regprocedure('app.planted()'), to_regclass('app.on_both'))"),
        "app.on_both"
    );
    // what is here only, all the same
    pair.destination
        .connect_as(Some("others_app"))
        .batch_execute("CREATE TABLE app.accounts (id int PRIMARY KEY, name text); CREATE TABLE app.audit (id int PRIMARY KEY)")
        .unwrap();
    pair.source
        .run("CREATE ROLE others_victim LOGIN; GRANT ALL ON SCHEMA app TO others_victim");
    pair.destination
        .run("CREATE ROLE others_victim LOGIN; GRANT ALL ON SCHEMA app TO others_victim");
    // it is nothing that the source's role has published ..
    pair.source
        .connect_as(Some("others_victim"))
        .batch_execute("CREATE TABLE IF NOT EXISTS app.accounts (id int PRIMARY KEY, name text); INSERT INTO app.accounts VALUES (1, 'secret')")
        .unwrap();
    pair.wait();
    assert_eq!(
        pair.destination.value("SELECT count(*) FROM app.accounts"),
        "0"
    );
    // .. nor does a superuser go on with it ..
    pair.source
        .run("CREATE TABLE IF NOT EXISTS app.audit (id int PRIMARY KEY)");
    let words = "app.audit is here already, and belongs to another role";
    pair.expect_error(&["could not apply DDL command", words]);
    pair.destination.run("DROP TABLE app.audit");
    pair.wait();
    // .. and rows of a table of that name do not go into somebody else's
    client
        .batch_execute("CREATE SCHEMA mine; CREATE TABLE mine.bal (id int PRIMARY KEY)")
        .unwrap();
    pair.wait();
    pair.destination
        .run("ALTER TABLE mine.bal OWNER TO others_victim; ALTER TABLE mine.bal RENAME TO bal2");
    client
        .batch_execute("CREATE TABLE IF NOT EXISTS mine.bal2 (id int PRIMARY KEY); INSERT INTO mine.bal2 VALUES (666)")
        .unwrap();
    let words = "mine.bal2 is here already, and belongs to another role";
    pair.expect_error(&["could not apply DDL command", words]);
    assert_eq!(
        pair.destination.value("SELECT count(*) FROM mine.bal2"),
        "0"
    );
}

/// The owner of a destination's database owns schema public, and what has a name of ours there need not be ours.
#[test]
fn owner_of_the_database() {
    let pair = Pair::simple("dbowner");
    pair.destination.run("CREATE ROLE dbowner_any LOGIN");
    for node in [&pair.source, &pair.destination] {
        node.run(&format!(
            "CREATE ROLE dbowner_dbo LOGIN; ALTER DATABASE {} OWNER TO dbowner_dbo; ALTER SCHEMA public OWNER TO dbowner_dbo",
            node.database
        ));
    }
    // in the worker
    pair.source
        .connect_as(Some("dbowner_dbo"))
        .batch_execute(
            "CREATE SCHEMA d; CREATE TABLE d.seen (what text); CREATE TABLE d.t (x int); INSERT INTO d.t VALUES (1);
             CREATE FUNCTION d.f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN ALTER SCHEMA public RENAME TO gone; RETURN 1;
               EXCEPTION WHEN OTHERS THEN INSERT INTO d.seen VALUES (SQLERRM); RETURN 1; END $$;
             ALTER TABLE d.t ADD CHECK (d.f() = 1)",
        )
        .unwrap_or_else(|error| panic!("{error:?}"));
    pair.wait();
    let seen = pair.destination.column("SELECT DISTINCT what FROM d.seen");
    assert_eq!(
        seen,
        ["must be superuser to rename the schema of extension dts_ddl_capture's table"]
    );
    let mut dbo = pair.destination.connect_as(Some("dbowner_dbo"));
    for sql in [
        "DROP SCHEMA public CASCADE",
        "DROP OWNED BY dbowner_dbo CASCADE",
        "DROP EXTENSION dts_ddl_capture CASCADE",
        "ALTER SCHEMA public RENAME TO old",
    ] {
        let error = dbo.batch_execute(sql).expect_err(sql);
        assert_eq!(
            error.code().map(|code| code.code()),
            Some("42501"),
            "{sql}: {error:?}"
        );
    }
    // a superuser has
    pair.destination.run("ALTER SCHEMA public RENAME TO old");
    dbo.batch_execute(
        "CREATE SCHEMA public; CREATE TABLE public.ran (who text); GRANT ALL ON SCHEMA public TO PUBLIC; GRANT ALL ON public.ran TO PUBLIC;
         CREATE FUNCTION public.probe() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.ran VALUES (current_user); RETURN 1; END $$;
         CREATE VIEW public.dts_ddl_command AS SELECT 'x'::text AS ddl_text, public.probe() AS id, 'x'::text AS event, 'x'::text AS tag, 'x'::varchar AS username, 'x'::varchar AS database, 'x'::varchar AS schema,
           'x'::varchar AS object_type, 'x'::varchar AS object_name, 'x'::varchar AS client_address, 1 AS client_port, pg_catalog.now() AS event_time, '1'::varchar(128) AS txid_current, '{}'::text AS message;
         GRANT ALL ON public.dts_ddl_command TO PUBLIC",
    )
    .unwrap();
    let mut anybody = pair.destination.connect_as(Some("dbowner_any"));
    let mut superuser = pair.destination.connect();
    for sql in [
        "SELECT * FROM dts_ddl.check()",
        "SELECT * FROM dts_ddl.status",
        "SELECT * FROM dts_ddl.history",
        "SELECT dts_ddl.start_apply(trust_source => true)",
        "SELECT dts_ddl.stop_apply()",
        "SELECT dts_ddl.script()",
        "SELECT dts_ddl.prune()",
    ] {
        let _ = anybody.batch_execute(sql);
        let _ = superuser.batch_execute(sql);
        assert_eq!(
            pair.destination
                .column("SELECT DISTINCT who FROM public.ran WHERE who NOT LIKE 'dbowner%'"),
            Vec::<String>::new(),
            "{sql}"
        );
    }
    dbo.batch_execute("DROP SCHEMA public CASCADE; ALTER SCHEMA old RENAME TO public")
        .unwrap();
    pair.source.run("CREATE TABLE goes_on (x int)");
    pair.wait();
    assert_eq!(pair.destination.value("to_regclass('goes_on')"), "goes_on");
}

/// The owner of a source's database puts a table of his own, or a view, where the capture table would be: nothing of his runs as the
/// role with which a subscription connects.
#[test]
fn hostile_publisher() {
    let pair = Pair::bare(&Servers::shared(), "hostile");
    pair.source.run(&format!(
        "CREATE ROLE hostile_dbo LOGIN; CREATE ROLE hostile_reader LOGIN REPLICATION; ALTER DATABASE {} OWNER TO hostile_dbo;
         ALTER SCHEMA public OWNER TO hostile_dbo",
        pair.source.database
    ));
    pair.destination
        .run("CREATE EXTENSION dts_ddl_capture; SELECT dts_ddl.start_apply(trust_source => true)");
    let mut dbo = pair.source.connect_as(Some("hostile_dbo"));
    let columns = "ddl_text text, event text, tag text, username varchar, database varchar, schema varchar, object_type varchar, object_name varchar,
        client_address varchar, client_port int, event_time timestamptz, txid_current varchar, message text";
    let subscribe = |user: &str| {
        let connection = pair
            .source
            .cluster()
            .connection_string(&pair.source.database);
        let _ = pair.destination.connect().batch_execute(&format!(
            "CREATE SUBSCRIPTION hostile CONNECTION '{connection}{user}' PUBLICATION p"
        ));
        assert_eq!(
            pair.source.column("SELECT who FROM public.seen"),
            Vec::<String>::new(),
            "with the rights of the connection"
        );
        assert_eq!(
            pair.destination
                .value("SELECT count(*) FROM pg_subscription WHERE subname = 'hostile'"),
            "0"
        );
    };

    dbo.batch_execute(&format!(
        "CREATE TABLE public.seen (who text); CREATE TYPE public.number AS (n bigint); GRANT ALL ON public.seen TO PUBLIC;
         CREATE FUNCTION public.noted() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen VALUES (current_user); RETURN true; END $$;
         CREATE FUNCTION public.as_text(public.number) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM public.noted(); RETURN '1'; END $$;
         CREATE CAST (public.number AS text) WITH FUNCTION public.as_text(public.number) AS IMPLICIT;
         CREATE TABLE public.dts_ddl_command (id public.number, {columns}); INSERT INTO public.dts_ddl_command (id) VALUES (ROW(1));
         CREATE PUBLICATION p FOR TABLE public.dts_ddl_command"
    ))
    .unwrap();
    subscribe("");

    dbo.batch_execute(&format!(
        "DROP TABLE public.dts_ddl_command; CREATE TABLE public.dts_ddl_command (id bigint, {columns}); INSERT INTO public.dts_ddl_command (id) VALUES (1);
         CREATE POLICY noted ON public.dts_ddl_command USING (public.noted()); ALTER TABLE public.dts_ddl_command ENABLE ROW LEVEL SECURITY;
         GRANT SELECT ON public.dts_ddl_command TO hostile_reader; ALTER PUBLICATION p ADD TABLE public.dts_ddl_command"
    ))
    .unwrap();
    subscribe(" user=hostile_reader");

    // in between the look at the publications and the query
    dbo.batch_execute(
        "ALTER TABLE public.dts_ddl_command RENAME TO other;
         CREATE VIEW public.dts_ddl_command AS SELECT * FROM public.other WHERE public.noted()",
    )
    .unwrap();
    let error = pair
        .source
        .connect()
        .batch_execute(crate::apply::source::ROWS)
        .expect_err("a view");
    assert!(describe(&error).contains("TABLESAMPLE"), "{error:?}");
    subscribe("");
}

/// A pair whose destination logs errors. Functions of an ordinary role that fail there alone: `t.f()` with an error that may pass by
/// itself, `t.g()` by the end of the worker.
fn logging(options: &Options, role: &str) -> Pair {
    let pair = Pair::new(options);
    for node in [&pair.source, &pair.destination] {
        node.run(&format!(
            "CREATE ROLE {role} LOGIN; GRANT CREATE ON DATABASE {} TO {role}",
            node.database
        ));
    }
    pair.destination.run(&format!(
        "ALTER DATABASE {} SET dts_ddl_capture.apply_on_error = log",
        pair.destination.database
    ));
    pair.source
        .connect_as(Some(role))
        .batch_execute(
            "CREATE SCHEMA t; CREATE TABLE t.base (x int); INSERT INTO t.base VALUES (1); CREATE TABLE t.more (x int); INSERT INTO t.more VALUES (1);
             CREATE FUNCTION t.f() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN IF current_setting('session_replication_role') = 'replica' THEN RAISE EXCEPTION 'later' USING ERRCODE = '40001'; END IF; RETURN true; END $$;
             CREATE FUNCTION t.g() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN IF current_setting('session_replication_role') = 'replica' THEN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); END IF; RETURN true; END $$",
        )
        .unwrap();
    pair.wait();
    pair.destination
        .run("SELECT pg_terminate_backend(pid) FROM pg_stat_subscription WHERE pid IS NOT NULL");
    pair
}

fn failed(pair: &Pair) -> Vec<String> {
    pair.destination.column(
        "SELECT sqlstate || ' ' || ddl_text FROM dts_ddl.apply_log WHERE status = 'failed' ORDER BY id",
    )
}

/// Code of a command chooses its SQLSTATE, or ends the worker: where errors are logged, it is not tried for ever.
#[test]
fn not_tried_for_ever() {
    let options = Options {
        topic: "tries",
        ..Options::default()
    };
    let pair = logging(&options, "tries_app");
    let mut client = pair.source.connect();
    for sql in [
        "ALTER TABLE t.base ADD CHECK (t.f())",
        "ALTER TABLE t.base ADD CHECK (t.g())",
        "CREATE TABLE t.after (x int)",
    ] {
        client.batch_execute(sql).unwrap();
    }
    pair.wait();
    assert_eq!(
        failed(&pair),
        [
            "40001 ALTER TABLE t.base ADD CHECK (t.f())",
            "54000 ALTER TABLE t.base ADD CHECK (t.g())"
        ]
    );
    assert_eq!(pair.destination.value("to_regclass('t.after')"), "t.after");
}

/// Nor are several in one transaction, which take each other's count. Rows that fail after a command are none of its tries.
#[test]
fn several_not_tried_for_ever() {
    let options = Options {
        topic: "turns",
        ..Options::default()
    };
    let pair = logging(&options, "turns_app");
    let mut client = pair.source.connect();
    for sql in [
        "BEGIN; CREATE TABLE t.first (x int); ALTER TABLE t.base ADD CHECK (t.f()); ALTER TABLE t.more ADD CHECK (t.f()); CREATE TABLE t.rest (x int); COMMIT",
        "CREATE TABLE t.next (x int)",
    ] {
        client.batch_execute(sql).unwrap();
    }
    pair.wait();
    let both = [
        "40001 ALTER TABLE t.base ADD CHECK (t.f())",
        "40001 ALTER TABLE t.more ADD CHECK (t.f())",
    ];
    assert_eq!(failed(&pair), both);
    for table in ["t.first", "t.rest", "t.next"] {
        let found = format!("to_regclass('{table}')");
        assert_eq!(pair.destination.value(&found), table);
    }
    // once the worker has ended so often, none of the transaction is run
    for sql in [
        "BEGIN; ALTER TABLE t.base ADD CHECK (t.g()); ALTER TABLE t.more ADD CHECK (t.g()); CREATE TABLE t.lost (x int); COMMIT",
        "CREATE TABLE t.after (x int)",
    ] {
        client.batch_execute(sql).unwrap();
    }
    pair.wait();
    assert_eq!(
        failed(&pair)[2..],
        [
            "54000 ALTER TABLE t.base ADD CHECK (t.g())",
            "54000 ALTER TABLE t.more ADD CHECK (t.g())",
            "54000 CREATE TABLE t.lost (x int)"
        ]
    );
    assert_eq!(pair.destination.value("to_regclass('t.after')"), "t.after");

    // more often than a command is tried
    pair.source.run("CREATE TABLE t.keyed (id int PRIMARY KEY)");
    pair.wait();
    pair.destination.run("INSERT INTO t.keyed VALUES (1)");
    pair.source
        .run("BEGIN; CREATE TABLE t.with_rows (x int); INSERT INTO t.keyed VALUES (1); COMMIT");
    let start = Instant::now();
    while pair
        .destination
        .cluster()
        .log()
        .matches("keyed_pkey")
        .count()
        < 12
    {
        assert!(start.elapsed() < Duration::from_secs(60), "too few tries");
        std::thread::sleep(Duration::from_millis(100));
    }
    pair.destination.run("DELETE FROM t.keyed");
    pair.wait();
    assert_eq!(
        pair.destination.value("to_regclass('t.with_rows')"),
        "t.with_rows"
    );
}

/// Two large transactions at once, in parallel workers.
#[test]
fn parallel_ones_not_tried_for_ever() {
    if server().major < 16 {
        return skipped("parallel_ones_not_tried_for_ever", "no parallel workers");
    }
    let options = Options {
        topic: "parallel",
        subscription: "streaming = parallel,",
        ..Options::default()
    };
    let pair = logging(&options, "parallel_app");
    let (mut one, mut two) = (pair.source.connect(), pair.source.connect());
    let rows =
        |table: &str| format!("INSERT INTO {table} SELECT g FROM generate_series(1, 5000) g");
    for (client, table) in [(&mut one, "t.base"), (&mut two, "t.more")] {
        client
            .batch_execute(&format!(
                "BEGIN; CREATE TABLE {table}_new (x int); {rows}; ALTER TABLE {table} ADD CHECK (t.f()); {rows}",
                rows = rows(&format!("{table}_new"))
            ))
            .unwrap();
    }
    one.batch_execute("COMMIT; CREATE TABLE t.after (x int)")
        .unwrap();
    two.batch_execute("COMMIT").unwrap();
    pair.wait();
    assert_eq!(
        failed(&pair),
        [
            "40001 ALTER TABLE t.base ADD CHECK (t.f())",
            "40001 ALTER TABLE t.more ADD CHECK (t.f())"
        ]
    );
    assert_eq!(pair.destination.value("to_regclass('t.after')"), "t.after");
}

/// Of the texts of an error the beginning is kept, whatever their length.
#[test]
fn long_error() {
    let options = Options {
        topic: "long",
        ..Options::default()
    };
    let pair = logging(&options, "long_app");
    pair.source.run(
        "CREATE FUNCTION t.long() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN IF current_setting('session_replication_role') = 'replica' THEN
           RAISE EXCEPTION USING MESSAGE = repeat('ä', 50000000), DETAIL = repeat('y', 100000000), HINT = repeat('z', 100000000); END IF; RETURN true; END $$",
    );
    pair.source.run("ALTER TABLE t.base ADD CHECK (t.long())");
    pair.wait();
    assert_eq!(
        pair.destination.value(
            "SELECT string_agg(regexp_replace(regexp_replace(error, 'ä+', 'ä'), 'y+', 'y') || ' ' || octet_length(error), ',')
               FROM dts_ddl.apply_log WHERE status = 'failed'"
        ),
        // each text of 65535 bytes, the first one of whole characters
        format!(
            "ä... DETAIL: y... {}",
            65534 + 65535 + " DETAIL: ......".len()
        )
    );
}
