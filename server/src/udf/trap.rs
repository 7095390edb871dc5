//! Explains to a user how a call into his module ended. Decides nothing.

use wasmtime::{Trap, WasmBacktrace};

use super::backtrace::shown;
use super::guest::Guest;
use super::limits::NAME_BYTES_MAX;
use super::memory::printable;
use crate::error::Error;

/// The error of a call that did not return.
pub fn explain(error: wasmtime::Error, call: &str, guest: &Guest) -> Error {
    let (kind, hint) = match error.downcast_ref::<Trap>() {
        Some(trap) => (kind(*trap), hint(*trap, guest)),
        None => ("refused call of the host".into(), None),
    };
    let mut explained = Error::user("the udf trapped").with("trap", kind).with("call", call);
    if let Some(bytes) = guest.memory_refused {
        explained = explained.with("memory_refused", bytes);
    }
    if error.downcast_ref::<Trap>().is_none() {
        explained =
            explained.with("why", printable(error.root_cause().to_string().as_bytes(), NAME_BYTES_MAX));
    }
    let detail = detail(&error, guest);
    if !detail.is_empty() {
        explained = explained.detail(detail);
    }
    match hint {
        Some(hint) => explained.hint(hint),
        None => explained,
    }
}

fn kind(trap: Trap) -> String {
    match trap {
        Trap::StackOverflow => "stack overflow".into(),
        Trap::MemoryOutOfBounds => "memory access out of bounds".into(),
        Trap::UnreachableCodeReached => "unreachable (a panic or an abort)".into(),
        Trap::OutOfFuel => "out of fuel".into(),
        Trap::Interrupt => "deadline".into(),
        other => other.to_string(),
    }
}

fn hint(trap: Trap, guest: &Guest) -> Option<&'static str> {
    match trap {
        Trap::OutOfFuel => Some(
            "the function did far more work than rows of this size call for: look for a loop that does not end",
        ),
        Trap::Interrupt => Some("the call took too long on this machine"),
        Trap::StackOverflow => Some("look for a recursion that does not end, or keep less on the stack"),
        _ if guest.memory_refused.is_some() => {
            Some("the guest reached the limit of its memory: keep less per batch, or give guests more memory")
        }
        _ => None,
    }
}

/// Where it happened, as far as the module names its functions, and what the guest said last.
fn detail(error: &wasmtime::Error, guest: &Guest) -> String {
    let mut lines: Vec<String> = guest.last_lines().map(|line| format!("log: {line}")).collect();
    if let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() {
        lines.push(shown(backtrace));
    }
    lines.join("\n")
}
