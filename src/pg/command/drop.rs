//! What a DROP of relations without CASCADE is about to drop, as it is called when the command begins. With these goes only what is part
//! of them, so that there is nothing to ask afterwards: for a table PostgreSQL would make a list of its type, its TOAST table, the
//! indexes of both, its constraints.

use crate::pg::catalog::lookup::Address;
use crate::pg::command::event::Dropped;
use crate::pg::command::node::{self, ParseTree};
use crate::pg::runtime::list;
use pgrx::pg_sys::{self, ObjectType};

/// Each relation that is dropped is looked for among so many.
const MOST: usize = 100;

/// What a command is to drop, and how much of it is gone as what it was known as: a name may come to mean another relation, and that
/// another name, while the command waits for a lock.
pub struct Known {
    relations: Vec<Dropped>,
    gone: usize,
}

impl Known {
    pub fn find(&self, relation: pg_sys::Oid) -> Option<&Dropped> {
        let address = Some(Address::relation(relation));
        self.relations.iter().find(|known| known.address == address)
    }

    /// One that [`Known::find`] has found goes, with its names. Each goes once.
    pub fn note_gone(&mut self) {
        self.gone += 1;
    }

    /// What was dropped, if that was all of it.
    pub fn all_gone(self) -> Option<Vec<Dropped>> {
        (self.gone == self.relations.len()).then_some(self.relations)
    }
}

/// In the order of the statement; `None` for every other statement, and where PostgreSQL has to be asked afterwards: some object was not
/// found or has others below it, or there are many. To be asked before it runs.
pub fn named(tree: ParseTree) -> Option<Known> {
    let drop = tree.cast::<pg_sys::DropStmt>(pg_sys::NodeTag::T_DropStmt)?;
    // SAFETY: a parse tree is valid while its command runs.
    let drop = unsafe { &*drop };
    let is_of_relations = matches!(
        drop.removeType,
        ObjectType::OBJECT_TABLE
            | ObjectType::OBJECT_VIEW
            | ObjectType::OBJECT_MATVIEW
            | ObjectType::OBJECT_INDEX
            | ObjectType::OBJECT_SEQUENCE
            | ObjectType::OBJECT_FOREIGN_TABLE
    );
    if !is_of_relations || drop.behavior != pg_sys::DropBehavior::DROP_RESTRICT {
        return None;
    }
    // SAFETY: relations are named by lists of strings (gram.y: any_name_list).
    let names = unsafe { list::pointers::<pg_sys::List>(drop.objects) };
    if names.len() > MOST {
        return None;
    }
    let mut found: Vec<Dropped> = Vec::with_capacity(names.len());
    for name in names {
        // SAFETY: as above; a look-up that raises no error.
        let relation = unsafe { node::find_quietly(pg_sys::makeRangeVarFromNameList(name)) };
        let address = Address::relation(relation);
        // A name that comes twice is dropped once.
        if !found.iter().any(|other| other.address == Some(address)) {
            found.push(Dropped::alone(address)?);
        }
    }
    Some(Known {
        relations: found,
        gone: 0,
    })
}
