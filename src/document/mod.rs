//! The JSON document of the column `message`, version 1: what capture writes, and what apply and the script read.
//!
//! Absent keys mean "none", "as usual" or what another column says ([`short`]), which keeps an ordinary row small. Keys and kinds that
//! are not known here are passed over when it is read, so that a newer source can feed an older destination; and what nobody reads,
//! which may be large, is not copied.
//! Field by field: docs/row.md.

pub mod settings;
pub mod short;

use self::settings::Told;
use crate::pg::runtime::text;
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;

/// The version that this extension writes and reads.
pub const VERSION: u32 = 1;

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Document<'a> {
    pub v: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<Object>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_user: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "is_false")]
    pub superuser: bool,
    /// Attributes and predefined roles that the role has the rights of; none with a superuser, who has all.
    #[serde(skip_serializing_if = "is_empty")]
    pub rights: Cow<'a, [String]>,
    /// Whose rights the stored statement is to have, where it is not the role of the command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_as: Option<RunAs>,
    pub search_path: Cow<'a, [String]>,
    #[serde(skip_serializing_if = "Told::is_none")]
    pub settings: Told<'a>,
    /// What code that resets settings, or asks for reset values, would find, where that is not what the session has.
    #[serde(skip_serializing_if = "Told::is_none")]
    pub reset: Told<'a>,
    #[serde(skip_deserializing, skip_serializing_if = "is_top")]
    pub nesting: Cow<'a, Nesting>,
    /// With commands that may have asked for the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
    /// The major of this server, with commands whose effect depends on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub major: Option<u32>,
    /// The indexes and sequences that the command made, where the server chose a name that another one might not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub made: Vec<Made>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rewrites: Vec<TableRewrite>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replica_identity: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replica_identity_default: Vec<String>,
    #[serde(skip_deserializing, skip_serializing_if = "Vec::is_empty")]
    pub publications: Vec<Membership>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub published: Vec<Published>,
    /// Names of all publications of the database, with commands that make tables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub all_publications: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undecoded_rows: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay_reason: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "is_zero")]
    pub redacted: usize,
    #[serde(skip_deserializing, skip_serializing_if = "Vec::is_empty")]
    pub temporary_removed: Vec<String>,
    /// Why the statement has names without a schema, where it should have none.
    #[serde(skip_deserializing, skip_serializing_if = "Vec::is_empty")]
    pub unqualified: Vec<String>,
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub original: Option<Original>,
    /// Keys that are missing, or of which only the beginning is there, since the row would be too large.
    #[serde(skip_deserializing, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<&'static str>,
}

/// So many objects stay where there is no room for all.
pub const SOME_OBJECTS: usize = 1_000;

impl Document<'_> {
    /// Whose rights the statement has, `None` for the role of the command; whether that is a superuser, and its other rights.
    pub fn author(&self) -> (Option<&str>, bool, &[String]) {
        match &self.run_as {
            Some(other) => (Some(&other.role), other.superuser, &other.rights),
            None => (None, self.superuser, &self.rights),
        }
    }

    /// Leaves out what consumers need least; whether there was something left to leave out.
    pub fn leave_out(&mut self) -> bool {
        let left_out = if self.original.take().is_some() {
            "original"
        } else if !std::mem::take(&mut self.made).is_empty() {
            "made"
        } else if self.objects.len() > SOME_OBJECTS {
            self.objects.truncate(SOME_OBJECTS);
            "objects"
        } else {
            return false;
        };
        self.left_out.push(left_out);
        true
    }
}

/// Tells people what a row lacks, by its tag and its key `redacted`; `None` when nothing.
pub fn secrets_missing(tag: &str, redacted: usize) -> Option<String> {
    let how = match tag {
        "CREATE ROLE" | "ALTER ROLE" => "passwords left out",
        _ => "secrets replaced by '********'",
    };
    (redacted > 0).then(|| format!("{how}: {redacted}"))
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

fn is_empty(list: &[String]) -> bool {
    list.is_empty()
}

fn is_top(nesting: &Nesting) -> bool {
    nesting.level == TOP
}

fn is_false(b: &bool) -> bool {
    !*b
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    Create,
    Alter,
    Drop,
    /// One of a newer version.
    #[default]
    Other,
}

impl<'de> Deserialize<'de> for Operation {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(match Option::<String>::deserialize(from)?.as_deref() {
            Some("create") => Operation::Create,
            Some("alter") => Operation::Alter,
            Some("drop") => Operation::Drop,
            _ => Operation::Other,
        })
    }
}

/// An object that the command touched.
#[derive(Serialize, Deserialize, Clone, Debug, Default)]
#[serde(default)]
pub struct Object {
    pub op: Operation,
    #[serde(rename = "type")]
    pub object_type: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For drops: named by the command, or gone with what was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original: Option<bool>,
}

/// An index or a sequence that the command made; those that are alike in any order.
#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Made {
    #[serde(rename = "type")]
    pub object_type: Cow<'static, str>,
    /// Identity of an index's table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    pub name: String,
    /// Of an index: its CREATE INDEX without its name, by which it is found among those of the table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// Another server may make it by a command of its own, later.
    #[serde(skip_serializing_if = "is_false")]
    pub later: bool,
}

#[derive(Serialize, Clone)]
pub struct Nesting {
    level: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    inside: Vec<String>,
}

const TOP: &str = "top";

impl Default for Nesting {
    fn default() -> Self {
        Self::top()
    }
}

impl Nesting {
    pub fn top() -> Self {
        Nesting {
            level: TOP,
            inside: Vec::new(),
        }
    }

    /// Run by a function, procedure, trigger or DO block; `inside` is PostgreSQL's context, innermost first.
    pub fn nested(inside: Vec<String>) -> Self {
        Nesting {
            level: "nested",
            inside,
        }
    }
}

#[derive(Serialize, Deserialize, Clone, Default)]
#[serde(default)]
pub struct TableRewrite {
    pub table: String,
    pub reasons: Vec<Cow<'static, str>>,
    pub volatile: bool,
}

impl TableRewrite {
    /// The reason of a materialized view that the command has filled.
    pub const FILLED: &'static str = "materialized view";

    pub fn is_view(&self) -> bool {
        self.reasons.iter().any(|reason| reason == Self::FILLED)
    }

    /// Whether rows that a stream brings differ where the command is only repeated.
    pub fn is_to_be_copied(&self) -> bool {
        self.volatile && !self.is_view()
    }
}

/// A new table that joined a publication.
#[derive(Serialize, Clone)]
pub struct Membership {
    pub table: String,
    pub publication: String,
}

/// What publications send from this command on: one table, or all tables of a command that are not known yet.
#[derive(Serialize, Deserialize, Clone, Default)]
#[serde(default)]
pub struct Published {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    pub publications: Vec<String>,
}

impl Published {
    pub fn table(table: String, publications: Vec<String>) -> Self {
        Published {
            table: Some(table),
            schema: None,
            publications,
        }
    }

    /// All tables, or all of a schema.
    pub fn tables(schema: Option<String>, publications: Vec<String>) -> Self {
        Published {
            table: None,
            schema,
            publications,
        }
    }
}

/// What `now()` gave to the command, in microseconds since 1970, and `statement_timestamp()` where that is another time.
#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Clock {
    pub transaction: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<i64>,
}

/// Why no other server runs a command of no role.
pub const ROLE_DROPPED: &str = "the role that ran it had been dropped";

/// A role, and what it may do there.
#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
pub struct RunAs {
    pub role: String,
    #[serde(skip_serializing_if = "is_false")]
    pub superuser: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rights: Vec<String>,
}

/// What was sent, where `ddl_text` is not that.
#[derive(Serialize, Clone)]
pub struct Original {
    pub tag: String,
    pub text: String,
}

impl Original {
    /// `text` is in the encoding of the database.
    pub fn new(tag: &str, text: &[u8]) -> Self {
        Original {
            tag: tag.to_owned(),
            text: text::decode(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left out, and in which order; what the destination needs is never among it.
    #[test]
    fn leave_out() {
        let object = Object {
            op: Operation::Create,
            object_type: "table".into(),
            identity: Some("public.a".to_owned()),
            schema: Some("public".to_owned()),
            name: Some("a".to_owned()),
            original: None,
        };
        let mut message = Document {
            v: VERSION,
            objects: vec![object; 1_001],
            session_user: Some("me".into()),
            search_path: vec!["public".to_owned()].into(),
            nesting: Cow::Owned(Nesting::top()),
            replica_identity: vec!["public.a".to_owned()],
            original: Some(Original {
                tag: "CREATE TABLE AS".to_owned(),
                text: "x".to_owned(),
            }),
            ..Document::default()
        };
        let told = |message: &Document| serde_json::to_value(message).expect("JSON");
        let whole = told(&message);
        assert!(whole.get("left_out").is_none());
        assert!(message.leave_out());
        let less = told(&message);
        assert_eq!(less["left_out"], serde_json::json!(["original"]));
        assert!(less.get("original").is_none());
        assert_eq!(less["objects"], whole["objects"]);
        assert!(message.leave_out());
        assert!(!message.leave_out());
        let least = told(&message);
        assert_eq!(
            least["left_out"],
            serde_json::json!(["original", "objects"])
        );
        assert_eq!(least["objects"].as_array().map(Vec::len), Some(1_000));
        for key in ["v", "session_user", "search_path", "replica_identity"] {
            assert_eq!(least[key], whole[key], "{key}");
        }
    }

    /// What is read is what was written, but for what nobody reads; what a newer version may add is passed over.
    #[test]
    fn read_again() {
        let text = r#"{"v":1,"objects":[{"op":"create","type":"table","identity":"public.a"}],"search_path":["public"],
            "settings":{"DateStyle":"ISO, DMY"},"rewrites":[{"table":"public.a","reasons":[],"volatile":true}],
            "replay":false,"replay_reason":"why"}"#;
        let read: Document = serde_json::from_str(text).expect("a document");
        let expected: serde_json::Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(serde_json::to_value(&read).expect("JSON"), expected);
        let newer = r#"{"v":1,"objects":[{"op":"merge","type":"table","new":1}],"nesting":"deep","original":7,"new":[]}"#;
        let read: Document = serde_json::from_str(newer).expect("a document");
        assert_eq!(read.objects[0].op, Operation::Other);
        assert!(read.original.is_none());
    }
}
