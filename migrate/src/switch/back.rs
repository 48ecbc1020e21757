//! The way back: after the switch the old server follows the new one.
//!
//! The new one publishes all its tables, so the record cannot stay there: it moves to the old server, with its sides changed.
//! The order is such that after a crash the record tells what is missing: [`UNFINISHED`] is in it from the point of no return
//! until the old server follows, first on the new server, then on the old one.
//!
//! Relied on: a worker that applies has the settings of its database, so that the old one cannot stay read-only; a limit of
//! connections does not concern workers.

use super::{Done, Edition};
use crate::connection::{Session, Side, identifier, literal};
use crate::pair::{self, Servers};
use crate::problem::Problem;
use crate::record::{Migration, Phase, Record, identity};
use std::time::{Duration, Instant};

/// Kind of what is in the record while the way back is being made.
const UNFINISHED: &str = "back";

/// Part of the point of no return.
pub const BEGUN: &str = "INSERT INTO dts_migrate.made (id, side, kind, object)
  SELECT coalesce(max(id), 0) + 1, 'destination', 'back', '' FROM dts_migrate.made ON CONFLICT DO NOTHING;";

pub fn is_unfinished(record: &mut Record) -> Result<bool, Problem> {
    Ok(record
        .all_made()?
        .iter()
        .any(|made| made.kind == UNFINISHED))
}

/// What can be known before.
pub fn require_possible(
    record: &mut Record,
    source: &mut Session,
    edition: Edition,
) -> Result<(), Problem> {
    let trusts = record.migration.trust_source || needs_trust(source)?;
    let target = &mut record.session;
    if edition != Edition::Extension || pair::edition(source)? != Edition::Extension {
        return Err(Problem::new(
            "the way back needs the extension on both servers",
            "switch without --back, or install dts_ddl_capture where it is missing; nothing was changed",
        ));
    }
    if !trusts {
        // who could write commands for the old server
        let rights = target.ask(
            "SELECT found, remedy FROM dts_ddl.check() WHERE name = 'rights' AND status <> 'ok'",
        )?;
        if let Some(row) = rights.first() {
            return Err(Problem::new(
                format!(
                    "the old server would refuse DDL of the new one: {}",
                    row.text(0)
                ),
                format!(
                    "on the target: {}; or switch without --back; nothing was changed",
                    row.text(1)
                ),
            ));
        }
    }
    let rows = target.ask(
        "SELECT current_setting('wal_level'),
           (SELECT count(*) FROM pg_replication_slots) < current_setting('max_replication_slots')::int,
           current_setting('max_wal_senders')::int > 0,
           (SELECT string_agg(format('process %s of %s', a.pid, a.usename), ', ') FROM pg_stat_activity a
             WHERE a.backend_xid IS NOT NULL AND a.xact_start < now() - interval '10 s' AND a.pid <> pg_backend_pid())",
    )?;
    let row = &rows[0];
    if row.text(0) != "logical" {
        return Err(Problem::new(
            format!(
                "the way back needs wal_level = logical on the target, which has {}",
                row.text(0)
            ),
            "ALTER SYSTEM SET wal_level = logical there, and restart it; or switch without --back; nothing was changed",
        ));
    }
    if !row.is_true(1) || !row.is_true(2) {
        return Err(Problem::new(
            "the way back needs a replication slot and a WAL sender of the target, and none is left",
            "raise max_replication_slots and max_wal_senders there, and restart it; or switch without --back; nothing \
             was changed",
        ));
    }
    if let Some(who) = row.get(3) {
        return Err(Problem::new(
            format!(
                "a slot on the target would have to wait for transactions that are open there: {who}"
            ),
            "end them, or switch without --back; nothing was changed",
        ));
    }
    Ok(())
}

/// Whether the old server refuses to apply DDL unless it is told to trust.
pub fn needs_trust(old: &mut Session) -> Result<bool, Problem> {
    let rows =
        old.ask("SELECT current_setting('shared_preload_libraries') LIKE '%dts_ddl_capture%'")?;
    Ok(old.major() < 16 || !rows[0].is_true(0))
}

/// Something that was made is not there any more.
pub fn forget(record: &mut Record, side: Side, kind: &str) -> Result<(), Problem> {
    record.session.run(&format!(
        "DELETE FROM dts_migrate.made WHERE side = {} AND kind = {}",
        literal(side.name()),
        literal(kind)
    ))
}

/// From the point of no return on. Returns the servers with their places changed, and the record where it is then.
pub fn make(
    servers: Servers,
    mut record: Record,
    old: &mut Session,
) -> Result<(Servers, Record), Problem> {
    let name = record.migration.name.clone();
    let told = |problem: Problem| {
        Problem::new(
            format!(
                "the switch is done, but the old server does not follow yet: {}",
                problem.what
            ),
            format!(
                "users must not come to the new server before it does: dts-migrate switch --back SOURCE TARGET goes on; {}",
                problem.next
            ),
        )
    };
    prepare_old(&mut record, old, &name).map_err(told)?;
    let turned = Servers {
        source: with_side(&servers.target, Side::Source),
        target: with_side(&servers.source, Side::Destination),
        turned: !servers.turned,
    };
    let copy = move_record(&turned, record).map_err(told)?;
    follow(turned, copy, old).map_err(told)
}

fn with_side(server: &crate::connection::Server, side: Side) -> crate::connection::Server {
    let mut server = server.clone();
    server.side = side;
    server
}

/// The old server gives nothing any more, and applies.
fn prepare_old(record: &mut Record, old: &mut Session, name: &str) -> Result<(), Problem> {
    pair::quiet(old)?;
    pair::drop_slot(old, name)?;
    pair::drop_publication(old, name)?;
    if let Some((_, database, before)) = super::fence::known(record, Side::Source.name())? {
        old.run(&before.commands(&database)[1])?;
    }
    record.session.run(
        "DELETE FROM dts_migrate.made WHERE side = 'source' AND kind IN ('slot', 'publication')",
    )?;
    let last = pair::last_command(&mut record.session)?;
    // who has trusted the one, trusts the other
    let trust = record.migration.trust_source || needs_trust(old)?;
    record.migration.trust_source = trust;
    record.make(Side::Source, "apply", "", None)?;
    old.run(&format!(
        "SELECT dts_ddl.start_apply(after_id => {last}, trust_source => {trust})"
    ))
}

/// `servers`: their places changed already.
fn move_record(servers: &Servers, mut record: Record) -> Result<Record, Problem> {
    let mut there = servers.source.connect()?;
    let (source_system, source_database) = identity(&mut there)?;
    if let Some(mut copy) = Record::look(&servers.target)? {
        pair::quiet(&mut copy.session)?;
        copy.drop()?;
    }
    let mut copy = Record::create(
        &servers.target,
        Migration {
            name: record.migration.name.clone(),
            source: format!(
                "{} {}",
                servers.source.host_and_port_text(),
                servers.source.dbname()
            ),
            source_system,
            source_database,
            trust_source: record.migration.trust_source,
            // until it is complete
            phase: Phase::Starting,
        },
    )?;
    let mut sql = String::from("BEGIN;");
    for (number, made) in record.all_made()?.iter().rev().enumerate() {
        let side = if made.side == Side::Source.name() {
            Side::Destination
        } else {
            Side::Source
        };
        // this one is of whoever follows
        let side = if made.kind == UNFINISHED {
            Side::Destination
        } else {
            side
        };
        sql.push_str(&format!(
            "INSERT INTO dts_migrate.made (id, side, kind, object, before) VALUES ({number}, {}, {}, {}, {});",
            literal(side.name()),
            literal(&made.kind),
            literal(&made.object),
            made.before.as_deref().map_or("NULL".to_owned(), literal)
        ));
    }
    let steps = record
        .session
        .ask("SELECT name, begun, finished, note FROM dts_migrate.step")?;
    for step in steps {
        let value = |at: usize| step.get(at).map_or("NULL".to_owned(), literal);
        sql.push_str(&format!(
            "INSERT INTO dts_migrate.step (name, begun, finished, note) VALUES ({}, {}, {}, {});",
            value(0),
            value(1),
            value(2),
            value(3)
        ));
    }
    copy.session.run(&format!(
        "{sql} UPDATE dts_migrate.migration SET phase = {}; COMMIT",
        literal(Phase::Back.name())
    ))?;
    copy.migration.phase = Phase::Back;
    pair::quiet(&mut record.session)?;
    record.drop()?;
    Ok(copy)
}

/// Both are connected: the new server captures and publishes, the old one subscribes. May be repeated.
fn follow(
    servers: Servers,
    mut record: Record,
    old: &mut Session,
) -> Result<(Servers, Record), Problem> {
    let name = record.migration.name.clone();
    let quoted = identifier(&name);
    let mut new = servers.source.connect_to_write()?;
    pair::quiet(&mut new)?;
    // users are away: a slot that has to wait for somebody's transaction is no way
    new.run("SET statement_timeout = '10s'; SET lock_timeout = '10s'")?;
    record.make(Side::Source, "publication", &name, None)?;
    record.make(Side::Source, "slot", &name, None)?;
    record.make(Side::Destination, "subscription", &name, None)?;
    record.make(Side::Destination, "apply", "", None)?;
    new.run("SELECT dts_ddl.stop_apply(capture => true)")?;
    if new
        .ask(&format!(
            "SELECT FROM pg_publication WHERE pubname = {}",
            literal(&name)
        ))?
        .is_empty()
    {
        new.run(&format!("CREATE PUBLICATION {quoted} FOR ALL TABLES"))?;
    }
    let slot = format!(
        "SELECT FROM pg_replication_slots WHERE slot_name = {}",
        literal(&name)
    );
    if new.ask(&slot)?.is_empty() {
        new.run(&format!(
            "SELECT pg_create_logical_replication_slot({}, 'pgoutput')",
            literal(&name)
        ))?;
    }
    pair::unlogged(old)?;
    // what the extension has to do when a subscription is made, it does by an event trigger
    old.run("SET session_replication_role = origin")?;
    if pair::subscription(old, &name)?.is_none() {
        old.run(&format!(
            "CREATE SUBSCRIPTION {quoted} CONNECTION {} PUBLICATION {quoted} WITH (connect = false, slot_name = {})",
            literal(&servers.source.conninfo()),
            literal(&name)
        ))?;
    }
    // of the record the new server has no tables
    old.run(&format!(
        "SELECT dts_ddl.adopt_tables({0});
         DELETE FROM pg_subscription_rel r USING pg_subscription s, pg_database d, pg_class c, pg_namespace n
          WHERE s.oid = r.srsubid AND s.subname = {0} AND d.oid = s.subdbid AND d.datname = current_database()
            AND c.oid = r.srrelid AND n.oid = c.relnamespace AND n.nspname = 'dts_migrate';
         ALTER SUBSCRIPTION {quoted} ENABLE",
        literal(&name)
    ))?;
    connected(&mut new, &name)?;
    forget(&mut record, Side::Destination, UNFINISHED)?;
    Ok((servers, record))
}

/// The old server has reached the new one: what is wrong with the connection is said now.
fn connected(new: &mut Session, name: &str) -> Result<(), Problem> {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let rows = new.ask(&format!(
            "SELECT active FROM pg_replication_slots WHERE slot_name = {}",
            literal(name)
        ))?;
        if rows.first().is_some_and(|row| row.is_true(0)) {
            return Ok(());
        }
        if Instant::now() > end {
            return Err(Problem::new(
                "the old server has not connected to the new one within 10 s",
                "its log says why: it must reach the new server by the connection string of TARGET (pg_hba.conf, host name)",
            ));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What a crash, or an error, has left: the way back is made, or given up.
pub fn go_on(
    servers: Servers,
    mut record: Record,
    wanted: bool,
    ask: &mut dyn FnMut(&str) -> bool,
) -> Result<Done, Problem> {
    let start = Instant::now();
    if !wanted {
        return Err(Problem::new(
            "the switch is done, but the way back was begun and is not complete",
            "dts-migrate switch --back SOURCE TARGET makes it; dts-migrate finish SOURCE TARGET does without it",
        ));
    }
    // from its slot on nothing is left out
    let has_slot = record.migration.phase == Phase::Back
        && !servers
            .source
            .connect()?
            .ask(&format!(
                "SELECT FROM pg_replication_slots WHERE slot_name = {}",
                literal(&record.migration.name)
            ))?
            .is_empty();
    let mut question =
        "The switch is done; the old server will follow the new one from now on.".to_owned();
    if !has_slot {
        question.push_str("\nWhat users have written to the new one so far, the old one will not have: dts-migrate \
         compare tells.");
    }
    if !ask(&question) {
        return Err(Problem::new("nothing was changed", ""));
    }
    let (servers, record) = if record.migration.phase == Phase::Back {
        let mut old = servers.target.connect_to_write()?;
        // the one on the new server may have stayed, and would be published
        if let Some(mut other) = Record::look(&servers.source)? {
            pair::quiet(&mut other.session)?;
            other.drop()?;
        }
        follow(servers, record, &mut old)?
    } else {
        let mut old = servers.source.connect_to_write()?;
        record.session.run("SET synchronous_commit = on")?;
        make(servers, record, &mut old)?
    };
    drop(record);
    Ok(Done {
        downtime: start.elapsed(),
        lines: vec![
            format!(
                "the old server follows; users may come to {} now",
                servers.source.host_and_port_text()
            ),
            if has_slot {
                "next: dts-migrate status SOURCE TARGET".to_owned()
            } else {
                "next: dts-migrate compare SOURCE TARGET if somebody was there before".to_owned()
            },
        ],
    })
}
