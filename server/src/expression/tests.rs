//! Expressions against what Spark said of them: `tests/cases/expressions`, written by the oracle
//! `tests/oracle/expressions.py`. After `-- refused: why` stands one that we must refuse, after
//! `-- named otherwise` one whose column has another name.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use serde_json::Value;

use super::cast::{OnInvalid, cast, retype};
use super::{Analyzer, Environment, Expression, GroupKey, SelectItem, simple_type_name};
use crate::record::parse_ddl;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/cases/expressions")
}

/// The table that all expressions run on.
fn table() -> RecordBatch {
    let text = fs::read_to_string(folder().join("table.json")).unwrap();
    let table: Value = serde_json::from_str(&text).unwrap();
    let schema = parse_ddl(table["schema"].as_str().unwrap()).unwrap();
    let mut decoder = arrow::json::ReaderBuilder::new(schema.clone()).build_decoder().unwrap();
    decoder.serialize(table["rows"].as_array().unwrap()).unwrap();
    let batch = decoder.flush().unwrap().unwrap();
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| retype(column, field.data_type()).unwrap()).collect();
    RecordBatch::try_new(schema, columns).unwrap()
}

/// Values as the oracle writes them: text, binary as hexadecimal.
fn texts(array: &ArrayRef) -> Vec<Option<String>> {
    if *array.data_type() == DataType::Binary {
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02X}")).collect::<String>();
        return array.as_binary::<i32>().iter().map(|bytes| bytes.map(hex)).collect();
    }
    let array = cast(array, &DataType::Utf8, OnInvalid::Fail).unwrap();
    array.as_string::<i32>().iter().map(|text| text.map(str::to_string)).collect()
}

/// What each row gives: its text, null, or `!` and the error.
fn outcomes(expression: &Expression, batch: &RecordBatch) -> Vec<Option<String>> {
    if let Ok(array) = expression.evaluate(batch) {
        assert_eq!(array.data_type(), expression.field().data_type(), "{expression:?}");
        return texts(&array);
    }
    let row = |row: usize| match expression.evaluate(&batch.slice(row, 1)) {
        Ok(array) => texts(&array)[0].clone(),
        Err(error) => Some(format!("!{error}")),
    };
    (0..batch.num_rows()).map(row).collect()
}

/// Does every row raise an error, or give null?
fn raises(case: &Value) -> bool {
    let rows = case["rows"].as_array().unwrap();
    rows.iter().any(Value::is_object) && rows.iter().all(|row| row.is_object() || row.is_null())
}

/// Empty if we do as Spark did; else how not.
fn difference(analyzer: &Analyzer, batch: &RecordBatch, case: &Value, named: bool) -> String {
    let sql = case["sql"].as_str().unwrap();
    let found = analyzer.expression(sql);
    if let Some(class) = case["error"].as_str() {
        return match found {
            Err(_) => String::new(),
            Ok(found) => {
                let raised = outcomes(&found, batch);
                let all = raised.iter().all(|row| row.as_ref().is_some_and(|row| row.contains(class)));
                if all { String::new() } else { format!("Spark refuses with {class}, we give {raised:?}") }
            }
        };
    }
    let expression = match found {
        Ok(expression) => expression,
        // A wrong constant is seen before any row; Spark raises it on the rows that have no null.
        Err(_) if raises(case) => return String::new(),
        Err(error) => return format!("refused: {error}"),
    };
    let field = expression.field();
    let mut wrong = Vec::new();
    if simple_type_name(field.data_type()) != case["type"] {
        wrong.push(format!("type {} not {}", simple_type_name(field.data_type()), case["type"]));
    }
    if named && field.name() != case["name"].as_str().unwrap() {
        wrong.push(format!("name {} not {}", field.name(), case["name"]));
    }
    let wanted = case["rows"].as_array().unwrap();
    for (row, (found, wanted)) in outcomes(&expression, batch).iter().zip(wanted).enumerate() {
        let same = match (found, wanted) {
            (None, Value::Null) => true,
            (Some(found), Value::String(wanted)) => found == wanted,
            (Some(found), Value::Object(error)) => {
                found.starts_with('!') && found.contains(error["error"].as_str().unwrap())
            }
            _ => false,
        };
        if !same {
            wrong.push(format!("row {}: {found:?} not {wanted}", row + 1));
        }
    }
    wrong.join("; ")
}

/// Columns that a select item gives, as the oracle lists them.
fn columns(analyzer: &Analyzer, sql: &str) -> crate::error::Result<Vec<(String, String)>> {
    let mut columns = Vec::new();
    for item in analyzer.select(&[sql.to_string()])? {
        let fields = match item {
            SelectItem::Expression(expression) => vec![expression.field().clone()],
            SelectItem::Generator(generator) => generator.outputs,
        };
        columns.extend(fields.iter().map(|f| (f.name().clone(), simple_type_name(f.data_type()))));
    }
    Ok(columns)
}

fn aggregate_columns(analyzer: &Analyzer, sql: &str) -> crate::error::Result<Vec<(String, String)>> {
    let list = analyzer.aggregates(&[], &[sql.to_string()])?;
    Ok(list
        .outputs
        .iter()
        .map(|e| (e.field().name().clone(), simple_type_name(e.field().data_type())))
        .collect())
}

fn analysed_difference(analyzer: &Analyzer, topic: &str, case: &Value) -> String {
    let sql = case["sql"].as_str().unwrap();
    let found = if topic.starts_with("aggregate") {
        aggregate_columns(analyzer, sql)
    } else {
        columns(analyzer, sql)
    };
    match (found, case["columns"].as_array()) {
        (Err(_), None) => String::new(),
        (Err(error), Some(_)) => format!("refused: {error}"),
        (Ok(found), None) => format!("Spark refuses with {}, we give {found:?}", case["error"]),
        (Ok(found), Some(wanted)) => {
            let wanted: Vec<_> = wanted
                .iter()
                .map(|c| (c[0].as_str().unwrap().to_string(), c[1].as_str().unwrap().to_string()))
                .collect();
            if found == wanted { String::new() } else { format!("{found:?} not {wanted:?}") }
        }
    }
}

#[test]
fn expressions_give_what_spark_gives() {
    let batch = table();
    let environment = Environment::new();
    environment.set_batch_time_micros(1_795_262_400_000_000);
    let analyzer = Analyzer::new(batch.schema(), Arc::new(environment));
    let (mut cases, mut wrong) = (0, Vec::new());
    let only = std::env::var("WASMILL_TOPIC").ok();
    let mut topics: Vec<_> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    topics.retain(|path| path.extension().is_some_and(|extension| extension == "sql"));
    topics.sort();
    for path in topics {
        let topic = path.file_stem().unwrap().to_str().unwrap().to_string();
        if only.as_ref().is_some_and(|only| !topic.starts_with(only.as_str())) {
            continue;
        }
        let sql = fs::read_to_string(&path).unwrap();
        let expected = fs::read_to_string(path.with_extension("jsonl")).unwrap();
        let mut expected = expected.lines();
        let (mut refused, mut named) = (false, true);
        for line in sql.lines().filter(|line| !line.trim().is_empty()) {
            if line.starts_with("--") {
                refused = line.starts_with("-- refused:");
                named = !line.starts_with("-- named otherwise");
                continue;
            }
            let case: Value = serde_json::from_str(expected.next().unwrap()).unwrap();
            assert_eq!(case["sql"], line, "run the oracle for {topic}");
            let analysed = topic.starts_with("aggregate") || topic.starts_with("generator");
            let difference = match (refused, analysed) {
                (true, _) if analyzer.expression(line).is_err() => String::new(),
                (true, _) => "is refused no more".to_string(),
                (_, true) => analysed_difference(&analyzer, &topic, &case),
                _ => difference(&analyzer, &batch, &case, named),
            };
            if !difference.is_empty() {
                wrong.push(format!("{topic}: {line}\n    {difference}"));
            }
            (cases, refused, named) = (cases + 1, false, true);
        }
        assert!(expected.next().is_none(), "run the oracle for {topic}");
    }
    assert!(wrong.is_empty(), "{} of {cases} differ\n{}", wrong.len(), wrong.join("\n"));
}

fn strings(items: &[&str]) -> Vec<String> {
    items.iter().map(|item| item.to_string()).collect()
}

#[test]
fn windows_are_read_and_checked() {
    let analyzer = Analyzer::new(table().schema(), Arc::new(Environment::new()));
    for (sql, wanted) in [
        ("window(ts, '10 seconds')", Some((10_000_000, 10_000_000, 0))),
        ("window(ts, '10 seconds', '5 seconds')", Some((10_000_000, 5_000_000, 0))),
        (
            "window(nz, INTERVAL 1 HOUR, '30 minutes', '-5 minutes') AS w",
            Some((3_600_000_000, 1_800_000_000, -300_000_000)),
        ),
        ("window(ts, '1 month')", None),
        ("window(ts, '0 seconds')", None),
        ("window(ts, '5 seconds', '10 seconds')", None),
        ("window(ts, '10 seconds', '5 seconds', '5 seconds')", None),
        ("window(i, '10 seconds')", None),
    ] {
        let found = analyzer.keys(&strings(&[sql])).ok().map(|keys| match &keys[0] {
            GroupKey::Window(window) => (window.width_us, window.slide_us, window.start_us),
            GroupKey::Expression(_) => panic!("{sql} is no window"),
        });
        assert_eq!(found, wanted, "{sql}");
    }
    assert!(analyzer.keys(&strings(&["window(ts, '1 day')", "window(ts, '2 days')"])).is_err());
}

#[test]
fn aggregates_stand_over_keys_and_calls() {
    let analyzer = Analyzer::new(table().schema(), Arc::new(Environment::new()));
    let keys = analyzer.keys(&strings(&["window(ts, '1 day')", "upper(s) AS name", "i + 1"])).unwrap();
    let items =
        ["sum(l) / count(*) AS mean", "name", "upper(s)", "window.start", "(i + 1) * count(*)", "sum(L)"];
    let list = analyzer.aggregates(&keys, &strings(&items)).unwrap();
    let calls: Vec<_> = list.calls.iter().map(|call| call.field.name().as_str()).collect();
    assert_eq!(calls, ["sum(l)", "count(1)"]);
    let outputs: Vec<_> =
        list.outputs.iter().map(|e| (e.field().name().as_str(), e.columns().to_vec())).collect();
    assert_eq!(
        outputs,
        [
            ("mean", vec![3, 4]),
            ("name", vec![1]),
            ("upper(s)", vec![1]),
            ("start", vec![0]),
            ("((i + 1) * count(1))", vec![2, 4]),
            ("sum(L)", vec![3]),
        ]
    );
    for item in ["s", "sum(DISTINCT l)", "max(sum(l))", "l + count(*)"] {
        assert!(analyzer.aggregates(&keys, &strings(&[item])).is_err(), "{item}");
    }
}

#[test]
fn sort_keys_have_sparks_defaults() {
    let analyzer = Analyzer::new(table().schema(), Arc::new(Environment::new()));
    for (sql, descending, nulls_first) in [
        ("i", false, true),
        ("i ASC", false, true),
        ("i + 1 DESC", true, false),
        ("i DESC NULLS FIRST", true, true),
        ("s NULLS LAST", false, false),
    ] {
        let key = &analyzer.order(&strings(&[sql])).unwrap()[0];
        assert_eq!((key.descending, key.nulls_first), (descending, nulls_first), "{sql}");
    }
    assert!(analyzer.order(&strings(&["m"])).is_err());
}

#[test]
fn text_of_an_expression_reads_back() {
    let analyzer = Analyzer::new(table().schema(), Arc::new(Environment::new()));
    for sql in [
        "CASE WHEN b THEN 'it\\'s' ELSE s END",
        "i BETWEEN 1 AND 2 OR NOT (s LIKE 'a%' ESCAPE '!')",
        "transform(ai, (x, n) -> x + n * 2L)",
        "-i * - (l - 1.5BD)",
        "st.z.w + m['a'] + ai[0]",
        "struct(i AS `a b`, 1Y)",
        "dt + INTERVAL '1' DAY",
        "CAST(s AS DECIMAL(10,2)) <=> TRY_CAST(n AS DOUBLE)",
        "i IN (1, 2) AND b IS NOT TRUE",
    ] {
        let once = analyzer.expression(sql).unwrap();
        let twice = analyzer.expression(once.sql()).unwrap();
        assert_eq!(once.sql(), twice.sql(), "{sql}");
    }
}

#[test]
fn what_a_replay_cannot_give_is_refused_by_name() {
    let analyzer = Analyzer::new(table().schema(), Arc::new(Environment::new()));
    for name in ["rand()", "uuid()", "monotonically_increasing_id()", "input_file_name()"] {
        let error = analyzer.expression(name).unwrap_err();
        assert!(error.hint_text().is_some() && error.message().contains("not supported"), "{name}: {error}");
    }
    let error = analyzer.expression("uper(s)").unwrap_err();
    assert_eq!(error.hint_text(), Some("did you mean `upper`?"));
}

#[test]
fn a_column_keeps_its_metadata() {
    let field = arrow::datatypes::Field::new("t", crate::record::timestamp_type(), true)
        .with_metadata([("delay".to_string(), "10".to_string())].into());
    let schema = Arc::new(arrow::datatypes::Schema::new(vec![field]));
    let analyzer = Analyzer::new(schema, Arc::new(Environment::new()));
    let key = &analyzer.keys(&strings(&["window(t, '1 day')"])).unwrap()[0];
    assert_eq!(key.field().metadata().len(), 1);
    assert_eq!(analyzer.expression("t AS u").unwrap().field().metadata().len(), 1);
    assert_eq!(analyzer.expression("t + INTERVAL 1 DAY").unwrap().field().metadata().len(), 0);
}
