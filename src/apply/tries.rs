//! How often commands are tried where errors are logged, and that this ends.
//!
//! An error that may pass by itself stops the worker, which tries again; but code that a command runs may choose any SQLSTATE,
//! and end the worker it runs in. So tries are counted, in sequences: what a transaction that is rolled back, or a worker that
//! ends, has counted stays. There are two counts. That of the command which was tried last is lost as soon as another one is
//! tried. That of the transaction is kept for as long as the worker stands still: a worker commits the source's transactions
//! one after the other, so that its position there ([`Worker::position`]) tells them apart, also while parallel workers are
//! amid later ones. Where there is no position (in the copy of the table, in CREATE SUBSCRIPTION), the first command of the
//! transaction does. A try counts from before the command until it is known what becomes of it: tries that failed, as long as
//! the worker goes on, and rows beside the command do not count.
//! Not promised: an end where two subscriptions fail in turns; each begins the other's count anew.

use super::recorded::Command;
use crate::error::Failure;
use crate::guc::{self, ApplyOnError};
use crate::pg::replication::subscription::Worker;
use crate::pg::runtime::transaction;
use crate::pg::store::sequence::{
    STANDING_AT_SEQUENCE, STANDING_TRIES_SEQUENCE, TRIED_SEQUENCE, TRIES_SEQUENCE, add_to_sequence,
    has_sequence, sequence_value, set_sequence,
};
use std::cell::Cell;

/// So often is a command tried.
const MOST_TRIES: i64 = 10;
/// So often are commands of one transaction tried in vain.
const MOST_TRIES_OF_TRANSACTION: i64 = 5 * MOST_TRIES;

thread_local! {
    /// A transaction of this process, and the first command in it.
    static FIRST: Cell<(u64, i64)> = const { Cell::new((0, 0)) };
}

/// The tries up to now, this one included.
pub struct Tries {
    of_command: i64,
    of_transaction: i64,
    counted: bool,
}

impl Tries {
    /// A command is about to be tried.
    pub fn begin(command: &Command, worker: &Worker) -> Result<Tries, Failure> {
        // objects older than 1.2.0 do not have the sequences
        let counted = guc::apply_on_error() == ApplyOnError::Log && has_sequence(TRIED_SEQUENCE);
        if !counted {
            return Ok(Tries {
                of_command: 1,
                of_transaction: 1,
                counted,
            });
        }
        let place = (worker.position()).unwrap_or_else(|| first_of_transaction(command.id));
        Ok(Tries {
            of_command: count(TRIED_SEQUENCE, command.id, TRIES_SEQUENCE)?,
            of_transaction: count(STANDING_AT_SEQUENCE, place, STANDING_TRIES_SEQUENCE)?,
            counted,
        })
    }

    /// Why the command is not to be run, if so.
    pub fn are_too_many(&self) -> Option<Failure> {
        if self.of_command > MOST_TRIES {
            Some(Failure::tried_too_often(self.of_command - 1))
        } else if self.of_transaction > MOST_TRIES_OF_TRANSACTION {
            Some(Failure::transaction_tried_too_often(
                self.of_transaction - 1,
            ))
        } else {
            None
        }
    }

    /// Whether this one is the first.
    pub fn is_first(&self) -> bool {
        self.counted && self.of_command == 1
    }

    /// Whether there may be another one.
    pub fn may_go_on(&self) -> bool {
        self.of_command < MOST_TRIES && self.of_transaction < MOST_TRIES_OF_TRANSACTION
    }

    /// The command was run, or is left out for good: the worker goes on.
    pub fn end(&self) -> Result<(), Failure> {
        if self.counted {
            add_to_sequence(TRIES_SEQUENCE, -1)?;
            add_to_sequence(STANDING_TRIES_SEQUENCE, -1)?;
        }
        Ok(())
    }
}

/// Counts one more of `what`; another one before begins the count anew.
fn count(
    last: &'static core::ffi::CStr,
    what: i64,
    counter: &'static core::ffi::CStr,
) -> Result<i64, Failure> {
    if sequence_value(last)? != what {
        set_sequence(last, what)?;
        set_sequence(counter, 0)?;
    }
    add_to_sequence(counter, 1)
}

/// The command with which the commands of the running transaction began.
fn first_of_transaction(id: i64) -> i64 {
    let running = transaction::id();
    let (transaction, first) = FIRST.get();
    if transaction == running {
        return first;
    }
    FIRST.set((running, id));
    id
}
