//! On the source: capture of DDL, replica identities, publication and slot. No restart, and no lock that is waited for longer than
//! two seconds while others wait behind it.

use super::{Edition, Work};
use crate::connection::{Session, Side, identifier, literal};
use crate::problem::{Problem, words};
use crate::record::qualified;
use postgres::error::SqlState;
use std::time::{Duration, Instant};

const EXTENSION: &str = "dts_ddl_capture";

/// What captures DDL in this database.
pub fn edition(source: &mut Session) -> Result<Edition, Problem> {
    let rows = source.ask(&format!(
        "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = '{EXTENSION}'),
                EXISTS (SELECT FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid
                        WHERE n.nspname = 'dts_ddl_portable' AND c.relname = 'note')
                AND EXISTS (SELECT FROM pg_event_trigger WHERE evtname = 'dts_intercept_ddl' AND evtenabled <> 'D')"
    ))?;
    Ok(Edition::of(&rows[0]))
}

/// Makes the extension where it is available; else the portable edition must be there.
pub fn capture(work: &mut Work) -> Result<String, Problem> {
    // What has REPLICA IDENTITY FULL now, keeps it in the end.
    let full = work.here.ask(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p') AND c.relreplident = 'f'",
    )?;
    for table in &full {
        let name = qualified(table.text(0), table.text(1));
        work.record.make(Side::Source, "full_before", &name, None)?;
    }
    match edition(&mut work.here)? {
        Edition::Extension => return Ok("by the extension, which was there".to_owned()),
        Edition::Portable => return Ok("by the portable edition, which was there".to_owned()),
        Edition::None => {}
    }
    let available = work.here.ask(&format!(
        "SELECT default_version FROM pg_available_extensions WHERE name = '{EXTENSION}'"
    ))?;
    let Some(version) = available.first().map(|row| row.text(0).to_owned()) else {
        return Err(Problem::new(
            "nothing captures DDL on the source: its server has neither the files of the extension dts_ddl_capture nor the portable edition; \
             nothing was changed there",
            "install the package on the source's server (no restart), or run sql/portable/install.sql in its database; then dts-migrate start again",
        ));
    };
    work.record
        .make(Side::Source, "extension", EXTENSION, None)?;
    work.here.run(&format!("CREATE EXTENSION {EXTENSION}"))?;
    Ok(format!("by the extension {version}"))
}

/// Tables that have none get REPLICA IDENTITY FULL, else the source refuses UPDATE and DELETE once they are published.
pub fn identities(work: &mut Work) -> Result<String, Problem> {
    let end = Instant::now() + Duration::from_secs(120);
    let mut set = 0;
    loop {
        let tables = work.here.ask(
            "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.relreplident = 'd' AND c.oid >= 16384
               AND n.nspname NOT IN ('dts_ddl', 'dts_ddl_portable') AND (n.nspname, c.relname) <> ('public', 'dts_ddl_command')
               AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid AND i.indimmediate)
             ORDER BY c.oid",
        )?;
        let mut held = Vec::new();
        for table in &tables {
            let name = qualified(table.text(0), table.text(1));
            work.record
                .make(Side::Source, "identity", &name, Some("d"))?;
            let done = work.here.execute(&format!(
                "BEGIN; SET LOCAL lock_timeout = '2s'; ALTER TABLE {name} REPLICA IDENTITY FULL; COMMIT"
            ));
            match done {
                Ok(()) => set += 1,
                Err(error) => {
                    work.here.run("ROLLBACK")?;
                    work.output
                        .detail(&format!("{name}: {}, again", words(&error)));
                    held.push((name, error));
                }
            }
        }
        // a table may have gone, or another one come
        let waits = held.iter().any(|(_, error)| {
            error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE)
                || error.code() == Some(&SqlState::UNDEFINED_TABLE)
        });
        match held.first() {
            None => {
                return Ok(match set {
                    0 => "all tables have one".to_owned(),
                    1 => "1 table got FULL".to_owned(),
                    n => format!("{n} tables got FULL"),
                });
            }
            Some((name, error)) if !waits || Instant::now() >= end => {
                return Err(Problem::new(
                    format!(
                        "{} tables without a primary key could not get REPLICA IDENTITY FULL; the first, {name}: {}",
                        held.len(),
                        words(error)
                    ),
                    format!(
                        "end what holds it (SELECT pid, query FROM pg_stat_activity WHERE pid IN (SELECT pid FROM pg_locks WHERE relation = {}::regclass)), \
                         then dts-migrate start again",
                        literal(name)
                    ),
                ));
            }
            Some(_) => std::thread::sleep(Duration::from_millis(500)),
        }
    }
}

/// Nobody has a publication or a slot of this name. Slots of all databases of a server have their names in common.
pub fn require_free(source: &mut Session, name: &str) -> Result<(), Problem> {
    let there = source.ask(&format!(
        "SELECT (SELECT 'a publication' FROM pg_publication WHERE pubname = {0}),
                (SELECT format('a slot (of database %I)', database) FROM pg_replication_slots WHERE slot_name = {0})",
        literal(name)
    ))?;
    match there[0].get(0).or(there[0].get(1)) {
        None => Ok(()),
        Some(what) => Err(Problem::new(
            format!("the source has {what} {name} already; nothing was changed on either side"),
            "give this migration another name: dts-migrate start --name ..",
        )),
    }
}

/// In this order: up to 17 a slot that is older than its publication fails.
pub fn publication(work: &mut Work) -> Result<String, Problem> {
    let name = work.name().to_owned();
    let there = work.here.ask(&format!(
        "SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = {0}), EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = {0})",
        literal(&name)
    ))?;
    let ours = |work: &mut Work, kind: &str| -> Result<bool, Problem> {
        let made = work.record.all_made()?;
        Ok(made
            .iter()
            .any(|made| made.side == Side::Source.name() && made.kind == kind))
    };
    for (at, kind) in ["publication", "slot"].into_iter().enumerate() {
        if there[0].is_true(at) && !ours(work, kind)? {
            return Err(Problem::new(
                format!(
                    "the source has a {kind} {name} already, which this migration has not made"
                ),
                "give another name by --name (after dts-migrate abort), or drop it there if nobody needs it",
            ));
        }
    }
    // A slot that a killed start has left behind before it was complete has no position.
    let whole = work.here.ask(&format!(
        "SELECT confirmed_flush_lsn IS NOT NULL FROM pg_replication_slots WHERE slot_name = {}",
        literal(&name)
    ))?;
    let is_half = whole.first().is_some_and(|row| !row.is_true(0));
    if is_half {
        work.here.run(&format!(
            "SELECT pg_drop_replication_slot({})",
            literal(&name)
        ))?;
    }
    if !there[0].is_true(0) {
        work.record.make(Side::Source, "publication", &name, None)?;
        work.here.run(&format!(
            "CREATE PUBLICATION {} FOR ALL TABLES",
            identifier(&name)
        ))?;
    }
    if !there[0].is_true(1) || is_half {
        let long = work.here.ask(
            "SELECT pid, usename, date_trunc('second', clock_timestamp() - xact_start) FROM pg_stat_activity
             WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid() AND xact_start < clock_timestamp() - interval '2 s' ORDER BY xact_start",
        )?;
        for row in &long {
            work.output.say(&format!(
                "  the slot waits for a transaction of the source: process {}, {}, since {}",
                row.text(0),
                row.text(1),
                row.text(2)
            ));
        }
        work.record.make(Side::Source, "slot", &name, None)?;
        work.here.run(&format!(
            "SELECT pg_create_logical_replication_slot({}, 'pgoutput')",
            literal(&name)
        ))?;
    }
    Ok(format!("{name}: publication of all tables, and slot"))
}
