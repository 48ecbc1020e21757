//! The ends of transactions and subtransactions: what is noted for their length goes, or becomes the parent's.

use crate::pg::hooks::handlers::above;
use crate::pg::hooks::{running, worker_error};
use crate::pg::replication::copies;
use crate::pg::runtime::setting;
use pgrx::prelude::*;

/// Has PostgreSQL tell of them. Called once, from `_PG_init`.
pub fn install() {
    // SAFETY: the callbacks are functions of this library, which is never unloaded.
    unsafe {
        pg_sys::RegisterXactCallback(Some(at_transaction_end), core::ptr::null_mut());
        pg_sys::RegisterSubXactCallback(Some(at_subtransaction_end), core::ptr::null_mut());
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn at_transaction_end(
    event: pg_sys::XactEvent::Type,
    _argument: *mut core::ffi::c_void,
) {
    match event {
        pg_sys::XactEvent::XACT_EVENT_PRE_COMMIT | pg_sys::XactEvent::XACT_EVENT_PRE_PREPARE => {
            (above().before_commit)(event == pg_sys::XactEvent::XACT_EVENT_PRE_PREPARE);
            copies::before_commit();
        }
        pg_sys::XactEvent::XACT_EVENT_ABORT => {
            setting::rolled_back();
            transaction_ended(true);
        }
        pg_sys::XactEvent::XACT_EVENT_COMMIT | pg_sys::XactEvent::XACT_EVENT_PREPARE => {
            transaction_ended(false)
        }
        _ => {}
    }
}

fn transaction_ended(rolled_back: bool) {
    worker_error::transaction_ended(rolled_back);
    running::release_advisory_locks();
    copies::transaction_ended();
    (above().transaction_ended)(rolled_back);
}

#[pg_guard]
unsafe extern "C-unwind" fn at_subtransaction_end(
    event: pg_sys::SubXactEvent::Type,
    _subtransaction: pg_sys::SubTransactionId,
    _parent: pg_sys::SubTransactionId,
    _argument: *mut core::ffi::c_void,
) {
    let rolled_back = match event {
        pg_sys::SubXactEvent::SUBXACT_EVENT_COMMIT_SUB => false,
        pg_sys::SubXactEvent::SUBXACT_EVENT_ABORT_SUB => true,
        _ => return,
    };
    if rolled_back {
        setting::rolled_back();
    }
    copies::subtransaction_ended(rolled_back);
    (above().subtransaction_ended)(rolled_back);
}
