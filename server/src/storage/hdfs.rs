//! HDFS, spoken without a JVM.
//!
//! What it costs: closing a small file takes about half a second on a cluster with one replica, since the
//! client asks the NameNode before the DataNode has reported the block, and then sleeps. Close many at once.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hdfs_native::file::{FileReader, FileWriter as HdfsFileWriter};
use hdfs_native::{Client, HdfsError, WriteOptions};

use super::hdfs_client::{Failure, client, failed, failure, wait};
use super::local::past_the_end;
use super::{FileStatus, FileWriter, Renamed, Storage, StoredFile};
use super::{check_path, check_whole, encode_path, parent, temporary};
use crate::error::{Error, Result};

const WRITE_BUFFER_BYTES: usize = 1 << 20;

/// A file that was just closed may read short, without an error, until its DataNode has reported: up to 129 ms
/// were seen. The waits double: 1.3 s in all.
const SHORT_READ_RETRIES: u32 = 7;
const SHORT_READ_WAIT: Duration = Duration::from_millis(10);

/// How often a rename is sent again whose outcome was lost and which, by looking, did not happen.
const RENAME_RETRIES: u32 = 3;
const RENAME_WAIT: Duration = Duration::from_millis(200);

const DIR_PERMISSION: u32 = 0o755;

/// One HDFS file system.
#[derive(Clone, Debug)]
pub struct HdfsStorage {
    client: Client,
    authority: String,
}

impl HdfsStorage {
    /// `authority` is `host:port`, a nameservice, or empty for `fs.defaultFS`. HADOOP_CONF_DIR is honoured.
    pub fn connect(authority: &str) -> Result<HdfsStorage> {
        Ok(HdfsStorage { client: client(authority)?, authority: authority.to_string() })
    }

    /// Writes a whole file under a hidden name beside `path` and returns that name.
    fn write_temporary(&self, path: &str, bytes: &[u8]) -> Result<String> {
        check_path(path)?;
        let temporary = temporary(path);
        let written = wait(async {
            let mut writer = self.client.create(&temporary, WriteOptions::default()).await?;
            if !bytes.is_empty() {
                writer.write_bytes(Bytes::copy_from_slice(bytes)).await?;
            }
            writer.close().await
        })?;
        match written {
            Ok(()) => Ok(temporary),
            Err(error) => {
                self.delete(&temporary)?;
                Err(failed("write a file", path, error))
            }
        }
    }

    /// Renames without overwriting, and finds out what happened if the answer is lost.
    fn move_file(&self, from: &str, to: &str) -> Result<Renamed> {
        let mut made_parent = false;
        let mut attempt = 0;
        loop {
            let Err(error) = wait(self.client.rename(from, to, false))? else { return Ok(Renamed::Done) };
            match failure(&error) {
                Failure::Taken => return Ok(Renamed::TargetExists),
                Failure::Missing if self.status(from)?.is_none() => return Ok(Renamed::SourceMissing),
                Failure::Missing if !made_parent => {
                    self.make_dirs(parent(to))?;
                    made_parent = true;
                }
                Failure::Unknown if attempt < RENAME_RETRIES => {
                    attempt += 1;
                    wait(tokio::time::sleep(RENAME_WAIT))?;
                    match (self.status(from)?.is_some(), self.status(to)?.is_some()) {
                        (true, true) => return Ok(Renamed::TargetExists),
                        (true, false) => {}
                        (false, true) => return Ok(Renamed::Done),
                        (false, false) => return Ok(Renamed::SourceMissing),
                    }
                }
                _ => return Err(failed("rename a file", to, error).with("from", from)),
            }
        }
    }
}

impl Storage for HdfsStorage {
    fn uri(&self, path: &str) -> String {
        format!("hdfs://{}{}", self.authority, encode_path(path))
    }

    fn read(&self, path: &str) -> Result<Option<Bytes>> {
        check_path(path)?;
        match self.status(path)? {
            None => return Ok(None),
            Some(status) if status.is_dir => {
                return Err(Error::user("cannot read a directory as a file").with("path", path));
            }
            Some(status) => check_whole(path, status.size)?,
        }
        let file = HdfsFile { client: self.client.clone(), path: path.to_string(), size: None };
        match wait(file.read(0, None))? {
            Ok(bytes) => Ok(Some(bytes)),
            Err(ReadError::Hdfs(error)) if failure(&error) == Failure::Missing => Ok(None),
            Err(error) => Err(error.into_error(path)),
        }
    }

    fn open(&self, path: &str) -> Result<Arc<dyn StoredFile>> {
        match self.status(path)? {
            None => Err(Error::user("cannot open a file: it is not there").with("path", path)),
            Some(status) if status.is_dir => {
                Err(Error::user("cannot read a directory as a file").with("path", path))
            }
            Some(status) => Ok(Arc::new(HdfsFile {
                client: self.client.clone(),
                path: path.to_string(),
                size: Some(status.size),
            })),
        }
    }

    fn status(&self, path: &str) -> Result<Option<FileStatus>> {
        check_path(path)?;
        match wait(self.client.get_file_info(path))? {
            Ok(status) => Ok(Some(file_status(status))),
            Err(error) if failure(&error) == Failure::Missing => Ok(None),
            Err(error) if is_below_a_file(&error) => Ok(None),
            Err(error) => Err(failed("look at a path", path, error)),
        }
    }

    fn list(&self, dir: &str) -> Result<Vec<FileStatus>> {
        check_path(dir)?;
        let listed = match wait(self.client.list_status(dir, false))? {
            Ok(listed) => listed,
            Err(error) if failure(&error) == Failure::Missing => return Ok(Vec::new()),
            Err(error) => return Err(failed("list a directory", dir, error)),
        };
        let mut found: Vec<FileStatus> = listed.into_iter().map(file_status).collect();
        if found.iter().any(|entry| entry.path == dir) {
            return Err(Error::user("cannot list a file as a directory").with("path", dir));
        }
        found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    fn create_if_absent(&self, path: &str, bytes: &[u8]) -> Result<bool> {
        // Asking first is cheap; a file written in vain costs half a second.
        if self.status(path)?.is_some() {
            return Ok(false);
        }
        let temporary = self.write_temporary(path, bytes)?;
        match self.move_file(&temporary, path)? {
            Renamed::Done => Ok(true),
            Renamed::TargetExists => self.delete(&temporary).map(|_| false),
            Renamed::SourceMissing => {
                Err(Error::external("the file was taken away while it was written").with("path", path))
            }
        }
    }

    fn replace(&self, path: &str, bytes: &[u8]) -> Result<()> {
        if self.status(path)?.is_some_and(|status| status.is_dir) {
            return Err(Error::user("cannot replace a directory by a file").with("path", path));
        }
        let temporary = self.write_temporary(path, bytes)?;
        let Err(error) = wait(self.client.rename(&temporary, path, true))? else { return Ok(()) };
        if failure(&error) == Failure::Unknown && self.status(&temporary)?.is_none() {
            // Only the rename takes the temporary name away.
            return Ok(());
        }
        self.delete(&temporary)?;
        Err(failed("replace a file", path, error))
    }

    fn create(&self, path: &str) -> Result<Box<dyn FileWriter>> {
        check_path(path)?;
        let options = WriteOptions::default().overwrite(true);
        let writer = wait(self.client.create(path, options))?;
        let writer = writer.map_err(|error| failed("create a file", path, error))?;
        let buffer = BytesMut::with_capacity(WRITE_BUFFER_BYTES);
        Ok(Box::new(HdfsWriter { writer, path: path.to_string(), buffer, size: 0 }))
    }

    fn rename(&self, from: &str, to: &str) -> Result<Renamed> {
        check_path(from)?;
        check_path(to)?;
        self.move_file(from, to)
    }

    fn delete(&self, path: &str) -> Result<bool> {
        check_path(path)?;
        match wait(self.client.delete(path, true))? {
            Ok(deleted) => Ok(deleted),
            Err(error) if failure(&error) == Failure::Missing => Ok(false),
            Err(error) if failure(&error) == Failure::Unknown && self.status(path)?.is_none() => Ok(true),
            Err(error) => Err(failed("delete", path, error)),
        }
    }

    fn make_dirs(&self, dir: &str) -> Result<()> {
        check_path(dir)?;
        match wait(self.client.mkdirs(dir, DIR_PERMISSION, true))? {
            Ok(()) => Ok(()),
            Err(error) => {
                let there = failure(&error) == Failure::Unknown
                    && self.status(dir)?.is_some_and(|status| status.is_dir);
                if there { Ok(()) } else { Err(failed("make a directory", dir, error)) }
            }
        }
    }
}

struct HdfsFile {
    client: Client,
    path: String,
    /// Nothing: whatever size HDFS tells when the file is read.
    size: Option<u64>,
}

enum ReadError {
    Hdfs(HdfsError),
    Short { expected: usize, got: usize },
}

impl ReadError {
    fn into_error(self, path: &str) -> Error {
        match self {
            ReadError::Hdfs(error) => failed("read a file", path, error),
            ReadError::Short { expected, got } => {
                Error::external("a file on HDFS reads shorter than it is, again and again")
                    .with("path", path)
                    .with("expected", expected)
                    .with("got", got)
            }
        }
    }
}

impl HdfsFile {
    /// The bytes from `offset`, `length` of them or all. The crate returns less, without an error, if a block
    /// is not reported yet: so the length is checked, and the block locations asked for again.
    async fn read(&self, offset: usize, length: Option<usize>) -> std::result::Result<Bytes, ReadError> {
        let mut pause = SHORT_READ_WAIT;
        let mut attempt = 0;
        loop {
            let reader = self.client.read(&self.path).await.map_err(ReadError::Hdfs)?;
            let (expected, bytes) = read_once(&reader, offset, length).await.map_err(ReadError::Hdfs)?;
            if bytes.len() == expected {
                return Ok(bytes);
            }
            if attempt == SHORT_READ_RETRIES {
                return Err(ReadError::Short { expected, got: bytes.len() });
            }
            attempt += 1;
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }
}

async fn read_once(
    reader: &FileReader,
    offset: usize,
    length: Option<usize>,
) -> std::result::Result<(usize, Bytes), HdfsError> {
    let size = reader.file_length();
    let expected = length.unwrap_or(size.saturating_sub(offset));
    // Reading outside of what the reader knows would panic in it.
    let known = size.saturating_sub(offset).min(expected);
    if known == 0 {
        return Ok((expected, Bytes::new()));
    }
    Ok((expected, reader.read_range(offset, known).await?))
}

impl StoredFile for HdfsFile {
    fn size(&self) -> u64 {
        self.size.unwrap_or(0)
    }

    fn read_at(&self, offset: u64, length: usize) -> Result<Bytes> {
        if offset.checked_add(length as u64).is_none_or(|end| end > self.size()) {
            return Err(past_the_end(&self.path, self.size(), offset, length));
        }
        if length == 0 {
            return Ok(Bytes::new());
        }
        wait(self.read(offset as usize, Some(length)))?.map_err(|error| error.into_error(&self.path))
    }
}

struct HdfsWriter {
    writer: HdfsFileWriter,
    path: String,
    buffer: BytesMut,
    size: u64,
}

impl HdfsWriter {
    fn send(&mut self) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let bytes = self.buffer.split().freeze();
        match wait(self.writer.write_bytes(bytes))? {
            Ok(_) => Ok(()),
            Err(error) => Err(failed("write a file", &self.path, error)),
        }
    }
}

impl Write for HdfsWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        self.size += bytes.len() as u64;
        if self.buffer.len() >= WRITE_BUFFER_BYTES {
            self.send().map_err(io::Error::other)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send().map_err(io::Error::other)
    }
}

impl FileWriter for HdfsWriter {
    fn close(mut self: Box<Self>) -> Result<u64> {
        self.send()?;
        match wait(self.writer.close())? {
            Ok(()) => Ok(self.size),
            Err(error) => Err(failed("finish a file", &self.path, error)),
        }
    }
}

/// The NameNode refuses a path that goes through a file; nothing can be there.
fn is_below_a_file(error: &HdfsError) -> bool {
    matches!(error, HdfsError::RPCError(class, message)
        if class.ends_with("ParentNotDirectoryException")
            || class.ends_with("AccessControlException") && message.contains("is not a directory"))
}

fn file_status(status: hdfs_native::client::FileStatus) -> FileStatus {
    FileStatus {
        path: status.path,
        size: status.length as u64,
        is_dir: status.isdir,
        modified_ms: status.modification_time as i64,
    }
}
