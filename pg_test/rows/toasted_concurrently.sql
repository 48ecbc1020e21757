-- A command that commits in between has no snapshot at its end; deleting an old row with a TOASTed statement needs one.
SET dts_ddl_capture.max_rows = 5;
CREATE TABLE k (a int); CREATE INDEX k1 ON k (a); CREATE INDEX k2 ON k (a); CREATE INDEX k3 ON k (a);
SELECT format('COMMENT ON TABLE k IS %L', string_agg(md5(i::text || x), '')) FROM generate_series(1, 3000) i, generate_series(1, 8) x GROUP BY x \gexec
DROP INDEX CONCURRENTLY k1;
DROP INDEX CONCURRENTLY k2;
CREATE INDEX CONCURRENTLY k4 ON k (a);
DROP INDEX CONCURRENTLY k3;
SELECT t.is('kept', (SELECT count(*) FROM public.dts_ddl_command), 5::bigint);
SELECT t.is('the last four', (SELECT string_agg(ddl_text, ';' ORDER BY id) FROM (SELECT id, ddl_text FROM public.dts_ddl_command ORDER BY id DESC LIMIT 4) r),
  'DROP INDEX CONCURRENTLY k1;DROP INDEX CONCURRENTLY k2;CREATE INDEX CONCURRENTLY k4 ON k (a);DROP INDEX CONCURRENTLY k3');
SELECT t.is('no invalid index is left', (SELECT count(*) FROM pg_index WHERE NOT indisvalid), 0::bigint);
