//! The roles that statements name: CURRENT_USER, SESSION_USER and the like.
//!
//! On a destination a command runs as the role that it had, so that CURRENT_USER is right by itself; SESSION_USER is replaced
//! in the parse tree: where there is no such role here it would be whoever the worker is (execute.rs: `set_session_user`).

use crate::pg::catalog::role::Role;
use crate::pg::command::node::alter_table_commands;
use crate::pg::runtime::list::pointers;
use crate::pg::runtime::text;
use core::ffi::CStr;
use pgrx::pg_sys;

/// The role's name; `None` for PUBLIC and for no role.
///
/// # Safety
/// `spec` is NULL or valid.
pub(in crate::pg) unsafe fn name(spec: *mut pg_sys::RoleSpec) -> Option<String> {
    if spec.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    unsafe {
        match (*spec).roletype {
            pg_sys::RoleSpecType::ROLESPEC_CSTRING => text::string((*spec).rolename),
            pg_sys::RoleSpecType::ROLESPEC_SESSION_USER => Role::of_session().name(),
            pg_sys::RoleSpecType::ROLESPEC_PUBLIC => None,
            // CURRENT_USER, and CURRENT_ROLE, which is new in 14
            _ => Role::current().name(),
        }
    }
}

/// Puts a name in the place of SESSION_USER wherever a statement takes a role.
///
/// # Safety
/// `statement` is a valid raw parse tree that belongs to the caller.
pub(in crate::pg) unsafe fn set_session_user(statement: *mut pg_sys::Node, name: &CStr) {
    // SAFETY: the caller's promise.
    unsafe {
        for spec in of_statement(statement) {
            if !spec.is_null() && (*spec).roletype == pg_sys::RoleSpecType::ROLESPEC_SESSION_USER {
                (*spec).roletype = pg_sys::RoleSpecType::ROLESPEC_CSTRING;
                (*spec).rolename = pg_sys::pstrdup(name.as_ptr());
            }
        }
    }
}

/// All places for a role in a statement.
///
/// # Safety
/// `statement` is a valid raw parse tree.
unsafe fn of_statement(statement: *mut pg_sys::Node) -> Vec<*mut pg_sys::RoleSpec> {
    use pg_sys::NodeTag::*;
    // SAFETY: the node tag says which type each is.
    unsafe {
        match (*statement).type_ {
            T_CreateRoleStmt => in_options((*(statement as *mut pg_sys::CreateRoleStmt)).options),
            T_AlterRoleStmt => {
                let alter = statement as *mut pg_sys::AlterRoleStmt;
                with(in_options((*alter).options), (*alter).role)
            }
            T_AlterRoleSetStmt => vec![(*(statement as *mut pg_sys::AlterRoleSetStmt)).role],
            T_DropRoleStmt => pointers((*(statement as *mut pg_sys::DropRoleStmt)).roles),
            T_GrantRoleStmt => {
                let grant = statement as *mut pg_sys::GrantRoleStmt;
                with(pointers((*grant).grantee_roles), (*grant).grantor)
            }
            T_GrantStmt => {
                let grant = statement as *mut pg_sys::GrantStmt;
                #[cfg(feature = "pg13")]
                return pointers((*grant).grantees);
                #[cfg(not(feature = "pg13"))]
                with(pointers((*grant).grantees), (*grant).grantor)
            }
            T_AlterDefaultPrivilegesStmt => {
                let alter = statement as *mut pg_sys::AlterDefaultPrivilegesStmt;
                let mut specs = in_options((*alter).options);
                specs.extend(of_statement((*alter).action.cast()));
                specs
            }
            T_ReassignOwnedStmt => {
                let reassign = statement as *mut pg_sys::ReassignOwnedStmt;
                with(pointers((*reassign).roles), (*reassign).newrole)
            }
            T_DropOwnedStmt => pointers((*(statement as *mut pg_sys::DropOwnedStmt)).roles),
            T_AlterOwnerStmt => vec![(*(statement as *mut pg_sys::AlterOwnerStmt)).newowner],
            T_AlterTableStmt => alter_table_commands(statement)
                .into_iter()
                .map(|command| (*command).newowner)
                .collect(),
            T_AlterTableMoveAllStmt => {
                pointers((*(statement as *mut pg_sys::AlterTableMoveAllStmt)).roles)
            }
            T_CreateSchemaStmt => {
                let create = statement as *mut pg_sys::CreateSchemaStmt;
                let mut specs = vec![(*create).authrole];
                for element in pointers::<pg_sys::Node>((*create).schemaElts) {
                    specs.extend(of_statement(element));
                }
                specs
            }
            T_CreatePolicyStmt => pointers((*(statement as *mut pg_sys::CreatePolicyStmt)).roles),
            T_AlterPolicyStmt => pointers((*(statement as *mut pg_sys::AlterPolicyStmt)).roles),
            T_CreateUserMappingStmt => {
                vec![(*(statement as *mut pg_sys::CreateUserMappingStmt)).user]
            }
            T_AlterUserMappingStmt => {
                vec![(*(statement as *mut pg_sys::AlterUserMappingStmt)).user]
            }
            T_DropUserMappingStmt => {
                vec![(*(statement as *mut pg_sys::DropUserMappingStmt)).user]
            }
            _ => Vec::new(),
        }
    }
}

fn with(
    mut specs: Vec<*mut pg_sys::RoleSpec>,
    spec: *mut pg_sys::RoleSpec,
) -> Vec<*mut pg_sys::RoleSpec> {
    specs.push(spec);
    specs
}

/// The roles in lists that are options (`IN ROLE a, b`, `FOR ROLE a`).
///
/// # Safety
/// `options` is NIL or a valid list of DefElem nodes.
unsafe fn in_options(options: *mut pg_sys::List) -> Vec<*mut pg_sys::RoleSpec> {
    // SAFETY: the caller's promise; node tags are checked before each cast.
    unsafe {
        pointers::<pg_sys::DefElem>(options)
            .into_iter()
            .map(|option| (*option).arg)
            .filter(|&arg| !arg.is_null() && (*arg).type_ == pg_sys::NodeTag::T_List)
            .flat_map(|list| pointers::<pg_sys::Node>(list.cast()))
            .filter(|&item| (*item).type_ == pg_sys::NodeTag::T_RoleSpec)
            .map(|item| item.cast())
            .collect()
    }
}
