//! Where modules are compiled, and what is done so that it happens seldom. Compiles nothing itself.

use std::path::PathBuf;

use wasmtime::Engine;

use super::artifact::Identity;
use super::cache::Cache;
use super::child;
use crate::error::{Error, Result};
use crate::udf::limits::Limits;

/// Where the modules of a runtime are compiled.
#[derive(Clone, Debug)]
pub enum Compiler {
    /// In this process, and nothing is tried out: for a process that does nothing else, and for tests and benchmarks
    /// of modules that we wrote ourselves.
    Here,
    /// In a child process that can do nothing else. A runtime with it has no compiler of its own.
    Child(ChildCompiler),
}

#[derive(Clone, Debug)]
pub struct ChildCompiler {
    /// A program that understands the command line of `wasmill`.
    program: PathBuf,
    cache: Option<Cache>,
}

impl Compiler {
    /// Compiles in children that run `program`, which is `wasmill` in this very version, and keeps what they make in
    /// the folder `cache`. Without a folder nothing is kept.
    pub fn child(program: PathBuf, cache: Option<PathBuf>) -> Compiler {
        Compiler::Child(ChildCompiler { program, cache: cache.map(Cache::new) })
    }

    /// Whether a runtime's own engine compiles.
    pub fn is_here(&self) -> bool {
        matches!(self, Compiler::Here)
    }

    /// The module as machine code. It was looked through before. Errors are the user's if it cannot be compiled within
    /// the limits, or does not do what the ABI says when it is tried out.
    pub fn compile(&self, engine: &Engine, bytes: &[u8], limits: &Limits) -> Result<wasmtime::Module> {
        match self {
            Compiler::Here => wasmtime::Module::from_binary(engine, bytes)
                .map_err(|error| Error::user("the module cannot be compiled").because(error)),
            Compiler::Child(compiler) => compiler.compile(engine, bytes, limits),
        }
    }
}

impl ChildCompiler {
    fn compile(&self, engine: &Engine, bytes: &[u8], limits: &Limits) -> Result<wasmtime::Module> {
        let Some(cache) = &self.cache else {
            return child::compile(&self.program, bytes, limits)?.load(engine);
        };
        let identity = Identity::of(bytes, engine, limits)?;
        if let Some(artifact) = cache.find(&identity) {
            match artifact.load(engine) {
                Ok(module) => return Ok(module),
                // It may have been compiled on a machine with another processor.
                Err(error) => {
                    tracing::warn!("a module is compiled again: {}", error.report());
                    cache.throw_away(&identity);
                }
            }
        }
        let artifact = child::compile(&self.program, bytes, limits)?;
        let module = artifact.load(engine)?;
        cache.keep(&identity, &artifact);
        Ok(module)
    }
}
