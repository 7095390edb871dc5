//! `groupBy` with `agg`: the windowed and the keyed aggregation over state.
//!
//! A split groups its rows ([`Grouping`]); each share of the key groups then merges the splits' groups with the
//! state, in the splits' order ([`merge`]), and gives the rows that the output mode asks for.

mod accumulator;
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

use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};

use super::project::Project;
use super::watermark::WATERMARK_DELAY_KEY;
use crate::error::{Error, Result};
use crate::expression::{AggregateCall, AggregateList, Expression, GroupKey, WindowKey};
use crate::sink::OutputMode;

pub use merge::{MergeInput, Merged, merge};
pub use partial::{Grouping, PartialGroups};
pub use row_codec::FORMAT_VERSION;
pub use window::Windows;

use row_codec::RowCodec;

/// One key of the grouping, as rows are grouped by it.
enum Key {
    Value(Expression),
    Window(WindowKey, Windows),
}

/// An aggregation of a plan. Shared by all threads of a batch.
pub struct Aggregation {
    keys: Vec<Key>,
    calls: Vec<AggregateCall>,
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
        list: AggregateList,
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
        for call in &list.calls {
            let types = accumulator::state_types(call)?;
            state_widths.push(types.len());
            state_types.extend(types);
        }
        let results = list.calls.iter().map(|call| call.field.clone());
        let result_schema = Arc::new(Schema::new(fields.into_iter().chain(results).collect::<Vec<_>>()));
        Ok(Aggregation {
            key_codec: RowCodec::new(key_types)?,
            state_codec: RowCodec::new(state_types)?,
            calls: list.calls,
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

    /// The types of keys and of buffers, for the comparison of a changed query with its checkpoint.
    pub fn state_description(&self) -> (Vec<DataType>, Vec<String>) {
        let calls = self.calls.iter().map(|call| format!("{:?}", call.function)).collect();
        (self.key_codec.types().to_vec(), calls)
    }

    /// The keys in the order in which they are stored: the one that moves with the watermark first.
    fn key_order(&self) -> Vec<usize> {
        key_order(&self.keys, self.event_time)
    }

    fn accumulators(&self) -> Result<Vec<Box<dyn accumulator::Accumulator>>> {
        self.calls.iter().map(accumulator::new).collect()
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
