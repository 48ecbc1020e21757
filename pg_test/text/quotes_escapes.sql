-- requires: 13..18
-- standard_conforming_strings = off (gone in 19): a backslash escapes in plain literals. The recorded text says the same only under that setting.
SET escape_string_warning = off;
SET standard_conforming_strings = off;
CREATE TABLE a (x text DEFAULT 'it\'s; \\')\; CREATE TABLE b (x int);
SELECT t.is('texts', (SELECT array_agg(ddl_text ORDER BY n) FROM t.new()), ARRAY[E'CREATE TABLE a (x text DEFAULT \'it\\\'s; \\\\\')', 'CREATE TABLE b (x int)']);
SELECT t.is('the setting is in the message', (SELECT DISTINCT message->'settings'->>'standard_conforming_strings' FROM t.new()), 'off');
