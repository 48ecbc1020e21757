//! The exact statement inside what the client sent.
//!
//! What it does: finds the range from the first byte of the first token to the last byte of the
//! last token, without white space, comments and semicolons behind the statement and without white
//! space and comments before it. Everything in between stays, comments too.
//!
//! What it relies on: the text is one statement that PostgreSQL's scanner has accepted, so that no
//! constant, quoted identifier or comment is unterminated. Under that condition what the text ends
//! with tells whether a comment can be there, and the usual statement is not scanned at all.
//!
//! What it does not promise: splitting a text of several statements.

use super::lexer::{Lexer, Token, is_newline, is_space, skip_blank};
use std::ops::Range;

/// The range from the first token of the statement to its last one, see the module's description.
/// It is empty if there is no token but semicolons.
pub fn statement_extent(text: &[u8], standard_conforming_strings: bool) -> Range<usize> {
    let start = skip_blank(text, 0);
    let trimmed = without_blank_tail(text);
    let end = if may_end_in_comment(trimmed) {
        last_token_end(text, standard_conforming_strings)
    } else {
        trimmed.len()
    };
    start..end.max(start)
}

/// The statement that an EXPLAIN explains: what stands behind its options. `None` where the text is no EXPLAIN.
pub fn explained(text: &[u8], standard_conforming_strings: bool) -> Option<&[u8]> {
    let is_option = |token: &Token| {
        let words = ["analyze", "analyse", "verbose"];
        words.iter().any(|word| token.is_word(text, word))
    };
    let mut tokens = Lexer::new(text, standard_conforming_strings).peekable();
    tokens.next_if(|token| token.is_word(text, "explain"))?;
    let mut ahead = tokens.clone();
    // A list of options begins with a name; a statement in parentheses with one of these.
    let queries = ["select", "with", "values", "table"];
    let opens = ahead.next()?.is_symbol(text, b'(');
    let first = ahead.next()?;
    if opens && first.is_name() && !queries.iter().any(|word| first.is_word(text, word)) {
        tokens.find(|token| token.is_symbol(text, b')'))?;
    }
    while tokens.next_if(is_option).is_some() {}
    text.get(tokens.next()?.start..)
}

/// The text without the white space and semicolons at its end.
fn without_blank_tail(text: &[u8]) -> &[u8] {
    let last = text.iter().rposition(|b| !is_space(*b) && *b != b';');
    text.get(..last.map_or(0, |at| at + 1)).unwrap_or_default()
}

/// Whether a comment may reach to the end of `head`. A `/* */` comment would show by its end; a
/// `--` comment would have to start on the last line, as it has no line end inside.
fn may_end_in_comment(head: &[u8]) -> bool {
    head.ends_with(b"*/") || last_line_has_dashes(head)
}

/// Whether `--` stands on the last line. The last line can be the whole of a huge text, so pieces
/// without any byte of interest are passed over quickly.
fn last_line_has_dashes(head: &[u8]) -> bool {
    let mut behind = 0;
    for piece in head.rchunks(512) {
        if !piece.contains(&b'-') && !piece.contains(&b'\n') && !piece.contains(&b'\r') {
            behind = 0;
            continue;
        }
        for b in piece.iter().rev().copied() {
            if is_newline(b) {
                return false;
            }
            if b == b'-' && behind == b'-' {
                return true;
            }
            behind = b;
        }
    }
    false
}

/// End of the last token that is not a semicolon, found by scanning the text.
fn last_token_end(text: &[u8], standard_conforming_strings: bool) -> usize {
    Lexer::new(text, standard_conforming_strings)
        .filter(|token| !token.is_symbol(text, b';'))
        .last()
        .map_or(0, |token| token.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> &str {
        &text[statement_extent(text.as_bytes(), true)]
    }

    #[test]
    fn what_explain_explains() {
        for (text, expected) in [
            ("EXPLAIN ANALYZE SELECT 1 INTO t", "SELECT 1 INTO t"),
            (
                "/* a */ explain analyse verbose create table a as select 1",
                "create table a as select 1",
            ),
            (
                "EXPLAIN (ANALYZE, FORMAT 'text)') -- x\n CREATE TABLE b (c)",
                "CREATE TABLE b (c)",
            ),
            ("EXPLAIN ((SELECT 1))", "((SELECT 1))"),
            (
                "EXPLAIN VERBOSE (WITH a AS (SELECT 1) SELECT * INTO b FROM a)",
                "(WITH a AS (SELECT 1) SELECT * INTO b FROM a)",
            ),
            ("EXPLAIN (SELECT 1)", "(SELECT 1)"),
        ] {
            let found = explained(text.as_bytes(), true).map(String::from_utf8_lossy);
            assert_eq!(found.as_deref(), Some(expected), "{text}");
        }
        assert_eq!(explained(b"SELECT 1", true), None);
        assert_eq!(explained(b"EXPLAIN", true), None);
    }

    #[test]
    fn trims_what_is_around_the_statement() {
        for (text, expected) in [
            ("", ""),
            (" ;\n; ", ""),
            ("-- only\n/* comments */", ""),
            ("a", "a"),
            ("  a b ;; ", "a b"),
            ("/* x */ a -- b\n c; -- d", "a -- b\n c"),
            ("a /* b */ ; /* c; */ -- d\n;", "a"),
            ("a /* b */ c", "a /* b */ c"),
            ("a -- b\rc", "a -- b\rc"),
            ("a -- b\r\n", "a"),
            ("a -- b\n ; \n", "a"),
            ("a '--b'", "a '--b'"),
            ("a \"--b\" ;", "a \"--b\""),
            ("a '/* */' ", "a '/* */'"),
            ("a $$ -- b */$$;", "a $$ -- b */$$"),
            ("a $$ -- b\n$$;", "a $$ -- b\n$$"),
            ("a ';' ;", "a ';'"),
            ("a /* -- */ b", "a /* -- */ b"),
            ("a --/* b", "a"),
            ("a /* --\n */", "a"),
            ("a /* -- */\n-", "a /* -- */\n-"),
            ("a - -- -\n", "a -"),
            ("\u{b}\u{c}a\u{b}\u{c}", "a"),
        ] {
            assert_eq!(cut(text), expected, "{text:?}");
        }
    }

    #[test]
    fn backslashes_matter_where_the_text_is_scanned() {
        let text = br"a '\' -- x'";
        assert_eq!(statement_extent(text, true), 0..5);
        assert_eq!(statement_extent(text, false), 0..11);
    }

    #[test]
    fn dashes_are_seen_across_the_pieces_of_a_long_line() {
        for length in 500..530 {
            let text = format!("a --{}", "x".repeat(length));
            assert_eq!(cut(&text), "a");
            let text = format!("a -- \n{}", "x".repeat(length));
            assert_eq!(cut(&text), text);
        }
    }
}
