//! `dts-migrate start`: from two servers to a target that follows the source, rows and DDL, while users go on.
//!
//! In order, each step written to the [`record`], so that a `start` after a crash goes on with what is left:
//!
//! 1. [`capture`]: extension, replica identities, publication and slot on the source. From here on everything is in the stream.
//! 2. [`globals`]: the database itself, roles, what belongs to the database.
//! 3. [`schema`]: what pg_dump says at a moment of which the id of the last DDL command is known; without rows and indexes.
//! 4. [`rows`]: each table by COPY under a snapshot of which the position in the stream is known.
//! 5. [`constraints`]: indexes, foreign keys, triggers; statistics.
//! 6. [`stream`]: the subscription, which takes each table from the position of its copy on. What users altered, rewrote or
//!    truncated before it was copied is copied by PostgreSQL's own table synchronization, once DDL has caught up.
//! 7. [`remainder`]: what no stream carries: materialized views, large objects.

mod capture;
mod constraints;
mod globals;
mod remainder;
mod rows;
mod schema;
mod stream;

use crate::config::Programs;
use crate::connection::{Server, Session, Side};
use crate::output::Output;
use crate::pair::Edition;
use crate::problem::Problem;
use crate::record::{self, Migration, Phase, Record};
use std::time::{Duration, Instant};

pub struct Options {
    /// Of publication, slot and subscription; that of the migration that is begun, or [`NAME`], when absent.
    pub name: Option<String>,
    pub jobs: usize,
    /// All who may run DDL on the source may do on the target what the subscription's owner may: docs/security.md, I8.
    pub trust_source: bool,
    /// How the target's server reaches the source; as this program does, when absent.
    pub source_for_target: Option<Server>,
    /// `maintenance_work_mem` of each session that makes indexes.
    pub index_memory: String,
    /// How long one snapshot of the source is used for tables that are not begun yet.
    pub snapshot_age: Duration,
    /// The step after which this ends; `start` again goes on.
    pub until: Option<String>,
}

impl Options {
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(NAME)
    }
}

/// Of a migration that nobody has given another name.
pub const NAME: &str = "dts_migrate";

/// By which its sessions are known on both servers.
const CALLED: &str = "dts-migrate start";

/// In their order.
pub const STEPS: [&str; 19] = [
    "capture",
    "identities",
    "publication",
    "roles",
    "database",
    "moment",
    "apply",
    "schema",
    "rows",
    "indexes",
    "statistics",
    "foreign keys",
    "constraints",
    "stream",
    "caught up",
    "tables again",
    "validation",
    "views",
    "large objects",
];

/// What it has to say when it is done.
type Step = fn(&mut Work) -> Result<String, Problem>;

/// What all steps work with.
struct Work<'a> {
    source: &'a Server,
    target: &'a Server,
    options: &'a Options,
    programs: &'a Programs,
    output: &'a Output,
    here: Session,
    there: Session,
    record: Record,
    /// Then everything goes to that of the target's database.
    target_lacks_tablespaces: bool,
}

impl Work<'_> {
    fn name(&self) -> &str {
        &self.record.migration.name
    }

    fn trusts(&self) -> bool {
        self.record.migration.trust_source
    }

    /// A server that has gone away is not mended by another query.
    fn of_step(&self, step: &str, problem: Problem) -> Problem {
        let sessions = [&self.here, &self.there, &self.record.session];
        if sessions.iter().any(|session| session.is_closed()) {
            Problem::new(
                format!(
                    "{} (in step {step}; what is done is recorded)",
                    problem.what
                ),
                "when both servers run, dts-migrate start again: it goes on",
            )
        } else {
            problem
        }
    }

    /// Does the step, unless it is done.
    fn step(&mut self, name: &str, work: Step) -> Result<(), Problem> {
        if let Some(note) = self.record.finished(name)? {
            self.output
                .detail(&format!("{name:<14} done before: {note}"));
            return Ok(());
        }
        self.record.begin(name)?;
        self.record.progress(name, 0, 0, "")?;
        let watch = Instant::now();
        let note = work(self).map_err(|problem| self.of_step(name, problem))?;
        self.record.end(name, &note)?;
        self.output.step(name, &note, watch.elapsed());
        Ok(())
    }
}

pub fn start(
    source: &Server,
    target: &Server,
    options: &Options,
    pg_bin: Option<&std::path::Path>,
    output: &Output,
) -> Result<(), Problem> {
    let (source, target) = (&source.called(CALLED), &target.called(CALLED));
    let mut here = source.connect_to_write()?;
    let mut outside = globals::without_database(target)?;
    let major = match &outside {
        Some(session) => session.major(),
        None => target.connect()?.major(),
    };
    let programs = crate::config::programs(pg_bin, here.major().max(major))?;
    if let Some(session) = &mut outside {
        capture::require_free(&mut here, options.name())?;
        globals::database(&mut here, session, target, output)?;
    }
    let mut there = target.connect_to_write()?;
    record::require_two(&mut here, &mut there)?;
    let mut record = open(&mut here, source, target, options, output)?;
    if outside.is_some() {
        record.make(Side::Destination, "database", target.dbname(), None)?;
    }
    let mut work = Work {
        source,
        target,
        options,
        programs: &programs,
        output,
        here,
        there,
        record,
        target_lacks_tablespaces: false,
    };
    end_leftovers(&mut work)?;
    work.target_lacks_tablespaces = schema::tablespaces_are_missing(&mut work)?;
    if work.record.migration.phase != Phase::Starting {
        output.say("start is done already; next: dts-migrate status");
        return Ok(());
    }
    let watch = Instant::now();
    stream::slot_is_good(&mut work)?;
    let steps: [Step; STEPS.len()] = [
        capture::capture,
        capture::identities,
        capture::publication,
        globals::roles,
        globals::properties,
        schema::moment,
        stream::apply,
        schema::load,
        rows::rows,
        constraints::indexes,
        constraints::statistics,
        constraints::foreign_keys,
        constraints::others,
        stream::begin,
        stream::catch_up,
        stream::tables_again,
        constraints::later,
        remainder::views,
        remainder::large_objects,
    ];
    for (name, step) in STEPS.into_iter().zip(steps) {
        work.step(name, step)?;
        if options.until.as_deref() == Some(name) {
            output.say(&format!(
                "Ended after the step {name}, as asked. next: dts-migrate start"
            ));
            return Ok(());
        }
    }
    work.record.set_phase(Phase::Following)?;
    output.say(&format!(
        "The target follows the source ({:.1} s). next: dts-migrate status; dts-migrate compare; dts-migrate switch",
        watch.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// Whether the target has the record of a start.
pub fn is_begun(target: &Server) -> bool {
    matches!(Record::look(target), Ok(Some(_)))
}

/// Programs of PostgreSQL, and sessions that wait for something, outlive the start that was killed.
fn end_leftovers(work: &mut Work) -> Result<(), Problem> {
    let own = work.record.session.ask("SELECT pg_backend_pid()")?[0]
        .text(0)
        .to_owned();
    for (session, own) in [(&mut work.there, own.as_str()), (&mut work.here, "0")] {
        let query = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = {} AND backend_type IN ('client backend', 'walsender')
               AND pid NOT IN (pg_backend_pid(), {own})",
            crate::connection::literal(CALLED)
        );
        let end = Instant::now() + Duration::from_secs(60);
        while session.ask(&query)?[0].number::<u32>(0) > 0 {
            if Instant::now() > end {
                return Err(Problem::new(
                    format!(
                        "sessions of a start that was killed do not end on the {}",
                        session.side.name()
                    ),
                    format!(
                        "see SELECT pid, query FROM pg_stat_activity WHERE application_name = '{CALLED}' there, then dts-migrate start again"
                    ),
                ));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    Ok(())
}

/// The record: that of a `start` before, or a new one.
fn open(
    here: &mut Session,
    source: &Server,
    target: &Server,
    options: &Options,
    output: &Output,
) -> Result<Record, Problem> {
    let (system, database) = record::identity(here)?;
    if let Some(found) = Record::open(target)? {
        let began = &found.migration;
        if (began.source_system.as_str(), began.source_database.as_str()) != (&system, &database) {
            return Err(Problem::new(
                format!(
                    "a migration to this target was begun from another source: {}",
                    began.source
                ),
                "dts-migrate abort with that source; or begin with an empty target database",
            ));
        }
        if let Some(name) = options.name.as_ref().filter(|name| **name != began.name) {
            return Err(Problem::new(
                format!(
                    "the migration to this target was begun with the name {}, not {name}; nothing was changed",
                    began.name
                ),
                "dts-migrate start without --name (and without name in the file) goes on with it; or dts-migrate abort, and begin again",
            ));
        }
        output.say(&format!(
            "Going on with the migration {} from {}",
            began.name, began.source
        ));
        return Ok(found);
    }
    if Record::look(source)?.is_some() {
        return Err(Problem::new(
            "the source has a record of a migration itself: it was, or is, the target of one",
            "dts-migrate status with these servers exchanged; dts-migrate finish or abort there first",
        ));
    }
    capture::require_free(here, options.name())?;
    schema::require_empty(target)?;
    Record::create(
        target,
        Migration {
            name: options.name().to_owned(),
            source: source.host_and_port_text(),
            source_system: system,
            source_database: database,
            trust_source: options.trust_source,
            phase: Phase::Starting,
        },
    )
}
