//! The second step of an aggregation: one share of the key groups merges what the splits found with the state.

use std::ops::Range;
use std::time::Instant;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StructArray, UInt32Array};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::compute::take;
use arrow::datatypes::{DataType, TimestampMicrosecondType};

use super::accumulator::Accumulator;
use super::lane::Lane;
use super::partial::PartialGroups;
use super::row_encode::THERE;
use super::table::GroupTable;
use super::{Aggregation, Key, internal};
use crate::error::{Error, Result};
use crate::operator::Merged;
use crate::sink::OutputMode;
use crate::state::{Changes, StateReader, key_group};
use crate::udf::Moment;

/// What one share merges.
pub struct MergeInput<'a> {
    pub aggregation: &'a Aggregation,
    /// In the splits' order, which is the order that `first`, `last` and `collect_list` see.
    pub partials: &'a [PartialGroups],
    pub key_groups: Range<u16>,
    pub state: &'a StateReader,
    /// Groups whose event time is not after this are complete and leave; microseconds.
    pub eviction_us: Option<i64>,
    /// What guests may know of time and chance.
    pub moment: Moment,
}

/// One group of the share: touched by this batch, found by the scan, or both.
struct Group {
    /// Key group and encoded key, as stored.
    key: Vec<u8>,
    stored: Option<Vec<u8>>,
    touched: bool,
}

pub fn merge(input: &MergeInput<'_>) -> Result<Merged> {
    let aggregation = input.aggregation;
    let eviction = input.eviction_us.filter(|_| aggregation.evicts());
    let started = Instant::now();
    let scanned = scan(input, eviction)?;
    let removals = started.elapsed();
    let touched = Touched::collect(input)?;
    let groups = with_state(input, &touched.keys, scanned)?;
    let accumulators = accumulate(input, &touched, &groups)?;
    let evicted: Vec<bool> = groups.iter().map(|group| is_evicted(&group.key, eviction)).collect();
    let emitted =
        groups.iter().zip(&evicted).enumerate().filter(|(_, (group, evicted))| match aggregation.mode {
            OutputMode::Append => **evicted,
            OutputMode::Update => group.touched,
            OutputMode::Complete => true,
        });
    let emitted: Vec<u32> = emitted.map(|(index, _)| index as u32).collect();
    let rows = results(aggregation, &groups, &accumulators, &emitted)?;
    let (changes, rows_updated, rows_removed) = changes(input, &groups, &evicted, &accumulators, eviction)?;
    let updates = started.elapsed() - removals;
    let (rows, changes) = (vec![rows], vec![changes]);
    Ok(Merged { rows, changes, rows_updated, rows_removed, updates, removals })
}

/// The distinct keys of this share, and which of them each group of each split is.
struct Touched {
    keys: Vec<Vec<u8>>,
    /// By split: the split's group numbers of this share, and the key each is.
    members: Vec<(UInt32Array, Vec<u32>)>,
}

impl Touched {
    fn collect(input: &MergeInput<'_>) -> Result<Touched> {
        let mut table = GroupTable::new();
        let (mut keys, mut members, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
        for partial in input.partials {
            let own: Vec<u32> = (0..partial.len() as u32)
                .filter(|g| input.key_groups.contains(&partial.key_groups[*g as usize]))
                .collect();
            let lane = key_lane(partial, &own)?;
            table.intern(std::slice::from_ref(&lane), own.len(), &mut numbers)?;
            for (group, number) in own.iter().zip(&numbers) {
                if *number as usize == keys.len() {
                    keys.push(stored_key(partial, *group as usize));
                }
            }
            members.push((UInt32Array::from(own), numbers.clone()));
        }
        if input.aggregation.keys.is_empty() && keys.is_empty() && input.key_groups.contains(&key_group(&[]))
        {
            // A grouping without keys has its one group even when there are no rows.
            keys.push(key_group(&[]).to_be_bytes().to_vec());
        }
        Ok(Touched { keys, members })
    }
}

fn stored_key(partial: &PartialGroups, group: usize) -> Vec<u8> {
    let mut key = partial.key_groups[group].to_be_bytes().to_vec();
    key.extend_from_slice(partial.keys.row(group));
    key
}

fn key_lane(partial: &PartialGroups, groups: &[u32]) -> Result<Lane> {
    let mut data = Vec::new();
    let mut ends = vec![0_i32];
    for group in groups {
        data.extend_from_slice(partial.keys.row(*group as usize));
        let end = i32::try_from(data.len())
            .map_err(|_| Error::user("the keys of a batch are too long").with("bytes", data.len()))?;
        ends.push(end);
    }
    Ok(Lane::Bytes { offsets: OffsetBuffer::new(ends.into()), data: Buffer::from_vec(data), nulls: None })
}

/// The groups that matter to this batch, sorted by key, with what is stored of them.
fn with_state(input: &MergeInput<'_>, touched: &[Vec<u8>], scanned: Vec<Group>) -> Result<Vec<Group>> {
    let mut sorted: Vec<&Vec<u8>> = touched.iter().collect();
    sorted.sort_unstable();
    let keys: Vec<&[u8]> = sorted.iter().map(|key| key.as_slice()).collect();
    let stored = input.state.multi_get(&keys)?;
    let touched =
        sorted.into_iter().zip(stored).map(|(key, stored)| Group { key: key.clone(), stored, touched: true });
    Ok(union(touched.collect(), scanned))
}

/// Stored groups that leave in this batch, or all of them when the whole result is asked for.
fn scan(input: &MergeInput<'_>, eviction: Option<i64>) -> Result<Vec<Group>> {
    let mut found = Vec::new();
    let mut take_range = |from: &[u8], to: &[u8]| -> Result<()> {
        for entry in input.state.scan(from, to)? {
            let (key, value) = entry?;
            found.push(Group { key: key.into(), stored: Some(value.into()), touched: false });
        }
        Ok(())
    };
    if input.aggregation.mode == OutputMode::Complete {
        let (from, to) = (input.key_groups.start.to_be_bytes(), input.key_groups.end.to_be_bytes());
        take_range(&from, &to)?;
    } else if let Some(eviction) = eviction {
        for key_group in input.key_groups.clone() {
            let (from, to) = evicted_range(key_group, eviction);
            take_range(&from, &to)?;
        }
    }
    Ok(found)
}

/// Where the groups of a key group lie whose event time is not after the watermark.
fn evicted_range(key_group: u16, eviction: i64) -> (Vec<u8>, Vec<u8>) {
    let mut from = key_group.to_be_bytes().to_vec();
    from.push(THERE);
    let mut to = from.clone();
    match eviction.checked_add(1) {
        Some(after) => to.extend_from_slice(&((after as u64) ^ (1 << 63)).to_be_bytes()),
        None => to = [&key_group.to_be_bytes()[..], &[THERE + 1]].concat(),
    }
    (from, to)
}

/// Both are sorted by key; a group in both is touched, and its stored value is the same.
fn union(touched: Vec<Group>, scanned: Vec<Group>) -> Vec<Group> {
    if scanned.is_empty() {
        return touched;
    }
    let mut groups = Vec::with_capacity(touched.len() + scanned.len());
    let mut scanned = scanned.into_iter().peekable();
    for group in touched {
        while let Some(before) = scanned.next_if(|found| found.key < group.key) {
            groups.push(before);
        }
        scanned.next_if(|found| found.key == group.key);
        groups.push(group);
    }
    groups.extend(scanned);
    groups
}

/// Buffers by group: first what is stored, then what the splits found, in their order.
fn accumulate(
    input: &MergeInput<'_>,
    touched: &Touched,
    groups: &[Group],
) -> Result<Vec<Box<dyn Accumulator>>> {
    let aggregation = input.aggregation;
    let mut accumulators = aggregation.accumulators(input.moment)?;
    accumulators.iter_mut().for_each(|accumulator| accumulator.resize(groups.len()));
    let stored: Vec<u32> =
        (0..groups.len()).filter(|index| groups[*index].stored.is_some()).map(|index| index as u32).collect();
    let rows = groups.iter().filter_map(|group| group.stored.as_deref());
    let columns = aggregation.state_codec.decode(rows)?;
    merge_columns(aggregation, &mut accumulators, &columns, &stored)?;
    let ranks = ranks(&touched.keys, groups);
    for (partial, (members, numbers)) in input.partials.iter().zip(&touched.members) {
        let columns = partial.states.iter().map(|column| take(column, members, None));
        let columns =
            columns.collect::<std::result::Result<Vec<_>, _>>().map_err(internal("take buffers"))?;
        let targets: Vec<u32> = numbers.iter().map(|number| ranks[*number as usize]).collect();
        merge_columns(aggregation, &mut accumulators, &columns, &targets)?;
    }
    Ok(accumulators)
}

/// The place of each touched key among the sorted groups.
fn ranks(keys: &[Vec<u8>], groups: &[Group]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..keys.len() as u32).collect();
    order.sort_unstable_by(|a, b| keys[*a as usize].cmp(&keys[*b as usize]));
    let places = groups.iter().enumerate().filter(|(_, group)| group.touched).map(|(place, _)| place as u32);
    let mut ranks = vec![0; keys.len()];
    for (key, place) in order.into_iter().zip(places) {
        ranks[key as usize] = place;
    }
    ranks
}

fn merge_columns(
    aggregation: &Aggregation,
    accumulators: &mut [Box<dyn Accumulator>],
    columns: &[ArrayRef],
    groups: &[u32],
) -> Result<()> {
    let mut rest = columns;
    for (accumulator, width) in accumulators.iter_mut().zip(&aggregation.state_widths) {
        let (own, others) = rest.split_at(*width);
        accumulator.merge(own, groups)?;
        rest = others;
    }
    Ok(())
}

fn is_evicted(key: &[u8], eviction: Option<i64>) -> bool {
    let (Some(eviction), Some([THERE, rest @ ..])) = (eviction, key.get(2..)) else { return false };
    let Some(time) = rest.first_chunk::<8>() else { return false };
    (u64::from_be_bytes(*time) ^ (1 << 63)) as i64 <= eviction
}

fn changes(
    input: &MergeInput<'_>,
    groups: &[Group],
    evicted: &[bool],
    accumulators: &[Box<dyn Accumulator>],
    eviction: Option<i64>,
) -> Result<(Changes, u64, u64)> {
    let mut changes = Changes::default();
    let mut columns = Vec::new();
    for accumulator in accumulators {
        columns.extend(accumulator.state()?);
    }
    let values = input.aggregation.state_codec.encode(&columns)?;
    let (mut updated, mut removed) = (0, vec![0_u64; input.key_groups.len()]);
    for (index, (group, evicted)) in groups.iter().zip(evicted).enumerate() {
        if *evicted {
            if group.stored.is_some() {
                let key_group = u16::from_be_bytes([group.key[0], group.key[1]]);
                removed[usize::from(key_group - input.key_groups.start)] += 1;
            }
        } else if group.touched {
            changes.put(&group.key, values.row(index), group.stored.is_none());
            updated += 1;
        }
    }
    if let Some(eviction) = eviction {
        for (key_group, rows) in input.key_groups.clone().zip(&removed).filter(|(_, rows)| **rows > 0) {
            let (from, to) = evicted_range(key_group, eviction);
            changes.delete_range(&from, &to, *rows);
        }
    }
    Ok((changes, updated, removed.iter().sum()))
}

/// The result rows of the groups to emit: keys as the user asked for them, then results, through the outputs.
fn results(
    aggregation: &Aggregation,
    groups: &[Group],
    accumulators: &[Box<dyn Accumulator>],
    emitted: &[u32],
) -> Result<RecordBatch> {
    let stored = emitted.iter().map(|index| &groups[*index as usize].key[2..]);
    let mut columns = key_columns(aggregation, stored)?;
    let emitted = UInt32Array::from(emitted.to_vec());
    for accumulator in accumulators {
        columns.push(accumulator.evaluate_some(&emitted)?);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(emitted.len()));
    let rows = RecordBatch::try_new_with_options(aggregation.result_schema.clone(), columns, &options)
        .map_err(internal("join keys and results"))?;
    aggregation.output.apply(&rows)
}

fn key_columns<'a>(
    aggregation: &Aggregation,
    stored: impl Iterator<Item = &'a [u8]>,
) -> Result<Vec<ArrayRef>> {
    let decoded = aggregation.key_codec.decode(stored)?;
    let mut columns = vec![None; decoded.len()];
    for (position, column) in aggregation.key_order().into_iter().zip(decoded) {
        columns[position] = Some(column);
    }
    let columns = columns.into_iter().zip(&aggregation.keys).map(|(column, key)| {
        let column = column.ok_or_else(|| Error::internal("a key column is missing"))?;
        match key {
            Key::Value(_) => Ok(column),
            Key::Window(window, windows) => {
                window_column(window.field.data_type(), &column, windows.width_us)
            }
        }
    });
    columns.collect()
}

/// STRUCT<start, end> from the stored ends.
fn window_column(data_type: &DataType, ends: &ArrayRef, width_us: i64) -> Result<ArrayRef> {
    use arrow::array::AsArray;
    let DataType::Struct(fields) = data_type else {
        return Err(Error::internal("a window key is not a struct"));
    };
    let ends = ends.as_primitive::<TimestampMicrosecondType>();
    let zone = ends.timezone().map(std::sync::Arc::from);
    let starts = ends
        .unary::<_, TimestampMicrosecondType>(|end| end.wrapping_sub(width_us))
        .with_timezone_opt::<std::sync::Arc<str>>(zone);
    let columns: Vec<ArrayRef> = vec![std::sync::Arc::new(starts), std::sync::Arc::new(ends.clone())];
    let window = StructArray::try_new(fields.clone(), columns, None).map_err(internal("build a window"))?;
    Ok(std::sync::Arc::new(window))
}
