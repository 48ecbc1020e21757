//! Row and statement triggers: what PostgreSQL passes to a trigger function, and what it may return.

use crate::pg::command::node;
use crate::pg::runtime::compat;
use crate::pg::store::row_image::{self, Place};
use pgrx::pg_sys::{self, Datum};

pub enum Event {
    Insert,
    Update,
    Delete,
    Truncate,
}

/// A call of a trigger function.
pub struct TriggerCall {
    data: *mut pg_sys::TriggerData,
}

impl TriggerCall {
    /// `None` when the function was not called as a trigger.
    pub fn from_fcinfo(fcinfo: pg_sys::FunctionCallInfo) -> Option<Self> {
        // SAFETY: PostgreSQL passes valid call data; the context is a node or NULL (fmgr.h: CALLED_AS_TRIGGER).
        unsafe {
            let data = node::cast((*fcinfo).context, pg_sys::NodeTag::T_TriggerData);
            data.map(|data| TriggerCall { data })
        }
    }

    /// The value of a column of the row, from 0, in the server encoding; `None` for NULL or where there is no row.
    pub fn bytes(&self, column: usize) -> Option<Vec<u8>> {
        // SAFETY: the row and its descriptor are valid during the call; the type's own output function is called.
        unsafe {
            let (value, descriptor) = self.value(column)?;
            let kind = compat::attribute(descriptor, column).atttypid;
            Some(row_image::output(kind, value))
        }
    }

    unsafe fn value(&self, column: usize) -> Option<(Datum, pg_sys::TupleDesc)> {
        // SAFETY: the caller's promise; a row trigger has a row.
        unsafe {
            let row = (*self.data).tg_trigtuple;
            let descriptor = (*(*self.data).tg_relation).rd_att;
            if row.is_null() || column >= (*descriptor).natts as usize {
                return None;
            }
            let mut null = false;
            let value = pg_sys::heap_getattr(row, column as i32 + 1, descriptor, &mut null);
            (!null).then_some((value, descriptor))
        }
    }

    /// What the trigger is fired by.
    pub fn event(&self) -> Event {
        // SAFETY: the call's own data (trigger.h: TRIGGER_FIRED_BY_..).
        match unsafe { (*self.data).tg_event } & pg_sys::TRIGGER_EVENT_OPMASK {
            pg_sys::TRIGGER_EVENT_INSERT => Event::Insert,
            pg_sys::TRIGGER_EVENT_UPDATE => Event::Update,
            pg_sys::TRIGGER_EVENT_DELETE => Event::Delete,
            _ => Event::Truncate,
        }
    }

    pub fn table(&self) -> pg_sys::Oid {
        // SAFETY: the table is open during the call.
        unsafe { (*(*self.data).tg_relation).rd_id }
    }

    /// The row that is inserted, or that is there; `None` where the trigger is not one of a row.
    pub fn image(&self) -> Option<(Vec<u8>, Place)> {
        // SAFETY: the row and its descriptor are valid during the call.
        unsafe {
            let row = (*self.data).tg_trigtuple;
            (!row.is_null()).then(|| row_image::of(row, (*(*self.data).tg_relation).rd_att))
        }
    }

    /// BEFORE ROW: the row goes its way.
    pub fn keep_row(&self) -> Datum {
        // SAFETY: the rows are those of the call; only UPDATE has a new one.
        unsafe {
            let new = (*self.data).tg_newtuple;
            Datum::from(if new.is_null() {
                (*self.data).tg_trigtuple
            } else {
                new
            })
        }
    }

    /// BEFORE ROW: the row is not written. Other triggers: nothing.
    pub fn nothing() -> Datum {
        Datum::from(0usize)
    }
}
