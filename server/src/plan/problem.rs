//! What is wrong with a query file, gathered so that all of it is told at once.

use arrow::datatypes::SchemaRef;

use super::context::PlanContext;
use super::grouping::Grouping;
use super::spec::{At, StageSpec};
use crate::error::{Error, ErrorKind, Result};
use crate::expression::Analyzer;
use crate::record::{Options, nearest};

/// One thing to mend: where, what, and what would work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub line: u64,
    pub what: String,
    pub hint: Option<String>,
}

#[derive(Debug, Default)]
pub struct Problems {
    found: Vec<Problem>,
    /// Failures that are not the file's: they are told instead of it.
    other: Option<Error>,
}

impl Problems {
    pub fn add(&mut self, line: u64, what: impl Into<String>, hint: impl Into<String>) {
        self.found.push(Problem { line, what: what.into(), hint: Some(hint.into()) });
    }

    /// The value, or its error as a problem at `line`.
    pub fn take<T>(&mut self, line: u64, result: Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.add_error(line, error);
                None
            }
        }
    }

    /// What `check` says of options, once without each of those that it finds wrong: they are problems at `line`.
    pub fn of_options<T>(
        &mut self,
        line: u64,
        options: &Options,
        check: impl Fn(&Options) -> Result<T>,
    ) -> Result<T> {
        let mut left = options.clone();
        loop {
            let error = match check(&left) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let wrong = error.fact("option").filter(|key| left.contains(key)).map(str::to_string);
            let Some(key) = wrong else { return Err(error) };
            self.add_error(line, error);
            left = left.without(&key);
        }
    }

    pub fn add_error(&mut self, line: u64, error: Error) {
        if error.kind() != ErrorKind::User {
            self.other.get_or_insert(error);
            return;
        }
        let mut what = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(inner) = cause {
            what.push_str(&format!(": {inner}"));
            cause = inner.source();
        }
        self.found.push(Problem { line, what, hint: error.hint_text().map(str::to_string) });
    }

    /// What is wrong with a stage over `schema`: item by item with their own lines, if it has several.
    pub fn of_stage(
        &mut self,
        stage: &At<StageSpec>,
        error: Error,
        schema: &SchemaRef,
        context: &PlanContext,
    ) {
        let analyzer = Analyzer::new(schema.clone(), context.environment.clone());
        let one = |item: &At<String>| [item.value.clone()];
        let mut found = Vec::new();
        let mut check = |line: u64, error: Option<Error>| {
            found.extend(error.map(|error| (line, error)));
        };
        match &stage.value {
            StageSpec::Select(items) => {
                items.iter().for_each(|item| check(item.line, analyzer.select(&one(item)).err()));
            }
            StageSpec::OrderBy(items) => {
                items.iter().for_each(|item| check(item.line, analyzer.order(&one(item)).err()));
            }
            StageSpec::GroupBy { keys, agg } => {
                keys.iter().for_each(|item| check(item.line, analyzer.keys(&one(item)).err()));
                let texts: Vec<String> = keys.iter().map(|key| key.value.clone()).collect();
                if analyzer.keys(&texts).is_ok() {
                    for item in agg {
                        let item_alone = std::slice::from_ref(&item.value);
                        let resolved = Grouping::resolve(schema, &texts, item_alone, context);
                        check(item.line, resolved.err());
                    }
                }
            }
            _ => {}
        }
        if found.is_empty() {
            self.add_error(stage.line, error);
        }
        found.into_iter().for_each(|(line, error)| self.add_error(line, error));
    }

    pub fn unknown_key(&mut self, line: u64, what: &str, key: &str, known: &[&str]) {
        let hint = match nearest(key, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}", known.join(", ")),
        };
        self.add(line, format!("`{key}` is not {what}"), hint);
    }

    pub fn into_list(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|problem| problem.line);
        self.found
    }

    /// Nothing, or one error that lists everything found, by line.
    pub fn into_result(mut self, file: &str) -> Result<()> {
        if let Some(error) = self.other.take() {
            return Err(error);
        }
        let problems = self.into_list();
        if problems.is_empty() {
            return Ok(());
        }
        let mut lines = Vec::new();
        for problem in &problems {
            lines.push(format!("{file}:{}: {}", problem.line, problem.what));
            lines.extend(problem.hint.iter().map(|hint| format!("    hint: {hint}")));
        }
        Err(Error::user("the query file cannot run")
            .with("problems", problems.len())
            .detail(lines.join("\n")))
    }
}
