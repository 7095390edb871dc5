//! A syntax tree as text: Spark's name of an unnamed column, and a canonical form for explain and plan hash.

use datafusion_common::ScalarValue;

use super::ast::{Ast, CallAst};
use super::names;
use crate::record::type_name;

#[derive(Clone, Copy, PartialEq)]
enum Style {
    /// As Spark names a column: strings without quotes.
    Pretty,
    /// Reads back to the same tree.
    Exact,
}

/// Spark's text of an expression in a column's name.
pub fn pretty(ast: &Ast) -> String {
    render(ast, Style::Pretty)
}

/// Text that reads back to the same expression.
pub fn to_sql(ast: &Ast) -> String {
    render(ast, Style::Exact)
}

/// The name of the column that an unaliased expression gives.
pub fn output_name(ast: &Ast) -> String {
    match ast {
        Ast::Name(name) => name.clone(),
        Ast::Field(parent, name) if is_path(parent) => name.clone(),
        Ast::Cast { value, .. } if is_path(value) => output_name(value),
        Ast::Alias(_, names) => names.join(", "),
        _ => pretty(ast),
    }
}

/// A column or a field of one.
fn is_path(ast: &Ast) -> bool {
    match ast {
        Ast::Name(_) => true,
        Ast::Field(parent, _) => is_path(parent),
        _ => false,
    }
}

fn render(ast: &Ast, style: Style) -> String {
    match ast {
        Ast::Literal(value, text) => literal(value, text, style),
        Ast::Name(name) => quoted(name, style),
        Ast::Field(parent, name) => format!("{}.{}", render(parent, style), quoted(name, style)),
        Ast::Index(parent, index) => format!("{}[{}]", render(parent, style), render(index, style)),
        Ast::Star(path) => path.iter().map(|name| format!("{name}.")).collect::<String>() + "*",
        Ast::Call(call) => call_text(call, style),
        // Spark's text leaves out casts to nested types.
        Ast::Cast { value, to, .. } if to.is_nested() && style == Style::Pretty => render(value, style),
        Ast::Cast { value, to, lenient } => {
            let name = if *lenient { "TRY_CAST" } else { "CAST" };
            format!("{name}({} AS {})", render(value, style), type_name(to))
        }
        Ast::Case { branches, otherwise } => {
            let mut text = "CASE".to_string();
            for (test, value) in branches {
                text += &format!(" WHEN {} THEN {}", render(test, style), render(value, style));
            }
            if let Some(otherwise) = otherwise {
                text += &format!(" ELSE {}", render(otherwise, style));
            }
            text + " END"
        }
        Ast::Lambda { parameters, body } if style == Style::Exact => {
            format!("({}) -> {}", parameters.join(", "), render(body, style))
        }
        Ast::Lambda { parameters, body } => {
            let variables = vec!["namedlambdavariable()"; parameters.len()].join(", ");
            format!("lambdafunction({}, {variables})", render(&hide_parameters(body, parameters), style))
        }
        Ast::Alias(value, names) => {
            let names: Vec<_> = names.iter().map(|name| quoted(name, style)).collect();
            let names = if names.len() == 1 { names.join("") } else { format!("({})", names.join(", ")) };
            format!("{} AS {names}", render(value, style))
        }
    }
}

fn quoted(name: &str, style: Style) -> String {
    let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    if plain || style == Style::Pretty { name.to_string() } else { format!("`{}`", name.replace('`', "``")) }
}

fn literal(value: &ScalarValue, text: &str, style: Style) -> String {
    if style == Style::Pretty {
        return text.to_string();
    }
    match value {
        ScalarValue::Utf8(Some(text)) => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        ScalarValue::Int64(Some(_)) => format!("{text}L"),
        ScalarValue::Int16(Some(_)) => format!("{text}S"),
        ScalarValue::Int8(Some(_)) => format!("{text}Y"),
        ScalarValue::Float64(Some(_)) => format!("{text}D"),
        ScalarValue::Float32(Some(_)) => format!("{text}F"),
        ScalarValue::Decimal128(Some(_), ..) => format!("{text}BD"),
        _ => text.to_string(),
    }
}

/// Lambda parameters have no name in Spark's text.
fn hide_parameters(ast: &Ast, parameters: &[String]) -> Ast {
    let hide = |ast: &Ast| hide_parameters(ast, parameters);
    match ast {
        Ast::Name(name) if parameters.iter().any(|p| p.eq_ignore_ascii_case(name)) => {
            Ast::Name("namedlambdavariable()".into())
        }
        Ast::Field(parent, name) => Ast::Field(Box::new(hide(parent)), name.clone()),
        Ast::Index(parent, index) => Ast::Index(Box::new(hide(parent)), Box::new(hide(index))),
        Ast::Call(call) => {
            let mut call = call.clone();
            call.arguments = call.arguments.iter().map(hide).collect();
            Ast::Call(call)
        }
        Ast::Cast { value, to, lenient } => {
            Ast::Cast { value: Box::new(hide(value)), to: to.clone(), lenient: *lenient }
        }
        Ast::Case { branches, otherwise } => Ast::Case {
            branches: branches.iter().map(|(test, value)| (hide(test), hide(value))).collect(),
            otherwise: otherwise.as_ref().map(|value| Box::new(hide(value))),
        },
        Ast::Lambda { parameters: inner, body } => {
            Ast::Lambda { parameters: inner.clone(), body: Box::new(hide(body)) }
        }
        Ast::Alias(value, names) => Ast::Alias(Box::new(hide(value)), names.clone()),
        other => other.clone(),
    }
}

const INFIX: [&str; 22] = [
    "+", "-", "*", "/", "%", "div", "=", "<=>", "<", "<=", ">", ">=", "and", "or", "&", "|", "^", "<<", ">>",
    ">>>", "==", "!=",
];

fn call_text(call: &CallAst, style: Style) -> String {
    let arguments: Vec<String> = call.arguments.iter().map(|argument| render(argument, style)).collect();
    let name = call.name.to_lowercase();
    match (name.as_str(), arguments.as_slice()) {
        ("and" | "or", [left, right]) => format!("({left} {} {right})", name.to_uppercase()),
        (operator, [left, right]) if INFIX.contains(&operator) => format!("({left} {operator} {right})"),
        ("not", [value]) => format!("(NOT {value})"),
        ("-", [value]) => format!("(- {value})"),
        ("positive", [value]) => format!("(+ {value})"),
        ("~", [value]) => format!("~{value}"),
        // Names that only the shown form of arithmetic on times has.
        ("time +" | "time -", [left, right]) => format!("{left} {} {right}", &name[5..]),
        ("field of", [parent, field]) => format!("{parent}.{field}"),
        ("isnull", [value]) => format!("({value} IS NULL)"),
        ("isnotnull", [value]) => format!("({value} IS NOT NULL)"),
        ("in", [value, list @ ..]) => format!("({value} IN ({}))", list.join(", ")),
        ("between", [value, low, high]) if style == Style::Exact => {
            format!("({value} BETWEEN {low} AND {high})")
        }
        ("rlike", [value, pattern]) if style == Style::Exact => format!("({value} RLIKE {pattern})"),
        ("like", [value, pattern]) => infix_like("LIKE", value, pattern, None, style),
        ("like", [value, pattern, escape]) => infix_like("LIKE", value, pattern, Some(escape), style),
        ("ilike", [value, pattern]) if style == Style::Exact => {
            infix_like("ILIKE", value, pattern, None, style)
        }
        ("ilike", [value, pattern, escape]) if style == Style::Exact => {
            infix_like("ILIKE", value, pattern, Some(escape), style)
        }
        ("extract", [field, source]) => {
            format!("extract({} FROM {source})", field.trim_matches('\''))
        }
        ("||", [left, right]) if style == Style::Exact => format!("({left} || {right})"),
        _ => plain_call(call, &name, &arguments, style),
    }
}

fn infix_like(word: &str, value: &str, pattern: &str, escape: Option<&String>, style: Style) -> String {
    let escape = escape.map_or(String::new(), |escape| match style {
        Style::Pretty => format!(" ESCAPE '{escape}'"),
        Style::Exact => format!(" ESCAPE {escape}"),
    });
    match style {
        Style::Pretty => format!("{value} {word} {pattern}{escape}"),
        Style::Exact => format!("({value} {word} {pattern}{escape})"),
    }
}

fn plain_call(call: &CallAst, name: &str, arguments: &[String], style: Style) -> String {
    let distinct = if call.distinct { "DISTINCT " } else { "" };
    let (shown, list) = match style {
        Style::Exact => (name.to_string(), arguments.to_vec()),
        Style::Pretty => match names::whole(name, arguments) {
            Some(text) => return text,
            None => names::parts(name, arguments),
        },
    };
    let list = list.join(", ");
    let mut text = format!("{shown}({distinct}{list})");
    if call.ignore_nulls && style == Style::Exact {
        text.push_str(" IGNORE NULLS");
    }
    if let Some(filter) = &call.filter {
        text += &format!(" FILTER (WHERE {})", render(filter, style));
    }
    text
}
