//! The engine that runs guests, one for the process, and the thread that ends calls that take too long.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, Linker, OptLevel, PoolingAllocationConfig, Strategy,
    WasmBacktraceDetails,
};

use super::guest::{Guest, link};
use super::inspect::FEATURES;
use super::limits::{BACKTRACE_FRAMES_MAX, EPOCH_TICK_MS, KEPT_BYTES, Limits};
use super::module::Module;
use super::replay::ReplayStore;
use super::upload::Compiler;
use crate::error::{Error, Result};

/// What an instance may take on our side, without its memory.
const INSTANCE_BYTES: usize = 1024 * 1024;

/// What an element of a table takes.
const ELEMENT_BYTES: usize = size_of::<usize>();

/// Runs guests. One for the process: it reserves 4 GiB of address space for each guest that may live.
pub struct Runtime {
    pub(super) engine: Engine,
    pub(super) linker: Linker<Guest>,
    pub(super) limits: Limits,
    pub(super) compiler: Compiler,
    pub(super) replays: Option<ReplayStore>,
    _ticker: Ticker,
}

/// Whether a trap names lines of the module's source.
#[derive(Clone, Copy)]
enum Lines {
    Shown,
    Hidden,
}

impl Runtime {
    /// Reserves address space and starts the thread that watches the time. Modules are compiled by `compiler`.
    pub fn new(limits: Limits, compiler: Compiler) -> Result<Arc<Runtime>> {
        Runtime::with(limits, compiler, None, Lines::Hidden)
    }

    /// As [`Runtime::new`]; keeps calls that fail.
    pub fn keeping(limits: Limits, compiler: Compiler, replays: ReplayStore) -> Result<Arc<Runtime>> {
        Runtime::with(limits, compiler, Some(replays), Lines::Hidden)
    }

    /// Compiles in this process, and shows the lines of the source where a guest fails, as far as the module has them.
    /// They are read out of what the module says of itself, so that this is not for a server.
    pub fn showing_lines(limits: Limits) -> Result<Arc<Runtime>> {
        Runtime::with(limits, Compiler::Here, None, Lines::Shown)
    }

    fn with(
        limits: Limits,
        compiler: Compiler,
        replays: Option<ReplayStore>,
        lines: Lines,
    ) -> Result<Arc<Runtime>> {
        if limits.call_bytes == 0 || limits.call_bytes > limits.row_bytes() {
            return Err(Error::user("a call's input may be at most a quarter of a guest's memory")
                .with("call_bytes", limits.call_bytes)
                .with("memory_bytes", limits.memory_bytes));
        }
        let engine = Engine::new(&config(&limits, &compiler, lines)).map_err(|error| {
            Error::user("prepare the engine for guests")
                .with("instances", limits.instances)
                .with("memory_bytes", limits.memory_bytes)
                .because(error)
                .hint(
                    "each guest reserves 4 GiB of address space: lift `ulimit -v`, or allow fewer instances",
                )
        })?;
        let mut linker = Linker::new(&engine);
        link(&mut linker)?;
        let ticker = Ticker::start(&engine)?;
        Ok(Arc::new(Runtime { engine, linker, limits, compiler, replays, _ticker: ticker }))
    }

    /// Checks a module, has it compiled unless that was done before, and loads it. Errors are the user's and say what a
    /// module may be.
    pub fn load(self: &Arc<Self>, bytes: &[u8]) -> Result<Arc<Module>> {
        Module::load(self, bytes)
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }
}

/// The same for who compiles and who runs: code of another setting is not loaded.
fn config(limits: &Limits, compiler: &Compiler, lines: Lines) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(limits.instances)
        .total_memories(limits.instances)
        .total_tables(limits.instances)
        .max_memories_per_module(1)
        .max_tables_per_module(1)
        .table_elements(limits.table_elements)
        .max_core_instance_size(INSTANCE_BYTES)
        .max_memory_size(limits.memory_bytes);
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        // Where the kernel tells which pages a guest touched, wiping these costs less than giving them back and
        // having the next guest fault them in. Without that, all of them would have to be wiped.
        pool.pagemap_scan(Enabled::Yes)
            .linear_memory_keep_resident(KEPT_BYTES)
            .table_keep_resident(limits.table_elements * ELEMENT_BYTES);
    }
    let mut config = Config::new();
    if compiler.is_here() {
        // One thread, so that the limits of a process mean the same on every machine.
        config.strategy(Strategy::Cranelift).cranelift_opt_level(OptLevel::Speed).parallel_compilation(false);
    } else {
        config.enable_compiler(false);
    }
    config
        .wasm_features(wasmtime_features_off(), false)
        .wasm_features(FEATURES, true)
        // A reservation of 4 GiB, the default, is what makes checks of bounds free. It never moves.
        .memory_may_move(false)
        .memory_init_cow(true)
        .max_wasm_stack(limits.stack_bytes)
        .consume_fuel(true)
        .epoch_interruption(true)
        .wasm_backtrace_details(match lines {
            Lines::Shown => WasmBacktraceDetails::Enable,
            Lines::Hidden => WasmBacktraceDetails::Disable,
        })
        .wasm_backtrace_max_frames(NonZeroUsize::new(BACKTRACE_FRAMES_MAX))
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

fn wasmtime_features_off() -> wasmparser::WasmFeatures {
    wasmparser::WasmFeatures::all().difference(FEATURES)
}

/// Moves the engine's epoch on, so that calls notice their deadline. Ends with the runtime.
struct Ticker {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    fn start(engine: &Engine) -> Result<Ticker> {
        let (stop, stopped) = sync_channel::<()>(1);
        let engine = engine.weak();
        let tick = move || {
            // Nothing is ever sent: the wait ends by the clock, or because the runtime is gone.
            while stopped.recv_timeout(Duration::from_millis(EPOCH_TICK_MS)) == Err(RecvTimeoutError::Timeout)
            {
                match engine.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => break,
                }
            }
        };
        let thread = std::thread::Builder::new().name("guest-ticker".into()).spawn(tick);
        let thread =
            thread.map_err(|error| Error::external("start the thread that watches guests").because(error))?;
        Ok(Ticker { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that watches guests had ended early");
        }
    }
}
