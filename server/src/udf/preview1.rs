//! Our own small WASI preview 1, for runtimes that ask for it (Go, C libraries): time and chance of the batch, a log,
//! sleep that does not wait, nothing else. Opens no file, no socket and no clock; two runs of a batch get the same answers.

use std::iter::repeat_n;

use wasmtime::{Caller, Extern, FuncType, Linker, Val, ValType};

use super::guest::Guest;
use super::limits::HOST_CALL_FUEL;
use super::memory::Memory;

/// The name that modules import it by.
pub const MODULE: &str = "wasi_snapshot_preview1";

/// Every function of preview 1 with its parameters: `i` is an i32, `I` an i64. A module may import any of them,
/// since runtimes do so for what they never call; [`answer`] says what they do. All give an `i32`, the error
/// number, but `proc_exit`, which gives nothing.
pub const FUNCTIONS: [(&str, &str); 46] = [
    ("args_get", "ii"),
    ("args_sizes_get", "ii"),
    ("clock_res_get", "ii"),
    ("clock_time_get", "iIi"),
    ("environ_get", "ii"),
    ("environ_sizes_get", "ii"),
    ("fd_advise", "iIIi"),
    ("fd_allocate", "iII"),
    ("fd_close", "i"),
    ("fd_datasync", "i"),
    ("fd_fdstat_get", "ii"),
    ("fd_fdstat_set_flags", "ii"),
    ("fd_fdstat_set_rights", "iII"),
    ("fd_filestat_get", "ii"),
    ("fd_filestat_set_size", "iI"),
    ("fd_filestat_set_times", "iIIi"),
    ("fd_pread", "iiiIi"),
    ("fd_prestat_dir_name", "iii"),
    ("fd_prestat_get", "ii"),
    ("fd_pwrite", "iiiIi"),
    ("fd_read", "iiii"),
    ("fd_readdir", "iiiIi"),
    ("fd_renumber", "ii"),
    ("fd_seek", "iIii"),
    ("fd_sync", "i"),
    ("fd_tell", "ii"),
    ("fd_write", "iiii"),
    ("path_create_directory", "iii"),
    ("path_filestat_get", "iiiii"),
    ("path_filestat_set_times", "iiiiIIi"),
    ("path_link", "iiiiiii"),
    ("path_open", "iiiiiIIii"),
    ("path_readlink", "iiiiii"),
    ("path_remove_directory", "iii"),
    ("path_rename", "iiiiii"),
    ("path_symlink", "iiiii"),
    ("path_unlink_file", "iii"),
    ("poll_oneoff", "iiii"),
    (EXIT, "i"),
    ("proc_raise", "i"),
    ("random_get", "ii"),
    ("sched_yield", ""),
    ("sock_accept", "iii"),
    ("sock_recv", "iiiiii"),
    ("sock_send", "iiiii"),
    ("sock_shutdown", "ii"),
];

/// The one function that does not return.
const EXIT: &str = "proc_exit";

// Error numbers of preview 1.
const WELL: i32 = 0;
const BAD_DESCRIPTOR: i32 = 8;
const INVALID: i32 = 28;
const NOT_SUPPORTED: i32 = 52;

/// Pieces of one write, or events of one wait, that are read; a runtime uses one or two.
const PIECES_MAX: u32 = 1_024;

/// A pointer and a length.
const PIECE_BYTES: u32 = 8;

// What is waited for, and what came: sizes, and places in them.
const SUBSCRIPTION_BYTES: u32 = 48;
const EVENT_BYTES: usize = 32;
const EVENT_KIND: usize = 8;
const TIMEOUT: usize = 24;
const TIMEOUT_FLAGS: usize = 40;

/// The clock moves in microseconds.
const CLOCK_STEP_NANOS: i64 = 1_000;

fn parameters(letters: &str) -> impl Iterator<Item = ValType> {
    letters.bytes().map(|letter| if letter == b'I' { ValType::I64 } else { ValType::I32 })
}

/// How many `i32` a function gives.
pub fn results(name: &str) -> usize {
    usize::from(name != EXIT)
}

/// Gives guests preview 1.
pub fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    for (name, letters) in FUNCTIONS {
        let results = repeat_n(ValType::I32, results(name));
        let function_type = FuncType::new(linker.engine(), parameters(letters), results);
        linker.func_new(MODULE, name, function_type, move |mut caller, parameters, results| {
            let number = answer(&mut caller, name, &Parameters(parameters))?;
            if let Some(result) = results.first_mut() {
                *result = Val::I32(number);
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// The numbers that a function was called with; their count and types are those of [`FUNCTIONS`].
struct Parameters<'a>(&'a [Val]);

impl Parameters<'_> {
    fn number(&self, index: usize) -> u32 {
        self.0.get(index).and_then(Val::i32).unwrap_or_default() as u32
    }
}

/// Answers a call with its error number. An error of ours is a trap of the guest.
fn answer(caller: &mut Caller<'_, Guest>, name: &str, with: &Parameters<'_>) -> wasmtime::Result<i32> {
    pay(caller, HOST_CALL_FUEL)?;
    match name {
        // There are no arguments and no variables, so there is nothing to copy.
        "args_get" | "environ_get" | "sched_yield" => Ok(WELL),
        "args_sizes_get" | "environ_sizes_get" => {
            write(caller, with.number(0), &[0; 4])?;
            write(caller, with.number(1), &[0; 4])
        }
        "clock_res_get" => write(caller, with.number(1), &CLOCK_STEP_NANOS.to_le_bytes()),
        "clock_time_get" => {
            let nanos = caller.data().time_ns();
            write(caller, with.number(2), &nanos.to_le_bytes())
        }
        "random_get" => random(caller, with.number(0), with.number(1)),
        "fd_write" => log(caller, with),
        "poll_oneoff" => sleep(caller, with),
        // Go's start asks for folders until there is no such descriptor.
        "fd_prestat_get" => Ok(BAD_DESCRIPTOR),
        EXIT => {
            let status = with.number(0) as i32;
            Err(wasmtime::Error::msg(format!("the module ended itself with exit status {status}")))
        }
        _ => Ok(NOT_SUPPORTED),
    }
}

/// Work of ours is paid for in the guest's fuel: so much a call, and where it grows with a number of the guest's, a unit
/// a byte.
pub fn pay(caller: &mut Caller<'_, Guest>, fuel: u32) -> wasmtime::Result<()> {
    match caller.get_fuel()?.checked_sub(u64::from(fuel)) {
        Some(left) => caller.set_fuel(left),
        None => Err(wasmtime::Trap::OutOfFuel.into()),
    }
}

fn memory<'a>(caller: &'a mut Caller<'_, Guest>) -> wasmtime::Result<(&'a mut [u8], &'a mut Guest)> {
    match caller.get_export("memory") {
        Some(Extern::Memory(memory)) => Ok(memory.data_and_store_mut(caller)),
        _ => Err(wasmtime::Error::msg("the module exports no memory")),
    }
}

fn write(caller: &mut Caller<'_, Guest>, at: u32, bytes: &[u8]) -> wasmtime::Result<i32> {
    part(memory(caller)?.0, at, bytes.len())?.copy_from_slice(bytes);
    Ok(WELL)
}

fn part(memory: &mut [u8], at: u32, count: usize) -> wasmtime::Result<&mut [u8]> {
    let (start, size) = (at as usize, memory.len());
    let part = start.checked_add(count).and_then(|end| memory.get_mut(start..end));
    part.ok_or_else(|| {
        wasmtime::Error::msg(format!("a pointer leaves the memory: {count} bytes at {at} of {size}"))
    })
}

fn random(caller: &mut Caller<'_, Guest>, at: u32, bytes: u32) -> wasmtime::Result<i32> {
    pay(caller, bytes)?;
    let (memory, guest) = memory(caller)?;
    for chunk in part(memory, at, bytes as usize)?.chunks_mut(8) {
        chunk.copy_from_slice(&guest.next_random().to_le_bytes()[..chunk.len()]);
    }
    Ok(WELL)
}

/// `fd_write`: what goes to stdout and stderr are lines of the log.
fn log(caller: &mut Caller<'_, Guest>, with: &Parameters<'_>) -> wasmtime::Result<i32> {
    let [descriptor, pieces, count, written] = [0, 1, 2, 3].map(|index| with.number(index));
    if !matches!(descriptor, 1 | 2) {
        return Ok(BAD_DESCRIPTOR);
    }
    if count > PIECES_MAX {
        return Ok(INVALID);
    }
    pay(caller, count * PIECE_BYTES)?;
    let mut total = 0u32;
    for index in 0..count {
        let (bytes, _) = memory(caller)?;
        let piece = part(bytes, pieces.saturating_add(index * PIECE_BYTES), PIECE_BYTES as usize)?;
        let [a, b, c, d, e, f, g, h] = *piece else { return Ok(INVALID) };
        let (at, length) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        pay(caller, length)?;
        let (memory, guest) = memory(caller)?;
        let text = Memory(memory).bytes(at, length as usize);
        guest.print(text.map_err(|error| wasmtime::Error::msg(error.to_string()))?);
        total = total.saturating_add(length);
    }
    write(caller, written, &total.to_le_bytes())
}

/// `poll_oneoff` on clocks: the guest's clock moves on to the first of the times it waits for. Go panics through here.
fn sleep(caller: &mut Caller<'_, Guest>, with: &Parameters<'_>) -> wasmtime::Result<i32> {
    let [subscriptions, events, count, written] = [0, 1, 2, 3].map(|index| with.number(index));
    if count == 0 || count > PIECES_MAX {
        return Ok(INVALID);
    }
    pay(caller, count * SUBSCRIPTION_BYTES)?;
    let now = caller.data().time_ns();
    let mut first: Option<(i64, [u8; 8])> = None;
    for index in 0..count {
        let (memory, _) = memory(caller)?;
        let at = subscriptions.saturating_add(index * SUBSCRIPTION_BYTES);
        let one = part(memory, at, SUBSCRIPTION_BYTES as usize)?;
        if one[EVENT_KIND] != 0 {
            // Not a clock: there is nothing else that could happen.
            return Ok(NOT_SUPPORTED);
        }
        let nanos = i64::try_from(u64::from_le_bytes(eight(one, TIMEOUT))).unwrap_or(i64::MAX);
        let is_absolute = one[TIMEOUT_FLAGS] & 1 == 1;
        let wait = if is_absolute { nanos.saturating_sub(now) } else { nanos };
        if first.is_none_or(|(least, _)| wait < least) {
            first = Some((wait, eight(one, 0)));
        }
    }
    let Some((wait, name)) = first else { return Ok(INVALID) };
    caller.data_mut().sleep(wait);
    let mut event = [0; EVENT_BYTES];
    event[..name.len()].copy_from_slice(&name);
    write(caller, events, &event)?;
    write(caller, written, &1u32.to_le_bytes())
}

fn eight(bytes: &[u8], at: usize) -> [u8; 8] {
    std::array::from_fn(|index| bytes[at + index])
}
