//! Calls that failed, kept so that they can be made again: elsewhere, later, or with a module that was mended.
//!
//! A [`Recording`] is a file that stands alone: the module, the function, and all that the guest was given. A
//! [`ReplayStore`] keeps a bounded number of them; [`replay`] makes the call again.

mod again;
mod recording;
mod store;

#[cfg(test)]
mod tests;

pub use again::{Replayed, replay};
pub use recording::{Part, RecordedCall, Recording};
pub use store::ReplayStore;
