-- As a subscription reads it, one is another number: so it arrives by any replication.
SET extra_float_digits = 3;
CREATE TEMPORARY TABLE others AS SELECT name FROM unit_units WHERE unit::text::unit::text <> unit::text;
RESET extra_float_digits;
DELETE FROM unit_units WHERE name IN (SELECT name FROM others);
CREATE TABLE roads (id int PRIMARY KEY, length unit);
INSERT INTO roads VALUES (1, '10 km'), (2, '3 mile');
INSERT INTO unit_units (name, unit) VALUES ('myway', '7 km');
UPDATE unit_units SET unit = '8 km' WHERE name = 'myway';
INSERT INTO roads VALUES (3, '2 myway');
UPDATE unit_prefixes SET factor = factor * 2 WHERE prefix = 'mega';
DELETE FROM unit_units WHERE name = 'furlong';
