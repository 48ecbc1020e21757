-- A partition's bound that is computed when the command runs is stored as the value that it got.
SET TimeZone = 'UTC';
CREATE TABLE p (at timestamptz, x int) PARTITION BY RANGE (at);
CREATE TABLE q (x int) PARTITION BY LIST (x);
CREATE TABLE loose (at timestamptz, x int);
CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';
SELECT t.mark();
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (current_timestamp) TO ('infinity') WITH (fillfactor = 50);
SELECT t.check('FROM (current_timestamp)', (SELECT ddl_text ~ '^CREATE TABLE p1 PARTITION OF p FOR VALUES FROM \(''\d{4}-[^'']+''\) TO \(''infinity''\) WITH \(fillfactor = 50\)$' FROM t.new()), (SELECT ddl_text FROM t.new()));
SELECT t.is('said in message', (SELECT message->'original'->>'text' FROM t.one('computed')), 'CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (current_timestamp) TO (''infinity'') WITH (fillfactor = 50)');
ALTER TABLE p ATTACH PARTITION loose FOR VALUES FROM (MINVALUE) TO (now() - interval '1 day');
SELECT t.check('ATTACH', (SELECT ddl_text ~ '^ALTER TABLE p ATTACH PARTITION loose FOR VALUES FROM \(MINVALUE\) TO \(''\d{4}-[^'']+''\)$' FROM t.new()), (SELECT ddl_text FROM t.new()));
SELECT t.mark();
CREATE TABLE q1 PARTITION OF q FOR VALUES IN (one(), 2);
SELECT t.texts('a function', 'CREATE TABLE q1 PARTITION OF q FOR VALUES IN (1, 2)');
CREATE TABLE q3 PARTITION OF q FOR VALUES IN (3, 2 + 2);
CREATE TABLE q5 PARTITION OF q DEFAULT;
SELECT t.texts('constants stay as they were sent', 'CREATE TABLE q3 PARTITION OF q FOR VALUES IN (3, 2 + 2)', 'CREATE TABLE q5 PARTITION OF q DEFAULT');
