//! The inputs of a plan: each source with its stateless stages, up to the point where all inputs flow together.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};

use super::context::PlanContext;
use super::problem::Problems;
use super::refusals::Refusals;
use super::spec::{At, SourceSpec, StageSpec};
use super::stage::{Step, quoted};
use crate::error::{Error, Result};
use crate::expression::Analyzer;
use crate::expression::coercion::wider;
use crate::operator::{OnError, PlaceColumns, Stage};
use crate::record::{Options, parse_ddl, type_name};
use crate::source::{self, RowPlace};

/// A source and its stages while they are being resolved.
pub struct Branch {
    pub source: SourceSpec,
    pub options: Options,
    pub user_schema: Option<SchemaRef>,
    pub source_schema: SchemaRef,
    pub steps: Vec<Step>,
    /// What leaves the last step, with all columns.
    pub schema: SchemaRef,
}

/// A source and its stages, built over only the columns that are needed.
pub struct Input {
    pub format: String,
    pub options: Options,
    pub user_schema: Option<SchemaRef>,
    pub source_schema: SchemaRef,
    /// The source's columns that are read.
    pub projection: Vec<usize>,
    /// Which of them the stages get, and which say where a row is; nothing where no stage sets rows aside, or the
    /// source cannot say it.
    pub places: Option<PlaceColumns>,
    pub stages: Vec<Arc<dyn Stage>>,
    /// What each stage does and gives, for `explain`.
    pub described: Vec<(String, SchemaRef)>,
    pub schema: SchemaRef,
}

/// What stages of all branches number together.
#[derive(Default)]
pub struct Numbers {
    /// Delays, microseconds.
    pub watermarks: Vec<i64>,
    pub refusals: Refusals,
}

/// Resolves a source and the stateless stages behind it; stops at the first stage that is not one and returns how
/// many were taken.
pub fn resolve(
    source: &SourceSpec,
    stages: &[At<StageSpec>],
    numbers: &mut Numbers,
    context: &PlanContext,
    problems: &mut Problems,
) -> Option<(Vec<Branch>, usize)> {
    let opened = open(source, context, problems);
    let mut branches = vec![problems.take(source.line, opened)?];
    for (taken, stage) in stages.iter().enumerate() {
        if let StageSpec::Union { source, stages } = &stage.value {
            let (others, used) = resolve(source, stages, numbers, context, problems)?;
            if let Some(rest) = stages.get(used) {
                problems.add(
                    rest.line,
                    "a branch of `union` may not aggregate or sort",
                    "do it after the `union`",
                );
                return None;
            }
            branches = problems.take(stage.line, union(branches, others, context))?;
            continue;
        }
        let kind = Step::resolve(&stage.value, numbers.watermarks.len(), context);
        let Some(mut kind) = problems.take(stage.line, kind)? else { return Some((branches, taken)) };
        if let Step::Watermark { delay_us, .. } = &kind {
            numbers.watermarks.push(*delay_us);
        }
        numbers.refusals.decide(&mut kind, stage, context, problems)?;
        for branch in &mut branches {
            if let Err(error) = branch.add(kind.clone(), context) {
                let changes_columns = !matches!(kind, Step::Filter(_));
                problems.of_stage(stage, error, &branch.schema, context);
                if changes_columns {
                    return None;
                }
                break;
            }
        }
    }
    Some((branches, stages.len()))
}

fn open(source: &SourceSpec, context: &PlanContext, problems: &mut Problems) -> Result<Branch> {
    let options = Options::new(source.options.clone())?;
    let user_schema = source.schema.as_ref().map(|ddl| parse_ddl(&ddl.value)).transpose()?;
    let source_schema = problems.of_options(source.line, &options, |options| {
        source::check(&source.format.value, user_schema.clone(), options, context.base())
    })?;
    let schema = source_schema.clone();
    Ok(Branch { source: source.clone(), options, user_schema, source_schema, steps: Vec::new(), schema })
}

impl Branch {
    pub fn add(&mut self, step: Step, context: &PlanContext) -> Result<()> {
        self.schema = step.build(&self.schema, None, context)?.schema().clone();
        match &step {
            Step::Filter(predicate) => self.add_filter(predicate, context),
            _ => {
                self.steps.push(step);
                Ok(())
            }
        }
    }

    /// Each part that AND joins finds its own place; a filter that stays stays whole.
    fn add_filter(&mut self, predicate: &str, context: &PlanContext) -> Result<()> {
        let analyzer = Analyzer::new(self.schema.clone(), context.environment.clone());
        let parts: Vec<Step> = analyzer.conjuncts(predicate)?.into_iter().map(Step::Filter).collect();
        let end = self.steps.len();
        let places: Result<Vec<usize>> =
            parts.iter().map(|part| self.place_of_filter(part, context)).collect();
        if places?.iter().all(|place| *place == end) {
            self.steps.push(Step::Filter(predicate.to_string()));
            return Ok(());
        }
        for part in parts {
            let place = self.place_of_filter(&part, context)?;
            self.steps.insert(place, part);
        }
        Ok(())
    }

    /// Where Spark's optimizer puts a filter, as far as it shows: in front of a watermark, which then does not see
    /// the rows that the filter drops. Not if it reads the event time, or what is computed behind the watermark.
    fn place_of_filter(&self, filter: &Step, context: &PlanContext) -> Result<usize> {
        let read = filter.reads(&self.schema, &BTreeSet::new(), context)?;
        let reads = |name: &str| read.iter().any(|column| column.eq_ignore_ascii_case(name));
        let is_item =
            |items: &[String], name: &str| items.iter().any(|i| i.trim().eq_ignore_ascii_case(name));
        let mut place = self.steps.len();
        for (at, step) in self.steps.iter().enumerate().rev() {
            match step {
                Step::Watermark { column, .. } if !reads(column) => place = at,
                Step::WithColumn { name, .. } if !reads(name) => {}
                Step::Select(items) if read.iter().all(|name| is_item(items, name)) => {}
                Step::Filter(_) => {}
                _ => break,
            }
        }
        Ok(place)
    }

    /// Builds the branch so that it gives the columns `needed`.
    pub fn build(&self, needed: &BTreeSet<String>, context: &PlanContext) -> Result<Input> {
        let mut schemas = vec![self.source_schema.clone()];
        for step in &self.steps {
            let before = schemas.last().cloned().unwrap_or_else(|| Arc::new(Schema::empty()));
            schemas.push(step.build(&before, None, context)?.schema().clone());
        }
        // Backwards: what each step has to give, so that the next one has what it reads.
        let mut wanted = vec![at_least_one(needed.clone(), &self.schema)];
        for (step, schema) in self.steps.iter().zip(&schemas).rev() {
            let given = wanted.last().cloned().unwrap_or_default();
            wanted.push(at_least_one(step.reads(schema, &given, context)?, schema));
        }
        wanted.reverse();
        let read = |field: &Arc<arrow::datatypes::Field>| wanted[0].contains(field.name());
        let fields = self.source_schema.fields();
        let projection: Vec<usize> = (0..fields.len()).filter(|i| read(&fields[*i])).collect();
        let (read_in_all, places) = self.with_places(&projection);
        let mut schema: SchemaRef = Arc::new(
            self.source_schema
                .project(&projection)
                .map_err(|e| Error::internal("narrow the source's schema").because(e))?,
        );
        let (mut stages, mut described): (Vec<Arc<dyn Stage>>, Vec<_>) = (Vec::new(), Vec::new());
        for ((step, given), whole) in self.steps.iter().zip(&wanted[1..]).zip(&schemas) {
            let kept = step.keeping(whole, given, context)?;
            let stage = kept.build(&schema, Some(given), context)?;
            schema = stage.schema().clone();
            described.push((step.describe(), schema.clone()));
            stages.push(stage);
        }
        Ok(Input {
            format: self.source.format.value.clone(),
            options: self.options.clone(),
            user_schema: self.user_schema.clone(),
            source_schema: self.source_schema.clone(),
            projection: read_in_all,
            places,
            stages,
            described,
            schema,
        })
    }
}

impl Branch {
    /// The columns to read so that `projection` is there, and where each row is if a stage sets rows aside.
    fn with_places(&self, projection: &[usize]) -> (Vec<usize>, Option<PlaceColumns>) {
        let sets_aside = |step: &Step| matches!(step, Step::Udf { on_error: OnError::SetAside(_), .. });
        let place = match self.steps.iter().any(sets_aside) {
            true => source::row_place(&self.source.format.value),
            false => RowPlace::Unknown,
        };
        let of_path = match place {
            RowPlace::Unknown => return (projection.to_vec(), None),
            RowPlace::Path => true,
            RowPlace::Columns(_) => false,
        };
        let named = |index: &usize| match place {
            RowPlace::Columns(names) => names.contains(&self.source_schema.field(*index).name().as_str()),
            RowPlace::Path | RowPlace::Unknown => false,
        };
        let columns = 0..self.source_schema.fields().len();
        let read: Vec<usize> = columns.filter(|i| projection.contains(i) || named(i)).collect();
        let at = |wanted: &dyn Fn(&usize) -> bool| -> Vec<usize> {
            read.iter().enumerate().filter(|(_, column)| wanted(column)).map(|(at, _)| at).collect()
        };
        let stages = at(&|column| projection.contains(column));
        let places = if of_path { vec![read.len()] } else { at(&named) };
        (read, Some(PlaceColumns { stages, places, of_path }))
    }
}

/// Rows are counted by their columns, so one column stays even if none is needed: a narrow one.
fn at_least_one(mut names: BTreeSet<String>, schema: &Schema) -> BTreeSet<String> {
    if names.is_empty() {
        let narrow = schema.fields().iter().find(|field| field.data_type().is_primitive());
        names.extend(narrow.or(schema.fields().first()).map(|field| field.name().clone()));
    }
    names
}

/// Joins branches column by column, as SQL's UNION ALL: names are the first side's, types the wider of both.
fn union(mut left: Vec<Branch>, mut right: Vec<Branch>, context: &PlanContext) -> Result<Vec<Branch>> {
    let (Some(first), Some(second)) = (left.first(), right.first()) else {
        return Err(Error::internal("a union without branches"));
    };
    let (one, other) = (first.schema.clone(), second.schema.clone());
    if one.fields().len() != other.fields().len() {
        return Err(Error::user("[NUM_COLUMNS_MISMATCH] the sides of a union have other numbers of columns")
            .with("left", one.fields().len())
            .with("right", other.fields().len())
            .hint("`select` the same number of columns on both sides"));
    }
    let mut types = Vec::new();
    for (a, b) in one.fields().iter().zip(other.fields()) {
        let common = wider(a.data_type(), b.data_type()).ok_or_else(|| {
            Error::user(
                "[INCOMPATIBLE_COLUMN_TYPE] the sides of a union have columns that have no common type",
            )
            .with("column", a.name())
            .with("left", type_name(a.data_type()))
            .with("right", type_name(b.data_type()))
            .hint("CAST one of them")
        })?;
        types.push(common);
    }
    for (branches, schema) in [(&mut left, &one), (&mut right, &other)] {
        if let Some(items) = aligned(schema, &one, &types) {
            for branch in branches {
                branch.add(Step::Select(items.clone()), context)?;
            }
        }
    }
    left.extend(right);
    Ok(left)
}

/// Select items that give `schema` the names of `names` and the types; nothing if it has them.
fn aligned(schema: &Schema, names: &Schema, types: &[DataType]) -> Option<Vec<String>> {
    let same = schema.fields().iter().zip(names.fields()).zip(types);
    if same.clone().all(|((field, name), t)| field.name() == name.name() && field.data_type() == t) {
        return None;
    }
    let items = same.map(|((field, name), data_type)| {
        let (column, name) = (quoted(field.name()), quoted(name.name()));
        match field.data_type() == data_type {
            true => format!("{column} AS {name}"),
            false => format!("CAST({column} AS {}) AS {name}", type_name(data_type)),
        }
    });
    Some(items.collect())
}
