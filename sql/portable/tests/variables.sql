-- psql's variables of the tests: the server's major, and what it knows.
SELECT current_setting('server_version_num')::int / 10000 AS major, current_setting('server_version_num')::int >= 140000 AS has14 \gset
