//! `cargo services up | down | env`: the services of the tests, for trying things out by hand.
//!
//! A holder process owns the services, as a test process would, and ends them when it is told to. Their data are
//! kept for the next `up`, until the folder is deleted.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use harness::services::{Hdfs, Kafka, Outcome, Stop, cache};
use harness::wait::poll;

/// The first start also fetches some 130 MB.
const UP_MAX: Duration = Duration::from_secs(900);
const DOWN_MAX: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let argument = std::env::args().nth(1).unwrap_or_default();
    let result = match argument.as_str() {
        "up" => up(),
        "down" => down(),
        "env" => addresses().map(|text| print!("{text}")),
        "hold" => hold(),
        _ => Err("usage: cargo services up | down | env".to_string()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn folder() -> PathBuf {
    cache().join("up")
}

fn up() -> Outcome<()> {
    if holder().is_none() {
        fs::create_dir_all(folder()).map_err(|e| e.to_string())?;
        fs::remove_file(folder().join("env")).ok();
        let log = fs::File::create(folder().join("holder.log")).map_err(|e| e.to_string())?;
        let errors = log.try_clone().map_err(|e| e.to_string())?;
        let program = std::env::current_exe().map_err(|e| e.to_string())?;
        let mut command = Command::new(program);
        command.arg("hold").stdin(Stdio::null()).stdout(log).stderr(errors);
        // SAFETY: between fork and exec only setsid is called, which is async-signal-safe.
        unsafe {
            command.pre_exec(|| {
                libc::setsid();
                Ok(())
            });
        }
        let mut child = command.spawn().map_err(|e| e.to_string())?;
        let ready = || folder().join("env").exists() || matches!(child.try_wait(), Ok(Some(_)));
        let mut ready = ready;
        poll(UP_MAX, || ready().then_some(()));
    }
    let text = addresses().map_err(|_| {
        let log = fs::read_to_string(folder().join("holder.log")).unwrap_or_default();
        format!("the services did not start:\n{log}")
    })?;
    print!("{text}");
    Ok(())
}

fn down() -> Outcome<()> {
    let Some(pid) = holder() else { return Ok(()) };
    // SAFETY: kill has no memory effects; the pid was compared with its start time just now.
    unsafe { libc::kill(pid, libc::SIGTERM) };
    poll(DOWN_MAX, || holder().is_none().then_some(()))
        .ok_or_else(|| format!("the services did not end; their holder is process {pid}"))
}

fn addresses() -> Outcome<String> {
    let nothing = "no services run; start them with: cargo services up";
    holder().ok_or(nothing)?;
    fs::read_to_string(folder().join("env")).map_err(|_| nothing.to_string())
}

/// Runs the services until SIGTERM.
fn hold() -> Outcome<()> {
    let me = std::process::id() as i32;
    let write = |name: &str, text: String| fs::write(folder().join(name), text).map_err(|e| e.to_string());
    write("holder.pid", format!("{me} {}", started(me).unwrap_or_default()))?;
    let kafka = Kafka::start(&folder().join("kafka"))?;
    let hdfs = Hdfs::start(&folder().join("hdfs"))?;
    write(
        "env.part",
        format!(
            "KAFKA_BOOTSTRAP={}\nHDFS={}\nHADOOP_CONF_DIR={}\n",
            kafka.bootstrap,
            hdfs.uri,
            hdfs.conf_dir.display()
        ),
    )?;
    fs::rename(folder().join("env.part"), folder().join("env")).map_err(|e| e.to_string())?;
    wait_for_term()?;
    fs::remove_file(folder().join("env")).map_err(|e| e.to_string())?;
    hdfs.stop(Stop::Ask);
    kafka.stop(Stop::Ask);
    fs::remove_file(folder().join("holder.pid")).map_err(|e| e.to_string())
}

fn wait_for_term() -> Outcome<()> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    runtime.block_on(async {
        let kind = tokio::signal::unix::SignalKind::terminate();
        tokio::signal::unix::signal(kind).map_err(|e| e.to_string())?.recv().await;
        Ok(())
    })
}

/// The pid of the holder while it runs; another process that was given its pid later is not it.
fn holder() -> Option<i32> {
    let text = fs::read_to_string(folder().join("holder.pid")).ok()?;
    let (pid, start) = text.split_once(' ')?;
    let pid = pid.parse().ok()?;
    (started(pid)? == start).then_some(pid)
}

/// When a process started, in the kernel's ticks since boot; nothing if it is gone.
fn started(pid: i32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; the start time is the 20th field behind it.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18).map(str::to_string)
}
