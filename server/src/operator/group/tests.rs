//! A stateful function over batches, with a state store in memory: what comes out and what is kept must not depend on
//! how a batch is cut, and timers and expiries come when they should.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::util::display::array_value_to_string;
use tempfile::TempDir;
use uuid::Uuid;

use super::stored::FORMAT_VERSION;
use super::*;
use crate::expression::{Analyzer, Environment};
use crate::operator::Merged;
use crate::record::{QueryId, timestamp_type};
use crate::state::{KEY_GROUPS, OperatorState, SharedMemory, StateSettings, StateStore};
use crate::storage::MemoryStorage;
use crate::udf::{Compiler, Limits, Moment, Runtime};

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("key", DataType::Utf8, true),
        Field::new("time", timestamp_type(), true),
        Field::new("value", DataType::Int64, true),
    ]))
}

fn rows(rows: &[(Option<&str>, Option<i64>, i64)]) -> RecordBatch {
    let keys: ArrayRef = Arc::new(rows.iter().map(|row| row.0).collect::<StringArray>());
    let times = rows.iter().map(|row| row.1).collect::<TimestampMicrosecondArray>().with_timezone("UTC");
    let values: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.2)).collect::<Int64Array>());
    RecordBatch::try_new(schema(), vec![keys, Arc::new(times), values]).unwrap()
}

/// A query of one stateful function, batch by batch.
struct World {
    stage: Arc<GroupStage>,
    store: StateStore,
    batch: u64,
    shares: u16,
    _machine: TempDir,
}

impl World {
    fn new(function: &str, input: [&str; 2], ttl_us: Option<i64>, limits: Limits, shares: u16) -> World {
        World::of_keys(&["key"], function, input, ttl_us, limits, shares)
    }

    fn of_keys(
        keys: &[&str],
        function: &str,
        input: [&str; 2],
        ttl_us: Option<i64>,
        limits: Limits,
        shares: u16,
    ) -> World {
        let runtime = Runtime::new(Limits { instances: 16, ..limits }, Compiler::Here).unwrap();
        let module = runtime.load(&std::fs::read(build_udfs::module("sessions")).unwrap()).unwrap();
        let analyzer = Analyzer::new(schema(), Arc::new(Environment::new()));
        let expression = |text: &str| analyzer.expression(text).unwrap();
        let function = module.group(function).unwrap();
        let parts = GroupParts {
            event_time: (function.time() == crate::udf::TimeMode::Event).then_some(1),
            function,
            module: "sessions".into(),
            keys: keys.iter().map(|key| expression(key)).collect(),
            arguments: input.map(expression).to_vec(),
            ttl_us,
        };
        let machine = tempfile::tempdir().unwrap();
        let operator = |name: &str| OperatorState { name: name.into(), format_version: FORMAT_VERSION };
        let settings = StateSettings {
            query_id: QueryId(Uuid::nil()),
            local_dir: machine.path().join("query"),
            storage: Arc::new(MemoryStorage::new()),
            dir: "/c/state".into(),
            operators: vec![operator("group"), operator("group-times")],
            memory: SharedMemory::new(8 << 20),
            snapshot_interval: 100,
            versions_kept: 100,
        };
        let store = StateStore::open(settings, None).unwrap();
        let stage = Arc::new(GroupStage::new(parts).unwrap());
        World { stage, store, batch: 0, shares, _machine: machine }
    }

    /// Runs a batch of these splits; the rows that come out, and how many were late.
    fn run(
        &mut self,
        splits: &[RecordBatch],
        late_bound_us: Option<i64>,
        watermark_us: i64,
        time_us: i64,
    ) -> (Vec<String>, u64) {
        let (mut collected, mut late) = (Vec::new(), 0);
        for split in splits {
            let mut collecting = Collecting::start(self.stage.clone(), late_bound_us);
            collecting.add(split).unwrap();
            let (rows, dropped) = collecting.finish();
            collected.extend(rows);
            late += dropped;
        }
        let (mut shown, mut changes) = (Vec::new(), Vec::new());
        for share in 0..self.shares {
            let merged: Merged = run_share(&ShareInput {
                stage: &self.stage,
                collected: &collected,
                key_groups: share * KEY_GROUPS / self.shares..(share + 1) * KEY_GROUPS / self.shares,
                values: &self.store.reader(VALUES),
                times: &self.store.reader(TIMES),
                watermark_us: Some(watermark_us),
                time_us,
                moment: Moment { time_us, seed: 0 },
            })
            .unwrap();
            changes.extend(merged.changes.into_iter().enumerate());
            merged.rows.iter().for_each(|rows| shown.extend(texts(rows)));
        }
        self.store.commit_durable(self.batch, changes).unwrap();
        self.store.apply(self.batch).unwrap();
        self.batch += 1;
        shown.sort();
        (shown, late)
    }

    /// Everything that is in state.
    fn kept(&self) -> Vec<Box<[u8]>> {
        let scan = |operator| {
            let reader = self.store.reader(operator);
            let entries = reader.scan(&[0], &[255]).unwrap().collect::<Result<Vec<_>>>().unwrap();
            entries.into_iter().map(|(key, value)| [key, value].concat().into_boxed_slice())
        };
        scan(VALUES).chain(scan(TIMES)).collect()
    }

    fn next(&self) -> Option<i64> {
        next_time(&self.store.reader(TIMES), 0..KEY_GROUPS).unwrap()
    }
}

fn texts(rows: &RecordBatch) -> Vec<String> {
    let row = |row: usize| {
        let values = rows.columns().iter().map(|column| array_value_to_string(column, row).unwrap());
        values.collect::<Vec<_>>().join(" ")
    };
    (0..rows.num_rows()).map(row).collect()
}

const SESSIONS: [&str; 2] = ["time", "INTERVAL '10' SECOND"];
const PAUSES: [&str; 2] = ["value", "INTERVAL '10' SECOND"];
const SECOND: i64 = 1_000_000;

#[test]
fn the_cut_of_a_batch_shows_neither_in_rows_nor_in_state() {
    let small = Limits { call_bytes: 200, ..Limits::default() };
    let mut worlds = [
        World::new("sessions", SESSIONS, None, Limits::default(), 1),
        World::new("sessions", SESSIONS, None, Limits::default(), 5),
        World::new("sessions", SESSIONS, None, small, 3),
    ];
    let names: Vec<String> = (0..17).map(|name| format!("k{name}")).collect();
    let mut all = 0;
    for batch in 0..12_i64 {
        let row = |number: i64| {
            let name = (number * 7 + batch) % 19;
            let time = batch * 25 * SECOND + number * 313_131 % (12 * SECOND);
            (names.get(name as usize).map(String::as_str), (number % 23 != 0).then_some(time), number)
        };
        let events: Vec<_> = (0..60).map(row).collect();
        let watermark = (batch * 25 - 15) * SECOND;
        let whole = rows(&events);
        let split = [whole.slice(0, 7), whole.slice(7, 30), whole.slice(37, 23)];
        let late_bound = Some(watermark - 25 * SECOND);
        let first = worlds[0].run(&[whole], late_bound, watermark, 0);
        assert_eq!(worlds[1].run(&split, late_bound, watermark, 0), first, "batch {batch}");
        assert_eq!(worlds[2].run(&split, late_bound, watermark, 0), first, "batch {batch}");
        all += first.0.len();
    }
    assert!(all > 100, "{all}");
    let kept = worlds[0].kept();
    assert!(kept.len() > 10 && worlds.iter().all(|world| world.kept() == kept));
    // The last watermark ends every session, and nothing stays.
    let (ended, _) = worlds[0].run(&[], None, 1_000 * SECOND, 0);
    assert!(!ended.is_empty() && worlds[0].kept().is_empty());
}

#[test]
fn rows_without_keys_are_of_one_key() {
    let mut world = World::of_keys(&[], "sessions", SESSIONS, None, Limits::default(), 4);
    let events = rows(&[(Some("a"), Some(0), 0), (None, Some(SECOND), 0), (Some("b"), Some(60 * SECOND), 0)]);
    let (out, _) = world.run(&[events], None, 30 * SECOND, 0);
    assert_eq!(out, ["1970-01-01T00:00:00Z 1970-01-01T00:00:11Z 2"]);
}

#[test]
fn keys_of_several_columns_come_back_with_their_types() {
    let mut world = World::of_keys(&["value", "key"], "sessions", SESSIONS, None, Limits::default(), 4);
    let events = rows(&[(Some("a"), Some(0), -7), (None, Some(0), 7), (Some("a"), Some(5), -7)]);
    let (out, _) = world.run(&[events], None, 30 * SECOND, 0);
    let end = |micros: &str, events| format!("1970-01-01T00:00:00Z 1970-01-01T00:00:10{micros}Z {events}");
    assert_eq!(out, [format!("-7 a {}", end(".000005", 2)), format!("7  {}", end("", 1))]);
}

#[test]
fn late_rows_are_dropped_and_rows_without_time_are_not() {
    let mut world = World::new("sessions", SESSIONS, None, Limits::default(), 1);
    let events = rows(&[(Some("a"), Some(5), 0), (Some("a"), Some(6), 0), (Some("b"), None, 0)]);
    let (out, late) = world.run(&[events], Some(5), 10, 0);
    assert_eq!((out.len(), late), (0, 1));
    // The state of `a` and its timer; `b` has neither.
    assert_eq!(world.kept().len(), 2);
}

#[test]
fn a_timer_that_is_over_when_it_is_set_by_a_row_fires_in_the_same_batch() {
    let mut world = World::new("sessions", SESSIONS, None, Limits::default(), 1);
    let (out, _) = world.run(&[rows(&[(Some("a"), Some(0), 0)])], None, 10 * SECOND, 0);
    assert_eq!(out, ["a 1970-01-01T00:00:00Z 1970-01-01T00:00:10Z 1"]);
    assert!(world.kept().is_empty());
}

#[test]
fn processing_timers_go_by_the_time_of_the_batch() {
    let mut world = World::new("pauses", PAUSES, None, Limits::default(), 2);
    let none: [RecordBatch; 0] = [];
    assert_eq!(world.next(), None);
    world.run(&[rows(&[(Some("a"), None, 1), (Some("b"), None, 5), (Some("a"), None, 2)])], None, 0, SECOND);
    assert_eq!(world.next(), Some(11 * SECOND));
    world.run(&[rows(&[(Some("a"), None, 4)])], None, 0, 5 * SECOND);
    let (out, _) = world.run(&none, None, 1_000 * SECOND, 11 * SECOND - 1);
    assert_eq!(out, [""; 0]);
    let (out, _) = world.run(&none, None, 0, 11 * SECOND);
    assert_eq!(out, ["b 5 1"]);
    assert_eq!(world.next(), Some(15 * SECOND));
    let (out, _) = world.run(&none, None, 0, 20 * SECOND);
    assert_eq!(out, ["a 7 3"]);
    assert!(world.kept().is_empty());
}

#[test]
fn a_state_is_forgotten_when_its_time_to_live_is_over_and_a_timer_is_not() {
    let mut world = World::new("pauses", PAUSES, Some(3 * SECOND), Limits::default(), 2);
    world.run(&[rows(&[(Some("a"), None, 1), (Some("b"), None, 1)])], None, 0, 0);
    assert_eq!(world.next(), Some(3 * SECOND));
    // Written again, `b` lives longer.
    world.run(&[rows(&[(Some("b"), None, 1)])], None, 0, 2 * SECOND);
    // At that very time the state of `a` is over: a row finds none.
    let (_, _) = world.run(&[rows(&[(Some("a"), None, 10)])], None, 0, 3 * SECOND);
    assert_eq!(world.next(), Some(5 * SECOND));
    world.run(&[], None, 0, 6 * SECOND);
    let (out, _) = world.run(&[], None, 0, 13 * SECOND);
    // What the timers find is gone: `a` had its first timer and a second one, as the function forgot which it had.
    assert_eq!(out, ["a 0 0", "a 0 0", "b 0 0"]);
    assert!(world.kept().is_empty());
}
