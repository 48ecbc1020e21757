-- statement by statement, in a transaction with a savepoint
BEGIN;
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY, placed date NOT NULL, state order_state DEFAULT 'new', customer_id bigint,
    PRIMARY KEY (id, placed)
) PARTITION BY RANGE (placed);
CREATE TABLE orders_2024 PARTITION OF orders FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
SAVEPOINT try;
CREATE TABLE orders_wrong PARTITION OF orders DEFAULT;
ROLLBACK TO try;
DO $$
BEGIN
  FOR y IN 2025..2026 LOOP
    EXECUTE format('CREATE TABLE orders_%s PARTITION OF orders FOR VALUES FROM (%L) TO (%L)', y, y || '-01-01', y + 1 || '-01-01');
  END LOOP;
END
$$;
COMMIT;
CREATE INDEX CONCURRENTLY customer_name ON customer (lower(name));
ALTER TABLE orders DETACH PARTITION orders_2024;
