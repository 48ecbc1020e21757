//! A quick look whether both sides have the same rows, within a budget of time: small tables whole, of larger ones the newest
//! rows. Nobody writes meanwhile, so that what differs does differ. What was not reached is told.
//!
//! How a table is read is found out before users are sent away; a table that changed since is left out and told.

use crate::compare::published::{Sent, TableName};
use crate::compare::table::{Plan, Scope, Sum};
use crate::connection::{Session, literal};
use crate::problem::{Problem, words};
use std::time::{Duration, Instant};

/// Up to here all rows of a table are read.
const SMALL: u64 = 1 << 20;
/// Of larger tables so many.
const NEWEST: u64 = 200;

struct Table {
    plan: Plan,
    small: bool,
}

pub struct Quick {
    tables: Vec<Table>,
    /// Large, and without a key by which the newest rows could be found; or there was no plan.
    left_out: usize,
}

#[derive(Debug, Default)]
pub struct Compared {
    pub whole: usize,
    pub newest: usize,
    /// No time, no key, or changed meanwhile.
    pub left_out: usize,
    pub seconds: f64,
    pub differing: Vec<String>,
}

impl Compared {
    pub fn words(&self) -> String {
        let left_out = match self.left_out {
            0 => String::new(),
            n => format!(", {n} tables not looked at"),
        };
        format!(
            "{} tables whole, the newest rows of {} larger ones{left_out}, in {:.2} s: the same",
            self.whole, self.newest, self.seconds
        )
    }
}

impl Quick {
    pub fn new(
        source: &mut Session,
        target: &mut Session,
        tables: &[(TableName, Sent)],
        seed: i64,
    ) -> Result<Self, Problem> {
        let mut quick = Self {
            tables: Vec::new(),
            left_out: 0,
        };
        let sizes = sizes(source, tables)?;
        let mut sized: Vec<_> = tables.iter().zip(sizes).collect();
        sized.sort_by_key(|(_, size)| *size);
        for ((table, sent), size) in sized {
            let small = size <= SMALL;
            match Plan::new(table, sent, source, target, seed) {
                Ok(plan) if small || plan.is_keyed() => quick.tables.push(Table { plan, small }),
                _ => quick.left_out += 1,
            }
        }
        Ok(quick)
    }

    /// `source` and `target` are sessions of their own, for it.
    pub fn compare(
        &self,
        source: &mut Session,
        target: &mut Session,
        budget: Duration,
    ) -> Result<Compared, Problem> {
        let start = Instant::now();
        let mut result = Compared {
            left_out: self.left_out,
            ..Compared::default()
        };
        let limit = budget.as_millis().max(50);
        for session in [&mut *source, &mut *target] {
            // by the index where there is one: rows at the end of a large table are found by no other way in time
            session
                .reading(1, true)
                .and_then(|()| session.execute(&format!("SET statement_timeout = {limit}")))
                .map_err(|error| failed(session, &error))?;
        }
        for table in &self.tables {
            if start.elapsed() >= budget {
                result.left_out += 1;
                continue;
            }
            let plan = &table.plan;
            let scope = if table.small {
                Ok(Scope::Range(None, None))
            } else {
                plan.newest(source, NEWEST)
                    .map(|above| Scope::Range(above, None))
            };
            let Ok(scope) = scope else {
                still_there(source)?;
                result.left_out += 1;
                continue;
            };
            let (here, there) = both(source, target, plan, &scope);
            match (here, there) {
                (Ok(here), Ok(there)) if here == there => {
                    if table.small {
                        result.whole += 1;
                    } else {
                        result.newest += 1;
                    }
                }
                (Ok(here), Ok(there)) => result.differing.push(format!(
                    "{} ({})",
                    plan.table.identity(),
                    difference(&here, &there)
                )),
                _ => {
                    still_there(source)?;
                    still_there(target)?;
                    result.left_out += 1;
                }
            }
        }
        result.seconds = start.elapsed().as_secs_f64();
        Ok(result)
    }
}

fn difference(here: &Sum, there: &Sum) -> String {
    if here.count == there.count {
        format!("{} rows, but not the same", here.count)
    } else {
        format!(
            "{} rows on the source, {} on the target",
            here.count, there.count
        )
    }
}

fn both(
    source: &mut Session,
    target: &mut Session,
    plan: &Plan,
    scope: &Scope,
) -> (Result<Sum, postgres::Error>, Result<Sum, postgres::Error>) {
    std::thread::scope(|threads| {
        let there = threads.spawn(|| plan.sum(target, scope));
        let here = plan.sum(source, scope);
        (here, there.join().expect("a query does not panic"))
    })
}

/// Only the query has failed.
fn still_there(session: &mut Session) -> Result<(), Problem> {
    session.ask("SELECT 1").map(|_| ())
}

fn failed(session: &Session, error: &postgres::Error) -> Problem {
    Problem::new(
        format!("the {} was not read: {}", session.side.name(), words(error)),
        "dts-migrate switch again, or --no-compare",
    )
}

fn sizes(source: &mut Session, tables: &[(TableName, Sent)]) -> Result<Vec<u64>, Problem> {
    let mut sizes = Vec::new();
    for some in tables.chunks(1000) {
        let names: Vec<String> = some
            .iter()
            .enumerate()
            .map(|(at, (table, _))| {
                format!(
                    "({at}, {}::name, {}::name)",
                    literal(&table.schema),
                    literal(&table.name)
                )
            })
            .collect();
        let rows = source.ask(&format!(
            "SELECT v.id, coalesce((SELECT sum(pg_relation_size(t.relid)) FROM pg_partition_tree(c.oid) t), \
             pg_relation_size(c.oid), 0)
             FROM (VALUES {}) v(id, schema, name) LEFT JOIN (pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid)
               ON n.nspname = v.schema AND c.relname = v.name ORDER BY 1",
            names.join(", ")
        ))?;
        sizes.extend(rows.iter().map(|row| row.number::<u64>(1)));
    }
    Ok(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_says() {
        let compared = Compared {
            whole: 3,
            newest: 1,
            left_out: 2,
            seconds: 0.123,
            differing: Vec::new(),
        };
        assert_eq!(
            compared.words(),
            "3 tables whole, the newest rows of 1 larger ones, 2 tables not looked at, in 0.12 s: the same"
        );
        let sum = |count, sum: &str| Sum {
            count,
            sum: sum.to_owned(),
        };
        assert_eq!(
            difference(&sum(1, "a"), &sum(1, "b")),
            "1 rows, but not the same"
        );
        assert_eq!(
            difference(&sum(1, "a"), &sum(0, "")),
            "1 rows on the source, 0 on the target"
        );
    }
}
