//! `dts_ddl.copy_table()`: a table is entered in a subscription as one to be copied, anew or for the first time; its rows here go.
//!
//! Relied on: an apply worker keeps a table that is ready in a cache and does not look at its state again (relation.c:
//! logicalrep_rel_open), so that rows would come by the stream and by the copy; a worker that has read its subscription as
//! enabled was in pg_stat_subscription before (launcher.c: logicalrep_worker_attach). Who publishes through a partitioned table
//! sends and copies that one, else its partitions (pg_publication_tables lists what is sent): the publisher is asked.

use crate::error::Failure;
use crate::pg::catalog::lookup::{self, Address, Oid};
use crate::pg::catalog::spi::{self, Parameter};
use crate::pg::replication::publisher::Publisher;
use crate::pg::replication::{copies, empty, subscription};
use crate::pg::runtime::transaction;
use crate::pg::store::table;
use std::collections::HashSet;

/// Schema and name, as they are.
type Names = HashSet<(String, String)>;

/// Returns how many tables are to be copied.
pub fn copy_table(name: &str, table: Oid) -> Result<i64, Failure> {
    transaction::refuse_in_read_only_transaction(c"dts_ddl.copy_table()");
    let Some(subscription) = subscription::find(name) else {
        return Err(Failure::no_subscription(name));
    };
    require_replicable(table)?;
    if subscription::is_enabled_from_now_on(subscription) || is_running(subscription)? {
        return Err(Failure::subscription_runs(name));
    }
    let publisher = Publisher::of_subscription(subscription).0;
    let published = super::source::published_tables(&publisher)?;
    let published: Names = published
        .ok_or_else(|| Failure::publisher_not_reached(name))?
        .into_iter()
        .collect();
    let parts = locked_parts(table)?;
    let sent = sent_of(&published, table, &parts, name)?;
    for &part in parts.iter().filter(|&&part| !lookup::is_partitioned(part)) {
        empty::remove_rows(part)?;
    }
    for &part in &sent {
        copies::anew(subscription, part);
    }
    Ok(sent.len() as i64)
}

fn require_replicable(table: Oid) -> Result<(), Failure> {
    if empty::can_be_copied(table) && !Address::relation(table).is_member_of(table::EXTENSION) {
        return Ok(());
    }
    Err(Failure::not_copied(&shown(table)))
}

fn shown(table: Oid) -> String {
    lookup::qualified_relation_name(table).unwrap_or_else(|| table.to_u32().to_string())
}

fn is_running(subscription: Oid) -> Result<bool, Failure> {
    spi::execute(
        "SELECT 1 FROM pg_catalog.pg_stat_subscription w WHERE w.subid::bigint OPERATOR(pg_catalog.=) $1 AND w.pid IS NOT NULL",
        &[number(subscription)],
    )
    .map(|rows| rows > 0)
}

/// The same, but nobody reads or writes them any more.
fn locked_parts(table: Oid) -> Result<Vec<Oid>, Failure> {
    empty::lock(table);
    let parts = with_parts(table)?;
    for &part in &parts {
        empty::lock(part);
    }
    Ok(parts)
}

/// The table, and if it is partitioned all that are below it, but for foreign ones.
pub(super) fn with_parts(table: Oid) -> Result<Vec<Oid>, Failure> {
    let below = spi::bigints(
        "SELECT t.relid::oid::bigint FROM pg_catalog.pg_partition_tree($1::oid::regclass) t
           JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) t.relid
          WHERE t.level OPERATOR(pg_catalog.>) 0 AND c.relkind OPERATOR(pg_catalog.<>) 'f' ORDER BY t.level, c.oid",
        &[number(table)],
    )?;
    let below = below.into_iter().map(spi::oid);
    Ok(std::iter::once(table).chain(below).collect())
}

/// The tables that it is a partition of, at whatever depth.
pub(super) fn above(table: Oid) -> Result<Vec<Oid>, Failure> {
    let above = spi::bigints(
        "SELECT a.relid::oid::bigint FROM pg_catalog.pg_partition_ancestors($1::oid::regclass) a
          WHERE a.relid::oid::bigint OPERATOR(pg_catalog.<>) $1",
        &[number(table)],
    )?;
    Ok(above.into_iter().map(spi::oid).collect())
}

/// Those of these tables whose rows come under their own names.
fn sent_of(
    published: &Names,
    table: Oid,
    parts: &[Oid],
    subscription: &str,
) -> Result<Vec<Oid>, Failure> {
    let is_sent = |&part: &Oid| {
        lookup::schema_of_relation(part)
            .zip(lookup::relation_name(part))
            .is_some_and(|names| published.contains(&names))
    };
    if let Some(parent) = above(table)?.into_iter().find(is_sent) {
        return Err(Failure::sent_as_parent(&shown(table), &shown(parent)));
    }
    let (mut sent, mut sent_by_parent) = (Vec::new(), HashSet::new());
    for &part in parts {
        if sent_by_parent.contains(&part) {
            continue;
        }
        if is_sent(&part) {
            if lookup::is_partitioned(part) {
                sent_by_parent.extend(with_parts(part)?);
            }
            sent.push(part);
        } else if !lookup::is_partitioned(part) {
            // Its rows would be removed, and not come again.
            return Err(Failure::not_published(&shown(part), subscription));
        }
    }
    if sent.is_empty() {
        return Err(Failure::not_published(&shown(table), subscription));
    }
    Ok(sent)
}

fn number(oid: Oid) -> Parameter<'static> {
    Parameter::BigInt(i64::from(oid.to_u32()))
}
