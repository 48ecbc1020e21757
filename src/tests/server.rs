//! The server under test, a database of its own for each test, and the rows that were captured in it.

use super::dump;
use postgres::{Client, Config, NoTls};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// How to reach the server that pgrx started.
pub struct Server {
    pub host: String,
    pub port: u16,
    pub user: String,
    /// Directory of psql, initdb and the like, of the same installation as the server.
    pub bindir: String,
    pub major: u32,
}

/// Starts the server on the first call.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        // The framework starts the server only for a test function that runs inside it. We have none, since the
        // extension under test shall be the one that is shipped; asking for one that does not exist is enough.
        pgrx_tests::run_test("no_such_function", Some("schema \"tests\" does not exist"), super::pg_test::postgresql_conf_options())
            .expect("the server under test");
        let (mut client, _) = pgrx_tests::client().expect("a connection to the server under test");
        // Its own database must not be in the way of tests that count sessions or slots.
        let row = client
            .query_one(
                "SELECT current_setting('port'), (SELECT setting FROM pg_config WHERE name = 'BINDIR'), current_setting('server_version_num')",
                &[],
            )
            .expect("facts of the server under test");
        let version: String = row.get(2);
        Server {
            host: "localhost".into(),
            port: row.get::<_, String>(0).parse().expect("a port number"),
            user: pgrx_tests::get_pg_user(),
            bindir: row.get(1),
            major: version.parse::<u32>().expect("a version number") / 10_000,
        }
    })
}

/// A database that lives as long as the value.
pub struct Database {
    pub name: String,
}

impl Database {
    /// With the extension, in UTF8.
    pub fn new(topic: &str) -> Self {
        let database = Self::bare(topic);
        database
            .connect()
            .batch_execute("CREATE EXTENSION dts_ddl_capture")
            .expect("CREATE EXTENSION");
        database
    }

    /// Without the extension.
    pub fn bare(topic: &str) -> Self {
        Self::with_options(topic, "ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")
    }

    pub fn with_options(topic: &str, options: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let topic: String = topic
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect();
        let name = format!("{topic}_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut client = admin();
        client
            .batch_execute(&format!(
                "CREATE DATABASE {name} TEMPLATE template0 {options}"
            ))
            .expect("CREATE DATABASE");
        Self { name }
    }

    pub fn config(&self) -> Config {
        let server = server();
        let mut config = Config::new();
        config
            .host(&server.host)
            .port(server.port)
            .user(&server.user)
            .dbname(&self.name);
        config
    }

    pub fn connect(&self) -> Client {
        self.config().connect(NoTls).expect("a connection")
    }

    /// A session of an unprivileged role with a schema of its own, both made on demand.
    pub fn connect_as(&self, role: &str) -> Client {
        let mut client = self.connect();
        client
            .batch_execute(&format!(
                "SET dts_ddl_capture.enabled = off;
                 DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
                 SET session_replication_role = replica;
                 CREATE SCHEMA IF NOT EXISTS {role} AUTHORIZATION {role}"
            ))
            .expect("a role");
        self.config()
            .user(role)
            .connect(NoTls)
            .expect("a connection of the role")
    }

    /// psql, with no settings of the environment or of a file.
    pub fn psql(&self) -> Command {
        self.program("psql", &["-X"])
    }

    /// What pg_dump says of the schema, in UTF8.
    pub fn dump(&self) -> Vec<String> {
        dump::schema(&mut self.program("pg_dump", &[]))
    }

    /// A client program of the server's own installation, connecting to this database.
    pub fn program(&self, name: &str, arguments: &[&str]) -> Command {
        let server = server();
        let mut command = Command::new(Path::new(&server.bindir).join(name));
        for (name, _) in
            std::env::vars().filter(|(name, _)| name.starts_with("PG") && !name.starts_with("PGRX"))
        {
            command.env_remove(name);
        }
        command
            .env("LC_ALL", "C")
            .args(arguments)
            .args(["-h", &server.host, "-p", &server.port.to_string()])
            .args(["-U", &server.user, "-d", &self.name]);
        command
    }

    /// `ddl_text` of all rows, in order.
    pub fn texts(&self) -> Vec<String> {
        self.column("ddl_text")
    }

    /// Any expression over the captured rows, in order.
    pub fn column(&self, expression: &str) -> Vec<String> {
        self.connect()
            .query(&format!("SELECT coalesce(({expression})::text, 'NULL') FROM public.dts_ddl_command ORDER BY id"), &[])
            .expect("the captured rows")
            .iter()
            .map(|row| row.get(0))
            .collect()
    }

    /// One value of one query, as text.
    pub fn value(&self, query: &str) -> String {
        value(&mut self.connect(), query)
    }

    /// The rows' texts are these, and each is one statement of the row's own tag.
    #[track_caller]
    pub fn expect(&self, want: &[&str]) {
        let got = self.texts();
        assert_eq!(got, want);
        self.expect_sound();
    }

    #[track_caller]
    pub fn expect_sound(&self) {
        let wrong = self
            .connect()
            .query(
                "SELECT left(ddl_text, 200) FROM public.dts_ddl_command
                 WHERE dts_ddl.statement_tags(ddl_text) <> ARRAY[tag] OR (message::jsonb->>'v') IS DISTINCT FROM '1'",
                &[],
            )
            .expect("every captured text parses");
        let wrong: Vec<String> = wrong.iter().map(|row| row.get(0)).collect();
        assert!(
            wrong.is_empty(),
            "not one statement of the row's tag: {wrong:?}"
        );
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let name = &self.name;
        let mut client = admin();
        for statement in [
            format!(
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '{name}' AND NOT active"
            ),
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        ] {
            if let Err(error) = client.batch_execute(&statement) {
                eprintln!("{statement}: {error:?}");
            }
        }
    }
}

pub fn value(client: &mut Client, query: &str) -> String {
    let row = client
        .query_one(&format!("SELECT coalesce(({query})::text, 'NULL')"), &[])
        .expect(query);
    row.get(0)
}

/// A session in the database `postgres`, for what concerns the whole server.
pub fn admin() -> Client {
    let server = server();
    Config::new()
        .host(&server.host)
        .port(server.port)
        .user(&server.user)
        .dbname("postgres")
        .connect(NoTls)
        .expect("a connection")
}

/// Why a test does nothing here, shown even when the test succeeds.
pub fn skipped(test: &str, reason: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "skipped {test}: {reason}");
}

/// Does the whole suite run with the library loaded into every session?
pub fn preloaded() -> bool {
    std::env::var_os("DTS_TEST_PRELOAD").is_some()
}
