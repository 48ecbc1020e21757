CREATE TABLE bench_round (id integer PRIMARY KEY, v text);
ALTER TABLE bench_round ADD COLUMN w integer;
DROP TABLE bench_round;
