//! Old rows go, a few with each new one, so that no command pays for many and none waits for another session.
//!
//! The number of rows is kept in the sequence `dts_ddl.row_count`, brought up to date at the end of each transaction
//! that changed it; sequences are not transactional, so no session waits for another's end. Ids cannot stand for the
//! number: commands that are rolled back use them up. A count that is wrong (a crash between count and commit, rows
//! deleted by hand, a prepared transaction rolled back) is mended when it is noticed and from time to time, whenever no
//! other session is in the middle of a command; `dts_ddl.prune()` counts anew, too.
//! Not promised: sessions that prune at the same moment may together delete a few rows more than necessary.
//!
//! Large limits are kept by rounds: some rows more than necessary go, as room for the next commands, so that the scan for
//! the oldest rows is paid once in so many commands. A session remembers where it left off, so that index entries of
//! rows that are gone but not yet vacuumed are not read again and again.
//!
//! What is decoded from WAL loses nothing by it. The highest pruned id is kept in the sequence `dts_ddl.pruned_id`;
//! when the pruning transaction rolls back, it is ahead of the truth, never behind.

use crate::error::Failure;
use crate::guc;
use crate::pg::runtime::memory::with_reserve;
use crate::pg::runtime::session;
use crate::pg::runtime::subtransaction::ByLevel;
use crate::pg::store::sequence::{
    COUNTED_SEQUENCE, PRUNED_SEQUENCE, ROW_COUNT_SEQUENCE, add_to_sequence, has_sequence,
    raise_sequence, sequence_value,
};
use crate::pg::store::table::{CaptureTable, PruneLimits};
use std::cell::{Cell, RefCell};

/// With one new row at most so many are deleted (so that a lowered limit takes effect soon), and so many index entries
/// looked at.
const WITH_EACH_ROW: PruneLimits = PruneLimits {
    rows: 100,
    entries: 1000,
};
const WITHOUT_LIMIT: PruneLimits = PruneLimits {
    rows: i64::MAX,
    entries: usize::MAX,
};
/// So many rounds of a session later a scan begins at the first id again, for rows that were passed over (those of
/// transactions that were open then, and those whose deletion another session rolled back), and the rows are counted.
const RESCAN_EVERY: i64 = 128;
/// With large limits that happens less often, so that its share in the cost of a command stays the same.
const RESCANS_PER_LIMIT: i64 = 64;
/// A round makes room for at most so many commands.
const MAX_ROUND: i64 = 16;
/// A round is at most this part of the limit: small limits are kept exactly.
const ROUNDS_PER_LIMIT: i64 = 512;
/// Doubtful counts are checked after this part of the limit.
const RECOUNTS_PER_LIMIT: i64 = 8;
const MICROSECONDS: i64 = 1_000_000;

thread_local! {
    /// The table that all this is about, by OID: the extension may be dropped and made anew in one session.
    static TABLE: Cell<u32> = const { Cell::new(0) };
    /// Rows added less rows deleted by the running transaction.
    static CHANGES: RefCell<ByLevel<i64>> = const { RefCell::new(ByLevel::new()) };
    /// No row below this id is left, as far as this session knows; `None` before its first look.
    static NEXT_ID: Cell<Option<i64>> = const { Cell::new(None) };
    /// What `NEXT_ID` was when the running transaction first deleted rows.
    static BEFORE_TRANSACTION: Cell<Option<i64>> = const { Cell::new(None) };
    /// The newest id when the rows were last counted, as far as this session knows.
    static COUNTED_ID: Cell<i64> = const { Cell::new(0) };
    static SINCE_RESCAN: Cell<i64> = const { Cell::new(0) };
}

/// Counts the row with this id, and deletes what it has pushed out.
pub fn after_insert(table: &CaptureTable, newest: i64) -> Result<(), Failure> {
    if TABLE.replace(table.oid()) != table.oid() {
        forget_table();
    }
    note_change(1);
    let max_rows = guc::max_rows();
    let oldest_time = oldest_time();
    // Before so many ids were given there cannot be so many rows.
    let excess = if max_rows > 0 && newest > max_rows {
        recount_if_doubtful(table, newest, max_rows)?;
        row_count()? - max_rows
    } else {
        0
    };
    if excess <= 0 && oldest_time.is_none() || !table.lock_retention()? {
        return Ok(());
    }
    let round = (max_rows / ROUNDS_PER_LIMIT).clamp(1, MAX_ROUND);
    let wanted = if excess > 0 { excess + round - 1 } else { 0 };
    // So many rows are within the limit, and ids at this distance from the last one even without gaps. Other sessions may
    // have got higher ids meanwhile.
    let surely_kept = max_rows - (round - 1);
    let increment = table.id_increment();
    let distance = surely_kept.saturating_mul(increment);
    let last_id = if excess > 0 { table.last_id()? } else { newest };
    // Rows of this very command must be visible to their deletion.
    session::command_counter_increment();
    let sweep = |from: i64, wanted: i64, distance: i64| {
        let pruned = table.delete_oldest(from, WITH_EACH_ROW, |row| {
            let too_many = row.deleted < wanted && last_id.saturating_sub(row.id) >= distance;
            row.id < newest && (too_many || is_too_old(row.time, oldest_time))
        });
        note_change(-pruned.deleted);
        pruned
    };
    let known = first_id(newest)?;
    let rescan = is_time_to_rescan(max_rows);
    let mut pruned = sweep(if rescan { i64::MIN } else { known }, wanted, distance);
    let next = if rescan { known } else { pruned.next };
    // Too few: the rest are rows that were passed over earlier, below where this session looks, or the count is wrong.
    let expected = excess.min(WITH_EACH_ROW.rows);
    if pruned.deleted < expected && !rescan {
        let found = sweep(i64::MIN, wanted - pruned.deleted, distance);
        pruned.deleted += found.deleted;
        pruned.highest = pruned.highest.max(found.highest);
    }
    BEFORE_TRANSACTION.set(BEFORE_TRANSACTION.get().or(Some(known)));
    NEXT_ID.set(Some(next));
    let recounted = (rescan || pruned.deleted < expected) && recount(table)?;
    if recounted && increment > 1 && pruned.deleted < expected {
        // Rows of other servers lie in between: more rows within that distance than this server has given ids to. The
        // number is known now, so nothing else is needed to say that they are too many.
        let excess = row_count()? - max_rows;
        if excess > 0 {
            let found = sweep(i64::MIN, excess + round - 1, surely_kept);
            pruned.highest = pruned.highest.max(found.highest);
        }
    }
    if pruned.highest > 0 {
        raise_sequence(PRUNED_SEQUENCE, pruned.highest)?;
    }
    Ok(())
}

/// Rows may have come by other ways (COPY, INSERT by the owner): where more ids than `max_rows` are not known to be pruned,
/// the rows are counted again, once for all sessions in so many commands that its share in each stays the same.
fn recount_if_doubtful(table: &CaptureTable, newest: i64, max_rows: i64) -> Result<(), Failure> {
    let period = (max_rows / RECOUNTS_PER_LIMIT).max(RESCAN_EVERY);
    if newest - COUNTED_ID.get() < period
        || !table.lock_retention()?
        || newest - first_id(newest)? < max_rows
    {
        return Ok(());
    }
    COUNTED_ID.set(sequence_value(COUNTED_SEQUENCE)?.min(newest));
    if newest - COUNTED_ID.get() >= period {
        COUNTED_ID.set(newest);
        raise_sequence(COUNTED_SEQUENCE, newest)?;
        recount(table)?;
    }
    Ok(())
}

/// Counts the rows anew, if no other transaction is about to change their number; whether that was so.
fn recount(table: &CaptureTable) -> Result<bool, Failure> {
    let Some(rows) = table.count_if_alone() else {
        return Ok(false);
    };
    add_to_sequence(ROW_COUNT_SEQUENCE, rows.saturating_sub(row_count()?))?;
    Ok(true)
}

/// Where the oldest row is to be looked for.
fn first_id(newest: i64) -> Result<i64, Failure> {
    // A sequence that was set back makes the memory useless.
    match NEXT_ID.get().filter(|next| *next <= newest) {
        Some(next) => Ok(next),
        None => Ok(sequence_value(PRUNED_SEQUENCE)?
            .min(newest)
            .saturating_add(1)),
    }
}

fn is_time_to_rescan(max_rows: i64) -> bool {
    let period = (max_rows / RESCANS_PER_LIMIT).max(RESCAN_EVERY);
    let rounds = SINCE_RESCAN.get() + 1;
    let due = rounds >= period;
    SINCE_RESCAN.set(if due { 0 } else { rounds });
    due
}

fn forget_table() {
    CHANGES.with_borrow_mut(ByLevel::take);
    NEXT_ID.set(None);
    BEFORE_TRANSACTION.set(None);
    SINCE_RESCAN.set(0);
    COUNTED_ID.set(0);
}

/// Counts all rows and deletes everything beyond the limits now; the number of rows deleted.
pub fn prune_all() -> Result<i64, Failure> {
    session::refuse_in_read_only_transaction(c"dts_ddl.prune()");
    let Some(table) = CaptureTable::open()? else {
        return Ok(0);
    };
    if TABLE.replace(table.oid()) != table.oid() {
        forget_table();
    }
    if !table.lock_retention()? {
        return Ok(0);
    }
    let rows = table.count();
    add_to_sequence(ROW_COUNT_SEQUENCE, rows.saturating_sub(row_count()?))?;
    let max_rows = guc::max_rows();
    let wanted = if max_rows > 0 { rows - max_rows } else { 0 };
    let oldest_time = oldest_time();
    let pruned = table.delete_oldest(i64::MIN, WITHOUT_LIMIT, |row| {
        row.deleted < wanted || is_too_old(row.time, oldest_time)
    });
    note_change(-pruned.deleted);
    if pruned.highest > 0 {
        raise_sequence(PRUNED_SEQUENCE, pruned.highest)?;
    }
    Ok(pruned.deleted)
}

/// Rows older than this go.
fn oldest_time() -> Option<i64> {
    let age = guc::max_age();
    (age > 0).then(|| session::now().saturating_sub(age * MICROSECONDS))
}

fn is_too_old(time: Option<i64>, oldest: Option<i64>) -> bool {
    time.zip(oldest).is_some_and(|(time, oldest)| time < oldest)
}

/// Rows that are there, as this transaction sees it.
fn row_count() -> Result<i64, Failure> {
    Ok(sequence_value(ROW_COUNT_SEQUENCE)?.saturating_add(unsaved_changes()))
}

fn unsaved_changes() -> i64 {
    CHANGES.with_borrow(|changes| changes.iter().sum())
}

fn note_change(change: i64) {
    CHANGES.with_borrow_mut(|changes| match changes.last_mut() {
        Some(sum) => *sum += change,
        None => changes.push(change),
    });
}

/// The transaction is about to commit or to be prepared: what it changed is added to the number of rows.
/// Nothing happens when the extension was dropped in it.
pub fn before_commit() {
    let change: i64 = CHANGES.with_borrow_mut(ByLevel::take).into_iter().sum();
    if change != 0 {
        with_reserve(|| {
            if has_sequence(ROW_COUNT_SEQUENCE) {
                add_to_sequence(ROW_COUNT_SEQUENCE, change)
                    .unwrap_or_else(|failure| failure.raise());
            }
        });
    }
}

/// The transaction is over.
pub fn transaction_ended(rolled_back: bool) {
    CHANGES.with_borrow_mut(ByLevel::take);
    forget_place(rolled_back);
}

/// A subtransaction is over: its changes become its parent's, or vanish.
pub fn subtransaction_ended(rolled_back: bool) {
    CHANGES.with_borrow_mut(|changes| changes.subtransaction_ended(rolled_back));
    if rolled_back {
        forget_place(true);
    }
}

/// After a rollback the rows that were deleted are there again.
fn forget_place(rolled_back: bool) {
    if let Some(before) = BEFORE_TRANSACTION.take()
        && rolled_back
    {
        NEXT_ID.set(Some(before));
    }
}
