//! Puts the rows of a database between the commands of its script: `interleave CLUSTER DATABASE SCRIPT`, for psql, to standard output.
//! They come from the slot `rows` of `test_decoding`. Started by `proof/fidelity`.

use dts_proof::decoded::{Line, NOT_REPLICA, PREPARE, REPLICA, around, line};
use dts_proof::fidelity::failures::header;
use postgres::{Client, NoTls};
use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

/// What has been a materialized view, and no table as well.
const VIEWS: &str = "
SELECT object_name::text FROM public.dts_ddl_command WHERE object_type = 'materialized view'
EXCEPT SELECT object_name FROM public.dts_ddl_command WHERE object_type = 'table'";

fn main() -> ExitCode {
    dts_proof::of_fidelity(interleave)
}

fn interleave([cluster, database, script]: [String; 3]) -> Result<(), Box<dyn Error>> {
    let script = std::fs::read_to_string(script)?;
    let (head, mut commands, tail) = parts(&script);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    writeln!(out, "{PREPARE}{head}")?;
    let mut client = Client::connect(
        &format!("host={cluster} port=5432 user=postgres dbname={database}"),
        NoTls,
    )?;
    let changes = client.query(
        "SELECT data FROM pg_logical_slot_get_changes('rows', NULL, NULL, 'include-xids', '0', 'skip-empty-xacts', '1')",
        &[],
    )?;
    let views = client.query(VIEWS, &[])?;
    let views = views.iter().map(|row| row.get(0)).collect();
    let mut in_rows = false;
    for change in changes {
        let line = line(change.get(0), &views)?;
        if matches!(line, Line::Nothing) {
            continue;
        }
        if matches!(line, Line::Rows(_)) != in_rows {
            in_rows = !in_rows;
            writeln!(out, "{}", if in_rows { REPLICA } else { NOT_REPLICA })?;
        }
        match line {
            Line::Rows(call) => writeln!(out, "{call}")?,
            // none for a command that is not for replay
            Line::Command(id, computed) => {
                let around: Vec<_> = computed
                    .iter()
                    .enumerate()
                    .map(|(number, table)| around(number, table))
                    .collect();
                for [before, _] in &around {
                    writeln!(out, "{before}")?;
                }
                out.write_all(commands.remove(&id).unwrap_or("").as_bytes())?;
                for [_, after] in &around {
                    writeln!(out, "{after}")?;
                }
            }
            Line::Nothing => {}
        }
    }
    if in_rows {
        writeln!(out, "{NOT_REPLICA}")?;
    }
    if let Some((id, _)) = commands.first_key_value() {
        return Err(format!("the slot has not sent command {id}").into());
    }
    out.write_all(tail.as_bytes())?;
    Ok(out.flush()?)
}

/// What stands before the commands, these by id, and what stands behind them.
fn parts(script: &str) -> (&str, BTreeMap<i64, &str>, &str) {
    const END: &str = "-- end of the commands\n";
    let end = script.rfind(END).unwrap_or(script.len());
    let mut starts: Vec<(i64, usize)> = Vec::new();
    for (at, _) in script[..end].match_indices("\n\n-- ") {
        let rest = &script[at + 2..];
        let begin = rest.lines().next().unwrap_or("");
        let echo = format!("\n\\echo {}\n", begin.trim_start_matches("-- "));
        let is_new = |id: i64| starts.last().is_none_or(|&(last, _)| id > last);
        if let Some((id, _)) = header(begin).filter(|&(id, _)| is_new(id))
            && rest[begin.len()..].starts_with(&echo)
        {
            starts.push((id, at + 1));
        }
    }
    let first = starts.first().map_or(end, |&(_, at)| at);
    let ends = starts.iter().skip(1).map(|&(_, at)| at).chain([end]);
    let commands = starts
        .iter()
        .zip(ends)
        .map(|(&(id, at), end)| (id, &script[at..end]));
    (&script[..first], commands.collect(), &script[end..])
}
