//! Keyed state with its checkpoint on a real HDFS: another machine goes on where the first one stopped.

use std::collections::BTreeMap;
use std::path::Path;

use harness::services;
use wasmill::record::QueryId;
use wasmill::state::{Changes, OperatorState, SharedMemory, StateSettings, StateStore, key_group};
use wasmill::storage::{self, Location};

const BATCHES: u64 = 7;

fn settings(machine: &Path) -> StateSettings {
    let location = format!("{}/checkpoints/state", services::hdfs().uri);
    let location = Location::parse(&location, Path::new("/")).unwrap();
    StateSettings {
        query_id: "00000000-0000-0000-0000-000000000001".parse().map(QueryId).unwrap(),
        local_dir: machine.to_path_buf(),
        storage: storage::open(&location).unwrap(),
        dir: location.path,
        operators: vec![OperatorState { name: "0-aggregate".into(), format_version: 1 }],
        memory: SharedMemory::new(8 << 20),
        snapshot_interval: 3,
        versions_kept: 100,
    }
}

fn key(number: u64) -> Vec<u8> {
    let number = number.to_be_bytes();
    [&key_group(&number).to_be_bytes()[..], &number].concat()
}

#[test]
fn another_machine_restores_state_from_hdfs() {
    let machines = services::run_folder().join("machines");
    let mut store = StateStore::open(settings(&machines.join("one")), None).unwrap();
    let mut expected = BTreeMap::new();
    for batch in 0..BATCHES {
        let mut changes = Changes::default();
        for number in batch * 50..batch * 50 + 100 {
            let is_new = expected.insert(key(number), batch.to_be_bytes().to_vec()).is_none();
            changes.put(&key(number), &batch.to_be_bytes(), is_new);
        }
        store.commit_durable(batch, vec![(0, changes)]).unwrap();
        store.apply(batch).unwrap();
        store.finish_snapshot().unwrap();
    }
    assert_eq!(store.metrics().snapshot_version, Some(5));
    drop(store);
    let store = StateStore::open(settings(&machines.join("two")), Some(BATCHES - 1)).unwrap();
    let found: Result<BTreeMap<_, _>, _> = store.reader(0).scan(&[0], &[255]).unwrap().collect();
    let found = found.unwrap().into_iter().map(|(key, value)| (key.into_vec(), value.into_vec()));
    assert_eq!(found.collect::<BTreeMap<_, _>>(), expected);
    assert_eq!(store.rows(0), expected.len() as u64);
}
