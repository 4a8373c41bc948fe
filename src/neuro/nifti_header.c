/* NIfTI-1 and NIfTI-2 headers to and from bytes. One table says where each field lies in both
 * versions; reading and writing walk it. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "neuro/nifti_internal.h"

/* How a field is stored in the file. */
typedef enum stored { I8, I16, I32, I64, F32, F64, TEXT } stored;
/* What it is in dnb_nifti_header. */
typedef enum native { INT, INT64, DOUBLE, STRING } native;

typedef struct field {
    const char *name;
    size_t at; /* offsetof in dnb_nifti_header */
    native kind;
    size_t count; /* elements; characters for TEXT */
    size_t at1;
    stored type1; /* NIfTI-1 */
    size_t at2;
    stored type2; /* NIfTI-2 */
} field;

#define F(member, kind, count, at1, type1, at2, type2)                                             \
    {                                                                                              \
#member, offsetof(dnb_nifti_header, member), kind, count, at1, type1, at2, type2           \
    }

/* sizeof_hdr, magic, dim and vox_offset are handled by themselves. */
static const field FIELDS[] = {
    F(dim_info, INT, 1, 39, I8, 524, I8),
    F(intent_p, DOUBLE, 3, 56, F32, 80, F64),
    F(intent_code, INT, 1, 68, I16, 504, I32),
    F(datatype, INT, 1, 70, I16, 12, I16),
    F(slice_start, INT64, 1, 74, I16, 224, I64),
    F(pixdim, DOUBLE, 8, 76, F32, 104, F64),
    F(scl_slope, DOUBLE, 1, 112, F32, 176, F64),
    F(scl_inter, DOUBLE, 1, 116, F32, 184, F64),
    F(slice_end, INT64, 1, 120, I16, 232, I64),
    F(slice_code, INT, 1, 122, I8, 496, I32),
    F(xyzt_units, INT, 1, 123, I8, 500, I32),
    F(cal_max, DOUBLE, 1, 124, F32, 192, F64),
    F(cal_min, DOUBLE, 1, 128, F32, 200, F64),
    F(slice_duration, DOUBLE, 1, 132, F32, 208, F64),
    F(toffset, DOUBLE, 1, 136, F32, 216, F64),
    F(descrip, STRING, 80, 148, TEXT, 240, TEXT),
    F(aux_file, STRING, 24, 228, TEXT, 320, TEXT),
    F(qform_code, INT, 1, 252, I16, 344, I32),
    F(sform_code, INT, 1, 254, I16, 348, I32),
    F(quatern, DOUBLE, 3, 256, F32, 352, F64),
    F(qoffset, DOUBLE, 3, 268, F32, 376, F64),
    F(srow, DOUBLE, 12, 280, F32, 400, F64),
    F(intent_name, STRING, 16, 328, TEXT, 508, TEXT),
};
#define N_FIELDS (sizeof FIELDS / sizeof *FIELDS)

static const char MAGIC2_TAIL[4] = {'\r', '\n', '\032', '\n'};

static size_t stored_size(stored t)
{
    static const size_t SIZES[] = {1, 2, 4, 8, 4, 8, 1};
    return SIZES[t];
}

/* Unsigned integer of `size` bytes in either byte order. */
static uint64_t get_bits(const unsigned char *p, size_t size, bool big)
{
    uint64_t v = 0;
    for (size_t i = 0; i < size; i++)
        v = v << 8 | p[big ? i : size - 1 - i];
    return v;
}

static int64_t get_int(const unsigned char *p, stored t, bool big)
{
    uint64_t v = get_bits(p, stored_size(t), big);
    switch (t) {
    case I8:
        return (int64_t)v; /* dim_info, slice_code, xyzt_units: bit fields, never negative */
    case I16:
        return (int16_t)(uint16_t)v;
    case I32:
        return (int32_t)(uint32_t)v;
    default:
        return (int64_t)v;
    }
}

static double get_double(const unsigned char *p, stored t, bool big)
{
    uint64_t v = get_bits(p, stored_size(t), big);
    double d;
    float f;
    uint32_t v32 = (uint32_t)v;
    if (t == F32) {
        memcpy(&f, &v32, sizeof f);
        return f;
    }
    memcpy(&d, &v, sizeof d);
    return d;
}

static void put_bits(unsigned char *p, size_t size, uint64_t v)
{
    for (size_t i = 0; i < size; i++, v >>= 8)
        p[i] = (unsigned char)v;
}

/* False when the value does not fit. */
static bool put_int(unsigned char *p, stored t, int64_t v)
{
    size_t size = stored_size(t);
    if (t == I8 ? v < 0 || v > 255
                : size < 8 &&
                      (v < -((int64_t)1 << (8 * size - 1)) || v >= (int64_t)1 << (8 * size - 1)))
        return false;
    put_bits(p, size, (uint64_t)v);
    return true;
}

static void put_double(unsigned char *p, stored t, double v)
{
    uint64_t bits = 0;
    uint32_t bits32;
    float f = (float)v;
    memcpy(&bits32, &f, sizeof f);
    if (t == F32)
        bits = bits32;
    else
        memcpy(&bits, &v, sizeof v);
    put_bits(p, stored_size(t), bits);
}

static void decode_fields(dnb_nifti_header *h, const unsigned char *bytes)
{
    bool v1 = h->version == 1;
    for (const field *f = FIELDS; f < FIELDS + N_FIELDS; f++) {
        const unsigned char *p = bytes + (v1 ? f->at1 : f->at2);
        stored t = v1 ? f->type1 : f->type2;
        char *to = (char *)h + f->at;
        if (f->kind == STRING) {
            memcpy(to, p, f->count);
            to[f->count] = '\0';
            continue;
        }
        for (size_t i = 0; i < f->count; i++, p += stored_size(t)) {
            if (f->kind == INT)
                ((int *)(void *)to)[i] = (int)get_int(p, t, h->big_endian);
            else if (f->kind == INT64)
                ((int64_t *)(void *)to)[i] = get_int(p, t, h->big_endian);
            else
                ((double *)(void *)to)[i] = get_double(p, t, h->big_endian);
        }
    }
}

/* Which version and byte order: told by sizeof_hdr, confirmed by the magic. */
static dnb_status decode_kind(dnb_nifti_header *h, const unsigned char *bytes, size_t n,
                              const char *path, dnb_err *err)
{
    if (n < 4)
        return dnb_fail(err, DNB_EFORMAT, "%s: has %zu bytes; a NIfTI header has 348 or 540", path,
                        n);
    uint64_t le = get_bits(bytes, 4, false), be = get_bits(bytes, 4, true);
    h->big_endian = be == DNB_NIFTI1_SIZE || be == DNB_NIFTI2_SIZE;
    uint64_t size = h->big_endian ? be : le;
    if (size != DNB_NIFTI1_SIZE && size != DNB_NIFTI2_SIZE)
        return dnb_fail(err, DNB_EFORMAT,
                        "%s: not a NIfTI file: sizeof_hdr is %" PRId32
                        ", expected 348 (NIfTI-1) or 540 (NIfTI-2)",
                        path, (int32_t)(uint32_t)le);
    h->version = size == DNB_NIFTI1_SIZE ? 1 : 2;
    if (n < size)
        return dnb_fail(err, DNB_EFORMAT, "%s: header cut short: expected %d bytes, has %zu", path,
                        (int)size, n);
    const char *magic = (const char *)bytes + (h->version == 1 ? 344 : 4);
    bool single = memcmp(magic, h->version == 1 ? "n+1" : "n+2", 4) == 0;
    h->pair = memcmp(magic, h->version == 1 ? "ni1" : "ni2", 4) == 0;
    if ((single || h->pair) &&
        (h->version == 1 || memcmp(magic + 4, MAGIC2_TAIL, sizeof MAGIC2_TAIL) == 0))
        return DNB_OK;
    if (h->version == 1 && magic[0] == '\0')
        return dnb_fail(err, DNB_EFORMAT,
                        "%s: no NIfTI magic; it looks like an Analyze 7.5 header, which holds no "
                        "orientation: convert it to NIfTI first",
                        path);
    return dnb_fail(
        err, DNB_EFORMAT, "%s: wrong magic (bytes %02x %02x %02x %02x, expected \"%s\" or \"%s\")",
        path, (unsigned char)magic[0], (unsigned char)magic[1], (unsigned char)magic[2],
        (unsigned char)magic[3], h->version == 1 ? "n+1" : "n+2", h->version == 1 ? "ni1" : "ni2");
}

/* Two habits of FreeSurfer, which stores vectors longer than NIfTI-1's 16-bit sizes: -1 x 1 x 1
 * with the length in glmin, and 27307 x 1 x 6 for the 163842 vertices of its finest icosahedron. */
static void freesurfer_dims(const dnb_nifti_header *h, const unsigned char *bytes, int64_t dim[8])
{
    if (dim[0] < 3 || dim[2] != 1)
        return;
    if (dim[1] == -1 && dim[3] == 1)
        dim[1] = get_int(bytes + 144, I32, h->big_endian);
    else if (dim[1] == 27307 && dim[3] == 6)
        dim[1] = 163842, dim[3] = 1;
}

static dnb_status decode_dims(dnb_nifti_header *h, const unsigned char *bytes, const char *path,
                              dnb_err *err)
{
    int64_t dim[8];
    size_t total = 1;
    for (size_t i = 0; i < 8; i++)
        dim[i] = h->version == 1 ? get_int(bytes + 40 + 2 * i, I16, h->big_endian)
                                 : get_int(bytes + 16 + 8 * i, I64, h->big_endian);
    if (dim[0] < 1 || dim[0] > DNB_NIFTI_MAX_DIMS)
        return dnb_fail(err, DNB_EFORMAT,
                        "%s: dim[0] (number of dimensions) is %" PRId64 ", expected 1 to 7", path,
                        dim[0]);
    if (h->version == 1)
        freesurfer_dims(h, bytes, dim);
    h->ndim = (int)dim[0];
    for (int i = 1; i <= DNB_NIFTI_MAX_DIMS; i++) {
        if (i <= h->ndim && dim[i] < 1)
            return dnb_fail(err, DNB_EFORMAT, "%s: dim[%d] is %" PRId64 ", expected 1 or more",
                            path, i, dim[i]);
        h->shape[i - 1] = i <= h->ndim ? (size_t)dim[i] : 1;
        /* room for 8-byte voxels, or numbers that follow could overflow */
        if (!dnb_mul_size(&total, total, h->shape[i - 1]) || total > SIZE_MAX / 16)
            return dnb_fail(
                err, DNB_EFORMAT,
                "%s: dimensions up to dim[%d] = %zu multiply to more voxels than memory "
                "can address",
                path, i, h->shape[i - 1]);
    }
    return DNB_OK;
}

static dnb_status decode_offset(dnb_nifti_header *h, const unsigned char *bytes, const char *path,
                                dnb_err *err)
{
    double off = h->version == 1 ? get_double(bytes + 108, F32, h->big_endian)
                                 : (double)get_int(bytes + 168, I64, h->big_endian);
    /* After a single file's header come 4 bytes that say whether extensions follow. */
    int least = h->pair ? 0 : (h->version == 1 ? DNB_NIFTI1_SIZE : DNB_NIFTI2_SIZE) + 4;
    if (!(off >= least) || off >= 0x1p62 || off != floor(off))
        return dnb_fail(err, DNB_EFORMAT,
                        "%s: vox_offset is %.17g, expected a whole number from %d on", path, off,
                        least);
    h->vox_offset = h->version == 1 ? (uint64_t)off : get_bits(bytes + 168, 8, h->big_endian);
    return DNB_OK;
}

dnb_status dnb_nifti_header_decode(dnb_nifti_header *out, const unsigned char *bytes, size_t n,
                                   const char *path, dnb_err *err)
{
    dnb_nifti_header h = {0};
    dnb_status status = decode_kind(&h, bytes, n, path, err);
    if (status == DNB_OK)
        status = decode_dims(&h, bytes, path, err);
    if (status == DNB_OK)
        status = decode_offset(&h, bytes, path, err);
    if (status != DNB_OK)
        return status;
    decode_fields(&h, bytes);
    *out = h;
    return DNB_OK;
}

/* Name of the first field that does not fit the version, NULL when all do. */
static const char *encode_fields(const dnb_nifti_header *h, int version, unsigned char *bytes)
{
    for (const field *f = FIELDS; f < FIELDS + N_FIELDS; f++) {
        unsigned char *p = bytes + (version == 1 ? f->at1 : f->at2);
        stored t = version == 1 ? f->type1 : f->type2;
        const char *from = (const char *)h + f->at;
        if (f->kind == STRING) {
            memcpy(p, from, strnlen(from, f->count));
            continue;
        }
        for (size_t i = 0; i < f->count; i++, p += stored_size(t)) {
            if (f->kind == DOUBLE)
                put_double(p, t, ((const double *)(const void *)from)[i]);
            else if (!put_int(p, t,
                              f->kind == INT ? ((const int *)(const void *)from)[i]
                                             : ((const int64_t *)(const void *)from)[i]))
                return f->name;
        }
    }
    return NULL;
}

static const char *encode_dims(const dnb_nifti_header *h, int version, unsigned char *bytes)
{
    for (size_t i = 0; i < 8; i++) {
        size_t v = i == 0 ? (size_t)h->ndim : i <= (size_t)h->ndim ? h->shape[i - 1] : 1;
        if (v > (size_t)INT64_MAX || !put_int(bytes + (version == 1 ? 40 + 2 * i : 16 + 8 * i),
                                              version == 1 ? I16 : I64, (int64_t)v))
            return "dim";
    }
    return NULL;
}

static const char *encode_version(const dnb_nifti_header *h, int version, uint64_t vox_offset,
                                  unsigned char *bytes)
{
    int64_t bits = (int64_t)dnb_voxel_size(h->datatype) * 8;
    memset(bytes, 0, DNB_NIFTI2_SIZE);
    if (version == 1) {
        put_int(bytes, I32, DNB_NIFTI1_SIZE);
        bytes[38] = 'r'; /* Analyze's "regular", which old readers ask for */
        memcpy(bytes + 344, "n+1", 4);
        put_int(bytes + 72, I16, bits);
        put_double(bytes + 108, F32, (double)vox_offset);
        if (vox_offset > (uint64_t)1 << 24) /* where float stops counting */
            return "vox_offset";
    } else {
        put_int(bytes, I32, DNB_NIFTI2_SIZE);
        memcpy(bytes + 4, "n+2", 4);
        memcpy(bytes + 8, MAGIC2_TAIL, sizeof MAGIC2_TAIL);
        put_int(bytes + 14, I16, bits);
        put_bits(bytes + 168, 8, vox_offset);
    }
    const char *bad = encode_dims(h, version, bytes);
    return bad ? bad : encode_fields(h, version, bytes);
}

dnb_status dnb_nifti_header_encode(const dnb_nifti_header *h, int version, uint64_t extra,
                                   unsigned char bytes[DNB_NIFTI2_SIZE], size_t *size,
                                   const char *path, dnb_err *err)
{
    const char *bad = "version";
    if (version < 0 || version > 2)
        return dnb_fail(err, DNB_EARG, "%s: NIfTI version %d does not exist; use 1 or 2", path,
                        version);
    if (version == 0 && h->version == 2)
        version = 2; /* doubles stay doubles */
    if (version != 2)
        bad = encode_version(h, 1, DNB_NIFTI1_SIZE + 4 + extra, bytes);
    *size = DNB_NIFTI1_SIZE;
    if (bad && version != 1) {
        bad = encode_version(h, 2, DNB_NIFTI2_SIZE + 4 + extra, bytes);
        *size = DNB_NIFTI2_SIZE;
    }
    if (bad)
        return dnb_fail(err, DNB_EARG, "%s: the header's %s does not fit a NIfTI-%d file", path,
                        bad, *size == DNB_NIFTI1_SIZE ? 1 : 2);
    return DNB_OK;
}

dnb_status dnb_nifti_voxel_format(const dnb_nifti_header *h, dnb_voxel_format *out,
                                  const char *path, dnb_err *err)
{
    dnb_voxel_format f = {.datatype = h->datatype, .slope = 1};
    if (isfinite(h->scl_slope) && h->scl_slope != 0) {
        if (!isfinite(h->scl_inter))
            return dnb_fail(err, DNB_EFORMAT,
                            "%s: scl_slope is %g but scl_inter is %g, which is no number to add",
                            path, h->scl_slope, h->scl_inter);
        f.slope = h->scl_slope;
        f.inter = h->scl_inter;
        f.scaled = f.slope != 1 || f.inter != 0;
    }
    *out = f;
    return DNB_OK;
}
