//! What PostgreSQL tells an event trigger: the event itself, the commands collected, the objects dropped.
//!
//! The set-returning functions behind `pg_event_trigger_ddl_commands()` and `pg_event_trigger_dropped_objects()` are
//! called directly, in materialize mode: no SPI, no planner, no other extension's hook (event_trigger.c).

use crate::pg::catalog::expression;
use crate::pg::catalog::lookup::{self, Address};
use crate::pg::command::node::{self, ParseTree};
use crate::pg::runtime::list::{self, pointers};
use crate::pg::runtime::memory::with_reserve;
use crate::pg::runtime::value;
use crate::pg::runtime::{compat, failure, raw, session, subtransaction, text};
use pgrx::pg_sys;
use std::borrow::Cow;
use std::cell::Cell;

/// One firing of an event trigger.
pub struct Event {
    pub tree: ParseTree,
}

/// An object that a command created or altered, as `pg_event_trigger_ddl_commands()` reports it.
#[derive(Debug, Clone)]
pub struct Collected {
    /// The tag of the (sub)command that touched it.
    pub tag: Cow<'static, str>,
    pub object_type: Cow<'static, str>,
    pub schema: Option<String>,
    pub identity: Option<String>,
    pub address: Option<Address>,
    /// Objects of a GRANT or REVOKE.
    pub granted: Vec<Address>,
    /// Columns whose new value was computed by a volatile expression.
    pub volatile: bool,
    /// The columns that an ALTER TABLE has added to its table.
    pub added_columns: Vec<i16>,
    /// The schema from which a relation was moved.
    pub former_schema: Option<pg_sys::Oid>,
    /// The relation that an ALTER TABLE was about.
    pub altered: Option<pg_sys::Oid>,
}

impl Collected {
    /// What a command has made or changed without telling event triggers; `None` when it is gone again.
    pub fn untold(tag: &'static str, address: Address) -> Option<Self> {
        let described = address.describe()?;
        Some(Collected {
            schema: address.schema(),
            identity: Some(described.identity),
            address: Some(address),
            ..Self::unnamed(tag, described.object_type)
        })
    }

    /// The same of no object in particular.
    pub fn unnamed(tag: &'static str, object_type: impl Into<Cow<'static, str>>) -> Self {
        Collected {
            tag: tag.into(),
            object_type: object_type.into(),
            schema: None,
            identity: None,
            address: None,
            granted: Vec::new(),
            volatile: false,
            added_columns: Vec::new(),
            former_schema: None,
            altered: None,
        }
    }
}

/// An object that a command dropped, as `pg_event_trigger_dropped_objects()` reports it.
#[derive(Debug, Clone)]
pub struct Dropped {
    pub address: Option<Address>,
    pub original: bool,
    /// It could go with another object only because of CASCADE (pg_event_trigger_dropped_objects(): normal).
    pub by_cascade: bool,
    pub temporary: bool,
    pub object_type: Cow<'static, str>,
    pub schema: Option<String>,
    pub name: Option<String>,
    pub identity: String,
    /// The name in parts, of objects that the command or CASCADE named, or that have no schema of their own. The first is the
    /// schema for objects that belong to a relation.
    pub names: Vec<String>,
}

impl Dropped {
    /// A permanent relation that a command names and is about to drop, and that has no others below it; `None` for what is none.
    pub fn alone(address: Address) -> Option<Self> {
        let relation = lookup::relation(address.object)
            .filter(|relation| !relation.is_temporary && !relation.is_partitioned)?;
        Some(Dropped {
            address: Some(address),
            original: true,
            by_cascade: false,
            temporary: false,
            object_type: relation.object_type.into(),
            identity: relation.identity,
            names: vec![relation.schema.clone(), relation.name.clone()],
            schema: Some(relation.schema),
            name: Some(relation.name),
        })
    }

    /// The publication that is gone, if this is one.
    pub fn publication(&self) -> Option<pg_sys::Oid> {
        self.address
            .filter(|address| address.class == pg_sys::PublicationRelationId)
            .map(|address| address.object)
    }
}

/// The event of a call and its name, or `None` when the function was not called by the event-trigger manager.
fn from_fcinfo<'a>(fcinfo: pg_sys::FunctionCallInfo) -> Option<(Event, &'a [u8])> {
    // SAFETY: fcinfo is what PostgreSQL passes to a C function; the node tag tells what its context is.
    unsafe {
        let context = (*fcinfo).context;
        let tag = pg_sys::NodeTag::T_EventTriggerData;
        let data = node::cast::<pg_sys::EventTriggerData>(context, tag)?;
        let tree = ParseTree::new((*data).parsetree);
        Some((Event { tree }, text::bytes((*data).event)))
    }
}

/// The commands collected so far for the statement in progress, whose own tag is this.
pub fn ddl_commands(own_tag: &'static str) -> Vec<Collected> {
    let mut commands = Vec::new();
    each_row(
        pg_sys::F_PG_EVENT_TRIGGER_DDL_COMMANDS,
        raw::pg_event_trigger_ddl_commands,
        &COMMAND_ROW,
        |row| {
            let command = row.pointer::<pg_sys::CollectedCommand>(8);
            let address = row.address();
            // SAFETY: PostgreSQL keeps the collected commands until the statement ends.
            let (granted, (volatile, added_columns), former_schema, altered) = unsafe {
                (
                    granted_objects(command),
                    new_columns(command),
                    former_schema(command),
                    altered(command),
                )
            };
            commands.push(Collected {
                tag: row.one_of(3, &[own_tag]),
                object_type: row.one_of(4, &KINDS),
                schema: row.text(5),
                identity: row.text(6),
                address,
                granted,
                volatile,
                added_columns,
                former_schema,
                altered,
            });
        },
    );
    commands
}

/// The objects dropped by the statement in progress; to be called in a sql_drop trigger only.
pub fn dropped_objects() -> Vec<Dropped> {
    let mut objects = Vec::new();
    each_row(
        pg_sys::F_PG_EVENT_TRIGGER_DROPPED_OBJECTS,
        raw::pg_event_trigger_dropped_objects,
        &DROPPED_ROW,
        |row| {
            let (original, by_cascade, schema) = (row.boolean(3), row.boolean(4), row.text(7));
            // The TOAST table of what is dropped is nobody's business.
            if !original && schema.as_deref() == Some("pg_toast") {
                return;
            }
            let object_type = row.one_of(6, &KINDS);
            let mut names = Vec::new();
            let is_column = object_type == "table column";
            if original || by_cascade || schema.is_none() || is_column {
                names = row.text_array(10);
                if object_type == "domain constraint" {
                    // The domain, and the name of the constraint (objectaddress.c: getObjectIdentityParts).
                    names.extend(row.text_array(11));
                }
            }
            objects.push(Dropped {
                address: row.address(),
                original,
                by_cascade,
                temporary: row.boolean(5),
                object_type,
                schema,
                name: row.text(8),
                identity: row.text(9).unwrap_or_default(),
                names,
            });
        },
    );
    objects
}

/// The same where it is not known whether a sql_drop trigger is running: empty if none is (PostgreSQL keeps that to itself).
pub fn dropped_objects_if_told() -> Vec<Dropped> {
    subtransaction::attempt(|| Ok(dropped_objects())).unwrap_or_default()
}

/// The table that is about to be rewritten and PostgreSQL's reason bits; to be called in a table_rewrite trigger only.
pub fn table_rewrite() -> (pg_sys::Oid, u32) {
    // SAFETY: both functions take no arguments and raise an error outside of a table_rewrite trigger.
    unsafe {
        let oid = compat::call(pg_sys::pg_event_trigger_table_rewrite_oid, []);
        let reason = compat::call(pg_sys::pg_event_trigger_table_rewrite_reason, []);
        let number = |datum: Option<pg_sys::Datum>| datum.map_or(0, |d| d.value() as u32);
        (pg_sys::Oid::from(number(oid)), number(reason))
    }
}

/// The row type of a set-returning function, found once in a session.
type RowType = std::thread::LocalKey<Cell<pg_sys::TupleDesc>>;

thread_local! {
    static COMMAND_ROW: Cell<pg_sys::TupleDesc> = const { Cell::new(core::ptr::null_mut()) };
    static DROPPED_ROW: Cell<pg_sys::TupleDesc> = const { Cell::new(core::ptr::null_mut()) };
}

/// Calls a set-returning function of PostgreSQL without arguments and hands each row to `f`.
///
/// To find out its row type, the function asks for the row of pg_proc that FmgrInfo names and builds a descriptor from it,
/// which costs more than all the rest. So it does that once; from then on FmgrInfo names a function that returns `record`
/// and says no more, and the row type is the one that the caller expects (funcapi.c: internal_get_result_type).
fn each_row(
    oid: u32,
    function: unsafe fn(pg_sys::FunctionCallInfo) -> pg_sys::Datum,
    row_type: &'static RowType,
    mut f: impl FnMut(&Row),
) {
    let known = row_type.get();
    let named = if known.is_null() {
        oid
    } else {
        pg_sys::F_RECORD_IN
    };
    // SAFETY: set up as the executor does for a function in FROM (execSRF.c): an FmgrInfo that names a function, a
    // ReturnSetInfo that allows materialize mode, and a memory context for the result. All of it lies in the current
    // context; nothing of it but the row type is kept.
    unsafe {
        let mut flinfo = pg_sys::FmgrInfo {
            fn_oid: pg_sys::Oid::from(named),
            fn_mcxt: pg_sys::CurrentMemoryContext,
            ..Default::default()
        };
        let mut econtext = pg_sys::ExprContext {
            type_: pg_sys::NodeTag::T_ExprContext,
            ecxt_per_query_memory: pg_sys::CurrentMemoryContext,
            ecxt_per_tuple_memory: pg_sys::CurrentMemoryContext,
            ..Default::default()
        };
        let mut result = pg_sys::ReturnSetInfo {
            type_: pg_sys::NodeTag::T_ReturnSetInfo,
            econtext: &mut econtext,
            expectedDesc: known,
            allowedModes: pg_sys::SetFunctionReturnMode::SFRM_Materialize as i32,
            ..Default::default()
        };
        let mut fcinfo = pg_sys::FunctionCallInfoBaseData {
            flinfo: &mut flinfo,
            resultinfo: (&raw mut result).cast(),
            ..Default::default()
        };
        let slot = raw::together(|| {
            function(&mut fcinfo);
            if result.setResult.is_null() {
                return core::ptr::null_mut();
            }
            if known.is_null() {
                let before = pg_sys::CurrentMemoryContext;
                pg_sys::CurrentMemoryContext = pg_sys::TopMemoryContext;
                row_type.set(raw::CreateTupleDescCopy(result.setDesc));
                pg_sys::CurrentMemoryContext = before;
            }
            raw::MakeSingleTupleTableSlot(result.setDesc, &pg_sys::TTSOpsMinimalTuple)
        });
        if slot.is_null() {
            return;
        }
        let (rows, columns) = (result.setResult, (*result.setDesc).natts);
        let next = || {
            let is_there = raw::tuplestore_gettupleslot(rows, true, false, slot);
            if is_there {
                raw::slot_getsomeattrs_int(slot, columns);
            }
            is_there
        };
        while raw::together(next) {
            f(&Row { slot });
        }
        raw::together(|| {
            raw::ExecDropSingleTupleTableSlot(slot);
            raw::tuplestore_end(rows);
        });
    }
}

/// Object types that are common.
const KINDS: [&str; 6] = [
    "table",
    "index",
    "sequence",
    "type",
    "function",
    "table column",
];

/// One row of such a function; columns count from 0.
struct Row {
    slot: *mut pg_sys::TupleTableSlot,
}

impl Row {
    fn datum(&self, column: usize) -> Option<pg_sys::Datum> {
        // SAFETY: all attributes of the slot were deformed; the column numbers are those of the function.
        unsafe { value::of_slot(self.slot, column) }
    }

    fn text(&self, column: usize) -> Option<String> {
        // SAFETY: the column is of type text.
        self.datum(column).map(|d| unsafe { value::of_varlena(d) })
    }

    /// One of these texts, or another one.
    fn one_of(&self, column: usize, known: &[&'static str]) -> Cow<'static, str> {
        let Some(datum) = self.datum(column) else {
            return Cow::default();
        };
        // SAFETY: the column is of type text.
        let text = unsafe { value::short(datum) };
        let known = known.iter().find(|known| Some(known.as_bytes()) == text);
        // SAFETY: as above.
        known.map_or_else(
            || Cow::Owned(unsafe { value::of_varlena(datum) }),
            |known| Cow::Borrowed(*known),
        )
    }

    fn boolean(&self, column: usize) -> bool {
        self.datum(column).is_some_and(|d| d.value() != 0)
    }

    fn pointer<T>(&self, column: usize) -> *mut T {
        self.datum(column)
            .map_or(core::ptr::null_mut(), |d| d.cast_mut_ptr())
    }

    fn address(&self) -> Option<Address> {
        let (class, object) = (self.datum(0)?, self.datum(1)?);
        Some(Address {
            class: pg_sys::Oid::from(class.value() as u32),
            object: pg_sys::Oid::from(object.value() as u32),
            sub: self.datum(2).map_or(0, |d| d.value() as i32),
        })
    }

    fn text_array(&self, column: usize) -> Vec<String> {
        let Some(datum) = self.datum(column) else {
            return Vec::new();
        };
        // SAFETY: the column is of type text[].
        unsafe { value::array(datum) }
    }
}

/// # Safety
/// `command` is NULL or a command that PostgreSQL has collected.
unsafe fn granted_objects(command: *mut pg_sys::CollectedCommand) -> Vec<Address> {
    // SAFETY: the command's type says which member of the union is set.
    unsafe {
        if command.is_null() || (*command).type_ != pg_sys::CollectedCommandType::SCT_Grant {
            return Vec::new();
        }
        let grant = &*(*command).d.grant.istmt;
        let Some(class) = lookup::class_of_granted(grant.objtype) else {
            return Vec::new();
        };
        (list::oids(grant.objects).into_iter())
            .map(|object| Address {
                class,
                object,
                sub: 0,
            })
            .collect()
    }
}

/// The schema that a relation was in before ALTER .. SET SCHEMA (utility.c: it is the command's secondary object).
///
/// # Safety
/// `command` is NULL or a command that PostgreSQL has collected.
unsafe fn former_schema(command: *mut pg_sys::CollectedCommand) -> Option<pg_sys::Oid> {
    // SAFETY: the command's type says which member of the union is set; its parse tree is NULL or a valid node.
    unsafe {
        if command.is_null() || (*command).type_ != pg_sys::CollectedCommandType::SCT_Simple {
            return None;
        }
        if !ParseTree::new((*command).parsetree).is(pg_sys::NodeTag::T_AlterObjectSchemaStmt) {
            return None;
        }
        let simple = &(*command).d.simple;
        (simple.address.classId == pg_sys::RelationRelationId
            && simple.secondaryObject.classId == pg_sys::NamespaceRelationId)
            .then_some(simple.secondaryObject.objectId)
    }
}

/// The relation that an ALTER TABLE was about.
///
/// # Safety
/// `command` is NULL or a command that PostgreSQL has collected.
unsafe fn altered(command: *mut pg_sys::CollectedCommand) -> Option<pg_sys::Oid> {
    // SAFETY: the command's type says which member of the union is set.
    unsafe {
        (!command.is_null() && (*command).type_ == pg_sys::CollectedCommandType::SCT_AlterTable)
            .then(|| (*command).d.alterTable.objectId)
    }
}

/// # Safety
/// `subcommand` is one that PostgreSQL has collected.
unsafe fn table_command(
    subcommand: *mut pg_sys::CollectedATSubcmd,
) -> Option<*mut pg_sys::AlterTableCmd> {
    // SAFETY: the caller's promise; its parse tree is NULL or a valid node.
    unsafe { node::cast((*subcommand).parsetree, pg_sys::NodeTag::T_AlterTableCmd) }
}

/// Whether an ALTER TABLE gave existing rows values that another server would not compute, and the columns that it has added.
///
/// # Safety
/// `command` is NULL or a command that PostgreSQL has collected.
unsafe fn new_columns(command: *mut pg_sys::CollectedCommand) -> (bool, Vec<i16>) {
    let (mut volatile, mut added) = (false, Vec::new());
    // SAFETY: the command's type says which member of the union is set; subcommands are CollectedATSubcmd (deparse_utility.h).
    unsafe {
        if command.is_null() || (*command).type_ != pg_sys::CollectedCommandType::SCT_AlterTable {
            return (volatile, added);
        }
        let alter = &(*command).d.alterTable;
        let subcommands: Vec<*mut pg_sys::CollectedATSubcmd> = pointers(alter.subcmds);
        for subcommand in subcommands {
            let Some(node) = table_command(subcommand) else {
                continue;
            };
            #[cfg(any(feature = "pg13", feature = "pg14", feature = "pg15"))]
            let adds_column = (*node).subtype == pg_sys::AlterTableType::AT_AddColumnRecurse;
            #[cfg(not(any(feature = "pg13", feature = "pg14", feature = "pg15")))]
            let adds_column = false;
            match (*node).subtype {
                subtype if adds_column || subtype == pg_sys::AlterTableType::AT_AddColumn => {
                    // none where IF NOT EXISTS found it
                    let column = (*subcommand).address.objectSubId;
                    if column > 0 {
                        volatile |= lookup::column_default_is_volatile(alter.objectId, column);
                        added.extend(i16::try_from(column));
                    }
                }
                pg_sys::AlterTableType::AT_AlterColumnType => {
                    let tag = pg_sys::NodeTag::T_ColumnDef;
                    volatile |= node::cast::<pg_sys::ColumnDef>((*node).def, tag)
                        .map(|definition| (*definition).cooked_default)
                        .is_some_and(|value| !expression::is_repeatable(value));
                }
                _ => {}
            }
        }
    }
    (volatile, added)
}

/// An event-trigger function: does `work` with an event of the name that the function is declared for, where there is
/// anything to do.
pub fn on(fcinfo: pg_sys::FunctionCallInfo, name: &str, function: &str, work: impl FnOnce(Event)) {
    with_reserve(|| {
        let Some((event, called)) = from_fcinfo(fcinfo) else {
            failure::not_an_event_trigger(function).raise()
        };
        if session::in_extension_script() || session::in_binary_upgrade() {
            return;
        }
        if called != name.as_bytes() {
            failure::wrong_event(function, &text::decode(called), name).raise();
        }
        work(event);
    });
}
