//! What inherits from what (pg_inherits): tables, partitions, and the indexes of both.

use crate::pg::catalog::lookup;
use crate::pg::runtime::{list, scan};
use pgrx::pg_sys;

/// The tables that a table is a partition of or inherits from, in order.
pub(in crate::pg) fn parents(table: pg_sys::Oid) -> Vec<pg_sys::Oid> {
    let mut parents = Vec::new();
    // SAFETY: the index begins with that column, and is in the order of inhseqno; the structure is that of the catalog's rows.
    unsafe {
        scan::each_row(
            pg_sys::InheritsRelationId,
            pg_sys::InheritsRelidSeqnoIndexId,
            &[(pg_sys::Anum_pg_inherits_inhrelid, table)],
            |tuple, _| {
                parents.push((*(pg_sys::GETSTRUCT(tuple) as pg_sys::Form_pg_inherits)).inhparent);
            },
        );
    }
    parents
}

/// The index of a partitioned table that an index is part of.
pub fn parent_of_index(index: pg_sys::Oid) -> Option<pg_sys::Oid> {
    parents(index).first().copied()
}

/// The table and what it is a partition of, the root last.
pub fn with_ancestors(table: pg_sys::Oid) -> Vec<pg_sys::Oid> {
    let mut chain = vec![table];
    // SAFETY: reads pg_class and pg_inherits; the list holds OIDs.
    unsafe {
        if pg_sys::get_rel_relispartition(table) {
            chain.extend(list::oids(pg_sys::get_partition_ancestors(table)));
        }
    }
    chain
}

/// A table and, where it is partitioned, its partitions of all levels.
pub(in crate::pg) fn with_partitions(table: pg_sys::Oid) -> Vec<pg_sys::Oid> {
    if lookup::is_partitioned(table) {
        with_descendants(table)
    } else {
        vec![table]
    }
}

/// A table and all that inherits from it, partitions or not, on all levels.
pub fn with_descendants(table: pg_sys::Oid) -> Vec<pg_sys::Oid> {
    // SAFETY: reads pg_class and pg_inherits, without a lock: what comes or goes meanwhile is another command's business.
    unsafe {
        list::oids(pg_sys::find_all_inheritors(
            table,
            pg_sys::NoLock as pg_sys::LOCKMODE,
            core::ptr::null_mut(),
        ))
    }
}
