//! The tokens of an SQL text, as PostgreSQL's scanner (`src/backend/parser/scan.l`) finds them.
//!
//! What it does: splits bytes into [`Token`]s with exact boundaries, skipping white space, `--`
//! comments and nested `/* */` comments. [`ParserTokens`] joins a `UESCAPE` clause to the token it
//! belongs to, as `base_yylex` does between the scanner and the grammar.
//!
//! What it relies on: a server encoding (bytes of multi-byte characters are all >= 0x80, so no
//! quote or backslash hides inside a character), and the value of `standard_conforming_strings`
//! that was in force when the statement was parsed.
//!
//! What it does not promise: errors. What PostgreSQL refuses (an unterminated string, a bad
//! escape, an operator that is too long) still becomes tokens; whatever is unterminated reaches to
//! the end of the text. Where the supported server versions differ, the reading is taken under
//! which the text is valid SQL at all: `0x1F` and `1_000` are one number as of PostgreSQL 16,
//! `1x` is the number 1 and the name x as up to PostgreSQL 14, a vertical tab is white space as of
//! PostgreSQL 16.

/// What sort of token it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// An unquoted identifier or a keyword.
    Word,
    /// `"..."` or `U&"..."`.
    QuotedIdentifier,
    /// Any string constant: `'..'`, `E'..'`, `N'..'`, `B'..'`, `X'..'`, `U&'..'`, `$tag$..$tag$`,
    /// including the parts that SQL continues on another line.
    Literal,
    /// A numeric constant, without a sign.
    Number,
    /// `$1`
    Param,
    /// An operator, one punctuation byte, or one of `::`, `..` and `:=`.
    Symbol,
}

/// One token: the bytes `start..end` of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What sort of token it is.
    pub kind: TokenKind,
    /// Offset of its first byte.
    pub start: usize,
    /// Offset behind its last byte.
    pub end: usize,
}

impl Token {
    /// The bytes of the token in the text it was found in.
    pub fn bytes<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        text.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether this is the unquoted word `word`. Keywords fold ASCII only, in any locale, as in
    /// PostgreSQL's `ScanKeywordLookup`.
    pub fn is_word(&self, text: &[u8], word: &str) -> bool {
        self.kind == TokenKind::Word && self.bytes(text).eq_ignore_ascii_case(word.as_bytes())
    }

    /// Whether this is the one-byte symbol `symbol`.
    pub fn is_symbol(&self, text: &[u8], symbol: u8) -> bool {
        self.kind == TokenKind::Symbol && self.bytes(text) == [symbol]
    }

    /// Whether the token can be the name of something: an identifier or a keyword.
    pub fn is_name(&self) -> bool {
        matches!(self.kind, TokenKind::Word | TokenKind::QuotedIdentifier)
    }

    /// Whether this is `U&'..'` or `U&".."`, which a `UESCAPE` clause may follow.
    pub fn has_unicode_escapes(&self, text: &[u8]) -> bool {
        let bytes = self.bytes(text);
        matches!(self.kind, TokenKind::Literal | TokenKind::QuotedIdentifier)
            && matches!(bytes, [b'u' | b'U', b'&', ..])
    }
}

/// Iterator over the tokens of a text.
#[derive(Clone, Debug)]
pub struct Lexer<'a> {
    text: &'a [u8],
    position: usize,
    plain_style: Quote,
    /// Up to here only `+` and `-` follow that are tokens of their own. Without it a long row of
    /// signs would be looked at to its end once for every sign.
    lone_signs_until: usize,
}

/// How the inside of a single-quoted constant reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quote {
    /// `''` is a quote.
    Standard,
    /// `''` is a quote, and a backslash takes the next byte with it.
    Backslash,
    /// Bit strings: the first quote ends it.
    Bits,
}

impl<'a> Lexer<'a> {
    /// Starts at the beginning of `text`. `standard_conforming_strings` decides whether a
    /// backslash in a plain `'..'` constant is an escape (off) or a byte like any other (on).
    pub fn new(text: &'a [u8], standard_conforming_strings: bool) -> Self {
        let plain_style = if standard_conforming_strings {
            Quote::Standard
        } else {
            Quote::Backslash
        };
        Lexer {
            text,
            position: 0,
            plain_style,
            lone_signs_until: 0,
        }
    }

    /// Kind and end of the token that starts at `start` with the byte `first`.
    fn scan(&mut self, start: usize, first: u8) -> (TokenKind, usize) {
        let next = byte(self.text, start + 1);
        match (first, next) {
            (b'\'', _) => self.literal(start + 1, self.plain_style),
            (b'"', _) => self.quoted_identifier(start + 1),
            (b'$', _) => self.dollar(start),
            (b'0'..=b'9', _) | (b'.', Some(b'0'..=b'9')) => {
                (TokenKind::Number, number_end(self.text, start))
            }
            (b'.', Some(b'.')) | (b':', Some(b':' | b'=')) => (TokenKind::Symbol, start + 2),
            _ if is_identifier_start(first) => self.word(start, first, next),
            _ if is_operator(first) => (TokenKind::Symbol, self.operator_end(start)),
            _ => (TokenKind::Symbol, start + 1),
        }
    }

    /// An identifier, unless its first letter is the prefix of a constant or a quoted identifier.
    fn word(&self, start: usize, first: u8, next: Option<u8>) -> (TokenKind, usize) {
        match (first.to_ascii_lowercase(), next) {
            (b'b' | b'x', Some(b'\'')) => self.literal(start + 2, Quote::Bits),
            (b'e', Some(b'\'')) => self.literal(start + 2, Quote::Backslash),
            (b'n', Some(b'\'')) => self.literal(start + 2, self.plain_style),
            (b'u', Some(b'&')) => match byte(self.text, start + 2) {
                Some(b'\'') => self.literal(start + 3, Quote::Standard),
                Some(b'"') => self.quoted_identifier(start + 3),
                _ => (TokenKind::Word, start + 1),
            },
            _ => (
                TokenKind::Word,
                skip_while(self.text, start + 1, is_identifier_part),
            ),
        }
    }

    /// A single-quoted constant whose opening quote ends at `inside`.
    fn literal(&self, mut inside: usize, style: Quote) -> (TokenKind, usize) {
        let end = loop {
            let Some(closing) = closing_quote(self.text, inside, style) else {
                break self.text.len();
            };
            match continuation(self.text, closing + 1) {
                Some(more) => inside = more,
                None => break closing + 1,
            }
        };
        (TokenKind::Literal, end)
    }

    /// A quoted identifier whose opening quote ends at `inside`.
    fn quoted_identifier(&self, inside: usize) -> (TokenKind, usize) {
        let end = doubled_quote_end(self.text, inside, b'"').map_or(self.text.len(), |at| at + 1);
        (TokenKind::QuotedIdentifier, end)
    }

    /// What starts with a dollar sign: a parameter, a dollar-quoted constant, or a stray byte.
    fn dollar(&self, start: usize) -> (TokenKind, usize) {
        let text = self.text;
        if byte(text, start + 1).is_some_and(|b| b.is_ascii_digit()) {
            let end = skip_while(text, start + 1, |b| b.is_ascii_digit());
            return (TokenKind::Param, end);
        }
        let tag_end = dollar_tag_end(text, start + 1);
        if byte(text, tag_end) != Some(b'$') {
            return (TokenKind::Symbol, start + 1);
        }
        let delimiter = text.get(start..=tag_end).unwrap_or_default();
        (
            TokenKind::Literal,
            dollar_quote_end(text, tag_end + 1, delimiter),
        )
    }

    /// End of the operator at `start`. A comment start cuts it, and a `+` or `-` at its end does
    /// not belong to it unless it has a character that no SQL operator has.
    fn operator_end(&mut self, start: usize) -> usize {
        if start < self.lone_signs_until {
            return start + 1;
        }
        let mut own_characters = false;
        let mut end = start;
        while let Some(b) = byte(self.text, end).filter(|b| is_operator(*b)) {
            if end > start && is_comment_start(b, byte(self.text, end + 1)) {
                break;
            }
            own_characters |= is_beyond_sql_operators(b);
            end += 1;
        }
        if own_characters {
            return end;
        }
        let run_end = end;
        while end > start + 1 && matches!(byte(self.text, end - 1), Some(b'+' | b'-')) {
            end -= 1;
        }
        self.lone_signs_until = run_end;
        end
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let start = skip_blank(self.text, self.position);
        let first = byte(self.text, start)?;
        let (kind, end) = self.scan(start, first);
        let end = end.min(self.text.len());
        self.position = end;
        Some(Token { kind, start, end })
    }
}

/// Iterator over the tokens as the grammar sees them: `U&'..' UESCAPE 'x'` (and the same with a
/// quoted identifier) is one token.
#[derive(Clone, Debug)]
pub struct ParserTokens<'a> {
    lexer: Lexer<'a>,
}

impl<'a> ParserTokens<'a> {
    /// Starts at the beginning of `text`; see [`Lexer::new`].
    pub fn new(text: &'a [u8], standard_conforming_strings: bool) -> Self {
        ParserTokens {
            lexer: Lexer::new(text, standard_conforming_strings),
        }
    }

    /// The scanner behind the `UESCAPE` clause that comes next, and where the clause ends.
    fn escape_clause(&self) -> Option<(Lexer<'a>, usize)> {
        let mut ahead = self.lexer.clone();
        if !ahead.next()?.is_word(ahead.text, "uescape") {
            return None;
        }
        let character = ahead.next()?;
        (character.kind == TokenKind::Literal).then_some((ahead, character.end))
    }
}

impl Iterator for ParserTokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let mut token = self.lexer.next()?;
        if token.has_unicode_escapes(self.lexer.text)
            && let Some((ahead, end)) = self.escape_clause()
        {
            self.lexer = ahead;
            token.end = end;
        }
        Some(token)
    }
}

/// Offset of the first byte at or behind `position` that is neither white space nor in a comment.
pub(super) fn skip_blank(text: &[u8], mut position: usize) -> usize {
    while let Some(b) = byte(text, position) {
        position = match (b, byte(text, position + 1)) {
            _ if is_space(b) => position + 1,
            (b'-', Some(b'-')) => line_end(text, position),
            (b'/', Some(b'*')) => block_comment_end(text, position + 2),
            _ => break,
        };
    }
    position
}

/// White space between tokens.
pub(super) fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// What ends a `--` comment, and what SQL wants between the parts of a continued constant.
pub(super) fn is_newline(b: u8) -> bool {
    matches!(b, b'\n' | b'\r')
}

fn is_comment_start(b: u8, next: Option<u8>) -> bool {
    matches!((b, next), (b'-', Some(b'-')) | (b'/', Some(b'*')))
}

fn is_identifier_start(b: u8) -> bool {
    b.is_ascii_alphabetic() || b == b'_' || b >= 0x80
}

fn is_identifier_part(b: u8) -> bool {
    is_identifier_start(b) || b.is_ascii_digit() || b == b'$'
}

fn is_operator(b: u8) -> bool {
    is_beyond_sql_operators(b) || matches!(b, b'+' | b'-' | b'*' | b'/' | b'<' | b'>' | b'=')
}

/// The operator characters that none of the SQL standard's own operators has.
fn is_beyond_sql_operators(b: u8) -> bool {
    matches!(
        b,
        b'~' | b'!' | b'@' | b'#' | b'^' | b'&' | b'|' | b'`' | b'?' | b'%'
    )
}

fn byte(text: &[u8], position: usize) -> Option<u8> {
    text.get(position).copied()
}

fn skip_while(text: &[u8], start: usize, wanted: impl Fn(u8) -> bool) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    let length = rest.iter().position(|b| !wanted(*b));
    length.map_or(text.len(), |n| start + n)
}

/// Offset of the next `wanted` at or behind `start`. `contains` on bytes is the standard library's
/// `memchr`; going through it makes long constants cheap.
fn find_byte(text: &[u8], start: usize, wanted: u8) -> Option<usize> {
    let rest = text.get(start..)?;
    let mut offset = start;
    for chunk in rest.chunks(256) {
        if chunk.contains(&wanted) {
            return chunk.iter().position(|b| *b == wanted).map(|n| offset + n);
        }
        offset += chunk.len();
    }
    None
}

fn line_end(text: &[u8], start: usize) -> usize {
    skip_while(text, start, |b| !is_newline(b))
}

/// End of the `/*` comment whose inside starts at `position`. Comments nest.
fn block_comment_end(text: &[u8], mut position: usize) -> usize {
    let mut depth = 1usize;
    while let Some(b) = byte(text, position) {
        match (b, byte(text, position + 1)) {
            (b'/', Some(b'*')) => {
                depth += 1;
                position += 2;
            }
            (b'*', Some(b'/')) => {
                depth -= 1;
                position += 2;
                if depth == 0 {
                    return position;
                }
            }
            _ => position += 1,
        }
    }
    text.len()
}

/// Offset of the quote that ends the part of a constant that starts at `inside`.
fn closing_quote(text: &[u8], inside: usize, style: Quote) -> Option<usize> {
    match style {
        Quote::Bits => find_byte(text, inside, b'\''),
        Quote::Standard => doubled_quote_end(text, inside, b'\''),
        Quote::Backslash => escaped_quote_end(text, inside),
    }
}

/// Offset of the first `quote` at or behind `position` that is not doubled.
fn doubled_quote_end(text: &[u8], mut position: usize, quote: u8) -> Option<usize> {
    loop {
        let at = find_byte(text, position, quote)?;
        if byte(text, at + 1) != Some(quote) {
            return Some(at);
        }
        position = at + 2;
    }
}

/// Like [`doubled_quote_end`] for single quotes, where a backslash takes the next byte with it.
fn escaped_quote_end(text: &[u8], mut position: usize) -> Option<usize> {
    loop {
        let at = skip_while(text, position, |b| b != b'\'' && b != b'\\');
        match (byte(text, at)?, byte(text, at + 1)) {
            (b'\'', Some(b'\'')) | (b'\\', _) => position = at + 2,
            _ => return Some(at),
        }
    }
}

/// Where the inside of a constant goes on behind its closing quote: behind white space with at
/// least one line end (`--` comments count as white space here, `/* */` comments do not) and
/// another quote.
fn continuation(text: &[u8], mut position: usize) -> Option<usize> {
    let mut new_line = false;
    loop {
        let b = byte(text, position)?;
        match (b, byte(text, position + 1)) {
            (b'\'', _) => return new_line.then_some(position + 1),
            (b'-', Some(b'-')) => position = line_end(text, position),
            _ if is_space(b) => {
                new_line |= is_newline(b);
                position += 1;
            }
            _ => return None,
        }
    }
}

/// End of the tag of a dollar quote: like an identifier, but without dollar signs.
fn dollar_tag_end(text: &[u8], start: usize) -> usize {
    if byte(text, start).is_some_and(is_identifier_start) {
        skip_while(text, start, |b| b != b'$' && is_identifier_part(b))
    } else {
        start
    }
}

/// End of the dollar-quoted constant whose inside starts at `position`. The delimiter has dollar
/// signs at its ends only, so no byte is compared more than twice.
fn dollar_quote_end(text: &[u8], mut position: usize, delimiter: &[u8]) -> usize {
    while let Some(at) = find_byte(text, position, b'$') {
        if text.get(at..).is_some_and(|t| t.starts_with(delimiter)) {
            return at + delimiter.len();
        }
        position = at + 1;
    }
    text.len()
}

/// End of the number at `start`. What PostgreSQL 15 and later call trailing junk is valid before
/// that: the number ends where the oldest rules end it, and a name or a constant follows.
fn number_end(text: &[u8], start: usize) -> usize {
    let end = radix_end(text, start).unwrap_or_else(|| decimal_end(text, start, true));
    match byte(text, end) {
        Some(b) if is_identifier_part(b) => decimal_end(text, start, false),
        _ => end,
    }
}

/// End of `0x..`, `0o..` or `0b..`, which PostgreSQL knows as of version 16.
fn radix_end(text: &[u8], start: usize) -> Option<usize> {
    if byte(text, start) != Some(b'0') {
        return None;
    }
    let digit: fn(u8) -> bool = match byte(text, start + 1)? {
        b'x' | b'X' => |b| b.is_ascii_hexdigit(),
        b'o' | b'O' => |b| matches!(b, b'0'..=b'7'),
        b'b' | b'B' => |b| matches!(b, b'0' | b'1'),
        _ => return None,
    };
    let end = grouped_digits_end(text, start + 2, digit);
    (end > start + 2).then_some(end)
}

/// End of a decimal number, with single underscores between digits if `grouped`.
fn decimal_end(text: &[u8], start: usize, grouped: bool) -> usize {
    let digits = |from| decimal_digits_end(text, from, grouped);
    let mut end = digits(start);
    // "1..10" is a range of integers: the dots are not part of the number.
    if byte(text, end) == Some(b'.') && byte(text, end + 1) != Some(b'.') {
        end = digits(end + 1);
    }
    if matches!(byte(text, end), Some(b'e' | b'E')) {
        let sign = matches!(byte(text, end + 1), Some(b'+' | b'-'));
        let exponent = end + 1 + usize::from(sign);
        let exponent_end = digits(exponent);
        if exponent_end > exponent {
            return exponent_end;
        }
    }
    end
}

fn decimal_digits_end(text: &[u8], start: usize, grouped: bool) -> usize {
    match byte(text, start) {
        Some(b'0'..=b'9') if grouped => grouped_digits_end(text, start, |b| b.is_ascii_digit()),
        _ => skip_while(text, start, |b| b.is_ascii_digit()),
    }
}

/// End of digits that each may have one underscore before them.
fn grouped_digits_end(text: &[u8], mut position: usize, digit: impl Fn(u8) -> bool) -> usize {
    loop {
        let underscore = usize::from(byte(text, position) == Some(b'_'));
        if !byte(text, position + underscore).is_some_and(&digit) {
            return position;
        }
        position += underscore + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::TokenKind::*;
    use super::*;

    fn lex(text: &str) -> Vec<(TokenKind, &str)> {
        lex_with(text, true)
    }

    fn lex_with(text: &str, standard: bool) -> Vec<(TokenKind, &str)> {
        Lexer::new(text.as_bytes(), standard)
            .map(|t| (t.kind, &text[t.start..t.end]))
            .collect()
    }

    fn pieces(text: &str) -> Vec<&str> {
        lex(text).into_iter().map(|(_, s)| s).collect()
    }

    #[test]
    fn words_may_hold_dollars_digits_and_high_bytes() {
        assert_eq!(
            lex("a$b$ _x1 größe $1 a$1"),
            [
                (Word, "a$b$"),
                (Word, "_x1"),
                (Word, "größe"),
                (Param, "$1"),
                (Word, "a$1")
            ]
        );
        let latin = Lexer::new(b"\xe4\xff$x '\xa4'", true).collect::<Vec<_>>();
        assert_eq!(latin.len(), 2);
        assert_eq!((latin[0].start, latin[0].end), (0, 4));
    }

    #[test]
    fn white_space_and_comments_are_skipped() {
        assert_eq!(
            pieces("\u{b}\u{c}a--x\rb--y\nc/*1/*2*/3*/d/**/e/***/f/*/*/**/*/ */g"),
            ["a", "b", "c", "d", "e", "f", "g"]
        );
        assert!(pieces("/* not closed /* */ ").is_empty());
        assert!(pieces("-- to the end").is_empty());
        assert_eq!(pieces("a/*/b*/c"), ["a", "c"]);
        assert_eq!(pieces("/* // /* */ */ x"), ["x"]);
    }

    #[test]
    fn quoted_identifiers() {
        assert_eq!(
            lex(r#""a""b" U&"d\0061"x u&"q" "open"#),
            [
                (QuotedIdentifier, r#""a""b""#),
                (QuotedIdentifier, r#"U&"d\0061""#),
                (Word, "x"),
                (QuotedIdentifier, r#"u&"q""#),
                (QuotedIdentifier, "\"open")
            ]
        );
    }

    #[test]
    fn constants_of_every_sort() {
        for text in [
            "'a''b'",
            "''",
            "''''",
            r"'a\'",
            r"E'a\'b'",
            r"e'\\'",
            r"E'\''''",
            "N'n'",
            "n'n'",
            "B'01'",
            "x'1F'",
            r"U&'\0061\'",
            "$$a$b$$",
            "$q$ $$ $r$ $q$",
            "$ä_1$ '\" $ä_1$",
            "'a'\n'b'",
            "'a' -- c\n -- d\r\n\t'b'\n'c'",
            "E'a'\n'\\'b'",
        ] {
            assert_eq!(lex(text), [(Literal, text)], "{text}");
        }
    }

    #[test]
    fn constants_that_end_earlier() {
        assert_eq!(pieces("'a' 'b'"), ["'a'", "'b'"]);
        assert_eq!(pieces("'a' /*\n*/ 'b'"), ["'a'", "'b'"]);
        assert_eq!(pieces("'a'\n/**/'b'"), ["'a'", "'b'"]);
        assert_eq!(pieces("'a'\n - 'b'"), ["'a'", "-", "'b'"]);
        assert_eq!(pieces("'a'\n e'b'"), ["'a'", "e'b'"]);
        assert_eq!(pieces("b'0''1'"), ["b'0'", "'1'"]);
        assert_eq!(pieces("$$a$$\n'b'"), ["$$a$$", "'b'"]);
        assert_eq!(pieces("$a$b$c$a$$d$"), ["$a$b$c$a$", "$d$"]);
        assert_eq!(pieces("name'x'"), ["name", "'x'"]);
    }

    #[test]
    fn backslashes_follow_standard_conforming_strings() {
        assert_eq!(pieces(r"'\' x '"), [r"'\'", "x", "'"]);
        assert_eq!(lex_with(r"'\' x '", false), [(Literal, r"'\' x '")]);
        assert_eq!(lex_with(r"n'\' x '", false), [(Literal, r"n'\' x '")]);
        assert_eq!(
            lex_with(r"$$\$$ U&'\'", false),
            [(Literal, r"$$\$$"), (Literal, r"U&'\'")]
        );
    }

    #[test]
    fn dollar_quote_only_where_no_identifier_goes_on() {
        assert_eq!(pieces("a$$b$$"), ["a$$b$$"]);
        assert_eq!(pieces("1$$b$$"), ["1", "$$b$$"]);
        assert_eq!(pieces(")$$b$$"), [")", "$$b$$"]);
        assert_eq!(pieces("$a b$"), ["$", "a", "b$"]);
        assert_eq!(pieces("$1$$x$$"), ["$1", "$$x$$"]);
        assert_eq!(pieces("$ $"), ["$", "$"]);
        assert_eq!(pieces("\"a\"$$b$$"), ["\"a\"", "$$b$$"]);
        assert_eq!(pieces("$a$ open"), ["$a$ open"]);
    }

    #[test]
    fn numbers() {
        for text in [
            "1",
            "1.5",
            "1.",
            ".5",
            "1e5",
            "1.e-5",
            ".5E+3",
            "0x1F",
            "0b01",
            "0o17",
            "1_000",
            "1_0.2_5e1_0",
            "0x_ff",
        ] {
            assert_eq!(lex(text), [(Number, text)], "{text}");
        }
        assert_eq!(pieces("1..10"), ["1", "..", "10"]);
        assert_eq!(pieces("1...5"), ["1", "..", ".5"]);
        assert_eq!(pieces("1e"), ["1", "e"]);
        assert_eq!(pieces("1e+x"), ["1", "e", "+", "x"]);
        assert_eq!(pieces("1e'x'"), ["1", "e'x'"]);
        assert_eq!(pieces("0x'1F'"), ["0", "x'1F'"]);
        assert_eq!(pieces("1_000$$x$$"), ["1", "_000$$x$$"]);
        assert_eq!(pieces("12abc"), ["12", "abc"]);
        assert_eq!(pieces("1__0"), ["1", "__0"]);
        assert_eq!(pieces("1.5.5"), ["1.5", ".5"]);
        assert_eq!(pieces("-1"), ["-", "1"]);
    }

    #[test]
    fn operators_are_cut_as_in_the_scanner() {
        assert_eq!(pieces("a<=b"), ["a", "<=", "b"]);
        assert_eq!(pieces("a=-1"), ["a", "=", "-", "1"]);
        assert_eq!(pieces("a@-1"), ["a", "@-", "1"]);
        assert_eq!(pieces("a=+-+1"), ["a", "=", "+", "-", "+", "1"]);
        assert_eq!(pieces("+/*c*/1"), ["+", "1"]);
        assert_eq!(pieces("*--c\n1"), ["*", "1"]);
        assert_eq!(pieces("=+--c"), ["=", "+"]);
        assert_eq!(pieces("|/*c*//*d*/|/ 2"), ["|", "|/", "2"]);
        assert_eq!(
            pieces("a::b:=c.d[1:2]"),
            ["a", "::", "b", ":=", "c", ".", "d", "[", "1", ":", "2", "]"]
        );
        assert_eq!(pieces("(*),;"), ["(", "*", ")", ",", ";"]);
        assert_eq!(pieces("u&&v U& x"), ["u", "&&", "v", "U", "&", "x"]);
        assert_eq!(pieces("{\\}\u{1}"), ["{", "\\", "}", "\u{1}"]);
    }

    #[test]
    fn words_compare_without_case_and_quoted_ones_never() {
        let text = b"Drop \"drop\" dropped";
        let words: Vec<bool> = Lexer::new(text, true)
            .map(|t| t.is_word(text, "drop"))
            .collect();
        assert_eq!(words, [true, false, false]);
    }

    #[test]
    fn escape_clause_joins_its_token() {
        let text = "U&'a!0061' /* c */ UESCAPE '!' , U&\"b\" uescape'?'c U&'d' e uescape 'x'";
        let found: Vec<&str> = ParserTokens::new(text.as_bytes(), true)
            .map(|t| &text[t.start..t.end])
            .collect();
        assert_eq!(
            found,
            [
                "U&'a!0061' /* c */ UESCAPE '!'",
                ",",
                "U&\"b\" uescape'?'",
                "c",
                "U&'d'",
                "e",
                "uescape",
                "'x'"
            ]
        );
    }

    #[test]
    fn linear_on_input_made_to_be_slow() {
        for piece in [
            "+", "=+", "$a", "'a'\n", "''", "/*", "*/", "1_", "$a$b", "-+", "U&'a' ",
        ] {
            let text = piece.repeat(200_000);
            assert!(Lexer::new(text.as_bytes(), true).count() > 0 || piece == "/*");
            assert!(ParserTokens::new(text.as_bytes(), false).count() > 0 || piece == "/*");
        }
    }
}
