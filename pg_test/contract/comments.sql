-- Every object says what it is, those of a destination as well: members of the extension, and what belongs to them.
SET client_min_messages = error;
SELECT dts_ddl.start_apply(trust_source => true);
CREATE TEMPORARY VIEW member AS
  SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid
   WHERE e.extname = 'dts_ddl_capture' AND d.deptype = 'e';
CREATE TEMPORARY VIEW relation AS SELECT objid AS oid FROM member WHERE classid = 'pg_class'::regclass;
CREATE TEMPORARY VIEW object (kind, name, comment) AS
  -- row types and their array types have the comment of their relation
  SELECT 'member', pg_describe_object(classid, objid, 0), obj_description(objid, classid::regclass::name) FROM member WHERE classid <> 'pg_type'::regclass
  UNION ALL
  SELECT 'column', attrelid::regclass || '.' || attname, col_description(attrelid, attnum)
    FROM pg_attribute JOIN relation r ON r.oid = attrelid JOIN pg_class c ON c.oid = attrelid
   WHERE attnum > 0 AND NOT attisdropped AND c.relkind IN ('r', 'v')
  UNION ALL
  SELECT 'index', indexrelid::regclass::text, obj_description(indexrelid, 'pg_class') FROM pg_index JOIN relation r ON r.oid = indrelid
  UNION ALL
  SELECT 'trigger', tgrelid::regclass || '.' || tgname, obj_description(t.oid, 'pg_trigger') FROM pg_trigger t JOIN relation r ON r.oid = tgrelid
  UNION ALL
  SELECT 'type', t.oid::regtype::text, obj_description(t.oid, 'pg_type') FROM member JOIN pg_type t ON classid = 'pg_type'::regclass AND objid = t.oid
   WHERE t.typrelid = 0 AND t.typcategory <> 'A';
SELECT t.is('objects without a COMMENT', (SELECT string_agg(kind || ' ' || name, '; ' ORDER BY kind, name) FROM object WHERE comment IS NULL OR comment = ''), NULL);
SELECT t.check('all kinds were looked at', (SELECT count(DISTINCT kind) >= 4 AND count(*) > 60 FROM object));
SELECT t.check('the extension has a comment', obj_description((SELECT oid FROM pg_extension WHERE extname = 'dts_ddl_capture'), 'pg_extension') IS NOT NULL);
