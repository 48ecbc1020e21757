//! The JSON document of the column `message`, version 1. Documented field by field in the README.
//!
//! Absent keys mean "none" or "as usual", which keeps an ordinary row small.

use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
pub struct Message<'a> {
    pub v: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<Object>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_user: Option<&'a str>,
    #[serde(skip_serializing_if = "is_false")]
    pub superuser: bool,
    pub search_path: &'a [String],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: &'a BTreeMap<&'static str, String>,
    pub nesting: &'a Nesting,
    /// The major of this server, with commands whose effect depends on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub major: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rewrites: Vec<TableRewrite>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replica_identity: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replica_identity_default: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
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
    pub replay_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "is_zero")]
    pub redacted: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub temporary_removed: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original: Option<Original>,
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

fn is_false(b: &bool) -> bool {
    !*b
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    Create,
    Alter,
    Drop,
}

/// An object that the command touched.
#[derive(Serialize, Clone, Debug)]
pub struct Object {
    pub op: Operation,
    #[serde(rename = "type")]
    pub object_type: String,
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

#[derive(Serialize)]
pub struct Nesting {
    level: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    inside: Vec<String>,
}

impl Nesting {
    pub fn top() -> Self {
        Nesting {
            level: "top",
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

#[derive(Serialize, Clone)]
pub struct TableRewrite {
    pub table: String,
    pub reasons: Vec<&'static str>,
    pub volatile: bool,
}

/// A new table that joined a publication.
#[derive(Serialize, Clone)]
pub struct Membership {
    pub table: String,
    pub publication: String,
}

/// What publications send from this command on: one table, or all tables of a command that are not known yet.
#[derive(Serialize, Clone)]
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

/// What was sent, where `ddl_text` is not that.
#[derive(Serialize)]
pub struct Original {
    pub tag: String,
    pub text: String,
}
