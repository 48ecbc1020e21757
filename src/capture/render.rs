//! What the row of a command holds: its statement, or the one that stands for it, and the document.

use crate::capture::objects::{self, Local, Touched};
use crate::capture::published::{self, Undecoded};
use crate::capture::qualified::{self, Qualified};
use crate::capture::row::{self, Row};
use crate::capture::started::{Rewrite, Started};
use crate::capture::{also_dropped, create_table, names, repaired, replayable, stored_text};
use crate::document::{Clock, Object, Operation, Original, Published, TableRewrite};
use crate::error::Failure;
use crate::guc;
use crate::pg::catalog::lookup::{self, Address};
use crate::pg::catalog::{relation, view};
use crate::pg::command::event::Collected;
use crate::pg::command::eventless::Eventless;
use crate::pg::command::source::Source;
use crate::pg::command::{parser, partition};
use crate::pg::replication::publication;
use crate::pg::runtime::{report, session, text as encoding, transaction};
use pgrx::prelude::*;
use std::borrow::Cow;

/// Commands that may take effect without dropping or altering an object that PostgreSQL reports.
pub const WITHOUT_OBJECTS: [&str; 2] = ["DROP OWNED", "REASSIGN OWNED"];

const INDEX_NOWHERE_ELSE: &str = "no other server has the index: CREATE INDEX CONCURRENTLY failed";

const SYSTEM_RELATION: &str =
    "relations of pg_catalog and pg_toast are PostgreSQL's own (allow_system_table_mods)";

const READ_OTHERWISE: &str =
    "it was read under another standard_conforming_strings than it was run under";

pub fn write(
    tag: &str,
    started: &Started,
    source: &Source,
    mut touched: Touched,
    rewrites: Vec<TableRewrite>,
    published: Vec<Published>,
) -> Result<(), Failure> {
    let conforming = started.context.standard_conforming_strings;
    let mut text = stored_text::stored(source, tag, conforming, started.temporary_items.as_ref())?;
    let (mut unreadable, mut then) = (None, None);
    if let Some(instead) = replayable::instead(started, &touched, &text.statement) {
        if instead.statement != text.statement {
            let sent = std::mem::replace(&mut text.statement, instead.statement);
            text.original.get_or_insert(sent);
        }
        unreadable = instead.reason;
        then = instead.then;
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
    let joined = published::prepare(&touched, started)?;
    let own = touched.own_objects || started.drops_own_index;
    let only_password = text.redacted > 0
        && (started.eventless.as_ref()).is_some_and(Eventless::sets_only_a_password);
    let reason = why_not_replayed(tag, &touched, own)
        .or(only_password.then_some("passwords are not recorded"))
        .or(unreadable)
        .or((repaired::drops_untold_alone(started.tree)).then_some(INDEX_NOWHERE_ELSE));
    let made = names::chosen(started, &touched, &text.statement);
    let mut unqualified = Vec::new();
    if reason.is_none() {
        match qualified::of(started, &touched, &text.statement) {
            Qualified::AsItIs => {}
            Qualified::Statement(statement) => {
                let sent = std::mem::replace(&mut text.statement, statement);
                text.original.get_or_insert(sent);
            }
            Qualified::Uncertain(reasons) => unqualified = reasons,
        }
    }
    let main = touched.main;
    let then = then.filter(|_| reason.is_none()).map(|statement| {
        let objects = touched.main_object().cloned().into_iter().collect();
        (statement, row::document(&started.context, objects))
    });
    let mut message = row::document(&started.context, touched.objects);
    if touched.left_out {
        message.left_out.push("objects");
    }
    joined.prepared.tell(&mut message);
    if !published.is_empty() {
        message.all_publications = publication::all_names();
    }
    message.published.extend(published);
    message.clock =
        (started.context.calls_functions || names_a_moment(&text.statement)).then(clock);
    message.run_as = run_as.and_then(|role| started.context.run_as(role));
    message.made = made;
    message.rewrites = rewrites;
    message.major = partition::detaches_concurrently(started.tree).then_some(session::MAJOR);
    message.undecoded_rows = joined.undecoded.iter().map(|u| u.table.clone()).collect();
    message.redacted = text.redacted;
    message.unqualified = unqualified;
    if reason.is_some() {
        message.replay = Some(false);
        message.replay_reason = reason.map(Cow::Borrowed);
    }
    let original = text.original.as_deref();
    if let Some(original) = original {
        message.original = Some(Original::new(tag, original));
        message.temporary_removed = touched.temporary;
    }
    let write = |statement: &[u8], main, message| {
        row::write(Row {
            ddl_text: statement,
            tag,
            context: &started.context,
            main,
            message,
        })
    };
    write(&text.statement, main, message)?;
    if let Some((statement, mut message)) = then {
        message.original = original.map(|original| Original::new(tag, original));
        write(&encoding::encode(&statement), Some(0), message)?;
    }
    warn_of_undecoded(&joined.undecoded);
    Ok(())
}

/// Rows of what a DROP of temporary objects has taken with it.
pub fn write_dropped_with_temporary(
    tag: &str,
    started: &Started,
    source: &Source,
) -> Result<(), Failure> {
    let also_dropped = also_dropped::dropped_with_temporary(&started.dropped);
    if also_dropped.is_empty() {
        return Ok(());
    }
    let sent = stored_text::exact(source, tag, started.context.standard_conforming_strings)?;
    for dropped in also_dropped {
        let object = Object::dropped(dropped.object);
        let mut message = row::document(&started.context, vec![object]);
        message.original = Some(Original::new(tag, &sent));
        row::write(Row {
            ddl_text: &crate::pg::runtime::text::encode(&dropped.statement),
            tag: &dropped.tag,
            context: &started.context,
            main: Some(0),
            message,
        })?;
    }
    Ok(())
}

pub fn write_created_table(
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
    let prepared = published::prepare_new(&[table], |_| identity.clone())?;
    let object = Object {
        op: Operation::Create,
        object_type: "table".into(),
        identity,
        schema: lookup::schema_of_relation(table.object),
        name: lookup::relation_name(table.object),
        original: None,
    };
    let is_system = (object.schema.as_deref()).is_some_and(objects::is_system_schema);
    let mut message = row::document(&started.context, vec![object]);
    prepared.tell(&mut message);
    if is_system {
        message.replay = Some(false);
        message.replay_reason = Some(SYSTEM_RELATION.into());
    }
    message.original = Some(Original::new(tag, &sent));
    row::write(Row {
        ddl_text: &crate::pg::runtime::text::encode(&statement),
        tag: create_table::TAG,
        context: &started.context,
        main: Some(0),
        message,
    })
}

/// Whether a constant of the statement may be one that PostgreSQL reads as the time of the transaction (datetime.c: datetktbl).
fn names_a_moment(statement: &[u8]) -> bool {
    const WORDS: [&[u8]; 4] = [b"now", b"today", b"tomorrow", b"yesterday"];
    let mut rest = statement;
    while let Some(at) = memchr::memchr2(b'\'', b'$', rest) {
        rest = &rest[at + 1..];
        let constant = rest.trim_ascii_start();
        let begins_with = |word: &&[u8]| {
            (constant.get(..word.len())).is_some_and(|begin| begin.eq_ignore_ascii_case(word))
        };
        if WORDS.iter().any(begins_with) {
            return true;
        }
    }
    false
}

fn clock() -> Clock {
    let now = transaction::clock();
    Clock {
        transaction: now.transaction,
        statement: (now.statement != now.transaction).then_some(now.statement),
    }
}

/// PostgreSQL reads a string of several statements, or the body of a function, before it runs the first of them; one may change how
/// the others would be read. Without a backslash it makes no difference.
fn is_read_otherwise(statement: &[u8], conforming: bool) -> bool {
    statement.contains(&b'\\')
        && !parser::is_one_statement(
            &crate::pg::runtime::text::c_string_of_bytes(statement),
            conforming,
        )
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

/// What fills a materialized view.
const FILLS: [&str; 2] = ["CREATE MATERIALIZED VIEW", "REFRESH MATERIALIZED VIEW"];

pub fn rewrites(noted: &[Rewrite], volatile: bool) -> Vec<TableRewrite> {
    noted
        .iter()
        .map(|rewrite| TableRewrite {
            table: lookup::qualified_relation_name(rewrite.oid.into())
                .unwrap_or_else(|| rewrite.table.clone()),
            reasons: rewrite.reasons.iter().copied().map(Cow::Borrowed).collect(),
            volatile: volatile && relation::has_rows(rewrite.oid.into()),
        })
        .collect()
}

/// Materialized views that were filled by volatile functions.
pub fn filled_otherwise(collected: &[Collected]) -> Vec<TableRewrite> {
    let filled = collected
        .iter()
        .filter(|command| FILLS.contains(&&*command.tag));
    filled
        .filter_map(|command| command.address)
        .filter(|view| relation::has_rows(view.object) && view::is_volatile(view.object))
        .filter_map(|view| {
            Some(TableRewrite {
                table: lookup::qualified_relation_name(view.object)?,
                reasons: vec![Cow::Borrowed(TableRewrite::FILLED)],
                volatile: true,
            })
        })
        .collect()
}

pub fn warn_of_rewrites(rewrites: &[TableRewrite]) {
    if !guc::warn_on_rewrite() {
        return;
    }
    for rewrite in rewrites.iter().filter(|rewrite| rewrite.volatile) {
        let table = &rewrite.table;
        report::emit(
            PgLogLevel::WARNING,
            PgSqlErrorCode::ERRCODE_WARNING,
            &if rewrite.is_view() {
                format!("materialized view {table} was filled by volatile functions")
            } else {
                format!("table {table} was rewritten with a volatile expression")
            },
            Some(
                "Logical replication does not send rewritten rows; a replica that repeats the command \
             computes other values.",
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
