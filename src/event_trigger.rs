//! The entry points that PostgreSQL calls: start, drop, rewrite and end of a command.
//!
//! Their SQL declarations are in `sql/dts_ddl_capture--*.sql`. Nothing is done under pg_upgrade, nor in extension scripts, whose
//! commands belong to CREATE or ALTER EXTENSION; that one is recorded when its script begins.

use crate::apply::subscribe;
use crate::capture::{self, Occasion};
use crate::in_progress::{self, Rewrite};
use crate::pg::event::{self, Dropped, Event};
use crate::pg::eventless::{self, Kind};
use crate::pg::memory::with_reserve;
use crate::pg::node::ParseTree;
use crate::pg::{catalog, early_lock, own, publication, session, table};
use crate::repaired::Found;
use crate::{error, guc, restore};
use pgrx::prelude::*;

/// Bits of `pg_event_trigger_table_rewrite_reason()` (event_trigger.h: AT_REWRITE_*).
const REWRITE_REASONS: [(u32, &str); 4] = [
    (1, "persistence"),
    (2, "default"),
    (4, "column type"),
    (8, "access method"),
];

/// An event-trigger function: does `work` with an event of the name that the function is declared for, where there is
/// anything to do.
fn on(fcinfo: pg_sys::FunctionCallInfo, name: &str, function: &str, work: impl FnOnce(Event)) {
    with_reserve(|| {
        let Some(event) = event::from_fcinfo(fcinfo) else {
            error::not_an_event_trigger(function).raise()
        };
        if event::in_extension_script() || event::in_binary_upgrade() {
            return;
        }
        if event.name != name {
            error::wrong_event(function, &event.name, name).raise();
        }
        work(event);
    });
}

/// ddl_command_start: notes who runs the command and with which settings, and loads the library in a fresh session.
#[pg_extern(sql = false)]
fn capture_start(fcinfo: pg_sys::FunctionCallInfo) {
    on(fcinfo, "ddl_command_start", "capture_start", |event| {
        if let Some(relation) = early_lock::refused(event.tree) {
            error::not_owner(&relation).raise();
        }
        own::keep_functions_at_hand(&[
            table::MAIN_TRIGGER,
            table::DROP_TRIGGER,
            table::REWRITE_TRIGGER,
        ]);
        in_progress::start(event.tree, Some(session::progress()));
        if guc::enabled() && !restore::is_running() {
            in_progress::with_current(&event, capture::record_repaired_earlier);
        }
    });
}

/// sql_drop: notes the objects that are gone; only this event can tell them.
#[pg_extern(sql = false)]
fn capture_drop(fcinfo: pg_sys::FunctionCallInfo) {
    on(fcinfo, "sql_drop", "capture_drop", |event| {
        let dropped = event::dropped_objects();
        dropped
            .iter()
            .filter_map(Dropped::publication)
            .for_each(publication::dropped);
        in_progress::with_current(&event, |started, _| started.dropped = dropped);
    });
}

/// table_rewrite: notes the table, whose rewritten rows logical replication will not send.
#[pg_extern(sql = false)]
fn capture_rewrite(fcinfo: pg_sys::FunctionCallInfo) {
    on(fcinfo, "table_rewrite", "capture_rewrite", |event| {
        let (oid, bits) = event::table_rewrite();
        if catalog::schema_of_relation(oid).is_some_and(|schema| schema == "pg_temp") {
            return;
        }
        let rewrite = Rewrite {
            table: catalog::qualified_relation_name(oid).unwrap_or_default(),
            oid: oid.to_u32(),
            reasons: REWRITE_REASONS
                .iter()
                .filter(|(bit, _)| bits & bit != 0)
                .map(|(_, text)| *text)
                .collect(),
        };
        in_progress::with_current(&event, |started, _| started.rewrites.push(rewrite));
    });
}

/// ddl_command_end: records the command.
#[pg_extern(sql = false)]
fn capture_ddl(fcinfo: pg_sys::FunctionCallInfo) {
    on(fcinfo, "ddl_command_end", "dts_capture_ddl", |event| {
        if guc::enabled() && !restore::is_running() {
            in_progress::with_current(&event, |started, source| {
                capture::record(started, source, Occasion::End)
            });
        }
        in_progress::finish_substitute();
    });
}

/// ddl_command_start on a destination: of CREATE SUBSCRIPTION, for history and what is newer than the schema; of commands that could
/// drop the extension.
#[pg_extern(sql = false)]
fn subscribe_start(fcinfo: pg_sys::FunctionCallInfo) {
    on(fcinfo, "ddl_command_start", "subscribe_start", |event| {
        subscribe::begins(event.tree).unwrap_or_else(|failure| failure.raise());
    });
}

/// ddl_command_end of CREATE SUBSCRIPTION on a destination: the capture table follows the stream from its beginning.
#[pg_extern(sql = false)]
fn subscribe_end(fcinfo: pg_sys::FunctionCallInfo) {
    on(fcinfo, "ddl_command_end", "subscribe_end", |event| {
        subscribe::has_begun(event.tree).unwrap_or_else(|failure| failure.raise());
    });
}

/// A command is about to run that only the hook sees: one without event triggers, or what an EXPLAIN ANALYZE runs. Whether it
/// is to be recorded afterwards.
pub fn before_unannounced(tree: ParseTree) -> bool {
    match tree.explained() {
        Some(explained) => before_explained(explained),
        None => before_eventless(tree),
    }
}

fn before_eventless(tree: ParseTree) -> bool {
    let is_unwanted = match eventless::kind(tree) {
        Some(kind) => kind == Kind::Role && !guc::capture_roles(),
        None => Found::of(tree).is_empty(),
    };
    if is_unwanted || event::in_extension_script() || !capture::is_on() {
        return false;
    }
    in_progress::start(tree, Some(session::progress()));
    true
}

fn before_explained(tree: ParseTree) -> bool {
    if event::in_extension_script() || !capture::is_on() {
        return false;
    }
    in_progress::start(tree, Some(session::progress()));
    in_progress::with_unrecorded(|started, _| started.explained = true);
    true
}

/// What only the hook saw has run.
pub fn after_unannounced() {
    in_progress::with_unrecorded(|started, source| {
        if started.explained {
            capture::record_explained(started, source);
        } else {
            capture::record_without_event(started, source);
        }
    });
}

/// Something is about to run inside a command whose row is not written yet. If it is the first statement of an extension's
/// script, CREATE or ALTER EXTENSION gets its row now: rows that the script puts into tables must come after it. If the
/// command has done its work already, this is another event trigger of it: the row must come before what that one writes.
pub fn before_nested_statement() {
    if event::in_extension_script() {
        in_progress::with_unrecorded(capture::record_extension);
        return;
    }
    in_progress::with_unrecorded(|started, source| {
        // Nobody could tell; an index function that CLUSTER calls, for example, is no reason either. No event trigger of what
        // EXPLAIN ANALYZE runs can run.
        if started.explained || started.eventless.is_some() {
            return;
        }
        let now = session::progress();
        let unchanged =
            started.progress.is_none_or(|before| before == now) || started.asked == Some(now);
        if unchanged {
            return;
        }
        // When the command is over its own part has been collected, or what it dropped is known.
        let tag = started.tree.command_tag();
        let is_collected = event::ddl_commands()
            .iter()
            .any(|command| command.tag == tag);
        if started.dropped.is_empty() && (is_collected || tag.starts_with("DROP ")) {
            // It may be a sql_drop trigger whose name sorts before ours.
            started.dropped = event::dropped_objects_if_told();
        }
        let is_over = is_collected || !started.dropped.is_empty();
        // What fails is tried again before the next statement.
        if !is_over || !capture::is_on() || capture::record(started, source, Occasion::Early) {
            started.asked = Some(now);
        }
    });
}
