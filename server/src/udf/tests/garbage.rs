//! Results with bent words and noise: an error or columns that hold together, never a panic.

use arrow::datatypes::{FieldRef, Fields};

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

#[test]
fn bent_results_never_panic() {
    let image = Image::of_result();
    let mut noise = Noise(77);
    let (mut whole, mut refused, mut only_columns) = (0, 0, 0);
    for turn in 0..20_000 {
        let mut bent = image.bytes.clone();
        for _ in 0..=turn % 4 {
            let at = 8 + 4 * noise.below((bent.len() - 8) / 4);
            let words = [
                0,
                1,
                u32::MAX,
                1 << 31,
                bent.len() as u32 - 1,
                noise.next() as u32,
                noise.below(bent.len()) as u32,
            ];
            let word = words[noise.below(words.len())];
            if let Some(to) = bent.get_mut(at..at + 4) {
                to.copy_from_slice(&word.to_le_bytes());
            }
        }
        // Every second one without the parts that only a transform has.
        if turn % 2 == 1 {
            bent[12..24].fill(0);
        }
        bent.truncate(if turn % 10 == 0 { noise.below(bent.len()) } else { bent.len() });
        match read(&bent) {
            Ok(result) => {
                use_up(&result);
                whole += 1;
            }
            Err(_) => refused += 1,
        }
        if let Ok(columns) = columns_only(Memory(&bent), 8, &outputs(), 2, 1 << 20) {
            columns.iter().for_each(|column| column.to_data().validate_full().unwrap());
            only_columns += 1;
        }
    }
    assert!(only_columns > 1_000, "{only_columns}");
    assert!(whole > 500 && refused > 1_000, "{whole} {refused}");
}

#[test]
fn bent_schemas_never_panic() {
    let fields = outputs();
    let mut image = Image { bytes: vec![0; 8] };
    let children: Vec<_> = fields.iter().map(|field| image.schema_of(field)).collect();
    let root = image.schema("+s", "", &children);
    assert!(check_outputs(Memory(&image.bytes), root, &fields).is_ok());
    let mut noise = Noise(78);
    for _ in 0..20_000 {
        let mut bent = image.bytes.clone();
        let at = noise.below(bent.len() - 4);
        bent[at..at + 4].copy_from_slice(&(noise.next() as u32 >> noise.below(32)).to_le_bytes());
        let at = [root, noise.next() as u32][noise.below(2)];
        // Right or refused, both are fine; a panic is not.
        drop(check_outputs(Memory(&bent), at, &fields));
    }
}
