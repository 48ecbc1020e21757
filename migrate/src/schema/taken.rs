//! Dumps of running databases, and what differs between them once the stream has passed.
//!
//! pg_dump holds a snapshot and an ACCESS SHARE lock on each table while it reads the catalogs: seconds, in a database
//! with many thousand tables more.

use super::dump::{Comparison, Difference, compare, entries};
use crate::connection::Server;
use crate::problem::Problem;
use std::process::Stdio;

/// A pg_dump that knows both servers.
pub struct PgDump {
    path: String,
}

impl PgDump {
    /// `majors` are those of the two servers.
    pub fn new(path: &str, majors: [u32; 2]) -> Result<Self, Problem> {
        let newer = majors[0].max(majors[1]);
        let remedy = format!(
            "give one of PostgreSQL {newer} or newer by --pg-dump PATH, or leave the schema out by --rows-only"
        );
        let output = std::process::Command::new(path)
            .arg("--version")
            .output()
            .map_err(|error| Problem::new(format!("{path} does not start: {error}"), &remedy))?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let major = version
            .split_whitespace()
            .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))
            .and_then(|number| {
                let end = number.find(|c: char| !c.is_ascii_digit());
                number[..end.unwrap_or(number.len())].parse::<u32>().ok()
            });
        match major {
            Some(major) if major >= newer => Ok(Self {
                path: path.to_owned(),
            }),
            _ => Err(Problem::new(
                format!(
                    "{path} is too old ({version}): the servers are {} and {}",
                    majors[0], majors[1]
                ),
                remedy,
            )),
        }
    }

    fn dump(&self, server: &Server) -> Result<String, Problem> {
        let output = server
            .program(&self.path)
            .args([
                "--schema-only",
                "--no-publications",
                "--no-subscriptions",
                "--encoding=UTF8",
                "--exclude-schema=dts_migrate",
                "--lock-wait-timeout=10s",
            ])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| Problem::new(format!("{} does not start: {error}", self.path), ""))?;
        if !output.status.success() {
            return Err(Problem::new(
                format!(
                    "pg_dump of the {} failed: {}",
                    server.side.name(),
                    String::from_utf8_lossy(&output.stderr).trim()
                ),
                "repeat the command; leave the schema out by --rows-only",
            ));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Both at the same time.
    pub fn look(&self, servers: [&Server; 2]) -> Result<Comparison, Problem> {
        let [source, destination] = std::thread::scope(|scope| {
            servers
                .map(|server| scope.spawn(|| self.dump(server)))
                .map(|dump| dump.join().expect("a dump does not panic"))
        });
        Ok(compare(&entries(&source?), &entries(&destination?)))
    }
}

/// What differs for a reason that is known: between majors, whose schema public is, and who may do what there; how the text of a
/// view is worded, and that NOT NULL has a name.
pub fn reason(difference: &Difference, majors: [u32; 2]) -> Option<&'static str> {
    let [older, newer] = [majors[0].min(majors[1]), majors[0].max(majors[1])];
    let public = [
        "SCHEMA -.public, ",
        "COMMENT -.SCHEMA public, ",
        "ACL -.SCHEMA public, ",
    ];
    if older < 15 && newer >= 15 && public.iter().any(|item| difference.item.starts_with(item)) {
        return Some("schema public belongs to pg_database_owner from 15 on");
    }
    if older == newer || difference.details.is_empty() {
        return None;
    }
    let of = |mark: &str, normal: fn(&str) -> String| -> Vec<String> {
        let lines = difference.details.iter();
        lines
            .filter_map(|line| line.strip_prefix(mark))
            .map(normal)
            .collect()
    };
    let same = |normal: fn(&str) -> String| of("< ", normal) == of("> ", normal);
    if older < 18 && newer >= 18 && same(without_not_null_names) {
        return Some("NOT NULL has a name from 18 on");
    }
    let has_query = ["VIEW ", "MATERIALIZED VIEW ", "RULE "];
    if has_query
        .iter()
        .any(|kind| difference.item.starts_with(kind))
        && same(without_qualifiers)
    {
        return Some("the majors word queries otherwise");
    }
    None
}

/// `id integer CONSTRAINT t_id_not_null NOT NULL` as `id integer NOT NULL`
fn without_not_null_names(line: &str) -> String {
    let Some((before, rest)) = line.split_once(" CONSTRAINT ") else {
        return line.to_owned();
    };
    match rest.find(" NOT NULL") {
        Some(at) => format!("{before}{}", &rest[at..]),
        None => line.to_owned(),
    }
}

/// Names without what stands before their last point.
fn without_qualifiers(line: &str) -> String {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '"' || c == '$';
    let mut result = String::with_capacity(line.len());
    let mut word = 0;
    for c in line.chars() {
        if c == '.' && word < result.len() {
            result.truncate(word);
            continue;
        }
        result.push(c);
        if !part(c) {
            word = result.len();
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_majors() {
        let difference = |item: &str| Difference {
            item: item.to_owned(),
            details: Vec::new(),
        };
        let public = difference("ACL -.SCHEMA public, postgres: only on the source");
        for (majors, known) in [([14, 18], true), ([18, 13], true), ([15, 18], false)] {
            assert_eq!(reason(&public, majors).is_some(), known, "{majors:?}");
        }
        let with = |item: &str, lines: &[&str]| Difference {
            details: lines.iter().map(|line| (*line).to_owned()).collect(),
            ..difference(item)
        };
        let view = with(
            "VIEW public.v, a: differs",
            &["< SELECT t.a,", "> SELECT a,"],
        );
        assert!(reason(&view, [13, 18]).is_some());
        assert!(reason(&view, [18, 18]).is_none());
        let view = with(
            "VIEW public.v, a: differs",
            &["< SELECT t.a,", "> SELECT b,"],
        );
        assert!(reason(&view, [13, 18]).is_none());
        let table = with(
            "TABLE public.t, a: differs",
            &[
                "< k text NOT NULL",
                "> k text CONSTRAINT t_k_not_null NOT NULL",
            ],
        );
        assert!(reason(&table, [17, 18]).is_some());
        assert!(reason(&table, [15, 17]).is_none());
        let table = with(
            "TABLE public.t, a: differs",
            &["< k text", "> k text CONSTRAINT t_k_not_null NOT NULL"],
        );
        assert!(reason(&table, [17, 18]).is_none());
        let other = difference("SCHEMA -.public2, postgres: only on the source");
        assert_eq!(reason(&other, [14, 18]), None);
    }
}
