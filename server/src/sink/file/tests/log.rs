//! The log over many batches, and starting on outputs that are damaged or of others.

use std::time::Duration;

use uuid::Uuid;

use super::stand::*;
use crate::error::ErrorKind;
use crate::record::QueryId;
use crate::sink::testing::facts;
use crate::sink::{CheckpointFacts, Sink};

#[test]
fn every_tenth_entry_holds_all_earlier_ones() {
    let stand = Stand::default();
    let sink = stand.start(1, 0, false).unwrap();
    for batch in 0..25 {
        run(&sink, batch, &batch_rows(batch, (batch % 3) as usize), 1).unwrap();
        let expected: usize = (0..=batch).map(|batch| (batch % 3) as usize).sum();
        assert_eq!(stand.visible().len(), expected, "after batch {batch}");
    }
    let entries = stand.entries();
    assert!(entries.contains(&"9.compact".into()) && entries.contains(&"19.compact".into()));
    assert!(!entries.contains(&"9".into()) && entries.len() == 25);
    let before = (stand.files(), stand.visible(), stand.entries());
    run(&stand.start(2, 24, true).unwrap(), 24, &batch_rows(24, 0), 1).unwrap();
    assert_eq!(before, (stand.files(), stand.visible(), stand.entries()));
}

#[test]
fn old_entries_are_deleted_once_they_are_old_enough() {
    let stand = Stand::default();
    let sink = stand.start(1, 0, false).unwrap();
    for batch in 0..119 {
        run(&sink, batch, &[], 1).unwrap();
    }
    assert_eq!(stand.entries().len(), 119);
    stand.clock.advance(Duration::from_secs(3600));
    run(&sink, 119, &[], 1).unwrap();
    let entries = stand.entries();
    assert_eq!(entries.len(), 101);
    assert!(entries.contains(&"19.compact".into()) && !entries.contains(&"18".into()));
}

#[test]
fn retention_drops_old_files_when_the_log_is_compacted() {
    let stand = Stand::default().with("retention", "10s");
    let sink = stand.start(1, 0, false).unwrap();
    for batch in 0..10 {
        if batch == 9 {
            stand.clock.advance(Duration::from_secs(3600));
        }
        run(&sink, batch, &batch_rows(batch, 1), 1).unwrap();
    }
    // The file system in memory counts its own milliseconds, so that all files are an hour old here.
    assert_eq!(stand.entries().last().map(String::as_str), Some("9.compact"));
    assert_eq!(stand.visible().len(), 0);
    assert_eq!(stand.files().len(), 10);
}

#[test]
fn starts_are_refused_with_what_to_do() {
    let stand = Stand::default();
    let sink = stand.start(1, 0, false).unwrap();
    for batch in 0..3 {
        run(&sink, batch, &batch_rows(batch, 1), 1).unwrap();
    }
    let other = QueryId(Uuid::from_u128(9));
    for (facts, kind, text) in [
        (CheckpointFacts { query_id: other, ..facts(None, None) }, ErrorKind::User, "a new checkpoint"),
        (facts(Some(5), Some(4)), ErrorKind::Data, "lacks batches"),
        (facts(Some(1), Some(1)), ErrorKind::Data, "does not know"),
    ] {
        let error = stand.open(2).recover(&facts).unwrap_err();
        assert!(error.kind() == kind && error.message().contains(text), "{error}");
        assert!(error.hint_text().is_some());
    }
    assert!(stand.start(3, 3, false).is_ok());
}

#[test]
fn another_querys_rows_are_never_taken_for_published() {
    let stand = Stand::default();
    // Both claim the output while it is empty; the other one is first to publish.
    let sink = stand.start(1, 0, false).unwrap();
    let other = stand.open(2);
    other.recover(&CheckpointFacts { query_id: QueryId(Uuid::from_u128(9)), ..facts(None, None) }).unwrap();
    run(&other, 0, &batch_rows(0, 2), 1).unwrap();
    let error = run(&sink, 0, &batch_rows(5, 2), 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data);
    assert_eq!(stand.visible().len(), 2);
}

#[test]
fn files_of_others_are_not_hidden_by_a_log() {
    let stand = Stand::default();
    stand.storage.replace(&format!("{ROOT}/part-0.json"), b"{}").unwrap();
    let error = stand.start(1, 0, false).err().unwrap();
    assert!(error.message().contains("not of a streaming query"), "{error}");
    assert!(stand.entries().is_empty());
}

#[test]
fn torn_entries_are_written_again_or_refused() {
    for (content, committed, goes_on) in [
        ("", false, true),
        ("v1\n{\"path\":\"memory:///da", false, true),
        ("\0\0\0\0", false, true),
        ("", true, false),
        ("v1\n{\"path\"", true, false),
    ] {
        let stand = Stand::default();
        let sink = stand.start(1, 0, false).unwrap();
        for batch in 0..3 {
            run(&sink, batch, &batch_rows(batch, 1), 1).unwrap();
        }
        let whole = stand.visible();
        stand.storage.replace(&format!("{ROOT}/_spark_metadata/2"), content.as_bytes()).unwrap();
        match stand.start(2, if committed { 3 } else { 2 }, true) {
            Ok(sink) => {
                assert!(goes_on, "{content}");
                run(&sink, 2, &batch_rows(2, 1), 1).unwrap();
                assert_eq!(stand.visible(), whole);
            }
            Err(error) => assert!(!goes_on && error.kind() == ErrorKind::Data, "{error}"),
        }
    }
}

#[test]
fn a_missing_entry_stops_the_query() {
    let stand = Stand::default();
    let sink = stand.start(1, 0, false).unwrap();
    for batch in 0..3 {
        run(&sink, batch, &batch_rows(batch, 1), 1).unwrap();
    }
    stand.storage.delete(&format!("{ROOT}/_spark_metadata/1")).unwrap();
    assert_eq!(stand.start(2, 3, false).err().unwrap().fact("entry"), Some("1"));
    stand.storage.delete(&format!("{ROOT}/_spark_metadata/2")).unwrap();
    let error = run(&sink, 3, &batch_rows(3, 1), 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data, "{error}");
}
