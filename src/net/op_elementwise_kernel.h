/* Reference kernels of arithmetic on floats, once per REAL (see each_real.h). room: net (internal)
 */

DNB_BINARY_ROW(NAME(add_row), REAL, REAL, REAL, a + b)
DNB_BINARY_ROW(NAME(sub_row), REAL, REAL, REAL, a - b)
DNB_BINARY_ROW(NAME(mul_row), REAL, REAL, REAL, (a) * (b))
DNB_BINARY_ROW(NAME(div_row), REAL, REAL, REAL, a / b)
/* ONNX's Mod on floats is C's fmod; powers of a float by a float and by an integer. */
DNB_BINARY_ROW(NAME(fmod_row), REAL, REAL, REAL, fmod((double)a, (double)b))
DNB_BINARY_ROW(NAME(pow_row), REAL, REAL, REAL, pow((double)a, (double)b))
DNB_BINARY_ROW(NAME(pow_i64_row), REAL, REAL, int64_t, pow((double)a, (double)b))
DNB_BINARY_ROW(NAME(pow_u64_row), REAL, REAL, uint64_t, pow((double)a, (double)b))
/* An integer to a float's power is an integer: what lies beyond is the nearest there is. */
DNB_BINARY_ROW(NAME(i64_pow_row), int64_t, int64_t, REAL, dnb_to_i64(pow((double)a, (double)b)))
DNB_BINARY_ROW(NAME(u64_pow_row), uint64_t, uint64_t, REAL, dnb_to_u64(pow((double)a, (double)b)))
