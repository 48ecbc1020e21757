//! Which replica identity a table gets, and when it is taken back: decided here and nowhere else.
//!
//! A new table gets FULL, as the setting says, but from 18 on with generated columns and a primary key: that has its key. Under
//! FULL PostgreSQL refuses UPDATE and DELETE of a table that is published with a column list, or from 18 on with generated
//! columns that are not published; under DEFAULT with a primary key it does not. A table that its owner's own statements would
//! have left writable must stay so: once such a publication sends it, it has DEFAULT again, in the same transaction. That is
//! looked at after each command that can make the difference: it made or altered the table or what it is a partition of, moved
//! it, or made or altered a publication.
//!
//! Only FULL that was given here is taken back, and only where that lets a command through ([`identity::take_full_back`]). It
//! is not given again when the reason is gone.

use crate::capture::objects::Touched;
use crate::capture::started::Started;
use crate::error::Failure;
use crate::guc::{self, ReplicaIdentity};
use crate::pg::catalog::inheritance;
use crate::pg::catalog::lookup::{Oid, qualified_relation_name};
use crate::pg::replication::{identity, publication};
use crate::pg::runtime::transaction;

/// Gives a new table its identity; true when that is FULL. To be settled once it is in all its publications.
pub fn give(table: Oid) -> bool {
    let wants_full = match guc::replica_identity() {
        ReplicaIdentity::Full => true,
        ReplicaIdentity::FullWithoutKey => !identity::has_primary_key(table),
        ReplicaIdentity::Off => false,
    };
    wants_full && !could_be_stopped(table) && identity::give_full(table)
}

/// From 18 on, under FULL, a publication that another session is making, and that nobody sees yet, could end UPDATE.
fn could_be_stopped(table: Oid) -> bool {
    identity::has_generated_column(table) && identity::has_primary_key(table)
}

/// Takes FULL back from a table that has just been given it, if need be; true when it was taken back.
pub fn settle(table: Oid) -> Result<bool, Failure> {
    if !may_fail_under_full(table) {
        return Ok(false);
    }
    transaction::command_counter_increment();
    identity::take_full_back(table)
}

/// The same for all tables that a command may have put under such a publication; the names of those that have DEFAULT again.
pub fn settle_after(touched: &Touched, started: &Started) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    if !identity::MAY_FAIL || !publication::exist() {
        return Ok(names);
    }
    for table in concerned(touched, started) {
        if identity::is_full(table)
            && may_fail_under_full(table)
            && identity::take_full_back(table)?
        {
            names.extend(qualified_relation_name(table));
        }
    }
    Ok(names)
}

fn may_fail_under_full(table: Oid) -> bool {
    identity::MAY_FAIL
        && publication::exist()
        && identity::may_fail_under_full(table, &inheritance::with_ancestors(table))
}

/// The tables, with all that inherits from them, in one order for all sessions, since they may be locked one after the other.
fn concerned(touched: &Touched, started: &Started) -> Vec<Oid> {
    let moved = touched.moved.iter().map(|(address, _)| address);
    let partitions = started.attached.iter().chain(&started.detached);
    let mut tables: Vec<Oid> = moved.chain(partitions).map(|a| a.object).collect();
    tables.extend(&touched.altered);
    let publication = started.tree.made_or_altered_publication();
    if let Some(publication) = publication {
        tables.extend(identity::in_danger_by(publication));
    }
    let mut all: Vec<Oid> = tables
        .into_iter()
        .flat_map(inheritance::with_descendants)
        .collect();
    if let Some(publication) = publication.filter(|&p| publication::sends_unnamed_tables(p)) {
        let with_generated = identity::given_full_with_generated_column().into_iter();
        all.extend(with_generated.filter(|&table| publication::sends(publication, table)));
    }
    all.sort_unstable_by_key(|table| table.to_u32());
    all.dedup();
    all
}
