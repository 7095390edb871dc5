//! From the tree of a query file to its spec: which words may stand where, and what kind of value each takes.

use std::collections::BTreeMap;
use std::path::Path;

use super::document::{Node, Value};
use super::problem::Problems;
use super::spec::{
    AggSpec, At, GroupSpec, OnErrorSpec, SinkSpec, SourceSpec, Spec, StageSpec, TriggerSpec, UdfSpec,
};
use crate::record::parse_interval_micros;
use crate::sink::{OutputMode, letter};

const QUERY_WORDS: [&str; 8] =
    ["name", "source", "stages", "sink", "outputMode", "trigger", "checkpointLocation", "conf"];
const STAGE_WORDS: [&str; 9] =
    ["select", "filter", "withColumn", "udf", "withWatermark", "groupBy", "orderBy", "limit", "union"];

/// Reads one document; what cannot be read is a problem, and then there is no spec.
pub fn spec(document: &Node, file: &Path, problems: &mut Problems) -> Option<Spec> {
    let mut reader = Reader { problems };
    let map = reader.map(document, "a query", &QUERY_WORDS)?;
    let source = match map.get("source") {
        Some(node) => reader.source(node),
        None => reader.missing(document.line, "source", "add `source: {format: kafka, options: {...}}`"),
    };
    let sink = match map.get("sink") {
        Some(node) => reader.sink(node, "sink", "console, parquet, json, csv, text"),
        None => reader.missing(document.line, "sink", "add `sink: {format: console}`"),
    };
    let name = map.get("name").and_then(|node| reader.text(node, "name"));
    let stages = map.get("stages").map_or(Some(Vec::new()), |node| reader.stages(node));
    let mode = map.get("outputMode").map_or(Some(OutputMode::Append), |node| reader.mode(node));
    let trigger = map.get("trigger").map_or(Some(TriggerSpec::Default), |node| reader.trigger(node));
    let checkpoint =
        map.get("checkpointLocation").and_then(|node| reader.text_at(node, "checkpointLocation"));
    let conf = map.get("conf").map_or(Some(BTreeMap::new()), |node| reader.conf(node));
    let fallback = file.file_stem().map_or("query".into(), |stem| stem.to_string_lossy().into_owned());
    Some(Spec {
        name: name.unwrap_or(fallback),
        line: document.line,
        source: source?,
        stages: stages?,
        sink: sink?,
        mode: mode?,
        trigger: trigger?,
        checkpoint,
        conf: conf?,
    })
}

struct Reader<'a> {
    problems: &'a mut Problems,
}

type Words<'n> = BTreeMap<&'n str, &'n Node>;

impl Reader<'_> {
    fn missing<T>(&mut self, line: u64, word: &str, hint: &str) -> Option<T> {
        self.problems.add(line, format!("`{word}` is missing"), hint);
        None
    }

    fn wrong_kind<T>(&mut self, node: &Node, what: &str, wanted: &str) -> Option<T> {
        let found = node.kind();
        self.problems.add(node.line, format!("{what} is {found}"), format!("write {wanted}"));
        None
    }

    /// A map whose keys are among `known`; others are problems and left out.
    fn map<'n>(&mut self, node: &'n Node, what: &str, known: &[&str]) -> Option<Words<'n>> {
        let Value::Map(entries) = &node.value else {
            return self.wrong_kind(node, what, &format!("a map with {}", known.join(", ")));
        };
        let mut words = Words::new();
        for (key, value) in entries {
            match key.text() {
                Some(word) if known.contains(&word) => {
                    words.insert(word, value);
                }
                Some(word) => self.problems.unknown_key(key.line, &format!("a word of {what}"), word, known),
                None => {
                    self.problems.add(key.line, format!("a key of {what} is {}", key.kind()), "write a word")
                }
            }
        }
        Some(words)
    }

    fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        match node.text() {
            Some(text) => Some(text.to_string()),
            None => self.wrong_kind(node, &format!("`{what}`"), "a single value"),
        }
    }

    fn text_at(&mut self, node: &Node, what: &str) -> Option<At<String>> {
        Some(At { line: node.line, value: self.text(node, what)? })
    }

    fn required(&mut self, words: &Words<'_>, line: u64, word: &str, hint: &str) -> Option<String> {
        match words.get(word) {
            Some(node) => self.text(node, word),
            None => self.missing(line, word, hint),
        }
    }

    fn list(&mut self, node: &Node, what: &str) -> Option<Vec<At<String>>> {
        let Value::List(elements) = &node.value else {
            return self.wrong_kind(node, &format!("`{what}`"), &format!("a list: `{what}: [\"...\"]`"));
        };
        let texts: Vec<_> = elements.iter().map(|element| self.text_at(element, what)).collect();
        texts.into_iter().collect()
    }

    fn options(&mut self, node: Option<&&Node>) -> Option<BTreeMap<String, String>> {
        let Some(node) = node else { return Some(BTreeMap::new()) };
        let Value::Map(entries) = &node.value else {
            return self.wrong_kind(node, "`options`", "a map: `options: {path: \"/data\"}`");
        };
        let mut options = BTreeMap::new();
        for (key, value) in entries {
            if let (Some(key), Some(value)) = (self.text(key, "options"), self.text(value, "an option")) {
                options.insert(key, value);
            }
        }
        Some(options)
    }

    fn source(&mut self, node: &Node) -> Option<SourceSpec> {
        let words = self.map(node, "`source`", &["format", "schema", "options"])?;
        let format = match words.get("format") {
            Some(format) => self.text_at(format, "format"),
            None => self.missing(
                node.line,
                "format",
                "name the source: kafka, socket, text, json, csv, parquet, rate",
            ),
        };
        let schema = match words.get("schema") {
            Some(schema) => Some(self.text_at(schema, "schema")?),
            None => None,
        };
        let options = self.options(words.get("options"));
        Some(SourceSpec { line: node.line, format: format?, schema, options: options? })
    }

    fn sink(&mut self, node: &Node, what: &str, formats: &str) -> Option<SinkSpec> {
        let known: &[&str] = match what {
            "sink" => &["format", "partitionBy", "options", "foreach"],
            _ => &["format", "partitionBy", "options"],
        };
        let words = self.map(node, &format!("`{what}`"), known)?;
        let format = match words.get("format") {
            Some(format) => self.text_at(format, "format"),
            None => self.missing(node.line, "format", &format!("name the {what}'s format: {formats}")),
        };
        let partition_by = match words.get("partitionBy") {
            Some(list) => self.list(list, "partitionBy")?.into_iter().map(|name| name.value).collect(),
            None => Vec::new(),
        };
        let options = self.options(words.get("options"));
        let foreach = match words.get("foreach") {
            Some(node) => Some(Box::new(self.foreach(node)?)),
            None => None,
        };
        Some(SinkSpec { line: node.line, format: format?, partition_by, options: options?, foreach })
    }

    fn foreach(&mut self, node: &Node) -> Option<At<UdfSpec>> {
        self.refuse_on_error(node, "foreach");
        let words = self.map(node, "`foreach`", &["module", "function", "input", "onError"])?;
        Some(At { line: node.line, value: self.udf(&words, node.line)? })
    }

    fn mode(&mut self, node: &Node) -> Option<OutputMode> {
        let text = self.text(node, "outputMode")?;
        match text.to_lowercase().as_str() {
            "append" => Some(OutputMode::Append),
            "update" => Some(OutputMode::Update),
            "complete" => Some(OutputMode::Complete),
            _ => {
                let what = format!("`{text}` is not an output mode");
                self.problems.add(node.line, what, "use append, update or complete");
                None
            }
        }
    }

    fn trigger(&mut self, node: &Node) -> Option<TriggerSpec> {
        let words = self.map(node, "`trigger`", &["processingTime", "availableNow", "once"])?;
        let Some((word, value)) = words.into_iter().next() else {
            self.problems.add(node.line, "`trigger` is empty", "leave it away for the default");
            return None;
        };
        let text = self.text(value, word)?;
        match (word, text.as_str()) {
            ("availableNow", "true") => Some(TriggerSpec::AvailableNow),
            ("once", "true") => Some(TriggerSpec::Once),
            ("processingTime", _) => {
                let micros = self.problems.take(value.line, parse_interval_micros(&text))?;
                if micros < 0 {
                    self.problems.add(value.line, "`processingTime` is negative", "use `0 seconds` or more");
                    return None;
                }
                Some(if micros == 0 { TriggerSpec::Default } else { TriggerSpec::ProcessingTime(micros) })
            }
            _ => {
                self.problems.add(
                    value.line,
                    format!("`{word}` is `{text}`"),
                    format!("write `{word}: true`"),
                );
                None
            }
        }
    }

    fn conf(&mut self, node: &Node) -> Option<BTreeMap<String, At<String>>> {
        let Value::Map(entries) = &node.value else {
            return self.wrong_kind(node, "`conf`", "a map of settings");
        };
        let mut conf = BTreeMap::new();
        for (key, value) in entries {
            if let (Some(key), Some(value)) = (self.text(key, "conf"), self.text_at(value, "conf")) {
                conf.insert(key, value);
            }
        }
        Some(conf)
    }

    fn stages(&mut self, node: &Node) -> Option<Vec<At<StageSpec>>> {
        let Value::List(elements) = &node.value else {
            return self.wrong_kind(node, "`stages`", "a list, such as `- filter: \"id > 3\"`");
        };
        let stages: Vec<_> = elements.iter().map(|element| self.stage(element)).collect();
        stages.into_iter().collect()
    }

    fn stage(&mut self, node: &Node) -> Option<At<StageSpec>> {
        let mut known = STAGE_WORDS.to_vec();
        known.push("agg");
        let words = self.map(node, "a stage", &known)?;
        let is_beside = |word: &str| word == "agg" || word == "udf" && words.contains_key("groupBy");
        let mut names: Vec<&str> = words.keys().copied().filter(|word| !is_beside(word)).collect();
        if names.is_empty() {
            // A word that is not known has been told already.
            let Value::Map(entries) = &node.value else { return None };
            if entries.is_empty() {
                self.problems.add(
                    node.line,
                    "a stage is empty",
                    "write one word, such as `filter: \"id > 3\"`",
                );
            }
            return None;
        }
        if names.len() > 1 {
            let what = format!("a stage has {} words: {}", names.len(), names.join(", "));
            self.problems.add(node.line, what, "start each stage with a `-` of its own");
            return None;
        }
        let name = names.remove(0);
        if words.contains_key("agg") && name != "groupBy" {
            self.problems.add(node.line, "`agg` stands beside another word", "`agg` goes beside `groupBy`");
            return None;
        }
        let value = words[name];
        let stage = match name {
            "select" => StageSpec::Select(self.nonempty(value, name)?),
            "filter" => StageSpec::Filter(self.text(value, name)?),
            "orderBy" => StageSpec::OrderBy(self.nonempty(value, name)?),
            "groupBy" => {
                let keys = self.list(value, name)?;
                match (words.get("agg"), words.get("udf")) {
                    (Some(agg), None) => StageSpec::GroupBy { keys, agg: self.agg(agg)? },
                    (None, Some(udf)) => self.group(keys, udf)?,
                    (Some(_), Some(_)) => {
                        let what = "`agg` and `udf` stand beside one `groupBy`";
                        let hint = "an aggregate of a module goes into the list: `agg: [{udf: {...}}]`";
                        self.problems.add(node.line, what, hint);
                        return None;
                    }
                    (None, None) => {
                        let hint =
                            "add `agg: [\"count(*) AS count\"]` beside `groupBy`, or a `udf` of kind group";
                        return self.missing(node.line, "agg", hint);
                    }
                }
            }
            "limit" => StageSpec::Limit(self.count(value)?),
            _ => self.mapped(name, value)?,
        };
        Some(At { line: node.line, value: stage })
    }

    /// The stages whose value is a map.
    fn mapped(&mut self, name: &str, node: &Node) -> Option<StageSpec> {
        let line = node.line;
        match name {
            "withColumn" => {
                let words = self.map(node, "`withColumn`", &["name", "expr"])?;
                let column = self.required(&words, line, "name", "name the column");
                let expr = self.required(&words, line, "expr", "give the column's expression");
                Some(StageSpec::WithColumn { name: column?, expr: expr? })
            }
            "withWatermark" => {
                let words = self.map(node, "`withWatermark`", &["column", "delay"])?;
                let column = self.required(&words, line, "column", "name the event-time column");
                let delay =
                    self.required(&words, line, "delay", "say how late rows may be: `delay: 10 seconds`");
                Some(StageSpec::WithWatermark { column: column?, delay: delay? })
            }
            "union" => {
                let words = self.map(node, "`union`", &["source", "stages"])?;
                let source = match words.get("source") {
                    Some(source) => self.source(source),
                    None => self.missing(line, "source", "name the second source"),
                };
                let stages = words.get("stages").map_or(Some(Vec::new()), |node| self.stages(node));
                Some(StageSpec::Union { source: source?, stages: stages? })
            }
            _ => {
                let words = self.map(node, "`udf`", &["module", "function", "input", "onError", "reuse"])?;
                let reuse = words.get("reuse").map_or(Some(false), |node| self.flag(node, "reuse"));
                let on_error =
                    words.get("onError").map_or(Some(OnErrorSpec::Fail), |node| self.on_error(node));
                let udf = self.udf(&words, line)?;
                Some(StageSpec::Udf(UdfSpec { on_error: on_error?, reuse: reuse?, ..udf }))
            }
        }
    }

    fn udf(&mut self, words: &Words<'_>, line: u64) -> Option<UdfSpec> {
        let module = self.required(words, line, "module", "name the module or its .wasm file");
        let function = self.required(words, line, "function", "name a function of the module");
        let input = match words.get("input") {
            Some(input) => self.list(input, "input"),
            None => self.missing(line, "input", "list the columns that go in: `input: [line]`"),
        };
        let on_error = OnErrorSpec::Fail;
        Some(UdfSpec { module: module?, function: function?, input: input?, on_error, reuse: false })
    }

    fn on_error(&mut self, node: &Node) -> Option<OnErrorSpec> {
        const HINT: &str =
            "write `fail`, `skip`, or `{deadLetter: {format: json, options: {path: /data/refused}}}`";
        match node.text() {
            Some("fail") => return Some(OnErrorSpec::Fail),
            Some("skip") => return Some(OnErrorSpec::Skip),
            Some(word) => {
                self.problems.add(node.line, format!("`onError` is `{word}`"), HINT);
                return None;
            }
            None => {}
        }
        let words = self.map(node, "`onError`", &["deadLetter"])?;
        match words.get("deadLetter") {
            Some(sink) => {
                self.sink(sink, "deadLetter", &letter::FORMATS.join(", ")).map(OnErrorSpec::DeadLetter)
            }
            None => {
                self.problems.add(node.line, "`onError` says nothing", HINT);
                None
            }
        }
    }

    /// Refuses `onError` where the function has no outcome for a row.
    fn refuse_on_error(&mut self, node: &Node, kind: &str) {
        let Value::Map(entries) = &node.value else { return };
        if let Some((key, _)) = entries.iter().find(|(key, _)| key.text() == Some("onError")) {
            let what =
                format!("`onError` is not for functions of kind {kind}, which cannot refuse a single row");
            let hint =
                "let a transform refuse the rows: a stage `udf` with `onError`, in front of the `groupBy`";
            self.problems.add(key.line, what, hint);
        }
    }

    fn group(&mut self, keys: Vec<At<String>>, node: &Node) -> Option<StageSpec> {
        self.refuse_on_error(node, "group");
        let words = self.map(node, "`udf`", &["module", "function", "input", "ttl", "onError"])?;
        let ttl = match words.get("ttl") {
            Some(ttl) => Some(self.text(ttl, "ttl")?),
            None => None,
        };
        Some(StageSpec::Group(GroupSpec { keys, udf: self.udf(&words, node.line)?, ttl }))
    }

    /// The items of `agg`: expressions as text, functions of modules as maps.
    fn agg(&mut self, node: &Node) -> Option<Vec<At<AggSpec>>> {
        let Value::List(elements) = &node.value else {
            return self.wrong_kind(node, "`agg`", "a list: `agg: [\"count(*) AS count\"]`");
        };
        if elements.is_empty() {
            self.problems.add(node.line, "`agg` is empty", "list at least one expression");
            return None;
        }
        let items: Vec<_> = elements.iter().map(|element| self.agg_item(element)).collect();
        items.into_iter().collect()
    }

    fn agg_item(&mut self, node: &Node) -> Option<At<AggSpec>> {
        let line = node.line;
        if !matches!(node.value, Value::Map(_)) {
            let text = self.text_at(node, "agg")?;
            return Some(At { line, value: AggSpec::Expression(text.value) });
        }
        let words = self.map(node, "an item of `agg`", &["udf"])?;
        let udf = *words.get("udf")?;
        self.refuse_on_error(udf, "aggregate");
        let words = self.map(udf, "`udf`", &["module", "function", "input", "as", "onError"])?;
        let name = match words.get("as") {
            Some(name) => Some(self.text(name, "as")?),
            None => None,
        };
        Some(At { line, value: AggSpec::Udf { udf: self.udf(&words, udf.line)?, name } })
    }

    fn nonempty(&mut self, node: &Node, what: &str) -> Option<Vec<At<String>>> {
        let list = self.list(node, what)?;
        if list.is_empty() {
            self.problems.add(node.line, format!("`{what}` is empty"), "list at least one expression");
            return None;
        }
        Some(list)
    }

    fn flag(&mut self, node: &Node, what: &str) -> Option<bool> {
        match self.text(node, what)?.as_str() {
            "true" => Some(true),
            "false" => Some(false),
            other => {
                let problem = format!("`{what}` is `{other}`");
                self.problems.add(node.line, problem, "write `true` or `false`");
                None
            }
        }
    }

    fn count(&mut self, node: &Node) -> Option<usize> {
        let text = self.text(node, "limit")?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.problems.add(
                node.line,
                format!("`limit` is `{text}`"),
                "write a number of rows, such as 10",
            );
        }
        parsed
    }
}
