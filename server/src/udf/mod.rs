//! The wasm host: the user's own modules run here, and nothing they say or hand back is believed.
//!
//! `udf-sdk/ABI.md` is the contract with the guest. Calls run on the caller's thread, which needs a stack of
//! [`GUEST_THREAD_STACK_BYTES`] and must not be one that others' I/O waits for.
//!
//! [`Runtime`] loads a [`Module`], which has functions ([`Transform`]); opened, a function is a fresh guest
//! ([`TransformInstance`]) that turns columns into [`Transformed`] rows. A guest lives for one stream of batches and
//! is gone after the first error.

mod columns_in;
mod columns_out;
mod guest;
mod inspect;
mod instance;
mod limits;
mod manifest;
mod memory;
mod module;
mod result;
mod runtime;
mod schema;
mod trap;
mod types;

#[cfg(test)]
mod tests;

pub use instance::TransformInstance;
pub use limits::{GUEST_THREAD_STACK_BYTES, Limits};
pub use manifest::{ABI_VERSION, Function, Kind, Manifest};
pub use module::{Module, Transform};
pub use result::{RowError, Transformed};
pub use runtime::Runtime;
