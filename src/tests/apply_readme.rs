//! The procedures of the documents, from an empty destination to cutover: its own commands, while users go on.

use super::cluster::Installation;
use super::documents::documents;
use super::pair::{Node, Pair, Servers, same_rows, same_schema};
use super::server::server;
use super::shell::Shell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The shell blocks that do it.
fn blocks() -> Vec<String> {
    [
        "## Migrate live between servers of your own",
        "## With the subscription's own copy",
    ]
    .iter()
    .zip(["README.md", "docs/apply.md"])
    .map(|(heading, document)| {
        let document = documents().into_iter().find(|d| d.name == document);
        let blocks = document.expect("the document").blocks();
        let mut blocks = blocks
            .into_iter()
            .filter(|b| b.heading == *heading && b.language == "sh");
        let text = blocks.next().expect("a block under the heading").text;
        // as the comment in it says
        if server().major < 16 {
            text.replace("start_apply()\"", "start_apply(trust_source => true)\"")
                .replace("$(cat last_id))", "$(cat last_id), trust_source => true)")
        } else {
            text
        }
    })
    .collect()
}

/// A block's numbered steps.
fn steps(block: &str) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    for line in block.lines() {
        let numbered = line
            .strip_prefix("# ")
            .is_some_and(|text| text.starts_with(|c: char| c.is_ascii_digit()));
        if numbered || steps.is_empty() {
            steps.push(String::new());
        }
        let step = steps.last_mut().expect("a step");
        step.push_str(line);
        step.push('\n');
    }
    steps
}

const BEFORE: &str = "CREATE SCHEMA app; CREATE TABLE app.a (id serial PRIMARY KEY, v text); INSERT INTO app.a (v) SELECT 'old' FROM generate_series(1, 200);
    CREATE TABLE app.b AS SELECT * FROM app.a; ALTER TABLE app.b REPLICA IDENTITY FULL; CREATE VIEW app.v AS SELECT count(*) AS n FROM app.b; CREATE SEQUENCE app.q; SELECT nextval('app.q');
    CREATE FUNCTION app.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER t BEFORE INSERT ON app.a FOR EACH ROW EXECUTE FUNCTION app.f()";

/// What a user makes for the DBA to call: better matches than PostgreSQL's own for queries that do not say which schema they mean.
const TRAPS: &str = "CREATE ROLE readme_trap; GRANT CREATE ON SCHEMA public TO readme_trap; SET ROLE readme_trap;
    CREATE TABLE public.caught (what text); GRANT INSERT ON public.caught TO PUBLIC;
    CREATE FUNCTION public.format(text, regclass) RETURNS text LANGUAGE sql AS $$ INSERT INTO public.caught VALUES ('format'); SELECT pg_catalog.format($1, $2) $$;
    CREATE FUNCTION public.format(text, regclass, bigint) RETURNS text LANGUAGE sql AS $$ INSERT INTO public.caught VALUES ('format'); SELECT pg_catalog.format($1, $2, $3) $$;
    CREATE FUNCTION public.setval(text, integer, boolean) RETURNS bigint LANGUAGE sql AS $$ INSERT INTO public.caught VALUES ('setval'); SELECT pg_catalog.setval($1, $2, $3) $$;
    CREATE FUNCTION public.differs(name, name) RETURNS boolean LANGUAGE sql AS $$ INSERT INTO public.caught VALUES ('!~'); SELECT $1::text !~ $2::text $$;
    CREATE OPERATOR public.!~ (LEFTARG = name, RIGHTARG = name, FUNCTION = public.differs)";

/// Users who make and change tables until they are told to stop.
fn users(source: &Node, name: &str, pause: Duration, stop: &AtomicBool) {
    let mut client = source.connect();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        client
            .batch_execute(&format!(
                "BEGIN; CREATE TABLE app.{name}_{number} (id int PRIMARY KEY, v text); INSERT INTO app.{name}_{number} SELECT g, 'u' FROM generate_series(1, 10) g;
                 ALTER TABLE app.{name}_{number} ADD n int DEFAULT {number}; INSERT INTO app.a (v) VALUES ('{name} {number}'); COMMIT;
                 CREATE INDEX ON app.{name}_{number} (v); CREATE TABLE app.{name}_as_{number} AS SELECT * FROM app.{name}_{number}; UPDATE app.b SET v = '{number}' WHERE id = {number};
                 SELECT nextval('app.q')"
            ))
            .unwrap_or_else(|error| panic!("{error:?}"));
        std::thread::sleep(pause);
    }
}

/// Runs the steps while users go on; the last step waits for them to be off.
fn with_users(pair: &Pair, name: &str, pause: u64, steps: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    /// Also when a step fails.
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    std::thread::scope(|scope| {
        let _stop = Stop(&stop);
        scope.spawn(|| users(&pair.source, name, Duration::from_millis(pause), &stop));
        steps();
        std::thread::sleep(Duration::from_millis(300));
    });
}

#[track_caller]
fn identical(pair: &Pair) {
    same_schema(&pair.source, &pair.destination);
    // a dump has no rows of an extension's table
    same_rows(
        &pair.source,
        &pair.destination,
        &["mig".to_owned()],
        "public.dts_ddl_command",
    );
}

#[test]
fn procedures() {
    let servers = Servers::new(Installation::under_test());
    let blocks = blocks();
    let steps = steps(&blocks[0]);
    assert_eq!(steps.len(), 6, "steps in README.md");
    {
        let pair = Pair::bare(&servers, "readme");
        let shell = Shell::new(&pair);
        pair.source.run("CREATE ROLE readme_user");
        pair.source.run(BEFORE);
        pair.source.run("ALTER TABLE app.b OWNER TO readme_user");
        pair.source.run(TRAPS);
        shell.run(&steps[0]);
        with_users(&pair, "live", 20, || {
            shell.run(&steps[1]);
            shell.run(&steps[2]);
            std::thread::sleep(Duration::from_millis(300));
            shell.run(&steps[3]);
            shell.run(&steps[4]);
        });
        // "until t"
        let (wait, cutover) = steps[5]
            .split_once("# until t\n")
            .expect("the line to be repeated");
        let start = Instant::now();
        while shell.run(wait).trim() != "t" {
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "not everything arrived\n{}",
                pair.destination.cluster().log()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        identical(&pair);
        shell.run(cutover);
        same_schema(&pair.source, &pair.destination);
        for node in [&pair.source, &pair.destination] {
            let caught = node.column("SELECT what FROM public.caught");
            assert_eq!(caught, Vec::<String>::new(), "a user's code was run");
        }
        for sequence in ["app.q", "app.a_id_seq"] {
            let value = format!("SELECT last_value FROM {sequence}");
            assert_eq!(
                pair.source.value(&value),
                pair.destination.value(&value),
                "{sequence}"
            );
        }
        assert_eq!(pair.destination.value("SELECT count(*) FROM pg_subscription s JOIN pg_database d ON d.oid = subdbid WHERE datname = current_database()"), "0");
        assert_eq!(
            pair.destination
                .value("SELECT count(*) FROM dts_ddl.apply_log WHERE status <> 'applied'"),
            "0"
        );
        pair.source.run("DROP PUBLICATION mig");
    }
    let pair = Pair::bare(&servers, "readme_copy");
    let shell = Shell::new(&pair);
    pair.source.run(BEFORE);
    shell.run(&steps[0]);
    with_users(&pair, "copied", 500, || {
        let (before, subscribe) =
            blocks[1].split_at(blocks[1].rfind("psql").expect("the last command"));
        shell.run(before);
        // a table that a user makes while the command runs makes it fail; then it is to be repeated
        let problem = (0..10).find_map(|_| match shell.try_run(subscribe) {
            Ok(_) => Some(String::new()),
            Err(problem) => (!problem.contains("does not exist")).then_some(problem),
        });
        assert_eq!(problem.as_deref(), Some(""));
    });
    super::pair::wait_for(&pair.source, &pair.destination, "mig");
    identical(&pair);
}
