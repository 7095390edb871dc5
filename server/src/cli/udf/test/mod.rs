//! `wasmill udf test`: runs the cases of a module's folder. docs/udfs.md says what the files of a case hold.

mod aggregate;
mod case;
mod foreach;
mod group;
mod rows;
#[cfg(test)]
mod tests;
mod transform;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use super::inspect::load;
use super::{MOMENT, module_folder};
use crate::cli::compiler::CompilerArgs;
use crate::cli::guest_thread::on_guest_thread;
use crate::cli::print;
use crate::error::{Error, Result};
use crate::udf::{Kind, Module};
use case::{Case, Found, difference, find_cases};

#[derive(clap::Args)]
pub struct TestArgs {
    /// The module's folder, built before
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// A module in place of the folder's own, such as the same functions in another language
    #[arg(long)]
    module: Option<PathBuf>,
    /// Only the cases whose names start like this, such as `split_words/`
    #[arg(long, value_name = "START", default_value = "")]
    case: String,
    /// Write what comes back into each expected.jsonl, and into the files state.jsonl that are there; read it before
    /// you believe it
    #[arg(long)]
    write: bool,
    #[command(flatten)]
    compiler: CompilerArgs,
}

pub fn test(args: &TestArgs, out: &mut dyn Write) -> Result<()> {
    let (folder, name) = module_folder(&args.folder)?;
    let module = args.module.clone().unwrap_or_else(|| folder.join(format!("{name}.wasm")));
    if !module.exists() {
        return Err(Error::user("the module is not built")
            .with("module", module.display())
            .hint("`wasmill udf build`"));
    }
    let (module, _) = load(&module, &args.compiler.runtime()?)?;
    run_cases(&module, &find_cases(&folder.join("cases"), &args.case)?, args.write, out)
}

/// Runs cases and prints how each went; an error if one failed.
fn run_cases(module: &Arc<Module>, cases: &[Case], write: bool, out: &mut dyn Write) -> Result<()> {
    let mut failed = 0;
    for case in cases {
        let problem = match on_guest_thread(|| run(module, case)) {
            Ok(found) if write => case.write(&found).map(|()| None)?,
            Ok(found) => case.difference(&found)?,
            Err(error) => Some(error.report()),
        };
        failed += usize::from(problem.is_some());
        let word = if problem.is_some() { "FAILED" } else { "ok" };
        print(out, &format!("{word:6} {}\n", case.name))?;
        for line in problem.iter().flat_map(|problem| problem.lines()) {
            print(out, &format!("       {line}\n"))?;
        }
    }
    print(out, &format!("{} passed, {failed} failed\n", cases.len() - failed))?;
    if failed > 0 {
        return Err(Error::user("cases failed").with("failed", failed).with("cases", cases.len()));
    }
    Ok(())
}

fn run(module: &Arc<Module>, case: &Case) -> Result<Found> {
    let functions = &module.manifest().functions;
    let kind = functions.iter().find(|function| function.name == case.function).map(|f| &f.kind);
    match kind {
        Some(Kind::Aggregate { .. }) => aggregate::run(&module.aggregate(&case.function)?, case),
        Some(Kind::Group { .. }) => group::run(&module.group(&case.function)?, case),
        Some(Kind::Foreach) => foreach::run(&module.foreach(&case.function)?, case),
        // A function that is not there gets the error that says which ones are.
        _ => transform::run(&module.transform(&case.function)?, case),
    }
}

/// A query cuts batches as it sees fit, so a function must give the same for `whole` and for `cut`.
fn expect_equal(whole: &[String], cut: &[String], how: &str) -> Result<()> {
    match difference(&whole.join("\n"), cut) {
        None => Ok(()),
        Some(problem) => Err(Error::user("the result depends on how rows are cut into calls")
            .detail(format!("all rows in one call are expected, {how} are found\n{problem}"))
            .hint(
                "keep nothing outside of rows and states, and make no difference between one call and many",
            )),
    }
}
