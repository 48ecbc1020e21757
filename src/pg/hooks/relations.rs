//! The relations that the running command makes, in the order in which it makes them; event triggers are told of some of them only.
//!
//! And those that it drops; of indexes more than that: those that an ALTER TABLE makes anew have the names of what they stand for.
//!
//! Relied on: each passes the object access hook as soon as it is in the catalogs (heap.c, index.c). Before the index of a
//! concurrent build is committed, it is marked as one that no row tells of ([`index`]).

use crate::pg::catalog::lookup;
use crate::pg::command::index::{self, DroppedIndex};
use crate::pg::hooks::access::Access;
use crate::pg::hooks::build_lock;
use crate::pg::hooks::handlers::above;
use pgrx::pg_sys;

/// Of the object access hook.
pub fn is_accessed(access: &Access) {
    let object = access.object;
    if access.makes(pg_sys::RelationRelationId)
        && (above().relation_is_made)(object)
        && (above().captures)()
    {
        index::note_untold(object);
        index::table_of_new(object)
            .into_iter()
            .for_each(build_lock::hold);
    }
    if access.drops(pg_sys::RelationRelationId) {
        (above().relation_is_dropped)(object);
        if (above().drops_indexes)() {
            note_dropped(object);
        }
    }
}

fn note_dropped(object: pg_sys::Oid) {
    if index::table_of(object).is_some()
        && let Some(name) = lookup::relation_name(object)
    {
        // Only under the command's lock is it certain: a build may have been under way when it began.
        let is_untold = index::is_untold(object);
        (above().index_is_dropped)(DroppedIndex { name, is_untold });
    }
}
