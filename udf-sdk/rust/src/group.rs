//! What a group function has of its group besides state and rows: the times, its timers, and where its rows go.

use core::ptr::null;

use crate::abi::{ArrowArray, CallResult, FAILED, GroupCall, OK};
use crate::buffer::Buffer;
use crate::column::Column;
use crate::entry::Status;
use crate::kind::{INT, TIMESTAMP};
use crate::rows::{Groups, Outputs, PutRow, batch, keep_array};

/// The group at hand. All times are microseconds since 1970-01-01 00:00:00 UTC.
pub struct Group<O: Outputs> {
    watermark: i64,
    time: i64,
    timers: Vec<i64>,
    rows: Groups<O>,
    /// The group of each emitted row.
    origin: Buffer<i32>,
    number: i32,
}

impl<O: Outputs> Group<O> {
    /// For a unit test: a group without timers, at these times.
    pub fn at(watermark: i64, time: i64) -> Group<O> {
        Group {
            watermark,
            time,
            timers: Vec::new(),
            rows: Groups::new(0),
            origin: Buffer::with_capacity(0),
            number: 0,
        }
    }

    /// The watermark of the batch; none if the query has none.
    pub fn watermark(&self) -> Option<i64> {
        (self.watermark != i64::MIN).then_some(self.watermark)
    }

    /// The time of the batch, by the clock. It is the same whenever the batch runs again.
    pub fn time(&self) -> i64 {
        self.time
    }

    /// The timers that run.
    pub fn timers(&self) -> &[i64] {
        &self.timers
    }

    /// Starts a timer, which is over when the watermark or the clock reaches `time`. There is one for each time.
    pub fn set_timer(&mut self, time: i64) {
        if !self.timers.contains(&time) {
            self.timers.push(time);
        }
    }

    /// Deletes the timer for `time`, if it runs.
    pub fn delete_timer(&mut self, time: i64) {
        self.timers.retain(|other| *other != time);
    }

    pub(crate) fn take_builders(&mut self) -> O::Builders {
        self.origin = Buffer::with_capacity(0);
        core::mem::replace(&mut self.rows, Groups::new(0)).into_builders()
    }

    /// Gives a row. The key stands in front of it by itself.
    pub fn emit(&mut self, values: impl PutRow<O>) {
        self.origin.push(self.number);
        self.rows.put(values);
    }
}

/// The timers of a call, group by group.
struct TimerColumns<'a> {
    groups: &'a [i32],
    times: &'a [i64],
    next: usize,
}

impl<'a> TimerColumns<'a> {
    /// # Safety
    /// `timers` is a batch of a group and a time for each timer, as the ABI describes it.
    unsafe fn new(timers: &'a ArrowArray) -> TimerColumns<'a> {
        // SAFETY: the batch has these two children, by the caller's word.
        let (groups, times) = unsafe { (&**timers.children, &**timers.children.add(1)) };
        // SAFETY: they are of these kinds, by the caller's word.
        let (groups, times) =
            unsafe { (Column::<INT>::from_array(groups), Column::<TIMESTAMP>::from_array(times)) };
        TimerColumns { groups: groups.values(), times: times.values(), next: 0 }
    }

    /// The timers of a group; groups are asked for in order.
    fn of(&mut self, group: usize) -> &'a [i64] {
        let start = self.next;
        while self.groups.get(self.next) == Some(&(group as i32)) {
            self.next += 1;
        }
        &self.times[start..self.next]
    }
}

/// Runs a call: for each group its state is loaded, its rows and then its timers that are over are taken in, and the
/// state is saved.
///
/// # Safety
/// `call` is the call of a group function as the ABI describes it.
pub unsafe fn run<O: Outputs, S: Outputs, H, T: Status>(
    call: &GroupCall,
    result: &mut CallResult,
    functions: Functions<
        impl FnMut(usize) -> H,
        impl FnMut(&mut H, &mut Group<O>, usize) -> T,
        impl FnMut(&mut H, &mut Group<O>, i64),
        impl FnMut(&H, &mut Groups<S>),
    >,
) -> i32 {
    let Functions { mut load, mut row, mut timer, mut save } = functions;
    // SAFETY: the call has these parts, by the caller's word.
    let (states, (_, groups), mut timers, mut fired) = unsafe {
        (
            &*call.states,
            crate::entry::grouped(&*call.rows),
            TimerColumns::new(&*call.timers),
            TimerColumns::new(&*call.fired),
        )
    };
    let mut group = Group::<O>::at(call.watermark, call.time);
    let count = states.length as usize;
    let mut saved = Groups::<S>::new(count);
    let (mut timer_groups, mut timer_times) = (Buffer::with_capacity(count), Buffer::with_capacity(count));
    let mut next = 0;
    for number in 0..count {
        let mut held = load(number);
        group.number = number as i32;
        group.timers = timers.of(number).to_vec();
        while groups.get(next) == Some(&(number as i32)) {
            let status = row(&mut held, &mut group, next).finish(result);
            if status != OK {
                return status;
            }
            next += 1;
        }
        fired.of(number).iter().for_each(|time| timer(&mut held, &mut group, *time));
        save(&held, &mut saved);
        for time in &group.timers {
            timer_groups.push(number as i32);
            timer_times.push(*time);
        }
    }
    let count = timer_groups.len();
    let timer_groups = ArrowArray::of_buffers(count, 0, &[null(), timer_groups.as_ptr()]);
    let timer_times = ArrowArray::of_buffers(count, 0, &[null(), timer_times.as_ptr()]);
    result.timers = keep_array(batch([timer_groups, timer_times]));
    result.origin =
        keep_array(ArrowArray::of_buffers(group.origin.len(), 0, &[null(), group.origin.as_ptr()]));
    let Some(states) = saved.into_array(result) else { return FAILED };
    result.states = states;
    group.rows.finish(result)
}

/// What a group function does with its holder, made by `module!`.
pub struct Functions<L, R, T, S> {
    pub load: L,
    pub row: R,
    pub timer: T,
    pub save: S,
}
