i + 1
l + 1
i - 1
i * 2
l * l
ti + ti
ti + si
ti * 2Y
si - 1S
i + l
i + f
f + f
f * 2
d + 1
d * i
d - f
l + d
i + 1.5
i * 1.5D
i + 1.5F
i / 2
i / 0
ti / si
l / 3
f / 2
d / 0
d / 2
1 / 3
7 div 2
i div 2
l div -1
i div 0
ti div si
d div 2
i % 2
i % 0
l % -1
si % 7
d % 2
-7 % 3
-7 div 2
5.5 % 2
-5.5D % 2
mod(i, 3)
-i
-l
-ti
-d
-(-5)
+i
- -i
-dc
negative(i)
positive(d)
i + NULL
NULL + NULL
NULL / 2
i * NULL
n + 1
'5' + 1
'5' + '6'
'5' * 2.5
'5.5' + 1
'5' + 1L
1 + true
true + true
s + 1
'a' / 2
'10' / 4
'10' div 4
-'5'
+'5'
i + dc
2147483647 + 1
2147483648
-2147483648
9223372036854775807
9223372036854775808
-9223372036854775808
99999999999999999999999999999999999999
999999999999999999999999999999999999999
127Y + 1Y
127Y + 1
32767S * 2S
1L
1Y
1S
1e3
1.5e-3
1.5E10
.5
5.
1.50
0.05
00.5
1.0F
3.4e38F
1BD
1.5BD
1e2BD
0x1F
300Y
1.5D
1D
NULL
2 + 3 * 4
(2 + 3) * 4
2 * 3 % 4
10 - 4 - 3
2 - -3
10 / 4 * 2
-2 * 3
- 2
try_add(i, 1)
try_add(l, 1)
try_subtract(ti, 100Y)
try_multiply(l, 2)
try_divide(i, 0)
try_divide(i, ti)
try_mod(i, 0)
try_add(dc, dc)
try_add(d, 1)
try_divide(dc, 0)
i & 1
i | 8
i ^ 3
~i
~ti
ti & si
l | i
i & 1 | 2 ^ 3
i << 1
i << 33
l << 3
ti << 2
i >> 1
-8 >> 1
-8 >>> 28
l >>> 60
i >> l
1 << 2 + 1
shiftleft(i, 2)
shiftright(l, 2)
shiftrightunsigned(-1, 28)
d & 1
s & 1
i & NULL
1 | 2 = 3
2 + 3 || 'x'
i + s
i + b
i + ts
i + ai
