//! Rows that an apply worker writes. From 16 on PostgreSQL writes them with the rights of the table's owner,
//! security-restricted (worker.c, tablesync.c: SwitchToUntrustedUser), which is enough unless that is a superuser, or may
//! become one: whatever such a row calls could be one, whoever wrote it, and could leave settings behind. Nor is there a wall
//! where deferred triggers run. Here it stands around each function that is called where PostgreSQL has put none:
//!
//! - a function that is not built in runs as a role without rights, security-restricted, and its settings and advisory locks
//!   end with it. It is whoever's: that of another ordinary role would lend that one's rights to who makes the row call it.
//!   Everybody must have EXECUTE on it, and none sets a role. A SECURITY DEFINER function has its owner's rights, as on the
//!   source;
//! - a built-in function is run if PostgreSQL declares it immutable, or what it does depends on nothing but its arguments, the
//!   clock and the time zone; else it is refused: a stable one may read everything, a volatile one do anything.
//!
//! Where the library is preloaded it is in the workers of all subscriptions; in a database that applies no commands functions
//! run as without it. Where the source is trusted functions keep the rights that PostgreSQL gives them, and none is refused
//! but those that set a role.
//! Relied on: the function manager's hook is asked about every function that is not built in, and keeps it from being inlined
//! (fmgr.c, clauses.c); built-in functions pass the object access hook when an expression is made ready (execExpr.c). The
//! built-in functions of triggers and of types pass neither: they run nothing that they are given as text.
//! Not promised: anything in a worker that has not loaded the library yet, or where rows have the rights of the subscription's
//! owner (before 16, or run_as_owner): then no DDL is applied but of a source that is trusted.

use crate::pg::catalog::lookup::Address;
use crate::pg::catalog::own;
use crate::pg::catalog::role::{self, Role};
use crate::pg::hooks::running;
use crate::pg::runtime::failure::Failure;
use crate::pg::runtime::{compat, session, syscache, text};
use crate::pg::store::{sequence, table};
use core::ffi::{c_char, c_int};
use pgrx::pg_sys::{self, Datum};
use std::cell::Cell;

/// pg_use_reserved_connections, which only opens connections (pg_authid.dat).
const WITHOUT_RIGHTS: u32 = 4550;

static mut PREVIOUS_NEEDED: pg_sys::needs_fmgr_hook_type = None;
static mut PREVIOUS_HOOK: pg_sys::fmgr_hook_type = None;

thread_local! {
    /// The function that is called next, and as whom.
    static NEXT: Cell<Option<(Function, Role)>> = const { Cell::new(None) };
}

type Function = unsafe extern "C-unwind" fn(pg_sys::FunctionCallInfo) -> Datum;

/// Installs the hooks, once in a process that applies rows or may come to; it is told of objects and functions from then on.
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
    running::expect_rows();
}

/// Whether something runs for a row where PostgreSQL itself has put up no wall, in a database that applies commands. It has none
/// for an owner who could become the subscription's either.
fn is_open() -> bool {
    // SAFETY: reads a variable.
    let in_worker = unsafe { !pg_sys::MyLogicalRepWorker.is_null() };
    session::MAJOR >= 16
        && in_worker
        && !running::is_own_code()
        && !running::is_running()
        && role::running().1 & pg_sys::SECURITY_RESTRICTED_OPERATION as c_int == 0
        && table::is_destination()
}

/// An expression is made ready that calls this function.
pub fn before_function(function: pg_sys::Oid) -> Result<(), Failure> {
    let is_harmless = || {
        if function.to_u32() >= pg_sys::FirstNormalObjectId {
            return without_rights().may_execute(function);
        }
        // SAFETY: a syscache look-up.
        match unsafe { pg_sys::func_volatile(function) } as u8 {
            pg_sys::PROVOLATILE_IMMUTABLE => true,
            pg_sys::PROVOLATILE_STABLE => is_about_time(function),
            _ => false,
        }
    };
    if !is_open() || is_harmless() || sequence::source_is_trusted()? {
        return Ok(());
    }
    Err(Failure::function_not_for_rows(&name_of(function)))
}

fn name_of(function: pg_sys::Oid) -> String {
    // SAFETY: a syscache look-up; a fresh string.
    unsafe { text::string(pg_sys::get_func_name(function)) }.unwrap_or_default()
}

fn without_rights() -> Role {
    Role::of_oid(pg_sys::Oid::from(WITHOUT_RIGHTS))
}

/// Whether a function knows nothing but plain values, the clock and the time zone: `now()`, `date(timestamptz)`, `to_char(..)`.
/// It is none that reads the catalogs or the state of the server: these are given names or numbers, and answer other types.
fn is_about_time(function: pg_sys::Oid) -> bool {
    let (mut arguments, mut count) = (core::ptr::null_mut(), 0);
    // SAFETY: syscache look-ups; the function hands out an array of that many OIDs.
    unsafe {
        let answer = pg_sys::get_func_signature(function, &mut arguments, &mut count);
        let mut types = vec![answer];
        types.extend((0..usize::try_from(count).unwrap_or(0)).map(|i| *arguments.add(i)));
        let is_time = |of: pg_sys::Oid| {
            let (mut category, mut preferred): (c_char, bool) = (0, false);
            pg_sys::get_type_category_preferred(of, &mut category, &mut preferred);
            matches!(
                category as u8,
                pg_sys::TYPCATEGORY_DATETIME | pg_sys::TYPCATEGORY_TIMESPAN
            )
        };
        let is_plain = |of: pg_sys::Oid| {
            [
                pg_sys::BOOLOID,
                pg_sys::INT4OID,
                pg_sys::FLOAT8OID,
                pg_sys::NUMERICOID,
                pg_sys::TEXTOID,
            ]
            .contains(&of)
        };
        pg_sys::func_parallel(function) as u8 == pg_sys::PROPARALLEL_SAFE
            && types.iter().any(|&of| is_time(of))
            && types.iter().all(|&of| is_time(of) || is_plain(of))
    }
}

/// In any worker: what PostgreSQL remembers of a function may be older than the database's `start_apply()`.
unsafe extern "C-unwind" fn is_needed(function: pg_sys::Oid) -> bool {
    // SAFETY: the previous hook was valid when it was saved.
    unsafe {
        !pg_sys::MyLogicalRepWorker.is_null()
            && function.to_u32() >= pg_sys::FirstNormalObjectId
            && !(running::must_inline() && is_mutable_sql(function))
            || PREVIOUS_NEEDED.is_some_and(|previous| {
                #[allow(ffi_unwind_calls, reason = "no destructor lies in between")]
                previous(function)
            })
    }
}

/// A function in SQL that is not declared immutable may be used in a partition key or an index all the same, when its inlined
/// body is. What is kept beyond a command with its hook or without are the functions of a range type, of which one may be a
/// user's: the difference of two values (typcache.c: load_rangetype_info).
#[pgrx::pg_guard]
extern "C-unwind" fn is_mutable_sql(function: pg_sys::Oid) -> bool {
    // SAFETY: PROCOID holds rows of pg_proc.
    unsafe {
        syscache::with_cached(
            pg_sys::SysCacheIdentifier::PROCOID,
            function,
            |f: &pg_sys::FormData_pg_proc| {
                f.prolang == pg_sys::Oid::from(pg_sys::SQLlanguageId)
                    && !(f.pronargs == 2 && f.prorettype == pg_sys::FLOAT8OID)
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
    // SAFETY: PostgreSQL passes valid arguments; after START it calls the function by this very structure (fmgr.c:
    // fmgr_security_definer).
    unsafe {
        if let Some(previous) = PREVIOUS_HOOK {
            #[allow(ffi_unwind_calls, reason = "protected by pg_guard_ffi_boundary")]
            pg_sys::ffi::pg_guard_ffi_boundary(|| previous(event, info, argument));
        }
        if !pg_sys::MyLogicalRepWorker.is_null()
            && pg_sys::get_func_rettype((*info).fn_oid) == compat::EVENT_TRIGGER
        {
            let begins = event == pg_sys::FmgrHookEventType::FHET_START;
            running::event_trigger_runs(if begins { 1 } else { -1 });
        }
        if event == pg_sys::FmgrHookEventType::FHET_START && is_open() {
            let role = role_of((*info).fn_oid).unwrap_or_else(|failure| failure.raise());
            if let (Some(role), Some(function)) = (role, (*info).fn_addr) {
                NEXT.set(Some((function, role)));
                (*info).fn_addr = Some(inside_wall);
            }
        }
    }
}

/// As whom a function runs; `None` for one of the extension. PostgreSQL has set owner and settings already, by what it knew of the
/// function when it was first called: what the catalog says by now may be something else, and nothing has run yet.
fn role_of(function: pg_sys::Oid) -> Result<Option<Role>, Failure> {
    // SAFETY: PROCOID holds rows of pg_proc.
    let found = unsafe {
        syscache::with_cached(
            pg_sys::SysCacheIdentifier::PROCOID,
            function,
            |f: &pg_sys::FormData_pg_proc| (f.proowner, f.prosecdef, f.prolang),
        )
    };
    let is_own = |language| {
        language == pg_sys::Oid::from(pg_sys::ClanguageId)
            && Address::function(function).is_member_of(own::EXTENSION)
    };
    let Some((owner, is_definer, _)) = found.filter(|&(.., language)| !is_own(language)) else {
        return Ok(None);
    };
    // SAFETY: reads variables of the process.
    let sets_role = unsafe {
        pg_sys::GetCurrentRoleId() != pg_sys::InvalidOid
            || pg_sys::GetSessionUserId() != (*pg_sys::MyLogicalRepWorker).userid
    };
    if sets_role {
        return Err(Failure::function_sets_role(&name_of(function)));
    }
    let (user, context) = role::running();
    let (current, became) = (
        Role::of_oid(user),
        context & pg_sys::SECURITY_LOCAL_USERID_CHANGE as c_int != 0,
    );
    // From 18 on a deferred trigger runs as who was active when it was queued.
    let keeps_rights = became && (is_definer && user == owner || !current.is_superuser())
        || sequence::source_is_trusted()?;
    Ok(Some(if keeps_rights {
        current
    } else {
        without_rights()
    }))
}

/// Stands in the place of the function that is called: calls it inside the wall.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn inside_wall(call: pg_sys::FunctionCallInfo) -> Datum {
    // SAFETY: called right after START, which has noted the function; after an error the (sub)transaction puts back role, context
    // and settings.
    unsafe {
        let (function, role) = NEXT
            .take()
            .unwrap_or_else(|| Failure::internal("no function has begun".to_owned()).raise());
        (*(*call).flinfo).fn_addr = Some(function);
        let level = pg_sys::NewGUCNestLevel();
        let (user, context) = role.take_over();
        #[allow(ffi_unwind_calls, reason = "protected by pg_guard_ffi_boundary")]
        let result = pg_sys::ffi::pg_guard_ffi_boundary(|| function(call));
        pg_sys::AtEOXact_GUC(false, level);
        running::release_advisory_locks();
        pg_sys::SetUserIdAndSecContext(user, context);
        result
    }
}
