//! What the publisher is asked.

use crate::error::Failure;
use crate::pg::catalog::spi;
use crate::pg::replication::publisher::{Publisher, Row};
use crate::pg::runtime::text;

const COLUMNS: usize = 14;
const ID: usize = 1;

/// Whether the publisher's capture table is in one of the publications. `None` when there is no connection.
pub fn publishes_commands(publisher: &Publisher) -> Result<Option<bool>, Failure> {
    let its_own = "p.schemaname OPERATOR(pg_catalog.=) 'public' AND p.tablename OPERATOR(pg_catalog.=) 'dts_ddl_command'";
    let published = publisher.query(&tables_of(publisher, its_own), 2)?;
    Ok(published.map(|rows| !rows.is_empty()))
}

/// Schemas and names of all tables that the publications send. `None` when there is no connection.
pub fn published_tables(publisher: &Publisher) -> Result<Option<Vec<(String, String)>>, Failure> {
    let published = publisher.query(&tables_of(publisher, "true"), 2)?;
    let name = |value: &Option<Vec<u8>>| Some(text::decode(value.as_deref()?));
    Ok(published.map(|rows| {
        let names = rows
            .iter()
            .map(|row| name(row.first()?).zip(name(row.get(1)?)));
        names.flatten().collect()
    }))
}

/// Whether one of the publications sends partitions as rows of the tables that they belong to. `None` when there is no connection.
pub fn publishes_via_root(publisher: &Publisher) -> Result<Option<bool>, Failure> {
    let query = format!(
        "SELECT p.pubname FROM pg_catalog.pg_publication p
          WHERE p.pubviaroot AND p.pubname OPERATOR(pg_catalog.=) ANY ({})",
        publications_of(publisher)
    );
    let found = publisher.query(&query, 1)?;
    Ok(found.map(|rows| !rows.is_empty()))
}

/// The query for those of them of which this is true.
fn tables_of(publisher: &Publisher, condition: &str) -> String {
    format!(
        "SELECT p.schemaname, p.tablename FROM pg_catalog.pg_publication_tables p
          WHERE {condition} AND p.pubname OPERATOR(pg_catalog.=) ANY ({})",
        publications_of(publisher)
    )
}

fn publications_of(publisher: &Publisher) -> String {
    let names: Vec<String> = (publisher.publications.iter())
        .map(|name| text::quote_literal(name))
        .collect();
    format!("ARRAY[{}]::pg_catalog.name[]", names.join(", "))
}

/// The rows of the publisher's capture table, as they are: what has its name there may be anybody's, made for the role of the
/// connection to read. No cast and no operator is looked for among those of other types, and the type of a column decides its text
/// alone. Only of a table, and of none that inherits from it, can a sample be taken: a view, or a foreign table, is an error. The
/// sample is all of it.
pub const ROWS: &str = "SELECT c.ddl_text, c.id, c.event, c.tag, c.username, c.database, c.schema, c.object_type, c.object_name,
        c.client_address, c.client_port, c.event_time, c.txid_current, c.message
   FROM ONLY public.dts_ddl_command c TABLESAMPLE pg_catalog.system (100)";

/// These rows, in order of their ids.
pub fn fetch(publisher: &Publisher) -> Result<Vec<Row>, Failure> {
    let mut rows = publisher.query(ROWS, COLUMNS)?.unwrap_or_default();
    rows.sort_by_key(id_of);
    Ok(rows)
}

pub fn id_of(row: &Row) -> Option<i64> {
    spi::number(row, ID)
}

/// Roles of the publisher that are no superusers and can write rows of its capture table, or can become one that can.
/// `None` where it cannot be asked.
pub fn writers(publisher: &Publisher) -> Result<Option<Vec<String>>, Failure> {
    let rows = publisher.query(
        &include_str!("../../sql/writers.sql")
            .replace("{table}", &text::quote_literal("public.dts_ddl_command")),
        1,
    )?;
    Ok(rows.map(|rows| {
        rows.into_iter()
            .filter_map(|row| row.into_iter().next().flatten())
            .map(|name| text::decode(&name))
            .collect()
    }))
}
