//! What a role may do beyond its own objects, as far as PostgreSQL itself names it: the attributes of roles (pg_authid.h), the
//! predefined roles whose rights it has (pg_authid.dat), and whether it has those of a superuser over that one's objects.
//!
//! The owner of a database has the rights of pg_database_owner, also before 14, which first gave it a name.
//! Relied on: whatever changes the answer is announced by an invalidation of AUTHOID, AUTHMEMMEMROLE or DATABASEOID.

use crate::pg::catalog::role::Role;
use crate::pg::runtime::{scan, syscache, text};
use core::cell::{Cell, RefCell};
use pgrx::pg_sys::{self, Datum};
use std::rc::Rc;

/// Names of attributes and predefined roles, in order; a superuser has all, and so none of them is named.
pub type Rights = Rc<[String]>;

const DATABASE_OWNER: &str = "pg_database_owner";

/// Has the rights of a role that is a superuser, over what that one owns.
const MEMBER_OF_SUPERUSER: &str = "member_of_superuser";

thread_local! {
    /// Those of the role that was asked about last.
    static LAST: RefCell<Option<(u64, pg_sys::Oid, Rights)>> = const { RefCell::new(None) };
    /// Grows whenever something may have changed.
    static CHANGES: Cell<u64> = const { Cell::new(0) };
}

/// Asks PostgreSQL for its announcements. Called once, from `_PG_init`.
pub fn install() {
    let caches = [
        pg_sys::SysCacheIdentifier::AUTHOID,
        pg_sys::SysCacheIdentifier::AUTHMEMMEMROLE,
        pg_sys::SysCacheIdentifier::DATABASEOID,
    ];
    // SAFETY: it counts.
    unsafe { syscache::announce(&caches, changed) };
}

unsafe extern "C-unwind" fn changed(_: Datum, _: syscache::CacheNumber, _: u32) {
    CHANGES.set(CHANGES.get().wrapping_add(1));
}

/// Grows whenever the name, the attributes or the memberships of a role may have changed, or the owner of a database.
pub(in crate::pg) fn changes() -> u64 {
    CHANGES.get()
}

pub fn of(role: Role) -> Rights {
    let oid = role.oid();
    let now = CHANGES.get();
    LAST.with_borrow(|last| match last {
        Some((at, of, rights)) if *at == now && *of == oid => Some(Rc::clone(rights)),
        _ => None,
    })
    .unwrap_or_else(|| {
        let rights: Rights = read(role).into();
        // of before the look-ups, which may have brought an announcement
        LAST.set(Some((now, oid, Rc::clone(&rights))));
        rights
    })
}

fn read(role: Role) -> Vec<String> {
    if role.is_superuser() {
        return Vec::new();
    }
    let attributes = |a: &pg_sys::FormData_pg_authid| {
        [
            ("createrole", a.rolcreaterole),
            ("createdb", a.rolcreatedb),
            ("replication", a.rolreplication),
            ("bypassrls", a.rolbypassrls),
        ]
    };
    let database = |d: &pg_sys::FormData_pg_database| d.datdba;
    // SAFETY: AUTHOID and DATABASEOID hold rows of these two catalogs.
    let (attributes, owner) = unsafe {
        (
            syscache::with_cached(pg_sys::SysCacheIdentifier::AUTHOID, role.oid(), attributes),
            syscache::with_cached(
                pg_sys::SysCacheIdentifier::DATABASEOID,
                pg_sys::MyDatabaseId,
                database,
            ),
        )
    };
    let mut rights: Vec<String> = attributes
        .into_iter()
        .flatten()
        .filter(|(_, has)| *has)
        .map(|(name, _)| name.to_owned())
        .collect();
    rights.extend(
        predefined_roles()
            .into_iter()
            .filter(|(oid, name)| name != DATABASE_OWNER && role.has_rights_of(Role::of_oid(*oid)))
            .map(|(_, name)| name),
    );
    if is_member_of_a_superuser(role) {
        rights.push(MEMBER_OF_SUPERUSER.to_owned());
    }
    if owner.is_some_and(|owner| role.has_rights_of(Role::of_oid(owner))) {
        rights.push(DATABASE_OWNER.to_owned());
    }
    rights.sort();
    rights
}

fn is_member_of_a_superuser(role: Role) -> bool {
    let (mut of_any, mut found) = (false, false);
    // SAFETY: the index begins with the member; each row of pg_authid has that structure.
    unsafe {
        scan::each_row(
            pg_sys::AuthMemRelationId,
            pg_sys::AuthMemMemRoleIndexId,
            &[(pg_sys::Anum_pg_auth_members_member, role.oid())],
            |_, _| of_any = true,
        );
        if of_any {
            scan::each_row(pg_sys::AuthIdRelationId, 0, &[], |tuple, _| {
                let other = &*(pg_sys::GETSTRUCT(tuple) as pg_sys::Form_pg_authid);
                found |= other.rolsuper && role.has_rights_of(Role::of_oid(other.oid));
            });
        }
    }
    found
}

/// All roles that initdb makes, but the superuser.
fn predefined_roles() -> Vec<(pg_sys::Oid, String)> {
    let mut found = Vec::new();
    let mut key = pg_sys::ScanKeyData::default();
    // SAFETY: a scan of pg_authid by its index on the OID; each row is one of it, read before the next call.
    unsafe {
        pg_sys::ScanKeyInit(
            &mut key,
            pg_sys::Anum_pg_authid_oid as pg_sys::AttrNumber,
            pg_sys::BTLessStrategyNumber as pg_sys::StrategyNumber,
            pg_sys::Oid::from(pg_sys::F_OIDLT),
            Datum::from(pg_sys::Oid::from(pg_sys::FirstNormalObjectId)),
        );
        let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
        let catalog = pg_sys::relation_open(pg_sys::AuthIdRelationId, lock);
        let scan = pg_sys::systable_beginscan(
            catalog,
            pg_sys::Oid::from(pg_sys::AuthIdOidIndexId),
            true,
            core::ptr::null_mut(),
            1,
            &mut key,
        );
        loop {
            let tuple = pg_sys::systable_getnext(scan);
            if tuple.is_null() {
                break;
            }
            let role = &*(pg_sys::GETSTRUCT(tuple) as pg_sys::Form_pg_authid);
            if role.oid != pg_sys::Oid::from(pg_sys::BOOTSTRAP_SUPERUSERID) {
                found.push((
                    role.oid,
                    text::string(role.rolname.data.as_ptr()).unwrap_or_default(),
                ));
            }
        }
        pg_sys::systable_endscan(scan);
        pg_sys::relation_close(catalog, lock);
    }
    found
}
