//! The stateless stages of a branch: resolved over full schemas, then built over only the columns that later
//! stages need. Building twice from the same text keeps resolution by name in one place, the analyzer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};

use super::context::PlanContext;
use super::spec::{At, StageSpec, UdfSpec};
use crate::error::{Error, Result};
use crate::expression::coercion::widens_to;
use crate::expression::{Analyzer, Expression, SelectItem};
use crate::operator::{
    Filter, Generate, Guests, OnError, Project, Stage, UdfColumn, UdfStage, WATERMARK_DELAY_KEY,
    WatermarkStage,
};
use crate::record::{parse_delay_micros, timestamp_type, type_name};
use crate::udf::{Callable, Transform, same_layout};

/// One stage, ready to be built over any schema that has the columns it reads.
#[derive(Clone)]
pub enum Step {
    /// Select items, each as it was written.
    Select(Vec<String>),
    Filter(String),
    WithColumn {
        name: String,
        expr: String,
    },
    Watermark {
        column: String,
        delay_us: i64,
        node: usize,
    },
    Udf {
        transform: Arc<Transform>,
        module: String,
        input: Vec<String>,
        on_error: OnError,
        guests: Arc<Guests>,
    },
}

impl Step {
    /// The step of a stateless stage; none for the others. What a `udf` does with refused rows is said later.
    pub fn resolve(spec: &StageSpec, node: usize, context: &PlanContext) -> Result<Option<Step>> {
        Ok(Some(match spec {
            StageSpec::Select(items) => Step::Select(texts(items)),
            StageSpec::Filter(predicate) => Step::Filter(predicate.clone()),
            StageSpec::WithColumn { name, expr } => {
                Step::WithColumn { name: name.clone(), expr: expr.clone() }
            }
            StageSpec::WithWatermark { column, delay } => {
                let delay_us = parse_delay_micros(delay)?;
                if delay_us < 0 {
                    return Err(Error::user("the delay of a watermark is negative")
                        .with("delay", delay)
                        .hint("use `0 seconds` or more"));
                }
                Step::Watermark { column: column.clone(), delay_us, node }
            }
            StageSpec::Udf(UdfSpec { module, function, input, reuse, .. }) => {
                let transform = context.module(module)?.transform(function)?;
                let guests = Arc::new(Guests::new(transform.clone(), *reuse));
                let (module, input, on_error) = (module.clone(), texts(input), OnError::Fail);
                Step::Udf { transform, module, input, on_error, guests }
            }
            _ => return Ok(None),
        }))
    }

    /// For `explain`.
    pub fn describe(&self) -> String {
        match self {
            Step::Select(items) => format!("select {}", items.join(", ")),
            Step::Filter(predicate) => format!("filter {predicate}"),
            Step::WithColumn { name, expr } => format!("withColumn {name} = {expr}"),
            Step::Watermark { column, delay_us, .. } => {
                format!("withWatermark {column} delay {} ms", delay_us / 1_000)
            }
            Step::Udf { transform, module, input, .. } => {
                format!("udf {module}.{}({})", transform.name(), input.join(", "))
            }
        }
    }

    /// Builds the stage over `schema`. Of a `select`, only items that give a column in `needed` are kept (all, if
    /// `needed` is nothing); a generator is always kept, since it decides how many rows there are.
    pub fn build(
        &self,
        schema: &SchemaRef,
        needed: Option<&BTreeSet<String>>,
        context: &PlanContext,
    ) -> Result<Arc<dyn Stage>> {
        let analyzer = Analyzer::new(schema.clone(), context.environment.clone());
        match self {
            Step::Select(items) => select(&analyzer, items, needed),
            Step::Filter(predicate) => {
                Ok(Arc::new(Filter::new(analyzer.predicate(predicate)?, schema.clone())))
            }
            Step::WithColumn { name, expr } => with_column(&analyzer, schema, name, expr, needed),
            Step::Watermark { column, delay_us, node } => {
                Ok(Arc::new(watermark(&analyzer, schema, column, *delay_us, *node)?))
            }
            Step::Udf { transform, input, on_error, guests, .. } => {
                let guests = guests.clone();
                let stage = udf(&analyzer, schema, (transform, guests), input, needed)?;
                Ok(Arc::new(UdfStage { on_error: *on_error, ..stage }))
            }
        }
    }

    /// The step without what is not needed to give the columns `needed`: an item of a `select` that is dropped
    /// may read columns that are not there any more. `schema` has all columns.
    pub fn keeping(
        &self,
        schema: &SchemaRef,
        needed: &BTreeSet<String>,
        context: &PlanContext,
    ) -> Result<Step> {
        let Step::Select(items) = self else { return Ok(self.clone()) };
        let analyzer = Analyzer::new(schema.clone(), context.environment.clone());
        let mut kept = Vec::new();
        for item in items {
            if !kept_items(&analyzer, std::slice::from_ref(item), Some(needed))?.is_empty() {
                kept.push(item.clone());
            }
        }
        Ok(Step::Select(kept))
    }

    /// The names of the columns of `schema` that this step reads to give the columns `needed`.
    pub fn reads(
        &self,
        schema: &SchemaRef,
        needed: &BTreeSet<String>,
        context: &PlanContext,
    ) -> Result<BTreeSet<String>> {
        let analyzer = Analyzer::new(schema.clone(), context.environment.clone());
        let names =
            |columns: &[usize]| columns.iter().map(|i| schema.field(*i).name().clone()).collect::<Vec<_>>();
        let mut read = BTreeSet::new();
        match self {
            Step::Select(items) => {
                for item in kept_items(&analyzer, items, Some(needed))? {
                    read.extend(names(item_input(&item).columns()));
                }
            }
            Step::Filter(predicate) => {
                read.extend(needed.iter().cloned());
                read.extend(names(analyzer.predicate(predicate)?.columns()));
            }
            Step::WithColumn { name, expr } => {
                read.extend(needed.iter().filter(|n| !n.eq_ignore_ascii_case(name)).cloned());
                if needed.iter().any(|n| n.eq_ignore_ascii_case(name)) {
                    read.extend(names(analyzer.expression(expr)?.columns()));
                }
            }
            Step::Watermark { column, .. } => {
                read.extend(needed.iter().cloned());
                read.extend(names(analyzer.expression(&quoted(column))?.columns()));
            }
            Step::Udf { on_error: OnError::SetAside(_), .. } => {
                // A row that is set aside is kept whole.
                read.extend(schema.fields().iter().map(|field| field.name().clone()));
            }
            Step::Udf { transform, input, .. } => {
                let given = |name: &String| transform.outputs().iter().any(|f| f.name() == name);
                read.extend(needed.iter().filter(|name| !given(name)).cloned());
                for argument in input {
                    read.extend(names(analyzer.expression(argument)?.columns()));
                }
            }
        }
        Ok(read)
    }
}

pub fn texts(items: &[At<String>]) -> Vec<String> {
    items.iter().map(|item| item.value.clone()).collect()
}

/// A column name as an expression that means just it.
pub fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn item_input(item: &SelectItem) -> &Expression {
    match item {
        SelectItem::Expression(expression) => expression,
        SelectItem::Generator(generator) => &generator.input,
    }
}

fn kept_items(
    analyzer: &Analyzer,
    items: &[String],
    needed: Option<&BTreeSet<String>>,
) -> Result<Vec<SelectItem>> {
    let mut kept = analyzer.select(items)?;
    if let Some(needed) = needed {
        kept.retain(|item| match item {
            SelectItem::Expression(expression) => needed.contains(expression.field().name()),
            SelectItem::Generator(_) => true,
        });
    }
    Ok(kept)
}

fn select(
    analyzer: &Analyzer,
    items: &[String],
    needed: Option<&BTreeSet<String>>,
) -> Result<Arc<dyn Stage>> {
    let items = kept_items(analyzer, items, needed)?;
    if items.iter().any(|item| matches!(item, SelectItem::Generator(_))) {
        return Ok(Arc::new(Generate::new(items)?));
    }
    let expressions = items.into_iter().filter_map(|item| match item {
        SelectItem::Expression(expression) => Some(expression),
        SelectItem::Generator(_) => None,
    });
    Ok(Arc::new(Project::new(expressions.collect())))
}

fn with_column(
    analyzer: &Analyzer,
    schema: &SchemaRef,
    name: &str,
    expr: &str,
    needed: Option<&BTreeSet<String>>,
) -> Result<Arc<dyn Stage>> {
    let aliased = format!("{expr} AS {}", quoted(name));
    let wanted = |column: &str| needed.is_none_or(|needed| needed.contains(column));
    let mut items = Vec::new();
    let mut replaced = false;
    for field in schema.fields() {
        if field.name().eq_ignore_ascii_case(name) {
            replaced = true;
            items.push(aliased.clone());
        } else if wanted(field.name()) {
            items.push(quoted(field.name()));
        }
    }
    if !replaced && needed.is_none_or(|needed| needed.iter().any(|n| n.eq_ignore_ascii_case(name))) {
        items.push(aliased);
    }
    select(analyzer, &items, None)
}

fn watermark(
    analyzer: &Analyzer,
    schema: &SchemaRef,
    column: &str,
    delay_us: i64,
    node: usize,
) -> Result<WatermarkStage> {
    let expression = analyzer.expression(&quoted(column))?;
    let index = expression.as_column().ok_or_else(|| Error::internal("a column name is not a column"))?;
    let field = schema.field(index);
    if field.data_type() != &timestamp_type() {
        return Err(Error::user(
            "[EVENT_TIME_IS_NOT_ON_TIMESTAMP_TYPE] a watermark needs a TIMESTAMP column",
        )
        .with("column", column)
        .with("type", type_name(field.data_type()))
        .hint("make one first: `- withColumn: {name: ts, expr: \"CAST(... AS TIMESTAMP)\"}`"));
    }
    if schema.fields().iter().any(|f| f.metadata().contains_key(WATERMARK_DELAY_KEY)) {
        return Err(Error::user("redefining a watermark is disallowed: the stream has one already")
            .with("column", column)
            .hint("keep one `withWatermark`, before the `groupBy`"));
    }
    let mut fields: Vec<FieldRef> = schema.fields().to_vec();
    let mut metadata = field.metadata().clone();
    metadata.insert(WATERMARK_DELAY_KEY.into(), delay_us.to_string());
    fields[index] = Arc::new(field.clone().with_metadata(metadata));
    Ok(WatermarkStage { node, column: index, schema: Arc::new(Schema::new(fields)) })
}

fn udf(
    analyzer: &Analyzer,
    schema: &SchemaRef,
    (transform, guests): (&Arc<Transform>, Arc<Guests>),
    input: &[String],
    needed: Option<&BTreeSet<String>>,
) -> Result<UdfStage> {
    let arguments = arguments(analyzer, transform, input)?;
    let keep = |name: &String| needed.is_none_or(|needed| needed.contains(name));
    let given: BTreeMap<&str, usize> =
        transform.outputs().iter().enumerate().map(|(i, f)| (f.name().as_str(), i)).collect();
    let mut outputs = Vec::new();
    let mut fields: Vec<FieldRef> = Vec::new();
    for (index, field) in schema.fields().iter().enumerate() {
        if !given.contains_key(field.name().as_str()) && keep(field.name()) {
            outputs.push(UdfColumn::Input(index));
            fields.push(field.clone());
        }
    }
    for (index, field) in transform.outputs().iter().enumerate() {
        if keep(field.name()) {
            outputs.push(UdfColumn::Guest(index));
            fields.push(field.clone());
        }
    }
    let (transform, schema) = (transform.clone(), Arc::new(Schema::new(fields)));
    Ok(UdfStage { transform, guests, arguments, outputs, schema, on_error: OnError::Fail })
}

/// The expressions of `input`, of the types that the function takes.
pub fn arguments(analyzer: &Analyzer, function: &Callable, input: &[String]) -> Result<Vec<Expression>> {
    let wanted = function.inputs();
    if wanted.len() != input.len() {
        let list: Vec<_> =
            wanted.iter().map(|f| format!("{} {}", f.name(), type_name(f.data_type()))).collect();
        return Err(Error::user("the function takes another number of columns")
            .with("function", function.name())
            .with("given", input.len())
            .hint(format!("it takes ({})", list.join(", "))));
    }
    let mut arguments = Vec::with_capacity(input.len());
    for (text, field) in input.iter().zip(wanted.iter()) {
        let argument = analyzer.expression(text)?;
        let (given, wanted) = (argument.field().data_type(), field.data_type());
        arguments.push(match same_layout(given, wanted) {
            true => argument,
            false if widens_to(given, wanted) => {
                analyzer.expression(&format!("CAST({text} AS {})", type_name(wanted)))?
            }
            false => return Err(wrong_argument(function, text, &argument, field)),
        });
    }
    Ok(arguments)
}

fn wrong_argument(function: &Callable, text: &str, argument: &Expression, field: &Field) -> Error {
    let (given, wanted): (&DataType, &DataType) = (argument.field().data_type(), field.data_type());
    Error::user("the function takes a column of another type")
        .with("function", function.name())
        .with("input", text)
        .with("given", type_name(given))
        .with("wanted", type_name(wanted))
        .hint(format!("write `CAST({text} AS {})` in `input`", type_name(wanted)))
}
