//! `wasmill udf bench`: what a row costs in a module's functions, in batches of several sizes; in a guest that is kept,
//! in a fresh one for each batch, and natively if the module is in Rust and its source is there.

mod guest;
mod native;
mod rows;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::inspect::load;
use super::{Language, module_folder};
use crate::cli::compiler::CompilerArgs;
use crate::cli::guest_thread::on_guest_thread;
use crate::cli::print;
use crate::error::{Error, Result};
use rows::Rows;

/// Rows of a batch.
const SIZES: [usize; 3] = [64, 1_024, 8_192];

/// How long each figure is measured, and how often at least and at most; the median counts.
const MEASURE: Duration = Duration::from_millis(250);
const CALLS_MIN: usize = 5;
const CALLS_MAX: usize = 20_000;

#[derive(clap::Args)]
pub struct BenchArgs {
    /// The module, or its folder, built before
    #[arg(default_value = ".")]
    module: PathBuf,
    /// Only this function
    #[arg(long)]
    function: Option<String>,
    /// Rows of JSON lines for the function's inputs, over and over, such as the input.jsonl of a case; without it rows
    /// are made up
    #[arg(long, value_name = "FILE", requires = "function")]
    input: Option<PathBuf>,
    #[command(flatten)]
    compiler: CompilerArgs,
}

pub fn bench(args: &BenchArgs, out: &mut dyn Write) -> Result<()> {
    let (module, source) = module_and_source(&args.module)?;
    let (module, _) = load(&module, &args.compiler.runtime()?)?;
    let wanted = |name: &str| args.function.as_ref().is_none_or(|function| function == name);
    let functions = &module.manifest().functions;
    if !functions.iter().any(|function| wanted(&function.name)) {
        let names: Vec<_> = functions.iter().map(|function| function.name.as_str()).collect();
        let error = Error::user("the module has no such function");
        let error = error.with("function", args.function.as_deref().unwrap_or_default());
        return Err(error.hint(format!("it has {}", names.join(", "))));
    }
    if cfg!(debug_assertions) {
        print(out, "this wasmill is a debug build: it brings rows to guests and back slowly\n")?;
    }
    print(out, "nanoseconds a row, the median of calls\n")?;
    print(out, &line(["function", "rows", "kept guest", "fresh guest", "native"]))?;
    for function in functions.iter().filter(|function| wanted(&function.name)) {
        let batches = SIZES.map(|size| Rows::new(function, size, args.input.as_deref()));
        let batches = batches.into_iter().collect::<Result<Vec<_>>>()?;
        let natively = match &source {
            Some(folder) => native::measure(folder, function, &batches)?,
            None => None,
        };
        for (index, rows) in batches.iter().enumerate() {
            let (kept, fresh) = on_guest_thread(|| guest::measure(&module, function, rows))?;
            let native = natively.as_ref().and_then(|times| times.get(index));
            let shown = |time: Duration| format!("{:.1}", time.as_nanos() as f64 / rows.count as f64);
            let native = native.map_or("-".into(), |time| shown(*time));
            let texts = [&rows.count.to_string(), &shown(kept), &shown(fresh), &native];
            let [count, kept, fresh, native] = texts.map(String::as_str);
            print(out, &line([&function.name, count, kept, fresh, native]))?;
        }
    }
    Ok(())
}

fn line([function, rows, kept, fresh, native]: [&str; 5]) -> String {
    format!("{function:24} {rows:>6} {kept:>12} {fresh:>12} {native:>12}\n")
}

/// The module's file, and the folder of its source if that is in Rust.
fn module_and_source(given: &Path) -> Result<(PathBuf, Option<PathBuf>)> {
    let folder = if given.is_dir() { given } else { given.parent().unwrap_or(given) };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let (folder, name) = module_folder(folder)?;
    let own = folder.join(format!("{name}.wasm"));
    let module = if given.is_dir() { own.clone() } else { given.to_path_buf() };
    let is_own = module.canonicalize().is_ok_and(|path| path == own);
    let is_rust = is_own && Language::of(&folder).is_ok_and(|language| language == Language::Rust);
    Ok((module, is_rust.then_some(folder)))
}

/// The median of what `work` takes.
fn median(mut work: impl FnMut() -> Result<()>) -> Result<Duration> {
    let (started, mut times) = (Instant::now(), Vec::new());
    while times.len() < CALLS_MIN || (started.elapsed() < MEASURE && times.len() < CALLS_MAX) {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}
