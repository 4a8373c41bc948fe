/* NIfTI volumes as brain images. The file stores x fastest, voxel numbers count z fastest; the
 * change of order happens here, while a block is in cache. */
#include <string.h>

#include "base/mem.h"
#include "neuro/brain_internal.h"
#include "neuro/nifti_internal.h"

/* Intent codes of CIFTI-2 files (ConnDense, ConnDenseSeries, ...). */
#define CIFTI_INTENT_FIRST 3000
#define CIFTI_INTENT_LAST 3099
/* Values on their way from a line along x to their numbers. */
#define LINE_VALUES 256

typedef struct read_job {
    const size_t *shape;
    size_t n_vox, first_vol;
    const dnb_brain_picks *picks;
    dnb_brain_target to;
} read_job;

/* First pick at or behind `at`. */
static size_t lower_bound(const dnb_brain_picks *p, size_t at)
{
    size_t lo = 0, hi = p->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (p->items[mid].at < at)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* The block may start and end inside volumes. */
static void sink_picks(void *ctx, const dnb_voxel_format *format, const void *raw, size_t first,
                       size_t n)
{
    const read_job *job = ctx;
    for (size_t v = first / job->n_vox; v * job->n_vox < first + n; v++) {
        size_t start = v * job->n_vox, end = start + job->n_vox;
        size_t lo = first > start ? first - start : 0;
        size_t hi = (first + n < end ? first + n : end) - start;
        size_t a = lower_bound(job->picks, lo), b = lower_bound(job->picks, hi);
        const dnb_voxel_pick *pick = job->picks->items + a;
        size_t row = (v - job->first_vol) * job->to.stride;
        if (job->to.f64)
            dnb_voxel_pick_f64(format, raw, pick, first - start, b - a, job->to.f64 + row);
        else
            dnb_voxel_pick_f32(format, raw, pick, first - start, b - a, job->to.f32 + row);
    }
}

/* Every voxel: pieces of a line along x go to places ny * nz apart. */
static void sink_all(void *ctx, const dnb_voxel_format *format, const void *raw, size_t first,
                     size_t n)
{
    const read_job *job = ctx;
    size_t nx = job->shape[0], ny = job->shape[1], nz = job->shape[2];
    size_t size = dnb_voxel_size(format->datatype);
    double d[LINE_VALUES];
    float f[LINE_VALUES];
    for (size_t done = 0; done < n;) {
        size_t v = (first + done) / job->n_vox, k = (first + done) % job->n_vox;
        size_t x = k % nx, y = k / nx % ny, z = k / nx / ny;
        size_t m = nx - x < n - done ? nx - x : n - done;
        if (m > LINE_VALUES)
            m = LINE_VALUES;
        const unsigned char *from = (const unsigned char *)raw + done * size;
        size_t to = (v - job->first_vol) * job->to.stride + (x * ny + y) * nz + z;
        if (job->to.f64) {
            dnb_voxel_load_f64(format, from, m, d);
            for (size_t i = 0; i < m; i++)
                job->to.f64[to + i * ny * nz] = d[i];
        } else {
            dnb_voxel_load_f32(format, from, m, f);
            for (size_t i = 0; i < m; i++)
                job->to.f32[to + i * ny * nz] = f[i];
        }
        done += m;
    }
}

static dnb_status volume_read(dnb_brain *b, size_t first, size_t count,
                              const dnb_brain_picks *picks, const dnb_brain_target *to,
                              const dnb_progress *progress, dnb_err *err)
{
    read_job job = {
        .shape = b->shape, .n_vox = b->n_vox, .first_vol = first, .picks = picks, .to = *to};
    return dnb_nifti_stream(b->file, first, count, picks ? sink_picks : sink_all, &job, progress,
                            err);
}

static size_t volume_file_index(const dnb_brain *b, size_t vox)
{
    size_t ny = b->shape[1], nz = b->shape[2];
    size_t x = vox / (ny * nz), y = vox / nz % ny, z = vox % nz;
    return x + b->shape[0] * (y + ny * z);
}

static void volume_close(dnb_brain *b)
{
    dnb_nifti_close(b->file);
}

static dnb_status volume_affine(const dnb_brain *b, double affine[4][4], dnb_err *err)
{
    dnb_status status = dnb_nifti_affine(dnb_nifti_header_of(b->file), affine, err);
    return status == DNB_OK ? DNB_OK : dnb_fail_prefix(err, status, "%s", b->path);
}

/* The geometry of `like` for n_maps maps; what describes its voxels' values or their timing goes.
 */
static dnb_nifti_header map_header(const dnb_brain *like, size_t n_maps,
                                   const dnb_brain_write_options *opt)
{
    dnb_nifti_header h = *dnb_nifti_header_of(like->file);
    if (h.qform_code <= 0 && h.sform_code <= 0)
        for (int i = h.ndim; i < 3; i++) /* spacings beyond ndim counted as 1 until now */
            h.pixdim[1 + i] = 1;
    h.ndim = n_maps > 1 ? 4 : 3;
    h.shape[3] = n_maps;
    for (int i = 4; i < DNB_NIFTI_MAX_DIMS; i++)
        h.shape[i] = 1;
    h.datatype = opt->type ? (int)opt->type : DNB_NIFTI_FLOAT32;
    h.scl_slope = 1;
    h.scl_inter = 0;
    h.cal_min = h.cal_max = 0;
    h.slice_start = h.slice_end = h.slice_code = 0;
    h.slice_duration = 0;
    if (opt->descrip) {
        size_t n = strnlen(opt->descrip, sizeof h.descrip - 2);
        memset(h.descrip, 0, sizeof h.descrip);
        memcpy(h.descrip, opt->descrip, n);
    }
    return h;
}

static dnb_status volume_write_like(const char *path, const dnb_brain *like, size_t n_maps,
                                    void (*fill)(void *ctx, size_t i, double *row), void *ctx,
                                    const dnb_brain_write_options *opt, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_nifti_header h = map_header(like, n_maps, opt);
    dnb_nifti_write_options how = {.provenance = opt->provenance};
    dnb_nifti_writer *w = NULL;
    double *row = NULL;
    DNB_NEW(row, like->n_vox, "one map");
    DNB_TRY(dnb_nifti_writer_open(&w, path, &h, &how, err));
    for (size_t i = 0; i < n_maps; i++) {
        fill(ctx, i, row);
        DNB_TRY(dnb_nifti_writer_push(w, DNB_F64, row, like->n_vox, err));
    }
    status = dnb_nifti_writer_commit(w, err);
    w = NULL;
done:
    dnb_nifti_writer_abort(w);
    dnb_free(row);
    return status;
}

static const dnb_brain_format VOLUME = {
    .kind = DNB_BRAIN_VOLUME,
    .close = volume_close,
    .file_index = volume_file_index,
    .read = volume_read,
    .affine = volume_affine,
    .write_like = volume_write_like,
};

dnb_status dnb_brain_open_volume(dnb_brain *b, dnb_err *err)
{
    dnb_nifti *f = NULL;
    dnb_status status = dnb_nifti_open(&f, b->path, err);
    if (status != DNB_OK)
        return status;
    const dnb_nifti_header *h = dnb_nifti_header_of(f);
    if (h->intent_code >= CIFTI_INTENT_FIRST && h->intent_code <= CIFTI_INTENT_LAST) {
        status =
            dnb_fail(err, DNB_EUNSUPPORTED,
                     "%s: a CIFTI-2 file (intent %d, %s), which cannot be read yet; export its "
                     "volume to plain NIfTI",
                     b->path, h->intent_code, h->intent_name);
        dnb_nifti_close(f);
        return status;
    }
    b->format = &VOLUME;
    b->file = f;
    memcpy(b->shape, h->shape, sizeof b->shape);
    b->n_vox = dnb_nifti_n_vox(f);
    b->n_vol = dnb_nifti_n_vol(f);
    return DNB_OK;
}
