//! What the consumers of logical slots have not confirmed yet.
//!
//! A row is pending for a slot when its transaction's commit record begins at or after the slot's `confirmed_flush_lsn`. A
//! transaction older than the slot's `catalog_xmin` had ended at a position that the consumer has confirmed, so only the WAL
//! behind that position has to be looked at, and only where younger rows exist: mostly nothing at all.

use crate::error::Failure;
use crate::pg::catalog::spi;
use crate::pg::replication::wal::{self, Lsn};
use crate::pg::runtime::{subtransaction, text};
use crate::pg::store::table;
use serde::Serialize;
use std::collections::HashSet;

/// A slot as pg_replication_slots shows it.
struct Slot {
    name: String,
    /// The end of what its consumer has confirmed; `None` for a slot that has lost its WAL or is not ready.
    confirmed: Option<Lsn>,
    restart: Lsn,
    catalog_xmin: String,
}

/// What one slot's consumer has not confirmed.
#[derive(Serialize)]
pub struct Unconfirmed {
    slot: String,
    rows: Option<usize>,
    lowest_id: Option<i64>,
    /// Whether all of the WAL was read; otherwise `rows` is an upper bound.
    exact: bool,
    #[serde(skip)]
    ids: Vec<i64>,
}

impl Unconfirmed {
    fn unknown(slot: &Slot) -> Self {
        Unconfirmed {
            slot: slot.name.clone(),
            rows: None,
            lowest_id: None,
            exact: false,
            ids: Vec::new(),
        }
    }
}

/// Ids of the rows that a slot's consumer has not confirmed, in order. Reads all of the WAL behind.
pub fn ids(slot: &str) -> Result<Vec<i64>, Failure> {
    let mut slots = slots()?;
    slots.retain(|found| found.name == slot);
    match slots.first() {
        None => return Err(Failure::slot_unknown(slot)),
        Some(found) if found.confirmed.is_none() => return Err(Failure::slot_lost(slot)),
        Some(_) => {}
    }
    let mut ids = Vec::new();
    for slot in &slots {
        ids.extend(of_slot(slot, None)?.ids);
    }
    ids.sort_unstable();
    Ok(ids)
}

/// All slots of this database; at most `budget` bytes of WAL are read for each. A slot whose WAL cannot be read is unknown.
pub fn of_all_slots(budget: u64) -> Result<Vec<Unconfirmed>, Failure> {
    let found = slots()?.into_iter().map(|slot| {
        subtransaction::attempt(|| of_slot(&slot, Some(budget)))
            .unwrap_or_else(|_| Unconfirmed::unknown(&slot))
    });
    Ok(found.collect())
}

fn slots() -> Result<Vec<Slot>, Failure> {
    let found = spi::read_texts(
        "SELECT s.slot_name::text, CASE WHEN s.wal_status IS DISTINCT FROM 'lost' AND s.restart_lsn IS NOT NULL
                  THEN pg_catalog.pg_wal_lsn_diff(s.confirmed_flush_lsn, '0/0')::text END,
                coalesce(pg_catalog.pg_wal_lsn_diff(s.restart_lsn, '0/0'), 0)::text, coalesce(s.catalog_xmin::text, '')
           FROM pg_catalog.pg_replication_slots s
          WHERE s.slot_type OPERATOR(pg_catalog.=) 'logical' AND s.database OPERATOR(pg_catalog.=) pg_catalog.current_database()",
        &[],
    )?;
    let slots = found.into_iter().map(|columns| {
        let mut columns = columns
            .into_iter()
            .map(|value| value.map(|value| text::decode(&value)));
        let mut next = || columns.next().flatten();
        Slot {
            name: next().unwrap_or_default(),
            confirmed: next().and_then(|lsn| lsn.parse().ok()),
            restart: next().and_then(|lsn| lsn.parse().ok()).unwrap_or(0),
            catalog_xmin: next().unwrap_or_default(),
        }
    });
    Ok(slots.collect())
}

fn of_slot(slot: &Slot, budget: Option<u64>) -> Result<Unconfirmed, Failure> {
    let Some(confirmed) = slot.confirmed else {
        return Ok(Unconfirmed::unknown(slot));
    };
    let rows = rows_since(&slot.catalog_xmin)?;
    let wanted: HashSet<u32> = rows.iter().map(|&(_, xid)| xid).collect();
    let commits = wal::commits(confirmed, slot.restart, &wanted, budget)?;
    let ids: Vec<i64> = rows
        .into_iter()
        .filter(|(_, xid)| match commits.at.get(xid) {
            Some(&at) => at >= confirmed,
            None => !commits.complete,
        })
        .map(|(id, _)| id)
        .collect();
    Ok(Unconfirmed {
        slot: slot.name.clone(),
        rows: Some(ids.len()),
        lowest_id: ids.iter().copied().min(),
        exact: commits.complete,
        ids,
    })
}

/// Rows, with their transactions, that are not older than a transaction id; all rows when there is none.
fn rows_since(xid: &str) -> Result<Vec<(i64, u32)>, Failure> {
    table::require()?;
    let rows = spi::read_texts(
        "SELECT c.id::text, c.xmin::text FROM public.dts_ddl_command c
          WHERE $1::text OPERATOR(pg_catalog.=) ''
             OR pg_catalog.age(c.xmin) OPERATOR(pg_catalog.<=) pg_catalog.age(nullif($1::text, '')::xid)",
        &[spi::Parameter::Text(Some(xid.as_bytes()))],
    )?;
    Ok(rows
        .iter()
        .filter_map(|columns| {
            let xid: i64 = spi::number(columns, 1)?;
            Some((spi::number(columns, 0)?, u32::try_from(xid).ok()?))
        })
        .collect())
}
