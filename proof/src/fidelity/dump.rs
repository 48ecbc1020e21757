//! What pg_dump writes of a database, entry by entry.
//!
//! An entry is what stands under a header `-- Name: ..; Type: ..; Schema: ..; Owner: ..`. The settings that pg_dump gives
//! between entries (tablespace, table access method) count as text of the entries for which they hold, since when they are
//! written depends on the order of the entries, and that on OIDs.

use super::{Finding, Kind, line};
use std::collections::{BTreeMap, BTreeSet};

/// The texts of the entries, by header; some headers occur more than once.
pub type Entries = BTreeMap<String, Vec<String>>;

/// Lines that differ from run to run.
const TOKENS: [&str; 2] = ["\\restrict ", "\\unrestrict "];

pub fn entries(dump: &str) -> Entries {
    let mut entries = Entries::new();
    let mut settings = BTreeMap::new();
    let mut current: Option<(String, Vec<&str>)> = None;
    for text in dump.lines() {
        if let Some(header) = text
            .strip_prefix("-- Name: ")
            .filter(|header| header.contains("; Type: ") && header.contains("; Schema: "))
        {
            finish(&mut entries, current.take());
            current = Some((normal_header(header), Vec::new()));
            continue;
        }
        if let Some((name, _)) = text.split_once(" = ")
            && name.starts_with("SET default_t")
        {
            settings.insert(name, text);
            continue;
        }
        let Some((header, lines)) = &mut current else {
            continue;
        };
        if text.is_empty() || text == "--" || TOKENS.iter().any(|token| text.starts_with(token)) {
            continue;
        }
        if text == "-- PostgreSQL database dump complete" {
            break;
        }
        if lines.is_empty() && header.starts_with("TABLE ") {
            lines.extend(settings.values());
        }
        lines.push(text);
    }
    finish(&mut entries, current);
    entries
}

/// What pg_dumpall writes of roles and memberships: each command is an entry.
pub fn roles(dump: &str) -> Entries {
    dump.lines()
        .filter(|text| {
            ["CREATE ROLE ", "ALTER ROLE ", "GRANT "]
                .iter()
                .any(|verb| text.starts_with(verb))
        })
        .map(|text| {
            (
                format!("ROLE {}", text.trim_end_matches(';')),
                vec![text.to_owned()],
            )
        })
        .collect()
}

fn finish(entries: &mut Entries, entry: Option<(String, Vec<&str>)>) {
    if let Some((header, lines)) = entry {
        let texts = entries.entry(header).or_default();
        texts.push(lines.join("\n"));
        texts.sort();
    }
}

/// `TYPE schema.name, owner`
fn normal_header(header: &str) -> String {
    let part = |from: &str, to: &str| {
        let start = header.rfind(from).map(|at| at + from.len());
        start.map_or("", |start| {
            let rest = &header[start..];
            rest.find(to).map_or(rest, |end| &rest[..end])
        })
    };
    let name = header.find("; Type: ").map_or(header, |end| &header[..end]);
    format!(
        "{} {}.{name}, {}",
        part("; Type: ", ";"),
        part("; Schema: ", ";"),
        part("; Owner: ", ";")
    )
}

/// What a comparison of two dumps gives.
pub struct Comparison {
    pub source: usize,
    pub destination: usize,
    /// Entries that both have, with the same text.
    pub identical: usize,
    pub findings: Vec<Finding>,
}

pub fn compare(source: &Entries, destination: &Entries) -> Comparison {
    let count = |entries: &Entries| entries.values().map(Vec::len).sum();
    let mut comparison = Comparison {
        source: count(source),
        destination: count(destination),
        identical: 0,
        findings: Vec::new(),
    };
    let headers: BTreeSet<&String> = source.keys().chain(destination.keys()).collect();
    let nothing = Vec::new();
    for header in headers {
        let here = source.get(header).unwrap_or(&nothing);
        let there = destination.get(header).unwrap_or(&nothing);
        let mut only_there: Vec<&String> = there.iter().collect();
        let mut only_here = Vec::new();
        for text in here {
            match only_there.iter().position(|other| *other == text) {
                Some(same) => {
                    only_there.remove(same);
                    comparison.identical += 1;
                }
                None => only_here.push(text),
            }
        }
        if only_here.is_empty() && only_there.is_empty() {
            continue;
        }
        let how = if only_there.is_empty() {
            "only on the source"
        } else if only_here.is_empty() {
            "only on the destination"
        } else {
            "differs"
        };
        comparison.findings.push(Finding {
            kind: Kind::Entry,
            item: format!("{header}: {how}"),
            details: differing_lines(&only_here, &only_there),
        });
    }
    comparison
}

/// The lines that one side lacks.
fn differing_lines(here: &[&String], there: &[&String]) -> Vec<String> {
    let lines = |texts: &[&String]| -> Vec<String> {
        let all = texts.iter().flat_map(|text| text.lines());
        all.map(str::to_owned).collect()
    };
    let (here, there) = (lines(here), lines(there));
    let less = here.iter().filter(|text| !there.contains(text));
    let more = there.iter().filter(|text| !here.contains(text));
    less.map(|text| format!("< {}", line(text, 160)))
        .chain(more.map(|text| format!("> {}", line(text, 160))))
        .collect()
}
