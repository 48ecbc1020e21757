//! Whether commands are recorded: the switches, and whether a command is part of the restore of a dump that has also made this
//! extension.
//!
//! `pg_dump` writes CREATE EXTENSION before everything else, so that a restore would otherwise have the whole schema
//! recorded as new DDL. A restore is told by all of this together:
//!
//! - the extension was made by it: `sql/dts_ddl_capture--1.0.0.sql` found the session under `row_security = off`, and notes that;
//!   `sql/dts_ddl_capture--1.1.1--1.2.0.sql` takes it back unless that was set in the session itself;
//! - the session has the settings that every dump begins with (pg_backup_archiver.c, `_doSetFixedOutputState`), in whatever
//!   program reads it, one session or several (`pg_restore -j`), and did not begin with them: the owner of a database can set
//!   them for each session in it;
//! - it is a superuser's session, which could switch capture off anyway: nobody gains a way to hide a command;
//! - nothing was recorded in this database yet: the first command that is no part of it ends the restore for good;
//! - no consumer waits: the database has no logical replication slot.
//!
//! A restore into a database that captures already is DDL like any other.
//! Not promised: a dump made with `--enable-row-security`, or restored with `--use-set-session-authorization`, is recorded.

use crate::guc;
use crate::pg::catalog::lookup;
use crate::pg::runtime::session;
use crate::pg::store::sequence::{RESTORED_SEQUENCE, has_sequence, sequence_value};
use crate::pg::store::table;

fn is_of_restore() -> bool {
    // in this order: an ordinary session is asked for two variables and no more
    session::has_settings_of_a_dump()
        && session::session_user_is_superuser()
        && has_sequence(RESTORED_SEQUENCE)
        && sequence_value(RESTORED_SEQUENCE).unwrap_or(0) > 0
        && table::last_id().unwrap_or(1) == 0
        && !session::has_logical_slot()
}

/// Whether a command is recorded whose event trigger has called us.
pub fn is_wanted() -> bool {
    guc::enabled() && !is_of_restore()
}

/// Whether this database records commands: the setting, and the event trigger that consumers know by name.
/// To be asked where no event trigger has called us.
pub fn is_on() -> bool {
    guc::enabled()
        && session::fires_ordinary_triggers()
        && !session::in_binary_upgrade()
        && !is_of_restore()
        && lookup::event_trigger_is_enabled(table::MAIN_TRIGGER)
        && lookup::extension_exists(table::EXTENSION)
}
