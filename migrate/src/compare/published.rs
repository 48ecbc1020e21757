//! Which tables are compared, and what of them: what the subscriptions of the destination get.

use super::report::{Status, TableReport};
use crate::connection::{Session, identifier, literal};
use crate::problem::Problem;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Of the extension, its portable editions, and the record of a migration.
const OWN_SCHEMAS: [&str; 4] = [
    "dts_ddl",
    "dts_ddl_portable",
    "dts_ddl_apply",
    "dts_migrate",
];

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableName {
    pub schema: String,
    pub name: String,
}

impl TableName {
    pub fn new(schema: &str, name: &str) -> Self {
        Self {
            schema: schema.to_owned(),
            name: name.to_owned(),
        }
    }

    /// As PostgreSQL words the identity of an object.
    pub fn identity(&self) -> String {
        format!("{}.{}", plain(&self.schema), plain(&self.name))
    }

    pub fn quoted(&self) -> String {
        format!("{}.{}", identifier(&self.schema), identifier(&self.name))
    }

    /// What belongs to the extension itself, on each side for itself.
    fn is_own(&self) -> bool {
        OWN_SCHEMAS.contains(&self.schema.as_str())
            || (self.schema == "public" && self.name == "dts_ddl_command")
    }
}

/// Without quotes where it needs none; words of the grammar get none either, for this is only read and compared.
fn plain(name: &str) -> String {
    let first = |c: char| c.is_ascii_lowercase() || c == '_';
    if name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit()) {
        name.to_owned()
    } else {
        identifier(name)
    }
}

impl Serialize for TableName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.identity())
    }
}

/// What of a table is sent.
#[derive(Clone, Default)]
pub struct Sent {
    /// All when absent.
    pub columns: Option<BTreeSet<String>>,
    /// Rows for which one of these is true; all when there is none.
    pub filters: Vec<String>,
    /// Whether all rows are sent by one of the publications.
    whole: bool,
    /// What no publication of the table sends (`DELETE`, ..).
    pub lacking: Vec<&'static str>,
}

pub struct Found {
    pub compared: Vec<(TableName, Sent)>,
    /// Those that are not, or cannot be.
    pub others: Vec<TableReport>,
    /// Of the subscriptions.
    pub slots: Vec<String>,
}

/// `names`: subscriptions; when there are none, all that are enabled.
pub fn subscribed(
    source: &mut Session,
    destination: &mut Session,
    names: &[String],
) -> Result<Found, Problem> {
    let all = destination.ask(
        "SELECT s.oid, s.subname, s.subenabled, s.subslotname, to_json(s.subpublications)
         FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = current_database() ORDER BY s.subname",
    )?;
    let list = || {
        let names: Vec<&str> = all.iter().map(|row| row.text(1)).collect();
        format!(
            "the destination's database has these subscriptions: {}",
            names.join(", ")
        )
    };
    if let Some(name) = names
        .iter()
        .find(|name| !all.iter().any(|row| row.text(1) == **name))
    {
        return Err(Problem::new(
            format!("there is no subscription {name}"),
            list(),
        ));
    }
    let chosen: Vec<_> = all
        .iter()
        .filter(|row| {
            if names.is_empty() {
                row.is_true(2)
            } else {
                names.iter().any(|name| name == row.text(1))
            }
        })
        .collect();
    if chosen.is_empty() {
        return Err(Problem::new(
            "the destination's database has no subscription that is enabled",
            format!(
                "{}; ALTER SUBSCRIPTION .. ENABLE, or, when nobody writes on either side, --at-rest",
                if all.is_empty() {
                    "look whether SOURCE and TARGET are in this order".to_owned()
                } else {
                    list()
                }
            ),
        ));
    }
    if let Some(row) = chosen.iter().find(|row| row.get(3).is_none()) {
        return Err(Problem::new(
            format!("subscription {} has no replication slot", row.text(1)),
            "when nobody writes on either side: --at-rest",
        ));
    }
    let slots = chosen.iter().map(|row| row.text(3).to_owned()).collect();
    let subscriptions: Vec<&str> = chosen.iter().map(|row| row.text(0)).collect();
    let publications: BTreeSet<String> = chosen.iter().flat_map(|row| row.list(4)).collect();
    let sent = sent(source, &publications)?;
    let known = entered(destination, &subscriptions)?;
    let mut found = Found {
        compared: Vec::new(),
        others: Vec::new(),
        slots,
    };
    for (table, sent) in &sent {
        match known.get(table) {
            Some(Entered { ready: true, .. }) => found.compared.push((table.clone(), sent.clone())),
            Some(_) => found.others.push(
                TableReport::new(table, Status::Copying)
                    .with("is being copied")
                    .next("repeat the comparison when it is ready (pg_subscription_rel.srsubstate = 'r')"),
            ),
            None => found.others.push(
                TableReport::new(table, Status::OnlySource)
                    .with("is published, but in no subscription")
                    .next("ALTER SUBSCRIPTION .. REFRESH PUBLICATION, or dts_ddl.copy_table() on the destination"),
            ),
        }
    }
    for (table, entered) in &known {
        // a partition, and the table above it, may both be entered, and rows come for one of them
        if !sent.contains_key(table) && !entered.is_partitioned {
            found.others.push(
                TableReport::new(table, Status::OnlyDestination)
                    .with("is in the subscription, but not published")
                    .next("ALTER PUBLICATION .. ADD TABLE on the source, or REFRESH PUBLICATION on the destination"),
            );
        }
    }
    Ok(found)
}

/// What these publications of the source send.
fn sent(
    source: &mut Session,
    publications: &BTreeSet<String>,
) -> Result<BTreeMap<TableName, Sent>, Problem> {
    let names: Vec<String> = publications.iter().map(|name| literal(name)).collect();
    let (columns, filter) = if source.version >= 150_000 {
        ("to_json(t.attnames)", "t.rowfilter")
    } else {
        ("NULL", "NULL")
    };
    let rows = source.ask(&format!(
        "SELECT t.schemaname, t.tablename, {columns}, {filter}, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate, p.pubname
         FROM pg_publication p LEFT JOIN pg_publication_tables t ON t.pubname = p.pubname WHERE p.pubname IN ({})",
        names.join(", ")
    ))?;
    for name in publications {
        if !rows.iter().any(|row| row.text(8) == name) {
            return Err(Problem::new(
                format!("the source has no publication {name}, which the subscription wants"),
                "look whether SOURCE and TARGET are the right databases; ALTER SUBSCRIPTION .. SET PUBLICATION",
            ));
        }
    }
    let mut tables: BTreeMap<TableName, Sent> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.get(0).is_some()) {
        let table = TableName::new(row.text(0), row.text(1));
        if table.is_own() {
            continue;
        }
        let lacking = ["INSERT", "UPDATE", "DELETE", "TRUNCATE"]
            .into_iter()
            .enumerate()
            .filter(|(at, _)| !row.is_true(4 + at))
            .map(|(_, action)| action);
        let lacking: Vec<&str> = lacking.collect();
        let columns: Option<BTreeSet<String>> =
            row.get(2).map(|_| row.list(2).into_iter().collect());
        match tables.get_mut(&table) {
            None => {
                let filters: Vec<String> = row.get(3).map(str::to_owned).into_iter().collect();
                let whole = filters.is_empty();
                tables.insert(
                    table,
                    Sent {
                        columns,
                        filters,
                        whole,
                        lacking,
                    },
                );
            }
            Some(sent) => {
                // PostgreSQL wants the lists of one subscription to be the same
                sent.columns = match (sent.columns.take(), columns) {
                    (Some(a), Some(b)) => Some(a.intersection(&b).cloned().collect()),
                    (a, b) => a.or(b),
                };
                sent.lacking.retain(|action| lacking.contains(action));
                sent.whole |= row.get(3).is_none();
                sent.filters.extend(row.get(3).map(str::to_owned));
                if sent.whole {
                    sent.filters.clear();
                }
            }
        }
    }
    Ok(tables)
}

struct Entered {
    ready: bool,
    is_partitioned: bool,
}

fn entered(
    destination: &mut Session,
    subscriptions: &[&str],
) -> Result<BTreeMap<TableName, Entered>, Problem> {
    let rows = destination.ask(&format!(
        "SELECT n.nspname, c.relname, bool_and(r.srsubstate = 'r'), bool_or(c.relispartition OR c.relkind = 'p')
         FROM pg_subscription_rel r JOIN pg_class c ON c.oid = r.srrelid JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE r.srsubid IN ({}) AND c.relkind IN ('r', 'p') GROUP BY 1, 2",
        subscriptions.join(", ")
    ))?;
    let tables = rows.iter().map(|row| {
        (
            TableName::new(row.text(0), row.text(1)),
            Entered {
                ready: row.is_true(2),
                is_partitioned: row.is_true(3),
            },
        )
    });
    Ok(tables.filter(|(table, _)| !table.is_own()).collect())
}

/// Where nothing flows: all permanent tables of both.
pub fn at_rest(source: &mut Session, destination: &mut Session) -> Result<Found, Problem> {
    let all = |session: &mut Session| -> Result<BTreeSet<TableName>, Problem> {
        let rows = session.ask(
            "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND c.oid >= 16384",
        )?;
        let names = rows
            .iter()
            .map(|row| TableName::new(row.text(0), row.text(1)));
        Ok(names.filter(|table| !table.is_own()).collect())
    };
    let (here, there) = (all(source)?, all(destination)?);
    let only =
        |table: &TableName, status| TableReport::new(table, status).with("is on one side only");
    let mut others: Vec<TableReport> = here
        .difference(&there)
        .map(|t| only(t, Status::OnlySource))
        .collect();
    others.extend(
        there
            .difference(&here)
            .map(|t| only(t, Status::OnlyDestination)),
    );
    Ok(Found {
        compared: here
            .intersection(&there)
            .map(|table| (table.clone(), Sent::default()))
            .collect(),
        others,
        slots: Vec::new(),
    })
}
