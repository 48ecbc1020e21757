//! Logical messages: what `pg_logical_emit_message()` writes, without SQL (replication/message.h).

use core::ffi::CStr;
use pgrx::pg_sys;

/// Writes a message into the WAL of the running transaction; decoding hands it on when that commits, in its order.
pub fn emit(prefix: &CStr, message: &[u8]) {
    // SAFETY: both are copied into the WAL before the call returns; a transaction is running.
    unsafe {
        pg_sys::LogLogicalMessage(
            prefix.as_ptr(),
            message.as_ptr().cast(),
            message.len(),
            true,
            // Flushed with the transaction's commit.
            #[cfg(any(feature = "pg17", feature = "pg18", feature = "pg19"))]
            false,
        );
    }
}
