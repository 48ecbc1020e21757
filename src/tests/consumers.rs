//! `dts_ddl.check(consumer)`: what of the rows a consumer leaves out or trips over.

use super::pair::describe;
use super::server::Database;

/// A statement, and the beginning of what is said of it; nothing of those with an empty one.
const APE_DTS: &[(&str, &str)] = &[
    (
        "CREATE TYPE mood AS ENUM ('sad')",
        "left out: take it from the script, and start the task again",
    ),
    ("CREATE TABLE t (m mood DEFAULT 'sad', j json)", ""),
    (
        "CREATE TABLE c1 (x text DEFAULT 'a /* b */ c')",
        "comment signs",
    ),
    (
        "CREATE TABLE c2 (x text DEFAULT 'a -- b' -- c\n)",
        "comment signs",
    ),
    ("CREATE TABLE c3 (x text DEFAULT 'a -- b')", ""),
    ("CREATE TABLE/**/c4 (x int)", "a comment is taken out"),
    ("CREATE /* a */ TABLE c5 (x int, -- b\n y int /* c */)", ""),
    ("CREATE TABLE t$1 (x int)", "a name that it cannot parse"),
    ("CREATE TABLE q (\"a\"\"b\" int)", "a quote inside a name"),
    (
        "CREATE TABLE g (a int, b int GENERATED ALWAYS AS (a + 1) STORED)",
        "a row of this table stops it",
    ),
    ("CREATE TABLE \"a.b c\" (x int)", ""),
    (
        "CREATE TABLE n (id int GENERATED ALWAYS AS IDENTITY)",
        "an UPDATE",
    ),
    ("ALTER TABLE t ADD COLUMN x int", ""),
    (
        "CREATE /* a /* b */ c */ TABLE c6 (x int)",
        "of a comment in a comment",
    ),
    (
        "CREATE TABLE U&\"d\\0061\" (x int)",
        "a name that it cannot parse",
    ),
    ("DROP TABLE c5, c6", "the tables are dropped one by one"),
    ("CREATE SCHEMA w; DROP SCHEMA w CASCADE", ""),
    ("ALTER INDEX other.i RENAME TO j", "left out"),
    ("CREATE PUBLICATION p FOR TABLE t", ""),
    ("GRANT SELECT ON t TO PUBLIC", "left out"),
    ("DROP TABLE t", ""),
    ("DROP TABLE n CASCADE", "CASCADE or RESTRICT"),
    ("SET search_path = public, other", ""),
    (
        "CREATE TABLE r (x int REFERENCES named)",
        "sets the search_path to public alone, where it does not find relation named",
    ),
    (
        "CREATE TABLE r2 (x int REFERENCES other.named, y text COLLATE \"C\")",
        "",
    ),
    (
        "ALTER TABLE named ADD y int",
        "sets the search_path to public alone, where it does not find relation named",
    ),
    (
        "ALTER TABLE other.named ADD z int DEFAULT f()",
        "sets the search_path to other alone, where it does not find function f",
    ),
    ("CREATE INDEX ON other.named (y)", ""),
    ("SET search_path = public, pg_catalog", ""),
    ("CREATE TABLE r3 (x text DEFAULT lower('X'))", ""),
    ("SET search_path = public", ""),
    (
        "ALTER TABLE IF EXISTS ONLY \"other\" . named ADD w mood",
        "sets the search_path to other alone, where it does not find type mood",
    ),
];

#[test]
fn of_ape_dts() {
    let database = Database::new("trips");
    let mut client = database.connect();
    client
        .batch_execute("CREATE SCHEMA other CREATE TABLE named (x int PRIMARY KEY); CREATE INDEX i ON other.named (x); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        .unwrap();
    for (statement, want) in APE_DTS {
        let last = client.query_one("SELECT dts_ddl.last_id()", &[]).unwrap();
        let last: i64 = last.get(0);
        client.batch_execute(statement).unwrap();
        let found: Vec<String> = client
            .query("SELECT problem FROM dts_ddl.check('ape-dts', $1)", &[&last])
            .unwrap()
            .iter()
            .map(|row| row.get(0))
            .collect();
        match want.is_empty() {
            true => assert_eq!(found, Vec::<String>::new(), "{statement}"),
            false => assert!(
                found.len() == 1 && found[0].starts_with(want),
                "{statement}: {found:?}"
            ),
        }
    }
}

#[test]
fn of_dts_and_of_strangers() {
    let database = Database::new("trips_dts");
    let mut client = database.connect();
    client
        .batch_execute("CREATE TABLE t (x int); CREATE INDEX i ON t (x); DROP INDEX i; DROP TABLE t CASCADE; CREATE TABLE u (x int); DROP TABLE u")
        .unwrap();
    assert_eq!(
        database.value(
            "SELECT string_agg(tag || ': ' || problem, '; ' ORDER BY id) FROM dts_ddl.check('dts')"
        ),
        "DROP INDEX: left out: take it from the script; DROP TABLE: CASCADE and RESTRICT are not migrated, its documents say"
    );
    let error = client
        .batch_execute("SELECT * FROM dts_ddl.check('oracle')")
        .unwrap_err();
    assert!(
        describe(&error).contains("consumer \"oracle\" is not known"),
        "{error}"
    );
    for call in ["check(NULL)", "script(without => '{CREATE TABEL}')"] {
        let error = client
            .batch_execute(&format!("SELECT dts_ddl.{call}"))
            .unwrap_err();
        assert!(describe(&error).contains("is not known"), "{call}: {error}");
    }
    let detail = error.as_db_error().and_then(|error| error.detail());
    assert_eq!(detail, Some("Known consumers are ape-dts, dts."));
}
