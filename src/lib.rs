//! `dts_ddl_capture`: every DDL command of a database as one replayable row of `public.dts_ddl_command`.
//!
//! The rooms, each standing on those below it:
//!
//! - [`functions`]: what SQL calls.
//! - [`capture`]: the path of one command of the source, from announcement to row. [`apply`]: the path of one row on a destination.
//!   [`read`]: what is made of rows for people. None of the three knows another.
//! - [`retention`]: old rows of the table go, on either side.
//! - [`document`]: the JSON document of a row, which the one writes and the others read. [`guc`]: settings. [`mod@error`]:
//!   failures.
//! - [`pg`]: the ground: FFI, majors and `unsafe`. What hooks there call is handed down here; `#[pg_extern]`
//!   functions are called where they stand.
#![deny(unsafe_code)]
#![deny(ffi_unwind_calls)]

use capture::{event_trigger, in_progress, record, recording, repaired, short_lived};
use core::sync::atomic::{AtomicUsize, Ordering};
use pg::hooks::handlers::Handlers;
use pgrx::prelude::*;

mod apply;
mod capture;
mod document;
mod error;
mod functions;
mod guc;
#[allow(unsafe_code, reason = "the one place for FFI")]
mod pg;
mod read;
mod retention;
#[cfg(any(test, feature = "pg_test"))]
mod tests;

#[cfg(any(test, feature = "pg_test"))]
pub use tests::pg_test;

#[cfg(not(panic = "unwind"))]
compile_error!("a Rust panic must unwind so that it becomes an ordinary PostgreSQL error");

pg_module_magic!(name, version);
extension_sql_file!(
    "../sql/dts_ddl_capture--1.0.0.sql",
    name = "version_1_0_0",
    bootstrap
);
extension_sql_file!(
    "../sql/dts_ddl_capture--1.0.0--1.1.0.sql",
    name = "version_1_1_0",
    requires = ["version_1_0_0"]
);
extension_sql_file!(
    "../sql/dts_ddl_capture--1.1.0--1.1.1.sql",
    name = "version_1_1_1",
    requires = ["version_1_1_0"]
);
extension_sql_file!(
    "../sql/dts_ddl_capture--1.1.1--1.2.0.sql",
    name = "version_1_2_0",
    requires = ["version_1_1_1"]
);
extension_sql_file!(
    "../sql/dts_ddl_capture--1.2.0--1.3.0.sql",
    name = "version_1_3_0",
    requires = ["version_1_2_0"]
);
extension_sql_file!(
    "../sql/dts_ddl_capture--1.3.0--1.4.0.sql",
    name = "version_1_4_0",
    requires = ["version_1_3_0"]
);
extension_sql_file!(
    "../sql/dts_ddl_capture--1.4.0--1.5.0.sql",
    name = "version_1_5_0",
    requires = ["version_1_4_0"]
);
extension_sql_file!(
    "../sql/dts_ddl_capture--1.5.0--1.6.0.sql",
    name = "version_1_6_0",
    requires = ["version_1_5_0"]
);
extension_sql_file!(
    "../sql/dts_ddl_capture--1.6.0--1.7.0.sql",
    name = "version_1_7_0",
    requires = ["version_1_6_0"]
);
extension_sql_file!(
    "../sql/dts_ddl_capture--1.7.0--1.8.0.sql",
    name = "version_1_8_0",
    requires = ["version_1_7_0"]
);
extension_sql_file!(
    "../sql/dts_ddl_capture--1.8.0--1.9.0.sql",
    name = "version_1_9_0",
    requires = ["version_1_8_0"]
);

/// What the ground calls.
fn hand_down() {
    pg::hooks::handlers::hand_down(Handlers {
        any_unrecorded: in_progress::any_unrecorded,
        begins: in_progress::push,
        ends: in_progress::truncate,
        before_nested: event_trigger::before_nested_statement,
        before_unannounced: event_trigger::before_unannounced,
        after_unannounced: event_trigger::after_unannounced,
        substitute_ends: in_progress::remove_substitute,
        awaits_table: in_progress::awaits_table,
        keep_startup: in_progress::remember_startup,
        take_startup: in_progress::take_startup,
        table_is_made: event_trigger::table_is_made,
        before_commit: |prepares| {
            // What is prepared may keep its locks for long.
            if !prepares {
                record::before_commit();
                repaired::before_commit();
            }
            apply::script_rows::before_commit();
        },
        transaction_ended: |rolled_back| {
            if rolled_back {
                recording::is_rolled_back();
            }
            in_progress::transaction_ended(rolled_back);
            short_lived::transaction_ended(rolled_back);
            apply::script_rows::transaction_ended();
        },
        subtransaction_ended: |rolled_back| {
            if rolled_back {
                recording::is_rolled_back();
            }
            in_progress::subtransaction_ended(rolled_back);
            short_lived::subtransaction_ended(rolled_back);
            apply::script_rows::subtransaction_ended(rolled_back);
        },
        captures: recording::is_on,
        relation_is_made: in_progress::note_made,
        builds_concurrently: in_progress::is_building_concurrently,
        relation_is_dropped: in_progress::note_dropped,
        drops_indexes: in_progress::drops_indexes,
        index_is_dropped: in_progress::note_dropped_index,
        extension_goes: apply::stops::forget_all,
        worker_fails: apply::stops::note,
        apply_once: apply::triggers::apply_once,
        apply_row: apply::triggers::apply_row,
        apply_copied: apply::triggers::apply_copied,
        own_rows: apply::triggers::own_rows,
        script_rows: apply::script_rows::script_rows,
    });
}

/// Runs in each process that loads the library: preloaded, or at the first DDL of a session. Where a step finds no memory
/// PostgreSQL runs it again the next time that it wants the library: no step is done twice.
#[pg_guard]
pub extern "C-unwind" fn _PG_init() {
    static DONE: AtomicUsize = AtomicUsize::new(0);
    pg::runtime::memory::prepare();
    let install: [fn(); _] = [
        hand_down,
        pg::runtime::session::library_is_loaded,
        pg::catalog::own::install,
        pg::catalog::rights::install,
        pg::catalog::search_path::install,
        pg::store::sequence::install,
        pg::hooks::object_access::install,
        pg::hooks::build_lock::install,
        pg::hooks::statements::install,
        pg::hooks::transactions::install,
        pg::hooks::worker_error::install,
    ];
    for step in guc::DEFINITIONS
        .iter()
        .chain(&install)
        .skip(DONE.load(Ordering::Relaxed))
    {
        step();
        DONE.fetch_add(1, Ordering::Relaxed);
    }
}
