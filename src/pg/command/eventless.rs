//! DDL for which PostgreSQL raises no event triggers, though it changes what pg_dump or pg_dumpall show.
//!
//! Only the utility hook sees it: REASSIGN OWNED and all commands on roles, which are "for global objects" (utility.c),
//! CLUSTER, which counts as maintenance, but marks the index that it names. (What else counts as maintenance may make an index
//! valid that only this server has: [`super::index`].)
//! Relied on: `kind` is asked for every utility statement, so it looks at the tree only, at no catalog.
//! Not promised: commands on databases, tablespaces, event triggers, parameters.

use crate::pg::catalog::inheritance;
use crate::pg::catalog::lookup::Address;
use crate::pg::catalog::role::Role;
use crate::pg::command::event::{Collected, Dropped};
use crate::pg::command::node::{self, ParseTree};
use crate::pg::command::role_spec;
use crate::pg::runtime::{list, text};
use pgrx::pg_sys;
use pgrx::pg_sys::ObjectType::OBJECT_ROLE;
use std::collections::HashSet;

/// What sort of command it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    ReassignOwned,
    /// CLUSTER, from 19 on also REPACK, by an index that the command names.
    Cluster,
    Role,
}

/// What a command without event triggers is about, as noted before it runs.
#[derive(Debug)]
pub enum Eventless {
    ReassignOwned,
    /// The table, if the index was not marked before; `None` also for a temporary table.
    Cluster(Option<Address>),
    Role {
        /// In a DROP, of those that exist.
        names: Vec<String>,
        drops: bool,
        /// It gives an existing role a password and does nothing else.
        only_password: bool,
    },
}

/// Which sort of command without event triggers this is; `None` for all others.
pub fn kind(tree: ParseTree) -> Option<Kind> {
    let node = tree.node();
    if node.is_null() {
        return None;
    }
    let if_role = |object: pg_sys::ObjectType::Type| (object == OBJECT_ROLE).then_some(Kind::Role);
    // SAFETY: the node tag says which type each is.
    unsafe {
        match (*node).type_ {
            pg_sys::NodeTag::T_ReassignOwnedStmt => Some(Kind::ReassignOwned),
            #[cfg(not(feature = "pg19"))]
            pg_sys::NodeTag::T_ClusterStmt => by_index(node).map(|_| Kind::Cluster),
            #[cfg(feature = "pg19")]
            pg_sys::NodeTag::T_RepackStmt => by_index(node).map(|_| Kind::Cluster),
            pg_sys::NodeTag::T_CreateRoleStmt
            | pg_sys::NodeTag::T_AlterRoleStmt
            | pg_sys::NodeTag::T_AlterRoleSetStmt
            | pg_sys::NodeTag::T_DropRoleStmt
            | pg_sys::NodeTag::T_GrantRoleStmt => Some(Kind::Role),
            pg_sys::NodeTag::T_RenameStmt => {
                if_role((*(node as *mut pg_sys::RenameStmt)).renameType)
            }
            pg_sys::NodeTag::T_CommentStmt => {
                if_role((*(node as *mut pg_sys::CommentStmt)).objtype)
            }
            pg_sys::NodeTag::T_SecLabelStmt => {
                if_role((*(node as *mut pg_sys::SecLabelStmt)).objtype)
            }
            _ => None,
        }
    }
}

impl Eventless {
    /// To be asked before the command runs.
    pub fn of(tree: ParseTree) -> Option<Self> {
        let kind = kind(tree)?;
        // SAFETY: a parse tree is valid while its command runs, and is of this kind.
        Some(unsafe {
            match kind {
                Kind::ReassignOwned => Eventless::ReassignOwned,
                Kind::Cluster => Eventless::Cluster(table_to_mark(tree.node())),
                Kind::Role => roles(tree.node()),
            }
        })
    }

    /// Whether it is a command for another server at all.
    pub fn is_of_interest(&self) -> bool {
        match self {
            Eventless::ReassignOwned => true,
            Eventless::Cluster(table) => table.is_some(),
            Eventless::Role { names, drops, .. } => !drops || !names.is_empty(),
        }
    }

    pub fn sets_only_a_password(&self) -> bool {
        matches!(
            self,
            Eventless::Role {
                only_password: true,
                ..
            }
        )
    }

    /// The objects that it made or changed, now that it has run, as an event trigger would be told of them.
    pub fn collected(&self, tag: &'static str) -> Vec<Collected> {
        let addresses: Vec<Address> = match self {
            Eventless::ReassignOwned | Eventless::Role { drops: true, .. } => Vec::new(),
            Eventless::Cluster(table) => table.iter().copied().collect(),
            Eventless::Role { names, .. } => names
                .iter()
                .filter_map(|name| Address::role(name))
                .collect(),
        };
        if let Eventless::Role { drops: false, .. } = self
            && addresses.is_empty()
        {
            // ALTER ROLE ALL
            return vec![Collected::unnamed(tag, "role")];
        }
        addresses
            .into_iter()
            .filter_map(|address| Collected::untold(tag, address))
            .collect()
    }

    /// The objects that it dropped, as an event trigger would be told of them.
    pub fn dropped(&self) -> Vec<Dropped> {
        let Eventless::Role {
            names, drops: true, ..
        } = self
        else {
            return Vec::new();
        };
        names
            .iter()
            .map(|name| Dropped {
                address: None,
                original: true,
                by_cascade: false,
                temporary: false,
                object_type: "role".into(),
                schema: None,
                name: Some(name.clone()),
                identity: text::quote_identifier(name),
                names: vec![name.clone()],
            })
            .collect()
    }
}

/// The roles that a command is about.
///
/// # Safety
/// `node` is a valid statement of the kind [`Kind::Role`].
unsafe fn roles(node: *mut pg_sys::Node) -> Eventless {
    let named = |names: Vec<String>| Eventless::Role {
        names,
        drops: false,
        only_password: false,
    };
    // SAFETY: the node tag says which type each is.
    unsafe {
        match (*node).type_ {
            pg_sys::NodeTag::T_CreateRoleStmt => {
                let create = node as *mut pg_sys::CreateRoleStmt;
                named(text::string((*create).role).into_iter().collect())
            }
            pg_sys::NodeTag::T_AlterRoleStmt => {
                let alter = node as *mut pg_sys::AlterRoleStmt;
                let options = list::pointers::<pg_sys::DefElem>((*alter).options);
                Eventless::Role {
                    names: role_spec::name((*alter).role).into_iter().collect(),
                    drops: false,
                    only_password: !options.is_empty()
                        && options
                            .into_iter()
                            .all(|option| text::bytes((*option).defname) == b"password"),
                }
            }
            pg_sys::NodeTag::T_AlterRoleSetStmt => {
                let alter = node as *mut pg_sys::AlterRoleSetStmt;
                // ALTER ROLE ALL has no role
                named(role_spec::name((*alter).role).into_iter().collect())
            }
            pg_sys::NodeTag::T_DropRoleStmt => {
                let drop = node as *mut pg_sys::DropRoleStmt;
                let mut known = HashSet::new();
                let names = list::pointers::<pg_sys::RoleSpec>((*drop).roles)
                    .into_iter()
                    .filter_map(|spec| role_spec::name(spec))
                    .filter(|name| Address::role(name).is_some_and(|role| known.insert(role)))
                    .collect();
                Eventless::Role {
                    names,
                    drops: true,
                    only_password: false,
                }
            }
            pg_sys::NodeTag::T_GrantRoleStmt => {
                let granted = (*(node as *mut pg_sys::GrantRoleStmt)).granted_roles;
                named(
                    list::pointers::<pg_sys::AccessPriv>(granted)
                        .into_iter()
                        .filter_map(|role| text::string((*role).priv_name))
                        .collect(),
                )
            }
            pg_sys::NodeTag::T_RenameStmt => {
                let rename = node as *mut pg_sys::RenameStmt;
                named(text::string((*rename).newname).into_iter().collect())
            }
            pg_sys::NodeTag::T_CommentStmt => named(vec![text::decode(list::string(
                (*(node as *mut pg_sys::CommentStmt)).object,
            ))]),
            pg_sys::NodeTag::T_SecLabelStmt => named(vec![text::decode(list::string(
                (*(node as *mut pg_sys::SecLabelStmt)).object,
            ))]),
            _ => named(Vec::new()),
        }
    }
}

/// The table and the index that a CLUSTER or REPACK names; the plain form, which goes by the index that is marked already,
/// gives `None`.
///
/// # Safety
/// `node` is a valid statement.
unsafe fn by_index(
    node: *mut pg_sys::Node,
) -> Option<(*mut pg_sys::RangeVar, *mut core::ffi::c_char)> {
    // SAFETY: the node tag says which type it is.
    unsafe {
        #[cfg(not(feature = "pg19"))]
        let (relation, index) = {
            let cluster = node::cast::<pg_sys::ClusterStmt>(node, pg_sys::NodeTag::T_ClusterStmt)?;
            ((*cluster).relation, (*cluster).indexname)
        };
        #[cfg(feature = "pg19")]
        let (relation, index) = {
            let repack = node::cast::<pg_sys::RepackStmt>(node, pg_sys::NodeTag::T_RepackStmt)?;
            if (*repack).relation.is_null() {
                return None;
            }
            ((*(*repack).relation).relation, (*repack).indexname)
        };
        (!relation.is_null() && !index.is_null()).then_some((relation, index))
    }
}

/// The indexes that get the mark when a table is clustered by `index`: those of the partitions where it has such.
fn indexes_to_mark(index: pg_sys::Oid) -> Vec<pg_sys::Oid> {
    // SAFETY: looks at the catalogs without locks; relations that are gone have no kind.
    unsafe {
        match pg_sys::get_rel_relkind(index) as u8 {
            pg_sys::RELKIND_INDEX => vec![index],
            pg_sys::RELKIND_PARTITIONED_INDEX => (inheritance::with_descendants(index).into_iter())
                .filter(|&oid| pg_sys::get_rel_relkind(oid) as u8 == pg_sys::RELKIND_INDEX)
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// The permanent table whose clustering changes which of its indexes is marked.
///
/// # Safety
/// `node` is a valid statement of the kind [`Kind::Cluster`].
unsafe fn table_to_mark(node: *mut pg_sys::Node) -> Option<Address> {
    // SAFETY: the caller's promise; look-ups raise no errors, those are for the command itself to raise.
    unsafe {
        let (relation, index) = by_index(node)?;
        let table = node::find_quietly(relation);
        let schema = pg_sys::get_rel_namespace(table);
        if table == pg_sys::InvalidOid || pg_sys::isAnyTempNamespace(schema) {
            return None;
        }
        indexes_to_mark(pg_sys::get_relname_relid(index, schema))
            .into_iter()
            .any(|index| !pg_sys::get_index_isclustered(index))
            .then(|| Address::relation(table))
    }
}

/// A partition that is clustered for its parent.
pub(in crate::pg) struct Partition {
    table: pg_sys::Oid,
    index: pg_sys::Oid,
}

/// The partitions that a CLUSTER of a partitioned table goes through, each in a transaction of its own (cluster.c), without
/// those that the role may not cluster; `None` for any other statement.
///
/// # Safety
/// `node` is a valid statement.
pub(in crate::pg) unsafe fn partitions_to_cluster(
    node: *mut pg_sys::Node,
) -> Option<Vec<Partition>> {
    // SAFETY: the caller's promise; catalog look-ups.
    unsafe {
        let (relation, index) = by_index(node)?;
        let table = node::find_quietly(relation);
        if pg_sys::get_rel_relkind(table) as u8 != pg_sys::RELKIND_PARTITIONED_TABLE {
            return None;
        }
        let index = pg_sys::get_relname_relid(index, pg_sys::get_rel_namespace(table));
        if index == pg_sys::InvalidOid {
            return None; // the statement itself says so
        }
        Some(
            indexes_to_mark(index)
                .into_iter()
                .map(|index| Partition {
                    table: pg_sys::IndexGetRelation(index, false),
                    index,
                })
                .filter(|partition| may_cluster(partition.table))
                .collect(),
        )
    }
}

/// Whether the running code may cluster a table (cluster.c: cluster_is_permitted_for_relation).
fn may_cluster(table: pg_sys::Oid) -> bool {
    let role = Role::current();
    let owner = Role::owner_if_there(table);
    if owner.is_some_and(|owner| role.has_rights_of(owner)) {
        return true;
    }
    // SAFETY: a catalog look-up.
    #[cfg(any(feature = "pg17", feature = "pg18", feature = "pg19"))]
    return owner.is_some()
        && unsafe {
            pg_sys::pg_class_aclcheck(table, role.oid(), pg_sys::ACL_MAINTAIN as pg_sys::AclMode)
        } == pg_sys::AclResult::ACLCHECK_OK;
    #[cfg(not(any(feature = "pg17", feature = "pg18", feature = "pg19")))]
    return false;
}

/// Makes a CLUSTER of a partitioned table that of one partition.
///
/// # Safety
/// `node` is a valid statement for which [`partitions_to_cluster`] gave the partition, and belongs to the caller.
pub(in crate::pg) unsafe fn cluster_only(node: *mut pg_sys::Node, partition: &Partition) {
    // SAFETY: the caller's promise; names are palloc'd in the current context.
    unsafe {
        let Some((relation, _)) = by_index(node) else {
            return;
        };
        (*relation).schemaname =
            pg_sys::get_namespace_name(pg_sys::get_rel_namespace(partition.table));
        (*relation).relname = pg_sys::get_rel_name(partition.table);
        let index = pg_sys::get_rel_name(partition.index);
        #[cfg(not(feature = "pg19"))]
        {
            (*(node as *mut pg_sys::ClusterStmt)).indexname = index;
        }
        #[cfg(feature = "pg19")]
        {
            (*(node as *mut pg_sys::RepackStmt)).indexname = index;
        }
    }
}
