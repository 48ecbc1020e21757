//! What capture did on the source beside the statement: replica identity; new tables take part in the subscription.
//!
//! A table that the command made is entered as ready: its rows follow in the stream, from the first one on. A table that was
//! there already and is published only now (SET LOGGED, ATTACH PARTITION, SET SCHEMA) has rows that the stream never carried:
//! it is entered as one to be copied. So is a table made by a command that came with the initial copy of the capture table.

use super::recorded::Command;
use super::script_rows;
use crate::document::{Document, Published};
use crate::error::Failure;
use crate::pg::catalog::lookup::{self, Oid};
use crate::pg::catalog::role::{self, Role};
use crate::pg::replication::subscription::{TableState, Worker};
use crate::pg::replication::{copies, empty, identity};
use crate::pg::runtime::report;
use pgrx::prelude::*;
use std::collections::HashSet;

/// Commands whose script fills tables of its own; the same rows come through the stream.
const WITH_SCRIPT: [&str; 2] = ["CREATE EXTENSION", "ALTER EXTENSION"];

/// Gives tables the replica identity that capture gave them on the source: those that the command made, or that its role owns.
pub fn follow_identities(document: &Document<'_>, made: &[Oid], role: Role) -> Result<(), Failure> {
    let mine = |name: &String| -> Result<Option<Oid>, Failure> {
        let table = lookup::relation_by_identity(name);
        Ok(table.filter(|table| made.contains(table) || role.owns_relation(*table)))
    };
    for name in &document.replica_identity {
        if let Some(table) = mine(name)? {
            identity::give_full(table);
        }
    }
    for name in &document.replica_identity_default {
        if let Some(table) = mine(name)? {
            identity::give_default(table);
        }
    }
    Ok(())
}

pub fn take_part(
    command: &Command,
    document: &Document<'_>,
    worker: &Worker,
    made: &[Oid],
    role: Role,
) -> Result<Option<String>, Failure> {
    follow_identities(document, made, role)?;
    let copied_again = super::rewritten::copy_again(document, worker, role)?;
    let subscribed: Vec<&Published> = document
        .published
        .iter()
        .filter(|entry| {
            entry
                .publications
                .iter()
                .any(|name| worker.publications.contains(name))
        })
        .collect();
    // A source that knows none of our publications is not the server that we subscribe to, but one that feeds it. It names some
    // with each command that makes tables; what another command makes here is nothing there.
    let relayed = !document.all_publications.is_empty()
        && !worker
            .publications
            .iter()
            .any(|name| document.all_publications.contains(name));
    let for_made = if worker.copying {
        TableState::ToBeCopied
    } else {
        TableState::Ready
    };
    let subscribed_tables = Subscribed::of(&subscribed);
    let mut filled_by_script = Vec::new();
    for &table in made {
        if relayed || subscribed_tables.has(table) {
            copies::enter(worker, table, copied_once(table, for_made));
            if WITH_SCRIPT.contains(&command.tag.as_str()) {
                filled_by_script.push(table);
            }
        }
    }
    if !filled_by_script.is_empty() {
        // The rows that the source's script wrote follow in the stream.
        let keeps = !worker.copying && script_rows::keep(&filled_by_script)?;
        if !keeps {
            role::with_rights_of(role, || empty::truncate(&filled_by_script))?;
        }
    }
    let (mut copied, mut strange, mut no_tables) = (HashSet::new(), Vec::new(), Vec::new());
    for identity in subscribed.iter().filter_map(|entry| entry.table.as_ref()) {
        if let Some(table) = lookup::relation_by_identity(identity) {
            if !lookup::is_table(table) {
                no_tables.push(identity.as_str());
                continue;
            }
            if !made.contains(&table) && !role.owns_relation(table) {
                if copies::is_of(worker, table) {
                    // Rows of a table of this role would be written into somebody else's.
                    return Err(Failure::name_taken(identity));
                }
                strange.push(identity.as_str());
                continue;
            }
            let state = copied_once(table, TableState::ToBeCopied);
            if copies::enter(worker, table, state) && state == TableState::ToBeCopied {
                copied.insert(identity);
            }
        }
    }
    let strange = (!strange.is_empty()).then(|| {
        format!(
            "takes no part in the subscription, since it was here and is not the role's: {}",
            strange.join(", ")
        )
    });
    let no_tables = (!no_tables.is_empty()).then(|| {
        format!(
            "takes no part in the subscription, since here it is no table: {}",
            no_tables.join(", ")
        )
    });
    Ok(super::log::joined(
        super::log::joined(strange, no_tables),
        report_undecoded(command, document, &copied, &copied_again),
    ))
}

/// Of a partitioned table only the partitions are copied.
fn copied_once(table: Oid, state: TableState) -> TableState {
    if lookup::is_partitioned(table) {
        TableState::Ready
    } else {
        state
    }
}

/// The tables that the entries are about, so that each that was made is looked up among them, however many both are.
struct Subscribed<'a> {
    all: bool,
    tables: HashSet<&'a str>,
    schemas: HashSet<&'a str>,
}

impl<'a> Subscribed<'a> {
    fn of(entries: &[&'a Published]) -> Self {
        let of_several = || entries.iter().filter(|entry| entry.table.is_none());
        Subscribed {
            all: of_several().any(|entry| entry.schema.is_none()),
            tables: entries.iter().filter_map(|e| e.table.as_deref()).collect(),
            schemas: of_several().filter_map(|e| e.schema.as_deref()).collect(),
        }
    }

    fn has(&self, table: Oid) -> bool {
        self.all
            || lookup::qualified_relation_name(table)
                .is_some_and(|name| self.tables.contains(name.as_str()))
            || lookup::schema_of_relation(table)
                .is_some_and(|schema| self.schemas.contains(schema.as_str()))
    }
}

/// Rows that logical replication does not carry are told of by name, in the server log and in the note of the command.
fn report_undecoded(
    command: &Command,
    document: &Document<'_>,
    copied: &HashSet<&String>,
    copied_again: &HashSet<&String>,
) -> Option<String> {
    let (mut notes, mut missing) = (Vec::new(), false);
    for table in document
        .rewrites
        .iter()
        .filter(|rewrite| rewrite.is_to_be_copied())
        .map(|rewrite| &rewrite.table)
    {
        let is_copied = copied_again.contains(table);
        missing |= !is_copied;
        notes.push(if is_copied {
            format!("table {table} is copied again, since its rows were rewritten with a volatile expression")
        } else {
            format!("rows of table {table} were rewritten with a volatile expression and differ from the source's")
        });
    }
    for table in &document.undecoded_rows {
        let is_copied = copied.contains(table);
        missing |= !is_copied;
        notes.push(if is_copied {
            format!("table {table} is copied, since rows that it had on the source before are not in the stream")
        } else {
            format!("rows that table {table} had on the source before are not in the stream")
        });
    }
    if !missing {
        return (!notes.is_empty()).then(|| notes.join("; "));
    }
    let notes = notes.join("; ");
    report::emit(
        PgLogLevel::WARNING,
        PgSqlErrorCode::ERRCODE_WARNING,
        &format!("DDL command {} was applied, but {notes}", command.id),
        None,
        Some("Copy the rows of these tables from the source again."),
    );
    Some(notes)
}
