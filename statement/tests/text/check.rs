//! What holds for any bytes, whether they are SQL or not. `any_bytes` and the fuzz target (`fuzz/`) feed it.
//!
//! What it relies on: nothing. Where the functions of the library rely on text that PostgreSQL has read, only text is
//! asked about that its scanner would read ([`is_readable`]); that the grammar would refuse most of it does not matter
//! for what is asked.

use statement::{
    Change, Lexer, ListPart, ListPlace, OptionRule, Token, TokenKind, body_of_function,
    create_index_if_not_exists, drop_index_if_exists, explained, leave_out_passwords, lone_tokens,
    name_index, qualify, redact_connection, redact_options, remove_list_items,
    replace_computed_bound, replace_from_current, replace_likes, replace_parts, restart_behind,
    statement_extent,
};

/// A word that is nowhere in what is fed.
const OTHER: &str = "other_42";

/// The tokens of a text, as they are written.
pub fn pieces(text: &[u8], conforming: bool) -> Vec<&[u8]> {
    let tokens = Lexer::new(text, conforming);
    tokens.map(|token| token.bytes(text)).collect()
}

/// Says what was looked at when something does not hold.
struct Shown<'a>(&'a [u8], bool);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Shown(text, conforming) = self;
            eprintln!("in b\"{}\", {conforming}", text.escape_ascii());
        }
    }
}

/// Panics where something does not hold.
pub fn check(text: &[u8], conforming: bool) {
    let _shown = Shown(text, conforming);
    let tokens: Vec<Token> = Lexer::new(text, conforming).collect();
    check_tokens(text, conforming, &tokens);
    let one = One {
        text,
        conforming,
        tokens: &tokens,
        pieces: pieces(text, conforming),
        readable: is_readable(text, conforming, &tokens),
    };
    one.trimmed();
    one.lists();
    one.clauses();
    one.indexes();
    one.names();
    one.secrets();
    if let Ok(text) = std::str::from_utf8(text)
        && let Some(changed) = create_index_if_not_exists(text)
    {
        assert_eq!(changed.replacen("INDEX IF NOT EXISTS ", "INDEX ", 1), text);
    }
}

/// Whether nothing is left open at the end, and no constant follows another, which no SQL has and which might continue
/// the one before.
fn is_readable(text: &[u8], conforming: bool, tokens: &[Token]) -> bool {
    let more = [text, b"\n;x"].concat();
    let closed = pieces(&more, conforming);
    closed.len() == tokens.len() + 2
        && closed.ends_with(&[b";", b"x"])
        && !tokens
            .windows(2)
            .any(|two| two.iter().all(|token| token.kind == TokenKind::Literal))
}

fn check_tokens(text: &[u8], conforming: bool, tokens: &[Token]) {
    let mut behind = 0;
    for (number, token) in tokens.iter().enumerate() {
        assert!(behind <= token.start && token.start < token.end && token.end <= text.len());
        let between = &text[behind..token.start];
        assert_eq!(
            Lexer::new(between, conforming).count(),
            0,
            "no token is passed over"
        );
        assert!(number == 0 || !between.is_empty() || are_apart(text, conforming, *token));
        behind = token.end;
    }
    assert_eq!(Lexer::new(&text[behind..], conforming).count(), 0);
    // what a token is depends on nothing before it
    for token in tokens.iter().take(40) {
        let mut again = Lexer::new(&text[token.start..], conforming);
        let again = again.next().map(|t| (t.kind, t.end + token.start));
        assert_eq!(again, Some((token.kind, token.end)));
    }
}

/// Whether the token begins where the one that touches it ends, whatever follows: it is the same alone.
fn are_apart(text: &[u8], conforming: bool, token: Token) -> bool {
    pieces(token.bytes(text), conforming) == [token.bytes(text)]
}

struct One<'a> {
    text: &'a [u8],
    conforming: bool,
    tokens: &'a [Token],
    pieces: Vec<&'a [u8]>,
    readable: bool,
}

impl One<'_> {
    fn trimmed(&self) {
        let (text, conforming) = (self.text, self.conforming);
        let extent = statement_extent(text, conforming);
        assert!(extent.start <= extent.end && extent.end <= text.len());
        if self.readable {
            let last = self.tokens.iter().rfind(|t| !t.is_symbol(text, b';'));
            match last {
                Some(last) => assert_eq!(extent, self.tokens[0].start..last.end),
                None => assert!(extent.is_empty()),
            }
            let statement = &text[extent];
            assert_eq!(statement_extent(statement, conforming), 0..statement.len());
        }
        if let Some(statement) = explained(text, conforming) {
            let start = text.len() - statement.len();
            assert_eq!(&text[start..], statement);
            assert!(self.begins(start));
        }
        for from in [0, text.len() / 2, text.len()] {
            if let Some(body) = body_of_function(text, from, conforming) {
                assert!(body >= from && self.begins(body));
            }
        }
    }

    fn begins(&self, start: usize) -> bool {
        self.tokens.iter().any(|token| token.start == start)
    }

    fn lists(&self) {
        let (text, conforming) = (self.text, self.conforming);
        for place in [ListPlace::Drop, ListPlace::Grant] {
            for total in 1..4usize {
                let all = remove_list_items(text, conforming, place, total, &[]);
                assert!(all.as_deref().is_none_or(|all| all == text));
                for removed in 1..(1u32 << total) {
                    let removed: Vec<usize> =
                        (0..total).filter(|n| removed & (1 << n) != 0).collect();
                    let less = remove_list_items(text, conforming, place, total, &removed);
                    assert_eq!(less.is_some(), all.is_some() && removed.len() < total);
                    less.inspect(|less| self.is_without_some(less));
                }
            }
        }
        for total in 1..4usize {
            let with = |number: usize, part: ListPart, more: &[Vec<u8>]| {
                let mut parts = vec![ListPart::Kept; total];
                parts[number] = part;
                replace_parts(text, conforming, &parts, more.to_vec())
            };
            let Some(all) = with(0, ListPart::Kept, &[]) else {
                continue;
            };
            assert_eq!(all, text);
            for number in 0..total {
                let less = with(number, ListPart::LeftOut, &[]);
                assert_eq!(less.is_some(), total > 1);
                less.inspect(|less| self.is_without_some(less));
                let other = || ListPart::Instead(OTHER.into());
                let other = with(number, other(), &[OTHER.into(), OTHER.into()]);
                self.is_with_others(&other.unwrap(), 3, 2);
            }
        }
    }

    /// The same tokens, but for some that are gone.
    fn is_without_some(&self, less: &[u8]) {
        let found = pieces(less, self.conforming);
        if self.readable {
            assert!(
                found.len() < self.pieces.len() && is_in_order(&found, &self.pieces),
                "{:?}",
                less.escape_ascii().to_string()
            );
        }
    }

    /// The same tokens, but for some that are gone, some [`OTHER`], and commas before these.
    fn is_with_others(&self, changed: &[u8], others: usize, commas: usize) {
        let mut found = pieces(changed, self.conforming);
        if self.readable {
            let before = found.len();
            found.retain(|piece| *piece != OTHER.as_bytes());
            assert_eq!(before - found.len(), others);
            for _ in 0..commas {
                let comma = found.iter().rposition(|piece| *piece == b",");
                found.remove(comma.unwrap());
            }
            assert!(is_in_order(&found, &self.pieces));
        }
    }

    /// The same tokens with `inserted` in place of `removed` of them.
    fn is_spliced(&self, changed: &[u8], removed: usize, inserted: &[&[u8]]) {
        let found = pieces(changed, self.conforming);
        if self.readable {
            let before = &self.pieces;
            let same = (found.iter().zip(before)).take_while(|(a, b)| a == b);
            // a token that is inserted may be equal to the one that was there
            let found_it = (0..=same.count()).rev().any(|at| {
                found.get(at..at + inserted.len()) == Some(inserted)
                    && before.get(at + removed..) == found.get(at + inserted.len()..)
            });
            assert!(found_it, "{:?}", changed.escape_ascii().to_string());
        }
    }

    fn clauses(&self) {
        let (text, conforming) = (self.text, self.conforming);
        let bound = || Some("FOR VALUES IN (1)".to_owned());
        if let Some(bounded) = replace_computed_bound(text, conforming, bound) {
            assert_eq!(
                replace_computed_bound(&bounded, conforming, || unreachable!()),
                None
            );
        }
        for total in 0..3usize {
            let none = replace_likes(text, conforming, total, &[]);
            if none.is_none() {
                continue;
            }
            assert_eq!(none.as_deref(), Some(text));
            let with = |instead: &str| {
                let all: Vec<_> = (0..total).map(|n| (n, instead.to_owned())).collect();
                replace_likes(text, conforming, total, &all).unwrap()
            };
            self.is_with_others(&with(OTHER), total, 0);
            if total > 0 {
                self.is_without_some(&with(""));
            }
        }
        for (number, token) in self.tokens.iter().enumerate().take(60) {
            let constant_follows = |behind: usize| {
                let next = self.tokens.get(number + behind);
                next.is_some_and(|next| next.kind == TokenKind::Literal)
            };
            for value in [7, -7] {
                let restart = restart_behind(text, conforming, &[(token.start, value)]);
                restart.inspect(|restart| match value {
                    7 => self.is_spliced(restart, 0, &[b"RESTART", b"WITH", b"7"]),
                    _ => self.is_spliced(restart, 0, &[b"RESTART", b"WITH", b"-", b"7"]),
                });
            }
            if !token.is_word(text, "set") {
                continue;
            }
            let with = |value: Option<&[u8]>| {
                replace_from_current(
                    text,
                    conforming,
                    &[(token.start, value.map(<[u8]>::to_vec))],
                )
            };
            let from = self.tokens.iter().skip(number);
            let from = from.take_while(|t| !t.is_word(text, "from")).count();
            if let Some(set) = with(Some(b"'v'"))
                && !constant_follows(from + 2)
            {
                self.is_spliced(&set, 2, &[b"TO", b"'v'"]);
                let reset = with(None).unwrap();
                let mut found = pieces(&reset, conforming);
                if self.readable {
                    let at = found.iter().zip(&self.pieces).position(|(a, b)| a != b);
                    if let Some(word) = at.and_then(|at| found.get_mut(at)) {
                        *word = b"SET";
                    }
                    let mut expected = self.pieces.clone();
                    expected.drain(number + from..number + from + 2);
                    let same = found.iter().zip(&expected);
                    assert!(found.len() == expected.len());
                    assert!(same.into_iter().all(|(a, b)| a.eq_ignore_ascii_case(b)));
                }
            }
        }
    }

    /// Schemas come in front of the names that have none, and nothing else is another token.
    fn names(&self) {
        let lone = lone_tokens(self.text, self.conforming).map(|lone| lone.token);
        let names: Vec<Token> = lone.filter(Token::is_name).collect();
        assert_eq!(qualify(self.text, Vec::new()), self.text);
        if !self.readable {
            return;
        }
        let changes = names
            .iter()
            .map(|name| (*name, Change::Schema(OTHER.into())));
        let changed = qualify(self.text, changes.collect());
        let mut expected = Vec::new();
        for (token, piece) in self.tokens.iter().zip(&self.pieces) {
            if names.iter().any(|name| name.start == token.start) {
                expected.extend([OTHER.as_bytes(), b"."]);
            }
            expected.push(piece);
        }
        assert_eq!(pieces(&changed, self.conforming), expected);
    }

    fn indexes(&self) {
        let (text, conforming) = (self.text, self.conforming);
        if let Some(changed) = drop_index_if_exists(text, conforming) {
            self.is_spliced(&changed, 0, &[b"IF", b"EXISTS"]);
            assert_eq!(drop_index_if_exists(&changed, conforming), None);
        }
        if let Some(named) = name_index(text, conforming, OTHER.as_bytes()) {
            self.is_spliced(&named, 0, &[OTHER.as_bytes()]);
            assert_eq!(name_index(&named, conforming, OTHER.as_bytes()), None);
        }
    }

    fn secrets(&self) {
        let (text, conforming) = (self.text, self.conforming);
        if let Some((less, _)) = leave_out_passwords(text, conforming) {
            self.is_without_some(&less);
        }
        type Redact = fn(&[u8], bool) -> Option<(Vec<u8>, usize)>;
        let redactions: [Redact; 3] = [
            redact_connection,
            |text, conforming| redact_options(text, conforming, OptionRule::UserMapping),
            |text, conforming| redact_options(text, conforming, OptionRule::Secretish),
        ];
        for redact in redactions {
            if let Some((redacted, hidden)) = redact(text, conforming)
                && self.readable
            {
                self.is_redacted(&redacted, hidden);
                let again = redact(&redacted, conforming);
                assert!(again.is_none_or(|(again, _)| again == redacted));
            }
        }
    }

    /// The same tokens, but for constants, some of them with UESCAPE, that have been hidden.
    fn is_redacted(&self, redacted: &[u8], hidden: usize) {
        let mut before = self.tokens;
        let mut changes = 0;
        for piece in pieces(redacted, self.conforming) {
            let (token, rest) = before.split_first().unwrap();
            before = rest;
            if token.bytes(self.text) != piece {
                let was = (token.kind, piece);
                assert_eq!(was, (TokenKind::Literal, &b"'********'"[..]));
                if token.has_unicode_escapes(self.text)
                    && let [word, character, rest @ ..] = rest
                    && word.is_word(self.text, "uescape")
                    && character.kind == TokenKind::Literal
                {
                    before = rest;
                }
            }
            changes += usize::from(piece == b"'********'");
        }
        assert!(before.is_empty() && hidden <= changes);
    }
}

/// Whether `some` is what is left of `all` without some of it.
fn is_in_order(some: &[&[u8]], all: &[&[u8]]) -> bool {
    let mut all = all.iter();
    some.iter().all(|piece| all.any(|other| other == piece))
}
