/* gzip-compressed copies of contiguous datasets: chunks are gathered, shuffled and deflated by all
 * threads, HDF5 only stores them. The result is what H5Pset_shuffle + H5Pset_deflate describe, so
 * any HDF5 reads it. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"
#include "data/h5_stream.h"
#include "dnnbrain/runtime.h"

/* One chunk on its way. */
typedef struct piece {
    size_t row, n_rows;  /* rows it covers */
    size_t at[3], start; /* place of its part of a row; the same as a flat index */
    size_t len;          /* elements of that part, in one run */
    unsigned char *raw, *shuffled, *packed;
    size_t packed_size;
    bool plain; /* deflate did not make it smaller */
    bool failed;
} piece;

/* Walks the chunks of one dataset in file order. */
typedef struct chunk_walk {
    const dnb_h5_plan *plan;
    size_t chunk[4], next[4];
    bool over;
} chunk_walk;

static bool next_piece(chunk_walk *w, piece *p)
{
    const size_t *shape = w->plan->shape;
    size_t lengths[4] = {w->plan->rows, shape[0], shape[1], shape[2]}, take[3];
    if (w->over)
        return false;
    p->row = w->next[0];
    p->n_rows = lengths[0] - p->row < w->chunk[0] ? lengths[0] - p->row : w->chunk[0];
    for (int a = 0; a < 3; a++) {
        p->at[a] = w->next[a + 1];
        take[a] = shape[a] - p->at[a] < w->chunk[a + 1] ? shape[a] - p->at[a] : w->chunk[a + 1];
    }
    p->start = (p->at[0] * shape[1] + p->at[1]) * shape[2] + p->at[2];
    p->len =
        take[0] * take[1] * take[2]; /* one run: an axis is cut only where the outer ones are 1 */
    for (int a = 3; a >= 0; a--) {
        w->next[a] += w->chunk[a];
        if (w->next[a] < lengths[a])
            return true;
        w->next[a] = 0;
    }
    w->over = true;
    return true;
}

static bool read_fully(int fd, void *to, size_t n, uint64_t at)
{
    for (unsigned char *p = to; n > 0;) {
        ssize_t got = pread(fd, p, n, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        p += got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return true;
}

/* HDF5's shuffle: all first bytes, then all second bytes, ... */
static void shuffle(unsigned char *dst, const unsigned char *src, size_t n, size_t item)
{
    for (size_t b = 0; b < item; b++)
        for (size_t i = 0; i < n; i++)
            dst[b * n + i] = src[i * item + b];
}

/* What all pieces of a dataset share. */
typedef struct packing {
    const dnb_h5_plan *plan;
    size_t item, chunk_items, row_items, bound;
    int fd, level;
    uint64_t offset;
} packing;

/* Gathers, shuffles and deflates one chunk; edge chunks are padded with zeros. */
static void pack(const packing *k, piece *p)
{
    size_t bytes = k->chunk_items * k->item, run = p->len * k->item;
    bool short_chunk = p->n_rows * p->len < k->chunk_items;
    p->failed = false;
    if (short_chunk)
        memset(p->raw, 0, bytes);
    for (size_t i = 0; i < p->n_rows && !p->failed; i++) {
        uint64_t at = k->offset + ((uint64_t)(p->row + i) * k->row_items + p->start) * k->item;
        p->failed = !read_fully(k->fd, p->raw + i * run, run, at);
    }
    shuffle(p->shuffled, p->raw, k->chunk_items, k->item);
    uLongf size = (uLongf)k->bound;
    p->plain =
        compress2(p->packed, &size, p->shuffled, (uLong)bytes, k->level) != Z_OK || size >= bytes;
    p->packed_size = p->plain ? bytes : (size_t)size;
}

static dnb_status store(hid_t set, const char *path, const dnb_h5_plan *plan, const piece *p,
                        dnb_err *err)
{
    size_t corner[4] = {p->row, p->at[0], p->at[1], p->at[2]};
    hsize_t at[DNB_H5_DIMS];
    enum { SKIP_DEFLATE = 2 }; /* bit 1: the second filter */
    dnb_h5_file_dims(plan, corner, at);
    if (p->failed)
        return dnb_fail(err, DNB_EIO, "%s: cannot read back the uncompressed values", path);
    if (H5Dwrite_chunk(set, H5P_DEFAULT, p->plain ? SKIP_DEFLATE : 0, at, p->packed_size,
                       p->plain ? p->shuffled : p->packed) < 0)
        return dnb_h5_fail(err, DNB_EIO, path, "cannot write '%.200s'", plan->name);
    return DNB_OK;
}

static dnb_status compress_set(hid_t set, const dnb_h5_io *io, const char *path, const packing *k,
                               dnb_err *err)
{
    dnb_status status = DNB_OK;
    chunk_walk w = {.plan = k->plan};
    size_t batch = 4 * (size_t)dnb_threads_get(), n;
    size_t bytes = k->chunk_items * k->item;
    piece *pieces = NULL;
    dnb_h5_chunk_shape(k->plan, k->item, w.chunk);
    DNB_NEW(pieces, batch, "compression");
    for (size_t i = 0; i < batch; i++) {
        pieces[i].raw = dnb_alloc_aligned(bytes, 1);
        pieces[i].shuffled = dnb_alloc_aligned(bytes, 1);
        pieces[i].packed = dnb_alloc_aligned(k->bound, 1);
        if (!pieces[i].raw || !pieces[i].shuffled || !pieces[i].packed) {
            status = dnb_fail_memory(err, "compression", 2 * bytes + k->bound);
            goto done;
        }
    }
    do {
        for (n = 0; n < batch && next_piece(&w, &pieces[n]); n++)
            ;
#pragma omp parallel for schedule(dynamic)
        for (size_t i = 0; i < n; i++)
            pack(k, &pieces[i]);
        for (size_t i = 0; i < n; i++)
            DNB_TRY(store(set, path, k->plan, &pieces[i], err));
        DNB_TRY(dnb_h5_io_check(io, path, err));
    } while (n == batch);
done:
    for (size_t i = 0; pieces && i < batch; i++) {
        dnb_free(pieces[i].raw);
        dnb_free(pieces[i].shuffled);
        dnb_free(pieces[i].packed);
    }
    dnb_free(pieces);
    return status;
}

dnb_status dnb_h5_compress(hid_t file, const dnb_h5_io *io, const dnb_h5_job *job, int fd,
                           const uint64_t *offsets, dnb_err *err)
{
    dnb_status status = DNB_OK;
    for (size_t i = 0; i < job->n && status == DNB_OK; i++) {
        size_t chunk[4];
        packing k = {.plan = &job->plans[i],
                     .item = dnb_dtype_size(job->type),
                     .fd = fd,
                     .level = job->compress,
                     .offset = offsets[i]};
        dnb_h5_chunk_shape(k.plan, k.item, chunk);
        k.chunk_items = chunk[0] * chunk[1] * chunk[2] * chunk[3];
        k.row_items = dnb_h5_plan_items(k.plan);
        k.bound = (size_t)compressBound((uLong)(k.chunk_items * k.item));
        hid_t set = H5Dopen2(file, k.plan->name, H5P_DEFAULT);
        status = set < 0
                     ? dnb_h5_fail(err, DNB_EIO, job->path, "cannot write '%.200s'", k.plan->name)
                     : compress_set(set, io, job->path, &k, err);
        dnb_h5_close(set);
    }
    return status;
}
