//! How much it is, whether there is room for it, and how long it may take.

use super::report::{Finding, TIME, counted, some};
use super::{Found, Look, OF_USERS, names, number, setting};
use crate::connection::{Server, Session};
use crate::output::{duration as time, size as bytes};
use std::path::Path;
use std::time::{Duration, Instant};

/// What one COPY of usual rows comes to on one core, and one build of an index: rules of thumb, which the estimate names.
const COPY_RATE: f64 = 40e6;
const INDEX_RATE: f64 = 25e6;

struct Size {
    tables: u64,
    /// Heaps with what is beside them in TOAST.
    rows: u64,
    indexes: u64,
    database: u64,
}

fn measure(session: &mut Session) -> Result<Size, postgres::Error> {
    let rows = session.rows(&format!(
        "SELECT count(*), sum(pg_table_size(c.oid)), sum(pg_indexes_size(c.oid)), pg_database_size(current_database())
         FROM pg_class c, pg_namespace n WHERE {OF_USERS} AND c.relkind IN ('r', 'm')"
    ))?;
    let number = |at| rows[0].number(at);
    Ok(Size {
        tables: number(0),
        rows: number(1),
        indexes: number(2),
        database: number(3),
    })
}

/// Empty where it cannot be told.
pub fn in_words(session: &mut Session) -> String {
    measure(session).map_or(String::new(), |size| {
        format!(", {} tables, {}", size.tables, bytes(size.database))
    })
}

pub fn size(look: &mut Look) -> Found {
    let size = measure(&mut look.source)?;
    let largest = look.source.rows(&format!(
        "SELECT format('%I.%I ', n.nspname, c.relname), pg_table_size(c.oid) FROM pg_class c, pg_namespace n
         WHERE {OF_USERS} AND c.relkind = 'r' ORDER BY 2 DESC LIMIT 3"
    ))?;
    let largest: Vec<String> = largest
        .iter()
        .map(|row| row.text(0).to_owned() + &bytes(row.number(1)))
        .collect();
    let mut text = format!(
        "{} of rows in {}, {} of indexes",
        bytes(size.rows),
        counted(
            usize::try_from(size.tables).unwrap_or(usize::MAX),
            "table",
            "tables"
        ),
        bytes(size.indexes)
    );
    if !largest.is_empty() {
        text += &format!("; the largest: {}", some(&largest));
    }
    Ok(vec![Finding::ok("size", text)])
}

/// The schema is loaded in one transaction, which holds a lock on all that it makes.
pub fn locks(look: &mut Look) -> Found {
    let relations: i64 = look.source.rows(&format!(
        "SELECT count(*) + count(*) FILTER (WHERE c.reltoastrelid <> 0) * 2 FROM pg_class c, pg_namespace n WHERE {OF_USERS}"
    ))?[0]
        .number(0);
    let session = &mut look.target;
    let each = number(session, "max_locks_per_transaction")?.unwrap_or(64);
    let sessions = number(session, "max_connections")?.unwrap_or(100)
        + number(session, "max_prepared_transactions")?.unwrap_or(0);
    let room = each * sessions;
    let text = format!(
        "target: {relations} relations to be made in one transaction, max_locks_per_transaction = {each} has room for {room}"
    );
    Ok(vec![if relations > room * 9 / 10 {
        Finding::must(
            "locks",
            text,
            format!(
                "ALTER SYSTEM SET max_locks_per_transaction = {}; then restart the server",
                (relations * 5 / 4 / sessions.max(1) + 1).max(each * 2)
            ),
        )
    } else {
        Finding::ok("locks", text)
    }])
}

pub fn disk(look: &mut Look) -> Found {
    let size = measure(&mut look.source)?;
    // rows, indexes, and the WAL and sorting of their making
    let needed = size.database + size.database / 3;
    let directory = setting(&mut look.target, "data_directory")?;
    let path = directory.clone().unwrap_or_else(|| "DATA_DIRECTORY".into());
    let free = directory
        .filter(|_| is_here(look.target_server))
        .and_then(|directory| rustix::fs::statvfs(Path::new(&directory)).ok())
        .map(|disk| disk.f_bavail * disk.f_frsize);
    Ok(vec![match free {
        Some(free) if free < needed => Finding::must(
            "disk",
            format!(
                "target: {} are free in {path}, about {} are needed",
                bytes(free),
                bytes(needed)
            ),
            "more room for the target; with tablespaces elsewhere look there",
        ),
        Some(free) => Finding::ok(
            "disk",
            format!(
                "target: {} are free, about {} are needed",
                bytes(free),
                bytes(needed)
            ),
        ),
        None => Finding::decide(
            "disk",
            format!(
                "target: about {} are needed; what is free cannot be seen from here; the source keeps WAL meanwhile",
                bytes(needed)
            ),
            format!("on the target: df -h {path}; on the source: df -h of pg_wal"),
        ),
    }])
}

/// Whether the server's files are those of this machine. (A port that is forwarded looks the same: then its directory is not
/// here, or a wrong one is measured that has the same name.)
fn is_here(server: &Server) -> bool {
    let host = server.host_and_port_text();
    ["/", "localhost:", "127.", "::1:"]
        .iter()
        .any(|local| host.starts_with(local))
}

struct Network {
    /// Of a query there and back.
    latency: Duration,
    bytes_per_second: f64,
}

fn try_network(server: &Server, session: &mut Session) -> Result<Option<Network>, postgres::Error> {
    const LOOKS: u32 = 5;
    let begin = Instant::now();
    for _ in 0..LOOKS {
        session.rows("SELECT")?;
    }
    let latency = begin.elapsed() / LOOKS;
    // of its own: what has not been read to its end when the time is over goes with it
    let Ok(Some(mut other)) = server.connect_if_there() else {
        return Ok(None);
    };
    let begin = Instant::now();
    let bytes = other.copied_bytes(
        "COPY (SELECT repeat(chr(97 + i % 26), 8000) FROM generate_series(1, 2000) AS s(i)) TO STDOUT",
        Duration::from_secs(2),
    )?;
    Ok(Some(Network {
        latency,
        bytes_per_second: bytes as f64 / begin.elapsed().as_secs_f64(),
    }))
}

pub fn network(look: &mut Look) -> Found {
    let size = measure(&mut look.source)?;
    let reachable = if look.target_exists {
        look.target_server.clone()
    } else {
        look.target_server
            .with_database(&names(&look.target.rows("SELECT current_database()")?)[0])
    };
    let mut found = Vec::new();
    let mut slowest = f64::INFINITY;
    for (side, measured) in [
        ("source", try_network(look.source_server, &mut look.source)?),
        ("target", try_network(&reachable, &mut look.target)?),
    ] {
        let Some(network) = measured else { continue };
        slowest = slowest.min(network.bytes_per_second);
        let latency = network.latency.as_secs_f64() * 1000.0;
        let text = format!(
            "{side}: {latency:.1} ms there and back, {}/s by one connection",
            bytes(network.bytes_per_second as u64)
        );
        found.push(if latency > 50.0 {
            Finding::decide(
                "network",
                text,
                "run dts-migrate nearer to the servers, best on the target's machine",
            )
        } else {
            Finding::ok("network", text)
        });
    }
    found.push(Finding::ok(
        TIME,
        estimate(&size, slowest, look.options.jobs),
    ));
    Ok(found)
}

fn estimate(size: &Size, network: f64, jobs: u16) -> String {
    let jobs = f64::from(jobs);
    let rows = COPY_RATE * jobs;
    let rate = rows.min(network);
    let limit = if network < rows {
        "as the network was measured"
    } else {
        "at 40 MB/s for each of the jobs"
    };
    let copy = size.rows as f64 / rate;
    let build = size.indexes as f64 / (INDEX_RATE * jobs);
    format!(
        "about {}: {} of rows in {} at {}/s ({limit}), {} of indexes in {} at 25 MB/s and job; jobs: {jobs}",
        time((copy + build).max(1.0)),
        bytes(size.rows),
        time(copy),
        bytes(rate as u64),
        bytes(size.indexes),
        time(build)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates() {
        let size = Size {
            tables: 1,
            rows: 16_000_000_000,
            indexes: 6_000_000_000,
            database: 0,
        };
        let local = estimate(&size, f64::INFINITY, 4);
        assert!(
            local.starts_with("about 2 min 40 s: 14.9 GB of rows in 1 min 40 s"),
            "{local}"
        );
        let remote = estimate(&size, 10e6, 4);
        assert!(
            remote.starts_with("about 27 min") && remote.contains("as the network was measured"),
            "{remote}"
        );
    }
}
