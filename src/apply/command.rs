//! What becomes of a command that has arrived: whether it runs, as whom, and what a failure means.

use super::{
    circumstances, log, log::Outcome, membership, names, recorded::Command, stops, tries::Tries,
    trust,
};
use crate::document::{self, Document, Object};
use crate::error::{Failure, shown};
use crate::guc::{self, ApplyMissingRole, ApplyOnError};
use crate::pg::catalog::lookup;
use crate::pg::catalog::role::Role;
use crate::pg::hooks::execute::{self, SourceSession};
use crate::pg::replication::copies::InTheWay;
use crate::pg::replication::subscription::Worker;
use crate::pg::runtime::subtransaction;
use crate::pg::store::sequence::{APPLY_AFTER_SEQUENCE, sequence_value_if_set, source_is_trusted};
use std::borrow::Cow;
use std::time::Instant;

/// A row has arrived through logical replication.
pub fn arrived(command: &Command, worker: &Worker) -> Result<(), Failure> {
    stops::begins(command);
    decide(command, worker)?;
    stops::is_over();
    Ok(())
}

fn decide(command: &Command, worker: &Worker) -> Result<(), Failure> {
    if sequence_value_if_set(APPLY_AFTER_SEQUENCE)?.is_some_and(|after| command.id <= after) {
        return log::write(command, &Outcome::of_status("history"));
    }
    if log::is_to_be_skipped(command.id)? {
        return log::write(command, &Outcome::of_status("skipped"));
    }
    if let Some(subscription) = &worker.described {
        trust::require_subscription(subscription)
            .and_then(|()| trust::require_publisher_of(worker))
            .map_err(|failure| stopping(command, failure))?;
    }
    let begin = Instant::now();
    let mut role_name = None;
    let tries = Tries::begin(command, worker)?;
    let attempt = Attempt::of(command, &tries);
    let copies = InTheWay::begin();
    let result = if let Some(failure) = tries.are_too_many() {
        Err(failure)
    } else {
        command.document().and_then(|document| {
            if document.replay == Some(false) {
                // A publication is the source's own; what it means for a table is not.
                if let Some(role) = Role::find(&command.username) {
                    attempt.run(|| membership::follow_identities(&document, &[], role))?;
                }
                return Ok(Ran {
                    status: "not for replay",
                    note: document.replay_reason.map(Cow::into_owned),
                });
            }
            let (role, note) = role_of(command, &document)?;
            role_name = Some(command.username.clone());
            let session = SourceSession::begin(
                circumstances::reset_values(&document),
                circumstances::clock(&document),
            );
            attempt
                .run(|| run(command, document, worker, role, &session))
                .map(|ran| Ran {
                    note: log::joined(note, ran.note),
                    ..ran
                })
        })
    };
    if result.as_ref().is_err_and(Failure::is_of_lock) {
        copies.stop();
    }
    let (status, failure, note) = match &result {
        Ok(ran) => (ran.status, None, ran.note.as_deref()),
        Err(failure) => ("failed", Some(failure), None),
    };
    let outcome = Outcome {
        status,
        role: role_name.as_deref(),
        milliseconds: Some(begin.elapsed().as_secs_f64() * 1000.0),
        failure,
        note,
    };
    match failure {
        Some(failure)
            if attempt == Attempt::ForGood || failure.may_pass_by_itself() && tries.may_go_on() =>
        {
            Err(stopping(command, failure.clone()))
        }
        _ => {
            tries.end()?;
            log::write(command, &outcome)
        }
    }
}

/// What a failure means for the transaction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Attempt {
    /// The worker stops with it.
    ForGood,
    /// It is logged, and what the command has done is undone.
    Undone,
}

impl Attempt {
    /// A value that is added to an enum of the same transaction can be used in that (17 and later), but only if neither was done in
    /// a subtransaction (pg_enum.c: EnumTypeUncommitted). So the first try of such a command is for good also where errors are
    /// logged; the worker tries again after a failure.
    fn of(command: &Command, tries: &Tries) -> Self {
        let may_be_enum = matches!(command.tag.as_str(), "CREATE TYPE" | "ALTER TYPE");
        if guc::apply_on_error() == ApplyOnError::Stop || may_be_enum && tries.is_first() {
            Attempt::ForGood
        } else {
            Attempt::Undone
        }
    }

    fn run<T>(self, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        match self {
            Attempt::ForGood => subtransaction::attempt_for_good(work),
            Attempt::Undone => subtransaction::attempt(work),
        }
    }
}

struct Ran {
    status: &'static str,
    note: Option<String>,
}

/// The error with which the worker stops. It comes again after each restart of the worker, until the cause is mended or the
/// command is skipped.
fn stopping(command: &Command, failure: Failure) -> Failure {
    let id = command.id;
    let reason = failure.detail.map(|d| format!("{d} ")).unwrap_or_default();
    let cause = failure.hint.map(|h| format!("{h} ")).unwrap_or_default();
    let makes_tables = ["CREATE TABLE", "CREATE EXTENSION", "CREATE SCHEMA"];
    let tables = if makes_tables.contains(&command.tag.as_str()) {
        ": then make its tables by hand, and take them in by dts_ddl.copy_table(), or their rows go nowhere"
    } else {
        ""
    };
    Failure {
        code: failure.code,
        message: format!("could not apply DDL command {id}: {}", failure.message),
        detail: Some(format!(
            "{reason}The command was run by role \"{}\": {}",
            command.username,
            shown(&command.statement)
        )),
        hint: Some(format!(
            "{cause}Replication goes on by itself once the cause is mended, or after SELECT dts_ddl.skip({id}), which leaves the \
             command out{tables}."
        )),
    }
}

/// As whom a command runs: as the role it had, never with more rights than it had.
fn role_of(command: &Command, document: &Document<'_>) -> Result<(Role, Option<String>), Failure> {
    let name = document.author().0.unwrap_or(&command.username);
    let owner = Role::of_session();
    let Some(role) = Role::find(name) else {
        return match guc::apply_missing_role() {
            ApplyMissingRole::Owner if source_is_trusted()? => Ok((
                owner,
                Some(format!(
                    "role \"{name}\" does not exist: run as the subscription's owner"
                )),
            )),
            _ => Err(Failure::role_missing(name)),
        };
    };
    trust::require_role(name, role, document)?;
    if !owner.may_become(role) {
        return Err(Failure::role_out_of_reach(name));
    }
    Ok((role, None))
}

/// Runs the command.
fn run(
    command: &Command,
    document: Document<'static>,
    worker: &Worker,
    role: Role,
    session: &SourceSession,
) -> Result<Ran, Failure> {
    let squatter = squatter(command, &document, role)?;
    let session_user = document.session_user.as_deref();
    let done = execute::as_role(role, session, session_user, || {
        let refused = circumstances::set_all(&document);
        let how = execute::How {
            source_major: document.major,
            session_user,
            replace_tablespaces: circumstances::replaces_tablespaces(),
        };
        execute::run(&command.statement, &how).map(|done| (done, refused))
    });
    let (done, refused) = done?;
    if let Some(identity) = squatter {
        return Err(Failure::name_taken(identity));
    }
    let refused = refused.after(&done.made)?;
    if done.left_out {
        return Ok(Ran {
            status: "not for replay",
            note: Some("runs outside of transactions only".to_owned()),
        });
    }
    names::give(&document, &done)?;
    let unfinished = (!done.dropped_unfinished.is_empty()).then(|| {
            format!(
                "dropped before its copy was finished: {}; a slot of the copy (pg_.._sync_..) may be left on the source",
                done.dropped_unfinished.join(", ")
            )
        });
    let replaced = (!done.replaced_tablespaces.is_empty()).then(|| {
        format!(
            "the database's own tablespace stands for what does not exist here: {}",
            done.replaced_tablespaces.join(", ")
        )
    });
    let secrets = document::secrets_missing(&command.tag, document.redacted);
    let published = membership::take_part(command, &document, worker, &done.tables, role)?;
    Ok(Ran {
        status: "applied",
        note: log::joined(
            log::joined(log::joined(refused, replaced), unfinished),
            log::joined(published, secrets),
        ),
    })
}

/// What a superuser's CREATE .. IF NOT EXISTS has made there, and finds here, of an ordinary role: it is another thing than
/// there, and what the superuser does with it next would run her code as him.
fn squatter<'a>(
    command: &Command,
    document: &'a Document<'_>,
    role: Role,
) -> Result<Option<&'a str>, Failure> {
    const KINDS: [(&str, &str); 6] = [
        ("CREATE SCHEMA", "schema"),
        ("CREATE TABLE", "table"),
        ("CREATE TABLE AS", "table"),
        ("CREATE FOREIGN TABLE", "foreign table"),
        ("CREATE SEQUENCE", "sequence"),
        ("CREATE MATERIALIZED VIEW", "materialized view"),
    ];
    let kind = KINDS.iter().find(|(tag, _)| *tag == command.tag);
    let made = kind.filter(|_| role.is_superuser()).and_then(|(_, kind)| {
        let of_kind = |object: &&Object| object.object_type == *kind;
        document.objects.iter().find(of_kind)
    });
    let Some(identity) = made.and_then(|object| object.identity.as_deref()) else {
        return Ok(None);
    };
    let owner = if command.tag == "CREATE SCHEMA" {
        lookup::schema_by_identity(identity).and_then(Role::owner_of_schema)
    } else {
        lookup::relation_by_identity(identity).and_then(Role::owner_if_there)
    };
    Ok(owner
        .is_some_and(|owner| !owner.is_superuser())
        .then_some(identity))
}
