CASE WHEN b THEN 1 ELSE 2 END
CASE WHEN b THEN 1 END
CASE WHEN b THEN 'x' ELSE 'y' END
CASE WHEN i > 5 THEN 'big' WHEN i > 0 THEN 'small' WHEN i = 0 THEN 'zero' ELSE 'neg' END
CASE i WHEN 7 THEN 'seven' WHEN 0 THEN 'zero' END
CASE i WHEN NULL THEN 'null' ELSE 'other' END
CASE WHEN i = 0 THEN 0 ELSE 10 / i END
CASE WHEN b THEN 1 ELSE 1.5 END
CASE WHEN b THEN 1 ELSE 2L END
CASE WHEN b THEN 1 ELSE 'x' END
CASE WHEN b THEN '1' ELSE 2 END
CASE WHEN b THEN dt ELSE ts END
CASE WHEN b THEN NULL ELSE i END
CASE WHEN b THEN NULL END
CASE WHEN NULL THEN 1 ELSE 2 END
CASE WHEN i THEN 1 END
CASE WHEN 'true' THEN 1 END
CASE WHEN b THEN ai ELSE array(0) END
CASE WHEN b THEN st.x ELSE i END
CASE WHEN true THEN 1 ELSE 1 / 0 END
CASE WHEN false THEN 1 / 0 END
CASE WHEN b THEN CAST('x' AS INT) ELSE 1 END
CASE WHEN s LIKE 'S%' THEN upper(s) ELSE s END
CASE WHEN b THEN i WHEN i = 0 THEN l ELSE d END
CASE WHEN b THEN 1 ELSE true END
if(b, 1, 2)
if(b, i, NULL)
if(i = 0, NULL, 100 / i)
if(NULL, 1, 2)
if(b, 'a', 1)
if(1, 2, 3)
if(b, 1)
coalesce(i, 0)
coalesce(NULL, i, 5)
coalesce(i, l)
coalesce(i, 'x')
coalesce(s, 'none')
coalesce(NULL, NULL)
coalesce(i, 1 / 0)
coalesce(1, 1 / 0)
coalesce(ai, array())
coalesce(m, map())
coalesce()
coalesce(i, 1.5)
coalesce(dt, '2020-01-01')
nvl(i, 0)
nvl(s, 'x')
nvl(i, 'a')
ifnull(i, 0)
nvl2(i, 1, 2)
nvl2(s, 'yes', 'no')
nvl2(i, i, 1.5)
nullif(i, 7)
nullif(s, '')
nullif(i, '7')
nullif(i, NULL)
nanvl(d, 0)
nanvl(f, 1.5)
nanvl(d, f)
nullifzero(i)
zeroifnull(i)
zeroifnull(d)
b AND coalesce(i, 0) = 7
CASE WHEN d > 0 THEN 'pos' WHEN d <= 0 THEN 'neg' END
if(i IS NULL, 'n', CAST(i AS STRING))
CASE WHEN i IS NULL THEN 0 WHEN i > 1000000 THEN -1 ELSE i * 1000 END
