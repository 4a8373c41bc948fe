/* The storage forms of an ONNX tensor: raw bytes, typed lists, or a piece of another file. */
#include "net/onnx_tensor.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "net/bytes.h"

/* How a data_type is kept. */
typedef enum list_kind {
    LIST_NONE,
    LIST_FLOAT,
    LIST_INT32,
    LIST_INT64,
    LIST_DOUBLE,
    LIST_UINT64
} list_kind;

static const struct {
    const char *name;
    dnb_dtype dtype;
    list_kind list; /* NONE = a type we do not read */
} types[] = {
    [0] = {"undefined", DNB_F32, LIST_NONE},   [1] = {"float", DNB_F32, LIST_FLOAT},
    [2] = {"uint8", DNB_U8, LIST_INT32},       [3] = {"int8", DNB_I8, LIST_INT32},
    [4] = {"uint16", DNB_U16, LIST_INT32},     [5] = {"int16", DNB_I16, LIST_INT32},
    [6] = {"int32", DNB_I32, LIST_INT32},      [7] = {"int64", DNB_I64, LIST_INT64},
    [8] = {"string", DNB_F32, LIST_NONE},      [9] = {"bool", DNB_BOOL, LIST_INT32},
    [10] = {"float16", DNB_F16, LIST_INT32},   [11] = {"double", DNB_F64, LIST_DOUBLE},
    [12] = {"uint32", DNB_U32, LIST_UINT64},   [13] = {"uint64", DNB_U64, LIST_UINT64},
    [14] = {"complex64", DNB_F32, LIST_NONE},  [15] = {"complex128", DNB_F32, LIST_NONE},
    [16] = {"bfloat16", DNB_BF16, LIST_INT32},
};
#define N_TYPES ((int32_t)(sizeof types / sizeof types[0]))

bool dnb_onnx_dtype(int32_t data_type, dnb_dtype *out)
{
    if (data_type < 0 || data_type >= N_TYPES || types[data_type].list == LIST_NONE)
        return false;
    *out = types[data_type].dtype;
    return true;
}

typedef struct reader {
    Onnx__Tensor *t;
    const char *name;
    const dnb_onnx_source *from;
    dnb_err *err;
} reader;

static dnb_status bad(const reader *r, const char *what)
{
    return dnb_fail(r->err, DNB_EFORMAT, "%s: tensor '%.200s' %s", r->from->name, r->name, what);
}

/* Type and shape into a (no data yet); *count = number of elements. */
static dnb_status read_shape(const reader *r, dnb_array *a, size_t *count)
{
    const Onnx__Tensor *t = r->t;
    if (t->data_type < 0 || t->data_type >= N_TYPES || types[t->data_type].list == LIST_NONE)
        return dnb_fail(
            r->err, DNB_EUNSUPPORTED,
            "%s: tensor '%.200s' has element type %s, which is unsupported", r->from->name, r->name,
            t->data_type >= 0 && t->data_type < N_TYPES ? types[t->data_type].name : "unknown");
    if (t->n_dims > DNB_MAX_DIMS)
        return bad(r, "has more than 8 dimensions");
    *a = (dnb_array){.dtype = types[t->data_type].dtype, .ndim = (int)t->n_dims, .owned = true};
    size_t n = dnb_dtype_size(a->dtype);
    for (size_t i = 0; i < t->n_dims; i++) {
        if (t->dims[i] < 0)
            return bad(r, "has a negative dimension");
        a->shape[i] = (size_t)t->dims[i];
        if (!dnb_mul_size(&n, n, a->shape[i] ? a->shape[i] : 1))
            return bad(r, "has absurdly large dimensions");
    }
    *count = dnb_array_count(a);
    return DNB_OK;
}

static dnb_status wrong_count(const reader *r, const dnb_array *a, size_t have, const char *unit)
{
    char text[200];
    return dnb_fail(r->err, DNB_EFORMAT, "%s: tensor '%.200s' (%s %s) has %zu %s of data",
                    r->from->name, r->name, dnb_array_shape_text(a, text, sizeof text),
                    dnb_dtype_name(a->dtype), have, unit);
}

static dnb_status allocate(const reader *r, dnb_array *a, size_t count)
{
    a->data = dnb_alloc_aligned(count, dnb_dtype_size(a->dtype));
    return a->data ? DNB_OK : dnb_fail_memory(r->err, r->name, count * dnb_dtype_size(a->dtype));
}

/* ---- other files ---- */

/* Is `file` inside folder `dir`? Both resolved. */
static bool is_below(const char *file, const char *dir)
{
    size_t n = strlen(dir);
    return strncmp(file, dir, n) == 0 && (file[n] == '/' || (n == 1 && dir[0] == '/'));
}

/* The resolved path of data file `location` of model `model`, when it lies in the model's folder:
 * the folder the model is named in, or, where the model is a symbolic link, the one it really lies
 * in. */
static dnb_status locate(const reader *r, const char *location, char **out)
{
    dnb_status status = DNB_OK;
    char *dir = NULL, *path = NULL, *file = NULL, *home = NULL, *model = NULL, *real_dir = NULL;
    if (location[0] == '\0' || location[0] == '/') {
        status = bad(r, "is kept in a file that must be named relative to the model");
        goto done;
    }
    dir = dnb_path_dir(r->from->name);
    path = dir ? dnb_path_join(dir, location) : NULL;
    if (!path) {
        status = dnb_fail_memory(r->err, r->name, strlen(location));
        goto done;
    }
    file = realpath(path, NULL);
    if (!file) {
        status = dnb_fail(r->err, DNB_EIO, "%s: tensor '%.200s' is kept in %s: %s", r->from->name,
                          r->name, path, strerror(errno));
        goto done;
    }
    home = realpath(dir, NULL);
    model = realpath(r->from->name, NULL);
    real_dir = model ? dnb_path_dir(model) : NULL;
    if ((!home || !is_below(file, home)) && (!real_dir || !is_below(file, real_dir))) {
        status =
            dnb_fail(r->err, DNB_EFORMAT,
                     "%s: tensor '%.200s' is kept in '%.200s', outside the model's folder; refused",
                     r->from->name, r->name, location);
        goto done;
    }
    *out = path;
    path = NULL;
done:
    dnb_free(dir);
    dnb_free(path);
    dnb_free(real_dir);
    free(file); /* realpath allocates by itself */
    free(home);
    free(model);
    return status;
}

static bool parse_size(const char *s, size_t *out)
{
    char *end;
    errno = 0;
    unsigned long long v = strtoull(s, &end, 10);
    if (end == s || *end || errno || s[0] == '-')
        return false;
    *out = (size_t)v;
    return true;
}

static dnb_status read_external(const reader *r, dnb_array *a, size_t count)
{
    dnb_status status = DNB_OK;
    const char *location = "";
    size_t offset = 0, bytes = count * dnb_dtype_size(a->dtype), length = bytes;
    char *path = NULL;
    dnb_bytes file = {0};
    for (size_t i = 0; i < r->t->n_external_data; i++) {
        const Onnx__Entry *e = r->t->external_data[i];
        if (strcmp(e->key, "location") == 0)
            location = e->value;
        else if ((strcmp(e->key, "offset") == 0 && !parse_size(e->value, &offset)) ||
                 (strcmp(e->key, "length") == 0 && !parse_size(e->value, &length)))
            return bad(r, "has a broken reference to its data file");
    }
    if (length != bytes)
        return wrong_count(r, a, length, "bytes");
    if (r->from->from_memory)
        return bad(r, "is kept in another file");
    DNB_TRY(locate(r, location, &path));
    DNB_TRY(dnb_bytes_open(&file, path, r->err));
    if (offset > file.size || bytes > file.size - offset) {
        status = dnb_fail(r->err, DNB_EFORMAT,
                          "%s: truncated: tensor '%.200s' of %s needs %zu bytes at %zu", path,
                          r->name, r->from->name, bytes, offset);
        goto done;
    }
    DNB_TRY(allocate(r, a, count));
    DNB_TRY(dnb_bytes_read(&file, offset, a->data, bytes, r->err));
    if (!dnb_host_is_little())
        dnb_swap_bytes(a->data, count, dnb_dtype_size(a->dtype));
done:
    dnb_bytes_release(&file);
    dnb_free(path);
    return status;
}

/* ---- inside the model ---- */

static dnb_status read_raw(const reader *r, dnb_array *a, size_t count)
{
    ProtobufCBinaryData *raw = &r->t->raw_data;
    if (raw->len != count * dnb_dtype_size(a->dtype))
        return wrong_count(r, a, raw->len, "bytes");
    a->data = raw->data; /* moved, not copied: weights are large */
    *raw = (ProtobufCBinaryData){0};
    if (!dnb_host_is_little())
        dnb_swap_bytes(a->data, count, dnb_dtype_size(a->dtype));
    return DNB_OK;
}

/* Lists whose elements are the array's own: moved. */
#define MOVE_LIST(r, a, count, list)                                                               \
    do {                                                                                           \
        if ((r)->t->n_##list != (count))                                                           \
            return wrong_count((r), (a), (r)->t->n_##list, "elements");                            \
        (a)->data = (r)->t->list;                                                                  \
        (r)->t->list = NULL;                                                                       \
        (r)->t->n_##list = 0;                                                                      \
    } while (0)

/* Small types travel as int32: the low bytes count. */
static dnb_status narrow_int32(const reader *r, dnb_array *a, size_t count)
{
    const Onnx__Tensor *t = r->t;
    if (t->n_int32_data != count)
        return wrong_count(r, a, t->n_int32_data, "elements");
    dnb_status status = allocate(r, a, count);
    if (status != DNB_OK)
        return status;
    switch (dnb_dtype_size(a->dtype)) {
    case 1:
        for (size_t i = 0; i < count; i++)
            ((uint8_t *)a->data)[i] = (uint8_t)t->int32_data[i];
        break;
    case 2:
        for (size_t i = 0; i < count; i++)
            ((uint16_t *)a->data)[i] = (uint16_t)t->int32_data[i];
        break;
    default:
        for (size_t i = 0; i < count; i++)
            ((int32_t *)a->data)[i] = t->int32_data[i];
        break;
    }
    return DNB_OK;
}

static dnb_status read_list(const reader *r, dnb_array *a, size_t count)
{
    dnb_status status = DNB_OK;
    switch (types[r->t->data_type].list) {
    case LIST_FLOAT:
        MOVE_LIST(r, a, count, float_data);
        break;
    case LIST_INT64:
        MOVE_LIST(r, a, count, int64_data);
        break;
    case LIST_DOUBLE:
        MOVE_LIST(r, a, count, double_data);
        break;
    case LIST_INT32:
        return narrow_int32(r, a, count);
    default:
        if (r->t->n_uint64_data != count)
            return wrong_count(r, a, r->t->n_uint64_data, "elements");
        DNB_TRY(allocate(r, a, count));
        for (size_t i = 0; i < count; i++)
            if (a->dtype == DNB_U32)
                ((uint32_t *)a->data)[i] = (uint32_t)r->t->uint64_data[i];
            else
                ((uint64_t *)a->data)[i] = r->t->uint64_data[i];
    }
done:
    return status;
}

dnb_status dnb_onnx_tensor(dnb_array *out, Onnx__Tensor *t, const char *name,
                           const dnb_onnx_source *from, dnb_err *err)
{
    dnb_status status = DNB_OK;
    reader r = {.t = t, .name = name, .from = from, .err = err};
    dnb_array a = {0};
    size_t count = 0;
    DNB_TRY(read_shape(&r, &a, &count));
    if (t->data_location == 1)
        DNB_TRY(read_external(&r, &a, count));
    else if (count == 0)
        DNB_TRY(allocate(&r, &a, 0));
    else if (t->raw_data.len > 0)
        DNB_TRY(read_raw(&r, &a, count));
    else
        DNB_TRY(read_list(&r, &a, count));
    *out = a;
    a = (dnb_array){0};
done:
    dnb_array_release(&a);
    return status;
}
