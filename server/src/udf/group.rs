//! The kind `group`: rows of groups, their states and their timers into rows, states and timers. Whoever calls keeps
//! states and timers, and cuts his batches so that they fit.

use std::ops::Deref;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, TimestampMicrosecondArray, UInt32Array};
use arrow::datatypes::{DataType, Field, Fields, TimestampMicrosecondType};

use super::call::CallBlock;
use super::columns_in::{ColumnsIn, grouped, grouped_fields};
use super::columns_out::Reader;
use super::limits::GROUP_TIMERS_MAX;
use super::live::{Live, UntilError};
use super::manifest::TimeMode;
use super::memory::{Memory, refuse};
use super::module::Callable;
use super::moment::Moment;
use super::replay::{RecordedCall, Replayed};
use super::result::{COLUMNS, ORIGIN, STATES, TIMERS, only_parts, read_columns, read_origin};
use crate::error::Result;
use crate::record::timestamp_type;

// Places in the struct of a call.
const WATERMARK: usize = 0;
const TIME: usize = 8;
const CALL_KEYS: usize = 16;
const CALL_STATES: usize = 20;
const CALL_ROWS: usize = 24;
const CALL_TIMERS: usize = 28;
const CALL_FIRED: usize = 32;
const CALL_BYTES: usize = 40;

/// A function that keeps a state for each group, and is called again when a group's timers are over.
pub struct Group {
    pub(super) callable: Callable,
    pub(super) key: Fields,
    pub(super) state: Fields,
    pub(super) time: TimeMode,
}

impl Deref for Group {
    type Target = Callable;

    fn deref(&self) -> &Callable {
        &self.callable
    }
}

impl Group {
    /// The columns of the key that the function wants to see; none of them if it works for any key.
    pub fn key(&self) -> &Fields {
        &self.key
    }

    /// The columns of a group's state. All may hold nulls; a row of nulls is no state.
    pub fn state(&self) -> &Fields {
        &self.state
    }

    /// Which time its timers go by.
    pub fn time(&self) -> TimeMode {
        self.time
    }

    /// Starts a fresh guest; see [`Transform::open`](super::Transform::open).
    pub fn open(self: &Arc<Self>, moment: Moment) -> Result<GroupInstance> {
        Ok(GroupInstance { group: Arc::clone(self), live: UntilError::open(self, moment)? })
    }
}

/// Timers of the groups of a call, in order of group and then of time.
#[derive(Debug, Default, PartialEq)]
pub struct Timers {
    pub groups: Vec<u32>,
    /// Microseconds since the epoch.
    pub times: Vec<i64>,
}

/// What a call is about: so many groups as `states` has rows.
pub struct GroupInput<'a> {
    /// The watermark of the batch, if there is one, and the batch's own time; microseconds.
    pub watermark_us: Option<i64>,
    pub time_us: i64,
    /// The columns of [`Group::key`].
    pub keys: &'a [ArrayRef],
    pub states: &'a [ArrayRef],
    /// The columns of the function's inputs, with the group of each row; it never falls.
    pub rows: &'a [ArrayRef],
    pub row_groups: &'a Int32Array,
    /// Timers that run, and timers that are over and do not run any more.
    pub timers: &'a Timers,
    pub fired: &'a Timers,
}

/// What became of the groups of a call.
#[derive(Debug)]
pub struct GroupOutput {
    /// The columns of the function's outputs, and the group of each row; it never falls.
    pub rows: Vec<ArrayRef>,
    pub row_groups: UInt32Array,
    pub states: Vec<ArrayRef>,
    /// The timers that run from now on; those that are not here are deleted.
    pub timers: Timers,
}

/// A guest for groups. After an error it is gone, and another must be opened.
pub struct GroupInstance {
    group: Arc<Group>,
    live: UntilError,
}

impl GroupInstance {
    pub fn process(&mut self, input: &GroupInput<'_>) -> Result<GroupOutput> {
        let group = &self.group;
        self.live.with(|live| group.call(live, input).map_err(|error| group.named(error)))
    }
}

/// The batches of a call, with their places in its struct.
type Parts = [(usize, ColumnsIn); 5];

impl Group {
    fn call(&self, live: &mut Live, input: &GroupInput<'_>) -> Result<GroupOutput> {
        let groups = input.states.first().map_or(0, |column| column.len());
        let parts = [
            (CALL_KEYS, ColumnsIn::new(&self.key, input.keys, groups)?),
            (CALL_STATES, ColumnsIn::new(&self.state, input.states, groups)?),
            (CALL_ROWS, grouped(self.inputs(), input.rows, input.row_groups)?),
            (CALL_TIMERS, timer_columns(input.timers)?),
            (CALL_FIRED, timer_columns(input.fired)?),
        ];
        self.call_with(live, input.watermark_us.unwrap_or(i64::MIN), input.time_us, &parts)
    }

    /// Makes a recorded call again.
    pub(super) fn again(&self, live: &mut Live, call: &RecordedCall) -> Result<Replayed> {
        let part = |place: usize, fields: &Fields| Ok((place, call.columns(Some(place), fields)?));
        let parts = [
            part(CALL_KEYS, &self.key)?,
            part(CALL_STATES, &self.state)?,
            part(CALL_ROWS, &grouped_fields(self.inputs()))?,
            part(CALL_TIMERS, &timer_fields())?,
            part(CALL_FIRED, &timer_fields())?,
        ];
        let output = self.call_with(live, call.number(WATERMARK)?, call.number(TIME)?, &parts)?;
        Ok(Replayed { rows_out: output.row_groups.len(), refused: Vec::new() })
    }

    fn call_with(&self, live: &mut Live, watermark: i64, time: i64, parts: &Parts) -> Result<GroupOutput> {
        let mut block = CallBlock::of_struct(CALL_BYTES);
        block.put_i64(WATERMARK, watermark);
        block.put_i64(TIME, time);
        let (mut count, mut bytes) = (0, 0);
        for (place, columns) in parts {
            block.add_at(*place, columns, 0..columns.rows());
            count += columns.rows();
            bytes += columns.bytes(0..columns.rows());
        }
        self.module.runtime.limits.check_call(count, bytes)?;
        let [_, (_, states), ..] = parts;
        let groups = states.rows();
        live.process(&block, count, bytes, |memory, at, bytes_max| self.read(memory, at, groups, bytes_max))
    }

    /// What came back for so many groups, checked.
    pub(super) fn read(
        &self,
        memory: Memory<'_>,
        at: u32,
        groups: usize,
        bytes_max: usize,
    ) -> Result<GroupOutput> {
        only_parts(memory, at, &[COLUMNS, ORIGIN, STATES, TIMERS])?;
        let mut reader = Reader::new(memory, bytes_max);
        let batch = reader.array(memory.u32(at + COLUMNS)?, 1, self.outputs().len())?;
        let origin = reader.numbers(memory.u32(at + ORIGIN)?, batch.rows)?;
        let row_groups = read_origin(origin, &(0..groups))?;
        let rows = read_columns(&mut reader, &batch, self.outputs())?;
        let batch = reader.array(memory.u32(at + STATES)?, 1, self.state.len())?;
        if batch.rows != groups {
            return Err(refuse("there must be one state for each group")
                .with("groups", groups)
                .with("rows", batch.rows));
        }
        let states = read_columns(&mut reader, &batch, &self.state)?;
        let timers = match memory.u32(at + TIMERS)? {
            0 => Timers::default(),
            at => self.read_timers(&mut reader, at, groups)?,
        };
        Ok(GroupOutput { rows, row_groups, states, timers })
    }

    fn read_timers(&self, reader: &mut Reader<'_>, at: u32, groups: usize) -> Result<Timers> {
        let batch = reader.array(at, 1, 2)?;
        if batch.rows > 0 && self.time == TimeMode::None {
            return Err(refuse("timers came from a function whose manifest says that it has none"));
        }
        let numbers = reader.child(&batch, 0)?;
        let owners = read_origin(reader.numbers(numbers, batch.rows)?, &(0..groups))?;
        let times = reader.child(&batch, 1)?;
        let times = reader.column(times, &timestamp_type(), batch.rows)?;
        if times.null_count() > 0 {
            return Err(refuse("a timer has no time"));
        }
        let groups = owners.values().to_vec();
        if let Some(most) = groups.chunk_by(|a, b| a == b).map(<[u32]>::len).max()
            && most > GROUP_TIMERS_MAX
        {
            return Err(refuse("a group has too many timers")
                .with("timers", most)
                .with("timers_max", GROUP_TIMERS_MAX));
        }
        let times = times.as_primitive::<TimestampMicrosecondType>().values().to_vec();
        Ok(Timers { groups, times })
    }
}

fn timer_fields() -> Fields {
    let (group, time) = (DataType::Int32, timestamp_type());
    Fields::from(vec![Field::new("group", group, false), Field::new("time", time, false)])
}

fn timer_columns(timers: &Timers) -> Result<ColumnsIn> {
    let groups: Int32Array = timers.groups.iter().map(|group| Some(*group as i32)).collect();
    let times = TimestampMicrosecondArray::from(timers.times.clone()).with_timezone("UTC");
    ColumnsIn::new(&timer_fields(), &[Arc::new(groups), Arc::new(times)], timers.times.len())
}
