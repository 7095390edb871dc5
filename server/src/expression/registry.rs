//! What a named function is to the analyzer: names, typing rule, kernel. Holds no function itself.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use arrow::datatypes::DataType;
use datafusion_common::ScalarValue;
use datafusion_expr_common::columnar_value::ColumnarValue;

use super::function;
use crate::error::Result;

/// What the analyzer knows of an argument before a function types the call.
pub struct Argument<'a> {
    pub data_type: &'a DataType,
    pub nullable: bool,
    /// The name that it gives a field made of it: of a column or a field, none of other expressions.
    pub name: Option<&'a str>,
    /// The value, if the argument is a constant (constant expressions are folded first).
    pub literal: Option<&'a ScalarValue>,
}

/// A typed call. The analyzer casts each argument to its type here, by Spark's implicit casts.
pub struct Call {
    pub arguments: Vec<DataType>,
    pub output: DataType,
    pub nullable: bool,
    pub kernel: Kernel,
}

/// Computes a column from the arguments and the number of rows. Constants come as scalars; the result is an
/// array of that many rows, or a scalar that stands for all of them. Errors hold Spark's error class in
/// brackets: `Error::user("[DIVIDE_BY_ZERO] division by zero")`; the analyzer adds the expression's text.
pub type Kernel = Arc<dyn Fn(&[ColumnarValue], usize) -> Result<ColumnarValue> + Send + Sync>;

/// A function by its names (lower case; the first is the main one).
///
/// `resolve` is called once a call, at analysis: it checks number and types of the arguments and prepares
/// what constants allow (compiles a regex, parses a pattern).
pub struct Function {
    pub names: &'static [&'static str],
    pub resolve: fn(&[Argument]) -> Result<Call>,
}

/// The function of that name, in any case.
pub fn lookup(name: &str) -> Option<&'static Function> {
    static TABLE: OnceLock<HashMap<&'static str, &'static Function>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let functions = function::TABLES.iter().flat_map(|table| table.iter());
        functions.flat_map(|function| function.names.iter().map(move |name| (*name, function))).collect()
    });
    table.get(name.to_lowercase().as_str()).copied()
}

/// All function names, sorted; for the "did you mean" of an unknown one.
pub fn names() -> Vec<&'static str> {
    let functions = function::TABLES.iter().flat_map(|table| table.iter());
    let mut names: Vec<_> = functions.flat_map(|function| function.names.iter().copied()).collect();
    names.sort_unstable();
    names
}
