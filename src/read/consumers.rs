//! Consumers that run some kinds of commands and leave out the rest: which, and what of the rows each will trip over
//! (`dts_ddl.check(consumer)`). What is said of ape-dts follows its source (dt-common/src/meta/ddl_meta/ddl_parser.rs,
//! dt-connector/src/sinker/pg/pg_sinker.rs), what is said of DTS its documents.

use crate::document::{Document, settings};
use crate::error::Failure;
use crate::pg::command::name;
use crate::pg::command::names::{self, Described, Meaning, Reading};
use crate::pg::command::visible::Path;
use crate::pg::runtime::text;
use crate::pg::store::stored::{self, StoredRow};
use statement::{Lexer, Token, TokenKind};
use std::collections::VecDeque;

/// What is known of one.
pub struct Consumer {
    name: &'static str,
    /// Command tags of what it runs.
    pub tags: &'static [&'static str],
    /// What of the rest it has to know before it can go on, and how it learns of that.
    learns: &'static [(&'static str, &'static str)],
    trips: fn(&Row<'_>) -> Vec<String>,
}

/// ape-dts reads the types of the source when it starts.
const STARTED_AGAIN: &str =
    "left out: take it from the script, and start the task again before a table uses the type";

const CONSUMERS: [Consumer; 2] = [
    Consumer {
        name: "ape-dts",
        tags: &[
            "CREATE TABLE",
            "ALTER TABLE",
            "DROP TABLE",
            "CREATE INDEX",
            "DROP INDEX",
            "CREATE SCHEMA",
            "ALTER SCHEMA",
            "DROP SCHEMA",
        ],
        learns: &[
            ("CREATE TYPE", STARTED_AGAIN),
            ("CREATE DOMAIN", STARTED_AGAIN),
            ("CREATE EXTENSION", STARTED_AGAIN),
        ],
        trips: trips_of_ape_dts,
    },
    Consumer {
        name: "dts",
        tags: &["CREATE TABLE", "ALTER TABLE", "DROP TABLE", "CREATE INDEX"],
        learns: &[],
        trips: trips_of_dts,
    },
];

pub fn find(name: &str) -> Result<&'static Consumer, Failure> {
    CONSUMERS
        .iter()
        .find(|consumer| consumer.name == name)
        .ok_or_else(|| {
            Failure::consumer_unknown(name, &CONSUMERS.map(|known| known.name).join(", "))
        })
}

/// Something that a consumer leaves out or trips over.
pub struct Finding {
    pub id: i64,
    pub tag: Vec<u8>,
    pub problem: String,
    pub ddl_text: Vec<u8>,
}

/// So many names are told that are not found.
const MOST_NAMES: usize = 10;
/// So much is read at a time.
const ROWS: usize = 500;
const BYTES: usize = 1 << 20;

/// What the consumer leaves out or trips over, of the rows above an id, in order.
pub struct Findings {
    consumer: &'static Consumer,
    next_id: Option<i64>,
    ready: VecDeque<Finding>,
}

impl Findings {
    pub fn new(consumer: &str, after_id: i64) -> Result<Self, Failure> {
        Ok(Self {
            consumer: find(consumer)?,
            next_id: after_id.checked_add(1),
            ready: VecDeque::new(),
        })
    }

    fn read_on(&mut self, first: i64) -> Result<(), Failure> {
        let rows = stored::read(first, i64::MAX, ROWS, BYTES)?;
        self.next_id = rows.last().and_then(|row| row.id.checked_add(1));
        for row in rows {
            for problem in self.consumer.problems(&row) {
                self.ready.push_back(Finding {
                    id: row.id,
                    tag: row.tag.clone().unwrap_or_default(),
                    problem,
                    ddl_text: row.ddl_text.clone().unwrap_or_default(),
                });
            }
        }
        Ok(())
    }
}

impl Iterator for Findings {
    type Item = Result<Finding, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() {
            if let Err(failure) = self.read_on(self.next_id?) {
                return Some(Err(failure));
            }
        }
        self.ready.pop_front().map(Ok)
    }
}

/// A row as a consumer reads it.
struct Row<'a> {
    statement: &'a [u8],
    tokens: Vec<Token>,
    message: Document<'static>,
}

impl Consumer {
    fn problems(&self, row: &StoredRow) -> Vec<String> {
        let message = (row.message.as_deref())
            .and_then(|message| Document::read(&text::decode(message), None).ok());
        let (Some(message), Some(statement)) = (message, row.ddl_text.as_deref()) else {
            return vec!["the row is not as it was written".to_owned()];
        };
        let is_run = (self.tags.iter()).any(|tag| row.tag.as_deref() == Some(tag.as_bytes()));
        match (is_run, message.replay) {
            (false, Some(false)) => Vec::new(),
            (false, _) => {
                let of_tag = |(tag, _): &&(&str, &str)| row.tag.as_deref() == Some(tag.as_bytes());
                let learns = self.learns.iter().find(of_tag);
                let problem = learns.map_or("left out: take it from the script", |(_, how)| how);
                vec![problem.to_owned()]
            }
            (true, Some(false)) => {
                let reason = message.replay_reason.as_deref().unwrap_or("not known");
                vec![format!(
                    "run, though it is not for another server: {reason}"
                )]
            }
            (true, _) => {
                let conforming = settings::standard_conforming_strings(&message.settings);
                (self.trips)(&Row {
                    statement,
                    tokens: Lexer::new(statement, conforming).collect(),
                    message,
                })
            }
        }
    }
}

impl Row<'_> {
    fn has_words(&self, words: &[&str]) -> bool {
        (self.tokens.windows(words.len())).any(|tokens| {
            (tokens.iter().zip(words)).all(|(token, word)| token.is_word(self.statement, word))
        })
    }

    /// Whether it is a DROP that ends with CASCADE or RESTRICT.
    fn drops_with_word(&self) -> bool {
        let is = |token: Option<&Token>, words: &[&str]| {
            token.is_some_and(|token| words.iter().any(|word| token.is_word(self.statement, word)))
        };
        is(self.tokens.first(), &["drop"]) && is(self.tokens.last(), &["cascade", "restrict"])
    }

    /// The schema that the statement names for its table.
    fn named_schema(&self) -> Option<String> {
        let is = |token: &&Token, words: &[&str]| {
            words.iter().any(|word| token.is_word(self.statement, word))
        };
        let mut tokens = (self.tokens.iter())
            .skip_while(|token| !is(token, &["table", "on"]))
            .skip_while(|token| is(token, &["table", "on", "if", "not", "exists", "only"]));
        let name = tokens.next().filter(|token| token.is_name())?;
        tokens
            .next()
            .filter(|token| token.is_symbol(self.statement, b'.'))?;
        name::identifier(name.bytes(self.statement)).map(|name| text::decode(&name))
    }

    /// Names that stand for something else, or nothing, where one schema is the whole search_path.
    fn lost_names(&self) -> Option<String> {
        let conforming = settings::standard_conforming_strings(&self.message.settings);
        let had = || self.message.search_path.iter().map(String::as_str);
        let set = self
            .named_schema()
            .or_else(|| had().next().map(str::to_owned))?;
        if had().eq([set.as_str()]) {
            return None;
        }
        let [had, has] = [
            Path::of_schemas(had()),
            Path::of_schemas([set.as_str()].into_iter()),
        ];
        let lost: Vec<String> = names::within(|| {
            let reading = Reading::of(self.statement, conforming).ok()?;
            let lost = reading
                .described()
                .filter(|name| !name.is_made && found(name, &had) != found(name, &has));
            Some(lost.map(|name| name.words()).take(MOST_NAMES).collect())
        })?;
        (!lost.is_empty()).then(|| {
            format!(
                "sets the search_path to {set} alone, where it does not find {}",
                lost.join(", ")
            )
        })
    }

    /// The tokens with what the command names.
    fn head(&self) -> impl Iterator<Item = &Token> {
        let is_end = |token: &&Token| !token.is_symbol(self.statement, b'(');
        self.tokens.iter().take_while(is_end).take(12)
    }
}

fn trips_of_ape_dts(row: &Row<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (at, length) in comments_by_pattern(row.statement) {
        // tokens are in order
        let next = row.tokens.partition_point(|token| token.end <= at);
        if row
            .tokens
            .get(next)
            .is_some_and(|token| token.start < at + length)
        {
            found.push(
                "comment signs in a constant or name are taken out with what is between them"
                    .to_owned(),
            );
            break;
        }
        let inside = row.statement.get(at + 2..at + length).unwrap_or_default();
        if inside.windows(2).any(|pair| pair == b"/*") && row.statement.get(at) == Some(&b'/') {
            found.push("of a comment in a comment a part stays".to_owned());
            break;
        }
        let byte = |at: Option<usize>| at.and_then(|at| row.statement.get(at)).copied();
        let joins = |byte: Option<u8>| {
            byte.is_some_and(|byte| byte == b'_' || byte >= 0x80 || byte.is_ascii_alphanumeric())
        };
        if joins(byte(at.checked_sub(1))) && joins(byte(Some(at + length))) {
            found.push("a comment is taken out, which joins the words around it".to_owned());
            break;
        }
    }
    let is_plain = |byte: &u8| *byte == b'_' || byte.is_ascii_alphanumeric();
    let is_split = |token: &Token| match token.kind {
        TokenKind::Word => !token.bytes(row.statement).iter().all(is_plain),
        TokenKind::QuotedIdentifier => token.has_unicode_escapes(row.statement),
        _ => false,
    };
    if row.head().any(is_split) {
        found.push(
            "a name that it cannot parse: letters beyond ASCII or $ without quotes, or U&\"..\""
                .to_owned(),
        );
    }
    let is_in_quotes = |token: &Token| {
        token.kind == TokenKind::QuotedIdentifier
            && token
                .bytes(row.statement)
                .windows(2)
                .skip(1)
                .any(|pair| pair == b"\"\"")
    };
    if row.tokens.iter().any(is_in_quotes) {
        found.push("a quote inside a name, which it does not escape".to_owned());
    }
    found.extend(row.lost_names());
    if row.has_words(&["drop", "table"]) {
        if row.drops_with_word() {
            found.push("CASCADE or RESTRICT is taken for the name of one more table".to_owned());
        } else if row.head().any(|token| token.is_symbol(row.statement, b',')) {
            found.push("the tables are dropped one by one, in this order, which fails where one needs another".to_owned());
        }
    }
    if row.has_words(&["generated", "always", "as", "identity"]) {
        found.push(
            "an UPDATE of a row of this table stops it: it sets the identity column, too"
                .to_owned(),
        );
    } else if row.has_words(&["generated", "always", "as"]) {
        found.push("a row of this table stops it: it writes the generated column, too".to_owned());
    }
    found
}

fn trips_of_dts(row: &Row<'_>) -> Vec<String> {
    if row.drops_with_word() {
        vec!["CASCADE and RESTRICT are not migrated, its documents say".to_owned()]
    } else {
        Vec::new()
    }
}

/// What a name means under a search_path, wherever pg_catalog stands in that.
fn found(name: &Described<'_>, path: &Path) -> Meaning {
    match name.meaning(path) {
        Meaning::Schema(schema) if schema == "pg_catalog" => Meaning::Implied,
        meaning => meaning,
    }
}

/// What ape-dts takes for comments, wherever it stands: `/*` to the next `*/`, and `--` to the next end of a line.
fn comments_by_pattern(text: &[u8]) -> Vec<(usize, usize)> {
    let find = |from: usize, what: &[u8]| {
        let rest = text.get(from..)?;
        rest.windows(what.len())
            .position(|window| window == what)
            .map(|at| from + at)
    };
    let (mut found, mut at) = (Vec::new(), 0);
    // not looked for again once there is none
    let (mut may_end, mut has_lines) = (true, true);
    while at + 1 < text.len() {
        let end = match &text[at..at + 2] {
            b"/*" if may_end => {
                let end = find(at + 2, b"*/").map(|end| end + 2);
                may_end = end.is_some();
                end
            }
            b"--" if has_lines => {
                let end = find(at + 2, b"\n").map(|end| end + 1);
                has_lines = end.is_some();
                end
            }
            _ => None,
        };
        match end {
            Some(end) => {
                found.push((at, end - at));
                at = end;
            }
            None => at += 1,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::comments_by_pattern;

    #[test]
    fn what_is_taken_for_comments() {
        for (text, want) in [
            ("a /* b */ c", &[(2, 7)][..]),
            ("a -- b\nc -- d", &[(2, 5)]),
            ("'--' \n/**//*", &[(1, 5), (6, 4)]),
            ("/* -- */\n", &[(0, 8)]),
            ("- - / *", &[]),
        ] {
            assert_eq!(comments_by_pattern(text.as_bytes()), want, "{text:?}");
        }
    }
}
