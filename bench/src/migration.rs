//! The files of a migration, the same each time: what a product's folder grows to in some years.

pub const FILES: usize = 400;

/// File `i`, to be run in a transaction after those before it.
pub fn file(i: usize) -> String {
    let mut sql = String::new();
    let mut add = |statement: String| {
        sql += &statement;
        sql += ";\n";
    };
    // every third file brings a table, the others change one that is there
    let newest = i / 3;
    let brings = i.is_multiple_of(3);
    let there = if brings { newest } else { newest + 1 };
    let some = i * 7 % there.max(1);
    if brings {
        let parent = format!(", parent bigint REFERENCES app.t{some} (id)");
        add(if i == 0 {
            "CREATE SCHEMA app".to_owned()
        } else {
            format!("-- {i}: a table\nCREATE INDEX t{some}_at_{i} ON app.t{some} (at)")
        });
        add(format!(
            "CREATE TABLE app.t{newest} (\n  id bigserial PRIMARY KEY,\n  name text NOT NULL,\n  at timestamptz DEFAULT now()\n  {}\n)",
            if i == 0 { "" } else { &parent }
        ));
        add(format!(
            "CREATE UNIQUE INDEX t{newest}_name ON app.t{newest} (name)"
        ));
        add(format!(
            "COMMENT ON TABLE app.t{newest} IS 'what file {i} is about'"
        ));
        add(format!(
            "GRANT SELECT, INSERT, UPDATE ON app.t{newest} TO pg_monitor"
        ));
        add(format!(
            "INSERT INTO app.t{newest} (name) SELECT 'row ' || i FROM generate_series(1, 50) i"
        ));
        return sql;
    }
    match i % 5 {
        0 => {
            add(format!(
                "ALTER TABLE app.t{some} ADD COLUMN c{i} integer DEFAULT 0 NOT NULL"
            ));
            add(format!("CREATE INDEX t{some}_c{i} ON app.t{some} (c{i})"));
            add(format!("UPDATE app.t{some} SET c{i} = length(name)"));
        }
        1 => {
            add(format!(
                "CREATE VIEW app.v{i} AS SELECT id, name FROM app.t{some} WHERE at > now() - interval '1 day'"
            ));
            add(format!("COMMENT ON VIEW app.v{i} IS 'of file {i}'"));
            add(format!("GRANT SELECT ON app.v{i} TO pg_monitor"));
        }
        2 => {
            add(format!(
                "CREATE FUNCTION app.f{i}() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n  NEW.at := now();\n  RETURN NEW;\nEND\n$$"
            ));
            add(format!(
                "CREATE TRIGGER touch_{i} BEFORE UPDATE ON app.t{some} FOR EACH ROW EXECUTE FUNCTION app.f{i}()"
            ));
        }
        3 => {
            add(format!(
                "ALTER TABLE app.t{some} ADD CONSTRAINT long_{i} CHECK (length(name) < {})",
                100 + i
            ));
            add(format!(
                "ALTER TABLE app.t{some} ADD COLUMN d{i} text, ALTER COLUMN at SET NOT NULL"
            ));
            add(format!(
                "ALTER TABLE app.t{some} RENAME COLUMN d{i} TO e{i}"
            ));
            add(format!(
                "COMMENT ON COLUMN app.t{some}.e{i} IS 'of file {i}'"
            ));
        }
        _ => {
            add(format!("CREATE TABLE app.old{i} (id integer, v text)"));
            add(format!(
                "INSERT INTO app.old{i} SELECT id, name FROM app.t{some}"
            ));
            add(format!(
                "ALTER TABLE app.old{i} ALTER COLUMN id TYPE bigint"
            ));
            add(format!("DROP TABLE app.old{i}"));
        }
    }
    sql
}
