//! Replaces clauses of a statement by others.
//!
//! What it does: puts columns in place of LIKE clauses of CREATE TABLE, a constant bound in place of one that has to be
//! computed, values in place of FROM CURRENT, RESTART behind what narrows the values of a sequence, and IF EXISTS into
//! DROP INDEX. Everything else is kept byte by byte.
//!
//! What it relies on: the text is one statement that PostgreSQL has accepted.

use super::lexer::{Lexer, ParserTokens, Token, TokenKind};
use super::patch::Patch;
use super::splice::{ListPart, join};
use std::ops::Range;

/// Words without parentheses that are computed when a command runs.
const VOLATILE_WORDS: [&str; 12] = [
    "current_timestamp",
    "current_date",
    "current_time",
    "localtimestamp",
    "localtime",
    "current_user",
    "session_user",
    "current_role",
    "current_catalog",
    "current_schema",
    "user",
    "system_user",
];

/// Words in constants that mean another value each time: `'today 06:00'`.
const VOLATILE_IN_CONSTANTS: [&str; 4] = ["now", "today", "tomorrow", "yesterday"];

/// Puts something in place of LIKE clauses, which count from 0; with nothing in its place a clause goes with its comma. `None` if
/// there are not exactly `total` of them.
pub fn replace_likes(
    text: &[u8],
    standard_conforming_strings: bool,
    total: usize,
    replacements: &[(usize, String)],
) -> Option<Vec<u8>> {
    let elements = elements(text, standard_conforming_strings);
    let likes = elements.iter().enumerate().filter(|(_, e)| e.is_like);
    let likes: Vec<usize> = likes.map(|(number, _)| number).collect();
    if likes.len() != total {
        return None;
    }
    let mut parts = vec![ListPart::Kept; elements.len()];
    for (number, replacement) in replacements {
        *parts.get_mut(*likes.get(*number)?)? = match replacement.as_str() {
            "" => ListPart::LeftOut,
            _ => ListPart::Instead(replacement.as_bytes().to_vec()),
        };
    }
    let elements: Vec<_> = elements.into_iter().map(|element| element.part).collect();
    Some(join(text, &elements, &parts, &[]))
}

/// One of the list of columns of a CREATE TABLE.
struct Element {
    part: Range<usize>,
    /// It begins with LIKE, which is reserved.
    is_like: bool,
}

/// The list of columns: what is in the first parentheses.
fn elements(text: &[u8], standard_conforming_strings: bool) -> Vec<Element> {
    let mut found = Vec::new();
    let mut depth = 0;
    let mut element: Option<Element> = None;
    for token in ParserTokens::new(text, standard_conforming_strings) {
        if depth == 1 && (token.is_symbol(text, b',') || token.is_symbol(text, b')')) {
            found.extend(element.take());
        } else if depth > 0 {
            let is_like = token.is_word(text, "like");
            let element = element.get_or_insert(Element {
                part: token.start..token.end,
                is_like,
            });
            element.part.end = token.end;
        }
        let was_in = depth > 0;
        depth = deeper(text, token, depth);
        if was_in && depth == 0 {
            break;
        }
    }
    found
}

/// The text with something else in place of a part of it.
fn with_instead(text: &[u8], part: Range<usize>, instead: &[u8]) -> Option<Vec<u8>> {
    let mut patch = Patch::new(text);
    patch.put(part, instead)?;
    Some(patch.finish())
}

/// Puts `bound` (`FOR VALUES ..`) in place of a partition's bound, if that is computed when the command runs: if it calls
/// functions. `None` for any other, and `bound` is not asked.
pub fn replace_computed_bound(
    text: &[u8],
    standard_conforming_strings: bool,
    bound: impl FnOnce() -> Option<String>,
) -> Option<Vec<u8>> {
    let clause = computed_bound(text, standard_conforming_strings)?;
    with_instead(text, clause, bound()?.as_bytes())
}

/// Where it is.
fn computed_bound(text: &[u8], standard_conforming_strings: bool) -> Option<Range<usize>> {
    let mut tokens = ParserTokens::new(text, standard_conforming_strings);
    let mut depth = 0;
    let mut before: Option<Token> = None;
    let start = loop {
        let token = tokens.next()?;
        depth = deeper(text, token, depth);
        let behind_for = before.filter(|before| before.is_word(text, "for"));
        if let Some(before) = behind_for.filter(|_| depth == 0 && token.is_word(text, "values")) {
            break before.start;
        }
        before = Some(token);
    };
    // FROM (..) TO (..), IN (..), WITH (..)
    let mut lists = if tokens.next()?.is_word(text, "from") {
        2
    } else {
        1
    };
    let mut computed = false;
    let mut depth = 0;
    let mut before: Option<Token> = None;
    for token in tokens {
        let calls = depth > 0
            && token.is_symbol(text, b'(')
            && before.is_some_and(|before| before.is_name());
        computed |= calls || is_volatile(text, token);
        depth = deeper(text, token, depth);
        if depth == 0 && token.is_symbol(text, b')') {
            lists -= 1;
            if lists == 0 {
                return computed.then_some(start..token.end);
            }
        }
        before = Some(token);
    }
    None
}

fn deeper(text: &[u8], token: Token, depth: usize) -> usize {
    if token.is_symbol(text, b'(') {
        depth + 1
    } else if token.is_symbol(text, b')') {
        depth.saturating_sub(1)
    } else {
        depth
    }
}

fn is_volatile(text: &[u8], token: Token) -> bool {
    let bytes = token.bytes(text);
    let is = |bytes: &[u8], word: &str| bytes.eq_ignore_ascii_case(word.as_bytes());
    match token.kind {
        TokenKind::Word => VOLATILE_WORDS.iter().any(|word| is(bytes, word)),
        TokenKind::Literal => bytes
            .split(|b| !b.is_ascii_alphabetic())
            .any(|part| VOLATILE_IN_CONSTANTS.iter().any(|word| is(part, word))),
        _ => false,
    }
}

/// Puts values in place of FROM CURRENT: `SET name TO value` in clauses that begin at these places, in any order, and
/// `RESET name` where there is no value. `None` if one of them is no such clause.
pub fn replace_from_current(
    text: &[u8],
    standard_conforming_strings: bool,
    clauses: &[(usize, Option<Vec<u8>>)],
) -> Option<Vec<u8>> {
    let mut clauses: Vec<_> = clauses.iter().collect();
    clauses.sort_by_key(|(start, _)| *start);
    let mut tokens = ParserTokens::new(text, standard_conforming_strings);
    let mut patch = Patch::new(text);
    for (start, value) in clauses {
        let mut clause = Vec::new();
        // reserved, so it is no part of the name
        let from = loop {
            let token = tokens.find(|token| token.start >= *start)?;
            if token.is_word(text, "from") {
                break token;
            }
            clause.push(token);
        };
        let current = tokens
            .next()
            .filter(|token| token.is_word(text, "current"))?;
        let (set, name) = setting(text, &clause)?;
        match value {
            Some(value) => patch.put(from.start..current.end, &[b"TO ", &value[..]].concat())?,
            None => {
                patch.put(set.start..set.end, b"RESET")?;
                patch.put(name.end..current.end, b"")?;
            }
        }
    }
    Some(patch.finish())
}

/// The word SET of a clause that ends with the name of a setting, and the last token of the name.
fn setting(text: &[u8], clause: &[Token]) -> Option<(Token, Token)> {
    let (name, mut before) = clause.split_last()?;
    while let [schema @ .., _, dot] = before
        && dot.is_symbol(text, b'.')
    {
        before = schema;
    }
    let set = before.last().filter(|token| token.is_word(text, "set"))?;
    Some((*set, *name))
}

/// Puts `RESTART WITH value` behind options of a sequence that begin at these places, in any order: MINVALUE, MAXVALUE,
/// AS. `None` if one of them is no such option.
pub fn restart_behind(
    text: &[u8],
    standard_conforming_strings: bool,
    options: &[(usize, i64)],
) -> Option<Vec<u8>> {
    let mut options: Vec<_> = options.iter().collect();
    options.sort();
    let mut tokens = ParserTokens::new(text, standard_conforming_strings).peekable();
    let mut patch = Patch::new(text);
    for (start, value) in options {
        let mut word = tokens.find(|token| token.start >= *start)?;
        if word.is_word(text, "set") {
            word = tokens.next()?;
        }
        let mut last = tokens.next()?;
        if last.is_symbol(text, b'-') || last.is_symbol(text, b'+') {
            last = tokens.next()?;
        }
        if word.is_word(text, "as") {
            while tokens
                .next_if(|token| token.is_symbol(text, b'.'))
                .is_some()
            {
                last = tokens.next()?;
            }
        } else if !["minvalue", "maxvalue", "no"]
            .iter()
            .any(|option| word.is_word(text, option))
        {
            return None;
        }
        let restart = format!("RESTART WITH {value}");
        patch.put(last.end..last.end, restart.as_bytes())?;
    }
    Some(patch.finish())
}

/// A DROP INDEX that says IF EXISTS; `None` if it does already, or is none.
pub fn drop_index_if_exists(text: &[u8], standard_conforming_strings: bool) -> Option<Vec<u8>> {
    let mut tokens = ParserTokens::new(text, standard_conforming_strings).peekable();
    tokens.next_if(|token| token.is_word(text, "drop"))?;
    tokens.next_if(|token| token.is_word(text, "index"))?;
    tokens.next_if(|token| token.is_word(text, "concurrently"));
    let first = tokens.next()?;
    if first.is_word(text, "if") && tokens.peek().is_some_and(|t| t.is_word(text, "exists")) {
        return None;
    }
    with_instead(text, first.start..first.start, b"IF EXISTS")
}

/// A CREATE INDEX without a name, with this one; `None` where it has one.
pub fn name_index(text: &[u8], standard_conforming_strings: bool, name: &[u8]) -> Option<Vec<u8>> {
    let mut tokens = ParserTokens::new(text, standard_conforming_strings).peekable();
    tokens.next_if(|token| token.is_word(text, "create"))?;
    tokens.next_if(|token| token.is_word(text, "unique"));
    tokens.next_if(|token| token.is_word(text, "index"))?;
    tokens.next_if(|token| token.is_word(text, "concurrently"));
    let on = tokens.next_if(|token| token.is_word(text, "on"))?;
    with_instead(text, on.start..on.start, name)
}

/// Where, after `from`, the body of a function begins that is no string: `RETURN` or `BEGIN ATOMIC`.
pub fn body_of_function(
    text: &[u8],
    from: usize,
    standard_conforming_strings: bool,
) -> Option<usize> {
    let tokens: Vec<_> = Lexer::new(text, standard_conforming_strings)
        .filter(|token| token.start >= from)
        .collect();
    tokens.iter().enumerate().find_map(|(at, token)| {
        let is_body = token.is_word(text, "return")
            || token.is_word(text, "begin")
                && tokens
                    .get(at + 1)
                    .is_some_and(|next| next.is_word(text, "atomic"));
        is_body.then_some(token.start)
    })
}

/// A CREATE INDEX, as PostgreSQL writes it, that says IF NOT EXISTS.
pub fn create_index_if_not_exists(definition: &str) -> Option<String> {
    let (head, tail) = definition.split_once("INDEX ")?;
    Some(format!("{head}INDEX IF NOT EXISTS {tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn same(found: Option<Vec<u8>>, expected: Option<&str>) {
        let found = found.map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(found.as_deref(), expected);
    }

    #[test]
    fn likes_are_replaced() {
        let text = "CREATE TABLE t (a int DEFAULT length('(,'), LIKE x.tmp INCLUDING ALL, \"like\" text CHECK (\"like\" LIKE 'a'), LIKE b) WITH (fillfactor=10)";
        let replaced = |which: &[(usize, String)]| replace_likes(text.as_bytes(), true, 2, which);
        same(
            replaced(&[(0, "q int, r int".to_owned())]),
            Some(&text.replace("LIKE x.tmp INCLUDING ALL", "q int, r int")),
        );
        same(
            replaced(&[(0, "q int".to_owned()), (1, "s int".to_owned())]),
            Some(
                &text
                    .replace("LIKE x.tmp INCLUDING ALL", "q int")
                    .replace("LIKE b)", "s int)"),
            ),
        );
        same(
            replaced(&[(1, String::new())]),
            Some(&text.replace(", LIKE b", "")),
        );
        for (text, expected) in [
            (
                "CREATE TABLE t (LIKE a, b int, LIKE c /* , */)",
                "CREATE TABLE t (b int /* , */)",
            ),
            ("CREATE TABLE t (LIKE a, LIKE c)", "CREATE TABLE t ()"),
        ] {
            let nothing = [(0, String::new()), (1, String::new())];
            same(
                replace_likes(text.as_bytes(), true, 2, &nothing),
                Some(expected),
            );
        }
        same(replaced(&[(2, String::new())]), None);
        same(replace_likes(text.as_bytes(), true, 1, &[]), None);
        same(
            replace_likes(
                b"CREATE TABLE t(LIKE b)",
                true,
                1,
                &[(0, "s int".to_owned())],
            ),
            Some("CREATE TABLE t(s int)"),
        );
    }

    #[test]
    fn computed_bounds_are_replaced() {
        for (text, expected) in [
            (
                "CREATE TABLE a PARTITION OF b FOR VALUES FROM (1) TO (2)",
                None,
            ),
            (
                "CREATE TABLE a PARTITION OF b FOR VALUES FROM (MINVALUE) TO (date '2020-01-01')",
                None,
            ),
            ("CREATE TABLE a PARTITION OF b DEFAULT", None),
            (
                "CREATE TABLE a PARTITION OF b (CHECK (f(x) > 0)) FOR VALUES FROM (CURRENT_TIMESTAMP) TO ('infinity') PARTITION BY LIST (f(y))",
                Some(
                    "CREATE TABLE a PARTITION OF b (CHECK (f(x) > 0)) BOUND PARTITION BY LIST (f(y))",
                ),
            ),
            (
                "ALTER TABLE b ATTACH PARTITION a FOR VALUES IN (f(1), 2)",
                Some("ALTER TABLE b ATTACH PARTITION a BOUND"),
            ),
            (
                "alter table b attach partition a for values in ('Today'::date) /* x */",
                Some("alter table b attach partition a BOUND /* x */"),
            ),
            (
                "ALTER TABLE b ATTACH PARTITION a FOR VALUES IN ('now and then', 'x')",
                Some("ALTER TABLE b ATTACH PARTITION a BOUND"),
            ),
            (
                "ALTER TABLE b ATTACH PARTITION a FOR VALUES FROM (timestamp E'today\\n06:00') TO ('Tomorrow 06:00')",
                Some("ALTER TABLE b ATTACH PARTITION a BOUND"),
            ),
            (
                "ALTER TABLE b ATTACH PARTITION a FOR VALUES IN (current_schema)",
                Some("ALTER TABLE b ATTACH PARTITION a BOUND"),
            ),
            (
                "ALTER TABLE b ATTACH PARTITION a FOR VALUES IN ('x', USER)",
                Some("ALTER TABLE b ATTACH PARTITION a BOUND"),
            ),
            (
                "ALTER TABLE b ATTACH PARTITION a FOR VALUES IN ('knowledge', 'user')",
                None,
            ),
            (
                "CREATE TABLE a PARTITION OF b FOR VALUES WITH (MODULUS 3, REMAINDER 1) WITH (fillfactor = 10)",
                None,
            ),
        ] {
            same(
                replace_computed_bound(text.as_bytes(), true, || Some("BOUND".to_owned())),
                expected,
            );
        }
    }

    #[test]
    fn names_of_indexes() {
        for (text, expected) in [
            ("CREATE INDEX ON t (a)", Some("CREATE INDEX x1 ON t (a)")),
            (
                "create unique/**/index concurrently on only t(a)",
                Some("create unique/**/index concurrently x1 on only t(a)"),
            ),
            ("CREATE INDEX \"on\" ON t (a)", None),
            ("CREATE TABLE t ()", None),
        ] {
            same(name_index(text.as_bytes(), true, b"x1"), expected);
        }
    }

    #[test]
    fn from_current() {
        let replaced = |text: &str, values: &[Option<&str>]| {
            let starts = text.match_indices("SET").map(|(at, _)| at);
            let clauses: Vec<_> = starts
                .zip(values)
                .filter(|(at, _)| text[*at..].contains("FROM"))
                .map(|(at, value)| (at, value.map(|v| v.as_bytes().to_vec())))
                .collect();
            replace_from_current(text.as_bytes(), true, &clauses)
        };
        same(
            replaced(
                "CREATE FUNCTION f() RETURNS int SET/* a FROM CURRENT */\"FROM\" . x -- y\n FROM/**/CURRENT SET y FROM CURRENT LANGUAGE sql AS 'SET x FROM CURRENT'",
                &[Some("'1'"), Some("E'\\\\'")],
            ),
            Some(
                "CREATE FUNCTION f() RETURNS int SET/* a FROM CURRENT */\"FROM\" . x -- y\n TO '1' SET y TO E'\\\\' LANGUAGE sql AS 'SET x FROM CURRENT'",
            ),
        );
        same(
            replaced(
                "ALTER FUNCTION f SET current.x FROM CURRENT RESET ALL",
                &[None],
            ),
            Some("ALTER FUNCTION f RESET current.x RESET ALL"),
        );
        same(
            replace_from_current(
                b"ALTER ROLE set SET search_path FROM CURRENT",
                true,
                &[(0, Some(b"'a', 'b'".to_vec()))],
            ),
            Some("ALTER ROLE set SET search_path TO 'a', 'b'"),
        );
        same(replaced("ALTER FUNCTION f SET a FROM b", &[None]), None);
        // a comment that is left open would take what is behind it
        same(
            replaced(
                "ALTER FUNCTION f SET a.b -- c\n FROM CURRENT RESET ALL",
                &[None],
            ),
            Some("ALTER FUNCTION f RESET a.b RESET ALL"),
        );
        same(
            replaced("ALTER FUNCTION f SET\"a\"FROM CURRENT", &[Some("'1'")]),
            Some("ALTER FUNCTION f SET\"a\" TO '1'"),
        );
    }

    #[test]
    fn restart() {
        for (text, expected) in [
            (
                "ALTER SEQUENCE s MINVALUE 100 START 120",
                Some("ALTER SEQUENCE s MINVALUE 100 RESTART WITH 7 START 120"),
            ),
            (
                "alter sequence s /* @ */ @no/**/minvalue/**/start 1",
                Some("alter sequence s /* @ */ no/**/minvalue RESTART WITH 7 /**/start 1"),
            ),
            (
                "ALTER TABLE t ALTER a @SET MAXVALUE - 5 SET START -9, ALTER b @SET CYCLE, ALTER c @SET NO MAXVALUE;",
                None,
            ),
            (
                "ALTER TABLE t ALTER a @SET MAXVALUE - 5 SET START -9, ALTER c @SET NO MAXVALUE",
                Some(
                    "ALTER TABLE t ALTER a SET MAXVALUE - 5 RESTART WITH 7 SET START -9, ALTER c SET NO MAXVALUE RESTART WITH 7",
                ),
            ),
            (
                "ALTER SEQUENCE s @AS pg_catalog . \"int4\" CACHE 1",
                Some("ALTER SEQUENCE s AS pg_catalog . \"int4\" RESTART WITH 7 CACHE 1"),
            ),
            (
                "ALTER SEQUENCE s @as smallint",
                Some("ALTER SEQUENCE s as smallint RESTART WITH 7"),
            ),
        ] {
            let mut plain = String::new();
            let mut options = Vec::new();
            let text = text.replace("/* @ */", "/* \u{1} */");
            let text = text.replace("s MINVALUE", "s @MINVALUE");
            for part in text.split('@') {
                if !plain.is_empty() {
                    options.push((plain.len(), 7));
                }
                plain.push_str(part);
            }
            let expected = expected.map(|text| text.replace("/* @ */", "/* \u{1} */"));
            same(
                restart_behind(plain.as_bytes(), true, &options),
                expected.as_deref(),
            );
        }
    }

    #[test]
    fn drop_index() {
        for (text, expected) in [
            ("DROP INDEX a, b", Some("DROP INDEX IF EXISTS a, b")),
            (
                "drop index /* x */ concurrently \"A\"",
                Some("drop index /* x */ concurrently IF EXISTS \"A\""),
            ),
            ("DROP INDEX\"A\"", Some("DROP INDEX IF EXISTS \"A\"")),
            ("DROP INDEX IF EXISTS a", None),
            (
                "DROP INDEX if CASCADE",
                Some("DROP INDEX IF EXISTS if CASCADE"),
            ),
            ("DROP TABLE a", None),
        ] {
            same(drop_index_if_exists(text.as_bytes(), true), expected);
        }
        assert_eq!(
            create_index_if_not_exists(
                "CREATE UNIQUE INDEX \"INDEX \" ON public.t USING btree (a)"
            )
            .as_deref(),
            Some("CREATE UNIQUE INDEX IF NOT EXISTS \"INDEX \" ON public.t USING btree (a)")
        );
    }
}
