-- A DDL capture function as services document it: the yardstick of bench/, which also works on PostgreSQL 10; for older ones, which
-- have no publications, its heart.
\i sql/portable/tests/variables.sql
\if :has10
\set body `sed 's/EXECUTE FUNCTION/EXECUTE PROCEDURE/' bench/plpgsql_capture.sql`
:body
\else
\set body `sed '/IF tg_tag/,/^  END IF/d; /created record/d; /publication name/d; s/EXECUTE FUNCTION/EXECUTE PROCEDURE/' bench/plpgsql_capture.sql`
:body
\endif
