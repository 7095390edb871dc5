//! `wasmill udf test`: the cases of a module's folder. A case is `cases/FUNCTION/NAME/input.jsonl` with rows of the
//! function's inputs, and `expected.jsonl` beside it: a line for each row that comes back, `$row` being the input row
//! it came from, then a line with `$row` and `$error` for each row that was refused.

use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, thread};

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde_json::{Value, json};

use super::inspect::load;
use super::module_folder;
use crate::cli::print;
use crate::error::{Error, ErrorKind, Result};
use crate::format::{FilePart, Format, decoder, row_json};
use crate::record::Options;
use crate::storage::{MemoryStorage, Storage};
use crate::udf::{GUEST_THREAD_STACK_BYTES, Moment, Transform, TransformInstance};

/// Rows of a case that are decoded at once.
const ROWS_MAX: usize = 100_000;

/// Every case runs at the same moment, so that a module that asks for time or chance gets the same each time.
const MOMENT: Moment = Moment { time_us: 1_767_225_600_000_000, seed: 1 };

#[derive(clap::Args)]
pub struct TestArgs {
    /// The module's folder, built before
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Write what comes back into each expected.jsonl; read it before you believe it
    #[arg(long)]
    write: bool,
}

struct Case {
    /// As shown: `split_words/spaces`.
    name: String,
    function: String,
    folder: PathBuf,
}

pub fn test(args: &TestArgs, out: &mut dyn Write) -> Result<()> {
    let (folder, name) = module_folder(&args.folder)?;
    let module = folder.join(format!("{name}.wasm"));
    if !module.exists() {
        return Err(Error::user("the module is not built")
            .with("module", module.display())
            .hint("`wasmill udf build`"));
    }
    let (module, _) = load(&module)?;
    let cases = find_cases(&folder.join("cases"))?;
    let mut failed = 0;
    for case in &cases {
        let outcome = module.transform(&case.function).and_then(|function| run_on_thread(&function, case));
        let problem = match outcome {
            Ok(lines) if args.write => write_expected(case, &lines).map(|()| None)?,
            Ok(lines) => difference(&read(&case.folder.join("expected.jsonl"))?, &lines),
            Err(error) => Some(error.report()),
        };
        failed += usize::from(problem.is_some());
        let word = if problem.is_some() { "FAILED" } else { "ok" };
        print(out, &format!("{word:6} {}\n", case.name))?;
        for line in problem.iter().flat_map(|problem| problem.lines()) {
            print(out, &format!("       {line}\n"))?;
        }
    }
    print(out, &format!("{} passed, {failed} failed\n", cases.len() - failed))?;
    if failed > 0 {
        return Err(Error::user("cases failed").with("failed", failed).with("cases", cases.len()));
    }
    Ok(())
}

fn find_cases(folder: &Path) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for function in folders_of(folder)? {
        for case in folders_of(&folder.join(&function))? {
            let name = format!("{function}/{case}");
            cases.push(Case { folder: folder.join(&name), name, function: function.clone() });
        }
    }
    match cases.is_empty() {
        true => Err(Error::user("there are no cases")
            .with("folder", folder.display())
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

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path)
        .map_err(|e| Error::user("cannot read a file of the case").with("file", path.display()).because(e))
}

fn write_expected(case: &Case, lines: &[String]) -> Result<()> {
    let path = case.folder.join("expected.jsonl");
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(&path, text)
        .map_err(|e| Error::user("cannot write what came back").with("file", path.display()).because(e))
}

/// Guests need a larger stack than the program's first thread may have.
fn run_on_thread(function: &Arc<Transform>, case: &Case) -> Result<Vec<String>> {
    let failed = |e| Error::new(ErrorKind::External, "start a thread for a guest").because(e);
    let builder = thread::Builder::new().name("guest".into()).stack_size(GUEST_THREAD_STACK_BYTES);
    thread::scope(|scope| {
        let running = builder.spawn_scoped(scope, || run(function, case)).map_err(failed)?;
        running.join().unwrap_or_else(|_| Err(Error::internal("the thread of a guest panicked")))
    })
}

/// The lines that a case gives: all its rows in one call, and the same row by row, since batches are cut anywhere.
fn run(function: &Arc<Transform>, case: &Case) -> Result<Vec<String>> {
    let rows = decode(&case.folder.join("input.jsonl"), Arc::new(Schema::new(function.inputs().clone())))?;
    let count = rows.num_rows();
    let whole = call(&mut function.open(MOMENT)?, function, &rows, 0..count)?;
    let mut guest = function.open(MOMENT)?;
    let (mut single, mut errors) = (Vec::new(), Vec::new());
    for row in 0..count {
        let (lines, refused) = call(&mut guest, function, &rows, row..row + 1)?;
        single.extend(lines);
        errors.extend(refused);
    }
    single.extend(errors);
    let whole = [whole.0, whole.1].concat();
    match difference(&whole.join("\n"), &single) {
        None => Ok(whole),
        Some(problem) => Err(Error::user("the result depends on where a batch is cut")
            .detail(format!("rows in one call are expected, rows one by one are found\n{problem}"))
            .hint("keep nothing from row to row or from call to call")),
    }
}

fn decode(path: &Path, schema: SchemaRef) -> Result<RecordBatch> {
    // Reading needs a store; what is wrong with a line should name the case's own file.
    let storage = MemoryStorage::new();
    storage.replace("/input.jsonl", read(path)?.as_bytes())?;
    let options = Options::new([("mode".to_string(), "FAILFAST".to_string())].into())?;
    let part =
        FilePart { file: storage.open("/input.jsonl")?, path: path.display().to_string(), range: None };
    let columns: Vec<usize> = (0..schema.fields().len()).collect();
    let batches = decoder(Format::Json, &schema, &options)?.read(part, &columns, ROWS_MAX)?;
    let batches = batches.collect::<Result<Vec<_>>>()?;
    match batches.first() {
        Some(first) => concat_batches(&first.schema(), &batches)
            .map_err(|e| Error::internal("join the rows of a case").because(e)),
        None => Err(Error::user("a case has no rows").with("file", path.display())),
    }
}

/// What some rows become, as lines: those of rows that came back, and those of rows that were refused.
fn call(
    guest: &mut TransformInstance,
    function: &Transform,
    rows: &RecordBatch,
    range: Range<usize>,
) -> Result<(Vec<String>, Vec<String>)> {
    let columns: Vec<ArrayRef> = rows.columns().iter().map(|c| c.slice(range.start, range.len())).collect();
    let (mut lines, mut errors) = (Vec::new(), Vec::new());
    let mut fields = vec![Arc::new(Field::new("$row", DataType::Int64, false))];
    fields.extend(function.outputs().iter().cloned());
    let schema = Arc::new(Schema::new(fields));
    for result in guest.process(&columns, range.len())? {
        // Rows are counted in the case, not in the call.
        let row_of = |row: usize| (range.start + row) as i64;
        let origin: Int64Array = match &result.origin {
            Some(origin) => origin.values().iter().map(|row| row_of(*row as usize)).collect(),
            None => result.rows.clone().map(row_of).collect(),
        };
        let mut columns: Vec<ArrayRef> = vec![Arc::new(origin)];
        columns.extend(result.columns);
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns)
            .map_err(|e| Error::internal("put rows beside where they came from").because(e))?;
        for row in 0..batch.num_rows() {
            let mut line = Vec::new();
            row_json::write_row(&batch, row, &mut line)?;
            lines.push(String::from_utf8_lossy(&line).into_owned());
        }
        let refused =
            |e: crate::udf::RowError| json!({"$row": e.row + range.start, "$error": e.message}).to_string();
        errors.extend(result.errors.into_iter().map(refused));
    }
    Ok((lines, errors))
}

/// The first line that differs, if one does. Lines are compared as JSON, so that spaces and order do not count.
fn difference(expected: &str, found: &[String]) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_compared_as_json() {
        let found = [r#"{"$row":0,"word":"a"}"#.to_string(), r#"{"$row":1,"word":null}"#.to_string()];
        for (expected, same) in [
            ("{\"word\": \"a\", \"$row\": 0}\n\n{\"$row\":1,\"word\":null}\n", true),
            ("{\"$row\":0,\"word\":\"a\"}\n", false),
            ("{\"$row\":0,\"word\":\"b\"}\n{\"$row\":1,\"word\":null}\n", false),
            ("nonsense\n{\"$row\":1,\"word\":null}\n", false),
            ("", false),
        ] {
            assert_eq!(difference(expected, &found).is_none(), same, "{expected}");
        }
    }
}
