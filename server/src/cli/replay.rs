//! `wasmill replay`: makes a call of a guest that failed again, with the same module or with a mended one.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::guest_thread::on_guest_thread;
use super::print;
use crate::error::{Error, Result};
use crate::record::format_timestamp_micros;
use crate::udf::{Limits, Recording, Replayed, Runtime, replay};

#[derive(clap::Args)]
pub struct ReplayArgs {
    /// The call: the file that the error names as `replay`
    file: PathBuf,
    /// Make it with this module instead of the one that failed
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,
}

/// Fails as the call does; so a call that goes well ends with 0.
pub fn run(args: &ReplayArgs, out: &mut dyn Write) -> Result<()> {
    let file = read(&args.file)?;
    let recording = Recording::from_bytes(&file).map_err(|error| error.with("file", args.file.display()))?;
    let bytes = match &args.module {
        Some(path) => read(path)?.into(),
        None => recording.module.clone(),
    };
    let module = Runtime::showing_lines(Limits::default())?.load(&bytes)?;
    let recorded = recording.error.lines().next().unwrap_or_default();
    let other = if module.digest() == recording.module_digest { "the same" } else { "another" };
    print(
        out,
        &format!(
            "function  {}\nmodule    {}, {other} one\ntime      {}\nfailed    {recorded}\n",
            recording.function,
            module.digest(),
            format_timestamp_micros(recording.moment.time_us),
        ),
    )?;
    report(on_guest_thread(|| replay(&recording, &module))?, out)
}

fn report(replayed: Replayed, out: &mut dyn Write) -> Result<()> {
    let Some(first) = replayed.refused.first() else {
        return print(out, &format!("now       it goes well: {} rows\n", replayed.rows_out));
    };
    Err(Error::user("the function refuses rows of the call")
        .with("rows", replayed.refused.len())
        .with("first", first.row)
        .with("message", &first.message))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|e| Error::user("cannot read the file").with("file", path.display()).because(e))
}
