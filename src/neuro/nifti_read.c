/* Opening NIfTI files and streaming their voxels.
 *
 * Our own reader rather than libnifti2: that library reports to stderr only and keeps its options
 * in mutable globals, which a library used from several threads cannot have; and it has no way to
 * read a gzip stream from memory, which the fuzzer needs. */
#include <ctype.h>
#include <inttypes.h>
#include <omp.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/progress.h"
#include "base/strbuf.h"
#include "neuro/nifti_internal.h"

/* Raw bytes handled at a time: a piece stays in the level-2 cache between reading and converting.
 */
#define BLOCK_BYTES ((size_t)1 << 20)
/* Blocks per thread between two progress reports. */
#define BLOCKS_PER_REPORT 16
/* Bytes behind the voxels that are unpacked to get at a gzip stream's checksum. */
#define TAIL_LIMIT ((uint64_t)1 << 20)

typedef struct extension_list {
    dnb_nifti_extension *items;
    size_t n, cap;
} extension_list;

struct dnb_nifti {
    dnb_nifti_header header;
    dnb_voxel_format format;
    bool swap;
    dnb_bytesource *head, *image; /* image is NULL for a single file */
    extension_list extensions;
    size_t n_vox, n_vol, voxel_size;
};

/* Where the voxels are. */
static dnb_bytesource *data_source(const dnb_nifti *f)
{
    return f->image ? f->image : f->head;
}

static bool machine_is_big_endian(void)
{
    const uint16_t one = 1;
    return *(const unsigned char *)&one == 0;
}

/* `bound`: has is not counted but the most the packed file can hold. */
static dnb_status fail_short(const dnb_nifti *f, uint64_t has, bool bound, dnb_err *err)
{
    const dnb_bytesource *s = data_source(f);
    bool gz = dnb_bytesource_is_gzip(s);
    uint64_t voxels = (uint64_t)f->n_vox * f->n_vol;
    return dnb_fail(err, DNB_EFORMAT,
                    "%s: cut short, or its header lies: expected %" PRIu64 " bytes%s (%" PRIu64
                    " %s voxels after %" PRIu64 " bytes), has %s%" PRIu64,
                    dnb_bytesource_name(s), f->header.vox_offset + voxels * f->voxel_size,
                    gz ? " unpacked" : "", voxels, dnb_voxel_type_name(f->header.datatype),
                    f->header.vox_offset, bound ? "at most " : "", has);
}

/* Grows while reading, so a size that lies costs no more memory than the file has bytes. */
static dnb_status read_extension_data(dnb_bytesource *s, uint64_t at, size_t size, char **out,
                                      dnb_err *err)
{
    dnb_status status = DNB_OK;
    char *data = NULL;
    size_t len = 0;
    for (size_t cap = BLOCK_BYTES; !data || len < size; cap *= 2) {
        size_t want = cap < size ? cap : size, got = 0;
        char *grown = dnb_realloc(data, want + 1, 1);
        if (!grown) {
            status = dnb_fail_memory(err, dnb_bytesource_name(s), want);
            goto done;
        }
        data = grown;
        DNB_TRY(dnb_bytesource_read(s, at + len, data + len, want - len, &got, err));
        if (got < want - len) {
            status = dnb_fail(err, DNB_EFORMAT,
                              "%s: header extension cut short: expected %zu bytes, has %zu",
                              dnb_bytesource_name(s), size, len + got);
            goto done;
        }
        len = want;
    }
    data[len] = '\0';
    *out = data;
    data = NULL;
done:
    dnb_free(data);
    return status;
}

static dnb_status add_extension(dnb_nifti *f, int code, uint64_t at, size_t size, dnb_err *err)
{
    extension_list *list = &f->extensions;
    char *data = NULL;
    if (list->n == list->cap) {
        size_t cap = list->cap ? 2 * list->cap : 4;
        void *grown = dnb_realloc(list->items, cap, sizeof *list->items);
        if (!grown)
            return dnb_fail_memory(err, "header extensions", cap * sizeof *list->items);
        list->items = grown;
        list->cap = cap;
    }
    dnb_status status = read_extension_data(f->head, at, size, &data, err);
    if (status == DNB_OK)
        list->items[list->n++] = (dnb_nifti_extension){.code = code, .size = size, .data = data};
    return status;
}

static uint32_t get_u32(const unsigned char *p, bool big)
{
    return big ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]
               : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* Extensions follow the header when the first of the 4 bytes behind it is not 0: each has its size
 * (8 bytes of its own head included) and its code. They end at the voxels, in a .hdr with the file.
 */
static dnb_status read_extensions(dnb_nifti *f, dnb_err *err)
{
    const dnb_nifti_header *h = &f->header;
    uint64_t at = (h->version == 1 ? DNB_NIFTI1_SIZE : DNB_NIFTI2_SIZE);
    uint64_t end = h->pair ? dnb_bytesource_max_size(f->head) : h->vox_offset;
    unsigned char head[8];
    size_t got = 0;
    dnb_status status = dnb_bytesource_read(f->head, at, head, 4, &got, err);
    if (status != DNB_OK || got < 4 || head[0] == 0)
        return status;
    at += 4;
    while (at < end && end - at >= 16) {
        status = dnb_bytesource_read(f->head, at, head, 8, &got, err);
        if (status != DNB_OK || got < 8)
            return status;
        int32_t size = (int32_t)get_u32(head, h->big_endian);
        int32_t code = (int32_t)get_u32(head + 4, h->big_endian);
        if (size == 0) /* padding up to vox_offset */
            break;
        if (size < 8 || (uint64_t)size > end - at)
            return dnb_fail(err, DNB_EFORMAT,
                            "%s: header extension at byte %" PRIu64 " claims %" PRId32
                            " bytes, but 8 to %" PRIu64 " are possible",
                            dnb_bytesource_name(f->head), at, size, end - at);
        status = add_extension(f, code, at + 8, (size_t)size - 8, err);
        if (status != DNB_OK)
            return status;
        at += (uint64_t)size;
    }
    return DNB_OK;
}

static dnb_status check_data(dnb_nifti *f, dnb_err *err)
{
    const dnb_nifti_header *h = &f->header;
    const char *name = dnb_bytesource_name(f->head);
    if (h->pair && !f->image)
        return dnb_fail(err, DNB_EFORMAT,
                        "%s: the header says that the voxels are in an .img file beside it; name "
                        "the two files .hdr and .img",
                        name);
    if (!h->pair && f->image)
        return dnb_fail(err, DNB_EFORMAT,
                        "%s: the header says that the voxels follow it in the same file; name it "
                        ".nii",
                        name);
    f->voxel_size = dnb_voxel_size(h->datatype);
    if (!f->voxel_size)
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "%s: voxels are %s (datatype %d); only the 8- to 64-bit integer types, "
                        "FLOAT32 and FLOAT64 can be read: convert the image",
                        name, dnb_voxel_type_name(h->datatype), h->datatype);
    f->swap = h->big_endian != machine_is_big_endian();
    f->n_vox = h->shape[0] * h->shape[1] * h->shape[2];
    f->n_vol = h->shape[3] * h->shape[4] * h->shape[5] * h->shape[6];
    /* Neither step overflows: fewer than 2^60 voxels (header_decode), vox_offset < 2^62. */
    uint64_t needs = h->vox_offset + (uint64_t)f->n_vox * f->n_vol * f->voxel_size;
    uint64_t has = dnb_bytesource_max_size(data_source(f));
    if (needs > has)
        return fail_short(f, has, dnb_bytesource_is_gzip(data_source(f)), err);
    return dnb_nifti_voxel_format(h, &f->format, name, err);
}

dnb_status dnb_nifti_open_sources(dnb_nifti **out, dnb_bytesource *head, dnb_bytesource *image,
                                  dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_nifti *f = NULL;
    unsigned char bytes[DNB_NIFTI2_SIZE];
    size_t got = 0;
    DNB_NEW(f, 1, "NIfTI image");
    f->head = head;
    f->image = image;
    head = image = NULL;
    DNB_TRY(dnb_bytesource_read(f->head, 0, bytes, sizeof bytes, &got, err));
    DNB_TRY(dnb_nifti_header_decode(&f->header, bytes, got, dnb_bytesource_name(f->head), err));
    DNB_TRY(check_data(f, err));
    DNB_TRY(read_extensions(f, err));
    *out = f;
    f = NULL;
done:
    dnb_bytesource_close(head);
    dnb_bytesource_close(image);
    dnb_nifti_close(f);
    return status;
}

/* The other file of a pair: `path` with the three letters at `letters` replaced ("hdr" by "img" or
 * back, in the same case), packed or not. *out NULL when there is none. */
static dnb_status find_partner(const char *path, const char *letters, char **out, dnb_err *err)
{
    bool upper = isupper((unsigned char)letters[0]) != 0;
    bool header = tolower((unsigned char)letters[0]) == 'h';
    const char *other = header ? (upper ? "IMG" : "img") : (upper ? "HDR" : "hdr");
    const char *tail = letters + 3; /* "" or ".gz" */
    const char *tails[2] = {tail, *tail ? "" : ".gz"};
    for (int i = 0; i < 2; i++) {
        dnb_strbuf name = {0};
        char *partner = NULL;
        dnb_strbuf_addn(&name, path, (size_t)(letters - path));
        dnb_strbuf_add(&name, other);
        dnb_strbuf_add(&name, tails[i]);
        dnb_status status = dnb_strbuf_take(&name, &partner, err);
        if (status != DNB_OK)
            return status;
        if (dnb_path_exists(partner)) {
            *out = partner;
            return DNB_OK;
        }
        dnb_free(partner);
    }
    return dnb_fail(err, DNB_EIO, "%s: its .%s file is not beside it", path,
                    header ? "img" : "hdr");
}

/* "hdr" or "img" inside the name when it has the suffix of a pair; NULL otherwise. */
static const char *pair_letters(const char *path)
{
    size_t n = strlen(path);
    if (dnb_path_has_suffix(path, ".hdr") || dnb_path_has_suffix(path, ".img"))
        return path + n - 3;
    if (dnb_path_has_suffix(path, ".hdr.gz") || dnb_path_has_suffix(path, ".img.gz"))
        return path + n - 6;
    return NULL;
}

dnb_status dnb_nifti_open(dnb_nifti **out, const char *path, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_bytesource *head = NULL, *image = NULL;
    char *partner = NULL;
    const char *letters = pair_letters(path);
    DNB_TRY(dnb_bytesource_open(&head, path, err));
    if (letters) {
        DNB_TRY(find_partner(path, letters, &partner, err));
        DNB_TRY(dnb_bytesource_open(&image, partner, err));
        if (tolower((unsigned char)letters[0]) == 'i') {
            dnb_bytesource *swap = head;
            head = image;
            image = swap;
        }
    }
    status = dnb_nifti_open_sources(out, head, image, err);
    head = image = NULL;
done:
    dnb_bytesource_close(head);
    dnb_bytesource_close(image);
    dnb_free(partner);
    return status;
}

void dnb_nifti_close(dnb_nifti *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->extensions.n; i++)
        dnb_free((void *)f->extensions.items[i].data);
    dnb_free(f->extensions.items);
    dnb_bytesource_close(f->head);
    dnb_bytesource_close(f->image);
    dnb_free(f);
}

const dnb_nifti_header *dnb_nifti_header_of(const dnb_nifti *f)
{
    return &f->header;
}

const char *dnb_nifti_path(const dnb_nifti *f)
{
    return dnb_bytesource_name(f->head);
}

size_t dnb_nifti_n_extensions(const dnb_nifti *f)
{
    return f->extensions.n;
}

const dnb_nifti_extension *dnb_nifti_extension_at(const dnb_nifti *f, size_t i)
{
    return &f->extensions.items[i];
}

size_t dnb_nifti_n_vox(const dnb_nifti *f)
{
    return f->n_vox;
}

size_t dnb_nifti_n_vol(const dnb_nifti *f)
{
    return f->n_vol;
}

const char *dnb_nifti_type_name(int datatype)
{
    return dnb_voxel_type_name(datatype);
}

/* One dnb_nifti_stream call: voxels [first, first + total) in blocks, one buffer per thread. */
typedef struct stream {
    dnb_nifti *f;
    size_t first, total, block, n_blocks;
    dnb_nifti_sink *sink;
    void *ctx;
    unsigned char *buffers;
    int threads;
} stream;

static dnb_status stream_block(const stream *s, size_t k, unsigned char *buf, dnb_err *err)
{
    const dnb_nifti *f = s->f;
    size_t at = k * s->block, n = s->total - at < s->block ? s->total - at : s->block, got = 0;
    uint64_t offset = f->header.vox_offset + (uint64_t)(s->first + at) * f->voxel_size;
    dnb_status status =
        dnb_bytesource_read(data_source(f), offset, buf, n * f->voxel_size, &got, err);
    if (status != DNB_OK)
        return status;
    if (got < n * f->voxel_size)
        return fail_short(f, offset + got, false, err);
    if (f->swap)
        dnb_voxel_swap(buf, n, f->voxel_size);
    s->sink(s->ctx, &f->format, buf, s->first + at, n);
    return DNB_OK;
}

/* Blocks [from, to); of several failures the first block's is reported, whatever the threads did.
 */
static dnb_status stream_blocks(const stream *s, size_t from, size_t to, dnb_err *err)
{
    dnb_status worst = DNB_OK;
    size_t worst_block = SIZE_MAX;
#pragma omp parallel for schedule(static) num_threads(s->threads) if (s->threads > 1)
    for (size_t k = from; k < to; k++) {
        dnb_err e;
        size_t block = s->block * s->f->voxel_size;
        dnb_status status =
            stream_block(s, k, s->buffers + (size_t)omp_get_thread_num() * block, &e);
        if (status == DNB_OK)
            continue;
#pragma omp critical(dnb_nifti_stream_error)
        if (k < worst_block) {
            worst_block = k;
            worst = status;
            if (err)
                *err = e;
        }
    }
    return worst;
}

static dnb_status check_range(const dnb_nifti *f, size_t first, size_t count, dnb_err *err)
{
    if (first > f->n_vol || count > f->n_vol - first)
        return dnb_fail(err, DNB_EARG, "%s: volumes %zu to %zu (counted from 0) asked, it has %zu",
                        dnb_nifti_path(f), first, first + count - 1, f->n_vol);
    return DNB_OK;
}

dnb_status dnb_nifti_stream(dnb_nifti *f, size_t first, size_t count, dnb_nifti_sink *sink,
                            void *ctx, const dnb_progress *progress, dnb_err *err)
{
    dnb_status status = check_range(f, first, count, err);
    if (status != DNB_OK || count == 0)
        return status;
    stream s = {.f = f,
                .first = first * f->n_vox,
                .total = count * f->n_vox,
                .sink = sink,
                .ctx = ctx,
                .block = BLOCK_BYTES / f->voxel_size,
                .threads = dnb_threads_get()};
    bool gzip = dnb_bytesource_is_gzip(data_source(f));
    if (s.block > s.total)
        s.block = s.total;
    s.n_blocks = (s.total + s.block - 1) / s.block;
    if (gzip) /* unpacking is one long sequence */
        s.threads = 1;
    if ((size_t)s.threads > s.n_blocks)
        s.threads = (int)s.n_blocks;
    size_t bytes = (size_t)s.threads * s.block * f->voxel_size;
    s.buffers = dnb_alloc_aligned(bytes, 1);
    if (!s.buffers)
        return dnb_fail_memory(err, dnb_nifti_path(f), bytes);
    size_t step = (size_t)s.threads * BLOCKS_PER_REPORT;
    for (size_t k = 0; status == DNB_OK && k < s.n_blocks; k += step) {
        dnb_report(progress, "reading", k, s.n_blocks);
        status = dnb_check_cancel(progress, err);
        if (status == DNB_OK)
            status = stream_blocks(&s, k, k + step < s.n_blocks ? k + step : s.n_blocks, err);
    }
    if (status == DNB_OK && first + count == f->n_vol)
        status = dnb_bytesource_finish(data_source(f), TAIL_LIMIT, err);
    if (status == DNB_OK)
        dnb_report(progress, "reading", s.n_blocks, s.n_blocks);
    dnb_free(s.buffers);
    return status;
}

/* Sinks for whole volumes: voxel i goes to out[i - first]. */
typedef struct dense {
    size_t first;
    double *f64;
    float *f32;
} dense;

static void sink_dense(void *ctx, const dnb_voxel_format *format, const void *raw, size_t first,
                       size_t n)
{
    const dense *d = ctx;
    if (d->f64)
        dnb_voxel_load_f64(format, raw, n, d->f64 + (first - d->first));
    else
        dnb_voxel_load_f32(format, raw, n, d->f32 + (first - d->first));
}

dnb_status dnb_nifti_read_f64(dnb_nifti *f, size_t first, size_t count, double *out, dnb_err *err)
{
    dense d = {.first = first * f->n_vox, .f64 = out};
    return dnb_nifti_stream(f, first, count, sink_dense, &d, NULL, err);
}

dnb_status dnb_nifti_read_f32(dnb_nifti *f, size_t first, size_t count, float *out, dnb_err *err)
{
    dense d = {.first = first * f->n_vox, .f32 = out};
    return dnb_nifti_stream(f, first, count, sink_dense, &d, NULL, err);
}

dnb_status dnb_nifti_read(dnb_nifti *f, dnb_dtype type, size_t max_bytes, dnb_array *out,
                          dnb_err *err)
{
    const size_t *s = f->header.shape;
    size_t shape[4] = {f->n_vol, s[2], s[1], s[0]};
    size_t limit = max_bytes ? max_bytes : dnb_memory_budget();
    dnb_array a = {0};
    if (type != DNB_F32 && type != DNB_F64)
        return dnb_fail(err, DNB_EARG, "%s: an image is read as float32 or float64, not %s",
                        dnb_nifti_path(f), dnb_dtype_name(type));
    size_t bytes = f->n_vol * f->n_vox * dnb_dtype_size(type); /* < 2^63: see check_data */
    if (bytes > limit)
        return dnb_fail(err, DNB_ENOMEM,
                        "%s: %zu volumes of %zu voxels take %zu bytes as %s, %zu are allowed; read "
                        "fewer volumes or raise the limit",
                        dnb_nifti_path(f), f->n_vol, f->n_vox, bytes, dnb_dtype_name(type), limit);
    dnb_status status = dnb_array_init(&a, type, 4, shape, err);
    if (status == DNB_OK)
        status = type == DNB_F64 ? dnb_nifti_read_f64(f, 0, f->n_vol, a.data, err)
                                 : dnb_nifti_read_f32(f, 0, f->n_vol, a.data, err);
    if (status != DNB_OK) {
        dnb_array_release(&a);
        return status;
    }
    *out = a;
    return DNB_OK;
}
