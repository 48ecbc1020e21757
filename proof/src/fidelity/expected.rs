//! The list of what is expected to differ, each with its reason (`proof/fidelity-expected.tsv`).
//!
//! One line for each: regular expressions for major, mode (`script`, `live`), kind (`failed`, `entry`, `rows`) and item,
//! each for the whole of it, then the reason, separated by tabs. Lines that begin with `#` are comments.

use super::Finding;
use regex::Regex;

pub struct Expected {
    lines: Vec<Line>,
}

struct Line {
    source: String,
    kind: Regex,
    item: Regex,
    reason: String,
    used: bool,
}

impl Expected {
    /// The lines that apply to this major and mode.
    pub fn read(list: &str, major: &str, mode: &str) -> Result<Self, String> {
        let mut lines = Vec::new();
        for source in list.lines() {
            if source.is_empty() || source.starts_with('#') {
                continue;
            }
            let columns: Vec<&str> = source.split('\t').collect();
            let [majors, modes, kind, item, reason] = columns[..] else {
                return Err(format!("not five columns: {source}"));
            };
            if whole(majors)?.is_match(major) && whole(modes)?.is_match(mode) {
                lines.push(Line {
                    source: source.to_owned(),
                    kind: whole(kind)?,
                    item: whole(item)?,
                    reason: reason.to_owned(),
                    used: false,
                });
            }
        }
        Ok(Self { lines })
    }

    /// The reason for a finding, if it is expected.
    pub fn reason(&mut self, finding: &Finding) -> Option<&str> {
        let line = self
            .lines
            .iter_mut()
            .find(|l| l.kind.is_match(finding.kind.name()) && l.item.is_match(&finding.item))?;
        line.used = true;
        Some(&line.reason)
    }

    /// Lines that no finding needed.
    pub fn stale(&self) -> impl Iterator<Item = &str> {
        self.lines
            .iter()
            .filter(|line| !line.used)
            .map(|line| line.source.as_str())
    }
}

fn whole(pattern: &str) -> Result<Regex, String> {
    Regex::new(&format!("^(?:{pattern})$")).map_err(|error| error.to_string())
}
