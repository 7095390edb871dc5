//! A case of `wasmill udf test`: where its files are, their lines, rows decoded from them, and how what came back is
//! compared. Runs nothing.

use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::Fields;
use serde_json::{Map, Value};

use crate::cli::udf::json_rows;
use crate::error::{Error, Result};
use crate::format::row_json;
use crate::record::nearest;

pub struct Case {
    /// As shown: `split_words/spaces`.
    pub name: String,
    pub function: String,
    folder: PathBuf,
}

/// What a case gave, as lines of JSON.
pub struct Found {
    /// For `expected.jsonl`.
    pub rows: Vec<String>,
    /// For `state.jsonl`: only group functions have some.
    pub states: Vec<String>,
}

/// A line of `input.jsonl`.
pub struct Line {
    pub text: String,
    pub members: Map<String, Value>,
}

/// The cases below a folder whose names start with `start`, sorted.
pub fn find_cases(folder: &Path, start: &str) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for function in folders_of(folder)? {
        for case in folders_of(&folder.join(&function))? {
            let name = format!("{function}/{case}");
            if name.starts_with(start) {
                cases.push(Case { folder: folder.join(&name), name, function: function.clone() });
            }
        }
    }
    match cases.is_empty() {
        true => Err(Error::user("there are no cases")
            .with("folder", folder.display())
            .with("start", start)
            .hint("a case is cases/FUNCTION/NAME/input.jsonl and expected.jsonl beside it")),
        false => Ok(cases),
    }
}

/// The names of the folders in a folder, sorted.
fn folders_of(folder: &Path) -> Result<Vec<String>> {
    let failed = |e| Error::user("cannot list the cases").with("folder", folder.display()).because(e);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.path().is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

impl Case {
    fn input(&self) -> PathBuf {
        self.folder.join("input.jsonl")
    }

    fn expected(&self) -> PathBuf {
        self.folder.join("expected.jsonl")
    }

    /// Only cases that look at states have it.
    fn state(&self) -> PathBuf {
        self.folder.join("state.jsonl")
    }

    /// The lines of the input that are not blank.
    pub fn lines(&self) -> Result<Vec<Line>> {
        let path = self.input();
        let mut lines = Vec::new();
        for (index, text) in read(&path)?.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
            let members = serde_json::from_str(text).map_err(|e| {
                let error = Error::user("a line of the case is no JSON object");
                error.with("file", path.display()).with("line", index + 1).because(e)
            })?;
            lines.push(Line { text: text.to_string(), members });
        }
        Ok(lines)
    }

    /// Rows of these columns. A line may have the members `marks` besides.
    pub fn rows(&self, lines: &[&Line], fields: &Fields, marks: &[&str]) -> Result<RecordBatch> {
        let mut known: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
        known.extend(marks);
        for name in lines.iter().flat_map(|line| line.members.keys()) {
            if !known.contains(&name.as_str()) {
                let error = Error::user("a row of the case has a column that the function does not take");
                let error = error.with("file", self.input().display()).with("column", name);
                let hint = nearest(name, known.iter().copied());
                return Err(error.hint(match hint {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("it takes {}", known.join(", ")),
                }));
            }
        }
        let text: String = lines.iter().map(|line| format!("{}\n", line.text)).collect();
        json_rows::read(&text, &self.input(), fields)
    }

    /// What is not as the files say, if something is not.
    pub fn difference(&self, found: &Found) -> Result<Option<String>> {
        let rows = difference(&read(&self.expected())?, &found.rows);
        if rows.is_some() || !self.state().exists() {
            return Ok(rows);
        }
        let states = difference(&read(&self.state())?, &found.states);
        Ok(states.map(|problem| format!("state.jsonl: {problem}")))
    }

    /// Writes what came back into the files that hold it.
    pub fn write(&self, found: &Found) -> Result<()> {
        write(&self.expected(), &found.rows)?;
        if self.state().exists() { write(&self.state(), &found.states) } else { Ok(()) }
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path)
        .map_err(|e| Error::user("cannot read a file of the case").with("file", path.display()).because(e))
}

fn write(path: &Path, lines: &[String]) -> Result<()> {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(path, text)
        .map_err(|e| Error::user("cannot write what came back").with("file", path.display()).because(e))
}

/// A row as a line, with a member in front of its columns.
pub fn line(mark: &str, value: &Value, batch: &RecordBatch, row: usize) -> Result<String> {
    let mut columns = Vec::new();
    row_json::write_row(batch, row, &mut columns)?;
    let columns = String::from_utf8_lossy(&columns[1..]);
    let comma = if columns.starts_with('}') { "" } else { "," };
    Ok(format!("{{\"{mark}\":{value}{comma}{columns}"))
}

/// A function may give up on a batch: its words are then the result.
pub fn gave_up(error: Error) -> Result<String> {
    match error.fact("reason") {
        Some(reason) => Ok(serde_json::json!({ "$error": reason }).to_string()),
        None => Err(error),
    }
}

/// The first line that differs, if one does. Lines are compared as JSON, so that spaces and order do not count.
pub fn difference(expected: &str, found: &[String]) -> Option<String> {
    let expected: Vec<&str> = expected.lines().filter(|line| !line.trim().is_empty()).collect();
    let parse = |line: &str| serde_json::from_str::<Value>(line).ok();
    for index in 0..expected.len().max(found.len()) {
        let (expected, found) = (expected.get(index), found.get(index));
        let same =
            matches!((expected, found), (Some(e), Some(f)) if parse(e).is_some() && parse(e) == parse(f));
        if !same {
            let shown = |line: Option<&str>| line.unwrap_or("nothing").to_string();
            return Some(format!(
                "line {}\nexpected {}\nfound    {}",
                index + 1,
                shown(expected.copied()),
                shown(found.map(String::as_str))
            ));
        }
    }
    None
}
