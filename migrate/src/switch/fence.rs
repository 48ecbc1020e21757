//! The fence around the source's database: users out, and proof that nobody writes.
//!
//! `CONNECTION LIMIT 0` keeps all out but superusers, `default_transaction_read_only` makes their new sessions ask for it when
//! they want to write, and whoever is connected is ended. How it was before is in the record before anything is changed, so
//! that whoever comes after a crash can take the fence away ([`undo`]).
//!
//! Relied on: a superuser is not counted against the limit, but counts (`CountDBConnections`), and so does a walsender of this
//! database; so the limit is what those need where the subscription connects as somebody else. A connection of the
//! replication protocol can run SQL: a walsender is left alone only while it has a slot.

use crate::connection::{Session, identifier, literal};
use crate::interrupt;
use crate::problem::Problem;
use crate::record::Record;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

pub const KIND: &str = "fence";

/// How it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    pub connection_limit: i64,
    /// `default_transaction_read_only` of the database, if it has such a setting.
    pub read_only: Option<String>,
}

impl Before {
    pub fn read(session: &mut Session) -> Result<Self, Problem> {
        let rows = session.ask(
            "SELECT d.datconnlimit, (SELECT substr(c, strpos(c, '=') + 1) FROM pg_db_role_setting s, unnest(s.setconfig) AS c
               WHERE s.setdatabase = d.oid AND s.setrole = 0 AND split_part(c, '=', 1) = 'default_transaction_read_only')
             FROM pg_database d WHERE d.datname = current_database()",
        )?;
        Ok(Self {
            connection_limit: rows[0].number(0),
            read_only: rows[0].get(1).map(str::to_owned),
        })
    }

    pub fn of(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or(Self {
                connection_limit: -1,
                read_only: None,
            })
    }

    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Each a command that can be pasted.
    pub fn commands(&self, database: &str) -> [String; 2] {
        let database = identifier(database);
        let read_only = match &self.read_only {
            None => format!("ALTER DATABASE {database} RESET default_transaction_read_only"),
            Some(value) => format!(
                "ALTER DATABASE {database} SET default_transaction_read_only = {}",
                literal(value)
            ),
        };
        [
            format!(
                "ALTER DATABASE {database} CONNECTION LIMIT {}",
                self.connection_limit
            ),
            read_only,
        ]
    }
}

/// Where the fence is said to be: the database, and how it was.
pub fn known(record: &mut Record, side: &str) -> Result<Option<(i64, String, Before)>, Problem> {
    let made = record.all_made()?;
    let fence = made
        .into_iter()
        .find(|made| made.kind == KIND && made.side == side);
    Ok(fence.map(|made| (made.id, made.object, Before::of(made.before.as_deref()))))
}

/// Takes it away. `session`: any of that server.
pub fn undo(session: &mut Session, record: &mut Record, side: &str) -> Result<bool, Problem> {
    let Some((id, database, before)) = known(record, side)? else {
        return Ok(false);
    };
    session.run(&before.commands(&database).join(";"))?;
    record.unmade(id)?;
    Ok(true)
}

/// Somebody who is connected to the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    pub pid: String,
    pub kind: String,
    pub user: String,
    pub application: String,
    pub address: String,
}

impl Other {
    /// Can be told to go; a background worker comes again.
    pub fn is_user(&self) -> bool {
        matches!(
            self.kind.as_str(),
            "client backend" | "walsender" | "parallel worker"
        )
    }

    pub fn words(&self) -> String {
        format!("process {} ({}, {})", self.pid, self.kind, self.who())
    }

    fn who(&self) -> String {
        let name = |text: &str, none: &str| {
            if text.is_empty() {
                none.to_owned()
            } else {
                text.to_owned()
            }
        };
        format!(
            "{} / {}",
            name(&self.user, "no user"),
            name(&self.application, "no application name")
        )
    }
}

pub struct Fence {
    pub database: String,
    pub before: Before,
    /// Where the walsender needs it.
    pub limit: u64,
    /// Of the user that the subscription connects as, where it is no superuser.
    pub walsender: Option<String>,
    /// What lists the others.
    query: String,
}

/// Where everything that was committed before is in front of, and how many transactions had begun then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub transactions: String,
}

impl Fence {
    /// Nothing is changed yet. `own`: the processes of this program.
    pub fn new(source: &mut Session, slot: &str, own: &[String]) -> Result<Self, Problem> {
        let rows = source.ask(&format!(
            "SELECT current_database(), (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
               (SELECT r.usename FROM pg_stat_replication r JOIN pg_replication_slots s ON s.active_pid = r.pid
                 JOIN pg_roles o ON o.rolname = r.usename WHERE s.slot_name = {} AND NOT o.rolsuper),
               (SELECT count(*) FROM pg_replication_slots s WHERE s.database = current_database() AND s.active_pid IS NOT NULL)",
            literal(slot)
        ))?;
        if !rows[0].is_true(1) {
            return Err(Problem::new(
                "the role on the source is no superuser: it cannot keep users out and come in itself",
                "connect to the source as a superuser; nothing was changed",
            ));
        }
        let walsender = rows[0].get(2).map(str::to_owned);
        let limit = if walsender.is_some() {
            own.len() as u64 + rows[0].number::<u64>(3)
        } else {
            0
        };
        Ok(Self {
            database: rows[0].text(0).to_owned(),
            before: Before::read(source)?,
            limit,
            walsender,
            query: format!(
                "SELECT a.pid, a.backend_type, coalesce(a.usename, ''), coalesce(a.application_name, ''), \
                 coalesce(host(a.client_addr), 'local')
                 FROM pg_stat_activity a WHERE a.datname = current_database() AND a.pid NOT IN ({})
                   AND a.backend_type NOT IN ('autovacuum worker', 'slotsync worker', 'logical replication launcher')
                   AND NOT (a.backend_type = 'walsender' AND EXISTS (SELECT FROM pg_replication_slots s WHERE \
                    s.active_pid = a.pid))",
                own.join(", ")
            ),
        })
    }

    pub fn others(&self, source: &mut Session) -> Result<Vec<Other>, Problem> {
        let rows = source.ask(&self.query)?;
        Ok(rows
            .iter()
            .map(|row| Other {
                pid: row.text(0).to_owned(),
                kind: row.text(1).to_owned(),
                user: row.text(2).to_owned(),
                application: row.text(3).to_owned(),
                address: row.text(4).to_owned(),
            })
            .collect())
    }

    /// Nobody can be told to go who would only come again, and nothing waits that can be committed later.
    pub fn require_possible(&self, source: &mut Session) -> Result<(), Problem> {
        let others = self.others(source)?;
        let workers: Vec<String> = others
            .iter()
            .filter(|other| !other.is_user())
            .map(Other::words)
            .collect();
        if !workers.is_empty() {
            return Err(Problem::new(
                format!(
                    "background workers are connected to the source's database, and could write: {}",
                    workers.join(", ")
                ),
                "stop them first (a subscription of the source: ALTER SUBSCRIPTION .. DISABLE; a scheduler: its own setting)",
            ));
        }
        let prepared = source.ask(
            "SELECT gid, owner FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared LIMIT 5",
        )?;
        if !prepared.is_empty() {
            let list: Vec<String> = prepared
                .iter()
                .map(|row| format!("{} of {}", literal(row.text(0)), row.text(1)))
                .collect();
            return Err(Problem::new(
                format!(
                    "the source's database has prepared transactions, which would be committed on one side only: {}",
                    list.join(", ")
                ),
                "COMMIT PREPARED or ROLLBACK PREPARED each of them on the source",
            ));
        }
        Ok(())
    }

    /// The gate closes, and whoever is inside is told to go.
    pub fn close(&self, source: &mut Session) -> Result<(), Problem> {
        let database = identifier(&self.database);
        source.run(&format!(
            "ALTER DATABASE {database} CONNECTION LIMIT {}; ALTER DATABASE {database} SET default_transaction_read_only = on",
            self.limit
        ))?;
        source.run(&self.ending())
    }

    fn ending(&self) -> String {
        format!(
            "SELECT pg_terminate_backend(o.pid) FROM ({}) o(pid, kind) WHERE o.kind IN ('client backend', 'walsender')",
            self.query
        )
    }

    /// Until nobody is inside any more.
    pub fn empty(
        &self,
        source: &mut Session,
        mut give_up: impl FnMut() -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let end = Instant::now() + Duration::from_secs(15);
        let mut pause = Duration::from_millis(2);
        loop {
            let others = self.others(source)?;
            if others.is_empty() {
                return Ok(());
            }
            interrupt::check()?;
            give_up()?;
            let words: Vec<String> = others.iter().map(Other::words).collect();
            if others.iter().all(|other| !other.is_user()) || Instant::now() > end {
                return Err(Problem::new(
                    format!(
                        "somebody is still connected to the source's database: {}",
                        words.join(", ")
                    ),
                    "end what connects there again and again, or hangs, then dts-migrate switch again",
                ));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
            source.run(&self.ending())?;
        }
    }

    /// The last transaction of this database, which is flushed, so that what was committed asynchronously is sent at once.
    pub fn mark(&self, source: &mut Session) -> Result<Mark, Problem> {
        source.run("SELECT pg_logical_emit_message(true, 'dts_migrate', 'fence')")?;
        self.seen(source)
    }

    /// Transactions of the whole server that have begun: as long as it is the same, nothing at all was written.
    pub fn seen(&self, source: &mut Session) -> Result<Mark, Problem> {
        let rows = source.ask("SELECT pg_snapshot_xmax(pg_current_snapshot())")?;
        Ok(Mark {
            transactions: rows[0].text(0).to_owned(),
        })
    }

    /// For who is asked.
    pub fn who(others: &[Other]) -> Vec<String> {
        let mut counts: std::collections::BTreeMap<String, usize> =
            std::collections::BTreeMap::new();
        for other in others.iter().filter(|other| other.is_user()) {
            *counts.entry(other.who()).or_default() += 1;
        }
        let mut list: Vec<(String, usize)> = counts.into_iter().collect();
        list.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        list.into_iter()
            .map(|(who, count)| format!("{count} of {who}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_it_was() {
        let before = Before {
            connection_limit: 40,
            read_only: Some("off".to_owned()),
        };
        assert_eq!(Before::of(Some(&before.text())), before);
        assert_eq!(
            before.commands("a\"b"),
            [
                "ALTER DATABASE \"a\"\"b\" CONNECTION LIMIT 40",
                "ALTER DATABASE \"a\"\"b\" SET default_transaction_read_only = 'off'"
            ]
        );
        // a record that cannot be read does not keep users out for ever
        assert_eq!(Before::of(Some("?")).connection_limit, -1);
        assert!(Before::of(None).commands("d")[1].ends_with("RESET default_transaction_read_only"));
    }

    #[test]
    fn who_is_ended() {
        let other = |pid: &str, kind: &str, user: &str, application: &str| Other {
            pid: pid.to_owned(),
            kind: kind.to_owned(),
            user: user.to_owned(),
            application: application.to_owned(),
            address: "local".to_owned(),
        };
        let others = [
            other("1", "client backend", "app", "web"),
            other("2", "client backend", "app", "web"),
            other("3", "client backend", "bob", ""),
            other("4", "pg_cron launcher", "", ""),
        ];
        assert_eq!(
            Fence::who(&others),
            ["2 of app / web", "1 of bob / no application name"]
        );
        assert!(!others[3].is_user());
    }
}
