//! The procedures of the documents, from an empty destination to cutover: its own commands, while users go on.

use super::cluster;
use super::documents::document;
use super::pair::{Node, Pair, Servers, same_rows, same_schema};
use super::server::server;
use super::shell::Shell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The shell block under a heading of a document.
fn block(name: &str, heading: &str) -> String {
    let mut blocks = document(name)
        .blocks()
        .into_iter()
        .filter(|b| b.heading == heading && b.language == "sh");
    of_this_server(&blocks.next().expect("a block under the heading").text)
}

/// As the document says before step 3.
fn of_this_server(commands: &str) -> String {
    if server().major < 16 {
        trusting(commands)
    } else {
        commands.to_owned()
    }
}

/// The commands for a destination that has to trust its source.
fn trusting(commands: &str) -> String {
    commands
        .replace("start_apply()\"", "start_apply(trust_source => true)\"")
        .replace("$(cat last_id))", "$(cat last_id), trust_source => true)")
}

/// The blocks of the procedure's steps: each has a numbered heading.
fn steps() -> Vec<String> {
    let steps: Vec<String> = document("docs/live.md")
        .blocks()
        .into_iter()
        .enumerate()
        .map(|(at, step)| {
            assert!(
                step.heading.starts_with(&format!("## {}. ", at + 1)),
                "the block under {:?} is no step of its own",
                step.heading
            );
            of_this_server(&step.text)
        })
        .collect();
    assert_eq!(steps.len(), 6, "steps in docs/live.md");
    steps
}

const BEFORE: &str = "CREATE SCHEMA app; CREATE TABLE app.orders (id int PRIMARY KEY, v text); INSERT INTO app.orders SELECT g, 'o' FROM generate_series(1, 100) g; CREATE TABLE app.a (id serial PRIMARY KEY, v text); INSERT INTO app.a (v) SELECT 'old' FROM generate_series(1, 200);
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

/// Runs a command again as long as what it says has this in it.
#[track_caller]
fn until(shell: &Shell<'_>, commands: &str, passing: &str) {
    let problem = (0..100).find_map(|_| match shell.try_run(commands) {
        Ok(_) => Some(String::new()),
        Err(problem) => {
            std::thread::sleep(Duration::from_millis(50));
            (!problem.contains(passing)).then_some(problem)
        }
    });
    assert_eq!(problem.as_deref(), Some(""));
}

/// What belongs to a database, with traps in each part of it.
fn of_database(database: &str) -> String {
    format!(
        "ALTER DATABASE {database} OWNER TO readme_user; GRANT CREATE ON DATABASE {database} TO readme_trap WITH GRANT OPTION; REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC;
         ALTER DATABASE {database} SET search_path = app, public, \"A b\"; ALTER ROLE readme_user IN DATABASE {database} SET DateStyle = 'German';
         SELECT set_config('search_path', 'x;CREATE/**/TABLE/**/public.injected()', false); ALTER ROLE readme_trap IN DATABASE {database} SET search_path FROM CURRENT;
         ALTER ROLE readme_user IN DATABASE {database} SET search_path = ''; COMMENT ON DATABASE {database} IS 'It''s
; CREATE TABLE public.injected()'"
    )
}

const OF_DATABASE: &str = "SELECT concat_ws(' | ', pg_get_userbyid(datdba), shobj_description(oid, 'pg_database'), (SELECT string_agg(a::text, ',' ORDER BY a::text) FROM unnest(datacl) a),
    (SELECT string_agg(coalesce(r.rolname, '-') || s.setconfig::text, ', ' ORDER BY r.rolname) FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole WHERE s.setdatabase = d.oid))
    FROM pg_database d WHERE datname = current_database()";

/// The first one: own copy, cutover, and the way back.
#[test]
fn procedure() {
    let servers = Servers::new(cluster::under_test());
    let steps = steps();
    let pair = Pair::bare(&servers, "readme");
    let shell = Shell::new(&pair);
    pair.source.run("CREATE ROLE readme_user");
    pair.source.run(BEFORE);
    pair.source
        .run("ALTER TABLE app.b OWNER TO readme_user; GRANT USAGE ON SCHEMA app TO readme_user");
    pair.source.run(TRAPS);
    pair.source.run(&of_database(&pair.source.database));
    pair.source.run("CREATE MATERIALIZED VIEW app.m AS SELECT count(*) AS n FROM app.orders; CREATE MATERIALIZED VIEW app.n AS SELECT * FROM app.m; SELECT lo_from_bytea(4711, 'large')");
    shell.run(&steps[0]);
    let lacking = block("docs/apply.md", "## What does not travel");
    let lacking: Vec<&str> = lacking.split("\n\n").collect();
    assert_eq!(lacking.len(), 3);
    with_users(&pair, "live", 300, || {
        shell.run(&steps[1]);
        shell.run(lacking[0]);
        shell.run(&steps[2]);
        // a table that a user makes while the command runs makes it fail
        until(&shell, &steps[3], "does not exist");
        std::thread::sleep(Duration::from_millis(300));
        shell.run(&steps[4]);
    });
    assert_eq!(
        pair.source.value(OF_DATABASE),
        pair.destination.value(OF_DATABASE)
    );
    super::pair::wait_for(&pair.source, &pair.destination, "mig");
    copied_again(&pair, &shell);
    shell.run(lacking[1]);
    shell.run(lacking[2]);
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
    for query in [
        "SELECT n FROM app.n",
        "SELECT count(*) FROM app.m",
        "convert_from(lo_get(4711), 'UTF8')",
    ] {
        assert_eq!(pair.source.value(query), pair.destination.value(query));
    }
    let (before, _) = cutover.split_at(cutover.rfind("psql").expect("the last line"));
    shell.run(before);
    for sequence in ["app.q", "app.a_id_seq"] {
        let value = format!("SELECT last_value FROM {sequence}");
        assert_eq!(
            pair.source.value(&value),
            pair.destination.value(&value),
            "{sequence}"
        );
    }
    assert_eq!(
        pair.destination.value(
            "SELECT count(*) FROM dts_ddl.apply_log WHERE status NOT IN ('applied', 'history')"
        ),
        "0"
    );
    way_back(&pair, &shell);
    for node in [&pair.source, &pair.destination] {
        let caught = node.column("SELECT what FROM public.caught");
        assert_eq!(caught, Vec::<String>::new(), "a user's code was run");
        assert_eq!(node.value("to_regclass('public.injected')"), "NULL");
        node.run("DROP OWNED BY readme_trap");
    }
}

fn copied_again(pair: &Pair, shell: &Shell<'_>) {
    pair.destination
        .run("SET session_replication_role = replica; UPDATE app.orders SET v = 'differs'");
    let commands = block("docs/apply.md", "## Copying a table again");
    let lines: Vec<&str> = commands.lines().collect();
    shell.run(lines[0]);
    until(shell, lines[1], "still runs");
    shell.run(lines[2]);
    super::pair::wait_for(&pair.source, &pair.destination, "mig");
}

/// The old server follows the new one; then what remains.
fn way_back(pair: &Pair, shell: &Shell<'_>) {
    let back = block("docs/apply.md", "## The way back, chains, two directions");
    // the library is not preloaded there
    shell.run(&back.replace("\"$DST\"))\"", "\"$DST\"), trust_source => true)\""));
    pair.destination
        .run("CREATE TABLE app.new (id int PRIMARY KEY); INSERT INTO app.new VALUES (1); INSERT INTO app.a (v) VALUES ('new')");
    super::pair::wait_for(&pair.destination, &pair.source, "back");
    same_schema(&pair.destination, &pair.source);
    same_rows(
        &pair.destination,
        &pair.source,
        &["back".to_owned()],
        "public.dts_ddl_command",
    );
    for node in [&pair.source, &pair.destination] {
        let found = super::check::findings(&mut node.connect());
        assert!(
            !found.iter().any(|(_, (status, ..))| status == "error"),
            "{found:?}"
        );
        super::check::says(&found, "retention", "ok", "");
    }
    shell.run(&block("docs/apply.md", "## What remains after cutover"));
    assert_eq!(
        pair.destination.value("SELECT count(*) FROM pg_class WHERE relreplident = 'f' AND relnamespace = 'app'::regnamespace"),
        "0"
    );
    pair.source.run("DROP SUBSCRIPTION back");
}

/// By a dump of schema and rows; the source as a URI.
#[test]
fn procedure_by_dump() {
    let servers = Servers::new(cluster::under_test());
    let steps = steps();
    let pair = Pair::bare(&servers, "readme_dump");
    let shell = Shell::new(&pair);
    pair.source.run(BEFORE);
    let uri = format!(
        "SRC='postgresql://{}@/{}?host={}&port=5432'\n",
        server().user,
        pair.source.database,
        pair.source.cluster().socket_directory().display()
    );
    shell.run(&format!("{uri}{}", steps[0]));
    with_users(&pair, "dumped", 20, || {
        shell.run(&format!("{uri}{}", steps[1]));
        let dump = block("docs/apply.md", "## With a dump of schema and rows");
        shell.run(&format!("{uri}{dump}"));
        std::thread::sleep(Duration::from_millis(300));
        shell.run(&steps[4]);
    });
    super::pair::wait_for(&pair.source, &pair.destination, "mig");
    identical(&pair);
    assert_eq!(
        pair.destination
            .value("SELECT count(*) FROM dts_ddl.apply_log WHERE status <> 'applied'"),
        "0"
    );
    shell.run(
        steps[5]
            .split_once("# until t\n")
            .expect("the line to be repeated")
            .1,
    );
    same_schema(&pair.source, &pair.destination);
    assert_eq!(pair.destination.value("SELECT count(*) FROM pg_subscription s JOIN pg_database d ON d.oid = subdbid WHERE datname = current_database()"), "0");
}
