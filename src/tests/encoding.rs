//! Encodings in which the client differs from the server, through the wire protocol. See also `pg_test/encoding/`.

use super::server::Database;

/// This client always speaks UTF8; the server converts in both directions.
#[test]
fn server_encodings() {
    for (encoding, text) in [
        ("UTF8", "größe 表 😀"),
        ("LATIN1", "größe"),
        ("LATIN9", "10 €"),
        ("WIN1252", "“q” – €"),
        ("KOI8R", "таблица"),
        ("EUC_CN", "表中文"),
        ("EUC_JP", "日本語"),
        ("EUC_KR", "한국어"),
        ("EUC_TW", "中文"),
        ("SQL_ASCII", "größe 表 😀"),
    ] {
        let database = Database::with_options(
            "encoding",
            &format!("ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"),
        );
        let mut client = database.connect();
        client
            .batch_execute("CREATE EXTENSION dts_ddl_capture")
            .unwrap();
        let statements = [
            format!("CREATE TABLE \"{text};\" (\"{text}\" text DEFAULT '{text}; ' /* {text} */)"),
            format!("COMMENT ON TABLE \"{text};\" IS '{text}'"),
            format!("DROP TABLE \"{text};\""),
        ];
        client
            .batch_execute(&format!(
                "/* {text} */ {}; {} ; {} -- {text}",
                statements[0], statements[1], statements[2]
            ))
            .unwrap();
        client.execute(statements[0].as_str(), &[]).unwrap();
        client
            .batch_execute(&format!(
                "DO $do$ BEGIN EXECUTE $x$/* {text} */ {}; {}$x$; END $do$",
                statements[1], statements[2]
            ))
            .unwrap();
        client
            .batch_execute(&format!("CREATE TABLE a AS SELECT 1 AS \"{text}\""))
            .unwrap();
        let [create, comment, drop] = &statements;
        let as_select = format!("CREATE TABLE public.a (\"{text}\" integer)");
        assert_eq!(
            database.texts(),
            [create, comment, drop, create, comment, drop, &as_select].map(String::clone),
            "{encoding}"
        );
        assert_eq!(
            database.column("object_name")[0],
            format!("public.\"{text};\""),
            "{encoding}"
        );
        assert_eq!(
            database.column("message::jsonb->'objects'->0->>'identity'")[0],
            format!("public.\"{text};\""),
            "{encoding}"
        );
        assert_eq!(
            database.column("message::jsonb->'original'->>'text'")[6],
            format!("CREATE TABLE a AS SELECT 1 AS \"{text}\""),
            "{encoding}"
        );
        database.expect_sound();
    }
}

/// Role, database and schema names beyond ASCII.
#[test]
fn names_of_roles_and_schemas() {
    let database = Database::new("names");
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE ROLE \"rôle;\"; CREATE SCHEMA \"schéma\" AUTHORIZATION \"rôle;\"; TRUNCATE public.dts_ddl_command;
             SET search_path = \"schéma\"; SET ROLE \"rôle;\"; CREATE TABLE t (x int); RESET ROLE",
        )
        .unwrap();
    assert_eq!(
        database.column("username || ' ' || schema || ' ' || (message::jsonb->>'search_path')"),
        ["rôle; schéma [\"schéma\"]"]
    );
    client
        .batch_execute("DROP OWNED BY \"rôle;\"; DROP ROLE \"rôle;\"")
        .unwrap();
}
