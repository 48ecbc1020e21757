-- Every object of the extension, and everything about it that the catalogs know, one line for each fact: for src/tests/upgrade.rs,
-- which compares two databases. Numbers of objects are replaced by names; what statistics and VACUUM write is left out, and the
-- WAL position that newer minors note as an option of each column.
-- A temporary function, since the catalogs' columns differ between majors: each row is taken whole.
CREATE OR REPLACE FUNCTION pg_temp.facts() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  catalog record;
BEGIN
  CREATE TEMPORARY TABLE objects ON COMMIT DROP AS
  WITH RECURSIVE o(classid, objid) AS (
    SELECT 'pg_catalog.pg_extension'::regclass::oid, oid FROM pg_catalog.pg_extension WHERE extname = 'dts_ddl_capture'
    UNION
    SELECT d.classid, d.objid FROM o JOIN pg_catalog.pg_depend d ON d.refclassid = o.classid AND d.refobjid = o.objid AND d.deptype <> 'n'
  ) SELECT * FROM o;
  -- the rows themselves
  FOR catalog IN
    SELECT c.oid::regclass AS name, k.classid, k.objid, k.objsubid,
           array_agg(a.attname::text) FILTER (WHERE format_type(a.atttypid, NULL) ~ '^(oid|oidvector|xid|pg_node_tree)(\[\])?$'
                                                OR a.attname ~ '^rel(pages|tuples|allvisible|allfrozen)$') AS unlike
      FROM (VALUES
        ('pg_class', 'pg_class', 'oid', '0'), ('pg_attribute', 'pg_class', 'attrelid', 'attnum'), ('pg_attrdef', 'pg_attrdef', 'oid', '0'),
        ('pg_constraint', 'pg_constraint', 'oid', '0'), ('pg_index', 'pg_class', 'indexrelid', '0'), ('pg_sequence', 'pg_class', 'seqrelid', '0'),
        ('pg_rewrite', 'pg_rewrite', 'oid', '0'), ('pg_trigger', 'pg_trigger', 'oid', '0'), ('pg_policy', 'pg_policy', 'oid', '0'),
        ('pg_type', 'pg_type', 'oid', '0'), ('pg_proc', 'pg_proc', 'oid', '0'), ('pg_namespace', 'pg_namespace', 'oid', '0'),
        ('pg_event_trigger', 'pg_event_trigger', 'oid', '0'), ('pg_extension', 'pg_extension', 'oid', '0'),
        ('pg_description', 'classoid', 'objoid', 'objsubid'), ('pg_init_privs', 'classoid', 'objoid', 'objsubid'), ('pg_seclabel', 'classoid', 'objoid', 'objsubid')
      ) AS k(name, classid, objid, objsubid)
      JOIN pg_catalog.pg_class c ON c.relname = k.name AND c.relnamespace = 'pg_catalog'::regnamespace
      JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     GROUP BY 1, 2, 3, 4
  LOOP
    RETURN QUERY EXECUTE format(
      'SELECT %1$L || '' '' || pg_describe_object(o.classid, o.objid, r.%4$s::int) || '' '' || (to_jsonb(r) - %5$L::text[])::text
         FROM objects o JOIN %1$s r ON r.%2$I = o.objid AND o.classid = %3$s',
      catalog.name, catalog.objid, CASE WHEN catalog.classid LIKE 'pg\_%' THEN quote_literal(catalog.classid) || '::regclass' ELSE 'r.' || catalog.classid END,
      CASE catalog.objsubid WHEN '0' THEN 'ctid IS NULL' ELSE catalog.objsubid END, coalesce(catalog.unlike, '{}'));
  END LOOP;
  RETURN QUERY
  SELECT concat_ws(' ', 'depends', pg_describe_object(d.classid, d.objid, d.objsubid), d.deptype, pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid))
    FROM objects o JOIN pg_catalog.pg_depend d ON d.classid = o.classid AND d.objid = o.objid
  UNION ALL
  SELECT concat_ws(' ', 'shared', pg_describe_object(d.classid, d.objid, d.objsubid), d.deptype, pg_describe_object(d.refclassid, d.refobjid, 0))
    FROM objects o JOIN pg_catalog.pg_shdepend d ON d.classid = o.classid AND d.objid = o.objid
      AND d.dbid IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
  -- what the rows have as numbers
  UNION ALL SELECT concat_ws(' ', 'function', pg_get_functiondef(o.objid), p.proowner::regrole)
    FROM objects o JOIN pg_catalog.pg_proc p ON p.oid = o.objid WHERE o.classid = 'pg_catalog.pg_proc'::regclass
  UNION ALL SELECT concat_ws(' ', 'relation', c.oid::regclass, c.relowner::regrole, a.amname, t.spcname)
    FROM objects o JOIN pg_catalog.pg_class c ON c.oid = o.objid LEFT JOIN pg_catalog.pg_am a ON a.oid = c.relam
    LEFT JOIN pg_catalog.pg_tablespace t ON t.oid = c.reltablespace WHERE o.classid = 'pg_catalog.pg_class'::regclass
  UNION ALL SELECT concat_ws(' ', 'column', a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attcollation::regcollation)
    FROM objects o JOIN pg_catalog.pg_attribute a ON a.attrelid = o.objid WHERE o.classid = 'pg_catalog.pg_class'::regclass
  UNION ALL SELECT concat_ws(' ', 'default', d.adrelid::regclass, d.adnum, pg_get_expr(d.adbin, d.adrelid))
    FROM objects o JOIN pg_catalog.pg_attrdef d ON d.oid = o.objid WHERE o.classid = 'pg_catalog.pg_attrdef'::regclass
  UNION ALL SELECT concat_ws(' ', 'constraint', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid))
    FROM objects o JOIN pg_catalog.pg_constraint c ON c.oid = o.objid WHERE o.classid = 'pg_catalog.pg_constraint'::regclass
  UNION ALL SELECT concat_ws(' ', 'index', pg_get_indexdef(i.indexrelid))
    FROM objects o JOIN pg_catalog.pg_index i ON i.indexrelid = o.objid WHERE o.classid = 'pg_catalog.pg_class'::regclass
  UNION ALL SELECT concat_ws(' ', 'rule', pg_get_ruledef(o.objid)) FROM objects o WHERE o.classid = 'pg_catalog.pg_rewrite'::regclass
  UNION ALL SELECT concat_ws(' ', 'trigger', pg_get_triggerdef(o.objid)) FROM objects o WHERE o.classid = 'pg_catalog.pg_trigger'::regclass
  UNION ALL SELECT concat_ws(' ', 'sequence', s.seqrelid::regclass, s.seqtypid::regtype, pg_sequence_last_value(s.seqrelid))
    FROM objects o JOIN pg_catalog.pg_sequence s ON s.seqrelid = o.objid
   WHERE o.classid = 'pg_catalog.pg_class'::regclass AND s.seqrelid::regclass::text <> 'dts_ddl.apply_since'   -- a time
  UNION ALL SELECT concat_ws(' ', 'event trigger', e.evtname, e.evtfoid::regprocedure, e.evtowner::regrole)
    FROM objects o JOIN pg_catalog.pg_event_trigger e ON e.oid = o.objid WHERE o.classid = 'pg_catalog.pg_event_trigger'::regclass
  UNION ALL SELECT concat_ws(' ', 'schema', n.nspname, n.nspowner::regrole)
    FROM objects o JOIN pg_catalog.pg_namespace n ON n.oid = o.objid WHERE o.classid = 'pg_catalog.pg_namespace'::regclass
  UNION ALL SELECT concat_ws(' ', 'extension', e.extname, e.extowner::regrole, e.extnamespace::regnamespace,
                             (SELECT array_agg(x.id::regclass ORDER BY x.n) FROM unnest(e.extconfig) WITH ORDINALITY AS x(id, n)))
    FROM pg_catalog.pg_extension e WHERE e.extname = 'dts_ddl_capture';
END $$;
SELECT regexp_replace(f, '(pg_toast_|_RETURN on |pg_attver=)\d+', '\1', 'g') FROM pg_temp.facts() f ORDER BY f COLLATE "C";
