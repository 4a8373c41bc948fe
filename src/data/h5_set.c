/* Datasets: what they claim to hold, and reading parts of them. */
#include "data/h5_set.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "data/h5_driver.h"

/* deflate shrinks by 1032:1 at most; a dataset beyond that (and some slack) is a lie about the
 * file. */
enum { MOST_SHRUNK = 1100, CHUNK_ENTRY = 8 /* bytes, at least, to list a chunk */ };
#define SLACK ((uint64_t)64 << 20)

/* Bytes of rows that are read to have a part of each cut out: usual, and to fit a chunk. */
#define BLOCK ((size_t)4 << 20)
#define BLOCK_MOST ((size_t)256 << 20)

/* IEEE half, which HDF5 does not name. Negative on failure. */
static hid_t half_type(H5T_order_t order)
{
    hid_t t = H5Tcopy(H5T_IEEE_F32LE);
    if (t >= 0 && H5Tset_fields(t, 15, 10, 5, 0, 10) >= 0 && H5Tset_size(t, 2) >= 0 &&
        H5Tset_ebias(t, 15) >= 0 && H5Tset_order(t, order) >= 0)
        return t;
    dnb_h5_close(t);
    return -1;
}

/* Which of the plain number types is it, and in whose byte order? */
static bool classify(hid_t t, dnb_dtype *type, bool *native)
{
    const struct {
        hid_t little, big, here;
        dnb_dtype type;
    } known[] = {
        {H5T_IEEE_F32LE, H5T_IEEE_F32BE, H5T_NATIVE_FLOAT, DNB_F32},
        {H5T_IEEE_F64LE, H5T_IEEE_F64BE, H5T_NATIVE_DOUBLE, DNB_F64},
        {H5T_STD_I8LE, H5T_STD_I8BE, H5T_NATIVE_INT8, DNB_I8},
        {H5T_STD_I16LE, H5T_STD_I16BE, H5T_NATIVE_INT16, DNB_I16},
        {H5T_STD_I32LE, H5T_STD_I32BE, H5T_NATIVE_INT32, DNB_I32},
        {H5T_STD_I64LE, H5T_STD_I64BE, H5T_NATIVE_INT64, DNB_I64},
        {H5T_STD_U8LE, H5T_STD_U8BE, H5T_NATIVE_UINT8, DNB_U8},
        {H5T_STD_U16LE, H5T_STD_U16BE, H5T_NATIVE_UINT16, DNB_U16},
        {H5T_STD_U32LE, H5T_STD_U32BE, H5T_NATIVE_UINT32, DNB_U32},
        {H5T_STD_U64LE, H5T_STD_U64BE, H5T_NATIVE_UINT64, DNB_U64},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (H5Tequal(t, known[i].little) > 0 || H5Tequal(t, known[i].big) > 0) {
            *type = known[i].type;
            *native = H5Tequal(t, known[i].here) > 0;
            return true;
        }
    hid_t little = half_type(H5T_ORDER_LE), big = half_type(H5T_ORDER_BE);
    bool half = H5Tequal(t, little) > 0 || H5Tequal(t, big) > 0;
    dnb_h5_close(little);
    dnb_h5_close(big);
    *type = DNB_F16;
    *native = false;
    return half;
}

static const char *class_name(hid_t t)
{
    switch (H5Tget_class(t)) {
    case H5T_STRING:
        return "text";
    case H5T_COMPOUND:
        return "records";
    case H5T_ENUM:
        return "an enumeration (h5py's bool?)";
    case H5T_VLEN:
        return "variable-length lists";
    case H5T_REFERENCE:
        return "references";
    case H5T_INTEGER:
    case H5T_FLOAT:
        return "numbers of an unusual width";
    default:
        return "no numbers";
    }
}

/* Rank and shape; every product that will be asked for is known not to overflow after this. */
static dnb_status describe_shape(const dnb_h5_file *f, hid_t id, dnb_h5_set *s, size_t item,
                                 uint64_t *bytes, dnb_err *err)
{
    dnb_status status = DNB_OK;
    hsize_t dims[H5S_MAX_RANK] = {0};
    size_t total = item;
    hid_t space = H5Dget_space(id);
    int ndim = space < 0 ? -1 : H5Sget_simple_extent_dims(space, dims, NULL);
    if (ndim < 0) {
        status = dnb_h5_bad(f, err, "dataset '%.200s' has no shape", s->name);
        goto done;
    }
    if (ndim < 1 || ndim > DNB_H5_DIMS) {
        status =
            dnb_fail(err, DNB_EFORMAT, "%s: dataset '%.200s' has %d dimensions, expected 1 to %d",
                     f->path, s->name, ndim, DNB_H5_DIMS);
        goto done;
    }
    s->ndim = ndim;
    for (int i = 0; i < DNB_H5_DIMS; i++) {
        hsize_t d = i < ndim ? dims[i] : 1;
        s->shape[i] = (size_t)d;
        if (d > SIZE_MAX || !dnb_mul_size(&total, total, (size_t)d) || total > INT64_MAX) {
            status = dnb_fail(err, DNB_EFORMAT,
                              "%s: dataset '%.200s' claims more than 2^63 bytes; the file is "
                              "broken",
                              f->path, s->name);
            goto done;
        }
    }
    *bytes = total;
    if (total == 0)
        status = dnb_fail(err, DNB_EFORMAT, "%s: dataset '%.200s' is empty", f->path, s->name);
done:
    dnb_h5_close(space);
    return status;
}

static dnb_status too_large(const dnb_h5_file *f, const dnb_h5_set *s, uint64_t bytes, dnb_err *err)
{
    return dnb_fail(err, DNB_EFORMAT,
                    "%s: dataset '%.200s' claims %llu bytes, the file has %llu; it is broken or "
                    "was cut off",
                    f->path, s->name, (unsigned long long)bytes, (unsigned long long)f->size);
}

/* Filters: only those that need no plug-in and cannot blow a few bytes up into anything. */
static dnb_status describe_filters(const dnb_h5_file *f, hid_t plist, dnb_h5_set *s, bool native,
                                   dnb_err *err)
{
    int n_filters = H5Pget_nfilters(plist);
    if (n_filters < 0)
        return dnb_h5_bad(f, err, "dataset '%.200s': broken filters", s->name);
    if (n_filters > DNB_H5_FILTERS)
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "%s: dataset '%.200s' has %d filters; at most %d are read, repack it: "
                        "h5repack -f GZIP=4",
                        f->path, s->name, n_filters, DNB_H5_FILTERS);
    s->unpackable = s->unpackable && native;
    for (int i = 0; i < n_filters; i++) {
        unsigned flags = 0, values[1] = {0}, config = 0;
        size_t n_values = 0;
        H5Z_filter_t id =
            H5Pget_filter2(plist, (unsigned)i, &flags, &n_values, values, 0, NULL, &config);
        if (id != H5Z_FILTER_DEFLATE && id != H5Z_FILTER_SHUFFLE && id != H5Z_FILTER_FLETCHER32)
            return dnb_fail(err, DNB_EUNSUPPORTED,
                            "%s: dataset '%.200s' is compressed with filter %d; only gzip "
                            "(with shuffle) is read, repack it: h5repack -f GZIP=4",
                            f->path, s->name, (int)id);
        s->unpackable = s->unpackable && id != H5Z_FILTER_FLETCHER32;
        if (i < DNB_H5_FILTERS)
            s->filters[i] = id;
    }
    s->n_filters = n_filters;
    return DNB_OK;
}

/* The chunks' shape: none may be larger than what the file can unpack to, nor more of them than it
 * can list. */
static dnb_status describe_chunks(const dnb_h5_file *f, hid_t plist, dnb_h5_set *s, uint64_t bytes,
                                  size_t item, dnb_err *err)
{
    uint64_t chunk = item, n_chunks = 1, limit = f->size * MOST_SHRUNK + SLACK;
    if (f->size > UINT64_MAX / MOST_SHRUNK - SLACK)
        limit = UINT64_MAX;
    unsigned options = 0;
    if (H5Pget_chunk_opts(plist, &options) < 0 || options != 0)
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "%s: dataset '%.200s' leaves the chunks at its edges uncompressed; repack "
                        "it: h5repack -f GZIP=4",
                        f->path, s->name);
    s->unpackable = !f->has_user_block;
    if (H5Pget_chunk(plist, DNB_H5_DIMS, s->chunk) != s->ndim)
        return dnb_h5_bad(f, err, "dataset '%.200s': broken chunk layout", s->name);
    if (bytes > limit)
        return too_large(f, s, bytes, err);
    for (int i = 0; i < s->ndim; i++) {
        if (s->chunk[i] == 0 || s->chunk[i] > limit / chunk)
            return too_large(f, s, UINT64_MAX, err);
        chunk *= s->chunk[i];
        n_chunks *= (s->shape[i] - 1) / s->chunk[i] + 1; /* at most the elements: no overflow */
    }
    if (n_chunks > f->size / CHUNK_ENTRY + 4096)
        return dnb_fail(err, DNB_EFORMAT,
                        "%s: dataset '%.200s' claims %llu chunks, more than the file can list; it "
                        "is broken",
                        f->path, s->name, (unsigned long long)n_chunks);
    return DNB_OK;
}

/* Where the values lie. */
static dnb_status describe_storage(const dnb_h5_file *f, hid_t id, dnb_h5_set *s, uint64_t bytes,
                                   bool native, dnb_err *err)
{
    dnb_status status = DNB_OK;
    hid_t plist = H5Dget_create_plist(id);
    H5D_layout_t layout = plist < 0 ? H5D_LAYOUT_ERROR : H5Pget_layout(plist);
    if (layout == H5D_CHUNKED) {
        status = describe_chunks(f, plist, s, bytes, dnb_dtype_size(s->type), err);
        if (status == DNB_OK)
            status = describe_filters(f, plist, s, native, err);
    } else if (layout == H5D_CONTIGUOUS && H5Pget_external_count(plist) == 0) {
        haddr_t at = H5Dget_offset(id);
        H5Eclear2(H5E_DEFAULT); /* no address is no error: nothing was written yet */
        if (bytes > f->size || (at != HADDR_UNDEF && at > f->size - bytes))
            status = too_large(f, s, bytes, err);
        s->direct = native && at != HADDR_UNDEF;
        s->offset = (uint64_t)at;
    } else if (layout == H5D_COMPACT) {
        if (bytes > f->size || H5Dget_storage_size(id) < bytes)
            status = too_large(f, s, bytes, err);
    } else if (layout < 0) {
        status = dnb_h5_bad(f, err, "dataset '%.200s': broken layout", s->name);
    } else {
        status = dnb_fail(err, DNB_EUNSUPPORTED,
                          "%s: dataset '%.200s' keeps its values in other files; copy them in "
                          "with h5repack",
                          f->path, s->name);
    }
    dnb_h5_close(plist);
    return status;
}

dnb_status dnb_h5_describe(const dnb_h5_file *f, hid_t id, dnb_h5_set *s, dnb_err *err)
{
    dnb_status status = DNB_OK;
    bool native = false;
    uint64_t bytes = 0;
    hid_t type = H5Dget_type(id);
    if (type < 0) {
        status = dnb_h5_bad(f, err, "dataset '%.200s' has no type", s->name);
        goto done;
    }
    if (!classify(type, &s->type, &native)) {
        status = dnb_fail(err, DNB_EFORMAT, "%s: dataset '%.200s' holds %s, expected real numbers",
                          f->path, s->name, class_name(type));
        goto done;
    }
    DNB_TRY(describe_shape(f, id, s, dnb_dtype_size(s->type), &bytes, err));
    status = describe_storage(f, id, s, bytes, native, err);
done:
    dnb_h5_close(type);
    return status;
}

size_t dnb_h5_row_items(const dnb_h5_set *s)
{
    return s->shape[1] * s->shape[2] * s->shape[3];
}

/* n bytes at an offset of the file. */
static dnb_status read_at(const dnb_h5_file *f, const dnb_h5_set *s, uint64_t offset, void *out,
                          size_t n, dnb_err *err)
{
    char *to = out;
    while (n > 0) {
        ssize_t got = pread(f->io->fd, to, n, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return dnb_fail(err, DNB_EIO, "%s: dataset '%.200s': cannot read: %s", f->path, s->name,
                            strerror(errno));
        if (got == 0)
            return dnb_fail(err, DNB_EFORMAT, "%s: dataset '%.200s': the file was cut off", f->path,
                            s->name);
        to += got;
        offset += (uint64_t)got;
        n -= (size_t)got;
    }
    return DNB_OK;
}

/* Straight from the page cache. */
static dnb_status read_direct(const dnb_h5_file *f, const dnb_h5_set *s, dnb_h5_range r, void *out,
                              dnb_err *err)
{
    size_t item = dnb_dtype_size(s->type), row = dnb_h5_row_items(s) * item;
    uint64_t at = s->offset + (uint64_t)r.first * row + (uint64_t)r.u * item;
    if (r.n_unit * item == row)
        return read_at(f, s, at, out, r.n * row, err);
    for (size_t i = 0; i < r.n; i++) {
        char *to = (char *)out + i * r.n_unit * item;
        dnb_status status = read_at(f, s, at + (uint64_t)i * row, to, r.n_unit * item, err);
        if (status != DNB_OK)
            return status;
    }
    return DNB_OK;
}

/* Rows first..first+n-1, indices a..a+na-1 of the second axis, all of the others, through HDF5. */
static dnb_status read_slab(const dnb_h5_file *f, const dnb_h5_set *s, size_t first, size_t n,
                            size_t a, size_t na, dnb_dtype type, void *out, dnb_err *err)
{
    dnb_status status = DNB_OK;
    hsize_t start[DNB_H5_DIMS] = {first, a, 0, 0};
    hsize_t count[DNB_H5_DIMS] = {n, na, s->shape[2], s->shape[3]};
    hid_t memory = type == DNB_F64 ? H5T_NATIVE_DOUBLE : H5T_NATIVE_FLOAT;
    hid_t id = H5Dopen2(f->file, s->name, H5P_DEFAULT);
    hid_t from = id < 0 ? -1 : H5Dget_space(id), to = H5Screate_simple(s->ndim, count, NULL);
    if (from < 0 || to < 0 ||
        H5Sselect_hyperslab(from, H5S_SELECT_SET, start, NULL, count, NULL) < 0 ||
        H5Dread(id, memory, to, from, H5P_DEFAULT, out) < 0)
        status = dnb_h5_bad(f, err, "dataset '%.200s': cannot read rows %zu..%zu", s->name,
                            first + 1, first + n);
    dnb_h5_close(to);
    dnb_h5_close(from);
    dnb_h5_close(id);
    return status;
}

/* Part of each row: the second-axis indices that cover it, a few rows at a time, then a copy. */
static dnb_status read_part(const dnb_h5_file *f, const dnb_h5_set *s, dnb_h5_range r,
                            dnb_dtype type, void *out, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t size = dnb_dtype_size(type), plane = s->shape[2] * s->shape[3];
    size_t a = r.u / plane, na = (r.u + r.n_unit - 1) / plane - a + 1;
    size_t skip = r.u - a * plane, cover = na * plane;
    size_t most = BLOCK_MOST / (cover * size), step = BLOCK / (cover * size), rows;
    char *block = NULL;
    if (s->chunk[0] > step && s->chunk[0] <= most)
        step = (size_t)s->chunk[0]; /* so that each chunk is decompressed once */
    step = step < 1 ? 1 : step > r.n ? r.n : step;
    block = dnb_alloc_aligned(step, cover * size);
    if (!block)
        return dnb_fail_memory(err, "rows", step * cover * size);
    for (size_t i = 0; i < r.n; i += rows) {
        rows = r.n - i < step ? r.n - i : step;
        DNB_TRY(read_slab(f, s, r.first + i, rows, a, na, type, block, err));
        for (size_t k = 0; k < rows; k++)
            memcpy((char *)out + (i + k) * r.n_unit * size, block + (k * cover + skip) * size,
                   r.n_unit * size);
    }
done:
    dnb_free(block);
    return status;
}

dnb_status dnb_h5_read(dnb_h5_file *f, size_t set, dnb_h5_range r, dnb_dtype type, void *out,
                       dnb_err *err)
{
    if (set >= f->n)
        return dnb_fail(err, DNB_EARG, "%s: dataset %zu of %zu", f->path, set, f->n);
    const dnb_h5_set *s = &f->sets[set];
    size_t items = dnb_h5_row_items(s);
    if (r.first > s->shape[0] || r.n > s->shape[0] - r.first)
        return dnb_fail(err, DNB_EARG, "%s: dataset '%.200s': rows %zu..%zu of %zu", f->path,
                        s->name, r.first + 1, r.first + r.n, s->shape[0]);
    if (r.u > items || r.n_unit > items - r.u)
        return dnb_fail(err, DNB_EARG, "%s: dataset '%.200s': units %zu..%zu of %zu", f->path,
                        s->name, r.u + 1, r.u + r.n_unit, items);
    if (r.n == 0 || r.n_unit == 0)
        return DNB_OK;
    if (s->direct && s->type == type)
        return read_direct(f, s, r, out, err);
    bool served = false;
    dnb_h5_scope scope = dnb_h5_enter();
    dnb_status status = dnb_h5_read_chunks(f, s, r, type, out, &served, err);
    if (status == DNB_OK && !served)
        status = dnb_h5_check_chunks(f, s, r, err);
    if (status == DNB_OK && !served)
        status = r.n_unit == items ? read_slab(f, s, r.first, r.n, 0, s->shape[1], type, out, err)
                                   : read_part(f, s, r, type, out, err);
    dnb_h5_leave(scope);
    return status;
}
