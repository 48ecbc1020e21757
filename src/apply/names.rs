//! What a command has made here has the names that it has on the source: else the next command would find another object, or none.

use super::recorded::{Circumstances, Made, Object};
use crate::error::Failure;
use crate::pg::catalog::{self, Oid};
use crate::pg::execute::Done;
use crate::pg::{index, relation};
use std::collections::BTreeMap;

/// Gives the relations that the command has made the names that the source's server chose, where another one was chosen here. Fails
/// where something else has such a name.
pub fn give(circumstances: &Circumstances, done: &Done) -> Result<(), Failure> {
    let is_rebuilt =
        |oid: Oid| catalog::relation_name(oid).is_some_and(|name| done.dropped.contains(&name));
    let mut wrong = Vec::new();
    for (kind, wanted) in by_kind(&circumstances.made) {
        let mut found = made_of(kind, &done.made)?;
        found.retain(|&oid| !is_rebuilt(oid));
        let pairs = found.into_iter().zip(wanted);
        wrong.extend(
            pairs.filter(|(oid, name)| catalog::relation_name(*oid).as_deref() != Some(*name)),
        );
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
        if let Some(identity) = taken(object, circumstances, done)? {
            return Err(Failure::name_of_another(identity));
        }
    }
    Ok(())
}

/// What a name is of: an index of a table with a definition, or a sequence.
type Kind<'a> = Option<(&'a str, &'a str)>;

fn by_kind(made: &[Made]) -> BTreeMap<Kind<'_>, Vec<&str>> {
    let mut kinds = BTreeMap::<_, Vec<&str>>::new();
    for made in made {
        let kind = made.table.as_deref().zip(made.definition.as_deref());
        kinds.entry(kind).or_default().push(&made.name);
    }
    kinds
}

fn made_of(kind: Kind<'_>, made: &[Oid]) -> Result<Vec<Oid>, Failure> {
    let Some((table, definition)) = kind else {
        let sequences = made
            .iter()
            .copied()
            .filter(|&oid| catalog::is_sequence(oid));
        return Ok(sequences.collect());
    };
    let table = catalog::relation_by_identity(table)?;
    let indexes = made.iter().copied().filter(|&oid| {
        table.is_some()
            && index::table_of(oid) == table
            && index::definition_without_name(oid).as_deref() == Some(definition)
    });
    Ok(indexes.collect())
}

/// The name of an index or sequence that the source's command has made, and that here something else has. What IF NOT EXISTS finds is
/// what it asks for, unless the row says what that is.
fn taken<'a>(
    object: &'a Object,
    circumstances: &Circumstances,
    done: &Done,
) -> Result<Option<&'a str>, Failure> {
    let is_made = object.op.as_deref() == Some("create")
        && matches!(object.object_type.as_deref(), Some("index" | "sequence"));
    let Some(identity) = object.identity.as_deref().filter(|_| is_made) else {
        return Ok(None);
    };
    let Some(there) = catalog::relation_by_identity(identity)? else {
        return Ok(None);
    };
    let made = circumstances.made.iter();
    let definition = made
        .filter(|made| Some(&made.name) == object.name.as_ref())
        .find_map(|made| made.definition.as_deref());
    let is_other = match definition {
        Some(definition) => index::definition_without_name(there).as_deref() != Some(definition),
        None => !done.made.is_empty(),
    };
    Ok((is_other && !done.made.contains(&there)).then_some(identity))
}
