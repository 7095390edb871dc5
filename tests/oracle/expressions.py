"""Runs the expressions of tests/cases/expressions/*.sql on PySpark and writes what Spark says beside them.

    /work/venv-spark/bin/python tests/oracle/expressions.py [TOPIC ...]

One expression a line; empty lines and `-- ` lines are skipped. TOPIC.jsonl gets one object an expression: sql,
name and type of the column, rows (text of each row, null, or {"error": class}), or error alone where Spark
refuses the expression. Files named aggregate* and generator* are analysed only: they get columns.
"""

import json
import logging
import os
import re
import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import expr
from pyspark.sql.types import BinaryType, DayTimeIntervalType, YearMonthIntervalType, _parse_datatype_string

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cases", "expressions")


def literal(value, data_type):
    """The SQL text that gives `value` (as JSON holds it) as `data_type`."""
    kind, name = data_type.typeName(), data_type.simpleString()
    if value is None:
        return f"CAST(NULL AS {name})"
    if kind == "array":
        parts = ", ".join(literal(v, data_type.elementType) for v in value)
        return f"CAST(array({parts}) AS {name})"
    if kind == "map":
        pairs = [(literal(k, data_type.keyType), literal(v, data_type.valueType)) for k, v in value.items()]
        return f"CAST(map({', '.join(x for pair in pairs for x in pair)}) AS {name})"
    if kind == "struct":
        parts = ", ".join(f"'{f.name}', {literal(value[f.name], f.dataType)}" for f in data_type.fields)
        return f"named_struct({parts})"
    if kind == "binary":
        return f"X'{value}'"
    text = str(value).lower() if kind == "boolean" else str(value)
    text = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"CAST('{text}' AS {name})"


def table(spark):
    with open(os.path.join(CASES, "table.json"), encoding="utf-8") as file:
        table = json.load(file)
    schema = _parse_datatype_string(table["schema"])
    rows = ["(" + ", ".join(literal(row[f.name], f.dataType) for f in schema) + ")" for row in table["rows"]]
    names = ", ".join(f.name for f in schema)
    frame = spark.sql(f"SELECT * FROM VALUES {', '.join(rows)} AS t({names})")
    assert frame.schema.simpleString() == schema.simpleString(), frame.schema.simpleString()
    return frame, len(rows)


def error_class(error):
    getter = getattr(error, "getCondition", None) or getattr(error, "getErrorClass", None)
    found = getter() if getter else None
    if not found:
        match = re.search(r"\[([A-Z][A-Z0-9_]+(?:\.[A-Z0-9_]+)*)\]", str(error))
        found = match.group(1) if match else type(error).__name__ + ": " + str(error).split("\n")[0][:120]
    return found


def type_text(data_type):
    if isinstance(data_type, DayTimeIntervalType):
        return "interval day to second"
    if isinstance(data_type, YearMonthIntervalType):
        return "interval year to month"
    return data_type.simpleString()


def as_text(name, data_type):
    column = f"`{name}`"
    if isinstance(data_type, BinaryType):
        return f"hex({column})"
    if isinstance(data_type, DayTimeIntervalType):
        return f"CAST(CAST({column} AS INTERVAL DAY TO SECOND) AS STRING)"
    if isinstance(data_type, YearMonthIntervalType):
        return f"CAST(CAST({column} AS INTERVAL YEAR TO MONTH) AS STRING)"
    return f"CAST({column} AS STRING)"


def values(frame, sql, data_type):
    return [row[0] for row in frame.selectExpr(f"{sql} AS __v").selectExpr(as_text("__v", data_type)).collect()]


def run(frame, count, sql):
    try:
        field = frame.selectExpr(sql).schema.fields[0]
    except Exception as error:
        return {"sql": sql, "error": error_class(error)}
    outcome = {"sql": sql, "name": field.name, "type": type_text(field.dataType)}
    try:
        outcome["rows"] = values(frame, sql, field.dataType)
    except Exception:
        outcome["rows"] = []
        for id in range(1, count + 1):
            try:
                outcome["rows"] += values(frame.where(f"id = {id}"), sql, field.dataType)
            except Exception as error:
                outcome["rows"].append({"error": error_class(error)})
    return outcome


def analyse(frame, topic, sql):
    try:
        if topic.startswith("aggregate"):
            schema = frame.groupBy().agg(expr(sql)).schema
        else:
            schema = frame.selectExpr(sql).schema
    except Exception as error:
        return {"sql": sql, "error": error_class(error)}
    return {"sql": sql, "columns": [[f.name, type_text(f.dataType)] for f in schema.fields]}


def main():
    logging.disable(logging.CRITICAL)
    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.extraJavaOptions", "-Duser.timezone=UTC")
        .config("spark.driver.memory", "1g")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("OFF")
    frame, count = table(spark)
    topics = sys.argv[1:] or sorted(name[:-4] for name in os.listdir(CASES) if name.endswith(".sql"))
    for topic in topics:
        with open(os.path.join(CASES, topic + ".sql"), encoding="utf-8") as file:
            lines = [line.rstrip("\n") for line in file]
        cases = [line for line in lines if line.strip() and not line.startswith("--")]
        analysed = topic.startswith(("aggregate", "generator"))
        with open(os.path.join(CASES, topic + ".jsonl"), "w", encoding="utf-8") as out:
            for sql in cases:
                outcome = analyse(frame, topic, sql) if analysed else run(frame, count, sql)
                out.write(json.dumps(outcome, ensure_ascii=False) + "\n")
        print(f"{topic}: {len(cases)} expressions")
    spark.stop()


if __name__ == "__main__":
    main()
