//! The beginning of a subscription: history is fetched, and what is newer than the schema is run, before the stream begins.
//!
//! PostgreSQL's own initial copy runs beside the stream, at a later moment than the stream's first one. Commands that came with
//! such a copy would run too early for the rows before them in the stream. So, at the start of CREATE SUBSCRIPTION, the rows
//! of the capture table are fetched from the publisher, those after `start_apply(after_id)` are run (tables that they make are
//! there when CREATE SUBSCRIPTION looks for them), and at its end the capture table is entered as ready, not to be copied: what
//! comes later comes in the stream. Commands that ended between the two moments are fetched at the end.
//! Not promised: any of this where the capture table joins a subscription later (ALTER SUBSCRIPTION); then the copy brings
//! history, see [`super::triggers::apply_copied`].

use super::command::arrived;
use super::recorded::Command;
use super::{source, trust};
use crate::error::Failure;
use crate::pg::catalog::spi::{self, Parameter};
use crate::pg::command::event;
use crate::pg::command::node::ParseTree;
use crate::pg::hooks::row_rights;
use crate::pg::replication::publisher::{Publisher, Row};
use crate::pg::replication::subscription::{self, Worker};
use crate::pg::runtime::session;
use crate::pg::store::sequence::{APPLY_AFTER_SEQUENCE, sequence_value_if_set};
use crate::pg::store::table;
use pgrx::prelude::*;

/// CREATE SUBSCRIPTION begins.
fn begins(tree: ParseTree) -> Result<(), Failure> {
    // PostgreSQL has not yet asked whether the role may do this, and nobody else's subscription can bring commands.
    if !session::is_superuser() {
        return Ok(());
    }
    let Some(publisher) = Publisher::of_statement(tree) else {
        return Ok(());
    };
    table::require()?;
    if source::publishes_commands(&publisher)? != Some(true) {
        return Ok(());
    }
    trust::require_own_rights(publisher.runs_as_owner)?;
    trust::require_publisher(&publisher)?;
    row_rights::install();
    let after = sequence_value_if_set(APPLY_AFTER_SEQUENCE)?;
    let worker = Worker::of_session(None, publisher.publications.clone());
    for row in source::fetch(&publisher)? {
        let is_new = is_newer(&row, after);
        if publisher.copies || is_new {
            take(&row, is_new, &worker)?;
        }
    }
    Ok(())
}

/// CREATE SUBSCRIPTION has made the subscription and its slot; the stream begins somewhere between `begins` and now.
fn has_begun(tree: ParseTree) -> Result<(), Failure> {
    let Some(publisher) = Publisher::of_statement(tree) else {
        return Ok(());
    };
    let Some(subscription) = subscription::find(&publisher.subscription) else {
        return Ok(());
    };
    if !subscription::make_ready(subscription, table::require()?) {
        return Ok(());
    }
    // An error now would leave the slot on the publisher. The worker, which can run nothing, repeats it.
    let described = subscription::describe(subscription).0;
    if let Err(failure) = trust::require_subscription(&described) {
        failure.warn();
        return Ok(());
    }
    let Some(after) = sequence_value_if_set(APPLY_AFTER_SEQUENCE)? else {
        return Ok(());
    };
    let worker = Worker::of_session(Some(subscription), publisher.publications.clone());
    for row in source::fetch(&publisher)? {
        if is_newer(&row, Some(after)) {
            take(&row, true, &worker)?;
        }
    }
    Ok(())
}

fn is_newer(row: &Row, after: Option<i64>) -> bool {
    after
        .zip(source::id_of(row))
        .is_some_and(|(after, id)| id > after)
}

/// Writes a row that is not here yet, and runs its command if that is wanted.
fn take(row: &Row, run: bool, worker: &Worker) -> Result<(), Failure> {
    let parameters: Vec<Parameter<'_>> = row
        .iter()
        .map(|value| Parameter::Text(value.as_deref()))
        .collect();
    let written = spi::execute(
        "INSERT INTO public.dts_ddl_command (ddl_text, id, event, tag, username, database, schema, object_type, object_name,
           client_address, client_port, event_time, txid_current, message)
         VALUES ($1, $2::bigint, $3, $4, $5, $6, $7, $8, $9, $10, $11::integer, $12::timestamptz, $13, $14)
         ON CONFLICT (id) DO NOTHING",
        &parameters,
    )?;
    if written > 0
        && run
        && let Some(command) = Command::of_row(row)
    {
        arrived(&command, worker)?;
    }
    Ok(())
}

/// ddl_command_start on a destination: of CREATE SUBSCRIPTION, for history and what is newer than the schema; of commands that
/// could drop the extension.
#[pg_extern(sql = false)]
fn subscribe_start(fcinfo: pg_sys::FunctionCallInfo) {
    event::on(fcinfo, "ddl_command_start", "subscribe_start", |event| {
        begins(event.tree).unwrap_or_else(|failure| failure.raise());
    });
}

/// ddl_command_end of CREATE SUBSCRIPTION on a destination: the capture table follows the stream from its beginning.
#[pg_extern(sql = false)]
fn subscribe_end(fcinfo: pg_sys::FunctionCallInfo) {
    event::on(fcinfo, "ddl_command_end", "subscribe_end", |event| {
        has_begun(event.tree).unwrap_or_else(|failure| failure.raise());
    });
}
