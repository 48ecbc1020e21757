//! `dts-migrate check`: what can be known before a migration begins, the worst first, each with what mends it.
//!
//! It reads catalogs and statistics of both servers and measures the connections; it writes nothing, takes no lock but
//! those of a query of the catalogs, and calls nobody's code, but for `dts_ddl.check()` where that is the extension's own
//! C function. What a role may not see is said to be unseen; nothing is guessed to be right.

mod contents;
mod editions;
pub mod report;
mod servers;
mod size;

use crate::connection::{Row, Server, Session};
use crate::problem::{Problem, words};
use report::{Finding, Report};
use std::path::PathBuf;

#[derive(Clone, Debug)]
pub struct Options {
    pub trust_source: bool,
    pub jobs: u16,
    pub pg_bin: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            trust_source: false,
            jobs: 4,
            pg_bin: None,
        }
    }
}

/// Both sides, as they are looked at.
struct Look<'a> {
    options: &'a Options,
    source_server: &'a Server,
    target_server: &'a Server,
    source: Session,
    /// In another database where the target's is not there.
    target: Session,
    target_exists: bool,
}

type Found = Result<Vec<Finding>, postgres::Error>;
type Find = fn(&mut Look) -> Found;

/// In the order of what is worst where it is wrong.
const SUBJECTS: &[(&str, Find)] = &[
    ("databases", servers::databases),
    ("versions", servers::versions),
    ("programs", servers::programs),
    ("rights", servers::rights),
    ("extension", editions::source),
    ("apply", editions::target),
    ("writers", editions::writers),
    ("wal_level", servers::wal_level),
    ("slots", servers::slots),
    ("workers", servers::workers),
    ("empty", servers::is_empty),
    ("own schema", servers::own_schema),
    ("encoding", servers::encoding),
    ("extensions", servers::extensions),
    ("tablespaces", servers::tablespaces),
    ("roles", servers::roles),
    ("locks", size::locks),
    ("disk", size::disk),
    ("transactions", contents::transactions),
    ("keys", contents::keys),
    ("triggers", contents::triggers),
    ("dts_ddl.check()", editions::own_check),
    ("collations", servers::collations),
    ("wal kept", servers::wal_kept),
    ("rows", contents::rows_that_stay),
    ("replication", contents::replication),
    ("event triggers", contents::event_triggers),
    ("later", contents::later),
    ("size", size::size),
    ("network", size::network),
];

pub fn check(source: &Server, target: &Server, options: &Options) -> Result<Report, Problem> {
    let there = target.connect_if_there()?;
    let target_exists = there.is_some();
    let of_target = match there {
        Some(session) => session,
        // the database that nearly every server has, and the one that every server has
        None => match target.with_database("postgres").connect_if_there()? {
            Some(session) => session,
            None => target.with_database("template1").connect()?,
        },
    };
    let mut look = Look {
        options,
        source_server: source,
        target_server: target,
        source: source.connect()?,
        target: of_target,
        target_exists,
    };
    let mut findings = Vec::new();
    for (subject, find) in SUBJECTS {
        match find(&mut look) {
            Ok(found) => findings.extend(found),
            Err(error) if look.source.is_closed() || look.target.is_closed() => {
                return Err(Problem::new(
                    format!(
                        "the connection broke while {subject} was looked at: {}",
                        words(&error)
                    ),
                    "repeat when both servers are up",
                ));
            }
            Err(error) => findings.push(Finding::decide(
                subject,
                format!("could not be seen: {}", words(&error)),
                "connect as a superuser, or as a member of pg_monitor",
            )),
        }
    }
    findings.sort_by_key(|finding| finding.level);
    let about = |session: &mut Session, server: &Server, more: &str| -> Result<String, Problem> {
        let version = session.ask("SELECT current_setting('server_version')")?;
        let version = version[0]
            .text(0)
            .split(' ')
            .next()
            .unwrap_or_default()
            .to_owned();
        Ok(format!(
            "{}/{}, PostgreSQL {version}{more}",
            server.host_and_port_text(),
            server.dbname()
        ))
    };
    let more = if target_exists {
        ""
    } else {
        ", database to be made"
    };
    let facts = size::in_words(&mut look.source);
    Ok(Report {
        source: about(&mut look.source, source, &facts)?,
        target: about(&mut look.target, target, more)?,
        findings,
    })
}

/// The first column.
fn names(rows: &[Row]) -> Vec<String> {
    rows.iter().map(|row| row.text(0).to_owned()).collect()
}

/// A setting of the server, as a number. None where the role may not see it.
fn setting(session: &mut Session, name: &str) -> Result<Option<String>, postgres::Error> {
    let rows = session.rows(&format!(
        "SELECT setting FROM pg_settings WHERE name = {}",
        crate::connection::literal(name)
    ))?;
    Ok(rows.first().map(|row| row.text(0).to_owned()))
}

fn number(session: &mut Session, name: &str) -> Result<Option<i64>, postgres::Error> {
    Ok(setting(session, name)?.and_then(|text| text.parse().ok()))
}

/// Relations `c` in schemas `n` that are somebody's, and neither the system's nor of this extension.
const OF_USERS: &str = "c.oid >= 16384 AND n.oid = c.relnamespace AND n.nspname <> 'information_schema'
    AND n.nspname !~ '^(pg_|(dts_ddl|dts_ddl_portable|dts_ddl_apply|dts_migrate)$)'
    AND NOT (n.nspname = 'public' AND c.relname IN ('dts_ddl_command', 'dts_ddl_command_pkey', 'dts_ddl_command_id_seq'))";
