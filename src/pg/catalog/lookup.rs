//! Identities, names, kinds of objects.

use crate::pg::catalog::role::Role;
use crate::pg::runtime::{compat, list, scan, setting, syscache, text, value};
use core::ffi::CStr;
use pgrx::{IntoDatum, pg_sys};
use std::borrow::Cow;
use std::ffi::CString;

pub use pgrx::pg_sys::Oid;

/// An object's address, as in pg_depend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address {
    pub class: pg_sys::Oid,
    pub object: pg_sys::Oid,
    pub sub: i32,
}

/// How PostgreSQL describes an object.
#[derive(Debug, Clone)]
pub struct Described {
    pub object_type: Cow<'static, str>,
    pub identity: String,
    /// The name in parts, where the identity has such (`schema`, `table`, `trigger`).
    pub names: Vec<String>,
}

impl Address {
    fn raw(self) -> pg_sys::ObjectAddress {
        pg_sys::ObjectAddress {
            classId: self.class,
            objectId: self.object,
            objectSubId: self.sub,
        }
    }

    /// The address of a relation.
    pub fn relation(object: pg_sys::Oid) -> Self {
        Address {
            class: pg_sys::RelationRelationId,
            object,
            sub: 0,
        }
    }

    /// The address of a function.
    pub(in crate::pg) fn function(object: pg_sys::Oid) -> Self {
        Address {
            class: pg_sys::ProcedureRelationId,
            object,
            sub: 0,
        }
    }

    /// The address of a role; `None` when there is no such role.
    pub fn role(name: &str) -> Option<Self> {
        Role::find(name).map(|role| Address {
            class: pg_sys::AuthIdRelationId,
            object: role.oid(),
            sub: 0,
        })
    }

    /// Whether this is a relation as a whole (table, index, sequence, view ..).
    pub fn is_relation(self) -> bool {
        self.class == pg_sys::RelationRelationId && self.sub == 0
    }

    /// Type, identity and name parts; `None` when the object is gone (objectaddress.c).
    pub fn describe(self) -> Option<Described> {
        let address = self.raw();
        let (mut names, mut arguments) = (core::ptr::null_mut(), core::ptr::null_mut());
        // SAFETY: reads catalogs only; the lists hold palloc'd strings.
        unsafe {
            // There PostgreSQL raises an error for a relation that is gone.
            #[cfg(feature = "pg13")]
            if self.class == pg_sys::RelationRelationId && pg_sys::get_rel_relkind(self.object) == 0
            {
                return None;
            }
            #[cfg(feature = "pg13")]
            let (object_type, identity) = (
                pg_sys::getObjectTypeDescription(&address),
                pg_sys::getObjectIdentityParts(&address, &mut names, &mut arguments),
            );
            #[cfg(not(feature = "pg13"))]
            let (object_type, identity) = (
                pg_sys::getObjectTypeDescription(&address, true),
                pg_sys::getObjectIdentityParts(&address, &mut names, &mut arguments, true),
            );
            Some(Described {
                object_type: text::string(object_type)?.into(),
                identity: text::string(identity)?,
                names: list::pointers(names)
                    .into_iter()
                    .filter_map(|s| text::string(s))
                    .collect(),
            })
        }
    }

    /// The schema the object lies in, `pg_temp` for any temporary one; `None` for objects without a schema of their own.
    pub fn schema(self) -> Option<String> {
        let address = self.raw();
        // SAFETY: the class is one that the function knows (objectaddress.c: is_objectclass_supported), else it is not asked.
        unsafe {
            if !has_namespace(self.class) {
                return None;
            }
            let namespace = pg_sys::get_object_namespace(&address);
            text::string(pg_sys::get_namespace_name_or_temp(namespace))
        }
    }

    /// The bare name of the object, given the parts of its identity.
    pub fn bare_name(self, names: &[String]) -> Option<String> {
        if self.is_relation() {
            return relation_name(self.object);
        }
        if self.class != pg_sys::TypeRelationId {
            return names.last().cloned();
        }
        // A type's identity is one string with its schema.
        // SAFETY: TYPEOID holds rows of pg_type.
        unsafe {
            syscache::with_cached(
                pg_sys::SysCacheIdentifier::TYPEOID,
                self.object,
                |t: &pg_sys::FormData_pg_type| text::string(t.typname.data.as_ptr()),
            )
            .flatten()
        }
    }

    /// Whether PostgreSQL itself has made it, so that it has the same OID everywhere (transam.h).
    pub fn is_of_every_server(self) -> bool {
        self.object.to_u32() < pg_sys::FirstNormalObjectId
    }

    pub fn is_composite_type(self) -> bool {
        // SAFETY: a syscache look-up; 0 when missing.
        self.class == pg_sys::TypeRelationId
            && unsafe { pg_sys::get_typtype(self.object) } as u8 == pg_sys::TYPTYPE_COMPOSITE
    }

    /// The bare name of the table that an index belongs to.
    pub fn table_of_index(self) -> Option<String> {
        // SAFETY: a syscache look-up; InvalidOid when missing.
        relation_name(unsafe { pg_sys::IndexGetRelation(self.object, true) })
    }

    /// Whether it is a relation, type or constraint: a change of it is about one part, whatever the others depend on.
    pub fn has_parts(self) -> bool {
        matches!(
            self.class,
            pg_sys::RelationRelationId | pg_sys::TypeRelationId | pg_sys::ConstraintRelationId
        )
    }

    /// Whether the row of an object that CREATE OR REPLACE may replace has another one before it: then it was there before. Of
    /// a view that is the row of its rule.
    pub fn is_replaced(self) -> bool {
        use pg_sys::{Anum_pg_proc_oid, Anum_pg_rewrite_ev_class, Anum_pg_rewrite_oid};
        let (catalog, index, column) = match self.class {
            pg_sys::ProcedureRelationId => {
                (self.class, pg_sys::ProcedureOidIndexId, Anum_pg_proc_oid)
            }
            pg_sys::RewriteRelationId => {
                (self.class, pg_sys::RewriteOidIndexId, Anum_pg_rewrite_oid)
            }
            pg_sys::TriggerRelationId => (
                self.class,
                pg_sys::TriggerOidIndexId,
                pg_sys::Anum_pg_trigger_oid,
            ),
            pg_sys::RelationRelationId => (
                pg_sys::RewriteRelationId,
                pg_sys::RewriteRelRulenameIndexId,
                Anum_pg_rewrite_ev_class,
            ),
            _ => return false,
        };
        let mut replaced = false;
        // SAFETY: each index begins with that column of its catalog; a row has a header.
        unsafe {
            scan::each_row(catalog, index, &[(column, self.object)], |tuple, _| {
                let bits = u32::from((*(*tuple).t_data).t_infomask);
                replaced |= bits & pg_sys::HEAP_UPDATED != 0;
            });
        }
        replaced
    }

    /// Whether the object belongs to any extension.
    pub(in crate::pg) fn is_of_extension(self) -> bool {
        // SAFETY: reads pg_depend.
        unsafe { pg_sys::getExtensionOfObject(self.class, self.object) != pg_sys::InvalidOid }
    }

    /// Whether the object belongs to the extension of this name.
    pub fn is_member_of(self, extension: &CStr) -> bool {
        // SAFETY: reads pg_depend.
        unsafe {
            let owner = pg_sys::getExtensionOfObject(self.class, self.object);
            owner != pg_sys::InvalidOid
                && owner == pg_sys::get_extension_oid(extension.as_ptr(), true)
        }
    }
}

/// Catalogs of objects that lie in a schema and can be granted.
fn has_namespace(class: pg_sys::Oid) -> bool {
    [
        pg_sys::RelationRelationId,
        pg_sys::ProcedureRelationId,
        pg_sys::TypeRelationId,
    ]
    .contains(&class)
}

/// Whether an extension of this name is installed in this database.
pub fn extension_exists(name: &CStr) -> bool {
    // SAFETY: reads pg_extension.
    unsafe { pg_sys::get_extension_oid(name.as_ptr(), true) != pg_sys::InvalidOid }
}

/// Whether an event trigger of this name exists and is not disabled.
pub fn event_trigger_is_enabled(name: &CStr) -> bool {
    event_trigger(name).is_some_and(|row| row.evtenabled as u8 != pg_sys::TRIGGER_DISABLED)
}

/// Brings the function of an event trigger into the caches.
pub(in crate::pg) fn look_up_trigger_function(trigger: &CStr) {
    if let Some(row) = event_trigger(trigger) {
        // SAFETY: PROCOID holds rows of pg_proc.
        unsafe {
            syscache::with_cached(
                pg_sys::SysCacheIdentifier::PROCOID,
                row.evtfoid,
                |_: &pg_sys::FormData_pg_proc| (),
            );
        }
    }
}

fn event_trigger(name: &CStr) -> Option<pg_sys::FormData_pg_event_trigger> {
    // SAFETY: EVENTTRIGGERNAME holds rows of pg_event_trigger by name; the row is released after it was copied.
    unsafe {
        let cache = syscache::cache_number(pg_sys::SysCacheIdentifier::EVENTTRIGGERNAME);
        let tuple = pg_sys::SearchSysCache1(cache, pg_sys::Datum::from(name.as_ptr()));
        if tuple.is_null() {
            return None;
        }
        let row = *(pg_sys::GETSTRUCT(tuple) as pg_sys::Form_pg_event_trigger);
        pg_sys::ReleaseSysCache(tuple);
        Some(row)
    }
}

/// A relation by schema and name; InvalidOid when there is none.
pub(in crate::pg) fn relation_in(schema: &CStr, name: &CStr) -> pg_sys::Oid {
    // SAFETY: syscache look-ups with NUL-terminated names.
    unsafe {
        let namespace = pg_sys::get_namespace_oid(schema.as_ptr(), true);
        if namespace == pg_sys::InvalidOid {
            return namespace;
        }
        pg_sys::get_relname_relid(name.as_ptr(), namespace)
    }
}

/// The relation of a name as [`qualified_relation_name`] gives it.
pub fn relation_by_identity(identity: &str) -> Option<pg_sys::Oid> {
    by_identity(pg_sys::to_regclass, identity)
}

/// The schema of a name as [`Address::describe`] gives it.
pub fn schema_by_identity(identity: &str) -> Option<pg_sys::Oid> {
    by_identity(pg_sys::to_regnamespace, identity)
}

/// What a function says that takes a text and gives an OID or NULL. A name that should have a schema and has none is looked for
/// where ours are.
fn by_identity(
    function: unsafe fn(pg_sys::FunctionCallInfo) -> pg_sys::Datum,
    identity: &str,
) -> Option<pg_sys::Oid> {
    let identity = &*text::encode(identity);
    // SAFETY: a bytea and a text have the same representation.
    setting::under_own_path(|| unsafe {
        pgrx::direct_function_call(function, &[identity.into_datum()])
    })
}

/// The bare name of a relation.
pub fn relation_name(oid: pg_sys::Oid) -> Option<String> {
    // SAFETY: a syscache lookup; NULL when missing.
    unsafe { text::string(pg_sys::get_rel_name(oid)) }
}

/// The same of one that the running command has made: PostgreSQL has it open still, or at hand, but not its row.
pub fn name_of_made(oid: pg_sys::Oid) -> Option<String> {
    // SAFETY: inside a transaction; what is returned is open until it is closed, NULL when missing.
    unsafe {
        let relation = pg_sys::RelationIdGetRelation(oid);
        if relation.is_null() {
            return None;
        }
        let name = text::string((*(*relation).rd_rel).relname.data.as_ptr());
        pg_sys::RelationClose(relation);
        name
    }
}

/// The name of a relation's schema, `pg_temp` for any temporary one.
pub fn schema_of_relation(oid: pg_sys::Oid) -> Option<String> {
    // SAFETY: syscache lookups; NULL when missing.
    unsafe {
        text::string(pg_sys::get_namespace_name_or_temp(
            pg_sys::get_rel_namespace(oid),
        ))
    }
}

/// The name of a schema; `None` when there is none.
pub fn schema_name(oid: pg_sys::Oid) -> Option<String> {
    // SAFETY: a syscache look-up; NULL when missing.
    unsafe { text::string(pg_sys::get_namespace_name(oid)) }
}

/// A relation by its row in pg_class.
pub struct Relation {
    pub is_temporary: bool,
    /// It may have partitions.
    pub is_partitioned: bool,
    /// As [`Address::describe`] has it (objectaddress.c: getRelationTypeDescription).
    pub object_type: &'static str,
    /// `pg_temp` for any temporary one.
    pub schema: String,
    pub name: String,
    pub identity: String,
}

/// Less work than to have PostgreSQL describe it. `None` where it is gone.
pub fn relation(oid: pg_sys::Oid) -> Option<Relation> {
    // SAFETY: RELOID holds rows of pg_class; a name that is quoted, or not, is NUL-terminated.
    unsafe {
        let (namespace, kind, persistence, name, quoted) = syscache::with_cached(
            pg_sys::SysCacheIdentifier::RELOID,
            oid,
            |c: &pg_sys::FormData_pg_class| {
                let name = c.relname.data.as_ptr();
                let quoted = text::bytes(pg_sys::quote_identifier(name));
                let kinds = (c.relkind as u8, c.relpersistence as u8);
                let names = (text::bytes(name).to_owned(), quoted.to_owned());
                (c.relnamespace, kinds.0, kinds.1, names.0, names.1)
            },
        )?;
        let schema = pg_sys::get_namespace_name_or_temp(namespace);
        if schema.is_null() {
            return None;
        }
        let identity = [text::bytes(pg_sys::quote_identifier(schema)), &quoted].join(&b'.');
        Some(Relation {
            is_temporary: persistence == pg_sys::RELPERSISTENCE_TEMP,
            is_partitioned: matches!(
                kind,
                pg_sys::RELKIND_PARTITIONED_TABLE | pg_sys::RELKIND_PARTITIONED_INDEX
            ),
            object_type: match kind {
                pg_sys::RELKIND_RELATION | pg_sys::RELKIND_PARTITIONED_TABLE => "table",
                pg_sys::RELKIND_INDEX | pg_sys::RELKIND_PARTITIONED_INDEX => "index",
                pg_sys::RELKIND_SEQUENCE => "sequence",
                pg_sys::RELKIND_VIEW => "view",
                pg_sys::RELKIND_MATVIEW => "materialized view",
                pg_sys::RELKIND_FOREIGN_TABLE => "foreign table",
                pg_sys::RELKIND_COMPOSITE_TYPE => "composite type",
                pg_sys::RELKIND_TOASTVALUE => "toast table",
                _ => return None,
            },
            schema: text::string(schema)?,
            name: text::decode(&name),
            identity: text::decode(&identity),
        })
    }
}

pub fn is_partitioned(oid: pg_sys::Oid) -> bool {
    // SAFETY: a syscache look-up.
    unsafe { pg_sys::get_rel_relkind(oid) as u8 == pg_sys::RELKIND_PARTITIONED_TABLE }
}

pub fn is_sequence(oid: pg_sys::Oid) -> bool {
    // SAFETY: a syscache look-up; 0 when it is gone.
    unsafe { pg_sys::get_rel_relkind(oid) as u8 == pg_sys::RELKIND_SEQUENCE }
}

/// The table that a sequence is owned by, as that of a serial or identity column is.
pub fn table_of_sequence(sequence: pg_sys::Oid) -> Option<pg_sys::Oid> {
    let (mut table, mut column) = (pg_sys::InvalidOid, 0);
    let kinds = [
        pg_sys::DependencyType::DEPENDENCY_AUTO,
        pg_sys::DependencyType::DEPENDENCY_INTERNAL,
    ];
    kinds
        .into_iter()
        .any(|kind| {
            // SAFETY: reads pg_depend; both results are written where there is one.
            unsafe { pg_sys::sequenceIsOwned(sequence, kind as _, &mut table, &mut column) }
        })
        .then_some(table)
}

/// Whether a relation is a table, partitioned or not.
pub fn is_table(oid: pg_sys::Oid) -> bool {
    // SAFETY: a syscache look-up; 0 when it is gone.
    let kind = unsafe { pg_sys::get_rel_relkind(oid) } as u8;
    matches!(
        kind,
        pg_sys::RELKIND_RELATION | pg_sys::RELKIND_PARTITIONED_TABLE
    )
}

/// Whether a relation takes the tablespace, or the access method, that the session's settings name.
pub fn is_stored(relation: pg_sys::Oid) -> bool {
    // SAFETY: a syscache look-up; 0 when it is gone.
    let kind = unsafe { pg_sys::get_rel_relkind(relation) } as u8;
    matches!(
        kind,
        pg_sys::RELKIND_RELATION
            | pg_sys::RELKIND_INDEX
            | pg_sys::RELKIND_MATVIEW
            | pg_sys::RELKIND_PARTITIONED_TABLE
            | pg_sys::RELKIND_PARTITIONED_INDEX
    )
}

/// Whether a relation is a TOAST table.
pub fn is_toast(oid: pg_sys::Oid) -> bool {
    // SAFETY: a syscache look-up; 0 when it is gone.
    unsafe { pg_sys::get_rel_relkind(oid) as u8 == pg_sys::RELKIND_TOASTVALUE }
}

/// `schema.name`, quoted where needed.
pub fn qualified_relation_name(oid: pg_sys::Oid) -> Option<String> {
    Some(format!(
        "{}.{}",
        text::quote_identifier(&schema_of_relation(oid)?),
        text::quote_identifier(&relation_name(oid)?)
    ))
}

/// Whether one of these tables has a column whose type is not built in.
pub fn have_column_of_made_type(tables: &[pg_sys::Oid]) -> bool {
    let mut found = false;
    for &table in tables {
        // SAFETY: pg_attribute has an index that begins with the relation, and each row that structure.
        unsafe {
            let by_table = (pg_sys::Anum_pg_attribute_attrelid, table);
            let index = pg_sys::AttributeRelidNumIndexId;
            scan::each_row(pg_sys::AttributeRelationId, index, &[by_table], |row, _| {
                let column = &*(pg_sys::GETSTRUCT(row) as pg_sys::Form_pg_attribute);
                found |= column.atttypid.to_u32() >= pg_sys::FirstNormalObjectId;
            });
        }
    }
    found
}

/// The catalog that objects of a GRANT's kind live in.
pub(in crate::pg) fn class_of_granted(kind: pg_sys::ObjectType::Type) -> Option<pg_sys::Oid> {
    use pg_sys::ObjectType::*;
    Some(match kind {
        OBJECT_TABLE | OBJECT_SEQUENCE | OBJECT_COLUMN => pg_sys::RelationRelationId,
        OBJECT_FUNCTION | OBJECT_PROCEDURE | OBJECT_ROUTINE => pg_sys::ProcedureRelationId,
        OBJECT_TYPE | OBJECT_DOMAIN => pg_sys::TypeRelationId,
        OBJECT_SCHEMA => pg_sys::NamespaceRelationId,
        OBJECT_LANGUAGE => pg_sys::LanguageRelationId,
        OBJECT_FDW => pg_sys::ForeignDataWrapperRelationId,
        OBJECT_FOREIGN_SERVER => pg_sys::ForeignServerRelationId,
        OBJECT_LARGEOBJECT => pg_sys::LargeObjectRelationId,
        _ => return None,
    })
}

/// Whether the default of a column calls a volatile function; identity columns draw from a sequence and count as such.
pub(in crate::pg) fn column_default_is_volatile(relation: pg_sys::Oid, column: i32) -> bool {
    if column <= 0 {
        return false;
    }
    // SAFETY: the relation is locked by the ALTER TABLE that is running; it is closed without releasing that lock.
    unsafe {
        let rel = pg_sys::try_relation_open(relation, pg_sys::NoLock as pg_sys::LOCKMODE);
        if rel.is_null() {
            return false;
        }
        let volatile = if column <= (*(*rel).rd_att).natts as i32 {
            let default =
                column_default(rel, compat::attribute((*rel).rd_att, column as usize - 1));
            !default.is_null() && pg_sys::contain_volatile_functions(default)
        } else {
            false
        };
        pg_sys::relation_close(rel, pg_sys::NoLock as pg_sys::LOCKMODE);
        volatile
    }
}

/// The default of a column, be it that of its type; NULL when there is none.
///
/// # Safety
/// A column of an open relation.
pub(in crate::pg) unsafe fn column_default(
    relation: pg_sys::Relation,
    column: &pg_sys::FormData_pg_attribute,
) -> *mut pg_sys::Node {
    // No type of bootstrap has one.
    let is_of_bootstrap = column.atttypid.to_u32() < pg_sys::FirstGenbkiObjectId;
    if is_of_bootstrap && !column.atthasdef && column.attidentity == 0 {
        return core::ptr::null_mut();
    }
    // SAFETY: the caller's promise.
    unsafe { pg_sys::build_column_default(relation, column.attnum.into()) }
}

/// Bodies of the LANGUAGE sql functions of this name, in any schema.
pub(in crate::pg) fn sql_function_bodies(name: &CString) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    // SAFETY: members of a syscache list stay valid until the list is released; attributes are read by number from the
    // cached tuple.
    unsafe {
        let cache = syscache::cache_number(pg_sys::SysCacheIdentifier::PROCNAMEARGSNSP);
        let key = pg_sys::Datum::from(name.as_ptr());
        let zero = pg_sys::Datum::from(0usize);
        let list = pg_sys::SearchSysCacheList(cache, 1, key, zero, zero);
        for i in 0..(*list).n_members as usize {
            let member = *(*list).members.as_ptr().add(i);
            let tuple: pg_sys::HeapTuple = &mut (*member).tuple;
            let form = pg_sys::GETSTRUCT(tuple) as pg_sys::Form_pg_proc;
            if (*form).prolang != pg_sys::Oid::from(pg_sys::SQLlanguageId) {
                continue;
            }
            let mut null = false;
            let source = pg_sys::SysCacheGetAttr(
                cache,
                tuple,
                pg_sys::Anum_pg_proc_prosrc as pg_sys::AttrNumber,
                &mut null,
            );
            if !null {
                bodies.push(value::bytes(source));
            }
        }
        pg_sys::ReleaseCatCacheList(list);
    }
    bodies
}
