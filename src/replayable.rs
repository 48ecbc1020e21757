//! Statements that another server could not repeat as they were sent, since they depend on something that only this one
//! has: what is stored instead. One statement stands for one statement; the one that was sent goes into `message`.
//!
//! - CREATE TABLE (LIKE temporary table): the columns and constraints that the new table got.
//! - A partition's bound that is computed (`FROM (current_timestamp)`): its value.
//! - DROP INDEX of an index that a failed CREATE INDEX CONCURRENTLY left: IF EXISTS; REINDEX INDEX that makes it valid:
//!   CREATE INDEX.

use crate::context::Context;
use crate::in_progress::Started;
use crate::objects::Touched;
use crate::pg::index;
use crate::pg::like::{self, TemporaryLike};
use crate::pg::node::ParseTree;
use crate::pg::{partition, text};
use crate::statement::{
    create_index_if_not_exists, drop_index_if_exists, replace_computed_bound, replace_likes,
};

/// What has to be known of such a statement before it runs.
pub struct Facts {
    likes: Vec<TemporaryLike>,
    /// Number of all LIKE clauses.
    all_likes: usize,
    drops_invalid_index: bool,
    repairs: Option<index::Name>,
}

impl Facts {
    pub fn of(tree: ParseTree) -> Self {
        let (likes, all_likes) = like::temporary_likes(tree);
        Facts {
            likes,
            all_likes,
            drops_invalid_index: index::drops_invalid(tree),
            repairs: index::to_repair(tree),
        }
    }
}

/// A statement to be stored instead of that which was sent.
pub struct Instead {
    pub statement: Vec<u8>,
    /// Its tag, if it is another one.
    pub tag: Option<&'static str>,
}

/// What to store instead of `sent`; `None` for nearly all statements.
pub fn instead(started: &Started, touched: &Touched, sent: &[u8]) -> Option<Instead> {
    let conforming = started.context.standard_conforming_strings;
    let facts = &started.replayable;
    if let Some(index) = &facts.repairs {
        let statement = create_index_if_not_exists(&index::definition(index)?)?;
        return Some(Instead {
            statement: text::encode(&statement).into_owned(),
            tag: Some("CREATE INDEX"),
        });
    }
    let statement = if facts.drops_invalid_index {
        drop_index_if_exists(sent, conforming)
    } else {
        let without_likes = likes_replaced(&started.context, facts, touched, sent, conforming);
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
        statement,
        tag: None,
    })
}

fn likes_replaced(
    context: &Context,
    facts: &Facts,
    touched: &Touched,
    sent: &[u8],
    conforming: bool,
) -> Option<Vec<u8>> {
    if facts.likes.is_empty() {
        return None;
    }
    let table = touched.new_tables.first()?.object;
    let qualify_all = context.may_hide_pg_catalog();
    let replacements: Vec<(usize, String)> = facts
        .likes
        .iter()
        .map(|like| {
            let elements = like::elements(like, table, qualify_all);
            (like.number, elements.join(", "))
        })
        .collect();
    replace_likes(sent, conforming, facts.all_likes, &replacements)
}
