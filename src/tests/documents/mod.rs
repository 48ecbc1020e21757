//! The documents: README.md, the other Markdown files beside it and those of `docs/`.
//!
//! [`commands`] runs every block of commands in them, [`words`] compares what they name with what there is. This module
//! takes them apart. What it relies on: blocks are fenced by three backticks at the beginning of a line and say their language;
//! a block `text` right behind a block of commands is what these print.

mod commands;
mod words;

use std::path::{Path, PathBuf};

pub struct Document {
    /// Relative to the root of the repository.
    pub name: String,
    pub text: String,
}

/// Commands between two fences.
pub struct Block {
    pub document: String,
    /// The nearest heading above it.
    pub heading: String,
    pub language: String,
    pub text: String,
    /// What the document says that it prints.
    pub output: Option<String>,
}

impl Block {
    pub fn first_line(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All documents, in the order of their names.
pub fn documents() -> Vec<Document> {
    let mut files: Vec<PathBuf> = Vec::new();
    for directory in [root().to_path_buf(), root().join("docs")] {
        for entry in std::fs::read_dir(&directory).expect("a directory of documents") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|extension| extension == "md") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
        .into_iter()
        .map(|path| Document {
            text: std::fs::read_to_string(&path).expect("a document"),
            name: path
                .strip_prefix(root())
                .expect("a file of the repository")
                .to_str()
                .expect("a plain name")
                .to_owned(),
        })
        .collect()
}

pub fn document(name: &str) -> Document {
    let mut all = documents().into_iter();
    all.find(|document| document.name == name)
        .unwrap_or_else(|| panic!("there is no {name}"))
}

impl Document {
    /// What stands under the heading, down to the next one of the same level or a higher one.
    pub fn section(&self, heading: &str) -> String {
        let level = heading.chars().take_while(|c| *c == '#').count();
        let mut lines = self.lines().skip_while(|(line, _)| *line != heading);
        assert!(lines.next().is_some(), "{}: no {heading}", self.name);
        let section: Vec<&str> = lines
            .take_while(|(line, fenced)| {
                let other = line.chars().take_while(|c| *c == '#').count();
                *fenced || other == 0 || other > level
            })
            .map(|(line, _)| line)
            .collect();
        section.join("\n")
    }

    pub fn headings(&self) -> Vec<String> {
        self.lines()
            .filter(|(line, fenced)| !fenced && line.starts_with('#'))
            .map(|(line, _)| line.trim_start_matches('#').trim().to_owned())
            .collect()
    }

    /// The text without its blocks.
    pub fn prose(&self) -> String {
        let lines: Vec<&str> = self
            .lines()
            .filter(|(_, fenced)| !fenced)
            .map(|(line, _)| line)
            .collect();
        lines.join("\n")
    }

    /// Each line, and whether it belongs to a block.
    fn lines(&self) -> impl Iterator<Item = (&str, bool)> {
        let mut fenced = false;
        self.text.lines().map(move |line| {
            if line.starts_with("```") {
                fenced = !fenced;
                return (line, true);
            }
            (line, fenced)
        })
    }

    /// The blocks in their order, those of output with the commands before them.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut heading = String::new();
        let mut lines = self.text.lines().peekable();
        // nothing but empty lines since the last block
        let mut behind_block = false;
        while let Some(line) = lines.next() {
            let Some(language) = line.strip_prefix("```") else {
                if line.starts_with('#') {
                    line.clone_into(&mut heading);
                }
                behind_block &= line.is_empty();
                continue;
            };
            let mut text = String::new();
            for line in lines.by_ref().take_while(|line| *line != "```") {
                text.push_str(line);
                text.push('\n');
            }
            if language == "text" && behind_block {
                blocks.last_mut().expect("a block before it").output = Some(text);
                behind_block = false;
                continue;
            }
            blocks.push(Block {
                document: self.name.clone(),
                heading: heading.clone(),
                language: language.to_owned(),
                text,
                output: None,
            });
            behind_block = true;
        }
        blocks
    }
}

/// The cells of the rows of all Markdown tables, without their heads.
pub fn table(section: &str) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in section.lines().filter(|line| line.starts_with('|')) {
        if line.starts_with("|---") {
            rows.pop().expect("the head of a table");
            continue;
        }
        // a \| does not end a cell
        let line = line.replace("\\|", "\u{0}");
        let line = line.strip_prefix('|').unwrap_or(&line);
        let cells = line.strip_suffix('|').unwrap_or(line).split('|');
        rows.push(
            cells
                .map(|cell| cell.trim().replace('\u{0}', "|"))
                .collect(),
        );
    }
    rows
}

/// The items of lists that begin with a name in backticks: what stands before the first colon outside of backticks, and what is
/// said of it.
pub fn items(text: &str) -> Vec<(String, String)> {
    let mut items: Vec<String> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("- `") {
            items.push(line.trim_start_matches("- ").to_owned());
            inside = true;
        } else if let Some(more) = line.strip_prefix("  ").filter(|_| inside) {
            let item = items.last_mut().expect("its beginning");
            item.push(' ');
            item.push_str(more);
        } else {
            inside = false;
        }
    }
    items
        .iter()
        .map(|item| {
            let mut code = false;
            let colon = item.char_indices().find(|&(_, c)| {
                code ^= c == '`';
                c == ':' && !code
            });
            let (at, _) = colon.unwrap_or_else(|| panic!("no colon in {item:?}"));
            (item[..at].to_owned(), item[at + 1..].trim().to_owned())
        })
        .collect()
}

/// What stands between backticks, each once.
pub fn quoted(text: &str) -> Vec<String> {
    let mut words: Vec<String> = text
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .map(ToOwned::to_owned)
        .collect();
    words.sort();
    words.dedup();
    words
}
