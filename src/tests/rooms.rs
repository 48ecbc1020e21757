//! The rooms: arrows go down only, and what is raw stays on the ground.

use std::path::{Path, PathBuf};

fn sources(directory: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            // the tests of a file are at its end, and may look anywhere
            let code = text.split("\n#[cfg(test)]\n").next().unwrap().to_owned();
            found.push((path, code));
        }
    }
}

/// The lines of code of all files in or outside of `src/pg/` that `is_wrong` finds, with their places.
fn wrong(on_the_ground: bool, is_wrong: impl Fn(&str) -> bool) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&root, &mut found);
    assert!(found.len() > 100, "{}", found.len());
    let mut wrong = Vec::new();
    for (path, code) in found {
        let path = path.strip_prefix(&root).unwrap();
        if path.starts_with("tests") || path.starts_with("pg") != on_the_ground {
            continue;
        }
        for (number, line) in code.lines().enumerate() {
            if !line.trim_start().starts_with("//") && is_wrong(line) {
                wrong.push(format!(
                    "{}:{}: {}",
                    path.display(),
                    number + 1,
                    line.trim()
                ));
            }
        }
    }
    wrong
}

/// The ground knows what errors are, and nothing else that stands above it: what it calls is handed down (`pg/handlers.rs`).
#[test]
fn arrows_go_down() {
    let up = wrong(true, |line| {
        line.match_indices("crate::").any(|(at, word)| {
            !line[at + word.len()..].starts_with("error")
                && !line[at + word.len()..].starts_with("pg")
        })
    });
    assert!(up.is_empty(), "{up:#?}");
}

#[test]
fn raw_is_on_the_ground() {
    let raw = wrong(false, |line| {
        ["unsafe ", "unsafe_code", "feature = \"pg1", "extern \"C\""]
            .iter()
            .any(|word| line.contains(word))
            && !line.contains("deny(unsafe_code)")
            && !line.contains("\"the one place for FFI\"")
    });
    assert!(raw.is_empty(), "{raw:#?}");
}
