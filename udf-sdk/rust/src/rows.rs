//! Output rows of several columns, where they come from, and what became of the input rows.

use core::ptr::null;

use crate::abi::{ArrowArray, CallResult, FAILED, OK, ROW_ERROR, ROW_OK, ROW_SKIP};
use crate::arena::keep;
use crate::buffer::Buffer;
use crate::build::{Build, BytesBuilder};
use crate::kind::{Kind, STRING};
use crate::put::{Put, Refused};

/// The columns of an output row: none as `()`, one kind, or a tuple of kinds.
pub trait Outputs {
    type Builders;
    fn builders(rows: usize) -> Self::Builders;
    fn rows(builders: &Self::Builders) -> usize;
    fn finish(builders: Self::Builders) -> ArrowArray;
}

/// A row for the columns `O`.
pub trait PutRow<O: Outputs> {
    /// Appends exactly one row; nulls where a value is refused.
    fn put_row(self, builders: &mut O::Builders) -> Result<(), Refused>;
}

impl<K: Kind> Outputs for K {
    type Builders = K::Builder;

    fn builders(rows: usize) -> K::Builder {
        K::Builder::with_rows(rows)
    }

    fn rows(builder: &K::Builder) -> usize {
        builder.rows()
    }

    fn finish(builder: K::Builder) -> ArrowArray {
        batch([builder.finish()])
    }
}

impl<K: Kind, V: Put<K>> PutRow<K> for V {
    #[inline(always)]
    fn put_row(self, builder: &mut K::Builder) -> Result<(), Refused> {
        self.put(builder)
    }
}

/// A function without columns of its own counts rows only: a filter.
impl Outputs for () {
    type Builders = usize;

    fn builders(_: usize) -> usize {
        0
    }

    fn rows(rows: &usize) -> usize {
        *rows
    }

    fn finish(rows: usize) -> ArrowArray {
        ArrowArray::of_columns(rows, [])
    }
}

impl PutRow<()> for () {
    #[inline(always)]
    fn put_row(self, rows: &mut usize) -> Result<(), Refused> {
        *rows += 1;
        Ok(())
    }
}

macro_rules! tuples {
    ($(($($kind:ident $value:ident $index:tt),+))+) => {$(
        impl<$($kind: Kind),+> Outputs for ($($kind,)+) {
            type Builders = ($($kind::Builder,)+);

            fn builders(rows: usize) -> Self::Builders {
                ($($kind::Builder::with_rows(rows),)+)
            }

            fn rows(builders: &Self::Builders) -> usize {
                builders.0.rows()
            }

            fn finish(builders: Self::Builders) -> ArrowArray {
                batch([$(builders.$index.finish()),+])
            }
        }

        impl<$($kind: Kind, $value: Put<$kind>),+> PutRow<($($kind,)+)> for ($($value,)+) {
            #[inline(always)]
            fn put_row(self, builders: &mut ($($kind::Builder,)+)) -> Result<(), Refused> {
                let mut refused = Ok(());
                $(
                    let put = self.$index.put(&mut builders.$index);
                    refused = refused.and(put);
                )+
                refused
            }
        }
    )+};
}

tuples! {
    (A VA 0, B VB 1)
    (A VA 0, B VB 1, C VC 2)
    (A VA 0, B VB 1, C VC 2, D VD 3)
    (A VA 0, B VB 1, C VC 2, D VD 3, E VE 4)
    (A VA 0, B VB 1, C VC 2, D VD 3, E VE 4, F VF 5)
    (A VA 0, B VB 1, C VC 2, D VD 3, E VE 4, F VF 5, G VG 6)
    (A VA 0, B VB 1, C VC 2, D VD 3, E VE 4, F VF 5, G VG 6, H VH 7)
}

/// A batch in the arena, made of columns that stay there.
pub fn batch<const N: usize>(columns: [ArrowArray; N]) -> ArrowArray {
    let rows = columns.first().map_or(0, |column| column.length as usize);
    ArrowArray::of_columns(rows, columns)
}

pub(crate) fn keep_array(array: ArrowArray) -> *const ArrowArray {
    let to = crate::arena::alloc_items::<ArrowArray>(1);
    // SAFETY: the arena just handed out room for one.
    unsafe { to.write(array) };
    to
}

/// What became of the rows; nothing is kept while all are well.
struct Outcomes {
    rows: usize,
    codes: Option<Buffer<u8>>,
    texts: Vec<(usize, Refused)>,
}

impl Outcomes {
    fn new(rows: usize) -> Outcomes {
        Outcomes { rows, codes: None, texts: Vec::new() }
    }

    #[cold]
    fn note(&mut self, row: usize, code: u8, text: Option<Refused>) {
        let codes = self.codes.get_or_insert_with(|| {
            let mut codes = Buffer::with_capacity(self.rows);
            codes.extend_with(self.rows, ROW_OK);
            codes
        });
        codes.as_mut_slice()[row] = code;
        self.texts.extend(text.map(|text| (row, text)));
    }

    /// The outcome column and the column of error texts; null when there is nothing to say.
    fn finish(self) -> (*const ArrowArray, *const ArrowArray) {
        let Some(codes) = self.codes else { return (null(), null()) };
        let outcome = keep_array(ArrowArray::of_buffers(self.rows, 0, &[null(), codes.as_ptr()]));
        if self.texts.is_empty() {
            return (outcome, null());
        }
        let mut texts = BytesBuilder::with_rows(self.rows);
        for (row, text) in self.texts {
            while texts.rows() < row {
                texts.push_null();
            }
            texts.push(text.as_bytes());
        }
        while texts.rows() < self.rows {
            texts.push_null();
        }
        (outcome, keep_array(texts.finish()))
    }
}

/// Where a row function puts its output rows: none, one or many for an input row.
pub struct Emit<O: Outputs> {
    builders: O::Builders,
    origin: Buffer<i32>,
    outcomes: Outcomes,
    row: usize,
}

impl<O: Outputs> Emit<O> {
    /// For an input of `rows` rows.
    pub fn new(rows: usize) -> Emit<O> {
        let origin = Buffer::with_capacity(rows);
        Emit { builders: O::builders(rows), origin, outcomes: Outcomes::new(rows), row: 0 }
    }

    /// Says which input row comes next.
    #[inline(always)]
    pub fn start_row(&mut self, row: usize) {
        self.row = row;
    }

    /// Emits a row. A refused value makes the input row an error row; the host drops what was emitted for it.
    #[inline(always)]
    pub fn emit(&mut self, values: impl PutRow<O>) {
        self.origin.push(self.row as i32);
        if let Err(text) = values.put_row(&mut self.builders) {
            self.error(text);
        }
    }

    /// Makes the input row an error row: what was and will be emitted for it is dropped.
    pub fn error(&mut self, text: impl ToString) {
        self.outcomes.note(self.row, ROW_ERROR, Some(text.to_string()));
    }

    /// Drops what was and will be emitted for the input row.
    pub fn skip(&mut self) {
        self.outcomes.note(self.row, ROW_SKIP, None);
    }

    pub(crate) fn into_builders(self) -> O::Builders {
        self.builders
    }

    pub fn finish(self, result: &mut CallResult) {
        result.columns = keep_array(O::finish(self.builders));
        result.origin =
            keep_array(ArrowArray::of_buffers(self.origin.len(), 0, &[null(), self.origin.as_ptr()]));
        (result.outcome, result.error) = self.outcomes.finish();
    }
}

impl Emit<STRING> {
    /// Emits a row for each piece of `text` between ASCII `separator`s, leaving out empty pieces.
    #[inline(always)]
    pub fn emit_pieces(&mut self, text: &str, separator: u8) {
        assert!(separator.is_ascii());
        let pieces = self.builders.push_pieces(text.as_bytes(), separator);
        self.origin.extend_same(pieces, self.row as i32);
    }
}

/// Where a function that gives one row for each input row has its rows put.
pub struct Map<O: Outputs> {
    builders: O::Builders,
    outcomes: Outcomes,
}

impl<O: Outputs> Map<O> {
    pub fn new(rows: usize) -> Map<O> {
        Map { builders: O::builders(rows), outcomes: Outcomes::new(rows) }
    }

    #[inline(always)]
    pub fn put(&mut self, row: usize, values: impl PutRow<O>) {
        if let Err(text) = values.put_row(&mut self.builders) {
            self.outcomes.note(row, ROW_ERROR, Some(text));
        }
    }

    pub fn finish(self, result: &mut CallResult) {
        result.columns = keep_array(O::finish(self.builders));
        (result.outcome, result.error) = self.outcomes.finish();
    }
}

/// Where one row for each group is put. A refused value fails the batch: a group cannot be left out.
pub struct Groups<O: Outputs> {
    builders: O::Builders,
    refused: Result<(), Refused>,
}

impl<O: Outputs> Groups<O> {
    pub fn new(groups: usize) -> Groups<O> {
        Groups { builders: O::builders(groups), refused: Ok(()) }
    }

    #[inline(always)]
    pub fn put(&mut self, values: impl PutRow<O>) {
        let put = values.put_row(&mut self.builders);
        if self.refused.is_ok() {
            self.refused = put;
        }
    }

    pub(crate) fn into_builders(self) -> O::Builders {
        self.builders
    }

    /// Hands the rows back as the columns of the result; the status of the call.
    pub fn finish(self, result: &mut CallResult) -> i32 {
        match self.into_array(result) {
            Some(columns) => {
                result.columns = columns;
                OK
            }
            None => FAILED,
        }
    }

    /// The rows; none if one was refused, which the result then says.
    pub(crate) fn into_array(self, result: &mut CallResult) -> Option<*const ArrowArray> {
        match self.refused {
            Ok(()) => Some(keep_array(O::finish(self.builders))),
            Err(text) => {
                finish_failed(&text, result);
                None
            }
        }
    }
}

/// Hands back columns that a whole-batch function built.
pub fn finish_columns<const N: usize>(columns: [ArrowArray; N], result: &mut CallResult) {
    result.columns = keep_array(batch(columns));
}

/// Hands back the text of a failure.
pub fn finish_failed(text: &str, result: &mut CallResult) {
    result.message = keep(text.as_bytes());
    result.message_bytes = text.len();
}
