//! What a person does who reads the commands of a document: a shell in a directory of its own, with `SRC` and `DST` as connection
//! strings of two databases; the programs of the server under test are on its PATH, and connect to the source if nothing else is said.

use super::pair::{Node, Pair};
use super::server::server;
use std::io::Write;
use std::process::{Command, Stdio};

pub struct Shell<'a> {
    pair: &'a Pair,
    directory: std::path::PathBuf,
}

impl<'a> Shell<'a> {
    pub fn new(pair: &'a Pair) -> Self {
        let directory = std::env::temp_dir().join(format!(
            "dts_readme_{}_{}",
            std::process::id(),
            pair.source.database
        ));
        std::fs::create_dir_all(&directory).expect("a directory");
        Self { pair, directory }
    }

    /// Commands of a shell; their output.
    #[track_caller]
    pub fn run(&self, commands: &str) -> String {
        self.try_run(commands)
            .unwrap_or_else(|problem| panic!("{problem}"))
    }

    pub fn try_run(&self, commands: &str) -> Result<String, String> {
        let mut bash = self.command("bash");
        bash.args(["-euo", "pipefail", "-c", commands]);
        let output = bash.output().expect("bash");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        // dumps of roles have those that every server has
        let unexpected = errors
            .lines()
            .any(|line| line.contains("ERROR") && !line.contains("already exists"));
        if output.status.success() && !unexpected {
            Ok(text)
        } else {
            Err(format!("{commands}\n{text}\n{errors}"))
        }
    }

    /// What somebody types into psql; what they see.
    #[track_caller]
    pub fn sql(&self, text: &str) -> String {
        let mut psql = self
            .command("bash")
            .args(["-c", "psql -X -v ON_ERROR_STOP=1 2>&1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("psql");
        let mut stdin = psql.stdin.take().expect("its input");
        stdin.write_all(text.as_bytes()).expect("the text");
        drop(stdin);
        let output = psql.wait_with_output().expect("its output");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}\n{printed}");
        printed
    }

    fn command(&self, program: &str) -> Command {
        let source = self.pair.source.cluster();
        let connection = |node: &Node| node.cluster().connection_string(&node.database);
        let programs = source.installation.program("");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(program);
        command
            .current_dir(&self.directory)
            .env("PATH", format!("{}:{path}", programs.display()))
            .env("SRC", connection(&self.pair.source))
            .env("DST", connection(&self.pair.destination))
            .env("PGHOST", source.socket_directory())
            .env("PGPORT", "5432")
            .env("PGUSER", &server().user)
            .env("PGDATABASE", &self.pair.source.database)
            .env("LC_ALL", "C");
        command
    }
}

impl Drop for Shell<'_> {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
