//! One running guest: opened for a function, called batch after batch, dropped at the first error.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::ArrayRef;
use wasmtime::{Memory as WasmMemory, PoolConcurrencyLimitError, Store, TypedFunc, WasmParams, WasmResults};

use super::columns_in::{BATCH, ColumnsIn};
use super::guest::Guest;
use super::limits::{EPOCH_TICK_MS, Limits};
use super::manifest::Function;
use super::memory::{BUFFER_ALIGN, Block, Memory};
use super::module::Transform;
use super::result::{Transformed, failure};
use super::schema::{SchemaBlock, check_outputs};
use super::trap::explain;
use crate::error::{Error, Result};

/// A guest that transforms batches. After an error it is gone, and another must be opened.
pub struct TransformInstance {
    transform: Arc<Transform>,
    live: Option<Live>,
}

impl TransformInstance {
    pub(super) fn open(transform: Arc<Transform>) -> Result<TransformInstance> {
        match Live::open(&transform) {
            Ok(live) => Ok(TransformInstance { transform, live: Some(live) }),
            Err(error) => Err(named(error, &transform)),
        }
    }

    /// Runs the function over the columns of [`Transform::inputs`], all of `rows` rows.
    ///
    /// A batch too large for one call is split; the results are in order and together cover all rows. No rows, no
    /// results. Errors are the user's if the guest traps, gives up or hands back what cannot be used.
    pub fn process(&mut self, columns: &[ArrayRef], rows: usize) -> Result<Vec<Transformed>> {
        let Some(mut live) = self.live.take() else {
            return Err(Error::internal("a guest was called again after it had failed"));
        };
        let input = ColumnsIn::new(self.transform.inputs(), columns, rows)?;
        let limits = &self.transform.module.runtime.limits;
        let function = &self.transform.module.manifest().functions[self.transform.index];
        let mut results = Vec::new();
        let mut start = 0;
        while start < rows {
            let count = input.rows_that_fit(start, limits.call_bytes, limits.row_bytes());
            let result = count.and_then(|count| live.process(&input, start..start + count, function, limits));
            let result = result.map_err(|error| named(error, &self.transform))?;
            start = result.rows.end;
            results.push(result);
        }
        // Only a guest without a failure stays.
        self.live = Some(live);
        Ok(results)
    }
}

fn named(error: Error, transform: &Transform) -> Error {
    error.with("function", transform.name()).with("module_digest", transform.module.digest())
}

struct Live {
    store: Store<Guest>,
    index: u32,
    memory: WasmMemory,
    arena_alloc: TypedFunc<(u32, u32), u32>,
    arena_reset: TypedFunc<(), ()>,
    process: TypedFunc<(u32, u32, u32), i32>,
}

impl Live {
    fn open(transform: &Transform) -> Result<Live> {
        let runtime = &transform.module.runtime;
        let mut store = Store::new(&runtime.engine, Guest::new(transform.name(), &runtime.limits));
        store.limiter(|guest| guest);
        store.epoch_deadline_trap();
        allow(&mut store, &runtime.limits, 0, 0)?;
        let instance = transform.module.pre.instantiate(&mut store).map_err(not_started)?;
        let Some(memory) = instance.get_memory(&mut store, "memory") else {
            return Err(Error::internal("a module was let through without its memory"));
        };
        let index = u32::try_from(transform.index).unwrap_or(u32::MAX);
        let open = export::<(u32, u32, u32, u32), i32>(&instance, &mut store, "wasmill_open")?;
        let arena_alloc = export(&instance, &mut store, "wasmill_arena_alloc")?;
        let arena_reset = export(&instance, &mut store, "wasmill_arena_reset")?;
        let process = export(&instance, &mut store, "wasmill_process")?;
        let mut live = Live { store, index, memory, arena_alloc, arena_reset, process };
        live.exchange_schemas(transform, &open)?;
        live.reset()?;
        Ok(live)
    }

    fn exchange_schemas(
        &mut self,
        transform: &Transform,
        open: &TypedFunc<(u32, u32, u32, u32), i32>,
    ) -> Result<()> {
        let plan = SchemaBlock::plan(transform.inputs());
        let base = self.alloc(plan.bytes)?;
        plan.write(&mut Block::new(self.memory.data_mut(&mut self.store), base, plan.bytes)?)?;
        let outputs = base + plan.outputs as u32;
        let status = self.call("open", open, (self.index, base + plan.inputs as u32, outputs, base))?;
        self.check_status(status, base)?;
        check_outputs(Memory(self.memory.data(&self.store)), outputs, transform.outputs())
    }

    fn process(
        &mut self,
        input: &ColumnsIn,
        rows: Range<usize>,
        function: &Function,
        limits: &Limits,
    ) -> Result<Transformed> {
        let in_rows = |error: Error| error.with("rows", format!("{}..{}", rows.start, rows.end));
        let bytes = input.bytes(rows.clone());
        allow(&mut self.store, limits, rows.len(), bytes)?;
        self.store.data_mut().start_call();
        let plan = input.plan(rows.clone());
        let base = self.alloc(plan.bytes).map_err(in_rows)?;
        let mut block =
            Block::new(self.memory.data_mut(&mut self.store), base, plan.bytes).map_err(in_rows)?;
        plan.write(&mut block)?;
        let process = self.process.clone();
        let status = self.call("process", &process, (self.index, base + BATCH as u32, base));
        self.store.data().end_call();
        self.check_status(status.map_err(in_rows)?, base).map_err(in_rows)?;
        let memory = Memory(self.memory.data(&self.store));
        let result =
            Transformed::read(memory, base, function, rows.clone(), limits.output(bytes)).map_err(in_rows)?;
        self.reset().map_err(in_rows)?;
        Ok(result)
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
        called.map_err(|error| explain(error, name, self.store.data()))
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
