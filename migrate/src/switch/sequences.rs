//! Sequences: their values are in no stream, and are taken over when nobody uses them.
//!
//! A margin is left, so that a number which somebody has got on the source, and has not committed, is not given
//! again. Where there
//! is no room for it, the exact value is as good: nobody draws from the source any more.

use crate::connection::{Session, identifier, literal};
use crate::pair::OWN_SCHEMAS;
use crate::problem::Problem;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    pub schema: String,
    pub name: String,
    pub last: i64,
    pub is_called: bool,
    pub increment: i64,
    pub min: i64,
    pub max: i64,
}

/// How many go into one query.
const TOGETHER: usize = 500;

/// All of a database, but those of the extension and of this program.
pub fn read(session: &mut Session) -> Result<Vec<Sequence>, Problem> {
    let rows = session.ask(&format!(
        "SELECT n.nspname, s.relname, q.seqincrement, q.seqmin, q.seqmax FROM pg_sequence q
         JOIN pg_class s ON s.oid = q.seqrelid JOIN pg_namespace n ON n.oid = s.relnamespace
         WHERE s.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT IN {OWN_SCHEMAS}
           AND (n.nspname, s.relname) <> ('public', 'dts_ddl_command_id_seq') ORDER BY 1, 2"
    ))?;
    let mut all: Vec<Sequence> = rows
        .iter()
        .map(|row| Sequence {
            schema: row.text(0).to_owned(),
            name: row.text(1).to_owned(),
            last: 0,
            is_called: false,
            increment: row.number(2),
            min: row.number(3),
            max: row.number(4),
        })
        .collect();
    // pg_sequence_last_value() does not tell where one stands that was set, and not called since
    for some in all.chunks_mut(TOGETHER) {
        let queries: Vec<String> = some
            .iter()
            .enumerate()
            .map(|(at, sequence)| {
                format!(
                    "SELECT {at}, last_value, is_called FROM {}.{}",
                    identifier(&sequence.schema),
                    identifier(&sequence.name)
                )
            })
            .collect();
        for row in session.ask(&queries.join(" UNION ALL "))? {
            if let Some(sequence) = some.get_mut(row.number::<usize>(0)) {
                sequence.last = row.number(1);
                sequence.is_called = row.is_true(2);
            }
        }
    }
    Ok(all)
}

impl Sequence {
    /// Where it is to stand.
    pub fn target(&self, margin: u64) -> i64 {
        if !self.is_called {
            return self.last;
        }
        let value = i128::from(self.last) + i128::from(margin) * i128::from(self.increment);
        if value < i128::from(self.min) || value > i128::from(self.max) {
            return self.last;
        }
        i64::try_from(value).unwrap_or(self.last)
    }

    /// The number that comes next is not behind the other's.
    pub fn is_behind(&self, other: &Self) -> bool {
        let next = |sequence: &Self| {
            i128::from(sequence.last)
                + if sequence.is_called {
                    i128::from(self.increment)
                } else {
                    0
                }
        };
        if self.increment < 0 {
            next(self) > next(other)
        } else {
            next(self) < next(other)
        }
    }
}

/// Those of the target that give numbers which the source has given.
pub fn behind(source: &[Sequence], target: &[Sequence]) -> usize {
    let known: std::collections::BTreeMap<(&str, &str), &Sequence> = target
        .iter()
        .map(|sequence| ((sequence.schema.as_str(), sequence.name.as_str()), sequence))
        .collect();
    source
        .iter()
        .filter(|sequence| {
            known
                .get(&(sequence.schema.as_str(), sequence.name.as_str()))
                .is_some_and(|other| other.is_behind(sequence))
        })
        .count()
}

#[derive(Default)]
pub struct Set {
    pub set: usize,
    /// Not on the target.
    pub missing: Vec<String>,
}

/// The same numbers there. They are found by name, and by nobody's search_path.
pub fn set(target: &mut Session, sequences: &[Sequence], margin: u64) -> Result<Set, Problem> {
    let mut result = Set::default();
    for some in sequences.chunks(TOGETHER) {
        let values: Vec<String> = some
            .iter()
            .enumerate()
            .map(|(at, sequence)| {
                format!(
                    "({at}, {}::name, {}::name, {}::bigint, {})",
                    literal(&sequence.schema),
                    literal(&sequence.name),
                    literal(&sequence.target(margin).to_string()),
                    sequence.is_called
                )
            })
            .collect();
        let rows = target.ask(&format!(
            "SELECT v.id, setval(s.oid::regclass, v.value, v.called) FROM (VALUES {}) v(id, schema, name, value, called)
             JOIN pg_namespace n ON n.nspname = v.schema JOIN pg_class s ON s.relnamespace = n.oid AND s.relname = \
              v.name AND s.relkind = 'S'",
            values.join(", ")
        ))?;
        let done: std::collections::BTreeSet<usize> =
            rows.iter().map(|row| row.number(0)).collect();
        result.set += done.len();
        result.missing.extend(
            some.iter()
                .enumerate()
                .filter(|(at, _)| !done.contains(at))
                .map(|(_, sequence)| format!("{}.{}", sequence.schema, sequence.name)),
        );
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(last: i64, is_called: bool, increment: i64, min: i64, max: i64) -> Sequence {
        Sequence {
            schema: "s".to_owned(),
            name: "q".to_owned(),
            last,
            is_called,
            increment,
            min,
            max,
        }
    }

    #[test]
    fn margins() {
        assert_eq!(sequence(10, true, 1, 1, i64::MAX).target(1000), 1010);
        assert_eq!(sequence(10, true, 5, 1, i64::MAX).target(1000), 5010);
        assert_eq!(sequence(-10, true, -2, i64::MIN, -1).target(1000), -2010);
        // nobody has drawn a number
        assert_eq!(sequence(7, false, 1, 1, i64::MAX).target(1000), 7);
        // no room: exact, for numbers that are left and for those that begin again
        assert_eq!(sequence(32_000, true, 1, 1, 32_767).target(1000), 32_000);
        assert_eq!(
            sequence(i64::MAX - 1, true, i64::MAX, 1, i64::MAX).target(u64::MAX),
            i64::MAX - 1
        );
        assert_eq!(sequence(1, true, -1, 1, 100).target(1), 1);
    }

    #[test]
    fn which_are_behind() {
        let at = |last, is_called| sequence(last, is_called, 1, 1, 1000);
        assert!(at(1, false).is_behind(&at(1, true)));
        assert!(!at(5, true).is_behind(&at(5, true)));
        assert!(!at(9, true).is_behind(&at(5, true)));
        let down = |last| sequence(last, true, -1, -100, -1);
        assert!(down(-1).is_behind(&down(-5)) && !down(-5).is_behind(&down(-1)));
        assert_eq!(behind(&[at(5, true)], &[at(1, false)]), 1);
        assert_eq!(behind(&[at(5, true)], &[]), 0);
    }
}
