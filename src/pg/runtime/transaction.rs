//! The running transaction: how far it is, its snapshots, whether it may write.

use crate::pg::runtime::plain;
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
            command: plain::GetCurrentCommandId(false),
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
        if plain::ActiveSnapshotSet() {
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
    plain::GetCurrentTransactionNestLevel()
}

/// The transaction's id as `txid_current()` gives it; assigns one if need be.
pub fn id() -> u64 {
    // SAFETY: inside a transaction that may write.
    unsafe { pg_sys::GetTopFullTransactionId().value }
}

/// The id of the subtransaction in which something has just been written; `None` in the transaction itself.
pub fn subtransaction_id() -> Option<u32> {
    // SAFETY: inside a transaction that has an id.
    unsafe {
        let id = pg_sys::GetCurrentTransactionId();
        (id != pg_sys::GetTopTransactionId()).then(|| id.into())
    }
}

/// What `now()` and `statement_timestamp()` give, in microseconds since 1970.
#[derive(Clone, Copy)]
pub struct Clock {
    pub transaction: i64,
    pub statement: i64,
}

/// Microseconds from 1970 to 2000, when PostgreSQL's own count begins (timestamp.h).
const EPOCH: i64 = 946_684_800_000_000;

pub fn clock() -> Clock {
    // SAFETY: reads variables.
    unsafe {
        Clock {
            transaction: pg_sys::GetCurrentTransactionStartTimestamp().saturating_add(EPOCH),
            statement: pg_sys::GetCurrentStatementStartTimestamp().saturating_add(EPOCH),
        }
    }
}

/// From now on this transaction and statement have begun at these times, of which nothing but such functions, and constants like
/// 'today', take notice.
pub fn set_clock(clock: Clock) {
    // SAFETY: sets two variables, as a parallel worker gets its leader's (xact.c: SetParallelStartTimestamps, which asserts that
    // the process is one); the number of a parallel worker is looked at by nobody meanwhile.
    unsafe {
        let number = pg_sys::ParallelWorkerNumber;
        pg_sys::ParallelWorkerNumber = 0;
        pg_sys::SetParallelStartTimestamps(
            clock.transaction.saturating_sub(EPOCH),
            clock.statement.saturating_sub(EPOCH),
        );
        pg_sys::ParallelWorkerNumber = number;
    }
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
