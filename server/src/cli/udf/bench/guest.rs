//! What a batch costs in a guest, by the function's kind.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, new_null_array};
use arrow::datatypes::Fields;

use super::median;
use super::rows::Rows;
use crate::cli::udf::MOMENT;
use crate::error::Result;
use crate::udf::{
    AggregateInstance, ForeachInstance, Function, GroupInput, GroupInstance, Kind, Module, Partition, Timers,
    TransformInstance,
};

/// The time of a batch in a guest that is kept, and in a fresh one.
pub fn measure(module: &Arc<Module>, function: &Function, rows: &Rows) -> Result<(Duration, Duration)> {
    let name = &function.name;
    match &function.kind {
        Kind::Aggregate { state } => {
            let (aggregate, states) = (module.aggregate(name)?, none(state, rows.groups));
            both(|| aggregate.open(MOMENT), |guest| aggregated(guest, &states, rows))
        }
        Kind::Group { state, .. } => {
            let (group, states) = (module.group(name)?, none(state, rows.groups));
            both(|| group.open(MOMENT), |guest| grouped(guest, &states, rows))
        }
        Kind::Foreach => {
            let foreach = module.foreach(name)?;
            both(|| foreach.open(MOMENT, Partition { partition: 0, epoch: 0 }), |guest| sent(guest, rows))
        }
        Kind::Transform { .. } => {
            let transform = module.transform(name)?;
            both(|| transform.open(MOMENT), |guest| transformed(guest, rows))
        }
    }
}

fn both<G>(
    open: impl Fn() -> Result<G>,
    call: impl Fn(&mut G) -> Result<()>,
) -> Result<(Duration, Duration)> {
    let mut guest = open()?;
    let kept = median(|| call(&mut guest))?;
    let fresh = median(|| call(&mut open()?))?;
    Ok((kept, fresh))
}

fn none(state: &Fields, groups: usize) -> Vec<ArrayRef> {
    state.iter().map(|field| new_null_array(field.data_type(), groups)).collect()
}

fn transformed(guest: &mut TransformInstance, rows: &Rows) -> Result<()> {
    black_box(guest.process(&rows.columns, rows.count)?);
    Ok(())
}

/// Rows into effects, in a partition that stays open.
fn sent(guest: &mut ForeachInstance, rows: &Rows) -> Result<()> {
    black_box(guest.process(&rows.columns, rows.count)?);
    Ok(())
}

/// Rows into groups without a state, and a value out of each.
fn aggregated(guest: &mut AggregateInstance, states: &[ArrayRef], rows: &Rows) -> Result<()> {
    let states = guest.update(states, &rows.columns, &rows.owners)?;
    black_box(guest.finish(&states)?);
    Ok(())
}

/// Rows of keys without a state.
fn grouped(guest: &mut GroupInstance, states: &[ArrayRef], rows: &Rows) -> Result<()> {
    let none = Timers::default();
    let input = GroupInput {
        watermark_us: Some(0),
        time_us: MOMENT.time_us,
        keys: &rows.keys,
        states,
        rows: &rows.columns,
        row_groups: &rows.owners,
        timers: &none,
        fired: &none,
    };
    black_box(guest.process(&input)?);
    Ok(())
}
