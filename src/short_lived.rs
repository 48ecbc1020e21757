//! Permanent objects that depend on temporary ones: a function with a temporary table's row type, a domain over a
//! temporary type. They go with what they depend on, at the end of the session at the latest, and no other server could
//! make them.
//!
//! What has such a dependency is asked of the catalogs while it exists; what is dropped is known by what was noted before.
//! Not promised: that a DROP in another session than the one that made the object is known for what it is.

use crate::pg::catalog::Address;
use crate::pg::event::{Collected, Dropped};
use crate::pg::node::session_has_temporary_schema;
use std::cell::RefCell;
use std::collections::HashSet;

/// Catalog and OID.
type Key = (u32, u32);

thread_local! {
    /// Those that commands of this session were about. What was rolled back does no harm: an OID comes again only
    /// after four billion others.
    static KNOWN: RefCell<HashSet<Key>> = RefCell::new(HashSet::new());
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
    let touched = collected.iter().flat_map(|command| {
        let granted = command.granted.iter().copied();
        command.address.into_iter().chain(granted)
    });
    // Each is asked, so that each is known afterwards.
    let asked: Vec<bool> = touched.map(depends_on_temporary).collect();
    !asked.is_empty() && asked.iter().all(|is_short_lived| *is_short_lived)
}

/// Whether no other server has an object, since it depended on temporary ones.
pub fn is_known(address: Option<Address>) -> bool {
    address.is_some_and(|address| KNOWN.with_borrow(|known| known.contains(&key(address))))
}

fn depends_on_temporary(address: Address) -> bool {
    // Of a table only columns depend on types, and only these go.
    let depends = !address.is_relation() && address.depends_on_temporary();
    if depends {
        KNOWN.with_borrow_mut(|known| known.insert(key(address)));
    }
    depends
}
