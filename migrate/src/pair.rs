//! What the commands that act after `start` need of the two servers: where the record is, what DDL is applied by, and the
//! objects of a migration, each of which goes without an error when it is gone already.
//!
//! Event triggers of the users are left out where nothing has to be captured ([`quiet`]): they would run with our rights.

use crate::connection::{Row, Server, Session, Side, identifier, literal};
use crate::interrupt;
use crate::problem::{Problem, words};
use crate::record::{Migration, Phase, Record, identity};
use postgres::error::SqlState;
use std::time::{Duration, Instant};

/// Schemas of the extension, of the portable edition, and of the record.
pub const OWN_SCHEMAS: &str = "('dts_ddl', 'dts_ddl_portable', 'dts_ddl_apply', 'dts_migrate')";

/// What applies DDL, or captures it, in a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edition {
    Extension,
    Portable,
    None,
}

impl Edition {
    /// Of a row that says whether the extension is there, and whether the portable edition is.
    pub fn of(row: &Row) -> Self {
        match (row.is_true(0), row.is_true(1)) {
            (true, _) => Edition::Extension,
            (false, true) => Edition::Portable,
            (false, false) => Edition::None,
        }
    }
}

/// Source and target of what is going on now: after `switch --back` the other way round than on the command line.
pub struct Servers {
    pub source: Server,
    pub target: Server,
    /// They have changed places.
    pub turned: bool,
}

impl Servers {
    pub fn new(source: &Server, target: &Server) -> Self {
        Self {
            source: on(source, Side::Source),
            target: on(target, Side::Destination),
            turned: false,
        }
    }

    fn turn(self) -> Self {
        Self {
            source: on(&self.target, Side::Source),
            target: on(&self.source, Side::Destination),
            turned: !self.turned,
        }
    }

    /// With which arguments another command is called.
    pub fn arguments(&self) -> &'static str {
        "SOURCE TARGET"
    }
}

fn on(server: &Server, side: Side) -> Server {
    let mut server = server.clone();
    server.side = side;
    server
}

/// The record, on whichever server it is, to look at (`act`: to act); none when there is none on either. A server that does
/// not answer is no error where the other one has the record.
pub fn find(
    source: &Server,
    target: &Server,
    act: bool,
) -> Result<(Servers, Option<Record>), Problem> {
    let servers = Servers::new(source, target);
    let turned = Servers::new(source, target).turn();
    let there = Record::look(&servers.target);
    let mut here = Record::look(&turned.target);
    let phase = |found: &Result<Option<Record>, Problem>| {
        let record = found.as_ref().ok().and_then(Option::as_ref);
        record.map(|record| record.migration.phase)
    };
    let unfinished = match here {
        Ok(Some(ref mut record)) if record.migration.phase == Phase::Switched => {
            crate::switch::back::is_unfinished(record)?
        }
        _ => false,
    };
    let is_turned = match (phase(&there), phase(&here)) {
        // its copy on the other server is not complete, or not yet the one that holds
        (None | Some(Phase::Starting | Phase::Back), Some(Phase::Switched)) if unfinished => true,
        (Some(_), _) => false,
        // of another migration, in which this source is a target, it may be too
        (None, Some(Phase::Back | Phase::Switched)) => here.as_ref().is_ok_and(|record| {
            record
                .as_ref()
                .is_some_and(|record| is_from(record, &turned.source))
        }),
        (None, _) => false,
    };
    let (servers, found) = if is_turned {
        (turned, here)
    } else {
        (servers, there)
    };
    let record = found?;
    if record.is_some() && act {
        let record = Record::open(&servers.target)?;
        return Ok((servers, record));
    }
    Ok((servers, record))
}

/// Whether its source is this server; true when that one does not answer.
fn is_from(record: &Record, source: &Server) -> bool {
    let known = source
        .connect()
        .and_then(|mut session| identity(&mut session));
    let migration = &record.migration;
    known.map_or(true, |(system, database)| {
        (system, database)
            == (
                migration.source_system.clone(),
                migration.source_database.clone(),
            )
    })
}

pub fn nothing_began() -> Problem {
    Problem::new(
        "there is no migration between these two: neither has schema dts_migrate",
        "look whether SOURCE and TARGET are the right databases; dts-migrate start SOURCE TARGET begins one",
    )
}

/// That this is the source with which the migration began.
pub fn require_source(source: &mut Session, migration: &Migration) -> Result<(), Problem> {
    let (system, database) = identity(source)?;
    if (&system, &database) == (&migration.source_system, &migration.source_database) {
        return Ok(());
    }
    Err(Problem::new(
        format!(
            "this source is not the one with which the migration began ({}): another server or another database",
            migration.source
        ),
        "give that one; nothing was done",
    ))
}

pub fn edition(session: &mut Session) -> Result<Edition, Problem> {
    // Only a superuser's extension is called: anybody who owns the database could have made a schema of that name. Of the
    // portable edition only tables are read.
    let rows = session.ask(
        "SELECT EXISTS (SELECT FROM pg_extension e JOIN pg_roles r ON r.oid = e.extowner WHERE e.extname = \
         'dts_ddl_capture' AND r.rolsuper),
           EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE (n.nspname, c.relname) IN (('dts_ddl_apply', 'log'), ('public', 'dts_ddl_command')) AND \
                    c.relkind = 'r')",
    )?;
    Ok(Edition::of(&rows[0]))
}

/// The highest id of a command that this database has: on a source that it captured and has committed, on a target that has
/// come, or that was in its schema from the beginning.
pub fn last_command(session: &mut Session) -> Result<i64, Problem> {
    // of numbers only: a type that somebody has made may have a cast that runs their code
    let found = session.ask(
        "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE (n.nspname, c.relname, c.relkind) IN (('public', 'dts_ddl_command', 'r'), ('dts_ddl', 'apply_log', 'r'),
           ('dts_ddl', 'apply_after', 'S'), ('dts_ddl_apply', 'log', 'r'), ('dts_ddl_apply', 'own', 'r'))
           AND (c.relkind = 'S' OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.atttypid IN (20, 23)
             AND a.attname = CASE c.relname WHEN 'own' THEN 'history' ELSE 'id' END))",
    )?;
    let of = |row: &Row| {
        let value = match row.text(0) {
            "dts_ddl.apply_after" => "max(CASE WHEN t.is_called THEN t.last_value ELSE 0 END)",
            "dts_ddl_apply.own" => "max(t.history)",
            _ => "max(t.id)",
        };
        format!("(SELECT {value} FROM {} t)", row.text(0))
    };
    let mut all: Vec<String> = found.iter().map(of).collect();
    all.push("0".to_owned());
    let rows = session.ask(&format!("SELECT greatest({})", all.join(", ")))?;
    Ok(rows[0].number(0))
}

/// No event trigger of a user runs in this session, and nothing is captured.
pub fn quiet(session: &mut Session) -> Result<(), Problem> {
    session.run("SET session_replication_role = replica")
}

/// The server does not write down what is said in this session: a password may be in it.
pub fn unlogged(session: &mut Session) -> Result<(), Problem> {
    session.run(
        "SET log_statement = none; SET log_min_duration_statement = -1; SET log_min_error_statement = panic;
         SELECT set_config(name, '-1', false) FROM pg_settings WHERE name = 'log_min_duration_sample'",
    )
}

/// Does it until it succeeds, as long as it fails with one of these codes.
pub fn patiently(
    session: &mut Session,
    sql: &str,
    codes: &[SqlState],
    patience: Duration,
) -> Result<(), Problem> {
    let end = Instant::now() + patience;
    loop {
        match session.execute(sql) {
            Ok(()) => return Ok(()),
            Err(error)
                if error.code().is_some_and(|code| codes.contains(code))
                    && Instant::now() < end =>
            {
                interrupt::check()?;
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(error) => {
                return Err(Problem::new(
                    format!(
                        "a command on the {} failed: {}",
                        session.side.name(),
                        words(&error)
                    ),
                    "try the same with psql and this connection string",
                ));
            }
        }
    }
}

pub struct Subscription {
    pub oid: String,
    pub enabled: bool,
    pub slot: Option<String>,
}

pub fn subscription(target: &mut Session, name: &str) -> Result<Option<Subscription>, Problem> {
    let rows = target.ask(&format!(
        "SELECT s.oid, s.subenabled, s.subslotname FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
         WHERE d.datname = current_database() AND s.subname = {}",
        literal(name)
    ))?;
    Ok(rows.first().map(|row| Subscription {
        oid: row.text(0).to_owned(),
        enabled: row.is_true(1),
        slot: row.get(2).map(str::to_owned),
    }))
}

/// Disables it. What its workers have begun they finish or leave.
pub fn disable(target: &mut Session, name: &str) -> Result<(), Problem> {
    if subscription(target, name)?.is_some_and(|found| found.enabled) {
        target.run(&format!("ALTER SUBSCRIPTION {} DISABLE", identifier(name)))?;
    }
    Ok(())
}

/// A table of a disabled subscription loses its rows, and is entered to be copied again; `and` is done in the same transaction.
///
/// Where the target has the extension, by `dts_ddl.copy_table()`; else as PostgreSQL enters it itself (ALTER SUBSCRIPTION .. REFRESH
/// PUBLICATION). Not before no worker runs: one does not look again at a table that was ready (relation.c: `logicalrep_rel_open`).
pub fn copy_again(
    target: &mut Session,
    name: &str,
    table: &str,
    edition: Edition,
    and: &str,
) -> Result<(), Problem> {
    wait_for_workers(target, name)?;
    if edition == Edition::Extension {
        // one may begin in the very moment
        return patiently(
            target,
            &format!(
                "SELECT dts_ddl.copy_table({}, {}::oid::regclass); {and}",
                literal(name),
                literal(table)
            ),
            &[
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                SqlState::OBJECT_IN_USE,
                SqlState::LOCK_NOT_AVAILABLE,
            ],
            Duration::from_secs(5),
        );
    }
    let parts = target.ask(&format!(
        "SELECT c.oid, format('%I.%I', n.nspname, c.relname), c.relkind = 'r', c.oid = {0} AND c.relkind = 'r'
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.oid = {0} OR c.oid IN (SELECT relid FROM pg_partition_tree({0}::oid::regclass))",
        literal(table)
    ))?;
    // no trigger of a user runs
    let mut sql = String::from(
        "SET LOCAL lock_timeout = '10s'; SET LOCAL session_replication_role = replica;",
    );
    for part in parts.iter().filter(|part| part.is_true(2)) {
        sql.push_str(&format!("TRUNCATE ONLY {};", part.text(1)));
    }
    let oids: Vec<&str> = parts.iter().map(|part| part.text(0)).collect();
    let entered = format!(
        "srsubid = (SELECT s.oid FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid \
         WHERE d.datname = current_database() AND s.subname = {}) AND srrelid IN ({})",
        literal(name),
        oids.join(", ")
    );
    sql.push_str(&format!(
        "UPDATE pg_subscription_rel SET srsubstate = 'i', srsublsn = NULL WHERE {entered};"
    ));
    if parts.iter().any(|part| part.is_true(3)) {
        sql.push_str(&format!(
            "INSERT INTO pg_subscription_rel (srsubid, srrelid, srsubstate)
             SELECT s.oid, {}::oid, 'i' FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
             WHERE d.datname = current_database() AND s.subname = {}
               AND NOT EXISTS (SELECT FROM pg_subscription_rel WHERE {entered});",
            literal(table),
            literal(name)
        ));
    }
    target.execute(&format!("{sql} {and}")).map_err(|error| {
        Problem::new(
            format!(
                "the rows of {} on the target cannot be taken away: {}",
                parts
                    .iter()
                    .find(|part| part.text(0) == table)
                    .map_or(table, |part| part.text(1)),
                words(&error)
            ),
            "a table that foreign keys of others refer to: copy all of them again, or drop these constraints for so \
             long; nothing was changed",
        )
    })
}

/// Until the workers of a disabled subscription have ended.
fn wait_for_workers(target: &mut Session, name: &str) -> Result<(), Problem> {
    let end = Instant::now() + Duration::from_secs(30);
    let workers = format!(
        "SELECT w.pid FROM pg_stat_subscription w JOIN pg_subscription s ON s.oid = w.subid JOIN pg_database d ON d.oid = s.subdbid
         WHERE d.datname = current_database() AND s.subname = {} AND w.pid IS NOT NULL",
        literal(name)
    );
    while let Some(row) = target.ask(&workers)?.first() {
        interrupt::check()?;
        if Instant::now() > end {
            return Err(Problem::new(
                format!("worker {} of the subscription does not end", row.text(0)),
                "look for whom it waits (dts-migrate status), then do this again; nothing was changed",
            ));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// The subscription goes; its slot stays where it is.
pub fn drop_subscription(target: &mut Session, name: &str) -> Result<bool, Problem> {
    let Some(found) = subscription(target, name)? else {
        return Ok(false);
    };
    disable(target, name)?;
    let name = identifier(name);
    if found.slot.is_some() {
        target.run(&format!("ALTER SUBSCRIPTION {name} SET (slot_name = NONE)"))?;
    }
    target.run(&format!("DROP SUBSCRIPTION {name}"))?;
    Ok(true)
}

/// The slot goes, and whoever is connected to it: it belongs to a subscription that is disabled or gone.
pub fn drop_slot(source: &mut Session, name: &str) -> Result<bool, Problem> {
    let found = format!(
        "SELECT active_pid FROM pg_replication_slots WHERE slot_name = {} AND database = current_database() AND plugin \
         = 'pgoutput'",
        literal(name)
    );
    let mut rows = source.ask(&found)?;
    if rows.is_empty() {
        return Ok(false);
    }
    let end = Instant::now() + Duration::from_secs(30);
    // a worker that was told to end leaves by itself
    let mercy = Instant::now() + Duration::from_secs(2);
    loop {
        let Some(row) = rows.first() else {
            return Ok(true);
        };
        if let Some(pid) = row.get(0) {
            if Instant::now() > mercy {
                source.run(&format!("SELECT pg_terminate_backend({pid})"))?;
            }
        } else {
            let dropped = source.execute(&format!(
                "SELECT pg_drop_replication_slot({})",
                literal(name)
            ));
            match dropped {
                Err(error)
                    if error.code() != Some(&SqlState::OBJECT_IN_USE) || Instant::now() > end =>
                {
                    return Err(Problem::new(
                        format!(
                            "the slot {name} of the {} cannot be dropped: {}",
                            source.side.name(),
                            words(&error)
                        ),
                        "it keeps WAL as long as it is there: SELECT pg_drop_replication_slot(..), then repeat this command",
                    ));
                }
                _ => {}
            }
        }
        if Instant::now() > end {
            return Err(Problem::new(
                format!(
                    "somebody is connected to the slot {name} of the {} again and again",
                    source.side.name()
                ),
                "disable the subscription that uses it (pg_stat_replication: from where), then repeat this command",
            ));
        }
        std::thread::sleep(Duration::from_millis(50));
        rows = source.ask(&found)?;
    }
}

pub fn drop_publication(session: &mut Session, name: &str) -> Result<bool, Problem> {
    let rows = session.ask(&format!(
        "SELECT FROM pg_publication WHERE pubname = {}",
        literal(name)
    ))?;
    if rows.is_empty() {
        return Ok(false);
    }
    session.run(&format!("DROP PUBLICATION IF EXISTS {}", identifier(name)))?;
    Ok(true)
}

/// The database is one that applies nothing; true when it did. Returns false also where there is no extension.
pub fn stop_apply(target: &mut Session) -> Result<bool, Problem> {
    if edition(target)? != Edition::Extension || !is_applying(target)? {
        return Ok(false);
    }
    target.run("SELECT dts_ddl.stop_apply()")?;
    Ok(true)
}

pub fn is_applying(target: &mut Session) -> Result<bool, Problem> {
    let rows = target.ask(
        "SELECT EXISTS (SELECT FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = \
         c.relnamespace
          WHERE n.nspname = 'public' AND c.relname = 'dts_ddl_command' AND t.tgname = 'dts_apply_row')",
    )?;
    Ok(rows[0].is_true(0))
}

pub fn drop_extension(session: &mut Session) -> Result<bool, Problem> {
    if edition(session)? != Edition::Extension {
        return Ok(false);
    }
    patiently(
        session,
        "SET lock_timeout = '2s'; DROP EXTENSION dts_ddl_capture; RESET lock_timeout",
        &[
            SqlState::LOCK_NOT_AVAILABLE,
            SqlState::T_R_DEADLOCK_DETECTED,
        ],
        Duration::from_secs(30),
    )?;
    Ok(true)
}

/// What copies of tables have left that were dropped while they were copied: slots on the source, origins on the target, of
/// subscriptions that are no more. (tablesync.c: ReplicationSlotNameForTablesync, ReplicationOriginNameForTablesync)
pub fn drop_orphans(source: &mut Session, target: &mut Session) -> Result<(), Problem> {
    let (system, _) = identity(target)?;
    let living = target.ask("SELECT oid FROM pg_subscription")?;
    let is_orphan = |name: &str| {
        let mut parts = name.split('_');
        let subscription = parts.nth(1).unwrap_or_default();
        !living.iter().any(|row| row.text(0) == subscription)
    };
    let slots = source.ask(&format!(
        "SELECT slot_name FROM pg_replication_slots WHERE database = current_database() AND NOT active
           AND slot_name ~ {}",
        literal(&format!("^pg_[0-9]+_sync_[0-9]+_{system}$"))
    ))?;
    for slot in slots.iter().filter(|slot| is_orphan(slot.text(0))) {
        drop_slot(source, slot.text(0))?;
    }
    let origins = target
        .ask("SELECT roname FROM pg_replication_origin WHERE roname ~ '^pg_[0-9]+_[0-9]+$'")?;
    for origin in origins.iter().filter(|origin| is_orphan(origin.text(0))) {
        target.run(&format!(
            "SELECT pg_replication_origin_drop({})",
            literal(origin.text(0))
        ))?;
    }
    Ok(())
}
