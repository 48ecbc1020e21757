//! Sequences, the extension's above all, without nextval() and setval(): the user's lastval() stays what it was, no right is
//! needed, and they cost next to nothing.
//!
//! Sequences are not transactional, take no lock that another session waits for to the end of a transaction, and survive a
//! crash, which makes them counters that sessions do not queue for.
//! How it works: as sequence.c does it. A sequence is one page with one row; it is read and changed under the lock of its
//! buffer, and each change is written to WAL at once (nextval() writes 32 values ahead), so that a crash leaves no gap.
//! What is opened is looked at before: a relation that is no sequence, or a page that is not one's, is never written.
//! Relied on: read_seq_tuple(), do_setval() and seq_redo() of sequence.c, the same from 13 to 19.

use crate::pg::catalog::{lookup, own};
use crate::pg::runtime::failure::Failure;
use crate::pg::runtime::{compat, raw, syscache};
use core::ffi::CStr;
use pgrx::pg_sys;
use std::cell::Cell;

pub const OWN_SCHEMA: &CStr = c"dts_ddl";
pub const PRUNED_SEQUENCE: &CStr = c"pruned_id";
pub const GAP_SEQUENCE: &CStr = c"gap_count";
pub const RESTORED_SEQUENCE: &CStr = c"restored";
pub const APPLY_AFTER_SEQUENCE: &CStr = c"apply_after";
pub const APPLY_SINCE_SEQUENCE: &CStr = c"apply_since";
pub const TRUST_SEQUENCE: &CStr = c"trust_source";
pub const TRIED_SEQUENCE: &CStr = c"apply_tried";
pub const TRIES_SEQUENCE: &CStr = c"apply_tries";
pub const STANDING_AT_SEQUENCE: &CStr = c"apply_standing_at";
pub const STANDING_TRIES_SEQUENCE: &CStr = c"apply_standing_tries";

/// The value that one of our own sequences stands at: 0 when it was never advanced.
pub fn sequence_value(name: &'static CStr) -> Result<i64, Failure> {
    Ok(current_value(own_sequence(name)?)?.unwrap_or(0))
}

/// The value of one of our own sequences, `None` when it was never set or was restarted.
pub fn sequence_value_if_set(name: &'static CStr) -> Result<Option<i64>, Failure> {
    current_value(own_sequence(name)?)
}

/// Raises one of our own sequences to a value unless it is there already.
pub fn raise_sequence(name: &'static CStr, value: i64) -> Result<(), Failure> {
    change(own_sequence(name)?, |state| {
        if state.value.is_none_or(|current| current < value) {
            state.value = Some(value);
        }
    })
}

/// Whether the DBA has said that the source is trusted: `start_apply(trust_source => true)`.
pub fn source_is_trusted() -> Result<bool, Failure> {
    // objects older than 1.2.0 do not have it
    Ok(has_sequence(TRUST_SEQUENCE) && sequence_value(TRUST_SEQUENCE)? > 0)
}

/// Sets one of our own sequences to a value.
pub fn set_sequence(name: &'static CStr, value: i64) -> Result<(), Failure> {
    change(own_sequence(name)?, |state| state.value = Some(value))
}

/// Advances one of our own sequences by one.
pub fn advance_sequence(name: &'static CStr) -> Result<i64, Failure> {
    next_value(own_sequence(name)?)
}

/// Adds to one of our own sequences, not going below 0; its value then.
pub fn add_to_sequence(name: &'static CStr, difference: i64) -> Result<i64, Failure> {
    change(own_sequence(name)?, |state| {
        let value = state.value.unwrap_or(0).saturating_add(difference).max(0);
        state.value = Some(value);
        value
    })
}

/// Whether a sequence of ours exists.
pub fn has_sequence(name: &'static CStr) -> bool {
    own::relation(OWN_SCHEMA, name) != pg_sys::InvalidOid
}

/// The next value of a sequence, as nextval() gives it (but for CYCLE and CACHE), without touching the user's lastval().
fn next_value(sequence: pg_sys::Oid) -> Result<i64, Failure> {
    next_value_under(CHANGING, sequence)
}

/// The same of a sequence that the transaction has locked for that.
pub(in crate::pg) fn next_value_of_locked(sequence: pg_sys::Oid) -> Result<i64, Failure> {
    next_value_under(pg_sys::NoLock as pg_sys::LOCKMODE, sequence)
}

fn next_value_under(lock: pg_sys::LOCKMODE, sequence: pg_sys::Oid) -> Result<i64, Failure> {
    let definition = Definition::of(sequence);
    let next = change_under(lock, sequence, |state| {
        let next = state.next(definition.step);
        state.value = next.filter(|&next| definition.has(next)).or(state.value);
        next
    })?;
    next.filter(|&next| definition.has(next))
        .ok_or_else(|| Failure::sequence_exhausted(&name_of(sequence)))
}

/// Raises a sequence so far that its next value is above `value`, keeping the remainder of its values by its increment.
pub(in crate::pg) fn raise_in_step(sequence: pg_sys::Oid, value: i64) -> Result<(), Failure> {
    let step = increment(sequence).max(1);
    change(sequence, |state| {
        let last = state.value.unwrap_or(state.first.saturating_sub(step));
        let raised = value.saturating_sub(value.saturating_sub(last).rem_euclid(step));
        if raised > last && raised > 0 {
            state.value = Some(raised);
        }
    })
}

/// How far the values of a sequence are apart.
pub(in crate::pg) fn increment(sequence: pg_sys::Oid) -> i64 {
    Definition::of(sequence).step
}

/// The value that was given out last, `None` for a sequence that was never used.
pub(in crate::pg) fn current_value(sequence: pg_sys::Oid) -> Result<Option<i64>, Failure> {
    Ok(state_of(sequence)?.value)
}

/// The same without waiting for anybody, and without an error: `None` where somebody is about to alter or drop the sequence, or it
/// is gone.
pub(in crate::pg) fn value_at_hand(sequence: pg_sys::Oid) -> Option<Option<i64>> {
    // SAFETY: as in `state_of`; a lock by OID needs no existing relation, and try_relation_open() gives NULL where there is none.
    let state = unsafe {
        raw::together(|| {
            let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
            if !raw::ConditionalLockRelationOid(sequence, lock) {
                return None;
            }
            let relation = raw::try_relation_open(sequence, pg_sys::NoLock as pg_sys::LOCKMODE);
            if relation.is_null() {
                raw::UnlockRelationOid(sequence, lock);
                return None;
            }
            let is_sequence = (*(*relation).rd_rel).relkind as u8 == pg_sys::RELKIND_SEQUENCE;
            let state = if is_sequence {
                read(relation).ok()
            } else {
                None
            };
            raw::relation_close(relation, lock);
            state
        })
    };
    state.map(|state| state.value)
}

/// What the sequence shows as its last_value: also of one that was never used.
pub(in crate::pg) fn last_value(sequence: pg_sys::Oid) -> Result<i64, Failure> {
    let state = state_of(sequence)?;
    Ok(state.value.unwrap_or(state.first))
}

/// Why a sequence is neither read nor changed.
#[derive(Clone, Copy)]
enum Refusal {
    NoSequence,
    NotLogged,
    Damaged,
}

impl Refusal {
    fn of(self, sequence: pg_sys::Oid) -> Failure {
        let name = name_of(sequence);
        match self {
            Refusal::NoSequence => Failure::sequence_altered(&name, "It is no sequence any more."),
            // PostgreSQL sets such a sequence back after a crash, and ids would be given again.
            Refusal::NotLogged => Failure::sequence_altered(
                &name,
                "It is not logged, so that a crash of the server would set it back.",
            ),
            Refusal::Damaged => Failure::sequence_damaged(&name),
        }
    }
}

/// # Safety
/// An open sequence, within a boundary.
unsafe fn read(relation: pg_sys::Relation) -> Result<State, Refusal> {
    // SAFETY: the caller's promise; the row is read under the lock of its buffer.
    unsafe {
        let page = Page::lock(relation, false)?;
        let state = page.state();
        page.release();
        Ok(state)
    }
}

fn state_of(sequence: pg_sys::Oid) -> Result<State, Failure> {
    // SAFETY: the lock keeps the relation from being dropped or replaced; the row is read under the lock of its buffer.
    let state = unsafe {
        raw::together(|| {
            let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
            let relation = open(sequence, lock)?;
            let state = read(relation);
            raw::relation_close(relation, lock);
            state
        })
    };
    state.map_err(|refusal| refusal.of(sequence))
}

/// What ALTER SEQUENCE can change of the values that a sequence gives.
#[derive(Clone, Copy)]
struct Definition {
    step: i64,
    least: i64,
    most: i64,
}

thread_local! {
    /// Grows whenever the definition of a sequence may have changed.
    static CHANGES: Cell<u64> = const { Cell::new(0) };
    /// The one that was looked up last: as of which change, and of which sequence.
    static LAST: Cell<Option<(u64, pg_sys::Oid, Definition)>> = const { Cell::new(None) };
}

/// Asks PostgreSQL for its announcements. Called once, from `_PG_init`.
pub fn install() {
    unsafe extern "C-unwind" fn changed(_: pg_sys::Datum, _: syscache::CacheNumber, _: u32) {
        CHANGES.set(CHANGES.get().wrapping_add(1));
    }
    // SAFETY: it counts.
    unsafe { syscache::announce(&[pg_sys::SysCacheIdentifier::SEQRELID], changed) };
}

impl Definition {
    fn of(sequence: pg_sys::Oid) -> Self {
        // Before the look-up, which may bring an announcement.
        let at = CHANGES.get();
        match LAST.get() {
            Some((known_at, known, definition)) if (known_at, known) == (at, sequence) => {
                definition
            }
            _ => {
                let definition = Self::look_up(sequence);
                LAST.set(Some((at, sequence, definition)));
                definition
            }
        }
    }

    fn has(self, value: i64) -> bool {
        (self.least..=self.most).contains(&value)
    }

    fn look_up(sequence: pg_sys::Oid) -> Self {
        // SAFETY: SEQRELID holds rows of pg_sequence.
        unsafe {
            syscache::with_cached(
                pg_sys::SysCacheIdentifier::SEQRELID,
                sequence,
                |s: &pg_sys::FormData_pg_sequence| Definition {
                    step: s.seqincrement,
                    least: s.seqmin,
                    most: s.seqmax,
                },
            )
        }
        .unwrap_or(Definition {
            step: 1,
            least: 1,
            most: i64::MAX,
        })
    }
}

fn name_of(sequence: pg_sys::Oid) -> String {
    lookup::qualified_relation_name(sequence).unwrap_or_default()
}

/// Opens a sequence, and nothing else.
///
/// # Safety
/// In a transaction, within a boundary; the caller closes it.
unsafe fn open(sequence: pg_sys::Oid, lock: pg_sys::LOCKMODE) -> Result<pg_sys::Relation, Refusal> {
    // SAFETY: relation_open() raises an error where there is none; what it returns is open.
    unsafe {
        let relation = raw::relation_open(sequence, lock);
        let kind = (*(*relation).rd_rel).relkind as u8;
        if kind == pg_sys::RELKIND_SEQUENCE {
            return Ok(relation);
        }
        raw::relation_close(relation, lock);
        Err(Refusal::NoSequence)
    }
}

/// The same for writing.
///
/// # Safety
/// As [`open`].
unsafe fn open_for_writing(
    sequence: pg_sys::Oid,
    lock: pg_sys::LOCKMODE,
) -> Result<pg_sys::Relation, Refusal> {
    // SAFETY: the caller's promise.
    unsafe {
        let relation = open(sequence, lock)?;
        let persistence = (*(*relation).rd_rel).relpersistence as u8;
        if persistence == pg_sys::RELPERSISTENCE_PERMANENT {
            return Ok(relation);
        }
        raw::relation_close(relation, lock);
        Err(Refusal::NotLogged)
    }
}

/// What a sequence's row holds.
#[derive(Clone, Copy, PartialEq, Eq)]
struct State {
    /// What the next value will be if `value` is `None`.
    first: i64,
    value: Option<i64>,
}

impl State {
    fn next(self, step: i64) -> Option<i64> {
        self.value
            .map_or(Some(self.first), |value| value.checked_add(step))
    }
}

/// The lock under which a sequence is changed, held to the end of the transaction, as nextval() does.
const CHANGING: pg_sys::LOCKMODE = pg_sys::RowExclusiveLock as pg_sys::LOCKMODE;

/// Changes a sequence while no other session can, and writes what has changed.
fn change<R: Copy>(sequence: pg_sys::Oid, f: impl FnOnce(&mut State) -> R) -> Result<R, Failure> {
    change_under(CHANGING, sequence, f)
}

fn change_under<R: Copy>(
    lock: pg_sys::LOCKMODE,
    sequence: pg_sys::Oid,
    f: impl FnOnce(&mut State) -> R,
) -> Result<R, Failure> {
    // SAFETY: the lock, this one or the caller's, keeps the relation from being dropped or replaced; the page stays locked from
    // reading to writing, and `f` is arithmetic only.
    let result = unsafe {
        raw::together(|| {
            let relation = open_for_writing(sequence, lock)?;
            let logged = is_logged(relation);
            if logged {
                // Before the page is locked: the commit has to flush and wait for what is written here.
                raw::GetTopTransactionId();
            }
            let result = Page::lock(relation, true).map(|page| {
                let before = page.state();
                let mut state = before;
                let result = f(&mut state);
                if let Some(value) = state.value.filter(|_| state != before) {
                    page.write(value, logged.then_some(relation));
                }
                page.release();
                result
            });
            raw::relation_close(relation, pg_sys::NoLock as pg_sys::LOCKMODE);
            result
        })
    };
    result.map_err(|refusal| refusal.of(sequence))
}

/// Whether changes of a relation go to WAL (rel.h: RelationNeedsWAL).
///
/// # Safety
/// The relation is open.
unsafe fn is_logged(relation: pg_sys::Relation) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        let relation = &*relation;
        #[cfg(any(feature = "pg13", feature = "pg14", feature = "pg15"))]
        let made_here = relation.rd_firstRelfilenodeSubid;
        #[cfg(not(any(feature = "pg13", feature = "pg14", feature = "pg15")))]
        let made_here = relation.rd_firstRelfilelocatorSubid;
        let permanent = (*relation.rd_rel).relpersistence as u8 == pg_sys::RELPERSISTENCE_PERMANENT;
        // InvalidSubTransactionId is 0
        let is_older = relation.rd_createSubid == 0 && made_here == 0;
        permanent && (pg_sys::wal_level >= pg_sys::WalLevel::WAL_LEVEL_REPLICA as i32 || is_older)
    }
}

/// The one page of a sequence, pinned and locked.
struct Page {
    buffer: pg_sys::Buffer,
    header: *mut pg_sys::PageHeaderData,
    /// The row with its header, and its length.
    row: *mut pg_sys::HeapTupleHeaderData,
    length: u32,
}

/// What tells the page of a sequence, at its end (sequence.c: sequence_magic).
const MAGIC: u32 = 0x1717;
/// Where that lies: the last aligned place of a page.
const MAGIC_AT: usize = pg_sys::BLCKSZ as usize - size_of::<u64>();

/// Whether a page holds one row and the mark of a sequence, so that both can be read.
///
/// # Safety
/// The page is pinned and locked.
unsafe fn is_of_sequence(page: pg_sys::Page) -> bool {
    // SAFETY: a page has BLCKSZ bytes, and a header; line pointers begin behind it and are told by pd_lower.
    unsafe {
        let header = &*page.cast::<pg_sys::PageHeaderData>();
        let first = core::mem::offset_of!(pg_sys::PageHeaderData, pd_linp);
        if header.pd_special as usize != MAGIC_AT
            || page.byte_add(MAGIC_AT).cast::<u32>().read() != MAGIC
            || (header.pd_lower as usize) < first + size_of::<pg_sys::ItemIdData>()
        {
            return false;
        }
        let item = &*first_item(page);
        let end = item.lp_off() as usize + item.lp_len() as usize;
        item.lp_flags() == pg_sys::LP_NORMAL && item.lp_off() as usize >= first && end <= MAGIC_AT
    }
}

/// The line pointer of the first row.
///
/// # Safety
/// A page.
unsafe fn first_item(page: pg_sys::Page) -> *const pg_sys::ItemIdData {
    // SAFETY: the caller's promise; line pointers begin behind the header, whether they are there or not.
    unsafe {
        page.byte_add(core::mem::offset_of!(pg_sys::PageHeaderData, pd_linp))
            .cast()
    }
}

impl Page {
    /// # Safety
    /// The relation is an open sequence, and this is within a boundary. No error may be raised between this and [`Page::release`]
    /// (it would be put right by PostgreSQL at the end of the transaction, which releases locks and pins of buffers).
    unsafe fn lock(relation: pg_sys::Relation, for_writing: bool) -> Result<Self, Refusal> {
        // SAFETY: the first and only page of a sequence exists (sequence.c: fill_seq_fork_with_data); its row is looked for
        // only where the page says that it has one.
        unsafe {
            let buffer = raw::ReadBuffer(relation, 0);
            let mode = if for_writing {
                compat::BUFFER_EXCLUSIVE
            } else {
                compat::BUFFER_SHARE
            };
            raw::LockBuffer(buffer, mode);
            let page = pg_sys::BufferGetPage(buffer);
            if !is_of_sequence(page) {
                raw::UnlockReleaseBuffer(buffer);
                return Err(Refusal::Damaged);
            }
            let item = first_item(page);
            Ok(Page {
                buffer,
                header: page.cast(),
                row: page.byte_add((*item).lp_off() as usize).cast(),
                length: (*item).lp_len(),
            })
        }
    }

    fn data(&self) -> *mut pg_sys::FormData_pg_sequence_data {
        // SAFETY: the row lies on the page; its columns are fixed and never NULL.
        unsafe { self.row.byte_add((*self.row).t_hoff as usize).cast() }
    }

    fn state(&self) -> State {
        // SAFETY: the page is locked.
        let data = unsafe { &*self.data() };
        State {
            first: data.last_value,
            value: data.is_called.then_some(data.last_value),
        }
    }

    /// Sets the value, and writes it to WAL for a relation given here.
    ///
    /// # Safety
    /// The page is locked for writing, and this is within a boundary.
    unsafe fn write(&self, value: i64, logged: Option<pg_sys::Relation>) {
        // SAFETY: as do_setval() does it: nothing in the critical section can raise an error but a full disk, which is a
        // PANIC there as everywhere.
        unsafe {
            pg_sys::CritSectionCount += 1;
            let data = &mut *self.data();
            data.last_value = value;
            data.is_called = true;
            data.log_cnt = 0;
            raw::MarkBufferDirty(self.buffer);
            if let Some(relation) = logged {
                #[cfg(any(feature = "pg13", feature = "pg14", feature = "pg15"))]
                let mut record = pg_sys::xl_seq_rec {
                    node: (*relation).rd_node,
                };
                #[cfg(not(any(feature = "pg13", feature = "pg14", feature = "pg15")))]
                let mut record = pg_sys::xl_seq_rec {
                    locator: (*relation).rd_locator,
                };
                raw::XLogBeginInsert();
                raw::XLogRegisterBuffer(0, self.buffer, pg_sys::REGBUF_WILL_INIT as u8);
                raw::XLogRegisterData((&raw mut record).cast(), size_of_val(&record) as _);
                raw::XLogRegisterData(self.row.cast(), self.length as _);
                let lsn = raw::XLogInsert(
                    pg_sys::RmgrIds::RM_SEQ_ID as pg_sys::RmgrId,
                    pg_sys::XLOG_SEQ_LOG as u8,
                );
                compat::set_page_lsn(self.header, lsn);
            }
            pg_sys::CritSectionCount -= 1;
        }
    }

    /// # Safety
    /// Within a boundary.
    unsafe fn release(self) {
        // SAFETY: pinned and locked in `lock`.
        unsafe { raw::UnlockReleaseBuffer(self.buffer) }
    }
}

pub(in crate::pg) fn own_sequence(name: &'static CStr) -> Result<pg_sys::Oid, Failure> {
    match own::relation(OWN_SCHEMA, name) {
        pg_sys::InvalidOid => Err(missing(OWN_SCHEMA, name)),
        oid => Ok(oid),
    }
}

/// Why a sequence of ours is not at hand.
pub(in crate::pg) fn missing(schema: &'static CStr, name: &'static CStr) -> Failure {
    let shown = format!("{}.{}", schema.to_string_lossy(), name.to_string_lossy());
    if own::is_taken(schema, name) {
        Failure::sequence_altered(&shown, "It is no member of the extension.")
    } else {
        Failure::sequence_missing(&shown)
    }
}
