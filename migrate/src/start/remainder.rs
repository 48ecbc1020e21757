//! What no stream carries, once the rows are there: contents of materialized views, large objects.

use super::{Work, schema};
use crate::connection::Side;
use crate::problem::{Problem, words};
use crate::record::qualified;
use std::process::Stdio;

/// Those that have rows on the source and none here. PostgreSQL runs their queries as their owners.
pub fn views(work: &mut Work) -> Result<String, Problem> {
    let populated = work.here.ask(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'm' AND c.relispopulated",
    )?;
    let mut done = 0;
    loop {
        let empty = work.there.ask(
            "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind = 'm' AND NOT c.relispopulated ORDER BY c.oid",
        )?;
        let empty: Vec<String> = empty
            .iter()
            .filter(|view| {
                populated
                    .iter()
                    .any(|p| (p.text(0), p.text(1)) == (view.text(0), view.text(1)))
            })
            .map(|view| qualified(view.text(0), view.text(1)))
            .collect();
        if empty.is_empty() {
            return Ok(format!("{done} refreshed"));
        }
        let before = done;
        let mut refused = None;
        for view in &empty {
            // one that reads another comes after that: the next time round
            match refresh(work, view) {
                Ok(()) => done += 1,
                Err(error) => refused = Some((view, error)),
            }
        }
        if let (true, Some((view, error))) = (before == done, refused) {
            work.output.warn(&format!(
                "materialized view {view} stays empty on the target: {}; later: REFRESH MATERIALIZED VIEW {view}",
                words(&error)
            ));
            return Ok(format!("{done} refreshed, {} not", empty.len()));
        }
    }
}

/// With nothing found by the search_path; where a function of the query needs it, with that of the database: it runs as the owner.
fn refresh(work: &mut Work, view: &str) -> Result<(), postgres::Error> {
    let command = format!("REFRESH MATERIALIZED VIEW {view}; ANALYZE {view}");
    if work.there.execute(&command).is_ok() {
        return Ok(());
    }
    work.there.execute("RESET search_path")?;
    let refreshed = work.there.execute(&command);
    work.there.execute("SET search_path = pg_catalog")?;
    refreshed
}

/// All of the source's, as they are now. (What is changed later comes at the switch, if asked.)
pub fn large_objects(work: &mut Work) -> Result<String, Problem> {
    let count = work
        .here
        .ask("SELECT count(*) FROM pg_largeobject_metadata")?[0]
        .number::<u64>(0);
    if count == 0 {
        return Ok("none".to_owned());
    }
    work.record
        .make(Side::Destination, "large objects", "", None)?;
    copy_large_objects(work)?;
    Ok(format!(
        "{count} copied; those that change later: dts-migrate switch --large-objects"
    ))
}

/// Those of the target go first: all of them came from here.
fn copy_large_objects(work: &mut Work) -> Result<(), Problem> {
    work.there
        .run("SELECT count(lo_unlink(oid)) FROM pg_largeobject_metadata")?;
    let failed = |what: &str| {
        Problem::new(
            format!("large objects could not be copied; everything else is done: {what}"),
            "dts-migrate start again",
        )
    };
    let mut dump = work
        .source
        .program(&work.programs.path("pg_dump"))
        .args([
            "--format=custom",
            "--data-only",
            "--blobs",
            "--exclude-schema=*",
            "--compress=0",
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(&error.to_string()))?;
    let archive = dump.stdout.take().ok_or_else(|| failed("no output"))?;
    let restored = schema::restore(work)
        .args(["--single-transaction", "--exit-on-error"])
        .stdin(archive)
        .output()
        .map_err(|error| failed(&error.to_string()))?;
    let dumped = dump
        .wait_with_output()
        .map_err(|error| failed(&error.to_string()))?;
    for output in [&restored, &dumped] {
        if !output.status.success() {
            return Err(failed(String::from_utf8_lossy(&output.stderr).trim()));
        }
    }
    Ok(())
}
