-- The owner of schema public cannot take the capture with it: who makes a table of that name next could forge rows.
CREATE ROLE public_owner;
ALTER SCHEMA public OWNER TO public_owner;
SET ROLE public_owner;
SELECT t.fails('refused', 'DROP SCHEMA public CASCADE', '42501', 'must be superuser to drop extension dts_ddl_capture');
SELECT t.fails('by whatever command', 'DROP OWNED BY public_owner CASCADE', '42501', 'must be superuser to drop extension dts_ddl_capture');
CREATE TABLE public.by_owner (x int);
DROP TABLE public.by_owner;
RESET ROLE;
ALTER SCHEMA public OWNER TO CURRENT_USER;
DROP ROLE public_owner;
SELECT t.is('the table is there', to_regclass('public.dts_ddl_command') IS NOT NULL, true);
