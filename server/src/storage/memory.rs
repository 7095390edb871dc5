//! Files in memory, for tests: every operation is atomic, times count up by one millisecond.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;

use super::local::past_the_end;
use super::{FileStatus, FileWriter, Renamed, Storage, StoredFile, check_path, encode_path, parent};
use crate::error::{Error, Result};

/// Clones share their files.
#[derive(Clone, Debug, Default)]
pub struct MemoryStorage {
    tree: Arc<Mutex<Tree>>,
}

#[derive(Debug, Default)]
struct Tree {
    files: BTreeMap<String, (Bytes, i64)>,
    dirs: BTreeSet<String>,
    /// Milliseconds: the time of the newest change.
    now: i64,
}

impl Tree {
    fn put(&mut self, path: &str, bytes: Bytes) -> Result<()> {
        self.make_dirs(parent(path))?;
        if self.dirs.contains(path) {
            return Err(Error::user("cannot write a file over a directory").with("path", path));
        }
        self.now += 1;
        self.files.insert(path.to_string(), (bytes, self.now));
        Ok(())
    }

    fn make_dirs(&mut self, dir: &str) -> Result<()> {
        let mut dir = dir;
        while dir != "/" && !self.dirs.contains(dir) {
            if self.files.contains_key(dir) {
                return Err(Error::user("cannot make a directory over a file").with("path", dir));
            }
            self.dirs.insert(dir.to_string());
            dir = parent(dir);
        }
        Ok(())
    }

    fn status(&self, path: &str) -> Option<FileStatus> {
        if let Some((bytes, modified_ms)) = self.files.get(path) {
            let (size, modified_ms) = (bytes.len() as u64, *modified_ms);
            return Some(FileStatus { path: path.to_string(), size, is_dir: false, modified_ms });
        }
        let there = path == "/" || self.dirs.contains(path);
        there.then(|| FileStatus { path: path.to_string(), size: 0, is_dir: true, modified_ms: 0 })
    }
}

impl MemoryStorage {
    pub fn new() -> MemoryStorage {
        MemoryStorage::default()
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        // A panic elsewhere cannot leave the tree half changed: each change is one insertion or removal.
        self.tree.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Storage for MemoryStorage {
    fn uri(&self, path: &str) -> String {
        format!("memory://{}", encode_path(path))
    }

    fn read(&self, path: &str) -> Result<Option<Bytes>> {
        check_path(path)?;
        let tree = self.tree();
        if tree.dirs.contains(path) {
            return Err(Error::user("cannot read a directory as a file").with("path", path));
        }
        Ok(tree.files.get(path).map(|(bytes, _)| bytes.clone()))
    }

    fn open(&self, path: &str) -> Result<Arc<dyn StoredFile>> {
        match self.read(path)? {
            Some(bytes) => Ok(Arc::new(MemoryFile { path: path.to_string(), bytes })),
            None => Err(Error::user("cannot open a file: it is not there").with("path", path)),
        }
    }

    fn status(&self, path: &str) -> Result<Option<FileStatus>> {
        check_path(path)?;
        Ok(self.tree().status(path))
    }

    fn list(&self, dir: &str) -> Result<Vec<FileStatus>> {
        check_path(dir)?;
        let tree = self.tree();
        if tree.files.contains_key(dir) {
            return Err(Error::user("cannot list a file as a directory").with("path", dir));
        }
        let paths = tree.files.keys().chain(&tree.dirs).filter(|path| parent(path) == dir);
        let mut found: Vec<FileStatus> = paths.filter_map(|path| tree.status(path)).collect();
        found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    fn create_if_absent(&self, path: &str, bytes: &[u8]) -> Result<bool> {
        check_path(path)?;
        let mut tree = self.tree();
        if tree.status(path).is_some() {
            return Ok(false);
        }
        tree.put(path, Bytes::copy_from_slice(bytes)).map(|()| true)
    }

    fn replace(&self, path: &str, bytes: &[u8]) -> Result<()> {
        check_path(path)?;
        self.tree().put(path, Bytes::copy_from_slice(bytes))
    }

    fn create(&self, path: &str) -> Result<Box<dyn FileWriter>> {
        self.replace(path, &[])?;
        Ok(Box::new(MemoryWriter { storage: self.clone(), path: path.to_string(), bytes: Vec::new() }))
    }

    fn rename(&self, from: &str, to: &str) -> Result<Renamed> {
        check_path(from)?;
        check_path(to)?;
        let mut tree = self.tree();
        let Some((bytes, _)) = tree.files.get(from).cloned() else { return Ok(Renamed::SourceMissing) };
        if tree.status(to).is_some() {
            return Ok(Renamed::TargetExists);
        }
        tree.put(to, bytes)?;
        tree.files.remove(from);
        Ok(Renamed::Done)
    }

    fn delete(&self, path: &str) -> Result<bool> {
        check_path(path)?;
        let mut tree = self.tree();
        let there = tree.status(path).is_some();
        let below = format!("{path}/");
        tree.files.retain(|name, _| name != path && !name.starts_with(&below));
        tree.dirs.retain(|name| name != path && !name.starts_with(&below));
        Ok(there)
    }

    fn make_dirs(&self, dir: &str) -> Result<()> {
        check_path(dir)?;
        self.tree().make_dirs(dir)
    }
}

struct MemoryFile {
    path: String,
    bytes: Bytes,
}

impl StoredFile for MemoryFile {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, length: usize) -> Result<Bytes> {
        match offset.checked_add(length as u64) {
            Some(end) if end <= self.size() => Ok(self.bytes.slice(offset as usize..end as usize)),
            _ => Err(past_the_end(&self.path, self.size(), offset, length)),
        }
    }
}

struct MemoryWriter {
    storage: MemoryStorage,
    path: String,
    bytes: Vec<u8>,
}

impl Write for MemoryWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl FileWriter for MemoryWriter {
    fn close(self: Box<Self>) -> Result<u64> {
        self.storage.replace(&self.path, &self.bytes)?;
        Ok(self.bytes.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::conformance::conformance;

    #[test]
    fn conforms() {
        conformance(&MemoryStorage::new(), "/root").unwrap();
    }
}
