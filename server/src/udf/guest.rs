//! What belongs to one guest on our side: how far its memory may grow, and its log.

use std::collections::VecDeque;

use wasmtime::{Caller, Extern, Linker, ResourceLimiter};

use super::limits::{LOG_LINES_SHOWN, Limits};
use super::memory::{Memory, printable};
use crate::error::{Error, Result};

/// The data of a guest's store.
pub struct Guest {
    memory_bytes_max: usize,
    table_elements_max: usize,
    log_lines_max: usize,
    log_line_bytes_max: usize,
    /// Names the guest in the log of the server.
    function: String,
    lines_in_call: usize,
    lines_shown: VecDeque<String>,
    /// The size that the memory was refused, if it was.
    pub memory_refused: Option<usize>,
}

impl Guest {
    pub fn new(function: &str, limits: &Limits) -> Guest {
        Guest {
            memory_bytes_max: limits.memory_bytes,
            table_elements_max: limits.table_elements,
            log_lines_max: limits.log_lines,
            log_line_bytes_max: limits.log_line_bytes,
            function: function.into(),
            lines_in_call: 0,
            lines_shown: VecDeque::new(),
            memory_refused: None,
        }
    }

    pub fn start_call(&mut self) {
        self.lines_in_call = 0;
    }

    /// Says in the log of the server if the guest wrote more than it may.
    pub fn end_call(&self) {
        if self.lines_in_call > self.log_lines_max {
            let dropped = self.lines_in_call - self.log_lines_max;
            tracing::warn!(function = self.function, dropped, "a guest wrote more log lines than it may");
        }
    }

    /// The last lines, oldest first.
    pub fn last_lines(&self) -> impl Iterator<Item = &str> {
        self.lines_shown.iter().map(String::as_str)
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
    let linked =
        linker.func_wrap("wasmill", "log", |mut caller: Caller<'_, Guest>, line: u32, bytes: u32| {
            let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
                return Err(wasmtime::Error::msg("the module exports no memory"));
            };
            let (memory, guest) = memory.data_and_store_mut(&mut caller);
            let line = Memory(memory).bytes(line, bytes as usize);
            guest.log(line.map_err(|error| wasmtime::Error::msg(error.to_string()))?);
            Ok(())
        });
    match linked {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::internal("link the imports of guests").because(error)),
    }
}
