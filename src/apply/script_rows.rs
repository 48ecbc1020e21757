//! Rows that an extension's script wrote here, while the same ones come through the stream.
//!
//! Usually they are taken away when the script has run, since the source's follow. But where a table of the extension has a
//! column of a type that is not built in, reading a value may look into the extension's tables: it would fail at a row that
//! names another one, which comes later (extension `unit`: 'Mm' is mega and metre). There they stay, and a row of the stream
//! that is equal to one of them takes its place: it is not written again. With the first row that is not, or that is changed,
//! with TRUNCATE, the next command and the end of the transaction those that were not claimed go.
//! How it works: triggers that are there only as long as such rows are, in the transaction that has made the tables.
//! Relied on: the source's rows of a table come before anything that is done with them.

use crate::error::Failure;
use crate::pg::catalog::lookup::{self, Oid};
use crate::pg::catalog::spi;
use crate::pg::hooks::running::OwnCode;
use crate::pg::hooks::trigger::{Event, TriggerCall};
use crate::pg::runtime::memory::with_reserve;
use crate::pg::runtime::subtransaction::ByLevel;
use crate::pg::runtime::transaction;
use crate::pg::store::row_image::{self, Place};
use pgrx::pg_sys::Datum;
use std::cell::RefCell;
use std::collections::HashMap;

type Rows = HashMap<Vec<u8>, Vec<Place>>;

/// A table with such rows, by what they are.
struct Table {
    oid: Oid,
    unclaimed: Rows,
    claimed: Rows,
    /// What was done at which nest level: a parallel worker rolls back what the source has rolled back.
    done: Vec<(i32, Done)>,
}

enum Done {
    Claimed(Vec<u8>),
    Gone(Rows),
}

thread_local! {
    static TABLES: RefCell<ByLevel<Table>> = const { RefCell::new(ByLevel::new()) };
}

impl Table {
    fn claim(&mut self, image: &[u8]) -> bool {
        let Some(place) = self.unclaimed.get_mut(image).and_then(Vec::pop) else {
            return false;
        };
        self.claimed.entry(image.to_vec()).or_default().push(place);
        let claimed = Done::Claimed(image.to_vec());
        self.done.push((transaction::nest_level(), claimed));
        true
    }

    /// The stream does something with a row. What has to go before; `None` where there is nothing to do for the row either.
    fn meets(&mut self, event: Event, row: Option<(Vec<u8>, Place)>) -> Option<Vec<Place>> {
        match (event, row) {
            (Event::Insert, Some((image, _))) if self.claim(&image) => return None,
            (Event::Update | Event::Delete, Some((image, place))) => self.is_claimed(&image, place),
            (Event::Truncate, _) => {
                self.take_unclaimed();
                return None;
            }
            _ => {}
        }
        Some(self.take_unclaimed())
    }

    /// This row is one of the stream: where two are equal, it is the other one that nobody has claimed.
    fn is_claimed(&mut self, image: &[u8], place: Place) {
        let unclaimed = self.unclaimed.get_mut(image);
        if let Some(found) = unclaimed.and_then(|places| places.iter_mut().find(|p| **p == place))
            && let Some(other) = self.claimed.get_mut(image).and_then(Vec::pop)
        {
            *found = other;
        }
    }

    /// What nobody has claimed; from now on every row of the table is the stream's.
    fn take_unclaimed(&mut self) -> Vec<Place> {
        if self.unclaimed.is_empty() {
            return Vec::new();
        }
        let rows = std::mem::take(&mut self.unclaimed);
        let places = rows.values().flatten().copied().collect();
        self.done
            .push((transaction::nest_level(), Done::Gone(rows)));
        places
    }

    fn subtransaction_ended(&mut self, rolled_back: bool) {
        let level = transaction::nest_level();
        while let Some((_, done)) = self.done.pop_if(|(at, _)| rolled_back && *at >= level) {
            match done {
                Done::Claimed(image) => {
                    let place = self.claimed.get_mut(&image).and_then(Vec::pop);
                    self.unclaimed.entry(image).or_default().extend(place);
                }
                Done::Gone(rows) => self.unclaimed = rows,
            }
        }
        for (at, _) in &mut self.done {
            *at = (*at).min(level - 1);
        }
    }
}

/// Keeps the rows of these tables for the stream's to claim. False where there is no need to.
pub fn keep(tables: &[Oid]) -> Result<bool, Failure> {
    if !lookup::have_column_of_made_type(tables) {
        return Ok(false);
    }
    let found: Option<Vec<_>> = tables
        .iter()
        .map(|&table| row_image::of_table(table))
        .collect();
    let Some(found) = found else {
        return Ok(false);
    };
    for (&oid, rows) in tables.iter().zip(found) {
        if rows.is_empty() {
            continue;
        }
        for statement in [
            "CREATE TRIGGER dts_script_rows BEFORE INSERT OR UPDATE OR DELETE ON {} FOR EACH ROW EXECUTE FUNCTION dts_ddl.script_rows()",
            "CREATE TRIGGER dts_script_none BEFORE TRUNCATE ON {} FOR EACH STATEMENT EXECUTE FUNCTION dts_ddl.script_rows()",
            "ALTER TABLE ONLY {} ENABLE REPLICA TRIGGER dts_script_rows, ENABLE REPLICA TRIGGER dts_script_none",
        ] {
            on(oid, statement)?;
        }
        let (mut unclaimed, claimed) = (Rows::new(), Rows::new());
        for (image, place) in rows {
            unclaimed.entry(image).or_default().push(place);
        }
        let table = Table {
            oid,
            unclaimed,
            claimed,
            done: Vec::new(),
        };
        TABLES.with_borrow_mut(|tables| tables.push(table));
    }
    Ok(true)
}

fn on(table: Oid, statement: &str) -> Result<(), Failure> {
    let Some(name) = lookup::qualified_relation_name(table) else {
        return Ok(()); // gone
    };
    spi::execute(&statement.replace("{}", &name), &[]).map(|_| ())
}

/// BEFORE INSERT, UPDATE, DELETE, each row; BEFORE TRUNCATE.
pub fn script_rows(call: &TriggerCall) -> Result<Datum, Failure> {
    let oid = call.table();
    let go = TABLES.with_borrow_mut(|tables| {
        let table = tables.iter_mut().find(|table| table.oid == oid);
        table.map_or(Some(Vec::new()), |table| {
            table.meets(call.event(), call.image())
        })
    });
    let Some(go) = go else {
        return Ok(TriggerCall::nothing());
    };
    if !go.is_empty() {
        row_image::delete(oid, go);
    }
    Ok(call.keep_row())
}

/// The stream goes on with something else: what nobody has claimed goes, and the triggers.
pub fn end() -> Result<(), Failure> {
    let tables = TABLES.with_borrow_mut(ByLevel::take);
    if tables.is_empty() {
        return Ok(());
    }
    let _own = OwnCode::begin();
    for mut table in tables {
        let go = table.take_unclaimed();
        if !go.is_empty() {
            row_image::delete(table.oid, go);
        }
        for trigger in ["dts_script_rows", "dts_script_none"] {
            let statement = format!("DROP TRIGGER {trigger} ON {{}}");
            transaction::with_snapshot(|| on(table.oid, &statement))?; // none is at hand before a commit
        }
    }
    Ok(())
}

/// The transaction is about to commit or to be prepared.
pub fn before_commit() {
    with_reserve(end).unwrap_or_else(|failure| failure.raise());
}

/// The transaction is over.
pub fn transaction_ended() {
    TABLES.with_borrow_mut(ByLevel::take);
}

/// A subtransaction is over.
pub fn subtransaction_ended(rolled_back: bool) {
    TABLES.with_borrow_mut(|tables| {
        tables.subtransaction_ended(rolled_back);
        (tables.iter_mut()).for_each(|table| table.subtransaction_ended(rolled_back));
    });
}
