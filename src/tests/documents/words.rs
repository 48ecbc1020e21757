//! What the documents name is there, in these words, and what is there is named: messages, settings, functions, columns, keys,
//! files, links, figures.

use super::{Document, document, documents, items, quoted, root, table};
use crate::tests::server::Database;
use std::collections::BTreeSet;
use std::path::Path;

/// Both have the same members; what only one of them has is told.
#[track_caller]
fn same(what: &str, documented: BTreeSet<String>, real: BTreeSet<String>) {
    let missing: Vec<_> = real.difference(&documented).collect();
    let invented: Vec<_> = documented.difference(&real).collect();
    assert!(!real.is_empty(), "{what}: nothing was found");
    assert!(
        missing.is_empty() && invented.is_empty(),
        "{what}: not in the documents: {missing:?}; not in the code: {invented:?}"
    );
}

/// What stands between the first backticks of an item's beginning.
fn name_of(head: &str) -> String {
    head.split('`').nth(1).expect("a name").to_owned()
}

/// Each setting with its default: a heading, and the first words below it.
fn documented_settings() -> Vec<(String, String)> {
    let text = document("docs/settings.md").text;
    text.split("\n## `")
        .skip(1)
        .map(|section| {
            let (name, rest) = section.split_once('`').expect("the end of a name");
            let default = rest.trim().strip_prefix("Default: `");
            let default = default.unwrap_or_else(|| panic!("{name}: no default"));
            let (default, _) = default.split_once('`').expect("the end of a default");
            (name.to_owned(), default.to_owned())
        })
        .collect()
}

fn column(database: &Database, query: &str) -> BTreeSet<String> {
    database
        .connect()
        .query(query, &[])
        .unwrap_or_else(|error| panic!("{query}: {error:?}"))
        .iter()
        .map(|row| row.get(0))
        .collect()
}

#[test]
fn settings() {
    let database = Database::new("documents_settings");
    let real = column(
        &database,
        "SELECT substr(name, 17) || ' = ' || boot_val FROM (SELECT dts_ddl.last_id() OFFSET 0) loaded, pg_settings
         WHERE name LIKE 'dts\\_ddl\\_capture.%'",
    );
    let documented = documented_settings()
        .into_iter()
        .map(|(name, default)| format!("{name} = {default}"))
        .collect();
    same("settings with their defaults", documented, real);
}

/// Functions with the names of their arguments, tables and views of the schema, those of a destination as well. What triggers
/// call is not for users.
#[test]
fn functions_and_views() {
    let database = Database::new("documents_functions");
    database
        .connect()
        .batch_execute(
            "SET client_min_messages = error; SELECT dts_ddl.start_apply(trust_source => true)",
        )
        .expect("start_apply()");
    let real = column(
        &database,
        "SELECT format('dts_ddl.%s(%s)', proname, (SELECT string_agg(name, ', ' ORDER BY at)
             FROM unnest(proargnames[1:pronargs]) WITH ORDINALITY AS argument(name, at)))
           FROM pg_proc WHERE pronamespace = 'dts_ddl'::regnamespace AND prorettype NOT IN ('event_trigger'::regtype, 'trigger'::regtype)
         UNION ALL
         SELECT 'dts_ddl.' || relname FROM pg_class WHERE relnamespace = 'dts_ddl'::regnamespace AND relkind IN ('r', 'v')",
    );
    let documented: Vec<(String, String)> = items(&document("docs/functions.md").prose())
        .into_iter()
        .map(|(head, text)| (name_of(&head), text))
        .collect();
    same(
        "functions and views",
        documented.iter().map(|(name, _)| name.clone()).collect(),
        real,
    );
    // their columns, in the same item, but of those that only serve others
    for (name, text) in documented {
        if text.starts_with("for `dts_ddl.") {
            continue;
        }
        let columns = column(
            &database,
            &format!(
                "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass('{0}') AND attnum > 0
                 UNION ALL SELECT name FROM pg_proc, unnest(proargnames[pronargs + 1:]) AS name
                   WHERE pronamespace = 'dts_ddl'::regnamespace
                     AND format('dts_ddl.%s(%s)', proname, array_to_string(proargnames[1:pronargs], ', ')) = '{name}'",
                name.split('(').next().unwrap_or_default()
            ),
        );
        let told: BTreeSet<String> = quoted(&text).into_iter().collect();
        let missing: Vec<_> = columns.difference(&told).collect();
        assert!(missing.is_empty(), "{name}: columns {missing:?}");
    }
    // whatever else is named anywhere
    let known = column(
        &database,
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'dts_ddl'::regnamespace
         UNION SELECT proname FROM pg_proc WHERE pronamespace = 'dts_ddl'::regnamespace",
    );
    for document in documents() {
        for rest in document.text.split("dts_ddl.").skip(1) {
            let name: String = rest
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                .collect();
            assert!(
                name.is_empty() || known.contains(&name),
                "{}: dts_ddl.{name} does not exist",
                document.name
            );
        }
    }
}

#[test]
fn columns_of_the_row() {
    let database = Database::new("documents_columns");
    let real = column(
        &database,
        "SELECT attname::text FROM pg_attribute WHERE attrelid = 'public.dts_ddl_command'::regclass AND attnum > 0",
    );
    let documented = items(&document("docs/row.md").section("## Columns"))
        .iter()
        .flat_map(|(head, _)| quoted(head))
        .collect();
    same("columns", documented, real);
}

/// All checks, those of a destination as well.
#[test]
fn checks() {
    let database = Database::new("documents_checks");
    database
        .connect()
        .batch_execute(
            "SET client_min_messages = error; SELECT dts_ddl.start_apply(trust_source => true)",
        )
        .expect("start_apply()");
    let section = document("docs/monitoring.md").section("## What check() looks at");
    same(
        "checks",
        items(&section)
            .iter()
            .flat_map(|(head, _)| quoted(head))
            .collect(),
        column(&database, "SELECT name FROM dts_ddl.check()"),
    );
    for (head, _) in items(&document("docs/stock-limits.md").text) {
        for name in quoted(&head) {
            assert!(
                quoted(&section).contains(&name),
                "no check of the name {name}"
            );
        }
    }
}

/// The names of the fields of a structure, as serde writes them.
fn fields(source: &str, structure: &str) -> BTreeSet<String> {
    let (_, body) = source
        .split_once(structure)
        .unwrap_or_else(|| panic!("{structure}"));
    let body = body.split("\n}").next().expect("its end");
    let mut renamed = None;
    let mut fields = BTreeSet::new();
    for line in body.lines() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix("#[serde(rename = \"") {
            renamed = name.split('"').next().map(ToOwned::to_owned);
        } else if let Some((name, _)) = line
            .trim_start_matches("pub ")
            .split_once(": ")
            .filter(|_| !line.starts_with(['#', '/']))
        {
            fields.insert(renamed.take().unwrap_or_else(|| name.to_owned()));
        }
    }
    fields
}

#[test]
fn keys_of_message() {
    let source = include_str!("../../document/mod.rs");
    let section = document("docs/row.md").section("## The keys of `message`");
    let documented = items(&section)
        .iter()
        .flat_map(|(head, _)| quoted(head))
        .collect();
    same(
        "keys of message",
        documented,
        fields(source, "pub struct Document<'a> {"),
    );
    let told: BTreeSet<String> = quoted(&section)
        .iter()
        .flat_map(|words| words.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')))
        .map(ToOwned::to_owned)
        .collect();
    for structure in [
        "Object",
        "Nesting",
        "TableRewrite",
        "Membership",
        "Published",
        "Original",
    ] {
        let keys = fields(source, &format!("pub struct {structure} {{"));
        let missing: Vec<_> = keys.difference(&told).collect();
        assert!(missing.is_empty(), "{structure}: {missing:?}");
    }
}

/// The string literals of a file, with `..` for what is put in.
fn literals(path: &Path, found: &mut BTreeSet<String>) {
    let text = std::fs::read_to_string(path).expect("a source file");
    let sql = path.extension().is_some_and(|e| e == "sql");
    let quote = if sql { '\'' } else { '"' };
    let mut characters = text.chars().peekable();
    let mut literal: Option<String> = None;
    // whether a backslash means something in it; the character before it
    let (mut escapes, mut before) = (!sql, ' ');
    while let Some(c) = characters.next() {
        let Some(inside) = literal.as_mut() else {
            if c == quote {
                literal = Some(String::new());
                escapes = !sql || before == 'E';
            } else if sql && c == '-' && characters.peek() == Some(&'-') {
                // an apostrophe in a comment opens nothing
                while characters.next().is_some_and(|c| c != '\n') {}
            }
            before = c;
            continue;
        };
        if c == quote && sql && characters.next_if_eq(&quote).is_some() {
            inside.push(quote);
        } else if c == quote {
            found.extend(literal.take());
        } else if c == '\\' && escapes {
            match characters.next() {
                Some('n') => inside.push('\n'),
                // the literal goes on in the next line
                Some('\n') => while characters.next_if(char::is_ascii_whitespace).is_some() {},
                Some(other) => inside.push(other),
                None => {}
            }
        } else if c == '{' && !sql {
            while characters.next().is_some_and(|c| c != '}') {}
            inside.push_str("..");
        } else if c == '%' && sql && characters.next_if(|c| "sIL".contains(*c)).is_some() {
            inside.push_str("..");
        } else {
            inside.push(c);
        }
    }
}

fn all_literals() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut directories = vec![root().join("src"), root().join("sql")];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("tests") {
                directories.push(path);
            } else if path.extension().is_some_and(|e| e == "rs" || e == "sql") {
                literals(&path, &mut found);
            }
        }
    }
    found
}

/// A literal, or up to four that the code puts together, one of them of some length.
fn is_said(message: &str, literals: &BTreeSet<String>) -> bool {
    fn is_put_together(rest: &str, pieces: u32, long: bool, literals: &BTreeSet<String>) -> bool {
        if rest.is_empty() {
            return long;
        }
        pieces > 0
            && (1..=rest.len())
                .filter(|end| rest.is_char_boundary(*end) && literals.contains(&rest[..*end]))
                .any(|end| is_put_together(&rest[end..], pieces - 1, long || end >= 12, literals))
    }
    let whole = |literal: &String| literal.trim_matches('.') == message.trim_matches('.');
    literals.iter().any(whole) || is_put_together(message, 4, false, literals)
}

/// Each message of the lists is in the code, word for word: `..` and `N` stand for what is put in. PostgreSQL's own messages
/// are marked as such.
#[test]
fn messages() {
    let literals = all_literals();
    for (name, text) in [
        (
            "docs/troubleshooting.md",
            document("docs/troubleshooting.md").prose(),
        ),
        (
            "docs/portable.md",
            document("docs/portable.md").section("## Troubleshooting"),
        ),
    ] {
        let mut own = 0;
        for (head, _) in items(&text) {
            if head.contains("(PostgreSQL)") {
                continue;
            }
            own += 1;
            let message = name_of(&head);
            let words: Vec<&str> = message
                .split(' ')
                .map(|word| match word {
                    "N" => "..",
                    "N:" => "..:",
                    word => word,
                })
                .collect();
            assert!(
                is_said(&words.join(" "), &literals),
                "{name}: the code does not say: {message}"
            );
        }
        assert!(own > 5, "{name}: messages in the list: {own}");
    }
    for message in [
        "DDL command was captured",
        "capture table \"public.dts_ddl_command\" has been changed",
        "role \"..\" is not a superuser here, but was on the source",
    ] {
        assert!(!is_said(message, &literals), "{message}");
    }
}

/// Settings that are named with the prefix exist.
#[test]
fn names_of_settings() {
    let settings: BTreeSet<String> = documented_settings()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    for document in documents() {
        for rest in document.text.split("dts_ddl_capture.").skip(1) {
            let name: String = rest
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                .collect();
            assert!(
                name.is_empty()
                    || ["so", "control"].contains(&name.as_str())
                    || settings.contains(&name),
                "{}: there is no setting dts_ddl_capture.{name}",
                document.name
            );
        }
    }
}

/// As web pages of repositories make it from a heading.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn links_and_files() {
    let all = documents();
    let anchors = |document: &Document| -> Vec<String> {
        document.headings().iter().map(|h| anchor(h)).collect()
    };
    for document in &all {
        let directory = root().join(&document.name);
        let directory = directory.parent().expect("its directory");
        for link in document.prose().split("](").skip(1) {
            let link = link.split(')').next().expect("the end of a link");
            if link.starts_with("http") {
                continue;
            }
            let (file, at) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                root().join(&document.name)
            } else {
                directory.join(file)
            };
            assert!(target.exists(), "{}: no file {link}", document.name);
            let target = target.canonicalize().expect("a path");
            let target = all.iter().find(|d| {
                root()
                    .join(&d.name)
                    .canonicalize()
                    .is_ok_and(|p| p == target)
            });
            assert!(
                at.is_empty() || target.is_some_and(|d| anchors(d).contains(&at.to_owned())),
                "{}: no heading for {link}",
                document.name
            );
        }
        for word in quoted(&document.prose()) {
            let path = word.split(' ').next().expect("a word");
            let path = path.trim_start_matches("./");
            let ours = [
                "tools/", "proof/", "bench/", "src/", "sql/", "docs/", "pg_test/", "package/",
                ".ci/",
            ];
            assert!(
                !ours.iter().any(|ours| path.starts_with(ours))
                    || path.contains(['*', '{'])
                    || root().join(path).exists(),
                "{}: no file {path}",
                document.name
            );
        }
    }
}

/// The tests that the page on security names are there.
#[test]
fn named_tests() {
    fn texts(path: &Path, found: &mut String) {
        for entry in std::fs::read_dir(path).expect("a directory").flatten() {
            if entry.path().is_dir() {
                texts(&entry.path(), found);
            } else {
                let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
                found.push_str(&format!("file {}\n{text}", entry.file_name().display()));
            }
        }
    }
    let mut all = String::new();
    texts(&root().join("src/tests"), &mut all);
    texts(&root().join("pg_test"), &mut all);
    let mut named = 0;
    let prose = document("docs/security.md").prose().replace('\n', " ");
    for group in prose.split("(tests: ").skip(1) {
        for name in quoted(group.split(')').next().expect("an end")) {
            let function = format!("fn {}(", name.rsplit(':').next().expect("a name"));
            assert!(
                all.contains(&function)
                    || name.ends_with(".sql") && all.contains(&format!("file {name}\n")),
                "no test {name}"
            );
            named += 1;
        }
    }
    assert!(named > 10, "only {named} tests are named");
}

/// The figures of the table of costs are those of the last run of `bench/run`.
#[test]
fn figures() {
    let numbers = |text: &str| -> Vec<f64> {
        text.replace(',', "")
            .split(|c: char| !(c.is_ascii_digit() || c == '.'))
            .filter_map(|word| word.parse().ok())
            .collect()
    };
    let measured =
        std::fs::read_to_string(root().join("bench/results.md")).expect("bench/results.md");
    let measured = numbers(&measured);
    let rows = table(&document("README.md").section("## What it costs"));
    let mut figures = 0;
    for cells in rows.iter().filter(|cells| cells[1].ends_with("µs")) {
        for figure in cells[1..].iter().flat_map(|cell| numbers(cell)) {
            figures += 1;
            let known = measured
                .iter()
                .any(|m| (m - figure).abs() < if figure < 20.0 { 0.0051 } else { 0.51 });
            assert!(known, "{}: {figure} was not measured", cells[0]);
        }
    }
    assert!(figures > 20, "figures: {figures}");
}
