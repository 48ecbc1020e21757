//! Reasons for which the rows of a table may differ, and that are known: what the capture of the source has announced, and
//! what publications do not send.

use super::published::{Sent, TableName};
use super::report::{BUCKETS, How, TableReport};
use crate::connection::{Session, literal};
use crate::problem::Problem;
use serde_json::Value;
use std::collections::BTreeMap;

/// Why rows may differ, and in which ways.
#[derive(Clone)]
pub struct Reason {
    pub what: String,
    pub explains: &'static [How],
}

/// By table.
pub type Reasons = BTreeMap<TableName, Vec<Reason>>;

/// Whether every way in which rows of the table differ has a reason. (Of a table without a key a row with other values is one that
/// is missing and one too many.)
pub fn explain(report: &TableReport, reasons: &[Reason]) -> bool {
    let explained = |how: How| {
        reasons.iter().any(|reason| {
            reason.explains.contains(&how)
                || report.method == BUCKETS && reason.explains.contains(&How::Differs)
        })
    };
    let ways = [
        (report.differ, How::Differs),
        (report.missing, How::Missing),
        (report.extra, How::Extra),
    ];
    ways.iter()
        .all(|(count, how)| *count == 0 || explained(*how))
}

/// Rows of public.dts_ddl_command that tell of rows which the stream does not carry. `message` is read by this program,
/// not by operators of the server; and only where it is the table it should be.
pub fn announced(source: &mut Session, destination: &mut Session) -> Result<Reasons, Problem> {
    let known = source.ask(
        "SELECT FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
         WHERE c.relnamespace = 'public'::regnamespace AND c.relname = 'dts_ddl_command' AND c.relkind = 'r'
           AND (a.attname, a.atttypid) IN (('id', 'int8'::regtype), ('message', 'text'::regtype)) AND NOT a.attisdropped",
    );
    // there may be no schema public
    if !known.is_ok_and(|columns| columns.len() == 2) {
        return Ok(Reasons::new());
    }
    let commands = source.ask(
        r#"SELECT id, message FROM ONLY public.dts_ddl_command
         WHERE message LIKE '%"volatile"%' OR message LIKE '%"undecoded_rows"%' ORDER BY id"#,
    )?;
    let mut announced: Vec<(i64, TableName, &str, &'static [How])> = Vec::new();
    for row in &commands {
        let id: i64 = row.number(0);
        let Ok(message) = serde_json::from_str::<Value>(row.text(1)) else {
            continue;
        };
        let list = |key: &str| message[key].as_array().cloned().unwrap_or_default();
        for rewrite in list("rewrites") {
            if rewrite["volatile"] == Value::Bool(true)
                && let Some(table) = rewrite["table"].as_str().and_then(parsed)
            {
                announced.push((
                    id,
                    table,
                    "has rewritten the table with values that each server computes for itself",
                    &[How::Differs],
                ));
            }
        }
        for table in list("undecoded_rows") {
            let name = table.as_str().or_else(|| table["table"].as_str());
            if let Some(table) = name.and_then(parsed) {
                announced.push((
                    id,
                    table,
                    "has put rows under a publication that were there before and are never sent",
                    &[How::Missing],
                ));
            }
        }
    }
    let mut reasons = Reasons::new();
    if announced.is_empty() {
        return Ok(reasons);
    }
    let since = Since::read(destination)?;
    for (id, table, what, explains) in announced {
        // a partition's rows are also those of the table above it
        let mut tables = above(source, &table)?;
        tables.insert(0, table);
        for table in tables {
            if !since.is_over(destination, id, &table)? {
                let what = format!("command {id} {what}");
                reasons
                    .entry(table)
                    .or_default()
                    .push(Reason { what, explains });
            }
        }
    }
    Ok(reasons)
}

/// Tables of which this one is a partition.
fn above(source: &mut Session, table: &TableName) -> Result<Vec<TableName>, Problem> {
    let rows = source.ask(&format!(
        "SELECT n.nspname, c.relname FROM pg_class t JOIN pg_namespace m ON m.oid = t.relnamespace
         CROSS JOIN LATERAL pg_partition_ancestors(t.oid) a(relid) JOIN pg_class c ON c.oid = a.relid AND c.oid <> t.oid
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE m.nspname = {} AND t.relname = {}",
        literal(&table.schema),
        literal(&table.name)
    ))?;
    Ok(rows
        .iter()
        .map(|row| TableName::new(row.text(0), row.text(1)))
        .collect())
}

/// What of the announcements is over on the destination.
struct Since {
    /// Commands up to this one ran before its schema was made, and its rows were copied.
    history: i64,
    has_log: bool,
}

impl Since {
    fn read(destination: &mut Session) -> Result<Self, Problem> {
        let own = destination.ask(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_depend d ON d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e'
             JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass AND e.extname = 'dts_ddl_capture'
             WHERE n.nspname = 'dts_ddl' AND c.relname IN ('apply_log', 'apply_after')",
        )?;
        let has = |name: &str| own.iter().any(|row| row.text(0) == name);
        let history = if has("apply_after") {
            let rows = destination.ask(
                "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM dts_ddl.apply_after",
            )?;
            rows[0].number(0)
        } else {
            0
        };
        Ok(Self {
            history,
            has_log: has("apply_log"),
        })
    }

    /// Whether the table was copied after that command was applied. (The copy is the last thing that has changed the table's
    /// entry in the subscription; the younger of the two transactions came later.)
    fn is_over(
        &self,
        destination: &mut Session,
        id: i64,
        table: &TableName,
    ) -> Result<bool, Problem> {
        if id <= self.history {
            return Ok(true);
        }
        if !self.has_log {
            return Ok(false);
        }
        let rows = destination.ask(&format!(
            "SELECT FROM pg_subscription_rel r JOIN pg_class c ON c.oid = r.srrelid JOIN pg_namespace n ON n.oid = c.relnamespace
             JOIN dts_ddl.apply_log l ON l.id = {id} AND l.status = 'applied'
             WHERE n.nspname = {} AND c.relname = {} AND r.srsublsn IS NOT NULL AND age(r.xmin) < age(l.xmin)",
            literal(&table.schema),
            literal(&table.name)
        ))?;
        Ok(!rows.is_empty())
    }
}

/// `schema.name`, either with quotes where it needs them.
fn parsed(identity: &str) -> Option<TableName> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut letters = identity.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                parts.last_mut()?.push('"');
            }
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            other => parts.last_mut()?.push(other),
        }
    }
    match &parts[..] {
        [schema, name] => Some(TableName::new(schema, name)),
        _ => None,
    }
}

/// What the publications of a table leave out.
pub fn of_publications(sent: &Sent) -> impl Iterator<Item = Reason> {
    sent.lacking.iter().map(|action| Reason {
        what: format!("its publications send no {action}"),
        explains: match *action {
            "INSERT" => &[How::Missing],
            "UPDATE" => &[How::Differs],
            _ => &[How::Extra],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::report::{KEY, Status};
    use super::*;

    #[test]
    fn identities() {
        let name = |text: &str| parsed(text).map(|table| (table.schema, table.name));
        let pair = |schema: &str, name: &str| Some((schema.to_owned(), name.to_owned()));
        assert_eq!(name("public.t"), pair("public", "t"));
        assert_eq!(name(r#""A.b"."c ""d"""#), pair("A.b", r#"c "d""#));
        assert_eq!(name("t"), None);
    }

    #[test]
    fn ways() {
        let rewritten = Reason {
            what: String::new(),
            explains: &[How::Differs],
        };
        let report = |method, differ, missing, extra| TableReport {
            method,
            differ,
            missing,
            extra,
            ..TableReport::new(&TableName::new("s", "t"), Status::Different)
        };
        for (report, known) in [
            (report(KEY, 3, 0, 0), true),
            (report(KEY, 3, 1, 0), false),
            (report(KEY, 0, 0, 1), false),
            (report(BUCKETS, 0, 3, 3), true),
        ] {
            assert_eq!(explain(&report, std::slice::from_ref(&rewritten)), known);
            assert!(!explain(&report, &[]));
        }
    }
}
