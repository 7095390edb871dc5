//! Functions that take a lambda: transform, filter, exists, forall, aggregate, zip_with, map_filter ...
//! The lambda runs once on all elements of all rows, side by side.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder, Int32Array, ListArray, MapArray, StructArray,
    UInt32Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{filter, interleave, take};
use arrow::datatypes::{DataType, FieldRef};

use super::{Frame, Node};
use crate::error::{Error, Result};

#[derive(Clone)]
pub struct Lambda {
    /// Where the parameters are in the frame.
    pub slots: Vec<usize>,
    pub body: Node,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HigherKind {
    Transform,
    Filter,
    Exists,
    ForAll,
    Aggregate,
    ZipWith,
    MapFilter,
    TransformKeys,
    TransformValues,
}

#[derive(Clone)]
pub struct Higher {
    pub kind: HigherKind,
    /// The array or map; for aggregate the start value too, for zip_with the second array.
    pub inputs: Vec<Node>,
    pub lambda: Lambda,
    /// The last step of aggregate.
    pub finish: Option<Lambda>,
}

fn broken(cause: arrow::error::ArrowError) -> Error {
    Error::internal("cannot build a nested value").because(cause)
}

/// Elements of all rows in a line: which row each is of, and where each row's begin.
struct Flat {
    parents: UInt32Array,
    offsets: OffsetBuffer<i32>,
    nulls: Option<NullBuffer>,
    /// Places in the child array, in order.
    places: UInt32Array,
}

impl Flat {
    fn new(offsets: &OffsetBuffer<i32>, nulls: Option<&NullBuffer>) -> Flat {
        let rows = offsets.len() - 1;
        let (mut parents, mut places, mut ends) = (Vec::new(), Vec::new(), vec![0_i32]);
        for row in 0..rows {
            if nulls.is_none_or(|nulls| nulls.is_valid(row)) {
                for place in offsets[row]..offsets[row + 1] {
                    parents.push(row as u32);
                    places.push(place as u32);
                }
            }
            ends.push(parents.len() as i32);
        }
        Flat {
            parents: parents.into(),
            offsets: OffsetBuffer::new(ends.into()),
            nulls: nulls.cloned(),
            places: places.into(),
        }
    }

    fn positions(&self) -> ArrayRef {
        let starts = &self.offsets;
        let index = |(at, row): (usize, &u32)| at as i32 - starts[*row as usize];
        Arc::new(Int32Array::from_iter_values(self.parents.values().iter().enumerate().map(index)))
    }
}

impl Higher {
    pub fn reads(&self, columns: &mut BTreeSet<usize>, variables: &mut BTreeSet<usize>) {
        self.inputs.iter().for_each(|node| node.reads(columns, variables));
        for lambda in std::iter::once(&self.lambda).chain(&self.finish) {
            let mut inner = BTreeSet::new();
            lambda.body.reads(columns, &mut inner);
            variables.extend(inner.into_iter().filter(|slot| !lambda.slots.contains(slot)));
        }
    }

    pub fn evaluate(&self, frame: &Frame, to: &DataType) -> Result<ArrayRef> {
        match self.kind {
            HigherKind::Aggregate => self.aggregate(frame),
            HigherKind::ZipWith => self.zip_with(frame, to),
            HigherKind::MapFilter | HigherKind::TransformKeys | HigherKind::TransformValues => {
                self.on_map(frame, to)
            }
            _ => self.on_list(frame, to),
        }
    }

    /// The lambda's value for each element.
    fn run(&self, frame: &Frame, flat: &Flat, parameters: &[ArrayRef]) -> Result<ArrayRef> {
        let mut inner = frame.taken(&flat.parents, &[&self.lambda.body])?;
        for (slot, parameter) in self.lambda.slots.iter().zip(parameters) {
            inner.set_variable(*slot, parameter.clone());
        }
        self.lambda.body.array(&inner)
    }

    fn on_list(&self, frame: &Frame, to: &DataType) -> Result<ArrayRef> {
        let input = self.inputs[0].array(frame)?;
        let list = input.as_list::<i32>();
        let flat = Flat::new(list.offsets(), list.nulls());
        let elements = take(list.values(), &flat.places, None).map_err(broken)?;
        let found = self.run(frame, &flat, &[elements.clone(), flat.positions()])?;
        match self.kind {
            HigherKind::Filter => {
                let DataType::List(field) = to else { return Err(Error::internal("filter gives no array")) };
                let (offsets, kept) = keep(&flat, found.as_boolean(), &elements)?;
                made_list(field, offsets, kept, flat.nulls)
            }
            HigherKind::Exists => Ok(Arc::new(any(&flat, found.as_boolean(), true))),
            HigherKind::ForAll => Ok(Arc::new(any(&flat, found.as_boolean(), false))),
            _ => {
                let DataType::List(field) = to else {
                    return Err(Error::internal("transform gives no array"));
                };
                made_list(field, flat.offsets, found, flat.nulls)
            }
        }
    }

    fn on_map(&self, frame: &Frame, to: &DataType) -> Result<ArrayRef> {
        let input = self.inputs[0].array(frame)?;
        let map = input.as_map();
        let flat = Flat::new(map.offsets(), map.nulls());
        let keys = take(map.keys(), &flat.places, None).map_err(broken)?;
        let values = take(map.values(), &flat.places, None).map_err(broken)?;
        let found = self.run(frame, &flat, &[keys.clone(), values.clone()])?;
        let (offsets, keys, values) = match self.kind {
            HigherKind::MapFilter => {
                let (offsets, keys) = keep(&flat, found.as_boolean(), &keys)?;
                let (_, values) = keep(&flat, found.as_boolean(), &values)?;
                (offsets, keys, values)
            }
            HigherKind::TransformKeys => {
                crate::expression::kernel::check_map_keys(&flat.offsets, &found)?;
                (flat.offsets, found, values)
            }
            _ => (flat.offsets, keys, found),
        };
        made_map(to, offsets, keys, values, flat.nulls)
    }

    fn zip_with(&self, frame: &Frame, to: &DataType) -> Result<ArrayRef> {
        let (first, second) = (self.inputs[0].array(frame)?, self.inputs[1].array(frame)?);
        let (first, second) = (first.as_list::<i32>(), second.as_list::<i32>());
        let nulls = NullBuffer::union(first.nulls(), second.nulls());
        let (mut parents, mut left, mut right, mut ends) = (Vec::new(), Vec::new(), Vec::new(), vec![0_i32]);
        for row in 0..frame.rows {
            if nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) {
                let (a, b) = (first.value_offsets(), second.value_offsets());
                let (a_length, b_length) = (a[row + 1] - a[row], b[row + 1] - b[row]);
                for n in 0..a_length.max(b_length) {
                    parents.push(row as u32);
                    left.push((n < a_length).then_some((a[row] + n) as u32));
                    right.push((n < b_length).then_some((b[row] + n) as u32));
                }
            }
            ends.push(parents.len() as i32);
        }
        let left = take(first.values(), &UInt32Array::from(left), None).map_err(broken)?;
        let right = take(second.values(), &UInt32Array::from(right), None).map_err(broken)?;
        let flat = Flat {
            places: UInt32Array::from(Vec::<u32>::new()),
            parents: parents.into(),
            offsets: OffsetBuffer::new(ends.into()),
            nulls,
        };
        let found = self.run(frame, &flat, &[left, right])?;
        let DataType::List(field) = to else { return Err(Error::internal("zip_with gives no array")) };
        made_list(field, flat.offsets, found, flat.nulls)
    }

    /// Element by element, all rows at a time: the n-th step takes the n-th element of each row that has one.
    fn aggregate(&self, frame: &Frame) -> Result<ArrayRef> {
        let input = self.inputs[0].array(frame)?;
        let list = input.as_list::<i32>();
        let lengths = (0..frame.rows).map(|row| if list.is_null(row) { 0 } else { list.value_length(row) });
        let lengths: Vec<i32> = lengths.collect();
        let mut state = self.inputs[1].array(frame)?;
        for step in 0..lengths.iter().copied().max().unwrap_or(0) {
            let rows: Vec<u32> = (0..frame.rows as u32).filter(|row| lengths[*row as usize] > step).collect();
            let places: Vec<u32> =
                rows.iter().map(|row| (list.value_offsets()[*row as usize] + step) as u32).collect();
            let rows = UInt32Array::from(rows);
            let mut inner = frame.taken(&rows, &[&self.lambda.body])?;
            let elements = take(list.values(), &UInt32Array::from(places), None).map_err(broken)?;
            inner.set_variable(self.lambda.slots[0], take(&state, &rows, None).map_err(broken)?);
            inner.set_variable(self.lambda.slots[1], elements);
            let next = self.lambda.body.array(&inner)?;
            let mut choice: Vec<(usize, usize)> = (0..frame.rows).map(|row| (0, row)).collect();
            rows.values().iter().enumerate().for_each(|(at, row)| choice[*row as usize] = (1, at));
            state = interleave(&[state.as_ref(), next.as_ref()], &choice).map_err(broken)?;
        }
        let result = match &self.finish {
            Some(finish) => {
                let rows = (0..frame.rows as u32).filter(|row| list.is_valid(*row as usize));
                let rows = UInt32Array::from_iter_values(rows);
                let mut inner = frame.taken(&rows, &[&finish.body])?;
                inner.set_variable(finish.slots[0], take(&state, &rows, None).map_err(broken)?);
                finish.body.array(&inner)?
            }
            None => state,
        };
        let mut next = 0;
        let place = |row: usize| {
            let at = if self.finish.is_some() { next } else { row as u32 };
            next += u32::from(list.is_valid(row));
            list.is_valid(row).then_some(at)
        };
        let places: UInt32Array = (0..frame.rows).map(place).collect();
        take(&result, &places, None).map_err(broken)
    }
}

/// Elements where the test is true, and their offsets.
fn keep(flat: &Flat, test: &BooleanArray, elements: &ArrayRef) -> Result<(OffsetBuffer<i32>, ArrayRef)> {
    let mut ends = vec![0_i32];
    let mut kept = 0;
    for window in flat.offsets.windows(2) {
        let row = window[0] as usize..window[1] as usize;
        kept += row.filter(|at| test.is_valid(*at) && test.value(*at)).count() as i32;
        ends.push(kept);
    }
    Ok((OffsetBuffer::new(ends.into()), filter(elements, test).map_err(broken)?))
}

/// Three-valued: `decisive` if one element is, else null if one is null, else the other.
fn any(flat: &Flat, test: &BooleanArray, decisive: bool) -> BooleanArray {
    let mut builder = BooleanBuilder::new();
    for (row, window) in flat.offsets.windows(2).enumerate() {
        let elements = window[0] as usize..window[1] as usize;
        let decided = elements.clone().any(|at| test.is_valid(at) && test.value(at) == decisive);
        let unknown = elements.clone().any(|at| test.is_null(at));
        let null = flat.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        builder.append_option(match (null, decided, unknown) {
            (true, ..) => None,
            (_, true, _) => Some(decisive),
            (_, _, true) => None,
            _ => Some(!decisive),
        });
    }
    builder.finish()
}

fn made_list(
    field: &FieldRef,
    offsets: OffsetBuffer<i32>,
    values: ArrayRef,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let values = crate::expression::cast::retype(&values, field.data_type())?;
    Ok(Arc::new(ListArray::try_new(field.clone(), offsets, values, nulls).map_err(broken)?))
}

fn made_map(
    to: &DataType,
    offsets: OffsetBuffer<i32>,
    keys: ArrayRef,
    values: ArrayRef,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let DataType::Map(entries, _) = to else { return Err(Error::internal("not a map type")) };
    let DataType::Struct(fields) = entries.data_type() else { return Err(Error::internal("not a map type")) };
    let keys = crate::expression::cast::retype(&keys, fields[0].data_type())?;
    let values = crate::expression::cast::retype(&values, fields[1].data_type())?;
    let parts = StructArray::try_new(fields.clone(), vec![keys, values], None).map_err(broken)?;
    let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
    Ok(Arc::new(MapArray::try_new(entries.clone(), offsets, parts, nulls, false).map_err(broken)?))
}
