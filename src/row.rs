//! The row of one command: the 14 columns of `public.dts_ddl_command`.

use crate::context::Context;
use crate::error::Failure;
use crate::guc;
use crate::message::Message;
use crate::pg::table::{CaptureTable, Value};
use crate::pg::{logical_message, session, text};
use crate::retention;
use core::ffi::CStr;
use serde::Serialize;
use std::borrow::Cow;

/// The event that consumers know rows by.
const EVENT: &str = "ddl_command_end";

/// What logical messages are known by.
const MESSAGE_PREFIX: &CStr = c"dts_ddl";

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
    let database_name = session::database();
    let database = encoded(database_name.as_deref());
    let schema = encoded(context.search_path.first().map(String::as_str));
    let object_type = encoded(row.object_type);
    let object_name = encoded(row.object_name);
    let (client_address, port) = session::client();
    let address = encoded(client_address.as_deref());
    let transaction = session::transaction_id().to_string();
    let message = json(row.message)?;
    let message = text::encode(&message);
    let event_time = session::now();
    let id = table.next_id()?;
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
        Value::Timestamp(event_time),
        Value::Text(transaction.as_bytes()),
        Value::Text(&message),
    ])?;
    if guc::emit_message() {
        let document = json(&Document {
            message: row.message,
            ddl_text: &text::decode(row.ddl_text),
            id,
            event: EVENT,
            tag: row.tag,
            username: context.username.as_deref(),
            database: database_name.as_deref(),
            schema: context.search_path.first().map(String::as_str),
            object_type: row.object_type,
            object_name: row.object_name,
            client_address: client_address.as_deref(),
            client_port: port,
            event_time: session::iso_time(event_time),
            txid_current: &transaction,
        })?;
        logical_message::emit(MESSAGE_PREFIX, &text::encode(&document));
    }
    retention::after_insert(&table, id)
}

/// The row as one document, for consumers of logical messages.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    message: &'a Message<'a>,
    ddl_text: &'a str,
    id: i64,
    event: &'a str,
    tag: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_port: Option<i32>,
    event_time: String,
    txid_current: &'a str,
}

fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::internal(error.to_string()))
}

fn encoded(text: Option<&str>) -> Option<Cow<'_, [u8]>> {
    text.map(text::encode)
}

fn optional<'a>(bytes: &'a Option<Cow<'a, [u8]>>) -> Value<'a> {
    bytes.as_deref().map_or(Value::Null, Value::Text)
}
