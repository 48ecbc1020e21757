//! Two servers, source and destination, joined by PostgreSQL's own logical replication and by this extension.
//!
//! The tests share one pair of servers, a database of its own on each side for each [`Pair`]; tests that kill a server,
//! or use another major, start a pair of servers for themselves.

use super::cluster::{self, Cluster, Installation};
use super::dump;
use super::server::value;
use postgres::Client;
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long anything may take to reach the other side.
const PATIENCE: Duration = Duration::from_secs(60);

/// Retries, feedback and flushes of asynchronous commits come at once, so that no test has to wait for them.
pub const OPTIONS: &str = "-c wal_level=logical -c max_connections=100 -c max_worker_processes=60 \
    -c max_logical_replication_workers=40 -c max_sync_workers_per_subscription=4 \
    -c max_replication_slots=50 -c max_wal_senders=50 -c max_prepared_transactions=20 -c max_locks_per_transaction=256 \
    -c wal_retrieve_retry_interval=100 -c wal_receiver_status_interval=1 -c wal_writer_delay=10 -c autovacuum=off \
    -c shared_buffers=64MB -c log_min_messages=warning -c log_error_verbosity=default \
    -c log_line_prefix='[%p] '";

/// The same with the library in each process.
pub fn preloaded() -> String {
    format!("{OPTIONS} -c shared_preload_libraries=dts_ddl_capture")
}

/// The call that makes a destination, with these arguments; where PostgreSQL gives rows the rights of the subscription's owner, the
/// source has to be trusted.
pub fn start_apply(arguments: &str, major: u32) -> String {
    let comma = if arguments.is_empty() { "" } else { ", " };
    let trust = if major < 16 && !arguments.contains("trust_source") {
        format!("{comma}trust_source => true")
    } else {
        String::new()
    };
    format!("SELECT dts_ddl.start_apply({arguments}{trust})")
}

pub struct Servers {
    pub source: Cluster,
    pub destination: Cluster,
}

impl Servers {
    pub fn new(destination: Installation) -> Arc<Self> {
        Self::between(cluster::under_test(), destination)
    }

    /// The destination has the library in each process from its start, as one must whose source is not trusted.
    pub fn between(source: Installation, destination: Installation) -> Arc<Self> {
        Self::with(source, destination, &preloaded())
    }

    /// Nowhere is it in a process that has not met a DDL command.
    pub fn not_preloaded() -> Arc<Self> {
        let installation = cluster::under_test();
        Self::with(installation.clone(), installation, OPTIONS)
    }

    fn with(source: Installation, destination: Installation, options: &str) -> Arc<Self> {
        // one after the other would cost a second more
        let (source, destination) = std::thread::scope(|scope| {
            let start = |installation, options| {
                scope.spawn(move || {
                    let cluster = Cluster::of(installation);
                    cluster.start(options);
                    cluster
                })
            };
            let (source, destination) = (start(source, OPTIONS), start(destination, options));
            (
                source.join().expect("the source"),
                destination.join().expect("the destination"),
            )
        });
        Arc::new(Self {
            source,
            destination,
        })
    }

    /// Those that all tests share.
    pub fn shared() -> Arc<Self> {
        static SERVERS: LazyLock<Arc<Servers>> =
            LazyLock::new(|| Servers::new(cluster::under_test()));
        Arc::clone(&SERVERS)
    }
}

/// Which of the two servers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Source,
    Destination,
}

/// One database of one of the servers.
pub struct Node {
    servers: Arc<Servers>,
    side: Side,
    pub database: String,
}

impl Node {
    fn new(servers: &Arc<Servers>, side: Side, database: &str) -> Self {
        let node = Self {
            servers: Arc::clone(servers),
            side,
            database: database.to_owned(),
        };
        node.cluster().connect("postgres").batch_execute(&format!(
            "CREATE DATABASE {database} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
        )).expect("CREATE DATABASE");
        node
    }

    pub fn cluster(&self) -> &Cluster {
        match self.side {
            Side::Source => &self.servers.source,
            Side::Destination => &self.servers.destination,
        }
    }

    pub fn connect(&self) -> Client {
        self.connect_as(None)
    }

    /// As another role that may log in.
    pub fn connect_as(&self, role: Option<&str>) -> Client {
        let mut config = self.cluster().config(&self.database);
        if let Some(role) = role {
            config.user(role);
        }
        config
            .options("-c statement_timeout=60s -c client_min_messages=error")
            .connect(postgres::NoTls)
            .unwrap_or_else(|error| {
                panic!(
                    "{}; the server log ends with\n{}",
                    describe(&error),
                    tail(&self.cluster().log())
                )
            })
    }

    /// Makes it a destination.
    #[track_caller]
    pub fn start_apply(&self, arguments: &str) {
        self.run(&start_apply(arguments, self.cluster().installation.major));
    }

    /// Sent as one string, in a session of its own.
    #[track_caller]
    pub fn run(&self, sql: &str) {
        if let Err(error) = self.connect().batch_execute(sql) {
            panic!("{sql}: {}", describe(&error));
        }
    }

    /// Each in a string of its own, in one session.
    #[track_caller]
    pub fn run_each(&self, statements: &[&str]) {
        let mut client = self.connect();
        for sql in statements {
            if let Err(error) = client.batch_execute(sql) {
                panic!(
                    "{sql}: {}; the server log ends with\n{}",
                    describe(&error),
                    tail(&self.cluster().log())
                );
            }
        }
    }

    /// One value of one query, as text.
    pub fn value(&self, query: &str) -> String {
        value(&mut self.connect(), query)
    }

    /// One column of one query, as text.
    pub fn column(&self, query: &str) -> Vec<String> {
        self.connect()
            .query(
                &format!("SELECT coalesce(x::text, 'NULL') FROM ({query}) q(x)"),
                &[],
            )
            .unwrap_or_else(|error| panic!("{query}: {}", describe(&error)))
            .iter()
            .map(|row| row.get(0))
            .collect()
    }

    /// The highest id that was given so far.
    pub fn last_id(&self) -> i64 {
        self.value("dts_ddl.last_id()").parse().expect("an id")
    }

    /// Waits until the query gives this value.
    #[track_caller]
    pub fn expect_value(&self, query: &str, want: &str) {
        let mut client = self.connect();
        let start = Instant::now();
        loop {
            let got = value(&mut client, query);
            if got == want {
                return;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "{query} gives {got} and not {want}; the server log ends with\n{}",
                tail(&self.cluster().log())
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The schema, as `pg_dump` of this installation words it.
    fn dump(&self, with: &Installation) -> Vec<String> {
        let connection = self.cluster().connection_string(&self.database);
        dump::schema(Command::new(with.program("pg_dump")).args([
            "--no-publications",
            "--no-subscriptions",
            "-d",
            &connection,
        ]))
    }

    /// Number and checksum of the rows of each table that is published here by one of these publications or that a
    /// subscription here receives; what belongs to the extension itself in schema `dts_ddl` apart.
    fn tables(&self, publications: &[String]) -> Vec<String> {
        let names = publications
            .iter()
            .map(|name| format!("'{name}'"))
            .collect::<Vec<_>>();
        self.column(&format!(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_publication_tables
             WHERE pubname IN ({}) AND schemaname <> 'dts_ddl'
             UNION SELECT format('%I.%I', nspname, relname) FROM pg_subscription_rel
             JOIN pg_subscription s ON s.oid = srsubid JOIN pg_database d ON d.oid = subdbid AND datname = current_database()
             JOIN pg_class c ON c.oid = srrelid JOIN pg_namespace n ON n.oid = relnamespace
             WHERE nspname <> 'dts_ddl'",
            if names.is_empty() {
                "''".to_owned()
            } else {
                names.join(", ")
            }
        ))
    }

    fn checksums(&self, tables: &[String]) -> BTreeMap<String, String> {
        let mut client = self.connect();
        tables
            .iter()
            .map(|table| {
                let sum = client
                    .query_one(
                        &format!(
                            "SELECT count(*) || ' ' || coalesce(md5(string_agg(m, '' ORDER BY m COLLATE \"C\")), '')
                             FROM (SELECT md5(t::text) AS m FROM {table} t) q"
                        ),
                        &[],
                    )
                    .map_or_else(|error| describe(&error), |row| row.get(0));
                (table.clone(), sum)
            })
            .collect()
    }
}

/// What to set up between the two sides.
pub struct Options<'a> {
    pub topic: &'a str,
    /// Run on the source when it has the extension, before anything is published.
    pub source: &'a str,
    /// Run on the destination, before it has the extension.
    pub destination: &'a str,
    /// What follows CREATE PUBLICATION and the name.
    pub publication: &'a str,
    /// Name of the publication.
    pub name: &'a str,
    /// Arguments of `dts_ddl.start_apply`.
    pub start_apply: &'a str,
    /// Options of the subscription, each followed by a comma.
    pub subscription: &'a str,
    /// `logical_decoding_work_mem` of the source: the default is the least, so that large transactions are streamed.
    pub work_mem: &'a str,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            topic: "pair",
            source: "",
            destination: "",
            publication: "FOR ALL TABLES",
            name: "p",
            start_apply: "",
            subscription: "",
            work_mem: "64kB",
        }
    }
}

/// A database on each of the two servers, with a subscription from the one to the other.
pub struct Pair {
    pub source: Node,
    pub destination: Node,
    publications: Vec<String>,
    log_start: usize,
}

impl Pair {
    /// With everything published and all options at their defaults.
    pub fn simple(topic: &str) -> Self {
        Self::new(&Options {
            topic,
            ..Options::default()
        })
    }

    /// A destination that tells of rewritten tables and does not copy them again.
    pub fn that_only_tells(topic: &str) -> Self {
        let pair = Self::unjoined(&Options {
            topic,
            ..Options::default()
        });
        pair.destination.run("CREATE EXTENSION dts_ddl_capture");
        pair.destination.run(&format!(
            "ALTER DATABASE {} SET dts_ddl_capture.apply_on_rewrite = note",
            pair.destination.database
        ));
        pair.subscribe(&Options::default());
        pair
    }

    pub fn new(options: &Options) -> Self {
        Self::on(&Servers::shared(), options)
    }

    pub fn on(servers: &Arc<Servers>, options: &Options) -> Self {
        let pair = Self::apart(servers, options);
        pair.destination.run("CREATE EXTENSION dts_ddl_capture");
        pair.subscribe(options);
        pair.wait();
        pair
    }

    /// On the servers that all tests share, but not joined yet: the destination has no extension.
    pub fn unjoined(options: &Options) -> Self {
        Self::apart(&Servers::shared(), options)
    }

    /// Two databases with nothing in them.
    pub fn bare(servers: &Arc<Servers>, topic: &str) -> Self {
        let database = unique(topic);
        Self {
            source: Node::new(servers, Side::Source, &database),
            destination: Node::new(servers, Side::Destination, &database),
            publications: Vec::new(),
            log_start: servers.destination.log().len(),
        }
    }

    fn apart(servers: &Arc<Servers>, options: &Options) -> Self {
        let mut pair = Self::bare(servers, options.topic);
        pair.publications.push(options.name.to_owned());
        if !options.destination.is_empty() {
            pair.destination.run(options.destination);
        }
        pair.source.run(&format!(
            "CREATE EXTENSION dts_ddl_capture; ALTER DATABASE {} SET logical_decoding_work_mem = '{}'",
            pair.source.database, options.work_mem
        ));
        if !options.source.is_empty() {
            pair.source.run(options.source);
        }
        pair.source.run(&format!(
            "CREATE PUBLICATION {} {}",
            options.name, options.publication
        ));
        pair
    }

    /// `start_apply` and the subscription.
    pub fn subscribe(&self, options: &Options) {
        self.destination.start_apply(options.start_apply);
        connect_nodes(
            &self.source,
            &self.destination,
            &self.destination.database,
            options.name,
            options.subscription,
        );
    }

    /// Until the destination has everything that the source has now.
    #[track_caller]
    pub fn wait(&self) {
        wait_for(&self.source, &self.destination, &self.destination.database);
    }

    /// Waits; then both sides have the same schema and the same rows.
    #[track_caller]
    pub fn check(&self) {
        self.wait();
        same(&self.source, &self.destination, &self.publications);
    }

    /// Waits until the destination's log has an ERROR with all of these parts, and returns the whole entry.
    #[track_caller]
    pub fn expect_error(&self, parts: &[&str]) -> String {
        let start = Instant::now();
        loop {
            let log = self.destination.cluster().log();
            let entries = entries(&log[self.log_start..]);
            if let Some(entry) = entries
                .iter()
                .find(|entry| parts.iter().all(|part| entry.contains(part)))
            {
                return entry.clone();
            }
            assert!(
                start.elapsed() < PATIENCE,
                "no error with {parts:?} in the destination's log:\n{}",
                tail(&log)
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// id, status, tag, role, SQLSTATE, error and note of what was applied, `-` for NULL.
    pub fn apply_log(&self) -> Vec<String> {
        self.destination.column(
            "SELECT concat_ws(' | ', status, tag, coalesce(role, '-'), coalesce(sqlstate, '-'), coalesce(error, '-')) FROM dts_ddl.apply_log ORDER BY id",
        )
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        disconnect(&self.destination);
        disconnect(&self.source);
        for node in [&self.source, &self.destination] {
            drop_database(node);
        }
    }
}

/// A database more, for three servers in a row. Its value has to go before the pair's.
pub struct Third(pub Node);

impl Third {
    pub fn new(pair: &Pair, side: Side) -> Self {
        let node = Node::new(&pair.source.servers, side, &unique("third"));
        node.run("CREATE EXTENSION dts_ddl_capture");
        Self(node)
    }
}

impl Drop for Third {
    fn drop(&mut self) {
        disconnect(&self.0);
        drop_database(&self.0);
    }
}

fn unique(topic: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("{topic}_{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Its subscriptions go, with their slots. Where that does not work, they go with the servers.
fn disconnect(node: &Node) {
    let reachable = node
        .cluster()
        .config(&node.database)
        .connect(postgres::NoTls);
    if reachable.is_err() {
        return;
    }
    let query = "SELECT subname FROM pg_subscription JOIN pg_database d ON d.oid = subdbid WHERE datname = current_database()";
    for name in node.column(query) {
        let dropped = node
            .connect()
            .batch_execute(&format!("DROP SUBSCRIPTION {name}"));
        if let Err(error) = dropped {
            eprintln!("DROP SUBSCRIPTION {name}: {}", describe(&error));
        }
    }
}

fn drop_database(node: &Node) {
    let name = &node.database;
    let Ok(mut client) = node.cluster().config("postgres").connect(postgres::NoTls) else {
        return;
    };
    for statement in [
        format!(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '{name}' AND NOT active"
        ),
        format!("DROP DATABASE {name} WITH (FORCE)"),
    ] {
        if let Err(error) = client.batch_execute(&statement) {
            eprintln!("{statement}: {}", describe(&error));
        }
    }
}

/// A subscription of this name, in the second to the publication of the first.
#[track_caller]
pub fn connect_nodes(from: &Node, to: &Node, name: &str, publication: &str, options: &str) {
    // It makes a slot on the other server, which waits for all transactions there: two at once in opposite directions, of
    // two tests, would wait for each other.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    to.run(&format!(
        "CREATE SUBSCRIPTION {name} CONNECTION '{}' PUBLICATION {publication} WITH ({options} slot_name = '{name}')",
        from.cluster().connection_string(&from.database)
    ));
}

#[track_caller]
pub fn wait_for(from: &Node, to: &Node, subscription: &str) {
    let (mut source, mut destination) = (from.connect(), to.connect());
    let end = value(&mut source, "pg_current_wal_insert_lsn()");
    let slot = format!(
        "SELECT confirmed_flush_lsn >= '{end}' FROM pg_replication_slots WHERE slot_name = '{subscription}'"
    );
    let waiting = format!(
        "SELECT string_agg(srrelid::regclass || ' ' || srsubstate::text, ', ') FROM pg_subscription_rel
         JOIN pg_subscription s ON s.oid = srsubid WHERE subname = '{subscription}' AND srsubstate <> 'r'"
    );
    let start = Instant::now();
    loop {
        let ask = |client: &mut Client, query: &str| {
            client
                .query_one(&format!("SELECT coalesce(({query})::text, 'NULL')"), &[])
                .map_or_else(|error| describe(&error), |row| row.get::<_, String>(0))
        };
        let arrived = ask(&mut source, &slot);
        let not_ready = ask(&mut destination, &waiting);
        if arrived == "true" && not_ready == "NULL" {
            return;
        }
        assert!(
            start.elapsed() < PATIENCE && !source.is_closed() && !destination.is_closed(),
            "{subscription}: not everything arrived (arrived: {arrived}; not ready: {not_ready}); the destination's log ends with\n{}",
            tail(&to.cluster().log())
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Both have the same schema, by the words of the newer `pg_dump`.
#[track_caller]
pub fn same_schema(from: &Node, to: &Node) {
    let installations = [&from.cluster().installation, &to.cluster().installation];
    let newer = installations
        .into_iter()
        .max_by_key(|installation| installation.major)
        .expect("two of them");
    let mut dumps = [from.dump(newer), to.dump(newer)];
    if installations[0].major != installations[1].major {
        // whose schema public is, and who may do what there, is another thing from 15 on
        for dump in &mut dumps {
            dump.retain(|line| {
                !(line.is_empty()
                    || line == "--"
                    || line.contains("SCHEMA public ")
                    || line.contains("public; Type: SCHEMA;")
                    || line.contains("Name: SCHEMA public;")
                    || line.starts_with("-- *not* creating schema"))
            });
        }
    }
    dump::expect_same(&dumps[0], &dumps[1]);
}

/// Both have the same schema, and the same rows in each table that the first publishes or the second receives.
#[track_caller]
pub fn same(from: &Node, to: &Node, publications: &[String]) {
    same_schema(from, to);
    same_rows(from, to, publications, "");
}

/// The rows alone, of all such tables but one.
#[track_caller]
pub fn same_rows(from: &Node, to: &Node, publications: &[String], but: &str) {
    let mut tables = from.tables(publications);
    tables.extend(to.tables(&[]));
    tables.sort();
    tables.dedup();
    tables.retain(|table| table != but);
    assert!(!tables.is_empty(), "nothing is published");
    let (want, got) = (from.checksums(&tables), to.checksums(&tables));
    let differences: Vec<_> = tables
        .iter()
        .filter(|table| want[*table] != got[*table] || want[*table].contains("does not exist"))
        .map(|table| format!("{table}: {} and {}", want[table], got[table]))
        .collect();
    assert!(differences.is_empty(), "rows differ: {differences:#?}");
}

/// The entries of a server log: each ERROR with the lines of the same process that belong to it.
fn entries(log: &str) -> Vec<String> {
    let mut entries: Vec<(String, String)> = Vec::new();
    let mut current: Option<usize> = None;
    for line in log.lines() {
        let Some((process, text)) = line
            .strip_prefix('[')
            .and_then(|line| line.split_once("] "))
        else {
            // a line of a message that has several
            if let Some(at) = current {
                entries[at].1.push_str(line);
                entries[at].1.push('\n');
            }
            continue;
        };
        if text.starts_with("ERROR:") || text.starts_with("FATAL:") || text.starts_with("WARNING:")
        {
            entries.push((process.to_owned(), format!("{text}\n")));
            current = Some(entries.len() - 1);
        } else if ["DETAIL:", "HINT:", "CONTEXT:", "STATEMENT:", "QUERY:"]
            .iter()
            .any(|part| text.starts_with(part))
        {
            current = entries.iter().rposition(|(of, _)| of == process);
            if let Some(at) = current {
                entries[at].1.push_str(text);
                entries[at].1.push('\n');
            }
        } else {
            current = None;
        }
    }
    entries.into_iter().map(|(_, text)| text).collect()
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

/// With the server's own words, which `Display` leaves out.
pub fn describe(error: &postgres::Error) -> String {
    error.as_db_error().map_or_else(
        || error.to_string(),
        |error| format!("{} ({})", error.message(), error.code().code()),
    )
}
