//! Tables that join replication by the command, with rows perhaps: new ones, and those made permanent (SET LOGGED), or
//! put where a publication sends them (ATTACH PARTITION, SET SCHEMA).
//!
//! The rows that such a table has already were never decoded for these publications, and never will be.

use crate::capture::objects::Touched;
use crate::capture::replica_identity;
use crate::capture::started::{Rewrite, Started};
use crate::document::{Document, Membership, Published};
use crate::error::Failure;
use crate::guc;
use crate::pg::catalog::lookup::{Address, qualified_relation_name};
use crate::pg::catalog::relation;
use crate::pg::replication::publication::{self, Before};
use crate::pg::replication::subscription::{self, TableState};
use crate::pg::runtime::text;
use crate::pg::runtime::transaction;
use crate::pg::store::table;

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
    let name = |table: Address| match touched.main_object() {
        Some(main) if touched.main_address() == Some(table) => main.identity.clone(),
        _ => qualified_relation_name(table.object),
    };
    let mut joined = Joined {
        prepared: if logged.is_empty() {
            prepare_new(&touched.new_tables, name)?
        } else {
            let tables = [touched.new_tables.as_slice(), logged.as_slice()].concat();
            prepare_new(&tables, name)?
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
        if relation::has_rows(table.object)
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

/// What was done for the new tables of one command, and what publications send of them.
#[derive(Default)]
pub struct Prepared {
    /// Tables that have REPLICA IDENTITY FULL from here.
    pub replica_identity: Vec<String>,
    /// Tables from which it was taken back.
    pub replica_identity_default: Vec<String>,
    pub publications: Vec<Membership>,
    pub published: Vec<Published>,
    /// Names of all publications, when there are new tables that could be in them.
    pub all_publications: Vec<String>,
}

impl Prepared {
    pub fn tell(self, message: &mut Document<'_>) {
        message.replica_identity = self.replica_identity;
        message.replica_identity_default = self.replica_identity_default;
        message.publications = self.publications;
        message.published = self.published;
        message.all_publications = self.all_publications;
    }
}

/// Gives the tables their replica identity and adds them to each publication whose name begins with the prefix.
/// Temporary, unlogged and foreign tables are left alone. `name` is that of a table, with its schema.
pub fn prepare_new(
    tables: &[Address],
    name: impl Fn(Address) -> Option<String>,
) -> Result<Prepared, Failure> {
    let mut prepared = Prepared::default();
    if tables.is_empty() {
        return Ok(prepared);
    }
    let prefix = guc::publication_prefix();
    let (mut publishable, mut full) = (Vec::new(), Vec::new());
    for table in tables {
        if !publication::is_publishable(table.object) {
            continue;
        }
        let Some(name) = name(*table) else {
            continue;
        };
        if replica_identity::give(table.object) {
            full.push((table.object, name.clone()));
        }
        if !prefix.is_empty() {
            for publication in publication::with_prefix(&prefix) {
                if publication::add_table(&publication, table.object) {
                    prepared.publications.push(Membership {
                        table: name.clone(),
                        publication: text::decode(&publication.name),
                    });
                }
            }
        }
        publishable.push((table.object, name));
    }
    if !prepared.publications.is_empty() {
        transaction::command_counter_increment();
    }
    // Only now, as below.
    for (table, name) in full {
        if !replica_identity::settle(table)? {
            prepared.replica_identity.push(name);
        }
    }
    if table::is_destination() {
        // Of two servers that both capture, the other one will send rows of this table.
        for subscription in subscription::subscriptions_of(table::capture_table()) {
            for (table, _) in &publishable {
                subscription::add_table(subscription, *table, TableState::Ready);
            }
        }
    }
    if !publishable.is_empty() {
        prepared.all_publications = publication::all_names();
    }
    // Only now: a partition is sent by what its parent, perhaps new as well, has joined.
    for (table, name) in publishable {
        let publications = publication::sending(table);
        if !publications.is_empty() {
            prepared
                .published
                .push(Published::table(name, publications));
        }
    }
    Ok(prepared)
}
