-- psql's variables of the tests: the server's major, and what it knows.
SELECT v.v / 10000 AS major, v.v >= 90500 AS has95, v.v >= 90600 AS has96, v.v >= 100000 AS has10, v.v >= 110000 AS has11, v.v >= 120000 AS has12, v.v >= 140000 AS has14, v.v >= 170000 AS has17
  FROM (SELECT current_setting('server_version_num')::int) v(v) \gset
