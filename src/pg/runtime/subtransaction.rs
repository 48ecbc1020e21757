//! Subtransactions: one round work whose failure must not reach the user ([`attempt`], as PL/pgSQL does for a block with
//! EXCEPTION, pl_exec.c: exec_stmt_block), and what a session notes in each of them ([`ByLevel`]).

use crate::pg::runtime::failure::Failure;
use crate::pg::runtime::memory;
use crate::pg::runtime::transaction;
use pgrx::pg_sys;
use pgrx::pg_sys::panic::CaughtError;
use pgrx::prelude::PgSqlErrorCode;
use std::panic::AssertUnwindSafe;

/// Runs `work`; when it fails or raises an error, all that it did is undone and the failure is returned. A cancelled
/// query and a shutdown go on as errors.
pub fn attempt<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    // SAFETY: the memory context and resource owner are those that the caller goes on with.
    let (context, owner) = unsafe { (pg_sys::CurrentMemoryContext, pg_sys::CurrentResourceOwner) };
    // SAFETY: begun and ended in this function, on all ways.
    unsafe {
        pg_sys::BeginInternalSubTransaction(core::ptr::null());
        pg_sys::CurrentMemoryContext = context;
    }
    let result = caught(work);
    let done = matches!(result, Ok(Ok(_)));
    // SAFETY: as above.
    unsafe {
        pg_sys::CurrentMemoryContext = context;
        if done {
            pg_sys::ReleaseCurrentSubTransaction();
        } else {
            pg_sys::RollbackAndReleaseCurrentSubTransaction();
        }
        pg_sys::CurrentMemoryContext = context;
        pg_sys::CurrentResourceOwner = owner;
    }
    told(result)
}

/// The same without a subtransaction: after a failure the caller must raise an error, which ends the transaction.
pub fn attempt_for_good<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    told(caught(work))
}

type Caught<T> = Result<Result<T, Failure>, Box<CaughtError>>;

fn caught<T>(work: impl FnOnce() -> Result<T, Failure>) -> Caught<T> {
    pgrx::PgTryBuilder::new(AssertUnwindSafe(|| Ok(work())))
        .catch_others(|cause| Err(Box::new(cause)))
        .execute()
}

fn told<T>(result: Caught<T>) -> Result<T, Failure> {
    match result {
        Ok(result) => result,
        // A cancelled query and a shutdown are not ours to keep. PostgreSQL's error stack has been cleared: raise it anew.
        Err(cause) if is_interrupt(&cause) => failure(&cause).raise(),
        // Nor does anything go on without a reserve, which "out of memory" may have used up.
        Err(cause) if !memory::has_reserve() => failure(&cause).raise(),
        Err(cause) => Err(failure(&cause)),
    }
}

/// What the running transaction has noted, by the nest level that noted it: it becomes the parent's when a subtransaction
/// ends, and is gone when that is rolled back.
pub struct ByLevel<T>(Vec<(i32, T)>);

impl<T> ByLevel<T> {
    pub const fn new() -> Self {
        ByLevel(Vec::new())
    }

    pub fn push(&mut self, value: T) {
        self.0.push((transaction::nest_level(), value));
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, value)| value)
    }

    /// To be called in the subtransaction that ends.
    pub fn subtransaction_ended(&mut self, rolled_back: bool) {
        let level = transaction::nest_level();
        if rolled_back {
            self.0.retain(|(at, _)| *at < level);
        }
        for (at, _) in &mut self.0 {
            *at = (*at).min(level - 1);
        }
    }

    /// All of it, when the transaction ends.
    pub fn take(&mut self) -> Vec<T> {
        self.0.drain(..).map(|(_, value)| value).collect()
    }
}

fn is_interrupt(cause: &CaughtError) -> bool {
    matches!(
        failure(cause).code,
        PgSqlErrorCode::ERRCODE_QUERY_CANCELED | PgSqlErrorCode::ERRCODE_ADMIN_SHUTDOWN
    )
}

fn failure(cause: &CaughtError) -> Failure {
    match cause {
        CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) => {
            Failure::from_report(report)
        }
        CaughtError::RustPanic { ereport, .. } => Failure::from_report(ereport),
    }
}
