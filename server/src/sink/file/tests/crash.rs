//! A process that dies at any change it makes to the file system, and stale processes that go on.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;

use super::stand::*;
use crate::error::{Error, Result};
use crate::record::BatchId;
use crate::sink::Sink;
use crate::storage::{FileStatus, FileWriter, MemoryStorage, Renamed, Storage, StoredFile};

/// Dies at the change number `changes_left`: before it, or after it so that only the answer is lost.
struct Dying {
    inner: Arc<MemoryStorage>,
    changes_left: AtomicI64,
    after: bool,
    /// Runs once, before the first entry of the log is written, with the path and the content of that entry.
    before_entry: Mutex<Option<BeforeEntry>>,
}

type BeforeEntry = Box<dyn FnOnce(&str, &[u8]) + Send>;

impl Dying {
    fn new(inner: &Arc<MemoryStorage>, changes: i64, after: bool) -> Arc<Dying> {
        let before_entry = Mutex::new(None);
        Arc::new(Dying { inner: inner.clone(), changes_left: AtomicI64::new(changes), after, before_entry })
    }

    fn change<T>(&self, make: impl FnOnce() -> Result<T>) -> Result<T> {
        let dead = || Err(Error::external("the process died"));
        match self.changes_left.fetch_sub(1, Ordering::SeqCst) {
            1.. => make(),
            0 if self.after => make().and_then(|_| dead()),
            _ => dead(),
        }
    }
}

impl Storage for Dying {
    fn uri(&self, path: &str) -> String {
        self.inner.uri(path)
    }
    fn read(&self, path: &str) -> Result<Option<Bytes>> {
        self.inner.read(path)
    }
    fn open(&self, path: &str) -> Result<Arc<dyn StoredFile>> {
        self.inner.open(path)
    }
    fn status(&self, path: &str) -> Result<Option<FileStatus>> {
        self.inner.status(path)
    }
    fn list(&self, dir: &str) -> Result<Vec<FileStatus>> {
        self.inner.list(dir)
    }
    fn create_if_absent(&self, path: &str, bytes: &[u8]) -> Result<bool> {
        if let Some(run) = self.before_entry.lock().unwrap().take() {
            run(path, bytes);
        }
        self.change(|| self.inner.create_if_absent(path, bytes))
    }
    fn replace(&self, path: &str, bytes: &[u8]) -> Result<()> {
        self.change(|| self.inner.replace(path, bytes))
    }
    fn create(&self, path: &str) -> Result<Box<dyn FileWriter>> {
        self.change(|| self.inner.create(path))
    }
    fn rename(&self, from: &str, to: &str) -> Result<Renamed> {
        self.change(|| self.inner.rename(from, to))
    }
    fn delete(&self, path: &str) -> Result<bool> {
        self.change(|| self.inner.delete(path))
    }
    fn make_dirs(&self, dir: &str) -> Result<()> {
        self.change(|| self.inner.make_dirs(dir))
    }
}

/// Batches before `batch` are published; then it runs on a dying file system, `partitions` wide.
fn attempt(stand: &Stand, run_id: u128, batch: BatchId, partitions: usize) -> Result<()> {
    let sink = stand.start(run_id, batch, true)?;
    run(&sink, batch, &batch_rows(batch, 6), partitions)
}

/// Dies at every change in turn, and in the run that follows at every change again; then one run completes.
fn dies_everywhere(batch: BatchId, partition_by: Option<&str>) {
    let mut deaths = 0;
    for after in [false, true] {
        for first in 0.. {
            let memory = Arc::new(MemoryStorage::new());
            let mut stand = Stand::on(memory.clone());
            stand.partition_by.extend(partition_by.map(str::to_string));
            let sink = stand.start(1, 0, false).unwrap();
            for earlier in 0..batch {
                run(&sink, earlier, &batch_rows(earlier, 2), 1).unwrap();
            }
            let before = stand.visible();
            let died =
                attempt(&Stand { storage: Dying::new(&memory, first, after), ..stand.clone() }, 2, batch, 3);
            let seen = stand.visible().len() - before.len();
            assert!(seen == 0 || seen == 6, "{seen} of 6 rows are visible");
            // The second run is less wide, so that its files hold other rows than the first one's.
            let second = Dying::new(&memory, first / 2, after);
            let again = attempt(&Stand { storage: second, ..stand.clone() }, 3, batch, 2);
            let seen = stand.visible().len() - before.len();
            assert!(seen == 0 || seen == 6, "{seen} of 6 rows are visible");
            attempt(&stand, 4, batch, 2).unwrap();
            let expected = before.len() + 6;
            assert_eq!(stand.visible().len(), expected, "died at {first}");
            let mut distinct = stand.visible();
            distinct.dedup();
            assert_eq!(distinct.len(), expected, "rows are doubled, died at {first}");
            let mut listed = stand.listed();
            listed.sort();
            assert_eq!(listed, stand.files(), "died at {first}");
            assert!(stand.staged().is_empty());
            if died.is_ok() && again.is_ok() {
                break;
            }
            deaths += 1;
        }
    }
    assert!(deaths > 10, "{deaths}");
}

#[test]
fn no_moment_loses_or_doubles_a_row() {
    dies_everywhere(0, None);
    dies_everywhere(3, None);
}

#[test]
fn no_moment_of_a_compaction_loses_or_doubles_a_row() {
    dies_everywhere(9, None);
}

#[test]
fn no_moment_loses_or_doubles_a_row_of_partitions() {
    dies_everywhere(2, Some("word"));
}

#[test]
fn a_stale_process_that_wakes_up_changes_nothing() {
    for partitions in [2, 3] {
        let stand = Stand::default();
        let stale = stand.start(1, 0, false).unwrap();
        let staged = stage(&stale, 0, &batch_rows(0, 6), 3).unwrap();
        attempt(&stand, 2, 0, partitions).unwrap();
        let before = (stand.visible(), stand.listed());
        let rows = stand.start(3, 1, false).unwrap();
        // Its files are gone, and the entry is there.
        stale.publish(0, staged).unwrap();
        assert_eq!(before, (stand.visible(), stand.listed()));
        // The successor's next batch is not touched by what the stale process cleans up.
        let next = stage(&rows, 1, &batch_rows(1, 2), 1).unwrap();
        let again = stage(&stale, 0, &batch_rows(0, 6), 3).unwrap();
        stale.publish(0, again).unwrap();
        rows.publish(1, next).unwrap();
        assert_eq!(stand.visible().len(), 8);
    }
}

#[test]
fn a_stale_process_before_its_entry_loses_to_its_successor() {
    for partitions in [3, 2] {
        let memory = Arc::new(MemoryStorage::new());
        let stand = Stand::on(memory.clone());
        let dying = Dying::new(&memory, i64::MAX, false);
        let stale = Stand { storage: dying.clone(), ..stand.clone() }.start(1, 0, false).unwrap();
        let successor = stand.clone();
        // All files of the stale process have their names when its successor starts, runs and publishes.
        let run_successor = move |_: &str, _: &[u8]| attempt(&successor, 2, 0, partitions).unwrap();
        *dying.before_entry.lock().unwrap() = Some(Box::new(run_successor));
        run(&stale, 0, &batch_rows(0, 6), 3).unwrap();
        check_once(&stand);
    }
}

#[test]
fn a_stale_process_that_writes_its_entry_first_wins_alone() {
    for partitions in [3, 2] {
        let memory = Arc::new(MemoryStorage::new());
        let stand = Stand::on(memory.clone());
        let (dying, dying_successor) =
            (Dying::new(&memory, i64::MAX, false), Dying::new(&memory, i64::MAX, false));
        let stale = Stand { storage: dying.clone(), ..stand.clone() }.start(1, 0, false).unwrap();
        let successor = Stand { storage: dying_successor.clone(), ..stand.clone() };
        // The successor has named all its files too when the stale process writes its entry.
        let run_successor = move |path: &str, entry: &[u8]| {
            let (path, entry) = (path.to_string(), entry.to_vec());
            let write_stale =
                move |_: &str, _: &[u8]| assert!(memory.create_if_absent(&path, &entry).unwrap());
            *dying_successor.before_entry.lock().unwrap() = Some(Box::new(write_stale));
            attempt(&successor, 2, 0, partitions).unwrap();
        };
        *dying.before_entry.lock().unwrap() = Some(Box::new(run_successor));
        run(&stale, 0, &batch_rows(0, 6), 3).unwrap();
        check_once(&stand);
    }
}

/// The six rows are visible once, and no other file is there.
fn check_once(stand: &Stand) {
    let mut visible = stand.visible();
    visible.dedup();
    assert_eq!(visible.len(), 6, "{visible:?}");
    let mut listed = stand.listed();
    listed.sort();
    assert_eq!(listed, stand.files());
}
