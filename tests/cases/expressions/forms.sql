s || n
s || i
s || NULL
i || l
s || b || dt
ai || array(1)
concat(s, i)
lower(s) = 'spark sql'
length(s) > 3 AND s IS NOT NULL
upper(substring(s, 1, 3))
CASE WHEN length(s) > 5 THEN 'long' ELSE 'short' END
s RLIKE '^S'
s RLIKE '[a-z]+'
s NOT RLIKE 'x'
s REGEXP 'SQL$'
rlike(s, 'ark')
regexp(s, 'ark')
regexp_like(s, 'ark')
s RLIKE '('
EXTRACT(YEAR FROM dt)
EXTRACT(MONTH FROM ts)
EXTRACT(DAY FROM ts)
EXTRACT(HOUR FROM ts)
EXTRACT(SECOND FROM ts)
EXTRACT(DOW FROM dt)
EXTRACT(DAYS FROM INTERVAL '5 04:03:02' DAY TO SECOND)
SUBSTRING(s FROM 2)
SUBSTRING(s FROM 2 FOR 3)
SUBSTR(s, 2)
TRIM(s)
TRIM(BOTH FROM s)
TRIM(LEADING ' ' FROM s)
TRIM(TRAILING 'L' FROM s)
TRIM('S' FROM s)
POSITION('a' IN s)
POSITION('a', s)
OVERLAY(s PLACING 'XX' FROM 2)
OVERLAY(s PLACING 'XX' FROM 2 FOR 4)
timestampadd(DAY, 1, ts)
timestampdiff(HOUR, ts, TIMESTAMP '2021-01-01')
date_add(dt, 1)
datediff(dt, DATE '2020-01-01')
dateadd(DAY, 1, dt)
date_diff(dt, DATE '2020-01-01')
datediff(DAY, dt, ts)
ceil(d)
floor(2.5)
ceil(2.345, 2)
round(2.5)
abs(i)
abs(-5)
count
left(s, 2)
right(s, 2)
replace(s, 'a', 'b')
if(i > 0, 'p', if(i < 0, 'n', 'z'))
element_at(ai, 1)
element_at(m, 'a')
size(ai)
cardinality(m)
array_contains(ai, 3)
sort_array(ai)
map_keys(m)
map_values(m)
get(ai, 0)
greatest(i, 5)
least(i, 5, NULL)
greatest('a', 'b')
date_format(ts, 'yyyy-MM-dd HH:mm')
to_timestamp('2020-01-01 10:00:00')
to_date('2020-01-01')
year(ts)
date_trunc('HOUR', ts)
unix_timestamp(ts)
from_unixtime(0)
pmod(-7, 3)
power(2, 3)
sqrt(16)
hash(i)
md5('a')
sha2('a', 256)
split('a,b', ',')
regexp_replace(s, 'a', 'b')
regexp_extract(s, '(\\w+)', 1)
concat_ws('-', 'a', 'b')
lpad('7', 3, '0')
sequence(1, 3)
flatten(aai)
array_distinct(ai)
slice(ai, 1, 2)
array_join(sa, ',')
array_max(ai)
map_from_arrays(array('a'), array(1))
map_concat(m, map('zz', 1))
map_entries(m)
str_to_map('a:1,b:2')
named_struct('a', array(1, 2), 'b', map('x', st)).b['x'].y
transform(map_keys(m), k -> upper(k))
aggregate(transform(ai, x -> coalesce(x, 0)), 0, (a, x) -> a + x)
array_sort(ai)
-- refused: a comparator is not built
array_sort(ai, (a, b) -> b - a)
-- refused: it is not built
map_zip_with(m, m, (k, a, b) -> a + b)
i ::double / 3
(i)::double
- i + 5
5 - - i
NOT NOT b
b = NOT b
i IN (1, 2, 3) OR b
i BETWEEN 1 + 1 AND 5 * 2
CASE WHEN i BETWEEN 1 AND 10 AND b THEN 'a' ELSE 'b' END
i IS NULL = false
i IS NULL OR l IS NULL
1 + 1 IS NULL
i % 3 = 1 AND l % 2 = 0
`st`.`x`
st.`x` + 1
`st.x`
ai[0] = 1
ai [ 0 ]
m ['a']
array(1,2,3)[0]+1
struct(1,2).col1
date '2020-01-01'
date
timestamp
interval
DATE('2020-02-02')
current_date
current_timestamp() = now()
decimal(1.5)
1.
.5e1
1e
1E+5
1e-5
12345678901234567890L
9223372036854775807L
-9223372036854775808L
-128Y
128Y
-129Y
3.0E0D
1.5e3BD
1F
0
-0
-0.0
-0.0D
00012
1/2
5/2*2
7 DIV 2 * 2
7 % 4 % 2
2 ^ 3
6 & 3 | 8
~5
~ ~5
! true
'a' = 'A'
'a' || 'b' = 'ab'
'a' < 'ab'
-- named otherwise: Spark rewrites the comparison before it names it
1 < 1.5
1 = 1.0
'1' = 1
'1.0' = 1
'abc' > 5
true = 'true'
true > 0
NULL IS NULL
NULL AND 1 = 1
NULL = 1 OR true
nope IS NULL
s LIKE 'S_ark%'
s LIKE concat('S', '%')
s LIKE s
struct(i).i
named_struct('x', NULL).x
array(NULL, 1)[0]
map('a', NULL)['a']
filter(array(1, 2, 3), x -> x > 1)[0]
exists(sa, x -> x IS NULL)
transform(ai, i -> i + 1)
transform(ai, ai -> ai)
transform(array(array(1, 2), array(3)), x -> aggregate(x, 0, (a, b) -> a + b))
zip_with(array(1), array('a'), (a, b) -> (a, b))
coalesce(ai[0], 0)
try_element_at(ai, 10)
CAST(ai[0] AS STRING)
CAST(array(1.5D, NULL) AS STRING)
CAST(map(1, 'a') AS STRING)
CAST(named_struct('a', DATE '2020-01-01', 'b', TIMESTAMP '2020-01-01 00:00:00') AS STRING)
CAST(array(X'41') AS STRING)
CAST(true AS INT) + 1
CAST('2020-01-01' AS DATE) + 1
CAST(1577836800 AS TIMESTAMP)
CAST(1.5 AS TIMESTAMP)
CAST(TIMESTAMP '2020-01-01 00:00:00.999999' AS BIGINT)
CAST(TIMESTAMP '1969-12-31 23:59:59.5' AS INT)
CAST('1970-01-01 00:00:00.1' AS TIMESTAMP)
CAST(-1.5D AS TIMESTAMP)
CAST(CAST('NaN' AS DOUBLE) AS INT)
CAST(CAST('Infinity' AS DOUBLE) AS BIGINT)
CAST(CAST('NaN' AS DOUBLE) AS DECIMAL(10,2))
CAST(CAST('NaN' AS DOUBLE) AS TIMESTAMP)
CAST(DATE '2020-01-01' AS TIMESTAMP_NTZ)
-- refused: an interval's type does not keep its unit
CAST(INTERVAL 5 SECONDS AS INT)
-- refused: an interval's type does not keep its unit
CAST(5 AS INTERVAL SECOND)
CAST(NULL AS STRUCT<a: INT>)
CAST(struct(1, 'x') AS STRUCT<a: BIGINT, b: STRING>)
CAST(array() AS ARRAY<INT>)
CAST(d AS DECIMAL(38, 18))
CAST('  true ' AS BOOLEAN)
CAST('TRUE' AS BOOLEAN)
CAST('\t5\n' AS INT)
CAST('５' AS INT)
CAST('0005' AS INT)
CAST('-0' AS INT)
CAST('--5' AS INT)
CAST('+-5' AS INT)
CAST('1e5' AS BIGINT)
CAST('1,000' AS INT)
CAST('1e5' AS DOUBLE)
CAST('1E5f' AS FLOAT)
CAST('Infinity' AS FLOAT)
CAST('+Inf' AS DOUBLE)
CAST('1 2' AS DOUBLE)
CAST('' AS DOUBLE)
CAST('' AS BOOLEAN)
CAST('' AS DATE)
CAST('' AS STRING)
CAST('0001-01-01' AS DATE)
CAST('0000-01-01' AS DATE)
CAST('10000-01-01' AS DATE)
CAST('2020-13-01' AS DATE)
CAST('2020-1-1 ' AS DATE)
CAST(' 2020-01-01' AS DATE)
CAST('2020/01/01' AS DATE)
CAST('2020-01-01T' AS TIMESTAMP)
CAST('2020-01-01 ' AS TIMESTAMP)
CAST('2020-01-01T00' AS TIMESTAMP)
CAST('2020-01-01 10:20:30.123 UTC' AS TIMESTAMP)
CAST('2020-01-01 10:20:30 PST' AS TIMESTAMP)
CAST('2020-01-01 10:20:30 EST' AS TIMESTAMP)
CAST('2020-01-01T10:20:30-0800' AS TIMESTAMP)
CAST('2020-01-01T10:20:30 GMT+01:00' AS TIMESTAMP)
CAST('2020-01-01T10:20:30z' AS TIMESTAMP)
CAST('2020-01-01 10:20:30+19:00' AS TIMESTAMP)
CAST('2020-01-01 10:20:30+1:5' AS TIMESTAMP)
CAST('+2020-01-01' AS TIMESTAMP)
CAST('-2020-01-01' AS TIMESTAMP)
CAST('1e3' AS DECIMAL(10,2))
CAST('.5' AS DECIMAL(10,2))
CAST('5.' AS DECIMAL(10,2))
CAST('1e-50' AS DECIMAL(10,2))
CAST('1e50' AS DECIMAL(10,2))
CAST('12345678901234567890123456789012345678901' AS DECIMAL(38,0))
CAST('NaN' AS DECIMAL(10,2))
CAST(0.125 AS DECIMAL(3,2))
CAST(-0.125 AS DECIMAL(3,2))
CAST(0.5 AS INT)
CAST(99.5 AS DECIMAL(2,0))
1.0 / 3.0 * 3.0
1e0 / 3
0.1 + 0.2 = 0.3
0.1D + 0.2D = 0.3D
CAST(0.1 AS FLOAT) = 0.1
1.1F + 1.1
10000000000 * 10000000000
10000000000000000000 * 10
-5 div 2
5 div -2
5.5 div 2
-5 % 3
5 % -3
-5.5 % 3
5.0D % 0
mod(10, 3)
INTERVAL '10' SECOND
INTERVAL '1' DAY > INTERVAL '1' HOUR
dt + INTERVAL '1' HOUR = ts
ts - INTERVAL 1 DAY < ts
(ts - nz) = INTERVAL 0 SECONDS
