//! A script that runs beside a consumer: the commands that the consumer runs itself are left out, and the others are guarded, since
//! neither waits for the other.
//!
//! What a command would make and is there already was made by an earlier run of the script, or by hand: it is left out; so is what
//! would drop something that is not there. What a
//! command is about and is gone on the server that writes the script was dropped, renamed or moved by a later command, which the
//! consumer may have run already: then an error is told and the script goes on. Any other error ends it where the consumer has not
//! got so far.

use super::psql::{add, add_constant};
use crate::document::{Document, Object, Operation, settings};
use crate::error::Failure;
use crate::pg::catalog::spi;
use crate::pg::command::parser;
use crate::pg::runtime::text;
use crate::read::consumers;
use statement::Lexer;
use std::collections::BTreeSet;

/// The commands that are left out.
pub struct Beside {
    tags: BTreeSet<String>,
}

impl Beside {
    /// Of names of consumers and command tags.
    pub fn of(without: &[String]) -> Result<Self, Failure> {
        let mut tags = BTreeSet::new();
        for name in without {
            if parser::is_command_tag(name) {
                tags.insert(name.to_ascii_uppercase());
            } else {
                let consumer = consumers::find(name)?;
                tags.extend(consumer.tags.iter().map(|tag| (*tag).to_owned()));
            }
        }
        Ok(Self { tags })
    }

    pub fn leaves_out(&self, tag: &str) -> bool {
        self.tags.contains(tag)
    }
}

/// What stands around a command.
pub struct Guards {
    /// In SQL, and the lines between which the command stands.
    presence: Option<(Vec<u8>, &'static str, &'static str)>,
    may_fail: bool,
}

const IF_ABSENT: (&str, &str) = ("\\echo '  left out: it is there'\n\\else\n", "\\endif");
const IF_PRESENT: (&str, &str) = ("", "\\else\n\\echo '  left out: it is not there'\n\\endif");

impl Guards {
    pub fn of(statement: &[u8], recorded: &Document<'_>) -> Result<Self, Failure> {
        let conforming = settings::standard_conforming_strings(&recorded.settings);
        // CREATE OR REPLACE may come again
        let replaces = Lexer::new(statement, conforming)
            .nth(1)
            .is_some_and(|token| token.is_word(statement, "or"));
        let objects = &recorded.objects;
        let dropped = objects
            .iter()
            .filter(|object| object.original == Some(true));
        let dropped: Option<Vec<_>> = dropped.map(presence).collect();
        let presence = match objects.first().map(|object| object.op) {
            Some(Operation::Create) if !replaces => {
                let presence = objects.first().and_then(presence);
                presence.map(|presence| (presence, IF_ABSENT.0, IF_ABSENT.1))
            }
            Some(Operation::Drop) => dropped
                .filter(|dropped| !dropped.is_empty())
                .map(|dropped| (dropped.join(&b" OR "[..]), IF_PRESENT.0, IF_PRESENT.1)),
            _ => None,
        };
        Ok(Self {
            presence,
            may_fail: is_gone(objects)?,
        })
    }

    pub fn begin(&self, script: &mut Vec<u8>) {
        if let Some((presence, before, _)) = &self.presence {
            add(script, "SELECT ");
            script.extend_from_slice(presence);
            add(script, " AS present \\gset dts_\n\\if :dts_present\n");
            add(script, before);
        }
        if self.may_fail {
            add(
                script,
                "\\set dts_go_on :ON_ERROR_STOP\n\\set ON_ERROR_STOP off\n",
            );
        }
    }

    pub fn end(&self, script: &mut Vec<u8>) {
        if self.may_fail {
            add(script, "\n\\set ON_ERROR_STOP :dts_go_on");
        }
        if let Some((_, _, behind)) = self.presence {
            add(script, "\n");
            add(script, behind);
        }
    }
}

/// Whether something that a command has made or altered is no longer here.
fn is_gone(objects: &[Object]) -> Result<bool, Failure> {
    let here = objects.iter().filter(|object| object.op != Operation::Drop);
    for presence in here.filter_map(presence) {
        let query = format!(
            "SELECT CASE WHEN {} THEN 'here' END",
            text::decode(&presence)
        );
        let found = spi::read_texts(&query, &[])?;
        if found.iter().flatten().any(Option::is_none) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether an object is there, in SQL; `None` for kinds of which that is not asked.
fn presence(object: &Object) -> Option<Vec<u8>> {
    let identity = text::encode(object.identity.as_deref()?);
    let mut sql = Vec::new();
    let by = |sql: &mut Vec<u8>, function: &str| {
        add(sql, &format!("pg_catalog.{function}("));
        add_constant(sql, &identity);
        add(sql, ") IS NOT NULL");
    };
    match &*object.object_type {
        "table" | "view" | "materialized view" | "foreign table" | "sequence" | "index"
        | "composite type" => {
            by(&mut sql, "to_regclass");
        }
        "type" | "domain" => by(&mut sql, "to_regtype"),
        "function" | "procedure" | "aggregate" => by(&mut sql, "to_regprocedure"),
        "schema" => by(&mut sql, "to_regnamespace"),
        other => {
            let (_, catalog) = CATALOGS.iter().find(|(kind, _)| *kind == other)?;
            add(
                &mut sql,
                &format!(
                    "EXISTS (SELECT FROM pg_catalog.{catalog} o CROSS JOIN LATERAL pg_catalog.pg_identify_object('pg_catalog.{catalog}'::pg_catalog.regclass, o.oid, 0) i WHERE i.type OPERATOR(pg_catalog.=) '{other}' AND i.identity OPERATOR(pg_catalog.=) "
                ),
            );
            add_constant(&mut sql, &identity);
            add(&mut sql, ")");
        }
    }
    Some(sql)
}

/// Where the objects of other kinds are.
const CATALOGS: [(&str, &str); 22] = [
    ("access method", "pg_am"),
    ("cast", "pg_cast"),
    ("collation", "pg_collation"),
    ("conversion", "pg_conversion"),
    ("domain constraint", "pg_constraint"),
    ("event trigger", "pg_event_trigger"),
    ("extension", "pg_extension"),
    ("foreign-data wrapper", "pg_foreign_data_wrapper"),
    ("language", "pg_language"),
    ("operator", "pg_operator"),
    ("operator class", "pg_opclass"),
    ("operator family", "pg_opfamily"),
    ("policy", "pg_policy"),
    ("rule", "pg_rewrite"),
    ("server", "pg_foreign_server"),
    ("statistics object", "pg_statistic_ext"),
    ("table constraint", "pg_constraint"),
    ("text search configuration", "pg_ts_config"),
    ("text search dictionary", "pg_ts_dict"),
    ("text search parser", "pg_ts_parser"),
    ("text search template", "pg_ts_template"),
    ("trigger", "pg_trigger"),
];
