/* Conversion between stored voxel types and double/float: one loop per type, made by macros so that
 * the compiler can vectorise each. */
#include "neuro/voxels.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "dnnbrain/nifti.h"

/* X(datatype code, C type, integer?, smallest, one past the largest): a value r fits when lo <= r <
 * hi, bounds that are exact in double for 64-bit types too. Float types have no such bounds (see
 * fits_float). */
#define VOXEL_TYPES(X)                                                                             \
    X(DNB_NIFTI_UINT8, uint8_t, 1, 0.0, 0x1p8)                                                     \
    X(DNB_NIFTI_INT16, int16_t, 1, -0x1p15, 0x1p15)                                                \
    X(DNB_NIFTI_INT32, int32_t, 1, -0x1p31, 0x1p31)                                                \
    X(DNB_NIFTI_FLOAT32, float, 0, 0.0, 0.0)                                                       \
    X(DNB_NIFTI_FLOAT64, double, 0, 0.0, 0.0)                                                      \
    X(DNB_NIFTI_INT8, int8_t, 1, -0x1p7, 0x1p7)                                                    \
    X(DNB_NIFTI_UINT16, uint16_t, 1, 0.0, 0x1p16)                                                  \
    X(DNB_NIFTI_UINT32, uint32_t, 1, 0.0, 0x1p32)                                                  \
    X(DNB_NIFTI_INT64, int64_t, 1, -0x1p63, 0x1p63)                                                \
    X(DNB_NIFTI_UINT64, uint64_t, 1, 0.0, 0x1p64)

size_t dnb_voxel_size(int datatype)
{
    switch (datatype) {
#define X(code, T, integer, lo, hi)                                                                \
    case code:                                                                                     \
        return sizeof(T);
        VOXEL_TYPES(X)
#undef X
    default:
        return 0;
    }
}

const char *dnb_voxel_type_name(int datatype)
{
    switch (datatype) {
    case DNB_NIFTI_UINT8:
        return "UINT8";
    case DNB_NIFTI_INT16:
        return "INT16";
    case DNB_NIFTI_INT32:
        return "INT32";
    case DNB_NIFTI_FLOAT32:
        return "FLOAT32";
    case DNB_NIFTI_FLOAT64:
        return "FLOAT64";
    case DNB_NIFTI_INT8:
        return "INT8";
    case DNB_NIFTI_UINT16:
        return "UINT16";
    case DNB_NIFTI_UINT32:
        return "UINT32";
    case DNB_NIFTI_INT64:
        return "INT64";
    case DNB_NIFTI_UINT64:
        return "UINT64";
    case 1:
        return "BINARY";
    case 32:
        return "COMPLEX64";
    case 128:
        return "RGB24";
    case 1536:
        return "FLOAT128";
    case 1792:
        return "COMPLEX128";
    case 2048:
        return "COMPLEX256";
    case 2304:
        return "RGBA32";
    default:
        return "unknown";
    }
}

/* Through memcpy: the block is read as another type afterwards. Compilers make one byte-swap of it.
 */
#define SWAP(T, expression)                                                                        \
    for (size_t i = 0; i < n; i++) {                                                               \
        T v;                                                                                       \
        memcpy(&v, p + i * sizeof v, sizeof v);                                                    \
        v = (T)(expression);                                                                       \
        memcpy(p + i * sizeof v, &v, sizeof v);                                                    \
    }

static inline uint32_t swap32(uint32_t v)
{
    return v >> 24 | (v >> 8 & 0xff00u) | (v << 8 & 0xff0000u) | v << 24;
}

void dnb_voxel_swap(void *raw, size_t n, size_t size)
{
    unsigned char *p = raw;
    if (size == 2)
        SWAP(uint16_t, v >> 8 | v << 8)
    else if (size == 4)
        SWAP(uint32_t, swap32(v))
    else if (size == 8)
        SWAP(uint64_t, (uint64_t)swap32((uint32_t)v) << 32 | swap32((uint32_t)(v >> 32)))
}

static inline double scale(double v, const dnb_voxel_format *f)
{
    if (f->slope != 1.0)
        v *= f->slope;
    if (f->inter != 0.0)
        v += f->inter;
    return v;
}

#define LOAD(T, OUT)                                                                               \
    do {                                                                                           \
        const T *p = raw;                                                                          \
        if (f->scaled)                                                                             \
            for (size_t j = 0; j < n; j++)                                                         \
                out[j] = (OUT)scale((double)p[j], f);                                              \
        else                                                                                       \
            for (size_t j = 0; j < n; j++)                                                         \
                out[j] = (OUT)p[j];                                                                \
    } while (0)

#define PICK(T, OUT)                                                                               \
    do {                                                                                           \
        const T *p = raw;                                                                          \
        if (f->scaled)                                                                             \
            for (size_t j = 0; j < n; j++)                                                         \
                out[pick[j].to] = (OUT)scale((double)p[pick[j].at - base], f);                     \
        else                                                                                       \
            for (size_t j = 0; j < n; j++)                                                         \
                out[pick[j].to] = (OUT)p[pick[j].at - base];                                       \
    } while (0)

#define LOAD64(code, T, integer, lo, hi)                                                           \
    case code:                                                                                     \
        LOAD(T, double);                                                                           \
        break;
#define LOAD32(code, T, integer, lo, hi)                                                           \
    case code:                                                                                     \
        LOAD(T, float);                                                                            \
        break;
#define PICK64(code, T, integer, lo, hi)                                                           \
    case code:                                                                                     \
        PICK(T, double);                                                                           \
        break;
#define PICK32(code, T, integer, lo, hi)                                                           \
    case code:                                                                                     \
        PICK(T, float);                                                                            \
        break;

void dnb_voxel_load_f64(const dnb_voxel_format *f, const void *raw, size_t n, double *out)
{
    switch (f->datatype) {
        VOXEL_TYPES(LOAD64)
    default:
        break;
    }
}

void dnb_voxel_load_f32(const dnb_voxel_format *f, const void *raw, size_t n, float *out)
{
    switch (f->datatype) {
        VOXEL_TYPES(LOAD32)
    default:
        break;
    }
}

void dnb_voxel_pick_f64(const dnb_voxel_format *f, const void *raw, const dnb_voxel_pick *pick,
                        size_t base, size_t n, double *out)
{
    switch (f->datatype) {
        VOXEL_TYPES(PICK64)
    default:
        break;
    }
}

void dnb_voxel_pick_f32(const dnb_voxel_format *f, const void *raw, const dnb_voxel_pick *pick,
                        size_t base, size_t n, float *out)
{
    switch (f->datatype) {
        VOXEL_TYPES(PICK32)
    default:
        break;
    }
}

static inline double unscale(double v, const dnb_voxel_format *f)
{
    if (!f->scaled)
        return v;
    return (v - f->inter) / f->slope;
}

/* A finite value must not turn into infinity on its way to float. */
static inline bool fits_float(double v, size_t size)
{
    return size == sizeof(double) || !isfinite(v) || fabs(v) <= FLT_MAX;
}

#define STORE(T, integer, lo, hi)                                                                  \
    do {                                                                                           \
        T *p = raw;                                                                                \
        for (size_t j = 0; j < n; j++) {                                                           \
            double v = unscale((double)values[j], f);                                              \
            if (integer)                                                                           \
                v = rint(v);                                                                       \
            if (integer ? !(v >= (lo) && v < (hi)) : !fits_float(v, sizeof(T))) {                  \
                *bad = j;                                                                          \
                return false;                                                                      \
            }                                                                                      \
            p[j] = (T)v;                                                                           \
        }                                                                                          \
        return true;                                                                               \
    } while (0)

#define STORE_CASE(code, T, integer, lo, hi)                                                       \
    case code:                                                                                     \
        STORE(T, integer, lo, hi);

bool dnb_voxel_store_f64(const dnb_voxel_format *f, const double *values, size_t n, void *raw,
                         size_t *bad)
{
    switch (f->datatype) {
        VOXEL_TYPES(STORE_CASE)
    default:
        *bad = 0;
        return false;
    }
}

bool dnb_voxel_store_f32(const dnb_voxel_format *f, const float *values, size_t n, void *raw,
                         size_t *bad)
{
    switch (f->datatype) {
        VOXEL_TYPES(STORE_CASE)
    default:
        *bad = 0;
        return false;
    }
}
