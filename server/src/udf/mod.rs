//! The wasm host: the user's own modules run here, and nothing they say or hand back is believed.
//!
//! `udf-sdk/ABI.md` is the contract with the guest. Calls run on the caller's thread, which needs a stack of
//! [`GUEST_THREAD_STACK_BYTES`] and must not be one that others' I/O waits for.
//!
//! [`Runtime`] loads a [`Module`], which has functions of three kinds. Opened, a function is a fresh guest:
//! a [`TransformInstance`] turns columns into [`Transformed`] rows, an [`AggregateInstance`] turns states and rows into
//! states, a [`GroupInstance`] does both and has timers. A guest lives for one stream of batches and is gone after the first error.

mod aggregate;
mod arrays;
mod backtrace;
mod body;
mod call;
mod columns_in;
mod columns_out;
mod foreach;
mod group;
mod guest;
mod inspect;
mod limits;
mod live;
mod manifest;
mod memory;
mod module;
mod moment;
mod preview1;
mod replay;
mod result;
mod runtime;
mod schema;
mod toolchain;
mod transform;
mod trap;
mod types;
mod upload;

#[cfg(test)]
mod tests;

pub use aggregate::{Aggregate, AggregateInstance};
pub use columns_in::bytes_of;
pub use foreach::{Effects, Foreach, ForeachInstance, Partition};
pub use group::{Group, GroupInput, GroupInstance, GroupOutput, Timers};
pub use limits::{GUEST_THREAD_STACK_BYTES, Limits};
pub use manifest::{ABI_VERSION, Function, Kind, Manifest, TimeMode};
pub use module::{Callable, Module};
pub use moment::Moment;
pub use replay::{Recording, ReplayStore, Replayed, replay};
pub use result::{RowError, Transformed};
pub use runtime::Runtime;
pub use transform::{Transform, TransformInstance};
pub use types::same_layout;
pub use upload::{Compiler, compile_for_parent};
