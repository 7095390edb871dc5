//! What a function would cost a compiler, told from its body: its size, locals, loops, branches and nesting. Compiles
//! nothing.

use wasmparser::{FunctionBody, Operator};

use super::inspect::{cap, invalid};
use super::limits::{
    BODY_BYTES_MAX, BR_TABLE_MAX, LOCALS_MAX, LOCALS_TIMES_BRANCHES_MAX, LOCALS_TIMES_LOOPS_MAX, NESTING_MAX,
};
use crate::error::Result;

/// The cost of the functions seen so far.
#[derive(Default)]
pub struct Cost {
    locals_times_loops: u64,
    locals_times_branches: u64,
}

impl Cost {
    /// Adds a function with so many parameters, unless it or all together cost too much.
    pub fn add(&mut self, body: &FunctionBody<'_>, params: u64) -> Result<()> {
        cap("bytes of a function", body.range().len() as u64, BODY_BYTES_MAX as u64)?;
        let mut locals = params;
        for group in body.get_locals_reader().map_err(invalid)? {
            locals += u64::from(group.map_err(invalid)?.0);
        }
        cap("locals of a function", locals, LOCALS_MAX)?;
        let (mut loops, mut branches, mut depth, mut deepest) = (0u64, 0u64, 0u64, 0u64);
        for operator in body.get_operators_reader().map_err(invalid)? {
            match operator.map_err(invalid)? {
                Operator::Loop { .. } => {
                    loops += 1;
                    branches += 1;
                    depth += 1;
                }
                Operator::Block { .. } | Operator::If { .. } => {
                    branches += 1;
                    depth += 1;
                }
                Operator::End => depth = depth.saturating_sub(1),
                Operator::Else | Operator::Br { .. } | Operator::BrIf { .. } => branches += 1,
                Operator::BrTable { targets } => {
                    cap("targets of a branch table", targets.len(), BR_TABLE_MAX)?;
                    branches += u64::from(targets.len()) + 1;
                }
                _ => {}
            }
            deepest = deepest.max(depth);
        }
        cap("nested blocks of a function", deepest, NESTING_MAX)?;
        self.locals_times_loops += locals * loops;
        self.locals_times_branches += locals * branches;
        cap("locals times loops of functions", self.locals_times_loops, LOCALS_TIMES_LOOPS_MAX)?;
        cap("locals times branches of functions", self.locals_times_branches, LOCALS_TIMES_BRANCHES_MAX)
    }
}
