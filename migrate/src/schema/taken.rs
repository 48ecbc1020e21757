//! Dumps of running databases, and what differs between them once the stream has passed.
//!
//! pg_dump holds a snapshot and an ACCESS SHARE lock on each table while it reads the catalogs: seconds, in a database
//! with many thousand tables more.

use super::dump::{Comparison, Difference, compare, entries, spelled_alike};
use crate::connection::Server;
use crate::problem::Problem;
use std::process::Stdio;

/// How often a dump is tried while DDL goes on.
const TRIES: u32 = 5;

/// A pg_dump that knows both servers.
pub struct PgDump {
    path: String,
    /// Of the servers.
    majors: [u32; 2],
}

impl PgDump {
    /// `majors` are those of the two servers.
    pub fn new(path: &str, majors: [u32; 2]) -> Result<Self, Problem> {
        let newer = majors[0].max(majors[1]);
        let remedy = format!(
            "give one of PostgreSQL {newer} or newer by --pg-dump PATH, or leave the schema out by --rows-only"
        );
        let output = std::process::Command::new(path)
            .arg("--version")
            .output()
            .map_err(|error| Problem::new(format!("{path} does not start: {error}"), &remedy))?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let major = version
            .split_whitespace()
            .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))
            .and_then(|number| {
                let end = number.find(|c: char| !c.is_ascii_digit());
                number[..end.unwrap_or(number.len())].parse::<u32>().ok()
            });
        match major {
            Some(major) if major >= newer => Ok(Self {
                path: path.to_owned(),
                majors,
            }),
            _ => Err(Problem::new(
                format!(
                    "{path} is too old ({version}): the servers are {} and {}",
                    majors[0], majors[1]
                ),
                remedy,
            )),
        }
    }

    /// What is dropped under pg_dump makes it fail: once more, then.
    fn dump(&self, server: &Server) -> Result<String, Problem> {
        let mut tries = 1;
        loop {
            match self.dump_once(server) {
                Err(problem) if tries < TRIES && problem.what.contains("does not exist") => {
                    tries += 1
                }
                done => return done,
            }
        }
    }

    fn dump_once(&self, server: &Server) -> Result<String, Problem> {
        let output = server
            .program(&self.path)
            .args([
                "--schema-only",
                "--no-publications",
                "--no-subscriptions",
                "--encoding=UTF8",
                "--lock-wait-timeout=10s",
            ])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| Problem::new(format!("{} does not start: {error}", self.path), ""))?;
        if !output.status.success() {
            return Err(Problem::new(
                format!(
                    "pg_dump of the {} failed: {}",
                    server.side.name(),
                    String::from_utf8_lossy(&output.stderr).trim()
                ),
                "repeat the command; leave the schema out by --rows-only",
            ));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Both at the same time.
    pub fn look(&self, servers: [&Server; 2]) -> Result<Comparison, Problem> {
        let [source, destination] = std::thread::scope(|scope| {
            servers
                .map(|server| scope.spawn(|| self.dump(server)))
                .map(|dump| dump.join().expect("a dump does not panic"))
        });
        let (mut source, mut destination) = (entries(&source?), entries(&destination?));
        source.retain(|header, _| !is_own(header));
        destination.retain(|header, _| !is_own(header));
        spelled_alike(&mut source, &mut destination, self.majors);
        Ok(compare(&source, &destination))
    }
}

/// What the portable editions are made of, and the record of a migration. (What belongs to an extension is not dumped.)
fn is_own(header: &str) -> bool {
    [
        "dts_ddl_portable",
        "dts_ddl_apply",
        "dts_ddl_command",
        "dts_capture_ddl(",
        "dts_intercept_",
        "dts_migrate.",
        "SCHEMA -.dts_migrate,",
        "SCHEMA dts_migrate,",
    ]
    .iter()
    .any(|name| header.contains(name))
}

/// What differs for a reason that is known: between majors, whose schema public is, and who may do what there.
pub fn reason(difference: &Difference, majors: [u32; 2]) -> Option<&'static str> {
    let [older, newer] = [majors[0].min(majors[1]), majors[0].max(majors[1])];
    let public = [
        "SCHEMA -.public, ",
        "COMMENT -.SCHEMA public, ",
        "ACL -.SCHEMA public, ",
    ];
    (older < 15 && newer >= 15 && public.iter().any(|item| difference.item.starts_with(item)))
        .then_some("schema public belongs to pg_database_owner from 15 on")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_majors() {
        let difference = |item: &str| Difference {
            item: item.to_owned(),
            details: Vec::new(),
        };
        let public = difference("ACL -.SCHEMA public, postgres: only on the source");
        for (majors, known) in [([14, 18], true), ([18, 13], true), ([15, 18], false)] {
            assert_eq!(reason(&public, majors).is_some(), known, "{majors:?}");
        }
        let other = difference("SCHEMA -.public2, postgres: only on the source");
        assert_eq!(reason(&other, [14, 18]), None);
    }
}
