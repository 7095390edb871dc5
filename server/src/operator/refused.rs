//! Rows that a guest refuses: what becomes of them, how they are counted, and what is kept of them until it is
//! written somewhere. Writes nothing itself.

use arrow::array::{RecordBatch, StringArray, UInt32Array};
use arrow::compute::{take, take_record_batch};

use super::TaskReport;
use crate::error::{Error, Result};
use crate::format::row_json::write_row;
use crate::udf::RowError;

/// What is kept of a refused row as text; longer ones lose their end, so that every output can take them.
pub const ROW_TEXT_BYTES_MAX: usize = 256 << 10;

/// What a stage does with rows that its guest refuses. Stages that do not fail have numbers of their own, counted
/// over the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    Fail,
    /// The row is dropped and counted.
    Skip(usize),
    /// The row is counted and kept for somebody to look at.
    SetAside(usize),
}

/// Rows on their way through a chain.
#[derive(Clone)]
pub struct Rows {
    pub batch: RecordBatch,
    /// For each row the row of the source's batch that it came from; nothing where nobody wants to know.
    pub origin: Option<UInt32Array>,
}

impl Rows {
    /// The same rows with other columns.
    pub fn replaced_by(&self, batch: RecordBatch) -> Rows {
        Rows { batch, origin: self.origin.clone() }
    }
}

/// Refused rows of one stage, in order.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Its number among the stages that do not fail.
    pub stage: usize,
    /// The guest's words, a row each.
    pub messages: StringArray,
    /// What came into the stage, as JSON.
    pub rows: StringArray,
    /// As in [`Rows`].
    pub origin: Option<UInt32Array>,
    /// Where in the source each row is; nothing if the source or a stage in between does not tell.
    pub places: Option<RecordBatch>,
}

/// How many rows a stage refused.
#[derive(Clone, Debug, Default)]
pub struct RefusedCount {
    pub rows: u64,
    /// The guest's words about the first.
    pub first: Option<String>,
}

impl RefusedCount {
    pub fn merge(&mut self, other: &RefusedCount) {
        self.rows += other.rows;
        if self.first.is_none() {
            self.first.clone_from(&other.first);
        }
    }
}

/// Which columns of a source's batch its stages read, and which say where a row is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceColumns {
    pub stages: Vec<usize>,
    pub places: Vec<usize>,
    /// The source is asked for the path of a row's file, which then is its last column.
    pub of_path: bool,
}

impl PlaceColumns {
    /// What the stages read, and where each row is.
    pub fn divide(&self, rows: &RecordBatch) -> Result<(RecordBatch, RecordBatch)> {
        let part = |columns: &[usize]| {
            rows.project(columns).map_err(|e| Error::internal("divide a source's columns").because(e))
        };
        Ok((part(&self.stages)?, part(&self.places)?))
    }
}

/// Counts the rows that stage `on_error` refused, and keeps them if it wants that. `errors` is not empty.
pub fn note(on_error: OnError, rows: &Rows, errors: &[RowError], report: &mut TaskReport) -> Result<()> {
    let (OnError::Skip(stage) | OnError::SetAside(stage)) = on_error else { return Ok(()) };
    if report.refused_rows.len() <= stage {
        report.refused_rows.resize(stage + 1, RefusedCount::default());
    }
    let first = errors.first().map(|error| error.message.clone());
    report.refused_rows[stage].merge(&RefusedCount { rows: errors.len() as u64, first });
    if on_error == OnError::SetAside(stage) {
        let text = |error: &RowError| row_text(&rows.batch, error.row);
        let origin = rows
            .origin
            .as_ref()
            .map(|origin| errors.iter().map(|error| origin.value(error.row)).collect::<Vec<u32>>().into());
        report.refused.push(Refused {
            stage,
            messages: StringArray::from_iter_values(errors.iter().map(|error| &error.message)),
            rows: StringArray::from_iter_values(errors.iter().map(text).collect::<Result<Vec<_>>>()?),
            origin,
            places: None,
        });
    }
    Ok(())
}

/// The row as JSON; only its beginning if it is too long.
fn row_text(rows: &RecordBatch, row: usize) -> Result<String> {
    let mut text = Vec::new();
    write_row(rows, row, &mut text)?;
    let text = String::from_utf8(text).map_err(|e| Error::internal("JSON is no text").because(e))?;
    Ok(match text.len() > ROW_TEXT_BYTES_MAX {
        true => text[..text.floor_char_boundary(ROW_TEXT_BYTES_MAX)].to_string(),
        false => text,
    })
}

/// Says of the refused rows that have none yet where in the source they are.
pub fn place(refused: &mut [Refused], places: &RecordBatch) -> Result<()> {
    for refused in refused.iter_mut().filter(|refused| refused.places.is_none()) {
        if let Some(origin) = &refused.origin {
            let found = take_record_batch(places, origin);
            refused.places = Some(found.map_err(|e| Error::internal("take places of rows").because(e))?);
        }
    }
    Ok(())
}

/// The origin of rows that were taken from other rows.
pub fn taken(origin: Option<&UInt32Array>, rows: &UInt32Array) -> Result<Option<UInt32Array>> {
    let Some(origin) = origin else { return Ok(None) };
    let taken =
        take(origin, rows, None).map_err(|e| Error::internal("follow rows to their origin").because(e))?;
    Ok(taken.as_any().downcast_ref::<UInt32Array>().cloned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Array, Int64Array};

    use super::*;

    fn rows(values: Vec<&str>, origin: Option<Vec<u32>>) -> Rows {
        let batch = RecordBatch::try_from_iter([("v", Arc::new(StringArray::from(values)) as _)]).unwrap();
        Rows { batch, origin: origin.map(UInt32Array::from) }
    }

    fn errors(of: &[usize]) -> Vec<RowError> {
        of.iter().map(|row| RowError { row: *row, message: format!("no {row}") }).collect()
    }

    #[test]
    fn refused_rows_are_counted_and_kept_with_their_places() {
        let mut report = TaskReport::default();
        let rows = rows(vec!["a", "b", "c"], Some(vec![4, 4, 9]));
        note(OnError::Skip(2), &rows, &errors(&[1]), &mut report).unwrap();
        note(OnError::SetAside(0), &rows, &errors(&[0, 2]), &mut report).unwrap();
        let counts: Vec<_> =
            report.refused_rows.iter().map(|count| (count.rows, count.first.as_deref())).collect();
        assert_eq!(counts, [(2, Some("no 0")), (0, None), (1, Some("no 1"))]);
        let offsets = Int64Array::from_iter_values(100..110);
        let places = RecordBatch::try_from_iter([("offset", Arc::new(offsets) as _)]).unwrap();
        place(&mut report.refused, &places).unwrap();
        let kept = &report.refused[0];
        assert_eq!(kept.rows.iter().flatten().collect::<Vec<_>>(), [r#"{"v":"a"}"#, r#"{"v":"c"}"#]);
        let found = kept.places.as_ref().unwrap().column(0);
        assert_eq!(found.as_ref(), &Int64Array::from(vec![104, 109]) as &dyn Array);
        let mut sum = TaskReport::default();
        sum.merge(&report);
        sum.merge(&report);
        assert_eq!((sum.refused_rows[0].rows, sum.refused.len()), (4, 0));
    }

    #[test]
    fn a_long_row_loses_its_end_between_two_letters() {
        let long = "é".repeat(ROW_TEXT_BYTES_MAX);
        let text = row_text(&rows(vec![&long], None).batch, 0).unwrap();
        assert_eq!(text.len(), ROW_TEXT_BYTES_MAX);
        assert!(text.starts_with(r#"{"v":"é"#) && text.ends_with('é'), "{}", &text[..20]);
    }
}
