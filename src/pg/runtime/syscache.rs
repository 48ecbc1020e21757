//! Rows of the caches of catalogs (syscache.c).

use pgrx::pg_sys::{self, Datum};

/// The type of a syscache's number: an enum from 19 on.
#[cfg(feature = "pg19")]
pub type CacheNumber = pg_sys::SysCacheIdentifier::Type;
#[cfg(not(feature = "pg19"))]
pub type CacheNumber = core::ffi::c_int;

pub const fn cache_number(cache: pg_sys::SysCacheIdentifier::Type) -> CacheNumber {
    cache as CacheNumber
}

/// What PostgreSQL calls where rows of a cache may have changed.
pub type Announced = unsafe extern "C-unwind" fn(Datum, CacheNumber, u32);

/// Has PostgreSQL announce changes of rows of these caches, as long as the process lives.
///
/// # Safety
/// The function neither panics nor raises an error.
pub unsafe fn announce(caches: &[pg_sys::SysCacheIdentifier::Type], announced: Announced) {
    for &cache in caches {
        // SAFETY: the caller's promise; a function of this library, which is never unloaded.
        unsafe {
            pg_sys::CacheRegisterSyscacheCallback(
                cache_number(cache),
                Some(announced),
                Datum::from(0usize),
            );
        }
    }
}

/// Reads one thing from the syscache row of an object; `None` when there is no such row.
///
/// # Safety
/// `F` is the row type of `cache`, whose only key is an OID.
pub unsafe fn with_cached<F, R>(
    cache: pg_sys::SysCacheIdentifier::Type,
    oid: pg_sys::Oid,
    read: impl FnOnce(&F) -> R,
) -> Option<R> {
    // SAFETY: the row is pinned until it is released; `read` gets it only for the length of the call.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(cache_number(cache), Datum::from(oid));
        if tuple.is_null() {
            return None;
        }
        let result = read(&*(pg_sys::GETSTRUCT(tuple) as *const F));
        pg_sys::ReleaseSysCache(tuple);
        Some(result)
    }
}

/// A copy of the syscache row of an object, to be changed and written back; NULL when there is none.
///
/// # Safety
/// The only key of `cache` is an OID.
pub unsafe fn cached_copy(
    cache: pg_sys::SysCacheIdentifier::Type,
    oid: pg_sys::Oid,
) -> pg_sys::HeapTuple {
    let none = Datum::from(0usize);
    // SAFETY: the caller's promise.
    unsafe { pg_sys::SearchSysCacheCopy(cache_number(cache), Datum::from(oid), none, none, none) }
}

/// The transaction that has written the row of an object in this cache; `None` without a row.
///
/// # Safety
/// The only key of `cache` is an OID, and it holds rows of a catalog.
pub unsafe fn inserted_by(
    cache: pg_sys::SysCacheIdentifier::Type,
    oid: pg_sys::Oid,
) -> Option<pg_sys::TransactionId> {
    // SAFETY: the cache is what it is asked for; a copy of a row of a catalog says by which transaction it was inserted.
    unsafe {
        let tuple = cached_copy(cache, oid);
        if tuple.is_null() {
            return None;
        }
        let inserted_by = (*(*tuple).t_data).t_choice.t_heap.t_xmin;
        pg_sys::heap_freetuple(tuple);
        Some(inserted_by)
    }
}
