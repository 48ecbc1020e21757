-- The ids of rows come from a sequence, but the user's lastval() is his own; also for the very first row.
CREATE SEQUENCE mine;
SELECT nextval('mine');
CREATE TABLE one (x int);
SELECT t.is('lastval', lastval(), 1::bigint);
DROP EXTENSION dts_ddl_capture;
CREATE EXTENSION dts_ddl_capture;
SELECT nextval('mine');
CREATE TABLE two (x int);
SELECT t.is('lastval with a new extension', lastval(), 2::bigint);
SELECT t.is('first id', (SELECT min(id) FROM public.dts_ddl_command), 1::bigint);
ALTER SEQUENCE public.dts_ddl_command_id_seq RESTART WITH 100;
CREATE TABLE three (x int);
SELECT t.is('a restarted sequence is obeyed (by the row of the ALTER SEQUENCE itself)', (SELECT array_agg(id ORDER BY id) FROM public.dts_ddl_command WHERE id >= 100), ARRAY[100, 101]::bigint[]);
SELECT t.is('lastval still', lastval(), 2::bigint);
