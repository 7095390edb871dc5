//! The second step of a stateful function: the keys of one share of the key groups, in their order, with the rows that
//! the splits have for them and what the state store holds of them.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Instant;

use arrow::array::{Array, ArrayRef, new_empty_array};
use arrow::compute::interleave;
use hashbrown::HashMap;

use super::calls::{Calls, Key};
use super::stored::{Change, Time, Value, due_keys, note_changes};
use super::{Collected, GroupStage};
use crate::error::{Error, Result};
use crate::operator::Merged;
use crate::state::{Changes, StateReader};
use crate::udf::{Moment, TimeMode};

/// What one share works with.
pub struct ShareInput<'a> {
    pub stage: &'a GroupStage,
    /// In the splits' order, which is the order of a key's rows.
    pub collected: &'a [Collected],
    pub key_groups: Range<u16>,
    /// Values by key, and entries by time.
    pub values: &'a StateReader,
    pub times: &'a StateReader,
    /// The watermark of the batch, if there is one, and the batch's own time; microseconds.
    pub watermark_us: Option<i64>,
    pub time_us: i64,
    /// What guests may know of time and chance.
    pub moment: Moment,
}

impl ShareInput<'_> {
    /// Timers up to here are over.
    fn timers_until(&self) -> Option<i64> {
        match self.stage.function.time() {
            TimeMode::None => None,
            TimeMode::Event => self.watermark_us,
            TimeMode::Processing => Some(self.time_us),
        }
    }
}

/// Rows of all keys, those of a key next to each other.
pub struct KeyedRows {
    pub columns: Vec<ArrayRef>,
    /// The place of each row's key.
    pub keys: Vec<usize>,
}

/// Runs a share. Which keys a share has changes nothing in what becomes of a key.
pub fn run_share(input: &ShareInput<'_>) -> Result<Merged> {
    let started = Instant::now();
    let own = OwnRows::of(input);
    let until = input.timers_until();
    let mut stored_keys: BTreeSet<Vec<u8>> = own.keys.iter().cloned().collect();
    let scan_started = Instant::now();
    if let Some(until) = until {
        stored_keys.extend(due_keys(input.times, input.key_groups.clone(), Time::Timer, until)?);
    }
    stored_keys.extend(due_keys(input.times, input.key_groups.clone(), Time::Expiry, input.time_us)?);
    let removals = scan_started.elapsed();
    let (mut keys, before) = load(input, stored_keys)?;
    let sorted = own.sorted(input, &keys)?;

    let mut calls = Calls::new(input);
    calls.with_rows(&mut keys, &sorted)?;
    if let Some(until) = until {
        calls.with_timers(&mut keys, until)?;
    }
    let (mut values, mut times) = (Changes::default(), Changes::default());
    let (mut rows_updated, mut rows_removed) = (0, 0);
    for (key, before) in keys.iter().zip(&before) {
        match note_changes(&key.stored_key, before.as_ref(), &key.value, &mut values, &mut times) {
            Change::None => {}
            Change::Updated => rows_updated += 1,
            Change::Removed => rows_removed += 1,
        }
    }
    let (rows, changes) = (calls.into_rows()?, vec![values, times]);
    let updates = started.elapsed() - removals;
    Ok(Merged { rows, changes, rows_updated, rows_removed, updates, removals })
}

/// The keys in order, each with what is stored of it and not forgotten by now; and what is stored.
fn load(input: &ShareInput<'_>, keys: BTreeSet<Vec<u8>>) -> Result<(Vec<Key>, Vec<Option<Value>>)> {
    let names: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    let stored = input.values.multi_get(&names)?;
    let decode = |value: Option<Vec<u8>>| value.map(|bytes| Value::decode(&bytes)).transpose();
    let before = stored.into_iter().map(decode).collect::<Result<Vec<_>>>()?;
    let loaded = keys.into_iter().zip(&before).map(|(stored_key, value)| {
        let mut value = value.clone().unwrap_or_default();
        if value.expires.is_some_and(|time| time <= input.time_us) {
            (value.expires, value.state) = (None, None);
        }
        Key { stored_key, value }
    });
    Ok((loaded.collect(), before))
}

/// The rows of this share: where each is, and which key it has.
struct OwnRows {
    /// Distinct, in order of appearance.
    keys: Vec<Vec<u8>>,
    /// By row: which of `collected`, which row of it, and the number of its key.
    rows: Vec<(usize, usize, usize)>,
}

impl OwnRows {
    fn of(input: &ShareInput<'_>) -> OwnRows {
        let mut numbers: HashMap<&[u8], usize> = HashMap::new();
        let mut own = OwnRows { keys: Vec::new(), rows: Vec::new() };
        for (source, collected) in input.collected.iter().enumerate() {
            for (row, key_group) in collected.key_groups.iter().enumerate() {
                if !input.key_groups.contains(key_group) {
                    continue;
                }
                let key = collected.keys.row(row);
                let number = *numbers.entry(key).or_insert_with(|| {
                    own.keys.push([&key_group.to_be_bytes()[..], key].concat());
                    own.keys.len() - 1
                });
                own.rows.push((source, row, number));
            }
        }
        own
    }

    /// The rows in the order of their keys; rows of a key stay in the order in which they came.
    fn sorted(self, input: &ShareInput<'_>, keys: &[Key]) -> Result<KeyedRows> {
        let place = |key: &Vec<u8>| {
            let found = keys.binary_search_by(|other| other.stored_key.as_slice().cmp(key));
            found.map_err(|_| Error::internal("a key of a row is missing"))
        };
        let places = self.keys.iter().map(place).collect::<Result<Vec<_>>>()?;
        let mut rows = self.rows;
        rows.sort_by_key(|(_, _, number)| places[*number]);
        let order: Vec<(usize, usize)> = rows.iter().map(|(source, row, _)| (*source, *row)).collect();
        let column = |(index, field): (usize, &arrow::datatypes::FieldRef)| {
            if input.collected.is_empty() {
                return Ok(new_empty_array(field.data_type()));
            }
            let sources: Vec<&dyn Array> =
                input.collected.iter().map(|collected| collected.arguments[index].as_ref()).collect();
            interleave(&sources, &order).map_err(|e| Error::internal("sort rows by their key").because(e))
        };
        let columns = input.stage.function.inputs().iter().enumerate().map(column).collect::<Result<_>>()?;
        Ok(KeyedRows { columns, keys: rows.iter().map(|(_, _, number)| places[*number]).collect() })
    }
}
