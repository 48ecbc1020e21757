//! Settings under `dts_ddl_capture.`: what each does, its default and why.
//!
//! All that could hide DDL may be set by superusers only (in postgresql.conf, ALTER DATABASE, ALTER ROLE or SET).

use crate::pg::runtime::{report, session, setting};
use pgrx::guc::GucCheckError;
use pgrx::prelude::*;
use pgrx::{GucContext, GucFlags, GucSetting, PostgresGucEnum};
use std::ffi::CString;

/// What a failure of the capture does to the user's DDL.
#[derive(Clone, Copy, PartialEq, Eq, PostgresGucEnum)]
pub enum OnError {
    #[name = c"error"]
    Error,
    #[name = c"warning"]
    Warning,
}

/// Which new tables get REPLICA IDENTITY FULL.
#[derive(Clone, Copy, PartialEq, Eq, PostgresGucEnum)]
pub enum ReplicaIdentity {
    #[name = c"full"]
    Full,
    #[name = c"full_without_key"]
    FullWithoutKey,
    #[name = c"off"]
    Off,
}

/// What a command that cannot be applied does to the stream.
#[derive(Clone, Copy, PartialEq, Eq, PostgresGucEnum)]
pub enum ApplyOnError {
    #[name = c"stop"]
    Stop,
    #[name = c"log"]
    Log,
}

/// What becomes of a table whose rows a command has computed anew on the source.
#[derive(Clone, Copy, PartialEq, Eq, PostgresGucEnum)]
pub enum ApplyOnRewrite {
    #[name = c"copy"]
    Copy,
    #[name = c"note"]
    Note,
}

/// As whom a command of a role runs that does not exist here.
#[derive(Clone, Copy, PartialEq, Eq, PostgresGucEnum)]
pub enum ApplyMissingRole {
    #[name = c"stop"]
    Stop,
    #[name = c"owner"]
    Owner,
}

/// Where something goes on a destination that does not have its tablespace.
#[derive(Clone, Copy, PartialEq, Eq, PostgresGucEnum)]
pub enum ApplyMissingTablespace {
    #[name = c"stop"]
    Stop,
    #[name = c"database"]
    Database,
}

/// On: the extension was created in order to capture.
static ENABLED: GucSetting<bool> = GucSetting::<bool>::new(true);
/// `error`: a command and its row are one; a migration with a hole is worse than a DDL that has to be repeated.
static ON_ERROR: GucSetting<OnError> = GucSetting::<OnError>::new(OnError::Error);
/// 10,000, as the documented behaviour of the function that consumers know.
static MAX_ROWS: GucSetting<i32> = GucSetting::<i32>::new(10_000);
/// Off: the number of rows already bounds the table.
static MAX_AGE: GucSetting<i32> = GucSetting::<i32>::new(0);
/// `full`, as the documented behaviour: UPDATE and DELETE of tables without a key reach the consumer.
static REPLICA_IDENTITY: GucSetting<ReplicaIdentity> =
    GucSetting::<ReplicaIdentity>::new(ReplicaIdentity::Full);
/// `dts_sync_`, the prefix of the publications that DTS makes.
static PUBLICATION_PREFIX: GucSetting<Option<CString>> =
    GucSetting::<Option<CString>>::new(Some(c"dts_sync_"));
/// On: rows are copied to other systems, where passwords do not belong.
static REDACT_SECRETS: GucSetting<bool> = GucSetting::<bool>::new(true);
/// On: rewritten rows differ on the two sides, and only the user who runs the command can still change it.
static WARN_ON_REWRITE: GucSetting<bool> = GucSetting::<bool>::new(true);

/// Off: roles are of the whole cluster, and consumers may have their own idea of them.
static CAPTURE_ROLES: GucSetting<bool> = GucSetting::<bool>::new(false);

/// `stop`: a schema that has lost a command takes the rows that follow no better.
static APPLY_ON_ERROR: GucSetting<ApplyOnError> =
    GucSetting::<ApplyOnError>::new(ApplyOnError::Stop);
/// `stop`: who owns an object is part of the schema.
static APPLY_MISSING_ROLE: GucSetting<ApplyMissingRole> =
    GucSetting::<ApplyMissingRole>::new(ApplyMissingRole::Stop);
/// `stop`: where something lies is the DBA's choice.
static APPLY_MISSING_TABLESPACE: GucSetting<ApplyMissingTablespace> =
    GucSetting::<ApplyMissingTablespace>::new(ApplyMissingTablespace::Stop);
/// `copy`: rows that differ are found when it is too late.
static APPLY_ON_REWRITE: GucSetting<ApplyOnRewrite> =
    GucSetting::<ApplyOnRewrite>::new(ApplyOnRewrite::Copy);
/// Off: the text is what was sent, and consumers that set the row's search_path need no other.
static QUALIFY_NAMES: GucSetting<bool> = GucSetting::<bool>::new(false);
/// Off: consumers that read the table need no second copy of each command in WAL.
static EMIT_MESSAGE: GucSetting<bool> = GucSetting::<bool>::new(false);

pub fn enabled() -> bool {
    ENABLED.get()
}

pub fn on_error() -> OnError {
    ON_ERROR.get()
}

/// 0 means no limit.
pub fn max_rows() -> i64 {
    i64::from(MAX_ROWS.get())
}

/// In seconds; 0 means no limit.
pub fn max_age() -> i64 {
    i64::from(MAX_AGE.get())
}

pub fn replica_identity() -> ReplicaIdentity {
    REPLICA_IDENTITY.get()
}

/// Empty means that no publication is touched.
pub fn publication_prefix() -> Vec<u8> {
    PUBLICATION_PREFIX
        .get()
        .map(CString::into_bytes)
        .unwrap_or_default()
}

pub fn redact_secrets() -> bool {
    REDACT_SECRETS.get()
}

pub fn capture_roles() -> bool {
    CAPTURE_ROLES.get()
}

pub fn emit_message() -> bool {
    EMIT_MESSAGE.get()
}

pub fn qualify_names() -> bool {
    QUALIFY_NAMES.get()
}

pub fn warn_on_rewrite() -> bool {
    WARN_ON_REWRITE.get()
}

pub fn apply_on_error() -> ApplyOnError {
    APPLY_ON_ERROR.get()
}

pub fn apply_on_rewrite() -> ApplyOnRewrite {
    APPLY_ON_REWRITE.get()
}

pub fn apply_missing_role() -> ApplyMissingRole {
    APPLY_MISSING_ROLE.get()
}

pub fn apply_missing_tablespace() -> ApplyMissingTablespace {
    APPLY_MISSING_TABLESPACE.get()
}

/// Define the settings and reserve their prefix, one after the other. For `_PG_init`.
pub const DEFINITIONS: &[fn()] = &[
    || {
        setting::define_bool(
            c"dts_ddl_capture.enabled",
            c"Records DDL commands.",
            c"When off, DDL commands leave no row.",
            &ENABLED,
            GucContext::Suset,
            GucFlags::default(),
        );
    },
    || {
        setting::define_enum(
            c"dts_ddl_capture.on_error",
            c"What happens to a DDL command that cannot be recorded.",
            c"\"error\" cancels the command; \"warning\" lets it through, writes it to the server log and counts the gap.",
            &ON_ERROR,
            GucContext::Suset,
            GucFlags::default(),
        );
    },
    || {
        setting::define_int(
            c"dts_ddl_capture.max_rows",
            c"Number of rows that public.dts_ddl_command keeps.",
            c"The oldest rows are deleted first. 0 means no limit.",
            &MAX_ROWS,
            0,
            i32::MAX,
            GucContext::Suset,
            GucFlags::default(),
        );
    },
    || {
        setting::define_int(
            c"dts_ddl_capture.max_age",
            c"Age beyond which rows of public.dts_ddl_command are deleted.",
            c"0 means no limit.",
            &MAX_AGE,
            0,
            i32::MAX,
            GucContext::Suset,
            GucFlags::UNIT_S,
        );
    },
    || {
        setting::define_enum(
            c"dts_ddl_capture.replica_identity",
            c"Which new tables get REPLICA IDENTITY FULL.",
            c"\"full\": all; \"full_without_key\": those without a primary key; \"off\": none.",
            &REPLICA_IDENTITY,
            GucContext::Suset,
            GucFlags::default(),
        );
    },
    init_publication_prefix,
    init_capture_roles,
    || {
        setting::define_bool(
            c"dts_ddl_capture.redact_secrets",
            c"Replaces passwords and connection strings in recorded statements by a placeholder.",
            c"Applies to options of user mappings and servers and to the connection strings of subscriptions.",
            &REDACT_SECRETS,
            GucContext::Suset,
            GucFlags::default(),
        );
    },
    || {
        setting::define_bool(
            c"dts_ddl_capture.emit_message",
            c"Writes each recorded command as a logical message, too.",
            c"Transactional, with the prefix \"dts_ddl\"; for consumers that decode messages and read no table.",
            &EMIT_MESSAGE,
            GucContext::Suset,
            GucFlags::default(),
        );
    },
    || {
        setting::define_bool(
            c"dts_ddl_capture.qualify_names",
            c"Stores recorded statements with a schema before each name.",
            c"For consumers that run them under another search_path. Bodies of functions stay as they are.",
            &QUALIFY_NAMES,
            GucContext::Suset,
            GucFlags::default(),
        );
    },
    || {
        setting::define_bool(
            c"dts_ddl_capture.warn_on_rewrite",
            c"Warns when a command rewrites a table with a volatile expression, or brings rows that are not sent.",
            c"Logical replication does not send rewritten rows, so that both sides compute different values.",
            &WARN_ON_REWRITE,
            GucContext::Userset,
            GucFlags::default(),
        );
    },
    || {
        setting::define_enum(
            c"dts_ddl_capture.apply_on_error",
            c"What happens on a destination to a DDL command that cannot be applied.",
            c"\"stop\" stops the apply worker with an error; \"log\" notes the failure in dts_ddl.apply_log and goes on.",
            &APPLY_ON_ERROR,
            GucContext::Suset,
            GucFlags::default(),
        );
    },
    || {
        setting::define_enum(
            c"dts_ddl_capture.apply_on_rewrite",
            c"What happens on a destination to a table whose rows a command has rewritten with a volatile expression.",
            c"\"copy\" empties it and copies it from the source again; \"note\" notes in dts_ddl.apply_log that the rows differ.",
            &APPLY_ON_REWRITE,
            GucContext::Suset,
            GucFlags::default(),
        );
    },
    || {
        setting::define_enum(
            c"dts_ddl_capture.apply_missing_role",
            c"What happens on a destination to a DDL command of a role that does not exist there.",
            c"\"stop\" fails the command; \"owner\" runs it as the owner of the subscription and notes that in dts_ddl.apply_log.",
            &APPLY_MISSING_ROLE,
            GucContext::Suset,
            GucFlags::default(),
        );
    },
    || {
        setting::define_enum(
            c"dts_ddl_capture.apply_missing_tablespace",
            c"What happens on a destination to a DDL command that needs a tablespace which does not exist there.",
            c"\"stop\" fails the command; \"database\" takes the database's own and notes that in dts_ddl.apply_log.",
            &APPLY_MISSING_TABLESPACE,
            GucContext::Suset,
            GucFlags::default(),
        );
    },
    || {
        crate::pg::runtime::session::reserve_settings_prefix(c"dts_ddl_capture");
    },
];

fn init_publication_prefix() {
    setting::define_checked_string(
        c"dts_ddl_capture.publication_prefix",
        c"New tables join the publications whose name begins with this.",
        c"An empty string leaves publications alone.",
        &PUBLICATION_PREFIX,
        Some(check_publication_prefix),
    );
}

fn init_capture_roles() {
    setting::define_checked_bool(
        c"dts_ddl_capture.capture_roles",
        c"Records commands on roles, too.",
        c"CREATE, ALTER, DROP, GRANT and REVOKE of roles, without passwords, in sessions that have loaded the library.",
        &CAPTURE_ROLES,
        Some(check_capture_roles),
    );
}

/// ALTER DATABASE and ALTER ROLE try a value first: the moment to tell that it does not suffice.
#[pg_guc_hook(check)]
fn check_capture_roles(newval: bool, source: pg_sys::GucSource::Type) -> bool {
    if newval && source == pg_sys::GucSource::PGC_S_TEST && !session::preloads_library() {
        report::emit(
            PgLogLevel::WARNING,
            PgSqlErrorCode::ERRCODE_WARNING,
            "commands on roles are recorded only in sessions that have loaded dts_ddl_capture",
            Some("PostgreSQL raises no event trigger for them, which would load it."),
            Some(
                "Add dts_ddl_capture to \"session_preload_libraries\" or \"shared_preload_libraries\".",
            ),
        );
    }
    true
}

#[pg_guc_hook(check)]
fn check_publication_prefix(newval: Option<CString>) -> Result<(), GucCheckError> {
    let length = newval.map_or(0, |value| value.as_bytes().len());
    if length < pg_sys::NAMEDATALEN as usize {
        return Ok(());
    }
    Err(GucCheckError::default()
        .with_detail(format!(
            "The prefix has {length} bytes; a publication's name has at most 63."
        ))
        .with_hint("Use a shorter prefix, or an empty string to leave publications alone."))
}
