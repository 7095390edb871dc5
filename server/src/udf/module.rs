//! A loaded module: checked, compiled, ready to be opened. Runs nothing.

use std::sync::Arc;

use arrow::datatypes::Fields;
use sha2::{Digest, Sha256};
use wasmtime::InstancePre;

use super::guest::Guest;
use super::inspect::inspect;
use super::instance::TransformInstance;
use super::manifest::{Function, Manifest};
use super::runtime::Runtime;
use crate::error::{Error, Result};

/// A module that may run.
pub struct Module {
    pub(super) runtime: Arc<Runtime>,
    pub(super) pre: InstancePre<Guest>,
    digest: String,
    manifest: Manifest,
}

impl Module {
    pub(super) fn load(runtime: &Arc<Runtime>, bytes: &[u8]) -> Result<Arc<Module>> {
        let manifest = inspect(bytes, &runtime.limits)?;
        let refused = |error: wasmtime::Error| Error::user("the module cannot be compiled").because(error);
        let compiled = wasmtime::Module::from_binary(&runtime.engine, bytes).map_err(refused)?;
        let pre = runtime.linker.instantiate_pre(&compiled).map_err(refused)?;
        Ok(Arc::new(Module {
            runtime: Arc::clone(runtime),
            pre,
            digest: hex(&Sha256::digest(bytes)),
            manifest,
        }))
    }

    /// The SHA-256 of the module's bytes, in hex: what a checkpoint pins.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The function of this name; the error lists those that are there.
    pub fn function(self: &Arc<Self>, name: &str) -> Result<Arc<Transform>> {
        let functions = &self.manifest.functions;
        match functions.iter().position(|function| function.name == name) {
            Some(index) => Ok(Arc::new(Transform { module: Arc::clone(self), index })),
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

/// A function that turns rows into rows.
pub struct Transform {
    pub(super) module: Arc<Module>,
    pub(super) index: usize,
}

impl Transform {
    fn function(&self) -> &Function {
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

    /// Whether results say which input row each row came from. If not, there is one for each input row, in order,
    /// unless the guest refuses rows.
    pub fn has_origin(&self) -> bool {
        self.function().origin
    }

    /// Starts a fresh guest. It costs microseconds and is meant for one stream of batches: nothing that a guest
    /// keeps between calls may matter.
    pub fn open(self: &Arc<Self>) -> Result<TransformInstance> {
        TransformInstance::open(Arc::clone(self))
    }
}
