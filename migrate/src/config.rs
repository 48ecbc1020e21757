//! What the subcommands are told: by the command line, else by the environment (SRC, DST), else by a TOML file, which is
//! `--config FILE`, or dts-migrate.toml where the program runs. No password may be in that file.
//!
//! And PostgreSQL's own programs, of which some are run.

use crate::problem::Problem;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The file. A key that is not here is an error, so that one misspelt is not passed over.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Connection string, URI or service.
    pub source: Option<String>,
    pub target: Option<String>,
    /// Of the migration: publication, slot and subscription are called so.
    pub name: Option<String>,
    pub jobs: Option<u16>,
    /// Directory of PostgreSQL's programs.
    pub pg_bin: Option<PathBuf>,
    /// All who may run DDL on the source may do on the target whatever the subscription's owner may.
    pub trust_source: Option<bool>,
    pub log: Option<PathBuf>,
    /// Tables above so many bytes are copied in parts.
    pub part_bytes: Option<u64>,
    pub max_downtime: Option<u64>,
}

pub const DEFAULT_FILE: &str = "dts-migrate.toml";

/// Of this file, or of the default one if there is one.
pub fn load(path: Option<&Path>) -> Result<Config, Problem> {
    let file = path.unwrap_or(Path::new(DEFAULT_FILE));
    match std::fs::read_to_string(file) {
        Ok(text) => read(&text, file),
        Err(error) if path.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            Ok(Config::default())
        }
        Err(error) => Err(Problem::new(
            format!("{} cannot be read: {error}", file.display()),
            "give another file by --config FILE, or all by the command line",
        )),
    }
}

fn read(text: &str, file: &Path) -> Result<Config, Problem> {
    let config: Config = toml::from_str(text).map_err(|error| {
        // not the library's text, which shows the line
        let at = error.span().map_or(String::new(), |span| {
            format!(", line {}", text[..span.start.min(text.len())].matches('\n').count() + 1)
        });
        Problem::new(
            format!("{}{at}: {}", file.display(), error.message()),
            "its keys are source, target, name, jobs, pg_bin, trust_source, log, part_bytes and max_downtime, as key = value",
        )
    })?;
    for (key, connection) in [("source", &config.source), ("target", &config.target)] {
        if connection.as_deref().is_some_and(has_password) {
            return Err(Problem::new(
                format!("{}: {key} has a password in it", file.display()),
                "take it out, and put it into ~/.pgpass (chmod 600), a service (~/.pg_service.conf) or PGPASSWORD",
            ));
        }
    }
    Ok(config)
}

/// Whether the string itself has one, in whatever form.
fn has_password(connection: &str) -> bool {
    crate::connection::given_keywords(connection)
        .iter()
        .any(|keyword| keyword.contains("password"))
}

impl Config {
    /// Source and target, where the command line or the environment do not say them.
    pub fn connection<'a>(
        &'a self,
        given: Option<&'a str>,
        side: crate::connection::Side,
    ) -> Result<&'a str, Problem> {
        use crate::connection::Side;
        let (of_file, what, variable) = match side {
            Side::Source => (&self.source, "source", "SRC"),
            Side::Destination => (&self.target, "target", "DST"),
        };
        given
            .filter(|text| !text.is_empty())
            .or(of_file.as_deref())
            .ok_or_else(|| {
                Problem::new(
                    format!("it is not said what the {what} is"),
                    format!(
                        "give both connection strings as SOURCE TARGET, or set {variable}, or write {what} = \"..\" into \
                         {DEFAULT_FILE}"
                    ),
                )
            })
    }
}

/// PostgreSQL's programs of one major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    pub major: u32,
    /// None: as PATH has them.
    directory: Option<PathBuf>,
}

impl Programs {
    /// What to run, to be given to [`crate::connection::Server::program`].
    pub fn path(&self, name: &str) -> String {
        match &self.directory {
            Some(directory) => directory.join(name).display().to_string(),
            None => name.to_owned(),
        }
    }

    fn of(directory: Option<PathBuf>) -> Option<Self> {
        let mut programs = Self {
            major: 0,
            directory,
        };
        for name in ["pg_dump", "pg_restore", "psql"] {
            let major = major_of(&programs.path(name))?;
            programs.major = if programs.major == 0 {
                major
            } else {
                programs.major.min(major)
            };
        }
        Some(programs)
    }
}

fn major_of(program: &str) -> Option<u32> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let version = String::from_utf8_lossy(&output.stdout);
    let number = version
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// pg_dump, pg_restore and psql of this major or a newer one: of the directory, which then must have them; else those of
/// PATH; else the newest that lie where packages put them.
pub fn programs(pg_bin: Option<&Path>, at_least_major: u32) -> Result<Programs, Problem> {
    let install = format!(
        "install them (Debian: apt install postgresql-client-{0}; RHEL: dnf install postgresql{0}), or say where they are by \
         --pg-bin DIRECTORY",
        at_least_major
    );
    let wanted = |what: String| Problem::new(what, install.clone());
    if let Some(directory) = pg_bin {
        return match Programs::of(Some(directory.to_owned())) {
            Some(programs) if programs.major >= at_least_major => Ok(programs),
            Some(programs) => Err(wanted(format!(
                "the programs in {} are of PostgreSQL {}: {at_least_major} or newer is needed",
                directory.display(),
                programs.major
            ))),
            None => Err(wanted(format!(
                "{} has not all of pg_dump, pg_restore and psql",
                directory.display()
            ))),
        };
    }
    let mut seen = Vec::new();
    let mut places = vec![None];
    places.extend(installed().into_iter().map(Some));
    for place in places {
        match Programs::of(place) {
            Some(programs) if programs.major >= at_least_major => return Ok(programs),
            Some(programs) => seen.push(programs.major.to_string()),
            None => {}
        }
    }
    seen.dedup();
    let found = if seen.is_empty() {
        "none is found".to_owned()
    } else {
        format!("only those of {} are found", seen.join(", "))
    };
    Err(wanted(format!(
        "pg_dump, pg_restore and psql of PostgreSQL {at_least_major} or newer are needed, and {found}"
    )))
}

/// Where packages of Debian and of the PGDG put them, the newest first.
fn installed() -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for (parent, prefix) in [("/usr/lib/postgresql", ""), ("/usr", "pgsql-")] {
        for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(major) = name
                .strip_prefix(prefix)
                .and_then(|major| major.parse().ok())
            {
                found.push((major, entry.path().join("bin")));
            }
        }
    }
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Side;

    fn of(text: &str) -> Result<Config, String> {
        read(text, Path::new("f.toml")).map_err(|problem| problem.to_string())
    }

    #[test]
    fn files() {
        let config = of(
            "source = \"postgresql://me@h/d\"\ntarget = \"new\"\njobs = 4\ntrust_source = true\n",
        )
        .expect("a file");
        assert_eq!(
            (config.jobs, config.trust_source, config.name),
            (Some(4), Some(true), None)
        );
        assert!(
            of("sauce = \"x\"").is_err_and(|why| why.contains("line 1: unknown field `sauce`"))
        );
        assert!(
            of("jobs = 1\njobs = \"secret\"")
                .is_err_and(|why| why.contains("line 2") && !why.contains("secret"))
        );
        for with_password in [
            "host=h password=secret",
            "postgresql://me:secret@h/d",
            "postgresql://h/d?password=secret",
            "host=h sslpassword=secret",
        ] {
            let said = of(&format!("target = \"{with_password}\"")).expect_err("refused");
            assert!(
                said.contains("target has a password")
                    && said.contains("~/.pgpass")
                    && !said.contains("secret"),
                "{said}"
            );
        }
    }

    #[test]
    fn which_connection() {
        let config = Config {
            source: Some("a".into()),
            ..Config::default()
        };
        assert_eq!(config.connection(Some("b"), Side::Source).ok(), Some("b"));
        assert_eq!(config.connection(None, Side::Source).ok(), Some("a"));
        let missing = config
            .connection(None, Side::Destination)
            .expect_err("none")
            .to_string();
        assert!(
            missing.contains("target") && missing.contains("DST"),
            "{missing}"
        );
    }

    #[test]
    fn which_programs() {
        use std::os::unix::fs::PermissionsExt;
        let directory =
            std::env::temp_dir().join(format!("dts_migrate_programs_{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let said = |major| programs(Some(&directory), major).map_err(|problem| problem.to_string());
        assert!(said(15).is_err_and(
            |why| why.contains("has not all of") && why.contains("postgresql-client-15")
        ));
        for (name, version) in [
            ("pg_dump", "16.3"),
            ("pg_restore", "16.3"),
            ("psql", "17beta1 (Debian)"),
        ] {
            let path = directory.join(name);
            std::fs::write(
                &path,
                format!("#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n"),
            )
            .expect("a program");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
                .expect("its mode");
        }
        let found = said(15).expect("programs");
        assert_eq!(found.major, 16);
        assert_eq!(
            found.path("psql"),
            directory.join("psql").display().to_string()
        );
        assert!(said(17).is_err_and(|why| why.contains("PostgreSQL 16: 17 or newer")));
        std::fs::remove_dir_all(&directory).expect("the directory");
    }
}
