//! One running guest, whatever its function's kind: opened, called with a block of arrays, dropped at the first
//! error. Knows what crosses the boundary only as blocks and a reader of what came back.

use std::path::PathBuf;
use std::sync::Arc;

use wasmtime::{Memory as WasmMemory, PoolConcurrencyLimitError, Store, TypedFunc, WasmParams, WasmResults};

use super::call::CallBlock;
use super::guest::{Guest, Luck};
use super::inspect::INITIALIZE;
use super::limits::{EPOCH_TICK_MS, Limits};
use super::memory::{BUFFER_ALIGN, Block, Memory};
use super::module::{Callable, Module};
use super::moment::Moment;
use super::replay::Recording;
use super::result::failure;
use super::schema::{SchemaBlock, check_outputs};
use super::trap::explain;
use crate::error::{Error, ErrorKind, Result};

/// A running guest until its first error. Then it is gone: nobody knows in which state it left itself.
pub struct UntilError(Option<Live>);

impl UntilError {
    pub fn open(callable: &Callable, moment: Moment) -> Result<UntilError> {
        let live = Live::open(callable, moment).map_err(|error| callable.named(error))?;
        Ok(UntilError(Some(live)))
    }

    pub fn with<R>(&mut self, work: impl FnOnce(&mut Live) -> Result<R>) -> Result<R> {
        let Some(mut live) = self.0.take() else {
            return Err(Error::internal("a guest was called again after it had failed"));
        };
        let result = work(&mut live)?;
        self.0 = Some(live);
        Ok(result)
    }

    /// The guest, unless it failed.
    pub fn live(&self) -> Option<&Live> {
        self.0.as_ref()
    }
}

pub struct Live {
    store: Store<Guest>,
    module: Arc<Module>,
    index: u32,
    moment: Moment,
    /// Where the guest's luck stood before the last call.
    luck: Luck,
    memory: WasmMemory,
    arena_alloc: TypedFunc<(u32, u32), u32>,
    arena_reset: TypedFunc<(), ()>,
    process: TypedFunc<(u32, u32, u32), i32>,
}

impl Live {
    pub fn open(callable: &Callable, moment: Moment) -> Result<Live> {
        Live::start(callable, moment).map_err(|error| {
            match keep(&callable.module, callable.index, moment, &error, None) {
                Some(path) => error.with(REPLAY, path.display()),
                None => error,
            }
        })
    }

    fn start(callable: &Callable, moment: Moment) -> Result<Live> {
        let runtime = &callable.module.runtime;
        let guest = Guest::new(callable.name(), &runtime.limits, moment);
        let mut store = Store::new(&runtime.engine, guest);
        store.limiter(|guest| guest);
        store.epoch_deadline_trap();
        allow(&mut store, &runtime.limits, 0, 0)?;
        let instance = callable.module.pre.instantiate(&mut store).map_err(not_started)?;
        let Some(memory) = instance.get_memory(&mut store, "memory") else {
            return Err(Error::internal("a module was let through without its memory"));
        };
        let index = u32::try_from(callable.index).unwrap_or(u32::MAX);
        let open = export::<(u32, u32, u32, u32), i32>(&instance, &mut store, "wasmill_open")?;
        let arena_alloc = export(&instance, &mut store, "wasmill_arena_alloc")?;
        let arena_reset = export(&instance, &mut store, "wasmill_arena_reset")?;
        let process = export(&instance, &mut store, "wasmill_process")?;
        let initialize = match instance.get_func(&mut store, INITIALIZE) {
            Some(_) => Some(export::<(), ()>(&instance, &mut store, INITIALIZE)?),
            None => None,
        };
        let luck = store.data().luck();
        let module = Arc::clone(&callable.module);
        let mut live = Live { store, module, index, moment, luck, memory, arena_alloc, arena_reset, process };
        if let Some(initialize) = initialize {
            live.call(INITIALIZE, &initialize, ())?;
        }
        live.exchange_schemas(callable, &open)?;
        live.reset()?;
        live.store.data_mut().end_call();
        Ok(live)
    }

    fn exchange_schemas(
        &mut self,
        callable: &Callable,
        open: &TypedFunc<(u32, u32, u32, u32), i32>,
    ) -> Result<()> {
        let (columns_in, columns_out) = (callable.function().columns_in(), callable.function().columns_out());
        let plan = SchemaBlock::plan(&columns_in);
        let base = self.alloc(plan.bytes)?;
        plan.write(&mut Block::new(self.memory.data_mut(&mut self.store), base, plan.bytes)?)?;
        let outputs = base + plan.outputs as u32;
        let status = self.call("open", open, (self.index, base + plan.inputs as u32, outputs, base))?;
        self.check_status(status, base)?;
        check_outputs(Memory(self.memory.data(&self.store)), outputs, &columns_out)
    }

    /// Calls the function with a block of `rows` rows and `bytes` bytes, which say what it may use, and gives what
    /// `read` makes of the result at an address of the guest's memory, of at most so many bytes.
    pub fn process<R>(
        &mut self,
        block: &CallBlock<'_>,
        rows: usize,
        bytes: usize,
        read: impl FnOnce(Memory<'_>, u32, usize) -> Result<R>,
    ) -> Result<R> {
        self.luck = self.store.data().luck();
        self.try_process(block, rows, bytes, read).map_err(|error| match self.keep(&error, block) {
            Some(path) => error.with(REPLAY, path.display()),
            None => error,
        })
    }

    fn try_process<R>(
        &mut self,
        block: &CallBlock<'_>,
        rows: usize,
        bytes: usize,
        read: impl FnOnce(Memory<'_>, u32, usize) -> Result<R>,
    ) -> Result<R> {
        allow(&mut self.store, &self.module.runtime.limits, rows, bytes)?;
        self.store.data_mut().start_call();
        let base = self.alloc(block.bytes())?;
        let mut to = Block::new(self.memory.data_mut(&mut self.store), base, block.bytes())?;
        block.write(&mut to)?;
        let process = self.process.clone();
        let status = self.call("process", &process, (self.index, base + CallBlock::CALL as u32, base));
        self.store.data_mut().end_call();
        self.check_status(status?, base)?;
        let memory = Memory(self.memory.data(&self.store));
        let result = read(memory, base, self.module.runtime.limits.output(bytes))?;
        self.reset()?;
        Ok(result)
    }

    /// Keeps the last call, which was made with this block, if failures are kept; gives the file.
    pub fn keep(&self, error: &Error, block: &CallBlock<'_>) -> Option<PathBuf> {
        keep(&self.module, self.index as usize, self.moment, error, Some((block, self.luck)))
    }

    /// Serves another batch, in its moment.
    pub fn begin(&mut self, moment: Moment) {
        self.moment = moment;
        self.store.data_mut().begin(moment);
    }

    /// Has the guest's clock and random numbers go on where those of another one stood.
    pub fn set_luck(&mut self, luck: Luck) {
        self.store.data_mut().set_luck(luck);
    }

    fn alloc(&mut self, bytes: usize) -> Result<u32> {
        let Ok(wanted) = u32::try_from(bytes) else {
            return Err(Error::internal("a batch is larger than a memory can be").with("bytes", bytes));
        };
        let alloc = self.arena_alloc.clone();
        self.call("arena_alloc", &alloc, (wanted, BUFFER_ALIGN as u32))
    }

    fn reset(&mut self) -> Result<()> {
        let reset = self.arena_reset.clone();
        self.call("arena_reset", &reset, ())
    }

    fn call<P: WasmParams, R: WasmResults>(
        &mut self,
        name: &str,
        call: &TypedFunc<P, R>,
        params: P,
    ) -> Result<R> {
        let called = call.call(&mut self.store, params);
        called.map_err(|error| {
            // What a guest says last may not end its line.
            self.store.data_mut().end_unfinished_line();
            explain(error, name, self.store.data())
        })
    }

    fn check_status(&self, status: i32, result: u32) -> Result<()> {
        if status == 0 {
            return Ok(());
        }
        let memory = Memory(self.memory.data(&self.store));
        let reason = failure(memory, result)?;
        Err(Error::user("the function gave up on the batch").with("status", status).with("reason", reason))
    }
}

/// The fact of an error that names the file of the call.
pub const REPLAY: &str = "replay";

/// Keeps a call that failed by the user's fault, if failures are kept; gives the file.
fn keep(
    module: &Module,
    index: usize,
    moment: Moment,
    error: &Error,
    call: Option<(&CallBlock<'_>, Luck)>,
) -> Option<PathBuf> {
    let store = module.runtime.replays.as_ref().filter(|_| error.kind() == ErrorKind::User)?;
    let call = call.map(|(block, luck)| block.recorded(luck)).transpose();
    let call =
        call.map_err(|error| tracing::warn!("cannot keep a call that failed: {}", error.report())).ok()?;
    store.keep(&Recording {
        function: module.manifest().functions.get(index)?.name.clone(),
        module_digest: module.digest().into(),
        moment,
        error: error.report(),
        call,
        module: module.bytes()?,
    })
}

/// Sets what the next call may use.
fn allow(store: &mut Store<Guest>, limits: &Limits, rows: usize, bytes: usize) -> Result<()> {
    // One tick more, for the first may come at once.
    store.set_epoch_deadline(limits.deadline_ms.div_ceil(EPOCH_TICK_MS) + 1);
    let fueled = store.set_fuel(limits.fuel(rows, bytes));
    fueled.map_err(|error| Error::internal("give a guest fuel").because(error))
}

fn export<P: WasmParams, R: WasmResults>(
    instance: &wasmtime::Instance,
    store: &mut Store<Guest>,
    name: &str,
) -> Result<TypedFunc<P, R>> {
    let found = instance.get_typed_func(store, name);
    found.map_err(|error| {
        Error::internal("a module was let through without an export").with("export", name).because(error)
    })
}

fn not_started(error: wasmtime::Error) -> Error {
    if error.is::<PoolConcurrencyLimitError>() {
        return Error::external("no guest is free")
            .because(error)
            .hint("let more guests live at the same time");
    }
    Error::user("the module could not be started").because(error)
}
