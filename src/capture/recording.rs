//! Whether commands are recorded: the switches, and whether this database is a copy that has not been told yet what it is.
//!
//! A dump makes the extension first, so that a restore would otherwise have the whole schema recorded as new DDL, and so would what
//! follows it: programs that copy a database build its indexes in sessions of their own, and bring the source's rows of the capture
//! table, with which own ids would collide. So a copy is quiet until it is told what it is ([`table::is_untold_copy`]):
//!
//! - the extension was made by a restore: `sql/dts_ddl_capture--1.0.0.sql` found the session under `row_security = off`, with which
//!   every dump begins (pg_backup_archiver.c, `_doSetFixedOutputState`), and notes that; `sql/dts_ddl_capture--1.1.1--1.2.0.sql` takes
//!   it back unless that was set in the session itself: the owner of a database can set it for each session in it. Only a superuser
//!   makes the extension: nobody gains a way to hide a command;
//! - no id was given: what has recorded once goes on;
//! - the database has no logical replication slot: no consumer waits. `dts_ddl.start_capture()` and `dts_ddl.start_apply()` tell, too.
//!
//! A restore into a database that captures already is DDL like any other.
//! Not promised: a dump made with `--enable-row-security` is not told.

use crate::guc;
use crate::pg::catalog::lookup;
use crate::pg::replication::identity;
use crate::pg::runtime::session;
use crate::pg::store::table;

/// What a transaction has said of this database is taken back.
pub fn is_rolled_back() {
    table::is_rolled_back();
    identity::is_rolled_back();
}

/// Whether a command is recorded whose event trigger has called us.
pub fn is_wanted() -> bool {
    guc::enabled() && !table::is_untold_copy()
}

/// Whether this database records commands: the setting, and the event trigger that consumers know by name.
/// To be asked where no event trigger has called us.
pub fn is_on() -> bool {
    guc::enabled()
        && session::fires_ordinary_triggers()
        && !session::in_binary_upgrade()
        && !table::is_untold_copy()
        && lookup::event_trigger_is_enabled(table::MAIN_TRIGGER)
        && lookup::extension_exists(table::EXTENSION)
}
