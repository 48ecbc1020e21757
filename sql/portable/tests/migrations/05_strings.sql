-- requires: 9.5
-- Strings within strings: several statements in one EXECUTE, with the same tag and object, in loops, recursive, and with calls between;
-- a part whose events are off; functions in LANGUAGE sql; constants of all kinds.
CREATE TABLE ledger (x int);
CREATE FUNCTION widen() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'ALTER TABLE ledger ADD f1 int; ALTER TABLE ledger ADD f2 int'; END $$;
DO $$
BEGIN
  EXECUTE 'ALTER TABLE ledger ADD b int; SELECT widen(); ALTER TABLE ledger ADD c int; GRANT SELECT ON ledger TO PUBLIC; GRANT INSERT ON ledger TO PUBLIC';
  FOR i IN 1..3 LOOP
    EXECUTE 'ALTER TABLE ledger ADD g int; ALTER TABLE ledger DROP COLUMN g; ALTER TABLE ledger ADD h int; ALTER TABLE ledger DROP COLUMN h';
  END LOOP;
  BEGIN
    EXECUTE 'CREATE TABLE lost (x int); SELECT 1 / 0';
  EXCEPTION WHEN division_by_zero THEN
    NULL;
  END;
END $$;
GRANT UPDATE ON ledger TO PUBLIC; GRANT DELETE ON ledger TO PUBLIC;
CREATE FUNCTION nest(n int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  EXECUTE format('CREATE TABLE nest_%1$s (x int); ALTER TABLE nest_%1$s ADD y int; SELECT nest(%2$s) WHERE %2$s > 0; ALTER TABLE nest_%1$s ADD z int; COMMENT ON TABLE nest_%1$s IS ''x''; COMMENT ON TABLE nest_%1$s IS ''y;''', n, n - 1);
END $$;
SELECT nest(3);
CREATE FUNCTION grants(a int) RETURNS void LANGUAGE sql AS 'ALTER TABLE ledger ADD s1 int; ALTER TABLE ledger ADD s2 int; GRANT TRUNCATE ON ledger TO PUBLIC; REVOKE TRUNCATE ON ledger FROM PUBLIC';
SELECT grants(1);
SET session_replication_role = replica;
INSERT INTO ledger (x) VALUES (1);
SET session_replication_role = DEFAULT;
ALTER TABLE ledger ADD d int; ALTER TABLE ledger ADD e int; CREATE TABLE ledger_2 (x int); CREATE TABLE ledger_20 (x int); ALTER TABLE ledger_2 RENAME TO ledger_3;
CREATE TABLE /* a */ "quoted""name;" (a int -- ; ' "
, b text DEFAULT $tag$ ; $tag$, c text DEFAULT E'\';\\', d text DEFAULT U&'\0041;', e text DEFAULT U&'!0041' UESCAPE '!', f bit(4) DEFAULT B'1010', h text DEFAULT 'a'
'b;c');
COMMENT ON TABLE "quoted""name;" IS E'lines\n; /* no comment */ -- nor this'; COMMENT ON COLUMN "quoted""name;".a IS $$d;$$;
CREATE TABLE "select" ("from" int, "where" int, PRIMARY KEY ("from")); ALTER TABLE "select" RENAME "where" TO "into";
CREATE SCHEMA AUTHORIZATION CURRENT_USER CREATE TABLE own_schema (x int); CREATE TEMP TABLE scratch (x int); GRANT SELECT ON scratch TO PUBLIC; DROP TABLE scratch;
