//! The two servers, and programs that work on them.
//!
//! Relied on: what proof/migrate and bench/migrate put into the environment, see [`Pair::new`].

use harness::cluster::{Cluster, Installation};
use postgres::{Client, NoTls};
use std::process::{Command, Stdio};

pub const DATABASE: &str = "shop";
/// The same for every server of every variant. (No fsync: the machine's disk is not what is measured.)
const SETTINGS: &str = "-c wal_level=logical -c max_connections=120 -c max_worker_processes=24 -c max_wal_senders=20 \
    -c max_replication_slots=20 -c max_locks_per_transaction=512 -c shared_buffers=512MB -c maintenance_work_mem=128MB \
    -c max_wal_size=2GB -c checkpoint_timeout=60s -c log_min_messages=warning";

pub struct Server {
    pub cluster: Cluster,
    options: String,
}

impl Server {
    fn new(installation: Installation, more: &str) -> Self {
        let server = Self {
            cluster: Cluster::of(installation),
            options: format!("{SETTINGS} {more}"),
        };
        server.cluster.start(&server.options);
        server
    }

    /// kill -9 of all its processes; it runs again afterwards.
    pub fn kill(&self) {
        self.cluster.kill_and_start(&self.options);
    }

    /// A superuser's session, whose names are found as usual whatever the database says.
    pub fn connect(&self, database: &str) -> Client {
        self.try_connect(database, "postgres")
            .unwrap_or_else(|error| panic!("{database}: {error}"))
    }

    pub fn try_connect(&self, database: &str, user: &str) -> Result<Client, postgres::Error> {
        let mut config = self.cluster.config(database);
        config.user(user).application_name("proof").connect(NoTls)
    }

    /// One of this server's own programs, connected as a superuser to the database.
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.cluster.installation.program(name));
        command
            .env("PGHOST", self.cluster.socket_directory())
            .env("PGPORT", "5432")
            .env("PGUSER", "postgres")
            .env("PGDATABASE", DATABASE)
            .stdin(Stdio::null());
        command
    }

    pub fn pgbench(&self, user: &str, arguments: &[&str]) {
        let output = self
            .program("pgbench")
            .env("PGUSER", user)
            .args(arguments)
            .output();
        let output = output.expect("pgbench");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    pub fn connection_string(&self) -> String {
        self.cluster.connection_string(DATABASE)
    }

    pub fn major(&self) -> u32 {
        self.cluster.installation.major
    }

    /// The first column of a query's rows, as text.
    pub fn column(&self, database: &str, query: &str) -> Vec<String> {
        let rows = self.connect(database).simple_query(query);
        let rows = rows.unwrap_or_else(|error| panic!("{query}: {error}"));
        let first = rows.iter().filter_map(|message| match message {
            postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        first.collect()
    }
}

pub struct Pair {
    pub source: Server,
    pub target: Server,
}

impl Pair {
    /// Both run. The source is what `proof_run` was given; the target's programs are in `DTS_TO_BINDIR`, of
    /// `DTS_TO_MAJOR`.
    pub fn new() -> Self {
        let variable = |name: &str| {
            std::env::var(name)
                .unwrap_or_else(|_| panic!("{name} is not set: start this by its script"))
        };
        let major = variable("DTS_TO_MAJOR").parse().expect("a number");
        let to = Installation::new(variable("DTS_TO_BINDIR"), major, "postgres");
        Self {
            source: Server::new(harness::server::under_test(), ""),
            target: Server::new(to, "-c shared_preload_libraries=dts_ddl_capture"),
        }
    }

    /// A program of the newer of the two, connected to one of them.
    pub fn newer(&self, name: &str, of: &Server) -> Command {
        let newer = if self.source.major() > self.target.major() {
            &self.source
        } else {
            &self.target
        };
        let own = of.program(name);
        let mut command = Command::new(newer.cluster.installation.program(name));
        command.stdin(Stdio::null());
        for (name, value) in own.get_envs() {
            command.env(name, value.expect("none is removed"));
        }
        command
    }

    /// The program that is tried. It finds pg_dump of the newer major, as docs/live.md wants it.
    pub fn dts_migrate(&self, arguments: &[&str]) -> Command {
        let program = std::env::var("DTS_MIGRATE").expect("DTS_MIGRATE: start this by its script");
        let mut command = Command::new(program);
        let bindir = self.newer("pg_dump", &self.target);
        let bindir = std::path::Path::new(bindir.get_program())
            .parent()
            .expect("a directory")
            .to_owned();
        let path = format!(
            "{}:{}",
            bindir.display(),
            std::env::var("PATH").unwrap_or_default()
        );
        command
            .args(arguments)
            .env("PATH", path)
            .env("SRC", self.source.connection_string())
            .env("DST", self.target.connection_string())
            .stdin(Stdio::null());
        command
    }

    /// An empty database on the target, whatever was there.
    pub fn fresh_target(&self) {
        let mut client = self.target.connect("postgres");
        client
            // a killed program leaves sessions of its own behind for a moment
            .batch_execute(&format!("DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)"))
            .expect("no database");
        client
            .batch_execute(&format!("CREATE DATABASE {DATABASE}"))
            .expect("a database");
    }
}

impl Default for Pair {
    fn default() -> Self {
        Self::new()
    }
}
