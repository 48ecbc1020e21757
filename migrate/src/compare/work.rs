//! The comparison of many tables by several pairs of connections.
//!
//! First each chunk is summed up on both sides at the same time, while the next ones are cut. Those that were not the same
//! are summed up again once the stream has passed behind all of that; what still differs is read row by row, and what rows
//! are not the same then are looked at as [`super::look`] says. Each query is a transaction of its own and, but for the
//! tables that are read as a whole, has to be done within `chunk_seconds`; a chunk that takes longer is cut smaller.

use super::look::{Settled, candidates, settle};
use super::published::{Sent, TableName};
use super::report::{self, How, RowReport, Status, TableReport};
use super::stream::{Stands, Stream};
use super::table::{BUCKETS, Key, Plan, Scope, Sum, Unplanned};
use super::{Options, Progress};
use crate::connection::{Server, Session, Side};
use crate::problem::{Problem, words};
use postgres::error::SqlState;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};

/// Keys that are looked at together.
const TOGETHER: usize = 500;
/// Rows that are proven to differ, after which a table is left alone.
const ENOUGH: u64 = 1000;
/// Rows of a table without a key that are read at once.
const ROWS_OF_BUCKETS: u64 = 100_000;

struct Pair {
    source: Session,
    destination: Session,
}

/// An error of one of the sides.
struct Failure(Side, postgres::Error);

impl Pair {
    fn new(source: &Server, destination: &Server) -> Result<Self, Problem> {
        Ok(Self {
            source: source.connect()?,
            destination: destination.connect()?,
        })
    }

    /// The same of both, at the same time.
    fn both<T: Send>(
        &mut self,
        (seconds, by_index): (u64, bool),
        read: impl Fn(&mut Session) -> Result<T, postgres::Error> + Sync,
    ) -> Result<[T; 2], Failure> {
        let read = |session: &mut Session| {
            let side = session.side;
            session
                .reading(seconds, by_index)
                .and_then(|()| read(session))
                .map_err(|error| Failure(side, error))
        };
        let (source, destination) = std::thread::scope(|scope| {
            let destination = scope.spawn(|| read(&mut self.destination));
            (
                read(&mut self.source),
                destination.join().expect("a query does not panic"),
            )
        });
        Ok([source?, destination?])
    }
}

/// What is known of a table so far.
struct Table {
    report: TableReport,
    again: Vec<Scope>,
    keys: Vec<(Key, How)>,
}

struct Task {
    table: usize,
    scope: Scope,
}

/// All of them, in their order.
struct Work<'a> {
    options: &'a Options,
    stream: &'a Stream,
    progress: &'a Progress,
    tables: Vec<Mutex<Table>>,
    plans: Vec<std::sync::OnceLock<Plan>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn compare(
    servers: [&Server; 2],
    compared: &[(TableName, Sent)],
    stream: &Stream,
    options: &Options,
    progress: &Progress,
) -> Result<Vec<TableReport>, Problem> {
    let mut pairs = Vec::new();
    for _ in 0..options.jobs.max(1) {
        pairs.push(Pair::new(servers[0], servers[1])?);
    }
    let mut control = Pair::new(servers[0], servers[1])?;
    let work = Work {
        options,
        stream,
        progress,
        tables: compared
            .iter()
            .map(|(table, _)| {
                let report = TableReport::new(table, Status::Same);
                Mutex::new(Table {
                    report,
                    again: Vec::new(),
                    keys: Vec::new(),
                })
            })
            .collect(),
        plans: compared
            .iter()
            .map(|_| std::sync::OnceLock::new())
            .collect(),
    };
    work.first(&mut control, &mut pairs, compared);
    work.second(&mut control, &mut pairs);
    work.finish(&mut control);
    Ok(work
        .tables
        .into_iter()
        .map(|table| {
            table
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner)
                .report
        })
        .collect())
}

impl Work<'_> {
    /// Every chunk of every table, once.
    fn first(&self, control: &mut Pair, pairs: &mut [Pair], compared: &[(TableName, Sent)]) {
        self.distribute(
            pairs,
            |pair, task| self.sum(pair, task),
            |send| {
                for (at, (table, sent)) in compared.iter().enumerate() {
                    self.progress.table(&table.identity());
                    let seconds = self.options.chunk_seconds;
                    let planned = control
                        .source
                        .reading(seconds, true)
                        .map_err(|error| Unplanned::Failed(Side::Source, error))
                        .and_then(|()| {
                            Plan::new(
                                table,
                                sent,
                                &mut control.source,
                                &mut control.destination,
                                self.options.seed,
                            )
                        });
                    let plan = match planned {
                        Ok(plan) => self.plans[at].get_or_init(|| plan),
                        Err(Unplanned::Lacks {
                            side,
                            table: whole,
                            what,
                        }) => {
                            let mut table = lock(&self.tables[at]);
                            table.report.status = match (whole, side) {
                                (false, _) => Status::Different,
                                (true, Side::Source) => Status::OnlyDestination,
                                (true, Side::Destination) => Status::OnlySource,
                            };
                            table
                                .report
                                .notes
                                .push(format!("the {} {what}", side.name()));
                            continue;
                        }
                        Err(Unplanned::Failed(side, error)) => {
                            self.failed(at, &Failure(side, error));
                            continue;
                        }
                    };
                    self.progress.expect(plan.estimate);
                    lock(&self.tables[at]).report.method = if plan.is_keyed() {
                        report::KEY
                    } else {
                        report::BUCKETS
                    };
                    if !plan.is_keyed() {
                        send(Task {
                            table: at,
                            scope: Scope::Buckets(Vec::new()),
                        });
                        continue;
                    }
                    let mut above: Option<Key> = None;
                    loop {
                        match plan.border(
                            &mut control.source,
                            above.as_ref(),
                            self.options.rows_per_chunk,
                        ) {
                            Ok(border) => {
                                let last = border.is_none();
                                send(Task {
                                    table: at,
                                    scope: Scope::Range(above, border.clone()),
                                });
                                if last {
                                    break;
                                }
                                above = border;
                            }
                            Err(error) => {
                                self.failed(at, &Failure(Side::Source, error));
                                break;
                            }
                        }
                    }
                }
            },
        );
    }

    /// What was not the same, once the stream has passed.
    fn second(&self, control: &mut Pair, pairs: &mut [Pair]) {
        let again: Vec<Task> = self
            .tables
            .iter()
            .enumerate()
            .flat_map(|(table, state)| {
                let scopes = std::mem::take(&mut lock(state).again);
                scopes.into_iter().map(move |scope| Task { table, scope })
            })
            .collect();
        if again.is_empty() {
            return;
        }
        self.progress.again(again.len());
        let passed = match self.stream.position(&mut control.source) {
            Ok(position) => self.stream.wait(&mut control.source, position),
            Err(error) => Err(Stands::Failed(error)),
        };
        if let Err(stands) = passed {
            for task in &again {
                self.stands(task.table, &stands);
            }
            return;
        }
        self.distribute(
            pairs,
            |pair, task| self.look(pair, task),
            |send| {
                for task in again {
                    send(task);
                }
            },
        );
    }

    /// Gives tasks, as they are made, to the pairs.
    fn distribute(
        &self,
        pairs: &mut [Pair],
        act: impl Fn(&mut Pair, Task) + Sync,
        make: impl FnOnce(&mut dyn FnMut(Task)),
    ) {
        let (sender, receiver) = sync_channel::<Task>(pairs.len() * 2);
        let receiver = Mutex::new(receiver);
        let next = |receiver: &Mutex<Receiver<Task>>| lock(receiver).recv();
        std::thread::scope(|scope| {
            for pair in pairs.iter_mut() {
                scope.spawn(|| {
                    while let Ok(task) = next(&receiver) {
                        act(pair, task);
                    }
                });
            }
            make(&mut |task| {
                // they take tasks until there are no more
                let _ = sender.send(task);
            });
            drop(sender);
        });
    }

    /// Chunks are found by index, and soon; a table without a key is read as a whole.
    fn reading(&self, plan: &Plan) -> (u64, bool) {
        if plan.is_keyed() {
            (self.options.chunk_seconds, true)
        } else {
            (0, false)
        }
    }

    fn plan(&self, task: &Task) -> &Plan {
        self.plans[task.table]
            .get()
            .expect("a task of a table that has a plan")
    }

    /// Sums of a chunk on both sides.
    fn sum(&self, pair: &mut Pair, task: Task) {
        if lock(&self.tables[task.table]).report.status == Status::Failed {
            return;
        }
        let plan = self.plan(&task);
        if !plan.is_keyed() {
            match pair.both(self.reading(plan), |session| plan.buckets(session)) {
                Ok([source, destination]) => self.buckets(task.table, &source, &destination),
                Err(failure) => self.failed(task.table, &failure),
            }
            return;
        }
        match pair.both(self.reading(plan), |session| plan.sum(session, &task.scope)) {
            Ok(sums) => self.summed(task.table, task.scope, &sums),
            Err(Failure(_, error)) if error.code() == Some(&SqlState::QUERY_CANCELED) => {
                self.smaller(pair, task)
            }
            Err(failure) => self.failed(task.table, &failure),
        }
    }

    fn summed(&self, at: usize, scope: Scope, [source, destination]: &[Sum; 2]) {
        self.progress.rows(source.count);
        let mut table = lock(&self.tables[at]);
        table.report.source_rows += source.count;
        table.report.destination_rows += destination.count;
        if source != destination {
            table.again.push(scope);
        }
    }

    /// A chunk that took too long, in ten parts.
    fn smaller(&self, pair: &mut Pair, task: Task) {
        let plan = self.plan(&task);
        let Scope::Range(mut above, up_to) = task.scope else {
            return;
        };
        let parts = match self.parts(plan, pair, &above, up_to.as_ref()) {
            Ok(parts) if parts.len() > 1 => parts,
            Ok(_) => {
                let mut table = lock(&self.tables[task.table]);
                table.report.status = Status::Failed;
                table.report.notes.push(format!(
                    "{} rows took longer than {} s",
                    self.options.rows_per_chunk, self.options.chunk_seconds
                ));
                table.report.next = Some("--chunk-seconds with more, or fewer --jobs".to_owned());
                return;
            }
            Err(error) => return self.failed(task.table, &Failure(Side::Source, error)),
        };
        for border in parts {
            let scope = Scope::Range(above, border.clone());
            above = border;
            match pair.both(self.reading(plan), |session| plan.sum(session, &scope)) {
                Ok(sums) => self.summed(task.table, scope, &sums),
                Err(failure) => return self.failed(task.table, &failure),
            }
        }
    }

    /// Upper borders of the parts of a range; the last is that of the range.
    fn parts(
        &self,
        plan: &Plan,
        pair: &mut Pair,
        above: &Option<Key>,
        up_to: Option<&Key>,
    ) -> Result<Vec<Option<Key>>, postgres::Error> {
        let mut parts = Vec::new();
        let mut last = above.clone();
        for _ in 1..10 {
            let Some(border) = plan.border(
                &mut pair.source,
                last.as_ref(),
                self.options.rows_per_chunk / 10,
            )?
            else {
                break;
            };
            // rows that came meanwhile may have moved it
            if up_to == Some(&border) {
                break;
            }
            parts.push(Some(border.clone()));
            last = Some(border);
        }
        parts.push(up_to.cloned());
        Ok(parts)
    }

    fn buckets(&self, at: usize, source: &BTreeMap<u32, Sum>, destination: &BTreeMap<u32, Sum>) {
        let count = |sums: &BTreeMap<u32, Sum>| sums.values().map(|sum| sum.count).sum::<u64>();
        let rows = count(source).max(count(destination));
        self.progress.rows(count(source));
        let differing: Vec<u32> = (0..BUCKETS)
            .filter(|bucket| source.get(bucket) != destination.get(bucket))
            .collect();
        let together = (ROWS_OF_BUCKETS * u64::from(BUCKETS) / rows.max(1))
            .clamp(1, u64::from(BUCKETS)) as usize;
        let mut table = lock(&self.tables[at]);
        table.report.source_rows = count(source);
        table.report.destination_rows = count(destination);
        table.again.extend(
            differing
                .chunks(together)
                .map(|part| Scope::Buckets(part.to_vec())),
        );
    }

    /// A chunk once more: its sums, its rows, the rows that are not the same.
    fn look(&self, pair: &mut Pair, task: Task) {
        let plan = self.plan(&task);
        {
            let mut table = lock(&self.tables[task.table]);
            if table.report.status == Status::Failed {
                return;
            }
            if table.report.proven() >= ENOUGH {
                table.report.at_least = true;
                return;
            }
        }
        let sums = pair.both(self.reading(plan), |session| plan.sum(session, &task.scope));
        let rows = match sums {
            Ok([source, destination]) if source == destination => return,
            Ok(_) => pair.both(self.reading(plan), |session| {
                plan.rows(session, &task.scope)
            }),
            Err(failure) => Err(failure),
        };
        let keys = match rows {
            Ok([source, destination]) => candidates(&source, &destination),
            Err(failure) => return self.failed(task.table, &failure),
        };
        for keys in keys.chunks(TOGETHER) {
            match settle(
                plan,
                &mut pair.source,
                &mut pair.destination,
                self.stream,
                keys,
                self.options.looks,
            ) {
                Ok(settled) => {
                    if self.settled(task.table, settled) {
                        break;
                    }
                }
                Err(Stands::Failed(error)) => {
                    let side = if pair.source.is_closed() {
                        Side::Source
                    } else {
                        Side::Destination
                    };
                    return self.failed(task.table, &Failure(side, error));
                }
                Err(stands) => return self.stands(task.table, &stands),
            }
        }
        self.progress.looked();
    }

    /// Whether that is enough.
    fn settled(&self, at: usize, settled: Settled) -> bool {
        let mut table = lock(&self.tables[at]);
        table.report.undecided += settled.undecided.len() as u64;
        for (key, how) in settled.proven {
            let count = match how {
                How::Differs => &mut table.report.differ,
                How::Missing => &mut table.report.missing,
                How::Extra => &mut table.report.extra,
            };
            *count += 1;
            if table.keys.len() < self.options.show {
                table.keys.push((key, how));
            }
        }
        let enough = table.report.proven() >= ENOUGH;
        table.report.at_least |= enough;
        enough
    }

    fn failed(&self, at: usize, Failure(side, error): &Failure) {
        let mut table = lock(&self.tables[at]);
        if table.report.status == Status::Failed {
            return;
        }
        table.report.status = Status::Failed;
        table
            .report
            .notes
            .push(format!("the {} says: {}", side.name(), words(error)));
        let code = error.code().cloned();
        let next = if code == Some(SqlState::UNDEFINED_COLUMN)
            || code == Some(SqlState::UNDEFINED_TABLE)
        {
            "a DDL command ran meanwhile, or has not arrived: compare again"
        } else if code == Some(SqlState::LOCK_NOT_AVAILABLE) {
            "somebody has locked it: compare again"
        } else if code == Some(SqlState::INSUFFICIENT_PRIVILEGE) {
            "connect as a role that may read the table, past its row security"
        } else if code == Some(SqlState::PROGRAM_LIMIT_EXCEEDED)
            || code == Some(SqlState::OUT_OF_MEMORY)
        {
            "a row whose text is larger than 1 GB (or a part of it than the server's memory) cannot be compared"
        } else if code == Some(SqlState::QUERY_CANCELED) {
            "--chunk-seconds with more, --rows-per-chunk with fewer"
        } else {
            "compare again"
        };
        table.report.next = Some(next.to_owned());
    }

    fn stands(&self, at: usize, stands: &Stands) {
        let (note, next) = match stands {
            Stands::Failed(error) => (
                format!("the stream cannot be followed: {}", words(error)),
                None,
            ),
            Stands::Behind(what) => (
                format!("some rows were not the same, but {what}"),
                Some(
                    "SELECT * FROM dts_ddl.stops() and the server's log on the destination; --wait with more seconds",
                ),
            ),
        };
        let report = &mut lock(&self.tables[at]).report;
        if report.status == Status::Failed {
            return;
        }
        report.status = Status::Failed;
        report.notes.push(note);
        if let Some(next) = next {
            report.next = Some(next.to_owned());
        }
    }

    /// The verdict on each table, and rows to be shown.
    fn finish(&self, control: &mut Pair) {
        for (at, table) in self.tables.iter().enumerate() {
            let mut table = lock(table);
            let keys = std::mem::take(&mut table.keys);
            if let Some(plan) = self.plans[at].get() {
                for (key, how) in keys {
                    let (seconds, by_index) = self.reading(plan);
                    let show = |session: &mut Session| {
                        if !self.options.show_rows || session.reading(seconds, by_index).is_err() {
                            return None;
                        }
                        plan.show(session, &key).ok().flatten()
                    };
                    let (source_row, destination_row) =
                        (show(&mut control.source), show(&mut control.destination));
                    table.report.rows.push(RowReport {
                        how,
                        key: plan.words(&key),
                        source_row,
                        destination_row,
                    });
                }
            }
            let report = &mut table.report;
            if report.proven() > 0 {
                report.status = Status::Different;
            } else if report.undecided > 0 && report.status == Status::Same {
                report.status = Status::Undecided;
                report.next = Some(
                    "compare this table again when less is written, or with more --looks"
                        .to_owned(),
                );
            }
            if report.undecided > 0 {
                report.notes.push(format!(
                    "rows that changed during {} looks: {}",
                    self.options.looks,
                    report::grouped(report.undecided)
                ));
            }
        }
    }
}
