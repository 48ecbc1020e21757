//! What two databases, or one at two moments, have: asked by plain queries and by pg_dump, not by the program that is tried.

use super::server::{DATABASE, Pair, Server};
use dts_migrate::schema::{dump, taken};
use std::collections::{BTreeMap, BTreeSet};

/// Tables and materialized views that belong to users: not the program's, not the extension's.
const USERS: &str = "n.nspname !~ '^(pg_|information_schema$|dts_)' AND c.relname !~ '^dts_ddl_'";
/// So that a value has the same text on every server.
const PINS: &str = "SET search_path = pg_catalog; SET extra_float_digits = 1; SET jit = off; SET statement_timeout = 0";
/// Rows of a table whose difference is shown.
const SHOWN: i64 = 200_000;

/// A query's rows, each on one line.
fn lines(server: &Server, query: &str) -> Vec<String> {
    let mut client = server.connect(DATABASE);
    let found = client
        .batch_execute(PINS)
        .and_then(|()| client.simple_query(query));
    let found = found.unwrap_or_else(|error| panic!("{query}: {error:?}"));
    let rows = found.iter().filter_map(|message| match message {
        postgres::SimpleQueryMessage::Row(row) => {
            let values: Vec<&str> = (0..row.len())
                .map(|at| row.get(at).unwrap_or("-"))
                .collect();
            Some(values.join(" | "))
        }
        _ => None,
    });
    rows.collect()
}

fn lacking(what: &str, of: &[String], than: &[String], found: &mut Vec<String>) {
    let than: BTreeSet<&String> = than.iter().collect();
    found.extend(
        of.iter()
            .filter(|line| !than.contains(line))
            .map(|line| format!("{what}: {line}")),
    );
}

/// What both lists do not have.
fn different(what: &str, left: &[String], right: &[String], names: [&str; 2]) -> Vec<String> {
    let mut found = Vec::new();
    lacking(
        &format!("{what}, only {}", names[0]),
        left,
        right,
        &mut found,
    );
    lacking(
        &format!("{what}, only {}", names[1]),
        right,
        left,
        &mut found,
    );
    found
}

/// The schema, as the newer pg_dump prints it, without what the migration itself has on either side.
fn schema(pair: &Pair, server: &Server, whole: bool) -> dump::Entries {
    let mut command = pair.newer("pg_dump", server);
    command.args(["--schema-only", "--lock-wait-timeout=60s"]);
    if !whole {
        command.args(["--no-publications", "--no-subscriptions"]);
    }
    let output = command.output().expect("pg_dump");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut entries = dump::entries(&String::from_utf8_lossy(&output.stdout));
    if !whole {
        entries.retain(|header, _| !header.contains("dts_"));
        for text in entries.values_mut().flatten() {
            let kept: Vec<&str> = text
                .lines()
                .filter(|line| !line.contains(" REPLICA IDENTITY "))
                .collect();
            *text = kept.join("\n");
        }
    }
    for (header, texts) in &mut entries {
        for text in texts {
            *text = spelled(pair, header, text);
        }
    }
    entries
}

/// Whether one of the servers is older than the major, and the other is not.
fn straddle(pair: &Pair, major: u32) -> bool {
    (pair.source.major() < major) != (pair.target.major() < major)
}

/// The text of an entry without what the majors spell in different ways.
fn spelled(pair: &Pair, header: &str, text: &str) -> String {
    let mut text = text.to_owned();
    let mut without = |expression: &str, by: &str| {
        let expression = regex::Regex::new(expression).expect("an expression");
        text = expression.replace_all(&text, by).into_owned();
    };
    if straddle(pair, 14) {
        // a range type has a multirange type; arguments of procedures have their mode
        without(",?\n *multirange_type_name = .*", "");
        if header.contains("PROCEDURE ") {
            without("([(] *|, )IN ", "$1");
        }
    }
    if straddle(pair, 16) && header.contains("VIEW ") {
        // columns of a single relation have its name before them
        without("(\\w+|\"[^\"]+\")\\.", "");
    }
    if straddle(pair, 18) {
        // a constraint that is only NOT NULL has a name, which follows no renaming
        without("CONSTRAINT (\\w+|\"[^\"]+\") NOT NULL", "NOT NULL");
    }
    text
}

/// What pg_dump has of one side only. `whole`: all of it, when nothing of the migration is left.
pub fn schemas_differ(pair: &Pair, whole: bool) -> Vec<String> {
    let [source, target] = [&pair.source, &pair.target].map(|server| schema(pair, server, whole));
    let majors = [pair.source.major(), pair.target.major()];
    let compared = dump::compare(&source, &target);
    assert!(
        compared.identical > 100,
        "two dumps with {} common entries",
        compared.identical
    );
    let differences = compared
        .differences
        .iter()
        .filter(|difference| taken::reason(difference, majors).is_none());
    differences
        .map(|difference| {
            format!(
                "schema: {} {}",
                difference.item,
                difference.details.join(" | ")
            )
        })
        .collect()
}

/// Counts and hashes of the rows of all tables that are not unlogged.
fn rows(server: &Server) -> BTreeMap<String, (i64, String)> {
    let tables = lines(
        server,
        &format!(
            "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND {USERS} ORDER BY 1"
        ),
    );
    let mut client = server.connect(DATABASE);
    client.batch_execute(PINS).expect("settings");
    let mut rows = BTreeMap::new();
    for table in tables {
        let query = format!(
            "SELECT count(*), coalesce(sum(hashtextextended(one_row::text, 0)::numeric), 0)::text FROM ONLY {table} one_row"
        );
        let row = client
            .query_one(&query, &[])
            .unwrap_or_else(|error| panic!("{query}: {error:?}"));
        rows.insert(table, (row.get(0), row.get(1)));
    }
    rows
}

/// Tables whose rows are not the same, each with some of these rows.
pub fn rows_differ(pair: &Pair) -> (Vec<String>, i64) {
    let [source, target] = std::thread::scope(|scope| {
        [&pair.source, &pair.target]
            .map(|server| scope.spawn(|| rows(server)))
            .map(|rows| rows.join().expect("rows"))
    });
    let mut found = Vec::new();
    for table in source.keys().chain(target.keys()).collect::<BTreeSet<_>>() {
        match (source.get(table), target.get(table)) {
            (Some(here), Some(there)) if here == there => {}
            (Some(here), Some(there)) => {
                let text = format!(
                    "rows: {table}: {} on the source, {} on the target",
                    here.0, there.0
                );
                found.push(text + &shown(pair, table, here.0.max(there.0)));
            }
            (here, _) => found.push(format!(
                "rows: {table}: only on the {}",
                if here.is_some() { "source" } else { "target" }
            )),
        }
    }
    (found, source.values().map(|(count, _)| count).sum())
}

fn shown(pair: &Pair, table: &str, count: i64) -> String {
    if count > SHOWN {
        return String::new();
    }
    let query = format!("SELECT left(one_row::text, 120) FROM ONLY {table} one_row");
    let [source, target] = [&pair.source, &pair.target].map(|server| lines(server, &query));
    let found = different("row", &source, &target, ["source", "target"]);
    found
        .iter()
        .take(6)
        .map(|line| format!("\n      {line}"))
        .collect()
}

/// Sequences of the target that would give a value once more.
pub fn sequences_behind(pair: &Pair) -> Vec<String> {
    let query = format!(
        "SELECT format('%I.%I', n.nspname, c.relname), s.seqincrement > 0, s.seqcycle, pg_sequence_last_value(c.oid)
         FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {USERS}"
    );
    let values = |server: &Server| -> BTreeMap<String, Option<i64>> {
        lines(server, &query)
            .iter()
            .map(|line| {
                let (name, value) = line.rsplit_once(" | ").expect("columns");
                (name.to_owned(), value.parse().ok())
            })
            .collect()
    };
    let (source, target) = (values(&pair.source), values(&pair.target));
    let behind = source
        .iter()
        .filter(|(name, value)| match (value, target.get(*name)) {
            (_, None) | (Some(_), Some(None)) => true,
            (None, _) => false,
            // a cycle has no direction
            (Some(here), Some(Some(there))) => {
                !name.ends_with("| t")
                    && (if name.contains(" | t |") {
                        there < here
                    } else {
                        there > here
                    })
            }
        });
    let told = behind.map(|(name, value)| {
        format!(
            "sequence: {name}: {value:?} on the source, {:?} on the target",
            target.get(name)
        )
    });
    told.collect()
}

/// What belongs to the database itself, and large objects.
pub fn database(server: &Server) -> Vec<String> {
    let mut all = lines(
        server,
        "SELECT 'owner', pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()
         UNION ALL SELECT 'comment', shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()
         UNION ALL SELECT 'limits', format('%s %s', datconnlimit, datallowconn)
             FROM pg_database WHERE datname = current_database()
         UNION ALL SELECT 'right', format('%s %s %s %s', a.privilege_type, pg_get_userbyid(a.grantee), pg_get_userbyid(a.grantor),
             a.is_grantable) FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = current_database()
         UNION ALL SELECT 'setting', format('%s %s', CASE s.setrole WHEN 0 THEN '' ELSE pg_get_userbyid(s.setrole) END, c)
             FROM pg_db_role_setting s, unnest(s.setconfig) c
             WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())",
    );
    all.extend(lines(
        server,
        "SELECT 'large object', m.oid, pg_get_userbyid(m.lomowner), m.lomacl, obj_description(m.oid, 'pg_largeobject'),
            md5(lo_get(m.oid))
         FROM pg_largeobject_metadata m",
    ));
    all
}

/// Roles with their settings and memberships, as commands.
pub fn roles(pair: &Pair, server: &Server) -> Vec<String> {
    let mut command = pair.newer("pg_dumpall", server);
    let output = command
        .args(["--roles-only", "--no-role-passwords"])
        .output()
        .expect("pg_dumpall");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let roles = dump::roles(&String::from_utf8_lossy(&output.stdout)).into_keys();
    // memberships have options and a grantor from 16 on
    let options =
        regex::Regex::new("(,| WITH) INHERIT (TRUE|FALSE)( GRANTED BY .*)?$|( GRANTED BY .*)$")
            .expect("an expression");
    roles
        .map(|role| {
            if straddle(pair, 16) {
                options.replace(&role, "").into_owned()
            } else {
                role
            }
        })
        .collect()
}

/// Of the target: tables with rows that were never analyzed (not those of the load, which come and go), and materialized
/// views that are empty there only.
pub fn not_ready(pair: &Pair) -> Vec<String> {
    let mut found = lines(
        &pair.target,
        "SELECT 'no statistics', c.oid::regclass FROM pg_class c WHERE c.relkind = 'r' AND c.oid >= 16384
           AND c.relpersistence = 'p' AND c.relnamespace::regnamespace::text !~ '^(load|dts_)' AND c.relname !~ '^dts_'
           AND pg_relation_size(c.oid) > 0 AND NOT EXISTS (SELECT FROM pg_statistic s WHERE s.starelid = c.oid)",
    );
    let populated = "SELECT format('%I.%I', n.nspname, c.relname), c.relispopulated FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'm'";
    let [source, target] = [&pair.source, &pair.target].map(|server| lines(server, populated));
    found.extend(different(
        "materialized view",
        &source,
        &target,
        ["source", "target"],
    ));
    found
}

/// Replica identities that are not the default.
fn identities(server: &Server) -> Vec<String> {
    lines(
        server,
        &format!(
            "SELECT format('%I.%I', n.nspname, c.relname), c.relreplident, (SELECT indexrelid::regclass FROM pg_index
               WHERE indrelid = c.oid AND indisreplident) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p') AND c.relreplident <> 'd' AND {USERS} ORDER BY 1"
        ),
    )
}

/// What a migration may not leave.
fn left(server: &Server) -> Vec<String> {
    lines(
        server,
        "SELECT 'extension', extname FROM pg_extension WHERE extname LIKE 'dts%'
         UNION ALL SELECT 'schema', nspname FROM pg_namespace WHERE nspname LIKE 'dts%'
         UNION ALL SELECT 'table', relname FROM pg_class WHERE relname LIKE 'dts%' AND relkind IN ('r', 'S', 'v')
         UNION ALL SELECT 'subscription', subname FROM pg_subscription
         UNION ALL SELECT 'slot', slot_name FROM pg_replication_slots
         UNION ALL SELECT 'origin', roname FROM pg_replication_origin
         UNION ALL SELECT 'publication', pubname FROM pg_publication
         UNION ALL SELECT 'event trigger', evtname FROM pg_event_trigger
         UNION ALL SELECT 'prepared transaction', gid FROM pg_prepared_xacts
         UNION ALL SELECT name, setting FROM pg_settings WHERE name = 'default_transaction_read_only' AND setting <> 'off'",
    )
}

/// All of the source that a migration that was given up must leave as it was.
pub struct Before {
    schema: dump::Entries,
    database: Vec<String>,
    roles: Vec<String>,
    identities: Vec<String>,
}

impl Before {
    pub fn of(pair: &Pair) -> Self {
        Self {
            schema: schema(pair, &pair.source, true),
            database: database(&pair.source),
            roles: roles(pair, &pair.source),
            identities: identities(&pair.source),
        }
    }

    /// What is not as it was.
    pub fn differs(&self, pair: &Pair) -> Vec<String> {
        let now = Self::of(pair);
        let names = ["before", "after"];
        let compared = dump::compare(&self.schema, &now.schema);
        let mut found: Vec<String> = compared
            .differences
            .iter()
            .map(|difference| {
                format!(
                    "schema: {} {}",
                    difference.item,
                    difference.details.join(" | ")
                )
            })
            .collect();
        found.extend(different("database", &self.database, &now.database, names));
        found.extend(different("role", &self.roles, &now.roles, names));
        found.extend(different(
            "identity",
            &self.identities,
            &now.identities,
            names,
        ));
        found.extend(
            left(&pair.source)
                .iter()
                .map(|what| format!("left on the source: {what}")),
        );
        found
    }

    /// What a finished migration has left on either side.
    pub fn left(&self, pair: &Pair) -> Vec<String> {
        let mut found = Vec::new();
        for (name, server) in [("source", &pair.source), ("target", &pair.target)] {
            found.extend(
                left(server)
                    .iter()
                    .map(|what| format!("left on the {name}: {what}")),
            );
            // tables that the load has dropped or renamed had the default
            found.extend(different(
                "identity",
                &self.identities,
                &identities(server),
                ["before", name],
            ));
            let roles = roles(pair, server);
            found.extend(different("role", &self.roles, &roles, ["before", name]));
        }
        found
    }
}

/// Everything of the target that is not as on the source, and how many rows were compared. What belongs to the database is
/// compared with what the source had before: a switch keeps its users out by something of that kind.
pub fn differ(pair: &Pair, before: &Before) -> (Vec<String>, i64) {
    let (mut found, count) = rows_differ(pair);
    found.extend(schemas_differ(pair, false));
    found.extend(sequences_behind(pair));
    found.extend(different(
        "database",
        &before.database,
        &database(&pair.target),
        ["source", "target"],
    ));
    found.extend(not_ready(pair));
    (found, count)
}
