//! What belongs to one guest on our side: how far its memory may grow, its moment, and its log.

use std::collections::VecDeque;

use wasmtime::{Caller, Extern, Linker, ResourceLimiter};

use super::limits::{HOST_CALL_FUEL, LOG_LINES_SHOWN, Limits};
use super::memory::{Memory, printable};
use super::moment::Moment;
use super::preview1;
use crate::error::{Error, Result};

/// The one import of the ABI's own: a line for the log. Guests may import preview 1 besides.
pub const LOG_IMPORT: (&str, &str) = ("wasmill", "log");

/// The data of a guest's store.
pub struct Guest {
    memory_bytes_max: usize,
    table_elements_max: usize,
    log_lines_max: usize,
    log_line_bytes_max: usize,
    /// Names the guest in the log of the server.
    function: String,
    moment: Moment,
    luck: Luck,
    lines_in_call: usize,
    lines_shown: VecDeque<String>,
    /// What was printed behind the last end of a line, as far as a line is kept.
    unfinished: Vec<u8>,
    /// The size that the memory was refused, if it was.
    pub memory_refused: Option<usize>,
}

/// How far a guest's clock and its random numbers are from where its moment began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Luck {
    /// What it slept, in nanoseconds.
    pub slept_ns: i64,
    /// Where its random numbers go on.
    pub chance: u64,
}

impl Guest {
    pub fn new(function: &str, limits: &Limits, moment: Moment) -> Guest {
        Guest {
            memory_bytes_max: limits.memory_bytes,
            table_elements_max: limits.table_elements,
            log_lines_max: limits.log_lines,
            log_line_bytes_max: limits.log_line_bytes,
            function: function.into(),
            moment,
            luck: Luck { slept_ns: 0, chance: moment.seed },
            lines_in_call: 0,
            lines_shown: VecDeque::new(),
            unfinished: Vec::new(),
            memory_refused: None,
        }
    }

    /// Goes on in another moment, as if it had never lived in this one.
    pub fn begin(&mut self, moment: Moment) {
        (self.moment, self.luck) = (moment, Luck { slept_ns: 0, chance: moment.seed });
        self.lines_shown.clear();
    }

    pub fn luck(&self) -> Luck {
        self.luck
    }

    pub fn set_luck(&mut self, luck: Luck) {
        self.luck = luck;
    }

    pub fn start_call(&mut self) {
        self.lines_in_call = 0;
    }

    /// Says in the log of the server if the guest wrote more than it may.
    pub fn end_call(&mut self) {
        self.end_unfinished_line();
        if self.lines_in_call > self.log_lines_max {
            let dropped = self.lines_in_call - self.log_lines_max;
            tracing::warn!(function = self.function, dropped, "a guest wrote more log lines than it may");
        }
    }

    /// The last lines, oldest first.
    pub fn last_lines(&self) -> impl Iterator<Item = &str> {
        self.lines_shown.iter().map(String::as_str)
    }

    /// The guest's clock, in nanoseconds since 1970; at least 1, for Go takes a clock at zero for a broken one.
    pub fn time_ns(&self) -> i64 {
        self.moment.time_us.saturating_mul(1_000).saturating_add(self.luck.slept_ns).max(1)
    }

    /// Moves the guest's clock on: it sleeps without waiting.
    pub fn sleep(&mut self, nanos: i64) {
        self.luck.slept_ns = self.luck.slept_ns.saturating_add(nanos.max(0));
    }

    /// The next eight bytes of the guest's chance, by Steele, Lea and Flood's splitmix.
    pub fn next_random(&mut self) -> u64 {
        self.luck.chance = self.luck.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let chance = self.luck.chance;
        let mixed = (chance ^ (chance >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Takes text that may be a part of a line, or several lines. Empty lines are left out.
    pub fn print(&mut self, text: &[u8]) {
        let mut lines = text.split(|byte| *byte == b'\n');
        let last = lines.next_back().unwrap_or_default();
        for line in lines {
            self.add_to_line(line);
            self.end_unfinished_line();
        }
        self.add_to_line(last);
    }

    fn add_to_line(&mut self, text: &[u8]) {
        let room = self.log_line_bytes_max - self.unfinished.len();
        self.unfinished.extend_from_slice(&text[..text.len().min(room)]);
    }

    /// Takes what was printed last as a line.
    pub fn end_unfinished_line(&mut self) {
        if !self.unfinished.is_empty() {
            let line = std::mem::take(&mut self.unfinished);
            self.log(&line);
        }
    }

    fn log(&mut self, line: &[u8]) {
        self.lines_in_call += 1;
        if self.lines_in_call > self.log_lines_max {
            return;
        }
        let line = printable(line, self.log_line_bytes_max);
        tracing::info!(function = self.function, "{line}");
        if self.lines_shown.len() == LOG_LINES_SHOWN {
            self.lines_shown.pop_front();
        }
        self.lines_shown.push_back(line);
    }
}

impl ResourceLimiter for Guest {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let granted = desired <= self.memory_bytes_max;
        if !granted {
            self.memory_refused = Some(desired);
        }
        Ok(granted)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= self.table_elements_max)
    }
}

/// Gives guests what they may import.
pub fn link(linker: &mut Linker<Guest>) -> Result<()> {
    let (module, name) = LOG_IMPORT;
    let linked = linker.func_wrap(module, name, |mut caller: Caller<'_, Guest>, line: u32, bytes: u32| {
        let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
            return Err(wasmtime::Error::msg("the module exports no memory"));
        };
        preview1::pay(&mut caller, HOST_CALL_FUEL)?;
        let (memory, guest) = memory.data_and_store_mut(&mut caller);
        let line = Memory(memory).bytes(line, bytes as usize);
        guest.log(line.map_err(|error| wasmtime::Error::msg(error.to_string()))?);
        Ok(())
    });
    match linked.and_then(preview1::link) {
        Ok(()) => Ok(()),
        Err(error) => Err(Error::internal("link the imports of guests").because(error)),
    }
}
