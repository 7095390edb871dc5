//! The native baseline of a module in Rust: a small program around its crate, built with the same profile, runs the
//! function on the same rows. The kit's `bench.rs` is its other half.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use arrow::array::{Array, ArrayData, ArrayRef};

use super::rows::Rows;
use super::{CALLS_MAX, CALLS_MIN, MEASURE};
use crate::error::{Error, Result};
use crate::udf::{Function, Kind};

/// The program's folder below the `target` of the module.
const FOLDER: &str = "target/wasmill-bench";

/// The time of each batch; none for a function that is no transform.
pub fn measure(folder: &Path, function: &Function, batches: &[Rows]) -> Result<Option<Vec<Duration>>> {
    if !matches!(function.kind, Kind::Transform { .. }) {
        return Ok(None);
    }
    let program = folder.join(FOLDER);
    let failed = |e| Error::external("write the program of a native baseline").because(e);
    fs::create_dir_all(program.join("src")).map_err(failed)?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    fs::write(program.join("Cargo.toml"), manifest(&name, folder)).map_err(failed)?;
    fs::write(program.join("src/main.rs"), main(&name)).map_err(failed)?;
    let rows = program.join("rows");
    fs::write(&rows, bytes_of(batches)).map_err(failed)?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(&program).args([
        "run",
        "--quiet",
        "--release",
        "--offline",
        "--target-dir",
        "target",
        "--",
    ]);
    cargo.arg(&function.name).arg(&rows);
    cargo.args([MEASURE.as_millis().to_string(), CALLS_MIN.to_string(), CALLS_MAX.to_string()]);
    let output = cargo.output().map_err(|e| Error::external("start cargo").because(e))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if !output.status.success() {
        let error = Error::user("the native baseline could not be measured").with("folder", folder.display());
        return Err(error
            .detail(text(&output.stderr))
            .hint("`cargo test` in the module's folder should build"));
    }
    let times: Option<Vec<Duration>> =
        text(&output.stdout).lines().map(|line| line.parse().ok().map(Duration::from_nanos)).collect();
    match times {
        Some(times) if times.len() == batches.len() => Ok(Some(times)),
        _ => {
            Err(Error::user("the native baseline printed something of its own").detail(text(&output.stdout)))
        }
    }
}

fn manifest(name: &str, folder: &Path) -> String {
    format!(
        "[package]\nname = \"wasmill-bench\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         [dependencies]\n{name} = {{ path = {:?} }}\n\n\
         [profile.release]\npanic = \"abort\"\nlto = true\ncodegen-units = 1\n\n[workspace]\n",
        folder.display().to_string()
    )
}

fn main(name: &str) -> String {
    format!(
        "use {name} as _;\n\nunsafe extern \"C\" {{\n    fn wasmill_native_bench();\n}}\n\n\
         fn main() {{\n    unsafe {{ wasmill_native_bench() }}\n}}\n"
    )
}

/// The batches as words of eight bytes: how many there are, then each as an array of its columns.
fn bytes_of(batches: &[Rows]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put(&mut bytes, batches.len());
    for rows in batches {
        put(&mut bytes, rows.count);
        put(&mut bytes, rows.columns.len());
        rows.columns.iter().for_each(|column: &ArrayRef| put_array(&mut bytes, &column.to_data()));
    }
    bytes
}

fn put(bytes: &mut Vec<u8>, number: usize) {
    bytes.extend_from_slice(&(number as u64).to_le_bytes());
}

/// Length, count of nulls, buffers with their lengths, children. Made-up rows are whole arrays, so no offset is lost.
fn put_array(bytes: &mut Vec<u8>, data: &ArrayData) {
    put(bytes, data.len());
    put(bytes, data.null_count());
    put(bytes, 1 + data.buffers().len());
    let valid = data.nulls().map(|nulls| nulls.inner().sliced());
    for buffer in [valid.as_ref().map_or(&[][..], |buffer| buffer.as_slice())]
        .into_iter()
        .chain(data.buffers().iter().map(|buffer| buffer.as_slice()))
    {
        put(bytes, buffer.len());
        bytes.extend_from_slice(buffer);
    }
    put(bytes, data.child_data().len());
    data.child_data().iter().for_each(|child| put_array(bytes, child));
}
