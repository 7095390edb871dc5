//! Schemas across the boundary, once when an instance is opened: ours written, the guest's compared.

use arrow::datatypes::{DataType, FieldRef, Fields};

use super::limits::NAME_BYTES_MAX;
use super::memory::{Block, Memory, RESULT_BYTES, SCHEMA_BYTES, printable, refuse};
use super::types::{children, format};
use crate::error::Result;

/// Arrow's flag of a column that may hold nulls.
const NULLABLE: i64 = 2;

// Places in ArrowSchema.
const FORMAT: usize = 0;
const NAME: usize = 4;
const FLAGS: usize = 16;
const CHILD_COUNT: usize = 24;
const CHILDREN: usize = 32;
const DICTIONARY: u32 = 36;

const STEP: usize = SCHEMA_BYTES as usize;

/// Where the parts of the block for `open` start; the result comes first.
pub struct SchemaBlock<'a> {
    fields: &'a Fields,
    pub inputs: usize,
    pub outputs: usize,
    pub bytes: usize,
}

/// The next free place of each part of the block while it is written.
struct Places {
    schema: usize,
    pointer: usize,
    text: usize,
}

impl SchemaBlock<'_> {
    pub fn plan(fields: &Fields) -> SchemaBlock<'_> {
        let inputs = (RESULT_BYTES as usize).next_multiple_of(8);
        let outputs = inputs + STEP;
        let (schemas, text_bytes) = sizes(fields);
        let bytes = outputs + STEP + schemas * (STEP + 4) + text_bytes + ROOT_TEXT.len();
        SchemaBlock { fields, inputs, outputs, bytes }
    }

    /// Writes the struct schema of the inputs, and zeros for what the guest fills in.
    pub fn write(&self, block: &mut Block<'_>) -> Result<()> {
        block.part(0, self.bytes)?.fill(0);
        let (schemas, _) = sizes(self.fields);
        let schema = self.outputs + STEP;
        let pointer = schema + schemas * STEP;
        let mut places = Places { schema, pointer, text: pointer + 4 * schemas };
        block.put(places.text, ROOT_TEXT)?;
        block.put_u32(self.inputs + FORMAT, block.address(places.text))?;
        // The name of a batch is empty: it points at the zero behind its format.
        block.put_u32(self.inputs + NAME, block.address(places.text + 2))?;
        places.text += ROOT_TEXT.len();
        write_children(block, self.inputs, self.fields, &mut places)
    }
}

/// The format of a batch, with its zero.
const ROOT_TEXT: &[u8] = b"+s\0";

/// How many schemas there are for `fields` and all below them, and the bytes of their texts.
fn sizes(fields: &[FieldRef]) -> (usize, usize) {
    let of_field = |field: &FieldRef| {
        let (schemas, bytes) = sizes(children(field.data_type()));
        (schemas + 1, bytes + format(field.data_type()).len() + field.name().len() + 2)
    };
    fields.iter().map(of_field).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

/// Gives the schema at `parent` children for `fields`.
fn write_children(
    block: &mut Block<'_>,
    parent: usize,
    fields: &[FieldRef],
    places: &mut Places,
) -> Result<()> {
    let (schemas, pointers) = (places.schema, places.pointer);
    places.schema += STEP * fields.len();
    places.pointer += 4 * fields.len();
    block.put_i64(parent + CHILD_COUNT, fields.len() as i64)?;
    block.put_u32(parent + CHILDREN, block.address(pointers))?;
    for (index, field) in fields.iter().enumerate() {
        let schema = schemas + STEP * index;
        block.put_u32(pointers + 4 * index, block.address(schema))?;
        block.put_i64(schema + FLAGS, if field.is_nullable() { NULLABLE } else { 0 })?;
        for (place, value) in [(FORMAT, format(field.data_type()).as_str()), (NAME, field.name())] {
            block.put(places.text, value.as_bytes())?;
            block.put_u32(schema + place, block.address(places.text))?;
            places.text += value.len() + 1;
        }
        write_children(block, schema, children(field.data_type()), places)?;
    }
    Ok(())
}

/// Refuses a guest whose output schema at `at` is not the one of its manifest.
pub fn check_outputs(memory: Memory<'_>, at: u32, fields: &Fields) -> Result<()> {
    let list = children_of(memory, at, b"+s", fields.len())?;
    fields.iter().enumerate().try_for_each(|(index, field)| {
        check_column(memory, list, index, field, true).map_err(|error| error.with("column", field.name()))
    })
}

/// Checks the schema of a column, item `index` of a list of pointers. The names of the items of arrays and maps are
/// not looked at: Arrow's libraries do not agree about them.
fn check_column(memory: Memory<'_>, list: u32, index: usize, field: &FieldRef, named: bool) -> Result<()> {
    let at = memory.pointer(list, index)?;
    let below = children(field.data_type());
    let list = children_of(memory, at, format(field.data_type()).as_bytes(), below.len())?;
    if named {
        let name = memory.c_text(memory.u32(at.saturating_add(NAME as u32))?, NAME_BYTES_MAX)?;
        if name != field.name().as_bytes() {
            return Err(refuse("open gave another column name than the manifest")
                .with("manifest", field.name())
                .with("open", printable(name, NAME_BYTES_MAX)));
        }
    }
    // The entries of a map are a struct too, the only one that is never null.
    let named = matches!(field.data_type(), DataType::Struct(_)) && field.is_nullable();
    below.iter().enumerate().try_for_each(|(index, field)| check_column(memory, list, index, field, named))
}

/// The list of children of the schema at `at`, which must have this format and so many of them.
fn children_of(memory: Memory<'_>, at: u32, format: &[u8], count: usize) -> Result<u32> {
    memory.bytes(at, STEP)?;
    let found = memory.c_text(memory.u32(at + FORMAT as u32)?, NAME_BYTES_MAX)?;
    if found != format {
        return Err(refuse("open gave another type than the manifest")
            .with("manifest", String::from_utf8_lossy(format))
            .with("open", printable(found, NAME_BYTES_MAX)));
    }
    let found = memory.i64(at + CHILD_COUNT as u32)?;
    if found != count as i64 {
        let error = refuse("open gave another number of columns than the manifest");
        return Err(error.with("manifest", count).with("open", found));
    }
    if memory.u32(at + DICTIONARY)? != 0 {
        return Err(refuse("the batch ABI carries no dictionaries"));
    }
    memory.u32(at + CHILDREN as u32)
}
