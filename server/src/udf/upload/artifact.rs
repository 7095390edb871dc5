//! Machine code of a module, as bytes, and what it is code of. The one place that believes such bytes.

use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha256};
use wasmtime::Engine;

use crate::error::{Error, Result};
use crate::udf::limits::Limits;

/// Counts up when a module would be judged otherwise than before, so that no code of an older judgement is loaded.
const JUDGEMENT: u32 = 1;

/// What code is made of: a module, by an engine, under limits. Code of another is never loaded in its place.
pub struct Identity {
    pub module: [u8; 32],
    pub setting: [u8; 32],
}

impl Identity {
    pub fn of(bytes: &[u8], engine: &Engine, limits: &Limits) -> Result<Identity> {
        let mut setting = Hashed(Sha256::new());
        JUDGEMENT.hash(&mut setting);
        engine.precompile_compatibility_hash().hash(&mut setting);
        limits.to_json()?.hash(&mut setting);
        Ok(Identity { module: Sha256::digest(bytes).into(), setting: setting.0.finalize().into() })
    }
}

/// Takes what the engine says of itself for hashing, all of it rather than 64 bits.
struct Hashed(Sha256);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let mut first = [0; 8];
        first.copy_from_slice(&self.0.clone().finalize()[..8]);
        u64::from_le_bytes(first)
    }
}

/// Machine code that our own compiler made: it came from a child of ours just now, or with our signature.
pub struct Artifact(Vec<u8>);

impl Artifact {
    /// Says that these bytes are from our compiler, and have been nowhere since that others could change them.
    pub fn from_our_compiler(bytes: Vec<u8>) -> Artifact {
        Artifact(bytes)
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Makes the code ready to run. The error is internal: bytes of ours that this engine does not take.
    pub fn load(&self, engine: &Engine) -> Result<wasmtime::Module> {
        // SAFETY: the bytes are what wasmtime's compiler wrote: they come straight from our own child, or carry a
        // signature that nobody without our key can make, checked just before. The engine checks that they were made
        // by this version and with these settings.
        let loaded = unsafe { wasmtime::Module::deserialize(engine, &self.0) };
        loaded.map_err(|error| Error::internal("load the machine code of a module").because(error))
    }
}
