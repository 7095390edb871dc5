"""Runs one of our query files on Spark and records what each batch gave.

Knows the words of a query file as far as the cases use them, and nothing of our engine.
"""

import base64
import decimal
import json
import logging
import math
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

import yaml

os.environ["TZ"] = "UTC"
time.tzset()

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

# The modification time of the first input file; each further one is a second younger.
FIRST_MTIME = 1_767_225_600
# A source that never ends is run this many times.
ENDLESS_RUNS = 4
# Errors that only say where another error came up.
WRAPPERS = {"STREAM_FAILED", "FOREACH_BATCH_USER_FUNCTION_ERROR"}
# Our sample modules, in Spark's words. A column that a guest does not return is taken from its input row.
UDFS = {"split_words": lambda line: f"explode(filter(split({line}, ' '), w -> w <> '')) AS word"}
UDAFS = {
    "top_k": lambda value, k: f"nullif(array_join(slice(sort_array(collect_list({value}), false), 1, {k}), ','), '')"
}


def sessions(frame, keys, time, gap):
    """Our sample module `sessions`, in Spark's words."""
    window = F.session_window(time, gap.split("'")[1] + " seconds")
    grouped = frame.groupBy(window, *map(F.expr, keys)).agg(F.count("*").alias("events"))
    names = [key.split(" AS ")[-1] for key in keys]
    return grouped.select(*names, "session_window.start", "session_window.end", "events")


GROUPS = {"sessions": sessions}


def open_session():
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.enabled", False)
        .config("spark.sql.shuffle.partitions", 1)
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.warehouse.dir", tempfile.mkdtemp(prefix="spark-warehouse-"))
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    logging.disable()
    return session


def record(session, query_file, input_folder):
    """The lines of the expected-output file: a JSON object for each batch, or for the refusal."""
    query = yaml.safe_load(Path(query_file).read_text())
    work = Path(tempfile.mkdtemp(prefix="oracle-"))
    conf = query.get("conf", {})
    for name, value in conf.items():
        session.conf.set(name, value)
    run = Run(session, query, Path(input_folder), work)
    try:
        run.to_the_end()
    except PySparkException as error:
        run.refuse(error)
    finally:
        for name in conf:
            session.conf.unset(name)
        shutil.rmtree(work)
    return run.lines


def aggregate(item):
    if isinstance(item, str):
        return F.expr(item)
    udf = item["udf"]
    return F.expr(UDAFS[udf["function"]](*udf["input"])).alias(udf["as"])


class Run:
    """One query and its input, fed as its trigger says.

    With a trigger that ends by itself all files are there from the beginning, and Spark takes one a batch. Else the
    query stays up, and gets the next file of each folder when it has nothing left to do.
    """

    def __init__(self, session, query, input_folder, work):
        self.session, self.query, self.work = session, query, work
        self.lines = []
        self.rows = {}
        self.steps = {}
        self.step = 0
        self.running = None
        names = set(re.findall(r"\$INPUT/([\w-]+)", json.dumps(query)))
        self.folders = {name: sorted((input_folder / name).iterdir()) for name in sorted(names)}
        for name in names:
            (work / name).mkdir()

    def to_the_end(self):
        trigger = self.query.get("trigger") or {}
        if not trigger or "processingTime" in trigger:
            self.run_in_steps()
        else:
            endless = self.query["source"]["format"] == "rate-micro-batch"
            for step in range(self.step_count()):
                self.place(step)
            for self.step in range(ENDLESS_RUNS if endless else 1):
                running = self.start(trigger)
                running.awaitTermination()
                self.collect(running)

    def run_in_steps(self):
        running = self.start({})
        for self.step in range(self.step_count()):
            self.place(self.step)
            running.processAllAvailable()
            self.collect(running)
        running.stop()

    def step_count(self):
        """File `07.json` of a folder comes in step 7; a folder without it gives nothing then."""
        return 1 + max((step_of(file) for files in self.folders.values() for file in files), default=-1)

    def place(self, step):
        for name, files in self.folders.items():
            for file in files:
                if step_of(file) == step:
                    target = self.work / name / file.name
                    hidden = target.with_name("." + file.name)
                    shutil.copyfile(file, hidden)
                    os.utime(hidden, (FIRST_MTIME + step, FIRST_MTIME + step))
                    hidden.rename(target)

    def start(self, trigger):
        frame = self.stages(self.source(self.query["source"]), self.query.get("stages", []))
        writer = frame.writeStream.foreachBatch(self.take).outputMode(self.query.get("outputMode", "append"))
        writer = writer.option("checkpointLocation", str(self.work / "checkpoint"))
        if trigger:
            writer = writer.trigger(**trigger)
        self.running = writer.start()
        return self.running

    def source(self, source):
        reader = self.session.readStream.format(source["format"])
        if "schema" in source:
            reader = reader.schema(source["schema"])
        for name, value in source.get("options", {}).items():
            value = str(value).lower() if isinstance(value, bool) else str(value)
            reader = reader.option(name, value.replace("$INPUT", str(self.work)))
        return reader.load()

    def stages(self, frame, stages):
        for stage in stages:
            frame = self.stage(frame, stage)
        return frame

    def stage(self, frame, stage):
        if "select" in stage:
            return frame.selectExpr(*stage["select"])
        if "filter" in stage:
            return frame.filter(stage["filter"])
        if "withColumn" in stage:
            return frame.withColumn(stage["withColumn"]["name"], F.expr(stage["withColumn"]["expr"]))
        if "withWatermark" in stage:
            return frame.withWatermark(stage["withWatermark"]["column"], stage["withWatermark"]["delay"])
        if "groupBy" in stage and "udf" in stage:
            return GROUPS[stage["udf"]["function"]](frame, stage["groupBy"], *stage["udf"]["input"])
        if "groupBy" in stage:
            keys, aggregates = list(map(F.expr, stage["groupBy"])), list(map(aggregate, stage["agg"]))
            return frame.groupBy(*keys).agg(*aggregates)
        if "orderBy" in stage:
            return frame.orderBy(*map(ordering, stage["orderBy"]))
        if "limit" in stage:
            return frame.limit(stage["limit"])
        if "union" in stage:
            other = stage["union"]
            return frame.union(self.stages(self.source(other["source"]), other.get("stages", [])))
        if "udf" in stage:
            udf = stage["udf"]
            return frame.selectExpr("*", UDFS[udf["function"]](*udf["input"]))
        raise ValueError(f"no such stage: {stage}")

    def take(self, frame, batch_id):
        self.steps[batch_id] = self.step
        rows = frame.collect()
        self.rows[batch_id] = [
            {field.name: plain(value, field.dataType) for field, value in zip(frame.schema, row)} for row in rows
        ]

    def collect(self, running):
        """Adds the batches that ended since the last look. An idle turn reports progress too, but adds no batch."""
        done = {line["batchId"] for line in self.lines}
        for progress in map(as_dict, running.recentProgress):
            batch_id = progress["batchId"]
            if batch_id in done or batch_id not in self.rows or "addBatch" not in progress["durationMs"]:
                continue
            states = progress.get("stateOperators") or []
            self.lines.append(
                {
                    "batchId": batch_id,
                    "step": self.steps[batch_id],
                    "watermark": (progress.get("eventTime") or {}).get("watermark"),
                    "inputRows": progress["numInputRows"],
                    "stateRows": [state["numRowsTotal"] for state in states],
                    "lateRows": [state["numRowsDroppedByWatermark"] for state in states],
                    "rows": self.in_order(self.rows[batch_id]),
                }
            )

    def in_order(self, rows):
        """Rows of a batch have an order only if the query gives them one."""
        if any("orderBy" in stage for stage in self.query.get("stages", [])):
            return rows
        return sorted(rows, key=json.dumps)

    def refuse(self, error):
        if self.running:
            self.collect(self.running)
        text = str(error)
        classes = [name for name in re.findall(r"\[([A-Z][A-Z0-9_]+(?:\.[A-Z0-9_]+)*)\]", text) if name not in WRAPPERS]
        named = classes[0] if classes else text.split("terminated with exception: ")[-1].splitlines()[0]
        for running in self.session.streams.active:
            running.stop()
        self.lines.append({"refused": "batch" if self.running else "start", "class": named})


def step_of(file):
    return int(file.name.split(".")[0])


def as_dict(progress):
    return progress if isinstance(progress, dict) else json.loads(progress.json)


def ordering(text):
    """`expr [ASC|DESC] [NULLS FIRST|LAST]`"""
    expression, direction, nulls = re.fullmatch(
        r"(.*?)(?:\s+(ASC|DESC))?(?:\s+NULLS\s+(FIRST|LAST))?", text.strip(), re.IGNORECASE
    ).groups()
    method = (direction or "asc").lower() + (f"_nulls_{nulls.lower()}" if nulls else "")
    return getattr(F.expr(expression), method)()


def plain(value, kind):
    """A value as JSON: times in ISO 8601, UTC, with microseconds; binary in base64; what is not finite by name."""
    if value is None:
        return None
    if isinstance(kind, T.StructType):
        return {field.name: plain(part, field.dataType) for field, part in zip(kind, value)}
    if isinstance(kind, T.ArrayType):
        return [plain(part, kind.elementType) for part in value]
    if isinstance(kind, T.MapType):
        return {str(plain(key, kind.keyType)): plain(part, kind.valueType) for key, part in sorted(value.items())}
    if isinstance(kind, T.TimestampType):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(kind, T.TimestampNTZType):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%f")
    if isinstance(kind, T.DateType):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    return value
