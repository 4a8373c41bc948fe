/* NumPy's .npy: a magic, a Python literal that describes the array, the raw values.
 * Layout: numpy.lib.format's documentation (versions 1.0, 2.0 and 3.0 differ in the width of the
 * header's length and its encoding only). */
#include "array/npy.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/outfile.h"

enum { MAGIC_SIZE = 8, HEADER_LIMIT = 1 << 20 };
static const char magic[6] = {'\x93', 'N', 'U', 'M', 'P', 'Y'};

/* What the header says. */
typedef struct layout {
    dnb_dtype dtype;
    bool swap, fortran;
    int ndim;
    size_t shape[DNB_MAX_DIMS];
} layout;

/* The header text being read, and the name for messages. */
typedef struct cursor {
    const char *at, *end;
    const char *name;
    dnb_err *err;
} cursor;

static bool host_is_little(void)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 1;
}

static dnb_status bad_header(const cursor *c, const char *what)
{
    return dnb_fail(c->err, DNB_EFORMAT, "%s: broken .npy header: %s", c->name, what);
}

static void skip_blanks(cursor *c)
{
    while (c->at < c->end && isspace((unsigned char)*c->at))
        c->at++;
}

/* Takes the character ch if it comes next. */
static bool take(cursor *c, char ch)
{
    skip_blanks(c);
    if (c->at >= c->end || *c->at != ch)
        return false;
    c->at++;
    return true;
}

/* Takes a quoted string; its inside is text[0..len). */
static bool take_string(cursor *c, const char **text, size_t *len)
{
    skip_blanks(c);
    if (c->at >= c->end || (*c->at != '\'' && *c->at != '"'))
        return false;
    const char *start = c->at + 1;
    const char *stop = memchr(start, *c->at, (size_t)(c->end - start));
    if (!stop)
        return false;
    *text = start;
    *len = (size_t)(stop - start);
    c->at = stop + 1;
    return true;
}

static bool is_word(const char *text, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(text, word, len) == 0;
}

/* '<f4', '|u1', '>i8', ... */
static dnb_status parse_descr(cursor *c, layout *l)
{
    static const struct {
        const char *code;
        dnb_dtype dtype;
    } codes[] = {{"f2", DNB_F16}, {"f4", DNB_F32}, {"f8", DNB_F64}, {"i1", DNB_I8},
                 {"i2", DNB_I16}, {"i4", DNB_I32}, {"i8", DNB_I64}, {"u1", DNB_U8},
                 {"u2", DNB_U16}, {"u4", DNB_U32}, {"u8", DNB_U64}, {"b1", DNB_BOOL}};
    const char *text;
    size_t len;
    skip_blanks(c);
    if (c->at < c->end && *c->at == '[')
        return dnb_fail(c->err, DNB_EUNSUPPORTED,
                        "%s: a structured array; save a plain array of numbers", c->name);
    if (!take_string(c, &text, &len))
        return bad_header(c, "'descr' is not a text");
    char order = len ? text[0] : '\0';
    size_t skip = order == '<' || order == '>' || order == '|' || order == '=';
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (!is_word(text + skip, len - skip, codes[i].code))
            continue;
        l->dtype = codes[i].dtype;
        l->swap = dnb_dtype_size(l->dtype) > 1 &&
                  ((order == '<' && !host_is_little()) || (order == '>' && host_is_little()));
        return DNB_OK;
    }
    return dnb_fail(c->err, DNB_EUNSUPPORTED,
                    "%s: element type '%.*s' is not supported; save real numbers (float16..64, "
                    "int8..64, uint8..64, bool)",
                    c->name, len > 40 ? 40 : (int)len, text);
}

static dnb_status parse_order(cursor *c, layout *l)
{
    skip_blanks(c);
    size_t left = (size_t)(c->end - c->at);
    if (left >= 4 && memcmp(c->at, "True", 4) == 0) {
        l->fortran = true;
        c->at += 4;
        return DNB_OK;
    }
    if (left >= 5 && memcmp(c->at, "False", 5) == 0) {
        l->fortran = false;
        c->at += 5;
        return DNB_OK;
    }
    return bad_header(c, "'fortran_order' is neither True nor False");
}

static dnb_status parse_shape(cursor *c, layout *l)
{
    l->ndim = 0;
    if (!take(c, '('))
        return bad_header(c, "'shape' is not a tuple");
    while (!take(c, ')')) {
        size_t n = 0;
        skip_blanks(c);
        if (c->at >= c->end || !isdigit((unsigned char)*c->at))
            return bad_header(c, "'shape' holds something other than whole numbers");
        for (; c->at < c->end && isdigit((unsigned char)*c->at); c->at++)
            if (!dnb_mul_size(&n, n, 10) || !dnb_add_size(&n, n, (size_t)(*c->at - '0')))
                return bad_header(c, "'shape' holds a number beyond 64 bits");
        if (c->at < c->end && *c->at == 'L') /* Python 2's long */
            c->at++;
        if (l->ndim == DNB_MAX_DIMS)
            return dnb_fail(c->err, DNB_EUNSUPPORTED, "%s: more than %d dimensions", c->name,
                            DNB_MAX_DIMS);
        l->shape[l->ndim++] = n;
        if (!take(c, ',')) {
            if (!take(c, ')'))
                return bad_header(c, "'shape' is not closed");
            break;
        }
    }
    return DNB_OK;
}

/* {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } */
static dnb_status parse_header(cursor *c, layout *l)
{
    bool seen[3] = {false};
    if (!take(c, '{'))
        return bad_header(c, "no '{'");
    while (!take(c, '}')) {
        const char *key;
        size_t len;
        if (!take_string(c, &key, &len) || !take(c, ':'))
            return bad_header(c, "expected 'key': value");
        dnb_status status;
        if (is_word(key, len, "descr")) {
            status = parse_descr(c, l);
            seen[0] = true;
        } else if (is_word(key, len, "fortran_order")) {
            status = parse_order(c, l);
            seen[1] = true;
        } else if (is_word(key, len, "shape")) {
            status = parse_shape(c, l);
            seen[2] = true;
        } else {
            return bad_header(c, "an unknown key");
        }
        if (status != DNB_OK)
            return status;
        if (!take(c, ',')) {
            if (!take(c, '}'))
                return bad_header(c, "no '}'");
            break;
        }
    }
    if (!seen[0] || !seen[1] || !seen[2])
        return bad_header(c, "'descr', 'fortran_order' or 'shape' is missing");
    return DNB_OK;
}

/* Reads n bytes or says why not. */
static dnb_status read_exact(void *buf, size_t n, FILE *f, const char *name, dnb_err *err)
{
    if (fread(buf, 1, n, f) == n)
        return DNB_OK;
    if (ferror(f))
        return dnb_fail(err, DNB_EIO, "%s: cannot read: %s", name, strerror(errno));
    return dnb_fail(err, DNB_EFORMAT, "%s: the .npy file ends early; it was cut off", name);
}

static dnb_status read_layout(layout *l, FILE *f, size_t *left, const char *name, dnb_err *err)
{
    dnb_status status = DNB_OK;
    unsigned char lead[MAGIC_SIZE + 4];
    char *text = NULL;
    DNB_TRY(read_exact(lead, MAGIC_SIZE, f, name, err));
    if (memcmp(lead, magic, sizeof magic) != 0) {
        status = dnb_fail(err, DNB_EFORMAT, "%s: not a .npy file", name);
        goto done;
    }
    if (lead[6] < 1 || lead[6] > 3) {
        status = dnb_fail(err, DNB_EUNSUPPORTED, "%s: .npy format %d.%d; 1, 2 and 3 are known",
                          name, lead[6], lead[7]);
        goto done;
    }
    size_t width = lead[6] == 1 ? 2 : 4, len = 0;
    DNB_TRY(read_exact(lead + MAGIC_SIZE, width, f, name, err));
    for (size_t i = 0; i < width; i++)
        len |= (size_t)lead[MAGIC_SIZE + i] << 8 * i;
    if (len > HEADER_LIMIT) {
        status = dnb_fail(err, DNB_EFORMAT, "%s: a .npy header of %zu bytes is absurd", name, len);
        goto done;
    }
    DNB_NEW(text, len + 1, "npy header");
    DNB_TRY(read_exact(text, len, f, name, err));
    *left -= MAGIC_SIZE + width + len; /* all of it was there to be read */
    cursor c = {.at = text, .end = text + len, .name = name, .err = err};
    status = parse_header(&c, l);
done:
    dnb_free(text);
    return status;
}

/* Reverses the bytes of each of n elements. */
static void swap_bytes(unsigned char *p, size_t n, size_t size)
{
    for (size_t i = 0; i < n; i++, p += size)
        for (size_t k = 0; k < size / 2; k++) {
            unsigned char t = p[k];
            p[k] = p[size - 1 - k];
            p[size - 1 - k] = t;
        }
}

/* Fortran order to C order: dst walks in its own order, src strides along. */
static void reorder(dnb_array *dst, const unsigned char *src)
{
    size_t size = dnb_dtype_size(dst->dtype), count = dnb_array_count(dst);
    size_t stride[DNB_MAX_DIMS], at[DNB_MAX_DIMS] = {0}, from = 0;
    unsigned char *to = dst->data;
    int last = dst->ndim - 1;
    stride[0] = size;
    for (int i = 1; i < dst->ndim; i++)
        stride[i] = stride[i - 1] * dst->shape[i - 1];
    for (size_t k = 0; k < count; k++, to += size) {
        memcpy(to, src + from, size);
        from += stride[last];
        for (int i = last; ++at[i] == dst->shape[i] && i > 0; i--) {
            at[i] = 0;
            from += stride[i - 1] - stride[i] * dst->shape[i];
        }
    }
}

dnb_status dnb_npy_read_stream(dnb_array *out, FILE *f, size_t size, const char *name, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_array a = {0}, ordered = {0};
    layout l = {0};
    size_t bytes, left = size;
    DNB_TRY(read_layout(&l, f, &left, name, err));
    bytes = dnb_dtype_size(l.dtype);
    for (int i = 0; i < l.ndim; i++)
        if (!dnb_mul_size(&bytes, bytes, l.shape[i])) {
            status = dnb_fail(err, DNB_EFORMAT, "%s: the shape in the header overflows", name);
            goto done;
        }
    if (bytes > left) {
        status = dnb_fail(err, DNB_EFORMAT,
                          "%s: the header promises %zu bytes of values, the file has %zu; it was "
                          "cut off",
                          name, bytes, left);
        goto done;
    }
    DNB_TRY(dnb_array_init(&a, l.dtype, l.ndim, l.shape, err));
    DNB_TRY(read_exact(a.data, bytes, f, name, err));
    if (l.swap)
        swap_bytes(a.data, dnb_array_count(&a), dnb_dtype_size(l.dtype));
    if (l.fortran && l.ndim > 1) {
        DNB_TRY(dnb_array_init(&ordered, l.dtype, l.ndim, l.shape, err));
        reorder(&ordered, a.data);
        *out = ordered;
        ordered = (dnb_array){0};
    } else {
        *out = a;
        a = (dnb_array){0};
    }
done:
    dnb_array_release(&a);
    dnb_array_release(&ordered);
    return status;
}

dnb_status dnb_npy_read(dnb_array *out, const char *path, dnb_err *err)
{
    struct stat st;
    FILE *f = fopen(path, "rb");
    if (!f || fstat(fileno(f), &st) != 0) {
        dnb_status status = dnb_fail(err, DNB_EIO, "%s: cannot open: %s", path, strerror(errno));
        if (f)
            fclose(f);
        return status;
    }
    dnb_status status = S_ISREG(st.st_mode)
                            ? dnb_npy_read_stream(out, f, (size_t)st.st_size, path, err)
                            : dnb_fail(err, DNB_EIO, "%s: is not a regular file", path);
    fclose(f);
    return status;
}

size_t dnb_npy_header(const dnb_array *a, char buf[DNB_NPY_HEADER_MAX])
{
    static const char *const codes[DNB_DTYPE_COUNT] = {
        [DNB_F32] = "f4", [DNB_F64] = "f8", [DNB_I32] = "i4",  [DNB_I64] = "i8",
        [DNB_U8] = "u1",  [DNB_I8] = "i1",  [DNB_I16] = "i2",  [DNB_U16] = "u2",
        [DNB_U32] = "u4", [DNB_U64] = "u8", [DNB_BOOL] = "b1", [DNB_F16] = "f2",
    };
    const char *code = (unsigned)a->dtype < DNB_DTYPE_COUNT ? codes[a->dtype] : NULL;
    char shape[DNB_MAX_DIMS * 22 + 2] = "";
    size_t at = 0;
    if (!code)
        return 0;
    for (int i = 0; i < a->ndim; i++)
        at += (size_t)snprintf(shape + at, sizeof shape - at, i ? " %zu," : "%zu,", a->shape[i]);
    if (a->ndim > 1)
        shape[at - 1] = '\0'; /* only (3,) keeps its comma */
    char order = dnb_dtype_size(a->dtype) == 1 ? '|' : host_is_little() ? '<' : '>';
    enum { LEAD = MAGIC_SIZE + 2 };
    int text =
        snprintf(buf + LEAD, DNB_NPY_HEADER_MAX - LEAD,
                 "{'descr': '%c%s', 'fortran_order': False, 'shape': (%s), }", order, code, shape);
    size_t total = (LEAD + (size_t)text + 1 + 63) / 64 * 64;
    memset(buf + LEAD + text, ' ', total - LEAD - (size_t)text);
    buf[total - 1] = '\n';
    memcpy(buf, magic, sizeof magic);
    buf[6] = 1;
    buf[7] = 0;
    buf[8] = (char)((total - LEAD) & 0xff);
    buf[9] = (char)((total - LEAD) >> 8);
    return total;
}

dnb_status dnb_npy_write(const dnb_array *a, const char *path, dnb_err *err)
{
    char header[DNB_NPY_HEADER_MAX];
    dnb_outfile *f = NULL;
    size_t len = dnb_npy_header(a, header);
    if (len == 0)
        return dnb_fail(err, DNB_EUNSUPPORTED, "%s: .npy has no type %s; convert to float32 first",
                        path, dnb_dtype_name(a->dtype));
    dnb_status status = dnb_outfile_open(&f, path, err);
    if (status != DNB_OK)
        return status;
    status = dnb_outfile_write(f, header, len, err);
    if (status == DNB_OK)
        status = dnb_outfile_write(f, a->data, dnb_array_bytes(a), err);
    if (status != DNB_OK) {
        dnb_outfile_abort(f);
        return status;
    }
    return dnb_outfile_commit(f, err);
}
