//! Which settings a document tells: those that change what a DDL command means.

use core::ffi::CStr;
use core::ops::Deref;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;

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

/// Those of them that decide how a string constant is read, and nothing else about a command that calls no functions.
const OF_CONSTANTS: [&str; 8] = [
    "array_nulls",
    "backslash_quote",
    "DateStyle",
    "IntervalStyle",
    "lc_monetary",
    "TimeZone",
    "timezone_abbreviations",
    "xmloption",
];

/// Those of them that nothing but functions asks for.
const OF_FUNCTIONS: [&str; 3] = ["default_text_search_config", "lc_numeric", "lc_time"];

/// How far a command depends on its session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Reach {
    /// It has neither of these.
    Names,
    /// It has string constants.
    Constants,
    /// It may call functions, which can ask for everything.
    #[default]
    Functions,
}

impl Reach {
    pub fn of(statement: &[u8], calls_functions: bool) -> Self {
        if calls_functions {
            Reach::Functions
        } else if memchr::memchr2(b'\'', b'$', statement).is_some() {
            Reach::Constants
        } else {
            Reach::Names
        }
    }

    fn has(self, setting: &str) -> bool {
        let least = if OF_FUNCTIONS.contains(&setting) {
            Reach::Functions
        } else if OF_CONSTANTS.contains(&setting) {
            Reach::Constants
        } else {
            Reach::Names
        };
        self >= least
    }
}

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

/// Whether constants were read as the standard has it, under these settings.
pub fn standard_conforming_strings(settings: &Settings) -> bool {
    (settings.get("standard_conforming_strings")).is_none_or(|value| value != "off")
}

/// The schemas of a search_path as it is elsewhere: without the session's own temporary one.
pub fn path_elsewhere(search_path: &[String]) -> impl Iterator<Item = &String> {
    search_path.iter().filter(|schema| *schema != "pg_temp")
}

/// Whether a setting names what the new relations of a command go into.
pub fn is_of_new_relations(setting: &CStr) -> bool {
    setting == c"default_tablespace" || setting == c"default_table_access_method"
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

/// Settings as the document tells them: those that matter to the command.
#[derive(Default)]
pub struct Told<'a> {
    settings: Cow<'a, Settings>,
    pub reach: Reach,
}

impl<'a> Told<'a> {
    pub fn new(settings: Cow<'a, Settings>) -> Self {
        Told {
            settings,
            reach: Reach::default(),
        }
    }

    pub fn insert(&mut self, name: &'static str, value: &str) {
        (self.settings.to_mut()).insert(name.into(), value.to_owned());
    }

    fn that_matter(&self) -> impl Iterator<Item = (&Cow<'static, str>, &String)> {
        (self.settings.iter()).filter(|(name, _)| self.reach.has(name))
    }

    pub fn is_none(&self) -> bool {
        self.that_matter().next().is_none()
    }
}

impl Deref for Told<'_> {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.settings
    }
}

impl Serialize for Told<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.that_matter())
    }
}

impl<'de> Deserialize<'de> for Told<'_> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Settings::deserialize(from).map(|settings| Told::new(Cow::Owned(settings)))
    }
}
