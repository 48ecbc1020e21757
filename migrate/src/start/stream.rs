//! The target as a destination, and its subscription.
//!
//! Tables that were copied enter it with the position of their copy (state `s`): PostgreSQL's apply worker leaves out what they
//! have, and makes them ready when it has passed there. The others stay out, so that their rows are passed over while DDL
//! catches up; then they are given to the subscription's own table synchronization, whose copy begins where the stream is.

use super::{Edition, Work};
use crate::compare::stream::{Stands, Stream};
use crate::connection::{Side, identifier, literal};
use crate::output::size;
use crate::pair::{self, OWN_SCHEMAS};
use crate::problem::{Problem, words};
use crate::record::qualified;
use std::time::{Duration, Instant};

/// How long a table may be in the way of its copy: the stream has to bring the DDL that the source has run on it.
const TRIES: u32 = 60;

/// What applies DDL in the target's database. (A table of somebody else could run code of theirs when it is written.)
pub fn edition(work: &mut Work) -> Result<Edition, Problem> {
    let rows = work.there.ask(
        "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'dts_ddl_capture'),
                EXISTS (SELECT FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid JOIN pg_roles r ON r.oid = c.relowner
                        WHERE n.nspname = 'dts_ddl_apply' AND c.relname = 'own' AND c.relkind = 'r' AND (r.rolsuper OR r.rolname = current_user))",
    )?;
    Ok(Edition::of(&rows[0]))
}

/// Of a start before: what has been copied is of no use without it.
pub fn slot_is_good(work: &mut Work) -> Result<(), Problem> {
    if work.record.finished("publication")?.is_none() {
        return Ok(());
    }
    let rows = work.here.ask(&format!(
        "SELECT coalesce(wal_status, '') FROM pg_replication_slots WHERE slot_name = {}",
        literal(work.name())
    ))?;
    match rows.first().map(|row| row.text(0)) {
        Some("lost") => Err(Problem::new(
            format!(
                "the source has given up the WAL of slot {} (max_slot_wal_keep_size): what has happened since is lost to the target",
                work.name()
            ),
            "dts-migrate abort, raise or unset max_slot_wal_keep_size on the source, and begin again",
        )),
        Some(_) => Ok(()),
        None => Err(Problem::new(
            format!("the slot {} is gone from the source", work.name()),
            "dts-migrate abort, and begin again",
        )),
    }
}

/// Makes a destination of the target's database, before the schema is loaded.
pub fn apply(work: &mut Work) -> Result<String, Problem> {
    let last = work
        .record
        .session
        .ask("SELECT last_id FROM dts_migrate.migration")?[0]
        .number::<i64>(0);
    let mut made = "";
    let edition = match edition(work)? {
        edition @ (Edition::Extension | Edition::Portable) => edition,
        Edition::None => {
            let available = work.there.ask(
                "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'dts_ddl_capture')",
            )?;
            if !available[0].is_true(0) {
                return Err(Problem::new(
                    "nothing applies DDL on the target: its server has neither the files of the extension dts_ddl_capture nor portable apply",
                    "install the package on the target's server, or run sql/portable/apply.sql in its database; then dts-migrate start again",
                ));
            }
            work.record
                .make(Side::Destination, "extension", "dts_ddl_capture", None)?;
            work.there.run("CREATE EXTENSION dts_ddl_capture")?;
            made = ", which was made";
            Edition::Extension
        }
    };
    work.record.make(Side::Destination, "apply", "", None)?;
    if edition == Edition::Portable {
        work.there.run(&format!(
            "UPDATE dts_ddl_apply.own SET history = greatest(history, {last})"
        ))?;
        return Ok("by portable apply".to_owned());
    }
    let trust = if work.trusts() {
        ", trust_source => true"
    } else {
        ""
    };
    let started = work.there.execute(&format!(
        "SELECT dts_ddl.start_apply(after_id => {last}{trust})"
    ));
    if let Err(error) = started {
        let hint = error.as_db_error().and_then(|db| db.hint()).unwrap_or("");
        return Err(Problem::new(
            format!(
                "the target does not apply DDL of this source: {}. Nothing is loaded there",
                words(&error)
            ),
            format!(
                "{hint} (dts-migrate start --trust-source says that you trust the source: docs/security.md, I8)"
            ),
        ));
    }
    Ok(format!("by the extension{made}"))
}

pub fn begin(work: &mut Work) -> Result<String, Problem> {
    let name = work.name().to_owned();
    let exists = work.there.ask(&format!(
        "SELECT EXISTS (SELECT FROM pg_subscription s WHERE subname = {} AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()))",
        literal(&name)
    ))?[0]
        .is_true(0);
    if !exists {
        work.record
            .make(Side::Destination, "subscription", &name, None)?;
        let conninfo = match &work.options.source_for_target {
            Some(server) => server.conninfo(),
            None => work.source.conninfo(),
        };
        // Rows in the order of their commits: a table that is not ready keeps a parallel worker out, and a publisher of 18 can crash one.
        let streaming = if work.there.version >= 140_000 {
            ", streaming = off"
        } else {
            ""
        };
        // the server's log is not to have the password
        let mut secret = work.target.connect_to_write()?;
        pair::unlogged(&mut secret)?;
        let made = secret.execute(&format!(
            "BEGIN;
             CREATE SUBSCRIPTION {0} CONNECTION {1} PUBLICATION {0} WITH (connect = false, slot_name = {2}{streaming});
             INSERT INTO pg_subscription_rel (srsubid, srrelid, srsubstate, srsublsn)
               SELECT s.oid, c.oid, 's', t.lsn FROM pg_subscription s, dts_migrate.\"table\" t JOIN pg_namespace n ON n.nspname = t.schema
                 JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.name
               WHERE s.subname = {3} AND t.state = 'copied'
               UNION ALL SELECT s.oid, 'public.dts_ddl_command'::regclass, 'r', NULL FROM pg_subscription s WHERE s.subname = {3};
             ALTER SUBSCRIPTION {0} ENABLE;
             COMMIT",
            identifier(&name),
            literal(&conninfo),
            literal(&name),
            literal(&name)
        ));
        if let Err(error) = made {
            let hint = error.as_db_error().and_then(|db| db.hint()).unwrap_or("");
            return Err(Problem::new(
                format!(
                    "the subscription could not be made; the rows are on the target: {}",
                    words(&error)
                ),
                format!(
                    "{hint}; then dts-migrate start again (--source-for-target when the target's server reaches the source by another address)"
                ),
            ));
        }
    }
    Ok(String::new())
}

/// Until everything that the source had committed when this was called is on the target.
pub fn catch_up(work: &mut Work) -> Result<String, Problem> {
    let slots = vec![work.name().to_owned()];
    let stream = Stream::new(&mut work.here, slots, Duration::ZERO)?;
    let asked = |error: postgres::Error| {
        Problem::new(
            format!("the source does not answer: {}", words(&error)),
            "when it runs, dts-migrate start again",
        )
    };
    let position = stream.position(&mut work.here).map_err(asked)?;
    let from = confirmed(work)?;
    let total = position.saturating_sub(from);
    work.output.bar("caught up", total, true);
    let begun = Instant::now();
    let mut stopped_since: Option<Instant> = None;
    let mut told = Instant::now();
    let result = loop {
        match stream.wait(&mut work.here, position) {
            Ok(()) => break Ok(()),
            Err(Stands::Failed(error)) => break Err(asked(error)),
            Err(Stands::Behind(_)) => {}
        }
        if told.elapsed() >= Duration::from_secs(1) {
            told = Instant::now();
            let done = confirmed(work)?.saturating_sub(from);
            work.output.at(done, "");
            work.record
                .progress("caught up", done.min(total), total, "bytes")?;
            if let Some(problem) = stopped(work, begun.elapsed())? {
                let since = *stopped_since.get_or_insert_with(Instant::now);
                // what stands still may need the rows of a table that is not there yet
                if since.elapsed() > Duration::from_secs(10) && has_tables_again(work)? {
                    give_tables(work)?;
                    stopped_since = Some(Instant::now());
                } else if since.elapsed() > Duration::from_secs(60) {
                    break Err(problem);
                }
            } else {
                stopped_since = None;
            }
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    work.output.no_bar();
    result.map(|()| size(total))
}

/// Where the subscription is, as the source knows it.
fn confirmed(work: &mut Work) -> Result<u64, Problem> {
    let rows = work.here.ask(&format!(
        "SELECT greatest(r.replay_lsn, s.confirmed_flush_lsn) - '0/0'::pg_lsn
         FROM pg_replication_slots s LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid WHERE s.slot_name = {}",
        literal(work.name())
    ))?;
    Ok(rows.first().map_or(0, |row| row.number(0)))
}

/// Why nothing goes on, if so.
fn stopped(work: &mut Work, since: Duration) -> Result<Option<Problem>, Problem> {
    let next = "see dts-migrate status: mend the cause, and apply goes on by itself; or SELECT dts_ddl.skip(ID) on the target; then dts-migrate start again";
    if edition(work)? == Edition::Extension {
        let stops = work
            .there
            .ask(
                // a copy that was ended for a command on its table begins anew
                "SELECT id, tag, error, copied_table FROM dts_ddl.stops() WHERE sqlstate IS DISTINCT FROM '57P01'",
            )?;
        return Ok(stops.first().map(|stop| {
            let at = match (stop.get(0), stop.get(3)) {
                (Some(id), _) => format!("at DDL command {id} ({})", stop.text(1)),
                (None, Some(table)) => format!("at the copy of {table}"),
                (None, None) => "at a row".to_owned(),
            };
            Problem::new(
                format!(
                    "the stream stands still {at}: {}; everything before it is on the target, and nothing is lost",
                    stop.text(2)
                ),
                next,
            )
        }));
    }
    let active = work.here.ask(&format!(
        "SELECT active FROM pg_replication_slots WHERE slot_name = {}",
        literal(work.name())
    ))?;
    let runs = active.first().is_some_and(|row| row.is_true(0));
    Ok((!runs && since > Duration::from_secs(20)).then(|| {
        Problem::new(
            "the target's subscription is not connected to the source",
            "the target's server log says why; dts-migrate status; then dts-migrate start again",
        )
    }))
}

fn has_tables_again(work: &mut Work) -> Result<bool, Problem> {
    Ok(work.record.session.ask(
        "SELECT EXISTS (SELECT FROM dts_migrate.\"table\" WHERE state = 'again' AND published)",
    )?[0]
        .is_true(0))
}

/// Gives the subscription the tables that are left to it, and waits until it has copied them.
pub fn tables_again(work: &mut Work) -> Result<String, Problem> {
    let total = work
        .record
        .session
        .ask("SELECT count(*) FROM dts_migrate.\"table\" WHERE why IS NOT NULL AND published")?[0]
        .number::<u64>(0);
    for attempt in 0.. {
        give_tables(work)?;
        if !has_tables_again(work)? {
            break;
        }
        if attempt == TRIES {
            let left = work.record.session.ask(
                "SELECT schema, name, why FROM dts_migrate.\"table\" WHERE state = 'again' AND published",
            )?;
            return Err(Problem::new(
                format!(
                    "{} tables could not be given to the subscription, the first: {} ({})",
                    left.len(),
                    qualified(left[0].text(0), left[0].text(1)),
                    left[0].text(2)
                ),
                "dts-migrate status says what the stream does; then dts-migrate start again",
            ));
        }
        std::thread::sleep(Duration::from_millis(500));
        catch_up(work)?;
    }
    wait_until_ready(work)?;
    analyze_the_others(work)?;
    Ok(match total {
        0 => "none".to_owned(),
        n => format!("{n} copied by the subscription"),
    })
}

/// What the planner must know of tables that came later.
fn analyze_the_others(work: &mut Work) -> Result<(), Problem> {
    let tables = work.there.ask(&format!(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname !~ '^(pg_|information_schema$)' AND n.nspname NOT IN {OWN_SCHEMAS} AND pg_relation_size(c.oid) > 0
           AND NOT EXISTS (SELECT FROM pg_statistic s WHERE s.starelid = c.oid)"
    ))?;
    for table in &tables {
        let name = qualified(table.text(0), table.text(1));
        let done = work
            .there
            .execute(&format!("SET lock_timeout = '5s'; ANALYZE {name}"));
        // autovacuum comes by later
        if let Err(error) = done {
            work.output
                .detail(&format!("{name} was not analyzed: {}", words(&error)));
        }
    }
    work.there.run("SET lock_timeout = 0")
}

fn wait_until_ready(work: &mut Work) -> Result<(), Problem> {
    let query = format!(
        "SELECT count(*) FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid = r.srsubid WHERE s.subname = {} AND r.srsubstate <> 'r'",
        literal(work.name())
    );
    let total = work.there.ask(&query)?[0].number::<u64>(0);
    work.output.bar("tables again", total, false);
    let mut stopped_since: Option<Instant> = None;
    let result = loop {
        let left = work.there.ask(&query)?[0].number::<u64>(0);
        if left == 0 {
            break Ok(());
        }
        let done = total.saturating_sub(left);
        work.output.at(done, "");
        work.record
            .progress("tables again", done, total, "tables")?;
        match stopped(work, Duration::ZERO)? {
            None => stopped_since = None,
            Some(problem) => {
                let since = *stopped_since.get_or_insert_with(Instant::now);
                if since.elapsed() > Duration::from_secs(60) {
                    break Err(problem);
                }
            }
        }
        // the state of a table changes with the end of a transaction of the stream
        std::thread::sleep(Duration::from_millis(200));
    };
    work.output.no_bar();
    result
}

/// As many of the tables as are on both sides by the same name now.
fn give_tables(work: &mut Work) -> Result<(), Problem> {
    let tables = work.record.session.ask(
        "SELECT source_oid, schema, name FROM dts_migrate.\"table\" WHERE state = 'again' AND published ORDER BY bytes DESC",
    )?;
    if tables.is_empty() {
        return Ok(());
    }
    let oids: Vec<&str> = tables.iter().map(|row| row.text(0)).collect();
    let now = work.here.ask(&format!(
        "SELECT c.oid, n.nspname, c.relname, c.relpersistence = 'p'
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid IN ({})",
        oids.join(", ")
    ))?;
    let name = identifier(work.name());
    work.there
        .run(&format!("ALTER SUBSCRIPTION {name} DISABLE"))?;
    let given = give(work, &tables, &now);
    // whatever has happened, the stream goes on
    work.there
        .run(&format!("ALTER SUBSCRIPTION {name} ENABLE"))?;
    given
}

fn give(
    work: &mut Work,
    tables: &[crate::connection::Row],
    now: &[crate::connection::Row],
) -> Result<(), Problem> {
    let name = work.name().to_owned();
    let edition = edition(work)?;
    for table in tables {
        let oid = table.text(0);
        let is = now.iter().find(|row| row.text(0) == oid);
        let done = |state: &str| {
            format!("UPDATE dts_migrate.\"table\" SET state = '{state}' WHERE source_oid = {oid}")
        };
        let Some(is) = is.filter(|row| row.is_true(3)) else {
            // dropped, or unlogged now: its rows do not come, or have come to nothing
            work.there.run(&done("gone"))?;
            continue;
        };
        let full = qualified(is.text(1), is.text(2));
        let there = work
            .there
            .ask(&format!("SELECT to_regclass({})::oid", literal(&full)))?;
        let Some(there) = there[0].get(0) else {
            // the stream has not brought that name yet
            continue;
        };
        // what cannot be given yet is tried again
        if let Err(problem) =
            pair::copy_again(&mut work.there, &name, there, edition, &done("ready"))
        {
            work.output.detail(&format!("{full}: {}", problem.what));
        }
    }
    Ok(())
}
