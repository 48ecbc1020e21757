//! What the DBA calls on a destination: `start_apply()`, `stop_apply()`, `adopt_tables()`, `skip()`. (`copy_table()`:
//! [`super::copy`]; `stops()`: [`super::stops`].)

use super::{source, trust};
use crate::error::Failure;
use crate::pg::catalog::lookup;
use crate::pg::catalog::spi::{self, Parameter};
use crate::pg::replication::publisher::Publisher;
use crate::pg::replication::subscription::{self, TableState};
use crate::pg::runtime::transaction;
use crate::pg::runtime::{report, text};
use crate::pg::store::table;
use pgrx::prelude::{PgLogLevel, PgSqlErrorCode};

/// Enters all tables of this database in a subscription as ready, for a destination whose schema and rows are those of the
/// moment at which the subscription's slot was made. Returns how many were not in it before.
pub fn adopt_tables(subscription: &str) -> Result<i64, Failure> {
    transaction::refuse_in_read_only_transaction(c"dts_ddl.adopt_tables()");
    let found = spi::bigints(
        "SELECT s.oid::bigint FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid
          WHERE s.subname::text OPERATOR(pg_catalog.=) $1 AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()",
        &[Parameter::Text(Some(&text::encode(subscription)))],
    )?;
    let Some(&subscription_oid) = found.first() else {
        return Err(Failure::no_subscription(subscription));
    };
    if table::is_destination() {
        require_trust(spi::oid(subscription_oid))?;
    }
    let tables = spi::bigints(
        "SELECT c.oid::bigint FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.oid >= 16384
            AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'dts_ddl')",
        &[],
    )?;
    let added = tables
        .into_iter()
        .filter(|&table| {
            subscription::add_table(
                spi::oid(subscription_oid),
                spi::oid(table),
                TableState::Ready,
            )
        })
        .count();
    Ok(added as i64)
}

/// A subscription may bring what it brings.
fn require_trust(subscription: lookup::Oid) -> Result<(), Failure> {
    let (publisher, described) = Publisher::of_subscription(subscription);
    let answer = source::publishes_commands(&publisher)?;
    if answer == Some(false) {
        return Ok(());
    }
    trust::require_subscription(&described)?;
    if answer.is_none() || !trust::require_publisher(&publisher)? {
        report::emit(
            PgLogLevel::WARNING,
            PgSqlErrorCode::ERRCODE_WARNING,
            &format!(
                "could not look who can write DDL commands on the source of subscription \"{}\"",
                described.name
            ),
            Some("There is no connection to the publisher now."),
            Some(
                "On the source only superusers may write rows of public.dts_ddl_command, or become a \
             role that can. Call the function again when there is a connection.",
            ),
        );
    }
    Ok(())
}

const SUBSCRIPTIONS: &str = "SELECT s.oid::bigint FROM pg_catalog.pg_subscription s
      JOIN pg_catalog.pg_database d ON d.oid = s.subdbid AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()";

const DDL_STILL_COMES: &str = "SELECT r.srsubid::bigint FROM pg_catalog.pg_subscription_rel r
     JOIN pg_catalog.pg_subscription s ON s.oid = r.srsubid
    WHERE r.srrelid = 'public.dts_ddl_command'::regclass AND s.subenabled";

/// Makes this database a destination; see `sql/start_apply.sql`. What is wrong with the arguments, and warnings, are told from
/// here: PostgreSQL puts the whole text of a block that raises them into their context.
pub fn start(
    after_id: Option<i64>,
    server_number: Option<i32>,
    trust_source: Option<bool>,
) -> Result<(), Failure> {
    transaction::refuse_in_read_only_transaction(c"dts_ddl.start_apply()");
    if after_id.is_some_and(|id| id < 0) {
        return Err(Failure::argument("after_id must not be negative"));
    }
    if server_number.is_some_and(|number| !(0..16).contains(&number)) {
        return Err(Failure::argument("server_number must be between 0 and 15"));
    }
    table::require_with_ids()?;
    if trust_source == Some(false) {
        trust::require_server_of_untrusted()?;
    }
    let literal = |value: Option<String>| value.unwrap_or_else(|| "NULL".to_owned());
    run_block(
        &include_str!("../../sql/start_apply.sql")
            .replace("{after_id}", &literal(after_id.map(|v| v.to_string())))
            .replace(
                "{server_number}",
                &literal(server_number.map(|v| v.to_string())),
            )
            .replace(
                "{trust_source}",
                &literal(trust_source.map(|v| v.to_string())),
            ),
    )?;
    if trust_source == Some(false) {
        for subscription in spi::bigints(SUBSCRIPTIONS, &[])? {
            require_trust(spi::oid(subscription))?;
        }
    }
    Ok(())
}

/// Makes this database an ordinary one again; see `sql/stop_apply.sql`.
pub fn stop(capture: bool) -> Result<(), Failure> {
    transaction::refuse_in_read_only_transaction(c"dts_ddl.stop_apply()");
    table::require_with_ids()?;
    run_block(&stop_or_capture(&capture.to_string()))?;
    if !spi::bigints(DDL_STILL_COMES, &[])?.is_empty() {
        report::emit(
            PgLogLevel::WARNING,
            PgSqlErrorCode::ERRCODE_WARNING,
            "an enabled subscription still brings DDL commands, which are no longer run",
            None,
            Some("Disable or drop the subscription."),
        );
    }
    Ok(())
}

/// Says of this database that it is a source, where it is a copy that waits to be told.
pub fn start_capture() -> Result<(), Failure> {
    transaction::refuse_in_read_only_transaction(c"dts_ddl.start_capture()");
    table::require_with_ids()?;
    run_block(&stop_or_capture("NULL"))
}

fn stop_or_capture(capture: &str) -> String {
    include_str!("../../sql/stop_apply.sql").replace("{capture}", capture)
}

fn run_block(body: &str) -> Result<(), Failure> {
    // Its statements find the table by name. Who owns schema public could put another one there, but not while it is locked.
    spi::execute("LOCK TABLE pg_catalog.pg_namespace IN SHARE MODE", &[])?;
    table::require_with_ids()?;
    spi::execute(&format!("DO LANGUAGE plpgsql $block$\n{body}$block$"), &[]).map(|_| ())
}

/// The DDL command with this id is not to be run here.
pub fn skip(id: i64) -> Result<(), Failure> {
    if !table::is_destination() {
        return Err(Failure::not_a_destination());
    }
    spi::execute(
        "INSERT INTO dts_ddl.apply_skip (id) VALUES ($1) ON CONFLICT DO NOTHING",
        &[Parameter::BigInt(id)],
    )
    .map(|_| ())
}
