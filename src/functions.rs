//! The SQL functions of schema `dts_ddl`; declared in `sql/dts_ddl_capture--*.sql`, which says who may call them.

use crate::apply;
use crate::error::Failure;
use crate::pg::catalog::lookup;
use crate::pg::command::parser;
use crate::pg::runtime::text;
use crate::pg::runtime::value;
use crate::pg::store::sequence::{GAP_SEQUENCE, PRUNED_SEQUENCE, sequence_value};
use crate::pg::store::{stored, table};
use crate::read::consumers::Findings;
use crate::read::script::Script;
use crate::read::{check, pending};
use crate::retention;
use pgrx::prelude::*;

/// The highest id that retention has deleted; 0 when none.
#[pg_extern(sql = false)]
fn pruned_through() -> i64 {
    sequence_value(PRUNED_SEQUENCE).unwrap_or_else(|failure| failure.raise())
}

/// Deletes all rows beyond the limits now; returns how many.
#[pg_extern(sql = false)]
fn prune() -> i64 {
    retention::prune_all().unwrap_or_else(|failure| failure.raise())
}

/// The highest id given so far on this server; 0 when none.
#[pg_extern(sql = false)]
fn last_id() -> i64 {
    table::last_id().unwrap_or_else(|failure| failure.raise())
}

/// The commands with ids above the first and up to the second, as a script for psql.
#[pg_extern(sql = false)]
fn script(after_id: Option<i64>, up_to_id: Option<i64>) -> SetOfIterator<'static, Vec<u8>> {
    lines(Script::new(after_id.unwrap_or(0), up_to_id, None))
}

/// The same without what consumers run, by their names and by command tags, and so that it can run beside them.
#[pg_extern(sql = false)]
fn script_without(
    without: Option<pgrx::Array<'_, &[u8]>>,
    after_id: Option<i64>,
    up_to_id: Option<i64>,
) -> SetOfIterator<'static, Vec<u8>> {
    let without: Option<Vec<String>> =
        without.map(|names| names.iter().flatten().map(text::decode).collect());
    lines(Script::new(
        after_id.unwrap_or(0),
        up_to_id,
        without.as_deref(),
    ))
}

fn lines(script: Result<Script, Failure>) -> SetOfIterator<'static, Vec<u8>> {
    let script = script.unwrap_or_else(|failure| failure.raise());
    SetOfIterator::new(script.map(|lines| lines.unwrap_or_else(|failure| failure.raise())))
}

/// The rows of the table, for the view `dts_ddl.history`: read by the table's OID, so that no other relation of its name is.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity, reason = "the columns of the SQL function")]
fn rows() -> TableIterator<
    'static,
    (
        name!(ddl_text, Option<Vec<u8>>),
        name!(id, i64),
        name!(tag, Option<Vec<u8>>),
        name!(username, Option<Vec<u8>>),
        name!(schema, Option<Vec<u8>>),
        name!(object_type, Option<Vec<u8>>),
        name!(object_name, Option<Vec<u8>>),
        name!(client_address, Option<Vec<u8>>),
        name!(client_port, Option<i32>),
        name!(event_time, Option<TimestampWithTimeZone>),
        name!(txid_current, Option<Vec<u8>>),
        name!(message, Option<Vec<u8>>),
    ),
> {
    const ROWS: usize = 100;
    const BYTES: usize = 1 << 20;
    let mut next = Some(i64::MIN);
    let rows = core::iter::from_fn(move || {
        let rows = stored::shown(next?, ROWS, BYTES).unwrap_or_else(|failure| failure.raise());
        next = rows.last().and_then(|row| row.id.checked_add(1));
        (!rows.is_empty()).then_some(rows)
    });
    TableIterator::new(rows.flatten().map(|mut row| {
        let mut text = |column: usize| row.texts.get_mut(column).and_then(Option::take);
        (
            text(0),
            row.id,
            text(3),
            text(4),
            text(6),
            text(7),
            text(8),
            text(9),
            row.client_port,
            row.event_time
                .and_then(|time| TimestampWithTimeZone::try_from(time).ok()),
            text(12),
            text(13),
        )
    }))
}

/// The number of commands that went through without a row under on_error = warning.
#[pg_extern(sql = false)]
fn gaps() -> i64 {
    sequence_value(GAP_SEQUENCE).unwrap_or_else(|failure| failure.raise())
}

/// The command tags of the statements in a text, by PostgreSQL's own parser. Raises the parser's error.
#[pg_extern(sql = false)]
fn statement_tags(query: &[u8]) -> Vec<String> {
    parser::statement_tags(&text::c_string_of_bytes(query))
}

/// Enters all tables of this database in a subscription as ready; returns how many were not in it before.
#[pg_extern(sql = false)]
fn adopt_tables(subscription: &core::ffi::CStr) -> i64 {
    apply::calls::adopt_tables(&text::decode(subscription.to_bytes()))
        .unwrap_or_else(|failure| failure.raise())
}

/// Enters a table in a subscription as one to be copied, and takes its rows here away; returns how many are to be copied.
#[pg_extern(sql = false)]
fn copy_table(subscription: &core::ffi::CStr, table: pgrx::pg_sys::Oid) -> i64 {
    apply::copy::copy_table(&text::decode(subscription.to_bytes()), table)
        .unwrap_or_else(|failure| failure.raise())
}

/// Makes this database a destination.
#[pg_extern(sql = false)]
fn start_apply_of(after_id: Option<i64>, server_number: Option<i32>, trust_source: Option<bool>) {
    apply::calls::start(after_id, server_number, Some(trust_source == Some(true)))
        .unwrap_or_else(|failure| failure.raise());
}

/// The same, where the extension's objects are older than 1.2.0: whether the source is trusted stays as it is.
#[pg_extern(sql = false)]
fn start_apply(after_id: Option<i64>, server_number: Option<i32>) {
    apply::calls::start(after_id, server_number, None).unwrap_or_else(|failure| failure.raise());
}

/// Makes this database an ordinary one again.
#[pg_extern(sql = false)]
fn stop_apply(capture: bool) {
    apply::calls::stop(capture).unwrap_or_else(|failure| failure.raise());
}

/// Makes a source of this database, where it is a copy.
#[pg_extern(sql = false)]
fn start_capture() {
    apply::calls::start_capture().unwrap_or_else(|failure| failure.raise());
}

/// The DDL command with this id is not to be run here.
#[pg_extern(sql = false)]
fn skip(id: i64) {
    apply::calls::skip(id).unwrap_or_else(|failure| failure.raise());
}

/// Whether capture, on a destination apply, is complete.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity, reason = "the columns of the SQL function")]
fn check() -> TableIterator<
    'static,
    (
        name!(name, Vec<u8>),
        name!(status, Vec<u8>),
        name!(found, Vec<u8>),
        name!(remedy, Option<Vec<u8>>),
    ),
> {
    let findings = check::check().unwrap_or_else(|failure| failure.raise());
    TableIterator::new(
        findings
            .into_iter()
            .map(|finding| (finding.name, finding.status, finding.found, finding.remedy)),
    )
}

/// What of the rows a consumer leaves out or trips over.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity, reason = "the columns of the SQL function")]
fn check_consumer(
    consumer: Option<&[u8]>,
    after_id: Option<i64>,
) -> TableIterator<
    'static,
    (
        name!(id, i64),
        name!(tag, Vec<u8>),
        name!(problem, Vec<u8>),
        name!(ddl_text, Vec<u8>),
    ),
> {
    let consumer = text::decode(consumer.unwrap_or_default());
    let findings =
        Findings::new(&consumer, after_id.unwrap_or(0)).unwrap_or_else(|failure| failure.raise());
    TableIterator::new(findings.map(|finding| {
        let finding = finding.unwrap_or_else(|failure| failure.raise());
        let problem = text::encode(&finding.problem).into_owned();
        (finding.id, finding.tag, problem, finding.ddl_text)
    }))
}

/// The subscriptions that stand still, and why.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity, reason = "the columns of the SQL function")]
fn stops() -> TableIterator<
    'static,
    (
        name!(subscription, Vec<u8>),
        name!(copied_table, Option<Vec<u8>>),
        name!(since, Option<TimestampWithTimeZone>),
        name!(last, Option<TimestampWithTimeZone>),
        name!(failures, i64),
        name!(id, Option<i64>),
        name!(tag, Option<Vec<u8>>),
        name!(role, Option<Vec<u8>>),
        name!(ddl_text, Option<Vec<u8>>),
        name!(sqlstate, Vec<u8>),
        name!(error, Vec<u8>),
        name!(detail, Option<Vec<u8>>),
        name!(hint, Option<Vec<u8>>),
        name!(context, Option<Vec<u8>>),
    ),
> {
    let stops = apply::stops::all().unwrap_or_else(|failure| failure.raise());
    let bytes = |value: &str| text::encode(value).into_owned();
    let time = |time: i64| TimestampWithTimeZone::try_from(time).ok();
    TableIterator::new(stops.into_iter().map(move |stop| {
        let [tag, role, ddl_text] = match stop.command() {
            Some(command) => command.map(|value| Some(bytes(value))),
            None => [None, None, None],
        };
        (
            bytes(&stop.subscription),
            stop.table()
                .and_then(|table| lookup::qualified_relation_name(table.into()))
                .map(|table| bytes(&table)),
            time(stop.since),
            time(stop.last),
            stop.failures,
            stop.id(),
            tag,
            role,
            ddl_text,
            bytes(&stop.sqlstate),
            bytes(&stop.error),
            stop.detail.as_deref().map(bytes),
            stop.hint.as_deref().map(bytes),
            stop.context.as_deref().map(bytes),
        )
    }))
}

/// What the view dts_ddl.status shows.
#[pg_extern(sql = false)]
fn status_document() -> Vec<u8> {
    check::status().unwrap_or_else(|failure| failure.raise())
}

/// Whether a text can be cast to jsonb.
#[pg_extern(sql = false)]
fn is_document(message: &[u8]) -> bool {
    value::is_json(&text::c_string_of_bytes(message))
}

/// The committed rows that the consumer of a slot has not confirmed.
#[pg_extern(sql = false)]
fn pending_ids(slot: &core::ffi::CStr) -> SetOfIterator<'static, i64> {
    let ids =
        pending::ids(&text::decode(slot.to_bytes())).unwrap_or_else(|failure| failure.raise());
    SetOfIterator::new(ids)
}
