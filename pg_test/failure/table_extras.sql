-- What an owner may reasonably add to the capture table keeps working: indexes, statistics, grants, storage parameters.
CREATE ROLE table_extras_r;
CREATE INDEX ON public.dts_ddl_command (tag); CREATE INDEX ON public.dts_ddl_command (event_time DESC) WHERE tag = 'DROP TABLE'; CREATE UNIQUE INDEX ON public.dts_ddl_command (id, tag); CREATE INDEX ON public.dts_ddl_command (lower(tag));
ALTER TABLE public.dts_ddl_command SET (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.01);
GRANT SELECT ON public.dts_ddl_command TO table_extras_r;
CREATE STATISTICS st ON tag, username FROM public.dts_ddl_command;
SELECT t.mark();
CREATE TABLE a (x int); DROP TABLE a;
SELECT t.texts('indexes', 'CREATE TABLE a (x int)', 'DROP TABLE a');
SET enable_seqscan = off;
SELECT t.is('every index holds the rows', (SELECT count(*) FROM public.dts_ddl_command WHERE tag = 'DROP TABLE'), 1);
SELECT t.is('every index holds the rows', (SELECT count(*) FROM public.dts_ddl_command WHERE lower(tag) = 'drop table'), 1);
RESET enable_seqscan;
