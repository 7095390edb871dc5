//! The list of groupBy: expressions, and at most one event-time window.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::ScalarValue;

use crate::error::{Error, Result};
use crate::expression::analyze::{Scope, is_orderable};
use crate::expression::analyzer::{Analyzer, at, unaliased};
use crate::expression::coercion::*;
use crate::expression::parse::{
    Ast, CallAst, conjuncts, parse_expression, parse_select_item, to_sql, with_names,
};
use crate::expression::scalar::Expression;
use crate::record::{parse_interval_micros, timestamp_type};

pub enum GroupKey {
    Expression(Expression),
    Window(WindowKey),
}

/// Windows of `width_us`, a new one every `slide_us`, shifted by `start_us` from the epoch; all in micros.
pub struct WindowKey {
    /// A TIMESTAMP or TIMESTAMP_NTZ; null drops the row.
    pub time: Expression,
    pub width_us: i64,
    pub slide_us: i64,
    pub start_us: i64,
    /// Named `window` or by the alias: STRUCT<start, end>, with the metadata of the time column.
    pub field: FieldRef,
    pub(super) ast: Ast,
}

impl GroupKey {
    pub fn field(&self) -> &FieldRef {
        match self {
            GroupKey::Expression(expression) => expression.field(),
            GroupKey::Window(window) => &window.field,
        }
    }

    pub(super) fn ast(&self) -> &Ast {
        match self {
            GroupKey::Expression(expression) => expression.ast(),
            GroupKey::Window(window) => &window.ast,
        }
    }
}

/// The parts of a predicate over a result that ask nothing but keys, as predicates over the input, and the other
/// parts as they are. Of a window nothing is asked before there are windows; `outputs` are the names of the
/// aggregates beside the keys, which a key must not share.
pub fn parts_on_keys(
    predicate: &str,
    keys: &[GroupKey],
    outputs: &[&str],
) -> Result<(Vec<String>, Vec<String>)> {
    let named = |name: &str| {
        let same = |other: &str| other.to_lowercase() == name.to_lowercase();
        let mut found = keys.iter().filter(|key| same(key.field().name()));
        match (found.next(), found.next()) {
            (Some(GroupKey::Expression(key)), None) if !outputs.iter().any(|output| same(output)) => {
                Some(key.ast().clone())
            }
            _ => None,
        }
    };
    let (mut on_keys, mut others) = (Vec::new(), Vec::new());
    for part in conjuncts(parse_expression(predicate)?) {
        match with_names(&part, &named) {
            Some(over_input) if has_names(&part) => on_keys.push(to_sql(&over_input)),
            _ => others.push(to_sql(&part)),
        }
    }
    Ok((on_keys, others))
}

/// A part without names is no matter of keys.
fn has_names(ast: &Ast) -> bool {
    with_names(ast, &|_| None).is_none()
}

impl Analyzer {
    /// The keys of a groupBy.
    pub fn keys(&self, items: &[String]) -> Result<Vec<GroupKey>> {
        let mut keys: Vec<GroupKey> = Vec::new();
        for item in items {
            let ast = parse_select_item(item)?;
            let key = self.key(&ast).map_err(|error| at(error, item))?;
            if matches!(key, GroupKey::Window(_)) && keys.iter().any(|key| matches!(key, GroupKey::Window(_)))
            {
                return Err(Error::user("a groupBy has two windows, which are not supported at once")
                    .with("expression", item)
                    .hint("group by one window, and by a second one in a query after it"));
            }
            keys.push(key);
        }
        Ok(keys)
    }

    fn key(&self, ast: &Ast) -> Result<GroupKey> {
        let (value, name) = unaliased(ast)?;
        if let Ast::Call(call) = value
            && call.name.eq_ignore_ascii_case("window")
        {
            return self.window(value, call, name).map(GroupKey::Window);
        }
        let expression = self.typed(ast)?;
        if !is_orderable(expression.field().data_type()) {
            return Err(Error::user("[GROUP_EXPRESSION_TYPE_IS_NOT_ORDERABLE] a MAP is no key of groups")
                .with("expression", expression.sql()));
        }
        Ok(GroupKey::Expression(expression))
    }

    fn window(&self, ast: &Ast, call: &CallAst, name: Option<String>) -> Result<WindowKey> {
        let arguments = call.arguments.as_slice();
        if !(2..=4).contains(&arguments.len()) {
            return Err(wrong_count("window", "2 to 4", arguments.len()));
        }
        let width_us = self.micros(&arguments[1])?;
        let slide_us = arguments.get(2).map_or(Ok(width_us), |ast| self.micros(ast))?;
        let start_us = arguments.get(3).map_or(Ok(0), |ast| self.micros(ast))?;
        check_window(width_us, slide_us, start_us)?;
        let (time, column) = self.window_column(&arguments[0])?;
        let fields = vec![
            Field::new("start", time.field().data_type().clone(), true),
            Field::new("end", time.field().data_type().clone(), true),
        ];
        let name = name.unwrap_or_else(|| "window".to_string());
        let mut field = Field::new(name, DataType::Struct(fields.into()), false);
        if let Some(column) = column {
            field = field.with_metadata(self.schema.field(column).metadata().clone());
        }
        Ok(WindowKey { time, width_us, slide_us, start_us, field: Arc::new(field), ast: ast.clone() })
    }

    /// The time to put into windows, and the column it comes from. An earlier window counts by its last instant.
    fn window_column(&self, ast: &Ast) -> Result<(Expression, Option<usize>)> {
        let found = self.typed(ast)?;
        let column = found.as_column();
        let expression = match found.field().data_type() {
            DataType::Struct(_) => self.typed(&Ast::call("window_time", vec![ast.clone()]))?,
            t if is_timestamp(t) => found,
            DataType::Date32 | DataType::Utf8 => {
                self.typed(&Ast::Cast { value: Box::new(ast.clone()), to: timestamp_type(), lenient: false })?
            }
            other => return Err(unexpected_type("window", 1, "TIMESTAMP", other)),
        };
        Ok((expression, column))
    }

    /// A constant length: `'10 seconds'`, an INTERVAL, or a number of micros.
    fn micros(&self, ast: &Ast) -> Result<i64> {
        let node = Scope::new(&self.schema, &self.environment).node(ast)?;
        match node.as_constant() {
            Some(ScalarValue::Utf8(Some(text))) => parse_interval_micros(text),
            Some(ScalarValue::DurationMicrosecond(Some(micros)) | ScalarValue::Int64(Some(micros))) => {
                Ok(*micros)
            }
            Some(ScalarValue::Int32(Some(micros))) => Ok(i64::from(*micros)),
            Some(ScalarValue::IntervalYearMonth(_)) => {
                Err(Error::user("[_LEGACY_ERROR_TEMP_3231] a window is given in months")
                    .hint("months differ in length: give it in days"))
            }
            _ => Err(Error::user("a window's lengths are constants")
                .hint("write window(time, '10 seconds', '5 seconds')")),
        }
    }
}

fn check_window(width: i64, slide: i64, start: i64) -> Result<()> {
    let refuse = |class: &str, why: &str| {
        Err(Error::user(format!("[DATATYPE_MISMATCH.{class}] {why}"))
            .with("width_us", width)
            .with("slide_us", slide)
            .with("start_us", start))
    };
    if width <= 0 {
        return refuse("VALUE_OUT_OF_RANGE", "a window's width is above 0");
    }
    if slide <= 0 {
        return refuse("VALUE_OUT_OF_RANGE", "a window's slide is above 0");
    }
    if slide > width {
        return refuse("PARAMETER_CONSTRAINT_VIOLATION", "a window's slide is at most its width");
    }
    if start.unsigned_abs() >= slide.unsigned_abs() {
        return refuse(
            "PARAMETER_CONSTRAINT_VIOLATION",
            "a window's start is less than its slide, either way",
        );
    }
    Ok(())
}
