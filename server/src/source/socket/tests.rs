//! The socket source against a real listener.

use std::io::Write;
use std::net::TcpListener;

use super::*;
use crate::clock::SystemClock;
use crate::source::testing::{context, options, read_all};

/// How often a test looks before it gives up; each look waits a little.
const LOOKS_MAX: usize = 2_000;

struct Peer {
    listener: TcpListener,
    options: Options,
}

impl Peer {
    fn listen(more: &[(&str, &str)]) -> Peer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let mut pairs = vec![("host", "127.0.0.1"), ("port", port.as_str())];
        pairs.extend(more);
        Peer { options: options(&pairs), listener }
    }

    fn connect(&self) -> (SocketSource, TcpStream) {
        let source = SocketSource::new(&self.options, context(Arc::new(SystemClock))).unwrap();
        (source, self.listener.accept().unwrap().0)
    }
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..LOOKS_MAX {
        if is_so() {
            return;
        }
        SystemClock.sleep(Duration::from_millis(5));
    }
    panic!("never {what}");
}

fn end_reaches(source: &mut SocketSource, start: Option<&Offset>, line: i64) -> Offset {
    let expected = Offset(line.into());
    wait_until("that line", || {
        source.next_end(start, ReadLimits::Honour).unwrap().as_ref() == Some(&expected)
    });
    expected
}

fn texts(source: &mut SocketSource, start: Option<&Offset>, end: &Offset) -> Vec<String> {
    let batches = read_all(source.splits(start, end).unwrap(), &[0], 2);
    let column =
        |batch: &RecordBatch| batch.column(0).as_any().downcast_ref::<StringArray>().unwrap().clone();
    batches.iter().flat_map(|b| column(b).iter().flatten().map(String::from).collect::<Vec<_>>()).collect()
}

#[test]
fn lines_come_by_range_and_the_query_stays_up_when_the_peer_closes() {
    let peer = Peer::listen(&[]);
    let (mut source, mut stream) = peer.connect();
    let none = source.next_end(None, ReadLimits::Honour).unwrap().unwrap();
    assert_eq!(none, Offset((-1).into()));
    assert!(source.splits(None, &none).unwrap().is_empty());

    stream.write_all("one\ntwo \u{e4}\r\nthree\nhalf".as_bytes()).unwrap();
    let end = end_reaches(&mut source, Some(&none), 2);
    assert_eq!(texts(&mut source, Some(&none), &end), ["one", "two \u{e4}", "three"]);
    // Until it is committed, the range can be read again.
    assert_eq!(texts(&mut source, Some(&none), &end), ["one", "two \u{e4}", "three"]);
    source.commit(&end).unwrap();

    drop(stream);
    let last = end_reaches(&mut source, Some(&end), 3);
    assert_eq!(texts(&mut source, Some(&end), &last), ["half"]);
    wait_until("told of the end", || {
        source.next_end(Some(&last), ReadLimits::Honour).unwrap().unwrap() == last && source.told_of_end
    });
}

#[test]
fn a_restart_goes_on_after_the_checkpoint_without_the_lines_that_are_gone() {
    let peer = Peer::listen(&[]);
    let (mut source, mut stream) = peer.connect();
    stream.write_all(b"new\n").unwrap();
    let (start, end) = (Offset(4.into()), Offset(6.into()));
    assert!(texts(&mut source, Some(&start), &end).is_empty());
    source.commit(&end).unwrap();
    let newest = end_reaches(&mut source, Some(&end), 7);
    assert_eq!(texts(&mut source, Some(&end), &newest), ["new"]);
}

#[test]
fn a_fixed_end_counts_the_lines_received_so_far() {
    let peer = Peer::listen(&[]);
    let (mut source, mut stream) = peer.connect();
    stream.write_all(b"before\n").unwrap();
    wait_until("received", || source.buffer.held().1 == 1);
    source.fix_end().unwrap();
    stream.write_all(b"after\n").unwrap();
    wait_until("received", || source.buffer.held().1 == 2);
    let start = Offset(9.into());
    assert_eq!(source.next_end(Some(&start), ReadLimits::Honour).unwrap(), Some(Offset(10.into())));
}

#[test]
fn arrival_times_are_a_column_if_asked_for() {
    let peer = Peer::listen(&[("includeTimestamp", "true")]);
    let (mut source, mut stream) = peer.connect();
    assert_eq!(source.schema().field(1).name(), "timestamp");
    let before = SystemClock.now_micros();
    stream.write_all(b"x\n").unwrap();
    let end = end_reaches(&mut source, None, 0);
    let batch = read_all(source.splits(None, &end).unwrap(), &[1], 8).remove(0);
    let times = batch.column(0).as_any().downcast_ref::<TimestampMicrosecondArray>().unwrap().clone();
    assert!((before..=SystemClock.now_micros()).contains(&times.value(0)));
}

#[test]
fn options_are_checked_and_a_missing_server_is_named() {
    for (pairs, option) in [
        (&[("port", "1")][..], "host"),
        (&[("host", "h")], "port"),
        (&[("host", "h"), ("port", "70000")], "port"),
        (&[("host", "h"), ("port", "1"), ("includeTimestamp", "maybe")], "includeTimestamp"),
    ] {
        let error = SocketSource::validate(&options(pairs)).unwrap_err();
        assert_eq!(error.fact("option"), Some(option), "{pairs:?}");
    }
    let port = Peer::listen(&[]).options.get("port").unwrap().to_string();
    let gone = options(&[("host", "127.0.0.1"), ("port", &port)]);
    let error = SocketSource::new(&gone, context(Arc::new(SystemClock))).err().unwrap();
    assert_eq!(error.kind(), crate::error::ErrorKind::External);
    assert!(error.hint_text().unwrap().contains(&format!("nc -lk {port}")));
}
