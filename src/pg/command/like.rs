//! CREATE TABLE (LIKE temporary_table ..): what the new table got from a table that no other server has.
//!
//! Before the command runs: which columns and constraints the temporary table has. Afterwards: the same of the new table, as
//! elements of a CREATE TABLE.
//! Not promised: what a CREATE TABLE has no words for (indexes without constraint, statistics, comments; storage before 16),
//! and the options of an identity column's sequence.

use crate::pg::catalog::relation;
use crate::pg::catalog::role::Role;
use crate::pg::command::node::{self, ParseTree};
use crate::pg::command::table_element::{Constraint, column, constraints};
use crate::pg::runtime::{compat, list, scan, session, text};
use pgrx::pg_sys;

/// A LIKE clause of a temporary table.
pub struct TemporaryLike {
    /// Which of the LIKE clauses it is, from 0.
    pub number: usize,
    columns: Vec<String>,
    constraints: Vec<Constraint>,
}

/// The LIKE clauses of a CREATE TABLE that name temporary tables, and how many LIKE clauses there are; to be asked before it
/// runs, under the user's search_path.
pub fn temporary_likes(tree: ParseTree) -> (Vec<TemporaryLike>, usize) {
    let create = tree.cast::<pg_sys::CreateStmt>(pg_sys::NodeTag::T_CreateStmt);
    let Some(create) = create.filter(|_| session::session_has_temporary_schema()) else {
        return (Vec::new(), 0);
    };
    // SAFETY: the node tags say which types these are; the look-up takes no lock.
    unsafe {
        let likes: Vec<*mut pg_sys::RangeVar> = list::pointers((*create).tableElts)
            .into_iter()
            .filter_map(|element| node::cast(element, pg_sys::NodeTag::T_TableLikeClause))
            .map(|like: *mut pg_sys::TableLikeClause| (*like).relation)
            .collect();
        let total = likes.len();
        let temporary = likes
            .into_iter()
            .enumerate()
            .filter_map(|(number, name)| {
                let table = node::temporary_relation(name)?;
                Some(TemporaryLike {
                    number,
                    columns: relation::columns(table, |_, attribute| {
                        text::string(attribute.attname.data.as_ptr())
                    })
                    .unwrap_or_default(),
                    constraints: constraints(table),
                })
            })
            .collect();
        (temporary, total)
    }
}

/// What a new table has of it.
pub fn elements(
    like: &TemporaryLike,
    table: pg_sys::Oid,
    made: &[pg_sys::Oid],
    qualify_all: bool,
) -> Vec<String> {
    // SAFETY: the table is open while its descriptor is read; the creating command holds a lock on it.
    unsafe {
        let lock = pg_sys::NoLock as pg_sys::LOCKMODE;
        let relation = pg_sys::try_relation_open(table, lock);
        if relation.is_null() {
            return Vec::new();
        }
        let descriptor = (*relation).rd_att;
        let mut elements: Vec<String> = (0..(*descriptor).natts as usize)
            .map(|i| compat::attribute(descriptor, i))
            .filter(|attribute| {
                text::string(attribute.attname.data.as_ptr())
                    .is_some_and(|name| like.columns.contains(&name))
            })
            .filter_map(|attribute| column(relation, attribute, made, qualify_all))
            .collect();
        pg_sys::relation_close(relation, lock);
        let own = constraints(table).into_iter().filter(|c| {
            like.constraints
                .iter()
                .any(|original| c.stems_from(original))
        });
        elements.extend(own.map(|constraint| constraint.element()));
        elements
    }
}

/// Whether PostgreSQL, when it reads the defaults and constraints of this table as text, runs code that is neither the role's
/// nor a superuser's, and did not run when LIKE took them: checks of domains that a constant passes (parse_coerce.c:
/// coerce_type), and functions of generated columns, which are planned (heap.c: cookDefault). Who has written them cannot be
/// known. A constant depends on its type (dependency.c).
pub fn runs_code_when_read(table: pg_sys::Oid, role: Role) -> bool {
    let mut parts = Vec::new();
    let mut found = false;
    // SAFETY: the indexes begin with these columns, and the structures are those of the catalogs' rows.
    unsafe {
        scan::each_row(
            pg_sys::AttrDefaultRelationId,
            pg_sys::AttrDefaultIndexId,
            &[(pg_sys::Anum_pg_attrdef_adrelid, table)],
            |tuple, _| {
                let row = &*(pg_sys::GETSTRUCT(tuple) as pg_sys::Form_pg_attrdef);
                let is_planned = pg_sys::get_attgenerated(table, row.adnum) != 0;
                parts.push((pg_sys::AttrDefaultRelationId, row.oid, is_planned));
            },
        );
        scan::each_row(
            pg_sys::ConstraintRelationId,
            pg_sys::ConstraintRelidTypidNameIndexId,
            &[(pg_sys::Anum_pg_constraint_conrelid, table)],
            |tuple, _| {
                let row = &*(pg_sys::GETSTRUCT(tuple) as pg_sys::Form_pg_constraint);
                parts.push((pg_sys::ConstraintRelationId, row.oid, false));
            },
        );
        // Before 15 a generated column itself depends on what its expression names (heap.c: StoreAttrDefault).
        if session::MAJOR < 15 {
            parts.push((pg_sys::RelationRelationId, table, false));
        }
        for (class, object, is_planned) in parts {
            scan::each_dependency(class, object, |row, _| {
                let is_column = class == pg_sys::RelationRelationId;
                let column = row.objsubid as pg_sys::AttrNumber;
                if is_column && (column <= 0 || pg_sys::get_attgenerated(table, column) == 0) {
                    return;
                }
                let is_planned = is_planned || is_column;
                let is_strange = |owner: Role| owner != role && !owner.is_superuser();
                found |= match row.refclassid {
                    pg_sys::TypeRelationId => may_hold_a_domain(row.refobjid),
                    pg_sys::ProcedureRelationId if is_planned => {
                        Role::owner_of_function(row.refobjid).is_none_or(is_strange)
                    }
                    pg_sys::OperatorRelationId if is_planned => {
                        Role::owner_of_function(pg_sys::get_opcode(row.refobjid))
                            .is_none_or(is_strange)
                    }
                    _ => false,
                };
            });
        }
    }
    found
}

/// Composite types, ranges, and arrays of anything but enums and base types.
///
/// # Safety
/// A type that is there.
unsafe fn may_hold_a_domain(object: pg_sys::Oid) -> bool {
    // SAFETY: syscache look-ups.
    unsafe {
        let element = pg_sys::get_element_type(object);
        let kind = |object| pg_sys::get_typtype(object) as u8;
        if element == pg_sys::InvalidOid {
            !matches!(kind(object), b'b' | b'd' | b'e')
        } else {
            !matches!(kind(element), b'b' | b'e')
        }
    }
}
