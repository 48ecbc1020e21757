-- requires-extension: hstore
-- dts_ddl_capture.qualify_names: CREATE EXTENSION is told where it is, and what it has is found there.
CREATE SCHEMA a; CREATE SCHEMA b;
SET dts_ddl_capture.qualify_names = on; SET search_path = a, b; SELECT t.mark();
CREATE EXTENSION hstore;
CREATE TABLE pairs (h hstore DEFAULT 'a=>1'::hstore, CHECK (h ? 'a'), k text[] DEFAULT akeys('a=>1'::hstore));
CREATE INDEX ON pairs USING gist (h gist_hstore_ops);
DROP TABLE pairs;
DROP EXTENSION hstore;
CREATE EXTENSION hstore WITH SCHEMA b VERSION '1.4';
DROP EXTENSION hstore;
SELECT t.texts('an extension', 'CREATE EXTENSION hstore SCHEMA a',
  'CREATE TABLE a.pairs (h a.hstore DEFAULT ''a=>1''::a.hstore, CHECK (h OPERATOR(a.?) ''a''), k text[] DEFAULT a.akeys(''a=>1''::a.hstore))',
  'CREATE INDEX ON a.pairs USING gist (h a.gist_hstore_ops)', 'DROP TABLE a.pairs', 'DROP EXTENSION hstore',
  'CREATE EXTENSION hstore WITH SCHEMA b VERSION ''1.4''', 'DROP EXTENSION hstore');
