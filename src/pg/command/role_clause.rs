//! Clauses that set a role: `SET role` of a function, ALTER FUNCTION .. SET role, ALTER ROLE .. SET role, and the same with
//! session_authorization.
//!
//! PostgreSQL tries each such clause, and tries none of a role where the code that runs is not to leave its role (guc.c:
//! GUC_NOT_WHILE_SEC_REST; a RESET of all is a try of each). So a command with such a clause cannot run inside the wall that
//! [`crate::pg::hooks::execute`] builds around a statement. It is not taken down for the statement: CREATE FUNCTION runs
//! inside, without its clauses; what is left outside is one call of PostgreSQL that changes settings of an object that exists,
//! given names and constants only: AlterFunction() or AlterRoleSet(). It evaluates no expression, calls no function of anybody,
//! and raises no event trigger.

use crate::pg::runtime::failure::Failure;
use crate::pg::runtime::list::pointers;
use core::ffi::{CStr, c_char};
use pgrx::pg_sys;

/// What a statement has of these.
pub(in crate::pg) enum RoleClause {
    /// All of it is: it runs outside.
    All(*mut pg_sys::Node),
    /// The clauses of a CREATE FUNCTION, which have been taken out of it.
    Of(*mut pg_sys::List),
}

/// Takes the clauses of settings out of a CREATE FUNCTION where one of them sets a role; finds the other statements that do.
///
/// # Safety
/// `statement` is the parse tree of a utility statement, and nobody else's.
pub(in crate::pg) unsafe fn take_out(statement: *mut pg_sys::Node) -> Option<RoleClause> {
    // SAFETY: the caller's promise; the node tag says what the node is.
    unsafe {
        match (*statement).type_ {
            pg_sys::NodeTag::T_AlterRoleSetStmt => {
                let alter = &*(statement as *mut pg_sys::AlterRoleSetStmt);
                is_about_role(alter.setstmt).then_some(RoleClause::All(statement))
            }
            pg_sys::NodeTag::T_AlterFunctionStmt => {
                let alter = &*(statement as *mut pg_sys::AlterFunctionStmt);
                has_any(alter.actions).then_some(RoleClause::All(statement))
            }
            pg_sys::NodeTag::T_CreateFunctionStmt => {
                let create = &mut *(statement as *mut pg_sys::CreateFunctionStmt);
                if !has_any(create.options) {
                    return None;
                }
                // all of them, so that their order stays
                let (mut kept, mut taken) = (core::ptr::null_mut(), core::ptr::null_mut());
                for option in pointers::<pg_sys::DefElem>(create.options) {
                    let list = if setting_of(option).is_some() {
                        &mut taken
                    } else {
                        &mut kept
                    };
                    *list = pg_sys::lappend(*list, option.cast());
                }
                create.options = kept;
                Some(RoleClause::Of(taken))
            }
            _ => None,
        }
    }
}

/// # Safety
/// A list of DefElem nodes.
pub(in crate::pg) unsafe fn has_any(options: *mut pg_sys::List) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        pointers::<pg_sys::DefElem>(options)
            .into_iter()
            .filter_map(|option| setting_of(option))
            .any(|setting| is_about_role(setting))
    }
}

/// # Safety
/// A valid DefElem node of CREATE or ALTER FUNCTION.
pub(in crate::pg) unsafe fn setting_of(
    option: *mut pg_sys::DefElem,
) -> Option<*mut pg_sys::VariableSetStmt> {
    // SAFETY: the caller's promise; `set` has such a statement (gram.y: common_func_opt_item).
    unsafe { (CStr::from_ptr((*option).defname) == c"set").then_some((*option).arg.cast()) }
}

/// # Safety
/// A valid node.
unsafe fn is_about_role(setting: *mut pg_sys::VariableSetStmt) -> bool {
    // SAFETY: the caller's promise; a name is NULL or a string.
    unsafe {
        let is = |name: &CStr| {
            pg_sys::pg_strcasecmp((*setting).name as *const c_char, name.as_ptr()) == 0
        };
        (*setting).kind == pg_sys::VariableSetKind::VAR_RESET_ALL
            || !(*setting).name.is_null() && (is(c"role") || is(c"session_authorization"))
    }
}

impl RoleClause {
    pub(in crate::pg) fn is_all(&self) -> bool {
        matches!(self, RoleClause::All(_))
    }

    /// Does it, as the role that runs, with no other wall around it. `function` is what the CREATE FUNCTION has made.
    ///
    /// # Safety
    /// Inside a transaction, with a snapshot; `user` is the role that runs, `context` what is to be in force afterwards.
    pub(in crate::pg) unsafe fn run(
        self,
        function: Option<pg_sys::Oid>,
        user: pg_sys::Oid,
        context: core::ffi::c_int,
    ) -> Result<(), Failure> {
        // SAFETY: the caller's promise; after an error the subtransaction around it puts the context back.
        unsafe {
            let statement = match self {
                RoleClause::All(statement) => statement,
                RoleClause::Of(actions) => {
                    let function = function.ok_or_else(|| {
                        Failure::internal("CREATE FUNCTION has made no function".to_owned())
                    })?;
                    alter_function(function, actions)?
                }
            };
            pg_sys::SetUserIdAndSecContext(user, 0);
            if (*statement).type_ == pg_sys::NodeTag::T_AlterRoleSetStmt {
                pg_sys::AlterRoleSet(statement.cast());
            } else {
                let state = pg_sys::make_parsestate(core::ptr::null_mut());
                pg_sys::AlterFunction(state, statement.cast());
                pg_sys::free_parsestate(state);
            }
            pg_sys::SetUserIdAndSecContext(user, context);
        }
        Ok(())
    }
}

/// ALTER ROUTINE with these actions, of a routine known by OID.
///
/// # Safety
/// Inside a transaction; a list of DefElem nodes.
unsafe fn alter_function(
    function: pg_sys::Oid,
    actions: *mut pg_sys::List,
) -> Result<*mut pg_sys::Node, Failure> {
    // SAFETY: nodes are zeroed and live in the current memory context, as names do; the types are an array of that many OIDs.
    unsafe {
        let name = pg_sys::get_func_name(function);
        let schema = pg_sys::get_namespace_name(pg_sys::get_func_namespace(function));
        if name.is_null() || schema.is_null() {
            return Err(Failure::internal("the function is gone".to_owned()));
        }
        let (mut types, mut count) = (core::ptr::null_mut(), 0);
        pg_sys::get_func_signature(function, &mut types, &mut count);
        let (mut names, mut arguments) = (core::ptr::null_mut(), core::ptr::null_mut());
        for part in [schema, name] {
            names = pg_sys::lappend(names, pg_sys::makeString(part).cast());
        }
        for i in 0..usize::try_from(count).unwrap_or(0) {
            let argument = pg_sys::makeTypeNameFromOid(*types.add(i), -1);
            arguments = pg_sys::lappend(arguments, argument.cast());
        }
        let mut routine =
            pgrx::PgBox::<pg_sys::ObjectWithArgs>::alloc_node(pg_sys::NodeTag::T_ObjectWithArgs);
        routine.objname = names;
        routine.objargs = arguments;
        let mut alter = pgrx::PgBox::<pg_sys::AlterFunctionStmt>::alloc_node(
            pg_sys::NodeTag::T_AlterFunctionStmt,
        );
        alter.objtype = pg_sys::ObjectType::OBJECT_ROUTINE;
        alter.func = routine.into_pg();
        alter.actions = actions;
        Ok(alter.into_pg().cast())
    }
}
