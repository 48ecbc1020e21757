//! The statement of a command as it is stored: cut out of its string, without temporary objects, without secrets.

use crate::error::Failure;
use crate::guc;
use crate::pg::command::node::TemporaryItems;
use crate::pg::command::source::Source;
use crate::pg::runtime::memory;
use statement::{
    ListPlace, OptionRule, leave_out_passwords, redact_connection, redact_options,
    remove_list_items, statement_extent,
};

/// The text of one statement.
pub struct Text {
    pub statement: Vec<u8>,
    /// Number of literals replaced by a placeholder.
    pub redacted: usize,
    /// What was sent (without secrets), where temporary objects were taken out of it.
    pub original: Option<Vec<u8>>,
}

/// The statement exactly as it was sent, from its first token to its last.
pub fn exact(
    source: &Source,
    tag: &str,
    standard_conforming_strings: bool,
) -> Result<Vec<u8>, Failure> {
    let bytes = source.bytes().ok_or_else(|| Failure::text_unknown(tag))?;
    let extent = statement_extent(bytes, standard_conforming_strings);
    if extent.is_empty() {
        return Err(Failure::text_unknown(tag));
    }
    memory::expect(extent.len())?;
    Ok(bytes[extent].to_vec())
}

/// The statement as it is stored for this command.
pub fn stored(
    source: &Source,
    tag: &str,
    standard_conforming_strings: bool,
    temporary: Option<&TemporaryItems>,
) -> Result<Text, Failure> {
    let exact = exact(source, tag, standard_conforming_strings)?;
    let (sent, redacted) = redact(exact, tag, standard_conforming_strings);
    let without_temporary = temporary.and_then(|items| {
        let place = if items.is_grant {
            ListPlace::Grant
        } else {
            ListPlace::Drop
        };
        remove_list_items(
            &sent,
            standard_conforming_strings,
            place,
            items.total,
            &items.temporary,
        )
    });
    Ok(match without_temporary {
        Some(statement) => Text {
            statement,
            redacted,
            original: Some(sent),
        },
        None => Text {
            statement: sent,
            redacted,
            original: None,
        },
    })
}

/// Replaces the secrets that a command of this kind can hold. Passwords of roles are none that a setting could keep.
fn redact(text: Vec<u8>, tag: &str, standard_conforming_strings: bool) -> (Vec<u8>, usize) {
    let redacted = match tag {
        "CREATE ROLE" | "ALTER ROLE" => leave_out_passwords(&text, standard_conforming_strings),
        _ if !guc::redact_secrets() => None,
        "CREATE USER MAPPING" | "ALTER USER MAPPING" => {
            redact_options(&text, standard_conforming_strings, OptionRule::UserMapping)
        }
        "CREATE SUBSCRIPTION" | "ALTER SUBSCRIPTION" => {
            redact_connection(&text, standard_conforming_strings)
        }
        "CREATE SERVER"
        | "ALTER SERVER"
        | "CREATE FOREIGN DATA WRAPPER"
        | "ALTER FOREIGN DATA WRAPPER"
        | "CREATE FOREIGN TABLE"
        | "ALTER FOREIGN TABLE"
        | "ALTER TABLE"
        | "IMPORT FOREIGN SCHEMA"
            if has_options(&text) =>
        {
            redact_options(&text, standard_conforming_strings, OptionRule::Secretish)
        }
        _ => None,
    };
    redacted.unwrap_or((text, 0))
}

/// A cheap test that spares most statements the scan.
fn has_options(text: &[u8]) -> bool {
    const WORD: &[u8] = b"options";
    text.windows(WORD.len())
        .any(|window| window.eq_ignore_ascii_case(WORD))
}
