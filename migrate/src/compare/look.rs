//! Whether rows that were not the same do differ.
//!
//! A look is: the source's rows, the stream's position behind them, the destination's rows once it has passed there, the
//! source's rows again. Source and destination are the same when the destination has what the source had at one of its two moments. What
//! is proven, where the source has the very versions of the rows (not only equal ones) that it had before:
//!
//! - the destination has other rows for a key of the source, or fewer: at its moment it had to have these.
//! - it has more: only when it had the very versions of its rows in the look before. In between a row might have come and
//!   gone again on the source; what came of it was gone on the destination by the second look.
//!
//! Everything else is looked at again. A row that changes all the time is never called different.

use super::report::How;
use super::stream::{Stands, Stream};
use super::table::{Key, Plan, Rows, Scope, Seen};
use crate::connection::Session;
use std::collections::BTreeMap;

/// What one look says of one key.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Same,
    Proven(How),
    /// Nothing; the versions that the destination had, when those of the source stayed.
    Open(Option<String>),
}

/// `destination_before`: what the look before said in [`Verdict::Open`].
pub fn verdict(
    before: Option<&Seen>,
    after: Option<&Seen>,
    destination: Option<&Seen>,
    destination_before: Option<&str>,
) -> Verdict {
    let same = |a: Option<&Seen>| match (a, destination) {
        (None, None) => true,
        (Some(a), Some(b)) => a.content == b.content && a.count == b.count,
        _ => false,
    };
    if same(before) || same(after) {
        return Verdict::Same;
    }
    if before.map(|seen| &seen.versions) != after.map(|seen| &seen.versions) {
        return Verdict::Open(None);
    }
    match (after, destination) {
        (Some(_), None) => Verdict::Proven(How::Missing),
        (Some(source), Some(destination)) if destination.count < source.count => {
            Verdict::Proven(How::Missing)
        }
        (Some(source), Some(destination)) if destination.count == source.count => {
            Verdict::Proven(How::Differs)
        }
        (_, Some(destination)) if destination_before == Some(destination.versions.as_str()) => {
            Verdict::Proven(How::Extra)
        }
        (_, destination) => Verdict::Open(destination.map(|seen| seen.versions.clone())),
    }
}

/// What came of all looks.
#[derive(Default)]
pub struct Settled {
    pub proven: Vec<(Key, How)>,
    pub undecided: Vec<Key>,
}

/// Looks at these keys, at most so many times.
pub fn settle(
    plan: &Plan,
    source: &mut Session,
    destination: &mut Session,
    stream: &Stream,
    keys: &[Key],
    looks: u32,
) -> Result<Settled, Stands> {
    let mut settled = Settled::default();
    let mut open: BTreeMap<Key, Option<String>> =
        keys.iter().map(|key| (key.clone(), None)).collect();
    let of = |open: &BTreeMap<Key, Option<String>>| Scope::Keys(open.keys().cloned().collect());
    let mut before = plan.rows(source, &of(&open))?;
    for _ in 0..looks {
        let position = stream.position(source)?;
        stream.wait(source, position)?;
        let there = plan.rows(destination, &of(&open))?;
        let after = plan.rows(source, &of(&open))?;
        let mut still = BTreeMap::new();
        for (key, destination_before) in open {
            let seen = |rows: &'_ Rows| rows.get(&key).cloned();
            match verdict(
                seen(&before).as_ref(),
                seen(&after).as_ref(),
                seen(&there).as_ref(),
                destination_before.as_deref(),
            ) {
                Verdict::Same => {}
                Verdict::Proven(how) => settled.proven.push((key, how)),
                Verdict::Open(versions) => {
                    still.insert(key, versions);
                }
            }
        }
        open = still;
        before = after;
        if open.is_empty() {
            break;
        }
    }
    settled.undecided = open.into_keys().collect();
    Ok(settled)
}

/// The keys under which two sides do not have the same.
pub fn candidates(source: &Rows, destination: &Rows) -> Vec<Key> {
    let same = |a: &Seen, b: &Seen| a.content == b.content && a.count == b.count;
    let here = source
        .iter()
        .filter(|(key, seen)| !destination.get(*key).is_some_and(|other| same(seen, other)));
    let there = destination.keys().filter(|key| !source.contains_key(*key));
    here.map(|(key, _)| key).chain(there).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(content: &str, count: u64, versions: &str) -> Seen {
        Seen {
            content: content.to_owned(),
            count,
            versions: versions.to_owned(),
        }
    }

    #[test]
    fn of_one_row() {
        let (a, b) = (seen("a", 1, "v1"), seen("b", 1, "v2"));
        let other = seen("x", 1, "t1");
        // it was the same at one of the source's moments
        for (before, after) in [(&a, &b), (&b, &a)] {
            let destination = seen("a", 1, "t1");
            assert_eq!(
                verdict(Some(before), Some(after), Some(&destination), None),
                Verdict::Same
            );
        }
        assert_eq!(verdict(None, None, None, None), Verdict::Same);
        // the same row all the time
        assert_eq!(
            verdict(Some(&a), Some(&a), Some(&other), None),
            Verdict::Proven(How::Differs)
        );
        assert_eq!(
            verdict(Some(&a), Some(&a), None, None),
            Verdict::Proven(How::Missing)
        );
        // it changed meanwhile: also to and fro, which only its version tells
        assert_eq!(
            verdict(Some(&a), Some(&b), Some(&other), None),
            Verdict::Open(None)
        );
        let again = seen("a", 1, "v3");
        assert_eq!(
            verdict(Some(&a), Some(&again), Some(&other), None),
            Verdict::Open(None)
        );
        assert_eq!(verdict(None, Some(&a), None, None), Verdict::Same);
        assert_eq!(
            verdict(Some(&a), Some(&again), None, None),
            Verdict::Open(None)
        );
    }

    /// A row that the source does not have may have come and gone: the destination's has to stay the same.
    #[test]
    fn of_a_row_too_many() {
        let extra = seen("x", 1, "t1");
        let open = Verdict::Open(Some("t1".to_owned()));
        assert_eq!(verdict(None, None, Some(&extra), None), open);
        assert_eq!(verdict(None, None, Some(&extra), Some("t0")), open);
        assert_eq!(
            verdict(None, None, Some(&extra), Some("t1")),
            Verdict::Proven(How::Extra)
        );
    }

    /// Of a table without a key: so many rows with the same content.
    #[test]
    fn of_equal_rows() {
        let source = seen("h", 2, "v");
        let (fewer, more) = (seen("h", 1, "t1"), seen("h", 3, "t1"));
        assert_eq!(
            verdict(Some(&source), Some(&source), Some(&fewer), None),
            Verdict::Proven(How::Missing)
        );
        assert_eq!(
            verdict(Some(&source), Some(&source), Some(&more), None),
            Verdict::Open(Some("t1".to_owned()))
        );
        assert_eq!(
            verdict(Some(&source), Some(&source), Some(&more), Some("t1")),
            Verdict::Proven(How::Extra)
        );
    }

    #[test]
    fn what_is_looked_at() {
        let rows = |list: &[(&str, &str)]| -> Rows {
            list.iter()
                .map(|(key, content)| (vec![(*key).to_owned()], seen(content, 1, "v")))
                .collect()
        };
        let found = candidates(
            &rows(&[("1", "a"), ("2", "b"), ("3", "c")]),
            &rows(&[("1", "a"), ("2", "x"), ("4", "d")]),
        );
        assert_eq!(found, [["2"], ["3"], ["4"]]);
    }
}
