//! What is not in a dump of one database: the database itself, roles and memberships, owner, comment, rights and settings.
//!
//! Each command is made by the source's own quoting of names and literals, one a row; texts of users (comments, settings)
//! are never cut into commands.

use super::Work;
use crate::connection::{Server, Session, Side, identifier, literal};
use crate::output::Output;
use crate::pair;
use crate::problem::{Problem, words};
use crate::switch::fence::{self, Before};
use postgres::error::SqlState;

/// The target's server, when it does not have the database: a session in another one.
pub fn without_database(target: &Server) -> Result<Option<Session>, Problem> {
    let Err(refused) = target.connect() else {
        return Ok(None);
    };
    // whatever the reason, another database of the server tells
    let Ok(mut there) = target.with_database("postgres").connect_to_write() else {
        return Err(refused);
    };
    let exists = there.ask(&format!(
        "SELECT EXISTS (SELECT FROM pg_database WHERE datname = {})",
        literal(target.dbname())
    ))?;
    if exists[0].is_true(0) {
        return Err(refused);
    }
    Ok(Some(there))
}

/// Makes the target's database, with the encoding and the locale of the source's.
pub fn database(
    here: &mut Session,
    there: &mut Session,
    target: &Server,
    output: &Output,
) -> Result<(), Problem> {
    let name = target.dbname();
    let major = here.major().min(there.major());
    let provider = if major < 15 {
        "'c', NULL"
    } else if major >= 17 {
        "datlocprovider, datlocale"
    } else {
        // renamed in 17
        "datlocprovider, coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale')"
    };
    let rows = here.ask(&format!(
        "SELECT pg_encoding_to_char(encoding), datcollate, datctype, {provider}, to_jsonb(d) ->> 'daticurules' FROM pg_database d WHERE datname = current_database()"
    ))?;
    let row = &rows[0];
    let locale = match row.text(3) {
        "i" => {
            // from 16 on
            let rules = row.get(5).filter(|_| major >= 16);
            let rules = rules.map_or(String::new(), |rules| {
                format!(" ICU_RULES {}", literal(rules))
            });
            format!(
                " LOCALE_PROVIDER icu ICU_LOCALE {}{rules}",
                literal(row.text(4))
            )
        }
        "b" => format!(
            " LOCALE_PROVIDER builtin BUILTIN_LOCALE {}",
            literal(row.text(4))
        ),
        _ => String::new(),
    };
    there.run(&format!(
        "CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}{locale}",
        identifier(name),
        literal(row.text(0)),
        literal(row.text(1)),
        literal(row.text(2)),
    ))?;
    output.say(&format!(
        "Made the database {name} on the target ({}, {})",
        row.text(0),
        row.text(1)
    ));
    Ok(())
}

/// Roles that the target lacks, with their attributes, passwords, settings, comments and memberships. Those that it has stay as they are.
pub fn roles(work: &mut Work) -> Result<String, Problem> {
    stronger(work)?;
    let wanted = work
        .here
        .ask("SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY oid")?;
    let there = names(work.there.ask("SELECT rolname FROM pg_roles")?);
    // those that an earlier start has made are not done yet, perhaps
    let begun: Vec<String> = work
        .record
        .all_made()?
        .into_iter()
        .filter(|made| made.kind == "role")
        .map(|made| made.object)
        .collect();
    let mut missing: Vec<String> = names(wanted)
        .into_iter()
        .filter(|name| !there.contains(name) || begun.contains(name))
        .collect();
    if missing.is_empty() {
        return Ok("the target has all of them".to_owned());
    }
    let listed = |roles: &[String]| {
        roles
            .iter()
            .map(|name| literal(name))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let list = listed(&missing);
    let sees_passwords = work
        .here
        .ask("SELECT has_table_privilege('pg_authid', 'SELECT')")?[0]
        .is_true(0);
    if !sees_passwords {
        work.output.warn(
            "the passwords of roles cannot be read on the source (only a superuser may): set them on the target by ALTER ROLE .. PASSWORD",
        );
    }
    let (authid, password) = if sees_passwords {
        ("pg_authid", "rolpassword")
    } else {
        ("pg_roles", "NULL::text")
    };
    let attributes = work.here.ask(&format!(
        "SELECT rolname, format(
           'CREATE ROLE %I WITH %s %s %s %s %s %s %s CONNECTION LIMIT %s%s%s', rolname,
           CASE WHEN rolsuper THEN 'SUPERUSER' ELSE 'NOSUPERUSER' END, CASE WHEN rolinherit THEN 'INHERIT' ELSE 'NOINHERIT' END,
           CASE WHEN rolcreaterole THEN 'CREATEROLE' ELSE 'NOCREATEROLE' END, CASE WHEN rolcreatedb THEN 'CREATEDB' ELSE 'NOCREATEDB' END,
           CASE WHEN rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END, CASE WHEN rolreplication THEN 'REPLICATION' ELSE 'NOREPLICATION' END,
           CASE WHEN rolbypassrls THEN 'BYPASSRLS' ELSE 'NOBYPASSRLS' END, rolconnlimit,
           CASE WHEN p.password IS NOT NULL THEN format(' PASSWORD %L', p.password) ELSE '' END,
           CASE WHEN rolvaliduntil IS NOT NULL THEN format(' VALID UNTIL %L', rolvaliduntil) ELSE '' END)
         FROM {authid}, LATERAL (SELECT {password} AS password) p WHERE rolname IN ({list}) ORDER BY oid"
    ))?;
    // what is written in the server's log has no password in it
    let mut secret = work.target.connect_to_write()?;
    pair::unlogged(&mut secret)?;
    for role in &attributes {
        if !there.contains(&role.text(0).to_owned()) {
            work.record
                .make(Side::Destination, "role", role.text(0), None)?;
            match secret.execute(role.text(1)) {
                Ok(()) => {}
                // Somebody has made it just now, and says what it may do: another migration to this server, or the DBA.
                Err(error)
                    if [
                        Some(&SqlState::DUPLICATE_OBJECT),
                        Some(&SqlState::UNIQUE_VIOLATION),
                    ]
                    .contains(&error.code()) =>
                {
                    let taken = role.text(0);
                    work.record.not_made(Side::Destination, "role", taken)?;
                    missing.retain(|name| name != taken);
                }
                Err(error) => {
                    return Err(Problem::new(
                        format!(
                            "role {} could not be made on the target: {}",
                            identifier(role.text(0)),
                            words(&error)
                        ),
                        "make it there (CREATE ROLE), then dts-migrate start again",
                    ));
                }
            }
        }
    }
    if missing.is_empty() {
        return Ok("the target has all of them by now".to_owned());
    }
    let list = listed(&missing);
    let grants = if work.here.major().min(work.there.major()) >= 16 {
        // a member may have several grantors
        "SELECT DISTINCT format('GRANT %I TO %I WITH ADMIN %s, INHERIT %s, SET %s', g.rolname, m.rolname,
           bool_or(a.admin_option)::text, bool_or(a.inherit_option)::text, bool_or(a.set_option)::text)"
    } else {
        "SELECT format('GRANT %I TO %I%s', g.rolname, m.rolname, CASE WHEN bool_or(a.admin_option) THEN ' WITH ADMIN OPTION' ELSE '' END)"
    };
    let more = work.here.ask(&format!(
        "SELECT format('COMMENT ON ROLE %I IS %L', r.rolname, shobj_description(r.oid, 'pg_authid')) FROM pg_roles r
          WHERE r.rolname IN ({list}) AND shobj_description(r.oid, 'pg_authid') IS NOT NULL
         UNION ALL ({grants} FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
          WHERE g.rolname IN ({list}) OR (m.rolname IN ({list}) AND g.rolname ~ '^pg_') GROUP BY g.rolname, m.rolname)
         UNION ALL {}",
        settings("''", &format!("s.setdatabase = 0 AND r.rolname IN ({list})"))
    ))?;
    for command in &more {
        one(work, command.text(0))?;
    }
    // A role of the same name may be another one there, with rights that nobody has given to these.
    let others = work.here.ask(&format!(
        "SELECT format('GRANT %I TO %I', g.rolname, m.rolname) FROM pg_auth_members a
           JOIN pg_roles g ON g.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
          WHERE m.rolname IN ({list}) AND g.rolname NOT IN ({list}) AND g.rolname !~ '^pg_' GROUP BY g.rolname, m.rolname"
    ))?;
    for grant in &others {
        work.output.warn(&format!(
            "not made on the target, which had that role before: {}",
            grant.text(0)
        ));
    }
    Ok(format!("{} made", missing.len()))
}

/// Roles that both sides have, and that may do more on the target.
fn stronger(work: &mut Work) -> Result<(), Problem> {
    let query = "SELECT rolname, rolsuper::int, rolcreaterole::int, rolcreatedb::int, rolreplication::int, rolbypassrls::int FROM pg_roles
                 WHERE rolname !~ '^pg_'";
    let here = work.here.ask(query)?;
    for there in work.there.ask(query)? {
        let Some(same) = here.iter().find(|role| role.text(0) == there.text(0)) else {
            continue;
        };
        let rights = [
            "SUPERUSER",
            "CREATEROLE",
            "CREATEDB",
            "REPLICATION",
            "BYPASSRLS",
        ];
        let more: Vec<&str> = (1..=5)
            .filter(|&at| there.text(at) > same.text(at))
            .map(|at| rights[at - 1])
            .collect();
        if !more.is_empty() {
            work.output.warn(&format!(
                "role {} is {} on the target only: what it owns or runs on the source has that right there",
                identifier(there.text(0)),
                more.join(", ")
            ));
        }
    }
    Ok(())
}

/// Settings as commands; those that are lists by their text, since each element would be quoted otherwise.
///
/// `database` is its name on the target, as a literal.
fn settings(database: &str, of: &str) -> String {
    format!(
        "SELECT CASE WHEN v.is_list
           THEN format('SELECT pg_catalog.set_config(%L, %L, true); ALTER %s SET %I FROM CURRENT', v.name, v.value, v.whose, v.name)
           ELSE format('ALTER %s SET %I TO %L', v.whose, v.name, v.value) END
         FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole, unnest(s.setconfig) AS c,
           LATERAL (SELECT split_part(c, '=', 1) AS name, substr(c, strpos(c, '=') + 1) AS value,
             split_part(c, '=', 1) IN ('search_path', 'temp_tablespaces', 'local_preload_libraries', 'session_preload_libraries') AS is_list,
             CASE WHEN s.setdatabase = 0 THEN format('ROLE %I', r.rolname)
               WHEN s.setrole = 0 THEN format('DATABASE %I', {database}::text)
               ELSE format('ROLE %I IN DATABASE %I', r.rolname, {database}::text) END AS whose) v
         WHERE {of} AND c !~ '^dts_ddl_capture[.]'"
    )
}

/// Owner, comment, rights and settings of the database, and settings of roles in it.
pub fn properties(work: &mut Work) -> Result<String, Problem> {
    let here = "FROM pg_database d WHERE d.datname = current_database()";
    let name = literal(work.target.dbname());
    let commands = work.here.ask(&format!(
        "SELECT format('ALTER DATABASE %I OWNER TO %I', {name}, pg_get_userbyid(d.datdba)) {here}
         UNION ALL SELECT format('COMMENT ON DATABASE %I IS %L', {name}, shobj_description(d.oid, 'pg_database')) {here}
           AND shobj_description(d.oid, 'pg_database') IS NOT NULL
         UNION ALL SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', {name}) {here} AND d.datacl IS NOT NULL
         UNION ALL SELECT format('GRANT %s ON DATABASE %I TO %s%s', a.privilege_type, {name},
             CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
             CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
           FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = current_database()
         UNION ALL {}",
        settings(
            &name,
            // with these the apply worker could not write, or not as who it is
            "s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
               AND c !~ '^(default_transaction_read_only|role|session_authorization)='"
        )
    ))?;
    for command in &commands {
        one(work, command.text(0))?;
    }
    close(work)?;
    Ok(format!(
        "{} commands; users are kept out of the target until the switch",
        commands.len()
    ))
}

/// What somebody wrote there before the switch would be a difference, and a conflict. Superusers are let in, and the apply worker of
/// a superuser's subscription. The switch opens it, with the source's limit.
fn close(work: &mut Work) -> Result<(), Problem> {
    let limit = Before::read(&mut work.here)?.connection_limit;
    let before = Before {
        connection_limit: limit,
        ..Before::read(&mut work.there)?
    };
    let database = work.target.dbname().to_owned();
    work.record.make(
        Side::Destination,
        fence::KIND,
        &database,
        Some(&before.text()),
    )?;
    work.there.run(&format!(
        "ALTER DATABASE {} CONNECTION LIMIT 0",
        identifier(&database)
    ))
}

/// What this target does not know, or does not allow, is said and passed over.
fn one(work: &mut Work, command: &str) -> Result<(), Problem> {
    match work.there.execute(&format!("BEGIN; {command}; COMMIT")) {
        Ok(()) => Ok(()),
        Err(error) if error.code().is_some() && error.code() != Some(&SqlState::ADMIN_SHUTDOWN) => {
            work.there.run("ROLLBACK")?;
            work.output
                .warn(&format!("not on the target: {command}: {}", words(&error)));
            Ok(())
        }
        Err(error) => Err(Problem::new(
            format!("the connection to the target was lost: {}", words(&error)),
            "dts-migrate start goes on from here",
        )),
    }
}

fn names(rows: Vec<crate::connection::Row>) -> Vec<String> {
    rows.iter().map(|row| row.text(0).to_owned()).collect()
}
