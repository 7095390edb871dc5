//! The calls of a stateful function for the keys of one share, cut so that each fits into the guest. What comes back
//! is taken into the keys.

use arrow::array::{
    Array, ArrayRef, Int32Array, RecordBatch, RecordBatchOptions, UInt32Array, new_empty_array,
};
use arrow::compute::{concat_batches, take, take_record_batch};

use super::share::{KeyedRows, ShareInput};
use super::stored::Value;
use crate::error::{Error, Result};
use crate::fault;
use crate::udf::{GroupInput, GroupInstance, GroupOutput, Timers, bytes_of};

/// A key of the share, and what is known of it at this point of the batch.
pub struct Key {
    /// Key group and encoded key.
    pub stored_key: Vec<u8>,
    pub value: Value,
}

impl Key {
    /// What the key takes in a call, roughly.
    fn bytes(&self) -> usize {
        let state = self.value.state.as_ref().map_or(0, Vec::len);
        self.stored_key.len() + state + 16 * self.value.timers.len()
    }
}

/// One guest and what it gave so far.
pub struct Calls<'a> {
    input: &'a ShareInput<'a>,
    instance: Option<GroupInstance>,
    rows: Vec<RecordBatch>,
    /// The place of each row's key.
    row_keys: Vec<usize>,
    /// How many rows the next call begins with, twice those of the last; fewer if they are too large.
    rows_at_once: usize,
}

impl<'a> Calls<'a> {
    pub fn new(input: &'a ShareInput<'a>) -> Calls<'a> {
        Calls { input, instance: None, rows: Vec::new(), row_keys: Vec::new(), rows_at_once: usize::MAX }
    }

    /// The rows that came back, in the order of their keys: what a stage behind makes of it must not depend on which
    /// keys the share has. The rows of a key are in the order of its calls.
    pub fn into_rows(self) -> Result<Vec<RecordBatch>> {
        if self.row_keys.is_sorted() {
            return Ok(self.rows);
        }
        let failed = |e| Error::internal("order a guest's rows by their keys").because(e);
        let mut order: Vec<u32> = (0..self.row_keys.len() as u32).collect();
        order.sort_by_key(|row| self.row_keys[*row as usize]);
        let rows = concat_batches(&self.input.stage.schema, &self.rows).map_err(failed)?;
        Ok(vec![take_record_batch(&rows, &UInt32Array::from(order)).map_err(failed)?])
    }

    /// Brings all rows to their keys.
    pub fn with_rows(&mut self, keys: &mut [Key], rows: &KeyedRows) -> Result<()> {
        // Keys without rows stand between those with: the places that have rows, one after the other.
        let mut start = 0;
        while start < rows.keys.len() {
            let end = self.rows_that_fit(keys, rows, start);
            let touched = distinct(&rows.keys[start..end]);
            let slice = |column: &ArrayRef| column.slice(start, end - start);
            let columns: Vec<ArrayRef> = rows.columns.iter().map(slice).collect();
            self.call(keys, &touched, (columns, &rows.keys[start..end]), Timers::default())?;
            start = end;
        }
        Ok(())
    }

    /// Where a call with the rows from `start` on ends: between two keys if it can.
    fn rows_that_fit(&mut self, keys: &[Key], rows: &KeyedRows, start: usize) -> usize {
        let most = self.input.stage.function.call_bytes();
        let mut end = rows.keys.len().min(start.saturating_add(self.rows_at_once));
        loop {
            let of_keys: usize = distinct(&rows.keys[start..end]).iter().map(|key| keys[*key].bytes()).sum();
            if end - start == 1 || of_keys + bytes_of(&rows.columns, start..end) <= most {
                break;
            }
            end = start + (end - start).div_ceil(2);
        }
        self.rows_at_once = (end - start).saturating_mul(2);
        let cut = rows.keys.get(end).filter(|next| **next == rows.keys[end - 1]);
        let before = cut.map(|key| start + rows.keys[start..end].partition_point(|other| other < key));
        before.filter(|before| *before > start).unwrap_or(end)
    }

    /// Calls for the keys that have timers up to `until`. A timer that is set meanwhile waits for another batch.
    pub fn with_timers(&mut self, keys: &mut [Key], until: i64) -> Result<()> {
        let due: Vec<usize> = (0..keys.len())
            .filter(|key| keys[*key].value.timers.first().is_some_and(|t| *t <= until))
            .collect();
        let most = self.input.stage.function.call_bytes();
        let mut rest = due.as_slice();
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |key: &&usize| {
                bytes += keys[**key].bytes();
                bytes <= most
            };
            let count = rest.iter().take_while(fits).count().max(1);
            let (some, others) = rest.split_at(count);
            let mut fired = Timers::default();
            for (group, key) in some.iter().enumerate() {
                let timers = &mut keys[*key].value.timers;
                let over = timers.partition_point(|time| *time <= until);
                fired.times.extend(timers.drain(..over));
                fired.groups.resize(fired.times.len(), group as u32);
            }
            let none = self.input.stage.function.inputs().iter();
            let none = none.map(|field| new_empty_array(field.data_type())).collect();
            self.call(keys, some, (none, &[]), fired)?;
            rest = others;
        }
        Ok(())
    }

    /// One call for the keys at `places`, in order, with rows of theirs or timers that are over.
    fn call(
        &mut self,
        keys: &mut [Key],
        places: &[usize],
        (rows, row_keys): (Vec<ArrayRef>, &[usize]),
        fired: Timers,
    ) -> Result<()> {
        let stage = self.input.stage;
        let encoded_keys = places.iter().map(|place| &keys[*place].stored_key[2..]);
        let key_columns = stage.key_codec.decode(encoded_keys)?;
        let states = places.iter().map(|place| keys[*place].value.state.as_deref().unwrap_or_default());
        let states = stage.state_codec.decode_lengthened(states)?;
        let mut timers = Timers::default();
        for (group, place) in places.iter().enumerate() {
            timers.times.extend(&keys[*place].value.timers);
            timers.groups.resize(timers.times.len(), group as u32);
        }
        let mut group = 0;
        let group_of = |key: &usize| {
            while places[group] != *key {
                group += 1;
            }
            group as i32
        };
        let row_groups: Int32Array = row_keys.iter().map(group_of).map(Some).collect();
        let input = GroupInput {
            watermark_us: self.input.watermark_us,
            time_us: self.input.time_us,
            keys: if stage.function.key().is_empty() { &[] } else { &key_columns },
            states: &states,
            rows: &rows,
            row_groups: &row_groups,
            timers: &timers,
            fired: &fired,
        };
        let output = self
            .process(&input)
            .map_err(|error| error.with("stage", "groupBy").with("module", &stage.module))?;
        self.take_rows(&key_columns, places, &output)?;
        self.take_states(keys, places, output)
    }

    fn process(&mut self, input: &GroupInput<'_>) -> Result<GroupOutput> {
        let instance = match &mut self.instance {
            Some(instance) => instance,
            none => none.insert(self.input.stage.function.open(self.input.moment)?),
        };
        fault::point("guest-before");
        let output = instance.process(input);
        fault::point("guest-after");
        output
    }

    /// The rows with their keys in front.
    fn take_rows(&mut self, keys: &[ArrayRef], places: &[usize], output: &GroupOutput) -> Result<()> {
        if output.row_groups.is_empty() {
            return Ok(());
        }
        let of_rows = |key: &ArrayRef| {
            take(key, &output.row_groups, None).map_err(|e| Error::internal("take keys").because(e))
        };
        let mut columns = keys.iter().map(of_rows).collect::<Result<Vec<_>>>()?;
        columns.extend(output.rows.iter().cloned());
        let options = RecordBatchOptions::new().with_row_count(Some(output.row_groups.len()));
        let schema = self.input.stage.schema.clone();
        let rows = RecordBatch::try_new_with_options(schema, columns, &options)
            .map_err(|e| Error::internal("join a guest's rows to their keys").because(e))?;
        self.rows.push(rows);
        self.row_keys.extend(output.row_groups.values().iter().map(|group| places[*group as usize]));
        Ok(())
    }

    fn take_states(&self, keys: &mut [Key], places: &[usize], output: GroupOutput) -> Result<()> {
        let stage = self.input.stage;
        let states = stage.state_codec.encode(&output.states)?;
        // A row of nulls is a null byte for each column.
        let none = vec![0; stage.state_codec.types().len()];
        for (group, place) in places.iter().enumerate() {
            let value = &mut keys[*place].value;
            value.state = (states.row(group) != none).then(|| states.row(group).to_vec());
            let expires = stage.ttl_us.map(|ttl| self.input.time_us.saturating_add(ttl));
            value.expires = expires.filter(|_| value.state.is_some());
            value.timers.clear();
        }
        for (group, time) in output.timers.groups.iter().zip(&output.timers.times) {
            keys[places[*group as usize]].value.timers.push(*time);
        }
        for place in places {
            let timers = &mut keys[*place].value.timers;
            timers.sort_unstable();
            timers.dedup();
        }
        Ok(())
    }
}

/// Neighbours that are equal, once.
fn distinct(sorted: &[usize]) -> Vec<usize> {
    let mut distinct = sorted.to_vec();
    distinct.dedup();
    distinct
}
