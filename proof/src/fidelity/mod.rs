//! How alike two databases are, of which one was rebuilt from what was captured in the other: the parts of the program
//! `fidelity`.

pub mod expected;
pub mod failures;
pub mod rows;

pub use dts_migrate::schema::dump::{self, line};

/// Something that is not as it is on the source.
pub struct Finding {
    pub kind: Kind,
    /// One line that tells it from all others, without what differs from run to run (ids, OIDs). The list of what is
    /// expected is matched with it.
    pub item: String,
    /// More of it, for the reader.
    pub details: Vec<String>,
}

impl From<dump::Difference> for Finding {
    fn from(difference: dump::Difference) -> Self {
        Self {
            kind: Kind::Entry,
            item: difference.item,
            details: difference.details,
        }
    }
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
