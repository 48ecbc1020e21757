//! The tables and sequences that a GRANT or REVOKE names, as they are called when it begins. It writes their rows in pg_class, so that
//! to ask afterwards would be to read these again: more work than the rest of its capture.

use crate::pg::catalog::lookup::{self, Address, Relation};
use crate::pg::command::node::{self, ParseTree};
use crate::pg::runtime::list;
use pgrx::pg_sys;

/// One of them.
pub struct Named {
    pub address: Address,
    pub relation: Relation,
}

/// In the order of the statement, as PostgreSQL collects them (aclchk.c: objectNamesToOids); none for other statements and other
/// kinds of objects. To be asked before it runs.
pub fn named(tree: ParseTree) -> Vec<Named> {
    let Some(grant) = grant(tree) else {
        return Vec::new();
    };
    let of_relations = matches!(
        grant.objtype,
        pg_sys::ObjectType::OBJECT_TABLE | pg_sys::ObjectType::OBJECT_SEQUENCE
    );
    if grant.targtype != pg_sys::GrantTargetType::ACL_TARGET_OBJECT || !of_relations {
        return Vec::new();
    }
    // SAFETY: relations are named by range variables (gram.y: privilege_target).
    let names = unsafe { list::pointers::<pg_sys::RangeVar>(grant.objects) };
    let found = names.into_iter().map(|name| {
        // SAFETY: as above.
        let found = unsafe { node::find_quietly(name) };
        Some(Named {
            address: Address::relation(found),
            relation: lookup::relation(found)?,
        })
    });
    // What is missing is the statement's own error.
    found.collect::<Option<_>>().unwrap_or_default()
}

/// Whether a statement grants on all objects of a schema.
pub fn is_on_all(tree: ParseTree) -> bool {
    grant(tree)
        .is_some_and(|grant| grant.targtype == pg_sys::GrantTargetType::ACL_TARGET_ALL_IN_SCHEMA)
}

fn grant<'a>(tree: ParseTree) -> Option<&'a pg_sys::GrantStmt> {
    let grant = tree.cast::<pg_sys::GrantStmt>(pg_sys::NodeTag::T_GrantStmt)?;
    // SAFETY: a parse tree is valid while its command runs.
    Some(unsafe { &*grant })
}
