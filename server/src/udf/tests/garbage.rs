//! Results with bent words and noise: an error or columns that hold together, never a panic.

use arrow::datatypes::{FieldRef, Fields};

use super::fuzz::{Target, told};
use super::*;
use crate::record::parse_ddl;
use crate::udf::memory::Memory;
use crate::udf::result::columns_only;
use crate::udf::schema::check_outputs;
use crate::udf::types::{children, format};

/// A guest's memory with a result at 8, made for three input rows.
struct Image {
    bytes: Vec<u8>,
}

impl Image {
    fn keep(&mut self, bytes: &[u8]) -> u32 {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let at = self.bytes.len() as u32;
        self.bytes.extend_from_slice(bytes);
        at
    }

    fn words(&mut self, words: &[u32]) -> u32 {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.keep(&bytes)
    }

    fn array(&mut self, rows: u32, buffers: &[u32], children: &[u32]) -> u32 {
        let (buffer_list, child_list) = (self.words(buffers), self.words(children));
        let (buffers, children) = (buffers.len() as u32, children.len() as u32);
        self.words(&[rows, 0, 0, 0, 0, 0, buffers, 0, children, 0, buffer_list, child_list, 0, 0, 0, 0])
    }

    fn schema(&mut self, format: &str, name: &str, children: &[u32]) -> u32 {
        let format = self.keep(format!("{format}\0").as_bytes());
        let name = self.keep(format!("{name}\0").as_bytes());
        let list = self.words(children);
        self.words(&[format, name, 0, 0, 2, 0, children.len() as u32, 0, list, 0, 0, 0])
    }

    fn schema_of(&mut self, field: &FieldRef) -> u32 {
        let below: Vec<_> = children(field.data_type()).iter().map(|child| self.schema_of(child)).collect();
        self.schema(&format(field.data_type()), field.name(), &below)
    }

    /// Two rows out of three: numbers with a null, flags, texts, arrays and maps; with origin, outcome and error texts.
    fn of_result() -> Image {
        let mut image = Image { bytes: vec![0; 40] };
        let validity = image.words(&[0b10]);
        let values = image.words(&[1, 2, 3, 4]);
        let offsets = image.words(&[0, 2, 4, 4]);
        let data = image.keep("äab".as_bytes());
        let number = image.array(2, &[validity, values], &[]);
        let flag = image.array(2, &[0, values], &[]);
        let text = image.array(2, &[validity, offsets, data], &[]);
        let texts = image.words(&[0, 1, 1, 3, 4]);
        let word = image.array(4, &[0, texts, values], &[]);
        let list = image.array(2, &[validity, offsets], &[word]);
        let key = image.array(4, &[0, values], &[]);
        let entry = image.array(4, &[0], &[key, word]);
        let map = image.array(2, &[validity, offsets], &[entry]);
        let columns = image.array(2, &[0], &[number, flag, text, list, map]);
        let rows = image.words(&[0, 2]);
        let origin = image.array(2, &[0, rows], &[]);
        let codes = image.keep(&[0, 2, 0]);
        let outcome = image.array(3, &[0, codes], &[]);
        let error = image.array(3, &[0, offsets, data], &[]);
        for (index, value) in [columns, origin, outcome, error].into_iter().enumerate() {
            image.bytes[8 + 4 * index..12 + 4 * index].copy_from_slice(&value.to_le_bytes());
        }
        image
    }
}

fn outputs() -> Fields {
    let ddl = "n BIGINT, flag BOOLEAN, text STRING, words ARRAY<STRING>, counts MAP<INT, STRING>";
    parse_ddl(ddl).unwrap().fields().clone()
}

fn read(bytes: &[u8]) -> Result<Transformed> {
    Transformed::read(Memory(bytes), 8, &outputs(), true, 0..3, 1 << 20)
}

/// Reads everything that a result says, as the engine will.
fn use_up(result: &Transformed) {
    let origin = result.origin.as_ref().unwrap();
    assert!(origin.values().iter().all(|row| *row < 3) && origin.values().is_sorted());
    for column in &result.columns {
        assert_eq!(column.len(), result.rows_out);
        column.to_data().validate_full().unwrap();
    }
}

#[test]
fn a_whole_result_is_read() {
    let result = read(&Image::of_result().bytes).unwrap();
    use_up(&result);
    assert_eq!(result.rows_out, 2);
    assert_eq!(result.columns[0].as_ref(), numbers(&[None, Some((4 << 32) | 3)]).as_ref());
    assert_eq!(texts(&result.columns[2]), [None, Some("ab".to_string())]);
    assert_eq!(result.errors, [RowError { row: 1, message: "ab".into() }]);
}

/// Reads bytes as the result of each kind of function, and as the schema of a batch.
fn read_all(bytes: &[u8]) -> Vec<String> {
    let fields = outputs();
    let mut said = vec![read(bytes).map(|result| use_up(&result))];
    said.push(columns_only(Memory(bytes), 8, &fields, 2, 1 << 20).map(|columns| hold_together(&columns)));
    let group = module("sessions").group("sessions").unwrap();
    said.push(group.read(Memory(bytes), 8, 3, 1 << 20).map(|output| {
        hold_together(&output.rows);
        hold_together(&output.states);
        assert!(output.timers.groups.iter().all(|group| *group < 3));
    }));
    said.push(check_outputs(Memory(bytes), 40, &fields));
    said.into_iter().map(|result| result.map_or_else(|error| told(&error), |()| "read".into())).collect()
}

fn hold_together(columns: &[ArrayRef]) {
    columns.iter().for_each(|column| column.to_data().validate_full().unwrap());
}

#[test]
fn fuzz_outputs() {
    let whole = Image::of_result().bytes;
    // Without the parts that only a transform has.
    let mut only_columns = whole.clone();
    only_columns[12..24].fill(0);
    // At 40, where it is looked for.
    let mut schema = Image { bytes: vec![0; 88] };
    let children: Vec<_> = outputs().iter().map(|field| schema.schema_of(field)).collect();
    let root = schema.schema("+s", "", &children) as usize;
    let head = schema.bytes[root..root + 48].to_vec();
    schema.bytes.splice(40..88, head);
    assert!(read(&whole).is_ok());
    let pool = vec![whole, only_columns, schema.bytes];
    Target { name: "output", turns: 10_000, pool, words: &[] }.run(|_, bytes| read_all(bytes).join("; "));
}
