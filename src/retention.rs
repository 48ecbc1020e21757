//! Old rows go, a few with each new one, so that no command pays for many and none waits for another session.
//!
//! The rule: a row goes when its id lies `max_rows` or more ids of this server behind the newest one, or when it is older
//! than `max_age`. Ids are told without counting: nothing has to be kept up to date, and nothing is written but deletions
//! and the highest pruned id, in the sequence `dts_ddl.pruned_id`. Sequences are not transactional: when the pruning
//! transaction rolls back, that id is ahead of the truth, never behind. What is decoded from WAL loses nothing by pruning,
//! and under the table's REPLICA IDENTITY NOTHING consumers do not even hear of it: so a destination prunes its own rows.
//!
//! Up to the highest pruned id nothing is left, but for rows that were passed over: those of transactions that were open
//! then, and those whose deletion was rolled back. The latter are noticed where the row with that very id is there; both
//! are found when a scan begins at the first id, once in so many ids. Otherwise it begins at the highest pruned id, so that
//! index entries of rows that are gone but not yet vacuumed are not read again and again.
//!
//! Large limits are kept by rounds: some rows more than necessary go, as room for the next commands, so that the scan for
//! the oldest rows is paid once in so many commands.

use crate::error::Failure;
use crate::guc;
use crate::pg::runtime::session;
use crate::pg::runtime::transaction;
use crate::pg::store::sequence::{PRUNED_SEQUENCE, raise_sequence, sequence_value};
use crate::pg::store::table::{Candidate, CaptureTable, PruneLimits, Pruned};

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
/// A round makes room for at most so many commands.
const MAX_ROUND: i64 = 16;
/// A round is at most this part of the limit: small limits are kept exactly.
const ROUNDS_PER_LIMIT: i64 = 512;
/// Once in `max_rows` ids, but neither more nor less often than this, rows that were passed over are looked for.
const MIN_RESCAN: i64 = 64;
const MAX_RESCAN: i64 = 1024;
const MICROSECONDS: i64 = 1_000_000;

/// The settings, as what they mean for one command.
struct Rule {
    /// The highest number where there is no limit.
    max_rows: i64,
    increment: i64,
    /// Rows older than this go.
    oldest_time: Option<i64>,
}

impl Rule {
    fn of(table: &CaptureTable) -> Self {
        let max_rows = guc::max_rows();
        let max_age = guc::max_age();
        Rule {
            max_rows: if max_rows > 0 { max_rows } else { i64::MAX },
            increment: table.id_increment(),
            oldest_time: (max_age > 0)
                .then(|| session::now().saturating_sub(max_age * MICROSECONDS)),
        }
    }

    /// The highest id that lies so many ids behind another one.
    fn behind(&self, newest: i64, ids: i64) -> i64 {
        newest.saturating_sub(ids.saturating_mul(self.increment))
    }

    fn goes(&self, row: &Candidate, last: i64) -> bool {
        let is_too_old = row
            .time
            .zip(self.oldest_time)
            .is_some_and(|(time, oldest)| time < oldest);
        row.id <= last || is_too_old
    }

    /// The number of commands that a round makes room for. `max_age` has to be looked at with each one, and then nothing is
    /// saved.
    fn round(&self) -> i64 {
        match self.oldest_time {
            Some(_) => 1,
            None => (self.max_rows / ROUNDS_PER_LIMIT).clamp(1, MAX_ROUND),
        }
    }

    /// Whether it is time to look for rows that were passed over.
    fn is_time_to_rescan(&self, newest: i64) -> bool {
        let ids = self.max_rows.clamp(MIN_RESCAN, MAX_RESCAN);
        let period = ids.saturating_mul(self.increment);
        newest / period != self.behind(newest, self.round()) / period
    }
}

/// Deletes what the new row with this id has pushed out.
pub fn after_insert(table: &CaptureTable, newest: i64) -> Result<(), Failure> {
    let rule = Rule::of(table);
    let pushed_out = rule.behind(newest, rule.max_rows);
    // ids begin with 1
    if pushed_out < 1 && rule.oldest_time.is_none() || !table.lock_retention()? {
        return Ok(());
    }
    // A sequence of ids that was set back makes it useless.
    let pruned = Some(sequence_value(PRUNED_SEQUENCE)?).filter(|pruned| *pruned < newest);
    if pruned.is_some_and(|pruned| pruned >= pushed_out) && rule.oldest_time.is_none() {
        return Ok(());
    }
    // Rows of this very command must be visible to their deletion.
    transaction::command_counter_increment();
    let last = rule.behind(newest, rule.max_rows - (rule.round() - 1));
    let sweep = |from| {
        table.delete_oldest(from, WITH_EACH_ROW, |row| {
            row.id < newest && rule.goes(row, last)
        })
    };
    // The highest pruned row is there again when its deletion was rolled back, and older ones with it. (Or another session
    // has not ended yet: its rows are passed over.)
    let known = pruned.filter(|pruned| !rule.is_time_to_rescan(newest) && !table.has_row(*pruned));
    let mut swept = match known {
        Some(pruned) => sweep(pruned.saturating_add(1)),
        None => sweep(i64::MIN),
    };
    // The entries looked at were all of rows that are gone, or that other sessions are deleting.
    if let (None, Some(pruned), 0) = (known, pruned, swept.deleted) {
        swept = sweep(pruned.saturating_add(1));
    }
    note_pruned(&swept)
}

/// Deletes everything beyond the limits now; the number of rows deleted.
pub fn prune_all() -> Result<i64, Failure> {
    transaction::refuse_in_read_only_transaction(c"dts_ddl.prune()");
    let Some(table) = CaptureTable::open()? else {
        return Ok(0);
    };
    if !table.lock_retention()? {
        return Ok(0);
    }
    let rule = Rule::of(&table);
    // On a destination the rows have ids of their source.
    let newest = table.last_id()?.max(table.highest_row());
    let last = rule.behind(newest, rule.max_rows);
    let swept = table.delete_oldest(i64::MIN, WITHOUT_LIMIT, |row| rule.goes(row, last));
    note_pruned(&swept)?;
    Ok(swept.deleted)
}

/// The same for a row that has come from another server. Where the table has another shape, old rows stay: that is no reason to
/// stop the stream.
pub fn after_arrival(id: i64) -> Result<(), Failure> {
    match CaptureTable::open() {
        Ok(Some(table)) => after_insert(&table, id),
        _ => Ok(()),
    }
}

fn note_pruned(swept: &Pruned) -> Result<(), Failure> {
    if swept.highest > 0 {
        raise_sequence(PRUNED_SEQUENCE, swept.highest)?;
    }
    Ok(())
}
