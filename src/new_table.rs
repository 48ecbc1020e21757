//! New tables take part in replication at once: REPLICA IDENTITY FULL, and membership in the consumers' publications.

use crate::guc::{self, ReplicaIdentity};
use crate::message::{Membership, Published};
use crate::pg::catalog::{Address, qualified_relation_name};
use crate::pg::subscription::{self, TableState};
use crate::pg::{publication, table, text};

/// What was done for the new tables of one command, and what publications send of them.
#[derive(Default)]
pub struct Prepared {
    pub replica_identity: Vec<String>,
    pub publications: Vec<Membership>,
    pub published: Vec<Published>,
    /// Names of all publications, when there are new tables that could be in them.
    pub all_publications: Vec<String>,
}

/// Gives the tables their replica identity and adds them to each publication whose name begins with the prefix.
/// Temporary, unlogged and foreign tables are left alone.
pub fn prepare(tables: &[Address]) -> Prepared {
    let mut prepared = Prepared::default();
    if tables.is_empty() {
        return prepared;
    }
    let mode = guc::replica_identity();
    let prefix = guc::publication_prefix();
    let mut publishable = Vec::new();
    for table in tables {
        if !publication::is_publishable(table.object) {
            continue;
        }
        let Some(name) = qualified_relation_name(table.object) else {
            continue;
        };
        let wants_full = match mode {
            ReplicaIdentity::Full => true,
            ReplicaIdentity::FullWithoutKey => !publication::has_primary_key(table.object),
            ReplicaIdentity::Off => false,
        };
        if wants_full
            && publication::may_have_replica_identity_full(table.object)
            && publication::set_replica_identity_full(table.object)
        {
            prepared.replica_identity.push(name.clone());
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
    prepared
}
