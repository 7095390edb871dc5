//! A `groupBy` with `agg`: keys, built-in aggregates and functions of modules, resolved over a schema and built.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};

use super::context::PlanContext;
use super::spec::AggSpec;
use super::stage::{arguments, quoted, texts};
use crate::error::Result;
use crate::expression::{AggregateList, Analyzer, Expression, GroupKey};
use crate::operator::Project;
use crate::operator::aggregate::{Aggregation, Call, GuestCall};
use crate::sink::OutputMode;

/// What a groupBy is over one schema.
pub struct Grouping {
    pub keys: Vec<GroupKey>,
    list: AggregateList,
    guests: Vec<GuestCall>,
    /// By item of `agg`: whether it is the next of the guests, or of the list's outputs.
    is_guest: Vec<bool>,
}

impl Grouping {
    pub fn resolve(
        schema: &SchemaRef,
        keys: &[String],
        agg: &[AggSpec],
        context: &PlanContext,
    ) -> Result<Grouping> {
        let analyzer = Analyzer::new(schema.clone(), context.environment.clone());
        let keys = analyzer.keys(keys)?;
        let (mut expressions, mut guests) = (Vec::new(), Vec::new());
        for item in agg {
            match item {
                AggSpec::Expression(text) => expressions.push(text.clone()),
                AggSpec::Udf { udf, name } => {
                    let aggregate = context.module(&udf.module)?.aggregate(&udf.function)?;
                    let arguments = arguments(&analyzer, &aggregate, &texts(&udf.input))?;
                    let own = aggregate.outputs().first().map(|field| field.name().clone());
                    let name = name.clone().or(own).unwrap_or_default();
                    guests.push(GuestCall { aggregate, module: udf.module.clone(), arguments, name });
                }
            }
        }
        let list = analyzer.aggregates(&keys, &expressions)?;
        let is_guest = agg.iter().map(|item| matches!(item, AggSpec::Udf { .. })).collect();
        Ok(Grouping { keys, list, guests, is_guest })
    }

    /// The names of the results.
    pub fn names(&self) -> Vec<&str> {
        let expressions = self.list.outputs.iter().map(|output| output.field().name().as_str());
        expressions.chain(self.guests.iter().map(|guest| guest.name.as_str())).collect()
    }

    /// The columns of the schema that keys and aggregates read.
    pub fn columns_read(&self) -> impl Iterator<Item = usize> + '_ {
        let keys = self.keys.iter().flat_map(|key| match key {
            GroupKey::Expression(expression) => expression.columns(),
            GroupKey::Window(window) => window.time.columns(),
        });
        let calls = self.list.calls.iter().flat_map(|call| call.arguments.iter().chain(&call.filter));
        let guests = self.guests.iter().flat_map(|guest| &guest.arguments);
        keys.chain(calls.chain(guests).flat_map(|e| e.columns())).copied()
    }

    /// The keys leave first, then the items of `agg` in their order.
    pub fn build(self, mode: OutputMode, context: &PlanContext) -> Result<Aggregation> {
        // Results of guests have names here that cannot be taken for another column's.
        let guest_name = |index: usize| format!("\u{1}guest{index}");
        let built_in = self.list.calls.into_iter().map(Call::BuiltIn);
        let first_guest = built_in.len();
        let calls: Vec<Call> = built_in.chain(self.guests.into_iter().map(Call::Guest)).collect();
        let mut fields: Vec<_> = self.keys.iter().map(|key| key.field().clone()).collect();
        let mut names = Vec::new();
        for (index, call) in calls.iter().enumerate() {
            let field = call.field()?;
            if index < first_guest {
                fields.push(field);
            } else {
                names.push(field.name().clone());
                fields.push(Arc::new(field.as_ref().clone().with_name(guest_name(index))));
            }
        }
        let analyzer = Analyzer::new(Arc::new(Schema::new(fields)), context.environment.clone());
        let mut outputs: Vec<Expression> = Vec::new();
        for key in &self.keys {
            outputs.push(analyzer.expression(&quoted(key.field().name()))?);
        }
        let mut expressions = self.list.outputs.into_iter();
        let mut guests = (first_guest..).zip(names);
        for is_guest in self.is_guest {
            if is_guest {
                if let Some((index, name)) = guests.next() {
                    let text = format!("{} AS {}", quoted(&guest_name(index)), quoted(&name));
                    outputs.push(analyzer.expression(&text)?);
                }
            } else {
                outputs.extend(expressions.next());
            }
        }
        Aggregation::new(self.keys, calls, mode, Project::new(outputs))
    }
}
