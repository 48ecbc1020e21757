//! Tables that join replication by the command, with rows perhaps: new ones, and those made permanent (SET LOGGED), or
//! put where a publication sends them (ATTACH PARTITION, SET SCHEMA).
//!
//! The rows that such a table has already were never decoded for these publications, and never will be.

use crate::capture::in_progress::{Rewrite, Started};
use crate::capture::new_table::{self, Prepared};
use crate::capture::objects::Touched;
use crate::capture::replica_identity;
use crate::document::Published;
use crate::error::Failure;
use crate::pg::catalog::lookup::{Address, qualified_relation_name};
use crate::pg::replication::publication::{self, Before};

/// A table whose rows are not sent, and why.
pub struct Undecoded {
    pub table: String,
    pub reason: &'static str,
}

pub struct Joined {
    pub prepared: Prepared,
    pub undecoded: Vec<Undecoded>,
}

/// Prepares the tables that a command made, or made permanent, and finds out what is published now that was not before.
pub fn prepare(touched: &Touched, started: &Started) -> Result<Joined, Failure> {
    let logged = made_permanent(&started.rewrites);
    let mut joined = Joined {
        prepared: if logged.is_empty() {
            new_table::prepare(&touched.new_tables)?
        } else {
            new_table::prepare(&[touched.new_tables.as_slice(), logged.as_slice()].concat())?
        },
        undecoded: Vec::new(),
    };
    joined.prepared.replica_identity_default = replica_identity::settle_after(touched, started)?;
    for table in logged {
        joined.note_rows(table, "The table was unlogged.");
    }
    for table in &started.attached {
        joined.note_newly_published(*table, Before::NoPartition);
    }
    for &(table, schema) in &touched.moved {
        joined.note_newly_published(table, Before::InSchema(schema));
    }
    Ok(joined)
}

impl Joined {
    fn note_newly_published(&mut self, table: Address, before: Before) {
        for (part, publications) in publication::newly_sending(table.object, before) {
            let Some(name) = qualified_relation_name(part) else {
                continue;
            };
            let entry = Published::table(name, publications);
            self.prepared.published.push(entry);
            self.note_rows(
                Address::relation(part),
                "The table was not part of the publication before.",
            );
        }
    }

    fn note_rows(&mut self, table: Address, reason: &'static str) {
        if publication::has_rows(table.object)
            && let Some(table) = qualified_relation_name(table.object)
        {
            self.undecoded.push(Undecoded { table, reason });
        }
    }
}

/// The same for the tables that an extension's script is going to make.
pub fn of_extension() -> Vec<Published> {
    let (all, by_schema) = publication::sending_new_tables();
    let mut published = Vec::new();
    if !all.is_empty() {
        published.push(Published::tables(None, all));
    }
    published.extend(
        by_schema
            .into_iter()
            .map(|(schema, publications)| Published::tables(Some(schema), publications)),
    );
    published
}

/// A rewrite for another persistence makes a table either permanent or unlogged.
fn made_permanent(rewrites: &[Rewrite]) -> Vec<Address> {
    rewrites
        .iter()
        .filter(|rewrite| rewrite.reasons.contains(&"persistence"))
        .map(|rewrite| Address::relation(rewrite.oid.into()))
        .filter(|table| publication::is_publishable(table.object))
        .collect()
}
