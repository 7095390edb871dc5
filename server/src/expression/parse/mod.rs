//! From SQL text to a syntax tree: Spark's expression grammar over sqlparser's tokens. Knows no types of columns.

mod ast;
mod calls;
mod forms;
mod interval;
mod lexer;
mod literal;
mod names;
mod parser;
mod render;
mod rewrite;

pub use ast::{Ast, CallAst};
pub use interval::{day_time_text, parse_day_time, parse_year_month, year_month_text};
pub use parser::{parse_expression, parse_order, parse_select_item};
pub use render::{output_name, pretty, to_sql};
pub use rewrite::{conjuncts, with_names};
