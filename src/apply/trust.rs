//! Whether what a source sends may run here: nobody is to have more rights on the destination than he has on the source.
//!
//! DDL never has more rights than its author (this module, [`crate::pg::hooks::execute`]). Rows have those of the table's owner
//! where PostgreSQL gives them no others (from 16 on, without run_as_owner) and the library is in each worker from its start
//! ([`crate::pg::hooks::row_rights`]). And who can write rows of the capture table on the source decides what runs here as
//! whom. Where one of these does not hold, no DDL is applied, unless the DBA says that all who may run DDL on the source are
//! trusted like the subscription's owner: `start_apply(trust_source => true)`.

use super::source;
use crate::document::Document;
use crate::error::Failure;
use crate::pg::catalog::rights;
use crate::pg::catalog::role::Role;
use crate::pg::replication::publisher::Publisher;
use crate::pg::replication::subscription::{Described, Worker};
use crate::pg::runtime::session;
use crate::pg::store::sequence::source_is_trusted;
use std::cell::Cell;

/// What of the server itself leaves rows more rights than they may have.
fn of_server() -> Option<&'static str> {
    if session::MAJOR < 16 {
        Some(
            "Before PostgreSQL 16 rows are written with the rights of the subscription's owner, and so is run what they call.",
        )
    } else if session::is_preloaded() {
        None
    } else {
        Some(
            "dts_ddl_capture is not in shared_preload_libraries of this server, so that a worker may write rows of superusers' tables without it.",
        )
    }
}

/// This server can keep rows of a source that is not trusted in their bounds.
pub fn require_server_of_untrusted() -> Result<(), Failure> {
    of_server().map_or(Ok(()), |reason| Err(Failure::not_trusted(reason)))
}

/// A subscription that brings the capture table.
pub fn require_subscription(subscription: &Described) -> Result<(), Failure> {
    if !subscription.owner.is_superuser() {
        return Err(Failure::owner_no_superuser(&subscription.name));
    }
    require_own_rights(subscription.runs_as_owner)
}

/// Rows have the rights of the tables' owners, not those of the subscription's.
pub fn require_own_rights(runs_as_owner: bool) -> Result<(), Failure> {
    if source_is_trusted()? {
        return Ok(());
    }
    require_server_of_untrusted()?;
    if runs_as_owner {
        return Err(Failure::not_trusted(
            "With run_as_owner rows are written with the rights of the subscription's owner, and so is run what they call.",
        ));
    }
    Ok(())
}

/// The publisher's capture table is written by capture and by superusers alone. False where it cannot be asked.
pub fn require_publisher(publisher: &Publisher) -> Result<bool, Failure> {
    if source_is_trusted()? {
        return Ok(true);
    }
    match source::writers(publisher)? {
        Some(writers) if !writers.is_empty() => Err(Failure::others_write(&writers)),
        answer => Ok(answer.is_some()),
    }
}

/// The same, asked by a worker before its first command: whatever has been changed since the subscription was made, what it is
/// connected to, or who made it, the worker was started anew for it.
pub fn require_publisher_of(worker: &Worker) -> Result<(), Failure> {
    thread_local! {
        static ASKED: Cell<bool> = const { Cell::new(false) };
    }
    let Some(subscription) = worker.subscription().filter(|_| !ASKED.get()) else {
        return Ok(());
    };
    if source_is_trusted()? {
        return Ok(());
    }
    if !require_publisher(&Publisher::of_subscription(subscription).0)? {
        return Err(Failure::publisher_not_asked());
    }
    ASKED.set(true);
    Ok(())
}

/// A role has no more power here than the row says it had there.
pub fn require_role(name: &str, role: Role, document: &Document<'_>) -> Result<(), Failure> {
    let (_, superuser, had) = document.author();
    let more: Vec<String> = if superuser {
        Vec::new()
    } else if role.is_superuser() {
        vec!["superuser".to_owned()]
    } else {
        rights::of(role)
            .iter()
            .filter(|right| !had.contains(right))
            .cloned()
            .collect()
    };
    if more.is_empty() {
        Ok(())
    } else {
        Err(Failure::role_gained_rights(name, &more))
    }
}
