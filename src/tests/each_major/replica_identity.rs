//! REPLICA IDENTITY FULL, which capture gives new tables, is no reason why UPDATE or DELETE fails: the same statements are run
//! without the extension and with it, and what works without it works with it.

use crate::tests::races::A_WHILE;
use crate::tests::server::{Database, server, skipped, value};
use postgres::Client;

/// From which major on; statements, run one by one; and for some tables the identity that they have afterwards where the
/// extension is.
type Case = (u32, &'static [&'static str], &'static str);

const T: &str = "CREATE TABLE t (id int PRIMARY KEY, v int, w int)";
const NOKEY: &str = "CREATE TABLE t (id int, v int, w int)";
const TREE: &str = "CREATE TABLE r (id int PRIMARY KEY, v int, w int) PARTITION BY RANGE (id)";
const LEAF: &str = "CREATE TABLE r1 PARTITION OF r FOR VALUES FROM (0) TO (10)";
const VIA_ROOT: &str =
    "CREATE PUBLICATION p FOR TABLE r (id, v) WITH (publish_via_partition_root = true)";
const STORED: &str =
    "CREATE TABLE g (id int PRIMARY KEY, v int, s int GENERATED ALWAYS AS (v + 1) STORED)";
const VIRTUAL: &str =
    "CREATE TABLE g (id int PRIMARY KEY, v int, s int GENERATED ALWAYS AS (v + 1) VIRTUAL)";

#[rustfmt::skip]
const CASES: &[Case] = &[
    // no list
    (13, &[T, "CREATE PUBLICATION p FOR TABLE t"], "t f"),
    (13, &["CREATE PUBLICATION p FOR ALL TABLES", T], "t f"),
    (13, &[NOKEY, "CREATE PUBLICATION p FOR TABLE t"], "t f"),
    // a list: each way in
    (15, &[T, "CREATE PUBLICATION p FOR TABLE t (id, v)"], "t d"),
    (15, &[T, "CREATE PUBLICATION p FOR TABLE t (id, v, w)"], "t d"),
    (15, &[T, "CREATE PUBLICATION p", "ALTER PUBLICATION p ADD TABLE t (id, v)"], "t d"),
    (15, &[T, "CREATE PUBLICATION p FOR TABLE t", "ALTER PUBLICATION p SET TABLE t (id, v)"], "t d"),
    (15, &[T, "CREATE PUBLICATION p FOR TABLE t (id, v) WITH (publish = 'insert')"], "t f"),
    (15, &[T, "CREATE PUBLICATION p FOR TABLE t (id, v) WITH (publish = 'insert')", "ALTER PUBLICATION p SET (publish = 'insert, delete')"], "t d"),
    (15, &[T, "CREATE PUBLICATION p FOR TABLE t", "CREATE PUBLICATION p2 FOR TABLE t (id)"], "t d"),
    (15, &["BEGIN", T, "CREATE PUBLICATION p FOR TABLE t (id, v)", "COMMIT"], "t d"),
    (15, &["CREATE PUBLICATION p", "DO $$ BEGIN CREATE TABLE t (id int PRIMARY KEY, v int); ALTER PUBLICATION p ADD TABLE t (id); END $$"], "t d"),
    (15, &["CREATE TABLE t AS SELECT 1 AS id, 2 AS v", "ALTER TABLE t ADD PRIMARY KEY (id)", "CREATE PUBLICATION p FOR TABLE t (id)"], "t d"),
    (15, &[T, "CREATE TABLE u (id int PRIMARY KEY, v int)", "CREATE TABLE w (id int PRIMARY KEY)",
         "CREATE PUBLICATION p FOR TABLE t (id), u (id), w"], "t d u d w f"),
    // what was rolled back is as before
    (15, &[T, "CREATE PUBLICATION p", "BEGIN", "ALTER PUBLICATION p ADD TABLE t (id, v)", "ROLLBACK"], "t f"),
    (15, &[T, "CREATE PUBLICATION p", "BEGIN", "SAVEPOINT s", "ALTER PUBLICATION p ADD TABLE t (id, v)", "ROLLBACK TO s", "COMMIT"], "t f"),
    // no usable key, or one that the list does not cover: nothing is gained
    (15, &[NOKEY, "CREATE PUBLICATION p FOR TABLE t (id, v)"], "t f"),
    (15, &[T, "CREATE PUBLICATION p FOR TABLE t (v)"], "t f"),
    (15, &["CREATE TABLE t (id int PRIMARY KEY DEFERRABLE, v int, w int)", "CREATE PUBLICATION p FOR TABLE t (id, v)"], "t f"),
    (15, &[T, "CREATE PUBLICATION p FOR TABLE t (v)", "ALTER PUBLICATION p SET TABLE t (id)"], "t d"),
    // the key comes later
    (15, &[NOKEY, "CREATE PUBLICATION p FOR TABLE t (id, v)", "ALTER TABLE t ADD PRIMARY KEY (id)"], "t d"),
    (15, &[NOKEY, "CREATE PUBLICATION p FOR TABLE t (id, v)", "ALTER TABLE t ADD PRIMARY KEY (w)"], "t f"),
    (15, &["CREATE TABLE t (id int NOT NULL, v int)", "CREATE UNIQUE INDEX i ON t (id)", "CREATE PUBLICATION p FOR TABLE t (id)",
         "ALTER TABLE t ADD CONSTRAINT k PRIMARY KEY USING INDEX i"], "t d"),
    (15, &[NOKEY, "CREATE PUBLICATION p FOR TABLE t (id, v)", "ALTER TABLE t ADD CONSTRAINT k PRIMARY KEY (id)",
         "ALTER TABLE t DROP CONSTRAINT k"], "t d"),
    // row filters may name any column under FULL, and the key's only under DEFAULT
    (15, &[T, "CREATE PUBLICATION p FOR TABLE t WHERE (id > 1)"], "t f"),
    (15, &[T, "CREATE PUBLICATION p FOR TABLE t WHERE (v > 1)"], "t f"),
    (15, &[T, "CREATE PUBLICATION p FOR TABLE t (id) WHERE (v > 1)"], "t f"),
    (15, &[T, "CREATE PUBLICATION p FOR TABLE t (id) WHERE (id > 1)"], "t d"),
    (15, &[T, "CREATE PUBLICATION p FOR TABLE t (id) WITH (publish = 'update')",
         "CREATE PUBLICATION p2 FOR TABLE t WHERE (v > 1) WITH (publish = 'delete')"], "t d"),
    (15, &[T, "CREATE PUBLICATION p FOR TABLE t (v) WITH (publish = 'update')",
         "CREATE PUBLICATION p2 FOR TABLE t WHERE (v > 1) WITH (publish = 'delete')"], "t f"),
    // partitions
    (15, &[TREE, LEAF, VIA_ROOT], "r1 d r d"),
    (15, &[TREE, VIA_ROOT, LEAF], "r1 d r d"),
    (15, &[TREE, LEAF, "CREATE PUBLICATION p WITH (publish_via_partition_root = true)", "ALTER PUBLICATION p ADD TABLE r (id)"], "r1 d r d"),
    (15, &[TREE, VIA_ROOT, "CREATE TABLE r1 (id int PRIMARY KEY, v int, w int)", "ALTER TABLE r ATTACH PARTITION r1 DEFAULT"], "r1 d"),
    (15, &[TREE, VIA_ROOT, "CREATE TABLE r1 (w int, v int, id int NOT NULL)", "ALTER TABLE r ATTACH PARTITION r1 DEFAULT"], "r1 d"),
    (15, &[TREE, VIA_ROOT, "CREATE TABLE r1 (id int NOT NULL, v int, w int) PARTITION BY RANGE (id)",
         "CREATE TABLE r11 PARTITION OF r1 DEFAULT", "ALTER TABLE r ATTACH PARTITION r1 DEFAULT"], "r11 d"),
    (15, &["CREATE TABLE r (id int, v int) PARTITION BY RANGE (id)", "CREATE TABLE r1 PARTITION OF r DEFAULT",
         "CREATE TABLE r2 PARTITION OF r FOR VALUES FROM (0) TO (1)",
         "CREATE PUBLICATION p FOR TABLE r (id) WITH (publish_via_partition_root = true)", "ALTER TABLE r2 ADD PRIMARY KEY (id)"], "r1 f r2 d"),
    (15, &["CREATE TABLE r (id int, v int) PARTITION BY RANGE (id)", "CREATE TABLE r1 PARTITION OF r DEFAULT",
         "CREATE PUBLICATION p FOR TABLE r (id) WITH (publish_via_partition_root = true)", "ALTER TABLE r ADD PRIMARY KEY (id)"], "r1 d"),
    (15, &[TREE, LEAF, "CREATE PUBLICATION p FOR TABLE r1 (id)"], "r1 d r f"),
    // the topmost table of the publication decides
    (15, &[TREE, LEAF, "CREATE PUBLICATION p FOR TABLE r, r1 (id) WITH (publish_via_partition_root = true)"], "r1 f"),
    (15, &[TREE, LEAF, "CREATE PUBLICATION p FOR TABLE r, r1 (id) WITH (publish_via_partition_root = true)",
         "ALTER PUBLICATION p DROP TABLE r"], "r1 d"),
    (15, &[TREE, LEAF, "CREATE PUBLICATION p FOR TABLE r, r1 (id) WITH (publish_via_partition_root = true)",
         "ALTER TABLE r DETACH PARTITION r1"], "r1 d"),
    (15, &[TREE, LEAF, "CREATE PUBLICATION p FOR TABLE r, r1 (id) WITH (publish_via_partition_root = true)",
         "ALTER TABLE r DETACH PARTITION r1 CONCURRENTLY"], "r1 d"),
    (15, &[TREE, LEAF, "CREATE PUBLICATION p FOR TABLE r, r1 (id) WITH (publish_via_partition_root = true)",
         "ALTER PUBLICATION p SET (publish_via_partition_root = false)"], "r1 d"),
    (15, &[TREE, VIA_ROOT, "CREATE UNLOGGED TABLE r1 PARTITION OF r DEFAULT", "ALTER TABLE r1 SET LOGGED"], "r1 d"),
    // the owner's own choice stays
    (15, &[T, "ALTER TABLE t REPLICA IDENTITY FULL", "CREATE PUBLICATION p FOR TABLE t (id, v)"], "t f"),
    (15, &[T, "CREATE PUBLICATION p FOR TABLE t (id, v)", "ALTER TABLE t REPLICA IDENTITY FULL", "ALTER TABLE t ADD COLUMN x int"], "t f"),
    (15, &[T, "ALTER TABLE t ADD COLUMN x int, REPLICA IDENTITY FULL", "CREATE PUBLICATION p FOR TABLE t (id, v)"], "t f"),
    (15, &[T, "DO $$ BEGIN ALTER TABLE t REPLICA IDENTITY FULL; END $$", "CREATE PUBLICATION p FOR TABLE t (id, v)"], "t f"),
    (15, &["SET dts_ddl_capture.enabled = off", T, "ALTER TABLE t REPLICA IDENTITY FULL", "RESET dts_ddl_capture.enabled",
         "CREATE PUBLICATION p FOR TABLE t (id, v)"], "t f"),
    (15, &["CREATE TABLE t (id int PRIMARY KEY, v int NOT NULL UNIQUE)", "ALTER TABLE t REPLICA IDENTITY USING INDEX t_v_key",
         "CREATE PUBLICATION p FOR TABLE t (v)"], "t i"),
    (15, &["SET dts_ddl_capture.replica_identity = off", T, "RESET dts_ddl_capture.replica_identity",
         "CREATE PUBLICATION p FOR TABLE t (id, v)"], "t d"),
    // generated columns
    (13, &["CREATE PUBLICATION p FOR ALL TABLES", "CREATE TABLE g (id int PRIMARY KEY, v int, s int GENERATED ALWAYS AS (v + 1) STORED)"], ""),
    (18, &[STORED], "g d"),
    (18, &["CREATE PUBLICATION p FOR ALL TABLES", STORED], "g d"),
    (18, &["CREATE PUBLICATION p FOR ALL TABLES", VIRTUAL], "g d"),
    (18, &[STORED, "CREATE PUBLICATION p FOR ALL TABLES"], "g d"),
    (18, &[VIRTUAL, "CREATE PUBLICATION p FOR ALL TABLES"], "g d"),
    (18, &[STORED, "CREATE PUBLICATION p FOR TABLE g"], "g d"),
    (18, &[STORED, "CREATE PUBLICATION p", "ALTER PUBLICATION p ADD TABLE g"], "g d"),
    (18, &[STORED, "CREATE PUBLICATION p FOR TABLES IN SCHEMA c"], "g d"),
    (18, &[STORED, "CREATE PUBLICATION p", "ALTER PUBLICATION p ADD TABLES IN SCHEMA c"], "g d"),
    (18, &["CREATE TABLE g (id int, v int, s int GENERATED ALWAYS AS (v + 1) STORED)", "CREATE PUBLICATION p FOR ALL TABLES"], "g f"),
    (18, &["CREATE TABLE g (id int, v int, s int GENERATED ALWAYS AS (v + 1) STORED)", "CREATE PUBLICATION p FOR ALL TABLES",
         "ALTER TABLE g ADD PRIMARY KEY (id)"], "g d"),
    (18, &["CREATE TABLE g (id int, v int, s int GENERATED ALWAYS AS (v + 1) STORED PRIMARY KEY)", "CREATE PUBLICATION p FOR ALL TABLES"], "g d"),
    (18, &["CREATE PUBLICATION p FOR ALL TABLES WITH (publish_generated_columns = stored)", STORED], "g d"),
    (18, &["CREATE PUBLICATION p FOR ALL TABLES WITH (publish_generated_columns = stored)", VIRTUAL], "g d"),
    (18, &["CREATE PUBLICATION p FOR ALL TABLES WITH (publish_generated_columns = stored)", STORED,
         "ALTER PUBLICATION p SET (publish_generated_columns = none)"], "g d"),
    (18, &["CREATE PUBLICATION p FOR ALL TABLES", T, "ALTER TABLE t ADD COLUMN s int GENERATED ALWAYS AS (v + 1) STORED"], "t d"),
    (18, &["CREATE PUBLICATION p FOR ALL TABLES", T, "ALTER TABLE t ADD COLUMN s int GENERATED ALWAYS AS (v + 1) VIRTUAL"], "t d"),
    (18, &["CREATE PUBLICATION p FOR ALL TABLES", T, "CREATE TABLE h (PRIMARY KEY (id)) INHERITS (t)",
         "ALTER TABLE t ADD COLUMN s int GENERATED ALWAYS AS (v + 1) STORED"], "t d h d"),
    (18, &["CREATE PUBLICATION p FOR ALL TABLES", TREE, LEAF, "ALTER TABLE r ADD COLUMN s int GENERATED ALWAYS AS (v + 1) STORED"], "r1 d"),
    (18, &["CREATE PUBLICATION p FOR TABLES IN SCHEMA c", "CREATE SCHEMA c2",
         "CREATE TABLE c2.g (id int PRIMARY KEY, v int, s int GENERATED ALWAYS AS (v + 1) STORED)", "ALTER TABLE c2.g SET SCHEMA c"], "g d"),
    (18, &["CREATE PUBLICATION p FOR TABLES IN SCHEMA c", "CREATE SCHEMA c2",
         "CREATE TABLE c2.r (id int PRIMARY KEY, v int, s int GENERATED ALWAYS AS (v + 1) STORED) PARTITION BY LIST (id)",
         "CREATE TABLE c2.r1 PARTITION OF c2.r DEFAULT", "ALTER TABLE c2.r SET SCHEMA c", "ALTER TABLE c2.r1 SET SCHEMA c"], "r1 d"),
    (18, &["CREATE PUBLICATION p FOR TABLES IN SCHEMA c", STORED, "ALTER TABLE g REPLICA IDENTITY FULL"], "g f"),
    (18, &[STORED, "CREATE PUBLICATION p FOR TABLE g (id, s)"], "g d"),
    (19, &[STORED, T, "CREATE PUBLICATION p FOR ALL TABLES EXCEPT (TABLE g)"], "g d t f"),
    (19, &[STORED, T, "CREATE PUBLICATION p FOR ALL TABLES EXCEPT (TABLE t)"], "g d t f"),
];

const TABLES: &str = "SELECT quote_ident(c.relname), c.relreplident::text,
         (SELECT quote_ident(min(a.attname)) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '')
    FROM pg_class c WHERE c.relnamespace = 'c'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY c.relname";

/// What UPDATE and DELETE say of each table, and `table identity` of each.
fn run(client: &mut Client, statements: &[&str]) -> (Vec<(String, Option<String>)>, Vec<String>) {
    client
        .batch_execute("CREATE SCHEMA c; SET search_path = c; SET client_min_messages = error")
        .unwrap();
    for statement in statements {
        let result = client.batch_execute(statement);
        assert!(result.is_ok(), "{statement}: {result:?}");
    }
    let (mut said, mut identities) = (Vec::new(), Vec::new());
    for row in client.query(TABLES, &[]).unwrap() {
        let [table, identity, column]: [String; 3] = [row.get(0), row.get(1), row.get(2)];
        for command in [
            format!("UPDATE {table} SET {column} = {column}"),
            format!("DELETE FROM {table}"),
        ] {
            let error = client.batch_execute(&command).err();
            let error = error.map(|error| format!("{:?}", error.as_db_error()));
            said.push((command, error));
        }
        identities.push(format!("{table} {identity}"));
    }
    client
        .batch_execute(
            "DO $$ DECLARE p name; BEGIN FOR p IN SELECT pubname FROM pg_publication LOOP EXECUTE format('DROP PUBLICATION %I', p); END LOOP; END $$;
             DROP SCHEMA c CASCADE; DROP SCHEMA IF EXISTS c2 CASCADE; RESET ALL",
        )
        .unwrap();
    (said, identities)
}

#[test]
fn what_works_without_works_with() {
    let (bare, with) = (Database::bare("identity_bare"), Database::new("identity"));
    let (mut bare, mut with) = (bare.connect(), with.connect());
    let mut wrong = Vec::new();
    for (from, statements, wanted) in CASES {
        if server().major < *from {
            continue;
        }
        let (without, _) = run(&mut bare, statements);
        let (said, identities) = run(&mut with, statements);
        for ((command, error), (_, error_without)) in said.iter().zip(&without) {
            if error.is_some() && error_without.is_none() {
                wrong.push(format!("{:?}: {command}: {error:?}", statements));
            }
        }
        let wanted: Vec<&str> = wanted.split(' ').collect();
        for pair in wanted.chunks_exact(2) {
            let want = pair.join(" ");
            if !identities.contains(&want) {
                wrong.push(format!(
                    "{:?}: wanted {want}, got {identities:?}",
                    statements
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Another session that has just written the table's row in pg_class, by the only command that takes no lock on the table.
#[test]
fn beside_a_grant() {
    if server().major < 15 {
        return skipped("beside_a_grant", "column lists came with 15");
    }
    let database = Database::new("identity_grant");
    let (mut one, mut two) = (database.connect(), database.connect());
    one.batch_execute("CREATE TABLE t (id int PRIMARY KEY, v int); CREATE PUBLICATION p")
        .unwrap();
    one.batch_execute("BEGIN; GRANT SELECT ON t TO PUBLIC")
        .unwrap();
    std::thread::scope(|scope| {
        let other = scope.spawn(move || two.batch_execute("ALTER PUBLICATION p ADD TABLE t (id)"));
        std::thread::sleep(A_WHILE);
        one.batch_execute("COMMIT").unwrap();
        let result = other.join().unwrap();
        assert!(result.is_ok(), "{result:?}");
    });
    one.batch_execute("UPDATE t SET v = 1; DELETE FROM t")
        .unwrap();
    let acl = "SELECT relreplident::text || relacl::text FROM pg_class WHERE oid = 't'::regclass";
    let got = value(&mut one, acl);
    assert!(got.starts_with("d{") && got.contains("=r/"), "{got}");
}

/// Who reads and writes a partition keeps nobody waiting, and is not kept waiting.
#[test]
fn beside_readers_and_writers() {
    if server().major < 15 {
        return skipped("beside_readers_and_writers", "column lists came with 15");
    }
    let database = Database::new("identity_locks");
    let (mut one, mut two) = (database.connect(), database.connect());
    one.batch_execute(&format!("{TREE}; {LEAF}; INSERT INTO r VALUES (1)"))
        .unwrap();
    one.batch_execute("BEGIN; SELECT * FROM r; UPDATE r SET v = 2")
        .unwrap();
    two.batch_execute("SET lock_timeout = '1s'; BEGIN").unwrap();
    two.batch_execute(VIA_ROOT).unwrap();
    one.batch_execute("SET lock_timeout = '1s'; UPDATE r SET v = 3; COMMIT; UPDATE r SET v = 4")
        .unwrap();
    two.batch_execute("COMMIT").unwrap();
    one.batch_execute("UPDATE r SET v = 5").unwrap();
    assert_eq!(value(&mut one, "SELECT v FROM r"), "5");
}

/// The marks by which capture knows what it has not given are in nobody's way, and go with the extension.
#[test]
fn mark() {
    let (bare, with) = (Database::bare("mark_bare"), Database::new("mark"));
    let statements = "CREATE SCHEMA aaa; CREATE TABLE aaa.t (id int PRIMARY KEY); CREATE TABLE u (v serial REFERENCES aaa.t);
        CREATE SCHEMA zzz; CREATE TABLE zzz.w () INHERITS (aaa.t)";
    for database in [&bare, &with] {
        database.connect().batch_execute(statements).unwrap();
    }
    let entries = |database: &Database| -> Vec<String> {
        let is_entry = |line: &String| line.starts_with("-- Name: ") && !line.contains("dts_");
        database.dump().into_iter().filter(is_entry).collect()
    };
    assert_eq!(entries(&with), entries(&bare));
    let mut client = with.connect();
    let marks = "SELECT count(*) FROM pg_depend WHERE refobjid = 'pg_get_replica_identity_index'::regproc AND deptype = 'n'";
    let marked = |client: &mut Client| value(client, marks);
    // the capture table alone
    let at_first = if server().major < 15 { "0" } else { "1" };
    assert_eq!(marked(&mut client), at_first);
    client
        .batch_execute("ALTER TABLE u REPLICA IDENTITY FULL; ALTER TABLE u REPLICA IDENTITY DEFAULT; ALTER TABLE u REPLICA IDENTITY FULL")
        .unwrap();
    let chosen = if server().major < 15 { "0" } else { "2" };
    assert_eq!(marked(&mut client), chosen);
    client
        .batch_execute(
            "ALTER TABLE u SET SCHEMA aaa; ALTER TABLE aaa.u RENAME TO u2; ALTER TABLE aaa.u2 OWNER TO CURRENT_USER;
             DROP TABLE aaa.u2; DROP TABLE zzz.w; DROP EXTENSION dts_ddl_capture; DROP TABLE aaa.t; DROP SCHEMA zzz",
        )
        .unwrap();
    assert_eq!(marked(&mut client), "0");
}

/// What owners have said before the extension, while it did not record, where it was not asked, and in a transaction that was rolled
/// back with the marks, stays theirs.
#[test]
fn choices_that_were_not_recorded() {
    if server().major < 15 {
        return skipped(
            "choices_that_were_not_recorded",
            "column lists came with 15",
        );
    }
    let database = Database::bare("identity_before");
    let mut client = database.connect();
    let made = |name: &str| format!("CREATE TABLE {name} (id int PRIMARY KEY, v int); ");
    let full = |name: &str| format!("ALTER TABLE {name} REPLICA IDENTITY FULL; ");
    let statements = [
        made("before") + &full("before") + "CREATE EXTENSION dts_ddl_capture",
        format!("BEGIN; {}ROLLBACK", made("gone")),
        format!(
            "{}SET dts_ddl_capture.enabled = off; {}RESET dts_ddl_capture.enabled",
            made("silent"),
            full("silent")
        ),
        made("given"),
        made("chosen") + &full("chosen"),
        "CREATE PUBLICATION p FOR TABLE before (id), silent (id), given (id), chosen (id)"
            .to_owned(),
    ];
    for statement in statements {
        let result = client.batch_execute(&statement);
        assert!(result.is_ok(), "{statement}: {result:?}");
    }
    let identities = "SELECT string_agg(relname || ' ' || relreplident::text, ', ' ORDER BY relname) FROM pg_class
        WHERE relname IN ('before', 'silent', 'given', 'chosen')";
    assert_eq!(
        value(&mut client, identities),
        "before f, chosen f, given d, silent f"
    );
}

/// A table that 1.7.0 has given FULL to is known by the mark that it has.
#[test]
fn given_by_an_older_version() {
    if server().major < 15 {
        return skipped("given_by_an_older_version", "column lists came with 15");
    }
    let database = Database::bare("identity_older");
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE t (id int PRIMARY KEY, v int); ALTER TABLE t REPLICA IDENTITY FULL; CREATE EXTENSION dts_ddl_capture;
             BEGIN; SET LOCAL allow_system_table_mods = on;
             INSERT INTO pg_depend VALUES ('pg_class'::regclass, 't'::regclass, 0, 'pg_proc'::regclass,
                'pg_relation_is_publishable(regclass)'::regprocedure, 0, 'n'); COMMIT;
             CREATE TABLE other (); CREATE PUBLICATION p FOR TABLE t (id)",
        )
        .unwrap();
    let identity = "SELECT relreplident FROM pg_class WHERE oid = 't'::regclass";
    assert_eq!(value(&mut client, identity), "d");
    client
        .batch_execute("DROP PUBLICATION p; ALTER TABLE t REPLICA IDENTITY FULL; CREATE PUBLICATION p FOR TABLE t (id)")
        .unwrap();
    assert_eq!(value(&mut client, identity), "f");
}
