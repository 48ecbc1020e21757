//! The replica identity of tables: which it is, who gave it, what UPDATE and DELETE may do under it, and changing it.
//!
//! Written straight into the catalogs, as `relation_mark_replica_identity` (tablecmds.c) does: no nested DDL is raised, and it
//! also works while the table is still in use by the CREATE TABLE AS that fills it.
//!
//! A table whose owner has said which identity it is to have is marked; so are all that were under FULL before the first was given it
//! here, and the capture table then, once for the database. Any other under FULL has it from here. Marks are no part of a dump: a
//! restore says FULL as an owner does; after pg_upgrade the first new table has all others marked. Up to 1.7.0 it was the other way
//! round ([`GIVEN`]): a mark for each new table is more work than to give it FULL.
//! Not promised: a choice of a session in which event triggers do not fire (session_replication_role = replica, event_triggers =
//! off) and that is no apply worker of this extension; that an extension which is made anew knows what the former one has given.

use crate::pg::catalog::dependency::Mark;
use crate::pg::catalog::lookup::Address;
use crate::pg::catalog::own::{self, Remembered};
use crate::pg::command::index;
use crate::pg::command::node::ParseTree;
#[cfg(not(any(feature = "pg13", feature = "pg14")))]
use crate::pg::replication::publication::by_publication;
use crate::pg::runtime::failure::Failure;
use crate::pg::runtime::{compat, scan, subtransaction, syscache, transaction};
use crate::pg::store::table::capture_table;
use pgrx::pg_sys;

/// From 15 on a publication may have a column list, under which UPDATE and DELETE fail where the identity is FULL.
pub const MAY_FAIL: bool = cfg!(not(any(feature = "pg13", feature = "pg14")));

/// What a table depends on whose identity is its owner's.
const CHOSEN: Mark = Mark(pg_sys::F_PG_GET_REPLICA_IDENTITY_INDEX);

/// What a table depends on that was given FULL by 1.7.0 and before.
const GIVEN: Mark = Mark(pg_sys::F_PG_RELATION_IS_PUBLISHABLE);

thread_local! {
    /// The owners' tables were marked.
    static MARKED: Remembered<()> = const { Remembered::nothing() };
}

/// What a transaction has marked is taken back.
pub fn is_rolled_back() {
    MARKED.with(Remembered::forget);
}

/// Marks the tables that are under FULL before any is given it here.
fn mark_chosen() {
    let at = own::changes();
    let capture_table = capture_table();
    if MARKED.with(Remembered::get).is_some() || capture_table == pg_sys::InvalidOid {
        return;
    }
    if !CHOSEN.is_on(capture_table) {
        let tables = all_full().into_iter();
        tables
            .filter(|&table| !GIVEN.is_on(table) && !CHOSEN.is_on(table))
            .for_each(|table| CHOSEN.set(table));
        CHOSEN.set(capture_table);
    }
    MARKED.with(|marked| marked.set(at, ()));
}

/// Whether a table that is under FULL has that from here.
fn was_given(table: pg_sys::Oid) -> bool {
    GIVEN.is_on(table)
        || CHOSEN.is_on(capture_table())
            && !CHOSEN.is_on(table)
            && !Address::relation(table).is_of_extension()
}

/// All tables under FULL.
fn all_full() -> Vec<pg_sys::Oid> {
    let mut found = Vec::new();
    // SAFETY: each row is one of pg_class.
    unsafe {
        scan::each_row(pg_sys::RelationRelationId, 0, &[], |row, _| {
            let form = &*(pg_sys::GETSTRUCT(row) as pg_sys::Form_pg_class);
            if form.relreplident as u8 == pg_sys::REPLICA_IDENTITY_FULL {
                found.push(form.oid);
            }
        });
    }
    found
}

/// Whether a table that is locked by the running command has a primary key.
pub fn has_primary_key(table: pg_sys::Oid) -> bool {
    with_open(table, |relation| {
        // SAFETY: the relation is open.
        unsafe { compat::primary_key_index(relation) != pg_sys::InvalidOid }
    })
    .unwrap_or(false)
}

/// Opens a table under a lock that is held already and stays; `None` when the table is gone.
fn with_open<R>(table: pg_sys::Oid, read: impl FnOnce(pg_sys::Relation) -> R) -> Option<R> {
    let no_lock = pg_sys::NoLock as pg_sys::LOCKMODE;
    // SAFETY: the relation is closed again; after an error the resource owner does so.
    unsafe {
        let relation = pg_sys::try_relation_open(table, no_lock);
        if relation.is_null() {
            return None;
        }
        let result = read(relation);
        pg_sys::relation_close(relation, no_lock);
        Some(result)
    }
}

/// REPLICA IDENTITY FULL, for a table that has had no other identity than the default and is new or locked by the running command.
pub fn give_full(table: pg_sys::Oid) -> bool {
    if MAY_FAIL {
        mark_chosen();
    }
    // The row of pg_class is not changed again before the next command, which sees it then; to let this one see it would
    // cost more than the change, since all that is cached of the table would be read anew.
    change(
        table,
        pg_sys::REPLICA_IDENTITY_DEFAULT,
        pg_sys::REPLICA_IDENTITY_FULL,
    )
}

/// REPLICA IDENTITY DEFAULT, for a table under FULL; whoever gave it that.
pub fn give_default(table: pg_sys::Oid) -> bool {
    lock(table);
    let given = change(
        table,
        pg_sys::REPLICA_IDENTITY_FULL,
        pg_sys::REPLICA_IDENTITY_DEFAULT,
    );
    see_changes(table);
    given
}

/// Notes what an ALTER TABLE .. REPLICA IDENTITY has said: that stays, also where it says what is so already. To be called when it
/// has run, under the search_path that it had.
pub fn note_choice(tree: ParseTree) {
    if MAY_FAIL && tree.chooses_replica_identity() {
        index::named_table(tree).into_iter().for_each(is_chosen);
    }
}

fn is_chosen(table: pg_sys::Oid) {
    GIVEN.remove(table);
    if !CHOSEN.is_on(table) {
        CHOSEN.set(table);
        // It may be asked before the end of the command.
        transaction::command_counter_increment();
    }
}

/// Whether a publication could make UPDATE or DELETE of a table fail under FULL that would not fail under DEFAULT: a column
/// list (of the table or what it is a partition of), and from 18 on generated columns (publicationcmds.c:
/// pub_contains_invalid_column). Row filters may name any column under FULL. Cheap, and needs no lock.
pub fn may_fail_under_full(table: pg_sys::Oid, chain: &[pg_sys::Oid]) -> bool {
    has_generated_column(table) || chain.iter().any(|&of| has_column_list(of))
}

/// Whether a table is under FULL, as far as this transaction sees. Needs no lock.
pub fn is_full(table: pg_sys::Oid) -> bool {
    MAY_FAIL && identity(table) == Some(pg_sys::REPLICA_IDENTITY_FULL)
}

/// Takes FULL back from a table that has it from here, if UPDATE or DELETE fails under it and does not under DEFAULT: the
/// only identity that the owner's own statements would have left. True when it was taken back.
///
/// The lock is the one that ALTER PUBLICATION takes on tables it names (publicationcmds.c: OpenTableList): no reader or
/// writer waits. Writers that have not noticed the change yet log more of the old row than needed, never less. Nothing else
/// that writes the table's row in pg_class goes on under it but GRANT, which takes no lock: then it is tried again.
pub fn take_full_back(table: pg_sys::Oid) -> Result<bool, Failure> {
    const ATTEMPTS: usize = 3;
    if !is_full(table) || !was_given(table) {
        return Ok(false);
    }
    lock(table);
    let mut result = Ok(false);
    for _ in 0..ATTEMPTS {
        result = subtransaction::attempt(|| Ok(take_full_back_locked(table)));
        if result.is_ok() {
            break;
        }
        // SAFETY: inside a transaction.
        unsafe { pg_sys::AcceptInvalidationMessages() };
    }
    result
}

fn take_full_back_locked(table: pg_sys::Oid) -> bool {
    // What PostgreSQL remembers of a partition is not forgotten when something happens to what it is a partition of.
    see_changes(table);
    let Some(under_full) = with_open(table, allowed) else {
        return false;
    };
    if under_full.everything() || !is_full(table) || !was_given(table) {
        return false;
    }
    let (full, default) = (
        pg_sys::REPLICA_IDENTITY_FULL,
        pg_sys::REPLICA_IDENTITY_DEFAULT,
    );
    change(table, full, default);
    see_changes(table);
    let is_gain = with_open(table, allowed).is_some_and(|now| now.is_more_than(under_full));
    if !is_gain {
        change(table, default, full);
    }
    see_changes(table);
    is_gain
}

/// Which commands PostgreSQL lets through on a table, given its identity and all publications (execReplication.c:
/// CheckCmdReplicaIdentity).
#[derive(Clone, Copy)]
struct Allowed {
    update: bool,
    delete: bool,
}

impl Allowed {
    fn everything(self) -> bool {
        self.update && self.delete
    }

    fn is_more_than(self, other: Allowed) -> bool {
        self.update && !other.update || self.delete && !other.delete
    }
}

#[cfg(any(feature = "pg13", feature = "pg14"))]
fn allowed(_relation: pg_sys::Relation) -> Allowed {
    Allowed {
        update: true,
        delete: true,
    }
}

#[cfg(not(any(feature = "pg13", feature = "pg14")))]
fn allowed(relation: pg_sys::Relation) -> Allowed {
    // SAFETY: the caller has the relation open under a lock; the descriptor is filled in completely.
    unsafe {
        let mut of = pg_sys::PublicationDesc::default();
        pg_sys::RelationBuildPublicationDesc(relation, &mut of);
        let has_identity = (*(*relation).rd_rel).relreplident as u8
            == pg_sys::REPLICA_IDENTITY_FULL
            || pg_sys::RelationGetReplicaIndex(relation) != pg_sys::InvalidOid;
        #[cfg(any(feature = "pg18", feature = "pg19"))]
        let (update, delete) = (of.gencols_valid_for_update, of.gencols_valid_for_delete);
        #[cfg(not(any(feature = "pg18", feature = "pg19")))]
        let (update, delete) = (true, true);
        Allowed {
            update: update
                && of.rf_valid_for_update
                && of.cols_valid_for_update
                && (has_identity || !of.pubactions.pubupdate),
            delete: delete
                && of.rf_valid_for_delete
                && of.cols_valid_for_delete
                && (has_identity || !of.pubactions.pubdelete),
        }
    }
}

/// The tables that a publication names and for which it may make the difference ([`may_fail_under_full`]).
#[cfg(not(any(feature = "pg13", feature = "pg14")))]
pub fn in_danger_by(publication: pg_sys::Oid) -> Vec<pg_sys::Oid> {
    let mut found = Vec::new();
    // SAFETY: the index begins with the publication; each row is one of pg_publication_rel.
    unsafe {
        scan::each_row(
            pg_sys::PublicationRelRelationId,
            by_publication(),
            &[(pg_sys::Anum_pg_publication_rel_prpubid, publication)],
            |row, descriptor| {
                let form = &*(pg_sys::GETSTRUCT(row) as pg_sys::Form_pg_publication_rel);
                if !is_null(row, pg_sys::Anum_pg_publication_rel_prattrs, descriptor)
                    || has_generated_column(form.prrelid)
                {
                    found.push(form.prrelid);
                }
            },
        );
    }
    found
}

/// There are no column lists before 15.
#[cfg(any(feature = "pg13", feature = "pg14"))]
pub fn in_danger_by(_publication: pg_sys::Oid) -> Vec<pg_sys::Oid> {
    Vec::new()
}

/// All tables that have FULL from here and generated columns, where these make a difference (18 and later).
pub fn given_full_with_generated_column() -> Vec<pg_sys::Oid> {
    if cfg!(not(any(feature = "pg18", feature = "pg19"))) {
        return Vec::new();
    }
    let mut found = all_full();
    found.retain(|&table| has_generated_column(table) && was_given(table));
    found
}

/// Whether a table has generated columns and these make a difference (18 and later).
pub fn has_generated_column(table: pg_sys::Oid) -> bool {
    let mut found = false;
    if cfg!(any(feature = "pg18", feature = "pg19")) {
        // SAFETY: the index begins with the table; each row is one of pg_attrdef, where the expression of a generated column is.
        unsafe {
            scan::each_row(
                pg_sys::AttrDefaultRelationId,
                pg_sys::AttrDefaultIndexId,
                &[(pg_sys::Anum_pg_attrdef_adrelid, table)],
                |row, _| {
                    let form = &*(pg_sys::GETSTRUCT(row) as pg_sys::Form_pg_attrdef);
                    found |= pg_sys::get_attgenerated(table, form.adnum) != 0;
                },
            );
        }
    }
    found
}

/// Whether a publication has a column list for just this table.
#[cfg(not(any(feature = "pg13", feature = "pg14")))]
fn has_column_list(table: pg_sys::Oid) -> bool {
    let mut found = false;
    // SAFETY: the index begins with the table; each row is one of pg_publication_rel.
    unsafe {
        scan::each_row(
            pg_sys::PublicationRelRelationId,
            pg_sys::PublicationRelPrrelidPrpubidIndexId,
            &[(pg_sys::Anum_pg_publication_rel_prrelid, table)],
            |row, descriptor| {
                found |= !is_null(row, pg_sys::Anum_pg_publication_rel_prattrs, descriptor);
            },
        );
    }
    found
}

/// There are no column lists before 15.
#[cfg(any(feature = "pg13", feature = "pg14"))]
fn has_column_list(_table: pg_sys::Oid) -> bool {
    false
}

/// # Safety
/// The row is one of a relation with this descriptor, which has this column.
#[cfg(not(any(feature = "pg13", feature = "pg14")))]
unsafe fn is_null(row: pg_sys::HeapTuple, column: u32, descriptor: pg_sys::TupleDesc) -> bool {
    // SAFETY: the caller's promise.
    unsafe { pg_sys::heap_attisnull(row, column as core::ffi::c_int, descriptor) }
}

fn identity(table: pg_sys::Oid) -> Option<u8> {
    // SAFETY: RELOID holds rows of pg_class.
    unsafe {
        syscache::with_cached(
            pg_sys::SysCacheIdentifier::RELOID,
            table,
            |c: &pg_sys::FormData_pg_class| c.relreplident as u8,
        )
    }
}

fn lock(table: pg_sys::Oid) {
    // SAFETY: takes any OID; the lock goes with the transaction.
    unsafe {
        pg_sys::LockRelationOid(table, pg_sys::ShareUpdateExclusiveLock as pg_sys::LOCKMODE);
    }
}

/// What was changed is seen from here on, and what is remembered of the table is forgotten.
fn see_changes(table: pg_sys::Oid) {
    // SAFETY: inside a command of a transaction; nothing happens for a table that is gone.
    unsafe {
        if identity(table).is_some() {
            pg_sys::CacheInvalidateRelcacheByRelid(table);
        }
        pg_sys::CommandCounterIncrement();
    }
}

/// Writes a changed row of a catalog, whose indexed columns are what they were. CatalogTupleUpdate() opens the indexes of the catalog for
/// each row; one that stays on its page needs no entry (indexing.c: CatalogIndexInsert).
///
/// # Safety
/// A copy of a row of this catalog, which is open for writing.
unsafe fn update(catalog: pg_sys::Relation, tuple: pg_sys::HeapTuple) {
    // SAFETY: the caller's promise; what is opened is closed. Catalogs have no index over expressions, so that nothing is evaluated.
    unsafe {
        let mut former = (*tuple).t_self;
        #[cfg(not(any(feature = "pg13", feature = "pg14", feature = "pg15")))]
        pg_sys::simple_heap_update(catalog, &raw mut former, tuple, &mut 0);
        #[cfg(any(feature = "pg13", feature = "pg14", feature = "pg15"))]
        pg_sys::simple_heap_update(catalog, &raw mut former, tuple);
        if u32::from((*(*tuple).t_data).t_infomask2) & pg_sys::HEAP_ONLY_TUPLE != 0 {
            return;
        }
        let slot = pg_sys::MakeSingleTupleTableSlot((*catalog).rd_att, &pg_sys::TTSOpsHeapTuple);
        pg_sys::ExecStoreHeapTuple(tuple, slot, false);
        let indexes = pg_sys::CatalogOpenIndexes(catalog);
        for i in 0..(*indexes).ri_NumIndices as usize {
            let index = *(*indexes).ri_IndexRelationDescs.add(i);
            let info = *(*indexes).ri_IndexRelationInfo.add(i);
            let mut values = [pg_sys::Datum::null(); pg_sys::INDEX_MAX_KEYS as usize];
            let mut nulls = [false; pg_sys::INDEX_MAX_KEYS as usize];
            let (keys, nulls) = (values.as_mut_ptr(), nulls.as_mut_ptr());
            pg_sys::FormIndexDatum(info, slot, core::ptr::null_mut(), keys, nulls);
            let is_unique = (*(*index).rd_index).indisunique;
            pg_sys::index_insert(
                index,
                keys,
                nulls,
                &raw mut (*tuple).t_self,
                catalog,
                if is_unique {
                    pg_sys::IndexUniqueCheck::UNIQUE_CHECK_YES
                } else {
                    pg_sys::IndexUniqueCheck::UNIQUE_CHECK_NO
                },
                #[cfg(not(feature = "pg13"))]
                false,
                info,
            );
        }
        pg_sys::CatalogCloseIndexes(indexes);
        pg_sys::ExecDropSingleTupleTableSlot(slot);
    }
}

/// Changes the identity of a table that is new, or locked against all who change it. False where it was not `from`.
fn change(table: pg_sys::Oid, from: u8, to: u8) -> bool {
    let lock = pg_sys::RowExclusiveLock as pg_sys::LOCKMODE;
    // SAFETY: updates one field of a copy of the catalog row, under the lock that the caller has.
    unsafe {
        let catalog = pg_sys::relation_open(pg_sys::RelationRelationId, lock);
        let tuple = syscache::cached_copy(pg_sys::SysCacheIdentifier::RELOID, table);
        let mut changed = false;
        if !tuple.is_null() {
            let form = &mut *(pg_sys::GETSTRUCT(tuple) as pg_sys::Form_pg_class);
            if form.relreplident as u8 == from {
                form.relreplident = to as core::ffi::c_char;
                update(catalog, tuple);
                changed = true;
            }
            pg_sys::heap_freetuple(tuple);
        }
        pg_sys::relation_close(catalog, lock);
        changed
    }
}
