//! Cuts single objects out of the object list of a statement, and changes single commands of an ALTER TABLE.
//!
//! What it does: finds the comma separated list of objects of `DROP` and of `GRANT` and `REVOKE`
//! on objects, and builds the statement anew without some of them. The text of the objects that
//! stay, and everything outside the list, is kept byte by byte; the separator before a removed
//! object goes, with the comments in it, and a space is put where tokens would grow together.
//!
//! What it relies on: the text is one statement that PostgreSQL has accepted. Many words of the
//! two statements are not reserved and may name objects (`DROP TABLE if, cascade CASCADE`); the
//! functions tell them apart by what comes before and behind, as the grammar does.
//!
//! What it does not promise: lists in any other kind of statement, among them `DROP ROLE`,
//! `DROP OWNED` and the statements that always name one object (`DROP TRIGGER .. ON ..`). These
//! give `None`.

use super::lexer::{ParserTokens, Token, TokenKind};
use super::patch::append_apart;
use std::iter::Peekable;
use std::ops::Range;

/// Where the list of objects is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListPlace {
    /// `DROP type [CONCURRENTLY] [IF EXISTS] list [CASCADE | RESTRICT]`
    Drop,
    /// `GRANT privileges ON [type] list TO ..`, `REVOKE .. privileges ON [type] list FROM ..`
    Grant,
}

/// What becomes of one command of an `ALTER TABLE`.
#[derive(Clone, Debug)]
pub enum ListPart {
    Kept,
    LeftOut,
    Instead(Vec<u8>),
}

/// The types of object that `DROP` takes a list of.
const DROP_TYPES: &[&[&str]] = &[
    &["table"],
    &["view"],
    &["materialized", "view"],
    &["index"],
    &["sequence"],
    &["foreign", "table"],
    &["foreign", "data", "wrapper"],
    &["server"],
    &["type"],
    &["domain"],
    &["function"],
    &["procedure"],
    &["routine"],
    &["aggregate"],
    &["operator"],
    &["collation"],
    &["conversion"],
    &["schema"],
    &["statistics"],
    &["extension"],
    &["publication"],
    &["language"],
    &["procedural", "language"],
    &["access", "method"],
    &["event", "trigger"],
    &["text", "search", "parser"],
    &["text", "search", "dictionary"],
    &["text", "search", "template"],
    &["text", "search", "configuration"],
];

/// The types of object that may stand between `ON` and the list in `GRANT` and `REVOKE`.
const GRANT_TYPES: &[&[&str]] = &[
    &["table"],
    &["sequence"],
    &["foreign", "data", "wrapper"],
    &["foreign", "server"],
    &["function"],
    &["procedure"],
    &["routine"],
    &["database"],
    &["domain"],
    &["language"],
    &["large", "object"],
    &["parameter"],
    &["property", "graph"],
    &["schema"],
    &["tablespace"],
    &["type"],
    &["all", "tables", "in", "schema"],
    &["all", "sequences", "in", "schema"],
    &["all", "functions", "in", "schema"],
    &["all", "procedures", "in", "schema"],
    &["all", "routines", "in", "schema"],
];

/// Removes the objects with the indexes `remove` (from 0) from the list. Returns `None` if the
/// list cannot be found, does not have exactly `total` objects, or would become empty, and if an
/// index is not in the list.
pub fn remove_list_items(
    text: &[u8],
    standard_conforming_strings: bool,
    list: ListPlace,
    total: usize,
    remove: &[usize],
) -> Option<Vec<u8>> {
    let mut reader = Reader::new(text, standard_conforming_strings);
    let end_word = match list {
        ListPlace::Drop => reader.drop_head().map(|()| None),
        ListPlace::Grant => reader.grant_head().map(Some),
    }?;
    let items = reader.items(total, end_word)?;
    let parts = kept_items(total, remove)?;
    (items.len() == total).then(|| join(text, &items, &parts, &[]))
}

/// Puts others in place of commands of an `ALTER TABLE`, or leaves them out, and adds `more` behind them. `None` if they cannot be
/// found, are not as many as `parts`, or if none would be left.
pub fn replace_parts(
    text: &[u8],
    standard_conforming_strings: bool,
    parts: &[ListPart],
    more: Vec<Vec<u8>>,
) -> Option<Vec<u8>> {
    let mut reader = Reader::new(text, standard_conforming_strings);
    reader.alter_table_head()?;
    let items = reader.commands()?;
    let some_left = !more.is_empty() || parts.iter().any(|part| !part.is_left_out());
    (items.len() == parts.len() && some_left).then(|| join(text, &items, parts, &more))
}

impl ListPart {
    fn is_left_out(&self) -> bool {
        matches!(self, ListPart::LeftOut)
    }
}

/// What becomes of each item; `None` if none stays or an index does not exist.
fn kept_items(total: usize, remove: &[usize]) -> Option<Vec<ListPart>> {
    let mut parts = vec![ListPart::Kept; total];
    for index in remove {
        *parts.get_mut(*index)? = ListPart::LeftOut;
    }
    let some_left = !parts.iter().all(ListPart::is_left_out);
    some_left.then_some(parts)
}

/// The text with its list changed. Every item but the first brings the separator that was before it; it starts and ends at
/// tokens, so no comment in it is cut.
pub(super) fn join(
    text: &[u8],
    items: &[Range<usize>],
    parts: &[ListPart],
    more: &[Vec<u8>],
) -> Vec<u8> {
    let of_text = |range: Range<usize>| text.get(range).unwrap_or_default();
    let (list_start, list_end) = match (items.first(), items.last()) {
        (Some(first), Some(last)) => (first.start, last.end),
        _ => return text.to_vec(),
    };
    let mut output = of_text(0..list_start).to_vec();
    // where the text goes on that has been copied last, and where the separator before the item begins
    let (mut copied, mut separator, mut first) = (list_start, list_start, true);
    for (item, part) in items.iter().zip(parts) {
        if !first && !part.is_left_out() {
            append(
                &mut output,
                of_text(separator..item.start),
                copied == separator,
            );
            copied = item.start;
        }
        match part {
            ListPart::Kept => {
                append(&mut output, of_text(item.clone()), copied == item.start);
                copied = item.end;
            }
            ListPart::Instead(other) => append_apart(&mut output, other),
            ListPart::LeftOut => {}
        }
        first &= part.is_left_out();
        separator = item.end;
    }
    for other in more {
        if !first {
            output.extend_from_slice(b", ");
        }
        append_apart(&mut output, other);
        first = false;
    }
    let unchanged = copied == list_end && more.is_empty();
    append(&mut output, of_text(list_end..text.len()), unchanged);
    output
}

/// Appends `more`, which was behind the last already or was not.
fn append(output: &mut Vec<u8>, more: &[u8], neighbours: bool) {
    if neighbours {
        output.extend_from_slice(more);
    } else {
        append_apart(output, more);
    }
}

/// Reads a statement from its beginning, one token after the other, without keeping the tokens: a
/// statement may be as large as PostgreSQL's limit.
pub(super) struct Reader<'a> {
    text: &'a [u8],
    tokens: Peekable<ParserTokens<'a>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a [u8], standard_conforming_strings: bool) -> Self {
        Reader {
            text,
            tokens: ParserTokens::new(text, standard_conforming_strings).peekable(),
        }
    }

    /// Takes the next token if it is the word.
    fn word(&mut self, word: &str) -> bool {
        let text = self.text;
        self.tokens.next_if(|t| t.is_word(text, word)).is_some()
    }

    /// Whether the tokens that come next are `words`, and then one that `behind` accepts.
    fn is_ahead(&self, words: &[&str], behind: impl Fn(Token) -> bool) -> bool {
        let mut ahead = self.tokens.clone();
        for word in words {
            if !ahead.next().is_some_and(|t| t.is_word(self.text, word)) {
                return false;
            }
        }
        ahead.next().is_some_and(behind)
    }

    /// Takes `words` if they come next and a token that `behind` accepts comes behind them.
    fn take_words(&mut self, words: &[&str], behind: impl Fn(Token) -> bool) -> bool {
        let found = self.is_ahead(words, behind);
        if found {
            words.iter().for_each(|word| {
                self.word(word);
            });
        }
        found
    }

    /// Takes `DROP type [CONCURRENTLY] [IF EXISTS]`. A name `if` cannot be taken for the clause: no
    /// comma or dot is between the two words. `CONCURRENTLY` cannot name an index.
    fn drop_head(&mut self) -> Option<()> {
        let drop = self.word("drop");
        if !drop || self.is_operator_class() {
            return None;
        }
        let kind = DROP_TYPES
            .iter()
            .find(|words| self.take_words(words, |_| true))?;
        if *kind == ["index"] {
            self.word("concurrently");
        }
        self.take_words(&["if", "exists"], |_| true);
        Some(())
    }

    /// Takes `ALTER TABLE [IF EXISTS] [ONLY] name [*]`, where a name may stand in parentheses. `ONLY` is reserved; a table may
    /// be called `if`, but not before `exists`.
    pub(super) fn alter_table_head(&mut self) -> Option<()> {
        let text = self.text;
        if !self.word("alter") || !self.word("table") {
            return None;
        }
        self.take_words(&["if", "exists"], |t| t.is_name());
        self.word("only");
        let in_parentheses = self.tokens.next_if(|t| t.is_symbol(text, b'(')).is_some();
        self.tokens.next()?;
        while self.tokens.next_if(|t| t.is_symbol(text, b'.')).is_some() {
            self.tokens.next()?;
        }
        if in_parentheses {
            self.tokens.next_if(|t| t.is_symbol(text, b')'))?;
        }
        self.tokens.next_if(|t| t.bytes(text) == b"*");
        Some(())
    }

    /// Takes what is between commas outside of parentheses and brackets, up to the end or a semicolon.
    pub(super) fn commands(&mut self) -> Option<Vec<Range<usize>>> {
        let (mut items, mut item) = (Vec::new(), None::<Range<usize>>);
        let mut depth = 0usize;
        while let Some(token) = self.tokens.next() {
            let is = |symbol| token.is_symbol(self.text, symbol);
            if depth == 0 && is(b';') {
                self.only_semicolons().then_some(())?;
                break;
            }
            if depth == 0 && is(b',') {
                items.push(item.take()?);
                continue;
            }
            if is(b'(') || is(b'[') {
                depth += 1;
            } else if is(b')') || is(b']') {
                depth = depth.checked_sub(1)?;
            }
            item = Some(item.map_or(token.start, |i| i.start)..token.end);
        }
        items.push(item?);
        (depth == 0).then_some(items)
    }

    /// Whether an operator class or family comes next, which is always a single one. Behind a dot,
    /// `class` and `family` are the schema of an operator.
    fn is_operator_class(&self) -> bool {
        let no_schema = |t: Token| !t.is_symbol(self.text, b'.');
        self.is_ahead(&["operator", "class"], no_schema)
            || self.is_ahead(&["operator", "family"], no_schema)
    }

    /// Takes `GRANT .. ON [type]` or `REVOKE .. ON [type]` and returns the word that ends the list.
    /// A type without a name behind it (`ON sequence TO`, `ON domain, t TO`) is itself a name.
    fn grant_head(&mut self) -> Option<&'static str> {
        let end_word = if self.word("grant") {
            "to"
        } else if self.word("revoke") {
            "from"
        } else {
            return None;
        };
        self.privileges()?;
        let text = self.text;
        let is_object = |t: Token| !starts_no_object(text, t, end_word);
        GRANT_TYPES
            .iter()
            .find(|words| self.take_words(words, is_object));
        Some(end_word)
    }

    /// Takes the privileges with their lists of columns, and `ON`. Without it (`GRANT role TO ..`)
    /// there is no list of objects.
    fn privileges(&mut self) -> Option<()> {
        let mut depth = Depth(0);
        loop {
            let token = self.tokens.next()?;
            depth.pass(self.text, token)?;
            if depth.0 == 0 {
                if token.is_word(self.text, "on") {
                    return Some(());
                }
                if token.is_word(self.text, "to") || token.is_word(self.text, "from") {
                    return None;
                }
            }
        }
    }

    /// Takes the list and what ends it. Gives up as soon as there are more than `total` items.
    fn items(&mut self, total: usize, end_word: Option<&str>) -> Option<Vec<Range<usize>>> {
        let mut items = Vec::new();
        let mut item: Option<Range<usize>> = None;
        let mut depth = Depth(0);
        let mut behind_dot = false;
        let mut ended = end_word.is_none();
        while let Some(token) = self.tokens.next() {
            let may_end = depth.0 == 0 && item.is_some() && !behind_dot;
            if may_end && self.is_end(token, end_word) {
                ended = end_word.is_some() || self.only_semicolons();
                break;
            }
            if depth.0 == 0 && token.is_symbol(self.text, b',') {
                items.push(item.take()?);
                if items.len() >= total {
                    return None;
                }
            } else {
                depth.pass(self.text, token)?;
                item = Some(item.map_or(token.start, |i| i.start)..token.end);
            }
            behind_dot = token.is_symbol(self.text, b'.');
        }
        items.push(item?);
        (ended && depth.0 == 0).then_some(items)
    }

    /// Whether the token ends the list. In `DROP` (no end word) `CASCADE` and `RESTRICT` may be
    /// names, but the last word behind a name is none.
    fn is_end(&mut self, token: Token, end_word: Option<&str>) -> bool {
        let text = self.text;
        if let Some(word) = end_word {
            return token.is_word(text, word);
        }
        let behavior = token.is_word(text, "cascade") || token.is_word(text, "restrict");
        let last = |next: Option<&Token>| next.is_none_or(|t| t.is_symbol(text, b';'));
        token.is_symbol(text, b';') || (behavior && last(self.tokens.peek()))
    }

    fn only_semicolons(&mut self) -> bool {
        let text = self.text;
        self.tokens.all(|t| t.is_symbol(text, b';'))
    }
}

/// Whether no object in a list of `GRANT` can start with the token.
fn starts_no_object(text: &[u8], token: Token, end_word: &str) -> bool {
    let is_object = token.is_name() || token.kind == TokenKind::Number;
    !is_object || token.is_word(text, end_word)
}

/// How many parentheses are open.
struct Depth(usize);

impl Depth {
    /// Counts the token; `None` if it closes what is not open.
    fn pass(&mut self, text: &[u8], token: Token) -> Option<()> {
        if token.is_symbol(text, b'(') {
            self.0 += 1;
        } else if token.is_symbol(text, b')') {
            self.0 = self.0.checked_sub(1)?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(list: ListPlace, text: &str, total: usize, remove: &[usize], expected: &str) {
        let found = remove_list_items(text.as_bytes(), true, list, total, remove);
        let found = found.map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(found.as_deref(), Some(expected), "{text}");
    }

    #[track_caller]
    fn drop(text: &str, total: usize, remove: &[usize], expected: &str) {
        check(ListPlace::Drop, text, total, remove, expected);
    }

    #[track_caller]
    fn grant(text: &str, total: usize, remove: &[usize], expected: &str) {
        check(ListPlace::Grant, text, total, remove, expected);
    }

    #[track_caller]
    fn nothing(list: ListPlace, text: &str, total: usize, remove: &[usize]) {
        let found = remove_list_items(text.as_bytes(), true, list, total, remove);
        assert_eq!(found, None, "{text}");
    }

    #[test]
    fn commands_of_alter_table() {
        use ListPart::{Instead, Kept, LeftOut};
        let changed = |text: &str, parts: &[ListPart], more: &[&str]| {
            let more = more.iter().map(|part| part.as_bytes().to_vec()).collect();
            let found = replace_parts(text.as_bytes(), true, parts, more);
            found.map(|bytes| String::from_utf8(bytes).unwrap())
        };
        let instead = |text: &str| Instead(text.as_bytes().to_vec());
        let text = "/* , */ alter table IF EXISTS only ( s.\"a,b\" ) ADD a int DEFAULT (f(1, 2)) -- ,\n , ALTER b SET DEFAULT ARRAY[1,2], DROP c ; ";
        assert_eq!(
            changed(text, &[LeftOut, instead("X"), Kept], &["Y"]).as_deref(),
            Some("/* , */ alter table IF EXISTS only ( s.\"a,b\" ) X, DROP c, Y ; ")
        );
        assert_eq!(
            changed(text, &[instead("X"), Kept, LeftOut], &[]).as_deref(),
            Some(
                "/* , */ alter table IF EXISTS only ( s.\"a,b\" ) X -- ,\n , ALTER b SET DEFAULT ARRAY[1,2] ; "
            )
        );
        let text = "ALTER TABLE if * ADD CHECK (a = ',')";
        assert_eq!(
            changed(text, &[instead("X")], &[]).as_deref(),
            Some("ALTER TABLE if * X")
        );
        assert_eq!(
            changed(text, &[LeftOut], &["Y"]).as_deref(),
            Some("ALTER TABLE if * Y")
        );
        assert_eq!(changed(text, &[LeftOut], &[]), None);
        assert_eq!(changed(text, &[Kept, Kept], &[]), None);
        for text in [
            "ALTER TABLE a ADD b int, ",
            "ALTER TABLE a ADD b]",
            "ALTER TABLE a ADD b; c",
            "ALTER VIEW a RENAME b TO c",
        ] {
            assert_eq!(changed(text, &[Kept], &["Y"]), None, "{text}");
        }
    }

    #[test]
    fn each_item_of_three() {
        let text = "DROP TABLE a, s.b , \"c,\" CASCADE";
        drop(text, 3, &[], text);
        drop(text, 3, &[0], "DROP TABLE s.b , \"c,\" CASCADE");
        drop(text, 3, &[1], "DROP TABLE a , \"c,\" CASCADE");
        drop(text, 3, &[2], "DROP TABLE a, s.b CASCADE");
        drop(text, 3, &[0, 1], "DROP TABLE \"c,\" CASCADE");
        drop(text, 3, &[2, 0, 2], "DROP TABLE s.b CASCADE");
        drop(text, 3, &[1, 2], "DROP TABLE a CASCADE");
    }

    #[test]
    fn nothing_where_the_list_is_not_as_expected() {
        let text = "DROP TABLE a, b";
        nothing(ListPlace::Drop, text, 2, &[0, 1]);
        nothing(ListPlace::Drop, text, 2, &[2]);
        nothing(ListPlace::Drop, text, 1, &[]);
        nothing(ListPlace::Drop, text, 3, &[0]);
        nothing(ListPlace::Drop, text, 0, &[]);
        nothing(ListPlace::Grant, text, 2, &[0]);
        for text in [
            "",
            "DROP",
            "DROP TABLE",
            "DROP TABLE ,a",
            "DROP TABLE a,",
            "DROP TABLE a,,b",
            "DROP TABLE a(,b",
            "DROP TABLE a),b",
            "DROP TABLE a,b; DROP TABLE c",
            "DROP TABLE a,b CASCADE; DROP TABLE c",
            "DROP ROLE a, b",
            "DROP OPERATOR CLASS a, b",
            "DROP OPERATOR FAMILY f USING btree",
            "CREATE TABLE a, b",
            "\"DROP\" TABLE a, b",
        ] {
            nothing(ListPlace::Drop, text, 2, &[0]);
        }
        for text in [
            "GRANT a, b TO c",
            "GRANT a, b TO c, d",
            "GRANT SELECT ON a, b",
            "GRANT SELECT ON a, b FROM c",
            "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO a, b",
            "REVOKE a FROM b, c",
            "REVOKE ADMIN OPTION FOR a FROM b, c",
        ] {
            nothing(ListPlace::Grant, text, 2, &[0]);
        }
    }

    #[test]
    fn every_type_of_drop() {
        for words in DROP_TYPES {
            let kind = words.join("/**/");
            drop(
                &format!("DROP {kind} a, b"),
                2,
                &[0],
                &format!("DROP {kind} b"),
            );
            drop(
                &format!("/* x */ drop {kind} if EXISTS if , exists;"),
                2,
                &[1],
                &format!("/* x */ drop {kind} if EXISTS if;"),
            );
        }
        drop(
            "DROP INDEX CONCURRENTLY IF EXISTS a, b",
            2,
            &[0],
            "DROP INDEX CONCURRENTLY IF EXISTS b",
        );
        drop(
            "DROP INDEX CONCURRENTLY a, b",
            2,
            &[0],
            "DROP INDEX CONCURRENTLY b",
        );
    }

    #[test]
    fn lists_of_functions_types_and_operators() {
        let text = "DROP FUNCTION f(int, numeric(1,2)), g, s.h(VARIADIC a text[]) RESTRICT;";
        drop(
            text,
            3,
            &[0],
            "DROP FUNCTION g, s.h(VARIADIC a text[]) RESTRICT;",
        );
        drop(
            text,
            3,
            &[2],
            "DROP FUNCTION f(int, numeric(1,2)), g RESTRICT;",
        );
        drop(
            "DROP AGGREGATE a(*), b(int ORDER BY x)",
            2,
            &[0],
            "DROP AGGREGATE b(int ORDER BY x)",
        );
        drop(
            "DROP TYPE double precision, t cascade",
            2,
            &[0],
            "DROP TYPE t cascade",
        );
        drop(
            "DROP OPERATOR class.+ (a, b), = (c, d)",
            2,
            &[0],
            "DROP OPERATOR = (c, d)",
        );
        drop(
            "DROP OPERATOR *(a, b),-(NONE, d)",
            2,
            &[1],
            "DROP OPERATOR *(a, b)",
        );
    }

    #[test]
    fn keywords_may_be_names() {
        drop("DROP TABLE if, b", 2, &[1], "DROP TABLE if");
        drop("DROP TABLE if.exists, b", 2, &[1], "DROP TABLE if.exists");
        drop(
            "DROP TABLE IF EXISTS if, exists",
            2,
            &[0],
            "DROP TABLE IF EXISTS exists",
        );
        drop(
            "DROP TABLE cascade, restrict CASCADE",
            2,
            &[0],
            "DROP TABLE restrict CASCADE",
        );
        drop(
            "DROP TABLE cascade, restrict",
            2,
            &[0],
            "DROP TABLE restrict",
        );
        drop("DROP TABLE a, s.cascade", 2, &[0], "DROP TABLE s.cascade");
        drop(
            "DROP TABLE a, s.cascade restrict ; ;",
            2,
            &[0],
            "DROP TABLE s.cascade restrict ; ;",
        );
        drop("DROP VIEW view, drop", 2, &[0], "DROP VIEW drop");
        grant(
            "GRANT SELECT ON sequence, domain TO a, b",
            2,
            &[0],
            "GRANT SELECT ON domain TO a, b",
        );
        grant(
            "GRANT SELECT ON a, sequence TO b",
            2,
            &[0],
            "GRANT SELECT ON sequence TO b",
        );
        grant(
            "GRANT SELECT ON schema.to, x TO b",
            2,
            &[1],
            "GRANT SELECT ON schema.to TO b",
        );
        grant(
            "GRANT USAGE ON SEQUENCE sequence, b TO c",
            2,
            &[1],
            "GRANT USAGE ON SEQUENCE sequence TO c",
        );
        grant(
            "GRANT ALL ON TABLE schema, type TO c",
            2,
            &[0],
            "GRANT ALL ON TABLE type TO c",
        );
        grant(
            "GRANT ALL ON large.object, b TO c",
            2,
            &[0],
            "GRANT ALL ON b TO c",
        );
        grant(
            "GRANT ALL ON function.\"from\", b TO c",
            2,
            &[1],
            "GRANT ALL ON function.\"from\" TO c",
        );
    }

    #[test]
    fn comments_and_close_neighbours() {
        drop("DROP TABLE\"a\",b", 2, &[0], "DROP TABLE b");
        drop("DROP TABLE a,\"b\"CASCADE", 2, &[1], "DROP TABLE a CASCADE");
        drop("DROP TABLE a,\"b\";", 2, &[1], "DROP TABLE a;");
        drop(
            "DROP TABLE \"a\",\"b\",\"c\"CASCADE",
            3,
            &[1],
            "DROP TABLE \"a\",\"c\"CASCADE",
        );
        drop("DROP TABLE/**/a,b--x\n", 2, &[0], "DROP TABLE/**/ b--x\n");
        drop(
            "DROP TABLE a,b--x\nCASCADE",
            2,
            &[1],
            "DROP TABLE a --x\nCASCADE",
        );
        drop(
            "DROP TABLE a -- one\n, -- two,\n b /* , */ , c -- three\n CASCADE",
            3,
            &[1],
            "DROP TABLE a /* , */ , c -- three\n CASCADE",
        );
        drop(
            "DROP TABLE a -- one\n, -- two,\n b /* , */ , c",
            3,
            &[2],
            "DROP TABLE a -- one\n, -- two,\n b",
        );
        drop(
            "DROP TABLE U&\"!0061\" UESCAPE '!', b CASCADE",
            2,
            &[1],
            "DROP TABLE U&\"!0061\" UESCAPE '!' CASCADE",
        );
    }

    #[test]
    fn grants_and_revokes() {
        grant(
            "GRANT SELECT (a, \"on\"), UPDATE (b) ON t, u TO x, y WITH GRANT OPTION",
            2,
            &[0],
            "GRANT SELECT (a, \"on\"), UPDATE (b) ON u TO x, y WITH GRANT OPTION",
        );
        grant(
            "REVOKE GRANT OPTION FOR ALL PRIVILEGES ON t, u FROM x, y CASCADE;",
            2,
            &[1],
            "REVOKE GRANT OPTION FOR ALL PRIVILEGES ON t FROM x, y CASCADE;",
        );
        grant(
            "GRANT EXECUTE ON FUNCTION f(int, text), g(a \"to\") TO x GRANTED BY y",
            2,
            &[0],
            "GRANT EXECUTE ON FUNCTION g(a \"to\") TO x GRANTED BY y",
        );
        grant(
            "GRANT ALL ON LARGE OBJECT 1, 2 TO x",
            2,
            &[0],
            "GRANT ALL ON LARGE OBJECT 2 TO x",
        );
        grant("GRANT ALL ON\"a\",b TO x", 2, &[0], "GRANT ALL ON b TO x");
        grant("GRANT ALL ON a,\"b\"TO x", 2, &[1], "GRANT ALL ON a TO x");
        for words in GRANT_TYPES {
            let kind = words.join(" ");
            grant(
                &format!("GRANT ALL ON {kind} a, b TO c"),
                2,
                &[0],
                &format!("GRANT ALL ON {kind} b TO c"),
            );
        }
    }

    #[test]
    fn high_bytes_stay_as_they_are() {
        let found = remove_list_items(b"DROP TABLE \xe4, \xfc\xff", true, ListPlace::Drop, 2, &[0]);
        assert_eq!(found.as_deref(), Some(&b"DROP TABLE \xfc\xff"[..]));
    }
}
