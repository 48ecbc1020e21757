//! When a command gets its row, and what a failure to write it means.

use crate::capture::in_progress;
use crate::capture::objects::{self, Before, Touched};
use crate::capture::started::{Recorded, Started};
use crate::capture::{published, recording, render};
use crate::capture::{repaired, short_lived, stored_text};
use crate::error::Failure;
use crate::guc::{self, OnError};
use crate::pg::catalog::lookup::{self, Address, Oid};
use crate::pg::command::event::{self, Collected, Dropped};
use crate::pg::command::node::KIND_OF_CREATE_INDEX;
use crate::pg::command::source::Source;
use crate::pg::command::{grant, index, temporary_type};
use crate::pg::replication::identity;
use crate::pg::runtime::memory::with_reserve;
use crate::pg::runtime::transaction;
use crate::pg::runtime::{session, subtransaction};
use crate::pg::store::sequence::{self, GAP_SEQUENCE};
use crate::pg::store::table;
use pgrx::prelude::PgSqlErrorCode;

/// What PostgreSQL collected for the command; `None` where it cannot tell. That happens on 13 when an object was made and
/// dropped in one command (later majors look objects up with missing_ok).
fn collected(tag: &'static str, started: &Started) -> Option<Vec<Collected>> {
    if session::MAJOR >= 14 || !tag.starts_with("ALTER ") && started.dropped.is_empty() {
        return Some(event::ddl_commands(tag));
    }
    match subtransaction::attempt(|| Ok(event::ddl_commands(tag))) {
        Ok(collected) => Some(collected),
        Err(failure) if failure.code == PgSqlErrorCode::ERRCODE_INTERNAL_ERROR => None,
        Err(failure) => failure.raise(),
    }
}

/// When a command is recorded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// Before its end, where something could be written that must come after its row. What fails is tried again.
    Early,
    /// At its end, for the last time.
    End,
}

/// Records a command, and the indexes that it has made valid; false if that failed and is to be tried again.
pub fn record(started: &mut Started, source: &Source, occasion: Occasion) -> bool {
    let is_index_built = occasion == Occasion::End
        && started.tree.kind() == KIND_OF_CREATE_INDEX
        && in_progress::is_building_concurrently();
    if is_index_built {
        in_progress::made().into_iter().for_each(index::settle);
    }
    let done = record_command(started, source, occasion);
    if occasion == Occasion::End {
        let is_told = matches!(started.recorded, Recorded::AtLevel(_));
        if is_told && started.tree.kind() == KIND_OF_CREATE_INDEX {
            let made = in_progress::made();
            made.iter().copied().for_each(index::is_told);
            if is_index_built {
                let tag = started.tree.command_tag();
                beside_the_row(tag, started, source, |started, source| {
                    repaired::record_comments(started, source, &made)
                });
            }
        }
        record_repaired(started, source);
    }
    done
}

/// Records the indexes that are valid only now, see [`crate::capture::repaired`].
fn record_repaired(started: &mut Started, source: &Source) {
    if !repaired::is_concerned(started) {
        return;
    }
    let tag = started.tree.command_tag();
    beside_the_row(tag, started, source, |started, source| {
        repaired::record(started, source)
    });
}

/// The same of those that are valid before the command runs.
pub fn record_repaired_earlier(started: &mut Started, source: &Source) {
    let indexes = started.found.valid_already();
    if indexes.is_empty() {
        return;
    }
    let tag = started.tree.command_tag();
    beside_the_row(tag, started, source, |started, source| {
        repaired::record_earlier(started, source, &indexes)
    });
    started.found.forget(&indexes);
}

fn record_command(started: &mut Started, source: &Source, occasion: Occasion) -> bool {
    if started.is_recorded() && started.tree.is_create_table_as() {
        return true;
    }
    // Nothing that another server has can depend on it.
    if started.tree.makes_temporary_table() {
        return true;
    }
    // Perhaps all that it does: the table had that identity already. Then this is what other servers have to be told.
    identity::note_choice(started.tree);
    let has_done_something = has_done_something(started);
    if !started.is_recorded() && !has_done_something {
        return true;
    }
    let tag = started.tree.command_tag();
    let (collected, told) = match collected(tag, started) {
        Some(collected) => (collected, true),
        None => (Vec::new(), false),
    };
    let before = Before {
        first_dropped: started.tree.first_dropped_name(),
        granted: &started.granted,
        grants_on_all: grant::is_on_all(started.tree),
    };
    let invalid_index = is_about_invalid_index(&collected, started);
    let short_lived = short_lived::are_all(&collected, &started.dropped);
    let names_temporary =
        short_lived::is_any(&collected, started.progress) || temporary_type::is_named(started.tree);
    let filled = render::filled_otherwise(&collected);
    let is_about_nothing = collected.is_empty() && started.dropped.is_empty();
    let mut touched = objects::touched(tag, collected, &started.dropped, &before);
    touched.invalid_index = invalid_index;
    touched.short_lived = short_lived;
    touched.names_temporary = names_temporary;
    let mut rewrites = render::rewrites(&started.rewrites, touched.volatile);
    rewrites.extend(filled);
    let wanted = !told || deserves_row(tag, is_about_nothing, started, &touched);
    if occasion == Occasion::End && wanted {
        render::warn_of_rewrites(&rewrites);
    }
    if started.is_recorded() {
        // Tables that came after the row was written, e.g. later elements of CREATE SCHEMA.
        return under_policy(tag, started, source, occasion, |started, _| {
            published::prepare(&touched, started).map(|_| ())
        });
    }
    let drops_temporary = !touched.temporary.is_empty() && !started.dropped.is_empty();
    if !wanted && !drops_temporary {
        return true;
    }
    under_policy(tag, started, source, occasion, |started, source| {
        if drops_temporary {
            render::write_dropped_with_temporary(tag, started, source)?;
        }
        if !wanted {
            return Ok(());
        }
        if !started.tree.is_create_table_as() {
            return render::write(tag, started, source, touched, rewrites, Vec::new());
        }
        match touched.new_tables.first().copied() {
            Some(table) => render::write_created_table(tag, started, source, table),
            None => Ok(()),
        }
    })
}

/// A transaction is about to commit. DROP INDEX CONCURRENTLY commits first that the index is no longer valid, then that nothing uses
/// it any more, and removes it at last; where that fails the index stays, but rows come that it would not have allowed. So its row
/// is written with the second. Then it is like an index that a failed build has left: another row tells of it if it is built anew.
pub fn before_commit() {
    in_progress::with_unrecorded(|started, source| {
        let Some(index) = started.drops_concurrently.filter(|_| recording::is_on()) else {
            return;
        };
        with_reserve(|| record_dead(started, source, index));
    });
}

fn record_dead(started: &mut Started, source: &Source, index: Oid) {
    transaction::command_counter_increment();
    let Some(dropped) =
        Dropped::alone(Address::relation(index)).filter(|_| index::has_died_here(index))
    else {
        return;
    };
    let tag = started.tree.command_tag();
    let mut touched = objects::touched(tag, Vec::new(), &[dropped], &Before::default());
    touched.short_lived = short_lived::is_known(Some(Address::relation(index)));
    under_policy(tag, started, source, Occasion::End, |started, source| {
        render::write(tag, started, source, touched, Vec::new(), Vec::new())?;
        index::note_untold(index);
        Ok(())
    });
}

/// Records a command for which PostgreSQL raises no event triggers.
pub fn record_without_event(started: &mut Started, source: &Source) {
    transaction::command_counter_increment();
    if let Some(command) = started.eventless.as_ref()
        && command.is_of_interest()
        && has_done_something(started)
    {
        let tag = started.tree.command_tag();
        let touched = objects::touched(
            tag,
            command.collected(tag),
            &command.dropped(),
            &Before::default(),
        );
        under_policy(tag, started, source, Occasion::End, |started, source| {
            render::write(tag, started, source, touched, Vec::new(), Vec::new())
        });
    }
    record_repaired(started, source);
}

/// Records a CREATE EXTENSION or ALTER EXTENSION .. UPDATE when its script, or that of an extension it requires, begins.
pub fn record_extension(started: &mut Started, source: &Source) {
    let Some(extension) = started.tree.extension_with_script() else {
        return;
    };
    if !recording::is_on() {
        return;
    }
    let tag = started.tree.command_tag();
    // A schema may have been made for it.
    let mut touched = objects::touched(tag, event::ddl_commands(tag), &[], &Before::default());
    touched.add_extension(tag, &extension);
    if touched.own_extension {
        return;
    }
    under_policy(tag, started, source, Occasion::Early, |started, source| {
        let published = published::of_extension();
        render::write(tag, started, source, touched, Vec::new(), published)
    });
}

/// Records a CREATE TABLE AS as soon as its table exists.
pub fn record_created_table(started: &mut Started, source: &Source) {
    if started.tree.makes_temporary_table() || !recording::is_on() {
        return;
    }
    let Some(table) = started.tree.created_relation().map(Address::relation) else {
        return;
    };
    let tag = started.tree.command_tag();
    under_policy(tag, started, source, Occasion::Early, |started, source| {
        render::write_created_table(tag, started, source, table)
    });
}

/// Records what an EXPLAIN ANALYZE has made, at its end. A table was recorded when it began to exist.
pub fn record_explained(started: &mut Started, source: &Source) {
    transaction::command_counter_increment();
    let view = started
        .tree
        .created_relation()
        .filter(|_| !started.tree.is_create_table_as() && has_done_something(started));
    if let Some(view) = view {
        let tag = started.tree.command_tag();
        let made = Collected::untold(tag, Address::relation(view));
        let made = made.into_iter().collect();
        let touched = objects::touched(tag, made, &[], &Before::default());
        under_policy(tag, started, source, Occasion::End, |started, source| {
            render::write(tag, started, source, touched, Vec::new(), Vec::new())
        });
    }
}

/// Whether the command wrote anything: IF (NOT) EXISTS that found nothing to do, or a change to what already was,
/// leaves the command counter where it stood.
fn has_done_something(started: &Started) -> bool {
    started
        .progress
        .is_none_or(|before| before != transaction::progress())
}

/// Whether the command changed an index that another server does not have, or attached an invalid one. (An index that is made or
/// rebuilt is valid at its end.)
fn is_about_invalid_index(collected: &[Collected], started: &Started) -> bool {
    let is_untold = |address: Address| started.found.is_untold(address.object);
    (started.attached.iter()).any(|&address| index::is_invalid(address) || is_untold(address))
        || (collected.iter()).any(|command| {
            let is_invalid = |address| command.object_type == "index" && index::is_invalid(address);
            (command.address).is_some_and(|address| is_untold(address) || is_invalid(address))
        })
}

fn deserves_row(tag: &str, is_about_nothing: bool, started: &Started, touched: &Touched) -> bool {
    if touched.own_extension || started.found.is_reindexed_alone() {
        return false;
    }
    if is_about_nothing {
        // Without its sql_drop trigger a DROP is recorded as well, though without the names of what it dropped.
        return render::WITHOUT_OBJECTS.contains(&tag)
            || tag.starts_with("DROP ") && !lookup::event_trigger_is_enabled(table::DROP_TRIGGER);
    }
    touched.permanent
}

/// Has `work` write the row, as `dts_ddl_capture.on_error` says: its failure is the command's, or is logged and counted. False
/// if it failed before the end of the command, where it is tried again.
fn under_policy(
    tag: &str,
    started: &mut Started,
    source: &Source,
    occasion: Occasion,
    work: impl FnOnce(&mut Started, &Source) -> Result<(), Failure>,
) -> bool {
    match guc::on_error() {
        OnError::Error => {
            if let Err(failure) = work(started, source) {
                failure.raise();
            }
        }
        OnError::Warning => {
            if let Err(failure) = subtransaction::attempt(|| work(started, source)) {
                if occasion == Occasion::Early {
                    return false;
                }
                note_gap(tag, started, source, &failure);
                started.recorded = Recorded::GivenUp;
                return true;
            }
        }
    }
    started.note_written();
    true
}

/// The same for rows that a command has beside its own: whether it has one itself does not change.
fn beside_the_row(
    tag: &str,
    started: &mut Started,
    source: &Source,
    work: impl FnOnce(&mut Started, &Source) -> Result<(), Failure>,
) {
    let recorded = started.recorded;
    under_policy(tag, started, source, Occasion::End, work);
    started.recorded = recorded;
}

/// A command goes through without a row: the server log gets all of it, and the gap is counted.
fn note_gap(tag: &str, started: &Started, source: &Source, failure: &Failure) {
    let conforming = started.context.standard_conforming_strings;
    let statement = stored_text::stored(source, tag, conforming, started.temporary_items.as_ref())
        .map(|text| crate::error::shown(&text.statement))
        .unwrap_or_else(|_| tag.to_owned());
    crate::error::log_gap(failure, &statement);
    if let Err(uncounted) =
        subtransaction::attempt(|| sequence::advance_sequence(GAP_SEQUENCE).map(|_| ()))
    {
        crate::error::log_gap(&uncounted, "the gap could not be counted");
    }
}
