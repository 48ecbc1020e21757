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
use crate::pg::table::{self, CaptureTable, PRUNED_SEQUENCE};
use std::cell::Cell;

/// Rows deleted with one new row at most. More than one, so that a lowered limit takes effect soon.
const ROWS_PER_COMMAND: usize = 100;
/// So many commands of a session later the scan begins at the first id again, for rows that were passed over.
const RESCAN_EVERY: u32 = 256;
const MICROSECONDS: i64 = 1_000_000;

thread_local! {
    static NEXT_ID: Cell<i64> = const { Cell::new(i64::MIN) };
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
    fn for_newest(id: i64) -> Option<Self> {
        let (rows, age) = (guc::max_rows(), guc::max_age());
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
    let Some(limits) = Limits::for_newest(newest) else { return Ok(()) };
    if SINCE_RESCAN.get() >= RESCAN_EVERY {
        SINCE_RESCAN.set(0);
        NEXT_ID.set(i64::MIN);
    }
    SINCE_RESCAN.set(SINCE_RESCAN.get() + 1);
    // A restarted sequence makes the memory useless.
    let from = if NEXT_ID.get() > newest { i64::MIN } else { NEXT_ID.get() };
    // Rows of this very command must be visible to their deletion.
    table::command_counter_increment();
    let (_, highest) = table.delete_oldest(from, ROWS_PER_COMMAND, |id, time| limits.exceeded_by(id, time));
    if highest > 0 {
        NEXT_ID.set(highest + 1);
        table::set_sequence(PRUNED_SEQUENCE, highest)?;
    }
    Ok(())
}

/// Deletes everything beyond the limits now; the number of rows deleted.
pub fn prune_all() -> Result<i64, Failure> {
    let Some(table) = CaptureTable::open()? else { return Ok(0) };
    let Some(limits) = Limits::for_newest(table.last_id()) else { return Ok(0) };
    let (deleted, highest) = table.delete_oldest(i64::MIN, usize::MAX, |id, time| limits.exceeded_by(id, time));
    if highest > 0 {
        table::set_sequence(PRUNED_SEQUENCE, highest)?;
    }
    Ok(i64::try_from(deleted).unwrap_or(i64::MAX))
}
