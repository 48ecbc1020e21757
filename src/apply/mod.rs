//! The destination: rows of `public.dts_ddl_command` that logical replication brings are executed as they arrive, in the
//! transaction of the rows around them.
//!
//! A subscription begins with [`subscribe`]. The path of one row: the REPLICA triggers that `dts_ddl.start_apply()` makes
//! ([`triggers`]); the row as the source wrote it ([`recorded`]); whether and as whom it runs (here); role, search_path,
//! settings and the statement itself ([`crate::pg::hooks::execute`]); how often it is tried ([`tries`]); new tables enter the subscription ([`publish`]); what became
//! of it ([`log`]). When its rows differ or went nowhere, a table is copied anew ([`copy`]).
//! Relied on: a trigger of the applied row runs before the next row of the stream, in the same transaction, so that command,
//! log and the position in the stream are committed or lost together.
//! Not promised: anything for rows that are inserted by other means than logical replication; they are left alone.

pub mod copy;
mod log;
mod names;
mod publish;
mod recorded;
pub mod script_rows;
pub mod stops;
pub mod subscribe;
mod tries;
pub mod triggers;
pub mod trust;

use crate::document::settings;
use crate::document::{self, Document, Object};
use crate::error::{Failure, shown};
use crate::guc::{self, ApplyMissingRole, ApplyMissingTablespace, ApplyOnError};
use crate::pg::catalog::lookup;
use crate::pg::catalog::role::Role;
use crate::pg::catalog::spi::{self, Parameter};
use crate::pg::command::tablespace;
use crate::pg::hooks::execute::{self, SourceSession};
use crate::pg::replication::publisher::Publisher;
use crate::pg::replication::subscription::{self, TableState, Worker};
use crate::pg::runtime::{report, session, setting, subtransaction, text};
use crate::pg::store::sequence::{APPLY_AFTER_SEQUENCE, sequence_value_if_set, source_is_trusted};
use crate::pg::store::table;
use core::ffi::CStr;
use log::Outcome;
use pgrx::prelude::{PgLogLevel, PgSqlErrorCode};
use recorded::Command;
use std::borrow::Cow;
use std::time::Instant;
use tries::Tries;

/// A row has arrived through logical replication.
fn arrived(command: &Command, worker: &Worker) -> Result<(), Failure> {
    stops::tries(command);
    decide(command, worker)?;
    stops::has_tried();
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
    let result = if let Some(failure) = tries.are_too_many() {
        Err(failure)
    } else {
        command.document().and_then(|document| {
            if document.replay == Some(false) {
                // A publication is the source's own; what it means for a table is not.
                if let Some(role) = Role::find(&command.username) {
                    attempt.run(|| publish::follow_identities(&document, &[], role))?;
                }
                return Ok(Ran {
                    status: "not for replay",
                    note: document.replay_reason.map(Cow::into_owned),
                });
            }
            let (role, note) = role_of(command, &document)?;
            role_name = Some(command.username.clone());
            let session = SourceSession::begin(reset_values(&document));
            attempt
                .run(|| run(command, document, worker, role, &session))
                .map(|ran| Ran {
                    note: joined(note, ran.note),
                    ..ran
                })
        })
    };
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

fn joined(first: Option<String>, second: Option<String>) -> Option<String> {
    match (first, second) {
        (Some(first), Some(second)) => Some(format!("{first}; {second}")),
        (first, second) => first.or(second),
    }
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
    let name = document
        .run_as
        .as_ref()
        .map_or(&command.username, |run_as| &run_as.role);
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
        let refused = set_all(&document);
        let how = execute::How {
            source_major: document.major,
            session_user,
            replace_tablespaces: replaces_tablespaces(),
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
    let published = publish::take_part(command, &document, worker, &done.tables, role)?;
    Ok(Ran {
        status: "applied",
        note: joined(
            joined(joined(refused, replaced), unfinished),
            joined(published, secrets),
        ),
    })
}

/// What a superuser's CREATE .. IF NOT EXISTS has made there, and finds here, of an ordinary role: it is another thing than there, and
/// what the superuser does with it next would run her code as him.
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
    let query = if command.tag == "CREATE SCHEMA" {
        "SELECT n.nspowner::bigint FROM pg_catalog.pg_namespace n WHERE n.oid OPERATOR(pg_catalog.=) pg_catalog.to_regnamespace($1)"
    } else {
        "SELECT c.relowner::bigint FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass($1)"
    };
    let owner = spi::bigints(query, &[Parameter::Text(Some(&text::encode(identity)))])?;
    let is_ordinary = |&owner: &i64| !Role::of_oid(oid(owner)).is_superuser();
    Ok(owner.first().is_some_and(is_ordinary).then_some(identity))
}

fn replaces_tablespaces() -> bool {
    guc::apply_missing_tablespace() == ApplyMissingTablespace::Database
}

/// Settings whose value does not exist here, with that value.
struct Refused(Vec<(&'static CStr, String)>);

impl Refused {
    /// Once the command has made these relations: a note, or why it fails. What new relations go into matters to these alone.
    fn after(self, made: &[lookup::Oid]) -> Result<Option<String>, Failure> {
        let is_stored = made.iter().any(|&relation| tablespace::is_stored(relation));
        let mut notes = Vec::new();
        for (name, value) in self.0 {
            let shown = name.to_string_lossy();
            if tablespace::is_of_new_relations(name) {
                if !is_stored {
                    continue;
                }
                if name != c"default_tablespace" || !replaces_tablespaces() {
                    return Err(Failure::setting_unknown(&shown, &value));
                }
            }
            notes.push(format!("{shown} = \"{value}\" is not known here"));
        }
        Ok((!notes.is_empty()).then(|| notes.join("; ")))
    }
}

/// What RESET made of search path and settings. Where the row does not tell, that was what the session had; of search_path
/// (and with all rows before 1.3.0) it was PostgreSQL's built-in default.
fn reset_values(document: &Document<'_>) -> impl Iterator<Item = (&'static CStr, Vec<u8>)> {
    let told = |name: &CStr| document.reset.get(name.to_str().ok()?);
    let settings = settings::SETTINGS.into_iter().map(move |(name, default)| {
        let value = told(name).map_or_else(
            || recorded(document, name, default),
            |value| text::encode(value).into_owned(),
        );
        (name, value)
    });
    let path = told(settings::SEARCH_PATH).map_or_else(
        || settings::USUAL_PATH.to_vec(),
        |path| text::encode(path).into_owned(),
    );
    settings.chain([(settings::SEARCH_PATH, path)])
}

/// The value that a setting had.
fn recorded(document: &Document<'_>, name: &CStr, default: &[u8]) -> Vec<u8> {
    let recorded = name
        .to_str()
        .ok()
        .and_then(|name| document.settings.get(name));
    recorded.map_or_else(
        || default.to_vec(),
        |value| text::encode(value).into_owned(),
    )
}

/// Search path and settings as they were. Those that the row does not name had PostgreSQL's built-in default.
fn set_all(document: &Document<'_>) -> Refused {
    let path: Vec<String> = document
        .search_path
        .iter()
        .filter(|schema| *schema != "pg_temp")
        .map(|schema| text::quote_identifier(schema))
        .collect();
    // As in an apply worker: neither is the command captured here, nor do ordinary triggers fire.
    setting::set(c"session_replication_role", b"replica", false);
    setting::set(c"search_path", &text::encode(&path.join(", ")), false);
    let mut refused = Vec::new();
    for (name, default) in settings::SETTINGS {
        let value = if name == c"check_function_bodies" {
            // A body may name what only the source's session had (temporary tables); it was checked there.
            b"off".to_vec()
        } else {
            recorded(document, name, default)
        };
        let Some(current) = session::setting(name) else {
            continue; // this major has no such setting
        };
        if current == value {
            continue;
        }
        // Where the value is unknown here, the session's own stays.
        let shown = name.to_string_lossy();
        let lenient =
            settings::LOCALES.contains(&shown.as_ref()) || settings::names_an_object(&shown);
        if !setting::set(name, &value, lenient) {
            refused.push((name, text::decode(&value)));
        }
    }
    execute::allow_deep_stack();
    Refused(refused)
}

/// Enters all tables of this database in a subscription as ready, for a destination whose schema and rows are those of the
/// moment at which the subscription's slot was made. Returns how many were not in it before.
pub fn adopt_tables(subscription: &str) -> Result<i64, Failure> {
    session::refuse_in_read_only_transaction(c"dts_ddl.adopt_tables()");
    let found = spi::bigints(
        "SELECT s.oid::bigint FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid
          WHERE s.subname::text OPERATOR(pg_catalog.=) $1 AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()",
        &[Parameter::Text(Some(&text::encode(subscription)))],
    )?;
    let Some(&subscription_oid) = found.first() else {
        return Err(Failure::no_subscription(subscription));
    };
    if table::is_destination() {
        require_trust(oid(subscription_oid))?;
    }
    let tables = spi::bigints(
        "SELECT c.oid::bigint FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.oid >= 16384
            AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'dts_ddl')",
        &[],
    )?;
    let added = tables
        .into_iter()
        .filter(|&table| {
            subscription::add_table(oid(subscription_oid), oid(table), TableState::Ready)
        })
        .count();
    Ok(added as i64)
}

/// A subscription may bring what it brings.
fn require_trust(subscription: lookup::Oid) -> Result<(), Failure> {
    let (publisher, described) = Publisher::of_subscription(subscription);
    let answer = subscribe::publishes_commands(&publisher)?;
    if answer == Some(false) {
        return Ok(());
    }
    trust::require_subscription(&described)?;
    if answer.is_none() || !trust::require_publisher(&publisher)? {
        report::emit(
            PgLogLevel::WARNING,
            PgSqlErrorCode::ERRCODE_WARNING,
            &format!(
                "could not look who can write DDL commands on the source of subscription \"{}\"",
                described.name
            ),
            Some("There is no connection to the publisher now."),
            Some("See docs/security.md, I7; or call the function again when there is one."),
        );
    }
    Ok(())
}

fn oid(value: i64) -> lookup::Oid {
    lookup::Oid::from(value as u32)
}

const SUBSCRIPTIONS: &str = "SELECT s.oid::bigint FROM pg_catalog.pg_subscription s
      JOIN pg_catalog.pg_database d ON d.oid = s.subdbid AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()";

const DDL_STILL_COMES: &str = "SELECT r.srsubid::bigint FROM pg_catalog.pg_subscription_rel r
     JOIN pg_catalog.pg_subscription s ON s.oid = r.srsubid
    WHERE r.srrelid = 'public.dts_ddl_command'::regclass AND s.subenabled";

/// Makes this database a destination; see `sql/start_apply.sql`. What is wrong with the arguments, and warnings, are told from
/// here: PostgreSQL puts the whole text of a block that raises them into their context.
pub fn start(
    after_id: Option<i64>,
    server_number: Option<i32>,
    trust_source: Option<bool>,
) -> Result<(), Failure> {
    session::refuse_in_read_only_transaction(c"dts_ddl.start_apply()");
    if after_id.is_some_and(|id| id < 0) {
        return Err(Failure::argument("after_id must not be negative"));
    }
    if server_number.is_some_and(|number| !(0..16).contains(&number)) {
        return Err(Failure::argument("server_number must be between 0 and 15"));
    }
    table::require_with_ids()?;
    if trust_source == Some(false) {
        trust::require_server_of_untrusted()?;
    }
    let literal = |value: Option<String>| value.unwrap_or_else(|| "NULL".to_owned());
    run_block(
        &include_str!("../../sql/start_apply.sql")
            .replace("{after_id}", &literal(after_id.map(|v| v.to_string())))
            .replace(
                "{server_number}",
                &literal(server_number.map(|v| v.to_string())),
            )
            .replace(
                "{trust_source}",
                &literal(trust_source.map(|v| v.to_string())),
            ),
    )?;
    if trust_source == Some(false) {
        for subscription in spi::bigints(SUBSCRIPTIONS, &[])? {
            require_trust(oid(subscription))?;
        }
    }
    Ok(())
}

/// Makes this database an ordinary one again; see `sql/stop_apply.sql`.
pub fn stop(capture: bool) -> Result<(), Failure> {
    session::refuse_in_read_only_transaction(c"dts_ddl.stop_apply()");
    table::require_with_ids()?;
    run_block(
        &include_str!("../../sql/stop_apply.sql").replace("{capture}", &capture.to_string()),
    )?;
    if !spi::bigints(DDL_STILL_COMES, &[])?.is_empty() {
        report::emit(
            PgLogLevel::WARNING,
            PgSqlErrorCode::ERRCODE_WARNING,
            "an enabled subscription still brings DDL commands, which are no longer run",
            None,
            Some("Disable or drop the subscription."),
        );
    }
    Ok(())
}

fn run_block(body: &str) -> Result<(), Failure> {
    // Its statements find the table by name. Who owns schema public could put another one there, but not while it is locked.
    spi::execute("LOCK TABLE pg_catalog.pg_namespace IN SHARE MODE", &[])?;
    table::require_with_ids()?;
    spi::execute(&format!("DO LANGUAGE plpgsql $block$\n{body}$block$"), &[]).map(|_| ())
}

/// The DDL command with this id is not to be run here.
pub fn skip(id: i64) -> Result<(), Failure> {
    if !table::is_destination() {
        return Err(Failure::not_a_destination());
    }
    spi::execute(
        "INSERT INTO dts_ddl.apply_skip (id) VALUES ($1) ON CONFLICT DO NOTHING",
        &[Parameter::BigInt(id)],
    )
    .map(|_| ())
}
