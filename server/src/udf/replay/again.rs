//! Makes a recorded call again, with the module that failed or with another one.

use std::sync::Arc;

use super::recording::Recording;
use crate::error::Result;
use crate::udf::live::Live;
use crate::udf::manifest::Kind;
use crate::udf::module::Module;
use crate::udf::result::RowError;

/// What came of a call that did not fail.
#[derive(Debug, Default, PartialEq)]
pub struct Replayed {
    pub rows_out: usize,
    /// Rows that the function refused.
    pub refused: Vec<RowError>,
}

/// Makes the call of `recording` again with `module`. The error is the guest's failure, or says that the module's
/// function takes something else than what was recorded.
pub fn replay(recording: &Recording, module: &Arc<Module>) -> Result<Replayed> {
    let callable = module.callable(&recording.function)?;
    let mut live = Live::open(&callable, recording.moment).map_err(|error| callable.named(error))?;
    let Some(call) = &recording.call else {
        return Ok(Replayed::default());
    };
    live.set_luck(call.luck);
    let again = match &callable.function().kind {
        Kind::Transform { .. } => module.transform(&recording.function)?.again(&mut live, call),
        Kind::Aggregate { .. } => module.aggregate(&recording.function)?.again(&mut live, call),
        Kind::Group { .. } => module.group(&recording.function)?.again(&mut live, call),
        Kind::Foreach => module.foreach(&recording.function)?.again(&mut live, call),
    };
    again.map_err(|error| callable.named(error))
}
