//! How alike two databases are, of which one was rebuilt from what was captured in the other: the parts of the program
//! `fidelity`.

pub mod dump;
pub mod expected;
pub mod failures;
pub mod rows;

/// Something that is not as it is on the source.
pub struct Finding {
    pub kind: Kind,
    /// One line that tells it from all others, without what differs from run to run (ids, OIDs). The list of what is
    /// expected is matched with it.
    pub item: String,
    /// More of it, for the reader.
    pub details: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A row that could not be replayed.
    Failed,
    /// An entry of pg_dump that one side lacks, or has with another text.
    Entry,
    /// A table whose rows differ.
    Rows,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Failed => "failed",
            Kind::Entry => "entry",
            Kind::Rows => "rows",
        }
    }
}

/// Text on one line, not longer than `characters`.
pub fn line(text: &str, characters: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let joined = words.join(" ");
    match joined.char_indices().nth(characters) {
        Some((end, _)) => format!("{}..", &joined[..end]),
        None => joined,
    }
}
