-- pgl_ddl_deploy as its documentation sets it up: all DDL of all schemas goes into a queue for pglogical's default set.
CREATE EXTENSION pglogical;
CREATE EXTENSION pgl_ddl_deploy;
SELECT pglogical.create_node('bench', 'dbname=DATABASE_NAME');
INSERT INTO pgl_ddl_deploy.set_configs (set_name, include_schema_regex, lock_safe_deployment, allow_multi_statements)
  VALUES ('default', '.*', false, true);
SELECT pgl_ddl_deploy.deploy('default');
