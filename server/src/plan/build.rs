//! From a spec to a plan: everything resolved, checked and built; nothing opened, nothing run.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::branch::{self, Branch, Input, Numbers};
use super::compat::Identity;
use super::context::PlanContext;
use super::grouping::Grouping;
use super::legality::{self, Shape};
use super::problem::Problems;
use super::refusals::Refusals;
use super::settings::{self, Settings};
use super::spec::{AggSpec, At, GroupSpec, Spec, StageSpec, TriggerSpec, UdfSpec};
use super::stage::{Step, arguments, quoted};
use super::stateful::{Stateful, columns_read, group_parts};
use crate::error::Result;
use crate::expression::{Analyzer, parts_on_keys};
use crate::operator::aggregate::Aggregation;
use crate::operator::group::GroupStage;
use crate::operator::{ForeachStage, Sort, Stage, WATERMARK_DELAY_KEY};
use crate::record::Options;
use crate::sink::{self, OutputMode};
use crate::storage::Location;

/// What will run.
pub struct Plan {
    pub name: String,
    pub inputs: Vec<Input>,
    /// The delay of each watermark, microseconds; the number of a watermark is its place here.
    pub watermarks: Vec<i64>,
    pub refusals: Refusals,
    pub stateful: Option<Stateful>,
    /// What happens to the rows of the stateful stage, and from the first `limit` on.
    pub after: Vec<After>,
    /// What happens, for `explain`: a line and the schema after it.
    pub described: Vec<(String, SchemaRef)>,
    /// Makes effects of the rows; the sink gets these.
    pub foreach: Option<ForeachStage>,
    /// What the sink gets.
    pub schema: SchemaRef,
    pub sink_format: String,
    pub sink_options: Options,
    pub partition_by: Vec<String>,
    pub mode: OutputMode,
    pub trigger: TriggerSpec,
    pub checkpoint: Option<Location>,
    pub settings: Settings,
    /// What a restart is compared with.
    pub identity: Identity,
}

impl Plan {
    /// Which rows the sink gets in a batch: effects are never taken back.
    pub fn sink_mode(&self) -> OutputMode {
        if self.foreach.is_some() { OutputMode::Append } else { self.mode }
    }
}

/// One step of the way from the stateful stage to the sink.
pub enum After {
    Stage {
        /// What an error calls it.
        name: String,
        stage: Arc<dyn Stage>,
    },
    /// Needs all rows of the batch at once.
    Sort(Sort),
    /// Lets so many rows through in all batches together, then none.
    Limit(u64),
}

pub fn build(spec: &Spec, context: &PlanContext, problems: &mut Problems) -> Option<Plan> {
    let settings = settings::read(&spec.conf, problems);
    let mut numbers = Numbers::default();
    let resolved = branch::resolve(&spec.source, &spec.stages, &mut numbers, context, problems);
    if resolved.is_none() {
        checkpoint(spec, &numbers.refusals, context, problems);
        sink_without_columns(spec, problems);
    }
    let (mut branches, taken) = resolved?;
    let Numbers { watermarks, mut refusals } = numbers;
    let (described, shape, refusing) = (Vec::new(), Shape::default(), &mut refusals);
    let mut rest = Rest { spec, context, problems, described, shape, refusals: refusing };
    let built = rest.stateful(&mut branches, &spec.stages[taken..]);
    let (described, shape) = (rest.described, rest.shape);
    let checkpoint = checkpoint(spec, &refusals, context, problems);
    refusals.refuse_place_of_sink(&spec.sink, context, problems);
    for branch in &branches {
        refusals.refuse_place_of_source(&branch.source, context, problems);
    }
    let (stateful, needed, after) = built?;
    problems.take(spec.line, legality::check(shape, spec.mode))?;
    let inputs = problems.take(spec.source.line, build_inputs(&branches, &needed, context))?;
    let schema = after_schema(&after, stateful.as_ref(), &inputs);
    let foreach = match spec.sink.foreach.as_deref() {
        Some(At { line, value }) => Some(problems.take(*line, foreach(value, &schema, context))?),
        None => None,
    };
    let (schema, sink_mode) = match &foreach {
        Some(stage) => (stage.schema().clone(), OutputMode::Append),
        None => (schema, spec.mode),
    };
    let sink_options = problems.take(spec.sink.line, Options::new(spec.sink.options.clone()))?;
    let sink_check = problems.of_options(spec.sink.line, &sink_options, |options| {
        sink::check(&spec.sink.format.value, options, &spec.sink.partition_by, &schema, sink_mode)
    });
    problems.take(spec.sink.line, sink_check)?;
    let limits = after.iter().filter(|step| matches!(step, After::Limit(_))).count();
    let identity = Identity::of(&inputs, &watermarks, stateful.as_ref(), limits, spec.mode);
    Some(Plan {
        name: spec.name.clone(),
        inputs,
        watermarks,
        refusals,
        stateful,
        after,
        described,
        foreach,
        schema,
        sink_format: spec.sink.format.value.clone(),
        sink_options,
        partition_by: spec.sink.partition_by.clone(),
        mode: spec.mode,
        trigger: spec.trigger,
        checkpoint: checkpoint?,
        settings,
        identity,
    })
}

/// The foreach function of a sink, over the columns that come to the sink.
fn foreach(spec: &UdfSpec, schema: &SchemaRef, context: &PlanContext) -> Result<ForeachStage> {
    let function = context.module(&spec.module)?.foreach(&spec.function)?;
    let analyzer = Analyzer::new(schema.clone(), context.environment.clone());
    let arguments = arguments(&analyzer, &function, &values(&spec.input))?;
    Ok(ForeachStage::new(called(spec).replacen("udf", "foreach", 1), function, arguments))
}

/// The problems of a sink that can be told when nobody knows its columns: its format, and its options.
fn sink_without_columns(spec: &Spec, problems: &mut Problems) {
    let format = &spec.sink.format;
    let known = problems.take(format.line, sink::check_format(&format.value));
    let options = problems.take(spec.sink.line, Options::new(spec.sink.options.clone()));
    if let (Some(()), Some(options)) = (known, options) {
        // Columns that every format can hold, so that what is said is about the options.
        let any = Arc::new(Schema::new(vec![Field::new("value", DataType::Utf8, true)]));
        let check = |options: &Options| sink::check(&format.value, options, &[], &any, OutputMode::Append);
        problems.of_options(spec.sink.line, &options, check).ok();
    }
}

fn checkpoint(
    spec: &Spec,
    refusals: &Refusals,
    context: &PlanContext,
    problems: &mut Problems,
) -> Option<Option<Location>> {
    let Some(At { line, value }) = &spec.checkpoint else {
        let is_for_eyes = matches!(spec.sink.format.value.as_str(), "console" | "memory" | "noop");
        if !is_for_eyes || !refusals.outputs.is_empty() {
            problems.add(
                spec.line,
                "`checkpointLocation` is missing: without it no restart could continue where this run stopped",
                "add `checkpointLocation: /path/to/checkpoint`, a folder of this query alone, on disk or hdfs://",
            );
            return None;
        }
        return Some(None);
    };
    problems.take(*line, Location::parse(value, context.base())).map(Some)
}

fn build_inputs(branches: &[Branch], needed: &BTreeSet<String>, context: &PlanContext) -> Result<Vec<Input>> {
    let mut inputs = branches.iter().map(|b| b.build(needed, context)).collect::<Result<Vec<_>>>()?;
    // All inputs give the same columns in the same order, the first one's.
    let names: Vec<String> = match inputs.first() {
        Some(first) => first.schema.fields().iter().map(|f| quoted(f.name())).collect(),
        None => Vec::new(),
    };
    for input in inputs.iter_mut().skip(1) {
        let own: Vec<String> = input.schema.fields().iter().map(|f| quoted(f.name())).collect();
        if own != names {
            let stage = Step::Select(names.clone()).build(&input.schema, None, context)?;
            input.schema = stage.schema().clone();
            input.described.push((format!("select {}", names.join(", ")), input.schema.clone()));
            input.stages.push(stage);
        }
    }
    Ok(inputs)
}

fn after_schema(after: &[After], stateful: Option<&Stateful>, inputs: &[Input]) -> SchemaRef {
    let last = after.iter().rev().find_map(|step| match step {
        After::Stage { stage, .. } => Some(stage.schema().clone()),
        After::Sort(_) | After::Limit(_) => None,
    });
    let before = stateful.map(|stateful| stateful.schema().clone());
    let input = || inputs.first().map_or_else(|| Arc::new(Schema::empty()), |input| input.schema.clone());
    last.or(before).unwrap_or_else(input)
}

/// The stages from the first stateful one on.
struct Rest<'a> {
    spec: &'a Spec,
    context: &'a PlanContext,
    problems: &'a mut Problems,
    described: Vec<(String, SchemaRef)>,
    shape: Shape,
    refusals: &'a mut Refusals,
}

/// The stateful stage, the columns it needs, and what comes behind it.
type Built = (Option<Stateful>, BTreeSet<String>, Vec<After>);

impl Rest<'_> {
    fn stateful(&mut self, branches: &mut [Branch], stages: &[At<StageSpec>]) -> Option<Built> {
        let input = branches.first()?.schema.clone();
        let all = || input.fields().iter().map(|field| field.name().clone()).collect();
        let Some(first) = stages.first() else { return Some((None, all(), Vec::new())) };
        let mut rest = stages[1..].to_vec();
        let (needed, stateful, described) = match &first.value {
            StageSpec::GroupBy { keys, agg } => {
                rest = self.push_filters(branches, (keys, agg), &stages[1..])?;
                let (needed, aggregation) = self.aggregation(branches, first, keys, agg)?;
                let described = format!("groupBy {} agg {}", list(keys), agg_list(agg));
                (needed, Stateful::Aggregation(Arc::new(aggregation)), described)
            }
            StageSpec::Group(spec) => {
                let (needed, stage) = self.group(branches, first.line, spec)?;
                let described = format!("groupBy {} {}", list(&spec.keys), called(&spec.udf));
                (needed, Stateful::Group(Arc::new(stage)), described)
            }
            _ => {
                let after = self.after(input.clone(), stages)?;
                let refused = legality::check(self.shape, self.spec.mode);
                self.problems.take(first.line, refused)?;
                return Some((None, all(), after));
            }
        };
        self.described.push((described, stateful.schema().clone()));
        let after = self.after(stateful.schema().clone(), &rest)?;
        Some((Some(stateful), needed, after))
    }

    fn group(
        &mut self,
        branches: &[Branch],
        line: u64,
        spec: &GroupSpec,
    ) -> Option<(BTreeSet<String>, GroupStage)> {
        let branch = branches.first()?;
        let keys: Vec<String> = values(&spec.keys);
        let parts = group_parts(&branch.schema, &keys, spec, self.context);
        let parts = self.problems.take(line, parts)?;
        let needed: BTreeSet<String> =
            columns_read(&parts).map(|i| branch.schema.field(i).name().clone()).collect();
        let narrowed = self.problems.take(line, branch.build(&needed, self.context))?;
        let built = group_parts(&narrowed.schema, &keys, spec, self.context).and_then(GroupStage::new);
        Some((needed, self.problems.take(line, built)?))
    }

    /// Moves what filters right behind the aggregation ask of its keys in front of it, as Spark's optimizer does:
    /// rows of other groups then keep no state and move no watermark. Gives the stages that are left.
    fn push_filters(
        &mut self,
        branches: &mut [Branch],
        (keys, agg): (&[At<String>], &[At<AggSpec>]),
        stages: &[At<StageSpec>],
    ) -> Option<Vec<At<StageSpec>>> {
        let filters = stages.iter().take_while(|stage| matches!(stage.value, StageSpec::Filter(_))).count();
        let mut left = Vec::new();
        let (keys, agg): (Vec<String>, Vec<AggSpec>) = (values(keys), values(agg));
        let grouping = Grouping::resolve(&branches.first()?.schema, &keys, &agg, self.context);
        for stage in &stages[..filters] {
            let (StageSpec::Filter(predicate), Ok(grouping)) = (&stage.value, &grouping) else {
                left.push(stage.clone());
                continue;
            };
            let Ok((on_keys, others)) = parts_on_keys(predicate, &grouping.keys, &grouping.names()) else {
                left.push(stage.clone());
                continue;
            };
            for part in &on_keys {
                for branch in branches.iter_mut() {
                    let added = branch.add(Step::Filter(part.clone()), self.context);
                    self.problems.take(stage.line, added)?;
                }
            }
            if on_keys.is_empty() {
                left.push(stage.clone());
            } else if !others.is_empty() {
                left.push(At { line: stage.line, value: StageSpec::Filter(others.join(" AND ")) });
            }
        }
        left.extend_from_slice(&stages[filters..]);
        Some(left)
    }

    fn aggregation(
        &mut self,
        branches: &[Branch],
        stage: &At<StageSpec>,
        keys: &[At<String>],
        agg: &[At<AggSpec>],
    ) -> Option<(BTreeSet<String>, Aggregation)> {
        let branch = branches.first()?;
        let line = stage.line;
        let (keys, agg): (Vec<String>, Vec<AggSpec>) = (values(keys), values(agg));
        let grouping = match Grouping::resolve(&branch.schema, &keys, &agg, self.context) {
            Ok(grouping) => grouping,
            Err(error) => {
                self.problems.of_stage(stage, error, &branch.schema, self.context);
                return None;
            }
        };
        self.shape.aggregates = true;
        self.shape.event_time_key =
            grouping.keys.iter().any(|key| key.field().metadata().contains_key(WATERMARK_DELAY_KEY));
        let needed: BTreeSet<String> =
            grouping.columns_read().map(|i| branch.schema.field(i).name().clone()).collect();
        let narrowed = self.problems.take(line, branch.build(&needed, self.context))?;
        let built = Grouping::resolve(&narrowed.schema, &keys, &agg, self.context)
            .and_then(|grouping| grouping.build(self.spec.mode, self.context));
        Some((needed, self.problems.take(line, built)?))
    }

    fn after(&mut self, mut schema: SchemaRef, stages: &[At<StageSpec>]) -> Option<Vec<After>> {
        let mut after = Vec::new();
        for stage in stages {
            let step = self.after_step(&schema, stage)?;
            match step {
                step @ After::Stage { .. } => {
                    if let After::Stage { stage, .. } = &step {
                        schema = stage.schema().clone();
                    }
                    after.push(step);
                }
                // A limit right behind a sort need not sort everything.
                After::Sort(sort) => match after.last_mut() {
                    Some(After::Sort(before)) if sort.keys.is_empty() => {
                        let limits = [before.limit, sort.limit];
                        before.limit = limits.into_iter().flatten().min();
                    }
                    _ => after.push(After::Sort(sort)),
                },
                limit @ After::Limit(_) => after.push(limit),
            }
            let described = describe(&stage.value).unwrap_or_default();
            self.described.push((described, schema.clone()));
        }
        Some(after)
    }

    fn after_step(&mut self, schema: &SchemaRef, stage: &At<StageSpec>) -> Option<After> {
        let analyzer = Analyzer::new(schema.clone(), self.context.environment.clone());
        let step = match &stage.value {
            StageSpec::OrderBy(items) => {
                self.shape.sorts = true;
                let keys = analyzer.order(&values(items));
                keys.map(|keys| After::Sort(Sort { keys, limit: None, schema: schema.clone() }))
            }
            StageSpec::Limit(limit) if self.spec.mode == OutputMode::Append => {
                Ok(After::Limit(*limit as u64))
            }
            StageSpec::Limit(limit) => {
                self.shape.limits = true;
                Ok(After::Sort(Sort { keys: Vec::new(), limit: Some(*limit), schema: schema.clone() }))
            }
            StageSpec::GroupBy { .. }
            | StageSpec::Group(_)
            | StageSpec::Union { .. }
            | StageSpec::WithWatermark { .. } => {
                let what = "an aggregation, a union or a watermark behind an aggregation or a limit is not supported";
                self.problems.add(
                    stage.line,
                    what,
                    "write the result to a topic or folder and read it in a second query",
                );
                return None;
            }
            other => match Step::resolve(other, 0, self.context) {
                Ok(Some(mut kind)) => {
                    self.refusals.decide(&mut kind, stage, self.context, self.problems)?;
                    let name = kind.describe();
                    kind.build(schema, None, self.context).map(|stage| After::Stage { name, stage })
                }
                Ok(None) => return None,
                Err(error) => Err(error),
            },
        };
        match step {
            Ok(step) => Some(step),
            Err(error) => {
                self.problems.of_stage(stage, error, schema, self.context);
                None
            }
        }
    }
}

fn describe(stage: &StageSpec) -> Option<String> {
    Some(match stage {
        StageSpec::OrderBy(items) => format!("orderBy {}", list(items)),
        StageSpec::Limit(limit) => format!("limit {limit}"),
        StageSpec::Select(items) => format!("select {}", list(items)),
        StageSpec::Filter(predicate) => format!("filter {predicate}"),
        StageSpec::WithColumn { name, expr } => format!("withColumn {name} = {expr}"),
        StageSpec::Udf(udf) => called(udf),
        _ => return None,
    })
}

fn called(UdfSpec { module, function, input, .. }: &UdfSpec) -> String {
    format!("udf {module}.{function}({})", list(input))
}

fn values<T: Clone>(items: &[At<T>]) -> Vec<T> {
    items.iter().map(|item| item.value.clone()).collect()
}

fn agg_list(agg: &[At<AggSpec>]) -> String {
    let item = |item: &At<AggSpec>| match &item.value {
        AggSpec::Expression(text) => text.clone(),
        AggSpec::Udf { udf, .. } => called(udf),
    };
    agg.iter().map(item).collect::<Vec<_>>().join(", ")
}

fn list(items: &[At<String>]) -> String {
    values(items).join(", ")
}
