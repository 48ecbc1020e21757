//! Commands that PostgreSQL lets lock a relation before it asks for the right to do so.
//!
//! Each row of the capture table holds its locks to the end of the transaction. So anybody's attempt at one of these commands
//! would wait, for the right to be refused, behind any open transaction with DDL in it, and all other DDL behind the attempt.
//! They are refused here, before the lock, with PostgreSQL's own error.
//!
//! Relied on (13 to 19): which commands these are, of those whose lock is in the way of ROW EXCLUSIVE: DefineQueryRewrite
//! (rewriteDefine.c), CreateTriggerFiringOn (trigger.c), ATAddForeignKeyConstraint, ATExecAttachPartition, DefineRelation
//! with PARTITION OF (tablecmds.c), ExecAlterObjectDependsStmt (alter.c). All others ask in the callback of the look-up.
//! Not promised: anything for an index of the table that was given another name.

use crate::pg::catalog::role::Role;
use crate::pg::command::node::{self, ParseTree, find_relation};
use crate::pg::runtime::list::pointers;
use crate::pg::runtime::text;
use crate::pg::store::table;
use pgrx::pg_sys;

/// What the names of the table, its sequence and its index begin with.
const NAMES: &[u8] = b"dts_ddl_command";
/// The right of the owner, for which there is no bit.
const OWNERSHIP: pg_sys::AclMode = 0;

type Named = (*mut pg_sys::RangeVar, pg_sys::AclMode);

/// The name of the capture table, its sequence or its index if the command is one of these and the running role lacks the
/// right for it.
pub fn refused(tree: ParseTree) -> Option<String> {
    if tree.node().is_null() {
        return None;
    }
    let mut named = Vec::new();
    // SAFETY: a parse tree is valid while its command runs; its names are RangeVars; look-ups take no lock.
    unsafe {
        locked_by(tree.node(), &mut named);
        named
            .into_iter()
            .filter(|(name, _)| text::bytes((**name).relname).starts_with(NAMES))
            .find_map(|(name, right)| {
                let relation = find_relation(name);
                (is_of_capture(relation) && !may(relation, right))
                    .then(|| text::decode(text::bytes((*name).relname)))
            })
    }
}

fn is_of_capture(relation: pg_sys::Oid) -> bool {
    let capture = table::capture_table();
    let is = |relation| relation != pg_sys::InvalidOid && relation == capture;
    // SAFETY: a syscache look-up; InvalidOid for what is no index.
    is(relation)
        || is(unsafe { pg_sys::IndexGetRelation(relation, true) })
        || table::is_id_sequence(relation)
}

fn may(relation: pg_sys::Oid, right: pg_sys::AclMode) -> bool {
    let role = Role::current();
    let any = pg_sys::AclMaskHow::ACLMASK_ANY;
    // SAFETY: syscache look-ups; the relation was found just now, and one that is gone meanwhile is an error of the command.
    Role::owner_if_there(relation).is_none_or(|owner| role.has_rights_of(owner))
        || right != OWNERSHIP
            && unsafe { pg_sys::pg_class_aclmask(relation, role.oid(), right, any) } != 0
}

/// # Safety
/// `node` is a valid statement.
unsafe fn locked_by(node: *mut pg_sys::Node, named: &mut Vec<Named>) {
    // SAFETY: the node tag says which type each is; members are NULL or of the types that the grammar makes.
    unsafe {
        match (*node).type_ {
            pg_sys::NodeTag::T_RuleStmt => {
                add(
                    named,
                    (*(node as *mut pg_sys::RuleStmt)).relation,
                    OWNERSHIP,
                );
            }
            pg_sys::NodeTag::T_CreateTrigStmt => {
                let relation = (*(node as *mut pg_sys::CreateTrigStmt)).relation;
                add(named, relation, pg_sys::ACL_TRIGGER as pg_sys::AclMode);
            }
            pg_sys::NodeTag::T_AlterObjectDependsStmt => {
                let relation = (*(node as *mut pg_sys::AlterObjectDependsStmt)).relation;
                add(named, relation, OWNERSHIP);
            }
            // The latter begins with the former.
            pg_sys::NodeTag::T_CreateStmt | pg_sys::NodeTag::T_CreateForeignTableStmt => {
                let create = &*(node as *mut pg_sys::CreateStmt);
                if !create.partbound.is_null() {
                    for parent in pointers::<pg_sys::RangeVar>(create.inhRelations) {
                        add(named, parent, OWNERSHIP);
                    }
                }
                for element in pointers::<pg_sys::Node>(create.tableElts) {
                    referenced_by(element, named);
                }
            }
            pg_sys::NodeTag::T_AlterTableStmt => {
                for command in node::alter_table_commands(node) {
                    referenced_by((*command).def, named);
                }
            }
            pg_sys::NodeTag::T_CreateSchemaStmt => {
                let create = node as *mut pg_sys::CreateSchemaStmt;
                for element in pointers::<pg_sys::Node>((*create).schemaElts) {
                    locked_by(element, named);
                }
            }
            _ => {}
        }
    }
}

/// # Safety
/// `element` is NULL or an element of CREATE TABLE, or what a command of ALTER TABLE is about.
unsafe fn referenced_by(element: *mut pg_sys::Node, named: &mut Vec<Named>) {
    // SAFETY: as above.
    unsafe {
        if element.is_null() {
            return;
        }
        match (*element).type_ {
            pg_sys::NodeTag::T_ColumnDef => {
                let column = element as *mut pg_sys::ColumnDef;
                for constraint in pointers::<pg_sys::Node>((*column).constraints) {
                    referenced_by(constraint, named);
                }
            }
            pg_sys::NodeTag::T_Constraint => {
                let table = (*(element as *mut pg_sys::Constraint)).pktable;
                add(named, table, pg_sys::ACL_REFERENCES as pg_sys::AclMode);
            }
            pg_sys::NodeTag::T_PartitionCmd => {
                add(
                    named,
                    (*(element as *mut pg_sys::PartitionCmd)).name,
                    OWNERSHIP,
                );
            }
            _ => {}
        }
    }
}

fn add(named: &mut Vec<Named>, relation: *mut pg_sys::RangeVar, right: pg_sys::AclMode) {
    if !relation.is_null() {
        named.push((relation, right));
    }
}
