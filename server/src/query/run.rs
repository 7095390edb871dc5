//! The loop of a query: start where the checkpoint says, run batches as the trigger wants, end when it is done or
//! when asked to.

use std::time::Duration;

use super::batch::{PlannedBatch, Spine};
use super::open::{self, Opened};
use super::trigger::{self, Moment, Next};
use super::{QueryProgress, RunSettings, StopSignal};
use crate::error::Result;
use crate::plan::{Plan, PlanContext, TriggerSpec};
use crate::record::BatchId;
use crate::source::ReadLimits;

/// The longest wait in one piece; waits are looked at again, since clocks jump.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// Runs a query until its trigger is done or `stop` is asked for; each batch is reported when it is committed.
///
/// A stop takes effect between batches: the one that runs is finished and committed first.
pub fn run_query(
    plan: &Plan,
    context: &PlanContext,
    settings: &RunSettings,
    stop: &StopSignal,
    report: &dyn Fn(&QueryProgress),
) -> Result<()> {
    let Opened { mut spine, mut next, replay, temporary } = open::open(plan, context, settings)?;
    let mut batches = 0;
    if let Some(entry) = replay {
        let triggered_us = settings.clock.now_micros();
        let batch = PlannedBatch { id: next, entry, replayed: true, triggered_us, latest_offset_ms: 0 };
        report(&spine.run_batch(batch)?);
        next += 1;
        batches += 1;
    }
    if plan.trigger == TriggerSpec::AvailableNow {
        for source in &mut spine.sources {
            source.fix_end()?;
        }
    }
    Loop { spine, next, batches, idle: false, stop, report }.run()?;
    if let Some(folder) = temporary {
        // Nobody can continue from it; a folder that stays behind costs only space.
        let _ = std::fs::remove_dir_all(folder);
    }
    Ok(())
}

struct Loop<'a, 'p> {
    spine: Spine<'p>,
    next: BatchId,
    batches: u64,
    /// The last look found nothing to run.
    idle: bool,
    stop: &'a StopSignal,
    report: &'a dyn Fn(&QueryProgress),
}

impl Loop<'_, '_> {
    fn run(&mut self) -> Result<()> {
        let limits = match self.spine.plan.trigger {
            TriggerSpec::Once => ReadLimits::Ignore,
            _ => ReadLimits::Honour,
        };
        let mut last_look_us = None;
        while !self.stop.is_requested() {
            let now_us = self.spine.settings.clock.now_micros();
            let moment =
                Moment { now_us, last_trigger_us: last_look_us, idle: self.idle, batches: self.batches };
            match trigger::next(self.spine.plan.trigger, moment) {
                Next::End => break,
                Next::WaitUntil(time) if time > now_us => {
                    let wait = Duration::from_micros((time - now_us) as u64);
                    self.stop.wait(wait.min(WAIT_MAX));
                }
                Next::WaitUntil(_) | Next::Start => {
                    last_look_us = Some(now_us);
                    self.look(limits)?;
                }
            }
        }
        Ok(())
    }

    /// Runs a batch if there is one.
    fn look(&mut self, limits: ReadLimits) -> Result<()> {
        let planned = self.spine.plan_batch(self.next, limits)?;
        self.idle = planned.is_none();
        if let Some(batch) = planned {
            (self.report)(&self.spine.run_batch(batch)?);
            self.next += 1;
            self.batches += 1;
        }
        Ok(())
    }
}
