//! Publication membership of a table that the running command has just made, and which publications send a table.
//!
//! Written straight into the catalogs, as `PublicationAddTables` (publicationcmds.c) does: the user needs no right on the
//! publication, no nested DDL is raised, and it also works while the table is still in use by the CREATE TABLE AS that
//! fills it.

use super::compat;
use super::node::oids;
use super::scan;
use super::text;
use core::cell::RefCell;
use pgrx::pg_sys;
use pgrx::pg_sys::Datum;
use std::collections::BTreeMap;
use std::rc::Rc;

thread_local! {
    /// Publications of this database: OID, name, FOR ALL TABLES. Empty until first asked for, and after each change of one.
    static PUBLICATIONS: RefCell<Option<Rc<[Publication]>>> = const { RefCell::new(None) };
}

#[derive(Clone)]
pub struct Publication {
    oid: pg_sys::Oid,
    pub name: Vec<u8>,
    pub all_tables: bool,
}

/// Whether a table is there and publications can send it: an ordinary or partitioned one that is neither temporary nor
/// unlogged. Needs no lock: SET SCHEMA of a partitioned table, for one, holds none on the partitions.
pub fn is_publishable(table: pg_sys::Oid) -> bool {
    // SAFETY: RELOID holds rows of pg_class.
    unsafe {
        compat::with_cached(
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

/// Whether there is a row in a table that is locked by the running command. Partitioned tables have none of their own.
pub fn has_rows(table: pg_sys::Oid) -> bool {
    // SAFETY: the scan is ended and the relation closed on the normal way; after an error the resource owner does so.
    unsafe {
        let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
        if pg_sys::get_rel_relkind(table) as u8 != pg_sys::RELKIND_RELATION {
            return false;
        }
        let relation = pg_sys::relation_open(table, lock);
        let scan = pg_sys::systable_beginscan(
            relation,
            pg_sys::InvalidOid,
            false,
            &raw mut pg_sys::SnapshotSelfData,
            0,
            core::ptr::null_mut(),
        );
        let found = !pg_sys::systable_getnext(scan).is_null();
        pg_sys::systable_endscan(scan);
        pg_sys::relation_close(relation, lock);
        found
    }
}

/// All publications of this database.
fn publications() -> Rc<[Publication]> {
    if let Some(known) = PUBLICATIONS.with_borrow(Clone::clone) {
        return known;
    }
    let read: Rc<[Publication]> = read_publications().into();
    PUBLICATIONS.set(Some(read.clone()));
    read
}

/// The names of all publications of this database.
pub fn all_names() -> Vec<String> {
    with_prefix(b"")
        .iter()
        .map(|publication| text::decode(&publication.name))
        .collect()
}

/// The publications whose name begins with `prefix`.
pub fn with_prefix(prefix: &[u8]) -> Vec<Publication> {
    publications()
        .iter()
        .filter(|publication| publication.name.starts_with(prefix))
        .cloned()
        .collect()
}

/// The names of the publications that send a table, by themselves or because they send what it is a partition of.
/// The table is publishable.
pub fn sending(table: pg_sys::Oid) -> Vec<String> {
    let publications = publications();
    if publications.is_empty() {
        return Vec::new();
    }
    let now = senders(&publications, &with_ancestors(table), namespace);
    names(&publications, &now)
}

/// The publications that send any new table: those FOR ALL TABLES, then those FOR TABLES IN SCHEMA by schema.
pub fn sending_new_tables() -> (Vec<String>, BTreeMap<String, Vec<String>>) {
    let (mut all, mut by_schema) = (Vec::new(), BTreeMap::<String, Vec<String>>::new());
    for publication in publications().iter() {
        let name = text::decode(&publication.name);
        if publication.all_tables {
            all.push(name);
            continue;
        }
        for schema in schemas(publication) {
            by_schema.entry(schema).or_default().push(name.clone());
        }
    }
    (all, by_schema)
}

/// The schemas of a publication FOR TABLES IN SCHEMA (15 and later).
#[cfg(any(feature = "pg13", feature = "pg14"))]
fn schemas(_publication: &Publication) -> Vec<String> {
    Vec::new()
}

/// The schemas of a publication FOR TABLES IN SCHEMA (15 and later).
#[cfg(not(any(feature = "pg13", feature = "pg14")))]
fn schemas(publication: &Publication) -> Vec<String> {
    // SAFETY: reads pg_publication_namespace; the list holds OIDs; NULL for a schema that is gone.
    unsafe {
        oids(pg_sys::GetPublicationSchemas(publication.oid))
            .into_iter()
            .filter_map(|schema| text::string(pg_sys::get_namespace_name(schema)))
            .collect()
    }
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
    let publications = publications();
    if publications.is_empty() {
        return Vec::new();
    }
    with_partitions(table)
        .into_iter()
        .filter(|&part| is_publishable(part))
        .filter_map(|part| {
            let chain = with_ancestors(part);
            let then = match before {
                Before::NoPartition => {
                    let own = chain.iter().position(|&of| of == table);
                    let own = &chain[..own.map_or(chain.len(), |last| last + 1)];
                    senders(&publications, own, namespace)
                }
                Before::InSchema(schema) => senders(&publications, &chain, |of| {
                    if of == table { schema } else { namespace(of) }
                }),
            };
            let mut new = senders(&publications, &chain, namespace);
            new.retain(|publication| !then.contains(publication));
            (!new.is_empty()).then(|| (part, names(&publications, &new)))
        })
        .collect()
}

/// A table and, where it is partitioned, its partitions of all levels.
fn with_partitions(table: pg_sys::Oid) -> Vec<pg_sys::Oid> {
    if super::catalog::is_partitioned(table) {
        with_descendants(table)
    } else {
        vec![table]
    }
}

/// A table and all that inherits from it, partitions or not, on all levels.
pub fn with_descendants(table: pg_sys::Oid) -> Vec<pg_sys::Oid> {
    // SAFETY: reads pg_class and pg_inherits, without a lock: what comes or goes meanwhile is another command's business.
    unsafe {
        oids(pg_sys::find_all_inheritors(
            table,
            pg_sys::NoLock as pg_sys::LOCKMODE,
            core::ptr::null_mut(),
        ))
    }
}

fn names(publications: &[Publication], senders: &[pg_sys::Oid]) -> Vec<String> {
    publications
        .iter()
        .filter(|publication| senders.contains(&publication.oid))
        .map(|publication| text::decode(&publication.name))
        .collect()
}

fn namespace(relation: pg_sys::Oid) -> pg_sys::Oid {
    // SAFETY: a syscache look-up; InvalidOid when missing.
    unsafe { pg_sys::get_rel_namespace(relation) }
}

/// The table and what it is a partition of, the root last.
pub fn with_ancestors(table: pg_sys::Oid) -> Vec<pg_sys::Oid> {
    let mut chain = vec![table];
    // SAFETY: reads pg_class and pg_inherits; the list holds OIDs.
    unsafe {
        if pg_sys::get_rel_relispartition(table) {
            chain.extend(oids(pg_sys::get_partition_ancestors(table)));
        }
    }
    chain
}

/// By OID, the publications that send the first table of a chain of partitions, as pgoutput decides it
/// (get_rel_sync_entry), whichever table it names as the sender; `namespace` tells the schema of each.
fn senders(
    publications: &[Publication],
    chain: &[pg_sys::Oid],
    namespace: impl Fn(pg_sys::Oid) -> pg_sys::Oid,
) -> Vec<pg_sys::Oid> {
    let (all, some): (Vec<&Publication>, Vec<&Publication>) =
        publications.iter().partition(|p| p.all_tables);
    let mut found: Vec<pg_sys::Oid> = all.iter().map(|publication| publication.oid).collect();
    if !all.is_empty()
        && let Some(&root) = chain.last()
    {
        let except = excluding(root);
        found.retain(|publication| !except.contains(publication));
    }
    if !some.is_empty() {
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
#[cfg(feature = "pg19")]
fn excluding(root: pg_sys::Oid) -> Vec<pg_sys::Oid> {
    // SAFETY: as above.
    unsafe { oids(pg_sys::GetRelationExcludedPublications(root)) }
}

/// The publications FOR ALL TABLES that leave a table out, with its partitions (19 and later).
#[cfg(not(feature = "pg19"))]
fn excluding(_root: pg_sys::Oid) -> Vec<pg_sys::Oid> {
    Vec::new()
}

/// The publications FOR TABLES IN SCHEMA of a schema (15 and later).
#[cfg(any(feature = "pg13", feature = "pg14"))]
fn of_schema(_schema: pg_sys::Oid) -> Vec<pg_sys::Oid> {
    Vec::new()
}

/// The publications FOR TABLES IN SCHEMA of a schema (15 and later).
#[cfg(not(any(feature = "pg13", feature = "pg14")))]
fn of_schema(schema: pg_sys::Oid) -> Vec<pg_sys::Oid> {
    // SAFETY: reads pg_publication_namespace through the syscache; the list holds OIDs.
    unsafe { oids(pg_sys::GetSchemaPublications(schema)) }
}

fn read_publications() -> Vec<Publication> {
    register_invalidation();
    let mut found = Vec::new();
    // SAFETY: each row is one of pg_publication.
    unsafe {
        scan::each_row(pg_sys::PublicationRelationId, 0, &[], |row, _| {
            let form = &*(pg_sys::GETSTRUCT(row) as pg_sys::Form_pg_publication);
            found.push(Publication {
                oid: form.oid,
                name: text::bytes(form.pubname.data.as_ptr()).to_vec(),
                all_tables: form.puballtables,
            });
        });
    }
    // One order for all sessions, since they are locked one after the other.
    found.sort_by_key(|publication| publication.oid.to_u32());
    found
}

fn register_invalidation() {
    static REGISTERED: std::sync::Once = std::sync::Once::new();
    REGISTERED.call_once(|| {
        // SAFETY: the callback only empties a cache of ours.
        unsafe {
            pg_sys::CacheRegisterSyscacheCallback(
                compat::cache_number(pg_sys::SysCacheIdentifier::PUBLICATIONOID),
                Some(forget),
                Datum::from(0usize),
            );
        }
    });
}

/// # Safety
/// Called by PostgreSQL's invalidation machinery only.
unsafe extern "C-unwind" fn forget(_argument: Datum, _cache: compat::CacheNumber, _hash: u32) {
    PUBLICATIONS.with(|cached| {
        if let Ok(mut cached) = cached.try_borrow_mut() {
            *cached = None;
        }
    });
}

/// Whether the publication still exists under its name and is not FOR ALL TABLES; it cannot be dropped any more before
/// the transaction ends.
fn pin(publication: &Publication) -> bool {
    // SAFETY: DROP PUBLICATION takes the conflicting lock (dependency.c: AcquireDeletionLock); the look-up comes after it.
    unsafe {
        let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
        pg_sys::LockDatabaseObject(pg_sys::PublicationRelationId, publication.oid, 0, lock);
        let wanted = compat::with_cached(
            pg_sys::SysCacheIdentifier::PUBLICATIONOID,
            publication.oid,
            |p: &pg_sys::FormData_pg_publication| {
                !p.puballtables && text::bytes(p.pubname.data.as_ptr()) == publication.name
            },
        )
        .unwrap_or(false);
        if !wanted {
            pg_sys::UnlockDatabaseObject(pg_sys::PublicationRelationId, publication.oid, 0, lock);
        }
        wanted
    }
}

/// Adds the table to the publication unless that covers it already. True when it was added.
pub fn add_table(publication: &Publication, table: pg_sys::Oid) -> bool {
    if publication.all_tables
        || !pin(publication)
        || of_schema(namespace(table)).contains(&publication.oid)
    {
        return false;
    }
    // SAFETY: the table is open under a lock that the creating command holds anyway; an existing membership is kept.
    unsafe {
        let rel =
            pg_sys::relation_open(table, pg_sys::ShareUpdateExclusiveLock as pg_sys::LOCKMODE);
        #[cfg(any(feature = "pg13", feature = "pg14"))]
        let address = pg_sys::publication_add_relation(publication.oid, rel, true);
        #[cfg(not(any(feature = "pg13", feature = "pg14")))]
        let address = {
            let mut info = pg_sys::PublicationRelInfo {
                relation: rel,
                ..Default::default()
            };
            #[cfg(feature = "pg19")]
            let address = pg_sys::publication_add_relation(
                publication.oid,
                &mut info,
                true,
                core::ptr::null_mut(),
            );
            #[cfg(not(feature = "pg19"))]
            let address = pg_sys::publication_add_relation(publication.oid, &mut info, true);
            address
        };
        pg_sys::relation_close(rel, pg_sys::NoLock as pg_sys::LOCKMODE);
        pg_sys::CommandCounterIncrement();
        address.objectId != pg_sys::InvalidOid
    }
}
