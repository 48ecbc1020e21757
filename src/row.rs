//! The row of one command: the 14 columns of `public.dts_ddl_command`.

use crate::context::Context;
use crate::error::Failure;
use crate::message::Message;
use crate::pg::table::{CaptureTable, Value};
use crate::pg::{session, text};
use crate::retention;

/// The event that consumers know rows by.
const EVENT: &str = "ddl_command_end";

pub struct Row<'a> {
    pub ddl_text: &'a [u8],
    pub tag: &'a str,
    pub context: &'a Context,
    pub object_type: Option<&'a str>,
    pub object_name: Option<&'a str>,
    pub message: &'a Message<'a>,
}

/// Writes the row, then deletes what is beyond the limits. Does nothing when the extension was dropped meanwhile.
pub fn write(row: &Row<'_>) -> Result<(), Failure> {
    session::with_snapshot(|| write_with_snapshot(row))
}

fn write_with_snapshot(row: &Row<'_>) -> Result<(), Failure> {
    let Some(table) = CaptureTable::open()? else {
        return Ok(());
    };
    let context = row.context;
    let username = encoded(context.username.as_deref());
    let database = encoded(session::database().as_deref());
    let schema = encoded(context.search_path.first().map(String::as_str));
    let object_type = encoded(row.object_type);
    let object_name = encoded(row.object_name);
    let (address, port) = session::client();
    let address = encoded(address.as_deref());
    let transaction = session::transaction_id().to_string();
    let message =
        serde_json::to_string(row.message).map_err(|error| Failure::internal(error.to_string()))?;
    let message = text::encode(&message);
    let id = table.next_id();
    table.insert(&[
        Value::Text(row.ddl_text),
        Value::BigInt(id),
        Value::Text(EVENT.as_bytes()),
        Value::Text(row.tag.as_bytes()),
        optional(&username),
        optional(&database),
        optional(&schema),
        optional(&object_type),
        optional(&object_name),
        optional(&address),
        port.map_or(Value::Null, Value::Int),
        Value::Timestamp(session::now()),
        Value::Text(transaction.as_bytes()),
        Value::Text(&message),
    ])?;
    retention::after_insert(&table, id)
}

fn encoded(text: Option<&str>) -> Option<Vec<u8>> {
    text.map(text::encode)
}

fn optional(bytes: &Option<Vec<u8>>) -> Value<'_> {
    bytes.as_deref().map_or(Value::Null, Value::Text)
}
