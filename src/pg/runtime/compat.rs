//! Calls that differ between PostgreSQL majors, once, under the newest name.

use crate::pg::runtime::list;
use pgrx::pg_sys::{self, Datum};

/// The type event_trigger, which has another name in 13.
#[cfg(feature = "pg13")]
pub const EVENT_TRIGGER: pg_sys::Oid = pg_sys::EVTTRIGGEROID;
#[cfg(not(feature = "pg13"))]
pub const EVENT_TRIGGER: pg_sys::Oid = pg_sys::EVENT_TRIGGEROID;

/// The OID of a relation's primary key index, or InvalidOid.
///
/// # Safety
/// `relation` is open.
pub unsafe fn primary_key_index(relation: pg_sys::Relation) -> pg_sys::Oid {
    // SAFETY: the caller's promise.
    unsafe {
        #[cfg(any(feature = "pg18", feature = "pg19"))]
        return pg_sys::RelationGetPrimaryKeyIndex(relation, false);
        #[cfg(not(any(feature = "pg18", feature = "pg19")))]
        return pg_sys::RelationGetPrimaryKeyIndex(relation);
    }
}

/// The attribute with index `i` (from 0) of a tuple descriptor.
///
/// # Safety
/// `descriptor` is valid for `'a` and has more than `i` attributes.
pub unsafe fn attribute<'a>(
    descriptor: pg_sys::TupleDesc,
    i: usize,
) -> &'a pg_sys::FormData_pg_attribute {
    // SAFETY: the caller's promise.
    unsafe {
        #[cfg(any(feature = "pg18", feature = "pg19"))]
        return &*pg_sys::TupleDescAttr(descriptor, i as i32);
        #[cfg(not(any(feature = "pg18", feature = "pg19")))]
        return &*(*descriptor).attrs.as_ptr().add(i);
    }
}

/// Calls a C function of PostgreSQL that looks neither at flinfo nor at resultinfo; `None` when it returns NULL.
///
/// # Safety
/// `function` takes `N` arguments of the types of `arguments`.
pub unsafe fn call<const N: usize>(
    function: unsafe fn(pg_sys::FunctionCallInfo) -> Datum,
    arguments: [Datum; N],
) -> Option<Datum> {
    /// Header and arguments in one block, as LOCAL_FCINFO makes it (fmgr.h).
    #[repr(C)]
    struct Call<const N: usize> {
        base: pg_sys::FunctionCallInfoBaseData,
        arguments: [pg_sys::NullableDatum; N],
    }
    let mut call = Call {
        base: pg_sys::FunctionCallInfoBaseData {
            nargs: N as i16,
            ..Default::default()
        },
        arguments: arguments.map(|value| pg_sys::NullableDatum {
            value,
            isnull: false,
        }),
    };
    // SAFETY: the caller's promise.
    let result = unsafe { function((&raw mut call).cast()) };
    (!call.base.isnull).then_some(result)
}

/// Begins an index scan with `keys` keys and no ordering.
///
/// # Safety
/// Both relations are open; the snapshot lives until the scan is ended.
pub unsafe fn index_beginscan(
    table: pg_sys::Relation,
    index: pg_sys::Relation,
    snapshot: pg_sys::Snapshot,
    keys: core::ffi::c_int,
) -> pg_sys::IndexScanDesc {
    // SAFETY: the caller's promise.
    unsafe {
        #[cfg(feature = "pg19")]
        return pg_sys::index_beginscan(table, index, snapshot, core::ptr::null_mut(), keys, 0, 0);
        #[cfg(feature = "pg18")]
        return pg_sys::index_beginscan(table, index, snapshot, core::ptr::null_mut(), keys, 0);
        #[cfg(not(any(feature = "pg18", feature = "pg19")))]
        return pg_sys::index_beginscan(table, index, snapshot, keys, 0);
    }
}

/// The tables that a planned statement changes rows of.
///
/// # Safety
/// `statement` is a valid planned statement.
pub unsafe fn result_relations(statement: *mut pg_sys::PlannedStmt) -> Vec<pg_sys::Oid> {
    let mut found = Vec::new();
    // SAFETY: the caller's promise; they are numbers of range table entries, from 1 (plannodes.h).
    unsafe {
        let tables = list::pointers::<pg_sys::RangeTblEntry>((*statement).rtable);
        let mut add = |number: i32| {
            let entry = usize::try_from(number - 1).ok().and_then(|i| tables.get(i));
            found.extend(entry.map(|&entry| (*entry).relid));
        };
        #[cfg(feature = "pg19")]
        {
            let set = (*statement).resultRelationRelids;
            let mut member = pg_sys::bms_next_member(set, -1);
            while member >= 0 {
                add(member);
                member = pg_sys::bms_next_member(set, member);
            }
        }
        #[cfg(not(feature = "pg19"))]
        {
            let list = (*statement).resultRelations;
            let length = if list.is_null() { 0 } else { (*list).length };
            for i in 0..length as usize {
                add((*(*list).elements.add(i)).int_value);
            }
        }
    }
    found
}

#[cfg(feature = "pg19")]
pub const BUFFER_SHARE: pg_sys::BufferLockMode::Type = pg_sys::BufferLockMode::BUFFER_LOCK_SHARE;
#[cfg(feature = "pg19")]
pub const BUFFER_EXCLUSIVE: pg_sys::BufferLockMode::Type =
    pg_sys::BufferLockMode::BUFFER_LOCK_EXCLUSIVE;
#[cfg(not(feature = "pg19"))]
pub const BUFFER_SHARE: core::ffi::c_int = pg_sys::BUFFER_LOCK_SHARE as core::ffi::c_int;
#[cfg(not(feature = "pg19"))]
pub const BUFFER_EXCLUSIVE: core::ffi::c_int = pg_sys::BUFFER_LOCK_EXCLUSIVE as core::ffi::c_int;

/// Notes on a page which WAL record has changed it last (bufpage.h: PageSetLSN).
///
/// # Safety
/// The page's buffer is locked for writing.
pub unsafe fn set_page_lsn(page: *mut pg_sys::PageHeaderData, lsn: pg_sys::XLogRecPtr) {
    // SAFETY: the caller's promise.
    unsafe {
        #[cfg(feature = "pg19")]
        pg_sys::PageXLogRecPtrSet(&mut (*page).pd_lsn, lsn);
        #[cfg(not(feature = "pg19"))]
        {
            (*page).pd_lsn = pg_sys::PageXLogRecPtr {
                xlogid: (lsn >> 32) as u32,
                xrecoff: lsn as u32,
            };
        }
    }
}
