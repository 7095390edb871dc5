*
st.*
i.*
nope.*
explode(ai)
explode(ai) AS x
explode(m)
explode(m) AS (k, v)
explode(m) AS k
explode_outer(sa) AS x
posexplode(ai)
posexplode(ai) AS (p, x)
posexplode(m) AS (p, k, v)
posexplode_outer(ai)
inline(array(struct(1 AS a, 'x' AS b)))
inline(array(struct(1 AS a, 'x' AS b))) AS (p, q)
inline_outer(array(struct(1 AS a, 'x' AS b)))
explode(i)
explode(ai) + 1
explode(array(1, 2))
i AS (a, b)
i AS x
i x
explode(aai) AS inner
