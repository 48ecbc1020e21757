//! Indexes that no row tells of: they were left invalid by a concurrent build, and other servers do not have them. What a command
//! finds of them before it runs, and what LIKE has copied of them.

use crate::pg::catalog::lookup;
use crate::pg::command::index::{self, Untold};
use crate::pg::command::node::ParseTree;
use pgrx::pg_sys::Oid;
use std::cell::Cell;

/// So many indexes of others are told of by a command or a commit, for they are locked until its end; the next goes on.
pub const MOST_AT_ONCE: usize = 100;

thread_local! {
    /// Indexes may be, or may become, valid that no row tells of.
    static LEFT: Cell<bool> = const { Cell::new(false) };
}

/// Whether there may be such indexes.
pub fn may_be_left() -> bool {
    LEFT.get()
}

pub fn note_left(left: bool) {
    LEFT.set(left);
}

/// What a command finds.
#[derive(Default)]
pub struct Found {
    untold: Vec<Untold>,
    /// What the command names.
    table: Option<Oid>,
    /// Tables whose indexes a CREATE TABLE (LIKE ..) copies.
    in_likes: Vec<Oid>,
    /// It is a DROP INDEX, and names an invalid one.
    drops_invalid: bool,
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
        let drops_invalid = index::drops_invalid(tree);
        if untold.iter().any(Untold::is_valid)
            || !untold.is_empty() && index::goes_through_tables(tree)
        {
            note_left(true);
        }
        let in_likes = index::tables_in_likes(tree);
        if untold.is_empty() {
            return Found {
                drops_invalid,
                in_likes,
                ..Found::default()
            };
        }
        Found {
            table: index::named_table(tree),
            in_likes,
            is_reindexed_alone: index::reindexed_alone(tree)
                .is_some_and(|index| untold.iter().any(|untold| untold.is(index))),
            drops_invalid,
            untold,
        }
    }

    pub fn is_untold(&self, index: Oid) -> bool {
        self.untold.iter().any(|untold| untold.is(index)) && index::is_untold(index)
    }

    pub fn is_empty(&self) -> bool {
        self.untold.is_empty()
    }

    /// Whether the command names an invalid index to drop.
    pub fn drops_invalid(&self) -> bool {
        self.drops_invalid
    }

    /// All that are untold.
    pub fn untold(&self) -> &[Untold] {
        &self.untold
    }

    /// Whether indexes are copied, which another session may make or drop meanwhile.
    pub fn copies_indexes(&self) -> bool {
        !self.in_likes.is_empty()
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
        of_table
            .take(MOST_AT_ONCE)
            .filter_map(Untold::valid_and_locked)
            .collect()
    }

    /// The copies that a CREATE TABLE (LIKE ..) has made of untold indexes. Which index is told may change while it runs, for
    /// it locks out nobody who makes one: so there are as many as have no told one that says the same.
    pub fn copies(&self, made: &[Oid]) -> Vec<Oid> {
        let tables = &self.in_likes;
        if tables.is_empty() {
            return Vec::new();
        }
        let mut told: Vec<String> = tables
            .iter()
            .flat_map(|&table| index::indexes_of(table))
            .filter(|&index| !index::is_untold(index))
            .filter_map(index::definition_alone)
            .collect();
        let mut copies = made.to_vec();
        copies.retain(|&index| is_of_new_table(index, made));
        copies.retain(|&index| {
            let definition = index::definition_alone(index);
            let original = told
                .iter()
                .position(|told| Some(told) == definition.as_ref());
            original.map(|at| told.swap_remove(at)).is_none() && !index::is_of_constraint(index)
        });
        copies
    }
}

/// Whether a command that has made all these made an index with its table.
pub fn is_of_new_table(index: Oid, made: &[Oid]) -> bool {
    index::table_of(index).is_some_and(|table| made.contains(&table) && !lookup::is_toast(table))
}
