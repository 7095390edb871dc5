//! What a guest may use: every limit of the wasm host, with its name, unit and default.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
const GIB: u64 = 1024 * MIB as u64;

/// The stack that a thread needs if it calls guests: wasm's own ([`Limits::stack_bytes`]), as much for the host
/// functions below it, and the engine's frames above. A thread with less makes guest recursion end the process.
pub const GUEST_THREAD_STACK_BYTES: usize = 4 * MIB;

/// How often a running guest looks whether its time is over, in milliseconds.
pub const EPOCH_TICK_MS: u64 = 10;

/// What stays in the process of the memory of a guest that is gone, wiped, for the next one in its place.
pub const KEPT_BYTES: usize = 2 * MIB;

/// What guests of a [`Runtime`](super::Runtime) may use.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// A module as uploaded.
    pub module_bytes: usize,
    /// Guests that live at the same time. Each takes 4 GiB of address space, not of memory.
    pub instances: u32,
    /// Linear memory of one guest.
    pub memory_bytes: usize,
    /// Wasm stack of one guest.
    pub stack_bytes: usize,
    pub table_elements: usize,
    /// Fuel is about an instruction a unit, and the same in every run: it decides whether a guest may go on.
    pub fuel_per_call: u64,
    pub fuel_per_row: u64,
    pub fuel_per_byte: u64,
    /// Wall time of one call. Only a guard for the machine: what stops a guest reproducibly is fuel.
    pub deadline_ms: u64,
    /// Input of one call; a larger batch is split. At most a quarter of the memory, and best inside the caches.
    pub call_bytes: usize,
    /// Output of one call: this much, or [`Limits::output_factor`] times the input if that is more.
    pub output_bytes: usize,
    pub output_factor: usize,
    /// Log of one call.
    pub log_lines: usize,
    pub log_line_bytes: usize,
    /// What the process that compiles a module may use: memory, processor time, and time by the clock. Trying the
    /// module out is part of it.
    pub compile_memory_bytes: u64,
    pub compile_cpu_s: u64,
    pub compile_s: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            module_bytes: 16 * MIB,
            instances: 128,
            memory_bytes: 64 * MIB,
            stack_bytes: 512 * KIB,
            table_elements: 10_000,
            fuel_per_call: 100_000_000,
            fuel_per_row: 100_000,
            fuel_per_byte: 2_000,
            deadline_ms: 30_000,
            call_bytes: MIB,
            output_bytes: 16 * MIB,
            output_factor: 8,
            log_lines: 64,
            log_line_bytes: KIB,
            compile_memory_bytes: 3 * GIB,
            compile_cpu_s: 30,
            compile_s: 120,
        }
    }
}

impl Limits {
    /// For the process that compiles under these limits.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::internal("write down limits").because(error))
    }

    pub fn from_json(json: &str) -> Result<Limits> {
        serde_json::from_str(json)
            .map_err(|error| Error::user("these are no limits of guests").because(error))
    }

    /// A single row may not be larger than this.
    pub fn row_bytes(&self) -> usize {
        self.memory_bytes / 4
    }

    pub fn fuel(&self, rows: usize, bytes: usize) -> u64 {
        let for_rows = self.fuel_per_row.saturating_mul(rows as u64);
        let for_bytes = self.fuel_per_byte.saturating_mul(bytes as u64);
        self.fuel_per_call.saturating_add(for_rows).saturating_add(for_bytes)
    }

    /// Refuses a call that was cut as small as it can be and is still too large for a guest.
    pub fn check_call(&self, rows: usize, bytes: usize) -> Result<()> {
        if bytes <= self.row_bytes() {
            return Ok(());
        }
        Err(Error::user("a group is too large for a udf")
            .with("rows", rows)
            .with("bytes", bytes)
            .with("bytes_max", self.row_bytes())
            .hint("keep less in the state of a group, or give guests more memory"))
    }

    pub fn output(&self, input_bytes: usize) -> usize {
        self.output_bytes.max(self.output_factor.saturating_mul(input_bytes))
    }
}

// The process that compiles.
/// Stack of the thread that compiles, and then runs guests.
pub const COMPILER_STACK_BYTES: usize = 16 * MIB;
/// The standard streams, and images of guests' memories.
pub const COMPILER_FILES_MAX: u64 = 16;
/// How far it steps back behind what else runs on the machine.
pub const COMPILER_NICENESS: i32 = 5;
/// What it may say of a refusal.
pub const REFUSAL_BYTES_MAX: usize = 64 * KIB;
/// Machine code: so many times the module, and what any module takes, up to the most.
const ARTIFACT_FACTOR: usize = 20;
const ARTIFACT_BYTES_LEAST: usize = MIB;
pub const ARTIFACT_BYTES_MAX: usize = 128 * MIB;
/// Machine code that is kept on disk.
pub const CACHE_BYTES_MAX: u64 = GIB;

/// The machine code of a module of this size may take so much.
pub fn artifact_bytes_max(module_bytes: usize) -> usize {
    module_bytes.saturating_mul(ARTIFACT_FACTOR).saturating_add(ARTIFACT_BYTES_LEAST).min(ARTIFACT_BYTES_MAX)
}

// Calls that failed and are kept to be made again.
/// One of them: the module, and what it was given.
pub const RECORDING_BYTES_MAX: usize = 64 * MIB;
pub const REPLAYS_MAX: usize = 32;
pub const REPLAYS_BYTES_MAX: u64 = GIB / 4;

// The shape of a module. A valid module of some hundred kilobytes can make a compiler ask for gigabytes; these caps
// are checked before anything is compiled.
pub const CODE_BYTES_MAX: usize = 10 * MIB;
pub const FUNCTIONS_MAX: u32 = 20_000;
pub const BODY_BYTES_MAX: usize = 512 * KIB;
pub const LOCALS_MAX: u64 = 5_000;
/// Locals times loops, summed over all functions: 2,000 locals and 8,333 loops take a compiler 24 seconds.
pub const LOCALS_TIMES_LOOPS_MAX: u64 = 1_000_000;
/// Locals times branches, summed over all functions: whatever ends a block, and each target of a branch table. A
/// compiler may pass every local along each of them; 49,000 locals and 10,000 blocks make it ask for 26 GB.
pub const LOCALS_TIMES_BRANCHES_MAX: u64 = 20_000_000;
/// Blocks within blocks. Go's compiler nests one for each place that a function may go on from.
pub const NESTING_MAX: u64 = 4_096;
pub const BR_TABLE_MAX: u32 = 4_096;
pub const TYPES_MAX: u32 = 5_000;
pub const PARAMS_MAX: usize = 64;
pub const RESULTS_MAX: usize = 16;
pub const IMPORTS_MAX: u32 = 64;
pub const GLOBALS_MAX: u32 = 1_000;
pub const EXPORTS_MAX: u32 = 200;
pub const ELEMENT_SEGMENTS_MAX: u32 = 1_000;
/// Elements of all segments.
pub const ELEMENTS_MAX: u64 = 100_000;
/// Go's linker makes a segment of each run of bytes that are not zero, some 23,000 for its runtime alone. They cost a
/// compiler nothing; this is as many as browsers take.
pub const DATA_SEGMENTS_MAX: u32 = 100_000;
pub const DATA_BYTES_MAX: usize = 8 * MIB;
pub const CUSTOM_SECTIONS_MAX: usize = 16;
pub const CUSTOM_BYTES_MAX: usize = MIB;

// The manifest.
pub const MANIFEST_BYTES_MAX: usize = 64 * KIB;
pub const MODULE_FUNCTIONS_MAX: usize = 100;
pub const COLUMNS_MAX: usize = 256;
/// Columns of one list and what they are made of: items, entries, fields.
pub const COLUMN_PARTS_MAX: usize = 1_024;
pub const NAME_BYTES_MAX: usize = 128;

/// Fuel of a call of the host, besides what its bytes take: about what the call costs us.
pub const HOST_CALL_FUEL: u32 = 100;

// What a guest says.
/// Timers of one group that run at the same time.
pub const GROUP_TIMERS_MAX: usize = 10_000;
/// A status message, or the error text of a row; the rest is cut off.
pub const TEXT_BYTES_MAX: usize = KIB;
/// Lines of the log that an error shows; a panic of Go has its message some fifteen lines before the end.
pub const LOG_LINES_SHOWN: usize = 20;
pub const BACKTRACE_FRAMES_MAX: usize = 20;
/// The name of a function, and the path of a file, in a backtrace.
pub const FRAME_NAME_BYTES_MAX: usize = 512;
pub const BACKTRACE_BYTES_MAX: usize = 8 * KIB;
