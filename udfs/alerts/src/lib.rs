//! alerts: what somebody should be told of, as effects of a sink.

use wasmill_udf::*;

module! {
    foreach alert(name: STRING, value: BIGINT, limit: BIGINT)
        -> (key: STRING, text: STRING, partition: INT, epoch: BIGINT) with Alerts;
    foreach even_partitions(name: STRING) -> (name: STRING, partition: INT) with EvenPartitions;
}

/// An alert for each value above its limit, and one for how many there were.
pub struct Alerts {
    partition: i32,
    epoch: i64,
    raised: usize,
}

impl Alerts {
    pub fn open(partition: u32, epoch: u64) -> Option<Alerts> {
        Some(Alerts { partition: partition as i32, epoch: epoch as i64, raised: 0 })
    }

    pub fn row(
        &mut self,
        effects: &mut Effects<(STRING, STRING, INT, BIGINT)>,
        name: Option<&str>,
        value: Option<i64>,
        limit: Option<i64>,
    ) -> Result<(), String> {
        let limit = limit.ok_or("an alert needs a limit")?;
        if let Some(value) = value.filter(|value| *value > limit) {
            self.raised += 1;
            effects.emit((name, format!("{value} is above {limit}"), self.partition, self.epoch));
        }
        Ok(())
    }

    pub fn close(self, effects: &mut Effects<(STRING, STRING, INT, BIGINT)>, error: Option<&str>) {
        match error {
            Some(error) => log(&format!("no alerts of batch {}: {error}", self.epoch)),
            None if self.raised == 0 => {}
            None => effects.emit(("raised", self.raised.to_string(), self.partition, self.epoch)),
        }
    }
}

/// The names of every second partition; it does not want to see the others.
pub struct EvenPartitions(i32);

impl EvenPartitions {
    pub fn open(partition: u32, _epoch: u64) -> Option<EvenPartitions> {
        partition.is_multiple_of(2).then_some(EvenPartitions(partition as i32))
    }

    pub fn row(&mut self, effects: &mut Effects<(STRING, INT)>, name: Option<&str>) {
        effects.emit((name, self.0));
    }

    pub fn close(self, _: &mut Effects<(STRING, INT)>, _: Option<&str>) {}
}
