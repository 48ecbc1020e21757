-- one string: tables made from queries, a view, a materialized view, and a temporary table, which is nobody else's business
CREATE TABLE price_list AS SELECT sku, price, 'EUR'::varchar(3) AS currency FROM item;
SELECT id, name INTO customer_names FROM customer;
CREATE TEMPORARY TABLE scratch (id integer);
CREATE VIEW dear AS SELECT sku, price FROM item WHERE price > 3;
CREATE VIEW dearer AS SELECT * FROM dear WHERE price > 30;
CREATE MATERIALIZED VIEW turnover AS SELECT sku, sum(quantity) AS sold FROM order_line GROUP BY sku WITH NO DATA;
DROP TABLE scratch;
REFRESH MATERIALIZED VIEW turnover;
