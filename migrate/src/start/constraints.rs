//! What comes after the rows: indexes and keys, statistics, foreign keys, triggers, rules, policies.
//!
//! pg_restore makes all but the foreign keys, from the archive of the record. When it did not come to its end, it is run again, and
//! what is there already is no error: each of its commands is a transaction.
//!
//! A foreign key is checked against rows. Between tables that were copied at the same position it holds. Where one of them was copied
//! at another, or is left to the subscription, it is made NOT VALID, and validated when the stream has brought all to one position.

use super::{Work, schema};
use crate::connection::{Row, Session, identifier};
use crate::problem::{Problem, words};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

/// What pg_restore makes first: everything by which rows are found.
const KEYS: [&str; 3] = ["CONSTRAINT", "INDEX", "INDEX ATTACH"];
/// What is made here.
const FOREIGN_KEY: &str = "FK CONSTRAINT";
/// What is there already.
pub const CHECK: &str = "CHECK CONSTRAINT";

pub fn indexes(work: &mut Work) -> Result<String, Problem> {
    restore(work, |kind| KEYS.contains(&kind))
}

pub fn others(work: &mut Work) -> Result<String, Problem> {
    restore(work, |kind| {
        !KEYS.contains(&kind) && ![FOREIGN_KEY, CHECK].contains(&kind)
    })
}

/// Entries of the archive behind the rows, of these kinds.
fn restore(work: &mut Work, wanted: impl Fn(&str) -> bool) -> Result<String, Problem> {
    let files = schema::Files::of_record(work)?;
    let list: Vec<String> = schema::list(work, &files, "post-data")?
        .into_iter()
        .filter(|line| wanted(kind(line)))
        .collect();
    if list.is_empty() {
        return Ok("none".to_owned());
    }
    let path = files.list(&list)?;
    let settings = format!(
        "{} -c maintenance_work_mem={}",
        work.target.options(),
        work.options.index_memory
    );
    let mut command = schema::restore(work);
    command
        .env("PGOPTIONS", settings.trim_start())
        .arg(format!("--jobs={}", work.options.jobs))
        .arg("--use-list")
        .arg(path)
        .arg(files.archive());
    let output = schema::run(&mut command)?;
    if output.status.success() {
        return Ok(format!("{} of them", list.len()));
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let failed: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("pg_restore: error: "))
        .filter(|line| !is_there(line))
        .collect();
    if failed.is_empty() && text.contains("errors ignored on restore") {
        return Ok(format!("{} of them, some were there", list.len()));
    }
    Err(Problem::new(
        format!(
            "pg_restore could not make all indexes and constraints on the target; the rows are there: {}",
            failed.first().map_or(text.trim(), |line| line.trim())
        ),
        "mend the cause, then dts-migrate start again: it makes what is missing",
    ))
}

/// Of a line of pg_restore's list: `12; 2606 16390 CONSTRAINT public t t_pkey owner`. Kinds are in capitals, names follow.
pub fn kind(line: &str) -> &str {
    let rest = line.splitn(4, ' ').nth(3).unwrap_or_default();
    // longest first: `INDEX ATTACH` begins like `INDEX`
    let known = [
        "INDEX ATTACH",
        "FK CONSTRAINT",
        CHECK,
        "CONSTRAINT",
        "INDEX",
    ];
    known
        .into_iter()
        .find(|kind| {
            rest.strip_prefix(kind)
                .is_some_and(|more| more.starts_with(' '))
        })
        .unwrap_or_default()
}

/// The command of an earlier run was successful.
fn is_there(line: &str) -> bool {
    line.contains(" already exists")
        || line.contains("multiple primary keys for table")
        || line.contains(" is already a partition")
        || line.contains("is already attached")
}

/// What the planner must know; of the tables that have their rows.
pub fn statistics(work: &mut Work) -> Result<String, Problem> {
    let tables = work.record.session.ask(
        "SELECT schema, name FROM dts_migrate.\"table\" WHERE state IN ('copied', 'ready') ORDER BY bytes DESC",
    )?;
    let queue = Mutex::new(tables.iter());
    let target = work.target;
    let analyze = || -> Result<(), Problem> {
        let mut session = target.connect_to_write()?;
        loop {
            let next = queue
                .lock()
                .unwrap_or_else(|broken| broken.into_inner())
                .next();
            let Some(table) = next else { return Ok(()) };
            session.run(&format!("ANALYZE {}", name(table)))?;
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..work.options.jobs)
            .map(|_| scope.spawn(analyze))
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().expect("it does not panic"))
    })?;
    Ok(format!("of {} tables", tables.len()))
}

fn name(table: &Row) -> String {
    crate::record::qualified(table.text(0), table.text(1))
}

struct Key {
    id: String,
    table: String,
    name: String,
    definition: String,
    partitioned: bool,
    tables: BTreeSet<String>,
    /// A check calls casts that users have written.
    casts: bool,
}

impl Key {
    fn is_not_valid_on_the_source(&self) -> bool {
        self.definition.contains(" NOT VALID")
    }

    fn add(&self, more: &str) -> String {
        format!(
            "ALTER TABLE {}{} ADD CONSTRAINT {} {}{more}",
            if self.partitioned { "" } else { "ONLY " },
            self.table,
            identifier(&self.name),
            self.definition
        )
    }
}

fn keys(work: &mut Work, state: &str) -> Result<Vec<Key>, Problem> {
    let rows = work.record.session.ask(&format!(
        "SELECT id, tbl, name, definition, partitioned, to_json(ARRAY(SELECT t::text FROM unnest(tables) t)), casts
         FROM dts_migrate.foreign_key WHERE state {state} ORDER BY id"
    ))?;
    let key = |row: &Row| Key {
        id: row.text(0).to_owned(),
        table: row.text(1).to_owned(),
        name: row.text(2).to_owned(),
        definition: row.text(3).to_owned(),
        partitioned: row.is_true(4),
        tables: row.list(5).into_iter().collect(),
        casts: row.is_true(6),
    };
    Ok(rows.iter().map(key).collect())
}

/// How a key is to be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum How {
    /// All of its tables are as of one position.
    Checked,
    NotValid,
    /// Before 18 a partitioned table has none that is not valid.
    Later,
    /// Not valid, for good: a check would run what users have written, with the rights of whoever runs this.
    NeverChecked,
    /// Not at all, for the same reason.
    LeftOut,
}

fn how(
    key: &Key,
    trusts: bool,
    positions: &BTreeMap<String, Option<String>>,
    target_major: u32,
) -> How {
    let of: BTreeSet<_> = key
        .tables
        .iter()
        // partitioned tables have no rows
        .filter_map(|table| positions.get(table))
        .collect();
    let can_be_not_valid = !key.partitioned || target_major >= 18;
    if key.casts && !trusts && !key.is_not_valid_on_the_source() {
        return if can_be_not_valid {
            How::NeverChecked
        } else {
            How::LeftOut
        };
    }
    if key.is_not_valid_on_the_source() || (of.len() <= 1 && !of.contains(&None)) {
        How::Checked
    } else if can_be_not_valid {
        How::NotValid
    } else {
        How::Later
    }
}

pub fn foreign_keys(work: &mut Work) -> Result<String, Problem> {
    let keys = keys(work, "= 'waiting'")?;
    let rows = work
        .record
        .session
        .ask("SELECT source_oid, lsn FROM dts_migrate.\"table\"")?;
    let positions: BTreeMap<String, Option<String>> = rows
        .iter()
        .map(|row| (row.text(0).to_owned(), row.get(1).map(str::to_owned)))
        .collect();
    let (major, trusts) = (work.there.major(), work.trusts());
    let plans: Vec<(Key, How)> = keys
        .into_iter()
        .map(|key| {
            let how = how(&key, trusts, &positions, major);
            (key, how)
        })
        .collect();
    for (key, how) in &plans {
        if [How::NeverChecked, How::LeftOut].contains(how) {
            work.output.warn(&format!(
                "foreign key {} of {} is {} on the target: a check would call casts that users have written; as the table's owner: ALTER TABLE {} {}",
                identifier(&key.name),
                key.table,
                if *how == How::LeftOut { "left out" } else { "NOT VALID" },
                key.table,
                if *how == How::LeftOut {
                    format!("ADD CONSTRAINT {} {}", identifier(&key.name), key.definition)
                } else {
                    format!("VALIDATE CONSTRAINT {}", identifier(&key.name))
                }
            ));
        }
    }
    let total = plans.len();
    let later = plans.iter().filter(|(_, how)| *how != How::Checked).count();
    // Those whose tables are not locked by another one at the moment.
    let state = Mutex::new((plans, BTreeSet::<String>::new()));
    let target = work.target;
    let make = || -> Result<(), Problem> {
        let mut session = target.connect_to_write()?;
        loop {
            let next = {
                let mut state = state.lock().unwrap_or_else(|broken| broken.into_inner());
                let (plans, busy) = &mut *state;
                if plans.is_empty() {
                    return Ok(());
                }
                let free = plans
                    .iter()
                    .position(|(key, _)| key.tables.is_disjoint(busy));
                free.map(|at| {
                    let plan = plans.remove(at);
                    busy.extend(plan.0.tables.iter().cloned());
                    plan
                })
            };
            let Some((key, how)) = next else {
                std::thread::sleep(Duration::from_millis(2));
                continue;
            };
            let made = one(&mut session, &key, how);
            let mut state = state.lock().unwrap_or_else(|broken| broken.into_inner());
            for table in &key.tables {
                state.1.remove(table);
            }
            if made.is_err() {
                // the others end, too
                state.0.clear();
            }
            made?;
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..work.options.jobs).map(|_| scope.spawn(make)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().expect("it does not panic"))
    })?;
    Ok(match later {
        0 => format!("{total} of them"),
        n => format!("{total} of them, {n} checked when the stream is there"),
    })
}

fn one(session: &mut Session, key: &Key, how: How) -> Result<(), Problem> {
    let (command, state) = match how {
        How::Checked => (key.add(""), "done"),
        How::NotValid => (key.add(" NOT VALID"), "validate"),
        How::Later => (String::new(), "add"),
        How::NeverChecked => (key.add(" NOT VALID"), "unchecked"),
        How::LeftOut => (String::new(), "unchecked"),
    };
    let result = session.execute(&format!(
        "BEGIN; {command}; UPDATE dts_migrate.foreign_key SET state = '{state}' WHERE id = {}; COMMIT",
        key.id
    ));
    result.map_err(|error| {
        Problem::new(
            format!(
                "foreign key {} of {} could not be made on the target: {}",
                identifier(&key.name),
                key.table,
                words(&error)
            ),
            "if the source's rows violate it, mend them there, then dts-migrate abort and begin again",
        )
    })
}

/// What could not be checked before the stream had brought all tables to one position. DDL of users has gone on: what counts is what
/// both sides have now.
pub fn later(work: &mut Work) -> Result<String, Problem> {
    let (unchecked, add) = (keys(work, "= 'unchecked'")?, keys(work, "= 'add'")?);
    let valid: BTreeSet<(String, String)> = work
        .here
        .ask(&foreign_keys_now("convalidated"))?
        .iter()
        .map(|row| (row.text(0).to_owned(), row.text(1).to_owned()))
        .collect();
    let is_unchecked = |table: &str, name: &str| {
        unchecked
            .iter()
            .any(|key| (key.table.as_str(), key.name.as_str()) == (table, name))
    };
    let mut commands = Vec::new();
    for row in work.there.ask(&foreign_keys_now("NOT convalidated"))? {
        let (table, name) = (row.text(0), row.text(1));
        if valid.contains(&(table.to_owned(), name.to_owned())) && !is_unchecked(table, name) {
            commands.push((
                table.to_owned(),
                name.to_owned(),
                format!(
                    "ALTER TABLE {table} VALIDATE CONSTRAINT {}",
                    identifier(name)
                ),
            ));
        }
    }
    let there = work.there.ask(&foreign_keys_now("true"))?;
    for key in add {
        let is_there = there
            .iter()
            .any(|row| (row.text(0), row.text(1)) == (key.table.as_str(), key.name.as_str()));
        if !is_there && valid.contains(&(key.table.clone(), key.name.clone())) {
            let command = key.add("");
            commands.push((key.table, key.name, command));
        }
    }
    for (table, name, command) in &commands {
        work.there.execute(command).map_err(|error| {
            Problem::new(
                format!(
                    "foreign key {} of {table} does not hold on the target: {}; everything else is done, the target follows the source",
                    identifier(name),
                    words(&error)
                ),
                "dts-migrate compare says whether rows are missing; if the source's rows violate it, mend them there; then dts-migrate start again",
            )
        })?;
    }
    work.record.session.run(
        "UPDATE dts_migrate.foreign_key SET state = 'done' WHERE state IN ('validate', 'add')",
    )?;
    Ok(format!("{} foreign keys", commands.len()))
}

fn foreign_keys_now(condition: &str) -> String {
    format!(
        "SELECT format('%I.%I', n.nspname, c.relname), k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE k.contype = 'f' AND k.conparentid = 0 AND {condition}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_entries() {
        for (line, expected) in [
            (
                "3456; 2606 16390 CONSTRAINT public t t_pkey app",
                "CONSTRAINT",
            ),
            (
                "3457; 2606 16391 FK CONSTRAINT public t t_fk app",
                FOREIGN_KEY,
            ),
            ("3458; 1259 16392 INDEX public INDEX ATTACH app", "INDEX"),
            ("3459; 0 0 INDEX ATTACH public t_1_pkey app", "INDEX ATTACH"),
            ("3460; 2620 16394 TRIGGER public CONSTRAINT x app", ""),
            (
                "3461; 2606 16395 CHECK CONSTRAINT public t c app",
                "CHECK CONSTRAINT",
            ),
        ] {
            assert_eq!(kind(line), expected, "{line}");
        }
    }

    #[test]
    fn keys_between_positions() {
        let mut key = Key {
            id: String::new(),
            table: "a".to_owned(),
            name: "k".to_owned(),
            definition: "FOREIGN KEY (x) REFERENCES b(id)".to_owned(),
            partitioned: false,
            tables: ["1", "2", "99"].map(str::to_owned).into(),
            casts: false,
        };
        let at = |a: Option<&str>, b: Option<&str>| -> BTreeMap<String, Option<String>> {
            [("1", a), ("2", b)]
                .map(|(table, lsn)| (table.to_owned(), lsn.map(str::to_owned)))
                .into()
        };
        assert_eq!(
            how(&key, false, &at(Some("0/1"), Some("0/1")), 15),
            How::Checked
        );
        assert_eq!(
            how(&key, false, &at(Some("0/1"), Some("0/2")), 15),
            How::NotValid
        );
        assert_eq!(how(&key, false, &at(Some("0/1"), None), 15), How::NotValid);
        assert_eq!(how(&key, false, &at(None, None), 15), How::NotValid);
        key.partitioned = true;
        assert_eq!(how(&key, false, &at(None, Some("0/1")), 15), How::Later);
        assert_eq!(how(&key, false, &at(None, Some("0/1")), 18), How::NotValid);
        key.casts = true;
        let same = at(Some("0/1"), Some("0/1"));
        assert_eq!(how(&key, false, &same, 15), How::LeftOut);
        assert_eq!(how(&key, false, &same, 18), How::NeverChecked);
        assert_eq!(how(&key, true, &same, 15), How::Checked);
        key.definition += " NOT VALID";
        assert_eq!(how(&key, false, &at(None, Some("0/1")), 15), How::Checked);
    }
}
