//! Indexes that were left invalid by a concurrent build become valid by whatever builds them anew: other servers have them only
//! from then on, so each gets a row of its own, a CREATE INDEX; comments that such indexes got meanwhile get rows, too.
//!
//! Written behind the row of the command that did it, in the same transaction; commands that go through many tables, and commit for
//! each, before each commit. What a command finds valid already on its table (it was done by a session without the library, or the
//! row could not be written) is told before the command itself, which may rely on it; what it finds on others, before it commits,
//! a portion at a time.
//! Not promised: a row before the next command about an index, where a session without the library did it.

use crate::capture::context::Context;
use crate::capture::in_progress;
use crate::capture::row::{self, Row};
use crate::capture::started::Started;
use crate::capture::untold::{self, Found};
use crate::capture::{names, recording, stored_text};
use crate::document::{Object, Operation, Original};
use crate::error::Failure;
use crate::pg::catalog::role::Role;
use crate::pg::catalog::{inheritance, lookup};
use crate::pg::command::index::{self, Untold};
use crate::pg::command::node::ParseTree;
use crate::pg::command::source::Source;
use crate::pg::runtime::memory;
use crate::pg::runtime::{session, transaction};
use crate::pg::runtime::{subtransaction, text};
use pgrx::pg_sys::Oid;
use std::collections::BTreeMap;

/// Whether other servers may lack an index that was dropped.
pub fn drops_missing(found: &Found) -> bool {
    found.drops_invalid()
        || in_progress::with_dropped_indexes(|dropped| dropped.iter().any(|i| i.is_untold))
}

/// What has become valid, or stands for an untold one that was dropped.
fn made_valid(found: &Found, made: &[Oid]) -> Vec<Oid> {
    let valid = found
        .untold()
        .iter()
        .filter(|untold| untold.is_made_valid_here());
    let mut indexes: Vec<Oid> = valid.map(Untold::oid).collect();
    in_progress::with_dropped_indexes(|dropped| {
        let untold = dropped.iter().filter(|index| index.is_untold);
        indexes.extend(untold.filter_map(|index| index::named(made, &index.name)));
    });
    indexes
}

/// Whether a DROP INDEX has dropped only what other servers lack.
pub fn drops_untold_alone(tree: ParseTree) -> bool {
    index::is_drop(tree)
        && in_progress::with_dropped_indexes(|dropped| {
            !dropped.is_empty() && dropped.iter().all(|index| index.is_untold)
        })
}

/// Whether there may be something to record.
pub fn is_concerned(started: &Started) -> bool {
    !started.found.is_empty()
        || started.found.copies_indexes()
        || in_progress::with_dropped_indexes(|dropped| dropped.iter().any(|i| i.is_untold))
}

/// Writes the rows of those that are valid now.
pub fn record(started: &Started, source: &Source) -> Result<(), Failure> {
    // Where an index of the partitioned table is made, or a table becomes a partition, other servers make what is missing.
    if started.tree.command_tag() != "ALTER INDEX" {
        let attached = started
            .found
            .untold()
            .iter()
            .filter(|u| u.is_attached_since());
        attached.for_each(|untold| index::is_told(untold.oid()));
    }
    let made = in_progress::made();
    let mut indexes = made_valid(&started.found, &made);
    indexes.extend(started.found.copies(&made));
    record_earlier(started, source, &indexes)?;
    write_comments_of_alike(started, source, &made)
}

/// The same before the command runs.
pub fn record_earlier(started: &Started, source: &Source, indexes: &[Oid]) -> Result<(), Failure> {
    indexes
        .iter()
        .try_for_each(|&index| write(started, source, index))
}

/// The transaction is about to commit. Nobody waits for it then, nor does it wait for anybody, and what fails here is not its own
/// failure. Where no statement runs it is none of the user's: a session that waits for him catches up with the catalogs in one, and
/// an error would end it (postgres.c: ProcessClientReadInterrupt).
pub fn before_commit() {
    if !untold::may_be_left()
        || !session::runs_a_statement()
        || transaction::is_read_only()
        || !memory::has_reserve()
    {
        return;
    }
    let told = subtransaction::attempt(|| {
        if recording::is_on() {
            tell_of_valid();
        }
        Ok(())
    });
    if let Err(failure) = told {
        report_untold(&failure);
    }
}

fn tell_of_valid() {
    let untold = index::untold();
    let mut valid = untold.iter().filter(|untold| untold.is_valid());
    let mut is_left = in_progress::is_any();
    for untold in valid.by_ref().take(untold::MOST_AT_ONCE) {
        let tell = || {
            let index = if untold.is_made_valid_here() {
                Some(untold.oid())
            } else {
                untold.valid_and_locked()
            };
            let Some(index) = index else { return Ok(false) };
            write_index(&Context::of_session(false), None, index).map(|()| true)
        };
        let told = subtransaction::attempt(tell).inspect_err(report_untold);
        is_left |= !told.unwrap_or(false);
    }
    untold::note_left(is_left || valid.next().is_some());
}

fn report_untold(failure: &Failure) {
    crate::error::log_gap(failure, "CREATE INDEX, of an index that has become valid");
}

fn write(started: &Started, source: &Source, index: Oid) -> Result<(), Failure> {
    write_index(&started.context, Some(original(started, source)?), index)
}

fn original(started: &Started, source: &Source) -> Result<Original, Failure> {
    let tag = started.tree.command_tag();
    let sent = stored_text::exact(source, tag, started.context.standard_conforming_strings)?;
    Ok(Original::new(tag, &sent))
}

fn write_index(context: &Context, original: Option<Original>, index: Oid) -> Result<(), Failure> {
    index::is_told(index);
    let (Some(statement), Some(about)) = (
        index::definition_if_not_exists(index),
        About::index(index, context, original),
    ) else {
        return Ok(());
    };
    about.write(&statement, "CREATE INDEX", Operation::Create)?;
    let parent = inheritance::parent_of_index(index).and_then(lookup::qualified_relation_name);
    if let Some(parent) = parent {
        let statement = format!("ALTER INDEX {parent} ATTACH PARTITION {}", about.identity);
        about.write(&statement, "ALTER INDEX", Operation::Alter)?;
    }
    match index::comment(index) {
        Some(comment) => about.write_comment(Some(&comment)),
        None => Ok(()),
    }
}

/// The comments that other sessions have given to indexes while these were built concurrently.
pub fn record_comments(started: &Started, source: &Source, indexes: &[Oid]) -> Result<(), Failure> {
    for &index in indexes {
        if let Some(comment) = index::comment(index) {
            write_comment(started, source, index, Some(&comment))?;
        }
    }
    Ok(())
}

fn write_comment(
    started: &Started,
    source: &Source,
    index: Oid,
    comment: Option<&str>,
) -> Result<(), Failure> {
    match About::index(index, &started.context, Some(original(started, source)?)) {
        Some(about) => about.write_comment(comment),
        None => Ok(()),
    }
}

/// Of indexes that say the same, copied to a new table by LIKE, another server may give each the name, and the comment, of
/// another: so there are rows for their comments, where these are not all the same.
fn write_comments_of_alike(
    started: &Started,
    source: &Source,
    made: &[Oid],
) -> Result<(), Failure> {
    if !started.found.copies_indexes() {
        return Ok(());
    }
    let copies = made
        .iter()
        .filter(|&&index| untold::is_of_new_table(index, made));
    let copies: Vec<(Oid, Option<String>)> = copies
        .map(|&index| (index, index::comment(index)))
        .collect();
    if copies.iter().all(|(_, comment)| comment.is_none()) {
        return Ok(());
    }
    let mut alike = BTreeMap::<_, Vec<(Oid, Option<String>)>>::new();
    for copy in copies {
        alike
            .entry(index::definition_without_name(copy.0))
            .or_default()
            .push(copy);
    }
    alike
        .into_values()
        .filter(|alike| alike.iter().any(|(_, comment)| *comment != alike[0].1))
        .flatten()
        .try_for_each(|(index, comment)| write_comment(started, source, index, comment.as_deref()))
}

/// Rows about an index that a command has not named.
struct About<'a> {
    context: &'a Context,
    original: Option<Original>,
    index: Oid,
    identity: String,
}

impl<'a> About<'a> {
    /// `None` where it is gone.
    fn index(index: Oid, context: &'a Context, original: Option<Original>) -> Option<Self> {
        let identity = lookup::qualified_relation_name(index)?;
        Some(About {
            context,
            original,
            index,
            identity,
        })
    }

    fn write(&self, statement: &str, tag: &str, op: Operation) -> Result<(), Failure> {
        let object = Object {
            op,
            object_type: "index".into(),
            identity: Some(self.identity.clone()),
            schema: lookup::schema_of_relation(self.index),
            name: lookup::relation_name(self.index),
            original: None,
        };
        let mut message = row::document(self.context, vec![object]);
        message.original = self.original.clone();
        if op == Operation::Create {
            message.made.extend(names::described(self.index, true));
        }
        // PostgreSQL read no text, and ran the index's code as its owner.
        message.run_as = self.context.run_as(Role::owner_of(self.index));
        row::write(Row {
            ddl_text: &crate::pg::runtime::text::encode(statement),
            tag,
            context: self.context,
            main: Some(0),
            message,
        })
    }

    fn write_comment(&self, comment: Option<&str>) -> Result<(), Failure> {
        let constant = comment.map_or_else(|| "NULL".to_owned(), text::quote_literal);
        let statement = format!("COMMENT ON INDEX {} IS {constant}", self.identity);
        self.write(&statement, "COMMENT", Operation::Alter)
    }
}
