//! Connections to the two servers.
//!
//! A connection string or URI is what the library `postgres` reads: host, hostaddr, port, user, password, dbname, options,
//! sslmode, connect_timeout, target_session_attrs and keepalives; no service, no passfile. A password that is not in it is
//! taken from PGPASSWORD. There is no TLS. Programs of PostgreSQL get the same by their environment, so that a password
//! is in no list of processes.
//!
//! A session is pinned: nothing is found but in pg_catalog, values have the same text on every server, nothing can be
//! written, and a policy that would hide rows is an error.

use crate::problem::{Problem, words};
use postgres::config::{Host, SslMode};
use postgres::error::SqlState;
use postgres::{Client, Config, NoTls, SimpleQueryMessage};
use std::process::Command;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Source,
    Destination,
}

impl Side {
    pub const BOTH: [Side; 2] = [Side::Source, Side::Destination];

    pub fn name(self) -> &'static str {
        match self {
            Side::Source => "source",
            Side::Destination => "destination",
        }
    }
}

pub struct Server {
    pub side: Side,
    config: Config,
}

/// Whatever the role or the database have as their defaults. (JIT and parallel workers would only take from the users.)
const PINS: &str = "SET search_path = pg_catalog; SET default_transaction_read_only = on;
    SET default_transaction_isolation = 'read committed'; SET default_transaction_deferrable = off; SET row_security = off;
    SET DateStyle = 'ISO, YMD'; SET IntervalStyle = postgres; SET TimeZone = 'UTC'; SET extra_float_digits = 1;
    SET bytea_output = hex; SET xmlbinary = base64; SET xmloption = content; SET lc_monetary = 'C'; SET lc_numeric = 'C';
    SET lc_time = 'C'; SET quote_all_identifiers = off; SET standard_conforming_strings = on;
    SET transform_null_equals = off; SET array_nulls = on; SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '60s';
    SET jit = off; SET max_parallel_workers_per_gather = 0; SET client_min_messages = error; SET statement_timeout = 0";

impl Server {
    pub fn new(side: Side, connection: &str) -> Result<Self, Problem> {
        let mut config: Config = connection.parse().map_err(|error| {
            Problem::new(
                format!("the connection string of the {} cannot be read: {}", side.name(), words(&error)),
                "give host, port, user and dbname, as \"host=.. port=5432 user=.. dbname=..\" or postgresql://USER@HOST/DATABASE",
            )
        })?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(Problem::new(
                format!("the connection string of the {} names no host", side.name()),
                "add host=.. to it (a directory for a Unix socket)",
            ));
        }
        if config.get_password().is_none()
            && let Ok(password) = std::env::var("PGPASSWORD")
        {
            config.password(password);
        }
        Ok(Self::of(side, config))
    }

    pub fn of(side: Side, mut config: Config) -> Self {
        if config.get_application_name().is_none() {
            config.application_name("dts-migrate");
        }
        Self { side, config }
    }

    pub fn connect(&self) -> Result<Session, Problem> {
        if self.config.get_ssl_mode() == SslMode::Require {
            return Err(Problem::new(
                format!(
                    "the {} is to be reached by TLS, which this program does not have",
                    self.side.name()
                ),
                "connect through a tunnel (ssh -L 5433:HOST:5432 ..), or from a host that may do without (sslmode=disable)",
            ));
        }
        let refused = |error: postgres::Error| {
            Problem::new(
                format!(
                    "no connection to the {}: {}",
                    self.side.name(),
                    words(&error)
                ),
                "try psql with the same connection string; the password may be in it or in PGPASSWORD (~/.pgpass and services \
                 are not read)",
            )
        };
        let mut client = self.config.connect(NoTls).map_err(refused)?;
        client.batch_execute(PINS).map_err(refused)?;
        let mut session = Session {
            side: self.side,
            client,
            version: 0,
            encoding: String::new(),
            reading: None,
        };
        let rows = session
            .rows(
                "SELECT current_setting('server_version_num'), current_setting('server_encoding')",
            )
            .map_err(refused)?;
        session.version = rows[0].number(0);
        session.encoding = rows[0].text(1).to_owned();
        if session.version < 130_000 {
            return Err(Problem::new(
                format!("the {} is older than PostgreSQL 13", self.side.name()),
                "",
            ));
        }
        Ok(session)
    }

    /// The program of PostgreSQL, connected to this database.
    pub fn program(&self, path: &str) -> Command {
        let mut command = Command::new(path);
        let config = &self.config;
        // services and the like of whoever runs this would get in between
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        let list = |items: Vec<String>| items.join(",");
        let hosts = config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(path) => path.display().to_string(),
        });
        let addresses = config.get_hostaddrs().iter().map(ToString::to_string);
        let ports = config.get_ports().iter().map(ToString::to_string);
        let mut set = |name: &str, value: String| {
            if !value.is_empty() {
                command.env(name, value);
            }
        };
        set("PGHOST", list(hosts.collect()));
        set("PGHOSTADDR", list(addresses.collect()));
        set("PGPORT", list(ports.collect()));
        set("PGUSER", config.get_user().unwrap_or_default().to_owned());
        set(
            "PGDATABASE",
            config.get_dbname().unwrap_or_default().to_owned(),
        );
        set(
            "PGOPTIONS",
            config.get_options().unwrap_or_default().to_owned(),
        );
        set(
            "PGPASSWORD",
            String::from_utf8_lossy(config.get_password().unwrap_or_default()).into_owned(),
        );
        set("PGAPPNAME", "dts-migrate".to_owned());
        set("LC_ALL", "C".to_owned());
        command
    }
}

pub struct Session {
    pub side: Side,
    client: Client,
    /// `server_version_num`
    pub version: u32,
    pub encoding: String,
    /// As [`Session::reading`] was last asked.
    reading: Option<(u64, bool)>,
}

/// A row, as the server prints it.
pub struct Row(Vec<Option<String>>);

impl Row {
    pub fn get(&self, at: usize) -> Option<&str> {
        self.0.get(at)?.as_deref()
    }

    /// Empty for NULL.
    pub fn text(&self, at: usize) -> &str {
        self.get(at).unwrap_or_default()
    }

    pub fn number<T: std::str::FromStr + Default>(&self, at: usize) -> T {
        self.text(at).parse().unwrap_or_default()
    }

    pub fn is_true(&self, at: usize) -> bool {
        self.text(at) == "t"
    }

    /// An array that the query has made by `to_json`.
    pub fn list(&self, at: usize) -> Vec<String> {
        serde_json::from_str(self.text(at)).unwrap_or_default()
    }
}

impl Session {
    /// All values come as the texts of their types, by no cast that somebody may have made.
    pub fn rows(&mut self, query: &str) -> Result<Vec<Row>, postgres::Error> {
        let messages = self.client.simple_query(query)?;
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(Row((0..row.len())
                .map(|at| row.get(at).map(str::to_owned))
                .collect())),
            _ => None,
        });
        Ok(rows.collect())
    }

    /// The same, where a failure ends all.
    pub fn ask(&mut self, query: &str) -> Result<Vec<Row>, Problem> {
        let side = self.side.name();
        self.rows(query).map_err(|error| {
            let next = if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) {
                "another session holds a lock on a table (pg_locks, pg_blocking_pids()): repeat when it has ended"
            } else {
                "try the same with psql and this connection string"
            };
            Problem::new(format!("a query on the {side} failed: {}", words(&error)), next)
        })
    }

    /// The longest that one of the following queries may take, 0 for any time; and whether rows are found by an index, whatever
    /// the planner believes of tables that were never analyzed, or a table is read from its beginning to its end.
    pub fn reading(&mut self, seconds: u64, by_index: bool) -> Result<(), postgres::Error> {
        if self.reading != Some((seconds, by_index)) {
            let (whole, index) = if by_index {
                ("off", "on")
            } else {
                ("on", "off")
            };
            self.rows(&format!(
                "SET statement_timeout = '{seconds}s'; SET enable_seqscan = {whole}; SET enable_hashjoin = {whole};
                 SET enable_mergejoin = {whole}; SET enable_indexscan = {index}; SET enable_bitmapscan = {index};
                 SET enable_indexonlyscan = {index}"
            ))?;
            self.reading = Some((seconds, by_index));
        }
        Ok(())
    }

    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    pub fn major(&self) -> u32 {
        self.version / 10_000
    }
}

/// As a literal, whatever it has in it.
pub fn literal(text: &str) -> String {
    // begins with a space where it has a backslash
    postgres_protocol::escape::escape_literal(text)
}

/// As a name, always quoted.
pub fn identifier(text: &str) -> String {
    postgres_protocol::escape::escape_identifier(text)
}
