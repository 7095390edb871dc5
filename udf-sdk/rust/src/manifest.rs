//! The manifest, written while the module is compiled, from the lines of `module!`.

use crate::abi::{ArrowArray, TransformResult};

/// A column of a function.
pub struct ColumnSpec {
    pub name: &'static str,
    pub sql: &'static str,
    /// Arrow's format string, ended by a zero.
    pub format: &'static str,
}

/// A function of the module.
pub struct Function {
    pub name: &'static str,
    pub inputs: &'static [ColumnSpec],
    pub outputs: &'static [ColumnSpec],
    pub origin: bool,
    /// # Safety
    /// The array is a batch of the inputs as the ABI describes it.
    pub run: unsafe fn(&ArrowArray, &mut TransformResult) -> i32,
}

/// The bytes of the manifest; with `N` too small their number is still right.
pub struct Manifest<const N: usize> {
    pub bytes: [u8; N],
    pub len: usize,
}

/// Writes the manifest of `functions`.
pub const fn manifest<const N: usize>(functions: &[Function]) -> Manifest<N> {
    let mut out = Manifest { bytes: [0; N], len: 0 };
    out.text(r#"{"abi":1,"sdk":"wasmill-udf "#);
    out.text(env!("CARGO_PKG_VERSION"));
    out.text(r#" rust","functions":["#);
    let mut index = 0;
    while index < functions.len() {
        let function = &functions[index];
        out.text(if index == 0 {
            r#"{"kind":"transform","name":""#
        } else {
            r#",{"kind":"transform","name":""#
        });
        out.text(function.name);
        out.text(r#"","input":["#);
        out.columns(function.inputs);
        out.text(r#"],"output":["#);
        out.columns(function.outputs);
        out.text(if function.origin { r#"],"origin":true}"# } else { r#"],"origin":false}"# });
        index += 1;
    }
    out.text("]}");
    out
}

impl<const N: usize> Manifest<N> {
    const fn text(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut index = 0;
        while index < bytes.len() {
            if self.len < N {
                self.bytes[self.len] = bytes[index];
            }
            self.len += 1;
            index += 1;
        }
    }

    const fn columns(&mut self, columns: &[ColumnSpec]) {
        let mut index = 0;
        while index < columns.len() {
            self.text(if index == 0 { r#"{"name":""# } else { r#",{"name":""# });
            self.text(columns[index].name);
            self.text(r#"","type":""#);
            self.text(columns[index].sql);
            self.text(r#""}"#);
            index += 1;
        }
    }
}
