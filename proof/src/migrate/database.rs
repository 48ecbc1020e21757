//! A database of a given size as a shop might have it: the tables of pgbench, about three quarters of the bytes, and
//! several hundred others of all kinds, with what belongs to them and to the database itself. The same seed makes the
//! same database, rows included: no value comes from a clock or from random().
//!
//! Relied on: a superuser's connection, and pgbench of the server's own version. Sizes are estimates.

use super::dice::Dice;
use super::server::{DATABASE, Server};
use std::fmt::Write as _;

/// What does not stand in the loop over the tables.
const REST: &str = include_str!("database.sql");
/// Bytes of a database that `pgbench -i -s 1` makes.
const BYTES_OF_SCALE: u64 = 15_600_000;
/// Owner of all; who runs the application; who reads.
pub const OWNER: &str = "shop_owner";
const ROLES: &str = "CREATE ROLE shop_owner LOGIN; CREATE ROLE shop_app LOGIN CONNECTION LIMIT 50;
    CREATE ROLE \"Shop Report\" NOINHERIT; GRANT shop_app TO shop_owner; GRANT \"Shop Report\" TO shop_app WITH ADMIN OPTION;
    ALTER ROLE shop_app SET statement_timeout = '10min'; COMMENT ON ROLE shop_app IS 'the application'";
/// With rows of one table of many bytes there are many of few: what is copied at the end is long.
const LARGE_ONE_IN: usize = 12;

/// A table with rows, as the load finds it.
pub struct Table {
    /// With its schema, quoted.
    pub name: String,
    /// Nobody will miss a column `extra` that comes and goes.
    pub alterable: bool,
}

/// How large.
pub struct Size {
    pub megabytes: u64,
    pub tables: usize,
    /// Names with spaces and quotation marks in them, and exclusion constraints: pgcopydb 0.10 cannot copy them.
    pub odd_names: bool,
}

impl Size {
    fn spelled(&self, sql: &str) -> String {
        if self.odd_names {
            return sql.to_owned();
        }
        let name = regex::Regex::new("\"[^\"]*\"").expect("an expression");
        let without = sql.replace("\"\"", "");
        name.replace_all(&without, |name: &regex::Captures<'_>| {
            name[0].replace(' ', "_")
        })
        .into_owned()
    }

    /// Roles are of a server, not of a database.
    pub fn make_roles(&self, server: &Server) {
        let mut client = server.connect("postgres");
        client.batch_execute(&self.spelled(ROLES)).expect("roles");
    }
}

/// Makes the database on a server that has none of its objects; which tables it has.
pub fn make(server: &Server, size: &Size, seed: u64) -> Vec<Table> {
    size.make_roles(server);
    let mut first = server.connect("postgres");
    first
        .batch_execute(&format!("CREATE DATABASE {DATABASE} OWNER {OWNER}"))
        .expect("a database");
    let bytes = size.megabytes * 1024 * 1024;
    let scale = (bytes * 3 / 4 / BYTES_OF_SCALE).max(1);
    server.pgbench(
        OWNER,
        &["-i", "-q", "--foreign-keys", "-s", &scale.to_string()],
    );
    let mut client = server.connect(DATABASE);
    client
        .batch_execute("SET client_min_messages = warning")
        .expect("a setting");
    client
        .batch_execute(&size.spelled(REST))
        .expect("database.sql");
    let mut dice = Dice::new(seed, 1);
    let mut weights: Vec<u64> = Vec::new();
    for _ in 0..size.tables {
        weights.push(if dice.one_in(LARGE_ONE_IN) {
            20
        } else {
            1 + dice.roll(3) as u64
        });
    }
    let all: u64 = weights.iter().sum();
    let mut tables = Vec::new();
    for (number, weight) in weights.iter().enumerate() {
        let kind = match number % KINDS {
            EXCLUSION if !size.odd_names => 1,
            kind => kind,
        };
        let one = table(number, kind, bytes / 4 * weight / all, &mut dice);
        client
            .batch_execute(&size.spelled(&format!("SET ROLE {OWNER}; {}", one.sql)))
            .unwrap_or_else(|error| panic!("{}: {error:?}", one.sql));
        tables.push(Table {
            name: size.spelled(&one.name),
            alterable: one.alterable,
        });
    }
    client
        .batch_execute(&size.spelled(&format!("RESET ROLE; {}", whole(&tables))))
        .expect("what belongs to the database");
    for command in ["VACUUM ANALYZE", "CHECKPOINT"] {
        client.batch_execute(command).expect(command);
    }
    tables
}

const KINDS: usize = 23;
const EXCLUSION: usize = 21;

struct Made {
    name: String,
    sql: String,
    alterable: bool,
}

/// What belongs to the database, and what is made of several tables.
fn whole(tables: &[Table]) -> String {
    let first = &tables[0].name;
    format!(
        "ALTER DATABASE {DATABASE} SET search_path = app, public, \"Odd Schema\";
         ALTER DATABASE {DATABASE} SET work_mem = '5MB';
         ALTER DATABASE {DATABASE} SET \"shop.tenant\" = 'it''s one';
         ALTER ROLE \"Shop Report\" IN DATABASE {DATABASE} SET search_path = archive, app;
         ALTER ROLE shop_app IN DATABASE {DATABASE} SET application_name = 'shop';
         COMMENT ON DATABASE {DATABASE} IS 'the shop''s';
         REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC;
         GRANT CONNECT, TEMPORARY ON DATABASE {DATABASE} TO shop_app WITH GRANT OPTION;
         GRANT CONNECT ON DATABASE {DATABASE} TO \"Shop Report\";
         SET ROLE {OWNER};
         CREATE VIEW app.accounts AS SELECT aid, abalance FROM public.pgbench_accounts WHERE aid < 100;
         CREATE VIEW app.accounts_again WITH (security_barrier) AS SELECT * FROM app.accounts WHERE abalance IS NOT NULL;
         CREATE MATERIALIZED VIEW app.\"Mat 1\" AS
           SELECT id % 7 AS part, count(*) AS n, sum(total) AS total FROM {first} GROUP BY 1;
         CREATE UNIQUE INDEX ON app.\"Mat 1\" (part);
         CREATE MATERIALIZED VIEW app.mat2 AS SELECT part, n * 2 AS twice FROM app.\"Mat 1\" WHERE n > 0;
         CREATE MATERIALIZED VIEW app.a_mat3 AS SELECT sum(twice) AS all_of_it FROM app.mat2;
         CREATE MATERIALIZED VIEW app.never AS SELECT * FROM app.mat2 WITH NO DATA;
         COMMENT ON MATERIALIZED VIEW app.mat2 IS 'reads another';
         GRANT SELECT ON app.mat2 TO \"Shop Report\"; RESET ROLE"
    )
}

/// A table of a kind.
fn table(number: usize, kind: usize, bytes: u64, dice: &mut Dice) -> Made {
    let schemas = [
        "app",
        "app",
        "public",
        "archive",
        "\"Odd Schema\"",
        "\"q\"\"uote\"",
        "\"schéma\"",
    ];
    let schema = if number == 0 {
        "app"
    } else {
        *dice.pick(&schemas)
    };
    // the tables that others refer to are where these find them
    let schema = if kind == 0 || kind == 5 {
        "app"
    } else {
        schema
    };
    let bare = if kind == 19 {
        format!("\"Table \"\"{number}\"\" é\"")
    } else {
        format!("t_{number:03}")
    };
    let name = format!("{schema}.{bare}");
    // the latest orders and parts
    let order = number - number % KINDS;
    let part = order + 5;
    let rows = |of_one: u64| (bytes / of_one).clamp(10, 2_000_000);
    let mut sql = String::new();
    let mut add = |text: String| {
        sql.push_str(&text);
        sql.push_str(";\n");
    };
    let fill = |columns: &str, values: &str, of_one: u64| {
        format!(
            "INSERT INTO {name} {columns} SELECT {values} FROM generate_series(1, {}) g",
            rows(of_one)
        )
    };
    let mut alterable = true;
    match kind {
        0 => {
            add(format!(
                "CREATE TABLE {name} (id bigserial PRIMARY KEY, name text NOT NULL, at timestamptz, total numeric(12,2)
                    DEFAULT 0,
                  state app.state DEFAULT 'new')"
            ));
            add(fill(
                "(name, at, total, state)",
                "md5(g::text), timestamptz '2020-01-01 UTC' + g * interval '1 min', g % 1000 + 0.5,
                 (enum_range(NULL::app.state))[g % 4 + 1]",
                270,
            ));
            add(format!("CREATE INDEX ON {name} (lower(name))"));
            add(format!(
                "CREATE INDEX ON {name} (at DESC NULLS LAST) INCLUDE (total) WHERE state <> 'sent'"
            ));
            add(format!("CREATE INDEX ON {name} (app.initials(name))"));
            add(format!(
                "CREATE STATISTICS {schema}.s_{number:03} ON state, total FROM {name}"
            ));
        }
        1 => {
            add(format!("CREATE TABLE {name} (a int, b text, c float8)"));
            add(fill("", "g % 100, 'row ' || g, g / 3.0", 60));
        }
        2 => {
            add(format!(
                "CREATE TABLE {name} (a int, b smallint, v text COLLATE \"C\", PRIMARY KEY (b, a)) WITH (fillfactor = 80,
                    autovacuum_enabled = off)"
            ));
            add(fill("", "g, g % 11, repeat(md5(g::text), 2)", 160));
        }
        3 => {
            add(format!(
                "CREATE TABLE {name} (id uuid PRIMARY KEY, mail app.email UNIQUE, ip inet, mac macaddr)"
            ));
            add(fill(
                "",
                "md5(g::text)::uuid, g || '@example.org', inet '10.0.0.0' + g, '08:00:2b:01:02:03'",
                230,
            ));
        }
        4 => {
            add(format!(
                "CREATE TABLE {name} (code text COLLATE app.\"by C\" PRIMARY KEY, words tsvector, \"check\" boolean DEFAULT
                    true)"
            ));
            add(fill(
                "",
                "'c' || g, to_tsvector('app.plain_words', md5(g::text) || ' a b'), g % 3 = 0",
                170,
            ));
            add(format!("CREATE INDEX ON {name} USING gin (words)"));
        }
        5 => {
            add(format!(
                "CREATE TABLE {name} (id int, day date, total app.amount, note text, PRIMARY KEY (id, day)) PARTITION BY
                    RANGE (day)"
            ));
            for part in 0..4 {
                add(format!(
                    "CREATE TABLE {schema}.t_{number:03}_{part} PARTITION OF {name} FOR VALUES FROM ('202{part}-01-01') TO
                        ('202{}-01-01')",
                    part + 1
                ));
            }
            add(format!(
                "CREATE TABLE archive.t_{number:03}_rest PARTITION OF {name} DEFAULT"
            ));
            add(fill(
                "",
                "g, date '2019-06-01' + g % 2000, g % 500, md5(g::text)",
                130,
            ));
            add(format!("CREATE INDEX ON {name} (total, day)"));
        }
        6 => {
            add(format!(
                "CREATE TABLE {name} (id int GENERATED BY DEFAULT AS IDENTITY, region text, v int, PRIMARY KEY (id, region))
                    PARTITION BY LIST (region)"
            ));
            add(format!(
                "CREATE TABLE {schema}.t_{number:03}_eu PARTITION OF {name} FOR VALUES IN ('de', 'fr')"
            ));
            add(format!(
                "CREATE TABLE {schema}.t_{number:03}_us PARTITION OF {name} FOR VALUES IN ('us', NULL) PARTITION BY HASH (id)"
            ));
            for part in 0..3 {
                add(format!(
                    "CREATE TABLE {schema}.t_{number:03}_us{part} PARTITION OF {schema}.t_{number:03}_us FOR VALUES WITH
                        (MODULUS 3, REMAINDER {part})"
                ));
            }
            add(fill(
                "(region, v)",
                "(ARRAY['de', 'fr', 'us'])[g % 3 + 1], g",
                90,
            ));
        }
        7 => {
            add(format!(
                "CREATE TABLE {name} (id serial PRIMARY KEY, name text, CHECK (name <> ''))"
            ));
            add(format!(
                "CREATE TABLE {schema}.t_{number:03}_child (more int DEFAULT 7) INHERITS ({name})"
            ));
            add(format!(
                "INSERT INTO {schema}.t_{number:03}_child (name) SELECT 'child ' || g FROM generate_series(1, {}) g",
                rows(200)
            ));
            add(fill("(name)", "md5(g::text)", 200));
        }
        8 => {
            add(format!(
                "CREATE TABLE {name} (id int GENERATED ALWAYS AS IDENTITY (INCREMENT 10 START 1000) PRIMARY KEY, total numeric,
                  tax numeric GENERATED ALWAYS AS (total * 0.19) STORED, name text,
                  upper_name text GENERATED ALWAYS AS (upper(name)) STORED)"
            ));
            add(fill("(total, name)", "g * 1.5, 'n' || g", 110));
            add(format!(
                "CREATE INDEX ON {name} (upper_name) WHERE total > 100"
            ));
        }
        9 => {
            add(format!(
                "CREATE TYPE {schema}.mood_{number} AS ENUM ('bad', 'so so', 'good')"
            ));
            add(format!(
                "CREATE TABLE {name} (id int PRIMARY KEY, m {schema}.mood_{number} NOT NULL DEFAULT 'good', s app.state[], a
                    app.amount)"
            ));
            add(fill(
                "",
                &format!(
                    "g, (enum_range(NULL::{schema}.mood_{number}))[g % 3 + 1], ARRAY['new', 'paid']::app.state[], g % 77"
                ),
                110,
            ));
        }
        10 => {
            add(format!(
                "CREATE TABLE {name} (id int PRIMARY KEY, home app.address, all_of app.address[], tags text[][], nums int[])"
            ));
            add(fill(
                "",
                "g, ('Main \"St\"', g, '1' || g)::app.address, ARRAY[('a', 1, NULL)::app.address, NULL], ARRAY[['a', 'b'],
                    [g::text, '{']], ARRAY[g, g + 1]",
                330,
            ));
            add(format!("CREATE INDEX ON {name} USING gin (nums)"));
            add(format!("CREATE INDEX ON {name} (((home).number))"));
        }
        11 => {
            add(format!(
                "CREATE TABLE {name} (id bigint PRIMARY KEY, doc jsonb NOT NULL, j json)"
            ));
            add(fill(
                "",
                "g, jsonb_build_object('k', g, 'name', md5(g::text), 'l', '[1, 2, null]'::jsonb), '{\"a\" : 1}'",
                330,
            ));
            add(format!(
                "CREATE INDEX ON {name} USING gin (doc jsonb_path_ops)"
            ));
            add(format!("CREATE UNIQUE INDEX ON {name} ((doc->>'k'), id)"));
        }
        12 => {
            add(format!(
                "CREATE TABLE {name} (id int PRIMARY KEY, blob bytea, big text)"
            ));
            add(format!(
                "ALTER TABLE {name} ALTER blob SET STORAGE EXTERNAL, ALTER id SET STATISTICS 500"
            ));
            add(fill(
                "",
                "g, decode(repeat(md5(g::text), 200), 'hex'), (SELECT string_agg(md5((g * 50 + i)::text), '') FROM
                    generate_series(1, 150) i)",
                8500,
            ));
        }
        13 => {
            add(format!(
                "CREATE TABLE {name} (id int PRIMARY KEY, parent int REFERENCES {name}, order_id bigint REFERENCES
                    app.t_{order:03} ON DELETE SET NULL, v text)"
            ));
            add(fill("", "g, nullif(g / 10, 0), NULL, md5(g::text)", 110));
            add(format!(
                "UPDATE {name} SET order_id = (SELECT min(id) FROM app.t_{order:03}) WHERE id % 10 = 0"
            ));
            add(format!("CREATE INDEX ON {name} (order_id)"));
        }
        14 => {
            add(format!(
                "CREATE TABLE {name} (id int PRIMARY KEY, part int, day date, FOREIGN KEY (part, day) REFERENCES
                    app.t_{part:03} (id, day) DEFERRABLE INITIALLY DEFERRED)"
            ));
            add(format!(
                "INSERT INTO {name} SELECT row_number() OVER (ORDER BY id), id, day FROM app.t_{part:03} ORDER BY id LIMIT {}",
                rows(70)
            ));
        }
        15 => {
            add(format!(
                "CREATE TABLE {name} (id int PRIMARY KEY, tenant name, secret text)"
            ));
            add(fill(
                "",
                "g, CASE WHEN g % 2 = 0 THEN 'shop_app' ELSE 'other' END, md5(g::text)",
                120,
            ));
            add(format!("ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"));
            add(format!(
                "CREATE POLICY own ON {name} TO shop_app USING (tenant = current_user)"
            ));
            add(format!(
                "CREATE POLICY \"all of it\" ON {name} AS RESTRICTIVE FOR SELECT USING (id > 0)"
            ));
            add(format!(
                "GRANT SELECT (id, tenant), UPDATE (secret) ON {name} TO shop_app"
            ));
        }
        16 => {
            add(format!(
                "CREATE UNLOGGED TABLE {name} (id int PRIMARY KEY, session text)"
            ));
            add(fill("", "g, md5(g::text)", 100));
        }
        17 => {
            add(format!(
                "CREATE TABLE {name} (id int PRIMARY KEY, v text, touched int)"
            ));
            add(fill("", "g, 'v' || g, 0", 70));
            add(format!(
                "CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON {name} FOR EACH ROW EXECUTE FUNCTION app.stamp()"
            ));
            add(format!(
                "CREATE TRIGGER \"Audit it\" AFTER UPDATE OR DELETE ON {name} FOR EACH ROW WHEN (OLD.id % 10 = 0) EXECUTE
                    FUNCTION app.audited()"
            ));
            add(format!("ALTER TABLE {name} ENABLE ALWAYS TRIGGER touch"));
            add(format!(
                "COMMENT ON TRIGGER touch ON {name} IS 'fires always'"
            ));
        }
        18 => {
            add(format!("CREATE TABLE {name} (id int PRIMARY KEY, v text)"));
            add(fill("", "g, 'v' || g", 65));
            add(format!(
                "CREATE RULE keep AS ON DELETE TO {name} WHERE OLD.id < 5 DO INSTEAD NOTHING"
            ));
            add(format!(
                "CREATE VIEW {schema}.v_{number:03} AS SELECT id, v FROM {name} WHERE id > 3 WITH LOCAL CHECK OPTION"
            ));
            add(format!(
                "CREATE RULE ins AS ON INSERT TO {schema}.v_{number:03} DO INSTEAD INSERT INTO {name} VALUES (NEW.id, NEW.v)"
            ));
        }
        19 => {
            add(format!(
                "CREATE TABLE {name} (\"select\" int PRIMARY KEY, \"a b\" text DEFAULT 'it''s', \"ä\"\"\" int, \"from\" text)"
            ));
            add(fill("", "g, E'tab\\t back\\\\slash\\n' || g, g, NULL", 90));
            add(format!(
                "CREATE INDEX \"Ix \"\"{number}\"\"\" ON {name} (\"ä\"\"\", \"a b\" text_pattern_ops)"
            ));
            add(format!("COMMENT ON COLUMN {name}.\"a b\" IS E'a \\\\ b'"));
            add(format!(
                "GRANT ALL ON {name} TO \"Shop Report\" WITH GRANT OPTION"
            ));
        }
        20 => {
            let mut columns = String::from("id int PRIMARY KEY, gone int, toast text");
            for column in 0..60 {
                let _ = write!(
                    columns,
                    ", c{column} {}",
                    ["int", "text", "date", "numeric"][column % 4]
                );
            }
            add(format!("CREATE TABLE {name} ({columns})"));
            add(fill(
                "(id, c0, c1, c2, c3, c56)",
                "g, g, 'x' || g, date '2000-01-01' + g % 5000, g / 7.0, g",
                130,
            ));
            add(format!(
                "ALTER TABLE {name} DROP COLUMN gone, ADD late int NOT NULL DEFAULT 5"
            ));
        }
        EXCLUSION => {
            add(format!(
                "CREATE TABLE {name} (id int CONSTRAINT \"pk\"\"{number}\" PRIMARY KEY, during int4range, w app.span, u int
                    UNIQUE DEFERRABLE,
                  EXCLUDE USING gist (during WITH &&) WHERE (id > 5), CHECK (u > 0) NOT VALID)"
            ));
            add(fill(
                "",
                "g, int4range(g * 10, g * 10 + 9), app.span(g, g + 1), g",
                190,
            ));
        }
        _ => {
            // an identity that its owner has chosen stays
            add(format!(
                "CREATE TABLE {name} (id int NOT NULL UNIQUE, v text, w text)"
            ));
            add(fill("", "g, md5(g::text), NULL", 100));
            if number.is_multiple_of(2) {
                add(format!("ALTER TABLE {name} REPLICA IDENTITY FULL"));
            } else {
                let key = format!("t_{number:03}_id_key");
                add(format!(
                    "ALTER TABLE {name} REPLICA IDENTITY USING INDEX {key}, CLUSTER ON {key}"
                ));
            }
            add(format!("GRANT SELECT, INSERT ON {name} TO shop_app"));
            alterable = !number.is_multiple_of(3);
        }
    }
    if dice.one_in(4) {
        add(format!("COMMENT ON TABLE {name} IS 'of kind {kind}'"));
    }
    Made {
        name,
        sql,
        alterable: alterable && !matches!(kind, 7 | 16 | 18),
    }
}
