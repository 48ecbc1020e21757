//! The definition of a table as the catalogs have it, for the CREATE TABLE that stands for a CREATE TABLE AS; the name of an
//! index or sequence.

use crate::pg::catalog::{lookup, temporary_need};
use crate::pg::runtime::{compat, list, session, syscache, text};
use pgrx::pg_sys::{self, Datum};

/// A column as other servers are to have it: name and type, each ready to stand in SQL.
pub struct Column {
    pub name: String,
    pub type_name: String,
    /// Set where it is not the type's own.
    pub collation: Option<String>,
}

/// A table that a query has just defined.
pub struct Definition {
    pub name: String,
    pub unlogged: bool,
    pub temporary: bool,
    pub columns: Vec<Column>,
    /// Set where the session's default would give another one.
    pub access_method: Option<String>,
    /// `name=value`, of the table and, with `toast.`, of its TOAST table.
    pub options: Vec<String>,
    pub tablespace: Option<String>,
}

/// Reads the definition of a table; `None` when it is gone. `qualify_all`: types get their schema even if it is pg_catalog.
pub fn definition(table: pg_sys::Oid, qualify_all: bool) -> Option<Definition> {
    let name = lookup::qualified_relation_name(table)?;
    // SAFETY: the creating command holds a lock on the table; its descriptor is complete.
    unsafe {
        let rel = pg_sys::try_relation_open(table, pg_sys::NoLock as pg_sys::LOCKMODE);
        if rel.is_null() {
            return None;
        }
        let form = &*(*rel).rd_rel;
        let columns = (0..(*(*rel).rd_att).natts as usize)
            .map(|i| compat::attribute((*rel).rd_att, i))
            .filter(|attribute| !attribute.attisdropped)
            .filter_map(|attribute| column(attribute, qualify_all))
            .collect();
        let definition = Definition {
            name,
            unlogged: form.relpersistence as u8 == pg_sys::RELPERSISTENCE_UNLOGGED,
            temporary: form.relpersistence as u8 == pg_sys::RELPERSISTENCE_TEMP,
            columns,
            access_method: access_method(form.relam),
            options: options(table, form.reltoastrelid),
            tablespace: tablespace(form.reltablespace),
        };
        pg_sys::relation_close(rel, pg_sys::NoLock as pg_sys::LOCKMODE);
        Some(definition)
    }
}

/// # Safety
/// `attribute` is a live column of an open relation.
pub(in crate::pg) unsafe fn column(
    attribute: &pg_sys::FormData_pg_attribute,
    qualify_all: bool,
) -> Option<Column> {
    let (kind, modifier) = temporary_need::elsewhere(attribute.atttypid, attribute.atttypmod);
    // SAFETY: catalog look-ups by OID.
    unsafe {
        Some(Column {
            name: text::quote_identifier(&text::string(attribute.attname.data.as_ptr())?),
            type_name: type_name(kind, modifier, qualify_all)?,
            collation: if attribute.attcollation != pg_sys::InvalidOid
                && attribute.attcollation != pg_sys::get_typcollation(kind)
                && !temporary_need::needs(pg_sys::CollationRelationId, attribute.attcollation)
            {
                collation(attribute.attcollation)
            } else {
                None
            },
        })
    }
}

/// What `f` makes of the columns of a table that a command makes or alters; `None` when it is gone.
pub(in crate::pg) fn columns<T>(
    table: pg_sys::Oid,
    mut f: impl FnMut(pg_sys::Relation, &pg_sys::FormData_pg_attribute) -> Option<T>,
) -> Option<Vec<T>> {
    // SAFETY: the table is open while its descriptor is read.
    unsafe {
        let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
        let relation = pg_sys::try_relation_open(table, lock);
        if relation.is_null() {
            return None;
        }
        let descriptor = (*relation).rd_att;
        let found = (0..(*descriptor).natts as usize)
            .map(|i| compat::attribute(descriptor, i))
            .filter(|attribute| !attribute.attisdropped)
            .filter_map(|attribute| f(relation, attribute))
            .collect();
        pg_sys::relation_close(relation, lock);
        Some(found)
    }
}

/// A type for SQL, with its schema unless that is pg_catalog and unshadowed (format_type.c).
///
/// # Safety
/// Needs a transaction.
unsafe fn type_name(oid: pg_sys::Oid, modifier: i32, qualify_all: bool) -> Option<String> {
    // SAFETY: TYPEOID holds rows of pg_type.
    unsafe {
        // An array is named by its element type, which is what may need the schema.
        let element = pg_sys::get_element_type(oid);
        let named = if element == pg_sys::InvalidOid {
            oid
        } else {
            element
        };
        let namespace = syscache::with_cached(
            pg_sys::SysCacheIdentifier::TYPEOID,
            named,
            |t: &pg_sys::FormData_pg_type| t.typnamespace,
        )?;
        let mut flags = pg_sys::FORMAT_TYPE_TYPEMOD_GIVEN;
        if qualify_all || namespace != pg_sys::Oid::from(pg_sys::PG_CATALOG_NAMESPACE) {
            flags |= pg_sys::FORMAT_TYPE_FORCE_QUALIFY;
        }
        text::string(pg_sys::format_type_extended(oid, modifier, flags as _))
    }
}

/// # Safety
/// Needs a transaction.
unsafe fn collation(oid: pg_sys::Oid) -> Option<String> {
    // SAFETY: COLLOID holds rows of pg_collation.
    unsafe {
        syscache::with_cached(
            pg_sys::SysCacheIdentifier::COLLOID,
            oid,
            |c: &pg_sys::FormData_pg_collation| {
                let name = text::quote_identifier(&text::string(c.collname.data.as_ptr())?);
                let schema = text::string(pg_sys::get_namespace_name(c.collnamespace))?;
                Some(format!("{}.{name}", text::quote_identifier(&schema)))
            },
        )?
    }
}

/// # Safety
/// Needs a transaction.
unsafe fn access_method(oid: pg_sys::Oid) -> Option<String> {
    // SAFETY: default_table_access_method is a valid string; the look-up takes an OID.
    unsafe {
        if oid == pg_sys::HEAP_TABLE_AM_OID
            && text::bytes(pg_sys::default_table_access_method) == b"heap"
        {
            return None;
        }
        text::string(pg_sys::get_am_name(oid)).map(|name| text::quote_identifier(&name))
    }
}

/// # Safety
/// Needs a transaction.
unsafe fn tablespace(oid: pg_sys::Oid) -> Option<String> {
    let session_default = session::setting(c"default_tablespace").unwrap_or_default();
    if oid == pg_sys::InvalidOid && session_default.is_empty() {
        return None;
    }
    // SAFETY: the look-up takes an OID; the database's own tablespace is meant by InvalidOid.
    unsafe {
        let oid = if oid == pg_sys::InvalidOid {
            pg_sys::MyDatabaseTableSpace
        } else {
            oid
        };
        text::string(pg_sys::get_tablespace_name(oid)).map(|name| text::quote_identifier(&name))
    }
}

/// # Safety
/// Needs a transaction.
unsafe fn options(table: pg_sys::Oid, toast: pg_sys::Oid) -> Vec<String> {
    // SAFETY: needs a transaction, as the caller promises.
    unsafe {
        let mut all = relation_options(table, "");
        if toast != pg_sys::InvalidOid {
            all.extend(relation_options(toast, "toast."));
        }
        all
    }
}

/// # Safety
/// Needs a transaction.
unsafe fn relation_options(relation: pg_sys::Oid, prefix: &str) -> Vec<String> {
    // SAFETY: the attribute is read from a copy of the pg_class row; untransformRelOptions gives a list of DefElem
    // whose values are strings (reloptions.c).
    unsafe {
        let tuple = syscache::cached_copy(pg_sys::SysCacheIdentifier::RELOID, relation);
        if tuple.is_null() {
            return Vec::new();
        }
        let mut null = false;
        let datum: Datum = pg_sys::SysCacheGetAttr(
            syscache::cache_number(pg_sys::SysCacheIdentifier::RELOID),
            tuple,
            pg_sys::Anum_pg_class_reloptions as pg_sys::AttrNumber,
            &mut null,
        );
        if null {
            return Vec::new();
        }
        let elements: Vec<*mut pg_sys::DefElem> =
            list::pointers(pg_sys::untransformRelOptions(datum));
        elements
            .into_iter()
            .filter_map(|element| {
                let name = text::quote_identifier(&text::string((*element).defname)?);
                if (*element).arg.is_null() {
                    return Some(format!("{prefix}{name}"));
                }
                let value = text::string(pg_sys::defGetString(element))?.replace('\'', "''");
                Some(format!("{prefix}{name}='{value}'"))
            })
            .collect()
    }
}

/// The identity that a relation would have under another name.
pub fn identity_if_named(relation: pg_sys::Oid, name: &str) -> String {
    let schema = lookup::schema_of_relation(relation).unwrap_or_default();
    format!(
        "{}.{}",
        text::quote_identifier(&schema),
        text::quote_identifier(name)
    )
}

/// Gives an index, with the constraint that it is for, or a sequence another name; in the transaction that has made it.
pub fn rename(relation: pg_sys::Oid, name: &str) {
    let name = text::c_string(name);
    // SAFETY: a relation of this transaction, and a NUL-terminated name; as ALTER INDEX and ALTER SEQUENCE do it (tablecmds.c:
    // RenameRelation).
    unsafe {
        let is_index = pg_sys::get_rel_relkind(relation) as u8 != pg_sys::RELKIND_SEQUENCE;
        pg_sys::RenameRelationInternal(relation, name.as_ptr(), false, is_index);
        pg_sys::CommandCounterIncrement();
    }
}

/// Whether there is a row in a table, or materialized view, that is locked by the running command. Partitioned tables have none of
/// their own.
pub fn has_rows(table: pg_sys::Oid) -> bool {
    let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
    // SAFETY: the relation is open for as long as it is read.
    unsafe {
        let relation = pg_sys::try_relation_open(table, lock);
        if relation.is_null() {
            return false;
        }
        let found = with_first_row(relation, |_| ()).is_some();
        pg_sys::relation_close(relation, lock);
        found
    }
}

/// What `f` makes of the first row of an open relation, be it written by the running command; `None` where there is none.
///
/// # Safety
/// `relation` is open, and locked by the running command.
pub(in crate::pg) unsafe fn with_first_row<T>(
    relation: pg_sys::Relation,
    f: impl FnOnce(pg_sys::HeapTuple) -> T,
) -> Option<T> {
    // SAFETY: the scan is ended on the normal way; after an error the resource owner does so.
    unsafe {
        let kind = (*(*relation).rd_rel).relkind as u8;
        if kind != pg_sys::RELKIND_RELATION && kind != pg_sys::RELKIND_MATVIEW {
            return None;
        }
        let scan = pg_sys::systable_beginscan(
            relation,
            pg_sys::InvalidOid,
            false,
            &raw mut pg_sys::SnapshotSelfData,
            0,
            core::ptr::null_mut(),
        );
        let tuple = pg_sys::systable_getnext(scan);
        let found = (!tuple.is_null()).then(|| f(tuple));
        pg_sys::systable_endscan(scan);
        found
    }
}
