//! Scans of catalogs by columns of type oid; without keys, of any table.

use pgrx::pg_sys;

/// Hands each row of a catalog to `f`, with its descriptor, whose columns have these values.
///
/// # Safety
/// `index` is an index of `catalog` that begins with exactly these columns; without one (0) the whole catalog is read. All
/// columns are of type oid.
pub(in crate::pg) unsafe fn each_row(
    catalog: pg_sys::Oid,
    index: u32,
    columns: &[(u32, pg_sys::Oid)],
    f: impl FnMut(pg_sys::HeapTuple, pg_sys::TupleDesc),
) {
    // SAFETY: the caller's promise; NULL is the snapshot of catalogs.
    unsafe { each_row_of(core::ptr::null_mut(), catalog, index, columns, f) }
}

/// The same under a snapshot.
///
/// # Safety
/// As above.
pub(in crate::pg) unsafe fn each_row_of(
    snapshot: pg_sys::Snapshot,
    catalog: pg_sys::Oid,
    index: u32,
    columns: &[(u32, pg_sys::Oid)],
    mut f: impl FnMut(pg_sys::HeapTuple, pg_sys::TupleDesc),
) {
    let mut keys = vec![pg_sys::ScanKeyData::default(); columns.len()];
    // SAFETY: the caller's promise; rows are read before the next call.
    unsafe {
        for (key, (column, value)) in keys.iter_mut().zip(columns) {
            pg_sys::ScanKeyInit(
                key,
                *column as pg_sys::AttrNumber,
                pg_sys::BTEqualStrategyNumber as pg_sys::StrategyNumber,
                pg_sys::Oid::from(pg_sys::F_OIDEQ),
                pg_sys::Datum::from(*value),
            );
        }
        let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
        let relation = pg_sys::relation_open(catalog, lock);
        let scan = pg_sys::systable_beginscan(
            relation,
            pg_sys::Oid::from(index),
            index != 0,
            snapshot,
            keys.len() as core::ffi::c_int,
            keys.as_mut_ptr(),
        );
        loop {
            let tuple = pg_sys::systable_getnext(scan);
            if tuple.is_null() {
                break;
            }
            f(tuple, (*relation).rd_att);
        }
        pg_sys::systable_endscan(scan);
        pg_sys::relation_close(relation, lock);
    }
}

/// Hands each row of pg_depend of an object, with its columns or other parts, to `f`.
///
/// # Safety
/// Inside a transaction.
pub(in crate::pg) unsafe fn each_dependency(
    class: pg_sys::Oid,
    object: pg_sys::Oid,
    mut f: impl FnMut(&pg_sys::FormData_pg_depend, pg_sys::HeapTuple),
) {
    // SAFETY: pg_depend has an index that begins with these columns, and each row that structure.
    unsafe {
        each_row(
            pg_sys::DependRelationId,
            pg_sys::DependDependerIndexId,
            &[
                (pg_sys::Anum_pg_depend_classid, class),
                (pg_sys::Anum_pg_depend_objid, object),
            ],
            |tuple, _| {
                f(
                    &*(pg_sys::GETSTRUCT(tuple) as pg_sys::Form_pg_depend),
                    tuple,
                )
            },
        );
    }
}
