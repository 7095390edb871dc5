//! Gives every distinct key a dense number, in order of first appearance. Knows neither aggregates nor state.

use std::hash::{BuildHasher, Hasher};

use arrow::array::{Array, ArrayRef, BinaryArray, BooleanArray, PrimitiveArray, StringArray, make_array};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
};
use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::lane::Lane;
use super::row_codec::RowCodec;
use crate::error::{Error, Result};

/// The distinct values of one key column, by group.
enum Column {
    Words { values: Vec<u64>, nulls: Vec<bool> },
    Bytes { ends: Vec<usize>, data: Vec<u8>, nulls: Vec<bool> },
}

struct Slot {
    group: u32,
    /// High bits of the hash: most unequal keys are told apart without looking at them.
    tag: u32,
}

/// The groups of one split, or of one share of the merge.
pub struct GroupTable {
    slots: HashTable<Slot>,
    hashes: Vec<u64>,
    columns: Vec<Column>,
    state: RandomState,
    batch_hashes: Vec<u64>,
}

impl GroupTable {
    pub fn new() -> GroupTable {
        GroupTable {
            slots: HashTable::new(),
            hashes: Vec::new(),
            columns: Vec::new(),
            state: RandomState::default(),
            batch_hashes: Vec::new(),
        }
    }

    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Replaces `groups` with the group of each of the `rows` rows of the lanes. Without lanes all rows are one
    /// group.
    pub fn intern(&mut self, lanes: &[Lane], rows: usize, groups: &mut Vec<u32>) -> Result<()> {
        if self.columns.is_empty() {
            self.columns = lanes.iter().map(Column::like).collect();
        }
        if self.hashes.len() + rows >= u32::MAX as usize {
            return Err(Error::user("a batch has too many groups").hint("limit the rows of a batch"));
        }
        self.hash(lanes, rows);
        groups.clear();
        groups.reserve(rows);
        for row in 0..rows {
            let hash = self.batch_hashes[row];
            let tag = (hash >> 32) as u32;
            let columns = &self.columns;
            let found = self.slots.find(hash, |slot| {
                slot.tag == tag
                    && columns.iter().zip(lanes).all(|(c, l)| c.equals(slot.group as usize, l, row))
            });
            groups.push(match found {
                Some(slot) => slot.group,
                None => self.insert(hash, tag, lanes, row),
            });
        }
        Ok(())
    }

    fn insert(&mut self, hash: u64, tag: u32, lanes: &[Lane], row: usize) -> u32 {
        let group = self.hashes.len() as u32;
        for (column, lane) in self.columns.iter_mut().zip(lanes) {
            column.push(lane, row);
        }
        self.hashes.push(hash);
        let hashes = &self.hashes;
        self.slots.insert_unique(hash, Slot { group, tag }, |slot| hashes[slot.group as usize]);
        group
    }

    fn hash(&mut self, lanes: &[Lane], rows: usize) {
        let hashes = &mut self.batch_hashes;
        hashes.clear();
        hashes.resize(rows, 0);
        for lane in lanes {
            match lane {
                Lane::Words { values, nulls: None } => {
                    for (hash, value) in hashes.iter_mut().zip(values.iter()) {
                        *hash = mix(*hash, *value);
                    }
                }
                Lane::Words { values, .. } => {
                    for (row, hash) in hashes.iter_mut().enumerate() {
                        *hash = mix(*hash, if lane.is_null(row) { NULL_WORD } else { values[row] });
                    }
                }
                Lane::Bytes { offsets, data, .. } => {
                    for (row, hash) in hashes.iter_mut().enumerate() {
                        let bytes = &data[offsets[row] as usize..offsets[row + 1] as usize];
                        let mut hasher = self.state.build_hasher();
                        hasher.write(bytes);
                        let null = lane.is_null(row);
                        *hash = mix(*hash, if null { NULL_WORD } else { hasher.finish() });
                    }
                }
            }
        }
        // The table uses the top and the low bits; one more round spreads the last lane over both.
        hashes.iter_mut().for_each(|hash| *hash = mix(*hash, SPREAD));
    }

    /// The key columns, one row a group, of the types that the lanes were made of.
    pub fn keys(&self, types: &[DataType]) -> Result<Vec<ArrayRef>> {
        if self.columns.is_empty() {
            return Ok(types.iter().map(arrow::array::new_empty_array).collect());
        }
        self.columns.iter().zip(types).map(|(column, data_type)| column.to_array(data_type)).collect()
    }
}

const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
const NULL_WORD: u64 = 0x6e75_6c6c_6b65_7973;

/// Folded multiplication: cheap, and every input bit reaches the high bits.
#[inline(always)]
fn mix(hash: u64, value: u64) -> u64 {
    let product =
        u128::from(hash ^ value ^ 0xa076_1d64_78bd_642f) * u128::from(SPREAD ^ hash.rotate_left(32));
    (product as u64) ^ ((product >> 64) as u64)
}

impl Column {
    fn like(lane: &Lane) -> Column {
        match lane {
            Lane::Words { .. } => Column::Words { values: Vec::new(), nulls: Vec::new() },
            Lane::Bytes { .. } => Column::Bytes { ends: vec![0], data: Vec::new(), nulls: Vec::new() },
        }
    }

    #[inline(always)]
    fn equals(&self, group: usize, lane: &Lane, row: usize) -> bool {
        match (self, lane) {
            (Column::Words { values, nulls }, Lane::Words { values: others, nulls: None }) => {
                values[group] == others[row] && !nulls[group]
            }
            (Column::Words { values, nulls }, Lane::Words { values: others, .. }) => {
                nulls[group] == lane.is_null(row) && (nulls[group] || values[group] == others[row])
            }
            (Column::Bytes { ends, data, nulls }, Lane::Bytes { offsets, data: others, .. }) => {
                let mine = &data[ends[group]..ends[group + 1]];
                let theirs = &others[offsets[row] as usize..offsets[row + 1] as usize];
                nulls[group] == lane.is_null(row) && (nulls[group] || mine == theirs)
            }
            _ => false,
        }
    }

    fn push(&mut self, lane: &Lane, row: usize) {
        match (self, lane) {
            (Column::Words { values, nulls }, Lane::Words { values: others, .. }) => {
                nulls.push(lane.is_null(row));
                values.push(others[row]);
            }
            (Column::Bytes { ends, data, nulls }, Lane::Bytes { offsets, data: others, .. }) => {
                let null = lane.is_null(row);
                nulls.push(null);
                if !null {
                    data.extend_from_slice(&others[offsets[row] as usize..offsets[row + 1] as usize]);
                }
                ends.push(data.len());
            }
            _ => {}
        }
    }

    fn to_array(&self, data_type: &DataType) -> Result<ArrayRef> {
        let broken = |e| Error::internal("build a key column").because(e);
        match self {
            Column::Words { values, nulls } => Ok(words_array(data_type, values, null_buffer(nulls))),
            Column::Bytes { ends, data, nulls } => {
                if !matches!(data_type, DataType::Utf8 | DataType::Binary) {
                    let codec = RowCodec::new(vec![data_type.clone()])?;
                    let rows = ends.windows(2).map(|ends| &data[ends[0]..ends[1]]);
                    return codec.decode(rows).map(|mut columns| columns.remove(0));
                }
                let too_long = || Error::user("the keys of a batch are too long").with("bytes", data.len());
                i32::try_from(data.len()).map_err(|_| too_long())?;
                let offsets = OffsetBuffer::new(ends.iter().map(|end| *end as i32).collect());
                let (data, nulls) = (data.clone().into(), null_buffer(nulls));
                Ok(match data_type {
                    DataType::Utf8 => {
                        std::sync::Arc::new(StringArray::try_new(offsets, data, nulls).map_err(broken)?)
                    }
                    _ => std::sync::Arc::new(BinaryArray::try_new(offsets, data, nulls).map_err(broken)?),
                })
            }
        }
    }
}

fn null_buffer(nulls: &[bool]) -> Option<NullBuffer> {
    nulls.contains(&true).then(|| nulls.iter().map(|null| !null).collect())
}

/// The inverse of how [`Lane::new`] makes words.
fn words_array(data_type: &DataType, values: &[u64], nulls: Option<NullBuffer>) -> ArrayRef {
    match data_type {
        DataType::Int32 => narrowed::<Int32Type>(values, nulls, |v| v as i32),
        DataType::Date32 => narrowed::<Date32Type>(values, nulls, |v| v as i32),
        DataType::Int16 => narrowed::<Int16Type>(values, nulls, |v| v as i16),
        DataType::Int8 => narrowed::<Int8Type>(values, nulls, |v| v as i8),
        DataType::Float64 => narrowed::<Float64Type>(values, nulls, f64::from_bits),
        DataType::Float32 => narrowed::<Float32Type>(values, nulls, |v| f32::from_bits(v as u32)),
        DataType::Boolean => {
            std::sync::Arc::new(BooleanArray::new(values.iter().map(|v| *v != 0).collect(), nulls))
        }
        // All others are 64 bits wide and were taken as they are.
        other => {
            let words: ScalarBuffer<i64> = values.iter().map(|v| *v as i64).collect();
            let array = PrimitiveArray::<arrow::datatypes::Int64Type>::new(words, nulls);
            let data = array.into_data().into_builder().data_type(other.clone());
            // SAFETY: every type that makes words without narrowing has 64-bit values of any bits.
            make_array(unsafe { data.build_unchecked() })
        }
    }
}

fn narrowed<T: ArrowPrimitiveType>(
    values: &[u64],
    nulls: Option<NullBuffer>,
    value: impl Fn(u64) -> T::Native,
) -> ArrayRef {
    let values: ScalarBuffer<T::Native> = values.iter().map(|v| value(*v)).collect();
    std::sync::Arc::new(PrimitiveArray::<T>::new(values, nulls))
}
