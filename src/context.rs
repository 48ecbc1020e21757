//! Who runs a command, where and under which settings, as it was when the command began.

use crate::message::Nesting;
use crate::pg::setting::Watched;
use crate::pg::{context_stack, rights, session, text};
use core::ffi::CStr;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Settings that change what a DDL command means, each with PostgreSQL's built-in default (guc_tables.c; guc.c before
/// 16). Taken in: what decides how the text is parsed, what is stored for it, and how constants in it are evaluated
/// (partition bounds, defaults that are folded, USING expressions). Left out: what only changes speed, logging or locks.
pub const SETTINGS: [(&CStr, &[u8]); 24] = [
    (c"array_nulls", b"on"),
    (c"backslash_quote", b"safe_encoding"),
    (c"bytea_output", b"hex"),
    (c"check_function_bodies", b"on"),
    (c"createrole_self_grant", b""),
    (c"DateStyle", b"ISO, MDY"),
    (c"default_table_access_method", b"heap"),
    (c"default_tablespace", b""),
    (c"default_text_search_config", b"pg_catalog.simple"),
    (c"default_toast_compression", b"pglz"),
    (c"default_with_oids", b"off"),
    (c"extra_float_digits", b"1"),
    (c"IntervalStyle", b"postgres"),
    (c"lc_monetary", b"C"),
    (c"lc_numeric", b"C"),
    (c"lc_time", b"C"),
    (c"lo_compat_privileges", b"off"),
    (c"quote_all_identifiers", b"off"),
    (c"standard_conforming_strings", b"on"),
    (c"TimeZone", b"GMT"),
    (c"timezone_abbreviations", b"Default"),
    (c"transform_null_equals", b"off"),
    (c"xmlbinary", b"base64"),
    (c"xmloption", b"content"),
];

/// Those of them that a PostgreSQL among 13 to 19 may lack.
const NOT_IN_EVERY_MAJOR: [&str; 3] = [
    "createrole_self_grant",
    "default_toast_compression",
    "default_with_oids",
];

/// Those of them whose value is a locale of the operating system, which another server may lack.
pub const LOCALES: [&str; 3] = ["lc_monetary", "lc_numeric", "lc_time"];
/// The built-in default of these.
pub const DEFAULT_LOCALE: &str = "C";

/// The access method of new tables and materialized views.
pub const ACCESS_METHOD: &str = "default_table_access_method";
/// Whether the value of this setting is the name of an object, which another server may lack.
pub fn names_an_object(setting: &str) -> bool {
    [
        ACCESS_METHOD,
        "default_tablespace",
        "default_text_search_config",
    ]
    .contains(&setting)
}

/// The settings that are recorded where they differ from PostgreSQL's built-in default, with that default.
pub fn defaults() -> impl Iterator<Item = (&'static str, &'static str)> {
    SETTINGS.iter().filter_map(|(name, default)| {
        Some((name.to_str().ok()?, core::str::from_utf8(default).ok()?))
    })
}

/// Whether a server of the supported majors may not know this setting.
pub fn is_not_in_every_major(setting: &str) -> bool {
    NOT_IN_EVERY_MAJOR.contains(&setting)
}

/// Settings that differ from PostgreSQL's built-in default.
pub type Settings = BTreeMap<&'static str, String>;

thread_local! {
    /// Those of the last command, with what tells whether they still hold.
    static LAST: RefCell<Option<(Vec<Watched>, Rc<Settings>)>> = const { RefCell::new(None) };
}

/// The settings of this moment. Reading them anew with each command would cost more than its row.
fn settings() -> Rc<Settings> {
    LAST.with_borrow_mut(|last| {
        let (watched, settings) = last.get_or_insert_with(|| {
            let watched = SETTINGS.iter().filter_map(|(name, _)| Watched::new(name));
            (watched.collect(), Rc::new(read_settings()))
        });
        // Each of them has to be asked.
        let mut changed = false;
        for setting in watched.iter_mut() {
            changed |= setting.has_changed();
        }
        if changed {
            *settings = Rc::new(read_settings());
        }
        Rc::clone(settings)
    })
}

fn read_settings() -> Settings {
    SETTINGS
        .iter()
        .filter_map(|&(name, default)| {
            let value = session::setting(name).filter(|value| *value != default)?;
            Some((name.to_str().ok()?, text::decode(value)))
        })
        .collect()
}

pub struct Context {
    /// The role whose rights the command has.
    pub username: Option<String>,
    /// Whether that role is a superuser.
    pub superuser: bool,
    pub rights: rights::Rights,
    pub session_user: Option<String>,
    pub search_path: Vec<String>,
    pub settings: Rc<Settings>,
    pub nesting: Nesting,
    pub standard_conforming_strings: bool,
}

impl Context {
    /// Where the user puts schemas before pg_catalog, a type of his may hide one of PostgreSQL's.
    pub fn may_hide_pg_catalog(&self) -> bool {
        self.search_path
            .iter()
            .skip(1)
            .any(|schema| schema == "pg_catalog")
    }

    /// The context of the running session at this moment.
    pub fn of_session(nested: bool) -> Self {
        let settings = settings();
        Context {
            username: session::current_user(),
            superuser: session::is_superuser(),
            rights: rights::of_current_role(),
            session_user: session::session_user(),
            search_path: session::search_path(),
            standard_conforming_strings: settings
                .get("standard_conforming_strings")
                .is_none_or(|v| v != "off"),
            settings,
            nesting: if nested {
                Nesting::nested(context_stack::lines())
            } else {
                Nesting::top()
            },
        }
    }
}
