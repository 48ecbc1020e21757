//! Custom settings, of applications (`app.tenant`), that are read while a command runs, and setting them as a role may.
//!
//! What the session has may be secret; what its commands read decides what they do. So each of these settings gets a function that
//! shows it and notes that it was asked for.
//! Relied on: a setting that no library has defined is a placeholder, a string whose record may have such a function, by which
//! current_setting(), SHOW and pg_settings show it (guc.c: add_placeholder_variable, _ShowGUCOption). Where a library defines it
//! later, that one's record takes the place of the placeholder's.
//! Not promised: what only parallel workers read, and settings beyond [`MOST`].

use crate::pg::runtime::{memory, text};
use core::ffi::{CStr, c_char, c_int};
use core::ptr::{null_mut, slice_from_raw_parts};
use pgrx::{PgLogLevel, pg_sys};
use std::cell::{Cell, RefCell};
use std::ffi::CString;

/// So many settings of a session are watched.
const MOST: usize = 64;

/// Settings of this extension say what it does, not what a command does.
const OWN: &str = "dts_ddl_capture.";

thread_local! {
    /// The settings that have a place, by their names.
    static KNOWN: RefCell<Vec<CString>> = const { RefCell::new(Vec::new()) };
    /// Where the value of each lies.
    static VALUES: [Cell<*mut *mut c_char>; MOST] = const { [const { Cell::new(null_mut()) }; MOST] };
    /// A bit for each that was read.
    static READ: Cell<u64> = const { Cell::new(0) };
}

/// Custom settings are watched as long as it lives.
pub struct Watching {
    /// What was read before, by a command around this one.
    before: u64,
}

impl Watching {
    pub fn begin() -> Self {
        each_placeholder(watch);
        Watching {
            before: READ.replace(0),
        }
    }

    /// Those that were read and have a value: names and values, in the encoding of the database.
    pub fn read(&self) -> Vec<(String, Vec<u8>)> {
        let read = READ.get();
        if read == 0 {
            return Vec::new();
        }
        let mut found = Vec::new();
        each_placeholder(|record| {
            // SAFETY: the record of a placeholder, a string; its value is NULL or NUL-terminated.
            let (name, value) = unsafe {
                let value = *(*as_string(record)).variable;
                (CStr::from_ptr((*record).name), value)
            };
            let place = KNOWN.with_borrow(|known| known.iter().position(|known| **known == *name));
            if place.is_some_and(|place| read & 1 << place != 0) && !value.is_null() {
                let name = text::decode(name.to_bytes());
                // SAFETY: as above.
                found.push((name, memory::copy(unsafe { text::bytes(value) })));
            }
        });
        found
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        READ.set(READ.get() | self.before);
    }
}

/// Whether it is a name that is recorded, and may be set.
pub fn is_custom(name: &str) -> bool {
    name.contains('.') && !name.starts_with(OWN)
}

/// Sets a custom setting until the running level of settings ends, as anybody may: what a library here has made a superuser's is
/// refused, whoever runs. False then.
pub fn set(name: &str, value: &[u8]) -> bool {
    let (name, value) = (text::c_string(name), text::c_string_of_bytes(value));
    // SAFETY: NUL-terminated strings; below ERROR nothing is raised.
    unsafe {
        pg_sys::set_config_option(
            name.as_ptr(),
            value.as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_SAVE,
            true,
            PgLogLevel::DEBUG1 as c_int,
            false,
        ) > 0
    }
}

type Record = *mut pg_sys::config_generic;

fn each_placeholder(mut f: impl FnMut(Record)) {
    let mut number: c_int = 0;
    // SAFETY: the list has so many records, each of a setting. From 16 on it is made for the caller.
    unsafe {
        #[cfg(any(feature = "pg13", feature = "pg14", feature = "pg15"))]
        let records = {
            number += pg_sys::GetNumConfigOptions();
            pg_sys::get_guc_variables()
        };
        #[cfg(not(any(feature = "pg13", feature = "pg14", feature = "pg15")))]
        let records = pg_sys::get_guc_variables(&raw mut number);
        for &record in &*slice_from_raw_parts(records, number as usize) {
            if (*record).flags as u32 & pg_sys::GUC_CUSTOM_PLACEHOLDER != 0 {
                f(record);
            }
        }
        #[cfg(not(any(feature = "pg13", feature = "pg14", feature = "pg15")))]
        pg_sys::pfree(records.cast());
    }
}

/// # Safety
/// The record of a setting that is a string.
unsafe fn as_string(record: Record) -> *mut pg_sys::config_string {
    #[cfg(feature = "pg19")]
    // SAFETY: the caller's promise.
    return unsafe { &raw mut (*record).__bindgen_anon_1._string };
    #[cfg(not(feature = "pg19"))]
    record.cast()
}

fn watch(record: Record) {
    // SAFETY: the record of a placeholder, which is a string and has no such function of its own.
    unsafe {
        let setting = as_string(record);
        if (*setting).show_hook.is_some() {
            return;
        }
        let name = CStr::from_ptr((*record).name);
        if name.to_bytes().starts_with(OWN.as_bytes()) {
            return;
        }
        let place = KNOWN.with_borrow_mut(|known| {
            let found = known.iter().position(|known| **known == *name);
            found.or_else(|| {
                known.push(name.to_owned());
                Some(known.len() - 1)
            })
        });
        if let Some((place, &show)) = place.and_then(|place| Some((place, SHOW.get(place)?))) {
            VALUES.with(|values| values[place].set((*setting).variable));
            (*setting).show_hook = Some(show);
        }
    }
}

/// What PostgreSQL itself shows of such a setting.
unsafe extern "C-unwind" fn show<const PLACE: usize>() -> *const c_char {
    READ.set(READ.get() | 1 << PLACE);
    // SAFETY: the variable lives as long as the record by whose function this is called; no other record has this place.
    let value = unsafe { *VALUES.with(|values| values[PLACE].get()) };
    if value.is_null() { c"".as_ptr() } else { value }
}

type Show = unsafe extern "C-unwind" fn() -> *const c_char;

macro_rules! each_place {
    ($($place:literal)*) => { [$(show::<$place>),*] };
}

const SHOW: [Show; MOST] = each_place!(
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
    32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63
);
