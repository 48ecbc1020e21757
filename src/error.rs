//! What can go wrong in capture, apply and read, in words. On the ground: [`crate::pg::runtime::failure`].

pub use crate::pg::runtime::failure::{Failure, sqlstate_of};
use crate::pg::runtime::{report, text};
use pgrx::prelude::PgSqlErrorCode::*;
use pgrx::prelude::*;

/// So many bytes of a statement at most.
const SHOWN: u16 = u16::MAX;

impl Failure {
    /// A row that its consumers could not decode. `message` is the length of what cannot be left out of that column.
    pub fn row_too_large(ddl_text: usize, message: usize) -> Self {
        Self::too_large(
            "the row of the DDL command would be too large to be decoded",
            format!(
                "Its \"ddl_text\" would have {ddl_text} bytes, its \"message\" {message} or more."
            ),
        )
    }

    pub fn logical_message_too_large(length: usize) -> Self {
        Self::too_large(
            "the logical message of the DDL command would be too large to be decoded",
            format!("It would have {length} bytes or more."),
        )
    }

    /// The statement's text could not be found, so no row can be written for it.
    pub fn text_unknown(tag: &str) -> Self {
        Failure::new(
            ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "could not determine the text of the DDL command",
        )
        .detail(format!(
            "A {tag} command was run by code that gives PostgreSQL no statement text."
        ))
        .hint("Run the command again in a session that preloads dts_ddl_capture.")
    }

    /// A script was asked for whose commands are no longer there.
    pub fn rows_pruned(first: i64, last: i64) -> Self {
        let rows = if first == last {
            format!("The row with id {first} is gone.")
        } else {
            format!("The rows with ids from {first} to {last} are gone, all or in part.")
        };
        Self::prerequisite(
            "DDL rows needed by the script were pruned",
            rows,
            "Copy the schema of the source with pg_dump, and pass the dts_ddl.last_id() of \
             that moment as \"after_id\".",
        )
    }

    /// An argument that makes no sense whatever the database holds.
    pub fn argument(message: &str) -> Self {
        Failure::new(ERRCODE_INVALID_PARAMETER_VALUE, message)
    }

    /// A script was asked for in an encoding whose backslash is another character.
    pub fn encoding_unfit(encoding: &str) -> Self {
        Failure::new(
            ERRCODE_FEATURE_NOT_SUPPORTED,
            format!("a script cannot be written in encoding \"{encoding}\""),
        )
        .detail("It has the yen sign in the place of the backslash.")
        .hint("Use PGCLIENTENCODING=UTF8.")
    }

    /// A script was asked for that ends before it begins.
    pub fn range_backwards(after_id: i64, up_to_id: i64) -> Self {
        Failure::new(
            ERRCODE_INVALID_PARAMETER_VALUE,
            format!("\"up_to_id\" ({up_to_id}) is less than \"after_id\" ({after_id})"),
        )
        .hint("Leave \"up_to_id\" out for everything up to the newest row.")
    }

    /// A consumer whose kinds of commands are not known; `known` are.
    pub fn consumer_unknown(name: &str, known: &str) -> Self {
        Failure::new(
            ERRCODE_INVALID_PARAMETER_VALUE,
            format!("consumer \"{name}\" is not known"),
        )
        .detail(format!("Known consumers are {known}."))
        .hint("Name the command tags that it runs, in capitals.")
    }

    /// What a consumer has not confirmed was asked for of something that is no logical slot of this database.
    pub fn slot_unknown(slot: &str) -> Self {
        Failure::new(
            ERRCODE_UNDEFINED_OBJECT,
            format!("replication slot \"{slot}\" does not exist in this database"),
        )
        .detail("It must be a logical slot of the current database.")
        .hint("See the view pg_replication_slots.")
    }

    /// A slot whose WAL is gone.
    pub fn slot_lost(slot: &str) -> Self {
        Self::prerequisite(
            &format!("replication slot \"{slot}\" has been invalidated"),
            "The WAL that its consumer needs is no longer there.".to_owned(),
            "Make a new slot and a new copy for this consumer.",
        )
    }

    /// A row that was not written by the capture, or was changed afterwards.
    pub fn row_unreadable(id: i64, detail: String) -> Self {
        Self::prerequisite(
            &format!("the DDL row with id {id} cannot be read"),
            detail,
            "Rows of public.dts_ddl_command must be as the capture wrote them. Mend or delete \
             the row, or begin after it.",
        )
    }

    /// A row of the capture table does not hold what the capture writes.
    pub fn message_unreadable(id: i64, reason: &str) -> Self {
        Failure::new(
            ERRCODE_DATA_EXCEPTION,
            format!("column \"message\" of DDL command {id} is not as the capture writes it"),
        )
        .detail(reason)
    }

    /// Another command has the id of one that arrives.
    pub fn id_taken(id: i64) -> Self {
        Failure::new(
            ERRCODE_UNIQUE_VIOLATION,
            format!(
                "DDL command {id} of the source has the same id as a command that was recorded here"
            ),
        )
        .detail("Two servers that both capture must not give the same ids.")
        .hint(
            "Remove the row here if nobody needs it; where both servers are to capture, call \
             dts_ddl.start_apply() with a server_number of its own on each.",
        )
    }

    /// A worker could not ask who can write rows of the capture table.
    pub fn publisher_not_asked() -> Self {
        Failure::new(
            ERRCODE_CONNECTION_FAILURE,
            "could not ask the publisher who can write DDL commands",
        )
        .detail("A worker asks before its first command, by a connection of its own.")
    }

    pub fn not_a_destination() -> Self {
        Failure::new(
            ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "this database does not apply DDL commands",
        )
        .hint("Use dts_ddl.start_apply() first.")
    }

    pub fn no_subscription(name: &str) -> Self {
        Failure::new(
            ERRCODE_UNDEFINED_OBJECT,
            format!("subscription \"{name}\" does not exist"),
        )
    }

    pub fn subscription_runs(name: &str) -> Self {
        Self::prerequisite(
            &format!("subscription \"{name}\" is enabled, or a worker of it still runs"),
            "Rows of the table would come through the stream and by the copy.".to_owned(),
            &format!(
                "ALTER SUBSCRIPTION {name} DISABLE first, and ENABLE it afterwards.",
                name = text::quote_identifier(name)
            ),
        )
    }

    /// For `dts_ddl.copy_table()`.
    pub fn not_copied(relation: &str) -> Self {
        Failure::new(
            ERRCODE_WRONG_OBJECT_TYPE,
            format!("{relation} is no table that a subscription copies"),
        )
        .detail(
            "It must be a table, not a temporary one, nor one of PostgreSQL or of the \
             extension dts_ddl_capture.",
        )
    }

    pub fn not_published(table: &str, subscription: &str) -> Self {
        Self::prerequisite(
            &format!(
                "no publication of subscription \"{subscription}\" sends rows of table {table}"
            ),
            "The publisher has none of its name in them.".to_owned(),
            "Publish it there first.",
        )
    }

    pub fn sent_as_parent(table: &str, parent: &str) -> Self {
        Self::prerequisite(
            &format!("rows of table {table} come as rows of {parent}"),
            "A publication of the publisher has publish_via_partition_root.".to_owned(),
            "Copy that table.",
        )
    }

    pub fn publisher_not_reached(subscription: &str) -> Self {
        Failure::new(
            ERRCODE_CONNECTION_FAILURE,
            format!("could not connect to the publisher of subscription \"{subscription}\""),
        )
        .detail("It is asked which tables it sends.")
    }

    pub fn role_missing(role: &str) -> Self {
        Failure::new(
            ERRCODE_UNDEFINED_OBJECT,
            format!("role \"{role}\" does not exist"),
        )
        .detail("The command was run by this role on the source.")
        .hint(
            "Create the role here; or, where the source is trusted (start_apply(trust_source \
             => true)), set dts_ddl_capture.apply_missing_role to \"owner\".",
        )
    }

    /// The source is not trusted, and this is why its DDL is not applied.
    pub fn not_trusted(reason: &str) -> Self {
        Failure::new(
            ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "DDL of a source that is not trusted is not applied here",
        )
        .detail(reason)
        .hint(
            "Use SELECT dts_ddl.start_apply(trust_source => true) if all who may run DDL on \
             the source may do what the subscription's owner may; else PostgreSQL 16 or \
             later, shared_preload_libraries = 'dts_ddl_capture', and run_as_owner = false.",
        )
    }

    /// What a command made on the source is here already, of somebody else.
    pub fn name_taken(identity: &str) -> Self {
        Failure::new(
            ERRCODE_DUPLICATE_OBJECT,
            format!("{identity} is here already, and belongs to another role"),
        )
        .detail("The command made it on the source.")
        .hint(
            "Rename or drop it here, if it is not what it is on the source; \
             else use dts_ddl.skip().",
        )
    }

    /// A new relation would go into something that is not here.
    pub fn setting_unknown(name: &str, value: &str) -> Self {
        let hint = if name == "default_tablespace" {
            "Create the tablespace here, or set dts_ddl_capture.apply_missing_tablespace to \
             \"database\"."
        } else {
            "Create the access method here."
        };
        Failure::new(
            ERRCODE_UNDEFINED_OBJECT,
            format!("\"{value}\" does not exist"),
        )
        .detail(format!(
            "The command was run under {name} = \"{value}\", and makes a relation."
        ))
        .hint(hint)
    }

    /// What the command has made has another name, since something else has that.
    pub fn name_of_another(identity: &str) -> Self {
        Failure::new(
            ERRCODE_DUPLICATE_OBJECT,
            format!("{identity} is here already, and is not what the command makes"),
        )
        .detail("The source's server chose this name.")
        .hint(format!("Rename or drop {identity} here."))
    }

    /// A command was tried in vain, or has ended the worker, so often.
    pub fn tried_too_often(tries: i64) -> Self {
        Failure::new(
            ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            format!("the command was tried {tries} times and is not tried again"),
        )
        .detail("Each time the worker has ended, or the error was one that may pass by itself.")
    }

    /// The same for all commands of one transaction together.
    pub fn transaction_tried_too_often(tries: i64) -> Self {
        Failure {
            message: format!(
                "commands of the transaction were tried {tries} times in vain, and the rest of \
             them is not tried again"
            ),
            ..Self::tried_too_often(tries)
        }
    }

    /// Roles of the source that could write rows of the capture table.
    pub fn others_write(roles: &[String]) -> Self {
        const SHOWN: usize = 5;
        let mut names: Vec<String> = roles
            .iter()
            .take(SHOWN)
            .map(|name| format!("\"{name}\""))
            .collect();
        if roles.len() > SHOWN {
            names.push(format!("and {} others", roles.len() - SHOWN));
        }
        let names = names.join(", ");
        Failure::new(
            ERRCODE_INSUFFICIENT_PRIVILEGE,
            "roles of the source that are no superusers can write DDL commands for this server",
        )
        .detail(format!(
            "They can insert or update rows of public.dts_ddl_command, or become a role that can: \
             {names}."
        ))
        .hint(
            "On the source, take from them INSERT and UPDATE on the table, membership of \
             pg_write_all_data, pg_write_server_files and pg_execute_server_program and, \
             before 16, CREATEROLE; or use dts_ddl.start_apply(trust_source => true) here.",
        )
    }

    pub fn owner_no_superuser(subscription: &str) -> Self {
        Failure::new(
            ERRCODE_INSUFFICIENT_PRIVILEGE,
            format!("the owner of subscription \"{subscription}\" is no superuser"),
        )
        .detail(
            "A subscription that brings public.dts_ddl_command runs each command as the role \
             that ran it, and enters tables.",
        )
        .hint(
            "Give the subscription to a superuser (ALTER SUBSCRIPTION .. OWNER TO), or leave \
             the table out of its publications.",
        )
    }

    pub fn role_gained_rights(role: &str, more: &[String]) -> Self {
        Failure::new(
            ERRCODE_INSUFFICIENT_PRIVILEGE,
            format!(
                "role \"{role}\" may do more here than it could on the source: {}",
                more.join(", ")
            ),
        )
        .detail("The command would have more rights here than its author had.")
        .hint(format!(
            "Take these attributes and memberships from \"{role}\" here, or give them to it \
             on the source. Rows that a source before 1.2.0 wrote do not tell."
        ))
    }

    pub fn role_out_of_reach(role: &str) -> Self {
        Failure::new(
            ERRCODE_INSUFFICIENT_PRIVILEGE,
            format!("the subscription's owner may not run commands as role \"{role}\""),
        )
        .hint("Grant the role to the owner of the subscription.")
    }
}

/// A statement as messages show it: no more than the beginning of a long one, since PostgreSQL needs several times its length
/// to print it, and fails beyond 1 GiB.
pub fn shown(statement: &[u8]) -> String {
    let beginning = text::cut(statement, SHOWN);
    let mut shown = text::decode(beginning);
    if beginning.len() < statement.len() {
        shown.push_str(&format!(" .. ({} bytes in all)", statement.len()));
    }
    shown
}

/// The error of a command that would have locked a relation of the capture before it was refused.
pub fn not_owner(relation: &str) -> Failure {
    Failure::new(
        ERRCODE_INSUFFICIENT_PRIVILEGE,
        format!("must be owner of relation {relation}"),
    )
}

/// Writes a command that goes through without a row into the server log only: the user cannot help it.
pub fn log_gap(failure: &Failure, statement: &str) {
    let detail = failure
        .detail
        .as_deref()
        .map(|detail| format!(" {detail}"))
        .unwrap_or_default();
    report::emit(
        PgLogLevel::LOG_SERVER_ONLY,
        failure.code,
        "DDL command was not captured",
        Some(&format!(
            "{}.{detail} The command was: {statement}",
            failure.message
        )),
        Some("Repeat the command on the destination by hand."),
    );
}
