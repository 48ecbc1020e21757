-- Publications of strangers: new tables do not join them, whatever their name, and rows do not grow with them.
CREATE ROLE strangers_app LOGIN; CREATE ROLE strangers_super SUPERUSER; GRANT CREATE ON DATABASE :"db" TO strangers_app;
CREATE FUNCTION t.joined(rel text) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(pubname, ',' ORDER BY pubname COLLATE "C") FROM pg_publication_rel r JOIN pg_publication p ON p.oid = prpubid WHERE prrelid = rel::regclass $$;
SET client_min_messages = error;
CREATE PUBLICATION dts_sync_own; CREATE PUBLICATION dts_sync_super; ALTER PUBLICATION dts_sync_super OWNER TO strangers_super;
SET ROLE strangers_app; CREATE PUBLICATION dts_sync_stranger; RESET ROLE; SELECT t.mark();
CREATE TABLE a (x int); SELECT t.is('a stranger''s', t.joined('a'), 'dts_sync_own,dts_sync_super');
SELECT t.is('told', (SELECT message->>'all_publications' FROM t.one('a')), '["dts_sync_own", "dts_sync_super", "dts_sync_stranger"]');
CREATE TABLE b AS SELECT 1 AS x; SELECT t.is('CREATE TABLE AS', t.joined('b'), 'dts_sync_own,dts_sync_super');
-- who owns it now, and what the owner is now
ALTER PUBLICATION dts_sync_stranger OWNER TO strangers_super; CREATE TABLE c (x int); SELECT t.is('given away', t.joined('c'), 'dts_sync_own,dts_sync_stranger,dts_sync_super');
ALTER ROLE strangers_super NOSUPERUSER; CREATE TABLE d (x int); SELECT t.is('no superuser any more', t.joined('d'), 'dts_sync_own');
ALTER ROLE strangers_app SUPERUSER; ALTER PUBLICATION dts_sync_stranger OWNER TO strangers_app; CREATE TABLE e (x int); SELECT t.is('a superuser now', t.joined('e'), 'dts_sync_own,dts_sync_stranger');
ALTER ROLE strangers_app NOSUPERUSER;
BEGIN; ALTER PUBLICATION dts_sync_stranger OWNER TO CURRENT_USER; CREATE TABLE f (x int); SELECT t.is('in one transaction', t.joined('f'), 'dts_sync_own,dts_sync_stranger'); ROLLBACK;
CREATE TABLE f (x int); SELECT t.is('rolled back', t.joined('f'), 'dts_sync_own');
-- many of them
SELECT t.mark();
RESET ROLE; SET dts_ddl_capture.enabled = off; SET ROLE strangers_app;
DO $$ BEGIN FOR i IN 1 .. 300 LOOP EXECUTE format('CREATE PUBLICATION dts_sync_%s', i); END LOOP; END $$; RESET ROLE; RESET dts_ddl_capture.enabled;
CREATE PUBLICATION zzz; SELECT t.mark(); CREATE TABLE g (x int);
SELECT t.is('names', (SELECT concat_ws(' ', jsonb_array_length(p), p->0, p->-1) FROM (SELECT message->'all_publications' AS p FROM t.one('g')) m), '102 "dts_sync_own" "zzz"');
SELECT t.is('not joined', t.joined('g'), 'dts_sync_own');
DROP OWNED BY strangers_app, strangers_super; DROP ROLE strangers_app, strangers_super;
