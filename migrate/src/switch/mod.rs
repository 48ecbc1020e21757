//! `switch`: users go from the source to the target, and nothing is lost.
//!
//! All that takes time is done before. Then the [`fence`] keeps users out, what they have left behind arrives, [`sequences`]
//! are set, a [`quick`] comparison is made, and one transaction on the target is the point of no return: the subscription
//! goes, nothing is applied any more, the record says so. Whatever fails before it, Ctrl-C and too long a downtime
//! included, is undone: the fence goes, the stream goes on. After a crash the record has the fence, and `switch` and `abort`
//! go on from there.
//!
//! With `--back` the old server follows the new one before users come to it ([`back`]).

pub mod back;
pub mod fence;
pub mod quick;
pub mod sequences;

use crate::compare::published::{self, Sent, TableName};
use crate::compare::report::Status;
use crate::compare::stream::{Stands, Stream};
use crate::connection::{Session, Side, identifier, literal};
use crate::interrupt;
use crate::pair::{self, Edition, Servers};
use crate::problem::{Problem, words};
use crate::record::{Phase, Record};
use fence::Fence;
use quick::Quick;
use std::process::Stdio;
use std::time::{Duration, Instant};

pub struct Options {
    /// The old server follows.
    pub back: bool,
    pub max_downtime: Option<Duration>,
    /// Numbers that each sequence leaves out.
    pub margin: u64,
    /// They are copied again, within the downtime.
    pub large_objects: bool,
    pub compare: bool,
    /// Of the comparison.
    pub budget: Duration,
    /// How long it may take before to be near enough to the source.
    pub patience: Duration,
    pub pg_dump: String,
    pub pg_restore: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            back: false,
            max_downtime: None,
            margin: 1000,
            large_objects: false,
            compare: true,
            budget: Duration::from_millis(500),
            patience: Duration::from_secs(600),
            pg_dump: "pg_dump".to_owned(),
            pg_restore: "pg_restore".to_owned(),
        }
    }
}

/// What it says at its end.
#[derive(Debug)]
pub struct Done {
    pub downtime: Duration,
    pub lines: Vec<String>,
}

impl Done {
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }
}

/// Bytes that the target may lack when users are sent away.
const NEAR: u64 = 4 << 20;
/// Without `--max-downtime`.
const LONGEST: Duration = Duration::from_secs(300);

/// What the downtime is measured by.
struct Clock {
    start: Instant,
    longest: Option<Duration>,
}

impl Clock {
    fn check(&self) -> Result<(), Problem> {
        interrupt::check()?;
        match self.longest {
            Some(longest) if self.start.elapsed() >= longest => Err(Problem::new(
                format!(
                    "the downtime would be longer than {}",
                    crate::output::duration(longest.as_secs_f64())
                ),
                "dts-migrate switch again when there is less to do, or with a larger --max-downtime",
            )),
            _ => Ok(()),
        }
    }
}

/// All that is known, and connected, before users are sent away.
struct Prepared {
    servers: Servers,
    record: Record,
    ready: Ready,
}

/// `ask` is shown what will happen; whether it may.
pub fn switch(
    source: &crate::connection::Server,
    target: &crate::connection::Server,
    options: &Options,
    ask: &mut dyn FnMut(&str) -> bool,
    tell: &mut dyn FnMut(&str),
) -> Result<Done, Problem> {
    let (servers, record) = pair::find(source, target, true)?;
    let Some(mut record) = record else {
        return Err(pair::nothing_began());
    };
    let unfinished = back::is_unfinished(&mut record)?;
    match record.migration.phase {
        Phase::Starting => {
            return Err(Problem::new(
                "start is not at its end: the target does not follow the source yet",
                "dts-migrate start SOURCE TARGET goes on; nothing was changed",
            ));
        }
        Phase::Switched | Phase::Back if unfinished => {
            return back::go_on(servers, record, options.back, ask);
        }
        Phase::Switched => {
            return Err(Problem::new(
                "the switch is done: users are to be on the target, and nothing follows",
                "dts-migrate finish SOURCE TARGET",
            ));
        }
        Phase::Following | Phase::Back => {}
    }
    let interrupted = fence::known(&mut record, Side::Source.name())?.is_some();
    let ready = match ready(&servers, &mut record, options, tell) {
        Ok(ready) => ready,
        Err(problem) if interrupted => return Err(undone(problem, &servers, &mut record, None)),
        Err(problem) => return Err(problem),
    };
    let mut prepared = Prepared {
        servers,
        record,
        ready,
    };
    if !ask(&prepared.announce(options, interrupted)?) {
        let problem = Problem::new("nothing was changed", "");
        return Err(if interrupted {
            undone(problem, &prepared.servers, &mut prepared.record, None)
        } else {
            problem
        });
    }
    prepared.go(options, interrupted)
}

/// What [`ready`] has found and connected.
struct Ready {
    source: Session,
    /// Two more, that only read.
    readers: [Session; 2],
    fence: Fence,
    stream: Stream,
    quick: Option<Quick>,
    edition: Edition,
    tables: usize,
    /// Of the source, when the tables were looked at.
    last_command: i64,
}

fn ready(
    servers: &Servers,
    record: &mut Record,
    options: &Options,
    tell: &mut dyn FnMut(&str),
) -> Result<Ready, Problem> {
    let name = record.migration.name.clone();
    let mut source = servers.source.connect_to_write()?;
    source.run("SET lock_timeout = '5s'; SET synchronous_commit = on")?;
    record
        .session
        .run("SET lock_timeout = '10s'; SET synchronous_commit = on")?;
    pair::require_source(&mut source, &record.migration)?;
    let mut readers = [
        servers.source.connect_to_write()?,
        servers.target.connect_to_write()?,
    ];
    for reader in &mut readers {
        reader.run("SET lock_timeout = '2s'; SET default_transaction_read_only = on")?;
    }
    let own = [pid(&mut source)?, pid(&mut readers[0])?];
    let edition = pair::edition(&mut record.session)?;
    let fence = Fence::new(&mut source, &name, &own)?;
    fence.require_possible(&mut source)?;
    require_following(record, &name, edition)?;
    if options.back {
        back::require_possible(record, &mut source, edition)?;
    }
    let stream = Stream::new(&mut source, vec![name.clone()], Duration::from_millis(100))?;
    near(&mut source, &name, &stream, options.patience, tell)?;
    let last_command = pair::last_command(&mut source)?;
    let tables = all_arrive(servers, record, &mut source, &stream)?;
    let quick = if options.compare {
        let [here, there] = &mut readers;
        Some(Quick::new(
            here,
            there,
            &tables,
            crate::compare::Options::default().seed,
        )?)
    } else {
        None
    };
    Ok(Ready {
        source,
        readers,
        fence,
        stream,
        quick,
        edition,
        tables: tables.len(),
        last_command,
    })
}

fn pid(session: &mut Session) -> Result<String, Problem> {
    Ok(session.ask("SELECT pg_backend_pid()")?[0]
        .text(0)
        .to_owned())
}

/// The subscription runs, all tables are copied, nothing stands still.
fn require_following(record: &mut Record, name: &str, edition: Edition) -> Result<(), Problem> {
    let target = &mut record.session;
    match pair::subscription(target, name)? {
        None => {
            return Err(Problem::new(
                format!("the target has no subscription {name}: it does not follow the source"),
                "dts-migrate status SOURCE TARGET; nothing was changed",
            ));
        }
        Some(found) if !found.enabled => {
            return Err(Problem::new(
                format!("the subscription {name} of the target is disabled"),
                format!(
                    "ALTER SUBSCRIPTION {} ENABLE on the target, then switch again; nothing was changed",
                    identifier(name)
                ),
            ));
        }
        Some(_) => {}
    }
    let copying = to_be_copied(target, name)?;
    if !copying.is_empty() {
        return Err(Problem::new(
            format!("tables are still to be copied: {}", copying.join(", ")),
            "wait until they are ready (dts-migrate status --watch), then switch again; nothing was changed",
        ));
    }
    if edition != Edition::Extension {
        return Ok(());
    }
    let stops = target.ask("SELECT coalesce(id::text, ''), coalesce(tag, ''), coalesce(error, '') FROM dts_ddl.stops()")?;
    if let Some(stop) = stops.first() {
        return Err(Problem::new(
            format!(
                "the stream stands still: {} {} {}",
                stop.text(0),
                stop.text(1),
                stop.text(2)
            ),
            "dts-migrate status SOURCE TARGET shows what to do; nothing was changed",
        ));
    }
    let failures = target.ask("SELECT coalesce(apply_failures, 0) FROM dts_ddl.status")?;
    if failures[0].number::<u64>(0) > 0 {
        return Err(Problem::new(
            format!(
                "{} commands of the source have failed on the target, and were left out",
                failures[0].text(0)
            ),
            "SELECT id, error, ddl_text FROM dts_ddl.apply_log WHERE status = 'failed': do by hand what is missing, \
             SELECT dts_ddl.skip(id) \
             for each, then switch again; nothing was changed",
        ));
    }
    Ok(())
}

/// Some of the tables of which not all rows are there.
fn to_be_copied(target: &mut Session, name: &str) -> Result<Vec<String>, Problem> {
    let rows = target.ask(&format!(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_subscription_rel r
         JOIN pg_subscription s ON s.oid = r.srsubid JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()
         JOIN pg_class c ON c.oid = r.srrelid JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE s.subname = {} AND r.srsubstate NOT IN ('r', 's') ORDER BY 1 LIMIT 5",
        literal(name)
    ))?;
    Ok(rows.iter().map(|row| row.text(0).to_owned()).collect())
}

/// Not before little is left to come.
fn near(
    source: &mut Session,
    slot: &str,
    stream: &Stream,
    patience: Duration,
    tell: &mut dyn FnMut(&str),
) -> Result<(), Problem> {
    let start = Instant::now();
    let query = format!(
        "SELECT greatest(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), greatest(r.replay_lsn, s.confirmed_flush_lsn)), \
         0)::bigint, s.active
         FROM pg_replication_slots s LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid WHERE s.slot_name = {}",
        literal(slot)
    );
    let mut told = Instant::now();
    loop {
        let rows = source.ask(&query)?;
        let behind: u64 = rows.first().map_or(0, |row| row.number(0));
        let active = rows.first().is_some_and(|row| row.is_true(1));
        if active && behind < NEAR {
            // and it flows
            let position = stream.position(source).map_err(|error| lost(&error))?;
            return arrive(
                stream,
                source,
                position,
                Instant::now() + Duration::from_secs(30),
                &mut interrupt::check,
            );
        }
        interrupt::check()?;
        if start.elapsed() > patience {
            return Err(Problem::new(
                format!(
                    "the target is {} behind after {}{}",
                    crate::output::size(behind),
                    crate::output::duration(patience.as_secs_f64()),
                    if active {
                        ""
                    } else {
                        ", and is not connected to the source"
                    }
                ),
                "dts-migrate status --watch shows whether it comes nearer; nothing was changed",
            ));
        }
        if told.elapsed() > Duration::from_secs(2) {
            tell(&format!(
                "the target is {} behind",
                crate::output::size(behind)
            ));
            told = Instant::now();
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn lost(error: &postgres::Error) -> Problem {
    Problem::new(format!("the source does not answer: {}", words(error)), "")
}

/// Waits for the stream, and looks from time to time whether to give up.
fn arrive(
    stream: &Stream,
    source: &mut Session,
    position: u64,
    end: Instant,
    give_up: &mut dyn FnMut() -> Result<(), Problem>,
) -> Result<(), Problem> {
    loop {
        match stream.wait(source, position) {
            Ok(()) => return Ok(()),
            Err(Stands::Failed(error)) => return Err(lost(&error)),
            Err(Stands::Behind(words)) => {
                give_up()?;
                if Instant::now() > end {
                    return Err(Problem::new(
                        format!("the stream does not come: {words}"),
                        "dts-migrate status SOURCE TARGET shows what it waits for",
                    ));
                }
            }
        }
    }
}

/// No table is published and gets no rows.
fn all_arrive(
    servers: &Servers,
    record: &Record,
    source: &mut Session,
    stream: &Stream,
) -> Result<Vec<(TableName, Sent)>, Problem> {
    let mut target = servers.target.connect()?;
    let names = [record.migration.name.clone()];
    for attempt in 0.. {
        // a table that was made just now is in the stream
        let position = stream.position(source).map_err(|error| lost(&error))?;
        arrive(
            stream,
            source,
            position,
            Instant::now() + Duration::from_secs(30),
            &mut interrupt::check,
        )?;
        let found = published::subscribed(source, &mut target, &names)?;
        let missing = without_rows(&found);
        if missing.is_empty() {
            return Ok(found.compared);
        }
        if attempt == 3 {
            return Err(Problem::new(
                format!(
                    "tables are published, and the target gets no rows of them: {}",
                    missing.join(", ")
                ),
                "dts-migrate recopy SOURCE TARGET TABLE (make it by hand if it is not there); nothing was changed",
            ));
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    unreachable!("the loop has no end");
}

fn without_rows(found: &published::Found) -> Vec<String> {
    found
        .others
        .iter()
        .filter(|other| other.status == Status::OnlySource && other.table.schema != "dts_migrate")
        .map(|other| other.table.identity())
        .collect()
}

/// The fence goes, and it says so. `known`: how it was before, as the record said.
fn undone(
    problem: Problem,
    servers: &Servers,
    record: &mut Record,
    known: Option<&(String, fence::Before)>,
) -> Problem {
    let first = match known {
        Some((database, before)) => Ok(Some((database.clone(), before.clone()))),
        None => fence::known(record, Side::Source.name())
            .map(|found| found.map(|(_, database, before)| (database, before))),
    };
    let mut last = None;
    for _ in 0..20 {
        let undone = servers.source.connect_to_write().and_then(|mut session| {
            let undone = fence::undo(&mut session, record, Side::Source.name());
            match (undone, known) {
                // the record says that it stands, and is wrong until the next switch, or abort
                (Err(_), Some((database, before))) => {
                    session.run(&before.commands(database).join(";"))
                }
                (undone, _) => undone.map(|_| ()),
            }
        });
        match undone {
            Ok(()) => {
                let mut next = "everything is as before: users can go on working on the source, and the target follows \
                 it".to_owned();
                if !problem.next.is_empty() {
                    next = format!("{next}; {}", problem.next);
                }
                return Problem::new(problem.what, next);
            }
            Err(error) => last = Some(error),
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    let commands = match first {
        Ok(Some((database, before))) => before.commands(&database).join("; "),
        _ => "ALTER DATABASE .. CONNECTION LIMIT -1; ALTER DATABASE .. RESET default_transaction_read_only".to_owned(),
    };
    Problem::new(
        format!(
            "{}; and the fence around the source's database could not be taken away: {}",
            problem.what,
            last.map_or(String::new(), |error| error.what)
        ),
        format!(
            "users are kept out until, as a superuser on the source: {commands}; or dts-migrate switch again"
        ),
    )
}

impl Prepared {
    /// What will happen.
    fn announce(&mut self, options: &Options, interrupted: bool) -> Result<String, Problem> {
        let others = self.ready.fence.others(&mut self.ready.source)?;
        let (source, target) = (&self.servers.source, &self.servers.target);
        let mut lines = vec![format!(
            "Users go from {} ({}) to {} ({}).",
            source.host_and_port_text(),
            source.dbname(),
            target.host_and_port_text(),
            target.dbname()
        )];
        if interrupted {
            lines.push("A switch was broken off before: its fence still stands, and users are kept out now.".to_owned());
        }
        let who = Fence::who(&others);
        lines.push(if who.is_empty() {
            "Nobody else is connected to the source's database.".to_owned()
        } else {
            format!(
                "Sessions that will be ended on the source: {}",
                who.join("; ")
            )
        });
        if let Some(user) = &self.ready.fence.walsender {
            lines.push(format!(
                "The subscription connects as {user}, no superuser: the connection limit is {} and not 0, so that it \
                 can come again.",
                self.ready.fence.limit
            ));
        }
        lines.push(format!("Tables that follow: {}", self.ready.tables));
        if self.ready.edition != Edition::Extension {
            lines.push("The target has no extension: what portable apply has left out is in dts_ddl_apply.log.".to_owned());
        }
        if options.back {
            let trust =
                self.record.migration.trust_source || back::needs_trust(&mut self.ready.source)?;
            lines.push(format!(
                "The old server will follow the new one{}; CONNECTION LIMIT 0 stays on it, and it is not read-only, \
                 since the stream writes.",
                if trust {
                    ", and trusts it: who may run DDL there may do here whatever a superuser may \
                     (start_apply(trust_source => true))"
                } else {
                    ""
                }
            ));
        }
        Ok(lines.join("\n"))
    }

    fn go(mut self, options: &Options, interrupted: bool) -> Result<Done, Problem> {
        let before = self.ready.fence.before.text();
        // what was written by one that was broken off holds
        self.record.make(
            Side::Source,
            fence::KIND,
            &self.ready.fence.database.clone(),
            Some(&before),
        )?;
        // for when the record cannot be asked
        let known = fence::known(&mut self.record, Side::Source.name())?
            .map(|(_, database, before)| (database, before));
        let clock = Clock {
            start: Instant::now(),
            longest: options.max_downtime,
        };
        let found = match self.behind_the_fence(options, &clock) {
            Ok(found) => found,
            Err(problem) => {
                // whoever cannot be asked has not committed it either: it was not begun
                let _ = self
                    .record
                    .session
                    .run("ROLLBACK; SET statement_timeout = 0");
                return Err(undone(
                    problem,
                    &self.servers,
                    &mut self.record,
                    known.as_ref(),
                ));
            }
        };
        if let Err(problem) = self.point_of_no_return(options, &clock)
            && !self.is_past()?
        {
            return Err(undone(
                problem,
                &self.servers,
                &mut self.record,
                known.as_ref(),
            ));
        }
        let (sequences, compared, proof) = found;
        let mut lines = Vec::new();
        let mut problem = None;
        let mut servers = self.servers;
        let mut record = self.record;
        let downtime;
        if options.back {
            match back::make(servers, record, &mut self.ready.source) {
                Ok((now, its_record)) => {
                    servers = now;
                    record = its_record;
                }
                Err(error) => return Err(error),
            }
            downtime = clock.start.elapsed();
        } else {
            downtime = clock.start.elapsed();
            let slot = record.migration.name.clone();
            let dropped = pair::drop_slot(&mut self.ready.source, &slot)
                .and_then(|_| back::forget(&mut record, Side::Source, "slot"));
            if let Err(error) = dropped {
                problem = Some(error);
            }
        }
        let new = if options.back {
            &servers.source
        } else {
            &servers.target
        };
        lines.push(format!(
            "switched: users may come to {} (database {}) now",
            new.host_and_port_text(),
            new.dbname()
        ));
        let more = if interrupted {
            ", and users were kept out before"
        } else {
            ""
        };
        lines.push(format!("downtime {:.1} s{more}", downtime.as_secs_f64()));
        lines.push(proof);
        if !sequences.missing.is_empty() {
            lines.push(format!(
                "sequences that the target does not have: {}",
                sequences.missing.join(", ")
            ));
        }
        lines.push(format!(
            "sequences set: {}, with a margin of {}",
            sequences.set, options.margin
        ));
        if let Some(compared) = compared {
            lines.push(format!("compared: {}", compared.words()));
        }
        let side = if options.back {
            Side::Destination
        } else {
            Side::Source
        };
        if let Some((_, database, before)) = fence::known(&mut record, side.name())? {
            let commands = before.commands(&database);
            lines.push(if options.back {
                format!(
                    "the old server follows, and keeps users out; by hand: {}",
                    commands[0]
                )
            } else {
                format!(
                    "the old server keeps users out and is read-only; by hand: {}",
                    commands.join("; ")
                )
            });
        }
        if let Some(problem) = problem {
            lines.push(problem.to_string());
        }
        lines.push(if options.back {
            "next: when the old server is not needed any more, dts-migrate finish SOURCE TARGET; to go back to it, \
             dts-migrate switch SOURCE TARGET".to_owned()
        } else {
            "next: dts-migrate finish SOURCE TARGET".to_owned()
        });
        lines.retain(|line| !line.is_empty());
        Ok(Done { downtime, lines })
    }

    /// Everything that can still be undone.
    #[allow(clippy::type_complexity)]
    fn behind_the_fence(
        &mut self,
        options: &Options,
        clock: &Clock,
    ) -> Result<(sequences::Set, Option<quick::Compared>, String), Problem> {
        if let Some(longest) = options.max_downtime {
            // a query that hangs is longer than that, too
            let limit = format!("SET statement_timeout = {}", longest.as_millis().max(100));
            self.ready.source.run(&limit)?;
            self.record.session.run(&limit)?;
        }
        let end = clock.start + options.max_downtime.unwrap_or(LONGEST);
        let source = &mut self.ready.source;
        self.ready.fence.close(source)?;
        self.ready.fence.empty(source, || clock.check())?;
        self.ready.fence.require_possible(source)?;
        let mut mark = self.ready.fence.mark(source)?;
        let mut position = self
            .ready
            .stream
            .position(source)
            .map_err(|error| lost(&error))?;
        // values are final from now on; they are read while the rest arrives
        let reader = &mut self.ready.readers[0];
        let stream = &self.ready.stream;
        let values = std::thread::scope(|threads| {
            let values = threads.spawn(|| sequences::read(reader));
            arrive(stream, source, position, end, &mut || clock.check())?;
            values.join().expect("a query does not panic")
        })?;
        let mut proof = String::new();
        for _ in 0..5 {
            self.ready.fence.empty(source, || clock.check())?;
            self.ready.fence.require_possible(source)?;
            let now = self.ready.fence.seen(source)?;
            if now == mark {
                "no transaction has begun on the whole server since everything had arrived"
                    .clone_into(&mut proof);
                break;
            }
            // another database, or autovacuum
            mark = now;
            position = self
                .ready
                .stream
                .position(source)
                .map_err(|error| lost(&error))?;
            arrive(&self.ready.stream, source, position, end, &mut || {
                clock.check()
            })?;
            "nobody was connected to the source's database when the last of it arrived"
                .clone_into(&mut proof);
        }
        let proof = format!(
            "proof that nothing is left behind: {proof} ({:X}/{:X})",
            position >> 32,
            position & 0xffff_ffff
        );
        let (here, there) = (
            pair::last_command(source)?,
            pair::last_command(&mut self.record.session)?,
        );
        if self.ready.edition != Edition::None && there < here {
            return Err(Problem::new(
                format!(
                    "the last DDL command of the source has id {here}, that of the target {there}"
                ),
                "dts-migrate status SOURCE TARGET",
            ));
        }
        self.require_tables(here, clock)?;
        clock.check()?;
        let set = sequences::set(&mut self.record.session, &values, options.margin)?;
        if options.large_objects {
            large_objects(&self.servers, &mut self.record.session, options, clock)?;
        }
        clock.check()?;
        let compared = match &self.ready.quick {
            None => None,
            Some(quick) => {
                let [here, there] = &mut self.ready.readers;
                let compared = quick.compare(here, there, options.budget)?;
                if !compared.differing.is_empty() {
                    return Err(Problem::new(
                        format!("rows differ: {}", compared.differing.join("; ")),
                        "dts-migrate compare SOURCE TARGET says which; dts-migrate recopy SOURCE TARGET TABLE copies a \
                         table again; or switch --no-compare",
                    ));
                }
                Some(compared)
            }
        };
        clock.check()?;
        Ok((set, compared, proof))
    }

    /// What the last commands of the users have done to tables: some may have to be copied, or get no rows.
    fn require_tables(&mut self, last_command: i64, clock: &Clock) -> Result<(), Problem> {
        // small ones are soon there
        const COPY: Duration = Duration::from_secs(10);
        let name = self.record.migration.name.clone();
        let start = Instant::now();
        loop {
            let copying = to_be_copied(&mut self.record.session, &name)?;
            if copying.is_empty() {
                break;
            }
            clock.check()?;
            if start.elapsed() > COPY {
                return Err(Problem::new(
                    format!(
                        "tables have to be copied again by now: {}",
                        copying.join(", ")
                    ),
                    "wait until they are ready (dts-migrate status --watch), then switch again",
                ));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        if last_command == self.ready.last_command {
            return Ok(());
        }
        let [here, there] = &mut self.ready.readers;
        let found = published::subscribed(here, there, &[name])?;
        let missing = without_rows(&found);
        if missing.is_empty() {
            return Ok(());
        }
        Err(Problem::new(
            format!(
                "tables are published, and the target gets no rows of them: {}",
                missing.join(", ")
            ),
            "dts-migrate recopy SOURCE TARGET TABLE (make it by hand if it is not there), then switch again",
        ))
    }

    /// All of it, or nothing.
    fn point_of_no_return(&mut self, options: &Options, clock: &Clock) -> Result<(), Problem> {
        let source = &mut self.ready.source;
        self.ready.fence.empty(source, || clock.check())?;
        let name = identifier(&self.record.migration.name);
        let mut sql = format!(
            "BEGIN; ALTER SUBSCRIPTION {name} DISABLE; ALTER SUBSCRIPTION {name} SET (slot_name = NONE); DROP \
             SUBSCRIPTION {name};"
        );
        if self.ready.edition == Edition::Extension && pair::is_applying(&mut self.record.session)?
        {
            sql.push_str("SELECT dts_ddl.stop_apply();");
        }
        // the target was fenced when users left it the last time
        if let Some((id, database, before)) =
            fence::known(&mut self.record, Side::Destination.name())?
        {
            sql.push_str(&before.commands(&database).join(";"));
            sql.push_str(&format!("; DELETE FROM dts_migrate.made WHERE id = {id};"));
        }
        sql.push_str(&format!(
            "DELETE FROM dts_migrate.made WHERE side = 'destination' AND kind IN ('subscription', 'apply');
             UPDATE dts_migrate.migration SET phase = {};",
            literal(Phase::Switched.name())
        ));
        if options.back {
            sql.push_str(back::BEGUN);
        }
        pair::quiet(&mut self.record.session)?;
        clock.check()?;
        self.record.session.run(&format!("{sql} COMMIT"))?;
        self.record.migration.phase = Phase::Switched;
        self.record.session.run("SET statement_timeout = 0")?;
        self.ready.source.run("SET statement_timeout = 0")
    }

    /// Whether that transaction was committed, which a lost connection does not tell.
    fn is_past(&mut self) -> Result<bool, Problem> {
        if self.record.migration.phase == Phase::Switched {
            return Ok(true);
        }
        // a session that ends is not closed at once
        if !self.record.session.is_closed()
            && self
                .record
                .session
                .run("ROLLBACK; SET statement_timeout = 0")
                .is_ok()
        {
            return Ok(false);
        }
        let mut last = None;
        for _ in 0..20 {
            match Record::open(&self.servers.target) {
                Ok(Some(record)) => {
                    self.record = record;
                    return Ok(self.record.migration.phase == Phase::Switched);
                }
                Ok(None) => break,
                Err(problem) => last = Some(problem),
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        Err(Problem::new(
            format!(
                "the target does not answer, so that it is not known whether the switch was done{}",
                last.map_or(String::new(), |problem| format!(": {}", problem.what))
            ),
            "users are kept out of the source, and must not come to the target yet: dts-migrate switch again as soon \
             as the target \
             answers",
        ))
    }
}

/// Those of the target go, those of the source come.
fn large_objects(
    servers: &Servers,
    target: &mut Session,
    options: &Options,
    clock: &Clock,
) -> Result<(), Problem> {
    loop {
        // no more at once than there are locks for
        let gone = target.ask(
            "SELECT lo_unlink(m.oid) FROM (SELECT oid FROM pg_largeobject_metadata LIMIT 1000) m",
        )?;
        if gone.is_empty() {
            break;
        }
        clock.check()?;
    }
    let failed = |what: String| {
        Problem::new(
            format!("large objects were not copied: {what}"),
            "look whether pg_dump and pg_restore are of the newer major; the target's large objects are gone until \
             they are copied again",
        )
    };
    let mut dump = servers
        .source
        .program(&options.pg_dump)
        .args(["-Fc", "--data-only", "--blobs", "--exclude-schema=*"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let from = dump.stdout.take().expect("a pipe");
    let name = target.ask("SELECT current_database()")?[0]
        .text(0)
        .to_owned();
    let name = name.replace('\\', "\\\\").replace('\'', "\\'");
    let restored = servers
        .target
        .program(&options.pg_restore)
        .args(["--exit-on-error", "-d", &format!("dbname='{name}'")])
        .stdin(from)
        .status();
    let dumped = dump.wait().map_err(|error| failed(error.to_string()))?;
    let restored = restored.map_err(|error| failed(error.to_string()))?;
    if !dumped.success() || !restored.success() {
        return Err(failed(format!(
            "pg_dump ended with {dumped}, pg_restore with {restored}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_long() {
        let clock = |longest| Clock {
            start: Instant::now(),
            longest,
        };
        assert!(clock(None).check().is_ok());
        assert!(clock(Some(Duration::from_secs(60))).check().is_ok());
        let problem = clock(Some(Duration::ZERO)).check().expect_err("too long");
        assert!(problem.to_string().contains("--max-downtime"));
    }
}
