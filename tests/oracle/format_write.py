"""What Spark writes into text, json and csv files: writes tests/cases/format/write.json.

Run it with a Python that has pyspark 4.2.0 and a JVM: python3 tests/oracle/format_write.py
Rows come from lines of JSON, so that the Rust test can make the same rows.
"""
import glob
import json
import os
import shutil
import tempfile

from format_session import open_session

spark = open_session()
HERE = os.path.dirname(os.path.abspath(__file__))
cases = []


def case(format, schema, content, **options):
    content = content if isinstance(content, str) else "\n".join(content)
    cases.append({"format": format, "schema": schema, "options": options, "content": content})


PLAIN = [
    '{"a":1,"b":"x","c":1.5,"d":true}', '{"a":-5}', '{"b":""}', '{"b":"q\\"u\\\\o\\n\\t\\r\\u0001\\u007f\\u2028é😀/<"}',
    '{"c":1e10}', '{"c":1e-5}', '{"c":"NaN"}', '{"c":"-Infinity"}', '{"c":123456789.125}', '{"c":0.001}', '{"c":1e7}',
    '{"c":9999999.5}', '{"c":100}', '{"c":-0.0}', '{"c":1.7976931348623157e308}', '{"c":4.9e-324}', "{}",
]
case("json", "a int, b string, c double, d boolean", PLAIN)
case("json", "a int, b string, c double, d boolean", PLAIN, ignoreNullFields="false")
FLOATS = ['{"c":1.1}', '{"c":1e10}', '{"c":3.4028235e38}', '{"c":1e-3}', '{"c":16777216}', '{"c":0.1}']
case("json", "c float", FLOATS)
case("csv", "c float", FLOATS)
TIMES = [
    '{"t":"2026-11-21T12:00:00Z","d":"2026-11-21","n":"2026-11-21T12:00:00"}',
    '{"t":"2026-11-21T12:00:00.1Z","d":"0001-01-01","n":"2026-11-21T12:00:00.123456"}',
    '{"t":"2026-11-21T12:00:00.123456Z","d":"1969-12-31","n":"1969-12-31T23:59:59.999999"}',
    '{"t":"1969-12-31T23:59:59.999999Z","d":"12026-11-21","n":"12026-11-21T12:00:00"}',
    '{"t":"12026-11-21T12:00:00Z","d":"2026-01-02"}', "{}",
]
for format in ("json", "csv"):
    case(format, "t timestamp, d date, n timestamp_ntz", TIMES)
    case(format, "t timestamp, d date, n timestamp_ntz", TIMES[:4], timestampFormat="yyyy/MM/dd HH:mm:ss.SSSSSS", dateFormat="dd.MM.yy", timestampNTZFormat="yyyyMMdd HHmm")
    case(format, "a decimal(10,2), b decimal(38,18), c decimal(20,0), d tinyint, e bigint, f smallint",
         ['{"a":1.5,"b":1e-18,"c":12345678901234567890,"d":-128,"e":9223372036854775807,"f":1}', '{"a":-0.05,"b":0,"c":0}', '{"a":1234567.8,"b":0.0000001}'])
    case(format, "b binary", ['{"b":"AQID"}', '{"b":""}', "{}", '{"b":"/+8="}'])
NESTED = "s struct<a:int,b:string,c:struct<d:double>>, l array<int>, m map<string,int>, n array<struct<x:int,y:array<string>>>, o map<string,array<timestamp>>"
case("json", NESTED, [
    '{"s":{"a":1,"b":"x","c":{"d":2}},"l":[1,null,3],"m":{"k":1,"j":null,"q\\"":2},"n":[{"x":1,"y":["a",null]},null,{}],"o":{"t":["2020-01-02T03:04:05Z",null]}}',
    '{"s":{},"l":[],"m":{},"n":[]}', '{"s":{"c":{}}}', "{}"])
case("json", NESTED, ['{"s":{},"l":[null],"m":{"k":null},"n":[{"x":null}]}'], ignoreNullFields="false")
case("json", "a int", ['{"a":1}', '{"a":2}'], lineSep=";")
case("json", "`a b` int, `c\"d` int", ['{"a b":1,"c\\"d":2}'])
TEXTS = [
    '{"a":"x","b":"y"}', '{"a":"a,b","b":"c\\"d"}', '{"a":"","b":null}', '{"a":"line\\nbreak","b":"c\\rr"}', '{"a":" lead","b":"trail "}',
    '{"a":"\\"start","b":"end\\""}', '{"a":"back\\\\slash","b":"x\\\\"}', '{"a":"\\\\\\"","b":"#c"}', '{"a":"#c","b":"\'s\'"}', '{"a":"tab\\t","b":"|;"}',
    '{"a":null,"b":null}', '{"a":"\\"","b":"\\"\\""}', '{"a":"é😀","b":"a\\\\,b"}', '{"a":"  ","b":" , "}', '{"a":"null","b":"\\u0000"}', '{"a":"a\\\\\\"b","b":"a\\\\b\\"c,"}',
    '{"a":"\\"\\"x","b":"x\\"y\\\\"}', '{"b":"x"}',
]
case("csv", "a string, b string", TEXTS)
case("csv", "a string", TEXTS)
for options in (
    {"header": "true"}, {"sep": ";"}, {"sep": "||"}, {"sep": "\\t"}, {"quote": "'"}, {"escape": '"'}, {"quoteAll": "true"}, {"escapeQuotes": "false"},
    {"nullValue": "NA"}, {"emptyValue": "EMPTY"}, {"emptyValue": ""}, {"ignoreLeadingWhiteSpace": "false"}, {"ignoreTrailingWhiteSpace": "false"},
    {"lineSep": "\r\n"}, {"quote": ""}, {"charToEscapeQuoteEscaping": "#"}, {"nullValue": "null", "quoteAll": "true"}, {"comment": "#"},
    {"ignoreLeadingWhiteSpace": "false", "ignoreTrailingWhiteSpace": "false"}, {"delimiter": "|", "header": "TRUE"},
):
    case("csv", "a string, b string", TEXTS, **options)
case("csv", "a int, b double, c boolean, d string", ['{"a":1,"b":1.5,"c":true,"d":"x"}', '{"b":"NaN"}', '{"b":"Infinity"}', '{"b":1e10,"c":false}', "{}"])
case("csv", "a int, b double, c boolean, d string", ['{"a":1,"b":1.5,"c":true,"d":"x"}', '{"b":"NaN"}', '{"b":"Infinity"}', '{"b":1e10,"c":false}', "{}"],
     nanValue="nn", positiveInf="pp", header="true", nullValue="-", quoteAll="true")
case("csv", "`a,b` int, `c d` string", [], header="true")
case("csv", "`a,b` int, ` c` string", ['{"a,b":1," c":"x"}'], header="true")
case("csv", "a array<int>", ['{"a":[1]}'])
case("csv", "a struct<b:int>", ['{"a":{"b":1}}'])
case("csv", "a map<string,int>", ['{"a":{"b":1}}'])
case("text", "value string", ['{"value":"x"}', '{"value":""}', "{}", '{"value":"a\\nb"}'])
case("text", "v string", ['{"v":"x"}', '{"v":"y"}'], lineSep="||")
case("text", "v int", ['{"v":1}'])
case("text", "v string, w string", ['{"v":"x"}'])

directory = tempfile.mkdtemp()
for number, one in enumerate(cases):
    path = os.path.join(directory, "input")
    with open(path, "wb") as out:
        out.write(one["content"].encode("utf-8"))
    target = os.path.join(directory, str(number))
    try:
        rows = spark.read.schema(one["schema"]).json(path)
        rows.coalesce(1).write.format(one["format"]).options(**one["options"]).save(target)
        written = [open(name, newline="").read() for name in glob.glob(target + "/part-*")]
        one["file"] = "".join(written)
    except Exception:
        one["file"] = None
shutil.rmtree(directory)
with open(os.path.join(HERE, "../cases/format/write.json"), "w") as out:
    out.write("[\n" + ",\n".join(json.dumps(one) for one in cases) + "\n]\n")
