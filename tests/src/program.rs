//! The program wasmill as a child process, built with the named points at which a test can make it die.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use crate::process::Process;

/// A query on test data takes a second or two; a machine full of compilers is slow.
pub const END_MAX: Duration = Duration::from_secs(120);

/// The program's file, of the tests' own profile: cargo builds the programs of a package before its tests.
pub fn program() -> PathBuf {
    let file = profile_folder().join("wasmill-with-faults");
    assert!(file.exists(), "{} is not built: cargo build -p wasmill-tests --bins", file.display());
    file
}

/// Runs the program with these arguments to its end.
pub fn command(arguments: &[&str]) -> Ended {
    let output = Command::new(program()).args(arguments).env("WASMILL_CACHE", cache()).output();
    let output = output.unwrap_or_else(|e| panic!("cannot run wasmill: {e}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { status: output.status, out: text(&output.stdout), log: text(&output.stderr) }
}

/// Compiled modules of all tests; not those of whoever runs them.
fn cache() -> PathBuf {
    target_folder().join("wasmill-cache")
}

/// Where cargo builds: the folder that holds `debug` and `release`.
pub fn target_folder() -> PathBuf {
    let profile = profile_folder();
    profile.parent().unwrap_or_else(|| panic!("{} has no parent", profile.display())).to_path_buf()
}

fn profile_folder() -> PathBuf {
    let own = std::env::current_exe().unwrap_or_else(|e| panic!("cannot find my own program: {e}"));
    let profile = own.ancestors().find(|folder| folder.ends_with("debug") || folder.ends_with("release"));
    profile.unwrap_or_else(|| panic!("{} is not in a folder of cargo's", own.display())).to_path_buf()
}

/// One run of `wasmill run`.
pub struct Run {
    process: Process,
}

/// How a run ended, and what it printed.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub out: String,
    pub log: String,
}

/// What a run is given besides its query file.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The point and the hit at which it dies: `commits-after:1`.
    pub kill_at: Option<String>,
    pub parallelism: Option<usize>,
}

impl Run {
    /// Starts a query file of folder `dir`, where local state and what is printed go too.
    pub fn start(dir: &Path, query: &Path, settings: &Settings) -> Run {
        let mut command = Command::new(program());
        command.arg("run").arg(query).arg("--state-dir").arg(dir.join("state")).args(["--output", "json"]);
        command.env("WASMILL_CACHE", cache()).env_remove("WASMILL_KILL_AT").env_remove("WASMILL_PARALLELISM");
        if let Some(point) = &settings.kill_at {
            command.env("WASMILL_KILL_AT", point);
        }
        if let Some(threads) = settings.parallelism {
            command.env("WASMILL_PARALLELISM", threads.to_string());
        }
        Run { process: Process::start(dir, "wasmill", command).unwrap_or_else(|e| panic!("{e}")) }
    }

    /// Waits for the end; a run that does not end within [`END_MAX`] fails the test with the end of its log.
    pub fn ended(self) -> Ended {
        let status = self.process.wait(END_MAX);
        let status = status.unwrap_or_else(|| panic!("wasmill did not end:\n{}", self.process.log_end()));
        Ended { status, out: self.process.out(), log: self.process.log() }
    }

    /// Asks it to finish its batch and end.
    pub fn ask_to_end(&self) {
        self.process.signal(libc::SIGTERM);
    }

    pub fn kill(&self) {
        self.process.signal(libc::SIGKILL);
    }

    pub fn is_running(&self) -> bool {
        self.process.is_running()
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Standard error so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Standard output so far.
    pub fn out(&self) -> String {
        self.process.out()
    }
}

impl Ended {
    pub fn was_killed(&self) -> bool {
        use std::os::unix::process::ExitStatusExt;
        self.status.signal() == Some(libc::SIGKILL)
    }

    /// The end of the log, for a failure's message.
    pub fn says(&self) -> String {
        let lines: Vec<&str> = self.log.lines().filter(|line| !line.starts_with('{')).collect();
        format!("{}: {}", self.status, lines.join("\n"))
    }
}
