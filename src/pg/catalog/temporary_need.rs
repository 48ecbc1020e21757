//! Whether an object could be made here only, since it needs temporary ones: directly, or through others that need them.
//!
//! A table never does as a whole: other servers have it, without what needs temporary objects in it (`without_temporary`). A
//! column does if its type or the expression that generates it does: elsewhere it is there, but is something else, and so is
//! what needs it. Costs nothing in a session without temporary objects.

use crate::pg::catalog::lookup::Address;
use crate::pg::runtime::session::{self, session_has_temporary_schema};
use crate::pg::runtime::transaction::Progress;
use crate::pg::runtime::{scan, syscache};
use pgrx::pg_sys;
use std::collections::HashSet;

/// Whether an object, which is not temporary itself, needs temporary ones.
pub fn is_in(address: Address) -> bool {
    let mut walk = Walk::default();
    if !session_has_temporary_schema() || is_temporary(address.class, address.object) {
        return false;
    }
    walk.finds(address.class, address.object, address.sub)
}

/// The same of a column.
pub(in crate::pg) fn is_in_column(table: pg_sys::Oid, column: pg_sys::AttrNumber) -> bool {
    is_in(Address {
        class: pg_sys::RelationRelationId,
        object: table,
        sub: i32::from(column),
    })
}

/// The type, and its modifier, that a column has elsewhere: the base type of a domain, else text, which is what is sent.
pub(in crate::pg) fn elsewhere(oid: pg_sys::Oid, modifier: i32) -> (pg_sys::Oid, i32) {
    if !needs(pg_sys::TypeRelationId, oid) {
        return (oid, modifier);
    }
    // SAFETY: syscache look-ups of a type that a column has; the variable is written to.
    unsafe {
        if pg_sys::get_typtype(oid) as u8 == pg_sys::TYPTYPE_DOMAIN {
            let mut of_base = modifier;
            let base = pg_sys::getBaseTypeAndTypmod(oid, &mut of_base);
            return elsewhere(base, of_base);
        }
        let element = pg_sys::get_element_type(oid);
        let array = if element == pg_sys::InvalidOid {
            element
        } else {
            pg_sys::get_array_type(elsewhere(element, -1).0)
        };
        if array == pg_sys::InvalidOid {
            (pg_sys::TEXTOID, -1)
        } else {
            (array, -1)
        }
    }
}

/// Whether an object, temporary or not, can be had here only.
pub(in crate::pg) fn needs(class: pg_sys::Oid, object: pg_sys::Oid) -> bool {
    session_has_temporary_schema() && Walk::default().finds(class, object, 0)
}

/// What belongs to a type and may be dropped by itself: the constraints of a domain; the relation of a composite type, for its
/// columns.
pub fn parts_of_type(address: Address) -> Vec<Address> {
    if address.class != pg_sys::TypeRelationId {
        return Vec::new();
    }
    let mut walk = Walk::default();
    walk.parts_of_type(address.object);
    let parts = walk.open.into_iter();
    parts
        .map(|(class, object, sub)| Address { class, object, sub })
        .collect()
}

/// Whether the key of a partitioned table does.
pub(in crate::pg) fn is_in_partition_key(table: pg_sys::Oid) -> bool {
    let mut walk = Walk::default();
    // SAFETY: inside a transaction. The key's columns depend on the table, and the table on its expressions (heap.c:
    // StorePartitionKey).
    unsafe {
        scan::each_dependency(pg_sys::RelationRelationId, table, |row, _| {
            let is_own = row.refclassid == pg_sys::RelationRelationId && row.refobjid == table;
            if row.objsubid > 0 && is_own && row.refobjsubid == 0 {
                walk.push(pg_sys::RelationRelationId, table, row.objsubid);
            } else if row.objsubid == 0 {
                walk.push(row.refclassid, row.refobjid, row.refobjsubid);
            }
        });
    }
    session_has_temporary_schema() && walk.run()
}

/// A walk along pg_depend, which looks at nothing twice.
#[derive(Default)]
struct Walk {
    seen: HashSet<(u32, u32, i32)>,
    open: Vec<(pg_sys::Oid, pg_sys::Oid, i32)>,
}

impl Walk {
    /// Whether this is temporary or needs what is. Once it has found something it is of no more use.
    fn finds(&mut self, class: pg_sys::Oid, object: pg_sys::Oid, sub: i32) -> bool {
        self.push(class, object, sub);
        self.run()
    }

    fn push(&mut self, class: pg_sys::Oid, object: pg_sys::Oid, sub: i32) {
        // What every server has needs nothing.
        if object.to_u32() >= pg_sys::FirstNormalObjectId
            && self.seen.insert((class.to_u32(), object.to_u32(), sub))
        {
            self.open.push((class, object, sub));
        }
    }

    fn run(&mut self) -> bool {
        while let Some((class, object, sub)) = self.open.pop() {
            if is_temporary(class, object) {
                return true;
            }
            match class {
                pg_sys::RelationRelationId => self.relation(object, sub),
                pg_sys::TypeRelationId => {
                    self.dependencies(class, object, 0);
                    self.parts_of_type(object);
                }
                _ => self.dependencies(class, object, 0),
            }
        }
        false
    }

    fn parts_of_type(&mut self, kind: pg_sys::Oid) {
        // The relation of a composite type depends on it, not it on that (pg_type.c: GenerateTypeDependencies).
        // SAFETY: a syscache look-up; InvalidOid when there is none.
        let relation = unsafe { pg_sys::get_typ_typrelid(kind) };
        self.push(pg_sys::RelationRelationId, relation, 0);
        self.parts(
            pg_sys::ConstraintRelationId,
            pg_sys::ConstraintTypidIndexId,
            (pg_sys::Anum_pg_constraint_contypid, kind),
            pg_sys::Anum_pg_constraint_oid,
        );
    }

    fn relation(&mut self, relation: pg_sys::Oid, column: i32) {
        // SAFETY: a syscache look-up; 0 when it is gone.
        match unsafe { pg_sys::get_rel_relkind(relation) } as u8 {
            pg_sys::RELKIND_VIEW | pg_sys::RELKIND_MATVIEW => self.parts(
                pg_sys::RewriteRelationId,
                pg_sys::RewriteRelRulenameIndexId,
                (pg_sys::Anum_pg_rewrite_ev_class, relation),
                pg_sys::Anum_pg_rewrite_oid,
            ),
            pg_sys::RELKIND_COMPOSITE_TYPE | pg_sys::RELKIND_FOREIGN_TABLE => {
                self.every_column(relation);
            }
            pg_sys::RELKIND_INDEX | pg_sys::RELKIND_PARTITIONED_INDEX => {
                self.dependencies(pg_sys::RelationRelationId, relation, 0);
            }
            _ if column > 0 => self.column(relation, column),
            _ => {}
        }
    }

    fn every_column(&mut self, relation: pg_sys::Oid) {
        // SAFETY: a syscache look-up of each number; InvalidOid behind the last, and 0 for what was dropped.
        let types = (1..).map(|number| unsafe { pg_sys::get_atttype(relation, number) });
        let all: Vec<pg_sys::Oid> = types
            .take(pg_sys::MaxHeapAttributeNumber as usize)
            .collect();
        for kind in all {
            self.push(pg_sys::TypeRelationId, kind, 0);
        }
    }

    fn column(&mut self, table: pg_sys::Oid, column: i32) {
        let number = column as pg_sys::AttrNumber;
        // SAFETY: syscache look-ups; nothing when it is gone.
        let (kind, generated) = unsafe {
            (
                pg_sys::get_atttype(table, number),
                pg_sys::get_attgenerated(table, number) != 0,
            )
        };
        self.push(pg_sys::TypeRelationId, kind, 0);
        if generated {
            if let Some(default) = default_of(table, number) {
                self.push(pg_sys::AttrDefaultRelationId, default, 0);
            }
            // Before 15 the column itself depends on what its expression names (heap.c: StoreAttrDefault).
            if session::MAJOR < 15 {
                self.dependencies(pg_sys::RelationRelationId, table, column);
            }
        }
    }

    /// What the object depends on, or a part of it.
    fn dependencies(&mut self, class: pg_sys::Oid, object: pg_sys::Oid, sub: i32) {
        // SAFETY: inside a transaction.
        unsafe {
            scan::each_dependency(class, object, |row, _| {
                if row.objsubid == sub {
                    self.push(row.refclassid, row.refobjid, row.refobjsubid);
                }
            });
        }
    }

    /// Rows of another catalog that belong to the object.
    fn parts(&mut self, catalog: pg_sys::Oid, index: u32, of: (u32, pg_sys::Oid), oid: u32) {
        // SAFETY: each of the callers names an index that begins with that column, and the column oid, which is never NULL.
        unsafe {
            scan::each_row(catalog, index, &[of], |tuple, descriptor| {
                let mut is_null = false;
                let part = pg_sys::heap_getattr(tuple, oid as i32, descriptor, &mut is_null);
                self.push(catalog, pg_sys::Oid::from(part.value() as u32), 0);
            });
        }
    }
}

/// The row of pg_attrdef of a column: its default, or the expression that generates it.
pub(in crate::pg) fn default_of(
    table: pg_sys::Oid,
    column: pg_sys::AttrNumber,
) -> Option<pg_sys::Oid> {
    let mut found = None;
    // SAFETY: the index begins with that column, and the structure is that of the catalog's rows.
    unsafe {
        scan::each_row(
            pg_sys::AttrDefaultRelationId,
            pg_sys::AttrDefaultIndexId,
            &[(pg_sys::Anum_pg_attrdef_adrelid, table)],
            |tuple, _| {
                let row = &*(pg_sys::GETSTRUCT(tuple) as pg_sys::Form_pg_attrdef);
                if row.adnum == column {
                    found = Some(row.oid);
                }
            },
        );
    }
    found
}

/// Whether an object lies in a temporary schema, this session's or another's.
pub(in crate::pg) fn is_temporary(class: pg_sys::Oid, object: pg_sys::Oid) -> bool {
    // SAFETY: syscache look-ups, which find nothing where an object has gone meanwhile; each cache holds rows of that structure.
    unsafe {
        let namespace = match class {
            pg_sys::RelationRelationId => Some(pg_sys::get_rel_namespace(object)),
            pg_sys::ProcedureRelationId => Some(pg_sys::get_func_namespace(object)),
            pg_sys::TypeRelationId => syscache::with_cached(
                pg_sys::SysCacheIdentifier::TYPEOID,
                object,
                |row: &pg_sys::FormData_pg_type| row.typnamespace,
            ),
            pg_sys::OperatorRelationId => syscache::with_cached(
                pg_sys::SysCacheIdentifier::OPEROID,
                object,
                |row: &pg_sys::FormData_pg_operator| row.oprnamespace,
            ),
            pg_sys::CollationRelationId => syscache::with_cached(
                pg_sys::SysCacheIdentifier::COLLOID,
                object,
                |row: &pg_sys::FormData_pg_collation| row.collnamespace,
            ),
            _ => None,
        };
        namespace.is_some_and(|namespace| pg_sys::isAnyTempNamespace(namespace))
    }
}

/// Whether the type that a table was made OF, or became, does.
pub(in crate::pg) fn is_of_type(table: pg_sys::Oid) -> bool {
    // SAFETY: RELOID holds rows of that structure.
    let kind = unsafe {
        syscache::with_cached(
            pg_sys::SysCacheIdentifier::RELOID,
            table,
            |row: &pg_sys::FormData_pg_class| row.reloftype,
        )
    };
    kind.is_some_and(|kind| needs(pg_sys::TypeRelationId, kind))
}

impl Address {
    /// Whether the object as a whole depends on temporary ones, be it through others that do.
    pub fn depends_on_temporary(self) -> bool {
        is_in(self)
    }

    /// Whether the object, or a column, default, constraint or rule of it, has come to depend on a temporary object since then.
    pub fn came_to_depend_on_temporary(self, since: Progress) -> bool {
        let catalogs: &[_] = match self.class {
            pg_sys::RelationRelationId => &[
                (
                    pg_sys::AttrDefaultRelationId,
                    pg_sys::AttrDefaultIndexId,
                    pg_sys::Anum_pg_attrdef_adrelid,
                    pg_sys::Anum_pg_attrdef_oid,
                ),
                (
                    pg_sys::ConstraintRelationId,
                    pg_sys::ConstraintRelidTypidNameIndexId,
                    pg_sys::Anum_pg_constraint_conrelid,
                    pg_sys::Anum_pg_constraint_oid,
                ),
                (
                    pg_sys::RewriteRelationId,
                    pg_sys::RewriteRelRulenameIndexId,
                    pg_sys::Anum_pg_rewrite_ev_class,
                    pg_sys::Anum_pg_rewrite_oid,
                ),
            ],
            _ => &[],
        };
        let mut parts = vec![(self.class, self.object)];
        let of_type = parts_of_type(self).into_iter();
        parts.extend(of_type.map(|part| (part.class, part.object)));
        let mut found = false;
        let mut walk = Walk::default();
        // SAFETY: each index begins with that column; the column oid is never NULL; a row has a header, whose command id is that
        // of its making as long as nobody has deleted it (htup_details.h).
        unsafe {
            for &(catalog, index, column, oid) in catalogs {
                scan::each_row(catalog, index, &[(column, self.object)], |tuple, desc| {
                    let mut is_null = false;
                    let part = pg_sys::heap_getattr(tuple, oid as i32, desc, &mut is_null);
                    parts.push((catalog, pg_sys::Oid::from(part.value() as u32)));
                });
            }
            for (class, object) in parts {
                scan::each_dependency(class, object, |row, tuple| {
                    let header = (*(*tuple).t_data).t_choice.t_heap;
                    found = found
                        || pg_sys::TransactionIdIsCurrentTransactionId(header.t_xmin)
                            && since.is_before(header.t_field3.t_cid)
                            && walk.finds(row.refclassid, row.refobjid, row.refobjsubid);
                });
            }
        }
        found
    }
}
