//! Old rows go, a few with each new one, so that no command pays for many and none waits for another session.
//!
//! Ids grow by one with each recorded command, so the rows beyond the newest `max_rows` are those with an id of at most
//! newest - max_rows (commands that were rolled back have used ids too: fewer rows are kept then, never more). Rows
//! that another session is just deleting are passed over. Where a session left off is remembered, so that entries of
//! the index whose rows are gone but not yet vacuumed are not read again and again.
//! What is decoded from WAL loses nothing by it. The highest pruned id is kept in the sequence `dts_ddl.pruned_id`,
//! which is not transactional: when the pruning transaction rolls back, it is ahead of the truth, never behind.

use crate::error::Failure;
use crate::guc;
use crate::pg::session;
use crate::pg::table::{self, CaptureTable, PRUNED_SEQUENCE, PruneLimits};
use std::cell::Cell;

/// With one new row at most so many are deleted (more than one, so that a lowered limit takes effect soon), and so many
/// index entries looked at.
const WITH_EACH_ROW: PruneLimits = PruneLimits { rows: 100, entries: 1000 };
const WITHOUT_LIMIT: PruneLimits = PruneLimits { rows: usize::MAX, entries: usize::MAX };
/// So many rounds of a session later a scan begins at the first id again, for rows that were passed over: those of
/// transactions that were open then, and those whose deletion another session rolled back.
const RESCAN_EVERY: u32 = 128;
/// Rows go in rounds of at most so many, so that a large table pays for the scan only once in so many commands.
const MAX_ROUND: i64 = 16;
/// A round is at most this part of the limit: small limits are kept exactly.
const ROUNDS_PER_LIMIT: i64 = 512;
const MICROSECONDS: i64 = 1_000_000;

thread_local! {
    /// No row below this id is left, as far as this session knows; `None` before its first look.
    static NEXT_ID: Cell<Option<i64>> = const { Cell::new(None) };
    /// What `NEXT_ID` was when the running transaction first deleted rows.
    static BEFORE_TRANSACTION: Cell<Option<i64>> = const { Cell::new(None) };
    static SINCE_RESCAN: Cell<u32> = const { Cell::new(0) };
}

/// The limits in force, for the newest id.
struct Limits {
    /// Rows up to this id go.
    id: Option<i64>,
    /// Rows from before this time go.
    time: Option<i64>,
}

impl Limits {
    /// `spare`: so many rows less are kept, as room for the commands until the next round.
    fn for_newest(id: i64, spare: i64) -> Option<Self> {
        let (rows, age) = (guc::max_rows() - spare, guc::max_age());
        let limits = Limits {
            id: (rows > 0 && id > rows).then(|| id - rows),
            time: (age > 0).then(|| session::now().saturating_sub(age * MICROSECONDS)),
        };
        (limits.id.is_some() || limits.time.is_some()).then_some(limits)
    }

    fn exceeded_by(&self, id: i64, time: Option<i64>) -> bool {
        self.id.is_some_and(|limit| id <= limit)
            || self.time.is_some_and(|limit| time.is_some_and(|time| time < limit))
    }
}

/// Deletes what the row with this id has pushed out.
pub fn prune_a_little(table: &CaptureTable, newest: i64) -> Result<(), Failure> {
    let round = if guc::max_age() > 0 { 1 } else { (guc::max_rows() / ROUNDS_PER_LIMIT).clamp(1, MAX_ROUND) };
    if newest % round != 0 {
        return Ok(());
    }
    let Some(limits) = Limits::for_newest(newest, round - 1) else { return Ok(()) };
    // A sequence that was set back makes the memory useless.
    let known = match NEXT_ID.get().filter(|next| *next <= newest) {
        Some(next) => next,
        None => table::sequence_value(PRUNED_SEQUENCE)?.min(newest) + 1,
    };
    SINCE_RESCAN.set(SINCE_RESCAN.get() + 1);
    let rescan = SINCE_RESCAN.get() >= RESCAN_EVERY;
    if rescan {
        SINCE_RESCAN.set(0);
    }
    // Rows of this very command must be visible to their deletion.
    table::command_counter_increment();
    let from = if rescan { i64::MIN } else { known };
    let pruned = table.delete_oldest(from, WITH_EACH_ROW, |id, time| limits.exceeded_by(id, time));
    if BEFORE_TRANSACTION.get().is_none() {
        BEFORE_TRANSACTION.set(Some(known));
    }
    NEXT_ID.set(Some(if rescan { known } else { pruned.next }));
    if pruned.highest > 0 {
        table::raise_sequence(PRUNED_SEQUENCE, pruned.highest)?;
    }
    Ok(())
}

/// The transaction is over, or a subtransaction was rolled back, and with it perhaps deletions.
pub fn transaction_ended(rolled_back: bool) {
    if let Some(before) = BEFORE_TRANSACTION.take()
        && rolled_back
    {
        NEXT_ID.set(Some(before));
    }
}

/// Deletes everything beyond the limits now; the number of rows deleted.
pub fn prune_all() -> Result<i64, Failure> {
    let Some(table) = CaptureTable::open()? else { return Ok(0) };
    let Some(limits) = Limits::for_newest(table.last_id(), 0) else { return Ok(0) };
    let pruned = table.delete_oldest(i64::MIN, WITHOUT_LIMIT, |id, time| limits.exceeded_by(id, time));
    if pruned.highest > 0 {
        table::raise_sequence(PRUNED_SEQUENCE, pruned.highest)?;
    }
    Ok(i64::try_from(pruned.deleted).unwrap_or(i64::MAX))
}
