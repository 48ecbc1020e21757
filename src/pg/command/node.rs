//! Parse trees: what kind of statement it is, and the few facts that only the tree knows.
//!
//! A [`ParseTree`] is valid while its command runs; it is looked at by event-trigger entry points and hooks of that
//! command only, and never kept beyond it; one made by [`super::parser`], as long as its memory context.

use crate::pg::catalog::lookup::Address;
use crate::pg::catalog::temporary_need;
use crate::pg::runtime::list::{self, pointers};
use crate::pg::runtime::session::{session_has_temporary_schema, temporary_schema};
use crate::pg::runtime::{plain, text};
use core::ffi::CStr;
use pgrx::pg_sys;

/// The statement of a command that is running now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ParseTree(*mut pg_sys::Node);

/// Objects of a DROP, GRANT or REVOKE list that live in the session's temporary schema.
pub struct TemporaryItems {
    /// Items in the list, as the parser counts them.
    pub total: usize,
    /// Indexes of those that are temporary.
    pub temporary: Vec<usize>,
    /// True for GRANT and REVOKE.
    pub is_grant: bool,
}

/// Whether PostgreSQL raises event triggers for this statement (tcop/cmdtaglist.h).
///
/// # Safety
/// `node` is NULL or a valid utility statement.
pub unsafe fn raises_event_triggers(node: *mut pg_sys::Node) -> bool {
    // SAFETY: the caller's promise.
    !node.is_null() && unsafe { plain::command_tag_event_trigger_ok(plain::CreateCommandTag(node)) }
}

/// Kinds of statements, see [`ParseTree::kind`].
pub const KIND_OF_CREATE_INDEX: u32 = pg_sys::NodeTag::T_IndexStmt as u32;
pub const KIND_OF_ALTER_TABLE: u32 = pg_sys::NodeTag::T_AlterTableStmt as u32;
pub const KIND_OF_REINDEX: u32 = pg_sys::NodeTag::T_ReindexStmt as u32;
pub const KIND_OF_REFRESH: u32 = pg_sys::NodeTag::T_RefreshMatViewStmt as u32;

/// A node as what its tag says, if it has this tag.
///
/// # Safety
/// `node` is NULL or a valid node; `T` is the struct of nodes with this tag.
pub(in crate::pg) unsafe fn cast<T>(
    node: *mut pg_sys::Node,
    tag: pg_sys::NodeTag,
) -> Option<*mut T> {
    // SAFETY: the caller's promise.
    (!node.is_null() && unsafe { (*node).type_ == tag }).then(|| node.cast())
}

/// The commands of an ALTER TABLE; none for any other statement.
///
/// # Safety
/// `statement` is NULL or a valid parse tree.
pub(in crate::pg) unsafe fn alter_table_commands(
    statement: *mut pg_sys::Node,
) -> Vec<*mut pg_sys::AlterTableCmd> {
    // SAFETY: the caller's promise; the node tag says which type it is.
    unsafe {
        cast::<pg_sys::AlterTableStmt>(statement, pg_sys::NodeTag::T_AlterTableStmt)
            .map_or_else(Vec::new, |alter| pointers((*alter).cmds))
    }
}

/// Whether a constraint that is added may call functions of users: not keys, which are compared, nor a constant as default.
///
/// # Safety
/// `constraint` is NULL or a valid parse tree.
unsafe fn constraint_may_evaluate(constraint: *mut pg_sys::Node) -> bool {
    use pg_sys::{ConstrType as kind, NodeTag as tag};
    // SAFETY: the caller's promise; the node tag says which type it is.
    unsafe {
        let Some(constraint) = cast::<pg_sys::Constraint>(constraint, tag::T_Constraint) else {
            return true;
        };
        match (*constraint).contype {
            kind::CONSTR_NULL
            | kind::CONSTR_NOTNULL
            | kind::CONSTR_PRIMARY
            | kind::CONSTR_UNIQUE
            | kind::CONSTR_FOREIGN
            | kind::CONSTR_ATTR_DEFERRABLE
            | kind::CONSTR_ATTR_NOT_DEFERRABLE
            | kind::CONSTR_ATTR_DEFERRED
            | kind::CONSTR_ATTR_IMMEDIATE => false,
            kind::CONSTR_DEFAULT => {
                cast::<pg_sys::A_Const>((*constraint).raw_expr, tag::T_A_Const).is_none()
            }
            _ => true,
        }
    }
}

/// Whether a column that is added may call functions of users for the rows that are there.
///
/// # Safety
/// `column` is a valid parse tree.
unsafe fn column_may_evaluate(column: *mut pg_sys::ColumnDef) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        let constraints = pointers::<pg_sys::Node>((*column).constraints);
        let type_name = (*column).typeName;
        // A domain may have a default and checks, also where the column has none.
        if !is_built_in(type_name) {
            return true;
        }
        // Types with a word of their own in the grammar, and text; others may be cast to by functions, of users even.
        let names = list::strings((*type_name).names);
        let is_plain = names.len() > 1 || names == ["text"];
        !constraints.is_empty()
            && (!is_plain
                || (constraints.into_iter()).any(|constraint| constraint_may_evaluate(constraint)))
    }
}

/// Whether a type name is one of PostgreSQL's own types, by a word of its own in the grammar or by the search_path.
///
/// # Safety
/// `name` is NULL or a valid parse tree.
unsafe fn is_built_in(name: *mut pg_sys::TypeName) -> bool {
    // SAFETY: the caller's promise; a look-up that raises no error. The types of pg_type.dat have OIDs below this (transam.h), but
    // not the domains of information_schema.
    unsafe {
        if name.is_null() || (*name).pct_type {
            return false;
        }
        match list::strings((*name).names).as_slice() {
            [schema, _] => schema == "pg_catalog",
            [name] => {
                let name = text::c_string(name);
                let oid = pg_sys::TypenameGetTypid(name.as_ptr()).to_u32();
                (1..pg_sys::FirstGenbkiObjectId).contains(&oid)
            }
            _ => false,
        }
    }
}

impl ParseTree {
    /// # Safety
    /// `node` is NULL or a valid parse tree, for as long as the value is used.
    pub(in crate::pg) unsafe fn new(node: *mut pg_sys::Node) -> Self {
        ParseTree(node)
    }

    /// Whether it may call functions of users when it runs: for rows that are there, for those that it makes, or in a script.
    pub fn may_evaluate(self) -> bool {
        use pg_sys::{AlterTableType as kind, NodeTag as tag};
        let node = self.0;
        if node.is_null() {
            return false;
        }
        // SAFETY: a parse tree is valid while its command runs; its tag says which type it is.
        unsafe {
            match (*node).type_ {
                tag::T_AlterTableStmt => {
                    alter_table_commands(node)
                        .into_iter()
                        .any(|alter| match (*alter).subtype {
                            kind::AT_AddColumn => cast((*alter).def, tag::T_ColumnDef)
                                .is_some_and(|column| column_may_evaluate(column)),
                            #[cfg(any(feature = "pg17", feature = "pg18", feature = "pg19"))]
                            kind::AT_SetExpression => true,
                            kind::AT_AddConstraint => constraint_may_evaluate((*alter).def),
                            #[cfg(not(any(feature = "pg13", feature = "pg14")))]
                            kind::AT_SetAccessMethod => true,
                            // What builds all indexes anew, too.
                            kind::AT_AlterColumnType
                            | kind::AT_ValidateConstraint
                            | kind::AT_AttachPartition
                            | kind::AT_SetLogged
                            | kind::AT_SetUnLogged => true,
                            _ => false,
                        })
                }
                tag::T_CreateTableAsStmt => !self.is_create_table_as(),
                tag::T_CreateSchemaStmt => !(*(node as *mut pg_sys::CreateSchemaStmt))
                    .schemaElts
                    .is_null(),
                tag::T_IndexStmt => {
                    let index = node as *mut pg_sys::IndexStmt;
                    !(*index).whereClause.is_null()
                        || pointers::<pg_sys::IndexElem>((*index).indexParams)
                            .into_iter()
                            .any(|part| !(*part).expr.is_null())
                }
                #[cfg(not(feature = "pg19"))]
                tag::T_ClusterStmt => true,
                #[cfg(feature = "pg19")]
                tag::T_RepackStmt => true,
                tag::T_AlterDomainStmt
                | tag::T_AlterExtensionStmt
                | tag::T_CreateExtensionStmt
                | tag::T_RefreshMatViewStmt
                | tag::T_ReindexStmt => true,
                _ => false,
            }
        }
    }

    pub(in crate::pg) fn node(self) -> *mut pg_sys::Node {
        self.0
    }

    pub(in crate::pg) fn is(self, tag: pg_sys::NodeTag) -> bool {
        self.cast::<pg_sys::Node>(tag).is_some()
    }

    /// The statement as what its tag says, if it has this tag. `T` is the struct of nodes with this tag.
    pub(in crate::pg) fn cast<T>(self, tag: pg_sys::NodeTag) -> Option<*mut T> {
        // SAFETY: valid while its command runs (see the type).
        unsafe { cast(self.0, tag) }
    }

    /// The node tag as a number, to compare statements by kind.
    pub fn kind(self) -> u32 {
        if self.0.is_null() {
            return 0;
        }
        // SAFETY: valid while its command runs (see the type).
        unsafe { (*self.0).type_ as u32 }
    }

    /// The command tag, as event triggers report it.
    pub fn command_tag(self) -> &'static str {
        // SAFETY: CreateCommandTag takes any parse node; tag names are static strings, in ASCII (cmdtaglist.h).
        let name =
            unsafe { CStr::from_ptr(plain::GetCommandTagName(plain::CreateCommandTag(self.0))) };
        name.to_str().unwrap_or_default()
    }

    /// Whether this is a DROP INDEX of an index of that table; to be asked before it runs.
    pub fn drops_index_of(self, table: impl FnOnce() -> pg_sys::Oid) -> bool {
        let indexes = self.indexes_to_drop();
        if indexes.is_empty() {
            return false;
        }
        let table = table();
        // SAFETY: a syscache look-up; InvalidOid when missing.
        indexes
            .into_iter()
            .any(|index| unsafe { pg_sys::IndexGetRelation(index, true) } == table)
    }

    /// The indexes that a DROP INDEX names; to be asked before it runs.
    pub(in crate::pg) fn indexes_to_drop(self) -> Vec<pg_sys::Oid> {
        let Some(drop) = self.cast::<pg_sys::DropStmt>(pg_sys::NodeTag::T_DropStmt) else {
            return Vec::new();
        };
        // SAFETY: the node tag says which type this is; names of indexes are lists; look-ups take no lock.
        unsafe {
            if (*drop).removeType != pg_sys::ObjectType::OBJECT_INDEX {
                return Vec::new();
            }
            pointers::<pg_sys::List>((*drop).objects)
                .into_iter()
                .map(|name| find_relation(pg_sys::makeRangeVarFromNameList(name)))
                .filter(|&index| index != pg_sys::InvalidOid)
                .collect()
        }
    }

    /// The tables (or indexes) that an ALTER .. ATTACH PARTITION names; to be asked before it runs, under the user's
    /// search_path.
    pub fn tables_to_attach(self) -> Vec<Address> {
        self.partitions_in(|command| command == pg_sys::AlterTableType::AT_AttachPartition)
    }

    /// The same of DETACH PARTITION.
    pub fn tables_to_detach(self) -> Vec<Address> {
        self.partitions_in(|command| {
            #[cfg(not(feature = "pg13"))]
            if command == pg_sys::AlterTableType::AT_DetachPartitionFinalize {
                return true;
            }
            command == pg_sys::AlterTableType::AT_DetachPartition
        })
    }

    fn partitions_in(self, wanted: impl Fn(pg_sys::AlterTableType::Type) -> bool) -> Vec<Address> {
        // SAFETY: the node tags say which types these are; the look-up takes no lock.
        unsafe {
            alter_table_commands(self.0)
                .into_iter()
                .filter(|&command| wanted((*command).subtype))
                .filter_map(|command| {
                    cast::<pg_sys::PartitionCmd>((*command).def, pg_sys::NodeTag::T_PartitionCmd)
                })
                .map(|partition| find_quietly((*partition).name))
                .filter(|&oid| oid != pg_sys::InvalidOid)
                .map(Address::relation)
                .collect()
        }
    }

    /// Whether it is an ALTER TABLE with REPLICA IDENTITY.
    pub fn chooses_replica_identity(self) -> bool {
        // SAFETY: the commands of ALTER TABLE are AlterTableCmd nodes.
        unsafe {
            alter_table_commands(self.0)
                .into_iter()
                .any(|command| (*command).subtype == pg_sys::AlterTableType::AT_ReplicaIdentity)
        }
    }

    /// The publication that a CREATE or ALTER PUBLICATION is about; to be asked when it has run.
    pub fn made_or_altered_publication(self) -> Option<pg_sys::Oid> {
        // SAFETY: the node tag says which type the node is; a NUL-terminated name; InvalidOid when there is no such publication.
        unsafe {
            let name = if let Some(made) =
                self.cast::<pg_sys::CreatePublicationStmt>(pg_sys::NodeTag::T_CreatePublicationStmt)
            {
                (*made).pubname
            } else {
                let tag = pg_sys::NodeTag::T_AlterPublicationStmt;
                (*self.cast::<pg_sys::AlterPublicationStmt>(tag)?).pubname
            };
            let publication = pg_sys::get_publication_oid(name, true);
            (publication != pg_sys::InvalidOid).then_some(publication)
        }
    }

    /// Whether it is a CREATE TABLE, but not of a query.
    pub fn makes_table(self) -> bool {
        self.is(pg_sys::NodeTag::T_CreateStmt)
    }

    /// Whether it makes a temporary table, and says so.
    pub fn makes_temporary_table(self) -> bool {
        // SAFETY: a parse tree is valid while its command runs.
        !self.0.is_null() && unsafe { makes_temporary(self.0) }
    }

    /// Whether it makes a table, and nothing of what that may be a partition of.
    pub fn makes_table_alone(self) -> bool {
        // SAFETY: the node tag says which type this is.
        self.cast::<pg_sys::CreateStmt>(pg_sys::NodeTag::T_CreateStmt)
            .is_some_and(|create| unsafe { (*create).partbound.is_null() })
    }

    /// Whether it is a CREATE INDEX without a name.
    pub fn leaves_name_of_index(self) -> bool {
        // SAFETY: as above.
        self.cast::<pg_sys::IndexStmt>(pg_sys::NodeTag::T_IndexStmt)
            .is_some_and(|index| unsafe { (*index).idxname.is_null() })
    }

    /// The bare name of the object that a DROP names first.
    pub fn first_dropped_name(self) -> Option<String> {
        let drop = self.cast::<pg_sys::DropStmt>(pg_sys::NodeTag::T_DropStmt)?;
        // SAFETY: the node tag says which type this is; names are lists of String nodes.
        unsafe {
            let objects: Vec<*mut pg_sys::Node> = pointers((*drop).objects);
            let first = *objects.first()?;
            let name = match (*first).type_ {
                pg_sys::NodeTag::T_List => {
                    *pointers::<pg_sys::Node>(first as *mut pg_sys::List).last()?
                }
                pg_sys::NodeTag::T_TypeName => {
                    *pointers::<pg_sys::Node>((*(first as *mut pg_sys::TypeName)).names).last()?
                }
                pg_sys::NodeTag::T_ObjectWithArgs => {
                    *pointers::<pg_sys::Node>((*(first as *mut pg_sys::ObjectWithArgs)).objname)
                        .last()?
                }
                pg_sys::NodeTag::T_String => first,
                _ => return None,
            };
            if (*name).type_ != pg_sys::NodeTag::T_String {
                return None;
            }
            Some(text::decode(list::string(name)))
        }
    }

    /// The target of a CREATE TABLE AS or SELECT INTO (not of a materialized view).
    fn into_clause(self) -> Option<*mut pg_sys::IntoClause> {
        self.filled()
            .filter(|(kind, _)| *kind == pg_sys::ObjectType::OBJECT_TABLE)
            .map(|(_, into)| into)
    }

    /// What a CREATE TABLE AS or CREATE MATERIALIZED VIEW makes, and its target.
    fn filled(self) -> Option<(pg_sys::ObjectType::Type, *mut pg_sys::IntoClause)> {
        let statement =
            self.cast::<pg_sys::CreateTableAsStmt>(pg_sys::NodeTag::T_CreateTableAsStmt)?;
        // SAFETY: the node tag says that it is this type.
        unsafe {
            #[cfg(feature = "pg13")]
            let kind = (*statement).relkind;
            #[cfg(not(feature = "pg13"))]
            let kind = (*statement).objtype;
            Some((kind, (*statement).into))
        }
    }

    pub fn is_explain(self) -> bool {
        self.is(pg_sys::NodeTag::T_ExplainStmt)
    }

    /// The command that an EXPLAIN ANALYZE runs: CREATE TABLE AS, SELECT INTO or CREATE MATERIALIZED VIEW. PostgreSQL
    /// raises no event triggers for it.
    pub fn explained(self) -> Option<Self> {
        let explain = self.cast::<pg_sys::ExplainStmt>(pg_sys::NodeTag::T_ExplainStmt)?;
        // SAFETY: the node tags say which types these are; options are DefElem nodes, of which the last one counts.
        unsafe {
            let analyze = pointers::<pg_sys::DefElem>((*explain).options)
                .into_iter()
                .rfind(|&option| text::bytes((*option).defname) == b"analyze")?;
            let query = cast::<pg_sys::Query>((*explain).query, pg_sys::NodeTag::T_Query)?;
            let inner = ParseTree((*query).utilityStmt);
            (inner.is(pg_sys::NodeTag::T_CreateTableAsStmt) && pg_sys::defGetBoolean(analyze))
                .then_some(inner)
        }
    }

    /// The extension whose script a CREATE EXTENSION or ALTER EXTENSION .. UPDATE runs.
    pub fn extension_with_script(self) -> Option<String> {
        // SAFETY: the node tag says which type this is.
        unsafe {
            if self.is(pg_sys::NodeTag::T_CreateExtensionStmt) {
                text::string((*(self.0 as *mut pg_sys::CreateExtensionStmt)).extname)
            } else if self.is(pg_sys::NodeTag::T_AlterExtensionStmt) {
                text::string((*(self.0 as *mut pg_sys::AlterExtensionStmt)).extname)
            } else {
                None
            }
        }
    }

    /// Whether the statement creates a table and fills it.
    pub fn is_create_table_as(self) -> bool {
        self.into_clause().is_some()
    }

    /// The table or materialized view that the command has just made from a query, by the rules by which it was made.
    pub fn created_relation(self) -> Option<pg_sys::Oid> {
        let (_, into) = self.filled()?;
        // SAFETY: `into` belongs to the running statement; the lookup takes no lock and only reads catalogs.
        unsafe {
            let rel = (*into).rel;
            let namespace = pg_sys::RangeVarGetCreationNamespace(rel);
            let oid = pg_sys::get_relname_relid((*rel).relname, namespace);
            (oid != pg_sys::InvalidOid).then_some(oid)
        }
    }

    /// Temporary objects among several named by a DROP, GRANT or REVOKE; looked up before the command runs.
    /// `None` for all other statements and where the session has no temporary objects.
    pub fn temporary_items(self) -> Option<TemporaryItems> {
        if !session_has_temporary_schema() {
            return None;
        }
        // SAFETY: the node tags say which types these are.
        let (objects, kind, is_grant) = unsafe {
            if self.is(pg_sys::NodeTag::T_DropStmt) {
                let drop = self.0 as *mut pg_sys::DropStmt;
                ((*drop).objects, (*drop).removeType, false)
            } else if self.is(pg_sys::NodeTag::T_GrantStmt) {
                let grant = self.0 as *mut pg_sys::GrantStmt;
                if (*grant).targtype != pg_sys::GrantTargetType::ACL_TARGET_OBJECT {
                    return None;
                }
                ((*grant).objects, (*grant).objtype, true)
            } else {
                return None;
            }
        };
        // SAFETY: both are lists of nodes.
        let items: Vec<*mut pg_sys::Node> = unsafe { pointers(objects) };
        if items.len() < 2 {
            return None;
        }
        let temporary: Vec<usize> = (0..items.len())
            // SAFETY: each item is a node of the running statement.
            .filter(|&i| unsafe { names_temporary_object(items[i], kind) })
            .collect();
        (!temporary.is_empty()).then_some(TemporaryItems {
            total: items.len(),
            temporary,
            is_grant,
        })
    }
}

/// Whether a statement makes a temporary table.
///
/// # Safety
/// A valid statement.
pub(in crate::pg) unsafe fn makes_temporary(statement: *mut pg_sys::Node) -> bool {
    // SAFETY: the node tag says which type this is; a range variable is there.
    unsafe {
        let table = match (*statement).type_ {
            pg_sys::NodeTag::T_CreateStmt => (*(statement as *mut pg_sys::CreateStmt)).relation,
            pg_sys::NodeTag::T_CreateTableAsStmt => {
                (*(*(statement as *mut pg_sys::CreateTableAsStmt)).into).rel
            }
            _ => return false,
        };
        (*table).relpersistence as u8 == pg_sys::RELPERSISTENCE_TEMP
    }
}

/// # Safety
/// `item` is an element of the object list of a DROP, GRANT or REVOKE of objects of type `kind`.
unsafe fn names_temporary_object(item: *mut pg_sys::Node, kind: pg_sys::ObjectType::Type) -> bool {
    use pg_sys::ObjectType::*;
    // SAFETY: node tags are checked before each cast; lookups only read catalogs and take no lock.
    unsafe {
        let relation = matches!(
            kind,
            OBJECT_TABLE
                | OBJECT_SEQUENCE
                | OBJECT_VIEW
                | OBJECT_MATVIEW
                | OBJECT_INDEX
                | OBJECT_FOREIGN_TABLE
        );
        match (*item).type_ {
            pg_sys::NodeTag::T_RangeVar => is_temporary_relation(item as *mut pg_sys::RangeVar),
            pg_sys::NodeTag::T_TypeName => {
                let oid = pg_sys::LookupTypeNameOid(core::ptr::null_mut(), item as *mut _, true);
                temporary_need::is_temporary(pg_sys::TypeRelationId, oid)
            }
            pg_sys::NodeTag::T_ObjectWithArgs => {
                names_temporary_schema((*(item as *mut pg_sys::ObjectWithArgs)).objname)
            }
            pg_sys::NodeTag::T_List if relation => {
                is_temporary_relation(pg_sys::makeRangeVarFromNameList(item as *mut pg_sys::List))
            }
            pg_sys::NodeTag::T_List => names_temporary_schema(item as *mut pg_sys::List),
            _ => false,
        }
    }
}

/// # Safety
/// `rel` is a valid RangeVar.
unsafe fn is_temporary_relation(rel: *mut pg_sys::RangeVar) -> bool {
    // SAFETY: the caller's promise.
    let oid = unsafe { find_relation(rel) };
    temporary_need::is_temporary(pg_sys::RelationRelationId, oid)
}

/// The temporary relation of a name, if it is one. Raises no error, like [`find_quietly`].
///
/// # Safety
/// `rel` is a valid RangeVar.
pub(in crate::pg) unsafe fn temporary_relation(rel: *mut pg_sys::RangeVar) -> Option<pg_sys::Oid> {
    // SAFETY: the caller's promise.
    unsafe {
        let schema = (*rel).schemaname;
        let oid = if !schema.is_null() && text::bytes(schema) == b"pg_temp" {
            pg_sys::get_relname_relid((*rel).relname, temporary_schema()?)
        } else {
            find_quietly(rel)
        };
        temporary_need::is_temporary(pg_sys::RelationRelationId, oid).then_some(oid)
    }
}

/// The relation of a name, by the search_path in force; InvalidOid when there is none.
///
/// # Safety
/// `rel` is a valid RangeVar.
pub(in crate::pg) unsafe fn find_relation(rel: *mut pg_sys::RangeVar) -> pg_sys::Oid {
    // SAFETY: the caller's promise; no lock, missing relations are allowed.
    unsafe {
        pg_sys::RangeVarGetRelidExtended(
            rel,
            pg_sys::NoLock as pg_sys::LOCKMODE,
            pg_sys::RVROption::RVR_MISSING_OK,
            None,
            core::ptr::null_mut(),
        )
    }
}

/// The same without any error, such as that of a missing right, which is for the command itself to raise. Does not know
/// `pg_temp` as a schema; an unqualified name may be a temporary relation's.
///
/// # Safety
/// `rel` is a valid RangeVar.
pub(in crate::pg) unsafe fn find_quietly(rel: *mut pg_sys::RangeVar) -> pg_sys::Oid {
    // SAFETY: the caller's promise; syscache look-ups, InvalidOid when missing.
    unsafe {
        if (*rel).schemaname.is_null() {
            return pg_sys::RelnameGetRelid((*rel).relname);
        }
        let namespace = pg_sys::get_namespace_oid((*rel).schemaname, true);
        if namespace == pg_sys::InvalidOid {
            return namespace;
        }
        pg_sys::get_relname_relid((*rel).relname, namespace)
    }
}

/// # Safety
/// `names` is a list of String nodes.
unsafe fn names_temporary_schema(names: *mut pg_sys::List) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        let parts: Vec<*mut pg_sys::Node> = pointers(names);
        parts.len() > 1 && list::string(parts[0]).starts_with(b"pg_temp")
    }
}
