-- What is published, and what of it stock logical replication cannot carry: docs/stock-limits.md has what each check is about.
-- Placeholders: src/read/check/mod.rs.
WITH RECURSIVE publication AS MATERIALIZED (
  SELECT p.oid, p.pubname, p.puballtables, p.pubinsert, p.pubtruncate, p.pubviaroot, p.pubupdate OR p.pubdelete AS needs_identity,
         -- of 18 and later: stored ones, never virtual ones
         to_jsonb(p) ->> 'pubgencols' IS NOT DISTINCT FROM 's' AS sends_generated,
         r.rolsuper OR EXISTS (SELECT FROM pg_extension e WHERE e.extname = 'dts_ddl_capture' AND e.extowner = p.pubowner) AS is_trusted,
         'no ' || nullif(concat_ws(', ', CASE WHEN NOT p.pubinsert THEN 'INSERT' END, CASE WHEN NOT p.pubupdate THEN 'UPDATE' END,
                                   CASE WHEN NOT p.pubdelete THEN 'DELETE' END, CASE WHEN NOT p.pubtruncate THEN 'TRUNCATE' END), '') AS withheld
    FROM pg_publication p JOIN pg_roles r ON r.oid = p.pubowner
), own AS (
  SELECT to_regclass('public.dts_ddl_command')::oid AS oid
), excepted AS MATERIALIZED (
  SELECT r.prpubid, r.prrelid FROM pg_publication_rel r WHERE (to_jsonb(r) ->> 'prexcept')::boolean
), named AS MATERIALIZED (
  SELECT r.prpubid, r.prrelid, r.filter, r.list,
         format('ALTER PUBLICATION %1$I DROP TABLE %2$s; ALTER PUBLICATION %1$I ADD TABLE %2$s', p.pubname, r.prrelid::regclass) AS make_whole,
         nullif(concat_ws(', ', CASE WHEN r.filter IS NOT NULL THEN 'row filter' END,
           -- a list of all columns leaves nothing out
           CASE WHEN array_length(r.list, 1)
                     < (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = r.prrelid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '')
                THEN 'column list' END), '') AS partial
    FROM (SELECT r.prpubid, r.prrelid, to_jsonb(r) ->> 'prqual' AS filter, string_to_array(translate(to_jsonb(r) ->> 'prattrs', '[],', ''), ' ') AS list
            FROM pg_publication_rel r WHERE (to_jsonb(r) ->> 'prexcept') IS DISTINCT FROM 'true') r
    JOIN publication p ON p.oid = r.prpubid
), schema_publication (pnpubid, pnnspid) AS MATERIALIZED (
  {schema_publications}
), relation AS MATERIALIZED (
  SELECT c.oid, c.relnamespace, c.relkind = 'r' AS has_rows, c.relispartition, c.relreplident, c.relowner, c.relacl, c.relrowsecurity AND c.relforcerowsecurity AS is_forced
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.oid >= 16384
     AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'dts_ddl')
     AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'dts_ddl_capture'
                      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e')
), ancestor (leaf, oid, level) AS (
  SELECT t.oid, i.inhparent, 1 FROM relation t JOIN pg_inherits i ON i.inhrelid = t.oid WHERE t.relispartition
  UNION ALL
  SELECT a.leaf, i.inhparent, a.level + 1 FROM ancestor a JOIN pg_inherits i ON i.inhrelid = a.oid
), left_over AS MATERIALIZED (
  SELECT x.prpubid, x.prrelid FROM excepted x
  UNION
  SELECT x.prpubid, a.leaf FROM excepted x JOIN ancestor a ON a.oid = x.prrelid
), sent_by AS MATERIALIZED (
  -- "entry" is what the publication names; a partition comes with the tables that it belongs to
  SELECT t.oid, p.oid AS publication, NULL::oid AS entry, NULL::text[] AS list, NULL AS partial, NULL AS make_whole FROM relation t JOIN publication p ON p.puballtables
   WHERE NOT EXISTS (SELECT FROM left_over x WHERE x.prpubid = p.oid AND x.prrelid = t.oid)
  UNION ALL
  SELECT t.oid, n.prpubid, n.prrelid, n.list, n.partial, n.make_whole FROM relation t JOIN named n ON n.prrelid = t.oid
  UNION ALL
  SELECT a.leaf, n.prpubid, n.prrelid, n.list, n.partial, n.make_whole FROM ancestor a JOIN named n ON n.prrelid = a.oid
  UNION ALL
  SELECT t.oid, s.pnpubid, NULL, NULL, NULL, NULL FROM relation t JOIN schema_publication s ON s.pnnspid = t.relnamespace
  UNION ALL
  SELECT a.leaf, s.pnpubid, NULL, NULL, NULL, NULL FROM ancestor a JOIN pg_class c ON c.oid = a.oid JOIN schema_publication s ON s.pnnspid = c.relnamespace
), published AS MATERIALIZED (
  SELECT t.oid, t.relreplident, s.needs_identity, s.keeps_generated_back, s.is_whole, s.withheld
    FROM relation t JOIN (
      SELECT s.oid, bool_or(p.needs_identity) AS needs_identity, bool_or(p.needs_identity AND NOT p.sends_generated) AS keeps_generated_back,
             bool_or(s.partial IS NULL AND p.withheld IS NULL) AS is_whole,
             min(CASE WHEN s.partial IS NOT NULL THEN ARRAY[concat_ws(', ', s.partial, p.withheld), s.make_whole]
                      WHEN p.withheld IS NOT NULL THEN ARRAY[p.withheld, format('ALTER PUBLICATION %I SET (publish = ''insert, update, delete, truncate'')', p.pubname)] END) AS withheld
        FROM sent_by s JOIN publication p ON p.oid = s.publication GROUP BY s.oid) s ON s.oid = t.oid
   WHERE t.has_rows
), capture_publication AS (
  SELECT p.pubname, p.pubinsert, bool_and(x.is_partial) AS is_partial
    FROM publication p CROSS JOIN own o
    JOIN (SELECT p.oid AS publication, NULL::oid AS prrelid, false AS is_partial FROM publication p WHERE p.puballtables
          UNION ALL SELECT n.prpubid, n.prrelid, n.partial IS NOT NULL FROM named n
          UNION ALL SELECT s.pnpubid, c.oid, false FROM schema_publication s JOIN pg_class c ON c.relnamespace = s.pnnspid) x
      ON x.publication = p.oid AND (x.prrelid = o.oid OR x.prrelid IS NULL)
   WHERE o.oid IS NOT NULL AND NOT EXISTS (SELECT FROM excepted e WHERE e.prpubid = p.oid AND e.prrelid = o.oid)
   GROUP BY 1, 2
), governed AS MATERIALIZED (
  -- by which row filter and column list a table is sent; where a publication sends by the root, that of the topmost table counts
  SELECT g.* FROM (
    SELECT DISTINCT ON (x.leaf, p.oid) x.leaf AS oid, p.oid AS publication, p.pubname, p.needs_identity, p.pubinsert, n.prrelid AS entry, n.filter, n.list, n.make_whole
      FROM (SELECT t.oid AS leaf, t.oid, 0 AS level FROM published t UNION ALL SELECT a.leaf, a.oid, a.level FROM ancestor a JOIN published t ON t.oid = a.leaf) x
      JOIN (SELECT n.prpubid, n.prrelid, n.filter, n.list, n.make_whole FROM named n
            UNION ALL SELECT s.pnpubid, c.oid, NULL, NULL, NULL FROM schema_publication s JOIN pg_class c ON c.relnamespace = s.pnnspid) n ON n.prrelid = x.oid
      JOIN publication p ON p.oid = n.prpubid AND (x.level = 0 OR p.pubviaroot)
     WHERE n.prpubid IN (SELECT m.prpubid FROM named m WHERE m.filter IS NOT NULL OR m.list IS NOT NULL)
     ORDER BY x.leaf, p.oid, x.level DESC, n.list, n.filter) g
   WHERE g.filter IS NOT NULL OR g.list IS NOT NULL
), key AS MATERIALIZED (
  -- what can identify a row, unless it is deferrable
  SELECT i.indrelid AS oid, i.indkey, NOT i.indimmediate AS is_deferrable, i.indimmediate AND i.indisprimary AS is_primary,
         i.indimmediate AND CASE t.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident ELSE false END AS is_identity,
         i.indimmediate AND CASE t.relreplident WHEN 'i' THEN i.indisreplident WHEN 'n' THEN false ELSE i.indisprimary END AS is_looked_for
    FROM pg_index i JOIN published t ON t.oid = i.indrelid
   WHERE i.indisvalid AND (i.indisprimary OR i.indisreplident)
), unlike AS MATERIALIZED (
  -- where rows are looked for by all of their columns
  SELECT t.oid FROM published t WHERE t.relreplident = 'f' AND t.needs_identity AND NOT EXISTS (SELECT FROM key k WHERE k.oid = t.oid AND k.is_primary)
), generated AS MATERIALIZED (
  -- here and below not a join: that would read all columns of the database
  SELECT a.attrelid AS oid, a.attnum, a.attname, a.attgenerated = 'v' AS is_virtual FROM pg_attribute a
   WHERE a.attgenerated <> '' AND a.attnum > 0 AND NOT a.attisdropped
     AND a.attrelid = ANY (ARRAY(SELECT d.adrelid FROM pg_attrdef d WHERE EXISTS (SELECT FROM publication)))
), attribute AS MATERIALIZED (
  SELECT a.attrelid AS oid, a.attnum, a.attname, a.atttypid, a.attnotnull, a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AS must_come
    FROM pg_attribute a
   WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
     AND a.attrelid = ANY (ARRAY(SELECT u.oid FROM unlike u UNION SELECT g.oid FROM governed g UNION SELECT g.entry FROM governed g
                                 UNION SELECT g.oid FROM generated g JOIN published t ON t.oid = g.oid))
), key_column AS MATERIALIZED (
  SELECT k.oid, k.is_identity, k.is_primary, a.attname FROM key k JOIN attribute a ON a.oid = k.oid AND a.attnum = ANY (k.indkey)
), other_identity AS MATERIALIZED (
  -- an index that could be the replica identity: unique, at once, of columns that are NOT NULL and not generated
  SELECT x.oid, min(x.relname) AS index FROM (
    SELECT i.indrelid AS oid, c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
      JOIN attribute a ON a.oid = i.indrelid AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1]) AND a.attnotnull
     WHERE i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
       AND i.indrelid = ANY (ARRAY(SELECT DISTINCT a.oid FROM attribute a))
     GROUP BY i.indrelid, c.relname, i.indnkeyatts HAVING count(*) = i.indnkeyatts) x GROUP BY x.oid
), listed_column AS MATERIALIZED (
  SELECT g.oid, g.publication, a.attname FROM governed g JOIN attribute a ON a.oid = g.entry AND a.attnum::text = ANY (g.list)
), filter_column AS MATERIALIZED (
  -- PostgreSQL's own text of the expression
  SELECT g.oid, g.publication, a.attname
    FROM (SELECT g.*, (SELECT array_agg(v[1]) FROM regexp_matches(g.filter, ':varattno ([0-9]+)', 'g') AS v) AS numbers FROM governed g WHERE g.filter IS NOT NULL) g
    JOIN attribute a ON a.oid = g.entry AND a.attnum::text = ANY (g.numbers)
), unlisted AS MATERIALIZED (
  SELECT g.*, k.attname, k.is_identity, k.is_primary FROM governed g JOIN key_column k ON k.oid = g.oid
   WHERE g.list IS NOT NULL AND NOT EXISTS (SELECT FROM listed_column l WHERE l.oid = g.oid AND l.publication = g.publication AND l.attname = k.attname)
), never_full (oid, reason) AS MATERIALIZED (
  -- where REPLICA IDENTITY FULL is of no use
  SELECT g.oid, format('a column list in publication %I', g.pubname) FROM governed g WHERE g.needs_identity AND g.list IS NOT NULL
  UNION ALL
  SELECT DISTINCT g.oid, 'generated columns that are not published' FROM generated g JOIN published t ON t.oid = g.oid
   WHERE t.needs_identity AND (g.is_virtual OR t.keeps_generated_back) AND current_setting('server_version_num')::integer >= 180000
), identity_problem (oid, reason, whole) AS (
  SELECT t.oid, CASE WHEN t.relreplident = 'n' THEN 'REPLICA IDENTITY NOTHING' WHEN t.relreplident = 'i' THEN 'its index is gone' WHEN d.oid IS NOT NULL THEN 'its key is deferrable' ELSE 'no key' END, NULL
    FROM published t LEFT JOIN key d ON d.oid = t.oid AND d.is_deferrable
   WHERE t.needs_identity AND t.relreplident <> 'f' AND NOT EXISTS (SELECT FROM key k WHERE k.oid = t.oid AND k.is_identity)
  UNION ALL
  SELECT t.oid, 'FULL with ' || n.reason, (SELECT min(u.make_whole) FROM unlisted u WHERE u.oid = t.oid AND u.is_primary)
    FROM published t JOIN never_full n ON n.oid = t.oid WHERE t.relreplident = 'f'
  UNION ALL
  SELECT u.oid, format('the column list in publication %I lacks column %I of it', u.pubname, u.attname), u.make_whole FROM unlisted u WHERE u.needs_identity AND u.is_identity
  UNION ALL
  SELECT g.oid, format('the row filter in publication %I has column %I, which is not of it', g.pubname, f.attname),
         CASE WHEN g.oid IN (SELECT n.oid FROM never_full n) THEN g.make_whole END
    FROM governed g JOIN published t ON t.oid = g.oid JOIN filter_column f ON f.oid = g.oid AND f.publication = g.publication
   WHERE g.needs_identity AND t.relreplident <> 'f' AND NOT EXISTS (SELECT FROM key_column k WHERE k.oid = g.oid AND k.is_identity AND k.attname = f.attname)
), composite AS MATERIALIZED (
  -- also the row type of a table that is the type of a column
  SELECT c.reltype AS oid, a.atttypid AS part FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
   WHERE a.attnum > 0 AND NOT a.attisdropped
     AND a.attrelid = ANY (ARRAY(SELECT x.oid FROM pg_class x WHERE x.relkind = 'c'
                                 UNION SELECT t.typrelid FROM attribute a JOIN pg_type t ON t.oid = a.atttypid WHERE t.typtype = 'c'))
), part (type, part) AS (
  -- what a type is made of: arrays, domains, composite types
  SELECT DISTINCT a.atttypid, a.atttypid FROM attribute a JOIN unlike u ON u.oid = a.oid
  UNION
  SELECT p.type, coalesce(c.part, CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.typelem END)
    FROM part p JOIN pg_type t ON t.oid = p.part LEFT JOIN composite c ON c.oid = t.oid
   WHERE t.typtype = 'd' OR t.typcategory = 'A' OR c.part IS NOT NULL
), incomparable AS MATERIALIZED (
  SELECT DISTINCT p.type FROM part p JOIN pg_type t ON t.oid = p.part
   WHERE t.typtype = 'b' AND t.typcategory <> 'A' AND NOT EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod
     WHERE o.opcdefault AND o.opcintype = t.oid AND m.amname IN ('btree', 'hash'))
     AND NOT EXISTS (SELECT FROM pg_cast c JOIN pg_opclass o ON o.opcintype = c.casttarget AND o.opcdefault JOIN pg_am m ON m.oid = o.opcmethod
       WHERE c.castsource = t.oid AND c.castmethod = 'b' AND c.castcontext = 'i' AND m.amname IN ('btree', 'hash'))
), foreign_key AS MATERIALIZED (
  SELECT k.conrelid, k.confrelid, k.conname, k.conparentid FROM pg_constraint k WHERE k.contype = 'f'
), truncated AS MATERIALIZED (
  -- a partitioned table itself is sent where its publication sends by the root; its partitions are truncated with it then
  SELECT s.oid FROM sent_by s JOIN publication p ON p.oid = s.publication AND p.pubtruncate JOIN relation t ON t.oid = s.oid AND (t.has_rows OR p.pubviaroot)
   WHERE s.oid IN (SELECT k.conrelid FROM foreign_key k UNION ALL SELECT k.confrelid FROM foreign_key k)
), replicated AS MATERIALIZED (
  -- sent from here or received here, and whether rows are written with the rights of the table's owner: so they are from 16 on
  SELECT t.oid, t.relnamespace, t.relowner, t.relacl, t.is_forced, r.rolname, r.rolsuper OR r.rolbypassrls AS is_free, r.rolsuper, x.by_owner
    FROM (SELECT x.oid, bool_or(x.by_owner) AS by_owner
            FROM (SELECT p.oid, true AS by_owner FROM published p
                  UNION ALL
                  SELECT coalesce(a.leaf, s.srrelid), NOT {runs_as_owner}
                    FROM pg_subscription_rel s JOIN pg_subscription u ON u.oid = s.srsubid LEFT JOIN ancestor a ON a.oid = s.srrelid) x GROUP BY x.oid) x
    JOIN relation t ON t.oid = x.oid AND t.has_rows JOIN pg_roles r ON r.oid = t.relowner
), owner_problem (oid, reason, before, after) AS (
  SELECT t.oid, format('its row level security is forced on its owner %I', t.rolname), 'ALTER TABLE ', ' NO FORCE ROW LEVEL SECURITY'
    FROM replicated t WHERE t.by_owner AND t.is_forced AND NOT t.is_free
  UNION ALL
  SELECT t.oid, format('its owner %I has no USAGE on its schema', t.rolname), format('GRANT USAGE ON SCHEMA %s TO %I', t.relnamespace::regnamespace, t.rolname), NULL
    FROM replicated t
   WHERE t.by_owner AND (t.relowner, t.relnamespace) IN (
     SELECT x.relowner, x.relnamespace FROM (SELECT DISTINCT r.relowner, r.relnamespace FROM replicated r WHERE NOT r.rolsuper) x WHERE NOT has_schema_privilege(x.relowner, x.relnamespace, 'USAGE'))
  UNION ALL
  -- a table that nobody updates needs INSERT only
  SELECT t.oid, format('its owner %I has no %s', t.rolname, string_agg(v.name, ', ')), format('GRANT %s ON ', string_agg(v.name, ', ')), format(' TO %I', t.rolname)
    FROM (SELECT r.* FROM replicated r WHERE r.relacl IS NOT NULL AND r.by_owner AND NOT r.rolsuper) t CROSS JOIN (VALUES ('INSERT'), ('SELECT'), ('UPDATE'), ('DELETE')) AS v(name)
   WHERE NOT has_table_privilege(t.relowner, t.oid, v.name)
     AND (v.name = 'INSERT' OR EXISTS (SELECT FROM aclexplode(t.relacl) x WHERE x.grantee <> t.relowner AND x.privilege_type IN ('UPDATE', 'DELETE')))
   GROUP BY t.oid, t.rolname
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
), problem (name, is_error, oid, detail, before, target, after) AS (
  -- of which table, and the command that mends it: target is the table in it
  SELECT 'published_tables', false, t.oid, NULL, format('ALTER PUBLICATION %s %s', c.name, CASE WHEN c.is_all THEN 'SET ALL TABLES' ELSE 'ADD TABLE ' END), CASE WHEN NOT c.is_all THEN t.oid END, NULL
    FROM relation t CROSS JOIN (
      SELECT CASE WHEN count(*) = 1 THEN quote_ident(min(c.pubname::text)) ELSE '..' END AS name, bool_and(p.puballtables) AS is_all
        FROM capture_publication c JOIN publication p ON p.pubname = c.pubname HAVING count(*) > 0) c
   WHERE t.has_rows AND NOT EXISTS (SELECT FROM published p WHERE p.oid = t.oid)
  UNION ALL
  SELECT 'unlogged_tables', false, c.oid, NULL, 'ALTER TABLE ', c.oid, ' SET LOGGED'
    FROM fact f JOIN pg_class c ON c.relkind = 'r' AND c.relpersistence = 'u' AND c.oid IS DISTINCT FROM (SELECT o.oid FROM own o)
   WHERE f.publications > 0 OR NOT f.applies
  UNION ALL
  SELECT 'published_in_part', false, t.oid, t.withheld[1], t.withheld[2], NULL, NULL FROM published t WHERE NOT t.is_whole
  UNION ALL
  SELECT 'replica_identity', true, i.oid, i.reason, coalesce(i.whole, 'ALTER TABLE '), CASE WHEN i.whole IS NULL THEN i.oid END,
         CASE WHEN i.whole IS NOT NULL THEN NULL
              WHEN EXISTS (SELECT FROM key k WHERE k.oid = i.oid AND k.is_primary AND NOT k.is_identity) THEN ' REPLICA IDENTITY DEFAULT'
              WHEN EXISTS (SELECT FROM never_full n WHERE n.oid = i.oid) THEN ' ADD PRIMARY KEY (..), REPLICA IDENTITY DEFAULT'
              ELSE ' REPLICA IDENTITY FULL' END
    FROM (SELECT DISTINCT ON (i.oid) i.* FROM identity_problem i ORDER BY i.oid, i.reason) i
  UNION ALL
  SELECT 'unequal_columns', false, a.oid, string_agg(format('%I %s', a.attname, format_type(a.atttypid, NULL)), ', ' ORDER BY a.attnum), 'ALTER TABLE ', a.oid,
         coalesce(' REPLICA IDENTITY USING INDEX ' || quote_ident(min(o.index)), ' ADD PRIMARY KEY (..)')
    FROM attribute a JOIN unlike u ON u.oid = a.oid JOIN incomparable i ON i.type = a.atttypid LEFT JOIN other_identity o ON o.oid = a.oid GROUP BY a.oid
  UNION ALL
  -- up to 17 no generated column is sent, and where the rows arrive those of the key are looked for
  SELECT 'generated_keys', true, t.oid, string_agg(quote_ident(g.attname), ', ' ORDER BY g.attnum), 'ALTER TABLE ', t.oid,
         ' REPLICA IDENTITY USING INDEX ' || coalesce(quote_ident(min(o.index)), '..')
    FROM published t JOIN key k ON k.oid = t.oid AND k.is_looked_for JOIN generated g ON g.oid = t.oid AND g.attnum = ANY (k.indkey) LEFT JOIN other_identity o ON o.oid = t.oid
   WHERE t.keeps_generated_back GROUP BY t.oid
  UNION ALL
  SELECT 'generated_columns', true, t.oid, string_agg(DISTINCT quote_ident(g.attname), ', '),
         min(CASE WHEN s.list IS NULL THEN format('ALTER PUBLICATION %I SET (publish_generated_columns = none)', p.pubname) ELSE s.make_whole END), NULL, NULL
    FROM published t JOIN sent_by s ON s.oid = t.oid JOIN publication p ON p.oid = s.publication
    JOIN generated g ON g.oid = coalesce(s.entry, t.oid) AND NOT g.is_virtual
   WHERE CASE WHEN s.list IS NULL THEN p.sends_generated ELSE g.attnum::text = ANY (s.list) END GROUP BY t.oid
  UNION ALL
  SELECT 'column_lists', true, g.oid, string_agg(DISTINCT quote_ident(a.attname), ', '), min(g.make_whole), NULL, NULL
    FROM governed g JOIN attribute a ON a.oid = g.oid AND a.must_come
   WHERE g.list IS NOT NULL AND g.pubinsert AND NOT EXISTS (SELECT FROM listed_column l WHERE l.oid = g.oid AND l.publication = g.publication AND l.attname = a.attname)
   GROUP BY g.oid
  UNION ALL
  -- a foreign key of what is not truncated there; that of a partition is a part of its root's
  SELECT 'truncate_cascade', false, k.conrelid, format('references %s', min(k.confrelid)::regclass),
         format('DELETE FROM %s, not TRUNCATE; where that has been run, on the destination: ALTER TABLE ', min(k.confrelid)::regclass), k.conrelid,
         format(' DROP CONSTRAINT %I', min(k.conname))
    FROM foreign_key k JOIN truncated r ON r.oid = k.confrelid JOIN pg_class c ON c.oid = k.conrelid
   WHERE NOT (c.relispartition AND k.conparentid <> 0) AND NOT EXISTS (SELECT FROM truncated x WHERE x.oid = k.conrelid)
   GROUP BY k.conrelid
  UNION ALL
  -- the worker fires no statement's triggers but those of TRUNCATE and, while it copies, INSERT; and no rules. Up to 14 what a partition
  -- has from its parent is internal, as are the triggers of foreign keys.
  SELECT 'always_triggers', d.stops, t.oid, format('%I%s%s', g.tgname, CASE g.tgenabled WHEN 'R' THEN ', ENABLE REPLICA' END, CASE WHEN d.stops THEN ', deferred: stops the stream' END),
         'ALTER TABLE ', t.oid, format(CASE g.tgenabled WHEN 'R' THEN ' DISABLE TRIGGER %I' ELSE ' ENABLE TRIGGER %I' END, g.tgname)
    FROM replicated t JOIN pg_trigger g ON g.tgrelid = t.oid AND g.tgenabled IN ('A', 'R') AND (NOT g.tgisinternal OR g.tgparentid <> 0 AND g.tgconstrrelid = 0) AND g.tgtype & (1 | 4 | 32) <> 0
    CROSS JOIN LATERAL (SELECT g.tginitdeferred AND t.by_owner AND NOT t.rolsuper AND current_setting('server_version_num')::integer >= 160000 AS stops) d
  UNION ALL
  SELECT 'owner_rights', current_setting('server_version_num')::integer >= 160000, o.oid, o.reason, o.before, CASE WHEN o.after IS NOT NULL THEN o.oid END, o.after FROM owner_problem o
), topic (name, what, fine, why) AS (
  VALUES ('published_tables', format('of %s tables are in no publication', (SELECT count(*) FROM relation t WHERE t.has_rows)),
          CASE WHEN EXISTS (SELECT FROM capture_publication) THEN 'all tables are in a publication' ELSE 'no publication of public.dts_ddl_command' END,
          'their rows are not replicated'),
         ('unlogged_tables', 'tables are unlogged', 'none', 'else copy them at cutover, for their rows are not replicated'),
         ('published_in_part', 'tables are published in part', 'none', 'the rest is not replicated'),
         ('replica_identity', 'published tables have no usable replica identity', 'all published tables have one', 'UPDATE and DELETE on them fail'),
         ('unequal_columns', 'published tables without key have columns that cannot be compared', 'none',
          'UPDATE and DELETE on them cannot be applied on a destination, and stop the stream'),
         ('generated_keys', 'published tables have a generated column in their key', 'none',
          'by a unique index on columns that are NOT NULL and not generated. Until then UPDATE and DELETE on them fail, up to 17 on the destination, where they stop the stream'),
         ('generated_columns', 'tables are published with the values of generated columns', 'none', 'where the destination''s columns are generated, too, their rows stop the stream'),
         ('column_lists', 'tables are published without columns that are NOT NULL and have no default', 'none', 'INSERT on them stops the stream'),
         ('truncate_cascade', 'tables have a foreign key to what is truncated on the destination, and are not truncated there with it', 'none', 'else it stops the stream'),
         ('always_triggers', 'triggers fire on the destination', 'none',
          'rows that they write into published tables come twice, or stop the stream; after cutover ALTER TABLE .. ENABLE ALWAYS TRIGGER, or REPLICA, again'),
         ('owner_rights', 'tables cannot be written with the rights of their owners, as a destination of 16 or later does', 'none', 'neither their rows nor their copy can be applied')
), numbered AS (
  SELECT p.*, count(*) OVER w AS total, bool_or(p.is_error) OVER w AS stops, row_number() OVER (PARTITION BY p.name ORDER BY p.oid, p.detail) AS number
    FROM problem p WINDOW w AS (PARTITION BY p.name)
), shown AS (
  SELECT n.name, n.oid, n.detail, n.total, n.stops, n.number, n.oid::regclass || coalesce(' (' || n.detail || ')', '') AS shown, concat(n.before, n.target::regclass, n.after) AS command
    FROM numbered n WHERE n.number <= 5
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
SELECT t.name, CASE WHEN bool_or(s.stops) THEN 'error' WHEN count(s.*) > 0 THEN 'warning' ELSE 'ok' END,
       CASE WHEN count(s.*) > 0 THEN format('%s %s: %s', max(s.total), t.what, string_agg(s.shown, ', ' ORDER BY s.number) || CASE WHEN max(s.total) > 5 THEN ', ..' ELSE '' END)
            ELSE t.fine END,
       string_agg(DISTINCT s.command, '; ') || CASE WHEN max(s.total) > 5 THEN '; ..' ELSE '' END || ': ' || t.why
  FROM topic t LEFT JOIN shown s ON s.name = t.name GROUP BY t.name, t.what, t.fine, t.why
