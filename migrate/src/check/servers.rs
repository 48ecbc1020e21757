//! The two servers: versions, rights, settings, and what the target has to have before the schema is loaded.

use super::report::{Finding, counted, some};
use super::{Found, Look, OF_USERS, names, number, setting};
use crate::config::programs as find_programs;
use crate::connection::{Session, literal};
use std::collections::{BTreeMap, BTreeSet};

/// As many tables are copied by the subscription at a time.
fn sync_workers(look: &mut Look) -> Result<i64, postgres::Error> {
    Ok(number(&mut look.target, "max_sync_workers_per_subscription")?.unwrap_or(2))
}

fn restart(setting: &str) -> String {
    format!("ALTER SYSTEM SET {setting}; then restart the server")
}

pub fn databases(look: &mut Look) -> Found {
    let which = "SELECT (SELECT system_identifier FROM pg_control_system()), current_database(), pg_is_in_recovery()";
    let (source, target) = (look.source.rows(which)?, look.target.rows(which)?);
    let mut found = Vec::new();
    if look.target_exists
        && source[0].text(0) == target[0].text(0)
        && source[0].text(1) == target[0].text(1)
    {
        found.push(Finding::must(
            "databases",
            "source and target are the same database",
            "name another TARGET",
        ));
    }
    for (side, row) in [("source", &source[0]), ("target", &target[0])] {
        if row.is_true(2) {
            found.push(Finding::must(
                "databases",
                format!("the {side} is a standby"),
                "connect to its primary",
            ));
        }
    }
    if !look.target_exists {
        let may = look
            .target
            .rows("SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user")?;
        let name = look.target_server.dbname();
        found.push(if may.first().is_some_and(|row| row.is_true(0)) {
            Finding::ok(
                "databases",
                format!("start makes database \"{name}\" on the target"),
            )
        } else {
            Finding::must(
                "databases",
                format!("the target has no database \"{name}\", and its role may not make one"),
                format!("CREATE DATABASE \"{name}\" OWNER .. TEMPLATE template0"),
            )
        });
    }
    Ok(found)
}

pub fn versions(look: &mut Look) -> Found {
    let (source, target) = (look.source.major(), look.target.major());
    let mut found = Vec::new();
    for (side, major) in [("source", source), ("target", target)] {
        if major > 19 {
            found.push(Finding::decide(
                "versions",
                format!("the {side} is PostgreSQL {major}, which nobody has tried"),
                "",
            ));
        }
    }
    found.push(if target < source {
        Finding::decide(
            "versions",
            format!("downwards, from PostgreSQL {source} to {target}: pg_dump's schema may have what the target does not know"),
            "try start on a copy first; upwards is what is tested",
        )
    } else {
        Finding::ok("versions", format!("from PostgreSQL {source} to {target}"))
    });
    Ok(found)
}

pub fn programs(look: &mut Look) -> Found {
    let newer = look.source.major().max(look.target.major());
    Ok(vec![
        match find_programs(look.options.pg_bin.as_deref(), newer) {
            Ok(programs) => Finding::ok(
                "programs",
                format!(
                    "pg_dump, pg_restore and psql of PostgreSQL {}",
                    programs.major
                ),
            ),
            Err(problem) => Finding::must("programs", problem.what, problem.next),
        },
    ])
}

pub fn rights(look: &mut Look) -> Found {
    const WHO: &str = "SELECT r.rolname, r.rolsuper, r.rolreplication, r.rolcreaterole,
            has_database_privilege(r.oid, current_database(), 'CREATE'),
            EXISTS (SELECT FROM pg_roles m WHERE m.rolname = 'pg_create_subscription' AND pg_has_role(r.oid, m.oid, 'MEMBER'))
       FROM pg_roles r WHERE r.rolname = current_user";
    let mut found = Vec::new();
    let rows = look.source.rows(WHO)?;
    let role = &rows[0];
    if role.is_true(1) {
        found.push(Finding::ok("rights", "source: superuser"));
    } else {
        let others = look.source.rows(&format!(
            "SELECT count(*) FROM pg_class c, pg_namespace n
             WHERE {OF_USERS} AND c.relkind IN ('r', 'p') AND NOT pg_has_role(c.relowner, 'USAGE')"
        ))?;
        let mut lacks = Vec::new();
        if !role.is_true(2) {
            lacks.push("REPLICATION".to_owned());
        }
        if !role.is_true(4) {
            lacks.push("CREATE on the database".to_owned());
        }
        if others[0].number::<u64>(0) > 0 {
            lacks.push(format!("ownership of {} tables", others[0].text(0)));
        }
        found.push(if lacks.is_empty() {
            Finding::decide(
                "rights",
                format!(
                    "source: role \"{}\" is no superuser: no FOR ALL TABLES, no CREATE EXTENSION",
                    role.text(0)
                ),
                "connect as a superuser, where there is one",
            )
        } else {
            Finding::must(
                "rights",
                format!(
                    "source: role \"{}\" lacks {}",
                    role.text(0),
                    lacks.join(", ")
                ),
                "connect as a superuser",
            )
        });
    }
    let rows = look.target.rows(WHO)?;
    let role = &rows[0];
    if role.is_true(1) {
        found.push(Finding::ok("rights", "target: superuser"));
    } else {
        let mut lacks = Vec::new();
        if !role.is_true(5) {
            lacks.push(if look.target.major() < 16 {
                "SUPERUSER (for CREATE SUBSCRIPTION)"
            } else {
                "membership of pg_create_subscription"
            });
        }
        if look.target_exists && !role.is_true(4) {
            lacks.push("CREATE on the database");
        }
        found.push(if lacks.is_empty() {
            Finding::decide(
                "rights",
                format!("target: role \"{}\" is no superuser: it restores and applies only what it may do itself", role.text(0)),
                "connect as a superuser, where there is one",
            )
        } else {
            let text = format!("target: role \"{}\" lacks {}", role.text(0), lacks.join(", "));
            Finding::must("rights", text, "connect as a superuser")
        });
    }
    Ok(found)
}

pub fn wal_level(look: &mut Look) -> Found {
    let mut found = Vec::new();
    for (side, session) in [("source", &mut look.source), ("target", &mut look.target)] {
        let level = setting(session, "wal_level")?.unwrap_or_default();
        // from 19 on `replica` becomes logical with the first slot
        let is_enough = level == "logical" || session.major() >= 19 && level == "replica";
        let text = format!("{side}: {level}");
        let remedy = restart("wal_level = logical");
        found.push(match side {
            _ if is_enough => Finding::ok("wal_level", text),
            "source" => Finding::must("wal_level", text, remedy),
            _ => Finding::decide(
                "wal_level",
                format!("{text}: no way back (switch --back)"),
                remedy,
            ),
        });
    }
    Ok(found)
}

/// Slots and senders of the source, and what the target needs to know how far it is.
pub fn slots(look: &mut Look) -> Found {
    let wanted = 2 + sync_workers(look)?;
    let mut found = Vec::new();
    for (side, name, used) in [
        (
            "source",
            "max_replication_slots",
            "SELECT count(*) FROM pg_replication_slots",
        ),
        (
            "source",
            "max_wal_senders",
            "SELECT count(*) FROM pg_stat_get_wal_senders()",
        ),
        (
            "target",
            "origins",
            "SELECT count(*) FROM pg_replication_origin",
        ),
    ] {
        let (session, name) = match side {
            "source" => (&mut look.source, name),
            _ if look.target.major() >= 18 => (&mut look.target, "max_active_replication_origins"),
            _ => (&mut look.target, "max_replication_slots"),
        };
        let all = number(session, name)?.unwrap_or_default();
        let used: i64 = session.rows(used)?[0].number(0);
        let free = all - used;
        let text = format!("{side}: {name} = {all}, of which {free} are free; wanted are {wanted}");
        let remedy = restart(&format!("{name} = {}", used + wanted + 2));
        found.push(if free < 2 {
            Finding::must("slots", text, remedy)
        } else if free < wanted {
            Finding::decide(
                "slots",
                format!("{text}: fewer tables are copied at a time"),
                remedy,
            )
        } else {
            Finding::ok("slots", text)
        });
    }
    Ok(found)
}

pub fn workers(look: &mut Look) -> Found {
    let sync = sync_workers(look)?;
    let session = &mut look.target;
    let all = number(session, "max_logical_replication_workers")?.unwrap_or_default();
    let used: i64 = session
        .rows("SELECT count(*) FROM pg_stat_get_subscription(NULL) s WHERE s.pid IS NOT NULL")?[0]
        .number(0);
    let processes = number(session, "max_worker_processes")?.unwrap_or_default();
    let free = all - used;
    let mut found = Vec::new();
    let text = format!(
        "target: max_logical_replication_workers = {all}, of which {free} are free; wanted are {}",
        1 + sync
    );
    let remedy = restart(&format!(
        "max_logical_replication_workers = {}",
        used + sync + 2
    ));
    found.push(if free < 2 {
        Finding::must("workers", text, remedy)
    } else if free < 1 + sync {
        Finding::decide(
            "workers",
            format!("{text}: fewer tables are copied at a time"),
            remedy,
        )
    } else {
        Finding::ok("workers", text)
    });
    // one is the launcher
    if processes <= all {
        found.push(Finding::decide(
            "workers",
            format!("target: max_worker_processes = {processes} leaves none for others beside {all} of replication"),
            restart(&format!("max_worker_processes = {}", all + 8)),
        ));
    }
    Ok(found)
}

pub fn wal_kept(look: &mut Look) -> Found {
    let session = &mut look.source;
    let mut found = Vec::new();
    let kept = number(session, "max_slot_wal_keep_size")?.unwrap_or(-1);
    if kept >= 0 {
        found.push(Finding::decide(
            "wal kept",
            format!("source: max_slot_wal_keep_size = {kept} MB: the migration is lost when the target is further behind"),
            "ALTER SYSTEM SET max_slot_wal_keep_size = -1; SELECT pg_reload_conf()",
        ));
    }
    // from 18 on
    let idle = session.rows("SELECT current_setting('idle_replication_slot_timeout', true)")?;
    let idle = idle[0].text(0).to_owned();
    if !["", "0"].contains(&idle.as_str()) {
        found.push(Finding::decide(
            "wal kept",
            format!("source: idle_replication_slot_timeout = {idle}: a slot that nobody reads for so long is lost"),
            "ALTER SYSTEM SET idle_replication_slot_timeout = 0; SELECT pg_reload_conf()",
        ));
    }
    let timeout = number(session, "wal_sender_timeout")?.unwrap_or(60_000);
    if (1..30_000).contains(&timeout) {
        found.push(Finding::decide(
            "wal kept",
            format!("source: wal_sender_timeout = {timeout} ms: a target that is busy for so long has to connect again"),
            "ALTER SYSTEM SET wal_sender_timeout = '60s'; SELECT pg_reload_conf()",
        ));
    }
    if found.is_empty() {
        found.push(Finding::ok(
            "wal kept",
            "source: its WAL is kept for the target as long as that takes",
        ));
    }
    Ok(found)
}

pub fn is_empty(look: &mut Look) -> Found {
    if !look.target_exists {
        return Ok(Vec::new());
    }
    // what an extension has made there does not count
    let there = look.target.rows(&format!(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c, pg_namespace n
         WHERE {OF_USERS} AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
           AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
         ORDER BY 1 LIMIT 1000"
    ))?;
    if there.is_empty() {
        return Ok(vec![Finding::ok("empty", "target: the database is empty")]);
    }
    // an open migration's own
    if is_ours(&mut look.target)? == Some(true) {
        return Ok(vec![Finding::decide(
            "empty",
            "target: a migration to this database has begun",
            "dts-migrate status",
        )]);
    }
    Ok(vec![Finding::must(
        "empty",
        format!(
            "target: the database has {} already: {}",
            counted(there.len(), "relation", "relations"),
            some(&names(&there))
        ),
        "name a new database as TARGET (start makes it), or drop what is there",
    )])
}

/// Whether schema dts_migrate is that of this program. None where there is none.
fn is_ours(session: &mut Session) -> Result<Option<bool>, postgres::Error> {
    let rows = session.rows(
        "SELECT coalesce(obj_description(n.oid, 'pg_namespace') LIKE 'dts-migrate: %', false)
           AND pg_has_role(n.nspowner, 'MEMBER')
         FROM pg_namespace n WHERE n.nspname = 'dts_migrate'",
    )?;
    Ok(rows.first().map(|row| row.is_true(0)))
}

pub fn own_schema(look: &mut Look) -> Found {
    let mut found = Vec::new();
    for (side, session) in [("source", &mut look.source), ("target", &mut look.target)] {
        if is_ours(session)? == Some(false) {
            found.push(Finding::must(
                "own schema",
                format!("{side}: schema dts_migrate was not made by this program, or belongs to another role"),
                "look what it is; ALTER SCHEMA dts_migrate RENAME TO ..",
            ));
        }
    }
    Ok(found)
}

pub fn encoding(look: &mut Look) -> Found {
    if !look.target_exists {
        return Ok(vec![Finding::ok(
            "encoding",
            format!("{}, as start makes it", look.source.encoding),
        )]);
    }
    let (source, target) = (&look.source.encoding, &look.target.encoding);
    let text = format!("source {source}, target {target}");
    let remedy = format!(
        "make the target's database with ENCODING '{source}' TEMPLATE template0, or let start make it"
    );
    Ok(vec![if source == target {
        Finding::ok("encoding", source.clone())
    } else if target == "UTF8" && source != "SQL_ASCII" {
        Finding::decide(
            "encoding",
            format!("{text}: all characters fit, but lengths in bytes are others"),
            remedy,
        )
    } else {
        Finding::must(
            "encoding",
            format!("{text}: characters may not fit"),
            remedy,
        )
    }])
}

pub fn collations(look: &mut Look) -> Found {
    let locale = |session: &mut Session| {
        session.rows(
            "SELECT concat_ws(', ', 'provider ' || CASE coalesce(to_jsonb(d) ->> 'datlocprovider', 'c')
                       WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END,
                     'collation ' || coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale', d.datcollate),
                     'ctype ' || d.datctype),
                    to_jsonb(d) ->> 'datcollversion'
             FROM pg_database d WHERE d.datname = current_database()",
        )
    };
    let (source, target) = (locale(&mut look.source)?, locale(&mut look.target)?);
    let (of_source, of_target) = (source[0].text(0), target[0].text(0));
    let mut found = Vec::new();
    if look.target_exists && of_source != of_target {
        found.push(Finding::decide(
            "collations",
            format!("text is sorted otherwise: source {of_source}; target {of_target}"),
            "let start make the target's database, or make it with the same LOCALE and LOCALE_PROVIDER",
        ));
    } else if let (Some(one), Some(other)) = (source[0].get(1), target[0].get(1))
        && one != other
    {
        found.push(Finding::ok(
            "collations",
            format!("the versions of the default collation differ ({one}, {other}): indexes are built anew"),
        ));
    }
    if look.source.major() >= 15 {
        let stale = look.source.rows(
            "SELECT d.datcollversion, pg_database_collation_actual_version(d.oid) FROM pg_database d
             WHERE d.datname = current_database() AND d.datcollversion <> pg_database_collation_actual_version(d.oid)",
        )?;
        if let Some(row) = stale.first() {
            found.push(Finding::decide(
                "collations",
                format!(
                    "source: collation version {} was {} before: indexes of text may be wrong",
                    row.text(1),
                    row.text(0)
                ),
                "REINDEX DATABASE; ALTER DATABASE .. REFRESH COLLATION VERSION",
            ));
        }
    }
    // those that users' columns and indexes name; one of ICU is known by the name in any build that has ICU
    let used = look.source.rows(&format!(
        "SELECT DISTINCT l.collname FROM pg_attribute a, pg_class c, pg_namespace n, pg_collation l
         WHERE {OF_USERS} AND a.attrelid = c.oid AND NOT a.attisdropped AND l.oid = a.attcollation
           AND l.collnamespace = 'pg_catalog'::regnamespace AND l.collname NOT IN ('default', 'C', 'POSIX') ORDER BY 1"
    ))?;
    if !used.is_empty() {
        let there: BTreeSet<String> = names(&look.target.rows(
            "SELECT collname FROM pg_collation WHERE collnamespace = 'pg_catalog'::regnamespace",
        )?)
        .into_iter()
        .collect();
        let missing: Vec<String> = names(&used)
            .into_iter()
            .filter(|name| !there.contains(name))
            .collect();
        if !missing.is_empty() {
            found.push(Finding::must(
                "collations",
                format!("the target lacks {}: {}", counted(missing.len(), "collation", "collations"), some(&missing)),
                "install that locale on its machine, then SELECT pg_import_system_collations('pg_catalog')",
            ));
        }
    }
    if found.is_empty() {
        found.push(Finding::ok("collations", of_source.to_owned()));
    }
    Ok(found)
}

pub fn extensions(look: &mut Look) -> Found {
    let wanted = look.source.rows(
        "SELECT extname, extversion FROM pg_extension WHERE extname NOT IN ('plpgsql', 'dts_ddl_capture') ORDER BY 1",
    )?;
    let offered: BTreeMap<String, (String, String)> = look
        .target
        .rows("SELECT name, default_version, installed_version FROM pg_available_extensions")?
        .iter()
        .map(|row| {
            (
                row.text(0).to_owned(),
                (row.text(1).to_owned(), row.text(2).to_owned()),
            )
        })
        .collect();
    let (mut missing, mut others) = (Vec::new(), Vec::new());
    for row in &wanted {
        let (name, version) = (row.text(0), row.text(1));
        match offered.get(name) {
            None => missing.push(format!("{name} {version}")),
            Some((default, installed)) => {
                let becomes = if installed.is_empty() || !look.target_exists {
                    default
                } else {
                    installed
                };
                if becomes != version {
                    others.push(format!("{name} {version} becomes {becomes}"));
                }
            }
        }
    }
    let mut found = Vec::new();
    if !missing.is_empty() {
        found.push(Finding::must(
            "extensions",
            format!("the target has no files of {}", some(&missing)),
            "install their packages for the target's major, or drop them on the source",
        ));
    }
    if !others.is_empty() {
        found.push(Finding::decide(
            "extensions",
            format!("other versions: {}", some(&others)),
            "read what has changed between them; a definition of the source may not fit",
        ));
    }
    if found.is_empty() {
        found.push(Finding::ok(
            "extensions",
            format!("{} of the source are available on the target", wanted.len()),
        ));
    }
    Ok(found)
}

pub fn tablespaces(look: &mut Look) -> Found {
    let used = look.source.rows(
        "SELECT DISTINCT t.spcname FROM pg_tablespace t WHERE t.spcname NOT IN ('pg_default', 'pg_global')
           AND t.oid IN (SELECT c.reltablespace FROM pg_class c UNION ALL
                         SELECT d.dattablespace FROM pg_database d WHERE d.datname = current_database()) ORDER BY 1",
    )?;
    let there = names(&look.target.rows("SELECT spcname FROM pg_tablespace")?);
    let missing: Vec<String> = names(&used)
        .into_iter()
        .filter(|name| !there.contains(name))
        .collect();
    Ok(vec![if missing.is_empty() {
        Finding::ok(
            "tablespaces",
            format!("{} of the source are on the target", used.len()),
        )
    } else {
        Finding::must(
            "tablespaces",
            format!("the target lacks {}", some(&missing)),
            format!(
                "CREATE TABLESPACE {} LOCATION '..' on the target",
                missing[0]
            ),
        )
    }])
}

pub fn roles(look: &mut Look) -> Found {
    let wanted = names(
        &look
            .source
            .rows("SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1")?,
    );
    let there: BTreeSet<String> = names(&look.target.rows("SELECT rolname FROM pg_roles")?)
        .into_iter()
        .collect();
    let missing: Vec<String> = wanted
        .into_iter()
        .filter(|name| !there.contains(name))
        .collect();
    if missing.is_empty() {
        return Ok(vec![Finding::ok(
            "roles",
            "all roles of the source are on the target",
        )]);
    }
    let text = format!(
        "the target lacks {}: {}",
        counted(missing.len(), "role", "roles"),
        some(&missing)
    );
    let may = look
        .target
        .rows("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user")?;
    if !may[0].is_true(0) {
        return Ok(vec![Finding::must(
            "roles",
            format!("{text}; the target's role may not make them"),
            format!(
                "ALTER ROLE {} CREATEROLE on the target, or make them by hand",
                literal(look.target_server.user()).replace('\'', "\"")
            ),
        )]);
    }
    let with_passwords = look
        .source
        .rows("SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT')")?;
    Ok(vec![if with_passwords[0].is_true(0) {
        Finding::ok("roles", format!("{text}: start makes them"))
    } else {
        Finding::decide(
            "roles",
            format!(
                "{text}: start makes them without passwords, which this role of the source may not read"
            ),
            "connect to the source as a superuser, or set passwords by hand",
        )
    }])
}
