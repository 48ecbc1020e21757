-- SECURITY LABEL needs a provider, which a stock server does not have: its failure must be PostgreSQL's own and leave no row.
CREATE TABLE a (x int); SELECT t.mark();
SELECT t.fails('no provider', $$SECURITY LABEL ON TABLE a IS 'x'$$, '22023', '%provider%');
SELECT t.none('no provider');
