//! The trigger functions of a destination, and their order for one row: BEFORE ROW ([`apply_once`]), AFTER ROW ([`apply_row`]),
//! AFTER STATEMENT ([`apply_copied`], fired by the initial copy only). Declared in `sql/dts_ddl_capture--*.sql`, attached by
//! `dts_ddl.start_apply()` with ENABLE REPLICA. [`own_rows`] keeps rows of others out of this server's own tables;
//! `script_rows` is in [`super::script_rows`].

use super::command::arrived;
use super::recorded::Command;
use super::{log, script_rows};
use crate::error::Failure;
use crate::pg::catalog::spi::{self, Parameter};
use crate::pg::hooks::row_rights;
use crate::pg::hooks::trigger::TriggerCall;
use crate::pg::replication::subscription;
use crate::pg::store::sequence::{
    APPLY_AFTER_SEQUENCE, APPLY_SINCE_SEQUENCE, sequence_value, sequence_value_if_set,
};
use crate::pg::store::{stored, table};
use crate::retention;
use pgrx::pg_sys::Datum;

/// BEFORE INSERT, each row: a row that is here already (sent back by the other one of two servers, or copied twice) is not
/// written again.
pub fn apply_once(call: &TriggerCall) -> Result<Datum, Failure> {
    if subscription::worker().is_none() {
        return Ok(call.keep_row());
    }
    row_rights::install();
    let Some(command) = Command::of_trigger(call) else {
        return Ok(call.keep_row());
    };
    match is_here(&command)? {
        None => Ok(call.keep_row()),
        Some(true) => Ok(TriggerCall::nothing()),
        Some(false) => Err(Failure::id_taken(command.id)),
    }
}

/// Whether the row that has this id is that one; `None` where there is none.
fn is_here(command: &Command) -> Result<Option<bool>, Failure> {
    table::require()?;
    if let Ok(found) = stored::command(command.id) {
        return Ok(found.map(|[text, transaction]| {
            text.as_ref() == Some(&command.statement) && transaction == command.transaction
        }));
    }
    // a table of another shape: what the DBA has added to it is no reason to stop the stream
    let same = spi::bigints(
        "SELECT (c.ddl_text IS NOT DISTINCT FROM $2 AND c.txid_current::text IS NOT DISTINCT FROM $3)::int::bigint
           FROM public.dts_ddl_command c WHERE c.id OPERATOR(pg_catalog.=) $1",
        &[
            Parameter::BigInt(command.id),
            Parameter::Text(Some(&command.statement)),
            Parameter::Text(command.transaction.as_deref()),
        ],
    )?;
    Ok(same.first().map(|&same| same == 1))
}

/// AFTER INSERT, each row: runs the command; then old rows go, since the source does not tell that its own go. Rows of the
/// initial copy wait for the end of the copy.
pub fn apply_row(call: &TriggerCall) -> Result<Datum, Failure> {
    if let Some(worker) = subscription::worker().filter(|worker| !worker.copying)
        && let Some(command) = Command::of_trigger(call)
    {
        script_rows::end()?;
        table::keep_ids_above(command.id)?;
        arrived(&command, &worker)?;
        retention::after_arrival(command.id)?;
    }
    Ok(TriggerCall::nothing())
}

/// AFTER INSERT, statement: of what the initial copy has brought, the commands that are newer than the schema run, in order:
/// those after `start_apply(after_id)`, else those that ended after the call of `start_apply()`, by the clocks of both servers.
pub fn apply_copied(_call: &TriggerCall) -> Result<Datum, Failure> {
    if let Some(worker) = subscription::worker().filter(|worker| worker.copying) {
        let commands = match sequence_value_if_set(APPLY_AFTER_SEQUENCE)? {
            Some(after) => Command::newer_than_id(after)?,
            None => Command::newer_than_time(sequence_value(APPLY_SINCE_SEQUENCE)?)?,
        };
        for command in commands {
            arrived(&command, &worker)?;
        }
    }
    Ok(TriggerCall::nothing())
}

/// BEFORE each row of a table that belongs to this server alone: rows of other servers stay out.
pub fn own_rows(call: &TriggerCall) -> Result<Datum, Failure> {
    if log::is_writing() || subscription::worker().is_none() {
        Ok(call.keep_row())
    } else {
        Ok(TriggerCall::nothing())
    }
}
