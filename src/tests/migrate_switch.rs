//! `dts-migrate` after `start`: status, switch, the way back, recopy, finish and abort, between two databases of
//! which one follows.

use super::pair::{self, Pair, Servers};
use dts_migrate::connection::{Server, Side};
use dts_migrate::problem::Problem;
use dts_migrate::record::{self, Migration, Phase, Record};
use dts_migrate::switch::{Done, Options, fence};
use dts_migrate::{finish, recopy, status, switch};
use postgres::Client;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// No other file's tests use these.
fn servers() -> Arc<Servers> {
    static SERVERS: LazyLock<Arc<Servers>> =
        LazyLock::new(|| Servers::new(super::cluster::under_test()));
    Arc::clone(&SERVERS)
}

/// What `start` leaves: NAME is that of the database.
struct Following {
    pair: Pair,
}

const SCHEMA: &str = "CREATE TABLE t (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, v text);
    CREATE TABLE keyless (x int); CREATE TABLE kept (x int); CREATE SEQUENCE down INCREMENT -5 MINVALUE -1000 MAXVALUE \
     10 START 10;
    CREATE SEQUENCE small MAXVALUE 50; CREATE SEQUENCE untouched START 7; ALTER TABLE kept REPLICA IDENTITY FULL";

impl Following {
    fn new(topic: &str) -> Self {
        Self::on(&servers(), topic)
    }

    fn on(servers: &Arc<Servers>, topic: &str) -> Self {
        let pair = Pair::bare(servers, topic);
        let following = Self { pair };
        let (source, destination) = (&following.pair.source, &following.pair.destination);
        let name = following.name();
        for node in [source, destination] {
            node.run(SCHEMA);
            node.run("CREATE EXTENSION dts_ddl_capture; ALTER TABLE keyless REPLICA IDENTITY FULL");
        }
        let mut there = following
            .server(Side::Source)
            .connect_to_write()
            .expect("the source");
        let (source_system, source_database) = record::identity(&mut there).expect("an identity");
        let mut record = Record::create(
            &following.server(Side::Destination),
            Migration {
                name: name.to_owned(),
                source: "there".to_owned(),
                source_system,
                source_database,
                trust_source: source.cluster().installation.major < 16,
                phase: Phase::Starting,
            },
        )
        .expect("a record");
        for (side, kind, object, before) in [
            (Side::Source, "full_before", "\"public\".\"kept\"", None),
            (
                Side::Source,
                "identity",
                "\"public\".\"keyless\"",
                Some("d"),
            ),
            (Side::Source, "extension", "dts_ddl_capture", None),
            (Side::Destination, "extension", "dts_ddl_capture", None),
            (Side::Source, "publication", name, None),
            (Side::Source, "slot", name, None),
            (Side::Destination, "apply", "", None),
            (Side::Destination, "subscription", name, None),
        ] {
            record.make(side, kind, object, before).expect("a line");
        }
        source.run_each(&[
            &format!("CREATE PUBLICATION {name} FOR ALL TABLES"),
            &format!("SELECT pg_create_logical_replication_slot('{name}', 'pgoutput')"),
        ]);
        destination.start_apply(&format!("after_id => {}", source.last_id()));
        destination.run_each(&[
            &format!(
                "CREATE SUBSCRIPTION {name} CONNECTION '{}' PUBLICATION {name} WITH (connect = false, slot_name = '{name}')",
                source.cluster().connection_string(&source.database)
            ),
            &format!("SELECT dts_ddl.adopt_tables('{name}')"),
            "DELETE FROM pg_subscription_rel r USING pg_class c WHERE c.oid = r.srrelid AND c.relnamespace = \
             'dts_migrate'::regnamespace",
            &format!("ALTER SUBSCRIPTION {name} ENABLE"),
        ]);
        record.set_phase(Phase::Following).expect("a phase");
        drop(record);
        following.pair.source.run(
            "INSERT INTO t (v) SELECT 'v' || i FROM generate_series(1, 100) i; INSERT INTO keyless SELECT generate_series(1, 20);
             SELECT nextval('down'), nextval('down'); SELECT nextval('small') FROM generate_series(1, 40)",
        );
        following.wait();
        following
    }

    fn name(&self) -> &str {
        &self.pair.source.database
    }

    fn server(&self, side: Side) -> Server {
        let node = match side {
            Side::Source => &self.pair.source,
            Side::Destination => &self.pair.destination,
        };
        Server::of(side, node.cluster().config(&node.database))
    }

    fn servers(&self) -> (Server, Server) {
        (self.server(Side::Source), self.server(Side::Destination))
    }

    #[track_caller]
    fn wait(&self) {
        pair::wait_for(&self.pair.source, &self.pair.destination, self.name());
    }

    fn try_switch(&self, change: impl FnOnce(&mut Options), answer: bool) -> Result<Done, Problem> {
        let (source, target) = self.servers();
        let mut options = Options {
            budget: Duration::from_secs(20),
            ..Options::default()
        };
        change(&mut options);
        switch::switch(&source, &target, &options, &mut |_| answer, &mut |_| {})
    }

    #[track_caller]
    fn switch(&self, change: impl FnOnce(&mut Options)) -> Done {
        self.try_switch(change, true)
            .unwrap_or_else(|problem| panic!("{problem}"))
    }

    fn status(&self) -> status::Status {
        let (source, target) = self.servers();
        status::status(&source, &target, true)
    }

    /// Users may work on the source, and what they do arrives.
    #[track_caller]
    fn is_as_before(&self) {
        assert_eq!(self.gate(&self.pair.source), "-1 -");
        self.pair
            .source
            .run("CREATE TABLE IF NOT EXISTS later (id int PRIMARY KEY); INSERT INTO t (v) VALUES ('later')");
        self.wait();
        let count = |node: &pair::Node| node.value("SELECT count(*) FROM t");
        assert_eq!(count(&self.pair.source), count(&self.pair.destination));
    }

    /// Connection limit and settings of the database.
    fn gate(&self, node: &pair::Node) -> String {
        node.value(
            "SELECT datconnlimit || ' ' || coalesce((SELECT array_to_string(setconfig, ' ') FROM pg_db_role_setting
               WHERE setdatabase = d.oid AND setrole = 0), '-') FROM pg_database d WHERE datname = current_database()",
        )
    }
}

/// A role that is no superuser, with the right to write on either side.
fn user(following: &Following) -> String {
    let role = format!("u_{}", following.name());
    for node in [&following.pair.source, &following.pair.destination] {
        node.run(&format!(
            "SET dts_ddl_capture.enabled = off; CREATE ROLE {role} LOGIN; GRANT ALL ON t, keyless, kept TO {role}"
        ));
    }
    role
}

fn try_connect(node: &pair::Node, role: &str) -> Result<Client, postgres::Error> {
    let mut config = node.cluster().config(&node.database);
    config.user(role).connect(postgres::NoTls)
}

/// Whoever was told that his row is there finds it on the target, and nobody gets into the source any more.
#[test]
fn under_writers() {
    let following = Following::new("migrate_switch");
    let role = user(&following);
    let (source, destination) = (&following.pair.source, &following.pair.destination);
    source.run("CREATE TABLE done (who int, n int, PRIMARY KEY (who, n))");
    source.run(&format!("GRANT ALL ON done TO {role}"));
    following.wait();
    assert_eq!(
        following.status().exit_status(),
        status::FINE,
        "{}",
        following.status().text()
    );
    let over = AtomicBool::new(false);
    let (done, acknowledged) = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|who| {
                let (over, role) = (&over, &role);
                scope.spawn(move || {
                    let mut last = 0;
                    let mut n = 0;
                    while !over.load(Ordering::Relaxed) {
                        let Ok(mut client) = try_connect(source, role) else {
                            std::thread::sleep(Duration::from_millis(5));
                            continue;
                        };
                        loop {
                            n += 1;
                            let written = client.batch_execute(&format!(
                                "INSERT INTO done VALUES ({who}, {n}); INSERT INTO t (v) VALUES ('{who} {n}')"
                            ));
                            if written.is_err() || over.load(Ordering::Relaxed) {
                                break;
                            }
                            last = n;
                        }
                    }
                    last
                })
            })
            .collect();
        let done = std::panic::catch_unwind(|| {
            std::thread::sleep(Duration::from_millis(500));
            let done = following.switch(|_| {});
            std::thread::sleep(Duration::from_millis(300));
            done
        });
        over.store(true, Ordering::Relaxed);
        let last: Vec<i32> = writers
            .into_iter()
            .map(|writer| writer.join().expect("a writer"))
            .collect();
        (done.expect("a switch"), last)
    });
    let text = done.text();
    assert!(
        text.contains("downtime") && text.contains("proof") && text.contains("finish"),
        "{text}"
    );
    for (who, last) in acknowledged.iter().enumerate() {
        assert!(*last > 10, "{acknowledged:?}");
        let there = destination.value(&format!("SELECT max(n) FROM done WHERE who = {who}"));
        assert!(
            there.parse::<i32>().expect("a number") >= *last,
            "{there} of {last}"
        );
    }
    // the fence
    assert_eq!(following.gate(source), "0 default_transaction_read_only=on");
    let refused = try_connect(source, &role).err().expect("nobody gets in");
    assert_eq!(refused.code().map(|code| code.code()), Some("53300"));
    let error = source
        .connect()
        .batch_execute("INSERT INTO t (v) VALUES ('x')")
        .expect_err("read-only");
    assert_eq!(error.code().map(|code| code.code()), Some("25006"));
    // the new server is its own
    let values = "SELECT string_agg(last_value || ' ' || is_called, ', ' ORDER BY n) FROM (SELECT 1, last_value, \
     is_called FROM down
        UNION ALL SELECT 2, last_value, is_called FROM small UNION ALL SELECT 3, last_value, is_called FROM untouched) q(n)";
    // there is no room for 1000 of them: exact
    assert_eq!(destination.value(values), "5 true, 40 true, 7 false");
    try_connect(destination, &role)
        .expect("users may come")
        .batch_execute("INSERT INTO t (v) VALUES ('new')")
        .expect("a row");
    assert_eq!(
        destination.value(
            "SELECT count(*) FROM pg_subscription JOIN pg_database d ON d.oid = subdbid AND \
     datname = current_database()"
        ),
        "0"
    );
    assert_eq!(
        source.value(&format!(
            "SELECT count(*) FROM pg_replication_slots WHERE slot_name = '{}'",
            following.name()
        )),
        "0"
    );
    let again = following
        .try_switch(|_| {}, true)
        .expect_err("it is done")
        .to_string();
    assert!(again.contains("finish"), "{again}");
    let status = following.status();
    assert!(
        status.text().contains("switched") && status.exit_status() == status::FINE,
        "{}",
        status.text()
    );

    let (here, there) = following.servers();
    let report = finish::finish(&here, &there, &finish::Options::default())
        .unwrap_or_else(|problem| panic!("{problem}"));
    assert!(
        report.text().contains("CONNECTION LIMIT -1"),
        "{}",
        report.text()
    );
    nothing_is_left(&following);
    let again = finish::finish(&here, &there, &finish::Options::default()).expect("nothing");
    assert!(
        again.text().contains("nothing to finish"),
        "{}",
        again.text()
    );
}

/// Of the extension, of the record, of publications, and of identities that were set.
#[track_caller]
fn nothing_is_left(following: &Following) {
    for node in [&following.pair.source, &following.pair.destination] {
        for query in [
            "SELECT count(*) FROM pg_namespace WHERE nspname IN ('dts_ddl', 'dts_migrate')",
            "SELECT count(*) FROM pg_publication",
            "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()",
        ] {
            assert_eq!(node.value(query), "0", "{query}");
        }
        assert_eq!(
            node.column("SELECT relname FROM pg_class WHERE relreplident = 'f' AND oid >= 16384 AND relkind = 'r'"),
            ["kept"]
        );
    }
}

/// Whatever fails before the point of no return, nothing has changed.
#[test]
fn as_before() {
    let following = Following::new("migrate_undo");
    let (source, destination) = (&following.pair.source, &following.pair.destination);
    let fails = |parts: &[&str], change: &dyn Fn(&mut Options)| {
        let problem = following
            .try_switch(|options| change(options), true)
            .expect_err("a problem")
            .to_string();
        assert!(parts.iter().all(|part| problem.contains(part)), "{problem}");
        following.is_as_before();
    };
    // a row that differs
    destination.run("UPDATE t SET v = 'other' WHERE id = 7");
    fails(&["rows differ", "public.t", "as before"], &|_| {});
    destination.run("UPDATE t SET v = 'v7' WHERE id = 7");
    // a transaction that is only prepared
    source.run("BEGIN; INSERT INTO keyless VALUES (21); PREPARE TRANSACTION 'migrate_undo'");
    fails(&["prepared", "migrate_undo"], &|_| {});
    source.run("ROLLBACK PREPARED 'migrate_undo'");
    // not asked, not done
    let problem = following.try_switch(|_| {}, false).expect_err("no");
    assert!(
        problem.to_string().contains("nothing was changed"),
        "{problem}"
    );
    following.is_as_before();
    // what does not arrive in time: it is held up only once the fence stands
    let mut holder = destination.connect();
    destination.run(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_catalog.pg_sleep(3); RETURN NEW; END';
         CREATE TRIGGER slow BEFORE INSERT ON keyless FOR EACH ROW EXECUTE FUNCTION slow(); ALTER TABLE keyless ENABLE \
          ALWAYS TRIGGER slow",
    );
    let (here, there) = following.servers();
    let options = Options {
        max_downtime: Some(Duration::from_secs(1)),
        ..Options::default()
    };
    let problem = switch::switch(
        &here,
        &there,
        &options,
        &mut |_| {
            source.run("INSERT INTO keyless VALUES (22)");
            true
        },
        &mut |_| {},
    );
    let problem = problem.expect_err("too long").to_string();
    assert!(
        problem.contains("--max-downtime") && problem.contains("as before"),
        "{problem}"
    );
    holder
        .batch_execute("DROP FUNCTION slow CASCADE")
        .expect("DROP FUNCTION");
    following.is_as_before();

    // one that was killed has left its fence
    let mut record = Record::look(&there).expect("a look").expect("a record");
    let before = fence::Before {
        connection_limit: -1,
        read_only: None,
    };
    let name = following.name();
    record
        .make(Side::Source, fence::KIND, name, Some(&before.text()))
        .expect("a line");
    source.run(&format!(
        "ALTER DATABASE {name} CONNECTION LIMIT 0; ALTER DATABASE {name} SET default_transaction_read_only = on"
    ));
    let status = following.status();
    assert!(
        status.exit_status() == status::NEEDS_A_HAND && status.next.contains("abort"),
        "{}",
        status.text()
    );
    assert!(following.try_switch(|_| {}, false).is_err());
    following.is_as_before();
    // or is gone on with
    record
        .make(Side::Source, fence::KIND, name, Some(&before.text()))
        .expect("a line");
    source.run(&format!(
        "ALTER DATABASE {name} CONNECTION LIMIT 0; ALTER DATABASE {name} SET default_transaction_read_only = on"
    ));
    drop(record);
    following.switch(|options| options.compare = false);
    let mut record = Record::look(&there).expect("a look").expect("a record");
    let (_, _, known) = fence::known(&mut record, "source")
        .expect("a fence")
        .expect("a fence");
    assert_eq!(known, before);
}

/// The old server follows the new one, then the new one the old one again; the record is where nothing is published.
#[test]
fn back_and_back_again() {
    // Whether anybody has a transaction open matters, on the whole server.
    let servers = Servers::new(super::cluster::under_test());
    let following = Following::on(&servers, "migrate_back");
    let role = user(&following);
    let (source, destination) = (&following.pair.source, &following.pair.destination);
    let name = following.name().to_owned();
    let records = |node: &pair::Node| {
        node.value("SELECT count(*) FROM pg_namespace WHERE nspname = 'dts_migrate'")
    };
    let done = following.switch(|options| options.back = true);
    assert!(
        done.text().contains("CONNECTION LIMIT -1"),
        "{}",
        done.text()
    );
    assert_eq!(
        (records(source).as_str(), records(destination).as_str()),
        ("1", "0")
    );
    assert_eq!(following.gate(source), "0 -");
    destination.run("CREATE TABLE new_home (id int PRIMARY KEY); INSERT INTO new_home VALUES (1); INSERT INTO t (v) \
     VALUES ('there')");
    destination.run(&format!("GRANT ALL ON new_home TO {role}"));
    pair::wait_for(destination, source, &name);
    assert_eq!(source.value("SELECT count(*) FROM new_home"), "1");
    assert_eq!(
        source.value("SELECT count(*) FROM t"),
        destination.value("SELECT count(*) FROM t")
    );
    let status = following.status();
    assert_eq!(
        (status.phase.as_str(), status.exit_status()),
        ("back", status::FINE),
        "{}",
        status.text()
    );

    // and back, the other one following once more
    following.switch(|options| options.back = true);
    assert_eq!(
        (records(source).as_str(), records(destination).as_str()),
        ("0", "1")
    );
    assert_eq!(
        (
            following.gate(source).as_str(),
            following.gate(destination).as_str()
        ),
        ("-1 -", "0 -")
    );
    try_connect(source, &role)
        .expect("users may come")
        .batch_execute("INSERT INTO new_home VALUES (2); INSERT INTO t (v) VALUES ('here')")
        .expect("rows");
    source.run("ALTER TABLE new_home ADD n int DEFAULT 4");
    pair::wait_for(source, destination, &name);
    assert_eq!(
        destination.value("SELECT string_agg(id || ' ' || n, ', ' ORDER BY id) FROM new_home"),
        "1 4, 2 4"
    );

    // the last time, and nothing is left
    following.switch(|_| {});
    assert_eq!(following.gate(destination), "-1 -");
    let (here, there) = following.servers();
    let options = finish::Options {
        open_old: true,
        ..finish::Options::default()
    };
    let report =
        finish::finish(&here, &there, &options).unwrap_or_else(|problem| panic!("{problem}"));
    assert!(report.remains.is_empty(), "{}", report.text());
    nothing_is_left(&following);
    assert_eq!(following.gate(source), "-1 -");
}

/// After the point of no return the way back is made by another call, wherever the first one has ended.
#[test]
fn an_unfinished_way_back() {
    let following = Following::new("migrate_back_again");
    let (source, destination) = (&following.pair.source, &following.pair.destination);
    let (here, there) = following.servers();
    let mut holder = destination.connect();
    let options = Options {
        back: true,
        ..Options::default()
    };
    let problem = switch::switch(
        &here,
        &there,
        &options,
        &mut |_| {
            holder
                .batch_execute("BEGIN; SELECT pg_current_xact_id()")
                .expect("a transaction for which a slot waits");
            true
        },
        &mut |_| {},
    );
    let problem = problem.expect_err("no slot").to_string();
    assert!(
        problem.contains("does not follow yet") && problem.contains("switch --back"),
        "{problem}"
    );
    holder.batch_execute("COMMIT").expect("COMMIT");
    assert!(following.try_switch(|_| {}, true).is_err());
    following.switch(|options| options.back = true);
    destination.run("CREATE TABLE new_home (id int PRIMARY KEY); INSERT INTO new_home VALUES (1)");
    pair::wait_for(destination, source, following.name());
    assert_eq!(source.value("SELECT count(*) FROM new_home"), "1");
    assert_eq!(
        following.status().exit_status(),
        status::FINE,
        "{}",
        following.status().text()
    );

    // killed as soon as nothing could be undone: the record is still on the server that users go to
    following.switch(|_| {});
    let status = following.status();
    assert!(
        status.phase == "switched" && status.next.contains("finish"),
        "{}",
        status.text()
    );
    let mut record = Record::look(&here).expect("a look").expect("a record");
    record
        .make(Side::Destination, "back", "", None)
        .expect("a line");
    drop(record);
    following.switch(|options| options.back = true);
    source.run("INSERT INTO new_home VALUES (2)");
    pair::wait_for(source, destination, following.name());
    assert_eq!(destination.value("SELECT count(*) FROM new_home"), "2");
    let report = finish::finish(&here, &there, &finish::Options::default())
        .unwrap_or_else(|problem| panic!("{problem}"));
    assert!(
        report.text().contains("keeps users out"),
        "{}",
        report.text()
    );
    nothing_is_left(&following);
}

/// The way back ends without another switch.
#[test]
fn finish_ends_the_way_back() {
    let following = Following::new("migrate_back_finish");
    following.switch(|options| options.back = true);
    let (here, there) = following.servers();
    let aborted = finish::abort(&here, &there, &finish::Options::default())
        .expect_err("too late")
        .to_string();
    assert!(aborted.contains("finish"), "{aborted}");
    let report = finish::finish(&here, &there, &finish::Options::default())
        .unwrap_or_else(|problem| panic!("{problem}"));
    assert!(
        report.text().contains("keeps users out"),
        "{}",
        report.text()
    );
    nothing_is_left(&following);
}

#[test]
fn a_table_once_more() {
    let following = Following::new("migrate_recopy");
    let destination = &following.pair.destination;
    destination.run("DELETE FROM t WHERE id < 50; UPDATE t SET v = 'x' WHERE id = 60");
    let (here, there) = following.servers();
    let again = |tables: &[&str]| {
        let tables: Vec<String> = tables.iter().map(|table| (*table).to_owned()).collect();
        recopy::recopy(&here, &there, &tables, true, &mut |_| {})
    };
    let done = again(&["public.t", "keyless"]).unwrap_or_else(|problem| panic!("{problem}"));
    assert!(done.contains("public.t, public.keyless"), "{done}");
    following.is_as_before();
    assert_eq!(destination.value("SELECT v FROM t WHERE id = 60"), "v60");
    // what fails leaves the subscription enabled
    assert!(again(&["absent"]).is_err());
    destination.run("CREATE TABLE only_here (x int)");
    let problem = again(&["only_here"])
        .expect_err("it is not published")
        .to_string();
    assert!(problem.contains("only_here"), "{problem}");
    destination.run("DROP TABLE only_here");
    following.is_as_before();
}

#[test]
fn abort() {
    let following = Following::new("migrate_abort");
    let (source, destination) = (&following.pair.source, &following.pair.destination);
    let (here, there) = following.servers();
    let early = finish::finish(&here, &there, &finish::Options::default())
        .expect_err("too early")
        .to_string();
    assert!(
        early.contains("switch") && early.contains("abort"),
        "{early}"
    );
    let report = finish::abort(&here, &there, &finish::Options::default())
        .unwrap_or_else(|problem| panic!("{problem}"));
    assert!(report.text().contains("is gone"), "{}", report.text());
    nothing_is_left(&following);
    assert_eq!(following.gate(source), "-1 -");
    // the copied rows stay
    assert_eq!(destination.value("SELECT count(*) FROM t"), "100");
    let again = finish::abort(&here, &there, &finish::Options::default()).expect("nothing");
    assert!(
        again.text().contains("nothing to abort"),
        "{}",
        again.text()
    );
}

/// The target is gone, and so is what is known.
#[test]
fn abort_without_the_target() {
    let following = Following::new("migrate_alone");
    let (source, destination) = (&following.pair.source, &following.pair.destination);
    let name = following.name();
    destination.run(&format!("ALTER SUBSCRIPTION {name} DISABLE"));
    source.run(&format!(
        "ALTER DATABASE {name} CONNECTION LIMIT 0; ALTER DATABASE {name} SET default_transaction_read_only = on"
    ));
    let (here, _) = following.servers();
    let options = finish::Options {
        source_only: true,
        name: Some(name.to_owned()),
        ..finish::Options::default()
    };
    let report =
        finish::abort(&here, &here, &options).unwrap_or_else(|problem| panic!("{problem}"));
    let text = report.text();
    assert!(
        text.contains("REPLICA IDENTITY DEFAULT") && text.contains("DROP EXTENSION"),
        "{text}"
    );
    assert_eq!(following.gate(source), "-1 -");
    assert_eq!(
        source
            .value("SELECT count(*) FROM pg_replication_slots WHERE database = current_database()"),
        "0"
    );
    destination.run(&format!(
        "ALTER SUBSCRIPTION {name} SET (slot_name = NONE); DROP SUBSCRIPTION {name}"
    ));
}
