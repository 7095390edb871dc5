//! Cases of aggregates: rows of groups in, `$group` being any JSON value; out comes one value for each group, in the
//! order in which the groups first come.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, new_null_array};
use arrow::datatypes::Schema;
use serde_json::Value;

use super::case::{Case, Found, Line, gave_up, line};
use super::rows::{joined, row_of};
use super::{MOMENT, expect_equal};
use crate::error::{Error, Result};
use crate::udf::Aggregate;

const GROUP: &str = "$group";

struct Input {
    groups: Vec<Value>,
    /// The group of each row.
    owners: Vec<i32>,
    rows: Vec<ArrayRef>,
}

impl Input {
    fn read(function: &Aggregate, case: &Case) -> Result<Input> {
        let lines = case.lines()?;
        let rows = case.rows(&lines.iter().collect::<Vec<&Line>>(), function.inputs(), &[GROUP])?;
        let (mut groups, mut places) = (Vec::new(), HashMap::new());
        let mut owners = Vec::new();
        for line in &lines {
            let group = line.members.get(GROUP).cloned().unwrap_or_default();
            let place = *places.entry(group.to_string()).or_insert_with(|| {
                groups.push(group);
                groups.len() as i32 - 1
            });
            owners.push(place);
        }
        if groups.is_empty() {
            // A query without keys has a group even when no row came.
            groups.push(Value::Null);
        }
        Ok(Input { groups, owners, rows: rows.columns().to_vec() })
    }

    fn row(&self, row: usize) -> Vec<ArrayRef> {
        row_of(&self.rows, row)
    }
}

/// The lines that a case gives: all rows in one call, row by row, and in states of single rows that are merged.
pub fn run(function: &Arc<Aggregate>, case: &Case) -> Result<Found> {
    let input = Input::read(function, case)?;
    let run = Run { function, input: &input };
    let whole = run.lines(run.in_one_call())?;
    expect_equal(&whole, &run.lines(run.row_by_row())?, "rows one by one, each in a guest of its own,")?;
    expect_equal(&whole, &run.lines(run.merged_in_turn())?, "states of single rows, merged one by one,")?;
    expect_equal(&whole, &run.lines(run.merged_in_pairs())?, "states of single rows, merged two by two,")?;
    Ok(Found { rows: whole, states: Vec::new() })
}

type States = Vec<ArrayRef>;

struct Run<'a> {
    function: &'a Arc<Aggregate>,
    input: &'a Input,
}

impl Run<'_> {
    /// A line for each group, or the words of a function that gave up.
    fn lines(&self, states: Result<States>) -> Result<Vec<String>> {
        let results = states.and_then(|states| self.function.open(MOMENT)?.finish(&states));
        let results = match results {
            Ok(results) => results,
            Err(error) => return Ok(vec![gave_up(error)?]),
        };
        let schema = Arc::new(Schema::new(self.function.outputs().clone()));
        let batch = RecordBatch::try_new(schema, vec![results])
            .map_err(|e| Error::internal("make rows of an aggregate's results").because(e))?;
        let groups = self.input.groups.iter().enumerate();
        groups.map(|(row, group)| line(GROUP, group, &batch, row)).collect()
    }

    fn none(&self, groups: usize) -> States {
        self.function.state().iter().map(|field| new_null_array(field.data_type(), groups)).collect()
    }

    fn in_one_call(&self) -> Result<States> {
        let owners = Int32Array::from(self.input.owners.clone());
        self.function.open(MOMENT)?.update(&self.none(self.input.groups.len()), &self.input.rows, &owners)
    }

    /// Each row in a call of its own with the state of its group.
    fn row_by_row(&self) -> Result<States> {
        let mut states: Vec<States> = self.input.groups.iter().map(|_| self.none(1)).collect();
        for (row, owner) in self.input.owners.iter().enumerate() {
            let state = &mut states[*owner as usize];
            *state = self.function.open(MOMENT)?.update(
                state,
                &self.input.row(row),
                &Int32Array::from(vec![0]),
            )?;
        }
        joined(&states)
    }

    /// The state of each row alone.
    fn of_single_rows(&self) -> Result<Vec<States>> {
        let state = |row: usize| {
            self.function.open(MOMENT)?.update(
                &self.none(1),
                &self.input.row(row),
                &Int32Array::from(vec![0]),
            )
        };
        (0..self.input.owners.len()).map(state).collect()
    }

    fn merged_in_turn(&self) -> Result<States> {
        let mut states: Vec<Option<States>> = vec![None; self.input.groups.len()];
        for (other, owner) in self.of_single_rows()?.into_iter().zip(&self.input.owners) {
            let state = &mut states[*owner as usize];
            *state = Some(match state.take() {
                // As in a query: nothing is merged into the state of a group without rows.
                None => other,
                Some(state) => {
                    self.function.open(MOMENT)?.merge(&state, &other, &Int32Array::from(vec![0]))?
                }
            });
        }
        let states: Vec<States> = states.into_iter().map(|s| s.unwrap_or_else(|| self.none(1))).collect();
        joined(&states)
    }

    /// Neighbours of a group with each other, those of all groups in a call, until there is one state of each.
    fn merged_in_pairs(&self) -> Result<States> {
        let mut groups: Vec<Vec<States>> = vec![Vec::new(); self.input.groups.len()];
        for (state, owner) in self.of_single_rows()?.into_iter().zip(&self.input.owners) {
            groups[*owner as usize].push(state);
        }
        while groups.iter().any(|states| states.len() > 1) {
            let pairs = || groups.iter().flat_map(|states| states.chunks_exact(2));
            let ones: Vec<States> = pairs().map(|pair| pair[0].clone()).collect();
            let others: Vec<States> = pairs().map(|pair| pair[1].clone()).collect();
            let owners = Int32Array::from_iter_values(0..ones.len() as i32);
            let merged = self.function.open(MOMENT)?.merge(&joined(&ones)?, &joined(&others)?, &owners)?;
            let mut merged = (0..ones.len()).map(|row| row_of(&merged, row));
            for states in &mut groups {
                let rest = states.chunks_exact(2).remainder().to_vec();
                *states = merged.by_ref().take(states.len() / 2).chain(rest).collect();
            }
        }
        let states: Vec<States> =
            groups.into_iter().map(|mut g| g.pop().unwrap_or_else(|| self.none(1))).collect();
        joined(&states)
    }
}
