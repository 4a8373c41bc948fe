/* Mathematical functions of one float, once per REAL (see each_real.h); worked out in double. room:
 * net (internal) */

#define MAP(id, expr) DNB_UNARY_ROW(NAME(id##_row), REAL, REAL, double, expr)

MAP(abs, fabs(x))
MAP(acos, acos(x))
MAP(acosh, acosh(x))
MAP(asin, asin(x))
MAP(asinh, asinh(x))
MAP(atan, atan(x))
MAP(atanh, atanh(x))
MAP(ceil, ceil(x))
MAP(cos, cos(x))
MAP(cosh, cosh(x))
MAP(erf, erf(x))
MAP(exp, exp(x))
MAP(floor, floor(x))
MAP(log, log(x))
MAP(neg, -x)
MAP(reciprocal, 1 / x)
MAP(round, rint(x)) /* halves to even */
MAP(sign, x > 0 ? 1 : x < 0 ? -1 : x)
MAP(sin, sin(x))
MAP(sinh, sinh(x))
MAP(sqrt, sqrt(x))
MAP(tan, tan(x))

#undef MAP
