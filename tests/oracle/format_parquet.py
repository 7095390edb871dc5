"""Parquet files that Spark wrote, and the rows it reads from them: writes tests/cases/format/*.parquet and
parquet.json.

Run it with a Python that has pyspark 4.2.0 and a JVM: python3 tests/oracle/format_parquet.py
"""
import glob
import json
import os
import shutil
import tempfile

from format_session import open_session

spark = open_session()
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../cases/format")
PLAIN = (
    "b boolean, t tinyint, s smallint, i int, l bigint, f float, d double, c decimal(7,2), e decimal(15,3), "
    "g decimal(38,10), x string, y binary, a date, z timestamp, n timestamp_ntz"
)
PLAIN_ROWS = [
    '{"b":true,"t":-1,"s":300,"i":70000,"l":5000000000,"f":1.5,"d":-0.25,"c":12345.67,"e":1.125,"g":-1.5,"x":"é",'
    '"y":"AQID","a":"2026-11-21","z":"2026-11-21T12:00:00.123456Z","n":"1969-12-31T23:59:59.999999"}',
    "{}",
    '{"b":false,"x":"","y":"","a":"0001-01-01","z":"2500-01-01T00:00:00Z"}',
]
NESTED = "l array<int>, m map<string,array<struct<x:int,y:string>>>, s struct<a:struct<b:timestamp>,c:array<array<string>>>"
NESTED_ROWS = [
    '{"l":[1,null,3],"m":{"k":[{"x":1,"y":"q"},null],"j":null},"s":{"a":{"b":"2026-11-21T12:00:00Z"},"c":[["x"],[],null]}}',
    "{}",
    '{"l":[],"m":{},"s":{"c":[]}}',
]
FILES = [
    ("plain", PLAIN, PLAIN_ROWS, {}, {}),
    ("nested", NESTED, NESTED_ROWS, {"compression": "zstd"}, {}),
    ("legacy", "z timestamp, l array<timestamp>, c decimal(7,2)", [
        '{"z":"2026-11-21T12:00:00.123456Z","l":["2500-01-01T00:00:00Z",null],"c":1.25}', "{}"],
     {"compression": "gzip"}, {"spark.sql.parquet.outputTimestampType": "INT96", "spark.sql.parquet.writeLegacyFormat": "true"}),
    ("millis", "z timestamp, x string", ['{"z":"2026-11-21T12:00:00.123Z","x":"y"}'],
     {"compression": "lz4"}, {"spark.sql.parquet.outputTimestampType": "TIMESTAMP_MILLIS"}),
]
# Other schemas that a file is read with: the file, the schema.
READS = [
    ("plain", "I long, X string, missing int, t smallint, f double"),
    ("plain", "x binary, e decimal(20,5), i double, y string"),
    ("plain", "s decimal(10,0)"),
    ("plain", "i smallint"),
    ("plain", "x int"),
    ("plain", "d float"),
    ("plain", "z timestamp_ntz"),
    ("plain", "n timestamp"),
    ("plain", "a timestamp_ntz"),
    ("plain", "l int"),
    ("plain", "e decimal(15,2)"),
    ("nested", "s struct<c:array<array<string>>,zz:int>, l array<bigint>"),
    ("nested", "l int"),
]


def rows(path, ddl):
    """Rows as lines of JSON, which the Rust test compares with what it writes of its own rows."""
    try:
        read = spark.read.schema(ddl).parquet(path)
        return [row.value for row in read.selectExpr("to_json(struct(*)) AS value").collect()]
    except Exception:
        return "error"


directory = tempfile.mkdtemp()
cases = []
for name, ddl, lines, options, confs in FILES:
    source, target = os.path.join(directory, name + ".json"), os.path.join(directory, name)
    with open(source, "w") as out:
        out.write("\n".join(lines))
    for key, value in confs.items():
        spark.conf.set(key, value)
    spark.read.schema(ddl).json(source).coalesce(1).write.options(**options).parquet(target)
    for key in confs:
        spark.conf.unset(key)
    part = glob.glob(target + "/part-*")[0]
    shutil.copy(part, os.path.join(HERE, name + ".parquet"))
    schema = spark.sparkContext._jvm.org.apache.parquet.hadoop.ParquetFileReader.readFooter(
        spark.sparkContext._jsc.hadoopConfiguration(), spark.sparkContext._jvm.org.apache.hadoop.fs.Path(part)
    ).getFileMetaData().getSchema().toString()
    cases.append({"file": name, "schema": ddl, "content": "\n".join(lines), "rows": rows(part, ddl), "message": schema})
for name, ddl in READS:
    cases.append({"file": name, "schema": ddl, "rows": rows(os.path.join(HERE, name + ".parquet"), ddl)})
shutil.rmtree(directory)
with open(os.path.join(HERE, "parquet.json"), "w") as out:
    out.write("[\n" + ",\n".join(json.dumps(one) for one in cases) + "\n]\n")
