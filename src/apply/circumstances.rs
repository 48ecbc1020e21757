//! Search path and settings of the source, for the command that runs here.

use crate::document::Document;
use crate::document::settings;
use crate::error::Failure;
use crate::guc::{self, ApplyMissingTablespace};
use crate::pg::catalog::lookup;
use crate::pg::runtime::transaction::Clock;
use crate::pg::runtime::{custom_settings, session, setting, text};
use core::ffi::CStr;

pub fn replaces_tablespaces() -> bool {
    guc::apply_missing_tablespace() == ApplyMissingTablespace::Database
}

/// Settings whose value does not exist here, with that value.
pub struct Refused {
    known: Vec<(&'static CStr, String)>,
    /// Names of custom settings. What one has may be secret.
    custom: Vec<String>,
}

impl Refused {
    /// Once the command has made these relations: a note, or why it fails. What new relations go into matters to these alone.
    pub fn after(self, made: &[lookup::Oid]) -> Result<Option<String>, Failure> {
        let is_stored = made.iter().any(|&relation| lookup::is_stored(relation));
        let mut notes = Vec::new();
        for (name, value) in self.known {
            let shown = name.to_string_lossy();
            if settings::is_of_new_relations(name) {
                if !is_stored {
                    continue;
                }
                if name != c"default_tablespace" || !replaces_tablespaces() {
                    return Err(Failure::setting_unknown(&shown, &value));
                }
            }
            notes.push(format!("{shown} = \"{value}\" is not known here"));
        }
        for name in self.custom {
            notes.push(format!("{name} could not be set here"));
        }
        Ok((!notes.is_empty()).then(|| notes.join("; ")))
    }
}

/// What RESET made of search path and settings. Where the row does not tell, that was what the session had; of search_path
/// (and with all rows before 1.3.0) it was PostgreSQL's built-in default.
pub fn reset_values(document: &Document<'_>) -> impl Iterator<Item = (&'static CStr, Vec<u8>)> {
    let told = |name: &CStr| document.reset.get(name.to_str().ok()?);
    let settings = settings::SETTINGS.into_iter().map(move |(name, default)| {
        let value = told(name).map_or_else(
            || recorded(document, name, default),
            |value| text::encode(value).into_owned(),
        );
        (name, value)
    });
    let path = told(settings::SEARCH_PATH).map_or_else(
        || settings::USUAL_PATH.to_vec(),
        |path| text::encode(path).into_owned(),
    );
    settings.chain([(settings::SEARCH_PATH, path)])
}

/// What `now()` gave; `None` where nothing has asked for it.
pub fn clock(document: &Document<'_>) -> Option<Clock> {
    document.clock.as_ref().map(|clock| Clock {
        transaction: clock.transaction,
        statement: clock.statement.unwrap_or(clock.transaction),
    })
}

/// The value that a setting had.
fn recorded(document: &Document<'_>, name: &CStr, default: &[u8]) -> Vec<u8> {
    let recorded = name
        .to_str()
        .ok()
        .and_then(|name| document.settings.get(name));
    recorded.map_or_else(
        || default.to_vec(),
        |value| text::encode(value).into_owned(),
    )
}

/// Search path and settings as they were. Those that the row does not name had PostgreSQL's built-in default.
pub fn set_all(document: &Document<'_>) -> Refused {
    let path: Vec<String> = settings::path_elsewhere(&document.search_path)
        .map(|schema| text::quote_identifier(schema))
        .collect();
    // As in an apply worker: neither is the command captured here, nor do ordinary triggers fire.
    setting::set(c"session_replication_role", b"replica", false);
    setting::set(c"search_path", &text::encode(&path.join(", ")), false);
    let mut refused = Vec::new();
    for (name, default) in settings::SETTINGS {
        let value = if name == c"check_function_bodies" {
            // A body may name what only the source's session had (temporary tables); it was checked there.
            b"off".to_vec()
        } else {
            recorded(document, name, default)
        };
        let Some(current) = session::setting(name) else {
            continue; // this major has no such setting
        };
        if current == value {
            continue;
        }
        // Where the value is unknown here, the session's own stays.
        let shown = name.to_string_lossy();
        let lenient =
            settings::LOCALES.contains(&shown.as_ref()) || settings::names_an_object(&shown);
        if !setting::set(name, &value, lenient) {
            refused.push((name, text::decode(&value)));
        }
    }
    let custom = document.settings.iter().filter(|(name, value)| {
        custom_settings::is_custom(name) && !custom_settings::set(name, &text::encode(value))
    });
    let custom = custom.map(|(name, _)| name.to_string()).collect();
    setting::allow_deep_stack();
    Refused {
        known: refused,
        custom,
    }
}
