//! The store against a model, through restarts, lost local files and damaged stored ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::error::{Error, ErrorKind, Result};
use crate::record::{BatchId, QueryId};
use crate::storage::{MemoryStorage, Storage};

const OPERATORS: usize = 2;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// A store on memory storage with what should be in it, version by version.
struct World {
    stored: MemoryStorage,
    machine: TempDir,
    memory: SharedMemory,
    operators: Vec<OperatorState>,
    history: Vec<[Rows; OPERATORS]>,
    random: u64,
    interval: u64,
    kept: u64,
}

impl World {
    fn new() -> World {
        let operator = |name: &str| OperatorState { name: name.into(), format_version: 1 };
        World {
            stored: MemoryStorage::new(),
            machine: tempfile::tempdir().unwrap(),
            memory: SharedMemory::new(8 << 20),
            operators: vec![operator("0-aggregate"), operator("1-aggregate")],
            history: Vec::new(),
            random: 88_172_645_463_325_252,
            interval: 3,
            kept: VERSIONS_KEPT,
        }
    }

    fn settings(&self) -> StateSettings {
        StateSettings {
            query_id: QueryId(Uuid::nil()),
            local_dir: self.machine.path().join("query"),
            storage: Arc::new(self.stored.clone()),
            dir: "/c/state".into(),
            operators: self.operators.clone(),
            memory: self.memory.clone(),
            snapshot_interval: self.interval,
            versions_kept: self.kept,
        }
    }

    /// The last version there should be.
    fn target(&self) -> Option<BatchId> {
        (self.history.len() as u64).checked_sub(1)
    }

    fn open(&self) -> Result<StateStore> {
        StateStore::open(self.settings(), self.target())
    }

    fn next(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below
    }

    fn key(&mut self) -> Vec<u8> {
        let number = self.next(40) as u16;
        [&(number % 4).to_be_bytes()[..], &number.to_be_bytes()[..]].concat()
    }

    /// Random changes of the next batch and what they make of the state.
    fn batch(&mut self) -> (Vec<(usize, Changes)>, [Rows; OPERATORS]) {
        let mut rows = self.history.last().cloned().unwrap_or_default();
        let mut all = Vec::new();
        for (operator, rows) in rows.iter_mut().enumerate() {
            let mut changes = Changes::default();
            for _ in 0..self.next(30) {
                let key = self.key();
                match self.next(10) {
                    0 => {
                        let (from, to) = (key.clone(), self.key());
                        let removed: Vec<Vec<u8>> = match from < to {
                            true => {
                                rows.range(from.clone()..to.clone()).map(|(key, _)| key.clone()).collect()
                            }
                            false => Vec::new(),
                        };
                        changes.delete_range(&from, &to, removed.len() as u64);
                        removed.iter().for_each(|key| drop(rows.remove(key)));
                    }
                    1..=3 if rows.remove(&key).is_some() => changes.delete(&key),
                    _ => {
                        let value = vec![self.next(256) as u8; self.next(60) as usize];
                        let is_new = rows.insert(key.clone(), value.clone()).is_none();
                        changes.put(&key, &value, is_new);
                    }
                }
            }
            all.push((operator, changes));
        }
        (all, rows)
    }

    fn run(&mut self, store: &mut StateStore, batches: usize) {
        for _ in 0..batches {
            let batch = self.history.len() as u64;
            let (changes, rows) = self.batch();
            store.commit_durable(batch, changes).unwrap();
            store.apply(batch).unwrap();
            store.finish_snapshot().unwrap();
            self.history.push(rows);
        }
    }

    /// A batch that makes a file in which data come first.
    fn run_large(&mut self, store: &mut StateStore) {
        let mut rows = self.history.last().cloned().unwrap_or_default();
        let mut changes = Changes::default();
        for number in 0..40_u16 {
            let key = [(number % 4).to_be_bytes(), number.to_be_bytes()].concat();
            let value: Vec<u8> = (0..400).map(|_| self.next(256) as u8).collect();
            changes.put(&key, &value, !rows[0].contains_key(&key));
            rows[0].insert(key, value);
        }
        let batch = self.history.len() as u64;
        store.commit_durable(batch, vec![(0, changes)]).unwrap();
        store.apply(batch).unwrap();
        self.history.push(rows);
    }

    fn check(&self, store: &StateStore) {
        assert_eq!(store.version(), self.target());
        let empty = Default::default();
        let expected = self.history.last().unwrap_or(&empty);
        for (operator, expected) in expected.iter().enumerate() {
            assert_eq!(read_all(store, operator), *expected, "operator {operator}");
            assert_eq!(store.rows(operator), expected.len() as u64);
        }
    }

    fn lose_local_files(&self) {
        fs::remove_dir_all(self.machine.path().join("query")).unwrap();
    }

    fn names(&self, dir: &str) -> Vec<String> {
        let entries = self.stored.list(dir).unwrap();
        entries.iter().map(|entry| crate::storage::file_name(&entry.path).to_string()).collect()
    }
}

fn read_all(store: &StateStore, operator: usize) -> Rows {
    let reader = store.reader(operator);
    let scanned: Rows = reader
        .scan(&[0], &[255])
        .unwrap()
        .map(|row| row.unwrap())
        .map(|(k, v)| (k.into(), v.into()))
        .collect();
    let keys: Vec<Vec<u8>> = (0..40_u16).map(|n| [(n % 4).to_be_bytes(), n.to_be_bytes()].concat()).collect();
    let mut keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    keys.sort_unstable();
    let found = reader.multi_get(&keys).unwrap();
    let found: Rows =
        keys.iter().zip(found).filter_map(|(key, value)| Some((key.to_vec(), value?))).collect();
    assert_eq!(scanned, found);
    scanned
}

#[test]
fn restarts_keep_what_the_model_keeps() {
    let mut world = World::new();
    for round in 0..16 {
        let mut store = world.open().unwrap();
        world.check(&store);
        let batches = world.next(4) as usize;
        world.run(&mut store, batches);
        world.check(&store);
        drop(store);
        if round % 3 == 0 {
            world.lose_local_files();
        }
    }
    assert!(world.history.len() > 12);
}

#[test]
fn a_crash_anywhere_in_the_protocol_is_undone_or_finished() {
    let mut world = World::new();
    for _ in 0..6 {
        // Durable and not committed: the replay replaces it.
        let mut store = world.open().unwrap();
        let batch = world.history.len() as u64;
        let (lost, _) = world.batch();
        store.commit_durable(batch, lost).unwrap();
        drop(store);
        let mut store = world.open().unwrap();
        world.check(&store);
        // Committed and not applied: it is rolled forward.
        let (changes, rows) = world.batch();
        store.commit_durable(batch, changes).unwrap();
        drop(store);
        world.history.push(rows);
        let mut store = world.open().unwrap();
        world.check(&store);
        world.run(&mut store, 1);
    }
}

#[test]
fn a_local_state_that_is_ahead_or_of_another_query_is_built_anew() {
    let mut world = World::new();
    let mut store = world.open().unwrap();
    world.run(&mut store, 8);
    drop(store);
    world.history.truncate(7);
    let mut store = world.open().unwrap();
    world.check(&store);
    world.run(&mut store, 2);
    drop(store);
    let other =
        StateSettings { query_id: QueryId(Uuid::max()), dir: "/other/state".into(), ..world.settings() };
    let mut empty = StateStore::open(other, None).unwrap();
    assert_eq!((empty.version(), empty.rows(0)), (None, 0));
    empty.commit_durable(0, vec![]).unwrap();
    empty.apply(0).unwrap();
    drop(empty);
    world.check(&world.open().unwrap());
}

#[test]
fn logs_set_back_by_hand_take_newer_state_with_them() {
    let mut world = World::new();
    let mut store = world.open().unwrap();
    world.run(&mut store, 12);
    drop(store);
    world.history.truncate(5);
    world.stored.replace("/c/state/.12.changes.x.tmp", b"half").unwrap();
    let mut store = world.open().unwrap();
    assert!(world.stored.read("/c/state/.12.changes.x.tmp").unwrap().is_none());
    world.check(&store);
    world.run(&mut store, 9);
    drop(store);
    world.lose_local_files();
    world.check(&world.open().unwrap());
}

#[test]
fn a_damaged_snapshot_falls_back_to_an_older_one() {
    let mut world = World::new();
    let mut store = world.open().unwrap();
    world.run(&mut store, 11);
    drop(store);
    let snapshots: Vec<String> =
        world.names("/c/state").into_iter().filter(|name| name.ends_with(".snapshot")).collect();
    assert_eq!(snapshots, ["2.snapshot", "5.snapshot", "8.snapshot"]);
    let path = "/c/state/8.snapshot";
    let whole = world.stored.read(path).unwrap().unwrap();
    for bytes in [&whole[..0], &whole[..whole.len() / 2], &whole[..whole.len() - 1], b"x"] {
        world.stored.replace(path, bytes).unwrap();
        world.lose_local_files();
        world.check(&world.open().unwrap());
    }
    // Whatever is wrong with a shared file; each snapshot has one of its own.
    world.stored.replace(path, &whole).unwrap();
    let files = world.stored.list("/c/state/SSTs").unwrap();
    for (case, entry) in files.iter().rev().take(6).enumerate() {
        let mut bytes = world.stored.read(&entry.path).unwrap().unwrap().to_vec();
        match case % 3 {
            0 => bytes[case] ^= 1,
            1 => drop(bytes.pop()),
            _ => bytes.clear(),
        }
        match bytes.is_empty() {
            true => drop(world.stored.delete(&entry.path).unwrap()),
            false => world.stored.replace(&entry.path, &bytes).unwrap(),
        }
        world.lose_local_files();
        world.check(&world.open().unwrap());
    }
}

#[test]
fn state_that_nothing_reaches_is_refused_with_what_is_missing() {
    let mut world = World::new();
    let mut store = world.open().unwrap();
    world.run(&mut store, 11);
    drop(store);
    world.lose_local_files();
    let whole = world.stored.read("/c/state/9.changes").unwrap().unwrap();
    world.stored.delete("/c/state/9.changes").unwrap();
    let refused = |world: &World| -> Error {
        let Err(error) = world.open() else { panic!("opened") };
        assert_eq!(error.kind(), ErrorKind::Data);
        assert!(error.report().contains("9.changes") && error.hint_text().is_some(), "{error:?}");
        error
    };
    assert_eq!(refused(&world).fact("batch"), Some("10"));
    for length in 0..whole.len() {
        world.stored.replace("/c/state/9.changes", &whole[..length]).unwrap();
        if length % 16 == 0 {
            refused(&world);
        }
    }
    world.stored.replace("/c/state/9.changes", &whole).unwrap();
    world.check(&world.open().unwrap());
}

#[test]
fn state_without_logs_is_not_taken_for_a_new_query() {
    let mut world = World::new();
    let mut store = world.open().unwrap();
    world.run(&mut store, 4);
    drop(store);
    let Err(error) = StateStore::open(world.settings(), None) else { panic!("opened") };
    assert_eq!(error.message(), "the checkpoint holds state, but no batch is committed");
}

#[test]
fn other_operators_are_refused_by_name() {
    let mut world = World::new();
    let mut store = world.open().unwrap();
    world.run(&mut store, 5);
    drop(store);
    world.operators[1].format_version = 2;
    for _ in 0..2 {
        let Err(error) = world.open() else { panic!("opened") };
        assert_eq!(error.kind(), ErrorKind::User);
        assert_eq!(error.fact("checkpoint"), Some("0-aggregate v1, 1-aggregate v1"));
        assert_eq!(error.fact("query"), Some("0-aggregate v1, 1-aggregate v2"));
        world.operators.pop();
        world.operators.push(OperatorState { name: "1-aggregate".into(), format_version: 2 });
    }
    world.operators[1].format_version = 1;
    world.check(&world.open().unwrap());
}

#[test]
fn one_run_at_a_time_uses_the_local_directory() {
    let world = World::new();
    let store = world.open().unwrap();
    let Err(error) = world.open() else { panic!("opened") };
    assert_eq!(error.message(), "another run of this query uses the local state directory");
    drop(store);
    world.open().unwrap();
}

#[test]
fn a_corrupt_database_is_built_anew() {
    let mut world = World::new();
    let mut store = world.open().unwrap();
    world.run(&mut store, 7);
    world.run_large(&mut store);
    drop(store);
    let database = world.machine.path().join("query/db");
    damage(&database, "MANIFEST", |bytes| bytes.fill(0));
    world.check(&world.open().unwrap());
    // Found only by reading, past a cache that knows the block: this run fails, the next one starts over.
    world.memory = SharedMemory::new(8 << 20);
    damage(&database, ".sst", |bytes| {
        // Smaller files have no data block at their start.
        if bytes.len() > 8000 {
            bytes[10] ^= 1;
        }
    });
    let store = world.open().unwrap();
    let read: Result<Vec<_>> = store.reader(0).scan(&[0], &[255]).and_then(Iterator::collect);
    let Err(error) = read else { panic!("read") };
    assert_eq!(error.kind(), ErrorKind::Data);
    drop(store);
    world.check(&world.open().unwrap());
}

fn damage(dir: &Path, name: &str, change: impl Fn(&mut [u8])) {
    let mut damaged = 0;
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().contains(name) {
            let mut bytes = fs::read(&path).unwrap();
            change(&mut bytes);
            fs::write(&path, bytes).unwrap();
            damaged += 1;
        }
    }
    assert!(damaged > 0);
}

#[test]
fn old_files_are_purged_and_shared_ones_are_uploaded_once() {
    let mut world = World::new();
    world.kept = 6;
    let mut store = world.open().unwrap();
    world.run(&mut store, 30);
    let stored = world.names("/c/state");
    let expected = ["24.changes", "23.snapshot", "26.snapshot", "29.snapshot"];
    assert!(expected.iter().all(|name| stored.contains(&(*name).to_string())), "{stored:?}");
    assert!(!stored.contains(&"23.changes".to_string()) && !stored.contains(&"20.snapshot".to_string()));
    // Each version kept can be restored.
    drop(store);
    for target in 24..30 {
        let copy =
            World { stored: MemoryStorage::new(), machine: tempfile::tempdir().unwrap(), ..World::new() };
        for dir in ["/c/state", "/c/state/SSTs"] {
            for entry in world.stored.list(dir).unwrap().iter().filter(|entry| !entry.is_dir) {
                let bytes = world.stored.read(&entry.path).unwrap().unwrap();
                copy.stored.replace(&entry.path, &bytes).unwrap();
            }
        }
        let copy = World { history: world.history[..=target].to_vec(), ..copy };
        copy.check(&copy.open().unwrap());
    }
    // The next start goes on with what is uploaded.
    let mut store = world.open().unwrap();
    world.run(&mut store, 9);
    let files = world.names("/c/state/SSTs");
    let numbers: BTreeSet<&str> = files.iter().filter_map(|name| Some(name.split_once('-')?.0)).collect();
    assert_eq!(numbers.len(), files.len(), "a file of the database was uploaded twice: {files:?}");
}

#[test]
fn batches_out_of_order_are_our_own_fault() {
    let world = World::new();
    let mut store = world.open().unwrap();
    assert_eq!(store.commit_durable(1, vec![]).unwrap_err().kind(), ErrorKind::Internal);
    assert_eq!(store.apply(0).unwrap_err().kind(), ErrorKind::Internal);
    let mut changes = Changes::default();
    changes.delete(b"not there");
    assert_eq!(store.commit_durable(0, vec![(0, changes)]).unwrap_err().kind(), ErrorKind::Internal);
    assert!(store.reader(0).multi_get(&[b"b", b"a"]).is_err());
}

#[test]
fn key_groups_do_not_change_between_releases() {
    for (key, group) in [(&b""[..], 25), (b"a", 91), (b"word", 77)] {
        assert_eq!(key_group(key), group);
    }
    assert!((0..1000_u32).all(|number| key_group(&number.to_be_bytes()) < KEY_GROUPS));
}
