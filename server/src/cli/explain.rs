//! `wasmill explain` and `wasmill lint`: a query file planned, and printed or judged. Opens no source and no sink.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{PlanArgs, print};
use crate::error::{Error, Result};
use crate::plan::{self, Plan, PlanContext};

pub fn explain(args: &PlanArgs, out: &mut dyn Write) -> Result<()> {
    for (plan, _) in plans(args)? {
        print(out, &plan::explain(&plan))?;
    }
    Ok(())
}

pub fn lint(args: &PlanArgs, out: &mut dyn Write) -> Result<()> {
    let plans = plans(args)?;
    let names: Vec<_> = plans.iter().map(|(plan, _)| plan.name.as_str()).collect();
    print(out, &format!("{}: no problems in {}\n", args.file.display(), names.join(", ")))
}

/// The plans of a query file; all its problems in one error.
pub fn plans(args: &PlanArgs) -> Result<Vec<(Plan, PlanContext)>> {
    let text = std::fs::read_to_string(&args.file).map_err(|e| {
        Error::user("cannot read the query file").with("file", args.file.display()).because(e)
    })?;
    let runtime = args.compiler.runtime()?;
    let base = std::path::absolute(&args.file)
        .map_err(|e| Error::user("cannot make the file's path absolute").because(e))?;
    let base = base.parent().unwrap_or(Path::new("/")).to_path_buf();
    let folders = module_folders(&args.modules, &base);
    let context = || PlanContext::new(Arc::clone(&runtime), base.clone(), folders.clone());
    plan::plan_file(&text, &args.file, context)
}

/// Where module names are looked up: folders given, `WASMILL_MODULES`, `modules` beside the query file, and
/// `udfs` beside the program or one level up, where `cargo udfs` puts the samples.
fn module_folders(given: &[PathBuf], base: &Path) -> Vec<PathBuf> {
    let mut folders = given.to_vec();
    if let Some(paths) = std::env::var_os("WASMILL_MODULES") {
        folders.extend(std::env::split_paths(&paths));
    }
    folders.push(base.join("modules"));
    if let Ok(program) = std::env::current_exe() {
        let above = program.ancestors().skip(1).take(2);
        folders.extend(above.map(|folder| folder.join("udfs")));
    }
    folders
}
