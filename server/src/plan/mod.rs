//! What will run: from the query file to a plan, with every problem told at once. Runs nothing, opens no source.

mod branch;
mod build;
mod compat;
mod context;
mod document;
mod explain;
mod grouping;
mod legality;
mod problem;
mod read;
mod refusals;
mod settings;
mod spec;
mod stage;
mod stateful;
#[cfg(test)]
mod tests;

use std::path::Path;

use crate::error::{Error, Result};

pub use branch::Input;
pub use build::{After, Plan};
pub use compat::Identity;
pub use context::PlanContext;
pub use explain::explain;
pub use legality::name as mode_name;
pub use refusals::{LetterOutput, Refusals};
pub use settings::{Settings, WatermarkPolicy};
pub use spec::TriggerSpec;
pub use stateful::Stateful;

use problem::Problems;

/// Plans every query of a file: one plan a YAML document, in their order, each with a context of its own.
///
/// All problems of all queries are told in one `User` error, each with its line.
pub fn plan_file(
    text: &str,
    file: &Path,
    mut context: impl FnMut() -> PlanContext,
) -> Result<Vec<(Plan, PlanContext)>> {
    let documents = document::read(text).map_err(|e| e.with("file", file.display()))?;
    if documents.is_empty() {
        return Err(Error::user("the query file is empty").with("file", file.display()));
    }
    let mut problems = Problems::default();
    let mut plans = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let mut checkpoints: Vec<String> = Vec::new();
    for document in &documents {
        let Some(spec) = read::spec(document, file, &mut problems) else { continue };
        if names.contains(&spec.name) {
            let what = format!("two queries are called `{}`", spec.name);
            problems.add(document.line, what, "give each query of a file a `name` of its own");
        }
        names.push(spec.name.clone());
        let context = context();
        let Some(plan) = build::build(&spec, &context, &mut problems) else { continue };
        if let Some(checkpoint) = plan.checkpoint.as_ref().map(ToString::to_string) {
            if checkpoints.contains(&checkpoint) {
                let what = format!("two queries have the checkpointLocation `{checkpoint}`");
                problems.add(document.line, what, "give each query a folder of its own");
            }
            checkpoints.push(checkpoint);
        }
        plans.push((plan, context));
    }
    problems.into_result(&file.display().to_string())?;
    Ok(plans)
}
