//! A share of a batch: some files, or a part of one, decoded, with the columns that their directories name.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int32Array, RecordBatch, RecordBatchOptions, StringArray};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};

use crate::error::{Error, Result};
use crate::format::{Batches, Decoder, FilePart, Format, decoder, partition_dir};
use crate::record::Options;
use crate::source::{BatchStream, ReadOptions, Split};
use crate::storage::Storage;

/// A batch is cut into splits of about this size, plain text files within.
pub const SPLIT_BYTES: u64 = 32 << 20;

/// What a file costs besides its bytes, so that a split does not have too many small ones.
const OPEN_BYTES: u64 = 1 << 20;

/// A file of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchFile {
    pub path: String,
    pub size: u64,
    pub can_split: bool,
}

/// A file or a part of it, by its index in the batch.
pub type Piece = (usize, Option<Range<u64>>);

/// The pieces of each split, in the order of the files. A function of the files alone.
pub fn pack(files: &[BatchFile]) -> Vec<Vec<Piece>> {
    let mut splits: Vec<Vec<Piece>> = Vec::new();
    let mut cost = SPLIT_BYTES;
    for (index, file) in files.iter().enumerate() {
        if file.can_split && file.size > SPLIT_BYTES {
            let parts = file.size.div_ceil(SPLIT_BYTES);
            for part in 0..parts {
                let end = if part + 1 == parts { file.size } else { (part + 1) * SPLIT_BYTES };
                splits.push(vec![(index, Some(part * SPLIT_BYTES..end))]);
            }
            cost = SPLIT_BYTES;
            continue;
        }
        let added = file.size.saturating_add(OPEN_BYTES);
        if cost.saturating_add(added) > SPLIT_BYTES || splits.is_empty() {
            splits.push(Vec::new());
            cost = 0;
        }
        cost += added;
        splits.iter_mut().last().into_iter().for_each(|split| split.push((index, None)));
    }
    splits
}

/// How the files of a source are read, whatever the split.
pub struct Reader {
    pub storage: Arc<dyn Storage>,
    pub format: Format,
    pub options: Options,
    /// The columns of the source.
    pub schema: SchemaRef,
    /// Those of them that only directories name.
    pub inferred: Vec<String>,
}

/// The values that the directories of a file give to columns.
pub type PartitionValues = Vec<(String, Option<String>)>;

impl Reader {
    fn value_of<'v>(
        &self,
        values: &'v PartitionValues,
        column: usize,
    ) -> Option<&'v (String, Option<String>)> {
        let name = self.schema.field(column).name();
        values.iter().find(|(other, _)| other.eq_ignore_ascii_case(name))
    }

    /// `Data` error if the directories of a file do not name what the others name.
    pub fn check_partition(&self, values: &PartitionValues, path: &str) -> Result<()> {
        let named = |name: &String| values.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        if let Some(missing) = self.inferred.iter().find(|name| !named(name)) {
            return Err(Error::data("a file is not in a partition directory as the others are")
                .with("file", path)
                .with("column", missing)
                .hint("move the file into its partition directory, or away"));
        }
        Ok(())
    }

    /// A decoder of the columns that a file with these partition values has inside, and their indexes in the
    /// schema.
    pub fn decoder(&self, values: &PartitionValues) -> Result<(Box<dyn Decoder>, Vec<usize>)> {
        let inside = |column: &usize| {
            let name = self.schema.field(*column).name();
            self.value_of(values, *column).is_none() && !self.inferred.contains(name)
        };
        let columns: Vec<usize> = (0..self.schema.fields().len()).filter(inside).collect();
        let schema = self.schema.project(&columns);
        let schema =
            schema.map_err(|cause| Error::internal("cannot narrow the schema of a file").because(cause))?;
        Ok((decoder(self.format, &Arc::new(schema), &self.options)?, columns))
    }

    fn open(
        &self,
        decoders: &mut Decoders,
        file: &SplitFile,
        range: Option<Range<u64>>,
        options: &ReadOptions,
    ) -> Result<FileBatches> {
        let names: Vec<String> = file.values.iter().map(|(name, _)| name.clone()).collect();
        let (decoder, inside) = match decoders.entry(names) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => entry.insert(self.decoder(&file.values)?),
        };
        let (mut decoded, mut columns) = (Vec::new(), Vec::new());
        for index in &options.projection {
            columns.push(match inside.iter().position(|column| column == index) {
                Some(position) => {
                    decoded.push(position);
                    Column::Decoded(decoded.len() - 1)
                }
                None => {
                    let value = self.value_of(&file.values, *index).and_then(|(_, value)| value.clone());
                    Column::Constant(value, self.schema.field(*index).data_type().clone())
                }
            });
        }
        let mut fields: Vec<FieldRef> =
            options.projection.iter().map(|index| self.schema.fields()[*index].clone()).collect();
        if options.with_path {
            let paths: ArrayRef = Arc::new(StringArray::from(vec![self.storage.uri(&file.path)]));
            columns.push(Column::Path(paths));
            fields.push(Arc::new(Field::new_dictionary("path", DataType::Int32, DataType::Utf8, true)));
        }
        let stored = self.storage.open(&file.path).map_err(|cause| vanished(&file.path, cause))?;
        let part = FilePart { file: stored, path: file.path.clone(), range };
        let batches = decoder.read(part, &decoded, options.rows_max)?;
        Ok(FileBatches { batches, path: file.path.clone(), columns, schema: Arc::new(Schema::new(fields)) })
    }
}

/// By the names of the partition columns.
type Decoders = BTreeMap<Vec<String>, (Box<dyn Decoder>, Vec<usize>)>;

/// An open that failed because the file is gone is for an operator to look into.
fn vanished(path: &str, cause: Error) -> Error {
    if cause.kind() == crate::error::ErrorKind::External {
        return cause.with("file", path);
    }
    Error::data("a file of the batch cannot be opened")
        .with("file", path)
        .hint("files must stay until the batch that reads them is committed; bring the file back")
        .because(cause)
}

#[derive(Clone, Debug)]
pub struct SplitFile {
    pub path: String,
    pub range: Option<Range<u64>>,
    pub values: PartitionValues,
}

pub struct FileSplit {
    pub reader: Arc<Reader>,
    pub files: Vec<SplitFile>,
}

impl Split for FileSplit {
    fn describe(&self) -> String {
        let part = |range: &Option<Range<u64>>| match range {
            Some(range) => format!(" bytes {}..{}", range.start, range.end),
            None => String::new(),
        };
        match &self.files[..] {
            [only] => format!("{}{}", only.path, part(&only.range)),
            [first, .., last] => format!("{} files {}..{}", self.files.len(), first.path, last.path),
            [] => "no files".into(),
        }
    }

    fn read(self: Box<Self>, options: &ReadOptions) -> Result<BatchStream> {
        Ok(Box::new(SplitBatches {
            reader: self.reader,
            files: self.files.into_iter(),
            options: options.clone(),
            decoders: Decoders::new(),
            current: None,
            done: false,
        }))
    }
}

struct SplitBatches {
    reader: Arc<Reader>,
    files: std::vec::IntoIter<SplitFile>,
    options: ReadOptions,
    decoders: Decoders,
    current: Option<FileBatches>,
    done: bool,
}

impl Iterator for SplitBatches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            if let Some(batch) = self.current.as_mut().and_then(FileBatches::next) {
                self.done = batch.is_err();
                return Some(batch);
            }
            let file = self.files.next()?;
            let range = file.range.clone();
            match self.reader.open(&mut self.decoders, &file, range, &self.options) {
                Ok(batches) => self.current = Some(batches),
                Err(error) => {
                    self.done = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

/// The rows of one file with the columns that its directories name.
struct FileBatches {
    batches: Batches,
    path: String,
    columns: Vec<Column>,
    schema: SchemaRef,
}

enum Column {
    /// By its index in what is decoded.
    Decoded(usize),
    Constant(Option<String>, DataType),
    /// The only entry is the file's.
    Path(ArrayRef),
}

impl FileBatches {
    fn next(&mut self) -> Option<Result<RecordBatch>> {
        let batch = self.batches.next()?;
        Some(batch.map_err(|error| with_file(error, &self.path)).and_then(|batch| self.arrange(&batch)))
    }

    fn arrange(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            arrays.push(match column {
                Column::Decoded(index) => batch.column(*index).clone(),
                Column::Path(path) => {
                    let same = Int32Array::from_value(0, rows);
                    let paths = DictionaryArray::try_new(same, path.clone());
                    Arc::new(paths.map_err(|e| Error::internal("name the file of rows").because(e))?)
                }
                Column::Constant(value, data_type) => {
                    partition_dir::column(value.as_deref(), data_type, rows)
                        .map_err(|error| error.with("file", &self.path))?
                }
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .map_err(|cause| Error::internal("cannot make a batch of the rows of a file").because(cause))
    }
}

fn with_file(error: Error, path: &str) -> Error {
    if error.fact("file").is_some() { error } else { error.with("file", path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_hold_small_files_together_and_cut_large_ones() {
        let file = |size, can_split| BatchFile { path: "/f".into(), size, can_split };
        let mib = 1 << 20;
        for (files, expected) in [
            (vec![], vec![]),
            (vec![file(0, true); 3], vec![vec![0, 1, 2]]),
            (vec![file(0, true); 33], vec![(0..32).collect(), vec![32]]),
            (
                vec![file(20 * mib, true), file(20 * mib, true), file(5 * mib, false)],
                vec![vec![0], vec![1, 2]],
            ),
            (
                vec![file(mib, true), file(70 * mib, true), file(mib, true)],
                vec![vec![0], vec![1], vec![1], vec![1], vec![2]],
            ),
            (vec![file(70 * mib, false), file(mib, true)], vec![vec![0], vec![1]]),
        ] {
            let packed = pack(&files);
            let indexes: Vec<Vec<usize>> =
                packed.iter().map(|split| split.iter().map(|(index, _)| *index).collect()).collect();
            assert_eq!(indexes, expected, "{files:?}");
            let ranges: Vec<_> = packed.iter().flatten().filter_map(|(_, range)| range.clone()).collect();
            assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start), "{ranges:?}");
        }
    }
}
