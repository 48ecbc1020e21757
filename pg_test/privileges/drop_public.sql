-- The owner of schema public cannot take the capture with it: who makes a table of that name next could forge rows.
CREATE ROLE public_owner;
ALTER SCHEMA public OWNER TO public_owner;
SELECT current_database() AS database \gset
GRANT CREATE ON DATABASE :"database" TO public_owner;
SET ROLE public_owner;
SELECT t.fails('refused', 'DROP SCHEMA public CASCADE', '42501', 'must be superuser to drop extension dts_ddl_capture');
SELECT t.fails('by whatever command', 'DROP OWNED BY public_owner CASCADE', '42501', 'must be superuser to drop extension dts_ddl_capture');
SELECT t.fails('nor by another name', 'ALTER SCHEMA public RENAME TO old', '42501', 'must be superuser to rename the schema of extension dts_ddl_capture''s table');
RESET ROLE; SET dts_ddl_capture.on_error = warning; SET ROLE public_owner;
SELECT t.fails('where DDL goes through without a row', 'ALTER SCHEMA public RENAME TO old', '42501', 'must be superuser to rename the schema of extension dts_ddl_capture''s table');
RESET ROLE; RESET dts_ddl_capture.on_error; SET ROLE public_owner;
CREATE TABLE public.by_owner (x int);
DROP TABLE public.by_owner;
RESET ROLE;
ALTER SCHEMA public OWNER TO CURRENT_USER;
REVOKE ALL ON DATABASE :"database" FROM public_owner;
DROP ROLE public_owner;
SELECT t.is('the table is there', to_regclass('public.dts_ddl_command') IS NOT NULL, true);
