//! The sequences of the extension, without nextval(): the user's lastval() stays what it was, and no right is needed.
//!
//! Sequences are not transactional, take no lock that another session waits for to the end of a transaction, and survive a
//! crash (sequence.c), which makes them counters that sessions do not queue for.
//! Relied on: setval() does not touch what lastval() reports; nextval() does (sequence.c: last_used_seq).

use super::catalog::relation_in;
use super::compat;
use crate::error::Failure;
use core::ffi::CStr;
use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

pub const OWN_SCHEMA: &CStr = c"dts_ddl";
pub const PRUNED_SEQUENCE: &CStr = c"pruned_id";
pub const ROW_COUNT_SEQUENCE: &CStr = c"row_count";
pub const COUNTED_SEQUENCE: &CStr = c"counted_id";
pub const GAP_SEQUENCE: &CStr = c"gap_count";
pub const RESTORED_SEQUENCE: &CStr = c"restored";
pub const APPLY_AFTER_SEQUENCE: &CStr = c"apply_after";
pub const APPLY_SINCE_SEQUENCE: &CStr = c"apply_since";

/// The value that one of our own sequences stands at: 0 when it was never advanced.
pub fn sequence_value(name: &CStr) -> Result<i64, Failure> {
    Ok(current_value(own_sequence(name)?).unwrap_or(0))
}

/// The value of one of our own sequences, `None` when it was never set or was restarted.
pub fn sequence_value_if_set(name: &CStr) -> Result<Option<i64>, Failure> {
    Ok(current_value(own_sequence(name)?))
}

/// Raises one of our own sequences to a value unless it is there already. It is not transactional, takes no lock that
/// another session waits for, and survives a crash (sequence.c).
pub fn raise_sequence(name: &CStr, value: i64) -> Result<(), Failure> {
    let oid = own_sequence(name)?;
    let is_lower = || current_value(oid).is_none_or(|current| current < value);
    if is_lower() {
        // Another session may have raised it further between look and write.
        alone_with(oid, || {
            if is_lower() {
                set_value(oid, value);
            }
        });
    }
    Ok(())
}

/// Advances one of our own sequences by one.
pub fn advance_sequence(name: &CStr) -> Result<i64, Failure> {
    Ok(next_value(own_sequence(name)?))
}

/// Adds to one of our own sequences, not going below 0.
pub fn add_to_sequence(name: &CStr, change: i64) -> Result<(), Failure> {
    let oid = own_sequence(name)?;
    alone_with(oid, || {
        set_value(oid, (current_value(oid).unwrap_or(0) + change).max(0))
    });
    Ok(())
}

/// Whether a sequence of ours exists.
pub fn has_sequence(name: &CStr) -> bool {
    relation_in(OWN_SCHEMA, name) != pg_sys::InvalidOid
}

/// The next value of a sequence, as nextval() gives it (but for CYCLE, CACHE and MAXVALUE), without touching the user's
/// lastval(): only nextval() changes that, setval() does not (sequence.c: last_used_seq).
pub(super) fn next_value(sequence: pg_sys::Oid) -> i64 {
    alone_with(sequence, || match current_value(sequence) {
        Some(current) => {
            let next = current.saturating_add(increment(sequence));
            set_value(sequence, next);
            next
        }
        None => {
            let first = first_value(sequence);
            set_value(sequence, first);
            first
        }
    })
}

/// Raises a sequence so far that its next value is above `value`, keeping the remainder of its values by its increment.
pub(super) fn raise_in_step(sequence: pg_sys::Oid, value: i64) {
    alone_with(sequence, || {
        let step = increment(sequence).max(1);
        let last = current_value(sequence).unwrap_or_else(|| first_value(sequence) - step);
        let raised = value - (value - last).rem_euclid(step);
        if raised > last && raised > 0 {
            set_value(sequence, raised);
        }
    });
}

/// How far the values of a sequence are apart.
pub(super) fn increment(sequence: pg_sys::Oid) -> i64 {
    // SAFETY: SEQRELID holds rows of pg_sequence.
    unsafe {
        compat::with_cached(
            pg_sys::SysCacheIdentifier::SEQRELID,
            sequence,
            |s: &pg_sys::FormData_pg_sequence| s.seqincrement,
        )
    }
    .unwrap_or(1)
}

/// Runs `f` while no other session is in here with the same sequence. The lock is held for these few microseconds only,
/// never to the end of the transaction; it is a lock on an object of its own kind, not on the relation.
fn alone_with<R>(sequence: pg_sys::Oid, f: impl FnOnce() -> R) -> R {
    let lock = pg_sys::ExclusiveLock as pg_sys::LOCKMODE;
    // SAFETY: locked and unlocked in this function; after an error the transaction releases the lock.
    unsafe { pg_sys::LockDatabaseObject(pg_sys::RelationRelationId, sequence, 0, lock) };
    let result = f();
    // SAFETY: as above.
    unsafe { pg_sys::UnlockDatabaseObject(pg_sys::RelationRelationId, sequence, 0, lock) };
    result
}

/// The value that was given out last, `None` for a sequence that was never used.
pub(super) fn current_value(sequence: pg_sys::Oid) -> Option<i64> {
    with_owner_rights(sequence, || {
        // SAFETY: pg_sequence_last_value(regclass).
        unsafe { compat::call(pg_sys::pg_sequence_last_value, [Datum::from(sequence)]) }
            .map(|d| d.value() as i64)
    })
    .flatten()
}

/// What the next value of a sequence will be that was not used since it was made or restarted.
fn first_value(sequence: pg_sys::Oid) -> i64 {
    // SAFETY: a sequence is a heap with one row that is always visible; its first column is last_value (sequence.h).
    unsafe {
        let relation = pg_sys::relation_open(sequence, pg_sys::AccessShareLock as pg_sys::LOCKMODE);
        let snapshot = &raw mut pg_sys::SnapshotSelfData;
        let scan = pg_sys::systable_beginscan(
            relation,
            pg_sys::InvalidOid,
            false,
            snapshot,
            0,
            core::ptr::null_mut(),
        );
        let tuple = pg_sys::systable_getnext(scan);
        let mut null = false;
        let value = if tuple.is_null() {
            1
        } else {
            pg_sys::heap_getattr(tuple, 1, (*relation).rd_att, &mut null).value() as i64
        };
        pg_sys::systable_endscan(scan);
        pg_sys::relation_close(relation, pg_sys::AccessShareLock as pg_sys::LOCKMODE);
        value
    }
}

fn set_value(sequence: pg_sys::Oid, value: i64) {
    with_owner_rights(sequence, || {
        // SAFETY: setval(regclass, bigint). A transaction that was made read-only after its DDL commits all the same: what is
        // written here is not the user's doing. After an error the next transaction sets the variable anew.
        unsafe {
            let read_only = pg_sys::XactReadOnly;
            pg_sys::XactReadOnly = false;
            compat::call(
                pg_sys::setval_oid,
                [Datum::from(sequence), Datum::from(value)],
            );
            pg_sys::XactReadOnly = read_only;
        }
    });
}

pub(super) fn own_sequence(name: &CStr) -> Result<pg_sys::Oid, Failure> {
    match relation_in(OWN_SCHEMA, name) {
        pg_sys::InvalidOid => Err(Failure::sequence_missing(&format!(
            "dts_ddl.{}",
            name.to_string_lossy()
        ))),
        oid => Ok(oid),
    }
}

/// Runs `f` as the owner of a relation of ours, for the few functions of PostgreSQL that check rights; `None` when the
/// relation is gone.
fn with_owner_rights<R>(relation: pg_sys::Oid, f: impl FnOnce() -> R) -> Option<R> {
    // SAFETY: user and security context are put back on the normal way; after an error the (sub)transaction does so.
    unsafe {
        let owner = compat::with_cached(
            pg_sys::SysCacheIdentifier::RELOID,
            relation,
            |c: &pg_sys::FormData_pg_class| c.relowner,
        );
        let owner = owner?;
        let (mut user, mut context) = (pg_sys::InvalidOid, 0);
        pg_sys::GetUserIdAndSecContext(&mut user, &mut context);
        let inside = context
            | pg_sys::SECURITY_LOCAL_USERID_CHANGE as i32
            | pg_sys::SECURITY_RESTRICTED_OPERATION as i32;
        pg_sys::SetUserIdAndSecContext(owner, inside);
        let result = f();
        pg_sys::SetUserIdAndSecContext(user, context);
        Some(result)
    }
}
