//! What goes without saying where something is dropped: what is part of a relation or a type that goes itself, and does so everywhere.

use crate::pg::command::event::Dropped;
use std::collections::HashSet;

/// Object types that have a row type of the same name.
const WITH_ROW_TYPE: [&str; 6] = [
    "table",
    "foreign table",
    "view",
    "materialized view",
    "composite type",
    "sequence",
];

/// Those of them that have indexes, or sequences of their own.
const WITH_RELATIONS: [&str; 2] = ["table", "materialized view"];

/// What is dropped with one command, as far as other objects belong to it.
#[derive(Default)]
pub struct Implied<'a> {
    /// Identities of relations, and of types that the command names.
    wholes: HashSet<&'a str>,
    /// Schemas of tables, where an index or sequence that went without CASCADE can only have gone with one.
    schemas: HashSet<&'a str>,
}

impl<'a> Implied<'a> {
    pub fn of(dropped: &'a [Dropped]) -> Self {
        let mut implied = Implied::default();
        if dropped.iter().all(|object| object.original) {
            return implied;
        }
        let mut only_with_tables = true;
        for object in dropped {
            match &*object.object_type {
                // Their indexes and sequences go without CASCADE, too.
                "table column" | "extension" => only_with_tables = false,
                "type" if !object.original => {}
                kind if object.original || WITH_ROW_TYPE.contains(&kind) => {
                    implied.wholes.insert(&object.identity);
                    if WITH_RELATIONS.contains(&kind) {
                        implied.schemas.extend(object.schema.as_deref());
                    }
                }
                _ => {}
            }
        }
        if !only_with_tables {
            implied.schemas.clear();
        }
        implied
    }

    /// Whether an object goes with another one of these.
    pub fn has(&self, object: &Dropped) -> bool {
        if object.original {
            return false;
        }
        let identity = object.identity.as_str();
        // They are part of a foreign key, on both of its tables.
        if object.object_type == "trigger" && identity.starts_with("\"RI_ConstraintTrigger_") {
            return !object.by_cascade;
        }
        let whole = match &*object.object_type {
            // The row type, and the array type of that or of a type.
            "type" => Some(identity.strip_suffix("[]").unwrap_or(identity)),
            "table constraint" | "trigger" | "rule" | "policy" => {
                identity.rsplit_once(" on ").map(|(_, relation)| relation)
            }
            "default value" => (identity.strip_prefix("for "))
                .and_then(|column| column.rsplit_once('.'))
                .map(|(relation, _)| relation),
            "publication relation" => {
                (identity.rsplit_once(" in publication ")).map(|(relation, _)| relation)
            }
            "index" | "sequence" => {
                let schema = object.schema.as_deref();
                return !object.by_cascade
                    && schema.is_some_and(|schema| self.schemas.contains(schema));
            }
            _ => None,
        };
        whole.is_some_and(|whole| self.wholes.contains(whole))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dropped(kind: &str, identity: &str, by_cascade: bool) -> Dropped {
        Dropped {
            address: None,
            original: false,
            by_cascade,
            temporary: false,
            object_type: kind.to_owned().into(),
            schema: Some("s".to_owned()),
            name: None,
            identity: identity.to_owned(),
            names: Vec::new(),
        }
    }

    fn told(dropped: &[Dropped]) -> Vec<&str> {
        let implied = Implied::of(dropped);
        let told = dropped.iter().filter(|object| !implied.has(object));
        told.map(|object| object.identity.as_str()).collect()
    }

    /// A table with all that is part of it; what CASCADE has taken from others is told.
    #[test]
    fn parts_of_a_table() {
        let mut all = vec![
            dropped("type", "s.t", false),
            dropped("type", "s.t[]", false),
            dropped("table constraint", "t_pkey on s.t", false),
            dropped("index", "s.t_pkey", false),
            dropped("sequence", "s.t_id_seq", false),
            dropped("default value", "for s.t.id", false),
            dropped("trigger", "tr on s.t", false),
            dropped("trigger", "\"RI_ConstraintTrigger_a_1\" on s.other", false),
            dropped("publication relation", "s.t in publication p", false),
            dropped("table", "s.t", false),
            dropped("table", "s.partition", false),
            dropped("table constraint", "key on s.other", true),
            dropped("view", "s.v", true),
            dropped("rule", "\"_RETURN\" on s.v", false),
            dropped("sequence", "s.alone", true),
        ];
        all[9].original = true;
        let rest = ["s.t", "s.partition", "key on s.other", "s.v", "s.alone"];
        assert_eq!(told(&all), rest);
        // an index that may have gone with a column
        all.push(dropped("table column", "s.other.c", true));
        let rest = [
            "s.t_pkey",
            "s.t_id_seq",
            "s.t",
            "s.partition",
            "key on s.other",
            "s.v",
            "s.alone",
            "s.other.c",
        ];
        assert_eq!(told(&all), rest);
    }

    /// What goes with a part alone is told.
    #[test]
    fn parts_alone() {
        let mut all = vec![
            dropped("index", "s.t_key", false),
            dropped("table constraint", "t_key on s.t", false),
        ];
        all[1].original = true;
        assert_eq!(told(&all), ["s.t_key", "t_key on s.t"]);
        let all = [
            dropped("type", "s.e", true),
            dropped("type", "s.e[]", false),
        ];
        assert_eq!(told(&all), ["s.e", "s.e[]"]);
    }
}
