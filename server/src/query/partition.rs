//! One partition of the rows that leave the last stage, on its way to the sink: through the sink's foreach function if
//! it has one.

use arrow::array::RecordBatch;

use crate::error::Result;
use crate::operator::{ForeachRun, ForeachStage};
use crate::sink::StageWriter;
use crate::udf::{Moment, Partition};

pub struct PartitionWriter<'a> {
    foreach: Option<ForeachRun<'a>>,
    sink: Box<dyn StageWriter>,
    rows: u64,
}

impl<'a> PartitionWriter<'a> {
    pub fn open(
        foreach: Option<&'a ForeachStage>,
        sink: Box<dyn StageWriter>,
        moment: Moment,
        partition: Partition,
    ) -> Result<PartitionWriter<'a>> {
        let foreach = foreach.map(|stage| stage.open(moment, partition)).transpose()?;
        Ok(PartitionWriter { foreach, sink, rows: 0 })
    }

    pub fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        match &mut self.foreach {
            None => self.give(rows),
            Some(foreach) => {
                let effects = foreach.run(rows)?;
                effects.iter().try_for_each(|effects| self.give(effects))
            }
        }
    }

    /// All rows were written. Gives the sink's writer, which must finish, and how many rows it got.
    pub fn end(mut self) -> Result<(Box<dyn StageWriter>, u64)> {
        if let Some(foreach) = self.foreach.take() {
            let effects = foreach.close()?;
            self.give(&effects)?;
        }
        Ok((self.sink, self.rows))
    }

    fn give(&mut self, rows: &RecordBatch) -> Result<()> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        self.rows += rows.num_rows() as u64;
        self.sink.write(rows)
    }
}
