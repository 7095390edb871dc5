//! The local file system. Files are synced before they get their name, directories after.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;

use super::{FileStatus, FileWriter, Renamed, Storage, StoredFile};
use super::{check_path, check_whole, encode_path, parent, temporary};
use crate::error::{Error, Result};

const WRITE_BUFFER_BYTES: usize = 256 << 10;

/// Paths are those of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalStorage;

impl Storage for LocalStorage {
    fn uri(&self, path: &str) -> String {
        format!("file://{}", encode_path(path))
    }

    fn read(&self, path: &str) -> Result<Option<Bytes>> {
        let Some(status) = self.status(path)? else { return Ok(None) };
        check_whole(path, status.size)?;
        match fs::read(path) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failure("read a file", path, error)),
        }
    }

    fn open(&self, path: &str) -> Result<Arc<dyn StoredFile>> {
        check_path(path)?;
        let file = File::open(path).map_err(|error| failure("open a file", path, error))?;
        let metadata = file.metadata().map_err(|error| failure("open a file", path, error))?;
        if metadata.is_dir() {
            return Err(Error::user("cannot read a directory as a file").with("path", path));
        }
        Ok(Arc::new(LocalFile { file, path: path.to_string(), size: metadata.len() }))
    }

    fn status(&self, path: &str) -> Result<Option<FileStatus>> {
        check_path(path)?;
        match fs::metadata(path) {
            Ok(metadata) => Ok(Some(file_status(path.to_string(), &metadata))),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(failure("look at a path", path, error)),
        }
    }

    fn list(&self, dir: &str) -> Result<Vec<FileStatus>> {
        check_path(dir)?;
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failure("list a directory", dir, error)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| failure("list a directory", dir, error))?;
            let path = entry.path().into_os_string().into_string().map_err(|name| {
                Error::user("a file name is not UTF-8")
                    .with("path", name.to_string_lossy())
                    .hint("rename the file")
            })?;
            // Gone since it was listed, or a link to nothing: as if it had not been there.
            found.extend(self.status(&path)?);
        }
        found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    fn create_if_absent(&self, path: &str, bytes: &[u8]) -> Result<bool> {
        if self.status(path)?.is_some() {
            return Ok(false);
        }
        let temporary = write_temporary(path, bytes)?;
        let moved = move_file(&temporary, path);
        if !matches!(moved, Ok(Renamed::Done)) {
            remove_file(&temporary)?;
        }
        match moved? {
            Renamed::Done => sync_parent(path).map(|()| true),
            Renamed::TargetExists => Ok(false),
            Renamed::SourceMissing => {
                Err(Error::external("the file was taken away while it was written").with("path", path))
            }
        }
    }

    fn replace(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let temporary = write_temporary(path, bytes)?;
        if let Err(error) = fs::rename(&temporary, path) {
            remove_file(&temporary)?;
            return Err(failure("replace a file", path, error));
        }
        sync_parent(path)
    }

    fn create(&self, path: &str) -> Result<Box<dyn FileWriter>> {
        check_path(path)?;
        self.make_dirs(parent(path))?;
        // Unlinked, not truncated: a writer that is still alive keeps writing into a file without a name.
        remove_file(path)?;
        let file = OpenOptions::new().write(true).create_new(true).open(path);
        let file = file.map_err(|error| failure("create a file", path, error))?;
        let file = BufWriter::with_capacity(WRITE_BUFFER_BYTES, file);
        Ok(Box::new(LocalWriter { file, path: path.to_string(), size: 0 }))
    }

    fn rename(&self, from: &str, to: &str) -> Result<Renamed> {
        check_path(from)?;
        self.make_dirs(parent(to))?;
        let renamed = move_file(from, to)?;
        if renamed == Renamed::Done {
            sync_parent(to)?;
            if parent(from) != parent(to) {
                sync_parent(from)?;
            }
        }
        Ok(renamed)
    }

    fn delete(&self, path: &str) -> Result<bool> {
        check_path(path)?;
        let removed = match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
            Ok(_) => fs::remove_file(path),
            Err(error) => Err(error),
        };
        match removed {
            Ok(()) => sync_parent(path).map(|()| true),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => Err(failure("delete", path, error)),
        }
    }

    fn make_dirs(&self, dir: &str) -> Result<()> {
        check_path(dir)?;
        let mut missing: Vec<&Path> = Vec::new();
        let mut next = Some(Path::new(dir));
        while let Some(dir) = next.filter(|dir| !dir.is_dir()) {
            missing.push(dir);
            next = dir.parent();
        }
        for dir in missing.into_iter().rev() {
            let text = dir.to_string_lossy();
            match fs::create_dir(dir) {
                Ok(()) => sync_parent(&text)?,
                Err(error) if error.kind() == ErrorKind::AlreadyExists && dir.is_dir() => {}
                Err(error) => return Err(failure("make a directory", &text, error)),
            }
        }
        Ok(())
    }
}

struct LocalFile {
    file: File,
    path: String,
    size: u64,
}

impl StoredFile for LocalFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, length: usize) -> Result<Bytes> {
        if offset.checked_add(length as u64).is_none_or(|end| end > self.size) {
            return Err(past_the_end(&self.path, self.size, offset, length));
        }
        let mut bytes = vec![0; length];
        match self.file.read_exact_at(&mut bytes, offset) {
            Ok(()) => Ok(bytes.into()),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Err(past_the_end(&self.path, self.size, offset, length))
            }
            Err(error) => Err(failure("read a file", &self.path, error)),
        }
    }
}

struct LocalWriter {
    file: BufWriter<File>,
    path: String,
    size: u64,
}

impl Write for LocalWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl FileWriter for LocalWriter {
    fn close(self: Box<Self>) -> Result<u64> {
        let LocalWriter { file, path, size } = *self;
        let closed = file.into_inner().map_err(|error| error.into_error()).and_then(|file| file.sync_all());
        closed.map_err(|error| failure("finish a file", &path, error))?;
        sync_parent(&path)?;
        Ok(size)
    }
}

pub(super) fn past_the_end(path: &str, size: u64, offset: u64, length: usize) -> Error {
    Error::data("a file ends before the bytes asked for")
        .with("path", path)
        .with("size", size)
        .with("offset", offset)
        .with("length", length)
}

/// Writes and syncs `bytes` under a hidden name beside `path`.
fn write_temporary(path: &str, bytes: &[u8]) -> Result<PathBuf> {
    check_path(path)?;
    let temporary = PathBuf::from(temporary(path));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let mut opened = options.open(&temporary);
    if matches!(&opened, Err(error) if error.kind() == ErrorKind::NotFound) {
        LocalStorage.make_dirs(parent(path))?;
        opened = options.open(&temporary);
    }
    let mut file = opened.map_err(|error| failure("create a file", path, error))?;
    if let Err(error) = file.write_all(bytes).and_then(|()| file.sync_all()) {
        remove_file(&temporary)?;
        return Err(failure("write a file", path, error));
    }
    Ok(temporary)
}

/// Moves a file in one step, never over another.
fn move_file(from: impl AsRef<Path>, to: &str) -> Result<Renamed> {
    let from = from.as_ref();
    match rename_exclusively(from, Path::new(to)) {
        Ok(()) => Ok(Renamed::Done),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Renamed::TargetExists),
        Err(error) if error.kind() == ErrorKind::NotFound && !from.exists() => Ok(Renamed::SourceMissing),
        Err(error) => Err(failure("rename a file", to, error).with("from", from.display())),
    }
}

#[cfg(target_os = "linux")]
fn rename_exclusively(from: &Path, to: &Path) -> io::Result<()> {
    use std::ffi::CString;
    use std::os::unix::ffi::OsStrExt;
    let source = CString::new(from.as_os_str().as_bytes())?;
    let target = CString::new(to.as_os_str().as_bytes())?;
    // SAFETY: both are nul-terminated strings that live until the call returns.
    let result = unsafe {
        libc::renameat2(
            libc::AT_FDCWD,
            source.as_ptr(),
            libc::AT_FDCWD,
            target.as_ptr(),
            libc::RENAME_NOREPLACE,
        )
    };
    if result == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        // Some file systems do not know the flag.
        Some(libc::EINVAL | libc::ENOSYS) => link_and_unlink(from, to),
        _ => Err(error),
    }
}

#[cfg(not(target_os = "linux"))]
fn rename_exclusively(from: &Path, to: &Path) -> io::Result<()> {
    link_and_unlink(from, to)
}

/// The second name fails if it is taken, atomically; a crash between the steps leaves the hidden one behind.
fn link_and_unlink(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to)?;
    fs::remove_file(from)
}

/// Nothing at the path is fine.
fn remove_file(path: impl AsRef<Path>) -> Result<()> {
    match fs::remove_file(path.as_ref()) {
        Ok(()) => Ok(()),
        Err(error) if is_absent(&error) => Ok(()),
        Err(error) => Err(failure("delete", &path.as_ref().to_string_lossy(), error)),
    }
}

fn sync_parent(path: &str) -> Result<()> {
    let dir = parent(path);
    let synced = File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(|error| failure("sync a directory", dir, error))
}

/// A file where a directory was expected means that nothing is at the path.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn file_status(path: String, metadata: &fs::Metadata) -> FileStatus {
    let modified_ms = match metadata.modified().map(|time| time.duration_since(UNIX_EPOCH)) {
        Ok(Ok(after)) => after.as_millis() as i64,
        Ok(Err(before)) => -(before.duration().as_millis() as i64),
        Err(_) => 0,
    };
    FileStatus { path, size: metadata.len(), is_dir: metadata.is_dir(), modified_ms }
}

fn failure(what: &str, path: &str, error: io::Error) -> Error {
    let failed = match error.kind() {
        ErrorKind::PermissionDenied
        | ErrorKind::NotFound
        | ErrorKind::NotADirectory
        | ErrorKind::IsADirectory
        | ErrorKind::AlreadyExists
        | ErrorKind::ReadOnlyFilesystem
        | ErrorKind::CrossesDevices
        | ErrorKind::InvalidFilename
        | ErrorKind::InvalidInput => Error::user(format!("cannot {what}")),
        _ => Error::external(format!("cannot {what}")),
    };
    failed.with("path", path).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::conformance::conformance;

    #[test]
    fn conforms() {
        let dir = tempfile::tempdir().unwrap();
        conformance(&LocalStorage, dir.path().to_str().unwrap()).unwrap();
    }

    #[test]
    fn a_file_system_without_the_flag_still_never_overwrites() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        fs::write(&a, "a").unwrap();
        fs::write(&b, "b").unwrap();
        assert_eq!(link_and_unlink(&a, &b).unwrap_err().kind(), ErrorKind::AlreadyExists);
        fs::remove_file(&b).unwrap();
        link_and_unlink(&a, &b).unwrap();
        assert!(!a.exists() && b.exists());
    }
}
