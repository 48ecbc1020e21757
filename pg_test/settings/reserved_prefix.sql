-- requires: 15
-- The prefix is reserved: a misspelt name is an error once the library is loaded.
CREATE TABLE a (x int);
SELECT t.fails('misspelt', 'SET dts_ddl_capture.max_row = 5', '42602', 'invalid configuration parameter name "dts_ddl_capture.max_row"');
\c
SET client_min_messages = error;
SET dts_ddl_capture.max_row = 5;
CREATE TABLE b (x int);
SELECT t.is('one set before is removed', current_setting('dts_ddl_capture.max_row', true), NULL);
