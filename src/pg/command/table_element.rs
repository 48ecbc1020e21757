//! Columns and constraints of a table as elements of a CREATE TABLE: as other servers are to have them, without what needs
//! temporary objects.

use crate::pg::catalog::{deparse, lookup, relation, temporary_need};
use crate::pg::runtime::{scan, text};
use pgrx::pg_sys::{self, Datum};

pub(in crate::pg) struct Constraint {
    pub(in crate::pg) oid: pg_sys::Oid,
    pub(in crate::pg) kind: u8,
    pub(in crate::pg) is_local: bool,
    pub(in crate::pg) name: String,
    definition: String,
}

impl Constraint {
    /// As an element of a CREATE TABLE.
    pub(in crate::pg) fn element(&self) -> String {
        let name = text::quote_identifier(&self.name);
        format!("CONSTRAINT {name} {}", self.definition)
    }

    /// Whether it takes no NULL in one of these columns.
    pub(in crate::pg) fn needs_value(&self, table: pg_sys::Oid, columns: &[i32]) -> bool {
        let is_on = |&column| depends(pg_sys::ConstraintRelationId, self.oid, table, column);
        matches!(self.kind, b'n' | b'p') && columns.iter().any(is_on)
    }

    /// Whether it needs temporary objects, so that no other server can have it.
    pub(in crate::pg) fn needs_temporary(&self) -> bool {
        temporary_need::needs(pg_sys::ConstraintRelationId, self.oid)
    }

    /// LIKE keeps the names of constraints, but not those of the ones that indexes make.
    pub(in crate::pg) fn stems_from(&self, original: &Self) -> bool {
        self.kind == original.kind
            && match self.kind {
                b'c' | b'n' => self.name == original.name,
                b'p' | b'u' | b'x' => self.definition == original.definition,
                _ => false,
            }
    }
}

/// # Safety
/// `table` exists.
pub(in crate::pg) unsafe fn constraints(table: pg_sys::Oid) -> Vec<Constraint> {
    let mut found = Vec::new();
    // SAFETY: pg_constraint has an index that begins with conrelid; pg_get_constraintdef(oid) reads catalogs.
    unsafe {
        scan::each_row(
            pg_sys::ConstraintRelationId,
            pg_sys::ConstraintRelidTypidNameIndexId,
            &[(pg_sys::Anum_pg_constraint_conrelid, table)],
            |tuple, _| {
                let row = &*(pg_sys::GETSTRUCT(tuple) as pg_sys::Form_pg_constraint);
                let definition =
                    deparse::text(pg_sys::pg_get_constraintdef, [Datum::from(row.oid)]);
                if let (Some(name), Some(definition)) =
                    (text::string(row.conname.data.as_ptr()), definition)
                {
                    found.push(Constraint {
                        oid: row.oid,
                        is_local: row.conislocal,
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

/// A column as other servers are to have it: without what needs temporary objects.
///
/// # Safety
/// `attribute` is a live column of the open relation.
pub(in crate::pg) unsafe fn column(
    relation: pg_sys::Relation,
    attribute: &pg_sys::FormData_pg_attribute,
    made: &[pg_sys::Oid],
    qualify_all: bool,
) -> Option<String> {
    // SAFETY: the caller's promise.
    unsafe {
        let column = relation::column(attribute, qualify_all)?;
        let is_another = temporary_need::is_in_column((*relation).rd_id, attribute.attnum);
        let owned = serial_type(attribute, (*relation).rd_id, made);
        let kind = owned.map_or(column.type_name, str::to_owned);
        let mut sql = format!("{} {kind}", column.name);
        if !is_another {
            sql.push_str(&storage(attribute));
        }
        if let Some(collation) = column.collation {
            sql.push_str(&format!(" COLLATE {collation}"));
        }
        if owned.is_none() {
            sql.push_str(&value(relation, attribute));
        }
        // From 18 on it is a constraint with a name. A column that may go with the session here takes no value then.
        let is_not_null = attribute.attnotnull && !is_another;
        if cfg!(not(any(feature = "pg18", feature = "pg19"))) && is_not_null {
            sql.push_str(" NOT NULL");
        }
        Some(sql)
    }
}

/// What a partition has of its own in a column that its parent gives it: a default.
///
/// # Safety
/// `attribute` is a live column of the open relation.
pub(in crate::pg) unsafe fn column_of_partition(
    relation: pg_sys::Relation,
    attribute: &pg_sys::FormData_pg_attribute,
) -> Option<String> {
    if attribute.attgenerated != 0 || attribute.attidentity != 0 {
        return None;
    }
    // SAFETY: the caller's promise.
    let (name, value) = unsafe {
        let name = text::string(attribute.attname.data.as_ptr())?;
        (name, value(relation, attribute))
    };
    (!value.is_empty()).then(|| format!("{}{value}", text::quote_identifier(&name)))
}

/// Where it is not that of the type.
///
/// # Safety
/// A live column.
unsafe fn storage(attribute: &pg_sys::FormData_pg_attribute) -> String {
    let mut sql = String::new();
    // SAFETY: a syscache look-up.
    #[cfg(any(feature = "pg16", feature = "pg17", feature = "pg18", feature = "pg19"))]
    if attribute.attstorage != unsafe { pg_sys::get_typstorage(attribute.atttypid) } {
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
    #[cfg(feature = "pg13")]
    let _ = (attribute, &mut sql);
    sql
}

/// DEFAULT or GENERATED, where other servers can have it.
///
/// # Safety
/// `attribute` is a live column of the open relation.
unsafe fn value(relation: pg_sys::Relation, attribute: &pg_sys::FormData_pg_attribute) -> String {
    // SAFETY: the caller's promise.
    let (table, value) = unsafe { ((*relation).rd_id, default(relation, attribute.attnum)) };
    let can_be_had = temporary_need::default_of(table, attribute.attnum)
        .is_none_or(|oid| !temporary_need::needs(pg_sys::AttrDefaultRelationId, oid))
        && (attribute.attgenerated == 0 || !temporary_need::is_in_column(table, attribute.attnum));
    let value = value.filter(|_| can_be_had);
    match (
        attribute.attgenerated as u8,
        attribute.attidentity as u8,
        value,
    ) {
        (b's', _, Some(value)) => format!(" GENERATED ALWAYS AS ({value}) STORED"),
        (b'v', _, Some(value)) => format!(" GENERATED ALWAYS AS ({value}) VIRTUAL"),
        (_, b'a', _) => " GENERATED ALWAYS AS IDENTITY".to_owned(),
        (_, b'd', _) => " GENERATED BY DEFAULT AS IDENTITY".to_owned(),
        (_, _, Some(value)) => format!(" DEFAULT {value}"),
        _ => String::new(),
    }
}

/// What a column that has a sequence of its own was written as.
fn serial_type(
    attribute: &pg_sys::FormData_pg_attribute,
    table: pg_sys::Oid,
    made: &[pg_sys::Oid],
) -> Option<&'static str> {
    let default = temporary_need::default_of(table, attribute.attnum)?;
    let is_owned = made.iter().any(|&sequence| {
        lookup::is_sequence(sequence)
            && depends(
                pg_sys::RelationRelationId,
                sequence,
                table,
                i32::from(attribute.attnum),
            )
            && depends(pg_sys::AttrDefaultRelationId, default, sequence, 0)
    });
    match attribute.atttypid {
        _ if !is_owned => None,
        pg_sys::INT2OID => Some("smallserial"),
        pg_sys::INT4OID => Some("serial"),
        pg_sys::INT8OID => Some("bigserial"),
        _ => None,
    }
}

fn depends(class: pg_sys::Oid, object: pg_sys::Oid, relation: pg_sys::Oid, column: i32) -> bool {
    let mut found = false;
    // SAFETY: inside a transaction.
    unsafe {
        scan::each_dependency(class, object, |row, _| {
            found |= row.refclassid == pg_sys::RelationRelationId
                && row.refobjid == relation
                && row.refobjsubid == column;
        });
    }
    found
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
        deparse::text(
            pg_sys::pg_get_expr,
            [Datum::from(expression), Datum::from((*relation).rd_id)],
        )
    }
}
