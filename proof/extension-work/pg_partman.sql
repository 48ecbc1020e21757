CREATE TABLE events (id bigint, at timestamptz NOT NULL, what text) PARTITION BY RANGE (at);
SELECT create_parent('public.events', 'at', 'native', 'daily');
INSERT INTO events VALUES (1, now(), 'now'), (2, now() - interval '100 days', 'in the default partition');
SELECT run_maintenance();
UPDATE part_config SET premake = 6;
SELECT run_maintenance();
