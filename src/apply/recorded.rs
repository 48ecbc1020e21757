//! A row of the capture table as a destination reads it.
//!
//! Its JSON document: [`crate::document`].

use crate::document::Document;
use crate::error::Failure;
use crate::pg::catalog::spi::{self, Parameter};
use crate::pg::hooks::trigger::TriggerCall;
use crate::pg::runtime::text;
use crate::pg::store::table::{
    self, DDL_TEXT_COLUMN, ID_COLUMN, MESSAGE_COLUMN, TAG_COLUMN, TRANSACTION_COLUMN,
    USERNAME_COLUMN,
};

pub struct Command {
    pub id: i64,
    pub tag: String,
    /// The role whose rights the command had.
    pub username: String,
    pub statement: Vec<u8>,
    /// The source's transaction, as text.
    pub transaction: Option<Vec<u8>>,
    message: String,
}

impl Command {
    /// The row of a row trigger on the capture table; `None` without id or statement.
    pub fn of_trigger(call: &TriggerCall) -> Option<Command> {
        Self::of_columns(|column| call.bytes(column))
    }

    /// The same for a row whose columns are all text.
    pub fn of_row(row: &[Option<Vec<u8>>]) -> Option<Command> {
        Self::of_columns(|column| row.get(column).cloned().flatten())
    }

    fn of_columns(bytes: impl Fn(usize) -> Option<Vec<u8>>) -> Option<Command> {
        let string = |column| text::decode(&bytes(column).unwrap_or_default());
        Some(Command {
            id: string(ID_COLUMN).parse().ok()?,
            tag: string(TAG_COLUMN),
            username: string(USERNAME_COLUMN),
            statement: bytes(DDL_TEXT_COLUMN)?,
            transaction: bytes(TRANSACTION_COLUMN),
            message: string(MESSAGE_COLUMN),
        })
    }

    /// The rows with higher ids that are there, in order.
    pub fn newer_than_id(id: i64) -> Result<Vec<Command>, Failure> {
        Self::read("c.id OPERATOR(pg_catalog.>) $1", id)
    }

    /// The rows of commands that ended after a time, in microseconds since 1970, in order.
    pub fn newer_than_time(time: i64) -> Result<Vec<Command>, Failure> {
        Self::read(
            "c.event_time OPERATOR(pg_catalog.>) pg_catalog.to_timestamp($1::double precision OPERATOR(pg_catalog./) 1e6)",
            time,
        )
    }

    fn read(condition: &str, parameter: i64) -> Result<Vec<Command>, Failure> {
        table::require()?;
        let rows = spi::texts(
            &format!(
                "SELECT c.ddl_text, c.id::text, NULL::text, c.tag, c.username::text, NULL::text, NULL::text, NULL::text, NULL::text,
                        NULL::text, NULL::text, NULL::text, c.txid_current::text, c.message
                   FROM public.dts_ddl_command c WHERE {condition} AND c.ddl_text IS NOT NULL ORDER BY c.id"
            ),
            &[Parameter::BigInt(parameter)],
        )?;
        Ok(rows.iter().filter_map(|row| Self::of_row(row)).collect())
    }

    /// What the row says about how to run it.
    pub fn document(&self) -> Result<Document<'static>, Failure> {
        Document::read(&self.message, Some(&self.username))
            .map_err(|reason| Failure::message_unreadable(self.id, &reason))
    }
}
