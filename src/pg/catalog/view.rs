//! Whether a view computes its rows from volatile functions: another server, which fills a materialized view anew from the same
//! tables, gets others then. Of stable ones the moment and the settings that they read are in the command's row.

use crate::pg::runtime::list::pointers;
use core::ffi::c_void;
use pgrx::pg_sys;

/// Of a view, materialized or not, with the views in its query.
pub fn is_volatile(view: pg_sys::Oid) -> bool {
    let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
    // SAFETY: the relation is open for as long as its rule is looked at. A view has one rule, ON SELECT, of one action; one that is
    // being made may have none yet.
    unsafe {
        pg_sys::check_stack_depth();
        let relation = pg_sys::try_relation_open(view, lock);
        if relation.is_null() {
            return false;
        }
        let rules = (*relation).rd_rules;
        let found = !rules.is_null()
            && (*rules).numLocks > 0
            && pointers::<pg_sys::Node>((**(*rules).rules).actions)
                .into_iter()
                .any(|query| calls_volatile(query, (&raw const view).cast_mut().cast()));
        pg_sys::relation_close(relation, lock);
        found
    }
}

/// clauses.c: contain_volatile_functions_walker, which does not enter views.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn calls_volatile(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: the walkers hand out nodes of an analysed query; their tags say what they are. The context is the view's OID.
    unsafe {
        match (*node).type_ {
            pg_sys::NodeTag::T_NextValueExpr => true,
            pg_sys::NodeTag::T_TableSampleClause
                if (*node.cast::<pg_sys::TableSampleClause>())
                    .repeatable
                    .is_null() =>
            {
                true
            }
            pg_sys::NodeTag::T_Query => {
                let parts = pg_sys::QTW_EXAMINE_RTES_BEFORE as i32;
                pg_sys::query_tree_walker(node.cast(), Some(calls_volatile), context, parts)
            }
            // Its own parts, query_tree_walker() looks at itself. A rule's query names its own view, as OLD and NEW.
            pg_sys::NodeTag::T_RangeTblEntry => {
                let entry = node.cast::<pg_sys::RangeTblEntry>();
                (*entry).rtekind == pg_sys::RTEKind::RTE_RELATION
                    && (*entry).relid != *context.cast::<pg_sys::Oid>()
                    && pg_sys::get_rel_relkind((*entry).relid) as u8 == pg_sys::RELKIND_VIEW
                    && is_volatile((*entry).relid)
            }
            _ => {
                pg_sys::check_functions_in_node(node, Some(is_volatile_function), context)
                    || pg_sys::expression_tree_walker(node, Some(calls_volatile), context)
            }
        }
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn is_volatile_function(
    function: pg_sys::Oid,
    _context: *mut c_void,
) -> bool {
    // SAFETY: a syscache look-up.
    unsafe { pg_sys::func_volatile(function) as u8 == pg_sys::PROVOLATILE_VOLATILE }
}
