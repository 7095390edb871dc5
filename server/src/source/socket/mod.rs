//! The source `socket`: lines of text from one TCP connection, for trying things out. It cannot replay: a restart
//! connects anew, and lines that were received and not committed are gone.

mod line_buffer;
mod line_splitter;

use std::io::Read;
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde_json::{Map, Value};

use self::line_buffer::{Line, LineBuffer};
use self::line_splitter::LineSplitter;
use super::rate_rows::shares;
use super::{BatchStream, ReadLimits, ReadOptions, Source, SourceContext, Split};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::record::{Offset, Options, timestamp_type};

pub(super) const OPTIONS: [&str; 3] = ["host", "port", "includeTimestamp"];

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What one read from the socket takes at most.
const READ_BYTES: usize = 64 << 10;

/// A range is read by several threads only if each gets so many lines.
const LINES_PER_SPLIT_MIN: usize = 8_192;

struct Settings {
    host: String,
    port: u16,
    include_timestamp: bool,
}

impl Settings {
    fn read(options: &Options) -> Result<Settings> {
        options.refuse_unknown(&OPTIONS)?;
        let host = options.required("host", "set a host to read from, such as `host: localhost`")?;
        options.required("port", "set a port to read from, such as `port: 9999`")?;
        let port =
            options.integer("port")?.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
        Ok(Settings {
            host: host.to_string(),
            port: port.ok_or_else(|| options.bad_value("port", "a port from 1 to 65535"))?,
            include_timestamp: options.boolean("includeTimestamp")?.unwrap_or(false),
        })
    }

    fn schema(&self) -> SchemaRef {
        let mut fields = vec![Field::new("value", DataType::Utf8, true)];
        if self.include_timestamp {
            fields.push(Field::new("timestamp", timestamp_type(), true));
        }
        Arc::new(Schema::new(fields))
    }
}

/// Offsets are line numbers, -1 before the first line; a batch is the lines after its start up to its end.
pub struct SocketSource {
    settings: Settings,
    parallelism: usize,
    buffer: Arc<LineBuffer>,
    connection: TcpStream,
    receiver: Option<JoinHandle<()>>,
    /// Whether lines have their numbers: they follow what the checkpoint holds.
    numbered: bool,
    /// Numbered from 0 until lines have their numbers, as the lines are.
    fixed_end: Option<i64>,
    told_of_end: bool,
}

impl SocketSource {
    /// What the options say is checked; nothing is connected.
    pub fn validate(options: &Options) -> Result<SchemaRef> {
        Settings::read(options).map(|settings| settings.schema())
    }

    /// Connects, and receives from now on.
    pub fn new(options: &Options, context: SourceContext) -> Result<SocketSource> {
        let settings = Settings::read(options)?;
        let connection = connect(&settings)?;
        let failed = |cause: std::io::Error| Error::internal("start to receive from a socket").because(cause);
        let stream = connection.try_clone().map_err(failed)?;
        let buffer = Arc::new(LineBuffer::default());
        let (into, clock) = (buffer.clone(), context.clock.clone());
        let receiver = std::thread::Builder::new()
            .name("socket-source".into())
            .spawn(move || into.end(receive(stream, &into, clock.as_ref())))
            .map_err(failed)?;
        Ok(SocketSource {
            settings,
            parallelism: context.parallelism,
            buffer,
            connection,
            receiver: Some(receiver),
            numbered: false,
            fixed_end: None,
            told_of_end: false,
        })
    }

    /// Lines received by this run follow the newest offset that an earlier run left.
    fn number_after(&mut self, last: i64) {
        if !self.numbered {
            self.buffer.number_from(last + 1);
            self.fixed_end = self.fixed_end.map(|end| end + last + 1);
            self.numbered = true;
        }
    }

    fn newest(&self) -> i64 {
        self.buffer.held().1 - 1
    }

    fn tell_of_end(&mut self) {
        if self.told_of_end {
            return;
        }
        if let Some(why) = self.buffer.ended() {
            tracing::warn!(source = self.description(), "no more lines will come: {why}");
            self.told_of_end = true;
        }
    }
}

fn connect(settings: &Settings) -> Result<TcpStream> {
    let failed = |cause: Option<std::io::Error>| {
        let error = Error::external("connect to a socket to read from")
            .with("host", &settings.host)
            .with("port", settings.port)
            .hint(format!("start a server that sends lines, such as `nc -lk {}`", settings.port));
        match cause {
            Some(cause) => error.because(cause),
            None => error,
        }
    };
    let mut last = None;
    for address in (settings.host.as_str(), settings.port).to_socket_addrs().map_err(|e| failed(Some(e)))? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(cause) => last = Some(cause),
        }
    }
    Err(failed(last))
}

/// Receives until the peer closes or the buffer is stopped. Says why it ended.
fn receive(mut stream: TcpStream, buffer: &LineBuffer, clock: &dyn Clock) -> String {
    let mut splitter = LineSplitter::default();
    let mut bytes = vec![0; READ_BYTES];
    loop {
        let read = match stream.read(&mut bytes) {
            Ok(read) => read,
            Err(cause) if cause.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(cause) => return format!("the connection broke: {cause}"),
        };
        let lines = if read == 0 { splitter.finish() } else { splitter.push(&bytes[..read]) };
        let arrived = clock.now_micros();
        let goes_on = match lines {
            Ok(lines) => {
                buffer.push(lines.into_iter().map(|text| Line { text: text.into(), arrived }).collect())
            }
            Err(why) => return why,
        };
        if read == 0 {
            return "the peer closed the connection".into();
        }
        if !goes_on {
            return "the query stopped".into();
        }
    }
}

fn line_number(offset: &Offset) -> Result<i64> {
    offset.0.as_i64().filter(|number| *number >= -1).ok_or_else(|| {
        Error::data("this is no offset of a socket source")
            .with("offset", offset)
            .with("expected", "a number")
    })
}

impl Source for SocketSource {
    fn schema(&self) -> SchemaRef {
        self.settings.schema()
    }

    fn description(&self) -> String {
        format!("TextSocketV2[host: {}, port: {}]", self.settings.host, self.settings.port)
    }

    fn next_end(&mut self, start: Option<&Offset>, _limits: ReadLimits) -> Result<Option<Offset>> {
        self.number_after(start.map_or(Ok(-1), line_number)?);
        self.tell_of_end();
        Ok(Some(Offset(self.fixed_end.unwrap_or_else(|| self.newest()).into())))
    }

    fn latest(&mut self) -> Result<Option<Offset>> {
        Ok(self.numbered.then(|| Offset(self.newest().into())))
    }

    fn fix_end(&mut self) -> Result<()> {
        self.fixed_end = Some(self.newest());
        Ok(())
    }

    fn splits(&mut self, start: Option<&Offset>, end: &Offset) -> Result<Vec<Box<dyn Split>>> {
        let (from, to) = (start.map_or(Ok(-1), line_number)? + 1, line_number(end)? + 1);
        self.number_after(to - 1);
        let (first_held, next) = self.buffer.held();
        if to > next || from > to {
            return Err(Error::internal("a socket source was asked for lines that never came")
                .with("from", from)
                .with("to", to)
                .with("received", next));
        }
        if from < to && from < first_held {
            tracing::warn!(
                source = self.description(),
                "lines {from}..{} came before a restart and are gone: a socket cannot replay. The batch goes on \
                 without them.",
                first_held.min(to)
            );
        }
        let from = from.max(first_held);
        let lines = usize::try_from(to - from).unwrap_or(0);
        let count = self.parallelism.min(lines / LINES_PER_SPLIT_MIN).max(1);
        let (buffer, schema) = (&self.buffer, self.schema());
        let split = |(from, to)| {
            Box::new(SocketSplit { buffer: buffer.clone(), schema: schema.clone(), from, to })
                as Box<dyn Split>
        };
        Ok(shares(from, to.max(from), count).into_iter().map(split).collect())
    }

    fn commit(&mut self, end: &Offset) -> Result<()> {
        self.buffer.trim(line_number(end)? + 1);
        Ok(())
    }

    fn metrics(&self, _end: &Offset) -> Map<String, Value> {
        Map::new()
    }
}

impl Drop for SocketSource {
    fn drop(&mut self) {
        self.buffer.stop();
        // Both fail only if the peer or the thread is gone already, which is what is wanted.
        self.connection.shutdown(Shutdown::Both).ok();
        if let Some(receiver) = self.receiver.take() {
            receiver.join().ok();
        }
    }
}

struct SocketSplit {
    buffer: Arc<LineBuffer>,
    schema: SchemaRef,
    from: i64,
    to: i64,
}

impl Split for SocketSplit {
    fn describe(&self) -> String {
        format!("socket lines {}..{}", self.from, self.to)
    }

    fn read(self: Box<Self>, options: &ReadOptions) -> Result<BatchStream> {
        let projection = options.projection.clone();
        let schema = self
            .schema
            .project(&projection)
            .map_err(|cause| Error::internal("project the columns of a socket source").because(cause))?;
        let (schema, rows_max) = (Arc::new(schema), options.rows_max.max(1));
        let mut next = self.from;
        Ok(Box::new(std::iter::from_fn(move || {
            let lines = self.buffer.copy(next, self.to, rows_max);
            next += lines.len() as i64;
            (!lines.is_empty()).then(|| batch(&lines, &projection, &schema))
        })))
    }
}

fn batch(lines: &[Line], projection: &[usize], schema: &SchemaRef) -> Result<RecordBatch> {
    let column = |index: &usize| -> ArrayRef {
        if *index == 0 {
            return Arc::new(StringArray::from_iter_values(lines.iter().map(|line| &line.text)));
        }
        let arrived = lines.iter().map(|line| line.arrived);
        Arc::new(TimestampMicrosecondArray::from_iter_values(arrived).with_timezone("UTC"))
    };
    let columns = projection.iter().map(column).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(lines.len()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options)
        .map_err(|cause| Error::internal("build a batch of lines").because(cause))
}

#[cfg(test)]
mod tests;
