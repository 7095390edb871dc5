//! The checkpoint on memory storage: what is written is found again, damage is found, two runs are caught.

use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::error::ErrorKind;
use crate::record::{Offset, SourceLog};
use crate::storage::MemoryStorage;

fn checkpoint() -> (MemoryStorage, Checkpoint) {
    let storage = MemoryStorage::new();
    (storage.clone(), Checkpoint::new(Arc::new(storage), "/c/"))
}

fn offsets(end: u64) -> OffsetEntry {
    let plan = BatchPlan {
        batch_watermark_ms: 1000,
        batch_timestamp_ms: 1_795_233_714_397,
        late_bound_ms: Some(0),
        partitions: Some(2),
        identity: json!({ "sources": ["kafka"] }),
        modules: [("text".to_string(), "sha256:00".to_string())].into(),
        ..BatchPlan::default()
    };
    OffsetEntry { plan, sources: vec![Some(Offset(json!({ "lines": { "0": end } }))), None] }
}

fn commit(watermark: i64) -> CommitEntry {
    CommitEntry { next_batch_watermark_ms: watermark, no_data_wanted: true, ..CommitEntry::default() }
}

fn run_batches(checkpoint: &Checkpoint, count: u64) {
    for id in 0..count {
        checkpoint.offsets.add(id, &offsets(id)).unwrap();
        checkpoint.commits.add(id, &commit(id as i64)).unwrap();
    }
}

#[test]
fn entries_come_back_and_purge_keeps_the_newest() {
    let (storage, checkpoint) = checkpoint();
    assert!(checkpoint.offsets.latest().unwrap().is_none());
    run_batches(&checkpoint, 250);
    checkpoint.purge(120, 100).unwrap();
    assert_eq!(checkpoint.offsets.ids().unwrap()[0], 21);
    checkpoint.purge(249, 100).unwrap();
    let ids: Vec<u64> = (150..250).collect();
    assert_eq!(checkpoint.offsets.ids().unwrap(), ids);
    assert_eq!(checkpoint.commits.ids().unwrap(), ids);
    assert_eq!(checkpoint.offsets.get(200).unwrap(), Some(offsets(200)));
    assert_eq!(checkpoint.commits.latest().unwrap(), Some((249, commit(249))));
    let text = storage.read("/c/commits/249").unwrap().unwrap();
    let text = std::str::from_utf8(&text).unwrap();
    assert!(text.starts_with("v1\n{\"nextBatchWatermarkMs\":249,\"noDataWanted\":true,\"crc32c\":"));
}

#[test]
fn the_second_writer_of_an_entry_is_told() {
    let (_, checkpoint) = checkpoint();
    checkpoint.offsets.add(0, &offsets(1)).unwrap();
    checkpoint.offsets.add(0, &offsets(1)).unwrap();
    let error = checkpoint.offsets.add(0, &offsets(2)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::User);
    assert_eq!(error.message(), "another run of this query writes to the same checkpoint");
    assert_eq!(error.fact("file"), Some("memory:///c/offsets/0"));
}

#[test]
fn the_id_is_written_once() {
    let (storage, checkpoint) = checkpoint();
    let (first, second) = (QueryId(Uuid::from_u128(1)), QueryId(Uuid::from_u128(2)));
    assert_eq!(checkpoint.query_id().unwrap(), None);
    assert_eq!(checkpoint.ensure_query_id(first).unwrap(), first);
    assert_eq!(checkpoint.ensure_query_id(second).unwrap(), first);
    // Spark's own file, and one torn at birth.
    storage.replace("/c/metadata", format!("{{\"id\":\"{second}\"}}").as_bytes()).unwrap();
    assert_eq!(checkpoint.query_id().unwrap(), Some(second));
    storage.replace("/c/metadata", b"{\"id\":").unwrap();
    assert_eq!(checkpoint.ensure_query_id(first).unwrap(), first);
}

#[test]
fn a_file_cut_or_flipped_anywhere_is_recovered_or_refused_never_misread() {
    let (storage, checkpoint) = checkpoint();
    checkpoint.ensure_query_id(QueryId(Uuid::from_u128(1))).unwrap();
    run_batches(&checkpoint, 3);
    checkpoint.offsets.add(3, &offsets(3)).unwrap();
    for (path, without) in
        [("/c/offsets/3", Some(Step::Continue { next: 3 })), ("/c/offsets/2", None), ("/c/commits/2", None)]
    {
        let whole = storage.read(path).unwrap().unwrap().to_vec();
        let cuts = (0..whole.len()).map(|length| whole[..length].to_vec());
        let flips = (0..whole.len() * 8).map(|bit| {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            flipped
        });
        for (case, bytes) in cuts.chain(flips).enumerate() {
            storage.replace(path, &bytes).unwrap();
            match (checkpoint.recover(None), &without) {
                // The flip only hid the checksum's key: the entry still says the same.
                (Ok(Decision { step: Step::Replay { batch: 3 }, .. }), _) => {
                    assert_eq!(checkpoint.offsets.get(3).unwrap().unwrap().sources, offsets(3).sources);
                    assert_eq!(checkpoint.offsets.get(2).unwrap().unwrap().sources, offsets(2).sources);
                    assert_eq!(checkpoint.commits.get(2).unwrap().unwrap().next_batch_watermark_ms, 2);
                }
                (Ok(decision), Some(step)) => {
                    assert_eq!((&decision.step, decision.discard.len()), (step, 1), "{path} case {case}");
                }
                (Ok(decision), None) => panic!("{path} case {case}: {decision:?}"),
                (Err(error), None) => {
                    assert_eq!(error.kind(), ErrorKind::Data, "{path} case {case}");
                    assert!(error.hint_text().is_some());
                }
                (Err(error), Some(_)) => {
                    // A version that is not ours is not taken for damage.
                    assert_eq!(error.kind(), ErrorKind::User, "{path} case {case}: {error:?}");
                }
            }
        }
        storage.replace(path, &whole).unwrap();
    }
}

#[test]
fn a_torn_entry_is_put_aside_and_written_anew() {
    let (storage, checkpoint) = checkpoint();
    checkpoint.ensure_query_id(QueryId(Uuid::from_u128(1))).unwrap();
    run_batches(&checkpoint, 1);
    storage.replace("/c/offsets/1", b"v1\n{\"batch").unwrap();
    for left in ["/c/.metadata.x.tmp", "/c/offsets/.1.x.tmp", "/c/sources/0/.1.x.tmp"] {
        storage.replace(left, b"").unwrap();
    }
    let decision = checkpoint.recover(None).unwrap();
    assert_eq!(decision.step, Step::Continue { next: 1 });
    checkpoint.prepare(&decision).unwrap();
    checkpoint.offsets.add(1, &offsets(5)).unwrap();
    let names = storage.list("/c/offsets").unwrap();
    let names: Vec<&str> = names.iter().map(|entry| file_name(&entry.path)).collect();
    assert_eq!(names, [".1.damaged", "0", "1"]);
    assert!(storage.list("/c/sources/0").unwrap().is_empty());
    assert!(storage.read("/c/.metadata.x.tmp").unwrap().is_none());
}

#[test]
fn a_sources_log_keeps_entries_and_compact_entries() {
    let (storage, checkpoint) = checkpoint();
    let log = checkpoint.source_log(0);
    for id in 0..12 {
        log.add(id, format!("v1\n{{\"path\":\"file:///{id}\",\"timestamp\":1,\"batchId\":{id}}}").as_bytes())
            .unwrap();
    }
    log.add_compact(9, b"v1\n{\"path\":\"all\"}\n").unwrap();
    assert_eq!(log.ids().unwrap(), (0..12).collect::<Vec<u64>>());
    log.purge(9).unwrap();
    assert_eq!(log.ids().unwrap(), [9, 10, 11]);
    assert_eq!(log.get_compact(9).unwrap().as_deref(), Some(&b"v1\n{\"path\":\"all\"}\n"[..]));
    assert_eq!(log.get_compact(8).unwrap(), None);
    assert!(log.get(10).unwrap().unwrap().starts_with(b"v1\n{\"path\":\"file:///10\""));
    let whole = storage.read("/c/sources/0/10").unwrap().unwrap();
    for length in 0..whole.len() {
        storage.replace("/c/sources/0/10", &whole[..length]).unwrap();
        assert_eq!(log.get(10).unwrap_err().kind(), ErrorKind::Data, "{length}");
    }
}
