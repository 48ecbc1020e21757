//! `SET name FROM CURRENT` of CREATE and ALTER FUNCTION, PROCEDURE and ROUTINE, and of ALTER ROLE: the value is that of
//! the session, which no other server has. The command has stored it.

use crate::pg::command::node::ParseTree;
use crate::pg::command::role_clause::setting_of;
use crate::pg::command::{parser, role_spec};
use crate::pg::runtime::list::pointers;
use crate::pg::runtime::text::{self, quote_literal};
use crate::pg::runtime::value;
use crate::pg::runtime::{scan, session, syscache};
use core::ffi::CStr;
use pgrx::pg_sys;
use std::ffi::CString;

/// Such a clause of a statement.
pub struct Clause {
    /// Where it begins.
    pub start: usize,
    name: CString,
}

/// Whether the statement has such a clause.
pub fn is_in(tree: ParseTree) -> bool {
    // SAFETY: a parse tree is valid while its command runs.
    unsafe { !clauses_of(tree.node()).is_empty() }
}

/// The clauses of one statement. `standard_conforming_strings` is the value under which it was written.
pub fn clauses(query: &CString, standard_conforming_strings: bool) -> Vec<Clause> {
    parser::parsed(query, standard_conforming_strings).map_or_else(Vec::new, |tree| {
        // SAFETY: parsed just now.
        unsafe { clauses_of(tree.node()) }
    })
}

/// # Safety
/// `statement` is NULL or a valid raw parse tree.
unsafe fn clauses_of(statement: *mut pg_sys::Node) -> Vec<Clause> {
    if statement.is_null() {
        return Vec::new();
    }
    // SAFETY: the node tag says which type it is.
    let options = unsafe {
        match (*statement).type_ {
            pg_sys::NodeTag::T_CreateFunctionStmt => {
                (*(statement as *mut pg_sys::CreateFunctionStmt)).options
            }
            pg_sys::NodeTag::T_AlterFunctionStmt => {
                (*(statement as *mut pg_sys::AlterFunctionStmt)).actions
            }
            pg_sys::NodeTag::T_AlterRoleSetStmt => {
                let setting = (*(statement as *mut pg_sys::AlterRoleSetStmt)).setstmt;
                // It has no place of its own, and is the only one.
                return of_setting(setting, 0).into_iter().collect();
            }
            _ => return Vec::new(),
        }
    };
    // SAFETY: options of a function are DefElem nodes.
    unsafe {
        pointers::<pg_sys::DefElem>(options)
            .into_iter()
            .filter_map(|option| {
                let start = usize::try_from((*option).location).ok()?;
                of_setting(setting_of(option)?, start)
            })
            .collect()
    }
}

/// # Safety
/// A valid node.
unsafe fn of_setting(setting: *mut pg_sys::VariableSetStmt, start: usize) -> Option<Clause> {
    // SAFETY: the caller's promise; FROM CURRENT has a name (gram.y: set_rest_more).
    unsafe {
        if (*setting).kind != pg_sys::VariableSetKind::VAR_SET_CURRENT {
            return None;
        }
        let name = CStr::from_ptr((*setting).name).to_owned();
        Some(Clause { start, name })
    }
}

/// What the command has stored: `name=value` each. `function` is what it was about, if it was not a role.
pub fn stored(tree: ParseTree, function: Option<pg_sys::Oid>) -> Vec<String> {
    let node = tree.node();
    // SAFETY: the node tag says which type it is.
    unsafe {
        if (*node).type_ == pg_sys::NodeTag::T_AlterRoleSetStmt {
            return of_role(&*(node as *mut pg_sys::AlterRoleSetStmt));
        }
    }
    function.map(of_function).unwrap_or_default()
}

fn of_function(function: pg_sys::Oid) -> Vec<String> {
    let cache = syscache::cache_number(pg_sys::SysCacheIdentifier::PROCOID);
    // SAFETY: PROCOID holds rows of pg_proc; the array is copied before the row is released.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(cache, pg_sys::Datum::from(function));
        if tuple.is_null() {
            return Vec::new();
        }
        let mut is_null = false;
        let column = pg_sys::Anum_pg_proc_proconfig as pg_sys::AttrNumber;
        let settings = pg_sys::SysCacheGetAttr(cache, tuple, column, &mut is_null);
        let stored = if is_null {
            Vec::new()
        } else {
            value::array(settings)
        };
        pg_sys::ReleaseSysCache(tuple);
        stored
    }
}

/// # Safety
/// A valid node.
unsafe fn of_role(alter: &pg_sys::AlterRoleSetStmt) -> Vec<String> {
    let mut stored = Vec::new();
    // SAFETY: the caller's promise; names end with NUL, and an OID that is looked for and missing is 0, as that of ALL;
    // the index is on these columns.
    unsafe {
        let role = role_spec::name(alter.role).map(|name| text::c_string(&name));
        let role = role.map_or(pg_sys::InvalidOid, |name| {
            pg_sys::get_role_oid(name.as_ptr(), true)
        });
        let database = if alter.database.is_null() {
            pg_sys::InvalidOid
        } else {
            pg_sys::get_database_oid(alter.database, true)
        };
        scan::each_row(
            pg_sys::DbRoleSettingRelationId,
            pg_sys::DbRoleSettingDatidRolidIndexId,
            &[
                (pg_sys::Anum_pg_db_role_setting_setdatabase, database),
                (pg_sys::Anum_pg_db_role_setting_setrole, role),
            ],
            |tuple, descriptor| {
                let mut is_null = false;
                let column = pg_sys::Anum_pg_db_role_setting_setconfig as i32;
                let settings = pg_sys::heap_getattr(tuple, column, descriptor, &mut is_null);
                if !is_null {
                    stored.extend(value::array(settings));
                }
            },
        );
    }
    stored
}

/// Settings whose value is a list of names that are folded to lower case where they are not quoted (varlena.c:
/// SplitIdentifierString); the other lists are of files.
const LISTS_OF_NAMES: [&str; 2] = ["search_path", "temp_tablespaces"];

impl Clause {
    /// The value of its setting among those stored, as SET takes it; `None` where the command has stored none, since a
    /// later clause took it back.
    pub fn value(&self, stored: &[String]) -> Option<String> {
        let name = self.canonical_name();
        let value = stored.iter().find_map(|one| {
            let (known, value) = one.split_once('=')?;
            known.eq_ignore_ascii_case(&name).then_some(value)
        })?;
        if !self.is_quoted_list() {
            return Some(quote_literal(value));
        }
        let folds = LISTS_OF_NAMES.contains(&name.as_str());
        let elements = session::identifiers(&text::encode(value), folds);
        let elements: Vec<String> = elements
            .iter()
            .map(|element| quote_literal(&text::decode(element)))
            .collect();
        Some(elements.join(", "))
    }

    /// Whether it stays as it was sent: SET has no words for an empty list of files, and would make it one of a file
    /// without name.
    pub fn stays(&self, stored: &[String]) -> bool {
        let is_of_files =
            self.is_quoted_list() && !LISTS_OF_NAMES.contains(&self.canonical_name().as_str());
        is_of_files && self.value(stored).is_some_and(|value| value == "''")
    }

    /// PostgreSQL stores a setting under its own name, whatever the spelling.
    fn canonical_name(&self) -> String {
        let mut known = core::ptr::null();
        // SAFETY: a name that ends with NUL; `known` becomes that of the setting, which stays, or NULL. The role has
        // just read this setting, so that it is no error.
        unsafe {
            pg_sys::GetConfigOptionByName(self.name.as_ptr(), &mut known, true);
            text::string(known)
        }
        .unwrap_or_else(|| text::decode(self.name.to_bytes()))
    }

    /// Whether the elements of its value are quoted as identifiers (guc.h: GUC_LIST_QUOTE).
    fn is_quoted_list(&self) -> bool {
        // SAFETY: a name that ends with NUL; a setting that is missing has no flags.
        let flags = unsafe { pg_sys::GetConfigOptionFlags(self.name.as_ptr(), true) };
        flags as u32 & pg_sys::GUC_LIST_QUOTE != 0
    }
}
