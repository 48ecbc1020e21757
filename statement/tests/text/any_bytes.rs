//! Bytes of every kind, and real statements that have been changed at random, through `check`.
//!
//! Goes on for `DTS_FUZZ_SECONDS` (5) each. A failure shows the smallest input that has been found, and gets a test of
//! its own beside the code that it was found in.

use crate::check::check;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestRunner};
use std::path::Path;
use std::time::{Duration, Instant};

/// What means something to the library.
#[rustfmt::skip]
const PIECES: &[&str] = &[
    "'", "\"", "$", "$$", "$a$", "\\", "-", "--", "/*", "*/", "*", "+", "=", ".", "..", ":", "::",
    ";", ",", "(", ")", "[", "]", "@", "0", "1e", "_", "a", "ä", " ", "\n", "\r", "\u{b}", "--\n",
    "/**/", "E'", "b'", "n'", "U&'", "U&\"x\"", "'x'", "'x''", "E'\\''", "$$x$$", "\"x\"", "1",
    "uescape '!' ", "drop ", "table ", "index ", "concurrently ", "if ", "exists ", "cascade ",
    "grant ", "revoke ", "on ", "to ", "from ", "current ", "set ", "reset ", "create ", "unique ",
    "alter ", "only ", "like ", "for ", "values ", "in ", "with ", "minvalue ", "no ", "as ",
    "sequence ", "options ", "password ", "encrypted ", "connection ", "role ", "user ", "admin ",
    "explain ", "analyze ", "return ", "begin ", "atomic ", "operator ", "class ", "function ",
    "INDEX ", "f(", "'now'",
];

fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 1..3),
    ]
}

/// The statements of the tests and of what is sent by tools, up to some length.
fn real_statements() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = Vec::new();
    for place in ["pg_test", "sql", "tools"] {
        read_all(&root.join(place), &mut found);
    }
    assert!(found.len() > 1000, "{} statements", found.len());
    found
}

fn read_all(place: &Path, found: &mut Vec<Vec<u8>>) {
    if place.is_dir() {
        let entries = std::fs::read_dir(place).unwrap();
        entries.for_each(|entry| read_all(&entry.unwrap().path(), found));
    } else if place.extension().is_some_and(|e| e == "sql") {
        split(&std::fs::read(place).unwrap(), found);
    }
}

/// Cuts at semicolons; and what is in quotes once more, where it has statements.
fn split(text: &[u8], found: &mut Vec<Vec<u8>>) {
    let mut start = 0;
    for token in statement::Lexer::new(text, true) {
        let inside = token.bytes(text);
        if token.kind == statement::TokenKind::Literal && inside.len() > 12 {
            let doubled = std::str::from_utf8(inside)
                .unwrap_or_default()
                .replace("''", "'");
            found.push(doubled.trim_matches(['\'', '$']).as_bytes().to_vec());
        }
        if token.is_symbol(text, b';') {
            found.push(text[start..token.end].to_vec());
            start = token.end;
        }
    }
    found.retain(|statement| statement.len() < 500);
}

#[derive(Clone, Debug)]
enum Change {
    Put(Index, Vec<u8>),
    Remove(Index, usize),
    Repeat(Index, usize),
    PutOf(Index, Index, usize),
    End(Index),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (any::<Index>(), piece()).prop_map(|(at, piece)| Change::Put(at, piece)),
        3 => (any::<Index>(), 1..8usize).prop_map(|(at, length)| Change::Remove(at, length)),
        1 => (any::<Index>(), 1..12usize).prop_map(|(at, length)| Change::Repeat(at, length)),
        1 => (any::<Index>(), any::<Index>(), 1..30usize).prop_map(|(at, of, l)| Change::PutOf(at, of, l)),
        1 => any::<Index>().prop_map(Change::End),
    ]
}

fn changed(real: &[Vec<u8>], which: Index, changes: &[Change]) -> Vec<u8> {
    let mut text = which.get(real).clone();
    let part = |text: &[u8], at: usize, length: usize| at..(at + length).min(text.len());
    for change in changes {
        let place = |at: &Index| at.index(text.len() + 1);
        match change {
            Change::Put(at, piece) => {
                let at = place(at);
                text.splice(at..at, piece.iter().copied());
            }
            Change::Remove(at, length) => {
                text.drain(part(&text, place(at), *length));
            }
            Change::Repeat(at, length) => {
                let part = part(&text, place(at), *length);
                text.splice(part.end..part.end, text[part].to_vec());
            }
            Change::PutOf(at, of, length) => {
                let (at, other) = (place(at), of.get(real));
                let part = part(other, of.index(other.len() + 1), *length);
                text.splice(at..at, other[part].iter().copied());
            }
            Change::End(at) => text.truncate(place(at)),
        }
    }
    text
}

fn for_a_while<S: Strategy>(strategy: S, test: impl Fn(S::Value)) {
    let seconds = std::env::var("DTS_FUZZ_SECONDS").map_or(5, |n| n.parse().unwrap());
    let end = Instant::now() + Duration::from_secs(seconds);
    let config = Config {
        cases: 500,
        failure_persistence: None,
        ..Config::default()
    };
    while Instant::now() < end {
        let tested = TestRunner::new(config.clone()).run(&strategy, |value| {
            test(value);
            Ok(())
        });
        if let Err(failure) = tested {
            panic!("{failure}");
        }
    }
}

#[test]
fn pieces_in_any_order() {
    let text = vec(piece(), 0..30).prop_map(|pieces| pieces.concat());
    for_a_while((text, any::<bool>()), |(text, conforming)| {
        check(&text, conforming)
    });
}

#[test]
fn real_statements_changed() {
    let real = real_statements();
    real.iter().for_each(|text| check(text, true));
    let changes = vec(change(), 0..5);
    for_a_while(
        (any::<Index>(), changes, any::<bool>()),
        |(which, changes, conforming)| {
            check(&changed(&real, which, &changes), conforming);
        },
    );
}
