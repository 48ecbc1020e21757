//! Indexes that no row tells of: what CREATE INDEX CONCURRENTLY and REINDEX CONCURRENTLY leave when they fail. That they exist is
//! committed, though their command was not; other servers do not have them until they become valid.
//!
//! Such an index is marked in the transaction that makes it ([`Mark`]), and the mark is removed with the row that tells of it. A
//! REINDEX CONCURRENTLY swaps the marks of the two indexes with their names (index.c: index_concurrently_swap), an interrupted DROP
//! INDEX CONCURRENTLY leaves one without a mark: other servers have that. What was invalid before is marked with CREATE EXTENSION.
//! Not promised: the mark of what a REINDEX CONCURRENTLY leaves, before 17, in a session that has not loaded the library.

use crate::pg::catalog::deparse;
use crate::pg::catalog::dependency::Mark;
use crate::pg::catalog::inheritance::parent_of_index;
use crate::pg::catalog::lookup::{self, Address};
use crate::pg::catalog::own::{self, Remembered};
use crate::pg::command::node::{self, ParseTree};
use crate::pg::runtime::{list, scan, setting, syscache, text};
use crate::pg::store::table::capture_table;
use pgrx::pg_sys::{self, Oid};
use statement::create_index_if_not_exists;
use std::time::Duration;

/// What such an index depends on.
const UNTOLD: Mark = Mark(pg_sys::F_PG_INDEX_HAS_PROPERTY);

/// An index that no row tells of, as a command finds it when it begins.
#[derive(Clone, Debug)]
pub struct Untold {
    oid: Oid,
    /// Part of a partitioned table's index already.
    is_partition: bool,
}

/// Whether this is an index that is not valid. Those of partitioned tables are so until all partitions have one.
pub fn is_invalid(index: Address) -> bool {
    index.is_relation() && is_index(index.object) && validity(index.object) == Some(false)
}

fn is_index(oid: Oid) -> bool {
    // SAFETY: a syscache look-up; 0 for what is no relation.
    unsafe { pg_sys::get_rel_relkind(oid) as u8 == pg_sys::RELKIND_INDEX }
}

/// `None` for what is no index.
fn validity(index: Oid) -> Option<bool> {
    // SAFETY: INDEXRELID holds rows of pg_index.
    unsafe {
        syscache::with_cached(
            pg_sys::SysCacheIdentifier::INDEXRELID,
            index,
            |row: &pg_sys::FormData_pg_index| row.indisvalid,
        )
    }
}

thread_local! {
    /// There was none.
    static NONE: Remembered<()> = const { Remembered::nothing() };
}

/// A concurrent build has begun to make an index, or its row has told that it is gone. Sessions that remember that there is none hear of
/// it as of a change of the capture table.
pub fn note_untold(index: Oid) {
    UNTOLD.set(index);
    NONE.with(Remembered::forget);
    let table = capture_table();
    if table != pg_sys::InvalidOid {
        // SAFETY: inside a transaction; the relation was just found.
        unsafe { pg_sys::CacheInvalidateRelcacheByRelid(table) };
    }
}

/// Whether it is remembered that there is none.
fn is_none_left() -> bool {
    NONE.with(Remembered::get).is_some()
}

/// A row tells of the index.
pub fn is_told(index: Oid) {
    if !is_none_left() {
        UNTOLD.remove(index);
    }
}

/// Whether no row tells of an index, at this moment.
pub fn is_untold(index: Oid) -> bool {
    !is_none_left() && UNTOLD.is_on(index)
}

/// All that no row tells of. That there is none is remembered as long as nothing of the extension's has changed.
pub fn untold() -> Vec<Untold> {
    let is_there = capture_table() != pg_sys::InvalidOid;
    if is_there && is_none_left() {
        return Vec::new();
    }
    // Before the look-up, which may bring an announcement.
    let at = own::changes();
    let untold = |oid| Untold {
        oid,
        is_partition: parent_of_index(oid).is_some(),
    };
    let found: Vec<Untold> = UNTOLD.relations().into_iter().map(untold).collect();
    if is_there && found.is_empty() {
        NONE.with(|none| none.set(at, ()));
    }
    found
}

impl Untold {
    pub fn is(&self, index: Oid) -> bool {
        self.oid == index
    }

    pub fn oid(&self) -> Oid {
        self.oid
    }

    /// Whether the running transaction has made it part of a partitioned table's index since. (That writes its row of pg_class:
    /// indexcmds.c, IndexSetParentIndex. What another session has attached meanwhile is not this command's to tell of.)
    pub fn is_attached_since(&self) -> bool {
        !self.is_partition
            && parent_of_index(self.oid).is_some()
            && is_written_here(pg_sys::SysCacheIdentifier::RELOID, self.oid)
    }

    pub fn is_valid(&self) -> bool {
        validity(self.oid) == Some(true)
    }

    /// Whether the running transaction has made it valid.
    pub fn is_made_valid_here(&self) -> bool {
        self.is_valid() && changed_by_this_transaction(self.oid) && is_untold(self.oid)
    }

    /// The index, if it is valid now and still untold, under locks that keep it so until the end of the transaction. Who has a lock
    /// on it, or on its table, that is in the way changes or tells of it himself: nobody waits for him.
    pub fn valid_and_locked(&self) -> Option<Oid> {
        if !self.is_valid() {
            return None;
        }
        let locks = [
            (table_of(self.oid)?, pg_sys::AccessShareLock),
            (self.oid, pg_sys::ShareUpdateExclusiveLock),
        ];
        for (relation, lock) in locks {
            // SAFETY: takes any OID; the lock goes with the transaction.
            if !unsafe { pg_sys::ConditionalLockRelationOid(relation, lock as pg_sys::LOCKMODE) } {
                return None;
            }
        }
        (self.is_valid() && is_untold(self.oid)).then_some(self.oid)
    }
}

/// An index that a command has dropped.
pub struct DroppedIndex {
    pub name: String,
    /// No row tells of it.
    pub is_untold: bool,
}

/// Whether the running transaction has written the row of an index in pg_index.
fn changed_by_this_transaction(index: Oid) -> bool {
    is_written_here(pg_sys::SysCacheIdentifier::INDEXRELID, index)
}

/// Whether the running transaction has written the row of an object in this cache.
fn is_written_here(cache: pg_sys::SysCacheIdentifier::Type, object: Oid) -> bool {
    // SAFETY: the two caches that this is asked of have an OID as their only key; takes any number of a transaction.
    unsafe {
        syscache::inserted_by(cache, object)
            .is_some_and(|by| pg_sys::TransactionIdIsCurrentTransactionId(by))
    }
}

/// The table, or the index's table, that a statement about a single one names; `None` for all others. To be asked before it runs.
pub fn named_table(tree: ParseTree) -> Option<Oid> {
    let node = tree.node();
    if node.is_null() {
        return None;
    }
    // SAFETY: a parse tree is valid while its command runs; the node tag says which type it is.
    let relation = unsafe {
        match (*node).type_ {
            pg_sys::NodeTag::T_IndexStmt => (*(node as *mut pg_sys::IndexStmt)).relation,
            pg_sys::NodeTag::T_ReindexStmt => (*(node as *mut pg_sys::ReindexStmt)).relation,
            pg_sys::NodeTag::T_AlterTableStmt => (*(node as *mut pg_sys::AlterTableStmt)).relation,
            pg_sys::NodeTag::T_AlterObjectSchemaStmt => {
                (*(node as *mut pg_sys::AlterObjectSchemaStmt)).relation
            }
            pg_sys::NodeTag::T_RenameStmt => (*(node as *mut pg_sys::RenameStmt)).relation,
            pg_sys::NodeTag::T_RefreshMatViewStmt => {
                (*(node as *mut pg_sys::RefreshMatViewStmt)).relation
            }
            pg_sys::NodeTag::T_CommentStmt => {
                let name = (*(node as *mut pg_sys::CommentStmt)).object;
                pg_sys::makeRangeVarFromNameList(name as *mut pg_sys::List)
            }
            _ => core::ptr::null_mut(),
        }
    };
    if relation.is_null() {
        return None;
    }
    // SAFETY: a valid RangeVar; raises no error.
    let found = unsafe { node::find_quietly(relation) };
    (found != pg_sys::InvalidOid).then(|| table_of(found).unwrap_or(found))
}

/// Whether a statement may make an untold index valid, or is about one; by node tags alone.
pub fn may_concern(tree: ParseTree) -> bool {
    let node = tree.node();
    if node.is_null() {
        return false;
    }
    // SAFETY: a parse tree is valid while its command runs; the node tag says which type it is.
    unsafe {
        match (*node).type_ {
            pg_sys::NodeTag::T_IndexStmt
            | pg_sys::NodeTag::T_ReindexStmt
            | pg_sys::NodeTag::T_AlterTableStmt
            | pg_sys::NodeTag::T_AlterTableMoveAllStmt
            | pg_sys::NodeTag::T_AlterObjectSchemaStmt
            | pg_sys::NodeTag::T_AlterExtensionStmt
            | pg_sys::NodeTag::T_RenameStmt
            | pg_sys::NodeTag::T_RefreshMatViewStmt => true,
            pg_sys::NodeTag::T_CommentStmt => {
                (*(node as *mut pg_sys::CommentStmt)).objtype == pg_sys::ObjectType::OBJECT_INDEX
            }
            pg_sys::NodeTag::T_CreateStmt => !likes_of_indexes(node.cast()).is_empty(),
            _ => is_drop(tree) || rebuilds(tree),
        }
    }
}

/// Whether a statement for which PostgreSQL raises no event triggers may build indexes anew: TRUNCATE, VACUUM FULL, CLUSTER,
/// REPACK, before 17 REINDEX.
pub fn rebuilds(tree: ParseTree) -> bool {
    let node = tree.node();
    if node.is_null() {
        return false;
    }
    // SAFETY: a parse tree is valid while its command runs; the node tag says which type it is; options are DefElem nodes.
    unsafe {
        match (*node).type_ {
            #[cfg(not(any(feature = "pg17", feature = "pg18", feature = "pg19")))]
            pg_sys::NodeTag::T_ReindexStmt => true,
            pg_sys::NodeTag::T_TruncateStmt => true,
            #[cfg(not(feature = "pg19"))]
            pg_sys::NodeTag::T_ClusterStmt => true,
            #[cfg(feature = "pg19")]
            pg_sys::NodeTag::T_RepackStmt => true,
            pg_sys::NodeTag::T_VacuumStmt => {
                list::pointers::<pg_sys::DefElem>((*(node as *mut pg_sys::VacuumStmt)).options)
                    .into_iter()
                    .any(|option| text::bytes((*option).defname) == b"full")
            }
            _ => false,
        }
    }
}

/// Whether a statement may go through many tables, and commit for each.
pub fn goes_through_tables(tree: ParseTree) -> bool {
    rebuilds(tree) || tree.is(pg_sys::NodeTag::T_ReindexStmt)
}

/// Whether what a statement builds is committed before its end. To be asked before it runs. Indexes of temporary tables never are
/// (indexcmds.c: DefineIndex).
pub fn builds_concurrently(tree: ParseTree) -> bool {
    let creates = tree.cast::<pg_sys::IndexStmt>(pg_sys::NodeTag::T_IndexStmt);
    // SAFETY: as above. A REINDEX makes indexes only if it is CONCURRENTLY.
    creates.is_some_and(|creates| unsafe {
        (*creates).concurrent && node::temporary_relation((*creates).relation).is_none()
    }) || tree.is(pg_sys::NodeTag::T_ReindexStmt)
}

/// The LIKE clauses of a CREATE TABLE that take indexes, in order.
///
/// # Safety
/// A valid CREATE TABLE.
unsafe fn likes_of_indexes(create: *mut pg_sys::CreateStmt) -> Vec<*mut pg_sys::TableLikeClause> {
    // SAFETY: the caller's promise; the node tags say which type each is.
    unsafe {
        list::pointers::<pg_sys::Node>((*create).tableElts)
            .into_iter()
            .filter_map(|element| node::cast(element, pg_sys::NodeTag::T_TableLikeClause))
            .filter(|&like: &*mut pg_sys::TableLikeClause| {
                (*like).options & pg_sys::TableLikeOption::CREATE_TABLE_LIKE_INDEXES != 0
            })
            .collect()
    }
}

/// The tables of which a CREATE TABLE takes the indexes by LIKE. To be asked before it runs.
pub fn tables_in_likes(tree: ParseTree) -> Vec<Oid> {
    let Some(create) = tree.cast(pg_sys::NodeTag::T_CreateStmt) else {
        return Vec::new();
    };
    // SAFETY: a parse tree is valid while its command runs; the node tag says which type it is.
    unsafe {
        likes_of_indexes(create)
            .into_iter()
            .map(|like| node::find_quietly((*like).relation))
            .filter(|&table| table != pg_sys::InvalidOid)
            .collect()
    }
}

/// The indexes of a table, but those that are being dropped.
pub fn indexes_of(table: Oid) -> Vec<Oid> {
    let mut indexes = Vec::new();
    // SAFETY: the index begins with this column; each row is one of pg_index.
    unsafe {
        scan::each_row(
            pg_sys::IndexRelationId,
            pg_sys::IndexIndrelidIndexId,
            &[(pg_sys::Anum_pg_index_indrelid, table)],
            |row, _| {
                let form = &*(pg_sys::GETSTRUCT(row) as pg_sys::Form_pg_index);
                if form.indislive {
                    indexes.push(form.indexrelid);
                }
            },
        );
    }
    indexes
}

/// The table of an index.
pub fn table_of(index: Oid) -> Option<Oid> {
    // SAFETY: a syscache look-up; InvalidOid when it is gone.
    let table = unsafe { pg_sys::IndexGetRelation(index, true) };
    (table != pg_sys::InvalidOid).then_some(table)
}

/// The same of an index that the running command has just made, and nobody sees yet.
pub fn table_of_new(index: Oid) -> Option<Oid> {
    let mut table = None;
    // SAFETY: what the running command has written is visible to SnapshotSelf alone; the index begins with this column; each row
    // is one of pg_index.
    unsafe {
        scan::each_row_of(
            &raw mut pg_sys::SnapshotSelfData,
            pg_sys::IndexRelationId,
            pg_sys::IndexRelidIndexId,
            &[(pg_sys::Anum_pg_index_indexrelid, index)],
            |row, _| {
                table = Some((*(pg_sys::GETSTRUCT(row) as pg_sys::Form_pg_index)).indrelid);
            },
        );
    }
    table
}

/// The index that a DROP INDEX CONCURRENTLY names; to be asked before it runs.
pub fn dropped_concurrently(tree: ParseTree) -> Option<Oid> {
    let drop = tree.cast::<pg_sys::DropStmt>(pg_sys::NodeTag::T_DropStmt)?;
    // SAFETY: as above.
    let is_concurrent = unsafe { (*drop).concurrent };
    let indexes = is_concurrent.then(|| tree.indexes_to_drop())?;
    indexes.first().copied()
}

/// Whether the running transaction has made it so that nothing reads or writes an index any more, of which a row has told.
pub fn has_died_here(index: Oid) -> bool {
    // SAFETY: INDEXRELID holds rows of pg_index.
    let is_live = unsafe {
        syscache::with_cached(
            pg_sys::SysCacheIdentifier::INDEXRELID,
            index,
            |row: &pg_sys::FormData_pg_index| row.indislive,
        )
    };
    is_live == Some(false) && changed_by_this_transaction(index) && !is_untold(index)
}

/// Whether a statement is a DROP INDEX.
pub fn is_drop(tree: ParseTree) -> bool {
    tree.cast::<pg_sys::DropStmt>(pg_sys::NodeTag::T_DropStmt)
        // SAFETY: as above.
        .is_some_and(|drop| unsafe { (*drop).removeType == pg_sys::ObjectType::OBJECT_INDEX })
}

/// Whether a statement is a DROP INDEX that names an invalid one; to be asked before it runs.
pub fn drops_invalid(tree: ParseTree) -> bool {
    tree.indexes_to_drop()
        .into_iter()
        .any(|index| is_invalid(Address::relation(index)))
}

/// The index of this name among those that a command has made.
pub fn named<'a>(made: &'a [Oid], name: &'a str) -> Option<Oid> {
    made.iter().copied().find(|&index| {
        validity(index) == Some(true) && lookup::relation_name(index).as_deref() == Some(name)
    })
}

/// The index that a REINDEX INDEX names; to be asked before it runs.
pub fn reindexed_alone(tree: ParseTree) -> Option<Oid> {
    let reindex = tree.cast::<pg_sys::ReindexStmt>(pg_sys::NodeTag::T_ReindexStmt)?;
    // SAFETY: a parse tree is valid while its command runs; the node tag says which type it is.
    unsafe {
        ((*reindex).kind == pg_sys::ReindexObjectType::REINDEX_OBJECT_INDEX)
            .then(|| node::find_quietly((*reindex).relation))
    }
}

/// The CREATE INDEX of an index, with its tablespace where it has one of its own.
fn definition(index: Oid) -> Option<String> {
    // SAFETY: reads catalogs; an index that is there, as the caller has just found it.
    setting::under_own_path(|| unsafe { text::string(pg_sys::pg_get_indexdef_string(index)) })
}

/// The statement that tells of an index ([`crate::capture::repaired`]); `None` for what is none.
pub fn definition_if_not_exists(index: Oid) -> Option<String> {
    validity(index)?;
    create_index_if_not_exists(&definition(index)?)
}

/// The CREATE INDEX without the name, with the constraint that the index is for; the same on each server for the same index of
/// the same table.
pub fn definition_without_name(index: Oid) -> Option<String> {
    let name = text::quote_identifier(&lookup::relation_name(index)?);
    // SAFETY: the functions, of an OID each, read catalogs and return a text.
    let (definition, constraint) = unsafe {
        let definition = deparse::text(pg_sys::pg_get_indexdef, [pg_sys::Datum::from(index)])?;
        let constraint = Some(pg_sys::get_index_constraint(index))
            .filter(|&oid| oid != pg_sys::InvalidOid)
            .and_then(|oid| {
                deparse::text(pg_sys::pg_get_constraintdef, [pg_sys::Datum::from(oid)])
            });
        (definition, constraint)
    };
    let mut definition = definition.replace(&format!("{name} ON "), "ON ");
    if let Some(constraint) = constraint {
        definition.push_str(CONSTRAINT);
        definition.push_str(&constraint);
    }
    Some(definition)
}

/// Between an index and its constraint; `src/read/script/mod.rs` says the same.
const CONSTRAINT: &str = " CONSTRAINT ";

/// An index has been built concurrently, and its row is about to be written: who alters it, or its comment, is done with that
/// before, or waits for the end of the transaction. Whoever takes longer than a second is not waited for.
pub fn settle(index: Oid) {
    const TRIES: u32 = 100;
    const PAUSE: Duration = Duration::from_millis(10);
    let lock = pg_sys::ShareUpdateExclusiveLock as pg_sys::LOCKMODE;
    for _ in 0..TRIES {
        // SAFETY: a lock by OID; nobody can drop the index while its table is locked.
        if unsafe { pg_sys::ConditionalLockRelationOid(index, lock) } {
            return;
        }
        // Not in the lock's queue, where it could be part of a deadlock.
        pgrx::check_for_interrupts!();
        std::thread::sleep(PAUSE);
    }
}

/// Whether another session has altered an index, but for its comment, while it was built concurrently: the row of pg_class is
/// no longer that of the transaction which made the index and its mark. (The build itself changes that row in place: index.c,
/// index_update_stats.)
pub fn is_altered_while_built(index: Oid) -> bool {
    if is_none_left() {
        return false;
    }
    let Some(made) = UNTOLD.set_by(index) else {
        return false;
    };
    // SAFETY: RELOID has an OID as its only key.
    unsafe { syscache::inserted_by(pg_sys::SysCacheIdentifier::RELOID, index) }
        .is_some_and(|last| last != made)
}

/// What it says of itself: the same for an index and its copy on another table.
pub fn definition_alone(index: Oid) -> Option<String> {
    let table = lookup::qualified_relation_name(table_of(index)?)?;
    Some(definition_without_name(index)?.replace(&format!(" {table} USING "), " USING "))
}

/// Whether an index is that of a constraint.
pub fn is_of_constraint(index: Oid) -> bool {
    // SAFETY: reads a catalog.
    unsafe { pg_sys::get_index_constraint(index) != pg_sys::InvalidOid }
}

/// Drops an index that the running transaction has made, unless a constraint has it.
pub fn drop_again(index: Oid) {
    let object = pg_sys::ObjectAddress {
        classId: pg_sys::RelationRelationId,
        objectId: index,
        objectSubId: 0,
    };
    if is_of_constraint(index) {
        return;
    }
    // SAFETY: an ordinary deletion (dependency.c), of what nobody else knows of.
    unsafe {
        pg_sys::performDeletion(&object, pg_sys::DropBehavior::DROP_RESTRICT, 0);
        pg_sys::CommandCounterIncrement();
    }
}

/// The comment of an index.
pub fn comment(index: Oid) -> Option<String> {
    // SAFETY: reads a catalog; a fresh string, or NULL.
    unsafe { text::string(pg_sys::GetComment(index, pg_sys::RelationRelationId, 0)) }
}
