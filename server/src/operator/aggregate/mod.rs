//! `groupBy` with `agg`: the windowed and the keyed aggregation over state.
//!
//! A split groups its rows ([`Grouping`]); each share of the key groups then merges the splits' groups with the
//! state, in the splits' order ([`merge`]), and gives the rows that the output mode asks for.

mod accumulator;
mod guest;
mod lane;
mod merge;
mod partial;
mod row_codec;
mod row_decode;
mod row_encode;
mod table;
#[cfg(test)]
mod tests;

mod window;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};

use super::project::Project;
use super::watermark::WATERMARK_DELAY_KEY;
use crate::error::{Error, Result};
use crate::expression::{AggregateCall, Expression, GroupKey, WindowKey};
use crate::sink::OutputMode;
use crate::udf::Moment;

pub use guest::GuestCall;
pub(super) use lane::normalised;
pub use merge::{MergeInput, merge};
pub use partial::{Grouping, PartialGroups};
pub use row_codec::FORMAT_VERSION;
pub(super) use row_codec::{RowCodec, Rows};
pub use window::Windows;

use accumulator::Accumulator;

/// What is computed of each group.
pub enum Call {
    BuiltIn(AggregateCall),
    Guest(GuestCall),
}

impl Call {
    fn arguments(&self) -> &[Expression] {
        match self {
            Call::BuiltIn(call) => &call.arguments,
            Call::Guest(call) => &call.arguments,
        }
    }

    /// Rows where this is not true do not count.
    fn filter(&self) -> Option<&Expression> {
        match self {
            Call::BuiltIn(call) => call.filter.as_ref(),
            Call::Guest(_) => None,
        }
    }

    /// The column of the result.
    pub fn field(&self) -> Result<FieldRef> {
        match self {
            Call::BuiltIn(call) => Ok(call.field.clone()),
            Call::Guest(call) => match call.aggregate.outputs().first() {
                Some(field) => Ok(Arc::new(Field::new(&call.name, field.data_type().clone(), true))),
                None => Err(Error::internal("an aggregate has no result column")),
            },
        }
    }

    fn state_types(&self) -> Result<Vec<DataType>> {
        match self {
            Call::BuiltIn(call) => accumulator::state_types(call),
            Call::Guest(_) => Ok(vec![guest::state_type()]),
        }
    }

    fn accumulator(&self, moment: Moment) -> Result<Box<dyn Accumulator>> {
        match self {
            Call::BuiltIn(call) => accumulator::new(call),
            Call::Guest(call) => Ok(Box::new(guest::GuestStates::new(call, moment)?)),
        }
    }
}

/// One key of the grouping, as rows are grouped by it.
enum Key {
    Value(Expression),
    Window(WindowKey, Windows),
}

/// An aggregation of a plan. Shared by all threads of a batch.
pub struct Aggregation {
    keys: Vec<Key>,
    calls: Vec<Call>,
    /// The key that moves with the watermark, if any: its groups are late and are evicted.
    event_time: Option<usize>,
    mode: OutputMode,
    key_codec: RowCodec,
    state_codec: RowCodec,
    /// Keys and call results, as the outputs are computed from them.
    result_schema: SchemaRef,
    output: Project,
    /// How many state columns each call has.
    state_widths: Vec<usize>,
}

impl Aggregation {
    /// The key columns leave first, then the outputs.
    pub fn new(
        keys: Vec<GroupKey>,
        calls: Vec<Call>,
        mode: OutputMode,
        output: Project,
    ) -> Result<Aggregation> {
        let fields: Vec<FieldRef> = keys.iter().map(|key| key.field().clone()).collect();
        let event_time = event_time_key(&keys);
        let keys: Vec<Key> = keys.into_iter().map(Key::new).collect();
        let order = key_order(&keys, event_time);
        let key_types = order.iter().map(|i| keys[*i].stored_type()).collect();
        let mut state_types = Vec::new();
        let mut state_widths = Vec::new();
        for call in &calls {
            let types = call.state_types()?;
            state_widths.push(types.len());
            state_types.extend(types);
        }
        let results = calls.iter().map(Call::field).collect::<Result<Vec<_>>>()?;
        let result_schema = Arc::new(Schema::new(fields.into_iter().chain(results).collect::<Vec<_>>()));
        Ok(Aggregation {
            key_codec: RowCodec::new(key_types)?,
            state_codec: RowCodec::new(state_types)?,
            calls,
            keys,
            event_time,
            mode,
            result_schema,
            output,
            state_widths,
        })
    }

    pub fn schema(&self) -> &SchemaRef {
        use super::Stage;
        self.output.schema()
    }

    /// Whether rows can be late and groups be evicted: a key moves with a watermark, and the mode allows it.
    pub fn evicts(&self) -> bool {
        self.event_time.is_some() && self.mode != OutputMode::Complete
    }

    /// The types of the keys, for the comparison of a changed query with its checkpoint.
    pub fn key_types(&self) -> &[DataType] {
        self.key_codec.types()
    }

    /// What is computed of each group, for the same comparison.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// The keys in the order in which they are stored: the one that moves with the watermark first.
    fn key_order(&self) -> Vec<usize> {
        key_order(&self.keys, self.event_time)
    }

    fn accumulators(&self, moment: Moment) -> Result<Vec<Box<dyn Accumulator>>> {
        self.calls.iter().map(|call| call.accumulator(moment)).collect()
    }
}

fn key_order(keys: &[Key], event_time: Option<usize>) -> Vec<usize> {
    // A window without watermark is stored first all the same, so that adding one changes nothing in state.
    let first = event_time.or_else(|| keys.iter().position(|key| matches!(key, Key::Window(_, _))));
    let others = (0..keys.len()).filter(|i| Some(*i) != first);
    first.into_iter().chain(others).collect()
}

fn event_time_key(keys: &[GroupKey]) -> Option<usize> {
    keys.iter().position(|key| key.field().metadata().contains_key(WATERMARK_DELAY_KEY))
}

impl Key {
    fn new(key: GroupKey) -> Key {
        match key {
            GroupKey::Expression(expression) => Key::Value(expression),
            GroupKey::Window(window) => {
                let windows = Windows {
                    width_us: window.width_us,
                    slide_us: window.slide_us,
                    start_us: window.start_us,
                };
                Key::Window(window, windows)
            }
        }
    }

    /// A window is stored as its end.
    fn stored_type(&self) -> DataType {
        match self {
            Key::Value(expression) => expression.field().data_type().clone(),
            Key::Window(window, _) => window.time.field().data_type().clone(),
        }
    }
}

fn internal(what: &str) -> impl Fn(arrow::error::ArrowError) -> Error + '_ {
    move |e| Error::internal(what.to_string()).because(e)
}
