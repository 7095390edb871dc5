//! `hash` (Murmur3, 32 bits) and `xxhash64` of values of any type but maps, chained over the arguments. A null
//! leaves the hash as it was.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Builder, Int64Builder, ListArray, StructArray, downcast_array,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, IntervalMonthDayNanoType,
    IntervalYearMonthType,
};
use xxhash_rust::xxh64::xxh64;

use crate::error::{Error, Result};
use crate::expression::function::array::comparable;
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};

pub static FUNCTIONS: &[Function] =
    &[Function { names: &["hash"], resolve: murmur }, Function { names: &["xxhash64"], resolve: xxhash }];

const SEED: u64 = 42;
/// Decimals up to so many digits are hashed as a 64-bit number.
const LONG_DIGITS: u8 = 18;

/// One of the two hash functions, over a seed.
trait Hash: Copy + 'static {
    fn int(self, value: i32, seed: u64) -> u64;
    fn long(self, value: i64, seed: u64) -> u64;
    fn bytes(self, value: &[u8], seed: u64) -> u64;
}

#[derive(Clone, Copy)]
struct Murmur;

fn mix_word(word: u32) -> u32 {
    word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593)
}

fn mix(hash: u32, word: u32) -> u32 {
    (hash ^ mix_word(word)).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64)
}

fn finish(hash: u32, length: u32) -> u64 {
    let mut hash = hash ^ length;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    u64::from(hash ^ hash >> 16)
}

impl Hash for Murmur {
    fn int(self, value: i32, seed: u64) -> u64 {
        finish(mix(seed as u32, value as u32), 4)
    }

    fn long(self, value: i64, seed: u64) -> u64 {
        finish(mix(mix(seed as u32, value as u32), (value >> 32) as u32), 8)
    }

    fn bytes(self, value: &[u8], seed: u64) -> u64 {
        let (words, rest) = value.split_at(value.len() / 4 * 4);
        let words =
            words.chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
        let hash = words.fold(seed as u32, mix);
        // Spark mixes each byte of the rest alone, with its sign.
        let hash = rest.iter().fold(hash, |hash, byte| mix(hash, *byte as i8 as u32));
        finish(hash, value.len() as u32)
    }
}

#[derive(Clone, Copy)]
struct XxHash;

impl Hash for XxHash {
    fn int(self, value: i32, seed: u64) -> u64 {
        xxh64(&value.to_le_bytes(), seed)
    }

    fn long(self, value: i64, seed: u64) -> u64 {
        xxh64(&value.to_le_bytes(), seed)
    }

    fn bytes(self, value: &[u8], seed: u64) -> u64 {
        xxh64(value, seed)
    }
}

/// Hashes a row of a column onto a seed.
type Hasher = Box<dyn Fn(usize, u64) -> u64>;

fn hasher<H: Hash>(array: &ArrayRef, hash: H) -> Result<Hasher> {
    let plain = match array.data_type() {
        DataType::Null => return Ok(Box::new(|_, seed| seed)),
        DataType::List(_) => of_list(&downcast_array(array), hash)?,
        DataType::Struct(_) => of_struct(&downcast_array(array), hash)?,
        DataType::Float32 | DataType::Float64 => of_float(array, hash),
        DataType::Decimal128(precision, _) => of_decimal(array, *precision, hash),
        DataType::Interval(_) => of_interval(array, hash),
        _ => of_atom(array, hash)?,
    };
    if array.null_count() == 0 {
        return Ok(plain);
    }
    let array = array.clone();
    Ok(Box::new(move |row, seed| if array.is_null(row) { seed } else { plain(row, seed) }))
}

fn of_list<H: Hash>(list: &ListArray, hash: H) -> Result<Hasher> {
    let element = hasher(list.values(), hash)?;
    let list = list.clone();
    Ok(Box::new(move |row, seed| {
        let offsets = list.value_offsets();
        (offsets[row] as usize..offsets[row + 1] as usize).fold(seed, |seed, i| element(i, seed))
    }))
}

fn of_struct<H: Hash>(parts: &StructArray, hash: H) -> Result<Hasher> {
    let fields = parts.columns().iter().map(|column| hasher(column, hash)).collect::<Result<Vec<_>>>()?;
    Ok(Box::new(move |row, seed| fields.iter().fold(seed, |seed, field| field(row, seed))))
}

/// One NaN and one zero, by their bits.
fn of_float<H: Hash>(array: &ArrayRef, hash: H) -> Hasher {
    if let Some(floats) = array.as_primitive_opt::<Float32Type>().cloned() {
        return Box::new(move |row, seed| {
            let value = floats.value(row);
            let bits = if value.is_nan() { 0x7fc0_0000 } else { (value + 0.0).to_bits() };
            hash.int(bits as i32, seed)
        });
    }
    let floats = array.as_primitive::<Float64Type>().clone();
    Box::new(move |row, seed| {
        let value = floats.value(row);
        let bits = if value.is_nan() { 0x7ff8_0000_0000_0000 } else { (value + 0.0).to_bits() };
        hash.long(bits as i64, seed)
    })
}

fn of_decimal<H: Hash>(array: &ArrayRef, precision: u8, hash: H) -> Hasher {
    let decimals = array.as_primitive::<Decimal128Type>().clone();
    if precision <= LONG_DIGITS {
        return Box::new(move |row, seed| hash.long(decimals.value(row) as i64, seed));
    }
    Box::new(move |row, seed| hash.bytes(&shortest(decimals.value(row)), seed))
}

fn of_interval<H: Hash>(array: &ArrayRef, hash: H) -> Hasher {
    if let Some(months) = array.as_primitive_opt::<IntervalYearMonthType>().cloned() {
        return Box::new(move |row, seed| hash.int(months.value(row), seed));
    }
    let values = array.as_primitive::<IntervalMonthDayNanoType>().clone();
    Box::new(move |row, seed| {
        let value = values.value(row);
        hash.int(value.months, hash.int(value.days, hash.long(value.nanoseconds / 1000, seed)))
    })
}

/// Truth, text, bytes, integers, and the dates and times that are kept as integers.
fn of_atom<H: Hash>(array: &ArrayRef, hash: H) -> Result<Hasher> {
    let wrap = |e| Error::internal("hash a column").because(e);
    Ok(match array.data_type() {
        DataType::Boolean => {
            let flags = array.as_boolean().clone();
            Box::new(move |row, seed| hash.int(flags.value(row).into(), seed))
        }
        DataType::Utf8 => {
            let texts = array.as_string::<i32>().clone();
            Box::new(move |row, seed| hash.bytes(texts.value(row).as_bytes(), seed))
        }
        DataType::Binary => {
            let bytes = array.as_binary::<i32>().clone();
            Box::new(move |row, seed| hash.bytes(bytes.value(row), seed))
        }
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Date32 => {
            let ints = cast(array, &DataType::Int32).map_err(wrap)?.as_primitive::<Int32Type>().clone();
            Box::new(move |row, seed| hash.int(ints.value(row), seed))
        }
        _ => {
            let longs = cast(array, &DataType::Int64).map_err(wrap)?.as_primitive::<Int64Type>().clone();
            Box::new(move |row, seed| hash.long(longs.value(row), seed))
        }
    })
}

/// The fewest big-endian bytes that hold a number and its sign.
fn shortest(value: i128) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let sign = if value < 0 { 0xff } else { 0 };
    let same = |pair: &[u8]| pair[0] == sign && (pair[1] ^ sign) & 0x80 == 0;
    let skipped = bytes.windows(2).take_while(|pair| same(pair)).count();
    bytes[skipped..].to_vec()
}

fn resolve<H: Hash + Send + Sync, W: Write + 'static>(
    args: &[Argument],
    name: &str,
    hash: H,
    output: DataType,
    write: fn(u64, &mut W),
) -> Result<Call> {
    count(name, args, 1, usize::MAX)?;
    let types: Vec<DataType> = args.iter().map(|arg| arg.data_type.clone()).collect();
    if types.iter().any(|data_type| comparable(name, data_type).is_err()) {
        return Err(Error::user(format!("[DATATYPE_MISMATCH.HASH_MAP_TYPE] `{name}` does not take maps")));
    }
    let result = output.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let columns = args.iter().map(array_of).collect::<Result<Vec<_>>>()?;
        let hashers = columns.iter().map(|(array, constant)| Ok((hasher(array, hash)?, *constant)));
        let hashers = hashers.collect::<Result<Vec<_>>>()?;
        over_rows(args, rows, &output, |row, out: &mut W| {
            let chained = hashers
                .iter()
                .fold(SEED, |seed, (hasher, constant)| hasher(if *constant { 0 } else { row }, seed));
            write(chained, out);
            Ok(())
        })
    });
    Ok(Call { arguments: types, output: result, nullable: false, kernel })
}

fn murmur(args: &[Argument]) -> Result<Call> {
    resolve(args, "hash", Murmur, INT, |hash, out: &mut Int32Builder| out.append_value(hash as u32 as i32))
}

fn xxhash(args: &[Argument]) -> Result<Call> {
    resolve(args, "xxhash64", XxHash, BIGINT, |hash, out: &mut Int64Builder| out.append_value(hash as i64))
}
