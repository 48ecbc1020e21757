//! The server that a CREATE SUBSCRIPTION or a subscription names, asked through the connection library that PostgreSQL itself
//! uses for it.
//!
//! Relied on: libpqwalreceiver sets the connection's encoding to that of this database, and runs any query on a connection for
//! logical replication, with an empty search_path; what it gives back is the text of each column, taken for one of the type that is
//! asked for (libpqwalreceiver.c; subscriptioncmds.c asks for the published tables in the same way).

use crate::pg::command::node::ParseTree;
use crate::pg::replication::subscription::{self, Described};
use crate::pg::runtime::failure::Failure;
use crate::pg::runtime::{list, memory, session, text, value};
use core::ffi::{CStr, c_char};
use pgrx::pg_sys;
use std::ffi::CString;

/// What a CREATE SUBSCRIPTION asks for.
pub struct Publisher {
    pub subscription: String,
    pub publications: Vec<String>,
    /// The rows that are there already are copied.
    pub copies: bool,
    /// Rows are to be applied with the rights of the subscription's owner.
    pub runs_as_owner: bool,
    connection: CString,
}

/// What a query there is run under.
const SETTINGS: &CStr = c"SET row_security = off; SET DateStyle = 'ISO'";

/// A row of a query, as text.
pub type Row = Vec<Option<Vec<u8>>>;

impl Publisher {
    /// `None` for any other statement, and where the statement does not connect.
    pub fn of_statement(tree: ParseTree) -> Option<Publisher> {
        // SAFETY: a parse tree is valid while its command runs; the tag says what the node is.
        unsafe {
            let tag = pg_sys::NodeTag::T_CreateSubscriptionStmt;
            let statement = &*tree.cast::<pg_sys::CreateSubscriptionStmt>(tag)?;
            if statement.conninfo.is_null() {
                return None;
            }
            let (mut copies, mut runs_as_owner) = (true, session::MAJOR < 16);
            for option in list::pointers::<pg_sys::DefElem>(statement.options) {
                let name = text::bytes((*option).defname);
                if name == b"connect" && !pg_sys::defGetBoolean(option) {
                    return None;
                }
                if name == b"run_as_owner" {
                    runs_as_owner = pg_sys::defGetBoolean(option);
                }
                if name == b"copy_data" {
                    copies = pg_sys::defGetBoolean(option);
                }
            }
            Some(Publisher {
                subscription: text::string(statement.subname)?,
                publications: list::strings(statement.publication),
                copies,
                runs_as_owner,
                connection: CStr::from_ptr(statement.conninfo).to_owned(),
            })
        }
    }

    /// That of a subscription that is there.
    pub fn of_subscription(subscription: pg_sys::Oid) -> (Publisher, Described) {
        let (described, connection) = subscription::describe(subscription);
        let publisher = Publisher {
            subscription: described.name.clone(),
            publications: described.publications.clone(),
            copies: false,
            runs_as_owner: described.runs_as_owner,
            connection,
        };
        (publisher, described)
    }

    /// Runs a query; its columns as text, whatever their types are, times in ISO 8601. Policies of a table are an error: they
    /// would be run. `None` when there is no connection: CREATE SUBSCRIPTION itself says why.
    pub fn query(&self, query: &str, columns: usize) -> Result<Option<Vec<Row>>, Failure> {
        let query = text::c_string(query);
        let types = vec![pg_sys::TEXTOID; columns];
        // SAFETY: load_file sets WalReceiverFunctions; the tuplestore of the result is ended when it was read, the connection
        // closed after that. An error in between ends the process's transaction, and the connection with the process at the latest.
        unsafe {
            pg_sys::load_file(c"libpqwalreceiver".as_ptr(), false);
            let functions = &*pg_sys::WalReceiverFunctions;
            let connection = self.connect(functions);
            let Some(exec) = functions.walrcv_exec.filter(|_| !connection.is_null()) else {
                return Ok(None);
            };
            let mut result = core::ptr::null_mut();
            for (text, columns) in [(SETTINGS, 0), (query.as_c_str(), columns)] {
                #[allow(ffi_unwind_calls, reason = "protected by pg_guard_ffi_boundary")]
                pg_sys::ffi::pg_guard_ffi_boundary(|| {
                    result = exec(connection, text.as_ptr(), columns as i32, types.as_ptr());
                });
                if (*result).status == pg_sys::WalRcvExecStatus::WALRCV_ERROR {
                    break;
                }
            }
            let rows = if (*result).status == pg_sys::WalRcvExecStatus::WALRCV_OK_TUPLES {
                Ok(Some(read(result, columns)))
            } else {
                let reason = text::string((*result).err).unwrap_or_default();
                Err(Failure::publisher(&reason))
            };
            if let Some(disconnect) = functions.walrcv_disconnect {
                #[allow(ffi_unwind_calls, reason = "protected by pg_guard_ffi_boundary")]
                pg_sys::ffi::pg_guard_ffi_boundary(|| disconnect(connection));
            }
            rows
        }
    }

    /// # Safety
    /// The functions of libpqwalreceiver.
    unsafe fn connect(
        &self,
        functions: &pg_sys::WalReceiverFunctionsType,
    ) -> *mut pg_sys::WalReceiverConn {
        let Some(connect) = functions.walrcv_connect else {
            return core::ptr::null_mut();
        };
        let mut error: *mut c_char = core::ptr::null_mut();
        let name = text::c_string(&self.subscription);
        // SAFETY: strings that outlive the call; NULL is returned when there is no connection.
        unsafe {
            #[cfg(any(feature = "pg16", feature = "pg17", feature = "pg18", feature = "pg19"))]
            let must_use_password = !pg_sys::superuser();
            #[allow(ffi_unwind_calls, reason = "protected by pg_guard_ffi_boundary")]
            pg_sys::ffi::pg_guard_ffi_boundary(|| {
                connect(
                    self.connection.as_ptr(),
                    #[cfg(any(feature = "pg17", feature = "pg18", feature = "pg19"))]
                    true,
                    true,
                    #[cfg(any(
                        feature = "pg16",
                        feature = "pg17",
                        feature = "pg18",
                        feature = "pg19"
                    ))]
                    must_use_password,
                    name.as_ptr(),
                    &mut error,
                )
            })
        }
    }
}

/// # Safety
/// A result with rows, which is not used afterwards; `columns` are its.
unsafe fn read(result: *mut pg_sys::WalRcvExecResult, columns: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    // SAFETY: the result of a query with rows has a tuplestore and its descriptor; the slot is of the matching kind.
    unsafe {
        let slot = pg_sys::MakeSingleTupleTableSlot(
            (*result).tupledesc,
            &raw const pg_sys::TTSOpsMinimalTuple,
        );
        while pg_sys::tuplestore_gettupleslot((*result).tuplestore, true, false, slot) {
            pg_sys::slot_getallattrs(slot);
            let row = (0..columns)
                .map(|i| {
                    let value = value::of_slot(slot, i)?;
                    Some(memory::copy(pgrx::varlena_to_byte_slice(
                        value.cast_mut_ptr(),
                    )))
                })
                .collect();
            rows.push(row);
        }
        pg_sys::ExecDropSingleTupleTableSlot(slot);
        // It may have a file.
        pg_sys::tuplestore_end((*result).tuplestore);
    }
    rows
}
