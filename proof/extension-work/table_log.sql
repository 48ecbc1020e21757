CREATE TABLE logged (id int PRIMARY KEY, what text);
SELECT table_log_init(5, 'logged');
INSERT INTO logged VALUES (1, 'first');
UPDATE logged SET what = 'second';
DELETE FROM logged;
