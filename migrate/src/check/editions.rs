//! Which edition captures DDL on the source and which applies it on the target, and what that one can do (docs/security.md:
//! I7, I8).

use super::report::{Finding, some};
use super::{Found, Look, names, setting};
use crate::connection::{Session, literal};

const NAME: &str = "dts_ddl_capture";

/// Version that is installed in the database, and the one whose files are there.
fn extension(session: &mut Session) -> Result<(Option<String>, Option<String>), postgres::Error> {
    let rows = session.rows(&format!(
        "SELECT installed_version, default_version FROM pg_available_extensions WHERE name = '{NAME}'
         UNION ALL SELECT extversion, NULL FROM pg_extension WHERE extname = '{NAME}' LIMIT 1"
    ))?;
    let text = |at| rows.first().and_then(|row| row.get(at).map(str::to_owned));
    Ok((text(0), text(1)))
}

fn has_relation(session: &mut Session, schema: &str, name: &str) -> Result<bool, postgres::Error> {
    let rows = session.rows(&format!(
        "SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = {} AND c.relname = {}",
        literal(schema),
        literal(name)
    ))?;
    Ok(!rows.is_empty())
}

fn is_superuser(session: &mut Session) -> Result<bool, postgres::Error> {
    let rows = session.rows("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")?;
    Ok(rows.first().is_some_and(|row| row.is_true(0)))
}

pub fn source(look: &mut Look) -> Found {
    let session = &mut look.source;
    let portable = has_relation(session, "dts_ddl_portable", "own")?;
    Ok(vec![match extension(session)? {
        (Some(installed), Some(files)) if installed != files => Finding::decide(
            "extension",
            format!("source: version {installed} is installed, the files are of {files}"),
            format!("ALTER EXTENSION {NAME} UPDATE"),
        ),
        (Some(installed), _) => Finding::ok("extension", format!("source: {NAME} {installed}")),
        (None, _) if portable => Finding::decide(
            "extension",
            "source: the portable edition captures DDL; some commands it only tells of (docs/portable.md)",
            "sql/portable/to_native.sql, where the extension's library can be installed",
        ),
        (None, Some(files)) if is_superuser(session)? => {
            Finding::ok("extension", format!("source: start makes {NAME} {files}"))
        }
        (None, Some(_)) => Finding::must(
            "extension",
            format!("source: {NAME} is available, and only a superuser may make it"),
            format!("as a superuser: CREATE EXTENSION {NAME}"),
        ),
        (None, None) => Finding::must(
            "extension",
            "source: nothing captures DDL, and the files of the extension are not there",
            format!(
                "install postgresql-{}-dts-ddl-capture (docs/packages.md); without library: psql -f sql/portable/install.sql",
                session.major()
            ),
        ),
    }])
}

pub fn target(look: &mut Look) -> Found {
    let trusted = look.options.trust_source;
    let session = &mut look.target;
    let (installed, files) = extension(session)?;
    let is_portable = look.target_exists && has_relation(session, "dts_ddl_apply", "own")?;
    let can = "DDL is applied by portable apply, which asks nobody who can write on the source";
    let and_rows = if session.major() < 16 {
        ", and rows have the rights of the subscription's owner"
    } else {
        ""
    };
    let version = match installed.clone().or(files) {
        Some(version) if !is_portable => version,
        Some(_) => {
            return Ok(vec![Finding::decide(
                "apply",
                format!("target: {can}{and_rows}"),
                "sql/portable/remove_apply.sql, if the extension, whose files are there, is to do it",
            )]);
        }
        None => {
            let package = format!("postgresql-{}-dts-ddl-capture", session.major());
            return Ok(vec![Finding::decide(
                "apply",
                format!("target: without the extension's files {can}{and_rows}"),
                format!(
                    "install {package} (docs/packages.md), or read docs/portable-apply.md and go on"
                ),
            )]);
        }
    };
    let mut found = Vec::new();
    if installed.is_none() && !is_superuser(session)? {
        found.push(Finding::must(
            "apply",
            format!("target: {NAME} is available, and only a superuser may make it"),
            format!("as a superuser, in the target's database: CREATE EXTENSION {NAME}"),
        ));
    }
    let of_source = extension(&mut look.source)?;
    if let Some(other) = of_source.0.or(of_source.1)
        && other != version
    {
        found.push(Finding::decide(
            "apply",
            format!("the source has {NAME} {other}, the target {version}"),
            "install the same version on both sides",
        ));
    }
    let session = &mut look.target;
    let preloaded = setting(session, "shared_preload_libraries")?.map(|list| {
        list.split(',')
            .any(|name| name.trim().trim_matches('"').rsplit('/').next() == Some(NAME))
    });
    let trust = "or --trust-source: all who may run DDL on the source may do here whatever the subscription's owner may";
    found.push(if trusted {
        Finding::ok("apply", format!("target: {NAME} {version}, the source is trusted"))
    } else if session.major() < 16 {
        Finding::must(
            "apply",
            format!(
                "target: PostgreSQL {} gives rows the rights of the subscription's owner: no DDL but of a trusted source",
                session.major()
            ),
            format!("take 16 or newer, {trust}"),
        )
    } else {
        match preloaded {
            Some(true) => Finding::ok("apply", format!("target: {NAME} {version}, preloaded")),
            Some(false) => Finding::must(
                "apply",
                format!("target: {NAME} is not preloaded, so DDL is applied of a trusted source only"),
                format!(
                    "add it to shared_preload_libraries ({}) and restart, {trust}",
                    setting(session, "shared_preload_libraries")?.filter(|list| !list.is_empty()).unwrap_or("now empty".into())
                ),
            ),
            None => Finding::decide(
                "apply",
                "target: whether the library is preloaded may not be seen by this role",
                "SHOW shared_preload_libraries as a superuser",
            ),
        }
    });
    Ok(found)
}

/// I7: who can write rows of the capture table on the source runs anything on the target.
pub fn writers(look: &mut Look) -> Found {
    if !has_relation(&mut look.source, "public", "dts_ddl_command")? {
        return Ok(Vec::new());
    }
    let query = include_str!("../../../sql/writers.sql")
        .replace("{table}", &literal("public.dts_ddl_command"));
    let writers = names(&look.source.rows(&query)?);
    Ok(vec![if writers.is_empty() {
        Finding::ok(
            "writers",
            "nobody but superusers can write the source's capture table",
        )
    } else if look.options.trust_source {
        Finding::decide(
            "writers",
            format!(
                "{} can run anything on the target, as the source is trusted",
                some(&writers)
            ),
            "",
        )
    } else {
        Finding::must(
            "writers",
            format!(
                "{} can write the source's capture table, and so run anything on the target",
                some(&writers)
            ),
            "REVOKE that on the source (docs/security.md, I7), or --trust-source",
        )
    }])
}

/// Errors that the source's own check has, and warnings that are about what stops a target. What is looked at here anyway,
/// or only means something once there is a consumer, is left out.
pub fn own_check(look: &mut Look) -> Found {
    // the extension's own C function, and nobody else's
    let is_there = look.source.rows(&format!(
        "SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
           JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
           JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND e.extname = '{NAME}'
         WHERE n.nspname = 'dts_ddl' AND p.proname = 'check' AND p.pronargs = 0 AND l.lanname = 'c'
           AND has_function_privilege(p.oid, 'EXECUTE') AND has_schema_privilege(n.oid, 'USAGE')"
    ))?;
    if is_there.is_empty() {
        return Ok(Vec::new());
    }
    const ERRORS_LEFT_OUT: &[&str] = &[
        "publications",
        "slots",
        "wal_level",
        "published_tables",
        "replica_identity",
        "generated_keys",
        "unequal_columns",
        "rights",
        "roles",
        "retention",
    ];
    const WARNINGS: &[&str] = &[
        "truncate_cascade",
        "column_lists",
        "generated_columns",
        "owner_rights",
        "event_triggers",
        "session_replication_role",
        "rivals",
        "gaps",
        "published_in_part",
        "pending_detach",
        "invalid_indexes",
    ];
    let rows = look.source.rows(
        "SELECT c.name, c.status, c.found, c.remedy FROM dts_ddl.check() c WHERE c.status <> 'ok'",
    )?;
    let mut found = Vec::new();
    for row in &rows {
        let name = row.text(0);
        let text = format!("{name}: {}", row.text(2));
        match row.text(1) {
            "error" if !ERRORS_LEFT_OUT.contains(&name) => {
                found.push(Finding::must("source's check", text, row.text(3)))
            }
            "warning" if WARNINGS.contains(&name) => {
                found.push(Finding::decide("source's check", text, row.text(3)))
            }
            _ => {}
        }
    }
    if found.is_empty() {
        found.push(Finding::ok(
            "source's check",
            "dts_ddl.check() has nothing against it",
        ));
    }
    Ok(found)
}
