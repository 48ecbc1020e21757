//! `recopy`: a table of a following target is copied once more, while the stream of all others goes on.
//!
//! The subscription is disabled for a moment only, and is enabled again whatever happens.

use crate::connection::{Server, Session, identifier, literal};
use crate::interrupt;
use crate::pair::{self, Edition, OWN_SCHEMAS};
use crate::problem::{Problem, words};
use crate::record::Phase;
use std::time::{Duration, Instant};

/// What is told while it waits.
pub struct Copying {
    pub left: usize,
    /// So far, of what is copied now (from 14 on).
    pub bytes: u64,
    pub rows: u64,
}

pub struct Table {
    pub oid: String,
    pub name: String,
}

/// `wait`: until they are ready. `tell`: from time to time.
pub fn recopy(
    source: &Server,
    target: &Server,
    tables: &[String],
    wait: bool,
    tell: &mut dyn FnMut(&Copying),
) -> Result<String, Problem> {
    let (servers, record) = pair::find(source, target, true)?;
    let Some(record) = record else {
        return Err(pair::nothing_began());
    };
    if !matches!(record.migration.phase, Phase::Following | Phase::Back) {
        return Err(Problem::new(
            format!(
                "the target does not follow the source (phase {})",
                record.migration.phase.name()
            ),
            "dts-migrate status SOURCE TARGET says what is next; nothing was changed",
        ));
    }
    let name = record.migration.name;
    // (the session of the record keeps others from acting)
    let _acting = record.session;
    let mut session = servers.target.connect_to_write()?;
    let edition = pair::edition(&mut session)?;
    let tables: Vec<Table> = tables
        .iter()
        .map(|table| named(&mut session, table))
        .collect::<Result<_, _>>()?;
    if pair::subscription(&mut session, &name)?.is_none() {
        return Err(Problem::new(
            format!("the target has no subscription {name}"),
            "dts-migrate status SOURCE TARGET; nothing was changed",
        ));
    }
    if edition == Edition::Extension {
        pair::quiet(&mut session)?;
    }
    let done = pair::disable(&mut session, &name).and_then(|()| {
        for table in &tables {
            pair::copy_again(&mut session, &name, &table.oid, edition, "")?;
        }
        Ok(())
    });
    enable(&servers.target, session, &name)?;
    done?;
    let list: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    let list = list.join(", ");
    if !wait {
        return Ok(format!(
            "{list}: to be copied by the subscription; dts-migrate status --watch shows how far"
        ));
    }
    let start = Instant::now();
    until_ready(&servers.target, &name, &tables, edition, tell)?;
    Ok(format!(
        "{list}: copied again in {}",
        crate::output::duration(start.elapsed().as_secs_f64())
    ))
}

/// The one table that is meant.
fn named(target: &mut Session, text: &str) -> Result<Table, Problem> {
    let rows = target.ask(&format!(
        "SELECT c.oid, format('%I.%I', n.nspname, c.relname), {0} IN (n.nspname || '.' || c.relname, \
         format('%I.%I', n.nspname, c.relname))
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND n.nspname NOT IN ('pg_catalog', \
          'information_schema') AND n.nspname NOT IN {OWN_SCHEMAS}
           AND {0} IN (c.relname, quote_ident(c.relname), n.nspname || '.' || c.relname, format('%I.%I', n.nspname, c.relname))
         ORDER BY 3 DESC, 2",
        literal(text)
    ))?;
    let whole: Vec<_> = rows.iter().filter(|row| row.is_true(2)).collect();
    let all: Vec<_> = if whole.is_empty() {
        rows.iter().collect()
    } else {
        whole
    };
    match all.as_slice() {
        [row] => Ok(Table {
            oid: row.text(0).to_owned(),
            name: row.text(1).to_owned(),
        }),
        [] => Err(Problem::new(
            format!("the target has no table {text}"),
            "give it as schema.name; one that is not there has to be made by hand first; nothing was changed",
        )),
        several => Err(Problem::new(
            format!(
                "{text} may be {}",
                several
                    .iter()
                    .map(|row| row.text(1))
                    .collect::<Vec<_>>()
                    .join(" or ")
            ),
            "give it as schema.name; nothing was changed",
        )),
    }
}

/// Whatever has happened, and on a new connection where the old one is gone.
fn enable(target: &Server, session: Session, name: &str) -> Result<(), Problem> {
    let command = format!("ALTER SUBSCRIPTION {} ENABLE", identifier(name));
    let mut session = Some(session);
    let mut last = String::new();
    for _ in 0..20 {
        let mut now = match session.take() {
            Some(session) if !session.is_closed() => session,
            _ => match target.connect_to_write() {
                Ok(session) => session,
                Err(problem) => {
                    last = problem.what;
                    std::thread::sleep(Duration::from_millis(500));
                    continue;
                }
            },
        };
        match now.execute(&command) {
            Ok(()) => return Ok(()),
            Err(error) => last = words(&error),
        }
        session = Some(now);
        std::thread::sleep(Duration::from_millis(500));
    }
    Err(Problem::new(
        format!("the subscription {name} is disabled, and could not be enabled again: {last}"),
        format!("on the target, or nothing arrives there: {command}"),
    ))
}

fn until_ready(
    target: &Server,
    name: &str,
    tables: &[Table],
    edition: Edition,
    tell: &mut dyn FnMut(&Copying),
) -> Result<(), Problem> {
    let mut session = target.connect()?;
    let oids: Vec<&str> = tables.iter().map(|table| table.oid.as_str()).collect();
    let oids = oids.join(", ");
    let progress = if session.version >= 140_000 {
        format!(
            "(SELECT concat_ws(' ', coalesce(sum(p.bytes_processed), 0), coalesce(sum(p.tuples_processed), 0)) FROM \
             pg_stat_progress_copy p
               JOIN pg_stat_subscription w ON w.pid = p.pid WHERE w.subname = {})",
            literal(name)
        )
    } else {
        "''".to_owned()
    };
    let query = format!(
        "SELECT count(*), {progress} FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid = r.srsubid AND s.subname = {}
         JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()
         WHERE r.srsubstate <> 'r' AND (r.srrelid IN ({oids})
            OR EXISTS (SELECT FROM pg_partition_ancestors(r.srrelid) a WHERE a.relid IN ({oids})))",
        literal(name)
    );
    let start = Instant::now();
    let mut seen = Instant::now();
    let mut pause = Duration::from_millis(20);
    loop {
        let rows = session.ask(&query)?;
        let left: usize = rows[0].number(0);
        if left == 0 {
            return Ok(());
        }
        let (bytes, count) = rows[0].text(1).split_once(' ').unwrap_or_default();
        tell(&Copying {
            left,
            bytes: bytes.parse().unwrap_or_default(),
            rows: count.parse().unwrap_or_default(),
        });
        if interrupt::asked() {
            return Err(Problem::new(
                "interrupted; the subscription is enabled, and the copy goes on by itself",
                "dts-migrate status --watch SOURCE TARGET",
            ));
        }
        if edition == Edition::Extension && start.elapsed() > Duration::from_secs(5) {
            let stops = session.ask(&format!(
                "SELECT copied_table, error FROM dts_ddl.stops() WHERE subscription = {} AND copied_table IS NOT NULL \
                 AND failures > 2",
                literal(name)
            ))?;
            if let Some(stop) = stops.first() {
                return Err(Problem::new(
                    format!(
                        "the copy of {} fails again and again: {}",
                        stop.text(0),
                        stop.text(1)
                    ),
                    "mend what it says, and it goes on by itself; dts-migrate status SOURCE TARGET",
                ));
            }
        }
        // where no stop is told: a worker that fails is started again each 5 s, and hardly ever seen
        let runs = session.ask(&format!(
            "SELECT FROM pg_stat_subscription WHERE subname = {} AND pid IS NOT NULL AND relid IS NULL",
            literal(name)
        ))?;
        if !runs.is_empty() {
            seen = Instant::now();
        } else if seen.elapsed() > Duration::from_secs(20) {
            return Err(Problem::new(
                "no worker of the subscription runs: the stream stands still, and with it the copy",
                "the target's server log says why; when it is mended, the copy goes on by itself",
            ));
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}
