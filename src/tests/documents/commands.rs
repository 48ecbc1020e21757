//! Every block of commands in the documents is run by a test, or is named here with the reason why not: a new block that no line
//! of [`BLOCKS`] knows makes a test fail, and so does a line without its block.

use super::{Block, documents, readme, root};
use crate::tests::cluster::Installation;
use crate::tests::pair::{Pair, Servers};
use crate::tests::shell::Shell;

/// How a block is tested.
enum How {
    /// Here: commands of a shell, or SQL on the source, after this SQL on both sides; what they print is compared.
    After(&'static str),
    /// Here, in one psql session with all others of the tour.
    Tour,
    /// By that file (of the repository), which has these words.
    By(&'static str, &'static str),
    /// Not at all, for this reason.
    Not(&'static str),
}

use How::{After, By, Not, Tour};

/// Document, beginning of the block's first line, and how it is tested.
const BLOCKS: &[(&str, &str, How)] = &[
];

fn how(block: &Block) -> &'static How {
    let mut found = BLOCKS.iter().filter(|(document, first, _)| {
        *document == block.document && block.first_line().starts_with(first)
    });
    let (_, _, how) = found.next().unwrap_or_else(|| {
        panic!(
            "{}, {}: no test runs the block that begins with {:?}",
            block.document,
            block.heading,
            block.first_line()
        )
    });
    assert!(
        found.next().is_none(),
        "{}: two lines for {:?}",
        block.document,
        block.first_line()
    );
    how
}

fn all_blocks() -> Vec<Block> {
    documents().iter().flat_map(|d| d.blocks()).collect()
}

#[test]
fn every_block_is_known() {
    let blocks = all_blocks();
    for block in &blocks {
        match block.language.as_str() {
            "sh" | "sql" | "ini" | "yaml" => {}
            // figures, output that stands alone
            "text" | "" => continue,
            other => panic!("{}: a block of the language {other:?}", block.document),
        }
        match how(block) {
            By(file, words) => {
                let text = std::fs::read_to_string(root().join(file)).expect(file);
                assert!(text.contains(words), "{file} does not have {words:?}");
            }
            Not(reason) => assert!(reason.len() > 10, "{:?}", block.first_line()),
            After(_) | Tour => assert!(["sh", "sql"].contains(&block.language.as_str())),
        }
    }
    for (document, first, _) in BLOCKS {
        let count = blocks
            .iter()
            .filter(|b| b.document == *document && b.first_line().starts_with(first))
            .count();
        assert_eq!(count, 1, "{document}: blocks that begin with {first:?}");
    }
}

/// What was printed is what the document shows: but for spaces at the end of a line, the name of the user, and what the document
/// leaves out by `..`.
#[track_caller]
fn expect_output(block: &Block, printed: &str) {
    let Some(shown) = &block.output else { return };
    let user = crate::tests::server::server().user.as_str();
    let lines = |text: &str| -> Vec<String> {
        let text = text.trim_matches('\n');
        text.lines().map(|l| l.trim_end().to_owned()).collect()
    };
    let (want, got) = (lines(shown), lines(printed));
    let same = want.len() == got.len() && want.iter().zip(&got).all(|(want, got)| {
        let want = want.replace("\"postgres\"", &format!("\"{user}\""));
        let mut rest = Some(got.as_str());
        for (at, piece) in want.split("..").enumerate() {
            rest = rest.and_then(|rest| {
                let found = rest.find(piece).filter(|found| at > 0 || *found == 0)?;
                Some(&rest[found + piece.len()..])
            });
        }
        rest.is_some_and(|rest| rest.is_empty() || want.ends_with(".."))
    });
    assert!(
        same,
        "{}, {}: shown is\n{}\nprinted was\n{}",
        block.document,
        block.heading,
        want.join("\n"),
        got.join("\n")
    );
}

#[test]
fn blocks_that_stand_alone() {
    let servers = Servers::new(Installation::under_test());
    for block in all_blocks() {
        let Some(After(before)) = (["sh", "sql"].contains(&block.language.as_str())).then(|| how(&block)) else {
            continue;
        };
        let pair = Pair::bare(&servers, "documents");
        for node in [&pair.source, &pair.destination] {
            node.run(before);
        }
        let shell = Shell::new(&pair);
        let printed = if block.language == "sql" {
            shell.sql(&block.text)
        } else {
            shell.run(&block.text)
        };
        expect_output(&block, &printed);
    }
}

/// The tour from its beginning to its end, and what each of its steps prints.
#[test]
fn tour() {
    let servers = Servers::new(Installation::under_test());
    let pair = Pair::bare(&servers, "documents_tour");
    let blocks: Vec<Block> = readme()
        .blocks()
        .into_iter()
        .filter(|block| block.language == "sql" && matches!(how(block), Tour))
        .collect();
    assert!(blocks.len() > 3, "blocks of the tour");
    const END: &str = "--- end of a block ---";
    let session: String = blocks
        .iter()
        .map(|block| format!("{}\n\\echo {END}\n", block.text))
        .collect();
    let printed = Shell::new(&pair).sql(&session);
    let printed: Vec<&str> = printed.split(END).collect();
    assert_eq!(printed.len(), blocks.len() + 1, "{printed:?}");
    for (block, printed) in blocks.iter().zip(printed) {
        expect_output(block, printed);
    }
    assert_eq!(
        pair.source.value("SELECT string_agg(datname, ', ') FROM pg_database WHERE datname IN ('tour', 'copy')"),
        "NULL"
    );
}
