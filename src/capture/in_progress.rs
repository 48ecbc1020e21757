//! The DDL commands that are running now, outermost first.
//!
//! The utility hook adds a command before it runs and takes it off afterwards, on success and on error. The event
//! triggers find their command as the last of its kind. A command that was running before the library was loaded has
//! no entry from the hook; the event trigger adds a substitute, which is taken off at the end of the command or, when
//! that is not seen (an error, or the extension was dropped meanwhile), with its (sub)transaction, or with the memory context
//! the statement ran in.
//!
//! What is noted of a command holds as long as its entry is there: the command and its entry go together when the
//! (sub)transaction around them is rolled back. One thing is of a level below: a row that had to be written early, in a
//! subtransaction of another event trigger's, goes with that one ([`super::started::Recorded`]).

use crate::capture::names_before::Names;
use crate::capture::started::Started;
use crate::guc;
use crate::pg::catalog::lookup;
use crate::pg::command::event::Event;
use crate::pg::command::index::{self, DroppedIndex};
use crate::pg::command::node::{KIND_OF_ALTER_TABLE, ParseTree};
use crate::pg::command::source::{self, Source};
use crate::pg::hooks::statements;
use crate::pg::runtime::transaction;
use crate::pg::runtime::transaction::Progress;
use pgrx::pg_sys;
use std::cell::{Cell, RefCell};

/// How far a command is.
enum Phase {
    /// The hook has seen it.
    Announced,
    /// Its start was noted.
    Started(Box<Started>),
    /// What was noted is in use ([`Lease`]).
    Leased,
}

struct Command {
    /// Tells it from all others of the session.
    number: u64,
    kind: u32,
    source: Source,
    nested: bool,
    /// The hook does not know of it; the nest level of the transaction at which it was added.
    substitute_at: Option<i32>,
    phase: Phase,
    /// Address of the receiver's start-up callback while ours stands in for it.
    startup: usize,
    /// What it builds is committed before its end.
    builds_concurrently: bool,
    /// The relations that it has made.
    made: Vec<pg_sys::Oid>,
    /// It is a DROP INDEX, or an ALTER TABLE, which drops some to make them anew.
    drops_indexes: bool,
    dropped_indexes: Vec<DroppedIndex>,
}

impl Command {
    fn started(&self) -> Option<&Started> {
        match &self.phase {
            Phase::Started(started) => Some(started),
            Phase::Announced | Phase::Leased => None,
        }
    }
}

thread_local! {
    static COMMANDS: RefCell<Vec<Command>> = const { RefCell::new(Vec::new()) };
    /// Number of the last command.
    static NUMBERS: Cell<u64> = const { Cell::new(0) };
}

fn next_number() -> u64 {
    let number = NUMBERS.get() + 1;
    NUMBERS.set(number);
    number
}

/// Adds a command.
fn add(number: u64, tree: ParseTree, source: Source, nested: bool, substitute_at: Option<i32>) {
    COMMANDS.with_borrow_mut(|commands| {
        commands.push(Command {
            number,
            kind: tree.kind(),
            source,
            nested,
            substitute_at,
            phase: Phase::Announced,
            startup: 0,
            builds_concurrently: index::builds_concurrently(tree),
            made: Vec::new(),
            drops_indexes: tree.kind() == KIND_OF_ALTER_TABLE || index::is_drop(tree),
            dropped_indexes: Vec::new(),
        });
    });
}

/// What was noted of a command, taken out of the list so that anything may run meanwhile, and put back at the end of the
/// lease, also when an error passes through.
struct Lease {
    number: u64,
    started: Option<Box<Started>>,
    source: Source,
}

impl Lease {
    /// The innermost command, if it has started.
    fn take() -> Option<Self> {
        COMMANDS.with_borrow_mut(|commands| {
            let command = commands.last_mut()?;
            match std::mem::replace(&mut command.phase, Phase::Leased) {
                Phase::Started(started) => Some(Lease {
                    number: command.number,
                    started: Some(started),
                    source: command.source.clone(),
                }),
                phase => {
                    command.phase = phase;
                    None
                }
            }
        })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        COMMANDS.with_borrow_mut(|commands| {
            let command = commands.iter_mut().rfind(|c| c.number == self.number);
            if let (Some(command), Some(started)) = (command, self.started.take()) {
                command.phase = Phase::Started(started);
            }
        });
    }
}

/// Adds a command that is about to run; returns the number of those that were running before.
pub fn push(tree: ParseTree, source: Source, nested: bool) -> usize {
    let depth = COMMANDS.with_borrow(Vec::len);
    add(next_number(), tree, source, nested, None);
    depth
}

/// Notes a relation that the innermost command has made; whether it is committed before the command is recorded.
pub fn note_made(relation: pg_sys::Oid) -> bool {
    COMMANDS.with_borrow_mut(|commands| {
        commands.last_mut().is_some_and(|command| {
            command.made.push(relation);
            command.builds_concurrently
        })
    })
}

/// Whether a command is under way that builds concurrently.
pub fn is_building_concurrently() -> bool {
    COMMANDS.with_borrow(|commands| commands.iter().any(|c| c.builds_concurrently))
}

/// Whether any command is under way.
pub fn is_any() -> bool {
    COMMANDS.with_borrow(|commands| !commands.is_empty())
}

/// The relations that the innermost command has made, in order; some may be gone again.
pub fn made() -> Vec<pg_sys::Oid> {
    COMMANDS.with_borrow(|commands| commands.last().map_or_else(Vec::new, |c| c.made.clone()))
}

/// Notes a relation that the innermost command drops, if it is known as what it still is.
pub fn note_dropped(relation: pg_sys::Oid) {
    let identity = COMMANDS.with_borrow(|commands| {
        let known = commands.last()?.started()?.drops.as_ref()?;
        Some(known.find(relation)?.identity.clone())
    });
    let is_still_called =
        |identity| lookup::relation(relation).is_some_and(|now| now.identity == identity);
    if identity.is_some_and(is_still_called) {
        COMMANDS.with_borrow_mut(|commands| {
            let command = commands.last_mut();
            if let Some(Phase::Started(started)) = command.map(|command| &mut command.phase)
                && let Some(drops) = &mut started.drops
            {
                drops.note_gone();
            }
        });
    }
}

/// Whether the innermost command is one that drops indexes, be it to make them anew.
pub fn drops_indexes() -> bool {
    COMMANDS.with_borrow(|commands| commands.last().is_some_and(|c| c.drops_indexes))
}

/// Notes an index that the innermost command drops.
pub fn note_dropped_index(index: DroppedIndex) {
    COMMANDS.with_borrow_mut(|commands| {
        if let Some(command) = commands.last_mut() {
            command.dropped_indexes.push(index);
        }
    });
}

/// Asks about the indexes that the innermost command has dropped.
pub fn with_dropped_indexes<R>(f: impl FnOnce(&[DroppedIndex]) -> R) -> R {
    COMMANDS.with_borrow(|commands| f(commands.last().map_or(&[], |c| &c.dropped_indexes)))
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
            .filter(|c| c.kind == kind && matches!(c.phase, Phase::Announced))
            .map(|c| c.nested)
    });
    let nested = known.unwrap_or_else(|| {
        let (source, nested) = source::locate(tree);
        // Before the entry is there: it must not stay if there is no memory to have it taken off.
        let number = next_number();
        statements::remove_at_end(number);
        let level = transaction::nest_level();
        add(number, tree, source, nested, Some(level));
        nested
    });
    let mut started = Started::of(tree, nested, progress);
    // A copy, so that anything may run meanwhile.
    let source = guc::qualify_names()
        .then(|| COMMANDS.with_borrow(|commands| commands.last().map(|c| c.source.clone())));
    if let Some(source) = source.flatten() {
        let conforming = started.context.standard_conforming_strings;
        started.names = Names::of(&source, conforming);
    }
    COMMANDS.with_borrow_mut(|commands| {
        if let Some(command) = commands.last_mut() {
            command.phase = Phase::Started(Box::new(started));
        }
    });
}

/// Makes sure that the command of an event has been started, and runs `f` with it and with its text.
pub fn with_current<R>(event: &Event, f: impl FnOnce(&mut Started, &Source) -> R) -> Option<R> {
    let known = COMMANDS.with_borrow(|commands| {
        commands
            .last()
            .and_then(Command::started)
            .is_some_and(|started| started.tree == event.tree)
    });
    if !known {
        // The capture was switched on while the command was running, or its start trigger is disabled.
        start(event.tree, None);
    }
    with_last(f)
}

/// Runs `f` with the innermost command if that has started, and with its text.
fn with_last<R>(f: impl FnOnce(&mut Started, &Source) -> R) -> Option<R> {
    let mut lease = Lease::take()?;
    let Lease {
        started, source, ..
    } = &mut lease;
    started.as_mut().map(|started| f(started, source))
}

/// The transaction is over. What was running in it is not any more if it was rolled back: the memory of a substitute's statement may
/// stay until ROLLBACK is run, which is a statement itself (spi.c: AtEOXact_SPI).
pub fn transaction_ended(rolled_back: bool) {
    if rolled_back {
        COMMANDS.with_borrow_mut(|commands| commands.retain(|c| c.substitute_at.is_none()));
    }
}

/// A subtransaction is over: rows that were written in it are its parent's, or gone.
pub fn subtransaction_ended(rolled_back: bool) {
    let level = transaction::nest_level();
    COMMANDS.with_borrow_mut(|commands| {
        if rolled_back {
            commands.retain(|c| c.substitute_at.is_none_or(|at| at < level));
        }
        for command in commands {
            if let Phase::Started(started) = &mut command.phase {
                started.subtransaction_ended(level, rolled_back);
            }
        }
    });
}

/// Takes off the innermost command if it is a substitute: its end was seen, and no hook will take it off.
pub fn finish_substitute() {
    COMMANDS.with_borrow_mut(|commands| {
        if commands.last().is_some_and(|c| c.substitute_at.is_some()) {
            commands.pop();
        }
    });
}

/// Takes off the substitute with this number if it is still there.
pub fn remove_substitute(number: u64) {
    COMMANDS.with(|commands| {
        if let Ok(mut commands) = commands.try_borrow_mut() {
            commands.retain(|c| c.number != number);
        }
    });
}

/// Whether the innermost command has started and has no row yet. Asked for every query that runs: must be cheap.
pub fn any_unrecorded() -> bool {
    COMMANDS.with_borrow(|commands| {
        commands
            .last()
            .and_then(Command::started)
            .is_some_and(|started| !started.is_recorded())
    })
}

/// Whether the innermost command is a CREATE TABLE AS that has not made its table yet.
pub fn awaits_table() -> bool {
    COMMANDS.with_borrow(|commands| {
        commands.last().is_some_and(|c| {
            c.startup == 0
                && c.started().is_some_and(|started| {
                    !started.is_recorded() && started.tree.is_create_table_as()
                })
        })
    })
}

/// Runs `f` with the innermost command if that has started and has no row yet.
pub fn with_unrecorded<R>(f: impl FnOnce(&mut Started, &Source) -> R) -> Option<R> {
    any_unrecorded().then(|| with_last(f)).flatten()
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
