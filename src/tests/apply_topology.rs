//! Live apply between more than one pair, in both directions, and after cutover.

use super::pair::{
    Options, Pair, Side, Third, connect_nodes, same, same_rows, same_schema, wait_for,
};
use super::server::server;

const CAPTURE_TABLE: &str = "public.dts_ddl_command";

/// Both capture and both subscribe to the other: a command runs once on each side.
#[test]
fn two_way() {
    // rows of ordinary tables would go in circles before 16, which knows the origin of a row
    let origins = server().major >= 16;
    let (publication, options) = if origins {
        ("FOR ALL TABLES", "copy_data = false, origin = none,")
    } else {
        ("FOR TABLE public.dts_ddl_command", "copy_data = false,")
    };
    let options = Options {
        topic: "twoway",
        publication,
        start_apply: "server_number => 0",
        subscription: options,
        ..Options::default()
    };
    let pair = Pair::unjoined(&options);
    let (a, b) = (&pair.source, &pair.destination);
    b.run("CREATE EXTENSION dts_ddl_capture");
    b.run(&format!("CREATE PUBLICATION p {publication}"));
    a.start_apply("server_number => 1, trust_source => true");
    pair.subscribe(&options);
    let back = format!("{}_back", a.database);
    connect_nodes(b, a, &back, "p", options.subscription);
    let both = || {
        for _ in 0..2 {
            pair.wait();
            wait_for(b, a, &back);
        }
    };
    a.run("CREATE TABLE of_a (id int PRIMARY KEY, v text); INSERT INTO of_a VALUES (1, 'a')");
    b.run("CREATE TABLE of_b (id int PRIMARY KEY, v text); INSERT INTO of_b VALUES (1, 'b')");
    both();
    // each goes on with what the other has made
    b.run("ALTER TABLE of_a ADD n int DEFAULT 1; CREATE TABLE filled_b AS SELECT g AS x FROM generate_series(1, 10) g");
    a.run("ALTER TABLE of_b ADD n int DEFAULT 2; CREATE INDEX ON of_b (v); CREATE VIEW w AS SELECT 1 AS x");
    both();
    a.run("INSERT INTO of_a VALUES (2, 'a', 2); DROP VIEW w");
    b.run("INSERT INTO of_b VALUES (2, 'b', 2); UPDATE of_b SET v = 'bb' WHERE id = 1");
    both();
    same_schema(a, b);
    if origins {
        same_rows(a, b, &["p".to_owned()], CAPTURE_TABLE);
        same_rows(b, a, &["p".to_owned()], CAPTURE_TABLE);
    }
    // every command once on each side; publications and subscriptions were made before both directions were there
    let texts = "SELECT id || ' ' || ddl_text FROM public.dts_ddl_command WHERE tag !~ 'PUBLICATION|SUBSCRIPTION' ORDER BY id";
    assert_eq!(a.column(texts), b.column(texts));
    assert_eq!(a.column(texts).len(), 8);
    let applied = "SELECT count(*) FROM dts_ddl.apply_log WHERE status = 'applied'";
    assert_eq!(a.value(applied), "3");
    assert_eq!(b.value(applied), "5");
    // the two never give the same id
    assert_eq!(
        a.value("SELECT string_agg(DISTINCT (id % 16)::text, ' ' ORDER BY (id % 16)::text) FROM public.dts_ddl_command WHERE tag !~ 'PUBLICATION|SUBSCRIPTION'"),
        "0 1"
    );
}

/// From the second server on to a third.
#[test]
fn chain() {
    let pair = Pair::simple("chain");
    let third = Third::new(&pair, Side::Source);
    let (b, c) = (&pair.destination, &third.0);
    b.run("CREATE PUBLICATION q FOR ALL TABLES");
    c.start_apply("trust_source => true");
    connect_nodes(b, c, &c.database, "q", "");
    wait_for(b, c, &c.database);
    pair.source.run(
        "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a'); ALTER TABLE t ADD n int DEFAULT 1; INSERT INTO t VALUES (2, 'b', 2);
         CREATE TABLE t_as AS SELECT * FROM t; CREATE SCHEMA s; CREATE TABLE s.p (k int) PARTITION BY LIST (k); CREATE TABLE s.p1 PARTITION OF s.p FOR VALUES IN (1); INSERT INTO s.p VALUES (1)",
    );
    pair.source.run("ALTER TABLE t RENAME TO u; UPDATE u SET v = 'x'; DROP TABLE t_as; CREATE PUBLICATION only_here");
    pair.check();
    wait_for(b, c, &c.database);
    same(b, c, &["q".to_owned()]);
    same(&pair.source, c, &["p".to_owned()]);
    assert_eq!(
        c.value("SELECT count(*) FROM dts_ddl.apply_log"),
        b.value("SELECT count(*) FROM dts_ddl.apply_log")
    );
}

/// After cutover the destination is an ordinary database again, and may be the source of the way back.
#[test]
fn cutover_and_the_way_back() {
    let pair = Pair::simple("cutover");
    let (a, b) = (&pair.source, &pair.destination);
    a.run("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a'); CREATE TABLE t_as AS SELECT 1 AS x");
    pair.check();
    let highest = a.last_id();
    b.run(&format!("DROP SUBSCRIPTION {}", b.database));
    b.run("CREATE PUBLICATION p FOR ALL TABLES");
    b.run("SELECT dts_ddl.stop_apply(capture => true)");
    // nothing runs on B between these, nothing is written on A any more
    a.start_apply("trust_source => true");
    let back = format!("{}_back", a.database);
    connect_nodes(b, a, &back, "p", "copy_data = false,");
    b.run("CREATE TABLE new_home (x int); INSERT INTO new_home VALUES (1); ALTER TABLE t ADD n int DEFAULT 4; INSERT INTO t VALUES (2, 'b', 5); DROP TABLE t_as");
    assert_eq!(
        b.column(&format!(
            "SELECT id FROM public.dts_ddl_command WHERE id > {highest} ORDER BY id"
        )),
        [highest + 1, highest + 2, highest + 3].map(|id| id.to_string())
    );
    wait_for(b, a, &back);
    same_schema(a, b);
    // A has forgotten what it captured itself
    same_rows(b, a, &["p".to_owned()], CAPTURE_TABLE);
    assert_eq!(
        a.value("SELECT count(*) FROM dts_ddl.apply_log WHERE status = 'applied'"),
        "3"
    );
    // and A's own DDL is not captured as long as it follows
    a.run("CREATE TABLE quiet (x int); DROP TABLE quiet");
    assert_eq!(a.value("SELECT count(*) FROM public.dts_ddl_command"), "3");
    a.run(&format!("DROP SUBSCRIPTION {back}"));
    // without capture: an ordinary database
    a.run("SELECT dts_ddl.stop_apply()");
    a.run("CREATE TABLE ordinary (x int)");
    assert_eq!(
        a.value("SELECT count(*) FROM public.dts_ddl_command WHERE ddl_text LIKE '%ordinary%'"),
        "0"
    );
    for node in [a, b] {
        assert_eq!(
            node.value(
                "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'public.dts_ddl_command'::regclass"
            ),
            "0"
        );
        node.run("DROP EXTENSION dts_ddl_capture");
        assert_eq!(node.value("SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'dts_ddl'"), "0");
    }
}
