//! Tries a module out before its code leaves the compiler's process: every function opens, and gives the same twice for
//! the same made-up batch. What it gives is not judged, and it may refuse such a batch: only what never opens, and what
//! differs from one run to the next, is no function for a query.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, new_null_array};
use arrow::datatypes::Fields;

use super::made_up::rows;
use crate::error::{Error, Result};
use crate::udf::foreach::Partition;
use crate::udf::group::{GroupInput, Timers};
use crate::udf::manifest::{Function, Kind};
use crate::udf::module::Module;
use crate::udf::moment::Moment;

/// Some time in 2026, and some seed.
pub const MOMENT: Moment = Moment { time_us: 1_767_225_600_000_000, seed: 1 };

const ROWS: usize = 9;
const GROUPS: usize = 3;

/// Refuses a module with a function that does not open, or differs from run to run.
pub fn try_out(module: &Arc<Module>) -> Result<()> {
    for function in &module.manifest().functions {
        let once = outcome(module, function, MOMENT)?;
        let again = outcome(module, function, MOMENT)?;
        once.compare(&again).map_err(|error| error.with("function", &function.name))?;
    }
    Ok(())
}

/// What a function made of the rows.
#[derive(Debug)]
pub struct Outcome {
    columns: Vec<ArrayRef>,
    /// What is beside the columns, or why there are none.
    said: String,
    /// Ended by the clock, which is no two times the same.
    is_cut_off: bool,
}

impl Outcome {
    fn of(columns: Vec<ArrayRef>, said: String) -> Outcome {
        Outcome { columns, said, is_cut_off: false }
    }

    pub fn compare(&self, other: &Outcome) -> Result<()> {
        if self.is_cut_off || other.is_cut_off || (self.said == other.said && self.columns == other.columns) {
            return Ok(());
        }
        Err(Error::user("the function gives something else for the same batch each time")
            .hint("a result may come of the batch, its time and its seed alone; look for memory that is read before it is written"))
    }
}

/// Opens a function and calls it. The error is of opening alone.
pub fn outcome(module: &Arc<Module>, function: &Function, moment: Moment) -> Result<Outcome> {
    let called = match &function.kind {
        Kind::Transform { .. } => transform(module, function, moment),
        Kind::Aggregate { state } => aggregate(module, function, state, moment),
        Kind::Group { key, state, .. } => group(module, function, (key, state), moment),
        Kind::Foreach => foreach(module, function, moment),
    };
    called?.or_else(|error| {
        let is_cut_off = error.fact("trap") == Some("deadline");
        Ok(Outcome { columns: Vec::new(), said: error.to_string(), is_cut_off })
    })
}

fn transform(module: &Arc<Module>, function: &Function, moment: Moment) -> Result<Result<Outcome>> {
    let mut guest = module.transform(&function.name)?.open(moment)?;
    let columns = rows(&function.inputs, ROWS)?;
    Ok(guest.process(&columns, ROWS).map(|results| {
        let (mut columns, mut said) = (Vec::new(), String::new());
        for result in results {
            columns.extend(result.columns);
            said +=
                &format!("{:?} {:?} {:?} {:?}", result.rows, result.rows_out, result.origin, result.errors);
        }
        Outcome::of(columns, said)
    }))
}

fn aggregate(
    module: &Arc<Module>,
    function: &Function,
    state: &Fields,
    moment: Moment,
) -> Result<Result<Outcome>> {
    let mut guest = module.aggregate(&function.name)?.open(moment)?;
    let (columns, nothing) = (rows(&function.inputs, ROWS)?, nulls(state, GROUPS));
    let of_rows: Int32Array = (0..ROWS).map(|row| Some((row % GROUPS) as i32)).collect();
    let of_states: Int32Array = (0..GROUPS).map(|group| Some(group as i32)).collect();
    Ok(guest.update(&nothing, &columns, &of_rows).and_then(|states| {
        let merged = guest.merge(&states, &states, &of_states)?;
        let result = guest.finish(&merged)?;
        Ok(Outcome::of([states, merged, vec![result]].concat(), String::new()))
    }))
}

fn group(
    module: &Arc<Module>,
    function: &Function,
    (key, state): (&Fields, &Fields),
    moment: Moment,
) -> Result<Result<Outcome>> {
    let mut guest = module.group(&function.name)?.open(moment)?;
    let (keys, nothing) = (rows(key, GROUPS)?, nulls(state, GROUPS));
    let columns = rows(&function.inputs, ROWS)?;
    let row_groups: Int32Array = (0..ROWS).map(|row| Some((row * GROUPS / ROWS) as i32)).collect();
    let (none, no_rows) = (Timers::default(), nulls(&function.inputs, 0));
    let input = GroupInput {
        watermark_us: Some(0),
        time_us: moment.time_us,
        keys: &keys,
        states: &nothing,
        rows: &columns,
        row_groups: &row_groups,
        timers: &none,
        fired: &none,
    };
    Ok(guest.process(&input).and_then(|first| {
        let no_groups = Int32Array::from(Vec::<i32>::new());
        // Later, when all timers are over.
        let later = GroupInput {
            watermark_us: Some(i64::MAX),
            states: &first.states,
            rows: &no_rows,
            row_groups: &no_groups,
            fired: &first.timers,
            ..input
        };
        let second = guest.process(&later)?;
        let said =
            format!("{:?} {:?} {:?} {:?}", first.row_groups, first.timers, second.row_groups, second.timers);
        Ok(Outcome::of([first.rows, first.states, second.rows, second.states].concat(), said))
    }))
}

fn foreach(module: &Arc<Module>, function: &Function, moment: Moment) -> Result<Result<Outcome>> {
    let mut guest = module.foreach(&function.name)?.open(moment, Partition { partition: 0, epoch: 0 })?;
    let columns = rows(&function.inputs, ROWS)?;
    let takes_rows = guest.takes_rows();
    let effects = if takes_rows { guest.process(&columns, ROWS) } else { Ok(Vec::new()) };
    Ok(effects.and_then(|mut effects| {
        effects.push(guest.close(None)?);
        let said = format!("{takes_rows}");
        Ok(Outcome::of(effects.into_iter().flat_map(|effects| effects.columns).collect(), said))
    }))
}

fn nulls(fields: &Fields, rows: usize) -> Vec<ArrayRef> {
    fields.iter().map(|field| new_null_array(field.data_type(), rows)).collect()
}
