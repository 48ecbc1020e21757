//! What pg_dump says of a schema, and how two such texts differ.

use dts_migrate::schema::dump::without_version;
use std::collections::BTreeMap;
use std::process::Command;

/// The lines of `pg_dump --schema-only`, in UTF8.
pub fn schema(pg_dump: &mut Command) -> Vec<String> {
    let output = pg_dump
        .args(["--schema-only", "--encoding=UTF8"])
        .output()
        .expect("pg_dump");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("a dump in UTF8");
    // newer minors of pg_dump write a random key into each dump; versions and some settings at its head are the server's
    text.lines()
        .filter(|line| {
            ![
                "\\restrict",
                "\\unrestrict",
                "-- Dumped ",
                "SET transaction_timeout",
            ]
            .iter()
            .any(|prefix| line.starts_with(prefix))
        })
        .filter_map(without_version)
        .collect()
}

#[track_caller]
pub fn expect_same(want: &[String], got: &[String]) {
    assert!(
        want == got,
        "the schemas differ:\n{}",
        differences(want, got)
    );
}

/// The lines that only one of the two has, in order.
fn differences(want: &[String], got: &[String]) -> String {
    let lines = only(want, got, "-") + &only(got, want, "+");
    if lines.is_empty() {
        let first = want.iter().zip(got).find(|(want, got)| want != got);
        return format!("the same lines in another order, from {first:?}");
    }
    lines
}

fn only(these: &[String], others: &[String], sign: &str) -> String {
    let mut left: BTreeMap<&str, i32> = BTreeMap::new();
    for line in others {
        *left.entry(line).or_default() += 1;
    }
    these
        .iter()
        .filter(|line| {
            let count = left.entry(line.as_str()).or_default();
            *count -= 1;
            *count < 0
        })
        .take(40)
        .map(|line| format!("{sign} {line}\n"))
        .collect()
}
