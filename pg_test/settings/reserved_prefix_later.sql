-- requires: 15
-- requires-not-preloaded: with the library loaded from the start, SET itself is refused
-- A misspelt name that was set before the library came is removed.
SET client_min_messages = error;
SET dts_ddl_capture.max_row = 5;
CREATE TABLE b (x int);
SELECT t.is('one set before is removed', current_setting('dts_ddl_capture.max_row', true), NULL);
