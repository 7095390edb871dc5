//! `wasmill run`: the queries of a file in the foreground, until they end, fail or are told to stop.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use super::explain::plans;
use super::{PlanArgs, report};
use crate::clock::SystemClock;
use crate::error::{Error, ErrorKind, Result};
use crate::query::{QueryProgress, RunSettings, StopSignal, run_query};
use crate::state::{MEMORY_BYTES_DEFAULT, SharedMemory};

#[derive(clap::Args)]
pub struct RunArgs {
    #[command(flatten)]
    plan: PlanArgs,
    /// Where the local state lives; it holds nothing that the checkpoint cannot give back
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Threads of each query [default: as many as there are processors]
    #[arg(long, value_name = "N", env = "WASMILL_PARALLELISM", value_parser = clap::value_parser!(u16).range(1..=128))]
    parallelism: Option<u16>,
    /// How progress is printed on standard error
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Output {
    /// A line a batch
    Text,
    /// Spark's progress object, one a line
    Json,
}

pub fn run(args: RunArgs) -> Result<()> {
    let plans = plans(&args.plan)?;
    let stop = StopSignal::default();
    listen_for_signals(stop.clone())?;
    let available = std::thread::available_parallelism().map_or(1, |n| n.get());
    let settings = RunSettings {
        state_dir: args.state_dir.unwrap_or_else(|| std::env::temp_dir().join("wasmill-state")),
        parallelism: args.parallelism.map_or(available, usize::from),
        clock: Arc::new(SystemClock),
        state_memory: SharedMemory::new(MEMORY_BYTES_DEFAULT),
    };
    let output = args.output;
    let results: Vec<(String, Result<()>)> = std::thread::scope(|scope| {
        let mut running = Vec::new();
        for (plan, context) in plans {
            let (name, stop, settings) = (plan.name.clone(), stop.clone(), &settings);
            let handle = scope.spawn(move || {
                let result =
                    run_query(&plan, &context, settings, &stop, &|progress| print_progress(output, progress));
                if result.is_err() {
                    // The other queries of the file finish their batch and end too, so that the failure is seen.
                    stop.request();
                }
                result
            });
            running.push((name, handle));
        }
        let join = |(name, handle): (String, std::thread::ScopedJoinHandle<'_, Result<()>>)| {
            (name, handle.join().unwrap_or_else(|_| Err(Error::internal("a query's thread panicked"))))
        };
        running.into_iter().map(join).collect()
    });
    one_result(results)
}

/// The first failure; all others are printed.
fn one_result(results: Vec<(String, Result<()>)>) -> Result<()> {
    let mut first = None;
    for (name, result) in results {
        let Err(error) = result else { continue };
        let error = Error::new(error.kind(), "run the query").with("query", name).because(error);
        match first {
            None => first = Some(error),
            Some(_) => report(&error),
        }
    }
    first.map_or(Ok(()), Err)
}

/// Progress is for eyes: a standard error that is gone does not end a query.
fn print_progress(output: Output, progress: &QueryProgress) {
    let line = match output {
        Output::Text => progress.to_line(),
        Output::Json => progress.to_json().to_string(),
    };
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// SIGTERM and Ctrl-C ask the queries to finish their batch; the second ends the process at once.
fn listen_for_signals(stop: StopSignal) -> Result<()> {
    let failed = |e: std::io::Error| Error::new(ErrorKind::External, "listen for signals").because(e);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let signals = {
        let _inside = runtime.enter();
        use tokio::signal::unix::{SignalKind, signal};
        (signal(SignalKind::terminate()).map_err(failed)?, signal(SignalKind::interrupt()).map_err(failed)?)
    };
    let listen = move || {
        let (mut terminate, mut interrupt) = signals;
        runtime.block_on(async {
            for asked_before in [false, true] {
                let code = tokio::select! {
                    _ = terminate.recv() => 143,
                    _ = interrupt.recv() => 130,
                };
                if asked_before {
                    std::process::exit(code);
                }
                stop.request();
            }
        });
    };
    std::thread::Builder::new().name("signals".into()).spawn(listen).map_err(failed)?;
    Ok(())
}
