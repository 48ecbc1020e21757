//! What can go wrong while a command is captured, and how it is told: SQLSTATE, message, DETAIL, HINT.

use crate::pg::report;
use pgrx::pg_sys::panic::ErrorReportWithLevel;
use pgrx::prelude::*;

const HINT_REINSTALL: &str = "Restore the table, or drop and create the extension again. \
     To let DDL through meanwhile, set dts_ddl_capture.on_error to \"warning\" or dts_ddl_capture.enabled to off.";

/// A failure of the capture itself, never of the user's statement.
#[derive(Debug, Clone)]
pub struct Failure {
    pub code: PgSqlErrorCode,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
}

impl Failure {
    fn prerequisite(message: &str, detail: String, hint: &str) -> Self {
        Failure {
            code: PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            message: message.to_owned(),
            detail: Some(detail),
            hint: Some(hint.to_owned()),
        }
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
            HINT_REINSTALL,
        )
    }

    /// The statement's text could not be found, so no row can be written for it.
    pub fn text_unknown(tag: &str) -> Self {
        Failure {
            code: PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            message: "could not determine the text of the DDL command".to_owned(),
            detail: Some(format!(
                "A {tag} command was run by code that gives PostgreSQL no statement text."
            )),
            hint: Some(
                "Run the command again in a session that preloads dts_ddl_capture.".to_owned(),
            ),
        }
    }

    /// A script was asked for whose commands are no longer there.
    pub fn rows_pruned(first: i64, last: i64) -> Self {
        let rows = if first == last {
            format!("The row with id {first} is gone.")
        } else {
            format!("The rows with ids from {first} to {last} are gone, all or in part.")
        };
        Self::prerequisite(
            "DDL rows needed by the script were pruned",
            rows,
            "Copy the schema of the source with pg_dump, and pass the dts_ddl.last_id() of that moment as \"after_id\".",
        )
    }

    /// A script was asked for that ends before it begins.
    pub fn range_backwards(after_id: i64, up_to_id: i64) -> Self {
        Failure {
            code: PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            message: format!("\"up_to_id\" ({up_to_id}) is less than \"after_id\" ({after_id})"),
            detail: None,
            hint: Some("Leave \"up_to_id\" out for everything up to the newest row.".to_owned()),
        }
    }

    /// A row that was not written by the capture, or was changed afterwards.
    pub fn row_unreadable(id: i64, detail: String) -> Self {
        Self::prerequisite(
            &format!("the DDL row with id {id} cannot be read"),
            detail,
            "Rows of public.dts_ddl_command must be as the capture wrote them. Mend or delete the row, or begin after it.",
        )
    }

    /// Something that cannot happen did.
    pub fn internal(message: String) -> Self {
        Failure {
            code: PgSqlErrorCode::ERRCODE_INTERNAL_ERROR,
            message,
            detail: None,
            hint: None,
        }
    }

    /// An error that PostgreSQL raised below us.
    pub fn from_report(report: &ErrorReportWithLevel) -> Self {
        Failure {
            code: report.sql_error_code(),
            message: report.message().to_owned(),
            detail: report.detail().map(str::to_owned),
            hint: report.hint().map(str::to_owned),
        }
    }

    /// Raises the failure as the error of the command that is being captured.
    pub fn raise(self) -> ! {
        report::emit(
            PgLogLevel::ERROR,
            self.code,
            &self.message,
            self.detail.as_deref(),
            self.hint.as_deref(),
        );
        unreachable!("an ERROR does not return")
    }
}

/// The error of a direct call of an event-trigger function.
pub fn not_an_event_trigger(function: &str) -> Failure {
    Failure {
        code: PgSqlErrorCode::ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED,
        message: format!("function \"{function}\" was not called by the event trigger manager"),
        detail: None,
        hint: None,
    }
}

/// The error of an event trigger of ours that was attached to another event.
pub fn wrong_event(function: &str, got: &str, expected: &str) -> Failure {
    Failure {
        code: PgSqlErrorCode::ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED,
        message: format!("function \"{function}\" cannot be used for event \"{got}\""),
        detail: Some(format!("It is made for event \"{expected}\".")),
        hint: None,
    }
}

/// Writes a command that goes through without a row into the server log only: the user cannot help it.
pub fn log_gap(failure: &Failure, statement: &str) {
    let detail = failure
        .detail
        .as_deref()
        .map(|detail| format!(" {detail}"))
        .unwrap_or_default();
    report::emit(
        PgLogLevel::LOG_SERVER_ONLY,
        failure.code,
        "DDL command was not captured",
        Some(&format!(
            "{}.{detail} The command was: {statement}",
            failure.message
        )),
        Some("Repeat the command on the destination by hand."),
    );
}
