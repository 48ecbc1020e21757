//! Who runs a command, where and under which settings, as it was when the command began.

use crate::document::Nesting;
use crate::pg::setting::{self, Of, Watched};
use crate::pg::{context_stack, rights, session, text};
use core::ffi::CStr;
use std::borrow::Cow;
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

/// Settings that differ from PostgreSQL's built-in default, or whose reset value differs from what is usual.
pub type Settings = BTreeMap<Cow<'static, str>, String>;

pub const SEARCH_PATH: &CStr = c"search_path";
/// The usual reset value of search_path: PostgreSQL's built-in default.
pub const USUAL_PATH: &[u8] = b"\"$user\", public";
/// A longer one is not recorded: each row would have it.
const LONGEST_PATH: usize = 8192;

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

/// The settings of the last command, with what tells whether they still hold.
struct Last {
    watched: Vec<Watched>,
    settings: Rc<Settings>,
    reset: Rc<Settings>,
}

impl Last {
    fn begin() -> Self {
        let names = || SETTINGS.iter().map(|(name, _)| *name);
        let watched = names()
            .filter_map(|name| Watched::new(name, Of::Session))
            .chain(
                names()
                    .chain([SEARCH_PATH])
                    .filter_map(|name| Watched::new(name, Of::Reset)),
            )
            .collect();
        let mut last = Last {
            watched,
            settings: Rc::default(),
            reset: Rc::default(),
        };
        last.read();
        last
    }

    fn read(&mut self) {
        let settings = read_settings();
        self.reset = Rc::new(read_reset_values(&settings));
        self.settings = Rc::new(settings);
    }
}

/// The settings of this moment, and reset values. Reading them anew with each command would cost more than its row.
fn settings() -> (Rc<Settings>, Rc<Settings>) {
    LAST.with_borrow_mut(|last| {
        let last = last.get_or_insert_with(Last::begin);
        // Each of them has to be asked.
        let mut changed = false;
        for setting in last.watched.iter_mut() {
            changed |= setting.has_changed();
        }
        if changed {
            last.read();
        }
        (Rc::clone(&last.settings), Rc::clone(&last.reset))
    })
}

fn read_settings() -> Settings {
    SETTINGS
        .iter()
        .filter_map(|&(name, default)| {
            let value = session::setting(name).filter(|value| *value != default)?;
            Some((name.to_str().ok()?.into(), text::decode(value)))
        })
        .collect()
}

/// The reset values that differ from the value of the session, and that of search_path where it is not the usual one.
fn read_reset_values(settings: &Settings) -> Settings {
    let differing = SETTINGS.iter().filter_map(|&(name, default)| {
        let reset = setting::reset_value(name)?;
        let name = name.to_str().ok()?;
        let differs = match settings.get(name) {
            Some(value) => *text::encode(value) != *reset,
            None => *default != *reset,
        };
        differs.then(|| (name.into(), text::decode(&reset)))
    });
    let path = setting::reset_value(SEARCH_PATH)
        .filter(|path| path != USUAL_PATH && path.len() <= LONGEST_PATH)
        .map(|path| ("search_path".into(), text::decode(&path)));
    differing.chain(path).collect()
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
    pub reset: Rc<Settings>,
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
        let (settings, reset) = settings();
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
            reset,
            nesting: if nested {
                Nesting::nested(context_stack::lines())
            } else {
                Nesting::top()
            },
        }
    }
}
