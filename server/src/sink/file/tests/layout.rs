//! Names, directories, sizes and the limits on files.

use super::stand::*;
use crate::sink::Sink;
use crate::sink::file::OPEN_FILES_MAX;

#[test]
fn files_appear_with_their_entry_and_nothing_else_stays() {
    let stand = Stand::default();
    let sink = stand.start(1, 0, false).unwrap();
    assert_eq!(sink.description(), "FileSink[memory:///data/out%20dir]");
    let staged = stage(&sink, 0, &batch_rows(0, 5), 3).unwrap();
    assert!(stand.files().is_empty() && stand.visible().is_empty());
    sink.publish(0, staged).unwrap();
    assert_eq!(stand.entries(), ["0"]);
    assert_eq!(stand.listed().len(), 3);
    assert_eq!(stand.listed(), stand.files());
    for (number, name) in stand.files().iter().enumerate() {
        assert!(name.starts_with(&format!("part-{number:05}-")) && name.ends_with("-c000.json"), "{name}");
    }
    assert_eq!(stand.visible().len(), 5);
    assert!(stand.staged().is_empty());
    // No rows: no file, but an entry.
    run(&sink, 1, &[rows(&[], &[])], 2).unwrap();
    assert_eq!(stand.entries(), ["0", "1"]);
    assert_eq!(stand.files().len(), 3);
}

#[test]
fn two_runs_give_the_same_names_and_bytes() {
    let twins: Vec<_> = [1, 2]
        .iter()
        .map(|run_id| {
            let stand = Stand::default().partitioned("word");
            run(&stand.start(*run_id, 0, false).unwrap(), 0, &batch_rows(0, 9), 2).unwrap();
            (stand.listed(), stand.visible())
        })
        .collect();
    assert_eq!(twins[0], twins[1]);
}

#[test]
fn partition_values_are_directories_and_not_in_the_files() {
    let stand = Stand::default().partitioned("WORD");
    let sink = stand.start(1, 0, false).unwrap();
    run(&sink, 0, &[rows(&[1, 2, 3], &["a/b", "", "a/b"])], 1).unwrap();
    let expected =
        ["word=__HIVE_DEFAULT_PARTITION__{\"id\":2}", "word=a%2Fb{\"id\":1}", "word=a%2Fb{\"id\":3}"];
    assert_eq!(stand.visible(), expected);
    assert!(stand.files().iter().all(|name| name.ends_with(".c000.json")), "{:?}", stand.files());
}

#[test]
fn files_hold_at_most_max_records() {
    for (partition_by, files, last) in [(None, 3, "-c002.json"), (Some("word"), 4, ".c001.json")] {
        let mut stand = Stand::default().with("maxRecordsPerFile", "2");
        stand.partition_by.extend(partition_by.map(str::to_string));
        run(&stand.start(1, 0, false).unwrap(), 0, &[rows(&[1, 2, 3, 4, 5], &["a", "a", "b", "b", "b"])], 1)
            .unwrap();
        assert_eq!(stand.visible().len(), 5);
        let names = stand.files();
        // Two rows in each file, the third of `b` in a second one.
        assert_eq!(names.len(), if partition_by.is_some() { 3 } else { files }, "{names:?}");
        assert!(names.iter().any(|name| name.ends_with(last)), "{names:?}");
    }
}

#[test]
fn more_directories_than_open_files() {
    let stand = Stand::default().partitioned("word");
    let sink = stand.start(1, 0, false).unwrap();
    let words: Vec<String> = (0..OPEN_FILES_MAX + 10).map(|number| format!("{number:03}")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ids: Vec<i64> = (0..words.len() as i64).collect();
    // The second time round, the first directories are closed already.
    run(&sink, 0, &[rows(&ids, &words), rows(&ids, &words)], 1).unwrap();
    assert_eq!(stand.visible().len(), 2 * words.len());
    assert!(stand.files().len() > words.len());
    assert!(stand.files().iter().any(|name| name.starts_with("word=000/") && name.ends_with(".c001.json")));
}
