//! The statement with a schema before each name, as PostgreSQL resolved it (`dts_ddl_capture.qualify_names`): for consumers that run
//! it under another search_path, or under none.
//!
//! What the command makes lies where its search_path says. Every other name means what it meant when the command began
//! ([`names_before`](super::names_before)); what was not there then is what the command has made besides (the sequence of a serial
//! column), and what is not there in the end either keeps its name, but for DROP IF EXISTS, which is not to find another one
//! elsewhere. Which of several functions or operators is meant shows in what has come to depend on them. A name that has come to
//! mean another object meanwhile is not certain.
//! Bodies of functions that are strings stay as they are. Where one name is not certain the statement stays as it is.

use crate::capture::in_progress;
use crate::capture::objects::Touched;
use crate::capture::started::Started;
use crate::document::Operation;
use crate::pg::command::names::{self, Described, Meaning, Reading};
use crate::pg::command::visible::{self, Path};
use crate::pg::runtime::text;
use statement::{Lexer, Token};
use std::collections::{HashMap, HashSet};

/// So many names are told that are not certain.
const MOST_TOLD: usize = 20;

/// What has become of a statement.
pub enum Qualified {
    AsItIs,
    Statement(Vec<u8>),
    /// As it is, for these reasons.
    Uncertain(Vec<String>),
}

pub fn of(started: &Started, touched: &Touched, statement: &[u8]) -> Qualified {
    if started.names.is_none() {
        return Qualified::AsItIs;
    }
    match names::within(|| try_of(started, touched, statement)) {
        Ok(Some(qualified)) => Qualified::Statement(qualified),
        Ok(None) => Qualified::AsItIs,
        Err(reasons) => Qualified::Uncertain(reasons),
    }
}

fn try_of(
    started: &Started,
    touched: &Touched,
    statement: &[u8],
) -> Result<Option<Vec<u8>>, Vec<String>> {
    let Some(before) = &started.names else {
        return Ok(None);
    };
    let because = |reason: &str| vec![reason.to_owned()];
    let conforming = started.context.standard_conforming_strings;
    let reading = Reading::of(statement, conforming).map_err(because)?;
    let names: Vec<_> = reading.described().collect();
    let keys: Vec<_> = names.iter().map(|name| name.key()).collect();
    let meanings = before.meanings(statement, &keys).map_err(because)?;
    let words: Vec<Token> = Lexer::new(statement, conforming).collect();
    let is_word = |token: &Token, word: &str| token.is_word(statement, word);
    let drops = words.first().is_some_and(|token| is_word(token, "drop"));
    // what belongs to other tables, or is made anew, may need what the statement does not name
    let mixes = words.iter().any(|token| {
        ["inherits", "inherit", "partition", "like", "of", "type"]
            .iter()
            .any(|word| is_word(token, word))
    });
    let moves = (words.windows(2)).any(|two| is_word(&two[0], "set") && is_word(&two[1], "schema"));
    let new_schema = match &reading.makes_schema {
        Some(Some(name)) => Some(name.clone()),
        Some(None) => {
            let mut objects = touched.objects.iter();
            let schema = objects.find(|object| object.object_type == "schema");
            schema.and_then(|schema| schema.name.clone())
        }
        None => None,
    };
    let path = match &new_schema {
        Some(schema) => before.path.behind(schema),
        None => before.path.clone(),
    };
    let home = new_schema.as_ref().or(started.context.search_path.first());
    let since = (started.progress).filter(|_| !in_progress::is_building_concurrently());
    let mut uncertain: Vec<String> = Vec::new();
    let mut doubt = |reason: String| {
        if uncertain.len() < MOST_TOLD && !uncertain.contains(&reason) {
            uncertain.push(reason);
        }
    };
    let mut schemas = Vec::with_capacity(names.len());
    let mentions = reading.mentions();
    let mut altered: Altered<'_> = HashMap::new();
    for object in &touched.objects {
        if let Some(called) = object
            .name
            .as_deref()
            .filter(|_| object.op != Operation::Create)
        {
            altered
                .entry(called)
                .or_default()
                .insert(object.schema.as_deref());
        }
    }
    for ((name, meaning), key) in names.iter().zip(meanings).zip(&keys) {
        let of_new_schema = || {
            let found = name.meaning(&path);
            let schema = new_schema.as_ref()?;
            (found == Meaning::Schema(schema.clone())).then_some(found)
        };
        let mut meaning = if name.is_made {
            home.map_or(Meaning::Nothing, |schema| Meaning::Schema(schema.clone()))
        } else if let Some(found) = of_new_schema() {
            found
        } else {
            match meaning.filter(|meaning| !name.is_late && **meaning != Meaning::Nothing) {
                Some(meaning) => meaning.clone(),
                None => name.meaning(&path),
            }
        };
        if let Meaning::Among(candidates) = &meaning {
            if name.is_perhaps {
                if since.is_none_or(|since| names::is_any_used(candidates, since)) {
                    doubt(format!("{}: may be written like a column", name.words()));
                }
                schemas.push(None);
                continue;
            }
            let chosen = since.filter(|_| name.is_stored).and_then(|since| {
                let is_alone = !mixes && mentions.get(key) == Some(&1);
                names::chosen(candidates, &path, since, is_alone)
            });
            let Some(chosen) = chosen else {
                doubt(format!("{}: which of several", name.words()));
                continue;
            };
            meaning = chosen;
        }
        schemas.push(match meaning {
            // of DROP .. IF EXISTS: elsewhere another one might be found
            Meaning::Nothing if drops && name.can_be_qualified => home.cloned(),
            Meaning::Implied | Meaning::Nothing | Meaning::Among(_) => None,
            Meaning::Schema(schema) if schema == "pg_temp" => {
                doubt(format!("{}: temporary", name.words()));
                None
            }
            Meaning::Schema(_) if !name.can_be_qualified => {
                doubt(format!("{}: no schema can be named there", name.words()));
                None
            }
            Meaning::Schema(schema)
                if !name.is_made && !moves && has_changed(name, &schema, &path, &altered) =>
            {
                doubt(format!("{}: has come to mean another one", name.words()));
                None
            }
            Meaning::Schema(schema) => Some(schema),
            Meaning::Temporary => {
                doubt(format!("{}: temporary", name.words()));
                None
            }
        });
    }
    if !uncertain.is_empty() {
        return Err(uncertain);
    }
    let of_extension = (reading.makes_extension.as_ref())
        .and_then(|name| visible::schema_of_extension(&text::c_string(name)));
    let of_extension = of_extension.filter(|schema| Some(schema) == home);
    if schemas.iter().all(Option::is_none) && of_extension.is_none() {
        return Ok(None);
    }
    reading
        .qualified(statement, conforming, &schemas, of_extension.as_deref())
        .map(Some)
        .map_err(because)
}

/// The schemas of what the command has altered or dropped, by name.
type Altered<'a> = HashMap<&'a str, HashSet<Option<&'a str>>>;

/// Whether a name that meant what lies in this schema when the command began was found elsewhere when PostgreSQL looked: it may have
/// waited for a lock meanwhile. It means another one in the end, or the command was about another one.
fn has_changed(name: &Described<'_>, schema: &str, path: &Path, altered: &Altered<'_>) -> bool {
    let alike = altered.get(&*name.text());
    if alike.is_some_and(|schemas| schemas.contains(&Some(schema))) {
        return false;
    }
    alike.is_some_and(|schemas| schemas.iter().any(Option::is_some))
        || matches!(name.meaning(path), Meaning::Schema(other) if other != schema)
}
