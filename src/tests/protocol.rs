//! Texts as they come over the wire: strings of several statements, the extended protocol, prepared statements.

use super::server::{Database, value};

/// Statements glued together in many ways; every piece marked `true` must come back to the byte.
#[test]
fn simple_query_strings() {
    let database = Database::new("simple_query");
    let mut client = database.connect();
    let pieces: &[(&str, bool)] = &[
        ("-- a line comment; CREATE TABLE no (x int)\n", false),
        ("CREATE TABLE a (x int)", true),
        (" ; \n\t ;;", false),
        (
            "CREATE TABLE b (\n  -- inner; comment\n  x int, /* ; */ y text DEFAULT ';'\n)",
            true,
        ),
        (" -- trailing; comment\n;\r\n", false),
        ("INSERT INTO a VALUES (1)", false),
        (";", false),
        ("COMMENT ON TABLE a IS $$;$$", true),
        ("/* x */;/* y */", false),
        (
            "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $f$\nBEGIN\n  -- it's\n  PERFORM ';';\nEND $f$",
            true,
        ),
        (";SELECT f();", false),
        ("DROP FUNCTION f()", true),
        ("\u{c};\u{c}", false),
        (
            "CREATE VIEW v AS SELECT x::text || '--' AS \"--\" FROM a",
            true,
        ),
        ("--\n;", false),
        ("create table Ünïcödé (é int default 1)", true),
        (";/* é */", false),
        ("ALTER TABLE a ADD COLUMN z int", true),
    ];
    let string: String = pieces.iter().map(|(text, _)| *text).collect();
    client.batch_execute(&string).unwrap();
    let want: Vec<&str> = pieces
        .iter()
        .filter(|(_, ddl)| *ddl)
        .map(|(text, _)| *text)
        .collect();
    database.expect(&want);
}

#[test]
fn line_comments_and_white_space() {
    let database = Database::new("comments");
    let mut client = database.connect();
    for (string, want) in [
        (
            "-- before\nCREATE TABLE a (x int) -- after",
            "CREATE TABLE a (x int)",
        ),
        (
            "\n\n  CREATE TABLE b (x int)\n-- after\n;\n-- more\n",
            "CREATE TABLE b (x int)",
        ),
        (
            "/* /* nested */ */CREATE TABLE c (x int)/* /* nested */ */",
            "CREATE TABLE c (x int)",
        ),
        (
            "CREATE TABLE d (x int--in\n)--out\n--out",
            "CREATE TABLE d (x int--in\n)",
        ),
        (";;;CREATE TABLE e (x int);;;", "CREATE TABLE e (x int)"),
        (
            "CREATE TABLE f (x text DEFAULT 'a' -- joined\n 'b')",
            "CREATE TABLE f (x text DEFAULT 'a' -- joined\n 'b')",
        ),
        (
            "COMMENT ON TABLE f IS 'x'-- ; end",
            "COMMENT ON TABLE f IS 'x'",
        ),
        (
            "COMMENT ON TABLE f IS 'x'\r\n\r\n",
            "COMMENT ON TABLE f IS 'x'",
        ),
        (
            "CREATE TABLE g (x text DEFAULT 'a'\n--c\n--d\n'b'\n)--e",
            "CREATE TABLE g (x text DEFAULT 'a'\n--c\n--d\n'b'\n)",
        ),
        (
            "COMMENT ON TABLE f IS 'one'\n-- between\n'two'",
            "COMMENT ON TABLE f IS 'one'\n-- between\n'two'",
        ),
    ] {
        client.batch_execute(string).unwrap();
        assert_eq!(
            database.texts().last().map(String::as_str),
            Some(want),
            "from {string:?}"
        );
    }
    database.expect_sound();
}

#[test]
fn extended_protocol() {
    let database = Database::new("extended");
    let mut client = database.connect();
    client.execute("CREATE TABLE a (x int)", &[]).unwrap();
    client
        .execute("  -- c\n CREATE TABLE b (x int) ; -- d", &[])
        .unwrap();
    let statement = client
        .prepare("/* p */ CREATE TABLE c (x int) /* q */")
        .unwrap();
    client.execute(&statement, &[]).unwrap();
    client.execute("DROP TABLE c", &[]).unwrap();
    client.execute(&statement, &[]).unwrap();
    // another DDL between the parsing and the execution of a prepared one
    let first = client.prepare("CREATE TABLE d (x int)").unwrap();
    let second = client.prepare("CREATE TABLE e (x int)").unwrap();
    client
        .batch_execute("CREATE TABLE f (x int); CREATE TABLE g (x int)")
        .unwrap();
    client.execute(&second, &[]).unwrap();
    client.execute(&first, &[]).unwrap();
    client
        .execute(
            "CREATE TABLE h AS SELECT $1::int4 AS n, $2::text AS s",
            &[&7_i32, &"seven"],
        )
        .unwrap();
    assert_eq!(value(&mut client, "SELECT n || s FROM h"), "7seven");
    client
        .execute(
            "SELECT i INTO i FROM generate_series(1, $1::int4) AS i",
            &[&3_i32],
        )
        .unwrap();
    client
        .execute("CREATE TABLE j AS SELECT 1 AS x WITH NO DATA", &[])
        .unwrap();
    database.expect(&[
        "CREATE TABLE a (x int)",
        "CREATE TABLE b (x int)",
        "CREATE TABLE c (x int)",
        "DROP TABLE c",
        "CREATE TABLE c (x int)",
        "CREATE TABLE f (x int)",
        "CREATE TABLE g (x int)",
        "CREATE TABLE e (x int)",
        "CREATE TABLE d (x int)",
        "CREATE TABLE public.h (n integer, s text)",
        "CREATE TABLE public.i (i integer)",
        "CREATE TABLE public.j (x integer)",
    ]);
}

/// The very first command of a session through the extended protocol, also nested.
#[test]
fn extended_protocol_first_ddl() {
    let database = Database::new("extended_first");
    database
        .connect()
        .batch_execute(
            "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE x (a int); DROP TABLE x; END $$;
             CREATE FUNCTION s() RETURNS void LANGUAGE sql AS 'CREATE TABLE x (a int); DROP TABLE x';
             TRUNCATE public.dts_ddl_command",
        )
        .unwrap();
    database
        .connect()
        .execute("/* a */ CREATE TABLE a (x int) /* b */;", &[])
        .unwrap();
    database.connect().execute("SELECT f()", &[]).unwrap();
    database.connect().execute("SELECT s()", &[]).unwrap();
    database
        .connect()
        .execute(
            "DO $$ BEGIN EXECUTE 'CREATE TABLE x (a int); DROP TABLE x'; END $$",
            &[],
        )
        .unwrap();
    database
        .connect()
        .execute("CREATE TABLE b AS SELECT $1::int4 AS n", &[&1_i32])
        .unwrap();
    let mut client = database.connect();
    let statement = client.prepare("CREATE TABLE c (x int)").unwrap();
    client.query("SELECT 1", &[]).unwrap();
    client.execute(&statement, &[]).unwrap();
    let mut want = vec!["CREATE TABLE a (x int)"];
    for _ in 0..3 {
        want.extend(["CREATE TABLE x (a int)", "DROP TABLE x"]);
    }
    want.extend([
        "CREATE TABLE public.b (n integer)",
        "CREATE TABLE c (x int)",
    ]);
    database.expect(&want);
}

/// A portal that is suspended half-way while other statements run: its text is still its own.
#[test]
fn suspended_portal() {
    let database = Database::new("portal");
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE FUNCTION mk(i int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE format('CREATE TABLE p%s (x int)', i); RETURN i; END $$;
             TRUNCATE public.dts_ddl_command",
        )
        .unwrap();
    let mut transaction = client.transaction().unwrap();
    let portal = transaction
        .bind("SELECT mk(i) FROM generate_series(1, 4) AS i", &[])
        .unwrap();
    assert_eq!(transaction.query_portal(&portal, 2).unwrap().len(), 2);
    transaction
        .batch_execute("CREATE TABLE between (x int)")
        .unwrap();
    assert_eq!(transaction.query_portal(&portal, 2).unwrap().len(), 2);
    transaction.commit().unwrap();
    database.expect(&[
        "CREATE TABLE p1 (x int)",
        "CREATE TABLE p2 (x int)",
        "CREATE TABLE between (x int)",
        "CREATE TABLE p3 (x int)",
        "CREATE TABLE p4 (x int)",
    ]);
}

/// An SQL cursor over a function that runs DDL, fetched between other commands, also after its transaction's subtransaction failed.
#[test]
fn cursor_and_savepoints() {
    let database = Database::new("cursor");
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE FUNCTION mk(i int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE format('CREATE TABLE c%s (x int)', i); RETURN i; END $$;
             TRUNCATE public.dts_ddl_command;
             BEGIN; DECLARE cur CURSOR FOR SELECT mk(i) FROM generate_series(1, 3) AS i; FETCH cur",
        )
        .unwrap();
    client.batch_execute("SAVEPOINT s").unwrap();
    client
        .batch_execute("CREATE TABLE lost (x int); SELECT 1/0")
        .unwrap_err();
    client
        .batch_execute("ROLLBACK TO s; CREATE TABLE kept (x int); FETCH cur; COMMIT")
        .unwrap();
    database.expect(&[
        "CREATE TABLE c1 (x int)",
        "CREATE TABLE kept (x int)",
        "CREATE TABLE c2 (x int)",
    ]);
}

/// COPY in the middle of a string.
#[test]
fn copy_in_a_string() {
    let database = Database::new("copy");
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE a (x int); COPY (SELECT 1) TO '/dev/null'; CREATE TABLE b (x int)",
        )
        .unwrap();
    database.expect(&["CREATE TABLE a (x int)", "CREATE TABLE b (x int)"]);
}
