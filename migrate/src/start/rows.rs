//! The rows: each table by COPY from the source through this program into the target, several at a time, without indexes there.
//!
//! All are read under one snapshot, which a temporary replication slot exports with its position Q in the stream. What committed
//! before Q is in the copy; the subscription gets the table with state `s` and Q, by which PostgreSQL's apply worker passes over what
//! committed before (tablesync.c; worker.c: should_apply_changes_for_rel). After a crash the tables that are left get another Q.
//!
//! DDL goes on meanwhile. A table is locked (ACCESS SHARE) while it is read, a large one part by part, so that ALTER TABLE waits for
//! one part at most. Under the lock it must be what it was at the moment of the schema, file and columns: a table that was altered,
//! rewritten or truncated since is not read (its rows would be invisible to the snapshot), but left to the subscription.
//!
//! Rows are written with the rights of whoever runs this. Tables whose constraints, generated columns or types evaluate anything
//! but plain expressions are left to the subscription, too, which writes them as their owners; unless the source is trusted.

use super::{Work, schema};
use crate::connection::{Server, Side, literal};
use crate::output::size;
use crate::problem::{Problem, words};
use crate::record::qualified;
use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use postgres::SimpleQueryMessage;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::pin::pin;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio_postgres::Client;

/// Pages of a part. (13 finds no rows by their place but by reading the whole table: there a table is one part.)
const PART: u64 = 16 * 1024;
/// Bytes that are passed on at a time.
const BLOCK: usize = 128 * 1024;
/// How often a part is put off because somebody has the table locked: who waits for an old snapshot (CREATE INDEX CONCURRENTLY) waits
/// for ours, and may be the one for whom this waits.
const TRIES: u32 = 4;

/// Types that have the same binary form on every server.
const BINARY: &str = "'bool','int2','int4','int8','float4','float8','numeric','text','varchar','bpchar','bytea','uuid','date','time','timetz',\
                      'timestamp','timestamptz','interval','json','jsonb','inet','cidr','macaddr','name','oid'";

struct Table {
    oid: String,
    name: String,
    pages: u64,
    /// As it was at the moment of the schema: schema, name, columns, file.
    was: [String; 4],
    published: bool,
    columns: String,
    binary: bool,
}

/// A part of a table: pages from and up to; None for all of it.
struct Part {
    table: usize,
    pages: Option<(u64, Option<u64>)>,
    tries: u32,
}

struct State {
    left: usize,
    begun: Option<Instant>,
    rows: u64,
    /// Why it is left to the subscription.
    again: Option<String>,
}

struct Shared<'a> {
    tables: &'a [Table],
    /// From then on no table is begun under this snapshot.
    old: Instant,
    snapshot: &'a str,
    position: &'a str,
    utf8: bool,
    encoding: Option<String>,
    queue: Mutex<VecDeque<Part>>,
    states: Mutex<Vec<State>>,
    /// The first one ends the work of all.
    problem: Mutex<Option<Problem>>,
    done: AtomicUsize,
    /// Of parts that are done, as the source's files count.
    pages: AtomicU64,
}

pub fn rows(work: &mut Work) -> Result<String, Problem> {
    leave_to_subscription(work)?;
    loop {
        let tables = waiting(work)?;
        if tables.is_empty() {
            return summary(work);
        }
        under_one_snapshot(work, &tables)?;
    }
}

/// As many of the tables as are begun before the snapshot is old.
fn under_one_snapshot(work: &mut Work, tables: &[Table]) -> Result<(), Problem> {
    // Of a table in parts an earlier start may have left some; a table in one is made empty when it is copied.
    for table in tables
        .iter()
        .filter(|table| in_parts(table, work.here.version))
    {
        work.there.run(&format!("TRUNCATE ONLY {}", table.name))?;
    }
    let snapshot = Snapshot::take(work)?;
    work.output.detail(&format!(
        "snapshot {} at {}, {} tables",
        snapshot.name,
        snapshot.position,
        tables.len()
    ));
    let encodings = [work.here.encoding.clone(), work.there.encoding.clone()];
    let shared = Shared {
        tables,
        old: Instant::now() + work.options.snapshot_age,
        snapshot: &snapshot.name,
        position: &snapshot.position,
        utf8: encodings.iter().all(|encoding| encoding == "UTF8"),
        encoding: (encodings[0] == encodings[1]).then(|| encodings[0].clone()),
        queue: Mutex::new(parts(tables, work.here.version)),
        states: Mutex::new(Vec::new()),
        problem: Mutex::new(None),
        done: AtomicUsize::new(0),
        pages: AtomicU64::new(0),
    };
    {
        let queue = locked(&shared.queue);
        let mut states = locked(&shared.states);
        states.extend(tables.iter().map(|_| State {
            left: 0,
            begun: None,
            rows: 0,
            again: None,
        }));
        for part in queue.iter() {
            states[part.table].left += 1;
        }
    }
    let sizes = work.record.session.ask(
        "SELECT coalesce(sum(bytes), 0)::bigint, coalesce(sum(bytes) FILTER (WHERE state <> 'waiting'), 0)::bigint FROM dts_migrate.\"table\"",
    )?;
    let (total, before): (u64, u64) = (sizes[0].number(0), sizes[0].number(1));
    work.output.bar("rows", total, true);
    let (source, target) = (work.source, work.target);
    let jobs = work.options.jobs;
    let output = work.output;
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs)
            .map(|_| scope.spawn(|| worker(source, target, &shared, output)))
            .collect();
        let mut told = Instant::now();
        while workers.iter().any(|worker| !worker.is_finished()) {
            std::thread::sleep(Duration::from_millis(20));
            if told.elapsed() >= Duration::from_millis(500) {
                told = Instant::now();
                let done = (before + shared.pages.load(Ordering::Relaxed) * 8192).min(total);
                let message = format!(
                    "{} of {} tables",
                    shared.done.load(Ordering::Relaxed),
                    tables.len()
                );
                output.at(done, &message);
                if let Err(problem) = work.record.progress("rows", done, total, "bytes") {
                    locked(&shared.problem).get_or_insert(problem);
                }
            }
        }
    });
    work.output.no_bar();
    let problem = locked(&shared.problem).take();
    problem.map_or(Ok(()), Err)
}

/// What was copied, and what was not.
fn summary(work: &mut Work) -> Result<String, Problem> {
    let rows = work.record.session.ask(
        "SELECT count(*) FILTER (WHERE state <> 'again'), coalesce(sum(copied_bytes), 0)::bigint, coalesce(sum(copied_rows), 0)::bigint,
                count(*) FILTER (WHERE state = 'again') FROM dts_migrate.\"table\"",
    )?;
    let row = &rows[0];
    let again = match row.number::<u64>(3) {
        0 => String::new(),
        n => format!("; {n} left to the subscription"),
    };
    Ok(format!(
        "{} tables, {} rows, {}{again}",
        row.text(0),
        crate::compare::report::grouped(row.number(2)),
        size(row.number(1))
    ))
}

/// What an expression may be made of that is evaluated with the rights of whoever runs this: plain nodes of an expression (as
/// pg_node_tree has them; some were renamed in 16) with functions that are built in and immutable. Those call nobody's code.
const PLAIN: &str = "'VAR','CONST','OPEXPR','FUNCEXPR','SCALARARRAYOPEXPR','BOOLEXPR','NULLTEST','BOOLEANTEST','RELABELTYPE','DISTINCTEXPR',\
    'ARRAY','ARRAYEXPR','CASE','WHEN','CASEEXPR','CASEWHEN','COALESCE','COALESCEEXPR','COERCETODOMAINVALUE'";

/// Tables whose rows nobody may write but their owners: an expression that is evaluated for each row (CHECK, also of a domain that a
/// column's type is made of; generated columns; partition keys) is not a plain one.
fn leave_to_subscription(work: &mut Work) -> Result<(), Problem> {
    if work.trusts() {
        return Ok(());
    }
    work.record.session.run(&format!(
        "WITH RECURSIVE expression (of_table, of_type, tree) AS (
           SELECT k.conrelid, k.contypid, k.conbin::text FROM pg_constraint k WHERE k.contype = 'c'
           UNION ALL SELECT f.adrelid, 0::oid, f.adbin::text FROM pg_attrdef f
             JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum WHERE a.attgenerated <> ''
           UNION ALL SELECT p.relid::oid, 0::oid, k.partexprs::text FROM pg_partitioned_table k, LATERAL pg_partition_tree(k.partrelid) p
             WHERE k.partexprs IS NOT NULL
         ), other AS (
           SELECT e.of_table, e.of_type FROM expression e
           WHERE e.tree IS NULL
              OR EXISTS (SELECT FROM regexp_matches(e.tree, '[{{]([A-Z_]+)', 'g') AS node(label) WHERE node.label[1] NOT IN ({PLAIN}))
              OR EXISTS (SELECT FROM regexp_matches(e.tree, ':(func|opfunc|hashfunc|negfunc)id ([0-9]+)', 'g') AS f(id)
                   WHERE NOT (f.id[1] IN ('hashfunc', 'negfunc') AND f.id[2] = '0')
                     AND NOT EXISTS (SELECT FROM pg_proc p WHERE p.oid = f.id[2]::oid AND p.oid < 16384 AND p.provolatile = 'i'))
         ), type AS (
           SELECT o.of_type AS oid FROM other o WHERE o.of_type <> 0
           UNION
           SELECT more.oid FROM type u, LATERAL (
             SELECT t.oid FROM pg_type t WHERE t.typbasetype = u.oid OR t.typelem = u.oid
             UNION ALL SELECT c.reltype FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE a.atttypid = u.oid AND c.reltype <> 0
             UNION ALL SELECT r.rngtypid FROM pg_range r WHERE r.rngsubtype = u.oid) AS more
         ), found AS (
           SELECT o.of_table AS oid FROM other o WHERE o.of_table <> 0
           UNION SELECT a.attrelid FROM pg_attribute a JOIN type t ON t.oid = a.atttypid WHERE NOT a.attisdropped
         )
         UPDATE dts_migrate.\"table\" t SET state = CASE WHEN t.published THEN 'again' ELSE 'ready' END, why = {}
         FROM found f JOIN pg_class c ON c.oid = f.oid JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE t.state = 'waiting' AND n.nspname = t.schema AND c.relname = t.name",
        literal("code of users may run when its rows are written: the subscription writes them as the owner of the table")
    ))?;
    let left = work.record.session.ask(
        "SELECT schema, name FROM dts_migrate.\"table\" WHERE state = 'ready' AND lsn IS NULL AND why IS NOT NULL",
    )?;
    for table in &left {
        work.output.warn(&format!(
            "the rows of {} are not copied: it is unlogged, and code of users runs when they are written",
            qualified(table.text(0), table.text(1))
        ));
    }
    Ok(())
}

fn waiting(work: &mut Work) -> Result<Vec<Table>, Problem> {
    let rows = work.there.ask(&format!(
        "SELECT t.source_oid, t.schema, t.name, t.bytes, t.pages, t.columns, t.filenode, t.published,
           coalesce((SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''), ''),
           NOT EXISTS (SELECT FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             AND (y.oid >= 16384 OR y.typname NOT IN ({BINARY}))), c.oid IS NOT NULL
         FROM dts_migrate.\"table\" t LEFT JOIN (pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace) ON n.nspname = t.schema AND c.relname = t.name
         WHERE t.state = 'waiting' ORDER BY t.bytes DESC, t.source_oid"
    ))?;
    let mut tables = Vec::new();
    for row in rows {
        let name = qualified(row.text(1), row.text(2));
        if !row.is_true(10) {
            return Err(Problem::new(
                format!(
                    "the target lacks table {name}, which was loaded there: somebody has dropped or renamed it"
                ),
                "dts-migrate abort, and begin again with an empty database",
            ));
        }
        tables.push(Table {
            oid: row.text(0).to_owned(),
            name,
            pages: row.number(4),
            was: [1, 2, 5, 6].map(|at| row.text(at).to_owned()),
            published: row.is_true(7),
            columns: row.text(8).to_owned(),
            binary: row.is_true(9),
        });
    }
    Ok(tables)
}

fn in_parts(table: &Table, version: u32) -> bool {
    version >= 140_000 && table.pages >= 2 * PART
}

fn parts(tables: &[Table], version: u32) -> VecDeque<Part> {
    let mut parts = VecDeque::new();
    for (table, of) in tables.iter().enumerate() {
        if !in_parts(of, version) {
            parts.push_back(Part {
                table,
                pages: None,
                tries: 0,
            });
            continue;
        }
        let count = of.pages / PART;
        for number in 0..count {
            // the table may have grown: the last part has no end
            let end = (number + 1 < count).then_some((number + 1) * PART);
            parts.push_back(Part {
                table,
                pages: Some((number * PART, end)),
                tries: 0,
            });
        }
    }
    parts
}

/// A snapshot of the source with its position in the stream, for as long as this lives.
struct Snapshot {
    /// Of libpq's, since it alone speaks the replication protocol.
    psql: Child,
    input: Option<ChildStdin>,
    name: String,
    position: String,
}

impl Snapshot {
    fn take(work: &Work) -> Result<Self, Problem> {
        let next = "see that a replication slot and a walsender are free on the source (max_replication_slots, max_wal_senders), and that \
                    pg_hba.conf lets the role connect; then dts-migrate start again";
        let failed =
            |what: String| Problem::new(format!("no snapshot of the source: {what}"), next);
        let timeouts = if work.here.major() >= 17 {
            " -c transaction_timeout=0"
        } else {
            ""
        };
        let options = format!(
            "{} -c idle_in_transaction_session_timeout=0 -c statement_timeout=0{timeouts}",
            work.source.options()
        );
        let mut psql = work
            .source
            .program(&work.programs.path("psql"))
            // idle in its transaction for as long as rows are copied, whatever the database has as its settings
            .env("PGOPTIONS", options.trim_start())
            .args([
                "-X",
                "-A",
                "-t",
                "-q",
                "-w",
                "-F",
                "|",
                "-d",
                "replication=database",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed(format!("psql does not start: {error}")))?;
        let slot = format!("{}_{}", work.name(), std::process::id());
        let mut input = psql.stdin.take();
        if let Some(input) = &mut input {
            let command = format!(
                "CREATE_REPLICATION_SLOT \"{slot}\" TEMPORARY LOGICAL pgoutput EXPORT_SNAPSHOT;\n"
            );
            // that it has ended already is seen below
            let _ = input.write_all(command.as_bytes());
            let _ = input.flush();
        }
        let mut line = String::new();
        if let Some(output) = &mut psql.stdout {
            let _ = BufReader::new(output).read_line(&mut line);
        }
        let fields: Vec<&str> = line.trim().split('|').collect();
        match fields[..] {
            [name, position, snapshot, ..] if name == slot => Ok(Self {
                name: snapshot.to_owned(),
                position: position.to_owned(),
                psql,
                input,
            }),
            _ => {
                drop(input);
                let mut text = String::new();
                if let Some(error) = &mut psql.stderr {
                    let _ = error.read_to_string(&mut text);
                }
                let _ = psql.wait();
                Err(failed(text.trim().to_owned()))
            }
        }
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        // psql ends at the end of its input
        self.input = None;
        let _ = self.psql.wait();
    }
}

/// What keeps a part from being copied.
enum Kept {
    /// Somebody has the table locked: later.
    Locked,
    /// The table is left to the subscription.
    Again(String),
    /// All ends.
    Fatal(Problem),
}

fn worker(source: &Server, target: &Server, shared: &Shared, output: &crate::output::Output) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(work_off(source, target, shared, output)),
        Err(error) => Err(Problem::new(
            format!("no thread can be started: {error}"),
            "see the limits of this machine, then dts-migrate start again",
        )),
    };
    if let Err(problem) = result {
        locked(&shared.problem).get_or_insert(problem);
    }
}

async fn work_off(
    source: &Server,
    target: &Server,
    shared: &Shared<'_>,
    output: &crate::output::Output,
) -> Result<(), Problem> {
    let reader = source.connect_async().await?;
    let observer = source.connect_async().await?;
    let writer = target.connect_async().await?;
    // a part waits for its lock no longer than users wait behind it
    reader
        .batch_execute("SET lock_timeout = '2s'")
        .await
        .map_err(|error| lost(Side::Source, &error))?;
    loop {
        if locked(&shared.problem).is_some() {
            return Ok(());
        }
        let Some(mut part) = next(shared) else {
            return Ok(());
        };
        let table = &shared.tables[part.table];
        let given_up = {
            let mut states = locked(&shared.states);
            let state = &mut states[part.table];
            state.begun.get_or_insert_with(Instant::now);
            state.again.is_some()
        };
        let result = if given_up {
            Ok(0)
        } else {
            copy(&reader, &observer, &writer, shared, &part).await
        };
        let (left, rows, begun, again) = match result {
            Ok(rows) => settle(shared, &part, rows, None),
            Err(Kept::Fatal(problem)) => return Err(problem),
            Err(Kept::Locked) if part.tries < TRIES => {
                part.tries += 1;
                let alone = {
                    let mut queue = locked(&shared.queue);
                    queue.push_back(part);
                    queue.len() == 1
                };
                if alone {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                continue;
            }
            Err(Kept::Locked) => {
                let why = "somebody had it locked for long".to_owned();
                settle(shared, &part, 0, Some(why))
            }
            Err(Kept::Again(why)) => settle(shared, &part, 0, Some(why)),
        };
        if left > 0 {
            continue;
        }
        shared.done.fetch_add(1, Ordering::Relaxed);
        let seconds = begun.elapsed().as_secs_f64();
        let end = |error| lost(Side::Destination, &error);
        if let Some(why) = again {
            output.detail(&format!("{}: left to the subscription: {why}", table.name));
            writer
                .batch_execute(&format!(
                    "UPDATE dts_migrate.\"table\" SET state = 'again', why = {} WHERE source_oid = {}",
                    literal(&why),
                    table.oid
                ))
                .await
                .map_err(end)?;
        } else {
            output.detail(&format!("{}: {rows} rows, {seconds:.1} s", table.name));
            if part.pages.is_some() {
                writer
                    .batch_execute(&copied(shared, table, rows, seconds))
                    .await
                    .map_err(end)?;
            }
        }
    }
}

/// What is to be done next under this snapshot: at least one table.
fn next(shared: &Shared) -> Option<Part> {
    let mut queue = locked(&shared.queue);
    if Instant::now() < shared.old {
        return queue.pop_front();
    }
    let states = locked(&shared.states);
    let none = states.iter().all(|state| state.begun.is_none());
    let at = queue
        .iter()
        .position(|part| none || states[part.table].begun.is_some())?;
    queue.remove(at)
}

/// The part is dealt with. How many of its table are left, what was copied of that, since when, and why it is left to the subscription.
fn settle(
    shared: &Shared,
    part: &Part,
    rows: u64,
    again: Option<String>,
) -> (usize, u64, Instant, Option<String>) {
    let table = &shared.tables[part.table];
    let pages = match part.pages {
        None => table.pages,
        Some((from, end)) => end.unwrap_or(table.pages).saturating_sub(from),
    };
    shared.pages.fetch_add(pages, Ordering::Relaxed);
    let mut states = locked(&shared.states);
    let state = &mut states[part.table];
    state.left -= 1;
    state.rows += rows;
    if state.again.is_none() {
        state.again = again;
    }
    (
        state.left,
        state.rows,
        state.begun.unwrap_or_else(Instant::now),
        state.again.clone(),
    )
}

/// The table is copied, as of the position of the snapshot.
fn copied(shared: &Shared, table: &Table, rows: u64, seconds: f64) -> String {
    format!(
        "UPDATE dts_migrate.\"table\" SET state = '{}', lsn = '{}', copied_rows = {rows}, copied_bytes = bytes, seconds = {seconds}
         WHERE source_oid = {}",
        if table.published { "copied" } else { "ready" },
        shared.position,
        table.oid
    )
}

/// Returns the number of rows.
async fn copy(
    reader: &Client,
    observer: &Client,
    writer: &Client,
    shared: &Shared<'_>,
    part: &Part,
) -> Result<u64, Kept> {
    let table = &shared.tables[part.table];
    let begun = Instant::now();
    let result = copy_part(reader, observer, writer, shared, part, begun).await;
    // the lock goes at once; after an error the transactions of both sides
    let both = [(reader, Side::Source), (writer, Side::Destination)];
    for (client, side) in both {
        let end = if result.is_ok() && side == Side::Destination {
            continue;
        } else {
            "ROLLBACK"
        };
        client
            .batch_execute(end)
            .await
            .map_err(|error| Kept::Fatal(lost(side, &error)))?;
    }
    result.map_err(|(side, error)| kept(side, error, &table.name))
}

type Failed = (Side, What);

enum What {
    Error(tokio_postgres::Error),
    Changed(&'static str),
}

async fn copy_part(
    reader: &Client,
    observer: &Client,
    writer: &Client,
    shared: &Shared<'_>,
    part: &Part,
    begun: Instant,
) -> Result<u64, Failed> {
    let here = |error| (Side::Source, What::Error(error));
    let there = |error| (Side::Destination, What::Error(error));
    let changed = |what| (Side::Source, What::Changed(what));
    let table = &shared.tables[part.table];
    if table.columns.is_empty() {
        return Err(changed("it has no column that can be written"));
    }
    reader
        .batch_execute(&format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT {}; LOCK TABLE ONLY {} IN ACCESS SHARE MODE",
            literal(shared.snapshot),
            table.name
        ))
        .await
        .map_err(here)?;
    // as it is, and stays until the lock goes; the reader's own queries would show what it was at the snapshot
    let now = observer
        .simple_query(&schema::look_at(&table.oid))
        .await
        .map_err(here)?;
    let is = now.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some([0, 1, 2, 3].map(|at| row.get(at).unwrap_or(""))),
        _ => None,
    });
    match is {
        None => return Err(changed("it was dropped")),
        Some(is) if is[..2] != table.was[..2] => return Err(changed("it was renamed")),
        Some(is) if is[2] != table.was[2] => {
            return Err(changed("its columns, types or constraints were altered"));
        }
        Some(is) if is[3] != table.was[3] => {
            return Err(changed("it was rewritten or truncated"));
        }
        Some(_) => {}
    }
    let mut options = Vec::new();
    if table.binary && shared.utf8 {
        options.push("FORMAT binary".to_owned());
    } else if let Some(encoding) = &shared.encoding {
        // as they are
        options.push(format!("ENCODING {}", literal(encoding)));
    }
    let with = |options: &[String]| {
        if options.is_empty() {
            String::new()
        } else {
            format!(" ({})", options.join(", "))
        }
    };
    let output = match part.pages {
        None => format!(
            "COPY {} ({}) TO STDOUT{}",
            table.name,
            table.columns,
            with(&options)
        ),
        Some((from, end)) => format!(
            "COPY (SELECT {} FROM ONLY {} WHERE ctid >= '({from},0)'{}) TO STDOUT{}",
            table.columns,
            table.name,
            end.map_or(String::new(), |end| format!(" AND ctid < '({end},0)'")),
            with(&options)
        ),
    };
    // where it is the only part the rows are frozen at once
    writer
        .batch_execute(&if part.pages.is_none() {
            options.push("FREEZE".to_owned());
            format!("BEGIN; TRUNCATE ONLY {}", table.name)
        } else {
            "BEGIN".to_owned()
        })
        .await
        .map_err(there)?;
    let input = format!(
        "COPY {} ({}) FROM STDIN{}",
        table.name,
        table.columns,
        with(&options)
    );
    let stream = reader.copy_out(&output).await.map_err(here)?;
    let sink = writer.copy_in::<_, Bytes>(&input).await.map_err(there)?;
    let (mut stream, mut sink) = (pin!(stream), pin!(sink));
    let mut block = BytesMut::with_capacity(BLOCK + BLOCK / 4);
    while let Some(data) = stream.next().await {
        block.extend_from_slice(&data.map_err(here)?);
        if block.len() >= BLOCK {
            sink.send(block.split().freeze()).await.map_err(there)?;
        }
    }
    if !block.is_empty() {
        sink.send(block.split().freeze()).await.map_err(there)?;
    }
    let rows = sink.finish().await.map_err(there)?;
    let end = if part.pages.is_none() {
        format!(
            "{}; COMMIT",
            copied(shared, table, rows, begun.elapsed().as_secs_f64())
        )
    } else {
        "COMMIT".to_owned()
    };
    writer.batch_execute(&end).await.map_err(there)?;
    Ok(rows)
}

/// What an error means for the table.
fn kept(side: Side, what: What, table: &str) -> Kept {
    let error = match what {
        What::Changed(why) => return Kept::Again(why.to_owned()),
        What::Error(error) => error,
    };
    let Some(code) = error.code().map(|code| code.code().to_owned()) else {
        return Kept::Fatal(lost(side, &error));
    };
    if code == "55P03" {
        return Kept::Locked;
    }
    // the snapshot has gone with the session that exported it, or somebody has turned a setting
    if code == "22023" || code == "55000" {
        return Kept::Fatal(lost(side, &error));
    }
    // of the table: its data, names, definitions; of the server: everything else
    if ["22", "23", "42", "2B", "44", "0A", "P0"].contains(&&code[..2]) && code != "42501" {
        return Kept::Again(format!("{}: {}", side.name(), words(&error)));
    }
    Kept::Fatal(Problem::new(
        format!(
            "table {table} could not be copied; the {}: {}",
            side.name(),
            words(&error)
        ),
        "mend the cause, then dts-migrate start again: it goes on with the tables that are left",
    ))
}

fn lost(side: Side, error: &postgres::Error) -> Problem {
    Problem::new(
        format!(
            "the {} could not be worked with any more while rows were copied: {}; the tables that are copied are recorded",
            side.name(),
            words(error)
        ),
        "when both servers run, dts-migrate start again: it goes on with the tables that are left",
    )
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|broken| broken.into_inner())
}
