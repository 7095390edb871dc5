//! A table of rows for a terminal, character for character as Spark's `show` prints it.
//! The text of a value is `cell`'s.

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;

use super::cell::{BinaryText, write_cell};
use crate::error::Result;

/// Spark's `numRows`.
pub const TABLE_ROWS: usize = 20;
/// Spark's `truncate` when it is `true`.
pub const CELL_WIDTH: usize = 20;
/// No column is narrower.
const COLUMN_WIDTH_MIN: usize = 3;

/// What of the rows a table shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableStyle {
    /// Rows beyond this many are not shown.
    pub rows_max: usize,
    /// Cells longer than this many UTF-16 units are cut, and all stand at the right; nothing: whole cells,
    /// at the left.
    pub cell_max: Option<usize>,
}

impl Default for TableStyle {
    fn default() -> TableStyle {
        TableStyle { rows_max: TABLE_ROWS, cell_max: Some(CELL_WIDTH) }
    }
}

/// The table of the first rows of `batches`, ending in a line feed. If rows are left out the last line says so,
/// otherwise an empty line follows.
pub fn table(schema: &Schema, batches: &[RecordBatch], style: TableStyle) -> Result<String> {
    let mut lines = vec![schema.fields().iter().map(|field| escaped(field.name())).collect::<Vec<_>>()];
    for batch in batches {
        for row in 0..batch.num_rows().min(style.rows_max + 1 - lines.len()) {
            lines.push(cells(batch, row, style.cell_max)?);
        }
    }
    let rows_all: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let mut out = layout(&lines, style.cell_max.is_some());
    if rows_all > style.rows_max {
        let rows = if style.rows_max == 1 { "row" } else { "rows" };
        out.push_str(&format!("only showing top {} {rows}", style.rows_max));
    }
    out.push('\n');
    Ok(out)
}

fn cells(batch: &RecordBatch, row: usize, cell_max: Option<usize>) -> Result<Vec<String>> {
    let mut cells = Vec::with_capacity(batch.num_columns());
    for column in batch.columns() {
        let mut text = String::new();
        write_cell(column, row, BinaryText::Hex, &mut text)?;
        let text = escaped(&text);
        cells.push(cell_max.map_or(text.clone(), |max| truncated(&text, max)));
    }
    Ok(cells)
}

/// Control characters as Spark spells them, so that a cell stays on its line.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{c}' => out.push_str("\\f"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{7}' => out.push_str("\\a"),
            other => out.push(other),
        }
    }
    out
}

/// The first units of a long text, the last three of them dots if there is room for dots.
fn truncated(text: &str, max: usize) -> String {
    if utf16_length(text) <= max {
        return text.to_string();
    }
    let (kept, dots) = if max < 4 { (max, "") } else { (max - 3, "...") };
    let mut out = String::new();
    let mut units = 0;
    for c in text.chars() {
        if units + c.len_utf16() > kept {
            // Spark cuts between the halves of a pair, and the printed half is a question mark.
            out.push_str(if units < kept { "?" } else { "" });
            break;
        }
        units += c.len_utf16();
        out.push(c);
    }
    out + dots
}

fn utf16_length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Columns that a terminal needs, by Spark's rule.
fn width(text: &str) -> usize {
    text.chars().map(|c| c.len_utf16() + usize::from(is_full_width(c))).sum()
}

fn is_full_width(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{115F}' | '\u{2E80}'..='\u{A4CF}' | '\u{AC00}'..='\u{D7A3}' | '\u{F900}'..='\u{FAFF}'
        | '\u{FE30}'..='\u{FE6F}' | '\u{FF00}'..='\u{FF60}' | '\u{FFE0}'..='\u{FFE6}')
}

fn layout(lines: &[Vec<String>], right_aligned: bool) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let column_width = |column: usize| lines.iter().map(|cells| width(&cells[column])).max().unwrap_or(0);
    let widths: Vec<_> = (0..columns).map(|column| column_width(column).max(COLUMN_WIDTH_MIN)).collect();
    let dashes: Vec<_> = widths.iter().map(|width| "-".repeat(*width)).collect();
    let rule = format!("+{}+\n", dashes.join("+"));
    let mut out = rule.clone();
    for (index, cells) in lines.iter().enumerate() {
        let padded = cells.iter().zip(&widths).map(|(cell, column_width)| {
            let padding = " ".repeat(column_width - width(cell));
            if right_aligned { padding + cell } else { cell.clone() + &padding }
        });
        out.push_str(&format!("|{}|\n", padded.collect::<Vec<_>>().join("|")));
        if index == 0 {
            out.push_str(&rule);
        }
    }
    out + &rule
}

#[cfg(test)]
mod tests;
