//! Rows that an apply worker writes into a superuser's table. From 16 on PostgreSQL applies rows with the rights of the table's
//! owner (worker.c, tablesync.c: SwitchToUntrustedUser), which is enough unless that is a superuser: whatever such a row calls would
//! be one, whoever wrote it. Here nothing of it is, but what cannot do anything:
//!
//! - a function that is not built in runs as its owner, or where that is a superuser as a role without rights, security-restricted;
//!   a SECURITY DEFINER function as its owner, as it does on the source;
//! - a built-in function is run if PostgreSQL declares it immutable, else refused: a stable one may read everything, a volatile one do
//!   anything.
//!
//! Relied on: the function manager's hook is asked about every function that is not built in, and keeps it from being inlined
//! (fmgr.c, clauses.c); built-in functions pass the object access hook when an expression is made ready (execExpr.c). The
//! built-in functions of triggers and of types pass neither: they run nothing that they are given as text.
//! Not promised: anything in a worker that has not loaded the library yet, or where rows have the rights of the subscription's owner
//! (before 16, or run_as_owner): then nothing is applied but for a source that is trusted ([`crate::apply::trust`]).

use super::catalog::Address;
use super::compat;
use super::execute::{self, Role};
use super::own;
use super::session;
use crate::error::Failure;
use core::ffi::c_int;
use pgrx::pg_sys;
use pgrx::pg_sys::Datum;
use std::cell::RefCell;

/// pg_use_reserved_connections, which only opens connections (pg_authid.dat).
const WITHOUT_RIGHTS: u32 = 4550;

static mut PREVIOUS_NEEDED: pg_sys::needs_fmgr_hook_type = None;
static mut PREVIOUS_HOOK: pg_sys::fmgr_hook_type = None;

thread_local! {
    /// For each function that runs, the role and the security context to put back, where it runs as another role.
    static RUNNING: RefCell<Vec<Option<(pg_sys::Oid, c_int)>>> = const { RefCell::new(Vec::new()) };
}

/// Installs the hooks, once in a process; before 16 there is nothing to keep.
pub fn install() {
    if session::MAJOR < 16 {
        return;
    }
    static INSTALLED: std::sync::Once = std::sync::Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: a process has one thread; the previous hooks are kept and called.
        unsafe {
            PREVIOUS_NEEDED = pg_sys::needs_fmgr_hook;
            PREVIOUS_HOOK = pg_sys::fmgr_hook;
            pg_sys::needs_fmgr_hook = Some(is_needed);
            pg_sys::fmgr_hook = Some(hook);
        }
    });
}

/// Whether what runs now would have a superuser's rights only because a row of a superuser's table is written.
fn rights_are_borrowed() -> bool {
    // SAFETY: reads variables; a look-up that PostgreSQL caches.
    unsafe {
        session::MAJOR >= 16
            && !pg_sys::MyLogicalRepWorker.is_null()
            && !execute::is_own_code()
            && !execute::is_running()
            && pg_sys::superuser()
    }
}

/// An expression is made ready that calls this function.
pub fn before_function(function: pg_sys::Oid) -> Result<(), Failure> {
    if function.to_u32() >= pg_sys::FirstNormalObjectId || !rights_are_borrowed() {
        return Ok(());
    }
    // SAFETY: syscache look-ups.
    unsafe {
        if pg_sys::func_volatile(function) as u8 == pg_sys::PROVOLATILE_IMMUTABLE {
            return Ok(());
        }
        let name = super::text::string(pg_sys::get_func_name(function)).unwrap_or_default();
        Err(Failure::function_not_for_rows(&name))
    }
}

unsafe extern "C-unwind" fn is_needed(function: pg_sys::Oid) -> bool {
    // SAFETY: the previous hook was valid when it was saved.
    unsafe {
        !pg_sys::MyLogicalRepWorker.is_null()
            && function.to_u32() >= pg_sys::FirstNormalObjectId
            && !(execute::must_inline() && is_mutable_sql(function))
            || PREVIOUS_NEEDED.is_some_and(|previous| {
                #[allow(ffi_unwind_calls, reason = "no destructor lies in between")]
                previous(function)
            })
    }
}

/// A function in SQL that is not declared immutable may be used in a partition key or an index all the same, when its inlined
/// body is. What is kept beyond a command with its hook or without (the functions of a range type) is immutable.
#[pgrx::pg_guard]
extern "C-unwind" fn is_mutable_sql(function: pg_sys::Oid) -> bool {
    // SAFETY: PROCOID holds rows of pg_proc.
    unsafe {
        compat::with_cached(
            pg_sys::SysCacheIdentifier::PROCOID,
            function,
            |f: &pg_sys::FormData_pg_proc| {
                f.prolang == pg_sys::Oid::from(pg_sys::SQLlanguageId)
                    && f.provolatile as u8 != pg_sys::PROVOLATILE_IMMUTABLE
            },
        )
    }
    .unwrap_or(false)
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn hook(
    event: pg_sys::FmgrHookEventType::Type,
    info: *mut pg_sys::FmgrInfo,
    argument: *mut Datum,
) {
    // SAFETY: PostgreSQL passes valid arguments; START is followed by END or ABORT of the same call (fmgr.c:
    // fmgr_security_definer).
    unsafe {
        if !pg_sys::MyLogicalRepWorker.is_null() {
            if event == pg_sys::FmgrHookEventType::FHET_START {
                let put_back = rights_are_borrowed()
                    .then(|| begin((*info).fn_oid))
                    .flatten();
                RUNNING.with_borrow_mut(|all| all.push(put_back));
            } else if let Some(Some((user, context))) = RUNNING.with_borrow_mut(Vec::pop) {
                pg_sys::SetUserIdAndSecContext(user, context);
            }
        }
        if let Some(previous) = PREVIOUS_HOOK {
            #[allow(ffi_unwind_calls, reason = "protected by pg_guard_ffi_boundary")]
            pg_sys::ffi::pg_guard_ffi_boundary(|| previous(event, info, argument));
        }
    }
}

/// The function takes over the rights that it is to have; what to put back.
fn begin(function: pg_sys::Oid) -> Option<(pg_sys::Oid, c_int)> {
    // SAFETY: PROCOID holds rows of pg_proc.
    let (owner, is_definer) = unsafe {
        compat::with_cached(
            pg_sys::SysCacheIdentifier::PROCOID,
            function,
            |f: &pg_sys::FormData_pg_proc| (f.proowner, f.prosecdef),
        )
    }?;
    if is_definer || Address::function(function).is_member_of(own::EXTENSION) {
        return None;
    }
    let owner = Role::of_oid(owner);
    let role = if owner.is_superuser() {
        Role::of_oid(pg_sys::Oid::from(WITHOUT_RIGHTS))
    } else {
        owner
    };
    Some(role.take_over())
}
