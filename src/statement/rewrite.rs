//! Replaces clauses of a statement by others.
//!
//! What it does: puts columns in place of LIKE clauses of CREATE TABLE, a constant bound in place of one that has to be
//! computed, and IF EXISTS into DROP INDEX. Everything else is kept byte by byte.
//!
//! What it relies on: the text is one statement that PostgreSQL has accepted.

use super::lexer::{Lexer, ParserTokens, Token, TokenKind};
use std::ops::Range;

/// Words without parentheses that are computed when a command runs.
const VOLATILE_WORDS: [&str; 9] = [
    "current_timestamp",
    "current_date",
    "current_time",
    "localtimestamp",
    "localtime",
    "current_user",
    "session_user",
    "current_role",
    "current_catalog",
];

/// Constants that mean another value each time.
const VOLATILE_CONSTANTS: [&str; 4] = ["'now'", "'today'", "'tomorrow'", "'yesterday'"];

/// Puts something in place of LIKE clauses, which count from 0. `None` if there are not exactly `total` of them.
pub fn replace_likes(
    text: &[u8],
    standard_conforming_strings: bool,
    total: usize,
    replacements: &[(usize, String)],
) -> Option<Vec<u8>> {
    let clauses = likes(text, standard_conforming_strings);
    if clauses.len() != total {
        return None;
    }
    let mut statement = Vec::with_capacity(text.len());
    let mut copied = 0;
    for (number, replacement) in replacements {
        let clause = clauses.get(*number)?;
        statement.extend_from_slice(text.get(copied..clause.start)?);
        statement.extend_from_slice(replacement.as_bytes());
        copied = clause.end;
    }
    statement.extend_from_slice(text.get(copied..)?);
    Some(statement)
}

/// The LIKE clauses in the list of columns: elements that begin with LIKE, which is reserved.
fn likes(text: &[u8], standard_conforming_strings: bool) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut depth = 0;
    let mut begins = false;
    let mut clause: Option<Range<usize>> = None;
    for token in ParserTokens::new(text, standard_conforming_strings) {
        let ends = depth == 1 && (token.is_symbol(text, b',') || token.is_symbol(text, b')'));
        if ends {
            found.extend(clause.take());
        }
        if token.is_symbol(text, b')') {
            depth -= 1;
            if depth == 0 {
                break;
            }
        }
        if depth == 1 && begins && token.is_word(text, "like") {
            clause = Some(token.start..token.end);
        } else if let Some(clause) = &mut clause {
            clause.end = token.end;
        }
        if token.is_symbol(text, b'(') {
            depth += 1;
        }
        begins = depth == 1 && (token.is_symbol(text, b',') || token.is_symbol(text, b'('));
    }
    found
}

/// The text with something else in place of a part of it.
fn with_instead(text: &[u8], part: Range<usize>, instead: &[u8]) -> Option<Vec<u8>> {
    Some([text.get(..part.start)?, instead, text.get(part.end..)?].concat())
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
    let is = |word: &&str| bytes.eq_ignore_ascii_case(word.as_bytes());
    match token.kind {
        TokenKind::Word => VOLATILE_WORDS.iter().any(is),
        TokenKind::Literal => VOLATILE_CONSTANTS.iter().any(is),
        _ => false,
    }
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
    with_instead(text, first.start..first.start, b"IF EXISTS ")
}

/// A CREATE INDEX without a name, with this one; `None` where it has one.
pub fn name_index(text: &[u8], standard_conforming_strings: bool, name: &[u8]) -> Option<Vec<u8>> {
    let mut tokens = ParserTokens::new(text, standard_conforming_strings).peekable();
    tokens.next_if(|token| token.is_word(text, "create"))?;
    tokens.next_if(|token| token.is_word(text, "unique"));
    tokens.next_if(|token| token.is_word(text, "index"))?;
    tokens.next_if(|token| token.is_word(text, "concurrently"));
    let on = tokens.next_if(|token| token.is_word(text, "on"))?;
    with_instead(text, on.start..on.start, &[name, b" "].concat())
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
    fn drop_index() {
        for (text, expected) in [
            ("DROP INDEX a, b", Some("DROP INDEX IF EXISTS a, b")),
            (
                "drop index /* x */ concurrently \"A\"",
                Some("drop index /* x */ concurrently IF EXISTS \"A\""),
            ),
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
