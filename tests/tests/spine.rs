//! The main job without faults, and every reader of what it wrote: ours, Spark's, and one that knows the log alone.

use std::path::Path;
use std::process::Command;

use harness::lines::WindowCounts;
use harness::program::command;
use harness::services::{Files, hdfs};
use harness::spine::{LINES_A_SECOND, Spine};

/// `WASMILL_LINES` asks for more; a build without optimisation is slow.
const LINES: u64 = 20_000;
const BATCHES: u64 = 8;
/// Of event time, however many lines there are: the number of results stays.
const SECONDS: u64 = 200;

#[test]
fn the_main_job_gives_the_right_counts_to_every_reader() {
    let lines = std::env::var("WASMILL_LINES").map_or(LINES, |text| text.parse().unwrap());
    let mut spine = Spine::new("main-job", 1, LINES_A_SECOND.max(lines / SECONDS));
    spine.produce(lines);
    let truth = spine.truth();
    let query = spine.query("main-job", lines / BATCHES);
    let ended = query.start(None).ended();
    assert!(ended.status.success(), "{}", ended.says());
    query.expect_all(&Files::of(hdfs()), &truth);

    let uri = format!("{}{}/counts", hdfs().uri, query.folder);
    let shown = command(&["show", &uri]);
    let rows = format!("count: {}\n", truth.len());
    assert!(
        shown.status.success() && shown.out.contains(&rows),
        "no `{rows}` in:\n{}{}",
        shown.out,
        shown.log
    );
    assert_eq!(read_by_spark(&uri), truth);
}

fn read_by_spark(uri: &str) -> WindowCounts {
    let oracle = Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle");
    let python = run(&mut Command::new(oracle.join("setup")));
    let text = run(Command::new(python.trim()).arg(oracle.join("read_counts.py")).arg(uri));
    let row = |line: &str| {
        let mut parts = line.split(' ');
        let mut part = || parts.next().unwrap();
        ((part().parse().unwrap(), part().to_string()), part().parse().unwrap())
    };
    let rows: Vec<_> = text.lines().map(row).collect();
    let (read, counts) = (rows.len(), rows.into_iter().collect::<WindowCounts>());
    assert_eq!(counts.len(), read, "Spark read some rows twice");
    counts
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
