//! Where one stands: `dts_ddl.check()`, one row for each check, and the numbers of `dts_ddl.status`.
//!
//! Each check is a query in `sql/check/`; all run with the rights of the extension's owner under a pinned search_path, and
//! show no captured statement. They look at whole catalogs at once, never table by table: 100,000 tables take less than a second
//! or so. A check that cannot be made is an error of that check, not of the others.

use crate::error::Failure;
use crate::pg::catalog::role::{self, Role};
use crate::pg::catalog::spi::{self, Parameter};
use crate::pg::runtime::{session, subtransaction, text};
use crate::pg::store::sequence::source_is_trusted;
use crate::pg::store::table;
use crate::read::pending;
use pgrx::pg_sys;

/// So much WAL is read for each slot to count the rows that are not confirmed.
const WAL_BUDGET: u64 = 64 << 20;

/// One check.
pub struct Finding {
    pub name: Vec<u8>,
    /// `ok`, `warning` or `error`
    pub status: Vec<u8>,
    pub found: Vec<u8>,
    pub remedy: Option<Vec<u8>>,
}

/// What a query needs to be run.
#[derive(PartialEq, Eq, Clone, Copy)]
enum Where {
    Everywhere,
    /// Where the capture table exists.
    WithTable,
    /// Where `dts_ddl.start_apply()` has been called.
    Destination,
}

/// What a query gets as `$1`.
#[derive(PartialEq, Eq, Clone, Copy)]
enum Argument {
    Nothing,
    LibraryVersion,
    Unconfirmed,
}

const QUERIES: [(&str, &str, Where, Argument); 6] = [
    (
        "objects",
        include_str!("../../../sql/check/objects.sql"),
        Where::Everywhere,
        Argument::LibraryVersion,
    ),
    (
        "settings",
        include_str!("../../../sql/check/settings.sql"),
        Where::Everywhere,
        Argument::Nothing,
    ),
    (
        "publications",
        include_str!("../../../sql/check/publications.sql"),
        Where::Everywhere,
        Argument::Nothing,
    ),
    (
        "consumers",
        include_str!("../../../sql/check/consumers.sql"),
        Where::WithTable,
        Argument::Unconfirmed,
    ),
    (
        "data",
        include_str!("../../../sql/check/data.sql"),
        Where::WithTable,
        Argument::Nothing,
    ),
    (
        "destination",
        include_str!("../../../sql/check/destination.sql"),
        Where::Destination,
        Argument::Nothing,
    ),
];

/// What the queries have placeholders for: whether this database is a destination, the first names of many, and what
/// older majors do not have.
const PLACEHOLDERS: [(&str, &str); 10] = [
    (
        "{applies}",
        "EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = to_regclass('public.dts_ddl_command') AND t.tgname IN ('dts_apply_once', 'dts_apply_row', 'dts_apply_copied'))",
    ),
    (
        "{some_ids}",
        "array_to_string((array_agg(t.id ORDER BY t.id))[1:5], ', ') || CASE WHEN count(*) > 5 THEN ', ..' ELSE '' END",
    ),
    (
        "{some_tables}",
        "array_to_string((array_agg(t.oid::regclass ORDER BY t.oid))[1:5], ', ') || CASE WHEN count(*) > 5 THEN ', ..' ELSE '' END",
    ),
    (
        "{some_names}",
        "array_to_string((array_agg(t.name ORDER BY t.name))[1:5], ', ') || CASE WHEN count(*) > 5 THEN ', ..' ELSE '' END",
    ),
    (
        "{schema_publications}",
        if session::MAJOR < 15 {
            "SELECT NULL::oid, NULL::oid WHERE false"
        } else {
            "SELECT n.pnpubid, n.pnnspid FROM pg_publication_namespace n"
        },
    ),
    (
        "{parameter_rights}",
        if session::MAJOR < 15 {
            ""
        } else {
            "UNION ALL SELECT format('parameter %s', q.parname), format('%s ON PARAMETER %s', x.privilege_type, q.parname), x.privilege_type, nullif(x.grantee, 0)
               FROM pg_parameter_acl q CROSS JOIN LATERAL aclexplode(q.paracl) x
              WHERE (q.parname LIKE 'dts_ddl_capture.%' OR q.parname = 'event_triggers')
                AND x.grantee NOT IN (SELECT e.extowner FROM extension e UNION ALL SELECT r.oid FROM pg_roles r WHERE r.rolsuper)"
        },
    ),
    (
        "{runs_as_owner}",
        if session::MAJOR < 16 {
            "true"
        } else {
            "u.subrunasowner"
        },
    ),
    (
        "{detach_pending}",
        if session::MAJOR < 14 {
            "false"
        } else {
            "i.inhdetachpending"
        },
    ),
    // the bodies of the functions in SQL, as installed
    ("{md5_pending}", "bd05a7888a037b3820ecc25323d35352"),
    (
        "{statistics}",
        if session::MAJOR < 15 {
            "NULL::bigint"
        } else {
            "SELECT sum(x.value::bigint)::bigint FROM pg_stat_subscription_stats e CROSS JOIN LATERAL jsonb_each_text(to_jsonb(e)) x
              WHERE e.subid = s.oid AND x.key LIKE '%error_count'"
        },
    ),
];

/// The texts of the queries, for a test.
#[cfg(test)]
pub fn queries() -> Vec<(&'static str, &'static str)> {
    let all = QUERIES.map(|(topic, query, ..)| (topic, query));
    all.into_iter().chain(PLACEHOLDERS).collect()
}

/// All checks, the worst first.
pub fn check() -> Result<Vec<Finding>, Failure> {
    as_owner(check_all)
}

/// The numbers of `dts_ddl.status`, as one JSON object.
pub fn status() -> Result<Vec<u8>, Failure> {
    as_owner(status_of_all)
}

/// Whoever may call the functions sees all that the extension's owner sees. Their search_path is pinned by their declaration.
fn as_owner<R>(f: impl FnOnce() -> Result<R, Failure>) -> Result<R, Failure> {
    match Role::of_extension(table::EXTENSION) {
        Some(owner) => role::with_rights_of(owner, f),
        None => Err(Failure::table_missing()),
    }
}

fn check_all() -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    for (topic, query, place, argument) in QUERIES {
        if !is_there(place) {
            continue;
        }
        match subtransaction::attempt(|| run(query, argument)) {
            Ok(found) => findings.extend(found),
            Err(failure) => findings.push(Finding {
                name: topic.into(),
                status: "error".into(),
                found: text::encode(&format!("could not be checked: {}", failure.in_one_line()))
                    .into_owned(),
                remedy: Some("Mend what the other checks name, give the extension's owner a superuser's rights if it has lost them, and check again".into()),
            }),
        }
    }
    findings.sort_by_key(|finding| match finding.status.as_slice() {
        b"error" => 0,
        b"warning" => 1,
        _ => 2,
    });
    Ok(findings)
}

fn status_of_all() -> Result<Vec<u8>, Failure> {
    if !is_there(Where::WithTable) {
        return Err(Failure::table_missing());
    }
    let mut status = object(
        include_str!("../../../sql/check/status.sql"),
        Argument::Unconfirmed,
    )?;
    if is_there(Where::Destination) {
        status.extend(object(
            include_str!("../../../sql/check/status_destination.sql"),
            Argument::Nothing,
        )?);
    }
    let status = serde_json::to_string(&status).map_err(|e| Failure::internal(e.to_string()))?;
    Ok(text::encode(&status).into_owned())
}

fn is_there(place: Where) -> bool {
    let has_table = table::capture_table() != pg_sys::InvalidOid;
    match place {
        Where::Everywhere => true,
        Where::WithTable => has_table,
        Where::Destination => has_table && table::is_destination(),
    }
}

fn object(
    query: &str,
    argument: Argument,
) -> Result<serde_json::Map<String, serde_json::Value>, Failure> {
    let mut rows = texts(query, argument)?;
    let text = rows.pop().and_then(|mut row| row.pop()).flatten();
    serde_json::from_str(&text::decode(&text.unwrap_or_default()))
        .map_err(|e| Failure::internal(e.to_string()))
}

fn run(query: &str, argument: Argument) -> Result<Vec<Finding>, Failure> {
    let rows = texts(query, argument)?;
    let findings = rows.into_iter().map(|mut row| {
        let mut next = || (!row.is_empty()).then(|| row.remove(0)).flatten();
        Finding {
            name: next().unwrap_or_default(),
            status: next().unwrap_or_default(),
            found: next().unwrap_or_default(),
            remedy: next(),
        }
    });
    Ok(findings.collect())
}

fn texts(query: &str, argument: Argument) -> Result<spi::Texts, Failure> {
    let mut query = PLACEHOLDERS
        .iter()
        .fold(query.to_owned(), |query, (name, value)| {
            query.replace(name, value)
        });
    let value = match argument {
        Argument::Nothing => None,
        Argument::LibraryVersion => Some(env!("CARGO_PKG_VERSION").to_owned()),
        Argument::Unconfirmed => {
            let slots = pending::of_all_slots(WAL_BUDGET)?;
            Some(serde_json::to_string(&slots).map_err(|e| Failure::internal(e.to_string()))?)
        }
    };
    if query.contains("{trusted}") {
        query = query
            .replace("{trusted}", &source_is_trusted()?.to_string())
            .replace("{preloaded}", &session::is_preloaded().to_string());
    }
    if query.contains("{untold_copy}") {
        query = query.replace("{untold_copy}", &table::is_untold_copy().to_string());
    }
    if query.contains("{stops}") {
        query = query.replace("{stops}", stops()?);
    }
    let value = value.map(|value| text::encode(&value).into_owned());
    let parameters: Vec<Parameter> = value
        .iter()
        .map(|value| Parameter::Text(Some(value)))
        .collect();
    spi::read_texts(&query, &parameters)
}

/// The workers that stand still. Objects older than 1.3.0 do not tell.
fn stops() -> Result<&'static str, Failure> {
    let there = spi::read_texts(
        "SELECT NULL::text WHERE to_regprocedure('dts_ddl.stops()') IS NOT NULL",
        &[],
    )?;
    Ok(if there.is_empty() {
        "(SELECT NULL::text AS subscription, NULL::text AS copied_table, NULL::timestamptz AS since, NULL::bigint AS failures, NULL::bigint AS id,
            NULL::text AS tag, NULL::text AS error WHERE false)"
    } else {
        "dts_ddl.stops()"
    })
}
