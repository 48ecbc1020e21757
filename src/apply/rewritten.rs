//! Tables whose rows a command has computed anew, by an expression that gives other values here: they are copied again, beside
//! the stream, by PostgreSQL's own table synchronization.
//!
//! Not promised: rows that the destination had of its own; and nothing is copied where that could lose rows: where this database
//! captures as well, so that another one may still have to get rows of it, and where transactions are prepared here (the changes
//! of one that was prepared during a copy would be in neither; ALTER SUBSCRIPTION refuses to copy then, too).

use super::{copy, source};
use crate::document::Document;
use crate::error::Failure;
use crate::guc::{self, ApplyOnRewrite};
use crate::pg::catalog::lookup::{self, Oid};
use crate::pg::catalog::role::Role;
use crate::pg::catalog::spi;
use crate::pg::replication::publisher::Publisher;
use crate::pg::replication::subscription::{self, Worker};
use crate::pg::replication::{copies, empty};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// Empties the tables and has them copied when the transaction commits. Returns those of which that is so.
pub fn copy_again<'a>(
    document: &'a Document<'_>,
    worker: &Worker,
    role: Role,
) -> Result<HashSet<&'a String>, Failure> {
    let mut copied = HashSet::new();
    let rewritten = document.rewrites.iter();
    let mut rewritten = rewritten.filter(|r| r.is_to_be_copied()).peekable();
    let is_wanted = guc::apply_on_rewrite() == ApplyOnRewrite::Copy && !worker.copying;
    if rewritten.peek().is_none() || !is_wanted || captures()? {
        return Ok(copied);
    }
    let mut senders = Senders::default();
    for rewrite in rewritten {
        if let Some(table) = lookup::relation_by_identity(&rewrite.table)
            && copy_one(worker, table, role, &mut senders)?
        {
            copied.insert(&rewrite.table);
        }
    }
    Ok(copied)
}

fn captures() -> Result<bool, Failure> {
    spi::execute(
        "SELECT 1 FROM pg_catalog.pg_event_trigger e
          WHERE e.evtname::text OPERATOR(pg_catalog.=) 'dts_intercept_ddl' AND e.evtenabled OPERATOR(pg_catalog.<>) 'D'",
        &[],
    )
    .map(|rows| rows > 0)
}

/// Under which names the subscriptions get rows, where that has to be asked.
#[derive(Default)]
struct Senders(HashMap<u32, Option<Sent>>);

enum Sent {
    /// Of partitions, each under its own name.
    Parts,
    /// Also under that of a table that they belong to.
    Names(HashSet<(String, String)>),
}

impl Senders {
    /// `None` where the publisher cannot be reached.
    fn of(&mut self, subscription: Oid) -> Result<Option<&Sent>, Failure> {
        let known = match self.0.entry(subscription.to_u32()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(ask(subscription)?),
        };
        Ok(known.as_ref())
    }
}

fn ask(subscription: Oid) -> Result<Option<Sent>, Failure> {
    let publisher = Publisher::of_subscription(subscription).0;
    Ok(match source::publishes_via_root(&publisher)? {
        None => None,
        Some(false) => Some(Sent::Parts),
        Some(true) => source::published_tables(&publisher)?
            .map(|tables| Sent::Names(tables.into_iter().collect())),
    })
}

fn copy_one(
    worker: &Worker,
    table: Oid,
    role: Role,
    senders: &mut Senders,
) -> Result<bool, Failure> {
    // Its rows may come under the name of a table that it is a partition of, or of its own partitions.
    let mut names = copy::above(table)?;
    names.extend(copy::with_parts(table)?);
    if names.iter().any(|&name| copies::begins_at_commit(name)) {
        return Ok(true);
    }
    let brings = |&name: &Oid| {
        let by = subscription::subscriptions_of(name).into_iter();
        by.map(move |by| (by, name))
    };
    let mut brought: Vec<(Oid, Oid)> = names.iter().flat_map(brings).collect();
    if names.len() > 1 {
        let entered = std::mem::take(&mut brought);
        let mut subscriptions: Vec<Oid> = entered.iter().map(|&(by, _)| by).collect();
        subscriptions.sort_unstable_by_key(|by| by.to_u32());
        subscriptions.dedup();
        for by in subscriptions {
            let of_this = entered.iter().filter(|entry| entry.0 == by).copied();
            let Some(sent) = senders.of(by)? else {
                return Ok(false);
            };
            brought.extend(really_brought(of_this.collect(), sent));
        }
    }
    if brought.is_empty() {
        return Ok(false);
    }
    let mut emptied = Vec::new();
    for &(by, name) in &brought {
        let described = subscription::describe(by).0;
        let parts = copy::with_parts(name)?;
        // The copy would run code of the table's owner (indexes, checks, domains) with the rights of the subscription's.
        let of_superuser = |&part: &Oid| Role::owner_of(part).is_superuser();
        if described.two_phase || described.runs_as_owner && !parts.iter().all(of_superuser) {
            return Ok(false);
        }
        emptied.extend(parts);
    }
    // in one order, whatever is locked besides
    emptied.sort_unstable_by_key(|part| part.to_u32());
    emptied.dedup();
    if !emptied.iter().all(|&part| role.owns_relation(part)) {
        return Ok(false);
    }
    for &part in &emptied {
        empty::lock(part);
    }
    for &part in emptied
        .iter()
        .filter(|&&part| !lookup::is_partitioned(part))
    {
        empty::remove_rows(part)?;
    }
    for (by, name) in brought {
        copies::again(worker, by, name);
    }
    Ok(true)
}

/// A subscription has tables and their partitions; rows come for one or the other. Those higher up are first.
fn really_brought(entered: Vec<(Oid, Oid)>, sent: &Sent) -> Vec<(Oid, Oid)> {
    let is_sent = |&&(_, table): &&(Oid, Oid)| match sent {
        Sent::Parts => !lookup::is_partitioned(table),
        Sent::Names(names) => lookup::schema_of_relation(table)
            .zip(lookup::relation_name(table))
            .is_some_and(|name| names.contains(&name)),
    };
    let found: Vec<_> = entered.iter().filter(is_sent).copied().collect();
    match sent {
        // it has another name there by now
        Sent::Names(_) if found.is_empty() => entered.into_iter().take(1).collect(),
        _ => found,
    }
}
