//! Every block of commands in the documents is run by a test, or is named here with the reason why not: a new block that no line
//! of [`BLOCKS`] knows makes a test fail, and so does a line without its block.

use super::{Block, document, documents, quoted, root};
use crate::tests::cluster;
use crate::tests::pair::{Pair, Servers};
use crate::tests::shell::Shell;

/// How a block is tested.
enum How {
    /// Here, after this SQL on the source, each line a string of its own: commands of a shell, SQL on the source, or the query of an exporter; what they
    /// print is compared.
    After(&'static str),
    /// Here, in one psql session with all others of the tour, which begins with the example of the README.
    Tour,
    /// By that file (of the repository), which has these words.
    By(&'static str, &'static str),
    /// Not at all, for this reason.
    Not(&'static str),
}

use How::{After, By, Not, Tour};

/// Document, beginning of the block's first line, and how it is tested.
#[rustfmt::skip]
const BLOCKS: &[(&str, &str, How)] = &[
    ("CONTRIBUTING.md", "./demo", By("test", "\"./demo\"")),
    ("CONTRIBUTING.md", "bash -c", By("test", "cargo pgrx test --no-default-features")),
    ("README.md", "./demo    # sets up", By("test", "\"./demo\"")),
    ("README.md", "CREATE DATABASE tour;", Tour),
    ("README.md", "SELECT id, tag, object_name, ddl_text", Tour),
    ("README.md", "package/build 15", By("package/check", "in_root")),
    ("README.md", "tar xzf dist/dts_ddl_capture", By("package/check", "in_root")),
    ("README.md", "make PG_CONFIG=", By("package/check", "make -C \"$ROOT\" PG_CONFIG=")),
    ("README.md", "ALTER PUBLICATION mig ADD TABLE", After(WITH_PUBLICATION)),
    ("README.md", "DROP EXTENSION dts_ddl_capture;", After(EXTENSION)),
    ("README.md", "export SRC=", By("proof/src/migrate/rounds.rs", "&[\"finish\", \"--open-old\"]")),
    ("docs/ape-dts.md", "[extractor]", Not("lines of ape-dts, a program of others: from its documents and source")),
    ("docs/ape-dts.md", "CREATE PUBLICATION ape_test", After(EXTENSION)),
    ("docs/apply.md", "# owner, comment, rights", By(PROCEDURES, "## What does not travel")),
    ("docs/apply.md", "psql -X \"$DST\" -c \"ALTER SUBSCRIPTION mig DISABLE", By(PROCEDURES, "fn copied_again")),
    ("docs/apply.md", "psql -XqAt \"$DST\"", By(PROCEDURES, "## What remains after cutover")),
    ("docs/apply.md", "case \"$SRC\"", By(PROCEDURES, "fn procedure_by_dump")),
    ("docs/apply.md", "psql -X \"$DST\" -c \"DROP SUBSCRIPTION mig", By(PROCEDURES, "fn way_back")),
    ("docs/backup.md", "pg_dump -d \"$SRC\" -Fc", After(GRANTED)),
    ("docs/compare.md", "cargo build --release -p dts_migrate", By("bench/compare", "dts-migrate\" compare")),
    ("docs/failover.md", "-- on the standby", After(EXTENSION)),
    ("docs/live.md", "psql -X \"$SRC\" -c \"CREATE EXTENSION", By(PROCEDURES, "steps[0]")),
    ("docs/live.md", "pg_dumpall -d \"$SRC\" --roles-only", By(PROCEDURES, "steps[1]")),
    ("docs/live.md", "rm -f last_id", By(PROCEDURES, "steps[2]")),
    ("docs/live.md", "psql -X \"$DST\" -c \"CREATE SUBSCRIPTION", By(PROCEDURES, "steps[3]")),
    ("docs/live.md", "psql -X \"$DST\" -c \"SELECT srrelid", By(PROCEDURES, "steps[4]")),
    ("docs/live.md", "psql -X \"$SRC\" -Atc", By(PROCEDURES, "steps[5]")),
    ("docs/migrate.md", "export SRC=", By("proof/src/migrate/rounds.rs", "&[\"finish\", \"--open-old\"]")),
    ("docs/monitoring.md", "SELECT name, status, found, remedy", After(SOME_DDL)),
    ("docs/monitoring.md", "SELECT id, not_replayed_because", After(SOME_DDL)),
    ("docs/monitoring.md", "SELECT id, object, message OPERATOR", After(SOME_DDL)),
    ("docs/monitoring.md", "SELECT id, finished", After(WITH_SLOT)),
    ("docs/monitoring.md", "dts_ddl:", After(EXTENSION)),
    ("docs/packages.md", "ALTER EXTENSION dts_ddl_capture UPDATE", After(EXTENSION)),
    ("docs/packages.md", "package/build", By("package/check", "package/build")),
    ("docs/portable-apply.md", "psql -X -v ON_ERROR_STOP=1 -f sql/portable/apply.sql", By(PORTABLE_APPLY, "fn procedure")),
    ("docs/portable-apply.md", "psql -X \"$SRC\" -c \"CREATE PUBLICATION mig_ddl", By(PORTABLE_APPLY, "shell.try_run(slot)")),
    ("docs/portable-apply.md", "psql -X -q -v ON_ERROR_STOP=1", By(PORTABLE_APPLY, "shell.try_run(moment)")),
    ("docs/portable-apply.md", "psql -X \"$DST\" -c \"ALTER SUBSCRIPTION mig REFRESH", By(PORTABLE_APPLY, "shell.run(refresh)")),
    ("docs/portable.md", "psql -X -v ON_ERROR_STOP=1 -f sql/portable/install.sql", By("proof/portable", "install.sql")),
    ("docs/portable.md", "psql -X -v ON_ERROR_STOP=1 -f sql/portable/to_native.sql", By(HERE, "fn from_hand_made_capture")),
    ("docs/portable.md", "psql -X -v ON_ERROR_STOP=1 -c \"SET dts_ddl_portable.take_over", By("proof/portable", "SET dts_ddl_portable.take_over = 'on'")),
    ("docs/script.md", "psql -XAtc \"SELECT dts_ddl.script()\"", After(SOME_DDL)),
    ("docs/script.md", "psql -XAtc \"SELECT dts_ddl.script(without", After(SOME_DDL)),
    ("docs/tour.md", "ALTER TABLE orders ADD token", Tour),
    ("docs/tour.md", "SELECT id, object, inside", Tour),
    ("docs/tour.md", "SELECT id, message", Tour),
    ("docs/tour.md", "SELECT name, status, found FROM", Tour),
    ("docs/tour.md", "CREATE DATABASE copy;", Tour),
    ("docs/tour.md", "\\c tour", Tour),
    // there without the library as well
    ("docs/troubleshooting.md", "SET session_replication_role", By("package/in_root", "DROP EXTENSION dts_ddl_capture")),
];

const HERE: &str = "src/tests/documents/commands.rs";
const PORTABLE_APPLY: &str = "src/tests/portable_apply.rs";
const PROCEDURES: &str = "src/tests/apply_readme.rs";
const EXTENSION: &str = "CREATE EXTENSION dts_ddl_capture";
const WITH_PUBLICATION: &str = "CREATE EXTENSION dts_ddl_capture; CREATE PUBLICATION mig";

const SOME_DDL: &str = "CREATE EXTENSION dts_ddl_capture; CREATE TABLE shop (id int PRIMARY KEY); CREATE PUBLICATION p;
    CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;
    CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (user 'u', password 'secret')";

/// Rights that are in a dump; a function of an extension that is not there would be an error.
const GRANTED: &str = "CREATE EXTENSION dts_ddl_capture; GRANT SELECT ON public.dts_ddl_command, dts_ddl.history TO pg_monitor;
    GRANT USAGE ON SCHEMA dts_ddl TO pg_read_all_stats; GRANT EXECUTE ON FUNCTION dts_ddl.rows(), public.dts_capture_ddl() TO pg_monitor;
    CREATE TABLE shop (id int PRIMARY KEY)";

/// The slot has the name of the documents: nobody else on these servers may have one of that name.
const WITH_SLOT: &str = "CREATE EXTENSION dts_ddl_capture; CREATE PUBLICATION mig FOR ALL TABLES
    SELECT pg_create_logical_replication_slot('mig', 'pgoutput')
    CREATE TABLE shop (id int PRIMARY KEY)";

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
            After(_) | Tour => assert_ne!(block.language, "ini", "is not run"),
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
    let same = want.len() == got.len()
        && want.iter().zip(&got).all(|(want, got)| {
            let want = want.replace("user \"postgres\"", &format!("user \"{user}\""));
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
    let servers = Servers::new(cluster::under_test());
    for block in all_blocks() {
        let runs = ["sh", "sql", "yaml"].contains(&block.language.as_str());
        let Some(After(before)) = runs.then(|| how(&block)) else {
            continue;
        };
        let pair = Pair::bare(&servers, "documents");
        pair.source
            .run_each(&before.lines().map(str::trim).collect::<Vec<_>>());
        let shell = Shell::new(&pair);
        let printed = match block.language.as_str() {
            "sql" => shell.sql(&block.text),
            "yaml" => exporter(&shell, &block.text),
            _ => shell.run(&block.text),
        };
        expect_output(&block, &printed);
    }
}

/// The queries of an exporter give the columns that it is told of, in this order.
fn exporter(shell: &Shell<'_>, yaml: &str) -> String {
    let queries: Vec<&str> = yaml.split("  query: \"").skip(1).collect();
    assert!(!queries.is_empty(), "{yaml}");
    for part in queries {
        let (query, rest) = part.split_once("\"\n").expect("the end of a query");
        let metrics: Vec<&str> = rest
            .lines()
            .filter_map(|line| line.trim().strip_prefix("- ")?.split(':').next())
            .collect();
        let printed = shell.sql(&format!("\\pset format unaligned\n{query};"));
        assert_eq!(
            printed.lines().nth(1).expect("the names of the columns"),
            metrics.join("|")
        );
        assert!(printed.lines().count() > 3, "no rows: {printed}");
    }
    String::new()
}

/// From the PL/pgSQL function of documented behaviour to the extension: nothing is lost, ids go on, others get no right. What
/// somebody else has put in its place is not read.
#[test]
fn from_hand_made_capture() {
    let servers = Servers::shared();
    let pair = Pair::bare(&servers, "documents_by_hand");
    let block = all_blocks()
        .into_iter()
        .find(|block| {
            block.document == "docs/portable.md" && block.first_line().contains("to_native.sql")
        })
        .expect("the block");
    let command = format!("cd '{}'\n{}", root().display(), block.text);
    pair.source.run_each(&[
        "CREATE FUNCTION public.ran() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''it ran''; END'",
        "CREATE VIEW public.dts_ddl_command AS SELECT public.ran() AS id, 'x'::text AS ddl_text",
    ]);
    let refused = Shell::new(&pair)
        .try_run(&command)
        .expect_err("a view is taken over");
    assert!(refused.contains("cannot take over from"), "{refused}");
    pair.source.run("DROP VIEW public.dts_ddl_command");

    pair.source
        .run(include_str!("../../../bench/plpgsql_capture.sql"));
    pair.source.run("CREATE TABLE by_hand (x int)");
    let last = pair
        .source
        .value("SELECT max(id) FROM public.dts_ddl_command");
    Shell::new(&pair).run(&command);
    pair.source.run("CREATE TABLE by_extension (x int)");
    assert_eq!(
        pair.source.column("SELECT (id > ALL (SELECT id FROM dts_old.dts_ddl_command)) || ' ' || ddl_text FROM public.dts_ddl_command"),
        ["true CREATE TABLE by_extension (x int)"]
    );
    assert_eq!(
        pair.source.value("SELECT max(id) FROM dts_old.dts_ddl_command WHERE ddl_text LIKE 'CREATE TABLE by_hand%'"),
        last
    );
    assert_eq!(
        pair.source
            .value("SELECT has_table_privilege('public', 'public.dts_ddl_command', 'SELECT')"),
        "false"
    );
}

/// Queries and pipes inside of sentences; `ID`, `id` and `N` stand for a number. (Those of the portable edition are for
/// `proof/portable`, those of portable apply for its own tests: they have a server with it.)
#[test]
fn commands_in_sentences() {
    let servers = Servers::shared();
    let [source, looking] =
        ["documents_pipe", "documents_query"].map(|topic| Pair::bare(&servers, topic));
    source.source.run(SOME_DDL);
    looking
        .source
        .run_each(&WITH_SLOT.lines().map(str::trim).collect::<Vec<_>>());
    looking
        .source
        .run("SELECT dts_ddl.start_apply(trust_source => true)");
    let mut run = 0;
    for document in documents() {
        for words in quoted(&document.prose()) {
            let words = ["(id)", "(N)", "=> ID)"].iter().fold(words, |words, name| {
                words.replace(
                    name,
                    &name.replace(char::is_alphabetic, "0").replace("00", "0"),
                )
            });
            if words.starts_with("SELECT ")
                && words.contains("dts_ddl")
                && !words.contains("dts_ddl_portable")
                && !words.contains("dts_ddl_apply.")
            {
                Shell::new(&looking).sql(&format!("{words};"));
            } else if words.starts_with("psql ") && words.contains("dts_ddl.") {
                Shell::new(&source).run(&words);
            } else {
                continue;
            }
            run += 1;
        }
    }
    assert!(run > 5, "commands: {run}");
}

/// The tour from its beginning to its end, and what each of its steps prints.
#[test]
fn tour() {
    let servers = Servers::shared();
    let pair = Pair::bare(&servers, "documents_tour");
    let blocks: Vec<Block> = ["README.md", "docs/tour.md"]
        .iter()
        .flat_map(|name| document(name).blocks())
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
        pair.source.value(
            "SELECT string_agg(datname, ', ') FROM pg_database WHERE datname IN ('tour', 'copy')"
        ),
        "NULL"
    );
}
