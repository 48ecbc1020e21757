//! What PostgreSQL writes of its catalogs as SQL (ruleutils.c): the same whatever the search_path of the session is, for it puts a
//! schema before each name that is not found by one.

use crate::pg::runtime::{compat, setting, value};
use pgrx::pg_sys::{self, Datum};

/// The text that one of the functions `pg_get_..()` returns; `None` for NULL.
///
/// # Safety
/// `function` takes `N` arguments of the types of `arguments`, and returns a text.
pub(in crate::pg) unsafe fn text<const N: usize>(
    function: unsafe fn(pg_sys::FunctionCallInfo) -> Datum,
    arguments: [Datum; N],
) -> Option<String> {
    // SAFETY: the caller's promise.
    setting::under_own_path(|| unsafe {
        compat::call(function, arguments).map(|text| value::of_varlena(text))
    })
}
