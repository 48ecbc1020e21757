//! `finish` and `abort`: nothing of a migration is left, or it is said what, and why.
//!
//! Each step is one that finds nothing to do when it is done already, and the record goes last, so that either may be called
//! again after a crash. Event triggers of the users do not run ([`pair::quiet`]): what they would see is not for them.

use crate::connection::{Server, Session, Side, identifier, literal};
use crate::pair::{self, Edition, OWN_SCHEMAS};
use crate::problem::{Problem, words};
use crate::record::{Made, Phase, Record};
use crate::switch::fence;
use postgres::error::SqlState;
use std::collections::BTreeSet;
use std::time::Duration;

#[derive(Default)]
pub struct Options {
    /// `finish`: users may come to the old server, too.
    pub open_old: bool,
    /// `abort`: the target is not asked, and keeps what it has.
    pub source_only: bool,
    /// `abort`: the target's database goes, if `start` made it.
    pub drop_database: bool,
    /// Where no record tells.
    pub name: Option<String>,
}

/// What was done, and what remains.
#[derive(Debug, Default)]
pub struct Report {
    pub done: Vec<String>,
    pub remains: Vec<String>,
}

impl Report {
    pub fn text(&self) -> String {
        let mut lines = self.done.clone();
        if self.remains.is_empty() {
            lines.push("nothing else remains".to_owned());
        } else {
            lines.push("what remains:".to_owned());
            lines.extend(self.remains.iter().map(|line| format!("  {line}")));
        }
        lines.join("\n")
    }
}

/// It never began, or this has been called before.
fn nothing(what: &str) -> Report {
    let mut report = Report::default();
    report.done.push(format!(
        "nothing to {what}: neither has schema dts_migrate (if these are not the right databases, give those)"
    ));
    report
}

/// The new server is on its own.
pub fn finish(source: &Server, target: &Server, options: &Options) -> Result<Report, Problem> {
    let (servers, record) = pair::find(source, target, true)?;
    let Some(mut record) = record else {
        return Ok(nothing("finish"));
    };
    let follows_back = match record.migration.phase {
        Phase::Switched => false,
        Phase::Back => true,
        Phase::Starting | Phase::Following => {
            return Err(Problem::new(
                format!(
                    "users are still on the source (phase {}): there is nothing to finish yet",
                    record.migration.phase.name()
                ),
                "dts-migrate switch SOURCE TARGET first; or dts-migrate abort SOURCE TARGET, and all is as it was \
                 before start; nothing was changed",
            ));
        }
    };
    let mut report = Report::default();
    let made = record.all_made()?;
    let (old_side, old, new) = if follows_back {
        (Side::Destination, &servers.target, &servers.source)
    } else {
        (Side::Source, &servers.source, &servers.target)
    };
    clear_target(&mut record, &made, &mut report)?;
    // what is on the server where the record is not
    match servers.source.connect_to_write() {
        Ok(mut session) => {
            pair::require_source(&mut session, &record.migration)?;
            pair::drop_orphans(&mut session, &mut record.session)?;
            clear_source(
                &mut session,
                &record.migration.name.clone(),
                &made,
                &mut report,
            )?;
        }
        Err(problem) => {
            let name = literal(&record.migration.name);
            report.remains.push(format!(
                "the other server ({}) was not reached ({}). If it is still there, on it: SELECT \
                 pg_drop_replication_slot({name}); DROP PUBLICATION {}; \
                 DROP EXTENSION dts_ddl_capture if nobody else needs it; ALTER TABLE .. REPLICA IDENTITY DEFAULT where \
                  it is FULL",
                servers.source.host_and_port_text(),
                problem.what,
                identifier(&record.migration.name)
            ));
        }
    }
    old_server(old, old_side, &mut record, options.open_old, &mut report);
    report.done.push(format!(
        "users work on {} (database {})",
        new.host_and_port_text(),
        new.dbname()
    ));
    record.drop()?;
    report
        .done
        .push("the record (schema dts_migrate) is gone".to_owned());
    Ok(report)
}

/// The fence around it: stays, or goes.
fn old_server(old: &Server, side: Side, record: &mut Record, open: bool, report: &mut Report) {
    let Ok(Some((_, database, before))) = fence::known(record, side.name()) else {
        return;
    };
    let commands = before.commands(&database).join("; ");
    let undone = open
        && old
            .connect_to_write()
            .and_then(|mut session| fence::undo(&mut session, record, side.name()))
            .unwrap_or(false);
    if undone {
        report
            .done
            .push("the old server lets users in again".to_owned());
    } else {
        report.remains.push(format!(
            "the old server ({}) keeps users out, on purpose; by hand: {commands}",
            old.host_and_port_text()
        ));
    }
}

/// As it was before `start`, for users of the source.
pub fn abort(source: &Server, target: &Server, options: &Options) -> Result<Report, Problem> {
    if options.source_only {
        return abort_source_only(source, options.name.as_deref().unwrap_or("dts_migrate"));
    }
    let found = pair::find(source, target, true).map_err(|problem| {
        Problem::new(
            problem.what,
            format!(
                "{}; when the target is gone for good: dts-migrate abort --source-only",
                problem.next
            ),
        )
    })?;
    let (servers, Some(mut record)) = found else {
        return Ok(nothing("abort"));
    };
    if !matches!(record.migration.phase, Phase::Starting | Phase::Following) {
        return Err(Problem::new(
            format!(
                "users are on the target already (phase {}): abort would lose what they have written",
                record.migration.phase.name()
            ),
            "dts-migrate finish SOURCE TARGET; nothing was changed",
        ));
    }
    let name = record.migration.name.clone();
    let mut report = Report::default();
    let made = record.all_made()?;
    let mut session = servers.source.connect_to_write()?;
    pair::require_source(&mut session, &record.migration)?;
    pair::disable(&mut record.session, &name)?;
    if fence::undo(&mut session, &mut record, Side::Source.name())? {
        report
            .done
            .push("users may come to the source again".to_owned());
    }
    let mut there = servers.target.connect_to_write()?;
    fence::undo(&mut there, &mut record, Side::Destination.name())?;
    clear_target(&mut record, &made, &mut report)?;
    pair::drop_orphans(&mut session, &mut record.session)?;
    clear_source(&mut session, &name, &made, &mut report)?;
    let has = |kind: &str, made: &[Made]| {
        made.iter()
            .find(|made| made.side == Side::Destination.name() && made.kind == kind)
            .map(|made| made.object.clone())
    };
    let database = has("database", &made);
    let roles: Vec<&str> = made
        .iter()
        .filter(|made| made.side == Side::Destination.name() && made.kind == "role")
        .map(|made| made.object.as_str())
        .collect();
    if !roles.is_empty() {
        report.remains.push(format!(
            "roles that were made on the target: {}",
            roles.join(", ")
        ));
    }
    match database {
        Some(database) if options.drop_database => {
            drop(record);
            drop_database(&servers.target, &database)?;
            report.done.push(format!("the target's database {database} is gone"));
            return Ok(report);
        }
        Some(database) => report.remains.push(format!(
            "the target's database {database}, which start has made, with what was copied; DROP DATABASE {}, or abort \
             --drop-database next time",
            identifier(&database)
        )),
        None if options.drop_database => report.remains.push(
            "the target's database, with what was copied: it was there before start, and is not dropped".to_owned(),
        ),
        None if has("schema", &made).is_some() => report
            .remains
            .push("the tables that were copied to the target, which another start would find in its way".to_owned()),
        None => {}
    }
    record.drop()?;
    report
        .done
        .push("the record (schema dts_migrate) is gone".to_owned());
    Ok(report)
}

fn drop_database(target: &Server, database: &str) -> Result<(), Problem> {
    let maintenance = if database == "postgres" {
        "template1"
    } else {
        "postgres"
    };
    let mut session = target.with_database(maintenance).connect_to_write()?;
    session.run(&format!(
        "DROP DATABASE IF EXISTS {} WITH (FORCE)",
        identifier(database)
    ))
}

/// Nobody tells how it was before but the names.
fn abort_source_only(source: &Server, name: &str) -> Result<Report, Problem> {
    let mut report = Report::default();
    let mut session = source.connect_to_write()?;
    pair::quiet(&mut session)?;
    let now = fence::Before::read(&mut session)?;
    let database = session.ask("SELECT current_database()")?[0]
        .text(0)
        .to_owned();
    // what has both is our fence
    if now.connection_limit >= 0 && now.read_only.as_deref() == Some("on") {
        let open = fence::Before {
            connection_limit: -1,
            read_only: None,
        };
        session.run(&open.commands(&database).join(";"))?;
        report.done.push(
            "the fence is gone: no connection limit (how it was before only the target knew), not \
         read-only"
                .to_owned(),
        );
    }
    let slot = pair::drop_slot(&mut session, name)?;
    let publication = pair::drop_publication(&mut session, name)?;
    for (was, what) in [(slot, "slot"), (publication, "publication")] {
        report.done.push(if was {
            format!("the source's {what} {name} is gone")
        } else {
            format!("the source has no {what} {name}")
        });
    }
    let full: Vec<String> = full(&mut session)?
        .iter()
        .map(|(schema, table)| {
            format!(
                "ALTER TABLE {}.{} REPLICA IDENTITY DEFAULT",
                identifier(schema),
                identifier(table)
            )
        })
        .collect();
    if !full.is_empty() {
        report.remains.push(format!(
            "replica identities FULL on the source, some of which may have been there before: {}",
            full.join("; ")
        ));
    }
    if pair::edition(&mut session)? == Edition::Extension {
        report.remains.push(
            "extension dts_ddl_capture on the source; if it was not there before: DROP EXTENSION \
         dts_ddl_capture"
                .to_owned(),
        );
    }
    report.remains.push(format!(
        "on the target, if it comes back: subscription {name}, which finds no slot any more; \
     dts-migrate abort SOURCE TARGET takes it away"
    ));
    Ok(report)
}

/// What is on the server that has the record.
fn clear_target(record: &mut Record, made: &[Made], report: &mut Report) -> Result<(), Problem> {
    let name = record.migration.name.clone();
    let session = &mut record.session;
    pair::quiet(session)?;
    if pair::drop_subscription(session, &name)? {
        report.done.push(format!("subscription {name} is gone"));
    }
    pair::stop_apply(session)?;
    clear(session, &name, Side::Destination, made, report)
}

fn clear_source(
    session: &mut Session,
    name: &str,
    made: &[Made],
    report: &mut Report,
) -> Result<(), Problem> {
    pair::quiet(session)?;
    if pair::drop_slot(session, name)? {
        report.done.push(format!("slot {name} is gone"));
    }
    if pair::drop_publication(session, name)? {
        report.done.push(format!("publication {name} is gone"));
    }
    let own: Vec<&Made> = made
        .iter()
        .filter(|made| made.side == Side::Source.name())
        .collect();
    // of a way back that was not complete
    if own.iter().any(|made| made.kind == "apply") {
        pair::drop_subscription(session, name)?;
        pair::stop_apply(session)?;
    }
    identities(session, made, report)?;
    extension(session, Side::Source, made, report)
}

fn clear(
    session: &mut Session,
    name: &str,
    side: Side,
    made: &[Made],
    report: &mut Report,
) -> Result<(), Problem> {
    let own = |kind: &str| {
        made.iter()
            .any(|made| made.side == side.name() && made.kind == kind)
    };
    // of a way back that was not complete
    if own("slot") || own("back") {
        pair::drop_slot(session, name)?;
    }
    if own("publication") || own("back") {
        pair::drop_publication(session, name)?;
    }
    identities(session, made, report)?;
    extension(session, side, made, report)
}

/// Each table that has it, and had it not.
fn identities(session: &mut Session, made: &[Made], report: &mut Report) -> Result<(), Problem> {
    let before: BTreeSet<(String, String)> = made
        .iter()
        .filter(|made| made.kind == "full_before")
        .filter_map(|made| parts(&made.object))
        .collect();
    let side = session.side.name();
    // without it, users could not write there any more
    let needed = published(session)?;
    let (needed, ours): (Vec<(String, String)>, Vec<_>) = full(session)?
        .into_iter()
        .filter(|table| !before.contains(table))
        .partition(|table| needed.contains(table));
    if !needed.is_empty() {
        let names: Vec<String> = needed
            .iter()
            .map(|(schema, table)| format!("{}.{}", identifier(schema), identifier(table)))
            .collect();
        report.remains.push(format!(
            "REPLICA IDENTITY FULL on the {side} of tables that are published to somebody else: {}",
            names.join(", ")
        ));
    }
    let mut failed = Vec::new();
    let mut count = 0;
    session.run("SET lock_timeout = '2s'")?;
    for (schema, table) in &ours {
        let command = format!(
            "ALTER TABLE {}.{} REPLICA IDENTITY DEFAULT",
            identifier(schema),
            identifier(table)
        );
        let mut tries = 0;
        loop {
            tries += 1;
            match session.execute(&command) {
                Ok(()) => {
                    count += 1;
                    break;
                }
                // it was dropped meanwhile
                Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => break,
                Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) && tries < 4 => {
                    std::thread::sleep(Duration::from_millis(500));
                }
                Err(error) => {
                    failed.push(format!("{command} ({})", words(&error)));
                    break;
                }
            }
        }
    }
    session.run("SET lock_timeout = 0")?;
    if count > 0 {
        report.done.push(format!(
            "replica identities set back on the {side}: {count}"
        ));
    }
    if !failed.is_empty() {
        report.remains.push(format!(
            "replica identities of the {side} that could not be set back; by hand: {}",
            failed.join("; ")
        ));
    }
    Ok(())
}

/// Tables of which any publication sends updates or deletions, with their partitions and what they are partitions of.
fn published(session: &mut Session) -> Result<BTreeSet<(String, String)>, Problem> {
    let rows = session.ask(
        "WITH sent AS MATERIALIZED (
           SELECT DISTINCT c.oid FROM pg_publication p JOIN pg_publication_tables t ON t.pubname = p.pubname
             JOIN pg_namespace n ON n.nspname = t.schemaname JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename
            WHERE p.pubupdate OR p.pubdelete
         ), family AS (
           SELECT oid FROM sent
           UNION SELECT f.relid::oid FROM sent, LATERAL pg_partition_tree(sent.oid) f
           UNION SELECT f.relid::oid FROM sent, LATERAL pg_partition_ancestors(sent.oid) f(relid)
         )
         SELECT n.nspname, c.relname FROM family JOIN pg_class c ON c.oid = family.oid JOIN pg_namespace n ON n.oid = c.relnamespace",
    )?;
    Ok(rows
        .iter()
        .map(|row| (row.text(0).to_owned(), row.text(1).to_owned()))
        .collect())
}

/// Tables with REPLICA IDENTITY FULL.
fn full(session: &mut Session) -> Result<Vec<(String, String)>, Problem> {
    let rows = session.ask(&format!(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p') AND c.relreplident = 'f' AND c.oid >= 16384 AND n.nspname NOT IN {OWN_SCHEMAS}
           AND (n.nspname, c.relname) <> ('public', 'dts_ddl_command') ORDER BY 1, 2"
    ))?;
    Ok(rows
        .iter()
        .map(|row| (row.text(0).to_owned(), row.text(1).to_owned()))
        .collect())
}

/// It goes where it was not before.
fn extension(
    session: &mut Session,
    side: Side,
    made: &[Made],
    report: &mut Report,
) -> Result<(), Problem> {
    let name = session.side.name();
    match pair::edition(session)? {
        Edition::None => return Ok(()),
        Edition::Portable => {
            report.remains.push(format!(
                "the portable edition on the {name}: sql/portable/uninstall.sql, remove_apply.sql take it away"
            ));
            return Ok(());
        }
        Edition::Extension => {}
    }
    if !made
        .iter()
        .any(|made| made.side == side.name() && made.kind == "extension")
    {
        report.remains.push(format!(
            "extension dts_ddl_capture on the {name}, where it was before; if nobody needs it: DROP EXTENSION dts_ddl_capture"
        ));
        return Ok(());
    }
    let others = session.ask(
        "SELECT slot_name FROM pg_replication_slots WHERE database = current_database() AND \
     slot_type = 'logical'",
    )?;
    if !others.is_empty() {
        let list: Vec<&str> = others.iter().map(|row| row.text(0)).collect();
        report.remains.push(format!(
            "extension dts_ddl_capture on the {name}, since others read its changes (slots {}); if they do not need \
             it: DROP EXTENSION dts_ddl_capture",
            list.join(", ")
        ));
        return Ok(());
    }
    match pair::drop_extension(session) {
        Ok(_) => report
            .done
            .push(format!("extension dts_ddl_capture is gone from the {name}")),
        Err(problem) => report.remains.push(format!(
            "extension dts_ddl_capture on the {name} ({}); by hand: DROP EXTENSION dts_ddl_capture",
            problem.what
        )),
    }
    Ok(())
}

/// Schema and name of what was quoted.
fn parts(quoted: &str) -> Option<(String, String)> {
    let mut parts = vec![String::new()];
    let mut inside = false;
    let mut characters = quoted.chars().peekable();
    while let Some(character) = characters.next() {
        let last = parts.last_mut()?;
        match character {
            '"' if inside && characters.peek() == Some(&'"') => {
                characters.next();
                last.push('"');
            }
            '"' => inside = !inside,
            '.' if !inside => parts.push(String::new()),
            other => last.push(other),
        }
    }
    match <[String; 2]>::try_from(parts) {
        Ok([schema, name]) if !inside => Some((schema, name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_names() {
        let is = |text: &str, schema: &str, name: &str| {
            assert_eq!(
                parts(text),
                Some((schema.to_owned(), name.to_owned())),
                "{text}"
            );
        };
        is("app.orders", "app", "orders");
        is("\"app\".\"orders\"", "app", "orders");
        is("\"a.b\".\"Odd \"\"one\"\"\"", "a.b", "Odd \"one\"");
        assert_eq!(parts("orders"), None);
        assert_eq!(parts("a.\"b"), None);
    }

    #[test]
    fn what_remains() {
        let mut report = Report::default();
        report.done.push("done".to_owned());
        assert_eq!(report.text(), "done\nnothing else remains");
        report.remains.push("this".to_owned());
        assert_eq!(report.text(), "done\nwhat remains:\n  this");
    }
}
