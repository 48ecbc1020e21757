//! The WAL: commit records are read, logical messages are written.
//!
//! Which of some transactions committed after a position, and where:
//! A logical slot remembers a position only (`confirmed_flush_lsn`). A transaction has been confirmed when its commit record
//! begins before it (snapbuild.c: SnapBuildXactNeedsSkip), so the WAL from there on is read for the commit records of the
//! transactions in question (xlogreader.h, xact.h), as pg_waldump does it. Nothing is written.
//! Relied on: the slot keeps the WAL that is read; its restart_lsn is the beginning of a record.
//! Not promised: commits that are not on disk yet, for longer than the WAL writer takes (synchronous_commit = off).

use crate::pg::runtime::failure::Failure;
use crate::pg::runtime::text;
use core::ffi::CStr;
use pgrx::pg_sys;
use std::collections::{HashMap, HashSet};

pub type Lsn = u64;

/// Where commit records begin.
pub struct Commits {
    pub at: HashMap<u32, Lsn>,
    /// Whether all of the WAL was read; otherwise transactions that are missing may have committed as well.
    pub complete: bool,
}

mod raw {
    use pgrx::pg_sys;
    // Called by PostgreSQL, not by us: the bound ones are Rust functions.
    unsafe extern "C-unwind" {
        #[cfg(any(feature = "pg13", feature = "pg14"))]
        pub fn read_local_xlog_page(
            state: *mut pg_sys::XLogReaderState,
            page: pg_sys::XLogRecPtr,
            length: core::ffi::c_int,
            record: pg_sys::XLogRecPtr,
            buffer: *mut core::ffi::c_char,
        ) -> core::ffi::c_int;
        #[cfg(not(any(feature = "pg13", feature = "pg14")))]
        pub fn read_local_xlog_page_no_wait(
            state: *mut pg_sys::XLogReaderState,
            page: pg_sys::XLogRecPtr,
            length: core::ffi::c_int,
            record: pg_sys::XLogRecPtr,
            buffer: *mut core::ffi::c_char,
        ) -> core::ffi::c_int;
        pub fn wal_segment_open(
            state: *mut pg_sys::XLogReaderState,
            segment: pg_sys::XLogSegNo,
            timeline: *mut pg_sys::TimeLineID,
        );
        pub fn wal_segment_close(state: *mut pg_sys::XLogReaderState);
    }
    #[cfg(any(feature = "pg13", feature = "pg14"))]
    pub use read_local_xlog_page as read_page;
    #[cfg(not(any(feature = "pg13", feature = "pg14")))]
    pub use read_local_xlog_page_no_wait as read_page;
}

/// What the page reader of 15 and later wants; earlier ones ignore it.
#[cfg(not(any(feature = "pg13", feature = "pg14")))]
type Private = pg_sys::ReadLocalXLogPageNoWaitPrivate;
#[cfg(any(feature = "pg13", feature = "pg14"))]
type Private = ();

/// A WAL reader; closes its file when it is dropped, also by an error.
struct Reader {
    state: *mut pg_sys::XLogReaderState,
    _private: Box<Private>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        // SAFETY: allocated in `new`, freed once.
        unsafe { pg_sys::XLogReaderFree(self.state) }
    }
}

impl Reader {
    fn new() -> Result<Self, Failure> {
        let mut private = Box::<Private>::default();
        let mut routine = pg_sys::XLogReaderRoutine {
            page_read: Some(raw::read_page),
            segment_open: Some(raw::wal_segment_open),
            segment_close: Some(raw::wal_segment_close),
        };
        // SAFETY: the callbacks are the server's own, the routine is copied, the private data live as long as the reader.
        let state = unsafe {
            pg_sys::XLogReaderAllocate(
                pg_sys::wal_segment_size,
                core::ptr::null(),
                &mut routine,
                (&raw mut *private).cast(),
            )
        };
        if state.is_null() {
            return Err(Failure::out_of_memory(size_of::<pg_sys::XLogReaderState>()));
        }
        Ok(Reader {
            state,
            _private: private,
        })
    }

    /// Reads the first record from a position on; false when none begins there.
    fn begin(&mut self, start: Lsn) -> bool {
        // SAFETY: the reader is valid.
        unsafe { pg_sys::XLogBeginRead(self.state, start) };
        self.advance().is_ok()
    }

    fn advance(&mut self) -> Result<(), Option<String>> {
        let mut message = core::ptr::null_mut();
        // SAFETY: the reader is valid; the message, if any, belongs to it.
        unsafe {
            if pg_sys::XLogReadRecord(self.state, &mut message).is_null() {
                return Err(text::string(message));
            }
        }
        Ok(())
    }

    fn record_begins_at(&self) -> Lsn {
        // SAFETY: the reader is valid.
        unsafe { (*self.state).ReadRecPtr }
    }

    fn record_ends_at(&self) -> Lsn {
        // SAFETY: the reader is valid.
        unsafe { (*self.state).EndRecPtr }
    }

    /// The transactions that the current record commits: the top one and its subtransactions. None for other records.
    fn committed(&self) -> Vec<u32> {
        let (header, data) = self.record();
        let info = header.xl_info as u32;
        if header.xl_rmid as u32 != pg_sys::RmgrIds::RM_XACT_ID {
            return Vec::new();
        }
        match info & pg_sys::XLOG_XACT_OPMASK {
            pg_sys::XLOG_XACT_COMMIT | pg_sys::XLOG_XACT_COMMIT_PREPARED => {}
            _ => return Vec::new(),
        }
        let mut parsed = pg_sys::xl_xact_parsed_commit::default();
        // SAFETY: the data are those of a commit record; `parsed` points into them, and is read while they are there.
        unsafe {
            pg_sys::ParseCommitRecord(header.xl_info, data.cast(), &mut parsed);
            let top = match parsed.twophase_xid {
                pg_sys::InvalidTransactionId => header.xl_xid,
                prepared => prepared,
            };
            let mut all = vec![number(top)];
            for i in 0..parsed.nsubxacts as usize {
                all.push(number(*parsed.subxacts.add(i)));
            }
            all
        }
    }

    #[cfg(any(feature = "pg13", feature = "pg14"))]
    fn record(&self) -> (pg_sys::XLogRecord, *mut core::ffi::c_char) {
        // SAFETY: the reader has a current record.
        unsafe { (*(*self.state).decoded_record, (*self.state).main_data) }
    }

    #[cfg(not(any(feature = "pg13", feature = "pg14")))]
    fn record(&self) -> (pg_sys::XLogRecord, *mut core::ffi::c_char) {
        // SAFETY: the reader has a current record.
        unsafe {
            (
                (*(*self.state).record).header,
                (*(*self.state).record).main_data,
            )
        }
    }
}

fn number(xid: pg_sys::TransactionId) -> u32 {
    xid.into_inner()
}

/// Where those of `wanted` committed that did so from `start` on. `restart` is the beginning of a record before `start`. At most
/// `budget` bytes are read.
pub fn commits(
    start: Lsn,
    restart: Lsn,
    wanted: &HashSet<u32>,
    budget: Option<u64>,
) -> Result<Commits, Failure> {
    let mut commits = Commits {
        at: HashMap::new(),
        complete: true,
    };
    let end = end_of_wal();
    if start >= end || wanted.is_empty() {
        return Ok(commits);
    }
    let mut reader = Reader::new()?;
    // A consumer may have confirmed any position.
    if !reader.begin(start) && !reader.begin(restart) {
        return Err(Failure::wal_unreadable(&shown(start), None));
    }
    let first = reader.record_begins_at();
    loop {
        pgrx::check_for_interrupts!();
        let at = reader.record_begins_at();
        if at >= start {
            for xid in reader.committed() {
                if wanted.contains(&xid) {
                    commits.at.insert(xid, at);
                }
            }
        }
        if commits.at.len() == wanted.len() || reader.record_ends_at() >= end {
            return Ok(commits);
        }
        if budget.is_some_and(|budget| reader.record_ends_at() - first > budget) {
            commits.complete = false;
            return Ok(commits);
        }
        match reader.advance() {
            Ok(()) => {}
            // The end of what is on disk.
            Err(None) => return Ok(commits),
            Err(reason) => {
                return Err(Failure::wal_unreadable(
                    &shown(reader.record_ends_at()),
                    reason,
                ));
            }
        }
    }
}

/// So far WAL can be decoded.
fn end_of_wal() -> Lsn {
    // SAFETY: reads shared memory; the timelines are not asked for. Flushing what asynchronous commits have left is what the
    // WAL writer does all the time.
    unsafe {
        if pg_sys::RecoveryInProgress() {
            return pg_sys::GetXLogReplayRecPtr(core::ptr::null_mut());
        }
        pg_sys::XLogBackgroundFlush();
        #[cfg(any(feature = "pg13", feature = "pg14"))]
        return pg_sys::GetFlushRecPtr();
        #[cfg(not(any(feature = "pg13", feature = "pg14")))]
        pg_sys::GetFlushRecPtr(core::ptr::null_mut())
    }
}

fn shown(lsn: Lsn) -> String {
    format!("{:X}/{:X}", lsn >> 32, lsn & 0xFFFF_FFFF)
}

/// Writes what pg_logical_emit_message() writes (replication/message.h) into the WAL of the running transaction; decoding hands
/// it on when that commits, in its order.
pub fn emit_message(prefix: &CStr, message: &[u8]) {
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
