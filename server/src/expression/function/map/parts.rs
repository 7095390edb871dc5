//! Parts of a map: keys, values, entries, and whether a key is there.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanBuilder, ListArray, MapArray};
use arrow::datatypes::{DataType, Field};

use super::maps;
use crate::error::{Error, Result};
use crate::expression::coercion::{array_type, map_fields, map_type, unexpected_type, wider};
use crate::expression::function::array::{conform, keys, pool};
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};
use crate::record::type_name;

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["map_keys"], resolve: map_keys },
    Function { names: &["map_values"], resolve: map_values },
    Function { names: &["map_entries"], resolve: map_entries },
    Function { names: &["map_contains_key"], resolve: contains_key },
];

/// Key and value fields of the first argument, a map.
pub fn fields<'a>(name: &str, args: &[Argument<'a>]) -> Result<(&'a Field, &'a Field)> {
    map_fields(args[0].data_type).ok_or_else(|| unexpected_type(name, 1, "MAP", args[0].data_type))
}

/// A function from a map to an array of something of each entry.
fn listing(args: &[Argument], name: &str, output: DataType, part: fn(&MapArray) -> ArrayRef) -> Result<Call> {
    let result = output.clone();
    let kernel: Kernel = Arc::new(move |args, _| {
        let (array, constant) = array_of(&args[0])?;
        let map = maps(&array);
        let DataType::List(field) = &output else {
            return Err(Error::internal("list a map").with("type", &output));
        };
        let values = conform(&part(&map), field.data_type())?;
        let list = ListArray::try_new(field.clone(), map.offsets().clone(), values, map.nulls().cloned());
        finished(Arc::new(list.map_err(|e| Error::internal("list a map").because(e))?), constant)
    });
    call(name, args, &[args[0].data_type.clone()], result, kernel)
}

fn map_keys(args: &[Argument]) -> Result<Call> {
    count("map_keys", args, 1, 1)?;
    let (key, _) = fields("map_keys", args)?;
    listing(args, "map_keys", array_type(key.data_type().clone(), false), |map| map.keys().clone())
}

fn map_values(args: &[Argument]) -> Result<Call> {
    count("map_values", args, 1, 1)?;
    let (_, value) = fields("map_values", args)?;
    let output = array_type(value.data_type().clone(), value.is_nullable());
    listing(args, "map_values", output, |map| map.values().clone())
}

fn map_entries(args: &[Argument]) -> Result<Call> {
    count("map_entries", args, 1, 1)?;
    let (key, value) = fields("map_entries", args)?;
    let pair = vec![
        Field::new("key", key.data_type().clone(), false),
        Field::new("value", value.data_type().clone(), value.is_nullable()),
    ];
    let output = array_type(DataType::Struct(pair.into()), false);
    listing(args, "map_entries", output, |map| Arc::new(map.entries().clone()))
}

fn contains_key(args: &[Argument]) -> Result<Call> {
    count("map_contains_key", args, 2, 2)?;
    let (key, value) = fields("map_contains_key", args)?;
    if *args[1].data_type == DataType::Null {
        return Err(Error::user(
            "[DATATYPE_MISMATCH.NULL_TYPE] map_contains_key does not take an untyped null",
        ));
    }
    let strings = [key.data_type(), args[1].data_type].iter().filter(|t| ***t == DataType::Utf8).count();
    let Some(common) = wider(key.data_type(), args[1].data_type).filter(|_| strings != 1) else {
        return Err(unexpected_type("map_contains_key", 2, &type_name(key.data_type()), args[1].data_type));
    };
    let types = [map_type(common.clone(), value.data_type().clone(), true), common];
    let kernel: Kernel = Arc::new(|args, rows| {
        let (array, map_constant) = array_of(&args[0])?;
        let map = maps(&array);
        let (sought, key_constant) = array_of(&args[1])?;
        let shift = map.keys().len();
        let keys = keys(&pool(&[map.keys(), &sought])?)?;
        let offsets = map.value_offsets();
        over_rows(args, rows, &BOOLEAN, |row, out: &mut BooleanBuilder| {
            let (at, key) = (if map_constant { 0 } else { row }, if key_constant { 0 } else { row });
            if map.is_null(at) || sought.is_null(key) {
                out.append_null();
                return Ok(());
            }
            let key = keys.row(shift + key);
            out.append_value((offsets[at] as usize..offsets[at + 1] as usize).any(|i| keys.row(i) == key));
            Ok(())
        })
    });
    call("map_contains_key", args, &types, BOOLEAN, kernel)
}
