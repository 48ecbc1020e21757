//! What a command touched, in one list, and whether it did anything that another server could repeat.

use crate::capture::implied::Implied;
use crate::document::{Object, Operation, short};
use crate::pg::catalog::lookup::{self, Address};
use crate::pg::command::event::{Collected, Dropped};
use crate::pg::command::grant::Named;
use crate::pg::runtime::text;
use crate::pg::store::table;
use pgrx::pg_sys;
use std::collections::HashSet;

/// Object types whose schema is that of the relation they belong to: PostgreSQL reports none, but the first part of
/// their name is it.
const ON_RELATION: [&str; 4] = ["trigger", "rule", "policy", "default value"];

/// Object types whose name has that of their relation as its second part, and a schema that PostgreSQL reports.
const PARTS_OF_RELATION: [&str; 2] = ["table column", "table constraint"];

/// Object types that are relations.
const RELATIONS: [&str; 8] = [
    "table",
    "index",
    "view",
    "materialized view",
    "sequence",
    "foreign table",
    "toast table",
    COMPOSITE_TYPE,
];
const COMPOSITE_TYPE: &str = "composite type";

/// The schemas of PostgreSQL's own relations.
const SYSTEM_SCHEMAS: [&str; 2] = ["pg_catalog", "pg_toast"];

/// Whether a relation of this schema is one that only allow_system_table_mods lets DDL make.
pub fn is_system_schema(schema: &str) -> bool {
    SYSTEM_SCHEMAS.contains(&schema)
}

/// Object types that have an identity but no name, as in pg_event_trigger_dropped_objects().
const NAMELESS: [&str; 5] = [
    "cast",
    "transform",
    "user mapping",
    "default acl",
    "default value",
];

/// So many of a GRANT ON ALL .. IN SCHEMA are told: the statement says which they are.
const MOST_OF_ALL: usize = 100;

/// What was known of a command before it ran.
#[derive(Default)]
pub struct Before<'a> {
    pub first_dropped: Option<String>,
    /// What it grants on, if named.
    pub granted: &'a [Named],
    pub grants_on_all: bool,
}

/// Kinds of objects that are not carried to another server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Local {
    LargeObject,
    Publication,
    Subscription,
}

impl Local {
    fn of(object_type: &str) -> Option<Self> {
        if object_type == "large object" {
            Some(Local::LargeObject)
        } else if object_type.starts_with("publication") {
            Some(Local::Publication)
        } else if object_type.starts_with("subscription") {
            Some(Local::Subscription)
        } else {
            None
        }
    }
}

/// The kind that all objects are of, if it is one.
fn only_local(objects: &[Object]) -> Option<Local> {
    let kind = Local::of(&objects.first()?.object_type)?;
    objects
        .iter()
        .all(|object| Local::of(&object.object_type) == Some(kind))
        .then_some(kind)
}

/// All that one command touched.
pub struct Touched {
    pub objects: Vec<Object>,
    /// Tables that the command made, by OID.
    pub new_tables: Vec<Address>,
    /// Relations that the command moved, and the schema where they were.
    pub moved: Vec<(Address, pg_sys::Oid)>,
    /// Relations that an ALTER TABLE was about, but for the partitions that it names.
    pub altered: Vec<pg_sys::Oid>,
    /// At least one object is not temporary, or the command is about no object in particular.
    pub permanent: bool,
    /// Identities of temporary objects that the command named.
    pub temporary: Vec<String>,
    /// All objects are of a kind that stays on its server.
    pub only_local: Option<Local>,
    /// The extension itself, or one of its members.
    pub own_extension: bool,
    pub own_objects: bool,
    /// An index of which another server knows nothing.
    pub invalid_index: bool,
    /// All objects depend on temporary ones.
    pub short_lived: bool,
    /// An object has come to depend on a temporary one by the command.
    pub names_temporary: bool,
    /// A relation, or part of one, in a schema of PostgreSQL, where DDL makes and changes none.
    pub system_relation: bool,
    /// A volatile expression gave existing rows a new value.
    pub volatile: bool,
    /// Not all are in `objects`.
    pub left_out: bool,
    /// The columns that an ALTER TABLE has added to its table.
    pub added_columns: Vec<i16>,
    /// The number of the object that the columns object_type and object_name tell of.
    pub main: Option<usize>,
    main_address: Option<Address>,
    /// What is in `objects` of those that were collected, so that none is looked for among all.
    listed: Listed,
}

/// A set that is nearly always small.
#[derive(Default)]
struct Listed {
    few: Vec<(Operation, Address)>,
    more: HashSet<(Operation, Address)>,
}

impl Listed {
    const FEW: usize = 8;

    fn contains(&self, entry: &(Operation, Address)) -> bool {
        self.few.contains(entry) || !self.more.is_empty() && self.more.contains(entry)
    }

    /// Whether it is new.
    fn insert(&mut self, entry: (Operation, Address)) -> bool {
        if self.few.contains(&entry) {
            false
        } else if self.few.len() < Self::FEW {
            self.few.push(entry);
            true
        } else {
            self.more.insert(entry)
        }
    }
}

impl Touched {
    /// The object of `main`.
    pub fn main_object(&self) -> Option<&Object> {
        self.main.and_then(|i| self.objects.get(i))
    }

    /// The address of that, if it is there.
    pub fn main_address(&self) -> Option<Address> {
        self.main_address
    }
}

fn is_capture_table(schema: Option<&str>, relation: Option<&str>) -> bool {
    schema.is_some()
        && schema == table::SCHEMA.to_str().ok()
        && relation == table::TABLE.to_str().ok()
}

fn is_temporary(schema: Option<&str>) -> bool {
    schema.is_some_and(|s| {
        s == "pg_temp" || s.starts_with("pg_temp_") || s.starts_with("pg_toast_temp_")
    })
}

impl Object {
    /// An object that is gone.
    pub fn dropped(object: &Dropped) -> Self {
        let on_relation = ON_RELATION.contains(&&*object.object_type);
        let of_relation = |name: Option<&String>| name.filter(|_| on_relation).cloned();
        Object {
            op: Operation::Drop,
            object_type: object.object_type.clone(),
            identity: Some(object.identity.clone()),
            schema: (object.schema.clone()).or_else(|| of_relation(object.names.first())),
            name: (object.name.clone()).or_else(|| of_relation(object.names.last())),
            original: Some(object.original),
        }
    }
}

/// What the tag of a (sub)command does to its object.
fn operation(tag: &str) -> Operation {
    if tag.starts_with("CREATE ") || tag == "SELECT INTO" || tag == "IMPORT FOREIGN SCHEMA" {
        Operation::Create
    } else {
        Operation::Alter
    }
}

/// Brings together what PostgreSQL collected and what it dropped for a command with this tag.
pub fn touched(
    tag: &str,
    collected: Vec<Collected>,
    dropped: &[Dropped],
    before: &Before<'_>,
) -> Touched {
    let mut touched = Touched {
        objects: Vec::new(),
        new_tables: Vec::new(),
        moved: Vec::new(),
        altered: Vec::new(),
        permanent: false,
        temporary: Vec::new(),
        only_local: None,
        own_extension: false,
        own_objects: false,
        invalid_index: false,
        short_lived: false,
        names_temporary: false,
        system_relation: false,
        volatile: false,
        left_out: false,
        added_columns: Vec::new(),
        main: None,
        main_address: None,
        listed: Listed::default(),
    };
    // DROP OWNED, REASSIGN OWNED and the like name no object.
    touched.permanent = collected.is_empty() && dropped.is_empty();
    for command in collected {
        touched.add_collected(tag, command, before);
    }
    let implied = Implied::of(dropped);
    for object in dropped.iter().filter(|object| !implied.has(object)) {
        touched.add_dropped(tag, object);
    }
    if touched.main.is_none() {
        touched.main = touched.main_dropped(before.first_dropped.as_deref());
    }
    touched.only_local = only_local(&touched.objects);
    touched
}

impl Touched {
    /// The extension that a command with this tag is about to make or update.
    pub fn add_extension(&mut self, tag: &str, name: &str) {
        self.permanent = true;
        self.own_extension |= Some(name) == table::EXTENSION.to_str().ok();
        self.main = Some(self.objects.len());
        self.objects.push(Object {
            op: operation(tag),
            object_type: "extension".into(),
            identity: Some(text::quote_identifier(name)),
            schema: None,
            name: Some(name.to_owned()),
            original: None,
        });
    }

    fn add_collected(&mut self, tag: &str, mut command: Collected, before: &Before<'_>) {
        self.volatile |= command.volatile;
        self.added_columns.extend(&command.added_columns);
        let Some(address) = command.address else {
            self.add_without_address(tag, &command, before);
            return;
        };
        let (schema, name, relation) = names(address, &mut command);
        if is_temporary(schema.as_deref()) {
            self.temporary.extend(command.identity);
            return;
        }
        self.permanent = true;
        self.note_own(
            address,
            &command.object_type,
            schema.as_deref(),
            name.as_deref(),
        );
        self.own_objects |= is_capture_table(schema.as_deref(), relation.as_deref());
        if matches!(
            &*command.tag,
            "CREATE TABLE" | "CREATE TABLE AS" | "SELECT INTO"
        ) && address.is_relation()
        {
            self.new_tables.push(address);
        }
        self.note_system_relation(tag, Some(address), &command.object_type, schema.as_deref());
        self.altered.extend(command.altered);
        if let Some(former) = command.former_schema {
            self.moved.push((address, former));
            let former = lookup::schema_name(former);
            self.note_system_relation(tag, Some(address), &command.object_type, former.as_deref());
        }
        let op = operation(&command.tag);
        // The sequence of a serial column is made, then altered.
        let is_new = op == Operation::Alter && self.listed.contains(&(Operation::Create, address));
        if is_new || !self.listed.insert((op, address)) {
            return;
        }
        // The tag of the statement is that of its main object; sequences and indexes of a new table have their own.
        if self.main.is_none() && command.tag == tag {
            self.main = Some(self.objects.len());
            self.main_address = Some(address);
        }
        self.objects.push(Object {
            op,
            object_type: command.object_type,
            identity: command.identity,
            schema,
            name,
            original: None,
        });
    }

    /// GRANT and REVOKE list OIDs; ALTER DEFAULT PRIVILEGES has no object at all.
    fn add_without_address(&mut self, tag: &str, command: &Collected, before: &Before<'_>) {
        if command.granted.is_empty() {
            self.permanent = true;
            self.objects.push(Object {
                op: Operation::Alter,
                object_type: command.object_type.to_lowercase().into(),
                identity: None,
                schema: None,
                name: None,
                original: None,
            });
            return;
        }
        // On all of a schema, the extension's own among them, is for other servers, too.
        let mut others = false;
        for (i, address) in command.granted.iter().enumerate() {
            if before.grants_on_all && i == MOST_OF_ALL {
                self.left_out = true;
                others = true;
                break;
            }
            let named = before
                .granted
                .get(i)
                .filter(|named| named.address == *address);
            let (object_type, identity, schema, name) = match named {
                Some(Named { relation, .. }) => (
                    relation.object_type.into(),
                    relation.identity.clone(),
                    Some(relation.schema.clone()),
                    Some(relation.name.clone()),
                ),
                None => match address.describe() {
                    Some(described) => (
                        described.object_type,
                        described.identity,
                        address.schema(),
                        address.bare_name(&described.names),
                    ),
                    None => continue,
                },
            };
            if is_temporary(schema.as_deref()) {
                self.temporary.push(identity);
                continue;
            }
            self.permanent = true;
            let (kind, schema_name) = (&*object_type, schema.as_deref());
            others |= !self.note_own(*address, kind, schema_name, name.as_deref());
            self.note_system_relation(tag, Some(*address), kind, schema_name);
            self.objects.push(Object {
                op: Operation::Alter,
                object_type,
                identity: Some(identity),
                schema,
                name,
                original: None,
            });
        }
        self.own_objects &= !others;
    }

    /// PostgreSQL lists last what it dropped first: the main one is that which the command named
    /// first, else the first of those it named.
    fn main_dropped(&self, first_dropped: Option<&str>) -> Option<usize> {
        let original = |o: &Object| o.original == Some(true);
        let named_first = |o: &Object| original(o) && o.name.as_deref() == first_dropped;
        self.objects
            .iter()
            .position(named_first)
            .or_else(|| self.objects.iter().position(original))
            .or(if self.objects.is_empty() {
                None
            } else {
                Some(0)
            })
    }

    fn add_dropped(&mut self, tag: &str, object: &Dropped) {
        let described = Object::dropped(object);
        let schema = described.schema.as_deref();
        if object.temporary || is_temporary(schema) {
            if object.original {
                self.temporary.push(object.identity.clone());
            }
            return;
        }
        self.permanent |= object.original;
        self.own_objects |= object.original
            && object.names.len() > 2
            && is_capture_table(
                object.names.first().map(String::as_str),
                object.names.get(1).map(String::as_str),
            );
        // A composite type goes with the type that was named.
        if object.original || object.object_type == COMPOSITE_TYPE {
            self.note_system_relation(tag, object.address, &object.object_type, schema);
        }
        // The TOAST table of a dropped table is nobody's business.
        if schema == Some("pg_toast") {
            return;
        }
        self.objects.push(described);
    }

    /// One that PostgreSQL itself has made is there on every server, to be granted and commented on.
    fn note_system_relation(
        &mut self,
        tag: &str,
        address: Option<Address>,
        object_type: &str,
        schema: Option<&str>,
    ) {
        if !schema.is_some_and(is_system_schema) {
            return;
        }
        let is_relation = RELATIONS.contains(&object_type)
            || ON_RELATION.contains(&object_type)
            || PARTS_OF_RELATION.contains(&object_type)
            || object_type == "type" && address.is_some_and(Address::is_composite_type);
        let is_changed = ["CREATE ", "ALTER ", "DROP ", "IMPORT "]
            .iter()
            .any(|verb| tag.starts_with(verb));
        self.system_relation |=
            is_relation && (is_changed || !address.is_some_and(Address::is_of_every_server));
    }

    /// Whether it is one of the extension's. Membership costs a scan of pg_depend, so the name decides first whether to ask.
    fn note_own(
        &mut self,
        address: Address,
        object_type: &str,
        schema: Option<&str>,
        name: Option<&str>,
    ) -> bool {
        if object_type == "extension" {
            self.own_extension |= name == table::EXTENSION.to_str().ok();
            return false;
        }
        let is_own = (name == Some("dts_ddl")
            || schema == Some("dts_ddl")
            || name.is_some_and(|n| n.starts_with("dts_")))
            && address.is_member_of(table::EXTENSION);
        self.own_objects |= is_own;
        is_own
    }
}

/// Schema and bare name of an object, also where PostgreSQL reports no schema, and the relation it belongs to.
fn names(
    address: Address,
    command: &mut Collected,
) -> (Option<String>, Option<String>, Option<String>) {
    if address.is_relation() {
        let table = if command.object_type == "index" {
            address.table_of_index()
        } else {
            None
        };
        let name = command.identity.as_deref().and_then(short::name_in);
        return (command.schema.take(), name, table);
    }
    let names = address
        .describe()
        .map(|described| described.names)
        .unwrap_or_default();
    let on_relation = ON_RELATION.contains(&&*command.object_type);
    let part_of_relation = on_relation || PARTS_OF_RELATION.contains(&&*command.object_type);
    let schema = command
        .schema
        .take()
        .or_else(|| on_relation.then(|| names.first().cloned()).flatten());
    let relation = part_of_relation.then(|| names.get(1).cloned()).flatten();
    let named = !NAMELESS.contains(&&*command.object_type);
    (
        schema,
        named.then(|| address.bare_name(&names)).flatten(),
        relation,
    )
}
