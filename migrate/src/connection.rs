//! Connections to the two servers.
//!
//! A connection string is read as libpq does, services, passfile, environment and TLS included (`parameters`,
//! `tls`). Programs of PostgreSQL get the same by their environment, so that a password is in no list of processes.
//!
//! A session is pinned: nothing is found but in pg_catalog, values have the same text on every server, nothing can be
//! written unless that was asked for, and a policy that would hide rows is an error.

mod parameters;
mod tls;

use crate::problem::{Problem, words};
use parameters::{Parameters, Process, Surroundings};
use postgres::config::{Host, SslMode};
use postgres::error::SqlState;
use postgres::{Client, Config, SimpleQueryMessage};
use std::io::BufRead;
use std::process::Command;
use std::time::{Duration, Instant};
use tls::{Mode, Tls};
use tokio_postgres_rustls::MakeRustlsConnect;

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

#[derive(Clone)]
pub struct Server {
    pub side: Side,
    parameters: Parameters,
}

/// Whatever the role or the database have as their defaults, `role` among them. (JIT and parallel workers would only take from the users.)
const PINS: &str = "SET ROLE NONE; SET search_path = pg_catalog; SET default_transaction_read_only = on;
    SET default_transaction_isolation = 'read committed'; SET default_transaction_deferrable = off; SET row_security = off;
    SET DateStyle = 'ISO, YMD'; SET IntervalStyle = postgres; SET TimeZone = 'UTC'; SET extra_float_digits = 1;
    SET bytea_output = hex; SET xmlbinary = base64; SET xmloption = content; SET lc_monetary = 'C'; SET lc_numeric = 'C';
    SET lc_time = 'C'; SET quote_all_identifiers = off; SET standard_conforming_strings = on;
    SET transform_null_equals = off; SET array_nulls = on; SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '60s';
    SET jit = off; SET max_parallel_workers_per_gather = 0; SET client_min_messages = error; SET statement_timeout = 0";

/// On top of them, for who writes, and may have to wait.
const PINS_TO_WRITE: &str = "SET default_transaction_read_only = off; SET lock_timeout = 0;
    SET idle_in_transaction_session_timeout = 0;
    SELECT pg_catalog.set_config(s.name, '0', false) FROM pg_catalog.pg_settings s
     WHERE s.name OPERATOR(pg_catalog.=) ANY (ARRAY['idle_session_timeout', 'transaction_timeout'])";

impl Server {
    pub fn new(side: Side, connection: &str) -> Result<Self, Problem> {
        let refused = |why: String| {
            Problem::new(
                format!(
                    "the connection string of the {} cannot be read: {why}",
                    side.name()
                ),
                "give host, port, user and dbname, as \"host=.. port=5432 user=.. dbname=..\", postgresql://USER@HOST/DATABASE, \
                 or the name of a service (~/.pg_service.conf)",
            )
        };
        let server = Self {
            side,
            parameters: Parameters::read(connection, &Process).map_err(refused)?,
        };
        if server.parameters.hosts().is_empty() {
            return Err(Problem::new(
                format!("the connection string of the {} names no host", side.name()),
                "add host=.. to it (a directory for a Unix socket), or set PGHOST",
            ));
        }
        // what is wrong with values is said now, not at the first connection
        let (tls, _) = server.tls()?;
        server.library_config(tls.sslmode())?;
        Ok(server)
    }

    /// Of a configuration of the library: nothing is looked up.
    pub fn of(side: Side, config: Config) -> Self {
        let mut parameters = Parameters::default();
        let list = |items: Vec<String>| items.join(",");
        let hosts = config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(path) => path.display().to_string(),
        });
        let addresses = config.get_hostaddrs().iter().map(ToString::to_string);
        let ports = config.get_ports().iter().map(ToString::to_string);
        let sslmode = match config.get_ssl_mode() {
            SslMode::Disable => "disable",
            SslMode::Require => "require",
            _ => "prefer",
        };
        let password = String::from_utf8_lossy(config.get_password().unwrap_or_default());
        for (keyword, value) in [
            ("host", list(hosts.collect())),
            ("hostaddr", list(addresses.collect())),
            ("port", list(ports.collect())),
            ("user", config.get_user().unwrap_or_default().to_owned()),
            ("dbname", config.get_dbname().unwrap_or_default().to_owned()),
            (
                "options",
                config.get_options().unwrap_or_default().to_owned(),
            ),
            ("password", password.into_owned()),
            ("sslmode", sslmode.to_owned()),
        ] {
            if !value.is_empty() {
                parameters.set(keyword, value);
            }
        }
        Self { side, parameters }
    }

    /// The same server, another database.
    pub fn with_database(&self, name: &str) -> Self {
        Self {
            side: self.side,
            parameters: self.parameters.with_database(name),
        }
    }

    /// The same, with sessions and programs that are known by this `application_name`.
    pub fn called(&self, name: &str) -> Self {
        let mut server = self.clone();
        server.parameters.set("application_name", name);
        server
    }

    pub fn dbname(&self) -> &str {
        self.parameters.get("dbname").unwrap_or_default()
    }

    /// Settings of the session, as the connection string gives them.
    pub fn options(&self) -> &str {
        self.parameters.get("options").unwrap_or_default()
    }

    pub fn user(&self) -> &str {
        self.parameters.get("user").unwrap_or_default()
    }

    /// For messages.
    pub fn host_and_port_text(&self) -> String {
        let hosts = self
            .parameters
            .get("host")
            .or(self.parameters.get("hostaddr"));
        let port = self.parameters.get("port").unwrap_or("5432");
        format!("{}:{port}", hosts.unwrap_or_default())
    }

    /// A connection string of libpq's with all that is known, **the password included**: for CREATE SUBSCRIPTION, never for a
    /// message or an argument.
    pub fn conninfo(&self) -> String {
        self.parameters.conninfo()
    }

    /// A session that only reads, and never waits long.
    pub fn connect(&self) -> Result<Session, Problem> {
        self.connect_if_there()?
            .ok_or_else(|| self.no_such_database())
    }

    /// The same; None where the server has no such database.
    pub fn connect_if_there(&self) -> Result<Option<Session>, Problem> {
        self.session("")
    }

    /// One that writes.
    pub fn connect_to_write(&self) -> Result<Session, Problem> {
        self.session(PINS_TO_WRITE)?
            .ok_or_else(|| self.no_such_database())
    }

    fn no_such_database(&self) -> Problem {
        Problem::new(
            format!(
                "no connection to the {}: database \"{}\" does not exist on {}",
                self.side.name(),
                self.dbname(),
                self.host_and_port_text()
            ),
            "create it, or name another one by dbname=..",
        )
    }

    /// One that writes, of the asynchronous library, on the current tokio runtime: for COPY.
    pub async fn connect_async(&self) -> Result<tokio_postgres::Client, Problem> {
        let (tls, connector) = self.tls()?;
        let first = self
            .library_config(tls.sslmode())?
            .connect(connector.clone())
            .await;
        let connected = match first {
            Err(error) if goes_on_without(&tls, &error) => self
                .library_config("disable")?
                .connect(connector)
                .await
                .map_err(|second| of_the_two(error, second)),
            other => other,
        };
        let (client, connection) = connected.map_err(|error| self.refused(&error))?;
        // its end is seen by the client
        tokio::spawn(async move {
            let _ = connection.await;
        });
        for pins in [PINS, PINS_TO_WRITE] {
            client
                .batch_execute(pins)
                .await
                .map_err(|error| self.refused(&error))?;
        }
        Ok(client)
    }

    fn session(&self, more_pins: &str) -> Result<Option<Session>, Problem> {
        let (tls, connector) = self.tls()?;
        let connect = |sslmode: &str| {
            let config = Config::from(self.library_config(sslmode)?);
            Ok(config.connect(connector.clone()))
        };
        let client = match connect(tls.sslmode())? {
            Err(error) if goes_on_without(&tls, &error) => {
                connect("disable")?.map_err(|second| of_the_two(error, second))
            }
            other => other,
        };
        if let Err(error) = &client
            && error.code() == Some(&SqlState::INVALID_CATALOG_NAME)
        {
            return Ok(None);
        }
        let refused = |error: postgres::Error| self.refused(&error);
        let mut client = client.map_err(refused)?;
        client.batch_execute(PINS).map_err(refused)?;
        client.batch_execute(more_pins).map_err(refused)?;
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
        Ok(Some(session))
    }

    fn refused(&self, error: &postgres::Error) -> Problem {
        let next = match &self.parameters.passfile_refused {
            Some(why) => why.clone(),
            None if self.parameters.has("password") => "try psql with the same connection string".to_owned(),
            None => "try psql with the same connection string; the password may be in ~/.pgpass, in PGPASSWORD or in the string"
                .to_owned(),
        };
        Problem::new(
            format!(
                "no connection to the {} ({}, database \"{}\"): {}",
                self.side.name(),
                self.host_and_port_text(),
                self.dbname(),
                words(error)
            ),
            next,
        )
    }

    fn tls(&self) -> Result<(Tls, MakeRustlsConnect), Problem> {
        let home = Process.home();
        let refused = |why: String| {
            Problem::new(
                format!("no TLS to the {}: {why}", self.side.name()),
                "see https://www.postgresql.org/docs/current/libpq-ssl.html, whose keywords these are",
            )
        };
        let tls = Tls::of(&self.parameters, home.as_deref()).map_err(refused)?;
        let connector = tls
            .connector(&self.parameters, home.as_deref())
            .map_err(refused)?;
        Ok((tls, connector))
    }

    fn library_config(&self, sslmode: &str) -> Result<tokio_postgres::Config, Problem> {
        let refused = |why: String| {
            Problem::new(
                format!(
                    "the connection string of the {} cannot be used: {why}",
                    self.side.name()
                ),
                "correct that value; psql takes the same ones",
            )
        };
        let text = self.parameters.for_library(sslmode).map_err(refused)?;
        let mut config: tokio_postgres::Config =
            text.parse().map_err(|error| refused(words(&error)))?;
        if config.get_application_name().is_none() {
            config.application_name("dts-migrate");
        }
        // libpq waits for ever, that is as long as the system tries
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(30));
        }
        Ok(config)
    }

    /// The program of PostgreSQL, connected to this database.
    pub fn program(&self, path: &str) -> Command {
        let mut command = Command::new(path);
        // services and the like of whoever runs this would get in between
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        command.envs(self.parameters.variables());
        let name = self.parameters.get("application_name");
        command.env("PGAPPNAME", name.unwrap_or("dts-migrate"));
        command.env("LC_ALL", "C");
        command
    }
}

/// The keywords that a connection string itself gives a value; none where it cannot be read.
pub fn given_keywords(connection: &str) -> Vec<String> {
    let given = parameters::given(connection).unwrap_or_default();
    let given = given.into_iter().filter(|(_, value)| !value.is_empty());
    given.map(|(keyword, _)| keyword).collect()
}

/// libpq's `prefer`: where TLS fails, or the server wants none of this client, then without.
fn goes_on_without(tls: &Tls, error: &postgres::Error) -> bool {
    tls.mode == Mode::Prefer
        && (error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
            || error
                .to_string()
                .starts_with("error performing TLS handshake"))
}

/// What to tell when it was refused with TLS and without.
fn of_the_two(first: postgres::Error, second: postgres::Error) -> postgres::Error {
    if second.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION) {
        first
    } else {
        second
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

    /// Any number of statements, in one transaction of their own where they are no transactions themselves.
    pub fn execute(&mut self, sql: &str) -> Result<(), postgres::Error> {
        self.client.batch_execute(sql)
    }

    /// The same, where a failure ends all.
    pub fn run(&mut self, sql: &str) -> Result<(), Problem> {
        let side = self.side.name();
        self.execute(sql).map_err(|error| {
            Problem::new(
                format!("a command on the {side} failed: {}", words(&error)),
                "try the same with psql and this connection string",
            )
        })
    }

    /// How many bytes COPY .. TO STDOUT gives until its end, or for so long. Afterwards the session is not to be used.
    pub fn copied_bytes(&mut self, copy: &str, at_most: Duration) -> Result<u64, postgres::Error> {
        let begin = Instant::now();
        let mut reader = self.client.copy_out(copy)?;
        let mut bytes = 0;
        while begin.elapsed() < at_most {
            let length = reader.fill_buf().map_or(0, <[u8]>::len);
            if length == 0 {
                break;
            }
            reader.consume(length);
            bytes += length as u64;
        }
        Ok(bytes)
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
