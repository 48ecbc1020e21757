-- Rows for whatever tables there are: a few INSERT, UPDATE and DELETE of each, with values by the columns' types. Run between the
-- files of proof/fidelity --rows. What constraints and triggers refuse is let be. psql's variable `seed` (0 to 1) chooses the values.
SET client_min_messages = error;
SELECT setseed(:seed) \g /dev/null
DO $rows$
DECLARE
  the_table record;
  the_column record;
  names text[];
  given text[];
  column_value text;
  rows float8;
BEGIN
  FOR the_table IN
    SELECT c.oid, c.oid::regclass::text AS name, c.relkind, c.oid IN (SELECT conrelid FROM pg_catalog.pg_constraint WHERE contype = 'f') AS refers
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_%'
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY refers, c.oid
  LOOP
    -- rows
    FOR attempt IN 1 .. 4 LOOP
      names := '{}'; given := '{}';
      FOR the_column IN
        SELECT a.attname, a.attnotnull, a.atthasdef OR a.attidentity <> '' AS has_default, a.atttypmod,
          (SELECT format('(SELECT x.%I FROM %s x ORDER BY random() LIMIT 1)', f.attname, k.confrelid::regclass)
            FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_attribute f ON f.attrelid = k.confrelid
              AND f.attnum = k.confkey[array_position(k.conkey, a.attnum)]
            WHERE k.conrelid = a.attrelid AND k.contype = 'f' AND a.attnum = ANY (k.conkey) LIMIT 1) AS reference,
          format_type(a.atttypid, a.atttypmod) AS type, b.oid AS base, b.typtype, b.typcategory, b.typname
        FROM pg_catalog.pg_attribute a
          CROSS JOIN LATERAL (WITH RECURSIVE up AS (SELECT t.* FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid
            UNION ALL SELECT t.* FROM up JOIN pg_catalog.pg_type t ON t.oid = up.typbasetype WHERE up.typtype = 'd')
            SELECT up.* FROM up WHERE up.typtype <> 'd') b
        WHERE a.attrelid = the_table.oid AND a.attnum > 0 AND NOT a.attisdropped
          AND a.attgenerated = '' AND a.attidentity <> 'a'
      LOOP
        CONTINUE WHEN the_column.has_default AND random() < 0.5;
        IF NOT the_column.attnotnull AND random() < 0.2 THEN column_value := 'NULL';
        ELSIF the_column.reference IS NOT NULL THEN column_value := the_column.reference;
        ELSE
          column_value := CASE
            WHEN the_column.typtype = 'e' THEN format('(SELECT enumlabel FROM pg_catalog.pg_enum WHERE enumtypid = %s ORDER BY random() LIMIT 1)::text', the_column.base)
            WHEN the_column.typtype = 'c' THEN 'NULL'
            WHEN the_column.typtype IN ('r', 'm') THEN quote_literal(CASE the_column.typtype WHEN 'r' THEN 'empty' ELSE '{}' END)
            WHEN the_column.typcategory = 'A' THEN quote_literal('{}')
            WHEN the_column.typcategory = 'B' THEN (random() < 0.5)::text
            WHEN the_column.typname = 'float4' OR the_column.typname = 'float8' THEN (random() * 100)::text
            WHEN the_column.typcategory = 'N' THEN floor(random() * CASE WHEN attempt > 2 THEN 10 ELSE 1000 END)::int::text
            WHEN the_column.typcategory = 'D' THEN quote_literal(timestamptz '2020-01-01' + random() * interval '2000 days')
            WHEN the_column.typcategory = 'T' THEN quote_literal(floor(random() * 100)::int || ' hours')
            WHEN the_column.typcategory = 'I' THEN quote_literal(format('10.%s.%s.1', floor(random() * 255)::int, floor(random() * 255)::int))
            WHEN the_column.typname = 'uuid' THEN quote_literal(md5(random()::text))
            WHEN the_column.typname IN ('json', 'jsonb') THEN quote_literal(format('{"n": %s}', floor(random() * 100)::int))
            WHEN the_column.typname = 'bytea' THEN quote_literal('\x' || md5(random()::text))
            WHEN the_column.typname = 'tsvector' THEN quote_literal('a b')
            WHEN the_column.typcategory = 'V' THEN quote_literal(repeat('1', CASE WHEN the_column.atttypmod > 0 THEN the_column.atttypmod ELSE 8 END))
            WHEN the_column.typcategory = 'S' THEN
              CASE WHEN the_column.atttypmod > 4 THEN quote_literal(left(md5(random()::text), the_column.atttypmod - 4))
                WHEN attempt = 4 THEN quote_literal(floor(random() * 100)::int) ELSE quote_literal(md5(random()::text)) END
            ELSE 'NULL' END;
          -- through text: a domain, too, has an input function
          IF column_value <> 'NULL' THEN column_value := format('(%s)::text::%s', column_value, the_column.type); END IF;
        END IF;
        names := names || quote_ident(the_column.attname); given := given || column_value;
      END LOOP;
      BEGIN
        IF names = '{}' THEN EXECUTE format('INSERT INTO %s DEFAULT VALUES', the_table.name);
        ELSE EXECUTE format('INSERT INTO %s (%s) VALUES (%s)', the_table.name, array_to_string(names, ', '), array_to_string(given, ', ')); END IF;
        SET CONSTRAINTS ALL IMMEDIATE;
        EXIT WHEN random() < 0.3;
      EXCEPTION WHEN OTHERS THEN NULL; END;
    END LOOP;
    -- of many rows, as many as of 100
    EXECUTE format('SELECT greatest(count(*), 1) FROM %s', the_table.name) INTO rows;
    -- some column of some of them, with the values of the last row that was tried
    IF names <> '{}' THEN
      DECLARE chosen int := 1 + floor(random() * array_length(names, 1))::int; BEGIN
        EXECUTE format('UPDATE %s SET %s = %s WHERE random() < least(0.3, 30.0 / %s)', the_table.name, names[chosen], given[chosen], rows);
        SET CONSTRAINTS ALL IMMEDIATE;
      EXCEPTION WHEN OTHERS THEN NULL; END;
    END IF;
    BEGIN
      EXECUTE format('DELETE FROM %s WHERE random() < least(0.05, 5.0 / %s)', the_table.name, rows);
      SET CONSTRAINTS ALL IMMEDIATE;
    EXCEPTION WHEN OTHERS THEN NULL; END;
    COMMIT;
  END LOOP;
END $rows$;
