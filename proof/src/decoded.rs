//! The lines of `test_decoding`, as SQL: rows for a script between its commands.

use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// A column of a line: its name, quoted where necessary, and its value as text. `None`: NULL.
type Column = (String, Option<String>);

/// What becomes of a line.
pub enum Line {
    /// A captured command, by its id, and the tables that it has rewritten with values which each server computes for itself.
    Command(i64, Vec<String>),
    /// Rows: a call of a function of [`PREPARE`], under [`REPLICA`].
    Rows(String),
    /// Nothing: BEGIN, COMMIT, messages, and the extension's own tables.
    Nothing,
}

/// Functions for the session that runs the script. Nearly every table is under REPLICA IDENTITY FULL (from 18 on not one with a
/// generated column: there the primary key tells the row), so that an UPDATE or DELETE has the
/// whole old row, but for columns that are NULL and, in UPDATE, such as were too large and did not change. A row is found by the
/// text of its columns; those of a unique index are compared as that does, too, with the same result but by the index. A
/// column for which each server has computed values of its own is not compared.
pub const PREPARE: &str = r"
CREATE FUNCTION pg_temp.dts_list(target regclass, names text[]) RETURNS TABLE (name text, place int, always boolean) LANGUAGE sql AS $$
  SELECT n, i::int, a.attidentity = 'a' FROM unnest(names) WITH ORDINALITY u (n, i) JOIN pg_catalog.pg_attribute a
    ON a.attrelid = target AND quote_ident(a.attname) = n AND a.attgenerated = '' ORDER BY i $$;
CREATE TEMP TABLE dts_computed (target oid, number int2);
CREATE FUNCTION pg_temp.dts_where(target regclass, names text[], given text[]) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
  RETURN (SELECT format('ctid = (SELECT ctid FROM ONLY %s WHERE %s LIMIT 1)', target,
      coalesce(string_agg(CASE WHEN i IS NULL THEN format('%I IS NULL', a.attname)
        ELSE format('CASE WHEN %1$I::text IN (''true'', ''false'') THEN %1$I::text ELSE format(''%%s'', %1$I) END = %2$L', a.attname, given[i])
          || CASE WHEN e IS NULL THEN '' ELSE format(' AND %1$I::%2$s OPERATOR(%3$s) %4$L::%2$s', a.attname, y, e, given[i]) END END, ' AND '), 'true'))
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid JOIN pg_catalog.pg_class s ON s.oid = a.attrelid
      CROSS JOIN format_type(coalesce(nullif(t.typbasetype, 0), t.oid), -1) y
      LEFT JOIN LATERAL (SELECT i FROM unnest(names) WITH ORDINALITY u (n, i) WHERE n = quote_ident(a.attname)) u ON true
      LEFT JOIN (SELECT DISTINCT ON (number) number, format('%I.%s', n.nspname, o.oprname) e
        FROM pg_catalog.pg_index x CROSS JOIN unnest(x.indkey, x.indclass) k (number, class) JOIN pg_catalog.pg_opclass c ON c.oid = k.class
          JOIN pg_catalog.pg_amop m ON m.amopfamily = c.opcfamily AND m.amopstrategy = 3 AND m.amopmethod = 403  -- of a B-tree
            AND m.amoplefttype = c.opcintype AND m.amoprighttype = c.opcintype
          JOIN pg_catalog.pg_operator o ON o.oid = m.amopopr JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
        WHERE x.indrelid = target AND x.indisunique AND x.indisvalid ORDER BY number, x.indisprimary DESC, x.indexrelid) k ON k.number = a.attnum
    WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
      AND (s.relreplident = 'f' OR a.attnum = ANY (SELECT unnest(x.indkey) FROM pg_catalog.pg_index x WHERE x.indrelid = target AND x.indisprimary))
      AND NOT EXISTS (SELECT FROM pg_temp.dts_computed d WHERE d.target = a.attrelid AND d.number = a.attnum)); END $$;
CREATE FUNCTION pg_temp.dts_insert(target regclass, names text[], given text[]) RETURNS void LANGUAGE plpgsql AS $$
  DECLARE columns text; vals text; BEGIN
    SELECT string_agg(name, ', '), string_agg(quote_nullable(given[place]), ', ') INTO columns, vals FROM pg_temp.dts_list(target, names);
    IF columns IS NULL THEN EXECUTE format('INSERT INTO %s DEFAULT VALUES', target);
    ELSE EXECUTE format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE VALUES (%s)', target, columns, vals); END IF; END $$;
CREATE FUNCTION pg_temp.dts_update(target regclass, old text[], was text[], names text[], given text[]) RETURNS void LANGUAGE plpgsql AS $$
  DECLARE rows_changed bigint; BEGIN
    EXECUTE format('UPDATE ONLY %s SET %s WHERE %s', target,
      (SELECT string_agg(format('%s = %L', name, given[place]), ', ') FROM pg_temp.dts_list(target, names) WHERE NOT always), pg_temp.dts_where(target, old, was));
    GET DIAGNOSTICS rows_changed = ROW_COUNT;
    IF rows_changed <> 1 THEN RAISE 'no row of % to be updated', target; END IF; END $$;
CREATE FUNCTION pg_temp.dts_delete(target regclass, old text[], was text[]) RETURNS void LANGUAGE plpgsql AS $$
  DECLARE rows_changed bigint; BEGIN
    EXECUTE format('DELETE FROM ONLY %s WHERE %s', target, pg_temp.dts_where(target, old, was));
    GET DIAGNOSTICS rows_changed = ROW_COUNT;
    IF rows_changed <> 1 THEN RAISE 'no row of % to be deleted', target; END IF; END $$;
";

/// Once before rows that follow each other, not in each function: it throws away the plans of the session.
pub const REPLICA: &str = "SET session_replication_role = replica;";
pub const NOT_REPLICA: &str = "RESET session_replication_role;";

/// What a line of `test_decoding` says. It has the rows of materialized views, too, which their commands make: `views`.
pub fn line(text: &str, views: &HashSet<String>) -> Result<Line, String> {
    let Some(rest) = text.strip_prefix("table ") else {
        return Ok(Line::Nothing);
    };
    let (table, change) = rest
        .split_once(": ")
        .ok_or_else(|| format!("no table: {text}"))?;
    if table.starts_with("dts_ddl.") || views.contains(table) {
        return Ok(Line::Nothing);
    }
    let (operation, change) = change
        .split_once(':')
        .ok_or_else(|| format!("no operation: {text}"))?;
    if table == "public.dts_ddl_command" {
        if operation != "INSERT" {
            return Ok(Line::Nothing);
        }
        let columns: HashMap<_, _> = columns(change)?.into_iter().collect();
        let value = |name| columns.get(name).and_then(Option::as_deref);
        let id = value("id").and_then(|id| id.parse().ok());
        let id = id.ok_or_else(|| format!("no id: {text}"))?;
        return Ok(Line::Command(
            id,
            computed(value("message").unwrap_or_default()),
        ));
    }
    let target = format!("{}::regclass", literal(table));
    let call = match operation {
        "INSERT" => format!("dts_insert({target}, {})", arrays(&columns(change)?)),
        "DELETE" if change.ends_with("(no-tuple-data)") => {
            return Err(format!("no old row: {text}"));
        }
        "DELETE" => format!("dts_delete({target}, {})", arrays(&columns(change)?)),
        "UPDATE" => {
            let (old, new) = match change.strip_prefix(" old-key:") {
                Some(both) => both
                    .split_once(" new-tuple: ")
                    .ok_or_else(|| format!("no new row: {text}"))?,
                None => (change, change), // the key is the same
            };
            let (old, new) = (arrays(&columns(old)?), arrays(&columns(new)?));
            format!("dts_update({target}, {old}, {new})")
        }
        "TRUNCATE" => {
            return Ok(Line::Rows(format!("TRUNCATE {table};")));
        }
        _ => return Err(format!("unknown: {text}")),
    };
    Ok(Line::Rows(format!("SELECT pg_temp.{call};")))
}

/// The tables that were rewritten so, of a captured row's message.
fn computed(message: &str) -> Vec<String> {
    let message: Value = serde_json::from_str(message).unwrap_or_default();
    let rewrites = message["rewrites"].as_array().into_iter().flatten();
    rewrites
        .filter(|rewrite| rewrite["volatile"] == true)
        .filter_map(|rewrite| rewrite["table"].as_str().map(str::to_owned))
        .collect()
}

/// Around a command that has rewritten the table so, one of a number: the columns that it adds with a default are not compared from now on.
pub fn around(number: usize, table: &str) -> [String; 2] {
    let of_table = format!(
        "FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass({})",
        literal(table)
    );
    [
        format!("SELECT coalesce(max(attnum), 0) AS dts_columns_{number} {of_table} \\gset"),
        format!(
            "INSERT INTO pg_temp.dts_computed SELECT attrelid, attnum {of_table} AND atthasdef AND attnum > :dts_columns_{number};"
        ),
    ]
}

/// `name[type]:value ..`, without those that are said not to have changed.
fn columns(text: &str) -> Result<Vec<Column>, String> {
    let mut found = Vec::new();
    let mut text = text.trim_start_matches(' ');
    while !text.is_empty() {
        let fail = || format!("not a column: {text}");
        let end = if text.starts_with('"') {
            quoted(text, '"').ok_or_else(fail)?
        } else {
            text.find('[').ok_or_else(fail)?
        };
        let name = &text[..end];
        let at = text[end..].find("]:").ok_or_else(fail)? + end + 2;
        let value = &text[at..];
        let bits = usize::from(value.starts_with("B'"));
        let length = if value[bits..].starts_with('\'') {
            quoted(&value[bits..], '\'').ok_or_else(fail)? + bits
        } else {
            value.find(' ').unwrap_or(value.len())
        };
        let raw = &value[..length];
        match raw {
            "unchanged-toast-datum" => {}
            "null" => found.push((name.to_owned(), None)),
            _ => {
                let inner = raw[bits..]
                    .strip_prefix('\'')
                    .and_then(|inner| inner.strip_suffix('\''));
                let value = inner.map_or_else(|| raw.to_owned(), |inner| inner.replace("''", "'"));
                found.push((name.to_owned(), Some(value)));
            }
        }
        text = value[length..].trim_start_matches(' ');
    }
    Ok(found)
}

/// The length of a quoted name or literal, whose quotes are doubled inside.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut rest = 1;
    loop {
        rest += text[rest..].find(quote)? + 1;
        if !text[rest..].starts_with(quote) {
            return Some(rest);
        }
        rest += 1;
    }
}

fn arrays(columns: &[Column]) -> String {
    let names = columns.iter().map(|(name, _)| literal(name));
    let values = columns
        .iter()
        .map(|(_, value)| value.as_deref().map_or("NULL".to_owned(), literal));
    let array = |items: Vec<String>| format!("ARRAY[{}]::text[]", items.join(", "));
    format!("{}, {}", array(names.collect()), array(values.collect()))
}

/// As a literal of psql, which reads no backslash in it, and no variable.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row of nothing but NULL has no old column.
    #[test]
    fn rows_of_null() {
        let update = "table public.t: UPDATE: old-key: new-tuple: a[integer]:1";
        let none = HashSet::new();
        let Ok(Line::Rows(call)) = line(update, &none) else {
            panic!("no rows")
        };
        let empty = "ARRAY[]::text[]";
        let delete = line("table public.t: DELETE:", &none);
        assert!(
            matches!(delete, Ok(Line::Rows(call)) if call == format!("SELECT pg_temp.dts_delete('public.t'::regclass, {empty}, {empty});"))
        );
        assert_eq!(
            call,
            format!(
                "SELECT pg_temp.dts_update('public.t'::regclass, {empty}, {empty}, ARRAY['a']::text[], ARRAY['1']::text[]);"
            )
        );
    }

    /// A view has no old rows: they are not for replay.
    #[test]
    fn rows_of_views() {
        let delete = "table public.v: DELETE: (no-tuple-data)";
        let views = HashSet::from(["public.v".to_owned()]);
        assert!(matches!(line(delete, &views), Ok(Line::Nothing)));
        assert!(line(delete, &HashSet::new()).is_err());
    }

    #[test]
    fn commands() {
        let row = r#"table public.dts_ddl_command: INSERT: ddl_text[text]:'ALTER' id[bigint]:7 message[text]:'{"rewrites": [{"table": "public.t", "volatile": true}, {"table": "public.u"}]}'"#;
        let Ok(Line::Command(7, computed)) = line(row, &HashSet::new()) else {
            panic!("no command")
        };
        assert_eq!(computed, ["public.t"]);
    }

    #[test]
    fn values() {
        let found = columns(
            r#"id[integer]:1 "A ""b["[character varying]:'it''s ]: x' n[text[]]:null f[boolean]:true b[bit varying]:B'01' t[text]:unchanged-toast-datum"#,
        );
        let some = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
        assert_eq!(
            found.unwrap(),
            [
                some("id", "1"),
                some("\"A \"\"b[\"", "it's ]: x"),
                ("n".to_owned(), None),
                some("f", "true"),
                some("b", "01"),
            ]
        );
    }

    /// A row is found by the index on its key, whatever that's type.
    #[test]
    #[ignore = "needs a server, at the socket in PGHOST"]
    fn rows_by_key() {
        const TYPES: &str = "
CREATE TYPE pg_temp.en AS ENUM ('a', 'it''s'); CREATE DOMAIN pg_temp.den AS pg_temp.en; CREATE TYPE pg_temp.co AS (a int, b text);
CREATE DOMAIN pg_temp.dch AS char(5) CHECK (value <> 'x')";
        let keys = [
            ("bigint", "-5"),
            ("text", "it's \\ 'true'"),
            ("char(7)", "ab"),
            ("\"char\"", "x"),
            ("boolean", "true"),
            ("numeric(10,2)", "1.50"),
            ("float8", "NaN"),
            ("timestamptz", "2020-01-01 10:00:00.000001+00"),
            ("interval", "1 mon -2 days +00:00:01"),
            ("bytea", "\\x00ff"),
            ("bit(3)", "101"),
            ("text[]", "{a,\"b c\",NULL}"),
            ("jsonb", "{\"a\": 1}"),
            ("int4range", "[1,5)"),
            ("regclass", "pg_class"),
            ("pg_temp.en", "it's"),
            ("pg_temp.den", "a"),
            ("pg_temp.dch", "ab"),
            ("pg_temp.co", "(1,\"a b\")"),
        ];
        let host = std::env::var("PGHOST").expect("PGHOST");
        let parameters = format!("host={host} user=postgres dbname=postgres");
        let mut client = postgres::Client::connect(&parameters, postgres::NoTls).unwrap();
        let prepare = format!("{PREPARE}{TYPES}; SET enable_seqscan = off");
        client.batch_execute(&prepare).unwrap();
        for (of_type, key) in keys {
            let table = format!(
                "CREATE TEMP TABLE t (k {of_type}, o int, PRIMARY KEY (k) INCLUDE (o)); INSERT INTO t VALUES ({}, 1)",
                literal(key)
            );
            client.batch_execute(&table).unwrap();
            let given = client.query_one(
                "SELECT CASE k::text WHEN 'true' THEN 'true' ELSE format('%s', k) END FROM t",
                &[],
            );
            let given: String = given.unwrap().get(0);
            let target = client.query_one(
                "SELECT pg_temp.dts_where('t', '{k,o}', ARRAY[$1, '1'])",
                &[&given],
            );
            let target: String = target.unwrap().get(0);
            let plan = client.query(&format!("EXPLAIN DELETE FROM t WHERE {target}"), &[]);
            let plan = plan.unwrap();
            let by_index = |line: &postgres::Row| line.get::<_, &str>(0).contains("using t_pkey");
            assert!(plan.iter().any(by_index), "{of_type}: {target}");
            let call = format!(
                "SELECT pg_temp.dts_delete('t', '{{k,o}}', ARRAY[{}, '1']); DROP TABLE t",
                literal(&given)
            );
            client.batch_execute(&call).unwrap();
        }
    }
}
