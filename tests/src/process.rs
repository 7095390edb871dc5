//! A child process that cannot outlive us.
//!
//! Each child asks the kernel to be killed when its parent *thread* ends. So one thread, which never ends before
//! the process does, starts all of them: not the threads of tests, which come and go.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use crate::services::Outcome;
use crate::wait::poll;

/// Long enough for a cold JVM on a busy machine.
const READY_MAX: Duration = Duration::from_secs(120);
/// After that a server that was asked to end is killed.
const STOP_MAX: Duration = Duration::from_secs(30);
/// Lines of a log that an error shows.
const LOG_LINES: usize = 20;
/// Requests waiting for the thread that starts children.
const STARTS_MAX: usize = 16;

/// How to end a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// SIGTERM: it may tidy up.
    Ask,
    /// SIGKILL: a crash.
    Kill,
}

/// One running child. What it prints goes to `NAME.out` and `NAME.log` in its folder.
pub struct Process {
    name: String,
    out: PathBuf,
    log: PathBuf,
    child: Mutex<Child>,
}

impl Process {
    /// Starts `command`; returns at once.
    pub fn start(dir: &Path, name: &str, mut command: Command) -> Outcome<Process> {
        let (out, log) = (dir.join(format!("{name}.out")), dir.join(format!("{name}.log")));
        let failed = |e: std::io::Error| format!("cannot start {name}: {e}");
        command.stdin(Stdio::null());
        command.stdout(File::create(&out).map_err(failed)?).stderr(File::create(&log).map_err(failed)?);
        bind_to_parent(&mut command);
        let child = spawn(command).map_err(failed)?;
        Ok(Process { name: name.to_string(), out, log, child: Mutex::new(child) })
    }

    /// Waits until `ready` says so; fails with the end of the log if the server ends before, or takes too long.
    pub fn wait_ready(&self, mut ready: impl FnMut(&str) -> bool) -> Outcome<()> {
        let verdict = poll(READY_MAX, || {
            if ready(&(self.out() + &self.log())) {
                return Some(true);
            }
            (!self.is_running()).then_some(false)
        });
        match verdict {
            Some(true) => Ok(()),
            _ => Err(format!("{} did not become ready; the end of its log:\n{}", self.name, self.log_end())),
        }
    }

    /// Ends the child and waits for it; nothing to do if it has ended.
    pub fn stop(&self, how: Stop) {
        self.signal(if how == Stop::Ask { libc::SIGTERM } else { libc::SIGKILL });
        if poll(STOP_MAX, || (!self.is_running()).then_some(())).is_none() {
            self.signal(libc::SIGKILL);
            poll(STOP_MAX, || (!self.is_running()).then_some(()));
        }
    }

    /// Sends a signal, unless the child has ended: until it is waited for, its pid is nobody else's.
    pub fn signal(&self, signal: i32) {
        let mut child = self.child();
        if matches!(child.try_wait(), Ok(None)) {
            // SAFETY: kill has no memory effects, and the pid is that of our child, which is not reaped.
            unsafe { libc::kill(child.id() as i32, signal) };
        }
    }

    /// How it ended, or nothing if it still runs after `limit`.
    pub fn wait(&self, limit: Duration) -> Option<ExitStatus> {
        poll(limit, || self.child().try_wait().ok().flatten())
    }

    pub fn pid(&self) -> u32 {
        self.child().id()
    }

    pub fn is_running(&self) -> bool {
        matches!(self.child().try_wait(), Ok(None))
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Standard output so far.
    pub fn out(&self) -> String {
        text_of(&self.out)
    }

    /// Standard error so far.
    pub fn log(&self) -> String {
        text_of(&self.log)
    }

    pub fn log_end(&self) -> String {
        let log = self.out() + &self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop(Stop::Kill);
    }
}

fn text_of(file: &Path) -> String {
    std::fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// A session of its own, so that Ctrl-C in a terminal does not reach it; and the kernel's kill when we end.
fn bind_to_parent(command: &mut Command) {
    // SAFETY: between fork and exec only setsid and prctl are called, which are async-signal-safe.
    unsafe {
        command.pre_exec(|| {
            libc::setsid();
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
}

struct Start {
    command: Command,
    reply: SyncSender<std::io::Result<Child>>,
}

fn spawn(command: Command) -> std::io::Result<Child> {
    static STARTER: OnceLock<SyncSender<Start>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (sender, starts): (SyncSender<Start>, Receiver<Start>) = sync_channel(STARTS_MAX);
        std::thread::spawn(move || {
            for mut start in starts {
                // Whoever asked may have given up; then the child is dropped and ends with us.
                start.reply.send(start.command.spawn()).ok();
            }
        });
        sender
    });
    let (reply, answer) = sync_channel(1);
    let gone = || std::io::Error::other("the thread that starts processes has ended");
    starter.send(Start { command, reply }).map_err(|_| gone())?;
    answer.recv().map_err(|_| gone())?
}
