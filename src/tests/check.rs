//! `dts_ddl.check()` names what is broken, and nothing else; `dts_ddl.status`, `history` and `pending()`. A destination's
//! checks: `apply_check.rs`.

use super::cluster;
use super::server::{Database, server, skipped, value};
use postgres::Client;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// name, then status, found and remedy
pub type Findings = BTreeMap<String, (String, String, Option<String>)>;

pub fn findings(client: &mut Client) -> Findings {
    let rows = client
        .query(
            "SELECT name, status, found, remedy FROM dts_ddl.check()",
            &[],
        )
        .expect("dts_ddl.check()");
    let count = rows.len();
    let found: Findings = rows
        .iter()
        .map(|row| (row.get(0), (row.get(1), row.get(2), row.get(3))))
        .collect();
    assert_eq!(found.len(), count, "one row for each check");
    for (name, (status, text, remedy)) in &found {
        assert!(["ok", "warning", "error"].contains(&status.as_str()));
        assert!(!text.is_empty(), "{name}");
        // a column was dropped, or something is wrong with the query
        let made = !text.starts_with("could not be checked") || text.contains("does not exist");
        assert!(made, "{name}: {text}");
        assert_eq!(
            remedy.is_some(),
            status != "ok",
            "{name} {status} {remedy:?}"
        );
    }
    found
}

/// In a transaction that is rolled back.
pub fn findings_after(client: &mut Client, change: &str) -> Findings {
    client.batch_execute("BEGIN").unwrap();
    client
        .batch_execute(change)
        .unwrap_or_else(|error| panic!("{change}: {error:?}"));
    let found = findings(client);
    client.batch_execute("ROLLBACK").unwrap();
    found
}

/// What is not ok.
fn alarms(found: &Findings) -> Vec<String> {
    found
        .iter()
        .filter(|(_, (status, ..))| status != "ok")
        .map(|(name, (status, ..))| format!("{name} {status}"))
        .collect()
}

/// A database in which everything is as it should be, but that no consumer has a slot.
fn sound(topic: &str) -> Database {
    let database = Database::new(topic);
    database
        .connect()
        .batch_execute(
            "CREATE TABLE app (id int PRIMARY KEY); CREATE PUBLICATION mig FOR ALL TABLES; SELECT pg_stat_clear_snapshot()",
        )
        .unwrap();
    database
}

/// In a transaction that is rolled back: what breaks, the checks that must say so (`name status`, sorted), and a word that the
/// first of them must say.
const BROKEN: &[(&str, &[&str], &str)] = &[
    // the event triggers and what they call
    ("ALTER EVENT TRIGGER dts_intercept_ddl DISABLE", &["triggers error"], "\"dts_intercept_ddl\" is disabled"),
    ("ALTER EVENT TRIGGER dts_intercept_drop DISABLE", &["triggers error"], "\"dts_intercept_drop\" is disabled"),
    ("ALTER EVENT TRIGGER dts_intercept_start ENABLE REPLICA", &["triggers error"], "ENABLE REPLICA"),
    ("ALTER EVENT TRIGGER dts_intercept_ddl ENABLE ALWAYS", &["triggers error"], "ENABLE ALWAYS"),
    ("ALTER EXTENSION dts_ddl_capture DROP EVENT TRIGGER dts_intercept_ddl; DROP EVENT TRIGGER dts_intercept_ddl", &["triggers error"], "does not exist"),
    ("ALTER EXTENSION dts_ddl_capture DROP EVENT TRIGGER dts_intercept_ddl; DROP EVENT TRIGGER dts_intercept_ddl;
      CREATE EVENT TRIGGER dts_intercept_ddl ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.dts_capture_ddl()",
     &["triggers error"], "CREATE TABLE"),
    ("CREATE FUNCTION public.mine() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
      ALTER EXTENSION dts_ddl_capture DROP EVENT TRIGGER dts_intercept_ddl; DROP EVENT TRIGGER dts_intercept_ddl;
      CREATE EVENT TRIGGER dts_intercept_ddl ON ddl_command_end EXECUTE FUNCTION public.mine()", &["triggers error"], "public.mine()"),
    ("CREATE OR REPLACE FUNCTION public.dts_capture_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'", &["functions error"], "plpgsql"),
    ("ALTER FUNCTION public.dts_capture_ddl() SET search_path TO public", &["functions error"], "search_path"),
    ("ALTER FUNCTION public.dts_capture_ddl() SET search_path TO pg_catalog, pg_temp", &[], ""),
    ("ALTER FUNCTION dts_ddl.skip(bigint) RESET search_path", &["functions error"], "search_path"),
    ("ALTER FUNCTION dts_ddl.capture_drop() OWNER TO pg_monitor", &["functions error"], "pg_monitor"),
    ("ALTER EXTENSION dts_ddl_capture DROP FUNCTION public.dts_capture_ddl()", &["functions error"], "no member"),
    ("ALTER EXTENSION dts_ddl_capture DROP EVENT TRIGGER dts_intercept_ddl", &["triggers error"], "\"dts_intercept_ddl\" is no member"),
    ("CREATE ROLE dts_check_su SUPERUSER; ALTER EVENT TRIGGER dts_intercept_drop OWNER TO dts_check_su", &["triggers error"], "belongs to role dts_check_su"),
    ("ALTER FUNCTION public.dts_capture_ddl() SECURITY DEFINER", &["functions error"], "public.dts_capture_ddl() is SECURITY DEFINER"),
    ("ALTER FUNCTION dts_ddl.capture_start() SET role = pg_monitor; SET LOCAL dts_ddl_capture.enabled = on", &["functions error"], "dts_ddl.capture_start() has settings {role=pg_monitor}"),
    ("ALTER FUNCTION public.dts_capture_ddl() SET dts_ddl_capture.enabled = off", &["functions error"], "dts_ddl_capture.enabled=off"),
    ("ALTER FUNCTION dts_ddl.last_id() IMMUTABLE", &["functions error"], "dts_ddl.last_id() has another volatility"),
    ("CREATE OR REPLACE FUNCTION dts_ddl.pending(slot name) RETURNS SETOF dts_ddl.history LANGUAGE sql STRICT SET search_path TO pg_catalog, pg_temp
        AS 'SELECT h.* FROM dts_ddl.history h'", &["functions error"], "dts_ddl.pending(name) has another body"),
    // what stock replication cannot do
    ("CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE TRIGGER g AFTER INSERT ON app FOR EACH ROW EXECUTE FUNCTION public.f();
      ALTER TABLE app ENABLE ALWAYS TRIGGER g", &["always_triggers warning"], "public.app (g)"),
    ("CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE TRIGGER g AFTER TRUNCATE ON app EXECUTE FUNCTION public.f();
      ALTER TABLE app ENABLE REPLICA TRIGGER g", &["always_triggers warning"], "public.app (g, ENABLE REPLICA)"),
    // of a partition, too
    ("CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE TABLE p (id int PRIMARY KEY) PARTITION BY LIST (id);
      CREATE TABLE p1 PARTITION OF p DEFAULT; CREATE TRIGGER g AFTER INSERT ON p FOR EACH ROW EXECUTE FUNCTION public.f(); ALTER TABLE p1 ENABLE ALWAYS TRIGGER g",
     &["always_triggers warning"], "public.p1 (g)"),
    // what apply does not fire: triggers of statements that it does not run, rules
    ("CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE TRIGGER g AFTER UPDATE OR DELETE ON app EXECUTE FUNCTION public.f();
      ALTER TABLE app ENABLE ALWAYS TRIGGER g; CREATE RULE r AS ON INSERT TO app DO ALSO NOTHING; ALTER TABLE app ENABLE ALWAYS RULE r", &[], ""),
    ("CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE TRIGGER g AFTER INSERT ON app FOR EACH ROW EXECUTE FUNCTION public.f();
      ALTER TABLE app ENABLE ALWAYS TRIGGER g; DROP PUBLICATION mig", &["publications warning"], ""),
    ("CREATE TABLE gk (a int, b int GENERATED ALWAYS AS (a) STORED, PRIMARY KEY (a, b))", &["generated_keys error"], "public.gk (b)"),
    ("CREATE TABLE gk (a int NOT NULL UNIQUE, b int GENERATED ALWAYS AS (a) STORED, PRIMARY KEY (a, b)); ALTER TABLE gk REPLICA IDENTITY USING INDEX gk_a_key", &[], ""),
    ("CREATE TABLE chi (id int, d int REFERENCES app) PARTITION BY RANGE (id); CREATE TABLE chi1 PARTITION OF chi DEFAULT",
     &["truncate_cascade warning"], "public.chi (references public.app)"),
    ("CREATE TABLE chi (id int PRIMARY KEY, d int REFERENCES chi) PARTITION BY RANGE (id); CREATE TABLE chi1 PARTITION OF chi DEFAULT",
     &["truncate_cascade warning"], "public.chi (references public.chi1)"),
    ("CREATE TABLE chi (id int PRIMARY KEY, d int REFERENCES app); DROP PUBLICATION mig; CREATE PUBLICATION mig FOR TABLE app, public.dts_ddl_command",
     &["published_tables warning", "truncate_cascade warning"], "public.chi (references public.app)"),
    ("CREATE TABLE chi (id int PRIMARY KEY, d int REFERENCES app) PARTITION BY LIST (id); CREATE TABLE chi1 PARTITION OF chi DEFAULT; DROP PUBLICATION mig;
      CREATE PUBLICATION mig FOR TABLE app, public.dts_ddl_command", &["published_tables warning", "truncate_cascade warning"], "1 tables have a foreign key to"),
    ("CREATE TABLE chi (d int REFERENCES app, e int REFERENCES app)", &[], ""),
    ("CREATE TABLE par (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE par1 PARTITION OF par DEFAULT; CREATE TABLE chi (d int REFERENCES par)", &[], ""),
    ("DROP PUBLICATION mig; CREATE PUBLICATION mig FOR ALL TABLES WITH (publish_via_partition_root = true);
      CREATE TABLE chi (id int, d int REFERENCES app) PARTITION BY RANGE (id); CREATE TABLE chi1 PARTITION OF chi DEFAULT", &[], ""),
    // the table
    ("ALTER TABLE public.dts_ddl_command RENAME TO moved", &["table error"], "it has become public.moved"),
    ("ALTER TABLE public.dts_ddl_command ADD COLUMN more int; ALTER TABLE public.dts_ddl_command DROP COLUMN more", &["table error"], "the place of dropped ones"),
    ("CREATE UNIQUE INDEX ON public.dts_ddl_command (tag)", &["table error"], "further unique index"),
    ("ALTER TABLE public.dts_ddl_command DROP CONSTRAINT dts_ddl_command_pkey, ADD PRIMARY KEY (id) DEFERRABLE", &["table error"], "primary key"),
    ("ALTER TABLE public.dts_ddl_command ALTER id DROP DEFAULT", &["table warning"], "default"),
    ("ALTER TABLE public.dts_ddl_command ALTER event SET NOT NULL", &["table warning"], "NOT NULL"),
    ("ALTER TABLE public.dts_ddl_command ALTER tag TYPE text COLLATE \"C\"", &["table warning"], "collation"),
    ("ALTER TABLE public.dts_ddl_command ADD CONSTRAINT c CHECK (tag <> '')", &["table warning"], "constraints"),
    ("ALTER TABLE public.dts_ddl_command REPLICA IDENTITY DEFAULT", &[], ""),
    ("ALTER TABLE public.dts_ddl_command REPLICA IDENTITY FULL", &[], ""),
    ("CREATE INDEX ON public.dts_ddl_command (tag)", &[], ""),
    ("ALTER SEQUENCE public.dts_ddl_command_id_seq CACHE 20", &["table warning"], "dts_ddl_command_id_seq, which has CACHE 20"),
    ("ALTER SEQUENCE public.dts_ddl_command_id_seq OWNED BY NONE", &["table warning"], "not OWNED BY"),
    ("ALTER SEQUENCE public.dts_ddl_command_id_seq INCREMENT 10", &["table error"], "INCREMENT 10"),
    ("ALTER SEQUENCE public.dts_ddl_command_id_seq CYCLE", &["table error"], "cycles"),
    ("ALTER SEQUENCE public.dts_ddl_command_id_seq AS integer", &["table error"], "ends at 2147483647"),
    ("SELECT setval('public.dts_ddl_command_id_seq', 9223372036854775000)", &["ids error"], "ids left: 807"),
    ("SELECT setval('public.dts_ddl_command_id_seq', 9223372036854000000)", &["ids warning"], "ids left: 775807"),
    ("GRANT INSERT (ddl_text) ON public.dts_ddl_command TO pg_monitor", &["rights warning"], "pg_monitor has INSERT on column ddl_text"),
    ("GRANT SELECT ON public.dts_ddl_command TO PUBLIC", &["rights warning"], "PUBLIC has SELECT"),
    ("GRANT CREATE ON SCHEMA dts_ddl TO pg_monitor", &["rights warning"], "pg_monitor has CREATE on schema dts_ddl"),
    ("GRANT EXECUTE ON FUNCTION dts_ddl.skip(bigint) TO pg_monitor", &["rights warning"], "pg_monitor has EXECUTE on dts_ddl.skip(bigint)"),
    ("ALTER TABLE public.dts_ddl_command RENAME TO gone", &["table error"], "does not exist"),
    ("CREATE SCHEMA other; ALTER EXTENSION dts_ddl_capture DROP TABLE public.dts_ddl_command; ALTER TABLE public.dts_ddl_command SET SCHEMA other",
     &["replica_identity error", "table error"], "does not exist"),
    ("ALTER TABLE public.dts_ddl_command ADD COLUMN more int", &["table error"], "more integer"),
    ("ALTER TABLE public.dts_ddl_command DROP COLUMN message", &["data error", "table error"], "column 14 is missing instead of message text"),
    ("ALTER TABLE public.dts_ddl_command RENAME COLUMN tag TO kind", &["table error"], "kind text instead of tag text"),
    ("ALTER TABLE public.dts_ddl_command ALTER COLUMN tag TYPE varchar(40)", &["table error"], "tag character varying(40)"),
    ("ALTER TABLE public.dts_ddl_command SET UNLOGGED", &["table error"], "not logged"),
    ("ALTER TABLE public.dts_ddl_command DROP CONSTRAINT dts_ddl_command_pkey", &["table error"], "primary key"),
    ("ALTER TABLE public.dts_ddl_command ENABLE ROW LEVEL SECURITY", &["table error"], "row level security"),
    ("CREATE INDEX ON public.dts_ddl_command (lower(tag))", &["table error"], "expression"),
    ("CREATE RULE r AS ON INSERT TO public.dts_ddl_command DO INSTEAD NOTHING", &["table error"], "rules"),
    ("CREATE TABLE child () INHERITS (public.dts_ddl_command)", &["replica_identity error", "table error"], ""),
    ("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER t BEFORE INSERT ON public.dts_ddl_command
        FOR EACH ROW EXECUTE FUNCTION f()", &["table error"], "triggers"),
    ("SELECT setval('public.dts_ddl_command_id_seq', 1, false)", &["ids error"], "setval"),
    ("SELECT setval('public.dts_ddl_command_id_seq', 1000000)", &[], ""),
    ("GRANT INSERT ON public.dts_ddl_command TO pg_monitor", &["rights warning"], "pg_monitor has INSERT"),
    ("GRANT EXECUTE ON FUNCTION dts_ddl.prune() TO PUBLIC", &["rights warning"], "PUBLIC has EXECUTE"),
    ("GRANT pg_write_server_files TO dts_check_app", &["rights warning"], "dts_check_app has the rights of pg_write_server_files on public.dts_ddl_command"),
    ("GRANT SELECT ON public.dts_ddl_command TO pg_monitor", &[], ""),
    // settings
    ("ALTER DATABASE {database} SET dts_ddl_capture.enabled = off", &["settings error"], "enabled = off (ALTER DATABASE {database} SET)"),
    ("ALTER ROLE dts_check_app SET dts_ddl_capture.enabled = off", &["settings error"], "enabled = off (ALTER ROLE dts_check_app SET)"),
    ("ALTER ROLE dts_check_app IN DATABASE {database} SET dts_ddl_capture.on_error = warning", &["settings warning"], "on_error = warning (ALTER ROLE dts_check_app IN DATABASE {database} SET)"),
    ("SET LOCAL dts_ddl_capture.enabled = off", &["settings error"], "enabled = off (SET in this session)"),
    ("SET LOCAL dts_ddl_capture.replica_identity = off", &["settings warning"], "replica_identity = off"),
    ("SET LOCAL dts_ddl_capture.redact_secrets = off", &["settings warning"], "redact_secrets = off"),
    ("SET LOCAL dts_ddl_capture.max_age = 100", &["retention warning"], "max_age = 100"),
    ("SET LOCAL dts_ddl_capture.max_age = 86400", &[], "max_age = 86400"),
    ("ALTER ROLE dts_check_app SET session_replication_role = replica", &["session_replication_role error"], "ALTER ROLE dts_check_app SET"),
    ("ALTER DATABASE {database} SET session_replication_role = 'replica'", &["session_replication_role error"], "ALTER DATABASE"),
    ("ALTER ROLE dts_check_app SET session_replication_role = local", &[], ""),
    ("SET LOCAL dts_ddl_capture.capture_roles = on", &["preload warning"], "session_preload_libraries"),
    ("SET LOCAL dts_ddl_capture.max_rows = 5", &["retention warning"], "max_rows = 5"),
    ("ALTER ROLE dts_check_app SET dts_ddl_capture.max_rows = 1", &["settings warning"], "max_rows = 1 (ALTER ROLE dts_check_app SET)"),
    ("ALTER ROLE dts_check_app SET dts_ddl_capture.max_age = 60", &["settings warning"], "max_age = 60 (ALTER ROLE dts_check_app SET)"),
    ("CREATE FUNCTION hides() RETURNS void LANGUAGE sql SET dts_ddl_capture.enabled = off AS ''", &["settings warning"], "enabled = off (function public.hides())"),
    ("CREATE FUNCTION hides() RETURNS void LANGUAGE sql SET session_replication_role = replica AS ''", &["session_replication_role warning"], "function public.hides()"),
    // publications
    ("DROP PUBLICATION mig", &["publications warning"], "no publication"),
    ("DROP PUBLICATION mig; CREATE PUBLICATION mig FOR TABLE app; CREATE TABLE other (id int)", &["publications error"], "in no publication"),
    ("DROP PUBLICATION mig; CREATE PUBLICATION mig FOR ALL TABLES WITH (publish = 'update')", &["publications error", "published_in_part warning"], "public.app (no INSERT, DELETE, TRUNCATE)"),
    ("DROP PUBLICATION mig; CREATE PUBLICATION mig FOR TABLE public.dts_ddl_command; CREATE TABLE other (id int)", &["published_tables warning"], "2 of 2 tables are in no publication: public.app, public.other"),
    ("DROP PUBLICATION mig; CREATE PUBLICATION mig FOR TABLE public.dts_ddl_command, app;
      CREATE TABLE p (id int PRIMARY KEY) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); ALTER PUBLICATION mig ADD TABLE p", &[], ""),
    ("SET LOCAL dts_ddl_capture.replica_identity = off; CREATE TABLE nokey (x int); SET LOCAL dts_ddl_capture.replica_identity = full",
     &["replica_identity error"], "1 published tables have no usable replica identity: public.nokey (no key)"),
    ("ALTER TABLE app REPLICA IDENTITY NOTHING", &["replica_identity error"], "public.app (REPLICA IDENTITY NOTHING)"),
    ("CREATE TABLE a (x int NOT NULL UNIQUE); ALTER TABLE a REPLICA IDENTITY USING INDEX a_x_key", &[], ""),
    ("CREATE TABLE a (x int NOT NULL UNIQUE); ALTER TABLE a REPLICA IDENTITY USING INDEX a_x_key; ALTER TABLE a DROP CONSTRAINT a_x_key", &["replica_identity error"], "public.a (its index is gone)"),
    ("ALTER TABLE app REPLICA IDENTITY NOTHING; DROP PUBLICATION mig; CREATE PUBLICATION mig FOR ALL TABLES WITH (publish = 'insert')", &["published_in_part warning"], "published in part"),
    ("DROP PUBLICATION mig; CREATE PUBLICATION mig FOR ALL TABLES WITH (publish = 'insert, update, delete')", &["published_in_part warning"], "1 tables are published in part: public.app (no TRUNCATE)"),
    ("CREATE PUBLICATION dts_sync_x FOR TABLE app", &["publications warning"], "not, or not whole, in dts_sync_x"),
    ("DROP PUBLICATION mig; CREATE PUBLICATION dts_sync_x FOR TABLE app, public.dts_ddl_command; ALTER ROLE dts_check_app SET dts_ddl_capture.publication_prefix = ''",
     &["settings warning"], "publication_prefix ="),
    ("GRANT CREATE ON DATABASE {database} TO dts_check_app; SET LOCAL ROLE dts_check_app; CREATE PUBLICATION dts_sync_x; RESET ROLE",
     &["publication_owners warning"], "new tables do not join dts_sync_x"),
    ("GRANT CREATE ON DATABASE {database} TO dts_check_app; SET LOCAL ROLE dts_check_app; CREATE PUBLICATION other; RESET ROLE", &[], ""),
    ("CREATE TABLE d (x int PRIMARY KEY DEFERRABLE); ALTER TABLE d REPLICA IDENTITY DEFAULT", &["replica_identity error"], "public.d (its key is deferrable)"),
    ("CREATE TABLE j (x point)", &["unequal_columns warning"], "public.j (x point)"),
    ("CREATE TYPE cj AS (x int, j json); CREATE DOMAIN dj AS cj; CREATE TABLE j (x dj[])", &["unequal_columns warning"], "public.j (x public.dj[])"),
    ("CREATE TABLE k (id int PRIMARY KEY, j json); CREATE TABLE j (x k)", &["unequal_columns warning"], "public.j (x public.k)"),
    ("CREATE TYPE cj AS (x int, j jsonb); CREATE DOMAIN dj AS cj; CREATE TABLE j (x dj[], y cj)", &[], ""),
    ("CREATE TABLE j (x json[])", &["unequal_columns warning"], "public.j"),
    ("CREATE DOMAIN dj AS json; CREATE DOMAIN dk AS dj[]; CREATE TABLE j (x dk)", &["unequal_columns warning"], "public.j"),
    ("CREATE TABLE j (x json)", &["unequal_columns warning"], "public.j"),
    ("CREATE TABLE j (x jsonb, y varchar, z int[], p point, q text, r regclass, s \"char\", id int PRIMARY KEY)", &[], ""),
    ("CREATE TABLE j (x jsonb, y varchar, z int[], q text, r regclass, s \"char\", t timetz, u bit(3), v inet, w cidr, o bpchar, n numeric, k oidvector)", &[], ""),
    // what replication does not carry
    ("CREATE UNLOGGED TABLE u (x int PRIMARY KEY)", &["unlogged_tables warning"], "public.u"),
    ("CREATE SEQUENCE sq", &["sequences warning"], "public.sq"),
    ("SELECT lo_create(0)", &["large_objects warning"], "1 large objects"),
    ("CREATE TABLE v (id int PRIMARY KEY); INSERT INTO v VALUES (1); ALTER TABLE v ADD COLUMN r float8 DEFAULT random()", &["volatile_rewrites warning"], "public.v"),
    ("CREATE UNLOGGED TABLE u (x int PRIMARY KEY); INSERT INTO u VALUES (1); ALTER TABLE u SET LOGGED", &["undecoded_rows warning"], "public.u"),
    ("CREATE ROLE dts_check_role; GRANT CREATE ON SCHEMA public TO dts_check_role; SET LOCAL ROLE dts_check_role; CREATE TABLE public.r (x int PRIMARY KEY); RESET ROLE;
      REASSIGN OWNED BY dts_check_role TO CURRENT_USER; DROP OWNED BY dts_check_role; DROP ROLE dts_check_role", &["roles warning"], "do not exist here: dts_check_role"),
    ("CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (password 'x')", &["secrets warning"], "1 rows"),
    ("INSERT INTO public.dts_ddl_command (ddl_text, message) VALUES ('CREATE TABLE x ()', 'no JSON')", &[], ""),
    // others
    ("SELECT setval('dts_ddl.gap_count', 3)", &["gaps error"], "3 commands"),
    ("CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER awsdms_intercept_ddl ON ddl_command_end EXECUTE FUNCTION f()",
     &["rivals warning"], "awsdms_intercept_ddl"),
    ("CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.dts_ddl_command (tag) VALUES (tg_tag); END';
      CREATE EVENT TRIGGER harmless ON ddl_command_end WHEN TAG IN ('DROP CAST') EXECUTE FUNCTION f()", &["rivals warning"], "harmless"),
    ("CREATE TABLE log (q text PRIMARY KEY); CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO log VALUES (current_query()); END';
      CREATE EVENT TRIGGER mine ON ddl_command_end WHEN TAG IN ('DROP CAST') EXECUTE FUNCTION f()", &["rivals warning"], "DROP EVENT TRIGGER mine"),
    ("CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER mine ON ddl_command_end EXECUTE FUNCTION f()",
     &[], "no other DDL capture; other event triggers: \"mine\""),
    ("UPDATE pg_extension SET extversion = '1.0.0' WHERE extname = 'dts_ddl_capture'", &["version warning"], "objects 1.0.0"),
    ("SELECT setval('dts_ddl.pruned_id', 100)", &[], "ids up to 100 are pruned"),
];

#[test]
fn names_what_is_broken() {
    let database = sound("check");
    let mut client = database.connect();
    drop(database.connect_as("dts_check_app"));
    let preloaded = super::server::preloaded();
    let base = ["slots warning"];
    assert_eq!(alarms(&findings(&mut client)), base);
    let mut wrong = Vec::new();
    for (setup, expected, word) in BROKEN {
        let fill = |text: &str| text.replace("{database}", &database.name);
        let mut setup = fill(setup);
        if expected.iter().any(|alarm| alarm.starts_with("table ")) {
            // else capture refuses
            setup = format!(
                "SET LOCAL dts_ddl_capture.enabled = off; {setup}; SET LOCAL dts_ddl_capture.enabled = on"
            );
        }
        let found = findings_after(&mut client, &setup);
        // not transactional
        client
            .batch_execute(
                "SELECT setval('public.dts_ddl_command_id_seq', greatest((SELECT max(id) FROM public.dts_ddl_command), 1)),
                        setval('dts_ddl.gap_count', 1, false), setval('dts_ddl.pruned_id', 1, false)",
            )
            .unwrap();
        let mut want: Vec<String> = expected.iter().map(|e| e.to_string()).collect();
        if preloaded {
            want.retain(|alarm| alarm != "preload warning");
        }
        // without the table nobody knows about slots
        if !want.iter().any(|alarm| alarm == "table error") || found.contains_key("slots") {
            want.push(base[0].to_owned());
        }
        want.sort();
        let told = format!("{found:?}");
        if alarms(&found) != want || !told.contains(&fill(word).replace('"', "\\\"")) {
            wrong.push(format!(
                "{setup}\n  want {want:?} with {word}\n  got {:?}\n  {:?}",
                alarms(&found),
                found
                    .iter()
                    .filter(|(_, (status, ..))| status != "ok")
                    .collect::<Vec<_>>()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the remedy says is a command that ends the alarm.
#[test]
fn remedies_work() {
    let database = sound("check_remedies");
    let mut client = database.connect();
    drop(database.connect_as("dts_check_cure"));
    let name = &database.name;
    let function = "public.dts_capture_ddl()";
    let mut remedies = vec![
        ("ALTER EVENT TRIGGER dts_intercept_ddl DISABLE", "triggers", "ALTER EVENT TRIGGER dts_intercept_ddl ENABLE".to_owned()),
        ("ALTER EXTENSION dts_ddl_capture DROP EVENT TRIGGER dts_intercept_ddl", "triggers", "ALTER EXTENSION dts_ddl_capture ADD EVENT TRIGGER dts_intercept_ddl".to_owned()),
        ("ALTER FUNCTION public.dts_capture_ddl() SECURITY DEFINER", "functions", format!("ALTER FUNCTION {function} SECURITY INVOKER")),
        ("ALTER FUNCTION public.dts_capture_ddl() SET search_path TO public", "functions", format!("ALTER FUNCTION {function} RESET ALL")),
        ("ALTER FUNCTION dts_ddl.skip(bigint) RESET ALL", "functions", "ALTER FUNCTION dts_ddl.skip(bigint) RESET ALL; ALTER FUNCTION dts_ddl.skip(bigint) SET search_path TO pg_catalog, pg_temp".to_owned()),
        ("ALTER FUNCTION dts_ddl.start_apply(bigint, integer, boolean) RESET ALL", "functions", "ALTER FUNCTION dts_ddl.start_apply(bigint,integer,boolean) SET session_replication_role TO replica".to_owned()),
        ("ALTER FUNCTION dts_ddl.last_id() IMMUTABLE", "functions", "ALTER FUNCTION dts_ddl.last_id() VOLATILE NOT LEAKPROOF PARALLEL UNSAFE".to_owned()),
        ("CREATE OR REPLACE FUNCTION public.dts_capture_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'", "functions",
         format!("CREATE OR REPLACE FUNCTION {function} RETURNS event_trigger LANGUAGE c AS '$libdir/dts_ddl_capture', 'capture_ddl_wrapper'")),
        ("GRANT UPDATE ON SEQUENCE public.dts_ddl_command_id_seq TO pg_monitor", "rights", "REVOKE UPDATE ON SEQUENCE public.dts_ddl_command_id_seq FROM pg_monitor".to_owned()),
        ("GRANT pg_execute_server_program TO dts_check_cure", "rights", "REVOKE pg_execute_server_program FROM dts_check_cure".to_owned()),
        ("GRANT INSERT (tag) ON public.dts_ddl_command TO PUBLIC", "rights", "REVOKE INSERT (tag) ON public.dts_ddl_command FROM PUBLIC".to_owned()),
        ("ALTER ROLE dts_check_cure IN DATABASE {} SET dts_ddl_capture.enabled = off", "settings", format!("ALTER ROLE dts_check_cure IN DATABASE {name} RESET dts_ddl_capture.enabled")),
        ("ALTER DATABASE {} SET session_replication_role = replica", "session_replication_role", format!("ALTER DATABASE {name} RESET session_replication_role")),
        ("SET LOCAL dts_ddl_capture.enabled = off", "settings", "RESET dts_ddl_capture.enabled".to_owned()),
        ("DROP PUBLICATION mig; CREATE PUBLICATION mig", "publications", "ALTER PUBLICATION mig ADD TABLE public.dts_ddl_command".to_owned()),
        ("DROP PUBLICATION mig; CREATE PUBLICATION mig FOR ALL TABLES WITH (publish = 'update')", "publications", "ALTER PUBLICATION mig SET (publish = 'insert, update, delete, truncate')".to_owned()),
        ("GRANT CREATE ON DATABASE {} TO dts_check_cure; SET LOCAL ROLE dts_check_cure; CREATE PUBLICATION dts_sync_x; RESET ROLE", "publication_owners",
         format!("ALTER PUBLICATION dts_sync_x OWNER TO {}", server().user)),
        ("DROP PUBLICATION mig; CREATE PUBLICATION mig FOR TABLE public.dts_ddl_command", "published_tables", "ALTER PUBLICATION mig ADD TABLE public.app".to_owned()),
        ("CREATE PUBLICATION other; DROP PUBLICATION mig; CREATE PUBLICATION \"M\" FOR TABLE public.dts_ddl_command", "published_tables", "ALTER PUBLICATION \"M\" ADD TABLE public.app".to_owned()),
        ("DROP PUBLICATION mig; CREATE PUBLICATION mig FOR ALL TABLES WITH (publish = 'insert')", "published_in_part",
         "ALTER PUBLICATION mig SET (publish = 'insert, update, delete, truncate')".to_owned()),
        ("CREATE UNLOGGED TABLE u (x int PRIMARY KEY)", "unlogged_tables", "ALTER TABLE public.u SET LOGGED".to_owned()),
        ("ALTER TABLE app REPLICA IDENTITY NOTHING", "replica_identity", "ALTER TABLE public.app REPLICA IDENTITY DEFAULT".to_owned()),
        ("CREATE TABLE \"A\" (x int PRIMARY KEY DEFERRABLE); ALTER TABLE \"A\" REPLICA IDENTITY DEFAULT", "replica_identity", "ALTER TABLE public.\"A\" REPLICA IDENTITY FULL".to_owned()),
        ("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE TRIGGER \"%s\" AFTER INSERT ON app FOR EACH ROW EXECUTE FUNCTION f();
          ALTER TABLE app ENABLE ALWAYS TRIGGER \"%s\"", "always_triggers", "ALTER TABLE public.app ENABLE TRIGGER \"%s\"".to_owned()),
        ("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE TRIGGER g AFTER INSERT ON app FOR EACH ROW EXECUTE FUNCTION f();
          ALTER TABLE app ENABLE REPLICA TRIGGER g", "always_triggers", "ALTER TABLE public.app DISABLE TRIGGER g".to_owned()),
        // not an index that is partial, of what may be NULL, or deferrable
        ("CREATE TABLE gk (a int, b int GENERATED ALWAYS AS (a) STORED, c int NOT NULL, \"D\" int NOT NULL UNIQUE, e int UNIQUE, f int NOT NULL UNIQUE DEFERRABLE, PRIMARY KEY (a, b));
          CREATE UNIQUE INDEX a0 ON gk (c) WHERE c > 0; CREATE UNIQUE INDEX a1 ON gk ((c + 1)); CREATE UNIQUE INDEX a2 ON gk (c, b)", "generated_keys",
         "ALTER TABLE public.gk REPLICA IDENTITY USING INDEX \"gk_D_key\"".to_owned()),
        ("CREATE TABLE j (a int NOT NULL UNIQUE, j json)", "unequal_columns", "ALTER TABLE public.j REPLICA IDENTITY USING INDEX j_a_key".to_owned()),
        ("CREATE TABLE chi (d int REFERENCES app) PARTITION BY RANGE (d)", "truncate_cascade", "ALTER TABLE public.chi DROP CONSTRAINT chi_d_fkey".to_owned()),
        ("ALTER TABLE app OWNER TO dts_check_cure; ALTER TABLE app ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY", "owner_rights", "ALTER TABLE public.app NO FORCE ROW LEVEL SECURITY".to_owned()),
        ("ALTER TABLE app OWNER TO dts_check_cure; REVOKE INSERT, UPDATE ON app FROM dts_check_cure; GRANT DELETE ON app TO pg_monitor", "owner_rights",
         "GRANT INSERT, UPDATE ON public.app TO dts_check_cure".to_owned()),
        ("CREATE SCHEMA \"S\"; CREATE TABLE \"S\".t (id int PRIMARY KEY); ALTER TABLE \"S\".t OWNER TO dts_check_cure", "owner_rights", "GRANT USAGE ON SCHEMA \"S\" TO dts_check_cure".to_owned()),
        ("SELECT setval('public.dts_ddl_command_id_seq', 1, false)", "ids", "SELECT pg_catalog.setval('public.dts_ddl_command_id_seq', 2)".to_owned()),
        ("SELECT setval('dts_ddl.gap_count', 3)", "gaps", "SELECT pg_catalog.setval('dts_ddl.gap_count', 1, false)".to_owned()),
    ];
    if server().major >= 15 {
        let whole = "ALTER PUBLICATION listed DROP TABLE public.l; ALTER PUBLICATION listed ADD TABLE public.l";
        remedies.extend([
            ("CREATE TABLE l (x int PRIMARY KEY, y int); CREATE PUBLICATION listed FOR TABLE l (y)", "replica_identity", whole.to_owned()),
            ("CREATE TABLE l (x int PRIMARY KEY, y int); ALTER TABLE l REPLICA IDENTITY FULL; CREATE PUBLICATION listed FOR TABLE l (x)", "replica_identity",
             "ALTER TABLE public.l REPLICA IDENTITY DEFAULT".to_owned()),
            ("CREATE TABLE l (x int PRIMARY KEY, y int); ALTER TABLE l REPLICA IDENTITY DEFAULT; CREATE PUBLICATION listed FOR TABLE l WHERE (y > 2)", "replica_identity",
             "ALTER TABLE public.l REPLICA IDENTITY FULL".to_owned()),
            ("CREATE TABLE l (x int PRIMARY KEY, y int NOT NULL); CREATE PUBLICATION listed FOR TABLE l (x)", "column_lists", whole.to_owned()),
            ("CREATE TABLE l (x int PRIMARY KEY); DROP PUBLICATION mig; CREATE PUBLICATION listed FOR TABLE public.dts_ddl_command, app, l WHERE (x > 1)", "published_in_part", whole.to_owned()),
        ]);
    }
    if server().major >= 18 {
        remedies.push((
            "CREATE TABLE l (x int PRIMARY KEY, y int GENERATED ALWAYS AS (x) STORED); ALTER PUBLICATION mig SET (publish_generated_columns = stored)",
            "generated_columns",
            "ALTER PUBLICATION mig SET (publish_generated_columns = none)".to_owned(),
        ));
    }
    if server().major >= 19 {
        remedies.push((
            "DROP PUBLICATION mig; CREATE PUBLICATION mig FOR ALL TABLES EXCEPT (TABLE app)",
            "published_tables",
            "ALTER PUBLICATION mig SET ALL TABLES".to_owned(),
        ));
    }
    for (setup, check, command) in remedies {
        let setup = setup.replace("{}", name);
        client.batch_execute(&format!("BEGIN; {setup}")).unwrap();
        let found = findings(&mut client);
        let remedy = found[check].2.clone().unwrap_or_default();
        assert!(remedy.contains(&command), "{setup}: {found:?}");
        if setup.contains("start_apply") {
            // two commands, with one setting each
            client.batch_execute("ALTER FUNCTION dts_ddl.start_apply(bigint,integer,boolean) SET search_path TO pg_catalog, pg_temp").unwrap();
        }
        client.batch_execute(&command).unwrap();
        says(&findings(&mut client), check, "ok", "");
        client.batch_execute("ROLLBACK").unwrap();
        // not transactional
        client.batch_execute("SELECT setval('public.dts_ddl_command_id_seq', greatest((SELECT max(id) FROM public.dts_ddl_command), 1))").unwrap();
    }
}

/// What only newer majors can break.
#[test]
fn names_what_newer_majors_can_break() {
    let major = server().major;
    let database = sound("check_newer");
    let mut client = database.connect();
    if major < 18 {
        // nobody compares what is not sent
        let setup = "CREATE TABLE g (x int, y json GENERATED ALWAYS AS ('{}'::json) STORED)";
        let found = findings_after(&mut client, setup);
        says(&found, "unequal_columns", "ok", "");
    }
    let mut run = |setup: &str, check: &str, word: &str| {
        let found = findings_after(&mut client, setup);
        assert_eq!(found[check].0, "error", "{setup}: {found:?}");
        assert!(found[check].1.contains(word), "{setup}: {found:?}");
    };
    if major >= 17 {
        let setup = format!("ALTER DATABASE {} SET event_triggers = off", database.name);
        run(&setup, "event_triggers", "event_triggers = off");
        run("SET LOCAL event_triggers = off", "event_triggers", "off");
    }
    if major >= 18 {
        run(
            "CREATE TABLE g (x int, y int GENERATED ALWAYS AS (x + 1) STORED); ALTER TABLE g REPLICA IDENTITY FULL",
            "replica_identity",
            "public.g (FULL with generated columns that are not published)",
        );
        let table = "CREATE TABLE g (x int PRIMARY KEY, y int GENERATED ALWAYS AS (x + 1) STORED);
            CREATE TABLE h (x int PRIMARY KEY, y int GENERATED ALWAYS AS (x + 1) VIRTUAL)";
        for publication in [
            "ALL TABLES WITH (publish_generated_columns = stored)",
            "TABLE g (x, y), h, public.dts_ddl_command",
        ] {
            run(
                &format!("{table}; DROP PUBLICATION mig; CREATE PUBLICATION mig FOR {publication}"),
                "generated_columns",
                "1 tables are published with the values of generated columns: public.g (y)",
            );
        }
    }
    if major >= 15 {
        run(
            "SET LOCAL dts_ddl_capture.enabled = off; ALTER SEQUENCE public.dts_ddl_command_id_seq SET UNLOGGED; SET LOCAL dts_ddl_capture.enabled = on",
            "table",
            "public.dts_ddl_command_id_seq, which is not logged",
        );
        run(
            "CREATE TABLE l (x int, y int); CREATE PUBLICATION listed FOR TABLE l (x)",
            "replica_identity",
            "public.l",
        );
        run(
            "CREATE TABLE r (x int) PARTITION BY LIST (x); CREATE TABLE l PARTITION OF r DEFAULT;
             CREATE PUBLICATION listed FOR TABLE r (x) WITH (publish_via_partition_root = true)",
            "replica_identity",
            "public.l",
        );
        // what does not go with the replica identity; by the root, what is said of the topmost table counts, by names
        let other = "CREATE TABLE r (x int PRIMARY KEY, y int, z int) PARTITION BY LIST (x); CREATE TABLE l (gone int, z int, y int, x int NOT NULL);
             ALTER TABLE l DROP gone; ALTER TABLE r ATTACH PARTITION l DEFAULT; ALTER TABLE l REPLICA IDENTITY DEFAULT; CREATE PUBLICATION listed FOR TABLE r";
        let root = "WITH (publish_via_partition_root = true)";
        for (setup, word) in [
            (
                "CREATE TABLE l (x int PRIMARY KEY, y int); ALTER TABLE l REPLICA IDENTITY DEFAULT; CREATE PUBLICATION listed FOR TABLE l (y)".to_owned(),
                "public.l (the column list in publication listed lacks column x of it)",
            ),
            (
                "CREATE TABLE l (x int PRIMARY KEY, y int); ALTER TABLE l REPLICA IDENTITY DEFAULT; CREATE PUBLICATION listed FOR TABLE l WHERE (x > 1 AND y > 2)".to_owned(),
                "public.l (the row filter in publication listed has column y, which is not of it)",
            ),
            (format!("{other} (y) {root}"), "lacks column x of it"),
            (format!("{other} WHERE (y > 2) {root}"), "has column y, which"),
        ] {
            run(&setup, "replica_identity", word);
        }
        for fine in [
            "CREATE TABLE l (x int PRIMARY KEY, y int); CREATE PUBLICATION listed FOR TABLE l (y) WHERE (y > 2) WITH (publish = 'insert')".to_owned(),
            "CREATE TABLE l (x int, y int); CREATE PUBLICATION listed FOR TABLE l WHERE (y > 2)".to_owned(),
            format!("{other} (x, y) WHERE (x > 2) {root}"),
            // what is said of the partition counts for nothing
            format!("{other} WHERE (x > 2), l WHERE (y > 2) {root}"),
        ] {
            let found = findings_after(&mut client, &fine);
            says(&found, "replica_identity", "ok", "");
        }
        let setup = "CREATE TABLE l (x int PRIMARY KEY, y int NOT NULL); CREATE PUBLICATION listed FOR TABLE l (x) WITH (publish = 'update')";
        says(
            &findings_after(&mut client, setup),
            "column_lists",
            "ok",
            "",
        );
        let mut run = |setup: &str, check: &str, word: &str| {
            let found = findings_after(&mut client, setup);
            says(&found, check, "error", word);
        };
        run(
            "CREATE TABLE l (x int PRIMARY KEY, y int NOT NULL, z int NOT NULL DEFAULT 1); CREATE PUBLICATION listed FOR TABLE l (x)",
            "column_lists",
            "public.l (y)",
        );
        run(
            "DROP PUBLICATION mig; CREATE PUBLICATION mig FOR TABLE public.dts_ddl_command (id, ddl_text), app",
            "publications",
            "column list",
        );
        run(
            "DROP PUBLICATION mig; CREATE PUBLICATION mig FOR TABLE public.dts_ddl_command WHERE (id > 5) WITH (publish = 'insert')",
            "publications",
            "row filter",
        );
        client.batch_execute("BEGIN; DROP PUBLICATION mig; CREATE SCHEMA s; CREATE PUBLICATION mig FOR TABLES IN SCHEMA public; CREATE TABLE s.t (x int)").unwrap();
        let found = findings(&mut client);
        client.batch_execute("ROLLBACK").unwrap();
        assert_eq!(found["publications"].0, "ok", "{found:?}");
        assert!(found["published_tables"].1.contains("1 of 2 tables"));
        assert!(found["published_tables"].1.contains("s.t"));
        // a list of all columns leaves nothing out, one of the user's does
        let all = "ddl_text, id, event, tag, username, database, schema, object_type, object_name, client_address, client_port, event_time, txid_current, message";
        let setup = format!(
            "ALTER TABLE app ADD x int; DROP PUBLICATION mig; CREATE PUBLICATION mig FOR TABLE public.dts_ddl_command ({all}), app (id)"
        );
        let found = findings_after(&mut client, &setup);
        says(&found, "publications", "ok", "\"mig\"");
        let word = "1 tables are published in part: public.app (column list)";
        says(&found, "published_in_part", "warning", word);
        says(&found, "replica_identity", "ok", "");
        says(&found, "column_lists", "ok", "");
        let setup = "GRANT SET ON PARAMETER dts_ddl_capture.enabled TO pg_monitor";
        let found = findings_after(&mut client, setup);
        let word = "pg_monitor has SET on parameter dts_ddl_capture.enabled";
        says(&found, "rights", "warning", word);
    }
}

/// Tables whose owner could not write them: from 16 on rows are applied with the owner's rights.
#[test]
fn owner_rights() {
    let database = sound("check_owner");
    let mut client = database.connect();
    drop(database.connect_as("dts_check_owner"));
    let by_owner = server().major >= 16;
    let status = if by_owner { "error" } else { "warning" };
    let own = "ALTER TABLE app OWNER TO dts_check_owner";
    let forced = "ALTER TABLE app ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY";
    let deferred = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END';
        CREATE CONSTRAINT TRIGGER g AFTER INSERT ON app DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE app ENABLE ALWAYS TRIGGER g";
    for (setup, word) in [
        (
            format!("{own}; {forced}"),
            "public.app (its row level security is forced on its owner dts_check_owner)",
        ),
        (
            format!("{own}; REVOKE INSERT ON app FROM dts_check_owner"),
            "public.app (its owner dts_check_owner has no INSERT)",
        ),
        (
            format!(
                "{own}; REVOKE UPDATE ON app FROM dts_check_owner; GRANT UPDATE ON app TO pg_monitor"
            ),
            "has no UPDATE",
        ),
        (
            format!("CREATE SCHEMA s; {own}; ALTER TABLE app SET SCHEMA s"),
            "s.app (its owner dts_check_owner has no USAGE on its schema)",
        ),
    ] {
        says(
            &findings_after(&mut client, &setup),
            "owner_rights",
            status,
            word,
        );
    }
    for fine in [
        forced.to_owned(),
        format!("{own}; ALTER TABLE app ENABLE ROW LEVEL SECURITY"),
        format!("{own}; {forced}; ALTER ROLE dts_check_owner BYPASSRLS"),
        // a log that is only written
        format!("{own}; REVOKE UPDATE, DELETE ON app FROM dts_check_owner"),
        format!("{own}; {forced}; DROP PUBLICATION mig"),
    ] {
        let found = findings_after(&mut client, &fine);
        assert_eq!(found["owner_rights"].0, "ok", "{fine}: {found:?}");
    }
    // its worker defers nothing for others
    let found = findings_after(&mut client, &format!("{deferred}; {own}"));
    let word = "public.app (g, deferred: stops the stream)";
    let word = if by_owner { word } else { "public.app (g)" };
    says(&found, "always_triggers", status, word);
    let found = findings_after(&mut client, deferred);
    says(&found, "always_triggers", "warning", "public.app (g)");
}

/// What a CREATE INDEX CONCURRENTLY leaves that fails.
#[test]
fn invalid_indexes() {
    let database = sound("check_index");
    let mut client = database.connect();
    client
        .batch_execute("CREATE TABLE t (x int); INSERT INTO t VALUES (1), (1)")
        .unwrap();
    client
        .batch_execute("CREATE UNIQUE INDEX CONCURRENTLY broken ON t (x)")
        .unwrap_err();
    says(
        &findings(&mut client),
        "invalid_indexes",
        "warning",
        "1 indexes are invalid: public.broken",
    );
    client.batch_execute("DROP INDEX broken").unwrap();
    says(&findings(&mut client), "invalid_indexes", "ok", "none");
}

/// DETACH PARTITION .. CONCURRENTLY that waits in vain, and its end.
#[test]
fn pending_detach() {
    if server().major < 14 {
        return;
    }
    let database = sound("check_detach");
    let mut client = database.connect();
    client
        .batch_execute("CREATE TABLE p (x int PRIMARY KEY) PARTITION BY LIST (x); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)")
        .unwrap();
    says(&findings(&mut client), "pending_detach", "ok", "none");
    let mut reader = database.connect();
    reader.batch_execute("BEGIN; SELECT FROM p").unwrap();
    client.batch_execute("SET lock_timeout = '100ms'").unwrap();
    client
        .batch_execute("ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY")
        .unwrap_err();
    reader.batch_execute("ROLLBACK").unwrap();
    says(
        &findings(&mut client),
        "pending_detach",
        "warning",
        "public.p1 of public.p",
    );
    client
        .batch_execute("ALTER TABLE p DETACH PARTITION p1 FINALIZE")
        .unwrap();
    says(&findings(&mut client), "pending_detach", "ok", "none");
}

/// Slots, what their consumers have not confirmed, and what retention has deleted of it.
#[test]
fn slots() {
    let database = sound("check_slots");
    let mut client = database.connect();
    let slot = format!("slot_{}", database.name);
    let made = client.execute(
        "SELECT pg_create_logical_replication_slot($1, 'test_decoding')",
        &[&slot],
    );
    if let Err(error) = made {
        return skipped("slots", &format!("test_decoding: {error}"));
    }
    let told = |client: &mut Client| {
        let found = findings(client);
        let (status, text, _) = &found["slots"];
        let rows = text
            .rsplit(", ")
            .next()
            .unwrap_or_default()
            .replace(" rows not confirmed", "");
        let pending = value(
            client,
            &format!(
                "SELECT string_agg(id || ' ' || statement, '; ') FROM dts_ddl.pending('{slot}')"
            ),
        );
        let unconfirmed = value(client, "SELECT rows_unconfirmed FROM dts_ddl.status");
        assert_eq!(rows, unconfirmed);
        (status.clone(), rows, pending)
    };
    let expect = |rows: &str, pending: &str| ("warning".to_owned(), rows.into(), pending.into());
    assert_eq!(told(&mut client), expect("0", "NULL"));
    // top level, subtransactions, rolled back, in progress, prepared
    client.batch_execute("CREATE TABLE a (x int)").unwrap();
    client
        .batch_execute(
            "BEGIN; SAVEPOINT s; CREATE TABLE b (x int); RELEASE s; SAVEPOINT s; CREATE TABLE gone (x int); ROLLBACK TO s; COMMIT",
        )
        .unwrap();
    let mut other = database.connect();
    other
        .batch_execute("BEGIN; CREATE TABLE later (x int)")
        .unwrap();
    assert_eq!(
        told(&mut client),
        expect("2", "3 CREATE TABLE a (x int); 4 CREATE TABLE b (x int)")
    );
    client
        .batch_execute("BEGIN; CREATE TABLE own (x int)")
        .unwrap();
    assert_eq!(
        told(&mut client),
        expect("2", "3 CREATE TABLE a (x int); 4 CREATE TABLE b (x int)")
    );
    client.batch_execute("ROLLBACK").unwrap();
    let take = |client: &mut Client, changes: &str| {
        client
            .execute(
                &format!("SELECT pg_logical_slot_get_changes('{slot}', NULL, {changes})"),
                &[],
            )
            .unwrap();
    };
    take(&mut client, "1");
    assert_eq!(told(&mut client), expect("1", "4 CREATE TABLE b (x int)"));
    take(&mut client, "NULL");
    assert_eq!(told(&mut client), expect("0", "NULL"));
    // it began before what is confirmed, and ended after it
    other.batch_execute("COMMIT").unwrap();
    assert_eq!(
        told(&mut client),
        expect("1", "6 CREATE TABLE later (x int)")
    );
    // pruned before it was confirmed
    client
        .batch_execute("CREATE TABLE c (x int); CREATE TABLE d (x int); SET dts_ddl_capture.max_rows = 2; SELECT dts_ddl.prune()")
        .unwrap();
    let found = findings(&mut client);
    assert_eq!(found["retention"].0, "warning", "{found:?}");
    let error = client
        .execute("SELECT dts_ddl.pending('no_such_slot')", &[])
        .unwrap_err();
    assert_eq!(
        error.as_db_error().unwrap().message(),
        "replication slot \"no_such_slot\" does not exist in this database"
    );
}

/// The history: typed, one line for each command, newest first; rows that are not ours do no harm.
#[test]
fn history() {
    let database = Database::new("history");
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE SCHEMA s; SET search_path = s, public; CREATE TABLE t (\n  x int,\n\ty text -- column\n);
             DO $$ BEGIN EXECUTE 'CREATE VIEW v AS SELECT 1 AS x'; END $$; DROP TABLE t;
             INSERT INTO public.dts_ddl_command (ddl_text, message, txid_current, client_address) VALUES ('by hand', '{\"v\":', 'x', 'y'), (NULL, NULL, NULL, NULL)",
        )
        .unwrap();
    let rows = client
        .query(
            "SELECT id::text, tag, statement, schema::text, search_path::text, jsonb_array_length(objects)::text, (inside ->> 0), transaction > 0, message ->> 'v', pg_typeof(finished)::text
               FROM dts_ddl.history WHERE tag IS DISTINCT FROM 'CREATE SCHEMA'",
            &[],
        )
        .unwrap();
    let shown: Vec<Vec<Option<String>>> = rows
        .iter()
        .map(|row| (0..7).map(|i| row.get(i)).collect())
        .collect();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(shown.len(), 5);
    assert_eq!(shown[0][0], some("6"));
    assert_eq!(shown[0][2], None);
    assert_eq!(shown[1][2], some("by hand"));
    assert_eq!(
        shown[2][..6],
        [
            some("4"),
            some("DROP TABLE"),
            some("DROP TABLE t"),
            some("s"),
            some("[\"s\", \"public\"]"),
            some("1")
        ]
    );
    assert!(shown[3][6].as_ref().unwrap().contains("EXECUTE"));
    assert_eq!(
        shown[4][2],
        some("CREATE TABLE t ( x int, y text -- column )")
    );
    assert_eq!(rows[2].get::<_, Option<bool>>(7), Some(true));
    assert_eq!(rows[2].get::<_, Option<String>>(8), some("1"));
    assert_eq!(rows[2].get::<_, String>(9), "timestamp with time zone");
    // of a session that is the role itself, and of one that became another
    let session = "SELECT string_agg(coalesce(session_role, '-'), ' ') FROM dts_ddl.history";
    client
        .batch_execute("DELETE FROM public.dts_ddl_command; CREATE VIEW s.v2 AS SELECT 1 AS x;
             INSERT INTO public.dts_ddl_command (username, message) VALUES ('one', '{\"v\":1,\"session_user\":\"another\"}'), ('one', NULL)")
        .unwrap();
    assert_eq!(
        value(&mut client, session),
        format!("- another {}", server().user)
    );
    // a long statement is cut, in a view to look at
    client
        .batch_execute(&format!(
            "CREATE TABLE w ({})",
            (0..50)
                .map(|i| format!("column{i} int"))
                .collect::<Vec<_>>()
                .join(", ")
        ))
        .unwrap();
    assert_eq!(
        value(
            &mut client,
            "SELECT length(statement) || right(statement, 2) FROM dts_ddl.history LIMIT 1"
        ),
        "100.."
    );
}

/// pg_monitor sees numbers and names; statements are the owner's. Others see nothing.
#[test]
fn rights() {
    let database = sound("check_rights");
    let mut owner = database.connect();
    owner
        .batch_execute("CREATE TABLE secret_table (x int)")
        .unwrap();
    let mut nobody = database.connect_as("check_nobody");
    let mut monitor = database.connect_as("check_monitor");
    owner
        .batch_execute("GRANT pg_monitor TO check_monitor")
        .unwrap();
    findings(&mut monitor);
    assert_eq!(
        value(
            &mut monitor,
            "SELECT last_id > 0 AND capturing FROM dts_ddl.status"
        ),
        "true"
    );
    for query in [
        "SELECT * FROM dts_ddl.history",
        "SELECT * FROM dts_ddl.pending('x')",
        "SELECT * FROM dts_ddl.pending_ids('x')",
        "SELECT * FROM public.dts_ddl_command",
    ] {
        for client in [&mut monitor, &mut nobody] {
            let error = client.execute(query, &[]).unwrap_err();
            assert_eq!(error.code().map(|c| c.code()), Some("42501"), "{query}");
        }
    }
    for query in [
        "SELECT * FROM dts_ddl.check()",
        "SELECT * FROM dts_ddl.status",
    ] {
        let error = nobody.execute(query, &[]).unwrap_err();
        assert_eq!(error.code().map(|c| c.code()), Some("42501"), "{query}");
    }
    // looking costs no transaction id
    owner
        .batch_execute("BEGIN; SELECT * FROM dts_ddl.check(); SELECT * FROM dts_ddl.status; SELECT * FROM dts_ddl.history")
        .unwrap();
    assert_eq!(
        value(
            &mut owner,
            "SELECT backend_xid FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        ),
        "NULL"
    );
    owner.batch_execute("ROLLBACK").unwrap();
    // no row shows a statement
    assert!(!format!("{:?}", findings(&mut monitor)).contains("CREATE TABLE secret"));
}

/// Objects on names that the queries use are not met, whatever the caller's search_path.
#[test]
fn planted_objects() {
    let database = sound("check_planted");
    let mut attacker = database.connect_as("check_attacker");
    attacker
        .batch_execute(
            "CREATE FUNCTION check_attacker.count(text) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RAISE ''planted''; END';
             CREATE FUNCTION check_attacker.format(text, VARIADIC text[]) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE ''planted''; END';
             CREATE FUNCTION check_attacker.eq(name, text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE ''planted''; END';
             CREATE OPERATOR check_attacker.= (LEFTARG = name, RIGHTARG = text, FUNCTION = check_attacker.eq);
             CREATE TEMP TABLE pg_class (oid oid); CREATE TEMP TABLE pg_event_trigger (oid oid)",
        )
        .unwrap();
    database
        .connect()
        .batch_execute("GRANT pg_monitor TO check_attacker")
        .unwrap();
    attacker
        .batch_execute("SET search_path = check_attacker, pg_temp, pg_catalog, public")
        .unwrap();
    let found = findings(&mut attacker);
    assert_eq!(alarms(&found), ["slots warning"], "{found:?}");
}

/// Whatever the session's settings, the answer is the same.
#[test]
fn odd_sessions() {
    let database = sound("check_odd");
    let mut client = database.connect();
    let usual = findings(&mut client);
    let mut settings = "SET quote_all_identifiers = on; SET transform_null_equals = on; SET array_nulls = off; SET DateStyle = 'German'; SET work_mem = '64kB';
        SET enable_hashjoin = off; SET enable_mergejoin = off; SET default_transaction_isolation = serializable; SET default_transaction_read_only = on"
        .to_owned();
    if server().major < 19 {
        settings += "; SET escape_string_warning = on; SET standard_conforming_strings = off";
    }
    client.batch_execute(&settings).unwrap();
    assert_eq!(alarms(&findings(&mut client)), alarms(&usual));
    client
        .batch_execute("BEGIN READ WRITE; SET LOCAL dts_ddl_capture.enabled = off")
        .unwrap();
    says(&findings(&mut client), "settings", "error", "enabled = off");
    client.batch_execute("ROLLBACK").unwrap();
    // a backslash in a query means one thing or another
    for (name, query) in crate::read::check::queries() {
        assert!(!query.contains('\\'), "{name}");
    }
}

/// Rows that other sessions write meanwhile are no alarm: their ids are not taken for ones that were never given.
#[test]
fn busy() {
    let database = sound("check_busy");
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|i| {
                let database = &database;
                scope.spawn(move || {
                    let mut client = database.connect();
                    for _ in 0..150 {
                        client
                            .batch_execute(&format!("CREATE TABLE t{i} (x int); DROP TABLE t{i}"))
                            .unwrap();
                    }
                })
            })
            .collect();
        let mut client = database.connect();
        while !writers.iter().all(|writer| writer.is_finished()) {
            let found = findings(&mut client);
            says(&found, "retention", "ok", "rows are kept");
            says(&found, "ids", "ok", "last id given");
        }
    });
}

/// A database in another encoding, with names that are not ASCII.
#[test]
fn encoding() {
    let database = Database::with_options(
        "check_latin1",
        "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'",
    );
    let mut client = database.connect();
    client
        .batch_execute("CREATE EXTENSION dts_ddl_capture; CREATE UNLOGGED TABLE \"Gr\u{f6}\u{df}e\" (\"\u{e4}\" int)")
        .unwrap();
    let found = findings(&mut client);
    assert!(
        found["unlogged_tables"].1.contains("Gr\u{f6}\u{df}e"),
        "{found:?}"
    );
    assert!(value(&mut client, "SELECT statement FROM dts_ddl.history").contains("\u{e4}"));
    value(&mut client, "SELECT database FROM dts_ddl.status");
}

#[track_caller]
pub fn says(found: &Findings, check: &str, status: &str, word: &str) {
    let (got, text, _) = &found[check];
    assert!(got == status && text.contains(word), "{check}: {found:?}");
}

/// What the server's configuration does, and where it is said.
#[test]
fn server_configuration() {
    let cluster = cluster::fresh();
    cluster.start("-c wal_level=replica -c max_wal_senders=0 -c session_replication_role=replica");
    let mut client = cluster.connect("postgres");
    client
        .batch_execute("CREATE EXTENSION dts_ddl_capture")
        .unwrap();
    let found = findings(&mut client);
    says(
        &found,
        "wal_level",
        "error",
        "wal_level = replica, max_wal_senders = 0",
    );
    says(
        &found,
        "session_replication_role",
        "error",
        "session_replication_role = replica (command line of the server)",
    );
    client
        .batch_execute("ALTER SYSTEM SET dts_ddl_capture.enabled = off")
        .unwrap();
    drop(client);
    cluster.stop("fast");
    cluster.start("-c wal_level=logical");
    let mut client = cluster.connect("postgres");
    let found = findings(&mut client);
    says(&found, "wal_level", "ok", "");
    says(&found, "session_replication_role", "ok", "");
    says(&found, "settings", "error", "postgresql.auto.conf:");
    // others have it, whatever this session has
    client
        .batch_execute("SET dts_ddl_capture.enabled = on")
        .unwrap();
    says(&findings(&mut client), "settings", "error", "enabled = off");
    client.batch_execute("RESET ALL").unwrap();
    assert_eq!(
        value(&mut client, "SELECT capturing FROM dts_ddl.status"),
        "false"
    );
    for setting in [
        "wal_level = logical",
        "max_prepared_transactions = 2",
        "max_replication_slots = 1",
    ] {
        let change = format!("ALTER SYSTEM SET {setting}");
        client.batch_execute(&change).unwrap();
    }
    client
        .batch_execute("ALTER SYSTEM RESET dts_ddl_capture.enabled")
        .unwrap();
    drop(client);
    cluster.stop("fast");
    cluster.start("");
    let mut client = cluster.connect("postgres");
    says(&findings(&mut client), "settings", "ok", "as built in");
    // the only slot is somebody else's
    client
        .batch_execute("SELECT pg_create_physical_replication_slot('other')")
        .unwrap();
    let word = "all 1 replication slots are taken, none by a consumer of this database";
    says(&findings(&mut client), "wal_level", "warning", word);
    client
        .batch_execute("SELECT pg_drop_replication_slot('other')")
        .unwrap();
    says(&findings(&mut client), "wal_level", "ok", "");
    // a transaction in doubt, and one that has no DDL
    client.batch_execute("CREATE TABLE a (x int)").unwrap();
    client
        .batch_execute("BEGIN; INSERT INTO a VALUES (1); PREPARE TRANSACTION 'rows'")
        .unwrap();
    says(&findings(&mut client), "transactions", "ok", "");
    client
        .batch_execute("BEGIN; CREATE TABLE b (x int); PREPARE TRANSACTION 'in ''doubt'")
        .unwrap();
    let found = findings(&mut client);
    let word = "transaction \"in 'doubt\" is prepared, with DDL, since";
    says(&found, "transactions", "warning", word);
    let remedy = found["transactions"].2.clone().unwrap_or_default();
    assert!(
        remedy.starts_with("COMMIT PREPARED 'in ''doubt'"),
        "{remedy}"
    );
    client
        .batch_execute("COMMIT PREPARED 'in ''doubt'")
        .unwrap();
    client.batch_execute("ROLLBACK PREPARED 'rows'").unwrap();
    says(&findings(&mut client), "transactions", "ok", "");
    // what the files say for later
    client
        .batch_execute("ALTER SYSTEM SET max_slot_wal_keep_size = '16MB'")
        .unwrap();
    client
        .batch_execute("ALTER SYSTEM SET wal_level = replica")
        .unwrap();
    client.batch_execute("SELECT pg_reload_conf()").unwrap();
    let asked = Instant::now();
    while value(
        &mut client,
        "SELECT current_setting('max_slot_wal_keep_size')",
    ) != "16MB"
    {
        assert!(asked.elapsed() < Duration::from_secs(60), "no reload");
        std::thread::sleep(Duration::from_millis(10));
    }
    let found = findings(&mut client);
    if server().major < 19 {
        let word = "wal_level = logical, from the next restart on replica (";
        says(&found, "wal_level", "error", word);
    }
    assert!(
        found["wal_level"]
            .1
            .contains("max_slot_wal_keep_size = 16MB"),
        "{found:?}"
    );
    cluster.stop("fast");
}

/// A slot that loses its WAL, before and after; and a standby.
#[test]
fn lost_slot_and_standby() {
    let cluster = cluster::fresh();
    cluster.start("-c wal_level=logical -c max_slot_wal_keep_size=20MB");
    let mut client = cluster.connect("postgres");
    for setup in [
        "CREATE EXTENSION dts_ddl_capture",
        "SELECT pg_create_logical_replication_slot('doomed', 'pgoutput')",
        "CREATE TABLE a (x int PRIMARY KEY)",
    ] {
        client.batch_execute(setup).unwrap();
    }
    says(
        &findings(&mut client),
        "slots",
        "warning",
        "1 rows not confirmed",
    );
    let found = findings_after(
        &mut client,
        "SET LOCAL dts_ddl_capture.enabled = off; CREATE PUBLICATION late FOR ALL TABLES",
    );
    let tells = found["slots"].1.contains("before publication \"late\"");
    assert_eq!(tells, server().major < 18, "{found:?}");
    for _ in 0..3 {
        client
            .batch_execute(
                "INSERT INTO a SELECT coalesce(max(x), 0) + 1 FROM a; SELECT pg_switch_wal()",
            )
            .unwrap();
    }
    says(
        &findings(&mut client),
        "slots",
        "error",
        "about to be invalidated",
    );
    client.batch_execute("CHECKPOINT").unwrap();
    says(&findings(&mut client), "slots", "error", "INVALID");
    assert_eq!(
        value(
            &mut client,
            "SELECT concat_ws(' ', slots, slots_inactive, slots_lost, rows_unconfirmed) FROM dts_ddl.status"
        ),
        "1 1 1"
    );
    let error = client
        .execute("SELECT dts_ddl.pending('doomed')", &[])
        .unwrap_err();
    assert_eq!(
        error.as_db_error().unwrap().message(),
        "replication slot \"doomed\" has been invalidated"
    );

    let standby = cluster.standby();
    standby.start("");
    let mut reader = standby.connect("postgres");
    let found = findings(&mut reader);
    says(&found, "triggers", "ok", "enabled");
    says(&found, "slots", "warning", "no logical slot");
    assert_eq!(
        value(&mut reader, "SELECT last_id FROM dts_ddl.status"),
        "1"
    );
    assert_eq!(
        value(&mut reader, "SELECT statement FROM dts_ddl.history"),
        "CREATE TABLE a (x int PRIMARY KEY)"
    );
    drop(reader);
    standby.stop("fast");
    cluster.stop("fast");
}
