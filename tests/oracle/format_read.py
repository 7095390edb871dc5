"""What Spark reads from text, json and csv files: writes tests/cases/format/read.json.

Run it with a Python that has pyspark 4.2.0 and a JVM: python3 tests/oracle/format_read.py
"""
import decimal
import json
import math
import os
import shutil
import tempfile

from format_session import open_session
from pyspark.sql import functions as f

spark = open_session()
HERE = os.path.dirname(os.path.abspath(__file__))
CORRUPT = "_corrupt_record string"


def plain(value):
    """Python values as JSON: decimals as text, bytes in hex, numbers that JSON lacks as text, maps as pairs."""
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    if isinstance(value, float) and (math.isnan(value) or math.isinf(value)):
        return "NaN" if math.isnan(value) else ("inf" if value > 0 else "-inf")
    if hasattr(value, "asDict"):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return [[plain(k), plain(v)] for k, v in value.items()]
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value


def read(directory, case):
    path = os.path.join(directory, "input")
    with open(path, "wb") as out:
        out.write(case["content"].encode("utf-8"))
    try:
        rows = spark.read.format(case["format"]).schema(case["schema"]).options(**case["options"]).load(path)
        if "select" in case:
            rows = rows.select(case["select"])
        numbers = {"date": f.unix_date, "timestamp": f.unix_micros}
        columns = []
        for name, kind in rows.dtypes:
            column = f.col(f"`{name}`")
            if kind == "timestamp_ntz":
                column, kind = column.cast("timestamp"), "timestamp"
            columns.append(numbers[kind](column) if kind in numbers else column)
        return [[plain(value) for value in row] for row in rows.select(columns).collect()]
    except Exception:
        return "error"


cases = []


def case(format, schema, content, select=None, **options):
    content = content if isinstance(content, str) else "\n".join(content)
    new = {"format": format, "schema": schema, "options": options, "content": content}
    if select:
        new["select"] = select
    cases.append(new)


VALUES = """1|-1|1.0|1.5|1e2|"1"|"x"|true|"true"|null|[1]|{"b":1}|300|40000|3000000000|99999999999999999999|""|"NaN"
"Infinity"|"-Infinity"|"+INF"|"-INF"|"INF"|NaN|Infinity|-Infinity|+INF|-INF|INF|-0|-0.0|01|0.1|1E400|1.50|0.005|-0.005
"1,000.5"|" 1"|"1e2"|123456789012345678901234567890.12|1.0E-3|1e|-|-01|1.e1|"TRUE"|tru|"\\u0041\\t"|"AQID"|"\\""|[]|{}
[1, "a" ,{"b" : 2.50}]|{"k": "\\u00e9"}|2147483648|-128|-129""".replace("\n", "|").split("|")
for kind in "boolean|tinyint|smallint|int|bigint|float|double|decimal(10,2)|decimal(38,0)|string|binary".split("|"):
    for value in VALUES:
        case("json", f"a {kind}, {CORRUPT}", '{"a":%s}' % value)
TIMES = """2020-01-02|2020-01-02 03:04:05|2020-01-02T03:04:05.123456Z|2020-01-02T03:04:05+02:00|2020-1-2|2020|2020-01|bad
2020-01-02T03:04|2020-01-02T03:04:05.1234567Z|2020-01-02T03:04:05.123456789| 2020-01-02 ||2020-02-30|12020-01-02
2020-01-02 03:04:05 UTC|2020-01-02 03:04:05 America/New_York|T03:04:05|03:04:05|2020-01-02T|2020-01-02T03
2020-01-02T3:4:5|2020-01-02T25:00:00|2020-01-02T03:04:05-0800|2020-01-02T03:04:05+2|2020-01-02T03:04:05.Z|1960-01-02T03:04:05.5
20200102|2020-01-02 03:04:05.1|+2020-01-02|2020-01-02x|2020-01-02T03:04:05Z |2020-01-02T03:04:05GMT+1|2020-13-01
1577934245|epoch|now|2020-01-02T03:04:60|0001-01-01|1000-01-01T00:00:00Z|2020-01-02T03:04:05.123Z""".replace("\n", "|").split("|")
for kind in ("date", "timestamp", "timestamp_ntz"):
    for value in TIMES:
        case("json", f"a {kind}, {CORRUPT}", '{"a":"%s"}' % value)
        case("csv", f"a {kind}, b int, {CORRUPT}", "%s,1" % value)
    for value in ("1577934245", "1577934245.5", "true", "-1", "[1]", "null", "99999999999999"):
        case("json", f"a {kind}, {CORRUPT}", '{"a":%s}' % value)
for value in ('[1,"x",3]', "[1,null]", "1", '{"x":1}', "[]", "[1,2.5]", '"[1]"', "null", "[[1]]"):
    case("json", f"a array<int>, b int, {CORRUPT}", '{"a":%s,"b":1}' % value)
for value in ('{"b":"bad","c":"k"}', "1", '{"c":5}', '[{"b":1}]', '{"B":1,"C":2}', "{}", "null", '{"b":1,"b":2,"c":"x","c":null}'):
    case("json", f"a struct<b:int,c:string>, x int, {CORRUPT}", '{"a":%s,"x":1}' % value)
for value in ('{"k":1,"k":2}', '{"k":"z"}', "[1]", "{}", '{"k":null}', "null", '{"j":1,"k":2}'):
    case("json", f"a map<string,int>, x int, {CORRUPT}", '{"a":%s,"x":1}' % value)
case("json", "a array<struct<b:int,c:array<string>>>, d struct<e:struct<f:double>>",
     ['{"a":[{"b":1,"c":["x",2]},{"b":null},null],"d":{"e":{"f":1}}}', '{"a":[{"b":"bad"}],"d":{"e":5}}', '{"d":{"e":{"f":"q"}}}'])
case("json", "a array<map<string,struct<b:int>>>", ['{"a":[{"x":{"b":1}},{}]}', '{"a":[{"x":{"b":"q"}}]}', '{"a":[{"x":1}]}'])
LINES = r"""{"a":1.50,"b":1}|{"a":{"x":[1, 2.50],"y":"s"},"b":2}|{"a":1e5,"b":1}|{"a":[1,  "x"],"b":1}|{"a":"x","b":1
{"a":"x","b":"bad"}|[{"a":"x","b":1},{"a":"y","b":2}]||   |{"a":"x"}{"a":"y"}|{"a":"x"} trailing|5|"s"|null|[]|[1]|{}
{"a":"1","a":"2"}|{"a":"1","b":2,"a":null}|{"a":"1","b":2,"b":"bad"}|{"A":"up","b":1}|{'a':'single','b':1}|{a:"unq","b":1}
/* c */ {"a":"c"}|{"a":"\u00e9\n\ud83d\ude00"}|{"b":1,"a":"x","zz":[1,{"q":2}]}|{"a":"tab	here"}|{"b":+1}|{"b":1.}|{"b":.5}
{"a":"\x"}|nul|{"a":"x","b":1,}|{"a": "\ud800"}|{"a" : "x" , "b" : 1 }|  {"a":"x"}  |{"a":"é😀"}|{"zz":tru,"b":1}|{"zz":"\q","b":1}
{"zz":1.2.3}|{"zz":[1,2}|[{"a":"x","b":1},{"a":"y","b":"bad"}]|[{"a":"x","b":1},5]|[{"a":"x"}|{"a":'it"s'}|{"a":"\/\b\f\r\t\\"}|[null]
{"a":{"q":'x'}}|{"a":{'q':"\u0041"}}|{"a":[1,{"z":tru}]}|]|}|{"a"}|{"a":}|{,}|{"a":1,,"b":2}|{"b":1 "a":2}|{"a":"x" "b":1}|{"b":1x}|[[{"a":"x"}]]
{"\u0061":"esc"}|{"a":01}|{"a":-}|{"a":1e5x}|{"a":"","b":null}|{"a":NaN}|{"a":-INF}|{"a":+Infinity}|{"zz":NaN,"b":3}|{"a":"x","b":1}]|{"a":"x","b":1},{"a":"y"}""".replace("\n", "|").split("|")
for line in LINES:
    case("json", f"a string, b int, {CORRUPT}", line)
for mode in ("PERMISSIVE", "DROPMALFORMED", "FAILFAST", "permissive"):
    bad = ['{"a":"x","b":1}', '{"a":"y","b":"bad"}', '{"a":"z"', '[{"a":"p","b":1},{"a":"q","b":"bad"}]']
    case("json", "a string, b int", bad, mode=mode)
    case("json", "a string, b int", bad, mode=mode, select=["a"])
    case("json", f"a string, b int, {CORRUPT}", bad, mode=mode)
    case("json", "a string, b int", bad[:1], mode=mode)
    bad = ["x,1", "y,bad", "z", "w,1,2", '"q,1', "", "v,"]
    case("csv", "a string, b int", bad, mode=mode)
    case("csv", "a string, b int", bad, mode=mode, select=["a"])
    case("csv", f"a string, b int, {CORRUPT}", bad, mode=mode)
case("json", "a string, b int, bad string", ['{"a":"y","b":"bad"}', '{"a":"z"'], columnNameOfCorruptRecord="bad")
case("json", "a string, bad int", ['{"a":"y"}'], columnNameOfCorruptRecord="bad")
case("json", "a date, b timestamp", '{"a":"02/01/2020","b":"2020/01/02 03-04"}', dateFormat="dd/MM/yyyy", timestampFormat="yyyy/MM/dd HH-mm")
case("json", f"a date, b timestamp, {CORRUPT}", '{"a":"2020-01-02","b":"2020-01-02T03:04:05Z"}', dateFormat="dd/MM/yyyy", timestampFormat="yyyy/MM/dd HH-mm")
case("json", "b timestamp", ['{"b":"2020-01-02 03:04:05"}', '{"b":"2020-01-02 03:04:05.123"}', '{"b":"2020-01-02"}'], timestampFormat="yyyy-MM-dd HH:mm:ss[.SSS]")
case("json", "b timestamp", ['{"b":"2020-01-02T03:04:05.12Z"}', '{"b":"2020-01-02T03:04:05.123+01:00"}'], timestampFormat="yyyy-MM-dd'T'HH:mm:ss.SSSXXX")
case("json", "a string", ['{"a":NaN}', '{"a":"x"}'], allowNonNumericNumbers="false")
case("json", f"a double, {CORRUPT}", ['{"a":NaN}', '{"a":INF}', '{"a":"NaN"}'], allowNonNumericNumbers="false")
case("json", f"a string, {CORRUPT}", ["{'a':'x'}", '{"a":"x"}'], allowSingleQuotes="false")
case("json", f"a string, {CORRUPT}", ["{a:1}", '{"a":01}', '{"a":"\\q"}', '/*c*/{"a":1}', '{"a":"tab\there"}', '{"a":1}//x', '{_b$1:1,"a":2}'],
     allowUnquotedFieldNames="true", allowNumericLeadingZeros="true", allowBackslashEscapingAnyCharacter="true", allowComments="true", allowUnquotedControlChars="true")
case("json", "a string", ['{"a":"x"};{"a":"y"};', ' {"a":"z"}'], lineSep=";")
case("json", "a string", '{"a":"x"}\r\n{"a":"y"}\r{"a":"z"}\n\n{"a":"w"}')
case("json", "a string, b int", ['{"a":"\ufeffx"}'])
case("json", "a string, b int", ['\ufeff{"a":"x"}', '{"a":"y"}'])
case("json", "a int, B int", ['{"a":1,"b":2}', '{"A":1,"B":2}'])

for kind in "boolean|tinyint|smallint|int|bigint|float|double|decimal(10,2)|decimal(38,0)|string|binary".split("|"):
    for value in """1|-1|1.0|1.5|1e2|x|true|TRUE|False|300|3000000000|99999999999999999999|NaN|Infinity|Inf|-Inf|-Infinity|-0|01|0.1|1E400| 1 |+1
1.005|-1.005|1,000|1_0|1d|1f|0x10|1.|.5||null|\\N|nan|inf|1e|""|"1"|"a b"|"a\\"b"|a"b|1.50""".replace("\n", "|").split("|"):
        value = '"1,000"' if value == "1,000" else value
        case("csv", f"a {kind}, b int, {CORRUPT}", "%s,1" % value)
CSV = r'''a,1|"a",1|"a,b",1|"a""b",1|"a\"b",1|a"b,1|"a"b,1|"a" ,1| "a",1|  a  ,1|"  a  ",1|,1|"",1|a|a,1,2|a,|,|"a|a\,1|"a\\",1|a,"1"|a, 1|#x,1
"a"x"b",1|""a"",1|"a""",1|"""",1|"""a""",1|"a\b",1|"a\\\"b",1|'a',1|"a,1|"a",1,|"a\""b",1|"a" "b",1|a""b,1|,,|"\",1|"\\"",1|"a\n",1|é😀,1|a	b,1|"a"",1|"""a,1|"a"|"a","b","c","d"|   |  ,1'''.replace("\n", "|").split("|")
for line in CSV:
    case("csv", f"a string, b int, {CORRUPT}", line)
    case("csv", "a string, b string", line)
case("csv", "a string, b int", ["a,b", "x,1", "", "y,2"], header="true")
case("csv", "a string, b int", ["b,a", "1,x"], header="true")
case("csv", "a string, b int", ["b,a", "1,x"], header="true", enforceSchema="false")
case("csv", "a string, b int", ["A,B", "x,1"], header="true", enforceSchema="false")
case("csv", "a string, b int", ["", "# c", "a,b", "x,1"], header="true", comment="#")
case("csv", "a string, b int", ["# c", "x,1", "#,2", "y#,3"], comment="#")
case("csv", "a string, b int", ["x|1", "y|2"], sep="|")
case("csv", "a string, b int", ["x\t1"], sep="\\t")
case("csv", "a string, b int", ["x||1", "a|b||2"], sep="||")
case("csv", "a string, b int", ["x;1"], delimiter=";")
case("csv", "a string, b int", ["'x,y',1", "\"x\",2"], quote="'")
case("csv", "a string, b int", ["\"x,1"], quote="")
case("csv", "a string, b int", ['"a""b",1', '"a\\"b",1'], escape='"')
case("csv", "a string, b int", ['"a$"b",1', "a$b,2", '"a$$b",3'], escape="$")
case("csv", "a string, b int", ["NA,1", "x,NA", '"NA",3', ",4", '"",5'], nullValue="NA")
case("csv", "a string, b int", ["NA,1", '"",2', ",3", '"",""'], emptyValue="EMPTY")
case("csv", "a double, b double, c double", ["nn,pp,mm", "NaN,Inf,-Inf"], nanValue="nn", positiveInf="pp", negativeInf="mm")
for flags in ({}, {"ignoreLeadingWhiteSpace": "true"}, {"ignoreTrailingWhiteSpace": "true"}, {"ignoreLeadingWhiteSpace": "true", "ignoreTrailingWhiteSpace": "true"}):
    case("csv", "a string, b int, c string", ["  x  , 1 ,  y  ", '" x "," 2 "," y "', '  " x "  ,3,  " y "  ', "  ,4,  "], **flags)
case("csv", "a date, b timestamp", ["02/01/2020,2020/01/02 03-04", "2020-01-02,2020-01-02"], dateFormat="dd/MM/yyyy", timestampFormat="yyyy/MM/dd HH-mm")
case("csv", "a string, b int", 'x,1\r\ny,2\rz,3\n\n\r\nw,4')
case("csv", "a string, b int", '"x\ny",1\nz,2')
case("csv", "a string, b int", '"x\ny",1\nz,2', multiLine="true")
case("csv", "a string, b int", '"x\r\ny",1\r\n\r\nz,2\r\n', multiLine="true")
case("csv", "a string, b int", "x,1;y,2", lineSep=";")
case("csv", "a string, b int, c string, d double", ["x,1,y,2.5", "p,2"], select=["b"])
case("csv", "a string, b int, c string, d double", ["x,1,y,2.5", "p,2", "q,3,r,bad"], select=["b", "d"])
case("csv", "a string, b int, c string, d double", ["x,1,y,2.5", "p,2", "q,3,r,bad"], select=["c"], mode="DROPMALFORMED")
case("csv", "a string, b int, c string, d double", ["x,1,y,2.5", "p,2", "q,3,r,bad"], select=["c"], mode="FAILFAST")
case("csv", f"{CORRUPT}, a string, b int", ["x,1", "y,bad", "z,1,2"])
case("csv", f"a string, {CORRUPT}, b int", ["x,1", "y,bad", "z,1,2"])
case("csv", f"a string, {CORRUPT}, b int", ["x,1", "y,bad", "z,1,2"], select=["b", "_corrupt_record"])
case("csv", "a string, b int", ["\ufeffx,1"])
case("csv", "a string, b int", ["a,b", "x,1"], header="true", maxCharsPerColumn="100")
case("csv", "a string", ["abc", "abcd"], maxCharsPerColumn="3")
case("csv", "a string, b string", ['a"x,y"b,c'], unescapedQuoteHandling="STOP_AT_CLOSING_QUOTE")
case("csv", "a decimal(10,2), b decimal(5,1)", ["1.005,99999.9", "-1.005,9999.95", "1E3,1e-9"])
case("csv", "a array<int>", ["1"])

for content in ("a\nb", "a\nb\n", "a\r\nb\rc\nd", "\n\n", "", "\r", "a\r", "a\r\r\nb", "é😀\n", "a\n\r\nb", "\ufeffa\nb"):
    case("text", "value string", content)
    case("text", "value string", content, wholetext="true")
    case("text", "value string", content, lineSep="\n")
    case("text", "value string", content, lineSep="\r\n")
case("text", "value string", "a||b||", lineSep="||")
case("text", "value string", "a|||b||", lineSep="||")
case("text", "a int", "a")
case("text", "a string, b string", "a")
case("text", "line string", "a")

directory = tempfile.mkdtemp()
for one in cases:
    one["rows"] = read(directory, one)
shutil.rmtree(directory)
with open(os.path.join(HERE, "../cases/format/read.json"), "w") as out:
    out.write("[\n" + ",\n".join(json.dumps(one) for one in cases) + "\n]\n")
