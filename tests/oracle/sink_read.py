"""Reads directories that our file sink wrote, as Spark sees them.

Standard input holds a JSON list of {"path", "format", "schema", "stream"}, standard output gets a JSON list in the
same order: {"batch": rows, "stream": rows}, rows as sorted lists of the text of their columns, null for null.
`batch` is a plain read, of parquet with the schema that Spark infers (columns in the order of "schema"); `stream`
is a streaming read, only where asked for.
"""

import json
import sys

from spark_query import open_session


def texts(frame, columns):
    rows = frame.selectExpr(*[f"CAST(`{column}` AS STRING)" for column in columns]).collect()
    return sorted(([value for value in row] for row in rows), key=str)


def streamed(session, directory, columns):
    collected = []
    frame = session.readStream.schema(directory["schema"]).format(directory["format"]).load(directory["path"])
    query = (
        frame.writeStream.foreachBatch(lambda rows, _: collected.extend(texts(rows, columns)))
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    return sorted(collected, key=str)


def main():
    session = open_session()
    results = []
    for directory in json.load(sys.stdin):
        schema = session.createDataFrame([], directory["schema"]).schema
        columns = [field.name for field in schema]
        reader = session.read.format(directory["format"])
        # These formats do not tell their types.
        reader = reader if directory["format"] == "parquet" else reader.schema(schema)
        batch = texts(reader.load(directory["path"]), columns)
        stream = streamed(session, directory, columns) if directory["stream"] else batch
        results.append({"batch": batch, "stream": stream})
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
