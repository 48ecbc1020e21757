//! Rows of pg_depend, written as `recordDependencyOn()` writes them (pg_depend.c), but whatever they say, and without a lock on
//! what is depended on; and what the extension notes of relations by such rows ([`Mark`]).

use crate::pg::runtime::scan;
use pgrx::pg_sys::{self, Datum};

/// Catalog and OID of an object.
type Object = (pg_sys::Oid, pg_sys::Oid);

/// Makes `object` depend on `on`. The caller sees to it that both stay until the transaction ends.
pub(in crate::pg) fn insert(object: Object, on: Object, kind: pg_sys::DependencyType::Type) {
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

/// What is noted of a relation by making it depend on a function of PostgreSQL that nobody can drop. PostgreSQL itself never writes
/// such a row, since dependencies on what it cannot drop go without saying (pg_depend.c: recordMultipleDependencies), and it
/// deletes the row with the relation. It belongs to the transaction that writes it, and pg_dump does not carry it.
#[derive(Clone, Copy)]
pub(in crate::pg) struct Mark(pub(in crate::pg) u32);

impl Mark {
    fn function(self) -> pg_sys::Oid {
        pg_sys::Oid::from(self.0)
    }

    pub(in crate::pg) fn set(self, relation: pg_sys::Oid) {
        insert(
            (pg_sys::RelationRelationId, relation),
            (pg_sys::ProcedureRelationId, self.function()),
            pg_sys::DependencyType::DEPENDENCY_NORMAL,
        );
    }

    pub(in crate::pg) fn is_on(self, relation: pg_sys::Oid) -> bool {
        let mut found = false;
        self.each(relation, |_| found = true);
        found
    }

    /// The transaction that has set it.
    pub(in crate::pg) fn set_by(self, relation: pg_sys::Oid) -> Option<pg_sys::TransactionId> {
        let mut by = None;
        self.each(relation, |row| {
            // SAFETY: a row of pg_depend.
            by = Some(unsafe { (*(*row).t_data).t_choice.t_heap.t_xmin });
        });
        by
    }

    /// The caller has a lock on the relation under which nobody else removes it.
    pub(in crate::pg) fn remove(self, relation: pg_sys::Oid) {
        let lock = pg_sys::RowExclusiveLock as pg_sys::LOCKMODE;
        // SAFETY: the row was just read, and stays as the caller promises.
        unsafe {
            let catalog = pg_sys::relation_open(pg_sys::DependRelationId, lock);
            self.each(relation, |row| {
                pg_sys::CatalogTupleDelete(catalog, &raw mut (*row).t_self);
            });
            pg_sys::relation_close(catalog, lock);
            // Who looks for it before the end of the command finds it no more.
            pg_sys::CommandCounterIncrement();
        }
    }

    fn each(self, relation: pg_sys::Oid, mut f: impl FnMut(pg_sys::HeapTuple)) {
        // SAFETY: inside a transaction.
        unsafe {
            scan::each_dependency(pg_sys::RelationRelationId, relation, |form, row| {
                if form.refclassid == pg_sys::ProcedureRelationId
                    && form.refobjid == self.function()
                {
                    f(row);
                }
            });
        }
    }

    /// All relations that have it.
    pub(in crate::pg) fn relations(self) -> Vec<pg_sys::Oid> {
        let mut found = Vec::new();
        // SAFETY: the index begins with these columns; each row is one of pg_depend.
        unsafe {
            scan::each_row(
                pg_sys::DependRelationId,
                pg_sys::DependReferenceIndexId,
                &[
                    (
                        pg_sys::Anum_pg_depend_refclassid,
                        pg_sys::ProcedureRelationId,
                    ),
                    (pg_sys::Anum_pg_depend_refobjid, self.function()),
                ],
                |row, _| {
                    let form = &*(pg_sys::GETSTRUCT(row) as pg_sys::Form_pg_depend);
                    if form.classid == pg_sys::RelationRelationId {
                        found.push(form.objid);
                    }
                },
            );
        }
        found
    }
}
