//! Why a subscription stands still: `dts_ddl.stops()`.
//!
//! What a worker wrote is rolled back with its error, a sequence holds numbers only, and who looks may not read the server log.
//! So the last error of each worker is kept in a file beside PostgreSQL's own temporary statistics (`pg_stat_tmp`, which a
//! server empties after a crash; a worker that stands still writes it anew with each try). It counts as long as the worker has
//! got no further: an error in a transaction until a later one of the source is committed here, or has passed a running worker
//! without a row for this server, a lost connection until a worker runs again, a copy's until the table is ready.
//! Not promised: what only a standby of this server could be asked for.

use super::recorded::Command;
use crate::error::{Failure, shown, sqlstate_of};
use crate::pg::catalog::role::{self, Role};
use crate::pg::catalog::spi;
use crate::pg::hooks::handlers::WorkerError;
use crate::pg::hooks::worker_error;
use crate::pg::runtime::{session, text};
use crate::pg::store::table;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{fs, process};

const DIRECTORY: &str = "pg_stat_tmp";
const PREFIX: &str = "dts_ddl_capture.";
/// A leader's error follows that of its parallel worker, which has the reason.
const MICROSECONDS_BEHIND: i64 = 10_000_000;

thread_local! {
    /// The command that is being tried.
    static TRIED: RefCell<Option<Tried>> = const { RefCell::new(None) };
}

#[derive(Serialize, Deserialize, Clone)]
struct Tried {
    id: i64,
    tag: String,
    role: String,
    ddl_text: String,
}

/// Why a worker has ended.
#[derive(Serialize, Deserialize)]
pub struct Stop {
    #[serde(skip)]
    pub subscription: String,
    table: u32,
    parallel: bool,
    position: Option<i64>,
    received: Option<i64>,
    applying: bool,
    /// When it failed for the first and for the last time, as a timestamptz, and how often.
    pub since: i64,
    pub last: i64,
    pub failures: i64,
    tried: Option<Tried>,
    pub sqlstate: String,
    pub error: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
    pub context: Option<String>,
}

impl Stop {
    /// The command at which it failed.
    pub fn id(&self) -> Option<i64> {
        self.tried.as_ref().map(|tried| tried.id)
    }

    /// Its tag, its role, and the beginning of its text.
    pub fn command(&self) -> Option<[&str; 3]> {
        let tried = self.tried.as_ref()?;
        Some([&tried.tag, &tried.role, &tried.ddl_text])
    }

    /// The table that is being copied.
    pub fn table(&self) -> Option<u32> {
        (self.table != 0).then_some(self.table)
    }

    fn is_of_same_try(&self, other: &Stop) -> bool {
        self.table == other.table
            && self.position == other.position
            && self.applying == other.applying
            && self.id() == other.id()
            && (self.id().is_some() || self.error == other.error)
    }

    /// Whether a worker that runs has received more than this one.
    fn is_passed(&self, received: Option<i64>) -> bool {
        self.received.is_some_and(|own| received > Some(own))
    }
}

/// A command is about to be tried.
pub fn begins(command: &Command) {
    let tried = Tried {
        id: command.id,
        tag: command.tag.clone(),
        role: command.username.clone(),
        ddl_text: shown(&command.statement),
    };
    TRIED.with_borrow_mut(|slot| *slot = Some(tried));
    worker_error::note_position();
}

/// It was run, or is left out.
pub fn is_over() {
    TRIED.with_borrow_mut(Option::take);
}

fn path(database: u32, subscription: u32, table: u32) -> PathBuf {
    PathBuf::from(DIRECTORY).join(format!("{PREFIX}{database}.{subscription}.{table}"))
}

fn read(path: &PathBuf) -> Option<Stop> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// A worker ends with an error. What cannot be written is not known, no more.
pub fn note(error: &WorkerError) {
    let path = path(error.database, error.subscription, error.table);
    let now = session::now();
    let before = read(&path);
    let is_leader_behind =
        |before: &Stop| before.parallel && now - before.last < MICROSECONDS_BEHIND;
    if !error.parallel && before.as_ref().is_some_and(is_leader_behind) {
        return;
    }
    let mut stop = Stop {
        subscription: String::new(),
        table: error.table,
        parallel: error.parallel,
        position: error.position,
        received: error.received,
        applying: error.applying,
        since: now,
        last: now,
        failures: 1,
        tried: TRIED.with_borrow(Clone::clone).filter(|_| error.applying),
        sqlstate: sqlstate_of(error.code),
        error: error.message.clone(),
        detail: error.detail.clone(),
        hint: error.hint.clone(),
        context: error.context.clone(),
    };
    if let Some(before) = before.filter(|before| before.is_of_same_try(&stop)) {
        stop.since = before.since;
        stop.failures = before.failures.saturating_add(1);
    }
    let Ok(document) = serde_json::to_vec(&stop) else {
        return;
    };
    let new = path.with_extension(format!("{}.new.{}", stop.table, process::id()));
    if fs::write(&new, document).is_err() || fs::rename(&new, &path).is_err() {
        let _ = fs::remove_file(&new);
    }
}

/// The extension is gone from this database.
pub fn forget_all(database: u32) {
    for (path, ..) in files(database) {
        let _ = fs::remove_file(path);
    }
}

/// Of this database: file, subscription, table.
fn files(database: u32) -> Vec<(PathBuf, u32, u32)> {
    let start = format!("{PREFIX}{database}.");
    let entries = fs::read_dir(DIRECTORY).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let (subscription, table) = name.strip_prefix(&start)?.split_once('.')?;
            Some((
                entry.path(),
                subscription.parse().ok()?,
                table.parse().ok()?,
            ))
        })
        .collect()
}

/// Where a subscription stands.
struct Standing {
    name: String,
    position: Option<i64>,
    received: Option<i64>,
    is_running: bool,
}

const STANDINGS: &str = "SELECT s.oid::text, s.subname::text, (o.remote_lsn OPERATOR(pg_catalog.-) '0/0'::pg_lsn)::bigint::text, w.pid::text,
        (w.received_lsn OPERATOR(pg_catalog.-) '0/0'::pg_lsn)::bigint::text
      FROM pg_catalog.pg_subscription s
      JOIN pg_catalog.pg_database d ON d.oid = s.subdbid AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
      LEFT JOIN pg_catalog.pg_replication_origin_status o ON o.external_id OPERATOR(pg_catalog.=) pg_catalog.concat('pg_', s.oid)
      LEFT JOIN pg_catalog.pg_stat_subscription w ON w.subid = s.oid AND w.relid IS NULL AND w.pid IS NOT NULL";

const UNREADY: &str = "SELECT r.srsubid::text, r.srrelid::text FROM pg_catalog.pg_subscription_rel r WHERE r.srsubstate NOT IN ('r', 's')";

/// All that stand still now.
pub fn all() -> Result<Vec<Stop>, Failure> {
    let owner = Role::of_extension(table::EXTENSION).ok_or_else(Failure::table_missing)?;
    role::with_rights_of(owner, || {
        let mut standings = BTreeMap::new();
        for row in spi::read_texts(STANDINGS, &[])? {
            let Some(subscription) = spi::number::<u32>(&row, 0) else {
                continue;
            };
            let standing = Standing {
                name: text::decode(row[1].as_deref().unwrap_or_default()),
                position: spi::number(&row, 2),
                received: spi::number(&row, 4),
                is_running: row[3].is_some(),
            };
            standings.insert(subscription, standing);
        }
        let unready = spi::read_texts(UNREADY, &[])?;
        let is_unready = |subscription: u32, table: u32| {
            unready.iter().any(|row| {
                spi::number(row, 0) == Some(subscription) && spi::number(row, 1) == Some(table)
            })
        };
        let mut stops = Vec::new();
        for (path, subscription, table) in files(session::database_id()) {
            let stop = read(&path).and_then(|stop| {
                let standing = standings.get(&subscription)?;
                let stands = if table != 0 {
                    is_unready(subscription, table)
                } else if stop.applying {
                    stop.position == standing.position
                } else {
                    !standing.is_running
                };
                let subscription = standing.name.clone();
                stands.then_some(Stop {
                    subscription,
                    ..stop
                })
            });
            let Some(stop) = stop else {
                let _ = fs::remove_file(path);
                continue;
            };
            // A try that takes long may have received as much: the next error has to know since when it fails.
            if table != 0 || !stop.is_passed(standings[&subscription].received) {
                stops.push(stop);
            }
        }
        stops.sort_by_key(|stop| stop.since);
        Ok(stops)
    })
}
