//! The server's storage and checkpoint on a real HDFS: the suite that local disk and memory pass as well.

use std::path::Path;
use std::sync::Arc;

use harness::services;
use wasmill::checkpoint::{Checkpoint, CommitEntry, Step};
use wasmill::storage::{self, Location, Storage, conformance::conformance};

fn open(path: &str) -> (Arc<dyn Storage>, String) {
    let location = Location::parse(&format!("{}{path}", services::hdfs().uri), Path::new("/")).unwrap();
    (storage::open(&location).unwrap(), location.path)
}

#[test]
fn hdfs_conforms() {
    let (storage, root) = open("/storage test");
    conformance(storage.as_ref(), &root).unwrap();
    let uri = storage.uri(&format!("{root}/a"));
    assert_eq!(uri, format!("{}/storage%20test/a", services::hdfs().uri));
}

#[test]
fn hdfs_globs() {
    let (storage, root) = open("/globs");
    for name in ["a1.csv", "k=1/x.csv", "k=2/x.csv", "_hidden/x.csv"] {
        storage.replace(&format!("{root}/{name}"), b"").unwrap();
    }
    let found = storage::glob(storage.as_ref(), &format!("{root}/{{k=[12],*}}/x.csv")).unwrap();
    let paths: Vec<&str> = found.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(paths, ["/globs/k=1/x.csv", "/globs/k=2/x.csv"]);
}

#[test]
fn a_checkpoint_on_hdfs_tells_two_runs_apart() {
    let (storage, root) = open("/checkpoints/two");
    let (one, two) = (Checkpoint::new(storage.clone(), &root), Checkpoint::new(storage, &root));
    assert_eq!(one.recover(None).unwrap().step, Step::StartFresh);
    let entry = |run: &str| CommitEntry { run_id: Some(run.to_string()), ..CommitEntry::default() };
    one.commits.add(0, &entry("one")).unwrap();
    one.commits.add(0, &entry("one")).unwrap();
    assert_eq!(
        two.commits.add(0, &entry("two")).unwrap_err().message(),
        "another run of this query writes to the same checkpoint"
    );
    assert_eq!(two.commits.latest().unwrap(), Some((0, entry("one"))));
}

#[test]
fn a_name_node_that_is_not_there_is_named() {
    let location = Location::parse("hdfs://127.0.0.1:1/x", Path::new("/")).unwrap();
    let Err(error) = storage::open(&location) else { panic!("opened") };
    assert_eq!(error.to_string(), "the NameNode does not answer namenode=`hdfs://127.0.0.1:1/`");
}
