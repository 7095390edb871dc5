//! The manifest of a module: what it says about itself, read without running anything of it.

use arrow::datatypes::{DataType, Field, Fields};
use serde::Deserialize;

use super::limits::{COLUMN_PARTS_MAX, COLUMNS_MAX, MODULE_FUNCTIONS_MAX, NAME_BYTES_MAX};
use super::types::{Layout, children};
use crate::error::{Error, Result};
use crate::record::parse_ddl;

/// The version of the batch ABI that this server speaks.
pub const ABI_VERSION: u32 = 1;

/// What a module says about itself, checked.
#[derive(Debug)]
pub struct Manifest {
    /// The kit the module was written with, in its own words.
    pub sdk: String,
    pub functions: Vec<Function>,
}

/// A function that a query can name.
#[derive(Debug)]
pub struct Function {
    pub name: String,
    pub kind: Kind,
    pub inputs: Fields,
    pub outputs: Fields,
}

/// What a function is for, and what it says about itself beside its inputs and outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Rows in, rows out, nothing kept: map, filter, flat map.
    Transform {
        /// Whether each output row says which input row it came from. If not, there is one for each, in order.
        origin: bool,
    },
    /// Rows of a group into its state, and a value out of it.
    Aggregate { state: Fields },
    /// Rows of a group, its state and its timers into rows, state and timers.
    Group {
        /// The columns of the key that it wants to see: none for a function that works for any key.
        key: Fields,
        state: Fields,
        time: TimeMode,
    },
    /// Rows of a partition into effects.
    Foreach,
}

/// The time by which timers go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeMode {
    /// There are no timers.
    None,
    /// The watermark.
    Event,
    /// The clock, as each batch has it.
    Processing,
}

impl TimeMode {
    /// The word of the manifest.
    pub fn name(self) -> &'static str {
        match self {
            TimeMode::None => "none",
            TimeMode::Event => "event",
            TimeMode::Processing => "processing",
        }
    }
}

impl Kind {
    /// The word of the manifest.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Transform { .. } => "transform",
            Kind::Aggregate { .. } => "aggregate",
            Kind::Group { .. } => "group",
            Kind::Foreach => "foreach",
        }
    }
}

#[derive(Deserialize)]
struct Version {
    abi: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawManifest {
    #[serde(rename = "abi")]
    _abi: u32,
    sdk: String,
    functions: Vec<RawFunction>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum RawFunction {
    Transform {
        name: String,
        input: Vec<RawColumn>,
        output: Vec<RawColumn>,
        origin: bool,
    },
    Aggregate {
        name: String,
        input: Vec<RawColumn>,
        state: Vec<RawColumn>,
        output: Vec<RawColumn>,
    },
    Group {
        name: String,
        key: Vec<RawColumn>,
        input: Vec<RawColumn>,
        state: Vec<RawColumn>,
        output: Vec<RawColumn>,
        time: TimeMode,
    },
    Foreach {
        name: String,
        input: Vec<RawColumn>,
        output: Vec<RawColumn>,
    },
}

impl RawFunction {
    fn name(&self) -> &str {
        match self {
            RawFunction::Transform { name, .. }
            | RawFunction::Aggregate { name, .. }
            | RawFunction::Group { name, .. }
            | RawFunction::Foreach { name, .. } => name,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawColumn {
    name: String,
    #[serde(rename = "type")]
    sql_type: String,
}

impl Manifest {
    /// Reads the JSON of the custom section. A field or a kind that we do not know refuses the module, because it
    /// would not get what it asks for.
    pub fn parse(json: &[u8]) -> Result<Manifest> {
        let unread = |error: serde_json::Error| {
            Error::user("cannot read the manifest of the module").because(error).hint(format!(
                "udf-sdk/ABI.md describes it; this server speaks version {ABI_VERSION} of the ABI"
            ))
        };
        // The version comes first: a manifest of another version may differ in everything else.
        let version: Version = serde_json::from_slice(json).map_err(unread)?;
        if version.abi != ABI_VERSION {
            return Err(Error::user("the module speaks another version of the batch ABI")
                .with("module", version.abi)
                .with("server", ABI_VERSION)
                .hint(format!("build it with a kit for version {ABI_VERSION}")));
        }
        let raw: RawManifest = serde_json::from_slice(json).map_err(unread)?;
        check_name("sdk", &raw.sdk)?;
        let functions = raw.functions.iter().map(Function::check).collect::<Result<Vec<_>>>()?;
        if functions.is_empty() || functions.len() > MODULE_FUNCTIONS_MAX {
            return Err(Error::user("a module has between one and so many functions")
                .with("functions", functions.len())
                .with("functions_max", MODULE_FUNCTIONS_MAX));
        }
        for (index, function) in functions.iter().enumerate() {
            if functions[..index].iter().any(|other| other.name == function.name) {
                return Err(
                    Error::user("the manifest names a function twice").with("function", &function.name)
                );
            }
        }
        Ok(Manifest { sdk: raw.sdk, functions })
    }
}

impl Function {
    fn check(raw: &RawFunction) -> Result<Function> {
        let name = raw.name();
        let mut chars = name.chars();
        let starts = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if !starts || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_') || name.len() > NAME_BYTES_MAX {
            return Err(Error::user("a function's name is made of letters, digits and underscores")
                .with("function", name.escape_debug()));
        }
        Function::check_kind(name, raw).map_err(|error| error.with("function", name))
    }

    fn check_kind(name: &str, raw: &RawFunction) -> Result<Function> {
        let (kind, input, output) = match raw {
            RawFunction::Transform { input, output, origin, .. } => {
                (Kind::Transform { origin: *origin }, input, output)
            }
            RawFunction::Aggregate { input, state, output, .. } => {
                if output.len() != 1 {
                    let error = Error::user("an aggregate gives one column");
                    return Err(error.with("columns", output.len()));
                }
                (Kind::Aggregate { state: check_state(state)? }, input, output)
            }
            RawFunction::Group { key, input, state, output, time, .. } => {
                let (key, state) = (check_columns(key)?, check_state(state)?);
                (Kind::Group { key, state, time: *time }, input, output)
            }
            RawFunction::Foreach { input, output, .. } => {
                if output.is_empty() {
                    return Err(Error::user("a foreach function has at least one column for its effects"));
                }
                (Kind::Foreach, input, output)
            }
        };
        let (inputs, outputs) = (check_columns(input)?, check_columns(output)?);
        Ok(Function { name: name.into(), kind, inputs, outputs })
    }

    /// What the guest is told of at `open`: all columns that come to it.
    pub(super) fn columns_in(&self) -> Fields {
        match &self.kind {
            Kind::Transform { .. } | Kind::Foreach => self.inputs.clone(),
            Kind::Aggregate { state } => joined([&self.inputs, state]),
            Kind::Group { key, state, .. } => joined([key, &self.inputs, state]),
        }
    }

    /// What the guest tells at `open`: all columns that it hands back.
    pub(super) fn columns_out(&self) -> Fields {
        match &self.kind {
            Kind::Transform { .. } | Kind::Foreach => self.outputs.clone(),
            Kind::Aggregate { state } | Kind::Group { state, .. } => joined([state, &self.outputs]),
        }
    }
}

fn joined<const N: usize>(lists: [&Fields; N]) -> Fields {
    lists.into_iter().flat_map(|list| list.iter().cloned()).collect()
}

/// The columns of a state. A row of nulls is no state, so there must be one that can be something else.
fn check_state(columns: &[RawColumn]) -> Result<Fields> {
    if columns.is_empty() {
        return Err(Error::user("a state has at least one column"));
    }
    check_columns(columns)
}

fn check_name(what: &'static str, name: &str) -> Result<()> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(Error::user("a name in the manifest is empty, too long or not printable")
            .with(what, name.escape_debug())
            .with("bytes_max", NAME_BYTES_MAX));
    }
    Ok(())
}

fn check_columns(columns: &[RawColumn]) -> Result<Fields> {
    if columns.len() > COLUMNS_MAX {
        return Err(Error::user("a function has too many columns").with("columns_max", COLUMNS_MAX));
    }
    let mut fields: Vec<Field> = Vec::new();
    let mut parts = 0;
    for column in columns {
        check_name("column", &column.name)?;
        let in_column = |error: Error| error.with("column", &column.name);
        let data_type = check_type(&column.sql_type, &mut parts).map_err(in_column)?;
        if fields.iter().any(|field| field.name() == &column.name) {
            return Err(Error::user("a column is there twice").with("column", &column.name));
        }
        fields.push(Field::new(&column.name, data_type, true));
    }
    Ok(fields.into())
}

fn check_type(sql_type: &str, parts: &mut usize) -> Result<DataType> {
    let schema = parse_ddl(&format!("column {sql_type}"))?;
    match schema.fields().as_ref() {
        [field] if field.is_nullable() && Layout::of(field.data_type()).is_some() => {
            check_parts(field.data_type(), parts)?;
            Ok(field.data_type().clone())
        }
        _ => Err(Error::user("a column of the manifest has one type and may be null").with("type", sql_type)),
    }
}

/// Checks what a type is made of, and counts it in.
fn check_parts(data_type: &DataType, parts: &mut usize) -> Result<()> {
    *parts += 1;
    if *parts > COLUMN_PARTS_MAX {
        let error = Error::user("the columns of a function are made of too many parts");
        return Err(error.with("parts_max", COLUMN_PARTS_MAX));
    }
    for child in children(data_type) {
        if let DataType::Struct(_) = data_type {
            check_name("field", child.name())?;
        }
        match data_type {
            // The entries of a map and their keys are never null; what else a user names may always be.
            DataType::Map(_, _) => {
                children(child.data_type())
                    .iter()
                    .try_for_each(|part| check_parts(part.data_type(), parts))?;
            }
            _ if child.is_nullable() => check_parts(child.data_type(), parts)?,
            _ => {
                return Err(Error::user("a part of a column may be null: leave NOT NULL out")
                    .with("part", child.name()));
            }
        }
    }
    Ok(())
}
