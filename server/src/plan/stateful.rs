//! What of a plan keeps state: an aggregation, or a function of a module. And the second one, resolved over a schema.

use std::sync::Arc;

use arrow::datatypes::{Field, FieldRef, SchemaRef};

use super::context::PlanContext;
use super::spec::GroupSpec;
use super::stage::{arguments, texts};
use crate::error::{Error, Result};
use crate::expression::{Analyzer, Expression, GroupKey};
use crate::operator::WATERMARK_DELAY_KEY;
use crate::operator::aggregate::{self, Aggregation};
use crate::operator::group::{self, GroupParts, GroupStage};
use crate::record::{parse_interval_micros, type_name};
use crate::sink::OutputMode;
use crate::state::OperatorState;
use crate::udf::{Group, TimeMode};

/// The stateful stage that a plan may have.
pub enum Stateful {
    Aggregation(Arc<Aggregation>),
    Group(Arc<GroupStage>),
}

impl Stateful {
    pub fn schema(&self) -> &SchemaRef {
        match self {
            Stateful::Aggregation(aggregation) => aggregation.schema(),
            Stateful::Group(stage) => stage.schema(),
        }
    }

    /// What Spark's progress calls it.
    pub fn operator_name(&self) -> &'static str {
        match self {
            Stateful::Aggregation(_) => "stateStoreSave",
            Stateful::Group(_) => "transformWithStateExec",
        }
    }

    /// Its state operators; the rows of the first are its keys.
    pub fn operators(&self) -> Vec<OperatorState> {
        let operator = |name: &str, format_version| OperatorState { name: name.to_string(), format_version };
        match self {
            Stateful::Aggregation(_) => vec![operator("aggregation", aggregate::FORMAT_VERSION)],
            Stateful::Group(_) => {
                vec![operator("group", group::FORMAT_VERSION), operator("group-times", group::FORMAT_VERSION)]
            }
        }
    }

    /// Whether a watermark that moved lets rows leave without new ones.
    pub fn goes_by_watermark(&self, mode: OutputMode) -> bool {
        match self {
            Stateful::Aggregation(_) => mode != OutputMode::Complete,
            Stateful::Group(stage) => stage.function().time() == TimeMode::Event,
        }
    }

    /// Whether the clock lets rows leave without new ones.
    pub fn goes_by_clock(&self) -> bool {
        matches!(self, Stateful::Group(stage) if stage.function().time() == TimeMode::Processing)
    }
}

/// What a `groupBy` with `udf` is over one schema.
pub fn group_parts(
    schema: &SchemaRef,
    keys: &[String],
    spec: &GroupSpec,
    context: &PlanContext,
) -> Result<GroupParts> {
    let analyzer = Analyzer::new(schema.clone(), context.environment.clone());
    let function = context.module(&spec.udf.module)?.group(&spec.udf.function)?;
    let keys = analyzer.keys(keys)?.into_iter().map(plain_key).collect::<Result<Vec<_>>>()?;
    check_keys(&function, &keys)?;
    let arguments = arguments(&analyzer, &function, &texts(&spec.udf.input))?;
    let event_time = event_time(schema, &function)?;
    let ttl_us = spec.ttl.as_deref().map(|ttl| ttl_micros(ttl, &function)).transpose()?;
    Ok(GroupParts { function, module: spec.udf.module.clone(), keys, arguments, event_time, ttl_us })
}

/// The columns of the schema that the stage reads.
pub fn columns_read(parts: &GroupParts) -> impl Iterator<Item = usize> + '_ {
    let expressions = parts.keys.iter().chain(&parts.arguments);
    expressions.flat_map(Expression::columns).copied().chain(parts.event_time)
}

fn plain_key(key: GroupKey) -> Result<Expression> {
    match key {
        GroupKey::Expression(expression) => Ok(expression),
        GroupKey::Window(window) => Err(Error::user("a group function has no windows among its keys")
            .with("key", window.field.name())
            .hint("group by plain columns; the function keeps its own windows, with timers for their ends")),
    }
}

fn columns(fields: impl Iterator<Item = FieldRef>) -> String {
    let column = |field: FieldRef| format!("{} {}", field.name(), type_name(field.data_type()));
    fields.map(column).collect::<Vec<_>>().join(", ")
}

/// A function that wants to see its key says of which types it is.
fn check_keys(function: &Group, keys: &[Expression]) -> Result<()> {
    let given = || keys.iter().map(|key| key.field().clone());
    let wanted = function.key();
    let differs = |(given, wanted): (FieldRef, &Arc<Field>)| given.data_type() != wanted.data_type();
    if !wanted.is_empty() && (wanted.len() != keys.len() || given().zip(wanted).any(differs)) {
        return Err(Error::user("the function takes another key")
            .with("function", function.name())
            .with("given", columns(given()))
            .hint(format!("group by ({})", columns(wanted.iter().cloned()))));
    }
    let is_key =
        |field: &&FieldRef| keys.iter().any(|key| key.field().name().eq_ignore_ascii_case(field.name()));
    match function.outputs().iter().find(is_key) {
        Some(field) => Err(Error::user("a key and a column that the function gives have one name")
            .with("function", function.name())
            .with("column", field.name())
            .hint("give the key another name in a `select` before the `groupBy`")),
        None => Ok(()),
    }
}

/// The column whose late rows are dropped: the watermark's, if the function goes by it.
fn event_time(schema: &SchemaRef, function: &Group) -> Result<Option<usize>> {
    if function.time() != TimeMode::Event {
        return Ok(None);
    }
    let is_event_time = |field: &FieldRef| field.metadata().contains_key(WATERMARK_DELAY_KEY);
    match schema.fields().iter().position(is_event_time) {
        Some(column) => Ok(Some(column)),
        None => Err(Error::user("the timers of the function go by the watermark, and the stream has none")
            .with("function", function.name())
            .hint("put `withWatermark` before the `groupBy`")),
    }
}

fn ttl_micros(ttl: &str, function: &Group) -> Result<i64> {
    if function.time() != TimeMode::Processing {
        return Err(Error::user("`ttl` is for functions whose time is the clock")
            .with("function", function.name())
            .with("time", function.time().name())
            .hint("leave `ttl` away and let the function forget its state with a timer"));
    }
    let micros = parse_interval_micros(ttl)?;
    if micros <= 0 {
        return Err(Error::user("`ttl` is not more than nothing").with("ttl", ttl).hint("write `1 hour`"));
    }
    Ok(micros)
}
