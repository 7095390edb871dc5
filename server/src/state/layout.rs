//! Names of files: of state in the checkpoint, and of the local directory. The only place that spells them.

use std::path::{Path, PathBuf};

use crate::record::BatchId;

pub const CHANGES: &str = ".changes";
pub const SNAPSHOT: &str = ".snapshot";

/// Names below the state directory of a checkpoint:
///
/// ```text
/// N.changes           what batch N changed
/// N.snapshot          the files that together are version N
/// SSTs/<n>-<uuid>.sst files of snapshots, shared between them
/// ```
#[derive(Clone, Debug)]
pub struct StoredLayout {
    pub dir: String,
}

impl StoredLayout {
    pub fn changes(&self, batch: BatchId) -> String {
        format!("{}/{batch}{CHANGES}", self.dir)
    }

    pub fn snapshot(&self, version: BatchId) -> String {
        format!("{}/{version}{SNAPSHOT}", self.dir)
    }

    pub fn files(&self) -> String {
        format!("{}/SSTs", self.dir)
    }

    pub fn file(&self, name: &str) -> String {
        format!("{}/SSTs/{name}", self.dir)
    }
}

/// Names below the local directory of a query.
#[derive(Clone, Debug)]
pub struct LocalLayout {
    pub dir: PathBuf,
}

impl LocalLayout {
    pub fn database(&self) -> PathBuf {
        self.dir.join("db")
    }

    /// A database that is being put together from a snapshot.
    pub fn incoming(&self) -> PathBuf {
        self.dir.join("incoming")
    }

    /// A snapshot that is being taken.
    pub fn outgoing(&self) -> PathBuf {
        self.dir.join("outgoing")
    }

    /// Held by the process that uses the directory.
    pub fn lock(&self) -> PathBuf {
        self.dir.join("lock")
    }

    /// Its presence tells that the database was found corrupt.
    pub fn corrupt(&self) -> PathBuf {
        self.dir.join("corrupt")
    }

    /// Which local files are in the checkpoint, and under which names.
    pub fn uploaded(&self) -> PathBuf {
        self.dir.join("uploaded.json")
    }
}

/// The version a file is named for: `17.changes` with [`CHANGES`] gives 17.
pub fn version_of(name: &str, suffix: &str) -> Option<BatchId> {
    let digits = name.strip_suffix(suffix)?;
    let version: BatchId = digits.parse().ok()?;
    (version.to_string() == digits).then_some(version)
}

/// The last part of a local path; empty if it is not UTF-8, which no file of ours is.
pub fn local_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}
