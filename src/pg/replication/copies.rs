//! Copies of tables: begun, begun again, given up.
//!
//! PostgreSQL makes them itself: an apply worker looks for tables with state `i` or `d` in `pg_subscription_rel` at the end of
//! each transaction, and starts a table synchronization worker for each (tablesync.c).
//! Relied on: a worker passes over rows of a table that its subscription does not have. It keeps a table that was ready in a
//! cache, and looks at its state again only when the publisher has described the table anew (relation.c:
//! logicalrep_relmap_update), as that does before the first row after an ALTER TABLE (pgoutput.c: rel_sync_cache_relation_cb).

use crate::pg::replication::publication;
use crate::pg::replication::subscription::{self, TableState, Worker, state_of};
#[cfg(feature = "pg13")]
use crate::pg::runtime::list;
use crate::pg::runtime::memory::with_reserve;
use crate::pg::runtime::setting::set;
use crate::pg::runtime::subtransaction::ByLevel;
use pgrx::pg_sys;
use std::cell::RefCell;

/// A table that a subscription gets at the end of the transaction, to be copied.
#[derive(Clone, Copy)]
struct ToBeCopied {
    subscription: pg_sys::Oid,
    table: pg_sys::Oid,
    /// It was in the subscription before, in this state.
    before: u8,
}

thread_local! {
    static TO_BE_COPIED: RefCell<ByLevel<ToBeCopied>> = const { RefCell::new(ByLevel::new()) };
}

/// The transaction is about to commit or to be prepared.
pub fn before_commit() {
    let tables = TO_BE_COPIED.with_borrow_mut(ByLevel::take);
    if tables.is_empty() {
        return;
    }
    with_reserve(|| {
        for copied in tables {
            // Of a worker that was started meanwhile and has an origin in use nobody waits for the end: it may wait for us.
            // SAFETY: inside a transaction; raises an error if the origin is in use.
            let left = unsafe { drop_origin(copied.subscription, copied.table, true) };
            // A later command may have dropped it.
            if publication::is_publishable(copied.table) {
                let state = to_be_copied(copied.before, left);
                subscription::add_table(copied.subscription, copied.table, state);
            }
        }
    });
}

/// The transaction is over.
pub fn transaction_ended() {
    TO_BE_COPIED.with_borrow_mut(ByLevel::take);
}

/// A subtransaction is over.
pub fn subtransaction_ended(rolled_back: bool) {
    TO_BE_COPIED.with_borrow_mut(|tables| tables.subtransaction_ended(rolled_back));
}

fn at_commit(subscription: pg_sys::Oid, table: pg_sys::Oid, before: u8) {
    TO_BE_COPIED.with_borrow_mut(|tables| {
        tables.push(ToBeCopied {
            subscription,
            table,
            before,
        });
    });
}

/// Whether the copy of a table begins when this transaction commits.
pub fn begins_at_commit(table: pg_sys::Oid) -> bool {
    TO_BE_COPIED.with_borrow(|tables| tables.iter().any(|copied| copied.table == table))
}

/// Enters a table in the worker's subscription, unless that has it already. True when it was entered.
pub fn enter(worker: &Worker, table: pg_sys::Oid, state: TableState) -> bool {
    let Some(subscription) = worker.subscription() else {
        return false;
    };
    if worker.parallel && state == TableState::ToBeCopied {
        // A parallel worker stops at a row of a table that is not ready. It passes over those of a table that is unknown,
        // and the copy, which begins after the commit, has them.
        // SAFETY: a catalog look-up inside a transaction.
        let is_new = unsafe { state_of(subscription, table) } == 0;
        if is_new {
            at_commit(subscription, table, 0);
        }
        return is_new;
    }
    subscription::add_table(subscription, table, state)
}

/// Whether the worker's subscription has a table, or gets it when this transaction commits.
pub fn is_of(worker: &Worker, table: pg_sys::Oid) -> bool {
    let Some(subscription) = worker.subscription() else {
        return false;
    };
    // SAFETY: a catalog look-up inside a transaction.
    let is_in = unsafe { state_of(subscription, table) } != 0;
    let of_both = |c: &ToBeCopied| c.subscription == subscription && c.table == table;
    is_in || TO_BE_COPIED.with_borrow(|tables| tables.iter().any(of_both))
}

/// A table of a subscription, locked exclusively, is copied again when this transaction of a worker has committed. Rows of it that
/// come meanwhile are passed over: the copy has them.
pub fn again(worker: &Worker, subscription: pg_sys::Oid, table: pg_sys::Oid) {
    // SAFETY: catalog functions by OID, inside a transaction.
    let before = unsafe { state_of(subscription, table) } as u8;
    stop_copying(subscription, table);
    if worker.subscription() != Some(subscription) {
        // Its stream is at another place, where the table may be ready in its cache for long. It waits for the lock on the table
        // before it looks at the state anew.
        stop_applying(subscription);
    }
    leave(subscription, table);
    at_commit(subscription, table, before);
}

/// A table is entered as one to be copied, whatever it was to the subscription, which no worker serves.
pub fn anew(subscription: pg_sys::Oid, table: pg_sys::Oid) {
    // SAFETY: catalog functions by OID, inside a transaction; no worker uses the origin.
    unsafe {
        let before = state_of(subscription, table) as u8;
        if before != 0 {
            leave(subscription, table);
        }
        let left = drop_origin(subscription, table, false);
        subscription::add_table(subscription, table, to_be_copied(before, left));
    }
}

/// Copies that may keep a command of this worker waiting for good. On 13 the worker that has copied a table keeps it locked while it
/// waits for the apply worker (tablesync.c: LogicalRepSyncTableStart, one transaction up to SYNCWAIT), and the deadlock detector sees
/// no more of it than one lock. From 14 on its transaction is over by then: none.
pub struct InTheWay {
    tables: Vec<(pg_sys::Oid, pg_sys::Oid)>,
}

impl InTheWay {
    /// Of the tables whose copies are not finished. If there are any, no lock is waited for longer than 10 seconds in what is left
    /// of the transaction.
    pub fn begin() -> Self {
        let tables = unfinished();
        // SAFETY: reads a variable.
        if !tables.is_empty() && unsafe { pg_sys::LockTimeout } == 0 {
            set(c"lock_timeout", b"10s", false);
        }
        InTheWay { tables }
    }

    /// Ends these copies. PostgreSQL begins them anew, behind the command, when the worker has started again.
    pub fn stop(&self) {
        for &(subscription, table) in &self.tables {
            stop_copying(subscription, table);
        }
    }
}

#[cfg(feature = "pg13")]
fn unfinished() -> Vec<(pg_sys::Oid, pg_sys::Oid)> {
    // SAFETY: reads a variable that is set once in the life of a worker; the list is of SubscriptionRelState.
    unsafe {
        let worker = pg_sys::MyLogicalRepWorker;
        if worker.is_null() {
            return Vec::new();
        }
        let subscription = (*worker).subid;
        let tables = pg_sys::GetSubscriptionNotReadyRelations(subscription);
        list::pointers::<pg_sys::SubscriptionRelState>(tables)
            .into_iter()
            .map(|table| (subscription, (*table).relid))
            .collect()
    }
}

#[cfg(not(feature = "pg13"))]
fn unfinished() -> Vec<(pg_sys::Oid, pg_sys::Oid)> {
    Vec::new()
}

/// A table is about to be dropped by a command of this worker. PostgreSQL refuses that while the table is not ready in a
/// subscription (pg_subscription.c: RemoveSubscriptionRel), but the source, where it is gone, will never finish the copy:
/// its copy is given up. True when it had begun, so that its slot may still be there on the source.
pub fn give_up(table: pg_sys::Oid) -> bool {
    // SAFETY: reads a variable that is set once in the life of a worker; a catalog look-up.
    let (subscription, state) = unsafe {
        let worker = pg_sys::MyLogicalRepWorker;
        if worker.is_null() {
            return false;
        }
        let subscription = (*worker).subid;
        (subscription, state_of(subscription, table) as u8)
    };
    if state == 0 || state == b'r' {
        return false;
    }
    stop_copying(subscription, table);
    // PostgreSQL's own look is to find nothing.
    leave(subscription, table);
    matches!(state, b'd' | b'f')
}

/// What an unfinished copy has left on the publisher, its slot, goes when the next copy begins, which looks for one in state `d`
/// only (tablesync.c: LogicalRepSyncTableStart).
fn to_be_copied(before: u8, had_origin: bool) -> TableState {
    if had_origin || matches!(before, b'd' | b'f' | b's') {
        TableState::CopyBegun
    } else {
        TableState::ToBeCopied
    }
}

fn leave(subscription: pg_sys::Oid, table: pg_sys::Oid) {
    // SAFETY: a catalog function by OID.
    unsafe {
        pg_sys::RemoveSubscriptionRel(subscription, table);
        pg_sys::CommandCounterIncrement();
    }
}

/// Ends the worker that copies a table, and waits for that.
fn stop_copying(subscription: pg_sys::Oid, table: pg_sys::Oid) {
    // SAFETY: signals the worker, if there is one (launcher.c).
    unsafe {
        #[cfg(feature = "pg19")]
        pg_sys::logicalrep_worker_stop(
            pg_sys::LogicalRepWorkerType::WORKERTYPE_TABLESYNC,
            subscription,
            table,
        );
        #[cfg(not(feature = "pg19"))]
        pg_sys::logicalrep_worker_stop(subscription, table);
    }
}

/// Ends the worker that applies the stream of another subscription; PostgreSQL's launcher starts it again.
fn stop_applying(subscription: pg_sys::Oid) {
    // SAFETY: as above; such a worker is of no table.
    unsafe {
        #[cfg(feature = "pg19")]
        pg_sys::logicalrep_worker_stop(
            pg_sys::LogicalRepWorkerType::WORKERTYPE_APPLY,
            subscription,
            pg_sys::InvalidOid,
        );
        #[cfg(not(feature = "pg19"))]
        pg_sys::logicalrep_worker_stop(subscription, pg_sys::InvalidOid);
    }
}

/// The origin of the copy of a table; true if there was one. On 13 a copy has none.
///
/// # Safety
/// Inside a transaction.
unsafe fn drop_origin(
    subscription: pg_sys::Oid,
    table: pg_sys::Oid,
    error_if_in_use: bool,
) -> bool {
    #[cfg(feature = "pg13")]
    return {
        let _ = (subscription, table, error_if_in_use);
        false
    };
    #[cfg(not(feature = "pg13"))]
    {
        // tablesync.c: ReplicationOriginNameForTablesync, worker.c: ReplicationOriginNameForLogicalRep
        let name = crate::pg::runtime::text::c_string(&format!(
            "pg_{}_{}",
            subscription.to_u32(),
            table.to_u32()
        ));
        // SAFETY: the caller's promise; a NUL-terminated name.
        unsafe {
            let there = pg_sys::replorigin_by_name(name.as_ptr().cast_mut(), true) != 0;
            if there {
                pg_sys::replorigin_drop_by_name(name.as_ptr().cast_mut(), true, error_if_in_use);
            }
            there
        }
    }
}
