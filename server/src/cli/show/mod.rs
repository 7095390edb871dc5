//! `wasmill show`: reads back files as a batch and prints their schema, first rows and count. Knows no query.

mod files;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};

use self::files::DataFiles;
use self::rows::Reading;
use crate::error::{Error, Result};
use crate::format::table::{CELL_WIDTH, TableStyle, table};
use crate::format::{Format, row_json};
use crate::record::{Options, parse_ddl, type_name};
use crate::storage::Location;

#[derive(clap::Args, Clone, Debug)]
pub struct ShowArgs {
    /// A file, a directory or a pattern: local, or hdfs://host:port/path
    pub path: String,
    /// parquet, json, csv or text [default: what the names of the files say]
    #[arg(long, value_name = "NAME")]
    pub format: Option<String>,
    /// Rows to print
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// How to print
    #[arg(long, value_enum, default_value_t = ShowOutput::Table)]
    pub output: ShowOutput,
    /// The columns, such as "id INT, ts TIMESTAMP" [default: inferred from the files]
    #[arg(long, value_name = "DDL")]
    pub schema: Option<String>,
    /// An option of the format, such as header=true; may be given several times
    #[arg(long = "option", value_name = "KEY=VALUE")]
    pub options: Vec<String>,
    /// Characters of a cell of the table, 0 for all
    #[arg(long, value_name = "N", default_value_t = CELL_WIDTH)]
    pub truncate: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ShowOutput {
    /// Spark's table
    Table,
    /// One JSON document: format, files, schema, rows, count
    Json,
}

pub fn show(args: ShowArgs, out: &mut dyn Write) -> Result<()> {
    let location = Location::parse(&args.path, Path::new("."))?;
    let options = read_options(&args.options)?;
    let given = args.schema.as_deref().map(parse_ddl).transpose()?;
    let found = DataFiles::find(&location)?;
    let format = match &args.format {
        Some(name) => Some(Format::of(name)?),
        None => found.detect_format()?,
    };
    if let Some(format) = format {
        let known: Vec<_> = format.read_options().iter().chain(&["inferSchema"]).copied().collect();
        options.refuse_unknown(&known)?;
    }
    let about = About { format, through_log: found.through_log, files: found.files.len() };
    let reading = match format {
        Some(format) => Reading::prepare(found, format, given, options)?,
        None => None,
    };
    match args.output {
        ShowOutput::Table => print_table(&args, &about, reading, out),
        ShowOutput::Json => print_json(&args, &about, reading, out),
    }
}

/// What is said about the files, apart from their rows.
struct About {
    /// Nothing if there are no files.
    format: Option<Format>,
    through_log: bool,
    files: usize,
}

impl About {
    fn format_name(&self) -> Option<String> {
        self.format.map(|format| format!("{format:?}").to_lowercase())
    }
}

fn read_options(pairs: &[String]) -> Result<Options> {
    let mut values = BTreeMap::new();
    for pair in pairs {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(Error::user("an option has no value").with("option", pair).hint("write KEY=VALUE"));
        };
        values.insert(key.to_string(), value.to_string());
    }
    Options::new(values)
}

fn print_table(args: &ShowArgs, about: &About, reading: Option<Reading>, out: &mut dyn Write) -> Result<()> {
    let by = if about.through_log { ", those that _spark_metadata lists" } else { "" };
    let plural = if about.files == 1 { "file" } else { "files" };
    let format = about.format_name().unwrap_or_default();
    print(out, format!("{} {format} {plural}{by}\n", about.files).replace("  ", " ").as_bytes())?;
    let mut count = 0;
    if let Some(reading) = reading {
        let schema = reading.schema.clone();
        print(out, format!("schema: {}\n", ddl(&schema)).as_bytes())?;
        let mut first: Vec<RecordBatch> = Vec::new();
        count = reading.each(args.limit, |rows| {
            first.push(rows.clone());
            Ok(())
        })?;
        let cell_max = Some(args.truncate).filter(|width| *width > 0);
        let text = table(&schema, &first, TableStyle { rows_max: args.limit, cell_max })?;
        print(out, text.trim_end_matches('\n').as_bytes())?;
        print(out, b"\n")?;
        if count > args.limit as u64 {
            let rows = if args.limit == 1 { "row" } else { "rows" };
            print(out, format!("only showing top {} {rows}\n", args.limit).as_bytes())?;
        }
    }
    print(out, format!("count: {count}\n").as_bytes())
}

fn print_json(args: &ShowArgs, about: &About, reading: Option<Reading>, out: &mut dyn Write) -> Result<()> {
    let schema = reading.as_ref().map(|reading| ddl(&reading.schema));
    let text = |value: &Option<String>| serde_json::Value::from(value.as_deref());
    let head = format!(
        "{{\"format\":{},\"files\":{},\"sinkLog\":{},\"schema\":{},\"rows\":[",
        text(&about.format_name()),
        about.files,
        about.through_log,
        text(&schema)
    );
    print(out, head.as_bytes())?;
    let mut count = 0;
    if let Some(reading) = reading {
        let mut separator: &[u8] = b"\n";
        count = reading.each(args.limit, |rows| {
            let mut text = Vec::new();
            for row in 0..rows.num_rows() {
                text.extend_from_slice(std::mem::replace(&mut separator, b",\n"));
                row_json::write_row(rows, row, &mut text)?;
            }
            print(out, &text)
        })?;
    }
    print(out, format!("\n],\"count\":{count}}}\n").as_bytes())
}

/// The columns as `--schema` takes them.
fn ddl(schema: &SchemaRef) -> String {
    let name = |name: &str| {
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if plain { name.to_string() } else { format!("`{}`", name.replace('`', "``")) }
    };
    let column = |field: &arrow::datatypes::FieldRef| {
        format!("{} {}", name(field.name()), type_name(field.data_type()))
    };
    let schema: &Schema = schema;
    schema.fields().iter().map(column).collect::<Vec<_>>().join(", ")
}

fn print(out: &mut dyn Write, text: &[u8]) -> Result<()> {
    out.write_all(text).map_err(|cause| Error::external("print the rows").because(cause))
}
