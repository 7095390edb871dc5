//! The manifest of a module: what it says about itself, read without running anything of it.

use arrow::datatypes::{DataType, Field, Fields};
use serde::Deserialize;

use super::limits::{COLUMNS_MAX, MODULE_FUNCTIONS_MAX, NAME_BYTES_MAX};
use super::types::Layout;
use crate::error::{Error, Result};
use crate::record::{parse_ddl, type_name};

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
    /// Whether each output row says which input row it came from. If not, there is one for each, in order.
    pub origin: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Rows in, rows out, nothing kept: map, filter, flat map.
    Transform,
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
#[serde(deny_unknown_fields)]
struct RawFunction {
    kind: Kind,
    name: String,
    input: Vec<RawColumn>,
    output: Vec<RawColumn>,
    origin: bool,
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
        let functions = raw.functions.into_iter().map(Function::check).collect::<Result<Vec<_>>>()?;
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
    fn check(raw: RawFunction) -> Result<Function> {
        let mut chars = raw.name.chars();
        let starts = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if !starts || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_') || raw.name.len() > NAME_BYTES_MAX
        {
            return Err(Error::user("a function's name is made of letters, digits and underscores")
                .with("function", raw.name.escape_debug()));
        }
        let in_function = |error: Error| error.with("function", &raw.name);
        let inputs = check_columns(&raw.input).map_err(in_function)?;
        let outputs = check_columns(&raw.output).map_err(in_function)?;
        Ok(Function { name: raw.name, kind: raw.kind, inputs, outputs, origin: raw.origin })
    }
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
    for column in columns {
        check_name("column", &column.name)?;
        let data_type = check_type(&column.sql_type).map_err(|error| error.with("column", &column.name))?;
        if fields.iter().any(|field| field.name() == &column.name) {
            return Err(Error::user("a column is there twice").with("column", &column.name));
        }
        fields.push(Field::new(&column.name, data_type, true));
    }
    Ok(fields.into())
}

fn check_type(sql_type: &str) -> Result<DataType> {
    let schema = parse_ddl(&format!("column {sql_type}"))?;
    match schema.fields().as_ref() {
        [field] if field.is_nullable() => match Layout::of(field.data_type()) {
            Some(_) => Ok(field.data_type().clone()),
            None => Err(Error::user("the batch ABI does not carry this type")
                .with("type", type_name(field.data_type()))
                .hint("it carries BOOLEAN, the numbers, DECIMAL, STRING, BINARY, DATE, TIMESTAMP, TIMESTAMP_NTZ and INTERVAL DAY TO SECOND")),
        },
        _ => Err(Error::user("a column of the manifest has one type and may be null").with("type", sql_type)),
    }
}
