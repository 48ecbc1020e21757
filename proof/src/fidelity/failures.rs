//! Rows that could not be replayed: by a script, from what psql says; live, from the log of the destination.

use super::{Finding, Kind, line};
use postgres::{Client, Error};
use std::collections::BTreeMap;

/// An error that only tells of one before it.
const AFTERMATH: &str =
    "current transaction is aborted, commands ignored until end of transaction block";

/// What psql said of a script, and the script: how many rows were run, and those that failed.
pub fn of_script(script: &str, messages: &str) -> (usize, Vec<Finding>) {
    let mut commands: BTreeMap<usize, (String, String)> = BTreeMap::new();
    let mut last = 0;
    let mut behind_empty_line = false;
    let mut run = 0;
    for (index, text) in script.lines().enumerate() {
        let behind = std::mem::replace(&mut behind_empty_line, text.is_empty());
        if let Some((id, tag)) = header(text).filter(|(id, _)| behind && *id > last) {
            last = id;
            commands.insert(index + 1, (tag.to_owned(), String::new()));
        } else if let Some(mut entry) = commands.last_entry() {
            run += usize::from(text.starts_with("\\echo "));
            let statement = &mut entry.get_mut().1;
            if statement.is_empty() && !text.starts_with("SELECT $") {
                continue;
            }
            statement.push_str(text);
            statement.push('\n');
        }
    }
    let mut failed: BTreeMap<usize, Finding> = BTreeMap::new();
    for message in messages.lines() {
        let Some((at, error)) = error(message) else {
            continue;
        };
        if error == AFTERMATH {
            continue;
        }
        let Some((start, (tag, statement))) = commands.range(..=at).next_back() else {
            continue;
        };
        failed.entry(*start).or_insert_with(|| Finding {
            kind: Kind::Failed,
            item: format!("{tag}: {error}"),
            details: vec![line(bare(statement), 300)],
        });
    }
    (run, failed.into_values().collect())
}

/// `-- ID TAG`: where a command of a script begins, behind an empty line.
pub fn header(text: &str) -> Option<(i64, &str)> {
    let (id, tag) = text.strip_prefix("-- ")?.split_once(' ')?;
    Some((id.parse().ok()?, tag))
}

/// `psql:FILE:LINE: ERROR:  MESSAGE`
fn error(message: &str) -> Option<(usize, &str)> {
    let (place, error) = message.split_once(": ERROR:  ")?;
    Some((place.rsplit(':').next()?.parse().ok()?, error))
}

/// The statement inside of `SELECT $dts$..$dts$ \gexec`, roughly.
fn bare(statement: &str) -> &str {
    let start = statement.get(8..).and_then(|rest| rest.find('$'));
    let start = start.map_or(0, |at| at + 9);
    let end = statement.find(" \\gexec").unwrap_or(statement.len());
    statement.get(start..end).unwrap_or(statement)
}

/// What the destination's log says: how many rows were applied or failed, and those that failed; then the errors of
/// transactions that had to be skipped, one on each line.
pub fn of_log(destination: &mut Client, skipped: &str) -> Result<(usize, Vec<Finding>), Error> {
    let run: i64 = destination
        .query_one(
            "SELECT count(*) FROM dts_ddl.apply_log WHERE status IN ('applied', 'failed')",
            &[],
        )?
        .get(0);
    let failed = destination.query(
        "SELECT tag, error, ddl_text FROM dts_ddl.apply_log WHERE status = 'failed' ORDER BY entry",
        &[],
    )?;
    let findings = failed.iter().map(|row| {
        let (tag, error, statement): (Option<&str>, Option<&str>, Option<&str>) =
            (row.get(0), row.get(1), row.get(2));
        Finding {
            kind: Kind::Failed,
            item: format!(
                "{}: {}",
                tag.unwrap_or("?"),
                line(error.unwrap_or("?"), 300)
            ),
            details: vec![line(statement.unwrap_or(""), 300)],
        }
    });
    let skipped = skipped.lines().map(|error| Finding {
        kind: Kind::Failed,
        item: error.to_owned(),
        details: vec!["the transaction was skipped".to_owned()],
    });
    Ok((run as usize, findings.chain(skipped).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A command of an ordinary role has no `SELECT $`; the one behind it is found all the same.
    #[test]
    fn of_ordinary_roles() {
        let script = "\n-- 1 CREATE TYPE\n\\echo 1 CREATE TYPE\nREFRESH x;\nCOMMIT;\n\n-- 2 CREATE SCHEMA\n\\echo 2 CREATE SCHEMA\nREFRESH x;\nCOMMIT;\n";
        let (run, failed) = of_script(script, "psql:x.sql:9: ERROR:  no");
        assert_eq!(run, 2);
        let items: Vec<&str> = failed.iter().map(|f| f.item.as_str()).collect();
        assert_eq!(items, ["CREATE SCHEMA: no"]);
    }
}
