//! The first step of an aggregation: one split groups its rows. Touches no state.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, TimestampMicrosecondArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::TimestampMicrosecondType;

use super::accumulator::Accumulator;
use super::lane::{Lane, normalised};
use super::row_codec::Rows;
use super::table::GroupTable;
use super::window::Windows;
use super::{Aggregation, Key, internal};
use crate::error::{Error, Result};
use crate::state::key_group;
use crate::udf::Moment;

/// One split's groups while its rows go by.
pub struct Grouping {
    aggregation: Arc<Aggregation>,
    /// Groups whose event time is not after this are late; microseconds.
    late_bound: Option<i64>,
    table: GroupTable,
    accumulators: Vec<Box<dyn Accumulator>>,
    groups: Vec<u32>,
    rows_dropped: u64,
}

/// What a split found: its groups, numbered, with encoded keys and buffers.
pub struct PartialGroups {
    pub(super) keys: Rows,
    pub(super) key_groups: Vec<u16>,
    pub(super) states: Vec<ArrayRef>,
}

impl PartialGroups {
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }
}

impl Grouping {
    /// `late_bound_us`: the watermark of the previous batch, if there is a watermark.
    pub fn start(
        aggregation: Arc<Aggregation>,
        late_bound_us: Option<i64>,
        moment: Moment,
    ) -> Result<Grouping> {
        let late_bound = late_bound_us.filter(|_| aggregation.evicts());
        let accumulators = aggregation.accumulators(moment)?;
        let (table, groups) = (GroupTable::new(), Vec::new());
        Ok(Grouping { aggregation, late_bound, table, accumulators, groups, rows_dropped: 0 })
    }

    pub fn add(&mut self, rows: &RecordBatch) -> Result<()> {
        let aggregation = self.aggregation.clone();
        let assigned = assign(&aggregation, rows, self.late_bound)?;
        self.rows_dropped += assigned.dropped;
        let count = assigned.keys.first().map_or(rows.num_rows(), |key| key.len());
        let lanes = assigned.keys.iter().map(Lane::new).collect::<Result<Vec<_>>>()?;
        self.table.intern(&lanes, count, &mut self.groups)?;
        let rows = assigned.rows.map_or(Ok(Cow::Borrowed(rows)), |taken| {
            arrow::compute::take_record_batch(rows, &taken)
                .map(Cow::Owned)
                .map_err(internal("take grouped rows"))
        })?;
        for (call, accumulator) in aggregation.calls.iter().zip(&mut self.accumulators) {
            accumulator.resize(self.table.len());
            let arguments = call.arguments().iter().map(|a| a.evaluate(&rows)).collect::<Result<Vec<_>>>()?;
            match call.filter() {
                None => accumulator.update(&arguments, &self.groups)?,
                Some(filter) => {
                    let kept = true_rows(&filter.evaluate(&rows)?)?;
                    let arguments = taken(&arguments, &kept)?;
                    let groups: Vec<u32> = kept.values().iter().map(|r| self.groups[*r as usize]).collect();
                    accumulator.update(&arguments, &groups)?;
                }
            }
        }
        Ok(())
    }

    /// The groups found, and how many rows (a row in two windows counts twice) were too late.
    pub fn finish(self) -> Result<(PartialGroups, u64)> {
        let aggregation = &self.aggregation;
        let order = aggregation.key_order();
        // A grouping without keys has one group, also of no rows: it is the merge that adds it.
        let types: Vec<_> = aggregation.keys.iter().map(Key::stored_type).collect();
        let columns = self.table.keys(&types)?;
        let ordered: Vec<ArrayRef> = order.iter().map(|i| columns[*i].clone()).collect();
        let keys = match ordered.is_empty() {
            true => Rows::from_parts(vec![0; self.table.len() + 1], Vec::new()),
            false => aggregation.key_codec.encode(&ordered)?,
        };
        let mut states = Vec::new();
        for accumulator in &self.accumulators {
            states.extend(accumulator.state()?);
        }
        let key_groups = (0..keys.len()).map(|row| key_group(keys.row(row))).collect();
        Ok((PartialGroups { keys, key_groups, states }, self.rows_dropped))
    }
}

/// Rows as they are grouped: the key columns, and which input row each came from if not one for one.
struct Assigned {
    keys: Vec<ArrayRef>,
    rows: Option<UInt32Array>,
    dropped: u64,
}

fn assign(aggregation: &Aggregation, rows: &RecordBatch, late_bound: Option<i64>) -> Result<Assigned> {
    let mut keys = Vec::with_capacity(aggregation.keys.len());
    let mut window = None;
    for (index, key) in aggregation.keys.iter().enumerate() {
        match key {
            Key::Value(expression) => keys.push(normalised(&expression.evaluate(rows)?)?),
            Key::Window(key, windows) => {
                keys.push(key.time.evaluate(rows)?);
                window = Some((index, windows));
            }
        }
    }
    let late = aggregation.event_time.zip(late_bound);
    let Some((index, windows)) = window else { return without_window(aggregation, keys, late) };
    let late = late.filter(|(key, _)| *key == index).map(|(_, bound)| bound);
    let times = keys[index].as_primitive::<TimestampMicrosecondType>();
    let ends = window_ends(times, windows, late);
    let taken_rows = ends.rows.map(UInt32Array::from);
    if let Some(taken_rows) = &taken_rows {
        keys = taken(&keys, taken_rows)?;
    }
    keys[index] = Arc::new(TimestampMicrosecondArray::from(ends.ends).with_timezone("UTC"));
    Ok(Assigned { keys, rows: taken_rows, dropped: ends.dropped })
}

struct Ends {
    ends: Vec<i64>,
    /// The row of each end, unless they are one for one.
    rows: Option<Vec<u32>>,
    dropped: u64,
}

/// The windows of each time; null times and late windows are left out.
fn window_ends(times: &TimestampMicrosecondArray, windows: &Windows, late: Option<i64>) -> Ends {
    let late = late.unwrap_or(i64::MIN);
    if windows.slide_us == windows.width_us && times.null_count() == 0 {
        let ends = tumbling_ends(times.values(), windows);
        if ends.iter().all(|end| *end > late) {
            return Ends { ends, rows: None, dropped: 0 };
        }
    }
    let (mut ends, mut rows, mut dropped) = (Vec::new(), Vec::new(), 0);
    for (row, time) in times.iter().enumerate() {
        for end in time.into_iter().flat_map(|time| windows.ends(time)) {
            if end > late {
                ends.push(end);
                rows.push(row as u32);
            } else {
                dropped += 1;
            }
        }
    }
    Ends { ends, rows: Some(rows), dropped }
}

/// Neighbours are mostly in one window: a division only where the window changes.
fn tumbling_ends(times: &[i64], windows: &Windows) -> Vec<i64> {
    let width = windows.width_us;
    let mut start = times.first().map_or(0, |time| windows.newest_start(*time));
    let end_of = |time: &i64| {
        if !(0..width).contains(&time.wrapping_sub(start)) {
            start = windows.newest_start(*time);
        }
        start.wrapping_add(width)
    };
    times.iter().map(end_of).collect()
}

fn without_window(
    aggregation: &Aggregation,
    keys: Vec<ArrayRef>,
    late: Option<(usize, i64)>,
) -> Result<Assigned> {
    let Some((index, bound)) = late else { return Ok(Assigned { keys, rows: None, dropped: 0 }) };
    let times = keys[index].as_primitive_opt::<TimestampMicrosecondType>();
    let times = times.ok_or_else(|| Error::internal("an event-time key is not TIMESTAMP"))?;
    let is_kept = |row: usize| times.is_null(row) || times.value(row) > bound;
    if (0..times.len()).all(is_kept) {
        return Ok(Assigned { keys, rows: None, dropped: 0 });
    }
    let kept: UInt32Array = (0..times.len()).filter(|row| is_kept(*row)).map(|row| row as u32).collect();
    let dropped = (times.len() - kept.len()) as u64;
    debug_assert!(aggregation.evicts());
    Ok(Assigned { keys: taken(&keys, &kept)?, rows: Some(kept), dropped })
}

fn taken(columns: &[ArrayRef], rows: &UInt32Array) -> Result<Vec<ArrayRef>> {
    columns.iter().map(|column| take(column, rows, None).map_err(internal("take grouped rows"))).collect()
}

fn true_rows(filter: &ArrayRef) -> Result<UInt32Array> {
    let filter = filter
        .as_boolean_opt()
        .ok_or_else(|| Error::internal("the filter of an aggregate is not BOOLEAN"))?;
    let kept = (0..filter.len()).filter(|row| filter.is_valid(*row) && filter.value(*row));
    Ok(kept.map(|row| row as u32).collect())
}
