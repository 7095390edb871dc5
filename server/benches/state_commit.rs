//! What a batch of 100,000 changed keys costs in state: lookups, change log, and the write into the database,
//! on local disk. The state holds ten times as many keys, so a cost by all keys would show.

#![allow(clippy::panic, reason = "a benchmark that cannot run says so and ends")]

use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use uuid::Uuid;
use wasmill::record::QueryId;
use wasmill::state::{
    Changes, OperatorState, SNAPSHOT_INTERVAL, SharedMemory, StateSettings, StateStore, VERSIONS_KEPT,
    key_group,
};
use wasmill::storage::LocalStorage;

const KEYS: u64 = 1_000_000;
const KEYS_TOUCHED: u64 = 100_000;
const VALUE_BYTES: usize = 16;

/// The key group, eight bytes of a window's end, and a word.
fn key(number: u64) -> Vec<u8> {
    let word = format!("word-{number}");
    [&key_group(word.as_bytes()).to_be_bytes()[..], &0_u64.to_be_bytes(), word.as_bytes()].concat()
}

/// Sorted keys `first`, `first + step` and so on.
fn keys(first: u64, step: u64, count: u64) -> Vec<Vec<u8>> {
    let mut keys: Vec<Vec<u8>> = (0..count).map(|index| key(first + index * step)).collect();
    keys.sort_unstable();
    keys
}

fn changes(keys: &[Vec<u8>], value: u8, is_new: bool) -> Vec<(usize, Changes)> {
    let mut changes = Changes::default();
    keys.iter().for_each(|key| changes.put(key, &[value; VALUE_BYTES], is_new));
    vec![(0, changes)]
}

fn open(dir: &std::path::Path) -> StateStore {
    let settings = StateSettings {
        query_id: QueryId(Uuid::nil()),
        local_dir: dir.join("local"),
        storage: Arc::new(LocalStorage),
        dir: dir.join("state").to_string_lossy().into_owned(),
        operators: vec![OperatorState { name: "0-aggregate".into(), format_version: 1 }],
        memory: SharedMemory::default(),
        snapshot_interval: SNAPSHOT_INTERVAL,
        versions_kept: VERSIONS_KEPT,
    };
    StateStore::open(settings, None).unwrap_or_else(|error| panic!("{error:?}"))
}

fn commit(store: &mut StateStore, changes: Vec<(usize, Changes)>) {
    let batch = store.version().map_or(0, |version| version + 1);
    store
        .commit_durable(batch, changes)
        .and_then(|()| store.apply(batch))
        .unwrap_or_else(|error| panic!("{error:?}"));
}

fn state(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let mut store = open(dir.path());
    for part in 0..KEYS / KEYS_TOUCHED {
        commit(&mut store, changes(&keys(part * KEYS_TOUCHED, 1, KEYS_TOUCHED), 0, true));
    }
    let touched = keys(3, KEYS / KEYS_TOUCHED, KEYS_TOUCHED);
    let absent = keys(KEYS, 1, KEYS_TOUCHED);
    let reader = store.reader(0);
    let mut group = criterion.benchmark_group("state");
    group.sample_size(10);
    group.throughput(criterion::Throughput::Elements(KEYS_TOUCHED));
    for (name, keys) in
        [("lookup of keys that are there", &touched), ("lookup of keys that are not", &absent)]
    {
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        group.bench_function(name, |bencher| bencher.iter(|| reader.multi_get(&keys)));
    }
    group.bench_function("commit and apply", |bencher| {
        let prepare = || changes(&touched, 1, false);
        bencher.iter_batched(prepare, |changes| commit(&mut store, changes), BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, state);
criterion_main!(benches);
