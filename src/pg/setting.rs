//! Settings of PostgreSQL that are read again and again, without looking them up by name each time.
//!
//! Relied on: the record of a built-in setting stays where it is as long as the process lives (guc.c: only placeholders and
//! custom settings come and go), and tells where its value lies (guc_tables.h).

use super::memory;
use super::text;
use core::ffi::CStr;
use pgrx::pg_sys;

/// A built-in setting, and the value that was seen last.
pub struct Watched {
    record: *mut pg_sys::config_generic,
    seen: Value,
}

#[derive(PartialEq)]
enum Value {
    Number(i64),
    Real(u64),
    Text(Vec<u8>),
}

impl Watched {
    /// `None` where this server has no such setting.
    pub fn new(name: &CStr) -> Option<Self> {
        let record = find(name)?;
        // SAFETY: found just now.
        let seen = unsafe { value(record) };
        Some(Watched { record, seen })
    }

    /// Whether it has another value than when this was asked before.
    pub fn has_changed(&mut self) -> bool {
        // SAFETY: the record is that of a built-in setting; the variable of a string is NULL or NUL-terminated.
        unsafe {
            let same = match &self.seen {
                Value::Text(seen) => text_of(self.record) == seen.as_slice(),
                other => value(self.record) == *other,
            };
            if !same {
                self.seen = value(self.record);
            }
            !same
        }
    }
}

#[cfg(any(feature = "pg13", feature = "pg14", feature = "pg15"))]
fn find(name: &CStr) -> Option<*mut pg_sys::config_generic> {
    // SAFETY: the list has as many records as the other function says; names are NUL-terminated.
    unsafe {
        let records = pg_sys::get_guc_variables();
        (0..pg_sys::GetNumConfigOptions() as usize)
            .map(|i| *records.add(i))
            .find(|&record| CStr::from_ptr((*record).name) == name)
    }
}

#[cfg(not(any(feature = "pg13", feature = "pg14", feature = "pg15")))]
fn find(name: &CStr) -> Option<*mut pg_sys::config_generic> {
    // SAFETY: a NUL-terminated name; neither made nor complained about when missing.
    let record =
        unsafe { pg_sys::find_option(name.as_ptr(), false, true, pgrx::PgLogLevel::ERROR as i32) };
    (!record.is_null()).then_some(record)
}

/// # Safety
/// The record of a setting.
unsafe fn value(record: *mut pg_sys::config_generic) -> Value {
    // SAFETY: the type says which kind of record it is; its variable always exists.
    unsafe {
        match (*record).vartype {
            pg_sys::config_type::PGC_BOOL => Value::Number((*variables::boolean(record)).into()),
            pg_sys::config_type::PGC_INT => Value::Number((*variables::integer(record)).into()),
            pg_sys::config_type::PGC_ENUM => {
                Value::Number((*variables::enumeration(record)).into())
            }
            pg_sys::config_type::PGC_REAL => Value::Real((*variables::real(record)).to_bits()),
            _ => Value::Text(memory::copy(text_of(record))),
        }
    }
}

/// # Safety
/// The record of a setting that is a string.
unsafe fn text_of<'a>(record: *mut pg_sys::config_generic) -> &'a [u8] {
    // SAFETY: the caller's promise.
    unsafe { text::bytes(*variables::string(record)) }
}

/// Where the value of a setting of each type lies.
mod variables {
    use core::ffi::c_char;
    use pgrx::pg_sys;

    macro_rules! variable {
        ($name:ident, $record:ident, $member:ident, $value:ty) => {
            /// # Safety
            /// The record is one of this type.
            pub unsafe fn $name(record: *mut pg_sys::config_generic) -> *mut $value {
                // SAFETY: the caller's promise. From 19 on the types are members of one record, before they begin with it.
                unsafe {
                    #[cfg(feature = "pg19")]
                    return (*record).__bindgen_anon_1.$member.variable;
                    #[cfg(not(feature = "pg19"))]
                    return (*record.cast::<pg_sys::$record>()).variable;
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
