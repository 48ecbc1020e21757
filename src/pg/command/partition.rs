//! Bounds and keys of partitions, and the constraint that DETACH PARTITION CONCURRENTLY leaves on the detached table, and the
//! plain form does not (tablecmds.c: DetachAddConstraintIfNeeded). That is so up to 18; a server of 19 leaves none.

use crate::pg::catalog::lookup::Address;
use crate::pg::catalog::{deparse, role, spi};
use crate::pg::command::node::{self, ParseTree};
use crate::pg::runtime::failure::Failure;
use crate::pg::runtime::{list, session, syscache};
use pgrx::pg_sys;

unsafe extern "C-unwind" {
    fn RelationGetPartitionQual(relation: pg_sys::Relation) -> *mut pg_sys::List;
}

/// The first major whose DETACH CONCURRENTLY leaves no constraint.
pub const WITHOUT_CONSTRAINT: u32 = 19;

/// The table to which a CREATE TABLE .. PARTITION OF or ALTER TABLE .. ATTACH PARTITION gave a bound. `new` and `attached` are
/// the tables that the command made and attached.
pub fn bounded(
    tree: ParseTree,
    new: Option<&Address>,
    attached: Option<&Address>,
) -> Option<pg_sys::Oid> {
    let node = tree.node();
    // SAFETY: a parse tree is valid while its command runs; the node tag says which type it is.
    unsafe {
        if node.is_null() {
            return None;
        }
        match (*node).type_ {
            pg_sys::NodeTag::T_CreateStmt
                if !(*(node as *mut pg_sys::CreateStmt)).partbound.is_null() =>
            {
                new
            }
            pg_sys::NodeTag::T_AlterTableStmt => attached,
            _ => None,
        }
        .map(|table| table.object)
    }
}

/// The bound of a partition, for SQL: with constants only.
pub fn bound(partition: pg_sys::Oid) -> Option<String> {
    let cache = pg_sys::SysCacheIdentifier::RELOID;
    // SAFETY: the attribute is read from a copy of the pg_class row; pg_get_expr(pg_node_tree, oid) reads catalogs.
    unsafe {
        let tuple = syscache::cached_copy(cache, partition);
        if tuple.is_null() {
            return None;
        }
        let mut null = false;
        let bound = pg_sys::SysCacheGetAttr(
            syscache::cache_number(cache),
            tuple,
            pg_sys::Anum_pg_class_relpartbound as pg_sys::AttrNumber,
            &mut null,
        );
        if null {
            return None;
        }
        let arguments = [bound, pg_sys::Datum::from(partition)];
        deparse::text(pg_sys::pg_get_expr, arguments)
    }
}

/// The key of a partitioned table, as it stands behind PARTITION BY.
pub(in crate::pg) fn key(table: pg_sys::Oid) -> Option<String> {
    // SAFETY: pg_get_partkeydef(oid) reads catalogs, and returns a text or NULL.
    unsafe { deparse::text(pg_sys::pg_get_partkeydef, [pg_sys::Datum::from(table)]) }
}

/// Whether a running command detaches a partition CONCURRENTLY, or finalizes that.
pub fn detaches_concurrently(tree: ParseTree) -> bool {
    let node = tree.node();
    // SAFETY: a parse tree is valid while its command runs.
    !node.is_null() && unsafe { detached_concurrently(node) }.is_some()
}

/// The table of which a command detaches a partition CONCURRENTLY, or finalizes that, where this leaves a constraint. To be asked
/// before it runs, under the search_path that it has.
pub fn detached_from(tree: ParseTree) -> Option<pg_sys::Oid> {
    if session::MAJOR >= WITHOUT_CONSTRAINT || !detaches_concurrently(tree) {
        return None;
    }
    // SAFETY: such a command is an ALTER TABLE, and valid while it runs.
    let table = unsafe {
        let alter = &*(tree.node() as *mut pg_sys::AlterTableStmt);
        node::find_quietly(alter.relation)
    };
    (table != pg_sys::InvalidOid).then_some(table)
}

/// Whose code the constraint is that stays of a partition of this table: that of its owner, where that is no superuser.
pub fn author_of_constraint(table: pg_sys::Oid) -> Option<role::Role> {
    Some(role::Role::owner_of(table)).filter(|owner| !owner.is_superuser())
}

/// The partition that a statement detaches CONCURRENTLY, or whose detachment it finalizes.
///
/// # Safety
/// `statement` is a valid raw parse tree.
pub(in crate::pg) unsafe fn detached_concurrently(
    statement: *mut pg_sys::Node,
) -> Option<*mut pg_sys::RangeVar> {
    #[cfg(feature = "pg13")]
    {
        let _ = statement;
        None
    }
    // SAFETY: the caller's promise; the node tag says what the node is.
    #[cfg(not(feature = "pg13"))]
    unsafe {
        detach(statement)
            .filter(|detach| detach.is_concurrent() || detach.is_finalize())
            .map(|detach| (*detach.partition).name)
    }
}

/// A DETACH PARTITION of a statement in progress, which has no other command beside it (gram.y: partition_cmd).
#[cfg(not(feature = "pg13"))]
pub(in crate::pg) struct Detach {
    command: *mut pg_sys::AlterTableCmd,
    partition: *mut pg_sys::PartitionCmd,
}

/// The DETACH PARTITION that a statement is.
///
/// # Safety
/// `statement` is a valid parse tree, which outlives the result.
#[cfg(not(feature = "pg13"))]
pub(in crate::pg) unsafe fn detach(statement: *mut pg_sys::Node) -> Option<Detach> {
    // SAFETY: the caller's promise; the kind of the command says what its definition is.
    unsafe {
        node::alter_table_commands(statement)
            .into_iter()
            .find(|&command| {
                matches!(
                    (*command).subtype,
                    pg_sys::AlterTableType::AT_DetachPartition
                        | pg_sys::AlterTableType::AT_DetachPartitionFinalize
                )
            })
            .map(|command| Detach {
                command,
                partition: (*command).def.cast(),
            })
    }
}

#[cfg(not(feature = "pg13"))]
impl Detach {
    pub(in crate::pg) fn is_finalize(&self) -> bool {
        // SAFETY: both nodes are valid as long as this is (see `detach`).
        unsafe { (*self.command).subtype == pg_sys::AlterTableType::AT_DetachPartitionFinalize }
    }

    pub(in crate::pg) fn is_concurrent(&self) -> bool {
        // SAFETY: as above.
        unsafe { (*self.partition).concurrent }
    }

    /// Takes CONCURRENTLY and FINALIZE out of it.
    pub(in crate::pg) fn make_plain(&self) {
        // SAFETY: as above.
        unsafe {
            (*self.command).subtype = pg_sys::AlterTableType::AT_DetachPartition;
            (*self.partition).concurrent = false;
        }
    }
}

/// Adds the partition's constraint as a check constraint, unless one that it has implies it already: as the table's owner, and as
/// PostgreSQL does it, without a look at the rows.
///
/// # Safety
/// `name` is a valid range variable.
pub(in crate::pg) unsafe fn add_constraint(name: *mut pg_sys::RangeVar) -> Result<(), Failure> {
    let lock = pg_sys::AccessExclusiveLock as pg_sys::LOCKMODE;
    // SAFETY: the caller's promise.
    let table = unsafe {
        pg_sys::RangeVarGetRelidExtended(
            name,
            lock,
            pg_sys::RVROption::RVR_MISSING_OK,
            None,
            core::ptr::null_mut(),
        )
    };
    // Without the table the statement itself says so. Of hash partitions no constraint: it would name the parent by its OID, and
    // fail when that is gone (so do current minors).
    if table == pg_sys::InvalidOid || is_of_hash(table)? {
        return Ok(());
    }
    role::with_rights_of(role::Role::owner_of(table), || {
        // SAFETY: the relation is open while its constraint is looked at; nodes are zeroed, and live in the current memory context.
        unsafe {
            let no_lock = pg_sys::NoLock as pg_sys::LOCKMODE;
            let relation = pg_sys::relation_open(table, no_lock);
            #[allow(ffi_unwind_calls, reason = "protected by pg_guard_ffi_boundary")]
            let qual = pg_sys::ffi::pg_guard_ffi_boundary(|| RelationGetPartitionQual(relation));
            let expression = (!qual.is_null()).then(|| {
                let qual = pg_sys::eval_const_expressions(core::ptr::null_mut(), qual.cast());
                pg_sys::make_ands_explicit(qual.cast())
            });
            let new = expression.filter(|&expression| {
                let list = list::of(expression.cast());
                !pg_sys::PartConstraintImpliedByRelConstraint(relation, list)
            });
            pg_sys::relation_close(relation, no_lock);
            let Some(expression) = new else {
                return Ok(());
            };
            let mut constraint =
                pgrx::PgBox::<pg_sys::Constraint>::alloc_node(pg_sys::NodeTag::T_Constraint);
            constraint.contype = pg_sys::ConstrType::CONSTR_CHECK;
            constraint.cooked_expr = pg_sys::nodeToString(expression.cast());
            constraint.location = -1;
            constraint.initially_valid = true;
            constraint.skip_validation = true;
            #[cfg(any(feature = "pg18", feature = "pg19"))]
            {
                constraint.is_enforced = true;
            }
            let constraints = list::of(constraint.into_pg().cast());
            // the table, and all partitions of it
            let all = pg_sys::find_all_inheritors(table, lock, core::ptr::null_mut());
            for one in list::oids(all) {
                let relation = pg_sys::relation_open(one, no_lock);
                pg_sys::AddRelationNewConstraints(
                    relation,
                    core::ptr::null_mut(),
                    constraints,
                    one != table,
                    one == table,
                    true,
                    core::ptr::null(),
                );
                pg_sys::relation_close(relation, no_lock);
                pg_sys::CommandCounterIncrement();
            }
        }
        Ok(())
    })
}

/// Whether a table is a partition by hash.
fn is_of_hash(table: pg_sys::Oid) -> Result<bool, Failure> {
    let found = spi::bigints(
        "SELECT 1::bigint FROM pg_catalog.pg_inherits i, pg_catalog.pg_partitioned_table p
          WHERE i.inhrelid OPERATOR(pg_catalog.=) $1::pg_catalog.oid AND p.partrelid OPERATOR(pg_catalog.=) i.inhparent
            AND p.partstrat OPERATOR(pg_catalog.=) 'h'::\"char\"",
        &[spi::Parameter::BigInt(i64::from(table.to_u32()))],
    )?;
    Ok(!found.is_empty())
}
