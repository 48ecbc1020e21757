//! Functions of the server that may raise errors, without pgrx's boundary around each: those that are called with each command,
//! one after the other, share one. A boundary saves registers and PostgreSQL's stacks of error handling.

use pgrx::pg_sys::*;

/// Calls functions of this module, or of pgrx without a boundary, within one boundary.
///
/// # Safety
/// `f` neither panics nor keeps anything with a destructor while it calls one of them: an error jumps over it. It calls no function that
/// has a boundary of its own. What the functions ask for is fulfilled.
#[allow(ffi_unwind_calls, reason = "protected by pg_guard_ffi_boundary")]
pub unsafe fn together<R: Copy, F: FnOnce() -> R>(f: F) -> R {
    const { assert!(!core::mem::needs_drop::<F>()) };
    // SAFETY: the caller's promise.
    unsafe { ffi::pg_guard_ffi_boundary(f) }
}

/// Declares functions of the server, to be called within [`together`].
macro_rules! functions {
    ($($(#[$attribute:meta])* fn $name:ident($($(#[$if:meta])* $argument:ident: $type:ty),* $(,)?) $(-> $result:ty)?;)*) => {
        mod declared {
            use super::*;
            unsafe extern "C-unwind" {
                $($(#[$attribute])* pub fn $name($($(#[$if])* $argument: $type),*) $(-> $result)?;)*
            }
        }
        $(
            /// # Safety
            /// What the server's function asks for, and within [`together`].
            $(#[$attribute])*
            #[allow(ffi_unwind_calls, reason = "within a boundary")]
            #[allow(clippy::too_many_arguments, reason = "those of the server's function")]
            #[allow(non_snake_case, reason = "the server's names")]
            #[inline(always)]
            pub unsafe fn $name($($(#[$if])* $argument: $type),*) $(-> $result)? {
                // SAFETY: the caller's promise.
                unsafe { declared::$name($($(#[$if])* $argument),*) }
            }
        )*
    };
}

/// There the other is an inline function, which locks by this one (bufmgr.h).
#[cfg(feature = "pg19")]
pub use self::LockBufferInternal as LockBuffer;

functions! {
    fn LockRelationOid(relation: Oid, mode: LOCKMODE);
    fn ConditionalLockRelationOid(relation: Oid, mode: LOCKMODE) -> bool;
    fn UnlockRelationOid(relation: Oid, mode: LOCKMODE);
    fn relation_open(relation: Oid, mode: LOCKMODE) -> Relation;
    fn try_relation_open(relation: Oid, mode: LOCKMODE) -> Relation;
    fn relation_close(relation: Relation, mode: LOCKMODE);
    fn index_open(index: Oid, mode: LOCKMODE) -> Relation;
    fn index_close(index: Relation, mode: LOCKMODE);

    fn heap_form_tuple(row_type: TupleDesc, values: *mut Datum, nulls: *mut bool) -> HeapTuple;
    fn heap_freetuple(row: HeapTuple);
    fn simple_heap_insert(table: Relation, row: HeapTuple);
    fn BuildIndexInfo(index: Relation) -> *mut IndexInfo;
    fn index_insert(
        index: Relation,
        values: *mut Datum,
        nulls: *mut bool,
        place: ItemPointer,
        table: Relation,
        unique: IndexUniqueCheck::Type,
        #[cfg(not(feature = "pg13"))] unchanged: bool,
        info: *mut IndexInfo,
    ) -> bool;

    fn GetTopTransactionId() -> TransactionId;
    fn ReadBuffer(relation: Relation, block: BlockNumber) -> Buffer;
    #[cfg(not(feature = "pg19"))]
    fn LockBuffer(buffer: Buffer, mode: core::ffi::c_int);
    #[cfg(feature = "pg19")]
    fn LockBufferInternal(buffer: Buffer, mode: BufferLockMode::Type);
    fn UnlockReleaseBuffer(buffer: Buffer);
    fn MarkBufferDirty(buffer: Buffer);
    fn XLogBeginInsert();
    fn XLogRegisterBuffer(block: u8, buffer: Buffer, flags: u8);
    #[cfg(not(any(feature = "pg18", feature = "pg19")))]
    fn XLogRegisterData(data: *mut core::ffi::c_char, length: core::ffi::c_int);
    #[cfg(any(feature = "pg18", feature = "pg19"))]
    fn XLogRegisterData(data: *const core::ffi::c_void, length: u32);
    fn XLogInsert(manager: RmgrId, info: u8) -> XLogRecPtr;

    fn pg_event_trigger_ddl_commands(call: FunctionCallInfo) -> Datum;
    fn pg_event_trigger_dropped_objects(call: FunctionCallInfo) -> Datum;
    fn CreateTupleDescCopy(row_type: TupleDesc) -> TupleDesc;
    fn MakeSingleTupleTableSlot(
        row_type: TupleDesc,
        operations: *const TupleTableSlotOps,
    ) -> *mut TupleTableSlot;
    fn ExecDropSingleTupleTableSlot(slot: *mut TupleTableSlot);
    fn tuplestore_gettupleslot(
        rows: *mut Tuplestorestate,
        forward: bool,
        copy: bool,
        slot: *mut TupleTableSlot,
    ) -> bool;
    fn slot_getsomeattrs_int(slot: *mut TupleTableSlot, columns: core::ffi::c_int);
    fn tuplestore_end(rows: *mut Tuplestorestate);
}
