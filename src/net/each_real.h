/* Compiles the kernel file DNB_KERNELS twice: REAL = float (names end in _f32) and double (_f64).
 * No include guard: each operator family includes it once with its own file. room: net (internal)
 */
#define REAL float
#define NAME(x) x##_f32
#include DNB_KERNELS
#undef REAL
#undef NAME
#define REAL double
#define NAME(x) x##_f64
#include DNB_KERNELS
#undef REAL
#undef NAME
#undef DNB_KERNELS
