/* Reading gzip-compressed datasets with all threads. HDF5 says where the chunks lie; they are read,
 * inflated and put in their place side by side. Anything out of the ordinary (other filters,
 * missing chunks, conversions) is left to H5Dread. */
#include <string.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/path.h"
#include "data/h5_driver.h"
#include "data/h5_set.h"
#include "dnnbrain/runtime.h"

enum { LARGEST_CHUNK = 64 << 20, DIMS = DNB_H5_DIMS };

/* One chunk on its way. */
typedef struct piece {
    size_t origin[DIMS]; /* its first element */
    uint64_t at;         /* in the file */
    size_t size;         /* there */
    unsigned skipped;    /* bit i: filter i was not applied */
    const char *problem; /* what is wrong with it */
    bool no_memory;
} piece;

/* What all chunks of one read share. */
typedef struct unpacking {
    const dnb_h5_file *f;
    const dnb_h5_set *s;
    dnb_h5_range r;
    size_t item, chunk[DIMS], chunk_items;
    char *out;
} unpacking;

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Flat index, within a row, of an element. */
static size_t flat(const dnb_h5_set *s, size_t c, size_t h, size_t w)
{
    return (c * s->shape[2] + h) * s->shape[3] + w;
}

/* Does the chunk at origin hold any wanted unit? (May say yes too often.) */
static bool is_wanted(const unpacking *k, const size_t origin[DIMS])
{
    size_t end[DIMS];
    for (int a = 1; a < DIMS; a++)
        end[a] = least(origin[a] + k->chunk[a], k->s->shape[a]) - 1;
    return flat(k->s, origin[1], origin[2], origin[3]) < k->r.u + k->r.n_unit &&
           flat(k->s, end[1], end[2], end[3]) >= k->r.u;
}

/* Moves to the next chunk of rows first..first+n-1, in file order; false after the last. */
static bool next_chunk(const unpacking *k, size_t origin[DIMS])
{
    for (int a = DIMS - 1; a >= 0; a--) {
        size_t end = a ? k->s->shape[a] : k->r.first + k->r.n;
        origin[a] += k->chunk[a];
        if (origin[a] < end)
            return true;
        origin[a] = a ? 0 : origin[a];
    }
    return false;
}

/* Undoes HDF5's shuffle (all first bytes, then all second bytes, ...). */
static void unshuffle(unsigned char *dst, const unsigned char *src, size_t n, size_t item)
{
    for (size_t b = 0; b < item; b++)
        for (size_t i = 0; i < n; i++)
            dst[i * item + b] = src[b * n + i];
}

/* Copies the wanted elements of an unpacked chunk to their place. */
static void scatter(const unpacking *k, const size_t origin[DIMS], const unsigned char *values)
{
    const size_t *shape = k->s->shape, *chunk = k->chunk;
    size_t first = k->r.u, last = k->r.u + k->r.n_unit;
    size_t width = least(chunk[3], shape[3] - origin[3]);
    for (size_t i = 0; i < chunk[0]; i++) {
        size_t row = origin[0] + i;
        if (row < k->r.first || row >= k->r.first + k->r.n)
            continue;
        char *to = k->out + (row - k->r.first) * k->r.n_unit * k->item;
        for (size_t c = 0; c < least(chunk[1], shape[1] - origin[1]); c++)
            for (size_t h = 0; h < least(chunk[2], shape[2] - origin[2]); h++) {
                const unsigned char *from =
                    values + (((i * chunk[1] + c) * chunk[2] + h) * chunk[3]) * k->item;
                size_t a = flat(k->s, origin[1] + c, origin[2] + h, origin[3]), b = a + width;
                size_t from_u = a < first ? first : a, to_u = least(b, last);
                if (from_u < to_u)
                    memcpy(to + (from_u - first) * k->item, from + (from_u - a) * k->item,
                           (to_u - from_u) * k->item);
            }
    }
}

/* Undoes the filters of a chunk, last one first. The two buffers hold at least a whole chunk; *now
 * has `size` bytes, in the end the values. NULL or what is wrong with it. */
static const char *undo_filters(const unpacking *k, unsigned skipped, unsigned char **now,
                                unsigned char **next, size_t size)
{
    size_t bytes = k->chunk_items * k->item;
    for (int i = k->s->n_filters - 1; i >= 0; i--) {
        unsigned char *swap = *now;
        if (skipped >> i & 1)
            continue;
        if (k->s->filters[i] == H5Z_FILTER_FLETCHER32) {
            if (size < 4)
                return "a chunk has the wrong size";
            size -= 4; /* (HDF5 compares the sum) */
            continue;
        }
        if (k->s->filters[i] == H5Z_FILTER_DEFLATE) {
            uLongf got = (uLongf)bytes + 4; /* room for a sum below */
            if (uncompress(*next, &got, *now, (uLong)size) != Z_OK)
                return "a gzip chunk is broken";
            size = (size_t)got;
        } else if (size < bytes || size > bytes + 4) {
            return "a chunk has the wrong size";
        } else {
            unshuffle(*next, *now, k->chunk_items, k->item);
            memcpy(*next + bytes, *now + bytes, size - bytes);
        }
        *now = *next;
        *next = swap;
    }
    return size == bytes ? NULL : "a chunk has the wrong size";
}

/* Reads one chunk and undoes its filters. */
static void unpack(const unpacking *k, piece *p)
{
    size_t bytes = k->chunk_items * k->item + 4;
    unsigned char *now = dnb_alloc_aligned(p->size > bytes ? p->size : bytes, 1);
    unsigned char *next = dnb_alloc_aligned(p->size > bytes ? p->size : bytes, 1);
    p->problem = NULL;
    p->no_memory = !now || !next;
    if (p->no_memory)
        p->problem = "";
    else if (dnb_file_read_at(k->f->io->fd, now, p->size, p->at, NULL) != 0)
        p->problem = "cannot read a chunk";
    else
        p->problem = undo_filters(k, p->skipped, &now, &next, p->size);
    if (!p->problem)
        scatter(k, p->origin, now);
    dnb_free(now);
    dnb_free(next);
}

/* Where is the chunk? False when it cannot be read this way. */
static bool locate(const unpacking *k, hid_t set, piece *p)
{
    hsize_t at[DIMS], size = 0;
    haddr_t addr = HADDR_UNDEF;
    size_t bytes = k->chunk_items * k->item;
    for (int a = 0; a < DIMS; a++)
        at[a] = p->origin[a];
    if (H5Dget_chunk_info_by_coord(set, at, &p->skipped, &addr, &size) < 0 || addr == HADDR_UNDEF ||
        size == 0 || size > k->f->size || addr > k->f->size - size ||
        size > bytes + bytes / 64 + 4096)
        return false;
    p->at = (uint64_t)addr;
    p->size = (size_t)size;
    return true;
}

/* Reads all chunks, a batch at a time; *served = false when one of them cannot be read this way. */
static dnb_status read_all(const unpacking *k, hid_t set, bool *served, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t batch = 4 * (size_t)dnb_threads_get(), n;
    size_t origin[DIMS] = {k->r.first / k->chunk[0] * k->chunk[0]};
    piece *pieces = NULL;
    bool more = true;
    DNB_NEW(pieces, batch, "chunks");
    while (more && *served) {
        for (n = 0; n < batch && more && *served; more = next_chunk(k, origin)) {
            if (!is_wanted(k, origin))
                continue;
            memcpy(pieces[n].origin, origin, sizeof origin);
            *served = locate(k, set, &pieces[n++]);
        }
        n = *served ? n : 0;
#pragma omp parallel for schedule(dynamic)
        for (size_t i = 0; i < n; i++)
            unpack(k, &pieces[i]);
        for (size_t i = 0; i < n; i++)
            if (pieces[i].problem) {
                status = pieces[i].no_memory
                             ? dnb_fail_memory(err, k->f->path, 2 * k->chunk_items * k->item)
                             : dnb_fail(err, DNB_EFORMAT, "%s: dataset '%.200s': %s", k->f->path,
                                        k->s->name, pieces[i].problem);
                goto done;
            }
    }
done:
    dnb_free(pieces);
    return status;
}

/* Does a chunk unpack to what a chunk holds? (One that is not there does.) */
static dnb_status check_chunk(const unpacking *k, hid_t set, const size_t origin[DIMS],
                              dnb_err *err)
{
    hsize_t at[DIMS], size = 0;
    uint32_t skipped = 0;
    size_t bytes = k->chunk_items * k->item + 4;
    const char *problem = NULL;
    for (int a = 0; a < DIMS; a++)
        at[a] = origin[a];
    if (H5Dget_chunk_storage_size(set, at, &size) < 0 || size == 0) {
        H5Eclear2(H5E_DEFAULT);
        return DNB_OK; /* HDF5 says so itself, or gives the fill value */
    }
    if (size > k->f->size)
        return dnb_fail(err, DNB_EFORMAT, "%s: dataset '%.200s': a chunk has the wrong size",
                        k->f->path, k->s->name);
    size_t room = size > bytes ? (size_t)size : bytes;
    unsigned char *now = dnb_alloc_aligned(room, 1), *next = dnb_alloc_aligned(room, 1);
    dnb_status status = DNB_OK;
    if (!now || !next)
        status = dnb_fail_memory(err, k->f->path, 2 * room);
    else if (H5Dread_chunk(set, H5P_DEFAULT, at, &skipped, now) < 0)
        status = dnb_h5_bad(k->f, err, "dataset '%.200s': cannot read a chunk", k->s->name);
    else if ((problem = undo_filters(k, skipped, &now, &next, (size_t)size)))
        status =
            dnb_fail(err, DNB_EFORMAT, "%s: dataset '%.200s': %s", k->f->path, k->s->name, problem);
    dnb_free(now);
    dnb_free(next);
    return status;
}

/* Fills in what follows from dataset and type; false when a chunk is too large to count. */
static bool lay_out(unpacking *k)
{
    bool ok = true;
    for (int a = 0; a < DIMS && ok; a++) {
        k->chunk[a] = a < k->s->ndim ? (size_t)k->s->chunk[a] : 1;
        ok = dnb_mul_size(&k->chunk_items, k->chunk_items, k->chunk[a]) &&
             k->chunk_items <= SIZE_MAX / 4 / k->item;
    }
    return ok;
}

dnb_status dnb_h5_check_chunks(const dnb_h5_file *f, const dnb_h5_set *s, dnb_h5_range r,
                               dnb_err *err)
{
    unpacking k = {.f = f, .s = s, .r = r, .item = dnb_dtype_size(s->type), .chunk_items = 1};
    if (s->n_filters == 0)
        return DNB_OK;
    if (!lay_out(&k))
        return dnb_fail(err, DNB_EFORMAT, "%s: dataset '%.200s': chunks too large", f->path,
                        s->name);
    hid_t set = H5Dopen2(f->file, s->name, H5P_DEFAULT);
    if (set < 0)
        return dnb_h5_bad(f, err, "dataset '%.200s': cannot be opened", s->name);
    size_t origin[DIMS] = {r.first / k.chunk[0] * k.chunk[0]};
    dnb_status status = DNB_OK;
    do {
        if (is_wanted(&k, origin))
            status = check_chunk(&k, set, origin, err);
    } while (status == DNB_OK && next_chunk(&k, origin));
    dnb_h5_close(set);
    return status;
}

dnb_status dnb_h5_read_chunks(const dnb_h5_file *f, const dnb_h5_set *s, dnb_h5_range r,
                              dnb_dtype type, void *out, bool *served, dnb_err *err)
{
    unpacking k = {
        .f = f, .s = s, .r = r, .item = dnb_dtype_size(type), .chunk_items = 1, .out = out};
    *served = s->unpackable && s->type == type;
    *served = *served && lay_out(&k) && k.chunk_items <= LARGEST_CHUNK / k.item;
    if (!*served)
        return DNB_OK;
    hid_t set = H5Dopen2(f->file, s->name, H5P_DEFAULT);
    if (set < 0) {
        *served = false;
        return DNB_OK;
    }
    dnb_status status = read_all(&k, set, served, err);
    dnb_h5_close(set);
    return status;
}
