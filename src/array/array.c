/* Array storage and element-type conversion. */
#include "dnnbrain/array.h"

#include <stdio.h>
#include <string.h>

#include "array/half.h"
#include "base/mem.h"

static const struct {
    const char *name;
    size_t size;
} dtypes[DNB_DTYPE_COUNT] = {
    [DNB_F32] = {"float32", 4},   [DNB_F64] = {"float64", 8}, [DNB_I32] = {"int32", 4},
    [DNB_I64] = {"int64", 8},     [DNB_U8] = {"uint8", 1},    [DNB_I8] = {"int8", 1},
    [DNB_I16] = {"int16", 2},     [DNB_U16] = {"uint16", 2},  [DNB_U32] = {"uint32", 4},
    [DNB_U64] = {"uint64", 8},    [DNB_BOOL] = {"bool", 1},   [DNB_F16] = {"float16", 2},
    [DNB_BF16] = {"bfloat16", 2},
};

size_t dnb_dtype_size(dnb_dtype t)
{
    return (unsigned)t < DNB_DTYPE_COUNT ? dtypes[t].size : 0;
}

const char *dnb_dtype_name(dnb_dtype t)
{
    return (unsigned)t < DNB_DTYPE_COUNT ? dtypes[t].name : "unknown";
}

dnb_status dnb_array_init(dnb_array *a, dnb_dtype t, int ndim, const size_t *shape, dnb_err *err)
{
    dnb_array b = {.dtype = t, .ndim = ndim, .owned = true};
    size_t bytes = dnb_dtype_size(t);
    char text[128];
    if (bytes == 0 || ndim < 0 || ndim > DNB_MAX_DIMS)
        return dnb_fail(err, DNB_EARG, "array of %d dimensions and type %s is not supported", ndim,
                        dnb_dtype_name(t));
    for (int i = 0; i < ndim; i++)
        b.shape[i] = shape[i];
    for (int i = 0; i < ndim; i++)
        if (!dnb_mul_size(&bytes, bytes, shape[i]))
            return dnb_fail(err, DNB_ENOMEM, "array of %s elements is too large",
                            dnb_array_shape_text(&b, text, sizeof text));
    b.data = dnb_alloc_aligned(bytes, 1);
    if (!b.data)
        return dnb_fail_memory(err, "array", bytes);
    memset(b.data, 0, bytes);
    *a = b;
    return DNB_OK;
}

void dnb_array_borrow(dnb_array *a, dnb_dtype t, int ndim, const size_t *shape, void *data)
{
    *a = (dnb_array){.dtype = t, .ndim = ndim, .data = data};
    for (int i = 0; i < ndim; i++)
        a->shape[i] = shape[i];
}

void dnb_array_release(dnb_array *a)
{
    if (a->owned)
        dnb_free(a->data);
    *a = (dnb_array){0};
}

size_t dnb_array_count(const dnb_array *a)
{
    size_t n = 1;
    for (int i = 0; i < a->ndim; i++)
        n *= a->shape[i];
    return n;
}

size_t dnb_array_bytes(const dnb_array *a)
{
    return dnb_array_count(a) * dnb_dtype_size(a->dtype);
}

char *dnb_array_shape_text(const dnb_array *a, char *buf, size_t size)
{
    size_t at = 0;
    snprintf(buf, size, "scalar");
    for (int i = 0; i < a->ndim && at < size; i++) {
        int n = snprintf(buf + at, size - at, "%s%zu", i ? "x" : "", a->shape[i]);
        at += n > 0 ? (size_t)n : 0;
    }
    return buf;
}

/* Integers pass through int64/uint64, everything else through double: exact for every pair whose
 * value is representable in the target. */
static double load_double(const void *p, dnb_dtype t, size_t i)
{
    switch (t) {
    case DNB_F32:
        return ((const float *)p)[i];
    case DNB_F64:
        return ((const double *)p)[i];
    case DNB_I32:
        return ((const int32_t *)p)[i];
    case DNB_I64:
        return (double)((const int64_t *)p)[i];
    case DNB_U8:
        return ((const uint8_t *)p)[i];
    case DNB_I8:
        return ((const int8_t *)p)[i];
    case DNB_I16:
        return ((const int16_t *)p)[i];
    case DNB_U16:
        return ((const uint16_t *)p)[i];
    case DNB_U32:
        return ((const uint32_t *)p)[i];
    case DNB_U64:
        return (double)((const uint64_t *)p)[i];
    case DNB_BOOL:
        return ((const uint8_t *)p)[i] != 0;
    case DNB_F16:
        return dnb_half_to_float(((const uint16_t *)p)[i]);
    case DNB_BF16:
        return dnb_bfloat_to_float(((const uint16_t *)p)[i]);
    default:
        return 0;
    }
}

static uint64_t load_integer(const void *p, dnb_dtype t, size_t i)
{
    switch (t) {
    case DNB_I32:
        return (uint64_t)(int64_t)((const int32_t *)p)[i];
    case DNB_I64:
        return (uint64_t)((const int64_t *)p)[i];
    case DNB_U64:
        return ((const uint64_t *)p)[i];
    case DNB_I8:
        return (uint64_t)(int64_t)((const int8_t *)p)[i];
    case DNB_I16:
        return (uint64_t)(int64_t)((const int16_t *)p)[i];
    default:
        return (uint64_t)(int64_t)load_double(p, t, i); /* small unsigned types and bool */
    }
}

static bool is_float(dnb_dtype t)
{
    return t == DNB_F32 || t == DNB_F64 || t == DNB_F16 || t == DNB_BF16;
}

/* A double as an integer; out-of-range and NaN are pinned instead of undefined. */
static uint64_t double_to_integer(double v)
{
    if (!(v > -0x1p63))
        return (uint64_t)INT64_MIN * (v == v);
    if (v >= 0x1p64)
        return UINT64_MAX;
    return v < 0 ? (uint64_t)(int64_t)v : (uint64_t)v;
}

static void store_integer(void *p, dnb_dtype t, size_t i, uint64_t v)
{
    switch (t) {
    case DNB_I32:
    case DNB_U32:
        ((uint32_t *)p)[i] = (uint32_t)v;
        break;
    case DNB_I64:
    case DNB_U64:
        ((uint64_t *)p)[i] = v;
        break;
    case DNB_U8:
    case DNB_I8:
        ((uint8_t *)p)[i] = (uint8_t)v;
        break;
    case DNB_I16:
    case DNB_U16:
        ((uint16_t *)p)[i] = (uint16_t)v;
        break;
    default:
        break;
    }
}

static void store_double(void *p, dnb_dtype t, size_t i, double v)
{
    switch (t) {
    case DNB_F32:
        ((float *)p)[i] = (float)v;
        break;
    case DNB_F64:
        ((double *)p)[i] = v;
        break;
    case DNB_BOOL:
        ((uint8_t *)p)[i] = v != 0;
        break;
    case DNB_F16:
        ((uint16_t *)p)[i] = dnb_float_to_half((float)v);
        break;
    case DNB_BF16:
        ((uint16_t *)p)[i] = dnb_float_to_bfloat((float)v);
        break;
    default:
        store_integer(p, t, i, double_to_integer(v));
        break;
    }
}

dnb_status dnb_array_convert(dnb_array *out, const dnb_array *a, dnb_dtype t, dnb_err *err)
{
    dnb_array b = {0};
    dnb_status status = dnb_array_init(&b, t, a->ndim, a->shape, err);
    if (status != DNB_OK)
        return status;
    size_t n = dnb_array_count(a);
    if (t == a->dtype)
        memcpy(b.data, a->data, dnb_array_bytes(a));
    else if (!is_float(a->dtype) && !is_float(t) && t != DNB_BOOL)
        for (size_t i = 0; i < n; i++)
            store_integer(b.data, t, i, load_integer(a->data, a->dtype, i));
    else
        for (size_t i = 0; i < n; i++)
            store_double(b.data, t, i, load_double(a->data, a->dtype, i));
    *out = b;
    return DNB_OK;
}
