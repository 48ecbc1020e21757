//! What of a migration is done: on the target, in schema `dts_migrate`, which [`crate::finish`] takes away.
//!
//! Everything that has to be known to go on after a crash is there and nowhere else: steps, what was made on either server and
//! how it was before, the tables and their copies, the schema as pg_dump's archive. What is about to be made is written before it
//! is made ([`Record::make`]), so that whatever is there is known. Nobody but the owner may read it.
//!
//! One program at a time acts: whoever has the advisory lock of the record. Others look.

use crate::connection::{Row, Server, Session, identifier, literal};
use crate::problem::{Problem, words};
use std::time::{Duration, Instant};

/// What makes a schema `dts_migrate` ours.
const MARK: &str = "dts-migrate: what of a migration to this database is done";
/// Of the advisory lock.
const LOCK: i64 = 0x6474_735f_6d69_6772;

const TABLES: &str = "
    CREATE SCHEMA dts_migrate;
    CREATE TABLE dts_migrate.migration (
      name text NOT NULL, source text NOT NULL, source_system text NOT NULL, source_database text NOT NULL, trust_source boolean NOT NULL,
      phase text NOT NULL, last_id bigint, started timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp());
    CREATE TABLE dts_migrate.step (
      name text PRIMARY KEY, begun timestamptz NOT NULL, finished timestamptz, note text);
    CREATE TABLE dts_migrate.made (
      id bigint PRIMARY KEY, side text NOT NULL, kind text NOT NULL, object text NOT NULL, before text,
      UNIQUE (side, kind, object));
    CREATE TABLE dts_migrate.\"table\" (
      source_oid oid PRIMARY KEY, schema text NOT NULL, name text NOT NULL, bytes bigint NOT NULL, pages bigint NOT NULL,
      columns text NOT NULL, filenode oid NOT NULL, published boolean NOT NULL, state text NOT NULL, lsn pg_lsn, copied_rows bigint,
      copied_bytes bigint, seconds double precision, why text);
    CREATE TABLE dts_migrate.foreign_key (
      id bigint PRIMARY KEY, tbl text NOT NULL, name text NOT NULL, definition text NOT NULL,
      partitioned boolean NOT NULL, tables oid[] NOT NULL, casts boolean NOT NULL, state text NOT NULL);
    CREATE TABLE dts_migrate.archive (section text NOT NULL, part integer NOT NULL, content bytea NOT NULL, PRIMARY KEY (section, part));
    CREATE TABLE dts_migrate.progress (
      one boolean PRIMARY KEY DEFAULT true CHECK (one), at timestamptz NOT NULL, step text NOT NULL, done bigint NOT NULL, total bigint NOT NULL,
      unit text NOT NULL, since timestamptz NOT NULL)";

/// In which state of the whole a migration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// `start` is not at its end.
    Starting,
    /// The target follows the source.
    Following,
    /// Users are to be on the target, and nothing follows.
    Switched,
    /// The same, but the old server follows: this record is on the old server, which is the target now.
    Back,
}

impl Phase {
    const ALL: [Phase; 4] = [
        Phase::Starting,
        Phase::Following,
        Phase::Switched,
        Phase::Back,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Phase::Starting => "starting",
            Phase::Following => "following",
            Phase::Switched => "switched",
            Phase::Back => "back",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Migration {
    /// Of publication, slot and subscription.
    pub name: String,
    /// Where the source is, for people.
    pub source: String,
    /// `system_identifier` of its control file, and the OID of its database: whether it is the one with which this began.
    pub source_system: String,
    pub source_database: String,
    pub trust_source: bool,
    pub phase: Phase,
}

/// What was made, and what was there before.
#[derive(Clone, Debug)]
pub struct Made {
    pub id: i64,
    /// `source` or `destination`: [`crate::connection::Side::name`].
    pub side: String,
    /// `extension`, `publication`, `slot`, `identity`, ..: who makes it knows how it is undone.
    pub kind: String,
    pub object: String,
    pub before: Option<String>,
}

pub struct Record {
    pub session: Session,
    pub migration: Migration,
}

impl Record {
    /// The record on this server, to look at. None when there is none.
    ///
    /// Whoever may make schemas can have made one with this name and comment, and a view in it that calls what he wrote: only what
    /// belongs to this role, or to a superuser, is read.
    pub fn look(server: &Server) -> Result<Option<Self>, Problem> {
        let mut session = server.connect_to_write()?;
        let there = session.ask(&format!(
            "SELECT d.description IS NOT DISTINCT FROM {},
                    (r.rolsuper OR r.rolname = current_user) AND NOT EXISTS (
                      SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND (c.relowner <> n.nspowner OR c.relkind NOT IN ('r', 'i')))
             FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner
             LEFT JOIN pg_description d ON d.objoid = n.oid AND d.classoid = 'pg_namespace'::regclass AND d.objsubid = 0
             WHERE n.nspname = 'dts_migrate'",
            literal(MARK)
        ))?;
        let Some(schema) = there.first() else {
            return Ok(None);
        };
        if !schema.is_true(0) || !schema.is_true(1) {
            return Err(Problem::new(
                format!(
                    "the {} has a schema dts_migrate that this program has not made, or that belongs to another role",
                    server.side.name()
                ),
                "connect as the role that has begun the migration; or look what it is, and give it another name: ALTER SCHEMA dts_migrate RENAME TO ..",
            ));
        }
        let rows = session.ask(
            "SELECT name, source, source_system, source_database, trust_source, phase FROM dts_migrate.migration",
        )?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let phase = Phase::ALL
            .into_iter()
            .find(|phase| phase.name() == row.text(5));
        let Some(phase) = phase else {
            return Err(Problem::new(
                format!(
                    "the record of the migration has a phase that is not known: {}",
                    row.text(5)
                ),
                "use the version of this program with which the migration was begun",
            ));
        };
        let migration = Migration {
            name: row.text(0).to_owned(),
            source: row.text(1).to_owned(),
            source_system: row.text(2).to_owned(),
            source_database: row.text(3).to_owned(),
            trust_source: row.is_true(4),
            phase,
        };
        Ok(Some(Self { session, migration }))
    }

    /// The record, and the right to act: nobody else has it while this lives.
    pub fn open(server: &Server) -> Result<Option<Self>, Problem> {
        let Some(mut record) = Self::look(server)? else {
            return Ok(None);
        };
        record.lock()?;
        // as it is now that nobody else acts
        let Some(now) = Self::look(server)? else {
            return Ok(None);
        };
        record.migration = now.migration;
        Ok(Some(record))
    }

    /// Makes it. The database must be one that has none.
    pub fn create(server: &Server, migration: Migration) -> Result<Self, Problem> {
        let mut session = server.connect_to_write()?;
        let comment = literal(MARK);
        session.run(&format!(
            "BEGIN; {TABLES}; COMMENT ON SCHEMA dts_migrate IS {comment};
             INSERT INTO dts_migrate.migration (name, source, source_system, source_database, trust_source, phase)
             VALUES ({}, {}, {}, {}, {}, {}); COMMIT",
            literal(&migration.name),
            literal(&migration.source),
            literal(&migration.source_system),
            literal(&migration.source_database),
            migration.trust_source,
            literal(migration.phase.name()),
        ))?;
        let mut record = Self { session, migration };
        record.lock()?;
        Ok(record)
    }

    /// A program that was killed may be connected for a moment longer.
    fn lock(&mut self) -> Result<(), Problem> {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let got = self
                .session
                .ask(&format!("SELECT pg_try_advisory_lock({LOCK})"))?;
            if got[0].is_true(0) {
                return Ok(());
            }
            if Instant::now() >= end {
                let other = self.session.ask(&format!(
                    "SELECT a.pid, a.client_addr, a.backend_start FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                     WHERE l.locktype = 'advisory' AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                       AND l.classid = {} AND l.objid = {}",
                    LOCK >> 32,
                    LOCK & 0xffff_ffff
                ))?;
                let who = other.first().map_or(String::new(), |row| {
                    format!(
                        " (process {} of the target, connected since {})",
                        row.text(0),
                        row.text(2)
                    )
                });
                return Err(Problem::new(
                    format!("another dts-migrate is at work on this migration{who}"),
                    "wait for its end, or end it; dts-migrate status shows what it does",
                ));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// The process of the target that acts now, if any does.
    pub fn holder(&mut self) -> Result<Option<String>, Problem> {
        let rows = self.session.ask(&format!(
            "SELECT l.pid FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.pid <> pg_backend_pid()
               AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
               AND l.classid = {} AND l.objid = {}",
            LOCK >> 32,
            LOCK & 0xffff_ffff
        ))?;
        Ok(rows.first().map(|row| row.text(0).to_owned()))
    }

    pub fn set_phase(&mut self, phase: Phase) -> Result<(), Problem> {
        self.session.run(&format!(
            "UPDATE dts_migrate.migration SET phase = {}",
            literal(phase.name())
        ))?;
        self.migration.phase = phase;
        Ok(())
    }

    /// What the step has left to say when it was finished.
    pub fn finished(&mut self, step: &str) -> Result<Option<String>, Problem> {
        let rows = self.session.ask(&format!(
            "SELECT coalesce(note, '') FROM dts_migrate.step WHERE name = {} AND finished IS NOT NULL",
            literal(step)
        ))?;
        Ok(rows.first().map(|row| row.text(0).to_owned()))
    }

    /// True when it was begun before, by a program that did not finish it.
    pub fn begin(&mut self, step: &str) -> Result<bool, Problem> {
        let rows = self.session.ask(&format!(
            "INSERT INTO dts_migrate.step (name, begun) VALUES ({0}, clock_timestamp()) ON CONFLICT (name) DO NOTHING;
             SELECT begun < now() FROM dts_migrate.step WHERE name = {0}",
            literal(step)
        ))?;
        Ok(rows.first().is_some_and(|row| row.is_true(0)))
    }

    pub fn end(&mut self, step: &str, note: &str) -> Result<(), Problem> {
        self.session.run(&format!(
            "UPDATE dts_migrate.step SET finished = clock_timestamp(), note = {} WHERE name = {}",
            literal(note),
            literal(step)
        ))
    }

    /// Writes down that something is about to be made or changed, and how it was before. What was written first holds.
    pub fn make(
        &mut self,
        side: crate::connection::Side,
        kind: &str,
        object: &str,
        before: Option<&str>,
    ) -> Result<(), Problem> {
        self.session.run(&format!(
            "INSERT INTO dts_migrate.made (id, side, kind, object, before)
             SELECT coalesce(max(id), 0) + 1, {}, {}, {}, {} FROM dts_migrate.made
             ON CONFLICT (side, kind, object) DO NOTHING",
            literal(side.name()),
            literal(kind),
            literal(object),
            before.map_or("NULL".to_owned(), literal)
        ))
    }

    /// It was there, or somebody else has made it.
    pub fn not_made(
        &mut self,
        side: crate::connection::Side,
        kind: &str,
        object: &str,
    ) -> Result<(), Problem> {
        self.session.run(&format!(
            "DELETE FROM dts_migrate.made WHERE side = {} AND kind = {} AND object = {}",
            literal(side.name()),
            literal(kind),
            literal(object)
        ))
    }

    /// The last one first.
    pub fn all_made(&mut self) -> Result<Vec<Made>, Problem> {
        let rows = self
            .session
            .ask("SELECT id, side, kind, object, before FROM dts_migrate.made ORDER BY id DESC")?;
        Ok(rows.iter().map(made).collect())
    }

    /// It is as it was before.
    pub fn unmade(&mut self, id: i64) -> Result<(), Problem> {
        self.session
            .run(&format!("DELETE FROM dts_migrate.made WHERE id = {id}"))
    }

    /// For `status`, from time to time. What cannot be written is told the next time.
    pub fn progress(
        &mut self,
        step: &str,
        done: u64,
        total: u64,
        unit: &str,
    ) -> Result<(), Problem> {
        self.session.run(&format!(
            "INSERT INTO dts_migrate.progress (at, step, done, total, unit, since)
             VALUES (clock_timestamp(), {0}, {done}, {total}, {1}, clock_timestamp())
             ON CONFLICT (one) DO UPDATE SET at = excluded.at, step = excluded.step, done = excluded.done, total = excluded.total,
               unit = excluded.unit, since = CASE WHEN progress.step = excluded.step THEN progress.since ELSE excluded.since END",
            literal(step),
            literal(unit)
        ))
    }

    /// All of it goes.
    pub fn drop(mut self) -> Result<(), Problem> {
        self.session.run("DROP SCHEMA dts_migrate CASCADE")
    }
}

fn made(row: &Row) -> Made {
    Made {
        id: row.number(0),
        side: row.text(1).to_owned(),
        kind: row.text(2).to_owned(),
        object: row.text(3).to_owned(),
        before: row.get(4).map(str::to_owned),
    }
}

/// What tells a database from all others.
pub fn identity(session: &mut Session) -> Result<(String, String), Problem> {
    let rows = session.rows(
        "SELECT (SELECT system_identifier FROM pg_control_system()), (SELECT oid FROM pg_database WHERE datname = current_database())",
    );
    match rows {
        Ok(rows) => Ok((rows[0].text(0).to_owned(), rows[0].text(1).to_owned())),
        Err(error) => Err(Problem::new(
            format!(
                "the {} does not tell its system identifier: {}",
                session.side.name(),
                words(&error)
            ),
            "connect as a superuser, or GRANT EXECUTE ON FUNCTION pg_control_system() TO the role",
        )),
    }
}

/// That they are not one and the same database, where both tell.
pub fn require_two(source: &mut Session, target: &mut Session) -> Result<(), Problem> {
    match (identity(source), identity(target)) {
        (Ok(here), Ok(there)) if here == there => Err(Problem::new(
            "source and target are the same database; nothing was changed",
            "give another TARGET: a database that does not exist yet, or an empty one",
        )),
        _ => Ok(()),
    }
}

/// `schema.name` as SQL.
pub fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", identifier(schema), identifier(name))
}
