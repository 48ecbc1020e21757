-- What is published. Placeholders: src/read/check/mod.rs.
WITH RECURSIVE publication AS MATERIALIZED (
  SELECT p.oid, p.pubname, p.puballtables, p.pubinsert, p.pubupdate OR p.pubdelete AS needs_identity,
         coalesce(to_jsonb(p) ->> 'pubgencols' = 'n', false) AS keeps_generated_back, p.pubviaroot,
         r.rolsuper OR EXISTS (SELECT FROM pg_extension e WHERE e.extname = 'dts_ddl_capture' AND e.extowner = p.pubowner) AS is_trusted,
         p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate AS sends_all
    FROM pg_publication p JOIN pg_roles r ON r.oid = p.pubowner
), own AS (
  SELECT to_regclass('public.dts_ddl_command')::oid AS oid
), excepted AS MATERIALIZED (
  SELECT r.prpubid, r.prrelid FROM pg_publication_rel r WHERE (to_jsonb(r) ->> 'prexcept')::boolean
), named AS MATERIALIZED (
  SELECT r.prpubid, r.prrelid, to_jsonb(r) ->> 'prqual' IS NOT NULL
           -- a list of all columns leaves nothing out
           OR array_length(string_to_array(to_jsonb(r) ->> 'prattrs', ' '), 1)
              < (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = r.prrelid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') IS TRUE AS is_partial,
         to_jsonb(r) ->> 'prattrs' IS NOT NULL AS has_list
    FROM pg_publication_rel r WHERE (to_jsonb(r) ->> 'prexcept') IS DISTINCT FROM 'true'
), schema_publication (pnpubid, pnnspid) AS MATERIALIZED (
  {schema_publications}
), user_table AS MATERIALIZED (
  SELECT c.oid, c.relnamespace, c.relispartition, c.relreplident
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND c.oid >= 16384
     AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'dts_ddl')
     AND c.oid IS DISTINCT FROM (SELECT o.oid FROM own o)
), ancestor (leaf, oid, level) AS (
  SELECT t.oid, i.inhparent, 1 FROM user_table t JOIN pg_inherits i ON i.inhrelid = t.oid WHERE t.relispartition
  UNION ALL
  SELECT a.leaf, i.inhparent, a.level + 1 FROM ancestor a JOIN pg_inherits i ON i.inhrelid = a.oid
), whole AS MATERIALIZED (
  SELECT p.oid, p.needs_identity, p.keeps_generated_back, p.sends_all FROM publication p WHERE p.puballtables AND NOT EXISTS (SELECT FROM excepted x WHERE x.prpubid = p.oid)
), sent_by AS MATERIALIZED (
  SELECT t.oid, p.oid AS publication, false AS is_partial FROM user_table t JOIN publication p ON p.puballtables AND p.oid NOT IN (SELECT w.oid FROM whole w)
   WHERE NOT EXISTS (SELECT FROM excepted x WHERE x.prpubid = p.oid
                      AND (x.prrelid = t.oid OR x.prrelid IN (SELECT a.oid FROM ancestor a WHERE a.leaf = t.oid)))
  UNION ALL
  SELECT t.oid, n.prpubid, n.is_partial FROM user_table t JOIN named n ON n.prrelid = t.oid
  UNION ALL
  SELECT a.leaf, n.prpubid, n.is_partial FROM ancestor a JOIN named n ON n.prrelid = a.oid
  UNION ALL
  SELECT t.oid, s.pnpubid, false FROM user_table t JOIN schema_publication s ON s.pnnspid = t.relnamespace
  UNION ALL
  SELECT a.leaf, s.pnpubid, false FROM ancestor a JOIN pg_class c ON c.oid = a.oid JOIN schema_publication s ON s.pnnspid = c.relnamespace
), capture_publication AS (
  SELECT p.pubname, p.pubinsert, bool_and(x.is_partial) AS is_partial
    FROM publication p CROSS JOIN own o
    JOIN (SELECT p.oid AS publication, NULL::oid AS prrelid, false AS is_partial FROM publication p WHERE p.puballtables
          UNION ALL SELECT n.prpubid, n.prrelid, n.is_partial FROM named n
          UNION ALL SELECT s.pnpubid, c.oid, false FROM schema_publication s JOIN pg_class c ON c.relnamespace = s.pnnspid) x
      ON x.publication = p.oid AND (x.prrelid = o.oid OR x.prrelid IS NULL)
   WHERE o.oid IS NOT NULL AND NOT EXISTS (SELECT FROM excepted e WHERE e.prpubid = p.oid AND e.prrelid = o.oid)
   GROUP BY 1, 2
), unpublished AS MATERIALIZED (
  SELECT t.oid FROM user_table t
   WHERE EXISTS (SELECT FROM publication) AND NOT EXISTS (SELECT FROM whole)
     AND NOT EXISTS (SELECT FROM sent_by s WHERE s.oid = t.oid)
), incomplete AS MATERIALIZED (
  SELECT t.oid FROM user_table t
   WHERE EXISTS (SELECT FROM publication) AND NOT EXISTS (SELECT FROM whole w WHERE w.sends_all)
     AND (EXISTS (SELECT FROM whole) OR EXISTS (SELECT FROM sent_by s WHERE s.oid = t.oid))
     AND NOT EXISTS (SELECT FROM sent_by s JOIN publication p ON p.oid = s.publication AND p.sends_all WHERE s.oid = t.oid AND NOT s.is_partial)
), identifying_index AS MATERIALIZED (
  SELECT i.indrelid, i.indisprimary, i.indisreplident FROM pg_index i WHERE i.indisvalid AND i.indimmediate AND (i.indisprimary OR i.indisreplident)
), without_identity AS MATERIALIZED (
  SELECT t.oid
    FROM user_table t LEFT JOIN identifying_index i
      ON i.indrelid = t.oid AND CASE t.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident ELSE false END
   WHERE t.relreplident <> 'f' AND i.indrelid IS NULL
     AND (EXISTS (SELECT FROM whole w WHERE w.needs_identity)
          OR EXISTS (SELECT FROM sent_by s JOIN publication p ON p.oid = s.publication AND p.needs_identity WHERE s.oid = t.oid))
), with_generated AS MATERIALIZED (
  -- from 18 on a replica identity must not have generated columns that are not published, as virtual ones never are
  SELECT t.oid FROM user_table t JOIN (SELECT a.attrelid, bool_or(a.attgenerated = 'v') AS has_virtual FROM pg_attribute a
                                        WHERE a.attgenerated <> '' AND NOT a.attisdropped GROUP BY 1) g ON g.attrelid = t.oid
   WHERE t.relreplident = 'f'
     AND (EXISTS (SELECT FROM whole w WHERE w.needs_identity AND (w.keeps_generated_back OR g.has_virtual))
          OR EXISTS (SELECT FROM sent_by s JOIN publication p ON p.oid = s.publication AND p.needs_identity AND (p.keeps_generated_back OR g.has_virtual)
                      WHERE s.oid = t.oid))
), generated_key AS MATERIALIZED (
  -- up to 17 no generated column is sent, and where the rows arrive those of the key are looked for
  SELECT DISTINCT t.oid FROM user_table t
    JOIN pg_index i ON i.indrelid = t.oid AND i.indisvalid AND CASE t.relreplident WHEN 'i' THEN i.indisreplident WHEN 'n' THEN false ELSE i.indisprimary END
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attgenerated <> '' AND NOT a.attisdropped AND a.attnum = ANY (i.indkey)
   WHERE EXISTS (SELECT FROM whole w WHERE w.needs_identity AND (w.keeps_generated_back OR current_setting('server_version_num')::integer < 180000))
      OR EXISTS (SELECT FROM sent_by s JOIN publication p ON p.oid = s.publication AND p.needs_identity
                         AND (p.keeps_generated_back OR current_setting('server_version_num')::integer < 180000) WHERE s.oid = t.oid)
), fires_always AS MATERIALIZED (
  SELECT DISTINCT t.oid FROM user_table t JOIN pg_trigger g ON g.tgrelid = t.oid AND g.tgenabled = 'A' AND NOT g.tgisinternal
   WHERE EXISTS (SELECT FROM whole) OR EXISTS (SELECT FROM sent_by s WHERE s.oid = t.oid)
), with_list AS MATERIALIZED (
  -- a column list does not go with REPLICA IDENTITY FULL; where a publication sends by the root, that of the topmost table counts
  SELECT l.oid FROM (
    SELECT DISTINCT ON (x.leaf, p.oid) x.leaf AS oid, n.has_list
      FROM (SELECT t.oid AS leaf, t.oid, 0 AS level FROM user_table t WHERE t.relreplident = 'f' UNION ALL SELECT a.leaf, a.oid, a.level FROM ancestor a) x
      JOIN (SELECT n.prpubid, n.prrelid, n.has_list FROM named n
            UNION ALL SELECT s.pnpubid, c.oid, false FROM schema_publication s JOIN pg_class c ON c.relnamespace = s.pnnspid) n ON n.prrelid = x.oid
      JOIN publication p ON p.oid = n.prpubid AND p.needs_identity AND (x.level = 0 OR p.pubviaroot)
     WHERE n.prpubid IN (SELECT m.prpubid FROM named m WHERE m.has_list)
     ORDER BY x.leaf, p.oid, x.level DESC, n.has_list DESC) l
    JOIN user_table t ON t.oid = l.oid AND t.relreplident = 'f'
   WHERE l.has_list
), useless_identity AS (
  SELECT i.oid FROM without_identity i UNION SELECT g.oid FROM with_generated g UNION SELECT l.oid FROM with_list l
), base_without_equality AS MATERIALIZED (
  SELECT t.oid, t.typarray FROM pg_type t
   WHERE t.typtype = 'b' AND t.typcategory <> 'A' AND NOT EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod
     WHERE o.opcdefault AND o.opcintype = t.oid AND m.amname IN ('btree', 'hash'))
     AND NOT EXISTS (SELECT FROM pg_cast c JOIN pg_opclass o ON o.opcintype = c.casttarget AND o.opcdefault JOIN pg_am m ON m.oid = o.opcmethod
       WHERE c.castsource = t.oid AND c.castmethod = 'b' AND c.castcontext = 'i' AND m.amname IN ('btree', 'hash'))
), type_without_equality (oid, typarray) AS (
  SELECT b.oid, b.typarray FROM base_without_equality b
  UNION
  -- arrays and domains of them
  SELECT t.oid, t.typarray FROM type_without_equality e JOIN pg_type t ON t.oid = e.typarray OR t.typtype = 'd' AND t.typbasetype = e.oid
), unequal AS MATERIALIZED (
  SELECT DISTINCT t.oid
    FROM user_table t LEFT JOIN identifying_index i ON i.indrelid = t.oid AND i.indisprimary
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN type_without_equality e ON e.oid = a.atttypid
   WHERE t.relreplident = 'f' AND i.indrelid IS NULL
     AND (EXISTS (SELECT FROM whole w WHERE w.needs_identity)
          OR EXISTS (SELECT FROM sent_by s JOIN publication p ON p.oid = s.publication AND p.needs_identity WHERE s.oid = t.oid))
), left_out AS (
  -- publications that a consumer has made for itself
  SELECT p.pubname AS name FROM publication p
   WHERE starts_with(p.pubname::text, 'dts_sync_') AND p.is_trusted AND NOT EXISTS (SELECT FROM capture_publication c WHERE c.pubname = p.pubname AND c.pubinsert AND NOT c.is_partial)
), stranger AS (
  -- publications that new tables would join, were they somebody else's
  SELECT quote_ident(p.pubname) AS name FROM publication p
   WHERE starts_with(p.pubname::text, nullif(current_setting('dts_ddl_capture.publication_prefix'), '')) AND NOT p.is_trusted AND NOT p.puballtables
), fact AS (
  SELECT {applies} AS applies,
         (SELECT string_agg(quote_ident(l.name), ', ' ORDER BY l.name) FROM left_out l) AS left_out,
         (SELECT CASE WHEN count(*) = 1 THEN quote_ident(min(p.pubname::text)) ELSE '..' END FROM publication p) AS only_publication,
         (SELECT count(*) FROM publication) AS publications,
         (SELECT o.oid IS NOT NULL FROM own o) AS has_table
)
SELECT 'publications',
       CASE WHEN count(c.*) FILTER (WHERE c.pubinsert AND NOT c.is_partial) > 0 THEN CASE WHEN f.left_out IS NULL THEN 'ok' ELSE 'warning' END
            WHEN f.applies AND f.publications = 0 OR NOT f.has_table THEN 'ok'
            WHEN f.publications = 0 THEN 'warning' ELSE 'error' END,
       CASE WHEN f.publications = 0 THEN 'no publication'
            WHEN NOT f.has_table THEN 'the capture table does not exist'
            WHEN count(c.*) = 0 THEN 'public.dts_ddl_command is in no publication'
            ELSE 'public.dts_ddl_command is in ' || string_agg(format('"%s"%s', c.pubname,
              CASE WHEN NOT c.pubinsert THEN ' (which does not publish INSERT)' WHEN c.is_partial THEN ' (with a row filter or column list)' ELSE '' END), ', ' ORDER BY c.pubname)
              || coalesce('; not, or not whole, in ' || f.left_out, '') END,
       CASE WHEN count(c.*) FILTER (WHERE c.pubinsert AND NOT c.is_partial) > 0 AND f.left_out IS NULL OR f.applies AND f.publications = 0 OR NOT f.has_table THEN NULL
            WHEN f.publications = 0 THEN 'CREATE PUBLICATION mig FOR ALL TABLES, unless the consumer decodes without publications'
            WHEN count(c.*) FILTER (WHERE NOT c.pubinsert) > 0 AND bool_and(NOT c.pubinsert)
            THEN format('ALTER PUBLICATION %s SET (publish = ''insert, update, delete, truncate''): rows of the capture table come by INSERT', f.only_publication)
            WHEN bool_or(c.is_partial) AND bool_and(c.is_partial)
            THEN format('ALTER PUBLICATION %s DROP TABLE public.dts_ddl_command, then ADD TABLE public.dts_ddl_command, with all columns and rows', f.only_publication)
            ELSE format('ALTER PUBLICATION %s ADD TABLE public.dts_ddl_command, with all columns and rows', coalesce(f.left_out, f.only_publication)) END
  FROM fact f LEFT JOIN capture_publication c ON true GROUP BY f.applies, f.publications, f.has_table, f.left_out, f.only_publication
UNION ALL
SELECT 'publication_owners', CASE WHEN count(*) > 0 THEN 'warning' ELSE 'ok' END,
       CASE WHEN count(*) > 0 THEN format('new tables do not join %s: owned neither by a superuser nor by the owner of the extension', {some_names})
            ELSE 'new tables join all that the prefix names' END,
       CASE WHEN count(*) > 0 THEN format('ALTER PUBLICATION %s OWNER TO %s if a consumer reads it, else DROP PUBLICATION: only those of superusers and of the extension''s owner get new tables',
              CASE WHEN count(*) = 1 THEN min(t.name) ELSE '..' END, (SELECT quote_ident(pg_get_userbyid(e.extowner)) FROM pg_extension e WHERE e.extname = 'dts_ddl_capture')) END
  FROM stranger t
UNION ALL
SELECT 'published_tables', CASE WHEN u.tables IS NOT NULL OR i.tables IS NOT NULL THEN 'warning' ELSE 'ok' END,
       CASE WHEN u.tables IS NOT NULL OR i.tables IS NOT NULL
            THEN concat_ws('; ', format('%s of %s tables are in no publication: ', u.number, a.number) || u.tables,
                           format('%s tables are published in part (row filter, column list, or not all of INSERT, UPDATE, DELETE, TRUNCATE): ', i.number) || i.tables)
            WHEN (SELECT f.publications FROM fact f) = 0 THEN 'no publication'
            ELSE format('all %s tables are in a publication', a.number) END,
       nullif(concat_ws('; ', CASE WHEN u.tables IS NOT NULL THEN 'ALTER PUBLICATION .. ADD TABLE: their rows are not replicated' END,
                        CASE WHEN i.tables IS NOT NULL THEN 'ALTER PUBLICATION .. SET TABLE without filter and list, or SET (publish = ''insert, update, delete, truncate''): the rest is not replicated' END), '')
  FROM (SELECT count(*) AS number FROM user_table) a
 CROSS JOIN (SELECT count(*) AS number, CASE WHEN count(*) > 0 THEN {some_tables} END AS tables FROM unpublished t) u
 CROSS JOIN (SELECT count(*) AS number, CASE WHEN count(*) > 0 THEN {some_tables} END AS tables FROM incomplete t) i
UNION ALL
SELECT 'replica_identity', CASE WHEN count(*) > 0 THEN 'error' ELSE 'ok' END,
       CASE WHEN count(*) > 0 THEN format('%s published tables have no usable replica identity: %s', count(*), {some_tables})
            ELSE 'all published tables have one' END,
       CASE WHEN count(*) > 0 THEN 'Add a primary key, or ALTER TABLE .. REPLICA IDENTITY FULL (published with a column list, or from 18 on with generated columns: a primary key, and REPLICA IDENTITY DEFAULT): UPDATE and DELETE on them fail' END
  FROM useless_identity t
UNION ALL
SELECT 'unequal_columns', CASE WHEN count(*) > 0 THEN 'warning' ELSE 'ok' END,
       CASE WHEN count(*) > 0 THEN format('%s published tables without key have columns that cannot be compared (json, xml, point, ..): %s', count(*), {some_tables})
            ELSE 'none' END,
       CASE WHEN count(*) > 0 THEN 'Give them a primary key: UPDATE and DELETE on them cannot be applied on a destination' END
  FROM unequal t
UNION ALL
SELECT 'generated_keys', CASE WHEN count(*) > 0 THEN 'error' ELSE 'ok' END,
       CASE WHEN count(*) > 0 THEN format('%s published tables have a generated column in their key: %s', count(*), {some_tables})
            ELSE 'none' END,
       CASE WHEN count(*) > 0 THEN 'Give them another replica identity (and primary key), from 18 on publish generated columns: UPDATE and DELETE on them fail, up to 17 on the destination, where they stop the stream' END
  FROM generated_key t
UNION ALL
SELECT 'always_triggers', CASE WHEN count(*) > 0 THEN 'warning' ELSE 'ok' END,
       CASE WHEN count(*) > 0 THEN format('%s published tables have a trigger that is ENABLE ALWAYS: %s', count(*), {some_tables})
            ELSE 'none' END,
       CASE WHEN count(*) > 0 THEN 'It fires on the destination, too; rows that it writes into published tables come twice, or stop the stream: ALTER TABLE .. ENABLE TRIGGER until cutover' END
  FROM fires_always t
