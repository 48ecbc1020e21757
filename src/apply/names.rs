//! What a command has made here has the names that it has on the source: else the next command would find another object, or none.

use crate::document::{Document, Made, Object, Operation};
use crate::error::Failure;
use crate::pg::catalog::lookup::{self, Oid};
use crate::pg::catalog::relation;
use crate::pg::command::index;
use crate::pg::hooks::execute::Done;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Gives the relations that the command has made the names that the source's server chose, where another one was chosen here. Fails
/// where something else has such a name.
pub fn give(document: &Document<'_>, done: &Done) -> Result<(), Failure> {
    let mut wrong = Vec::new();
    let mut made_here = made_here(document, done)?;
    for (table, wanted) in by_table(&document.made) {
        let oid = table.and_then(lookup::relation_by_identity);
        let found = if table.is_some() && oid.is_none() {
            Vec::new()
        } else {
            made_here.remove(&oid).unwrap_or_default()
        };
        let pairs = if table.is_some() {
            let (pairs, surplus) = paired(wanted, found);
            // CREATE TABLE (LIKE ..) has copied what was not there yet on the source.
            if oid.is_some_and(|table| done.made.contains(&table)) {
                surplus.into_iter().for_each(index::drop_again);
            }
            pairs
        } else {
            found.into_iter().zip(wanted).collect()
        };
        let has_another = |(oid, made): &(Oid, &Made)| {
            lookup::relation_name(*oid).as_deref() != Some(made.name.as_str())
        };
        wrong.extend(pairs.into_iter().filter(has_another));
    }
    // One may have the name that another one is to get.
    if wrong.len() > 1 {
        for (oid, _) in &wrong {
            relation::rename(*oid, &format!("dts_ddl_{}", oid.to_u32()));
        }
    }
    for (oid, made) in wrong {
        let identity = relation::identity_if_named(oid, &made.name);
        if lookup::relation_by_identity(&identity).is_some() {
            return Err(Failure::name_of_another(&identity));
        }
        relation::rename(oid, &made.name);
    }
    let made: HashSet<Oid> = done.made.iter().copied().collect();
    let definitions: HashMap<&str, &str> = (document.made.iter())
        .filter_map(|made| Some((made.name.as_str(), made.definition.as_deref()?)))
        .collect();
    for object in &document.objects {
        if let Some(identity) = taken(object, &definitions, &made)? {
            return Err(Failure::name_of_another(identity));
        }
    }
    Ok(())
}

/// What the source made by table, sequences by `None`.
fn by_table(made: &[Made]) -> BTreeMap<Option<&str>, Vec<&Made>> {
    let mut tables = BTreeMap::<_, Vec<_>>::new();
    for made in made {
        let of_table = tables.entry(made.table.as_deref()).or_default();
        of_table.push(made);
    }
    tables
}

/// What was made here, by table, sequences by `None`; but for what an ALTER TABLE has made anew (that has its name), and
/// sequences of tables that the command is not about: event triggers of this server have made them.
fn made_here(
    document: &Document<'_>,
    done: &Done,
) -> Result<HashMap<Option<Oid>, Vec<Oid>>, Failure> {
    let mut tables = HashMap::<_, Vec<Oid>>::new();
    if document.made.is_empty() {
        return Ok(tables);
    }
    let mut concerned = HashSet::new();
    if done.made.iter().any(|&oid| lookup::is_sequence(oid)) {
        for identity in document
            .objects
            .iter()
            .filter_map(|o| o.identity.as_deref())
        {
            concerned.extend(lookup::relation_by_identity(identity));
        }
    }
    for &oid in &done.made {
        let table = index::table_of(oid);
        let is_rebuilt =
            || lookup::relation_name(oid).is_some_and(|name| done.dropped.contains(&name));
        let is_of_command = || {
            lookup::is_sequence(oid)
                && lookup::table_of_sequence(oid).is_none_or(|table| concerned.contains(&table))
        };
        if table.is_some() && !is_rebuilt() || is_of_command() {
            tables.entry(table).or_default().push(oid);
        }
    }
    Ok(tables)
}

/// Each index with what it is on the source: that which says the same, or (another major may word it in another way) the next
/// in order; and those that are nothing there.
fn paired(wanted: Vec<&Made>, mut found: Vec<Oid>) -> (Vec<(Oid, &Made)>, Vec<Oid>) {
    let (mut pairs, mut left) = (Vec::new(), Vec::new());
    for made in wanted {
        let is_same = |oid: &Oid| index::definition_without_name(*oid) == made.definition;
        match found.iter().position(is_same) {
            Some(at) => pairs.push((found.remove(at), made)),
            None => left.push(made),
        }
    }
    for made in left.into_iter().filter(|made| !made.later) {
        if !found.is_empty() {
            pairs.push((found.remove(0), made));
        }
    }
    (pairs, found)
}

/// The name of an index or sequence that the source's command has made, and that here something else has. What IF NOT EXISTS
/// finds is what it asks for, unless the row says what that is.
fn taken<'a>(
    object: &'a Object,
    definitions: &HashMap<&str, &str>,
    made: &HashSet<Oid>,
) -> Result<Option<&'a str>, Failure> {
    let is_made =
        object.op == Operation::Create && matches!(&*object.object_type, "index" | "sequence");
    let Some(identity) = object.identity.as_deref().filter(|_| is_made) else {
        return Ok(None);
    };
    let Some(there) = lookup::relation_by_identity(identity) else {
        return Ok(None);
    };
    let name = object.name.as_deref().unwrap_or_default();
    let is_other = match definitions.get(name) {
        Some(&definition) => index::definition_without_name(there).as_deref() != Some(definition),
        None => !made.is_empty(),
    };
    Ok((is_other && !made.contains(&there)).then_some(identity))
}
