//! Which changes of a query a checkpoint survives: its identity then and now, compared without I/O.

use std::fmt;

use arrow::datatypes::Fields;
use serde::{Deserialize, Serialize};

use super::branch::Input;
use super::legality;
use super::stateful::Stateful;
use crate::error::{Error, Result};
use crate::operator::aggregate::{self, Call};
use crate::operator::group;
use crate::record::type_name;
use crate::sink::OutputMode;

/// What of a plan may not change while its checkpoint is in use. Stored with every planned batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// By source: its format.
    pub sources: Vec<String>,
    pub watermarks: usize,
    pub state: Option<StateIdentity>,
    /// How many `limit` there are that count over all batches.
    #[serde(default)]
    pub limits: usize,
}

/// What is in state, and which of it each batch gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateIdentity {
    pub format: u32,
    pub keys: Vec<String>,
    pub aggregates: Vec<AggregateIdentity>,
    /// Complete results need groups that append and update have evicted.
    pub evicts: bool,
    /// For a function that keeps a state for each key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupIdentity>,
}

/// What the state of a group function holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupIdentity {
    /// Name and type of each column; more may come behind them.
    pub state: Vec<String>,
    /// What its timers go by.
    pub time: String,
}

/// What the state of one aggregate holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AggregateIdentity {
    BuiltIn(String),
    Guest {
        /// Name and type of each column; more may come behind them.
        state: Vec<String>,
    },
}

impl AggregateIdentity {
    fn of(call: &Call) -> AggregateIdentity {
        match call {
            Call::BuiltIn(call) => AggregateIdentity::BuiltIn(format!("{:?}", call.function)),
            Call::Guest(call) => AggregateIdentity::Guest { state: columns(call.aggregate.state()) },
        }
    }
}

impl fmt::Display for AggregateIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AggregateIdentity::BuiltIn(function) => f.write_str(function),
            AggregateIdentity::Guest { state } => write!(f, "udf({})", state.join(", ")),
        }
    }
}

fn columns(fields: &Fields) -> Vec<String> {
    fields.iter().map(|field| format!("{} {}", field.name(), type_name(field.data_type()))).collect()
}

/// What changed in the state columns of a function that its stored states do not survive: everything but columns
/// that came behind the others.
fn state_changes(before: &[String], now: &[String]) -> Vec<String> {
    const WHAT: &str = "[STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE] the state of a udf";
    let changed = |(index, column): (usize, &String)| match now.get(index) {
        Some(same) if same == column => None,
        Some(other) => Some(format!("{WHAT}: column `{column}` became `{other}`; new columns go to the end")),
        None => Some(format!("{WHAT}: column `{column}` was removed")),
    };
    before.iter().enumerate().filter_map(changed).collect()
}

impl Identity {
    pub fn of(
        inputs: &[Input],
        watermarks: &[i64],
        stateful: Option<&Stateful>,
        limits: usize,
        mode: OutputMode,
    ) -> Identity {
        let state = stateful.map(|stateful| StateIdentity::of(stateful, mode));
        let sources = inputs.iter().map(|input| input.format.clone()).collect();
        Identity { sources, watermarks: watermarks.len(), state, limits }
    }

    /// Refuses by name every change that the checkpoint does not survive.
    pub fn check_against(&self, stored: &Identity, mode: OutputMode) -> Result<()> {
        let mut changes = Vec::new();
        if self.sources != stored.sources {
            changes.push(format!(
                "sources: [{}] became [{}]",
                stored.sources.join(", "),
                self.sources.join(", ")
            ));
        }
        match (&stored.state, &self.state) {
            (None, Some(_)) => changes.push("a `groupBy` was added".to_string()),
            (Some(_), None) => changes.push("the `groupBy` was removed".to_string()),
            (Some(before), Some(now)) => changes.extend(before.changes(now, mode)),
            (None, None) => {}
        }
        if self.limits != stored.limits {
            changes.push(format!("limits: {} became {}", stored.limits, self.limits));
        }
        if changes.is_empty() {
            return Ok(());
        }
        Err(Error::user("the query changed in a way that its checkpoint does not survive")
            .detail(changes.join("\n"))
            .hint(
                "undo the change, or give the changed query a new checkpointLocation and a new output path; \
                   filters, projections, module code, `onError`, rate limits and the trigger may change freely",
            ))
    }
}

/// The changes in the states of guests; nothing if something else changed too.
fn guests_grew(before: &[AggregateIdentity], now: &[AggregateIdentity]) -> Option<Vec<String>> {
    use AggregateIdentity::{BuiltIn, Guest};
    let mut changes = Vec::new();
    for (before, now) in before.iter().zip(now) {
        match (before, now) {
            (BuiltIn(before), BuiltIn(now)) if before == now => {}
            (Guest { state: before }, Guest { state: now }) => changes.extend(state_changes(before, now)),
            _ => return None,
        }
    }
    (before.len() == now.len()).then_some(changes)
}

impl StateIdentity {
    fn of(stateful: &Stateful, mode: OutputMode) -> StateIdentity {
        match stateful {
            Stateful::Aggregation(aggregation) => StateIdentity {
                format: aggregate::FORMAT_VERSION,
                keys: aggregation.key_types().iter().map(type_name).collect(),
                aggregates: aggregation.calls().iter().map(AggregateIdentity::of).collect(),
                evicts: mode != OutputMode::Complete,
                group: None,
            },
            Stateful::Group(stage) => StateIdentity {
                format: group::FORMAT_VERSION,
                keys: stage.key_types().iter().map(type_name).collect(),
                aggregates: Vec::new(),
                evicts: true,
                group: Some(GroupIdentity {
                    state: columns(stage.function().state()),
                    time: stage.function().time().name().to_string(),
                }),
            },
        }
    }

    fn changes(&self, now: &StateIdentity, mode: OutputMode) -> Vec<String> {
        let compare = |what: &str, before: &[String], now: &[String]| {
            (before != now).then(|| format!("{what}: ({}) became ({})", before.join(", "), now.join(", ")))
        };
        let keys = compare("[STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE] grouping keys", &self.keys, &now.keys);
        let mut changes: Vec<String> = keys.into_iter().collect();
        let shown = |list: &[AggregateIdentity]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        match guests_grew(&self.aggregates, &now.aggregates) {
            Some(of_guests) => changes.extend(of_guests),
            None => {
                let what = "[STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE] aggregates";
                changes.extend(compare(what, &shown(&self.aggregates), &shown(&now.aggregates)));
            }
        }
        match (&self.group, &now.group) {
            (None, None) => {}
            (Some(before), Some(now)) => {
                changes.extend(state_changes(&before.state, &now.state));
                if before.time != now.time {
                    changes.push(format!("the timers of the udf: {} became {}", before.time, now.time));
                }
            }
            (None, Some(_)) => return vec!["the aggregation became a udf with state".to_string()],
            (Some(_), None) => return vec!["the udf with state became an aggregation".to_string()],
        }
        if self.format != now.format {
            changes.push(format!("state format: {} became {}", self.format, now.format));
        }
        if self.evicts != now.evicts {
            changes.push(format!("outputMode became {}: its state holds other groups", legality::name(mode)));
        }
        changes
    }
}
