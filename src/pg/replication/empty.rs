//! A table loses its rows, as TRUNCATE takes them, whatever its owner has put on it.
//!
//! TRUNCATE itself fails where a foreign key references the table, and calls triggers. This does what is left of it
//! (tablecmds.c: ExecuteTruncateGuts): new storage for the table, its TOAST table and its indexes, and a record for those who
//! decode this server's WAL. All of it is undone when the transaction is rolled back.

use crate::pg::catalog::role::{self, Role};
use crate::pg::catalog::{lookup, spi};
use crate::pg::runtime::failure::Failure;
use pgrx::pg_sys;

/// Whether a subscription could bring rows of it: a permanent or unlogged table of users, partitioned or not.
pub fn can_be_copied(table: pg_sys::Oid) -> bool {
    // SAFETY: syscache look-ups; no such relation has kind 0.
    unsafe {
        let kind = pg_sys::get_rel_relkind(table) as u8;
        matches!(
            kind,
            pg_sys::RELKIND_RELATION | pg_sys::RELKIND_PARTITIONED_TABLE
        ) && pg_sys::get_rel_persistence(table) as u8 != pg_sys::RELPERSISTENCE_TEMP
            && table.to_u32() >= pg_sys::FirstNormalObjectId
    }
}

/// Nobody else reads or writes the table until the transaction ends.
pub fn lock(table: pg_sys::Oid) {
    let mode = pg_sys::AccessExclusiveLock as pg_sys::LOCKMODE;
    // SAFETY: raises an error if the table has gone meanwhile; the lock stays when it is closed.
    unsafe {
        pg_sys::relation_close(
            pg_sys::relation_open(table, mode),
            pg_sys::NoLock as pg_sys::LOCKMODE,
        );
    }
}

/// Takes all rows from an ordinary table that [`lock`] has locked. The expressions of its indexes are its owner's code.
pub fn remove_rows(table: pg_sys::Oid) -> Result<(), Failure> {
    role::with_rights_of(Role::owner_of(table), || {
        // SAFETY: an ordinary table, locked exclusively by this transaction, which is all that these functions ask for.
        unsafe {
            let rel = pg_sys::relation_open(table, pg_sys::NoLock as pg_sys::LOCKMODE);
            pg_sys::CheckTableNotInUse(rel, c"TRUNCATE".as_ptr());
            pg_sys::CheckTableForSerializableConflictIn(rel);
            give_new_storage(rel);
            let toast = (*(*rel).rd_rel).reltoastrelid;
            if toast != pg_sys::InvalidOid {
                let mode = pg_sys::AccessExclusiveLock as pg_sys::LOCKMODE;
                let toast = pg_sys::relation_open(toast, mode);
                give_new_storage(toast);
                pg_sys::relation_close(toast, pg_sys::NoLock as pg_sys::LOCKMODE);
            }
            rebuild_indexes(table);
            pg_sys::pgstat_count_truncate(rel);
            if (*(*rel).rd_rel).relpersistence as u8 == pg_sys::RELPERSISTENCE_PERMANENT {
                log(table);
            }
            pg_sys::relation_close(rel, pg_sys::NoLock as pg_sys::LOCKMODE);
        }
        Ok(())
    })
}

/// # Safety
/// An open table, locked exclusively.
unsafe fn give_new_storage(rel: pg_sys::Relation) {
    // SAFETY: the caller's promise.
    unsafe {
        let persistence = (*(*rel).rd_rel).relpersistence;
        #[cfg(any(feature = "pg13", feature = "pg14", feature = "pg15"))]
        pg_sys::RelationSetNewRelfilenode(rel, persistence);
        #[cfg(not(any(feature = "pg13", feature = "pg14", feature = "pg15")))]
        pg_sys::RelationSetNewRelfilenumber(rel, persistence);
    }
}

/// # Safety
/// A table, locked exclusively.
unsafe fn rebuild_indexes(table: pg_sys::Oid) {
    let flags = pg_sys::REINDEX_REL_PROCESS_TOAST as i32;
    // SAFETY: the caller's promise; the parameters are read during the call.
    unsafe {
        #[cfg(feature = "pg13")]
        pg_sys::reindex_relation(table, flags, 0);
        #[cfg(not(feature = "pg13"))]
        let mut parameters = pg_sys::ReindexParams::default();
        #[cfg(any(feature = "pg14", feature = "pg15", feature = "pg16"))]
        pg_sys::reindex_relation(table, flags, &mut parameters);
        #[cfg(any(feature = "pg17", feature = "pg18", feature = "pg19"))]
        pg_sys::reindex_relation(core::ptr::null(), table, flags, &raw mut parameters);
    }
}

/// For those who decode this server's WAL.
fn log(table: pg_sys::Oid) {
    // SAFETY: reads a variable.
    #[cfg(feature = "pg19")]
    let is_decoded = unsafe { pg_sys::XLogLogicalInfo };
    // SAFETY: reads a variable.
    #[cfg(not(feature = "pg19"))]
    let is_decoded = unsafe { pg_sys::wal_level } >= pg_sys::WalLevel::WAL_LEVEL_LOGICAL as i32;
    if !is_decoded {
        return;
    }
    let mut record = pg_sys::xl_heap_truncate {
        // SAFETY: reads a variable.
        dbId: unsafe { pg_sys::MyDatabaseId },
        nrelids: 1,
        ..Default::default()
    };
    let mut table = table;
    // SAFETY: both live until the record is inserted; the struct ends where its array of tables begins (heapam_xlog.h:
    // SizeOfHeapTruncate), and the array has as many as it says.
    unsafe {
        pg_sys::XLogBeginInsert();
        pg_sys::XLogRegisterData((&raw mut record).cast(), size_of_val(&record) as _);
        pg_sys::XLogRegisterData((&raw mut table).cast(), size_of_val(&table) as _);
        pg_sys::XLogSetRecordFlags(pg_sys::XLOG_INCLUDE_ORIGIN as u8);
        pg_sys::XLogInsert(
            pg_sys::RmgrIds::RM_HEAP_ID as pg_sys::RmgrId,
            pg_sys::XLOG_HEAP_TRUNCATE as u8,
        );
    }
}

/// Empties tables together.
pub fn truncate(tables: &[pg_sys::Oid]) -> Result<(), Failure> {
    let names: Vec<String> = tables
        .iter()
        .filter_map(|&table| lookup::qualified_relation_name(table))
        .collect();
    let statement = format!("TRUNCATE ONLY {}", names.join(", "));
    spi::execute(&statement, &[]).map(|_| ())
}
