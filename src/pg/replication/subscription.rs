//! Subscriptions: which worker this process is, the tables of each, and entering them.
//!
//! Relied on: `MyLogicalRepWorker` and `MySubscription` are set in apply, parallel apply and table synchronization workers, and
//! NULL in every other process (replication/worker_internal.h); a table with state `r` in `pg_subscription_rel` takes part at
//! once, one with `i` is copied first (pg_subscription_rel.h).

use crate::pg::catalog::inheritance;
use crate::pg::catalog::role::Role;
use crate::pg::runtime::{list, scan, syscache, text};
use core::ffi::{CStr, c_char};
use pgrx::pg_sys::{self, Datum};
use std::ffi::CString;

/// For whom commands run: the logical replication worker that this process is, or a session that makes a subscription.
pub struct Worker {
    subscription: Option<pg_sys::Oid>,
    /// Before the stream: rows of new tables have to be copied.
    pub copying: bool,
    /// It applies one large transaction while that is still going on, beside other workers.
    pub parallel: bool,
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
    /// Transactions are prepared here when they are prepared there.
    pub two_phase: bool,
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
            #[cfg(any(feature = "pg13", feature = "pg14"))]
            let two_phase = false;
            #[cfg(not(any(feature = "pg13", feature = "pg14")))]
            let two_phase =
                (*subscription).twophasestate as u8 != pg_sys::LOGICALREP_TWOPHASE_STATE_DISABLED;
            Described {
                name: text::string((*subscription).name).unwrap_or_default(),
                owner: Role::of_oid((*subscription).owner),
                runs_as_owner,
                two_phase,
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

    /// `None` as long as it is not there.
    pub fn subscription(&self) -> Option<pg_sys::Oid> {
        self.subscription
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

/// Whether changes of a table's rows come to this worker through the stream.
pub fn is_ready(table: pg_sys::Oid) -> bool {
    // SAFETY: reads a variable that is set once in the life of a worker; a catalog look-up.
    unsafe {
        let worker = pg_sys::MyLogicalRepWorker;
        !worker.is_null() && state_of((*worker).subid, table) as u8 == b'r'
    }
}

/// Whether rows of a table come to this worker, by a copy or the stream, under its own name, that of a table that it is a partition
/// of, or those of its partitions.
pub fn brings(table: pg_sys::Oid) -> bool {
    // SAFETY: as above.
    unsafe {
        let worker = pg_sys::MyLogicalRepWorker;
        if worker.is_null() {
            return false;
        }
        let names = inheritance::with_ancestors(table).into_iter();
        names
            .chain(inheritance::with_partitions(table))
            .any(|name| state_of((*worker).subid, name) != 0)
    }
}

/// The state of a table in a subscription; 0 when it is not in it.
///
/// # Safety
/// Inside a transaction.
pub(super) unsafe fn state_of(subscription: pg_sys::Oid, table: pg_sys::Oid) -> c_char {
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
