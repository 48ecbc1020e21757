//! What a command computes for rows that are there is the same on a destination, which runs it later, in another session.

use crate::tests::pair::Pair;

/// Tables with rows, and what gives these a value of the moment, of the session, or of the role.
const CASES: [&[&str]; 12] = [
    &[
        "CREATE TABLE a (id int PRIMARY KEY)",
        "INSERT INTO a VALUES (1), (2)",
        "ALTER TABLE a ADD at timestamptz NOT NULL DEFAULT now()",
    ],
    &[
        "ALTER TABLE a ADD COLUMN \"At\" timestamp(3) DEFAULT clock() CHECK (\"At\" > '2020-01-01'), ADD n int DEFAULT 1, ADD who name NOT NULL DEFAULT current_user",
    ],
    &[
        "INSERT INTO a (id) VALUES (3)",
        "ALTER TABLE a ADD IF NOT EXISTS at timestamptz DEFAULT '2000-01-01', ADD b timestamptz[] DEFAULT ARRAY[now()], ADD c int",
    ],
    &[
        "CREATE DOMAIN stamp AS timestamptz DEFAULT now()",
        "ALTER TABLE a ADD s stamp",
        "INSERT INTO a (id) VALUES (4)",
    ],
    &[
        "CREATE DOMAIN late AS timestamptz DEFAULT now() CHECK (value > '2020-01-01')",
        "ALTER TABLE a ADD l late, ADD m late DEFAULT now() + '1 day'",
    ],
    &[
        "CREATE TABLE p (k int, v text) PARTITION BY LIST (k)",
        "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)",
        "CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2)",
        "INSERT INTO p VALUES (2, 'x')",
        "ALTER TABLE p ADD at timestamptz DEFAULT now()",
        "INSERT INTO p (k) VALUES (1)",
    ],
    &[
        "CREATE TABLE i (x int)",
        "CREATE TABLE i1 (y int) INHERITS (i)",
        "INSERT INTO i1 VALUES (1, 1)",
        "ALTER TABLE i ADD at timestamptz DEFAULT now()",
    ],
    &[
        "CREATE TABLE \"Q t\" (id int)",
        "INSERT INTO \"Q t\" VALUES (1)",
        "DO $$ BEGIN EXECUTE 'ALTER TABLE \"Q t\" ADD \"a b\" text DEFAULT to_char(now(), ''HH24:MI:SS.US'') NOT NULL'; END $$",
    ],
    &[
        "SET app.tenant = 'it''s'",
        "ALTER TABLE a ADD tenant text NOT NULL DEFAULT current_setting('app.tenant')",
        "SET app.tenant = 'other'",
        "INSERT INTO a (id) VALUES (5)",
    ],
    &[
        "SET DateStyle = 'SQL, DMY'",
        "SET IntervalStyle = sql_standard",
        "ALTER TABLE a ADD d date DEFAULT current_date - 40, ADD iv interval DEFAULT now() - '2001-02-03 04:05:06'",
    ],
    &[
        "BEGIN",
        "CREATE TABLE t AS SELECT 1 AS id",
        "ALTER TABLE t ADD at timestamptz DEFAULT now()",
        "UPDATE t SET id = 2",
        "ALTER TABLE t ADD again timestamptz DEFAULT now()",
        "COMMIT",
    ],
    &[
        "CREATE TABLE e (id int PRIMARY KEY)",
        "ALTER TABLE e ADD at timestamptz DEFAULT now()",
        "INSERT INTO e (id) VALUES (1)",
    ],
];

#[test]
fn added_columns() {
    let pair = Pair::simple("added_columns");
    pair.source
        .run("CREATE FUNCTION clock() RETURNS timestamptz STABLE LANGUAGE sql AS 'SELECT statement_timestamp()'");
    for case in CASES {
        pair.source.run_each(case);
    }
    pair.check();
}

/// What is computed once from the time of the transaction, or of the statement, is the same: constants, rows, materialized views.
#[test]
fn the_time_of_the_source() {
    let pair = Pair::simple("the_time");
    pair.source.run_each(&[
        "CREATE TABLE t (id int DEFAULT 1, a timestamptz DEFAULT 'now', b date DEFAULT ' ToDay', c timestamp DEFAULT $$tomorrow$$)",
        "CREATE VIEW v AS SELECT timestamptz 'now' AS n; CREATE DOMAIN d AS timestamptz DEFAULT E'now'; ALTER TABLE t ADD e time DEFAULT 'now'",
        "BEGIN",
        "CREATE MATERIALIZED VIEW later AS SELECT now() AS n, statement_timestamp() AS s",
        "COMMIT",
        "CREATE MATERIALIZED VIEW m AS SELECT now() AS n, statement_timestamp() AS s, current_date AS d",
        "REFRESH MATERIALIZED VIEW m",
        "SET TimeZone = 'Asia/Tokyo'",
        "CREATE TABLE u AS SELECT 1 AS a",
        "ALTER TABLE u ALTER a TYPE timestamptz USING now()",
        "CREATE TABLE z (a timestamptz DEFAULT 'now')",
    ]);
    pair.check();
    for view in ["m", "later"] {
        let row = format!("SELECT (n, s)::text FROM {view}");
        assert_eq!(
            pair.source.value(&row),
            pair.destination.value(&row),
            "{view}"
        );
    }
    // afterwards the destination's own time goes on
    assert_eq!(
        pair.destination.value("SELECT count(*) FROM dts_ddl.apply_log WHERE finished < now() - interval '1 hour' OR finished > clock_timestamp()"),
        "0"
    );
}

/// Commands that read settings of the application, and what the session does around them.
const CUSTOM: [&str; 12] = [
    "CREATE TABLE t (id int PRIMARY KEY, org int); INSERT INTO t SELECT g, g % 3 FROM generate_series(1, 9) g;
     CREATE FUNCTION org() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN current_setting('app.org')::int; END $$;
     CREATE FUNCTION tenant() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN current_setting('app.tenant'); END $$",
    "SET app.org = '1'; SET app.tenant = 'it''s \\ \"one\"'; SET app.secret = 'hidden'; SET \"App.Other\" = ''",
    "CREATE MATERIALIZED VIEW mv AS SELECT * FROM t WHERE org = current_setting('app.org')::int",
    "BEGIN; SET LOCAL app.org = '2'; REFRESH MATERIALIZED VIEW mv; COMMIT; SELECT current_setting('app.secret')",
    "CREATE INDEX i ON t ((id + org()))",
    "ALTER TABLE t ADD CONSTRAINT c CHECK (org >= org() - 1); CREATE TABLE v AS SELECT 1 AS a; ALTER TABLE v ADD own text DEFAULT tenant()",
    "CREATE TABLE w AS SELECT 1 AS a; ALTER TABLE w ALTER a TYPE text USING a || '/' || current_setting('app.org')",
    "DO $$ BEGIN PERFORM set_config('app.org', '1', true), current_setting('app.secret'); REINDEX INDEX i; END $$",
    "CREATE DOMAIN d AS int; CREATE TABLE u (x d); INSERT INTO u VALUES (5); ALTER DOMAIN d ADD CHECK (value > org())",
    "ALTER TABLE t ENABLE ROW LEVEL SECURITY; ALTER TABLE t FORCE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (id <= org()); ALTER TABLE t OWNER TO {role}",
    "GRANT CREATE ON SCHEMA public TO {role}; SET ROLE {role}; SET app.org = '4'; CREATE MATERIALIZED VIEW mine AS SELECT id FROM t",
    "RESET ROLE; RESET app.org; SET app.org TO DEFAULT; CREATE MATERIALIZED VIEW none AS SELECT coalesce(current_setting('app.no', true), 'none') AS x",
];

#[test]
fn settings_of_the_application() {
    let pair = Pair::simple("custom_settings");
    let role = format!("r_{}", pair.source.database);
    for node in [&pair.source, &pair.destination] {
        node.run(&format!("CREATE ROLE {role}"));
    }
    let statements = CUSTOM.map(|statement| statement.replace("{role}", &role));
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    pair.source.run_each(&statements);
    pair.check();
    for view in ["mv", "mine", "none"] {
        let rows = format!(
            "SELECT count(*) || ' ' || string_agg(v::text, ',' ORDER BY v::text) FROM {view} v"
        );
        assert_eq!(
            pair.source.value(&rows),
            pair.destination.value(&rows),
            "{view}"
        );
    }
    // what no command has read is not told, nor what was read between them
    let told = "SELECT string_agg(DISTINCT k.key || '=' || k.value, '; ' ORDER BY k.key || '=' || k.value)
        FROM dts_ddl_command c, jsonb_each_text(c.message::jsonb -> 'settings') k WHERE k.key LIKE '%.%'";
    assert_eq!(
        pair.source.value(told),
        "app.org=1; app.org=2; app.org=4; app.tenant=it's \\ \"one\""
    );
    for node in [&pair.source, &pair.destination] {
        node.run(&format!(
            "SET dts_ddl_capture.enabled = off; DROP OWNED BY {role} CASCADE; DROP ROLE {role}"
        ));
    }
}

/// Commands that call code which writes rows of its own: these come by the stream, and are not written a second time.
const WRITES: [&str; 8] = [
    "CREATE TABLE log (id serial PRIMARY KEY, what text); CREATE TABLE nokey (what text); CREATE TABLE counter (n int PRIMARY KEY);
     CREATE TABLE parts (id serial, what text) PARTITION BY LIST (what); CREATE TABLE parts1 PARTITION OF parts DEFAULT;
     INSERT INTO counter VALUES (1)",
    "CREATE FUNCTION writes(w text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
       INSERT INTO public.log (what) VALUES (w); INSERT INTO public.nokey VALUES (w); INSERT INTO public.parts (what) VALUES (w);
       UPDATE public.counter SET n = n + 1; DELETE FROM public.log WHERE id % 5 = 0; RETURN w; END $$",
    "CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 3)",
    "ALTER TABLE a ADD c text DEFAULT writes('default')",
    "CREATE MATERIALIZED VIEW m AS SELECT writes('view')",
    "REFRESH MATERIALIZED VIEW m",
    "ALTER TABLE a ALTER c TYPE varchar USING writes('using')",
    "BEGIN; CREATE TABLE t AS SELECT writes('as'); INSERT INTO log (what) VALUES ('plain'); COMMIT",
];

#[test]
fn code_that_writes() {
    let pair = Pair::simple("code_that_writes");
    pair.source.run_each(&WRITES);
    pair.check();
    assert_eq!(pair.source.value("SELECT count(*) FROM nokey"), "9");
    // a view that each server fills for itself is told on the source, and no table to be copied here
    let told = "SELECT count(*) FROM dts_ddl_command WHERE message LIKE '%materialized view%'";
    assert_eq!(pair.source.value(told), "2");
    assert_eq!(
        pair.destination
            .column("SELECT DISTINCT note FROM dts_ddl.apply_log WHERE note IS NOT NULL"),
        [
            "table public.a is copied again, since its rows were rewritten with a volatile expression"
        ]
    );
    // what this server alone has, and what its own event triggers do, is written
    pair.destination.run(
        "CREATE TABLE here (what text);
         CREATE FUNCTION noted() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.here VALUES ('noted'); END $$;
         CREATE EVENT TRIGGER noted ON ddl_command_end EXECUTE FUNCTION noted(); ALTER EVENT TRIGGER noted ENABLE ALWAYS",
    );
    pair.source.run("CREATE TABLE after_all (i int)");
    pair.wait();
    assert_eq!(pair.destination.value("SELECT count(*) FROM here"), "1");
    pair.destination
        .run("DROP EVENT TRIGGER noted; DROP TABLE here");
}
