//! Which changes of a query a checkpoint survives: its identity then and now, compared without I/O.

use serde::{Deserialize, Serialize};

use super::branch::Input;
use super::legality;
use crate::error::{Error, Result};
use crate::operator::aggregate::{Aggregation, FORMAT_VERSION};
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
    pub aggregates: Vec<String>,
    /// Complete results need groups that append and update have evicted.
    pub evicts: bool,
}

impl Identity {
    pub fn of(
        inputs: &[Input],
        watermarks: &[i64],
        aggregation: Option<&Aggregation>,
        mode: OutputMode,
    ) -> Identity {
        let state = aggregation.map(|aggregation| {
            let (keys, aggregates) = aggregation.state_description();
            let keys = keys.iter().map(type_name).collect();
            StateIdentity { format: FORMAT_VERSION, keys, aggregates, evicts: mode != OutputMode::Complete }
        });
        let sources = inputs.iter().map(|input| input.format.clone()).collect();
        Identity { sources, watermarks: watermarks.len(), state, limits: 0 }
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
            (None, Some(_)) => changes.push("an aggregation was added".to_string()),
            (Some(_), None) => changes.push("the aggregation was removed".to_string()),
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
                   filters, projections, module code, rate limits and the trigger may change freely",
            ))
    }
}

impl StateIdentity {
    fn changes(&self, now: &StateIdentity, mode: OutputMode) -> Vec<String> {
        let mut changes = Vec::new();
        let mut compare = |what: &str, before: &[String], now: &[String]| {
            if before != now {
                changes.push(format!("{what}: ({}) became ({})", before.join(", "), now.join(", ")));
            }
        };
        compare("[STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE] grouping keys", &self.keys, &now.keys);
        compare("[STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE] aggregates", &self.aggregates, &now.aggregates);
        if self.format != now.format {
            changes.push(format!("state format: {} became {}", self.format, now.format));
        }
        if self.evicts != now.evicts {
            changes.push(format!("outputMode became {}: its state holds other groups", legality::name(mode)));
        }
        changes
    }
}
