//! One table: how it is cut into chunks, and the queries that read it on either side.
//!
//! A row is hashed from the text of `ROW(..)`, which is made by the output functions of the types alone: no cast, which an
//! owner of a type may have made, and no generated column that is computed when it is read. The hash is PostgreSQL's own
//! (the one by which partitions are found, so that it cannot change between versions), under COLLATE "C", with a seed that is
//! another in each run: who knows the hash cannot prepare rows that hide each other. Where the encodings of the databases
//! differ, the text is hashed in UTF8.
//!
//! Chunks are ranges of the key where the key consists of built-in types, which are compared by built-in operators, and has
//! an index on both sides. Every other table is read as a whole, and its rows fall into [`BUCKETS`] by their hash.

use super::published::{Sent, TableName};
use crate::connection::{Row, Session, Side, identifier, literal};
use std::collections::{BTreeMap, BTreeSet};

pub const BUCKETS: u32 = 1024;

/// Key types whose text means the same value on every server, and whose comparison nobody but a superuser can have changed.
const KEY_TYPES: [&str; 26] = [
    "bit",
    "bool",
    "bpchar",
    "bytea",
    "char",
    "cidr",
    "date",
    "float4",
    "float8",
    "inet",
    "int2",
    "int4",
    "int8",
    "interval",
    "macaddr",
    "macaddr8",
    "name",
    "numeric",
    "oid",
    "text",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "uuid",
    "varchar",
];

pub type Key = Vec<String>;

/// Which rows of the table.
#[derive(Clone, Debug)]
pub enum Scope {
    /// Above the first key, up to the second.
    Range(Option<Key>, Option<Key>),
    Buckets(Vec<u32>),
    /// With one of these keys; of a table without one: with one of these hashes.
    Keys(Vec<Key>),
}

/// What one side has under one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The hash of the row.
    pub content: String,
    pub count: u64,
    /// Which versions of rows these are, of all that this side has had.
    pub versions: String,
}

pub type Rows = BTreeMap<Key, Seen>;

/// Number of rows, and the sum of their hashes.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Sum {
    pub count: u64,
    pub sum: String,
}

struct Here {
    from: String,
    text: String,
    hash: String,
    filter: Option<String>,
    /// Types of the key.
    types: Vec<String>,
}

pub struct Plan {
    pub table: TableName,
    /// Names of the key's columns; none: by buckets.
    pub key: Vec<String>,
    sides: [Here; 2],
    /// What the server believes.
    pub estimate: u64,
}

/// Why there is no plan.
pub enum Unplanned {
    /// A side has no such table, or the destination lacks columns of it.
    Lacks {
        side: Side,
        table: bool,
        what: String,
    },
    Failed(Side, postgres::Error),
}

struct Index {
    is_key: bool,
    columns: Vec<String>,
    types: Vec<String>,
    usable: bool,
}

struct Catalog {
    kind: String,
    estimate: f64,
    /// Name and `attgenerated`.
    columns: Vec<(String, String)>,
    indexes: Vec<Index>,
}

impl Plan {
    /// `seed` of the hash.
    pub fn new(
        table: &TableName,
        sent: &Sent,
        source: &mut Session,
        destination: &mut Session,
        seed: i64,
    ) -> Result<Self, Unplanned> {
        let here = Catalog::read(table, source)?;
        let there = Catalog::read(table, destination)?;
        let stored: BTreeSet<&String> = there
            .columns
            .iter()
            .filter(|(_, generated)| generated == "s")
            .map(|(name, _)| name)
            .collect();
        let columns: Vec<&String> = here
            .columns
            .iter()
            .filter(|(name, generated)| match generated.as_str() {
                "" => sent.columns.as_ref().is_none_or(|sent| sent.contains(name)),
                // computed on both sides, or sent (from 18 on)
                "s" => {
                    stored.contains(name)
                        || source.version >= 180_000
                            && sent
                                .columns
                                .as_ref()
                                .is_some_and(|sent| sent.contains(name))
                }
                _ => false,
            })
            .map(|(name, _)| name)
            .collect();
        let missing: Vec<&str> = columns
            .iter()
            // (one that is computed when it is read would call functions of others)
            .filter(|name| {
                !there
                    .columns
                    .iter()
                    .any(|(other, generated)| other == **name && generated != "v")
            })
            .map(|name| name.as_str())
            .collect();
        if !missing.is_empty() {
            return Err(Unplanned::Lacks {
                side: Side::Destination,
                table: false,
                what: format!("lacks columns: {}", missing.join(", ")),
            });
        }
        // every column of the key has to be among those that are sent, or a destination's row could not be found by it
        let keys = here
            .indexes
            .iter()
            .filter(|index| index.is_key && index.usable);
        let found = keys
            .filter(|index| index.columns.iter().all(|name| columns.contains(&name)))
            .find_map(|index| {
                let other = there
                    .indexes
                    .iter()
                    .find(|other| other.usable && other.columns == index.columns)?;
                Some((index, other))
            });
        let (key, types) = match found {
            Some((index, other)) => (
                index.columns.clone(),
                [index.types.clone(), other.types.clone()],
            ),
            None => (Vec::new(), [Vec::new(), Vec::new()]),
        };
        let convert = source.encoding != destination.encoding;
        let filter = (!sent.filters.is_empty()).then(|| {
            sent.filters
                .iter()
                .map(|filter| format!("({filter})"))
                .collect::<Vec<_>>()
                .join(" OR ")
        });
        let [types_here, types_there] = types;
        let side = |catalog: &Catalog, filter, types| {
            let only = if catalog.kind == "p" { "" } else { "ONLY " };
            let names: Vec<String> = columns
                .iter()
                .map(|name| format!("t.{}", identifier(name)))
                .collect();
            let text = format!("ROW({})::pg_catalog.text", names.join(", "));
            let hashed = if convert {
                format!("pg_catalog.encode(pg_catalog.convert_to({text}, 'UTF8'), 'hex')")
            } else {
                text.clone()
            };
            Here {
                from: format!("{only}{} AS t", table.quoted()),
                hash: format!(
                    "pg_catalog.hashtextextended({hashed} COLLATE pg_catalog.\"C\", {seed})"
                ),
                text,
                filter,
                types,
            }
        };
        Ok(Self {
            table: table.clone(),
            estimate: here.estimate.max(0.0) as u64,
            sides: [
                side(&here, filter, types_here),
                side(&there, None, types_there),
            ],
            key,
        })
    }

    fn side(&self, side: Side) -> &Here {
        &self.sides[side as usize]
    }

    pub fn is_keyed(&self) -> bool {
        !self.key.is_empty()
    }

    fn key_columns(&self) -> String {
        let names: Vec<String> = self
            .key
            .iter()
            .map(|name| format!("t.{}", identifier(name)))
            .collect();
        names.join(", ")
    }

    /// A key as literals of its types, which go through the input functions of the types and through no cast.
    fn literals(&self, side: Side, key: &Key) -> String {
        let types = &self.side(side).types;
        let values: Vec<String> = key
            .iter()
            .zip(types)
            .map(|(value, kind)| format!("{}::{kind}", literal(value)))
            .collect();
        values.join(", ")
    }

    fn condition(&self, side: Side, scope: &Scope) -> String {
        let here = self.side(side);
        let mut all: Vec<String> = here
            .filter
            .iter()
            .map(|filter| format!("({filter})"))
            .collect();
        match scope {
            Scope::Range(above, up_to) => {
                for (operator, border) in [(">", above), ("<=", up_to)] {
                    if let Some(key) = border {
                        all.push(format!(
                            "({}) OPERATOR(pg_catalog.{operator}) ({})",
                            self.key_columns(),
                            self.literals(side, key)
                        ));
                    }
                }
            }
            Scope::Buckets(buckets) => {
                let list: Vec<String> = buckets.iter().map(u32::to_string).collect();
                all.push(format!(
                    "{} OPERATOR(pg_catalog.=) ANY ('{{{}}}'::pg_catalog.int8[])",
                    self.bucket(side),
                    list.join(",")
                ));
            }
            Scope::Keys(keys) if self.is_keyed() => {
                let list: Vec<String> = keys
                    .iter()
                    .map(|key| format!("({})", self.literals(side, key)))
                    .collect();
                all.push(format!(
                    "({}) OPERATOR(pg_catalog.=) ANY (VALUES {})",
                    self.key_columns(),
                    list.join(", ")
                ));
            }
            Scope::Keys(hashes) => {
                let list: Vec<&str> = hashes.iter().map(|key| key[0].as_str()).collect();
                all.push(format!(
                    "{} OPERATOR(pg_catalog.=) ANY ('{{{}}}'::pg_catalog.int8[])",
                    here.hash,
                    list.join(",")
                ));
            }
        }
        if all.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", all.join(" AND "))
        }
    }

    fn bucket(&self, side: Side) -> String {
        format!(
            "({} OPERATOR(pg_catalog.&) {})",
            self.side(side).hash,
            BUCKETS - 1
        )
    }

    /// The key at which a chunk of so many rows ends; none when it is the last.
    pub fn border(
        &self,
        source: &mut Session,
        above: Option<&Key>,
        rows: u64,
    ) -> Result<Option<Key>, postgres::Error> {
        let columns = self.key_columns();
        let above = above.map_or(String::new(), |key| {
            format!(
                " WHERE ({columns}) OPERATOR(pg_catalog.>) ({})",
                self.literals(Side::Source, key)
            )
        });
        let found = source.rows(&format!(
            "SELECT {columns} FROM {}{above} ORDER BY {columns} OFFSET {} LIMIT 1",
            self.side(Side::Source).from,
            rows.max(1) - 1
        ))?;
        Ok(found.first().map(|row| self.key_of(row)))
    }

    /// The key above which the so many rows with the highest keys are; none when there are no more rows than that.
    pub fn newest(&self, source: &mut Session, rows: u64) -> Result<Option<Key>, postgres::Error> {
        let names = self
            .key
            .iter()
            .map(|name| format!("t.{}", identifier(name)));
        let order: Vec<String> = names.map(|name| format!("{name} DESC")).collect();
        let found = source.rows(&format!(
            "SELECT {} FROM {} ORDER BY {} OFFSET {rows} LIMIT 1",
            self.key_columns(),
            self.side(Side::Source).from,
            order.join(", ")
        ))?;
        Ok(found.first().map(|row| self.key_of(row)))
    }

    fn key_of(&self, row: &Row) -> Key {
        (0..self.key.len().max(1))
            .map(|at| row.text(at).to_owned())
            .collect()
    }

    pub fn sum(&self, session: &mut Session, scope: &Scope) -> Result<Sum, postgres::Error> {
        let side = session.side;
        let here = self.side(side);
        let rows = session.rows(&format!(
            "SELECT pg_catalog.count(*), pg_catalog.sum({}) FROM {}{}",
            here.hash,
            here.from,
            self.condition(side, scope)
        ))?;
        Ok(Sum {
            count: rows[0].number(0),
            sum: rows[0].text(1).to_owned(),
        })
    }

    /// The sums of all buckets, by one look at the whole table.
    pub fn buckets(&self, session: &mut Session) -> Result<BTreeMap<u32, Sum>, postgres::Error> {
        let side = session.side;
        let here = self.side(side);
        let filter = here
            .filter
            .as_ref()
            .map_or(String::new(), |filter| format!(" WHERE {filter}"));
        let rows = session.rows(&format!(
            "SELECT q.hash OPERATOR(pg_catalog.&) {}, pg_catalog.count(*), pg_catalog.sum(q.hash)
             FROM (SELECT {} AS hash FROM {}{filter}) AS q GROUP BY 1",
            BUCKETS - 1,
            here.hash,
            here.from
        ))?;
        Ok(rows
            .iter()
            .map(|row| {
                (
                    row.number(0),
                    Sum {
                        count: row.number(1),
                        sum: row.text(2).to_owned(),
                    },
                )
            })
            .collect())
    }

    /// Row by row.
    pub fn rows(&self, session: &mut Session, scope: &Scope) -> Result<Rows, postgres::Error> {
        const VERSION: &str = "ROW(t.tableoid, t.xmin, t.ctid)::pg_catalog.text";
        let side = session.side;
        let here = self.side(side);
        let condition = self.condition(side, scope);
        let mut found = Rows::new();
        if self.is_keyed() {
            let columns = self.key_columns();
            let rows = session.rows(&format!(
                "SELECT {columns}, {}, {VERSION} FROM {}{condition}",
                here.hash, here.from
            ))?;
            let at = self.key.len();
            for row in &rows {
                let seen = Seen {
                    content: row.text(at).to_owned(),
                    count: 1,
                    versions: row.text(at + 1).to_owned(),
                };
                found
                    .entry(self.key_of(row))
                    .and_modify(|other| {
                        // the key of the destination may be none
                        other.count += 1;
                        other.content = format!("{} {}", other.content, seen.content);
                        other.versions = format!("{} {}", other.versions, seen.versions);
                    })
                    .or_insert(seen);
            }
        } else {
            let rows = session.rows(&format!(
                "SELECT q.hash, pg_catalog.count(*), pg_catalog.sum(q.version) FROM (
                   SELECT {} AS hash, pg_catalog.hashtextextended({VERSION} COLLATE pg_catalog.\"C\", 0) AS version FROM {}{condition}
                 ) AS q GROUP BY 1",
                here.hash, here.from
            ))?;
            for row in &rows {
                let content = row.text(0).to_owned();
                found.insert(
                    vec![content.clone()],
                    Seen {
                        content,
                        count: row.number(1),
                        versions: row.text(2).to_owned(),
                    },
                );
            }
        }
        Ok(found)
    }

    /// One row in full.
    pub fn show(
        &self,
        session: &mut Session,
        key: &Key,
    ) -> Result<Option<String>, postgres::Error> {
        let side = session.side;
        let here = self.side(side);
        let condition = self.condition(side, &Scope::Keys(vec![key.clone()]));
        let rows = session.rows(&format!(
            "SELECT {} FROM {}{condition} LIMIT 1",
            here.text, here.from
        ))?;
        Ok(rows.first().and_then(|row| row.get(0).map(str::to_owned)))
    }

    /// For a reader.
    pub fn words(&self, key: &Key) -> String {
        if self.is_keyed() {
            format!("({}) = ({})", self.key.join(", "), key.join(", "))
        } else {
            format!("a row without key, of hash {}", key[0])
        }
    }
}

impl Catalog {
    fn read(table: &TableName, session: &mut Session) -> Result<Self, Unplanned> {
        let side = session.side;
        let failed = |error| Unplanned::Failed(side, error);
        let found = session
            .rows(&format!(
                "SELECT c.oid, c.relkind, CASE WHEN c.relkind = 'p'
                   THEN (SELECT sum(greatest(p.reltuples, 0)) FROM pg_partition_tree(c.oid) t JOIN pg_class p ON p.oid = t.relid AND p.relkind = 'r')
                   ELSE greatest(c.reltuples, 0) END
                 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname = {} AND c.relname = {} AND c.relkind IN ('r', 'p')",
                literal(&table.schema),
                literal(&table.name)
            ))
            .map_err(failed)?;
        let Some(found) = found.first() else {
            return Err(Unplanned::Lacks {
                side,
                table: true,
                what: "has no such table".to_owned(),
            });
        };
        let oid = found.text(0);
        let columns = session
            .rows(&format!(
                "SELECT attname, attgenerated FROM pg_attribute WHERE attrelid = {oid} AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
            ))
            .map_err(failed)?;
        // a domain has the operators of its base type; the directions of an index have to be those of ORDER BY, or all its reverse
        let types: Vec<String> = KEY_TYPES.iter().map(|name| literal(name)).collect();
        let indexes = session
            .rows(&format!(
                "SELECT i.indisprimary OR i.indisreplident, to_json(k.names), to_json(k.types),
                   k.builtin AND k.usable AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
                 FROM pg_index i CROSS JOIN LATERAL (
                   SELECT array_agg(a.attname ORDER BY u.n) AS names, array_agg(b.typname ORDER BY u.n) AS types,
                     bool_and(coalesce(a.attnotnull AND b.typnamespace = 'pg_catalog'::regnamespace AND b.typname IN ({}), false)) AS builtin,
                     bool_and(o.opcdefault AND o.opcnamespace = 'pg_catalog'::regnamespace AND m.amname = 'btree')
                       AND (bool_and(i.indoption[u.n - 1] = 0) OR bool_and(i.indoption[u.n - 1] = 3)) AS usable
                   FROM generate_series(1, i.indnkeyatts) u(n)
                   LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[u.n - 1]
                   LEFT JOIN LATERAL (
                     WITH RECURSIVE d AS (
                       SELECT y.oid, y.typtype, y.typbasetype, y.typname, y.typnamespace FROM pg_type y WHERE y.oid = a.atttypid
                       UNION ALL
                       SELECT y.oid, y.typtype, y.typbasetype, y.typname, y.typnamespace FROM d JOIN pg_type y ON y.oid = d.typbasetype WHERE d.typtype = 'd'
                     ) SELECT * FROM d WHERE d.typtype <> 'd'
                   ) b ON true
                   LEFT JOIN pg_opclass o ON o.oid = i.indclass[u.n - 1]
                   LEFT JOIN pg_am m ON m.oid = o.opcmethod
                 ) k
                 WHERE i.indrelid = {oid} AND i.indisunique ORDER BY i.indisprimary DESC, i.indexrelid",
                types.join(", ")
            ))
            .map_err(failed)?;
        Ok(Self {
            kind: found.text(1).to_owned(),
            estimate: found.number(2),
            columns: columns
                .iter()
                .map(|row| (row.text(0).to_owned(), row.text(1).to_owned()))
                .collect(),
            indexes: indexes
                .iter()
                .map(|row| Index {
                    is_key: row.is_true(0),
                    columns: row.list(1),
                    types: row
                        .list(2)
                        .iter()
                        .map(|name| format!("pg_catalog.{}", identifier(name)))
                        .collect(),
                    usable: row.is_true(3),
                })
                .collect(),
        })
    }
}
