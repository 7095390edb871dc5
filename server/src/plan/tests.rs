//! What is said about query files: every problem at once, with its line; and the plans of good ones.

use std::path::Path;

use super::{Plan, PlanContext, explain, plan_file};
use crate::error::Result;
use crate::udf::{Compiler, Limits, Runtime};

fn plan(text: &str) -> Result<Vec<Plan>> {
    let runtime = Runtime::new(Limits::default(), Compiler::Here)?;
    let context = || PlanContext::new(runtime.clone(), "/nowhere".into(), Vec::new());
    Ok(plan_file(text, Path::new("q.yaml"), context)?.into_iter().map(|(plan, _)| plan).collect())
}

const RATE: &str = "source: {format: rate-micro-batch, options: {rowsPerBatch: 10}}\n";
const WATERMARK: &str = "  - withWatermark: {column: timestamp, delay: 10 seconds}\n";
const WINDOW: &str = "  - groupBy: [\"window(timestamp, '10 seconds')\"]\n    agg: [\"count(*) AS n\", \"max(value) AS top\"]\n";

#[test]
fn problems_come_all_at_once_with_their_lines() {
    let text = "sauce: {format: rate}\nsource:\n  format: rate-micro-batch\n  option: {}\nstages:\n  - filter: \"value > 3\"\n  - selekt: [value]\nsink: {format: console}\noutputMode: sideways\n";
    let report = plan(text).err().unwrap().report();
    for wanted in [
        "q.yaml:1: `sauce` is not a word of a query",
        "did you mean `source`?",
        "q.yaml:4: `option` is not a word of `source`",
        "q.yaml:7: `selekt` is not a word of a stage",
        "did you mean `select`?",
        "q.yaml:9: `sideways` is not an output mode",
        "problems=`4`",
    ] {
        assert!(report.contains(wanted), "{wanted} is missing in\n{report}");
    }
}

#[test]
fn refusals_name_the_line_and_what_would_work() {
    for (stages, mode, line, wanted) in [
        ("  - filter: \"nothing > 3\"\n", "append", 3, "nothing"),
        ("  - filter: \"value + 1\"\n", "append", 3, "BOOLEAN"),
        (WINDOW, "append", 1, "withWatermark"),
        ("  - orderBy: [value]\n", "append", 3, "orderBy"),
        ("  - limit: 3\n", "update", 3, "limit"),
        ("  - select: [value]\n", "complete", 1, "complete"),
        (
            "  - withWatermark: {column: value, delay: 10 seconds}\n",
            "append",
            3,
            "EVENT_TIME_IS_NOT_ON_TIMESTAMP_TYPE",
        ),
        ("  - withWatermark: {column: timestamp, delay: 1 parsec}\n", "append", 3, "fixed length"),
        ("  - udf: {module: nowhere, function: f, input: [value]}\n", "append", 3, "no such module"),
    ] {
        let text = format!("{RATE}stages:\n{stages}sink: {{format: console}}\noutputMode: {mode}\n");
        let report = plan(&text).err().unwrap().report();
        assert!(report.contains(wanted), "{wanted} is missing in\n{report}");
        assert!(report.contains(&format!("q.yaml:{line}:")), "line {line} is missing in\n{report}");
    }
}

#[test]
fn a_watermark_may_not_be_redefined() {
    let text = format!("{RATE}stages:\n{WATERMARK}{WATERMARK}sink: {{format: console}}\n");
    let report = plan(&text).err().unwrap().report();
    assert!(report.contains("q.yaml:4:") && report.contains("disallowed"), "{report}");
}

#[test]
fn a_sink_with_promises_needs_a_checkpoint() {
    let text = format!("{RATE}sink: {{format: json, options: {{path: /tmp/out}}}}\n");
    let report = plan(&text).err().unwrap().report();
    assert!(report.contains("`checkpointLocation` is missing"), "{report}");
}

#[test]
fn only_needed_columns_are_read_and_explain_shows_every_edge() {
    let text = format!(
        "name: counts\n{RATE}stages:\n{WATERMARK}{WINDOW}  - select: [window.start, n]\nsink: {{format: console}}\n"
    );
    let plans = plan(&text).unwrap();
    let text = explain(&plans[0]);
    for wanted in [
        "query counts",
        "source rate-micro-batch",
        "withWatermark timestamp delay 10000 ms",
        "window STRUCT<start: TIMESTAMP, end: TIMESTAMP>, n BIGINT, top BIGINT",
        "start TIMESTAMP, n BIGINT",
        "trigger: default",
        "delivery: none",
    ] {
        assert!(text.contains(wanted), "{wanted} is missing in\n{text}");
    }
    let json = r#"{"source": {"format": "rate-micro-batch", "options": {"rowsPerBatch": 1}},
        "stages": [{"select": ["value + 1 AS next"]}], "sink": {"format": "console"}}"#;
    let plans = plan(json).unwrap();
    assert_eq!(plans[0].inputs[0].projection, [1]);
    assert_eq!(plans[0].schema.field(0).name(), "next");
}

#[test]
fn several_queries_in_a_file_need_names_of_their_own() {
    let one = format!("{RATE}sink: {{format: console}}\n");
    let report = plan(&format!("{one}---\n{one}")).err().unwrap().report();
    assert!(report.contains("two queries are called `q`"), "{report}");
    assert_eq!(plan(&format!("name: a\n{one}---\nname: b\n{one}")).unwrap().len(), 2);
}

/// The first plan of a query over this `groupBy`, which is a stage in YAML behind a watermark if there is one.
fn plan_group(stages: &str, mode: &str) -> Result<Plan> {
    let text = format!("{RATE}stages:\n{stages}sink: {{format: console}}\noutputMode: {mode}\n");
    plan(&text).map(|mut plans| plans.remove(0))
}

fn module(name: &str) -> String {
    build_udfs::module(name).display().to_string()
}

fn sessions(key: &str, function: &str, rest: &str) -> String {
    format!(
        "  - groupBy: [{key}]\n    udf: {{module: {}, function: {function}, {rest}}}\n",
        module("sessions")
    )
}

#[test]
fn a_group_function_is_planned_or_refused_with_what_would_work() {
    const INPUT: &str = "input: [timestamp, \"INTERVAL '5' SECOND\"]";
    const VALUE: &str = "input: [value, \"INTERVAL '5' SECOND\"]";
    let event = sessions("value", "sessions", INPUT);
    for mode in ["append", "update"] {
        let plan = plan_group(&format!("{WATERMARK}{event}  - filter: \"events > 1\"\n"), mode).unwrap();
        let names: Vec<_> = plan.schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["value", "start", "end", "events"]);
        assert!(explain(&plan).contains("sessions(timestamp, INTERVAL '5' SECOND)"), "{}", explain(&plan));
    }
    let window = sessions("\"window(timestamp, '1 minute')\"", "sessions", INPUT);
    let renamed = format!("  - select: [\"value AS total\", value]\n{}", sessions("total", "pauses", VALUE));
    for (stages, mode, wanted) in [
        (event.clone(), "append", "put `withWatermark` before the `groupBy`"),
        (format!("{WATERMARK}{event}"), "complete", "complete mode is not supported"),
        (format!("{WATERMARK}{event}  - limit: 3\n"), "update", "limit"),
        (format!("{WATERMARK}{window}"), "append", "no windows among its keys"),
        (format!("{WATERMARK}{event}{event}"), "append", "behind an aggregation"),
        (sessions("value", "sessions", VALUE), "append", "the function takes a column of another type"),
        (sessions("value", "nothing", VALUE), "append", "it has sessions, pauses"),
        (renamed, "append", "have one name"),
        (sessions("value", "pauses", &format!("{VALUE}, ttl: 0 seconds")), "append", "not more than nothing"),
        (
            format!("{WATERMARK}{}", sessions("value", "sessions", &format!("{INPUT}, ttl: 1 hour"))),
            "append",
            "`ttl` is for functions whose time is the clock",
        ),
    ] {
        let report = plan_group(&stages, mode).err().unwrap().report();
        assert!(report.contains(wanted), "{wanted} is missing in\n{report}");
    }
    let upper = format!(
        "  - groupBy: [value]\n    udf: {{module: {}, function: upper, input: [value]}}\n",
        module("text")
    );
    let report = plan_group(&upper, "append").err().unwrap().report();
    assert!(report.contains("wanted=`group`") && report.contains("stands as a stage"), "{report}");
}

#[test]
fn a_state_may_only_grow_at_its_end() {
    let of = |function: &str| {
        let item =
            format!("{{udf: {{module: {}, function: {function}, input: [value, \"3\"]}}}}", module("top"));
        let stage = format!("  - groupBy: [value]\n    agg: [\"count(*) AS n\", {item}]\n");
        plan_group(&stage, "update").unwrap().identity
    };
    let stored =
        |identity: &super::Identity| serde_json::from_value(serde_json::to_value(identity).unwrap()).unwrap();
    let (short, long) = (of("top_k"), of("top_k_of"));
    short.check_against(&stored(&short), crate::sink::OutputMode::Update).unwrap();
    long.check_against(&stored(&short), crate::sink::OutputMode::Update).unwrap();
    let error = short.check_against(&stored(&long), crate::sink::OutputMode::Update).unwrap_err();
    assert!(error.report().contains("column `rows BIGINT` was removed"), "{}", error.report());
}

fn checked(on_error: &str) -> String {
    format!(
        "  - udf: {{module: {}, function: checked, input: [value], onError: {on_error}}}\n",
        module("identity")
    )
}

/// A query over these stages that has a checkpoint.
fn plan_kept(stages: &str, sink: &str) -> Result<Plan> {
    let text = format!("{RATE}stages:\n{stages}sink: {sink}\ncheckpointLocation: /tmp/checkpoint\n");
    plan(&text).map(|mut plans| plans.remove(0))
}

#[test]
fn what_becomes_of_refused_rows_is_planned_and_shown() {
    let letters = checked("{deadLetter: {format: json, options: {path: /tmp/letters}}}");
    let stages = format!("{}{}{letters}{letters}", checked("fail"), checked("skip"));
    let plan = plan_kept(&stages, "{format: console}").unwrap();
    let policies: Vec<_> = plan.refusals.stages.iter().map(|stage| (stage.policy(), stage.output)).collect();
    assert_eq!(policies, [("skip", None), ("deadLetter", Some(0)), ("deadLetter", Some(0))]);
    assert_eq!(plan.refusals.outputs.len(), 1);
    let text = explain(&plan);
    for wanted in
        ["onError: skip of udf ", "json at file:///tmp/letters, each row once", "row STRING, topic STRING"]
    {
        assert!(text.contains(wanted), "{wanted} is missing in\n{text}");
    }
    // A restart may have another policy.
    let other = plan_kept(&checked("skip"), "{format: console}").unwrap();
    assert_eq!(other.identity, plan.identity);
}

#[test]
fn a_wrong_way_to_treat_refused_rows_is_told_with_what_would_work() {
    const CONSOLE: &str = "{format: console}";
    let letters = |rest: &str| checked(&format!("{{deadLetter: {{{rest}}}}}"));
    let json = letters("format: json, options: {path: /tmp/letters}");
    let group = sessions("value", "pauses", "input: [value, \"INTERVAL '5' SECOND\"], onError: skip");
    let item = format!(
        "{{udf: {{module: {}, function: top_k, input: [value, \"3\"], onError: skip}}}}",
        module("top")
    );
    for (stages, sink, wanted) in [
        (checked("sometimes"), CONSOLE, "write `fail`, `skip`, or `{deadLetter:"),
        (checked("skip, reuse: 2"), CONSOLE, "write `true` or `false`"),
        (checked("{}"), CONSOLE, "`onError` says nothing"),
        (checked("{deadLeter: {}}"), CONSOLE, "did you mean `deadLetter`?"),
        (letters("options: {path: /tmp/letters}"), CONSOLE, "name the deadLetter's format: json"),
        (letters("path: /tmp/letters"), CONSOLE, "`path` is not a word of `deadLetter`"),
        (letters("format: console"), CONSOLE, "dead letters may be: json"),
        (letters("format: kafka, options: {topic: t}"), CONSOLE, "option=`kafka.bootstrap.servers`"),
        (
            letters("format: kafka, options: {topic: t, kafka.bootstrap.servers: b, kafka.acks: 1}"),
            CONSOLE,
            "in transactions",
        ),
        (letters("format: kafka, partitionBy: [time]"), CONSOLE, "a topic has no partition directories"),
        (letters("format: json"), CONSOLE, "a required option is missing option=`path`"),
        (letters("format: json, options: {path: /tmp/letters, colour: red}"), CONSOLE, "option=`colour`"),
        (
            json.clone(),
            "{format: json, options: {path: /tmp/letters}}",
            "the results and the dead letters both",
        ),
        (
            format!("{json}{}", letters("format: parquet, options: {path: /tmp/letters}")),
            CONSOLE,
            "two stages write dead letters to file:///tmp/letters in different ways",
        ),
        (group, CONSOLE, "`onError` is not for functions of kind group"),
        (
            format!("  - groupBy: [value]\n    agg: [{item}]\n"),
            CONSOLE,
            "`onError` is not for functions of kind aggregate",
        ),
    ] {
        let report = plan_kept(&stages, sink).err().unwrap().report();
        assert!(report.contains(wanted), "{wanted} is missing in\n{report}");
    }
    let servers = "kafka.bootstrap.servers: b";
    let own =
        letters(&format!("format: kafka, options: {{topic: t, {servers}}}")).replace("[value]", "[offset]");
    let text = format!(
        "source: {{format: kafka, options: {{subscribe: 's, t', {servers}}}}}\nstages:\n{own}sink: {CONSOLE}\ncheckpointLocation: /tmp/c\n"
    );
    let report = plan(&text).err().unwrap().report();
    assert!(report.contains("reads from where its dead letters go, kafka:t"), "{report}");
    let without_checkpoint = format!("{RATE}stages:\n{json}sink: {CONSOLE}\n");
    let report = plan(&without_checkpoint).err().unwrap().report();
    assert!(report.contains("`checkpointLocation` is missing"), "{report}");
}
