"""Reads a directory of windowed word counts with Spark, as a user would.

    read_counts.py URI      prints "START_MS WORD COUNT" for each row
"""

import sys

from spark_query import open_session


def main(uri):
    rows = open_session().read.parquet(uri).selectExpr("unix_millis(window.start) AS start", "word", "count")
    for row in rows.collect():
        print(row["start"], row["word"], row["count"])


if __name__ == "__main__":
    main(*sys.argv[1:])
