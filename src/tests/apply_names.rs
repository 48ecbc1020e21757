//! A destination has the indexes of the source, by their names: those that a failed concurrent build has left there have no row,
//! stand in the way of names, and become valid by whatever builds them anew.

use super::pair::Pair;

/// A unique index that fails, then rows that it would allow.
const BROKEN: [&str; 4] = [
    "create table t(id int primary key, b int, c varchar(10))",
    "insert into t values (1,1,'x'),(2,1,'y')",
    "create unique index concurrently u on t(b)",
    "delete from t where id = 2",
];

/// Each in a schema of its own, statement by statement; the first ones are those of [`BROKEN`] where so said.
const CASES: [(&str, bool, &[&str]); 42] = [
    (
        "i_altertype",
        true,
        &[
            "alter table t alter b type bigint",
            "insert into t values (5,5,'5')",
        ],
    ),
    (
        "i_altertype2",
        true,
        &[
            "alter table t alter c type varchar(20)",
            "alter table t alter c type text",
            "drop index u",
            "create table afterwards(i int)",
        ],
    ),
    (
        "i_altertype_name",
        true,
        &[
            "create unique index concurrently on t((1))",
            "alter table t alter b type bigint",
        ],
    ),
    ("i_cluster", true, &["cluster t using t_pkey"]),
    (
        "i_cluster_plain",
        true,
        &[
            "alter table t cluster on t_pkey",
            "cluster t",
            "drop index u",
            "create table afterwards(i int)",
        ],
    ),
    (
        "i_do",
        true,
        &[
            "do $$ begin truncate t; execute 'alter table t add d int'; end $$",
            "drop index u",
        ],
    ),
    (
        "i_drop_mixed",
        true,
        &[
            "create index good on t(c)",
            "drop index u, good",
            "create index good on t(c)",
            "create table afterwards(i int)",
        ],
    ),
    (
        "i_drop_valid",
        true,
        &[
            "vacuum full t",
            "drop index concurrently u",
            "create table afterwards(i int)",
        ],
    ),
    (
        "i_dropcol",
        true,
        &["alter table t drop b", "create table u(i int)"],
    ),
    (
        "i_droptable",
        true,
        &["drop table t", "create table u(i int)"],
    ),
    (
        "i_like",
        true,
        &[
            "create table l1 (like t including indexes)",
            "create table l2 (x int unique, like l1 including indexes)",
            "insert into l1 values (1,1,'a')",
        ],
    ),
    (
        "i_matview",
        false,
        &[
            "create table t(i int)",
            "insert into t values (1),(1)",
            "create materialized view m as select * from t",
            "create unique index concurrently mu on m(i)",
            "delete from t",
            "refresh materialized view m",
            "drop index mu",
            "create table afterwards(i int)",
        ],
    ),
    (
        "i_matview2",
        false,
        &[
            "create table t(i int)",
            "insert into t values (1),(1)",
            "create materialized view m as select * from t",
            "create unique index concurrently mu on m(i)",
            "delete from t",
            "refresh materialized view m",
        ],
    ),
    (
        "i_newname",
        true,
        &[
            "alter index u rename to bad",
            "create index u on t(c)",
            "reindex table t",
        ],
    ),
    (
        "i_reindex_conc",
        true,
        &[
            "reindex index concurrently u",
            "insert into t values (5,5,'5')",
        ],
    ),
    (
        "i_reindex_conc_table",
        true,
        &["reindex table concurrently t", "reindex table t"],
    ),
    (
        "i_reindex_index",
        true,
        &[
            "reindex index u",
            "comment on index u is 'x'",
            "alter index u rename to w",
            "drop index w",
        ],
    ),
    (
        "i_reindex_keep",
        true,
        &[
            "comment on index u is 'it''s \\ x'",
            "reindex table t",
            "alter index u set (fillfactor = 50)",
        ],
    ),
    (
        "i_reindex_schema",
        true,
        &[
            "reindex schema i_reindex_schema",
            "drop index u",
            "create table afterwards(i int)",
        ],
    ),
    (
        "i_reindex_table",
        true,
        &[
            "reindex table t",
            "insert into t values (5,5,'5')",
            "drop index u",
            "create table afterwards(i int)",
        ],
    ),
    (
        "i_rename_invalid",
        true,
        &[
            "alter index u rename to u2",
            "comment on index u2 is 'k'",
            "reindex table t",
        ],
    ),
    (
        "i_rollback",
        true,
        &["begin", "reindex table t", "rollback", "reindex table t"],
    ),
    (
        "i_savepoint",
        true,
        &[
            "begin",
            "savepoint a",
            "truncate t",
            "rollback to a",
            "insert into t values (7,7,'7')",
            "commit",
            "drop index u",
            "create table afterwards(i int)",
        ],
    ),
    (
        "i_truncate",
        true,
        &[
            "truncate t",
            "drop index u",
            "create table afterwards(i int)",
        ],
    ),
    (
        "i_truncate_keep",
        true,
        &["truncate t", "insert into t values (5,5,'5')"],
    ),
    (
        "i_unlogged",
        true,
        &["alter table t set unlogged", "alter table t set logged"],
    ),
    (
        "i_usingindex",
        true,
        &[
            "reindex table t",
            "alter table t add constraint cu unique using index u",
            "insert into t values (5,5,'5')",
        ],
    ),
    (
        "i_usingindex2",
        true,
        &[
            "begin",
            "reindex table t",
            "alter table t add constraint cu unique using index u",
            "commit",
        ],
    ),
    (
        "i_vacuum_full",
        true,
        &[
            "vacuum full t",
            "insert into t values (5,5,'5')",
            "drop index u",
            "create table afterwards(i int)",
        ],
    ),
    ("i_vacuum_keep", true, &["vacuum (full, analyze) t"]),
    (
        "n_attach",
        false,
        &[
            "create table p(i int) partition by range (i)",
            "create index on p(i)",
            "create unique index on p(i)",
            "create table p1(i int)",
            "insert into p1 values (1),(1)",
            "create unique index concurrently p1_i_idx on p1(i)",
            "delete from p1",
            "alter table p attach partition p1 for values from (0) to (10)",
            "insert into p1 values (1)",
        ],
    ),
    (
        "n_like",
        false,
        &[
            "create table x(i int)",
            "insert into x values (1),(1)",
            "create unique index concurrently b_i_idx on x(i)",
            "create table a(i int unique)",
            "create index on a(i)",
            "create table b(like a including all)",
            "drop table x",
        ],
    ),
    (
        "n_long",
        false,
        &[
            "create table aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa(bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb int)",
            "insert into aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa values (1),(1)",
            "create unique index concurrently on aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa(bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb)",
            "create index on aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa(bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb)",
            "truncate aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "alter table aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa add unique (bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb)",
        ],
    ),
    (
        "n_multi",
        false,
        &[
            "create table t(i int)",
            "insert into t values (1),(1)",
            "create unique index concurrently on t(i)",
            "create index on t(i)",
            "create index on t(i)",
            "create index t_i_idx7 on t(i)",
            "create index on t(i)",
            "drop index t_i_idx",
            "drop index t_i_idx1",
            "create index on t(i)",
        ],
    ),
    (
        "n_part",
        false,
        &[
            "create table p(i int) partition by range (i)",
            "create table p1 partition of p for values from (0) to (10)",
            "create table p2 partition of p for values from (10) to (20)",
            "insert into p1 values (1),(1)",
            "create unique index concurrently p1_i_idx on p1(i)",
            "create index on p(i)",
            "create index on p(i)",
            "drop index p1_i_idx",
            "create table afterwards(i int)",
        ],
    ),
    (
        "n_partof",
        false,
        &[
            "create table x(i int)",
            "insert into x values (1),(1)",
            "create table p(i int primary key, j int, unique (i, j)) partition by range (i)",
            "create index on p(j)",
            "create unique index concurrently p1_pkey on x(i)",
            "create table p1 partition of p for values from (0) to (10)",
            "insert into p1 values (1,1)",
        ],
    ),
    (
        "n_pkey",
        false,
        &[
            "create table t(i int)",
            "insert into t values (1),(1)",
            "create unique index concurrently t_pkey on t(i)",
            "delete from t",
            "alter table t add primary key (i)",
            "insert into t values (1)",
        ],
    ),
    (
        "n_quoted",
        false,
        &[
            "create table \"T 1\"(\"a\"\"b\" int)",
            "insert into \"T 1\" values (1),(1)",
            "create unique index concurrently on \"T 1\"(\"a\"\"b\")",
            "create index on \"T 1\"(\"a\"\"b\")",
            "create index \"T 1_x\" on \"T 1\"(\"a\"\"b\")",
        ],
    ),
    (
        "n_schema",
        false,
        &[
            "create table x(i int)",
            "insert into x values (1),(1)",
            "create unique index concurrently a_i_idx on x(i)",
            "create schema n_schema_s create table a(i int) create index on a(i)",
            "create table a(i int)",
            "create index on a(i)",
            "drop table x",
        ],
    ),
    (
        "n_serial",
        false,
        &[
            "create table x(i int)",
            "insert into x values (1),(1)",
            "create unique index concurrently t_id_seq on x(i)",
            "create table t(id serial primary key, k int unique, b bigserial)",
            "insert into t(k) values (1)",
            "alter table t add n int generated always as identity",
            "alter sequence t_id_seq1 increment 2",
        ],
    ),
    (
        "n_table",
        false,
        &[
            "create table x(i int)",
            "insert into x values (1),(1)",
            "create unique index concurrently t_k_key on x(i)",
            "create unique index concurrently t_k_key1 on x(i)",
            "create table t(id int primary key, k int unique, l int unique, exclude using btree (k with =))",
        ],
    ),
    (
        "n_unique",
        false,
        &[
            "create table t(i int)",
            "insert into t values (1),(1)",
            "create unique index concurrently t_i_key on t(i)",
            "delete from t",
            "alter table t add unique (i)",
            "drop index t_i_key",
            "create table afterwards(i int)",
            "insert into t values (1)",
        ],
    ),
];

#[test]
fn indexes_of_concurrent_builds() {
    let pair = Pair::simple("names");
    for (name, is_broken, statements) in CASES {
        let mut client = pair.source.connect();
        client
            .batch_execute(&format!("CREATE SCHEMA {name}"))
            .unwrap();
        client
            .batch_execute(&format!("SET search_path = {name}"))
            .unwrap();
        let first: &[&str] = if is_broken { &BROKEN } else { &[] };
        let mut failed = 0;
        for statement in first.iter().chain(statements) {
            // a concurrent build fails, and so it shall
            if let Err(error) = client.batch_execute(statement) {
                assert!(
                    statement.contains("concurrently"),
                    "{name}: {statement}: {error}"
                );
                failed += 1;
            }
        }
        assert!(failed > 0, "{name}");
    }
    pair.check();
}

/// A sequence that an event trigger of this server makes is not the command's.
#[test]
fn sequences_of_event_triggers() {
    let pair = Pair::simple("names_trigger");
    pair.destination.run(
        "CREATE FUNCTION log_table() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
           IF tg_tag = 'CREATE TABLE' AND coalesce(current_setting('names.logs', true), '') = '' THEN
             PERFORM set_config('names.logs', '1', true); CREATE TABLE log (id serial, t text); END IF; END $$;
         CREATE EVENT TRIGGER log_table ON ddl_command_start EXECUTE FUNCTION log_table();
         ALTER EVENT TRIGGER log_table ENABLE ALWAYS",
    );
    pair.source.run_each(&[
        "CREATE SEQUENCE s_a_seq",
        "CREATE TABLE s (a serial, b serial)",
    ]);
    pair.wait();
    assert_eq!(
        pair.destination.value(
            "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace AND relname !~ '^dts_'"
        ),
        "log_id_seq s_a_seq s_a_seq1 s_b_seq"
    );
}

/// Indexes that say the same, with comments: each copy has its own.
#[test]
fn comments_of_copies() {
    let pair = Pair::simple("names_comments");
    pair.source.run_each(&[
        "CREATE TABLE t (a int); CREATE INDEX ON t (a); CREATE INDEX ON t (a); CREATE INDEX ON t (a)",
        "COMMENT ON INDEX t_a_idx1 IS 'one'; COMMENT ON INDEX t_a_idx2 IS 'two'",
    ]);
    pair.wait();
    // the copies are made in the order of the originals' OIDs
    pair.destination.run(
        "SET session_replication_role = replica; DROP INDEX t_a_idx1; CREATE INDEX t_a_idx1 ON t (a); COMMENT ON INDEX t_a_idx1 IS 'one'",
    );
    pair.source.run("CREATE TABLE u (LIKE t INCLUDING ALL)");
    pair.check();
}

/// An index that says the same as that of a constraint is another thing.
#[test]
fn copies_of_constraints() {
    let pair = Pair::simple("names_constraint");
    pair.source.run_each(&[
        "CREATE TABLE t (a int); CREATE UNIQUE INDEX t_a_idx ON t (a); ALTER TABLE t ADD UNIQUE (a); ALTER TABLE t ADD UNIQUE (a) DEFERRABLE",
        "CREATE TABLE u_a_key (x int)",
    ]);
    pair.wait();
    // the copies are made in the order of the originals' OIDs
    pair.destination.run(
        "SET session_replication_role = replica; DROP INDEX t_a_idx; CREATE UNIQUE INDEX t_a_idx ON t (a);
         ALTER TABLE t DROP CONSTRAINT t_a_key; ALTER TABLE t ADD CONSTRAINT t_a_key UNIQUE (a)",
    );
    pair.source.run("CREATE TABLE u (LIKE t INCLUDING ALL)");
    pair.check();
    // one that only the source has, of a build that has failed
    pair.source
        .run_each(&["CREATE TABLE v (a int)", "INSERT INTO v VALUES (1)"]);
    let mut holder = pair.source.connect();
    holder.batch_execute("BEGIN; UPDATE v SET a = a").unwrap();
    let mut client = pair.source.connect();
    client.batch_execute("SET lock_timeout = '100ms'").unwrap();
    client
        .batch_execute("CREATE UNIQUE INDEX CONCURRENTLY ON v (a)")
        .unwrap_err();
    holder.batch_execute("COMMIT").unwrap();
    pair.source.run_each(&[
        "ALTER TABLE v ADD UNIQUE (a)",
        "CREATE TABLE w (LIKE v INCLUDING ALL)",
        "COMMENT ON INDEX w_a_key IS 'k'",
    ]);
    pair.check();
}

/// What other sessions do to an index while it is built is not lost.
#[test]
fn altered_while_built() {
    let pair = Pair::simple("names_built");
    pair.source.run_each(&[
        "CREATE TABLE t (a int PRIMARY KEY)",
        "INSERT INTO t VALUES (1)",
    ]);
    for (create, name, alter) in [
        (
            "CREATE INDEX CONCURRENTLY c ON t (a)",
            "c",
            &["COMMENT ON INDEX c IS 'it''s'"][..],
        ),
        (
            "CREATE INDEX CONCURRENTLY ON t (a)",
            "t_a_idx",
            &[
                "ALTER INDEX t_a_idx RENAME TO \"R\"",
                "COMMENT ON INDEX \"R\" IS 'r'",
            ],
        ),
        (
            "CREATE INDEX CONCURRENTLY f ON t (a) WHERE a > 0",
            "f",
            &[
                "ALTER INDEX f SET (fillfactor = 70)",
                "ALTER INDEX f RENAME TO g",
            ],
        ),
    ] {
        let mut holder = pair.source.connect();
        holder.batch_execute("BEGIN; UPDATE t SET a = a").unwrap();
        std::thread::scope(|scope| {
            let build = scope.spawn(|| pair.source.connect().batch_execute(create));
            pair.source.expect_value(
                &format!("SELECT count(*) FROM pg_class WHERE relname = '{name}'"),
                "1",
            );
            pair.source.run_each(alter);
            holder.batch_execute("COMMIT").unwrap();
            build.join().unwrap().unwrap();
        });
    }
    pair.source.run("DROP INDEX g");
    pair.check();
    // in a transaction that ends a little later than the build
    let mut holder = pair.source.connect();
    holder.batch_execute("BEGIN; UPDATE t SET a = a").unwrap();
    std::thread::scope(|scope| {
        let build = scope.spawn(|| {
            let mut client = pair.source.connect();
            client.batch_execute("CREATE INDEX CONCURRENTLY late ON t (a)")
        });
        let is_there = "SELECT count(*) FROM pg_class WHERE relname = 'late'";
        pair.source.expect_value(is_there, "1");
        let mut other = pair.source.connect();
        other
            .batch_execute("BEGIN; COMMENT ON INDEX late IS 'late'")
            .unwrap();
        holder.batch_execute("COMMIT").unwrap();
        std::thread::sleep(std::time::Duration::from_millis(300));
        other.batch_execute("COMMIT").unwrap();
        build.join().unwrap().unwrap();
    });
    pair.check();
}
