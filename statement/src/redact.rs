//! Hides secrets that stand in a statement as string constants.
//!
//! What it does: replaces the constants of secret options in `OPTIONS (...)` lists (user mappings,
//! servers, foreign-data wrappers, foreign tables and their columns, `IMPORT FOREIGN SCHEMA`), and
//! the constant behind `CONNECTION` (subscriptions), by [`PLACEHOLDER`]; leaves out the passwords of
//! roles. The rest of the text stays as it is.
//!
//! What it relies on: PostgreSQL has accepted the statement, and the caller uses these functions
//! on the kinds of statement they are for. A function that is called `options` with an argument
//! like `password 'x'` would be taken for an option list, in a view for example.
//!
//! What it does not promise: to find a secret anywhere else. Comments stay, whatever they say. A
//! constant's value is looked at as it is written: `E'pass\x77ord=x'`, or a value cut in two by
//! continuing the constant on another line, escapes the rules that go by the value.

use super::lexer::{ParserTokens, Token, TokenKind, is_space};

/// What stands in the place of a hidden constant.
pub const PLACEHOLDER: &[u8] = b"'********'";

/// Which options are secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionRule {
    /// Of a user mapping: every option except `user` and `username`, because a wrapper may call
    /// its secrets whatever it likes.
    UserMapping,
    /// Of anything else: options that are called like a secret (`SECRET_NAME_PARTS`), or whose
    /// value is a connection string with a password in it.
    Secretish,
}

/// An option is secret if its name has one of these in it, without regard to case and to `_`, `-`
/// and white space. Names of files with a secret in them (`sslkey`, `sslcert`) are not secrets.
const SECRET_NAME_PARTS: &[&[u8]] = &[
    b"pass",
    b"pwd",
    b"secret",
    b"token",
    b"credential",
    b"apikey",
    b"accesskey",
    b"accountkey",
    b"authkey",
    b"authorization",
    b"encryptionkey",
    b"masterkey",
    b"privatekey",
    b"sharedkey",
    b"signingkey",
];

/// Hides the values of secret options in all `OPTIONS (...)` lists of the statement. Returns the
/// new text and the number of constants replaced, or `None` if there is nothing to hide.
pub fn redact_options(
    text: &[u8],
    standard_conforming_strings: bool,
    rule: OptionRule,
) -> Option<(Vec<u8>, usize)> {
    let mut list = OptionList::new(text);
    let mut redacted = Redacted::new(text);
    for token in ParserTokens::new(text, standard_conforming_strings) {
        if let Some(name) = list.name_of_value(token)
            && rule.is_secret(text, name, token)
        {
            redacted.hide(token);
        }
    }
    redacted.finish()
}

/// Leaves out the password of `CREATE ROLE` and `ALTER ROLE` (`USER`, `GROUP`), with its keywords and
/// what separates them from the token before: a placeholder would become a password that everybody
/// knows. Returns the new text and the number of passwords, or `None` if there is none. `PASSWORD
/// NULL` stays.
pub fn leave_out_passwords(
    text: &[u8],
    standard_conforming_strings: bool,
) -> Option<(Vec<u8>, usize)> {
    let mut options = RoleOptions::new(text);
    let mut redacted = Redacted::new(text);
    for token in ParserTokens::new(text, standard_conforming_strings) {
        if let Some(start) = options.start_of_password_clause(token) {
            redacted.leave_out(start, token.end);
        }
    }
    redacted.finish()
}

/// Hides the constant behind the keyword `CONNECTION` of `CREATE SUBSCRIPTION` and
/// `ALTER SUBSCRIPTION`. Returns the new text and the number of constants replaced, or `None` if
/// there is nothing to hide.
pub fn redact_connection(
    text: &[u8],
    standard_conforming_strings: bool,
) -> Option<(Vec<u8>, usize)> {
    let mut redacted = Redacted::new(text);
    let mut behind_keyword = false;
    for token in ParserTokens::new(text, standard_conforming_strings) {
        if behind_keyword && token.kind == TokenKind::Literal {
            redacted.hide(token);
        }
        behind_keyword = token.is_word(text, "connection");
    }
    redacted.finish()
}

impl OptionRule {
    fn is_secret(self, text: &[u8], name: Token, value: Token) -> bool {
        // A name with Unicode escapes would have to be converted to the server encoding before
        // it could be compared; taking it for a secret is the safe side.
        let Some(name) = plain_name(text, name) else {
            return true;
        };
        match self {
            // A boolean of postgres_fdw: a placeholder would not be valid there.
            _ if name == b"password_required" => false,
            OptionRule::UserMapping => !matches!(name.as_slice(), b"user" | b"username"),
            OptionRule::Secretish => {
                is_secret_name(&name) || has_password(&value.bytes(text).to_ascii_lowercase())
            }
        }
    }
}

/// The name without quotes and in lower case; `None` if it is written with Unicode escapes. A
/// doubled quote inside stays doubled, which makes no difference to the rules.
fn plain_name(text: &[u8], name: Token) -> Option<Vec<u8>> {
    if name.has_unicode_escapes(text) {
        return None;
    }
    let mut bytes = name.bytes(text);
    if name.kind == TokenKind::QuotedIdentifier {
        bytes = bytes.strip_prefix(b"\"").unwrap_or(bytes);
        bytes = bytes.strip_suffix(b"\"").unwrap_or(bytes);
    }
    Some(bytes.to_ascii_lowercase())
}

fn is_secret_name(name: &[u8]) -> bool {
    let joined: Vec<u8> = name
        .iter()
        .copied()
        .filter(|b| !matches!(b, b'_' | b'-') && !b.is_ascii_whitespace())
        .collect();
    SECRET_NAME_PARTS
        .iter()
        .any(|part| find(&joined, part).is_some())
}

/// Whether a value in lower case is a connection string with a password: `password = ..`,
/// `pwd = ..` or `scheme://user:password@host`.
fn has_password(value: &[u8]) -> bool {
    has_assignment(value, b"password") || has_assignment(value, b"pwd") || has_uri_password(value)
}

fn has_assignment(value: &[u8], key: &[u8]) -> bool {
    behind_each(value, key).any(|rest| {
        let next = rest.iter().find(|b| !b.is_ascii_whitespace());
        next == Some(&b'=')
    })
}

/// Looks at what is before the first slash behind `://`, as libpq does.
fn has_uri_password(value: &[u8]) -> bool {
    behind_each(value, b"://").any(|rest| {
        let authority = rest.split(|b| matches!(b, b'/' | b' ')).next();
        let user = authority.and_then(|a| a.iter().rposition(|b| *b == b'@').map(|at| &a[..at]));
        let colon = user.and_then(|u| u.iter().position(|b| *b == b':').map(|at| u.len() - at));
        colon.is_some_and(|length| length > 1)
    })
}

/// What comes behind every occurrence of `needle`.
fn behind_each<'a>(text: &'a [u8], needle: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let at = find(rest, needle)?;
        rest = rest.get(at + needle.len()..)?;
        Some(rest)
    })
}

fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    text.windows(needle.len()).position(|part| part == needle)
}

/// The text with constants replaced, as far as it has been looked at.
struct Redacted<'a> {
    text: &'a [u8],
    output: Vec<u8>,
    copied: usize,
    hidden: usize,
}

impl<'a> Redacted<'a> {
    fn new(text: &'a [u8]) -> Self {
        Redacted {
            text,
            output: Vec::new(),
            copied: 0,
            hidden: 0,
        }
    }

    fn hide(&mut self, constant: Token) {
        let before = self.text.get(self.copied..constant.start);
        self.output.extend_from_slice(before.unwrap_or_default());
        self.output.extend_from_slice(PLACEHOLDER);
        self.copied = constant.end;
        self.hidden += 1;
    }

    fn leave_out(&mut self, start: usize, end: usize) {
        let before = self.text.get(self.copied..start);
        self.output.extend_from_slice(before.unwrap_or_default());
        let next = self.text.get(end);
        if next.is_some_and(|b| !is_space(*b) && *b != b';') {
            self.output.push(b' ');
        }
        self.copied = end;
        self.hidden += 1;
    }

    fn finish(mut self) -> Option<(Vec<u8>, usize)> {
        if self.hidden == 0 {
            return None;
        }
        let rest = self.text.get(self.copied..).unwrap_or_default();
        self.output.extend_from_slice(rest);
        Some((self.output, self.hidden))
    }
}

/// Follows the options of `CREATE ROLE` and `ALTER ROLE`. No keyword among them is reserved but
/// `USER`: `ENCRYPTED` may be the name of the role, or of one in a list, and so may `PASSWORD`.
struct RoleOptions<'a> {
    text: &'a [u8],
    /// The next token is a name, whatever it looks like.
    name_follows: bool,
    /// The last token was the keyword `PASSWORD`.
    behind_keyword: bool,
    /// End of the last token that is no part of a password clause.
    end: usize,
}

impl<'a> RoleOptions<'a> {
    fn new(text: &'a [u8]) -> Self {
        RoleOptions {
            text,
            name_follows: false,
            behind_keyword: false,
            end: 0,
        }
    }

    /// Takes the next token; if it is a password, returns where its clause starts, with the separator
    /// before it.
    fn start_of_password_clause(&mut self, token: Token) -> Option<usize> {
        let is = |word| token.is_word(self.text, word);
        if self.behind_keyword && token.kind == TokenKind::Literal {
            self.behind_keyword = false;
            return Some(std::mem::replace(&mut self.end, token.end));
        }
        self.behind_keyword = !self.name_follows && is("password");
        if self.behind_keyword || !self.name_follows && (is("encrypted") || is("unencrypted")) {
            return None;
        }
        self.name_follows = !self.name_follows
            && (["role", "user", "group", "admin"].into_iter().any(is)
                || token.is_symbol(self.text, b','));
        self.end = token.end;
        None
    }
}

/// Follows the tokens of a statement and knows where in an option list they stand. `OPTIONS` is
/// no reserved word, so what looks like a list may turn out to be the columns of a table called
/// `options`; whatever does not fit the grammar of option lists ends the list.
struct OptionList<'a> {
    text: &'a [u8],
    place: Place,
    /// The last token was the keyword `OPTIONS`.
    behind_keyword: bool,
    /// The last token was a dot, so that a word behind it is no keyword.
    behind_dot: bool,
}

#[derive(Clone, Copy)]
enum Place {
    Outside,
    ElementStart,
    /// Behind a name that may turn out to be `ADD`, `SET` or `DROP`.
    FirstName(Token),
    /// Behind the name that follows `ADD`, `SET` or `DROP`.
    SecondName(Token),
    ElementEnd,
}

impl<'a> OptionList<'a> {
    fn new(text: &'a [u8]) -> Self {
        OptionList {
            text,
            place: Place::Outside,
            behind_keyword: false,
            behind_dot: false,
        }
    }

    /// Takes the next token; if it is the value of an option, returns the option's name.
    fn name_of_value(&mut self, token: Token) -> Option<Token> {
        let name = match self.place {
            Place::FirstName(name) | Place::SecondName(name)
                if token.kind == TokenKind::Literal =>
            {
                Some(name)
            }
            _ => None,
        };
        self.place = self.next_place(token);
        self.behind_keyword = !self.behind_dot && token.is_word(self.text, "options");
        self.behind_dot = token.is_symbol(self.text, b'.');
        name
    }

    fn next_place(&self, token: Token) -> Place {
        if self.behind_keyword && token.is_symbol(self.text, b'(') {
            return Place::ElementStart;
        }
        match self.place {
            Place::ElementStart if token.is_name() => Place::FirstName(token),
            Place::FirstName(_) | Place::SecondName(_) if token.kind == TokenKind::Literal => {
                Place::ElementEnd
            }
            Place::FirstName(action) if token.is_name() && self.is_action(action) => {
                Place::SecondName(token)
            }
            Place::FirstName(_) | Place::SecondName(_) | Place::ElementEnd
                if token.is_symbol(self.text, b',') =>
            {
                Place::ElementStart
            }
            _ => Place::Outside,
        }
    }

    fn is_action(&self, token: Token) -> bool {
        ["add", "set", "drop"]
            .iter()
            .any(|action| token.is_word(self.text, action))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str, rule: OptionRule) -> Option<(String, usize)> {
        redact_options(text.as_bytes(), true, rule)
            .map(|(bytes, n)| (String::from_utf8(bytes).unwrap(), n))
    }

    #[track_caller]
    fn mapping(text: &str, expected: &str, hidden: usize) {
        let found = options(text, OptionRule::UserMapping);
        assert_eq!(found, Some((expected.to_owned(), hidden)), "{text}");
    }

    #[track_caller]
    fn secretish(text: &str, expected: &str, hidden: usize) {
        let found = options(text, OptionRule::Secretish);
        assert_eq!(found, Some((expected.to_owned(), hidden)), "{text}");
    }

    #[test]
    fn user_mapping_keeps_the_user_only() {
        mapping(
            "CREATE USER MAPPING FOR bob SERVER s OPTIONS (user 'bob', password 'it''s', x E'\\'')",
            "CREATE USER MAPPING FOR bob SERVER s OPTIONS (user 'bob', password '********', x '********')",
            2,
        );
        mapping(
            "create user mapping for bob server s options(\"User\" 'b',USERNAME 'b',\"pass word\"$$x'$$)",
            "create user mapping for bob server s options(\"User\" 'b',USERNAME 'b',\"pass word\"'********')",
            1,
        );
        mapping(
            "ALTER USER MAPPING FOR b SERVER s OPTIONS (ADD a '1', SET user '2', DROP c, SET d '3', e '4')",
            "ALTER USER MAPPING FOR b SERVER s OPTIONS (ADD a '********', SET user '2', DROP c, SET d '********', e '********')",
            3,
        );
        assert_eq!(
            options(
                "CREATE USER MAPPING FOR bob SERVER s OPTIONS (user 'bob')",
                OptionRule::UserMapping
            ),
            None
        );
        assert_eq!(
            options(
                "DROP USER MAPPING FOR bob SERVER s",
                OptionRule::UserMapping
            ),
            None
        );
    }

    #[test]
    fn passwords_of_roles_go_with_their_keywords() {
        for (text, expected, n) in [
            (
                "CREATE ROLE r LOGIN PASSWORD 's' CREATEDB",
                "CREATE ROLE r LOGIN CREATEDB",
                1,
            ),
            (
                "create user \"R\" with encrypted password E's\\'x'",
                "create user \"R\" with",
                1,
            ),
            (
                "ALTER ROLE r PASSWORD'a'\n -- c\n 'b'NOLOGIN",
                "ALTER ROLE r NOLOGIN",
                1,
            ),
            (
                "ALTER ROLE r /* c */ PASSWORD /* d */ $x$s$x$ /* e */;",
                "ALTER ROLE r /* e */;",
                1,
            ),
            (
                "ALTER USER r PASSWORD U&'s!0061' UESCAPE '!' VALID UNTIL 'x'",
                "ALTER USER r VALID UNTIL 'x'",
                1,
            ),
            (
                "CREATE ROLE encrypted ENCRYPTED PASSWORD 's'",
                "CREATE ROLE encrypted",
                1,
            ),
            (
                "CREATE ROLE encrypted PASSWORD 's'",
                "CREATE ROLE encrypted",
                1,
            ),
            (
                "CREATE ROLE password PASSWORD 's'",
                "CREATE ROLE password",
                1,
            ),
            (
                "CREATE ROLE role IN ROLE a, encrypted PASSWORD 's' ROLE password, admin ADMIN b",
                "CREATE ROLE role IN ROLE a, encrypted ROLE password, admin ADMIN b",
                1,
            ),
            (
                "CREATE ROLE r IN GROUP role ENCRYPTED PASSWORD 's'",
                "CREATE ROLE r IN GROUP role",
                1,
            ),
            (
                "CREATE ROLE r SYSID 1 PASSWORD 's' CONNECTION LIMIT -1",
                "CREATE ROLE r SYSID 1 CONNECTION LIMIT -1",
                1,
            ),
        ] {
            let found = leave_out_passwords(text.as_bytes(), true);
            let found = found.map(|(bytes, n)| (String::from_utf8(bytes).unwrap(), n));
            assert_eq!(found, Some((expected.to_owned(), n)), "{text}");
        }
        for text in [
            "CREATE ROLE r",
            "CREATE ROLE \"password 'x'\" VALID UNTIL 'y'",
            "ALTER ROLE r PASSWORD NULL VALID UNTIL 'y'",
            "ALTER ROLE r SET search_path = password, 'x'",
            "ALTER ROLE password SET x = 'y'",
            "ALTER ROLE r RENAME TO password",
        ] {
            assert_eq!(leave_out_passwords(text.as_bytes(), true), None, "{text}");
        }
        let text = br"ALTER ROLE r PASSWORD 'a\' NOLOGIN";
        let (on, _) = leave_out_passwords(text, true).unwrap();
        assert_eq!(on, b"ALTER ROLE r NOLOGIN");
        let text = br"ALTER ROLE r PASSWORD 'a\' NOLOGIN'";
        let (off, _) = leave_out_passwords(text, false).unwrap();
        assert_eq!(off, b"ALTER ROLE r");
    }

    #[test]
    fn actions_may_be_names() {
        mapping(
            "ALTER USER MAPPING FOR b SERVER s OPTIONS (add '1', SET set '2', DROP drop, drop '3', ADD user '4')",
            "ALTER USER MAPPING FOR b SERVER s OPTIONS (add '********', SET set '********', DROP drop, drop '********', ADD user '4')",
            3,
        );
    }

    #[test]
    fn constants_go_as_a_whole() {
        mapping(
            "OPTIONS (p 'a'\n -- c\n 'b', q U&'x!0061' /* c */ UESCAPE '!', r N'y')",
            "OPTIONS (p '********', q '********', r '********')",
            3,
        );
        mapping(
            "OPTIONS (U&\"us!0065r\" UESCAPE '!' 'x', U&\"user\" 'y')",
            "OPTIONS (U&\"us!0065r\" UESCAPE '!' '********', U&\"user\" '********')",
            2,
        );
        let text = br"OPTIONS (p 'a\', q 'b')";
        let (on, n) = redact_options(text, true, OptionRule::UserMapping).unwrap();
        assert_eq!(
            (on.as_slice(), n),
            (&b"OPTIONS (p '********', q '********')"[..], 2)
        );
        let text = br"OPTIONS (p 'a\', q ')";
        let (off, n) = redact_options(text, false, OptionRule::UserMapping).unwrap();
        assert_eq!((off.as_slice(), n), (&b"OPTIONS (p '********')"[..], 1));
    }

    #[test]
    fn keywords_in_constants_names_and_comments_are_none() {
        for text in [
            "CREATE SERVER s TYPE 'OPTIONS (password ''x'')' FOREIGN DATA WRAPPER w",
            "CREATE SERVER \"OPTIONS (password 'x')\" FOREIGN DATA WRAPPER w",
            "CREATE SERVER s FOREIGN DATA WRAPPER w /* OPTIONS (password 'x') */",
            "CREATE SERVER s FOREIGN DATA WRAPPER w -- OPTIONS (password 'x')",
            "CREATE SERVER \"options\" (password 'x')",
            "CREATE VIEW v AS SELECT app.options(password 'x')",
            "CREATE VIEW v AS SELECT options('x', password, 'y')",
            "CREATE FOREIGN TABLE options (password varchar DEFAULT 'x') SERVER s",
            "CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (password\n$1)",
        ] {
            assert_eq!(options(text, OptionRule::Secretish), None, "{text}");
        }
        secretish(
            "CREATE SERVER s OPTIONS /* password 'a' */ ( -- b 'c'\n password /* 'd' */ 'e')",
            "CREATE SERVER s OPTIONS /* password 'a' */ ( -- b 'c'\n password /* 'd' */ '********')",
            1,
        );
    }

    #[test]
    fn every_list_of_a_foreign_table_is_seen() {
        secretish(
            "CREATE FOREIGN TABLE options (options options OPTIONS (options 'o', token 't') NOT NULL, \
             set text OPTIONS (secret 's')) SERVER options OPTIONS (\"Api-Key\" 'k', table 't')",
            "CREATE FOREIGN TABLE options (options options OPTIONS (options 'o', token '********') NOT NULL, \
             set text OPTIONS (secret '********')) SERVER options OPTIONS (\"Api-Key\" '********', table 't')",
            3,
        );
        secretish(
            "ALTER FOREIGN TABLE t ALTER c OPTIONS (SET pwd 'a'), ALTER d OPTIONS (ADD x '1'), OPTIONS (DROP pass, private_key 'b')",
            "ALTER FOREIGN TABLE t ALTER c OPTIONS (SET pwd '********'), ALTER d OPTIONS (ADD x '1'), OPTIONS (DROP pass, private_key '********')",
            2,
        );
    }

    #[test]
    fn secret_names() {
        for name in [
            "password",
            "SSLPassword",
            "odbc_PWD",
            "aws_secret_access_key",
            "access_token",
            "credentials_json",
            "api_key",
            "APIKEY",
            "access-key-id",
            "private key",
            "Authorization",
        ] {
            assert!(
                is_secret_name(&name.to_ascii_lowercase().into_bytes()),
                "{name}"
            );
        }
        for name in [
            "host", "port", "dbname", "user", "sslkey", "sslcert", "key", "keyspace", "",
        ] {
            assert!(!is_secret_name(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn values_with_a_password() {
        for value in [
            "host=a password=b",
            "host=a password = b",
            "host=a PASSWORD\t=b",
            "Uid=a;Pwd=b",
            "postgresql://u:p@h/d",
            "see http://x/ or HTTPS://u:p@h",
            "postgres://u:p@a:p@h/d",
            "postgres://h/d?password=x",
        ] {
            assert!(
                has_password(&value.to_ascii_lowercase().into_bytes()),
                "{value}"
            );
        }
        for value in [
            "",
            "password",
            "password authentication = x",
            "http://host:80/a@b",
            "http://user@host:80/",
            "http://user:@host",
            "http://[::1]:80/",
            "://",
            "a:b@c",
        ] {
            assert!(!has_password(value.as_bytes()), "{value}");
        }
        secretish(
            "CREATE SERVER s OPTIONS (dsn 'host=a password=b', host 'h')",
            "CREATE SERVER s OPTIONS (dsn '********', host 'h')",
            1,
        );
    }

    #[test]
    fn connection_of_a_subscription() {
        let check = |text: &str, expected: Option<&str>| {
            let found = redact_connection(text.as_bytes(), true);
            let found = found.map(|(bytes, n)| (String::from_utf8(bytes).unwrap(), n));
            assert_eq!(found, expected.map(|e| (e.to_owned(), 1)), "{text}");
        };
        check(
            "CREATE SUBSCRIPTION connection CONNECTION 'password=x' PUBLICATION connection WITH (slot_name = 'connection')",
            Some(
                "CREATE SUBSCRIPTION connection CONNECTION '********' PUBLICATION connection WITH (slot_name = 'connection')",
            ),
        );
        check(
            "alter subscription s connection/* 'a' */$x$b$x$",
            Some("alter subscription s connection/* 'a' */'********'"),
        );
        check(
            "ALTER SUBSCRIPTION s CONNECTION U&'a' UESCAPE '!' ;",
            Some("ALTER SUBSCRIPTION s CONNECTION '********' ;"),
        );
        check(
            "ALTER SUBSCRIPTION \"connection\" SET (slot_name = 'connection ''x''')",
            None,
        );
        check("COMMENT ON SUBSCRIPTION connection IS 'x'", None);
        check("CREATE SUBSCRIPTION s SERVER x PUBLICATION p", None);
    }

    #[test]
    fn high_bytes_stay_as_they_are() {
        let text = b"OPTIONS (\xe4\xff 'x\xa4', user '\xfc')";
        let (found, n) = redact_options(text, true, OptionRule::UserMapping).unwrap();
        assert_eq!(found, b"OPTIONS (\xe4\xff '********', user '\xfc')");
        assert_eq!(n, 1);
    }
}
