//! Before 16, and with `run_as_owner` later, an apply worker runs with the rights of the subscription's owner, mostly a
//! superuser, whatever the rows of a table call: index expressions, CHECK constraints, domains, generated columns, triggers
//! that are ENABLE ALWAYS. (Otherwise it switches to the table's owner: worker.c.) Here such code loses these rights:
//!
//! - a function of an ordinary role runs as that role, security-restricted;
//! - a volatile function of a superuser that is no trigger function runs as a predefined role with next to no rights;
//! - a volatile built-in function, which may do anything for a superuser (run queries, change settings and large objects), is
//!   refused, but for a few that are harmless.
//!
//! Relied on: the function manager's hook is asked about every function that is not built in, and keeps it from being inlined
//! (fmgr.c, clauses.c); built-in functions pass the object access hook when an expression is made ready (execExpr.c).
//! Not promised: anything in a worker that has not loaded the library yet, which the first row of the capture table does;
//! `shared_preload_libraries` loads it before.

use super::compat;
use super::execute::{self, Role};
use crate::error::Failure;
use core::ffi::c_int;
use pgrx::pg_sys;
use pgrx::pg_sys::Datum;
use std::cell::{Cell, RefCell};

/// What an unprivileged role may see is all that a function of a superuser may see: pg_stat_scan_tables (pg_authid.dat).
const NEXT_TO_NO_RIGHTS: u32 = 3377;
/// nextval, currval, lastval, random, clock_timestamp, timeofday, gen_random_uuid (pg_proc.dat).
const HARMLESS: [u32; 7] = [1574, 1575, 2559, 1598, 2649, 274, 3432];

static mut PREVIOUS_NEEDED: pg_sys::needs_fmgr_hook_type = None;
static mut PREVIOUS_HOOK: pg_sys::fmgr_hook_type = None;

thread_local! {
    /// For each function that runs: what to put back, and whether it is a superuser's own.
    static RUNNING: RefCell<Vec<Running>> = const { RefCell::new(Vec::new()) };
    /// So many functions of superusers run.
    static TRUSTED: Cell<usize> = const { Cell::new(0) };
}

struct Running {
    /// The security context, where the function runs as another role.
    put_back: Option<c_int>,
    trusted: bool,
}

/// Installs the hooks, once in a process.
pub fn install() {
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

/// Whether what runs now has, or can take again, a superuser's rights only because it runs in an apply worker. Not so in a
/// security-definer context, out of which no SET ROLE leads. (The current role does not tell: a function that is `SET role`
/// runs as that role, but RESET ROLE would make it the worker's.)
fn rights_are_borrowed() -> bool {
    // SAFETY: reads variables; a syscache look-up.
    unsafe {
        let worker = pg_sys::MyLogicalRepWorker;
        let (mut user, mut context) = (pg_sys::InvalidOid, 0);
        pg_sys::GetUserIdAndSecContext(&mut user, &mut context);
        !worker.is_null()
            && runs_as_owner()
            && !execute::is_running()
            && context & pg_sys::SECURITY_LOCAL_USERID_CHANGE as c_int == 0
            && pg_sys::superuser_arg((*worker).userid)
    }
}

/// Whether rows are applied with the rights of the subscription's owner.
fn runs_as_owner() -> bool {
    #[cfg(any(feature = "pg13", feature = "pg14", feature = "pg15"))]
    return true;
    // SAFETY: set once in the life of a worker, NULL before.
    #[cfg(not(any(feature = "pg13", feature = "pg14", feature = "pg15")))]
    unsafe {
        let subscription = pg_sys::MySubscription;
        !subscription.is_null() && (*subscription).runasowner
    }
}

/// An expression of a row is made ready that calls this function.
pub fn before_function(function: pg_sys::Oid) -> Result<(), Failure> {
    let number = function.to_u32();
    if number >= pg_sys::FirstNormalObjectId
        || HARMLESS.contains(&number)
        || TRUSTED.get() > 0
        || !rights_are_borrowed()
    {
        return Ok(());
    }
    // SAFETY: syscache look-ups.
    unsafe {
        if pg_sys::func_volatile(function) as u8 != pg_sys::PROVOLATILE_VOLATILE {
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
                begin((*info).fn_oid);
            } else {
                end();
            }
        }
        if let Some(previous) = PREVIOUS_HOOK {
            #[allow(ffi_unwind_calls, reason = "protected by pg_guard_ffi_boundary")]
            pg_sys::ffi::pg_guard_ffi_boundary(|| previous(event, info, argument));
        }
    }
}

fn begin(function: pg_sys::Oid) {
    let mut running = Running {
        put_back: None,
        trusted: false,
    };
    if rights_are_borrowed() {
        match role_for(function) {
            Some(role) => running.put_back = Some(role.take_over().1),
            None => running.trusted = true,
        }
    }
    TRUSTED.set(TRUSTED.get() + usize::from(running.trusted));
    RUNNING.with_borrow_mut(|all| all.push(running));
}

fn end() {
    let Some(running) = RUNNING.with_borrow_mut(Vec::pop) else {
        return;
    };
    TRUSTED.set(TRUSTED.get().saturating_sub(usize::from(running.trusted)));
    if let Some(context) = running.put_back {
        // SAFETY: this context was in force when the function began; it was none in which the current role differs from the
        // outer one, which PostgreSQL has set back already if the function's settings had changed it.
        unsafe { pg_sys::SetUserIdAndSecContext(pg_sys::GetOuterUserId(), context) }
    }
}

/// As whom a function runs; `None` for a superuser's function that may keep the rights it has.
fn role_for(function: pg_sys::Oid) -> Option<Role> {
    // SAFETY: PROCOID holds rows of pg_proc.
    let (owner, volatile, trigger) = unsafe {
        compat::with_cached(
            pg_sys::SysCacheIdentifier::PROCOID,
            function,
            |f: &pg_sys::FormData_pg_proc| {
                (
                    f.proowner,
                    f.provolatile as u8 == pg_sys::PROVOLATILE_VOLATILE,
                    f.prorettype == pg_sys::TRIGGEROID,
                )
            },
        )
    }?;
    let owner = Role::of_oid(owner);
    if !owner.is_superuser() {
        Some(owner)
    } else if volatile && !trigger && TRUSTED.get() == 0 {
        Some(Role::of_oid(pg_sys::Oid::from(NEXT_TO_NO_RIGHTS)))
    } else {
        None
    }
}
