//! The running transaction: how far it is, its snapshots, whether it may write.

use core::ffi::CStr;
use pgrx::pg_sys;

/// What tells whether a command has written anything since (`has_done_something` in [`crate::capture::record`]): transaction
/// and command counter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    transaction: u32,
    command: u32,
}

impl Progress {
    /// Whether what a command of this id of the running transaction has written came after it.
    pub(in crate::pg) fn is_before(self, command: pg_sys::CommandId) -> bool {
        command >= self.command
    }
}

pub fn progress() -> Progress {
    // SAFETY: inside a transaction. The command counter only advances after something was written (xact.c).
    unsafe {
        #[cfg(any(feature = "pg17", feature = "pg18", feature = "pg19"))]
        let transaction = (*pg_sys::MyProc).vxid.lxid;
        #[cfg(not(any(feature = "pg17", feature = "pg18", feature = "pg19")))]
        let transaction = (*pg_sys::MyProc).lxid;
        Progress {
            transaction,
            command: pg_sys::GetCurrentCommandId(false),
        }
    }
}

/// Raises PostgreSQL's error for a command that writes, in a read-only transaction.
pub fn refuse_in_read_only_transaction(command: &'static CStr) {
    // SAFETY: a static string.
    unsafe { pg_sys::PreventCommandIfReadOnly(command.as_ptr()) }
}

/// Runs `f` with a snapshot at hand. A command that commits in between (DROP INDEX CONCURRENTLY) has none at its end, but
/// deleting a row with a TOASTed value needs one.
pub fn with_snapshot<R>(f: impl FnOnce() -> R) -> R {
    // SAFETY: in a transaction; the snapshot is pushed at once and popped; after an error the transaction does so.
    unsafe {
        if pg_sys::ActiveSnapshotSet() {
            return f();
        }
        pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
        let result = f();
        pg_sys::PopActiveSnapshot();
        result
    }
}

/// 1 in a transaction, one more for each subtransaction within.
pub fn nest_level() -> i32 {
    // SAFETY: reads the transaction state.
    unsafe { pg_sys::GetCurrentTransactionNestLevel() }
}

/// The transaction's id as `txid_current()` gives it; assigns one if need be.
pub fn id() -> u64 {
    // SAFETY: inside a transaction that may write.
    unsafe { pg_sys::GetTopFullTransactionId().value }
}

/// Whether the transaction must not write.
pub fn is_read_only() -> bool {
    // SAFETY: reads variables.
    unsafe { pg_sys::XactReadOnly || pg_sys::RecoveryInProgress() }
}

/// Makes what this command has written so far visible to the rest of it.
pub fn command_counter_increment() {
    // SAFETY: between two steps of a command in which nothing is half done.
    unsafe { pg_sys::CommandCounterIncrement() }
}
