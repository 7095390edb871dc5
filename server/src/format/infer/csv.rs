//! Columns of csv: from the first line, and with `inferSchema` from the values of all lines.

use arrow::datatypes::{DataType, Field};

use super::{Parts, utf8};
use crate::error::Result;
use crate::format::csv::split::{Field as Text, Marks, Splitter};
use crate::format::lines::{Lines, Separator};
use crate::format::partition_dir::Inferred;
use crate::record::Options;

pub fn infer(options: &Options, parts: Parts<'_>) -> Result<Vec<Field>> {
    let has_header = options.boolean("header")?.unwrap_or(false);
    let infers = options.boolean("inferSchema")?.unwrap_or(false);
    let null_text = options.get("nullValue").unwrap_or_default().to_string();
    let mut names: Vec<String> = Vec::new();
    let mut types: Vec<Inferred> = Vec::new();
    for part in parts {
        let part = part?;
        let mut lines = Lines::open(&part, Separator::of(options)?)?;
        let mut splitter = Splitter::new(Marks::of(options, false)?);
        let mut is_header = has_header;
        while let Some(line) = lines.next()? {
            let line = utf8(line, &part.path)?;
            if line.trim().is_empty() && !splitter.is_open() || !splitter.split(line) {
                continue;
            }
            let fields = (0..splitter.len()).map(|index| match splitter.get(index) {
                Some(Text::Text(text)) => text,
                _ => "",
            });
            if names.is_empty() {
                names = named(fields.clone(), has_header);
                types = names.iter().map(|_| Inferred::default()).collect();
            }
            if !std::mem::take(&mut is_header) {
                let present = types.iter_mut().zip(fields).filter(|(_, text)| *text != null_text);
                present.for_each(|(inferred, text)| inferred.add(text));
            }
            if !infers {
                break;
            }
        }
        if !infers && !names.is_empty() {
            break;
        }
    }
    let typed = names.iter().zip(types).map(|(name, inferred)| {
        Field::new(name, if infers { inferred.data_type() } else { DataType::Utf8 }, true)
    });
    Ok(typed.collect())
}

/// Names of the header; a name that is missing, or all without a header, are `_c0`, `_c1` and so on.
fn named<'t>(fields: impl Iterator<Item = &'t str>, has_header: bool) -> Vec<String> {
    let name = |(index, text): (usize, &str)| match text {
        text if has_header && !text.is_empty() => text.to_string(),
        _ => format!("_c{index}"),
    };
    fields.enumerate().map(name).collect()
}
