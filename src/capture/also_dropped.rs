//! What the CASCADE of a DROP of temporary objects has taken from permanent ones: a statement for each, since the DROP itself is
//! nothing for another server.

use crate::capture::short_lived;
use crate::pg::command::event::Dropped;
use crate::pg::runtime::text;
use std::collections::HashSet;

/// A permanent object that went with a temporary one, and the statement that drops it elsewhere.
pub struct AlsoDropped<'a> {
    pub object: &'a Dropped,
    pub statement: String,
    pub tag: String,
}

/// Those that CASCADE has dropped, in the order in which that was done, so that none needs CASCADE itself: PostgreSQL lists what
/// it dropped last first (event_trigger.c: EventTriggerSQLDropAddObject). Objects that no other server has are left out; IF EXISTS
/// passes over what the command itself drops there too.
pub fn dropped_with_temporary(dropped: &[Dropped]) -> Vec<AlsoDropped<'_>> {
    let relations: HashSet<[&str; 2]> = dropped
        .iter()
        .filter(|d| d.address.is_some_and(|a| a.is_relation() && a.sub == 0))
        .filter_map(|d| Some([d.schema.as_deref()?, d.name.as_deref()?]))
        .collect();
    let columns: HashSet<&[String]> = dropped
        .iter()
        .filter(|d| d.object_type == "table column")
        .map(|d| d.names.as_slice())
        .collect();
    // A part of a relation or column goes with it.
    let goes_with_another = |d: &Dropped| match d.names.as_slice() {
        [schema, relation, _] => {
            relations.contains(&[schema.as_str(), relation.as_str()])
                || d.object_type == "default value" && columns.contains(d.names.as_slice())
        }
        _ => false,
    };
    dropped
        .iter()
        .rev()
        // Up to 14 a generated column goes with a function of its expression without CASCADE.
        .filter(|d| d.by_cascade || d.object_type == "table column")
        .filter(|d| !d.original && !d.temporary)
        .filter(|d| !short_lived::is_known(d.address) && !goes_with_another(d))
        .map(|object| {
            let (statement, tag) = how_to_drop(object);
            AlsoDropped {
                object,
                statement,
                tag,
            }
        })
        .collect()
}

/// The statement that drops an object if it is there, and its tag.
fn how_to_drop(object: &Dropped) -> (String, String) {
    let altered = |kind: &str, change: &str| {
        let names: Vec<String> = (object.names.iter())
            .map(|name| text::quote_identifier(name))
            .collect();
        let (name, of) = names.split_last()?;
        let (of, change) = (of.join("."), change.replace("{}", name));
        let tag = format!("ALTER {kind}");
        Some((format!("{tag} IF EXISTS {of} {change}"), tag))
    };
    let altered = match &*object.object_type {
        "table column" => altered("TABLE", "DROP COLUMN IF EXISTS {}"),
        "foreign table column" => altered("FOREIGN TABLE", "DROP COLUMN IF EXISTS {}"),
        "composite type column" => altered("TYPE", "DROP ATTRIBUTE IF EXISTS {}")
            // which has no IF EXISTS of its own
            .map(|(statement, tag)| (statement.replacen(" IF EXISTS", "", 1), tag)),
        "default value" => altered("TABLE", "ALTER COLUMN {} DROP DEFAULT"),
        "table constraint" => altered("TABLE", "DROP CONSTRAINT IF EXISTS {}"),
        _ => None,
    };
    altered.unwrap_or_else(|| {
        // As pg_event_trigger_dropped_objects() spells type and identity, they make a statement, but for two types.
        match (&*object.object_type, object.names.as_slice()) {
            ("domain constraint", [domain, name]) => (
                format!(
                    "ALTER DOMAIN {domain} DROP CONSTRAINT IF EXISTS {}",
                    text::quote_identifier(name)
                ),
                "ALTER DOMAIN".to_owned(),
            ),
            (kind, _) => {
                let kind = kind.strip_suffix(" object").unwrap_or(kind);
                let tag = format!("DROP {}", kind.to_uppercase());
                (format!("{tag} IF EXISTS {}", object.identity), tag)
            }
        }
    })
}
