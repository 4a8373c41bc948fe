/* Reference kernels of conversions from and to floats, once per REAL (see each_real.h). room: net
 * (internal) */

DNB_UNARY_ROW(NAME(to_f32_row), float, REAL, REAL, x)
DNB_UNARY_ROW(NAME(to_f64_row), double, REAL, REAL, x)
DNB_UNARY_ROW(NAME(to_bool_row), int64_t, REAL, REAL, x != 0)
DNB_UNARY_ROW(NAME(to_u64_row), uint64_t, REAL, double, dnb_to_u64(x))
/* p: the smallest and largest number of the target type */
DNB_UNARY_ROW(NAME(to_int_row), int64_t, REAL, double,
              x <= p[0]   ? dnb_to_i64(p[0])
              : x >= p[1] ? dnb_to_i64(p[1])
                          : dnb_to_i64(x))
DNB_UNARY_ROW(NAME(from_i64_row), REAL, int64_t, int64_t, x)
DNB_UNARY_ROW(NAME(from_u64_row), REAL, uint64_t, uint64_t, x)
