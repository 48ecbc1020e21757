//! Text between the server encoding and Rust's `String`, lossless in every encoding.
//!
//! A database in UTF8 holds UTF-8. In any other database bytes are carried one to one, each as the character of the
//! same number: every server encoding keeps ASCII bytes for ASCII only, so JSON built around such text is right
//! again once it is turned back into bytes. No conversion takes place, hence none can fail (EUC_CN characters without a
//! Unicode twin, SQL_ASCII bytes that are no text at all).
//! Relied on: PostgreSQL admits no server encoding whose multi-byte characters contain ASCII bytes (mb/pg_wchar.h).

use crate::pg::runtime::memory;
use core::ffi::{CStr, c_char};
use pgrx::pg_sys;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::ffi::CString;

fn is_utf8() -> bool {
    thread_local! {
        static IS_UTF8: OnceCell<bool> = const { OnceCell::new() };
    }
    IS_UTF8.with(|known| {
        // SAFETY: reads a backend-global; the database of a process does not change.
        *known.get_or_init(|| unsafe {
            pg_sys::GetDatabaseEncoding() == pg_sys::pg_enc::PG_UTF8 as i32
        })
    })
}

/// Server bytes as a `String`.
pub fn decode(bytes: &[u8]) -> String {
    // In another encoding than UTF-8 each byte may become two.
    memory::require(bytes.len().saturating_mul(2));
    // Nearly everything, and the same in every encoding.
    if bytes.is_ascii() {
        // SAFETY: ASCII is UTF-8.
        return unsafe { core::str::from_utf8_unchecked(bytes) }.to_owned();
    }
    if !is_utf8() {
        return bytes.iter().map(|&b| b as char).collect();
    }
    match core::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// The inverse of [`decode`].
pub fn encode(text: &str) -> Cow<'_, [u8]> {
    if is_utf8() {
        return Cow::Borrowed(text.as_bytes());
    }
    memory::require(text.len());
    text.chars()
        .map(|c| u8::try_from(c as u32).unwrap_or(b'?'))
        .collect()
}

/// [`encode`] of UTF-8 that need not be checked.
pub fn encode_all(utf8: Vec<u8>) -> Vec<u8> {
    if is_utf8() {
        return utf8;
    }
    encode(&String::from_utf8_lossy(&utf8)).into_owned()
}

/// The first `most` bytes of a text, or less where a character would be cut.
pub fn cut(text: &[u8], most: u16) -> &[u8] {
    let most = usize::from(most);
    if text.len() <= most {
        return text;
    }
    // No character has more bytes than these.
    let end = text
        .len()
        .min(most + pg_sys::MAX_MULTIBYTE_CHAR_LEN as usize);
    // SAFETY: both lengths are small; clips at a character's boundary in the server encoding.
    let length = unsafe { pg_sys::pg_mbcliplen(text.as_ptr().cast(), end as i32, most as i32) };
    &text[..usize::try_from(length).unwrap_or(0)]
}

/// A C string of the server as bytes; empty for NULL.
///
/// # Safety
/// `s` is NULL or a NUL-terminated string that lives at least as long as the returned slice is used.
pub unsafe fn bytes<'a>(s: *const c_char) -> &'a [u8] {
    if s.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(s) }.to_bytes()
}

/// A C string of the server as `String`, `None` for NULL.
///
/// # Safety
/// `s` is NULL or a NUL-terminated string.
pub unsafe fn string(s: *const c_char) -> Option<String> {
    if s.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    Some(decode(unsafe { bytes(s) }))
}

/// Text for a C function.
pub fn c_string(text: &str) -> CString {
    c_string_of_bytes(&encode(text))
}

/// Server bytes for a C function; a NUL cannot occur in server text and would end it.
pub fn c_string_of_bytes(bytes: &[u8]) -> CString {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    CString::new(&bytes[..end]).unwrap_or_default()
}

/// `value` as an SQL literal.
pub fn quote_literal(value: &str) -> String {
    let value = c_string(value);
    // SAFETY: takes a NUL-terminated string and returns a palloc'd one.
    unsafe { string(pg_sys::quote_literal_cstr(value.as_ptr())) }.unwrap_or_default()
}

/// `name` as an SQL identifier, quoted where the grammar needs it.
pub fn quote_identifier(name: &str) -> String {
    let name = c_string(name);
    // SAFETY: quote_identifier takes a NUL-terminated string and returns it or a palloc'd one.
    unsafe { string(pg_sys::quote_identifier(name.as_ptr())) }.unwrap_or_default()
}
