//! What the names of a statement mean when its command begins: afterwards they may mean something else, or nothing.

use crate::pg::command::names::{self, Key, Meaning, Reading};
use crate::pg::command::source::Source;
use crate::pg::command::visible::Path;
use statement::statement_extent;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The names of a statement, in order.
pub struct Names {
    /// Under which they were looked for.
    pub path: Path,
    statement: u64,
    meanings: Result<Vec<(Key, Meaning)>, &'static str>,
}

impl Names {
    /// `None` where the text is not known.
    pub fn of(source: &Source, standard_conforming_strings: bool) -> Option<Self> {
        let bytes = source.bytes()?;
        let statement = &bytes[statement_extent(bytes, standard_conforming_strings)];
        let path = Path::of_session();
        let meanings = names::within(|| {
            let reading = Reading::of(statement, standard_conforming_strings)?;
            let keys = reading.described().map(|name| name.key());
            Ok(keys.zip(reading.meanings(&path)).collect())
        });
        Some(Names {
            path,
            statement: hash(statement),
            meanings,
        })
    }

    /// What the names of a statement meant, which may be another one than was sent; `None` for what was not there, or meant
    /// several things.
    pub fn meanings<'a>(
        &'a self,
        statement: &[u8],
        keys: &[Key],
    ) -> Result<Vec<Option<&'a Meaning>>, &'static str> {
        let before = self.meanings.as_ref().map_err(|reason| *reason)?;
        if self.statement == hash(statement) && before.len() == keys.len() {
            return Ok(before.iter().map(|(_, meaning)| Some(meaning)).collect());
        }
        let meaning = |key: &Key| {
            let mut all = before.iter().filter(|(other, _)| other == key);
            let (_, first) = all.next()?;
            all.all(|(_, other)| other == first).then_some(first)
        };
        Ok(keys.iter().map(meaning).collect())
    }
}

fn hash(statement: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    statement.hash(&mut hasher);
    hasher.finish()
}
