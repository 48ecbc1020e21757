//! Functions of the server, and one of the C library, that raise no error, and are called with each command: without pgrx's boundary,
//! which saves the registers for a jump that does not come. Those of the server read variables or tables in memory (miscinit.c,
//! xact.c, snapmgr.c, namespace.c, cmdtag.c, utility.c).

use core::ffi::{c_char, c_int};
use pgrx::pg_sys::{CommandId, CommandTag, Node, Oid, TimestampTz};

unsafe extern "C" {
    pub safe fn GetUserId() -> Oid;
    pub safe fn GetSessionUserId() -> Oid;
    pub safe fn GetCurrentTransactionNestLevel() -> c_int;
    pub safe fn GetCurrentTimestamp() -> TimestampTz;
    pub safe fn ActiveSnapshotSet() -> bool;
    pub safe fn command_tag_event_trigger_ok(tag: CommandTag::Type) -> bool;
    /// A static string, in ASCII.
    pub safe fn GetCommandTagName(tag: CommandTag::Type) -> *const c_char;
    /// Takes any parse node.
    pub fn CreateCommandTag(node: *mut Node) -> CommandTag::Type;
    /// With false it notes nothing, and only that can fail.
    pub fn GetCurrentCommandId(used: bool) -> CommandId;
    /// Takes two strings that end with NUL (libc).
    pub fn strcmp(a: *const c_char, b: *const c_char) -> c_int;
    /// Writes to both.
    pub fn GetTempNamespaceState(namespace: *mut Oid, toast: *mut Oid);
}
