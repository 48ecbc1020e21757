//! What a command computes for rows that are there is the same on a destination, which runs it later, in another session.

use crate::tests::pair::Pair;

/// Tables with rows, and what gives these a value of the moment, of the session, or of the role.
const CASES: [&[&str]; 12] = [
    &[
        "CREATE TABLE a (id int PRIMARY KEY)",
        "INSERT INTO a VALUES (1), (2)",
        "ALTER TABLE a ADD at timestamptz NOT NULL DEFAULT now()",
    ],
    &[
        "ALTER TABLE a ADD COLUMN \"At\" timestamp(3) DEFAULT clock() CHECK (\"At\" > '2020-01-01'), ADD n int DEFAULT 1, ADD who name NOT NULL DEFAULT current_user",
    ],
    &[
        "INSERT INTO a (id) VALUES (3)",
        "ALTER TABLE a ADD IF NOT EXISTS at timestamptz DEFAULT '2000-01-01', ADD b timestamptz[] DEFAULT ARRAY[now()], ADD c int",
    ],
    &[
        "CREATE DOMAIN stamp AS timestamptz DEFAULT now()",
        "ALTER TABLE a ADD s stamp",
        "INSERT INTO a (id) VALUES (4)",
    ],
    &[
        "CREATE DOMAIN late AS timestamptz DEFAULT now() CHECK (value > '2020-01-01')",
        "ALTER TABLE a ADD l late, ADD m late DEFAULT now() + '1 day'",
    ],
    &[
        "CREATE TABLE p (k int, v text) PARTITION BY LIST (k)",
        "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)",
        "CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2)",
        "INSERT INTO p VALUES (2, 'x')",
        "ALTER TABLE p ADD at timestamptz DEFAULT now()",
        "INSERT INTO p (k) VALUES (1)",
    ],
    &[
        "CREATE TABLE i (x int)",
        "CREATE TABLE i1 (y int) INHERITS (i)",
        "INSERT INTO i1 VALUES (1, 1)",
        "ALTER TABLE i ADD at timestamptz DEFAULT now()",
    ],
    &[
        "CREATE TABLE \"Q t\" (id int)",
        "INSERT INTO \"Q t\" VALUES (1)",
        "DO $$ BEGIN EXECUTE 'ALTER TABLE \"Q t\" ADD \"a b\" text DEFAULT to_char(now(), ''HH24:MI:SS.US'') NOT NULL'; END $$",
    ],
    &[
        "SET app.tenant = 'it''s'",
        "ALTER TABLE a ADD tenant text NOT NULL DEFAULT current_setting('app.tenant')",
        "SET app.tenant = 'other'",
        "INSERT INTO a (id) VALUES (5)",
    ],
    &[
        "SET DateStyle = 'SQL, DMY'",
        "SET IntervalStyle = sql_standard",
        "ALTER TABLE a ADD d date DEFAULT current_date - 40, ADD iv interval DEFAULT now() - '2001-02-03 04:05:06'",
    ],
    &[
        "BEGIN",
        "CREATE TABLE t AS SELECT 1 AS id",
        "ALTER TABLE t ADD at timestamptz DEFAULT now()",
        "UPDATE t SET id = 2",
        "ALTER TABLE t ADD again timestamptz DEFAULT now()",
        "COMMIT",
    ],
    &[
        "CREATE TABLE e (id int PRIMARY KEY)",
        "ALTER TABLE e ADD at timestamptz DEFAULT now()",
        "INSERT INTO e (id) VALUES (1)",
    ],
];

#[test]
fn added_columns() {
    let pair = Pair::simple("added_columns");
    pair.source
        .run("CREATE FUNCTION clock() RETURNS timestamptz STABLE LANGUAGE sql AS 'SELECT statement_timestamp()'");
    for case in CASES {
        pair.source.run_each(case);
    }
    pair.check();
}
