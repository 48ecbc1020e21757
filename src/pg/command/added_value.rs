//! The values that rows get by an ALTER TABLE which adds columns: PostgreSQL computes one for all rows that were there before, and
//! keeps it (pg_attribute.attmissingval), unless the default is volatile (tablecmds.c: ATExecAddColumn). Where the default is not
//! immutable another server would compute another one.
//!
//! Relied on: a table that is not rewritten and keeps no value for a new column has NULL in it.

use crate::pg::catalog::{inheritance, relation};
use crate::pg::command::node::{ParseTree, alter_table_commands};
use crate::pg::runtime::{setting, text};
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

/// Those whose default would be another value elsewhere, where there were rows. `is_rewritten` is asked for tables.
pub fn of(
    tree: ParseTree,
    table: pg_sys::Oid,
    is_rewritten: impl Fn(pg_sys::Oid) -> bool,
) -> Vec<AddedValue> {
    // SAFETY: a parse tree is valid while its command runs.
    let commands = unsafe { alter_table_commands(tree.node()) };
    let added = commands.into_iter().enumerate();
    added
        .filter_map(|(command, alter)| {
            // SAFETY: the subtype says what the definition is.
            let name = unsafe {
                ((*alter).subtype == pg_sys::AlterTableType::AT_AddColumn)
                    .then(|| text::string((*((*alter).def as *mut pg_sys::ColumnDef)).colname))??
            };
            let value = inheritance::with_descendants(table)
                .into_iter()
                .filter(|&table| !is_rewritten(table))
                .find_map(|table| {
                    value_of_rows(table, &name).filter(|_| relation::has_rows(table))
                })?;
            Some(AddedValue {
                command,
                column: text::quote_identifier(&name),
                value,
            })
        })
        .collect()
}

/// What the rows of a table have in a new column that depends on the moment, or on anything else than the table.
fn value_of_rows(table: pg_sys::Oid, column: &str) -> Option<String> {
    relation::columns(table, |relation, attribute| {
        // SAFETY: a live column of the open relation; its default is read, and the type's own output function called.
        unsafe {
            if text::string(attribute.attname.data.as_ptr()).as_deref() != Some(column) {
                return None;
            }
            let default = pg_sys::build_column_default(relation, attribute.attnum.into());
            if default.is_null()
                || !pg_sys::contain_mutable_functions(default)
                || pg_sys::contain_volatile_functions(default)
            {
                return None;
            }
            let type_name = relation::column(attribute, true)?.type_name;
            let mut is_null = true;
            let value = if attribute.atthasmissing {
                pg_sys::getmissingattr((*relation).rd_att, attribute.attnum.into(), &mut is_null)
            } else {
                pg_sys::Datum::from(0usize)
            };
            if is_null {
                return Some(format!("NULL::{type_name}"));
            }
            let (mut output, mut is_varlena) = (pg_sys::InvalidOid, false);
            pg_sys::getTypeOutputInfo(attribute.atttypid, &mut output, &mut is_varlena);
            let value = setting::under(&PLAIN, || {
                text::string(pg_sys::OidOutputFunctionCall(output, value))
            })?;
            Some(format!("{}::{type_name}", text::quote_literal(&value)))
        }
    })?
    .pop()
}
