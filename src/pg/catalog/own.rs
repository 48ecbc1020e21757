//! What was looked up once and holds until PostgreSQL says that it may have changed: the extension's own relations by
//! name, and whether the functions of its event triggers are still in the caches.
//!
//! A relation is the extension's own when it is its member: whatever else has such a name is somebody else's, and is
//! neither read nor written.
//!
//! Relied on: a relation that is renamed, moved, dropped or replaced is announced by a relcache invalidation of its OID,
//! a schema that is renamed or dropped by one of NAMESPACEOID (inval.c), before or when the lock on it is taken.
//! What does not exist, or is no member, is not remembered.
//! Not promised: that ALTER EXTENSION .. DROP of a relation, which PostgreSQL does not announce, is noticed at once by the
//! sessions that know it; it is the same relation still.

use crate::pg::catalog::lookup::{self, Address};
use crate::pg::runtime::syscache;
use core::ffi::CStr;
use pgrx::pg_sys;
use std::cell::Cell;

pub const EXTENSION: &CStr = c"dts_ddl_capture";

/// Room for all relations that are asked for while a command is recorded.
const ROOM: usize = 9;

#[derive(Clone, Copy)]
struct Known {
    schema: &'static CStr,
    name: &'static CStr,
    oid: pg_sys::Oid,
}

thread_local! {
    static KNOWN: Cell<[Option<Known>; ROOM]> = const { Cell::new([None; ROOM]) };
    /// Their OIDs: asked for each relation that changes, whoever's.
    static OIDS: Cell<[pg_sys::Oid; ROOM]> = const { Cell::new([pg_sys::InvalidOid; ROOM]) };
    /// Grows whenever one of them may have changed.
    static CHANGES: Cell<u64> = const { Cell::new(0) };
    /// Grows whenever a function or an event trigger may have changed; begins above what [`AT_HAND`] begins with.
    static FUNCTIONS: Cell<u64> = const { Cell::new(1) };
    static AT_HAND: Cell<u64> = const { Cell::new(0) };
}

/// Asks PostgreSQL for its announcements. Called once, from `_PG_init`.
pub fn install() {
    let none = pg_sys::Datum::from(0usize);
    let functions = [
        pg_sys::SysCacheIdentifier::PROCOID,
        pg_sys::SysCacheIdentifier::EVENTTRIGGERNAME,
    ];
    // SAFETY: the callbacks are functions of this library, which is never unloaded; they neither panic nor raise errors.
    unsafe {
        pg_sys::CacheRegisterRelcacheCallback(Some(relation_changed), none);
        syscache::announce(&[pg_sys::SysCacheIdentifier::NAMESPACEOID], schema_changed);
        syscache::announce(&functions, function_changed);
    }
}

/// InvalidOid stands for all relations.
unsafe extern "C-unwind" fn relation_changed(_argument: pg_sys::Datum, relation: pg_sys::Oid) {
    if relation == pg_sys::InvalidOid {
        note([None; ROOM]);
    } else if OIDS.get().contains(&relation) {
        note(
            KNOWN
                .get()
                .map(|known| known.filter(|known| known.oid != relation)),
        );
    }
}

unsafe extern "C-unwind" fn schema_changed(_: pg_sys::Datum, _: syscache::CacheNumber, _: u32) {
    note([None; ROOM]);
}

fn note(known: [Option<Known>; ROOM]) {
    CHANGES.set(CHANGES.get().wrapping_add(1));
    OIDS.set(known.map(|known| known.map_or(pg_sys::InvalidOid, |known| known.oid)));
    KNOWN.set(known);
}

/// Grows whenever a relation that [`relation`] has told may have changed.
pub(in crate::pg) fn changes() -> u64 {
    CHANGES.get()
}

/// What was found out, and holds until one of these relations may have changed.
pub(in crate::pg) struct Remembered<T>(Cell<Option<(u64, T)>>);

impl<T: Copy> Remembered<T> {
    pub const fn nothing() -> Self {
        Remembered(Cell::new(None))
    }

    pub fn get(&self) -> Option<T> {
        let (at, value) = self.0.get()?;
        (at == changes()).then_some(value)
    }

    /// `at` is what [`changes`] was before it was looked for: that may bring an announcement.
    pub fn set(&self, at: u64, value: T) {
        self.0.set(Some((at, value)));
    }

    pub fn forget(&self) {
        self.0.set(None);
    }
}

unsafe extern "C-unwind" fn function_changed(_: pg_sys::Datum, _: syscache::CacheNumber, _: u32) {
    FUNCTIONS.set(FUNCTIONS.get().wrapping_add(1));
}

/// A relation of the extension by schema and name; InvalidOid when there is none, also where another one has that name.
pub fn relation(schema: &'static CStr, name: &'static CStr) -> pg_sys::Oid {
    let is_it = |known: &&Known| known.name == name && known.schema == schema;
    if let Some(known) = KNOWN.get().iter().flatten().find(is_it) {
        return known.oid;
    }
    let oid = lookup::relation_in(schema, name);
    if oid != pg_sys::InvalidOid {
        if !Address::relation(oid).is_member_of(EXTENSION) {
            return pg_sys::InvalidOid;
        }
        // Taken anew: the look-up may have made PostgreSQL announce something.
        let mut known = KNOWN.get();
        if let Some(free) = known.iter_mut().find(|place| place.is_none()) {
            *free = Some(Known { schema, name, oid });
            note(known);
        }
    }
    oid
}

/// Whether a relation that is not the extension's has the name of one that should be.
pub fn is_taken(schema: &'static CStr, name: &'static CStr) -> bool {
    relation(schema, name) == pg_sys::InvalidOid
        && lookup::relation_in(schema, name) != pg_sys::InvalidOid
}

/// Has the functions of these event triggers in the caches, so that PostgreSQL still finds them should another session drop
/// the extension between the moment when PostgreSQL reads its list of event triggers and the call (event_trigger.c:
/// EventTriggerInvoke takes no lock). Once the drop is noticed, the list is read anew as well.
pub fn keep_functions_at_hand(triggers: &[&CStr]) {
    let now = FUNCTIONS.get();
    if AT_HAND.get() != now {
        for trigger in triggers {
            lookup::look_up_trigger_function(trigger);
        }
        AT_HAND.set(now);
    }
}
