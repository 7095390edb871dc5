//! The manifest, written while the module is compiled, from the lines of `module!`.

use core::ffi::c_void;

use crate::abi::CallResult;
use crate::kind::Kind;

/// A column of a function.
pub struct ColumnSpec {
    pub name: &'static str,
    pub sql: &'static str,
    /// Arrow's format string, ended by a zero.
    pub format: &'static str,
    /// What its type is made of.
    pub children: &'static [ColumnSpec],
}

impl ColumnSpec {
    pub const fn of<K: Kind>(name: &'static str) -> ColumnSpec {
        ColumnSpec { name, sql: K::SQL, format: K::FORMAT, children: K::CHILDREN }
    }
}

/// A function of the module.
pub struct Function {
    pub name: &'static str,
    pub inputs: &'static [ColumnSpec],
    pub outputs: &'static [ColumnSpec],
    pub kind: FunctionKind,
    /// # Safety
    /// The pointer leads to what the ABI says a function of this kind is called with.
    pub run: unsafe fn(*const c_void, &mut CallResult) -> i32,
}

/// What a function is for.
pub enum FunctionKind {
    Transform { origin: bool },
    Aggregate { state: &'static [ColumnSpec] },
    Group { key: &'static [ColumnSpec], state: &'static [ColumnSpec], time: &'static str },
    Foreach,
}

/// What the timers of a group function go by, as a module's line names it.
pub const fn time_mode(name: &str) -> &'static str {
    match name.as_bytes() {
        b"event" => "event",
        b"processing" => "processing",
        _ => {
            assert!(name.is_empty(), "the timers of a group function go `by event` or `by processing`");
            "none"
        }
    }
}

impl Function {
    /// The columns that come to the function, in the order of `open`.
    pub fn columns_in(&self) -> impl Iterator<Item = &'static ColumnSpec> + Clone {
        let (key, state): (&[ColumnSpec], &[ColumnSpec]) = match self.kind {
            FunctionKind::Transform { .. } | FunctionKind::Foreach => (&[], &[]),
            FunctionKind::Aggregate { state } => (&[], state),
            FunctionKind::Group { key, state, .. } => (key, state),
        };
        key.iter().chain(self.inputs).chain(state)
    }

    /// The columns that the function hands back, in the order of `open`.
    pub fn columns_out(&self) -> impl Iterator<Item = &'static ColumnSpec> + Clone {
        let state: &[ColumnSpec] = match self.kind {
            FunctionKind::Transform { .. } | FunctionKind::Foreach => &[],
            FunctionKind::Aggregate { state } | FunctionKind::Group { state, .. } => state,
        };
        state.iter().chain(self.outputs)
    }
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
        out.text(if index == 0 { r#"{"name":""# } else { r#",{"name":""# });
        out.text(function.name);
        out.text(r#"","input":["#);
        out.columns(function.inputs);
        out.text(r#"],"output":["#);
        out.columns(function.outputs);
        match function.kind {
            FunctionKind::Transform { origin: true } => out.text(r#"],"kind":"transform","origin":true}"#),
            FunctionKind::Transform { origin: false } => out.text(r#"],"kind":"transform","origin":false}"#),
            FunctionKind::Foreach => out.text(r#"],"kind":"foreach"}"#),
            FunctionKind::Aggregate { state } => {
                out.text(r#"],"kind":"aggregate","state":["#);
                out.columns(state);
                out.text("]}");
            }
            FunctionKind::Group { key, state, time } => {
                out.text(r#"],"kind":"group","key":["#);
                out.columns(key);
                out.text(r#"],"state":["#);
                out.columns(state);
                out.text(r#"],"time":""#);
                out.text(time);
                out.text(r#""}"#);
            }
        }
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
