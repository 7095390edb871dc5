//! Lines that arrived and are not committed yet, shared by the thread that receives and the splits that read.
//! Full, it makes the receiver wait. Knows no socket.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The receiver waits while so many lines are not committed.
pub(super) const LINES_MAX: usize = 4_000_000;

/// The receiver waits while so many bytes of lines are not committed.
pub(super) const BYTES_MAX: usize = 128 << 20;

/// A line, and when it arrived, in microseconds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    pub text: Box<str>,
    pub arrived: i64,
}

/// Lines are numbered by arrival; the number goes on after a restart where the checkpoint stopped.
#[derive(Default)]
pub(super) struct LineBuffer {
    state: Mutex<State>,
    room: Condvar,
}

#[derive(Default)]
struct State {
    lines: VecDeque<Line>,
    bytes: usize,
    /// The number of the first line in `lines`.
    first: i64,
    /// The receiver is to stop.
    stopped: bool,
    /// Why no more lines will come, if that is so.
    ended: Option<String>,
}

impl LineBuffer {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked leaves whole lines behind: each change is one call.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends, after waiting for room. False if the receiver is to stop.
    pub fn push(&self, arrived: Vec<Line>) -> bool {
        let mut state = self.lock();
        while !state.stopped && (state.lines.len() >= LINES_MAX || state.bytes >= BYTES_MAX) {
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.bytes += arrived.iter().map(|line| line.text.len()).sum::<usize>();
        state.lines.extend(arrived);
        !state.stopped
    }

    pub fn stop(&self) {
        self.lock().stopped = true;
        self.room.notify_all();
    }

    pub fn end(&self, why: String) {
        self.lock().ended = Some(why);
    }

    pub fn ended(&self) -> Option<String> {
        self.lock().ended.clone()
    }

    /// Numbers the next line `first`, before any was read.
    pub fn number_from(&self, first: i64) {
        self.lock().first = first;
    }

    /// The number of the first line held, and of the line that will come next.
    pub fn held(&self) -> (i64, i64) {
        let state = self.lock();
        (state.first, state.first + state.lines.len() as i64)
    }

    /// The lines from number `from`, `count` at most, before number `to`.
    pub fn copy(&self, from: i64, to: i64, count: usize) -> Vec<Line> {
        let state = self.lock();
        let skip = usize::try_from(from - state.first).unwrap_or(0);
        let take = usize::try_from(to - from).unwrap_or(0).min(count);
        state.lines.iter().skip(skip).take(take).cloned().collect()
    }

    /// Forgets the lines before number `end`.
    pub fn trim(&self, end: i64) {
        let mut state = self.lock();
        let count = usize::try_from(end - state.first).unwrap_or(0).min(state.lines.len());
        let bytes: usize = state.lines.drain(..count).map(|line| line.text.len()).sum();
        state.bytes -= bytes;
        state.first += count as i64;
        drop(state);
        self.room.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn line(text: &str) -> Line {
        Line { text: text.into(), arrived: 7 }
    }

    #[test]
    fn lines_are_numbered_copied_and_trimmed() {
        let buffer = LineBuffer::default();
        buffer.number_from(5);
        assert!(buffer.push(vec![line("a"), line("b"), line("c")]));
        assert_eq!(buffer.held(), (5, 8));
        assert_eq!(buffer.copy(6, 8, 10), [line("b"), line("c")]);
        assert_eq!(buffer.copy(5, 8, 1), [line("a")]);
        buffer.trim(7);
        assert_eq!(buffer.held(), (7, 8));
        buffer.trim(7);
        assert_eq!(buffer.copy(7, 8, 10), [line("c")]);
    }

    #[test]
    fn a_full_buffer_makes_the_receiver_wait_until_lines_are_committed() {
        let buffer = Arc::new(LineBuffer::default());
        let long: Box<str> = "x".repeat(BYTES_MAX).into();
        assert!(buffer.push(vec![Line { text: long, arrived: 0 }]));
        let receiver = {
            let buffer = buffer.clone();
            std::thread::spawn(move || buffer.push(vec![line("late")]))
        };
        assert_eq!(buffer.held(), (0, 1));
        buffer.trim(1);
        assert!(receiver.join().unwrap());
        assert_eq!(buffer.held(), (1, 2));
        buffer.stop();
        assert!(!buffer.push(vec![]));
    }
}
