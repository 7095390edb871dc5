//! Cases of group functions: rows of keys in, in batches that lines with `$watermark` or `$time` begin; out come rows
//! with their keys, batch by batch, and what is left of states and timers.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{DataType, Field, Fields, Schema};
use serde_json::{Value, json};

use super::case::{Case, Found, Line, gave_up, line};
use super::rows::{joined, row_of, rows_at};
use super::{MOMENT, expect_equal};
use crate::error::{Error, Result};
use crate::record::{format_timestamp_micros, parse_timestamp_micros};
use crate::udf::{Group, GroupInput, GroupInstance, GroupOutput, Moment, TimeMode, Timers};

const KEY: &str = "$key";
const WATERMARK: &str = "$watermark";
const TIME: &str = "$time";
const TIMERS: &str = "$timers";

struct Input {
    keys: Vec<Value>,
    /// The columns of the keys, as far as the function sees them, a row a key.
    key_columns: Vec<ArrayRef>,
    rows: Vec<ArrayRef>,
    /// The key of each row.
    owners: Vec<usize>,
    batches: Vec<Batch>,
}

struct Batch {
    /// The line that begins it; the first has none.
    head: Option<String>,
    watermark_us: Option<i64>,
    time_us: i64,
    rows: Range<usize>,
}

impl Input {
    fn read(function: &Group, case: &Case) -> Result<Input> {
        let lines = case.lines()?;
        let is_head = |line: &Line| line.members.contains_key(WATERMARK) || line.members.contains_key(TIME);
        let of_rows: Vec<&Line> = lines.iter().filter(|line| !is_head(line)).collect();
        let (mut keys, mut owners, mut firsts) = (Vec::new(), Vec::new(), Vec::new());
        let mut places = HashMap::new();
        for (row, line) in of_rows.iter().enumerate() {
            let key = line.members.get(KEY).cloned().unwrap_or_default();
            let place = *places.entry(key.to_string()).or_insert_with(|| {
                keys.push(key);
                firsts.push(row);
                keys.len() - 1
            });
            owners.push(place);
        }
        let batches = batches(function, &lines, is_head)?;
        let (rows, key_columns) = columns(function, case, &of_rows)?;
        Ok(Input { keys, key_columns: rows_at(&key_columns, &firsts)?, rows, owners, batches })
    }
}

/// The columns of the function's inputs, and those of its keys, of all rows.
fn columns(function: &Group, case: &Case, lines: &[&Line]) -> Result<(Vec<ArrayRef>, Vec<ArrayRef>)> {
    let mut fields: Vec<_> = function.inputs().iter().cloned().collect();
    if function.key().is_empty() {
        let rows = case.rows(lines, &fields.into(), &[KEY])?;
        return Ok((rows.columns().to_vec(), Vec::new()));
    }
    fields.push(Arc::new(Field::new(KEY, DataType::Struct(function.key().clone()), true)));
    let rows = case.rows(lines, &Fields::from(fields), &[])?;
    let (keys, inputs) = rows.columns().split_last().ok_or_else(|| Error::internal("a key was not read"))?;
    if keys.null_count() > 0 {
        return Err(Error::user("a row of the case has no key")
            .with("case", &case.name)
            .hint("the function sees its key: `\"$key\": {\"COLUMN\": ...}`"));
    }
    Ok((inputs.to_vec(), keys.as_struct().columns().to_vec()))
}

fn batches(function: &Group, lines: &[Line], is_head: impl Fn(&Line) -> bool) -> Result<Vec<Batch>> {
    // As in a query: by event time there is a watermark from the start.
    let watermark_us = (function.time() == TimeMode::Event).then_some(0);
    let mut batches = vec![Batch { head: None, watermark_us, time_us: MOMENT.time_us, rows: 0..0 }];
    for line in lines {
        let Some(last) = batches.last_mut() else { break };
        if !is_head(line) {
            last.rows.end += 1;
            continue;
        }
        let time = |name: &str| match line.members.get(name) {
            None => Ok(None),
            Some(value) => match value.as_str().and_then(parse_timestamp_micros) {
                Some(time) => Ok(Some(time)),
                None => Err(Error::user("a time of the case is no timestamp")
                    .with("line", &line.text)
                    .hint("such as \"2026-01-01T00:00:10Z\"")),
            },
        };
        let next = Batch {
            head: Some(line.text.trim().to_string()),
            watermark_us: time(WATERMARK)?.or(last.watermark_us),
            time_us: time(TIME)?.unwrap_or(last.time_us),
            rows: last.rows.end..last.rows.end,
        };
        batches.push(next);
    }
    Ok(batches)
}

/// The lines that a case gives: the rows of a batch in one call, and its timers in another; and the same with a call
/// for each row, and for the timers of each key.
pub fn run(function: &Arc<Group>, case: &Case) -> Result<Found> {
    let input = Input::read(function, case)?;
    let whole = Play::new(function, &input, false).play()?;
    let single = Play::new(function, &input, true).play()?;
    let how = "rows one by one, each in a guest of its own,";
    expect_equal(&whole.rows, &single.rows, how)?;
    expect_equal(&whole.states, &single.states, how)?;
    Ok(whole)
}

struct Play<'a> {
    function: &'a Arc<Group>,
    input: &'a Input,
    /// Whether each row has a call of its own, in a guest of its own.
    is_cut: bool,
    guest: Option<GroupInstance>,
    /// The state and the timers of each key.
    states: Vec<Vec<ArrayRef>>,
    timers: Vec<Vec<i64>>,
}

/// What a call is about: rows, in the order of their keys, or timers that are over.
struct Given<'a> {
    rows: &'a [usize],
    fired: Timers,
}

impl Play<'_> {
    fn new<'a>(function: &'a Arc<Group>, input: &'a Input, is_cut: bool) -> Play<'a> {
        let none: Vec<ArrayRef> =
            function.state().iter().map(|field| new_null_array(field.data_type(), 1)).collect();
        let keys = input.keys.len();
        Play {
            function,
            input,
            is_cut,
            guest: None,
            states: vec![none; keys],
            timers: vec![Vec::new(); keys],
        }
    }

    fn play(mut self) -> Result<Found> {
        let mut rows = Vec::new();
        for batch in &self.input.batches {
            rows.extend(batch.head.clone());
            let before = (self.states.clone(), self.timers.clone());
            match self.batch(batch) {
                Ok(lines) => rows.extend(lines),
                Err(error) => {
                    rows.push(gave_up(error)?);
                    // A batch that fails changes nothing.
                    (self.states, self.timers) = before;
                    break;
                }
            }
        }
        Ok(Found { rows, states: self.left()? })
    }

    fn batch(&mut self, batch: &Batch) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        // A guest lives at the time of its batch.
        self.guest = None;
        // In the order of their keys, as a query brings them.
        let mut rows: Vec<usize> = batch.rows.clone().collect();
        rows.sort_by_key(|row| self.input.owners[*row]);
        let most = if self.is_cut { 1 } else { rows.len().max(1) };
        for rows in rows.chunks(most) {
            let mut keys: Vec<usize> = rows.iter().map(|row| self.input.owners[*row]).collect();
            keys.dedup();
            lines.extend(self.call(batch, &keys, &Given { rows, fired: Timers::default() })?);
        }
        let until = match self.function.time() {
            TimeMode::None => None,
            TimeMode::Event => batch.watermark_us,
            TimeMode::Processing => Some(batch.time_us),
        };
        let Some(until) = until else { return Ok(lines) };
        let is_due = |key: &usize| self.timers[*key].iter().any(|time| *time <= until);
        let due: Vec<usize> = (0..self.timers.len()).filter(is_due).collect();
        let most = if self.is_cut { 1 } else { due.len().max(1) };
        for keys in due.chunks(most) {
            let mut fired = Timers::default();
            for (group, key) in keys.iter().enumerate() {
                let timers = &mut self.timers[*key];
                let over = timers.partition_point(|time| *time <= until);
                fired.times.extend(timers.drain(..over));
                fired.groups.resize(fired.times.len(), group as u32);
            }
            lines.extend(self.call(batch, keys, &Given { rows: &[], fired })?);
        }
        Ok(lines)
    }

    /// One call for some keys.
    fn call(&mut self, batch: &Batch, keys: &[usize], given: &Given<'_>) -> Result<Vec<String>> {
        let states: Vec<Vec<ArrayRef>> = keys.iter().map(|key| self.states[*key].clone()).collect();
        let mut timers = Timers::default();
        for (group, key) in keys.iter().enumerate() {
            timers.times.extend(&self.timers[*key]);
            timers.groups.resize(timers.times.len(), group as u32);
        }
        let group_of = |row: &usize| keys.binary_search(&self.input.owners[*row]).unwrap_or(0) as i32;
        let input = GroupInput {
            watermark_us: batch.watermark_us,
            time_us: batch.time_us,
            keys: &rows_at(&self.input.key_columns, keys)?,
            states: &joined(&states)?,
            rows: &rows_at(&self.input.rows, given.rows)?,
            row_groups: &Int32Array::from_iter_values(given.rows.iter().map(group_of)),
            timers: &timers,
            fired: &given.fired,
        };
        let mut guest = match self.guest.take() {
            Some(guest) => guest,
            None => self.function.open(Moment { time_us: batch.time_us, ..MOMENT })?,
        };
        let output = guest.process(&input)?;
        self.guest = Some(guest).filter(|_| !self.is_cut);
        self.take(keys, output)
    }

    /// Keeps states and timers; gives the rows as lines.
    fn take(&mut self, keys: &[usize], output: GroupOutput) -> Result<Vec<String>> {
        for (group, key) in keys.iter().enumerate() {
            self.states[*key] = row_of(&output.states, group);
            self.timers[*key].clear();
        }
        for (group, time) in output.timers.groups.iter().zip(output.timers.times) {
            self.timers[keys[*group as usize]].push(time);
        }
        for key in keys {
            self.timers[*key].sort_unstable();
            self.timers[*key].dedup();
        }
        let rows = batch_of(self.function.outputs(), output.rows, output.row_groups.len())?;
        let groups = output.row_groups.values().iter().enumerate();
        groups.map(|(row, group)| line(KEY, &self.input.keys[keys[*group as usize]], &rows, row)).collect()
    }

    /// A line for each key that has a state or timers.
    fn left(&self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        for (key, (state, timers)) in self.states.iter().zip(&self.timers).enumerate() {
            if timers.is_empty() && state.iter().all(|column| column.is_null(0)) {
                continue;
            }
            let state = batch_of(self.function.state(), state.clone(), 1)?;
            let text = line(KEY, &self.input.keys[key], &state, 0)?;
            let timers: Vec<String> = timers.iter().map(|time| format_timestamp_micros(*time)).collect();
            lines.push(format!("{},\"{TIMERS}\":{}}}", &text[..text.len() - 1], json!(timers)));
        }
        Ok(lines)
    }
}

fn batch_of(fields: &Fields, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let schema = Arc::new(Schema::new(fields.clone()));
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, columns, &options)
        .map_err(|e| Error::internal("make rows of what a group function gave").because(e))
}
