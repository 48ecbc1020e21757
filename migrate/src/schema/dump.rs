//! What pg_dump writes of a database, entry by entry.
//!
//! An entry is what stands under a header `-- Name: ..; Type: ..; Schema: ..; Owner: ..`. The settings that pg_dump gives
//! between entries (tablespace, table access method) count as text of the entries for which they hold, since when they are
//! written depends on the order of the entries, and that on OIDs.

use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The texts of the entries, by header; some headers occur more than once.
pub type Entries = BTreeMap<String, Vec<String>>;

/// Lines that differ from run to run.
const TOKENS: [&str; 2] = ["\\restrict ", "\\unrestrict "];

pub fn entries(dump: &str) -> Entries {
    let mut entries = Entries::new();
    let mut settings = BTreeMap::new();
    let mut current: Option<(String, Vec<String>)> = None;
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
            settings.insert(name, text.to_owned());
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
            lines.extend(settings.values().cloned());
        }
        lines.extend(without_version(text));
    }
    finish(&mut entries, current);
    entries
}

/// What majors only spell in different ways is made the same in both: that a range type has a multirange type and arguments of
/// procedures a mode (14), whether columns of a query have their table's name before them (16), that NOT NULL has a name (18).
pub fn spelled_alike(source: &mut Entries, destination: &mut Entries, majors: [u32; 2]) {
    let straddle = |major: u32| (majors[0] < major) != (majors[1] < major);
    if straddle(14) {
        for entries in [&mut *source, &mut *destination] {
            *entries = std::mem::take(entries)
                .into_iter()
                .map(|(header, texts)| {
                    let of = |text: String| without_modes(&without_multirange(&text));
                    (without_modes(&header), texts.into_iter().map(of).collect())
                })
                .collect();
        }
    }
    for (header, texts) in source {
        let Some(others) = destination
            .get_mut(header)
            .filter(|others| *others != texts)
        else {
            continue;
        };
        let query = ["VIEW ", "MATERIALIZED VIEW ", "RULE "];
        let has_query = straddle(16) && query.iter().any(|kind| header.starts_with(kind));
        let normal = |texts: &[String]| -> Vec<String> {
            let of = |text: &String| {
                let lines = text.lines().map(|line| match (straddle(18), has_query) {
                    (_, true) => without_qualifiers(line),
                    (true, false) => without_not_null_name(line),
                    (false, false) => line.to_owned(),
                });
                lines.collect::<Vec<_>>().join("\n")
            };
            texts.iter().map(of).collect()
        };
        let (here, there) = (normal(texts), normal(others));
        // only where this is all: else what differs is shown as it is
        if here == there {
            *texts = here;
            *others = there;
        }
    }
}

/// `PROCEDURE public.p(IN a integer)` without its `IN`.
fn without_modes(text: &str) -> String {
    if text.contains("PROCEDURE ") {
        text.replace("(IN ", "(").replace(", IN ", ", ")
    } else {
        text.to_owned()
    }
}

fn without_multirange(text: &str) -> String {
    if !text.contains("\n    multirange_type_name = ") {
        return text.to_owned();
    }
    let kept: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("    multirange_type_name = "))
        .collect();
    kept.join("\n").replace(",\n);", "\n);")
}

/// `id integer CONSTRAINT t_id_not_null NOT NULL` as `id integer NOT NULL`.
fn without_not_null_name(line: &str) -> String {
    let found = line.split_once(" CONSTRAINT ");
    let without = found.and_then(|(before, rest)| {
        let at = rest.find(" NOT NULL")?;
        Some(format!("{before}{}", &rest[at..]))
    });
    without.unwrap_or_else(|| line.to_owned())
}

/// Names without what stands before their last point.
fn without_qualifiers(line: &str) -> String {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let mut result = String::with_capacity(line.len());
    let mut word = 0;
    let mut quoted = false;
    for c in line.chars() {
        if c == '.' && !quoted && word < result.len() {
            result.truncate(word);
            continue;
        }
        result.push(c);
        if c == '"' {
            quoted = !quoted;
        } else if !quoted && !part(c) {
            word = result.len();
        }
    }
    result
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

/// The line without the version that newer minors keep as an option of each column. Their own pg_dump hides it, that of another major
/// does not. None when the line says nothing else.
pub fn without_version(line: &str) -> Option<String> {
    let options = line
        .strip_prefix("ALTER ")
        .and_then(|line| line.strip_suffix(");")?.split_once(" SET ("));
    let Some((column, options)) = options.filter(|(_, options)| options.contains("pg_attver="))
    else {
        return Some(line.to_owned());
    };
    let left: Vec<_> = options
        .split(", ")
        .filter(|option| !option.starts_with("pg_attver="))
        .collect();
    (!left.is_empty()).then(|| format!("ALTER {column} SET ({});", left.join(", ")))
}

fn finish(entries: &mut Entries, entry: Option<(String, Vec<String>)>) {
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

/// An entry that one side lacks, or has with another text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// One line that tells it from all others, without what differs from run to run (ids, OIDs).
    pub item: String,
    /// The lines that one side lacks.
    pub details: Vec<String>,
}

/// What a comparison of two dumps gives.
pub struct Comparison {
    pub source: usize,
    pub destination: usize,
    /// Entries that both have, with the same text.
    pub identical: usize,
    pub differences: Vec<Difference>,
}

pub fn compare(source: &Entries, destination: &Entries) -> Comparison {
    let count = |entries: &Entries| entries.values().map(Vec::len).sum();
    let mut comparison = Comparison {
        source: count(source),
        destination: count(destination),
        identical: 0,
        differences: Vec::new(),
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
        comparison.differences.push(Difference {
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

/// Text on one line, not longer than `characters`.
pub fn line(text: &str, characters: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let joined = words.join(" ");
    match joined.char_indices().nth(characters) {
        Some((end, _)) => format!("{}..", &joined[..end]),
        None => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each form in which another major's pg_dump shows it.
    #[test]
    fn versions_of_columns() {
        let line = |line: &str| without_version(line).unwrap_or_default();
        let column = "ALTER TABLE ONLY public.t ALTER COLUMN a SET";
        assert_eq!(line(&format!("{column} (pg_attver=22116816);")), "");
        for options in [
            "pg_attver=1, n_distinct=5",
            "n_distinct=5, pg_attver=1",
            "n_distinct=5",
        ] {
            assert_eq!(
                line(&format!("{column} ({options});")),
                format!("{column} (n_distinct=5);")
            );
        }
        for other in ["CREATE TABLE public.t (", "    a integer", ");", ""] {
            assert_eq!(line(other), other);
        }
    }

    #[test]
    fn spellings() {
        let of = |list: &[(&str, &str)]| -> Entries {
            let entry =
                |(header, text): &(&str, &str)| ((*header).to_owned(), vec![(*text).to_owned()]);
            list.iter().map(entry).collect()
        };
        let differences = |older: &[(&str, &str)], newer: &[(&str, &str)], majors| {
            let (mut older, mut newer) = (of(older), of(newer));
            spelled_alike(&mut older, &mut newer, majors);
            compare(&older, &newer).differences.len()
        };
        let view = |text| ("VIEW public.v, a", text);
        let table = |text| ("TABLE public.t, a", text);
        for (older, newer, at) in [
            (view("SELECT t.a,"), view("SELECT a,"), [15, 16]),
            (
                view("SELECT (s.\"Mat. \"\"1\".\"a b\" * 2)"),
                view("SELECT (\"a b\" * 2)"),
                [13, 18],
            ),
            (
                table("k text NOT NULL"),
                table("k text CONSTRAINT t_k_not_null NOT NULL"),
                [17, 18],
            ),
            (
                ("TYPE public.r, a", "AS RANGE (\n    subtype = integer\n);"),
                (
                    "TYPE public.r, a",
                    "AS RANGE (\n    subtype = integer,\n    multirange_type_name = public.m\n);",
                ),
                [13, 14],
            ),
            (
                (
                    "PROCEDURE public.p(integer, text), a",
                    "CREATE PROCEDURE public.p(a integer, b text)",
                ),
                (
                    "PROCEDURE public.p(IN integer, IN text), a",
                    "CREATE PROCEDURE public.p(IN a integer, IN b text)",
                ),
                [13, 15],
            ),
        ] {
            assert_eq!(differences(&[older], &[newer], at), 0, "{newer:?}");
            assert_ne!(differences(&[older], &[newer], [18, 18]), 0, "{newer:?}");
        }
        let differs = differences(&[view("SELECT t.a,")], &[view("SELECT b,")], [13, 18]);
        assert_eq!(differs, 1);
        let differs = differences(
            &[table("k text")],
            &[table("k text CONSTRAINT t_k_not_null NOT NULL")],
            [13, 18],
        );
        assert_eq!(differs, 1);
    }
}
