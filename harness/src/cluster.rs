//! A PostgreSQL server of its own, for a test that restarts or kills it, or needs two.

use postgres::{Client, Config, NoTls};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Where the programs of one PostgreSQL lie.
#[derive(Clone)]
pub struct Installation {
    bindir: PathBuf,
    pub major: u32,
    user: String,
}

impl Installation {
    /// `user` is the superuser that fresh clusters get.
    pub fn new(bindir: impl Into<PathBuf>, major: u32, user: &str) -> Self {
        Self {
            bindir: bindir.into(),
            major,
            user: user.to_owned(),
        }
    }

    pub fn program(&self, name: &str) -> PathBuf {
        self.bindir.join(name)
    }

    /// Where `CREATE EXTENSION` finds its files.
    pub fn extension_directory(&self) -> PathBuf {
        let output = Command::new(self.program("pg_config"))
            .arg("--sharedir")
            .output()
            .expect("pg_config");
        let directory = String::from_utf8(output.stdout).expect("a plain path");
        Path::new(directory.trim()).join("extension")
    }
}

pub struct Cluster {
    pub installation: Installation,
    directory: PathBuf,
    /// Stops the server and removes the directory as soon as its standard input ends. That happens when the value is
    /// dropped, and also when this process ends in any other way: values in statics are never dropped.
    guard: Mutex<Child>,
}

impl Cluster {
    /// A fresh cluster, stopped.
    pub fn of(installation: Installation) -> Self {
        let cluster = Self::empty(installation);
        run(
            &cluster.installation.program("initdb"),
            &[
                "-A",
                "trust",
                "-U",
                &cluster.installation.user,
                "-N",
                "--locale=C",
                "-E",
                "UTF8",
                "-D",
                &cluster.path("data"),
            ],
        );
        cluster
    }

    /// A standby of this one, which is running; stopped.
    pub fn standby(&self) -> Self {
        let standby = Self::empty(self.installation.clone());
        run(
            &self.installation.program("pg_basebackup"),
            &[
                "-h",
                &self.path(""),
                "-p",
                "5432",
                "-U",
                &self.installation.user,
                "-c",
                "fast",
                "-R",
                "-D",
                &standby.path("data"),
            ],
        );
        standby
    }

    /// A directory for one.
    fn empty(installation: Installation) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "dts_cluster_{}_{}",
            std::process::id(),
            NUMBER.fetch_add(1, Ordering::Relaxed)
        );
        let directory = Path::new("/tmp").join(name);
        let guard = guard(&installation, &directory);
        let cluster = Self {
            installation,
            directory,
            guard: Mutex::new(guard),
        };
        let directory = cluster.directory.to_str().expect("a plain path");
        run(Path::new("mkdir"), &["-m", "700", directory]);
        cluster
    }

    fn path(&self, name: &str) -> String {
        self.directory
            .join(name)
            .to_str()
            .expect("a plain path")
            .to_owned()
    }

    /// `options` are options of the postgres executable.
    pub fn start(&self, options: &str) {
        if let Err(problem) = self.try_start(options) {
            panic!("{problem}\n{}", self.log());
        }
    }

    /// The same with variables of the environment (`NAME=value`).
    pub fn start_in(&self, environment: &[String], options: &str) {
        if let Err(problem) = self.try_start_in(environment, options) {
            panic!("{problem}\n{}", self.log());
        }
    }

    fn try_start(&self, options: &str) -> Result<(), String> {
        self.try_start_in(&[], options)
    }

    fn try_start_in(&self, environment: &[String], options: &str) -> Result<(), String> {
        // Its socket lies in a directory of its own, so that the port cannot collide with anything.
        let options = format!(
            "-p 5432 -c listen_addresses= -c unix_socket_directories={} -F {options}",
            self.directory.display()
        );
        let program = self.installation.program("pg_ctl");
        let (data, log) = (self.path("data"), self.path("log"));
        let start = ["start", "-w", "-D", &data, "-l", &log, "-o", &options];
        let arguments = environment.iter().map(String::as_str);
        let arguments: Vec<&str> = arguments
            .chain([program.to_str().unwrap()])
            .chain(start)
            .collect();
        try_run(Path::new("env"), &arguments)
    }

    /// `mode` as pg_ctl knows it.
    pub fn stop(&self, mode: &str) {
        run(
            &self.installation.program("pg_ctl"),
            &["stop", "-w", "-m", mode, "-D", &self.path("data")],
        );
    }

    /// kill -9 of all its processes, and a new start with these options.
    pub fn kill_and_start(&self, options: &str) {
        let pid = std::fs::read_to_string(self.path("data/postmaster.pid")).expect("a pid file");
        let pid = pid.lines().next().expect("a pid").trim();
        run(
            Path::new("sh"),
            &[
                "-c",
                &format!(
                    // stopped first, so that it makes no more of them
                    "kill -STOP {pid}; children=$(ps -o pid= --ppid {pid}); kill -KILL {pid} $children 2>/dev/null; true"
                ),
            ],
        );
        // a process that goes may still hold the shared memory
        let start = Instant::now();
        while let Err(problem) = self.try_start(options) {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "{problem}\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub fn config(&self, database: &str) -> Config {
        let mut config = Config::new();
        config
            .host_path(&self.directory)
            .port(5432)
            .user(&self.installation.user)
            .dbname(database);
        config
    }

    pub fn connect(&self, database: &str) -> Client {
        self.config(database)
            .connect(NoTls)
            .expect("a connection to the server of its own")
    }

    pub fn socket_directory(&self) -> &Path {
        &self.directory
    }

    /// As libpq wants it.
    pub fn connection_string(&self, database: &str) -> String {
        format!(
            "host={} port=5432 user={} dbname={database}",
            self.directory.display(),
            self.installation.user
        )
    }

    pub fn log(&self) -> String {
        let log = std::fs::read(self.path("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let guard = self.guard.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(guard.stdin.take());
        let _ = guard.wait();
    }
}

fn guard(installation: &Installation, directory: &Path) -> Child {
    let user = server_user().map_or_else(String::new, |user| format!("sudo -u {user}"));
    let script = format!(
        "read line; {user} '{}' stop -m immediate -D '{1}/data'; {user} rm -rf '{1}'",
        installation.program("pg_ctl").display(),
        directory.display()
    );
    Command::new("sh")
        .args(["-c", &script])
        .current_dir("/tmp")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // an interrupt from the keyboard goes to the whole group of the test
        .process_group(0)
        .spawn()
        .expect("sh")
}

/// PostgreSQL refuses to run as root: then pgrx was told as whom to run it.
fn server_user() -> Option<String> {
    std::env::var("CARGO_PGRX_TEST_RUNAS").ok()
}

/// A command that runs as the user whose servers these are.
pub fn as_server_user(program: &Path) -> Command {
    let mut command = match server_user() {
        Some(user) => {
            let mut command = Command::new("sudo");
            command.args(["-u", &user, "env"]);
            command
        }
        None => Command::new("env"),
    };
    // Servers are as hostile an environment as an administrator could make them by mistake.
    command.arg("RUST_BACKTRACE=1").arg(program);
    command.current_dir("/tmp");
    command
}

fn run(program: &Path, arguments: &[&str]) {
    if let Err(problem) = try_run(program, arguments) {
        panic!("{problem}");
    }
}

fn try_run(program: &Path, arguments: &[&str]) -> Result<(), String> {
    // A pipe would stay open in the server that pg_ctl leaves behind, and be waited for.
    let output = std::env::temp_dir().join(format!(
        "dts_command_{}_{:?}",
        std::process::id(),
        std::thread::current().id()
    ));
    let file = std::fs::File::create(&output).expect("a file for the output");
    let status = as_server_user(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(file.try_clone().expect("the same file"))
        .stderr(file)
        .status()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let text = std::fs::read_to_string(&output).unwrap_or_default();
    let _ = std::fs::remove_file(&output);
    if status.success() {
        Ok(())
    } else {
        Err(format!(
            "{} {arguments:?}: {status}\n{text}",
            program.display()
        ))
    }
}
