//! Where the stream of the subscriptions is.
//!
//! What a query on the source has seen was committed before the position at which the next record of WAL will be
//! inserted. (Not the one that is written: with `synchronous_commit = off` a commit is seen before its record is.) The
//! destination has all of it when its subscription says that it has applied up to there: `replay_lsn` of its walsender, which
//! also moves when nothing of what is sent belongs to this subscription, or, where a role may not see that or the
//! subscription has just connected, `confirmed_flush_lsn` of its slot, which comes somewhat later. (The destination's own
//! views tell less: the origin stands where nothing is sent, `latest_end_lsn` is what arrived.)

use crate::connection::{Session, literal};
use crate::problem::Problem;
use std::time::{Duration, Instant};

/// A position in WAL.
pub type Lsn = u64;

pub struct Stream {
    /// The slots of the subscriptions; none where nothing flows and nobody writes.
    slots: Vec<String>,
    patience: Duration,
    block: u64,
    segment: u64,
}

/// Why waiting was given up.
pub enum Stands {
    /// It is not where it should be, after all the time that it may take.
    Behind(String),
    Failed(postgres::Error),
}

impl From<postgres::Error> for Stands {
    fn from(error: postgres::Error) -> Self {
        Self::Failed(error)
    }
}

impl Stream {
    /// Nothing flows, nobody writes.
    pub fn at_rest() -> Self {
        Self {
            slots: Vec::new(),
            patience: Duration::ZERO,
            block: 0,
            segment: 0,
        }
    }

    pub fn new(
        source: &mut Session,
        slots: Vec<String>,
        patience: Duration,
    ) -> Result<Self, Problem> {
        let sizes = source.ask(
            "SELECT setting FROM pg_settings WHERE name IN ('wal_block_size', 'wal_segment_size') ORDER BY name",
        )?;
        let stream = Self {
            slots,
            patience,
            block: sizes[0].number(0),
            segment: sizes[1].number(0),
        };
        let known = source.ask(
            "SELECT slot_name FROM pg_replication_slots WHERE database = current_database()",
        )?;
        for slot in &stream.slots {
            if !known.iter().any(|row| row.text(0) == slot) {
                return Err(Problem::new(
                    format!(
                        "the source's database has no replication slot {slot}, from which the destination's subscription is fed"
                    ),
                    "look whether SOURCE and TARGET are the right servers and databases: SELECT subname, subslotname FROM \
                     pg_subscription on the destination",
                ));
            }
        }
        Ok(stream)
    }

    pub fn flows(&self) -> bool {
        !self.slots.is_empty()
    }

    /// Behind all that a query on the source has seen so far.
    pub fn position(&self, source: &mut Session) -> Result<Lsn, postgres::Error> {
        if !self.flows() {
            return Ok(0);
        }
        let rows = source.rows(
            "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END",
        )?;
        Ok(self.end_of_records(lsn(rows[0].text(0))))
    }

    /// The next record begins behind the header of a page, at which WAL that is flushed and sent does not arrive before
    /// there is such a record.
    fn end_of_records(&self, position: Lsn) -> Lsn {
        const LONG_HEADER: u64 = 40;
        const HEADER: u64 = 24;
        if position % self.segment == LONG_HEADER {
            position - LONG_HEADER
        } else if position % self.block == HEADER {
            position - HEADER
        } else {
            position
        }
    }

    /// Until the destination has what was committed on the source before this position.
    pub fn wait(&self, source: &mut Session, position: Lsn) -> Result<(), Stands> {
        if !self.flows() {
            return Ok(());
        }
        let slots: Vec<String> = self.slots.iter().map(|slot| literal(slot)).collect();
        let query = format!(
            "SELECT s.slot_name, greatest(r.replay_lsn, s.confirmed_flush_lsn), s.active
             FROM pg_replication_slots s LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid
             WHERE s.slot_name IN ({})",
            slots.join(", ")
        );
        let start = Instant::now();
        let mut pause = Duration::from_millis(5);
        loop {
            let rows = source.rows(&query)?;
            let behind: Vec<_> = rows
                .iter()
                .filter(|row| lsn(row.text(1)) < position)
                .collect();
            if rows.len() == self.slots.len() && behind.is_empty() {
                return Ok(());
            }
            if start.elapsed() >= self.patience {
                let told: Vec<String> = behind
                    .iter()
                    .map(|row| {
                        let connected = if row.is_true(2) {
                            ""
                        } else {
                            ", nobody is connected to it"
                        };
                        format!("slot {} is at {}{connected}", row.text(0), row.text(1))
                    })
                    .collect();
                return Err(Stands::Behind(format!(
                    "the stream did not reach {:X}/{:X} within {} s: {}",
                    position >> 32,
                    position & 0xffff_ffff,
                    self.patience.as_secs(),
                    if told.is_empty() {
                        "a slot is gone".to_owned()
                    } else {
                        told.join("; ")
                    }
                )));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(200));
        }
    }
}

/// `16/B374D848`; 0 for NULL.
fn lsn(text: &str) -> Lsn {
    let part = |text: &str| u64::from_str_radix(text, 16).unwrap_or_default();
    text.split_once('/')
        .map_or(0, |(high, low)| part(high) << 32 | part(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the next record begins is behind the header of its page; a record may well end 40 bytes into a page.
    #[test]
    fn ends() {
        let stream = Stream {
            slots: vec![String::new()],
            patience: Duration::ZERO,
            block: 8192,
            segment: 16 << 20,
        };
        let of = |text: &str| stream.end_of_records(lsn(text));
        assert_eq!(of("1/2000028"), lsn("1/2000000"));
        assert_eq!(of("1/2002018"), lsn("1/2002000"));
        assert_eq!(of("1/2002028"), lsn("1/2002028"));
        assert_eq!(of("1/2002138"), lsn("1/2002138"));
    }
}
