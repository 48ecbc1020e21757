//! Permanent objects that depend on temporary ones, be it through others: a function with a temporary table's row type, a
//! domain over a temporary type, an index by a column of such a type. They go with what they depend on, at the end of the
//! session at the latest, and no other server could make them.
//!
//! What has such a dependency is asked of the catalogs while it exists; what is dropped is known by what was noted before:
//! objects that were made with it. One that was there before, and got it by CREATE OR REPLACE or ALTER, is on other servers,
//! and its DROP is for them; one that was made with it stays unknown to them until a CREATE OR REPLACE without it.
//! Not promised: that a command in another session than the one that made the object is known for what it is.

use crate::pg::catalog::lookup::Address;
use crate::pg::catalog::temporary_need;
use crate::pg::command::event::{Collected, Dropped};
use crate::pg::runtime::session::session_has_temporary_schema;
use crate::pg::runtime::subtransaction::ByLevel;
use crate::pg::runtime::transaction::Progress;
use std::cell::RefCell;
use std::collections::HashSet;

/// Catalog and OID.
type Key = (u32, u32);

thread_local! {
    /// Those that this session made. What was rolled back does no harm: an OID comes again only after four billion others.
    static KNOWN: RefCell<HashSet<Key>> = RefCell::new(HashSet::new());
    /// Those that the running transaction has replaced by what other servers can make.
    static REPLACED: RefCell<ByLevel<Key>> = const { RefCell::new(ByLevel::new()) };
}

fn key(address: Address) -> Key {
    (address.class.to_u32(), address.object.to_u32())
}

/// Whether all that a command was about depends on temporary objects.
pub fn are_all(collected: &[Collected], dropped: &[Dropped]) -> bool {
    if !session_has_temporary_schema() {
        return false;
    }
    let mut named = dropped.iter().filter(|d| d.original).peekable();
    let gone = named.peek().is_some() && named.all(|d| is_known(d.address));
    if collected.is_empty() {
        return gone;
    }
    // Each is asked, so that each is known afterwards.
    let asked: Vec<bool> = collected
        .iter()
        .flat_map(|command| {
            let granted = command.granted.iter();
            let touched = command.address.iter().chain(granted);
            touched.map(|&address| is_only_here(&command.tag, address))
        })
        .collect();
    !asked.is_empty() && asked.iter().all(|is_short_lived| *is_short_lived)
}

/// Whether something that a command made or changed depends on temporary objects through it: a column of a temporary type, a
/// constant, a rule. Elsewhere the names in the command would be those of others, if of any.
pub fn is_any(collected: &[Collected], since: Option<Progress>) -> bool {
    let Some(since) = since.filter(|_| session_has_temporary_schema()) else {
        return false;
    };
    collected
        .iter()
        .filter_map(|command| command.address)
        .filter(|address| address.schema().is_none_or(|schema| schema != "pg_temp"))
        .any(|address| address.came_to_depend_on_temporary(since))
}

/// Whether no other server has an object, since it was made with a dependency on temporary ones.
pub fn is_known(address: Option<Address>) -> bool {
    address.is_some_and(|address| {
        let key = key(address);
        KNOWN.with_borrow(|known| known.contains(&key))
            && !REPLACED.with_borrow(|replaced| replaced.iter().any(|other| *other == key))
    })
}

/// Notes objects that a command has made and that are not in what is stored of it.
pub fn note(objects: impl Iterator<Item = Address>) {
    KNOWN.with_borrow_mut(|known| known.extend(objects.map(key)));
}

/// What is dropped by itself of an object that no other server has, and is nothing for these either.
fn note_parts(address: Address) {
    note(temporary_need::parts_of_type(address).into_iter());
}

/// Whether what a command with this tag did to an object can be done here only.
fn is_only_here(tag: &str, address: Address) -> bool {
    let was_known = is_known(Some(address));
    let depends = address.depends_on_temporary();
    if was_known {
        note_parts(address);
    }
    if !tag.starts_with("CREATE ") {
        // These do not look into the object.
        let only_names_it = ["COMMENT", "GRANT", "REVOKE", "SECURITY LABEL"].contains(&tag);
        // What has come to depend is elsewhere as it was, and is changed there too, but for the change that made it depend
        // (`is_any`).
        return was_known || depends && !only_names_it && !address.has_parts();
    }
    if depends && !was_known && !address.is_replaced() {
        note([address].into_iter());
        note_parts(address);
    }
    if was_known && !depends {
        REPLACED.with_borrow_mut(|replaced| replaced.push(key(address)));
    }
    depends
}

/// A subtransaction is over: what it replaced was replaced by its parent, or is what it was.
pub fn subtransaction_ended(rolled_back: bool) {
    REPLACED.with_borrow_mut(|replaced| replaced.subtransaction_ended(rolled_back));
}

/// The transaction is over.
pub fn transaction_ended(rolled_back: bool) {
    let replaced = REPLACED.with_borrow_mut(ByLevel::take);
    if !rolled_back && !replaced.is_empty() {
        KNOWN.with_borrow_mut(|known| known.retain(|key| !replaced.contains(key)));
    }
}
