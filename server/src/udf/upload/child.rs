//! The process that compiles one module, seen from both sides: what starts it, and what it does. It gets the module on
//! standard input and answers on standard output with a line of JSON and the machine code behind it.

use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use serde::{Deserialize, Serialize};

use super::artifact::Artifact;
use super::compiler::Compiler;
use super::confine;
use super::trial::try_out;
use crate::error::{Error, ErrorKind, Result};
use crate::udf::limits::{COMPILER_STACK_BYTES, Limits, REFUSAL_BYTES_MAX, artifact_bytes_max};
use crate::udf::memory::printable;
use crate::udf::runtime::Runtime;

/// The command of `wasmill` that is the child; its one argument are the limits as JSON.
pub const COMMAND: &str = "compile-module";

/// What the child answers, in one line.
#[derive(Default, Serialize, Deserialize)]
struct Answer {
    refusal: Option<Refusal>,
    /// What could not be shut, and why.
    open: Vec<String>,
}

/// An error on its way between processes.
#[derive(Serialize, Deserialize)]
struct Refusal {
    is_users: bool,
    message: String,
    detail: String,
    hint: Option<String>,
}

/// Compiles a module in a child that runs `program`.
pub fn compile(program: &Path, bytes: &[u8], limits: &Limits) -> Result<Artifact> {
    let failed = |error: io::Error| {
        Error::external("run the compiler in a process of its own")
            .with("program", program.display())
            .because(error)
    };
    let mut child = Command::new(program)
        .arg0("wasmill")
        .args([COMMAND, &limits.to_json()?])
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // What is written there is for whoever starts it by hand.
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let answer = exchange(&mut child, bytes, limits);
    if answer.is_err() {
        // It may be waiting for us; if it has ended there is nothing to kill.
        child.kill().ok();
    }
    let status = child.wait().map_err(failed)?;
    if !status.success() {
        return Err(ended(status, limits));
    }
    read_answer(&answer.map_err(failed)?, bytes.len())
}

/// Hands the module over and takes what comes back, which is no more than there may be. The child ends by itself when
/// its time is over, so that neither lasts.
fn exchange(child: &mut Child, bytes: &[u8], limits: &Limits) -> io::Result<Vec<u8>> {
    if let Some(mut stdin) = child.stdin.take() {
        match stdin.write_all(bytes) {
            // It has ended, and its status says why.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            written => written?,
        }
    }
    let mut answer = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let max = artifact_bytes_max(limits.module_bytes) + REFUSAL_BYTES_MAX;
        stdout.take(max as u64 + 1).read_to_end(&mut answer)?;
    }
    Ok(answer)
}

/// The error of a child that did not answer.
fn ended(status: ExitStatus, limits: &Limits) -> Error {
    let over = |limit: String| {
        Error::user("the module is too much for the compiler").with("limit", limit).hint(
            "its functions are too large or too many, or do not end when they are tried out: split the largest, inline less, leave out what is not used",
        )
    };
    match status.signal() {
        Some(libc::SIGXCPU) => over(format!("{} s of processor time", limits.compile_cpu_s)),
        Some(libc::SIGALRM) => over(format!("{} s", limits.compile_s)),
        // An allocation that fails, or a stack that is used up, aborts.
        Some(libc::SIGABRT) => over(format!("{} bytes of memory", limits.compile_memory_bytes)),
        Some(signal) => Error::external("the compiler's process was killed")
            .with("signal", signal)
            .hint("SIGKILL, 9, is what a machine out of memory sends"),
        None => Error::internal("the compiler's process failed").with("status", status),
    }
}

fn read_answer(answer: &[u8], module_bytes: usize) -> Result<Artifact> {
    let nonsense = || Error::internal("the compiler's process did not answer as it should");
    let end = answer.iter().position(|byte| *byte == b'\n').ok_or_else(nonsense)?;
    let (line, code) = (&answer[..end], &answer[end + 1..]);
    let answer: Answer = serde_json::from_slice(line).map_err(|error| nonsense().because(error))?;
    for door in &answer.open {
        tracing::warn!("the compiler's process is less shut in than it should be: {}", shown(door));
    }
    if let Some(refusal) = answer.refusal {
        return Err(refusal.into_error());
    }
    let max = artifact_bytes_max(module_bytes);
    if code.len() > max {
        return Err(too_large(code.len(), max));
    }
    Ok(Artifact::from_our_compiler(code.to_vec()))
}

fn too_large(bytes: usize, max: usize) -> Error {
    Error::user("the machine code of the module is too large")
        .with("bytes", bytes)
        .with("bytes_max", max)
        .hint(
            "the module has very many small functions: let the compiler of its language inline or drop them",
        )
}

/// The child has read a module and may say anything.
fn shown(text: &str) -> String {
    printable(text.as_bytes(), REFUSAL_BYTES_MAX)
}

impl Refusal {
    fn of(error: &Error) -> Refusal {
        let report = error.report();
        let is_hint = |line: &&str| line.trim_start().starts_with("hint: ");
        let mut lines = report.lines();
        let message = lines.next().unwrap_or_default().trim_start_matches("error: ").to_string();
        let detail: Vec<&str> = lines.filter(|line| !is_hint(line)).map(str::trim_start).collect();
        let hint = report.lines().find(is_hint).map(|line| line.trim_start().replacen("hint: ", "", 1));
        Refusal { is_users: error.kind() == ErrorKind::User, message, detail: detail.join("\n"), hint }
    }

    fn into_error(self) -> Error {
        let kind = if self.is_users { ErrorKind::User } else { ErrorKind::Internal };
        let mut error = Error::new(kind, shown(&self.message));
        if !self.detail.is_empty() {
            error = error.detail(shown(&self.detail));
        }
        match self.hint {
            Some(hint) => error.hint(shown(&hint)),
            None => error,
        }
    }
}

/// The child: shuts itself in, compiles the module on standard input under these limits, tries it out, and answers on
/// standard output.
pub fn compile_for_parent(limits: &Limits) -> Result<()> {
    confine::limit_time(limits)?;
    // What reserves address space comes before the limit of memory.
    let runtime = Runtime::new(Limits { instances: 2, ..limits.clone() }, Compiler::Here)?;
    let open = confine::shut_in(limits)?;
    let failed = |what: &'static str| move |error: io::Error| Error::external(what).because(error);
    let mut bytes = Vec::new();
    let max = limits.module_bytes as u64 + 1;
    io::stdin().take(max).read_to_end(&mut bytes).map_err(failed("read the module"))?;
    // A compiler's stack may be deep, and a guest's must be.
    let work = std::thread::Builder::new().stack_size(COMPILER_STACK_BYTES);
    let work = work.spawn(move || machine_code(&runtime, &bytes)).map_err(failed("start a thread"))?;
    let code = work.join().unwrap_or_else(|_| Err(Error::internal("the compiler panicked")));
    let (refusal, code) = match code {
        Ok(code) => (None, code),
        Err(error) => (Some(Refusal::of(&error)), Vec::new()),
    };
    let line = serde_json::to_string(&Answer { refusal, open });
    let line = line.map_err(|error| Error::internal("write an answer").because(error))?;
    let mut out = io::stdout();
    let written = writeln!(out, "{line}").and_then(|()| out.write_all(&code)).and_then(|()| out.flush());
    written.map_err(failed("answer"))
}

fn machine_code(runtime: &std::sync::Arc<Runtime>, bytes: &[u8]) -> Result<Vec<u8>> {
    let module = runtime.load(bytes)?;
    try_out(&module).map_err(|error| {
        Error::new(error.kind(), "the module failed when it was tried out").because(error)
    })?;
    let code = module.pre.module().serialize();
    let code = code.map_err(|error| Error::internal("write down machine code").because(error))?;
    let max = artifact_bytes_max(bytes.len());
    if code.len() > max { Err(too_large(code.len(), max)) } else { Ok(code) }
}
