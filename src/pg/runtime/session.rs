//! The session: roles, settings, client, transaction.

use crate::pg::runtime::{compat, memory, plain, text};
use core::ffi::CStr;
use pgrx::pg_sys;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Address and port.
type Client = (Option<Rc<str>>, Option<i32>);

thread_local! {
    static DATABASE: RefCell<Option<Rc<str>>> = const { RefCell::new(None) };
    static CLIENT: RefCell<Option<Client>> = const { RefCell::new(None) };
}

/// The major version of PostgreSQL that this library is built for; it loads into no other.
pub const MAJOR: u32 = pg_sys::PG_VERSION_NUM / 10_000;

static PRELOADED: AtomicBool = AtomicBool::new(false);

/// The library is being loaded.
pub fn library_is_loaded() {
    // SAFETY: a variable of the postmaster and what it forks (miscinit.c).
    PRELOADED.store(
        unsafe { pg_sys::process_shared_preload_libraries_in_progress },
        Ordering::Relaxed,
    );
}

/// Whether the library is in each process of this server from its start (shared_preload_libraries).
pub fn is_preloaded() -> bool {
    PRELOADED.load(Ordering::Relaxed)
}

/// Whether the role is a superuser whose rights the running code has.
pub fn is_superuser() -> bool {
    // SAFETY: a look-up that PostgreSQL caches for the role asked last (superuser.c).
    unsafe { pg_sys::superuser() }
}

/// Whether this database has a logical replication slot.
pub fn has_logical_slot() -> bool {
    let (mut slots, mut active) = (0, 0);
    // SAFETY: looks through the slots in shared memory under its own lock, and writes to the two numbers.
    unsafe { pg_sys::ReplicationSlotsCountDBSlots(pg_sys::MyDatabaseId, &mut slots, &mut active) }
}

/// The name of the database. While a session is connected to it, it can be neither dropped nor renamed.
pub fn database() -> Option<Rc<str>> {
    DATABASE.with_borrow_mut(|database| {
        if database.is_none() {
            // SAFETY: a syscache look-up; NULL when missing.
            let name = unsafe { text::string(pg_sys::get_database_name(pg_sys::MyDatabaseId)) };
            *database = name.map(Rc::from);
        }
        database.clone()
    })
}

/// The identifiers of a list as SHOW search_path prints it, folded to lower case where that is done (varlena.c:
/// SplitIdentifierString, SplitDirectoriesString).
pub(in crate::pg) fn identifiers(list: &[u8], folds: bool) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut name = Vec::new();
    let mut quoted = false;
    let mut bytes = list.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match (quoted, byte) {
            (true, b'"') if bytes.peek() == Some(&b'"') => {
                bytes.next();
                name.push(byte);
            }
            (_, b'"') => quoted = !quoted,
            (false, b',') => found.push(std::mem::take(&mut name)),
            (false, space) if space.is_ascii_whitespace() => {}
            (false, letter) if folds => name.push(letter.to_ascii_lowercase()),
            (false, any) => name.push(any),
            (true, any) => name.push(any),
        }
    }
    found.push(name);
    found
}

/// Whether a client's statement is running; else the session waits for one (postgres.c: PostgresMain).
pub fn runs_a_statement() -> bool {
    // SAFETY: reads a variable.
    unsafe { !pg_sys::debug_query_string.is_null() }
}

/// The value of a setting as SHOW prints it without units; `None` where this server has no such setting.
pub fn setting(name: &CStr) -> Option<Vec<u8>> {
    // SAFETY: the string is valid until the setting changes or the same buffer is used again; it is copied at once.
    unsafe {
        let value = pg_sys::GetConfigOption(name.as_ptr(), true, false);
        (!value.is_null()).then(|| memory::copy(text::bytes(value)))
    }
}

/// Address and port of the client, `None` for a Unix socket or no client. They are those of the session.
pub fn client() -> (Option<Rc<str>>, Option<i32>) {
    CLIENT.with_borrow_mut(|client| {
        let (address, port) = client.get_or_insert_with(|| {
            let (address, port) = client_of_session();
            (address.map(Rc::from), port)
        });
        (address.clone(), *port)
    })
}

/// (network.c: inet_client_addr)
fn client_of_session() -> (Option<String>, Option<i32>) {
    // SAFETY: both functions take no arguments; inet_out turns the result of the first into a string.
    unsafe {
        let Some(address) = compat::call(pg_sys::inet_client_addr, []) else {
            return (None, None);
        };
        let host =
            compat::call(pg_sys::inet_out, [address]).and_then(|d| text::string(d.cast_mut_ptr()));
        let port = compat::call(pg_sys::inet_client_port, []).map(|d| d.value() as i32);
        (host, port)
    }
}

/// The encoding in which the client gets text. A client without conversion (SQL_ASCII) gets the bytes of the server, and so
/// does any client of a database in SQL_ASCII, which nobody has checked: whoever reads them as characters of several bytes may
/// take the end of a constant for a part of one.
pub fn client_encoding() -> String {
    const NONE: i32 = pg_sys::pg_enc::PG_SQL_ASCII as i32;
    // SAFETY: both names are static strings.
    unsafe {
        let name =
            if pg_sys::GetDatabaseEncoding() == NONE || pg_sys::pg_get_client_encoding() == NONE {
                pg_sys::GetDatabaseEncodingName()
            } else {
                pg_sys::pg_get_client_encoding_name()
            };
        text::string(name).unwrap_or_default()
    }
}

/// The client's encoding, if text comes to it with a backslash or a tilde where there was another character: what such a text
/// means is not what was looked at here (utf8_to_sjis.map: U+00A5, U+203E).
pub fn encoding_with_other_backslashes() -> Option<&'static str> {
    // SAFETY: reads a variable.
    match unsafe { pg_sys::pg_get_client_encoding() } {
        encoding if encoding == pg_sys::pg_enc::PG_SJIS as i32 => Some("SJIS"),
        encoding if encoding == pg_sys::pg_enc::PG_SHIFT_JIS_2004 as i32 => Some("SHIFT_JIS_2004"),
        _ => None,
    }
}

/// A timestamptz in ISO 8601, in UTC, with the zone.
pub fn iso_time(time: i64) -> String {
    let mut buffer = [0 as core::ffi::c_char; pg_sys::MAXDATELEN as usize + 1];
    // SAFETY: the buffer has the size that the function asks for (json.c); the zone's offset is 0.
    unsafe {
        text::string(pg_sys::JsonEncodeDateTime(
            buffer.as_mut_ptr(),
            pg_sys::Datum::from(time),
            pg_sys::TIMESTAMPTZOID,
            &0,
        ))
    }
    .unwrap_or_default()
}

/// Whether event triggers fire that are not ENABLE REPLICA: not so in an applier (session_replication_role = replica),
/// nor, from 17 on, with event_triggers = off.
pub fn fires_ordinary_triggers() -> bool {
    // SAFETY: reads settings' variables.
    unsafe {
        #[cfg(any(feature = "pg17", feature = "pg18", feature = "pg19"))]
        if !pg_sys::event_triggers {
            return false;
        }
        pg_sys::SessionReplicationRole != pg_sys::SESSION_REPLICATION_ROLE_REPLICA as i32
    }
}

/// Whether an extension's script is running: its commands belong to CREATE or ALTER EXTENSION.
pub fn in_extension_script() -> bool {
    // SAFETY: a backend-global flag.
    unsafe { pg_sys::creating_extension }
}

/// Whether pg_upgrade is filling this cluster.
pub fn in_binary_upgrade() -> bool {
    // SAFETY: a backend-global flag.
    unsafe { pg_sys::IsBinaryUpgrade }
}

/// Whether a setting names this library as one to be loaded before the first command of a session.
pub fn preloads_library() -> bool {
    const LIBRARY: &[u8] = b"dts_ddl_capture";
    [c"shared_preload_libraries", c"session_preload_libraries"]
        .into_iter()
        .filter_map(setting)
        .any(|libraries| libraries.windows(LIBRARY.len()).any(|name| name == LIBRARY))
}

/// The database that this session is connected to, by OID.
pub fn database_id() -> u32 {
    // SAFETY: reads a variable.
    unsafe { pg_sys::MyDatabaseId }.to_u32()
}

/// Clock time now, as a timestamptz.
pub fn now() -> i64 {
    plain::GetCurrentTimestamp()
}

/// Refuses unknown settings under our prefix from now on.
pub fn reserve_settings_prefix(prefix: &'static CStr) {
    // SAFETY: a static string.
    unsafe {
        #[cfg(any(feature = "pg13", feature = "pg14"))]
        pg_sys::EmitWarningsOnPlaceholders(prefix.as_ptr());
        #[cfg(not(any(feature = "pg13", feature = "pg14")))]
        pg_sys::MarkGUCPrefixReserved(prefix.as_ptr());
    }
}

/// Whether this session has made temporary objects.
pub fn session_has_temporary_schema() -> bool {
    temporary_schema().is_some()
}

/// The schema of these.
pub(in crate::pg) fn temporary_schema() -> Option<pg_sys::Oid> {
    let (mut namespace, mut toast) = (pg_sys::InvalidOid, pg_sys::InvalidOid);
    // SAFETY: writes to the two variables given.
    unsafe { plain::GetTempNamespaceState(&mut namespace, &mut toast) };
    (namespace != pg_sys::InvalidOid).then_some(namespace)
}
