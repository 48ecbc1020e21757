//! The hooks on statements (ProcessUtility: where does its text lie?) and queries (ExecutorRun: CREATE TABLE AS), and the ends of
//! transactions.
//!
//! How it works: before / chain / after, no policy; on a destination one may be left out ([`running::has_row_of_its_own`],
//! [`running::leaves_out`]). The chained call is plain C without pgrx's boundary; the frame it may be jumped over owns nothing
//! with a destructor. Stack invariant: the list of statements in progress is as long after the chained call as it was before,
//! whether the call returned or threw.
//! Not promised: a statement that was already running when the library was loaded was never seen here
//! (see [`crate::pg::command::source`]).

use crate::pg::command::source::Source;
use crate::pg::command::{eventless, index, node};
use crate::pg::hooks::handlers::above;
use crate::pg::hooks::row_rights;
use crate::pg::hooks::running;
use crate::pg::runtime::finally::finally;
use crate::pg::runtime::memory;
use core::ffi::c_char;
use pgrx::pg_sys;
use pgrx::prelude::*;

static mut PREVIOUS_PROCESS_UTILITY: pg_sys::ProcessUtility_hook_type = None;
static mut PREVIOUS_EXECUTOR_RUN: pg_sys::ExecutorRun_hook_type = None;

/// Puts our hooks before those that are already there. Called once, from `_PG_init`.
pub fn install() {
    // SAFETY: _PG_init runs once, in the only thread; the hook variables are meant to be set here.
    unsafe {
        PREVIOUS_PROCESS_UTILITY = pg_sys::ProcessUtility_hook;
        pg_sys::ProcessUtility_hook = Some(process_utility);
        PREVIOUS_EXECUTOR_RUN = pg_sys::ExecutorRun_hook;
        pg_sys::ExecutorRun_hook = Some(executor_run);
        // In an apply worker that finds the library loaded no row is applied without these.
        if pg_sys::process_shared_preload_libraries_in_progress {
            row_rights::install();
        }
    }
}

/// The argument list of ProcessUtility, which has one argument more from 14 on.
#[derive(Clone, Copy)]
struct UtilityCall {
    pstmt: *mut pg_sys::PlannedStmt,
    query: *const c_char,
    #[cfg(not(feature = "pg13"))]
    read_only_tree: bool,
    context: pg_sys::ProcessUtilityContext::Type,
    params: pg_sys::ParamListInfo,
    env: *mut pg_sys::QueryEnvironment,
    dest: *mut pg_sys::DestReceiver,
    completion: *mut pg_sys::QueryCompletion,
}

// The server's own functions, declared by hand: the bound ones are wrapped by pgrx's boundary, which copies each error.
mod raw {
    use super::*;
    unsafe extern "C-unwind" {
        pub fn standard_ProcessUtility(
            pstmt: *mut pg_sys::PlannedStmt,
            query: *const c_char,
            #[cfg(not(feature = "pg13"))] read_only_tree: bool,
            context: pg_sys::ProcessUtilityContext::Type,
            params: pg_sys::ParamListInfo,
            env: *mut pg_sys::QueryEnvironment,
            dest: *mut pg_sys::DestReceiver,
            completion: *mut pg_sys::QueryCompletion,
        );
        pub fn standard_ExecutorRun(
            desc: *mut pg_sys::QueryDesc,
            direction: pg_sys::ScanDirection::Type,
            count: u64,
            #[cfg(not(any(feature = "pg18", feature = "pg19")))] execute_once: bool,
        );
    }
}

impl UtilityCall {
    /// # Safety
    /// The arguments are those of a ProcessUtility call in progress.
    #[allow(
        ffi_unwind_calls,
        reason = "a user's error must pass through untouched; nothing here has a destructor"
    )]
    unsafe fn chain(self) {
        // SAFETY: the arguments go on unchanged; the previous hook was valid when it was saved.
        unsafe {
            let next = match PREVIOUS_PROCESS_UTILITY {
                Some(previous) => previous,
                None => raw::standard_ProcessUtility,
            };
            next(
                self.pstmt,
                self.query,
                #[cfg(not(feature = "pg13"))]
                self.read_only_tree,
                self.context,
                self.params,
                self.env,
                self.dest,
                self.completion,
            )
        }
    }
}

#[allow(clippy::too_many_arguments, reason = "the hook's signature")]
unsafe extern "C-unwind" fn process_utility(
    pstmt: *mut pg_sys::PlannedStmt,
    query: *const c_char,
    #[cfg(not(feature = "pg13"))] read_only_tree: bool,
    context: pg_sys::ProcessUtilityContext::Type,
    params: pg_sys::ParamListInfo,
    env: *mut pg_sys::QueryEnvironment,
    dest: *mut pg_sys::DestReceiver,
    completion: *mut pg_sys::QueryCompletion,
) {
    let call = UtilityCall {
        pstmt,
        query,
        #[cfg(not(feature = "pg13"))]
        read_only_tree,
        context,
        params,
        env,
        dest,
        completion,
    };
    // SAFETY: PostgreSQL passes a valid statement and its text, which outlive this call; `begin` is guarded, and the
    // closures own nothing.
    unsafe {
        if running::has_row_of_its_own(context, (*pstmt).utilityStmt) {
            leave_out(pstmt, completion);
            return;
        }
        let statement = Statement::of(pstmt);
        if context == pg_sys::ProcessUtilityContext::PROCESS_UTILITY_SUBCOMMAND
            || !statement.is_of_interest()
        {
            call.chain();
            return;
        }
        // Nothing of Rust's is alive yet, and later the error itself could need memory.
        memory::require_reserve();
        let depth = begin(statement, query, context);
        if depth < 0 {
            call.chain();
        } else if statement.may_be_unannounced {
            finally(|| run_unannounced(call), || (above().ends)(depth as usize));
        } else {
            finally(|| call.chain(), || (above().ends)(depth as usize));
        }
    }
}

/// A statement that is about to run.
#[derive(Clone, Copy)]
#[repr(C)]
struct Statement<'a> {
    planned: &'a pg_sys::PlannedStmt,
    raises_event_triggers: bool,
    /// It may do something of interest for which PostgreSQL raises no event triggers, or run a statement that may.
    may_be_unannounced: bool,
}

impl<'a> Statement<'a> {
    /// # Safety
    /// A valid statement, for as long as this is in use.
    unsafe fn of(planned: *mut pg_sys::PlannedStmt) -> Self {
        // SAFETY: the caller's promise; a statement's node.
        let (planned, tree): (&'a pg_sys::PlannedStmt, _) =
            unsafe { (&*planned, node::ParseTree::new((*planned).utilityStmt)) };
        Statement {
            planned,
            // SAFETY: a statement's node.
            raises_event_triggers: unsafe { node::raises_event_triggers(planned.utilityStmt) },
            may_be_unannounced: tree.is_explain() || is_unannounced(tree),
        }
    }

    fn is_of_interest(&self) -> bool {
        self.raises_event_triggers || self.may_be_unannounced || (above().any_unrecorded)()
    }
}

/// # Safety
/// The arguments of a ProcessUtility call.
unsafe fn leave_out(pstmt: *mut pg_sys::PlannedStmt, completion: *mut pg_sys::QueryCompletion) {
    // SAFETY: the caller's promise. CREATE TABLE AS says how many rows it has made (spi.c: _SPI_execute_plan).
    unsafe {
        let makes_rows = (*(*pstmt).utilityStmt).type_ == pg_sys::NodeTag::T_CreateTableAsStmt;
        if makes_rows && !completion.is_null() {
            (*completion).commandTag = pg_sys::CommandTag::CMDTAG_SELECT;
            (*completion).nprocessed = 0;
        }
    }
}

/// # Safety
/// As for [`UtilityCall::chain`].
unsafe fn run_unannounced(call: UtilityCall) {
    // SAFETY: the statement is valid before and after the call, also where that commits in between (CLUSTER of a partitioned
    // table).
    unsafe {
        let noted = before_unannounced((*call.pstmt).utilityStmt);
        call.chain();
        if noted {
            after_unannounced();
        }
    }
}

#[pg_guard]
extern "C-unwind" fn before_unannounced(tree: *mut pg_sys::Node) -> bool {
    // SAFETY: the statement is about to run.
    let tree = unsafe { node::ParseTree::new(tree) };
    memory::with_reserve(|| (above().before_unannounced)(tree))
}

#[pg_guard]
extern "C-unwind" fn after_unannounced() {
    memory::with_reserve(above().after_unannounced);
}

/// Whether PostgreSQL raises no event triggers for a statement that may do something of interest.
fn is_unannounced(tree: node::ParseTree) -> bool {
    eventless::kind(tree).is_some() || index::rebuilds(tree)
}

/// Notes a statement of interest; the depth to go back to afterwards, or -1 where there is nothing to note.
#[pg_guard]
extern "C-unwind" fn begin(
    statement: Statement<'_>,
    query: *const c_char,
    context: pg_sys::ProcessUtilityContext::Type,
) -> i64 {
    let planned = statement.planned;
    // SAFETY: a statement's node.
    let tree = unsafe { node::ParseTree::new(planned.utilityStmt) };
    let source = || Source::new(query, planned.stmt_location, planned.stmt_len);
    let nested = context != pg_sys::ProcessUtilityContext::PROCESS_UTILITY_TOPLEVEL;
    memory::with_reserve(|| {
        // Also before statements that are no DDL (COPY, TRUNCATE, DO ..).
        if (above().any_unrecorded)() {
            (above().before_nested)();
        }
        let (tree, source) = match tree.explained() {
            Some(explained) => (explained, source().explained()),
            None if statement.raises_event_triggers || is_unannounced(tree) => (tree, source()),
            None => return -1,
        };
        (above().begins)(tree, source, nested) as i64
    })
}

/// `execute_once` is gone in 18.
#[allow(
    ffi_unwind_calls,
    reason = "a user's error must pass through untouched; nothing here has a destructor"
)]
unsafe extern "C-unwind" fn executor_run(
    desc: *mut pg_sys::QueryDesc,
    direction: pg_sys::ScanDirection::Type,
    count: u64,
    #[cfg(not(any(feature = "pg18", feature = "pg19")))] execute_once: bool,
) {
    // SAFETY: the arguments go on unchanged; the previous hook was valid when it was saved; `desc` is a started query.
    unsafe {
        if (above().any_unrecorded)() {
            before_run(desc);
        }
        if running::rows_come() && leaves_out(desc) {
            return;
        }
        let next = match PREVIOUS_EXECUTOR_RUN {
            Some(previous) => previous,
            None => raw::standard_ExecutorRun,
        };
        next(
            desc,
            direction,
            count,
            #[cfg(not(any(feature = "pg18", feature = "pg19")))]
            execute_once,
        )
    }
}

/// See [`running::leaves_out`].
#[pg_guard]
extern "C-unwind" fn leaves_out(desc: *mut pg_sys::QueryDesc) -> bool {
    // SAFETY: called by `executor_run` only, with its started query.
    unsafe { running::leaves_out(desc) }
}

/// A query runs while a DDL command is in progress: the one that fills a new table, or one of an event trigger.
#[pg_guard]
extern "C-unwind" fn before_run(desc: *mut pg_sys::QueryDesc) {
    // SAFETY: `desc` and its receiver are valid for the length of the run that is about to begin.
    unsafe {
        let dest = (*desc).dest;
        let fills_table = !dest.is_null()
            && (*dest).mydest == pg_sys::CommandDest::DestIntoRel
            && (above().awaits_table)();
        if !fills_table {
            memory::with_reserve(above().before_nested);
            return;
        }
        // The receiver belongs to this one command. Its start-up callback makes the table; ours calls it, then writes
        // the row, and takes itself out, so that the rows go to the receiver without a detour.
        let startup = (*dest).rStartup;
        (above().keep_startup)(startup.map(|f| f as usize).unwrap_or(0));
        (*dest).rStartup = Some(into_startup);
    }
}

/// The start-up callback of the receiver of CREATE TABLE AS: makes the table, then has it recorded.
#[allow(
    ffi_unwind_calls,
    reason = "a user's error must pass through untouched; nothing here has a destructor"
)]
unsafe extern "C-unwind" fn into_startup(
    dest: *mut pg_sys::DestReceiver,
    operation: core::ffi::c_int,
    typeinfo: pg_sys::TupleDesc,
) {
    let original = original_startup();
    if original == 0 {
        return;
    }
    // SAFETY: the address was taken from this very callback slot in `before_run`, in the same command.
    unsafe {
        let original: unsafe extern "C-unwind" fn(
            *mut pg_sys::DestReceiver,
            core::ffi::c_int,
            pg_sys::TupleDesc,
        ) = core::mem::transmute(original);
        (*dest).rStartup = Some(original);
        original(dest, operation, typeinfo);
    }
    table_created();
}

#[pg_guard]
extern "C-unwind" fn original_startup() -> usize {
    (above().take_startup)()
}

#[pg_guard]
extern "C-unwind" fn table_created() {
    memory::with_reserve(above().table_is_made);
}

/// Has the entry with this number taken off when the running statement is over, however it ends. To be called in an
/// event trigger: its memory context (event_trigger.c: EventTriggerInvoke) is a child of the one the statement runs in,
/// which is reset or deleted with the portal or SPI call, also where the statement commits in between.
pub fn remove_at_end(number: u64) {
    /// # Safety
    /// Called by PostgreSQL when the context goes.
    unsafe extern "C-unwind" fn removed(argument: *mut core::ffi::c_void) {
        (above().substitute_ends)(argument as u64);
    }
    // SAFETY: the callback's memory lies in the context that calls it.
    unsafe {
        let parent = pg_sys::MemoryContextGetParent(pg_sys::CurrentMemoryContext);
        let context = if parent.is_null() {
            pg_sys::CurrentMemoryContext
        } else {
            parent
        };
        let callback =
            pg_sys::MemoryContextAlloc(context, size_of::<pg_sys::MemoryContextCallback>())
                as *mut pg_sys::MemoryContextCallback;
        callback.write(pg_sys::MemoryContextCallback {
            func: Some(removed),
            arg: number as *mut core::ffi::c_void,
            next: core::ptr::null_mut(),
        });
        pg_sys::MemoryContextRegisterResetCallback(context, callback);
    }
}
