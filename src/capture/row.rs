//! The row of one command: the 14 columns of `public.dts_ddl_command`.

use crate::capture::context::Context;
use crate::capture::row_limit;
use crate::document::settings::Told;
use crate::document::{Document, Object, ROLE_DROPPED, SOME_OBJECTS, VERSION};
use crate::error::Failure;
use crate::guc;
use crate::pg::replication::wal;
use crate::pg::runtime::transaction;
use crate::pg::runtime::{session, text};
use crate::pg::store::table::{CaptureTable, Value};
use crate::retention;
use core::ffi::CStr;
use serde::Serialize;
use std::borrow::Cow;
use std::io::{ErrorKind, Write};

/// The event that consumers know rows by.
const EVENT: &str = "ddl_command_end";

/// What logical messages are known by.
const MESSAGE_PREFIX: &CStr = c"dts_ddl";

pub struct Row<'a> {
    pub ddl_text: &'a [u8],
    pub tag: &'a str,
    pub context: &'a Context,
    /// The number of the object of `message` that object_type and object_name tell of.
    pub main: Option<usize>,
    pub message: Document<'a>,
}

impl Row<'_> {
    /// The object of object_type and object_name, where it is among those that stay in the largest of documents.
    fn keep_main(&mut self) {
        let Some(main) = self.main.filter(|&main| main >= SOME_OBJECTS) else {
            return;
        };
        self.message.objects[..=main].rotate_right(1);
        self.main = Some(0);
    }

    fn main(&self) -> Option<&Object> {
        self.message.objects.get(self.main?)
    }
}

/// What every row says of the circumstances of its command.
pub fn document(context: &Context, objects: Vec<Object>) -> Document<'_> {
    // Without a role nobody can say whose rights it is to have.
    let role_dropped = context.who.username.is_none();
    Document {
        v: VERSION,
        objects,
        session_user: context.who.session_user.as_deref().map(Cow::Borrowed),
        superuser: context.who.superuser,
        rights: Cow::Borrowed(&context.who.rights),
        search_path: Cow::Borrowed(&context.search_path),
        settings: Told::new(context.settings()),
        reset: Told::new(Cow::Borrowed(&context.reset)),
        nesting: Cow::Borrowed(&context.nesting),
        replay: role_dropped.then_some(false),
        replay_reason: role_dropped.then_some(Cow::Borrowed(ROLE_DROPPED)),
        ..Document::default()
    }
}

/// Writes the row, then deletes what is beyond the limits. Does nothing when the extension was dropped meanwhile.
pub fn write(mut row: Row<'_>) -> Result<(), Failure> {
    transaction::with_snapshot(|| write_with_snapshot(&mut row))
}

fn write_with_snapshot(row: &mut Row<'_>) -> Result<(), Failure> {
    let Some(table) = CaptureTable::open()? else {
        return Ok(());
    };
    let context = row.context;
    let username = context.who.username.as_deref();
    (row.message).shorten(username, row.ddl_text, context.calls_functions);
    let username = encoded(username);
    let database_name = session::database();
    let database = encoded(database_name.as_deref());
    let schema = encoded(context.search_path.first().map(String::as_str));
    let (client_address, port) = session::client();
    let address = encoded(client_address.as_deref());
    let transaction = transaction::id().to_string();
    row.keep_main();
    let message = fitting_message(row)?;
    let object_type = row.main().map(|object| &*object.object_type);
    let object_name = row.main().and_then(|object| object.identity.as_deref());
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
        optional(&encoded(object_type)),
        optional(&encoded(object_name)),
        optional(&address),
        port.map_or(Value::Null, Value::Int),
        Value::Timestamp(event_time),
        Value::Text(transaction.as_bytes()),
        Value::Text(&message),
    ])?;
    if guc::emit_message() {
        let document = Whole {
            message: &row.message,
            ddl_text: &text::decode(row.ddl_text),
            id,
            event: EVENT,
            tag: row.tag,
            username: context.who.username.as_deref(),
            database: database_name.as_deref(),
            schema: context.search_path.first().map(String::as_str),
            object_type,
            object_name,
            client_address: client_address.as_deref(),
            client_port: port,
            event_time: session::iso_time(event_time),
            txid_current: &transaction,
            subtransaction: transaction::subtransaction_id(),
        };
        wal::emit_message(MESSAGE_PREFIX, &fitting_document(&document)?);
    }
    retention::after_insert(&table, id)
}

/// The row as one document, for consumers of logical messages.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    message: &'a Document<'a>,
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
    /// A consumer of a stream learns by it that the command was rolled back (`LogicalRepStreamAbort`): pgoutput sends the message
    /// under the id of the top transaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    subtransaction: Option<u32>,
}

/// The column `message`, without what there is no room for.
fn fitting_message(row: &mut Row<'_>) -> Result<Vec<u8>, Failure> {
    loop {
        let length = match json(&row.message, row_limit::MESSAGE)? {
            Some(message) => {
                let message = text::encode_all(message);
                if row_limit::fits(&[row.ddl_text, &message]) {
                    return Ok(message);
                }
                message.len()
            }
            None => row_limit::MESSAGE,
        };
        if !row.message.leave_out() {
            return Err(Failure::row_too_large(row.ddl_text.len(), length));
        }
    }
}

fn fitting_document(document: &Whole<'_>) -> Result<Vec<u8>, Failure> {
    match json(document, row_limit::ROW)?.map(text::encode_all) {
        Some(document) if row_limit::fits(&[&document]) => Ok(document),
        Some(document) => Err(Failure::logical_message_too_large(document.len())),
        None => Err(Failure::logical_message_too_large(row_limit::ROW)),
    }
}

/// A value as JSON, `None` where that is longer than `limit`.
fn json(value: &impl Serialize, limit: usize) -> Result<Option<Vec<u8>>, Failure> {
    let mut written = Limited {
        bytes: Vec::with_capacity(ORDINARY),
        limit,
    };
    match serde_json::to_writer(&mut written, value) {
        Ok(()) => Ok(Some(written.bytes)),
        Err(error) => match error.io_error_kind() {
            Some(ErrorKind::FileTooLarge) => Ok(None),
            Some(ErrorKind::OutOfMemory) => Err(Failure::out_of_memory(written.bytes.len())),
            _ => Err(Failure::internal(error.to_string())),
        },
    }
}

/// Room for the document of most commands.
const ORDINARY: usize = 512;

/// Bytes that do not become more than so many, and end with an error where there is no memory for them.
struct Limited {
    bytes: Vec<u8>,
    limit: usize,
}

impl Limited {
    /// Makes room for so many more.
    #[cold]
    fn grow(&mut self, more: usize) -> std::io::Result<()> {
        if more > self.limit - self.bytes.len() {
            return Err(ErrorKind::FileTooLarge.into());
        }
        let grown = self.bytes.try_reserve(more);
        grown.map_err(|_| ErrorKind::OutOfMemory.into())
    }
}

impl Write for Limited {
    fn write(&mut self, part: &[u8]) -> std::io::Result<usize> {
        self.write_all(part)?;
        Ok(part.len())
    }

    #[inline]
    fn write_all(&mut self, part: &[u8]) -> std::io::Result<()> {
        if part.len() > self.bytes.capacity().min(self.limit) - self.bytes.len() {
            self.grow(part.len())?;
        }
        self.bytes.extend_from_slice(part);
        Ok(())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn encoded(text: Option<&str>) -> Option<Cow<'_, [u8]>> {
    text.map(text::encode)
}

fn optional<'a>(bytes: &'a Option<Cow<'a, [u8]>>) -> Value<'a> {
    bytes.as_deref().map_or(Value::Null, Value::Text)
}

#[cfg(test)]
mod tests {
    use super::json;

    /// A document is whole, or there is none.
    #[test]
    fn json_within_a_limit() {
        let value = ["\u{1}\u{1}\"", "x"];
        let whole = serde_json::to_vec(&value).expect("JSON");
        let written = |limit: usize| json(&value, limit).expect("memory");
        assert_eq!(written(whole.len()), Some(whole.clone()));
        for limit in 0..whole.len() {
            assert_eq!(written(limit), None, "{limit}");
        }
    }
}
