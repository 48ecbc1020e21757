-- Ids that are 16 apart, so that two servers can capture into each other's table: the sequence's INCREMENT is honoured,
-- and the limit holds for the ids of this server: with gaps, with the rows of the other server in between, and after deletions by hand.
CREATE FUNCTION t.make(prefix text, n int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1..n LOOP EXECUTE format('CREATE TYPE %s%s AS ENUM ()', prefix, i); END LOOP; END $$;
CREATE FUNCTION t.each(prefix text, n int, OUT low bigint, OUT high bigint) LANGUAGE plpgsql AS $$ DECLARE c bigint; BEGIN
  FOR i IN 1..n LOOP
    EXECUTE format('CREATE TYPE %s%s AS ENUM ()', prefix, i); SELECT count(*) INTO c FROM public.dts_ddl_command; low := least(low, c); high := greatest(high, c);
  END LOOP; END $$;
SELECT t.make('x', 3);
SELECT t.is('ids without gaps', (SELECT array_agg(id ORDER BY id)::text FROM public.dts_ddl_command), '{1,2,3,4,5}');
SET session_replication_role = replica; ALTER SEQUENCE public.dts_ddl_command_id_seq INCREMENT BY 16 RESTART WITH 35; RESET session_replication_role;
SELECT t.make('y', 3);
SELECT t.is('the number given to RESTART, then 16 more each', (SELECT array_agg(id ORDER BY id)::text FROM public.dts_ddl_command WHERE id > 5), '{35,51,67}');
SELECT nextval('public.dts_ddl_command_id_seq');
CREATE TYPE after_nextval AS ENUM ();
SELECT t.is('as nextval() does', (SELECT max(id) FROM public.dts_ddl_command), 99::bigint);
SET dts_ddl_capture.max_rows = 20;
SELECT t.make('a', 20);
SELECT t.is('never more than the limit, and no fewer', (SELECT ARRAY[low, high]::text FROM t.each('z', 60)), '{20,20}');
SELECT t.is('the newest are there', (SELECT max(id) - min(id) = 19 * 16 FROM public.dts_ddl_command), true);
SELECT t.is('pruned_through', (SELECT dts_ddl.pruned_through() = min(id) - 16 FROM public.dts_ddl_command), true);
-- deleted by hand: nothing that is within the limit goes
DELETE FROM public.dts_ddl_command WHERE id < (SELECT max(id) - 9 * 16 FROM public.dts_ddl_command);
SELECT t.is('10 are left', (SELECT count(*) FROM public.dts_ddl_command), 10::bigint);
SELECT t.is('and grow to the limit again', (SELECT ARRAY[low, high]::text FROM t.each('w', 30)), '{11,20}');
-- rows of another server between the own ones
INSERT INTO public.dts_ddl_command (ddl_text, id) SELECT 'theirs', id - 7 FROM public.dts_ddl_command;
SELECT t.make('v', 10);
SELECT t.is('they go as the own ones next to them', (SELECT ARRAY[count(*) FILTER (WHERE ddl_text = 'theirs'), count(*)]::text FROM public.dts_ddl_command), '{10,30}');
SELECT t.is('each of them is newer than what is gone', (SELECT min(id) > dts_ddl.pruned_through() FROM public.dts_ddl_command), true);
DO $$ BEGIN FOR i IN 1..30 LOOP INSERT INTO public.dts_ddl_command (ddl_text, id) SELECT 'theirs', max(id) + 9 FROM public.dts_ddl_command WHERE id % 16 = 3; EXECUTE format('CREATE TYPE u%s AS ENUM ()', i); END LOOP; END $$;
SELECT t.is('the limit holds for the rows of each', (SELECT ARRAY[count(*) FILTER (WHERE ddl_text = 'theirs'), count(*)]::text FROM public.dts_ddl_command), '{20,40}');
-- as far apart as a sequence allows
SET dts_ddl_capture.max_rows = 1;
SET session_replication_role = replica; ALTER SEQUENCE public.dts_ddl_command_id_seq INCREMENT BY 1152921504606846976; RESET session_replication_role;
SELECT t.make('f', 3);
SELECT t.is('one is kept', (SELECT count(*) FROM public.dts_ddl_command), 1::bigint);
RESET dts_ddl_capture.max_rows;
