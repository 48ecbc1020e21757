//! Connection strings as libpq has them: keywords and values, a URI, or the bare name of a service. What the string
//! lacks is taken from the service, then from the environment, then from libpq's defaults; a password at last from
//! the passfile.
//!
//! A keyword that this program cannot honour is refused where leaving it out would be less safe, or would connect
//! elsewhere; what only tunes libpq is handed on to PostgreSQL's programs and to the subscription.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// By keyword. `application_name` is among them, `service` and `passfile` are not: they have been looked up.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Parameters {
    values: BTreeMap<String, String>,
    /// The password is that of the passfile, so that it depends on host, port, database and user.
    from_passfile: bool,
    passfile: Option<PathBuf>,
    /// Why the passfile was not read.
    pub passfile_refused: Option<String>,
}

/// What a keyword is called in the environment of PostgreSQL's programs. (The others have no variable.)
const VARIABLES: &[(&str, &str)] = &[
    ("channel_binding", "PGCHANNELBINDING"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("dbname", "PGDATABASE"),
    ("gssdelegation", "PGGSSDELEGATION"),
    ("gssencmode", "PGGSSENCMODE"),
    ("gsslib", "PGGSSLIB"),
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("krbsrvname", "PGKRBSRVNAME"),
    ("load_balance_hosts", "PGLOADBALANCEHOSTS"),
    ("options", "PGOPTIONS"),
    ("passfile", "PGPASSFILE"),
    ("password", "PGPASSWORD"),
    ("port", "PGPORT"),
    ("require_auth", "PGREQUIREAUTH"),
    ("requirepeer", "PGREQUIREPEER"),
    ("service", "PGSERVICE"),
    ("servicefile", "PGSERVICEFILE"),
    ("sslcert", "PGSSLCERT"),
    ("sslcertmode", "PGSSLCERTMODE"),
    ("sslcrl", "PGSSLCRL"),
    ("sslcrldir", "PGSSLCRLDIR"),
    ("sslkey", "PGSSLKEY"),
    ("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION"),
    ("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION"),
    ("sslmode", "PGSSLMODE"),
    ("sslnegotiation", "PGSSLNEGOTIATION"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslsni", "PGSSLSNI"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
    ("user", "PGUSER"),
];

/// Known to libpq, without a variable that is looked at here.
const OTHERS: &[&str] = &[
    "application_name",
    "client_encoding",
    "fallback_application_name",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "sslcompression",
    "tcp_user_timeout",
];

/// What cannot be honoured.
const REFUSED: &[&str] = &[
    "max_protocol_version",
    "min_protocol_version",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_issuer",
    "oauth_scope",
    "replication",
    "require_auth",
    "requirepeer",
    "scram_client_key",
    "scram_server_key",
    "sslcrl",
    "sslcrldir",
    "sslkeylogfile",
    "sslpassword",
];

/// What is around the program: read once, given by tests.
pub trait Surroundings {
    fn variable(&self, name: &str) -> Option<String>;
    fn user(&self) -> Option<String>;

    fn home(&self) -> Option<PathBuf> {
        self.variable("HOME")
            .filter(|home| !home.is_empty())
            .map(PathBuf::from)
    }
}

pub struct Process;

impl Surroundings for Process {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    /// As libpq: who runs the program, whatever USER says, which is asked where that one has no entry.
    fn user(&self) -> Option<String> {
        let uid = std::fs::metadata("/proc/self").ok().map(|me| me.uid());
        let entries = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let mut entries = entries
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>());
        let entry = entries.find(|entry| {
            uid.is_some() && entry.get(2).and_then(|number| number.parse().ok()) == uid
        });
        match entry {
            Some(entry) => Some(entry[0].to_owned()),
            None => self
                .variable("USER")
                .or_else(|| self.variable("LOGNAME"))
                .filter(|name| !name.is_empty()),
        }
    }
}

impl Parameters {
    /// Errors are words about what cannot be read; they have no value of the string in them.
    pub fn read(connection: &str, around: &dyn Surroundings) -> Result<Self, String> {
        let mut parameters = Self::default();
        for (keyword, value) in given(connection)? {
            known(&keyword)?;
            parameters.values.insert(keyword, value);
        }
        // as libpq, an empty value is none
        parameters.values.retain(|_, value| !value.is_empty());
        parameters.add_service(around)?;
        // of a server that is named here, a variable must not give the address of another one
        let has_host = parameters.has("host") || parameters.has("hostaddr");
        for (keyword, variable) in VARIABLES {
            if let Some(value) = around.variable(variable).filter(|value| !value.is_empty())
                && !(has_host && ["host", "hostaddr"].contains(keyword))
                && !parameters.has(keyword)
            {
                parameters.values.insert((*keyword).to_owned(), value);
            }
        }
        for taken in [
            "service",
            "servicefile",
            "client_encoding",
            "fallback_application_name",
        ] {
            parameters.values.remove(taken);
        }
        parameters.refuse()?;
        parameters.add_defaults(around);
        let passfile = parameters.values.remove("passfile").map(PathBuf::from);
        parameters.passfile = passfile.or_else(|| Some(around.home()?.join(".pgpass")));
        parameters.add_password();
        Ok(parameters)
    }

    pub fn get(&self, keyword: &str) -> Option<&str> {
        self.values.get(keyword).map(String::as_str)
    }

    pub fn has(&self, keyword: &str) -> bool {
        self.values.contains_key(keyword)
    }

    pub fn set(&mut self, keyword: &str, value: impl Into<String>) {
        self.values.insert(keyword.to_owned(), value.into());
    }

    /// Of the same server; the passfile may have another password for it.
    pub fn with_database(&self, name: &str) -> Self {
        let mut other = self.clone();
        other.set("dbname", name);
        if other.from_passfile {
            other.values.remove("password");
        }
        other.add_password();
        other
    }

    /// The variables that tell PostgreSQL's programs the same.
    pub fn variables(&self) -> impl Iterator<Item = (&'static str, &str)> {
        VARIABLES
            .iter()
            .filter_map(|(keyword, variable)| Some((*variable, self.get(keyword)?)))
    }

    /// A connection string of libpq's. `application_name` is not in it: a subscription has its own name there.
    pub fn conninfo(&self) -> String {
        let all = self
            .values
            .iter()
            .filter(|(keyword, _)| *keyword != "application_name");
        assignments(all.map(|(keyword, value)| (keyword.as_str(), value.as_str())))
    }

    /// What the library reads, which knows fewer keywords, and some by other names or units.
    pub fn for_library(&self, sslmode: &str) -> Result<String, String> {
        let mut values = Vec::new();
        for (keyword, value) in &self.values {
            let (keyword, value) = match (keyword.as_str(), value.as_str()) {
                ("keepalives_count", _) => ("keepalives_retries", value.clone()),
                // milliseconds there, seconds here
                ("tcp_user_timeout", _) => match value.parse::<u64>() {
                    Ok(time) => ("tcp_user_timeout", time.div_ceil(1000).to_string()),
                    Err(_) => return Err("tcp_user_timeout is not a number".into()),
                },
                ("target_session_attrs", "primary") => {
                    ("target_session_attrs", "read-write".into())
                }
                (
                    "user"
                    | "password"
                    | "dbname"
                    | "options"
                    | "application_name"
                    | "host"
                    | "hostaddr"
                    | "port"
                    | "sslnegotiation"
                    | "connect_timeout"
                    | "keepalives"
                    | "keepalives_idle"
                    | "keepalives_interval"
                    | "target_session_attrs"
                    | "channel_binding"
                    | "load_balance_hosts",
                    _,
                ) => (keyword.as_str(), value.clone()),
                _ => continue,
            };
            values.push((keyword, value));
        }
        // the library wants the name that it would verify also where only an address is given
        if !self.has("host")
            && let Some(address) = self.get("hostaddr")
        {
            values.push(("host", address.to_owned()));
        }
        values.push(("sslmode", sslmode.to_owned()));
        Ok(assignments(
            values
                .iter()
                .map(|(keyword, value)| (*keyword, value.as_str())),
        ))
    }

    pub fn hosts(&self) -> Vec<&str> {
        let hosts = self.get("host").or_else(|| self.get("hostaddr"));
        hosts
            .map(|hosts| hosts.split(',').collect())
            .unwrap_or_default()
    }

    /// Where only sockets of this machine are named, TLS has no meaning, as libpq has it.
    pub fn is_local(&self) -> bool {
        !self.has("hostaddr") && self.hosts().iter().all(|host| host.starts_with('/'))
    }

    fn add_service(&mut self, around: &dyn Surroundings) -> Result<(), String> {
        let named = self
            .values
            .get("service")
            .cloned()
            .or_else(|| around.variable("PGSERVICE"));
        let Some(name) = named.filter(|name| !name.is_empty()) else {
            return Ok(());
        };
        let own = self
            .values
            .get("servicefile")
            .cloned()
            .or_else(|| around.variable("PGSERVICEFILE"));
        let own = own
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
            .or_else(|| Some(around.home()?.join(".pg_service.conf")));
        let mut files: Vec<PathBuf> = own.into_iter().collect();
        match around.variable("PGSYSCONFDIR") {
            Some(directory) => files.push(Path::new(&directory).join("pg_service.conf")),
            // where the packages of Debian, of the PGDG and a build of one's own look
            None => files.extend(
                [
                    "/etc/postgresql-common",
                    "/etc/sysconfig/pgsql",
                    "/usr/local/pgsql/etc",
                ]
                .map(|directory| Path::new(directory).join("pg_service.conf")),
            ),
        }
        for file in &files {
            let Ok(text) = std::fs::read_to_string(file) else {
                continue;
            };
            if let Some(found) =
                service(&text, &name).map_err(|error| format!("{}: {error}", file.display()))?
            {
                for (keyword, value) in found {
                    if !value.is_empty() && !self.has(&keyword) {
                        self.values.insert(keyword, value);
                    }
                }
                return Ok(());
            }
        }
        let files: Vec<String> = files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        Err(format!("service {name} is in none of {}", files.join(", ")))
    }

    fn refuse(&self) -> Result<(), String> {
        for (keyword, value) in &self.values {
            let refused = match (keyword.as_str(), value.as_str()) {
                ("gssencmode", "require") => "gssencmode=require: there is no GSSAPI encryption",
                ("sslcertmode", "require") => "sslcertmode=require",
                ("target_session_attrs", "standby" | "prefer-standby") => {
                    "target_session_attrs=standby: a standby is neither source nor target"
                }
                (name, _) if REFUSED.contains(&name) => name,
                _ => continue,
            };
            return Err(format!(
                "this program does not have {refused}: leave it out"
            ));
        }
        Ok(())
    }

    fn add_defaults(&mut self, around: &dyn Surroundings) {
        if !self.has("user")
            && let Some(user) = around.user()
        {
            self.set("user", user);
        }
        if !self.has("dbname")
            && let Some(user) = self.get("user").map(str::to_owned)
        {
            self.set("dbname", user);
        }
        if self.hosts().is_empty() {
            let port = self.get("port").unwrap_or("5432").to_owned();
            let socket = |directory: &&str| {
                Path::new(directory)
                    .join(format!(".s.PGSQL.{port}"))
                    .exists()
            };
            if let Some(directory) = ["/var/run/postgresql", "/tmp"]
                .iter()
                .find(|place| socket(place))
            {
                self.set("host", *directory);
            }
        }
    }

    fn add_password(&mut self) {
        self.from_passfile = false;
        self.passfile_refused = None;
        if self.has("password") {
            return;
        }
        let Some(path) = self.passfile.clone() else {
            return;
        };
        let Ok(metadata) = std::fs::metadata(&path) else {
            return;
        };
        if !metadata.is_file() {
            self.passfile_refused =
                Some(format!("{} is no file, and was not read", path.display()));
        } else if metadata.mode() & 0o077 != 0 {
            self.passfile_refused = Some(format!(
                "{0} may be read by others, and was not read: chmod 600 {0}",
                path.display()
            ));
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            let host = match self.get("host").or_else(|| self.get("hostaddr")) {
                // libpq's own directory for sockets is called localhost there
                Some("/var/run/postgresql" | "/tmp") | None => "localhost",
                Some(hosts) => hosts.split(',').next().unwrap_or_default(),
            };
            let port = self
                .get("port")
                .and_then(|ports| ports.split(',').next())
                .unwrap_or("5432");
            let asked = [
                host,
                port,
                self.get("dbname").unwrap_or_default(),
                self.get("user").unwrap_or_default(),
            ];
            if let Some(password) = password(&text, asked) {
                self.set("password", password);
                self.from_passfile = true;
            }
        }
    }
}

/// What the string says, in its order.
pub fn given(connection: &str) -> Result<Vec<(String, String)>, String> {
    let text = connection.trim();
    if text.starts_with("postgresql://") || text.starts_with("postgres://") {
        uri(text)
    } else if text.is_empty() || text.contains('=') {
        keywords(text)
    } else if text.contains(char::is_whitespace) {
        Err("it is neither keywords with values, nor a URI, nor the name of a service".into())
    } else {
        Ok(vec![("service".to_owned(), text.to_owned())])
    }
}

fn known(keyword: &str) -> Result<(), String> {
    let is_known = VARIABLES.iter().any(|(name, _)| *name == keyword)
        || OTHERS.contains(&keyword)
        || REFUSED.contains(&keyword);
    if is_known {
        return Ok(());
    }
    // what stands before the sign may be a part of a password that was not quoted
    let shown: String = keyword.chars().take(20).collect();
    Err(format!("there is no keyword \"{shown}\""))
}

fn assignments<'a>(values: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (keyword, value) in values {
        let space = if text.is_empty() { "" } else { " " };
        let value = value.replace('\\', "\\\\").replace('\'', "\\'");
        let _ = write!(text, "{space}{keyword}='{value}'");
    }
    text
}

fn keywords(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let Some((keyword, after)) = rest.split_once('=') else {
            return Err(
                "a word has no \"=\" behind it (a value with spaces stands in quotes)".into(),
            );
        };
        let keyword = keyword.trim();
        if keyword.is_empty() || keyword.contains(char::is_whitespace) {
            return Err(
                "a word has no \"=\" behind it (a value with spaces stands in quotes)".into(),
            );
        }
        let after = after.trim_start();
        let (quoted, body) = match after.strip_prefix('\'') {
            Some(body) => (true, body),
            None => (false, after),
        };
        let mut value = String::new();
        let mut characters = body.char_indices();
        let mut end = None;
        while let Some((at, c)) = characters.next() {
            match c {
                '\\' => value.extend(characters.next().map(|(_, c)| c)),
                '\'' if quoted => {
                    end = Some(at + 1);
                    break;
                }
                c if !quoted && c.is_whitespace() => {
                    end = Some(at);
                    break;
                }
                c => value.push(c),
            }
        }
        if quoted && end.is_none() {
            return Err("a quote is not closed".into());
        }
        rest = body[end.unwrap_or(body.len())..].trim_start();
        found.push((keyword.to_owned(), value));
    }
    Ok(found)
}

fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|byte| (byte as char).to_digit(16));
        match (digit(), digit()) {
            (Some(high), Some(low)) if high + low > 0 => bytes.push((high * 16 + low) as u8),
            _ => {
                return Err("a % in the URI has not two digits behind it (% itself is %25)".into());
            }
        }
    }
    String::from_utf8(bytes).map_err(|_| "the URI is not UTF-8".into())
}

fn uri(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut found = Vec::new();
    let mut add = |keyword: &str, value: &str| {
        found.push((keyword.to_owned(), decoded(value)?));
        Ok::<(), String>(())
    };
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    // a password may have a slash in it, but not before the @ as libpq reads it
    let (rest, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (who, hosts) = match rest.split_once('@') {
        Some((who, hosts)) => (who, hosts),
        None => ("", rest),
    };
    let (user, password) = who.split_once(':').unwrap_or((who, ""));
    add("user", user)?;
    add("password", password)?;
    add("dbname", database)?;
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for host in hosts.split(',') {
        let (name, port) = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
            Some((name, "")) => (name, ""),
            Some((name, port)) => (name, port.strip_prefix(':').ok_or("behind ] comes a port")?),
            None => host.split_once(':').unwrap_or((host, "")),
        };
        names.push(name);
        ports.push(port);
    }
    if ports.iter().any(|port| !port.is_empty()) {
        add("port", &ports.join(","))?;
    }
    add("host", &names.join(","))?;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            // JDBC's way of saying it, which libpq takes
            Some(("ssl", "true")) => add("sslmode", "require")?,
            Some((keyword, value)) => add(&decoded(keyword)?, value)?,
            None => return Err("a parameter of the URI has no \"=\"".into()),
        }
    }
    Ok(found)
}

/// What the file says of this service, if it does.
fn service(text: &str, name: &str) -> Result<Option<Vec<(String, String)>>, String> {
    let mut found: Option<Vec<(String, String)>> = None;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(section) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            if section.strip_suffix(']') == Some(name) {
                found = Some(Vec::new());
            }
            continue;
        }
        let Some(found) = &mut found else { continue };
        let wrong = |why: &str| format!("line {}: {why}", at + 1);
        if line.starts_with("ldap") {
            return Err(wrong(
                "a service from LDAP is not looked up by this program",
            ));
        }
        let (keyword, value) = line
            .split_once('=')
            .ok_or_else(|| wrong("there is no \"=\""))?;
        let keyword = keyword.trim();
        if keyword.starts_with("service") {
            return Err(wrong("a service names no other one"));
        }
        known(keyword).map_err(|why| wrong(&why))?;
        // the first one counts, as libpq reads it
        if !found.iter().any(|(other, _)| other == keyword) {
            found.push((keyword.to_owned(), value.trim_start().to_owned()));
        }
    }
    Ok(found)
}

/// The first line of a passfile that fits host, port, database and user.
fn password(text: &str, asked: [&str; 4]) -> Option<String> {
    text.lines().find_map(|line| {
        if line.starts_with('#') {
            return None;
        }
        let mut fields = vec![String::new()];
        // whether the field is a * that no backslash precedes
        let mut any = vec![false];
        let mut characters = line.trim_end_matches('\r').chars();
        while let Some(c) = characters.next() {
            let at = fields.len() - 1;
            match c {
                ':' if at < 4 => {
                    fields.push(String::new());
                    any.push(false);
                }
                '\\' => fields[at].extend(characters.next()),
                c => {
                    any[at] = c == '*' && fields[at].is_empty();
                    fields[at].push(c);
                }
            }
        }
        let fits = fields.len() == 5 && (0..4).all(|at| any[at] || fields[at] == asked[at]);
        fits.then(|| fields.swap_remove(4))
            .filter(|password| !password.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// Variables, among them HOME; a directory that goes with it.
    struct Around {
        variables: BTreeMap<&'static str, String>,
        home: PathBuf,
    }

    impl Around {
        fn new(topic: &str, variables: &[(&'static str, &str)]) -> Self {
            let home =
                std::env::temp_dir().join(format!("dts_migrate_{topic}_{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&home);
            std::fs::create_dir_all(&home).expect("a directory");
            let variables = variables
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned()));
            Self {
                variables: variables.collect(),
                home,
            }
        }

        fn write(&self, name: &str, text: &str, mode: u32) {
            let path = self.home.join(name);
            std::fs::write(&path, text).expect("a file");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))
                .expect("its mode");
        }

        fn read(&self, connection: &str) -> Result<Parameters, String> {
            Parameters::read(connection, self)
        }

        fn said(&self, connection: &str) -> String {
            match self.read(connection) {
                Ok(parameters) => parameters.conninfo(),
                Err(why) => format!("refused: {why}"),
            }
        }
    }

    impl Drop for Around {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.home);
        }
    }

    impl Surroundings for Around {
        fn variable(&self, name: &str) -> Option<String> {
            if name == "HOME" {
                return Some(self.home.display().to_string());
            }
            if name == "PGSYSCONFDIR" {
                return Some(self.home.join("system").display().to_string());
            }
            self.variables.get(name).cloned()
        }

        fn user(&self) -> Option<String> {
            Some("me".into())
        }
    }

    #[test]
    fn strings() {
        let around = Around::new("strings", &[]);
        for (given, expected) in [
            ("host=a", "dbname='me' host='a' user='me'"),
            (
                r"host = a  port=1 user='o\'x' password=a\ b\\ dbname=''",
                r"dbname='o\'x' host='a' password='a b\\' port='1' user='o\'x'",
            ),
            (
                "postgresql://u:p%40%25:@h/d?sslmode=require&application_name=x",
                "dbname='d' host='h' password='p@%:' sslmode='require' user='u'",
            ),
            (
                "postgres://[::1]:5433,b/d?ssl=true",
                "dbname='d' host='::1,b' port='5433,' sslmode='require' user='me'",
            ),
            (
                "postgresql:///d?host=%2Ftmp%2Fx",
                "dbname='d' host='/tmp/x' user='me'",
            ),
            (
                "host=a gssencmode=disable krbsrvname=x sslcompression=0",
                "dbname='me' gssencmode='disable' host='a' krbsrvname='x' sslcompression='0' user='me'",
            ),
            (
                "host=a nonsense=b",
                "refused: there is no keyword \"nonsense\"",
            ),
            (
                "host=a 'b",
                "refused: a word has no \"=\" behind it (a value with spaces stands in quotes)",
            ),
            ("host='a", "refused: a quote is not closed"),
            (
                "host=a sslcrl=x",
                "refused: this program does not have sslcrl: leave it out",
            ),
            (
                "postgresql://h/d%2",
                "refused: a % in the URI has not two digits behind it (% itself is %25)",
            ),
            (
                "two words",
                "refused: it is neither keywords with values, nor a URI, nor the name of a service",
            ),
        ] {
            assert_eq!(around.said(given), expected, "{given}");
        }
    }

    #[test]
    fn environment() {
        let around = Around::new(
            "environment",
            &[
                ("PGHOST", "h"),
                ("PGHOSTADDR", "10.0.0.1"),
                ("PGPORT", "1"),
                ("PGUSER", "u"),
                ("PGPASSWORD", "p"),
                ("PGSSLMODE", "require"),
            ],
        );
        assert_eq!(
            around.said(""),
            "dbname='u' host='h' hostaddr='10.0.0.1' password='p' port='1' sslmode='require' user='u'"
        );
        assert_eq!(
            around.said("host=a port=2 dbname=d password=q"),
            "dbname='d' host='a' password='q' port='2' sslmode='require' user='u'"
        );
    }

    #[test]
    fn services() {
        let around = Around::new("services", &[("PGPORT", "9")]);
        around.write(
            ".pg_service.conf",
            "# comment\n[other]\nhost=x\n\n[mine]\nhost=h\nport=1\nport=2\ndbname=d\n[bad]\nservice=mine\n[worse]\nnonsense=1\n",
            0o644,
        );
        std::fs::create_dir(around.home.join("system")).expect("a directory");
        around.write("system/pg_service.conf", "[system]\nhost=s\n", 0o644);
        assert_eq!(
            around.said("mine"),
            "dbname='d' host='h' port='1' user='me'"
        );
        assert_eq!(
            around.said("service=mine host=a"),
            "dbname='d' host='a' port='1' user='me'"
        );
        assert_eq!(
            around.said("postgresql:///e?service=mine"),
            "dbname='e' host='h' port='1' user='me'"
        );
        assert_eq!(
            around.said("system"),
            "dbname='me' host='s' port='9' user='me'"
        );
        assert!(around.said("none").contains("service none is in none of"));
        assert!(
            around
                .said("bad")
                .contains("line 11: a service names no other one")
        );
        assert!(
            around
                .said("worse")
                .contains("line 13: there is no keyword")
        );
        let by_variable = Around::new("services_variable", &[("PGSERVICE", "mine")]);
        by_variable.write(".pg_service.conf", "[mine]\nhost=h\n", 0o644);
        assert_eq!(by_variable.said(""), "dbname='me' host='h' user='me'");
    }

    #[test]
    fn passfile() {
        let around = Around::new("passfile", &[]);
        let text =
            "# a:1:d:me:no\nb:1:d:me\nb:*:*:me:one\na:2:d:me:t\\:w\\\\o:x\n*:5432:other:me:three\n";
        around.write(".pgpass", text, 0o600);
        let password = |connection: &str| {
            let parameters = around.read(connection).expect("parameters");
            parameters.get("password").map(str::to_owned)
        };
        assert_eq!(password("host=a port=1 dbname=d"), None);
        assert_eq!(password("host=b port=1 dbname=d").as_deref(), Some("one"));
        assert_eq!(
            password("host=a port=2 dbname=d").as_deref(),
            Some("t:w\\o:x")
        );
        assert_eq!(
            password("host=a port=2 dbname=d password=x").as_deref(),
            Some("x")
        );
        let of_d = around.read("host=b dbname=d").expect("parameters");
        assert_eq!(
            of_d.with_database("other").get("password"),
            Some("one"),
            "the first line counts"
        );
        let of_other = around.read("host=q dbname=other").expect("parameters");
        assert_eq!(of_other.get("password"), Some("three"));
        assert_eq!(of_other.with_database("d").get("password"), None);
        around.write(".pgpass", text, 0o640);
        let refused = around.read("host=b dbname=d").expect("parameters");
        assert_eq!(refused.get("password"), None);
        assert!(
            refused
                .passfile_refused
                .is_some_and(|why| why.contains("chmod 600"))
        );
        around.write("own", "b:*:*:*:own", 0o600);
        let own = format!("host=b passfile={}", around.home.join("own").display());
        assert_eq!(password(&own).as_deref(), Some("own"));
    }

    #[test]
    fn library() {
        let around = Around::new("library", &[]);
        let read = |connection: &str| around.read(connection).expect("parameters");
        let given = read(
            "hostaddr=10.0.0.1 tcp_user_timeout=1500 keepalives_count=3 target_session_attrs=primary \
             krbsrvname=x sslmode=verify-full",
        );
        assert_eq!(
            given.for_library("require").as_deref(),
            Ok(
                "dbname='me' hostaddr='10.0.0.1' keepalives_retries='3' target_session_attrs='read-write' \
                tcp_user_timeout='2' user='me' host='10.0.0.1' sslmode='require'"
            )
        );
        assert!(!given.is_local());
        assert!(read("host=/tmp/x").is_local() && !read("host=/tmp/x,b").is_local());
    }
}
