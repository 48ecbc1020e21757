//! PostgreSQL's lists (pg_list.h).

use crate::pg::runtime::text;
use core::ffi::c_char;
use pgrx::pg_sys;

/// The pointers of a PostgreSQL list.
///
/// # Safety
/// `list` is NIL or a valid list of pointers.
pub(in crate::pg) unsafe fn pointers<T>(list: *mut pg_sys::List) -> Vec<*mut T> {
    if list.is_null() {
        return Vec::new();
    }
    // SAFETY: the caller's promise; cells 0..length are initialized (pg_list.h).
    unsafe {
        (0..(*list).length)
            .map(|i| (*(*list).elements.add(i as usize)).ptr_value as *mut T)
            .collect()
    }
}

/// # Safety
/// `list` is NIL or a valid list of OIDs.
pub(in crate::pg) unsafe fn oids(list: *mut pg_sys::List) -> Vec<pg_sys::Oid> {
    if list.is_null() {
        return Vec::new();
    }
    // SAFETY: the caller's promise; cells 0..length are initialized (pg_list.h).
    unsafe {
        (0..(*list).length)
            .map(|i| (*(*list).elements.add(i as usize)).oid_value)
            .collect()
    }
}

/// Whether a list has these OIDs.
///
/// # Safety
/// `list` is NIL or a valid list of OIDs.
pub(in crate::pg) unsafe fn is_of(list: *mut pg_sys::List, oids: &[pg_sys::Oid]) -> bool {
    if list.is_null() {
        return oids.is_empty();
    }
    // SAFETY: the caller's promise; cells 0..length are initialized (pg_list.h).
    unsafe {
        (*list).length as usize == oids.len()
            && (oids.iter().enumerate())
                .all(|(i, &oid)| (*(*list).elements.add(i)).oid_value == oid)
    }
}

/// A list of one pointer.
///
/// # Safety
/// `pointer` is a node.
pub(in crate::pg) unsafe fn of(pointer: *mut core::ffi::c_void) -> *mut pg_sys::List {
    // SAFETY: the caller's promise; lappend makes a list of NIL.
    unsafe { pg_sys::lappend(core::ptr::null_mut(), pointer) }
}

/// A string node; a generic Value before 15 (nodes/value.h), with the pointer at the same place.
#[repr(C)]
struct StringNode {
    tag: pg_sys::NodeTag,
    sval: *mut c_char,
}

/// The string of a string node.
///
/// # Safety
/// `node` is one.
pub(in crate::pg) unsafe fn string<'a>(node: *mut pg_sys::Node) -> &'a [u8] {
    // SAFETY: the caller's promise.
    unsafe { text::bytes((*node.cast::<StringNode>()).sval) }
}

/// Gives a string node the string of another.
///
/// # Safety
/// Both are string nodes, of which the first does not outlive the second.
pub(in crate::pg) unsafe fn set_string(node: *mut pg_sys::Node, other: *mut pg_sys::Node) {
    // SAFETY: the caller's promise.
    unsafe { (*node.cast::<StringNode>()).sval = (*other.cast::<StringNode>()).sval }
}

/// The strings of a list of string nodes.
///
/// # Safety
/// `list` is NIL or a valid list of string nodes.
pub(in crate::pg) unsafe fn strings(list: *mut pg_sys::List) -> Vec<String> {
    // SAFETY: the caller's promise.
    unsafe {
        pointers::<StringNode>(list)
            .into_iter()
            .filter_map(|node| text::string((*node).sval))
            .collect()
    }
}
