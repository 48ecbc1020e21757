//! Live apply: tables that come, change and go, with their rows, in one ordered stream.

use super::pair::{Options, Pair};
use super::server::server;

#[test]
fn rows_in_the_transaction_of_their_table() {
    let pair = Pair::simple("rows");
    pair.source.run_each(&[
        "CREATE TABLE one (id int PRIMARY KEY, v text)",
        "INSERT INTO one SELECT g, 'a' FROM generate_series(1, 10) g",
    ]);
    pair.source.run(
        "BEGIN; CREATE TABLE two (id int PRIMARY KEY, v text); INSERT INTO two VALUES (1, 'a'), (2, 'b');
         ALTER TABLE two ADD COLUMN w int DEFAULT 7; INSERT INTO two VALUES (3, 'c', 8); UPDATE two SET v = 'x' WHERE id = 1;
         ALTER TABLE one RENAME v TO value; UPDATE one SET value = 'b' WHERE id > 5; DELETE FROM two WHERE id = 2;
         CREATE TABLE three (x int); INSERT INTO three SELECT generate_series(1, 100); ALTER TABLE three DROP COLUMN x;
         INSERT INTO three DEFAULT VALUES; COMMIT",
    );
    // subtransactions, of which some are rolled back; functions; tables that live for a moment
    pair.source.run_each(&[
        "DO $$ BEGIN
           CREATE TABLE four (x int); INSERT INTO four VALUES (1);
           BEGIN CREATE TABLE five (x int); INSERT INTO five VALUES (1); INSERT INTO four VALUES (2); RAISE 'no';
           EXCEPTION WHEN raise_exception THEN CREATE TABLE five (x text); INSERT INTO five VALUES ('instead'); END;
           FOR i IN 1..20 LOOP EXECUTE format('CREATE TABLE gone_%s (x int)', i); EXECUTE format('INSERT INTO gone_%s VALUES (1)', i);
             IF i > 3 THEN EXECUTE format('DROP TABLE gone_%s', i); END IF; END LOOP;
         END $$",
        "BEGIN", "SAVEPOINT a", "CREATE TABLE six (x int)", "INSERT INTO six VALUES (1)", "ROLLBACK TO a",
        "CREATE TABLE six (y text)", "INSERT INTO six VALUES ('y')", "SAVEPOINT b", "ALTER TABLE six ADD z int",
        "RELEASE b", "INSERT INTO six VALUES ('y', 2)", "COMMIT",
        "BEGIN", "CREATE TABLE never (x int)", "INSERT INTO never VALUES (1)", "ROLLBACK",
        "BEGIN; CREATE TABLE seven (x int); INSERT INTO seven VALUES (1); TRUNCATE seven; INSERT INTO seven VALUES (2); TRUNCATE one, two; COMMIT",
    ]);
    pair.check();
    assert_eq!(pair.destination.value("SELECT count(*) FROM three"), "101");
    assert_eq!(pair.destination.value("to_regclass('never')"), "NULL");
    assert_eq!(
        pair.destination
            .value("SELECT count(*) FROM dts_ddl.apply_log WHERE status <> 'applied'"),
        "0"
    );
}

/// Rows as 1.7.0 wrote them, and as they are written now: who the session was is told by the column, and an index by its identity.
/// A form that is not known yet is not taken for one of these.
#[test]
fn rows_of_either_form() {
    let role = "forms_app";
    let pair = Pair::simple(role);
    for node in [&pair.source, &pair.destination] {
        node.run(&format!(
            "DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        ));
    }
    pair.destination.run(
        "SET dts_ddl_capture.enabled = off; SET session_replication_role = replica;
         CREATE TABLE public.seen (what text); GRANT INSERT ON public.seen TO PUBLIC;
         CREATE FUNCTION public.see() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.seen VALUES (concat_ws('' '', tg_tag, current_user, session_user)); END';
         CREATE EVENT TRIGGER see ON ddl_command_end EXECUTE FUNCTION public.see(); ALTER EVENT TRIGGER see ENABLE ALWAYS",
    );
    pair.source
        .run(&format!("CREATE SCHEMA {role} AUTHORIZATION {role}"));
    // by hand, with what a row of 1.7.0 had
    let user = &server().user;
    let row = |statement: &str, tag: &str, message: &str| {
        format!(
            "SET dts_ddl_capture.enabled = off; SET session_replication_role = replica; {statement}; RESET session_replication_role;
             INSERT INTO public.dts_ddl_command (ddl_text, event, tag, username, message) VALUES ('{statement}', 'ddl_command_end', '{tag}', '{user}', '{message}')"
        )
    };
    let table = r#"{"v":1,"objects":[{"op":"create","type":"table","identity":"forms_app.a","schema":"forms_app","name":"a"},
        {"op":"create","type":"index","identity":"forms_app.a_pkey","schema":"forms_app","name":"a_pkey"}],"session_user":"forms_app","superuser":true,
        "search_path":["forms_app"],"settings":{"lc_time":"C"},"nesting":{"level":"top"}}"#;
    let statement = "CREATE TABLE forms_app.a (id int PRIMARY KEY)";
    pair.source.run(&row(statement, "CREATE TABLE", table));
    let dropped = r#"{"v":1,"objects":[{"op":"drop","type":"table constraint","identity":"a_pkey on forms_app.a","schema":"forms_app","name":"a_pkey","original":false},
        {"op":"drop","type":"index","identity":"forms_app.a_pkey","schema":"forms_app","name":"a_pkey","original":false},
        {"op":"drop","type":"table","identity":"forms_app.a","schema":"forms_app","name":"a","original":true}],"session_user":"forms_app","superuser":true,
        "search_path":["forms_app"],"nesting":{"level":"top"}}"#;
    pair.source
        .run(&row("DROP TABLE forms_app.a", "DROP TABLE", dropped));
    // as it is now
    let mut client = pair.source.connect_as(Some(role));
    client
        .batch_execute("CREATE TABLE a (id int PRIMARY KEY); CREATE INDEX ON a (id); DROP TABLE a")
        .unwrap();
    pair.wait();
    assert_eq!(
        pair.source.value(
            "SELECT count(*) FROM public.dts_ddl_command WHERE message LIKE '%session_user%'"
        ),
        "2"
    );
    let seen = |tag: &str, user: &str| format!("{tag} {user} {role}");
    assert_eq!(
        pair.destination
            .column("SELECT what FROM public.seen WHERE what NOT LIKE 'CREATE SCHEMA %'"),
        [
            seen("CREATE TABLE", user),
            seen("DROP TABLE", user),
            seen("CREATE TABLE", role),
            seen("CREATE INDEX", role),
            seen("DROP TABLE", role),
        ]
    );
    let newer = r#"{"v":2,"superuser":true,"search_path":[]}"#;
    pair.source
        .run(&row("CREATE TABLE public.newer ()", "CREATE TABLE", newer));
    pair.expect_error(&["is not as the capture writes it", "has version 2"]);
    pair.destination
        .run(&format!("SELECT dts_ddl.skip({})", pair.source.last_id()));
    pair.source.run("DROP TABLE public.newer");
}

/// Statements with a schema before each name mean the same on the destination.
#[test]
fn qualified_names() {
    let pair = Pair::simple("qualified");
    pair.source.run_each(&[
        "CREATE SCHEMA a; CREATE SCHEMA b; SET dts_ddl_capture.qualify_names = on; SET search_path = a, b",
        "CREATE TYPE b.mood AS ENUM ('sad'); CREATE TABLE b.far (id serial PRIMARY KEY, m mood); INSERT INTO far (m) VALUES ('sad')",
        "CREATE FUNCTION twice(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 2 * $1'",
        "BEGIN; CREATE TABLE near (LIKE far INCLUDING ALL, far int REFERENCES far, t int GENERATED ALWAYS AS (twice(far)) STORED);
         INSERT INTO near (far) VALUES (1); ALTER TABLE far ADD at timestamptz DEFAULT now(), ADD t int DEFAULT twice(3); COMMIT",
        "CREATE VIEW seen AS SELECT f.id, n.t, f.m = 'sad'::mood AS sad FROM far f JOIN near n ON n.far = f.id",
        "CREATE INDEX ON far (twice(id)); CREATE TABLE filled AS SELECT * FROM seen; ALTER TABLE far RENAME TO further",
        "INSERT INTO further (m) VALUES ('sad'); DROP VIEW seen; ALTER TABLE further SET SCHEMA a",
    ]);
    pair.check();
    assert_eq!(
        pair.source.value(
            "SELECT count(*) FROM public.dts_ddl_command WHERE message::jsonb ? 'unqualified'"
        ),
        "0"
    );
    assert_eq!(
        pair.source.value(
            "SELECT string_agg(ddl_text, '; ' ORDER BY id) FROM public.dts_ddl_command WHERE ddl_text ~ '(VIEW|INDEX)'"
        ),
        "CREATE VIEW a.seen AS SELECT f.id, n.t, f.m = 'sad'::b.mood AS sad FROM b.far f JOIN a.near n ON n.far = f.id; \
         CREATE INDEX ON b.far (a.twice(id)); DROP VIEW a.seen"
    );
}

/// Columns of each kind that takes its value in its own way.
#[test]
fn kinds_of_columns() {
    let pair = Pair::simple("columns");
    pair.source.run(
        "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN pos AS int CHECK (VALUE > 0); CREATE TYPE pt AS (x int, y text);
         CREATE TABLE t (id serial PRIMARY KEY, i bigint GENERATED ALWAYS AS IDENTITY, g int GENERATED ALWAYS AS (p * 2) STORED,
           p pos, m mood DEFAULT 'ok', c pt, a int[], j jsonb, r int4range, big text, at timestamptz DEFAULT now());
         INSERT INTO t (p, c, a, j, r, big) SELECT g, ROW(g, 'y'::text)::pt, ARRAY[g, g], '{\"a\": 1}', int4range(g, g + 1), repeat(md5(g::text), 500)
           FROM generate_series(1, 20) g",
    );
    pair.source.run_each(&[
        "ALTER TYPE mood ADD VALUE 'happy'",
        "UPDATE t SET m = 'happy' WHERE id < 4",
        "ALTER TYPE pt ADD ATTRIBUTE z int CASCADE; UPDATE t SET c = ROW(1, 'y'::text, 2)::pt WHERE id = 5; ALTER TYPE mood RENAME VALUE 'sad' TO 'glum'",
        "ALTER TABLE t DROP COLUMN a; ALTER TABLE t ADD COLUMN a text DEFAULT 'again'; INSERT INTO t (p, m) VALUES (7, 'glum')",
        "ALTER TABLE t ALTER i TYPE int, ALTER j TYPE text USING j::text; INSERT INTO t (p, j) VALUES (8, 'text')",
        "UPDATE t SET at = at + interval '1 day' WHERE id = 1; DELETE FROM t WHERE id = 2",
    ]);
    pair.check();
}

#[test]
fn create_table_as() {
    let pair = Pair::simple("ctas");
    pair.source.run(
        "CREATE TABLE base (id int PRIMARY KEY, name text COLLATE \"C\", n numeric(6,2)); INSERT INTO base SELECT g, 'n' || g, g / 3.0 FROM generate_series(1, 50) g",
    );
    pair.source.run_each(&[
        "CREATE TABLE plain AS SELECT * FROM base",
        "CREATE TABLE named (a, \"B b\") AS SELECT id, name FROM base WHERE id < 5",
        "CREATE TABLE empty AS SELECT * FROM base WITH NO DATA",
        "CREATE TABLE IF NOT EXISTS plain AS SELECT 1 AS other",
        "CREATE TABLE IF NOT EXISTS fresh AS SELECT id FROM base",
        "CREATE TABLE opts WITH (fillfactor = 50) AS TABLE base",
        "CREATE TABLE vals AS VALUES (1, 'a'), (2, 'b')",
        "SELECT id, random() AS r INTO into_random FROM base",
        "SELECT * INTO TABLE into_table FROM plain",
        "PREPARE q(int) AS SELECT id, name FROM base WHERE id > $1",
        "CREATE TABLE executed AS EXECUTE q(40)",
        "EXPLAIN (ANALYZE, COSTS off) SELECT 1",
        "CREATE UNLOGGED TABLE unlogged AS SELECT * FROM base",
        "CREATE TEMP TABLE temporary AS SELECT * FROM base",
        "CREATE FUNCTION mk(n text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE format('CREATE TABLE %I AS SELECT id, clock_timestamp() AS t FROM base', n); END $$",
        "SELECT mk('by_function'), mk('by function; 2')",
        "CREATE FUNCTION mks() RETURNS bigint LANGUAGE sql AS 'CREATE TABLE by_sql AS SELECT id FROM base; SELECT 1::bigint'",
        "SELECT mks()",
        "DO $$ BEGIN CREATE TABLE by_do AS SELECT random() AS r FROM generate_series(1, 10); INSERT INTO by_do VALUES (2); UPDATE by_do SET r = r + 1;
           EXECUTE 'CREATE TABLE by_using AS SELECT $1 AS a' USING 5; END $$",
        "BEGIN; CREATE TABLE in_block AS SELECT g AS x FROM generate_series(1, 1000) g; ALTER TABLE in_block ADD y int DEFAULT 3; INSERT INTO in_block VALUES (0, 0); COMMIT",
        "CREATE MATERIALIZED VIEW mv AS SELECT count(*) AS n FROM base",
        "CREATE TABLE of_catalog AS SELECT relname, relkind FROM pg_class LIMIT 10",
        "INSERT INTO empty SELECT * FROM base; INSERT INTO fresh VALUES (99); DELETE FROM named WHERE a = 1; UPDATE into_random SET r = 0 WHERE id = 3",
    ]);
    pair.check();
    assert_eq!(pair.destination.value("SELECT count(*) FROM unlogged"), "0");
    assert_eq!(pair.destination.value("SELECT count(*) FROM opts"), "50");
}

#[test]
fn drop_rename_move() {
    let pair = Pair::simple("moves");
    pair.source.run_each(&[
        "CREATE SCHEMA app; CREATE SCHEMA \"Other; one\"; CREATE TABLE app.a (id int PRIMARY KEY, v text); CREATE TABLE app.b (x int); INSERT INTO app.a VALUES (1, 'a')",
        "ALTER TABLE app.a RENAME TO renamed; INSERT INTO app.renamed VALUES (2, 'b')",
        "ALTER TABLE app.renamed SET SCHEMA \"Other; one\"; INSERT INTO \"Other; one\".renamed VALUES (3, 'c')",
        "ALTER SCHEMA \"Other; one\" RENAME TO other; UPDATE other.renamed SET v = 'd' WHERE id = 1",
        // the old name again, for something else
        "CREATE TABLE app.a (other text); INSERT INTO app.a VALUES ('new')",
        "BEGIN; ALTER TABLE app.a RENAME TO swap; ALTER TABLE app.b RENAME TO a; ALTER TABLE app.swap RENAME TO b;
           INSERT INTO app.a VALUES (1); INSERT INTO app.b VALUES ('text'); COMMIT",
        "BEGIN; DROP TABLE app.b; CREATE TABLE app.b (y date, z int); INSERT INTO app.b VALUES ('2024-01-01', 1); COMMIT",
        "ALTER TABLE app.b ALTER z TYPE text USING 'n' || z; INSERT INTO app.b VALUES ('2024-01-02', 'text')",
        "ALTER TABLE app.b ADD PRIMARY KEY (z), REPLICA IDENTITY DEFAULT; UPDATE app.b SET y = '2025-01-01' WHERE z = 'text'; DELETE FROM app.b WHERE z = 'n1'",
        "CREATE UNIQUE INDEX u ON app.b (y); ALTER TABLE app.b ALTER y SET NOT NULL; ALTER TABLE app.b REPLICA IDENTITY USING INDEX u; UPDATE app.b SET z = 'k'",
        "CREATE TABLE app.parent (id int); CREATE TABLE app.child (extra text) INHERITS (app.parent); INSERT INTO app.child VALUES (1, 'e'); INSERT INTO app.parent VALUES (2);
           ALTER TABLE app.parent ADD more int DEFAULT 3; ALTER TABLE app.child NO INHERIT app.parent; UPDATE app.child SET more = 4",
        "CREATE TABLE ref (id int PRIMARY KEY); CREATE TABLE referring (id int REFERENCES ref DEFERRABLE INITIALLY DEFERRED);
           BEGIN; INSERT INTO referring VALUES (1); INSERT INTO ref VALUES (1); COMMIT; DROP TABLE ref CASCADE",
        "CREATE TABLE last_words (x int); INSERT INTO last_words VALUES (1); DROP SCHEMA other CASCADE; DROP TABLE last_words, referring",
    ]);
    pair.check();
    assert_eq!(
        pair.destination.value(
            "SELECT count(*) FROM pg_subscription_rel WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = srrelid)"
        ),
        "0"
    );
}

fn partitions(topic: &str, via_root: bool) {
    let pair = Pair::new(&Options {
        topic,
        publication: &format!("FOR ALL TABLES WITH (publish_via_partition_root = {via_root})"),
        ..Options::default()
    });
    pair.source.run_each(&[
        "CREATE TABLE p (id int, at date, v text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)",
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2024-01-01') TO ('2025-01-01'); INSERT INTO p VALUES (1, '2024-05-05', 'a')",
        // nested, and in the transaction of its first rows
        "BEGIN; CREATE TABLE p2 PARTITION OF p FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY LIST (id);
           CREATE TABLE p2_1 PARTITION OF p2 FOR VALUES IN (1); CREATE TABLE p2_d PARTITION OF p2 DEFAULT;
           INSERT INTO p VALUES (1, '2025-05-05', 'b'), (2, '2025-05-05', 'c'); COMMIT",
        // a table of its own that becomes a partition, with other order of columns, and one again
        "CREATE TABLE own (v text, at date NOT NULL, id int NOT NULL); INSERT INTO own VALUES ('own', '2026-01-01', 1)",
        "ALTER TABLE p ATTACH PARTITION own FOR VALUES FROM ('2026-01-01') TO ('2027-01-01'); INSERT INTO p VALUES (2, '2026-02-02', 'attached')",
        "UPDATE p SET v = v || '!' WHERE id = 1; DELETE FROM p WHERE id = 2 AND at = '2025-05-05'",
        "UPDATE p SET at = '2024-07-07' WHERE v = 'attached'",
        "ALTER TABLE p ADD COLUMN n int DEFAULT 4; INSERT INTO p VALUES (3, '2026-03-03', 'n', 5)",
        "ALTER TABLE p DETACH PARTITION own; INSERT INTO own VALUES ('alone', '2030-01-01', 9); UPDATE own SET v = 'alone again' WHERE id = 1",
        "ALTER TABLE p DETACH PARTITION p1; INSERT INTO p1 VALUES (10, '2024-10-10', 'p1'); UPDATE p1 SET v = 'detached' WHERE id = 1",
        "ALTER TABLE p DETACH PARTITION p2; INSERT INTO p2 VALUES (11, '2025-10-10', 'p2'); ALTER TABLE p2 DETACH PARTITION p2_d",
        // in a transaction of its own: pgoutput of 13 would send it as a row of the former root
        "INSERT INTO p2_d VALUES (12, '2025-12-12', 'p2_d')",
        "BEGIN; ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01'); INSERT INTO p VALUES (1, '2025-08-08', 'back'); COMMIT",
        "DROP TABLE p2_1; CREATE TABLE p2_x PARTITION OF p2 DEFAULT; INSERT INTO p VALUES (77, '2025-09-09', 'x'); DELETE FROM p2_x WHERE id = 77; INSERT INTO p VALUES (78, '2025-09-09', 'x')",
        "CREATE TABLE h (k int, v text) PARTITION BY HASH (k); CREATE TABLE h0 PARTITION OF h FOR VALUES WITH (MODULUS 2, REMAINDER 0);
           CREATE TABLE h1 PARTITION OF h FOR VALUES WITH (MODULUS 2, REMAINDER 1); INSERT INTO h SELECT g, 'h' FROM generate_series(1, 30) g",
        "ALTER TABLE h RENAME TO hashed; INSERT INTO hashed VALUES (31, 'renamed'); DROP TABLE h1; CREATE TABLE like_h (LIKE hashed); INSERT INTO like_h SELECT * FROM hashed",
    ]);
    if server().major >= 14 {
        pair.source.run_each(&[
            "CREATE TABLE p3 PARTITION OF p FOR VALUES FROM ('2031-01-01') TO ('2032-01-01'); INSERT INTO p VALUES (1, '2031-01-01', 'p3')",
            "ALTER TABLE p DETACH PARTITION p3 CONCURRENTLY",
            "INSERT INTO p3 VALUES (2, '2031-01-01', 'p3 too')",
        ]);
    }
    pair.check();
    // and still there when the publication is read anew
    pair.destination.run(&format!(
        "ALTER SUBSCRIPTION {} REFRESH PUBLICATION",
        pair.destination.database
    ));
    pair.source
        .run("INSERT INTO p VALUES (5, '2025-05-06', 'refreshed')");
    pair.check();
}

#[test]
fn partitions_by_leaf() {
    partitions("leaf", false);
}

#[test]
fn partitions_by_root() {
    partitions("root", true);
}

/// CLUSTER marks an index, also on partitions, which it goes through one by one where that can be outside of a transaction.
#[test]
fn cluster() {
    let pair = Pair::new(&Options {
        topic: "cluster",
        source: "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET session_preload_libraries = dts_ddl_capture', current_database()); END $$",
        ..Options::default()
    });
    let mut statements = vec![
        "CREATE TABLE c (id int PRIMARY KEY, v text); CREATE INDEX c_v ON c (v); INSERT INTO c SELECT g, g FROM generate_series(1, 50) g",
        "CLUSTER VERBOSE c USING c_v",
        "BEGIN; INSERT INTO c VALUES (0, '0'); CLUSTER c USING c_pkey; INSERT INTO c VALUES (-1, '0'); COMMIT",
        "CLUSTER c",
    ];
    let partitioned = server().major >= 15;
    if partitioned {
        statements.extend([
            "CREATE TABLE p (x int, y int) PARTITION BY RANGE (x); CREATE INDEX p_y ON p (y); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9) PARTITION BY LIST (x);
             CREATE SCHEMA \"P s\"; CREATE TABLE \"P s\".\"p 2\" PARTITION OF p1 DEFAULT; CREATE TABLE p3 PARTITION OF p DEFAULT; INSERT INTO p SELECT g, -g FROM generate_series(1, 20) g",
            "CLUSTER p USING p_y",
            "INSERT INTO p VALUES (21, 1)",
        ]);
    }
    pair.source.run_each(&statements);
    pair.check();
    let clustered = "SELECT indexrelid::regclass FROM pg_index WHERE indisclustered";
    let want: &[&str] = if partitioned {
        &["\"P s\".\"p 2_y_idx\"", "c_pkey", "p3_y_idx"]
    } else {
        &["c_pkey"]
    };
    let mut got = pair.destination.column(clustered);
    got.sort();
    assert_eq!(got, want);
    assert_eq!(
        pair.destination.value("SELECT count(*) FROM dts_ddl.apply_log WHERE tag IN ('CLUSTER', 'REPACK') AND status = 'applied'"),
        if partitioned { "3" } else { "2" }
    );
}

/// What needs temporary objects is left out, and the rows come, also when the session that had these is over.
#[test]
fn temporary_parts() {
    let pair = Pair::simple("parts");
    let made = [
        "CREATE TYPE pg_temp.kind AS ENUM ('a', 'b')",
        "CREATE FUNCTION pg_temp.one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TABLE t (id int PRIMARY KEY, k kind NOT NULL DEFAULT 'a', n int DEFAULT pg_temp.one() CHECK (n = pg_temp.one()), UNIQUE (id, k))",
        "INSERT INTO t VALUES (1), (2), (3)",
        "ALTER TABLE t ADD m int NOT NULL DEFAULT pg_temp.one(), ADD ks kind[] UNIQUE; CREATE INDEX ON t USING gin (ks); INSERT INTO t (id, ks) VALUES (4, '{b,a}')",
        "UPDATE t SET k = 'b' WHERE id = 2; DELETE FROM t WHERE id = 3; ALTER TABLE t ALTER m SET DEFAULT pg_temp.one(), DROP CONSTRAINT t_id_k_key",
        "CREATE TABLE copy AS SELECT * FROM t; CREATE TABLE parts (k kind) PARTITION BY LIST (k); CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a'); INSERT INTO parts VALUES ('a')",
    ];
    pair.source.run_each(&made);
    pair.wait();
    let rows = |table: &str| {
        let all = format!("SELECT string_agg(x::text, ' ' ORDER BY x::text) FROM {table} x");
        pair.destination.value(&all)
    };
    let all = "(1,a,1,1,) (2,b,1,1,) (4,a,1,1,\"{b,a}\")";
    assert_eq!([rows("t"), rows("copy")], [all, all]);
    assert_eq!(rows("parts_a"), "(a)");
    // The session was over: its columns went without a word.
    pair.source.run("INSERT INTO t (id, m) VALUES (5, 5); INSERT INTO copy DEFAULT VALUES; ALTER TABLE t DROP m");
    pair.wait();
    assert_eq!(pair.destination.value("SELECT count(*) FROM t"), "4");
}
