//! Statements of the kinds that the library changes, written in every way: names that are keywords, constants of every
//! sort, comments, any case, no space where none is needed. What comes out has to be what the same statement would be
//! if it had been sent so. `PROPTEST_CASES` says how many of each (256).

use crate::check::pieces;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use proptest::test_runner::Config;
use statement::{
    Lexer, ListPart, ListPlace, OptionRule, TokenKind, drop_index_if_exists, explained,
    leave_out_passwords, name_index, redact_connection, redact_options, remove_list_items,
    replace_computed_bound, replace_from_current, replace_likes, replace_parts, restart_behind,
    statement_extent,
};

/// How a statement is written: the blanks between its tokens, again and again, and the case of its keywords.
#[derive(Clone, Debug)]
struct Style {
    blanks: Vec<&'static str>,
    case: u64,
    conforming: bool,
}

const BLANKS: &[&str] = &[
    "",
    "",
    " ",
    "\n",
    "\r\n",
    "\t\u{b}\u{c}",
    "/* c */",
    "/* ; ' \" $$ ( */",
    "/* a /* b -- */ c */",
    "/***/",
    "-- ; it's \" $q$ /*, FROM\n",
    "--\r",
    "/*\n--\n*/",
    " /* password 'x' */ ",
    "/* ä */",
];

fn style() -> impl Strategy<Value = Style> {
    (vec(select(BLANKS), 1..12), any::<u64>(), any::<bool>()).prop_map(
        |(blanks, case, conforming)| Style {
            blanks,
            case,
            conforming,
        },
    )
}

/// One token, or several where what is between them is written already.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Keyword(&'static str),
    AsIs(String),
}

fn is(text: impl Into<String>) -> Vec<Part> {
    vec![Part::AsIs(text.into())]
}

/// The tokens of a text.
fn words(text: &'static str) -> Vec<Part> {
    let tokens = Lexer::new(text.as_bytes(), true);
    tokens
        .map(|token| match (&text[token.start..token.end], token.kind) {
            (word, TokenKind::Word) => Part::Keyword(word),
            (other, _) => Part::AsIs(other.to_owned()),
        })
        .collect()
}

fn commas(items: impl IntoIterator<Item = Vec<Part>>) -> Vec<Part> {
    let items: Vec<_> = items.into_iter().collect();
    items.join(&Part::AsIs(",".to_owned()))
}

impl Style {
    /// The text, and where each part begins in it.
    fn write(&self, parts: &[Part]) -> (Vec<u8>, Vec<usize>) {
        let (mut text, mut starts) = (String::new(), Vec::new());
        let mut last = String::new();
        for (number, part) in parts.iter().enumerate() {
            let part = match part {
                Part::Keyword(word) => self.cased(word),
                Part::AsIs(text) => text.clone(),
            };
            let blank = self.blanks[number % self.blanks.len()];
            if number > 0 {
                if !self.are_two(&last, blank, &part) {
                    text.push(' ');
                }
                text.push_str(blank);
            }
            starts.push(text.len());
            text.push_str(&part);
            last = part;
        }
        (text.into_bytes(), starts)
    }

    fn text(&self, parts: &[Part]) -> Vec<u8> {
        self.write(parts).0
    }

    /// Whether the two do not grow together with this between them.
    fn are_two(&self, one: &str, blank: &str, two: &str) -> bool {
        let read = |text: &str| pieces(text.as_bytes(), self.conforming).len();
        let together = format!("{one}{blank}{two}");
        let found = pieces(together.as_bytes(), self.conforming);
        let apart = [one, two]
            .map(|text| pieces(text.as_bytes(), self.conforming))
            .concat();
        found == apart && read(one) > 0
    }

    fn cased(&self, word: &str) -> String {
        let is_lower = |at: usize| self.case >> ((at * 7 + word.len()) % 64) & 1 == 1;
        let letters = word.chars().enumerate();
        letters
            .map(|(at, c)| {
                if is_lower(at) {
                    c.to_ascii_lowercase()
                } else {
                    c
                }
            })
            .collect()
    }

    /// That a text has the tokens of these parts, and not one comment less than it needs to.
    #[track_caller]
    fn has(&self, text: &[u8], expected: &[Part]) {
        let plain = Style {
            blanks: vec![" "],
            ..self.clone()
        };
        let plain = plain.text(expected);
        let (found, expected) = (self.read(text), self.read(&plain));
        assert_eq!(found, expected, "in {:?}", String::from_utf8_lossy(text));
    }

    fn read(&self, text: &[u8]) -> Vec<String> {
        let read = pieces(text, self.conforming).into_iter();
        read.map(|piece| String::from_utf8_lossy(piece).to_uppercase())
            .collect()
    }
}

/// A name: of one part or two.
fn name() -> impl Strategy<Value = Vec<Part>> {
    let one = select(
        &[
            "a",
            "b1",
            "t$x",
            "größe",
            "\"A b\"",
            "\"--\"",
            "\"x\"\"\"",
            "\",\"",
            "U&\"d\\0061t\"",
            "U&\"!0061\" UESCAPE '!'",
            "cascade",
            "restrict",
            "if",
            "password",
            "encrypted",
            "options",
            "add",
            "set",
            "drop",
            "role",
            "admin",
            "values",
            "uescape",
            "no",
            "minvalue",
            "\"from\"",
            "\"like\"",
            "\"on\"",
            "\"for\"",
            "atomic",
            "connection",
            "e",
            "n",
            "u",
            "x",
        ][..],
    );
    let two = one.clone();
    prop_oneof![
        3 => one.clone().prop_map(is),
        1 => (one, two).prop_map(|(a, b)| [is(a), is("."), is(b)].concat()),
    ]
}

/// What a DROP may name.
fn object() -> impl Strategy<Value = Vec<Part>> {
    let arguments = select(&["(int, b(1))", "(*)", "(a \"to\", VARIADIC c text[])", ""][..]);
    (name(), arguments).prop_map(|(name, arguments)| [name, words(arguments)].concat())
}

/// A name of one part, without an escape clause.
fn plain_name() -> impl Strategy<Value = &'static str> {
    select(
        &[
            "a",
            "\"A b\"",
            "\"x'\"",
            "password",
            "encrypted",
            "options",
            "set",
            "add",
            "drop",
            "role",
            "user",
            "token",
            "e",
            "n",
            "größe",
            "cascade",
        ][..],
    )
}

const SECRET: &str = "S3cr3t";

/// A constant with the secret in it, in any way to write one.
fn secret(conforming: bool) -> impl Strategy<Value = Vec<Part>> {
    let around = || "[a-z ,;()=:@/-]{0,4}";
    (around(), around(), 0..9usize).prop_map(move |(before, behind, how)| {
        let inside = format!("{before}{SECRET}{behind}");
        let off = if conforming { "" } else { "\\'" };
        match how {
            0 => is(format!("'{inside}''{off}'")),
            1 => is(format!("E'\\'{inside}\\\\'")),
            2 => is(format!("$${inside} ' $$")),
            3 => is(format!("$q$ $$ {inside} $q$")),
            4 => is(format!("U&'{inside}\\0061'")),
            5 => [
                is(format!("U&'{inside}!0061'")),
                words("UESCAPE"),
                is("'!'"),
            ]
            .concat(),
            6 => is(format!("'x'\n -- c\n'{inside}'")),
            7 => is(format!("''\r\t'{inside}'\n'y'")),
            _ => is(format!("'{inside}'")),
        }
    })
}

fn styled_secret() -> impl Strategy<Value = (Style, Vec<Part>)> {
    style().prop_flat_map(|style| {
        let secret = secret(style.conforming);
        (Just(style), secret)
    })
}

const ROLE_OPTIONS: &[&str] = &[
    "LOGIN",
    "CREATEDB",
    "SYSID 1",
    "CONNECTION LIMIT - 1",
    "VALID UNTIL 'x'",
    "NOINHERIT",
];

#[track_caller]
fn is_hidden(text: &[u8]) {
    let shown = String::from_utf8_lossy(text);
    assert!(!shown.contains(SECRET), "{shown}");
}

fn config() -> Config {
    Config {
        failure_persistence: None,
        ..Config::default()
    }
}

/// Something that could be a statement.
fn any_statement() -> impl Strategy<Value = Vec<Part>> {
    let part = prop_oneof![
        4 => name(),
        1 => secret(true).prop_map(|constant| [words(","), constant, words(",")].concat()),
        2 => select(&["42", "1.5e-3", "$1", "(", ")", ",", "::", "<=", "*", "-", "@-"][..]).prop_map(words),
        2 => select(&[", B'01' ,", ", E'\\'--' ,", ", '/* */' ,", ", $$ ; -- */$$ ,"][..]).prop_map(words),
    ];
    vec(part, 1..7).prop_map(|parts| [words("CREATE"), parts.concat(), words("x")].concat())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn each_of_several_statements_is_cut_exactly(
        style in style(),
        statements in vec(any_statement(), 1..4),
        more in vec(select(BLANKS), 4),
        open in any::<bool>(),
    ) {
        let style = Style {
            conforming: true,
            ..style
        };
        let mut text = Vec::new();
        let mut places = Vec::new();
        for (number, statement) in statements.iter().enumerate() {
            let sent = text.len();
            text.extend_from_slice(more[number % 4].as_bytes());
            let start = text.len();
            text.extend_from_slice(&style.text(statement));
            let end = text.len();
            text.extend_from_slice(more[(number + 1) % 4].as_bytes());
            places.push((sent, start..end, text.len()));
            text.push(b';');
        }
        text.extend_from_slice(if open { b" -- to the end ;" } else { b"\n;" });
        for (number, (sent, statement, end)) in places.iter().enumerate() {
            // the server knows where each ends, but not the last one
            let last = number + 1 == places.len();
            for end in [*end, text.len()].into_iter().skip(usize::from(last)) {
                let part = &text[*sent..end];
                let found = statement_extent(part, true);
                if last || end < text.len() {
                    prop_assert_eq!(&part[found], &text[statement.clone()]);
                }
            }
            style.has(&text[statement.clone()], &statements[number]);
        }
    }

    #[test]
    fn what_is_explained_is_found(
        style in style(),
        statement in any_statement(),
        options in 0..6usize,
    ) {
        let options = [
            "",
            "ANALYZE",
            "ANALYSE VERBOSE",
            "( ANALYZE )",
            "( FORMAT 'json)' , COSTS off )",
            "( VERBOSE , ANALYZE true )",
        ][options];
        let options = if options.is_empty() {
            Vec::new()
        } else {
            words(options)
        };
        let begins = words("EXPLAIN").len() + options.len();
        let style = Style {
            conforming: true,
            ..style
        };
        let (text, starts) = style.write(&[words("EXPLAIN"), options, statement].concat());
        prop_assert_eq!(explained(&text, true), Some(&text[starts[begins]..]));
    }

    #[test]
    fn objects_are_taken_out_of_a_drop(
        style in style(),
        items in vec(object(), 1..5),
        gone in vec(any::<bool>(), 5),
        head in 0..5usize,
        tail in 0..4usize,
    ) {
        let head = words(
            [
                "DROP TABLE",
                "DROP INDEX CONCURRENTLY",
                "DROP VIEW IF EXISTS",
                "DROP FOREIGN DATA WRAPPER",
                "DROP TYPE",
            ][head],
        );
        let tail = [vec![], words("CASCADE"), words("RESTRICT"), words("; ;")][tail].clone();
        let removed: Vec<usize> = (0..items.len()).filter(|n| gone[*n]).collect();
        let kept = (items.iter().enumerate())
            .filter(|(n, _)| !gone[*n])
            .map(|(_, item)| item.clone());
        let expected = [head.clone(), commas(kept), tail.clone()].concat();
        let total = items.len();
        let text = style.text(&[head, commas(items), tail].concat());
        match remove_list_items(&text, style.conforming, ListPlace::Drop, total, &removed) {
            Some(found) => style.has(&found, &expected),
            None => prop_assert_eq!(removed.len(), total),
        }
    }

    #[test]
    fn objects_are_taken_out_of_a_grant(
        style in style(),
        items in vec(name(), 1..5),
        gone in vec(any::<bool>(), 5),
        head in 0..5usize,
        tail in name(),
    ) {
        let (head, to) = [
            ("GRANT SELECT ON TABLE", "TO"),
            ("GRANT INSERT ( a , \"on\" ) , UPDATE ON", "TO"),
            ("REVOKE GRANT OPTION FOR ALL ON", "FROM"),
            ("REVOKE ALL ON SEQUENCE", "FROM"),
            ("GRANT USAGE ON FOREIGN DATA WRAPPER", "TO"),
        ][head];
        let removed: Vec<usize> = (0..items.len()).filter(|n| gone[*n]).collect();
        let kept = (items.iter().enumerate())
            .filter(|(n, _)| !gone[*n])
            .map(|(_, item)| item.clone());
        let tail = [words(to), tail].concat();
        let expected = [words(head), commas(kept), tail.clone()].concat();
        let total = items.len();
        let text = style.text(&[words(head), commas(items), tail].concat());
        match remove_list_items(&text, style.conforming, ListPlace::Grant, total, &removed) {
            Some(found) => style.has(&found, &expected),
            None => prop_assert_eq!(removed.len(), total),
        }
    }

    #[test]
    fn commands_of_an_alter_table_are_changed(
        style in style(),
        table in name(),
        head in 0..4usize,
        commands in vec((name(), 0..6usize, 0..3usize), 1..5),
        more in 0..3usize,
    ) {
        let head = [
            vec![words("ALTER TABLE"), table.clone()],
            vec![words("ALTER TABLE IF EXISTS ONLY"), table.clone()],
            vec![words("ALTER TABLE ONLY ("), table.clone(), words(")")],
            vec![words("ALTER TABLE"), table, words("*")],
        ][head]
            .concat();
        let (mut sent, mut expected, mut parts) = (Vec::new(), Vec::new(), Vec::new());
        for (name, kind, what) in commands {
            let [before, behind] = [
                ["ADD", "numeric ( 5 , 2 ) DEFAULT ( 1 )"],
                ["DROP COLUMN", "CASCADE"],
                ["ALTER", "SET DEFAULT ARRAY [ 1 , 2 ]"],
                ["ADD CONSTRAINT", "CHECK ( a = ',' AND b < ( 1 ) )"],
                ["ALTER", "TYPE text USING f ( a , b )"],
                ["INHERIT", ""],
            ][kind];
            let behind = if behind.is_empty() {
                Vec::new()
            } else {
                words(behind)
            };
            let command = [words(before), name, behind].concat();
            sent.push(command.clone());
            match what {
                0 => {
                    parts.push(ListPart::Kept);
                    expected.push(command);
                }
                1 => parts.push(ListPart::LeftOut),
                _ => {
                    parts.push(ListPart::Instead(b"DROP z".to_vec()));
                    expected.push(words("DROP z"));
                }
            }
        }
        expected.extend((0..more).map(|_| words("ADD y int")));
        let more = vec![b"ADD y int".to_vec(); more];
        let text = style.text(&[head.clone(), commas(sent)].concat());
        match replace_parts(&text, style.conforming, &parts, more) {
            Some(found) => style.has(&found, &[head, commas(expected)].concat()),
            None => prop_assert!(expected.is_empty()),
        }
    }

    #[test]
    fn indexes_get_a_name_or_if_exists(
        style in style(),
        name in name(),
        unique in any::<bool>(),
        at_once in any::<bool>(),
    ) {
        let at_once = if at_once {
            words("CONCURRENTLY")
        } else {
            Vec::new()
        };
        let head = [words("DROP INDEX"), at_once.clone()].concat();
        let text = style.text(&[head.clone(), name.clone(), words("CASCADE")].concat());
        let found = drop_index_if_exists(&text, style.conforming).unwrap();
        style.has(
            &found,
            &[head, words("IF EXISTS"), name.clone(), words("CASCADE")].concat(),
        );
        let head = [
            words(if unique {
                "CREATE UNIQUE INDEX"
            } else {
                "CREATE INDEX"
            }),
            at_once,
        ]
        .concat();
        let tail = [
            words("ON"),
            name.clone(),
            words("( a , ( b || 'x' ) DESC )"),
        ]
        .concat();
        let text = style.text(&[head.clone(), tail.clone()].concat());
        let found = name_index(&text, style.conforming, b"\"i 1\"").unwrap();
        style.has(
            &found,
            &[head.clone(), is("\"i 1\""), tail.clone()].concat(),
        );
        let named = style.text(&[head, is("i"), tail].concat());
        prop_assert_eq!(name_index(&named, style.conforming, b"i2"), None);
    }

    #[test]
    fn likes_are_replaced(style in style(), elements in vec((name(), 0..6usize), 1..6)) {
        let (mut sent, mut expected, mut replaced, mut total) =
            (Vec::new(), Vec::new(), Vec::new(), 0);
        for (name, kind) in elements {
            match kind {
                0 => sent.push(
                    [
                        words("LIKE"),
                        name,
                        words("INCLUDING ALL EXCLUDING INDEXES"),
                    ]
                    .concat(),
                ),
                1..3 => sent.push([words("LIKE"), name].concat()),
                3 => sent.push([name, words("numeric ( 5 , 2 ) CHECK ( a LIKE 'x' )")].concat()),
                4 => sent.push(words("CHECK ( ( a , b ) IN ( ( 1 , 2 ) ) )")),
                _ => sent.push([name, words("int [ ] DEFAULT ARRAY [ 1 , 2 ]")].concat()),
            }
            match kind {
                0 => expected.push(words("x int , CHECK ( x > 0 )")),
                1 => {}
                _ => expected.push(sent.last().unwrap().clone()),
            }
            match kind {
                0 => replaced.push((total, "x int, CHECK (x > 0)".to_owned())),
                1 => replaced.push((total, String::new())),
                _ => {}
            }
            total += usize::from(kind < 3);
        }
        let (head, tail) = (
            words("CREATE TABLE IF NOT EXISTS t ("),
            words(") WITH ( fillfactor = 10 )"),
        );
        let text = style.text(&[head.clone(), commas(sent), tail.clone()].concat());
        let found = replace_likes(&text, style.conforming, total, &replaced).unwrap();
        style.has(&found, &[head, commas(expected), tail].concat());
        prop_assert_eq!(replace_likes(&text, style.conforming, total + 1, &[]), None);
    }

    #[test]
    fn computed_bounds_are_replaced(
        style in style(),
        table in name(),
        values in vec(0..12usize, 2..5),
        range in any::<bool>(),
    ) {
        let computed = [
            "f ( 1 )",
            "now ( )",
            "current_date",
            "CURRENT_SCHEMA",
            "'today'",
            "date 'Tomorrow'",
        ];
        let constant = ["1", "- 1", "'x'", "date '2020-01-01'", "NULL", "MINVALUE"];
        let any_computed = values.iter().any(|v| *v < 6);
        let list = |values: &[usize]| {
            commas(
                values
                    .iter()
                    .map(|v| words(computed.get(*v).unwrap_or_else(|| &constant[*v % 6]))),
            )
        };
        let half = values.len() / 2;
        let bound = if range {
            [
                words("FOR VALUES FROM ("),
                list(&values[..half]),
                words(") TO ("),
                list(&values[half..]),
                words(")"),
            ]
            .concat()
        } else {
            [words("FOR VALUES IN ("), list(&values), words(")")].concat()
        };
        let head = [
            words("CREATE TABLE"),
            table,
            words("PARTITION OF b ( CHECK ( f ( x ) > 0 ) )"),
        ]
        .concat();
        let tail = words("PARTITION BY LIST ( f ( y ) ) WITH ( x = 'now' )");
        let text = style.text(&[head.clone(), bound, tail.clone()].concat());
        let found = replace_computed_bound(&text, style.conforming, || {
            Some("FOR VALUES IN ('7')".to_owned())
        });
        match found {
            Some(found) => style.has(
                &found,
                &[head, words("FOR VALUES IN ( '7' )"), tail].concat(),
            ),
            None => prop_assert!(!any_computed),
        }
        prop_assert!(found_only_if(any_computed, &text, style.conforming));
    }

    #[test]
    fn from_current_becomes_a_value_or_reset(
        style in style(),
        clauses in vec((name(), 0..4usize), 1..5),
    ) {
        let mut sent = words("CREATE FUNCTION f ( a int DEFAULT 1 ) RETURNS int");
        let mut expected = sent.clone();
        let mut wanted = Vec::new();
        for (name, kind) in clauses {
            let start = sent.len();
            let clause = |tail: &'static str| [words("SET"), name.clone(), words(tail)].concat();
            match kind {
                0 => {
                    sent.extend(clause("TO 'FROM CURRENT'"));
                    expected.extend(clause("TO 'FROM CURRENT'"));
                }
                1 => {
                    sent.extend(clause("FROM CURRENT"));
                    expected.extend(clause("FROM CURRENT"));
                }
                2 => {
                    sent.extend(clause("FROM CURRENT"));
                    expected.extend(clause("TO 'v' , \"w\""));
                    wanted.push((start, Some(b"'v', \"w\"".to_vec())));
                }
                _ => {
                    sent.extend(clause("FROM CURRENT"));
                    expected.extend([words("RESET"), name.clone()].concat());
                    wanted.push((start, None));
                }
            }
        }
        let tail = words("LANGUAGE sql AS 'SET x FROM CURRENT'");
        let (text, starts) = style.write(&[sent, tail.clone()].concat());
        let wanted: Vec<_> = wanted
            .into_iter()
            .rev()
            .map(|(at, value)| (starts[at], value))
            .collect();
        let found = replace_from_current(&text, style.conforming, &wanted).unwrap();
        style.has(&found, &[expected, tail].concat());
    }

    #[test]
    fn sequences_restart_behind_what_narrows_them(
        style in style(),
        name in name(),
        options in vec(0..9usize, 1..5),
        value in any::<i64>(),
    ) {
        let mut sent = [words("ALTER SEQUENCE"), name].concat();
        let mut expected = sent.clone();
        let mut wanted = Vec::new();
        let restart = [
            words("RESTART WITH"),
            words(if value < 0 { "-" } else { "+" }),
            is(value.unsigned_abs().to_string()),
        ]
        .concat();
        let restart: Vec<Part> = restart
            .into_iter()
            .filter(|part| *part != Part::AsIs("+".to_owned()))
            .collect();
        for option in options {
            let option = [
                "MINVALUE 5",
                "MAXVALUE - 5",
                "NO MINVALUE",
                "AS bigint",
                "AS pg_catalog . \"int4\"",
                "SET MAXVALUE + 9",
                "CACHE 7",
                "START 9",
                "OWNED BY NONE",
            ][option];
            if !["CACHE 7", "START 9", "OWNED BY NONE"].contains(&option) {
                wanted.push(sent.len());
            }
            sent.extend(words(option));
            expected.extend(words(option));
            if wanted
                .last()
                .is_some_and(|last| *last + words(option).len() == sent.len())
            {
                expected.extend(restart.clone());
            }
        }
        let (text, starts) = style.write(&sent);
        let wanted: Vec<_> = wanted.into_iter().map(|at| (starts[at], value)).collect();
        let found = restart_behind(&text, style.conforming, &wanted).unwrap();
        style.has(&found, &expected);
    }

    #[test]
    fn passwords_of_roles_are_gone(
        (style, secret) in styled_secret(),
        role in plain_name(),
        keyword in 0..3usize,
        head in 0..4usize,
        options in subsequence(ROLE_OPTIONS.to_vec(), 0..4),
        members in vec(plain_name(), 0..3),
        place in any::<Index>(),
    ) {
        let role = if role == "user" { "\"user\"" } else { role };
        let head = [
            words(["CREATE ROLE", "CREATE USER", "ALTER ROLE", "ALTER USER"][head]),
            is(role),
            words("WITH"),
        ]
        .concat();
        let mut options: Vec<Vec<Part>> = options.into_iter().map(words).collect();
        if !members.is_empty() {
            let members = members
                .iter()
                .map(|name| is(if *name == "user" { "\"user\"" } else { name }));
            options.push([words("IN ROLE"), commas(members)].concat());
        }
        let mut sent = options.clone();
        let clause = [
            words(["PASSWORD", "ENCRYPTED PASSWORD", "UNENCRYPTED PASSWORD"][keyword]),
            secret,
        ]
        .concat();
        sent.insert(place.index(sent.len() + 1), clause);
        let text = style.text(&[head.clone(), sent.concat()].concat());
        let (found, hidden) = leave_out_passwords(&text, style.conforming).unwrap();
        prop_assert_eq!(hidden, 1);
        is_hidden(&found);
        style.has(&found, &[head, options.concat()].concat());
        prop_assert_eq!(leave_out_passwords(&found, style.conforming), None);
    }

    #[test]
    fn options_of_a_user_mapping_are_hidden(
        (style, secret) in styled_secret(),
        names in vec((plain_name(), 0..4usize), 1..5),
        server in name(),
    ) {
        let head = [
            words("ALTER USER MAPPING FOR a SERVER"),
            server,
            words("OPTIONS ("),
        ]
        .concat();
        let (mut sent, mut expected, mut total) = (Vec::new(), Vec::new(), 0);
        for (name, action) in names {
            let action = [vec![], words("ADD"), words("SET"), words("DROP")][action].clone();
            if action == words("DROP") {
                sent.push([action, is(name)].concat());
                expected.push(sent.last().unwrap().clone());
                continue;
            }
            let is_user = name == "user";
            let value = if is_user { is("'bob'") } else { secret.clone() };
            let hidden = if is_user {
                is("'bob'")
            } else {
                is("'********'")
            };
            sent.push([action.clone(), is(name), value].concat());
            expected.push([action, is(name), hidden].concat());
            total += usize::from(!is_user);
        }
        let text = style.text(&[head.clone(), commas(sent), words(")")].concat());
        match redact_options(&text, style.conforming, OptionRule::UserMapping) {
            Some((found, hidden)) => {
                prop_assert_eq!(hidden, total);
                is_hidden(&found);
                style.has(&found, &[head, commas(expected), words(")")].concat());
            }
            None => prop_assert!(total == 0),
        }
    }

    #[test]
    fn secret_options_of_servers_and_tables_are_hidden(
        (style, secret) in styled_secret(),
        column in name(),
        which in 0..6usize,
    ) {
        let option = is([
            "password",
            "\"Api Key\"",
            "aws_secret_access_key",
            "pwd",
            "\"my-token\"",
            "U&\"p\\0061ssword\"",
        ][which]);
        let before = [
            words("CREATE FOREIGN TABLE options ("),
            column,
            words("int OPTIONS ( column_name 'x' ,"),
            option.clone(),
        ]
        .concat();
        let between = [
            words(") NOT NULL ) SERVER options OPTIONS ( host 'h' , SET"),
            option,
        ]
        .concat();
        let tail = words(", port '1' )");
        let text = style.text(
            &[
                before.clone(),
                secret.clone(),
                between.clone(),
                secret,
                tail.clone(),
            ]
            .concat(),
        );
        let (found, hidden) =
            redact_options(&text, style.conforming, OptionRule::Secretish).unwrap();
        prop_assert_eq!(hidden, 2);
        is_hidden(&found);
        style.has(
            &found,
            &[before, is("'********'"), between, is("'********'"), tail].concat(),
        );
    }

    #[test]
    fn the_connection_of_a_subscription_is_hidden(
        (style, secret) in styled_secret(),
        name in plain_name(),
    ) {
        let (head, tail) = (
            [words("CREATE SUBSCRIPTION"), is(name), words("CONNECTION")].concat(),
            words("PUBLICATION connection WITH ( a = 'connection' )"),
        );
        let text = style.text(&[head.clone(), secret, tail.clone()].concat());
        let (found, hidden) = redact_connection(&text, style.conforming).unwrap();
        prop_assert_eq!(hidden, 1);
        is_hidden(&found);
        style.has(&found, &[head, is("'********'"), tail].concat());
    }
}

fn found_only_if(computed: bool, text: &[u8], conforming: bool) -> bool {
    let mut asked = false;
    replace_computed_bound(text, conforming, || {
        asked = true;
        None
    });
    asked == computed
}
