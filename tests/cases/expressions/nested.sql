ai[0]
ai[1]
ai[-1]
ai[i]
ai[NULL]
ai[1L]
ai['0']
ai[0] + 1
sa[2]
aai[0]
aai[0][0]
m['a']
m['zzz']
m[NULL]
m.a
m[s]
m[1]
st.x
st.y
st.z.w
st.z
st['x']
st.nope
st.X
ST.x
struct(1, 2)
struct(i, s)
struct(i AS a, s AS b)
struct(i + 1, l AS q)
struct(st.x, st.y)
struct(*)
(i, s)
(1, 'a').col1
struct(1 AS a).a
named_struct('a', 1, 'b', 'x')
named_struct('a', i, 'b', ai).b
named_struct('a', i).a + 1
named_struct('a')
named_struct(s, 1)
named_struct('a', 1, 'a', 2)
array(1, 2, 3)
array(1, NULL)
array(1, 'a')
array('1', 2)
array(1, 2.5)
array(1, 2L, 3.5D)
array()
array(NULL)
array(i, l)
array(ai, array(9))
array(dt, ts)
array(1, 2, 3)[1]
array(1, 2, 3)[3]
-- named otherwise
array(struct(1 AS a), struct(2 AS a)).a
-- named otherwise
array(struct(i AS a, s AS b)).b
array(array(1), array())[0][0]
array(true, 1)
map('a', 1, 'b', 2)
map('a', 1)['a']
map(1, 'x', 2.5, 'y')
map('a', i, 'b', NULL)
map()
map('a', 1, 'a', 2)
map(NULL, 1)
map('a')
map(i, s)
map('k', map('x', 1))['k']['x']
map(array(1), 'x')[array(1)]
map(map(1, 2), 3)
map(1.5D, 'a')[1.5D]
map(0.0D, 'z')[-0.0D]
transform(ai, x -> x + 1)
transform(ai, (x, i) -> x + i)
transform(ai, x -> x + l)
transform(ai, x -> NULL)
transform(sa, x -> x || '!')
transform(sa, s -> upper(s))
transform(aai, a -> transform(a, x -> x * 2))
transform(aai, a -> a[0])
transform(ai, x -> x + id)
transform(ai, x -> struct(x AS v, id AS w))
transform(array(1, 2), x -> array(x, x))
transform(ai, x -> 10 / x)
transform(ai, (x, y, z) -> x)
transform(ai, x -> y)
transform(i, x -> x)
transform(ai, x -> CASE WHEN x > 2 THEN 'big' ELSE 'small' END)
filter(ai, x -> x > 1)
filter(ai, x -> x IS NOT NULL)
filter(ai, (x, i) -> i % 2 = 0)
filter(sa, x -> x LIKE 'a%')
filter(ai, x -> x)
filter(aai, a -> exists(a, x -> x > 2))
exists(ai, x -> x > 2)
exists(ai, x -> x > 100)
exists(array(1, NULL), x -> x > 1)
forall(ai, x -> x > 0)
forall(ai, x -> x < 100)
forall(array(), x -> x > 0)
forall(array(1, NULL), x -> x > 0)
aggregate(ai, 0, (acc, x) -> acc + x)
aggregate(ai, 0, (acc, x) -> acc + coalesce(x, 0))
aggregate(ai, 0, (acc, x) -> acc + x, acc -> acc * 10)
aggregate(ai, 0L, (acc, x) -> acc + x)
aggregate(ai, 0, (acc, x) -> acc + CAST(x AS BIGINT))
aggregate(sa, '', (acc, x) -> concat(acc, x))
aggregate(ai, named_struct('s', 0, 'n', 0), (a, x) -> named_struct('s', a.s + coalesce(x, 0), 'n', a.n + 1), a -> a.s / a.n)
reduce(ai, 1, (a, x) -> a * x)
aggregate(ai, id, (acc, x) -> acc + x)
zip_with(ai, sa, (x, y) -> concat(x, y))
zip_with(ai, array(1, 2), (x, y) -> x + y)
zip_with(ai, aai, (x, y) -> y)
map_filter(m, (k, v) -> v > 1)
map_filter(m, (k, v) -> k = 'a')
transform_keys(m, (k, v) -> upper(k))
transform_keys(m, (k, v) -> concat(k, v))
transform_keys(m, (k, v) -> 1)
transform_values(m, (k, v) -> v + 1)
transform_values(m, (k, v) -> concat(k, v))
transform_values(m, (k, v) -> struct(k, v))
transform(filter(ai, x -> x > 0), x -> x * 10)
x -> x + 1
ai.x
i[0]
i.a
nope
nope.a
a.b.c
nope(i)
uper(s)
