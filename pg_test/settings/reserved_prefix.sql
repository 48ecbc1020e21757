-- requires: 15
-- The prefix is reserved: a misspelt name is an error once the library is loaded.
CREATE TABLE a (x int);
SELECT t.fails('misspelt', 'SET dts_ddl_capture.max_row = 5', '42602', 'invalid configuration parameter name "dts_ddl_capture.max_row"');
