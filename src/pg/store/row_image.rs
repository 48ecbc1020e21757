//! Rows of a table as plain bytes, so that equal ones are found, and where they lie.
//!
//! A value of a type that is not built in is its text, which is what comes through the stream: that another value has the
//! same text is all that can be told of it (extension `unit` writes 149597870700 m as 149.5978707 Gm, and reads another
//! number). Of other types it is what is stored; that of two equal rows may differ (generated columns that are not computed
//! yet).

use crate::pg::runtime::{compat, memory, scan, syscache, text};
use core::ffi::CStr;
use pgrx::pg_sys;

/// Where a version of a row lies in its table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Place {
    block: (u16, u16),
    number: u16,
}

impl Place {
    fn of(pointer: pg_sys::ItemPointerData) -> Self {
        let block = pointer.ip_blkid;
        Place {
            block: (block.bi_hi, block.bi_lo),
            number: pointer.ip_posid,
        }
    }

    fn pointer(self) -> pg_sys::ItemPointerData {
        pg_sys::ItemPointerData {
            ip_blkid: pg_sys::BlockIdData {
                bi_hi: self.block.0,
                bi_lo: self.block.1,
            },
            ip_posid: self.number,
        }
    }
}

/// All rows of a table that this transaction has made; `None` where it is not stored as PostgreSQL itself stores tables.
pub fn of_table(table: pg_sys::Oid) -> Option<Vec<(Vec<u8>, Place)>> {
    // SAFETY: RELOID holds rows of pg_class.
    let method = unsafe {
        syscache::with_cached(
            pg_sys::SysCacheIdentifier::RELOID,
            table,
            |c: &pg_sys::FormData_pg_class| c.relam,
        )
    };
    method.filter(|&method| method == pg_sys::HEAP_TABLE_AM_OID)?;
    let mut rows = Vec::new();
    // SAFETY: a table, read without an index; each row is valid during the call.
    unsafe {
        scan::each_row(table, 0, &[], |row, descriptor| {
            rows.push(of(row, descriptor));
        });
    }
    Some(rows)
}

/// # Safety
/// A row and its descriptor, inside of a transaction.
pub(in crate::pg) unsafe fn of(
    row: pg_sys::HeapTuple,
    descriptor: pg_sys::TupleDesc,
) -> (Vec<u8>, Place) {
    // SAFETY: the caller's promise; there is room for each column.
    unsafe {
        let count = (*descriptor).natts as usize;
        let mut values = vec![pg_sys::Datum::null(); count];
        let mut nulls = vec![true; count];
        pg_sys::heap_deform_tuple(row, descriptor, values.as_mut_ptr(), nulls.as_mut_ptr());
        let mut image = Vec::new();
        for (i, (&value, &null)) in values.iter().zip(&nulls).enumerate() {
            image.push(u8::from(null));
            if !null {
                let column = compat::attribute(descriptor, i);
                if column.atttypid.to_u32() >= pg_sys::FirstNormalObjectId {
                    add_bytes(&mut image, &output(column.atttypid, value));
                } else {
                    add_value(&mut image, value, column.attbyval, column.attlen);
                }
            }
        }
        (image, Place::of((*row).t_self))
    }
}

/// # Safety
/// A value of a type that is passed and stored like this.
unsafe fn add_value(image: &mut Vec<u8>, value: pg_sys::Datum, by_value: bool, length: i16) {
    // SAFETY: the caller's promise (pg_type.h: typlen, typbyval).
    unsafe {
        if by_value {
            image.extend(value.value().to_ne_bytes());
            return;
        }
        let bytes = match usize::try_from(length) {
            Ok(length) => memory::copy(core::slice::from_raw_parts(value.cast_mut_ptr(), length)),
            Err(_) if length == -1 => {
                let plain = pg_sys::pg_detoast_datum_packed(value.cast_mut_ptr());
                memory::copy(pgrx::varlena_to_byte_slice(plain))
            }
            Err(_) => memory::copy(CStr::from_ptr(value.cast_mut_ptr()).to_bytes()),
        };
        add_bytes(image, &bytes);
    }
}

/// The text of a value.
///
/// # Safety
/// A value of this type, inside of a transaction.
pub(in crate::pg) unsafe fn output(kind: pg_sys::Oid, value: pg_sys::Datum) -> Vec<u8> {
    let (mut function, mut is_varlena) = (pg_sys::InvalidOid, false);
    // SAFETY: the caller's promise; a fresh string.
    unsafe {
        pg_sys::getTypeOutputInfo(kind, &mut function, &mut is_varlena);
        memory::copy(text::bytes(pg_sys::OidOutputFunctionCall(function, value)))
    }
}

fn add_bytes(image: &mut Vec<u8>, bytes: &[u8]) {
    image.extend(bytes.len().to_ne_bytes());
    image.extend(bytes);
}

/// Takes rows away that are still where they were.
pub fn delete(table: pg_sys::Oid, places: impl IntoIterator<Item = Place>) {
    // SAFETY: the caller has made the table in this transaction and found the rows in it; nobody else sees them.
    unsafe {
        let lock = pg_sys::RowExclusiveLock as pg_sys::LOCKMODE;
        let relation = pg_sys::relation_open(table, lock);
        for place in places {
            let mut pointer = place.pointer();
            pg_sys::simple_heap_delete(relation, &raw mut pointer);
        }
        pg_sys::relation_close(relation, pg_sys::NoLock as pg_sys::LOCKMODE);
        pg_sys::CommandCounterIncrement();
    }
}
