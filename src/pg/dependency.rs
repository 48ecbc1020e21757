//! Rows of pg_depend, written as `recordDependencyOn()` writes them (pg_depend.c), but whatever they say, and without a lock on
//! what is depended on.

use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

/// Catalog and OID of an object.
type Object = (pg_sys::Oid, pg_sys::Oid);

/// Makes `object` depend on `on`. The caller sees to it that both stay until the transaction ends.
pub(super) fn insert(object: Object, on: Object, kind: pg_sys::DependencyType::Type) {
    let mut values: [Datum; pg_sys::Natts_pg_depend as usize] = [
        Datum::from(object.0),
        Datum::from(object.1),
        Datum::from(0i32),
        Datum::from(on.0),
        Datum::from(on.1),
        Datum::from(0i32),
        Datum::from(kind as u8 as core::ffi::c_char),
    ];
    let mut nulls = [false; pg_sys::Natts_pg_depend as usize];
    let lock = pg_sys::RowExclusiveLock as pg_sys::LOCKMODE;
    // SAFETY: the values are those of the columns of pg_depend, in order, none of them NULL.
    unsafe {
        let catalog = pg_sys::relation_open(pg_sys::DependRelationId, lock);
        let tuple =
            pg_sys::heap_form_tuple((*catalog).rd_att, values.as_mut_ptr(), nulls.as_mut_ptr());
        pg_sys::CatalogTupleInsert(catalog, tuple);
        pg_sys::heap_freetuple(tuple);
        pg_sys::relation_close(catalog, lock);
    }
}
