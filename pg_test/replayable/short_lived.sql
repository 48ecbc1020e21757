-- what was there before is on other servers, whatever it has come to depend on; a definition without that is for them
CREATE FUNCTION pg_temp.tf() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TABLE on_it (x int); SELECT t.mark();
CREATE FUNCTION t.replayed(name text, VARIADIC want bool[]) RETURNS text LANGUAGE sql AS $$ SELECT t.is(name, (SELECT array_agg(NOT message ? 'replay' ORDER BY n) FROM t.new()), want) || coalesce(t.mark()::text, '') $$;
SELECT t.mark();
CREATE FUNCTION before(a int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE OR REPLACE FUNCTION before(a int DEFAULT pg_temp.tf()) RETURNS int LANGUAGE sql AS 'SELECT 2';
COMMENT ON FUNCTION before(int) IS 'x';
DROP FUNCTION before(int);
SELECT t.replayed('replaced by one that depends', true, false, true, true);
CREATE FUNCTION since(a int DEFAULT pg_temp.tf()) RETURNS int LANGUAGE sql AS 'SELECT 1';
BEGIN; CREATE OR REPLACE FUNCTION since(a int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT 2'; ROLLBACK;
BEGIN; SAVEPOINT a; CREATE OR REPLACE FUNCTION since(a int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT 2'; ROLLBACK TO a; COMMIT;
COMMENT ON FUNCTION since(int) IS 'x';
CREATE OR REPLACE FUNCTION since(a int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT 2';
COMMENT ON FUNCTION since(int) IS 'y';
DROP FUNCTION since(int);
SELECT t.replayed('replaced by one that does not', false, false, true, true, true);
CREATE POLICY before ON on_it USING (true); ALTER POLICY before ON on_it USING (x = pg_temp.tf()); DROP POLICY before ON on_it;
CREATE POLICY since ON on_it USING (x = pg_temp.tf()); ALTER POLICY since ON on_it USING (true); DROP POLICY since ON on_it;
SELECT t.replayed('policies', true, false, true, false, false, false);
CREATE TYPE pg_temp.kind AS ENUM ('a'); SELECT t.mark();
CREATE TABLE of_kind (x int, k kind); ALTER TABLE of_kind ADD y int;
ALTER TABLE on_it ADD k kind[] DEFAULT '{a}'; ALTER TABLE on_it ADD y int; ALTER TABLE on_it ADD CHECK (x <> length('a'::kind::text)); ALTER TABLE on_it DROP k;
CREATE INDEX ON on_it (x) WHERE 'a'::kind < ANY ('{a}'::kind[]); CREATE DOMAIN of_kind_domain AS text CHECK (VALUE <> 'a'::kind::text);
SELECT t.replayed('parts of tables, indexes, domains', true, true, true, true, false, true, false, false);
CREATE TYPE co AS (a int); ALTER TYPE co ADD ATTRIBUTE k kind; ALTER TYPE co ADD ATTRIBUTE b int; CREATE TYPE co_kind AS (k kind); ALTER TYPE co_kind ADD ATTRIBUTE b int; DROP TYPE co_kind;
CREATE DOMAIN dom AS int; ALTER DOMAIN dom ADD CHECK (VALUE <> pg_temp.tf()); ALTER DOMAIN dom SET DEFAULT 1; DROP DOMAIN dom;
SELECT t.replayed('parts of types', true, false, true, false, false, false, true, false, true, true);
-- from 19 on such a view is temporary
SELECT current_setting('server_version_num')::int < 190000 AS is_permanent \gset
\if :is_permanent
CREATE VIEW of_kind_view AS SELECT 'a'::kind::text AS x;
SELECT t.replayed('views', false);
\endif
ALTER TABLE on_it ADD z text; ALTER TABLE on_it ALTER z TYPE int USING length(z::kind::text); CREATE TABLE on_list (x text) PARTITION BY LIST (x);
CREATE TABLE on_list_1 PARTITION OF on_list FOR VALUES IN ('a'::kind::text); ALTER TABLE on_list DETACH PARTITION on_list_1; ALTER TABLE on_list ATTACH PARTITION on_list_1 FOR VALUES IN ('a'::kind::text);
SELECT t.replayed('what leaves no trace', true, false, true, true, true, true);
CREATE POLICY before ON on_it USING (true); ALTER POLICY before ON on_it USING (x = pg_temp.tf()); SELECT t.mark();
DROP FUNCTION pg_temp.tf() CASCADE;
SELECT t.texts('with what it depends on', 'DROP POLICY IF EXISTS before on public.on_it');
