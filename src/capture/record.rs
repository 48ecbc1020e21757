//! What is recorded of a command, and what a failure to record it means.

use crate::capture::context::Context;
use crate::capture::in_progress::{self, Recorded, Rewrite, Started};
use crate::capture::joined_table::{self, Undecoded};
use crate::capture::new_table::{self, Prepared};
use crate::capture::objects::{self, Local, Touched};
use crate::capture::row::{self, Row};
use crate::capture::{
    create_table, names, repaired, replayable, replica_identity, restore, short_lived, stored_text,
};
use crate::document::{
    Document, Object, Operation, Original, Published, ROLE_DROPPED, RunAs, TableRewrite, VERSION,
};
use crate::error::Failure;
use crate::guc::{self, OnError};
use crate::pg::catalog::lookup::{self, Address};
use crate::pg::catalog::rights;
use crate::pg::catalog::role::Role;
use crate::pg::command::event::{self, Collected};
use crate::pg::command::eventless::Eventless;
use crate::pg::command::node::KIND_OF_CREATE_INDEX;
use crate::pg::command::source::Source;
use crate::pg::command::{index, parser, partition, temporary_type};
use crate::pg::replication::publication;
use crate::pg::runtime::{report, session, subtransaction};
use crate::pg::store::sequence::{self, GAP_SEQUENCE};
use crate::pg::store::table;
use pgrx::prelude::*;
use std::borrow::Cow;

/// Commands that may take effect without dropping or altering an object that PostgreSQL reports.
const WITHOUT_OBJECTS: [&str; 2] = ["DROP OWNED", "REASSIGN OWNED"];

/// What PostgreSQL collected for the command; `None` where it cannot tell. That happens on 13 when an object was made and
/// dropped in one command (later majors look objects up with missing_ok).
fn collected(tag: &str, started: &Started) -> Option<Vec<Collected>> {
    if session::MAJOR < 14 && (tag.starts_with("ALTER ") || !started.dropped.is_empty()) {
        return subtransaction::attempt(|| Ok(event::ddl_commands())).ok();
    }
    Some(event::ddl_commands())
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
                beside_the_row(&tag, started, source, |started, source| {
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
    beside_the_row(&tag, started, source, |started, source| {
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
    beside_the_row(&tag, started, source, |started, source| {
        repaired::record_earlier(started, source, &indexes)
    });
    started.found.forget(&indexes);
}

fn record_command(started: &mut Started, source: &Source, occasion: Occasion) -> bool {
    if started.is_recorded() && started.tree.is_create_table_as() {
        return true;
    }
    let has_done_something = has_done_something(started);
    // Perhaps all that it does: the table had that identity already.
    replica_identity::note_choice(started);
    if !started.is_recorded() && !has_done_something {
        return true;
    }
    let tag = started.tree.command_tag();
    let (collected, told) = match collected(&tag, started) {
        Some(collected) => (collected, true),
        None => (Vec::new(), false),
    };
    let first_dropped = started.tree.first_dropped_name();
    let mut touched =
        objects::touched(&tag, &collected, &started.dropped, first_dropped.as_deref());
    touched.invalid_index = is_about_invalid_index(&collected, started);
    touched.short_lived = short_lived::are_all(&collected, &started.dropped);
    touched.names_temporary =
        short_lived::is_any(&collected, started.progress) || temporary_type::is_named(started.tree);
    let rewrites = rewrites(&started.rewrites, touched.volatile);
    let is_recorded = !told || is_recorded(&tag, &collected, started, &touched);
    if occasion == Occasion::End && is_recorded {
        warn_of_rewrites(&rewrites);
    }
    if started.is_recorded() {
        // Tables that came after the row was written, e.g. later elements of CREATE SCHEMA.
        return under_policy(&tag, started, source, occasion, |started, _| {
            joined_table::prepare(&touched, started).map(|_| ())
        });
    }
    let drops_temporary = !touched.temporary.is_empty() && !started.dropped.is_empty();
    if !is_recorded && !drops_temporary {
        return true;
    }
    under_policy(&tag, started, source, occasion, |started, source| {
        if drops_temporary {
            write_dropped_with_temporary(&tag, started, source)?;
        }
        if !is_recorded {
            return Ok(());
        }
        if !started.tree.is_create_table_as() {
            return write(&tag, started, source, touched, rewrites, Vec::new());
        }
        match touched.new_tables.first().copied() {
            Some(table) => write_created_table(&tag, started, source, table),
            None => Ok(()),
        }
    })
}

/// Whether this database records commands: the setting, and the event trigger that consumers know by name.
/// To be asked where no event trigger has called us.
pub fn is_on() -> bool {
    guc::enabled()
        && session::fires_ordinary_triggers()
        && !event::in_binary_upgrade()
        && !restore::is_running()
        && lookup::event_trigger_is_enabled(table::MAIN_TRIGGER)
        && lookup::extension_exists(table::EXTENSION)
}

/// Records a command for which PostgreSQL raises no event triggers.
pub fn record_without_event(started: &mut Started, source: &Source) {
    session::command_counter_increment();
    if let Some(command) = started.eventless.as_ref()
        && command.is_of_interest()
        && has_done_something(started)
    {
        let tag = started.tree.command_tag();
        let touched = objects::touched(&tag, &command.collected(&tag), &command.dropped(), None);
        under_policy(&tag, started, source, Occasion::End, |started, source| {
            write(&tag, started, source, touched, Vec::new(), Vec::new())
        });
    }
    record_repaired(started, source);
}

/// Records a CREATE EXTENSION or ALTER EXTENSION .. UPDATE when its script, or that of an extension it requires, begins.
pub fn record_extension(started: &mut Started, source: &Source) {
    let Some(extension) = started.tree.extension_with_script() else {
        return;
    };
    if !is_on() {
        return;
    }
    let tag = started.tree.command_tag();
    // A schema may have been made for it.
    let mut touched = objects::touched(&tag, &event::ddl_commands(), &[], None);
    touched.add_extension(&tag, &extension);
    if touched.own_extension {
        return;
    }
    under_policy(&tag, started, source, Occasion::Early, |started, source| {
        let published = joined_table::of_extension();
        write(&tag, started, source, touched, Vec::new(), published)
    });
}

/// Records a CREATE TABLE AS as soon as its table exists.
pub fn record_created_table(started: &mut Started, source: &Source) {
    if !is_on() {
        return;
    }
    let Some(table) = created_table(started) else {
        return;
    };
    let tag = started.tree.command_tag();
    under_policy(&tag, started, source, Occasion::Early, |started, source| {
        write_created_table(&tag, started, source, table)
    });
}

fn created_table(started: &Started) -> Option<Address> {
    started.tree.created_relation().map(Address::relation)
}

/// Records what an EXPLAIN ANALYZE has made, at its end. A table was recorded when it began to exist.
pub fn record_explained(started: &mut Started, source: &Source) {
    session::command_counter_increment();
    let view = started
        .tree
        .created_relation()
        .filter(|_| !started.tree.is_create_table_as() && has_done_something(started));
    if let Some(view) = view {
        let tag = started.tree.command_tag();
        let made = Collected::untold(&tag, Address::relation(view));
        let touched = objects::touched(&tag, made.as_slice(), &[], None);
        under_policy(&tag, started, source, Occasion::End, |started, source| {
            write(&tag, started, source, touched, Vec::new(), Vec::new())
        });
    }
}

/// Whether the command wrote anything: IF [NOT] EXISTS that found nothing to do, or a change to what already was,
/// leaves the command counter where it stood.
fn has_done_something(started: &Started) -> bool {
    started
        .progress
        .is_none_or(|before| before != session::progress())
}

/// Whether the command changed an index that another server does not have, or attached an invalid one. (An index that is made or
/// rebuilt is valid at its end.)
fn is_about_invalid_index(collected: &[Collected], started: &Started) -> bool {
    let changed = collected.iter().filter_map(|command| command.address);
    started
        .attached
        .iter()
        .copied()
        .chain(changed)
        .any(|address| index::is_invalid(address) || started.found.is_untold(address.object))
}

fn is_recorded(tag: &str, collected: &[Collected], started: &Started, touched: &Touched) -> bool {
    if touched.own_extension || started.found.is_reindexed_alone() {
        return false;
    }
    if collected.is_empty() && started.dropped.is_empty() {
        // Without its sql_drop trigger a DROP is recorded as well, though without the names of what it dropped.
        return WITHOUT_OBJECTS.contains(&tag)
            || tag.starts_with("DROP ") && !lookup::event_trigger_is_enabled(table::DROP_TRIGGER);
    }
    touched.permanent
}

/// Has `work` write the row, as `dts_ddl_capture.on_error` says: its failure is the command's, or is logged and counted. False if it
/// failed before the end of the command, where it is tried again.
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

fn write(
    tag: &str,
    started: &Started,
    source: &Source,
    mut touched: Touched,
    rewrites: Vec<TableRewrite>,
    published: Vec<Published>,
) -> Result<(), Failure> {
    let conforming = started.context.standard_conforming_strings;
    let mut text = stored_text::stored(source, tag, conforming, started.temporary_items.as_ref())?;
    let mut unreadable = None;
    if let Some(instead) = replayable::instead(started, &touched, &text.statement) {
        if instead.statement != text.statement {
            let sent = std::mem::replace(&mut text.statement, instead.statement);
            text.original.get_or_insert(sent);
        }
        unreadable = instead.reason;
        if let Some(left_out) = instead.left_out {
            touched.names_temporary &= unreadable.is_some();
            touched.temporary.extend(left_out);
        }
    }
    let run_as = started
        .detached_from
        .and_then(partition::author_of_constraint);
    if is_read_otherwise(&text.statement, conforming) {
        unreadable = Some(READ_OTHERWISE);
    }
    let joined = joined_table::prepare(&touched, started)?;
    let own = touched.own_objects || started.drops_own_index;
    let only_password = text.redacted > 0
        && (started.eventless.as_ref()).is_some_and(Eventless::sets_only_a_password);
    let reason = why_not_replayed(tag, &touched, own)
        .or(only_password.then_some("passwords are not recorded"))
        .or(unreadable)
        .or((repaired::drops_untold_alone(started.tree)).then_some(INDEX_NOWHERE_ELSE));
    let made = names::chosen(started, &touched, &text.statement);
    let main = touched.main_object().cloned();
    let mut message = message(&started.context, touched.objects, joined.prepared);
    if !published.is_empty() {
        message.all_publications = publication::all_names();
    }
    message.published.extend(published);
    message.run_as = run_as.and_then(|role| run_as_another(role, &started.context));
    message.made = made;
    message.rewrites = rewrites;
    message.major = partition::detaches_concurrently(started.tree).then_some(session::MAJOR);
    message.undecoded_rows = joined.undecoded.iter().map(|u| u.table.clone()).collect();
    message.redacted = text.redacted;
    if reason.is_some() {
        message.replay = Some(false);
        message.replay_reason = reason.map(Cow::Borrowed);
    }
    if let Some(original) = text.original {
        message.original = Some(as_sent(tag, &original));
        message.temporary_removed = touched.temporary;
    }
    row::write(Row {
        ddl_text: &text.statement,
        tag,
        context: &started.context,
        object_type: main.as_ref().map(|o| o.object_type.as_str()),
        object_name: main.as_ref().and_then(|o| o.identity.as_deref()),
        message,
    })?;
    warn_of_undecoded(&joined.undecoded);
    Ok(())
}

/// Rows of what a DROP of temporary objects has taken with it.
fn write_dropped_with_temporary(
    tag: &str,
    started: &Started,
    source: &Source,
) -> Result<(), Failure> {
    let also_dropped = replayable::dropped_with_temporary(&started.dropped);
    if also_dropped.is_empty() {
        return Ok(());
    }
    let sent = stored_text::exact(source, tag, started.context.standard_conforming_strings)?;
    for dropped in also_dropped {
        let object = Object::dropped(dropped.object);
        let (object_type, identity) = (object.object_type.clone(), object.identity.clone());
        let mut message = message(
            &started.context,
            vec![object],
            new_table::Prepared::default(),
        );
        message.original = Some(as_sent(tag, &sent));
        row::write(Row {
            ddl_text: &crate::pg::runtime::text::encode(&dropped.statement),
            tag: &dropped.tag,
            context: &started.context,
            object_type: Some(&object_type),
            object_name: identity.as_deref(),
            message,
        })?;
    }
    Ok(())
}

fn write_created_table(
    tag: &str,
    started: &Started,
    source: &Source,
    table: Address,
) -> Result<(), Failure> {
    let Some(statement) = create_table::statement(table, &started.context) else {
        return Ok(());
    };
    let sent = stored_text::exact(source, tag, started.context.standard_conforming_strings)?;
    let identity = lookup::qualified_relation_name(table.object);
    let prepared = new_table::prepare(&[table])?;
    let object = Object {
        op: Operation::Create,
        object_type: "table".to_owned(),
        identity: identity.clone(),
        schema: lookup::schema_of_relation(table.object),
        name: lookup::relation_name(table.object),
        original: None,
    };
    let is_system = (object.schema.as_deref()).is_some_and(objects::is_system_schema);
    let mut message = message(&started.context, vec![object], prepared);
    if is_system {
        message.replay = Some(false);
        message.replay_reason = Some(SYSTEM_RELATION.into());
    }
    message.original = Some(as_sent(tag, &sent));
    row::write(Row {
        ddl_text: &crate::pg::runtime::text::encode(&statement),
        tag: create_table::TAG,
        context: &started.context,
        object_type: Some("table"),
        object_name: identity.as_deref(),
        message,
    })
}

pub fn message(context: &Context, objects: Vec<Object>, prepared: Prepared) -> Document<'_> {
    // Without a role nobody can say whose rights it is to have.
    let role_dropped = context.username.is_none();
    Document {
        v: VERSION,
        objects,
        session_user: context.session_user.as_deref().map(Cow::Borrowed),
        superuser: context.superuser,
        rights: Cow::Borrowed(&context.rights),
        search_path: Cow::Borrowed(&context.search_path),
        settings: Cow::Borrowed(&context.settings),
        reset: Cow::Borrowed(&context.reset),
        nesting: Cow::Borrowed(&context.nesting),
        replica_identity: prepared.replica_identity,
        replica_identity_default: prepared.replica_identity_default,
        publications: prepared.publications,
        published: prepared.published,
        all_publications: prepared.all_publications,
        replay: role_dropped.then_some(false),
        replay_reason: role_dropped.then_some(Cow::Borrowed(ROLE_DROPPED)),
        ..Document::default()
    }
}

const INDEX_NOWHERE_ELSE: &str = "no other server has the index: CREATE INDEX CONCURRENTLY failed";

const SYSTEM_RELATION: &str =
    "relations of pg_catalog and pg_toast are PostgreSQL's own (allow_system_table_mods)";
const READ_OTHERWISE: &str =
    "it was read under another standard_conforming_strings than it was run under";

/// PostgreSQL reads a string of several statements, or the body of a function, before it runs the first of them; one may change how
/// the others would be read. Without a backslash it makes no difference.
fn is_read_otherwise(statement: &[u8], conforming: bool) -> bool {
    statement.contains(&b'\\')
        && !parser::is_one_statement(
            &crate::pg::runtime::text::c_string_of_bytes(statement),
            conforming,
        )
}

/// The statement that was sent, where another one is stored.
pub fn as_sent(tag: &str, text: &[u8]) -> Original {
    Original {
        tag: tag.to_owned(),
        text: crate::pg::runtime::text::decode(text),
    }
}

/// Where the statement is to run as another role than that of the command.
pub fn run_as_another(role: Role, context: &Context) -> Option<RunAs> {
    let name = role.name()?;
    (context.username.as_ref() != Some(&name)).then(|| RunAs {
        role: name,
        superuser: role.is_superuser(),
        rights: rights::of(role).to_vec(),
    })
}

/// Why another server must not run this command, if so.
fn why_not_replayed(tag: &str, touched: &Touched, own_objects: bool) -> Option<&'static str> {
    let local = touched
        .only_local
        .filter(|_| !WITHOUT_OBJECTS.contains(&tag));
    if tag.ends_with(" PUBLICATION") || local == Some(Local::Publication) {
        Some("publications belong to the server that publishes")
    } else if tag.ends_with(" SUBSCRIPTION") || local == Some(Local::Subscription) {
        Some("subscriptions belong to the server that subscribes")
    } else if local == Some(Local::LargeObject) {
        Some("large objects are not replicated")
    } else if touched.short_lived {
        Some("the object depends on a temporary one and goes with it")
    } else if touched.names_temporary {
        Some("the object depends on a temporary type, table or function, which no other server has")
    } else if touched.system_relation {
        Some(SYSTEM_RELATION)
    } else if touched.invalid_index {
        Some("the index is not valid: CREATE INDEX CONCURRENTLY failed")
    } else if own_objects {
        Some("the object belongs to the extension dts_ddl_capture")
    } else {
        None
    }
}

fn rewrites(noted: &[Rewrite], volatile: bool) -> Vec<TableRewrite> {
    noted
        .iter()
        .map(|rewrite| TableRewrite {
            table: lookup::qualified_relation_name(rewrite.oid.into())
                .unwrap_or_else(|| rewrite.table.clone()),
            reasons: rewrite.reasons.clone(),
            volatile,
        })
        .collect()
}

fn warn_of_rewrites(rewrites: &[TableRewrite]) {
    if !guc::warn_on_rewrite() {
        return;
    }
    for rewrite in rewrites.iter().filter(|rewrite| rewrite.volatile) {
        report::emit(
            PgLogLevel::WARNING,
            PgSqlErrorCode::ERRCODE_WARNING,
            &format!(
                "table {} was rewritten with a volatile expression",
                rewrite.table
            ),
            Some(
                "Logical replication does not send rewritten rows; a replica that repeats the command computes other values.",
            ),
            None,
        );
    }
}

fn warn_of_undecoded(tables: &[Undecoded]) {
    if !guc::warn_on_rewrite() {
        return;
    }
    for Undecoded { table, reason } in tables {
        report::emit(
            PgLogLevel::WARNING,
            PgSqlErrorCode::ERRCODE_WARNING,
            &format!("rows already in table {table} are not sent by logical replication"),
            Some(&format!("{reason} Only changes from now on are sent.")),
            Some("Copy these rows to the replica by other means."),
        );
    }
}
