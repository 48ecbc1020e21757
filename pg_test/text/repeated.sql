-- The same statement several times in one string: every row its own.
CREATE TABLE r (x int)\; DROP TABLE r\; CREATE TABLE r (x int)\; DROP TABLE r\; CREATE TABLE r (x int);
SELECT t.texts('exact repetition', 'CREATE TABLE r (x int)', 'DROP TABLE r', 'CREATE TABLE r (x int)', 'DROP TABLE r', 'CREATE TABLE r (x int)');
COMMENT ON TABLE r IS '1' \; COMMENT ON TABLE r IS '1'\; /* x */ COMMENT ON TABLE r IS '1';
SELECT t.texts('with different surroundings', $$COMMENT ON TABLE r IS '1'$$, $$COMMENT ON TABLE r IS '1'$$, $$COMMENT ON TABLE r IS '1'$$);
COMMENT ON TABLE r IS '2'\; COMMENT  ON  TABLE  r  IS '2'\; COMMENT ON TABLE r IS  '2';
SELECT t.texts('each its own spacing', $$COMMENT ON TABLE r IS '2'$$, $$COMMENT  ON  TABLE  r  IS '2'$$, $$COMMENT ON TABLE r IS  '2'$$);
DROP TABLE IF EXISTS gone\; DROP TABLE IF EXISTS gone\; CREATE TABLE gone (x int)\; DROP TABLE IF EXISTS gone\; DROP TABLE IF EXISTS gone;
SELECT t.texts('no-ops between', 'CREATE TABLE gone (x int)', 'DROP TABLE IF EXISTS gone');
CREATE TABLE IF NOT EXISTS i (x int)\; CREATE TABLE IF NOT EXISTS i (x int, y int)\; DROP TABLE i\; CREATE TABLE IF NOT EXISTS i (x int, y int);
SELECT t.texts('IF NOT EXISTS again', 'CREATE TABLE IF NOT EXISTS i (x int)', 'DROP TABLE i', 'CREATE TABLE IF NOT EXISTS i (x int, y int)');
