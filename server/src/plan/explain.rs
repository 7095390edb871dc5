//! A plan as text: what runs in which order, the schema on every edge, and what delivery is promised.

use std::fmt::Write;

use arrow::datatypes::Schema;

use super::build::Plan;
use super::legality;
use super::spec::TriggerSpec;
use crate::record::type_name;
use crate::sink::letter;

pub fn explain(plan: &Plan) -> String {
    let mut text = format!("query {}\n", plan.name);
    let mut line = |indent: usize, what: &str, schema: Option<&Schema>| {
        let columns = schema.map(|schema| format!("\n{:indent$}    -> {}", "", columns(schema)));
        let _ = writeln!(text, "{:indent$}{what}{}", "", columns.unwrap_or_default());
    };
    for input in &plan.inputs {
        let read = input.projection.iter().map(|i| input.source_schema.field(*i).clone());
        line(2, &format!("source {}", input.format), Some(&Schema::new(read.collect::<Vec<_>>())));
        for (what, schema) in &input.described {
            line(4, what, Some(schema));
        }
    }
    if plan.inputs.len() > 1 {
        line(2, "union of the inputs above", plan.inputs.first().map(|input| input.schema.as_ref()));
    }
    for (what, schema) in &plan.described {
        line(2, what, Some(schema));
    }
    if let Some(foreach) = &plan.foreach {
        line(2, foreach.name(), Some(foreach.schema()));
    }
    line(2, &format!("sink {} ({})", plan.sink_format, legality::name(plan.mode)), Some(&plan.schema));
    line(0, &format!("trigger: {}", trigger(plan.trigger)), None);
    let checkpoint = plan.checkpoint.as_ref().map_or("none (a temporary one)".into(), |c| c.to_string());
    line(0, &format!("checkpoint: {checkpoint}"), None);
    line(0, &format!("delivery: {}", delivery(plan)), None);
    for stage in &plan.refusals.stages {
        let output = stage.output.and_then(|output| plan.refusals.outputs.get(output));
        let (name, policy) = (&stage.name, stage.policy());
        match output {
            None => {
                line(0, &format!("onError: {policy} of {name}: refused rows are counted and dropped"), None)
            }
            Some(output) => line(
                0,
                &format!("onError: {policy} of {name}: {} at {}, each row once", output.format, output.key),
                Some(&letter::schema()),
            ),
        }
    }
    text
}

fn columns(schema: &Schema) -> String {
    let columns: Vec<_> =
        schema.fields().iter().map(|f| format!("{} {}", f.name(), type_name(f.data_type()))).collect();
    columns.join(", ")
}

fn trigger(trigger: TriggerSpec) -> String {
    match trigger {
        TriggerSpec::Default => "default: the next batch starts when the last has ended".into(),
        TriggerSpec::ProcessingTime(micros) => format!("processingTime: every {} ms", micros / 1_000),
        TriggerSpec::AvailableNow => {
            "availableNow: all there is now, in limited batches, then the end".into()
        }
        TriggerSpec::Once => "once: one batch of all there is, then the end".into(),
    }
}

fn delivery(plan: &Plan) -> String {
    let replayable = plan.inputs.iter().all(|input| input.format != "socket");
    let sink = match plan.sink_format.as_str() {
        "console" | "memory" => {
            return "none: the sink is for eyes and tests; a replayed batch is shown again".into();
        }
        _ => "the sink's log makes a batch visible all at once, and once",
    };
    match replayable {
        true => format!(
            "exactly once: {sink}; the source gives the same rows again for a replayed range as long as it keeps \
             them"
        ),
        false => format!(
            "at most once: {sink}, but a socket gives no row twice, so rows read and not committed are lost in a \
             crash"
        ),
    }
}
