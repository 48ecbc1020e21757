-- What an owner may reasonably add to the capture table keeps working: plain indexes, statistics, grants, storage parameters.
CREATE ROLE table_extras_r;
CREATE INDEX ON public.dts_ddl_command (tag); CREATE INDEX ON public.dts_ddl_command (event_time DESC, tag); CREATE UNIQUE INDEX ON public.dts_ddl_command (id, tag); CREATE INDEX ON public.dts_ddl_command USING hash (tag);
ALTER TABLE public.dts_ddl_command SET (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.01);
ALTER TABLE public.dts_ddl_command ALTER COLUMN ddl_text SET STORAGE EXTERNAL;
ALTER TABLE public.dts_ddl_command REPLICA IDENTITY FULL;
GRANT SELECT ON public.dts_ddl_command TO table_extras_r;
CREATE STATISTICS st ON tag, username FROM public.dts_ddl_command;
SELECT t.mark();
CREATE TABLE a (x int); DROP TABLE a;
SELECT t.texts('indexes', 'CREATE TABLE a (x int)', 'DROP TABLE a');
SET enable_seqscan = off;
SELECT t.is('every index holds the rows', (SELECT count(*) FROM public.dts_ddl_command WHERE tag = 'DROP TABLE'), 1);
SELECT t.is('every index holds the rows', (SELECT count(*) FROM public.dts_ddl_command WHERE event_time > now() - interval '1 hour' AND tag = 'DROP TABLE'), 1);
RESET enable_seqscan;
-- What capture cannot serve is refused when it is added, not at somebody's next DDL.
SELECT t.fails('a partial index', $$CREATE INDEX ON public.dts_ddl_command (event_time) WHERE tag = 'DROP TABLE'$$, '55000', 'capture table "public.dts_ddl_command" has been altered');
SELECT t.fails('an index on an expression', 'CREATE INDEX ON public.dts_ddl_command (lower(tag))', '55000', 'capture table "public.dts_ddl_command" has been altered');
SELECT t.fails('a column', 'ALTER TABLE public.dts_ddl_command ADD COLUMN x int', '55000', 'capture table "public.dts_ddl_command" has been altered');
SELECT t.fails('a type', 'ALTER TABLE public.dts_ddl_command ALTER COLUMN client_port TYPE text', '55000', 'capture table "public.dts_ddl_command" has been altered');
SELECT t.fails('a name', 'ALTER TABLE public.dts_ddl_command RENAME TO x', '55000', 'capture table "public.dts_ddl_command" does not exist');
SELECT t.none('refused');
CREATE TABLE b (x int);
SELECT t.texts('and DDL goes on', 'CREATE TABLE b (x int)');
