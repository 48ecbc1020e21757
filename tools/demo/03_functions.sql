-- one string: functions, a trigger, and DDL that comes out of DO blocks, EXECUTE and calls
CREATE FUNCTION add_audit(target regclass) RETURNS void LANGUAGE plpgsql AS $body$
BEGIN
  EXECUTE format('ALTER TABLE %s ADD COLUMN changed_at timestamptz DEFAULT now()', target);
  EXECUTE format('CREATE INDEX ON %s (changed_at); COMMENT ON COLUMN %s.changed_at IS %L', target, target, 'set by touch()');
END
$body$;

CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN NEW.changed_at := now(); RETURN NEW; END';

SELECT add_audit('customer');
CREATE TRIGGER customer_touch BEFORE UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION touch();

DO $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['item', 'order_line'] LOOP
    PERFORM add_audit(t::regclass);
  END LOOP;
  BEGIN
    CREATE TABLE half_way (id integer);
    RAISE EXCEPTION 'the table goes with this block, and so does its row';
  EXCEPTION WHEN raise_exception THEN
    CREATE TABLE instead_of_it (id integer PRIMARY KEY);
  END;
END
$$;

CREATE PROCEDURE new_log(name text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE 'CREATE UNLOGGED TABLE ' || quote_ident(name) || ' (at timestamptz, what text)';
END
$$;
CALL new_log('Access Log');
