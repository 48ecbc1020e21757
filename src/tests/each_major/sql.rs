//! The SQL-level tests: every file of `pg_test/` is one test, run by psql in a database of its own.
//!
//! The first lines of a file may say
//! - `-- requires: 15` (that major or later) or `-- requires: 13..18`,
//! - `-- requires-extension: hstore` and `-- requires-library: test_decoding` (skipped where it is not installed),
//! - `-- requires-not-preloaded: REASON` (skipped where the whole server has loaded the library),
//! - `-- requires-locale: de_DE.utf8 ja_JP.utf8` (one of these, with translated server messages; psql's variable `lc`),
//! - `-- database: ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'` (options of CREATE DATABASE),
//! - `-- extension: no` (the file creates the extension itself).

use crate::tests::server::{Database, preloaded, server, skipped};
use std::path::{Path, PathBuf};
use std::process::Output;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pg_test")
}

macro_rules! sql_tests {
    ($($topic:ident { $($name:ident)* })*) => {
        /// The files that have a test.
        const FILES: &[&str] = &[$($(concat!(stringify!($topic), "/", stringify!($name), ".sql")),*),*];
        $(mod $topic {
            $(#[test]
            fn $name() {
                super::run(concat!(stringify!($topic), "/", stringify!($name), ".sql"));
            })*
        })*
    };
}

sql_tests! {
    columns { client lastval object schema temp_path time_txid who }
    contract { acl by_service clash comments drop_recreate shape }
    ctas { forms hidden_types order_pgoutput order_test_decoding tablespace types }
    encoding { euc_cn euc_jis_2004 latin1 sql_ascii utf8 }
    errors { diagnostics read_only_commit }
    event_triggers { caught login order_decoded order_on_drop others }
    failure { on_error_warning sequence_changed table_changed table_extras }
    message { access_method drops nesting no_schema_name objects relations replay reset rewrites settings short superuser }
    message_stream { encoding test_decoding }
    privileges { adopt_tables attack direct_call drop_public nothing_by_name own_objects unprivileged }
    publication {
        all_tables join modes newly_published newly_published_schema no_right published published_except published_schema
        schema set_logged strangers update_delete
    }
    replayable {
        added_value computed_bound explain from_current grant_on_all invalid_index like_temporary sequence_range short_lived system_relations temporary_parts
    }
    replica_identity { catalog }
    retention { increment max_age max_rows }
    roles { commands passwords preload }
    rows {
        cluster concurrently detach_concurrently each_command extension_plpgsql extension_scripts foreign_schema no_ops
        not_ddl own_bookkeeping owned partitions reindex replica_role security_label temporary temporary_cascade
        toasted_concurrently
    }
    qualify { extension latin1 statements uncertain }
    script { access alone alone_detach alone_reindex encoding format range unreadable }
    secrets { redact }
    settings { load_by_name placeholders preload reserved_prefix reserved_prefix_later values }
    text {
        begin_atomic bind comments do_block exceptions execute first_ddl gexec lc_messages multi_statement nested
        plperl plpgsql plpython3u pltcl procedure quotes quotes_escapes repeated savepoints sql_function triggers
    }
}

/// No file may lie in `pg_test/` without being run.
#[test]
fn every_file_has_a_test() {
    let mut found = Vec::new();
    for topic in std::fs::read_dir(directory()).expect("pg_test") {
        let topic = topic.expect("an entry of pg_test").path();
        if !topic.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(&topic).expect("a topic of pg_test") {
            let path = file.expect("an entry of a topic").path();
            let name = path
                .strip_prefix(directory())
                .expect("a path inside pg_test");
            found.push(name.to_str().expect("a plain file name").to_owned());
        }
    }
    found.sort();
    let mut listed: Vec<String> = FILES.iter().map(ToString::to_string).collect();
    listed.sort();
    assert_eq!(found, listed);
}

/// The value of a directive in the comment lines at the top of a file.
fn directive<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .take_while(|line| line.starts_with("--"))
        .find_map(|line| {
            line.strip_prefix("-- ")?
                .strip_prefix(name)?
                .strip_prefix(':')
        })
        .map(str::trim)
}

/// Why the file cannot run on this server.
fn missing(text: &str, database: &Database) -> Option<String> {
    if let Some(range) = directive(text, "requires") {
        let (from, to) = range.split_once("..").unwrap_or((range, "99"));
        let (from, to): (u32, u32) = (from.parse().expect("a major"), to.parse().expect("a major"));
        let major = server().major;
        if !(from..=to).contains(&major) {
            return Some(format!("needs PostgreSQL {range}, this is {major}"));
        }
    }
    if let Some(extension) = directive(text, "requires-extension") {
        let installed = database.value(&format!(
            "SELECT count(*) FROM pg_available_extensions WHERE name = '{extension}'"
        ));
        if installed == "0" {
            return Some(format!("extension {extension} is not installed"));
        }
    }
    if let Some(library) = directive(text, "requires-library")
        && let Err(error) = database
            .connect()
            .batch_execute(&format!("LOAD '{library}'"))
    {
        return Some(format!("library {library} cannot be loaded: {error}"));
    }
    if let Some(reason) = directive(text, "requires-not-preloaded")
        && preloaded()
    {
        return Some(reason.to_owned());
    }
    if directive(text, "requires-locale").is_some() && translated(text, database).is_none() {
        return Some("the server has no messages in another language".into());
    }
    None
}

/// The first of the locales that the file names in which the server's messages are not English.
fn translated<'a>(text: &'a str, database: &Database) -> Option<&'a str> {
    let mut client = database.connect();
    directive(text, "requires-locale")?
        .split_whitespace()
        .find(|locale| {
            client
                .batch_execute(&format!("SET lc_messages = '{locale}'"))
                .is_ok()
                && client.batch_execute("SELECT 1/0").is_err_and(|error| {
                    error
                        .as_db_error()
                        .is_some_and(|error| error.message() != "division by zero")
                })
        })
}

fn psql(database: &Database, arguments: &[&str]) -> Output {
    database
        .psql()
        .env("PGOPTIONS", "-c statement_timeout=300s")
        .args(["-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
        .args([
            "-v",
            &format!("db={}", database.name),
            "-v",
            &format!("user={}", server().user),
        ])
        .args(arguments)
        .output()
        .expect("psql")
}

fn run(file: &str) {
    let path = directory().join(file);
    let text = String::from_utf8_lossy(&std::fs::read(&path).expect(file)).into_owned();
    let options =
        directive(&text, "database").unwrap_or("ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'");
    let database = Database::with_options(file.trim_end_matches(".sql"), options);
    if let Some(reason) = missing(&text, &database) {
        skipped(file, &reason);
        return;
    }
    let library = directory().join("lib.sql");
    let mut setup = vec!["-f", library.to_str().expect("a plain path")];
    if directive(&text, "extension") != Some("no") {
        setup.extend(["-c", "CREATE EXTENSION dts_ddl_capture"]);
    }
    let locale = format!("lc={}", translated(&text, &database).unwrap_or("C"));
    for arguments in [
        setup,
        vec!["-v", &locale, "-f", path.to_str().expect("a plain path")],
    ] {
        let output = psql(&database, &arguments);
        if !output.status.success() {
            let stdout = String::from_utf8_lossy(&output.stdout);
            let last: Vec<&str> = stdout.lines().rev().take(5).collect();
            let last: Vec<&str> = last.into_iter().rev().collect();
            let stderr = String::from_utf8_lossy(&output.stderr);
            panic!(
                "{file} failed ({}) after\n{}\n\n{stderr}",
                output.status,
                last.join("\n")
            );
        }
    }
}
