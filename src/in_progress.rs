//! The DDL commands that are running now, outermost first.
//!
//! The utility hook adds a command before it runs and takes it off afterwards, on success and on error. The event
//! triggers find their command as the last of its kind. A command that was running before the library was loaded has
//! no entry from the hook; the event trigger adds a substitute, which is taken off at the end of the command or, when
//! that is not seen (an error, or the extension was dropped meanwhile), with the memory context the statement ran in.

use crate::context::Context;
use crate::pg::catalog::Address;
use crate::pg::event::{Dropped, Event};
use crate::pg::eventless::Eventless;
use crate::pg::node::{ParseTree, TemporaryItems};
use crate::pg::session::Progress;
use crate::pg::source::{self, Source};
use crate::pg::table;
use crate::replayable::Facts;
use std::cell::{Cell, RefCell};

/// A table that the command is about to rewrite.
pub struct Rewrite {
    pub table: String,
    pub oid: u32,
    pub reasons: Vec<&'static str>,
}

/// What the event triggers have noted of a command since its start.
pub struct Started {
    pub tree: ParseTree,
    pub context: Context,
    /// Where the transaction stood when the command began; `None` when that was not seen.
    pub progress: Option<Progress>,
    pub dropped: Vec<Dropped>,
    pub rewrites: Vec<Rewrite>,
    pub temporary_items: Option<TemporaryItems>,
    /// With commands that no event trigger sees.
    pub eventless: Option<Eventless>,
    /// An index of the capture table is to be dropped.
    pub drops_own_index: bool,
    /// Tables that it is to make partitions.
    pub attached: Vec<Address>,
    /// Tables that it is to make partitions no longer.
    pub detached: Vec<Address>,
    /// For statements that cannot be repeated as they were sent.
    pub replayable: Facts,
    /// An EXPLAIN ANALYZE runs it.
    pub explained: bool,
    /// Its row is written (CREATE TABLE AS, or another event trigger ran DDL of its own).
    pub recorded: bool,
    /// Where the transaction stood when it was last asked whether the command had done its work.
    pub asked: Option<Progress>,
}

struct Command {
    kind: u32,
    source: Source,
    nested: bool,
    /// Number of an entry that the hook does not know of; 0 for one that it does.
    substitute: u64,
    started: Option<Started>,
    /// Address of the receiver's start-up callback while ours stands in for it.
    startup: usize,
}

thread_local! {
    static COMMANDS: RefCell<Vec<Command>> = const { RefCell::new(Vec::new()) };
    /// Number of the last substitute.
    static SUBSTITUTES: Cell<u64> = const { Cell::new(0) };
}

/// Adds a command that is about to run; returns the number of those that were running before.
pub fn push(kind: u32, source: Source, nested: bool) -> usize {
    COMMANDS.with_borrow_mut(|commands| {
        let depth = commands.len();
        commands.push(Command {
            kind,
            source,
            nested,
            substitute: 0,
            started: None,
            startup: 0,
        });
        depth
    })
}

/// Takes off all commands beyond the first `depth`.
pub fn truncate(depth: usize) {
    COMMANDS.with_borrow_mut(|commands| commands.truncate(depth));
}

/// Notes that a command starts: what its ddl_command_start trigger saw.
pub fn start(tree: ParseTree, progress: Option<Progress>) {
    let kind = tree.kind();
    let known = COMMANDS.with_borrow(|commands| {
        commands
            .last()
            .filter(|c| c.kind == kind && c.started.is_none())
            .map(|c| c.nested)
    });
    let nested = known.unwrap_or_else(|| {
        let (source, nested) = source::locate(tree);
        let number = SUBSTITUTES.get() + 1;
        SUBSTITUTES.set(number);
        source::remove_at_end(number);
        COMMANDS.with_borrow_mut(|commands| {
            commands.push(Command {
                kind,
                source,
                nested,
                substitute: number,
                started: None,
                startup: 0,
            });
        });
        nested
    });
    let started = Started {
        tree,
        context: Context::of_session(nested),
        progress,
        dropped: Vec::new(),
        rewrites: Vec::new(),
        temporary_items: tree.temporary_items(),
        eventless: Eventless::of(tree),
        drops_own_index: tree.drops_index_of(table::capture_table),
        attached: tree.tables_to_attach(),
        detached: tree.tables_to_detach(),
        replayable: Facts::of(tree),
        explained: false,
        recorded: false,
        asked: None,
    };
    COMMANDS.with_borrow_mut(|commands| {
        if let Some(command) = commands.last_mut() {
            command.started = Some(started);
        }
    });
}

/// Makes sure that the command of an event has been started, and runs `f` with it and with its text.
pub fn with_current<R>(event: &Event, f: impl FnOnce(&mut Started, &Source) -> R) -> R {
    let known = COMMANDS.with_borrow(|commands| {
        commands
            .last()
            .and_then(|c| c.started.as_ref())
            .is_some_and(|started| started.tree == event.tree)
    });
    if !known {
        // The capture was switched on while the command was running, or its start trigger is disabled.
        start(event.tree, None);
    }
    with_last(f)
}

/// Runs `f` with the innermost command. The entry is taken out meanwhile, so that `f` may run anything.
fn with_last<R>(f: impl FnOnce(&mut Started, &Source) -> R) -> R {
    let (mut started, source) = COMMANDS.with_borrow_mut(|commands| {
        let command = commands
            .last_mut()
            .and_then(|c| c.started.take().map(|s| (s, c.source.clone())));
        command.unwrap_or_else(|| unreachable!("the command was started before"))
    });
    let result = f(&mut started, &source);
    COMMANDS.with_borrow_mut(|commands| {
        if let Some(command) = commands.last_mut() {
            command.started = Some(started);
        }
    });
    result
}

/// Takes off the innermost command if it is a substitute: its end was seen, and no hook will take it off.
pub fn finish_substitute() {
    COMMANDS.with_borrow_mut(|commands| {
        if commands.last().is_some_and(|c| c.substitute != 0) {
            commands.pop();
        }
    });
}

/// Takes off the substitute with this number if it is still there.
pub fn remove_substitute(number: u64) {
    COMMANDS.with(|commands| {
        if let Ok(mut commands) = commands.try_borrow_mut() {
            commands.retain(|c| c.substitute != number);
        }
    });
}

/// Whether the innermost command has started and has no row yet. Asked for every query that runs: must be cheap.
pub fn any_unrecorded() -> bool {
    COMMANDS.with_borrow(|commands| {
        commands
            .last()
            .and_then(|c| c.started.as_ref())
            .is_some_and(|started| !started.recorded)
    })
}

/// Whether the innermost command is a CREATE TABLE AS that has not made its table yet.
pub fn awaits_table() -> bool {
    COMMANDS.with_borrow(|commands| {
        commands.last().is_some_and(|c| {
            c.startup == 0
                && c.started
                    .as_ref()
                    .is_some_and(|started| !started.recorded && started.tree.is_create_table_as())
        })
    })
}

/// Runs `f` with the innermost command if that has started and has no row yet.
pub fn with_unrecorded<R>(f: impl FnOnce(&mut Started, &Source) -> R) -> Option<R> {
    any_unrecorded().then(|| with_last(f))
}

pub fn remember_startup(address: usize) {
    COMMANDS.with_borrow_mut(|commands| {
        if let Some(command) = commands.last_mut() {
            command.startup = address;
        }
    });
}

pub fn take_startup() -> usize {
    COMMANDS.with_borrow_mut(|commands| {
        commands
            .last_mut()
            .map_or(0, |c| std::mem::take(&mut c.startup))
    })
}
