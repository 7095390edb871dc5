//! A loaded module: checked, compiled, ready to be opened. Runs nothing.

use std::sync::Arc;

use arrow::datatypes::Fields;
use sha2::{Digest, Sha256};
use wasmtime::InstancePre;

use super::aggregate::Aggregate;
use super::foreach::Foreach;
use super::group::Group;
use super::guest::Guest;
use super::inspect::inspect;
use super::manifest::{Function, Kind, Manifest};
use super::runtime::Runtime;
use super::transform::Transform;
use crate::error::{Error, Result};

/// A module that may run.
pub struct Module {
    pub(super) runtime: Arc<Runtime>,
    pub(super) pre: InstancePre<Guest>,
    digest: String,
    manifest: Manifest,
    /// The module itself, where calls that fail are kept.
    bytes: Option<Arc<[u8]>>,
}

impl Module {
    pub(super) fn load(runtime: &Arc<Runtime>, bytes: &[u8]) -> Result<Arc<Module>> {
        let manifest = inspect(bytes, &runtime.limits)?;
        let compiled = runtime.compiler.compile(&runtime.engine, bytes, &runtime.limits)?;
        let refused = |error: wasmtime::Error| Error::user("the module cannot be linked").because(error);
        let pre = runtime.linker.instantiate_pre(&compiled).map_err(refused)?;
        Ok(Arc::new(Module {
            runtime: Arc::clone(runtime),
            pre,
            digest: hex(&Sha256::digest(bytes)),
            manifest,
            bytes: runtime.replays.is_some().then(|| bytes.into()),
        }))
    }

    /// The SHA-256 of the module's bytes, in hex: what a checkpoint pins.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The module's bytes; none unless calls that fail are kept.
    pub(super) fn bytes(&self) -> Option<Arc<[u8]>> {
        self.bytes.clone()
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What the module imports, as `module.name`.
    pub fn imports(&self) -> Vec<String> {
        self.pre.module().imports().map(|import| format!("{}.{}", import.module(), import.name())).collect()
    }

    /// The names of what the module exports.
    pub fn exports(&self) -> Vec<String> {
        self.pre.module().exports().map(|export| export.name().into()).collect()
    }

    /// The transform of this name; the error lists the functions that are there, or says what this one is for.
    pub fn transform(self: &Arc<Self>, name: &str) -> Result<Arc<Transform>> {
        let callable = self.callable(name)?;
        match callable.function().kind {
            Kind::Transform { .. } => Ok(Arc::new(Transform { callable })),
            _ => Err(callable.other_kind("transform")),
        }
    }

    /// The aggregate of this name; the error is as for [`Module::transform`].
    pub fn aggregate(self: &Arc<Self>, name: &str) -> Result<Arc<Aggregate>> {
        let callable = self.callable(name)?;
        match &callable.function().kind {
            Kind::Aggregate { state } => Ok(Arc::new(Aggregate { state: state.clone(), callable })),
            _ => Err(callable.other_kind("aggregate")),
        }
    }

    /// The group function of this name; the error is as for [`Module::transform`].
    pub fn group(self: &Arc<Self>, name: &str) -> Result<Arc<Group>> {
        let callable = self.callable(name)?;
        match &callable.function().kind {
            Kind::Group { key, state, time } => {
                let (key, state, time) = (key.clone(), state.clone(), *time);
                Ok(Arc::new(Group { callable, key, state, time }))
            }
            _ => Err(callable.other_kind("group")),
        }
    }

    /// The foreach function of this name; the error is as for [`Module::transform`].
    pub fn foreach(self: &Arc<Self>, name: &str) -> Result<Arc<Foreach>> {
        let callable = self.callable(name)?;
        match callable.function().kind {
            Kind::Foreach => Ok(Arc::new(Foreach { callable })),
            _ => Err(callable.other_kind("foreach")),
        }
    }

    pub(super) fn callable(self: &Arc<Self>, name: &str) -> Result<Callable> {
        let functions = &self.manifest.functions;
        match functions.iter().position(|function| function.name == name) {
            Some(index) => Ok(Callable { module: Arc::clone(self), index }),
            None => {
                let names: Vec<_> = functions.iter().map(|function| function.name.as_str()).collect();
                let error = Error::user("the module has no such function").with("function", name);
                Err(error.hint(format!("it has {}", names.join(", "))))
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A function of a module, whatever its kind.
pub struct Callable {
    pub(super) module: Arc<Module>,
    pub(super) index: usize,
}

impl Callable {
    pub(super) fn function(&self) -> &Function {
        &self.module.manifest.functions[self.index]
    }

    pub fn name(&self) -> &str {
        &self.function().name
    }

    pub fn module(&self) -> &Arc<Module> {
        &self.module
    }

    /// The columns to pass, by name and type. All may hold nulls.
    pub fn inputs(&self) -> &Fields {
        &self.function().inputs
    }

    /// The columns that come back. All may hold nulls.
    pub fn outputs(&self) -> &Fields {
        &self.function().outputs
    }

    /// What the columns of a call should take at most.
    pub fn call_bytes(&self) -> usize {
        self.module.runtime.limits.call_bytes
    }

    /// Says in an error which function it is about.
    pub(super) fn named(&self, error: Error) -> Error {
        error.with("function", self.name()).with("module_digest", self.module.digest())
    }

    fn other_kind(&self, wanted: &str) -> Error {
        let hint = match self.function().kind {
            Kind::Transform { .. } => "a transform stands as a stage: `- udf: {module, function, input}`",
            Kind::Aggregate { .. } => {
                "an aggregate stands in the list of a groupBy: `agg: [{udf: {module, function, input}}]`"
            }
            Kind::Group { .. } => {
                "a group function stands beside a groupBy: `- {groupBy: [key], udf: {module, function, input}}`"
            }
            Kind::Foreach => {
                "a foreach function stands in the sink: `sink: {foreach: {module, function, input}, format: ...}`"
            }
        };
        Error::user("the function is of another kind than this place needs")
            .with("function", self.name())
            .with("kind", self.function().kind.name())
            .with("wanted", wanted)
            .hint(hint)
    }
}
