//! Subscriptions: which worker this process is, the tables of each, and entering them.
//!
//! Relied on: `MyLogicalRepWorker` and `MySubscription` are set in apply, parallel apply and table synchronization workers, and
//! NULL in every other process (replication/worker_internal.h); a table with state `r` in `pg_subscription_rel` takes part at
//! once, one with `i` is copied first (pg_subscription_rel.h).

use crate::pg::catalog::role::Role;
use crate::pg::replication::publication;
use crate::pg::runtime::memory::with_reserve;
use crate::pg::runtime::subtransaction::ByLevel;
use crate::pg::runtime::{list, scan, syscache, text};
use core::ffi::{CStr, c_char};
use pgrx::pg_sys::{self, Datum};
use std::cell::RefCell;
use std::ffi::CString;

/// For whom commands run: the logical replication worker that this process is, or a session that makes a subscription.
pub struct Worker {
    subscription: Option<pg_sys::Oid>,
    /// Before the stream: rows of new tables have to be copied.
    pub copying: bool,
    /// It applies one large transaction while that is still going on, beside other workers.
    parallel: bool,
    /// It copies one table, or follows the stream for that one alone.
    of_table: bool,
    /// The publications that the subscription names.
    pub publications: Vec<String>,
    /// Of a worker.
    pub described: Option<Described>,
}

/// What a subscription is to those who must decide whether to trust it.
pub struct Described {
    pub name: String,
    pub owner: Role,
    /// Rows are applied with its owner's rights, not with those of each table's owner.
    pub runs_as_owner: bool,
    pub publications: Vec<String>,
}

impl Described {
    /// # Safety
    /// A valid subscription, as GetSubscription() gives it.
    unsafe fn read(subscription: *const pg_sys::Subscription) -> Self {
        // SAFETY: the caller's promise; its list holds strings.
        unsafe {
            #[cfg(any(feature = "pg13", feature = "pg14", feature = "pg15"))]
            let runs_as_owner = true;
            #[cfg(not(any(feature = "pg13", feature = "pg14", feature = "pg15")))]
            let runs_as_owner = (*subscription).runasowner;
            Described {
                name: text::string((*subscription).name).unwrap_or_default(),
                owner: Role::of_oid((*subscription).owner),
                runs_as_owner,
                publications: list::strings((*subscription).publications),
            }
        }
    }
}

/// A subscription of this database, and the connection string with which it reaches its publisher.
pub fn describe(subscription: pg_sys::Oid) -> (Described, CString) {
    // SAFETY: raises an error when there is none; the string is copied.
    unsafe {
        let found = pg_sys::GetSubscription(subscription, false);
        #[cfg(feature = "pg19")]
        let connection = pg_sys::SubscriptionConninfo(found);
        #[cfg(not(feature = "pg19"))]
        let connection = (*found).conninfo;
        (
            Described::read(found),
            CStr::from_ptr(connection).to_owned(),
        )
    }
}

/// How a table takes part in a subscription (pg_subscription_rel.h: SUBREL_STATE_*).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TableState {
    /// To be copied, then to follow the stream.
    ToBeCopied,
    /// The same, with a slot on the publisher that may be left of a copy which has not ended.
    CopyBegun,
    /// Follows the stream at once.
    Ready,
}

impl TableState {
    fn code(self) -> c_char {
        let letter = match self {
            TableState::ToBeCopied => b'i',
            TableState::CopyBegun => b'd',
            TableState::Ready => b'r',
        };
        letter as c_char
    }
}

thread_local! {
    /// Subscriptions and tables to be copied, for the end of a parallel worker's transaction.
    static TO_BE_ADDED: RefCell<ByLevel<(pg_sys::Oid, pg_sys::Oid)>> = const { RefCell::new(ByLevel::new()) };
}

/// The transaction is about to commit or to be prepared.
pub fn before_commit() {
    let tables = TO_BE_ADDED.with_borrow_mut(ByLevel::take);
    if tables.is_empty() {
        return;
    }
    with_reserve(|| {
        for (subscription, table) in tables {
            // A later command may have dropped it.
            if publication::is_publishable(table) {
                add_table(subscription, table, TableState::ToBeCopied);
            }
        }
    });
}

/// The transaction is over.
pub fn transaction_ended() {
    TO_BE_ADDED.with_borrow_mut(ByLevel::take);
}

/// A subtransaction is over.
pub fn subtransaction_ended(rolled_back: bool) {
    TO_BE_ADDED.with_borrow_mut(|tables| tables.subtransaction_ended(rolled_back));
}

/// The worker that this process is, `None` in any other process.
pub fn worker() -> Option<Worker> {
    // SAFETY: both are valid now, and what is read is copied (worker.c: maybe_reread_subscription replaces them between
    // transactions); the list holds strings.
    unsafe {
        let worker = pg_sys::MyLogicalRepWorker;
        let subscription = pg_sys::MySubscription;
        if worker.is_null() || subscription.is_null() {
            return None;
        }
        let described = Described::read(subscription);
        #[cfg(any(feature = "pg16", feature = "pg17", feature = "pg18", feature = "pg19"))]
        let parallel = (*worker).parallel_apply;
        #[cfg(not(any(feature = "pg16", feature = "pg17", feature = "pg18", feature = "pg19")))]
        let parallel = false;
        Some(Worker {
            subscription: Some((*worker).subid),
            parallel,
            of_table: (*worker).relid != pg_sys::InvalidOid,
            copying: (*worker).relid != pg_sys::InvalidOid
                && matches!((*worker).relstate as u8, b'i' | b'd'),
            publications: described.publications.clone(),
            described: Some(described),
        })
    }
}

impl Worker {
    /// Up to where the source's transactions are committed here; the same in parallel workers as in their leader. `None` in a
    /// worker of one table, which may have no position (13) or begins at another one each time, and in a session.
    pub fn position(&self) -> Option<i64> {
        let of_stream = self.described.is_some() && !self.of_table;
        // SAFETY: an apply worker, parallel or not, has set up its replication origin before it applies anything (worker.c).
        of_stream.then(|| unsafe { pg_sys::replorigin_session_get_progress(false) } as i64)
    }

    /// Enters a table, unless the subscription has it already. True when it was entered.
    pub fn add_table(&self, table: pg_sys::Oid, state: TableState) -> bool {
        let Some(subscription) = self.subscription else {
            return false;
        };
        if self.parallel && state == TableState::ToBeCopied {
            // A parallel worker stops at a row of a table that is not ready. It passes over those of a table that is unknown,
            // and the copy, which begins after the commit, has them.
            // SAFETY: a catalog look-up inside a transaction.
            let is_new = unsafe { state_of(subscription, table) } == 0;
            if is_new {
                TO_BE_ADDED.with_borrow_mut(|tables| tables.push((subscription, table)));
            }
            return is_new;
        }
        add_table(subscription, table, state)
    }

    /// `None` as long as it is not there.
    pub fn subscription(&self) -> Option<pg_sys::Oid> {
        self.subscription
    }

    /// Whether the subscription has a table already.
    pub fn has_table(&self, table: pg_sys::Oid) -> bool {
        // SAFETY: a catalog look-up inside a transaction.
        self.subscription
            .is_some_and(|subscription| unsafe { state_of(subscription, table) } != 0)
    }

    /// A session that makes a subscription: `None` as long as that is not there, and will find the tables that are.
    pub fn of_session(subscription: Option<pg_sys::Oid>, publications: Vec<String>) -> Self {
        Worker {
            subscription,
            copying: true,
            parallel: false,
            of_table: false,
            publications,
            described: None,
        }
    }
}

/// A table is about to be dropped by a command of this worker. PostgreSQL refuses that while the table is not ready in a
/// subscription (pg_subscription.c: RemoveSubscriptionRel), but the source, where it is gone, will never finish the copy:
/// its copy is given up. True when it had begun, so that its slot may still be there on the source.
pub fn forget_unready_table(table: pg_sys::Oid) -> bool {
    // SAFETY: catalog functions by OID; the worker waits for the end of a synchronization worker of the same subscription.
    unsafe {
        let worker = pg_sys::MyLogicalRepWorker;
        if worker.is_null() {
            return false;
        }
        let subscription = (*worker).subid;
        let state = state_of(subscription, table) as u8;
        if state == 0 || state == b'r' {
            return false;
        }
        #[cfg(feature = "pg19")]
        pg_sys::logicalrep_worker_stop(
            pg_sys::LogicalRepWorkerType::WORKERTYPE_TABLESYNC,
            subscription,
            table,
        );
        #[cfg(not(feature = "pg19"))]
        pg_sys::logicalrep_worker_stop(subscription, table);
        pg_sys::RemoveSubscriptionRel(subscription, table);
        // PostgreSQL's own look is to find nothing.
        pg_sys::CommandCounterIncrement();
        matches!(state, b'd' | b'f')
    }
}

/// Whether changes of a table's rows come to this worker through the stream.
pub fn is_ready(table: pg_sys::Oid) -> bool {
    // SAFETY: reads a variable that is set once in the life of a worker; a catalog look-up.
    unsafe {
        let worker = pg_sys::MyLogicalRepWorker;
        !worker.is_null() && state_of((*worker).subid, table) as u8 == b'r'
    }
}

/// The state of a table in a subscription; 0 when it is not in it.
///
/// # Safety
/// Inside a transaction.
unsafe fn state_of(subscription: pg_sys::Oid, table: pg_sys::Oid) -> c_char {
    let mut lsn = 0;
    // SAFETY: the caller's promise.
    unsafe {
        #[cfg(feature = "pg13")]
        return pg_sys::GetSubscriptionRelState(subscription, table, &mut lsn, true);
        #[cfg(not(feature = "pg13"))]
        return pg_sys::GetSubscriptionRelState(subscription, table, &mut lsn);
    }
}

/// The subscriptions that bring rows of a table.
pub fn subscriptions_of(table: pg_sys::Oid) -> Vec<pg_sys::Oid> {
    let mut found = Vec::new();
    let of_table = (pg_sys::Anum_pg_subscription_rel_srrelid, table);
    // SAFETY: the column is of type oid; each row is one of pg_subscription_rel.
    unsafe {
        scan::each_row(
            pg_sys::SubscriptionRelRelationId,
            0,
            &[of_table],
            |row, _| {
                found.push((*(pg_sys::GETSTRUCT(row) as pg_sys::Form_pg_subscription_rel)).srsubid);
            },
        );
    }
    found
}

/// A subscription of this database.
pub fn find(name: &str) -> Option<pg_sys::Oid> {
    let name = text::c_string(name);
    // SAFETY: a syscache look-up by database and name.
    unsafe {
        let oid = pg_sys::GetSysCacheOid(
            syscache::cache_number(pg_sys::SysCacheIdentifier::SUBSCRIPTIONNAME),
            pg_sys::Anum_pg_subscription_oid as pg_sys::AttrNumber,
            Datum::from(pg_sys::MyDatabaseId),
            Datum::from(name.as_ptr()),
            Datum::from(0usize),
            Datum::from(0usize),
        );
        (oid != pg_sys::InvalidOid).then_some(oid)
    }
}

/// Whether it is enabled. If it is not, it stays so until the transaction ends: ALTER SUBSCRIPTION waits for the lock.
pub fn is_enabled_from_now_on(subscription: pg_sys::Oid) -> bool {
    // SAFETY: locks an object by its OID, after which the caches know what has been committed (lmgr.c: LockSharedObject); raises
    // an error when the subscription is gone.
    unsafe {
        pg_sys::LockSharedObject(
            pg_sys::SubscriptionRelationId,
            subscription,
            0,
            pg_sys::AccessShareLock as pg_sys::LOCKMODE,
        );
        (*pg_sys::GetSubscription(subscription, false)).enabled
    }
}

/// A table is entered as one to be copied, whatever it was to the subscription, which no worker serves. What an unfinished copy
/// has left goes: its origin here; its slot on the publisher when the next copy begins, which looks for one in state `d` only
/// (tablesync.c: LogicalRepSyncTableStart).
pub fn copy_anew(subscription: pg_sys::Oid, table: pg_sys::Oid) {
    // SAFETY: catalog functions by OID.
    unsafe {
        let before = state_of(subscription, table) as u8;
        if before != 0 {
            pg_sys::RemoveSubscriptionRel(subscription, table);
            pg_sys::CommandCounterIncrement();
        }
        let left = drop_origin(subscription, table) || matches!(before, b'd' | b'f' | b's');
        add_table(
            subscription,
            table,
            if left {
                TableState::CopyBegun
            } else {
                TableState::ToBeCopied
            },
        );
    }
}

/// The origin of the copy of a table; true if there was one. On 13 a copy has none.
///
/// # Safety
/// Inside a transaction.
unsafe fn drop_origin(subscription: pg_sys::Oid, table: pg_sys::Oid) -> bool {
    #[cfg(feature = "pg13")]
    return {
        let _ = (subscription, table);
        false
    };
    #[cfg(not(feature = "pg13"))]
    {
        // tablesync.c: ReplicationOriginNameForTablesync, worker.c: ReplicationOriginNameForLogicalRep
        let name = text::c_string(&format!("pg_{}_{}", subscription.to_u32(), table.to_u32()));
        // SAFETY: a NUL-terminated name; nobody uses the origin of a copy that no worker makes.
        unsafe {
            let there = pg_sys::replorigin_by_name(name.as_ptr().cast_mut(), true) != 0;
            pg_sys::replorigin_drop_by_name(name.as_ptr().cast_mut(), true, false);
            there
        }
    }
}

/// A table of a subscription that was made just now follows the stream without a copy. False when the subscription does not
/// have it.
pub fn make_ready(subscription: pg_sys::Oid, table: pg_sys::Oid) -> bool {
    // SAFETY: catalog functions by OID; no synchronization worker can have begun before the subscription is committed.
    unsafe {
        match state_of(subscription, table) as u8 {
            0 => return false,
            b'r' => return true,
            _ => {}
        }
        pg_sys::RemoveSubscriptionRel(subscription, table);
        pg_sys::CommandCounterIncrement();
    }
    add_table(subscription, table, TableState::Ready)
}

/// Enters a table in a subscription, unless it is there already. True when it was entered.
pub fn add_table(subscription: pg_sys::Oid, table: pg_sys::Oid, state: TableState) -> bool {
    // SAFETY: catalog functions by OID; the caller holds a lock on the table, as its creator or to read it.
    unsafe {
        if state_of(subscription, table) != 0 {
            return false;
        }
        #[cfg(any(feature = "pg17", feature = "pg18", feature = "pg19"))]
        pg_sys::AddSubscriptionRelState(subscription, table, state.code(), 0, false);
        #[cfg(not(any(feature = "pg17", feature = "pg18", feature = "pg19")))]
        pg_sys::AddSubscriptionRelState(subscription, table, state.code(), 0);
        pg_sys::CommandCounterIncrement();
    }
    true
}
