/* Reference kernels of comparisons and tests of floats, once per REAL (see each_real.h). room: net
 * (internal) */

DNB_BINARY_ROW(NAME(equal_row), int64_t, REAL, REAL, a == b)
DNB_BINARY_ROW(NAME(greater_row), int64_t, REAL, REAL, a > b)
DNB_BINARY_ROW(NAME(less_row), int64_t, REAL, REAL, a < b)
DNB_BINARY_ROW(NAME(greater_equal_row), int64_t, REAL, REAL, a >= b)
DNB_BINARY_ROW(NAME(less_equal_row), int64_t, REAL, REAL, a <= b)
DNB_UNARY_ROW(NAME(is_nan_row), int64_t, REAL, REAL, isnan(x))
/* p: are negative, positive infinities looked for? */
DNB_UNARY_ROW(NAME(is_inf_row), int64_t, REAL, REAL, isinf(x) && (x < 0 ? p[0] : p[1]) != 0)
