-- Errors of the user's own statements: GET STACKED DIAGNOSTICS sees every field, with the library at work.
CREATE TABLE uq (id int CONSTRAINT uq_pk PRIMARY KEY, n int NOT NULL CONSTRAINT pos CHECK (n > 0));
CREATE FUNCTION inner_f(n int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO uq VALUES (1, n);
END $$;
SELECT t.mark();
CREATE FUNCTION t.diag(sql text, OUT state text, OUT msg text, OUT det text, OUT hin text, OUT ctx text, OUT con text, OUT tab text, OUT sch text, OUT col text, OUT typ text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE sql;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, msg = MESSAGE_TEXT, det = PG_EXCEPTION_DETAIL, hin = PG_EXCEPTION_HINT, ctx = PG_EXCEPTION_CONTEXT,
    con = CONSTRAINT_NAME, tab = TABLE_NAME, sch = SCHEMA_NAME, col = COLUMN_NAME, typ = PG_DATATYPE_NAME;
END $$;
SELECT t.mark();
SELECT inner_f(5);
SELECT t.is('unique violation in a function', (SELECT concat_ws('|', state, msg, det, con, tab, sch) FROM t.diag('SELECT inner_f(5)')), '23505|duplicate key value violates unique constraint "uq_pk"|Key (id)=(1) already exists.|uq_pk|uq|public');
SELECT t.is('its context', (SELECT split_part(ctx, E'\n', 2) FROM t.diag('SELECT inner_f(5)')), 'PL/pgSQL function inner_f(integer) line 3 at SQL statement');
SELECT t.is('check violation', (SELECT concat_ws('|', state, con, tab, sch) FROM t.diag('INSERT INTO uq VALUES (2, 0)')), '23514|pos|uq|public');
SELECT t.is('not null', (SELECT concat_ws('|', state, col, tab) FROM t.diag('INSERT INTO uq VALUES (3, NULL)')), '23502|n|uq');
SELECT t.is('in DDL: add a constraint that fails', (SELECT concat_ws('|', state, msg, con, tab, sch) FROM t.diag('ALTER TABLE uq ADD CONSTRAINT big CHECK (n > 100)')), '23514|check constraint "big" of relation "uq" is violated by some row|big|uq|public');
SELECT t.is('in CREATE TABLE AS', (SELECT concat_ws('|', state, con, tab) FROM t.diag('CREATE TABLE made AS SELECT inner_f(i)::text AS x FROM generate_series(1, 2) i')), '23505|uq_pk|uq');
SELECT t.check('its context', (SELECT ctx LIKE 'SQL statement "INSERT INTO uq VALUES (1, n)"%inner_f(integer) line 3%CREATE TABLE made AS%' FROM t.diag('CREATE TABLE made AS SELECT inner_f(i)::text AS x FROM generate_series(1, 2) i')));
SELECT t.is('CREATE UNIQUE INDEX', (SELECT concat_ws('|', state, det, con) FROM t.diag('CREATE UNIQUE INDEX dup ON uq ((1)) ; INSERT INTO uq VALUES (9, 1)')), '23505|Key ((1))=(1) already exists.|dup');
SELECT t.is('DROP with dependents', (SELECT concat_ws('|', state, det, hin) FROM t.diag('CREATE VIEW v AS SELECT * FROM uq; DROP TABLE uq')), '2BP01|view v depends on table uq|Use DROP ... CASCADE to drop the dependent objects too.');
SELECT t.is('no such column', (SELECT concat_ws('|', state, msg, hin) FROM t.diag('CREATE VIEW v AS SELECT idd FROM uq')), '42703|column "idd" does not exist|Perhaps you meant to reference the column "uq.id".');
SELECT t.none('failures leave no rows');
