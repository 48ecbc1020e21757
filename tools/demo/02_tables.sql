-- one string: what a migration tool sends for a whole file; DDL, DML and comments mixed
CREATE TYPE order_state AS ENUM ('new', 'paid');
CREATE DOMAIN email AS text CHECK (VALUE ~ '^[^@]+@[^@]+$');

CREATE TABLE customer (
    id      bigserial PRIMARY KEY,
    name    text NOT NULL,        -- a comment; with a semicolon
    email   email UNIQUE,
    "größe" numeric(10, 2) DEFAULT 0
);
INSERT INTO customer (name, email) VALUES ('Ada; or so', 'ada@example.org'), ('Bob', 'bob@example.org');

CREATE TABLE item (sku text PRIMARY KEY, price numeric NOT NULL CHECK (price > 0), tags text[]);
CREATE INDEX item_tags ON item USING gin (tags);
COMMENT ON TABLE item IS $$What's for sale; "quoted" and 'quoted'$$;
CREATE TABLE IF NOT EXISTS item (nothing integer);
CREATE TABLE order_line (
    order_id bigint, sku text REFERENCES item, quantity integer DEFAULT 1, PRIMARY KEY (order_id, sku));
INSERT INTO item VALUES ('tea', 3.5, '{hot}'), ('cake', 4, '{sweet}');
