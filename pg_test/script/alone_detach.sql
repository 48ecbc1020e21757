-- requires: 14
-- DETACH PARTITION .. CONCURRENTLY, and its FINALIZE, of which no other server knows the beginning.
CREATE TABLE p (x int) PARTITION BY LIST (x); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2); SELECT t.mark();
ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;
SELECT t.check('DETACH CONCURRENTLY', s LIKE '%SET search_path%$dts$ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY$dts$ \\gexec%SET ROLE NONE%' AND s NOT LIKE '%BEGIN;%', s)
  FROM dts_ddl.script((SELECT max(id) - 1 FROM public.dts_ddl_command)) s WHERE s LIKE E'\n%';
SELECT t.mark();
-- as if it had been interrupted in the middle
BEGIN; UPDATE pg_catalog.pg_inherits SET inhdetachpending = true WHERE inhrelid = 'p2'::regclass; COMMIT;
ALTER TABLE p DETACH PARTITION p2 FINALIZE /* final */;
SELECT t.texts('FINALIZE', 'ALTER TABLE p DETACH PARTITION p2 FINALIZE');
SELECT t.check('is the whole command elsewhere', s LIKE '%SET search_path%$dts$ALTER TABLE p DETACH PARTITION p2 CONCURRENTLY$dts$ \\gexec%SET ROLE NONE%' AND s NOT LIKE '%BEGIN;%', s)
  FROM dts_ddl.script((SELECT max(id) - 1 FROM public.dts_ddl_command)) s WHERE s LIKE E'\n%';
