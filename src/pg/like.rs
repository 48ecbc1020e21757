//! CREATE TABLE (LIKE temporary_table ..): what the new table got from a table that no other server has.
//!
//! Before the command runs: which columns and constraints the temporary table has. Afterwards: the same of the new table, as
//! elements of a CREATE TABLE.
//! Not promised: what a CREATE TABLE has no words for (indexes without constraint, statistics, comments; storage before 16),
//! and the options of an identity column's sequence.

use super::compat;
use super::execute::Role;
use super::node::{self, ParseTree};
use super::relation;
use super::scan;
use super::session;
use super::text;
use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

/// A LIKE clause of a temporary table.
pub struct TemporaryLike {
    /// Which of the LIKE clauses it is, from 0.
    pub number: usize,
    columns: Vec<String>,
    constraints: Vec<Constraint>,
}

struct Constraint {
    kind: u8,
    name: String,
    definition: String,
}

impl Constraint {
    /// LIKE keeps the names of constraints, but not those of the ones that indexes make.
    fn stems_from(&self, original: &Self) -> bool {
        self.kind == original.kind
            && match self.kind {
                b'c' | b'n' => self.name == original.name,
                b'p' | b'u' | b'x' => self.definition == original.definition,
                _ => false,
            }
    }
}

/// The LIKE clauses of a CREATE TABLE that name temporary tables, and how many LIKE clauses there are; to be asked before it
/// runs, under the user's search_path.
pub fn temporary_likes(tree: ParseTree) -> (Vec<TemporaryLike>, usize) {
    let node = tree.node();
    // SAFETY: the node tags say which types these are; the look-up takes no lock.
    unsafe {
        if node.is_null()
            || (*node).type_ != pg_sys::NodeTag::T_CreateStmt
            || !node::session_has_temporary_schema()
        {
            return (Vec::new(), 0);
        }
        let elements: Vec<*mut pg_sys::Node> =
            node::pointers((*(node as *mut pg_sys::CreateStmt)).tableElts);
        let likes: Vec<*mut pg_sys::RangeVar> = elements
            .into_iter()
            .filter(|&element| (*element).type_ == pg_sys::NodeTag::T_TableLikeClause)
            .map(|element| (*(element as *mut pg_sys::TableLikeClause)).relation)
            .collect();
        let total = likes.len();
        let temporary = likes
            .into_iter()
            .enumerate()
            .filter_map(|(number, name)| {
                let table = node::temporary_relation(name)?;
                Some(TemporaryLike {
                    number,
                    columns: columns(table),
                    constraints: constraints(table),
                })
            })
            .collect();
        (temporary, total)
    }
}

/// What a new table has of it.
pub fn elements(like: &TemporaryLike, table: pg_sys::Oid, qualify_all: bool) -> Vec<String> {
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
            .filter_map(|attribute| column(relation, attribute, qualify_all))
            .collect();
        pg_sys::relation_close(relation, lock);
        let own = constraints(table).into_iter().filter(|c| {
            like.constraints
                .iter()
                .any(|original| c.stems_from(original))
        });
        elements.extend(own.map(|constraint| {
            let name = text::quote_identifier(&constraint.name);
            format!("CONSTRAINT {name} {}", constraint.definition)
        }));
        elements
    }
}

/// Whether PostgreSQL, when it reads the defaults and constraints of this table as text, runs code that is neither the role's nor a
/// superuser's, and did not run when LIKE took them: checks of domains that a constant passes (parse_coerce.c: coerce_type), and
/// functions of generated columns, which are planned (heap.c: cookDefault). Who has written them cannot be known. A constant depends
/// on its type (dependency.c).
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

/// # Safety
/// `table` exists.
unsafe fn columns(table: pg_sys::Oid) -> Vec<String> {
    // SAFETY: as in `elements`; the command itself is going to lock the table.
    unsafe {
        let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
        let relation = pg_sys::try_relation_open(table, lock);
        if relation.is_null() {
            return Vec::new();
        }
        let names = (0..(*(*relation).rd_att).natts as usize)
            .map(|i| compat::attribute((*relation).rd_att, i))
            .filter(|attribute| !attribute.attisdropped)
            .filter_map(|attribute| text::string(attribute.attname.data.as_ptr()))
            .collect();
        pg_sys::relation_close(relation, lock);
        names
    }
}

/// # Safety
/// `table` exists.
unsafe fn constraints(table: pg_sys::Oid) -> Vec<Constraint> {
    let mut found = Vec::new();
    // SAFETY: pg_constraint has an index that begins with conrelid; pg_get_constraintdef(oid) reads catalogs.
    unsafe {
        scan::each_row(
            pg_sys::ConstraintRelationId,
            pg_sys::ConstraintRelidTypidNameIndexId,
            &[(pg_sys::Anum_pg_constraint_conrelid, table)],
            |tuple, _| {
                let row = &*(pg_sys::GETSTRUCT(tuple) as pg_sys::Form_pg_constraint);
                let definition = compat::call(pg_sys::pg_get_constraintdef, [Datum::from(row.oid)])
                    .and_then(|d| text::string(pg_sys::text_to_cstring(d.cast_mut_ptr())));
                if let (Some(name), Some(definition)) =
                    (text::string(row.conname.data.as_ptr()), definition)
                {
                    found.push(Constraint {
                        kind: row.contype as u8,
                        name,
                        definition,
                    });
                }
            },
        );
    }
    found
}

/// # Safety
/// `attribute` is a live column of the open relation.
unsafe fn column(
    relation: pg_sys::Relation,
    attribute: &pg_sys::FormData_pg_attribute,
    qualify_all: bool,
) -> Option<String> {
    // SAFETY: the caller's promise.
    unsafe {
        let column = relation::column(attribute, qualify_all)?;
        let mut sql = format!("{} {}", column.name, column.type_name);
        #[cfg(any(feature = "pg16", feature = "pg17", feature = "pg18", feature = "pg19"))]
        if attribute.attstorage != pg_sys::get_typstorage(attribute.atttypid) {
            let storage = match attribute.attstorage as u8 {
                b'p' => "PLAIN",
                b'e' => "EXTERNAL",
                b'm' => "MAIN",
                _ => "EXTENDED",
            };
            sql.push_str(&format!(" STORAGE {storage}"));
        }
        #[cfg(not(feature = "pg13"))]
        match attribute.attcompression as u8 {
            b'p' => sql.push_str(" COMPRESSION pglz"),
            b'l' => sql.push_str(" COMPRESSION lz4"),
            _ => {}
        }
        if let Some(collation) = column.collation {
            sql.push_str(&format!(" COLLATE {collation}"));
        }
        let default = default(relation, attribute.attnum);
        match (
            attribute.attgenerated as u8,
            attribute.attidentity as u8,
            default,
        ) {
            (b's', _, Some(value)) => {
                sql.push_str(&format!(" GENERATED ALWAYS AS ({value}) STORED"));
            }
            (b'v', _, Some(value)) => {
                sql.push_str(&format!(" GENERATED ALWAYS AS ({value}) VIRTUAL"));
            }
            (_, b'a', _) => sql.push_str(" GENERATED ALWAYS AS IDENTITY"),
            (_, b'd', _) => sql.push_str(" GENERATED BY DEFAULT AS IDENTITY"),
            (_, _, Some(value)) => sql.push_str(&format!(" DEFAULT {value}")),
            _ => {}
        }
        // From 18 on it is a constraint with a name.
        if cfg!(not(any(feature = "pg18", feature = "pg19"))) && attribute.attnotnull {
            sql.push_str(" NOT NULL");
        }
        Some(sql)
    }
}

/// The default, or the expression of a generated column.
///
/// # Safety
/// `relation` is open.
unsafe fn default(relation: pg_sys::Relation, column: pg_sys::AttrNumber) -> Option<String> {
    // SAFETY: the caller's promise; pg_get_expr(pg_node_tree, oid) reads catalogs.
    unsafe {
        let constraints = (*(*relation).rd_att).constr;
        if constraints.is_null() {
            return None;
        }
        let defaults = core::slice::from_raw_parts(
            if (*constraints).num_defval > 0 {
                (*constraints).defval
            } else {
                core::ptr::NonNull::dangling().as_ptr()
            },
            (*constraints).num_defval as usize,
        );
        let default = defaults.iter().find(|default| default.adnum == column)?;
        let expression = pg_sys::cstring_to_text(default.adbin);
        let sql = compat::call(
            pg_sys::pg_get_expr,
            [Datum::from(expression), Datum::from((*relation).rd_id)],
        )?;
        text::string(pg_sys::text_to_cstring(sql.cast_mut_ptr()))
    }
}
