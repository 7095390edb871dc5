//! The stages of a plan that do not fail when their guest refuses a row, and the outputs for dead letters, which
//! several stages may share.

use super::context::PlanContext;
use super::problem::Problems;
use super::spec::{At, OnErrorSpec, SinkSpec, SourceSpec, StageSpec};
use super::stage::Step;
use crate::operator::OnError;
use crate::record::Options;
use crate::sink::letter;
use crate::storage::Location;

#[derive(Debug, Default)]
pub struct Refusals {
    /// By the number that [`OnError`] gives.
    pub stages: Vec<RefusingStage>,
    pub outputs: Vec<LetterOutput>,
}

/// A stage that does not fail when its guest refuses a row.
#[derive(Clone, Debug)]
pub struct RefusingStage {
    /// What errors and `explain` call it.
    pub name: String,
    pub function: String,
    pub module_digest: String,
    /// Where its refused rows go; nothing if they are dropped.
    pub output: Option<usize>,
}

impl RefusingStage {
    /// The policy by its word in a query file.
    pub fn policy(&self) -> &'static str {
        if self.output.is_some() { "deadLetter" } else { "skip" }
    }
}

/// An output for dead letters.
#[derive(Clone, Debug, PartialEq)]
pub struct LetterOutput {
    /// Names the place; no other output has the same.
    pub key: String,
    pub format: String,
    pub options: Options,
    pub partition_by: Vec<String>,
}

impl Refusals {
    /// Says what a stage does with rows that its guest refuses. Other stages are left alone.
    pub fn decide(
        &mut self,
        step: &mut Step,
        stage: &At<StageSpec>,
        context: &PlanContext,
        problems: &mut Problems,
    ) -> Option<()> {
        let StageSpec::Udf(spec) = &stage.value else { return Some(()) };
        let name = step.describe();
        let Step::Udf { transform, on_error, .. } = step else { return Some(()) };
        let (number, mut output) = (self.stages.len(), None);
        *on_error = match &spec.on_error {
            OnErrorSpec::Fail => return Some(()),
            OnErrorSpec::Skip => OnError::Skip(number),
            OnErrorSpec::DeadLetter(sink) => {
                output = Some(self.output(sink, context, problems)?);
                OnError::SetAside(number)
            }
        };
        self.stages.push(RefusingStage {
            name,
            function: transform.name().to_string(),
            module_digest: transform.module().digest().to_string(),
            output,
        });
        Some(())
    }

    /// The number of the output that `spec` asks for.
    fn output(&mut self, spec: &SinkSpec, context: &PlanContext, problems: &mut Problems) -> Option<usize> {
        let format = &spec.format.value;
        let options = problems.take(spec.line, Options::new(spec.options.clone()))?;
        let check = |options: &Options| letter::check(format, options, &spec.partition_by, context.base());
        let key = problems.of_options(spec.line, &options, check);
        let key = problems.take(spec.line, key)?;
        let (format, partition_by) = (format.to_lowercase(), spec.partition_by.clone());
        let wanted = LetterOutput { key, format, options, partition_by };
        let Some(same) = self.outputs.iter().position(|output| output.key == wanted.key) else {
            self.outputs.push(wanted);
            return Some(self.outputs.len() - 1);
        };
        if self.outputs[same] != wanted {
            let what = format!("two stages write dead letters to {} in different ways", wanted.key);
            let hint = "give both the same `deadLetter`, or each a place of its own";
            problems.add(spec.line, what, hint);
            return None;
        }
        Some(same)
    }

    /// A query that reads its own dead letters would never end.
    pub fn refuse_place_of_source(
        &self,
        source: &SourceSpec,
        context: &PlanContext,
        problems: &mut Problems,
    ) {
        let option = |name: &str| source.options.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        let path = option("path").and_then(|(_, path)| Location::parse(path, context.base()).ok());
        let topics = option("subscribe").into_iter().flat_map(|(_, topics)| topics.split(','));
        let topics = topics.map(|topic| letter::topic_key(topic.trim()));
        let places: Vec<String> = topics.chain(path.map(|path| path.to_string())).collect();
        if let Some(output) = self.outputs.iter().find(|output| places.contains(&output.key)) {
            let what = format!("the query reads from where its dead letters go, {}", output.key);
            problems.add(source.line, what, "give the dead letters a place of their own");
        }
    }

    /// Dead letters have columns of their own, so they cannot lie among the results.
    pub fn refuse_place_of_sink(&self, sink: &SinkSpec, context: &PlanContext, problems: &mut Problems) {
        let path = sink.options.iter().find(|(key, _)| key.eq_ignore_ascii_case("path"));
        let place = path.and_then(|(_, path)| Location::parse(path, context.base()).ok());
        let Some(place) = place.map(|place| place.to_string()) else { return };
        if self.outputs.iter().any(|output| output.key == place) {
            let what = format!("the results and the dead letters both go to {place}");
            problems.add(sink.line, what, "give the dead letters a `path` of their own");
        }
    }
}
