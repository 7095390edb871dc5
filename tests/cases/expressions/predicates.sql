i = 7
i == 7
i != 7
i <> 7
i < 7
i <= 7
i > 7
i >= 7
i <=> 7
i <=> NULL
NULL <=> NULL
NULL = NULL
i = NULL
i = 7.0
i = '7'
i = 'x'
'7' = i
n = 42
n = 42.0D
s = 'Spark SQL'
s < 'T'
s >= ''
d = d
d > 1e300
d < 'NaN'
d = CAST('NaN' AS DOUBLE)
f = f
f = 0
d = -0.0D
d = 0.0D
d >= CAST('NaN' AS DOUBLE)
CAST('NaN' AS DOUBLE) > CAST('Infinity' AS DOUBLE)
CAST('NaN' AS FLOAT) = CAST('NaN' AS DOUBLE)
f < d
i < d
i < l
ti = i
b = true
b = 1
b = 'true'
b < true
bin = X'00'
bin > X'31'
bin = 'Hello'
dt = '2020-02-29'
dt = DATE '2020-02-29'
dt > '2020-01-01'
dt = ts
dt < nz
ts = nz
ts > '2020-01-01'
ts = '2020-02-29 12:34:56.789'
ts > dt
dt = 'xyz'
dt = 5
ai = array(1, 2, 3)
ai = sa
ai < array(2)
ai <=> NULL
aai = array(array(7))
st = st
st.x = 1
st = struct(1, 'one', struct(0.5D))
st <=> st
m = m
array(1, NULL) = array(1, NULL)
array(CAST('NaN' AS DOUBLE)) = array(CAST('NaN' AS DOUBLE))
struct(1, NULL) = struct(1, NULL)
struct(1, 2) < struct(1, 3)
array(1, 2) < array(1, 2, 3)
b AND true
b AND NULL
b AND false
b OR true
b OR NULL
NULL OR false
NULL AND NULL
NOT b
NOT NULL
!b
! b AND b
NOT b OR b
NOT i = 7
!i = 7
b AND i > 0
b OR i / 0 > 1
b AND i / 0 > 1
i = 0 OR 10 / i > 0
i IS NOT NULL AND i <> 0 AND 10 / i > 0
b AND 'true'
b AND 1
i IN (7, 0)
i IN (7, NULL)
i NOT IN (7, 0)
i NOT IN (7, NULL)
i IN (7, 7.5)
i IN ('7', '0')
i IN ('x')
s IN ('true', '')
NULL IN (1)
i IN (NULL)
dt IN ('2020-02-29')
l IN (100, 1.5D)
(i, s) IN ((7, 'Spark SQL'))
i IN (i, 5)
i IN (1/0)
i IN ()
i BETWEEN 0 AND 100
i NOT BETWEEN 0 AND 100
i BETWEEN 0 AND NULL
i BETWEEN 100 AND 0
dt BETWEEN '2020-01-01' AND '2021-01-01'
i BETWEEN 0 AND 10 AND b
s BETWEEN 'A' AND 'Z'
i IS NULL
i IS NOT NULL
b IS TRUE
b IS NOT TRUE
b IS FALSE
b IS NOT FALSE
b IS UNKNOWN
b IS NOT UNKNOWN
i IS DISTINCT FROM 7
i IS NOT DISTINCT FROM 7
i IS DISTINCT FROM NULL
i = 7 IS TRUE
isnull(i)
isnotnull(i)
isnan(d)
isnan(f)
isnan(i)
isnan('NaN')
equal_null(i, 7)
equal_null(i, NULL)
s LIKE 'Spark%'
s LIKE '%SQL'
s LIKE '%ark%'
s LIKE 'Spark SQL'
s LIKE '_park%'
s LIKE '%\\_%'
s LIKE '%\_%'
s LIKE '%!_%' ESCAPE '!'
s LIKE '%%'
s LIKE ''
s LIKE '%ö%'
s LIKE '%\t%'
s LIKE '%a_b%'
s LIKE 'a\\b'
s LIKE '%\\'
s LIKE '\\a'
s LIKE NULL
s LIKE n
s NOT LIKE 'S%'
i LIKE '7'
s ILIKE 'spark%'
s ILIKE '%WÖRLD%'
s NOT ILIKE 'SPARK%'
-- named otherwise
s LIKE ANY ('S%', 't%')
-- named otherwise
s LIKE ALL ('S%', '%L')
-- named otherwise
s NOT LIKE ANY ('S%', 't%')
-- named otherwise
s LIKE SOME ('S%')
like(s, 'S%')
ilike(s, 's%')
s LIKE '.*'
s LIKE 'a|b'
'a.b' LIKE 'a.b'
'axb' LIKE 'a.b'
'a\nb' LIKE 'a%b'
'%' LIKE '\%'
'a' LIKE '_'
'😀' LIKE '_'
1 = 1 = true
1 < 2 = true
1 = 1 AND 2 = 2 OR 3 = 4
NOT true = false
i > 5 = b
'a' < 'b'
'a' < 'B'
'é' > 'z'
X'00' < X'0001'
true > false
DATE '2020-01-01' = TIMESTAMP '2020-01-01 00:00:00'
INTERVAL '1' DAY = INTERVAL '24' HOUR
INTERVAL '1' YEAR > INTERVAL '11' MONTH
INTERVAL '1' DAY > INTERVAL '1' MONTH
