//! Schemas for names that have none.
//!
//! What it does: finds the names, operators and constants of a statement that no dot is before, and puts schemas in front of those that
//! the caller chooses. Nothing else of the text changes.
//!
//! What it relies on: the text is one statement that PostgreSQL has accepted, and the caller knows from the parser which of them
//! are names of what lies in a schema.

use super::lexer::{ParserTokens, Token, TokenKind};
use std::iter::Peekable;

/// A token that may be a name without a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lone {
    pub token: Token,
    /// Where the token before it starts.
    pub behind: Option<usize>,
    /// A dot comes behind it: it may be the table of a column.
    pub dotted: bool,
}

/// The tokens of a text that no dot is before: identifiers and keywords, operators, string constants.
pub fn lone_tokens(
    text: &[u8],
    standard_conforming_strings: bool,
) -> impl Iterator<Item = Lone> + '_ {
    LoneTokens {
        text,
        tokens: ParserTokens::new(text, standard_conforming_strings).peekable(),
        before: None,
    }
}

struct LoneTokens<'a> {
    text: &'a [u8],
    tokens: Peekable<ParserTokens<'a>>,
    before: Option<Token>,
}

impl Iterator for LoneTokens<'_> {
    type Item = Lone;

    fn next(&mut self) -> Option<Lone> {
        loop {
            let token = self.tokens.next()?;
            let before = self.before.replace(token);
            let is_dot = |token: &Token| token.is_symbol(self.text, b'.');
            let is_part = before.as_ref().is_some_and(is_dot) || is_dot(&token);
            let may_be = !matches!(token.kind, TokenKind::Number | TokenKind::Param);
            if may_be && !is_part {
                return Some(Lone {
                    token,
                    behind: before.map(|before| before.start),
                    dotted: self.tokens.peek().is_some_and(is_dot),
                });
            }
        }
    }
}

/// What becomes of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The schema, as an identifier, in front of it.
    Schema(Vec<u8>),
    /// `OPERATOR(schema.+)`, as an operator of an expression is written.
    Operator(Vec<u8>),
    /// Another constant.
    Constant(Vec<u8>),
}

/// The text with changes of tokens, in any order; of those of one token the first.
pub fn qualify(text: &[u8], mut changes: Vec<(Token, Change)>) -> Vec<u8> {
    changes.sort_by_key(|(token, _)| token.start);
    changes.dedup_by_key(|(token, _)| token.start);
    let of_text = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let mut output = Vec::with_capacity(text.len() + changes.len() * 16);
    let mut copied = 0;
    for (token, change) in &changes {
        output.extend_from_slice(of_text(copied, token.start));
        copied = token.start;
        let apart = output.last().is_some_and(|last| grows(*last));
        if apart {
            output.push(b' ');
        }
        match change {
            Change::Schema(schema) => {
                output.extend_from_slice(schema);
                output.push(b'.');
            }
            Change::Operator(schema) => {
                output.extend_from_slice(b"OPERATOR(");
                output.extend_from_slice(schema);
                output.push(b'.');
                output.extend_from_slice(of_text(token.start, token.end));
                output.push(b')');
                copied = token.end;
            }
            Change::Constant(constant) => {
                output.extend_from_slice(constant);
                copied = token.end;
            }
        }
    }
    output.extend_from_slice(of_text(copied, text.len()));
    output
}

/// Whether what begins behind the byte might become a part of the token before.
fn grows(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b >= 0x80 || matches!(b, b'_' | b'$' | b'"' | b'\'')
}

/// The only name in a text like that of a regclass constant, and whether it has a schema.
pub fn only_name(text: &[u8]) -> Option<(Token, bool)> {
    let mut tokens = ParserTokens::new(text, true);
    let mut name = tokens.next().filter(Token::is_name)?;
    let mut qualified = false;
    loop {
        match tokens.next() {
            None => return Some((name, qualified)),
            Some(dot) if dot.is_symbol(text, b'.') => {}
            Some(_) => return None,
        }
        name = tokens.next().filter(Token::is_name)?;
        qualified = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lone(text: &str) -> Vec<(&str, bool)> {
        lone_tokens(text.as_bytes(), true)
            .map(|lone| (&text[lone.token.start..lone.token.end], lone.dotted))
            .collect()
    }

    #[test]
    fn what_no_dot_is_before() {
        assert_eq!(
            lone("a.b c U&\"!0061\" UESCAPE '!' .d 'x'::e.f + 1 $2 \"g\"/*.*/. h"),
            [
                ("a", true),
                ("c", false),
                ("U&\"!0061\" UESCAPE '!'", true),
                ("'x'", false),
                ("::", false),
                ("e", true),
                ("+", false),
                ("\"g\"", true),
            ]
        );
        let behind: Vec<_> = lone_tokens(b"a COLLATE c", true)
            .map(|lone| lone.behind)
            .collect();
        assert_eq!(behind, [None, Some(0), Some(2)]);
    }

    #[track_caller]
    fn check(text: &str, changes: &[(&str, Change)], expected: &str) {
        let tokens: Vec<Lone> = lone_tokens(text.as_bytes(), true).collect();
        let changes = changes.iter().map(|(name, change)| {
            let found = tokens
                .iter()
                .find(|lone| lone.token.bytes(text.as_bytes()) == name.as_bytes());
            (found.unwrap().token, change.clone())
        });
        let found = qualify(text.as_bytes(), changes.collect());
        assert_eq!(String::from_utf8(found).unwrap(), expected);
    }

    #[test]
    fn schemas_in_front() {
        let schema = |name: &str| Change::Schema(name.as_bytes().to_vec());
        check(
            "CREATE TABLE t (x y[] DEFAULT f('z'), CHECK (x<>\"y z\"))",
            &[
                ("t", schema("s")),
                ("f", schema("\"S\"")),
                ("y", schema("s")),
            ],
            "CREATE TABLE s.t (x s.y[] DEFAULT \"S\".f('z'), CHECK (x<>\"y z\"))",
        );
        check(
            "DROP TABLE\"a\"",
            &[("\"a\"", schema("\"b\""))],
            "DROP TABLE \"b\".\"a\"",
        );
        check("SELECT 1::t", &[("t", schema("s"))], "SELECT 1::s.t");
        check("SELECT x=t", &[("t", schema("s"))], "SELECT x=s.t");
        check(
            "SELECT a<b",
            &[("<", Change::Operator(b"s".to_vec()))],
            "SELECT a OPERATOR(s.<)b",
        );
        check(
            "nextval('t')",
            &[("'t'", Change::Constant(b"'s.t'".to_vec()))],
            "nextval('s.t')",
        );
        check(
            "COMMENT/**/ON--\nx",
            &[("x", schema("s"))],
            "COMMENT/**/ON--\ns.x",
        );
        check("a b", &[("a", schema("s")), ("a", schema("s"))], "s.a b");
        check("a", &[], "a");
    }

    #[test]
    fn the_only_name() {
        let found = |text: &str| {
            only_name(text.as_bytes())
                .map(|(token, qualified)| (text[token.start..token.end].to_owned(), qualified))
        };
        assert_eq!(found(" \"A b\" "), Some(("\"A b\"".to_owned(), false)));
        assert_eq!(found("a.b"), Some(("b".to_owned(), true)));
        for text in ["", "1", "a b", "a.", ".a", "a(b)", "-"] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn high_bytes_stay_as_they_are() {
        let text = b"DROP TABLE \xe4";
        let token = lone_tokens(text, true).last().unwrap().token;
        let found = qualify(text, vec![(token, Change::Schema(b"\xfc".to_vec()))]);
        assert_eq!(found, b"DROP TABLE \xfc.\xe4");
    }
}
