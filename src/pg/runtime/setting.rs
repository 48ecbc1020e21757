//! Settings of PostgreSQL that are read again and again, without looking them up by name each time, and their reset values:
//! what RESET and SET .. TO DEFAULT make them, and `pg_settings` shows; defining the extension's own, and setting some for a
//! while.
//!
//! Relied on: the record of a built-in setting stays where it is as long as the process lives (guc.c: only placeholders and
//! custom settings come and go), and tells where its values lie (guc_tables.h).

use crate::pg::runtime::{memory, plain, text};
use core::ffi::{CStr, c_char, c_int};
use pgrx::guc::GucEnum;
use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting, PgLogLevel, pg_sys};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::CString;

/// Defines a setting of the extension that is on or off.
pub fn define_bool(
    name: &'static CStr,
    short: &'static CStr,
    long: &'static CStr,
    setting: &'static GucSetting<bool>,
    context: GucContext,
    flags: GucFlags,
) {
    define(name, |name| {
        GucRegistry::define_bool_guc(name, short, long, setting, context, flags);
    });
}

/// One that is one of several words.
pub fn define_enum<T: GucEnum>(
    name: &'static CStr,
    short: &'static CStr,
    long: &'static CStr,
    setting: &'static GucSetting<T>,
    context: GucContext,
    flags: GucFlags,
) {
    define(name, |name| {
        GucRegistry::define_enum_guc(name, short, long, setting, context, flags);
    });
}

/// One that is a number.
#[allow(
    clippy::too_many_arguments,
    reason = "what PostgreSQL wants to know of one"
)]
pub fn define_int(
    name: &'static CStr,
    short: &'static CStr,
    long: &'static CStr,
    setting: &'static GucSetting<i32>,
    least: i32,
    most: i32,
    context: GucContext,
    flags: GucFlags,
) {
    define(name, |name| {
        GucRegistry::define_int_guc(name, short, long, setting, least, most, context, flags);
    });
}

/// One whose values are looked at first, by a hook that `pg_guc_hook` has made.
pub fn define_checked_string(
    name: &'static CStr,
    short: &'static CStr,
    long: &'static CStr,
    setting: &'static GucSetting<Option<CString>>,
    check: pg_sys::GucStringCheckHook,
) {
    let (context, flags) = (GucContext::Suset, GucFlags::default());
    // SAFETY: the type of the hook is that of the setting; `pg_guc_hook` guards what it makes.
    define(name, |name| unsafe {
        GucRegistry::define_string_guc_with_hooks(
            name, short, long, setting, context, flags, check, None, None,
        )
    });
}

/// The same for one that is on or off.
pub fn define_checked_bool(
    name: &'static CStr,
    short: &'static CStr,
    long: &'static CStr,
    setting: &'static GucSetting<bool>,
    check: pg_sys::GucBoolCheckHook,
) {
    let (context, flags) = (GucContext::Suset, GucFlags::default());
    // SAFETY: as above.
    define(name, |name| unsafe {
        GucRegistry::define_bool_guc_with_hooks(
            name, short, long, setting, context, flags, check, None, None,
        )
    });
}

/// Defines a setting of the extension by `how`, which gives its name to PostgreSQL and does nothing else.
#[cfg(not(any(feature = "pg13", feature = "pg14", feature = "pg15")))]
fn define(name: &'static CStr, how: impl FnOnce(&'static CStr)) {
    how(name);
}

#[cfg(any(feature = "pg13", feature = "pg14", feature = "pg15"))]
use list::{define, find};

/// PostgreSQL's settings up to 15: an array of pointers to records, sorted by name.
#[cfg(any(feature = "pg13", feature = "pg14", feature = "pg15"))]
mod list {
    use super::Record;
    use core::ffi::{CStr, c_char};
    use pgrx::pg_sys;

    /// # Safety
    /// Until a setting is defined or a placeholder made or removed.
    unsafe fn all<'a>() -> &'a mut [Record] {
        // SAFETY: the array has as many pointers as the other function says (help_config.c walks it so).
        unsafe {
            let count = pg_sys::GetNumConfigOptions() as usize;
            core::slice::from_raw_parts_mut(pg_sys::get_guc_variables(), count)
        }
    }

    /// Where a setting is in the list, or would be (guc.c: guc_name_compare).
    fn position(name: &CStr) -> Result<usize, usize> {
        let folded = |byte: &u8| byte.to_ascii_lowercase() as c_char;
        let order = |&record: &Record| {
            // SAFETY: a record's name is NUL-terminated.
            let of = unsafe { CStr::from_ptr((*record).name) }.to_bytes();
            of.iter()
                .map(folded)
                .cmp(name.to_bytes().iter().map(folded))
        };
        // SAFETY: nothing is defined in between.
        unsafe { all() }.binary_search_by(order)
    }

    pub fn find(name: &CStr) -> Option<Record> {
        // SAFETY: the position is that of now.
        position(name).ok().map(|at| unsafe { all()[at] })
    }

    /// Defines a setting of the extension by `how`, which gives its name to PostgreSQL and does nothing else.
    ///
    /// PostgreSQL appends what is new to its list and sorts the whole, for half a million instructions (guc.c:
    /// define_custom_variable, add_guc_variable). Its qsort is done at once where everything is in order already
    /// (port/qsort.c). So the others stand aside meanwhile, and then the new one is put in its place. While they do,
    /// PostgreSQL looks for this name, gives the setting its default and may move the array; it looks up no other, and
    /// handles no signal. (Where it finds no memory for a default, the process ends, and puts back what transactions
    /// have set: with these records there is nothing to put back.) Where there is a placeholder of this name, PostgreSQL puts the new one in its place itself.
    pub fn define(name: &'static CStr, how: impl FnOnce(&'static CStr)) {
        let Err(at) = position(name) else {
            return how(name);
        };
        let _aside = Aside::step(at);
        how(name);
    }

    /// While it lives, PostgreSQL sees settings without a name in the place of all others.
    struct Aside {
        settings: Vec<Record>,
        at: usize,
    }

    /// Sorts before all, and has no value to be put back.
    static mut NAMELESS: pg_sys::config_generic = {
        // SAFETY: numbers, and pointers that may be NULL.
        let mut record: pg_sys::config_generic = unsafe { core::mem::zeroed() };
        record.name = c"".as_ptr();
        record
    };

    impl Aside {
        fn step(at: usize) -> Self {
            // SAFETY: nothing is defined in between.
            let list = unsafe { all() };
            // With room for the new one: nothing may fail on the way back.
            let mut settings = Vec::with_capacity(list.len() + 1);
            settings.extend_from_slice(list);
            list.fill(&raw mut NAMELESS);
            Aside { settings, at }
        }
    }

    impl Drop for Aside {
        fn drop(&mut self) {
            // SAFETY: as above. After an error the list may have been moved, or not have the new one.
            let list = unsafe { all() };
            if let Some(&new) = list.iter().find(|&&record| record != &raw mut NAMELESS) {
                self.settings.insert(self.at, new);
            }
            for (slot, &record) in list.iter_mut().zip(&self.settings) {
                *slot = record;
            }
        }
    }
}

type Record = *mut pg_sys::config_generic;

thread_local! {
    /// Each is looked up once.
    static FOUND: RefCell<HashMap<&'static CStr, Option<Record>>> = RefCell::new(HashMap::new());
}

/// Which value of a setting.
#[derive(Clone, Copy)]
pub enum Of {
    Session,
    Reset,
}

/// Values of built-in settings, as they were seen last. By types, for all of them are looked at with each command.
#[derive(Default)]
pub struct Watched {
    booleans: Vec<(*const bool, bool)>,
    numbers: Vec<(*const i32, i32)>,
    reals: Vec<(*const f64, f64)>,
    texts: Vec<(*const *mut c_char, CString)>,
}

impl Watched {
    /// Settings that this server does not have are passed over.
    pub fn new(settings: impl IntoIterator<Item = (&'static CStr, Of)>) -> Self {
        let mut watched = Watched::default();
        for (name, of) in settings {
            if let Some(record) = found(name) {
                watched.add(record, of);
            }
        }
        watched
    }

    fn add(&mut self, record: Record, of: Of) {
        // SAFETY: found just now; the type says which kind of record it is, and its variable always exists.
        unsafe {
            match (*record).vartype {
                pg_sys::config_type::PGC_BOOL => {
                    let at = variables::boolean(record, of);
                    self.booleans.push((at, *at));
                }
                pg_sys::config_type::PGC_INT => {
                    let at = variables::integer(record, of);
                    self.numbers.push((at, *at));
                }
                pg_sys::config_type::PGC_ENUM => {
                    let at = variables::enumeration(record, of);
                    self.numbers.push((at, *at));
                }
                pg_sys::config_type::PGC_REAL => {
                    let at = variables::real(record, of);
                    self.reals.push((at, *at));
                }
                _ => {
                    let at = variables::string(record, of);
                    self.texts.push((at, copy(*at)));
                }
            }
        }
    }

    /// Whether one has another value than when this was asked before.
    pub fn have_changed(&mut self) -> bool {
        /// # Safety
        /// Pointers to variables of settings.
        unsafe fn changed<T: Copy + PartialEq>(seen: &mut [(*const T, T)]) -> bool {
            let mut changed = false;
            for (at, value) in seen {
                // SAFETY: the caller's promise.
                let now = unsafe { **at };
                changed |= std::mem::replace(value, now) != now;
            }
            changed
        }
        // SAFETY: the variables of built-in settings; that of a string is NULL, which stands for none, or NUL-terminated.
        unsafe {
            let mut changed =
                changed(&mut self.booleans) | changed(&mut self.numbers) | changed(&mut self.reals);
            for (at, value) in &mut self.texts {
                let now = if (**at).is_null() {
                    c"".as_ptr()
                } else {
                    (**at).cast_const()
                };
                if plain::strcmp(now, value.as_ptr()) != 0 {
                    changed = true;
                    *value = copy(now);
                }
            }
            changed
        }
    }
}

/// # Safety
/// NULL, which stands for none, or NUL-terminated.
unsafe fn copy(string: *const c_char) -> CString {
    // SAFETY: the caller's promise.
    let bytes = unsafe { text::bytes(string) };
    memory::require(bytes.len());
    text::c_string_of_bytes(bytes)
}

/// The reset value as `pg_settings` shows it; `None` where this server has no such setting.
pub fn reset_value(name: &'static CStr) -> Option<Vec<u8>> {
    found(name)?;
    // SAFETY: there is such a setting; the string is copied before anything else is asked.
    unsafe {
        let value = pg_sys::GetConfigOptionResetString(name.as_ptr());
        Some(memory::copy(text::bytes(value)))
    }
}

/// Gives settings other reset values, as long as it lives.
///
/// They are no part of a transaction. Where an error is on its way they are put back when the transaction, or the
/// subtransaction, has ended by it: before, nothing may be looked up, and no other error raised.
pub struct ResetValues(Values);

type Values = Vec<(&'static CStr, Vec<u8>)>;

thread_local! {
    static TO_PUT_BACK: RefCell<Values> = const { RefCell::new(Vec::new()) };
}

impl ResetValues {
    /// A value that is unknown here is left out.
    pub fn set(wanted: impl IntoIterator<Item = (&'static CStr, Vec<u8>)>) -> Self {
        let mut before = Vec::new();
        for (name, value) in wanted {
            if let Some(old) = reset_value(name).filter(|old| *old != value)
                && set_reset_value(name, &value)
            {
                before.push((name, old));
            }
        }
        ResetValues(before)
    }
}

impl Drop for ResetValues {
    fn drop(&mut self) {
        let values = std::mem::take(&mut self.0);
        if std::thread::panicking() {
            TO_PUT_BACK.with_borrow_mut(|later| later.extend(values));
        } else {
            put_back(values);
        }
    }
}

/// A transaction or a subtransaction is rolled back.
pub fn rolled_back() {
    put_back(TO_PUT_BACK.take());
}

fn put_back(values: Values) {
    for (name, value) in values {
        set_reset_value(name, &value);
    }
}

/// Where the session has not set the setting itself, it changes with it (guc.c: set_config_option, `makeDefault`).
fn set_reset_value(name: &'static CStr, value: &[u8]) -> bool {
    let Some(record) = found(name) else {
        return false;
    };
    let value = text::c_string_of_bytes(value);
    // SAFETY: NUL-terminated strings; the record of a built-in setting. Under the source that it has, so that a
    // configuration file that is read anew has the say again afterwards. Below ERROR nothing is raised. Less than 0 where
    // the session keeps its own value.
    unsafe {
        pg_sys::set_config_option(
            name.as_ptr(),
            value.as_ptr(),
            (*record).reset_scontext,
            (*record).reset_source,
            pg_sys::GucAction::GUC_ACTION_SET,
            true,
            PgLogLevel::DEBUG1 as c_int,
            false,
        ) != 0
    }
}

fn found(name: &'static CStr) -> Option<Record> {
    FOUND.with_borrow_mut(|found| *found.entry(name).or_insert_with(|| find(name)))
}

#[cfg(not(any(feature = "pg13", feature = "pg14", feature = "pg15")))]
fn find(name: &CStr) -> Option<Record> {
    // SAFETY: a NUL-terminated name; neither made nor complained about when missing.
    let record =
        unsafe { pg_sys::find_option(name.as_ptr(), false, true, PgLogLevel::ERROR as c_int) };
    (!record.is_null()).then_some(record)
}

/// Where the values of a setting of each type lie.
mod variables {
    use super::{Of, Record};

    use core::ffi::c_char;
    #[cfg(not(feature = "pg19"))]
    use pgrx::pg_sys;

    macro_rules! variable {
        ($name:ident, $record:ident, $member:ident, $value:ty) => {
            /// # Safety
            /// The record is one of this type.
            pub unsafe fn $name(record: Record, of: Of) -> *mut $value {
                // SAFETY: the caller's promise. From 19 on the types are members of one record, before they begin with it.
                unsafe {
                    #[cfg(feature = "pg19")]
                    let own = &raw mut (*record).__bindgen_anon_1.$member;
                    #[cfg(not(feature = "pg19"))]
                    let own = record.cast::<pg_sys::$record>();
                    match of {
                        Of::Session => (*own).variable,
                        Of::Reset => &raw mut (*own).reset_val,
                    }
                }
            }
        };
    }

    variable!(boolean, config_bool, _bool, bool);
    variable!(integer, config_int, _int, i32);
    variable!(real, config_real, _real, f64);
    variable!(string, config_string, _string, *mut c_char);
    variable!(enumeration, config_enum, _enum, i32);
}

/// Sets a setting until the running level of settings ends. False when the value is refused (only where `lenient`).
pub fn set(name: &CStr, value: &[u8], lenient: bool) -> bool {
    let value = text::c_string_of_bytes(value);
    let level = if lenient { pg_sys::LOG as c_int } else { 0 };
    // SAFETY: NUL-terminated strings; the settings are a fixed list of ours, whatever role runs the command.
    unsafe {
        pg_sys::set_config_option(
            name.as_ptr(),
            value.as_ptr(),
            pg_sys::GucContext::PGC_SUSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_SAVE,
            true,
            level,
            false,
        ) > 0
    }
}

/// Expressions may be as deep as the source's stack allowed, and a worker is deeper in its own than a client's command.
pub fn allow_deep_stack() {
    /// The most that is asked for, in bytes, and what PostgreSQL wants to be left (miscadmin.h: STACK_DEPTH_SLOP).
    const MOST: i64 = 64 << 20;
    const SLOP: i64 = 512 << 10;
    // SAFETY: asks the operating system, and reads a variable.
    let (limit, now) = unsafe {
        (
            pg_sys::get_stack_depth_rlimit() as i64,
            i64::from(pg_sys::max_stack_depth),
        )
    };
    let kilobytes = (limit.min(MOST) - SLOP) / 1024;
    if kilobytes > now {
        set(c"max_stack_depth", kilobytes.to_string().as_bytes(), true);
    }
}

/// Runs `f` under a search_path of ours: what PostgreSQL reads or writes by names then means the same whoever asks.
pub(in crate::pg) fn under_own_path<R>(f: impl FnOnce() -> R) -> R {
    under(&[(c"search_path", b"pg_catalog, pg_temp")], f)
}

/// Runs `f` under these settings.
pub(in crate::pg) fn under<R>(settings: &[(&CStr, &[u8])], f: impl FnOnce() -> R) -> R {
    // SAFETY: a level that is ended on the normal way; after an error the (sub)transaction ends it.
    let level = unsafe { pg_sys::NewGUCNestLevel() };
    for (name, value) in settings {
        set(name, value, false);
    }
    let result = f();
    // SAFETY: as above.
    unsafe { pg_sys::AtEOXact_GUC(false, level) };
    result
}
