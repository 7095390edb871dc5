//! `wasmill udf inspect`: what a module says about itself and what it may use. Calls nothing of it.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::Fields;

use crate::cli::compiler::CompilerArgs;
use crate::cli::print;
use crate::error::{Error, Result};
use crate::record::type_name;
use crate::udf::{Kind, Limits, Module, Runtime};

#[derive(clap::Args)]
pub struct InspectArgs {
    /// The module: a .wasm file
    module: PathBuf,
    #[command(flatten)]
    compiler: CompilerArgs,
}

pub fn inspect(args: &InspectArgs, out: &mut dyn Write) -> Result<()> {
    let (module, bytes) = load(&args.module, &args.compiler.runtime()?)?;
    print(out, &describe(&module, bytes.len()))
}

/// Loads a module as a query does, under the same limits.
pub fn load(path: &Path, runtime: &Arc<Runtime>) -> Result<(Arc<Module>, Vec<u8>)> {
    let bytes = std::fs::read(path)
        .map_err(|e| Error::user("cannot read the module").with("module", path.display()).because(e))?;
    let module = runtime.load(&bytes).map_err(|error| error.with("module", path.display()))?;
    Ok((module, bytes))
}

fn describe(module: &Module, bytes: usize) -> String {
    let limits = Limits::default();
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "digest   {}", module.digest());
    let _ = writeln!(text, "size     {bytes} of {} bytes", limits.module_bytes);
    let _ = writeln!(text, "kit      {}", module.manifest().sdk);
    for function in &module.manifest().functions {
        let shape = match function.kind {
            Kind::Transform { origin: false } => "one row for each row",
            Kind::Transform { origin: true } => "any number of rows for each row",
            Kind::Aggregate { .. } => "one value for the rows of a group",
            Kind::Group { .. } => "rows of a group with state and timers",
            Kind::Foreach => "rows of a partition into effects",
        };
        let (inputs, outputs) = (columns(&function.inputs), columns(&function.outputs));
        let _ = writeln!(text, "function {}({inputs}) -> ({outputs}), {shape}", function.name);
    }
    let _ = writeln!(text, "imports  {}", listed(module.imports()));
    let _ = writeln!(text, "exports  {}", listed(module.exports()));
    let _ = writeln!(
        text,
        "limits   memory {} bytes, a call {} bytes in and {} out, {} ms, fuel {} and {} a row and {} a byte",
        limits.memory_bytes,
        limits.call_bytes,
        limits.output_bytes,
        limits.deadline_ms,
        limits.fuel_per_call,
        limits.fuel_per_row,
        limits.fuel_per_byte
    );
    text
}

fn listed(names: Vec<String>) -> String {
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

fn columns(fields: &Fields) -> String {
    let column =
        |field: &Arc<arrow::datatypes::Field>| format!("{} {}", field.name(), type_name(field.data_type()));
    fields.iter().map(column).collect::<Vec<_>>().join(", ")
}
