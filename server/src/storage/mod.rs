//! Durable bytes under paths: local disk, HDFS, memory. Does not know what it stores.
//!
//! Calls block; on HDFS they run on a small tokio runtime of this module's own. Paths are absolute, start with
//! `/`, and are neither percent-encoded nor glob patterns unless a function says so.

#[doc(hidden)]
pub mod conformance;
mod glob;
mod hdfs;
mod hdfs_client;
mod local;
mod location;
mod memory;

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use crate::error::{Error, Result};

pub use glob::{glob, glob_may_cover, is_glob, matches_name};
pub use hdfs::HdfsStorage;
pub use local::LocalStorage;
pub use location::{FileSystem, Location};
pub use memory::MemoryStorage;

/// Files that are read or written whole ([`Storage::read`]) are refused above this; open larger ones.
pub const WHOLE_FILE_BYTES_MAX: u64 = 2 << 30;

/// The file system of a location. HDFS clients are shared: one for each NameNode or nameservice.
///
/// `External` error if the NameNode does not answer.
pub fn open(location: &Location) -> Result<Arc<dyn Storage>> {
    match &location.file_system {
        FileSystem::Local => Ok(Arc::new(LocalStorage)),
        FileSystem::Hdfs { authority } => Ok(Arc::new(HdfsStorage::connect(authority)?)),
    }
}

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

/// Hidden names start with `.` or `_`; readers of data directories pass over them.
pub fn is_hidden(name: &str) -> bool {
    name.starts_with(['.', '_'])
}

/// The directory a path stands in; `/` for the root itself.
pub fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(at) => &path[..at],
    }
}

/// The last part of a path.
pub fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A hidden name beside `path` that nobody else uses: what a file is called until it is whole.
fn temporary(path: &str) -> String {
    let name = file_name(path);
    format!("{}/.{name}.{}.tmp", parent(path).trim_end_matches('/'), Uuid::new_v4())
}

/// Whether a file of this name was being written by [`Storage::create_if_absent`] or [`Storage::replace`] when
/// its process ended. Whoever deletes one must know that nobody writes there now.
pub fn is_temporary(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(".tmp")
}

/// Paths are absolute; anything else is a bug of the caller.
fn check_path(path: &str) -> Result<()> {
    if path.starts_with('/') {
        return Ok(());
    }
    Err(Error::internal("a storage path is not absolute").with("path", path))
}

/// A whole file must fit in memory with room to spare.
fn check_whole(path: &str, size: u64) -> Result<()> {
    if size <= WHOLE_FILE_BYTES_MAX {
        return Ok(());
    }
    Err(Error::data("a file that is read whole is too large")
        .with("path", path)
        .with("bytes", size)
        .with("most", WHOLE_FILE_BYTES_MAX))
}

/// Percent-encodes a path as Java's URI does it, so that names compare equal with those in Spark's logs.
fn encode_path(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for c in path.chars() {
        let plain = match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' => true,
            '/' | '_' | '-' | '!' | '.' | '~' | '\'' | '(' | ')' | '*' => true,
            ',' | ';' | ':' | '$' | '&' | '+' | '=' | '@' => true,
            _ => !c.is_ascii() && !c.is_whitespace() && !c.is_control(),
        };
        if plain {
            text.push(c);
            continue;
        }
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_encoded_as_java_does_it() {
        for (path, encoded) in [
            ("/a b/c=1", "/a%20b/c=1"),
            ("/50%/x#y?z", "/50%25/x%23y%3Fz"),
            ("/[a]{b}|^", "/%5Ba%5D%7Bb%7D%7C%5E"),
            ("/grün/日", "/grün/日"),
            ("/a\u{a0}b", "/a%C2%A0b"),
        ] {
            assert_eq!(encode_path(path), encoded);
        }
    }

    #[test]
    fn parents_and_names() {
        for (path, dir, name) in [("/a/b", "/a", "b"), ("/a", "/", "a"), ("/", "/", "")] {
            assert_eq!((parent(path), file_name(path)), (dir, name));
        }
        assert!(temporary("/a").starts_with("/.a.") && is_temporary(file_name(&temporary("/b/a"))));
    }
}
