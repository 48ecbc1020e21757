//! The rows of the capture table, read by the transaction's snapshot through the primary key. No SPI, no planner.
//!
//! Nothing is written and no lock but ACCESS SHARE is taken, so this works in a read-only transaction and on a standby.

use crate::pg::runtime::failure::Failure;
use crate::pg::runtime::transaction;
use crate::pg::runtime::{compat, value};
use crate::pg::store::table::{
    DDL_TEXT_COLUMN, ID_COLUMN, MESSAGE_COLUMN, PORT_COLUMN, TAG_COLUMN, TIME_COLUMN,
    TRANSACTION_COLUMN, USERNAME_COLUMN, check_shape, require,
};
use pgrx::PgMemoryContexts;
use pgrx::pg_sys::{self, Datum};

/// What of a row a replay needs, in the server encoding.
pub struct StoredRow {
    pub id: i64,
    pub ddl_text: Option<Vec<u8>>,
    pub tag: Option<Vec<u8>>,
    pub username: Option<Vec<u8>>,
    pub message: Option<Vec<u8>>,
}

impl StoredRow {
    fn size(&self) -> usize {
        let texts = [&self.ddl_text, &self.message];
        texts.into_iter().flatten().map(Vec::len).sum()
    }
}

/// The columns of a row that people look at.
pub struct ShownRow {
    pub id: i64,
    /// Microseconds since 2000.
    pub event_time: Option<i64>,
    pub client_port: Option<i32>,
    /// All others, by their place in the table.
    pub texts: Vec<Option<Vec<u8>>>,
}

/// The rows from `first` on, by id, of which so many as [`read`] gives. The running role needs SELECT on the table.
pub fn shown(first: i64, rows: usize, bytes: usize) -> Result<Vec<ShownRow>, Failure> {
    require_select()?;
    let (mut found, mut size) = (Vec::new(), 0);
    scan(first, |row| {
        let texts: Vec<Option<Vec<u8>>> = (0..=MESSAGE_COLUMN)
            .map(|column| match column {
                ID_COLUMN | PORT_COLUMN | TIME_COLUMN => None,
                _ => row.text(column),
            })
            .collect();
        size += texts.iter().flatten().map(Vec::len).sum::<usize>();
        found.push(ShownRow {
            id: row.id(),
            event_time: row.datum(TIME_COLUMN).map(|d| d.value() as i64),
            client_port: row.datum(PORT_COLUMN).map(|d| d.value() as i32),
            texts,
        });
        found.len() < rows && size < bytes
    })?;
    Ok(found)
}

fn require_select() -> Result<(), Failure> {
    let table = require()?;
    // SAFETY: look-ups in the cache of pg_class; an error is raised with the table's name.
    unsafe {
        let rights = pg_sys::pg_class_aclcheck(
            table,
            pg_sys::GetUserId(),
            pg_sys::ACL_SELECT as pg_sys::AclMode,
        );
        if rights != pg_sys::AclResult::ACLCHECK_OK {
            let name = pg_sys::get_rel_name(table);
            pg_sys::aclcheck_error(rights, pg_sys::ObjectType::OBJECT_TABLE, name);
        }
    }
    Ok(())
}

/// The rows from `first` to `last`, by id; not more than `rows`, and no further one once they hold `bytes`.
pub fn read(first: i64, last: i64, rows: usize, bytes: usize) -> Result<Vec<StoredRow>, Failure> {
    let mut found = Vec::new();
    let mut size = 0;
    scan(first, |row| {
        let id = row.id();
        if id > last {
            return false;
        }
        let row = StoredRow {
            id,
            ddl_text: row.text(DDL_TEXT_COLUMN),
            tag: row.text(TAG_COLUMN),
            username: row.text(USERNAME_COLUMN),
            message: row.text(MESSAGE_COLUMN),
        };
        size += row.size();
        found.push(row);
        found.len() < rows && size < bytes
    })?;
    Ok(found)
}

/// The text and the transaction of the row with this id; an error where the table has another shape.
pub fn command(id: i64) -> Result<Option<[Option<Vec<u8>>; 2]>, Failure> {
    let mut found = None;
    scan(id, |row| {
        if row.id() == id {
            found = Some([DDL_TEXT_COLUMN, TRANSACTION_COLUMN].map(|column| row.text(column)));
        }
        false
    })?;
    Ok(found)
}

/// The lowest id that is there, from `first` on.
pub fn lowest_id(first: i64) -> Result<Option<i64>, Failure> {
    let mut lowest = None;
    scan(first, |row| {
        lowest = Some(row.id());
        false
    })?;
    Ok(lowest)
}

/// The first id from `first` to `last` that no row has.
pub fn first_missing_id(first: i64, last: i64) -> Result<Option<i64>, Failure> {
    let mut expected = first;
    scan(first, |row| {
        let is_next = row.id() == expected && expected <= last;
        if is_next {
            expected += 1;
        }
        is_next
    })?;
    Ok((expected <= last).then_some(expected))
}

/// Hands the visible rows from `first` on to `f`, by id, as long as it asks for more.
fn scan(first: i64, f: impl FnMut(&Row) -> bool) -> Result<(), Failure> {
    transaction::with_snapshot(|| {
        // What is detoasted goes with the context.
        let mut context = PgMemoryContexts::new("rows of dts_ddl_capture");
        // SAFETY: what `f` keeps are Rust values.
        unsafe { context.switch_to(|_| scan_in_context(first, f)) }
    })
}

fn scan_in_context(first: i64, mut f: impl FnMut(&Row) -> bool) -> Result<(), Failure> {
    let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
    let keep = pg_sys::NoLock as pg_sys::LOCKMODE;
    // SAFETY: what is opened is closed on the normal way, after an error by the resource owner; the snapshot is active until
    // then. The slot keeps its buffer pinned while its values are read.
    unsafe {
        let relation = pg_sys::try_relation_open(require()?, lock);
        if relation.is_null() {
            return Err(Failure::table_missing());
        }
        if let Err(failure) = check_shape(relation) {
            pg_sys::relation_close(relation, keep);
            return Err(failure);
        }
        let index = match compat::primary_key_index(relation) {
            pg_sys::InvalidOid => core::ptr::null_mut(),
            oid => pg_sys::index_open(oid, lock),
        };
        let is_by_id = !index.is_null()
            && (*(*index).rd_index).indkey.values.as_ptr().read() as usize == ID_COLUMN + 1;
        if !is_by_id {
            if !index.is_null() {
                pg_sys::index_close(index, keep);
            }
            pg_sys::relation_close(relation, keep);
            return Err(Failure::table_altered(
                "Its primary key is not the column \"id\".".to_owned(),
            ));
        }
        let mut key = pg_sys::ScanKeyData::default();
        pg_sys::ScanKeyInit(
            &mut key,
            1,
            pg_sys::BTGreaterEqualStrategyNumber as pg_sys::StrategyNumber,
            pg_sys::Oid::from(pg_sys::F_INT8GE),
            Datum::from(first),
        );
        let slot = pg_sys::table_slot_create(relation, core::ptr::null_mut());
        let scan = compat::index_beginscan(relation, index, pg_sys::GetActiveSnapshot(), 1);
        pg_sys::index_rescan(scan, &mut key, 1, core::ptr::null_mut(), 0);
        let forward = pg_sys::ScanDirection::ForwardScanDirection;
        while pg_sys::index_getnext_slot(scan, forward, slot) {
            pg_sys::slot_getallattrs(slot);
            if !f(&Row { slot }) {
                break;
            }
        }
        pg_sys::index_endscan(scan);
        pg_sys::ExecDropSingleTupleTableSlot(slot);
        pg_sys::index_close(index, keep);
        pg_sys::relation_close(relation, keep);
    }
    Ok(())
}

/// A row in a slot, all columns at hand; columns count from 0.
struct Row {
    slot: *mut pg_sys::TupleTableSlot,
}

impl Row {
    fn datum(&self, column: usize) -> Option<Datum> {
        // SAFETY: all attributes of the slot were deformed; the columns are those that `check_shape` has seen.
        unsafe { value::of_slot(self.slot, column) }
    }

    fn id(&self) -> i64 {
        self.datum(ID_COLUMN).map_or(0, |d| d.value() as i64)
    }

    fn text(&self, column: usize) -> Option<Vec<u8>> {
        // SAFETY: the column is of type text or varchar.
        self.datum(column).map(|d| unsafe { value::bytes(d) })
    }
}
