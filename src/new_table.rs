//! New tables take part in replication at once: REPLICA IDENTITY FULL, and membership in the consumers' publications.

use crate::guc::{self, ReplicaIdentity};
use crate::message::Membership;
use crate::pg::catalog::{Address, qualified_relation_name};
use crate::pg::{publication, text};

/// What was done for the new tables of one command.
#[derive(Default)]
pub struct Prepared {
    pub replica_identity: Vec<String>,
    pub publications: Vec<Membership>,
}

/// Gives the tables their replica identity and adds them to each publication whose name begins with the prefix.
/// Temporary, unlogged and foreign tables are left alone.
pub fn prepare(tables: &[Address]) -> Prepared {
    let mut prepared = Prepared::default();
    let mode = guc::replica_identity();
    let prefix = if tables.is_empty() {
        Vec::new()
    } else {
        guc::publication_prefix()
    };
    if mode == ReplicaIdentity::Off && prefix.is_empty() {
        return prepared;
    }
    for table in tables {
        let Some(facts) = publication::inspect(table.object).filter(|facts| facts.publishable)
        else {
            continue;
        };
        let Some(name) = qualified_relation_name(table.object) else {
            continue;
        };
        let wants_full = match mode {
            ReplicaIdentity::Full => true,
            ReplicaIdentity::FullWithoutKey => !facts.has_primary_key,
            ReplicaIdentity::Off => false,
        };
        if wants_full && publication::set_replica_identity_full(table.object) {
            prepared.replica_identity.push(name.clone());
        }
        if prefix.is_empty() {
            continue;
        }
        for publication in publication::with_prefix(&prefix) {
            if publication::add_table(&publication, table.object) {
                prepared.publications.push(Membership {
                    table: name.clone(),
                    publication: text::decode(&publication.name),
                });
            }
        }
    }
    prepared
}
