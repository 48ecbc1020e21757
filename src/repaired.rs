//! Indexes that were left invalid by a concurrent build become valid by whatever builds them anew: other servers have them only
//! from then on, so each gets a row of its own, a CREATE INDEX.
//!
//! Written behind the row of the command that did it. What a command finds valid already on its table (it was done by a session
//! without the library, or the row could not be written) is told before the command itself, which may rely on it.
//! Not promised: a row before the next command about that table, where a session without the library did it.

use crate::context::Context;
use crate::error::Failure;
use crate::in_progress::{self, Started};
use crate::message::{Message, Object, Operation};
use crate::pg::catalog;
use crate::pg::index::{self, Untold};
use crate::pg::node::ParseTree;
use crate::pg::publisher;
use crate::pg::source::Source;
use crate::row::{self, Row};
use crate::{capture, text};
use pgrx::pg_sys::Oid;

/// What a command finds.
#[derive(Default)]
pub struct Found {
    untold: Vec<Untold>,
    /// What the command names.
    table: Option<Oid>,
    /// Of the indexes that a CREATE TABLE (LIKE ..) copies, in order.
    in_likes: Vec<bool>,
    /// How many a DROP INDEX names, how many of them are untold, and how many invalid.
    dropped: (usize, usize, usize),
    /// It is a REINDEX INDEX of one of them.
    is_reindexed_alone: bool,
}

impl Found {
    /// To be asked before the command runs, under the user's search_path.
    pub fn of(tree: ParseTree) -> Self {
        if !index::may_concern(tree) {
            return Found::default();
        }
        let untold = index::untold();
        let dropped = index::dropped_and_missing(tree, &untold);
        if untold.is_empty() {
            return Found {
                dropped,
                ..Found::default()
            };
        }
        Found {
            table: index::named_table(tree),
            in_likes: index::untold_in_likes(tree, &untold),
            is_reindexed_alone: untold
                .iter()
                .any(|untold| index::is_reindexed_alone(tree, untold.oid())),
            dropped,
            untold,
        }
    }

    pub fn is_untold(&self, index: Oid) -> bool {
        self.untold.iter().any(|untold| untold.is(index))
    }

    /// Whether other servers may lack an index that is to be dropped.
    pub fn drops_missing(&self) -> bool {
        self.dropped.1 > 0 || self.dropped.2 > 0
    }

    /// Whether they lack all of them.
    pub fn drops_nothing_else(&self) -> bool {
        self.dropped.0 > 0 && self.dropped.0 == self.dropped.1
    }

    pub fn is_empty(&self) -> bool {
        self.untold.is_empty()
    }

    /// Its own row would be of an index that other servers have only by the row that tells of it.
    pub fn is_reindexed_alone(&self) -> bool {
        self.is_reindexed_alone
    }

    /// Rows tell of these now.
    pub fn forget(&mut self, indexes: &[Oid]) {
        self.untold
            .retain(|untold| !indexes.contains(&untold.oid()));
    }

    /// What is valid before the command begins, of the table that it names.
    pub fn valid_already(&self) -> Vec<Oid> {
        let of_table = |untold: &&Untold| {
            untold.is_valid() && self.table.is_some() && index::table_of(untold.oid()) == self.table
        };
        let of_table = self.untold.iter().filter(of_table);
        of_table.filter_map(Untold::valid_and_locked).collect()
    }

    /// What has become valid.
    fn made_valid(&self, tree: ParseTree, made: &[Oid]) -> Vec<Oid> {
        let commits_amid = index::commits_amid(tree);
        let valid = |untold: &Untold| {
            untold
                .made_valid_here(made)
                .or_else(|| commits_amid.then(|| untold.valid_and_locked())?)
        };
        self.untold.iter().filter_map(valid).collect()
    }
}

/// Writes the rows of those that are valid now.
pub fn record(started: &Started, source: &Source) -> Result<(), Failure> {
    let made = in_progress::made();
    let mut indexes = started.found.made_valid(started.tree, &made);
    indexes.extend(copies(started, &made));
    record_earlier(started, source, &indexes)
}

/// The copies that a CREATE TABLE (LIKE ..) has made of untold indexes.
pub fn copies(started: &Started, made: &[Oid]) -> Vec<Oid> {
    let in_likes = &started.found.in_likes;
    if in_likes.is_empty() {
        return Vec::new();
    }
    made.iter()
        .copied()
        .filter(|&index| is_of_new_table(index, made))
        .zip(in_likes)
        .filter(|(_, is_untold)| **is_untold)
        .map(|(index, _)| index)
        .collect()
}

fn is_of_new_table(index: Oid, made: &[Oid]) -> bool {
    index::table_of(index).is_some_and(|table| made.contains(&table) && !catalog::is_toast(table))
}

/// The same before the command runs.
pub fn record_earlier(started: &Started, source: &Source, indexes: &[Oid]) -> Result<(), Failure> {
    indexes
        .iter()
        .try_for_each(|&index| write(started, source, index))
}

fn write(started: &Started, source: &Source, index: Oid) -> Result<(), Failure> {
    index::is_told(index);
    // Of a partitioned table's index: other servers have made it with that.
    if index::is_partition(index) {
        return Ok(());
    }
    let (Some(statement), Some(identity)) = (
        index::definition_if_not_exists(index),
        catalog::qualified_relation_name(index),
    ) else {
        return Ok(());
    };
    let tag = started.tree.command_tag();
    let sent = text::exact(source, &tag, started.context.standard_conforming_strings)?;
    let object = |op| Object {
        op,
        object_type: "index".to_owned(),
        identity: Some(identity.clone()),
        schema: catalog::schema_of_relation(index),
        name: catalog::relation_name(index),
        original: None,
    };
    let write = |statement: &str, written_tag: &str, op| {
        let mut message = message(&started.context, object(op));
        message.original = Some(capture::as_sent(&tag, &sent));
        // PostgreSQL read no text, and ran the index's code as its owner.
        message.run_as = capture::run_as_another(index::owner(index), &started.context);
        row::write(Row {
            ddl_text: &crate::pg::text::encode(statement),
            tag: written_tag,
            context: &started.context,
            object_type: Some("index"),
            object_name: Some(&identity),
            message,
        })
    };
    write(&statement, "CREATE INDEX", Operation::Create)?;
    if let Some(comment) = index::comment(index) {
        let constant = publisher::quote_literal(&comment);
        let statement = format!("COMMENT ON INDEX {identity} IS {constant}");
        write(&statement, "COMMENT", Operation::Alter)?;
    }
    Ok(())
}

fn message(context: &Context, object: Object) -> Message<'_> {
    capture::message(context, vec![object], Default::default())
}
