//! What a command has made here has the names that it has on the source: else the next command would find another object, or none.

use super::recorded::{Circumstances, Command, Made, Object};
use crate::error::Failure;
use crate::pg::catalog::{self, Oid};
use crate::pg::execute::Done;
use crate::pg::{index, relation, text};
use std::collections::BTreeMap;

/// Gives the relations that the command has made the names that the source's server chose, where another one was chosen here. Fails
/// where something else has such a name.
pub fn give(command: &Command, circumstances: &Circumstances, done: &Done) -> Result<(), Failure> {
    let is_rebuilt =
        |oid: Oid| catalog::relation_name(oid).is_some_and(|name| done.dropped.contains(&name));
    let mut wrong = Vec::new();
    for (place, wanted) in by_place(&circumstances.made) {
        let mut found = made_in(place, &done.made)?;
        found.retain(|&oid| !is_rebuilt(oid));
        // A statement that was stored for another one may make less.
        if found.len() == wanted.len() {
            let pairs = found.into_iter().zip(wanted);
            wrong.extend(
                pairs.filter(|(oid, name)| catalog::relation_name(*oid).as_deref() != Some(*name)),
            );
        }
    }
    // One may have the name that another one is to get.
    if wrong.len() > 1 {
        for (oid, _) in &wrong {
            relation::rename(*oid, &format!("dts_ddl_{}", oid.to_u32()));
        }
    }
    for (oid, name) in wrong {
        let identity = relation::identity_if_named(oid, name);
        if catalog::relation_by_identity(&identity)?.is_some() {
            return Err(Failure::name_of_another(&identity));
        }
        relation::rename(oid, name);
    }
    for object in &circumstances.objects {
        if let Some(identity) = taken(command, object, &done.made)? {
            return Err(Failure::name_of_another(identity));
        }
    }
    Ok(())
}

/// The names by table, those of sequences by `None`.
fn by_place(made: &[Made]) -> BTreeMap<Option<&str>, Vec<&str>> {
    let mut places = BTreeMap::<_, Vec<&str>>::new();
    for made in made {
        let names = places.entry(made.table.as_deref()).or_default();
        names.push(&made.name);
    }
    places
}

fn made_in(table: Option<&str>, made: &[Oid]) -> Result<Vec<Oid>, Failure> {
    let is_there: Box<dyn Fn(Oid) -> bool> = match table {
        None => Box::new(catalog::is_sequence),
        Some(identity) => {
            let table = catalog::relation_by_identity(identity)?;
            Box::new(move |oid| table.is_some() && index::table_of(oid) == table)
        }
    };
    Ok(made.iter().copied().filter(|&oid| is_there(oid)).collect())
}

/// The name of an index or sequence that the source's command has made, and that here something else has.
fn taken<'a>(
    command: &Command,
    object: &'a Object,
    made: &[Oid],
) -> Result<Option<&'a str>, Failure> {
    let is_made = object.op.as_deref() == Some("create")
        && matches!(object.object_type.as_deref(), Some("index" | "sequence"));
    let Some(identity) = object.identity.as_deref().filter(|_| is_made) else {
        return Ok(None);
    };
    let there = catalog::relation_by_identity(identity)?;
    let is_other = |oid: Oid| {
        !made.contains(&oid)
            // which IF NOT EXISTS has found, and which is what the row tells of
            && index::definition_if_not_exists(oid).map(|d| text::encode(&d).into_owned())
                != Some(command.statement.clone())
    };
    Ok(there.is_some_and(is_other).then_some(identity))
}
