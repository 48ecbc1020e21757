//! New tables take part in replication at once: their replica identity, and membership in the consumers' publications.

use crate::capture::replica_identity;
use crate::document::{Membership, Published};
use crate::error::Failure;
use crate::guc;
use crate::pg::catalog::lookup::{Address, qualified_relation_name};
use crate::pg::replication::publication;
use crate::pg::replication::subscription::{self, TableState};
use crate::pg::runtime::{session, text};
use crate::pg::store::table;

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

/// Gives the tables their replica identity and adds them to each publication whose name begins with the prefix.
/// Temporary, unlogged and foreign tables are left alone.
pub fn prepare(tables: &[Address]) -> Result<Prepared, Failure> {
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
        let Some(name) = qualified_relation_name(table.object) else {
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
        session::command_counter_increment();
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
