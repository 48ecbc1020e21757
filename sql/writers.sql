-- Asked of a publisher: its roles that are no superusers and can write rows of the capture table, or become a role that can, or one that
-- can do anything (who runs programs or writes files as the server; up to 15, who may make himself a member of any other role).
SELECT r.rolname
  FROM pg_catalog.pg_roles r, pg_catalog.pg_class c
 WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass({table})
   AND NOT r.rolsuper AND r.oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
   AND (pg_catalog.has_any_column_privilege(r.oid, c.oid, 'INSERT, UPDATE')
     OR EXISTS (SELECT FROM pg_catalog.pg_roles m
                 WHERE pg_catalog.pg_has_role(r.oid, m.oid, 'MEMBER')
                   AND (m.oid OPERATOR(pg_catalog.=) c.relowner OR m.rolsuper
                     OR m.rolname OPERATOR(pg_catalog.=) ANY
                        (ARRAY['pg_write_all_data', 'pg_write_server_files', 'pg_execute_server_program']::pg_catalog.name[])
                     OR pg_catalog.has_any_column_privilege(m.oid, c.oid, 'INSERT, UPDATE')))
     OR r.rolcreaterole AND pg_catalog.current_setting('server_version_num')::pg_catalog.int4 OPERATOR(pg_catalog.<) 160000)
 ORDER BY r.rolname
