//! Names that the server chose: of indexes, with the constraints that they are for, and of sequences.
//!
//! PostgreSQL takes the first that is free (indexcmds.c: ChooseRelationName). Where something was in the way it ends in a
//! number, and another server, where that may not be (an index that only a concurrent build has left here), would choose
//! another. So the row has the names of all that the command has made, once one of them ends in a digit and is not in its text.
//! Where several are alike it does not matter which has which; those that another server may make later
//! ([`crate::capture::repaired`]) come last. With CREATE TABLE (LIKE .. INCLUDING INDEXES) the list is always there: what
//! another session makes while it runs may be copied elsewhere.
//! Not promised: names of constraints without an index, and of statistics.

use crate::capture::in_progress;
use crate::capture::objects::Touched;
use crate::capture::started::Started;
use crate::document::{Made, Object, Operation};
use crate::pg::catalog::lookup::{self, Oid};
use crate::pg::command::index;
use crate::pg::command::node::{KIND_OF_REFRESH, KIND_OF_REINDEX};
use std::collections::HashSet;

/// What the command has made, in order, where its names are worth telling. `statement` is its text.
pub fn chosen(started: &Started, touched: &Touched, statement: &[u8]) -> Vec<Made> {
    let mut words = None;
    let mut by_server = |name: &str| {
        let name = crate::pg::runtime::text::encode(name);
        name.last().is_some_and(u8::is_ascii_digit)
            && !words
                .get_or_insert_with(|| words_of(statement))
                .contains(&*name)
    };
    // Of most new tables the objects say it, for nothing.
    let copies_indexes = started.found.copies_indexes();
    if !copies_indexes && started.tree.makes_table_alone() {
        let mut is_chosen = |object: &Object| {
            object.op == Operation::Create
                && matches!(&*object.object_type, "index" | "sequence")
                && object.name.as_deref().is_some_and(&mut by_server)
        };
        if !touched.objects.iter().any(&mut is_chosen) {
            return Vec::new();
        }
    }
    // What stands for LIKE of a temporary table does not make all of them. What is built anew has its name (REINDEX CONCURRENTLY
    // makes another index, and gives it the name of the first), and so has what is filled anew.
    let is_made_anew_alone = [KIND_OF_REINDEX, KIND_OF_REFRESH].contains(&started.tree.kind());
    if !started.likes.is_empty() || is_made_anew_alone {
        return Vec::new();
    }
    let made = in_progress::made();
    // Names first: a definition is more work than all else of the row.
    let mut is_chosen = |&relation: &Oid| {
        (lookup::name_of_made(relation))
            .is_some_and(|name| by_server(&name) && !is_made_anew(&name))
            && is_described(relation)
    };
    if !copies_indexes && !made.iter().any(&mut is_chosen) {
        return Vec::new();
    }
    let copies = started.found.copies(&made);
    let mut made: Vec<Made> = made
        .into_iter()
        .filter_map(|relation| described(relation, copies.contains(&relation)))
        .filter(|made| !is_made_anew(&made.name))
        .collect();
    made.sort_by_key(|made| made.later);
    made
}

/// Whether [`described`] says anything of a relation.
fn is_described(relation: Oid) -> bool {
    lookup::is_sequence(relation) || table_of_index(relation).is_some()
}

/// The table of an index, but for TOAST tables.
fn table_of_index(relation: Oid) -> Option<Oid> {
    index::table_of(relation).filter(|&table| !lookup::is_toast(table))
}

/// An ALTER TABLE makes some indexes anew, by their names.
fn is_made_anew(name: &str) -> bool {
    in_progress::with_dropped_indexes(|dropped| dropped.iter().any(|index| index.name == name))
}

/// What may be names in a text. One that is missing costs a list of names, no more.
fn words_of(text: &[u8]) -> HashSet<&[u8]> {
    text.split(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80))
        .collect()
}

/// A relation, if it is one with such a name.
pub fn described(relation: Oid, later: bool) -> Option<Made> {
    if lookup::is_sequence(relation) {
        return Some(Made {
            object_type: "sequence".into(),
            table: None,
            name: lookup::relation_name(relation)?,
            definition: None,
            later,
        });
    }
    let table = table_of_index(relation)?;
    Some(Made {
        object_type: "index".into(),
        table: Some(lookup::qualified_relation_name(table)?),
        name: lookup::relation_name(relation)?,
        definition: index::definition_without_name(relation),
        later,
    })
}
