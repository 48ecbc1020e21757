//! The CREATE TABLE statement that a table's definition stands for: of CREATE TABLE AS and SELECT INTO, and of tables that need
//! what no other server has.

use crate::capture::context::Context;
use crate::pg::catalog::lookup::Address;
use crate::pg::catalog::relation::{self, Column, Definition};
use crate::pg::command::without_temporary::Shape;
use crate::pg::runtime::text;

/// The command tag of the statement that is stored.
pub const TAG: &str = "CREATE TABLE";

/// The CREATE TABLE statement for a table that a query has defined; `None` when the table is gone or temporary.
pub fn statement(table: Address, context: &Context) -> Option<String> {
    definition(table, context).map(|definition| {
        let columns: Vec<String> = definition.columns.iter().map(column).collect();
        render(&definition, "", Some(&columns), "")
    })
}

/// The CREATE TABLE statement for a table without what no other server can have.
pub fn of_shape(table: Address, shape: &Shape, context: &Context) -> Option<String> {
    // A partition without a list has none.
    let elements = Some(&shape.elements[..]).filter(|all| shape.of.is_empty() || !all.is_empty());
    definition(table, context)
        .map(|definition| render(&definition, &shape.of, elements, &shape.behind))
}

fn definition(table: Address, context: &Context) -> Option<Definition> {
    relation::definition(table.object, context.may_hide_pg_catalog())
        .filter(|definition| !definition.temporary)
        .map(|mut definition| {
            // What a setting chose is chosen by it elsewhere, where there may be no such tablespace.
            let set = context.settings.get("default_tablespace");
            let set = set.map(|name| text::quote_identifier(name));
            definition
                .tablespace
                .take_if(|chosen| set.as_ref() == Some(chosen));
            definition
        })
}

fn column(column: &Column) -> String {
    let collation = column
        .collation
        .as_ref()
        .map(|c| format!(" COLLATE {c}"))
        .unwrap_or_default();
    format!("{} {}{collation}", column.name, column.type_name)
}

fn render(definition: &Definition, of: &str, elements: Option<&[String]>, behind: &str) -> String {
    let unlogged = if definition.unlogged { "UNLOGGED " } else { "" };
    let elements = elements.map_or(String::new(), |all| format!(" ({})", all.join(", ")));
    let mut sql = format!(
        "CREATE {unlogged}TABLE {}{of}{elements}{behind}",
        definition.name
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
