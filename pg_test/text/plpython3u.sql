-- requires-extension: plpython3u
-- DDL through SPI of plpython3u.
CREATE EXTENSION plpython3u;
CREATE FUNCTION p() RETURNS void LANGUAGE plpython3u AS $$
plpy.execute('/* c */ CREATE TABLE a (x int); CREATE TABLE b (x int);')
plan = plpy.prepare('DROP TABLE a')
plan.execute()
$$;
SELECT t.mark();
\c
SELECT p();
SELECT t.texts('first DDL of the session', 'CREATE TABLE a (x int)', 'CREATE TABLE b (x int)', 'DROP TABLE a');
DROP TABLE b\; SELECT p()\; DROP TABLE b;
SELECT t.texts('again', 'DROP TABLE b', 'CREATE TABLE a (x int)', 'CREATE TABLE b (x int)', 'DROP TABLE a', 'DROP TABLE b');
DO LANGUAGE plpython3u $$
try:
    with plpy.subtransaction():
        plpy.execute('CREATE TABLE lost (x int)')
        plpy.execute('SELECT 1/0')
except plpy.SPIError:
    plpy.execute('CREATE TABLE kept (x int)')
$$;
SELECT t.texts('subtransaction', 'CREATE TABLE kept (x int)');
