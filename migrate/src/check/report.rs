//! What `check` has found, and how it is shown.

use serde::Serialize;
use std::fmt::Write;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// With this there is no migration, or it stops.
    Must,
    /// Something stays behind, or somebody has to decide.
    Decide,
    Ok,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub level: Level,
    pub subject: &'static str,
    pub found: String,
    /// The next command, where there is one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub remedy: String,
}

impl Finding {
    pub fn new(
        level: Level,
        subject: &'static str,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            level,
            subject,
            found: found.into(),
            remedy: remedy.into(),
        }
    }

    pub fn must(
        subject: &'static str,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(Level::Must, subject, found, remedy)
    }

    pub fn decide(
        subject: &'static str,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(Level::Decide, subject, found, remedy)
    }

    pub fn ok(subject: &'static str, found: impl Into<String>) -> Self {
        Self::new(Level::Ok, subject, found, "")
    }
}

/// The subject of the estimate, which is always shown.
pub const TIME: &str = "time";

#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Server and database, in a line each.
    pub source: String,
    pub target: String,
    /// The worst first.
    pub findings: Vec<Finding>,
}

impl Report {
    pub fn exit_status(&self) -> u8 {
        self.count(Level::Must).min(1) as u8
    }

    pub fn of<'a>(&'a self, subject: &'a str) -> impl Iterator<Item = &'a Finding> {
        self.findings
            .iter()
            .filter(move |finding| finding.subject == subject)
    }

    fn count(&self, level: Level) -> usize {
        let same = |finding: &&Finding| finding.level == level;
        self.findings.iter().filter(same).count()
    }

    pub fn text(&self, verbose: bool) -> String {
        let mut text = format!("source  {}\ntarget  {}\n", self.source, self.target);
        for finding in self.of(TIME) {
            let _ = writeln!(text, "copy    {}", finding.found);
        }
        for (level, title) in [
            (Level::Must, "must be mended"),
            (Level::Decide, "will not travel, or is yours to decide"),
            (Level::Ok, "ok"),
        ] {
            let count = self.count(level);
            if level == Level::Ok && !verbose {
                let _ = write!(text, "\nok: {count} (-v names them)");
                continue;
            }
            if count == 0 {
                continue;
            }
            let _ = writeln!(text, "\n{title}: {count}");
            for finding in self
                .findings
                .iter()
                .filter(|finding| finding.level == level)
            {
                let _ = writeln!(text, "  {:<15} {}", finding.subject, finding.found);
                if !finding.remedy.is_empty() {
                    let _ = writeln!(text, "  {:<15} > {}", "", finding.remedy);
                }
            }
        }
        text.trim_end().to_owned()
    }

    pub fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

/// The first of them, and how many more there are.
pub fn some(names: &[String]) -> String {
    const SHOWN: usize = 4;
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

pub fn counted(number: usize, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown() {
        let report = Report {
            source: "a".into(),
            target: "b".into(),
            findings: vec![
                Finding::must("wal_level", "it is replica", "ALTER SYSTEM .."),
                Finding::ok("roles", "all there"),
            ],
        };
        assert_eq!(report.exit_status(), 1);
        assert_eq!(
            report.text(false),
            "source  a\ntarget  b\n\nmust be mended: 1\n  wal_level       it is replica\n                  > ALTER SYSTEM ..\n\n\
             ok: 1 (-v names them)"
        );
        assert!(
            report
                .text(true)
                .ends_with("\nok: 1\n  roles           all there")
        );
        assert!(report.json().is_ok_and(|json| {
            json.contains(r#"{"level":"ok","subject":"roles","found":"all there"}"#)
        }));
    }

    #[test]
    fn words() {
        let names: Vec<String> = (1..=6).map(|n| format!("t{n}")).collect();
        assert_eq!(some(&names), "t1, t2, t3, t4 and 2 more");
        assert_eq!(some(&names[..1]), "t1");
    }
}
