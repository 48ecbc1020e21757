//! What is noted of a DDL command from its start to its row.

use crate::capture::context::Context;
use crate::capture::names_before::Names;
use crate::capture::untold::Found;
use crate::guc;
use crate::pg::catalog::lookup::Address;
use crate::pg::command::drop;
use crate::pg::command::event::Dropped;
use crate::pg::command::eventless::Eventless;
use crate::pg::command::grant;
use crate::pg::command::index;
use crate::pg::command::like::{self, TemporaryLike};
use crate::pg::command::node::{ParseTree, TemporaryItems};
use crate::pg::command::partition;
use crate::pg::command::without_temporary::Before;
use crate::pg::runtime::transaction::{self, Progress};
use crate::pg::store::table;
use pgrx::pg_sys;

/// A table that the command is about to rewrite.
pub struct Rewrite {
    pub table: String,
    pub oid: u32,
    pub reasons: Vec<&'static str>,
}

/// What the event triggers have noted of a command since its start.
pub struct Started {
    pub tree: ParseTree,
    pub context: Context,
    /// What the names of the statement mean, where they are to get schemas.
    pub names: Option<Names>,
    /// Where the transaction stood when the command began; `None` when that was not seen.
    pub progress: Option<Progress>,
    pub dropped: Vec<Dropped>,
    /// What it drops, where that is known beforehand.
    pub drops: Option<drop::Known>,
    pub rewrites: Vec<Rewrite>,
    pub temporary_items: Option<TemporaryItems>,
    /// With commands that no event trigger sees.
    pub eventless: Option<Eventless>,
    /// An index of the capture table is to be dropped.
    pub drops_own_index: bool,
    /// Tables that it is to make partitions.
    pub attached: Vec<Address>,
    /// Tables that it is to make partitions no longer.
    pub detached: Vec<Address>,
    /// The table of which it detaches a partition, leaving a constraint.
    pub detached_from: Option<pg_sys::Oid>,
    /// LIKE clauses that others cannot follow, and the number of all.
    pub likes: Vec<TemporaryLike>,
    pub all_likes: usize,
    /// The table that it alters, where that needs temporary objects.
    pub before: Before,
    /// Indexes that no row tells of.
    pub found: Found,
    /// Tables and sequences that it grants on, if they are named.
    pub granted: Vec<grant::Named>,
    /// The index that it drops in several transactions.
    pub drops_concurrently: Option<pg_sys::Oid>,
    /// An EXPLAIN ANALYZE runs it.
    pub explained: bool,
    pub recorded: Recorded,
    /// Where the transaction stood when it was last asked whether the command had done its work.
    pub asked: Option<Progress>,
}

/// Whether the row of a command is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recorded {
    /// Not yet, or no longer.
    No,
    /// Written at this nest level of the transaction: before the end of the command where it is a CREATE TABLE AS or
    /// another event trigger ran SQL of its own. With that level it is gone.
    AtLevel(i32),
    /// There will be none: the command failed to be recorded for good, and goes through without it.
    GivenUp,
}

impl Started {
    /// What can only be asked before the command runs.
    pub fn of(tree: ParseTree, nested: bool, progress: Option<Progress>) -> Self {
        let (likes, all_likes) = like::temporary_likes(tree);
        // Where names get schemas it is asked afterwards whether they mean what they meant.
        let knows_names = !guc::qualify_names();
        Started {
            tree,
            context: Context::of_session(nested).watching(tree.may_evaluate()),
            names: None,
            progress,
            dropped: Vec::new(),
            drops: knows_names.then(|| drop::named(tree)).flatten(),
            rewrites: Vec::new(),
            temporary_items: tree.temporary_items(),
            eventless: Eventless::of(tree),
            drops_own_index: tree.drops_index_of(table::capture_table),
            attached: tree.tables_to_attach(),
            detached: tree.tables_to_detach(),
            detached_from: partition::detached_from(tree),
            likes,
            all_likes,
            before: Before::of(tree),
            found: Found::of(tree),
            granted: if knows_names {
                grant::named(tree)
            } else {
                Vec::new()
            },
            drops_concurrently: index::dropped_concurrently(tree),
            explained: false,
            recorded: Recorded::No,
            asked: None,
        }
    }

    pub fn is_recorded(&self) -> bool {
        self.recorded != Recorded::No
    }

    /// Its row was written just now.
    pub fn note_written(&mut self) {
        self.recorded = Recorded::AtLevel(transaction::nest_level());
    }

    pub fn subtransaction_ended(&mut self, level: i32, rolled_back: bool) {
        let Recorded::AtLevel(at) = self.recorded else {
            return;
        };
        if at < level {
            return;
        }
        if rolled_back {
            self.recorded = Recorded::No;
            // The command counter never goes back, but what was asked there was answered there.
            self.asked = None;
        } else {
            self.recorded = Recorded::AtLevel(level - 1);
        }
    }
}
