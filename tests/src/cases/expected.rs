//! Spark's answer to a case, and how ours differs. `tests/oracle/spark_query.py` writes the form read here.

use std::collections::BTreeMap;

use serde_json::Value;

/// Doubles that are summed in another order differ in their last digits.
const RELATIVE_ERROR: f64 = 1e-12;

/// One batch of Spark's.
#[derive(Debug)]
pub struct Batch {
    pub id: i64,
    /// The input step in which it ran.
    pub step: usize,
    pub rows: Vec<Value>,
    /// Watermark and the rows of state, as in Spark's progress.
    pub facts: Value,
}

/// Spark's batches, and its refusal if it refused.
#[derive(Debug, Default)]
pub struct Expected {
    pub batches: Vec<Batch>,
    refusal: Option<Value>,
}

impl Expected {
    pub fn parse(text: &str) -> Result<Expected, String> {
        let mut expected = Expected::default();
        for line in text.lines() {
            let value: Value =
                serde_json::from_str(line).map_err(|e| format!("Spark's answer: {e}: {line}"))?;
            if value.get("refused").is_some() {
                expected.refusal = Some(value);
                continue;
            }
            let field = |name: &str| value[name].as_i64().ok_or_else(|| format!("no {name}: {line}"));
            let rows = value["rows"].as_array().cloned().unwrap_or_default();
            let (id, step) = (field("batchId")?, field("step")? as usize);
            expected.batches.push(Batch { id, step, rows, facts: value });
        }
        Ok(expected)
    }

    pub fn is_refused(&self) -> bool {
        self.refusal.is_some()
    }

    /// The number of input steps in which there were batches.
    pub fn steps(&self) -> usize {
        self.batches.last().map_or(0, |batch| batch.step + 1)
    }

    /// The batches of all steps up to `step`.
    pub fn batches_until(&self, step: usize) -> Vec<&Batch> {
        self.batches.iter().filter(|batch| batch.step <= step).collect()
    }

    /// `failure` is what we said when we failed.
    pub fn compare_verdict(&self, failure: Option<String>) -> Vec<String> {
        match (&self.refusal, failure) {
            (None, Some(failure)) => vec![format!("we failed, Spark did not: {failure}")],
            (Some(refusal), None) => vec![format!("Spark refused, we did not: {}", refusal["class"])],
            _ => Vec::new(),
        }
    }

    pub fn compare_batches(
        &self,
        rows: &BTreeMap<i64, Vec<Value>>,
        committed: &[i64],
        ordered: bool,
    ) -> Vec<String> {
        let ids: Vec<i64> = self.batches.iter().map(|batch| batch.id).collect();
        let mut differences = Vec::new();
        if committed != ids {
            differences.push(format!("batches: Spark ran {ids:?}, we committed {committed:?}"));
        }
        let none = Vec::new();
        for batch in &self.batches {
            let ours = rows.get(&batch.id).unwrap_or(&none);
            differences.extend(compare_rows(batch, ours, ordered));
        }
        let extra = rows.keys().filter(|id| !ids.contains(id));
        differences.extend(extra.map(|id| format!("batch {id}: only we have it: {:?}", rows[id])));
        differences
    }

    pub fn compare_progress(&self, progress: &BTreeMap<i64, Value>) -> Vec<String> {
        let mut differences = Vec::new();
        for batch in &self.batches {
            let Some(ours) = progress.get(&batch.id) else {
                differences.push(format!("batch {}: we reported no progress", batch.id));
                continue;
            };
            let state = |name: &str| -> Value {
                let operators = ours["stateOperators"].as_array().cloned().unwrap_or_default();
                operators.iter().map(|operator| operator[name].clone()).collect()
            };
            let refused = ours["refusedRows"].as_array().into_iter().flatten();
            let refused: Vec<Value> = refused.map(|stage| stage["numRows"].clone()).collect();
            let wanted = batch.facts["refusedRows"].as_array().cloned().unwrap_or_default();
            if refused != wanted {
                let (refused, wanted) = (list(&refused), list(&wanted));
                differences.push(format!("batch {}: refusedRows: wanted {wanted}, we {refused}", batch.id));
            }
            let ours = [
                ("watermark", ours["eventTime"]["watermark"].clone()),
                ("stateRows", state("numRowsTotal")),
                ("lateRows", state("numRowsDroppedByWatermark")),
            ];
            for (name, value) in ours {
                let spark = &batch.facts[name];
                // Spark counts the late groups of each task, which is not the number of late rows.
                let both_late = name == "lateRows" && !is_nothing(spark) && !is_nothing(&value);
                if *spark != value && !both_late {
                    differences.push(format!("batch {}: {name}: Spark {spark}, we {value}", batch.id));
                }
            }
        }
        differences
    }
}

/// Whether each number of a list is zero.
fn is_nothing(numbers: &Value) -> bool {
    numbers.as_array().is_some_and(|numbers| numbers.iter().all(|number| number.as_i64() == Some(0)))
}

/// Rows of a batch are a set unless the query orders them.
fn compare_rows(batch: &Batch, ours: &[Value], ordered: bool) -> Vec<String> {
    let mut left: Vec<&Value> = ours.iter().collect();
    if ordered {
        let same = left.len() == batch.rows.len() && left.iter().zip(&batch.rows).all(|(a, b)| is_same(a, b));
        let said = || format!("batch {}: Spark {}, we {}", batch.id, list(&batch.rows), list(ours));
        return if same { Vec::new() } else { vec![said()] };
    }
    let mut differences = Vec::new();
    for row in &batch.rows {
        match left.iter().position(|ours| is_same(ours, row)) {
            Some(at) => {
                left.remove(at);
            }
            None => differences.push(format!("batch {}: only Spark: {row}", batch.id)),
        }
    }
    differences.extend(left.into_iter().map(|row| format!("batch {}: only we: {row}", batch.id)));
    differences
}

fn list(rows: &[Value]) -> String {
    let rows: Vec<String> = rows.iter().map(Value::to_string).collect();
    format!("[{}]", rows.join(", "))
}

/// Equal, with some tolerance for doubles; a field that is not there is null.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            let (a, b) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
            a == b || (a - b).abs() <= RELATIVE_ERROR * a.abs().max(b.abs())
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let in_both = |a: &serde_json::Map<String, Value>, b: &serde_json::Map<String, Value>| {
                a.iter().all(|(key, value)| is_same(value, b.get(key).unwrap_or(&Value::Null)))
            };
            in_both(a, b) && in_both(b, a)
        }
        _ => a == b,
    }
}
