//! Live apply of CREATE EXTENSION where its script fills tables of its own: the rows come by the script and by the stream.

use super::check::{findings, says};
use super::cluster::Installation;
use super::pair::{Options, Pair};

/// Two tables, with a key and without, and rows in both; an update adds rows and a table.
const FILES: &[(&str, &str)] = &[
    (
        "dts_test_filled.control",
        "default_version = '1.0'\nrelocatable = true\nsuperuser = true\n",
    ),
    (
        "dts_test_filled--1.0.sql",
        "CREATE TABLE filled_keyed (id int PRIMARY KEY, name text); INSERT INTO filled_keyed SELECT g, 'script' FROM generate_series(1, 100) g;\n\
         CREATE TABLE filled_bare (x int, at timestamptz DEFAULT clock_timestamp()); INSERT INTO filled_bare SELECT g FROM generate_series(1, 100) g;\n\
         SELECT pg_catalog.pg_extension_config_dump('filled_keyed', 'WHERE name <> ''script''');\n\
         CREATE FUNCTION filled_count() RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';\n",
    ),
    (
        "dts_test_filled--1.0--1.1.sql",
        "INSERT INTO filled_keyed VALUES (101, 'update'); UPDATE filled_keyed SET name = 'updated' WHERE id = 1; DELETE FROM filled_keyed WHERE id = 2;\n\
         CREATE TABLE filled_later (y int PRIMARY KEY); INSERT INTO filled_later VALUES (1), (2);\n",
    ),
    (
        "dts_test_reads.control",
        "default_version = '1.0'\nrelocatable = false\nschema = reads\nsuperuser = true\n",
    ),
    // values of the type are read by looking into a table, in which rows name later ones
    (
        "dts_test_reads--1.0.sql",
        "CREATE DOMAIN known AS text; CREATE TABLE words (word text PRIMARY KEY, means known, more text);
         INSERT INTO words SELECT g, g % 100 + 1, repeat('x', g * 100) FROM generate_series(1, 100) g; GRANT SELECT ON words TO PUBLIC; GRANT USAGE ON SCHEMA reads TO PUBLIC;
         CREATE TABLE twice (word known, n int); INSERT INTO twice SELECT '7', g / 2 FROM generate_series(1, 10) g; ALTER TABLE twice REPLICA IDENTITY FULL;
         CREATE TABLE other (word known, at timestamptz DEFAULT clock_timestamp()); INSERT INTO other VALUES ('8'), ('9'); ALTER TABLE other REPLICA IDENTITY FULL;
         CREATE TABLE emptied (x int); INSERT INTO emptied VALUES (1); CREATE TABLE untouched (x int); INSERT INTO untouched VALUES (1);
         CREATE FUNCTION is_known(word text) RETURNS boolean LANGUAGE plpgsql STABLE AS
           'BEGIN RETURN EXISTS (SELECT FROM reads.words w WHERE w.word = $1); END';
         ALTER DOMAIN known ADD CHECK (reads.is_known(VALUE)) NOT VALID;\n",
    ),
    (
        "dts_test_reads--1.0--1.1.sql",
        "CREATE TABLE more (word known PRIMARY KEY, x int); INSERT INTO more VALUES ('1', 1), ('2', 2);\n",
    ),
];

/// Files of an extension for tests, as long as the value lives.
struct Files(Vec<std::path::PathBuf>);

impl Files {
    fn new(extension: &str, installations: &[&Installation]) -> Self {
        let mut files = Self(Vec::new());
        for installation in installations {
            for (name, content) in FILES.iter().filter(|(name, _)| name.starts_with(extension)) {
                let path = installation.extension_directory().join(name);
                std::fs::write(&path, content)
                    .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                files.0.push(path);
            }
        }
        files
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        for path in &self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}

#[test]
fn script_that_fills_its_tables() {
    let pair = Pair::simple("filled");
    let _files = Files::new(
        "dts_test_filled",
        &[
            &pair.source.cluster().installation,
            &pair.destination.cluster().installation,
        ],
    );
    pair.source.run("CREATE SCHEMA ext; CREATE EXTENSION dts_test_filled SCHEMA ext; INSERT INTO ext.filled_keyed VALUES (1000, 'user'); DELETE FROM ext.filled_keyed WHERE id = 5");
    pair.check();
    assert_eq!(
        pair.destination
            .value("SELECT count(*) FROM ext.filled_keyed"),
        "100"
    );
    assert_eq!(
        pair.destination
            .value("SELECT count(*) FROM ext.filled_bare"),
        "100"
    );
    pair.source.run("ALTER TABLE ext.filled_bare REPLICA IDENTITY FULL; UPDATE ext.filled_bare SET x = 0 WHERE x = 7; CREATE TABLE after (x int); INSERT INTO after VALUES (1)");
    pair.check();
    pair.source
        .run("ALTER EXTENSION dts_test_filled UPDATE TO '1.1'");
    pair.source.run("INSERT INTO ext.filled_later VALUES (3); INSERT INTO ext.filled_keyed VALUES (1001, 'user')");
    pair.check();
    pair.source.run(
        "ALTER EXTENSION dts_test_filled SET SCHEMA public; INSERT INTO filled_later VALUES (4)",
    );
    pair.source.run("DROP EXTENSION dts_test_filled; CREATE EXTENSION dts_test_filled VERSION '1.1'; INSERT INTO filled_keyed VALUES (1002, 'user')");
    pair.check();
    made_before_the_stream_begins();
    skipped();
}

/// The command is skipped, and the extension made by hand: rows of its tables go nowhere until they are taken in.
fn skipped() {
    let pair = Pair::simple("filled_skipped");
    pair.destination
        .run("CREATE VIEW filled_bare AS SELECT 1 AS x");
    pair.source
        .run("CREATE EXTENSION dts_test_filled; INSERT INTO filled_keyed VALUES (1000, 'user')");
    pair.expect_error(&["could not apply DDL command", "filled_bare"]);
    // the log tells it a moment earlier
    pair.destination.expect_value(
        "SELECT count(*) FROM dts_ddl.status WHERE stopped_id IS NOT NULL",
        "1",
    );
    let id = pair
        .destination
        .value("SELECT stopped_id FROM dts_ddl.status");
    pair.destination.run(&format!(
        "DROP VIEW filled_bare; CREATE EXTENSION dts_test_filled; SELECT dts_ddl.skip({id})"
    ));
    pair.wait();
    says(
        &findings(&mut pair.destination.connect()),
        "apply_tables",
        "error",
        "rows of 2 tables go nowhere, since they are in no subscription, but the source sends them: public.filled_keyed, public.filled_bare",
    );
    let name = &pair.destination.database;
    pair.destination
        .run(&format!("ALTER SUBSCRIPTION {name} DISABLE"));
    pair.destination.expect_value(
        &format!(
            "SELECT count(*) FROM pg_stat_subscription WHERE subname = '{name}' AND pid IS NOT NULL"
        ),
        "0",
    );
    pair.destination.run(&format!(
        "SELECT dts_ddl.copy_table('{name}', t) FROM (VALUES ('filled_keyed'::regclass), ('filled_bare')) v(t);
         ALTER SUBSCRIPTION {name} ENABLE"
    ));
    pair.source.run("INSERT INTO filled_bare VALUES (1000)");
    pair.check();
}

/// Reading a value looks into a table of the extension, whose rows come through the stream as well. Whatever the transaction does
/// next, both sides have the same rows.
#[test]
fn type_that_reads_its_tables() {
    let pair = Pair::simple("reads");
    let _files = Files::new(
        "dts_test_reads",
        &[
            &pair.source.cluster().installation,
            &pair.destination.cluster().installation,
        ],
    );
    for after in [
        "SELECT 1",
        "INSERT INTO reads.words VALUES ('new', '5', 'y'); INSERT INTO reads.words VALUES ('newer', 'new', NULL); INSERT INTO reads.twice VALUES ('new', 1)",
        "UPDATE reads.twice SET n = 5 WHERE ctid IN (SELECT min(ctid) FROM reads.twice WHERE n = 2); UPDATE reads.twice SET n = 6 WHERE n = 5",
        "UPDATE reads.words SET means = '1' WHERE word = '7'; DELETE FROM reads.other; DELETE FROM reads.words WHERE word = '8'; DELETE FROM reads.twice WHERE n = 3",
        "DELETE FROM reads.other; INSERT INTO reads.other VALUES ('1')",
        "TRUNCATE reads.emptied, reads.twice; INSERT INTO reads.twice VALUES ('7', 1); INSERT INTO reads.emptied VALUES (1)",
        "CREATE TABLE public.next (x int); INSERT INTO public.next VALUES (1); INSERT INTO reads.words VALUES ('new', '5', 'y'); DROP TABLE public.next",
        "SAVEPOINT s; UPDATE reads.words SET means = '9'; ROLLBACK TO s; ALTER EXTENSION dts_test_reads UPDATE TO '1.1'; INSERT INTO reads.more VALUES ('3', 3)",
    ] {
        pair.source.run(&format!(
            "BEGIN; CREATE EXTENSION dts_test_reads; {after}; COMMIT"
        ));
        pair.check();
        pair.source.run("BEGIN; UPDATE reads.words SET more = 'later'; INSERT INTO reads.other VALUES ('3'); UPDATE reads.twice SET n = 8; COMMIT");
        pair.check();
        assert_eq!(
            pair.destination.value(
                "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgname ~ '^dts_script'"
            ),
            "0"
        );
        pair.source.run("DROP EXTENSION dts_test_reads");
    }
    pair.check();
}

/// Between the dump of the schema and the stream: the command is run by CREATE SUBSCRIPTION, its rows are copied once.
fn made_before_the_stream_begins() {
    let options = Options {
        topic: "filled_before",
        ..Options::default()
    };
    let pair = Pair::unjoined(&options);
    let dumped = pair.source.last_id();
    pair.source.run("CREATE EXTENSION dts_test_filled; INSERT INTO filled_keyed VALUES (1000, 'user'); CREATE TABLE plain (x int); INSERT INTO plain VALUES (1)");
    pair.destination.run("CREATE EXTENSION dts_ddl_capture");
    let start_apply = format!("after_id => {dumped}");
    pair.subscribe(&Options {
        start_apply: &start_apply,
        ..options
    });
    pair.source
        .run("INSERT INTO filled_keyed VALUES (1001, 'user'); INSERT INTO plain VALUES (2)");
    pair.check();
}
