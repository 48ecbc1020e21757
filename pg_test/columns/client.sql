-- client_address and client_port are this connection's.
SELECT host(inet_client_addr()) AS addr, inet_client_port() AS port, pg_backend_pid() AS pid \gset
CREATE TABLE a (x int);
DO $$ BEGIN CREATE TABLE b (x int); END $$;
CREATE TABLE c AS SELECT 1 AS x;
SELECT t.is('address and port', (SELECT string_agg(DISTINCT client_address || ' ' || client_port, ',') FROM t.new()), :'addr' || ' ' || :'port');
SELECT t.is('database', (SELECT string_agg(DISTINCT database, ',') FROM t.new()), :'db');
SELECT t.is('event', (SELECT string_agg(DISTINCT event, ',') FROM t.new()), 'ddl_command_end');
SELECT t.is('rows', (SELECT count(*) FROM t.new()), 3);
SELECT current_setting('unix_socket_directories') AS sock, :'user' AS u \gset
\connect - - :sock
CREATE TABLE d (x int);
SELECT t.is('a Unix socket has neither', (SELECT concat_ws('/', client_address, client_port) FROM t.new() WHERE ddl_text = 'CREATE TABLE d (x int)'), '');
