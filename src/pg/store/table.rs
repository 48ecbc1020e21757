//! The capture table as PostgreSQL's own catalogs are written: `heap_form_tuple`, insert, indexes. No SPI, no planner.
//!
//! Not honoured, since nothing of a user may run here: row triggers, rules, check constraints, defaults. Indexes with
//! expressions or predicates are refused as an alteration of the table.
//! Locks: the table and the sequence of its ids, both or none ([`lock_both`]); held to the end of the transaction, so that a
//! row is never decoded after its table is gone. That of retention only when it is free.

use crate::pg::catalog::own::Remembered;
use crate::pg::catalog::{lookup, own};
use crate::pg::runtime::failure::Failure;
use crate::pg::runtime::{compat, raw, session, text, value};
use crate::pg::store::sequence::{
    OWN_SCHEMA, PRUNED_SEQUENCE, RESTORED_SEQUENCE, current_value, increment, missing,
    next_value_of_locked, own_sequence, raise_in_step, value_at_hand,
};
use core::ffi::CStr;
use pgrx::pg_sys::{self, Datum};
use std::cell::Cell;

pub const SCHEMA: &CStr = c"public";
pub const TABLE: &CStr = c"dts_ddl_command";
/// Made by dts_ddl.start_apply().
const APPLY_LOG: &CStr = c"apply_log";
const SEQUENCE: &CStr = c"dts_ddl_command_id_seq";
pub const MAIN_TRIGGER: &CStr = c"dts_intercept_ddl";
pub const DROP_TRIGGER: &CStr = c"dts_intercept_drop";
pub const REWRITE_TRIGGER: &CStr = c"dts_intercept_rewrite";
pub use crate::pg::catalog::own::EXTENSION;

/// So often, and with such pauses, the table is looked for while another session drops and creates the extension: a
/// commit is visible to snapshots a moment before its invalidations reach our caches (xact.c: CommitTransaction).
const ATTEMPTS: usize = 100;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(2);

/// The columns of the contract, in order.
const COLUMNS: [(&CStr, pg_sys::Oid); 14] = [
    (c"ddl_text", pg_sys::TEXTOID),
    (c"id", pg_sys::INT8OID),
    (c"event", pg_sys::TEXTOID),
    (c"tag", pg_sys::TEXTOID),
    (c"username", pg_sys::VARCHAROID),
    (c"database", pg_sys::VARCHAROID),
    (c"schema", pg_sys::VARCHAROID),
    (c"object_type", pg_sys::VARCHAROID),
    (c"object_name", pg_sys::VARCHAROID),
    (c"client_address", pg_sys::VARCHAROID),
    (c"client_port", pg_sys::INT4OID),
    (c"event_time", pg_sys::TIMESTAMPTZOID),
    (c"txid_current", pg_sys::VARCHAROID),
    (c"message", pg_sys::TEXTOID),
];
pub const ID_COLUMN: usize = 1;
pub const DDL_TEXT_COLUMN: usize = 0;
pub const TAG_COLUMN: usize = 3;
pub const USERNAME_COLUMN: usize = 4;
pub const PORT_COLUMN: usize = 10;
pub const TIME_COLUMN: usize = 11;
pub const TRANSACTION_COLUMN: usize = 12;
pub const MESSAGE_COLUMN: usize = 13;

/// One value of a row.
pub enum Value<'a> {
    Null,
    Text(&'a [u8]),
    Int(i32),
    BigInt(i64),
    Timestamp(i64),
}

/// How far one round of deleting old rows may go.
#[derive(Clone, Copy)]
pub struct PruneLimits {
    pub rows: i64,
    pub entries: usize,
}

/// A row that may be deleted.
pub struct Candidate {
    pub id: i64,
    pub time: Option<i64>,
}

/// What one round of deleting old rows did.
pub struct Pruned {
    pub deleted: i64,
    /// The highest id deleted, 0 when none.
    pub highest: i64,
}

/// The capture table, open and locked for writing. Closed (the lock stays) on drop.
pub struct CaptureTable {
    relation: pg_sys::Relation,
    sequence: pg_sys::Oid,
}

impl Drop for CaptureTable {
    fn drop(&mut self) {
        // After an error the resource owner closes the relation; closing it here as well would be once too often.
        if !std::thread::panicking() {
            // SAFETY: opened in `open`, not closed since.
            unsafe { pg_sys::relation_close(self.relation, pg_sys::NoLock as pg_sys::LOCKMODE) }
        }
    }
}

/// The capture table; InvalidOid when there is none.
pub fn capture_table() -> pg_sys::Oid {
    own::relation(SCHEMA, TABLE)
}

/// The same, or why there is none. To be asked before any query that names the table.
pub fn require() -> Result<pg_sys::Oid, Failure> {
    match capture_table() {
        pg_sys::InvalidOid if own::is_taken(SCHEMA, TABLE) => Err(Failure::table_altered(
            "What has its name is no member of the extension.".to_owned(),
        )),
        pg_sys::InvalidOid => Err(Failure::table_missing()),
        table => Ok(table),
    }
}

/// The same for queries that also name the sequence of its ids.
pub fn require_with_ids() -> Result<(), Failure> {
    require()?;
    match own::relation(SCHEMA, SEQUENCE) {
        pg_sys::InvalidOid => Err(missing(SCHEMA, SEQUENCE)),
        _ => Ok(()),
    }
}

/// A row of another server has arrived. Where this server captures too, its next id is to be above that row's, so that ids
/// tell the order of commands that depend on each other.
pub fn keep_ids_above(id: i64) -> Result<(), Failure> {
    let sequence = id_sequence(require()?)?;
    if increment(sequence) > 1 {
        raise_in_step(sequence, id)?;
    }
    Ok(())
}

thread_local! {
    /// The relations that a row needs, as they were opened last.
    static OPENED: Remembered<[pg_sys::Oid; 2]> = const { Remembered::nothing() };
    /// The extension's mark of a copy ([`RESTORED_SEQUENCE`]) that needs not be read again.
    static TOLD: Cell<pg_sys::Oid> = const { Cell::new(pg_sys::InvalidOid) };
}

/// What a transaction has said is taken back.
pub fn is_rolled_back() {
    TOLD.set(pg_sys::InvalidOid);
}

/// Whether this database is the copy of a captured one, made by the restore of a dump, and nothing has said since what it is: a source,
/// of which a consumer has a logical slot or which `dts_ddl.start_capture()` has made one, or a destination. Its ids have not begun.
///
/// Asked with each command: never waits, and whoever is in the way (DROP EXTENSION, `dts_ddl.start_capture()`) has it go the way of
/// all others.
pub fn is_untold_copy() -> bool {
    let mark = own::relation(OWN_SCHEMA, RESTORED_SEQUENCE);
    if mark == TOLD.get() {
        return false;
    }
    let Some(restored) = value_at_hand(mark) else {
        return false;
    };
    if restored.is_some_and(|restored| restored > 0) {
        match value_at_hand(own::relation(SCHEMA, SEQUENCE)) {
            Some(None) => return !session::has_logical_slot(),
            Some(Some(_)) => {}
            None => return false,
        }
    }
    TOLD.set(mark);
    false
}

/// Whether this server applies DDL commands of another one, or has done so.
pub fn is_destination() -> bool {
    own::relation(OWN_SCHEMA, APPLY_LOG) != pg_sys::InvalidOid
}

impl CaptureTable {
    /// Opens the table; `None` when the extension is no longer installed (another session dropped it meanwhile).
    pub fn open() -> Result<Option<Self>, Failure> {
        if let Some(table) = Self::open_again() {
            return Ok(Some(table));
        }
        let mut failure = None;
        for _ in 0..ATTEMPTS {
            match Self::find() {
                Ok(relations) => match Self::lock_and_open(relations) {
                    Some(table) => {
                        table.check_shape()?;
                        // Of a sequence that was renamed nothing is announced to us.
                        if relations[1] == own::relation(SCHEMA, SEQUENCE) {
                            OPENED.with(|opened| opened.set(own::changes(), relations));
                        }
                        return Ok(Some(table));
                    }
                    None => continue,
                },
                Err(missing) => failure = Some(missing),
            }
            if !lookup::extension_exists(EXTENSION) {
                return Ok(None);
            }
            std::thread::sleep(PAUSE);
        }
        Err(failure.unwrap_or_else(Failure::table_missing))
    }

    /// What was opened before, where nothing that PostgreSQL would have announced has happened to it since.
    fn open_again() -> Option<Self> {
        let relations = OPENED.with(Remembered::get)?;
        // SAFETY: locked; it is there, for its going would have been announced with the lock.
        let relation = unsafe {
            raw::together(|| {
                lock_both(&relations);
                if OPENED.with(Remembered::get) != Some(relations) {
                    unlock(&relations);
                    return None;
                }
                let keep = pg_sys::NoLock as pg_sys::LOCKMODE;
                Some(raw::relation_open(relations[0], keep))
            })
        };
        let sequence = relations[1];
        relation.map(|relation| CaptureTable { relation, sequence })
    }

    /// What each row needs: the table and its id sequence, by their names.
    fn find() -> Result<[pg_sys::Oid; 2], Failure> {
        let table = require()?;
        Ok([table, id_sequence(table)?])
    }

    /// Locks and opens what was found; `None` when it was replaced or dropped while we waited.
    fn lock_and_open(relations: [pg_sys::Oid; 2]) -> Option<Self> {
        let keep = pg_sys::NoLock as pg_sys::LOCKMODE;
        // SAFETY: locked; NULL when it vanished while we waited.
        let relation = unsafe {
            raw::together(|| {
                lock_both(&relations);
                raw::try_relation_open(relations[0], keep)
            })
        };
        let is_found = || Self::find().is_ok_and(|found| found == relations);
        if !relation.is_null() && is_found() {
            let sequence = relations[1];
            return Some(CaptureTable { relation, sequence });
        }
        // SAFETY: opened and locked above.
        unsafe {
            raw::together(|| {
                if !relation.is_null() {
                    raw::relation_close(relation, keep);
                }
                unlock(&relations);
            });
        }
        None
    }

    /// Locks what deleting old rows needs besides; never waits. Not so while DROP EXTENSION, which has this lock, waits for
    /// this transaction.
    pub fn lock_retention(&self) -> Result<bool, Failure> {
        let lock = pg_sys::RowExclusiveLock as pg_sys::LOCKMODE;
        let sequence = own_sequence(PRUNED_SEQUENCE)?;
        // SAFETY: locks by OID need no existing relation.
        Ok(unsafe { pg_sys::ConditionalLockRelationOid(sequence, lock) })
    }

    fn check_shape(&self) -> Result<(), Failure> {
        // SAFETY: the relation is open.
        unsafe { check_shape(self.relation) }
    }

    /// The id for a new row. Where the ids begin the table may have rows of another server, which somebody has copied.
    pub fn next_id(&self) -> Result<i64, Failure> {
        let id = next_value_of_locked(self.sequence)?;
        if id == 1 {
            let highest = self.highest_row();
            if highest >= id {
                raise_in_step(self.sequence, highest)?;
                return next_value_of_locked(self.sequence);
            }
        }
        Ok(id)
    }

    /// The highest id given so far, to any session.
    pub fn last_id(&self) -> Result<i64, Failure> {
        Ok(current_value(self.sequence)?.unwrap_or(0))
    }

    /// How far the ids of this server are apart; between them lie those of other servers, if any.
    pub fn id_increment(&self) -> i64 {
        increment(self.sequence).max(1)
    }

    /// Writes one row and its index entries.
    pub fn insert(&self, row: &[Value<'_>; 14]) -> Result<(), Failure> {
        let mut values = [Datum::from(0usize); 14];
        let mut nulls = [false; 14];
        let mut texts = value::Texts::with_room_for(row.iter().map(|value| match value {
            Value::Text(bytes) => Some(*bytes),
            _ => None,
        }))?;
        for (i, value) in row.iter().enumerate() {
            values[i] = match value {
                Value::Null => {
                    nulls[i] = true;
                    Datum::from(0usize)
                }
                Value::Text(bytes) => texts.add(bytes),
                Value::Int(v) => Datum::from(*v),
                Value::BigInt(v) | Value::Timestamp(v) => Datum::from(*v),
            };
        }
        let index = self.only_index();
        let (values, nulls) = (values.as_mut_ptr(), nulls.as_mut_ptr());
        // SAFETY: values match the descriptor checked in `open`; they are copied into the tuple.
        let left = unsafe {
            raw::together(|| {
                let tuple = raw::heap_form_tuple((*self.relation).rd_att, values, nulls);
                if !index.is_some_and(|index| self.insert_with_index(tuple, index, values)) {
                    return Some(tuple);
                }
                raw::heap_freetuple(tuple);
                None
            })
        };
        match left {
            // SAFETY: formed just now.
            Some(tuple) => unsafe { self.insert_with_indexes(tuple) },
            None => Ok(()),
        }
    }

    /// With the index of the ids; false where that is another one. Its lock is held to the end of the transaction, as that of the table.
    ///
    /// # Safety
    /// A row of this table and its values, within a boundary.
    unsafe fn insert_with_index(
        &self,
        tuple: pg_sys::HeapTuple,
        index: pg_sys::Oid,
        values: *mut Datum,
    ) -> bool {
        // SAFETY: the caller's promise; the table is open and locked for writing.
        unsafe {
            let lock = pg_sys::RowExclusiveLock as pg_sys::LOCKMODE;
            let index = raw::index_open(index, lock);
            if !is_of_ids(index) {
                raw::index_close(index, lock);
                return false;
            }
            raw::simple_heap_insert(self.relation, tuple);
            let mut null = false;
            raw::index_insert(
                index,
                values.add(ID_COLUMN),
                &mut null,
                &mut (*tuple).t_self,
                self.relation,
                pg_sys::IndexUniqueCheck::UNIQUE_CHECK_YES,
                #[cfg(not(feature = "pg13"))]
                false,
                raw::BuildIndexInfo(index),
            );
            raw::index_close(index, pg_sys::NoLock as pg_sys::LOCKMODE);
        }
        true
    }

    /// The index of the ids, where there is no other: the usual case.
    fn only_index(&self) -> Option<pg_sys::Oid> {
        // SAFETY: the relation is open; the list in its cache entry is up to date where that says so (relcache.c:
        // RelationGetIndexList), else PostgreSQL makes it so.
        unsafe {
            if !(*self.relation).rd_indexvalid {
                pg_sys::RelationGetIndexList(self.relation);
            }
            let list = (*self.relation).rd_indexlist;
            if list.is_null() || (*list).length != 1 {
                return None;
            }
            let index = (*(*list).elements).oid_value;
            (index == (*self.relation).rd_pkindex).then_some(index)
        }
    }

    /// With indexes of the DBA's: as for a catalog (indexing.c), which knows no expressions, predicates or exclusion
    /// constraints: these are refused before.
    ///
    /// # Safety
    /// The tuple is one of this table.
    unsafe fn insert_with_indexes(&self, tuple: pg_sys::HeapTuple) -> Result<(), Failure> {
        // SAFETY: the relation is open and locked for writing; what is opened is closed.
        unsafe {
            let indexes = pg_sys::CatalogOpenIndexes(self.relation);
            for i in 0..(*indexes).ri_NumIndices as usize {
                let info = &**(*indexes).ri_IndexRelationInfo.add(i);
                let plain = info.ii_Expressions.is_null()
                    && info.ii_Predicate.is_null()
                    && info.ii_ExclusionOps.is_null();
                if !plain {
                    pg_sys::CatalogCloseIndexes(indexes);
                    return Err(Failure::table_altered(
                        "It has an index with an expression, a predicate or an exclusion constraint.".to_owned(),
                    ));
                }
            }
            pg_sys::CatalogTupleInsertWithInfo(self.relation, tuple, indexes);
            pg_sys::CatalogCloseIndexes(indexes);
        }
        Ok(())
    }

    /// Deletes the oldest rows from `from_id` on as long as `goes` says so, at most `limits.rows` of them, looking at no
    /// more than `limits.entries` index entries (rows that are gone still have one until vacuum). Rows that another
    /// session is deleting are passed over, never waited for.
    pub fn delete_oldest(
        &self,
        from_id: i64,
        limits: PruneLimits,
        mut goes: impl FnMut(&Candidate) -> bool,
    ) -> Pruned {
        let mut pruned = Pruned {
            deleted: 0,
            highest: 0,
        };
        self.scan(from_id, limits.entries, |id, time, tid| {
            let goes_on = pruned.deleted < limits.rows && goes(&Candidate { id, time });
            if goes_on && self.delete(tid) {
                pruned.deleted += 1;
                pruned.highest = id;
            }
            goes_on
        });
        pruned
    }

    /// Whether the row with this id is there; one that another session is deleting is.
    pub fn has_row(&self, id: i64) -> bool {
        // an UPDATE by the owner can leave more than one index entry
        const ENTRIES: usize = 10;
        let mut is_there = false;
        self.scan(id, ENTRIES, |found, _, _| {
            is_there = found == id;
            false
        });
        is_there
    }

    /// The highest id of a row that is there, 0 when there is none.
    pub fn highest_row(&self) -> i64 {
        let mut highest = 0;
        self.scan(i64::MIN, usize::MAX, |id, _, _| {
            highest = id;
            true
        });
        highest
    }

    /// Hands the rows from `from_id` on to `f`, by id, until it says that it has seen enough; looks at no more than
    /// `entries` index entries.
    ///
    /// Rows are seen as they are now (SnapshotSelf): no predicate locks are taken, so serializable transactions
    /// do not conflict over it.
    fn scan(
        &self,
        from_id: i64,
        entries: usize,
        mut f: impl FnMut(i64, Option<i64>, pg_sys::ItemPointerData) -> bool,
    ) {
        // SAFETY: the scan is ended and the index closed on the normal way; after an error the resource owner does so.
        // The slot keeps its buffer pinned while its values are read.
        unsafe {
            let index = compat::primary_key_index(self.relation);
            if index == pg_sys::InvalidOid {
                return;
            }
            let lock = pg_sys::RowExclusiveLock as pg_sys::LOCKMODE;
            let index = pg_sys::index_open(index, lock);
            if !is_of_ids(index) {
                pg_sys::index_close(index, lock);
                return;
            }
            let mut key = pg_sys::ScanKeyData::default();
            pg_sys::ScanKeyInit(
                &mut key,
                1,
                pg_sys::BTGreaterEqualStrategyNumber as pg_sys::StrategyNumber,
                pg_sys::Oid::from(pg_sys::F_INT8GE),
                Datum::from(from_id),
            );
            let slot = pg_sys::table_slot_create(self.relation, core::ptr::null_mut());
            let snapshot = &raw mut pg_sys::SnapshotSelfData;
            let scan = compat::index_beginscan(self.relation, index, snapshot, 1);
            pg_sys::index_rescan(scan, &mut key, 1, core::ptr::null_mut(), 0);
            let forward = pg_sys::ScanDirection::ForwardScanDirection;
            for _ in 0..entries {
                if pg_sys::index_getnext_tid(scan, forward).is_null() {
                    break;
                }
                if !pg_sys::index_fetch_heap(scan, slot) {
                    continue;
                }
                pg_sys::slot_getallattrs(slot);
                let column = |i: usize| value::of_slot(slot, i).map(|value| value.value() as i64);
                if !f(
                    column(ID_COLUMN).unwrap_or_default(),
                    column(TIME_COLUMN),
                    (*slot).tts_tid,
                ) {
                    break;
                }
            }
            pg_sys::index_endscan(scan);
            pg_sys::ExecDropSingleTupleTableSlot(slot);
            pg_sys::index_close(index, pg_sys::NoLock as pg_sys::LOCKMODE);
        }
    }

    /// Deletes the row at this place, unless another session is at it or it has gone.
    fn delete(&self, mut tid: pg_sys::ItemPointerData) -> bool {
        let mut failure = pg_sys::TM_FailureData::default();
        // SAFETY: the place is that of a row which the scan has just seen; no crosscheck snapshot, no waiting; every
        // result but TM_Ok leaves the row alone.
        unsafe {
            let command = pg_sys::GetCurrentCommandId(true);
            #[cfg(feature = "pg19")]
            let result = pg_sys::heap_delete(
                self.relation,
                &tid,
                command,
                0,
                core::ptr::null_mut(),
                false,
                &mut failure,
            );
            #[cfg(not(feature = "pg19"))]
            let result = pg_sys::heap_delete(
                self.relation,
                &mut tid,
                command,
                core::ptr::null_mut(),
                false,
                &mut failure,
                false,
            );
            let _ = &mut tid;
            result == pg_sys::TM_Result::TM_Ok
        }
    }
}

/// Whether the ids are the only column of a primary key: a DBA may have put another one in its place.
///
/// # Safety
/// The index is open.
unsafe fn is_of_ids(index: pg_sys::Relation) -> bool {
    // SAFETY: the caller's promise; there are as many column numbers as columns.
    unsafe {
        let form = &*(*index).rd_index;
        form.indnatts == 1 && *form.indkey.values.as_ptr() as usize == ID_COLUMN + 1
    }
}

/// Refuses a table that is not the 14 columns of the contract.
///
/// # Safety
/// `relation` is open.
pub(in crate::pg) unsafe fn check_shape(relation: pg_sys::Relation) -> Result<(), Failure> {
    // SAFETY: an open relation's descriptor is complete; attributes 0..natts are initialized.
    unsafe {
        let relation = &*relation;
        let form = &*relation.rd_rel;
        if form.relkind != pg_sys::RELKIND_RELATION as core::ffi::c_char
            || form.relam != pg_sys::HEAP_TABLE_AM_OID
        {
            return Err(Failure::table_altered(
                "It is not an ordinary heap table.".to_owned(),
            ));
        }
        let count = (*relation.rd_att).natts as usize;
        if count != COLUMNS.len() {
            return Err(Failure::table_altered(format!(
                "It has {count} columns instead of {}.",
                COLUMNS.len()
            )));
        }
        for (i, (name, kind)) in COLUMNS.iter().enumerate() {
            let attribute = compat::attribute(relation.rd_att, i);
            if attribute.attisdropped
                || text::bytes(attribute.attname.data.as_ptr()) != name.to_bytes()
            {
                let name = name.to_string_lossy();
                return Err(Failure::table_altered(format!(
                    "Column {} is not \"{name}\".",
                    i + 1
                )));
            }
            if attribute.atttypid != *kind {
                let name = name.to_string_lossy();
                return Err(Failure::table_altered(format!(
                    "Column \"{name}\" has another type."
                )));
            }
        }
    }
    Ok(())
}

/// The sequence of the ids.
fn id_sequence(table: pg_sys::Oid) -> Result<pg_sys::Oid, Failure> {
    match own::relation(SCHEMA, SEQUENCE) {
        pg_sys::InvalidOid => owned_sequence(table).ok_or_else(|| missing(SCHEMA, SEQUENCE)),
        oid => Ok(oid),
    }
}

/// Whether a relation is the sequence of the ids.
pub(in crate::pg) fn is_id_sequence(relation: pg_sys::Oid) -> bool {
    relation != pg_sys::InvalidOid && relation == own::relation(SCHEMA, SEQUENCE)
}

/// The highest id given so far, to any session; 0 when none. Takes no lock that is kept, writes nothing.
pub fn last_id() -> Result<i64, Failure> {
    Ok(current_value(id_sequence(require()?)?)?.unwrap_or(0))
}

/// Locks relations for writing, in whatever order others (DROP EXTENSION, TRUNCATE, ALTER TABLE) take them: never waits
/// for one while holding another, so that no deadlock can arise here.
///
/// # Safety
/// Within a boundary.
unsafe fn lock_both(relations: &[pg_sys::Oid; 2]) {
    let lock = pg_sys::RowExclusiveLock as pg_sys::LOCKMODE;
    let mut waited_for = 0;
    loop {
        // SAFETY: locks by OID need no existing relation.
        let got_both = unsafe {
            raw::LockRelationOid(relations[waited_for], lock);
            raw::ConditionalLockRelationOid(relations[1 - waited_for], lock)
        };
        if got_both {
            return;
        }
        // SAFETY: the caller's promise.
        unsafe { unlock(&[relations[waited_for]]) };
        waited_for = 1 - waited_for;
    }
}

/// # Safety
/// Within a boundary.
unsafe fn unlock(relations: &[pg_sys::Oid]) {
    for relation in relations {
        // SAFETY: locked once before; what the transaction held already stays held.
        unsafe { raw::UnlockRelationOid(*relation, pg_sys::RowExclusiveLock as pg_sys::LOCKMODE) };
    }
}

/// The sequence that belongs to a column of the table, whatever its name.
fn owned_sequence(table: pg_sys::Oid) -> Option<pg_sys::Oid> {
    // SAFETY: reads pg_depend; the list holds OIDs.
    unsafe {
        let list = pg_sys::getOwnedSequences(table);
        (!list.is_null() && (*list).length > 0).then(|| (*(*list).elements).oid_value)
    }
}
