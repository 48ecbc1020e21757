-- event_time is the command's clock time, txid_current the transaction's id, id in order.
BEGIN;
SELECT txid_current() AS txid, clock_timestamp() AS t0 \gset
CREATE TABLE a (x int);
SELECT clock_timestamp() AS t1 \gset
SELECT pg_sleep(0.05);
CREATE TABLE b (x int);
SELECT clock_timestamp() AS t2 \gset
COMMIT;
SELECT t.is('txid_current', (SELECT string_agg(DISTINCT txid_current, ',') FROM t.new()), :'txid');
SELECT t.check('clock time of each command', (SELECT bool_and(event_time BETWEEN CASE n WHEN 1 THEN :'t0'::timestamptz ELSE :'t1'::timestamptz END AND CASE n WHEN 1 THEN :'t1'::timestamptz ELSE :'t2'::timestamptz END) FROM t.new()),
  (SELECT string_agg(event_time::text, ', ') FROM t.new()));
SELECT t.check('not the transaction''s start', (SELECT max(event_time) - min(event_time) >= interval '50 milliseconds' FROM t.new()));
SELECT t.mark();
-- in a subtransaction it is still the top-level transaction's id
BEGIN;
SELECT txid_current() AS txid \gset
SAVEPOINT s;
CREATE TABLE c (x int);
CREATE TABLE d AS SELECT 1 AS x;
COMMIT;
SELECT t.is('top-level id', (SELECT string_agg(DISTINCT txid_current, ',') FROM t.new()), :'txid');
SELECT t.is('time zone does not matter', (SELECT count(*) FROM t.new() WHERE event_time BETWEEN clock_timestamp() - interval '1 minute' AND clock_timestamp()), 2);
SELECT t.mark();
SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'SQL, DMY';
CREATE TABLE e (x int);
RESET TimeZone; RESET DateStyle;
SELECT t.check('odd settings', (SELECT event_time BETWEEN clock_timestamp() - interval '1 minute' AND clock_timestamp() FROM t.one('time zone')));
