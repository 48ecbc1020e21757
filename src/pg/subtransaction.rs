//! A subtransaction round work whose failure must not reach the user.
//!
//! As PL/pgSQL does for a block with EXCEPTION (pl_exec.c: exec_stmt_block).

use crate::error::Failure;
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
    let result = pgrx::PgTryBuilder::new(AssertUnwindSafe(|| Ok(work())))
        .catch_others(|cause| Err(Box::new(cause)))
        .execute();
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
    match result {
        Ok(result) => result,
        // A cancelled query and a shutdown are not ours to keep. PostgreSQL's error stack has been cleared: raise it anew.
        Err(cause) if is_interrupt(&cause) => failure(&cause).raise(),
        Err(cause) => Err(failure(&cause)),
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
