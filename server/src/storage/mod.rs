//! Durable bytes under paths: local disk, HDFS, memory. Does not know what it stores.
//!
//! Calls block; on HDFS they run on a small tokio runtime of this module's own. Paths are absolute, start with
//! `/`, and are neither percent-encoded nor glob patterns unless a function says so.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::Result;

/// What a directory entry tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStatus {
    /// Absolute path without scheme.
    pub path: String,
    pub size: u64,
    pub is_dir: bool,
    /// Milliseconds since the epoch.
    pub modified_ms: i64,
}

/// How [`Storage::rename`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renamed {
    Done,
    /// The target exists already and was left alone.
    TargetExists,
    /// There is nothing at the source path.
    SourceMissing,
}

/// One file system. Every implementation passes the suite in `conformance`.
///
/// Durability: when a call that writes returns, its effect survives a crash of process and machine (files are
/// synced before they are renamed, directories after). Errors are `External` when trying again may help,
/// `User` when the path is of the wrong kind, `Data` when bytes that were there are gone.
pub trait Storage: Send + Sync {
    /// The URI of a path as Spark's sink log spells it: with scheme, percent-encoded: `file:///a%20b`,
    /// `hdfs://host:8020/a`.
    fn uri(&self, path: &str) -> String;

    /// The whole file, or nothing if it is not there.
    fn read(&self, path: &str) -> Result<Option<Bytes>>;

    /// Opens a file for reading parts of it.
    fn open(&self, path: &str) -> Result<Arc<dyn StoredFile>>;

    /// The entry at a path, or nothing.
    fn status(&self, path: &str) -> Result<Option<FileStatus>>;

    /// The entries of a directory, not of those below, sorted by path; empty if the directory is not there.
    fn list(&self, dir: &str) -> Result<Vec<FileStatus>>;

    /// Makes a small file appear whole, or not at all if the path is taken: true if it was made here.
    ///
    /// Two writers at once: exactly one gets true. Parent directories are made.
    fn create_if_absent(&self, path: &str, bytes: &[u8]) -> Result<bool>;

    /// Makes a small file appear whole in place of what was there. Parent directories are made.
    fn replace(&self, path: &str, bytes: &[u8]) -> Result<()>;

    /// Starts a file that grows. It may be visible while it grows: write under a hidden name, then rename.
    /// What was at the path is replaced; its writer, if one is alive, loses it. Parent directories are made.
    fn create(&self, path: &str) -> Result<Box<dyn FileWriter>>;

    /// Moves one file, never over another. The parent directories of `to` are made.
    ///
    /// An unknown outcome (a lost reply) is resolved by looking before this returns.
    fn rename(&self, from: &str, to: &str) -> Result<Renamed>;

    /// Deletes a file, or a directory with all that is below; true if something was there.
    fn delete(&self, path: &str) -> Result<bool>;

    fn make_dirs(&self, dir: &str) -> Result<()>;
}

/// A file that does not change.
pub trait StoredFile: Send + Sync {
    fn size(&self) -> u64;

    /// Bytes `offset..offset + length`; an error, never fewer bytes, if the file ends before.
    fn read_at(&self, offset: u64, length: usize) -> Result<Bytes>;
}

/// A file that grows. Dropping it without [`FileWriter::close`] leaves a torn file behind, never a lock.
pub trait FileWriter: Write + Send {
    /// Makes the bytes durable and returns the size of the file.
    fn close(self: Box<Self>) -> Result<u64>;
}
