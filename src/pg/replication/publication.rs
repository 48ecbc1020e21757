//! Publication membership of a table that the running command has just made or made permanent, and which publications send a table.
//!
//! Written straight into the catalogs, as `PublicationAddTables` (publicationcmds.c) does: the user needs no right on the
//! publication, no nested DDL is raised, and it also works while the table is still in use by the CREATE TABLE AS that
//! fills it.

use crate::pg::catalog::dependency;
use crate::pg::catalog::inheritance::{with_ancestors, with_partitions};
use crate::pg::catalog::role::Role;
use crate::pg::runtime::list::oids;
use crate::pg::runtime::{scan, syscache, text};
use crate::pg::store::table;
use core::cell::RefCell;
use pgrx::pg_sys::{self, Datum};
use std::collections::BTreeMap;
use std::rc::Rc;

/// So many publications of others than those that new tables may join are named in a row, the oldest: anybody with CREATE on
/// the database can make any number of them.
const OTHERS_NAMED: usize = 100;

/// Part of a publication's lock tag that PostgreSQL itself never locks: it stands for tables that join it.
const JOINING: u16 = 1;

thread_local! {
    /// The publications of this database. Empty until first asked for, and after each change of one, or of who may be trusted.
    static KNOWN: RefCell<Option<Rc<Known>>> = const { RefCell::new(None) };
}

/// A publication that new tables may join.
#[derive(Clone)]
pub struct Publication {
    oid: pg_sys::Oid,
    owner: pg_sys::Oid,
    pub name: Vec<u8>,
}

/// What must be known of all publications; but for one name in a row of the catalog, of bounded size whatever strangers make.
struct Known {
    /// FOR ALL TABLES, in order; only superusers can make these.
    all_tables: Vec<pg_sys::Oid>,
    /// There are others.
    some: bool,
    /// Those that new tables may join by their name: owned by a superuser or the owner of the extension, and not FOR ALL TABLES.
    joinable: Vec<Publication>,
    /// Names of all publications, as far as they are told.
    names: Vec<String>,
}

impl Known {
    fn is_empty(&self) -> bool {
        self.all_tables.is_empty() && !self.some
    }
}

/// Whether a table is there and publications can send it: an ordinary or partitioned one that is neither temporary nor
/// unlogged. Needs no lock: SET SCHEMA of a partitioned table, for one, holds none on the partitions.
pub fn is_publishable(table: pg_sys::Oid) -> bool {
    // SAFETY: RELOID holds rows of pg_class.
    unsafe {
        syscache::with_cached(
            pg_sys::SysCacheIdentifier::RELOID,
            table,
            |c: &pg_sys::FormData_pg_class| {
                let kind = c.relkind as u8;
                (kind == pg_sys::RELKIND_RELATION || kind == pg_sys::RELKIND_PARTITIONED_TABLE)
                    && c.relpersistence as u8 == pg_sys::RELPERSISTENCE_PERMANENT
            },
        )
    }
    .unwrap_or(false)
}

fn known() -> Rc<Known> {
    if let Some(known) = KNOWN.with_borrow(Clone::clone) {
        return known;
    }
    let read = Rc::new(read());
    KNOWN.set(Some(read.clone()));
    read
}

/// Whether this database has publications.
pub fn exist() -> bool {
    !known().is_empty()
}

/// The names of the publications of this database: all of those whose owner is trusted, and the oldest of others.
pub fn all_names() -> Vec<String> {
    known().names.clone()
}

/// The publications whose name begins with `prefix`, of those that new tables may join.
pub fn with_prefix(prefix: &[u8]) -> Vec<Publication> {
    let known = known();
    let named = |publication: &&Publication| publication.name.starts_with(prefix);
    known.joinable.iter().filter(named).cloned().collect()
}

/// The names of the publications that send a table, by themselves or because they send what it is a partition of.
/// The table is publishable.
pub fn sending(table: pg_sys::Oid) -> Vec<String> {
    let known = known();
    if known.is_empty() {
        return Vec::new();
    }
    names(senders(
        &known.all_tables,
        known.some,
        &with_ancestors(table),
        namespace,
    ))
}

/// Whether a publication sends a table.
pub fn sends(publication: pg_sys::Oid, table: pg_sys::Oid) -> bool {
    let all = is_for_all_tables(publication).then_some(publication);
    let chain = with_ancestors(table);
    senders(all.as_slice(), all.is_none(), &chain, namespace).contains(&publication)
}

/// Whether a publication sends tables that it does not name.
pub fn sends_unnamed_tables(publication: pg_sys::Oid) -> bool {
    is_for_all_tables(publication) || !schemas(publication).is_empty()
}

fn is_for_all_tables(publication: pg_sys::Oid) -> bool {
    // SAFETY: PUBLICATIONOID holds rows of pg_publication.
    unsafe {
        syscache::with_cached(
            pg_sys::SysCacheIdentifier::PUBLICATIONOID,
            publication,
            |p: &pg_sys::FormData_pg_publication| p.puballtables,
        )
    }
    .unwrap_or(false)
}

/// The publications that send any new table: those FOR ALL TABLES, then those FOR TABLES IN SCHEMA by schema.
pub fn sending_new_tables() -> (Vec<String>, BTreeMap<String, Vec<String>>) {
    let all = names(known().all_tables.clone());
    let mut by_schema = BTreeMap::<String, Vec<String>>::new();
    for (publication, schema) in in_schemas() {
        // SAFETY: a syscache look-up; NULL for a schema that is gone.
        if let Some(schema) = unsafe { text::string(pg_sys::get_namespace_name(schema)) } {
            let names = names(vec![publication]);
            by_schema.entry(schema).or_default().extend(names);
        }
    }
    (all, by_schema)
}

/// Publications FOR TABLES IN SCHEMA (15 and later), each with a schema, in order; only superusers can make these.
fn in_schemas() -> Vec<(pg_sys::Oid, pg_sys::Oid)> {
    #[cfg(any(feature = "pg13", feature = "pg14"))]
    return Vec::new();
    #[cfg(not(any(feature = "pg13", feature = "pg14")))]
    {
        let mut found = Vec::new();
        // SAFETY: each row is one of pg_publication_namespace.
        unsafe {
            scan::each_row(pg_sys::PublicationNamespaceRelationId, 0, &[], |row, _| {
                let form = &*(pg_sys::GETSTRUCT(row) as pg_sys::Form_pg_publication_namespace);
                found.push((form.pnpubid, form.pnnspid));
            });
        }
        found.sort_by_key(|(publication, _)| publication.to_u32());
        found
    }
}

/// The schemas of a publication FOR TABLES IN SCHEMA (15 and later).
fn schemas(publication: pg_sys::Oid) -> Vec<pg_sys::Oid> {
    #[cfg(any(feature = "pg13", feature = "pg14"))]
    let (_, found) = (publication, Vec::new());
    // SAFETY: reads pg_publication_namespace; the list holds OIDs.
    #[cfg(not(any(feature = "pg13", feature = "pg14")))]
    let found = unsafe { oids(pg_sys::GetPublicationSchemas(publication)) };
    found
}

/// What a table was before the running command.
#[derive(Clone, Copy)]
pub enum Before {
    /// No partition, but now it is.
    NoPartition,
    /// In another schema, this one.
    InSchema(pg_sys::Oid),
}

/// The tables that publications send which did not send them before: the table itself and its partitions, each with the
/// names of these publications.
pub fn newly_sending(table: pg_sys::Oid, before: Before) -> Vec<(pg_sys::Oid, Vec<String>)> {
    let known = known();
    if known.is_empty() {
        return Vec::new();
    }
    let senders = |chain: &[pg_sys::Oid], namespace: &dyn Fn(pg_sys::Oid) -> pg_sys::Oid| {
        senders(&known.all_tables, known.some, chain, namespace)
    };
    with_partitions(table)
        .into_iter()
        .filter(|&part| is_publishable(part))
        .filter_map(|part| {
            let chain = with_ancestors(part);
            let then = match before {
                Before::NoPartition => {
                    let own = chain.iter().position(|&of| of == table);
                    let own = &chain[..own.map_or(chain.len(), |last| last + 1)];
                    senders(own, &namespace)
                }
                Before::InSchema(schema) => senders(&chain, &|of| {
                    if of == table { schema } else { namespace(of) }
                }),
            };
            let mut new = senders(&chain, &namespace);
            new.retain(|publication| !then.contains(publication));
            (!new.is_empty()).then(|| (part, names(new)))
        })
        .collect()
}

/// The names of publications, the oldest first, each once.
fn names(mut publications: Vec<pg_sys::Oid>) -> Vec<String> {
    publications.sort_by_key(|publication| publication.to_u32());
    publications.dedup();
    publications
        .into_iter()
        // SAFETY: a syscache look-up; NULL when missing.
        .filter_map(|oid| unsafe { text::string(pg_sys::get_publication_name(oid, true)) })
        .collect()
}

fn namespace(relation: pg_sys::Oid) -> pg_sys::Oid {
    // SAFETY: a syscache look-up; InvalidOid when missing.
    unsafe { pg_sys::get_rel_namespace(relation) }
}

/// The publications that send the first table of a chain of partitions, as pgoutput decides it (get_rel_sync_entry), whichever
/// table it names as the sender: of those FOR ALL TABLES, which are given, and if there are such, of others. `namespace` tells
/// the schema of each table.
fn senders(
    all_tables: &[pg_sys::Oid],
    some: bool,
    chain: &[pg_sys::Oid],
    namespace: impl Fn(pg_sys::Oid) -> pg_sys::Oid,
) -> Vec<pg_sys::Oid> {
    let mut found = all_tables.to_vec();
    if !found.is_empty()
        && let Some(&root) = chain.last()
    {
        let except = excluding(root);
        found.retain(|publication| !except.contains(publication));
    }
    if some {
        for &relation in chain {
            found.extend(including(relation));
            found.extend(of_schema(namespace(relation)));
        }
    }
    found
}

/// The publications that name a table.
fn including(relation: pg_sys::Oid) -> Vec<pg_sys::Oid> {
    // SAFETY: reads pg_publication_rel through the syscache; the list holds OIDs.
    unsafe {
        #[cfg(feature = "pg19")]
        return oids(pg_sys::GetRelationIncludedPublications(relation));
        #[cfg(not(feature = "pg19"))]
        return oids(pg_sys::GetRelationPublications(relation));
    }
}

/// The publications FOR ALL TABLES that leave a table out, with its partitions (19 and later).
fn excluding(root: pg_sys::Oid) -> Vec<pg_sys::Oid> {
    #[cfg(not(feature = "pg19"))]
    let (_, found) = (root, Vec::new());
    // SAFETY: as above.
    #[cfg(feature = "pg19")]
    let found = unsafe { oids(pg_sys::GetRelationExcludedPublications(root)) };
    found
}

/// The publications FOR TABLES IN SCHEMA of a schema (15 and later).
fn of_schema(schema: pg_sys::Oid) -> Vec<pg_sys::Oid> {
    #[cfg(any(feature = "pg13", feature = "pg14"))]
    let (_, found) = (schema, Vec::new());
    // SAFETY: reads pg_publication_namespace through the syscache; the list holds OIDs.
    #[cfg(not(any(feature = "pg13", feature = "pg14")))]
    let found = unsafe { oids(pg_sys::GetSchemaPublications(schema)) };
    found
}

fn read() -> Known {
    register_invalidation();
    let mut all = Vec::new();
    // SAFETY: each row is one of pg_publication.
    unsafe {
        scan::each_row(pg_sys::PublicationRelationId, 0, &[], |row, _| {
            let form = &*(pg_sys::GETSTRUCT(row) as pg_sys::Form_pg_publication);
            let publication = Publication {
                oid: form.oid,
                owner: form.pubowner,
                name: text::bytes(form.pubname.data.as_ptr()).to_vec(),
            };
            all.push((publication, form.puballtables));
        });
    }
    // One order for all sessions, since they are locked one after the other.
    all.sort_by_key(|(publication, _)| publication.oid.to_u32());
    let mut known = Known {
        all_tables: Vec::new(),
        some: false,
        joinable: Vec::new(),
        names: Vec::new(),
    };
    let (owner, mut trust, mut others) = (owner_of_extension(), BTreeMap::new(), 0);
    for (publication, is_for_all_tables) in all {
        let is_trusted = *trust
            .entry(publication.owner.to_u32())
            .or_insert_with(|| is_trusted(publication.owner, owner));
        if !is_trusted {
            others += 1;
        }
        if is_trusted || others <= OTHERS_NAMED {
            known.names.push(text::decode(&publication.name));
        }
        if is_for_all_tables {
            known.all_tables.push(publication.oid);
        } else {
            known.some = true;
            if is_trusted {
                known.joinable.push(publication);
            }
        }
    }
    known
}

fn owner_of_extension() -> Option<Role> {
    Role::of_extension(table::EXTENSION)
}

/// Whether new tables may join the publications of a role. Anybody with CREATE on the database can make publications with any
/// name, and who owns one can lock it, rename it, and say which of a table's rows it sends and to whom.
fn is_trusted(owner: pg_sys::Oid, owner_of_extension: Option<Role>) -> bool {
    let role = Role::of_oid(owner);
    role.is_superuser() || owner_of_extension == Some(role)
}

fn register_invalidation() {
    static REGISTERED: std::sync::Once = std::sync::Once::new();
    REGISTERED.call_once(|| {
        // Publications; who is a superuser; the owner of the extension, who owns its event triggers as well.
        let caches = [
            pg_sys::SysCacheIdentifier::PUBLICATIONOID,
            pg_sys::SysCacheIdentifier::AUTHOID,
            pg_sys::SysCacheIdentifier::EVENTTRIGGERNAME,
        ];
        // SAFETY: the callback only empties a cache of ours.
        unsafe { syscache::announce(&caches, forget) };
    });
}

/// # Safety
/// Called by PostgreSQL's invalidation machinery only.
unsafe extern "C-unwind" fn forget(_argument: Datum, _cache: syscache::CacheNumber, _hash: u32) {
    KNOWN.with(|cached| {
        if let Ok(mut cached) = cached.try_borrow_mut() {
            *cached = None;
        }
    });
}

/// Whether the publication still is what it was when it was read; it cannot go any more before the transaction ends without
/// taking the table along.
///
/// DROP PUBLICATION takes an exclusive lock (dependency.c: AcquireDeletionLock), and so do RENAME, from 15 on ALTER, and
/// anybody's attempt at one of these: PostgreSQL asks for the lock first and for the right to do it afterwards
/// (objectaddress.c: get_object_address). Such an attempt waits for all who have joined, and all who want to join would wait
/// behind it. Therefore nobody waits for that lock here. Where it cannot be had at once, the one on [`JOINING`] does
/// instead, for which only a DROP PUBLICATION asks that had the right: [`dropped`].
fn pin(publication: &Publication) -> bool {
    let (class, oid) = (pg_sys::PublicationRelationId, publication.oid);
    let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
    // SAFETY: locks on any object; the look-up comes after them.
    unsafe {
        let is_held = lock_if_free(class, oid, lock);
        pg_sys::LockDatabaseObject(class, oid, JOINING, lock);
        let wanted = syscache::with_cached(
            pg_sys::SysCacheIdentifier::PUBLICATIONOID,
            oid,
            |p: &pg_sys::FormData_pg_publication| {
                !p.puballtables
                    && text::bytes(p.pubname.data.as_ptr()) == publication.name
                    && (p.pubowner == publication.owner
                        || is_trusted(p.pubowner, owner_of_extension()))
            },
        )
        .unwrap_or(false);
        if !wanted {
            pg_sys::UnlockDatabaseObject(class, oid, JOINING, lock);
            if is_held {
                pg_sys::UnlockDatabaseObject(class, oid, 0, lock);
            }
        }
        wanted
    }
}

/// A lock on an object, if it can be had at once. What `ConditionalLockDatabaseObject` does, which the older minors of a major do
/// not have (lmgr.c). Who wants to see what has changed takes another lock after it, or accepts the messages himself.
///
/// # Safety
/// Inside a transaction.
unsafe fn lock_if_free(class: pg_sys::Oid, oid: pg_sys::Oid, lock: pg_sys::LOCKMODE) -> bool {
    let tag = pg_sys::LOCKTAG {
        // SAFETY: set when the session has chosen its database.
        locktag_field1: unsafe { pg_sys::MyDatabaseId }.to_u32(),
        locktag_field2: class.to_u32(),
        locktag_field3: oid.to_u32(),
        locktag_field4: 0,
        locktag_type: pg_sys::LockTagType::LOCKTAG_OBJECT as u8,
        locktag_lockmethodid: pg_sys::DEFAULT_LOCKMETHOD as u8,
    };
    // SAFETY: the tag is read during the call only.
    let result = unsafe { pg_sys::LockAcquire(&raw const tag, lock, false, true) };
    result != pg_sys::LockAcquireResult::LOCKACQUIRE_NOT_AVAIL
}

/// A publication has been dropped, in a transaction that is still open: takes out the tables that have joined it meanwhile,
/// which the DROP could not see, and lets no other join. PostgreSQL would fail on each command on such a table.
pub fn dropped(publication: pg_sys::Oid) {
    let mut left = Vec::new();
    // SAFETY: a lock on any object; what was committed meanwhile is seen after it. Each row is one of pg_publication_rel.
    unsafe {
        pg_sys::LockDatabaseObject(
            pg_sys::PublicationRelationId,
            publication,
            JOINING,
            pg_sys::AccessExclusiveLock as pg_sys::LOCKMODE,
        );
        scan::each_row(
            pg_sys::PublicationRelRelationId,
            by_publication(),
            &[(pg_sys::Anum_pg_publication_rel_prpubid, publication)],
            |row, _| {
                left.push((*(pg_sys::GETSTRUCT(row) as pg_sys::Form_pg_publication_rel)).oid);
            },
        );
        for membership in left {
            pg_sys::RemovePublicationRelById(membership);
            pg_sys::deleteDependencyRecordsFor(pg_sys::PublicationRelRelationId, membership, false);
            pg_sys::CommandCounterIncrement();
        }
    }
}

/// The index of pg_publication_rel that begins with the publication; 0 before 15, which has none.
pub(in crate::pg) fn by_publication() -> u32 {
    #[cfg(any(feature = "pg13", feature = "pg14"))]
    return 0;
    #[cfg(not(any(feature = "pg13", feature = "pg14")))]
    return pg_sys::PublicationRelPrpubidIndexId;
}

/// Adds the table to the publication unless that covers it already. True when it was added; seen from the next command on.
///
/// As publication_add_relation() does (pg_publication.c), which from the minors of 2026 on would wait for the lock that
/// [`pin`] does not wait for (pg_depend.c: recordMultipleDependencies locks what a row is to depend on).
pub fn add_table(publication: &Publication, table: pg_sys::Oid) -> bool {
    if !pin(publication)
        || of_schema(namespace(table)).contains(&publication.oid)
        || including(table).contains(&publication.oid)
    {
        return false;
    }
    let lock = pg_sys::RowExclusiveLock as pg_sys::LOCKMODE;
    // SAFETY: the columns that are set are of type oid, or prexcept, which is false; the others may be NULL. The table was made
    // or locked by the running command.
    unsafe {
        let catalog = pg_sys::relation_open(pg_sys::PublicationRelRelationId, lock);
        let membership = pg_sys::GetNewOidWithIndex(
            catalog,
            pg_sys::Oid::from(pg_sys::PublicationRelObjectIndexId),
            pg_sys::Anum_pg_publication_rel_oid as pg_sys::AttrNumber,
        );
        const COLUMNS: usize = pg_sys::Natts_pg_publication_rel as usize;
        let mut values = [Datum::from(0usize); COLUMNS];
        let mut nulls = [true; COLUMNS];
        for (column, value) in [
            (pg_sys::Anum_pg_publication_rel_oid, membership),
            (pg_sys::Anum_pg_publication_rel_prpubid, publication.oid),
            (pg_sys::Anum_pg_publication_rel_prrelid, table),
        ] {
            values[column as usize - 1] = Datum::from(value);
            nulls[column as usize - 1] = false;
        }
        #[cfg(feature = "pg19")]
        {
            nulls[pg_sys::Anum_pg_publication_rel_prexcept as usize - 1] = false;
        }
        let tuple =
            pg_sys::heap_form_tuple((*catalog).rd_att, values.as_mut_ptr(), nulls.as_mut_ptr());
        pg_sys::CatalogTupleInsert(catalog, tuple);
        pg_sys::heap_freetuple(tuple);
        pg_sys::relation_close(catalog, lock);
        let auto = pg_sys::DependencyType::DEPENDENCY_AUTO;
        let membership = (pg_sys::PublicationRelRelationId, membership);
        for on in [
            (pg_sys::PublicationRelationId, publication.oid),
            (pg_sys::RelationRelationId, table),
        ] {
            dependency::insert(membership, on, auto);
        }
        for part in with_partitions(table) {
            pg_sys::CacheInvalidateRelcacheByRelid(part);
        }
    }
    true
}
