//! The settings of `conf`: Spark's names and defaults, for those that mean something here.

use std::collections::BTreeMap;

use super::problem::Problems;
use super::spec::At;

const POLICY: &str = "spark.sql.streaming.multipleWatermarkPolicy";
const NO_DATA: &str = "spark.sql.streaming.noDataMicroBatches.enabled";
const RETAIN: &str = "spark.sql.streaming.minBatchesToRetain";

/// How the watermarks of several inputs become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatermarkPolicy {
    /// The slowest input holds the others back, so that none of its rows is late.
    Min,
    Max,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    pub watermark_policy: WatermarkPolicy,
    /// Whether a batch without rows runs when the watermark alone lets results leave.
    pub no_data_batches: bool,
    /// Batches whose log entries are kept.
    pub batches_to_retain: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { watermark_policy: WatermarkPolicy::Min, no_data_batches: true, batches_to_retain: 100 }
    }
}

pub fn read(conf: &BTreeMap<String, At<String>>, problems: &mut Problems) -> Settings {
    let mut settings = Settings::default();
    for (key, At { line, value }) in conf {
        let mut refuse =
            |wanted: &str| problems.add(*line, format!("`{key}` is `{value}`"), wanted.to_string());
        match key.as_str() {
            POLICY => match value.to_lowercase().as_str() {
                "min" => settings.watermark_policy = WatermarkPolicy::Min,
                "max" => settings.watermark_policy = WatermarkPolicy::Max,
                _ => refuse("use min or max"),
            },
            NO_DATA => match value.as_str() {
                "true" => settings.no_data_batches = true,
                "false" => settings.no_data_batches = false,
                _ => refuse("use true or false"),
            },
            RETAIN => match value.parse() {
                Ok(number) if number > 0 => settings.batches_to_retain = number,
                _ => refuse("use a number of batches, 1 or more"),
            },
            _ => problems.unknown_key(*line, "a setting", key, &[POLICY, NO_DATA, RETAIN]),
        }
    }
    settings
}
