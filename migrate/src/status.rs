//! `status`: all that there is to know about a migration, on one screen. It only reads.
//!
//! What cannot be looked at is told, and the rest is shown all the same.

use crate::compare::published;
use crate::compare::report::Status as TableStatus;
use crate::connection::{Row, Server, Session, Side, identifier, literal};
use crate::output::{duration, size};
use crate::pair::{self, Edition, Servers};
use crate::problem::Problem;
use crate::record::{Phase, Record};
use crate::switch::{fence, sequences};
use serde::Serialize;
use std::fmt::Write;

/// Exit status.
pub const FINE: u8 = 0;
pub const NEEDS_A_HAND: u8 = 1;
pub const NOT_LOOKED: u8 = 2;

#[derive(Default, Serialize)]
pub struct Status {
    pub name: String,
    /// `none` before `start` and after `finish`.
    pub phase: String,
    /// After `switch --back` the other way round than the arguments.
    pub source: String,
    pub target: String,
    /// The process of the target that acts now.
    pub acting: Option<String>,
    pub steps: Vec<Step>,
    pub progress: Option<Bar>,
    pub tables: Vec<Count>,
    pub stream: Option<Flow>,
    pub slot: Option<Slot>,
    pub stops: Vec<Stop>,
    pub waits: Vec<Wait>,
    pub tables_not_ready: Vec<String>,
    /// Published, and in no subscription.
    pub tables_without_rows: Vec<String>,
    pub sequences: Option<u64>,
    pub sequences_behind: Option<u64>,
    /// Around the old server: how it is taken away by hand.
    pub fence: Vec<String>,
    /// The old server does not follow yet, although it was to.
    pub way_back_unfinished: bool,
    pub checks: Vec<Check>,
    pub notes: Vec<String>,
    /// What could not be looked at.
    pub not_looked: Vec<String>,
    pub next: String,
}

#[derive(Serialize)]
pub struct Step {
    pub name: String,
    pub seconds: f64,
    pub finished: bool,
    pub note: String,
}

#[derive(Clone, Serialize)]
pub struct Bar {
    pub step: String,
    pub done: u64,
    pub total: u64,
    pub unit: String,
    pub seconds: f64,
    /// Since it was last told.
    pub silent_seconds: f64,
}

#[derive(Serialize)]
pub struct Count {
    pub state: String,
    pub tables: u64,
    pub bytes: u64,
}

#[derive(Default, Serialize)]
pub struct Flow {
    pub enabled: bool,
    pub connected: bool,
    pub lag_bytes: u64,
    pub lag_seconds: Option<f64>,
    /// The highest id of a command there, and here.
    pub last_command: i64,
    pub applied_command: i64,
    /// What the worker does.
    pub worker: Option<String>,
}

#[derive(Default, Serialize)]
pub struct Slot {
    pub bytes: u64,
    pub wal_status: String,
    pub safe_wal_size: Option<i64>,
}

#[derive(Default, Serialize)]
pub struct Stop {
    pub table: Option<String>,
    pub since: String,
    pub failures: u64,
    pub id: Option<i64>,
    pub tag: String,
    pub role: String,
    pub statement: String,
    pub sqlstate: String,
    pub error: String,
    pub hint: String,
}

#[derive(Serialize)]
pub struct Wait {
    pub pid: String,
    pub user: String,
    pub application: String,
    pub query: String,
    pub seconds: f64,
}

#[derive(Clone, Serialize)]
pub struct Check {
    pub side: String,
    pub name: String,
    pub status: String,
    pub found: String,
    pub remedy: Option<String>,
}

impl Check {
    /// Of `dts_ddl.check()`: that there is none, and which tables are in none.
    fn is_of_a_subscription(&self) -> bool {
        ["subscription", "apply_tables"].contains(&self.name.as_str())
    }
}

impl Bar {
    pub fn per_second(&self) -> f64 {
        if self.seconds > 0.0 {
            self.done as f64 / self.seconds
        } else {
            0.0
        }
    }

    pub fn left_seconds(&self) -> Option<f64> {
        let speed = self.per_second();
        (speed > 0.0 && self.total >= self.done).then(|| (self.total - self.done) as f64 / speed)
    }

    fn text(&self) -> String {
        const WIDTH: u64 = 30;
        let full = if self.total == 0 {
            0
        } else {
            (u128::from(self.done.min(self.total)) * u128::from(WIDTH) / u128::from(self.total))
                as usize
        };
        let amount = |n: f64| {
            if self.unit == "bytes" {
                size(n as u64)
            } else {
                format!("{} {}", n as u64, self.unit)
            }
        };
        let left = self
            .left_seconds()
            .map_or(String::new(), |left| format!(", {} left", duration(left)));
        format!(
            "[{}{}] {} of {}, {}/s{left}",
            "#".repeat(full),
            "-".repeat(WIDTH as usize - full),
            amount(self.done as f64),
            amount(self.total as f64),
            amount(self.per_second())
        )
    }
}

/// `checks`: those of `dts_ddl.check()`, too.
pub fn status(source: &Server, target: &Server, checks: bool) -> Status {
    let mut status = Status {
        phase: "none".to_owned(),
        ..Status::default()
    };
    let (servers, mut record) = match pair::find(source, target, false) {
        Ok(found) => found,
        Err(problem) => {
            status.not_looked.push(problem.to_string());
            (Servers::new(source, target), None)
        }
    };
    let place = |server: &Server| format!("{} {}", server.host_and_port_text(), server.dbname());
    status.source = place(&servers.source);
    status.target = place(&servers.target);
    if let Some(record) = &mut record {
        status.name.clone_from(&record.migration.name);
        record.migration.phase.name().clone_into(&mut status.phase);
        let told = status.of_record(record);
        status.told(told);
        let told = status.of_target(record, checks);
        status.told(told);
    }
    match servers.source.connect() {
        Ok(mut session) => {
            let told = status.of_source(&mut session, record.as_mut(), checks);
            status.told(told);
        }
        Err(problem) => status.not_looked.push(problem.to_string()),
    }
    status.next = status.what_next();
    status
}

fn optional(row: &Row, at: usize) -> Option<String> {
    row.get(at).map(str::to_owned)
}

impl Status {
    fn told(&mut self, result: Result<(), Problem>) {
        if let Err(problem) = result {
            self.not_looked.push(problem.to_string());
        }
    }

    fn phase(&self) -> Option<Phase> {
        [
            Phase::Starting,
            Phase::Following,
            Phase::Switched,
            Phase::Back,
        ]
        .into_iter()
        .find(|phase| phase.name() == self.phase)
    }

    fn follows(&self) -> bool {
        matches!(self.phase(), Some(Phase::Following | Phase::Back))
    }

    fn of_record(&mut self, record: &mut Record) -> Result<(), Problem> {
        self.acting = record.holder()?;
        self.way_back_unfinished = crate::switch::back::is_unfinished(record)?;
        // around the old server; a target that users have not come to yet is closed, too, and is no matter of theirs
        let old = match self.phase() {
            Some(Phase::Back) => Side::Destination,
            _ => Side::Source,
        };
        if let Some((_, database, before)) = fence::known(record, old.name())? {
            self.fence = before.commands(&database).to_vec();
        }
        let session = &mut record.session;
        let steps = session.ask(
            "SELECT name, extract(epoch FROM coalesce(finished, clock_timestamp()) - begun), finished IS NOT NULL, note
             FROM dts_migrate.step ORDER BY begun, name",
        )?;
        self.steps = steps
            .iter()
            .map(|row| Step {
                name: row.text(0).to_owned(),
                seconds: row.number(1),
                finished: row.is_true(2),
                note: row.text(3).to_owned(),
            })
            .collect();
        let progress = session.ask(
            "SELECT step, done, total, unit, extract(epoch FROM at - since), extract(epoch FROM clock_timestamp() - \
             at) FROM dts_migrate.progress",
        )?;
        self.progress = progress.first().map(|row| Bar {
            step: row.text(0).to_owned(),
            done: row.number(1),
            total: row.number(2),
            unit: row.text(3).to_owned(),
            seconds: row.number(4),
            silent_seconds: row.number(5),
        });
        let tables = session.ask(
            "SELECT state, count(*), coalesce(sum(bytes), 0)::bigint FROM dts_migrate.\"table\" GROUP BY 1 ORDER BY 1",
        )?;
        self.tables = tables
            .iter()
            .map(|row| Count {
                state: row.text(0).to_owned(),
                tables: row.number(1),
                bytes: row.number(2),
            })
            .collect();
        Ok(())
    }

    fn of_target(&mut self, record: &mut Record, checks: bool) -> Result<(), Problem> {
        let session = &mut record.session;
        let edition = pair::edition(session)?;
        if checks && edition == Edition::Extension {
            self.check(session, Side::Destination)?;
        }
        let Some(subscription) = pair::subscription(session, &self.name)? else {
            // start comes to it
            if self.phase() == Some(Phase::Starting) {
                self.checks.retain(|check| !check.is_of_a_subscription());
            }
            return Ok(());
        };
        let mut flow = Flow {
            enabled: subscription.enabled,
            applied_command: pair::last_command(session)?,
            ..Flow::default()
        };
        let worker = session.ask(&format!(
            "SELECT w.pid, a.state, a.wait_event_type, a.wait_event, a.query,
               extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.state_change))
             FROM pg_stat_subscription w JOIN pg_stat_activity a USING (pid) WHERE w.subid = {} AND w.relid IS NULL",
            subscription.oid
        ))?;
        flow.worker = worker.first().map(|row| {
            let waits = match (row.get(2), row.get(3)) {
                (Some(kind), Some(event)) => format!("{kind} {event}"),
                _ => "works".to_owned(),
            };
            format!("process {}: {waits} {}", row.text(0), row.text(4))
                .trim_end()
                .to_owned()
        });
        let waits = session.ask(&format!(
            "SELECT DISTINCT a.pid, coalesce(a.usename, ''), coalesce(a.application_name, ''), left(coalesce(a.query, ''), 200),
               coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0)
             FROM pg_stat_subscription w CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) b(pid) JOIN \
              pg_stat_activity a ON a.pid = b.pid
             WHERE w.subid = {} AND w.pid IS NOT NULL",
            subscription.oid
        ))?;
        self.waits = waits
            .iter()
            .map(|row| Wait {
                pid: row.text(0).to_owned(),
                user: row.text(1).to_owned(),
                application: row.text(2).to_owned(),
                query: row.text(3).to_owned(),
                seconds: row.number(4),
            })
            .collect();
        let copying = session.ask(&format!(
            "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_subscription_rel r JOIN pg_class c ON c.oid = r.srrelid
             JOIN pg_namespace n ON n.oid = c.relnamespace WHERE r.srsubid = {} AND r.srsubstate NOT IN ('r', 's') ORDER BY 1",
            subscription.oid
        ))?;
        self.tables_not_ready = copying.iter().map(|row| row.text(0).to_owned()).collect();
        match edition {
            Edition::Extension => {
                // a worker that takes nothing: for so long at least
                let rows = session.ask("SELECT silent_seconds FROM dts_ddl.status")?;
                let silent = rows.first().and_then(|row| row.text(0).parse().ok());
                flow.lag_seconds = silent.filter(|seconds: &f64| *seconds > 30.0);
                let stops = session.ask(
                    "SELECT s.copied_table, s.since, s.failures, s.id, s.tag, s.role, left(s.ddl_text, 500), \
                     concat_ws(': ', s.error, s.detail), s.hint, s.sqlstate
                     FROM dts_ddl.stops() s",
                )?;
                self.stops = stops
                    .iter()
                    .map(|row| Stop {
                        table: optional(row, 0),
                        since: row.text(1).to_owned(),
                        failures: row.number(2),
                        id: row.get(3).and_then(|id| id.parse().ok()),
                        tag: row.text(4).to_owned(),
                        role: row.text(5).to_owned(),
                        statement: row.text(6).to_owned(),
                        error: row.text(7).to_owned(),
                        hint: row.text(8).to_owned(),
                        sqlstate: row.text(9).to_owned(),
                    })
                    .collect();
            }
            Edition::Portable => {
                let left_out = session.ask(
                    "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                     WHERE n.nspname = 'dts_ddl_apply' AND c.relname = 'log' AND c.relkind = 'r'",
                )?;
                if !left_out.is_empty() {
                    let rows = session.ask(
                        "SELECT count(*), max(l.id) FROM ONLY dts_ddl_apply.log l WHERE l.status IN ('left out', 'skipped')",
                    )?;
                    if rows[0].number::<u64>(0) > 0 {
                        self.notes.push(format!(
                            "portable apply has left out {} commands, the last one id {}: SELECT id, status, tag, note \
                             FROM dts_ddl_apply.log",
                            rows[0].text(0),
                            rows[0].text(1)
                        ));
                    }
                }
                self.notes.push(
                    "the target has no extension: what stops the stream is in its server log"
                        .to_owned(),
                );
            }
            Edition::None => {}
        }
        self.stream = Some(flow);
        Ok(())
    }

    fn of_source(
        &mut self,
        source: &mut Session,
        record: Option<&mut Record>,
        checks: bool,
    ) -> Result<(), Problem> {
        if checks && pair::edition(source)? == Edition::Extension {
            self.check(source, Side::Source)?;
        }
        let Some(record) = record else { return Ok(()) };
        if self.phase() != Some(Phase::Switched) {
            pair::require_source(source, &record.migration)?;
        }
        let safe = "s.wal_status, s.safe_wal_size";
        let slots = source.ask(&format!(
            "SELECT greatest(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), s.restart_lsn), 0)::bigint, {safe}, s.active,
               greatest(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), greatest(r.replay_lsn, s.confirmed_flush_lsn)), 0)::bigint,
               extract(epoch FROM r.replay_lag)
             FROM pg_replication_slots s LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid
             WHERE s.slot_name = {} AND s.database = current_database()",
            literal(&self.name)
        ))?;
        let last = pair::last_command(source)?;
        if let Some(row) = slots.first() {
            self.slot = Some(Slot {
                bytes: row.number(0),
                wal_status: row.text(1).to_owned(),
                safe_wal_size: row.get(2).and_then(|size| size.parse().ok()),
            });
            if let Some(flow) = &mut self.stream {
                flow.connected = row.is_true(3);
                flow.lag_bytes = row.number(4);
                flow.lag_seconds = row
                    .get(5)
                    .and_then(|lag| lag.parse().ok())
                    .or(flow.lag_seconds);
                flow.last_command = last;
            }
        }
        if self.stream.is_some() && self.follows() {
            let found = published::subscribed(
                source,
                &mut record.session,
                std::slice::from_ref(&self.name),
            )?;
            let without = found.others.iter().filter(|other| {
                other.status == TableStatus::OnlySource && other.table.schema != "dts_migrate"
            });
            self.tables_without_rows = without.map(|other| other.table.identity()).collect();
        }
        if self.follows() || self.phase() == Some(Phase::Switched) {
            let (here, there) = (
                sequences::read(source)?,
                sequences::read(&mut record.session)?,
            );
            self.sequences = Some(here.len() as u64);
            self.sequences_behind = Some(sequences::behind(&here, &there) as u64);
        }
        Ok(())
    }

    /// After the switch there is nothing to capture or to apply, and what they say is of no use.
    fn check(&mut self, session: &mut Session, side: Side) -> Result<(), Problem> {
        if self.phase() == Some(Phase::Switched) {
            return Ok(());
        }
        let rows = session
            .ask("SELECT name, status, found, remedy FROM dts_ddl.check() WHERE status <> 'ok'")?;
        let checks = rows.iter().map(|row| Check {
            side: side.name().to_owned(),
            name: row.text(0).to_owned(),
            status: row.text(1).to_owned(),
            found: row.text(2).to_owned(),
            remedy: optional(row, 3),
        });
        self.checks
            .extend(checks.filter(|check| !is_of_the_record(&check.found)));
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        self.stream
            .as_ref()
            .is_some_and(|flow| self.follows() && (!flow.enabled || !flow.connected))
    }

    fn slot_is_lost(&self) -> bool {
        self.slot
            .as_ref()
            .is_some_and(|slot| slot.wal_status == "lost")
    }

    /// A switch that was broken off.
    fn fence_is_left(&self) -> bool {
        self.phase() == Some(Phase::Following) && !self.fence.is_empty() && self.acting.is_none()
    }

    pub fn exit_status(&self) -> u8 {
        let blocked = self.waits.iter().any(|wait| wait.seconds > 30.0);
        // sequences behind are what switch mends; what check() says of it is of the same kind
        let errors = self
            .checks
            .iter()
            .any(|check| check.status == "error" && check.name != "sequences");
        if !self.not_looked.is_empty() {
            NOT_LOOKED
        } else if !self.stops.is_empty()
            || blocked
            || errors
            || self.is_stopped()
            || self.slot_is_lost()
            || self.fence_is_left()
            || self.way_back_unfinished
            || !self.tables_without_rows.is_empty() && self.follows()
        {
            NEEDS_A_HAND
        } else {
            FINE
        }
    }

    fn what_next(&self) -> String {
        const ARGUMENTS: &str = "SOURCE TARGET";
        let command = |command: &str| format!("dts-migrate {command} {ARGUMENTS}");
        if self.phase() == Some(Phase::Starting) {
            return match &self.acting {
                Some(pid) => format!("start is at work (process {pid} of the target)"),
                None => format!("{} goes on where it was broken off", command("start")),
            };
        }
        if let (Some(pid), true) = (&self.acting, self.fence_is_left()) {
            return format!("a switch is at work (process {pid} of the target)");
        }
        match self.phase() {
            _ if self.way_back_unfinished => format!(
                "{} completes the way back; until then nobody should come to the new server",
                command("switch --back")
            ),
            None if !self.not_looked.is_empty() => {
                "what could not be looked at stands above".to_owned()
            }
            None => format!(
                "nothing has begun: {}, then {}",
                command("check"),
                command("start")
            ),
            Some(Phase::Switched) => command("finish"),
            _ if self.fence_is_left() => {
                format!("{} goes on; or {}", command("switch"), command("abort"))
            }
            _ if self.slot_is_lost() => format!(
                "the source has thrown away WAL that the target needs: {}, then {}",
                command("abort"),
                command("start")
            ),
            _ if !self.stops.is_empty() => {
                "one of the choices above; the stream goes on by itself then".to_owned()
            }
            _ if self.stream.as_ref().is_some_and(|flow| !flow.enabled) => {
                format!(
                    "on the target: ALTER SUBSCRIPTION {} ENABLE",
                    identifier(&self.name)
                )
            }
            _ if self.stream.as_ref().is_some_and(|flow| !flow.connected) => {
                "the target is not connected to the source: its server log says why".to_owned()
            }
            _ if !self.waits.is_empty() => format!(
                "let the sessions end for which apply waits, or on the target: SELECT pg_terminate_backend({})",
                self.waits[0].pid
            ),
            _ if !self.tables_without_rows.is_empty() => {
                format!(
                    "dts-migrate recopy {ARGUMENTS} {}",
                    self.tables_without_rows[0]
                )
            }
            _ if !self.tables_not_ready.is_empty() => format!(
                "wait until all tables are ready: {} --watch",
                command("status")
            ),
            Some(Phase::Back) => format!(
                "{} ends the way back; {} goes back",
                command("finish"),
                command("switch")
            ),
            _ => format!("{}, then {}", command("compare"), command("switch")),
        }
    }

    pub fn json(&self) -> Result<String, Problem> {
        serde_json::to_string_pretty(self).map_err(|error| Problem::new(error.to_string(), ""))
    }

    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |key: &str, value: &str| {
            let _ = writeln!(text, "{key:<12} {value}");
        };
        line("source", &self.source);
        line("target", &self.target);
        line(
            "phase",
            match self.phase() {
                Some(Phase::Starting) => "starting: copies, or was broken off",
                Some(Phase::Following) => "following: the target gets rows and DDL",
                Some(Phase::Switched) => "switched: users are to be on the target",
                Some(Phase::Back) => "back: after a switch the old server follows the new one",
                None => "no migration between these two",
            },
        );
        for step in &self.steps {
            let state = if step.finished {
                ""
            } else {
                " .. not at its end"
            };
            line(
                "step",
                format!(
                    "{:<16} {:>12}  {}{state}",
                    step.name,
                    duration(step.seconds),
                    step.note
                )
                .trim_end(),
            );
        }
        if let Some(bar) = &self.progress
            && self.phase() == Some(Phase::Starting)
        {
            line(&bar.step, &bar.text());
            if bar.silent_seconds > 30.0 && self.acting.is_none() {
                line(
                    "",
                    &format!(
                        "told {} ago; nobody is at work",
                        duration(bar.silent_seconds)
                    ),
                );
            }
        }
        if !self.tables.is_empty() {
            let list: Vec<String> = self
                .tables
                .iter()
                .map(|count| format!("{} {} ({})", count.tables, count.state, size(count.bytes)))
                .collect();
            line("tables", &list.join(", "));
        }
        if let Some(flow) = &self.stream {
            let seconds = flow
                .lag_seconds
                .map_or(String::new(), |seconds| format!(", {}", duration(seconds)));
            let state = match (flow.enabled, flow.connected) {
                (false, _) => "disabled",
                (_, false) => "not connected",
                _ => "flows",
            };
            line(
                "stream",
                &format!("{state}; lag {}{seconds}", size(flow.lag_bytes)),
            );
            line(
                "DDL",
                &format!(
                    "last command {} on the source, {} here",
                    flow.last_command, flow.applied_command
                ),
            );
            if let Some(worker) = &flow.worker {
                line("apply", worker);
            }
        }
        for wait in &self.waits {
            line(
                "waits for",
                &format!(
                    "process {} of {} / {}, {}: {}",
                    wait.pid,
                    wait.user,
                    wait.application,
                    duration(wait.seconds),
                    one_line(&wait.query)
                ),
            );
        }
        for stop in &self.stops {
            line("STOPPED", &stop.text());
        }
        self.rest(&mut line);
        text
    }

    fn rest(&self, line: &mut dyn FnMut(&str, &str)) {
        const MANY: usize = 10;
        let list = |names: &[String]| {
            let more = names.len().saturating_sub(MANY);
            let shown = names[..names.len().min(MANY)].join(", ");
            if more > 0 {
                format!("{shown} and {more} more")
            } else {
                shown
            }
        };
        if !self.tables_not_ready.is_empty() {
            line("to be copied", &list(&self.tables_not_ready));
        }
        if !self.tables_without_rows.is_empty() {
            line(
                "NO ROWS",
                &format!(
                    "published, and in no subscription: {}",
                    list(&self.tables_without_rows)
                ),
            );
        }
        if let (Some(all), Some(behind)) = (self.sequences, self.sequences_behind) {
            let what = if self.follows() {
                " (switch sets them)"
            } else {
                ""
            };
            line(
                "sequences",
                &format!("{all}, behind the source: {behind}{what}"),
            );
        }
        if let Some(slot) = &self.slot {
            let safe = slot.safe_wal_size.map_or(String::new(), |safe| {
                format!(
                    ", {} more until it is lost",
                    size(safe.max(0).unsigned_abs())
                )
            });
            line(
                "slot",
                &format!(
                    "{} of WAL kept on the source, {}{safe}",
                    size(slot.bytes),
                    slot.wal_status
                ),
            );
        }
        if !self.fence.is_empty() {
            line(
                "fence",
                &format!("around the old server; by hand: {}", self.fence.join("; ")),
            );
        }
        for check in &self.checks {
            let remedy = check
                .remedy
                .as_deref()
                .map_or(String::new(), |remedy| format!(" -> {}", one_line(remedy)));
            line(
                &check.status,
                &format!(
                    "{} {}: {}{remedy}",
                    check.side,
                    check.name,
                    one_line(&check.found)
                ),
            );
        }
        for note in &self.notes {
            line("note", note);
        }
        for problem in &self.not_looked {
            line("NOT LOOKED", &one_line(problem));
        }
        line("next", &self.next);
    }
}

impl Stop {
    fn text(&self) -> String {
        const INDENT: &str = "\n             ";
        let mut lines = Vec::new();
        let tries = format!("since {}, tried {} times", self.since, self.failures);
        match (self.id, &self.table) {
            (Some(id), _) => lines.push(format!(
                "at command {id} ({} by {}), {tries}",
                self.tag, self.role
            )),
            (None, Some(table)) => lines.push(format!("copy of {table}, {tries}")),
            (None, None) => lines.push(format!("at a row, {tries}")),
        }
        if !self.statement.is_empty() {
            lines.push(format!("statement  {}", one_line(&self.statement)));
        }
        lines.push(format!("error      {}", one_line(&self.error)));
        if !self.hint.is_empty() {
            lines.push(format!("hint       {}", one_line(&self.hint)));
        }
        lines.push(
            "mend       do on the target what the error asks for; it goes on by itself".to_owned(),
        );
        if let Some(id) = self.id {
            lines.push(format!(
                "or skip    on the target: SELECT dts_ddl.skip({id})"
            ));
            lines.push(format!(
                "or copy    SELECT dts_ddl.skip({id}), do there by hand what the command does, then: dts-migrate \
                 recopy SOURCE TARGET TABLE"
            ));
        } else if let Some(table) = &self.table {
            lines.push(format!(
                "or again   dts-migrate recopy SOURCE TARGET {table}"
            ));
        } else {
            lines.push("or copy    take the row out of the way, then: dts-migrate recopy SOURCE TARGET TABLE".to_owned());
        }
        lines.join(INDENT)
    }
}

/// It lists nothing but what belongs to the record. (What gets no rows is looked for apart.)
fn is_of_the_record(found: &str) -> bool {
    found.rsplit_once(": ").is_some_and(|(_, list)| {
        list.split(", ")
            .filter(|name| *name != "..")
            .all(|name| name.starts_with("dts_migrate."))
    })
}

/// As one line of a screen.
fn one_line(text: &str) -> String {
    const LONG: usize = 300;
    let words: Vec<&str> = text.split_whitespace().collect();
    let whole = words.join(" ");
    if whole.chars().count() <= LONG {
        return whole;
    }
    let cut: String = whole.chars().take(LONG).collect();
    format!("{cut} ..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars() {
        let bar = Bar {
            step: "rows".to_owned(),
            done: 1 << 29,
            total: 1 << 30,
            unit: "bytes".to_owned(),
            seconds: 10.0,
            silent_seconds: 0.0,
        };
        assert_eq!(
            bar.text(),
            "[###############---------------] 512.0 MB of 1.0 GB, 51.2 MB/s, 10 s left"
        );
        let nothing = Bar {
            done: 0,
            total: 0,
            seconds: 0.0,
            unit: "tables".to_owned(),
            ..bar
        };
        assert_eq!(
            nothing.text(),
            format!("[{}] 0 tables of 0 tables, 0 tables/s", "-".repeat(30))
        );
    }

    #[test]
    fn exit_and_next() {
        let mut status = Status {
            phase: "none".to_owned(),
            ..Status::default()
        };
        assert_eq!(status.exit_status(), FINE);
        assert!(status.what_next().contains("dts-migrate start"));
        status.phase = "following".to_owned();
        status.stream = Some(Flow {
            enabled: true,
            connected: true,
            ..Flow::default()
        });
        assert_eq!(status.exit_status(), FINE);
        assert!(status.what_next().contains("dts-migrate switch"));
        status.fence = vec!["ALTER DATABASE d CONNECTION LIMIT -1".to_owned()];
        assert_eq!(status.exit_status(), NEEDS_A_HAND);
        assert!(status.what_next().contains("abort"));
        status.fence.clear();
        status.stops.push(Stop {
            id: Some(7),
            ..Stop::default()
        });
        assert_eq!(status.exit_status(), NEEDS_A_HAND);
        assert!(status.text().contains("SELECT dts_ddl.skip(7)"));
        status.not_looked.push("x".to_owned());
        assert_eq!(status.exit_status(), NOT_LOOKED);
    }

    #[test]
    fn findings_about_the_record() {
        assert!(is_of_the_record(
            "2 tables are in no subscription: dts_migrate.step, dts_migrate.made, .."
        ));
        assert!(!is_of_the_record(
            "2 tables are in no subscription: app.t, dts_migrate.made"
        ));
        assert!(!is_of_the_record("no publication"));
    }

    #[test]
    fn lines() {
        assert_eq!(one_line("a\n  b"), "a b");
        assert_eq!(one_line(&"x".repeat(400)).chars().count(), 303);
    }
}
