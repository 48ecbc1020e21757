-- A DDL capture function as services document it: the yardstick of bench/, which also works on PostgreSQL 10.
\set body `sed 's/EXECUTE FUNCTION/EXECUTE PROCEDURE/' bench/plpgsql_capture.sql`
:body
