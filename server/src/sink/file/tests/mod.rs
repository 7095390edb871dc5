//! The file sink on a file system in memory: what readers see after each batch, each crash, each stale process.

mod crash;
mod layout;
mod log;
mod stand;
