//! The rooms: arrows go down only, no file looks back, and what is raw stays on the ground.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The rooms from the ground up. Those of one line know nothing of each other.
const ROOMS: [&[&str]; 10] = [
    &["pg/runtime"],
    &["pg/catalog"],
    &["pg/store"],
    &["pg/command"],
    &["pg/replication"],
    &["pg/hooks"],
    &["document", "error", "guc"],
    &["retention"],
    &["apply", "capture", "read"],
    &["functions", "lib"],
];

/// Each file of `src/` without its tests: its path there, without `mod.rs` and ending, and its code.
fn files() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeMap::new();
    let mut directories = vec![root.clone()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("src/tests") {
                    directories.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                // the tests of a file are at its end, and may look anywhere
                let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap();
                let lines = code.lines().filter(|line| {
                    let line = line.trim_start();
                    !line.starts_with("//")
                        && !line.starts_with("mod ")
                        && !line.starts_with("pub mod ")
                });
                let name = path.strip_prefix(&root).unwrap().with_extension("");
                let name = name.to_str().unwrap().trim_end_matches("/mod").to_owned();
                found.insert(name, lines.collect::<Vec<_>>().join("\n"));
            }
        }
    }
    assert!(found.len() > 80, "{}", found.len());
    found
}

/// What the `use` lines of a file name, as paths from the root: `a::{b, c::d}` is `a/b` and `a/c/d`.
fn used(file: &str, code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    let above = file.rsplit_once('/').map_or("", |(above, _)| above);
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        let line = line.trim_start().trim_start_matches("pub ");
        if let Some(begin) = line.strip_prefix("use ") {
            let mut tree = begin.to_owned();
            while !tree.contains(';') {
                tree.push_str(lines.next().unwrap());
            }
            expand("", tree.split(';').next().unwrap(), &mut paths);
        }
    }
    for word in ["crate::", "super::"] {
        for (at, _) in code.match_indices(word) {
            let path = code[at..].split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
            paths.push(path.into_iter().next().unwrap().to_owned());
        }
    }
    let from_root = |path: String| {
        let path = path.replace("::", "/");
        let path = match (
            path.strip_prefix("crate/"),
            path.strip_prefix("super/"),
            path.strip_prefix("self/"),
        ) {
            (Some(path), ..) => path.to_owned(),
            (_, Some(path), _) => format!("{above}/{path}"),
            (.., Some(path)) => format!("{file}/{path}"),
            _ if file == "lib" => path,
            _ => return None,
        };
        Some(path.trim_start_matches('/').to_owned())
    };
    paths.into_iter().filter_map(from_root).collect()
}

fn expand(before: &str, tree: &str, paths: &mut Vec<String>) {
    let tree = tree.trim();
    let Some((prefix, list)) = tree.split_once('{') else {
        paths.push(format!("{before}{}", tree.split(" as ").next().unwrap()));
        return;
    };
    let (mut depth, mut from) = (0, 0);
    let list = list.trim_end().strip_suffix('}').unwrap_or(list);
    for (at, c) in list.char_indices().chain([(list.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !list[from..at].trim().is_empty() {
                    expand(
                        &format!("{before}{}", prefix.trim()),
                        &list[from..at],
                        paths,
                    );
                }
                from = at + 1;
            }
            _ => {}
        }
    }
}

/// Each file with those that it stands on.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let files = files();
    let arrows = files.iter().map(|(file, code)| {
        let target = |path: String| {
            let mut path = path.as_str();
            loop {
                if files.contains_key(path) {
                    return (path != file && path != "pg").then(|| path.to_owned());
                }
                path = path.rsplit_once('/')?.0;
            }
        };
        let targets = used(file, code).into_iter().filter_map(target).collect();
        (file.clone(), targets)
    });
    arrows.collect()
}

/// Which room a file is in, and how high that is.
fn room(file: &str) -> (usize, &'static str) {
    let is_in = |room: &&&str| file == **room || file.starts_with(&format!("{room}/"));
    (ROOMS.iter().enumerate())
        .find_map(|(height, rooms)| rooms.iter().find(is_in).map(|room| (height, *room)))
        .unwrap_or_else(|| panic!("{file} is in no room"))
}

/// From room to room: down, and as docs/inside.md draws it.
#[test]
fn arrows_go_down() {
    let mut drawn = BTreeMap::<(usize, &str), BTreeSet<(usize, &str)>>::new();
    let mut up = Vec::new();
    for (file, targets) in arrows() {
        if file == "pg" {
            continue;
        }
        let from = room(&file);
        for target in targets {
            let to = room(&target);
            if from != to {
                drawn.entry(from).or_default().insert(to);
                if to.0 >= from.0 {
                    up.push(format!("{file} -> {target}"));
                }
            }
        }
    }
    assert!(up.is_empty(), "{up:#?}");
    let lines = drawn.iter().rev().map(|((_, from), targets)| {
        let targets: Vec<&str> = targets.iter().rev().map(|(_, to)| *to).collect();
        format!("{from} -> {}\n", targets.join(", "))
    });
    let lines: String = lines.collect();
    let document = include_str!("../../docs/inside.md");
    assert!(
        document.contains(&lines),
        "docs/inside.md should have:\n{lines}"
    );
}

/// From file to file: whoever follows one arrow after the other never comes back.
#[test]
fn no_circle() {
    let mut left = arrows();
    loop {
        let ends: BTreeSet<String> = (left.iter())
            .filter(|(_, targets)| targets.iter().all(|target| !left.contains_key(target)))
            .map(|(file, _)| file.clone())
            .collect();
        if ends.is_empty() {
            break;
        }
        left.retain(|file, _| !ends.contains(file));
    }
    assert!(left.is_empty(), "in or above a circle: {left:#?}");
}

#[test]
fn raw_is_on_the_ground() {
    let is_raw = |line: &&str| {
        ["unsafe ", "unsafe_code", "feature = \"pg1", "extern \"C\""]
            .iter()
            .any(|word| line.contains(word))
            && !line.contains("deny(unsafe_code)")
            && !line.contains("\"the one place for FFI\"")
    };
    for (file, code) in files() {
        if !file.starts_with("pg") {
            let raw: Vec<&str> = code.lines().filter(is_raw).collect();
            assert!(raw.is_empty(), "{file}: {raw:#?}");
        }
    }
}
