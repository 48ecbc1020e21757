//! CREATE TABLE AS and SELECT INTO: structure first.
//!
//! These fill the table before the end of the command, so their rows would be decoded before the DDL row. The executor
//! hook calls [`table_created`] when the table exists and has no row yet; then a plain CREATE TABLE is written. Commands
//! that fill nothing (WITH NO DATA) get the same statement at their end.
//! Not promised: EXPLAIN ANALYZE CREATE TABLE AS raises no event trigger in PostgreSQL and is not recorded.

use crate::context::Context;
use crate::pg::catalog::Address;
use crate::pg::relation::{self, Definition};
use crate::pg::text;
use crate::{capture, in_progress};

/// The command tag of the statement that is stored.
pub const TAG: &str = "CREATE TABLE";

/// The table of the innermost command exists now. Called before its first row is inserted.
pub fn table_created() {
    in_progress::with_unrecorded(capture::record_created_table);
}

/// The CREATE TABLE statement for a table that a query has defined; `None` when the table is gone or temporary.
pub fn statement(table: Address, context: &Context) -> Option<String> {
    relation::definition(table.object, context.may_hide_pg_catalog())
        .filter(|definition| !definition.temporary)
        .map(|mut definition| {
            // What a setting chose is chosen by it elsewhere, where there may be no such tablespace.
            let set = context.settings.get("default_tablespace");
            let set = set.map(|name| text::quote_identifier(name));
            definition
                .tablespace
                .take_if(|chosen| set.as_ref() == Some(chosen));
            render(&definition)
        })
}

fn render(definition: &Definition) -> String {
    let columns: Vec<String> = definition
        .columns
        .iter()
        .map(|column| {
            let collation = column
                .collation
                .as_ref()
                .map(|c| format!(" COLLATE {c}"))
                .unwrap_or_default();
            format!("{} {}{collation}", column.name, column.type_name)
        })
        .collect();
    let unlogged = if definition.unlogged { "UNLOGGED " } else { "" };
    let mut sql = format!(
        "CREATE {unlogged}TABLE {} ({})",
        definition.name,
        columns.join(", ")
    );
    if let Some(method) = &definition.access_method {
        sql.push_str(&format!(" USING {method}"));
    }
    if !definition.options.is_empty() {
        sql.push_str(&format!(" WITH ({})", definition.options.join(", ")));
    }
    if let Some(tablespace) = &definition.tablespace {
        sql.push_str(&format!(" TABLESPACE {tablespace}"));
    }
    sql
}
