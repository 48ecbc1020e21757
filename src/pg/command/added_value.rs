//! The values that rows get by an ALTER TABLE which adds columns. Unless the default is volatile, PostgreSQL computes one for all
//! rows of a table (tablecmds.c: ATExecAddColumn), be they rewritten or not; where it is not immutable either, another server
//! would compute another one.

use crate::pg::catalog::{inheritance, lookup, relation};
use crate::pg::command::node::{ParseTree, alter_table_commands};
use crate::pg::runtime::{memory, setting, subtransaction, text};
use core::ffi::CStr;
use pgrx::pg_sys;

/// A column that a command has added, and what the rows have in it that were there before.
pub struct AddedValue {
    /// Which of the commands of the ALTER TABLE, from 0.
    pub command: usize,
    /// As an identifier.
    pub column: String,
    /// As a constant of the column's type.
    pub value: String,
    /// It is the default of the column's type, a domain.
    pub is_of_type: bool,
}

/// Texts of values that mean the same wherever they are read.
const PLAIN: [(&CStr, &[u8]); 6] = [
    (c"bytea_output", b"hex"),
    (c"DateStyle", b"ISO, YMD"),
    (c"extra_float_digits", b"3"),
    (c"IntervalStyle", b"iso_8601"),
    (c"lc_monetary", b"C"),
    (c"search_path", b"pg_catalog"),
];

/// A value is held so many times at once: as shown, quoted, decoded, encoded, in the statement.
const COPIES: usize = 8;

/// Those of the columns that a command has added whose default would be another value elsewhere, where there were rows.
pub fn of(tree: ParseTree, table: pg_sys::Oid, added: &[i16]) -> Vec<AddedValue> {
    // SAFETY: a parse tree is valid while its command runs.
    let commands = unsafe { alter_table_commands(tree.node()) };
    // SAFETY: as above.
    let with_another_default: Vec<String> = (commands.iter())
        .filter_map(|&alter| unsafe {
            ((*alter).subtype == pg_sys::AlterTableType::AT_ColumnDefault)
                .then(|| text::string((*alter).name))?
        })
        .collect();
    let mut added: Vec<New> = relation::columns(table, |relation, attribute| {
        let is_new = added.contains(&attribute.attnum);
        // SAFETY: a live column of the open relation.
        is_new.then(|| unsafe { New::of(relation, attribute, &with_another_default) })?
    })
    .unwrap_or_default();
    if added.is_empty() {
        return Vec::new();
    }
    let tables = inheritance::with_descendants(table);
    // SAFETY: as above; the subtype says what the definition is.
    let names = commands.into_iter().map(|alter| unsafe {
        ((*alter).subtype == pg_sys::AlterTableType::AT_AddColumn)
            .then(|| text::string((*((*alter).def as *mut pg_sys::ColumnDef)).colname))?
    });
    let named = names
        .enumerate()
        .filter_map(|(command, name)| Some((command, name?)));
    named
        .filter_map(|(command, name)| {
            // What IF NOT EXISTS has found may be what the same command has added before.
            let at = added.iter().position(|column| column.name == name)?;
            let column = added.swap_remove(at);
            let value = tables
                .iter()
                .find_map(|&table| value_of_rows(table, &name))?;
            Some(AddedValue {
                command,
                column: text::quote_identifier(&name),
                value: match value {
                    Some(value) => format!("{}::{}", text::quote_literal(&value), column.type_name),
                    None => format!("NULL::{}", column.type_name),
                },
                is_of_type: column.is_of_type,
            })
        })
        .collect()
}

/// A new column whose default depends on the moment, or on anything else that another server may not have.
struct New {
    name: String,
    type_name: String,
    is_of_type: bool,
}

impl New {
    /// # Safety
    /// A live column of an open relation.
    unsafe fn of(
        relation: pg_sys::Relation,
        attribute: &pg_sys::FormData_pg_attribute,
        with_another_default: &[String],
    ) -> Option<Self> {
        // SAFETY: the caller's promise.
        unsafe {
            let name = text::string(attribute.attname.data.as_ptr())?;
            let is_meant = if with_another_default.contains(&name) {
                // Of the default that the rows got nothing is known but that there was one for all.
                attribute.atthasmissing
            } else {
                let default = lookup::column_default(relation, attribute);
                !default.is_null()
                    && pg_sys::contain_mutable_functions(default)
                    && (attribute.atthasmissing || !is_volatile(default))
            };
            if !is_meant || attribute.attgenerated != 0 {
                return None;
            }
            Some(New {
                name,
                type_name: relation::column(attribute, true)?.type_name,
                is_of_type: !attribute.atthasdef,
            })
        }
    }
}

/// Whether an expression gives each row another value, as PostgreSQL sees it: once it is planned, with functions in SQL in their
/// place and constants computed (contain_volatile_functions_after_planning(), which not all minors have). Planning may run functions
/// that are immutable; what fails there is volatile.
///
/// # Safety
/// An expression that is analyzed, of nobody else.
unsafe fn is_volatile(expression: *mut pg_sys::Node) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        pg_sys::contain_volatile_functions(expression)
            && subtransaction::attempt(|| {
                let planned = pg_sys::expression_planner(expression.cast());
                Ok(pg_sys::contain_volatile_functions(planned.cast()))
            })
            .unwrap_or(true)
    }
}

/// What the rows of a table have in a column; `None` where there are none.
fn value_of_rows(table: pg_sys::Oid, column: &str) -> Option<Option<String>> {
    relation::columns(table, |relation, attribute| {
        // SAFETY: a live column of the open relation; the type's own output function is called.
        unsafe {
            if text::string(attribute.attname.data.as_ptr()).as_deref() != Some(column) {
                return None;
            }
            relation::with_first_row(relation, |tuple| {
                let mut is_null = false;
                let number = attribute.attnum.into();
                let value = pg_sys::heap_getattr(tuple, number, (*relation).rd_att, &mut is_null);
                if is_null {
                    return None;
                }
                let (mut output, mut is_varlena) = (pg_sys::InvalidOid, false);
                pg_sys::getTypeOutputInfo(attribute.atttypid, &mut output, &mut is_varlena);
                setting::under(&PLAIN, || {
                    let shown = pg_sys::OidOutputFunctionCall(output, value);
                    memory::require(text::bytes(shown).len().saturating_mul(COPIES));
                    text::string(shown)
                })
            })
        }
    })?
    .pop()
}
