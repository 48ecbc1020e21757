//! Runs one DDL statement as another role, with settings of its own, inside the transaction of a logical replication worker, or
//! of a CREATE SUBSCRIPTION ([`crate::apply::subscribe`]).
//!
//! The role is set as for a SECURITY DEFINER function, so that SET ROLE and SET SESSION AUTHORIZATION are refused, and the
//! operation is security-restricted, so that nothing can be left for later: no trigger deferred to the end of the transaction,
//! where it would run with the worker's rights, no cursor, no temporary object (miscinit.c, trigger.c). Of two commands PostgreSQL
//! refuses a part there: an extension's script may need temporary tables, and is no code of the command's author; that of a
//! superuser runs without the restriction. A clause that sets a role: [`crate::pg::command::role_clause`].
//! Relied on: after an error the enclosing subtransaction restores role and settings (xact.c: AbortSubTransaction).

use crate::pg::catalog::role::{self, Role, with_rights_of};
use crate::pg::command::needs;
use crate::pg::command::role_clause::{self, RoleClause};
use crate::pg::command::{eventless, node, partition, role_spec, tablespace};
use crate::pg::hooks::running::{self, CommandRuns, Running, release_advisory_locks};
use crate::pg::replication::{identity, publication};
use crate::pg::runtime::failure::Failure;
use crate::pg::runtime::setting::{ResetValues, set};
use crate::pg::runtime::short_error::with_short_errors;
use crate::pg::runtime::transaction::{self, Clock};
use crate::pg::runtime::{list, text};
use core::ffi::{CStr, c_char, c_int, c_void};
use pgrx::pg_sys;

/// What code can ask about the session that runs a command is as it was on the source, as long as this lives: longer than
/// the command's subtransaction.
pub struct SourceSession {
    /// Who runs here, and in which security context: whatever puts back the session's user makes that one the current user
    /// (miscinit.c).
    here: (pg_sys::Oid, c_int),
    clock: Clock,
    _reset: ResetValues,
}

impl SourceSession {
    pub fn begin(
        reset: impl IntoIterator<Item = (&'static CStr, Vec<u8>)>,
        clock: Option<Clock>,
    ) -> Self {
        let here = transaction::clock();
        transaction::set_clock(clock.unwrap_or(here));
        SourceSession {
            clock: here,
            here: role::running(),
            _reset: ResetValues::set(reset),
        }
    }

    fn put_back_user(&self) {
        // SAFETY: what was found here.
        unsafe { pg_sys::SetUserIdAndSecContext(self.here.0, self.here.1) };
    }
}

impl Drop for SourceSession {
    fn drop(&mut self) {
        transaction::set_clock(self.clock);
        self.put_back_user();
    }
}

/// Runs `f` as `role`, with a level of settings of its own, in the session of `session_user`, if there is such a role.
pub fn as_role<R>(
    role: Role,
    session: &SourceSession,
    session_user: Option<&str>,
    f: impl FnOnce() -> Result<R, Failure>,
) -> Result<R, Failure> {
    let _running = CommandRuns::begin();
    // SAFETY: a level that is ended on the normal way; after an error the subtransaction ends it.
    let level = unsafe { pg_sys::NewGUCNestLevel() };
    if let Some(user) = session_user {
        set_session_user(user);
    }
    let result = with_rights_of(role, f);
    // SAFETY: as above. After the role: some settings are put back by a privileged role only.
    unsafe { pg_sys::AtEOXact_GUC(false, level) };
    session.put_back_user();
    release_advisory_locks();
    result
}

/// Until the level of [`as_role`] ends. PostgreSQL refuses it inside of a wall, and minors before November 2024 forget a SET
/// ROLE over it: neither is there in a worker, and elsewhere the user stays.
fn set_session_user(name: &str) {
    // SAFETY: reads variables.
    let is_plain = unsafe {
        !pg_sys::InLocalUserIdChange()
            && !pg_sys::InSecurityRestrictedOperation()
            && pg_sys::GetCurrentRoleId() == pg_sys::InvalidOid
    };
    if is_plain && Role::find(name).is_some_and(|role| role != Role::of_session()) {
        set(c"session_authorization", &text::encode(name), true);
    }
}

/// How a statement is run.
pub struct How<'a> {
    /// The major of the server that ran it, where its effect depends on that.
    pub source_major: Option<u32>,
    /// What SESSION_USER was there.
    pub session_user: Option<&'a str>,
    /// The database's own tablespace stands for those that are not here.
    pub replace_tablespaces: bool,
}

/// What became of a statement.
pub struct Done {
    /// Relations that it made, in order; some may be gone again.
    pub made: Vec<pg_sys::Oid>,
    /// Names of relations that it dropped, perhaps to make them anew.
    pub dropped: Vec<String>,
    /// Ordinary and partitioned tables that it made and that are still there.
    pub tables: Vec<pg_sys::Oid>,
    /// Tables that it dropped while they were being copied: a slot of the copy may be left on the source.
    pub dropped_unfinished: Vec<String>,
    /// Tablespaces that are not here, for which the database's own was taken.
    pub replaced_tablespaces: Vec<String>,
    /// It could only have been run outside of a transaction, and changes nothing but physical storage.
    pub left_out: bool,
}

/// Runs a text that must be exactly one utility statement. CONCURRENTLY is left out: the plain form does the same inside of
/// a transaction.
pub fn run(statement: &[u8], how: &How<'_>) -> Result<Done, Failure> {
    let query = text::c_string_of_bytes(statement);
    // SAFETY: the steps of exec_simple_query (postgres.c) for one utility statement, with a snapshot as SPI sets it; trees
    // live in the current memory context, which outlives the call.
    unsafe {
        let parsed = list::pointers::<pg_sys::RawStmt>(pg_sys::pg_parse_query(query.as_ptr()));
        let [raw] = parsed[..] else {
            return Err(Failure::not_one_statement(parsed.len()));
        };
        if needs::runs_outside_transactions_only((*raw).stmt) {
            return Ok(Done {
                made: Vec::new(),
                dropped: Vec::new(),
                tables: Vec::new(),
                dropped_unfinished: Vec::new(),
                replaced_tablespaces: Vec::new(),
                left_out: true,
            });
        }
        pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
        if how
            .source_major
            .is_some_and(|major| major < partition::WITHOUT_CONSTRAINT)
            && let Some(partition) = partition::detached_concurrently((*raw).stmt)
        {
            partition::add_constraint(partition)?;
            pg_sys::CommandCounterIncrement();
            pg_sys::UpdateActiveSnapshotCommandId();
        }
        needs::make_plain((*raw).stmt);
        if let Some(name) = how.session_user {
            role_spec::set_session_user((*raw).stmt, &text::c_string(name));
        }
        let replaced_tablespaces = if how.replace_tablespaces {
            tablespace::replace_missing((*raw).stmt)
        } else {
            Vec::new()
        };
        let none: *mut c_void = core::ptr::null_mut();
        #[cfg(any(feature = "pg13", feature = "pg14"))]
        let analyzed =
            pg_sys::pg_analyze_and_rewrite(raw, query.as_ptr(), none.cast(), 0, none.cast());
        #[cfg(not(any(feature = "pg13", feature = "pg14")))]
        let analyzed = pg_sys::pg_analyze_and_rewrite_fixedparams(
            raw,
            query.as_ptr(),
            none.cast(),
            0,
            none.cast(),
        );
        let planned = list::pointers::<pg_sys::PlannedStmt>(pg_sys::pg_plan_queries(
            analyzed,
            query.as_ptr(),
            0,
            none.cast(),
        ));
        let [planned] = planned[..] else {
            return Err(Failure::not_one_statement(planned.len()));
        };
        let utility = (*planned).utilityStmt;
        let eventless = eventless::kind(node::ParseTree::new(utility));
        if !node::raises_event_triggers(utility) && eventless.is_none() {
            return Err(Failure::not_ddl());
        }
        let must_inline = matches!(
            (*utility).type_,
            pg_sys::NodeTag::T_CreateStmt
                | pg_sys::NodeTag::T_IndexStmt
                | pg_sys::NodeTag::T_AlterTableStmt
        );
        let updates = (*utility).type_ == pg_sys::NodeTag::T_AlterExtensionStmt;
        let creates = (*utility).type_ == pg_sys::NodeTag::T_CreateExtensionStmt;
        running::with(|running| {
            *running = Running {
                must_inline,
                rows_come: !creates,
                ..Running::default()
            };
        });
        let (user, context) = role::running();
        if (updates || creates) && pg_sys::superuser() {
            pg_sys::SetUserIdAndSecContext(
                user,
                context & !(pg_sys::SECURITY_RESTRICTED_OPERATION as c_int),
            );
        }
        let clause = role_clause::take_out(utility);
        if !clause.as_ref().is_some_and(RoleClause::is_all) {
            match eventless::partitions_to_cluster(utility) {
                None => process(planned, &query),
                Some(partitions) => {
                    for partition in partitions {
                        eventless::cluster_only(utility, &partition);
                        process(planned, &query);
                        pg_sys::CommandCounterIncrement();
                        pg_sys::UpdateActiveSnapshotCommandId();
                    }
                }
            }
        }
        if let Some(clause) = clause {
            pg_sys::CommandCounterIncrement();
            clause.run(running::with(|running| running.function), user, context)?;
        }
        pg_sys::SetUserIdAndSecContext(user, context);
        pg_sys::PopActiveSnapshot();
        pg_sys::CommandCounterIncrement();
        identity::note_choice(node::ParseTree::new(utility));
        let done = running::with(std::mem::take);
        let tables = (done.made)
            .iter()
            .copied()
            .filter(|&table| publication::is_publishable(table))
            .collect();
        Ok(Done {
            made: done.made,
            dropped: done.dropped,
            tables,
            dropped_unfinished: done.unfinished,
            replaced_tablespaces,
            left_out: false,
        })
    }
}

// The server's own function, declared by hand: the bound one is wrapped by pgrx's boundary, which copies each error.
mod raw {
    use super::*;
    unsafe extern "C-unwind" {
        pub fn ProcessUtility(
            planned: *mut pg_sys::PlannedStmt,
            query: *const c_char,
            #[cfg(not(feature = "pg13"))] read_only_tree: bool,
            context: pg_sys::ProcessUtilityContext::Type,
            params: pg_sys::ParamListInfo,
            env: *mut pg_sys::QueryEnvironment,
            dest: *mut pg_sys::DestReceiver,
            completion: *mut pg_sys::QueryCompletion,
        );
    }
}

/// # Safety
/// `planned` is a utility statement of the text `query`.
#[allow(
    ffi_unwind_calls,
    reason = "an error is caught below; nothing here has a destructor"
)]
unsafe fn process(planned: *mut pg_sys::PlannedStmt, query: &CStr) {
    // SAFETY: the caller's promise; as SPI calls it.
    unsafe {
        let mut completion = pg_sys::QueryCompletion::default();
        let receiver = pg_sys::CreateDestReceiver(pg_sys::CommandDest::DestNone);
        running::with(|running| running.is_next = true);
        with_short_errors(|| {
            raw::ProcessUtility(
                planned,
                query.as_ptr(),
                #[cfg(not(feature = "pg13"))]
                false,
                pg_sys::ProcessUtilityContext::PROCESS_UTILITY_QUERY,
                core::ptr::null_mut(),
                core::ptr::null_mut(),
                receiver,
                &mut completion,
            )
        });
    }
}
