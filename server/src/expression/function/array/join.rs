//! Arrays joined: into text, and element by element into structs.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray, StringBuilder, StructArray, UInt64Array, downcast_array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Fields};

use super::{Lists, conform, element, list, list_of, too_long};
use crate::error::{Error, Result};
use crate::expression::coercion::array_type;
use crate::expression::function::kernel::*;
use crate::expression::function::string::case::check_size;
use crate::expression::registry::{Argument, Call, Function, Kernel};

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["array_join"], resolve: array_join },
    Function { names: &["arrays_zip"], resolve: arrays_zip },
];

fn array_join(args: &[Argument]) -> Result<Call> {
    count("array_join", args, 2, 3)?;
    element("array_join", args, 0)?;
    let kernel: Kernel = Arc::new(|args, rows| {
        let lists = Lists::of(&args[0])?;
        let words: StringArray = downcast_array(lists.values());
        let delimiter = Column::<Text>::of(&args[1])?;
        let for_null = args.get(2).map(Column::<Text>::of).transpose()?;
        let mut joined = String::new();
        over_rows(args, rows, &STRING, |row, out: &mut StringBuilder| {
            let replacement = for_null.as_ref().map(|column| column.get(row));
            let (Some(range), Some(delimiter)) = (lists.range(row), delimiter.get(row)) else {
                out.append_null();
                return Ok(());
            };
            if replacement == Some(None) {
                out.append_null();
                return Ok(());
            }
            joined.clear();
            let mut first = true;
            for i in range {
                let word = if words.is_null(i) { replacement.flatten() } else { Some(words.value(i)) };
                let Some(word) = word else { continue };
                if !std::mem::take(&mut first) {
                    joined.push_str(delimiter);
                }
                joined.push_str(word);
            }
            check_size("array_join", joined.len())?;
            out.append_value(&joined);
            Ok(())
        })
    });
    call("array_join", args, &[list(STRING), STRING, STRING][..args.len()], STRING, kernel)
}

/// One struct for the elements at each place, null where an array is shorter. A field is named after the column
/// that its array is, or by its place.
fn arrays_zip(args: &[Argument]) -> Result<Call> {
    count("arrays_zip", args, 1, usize::MAX)?;
    let mut fields = Vec::with_capacity(args.len());
    for (i, arg) in args.iter().enumerate() {
        let data_type = element("arrays_zip", args, i)?.data_type().clone();
        fields.push(Field::new(arg.name.map_or(i.to_string(), str::to_string), data_type, true));
    }
    let fields = Fields::from(fields);
    let output = array_type(DataType::Struct(fields.clone()), false);
    let result = output.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let lists = args.iter().map(Lists::of).collect::<Result<Vec<_>>>()?;
        let constant = all_constant(args);
        let rows = if constant { 1 } else { rows };
        let mut indices: Vec<Vec<Option<u64>>> = vec![Vec::new(); lists.len()];
        let (mut offsets, mut valid) = (vec![0], Vec::with_capacity(rows));
        for row in 0..rows {
            let ranges: Option<Vec<_>> = lists.iter().map(|list| list.range(row)).collect();
            valid.push(ranges.is_some());
            if let Some(ranges) = ranges {
                let longest = ranges.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
                for (indices, range) in indices.iter_mut().zip(ranges) {
                    indices.extend((0..longest).map(|n| (n < range.len()).then(|| (range.start + n) as u64)));
                }
            }
            offsets.push(i32::try_from(indices[0].len()).map_err(|_| too_long("arrays_zip"))?);
        }
        let wrap = |e| Error::internal("zip arrays").because(e);
        let columns = lists.iter().zip(indices).zip(&fields).map(|((list, indices), field)| {
            let taken = take(list.values(), &UInt64Array::from(indices), None).map_err(wrap)?;
            conform(&taken, field.data_type())
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let made: ArrayRef = Arc::new(StructArray::try_new(fields.clone(), columns, None).map_err(wrap)?);
        let DataType::List(field) = &output else {
            return Err(Error::internal("zip arrays").with("type", &output));
        };
        list_of(field.clone(), offsets, made, valid, constant)
    });
    let types: Vec<DataType> = args.iter().map(|arg| arg.data_type.clone()).collect();
    call("arrays_zip", args, &types, result, kernel)
}
