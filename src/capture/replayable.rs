//! Statements that another server could not repeat as they were sent, since they depend on something that only this one
//! has: what is stored instead. One statement stands for one statement; the one that was sent goes into `message`.
//!
//! - CREATE TABLE and ALTER TABLE that need temporary types, tables, functions: what is left of them without.
//! - CREATE TABLE (LIKE temporary table): the columns and constraints that the new table got.
//! - ADD COLUMN with a default that is not immutable, where there are rows: their value, and the default as written.
//! - A partition's bound that is computed (`FROM (current_timestamp)`): its value.
//! - CREATE INDEX without a name, where the first that the server would have chosen was taken: its name.
//! - DROP INDEX of an index that a failed CREATE INDEX CONCURRENTLY left: IF EXISTS.
//! - SET .. FROM CURRENT of a function or role: the value.
//! - MINVALUE, MAXVALUE and AS of a sequence whose value is not replicated: RESTART with it.

use crate::capture::context::Context;
use crate::capture::in_progress;
use crate::capture::objects::Touched;
use crate::capture::repaired;
use crate::capture::started::Started;
use crate::capture::{create_table, short_lived};
use crate::pg::catalog::lookup;
use crate::pg::catalog::role::Role;
use crate::pg::command::like;
use crate::pg::command::node::{KIND_OF_CREATE_INDEX, ParseTree};
use crate::pg::command::without_temporary::{self, Part};
use crate::pg::command::{added_value, current_setting, index, partition, sequence_range};
use crate::pg::runtime::text;
use statement::{
    Added, ListPart, add_with_values, drop_index_if_exists, name_index, replace_computed_bound,
    replace_from_current, replace_likes, replace_parts, restart_behind,
};

/// A statement to be stored instead of that which was sent.
pub struct Instead {
    pub statement: Vec<u8>,
    /// Why no other server must run it, if so.
    pub reason: Option<&'static str>,
    /// What of it needs temporary objects and is not in the statement, where that was asked.
    pub left_out: Option<Vec<String>>,
    /// What else another server has to do.
    pub then: Option<String>,
}

impl Instead {
    fn of(statement: Vec<u8>) -> Self {
        Instead {
            statement,
            reason: None,
            left_out: None,
            then: None,
        }
    }
}

const CODE_OF_OTHERS: &str =
    "what it takes from a temporary table would run code of other roles when it is read as text";

const ONLY_HERE: &str = "it is about what needs temporary objects, and no other server has";

/// What to store instead of `sent`; `None` for nearly all statements.
pub fn instead(started: &Started, touched: &Touched, sent: &[u8]) -> Option<Instead> {
    let conforming = started.context.standard_conforming_strings;
    if let Some(index) = touched.main_address()
        && started.tree.kind() == KIND_OF_CREATE_INDEX
        && index::is_altered_while_built(index.object)
    {
        let definition = index::definition_if_not_exists(index.object)?;
        return Some(Instead::of(text::encode(&definition).into_owned()));
    }
    if started.tree.leaves_name_of_index()
        && let Some(name) = touched
            .main_object()
            .and_then(|object| object.name.as_deref())
        && name.ends_with(|last: char| last.is_ascii_digit())
    {
        let name = text::encode(&text::quote_identifier(name)).into_owned();
        return name_index(sent, conforming, &name).map(Instead::of);
    }
    if let Some(instead) = without_temporary(started, touched, sent) {
        return Some(instead);
    }
    if let Some(instead) = with_added_values(started, touched, sent) {
        return Some(instead);
    }
    let mut reason = None;
    let statement = if index::is_drop(started.tree) && repaired::drops_missing(&started.found) {
        drop_index_if_exists(sent, conforming)
    } else if current_setting::is_in(started.tree) {
        with_values(started.tree, touched, sent, conforming)
    } else if sequence_range::is_in(started.tree) {
        let relation = touched.main_address()?.object;
        let query = text::c_string_of_bytes(sent);
        let values = sequence_range::values(&query, conforming, relation);
        restart_behind(sent, conforming, &values)
    } else {
        let without_likes = likes_replaced(started, touched, sent, conforming);
        if without_likes.is_some() && is_code_of_others(&started.context, touched) {
            reason = Some(CODE_OF_OTHERS);
        }
        let so_far = without_likes.as_deref().unwrap_or(sent);
        partition::bounded(
            started.tree,
            touched.new_tables.first(),
            started.attached.first(),
        )
        .and_then(|table| replace_computed_bound(so_far, conforming, || partition::bound(table)))
        .or(without_likes)
    };
    statement.map(|statement| Instead {
        reason,
        ..Instead::of(statement)
    })
}

/// With the values that rows have in new columns. No ALTER TABLE takes the default of a column away that it adds.
fn with_added_values(started: &Started, touched: &Touched, sent: &[u8]) -> Option<Instead> {
    let table = touched
        .main_address()
        .filter(|_| !touched.added_columns.is_empty())?
        .object;
    let values = added_value::of(started.tree, table, &touched.added_columns);
    if values.is_empty() {
        return None;
    }
    let added: Vec<Added> = values
        .iter()
        .map(|added| Added {
            command: added.command,
            column: text::encode(&added.column).into_owned(),
            value: text::encode(&added.value).into_owned(),
        })
        .collect();
    let conforming = started.context.standard_conforming_strings;
    let statement = add_with_values(sent, conforming, &added)?;
    let taken: Vec<String> = (values.iter())
        .filter(|added| added.is_of_type)
        .map(|added| format!("ALTER COLUMN {} DROP DEFAULT", added.column))
        .collect();
    let name = lookup::qualified_relation_name(table).filter(|_| !taken.is_empty());
    Some(Instead {
        then: name.map(|name| format!("ALTER TABLE {name} {}", taken.join(", "))),
        ..Instead::of(statement)
    })
}

/// What is left of a statement that makes or alters a table without what only this server can have.
fn without_temporary(started: &Started, touched: &Touched, sent: &[u8]) -> Option<Instead> {
    if started.tree.makes_table() {
        return table_without_temporary(started, touched);
    }
    let qualify_all = started.context.may_hide_pg_catalog();
    let before = &started.before;
    let attached = started.attached.first().map(|table| table.object);
    let altered = without_temporary::altered(
        started.tree,
        before,
        attached,
        &in_progress::made(),
        qualify_all,
    )?;
    short_lived::note(altered.left_out.missing());
    let conforming = started.context.standard_conforming_strings;
    let parts: Vec<ListPart> = altered.parts.into_iter().map(encoded).collect();
    let more = altered
        .more
        .iter()
        .map(|part| text::encode(part).into_owned());
    let statement = replace_parts(sent, conforming, &parts, more.collect());
    Some(Instead {
        reason: statement.is_none().then_some(ONLY_HERE),
        left_out: Some(altered.left_out.identities()),
        ..Instead::of(statement.unwrap_or_else(|| sent.to_vec()))
    })
}

fn table_without_temporary(started: &Started, touched: &Touched) -> Option<Instead> {
    let context = &started.context;
    let table = *(touched.new_tables.first()).filter(|_| touched.names_temporary)?;
    let shape = without_temporary::shape(
        table.object,
        &in_progress::made(),
        context.may_hide_pg_catalog(),
    )?;
    let statement = create_table::of_shape(table, &shape, context)?;
    short_lived::note(shape.left_out.missing());
    let is_code_of_others = started.all_likes > 0 && is_code_of_others(context, touched);
    Some(Instead {
        reason: is_code_of_others.then_some(CODE_OF_OTHERS),
        left_out: Some(shape.left_out.identities()),
        ..Instead::of(text::encode(&statement).into_owned())
    })
}

fn encoded(part: Part) -> ListPart {
    match part {
        Part::Kept => ListPart::Kept,
        Part::LeftOut => ListPart::LeftOut,
        Part::Instead(part) => ListPart::Instead(text::encode(&part).into_owned()),
    }
}

/// With what the command has stored for FROM CURRENT.
fn with_values(
    tree: ParseTree,
    touched: &Touched,
    sent: &[u8],
    conforming: bool,
) -> Option<Vec<u8>> {
    let function = touched.main_address().map(|address| address.object);
    let stored = current_setting::stored(tree, function);
    let values: Vec<(usize, Option<Vec<u8>>)> =
        current_setting::clauses(&text::c_string_of_bytes(sent), conforming)
            .iter()
            .filter(|clause| !clause.stays(&stored))
            .map(|clause| {
                let value = clause.value(&stored);
                let value = value.map(|value| text::encode(&value).into_owned());
                (clause.start, value)
            })
            .collect();
    replace_from_current(sent, conforming, &values).filter(|_| !values.is_empty())
}

/// PostgreSQL read no text where LIKE took trees.
fn is_code_of_others(context: &Context, touched: &Touched) -> bool {
    let role = context.who.username.as_deref().and_then(Role::find);
    touched
        .new_tables
        .first()
        .is_some_and(|table| role.is_none_or(|role| like::runs_code_when_read(table.object, role)))
}

fn likes_replaced(
    started: &Started,
    touched: &Touched,
    sent: &[u8],
    conforming: bool,
) -> Option<Vec<u8>> {
    if started.likes.is_empty() {
        return None;
    }
    let table = touched.new_tables.first()?.object;
    let qualify_all = started.context.may_hide_pg_catalog();
    let made = in_progress::made();
    let replacements: Vec<(usize, String)> = started
        .likes
        .iter()
        .map(|like| {
            let elements = like::elements(like, table, &made, qualify_all);
            (like.number, elements.join(", "))
        })
        .collect();
    replace_likes(sent, conforming, started.all_likes, &replacements)
}
