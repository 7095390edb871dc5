//! A stored file as a stream of bytes, decompressed as its name tells. Knows no lines.

use std::io::{self, Read};
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::storage::StoredFile;

/// How much is asked of the storage at once.
const READ_BYTES: usize = 1 << 20;

/// Names that end so are compressed; all others are read as they are, as Hadoop does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compressed {
    Gzip,
    Deflate,
    Zstd,
}

fn compressed(path: &str) -> Result<Option<Compressed>> {
    let name = path.rsplit('/').next().unwrap_or(path);
    Ok(match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("gz") => Some(Compressed::Gzip),
        Some("deflate") => Some(Compressed::Deflate),
        Some("zst") => Some(Compressed::Zstd),
        Some(refused @ ("bz2" | "lz4" | "snappy")) => {
            return Err(Error::user("cannot read a file of this compression")
                .with("file", path)
                .with("compression", refused)
                .hint("files may be plain, .gz, .deflate or .zst"));
        }
        _ => None,
    })
}

/// True if the bytes of the file are those of its rows.
pub fn is_plain(path: &str) -> bool {
    matches!(compressed(path), Ok(None))
}

/// The bytes of a file from `start` on, decompressed.
pub fn open(file: Arc<dyn StoredFile>, path: &str, start: u64) -> Result<Box<dyn Read + Send>> {
    let compressed = compressed(path)?;
    let stored = StoredBytes { file, at: start, chunk: Bytes::new() };
    Ok(match compressed {
        None => Box::new(stored),
        Some(Compressed::Gzip) => Box::new(flate2::read::MultiGzDecoder::new(stored)),
        Some(Compressed::Deflate) => Box::new(flate2::read::ZlibDecoder::new(stored)),
        Some(Compressed::Zstd) => Box::new(zstd::stream::read::Decoder::new(stored).map_err(io_error)?),
    })
}

struct StoredBytes {
    file: Arc<dyn StoredFile>,
    at: u64,
    chunk: Bytes,
}

impl Read for StoredBytes {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.chunk.is_empty() {
            let left = self.file.size().saturating_sub(self.at).min(READ_BYTES as u64) as usize;
            if left == 0 {
                return Ok(0);
            }
            self.chunk = self.file.read_at(self.at, left).map_err(io::Error::other)?;
            self.at += left as u64;
        }
        let length = into.len().min(self.chunk.len());
        into[..length].copy_from_slice(&self.chunk.split_to(length));
        Ok(length)
    }
}

/// An I/O error as ours: the storage's own one if it is inside, otherwise torn compressed bytes.
pub fn io_error(error: io::Error) -> Error {
    if error.get_ref().is_some_and(|inner| inner.is::<Error>()) {
        let inner = error.into_inner().and_then(|inner| inner.downcast::<Error>().ok());
        return inner.map_or_else(|| Error::internal("an i/o error lost its cause"), |inner| *inner);
    }
    Error::data("cannot decompress the file").because(error)
}
