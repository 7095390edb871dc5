//! `select` with a generator (`explode` and its kin): each input row becomes as many rows as its array or map has
//! entries.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, RecordBatch, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, Schema, SchemaRef};

use super::{Rows, Stage, StageRun, TaskReport, refused};
use crate::error::{Error, Result};
use crate::expression::{Expression, Generator, GeneratorKind, SelectItem};
use crate::udf::Moment;

/// Where an output column comes from.
enum Output {
    /// An expression over the input row, repeated for each of its entries.
    Repeated(Expression),
    /// Column `n` of the generator.
    Generated(usize),
}

/// Shared by all runs: nothing of it changes.
#[derive(Clone)]
pub struct Generate(Arc<Plan>);

struct Plan {
    outputs: Vec<Output>,
    generator: Generator,
    schema: SchemaRef,
}

impl Generate {
    /// `items` holds exactly one generator.
    pub fn new(items: Vec<SelectItem>) -> Result<Generate> {
        let mut outputs = Vec::new();
        let mut fields = Vec::new();
        let mut found = None;
        for item in items {
            match item {
                SelectItem::Expression(expression) => {
                    fields.push(expression.field().clone());
                    outputs.push(Output::Repeated(expression));
                }
                SelectItem::Generator(generator) => {
                    fields.extend(generator.outputs.iter().cloned());
                    outputs.extend((0..generator.outputs.len()).map(Output::Generated));
                    found = Some(generator);
                }
            }
        }
        let generator =
            found.ok_or_else(|| Error::internal("a select without generator was planned as one"))?;
        Ok(Generate(Arc::new(Plan { outputs, generator, schema: Schema::new(fields).into() })))
    }
}

impl Plan {
    fn apply(&self, rows: &Rows) -> Result<Rows> {
        let (rows, origin) = (&rows.batch, rows.origin.as_ref());
        let failed = |e| Error::internal("repeat rows for a generator").because(e);
        let input = self.generator.input.evaluate(rows)?;
        let entries = Entries::of(&input)?;
        let repeats = entries.repeats(self.generator.outer);
        let generated = self.generated(&entries, &repeats).map_err(failed)?;
        let mut columns = Vec::with_capacity(self.outputs.len());
        for output in &self.outputs {
            columns.push(match output {
                Output::Repeated(e) => take(&e.evaluate(rows)?, &repeats.rows, None).map_err(failed)?,
                Output::Generated(index) => generated[*index].clone(),
            });
        }
        let batch = RecordBatch::try_new(self.schema.clone(), columns).map_err(failed)?;
        Ok(Rows { batch, origin: refused::taken(origin, &repeats.rows)? })
    }

    fn generated(&self, entries: &Entries, repeats: &Repeats) -> arrow::error::Result<Vec<ArrayRef>> {
        let mut columns = Vec::new();
        if self.generator.kind == GeneratorKind::PosExplode {
            columns.push(Arc::new(repeats.positions.clone()) as ArrayRef);
        }
        for values in entries.columns(self.generator.kind) {
            columns.push(take(&values, &repeats.entries, None)?);
        }
        Ok(columns)
    }
}

/// The arrays or maps of a batch: entry values, and which of them belong to each row.
struct Entries {
    offsets: OffsetBuffer<i32>,
    nulls: Option<arrow::buffer::NullBuffer>,
    values: ArrayRef,
    is_map: bool,
}

/// For each output row: its input row, its entry (null where `outer` keeps a row without entries), its position.
struct Repeats {
    rows: UInt32Array,
    entries: UInt32Array,
    positions: Int32Array,
}

impl Entries {
    fn of(input: &ArrayRef) -> Result<Entries> {
        let nulls = input.nulls().cloned();
        match input.data_type() {
            DataType::List(_) => {
                let list = input.as_list::<i32>();
                let (offsets, values) = (list.offsets().clone(), list.values().clone());
                Ok(Entries { offsets, nulls, values, is_map: false })
            }
            DataType::Map(_, _) => {
                let map = input.as_map();
                let values = Arc::new(map.entries().clone()) as ArrayRef;
                Ok(Entries { offsets: map.offsets().clone(), nulls, values, is_map: true })
            }
            other => Err(Error::internal("a generator over neither array nor map").with("type", other)),
        }
    }

    fn repeats(&self, outer: bool) -> Repeats {
        let length = self.offsets.len() - 1;
        let (mut rows, mut entries, mut positions) = (Vec::new(), Vec::new(), Vec::new());
        for row in 0..length {
            let (start, end) = (self.offsets[row], self.offsets[row + 1]);
            let valid = self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
            if valid && start < end {
                for entry in start..end {
                    rows.push(row as u32);
                    entries.push(Some(entry as u32));
                    positions.push(Some(entry - start));
                }
            } else if outer {
                rows.push(row as u32);
                entries.push(None);
                positions.push(None);
            }
        }
        Repeats { rows: rows.into(), entries: entries.into(), positions: positions.into() }
    }

    /// The entry columns that a generator gives: one for an array, key and value for a map, the fields of the
    /// structs for `inline` (null where the struct is).
    fn columns(&self, kind: GeneratorKind) -> Vec<ArrayRef> {
        match self.values.as_struct_opt() {
            Some(fields) if self.is_map => fields.columns().to_vec(),
            Some(fields) if kind == GeneratorKind::Inline => {
                let mask = fields.nulls().map(|nulls| arrow::array::BooleanArray::new(!nulls.inner(), None));
                let masked = fields.columns().iter().map(|column| match &mask {
                    Some(mask) => arrow::compute::nullif(column, mask).unwrap_or_else(|_| column.clone()),
                    None => column.clone(),
                });
                masked.collect()
            }
            _ => vec![self.values.clone()],
        }
    }
}

impl Stage for Generate {
    fn schema(&self) -> &SchemaRef {
        &self.0.schema
    }

    fn start(&self, _: Moment) -> Result<Box<dyn StageRun>> {
        Ok(Box::new(self.clone()))
    }
}

impl StageRun for Generate {
    fn run(&mut self, rows: Rows, _: &mut TaskReport, out: &mut Vec<Rows>) -> Result<()> {
        out.push(self.0.apply(&rows)?);
        Ok(())
    }
}
