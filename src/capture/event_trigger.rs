//! The entry points of a command: the four event triggers (start, drop, rewrite, end), and what the hooks call before nested and
//! unannounced statements and once a table is made.
//!
//! Their SQL declarations are in `sql/dts_ddl_capture--*.sql`. Nothing is done under pg_upgrade, nor in extension scripts, whose
//! commands belong to CREATE or ALTER EXTENSION; that one is recorded when its script begins.

use crate::capture::in_progress;
use crate::capture::record::{self, Occasion};
use crate::capture::recording;
use crate::capture::started::Rewrite;
use crate::capture::untold::Found;
use crate::pg::catalog::{lookup, own};
use crate::pg::command::event::{self, Dropped};
use crate::pg::command::eventless::{self, Kind};
use crate::pg::command::node::ParseTree;
use crate::pg::command::{drop, early_lock};
use crate::pg::replication::{identity, publication};
use crate::pg::runtime::{session, transaction};
use crate::pg::store::table;
use crate::{error, guc};
use pgrx::prelude::*;

/// Bits of `pg_event_trigger_table_rewrite_reason()` (event_trigger.h: AT_REWRITE_*).
const REWRITE_REASONS: [(u32, &str); 4] = [
    (1, "persistence"),
    (2, "default"),
    (4, "column type"),
    (8, "access method"),
];

/// ddl_command_start: notes who runs the command and with which settings, and loads the library in a fresh session.
#[pg_extern(sql = false)]
fn capture_start(fcinfo: pg_sys::FunctionCallInfo) {
    event::on(fcinfo, "ddl_command_start", "capture_start", |event| {
        if let Some(relation) = early_lock::refused(event.tree) {
            error::not_owner(&relation).raise();
        }
        own::keep_functions_at_hand(&[
            table::MAIN_TRIGGER,
            table::DROP_TRIGGER,
            table::REWRITE_TRIGGER,
        ]);
        in_progress::start(event.tree, Some(transaction::progress()));
        if recording::is_wanted() {
            in_progress::with_current(&event, record::record_repaired_earlier);
        }
    });
}

/// sql_drop: notes the objects that are gone; only this event can tell them.
#[pg_extern(sql = false)]
fn capture_drop(fcinfo: pg_sys::FunctionCallInfo) {
    event::on(fcinfo, "sql_drop", "capture_drop", |event| {
        in_progress::with_current(&event, |started, _| {
            let as_known = started.drops.take().and_then(drop::Known::all_gone);
            started.dropped = as_known.unwrap_or_else(event::dropped_objects);
            (started.dropped.iter())
                .filter_map(Dropped::publication)
                .for_each(publication::dropped);
        });
    });
}

/// table_rewrite: notes the table, whose rewritten rows logical replication will not send.
#[pg_extern(sql = false)]
fn capture_rewrite(fcinfo: pg_sys::FunctionCallInfo) {
    event::on(fcinfo, "table_rewrite", "capture_rewrite", |event| {
        let (oid, bits) = event::table_rewrite();
        if lookup::schema_of_relation(oid).is_some_and(|schema| schema == "pg_temp") {
            return;
        }
        let rewrite = Rewrite {
            table: lookup::qualified_relation_name(oid).unwrap_or_default(),
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
    event::on(fcinfo, "ddl_command_end", "dts_capture_ddl", |event| {
        if recording::is_wanted() {
            in_progress::with_current(&event, |started, source| {
                record::record(started, source, Occasion::End)
            });
        } else {
            identity::note_choice(event.tree);
        }
        in_progress::finish_substitute();
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
    if is_unwanted || session::in_extension_script() || !recording::is_on() {
        return false;
    }
    in_progress::start(tree, Some(transaction::progress()));
    true
}

fn before_explained(tree: ParseTree) -> bool {
    if session::in_extension_script() || !recording::is_on() {
        return false;
    }
    in_progress::start(tree, Some(transaction::progress()));
    in_progress::with_unrecorded(|started, _| started.explained = true);
    true
}

/// What only the hook saw has run.
pub fn after_unannounced() {
    in_progress::with_unrecorded(|started, source| {
        if started.explained {
            record::record_explained(started, source);
        } else {
            record::record_without_event(started, source);
        }
    });
}

/// Something is about to run inside a command whose row is not written yet. If it is the first statement of an extension's
/// script, CREATE or ALTER EXTENSION gets its row now: rows that the script puts into tables must come after it. If the
/// command has done its work already, this is another event trigger of it: the row must come before what that one writes.
pub fn before_nested_statement() {
    if session::in_extension_script() {
        in_progress::with_unrecorded(record::record_extension);
        return;
    }
    in_progress::with_unrecorded(|started, source| {
        // Nobody could tell; an index function that CLUSTER calls, for example, is no reason either. No event trigger of what
        // EXPLAIN ANALYZE runs can run.
        if started.explained || started.eventless.is_some() {
            return;
        }
        let now = transaction::progress();
        let unchanged =
            started.progress.is_none_or(|before| before == now) || started.asked == Some(now);
        if unchanged {
            return;
        }
        // When the command is over its own part has been collected, or what it dropped is known.
        let tag = started.tree.command_tag();
        let is_collected = event::ddl_commands(tag)
            .iter()
            .any(|command| command.tag == tag);
        if started.dropped.is_empty() && (is_collected || tag.starts_with("DROP ")) {
            // It may be a sql_drop trigger whose name sorts before ours.
            started.dropped = event::dropped_objects_if_told();
        }
        let is_over = is_collected || !started.dropped.is_empty();
        // What fails is tried again before the next statement.
        if !is_over || !recording::is_on() || record::record(started, source, Occasion::Early) {
            started.asked = Some(now);
        }
    });
}

/// The table of a CREATE TABLE AS or SELECT INTO is there, and has no row yet: rows would be decoded before the row of the command.
pub fn table_is_made() {
    in_progress::with_unrecorded(record::record_created_table);
}
