//! Where a guest was when it trapped, for people to read. Names are the module's own words, so that they are read by
//! nothing whose work could grow beyond them: names of C++ are shown as they are, since thirty of their bytes can stand
//! for a gigabyte.

use std::fmt::Write;

use wasmtime::{FrameSymbol, WasmBacktrace};

use super::limits::{BACKTRACE_BYTES_MAX, FRAME_NAME_BYTES_MAX};
use super::memory::printable;

/// The frames, innermost first, each with the lines of the source that it is known to be in.
pub fn shown(backtrace: &WasmBacktrace) -> String {
    let mut text = String::from("backtrace of the guest:");
    for (number, frame) in backtrace.frames().iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {number:>3}: {:#8x} - ", frame.module_offset().unwrap_or_default());
        match frame.func_name() {
            Some(name) => text.push_str(&readable(name)),
            None => {
                let _ = write!(text, "function {}", frame.func_index());
            }
        }
        frame.symbols().iter().for_each(|symbol| add_line(&mut text, symbol));
        if text.len() > BACKTRACE_BYTES_MAX {
            break;
        }
    }
    printable(text.as_bytes(), BACKTRACE_BYTES_MAX)
}

fn add_line(text: &mut String, symbol: &FrameSymbol) {
    let Some(file) = symbol.file() else { return };
    let _ = write!(text, "\n           {} at {}", symbol.name().map(readable).unwrap_or_default(), cut(file));
    for number in [symbol.line(), symbol.column()].into_iter().flatten() {
        let _ = write!(text, ":{number}");
    }
}

/// A name as it was written, if it is one of Rust, and short.
fn readable(name: &str) -> String {
    let plain = match rustc_demangle::try_demangle(name) {
        Ok(demangled) if name.len() <= FRAME_NAME_BYTES_MAX => format!("{demangled:#}"),
        _ => name.into(),
    };
    cut(&plain).into()
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(FRAME_NAME_BYTES_MAX)]
}
