//! Whether an expression has the same value wherever it is computed from the same row under the same settings of PostgreSQL.
//!
//! Immutable functions are. Of stable ones those that make text of values and values of text, and that reckon with time, depend on
//! settings that each row tells (DateStyle, TimeZone ..); all others may depend on the moment, the session, the role, on tables.

use crate::pg::runtime::text;
use core::ffi::c_void;
use pgrx::pg_sys;

/// Stable functions of PostgreSQL that depend on nothing but their arguments and such settings. Casts, operators and what types
/// read and write their values with are not listed.
const REPEATABLE: [&str; 34] = [
    "array_to_json",
    "array_to_string",
    "concat",
    "concat_ws",
    "date",
    "date_add",
    "date_bin",
    "date_part",
    "date_subtract",
    "date_trunc",
    "extract",
    "format",
    "json_build_array",
    "json_build_object",
    "json_object",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_path_query_first_tz",
    "make_timestamptz",
    "plainto_tsquery",
    "quote_literal",
    "quote_nullable",
    "row_to_json",
    "time",
    "timestamp",
    "timestamptz",
    "timezone",
    "to_char",
    "to_date",
    "to_json",
    "to_jsonb",
    "to_timestamp",
    "to_tsquery",
    "to_tsvector",
];

/// # Safety
/// `expression` is NULL, or a tree of PostgreSQL's that has been analysed.
pub(in crate::pg) unsafe fn is_repeatable(expression: *mut pg_sys::Node) -> bool {
    // SAFETY: the caller's promise.
    !unsafe { depends(expression, core::ptr::null_mut()) }
}

/// Whether a part of an expression depends on anything else (clauses.c: contain_mutable_functions_walker).
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn depends(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: the walker hands out nodes of the tree; their tags say what they are.
    unsafe {
        let looked_at = match (*node).type_ {
            // CURRENT_USER and the like, and what draws from a sequence
            pg_sys::NodeTag::T_SQLValueFunction | pg_sys::NodeTag::T_NextValueExpr => return true,
            pg_sys::NodeTag::T_FuncExpr => {
                let call = node.cast::<pg_sys::FuncExpr>();
                let is_cast = matches!(
                    (*call).funcformat,
                    pg_sys::CoercionForm::COERCE_EXPLICIT_CAST
                        | pg_sys::CoercionForm::COERCE_IMPLICIT_CAST
                );
                function_depends((*call).funcid, is_cast)
            }
            _ => pg_sys::check_functions_in_node(node, Some(operation_depends), context),
        };
        looked_at || pg_sys::expression_tree_walker(node, Some(depends), context)
    }
}

/// What operators, and types for their texts, call.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn operation_depends(
    function: pg_sys::Oid,
    _context: *mut c_void,
) -> bool {
    function_depends(function, true)
}

fn function_depends(function: pg_sys::Oid, is_operation: bool) -> bool {
    // SAFETY: syscache look-ups; the name is a fresh string.
    unsafe {
        match pg_sys::func_volatile(function) as u8 {
            pg_sys::PROVOLATILE_IMMUTABLE => false,
            pg_sys::PROVOLATILE_STABLE if function.to_u32() < pg_sys::FirstNormalObjectId => {
                let name = || text::string(pg_sys::get_func_name(function)).unwrap_or_default();
                !is_operation && !REPEATABLE.contains(&name().as_str())
            }
            _ => true,
        }
    }
}
