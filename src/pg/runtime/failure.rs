//! A failure as a value, how it is told (SQLSTATE, message, DETAIL, HINT), and what can fail down here.

use crate::pg::runtime::memory::OutOfMemory;
use crate::pg::runtime::{report, short_error};
use pgrx::pg_sys::panic::ErrorReportWithLevel;
use pgrx::prelude::PgSqlErrorCode::*;
use pgrx::prelude::*;

const HINT_REINSTALL: &str = "Restore the table, or drop and create the extension again. To let DDL through \
             meanwhile, set dts_ddl_capture.on_error to \"warning\" or \
             dts_ddl_capture.enabled to off.";

const HINT_RESTORE_SEQUENCE: &str = "Restore the sequence, or drop and create the extension again. To let DDL through \
             meanwhile, set dts_ddl_capture.on_error to \"warning\" or \
             dts_ddl_capture.enabled to off.";

/// A failure of the capture, or of what a destination applies.
#[derive(Debug, Clone)]
pub struct Failure {
    pub code: PgSqlErrorCode,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: PgSqlErrorCode, message: impl Into<String>) -> Self {
        Failure {
            code,
            message: message.into(),
            detail: None,
            hint: None,
        }
    }

    pub(crate) fn detail(self, detail: impl Into<String>) -> Self {
        self.detail_if(Some(detail.into()))
    }

    pub(crate) fn detail_if(self, detail: Option<String>) -> Self {
        Failure { detail, ..self }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        self.hint_if(Some(hint.into()))
    }

    pub(crate) fn hint_if(self, hint: Option<String>) -> Self {
        Failure { hint, ..self }
    }

    pub(crate) fn prerequisite(message: &str, detail: String, hint: &str) -> Self {
        Failure::new(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, message)
            .detail(detail)
            .hint(hint)
    }

    pub fn table_missing() -> Self {
        Self::prerequisite(
            "capture table \"public.dts_ddl_command\" does not exist",
            "The extension dts_ddl_capture is installed, but its table was renamed, moved or dropped.".to_owned(),
            HINT_REINSTALL,
        )
    }

    pub fn table_altered(detail: String) -> Self {
        Self::prerequisite(
            "capture table \"public.dts_ddl_command\" has been altered",
            detail,
            HINT_REINSTALL,
        )
    }

    pub fn sequence_missing(name: &str) -> Self {
        Self::prerequisite(
            "a sequence of extension dts_ddl_capture does not exist",
            format!("The sequence \"{name}\" was not found."),
            HINT_RESTORE_SEQUENCE,
        )
    }

    pub fn sequence_altered(name: &str, detail: &str) -> Self {
        Self::prerequisite(
            &format!("sequence \"{name}\" of extension dts_ddl_capture has been altered"),
            detail.to_owned(),
            HINT_RESTORE_SEQUENCE,
        )
    }

    pub fn sequence_damaged(name: &str) -> Self {
        Failure::new(
            ERRCODE_DATA_CORRUPTED,
            format!("sequence \"{name}\" of extension dts_ddl_capture is damaged"),
        )
        .detail("Its page is not that of a sequence.")
        .hint(HINT_RESTORE_SEQUENCE)
    }

    pub fn sequence_exhausted(name: &str) -> Self {
        Failure::new(
            ERRCODE_SEQUENCE_GENERATOR_LIMIT_EXCEEDED,
            format!("sequence \"{name}\" of extension dts_ddl_capture has reached its limit"),
        )
        .detail("There is no further number for DDL commands.")
        .hint(format!(
            "Use ALTER SEQUENCE {name} AS bigint MAXVALUE {}.",
            i64::MAX
        ))
    }

    pub fn text_too_large(length: usize) -> Self {
        Self::too_large(
            "a text is too large to be stored",
            format!("It has {length} bytes."),
        )
    }

    pub(crate) fn too_large(message: &str, detail: String) -> Self {
        Failure::new(ERRCODE_PROGRAM_LIMIT_EXCEEDED, message)
            .detail(detail)
            .hint(
                "Make the statement shorter, or set dts_ddl_capture.on_error to \"warning\" for \
             it and repeat it on the destination by hand.",
            )
    }

    /// WAL that a slot keeps cannot be read.
    pub fn wal_unreadable(lsn: &str, reason: Option<String>) -> Self {
        Failure::new(
            ERRCODE_DATA_CORRUPTED,
            format!("could not read WAL from {lsn} on"),
        )
        .detail_if(reason)
    }

    /// In PostgreSQL's words.
    pub fn out_of_memory(size: usize) -> Self {
        Failure::new(ERRCODE_OUT_OF_MEMORY, "out of memory")
            .detail(format!("Failed on request of size {size}."))
    }

    /// Something that cannot happen did.
    pub fn internal(message: String) -> Self {
        Failure::new(ERRCODE_INTERNAL_ERROR, message)
    }

    /// An error that PostgreSQL raised below us. Its texts may be of any length, and a few of them will be one.
    pub fn from_report(report: &ErrorReportWithLevel) -> Self {
        Failure::new(report.sql_error_code(), beginning(report.message()))
            .detail_if(report.detail().map(beginning))
            .hint_if(report.hint().map(beginning))
    }

    pub fn not_one_statement(count: usize) -> Self {
        Failure::new(
            ERRCODE_DATA_EXCEPTION,
            "a captured command must be exactly one statement",
        )
        .detail(format!("The text holds {count} statements."))
    }

    pub fn not_ddl() -> Self {
        Failure::new(
            ERRCODE_DATA_EXCEPTION,
            "a captured command must be a DDL command",
        )
    }

    /// The publisher refuses to show its capture table.
    pub fn publisher(reason: &str) -> Self {
        Failure::new(
            ERRCODE_CONNECTION_FAILURE,
            format!("could not read the DDL commands of the publisher: {reason}"),
        )
        .hint(
            "The role of the connection needs SELECT on public.dts_ddl_command, as for the \
             copy of any table.",
        )
    }

    /// One of our own queries has found somebody else's relation.
    pub fn not_own_relation(name: &str) -> Self {
        Failure::new(
            ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("relation {name} does not belong to the extension dts_ddl_capture"),
        )
        .detail("It has the name of one that does.")
        .hint(
            "Rename or drop it, and give the extension's relation and its schema their names back.",
        )
    }

    pub fn function_not_for_rows(function: &str) -> Self {
        Failure::new(
            ERRCODE_INSUFFICIENT_PRIVILEGE,
            format!(
                "function {function} is not run with a superuser's rights for a replicated row"
            ),
        )
        .detail(
            "A constraint, a default or a domain of the table calls it, and the table's owner \
             is a superuser. A built-in function must be declared immutable, and on any other \
             everybody must have EXECUTE.",
        )
        .hint(
            "Give the table to an ordinary role on both servers, or use \
             dts_ddl.start_apply(trust_source => true).",
        )
    }

    pub fn function_sets_role(function: &str) -> Self {
        Failure::new(
            ERRCODE_INSUFFICIENT_PRIVILEGE,
            format!("function {function} is not run for a replicated row, since it sets a role"),
        )
        .detail("It has a clause SET role or SET session_authorization.")
        .hint("Use ALTER FUNCTION .. RESET role on the source, or SECURITY DEFINER.")
    }

    /// The five characters of the SQLSTATE (elog.h: MAKE_SQLSTATE).
    pub fn sqlstate(&self) -> String {
        sqlstate_of(self.code as i32)
    }

    /// Whether the same command may well succeed later, though nobody mends anything: deadlocks, lack of resources,
    /// cancelled and interrupted commands (SQLSTATE classes 40, 53, 57 and 58; lock_not_available).
    pub fn may_pass_by_itself(&self) -> bool {
        let state = self.sqlstate();
        ["40", "53", "57", "58"].contains(&&state[..2]) || self.is_of_lock()
    }

    /// Whether a lock could not be had in time.
    pub fn is_of_lock(&self) -> bool {
        self.code == ERRCODE_LOCK_NOT_AVAILABLE
    }

    pub fn in_one_line(&self) -> String {
        let detail = self.detail.as_deref().map(|d| format!(" DETAIL: {d}"));
        format!("{}{}", self.message, detail.unwrap_or_default())
    }

    /// Raises it as an error.
    pub fn raise(self) -> ! {
        self.emit(PgLogLevel::ERROR);
        unreachable!("an ERROR does not return")
    }

    /// Tells it, and goes on.
    pub fn warn(&self) {
        self.emit(PgLogLevel::WARNING);
    }

    pub(crate) fn emit(&self, level: PgLogLevel) {
        report::emit(
            level,
            self.code,
            &self.message,
            self.detail.as_deref(),
            self.hint.as_deref(),
        );
    }
}

/// No more of an error's text than [`short_error`] leaves, whoever has raised it.
fn beginning(text: &str) -> String {
    const MOST: usize = short_error::MOST as usize + short_error::CUT.len();
    if text.len() <= MOST {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(short_error::MOST.into());
    format!("{}{}", &text[..end], short_error::CUT)
}

/// The five characters that an error code stands for (elog.h: MAKE_SQLSTATE).
pub fn sqlstate_of(code: i32) -> String {
    (0..5)
        .map(|i| char::from(((code >> (6 * i)) & 0x3f) as u8 + b'0'))
        .collect()
}

/// The error of a direct call of an event-trigger function.
pub fn not_an_event_trigger(function: &str) -> Failure {
    Failure::new(
        ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED,
        format!("function \"{function}\" was not called by the event trigger manager"),
    )
}

/// The error of an ordinary role's ALTER SCHEMA public RENAME.
pub fn schema_required() -> Failure {
    Failure::new(
        ERRCODE_INSUFFICIENT_PRIVILEGE,
        "must be superuser to rename the schema of extension dts_ddl_capture's table",
    )
    .detail("Consumers know the table as public.dts_ddl_command.")
    .hint("A superuser must drop the extension first.")
}

/// The error of a command of an ordinary role that would take the extension with it.
pub fn extension_required() -> Failure {
    Failure::new(
        ERRCODE_INSUFFICIENT_PRIVILEGE,
        "must be superuser to drop extension dts_ddl_capture",
    )
    .detail("The command would drop it along with what it names.")
    .hint("A superuser must drop the extension first.")
}

/// The error of a direct call of a trigger function.
pub fn not_a_trigger(function: &str) -> Failure {
    Failure::new(
        ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
        format!("function \"{function}\" was not called by the trigger manager"),
    )
}

/// The error of an event trigger of ours that was attached to another event.
pub fn wrong_event(function: &str, got: &str, expected: &str) -> Failure {
    Failure::new(
        ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED,
        format!("function \"{function}\" cannot be used for event \"{got}\""),
    )
    .detail(format!("It is made for event \"{expected}\"."))
}

impl From<OutOfMemory> for Failure {
    fn from(OutOfMemory(size): OutOfMemory) -> Self {
        Failure::out_of_memory(size)
    }
}
