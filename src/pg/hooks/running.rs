//! What runs in a process that applies rows, and whose code it is: the command of a row, what rows call, event triggers of this
//! server, the extension's own.

use crate::pg::catalog::lookup;
use crate::pg::command::{eventless, node};
use crate::pg::hooks::access::Access;
use crate::pg::replication::{copies, subscription};
use crate::pg::runtime::compat;
use crate::pg::store::table;
use pgrx::pg_sys;
use std::cell::{Cell, RefCell};

thread_local! {
    static RUNNING: RefCell<Option<Running>> = const { RefCell::new(None) };
    /// There is one; asked for each query of each session.
    static RUNS: Cell<bool> = const { Cell::new(false) };
    /// So many event trigger functions run: code of this server's superusers.
    static EVENT_TRIGGERS: Cell<i32> = const { Cell::new(0) };
    /// A trigger function of the extension runs.
    static OWN_CODE: Cell<bool> = const { Cell::new(false) };
    /// See [`may_apply`].
    static MAY_APPLY: Cell<bool> = const { Cell::new(false) };
}

/// The command of a row, from when its role is taken until that is given back.
#[derive(Default)]
pub(in crate::pg) struct Running {
    /// Relations made by its statement.
    pub made: Vec<pg_sys::Oid>,
    /// The function that it made or replaced last.
    pub function: Option<pg_sys::Oid>,
    /// Names of relations that it dropped.
    pub dropped: Vec<String>,
    /// Tables that were dropped while they were being copied.
    pub unfinished: Vec<String>,
    /// What code that it calls does to the rows of subscribed tables comes through the stream as well. (Not those of a new
    /// extension's script: these are removed behind it.)
    pub rows_come: bool,
    /// It looks into functions: what they are when inlined decides whether it is allowed.
    pub must_inline: bool,
    /// The next utility statement is that of the row.
    pub is_next: bool,
}

/// While it lives, the command of a row runs.
pub(in crate::pg) struct CommandRuns;

impl CommandRuns {
    pub(in crate::pg) fn begin() -> Self {
        RUNNING.set(Some(Running::default()));
        RUNS.set(true);
        CommandRuns
    }
}

impl Drop for CommandRuns {
    fn drop(&mut self) {
        RUNS.set(false);
        RUNNING.set(None);
    }
}

/// Notes or reads something of the command that runs, if one does.
pub(in crate::pg) fn with<R: Default>(f: impl FnOnce(&mut Running) -> R) -> R {
    RUNNING.with_borrow_mut(|running| running.as_mut().map_or_else(R::default, f))
}

/// Whether a command of a row runs now, as opposed to what other rows call.
pub(in crate::pg) fn is_running() -> bool {
    RUNS.get()
}

/// See [`Running::must_inline`].
pub(in crate::pg) fn must_inline() -> bool {
    with(|running| running.must_inline)
}

/// Whether a query that is about to run may be one that [`leaves_out`] leaves out; costs nothing.
pub(in crate::pg) fn rows_come() -> bool {
    is_running() && with(|running| running.rows_come)
}

/// Whether the utility statement that is about to run is that of the row.
fn takes_statement() -> bool {
    with(|running| std::mem::take(&mut running.is_next))
}

/// While it lives, the extension's own code runs in a worker.
pub struct OwnCode(bool);

impl OwnCode {
    pub fn begin() -> Self {
        OwnCode(OWN_CODE.replace(true))
    }
}

impl Drop for OwnCode {
    fn drop(&mut self) {
        OWN_CODE.set(self.0);
    }
}

/// An event trigger function begins (1) or is over (-1).
pub(in crate::pg) fn event_trigger_runs(change: i32) {
    EVENT_TRIGGERS.set(EVENT_TRIGGERS.get() + change);
}

pub(in crate::pg) fn is_own_code() -> bool {
    OWN_CODE.get()
}

/// Whether a statement that is about to run is DDL of code which a command or a row calls: it is left out. On the source it has
/// a row of its own, which comes before that of the command; and what it has not done there, it must not do here. Not so DDL of
/// an event trigger of this server, or in a database that applies no commands.
///
/// # Safety
/// A valid statement.
pub(in crate::pg) unsafe fn has_row_of_its_own(
    context: pg_sys::ProcessUtilityContext::Type,
    statement: *mut pg_sys::Node,
) -> bool {
    // SAFETY: the caller's promise; reads variables.
    unsafe {
        if !is_running() && pg_sys::MyLogicalRepWorker.is_null()
            || context == pg_sys::ProcessUtilityContext::PROCESS_UTILITY_SUBCOMMAND
            || takes_statement()
            || pg_sys::creating_extension
            || EVENT_TRIGGERS.get() > 0
            || OWN_CODE.get() && !is_running()
        {
            return false;
        }
        let is_ddl = node::raises_event_triggers(statement) && !node::makes_temporary(statement)
            || eventless::kind(node::ParseTree::new(statement)).is_some();
        // Where the library is preloaded it is in the workers of all databases.
        is_ddl && (is_running() || table::is_destination())
    }
}

/// Whether a query changes rows that the stream changes as well, and is run by code that the command calls, or by an extension's
/// update script: then it is left out. Not so where other code asks for its result (RETURNING), nor in an event trigger of this
/// server.
///
/// # Safety
/// `desc` is a started query.
pub(in crate::pg) unsafe fn leaves_out(desc: *mut pg_sys::QueryDesc) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        let planned = (*desc).plannedstmt;
        let brings: fn(pg_sys::Oid) -> bool = if pg_sys::creating_extension {
            subscription::is_ready
        } else if (*planned).commandType == pg_sys::CmdType::CMD_SELECT
            || (*planned).hasReturning
            || EVENT_TRIGGERS.get() > 0
        {
            return false;
        } else {
            subscription::brings
        };
        compat::result_relations(planned).into_iter().any(brings)
    }
}

/// This process applies what a source has sent, or may come to.
pub fn expect_rows() {
    MAY_APPLY.set(true);
}

/// Whether this process may apply what a source has sent (it does, or the library was preloaded): then it is told of objects and
/// functions.
pub fn may_apply() -> bool {
    MAY_APPLY.get()
}

/// In a worker, which takes none itself, those of its session end with the code that took them.
pub(in crate::pg) fn release_advisory_locks() {
    // SAFETY: reads a variable; gives up locks of this session (lockfuncs.c: pg_advisory_unlock_all).
    unsafe {
        if !pg_sys::MyLogicalRepWorker.is_null() {
            pg_sys::LockReleaseSession(pg_sys::USER_LOCKMETHOD as pg_sys::LOCKMETHODID);
        }
    }
}

/// Of the object access hook, where this process may apply.
pub fn is_accessed(access: &Access) {
    if !is_running() {
        return;
    }
    if access.makes(pg_sys::RelationRelationId) {
        with(|running| running.made.push(access.object));
    }
    if access.makes(pg_sys::ProcedureRelationId) {
        with(|running| running.function = Some(access.object));
    }
    if access.drops(pg_sys::RelationRelationId) {
        let name = lookup::relation_name(access.object);
        let unfinished = copies::give_up(access.object)
            .then(|| lookup::qualified_relation_name(access.object).unwrap_or_default());
        with(|running| {
            running.dropped.extend(name);
            running.unfinished.extend(unfinished);
        });
    }
}
