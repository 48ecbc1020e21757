//! Roles of this server: what they may do, and code that runs with their rights.

use crate::pg::runtime::failure::Failure;
use crate::pg::runtime::{plain, scan, syscache, text};
use core::ffi::{CStr, c_int};
use pgrx::pg_sys;

/// A role of this server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Role(pg_sys::Oid);

impl Role {
    pub fn find(name: &str) -> Option<Role> {
        let name = text::c_string(name);
        // SAFETY: a NUL-terminated name; InvalidOid when there is no such role.
        let oid = unsafe { pg_sys::get_role_oid(name.as_ptr(), true) };
        (oid != pg_sys::InvalidOid).then_some(Role(oid))
    }

    /// The role that the process is authorized as: in a worker, the owner of its subscription.
    pub fn of_session() -> Role {
        Role(plain::GetSessionUserId())
    }

    /// The owner of an extension.
    pub fn of_extension(name: &CStr) -> Option<Role> {
        let mut owner = None;
        // SAFETY: a NUL-terminated name; the column is of type oid, and each row is one of pg_extension.
        unsafe {
            let extension = pg_sys::get_extension_oid(name.as_ptr(), true);
            let by_oid = (pg_sys::Anum_pg_extension_oid, extension);
            let index = pg_sys::ExtensionOidIndexId;
            scan::each_row(pg_sys::ExtensionRelationId, index, &[by_oid], |row, _| {
                owner = Some(Role(
                    (*(pg_sys::GETSTRUCT(row) as pg_sys::Form_pg_extension)).extowner,
                ));
            });
        }
        owner
    }

    /// The owner of a relation that is there.
    pub fn owner_of(relation: pg_sys::Oid) -> Role {
        Role::owner_if_there(relation).unwrap_or(Role(pg_sys::InvalidOid))
    }

    /// `None` when the relation is gone.
    pub fn owner_if_there(relation: pg_sys::Oid) -> Option<Role> {
        // SAFETY: RELOID holds rows of pg_class.
        unsafe {
            syscache::with_cached(
                pg_sys::SysCacheIdentifier::RELOID,
                relation,
                |c: &pg_sys::FormData_pg_class| Role(c.relowner),
            )
        }
    }

    /// `None` when the schema is gone.
    pub fn owner_of_schema(schema: pg_sys::Oid) -> Option<Role> {
        // SAFETY: NAMESPACEOID holds rows of pg_namespace.
        unsafe {
            syscache::with_cached(
                pg_sys::SysCacheIdentifier::NAMESPACEOID,
                schema,
                |n: &pg_sys::FormData_pg_namespace| Role(n.nspowner),
            )
        }
    }

    /// The role whose rights the running code has.
    pub(in crate::pg) fn current() -> Role {
        Role(plain::GetUserId())
    }

    /// `None` when the function is gone.
    pub(in crate::pg) fn owner_of_function(function: pg_sys::Oid) -> Option<Role> {
        // SAFETY: PROCOID holds rows of pg_proc.
        unsafe {
            syscache::with_cached(
                pg_sys::SysCacheIdentifier::PROCOID,
                function,
                |f: &pg_sys::FormData_pg_proc| Role(f.proowner),
            )
        }
    }

    pub fn is_superuser(self) -> bool {
        // SAFETY: a syscache look-up.
        unsafe { pg_sys::superuser_arg(self.0) }
    }

    pub fn of_oid(oid: pg_sys::Oid) -> Role {
        Role(oid)
    }

    /// `None` when it is gone.
    pub fn name(self) -> Option<String> {
        // SAFETY: a syscache look-up; a fresh string.
        unsafe { text::string(pg_sys::GetUserNameFromId(self.0, true)) }
    }

    pub(in crate::pg) fn oid(self) -> pg_sys::Oid {
        self.0
    }

    /// Whether this role may do with a relation what its owner may.
    pub fn owns_relation(self, relation: pg_sys::Oid) -> bool {
        // SAFETY: a syscache look-up of a relation that is there, as the caller has just found it by name.
        unsafe {
            #[cfg(any(feature = "pg16", feature = "pg17", feature = "pg18", feature = "pg19"))]
            return pg_sys::object_ownercheck(pg_sys::RelationRelationId, relation, self.0);
            #[cfg(not(any(
                feature = "pg16",
                feature = "pg17",
                feature = "pg18",
                feature = "pg19"
            )))]
            return pg_sys::pg_class_ownercheck(relation, self.0);
        }
    }

    /// Whether this role has EXECUTE on a function.
    pub(in crate::pg) fn may_execute(self, function: pg_sys::Oid) -> bool {
        // SAFETY: a syscache look-up of a function that is there.
        let answer = unsafe {
            #[cfg(any(feature = "pg16", feature = "pg17", feature = "pg18", feature = "pg19"))]
            let answer = pg_sys::object_aclcheck(
                pg_sys::ProcedureRelationId,
                function,
                self.0,
                pg_sys::ACL_EXECUTE as pg_sys::AclMode,
            );
            #[cfg(not(any(
                feature = "pg16",
                feature = "pg17",
                feature = "pg18",
                feature = "pg19"
            )))]
            let answer =
                pg_sys::pg_proc_aclcheck(function, self.0, pg_sys::ACL_EXECUTE as pg_sys::AclMode);
            answer
        };
        answer == pg_sys::AclResult::ACLCHECK_OK
    }

    /// Whether this role has the other's rights without a SET ROLE.
    pub(in crate::pg) fn has_rights_of(self, other: Role) -> bool {
        // SAFETY: look-ups in the cache of memberships (acl.c).
        unsafe { pg_sys::has_privs_of_role(self.0, other.0) }
    }

    /// Gives the running code this role's rights, security-restricted, as a SECURITY DEFINER function has its owner's; what to
    /// put back.
    pub(in crate::pg) fn take_over(self) -> (pg_sys::Oid, c_int) {
        const INSIDE: c_int =
            (pg_sys::SECURITY_LOCAL_USERID_CHANGE | pg_sys::SECURITY_RESTRICTED_OPERATION) as c_int;
        let (user, context) = running();
        // SAFETY: the role exists; the caller puts back what it is given, or the (sub)transaction does after an error.
        unsafe { pg_sys::SetUserIdAndSecContext(self.0, context | INSIDE) };
        (user, context)
    }

    /// Whether this role may SET ROLE to the other.
    pub fn may_become(self, other: Role) -> bool {
        // SAFETY: as above.
        unsafe {
            #[cfg(any(feature = "pg16", feature = "pg17", feature = "pg18", feature = "pg19"))]
            return pg_sys::member_can_set_role(self.0, other.0);
            #[cfg(not(any(
                feature = "pg16",
                feature = "pg17",
                feature = "pg18",
                feature = "pg19"
            )))]
            return pg_sys::is_member_of_role(self.0, other.0);
        }
    }
}

/// Who runs, and in which security context.
pub(in crate::pg) fn running() -> (pg_sys::Oid, c_int) {
    let (mut user, mut context) = (pg_sys::InvalidOid, 0);
    // SAFETY: reads variables.
    unsafe { pg_sys::GetUserIdAndSecContext(&mut user, &mut context) };
    (user, context)
}

/// Runs `f` with the rights of `role`, as a SECURITY DEFINER function has its owner's.
pub fn with_rights_of<R>(role: Role, f: impl FnOnce() -> Result<R, Failure>) -> Result<R, Failure> {
    let (user, context) = role.take_over();
    let result = f();
    // SAFETY: what `take_over` has returned.
    unsafe { pg_sys::SetUserIdAndSecContext(user, context) };
    result
}
