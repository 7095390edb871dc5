//! A file being written, compressed on the way if an option says so. Knows no rows.

use std::io::{self, Write};

use crate::error::{Error, Result};
use crate::record::Options;
use crate::storage::FileWriter;

/// What is collected before it goes to the compressor or the storage.
const BUFFER_BYTES: usize = 256 << 10;

/// Compression of text, json and csv files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    Deflate,
    Zstd,
}

impl Compression {
    /// From the option `compression`, or `codec`, its older name.
    pub fn of(options: &Options) -> Result<Compression> {
        let key = if options.contains("compression") { "compression" } else { "codec" };
        let Some(name) = options.get(key) else { return Ok(Compression::None) };
        Ok(match name.to_lowercase().as_str() {
            "none" | "uncompressed" => Compression::None,
            "gzip" => Compression::Gzip,
            "deflate" => Compression::Deflate,
            "zstd" => Compression::Zstd,
            _ => return Err(options.bad_value(key, "none, gzip, deflate or zstd")),
        })
    }

    /// What Hadoop's codecs add to file names.
    pub fn extension(self) -> &'static str {
        match self {
            Compression::None => "",
            Compression::Gzip => ".gz",
            Compression::Deflate => ".deflate",
            Compression::Zstd => ".zst",
        }
    }
}

/// Takes the bytes of a file through a buffer that the encoders fill in place.
pub struct Output {
    pub buffer: String,
    stream: Stream,
}

enum Stream {
    Plain(Box<dyn FileWriter>),
    Gzip(flate2::write::GzEncoder<Box<dyn FileWriter>>),
    Deflate(flate2::write::ZlibEncoder<Box<dyn FileWriter>>),
    Zstd(zstd::stream::write::Encoder<'static, Box<dyn FileWriter>>),
}

impl Output {
    pub fn new(options: &Options, out: Box<dyn FileWriter>) -> Result<Output> {
        let level = flate2::Compression::default();
        let stream = match Compression::of(options)? {
            Compression::None => Stream::Plain(out),
            Compression::Gzip => Stream::Gzip(flate2::write::GzEncoder::new(out, level)),
            Compression::Deflate => Stream::Deflate(flate2::write::ZlibEncoder::new(out, level)),
            Compression::Zstd => {
                Stream::Zstd(zstd::stream::write::Encoder::new(out, 0).map_err(write_error)?)
            }
        };
        Ok(Output { buffer: String::new(), stream })
    }

    /// To be called after each row: hands the buffer on once it is large enough.
    pub fn flush_if_full(&mut self) -> Result<()> {
        if self.buffer.len() < BUFFER_BYTES { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<()> {
        let written = match &mut self.stream {
            Stream::Plain(out) => out.write_all(self.buffer.as_bytes()),
            Stream::Gzip(out) => out.write_all(self.buffer.as_bytes()),
            Stream::Deflate(out) => out.write_all(self.buffer.as_bytes()),
            Stream::Zstd(out) => out.write_all(self.buffer.as_bytes()),
        };
        self.buffer.clear();
        written.map_err(write_error)
    }

    /// The size of the file, which is durable now.
    pub fn finish(mut self) -> Result<u64> {
        self.flush()?;
        let out = match self.stream {
            Stream::Plain(out) => Ok(out),
            Stream::Gzip(out) => out.finish(),
            Stream::Deflate(out) => out.finish(),
            Stream::Zstd(out) => out.finish(),
        };
        out.map_err(write_error)?.close()
    }
}

/// An I/O error as ours: the storage's own one if it is inside.
pub fn write_error(error: io::Error) -> Error {
    if error.get_ref().is_some_and(|inner| inner.is::<Error>()) {
        let inner = error.into_inner().and_then(|inner| inner.downcast::<Error>().ok());
        return inner.map_or_else(|| Error::internal("an i/o error lost its cause"), |inner| *inner);
    }
    Error::external("cannot write the file").because(error)
}
