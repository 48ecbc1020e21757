//! What stands above this room and is called from it: by hooks, callbacks and triggers. `_PG_init` hands it down, so that nothing
//! here looks up.

use crate::pg::command::index::DroppedIndex;
use crate::pg::command::node::ParseTree;
use crate::pg::command::source::Source;
use crate::pg::hooks::trigger::TriggerCall;
use crate::pg::runtime::failure::Failure;
use pgrx::pg_sys::{self, Datum};
use std::sync::OnceLock;

/// A trigger function of the extension.
pub type Trigger = fn(&TriggerCall) -> Result<Datum, Failure>;

/// All of them, by who calls.
pub struct Handlers {
    // the hooks on statements and queries
    /// Asked for each utility statement and each query: a command has started and has no row yet.
    pub any_unrecorded: fn() -> bool,
    /// A statement of interest is about to run, nested or not; how many were running before.
    pub begins: fn(ParseTree, Source, bool) -> usize,
    /// It is over: all beyond the first so many are.
    pub ends: fn(usize),
    /// Something runs while a command has no row yet.
    pub before_nested: fn(),
    /// A statement that raises no event triggers is about to run; whether to be called when it has run.
    pub before_unannounced: fn(ParseTree) -> bool,
    pub after_unannounced: fn(),
    /// A substitute for a statement that the hooks have not seen is over.
    pub substitute_ends: fn(u64),
    // CREATE TABLE AS
    pub awaits_table: fn() -> bool,
    /// The address of the receiver's own start-up callback, to be kept.
    pub keep_startup: fn(usize),
    pub take_startup: fn() -> usize,
    pub table_is_made: fn(),
    // transactions
    /// To commit, or only to be prepared.
    pub before_commit: fn(prepares: bool),
    pub transaction_ended: fn(rolled_back: bool),
    pub subtransaction_ended: fn(rolled_back: bool),
    // objects
    pub captures: fn() -> bool,
    /// A relation is made; whether it is committed before its command is recorded.
    pub relation_is_made: fn(pg_sys::Oid) -> bool,
    pub builds_concurrently: fn() -> bool,
    pub relation_is_dropped: fn(pg_sys::Oid),
    pub drops_indexes: fn() -> bool,
    pub index_is_dropped: fn(DroppedIndex),
    /// The extension goes from the database of this number.
    pub extension_goes: fn(u32),
    // the destination
    pub worker_fails: fn(&WorkerError),
    pub apply_once: Trigger,
    pub apply_row: Trigger,
    pub apply_copied: Trigger,
    pub own_rows: Trigger,
    pub script_rows: Trigger,
}

static HANDLERS: OnceLock<Handlers> = OnceLock::new();

/// For `_PG_init`, before the hooks are there.
pub fn hand_down(handlers: Handlers) {
    let _ = HANDLERS.set(handlers);
}

/// What was handed down.
pub fn above() -> &'static Handlers {
    HANDLERS
        .get()
        .expect("handlers are handed down before there are hooks")
}

/// What happened, to whom. Texts are in UTF-8.
pub struct WorkerError {
    pub database: u32,
    pub subscription: u32,
    /// The table that the worker copies; 0 for one that applies.
    pub table: u32,
    /// It applies one large transaction for another worker.
    pub parallel: bool,
    /// Of the source's last transaction that is committed here, where the worker knows.
    pub position: Option<i64>,
    /// Of the source's WAL, up to where it has received what came.
    pub received: Option<i64>,
    /// A transaction was running: it is more than a lost connection.
    pub applying: bool,
    pub code: i32,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
    pub context: Option<String>,
}
