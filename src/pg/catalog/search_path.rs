//! The effective search_path, by the names of its schemas.
//!
//! Relied on: a schema that is made, renamed or dropped is announced by an invalidation of NAMESPACEOID.

use crate::pg::catalog::role::Role;
use crate::pg::runtime::{list, session, syscache, text};
use pgrx::pg_sys::{self, Datum};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Names of schemas, in order.
pub type Path = Rc<[String]>;

/// A path by its OIDs, and as of which change of schemas.
struct Last {
    at: u64,
    oids: Vec<pg_sys::Oid>,
    names: Path,
}

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
    /// Grows whenever a schema may have changed.
    static CHANGES: Cell<u64> = const { Cell::new(0) };
}

/// Asks PostgreSQL for its announcements. Called once, from `_PG_init`.
pub fn install() {
    unsafe extern "C-unwind" fn changed(_: Datum, _: syscache::CacheNumber, _: u32) {
        CHANGES.set(CHANGES.get().wrapping_add(1));
    }
    // SAFETY: it counts.
    unsafe { syscache::announce(&[pg_sys::SysCacheIdentifier::NAMESPACEOID], changed) };
}

/// The schemas that exist and may be used, without those that are implied. The session's own temporary schema is called `pg_temp`.
pub fn effective() -> Path {
    // SAFETY: the variable of the setting, which is NUL-terminated, and does not change while this is in use.
    let setting = unsafe { text::bytes(pg_sys::namespace_search_path) };
    if names_temporary_schema(setting) && !session::session_has_temporary_schema() {
        return without_temporary_schema(setting).into();
    }
    // Before the look-ups, which may bring an announcement.
    let at = CHANGES.get();
    // SAFETY: a fresh list of OIDs, in memory of a command.
    let list = unsafe { pg_sys::fetch_search_path(false) };
    LAST.with_borrow(|last| {
        // SAFETY: as above.
        let is_it = |last: &&Last| last.at == at && unsafe { list::is_of(list, &last.oids) };
        let known = last.as_ref().filter(is_it);
        known.map(|last| Rc::clone(&last.names))
    })
    .unwrap_or_else(|| {
        // SAFETY: as above.
        let oids = unsafe { list::oids(list) };
        // Schemas that have vanished meanwhile are left out.
        let names: Path = oids.iter().filter_map(|&oid| schema_name(oid)).collect();
        let path = Rc::clone(&names);
        LAST.set(Some(Last { at, oids, names }));
        path
    })
}

fn names_temporary_schema(setting: &[u8]) -> bool {
    const NAME: &[u8] = b"pg_temp";
    (setting.windows(NAME.len())).any(|window| window.eq_ignore_ascii_case(NAME))
}

/// The path where `pg_temp` is named and does not exist yet: asking PostgreSQL for the list might make it.
fn without_temporary_schema(setting: &[u8]) -> Vec<String> {
    let mut oids = [pg_sys::InvalidOid; 64];
    // SAFETY: writes at most as many OIDs as there is room for; pg_temp is not among them.
    let count = unsafe { pg_sys::fetch_search_path_array(oids.as_mut_ptr(), oids.len() as i32) };
    let count = usize::try_from(count).unwrap_or(0).min(oids.len());
    let existing: Vec<String> = oids[..count]
        .iter()
        .filter_map(|&oid| schema_name(oid))
        .collect();
    let user = Role::current().name();
    let mut path: Vec<String> = Vec::new();
    for name in session::identifiers(setting, true) {
        let name = text::decode(&name);
        let name = if name == "$user" {
            user.clone().unwrap_or_default()
        } else {
            name
        };
        // A temporary schema that does not exist yet counts where things would be created: at the first place.
        let counts = if name == "pg_temp" {
            path.is_empty()
        } else {
            existing.contains(&name)
        };
        if counts && !path.contains(&name) {
            path.push(name);
        }
    }
    path
}

fn schema_name(oid: pg_sys::Oid) -> Option<String> {
    // SAFETY: a syscache look-up; NULL when missing.
    unsafe { text::string(pg_sys::get_namespace_name_or_temp(oid)) }
}
