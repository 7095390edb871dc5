//! Rows as bytes that sort like the rows, and back: the keys and the values of the state store.
//!
//! Every value starts with a byte: 0 null, 1 there. Numbers are big-endian with the sign flipped, floats in total
//! order. Strings write a zero byte as `00 ff` and end with `00 00`. Arrays write 2 before each element and end
//! with 0; maps are arrays of key-value structs; structs are their fields one after the other. The encoding is
//! part of the on-disk format: it may not change without a new [`FORMAT_VERSION`].

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;

use super::{row_decode, row_encode};
use crate::error::{Error, Result};
use crate::record::type_name;

/// Version of this encoding, as checkpoints record it.
pub const FORMAT_VERSION: u32 = 1;

/// Rows as bytes, one after the other.
#[derive(Debug, Default)]
pub struct Rows {
    offsets: Vec<usize>,
    data: Vec<u8>,
}

impl Rows {
    pub fn from_parts(offsets: Vec<usize>, data: Vec<u8>) -> Rows {
        Rows { offsets, data }
    }

    pub fn into_parts(self) -> (Vec<usize>, Vec<u8>) {
        (self.offsets, self.data)
    }

    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    pub fn row(&self, index: usize) -> &[u8] {
        &self.data[self.offsets[index]..self.offsets[index + 1]]
    }
}

/// Encodes and decodes rows of fixed column types.
#[derive(Clone, Debug)]
pub struct RowCodec {
    types: Vec<DataType>,
}

impl RowCodec {
    /// Refuses types that have no encoding.
    pub fn new(types: Vec<DataType>) -> Result<RowCodec> {
        match types.iter().find(|t| !row_encode::is_supported(t)) {
            Some(other) => Err(Error::user("cannot keep this type in state").with("type", type_name(other))),
            None => Ok(RowCodec { types }),
        }
    }

    pub fn types(&self) -> &[DataType] {
        &self.types
    }

    /// One encoded row for each row of the columns, which have this codec's types.
    pub fn encode(&self, columns: &[ArrayRef]) -> Result<Rows> {
        let types = columns.iter().map(|c| c.data_type());
        if !types.eq(&self.types) {
            return Err(Error::internal("columns of other types than the codec's were encoded"));
        }
        Ok(row_encode::encode(columns))
    }

    /// As [`RowCodec::decode`], of rows that may have been written when there were fewer columns: those that came
    /// later are null.
    pub fn decode_lengthened<'a>(&self, rows: impl Iterator<Item = &'a [u8]>) -> Result<Vec<ArrayRef>> {
        const NULL: &[u8] = &[row_encode::NULL];
        let mut rows: Vec<&[u8]> = rows.collect();
        let mut columns = Vec::with_capacity(self.types.len());
        for data_type in &self.types {
            rows.iter_mut().filter(|row| row.is_empty()).for_each(|row| *row = NULL);
            columns.push(row_decode::column(data_type, &mut rows)?);
        }
        without_rest(&rows).map(|()| columns)
    }

    /// The columns of encoded rows. Bytes that this codec did not write are a `Data` error.
    pub fn decode<'a>(&self, rows: impl Iterator<Item = &'a [u8]>) -> Result<Vec<ArrayRef>> {
        let mut rows: Vec<&[u8]> = rows.collect();
        let columns = self.types.iter().map(|t| row_decode::column(t, &mut rows)).collect::<Result<_>>()?;
        without_rest(&rows).map(|()| columns)
    }
}

fn without_rest(rows: &[&[u8]]) -> Result<()> {
    match rows.iter().all(|rest| rest.is_empty()) {
        true => Ok(()),
        false => Err(row_decode::damaged("bytes are left over")),
    }
}
