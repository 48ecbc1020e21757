UPDATE tiger.geocode_settings SET setting = 'true' WHERE name = 'debug_geocode_address';
INSERT INTO tiger.state_lookup VALUES (99, 'Elsewhere', 'ZZ', '99');
DELETE FROM tiger.pagc_gaz WHERE id < 10;
