//! Schemas across the boundary, once when an instance is opened: ours written, the guest's compared.

use arrow::datatypes::Fields;

use super::limits::NAME_BYTES_MAX;
use super::memory::{Block, Memory, RESULT_BYTES, SCHEMA_BYTES, refuse};
use super::types::format;
use crate::error::{Error, Result};

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
    children: usize,
    pointers: usize,
    texts: usize,
}

impl SchemaBlock<'_> {
    pub fn plan(fields: &Fields) -> SchemaBlock<'_> {
        let inputs = (RESULT_BYTES as usize).next_multiple_of(8);
        let outputs = inputs + STEP;
        let children = outputs + STEP;
        let pointers = children + STEP * fields.len();
        let texts = pointers + 4 * fields.len();
        let text_bytes: usize = fields.iter().map(|f| format(f.data_type()).len() + f.name().len() + 2).sum();
        SchemaBlock { fields, inputs, outputs, bytes: texts + text_bytes + 4, children, pointers, texts }
    }

    /// Writes the struct schema of the inputs, and zeros for what the guest fills in.
    pub fn write(&self, block: &mut Block<'_>) -> Result<()> {
        block.part(0, self.bytes)?.fill(0);
        let mut text = self.texts;
        block.put(text, b"+s\0")?;
        block.put_u32(self.inputs + FORMAT, block.address(text))?;
        // The name of a batch is empty: it points at the zero behind its format.
        block.put_u32(self.inputs + NAME, block.address(text + 2))?;
        block.put_i64(self.inputs + CHILD_COUNT, self.fields.len() as i64)?;
        block.put_u32(self.inputs + CHILDREN, block.address(self.pointers))?;
        text += 3;
        for (index, field) in self.fields.iter().enumerate() {
            let child = self.children + STEP * index;
            block.put_u32(self.pointers + 4 * index, block.address(child))?;
            block.put_i64(child + FLAGS, NULLABLE)?;
            for (place, value) in [(FORMAT, format(field.data_type()).as_str()), (NAME, field.name())] {
                block.put(text, value.as_bytes())?;
                block.put_u32(child + place, block.address(text))?;
                text += value.len() + 1;
            }
        }
        Ok(())
    }
}

/// Refuses a guest whose output schema at `at` is not the one of its manifest.
pub fn check_outputs(memory: Memory<'_>, at: u32, fields: &Fields) -> Result<()> {
    let children = children_of(memory, at, b"+s", fields.len())?;
    for (index, field) in fields.iter().enumerate() {
        let in_column = |error: Error| error.with("column", field.name());
        let child = memory.pointer(children, index).map_err(in_column)?;
        children_of(memory, child, format(field.data_type()).as_bytes(), 0).map_err(in_column)?;
        let name = memory.c_text(memory.u32(child.saturating_add(4)).map_err(in_column)?, NAME_BYTES_MAX);
        if name.map_err(in_column)? != field.name().as_bytes() {
            return Err(in_column(refuse("open gave another column name than the manifest")));
        }
    }
    Ok(())
}

/// The list of children of the schema at `at`, which must have this format and so many of them.
fn children_of(memory: Memory<'_>, at: u32, format: &[u8], count: usize) -> Result<u32> {
    memory.bytes(at, STEP)?;
    let found = memory.c_text(memory.u32(at + FORMAT as u32)?, NAME_BYTES_MAX)?;
    if found != format {
        return Err(refuse("open gave another type than the manifest")
            .with("manifest", String::from_utf8_lossy(format))
            .with("open", super::memory::printable(found, NAME_BYTES_MAX)));
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
