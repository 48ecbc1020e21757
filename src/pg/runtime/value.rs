//! Values of the types text and text[], texts as values of type jsonb, and values of a slot.

use crate::pg::runtime::failure::Failure;
use crate::pg::runtime::{memory, subtransaction, text};
use core::ffi::{CStr, c_char};
use pgrx::pg_sys;

/// No value of type text has more bytes than these: header and bytes are one allocation (memutils.h: MaxAllocSize).
pub const MAX_LENGTH: usize = 0x3fff_ffff - pg_sys::VARHDRSZ;

/// Values of type text in one piece of memory.
pub struct Texts {
    memory: Vec<u32>,
    used: usize,
}

/// Of one value, in words.
fn words(bytes: &[u8]) -> usize {
    (bytes.len() + pg_sys::VARHDRSZ).div_ceil(size_of::<u32>())
}

impl Texts {
    pub fn with_room_for<'a>(
        texts: impl Iterator<Item = Option<&'a [u8]>>,
    ) -> Result<Self, Failure> {
        let mut needed = 0;
        for text in texts.flatten() {
            if text.len() > MAX_LENGTH {
                return Err(Failure::text_too_large(text.len()));
            }
            needed += words(text);
        }
        memory::require(needed * size_of::<u32>());
        Ok(Texts {
            memory: Vec::with_capacity(needed),
            used: 0,
        })
    }

    /// One of those for which there is room. Aligned as PostgreSQL needs it, with its 4 bytes of header; there as long as this is.
    pub fn add(&mut self, bytes: &[u8]) -> pg_sys::Datum {
        let needed = words(bytes);
        assert!(
            needed <= self.memory.capacity() - self.used,
            "no room for a text"
        );
        // SAFETY: there is room for header and bytes in the place that is taken; the length has been checked. No reference is made
        // to what was added before. Up to three bytes behind a value are never written, and never read.
        let start = unsafe {
            let start = self.memory.as_mut_ptr().add(self.used);
            pgrx::set_varsize_4b(start.cast(), (bytes.len() + pg_sys::VARHDRSZ) as i32);
            let data = start.cast::<u8>().add(pg_sys::VARHDRSZ);
            data.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            start
        };
        self.used += needed;
        pg_sys::Datum::from(start)
    }
}

/// The value of a column, counted from 0, of a slot.
///
/// # Safety
/// All columns of the slot are at hand (slot_getallattrs), and this is one of them.
pub(in crate::pg) unsafe fn of_slot(
    slot: *mut pg_sys::TupleTableSlot,
    column: usize,
) -> Option<pg_sys::Datum> {
    // SAFETY: the caller's promise.
    unsafe { (!*(*slot).tts_isnull.add(column)).then(|| *(*slot).tts_values.add(column)) }
}

/// A value of type text as `String`.
///
/// # Safety
/// `value` is one.
pub unsafe fn of_varlena(value: pg_sys::Datum) -> String {
    // SAFETY: the caller's promise.
    unsafe {
        match short(value) {
            Some(bytes) => text::decode(bytes),
            None => {
                let string = pg_sys::text_to_cstring(value.cast_mut_ptr());
                text::string(string).unwrap_or_default()
            }
        }
    }
}

/// The bytes of a value of type text where they lie, unless it is compressed or elsewhere.
///
/// # Safety
/// `value` is one, and stays.
pub(in crate::pg) unsafe fn short<'a>(value: pg_sys::Datum) -> Option<&'a [u8]> {
    let value: *const pg_sys::varlena = value.cast_mut_ptr();
    // SAFETY: the caller's promise; header and length are those of the value.
    unsafe {
        if pgrx::varatt_is_4b_c(value) || pgrx::varatt_is_1b_e(value) {
            return None;
        }
        let (data, length) = (pgrx::vardata_any(value), pgrx::varsize_any_exhdr(value));
        Some(core::slice::from_raw_parts(data.cast(), length))
    }
}

/// The bytes of a value of type text, however it is stored.
///
/// # Safety
/// `value` is one.
pub(in crate::pg) unsafe fn bytes(value: pg_sys::Datum) -> Vec<u8> {
    // SAFETY: the caller's promise; a fresh string.
    memory::copy(unsafe { text::bytes(pg_sys::text_to_cstring(value.cast_mut_ptr())) })
}

/// The elements of a value of type text[] that are not NULL.
///
/// # Safety
/// `value` is one.
pub(in crate::pg) unsafe fn array(value: pg_sys::Datum) -> Vec<String> {
    let (mut elements, mut nulls, mut count) = (core::ptr::null_mut(), core::ptr::null_mut(), 0);
    // SAFETY: the caller's promise; text is varlena, aligned to int, and none of an array is stored out of line.
    unsafe {
        let array = pg_sys::pg_detoast_datum(value.cast_mut_ptr()) as *mut pg_sys::ArrayType;
        pg_sys::deconstruct_array(
            array,
            pg_sys::TEXTOID,
            -1,
            false,
            b'i' as c_char,
            &mut elements,
            &mut nulls,
            &mut count,
        );
        (0..count as usize)
            .filter(|&i| !*nulls.add(i))
            .map(|i| of_varlena(*elements.add(i)))
            .collect()
    }
}

/// Whether a text is JSON, as the type jsonb understands it.
pub fn is_json(text: &CStr) -> bool {
    subtransaction::attempt(|| {
        let (mut function, mut parameter) = (pg_sys::InvalidOid, pg_sys::InvalidOid);
        // SAFETY: the input function of a built-in type; the string ends with NUL and is not kept or changed.
        unsafe {
            pg_sys::getTypeInputInfo(pg_sys::JSONBOID, &mut function, &mut parameter);
            pg_sys::OidInputFunctionCall(function, text.as_ptr().cast_mut(), parameter, -1);
        }
        Ok(())
    })
    .is_ok()
}
