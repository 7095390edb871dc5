//! The dead letters of a case: those that its query wrote below `$OUTPUT/letters`, as a reader of `_spark_metadata`
//! finds them, and those that it has to write. Shares no code with what is tested.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// What differs from run to run; it has to be there.
const VOLATILE: [&str; 3] = ["time", "query_id", "module_digest"];

/// The differences between the letters below `output` and the wanted ones, a JSON object a line. In texts, `$WORK`
/// stands for the folder of the run.
pub fn differences(output: &Path, work: &Path, wanted: &str) -> Vec<String> {
    let mut wanted: Vec<Value> = wanted
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect();
    let mut differences = Vec::new();
    for line in visible_lines(&output.join("letters")) {
        let line = line.replace(&*work.to_string_lossy(), "$WORK");
        let mut letter: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let fields = letter.as_object_mut().unwrap_or_else(|| panic!("no object: {line}"));
        differences.extend(
            VOLATILE
                .iter()
                .filter(|name| fields.remove(**name).is_none())
                .map(|name| format!("no {name}: {line}")),
        );
        match wanted.iter().position(|wanted| *wanted == letter) {
            Some(at) => drop(wanted.remove(at)),
            None => differences.push(format!("a letter too many: {letter}")),
        }
    }
    differences.extend(wanted.iter().map(|letter| format!("a letter is missing: {letter}")));
    differences
}

/// The lines of the text files that the log of a folder names.
pub fn visible_lines(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("_spark_metadata")).into_iter().flatten().flatten();
    let mut files = BTreeSet::new();
    for entry in entries.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.')) {
        let text =
            fs::read_to_string(entry.path()).unwrap_or_else(|e| panic!("{}: {e}", entry.path().display()));
        for line in text.lines().skip(1) {
            let added: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
            let name = added["path"].as_str().and_then(|path| path.rsplit('/').next().map(str::to_string));
            files.insert(name.unwrap_or_else(|| panic!("no path: {line}")));
        }
    }
    let lines = |name: &String| {
        let text =
            fs::read_to_string(folder.join(name)).unwrap_or_else(|e| panic!("the log names {name}: {e}"));
        text.lines().map(str::to_string).collect::<Vec<_>>()
    };
    files.iter().flat_map(lines).collect()
}
