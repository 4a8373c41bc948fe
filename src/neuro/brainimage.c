/* Brain images of any file format: choice of format by suffix, and what all formats share. */
#include "dnnbrain/brainimage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "neuro/brain_internal.h"

typedef enum family { NIFTI, CIFTI, GIFTI, MGH } family;

/* Longer suffixes first: the first that fits decides. `output` is what a map in the same format is
 * called. */
static const struct {
    const char *suffix;
    family family;
    const char *output;
} SUFFIXES[] = {
    {".dscalar.nii", CIFTI, ".dscalar.nii"},
    {".dtseries.nii", CIFTI, ".dtseries.nii"},
    {".dlabel.nii", CIFTI, ".dlabel.nii"},
    {".dconn.nii", CIFTI, ".dconn.nii"},
    {".pscalar.nii", CIFTI, ".pscalar.nii"},
    {".ptseries.nii", CIFTI, ".ptseries.nii"},
    {".plabel.nii", CIFTI, ".plabel.nii"},
    {".pconn.nii", CIFTI, ".pconn.nii"},
    {".nii.gz", NIFTI, ".nii.gz"},
    {".nii", NIFTI, ".nii"},
    {".hdr.gz", NIFTI, ".nii.gz"},
    {".img.gz", NIFTI, ".nii.gz"},
    {".hdr", NIFTI, ".nii"},
    {".img", NIFTI, ".nii"},
    {".func.gii", GIFTI, ".func.gii"},
    {".shape.gii", GIFTI, ".shape.gii"},
    {".gii.gz", GIFTI, ".gii.gz"},
    {".gii", GIFTI, ".gii"},
    {".mgh", MGH, ".mgh"},
    {".mgz", MGH, ".mgz"},
};
#define N_SUFFIXES (sizeof SUFFIXES / sizeof *SUFFIXES)

/* Index into SUFFIXES; N_SUFFIXES when none fits. */
static size_t find_suffix(const char *path)
{
    size_t i = 0;
    while (i < N_SUFFIXES && !dnb_path_has_suffix(path, SUFFIXES[i].suffix))
        i++;
    return i;
}

bool dnb_brain_is_image_name(const char *path)
{
    return find_suffix(path) < N_SUFFIXES;
}

const char *dnb_brain_suffix(const char *path)
{
    size_t i = find_suffix(path);
    return i < N_SUFFIXES ? SUFFIXES[i].output : ".nii.gz";
}

static dnb_status open_by_suffix(dnb_brain *b, dnb_err *err)
{
    size_t i = find_suffix(b->path);
    if (i == N_SUFFIXES)
        return dnb_fail(err, DNB_EARG,
                        "%s: not the name of a brain image; it must end in .nii, .nii.gz, .hdr or "
                        ".img",
                        b->path);
    switch (SUFFIXES[i].family) {
    case NIFTI:
        return dnb_brain_open_volume(b, err);
    case CIFTI:
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "%s: CIFTI-2 images (%s) cannot be read yet; export the volume to .nii",
                        b->path, SUFFIXES[i].suffix);
    case GIFTI:
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "%s: GIFTI surfaces (%s) cannot be read yet; map the data to a .nii volume",
                        b->path, SUFFIXES[i].suffix);
    case MGH:
        return dnb_fail(
            err, DNB_EUNSUPPORTED,
            "%s: MGH images (%s) cannot be read yet; convert the image to .nii (FreeSurfer: "
            "mri_convert)",
            b->path, SUFFIXES[i].suffix);
    }
    return dnb_fail(err, DNB_EINTERNAL, "%s: no reader", b->path);
}

dnb_status dnb_brain_open(dnb_brain **out, const char *path, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_brain *b = NULL;
    DNB_NEW(b, 1, "brain image");
    b->path = dnb_strdup(path);
    if (!b->path) {
        status = dnb_fail_memory(err, "path", strlen(path) + 1);
        goto done;
    }
    DNB_TRY(open_by_suffix(b, err));
    *out = b;
    b = NULL;
done:
    dnb_brain_close(b);
    return status;
}

void dnb_brain_close(dnb_brain *b)
{
    if (!b)
        return;
    if (b->format)
        b->format->close(b);
    dnb_free(b->path);
    dnb_free(b);
}

dnb_brain_kind dnb_brain_kind_of(const dnb_brain *b)
{
    return b->format->kind;
}

const char *dnb_brain_path(const dnb_brain *b)
{
    return b->path;
}

const size_t *dnb_brain_shape(const dnb_brain *b)
{
    return b->shape;
}

size_t dnb_brain_n_vox(const dnb_brain *b)
{
    return b->n_vox;
}

size_t dnb_brain_n_vol(const dnb_brain *b)
{
    return b->n_vol;
}

const dnb_nifti_header *dnb_brain_nifti_header(const dnb_brain *b)
{
    return b->format->kind == DNB_BRAIN_VOLUME ? dnb_nifti_header_of(b->file) : NULL;
}

dnb_status dnb_brain_affine(const dnb_brain *b, double affine[4][4], dnb_err *err)
{
    return b->format->affine(b, affine, err);
}

char *dnb_brain_shape_text(const size_t shape[3], char *buf, size_t size)
{
    snprintf(buf, size, "%zux%zux%zu", shape[0], shape[1], shape[2]);
    return buf;
}

dnb_status dnb_brain_check_same_shape(const dnb_brain *a, const dnb_brain *b, dnb_err *err)
{
    char ta[72], tb[72];
    if (memcmp(a->shape, b->shape, sizeof a->shape) == 0)
        return DNB_OK;
    return dnb_fail(err, DNB_ESHAPE, "%s is %s voxels but %s is %s; they must share one grid",
                    a->path, dnb_brain_shape_text(a->shape, ta, sizeof ta), b->path,
                    dnb_brain_shape_text(b->shape, tb, sizeof tb));
}

static int compare_picks(const void *a, const void *b)
{
    size_t x = ((const dnb_voxel_pick *)a)->at, y = ((const dnb_voxel_pick *)b)->at;
    return (x > y) - (x < y);
}

static dnb_status check_voxels(const dnb_brain *b, const size_t *vox, size_t n, dnb_err *err)
{
    for (size_t j = 0; j < n; j++)
        if (vox[j] >= b->n_vox)
            return dnb_fail(err, DNB_EARG, "%s: voxel number %zu asked, it has %zu voxels", b->path,
                            vox[j], b->n_vox);
    return DNB_OK;
}

dnb_status dnb_brain_picks_init(dnb_brain_picks *p, const dnb_brain *b, const size_t *vox, size_t n,
                                dnb_err *err)
{
    dnb_status status = check_voxels(b, vox, n, err);
    if (status != DNB_OK)
        return status;
    dnb_voxel_pick *items = dnb_alloc(n, sizeof *items);
    if (!items)
        return dnb_fail_memory(err, "the list of voxels", n * sizeof *items);
    for (size_t j = 0; j < n; j++)
        items[j] = (dnb_voxel_pick){.at = b->format->file_index(b, vox[j]), .to = j};
    /* Equal positions (a voxel asked twice) may come in any order: both get the same value. */
    qsort(items, n, sizeof *items, compare_picks);
    p->items = items;
    p->n = n;
    return DNB_OK;
}

void dnb_brain_picks_release(dnb_brain_picks *p)
{
    dnb_free(p->items);
    *p = (dnb_brain_picks){0};
}

static dnb_status read_any(dnb_brain *b, size_t first, size_t count, const size_t *vox, size_t n,
                           dnb_brain_target to, const dnb_progress *progress, dnb_err *err)
{
    dnb_brain_picks picks = {0};
    if (!vox && n != b->n_vox)
        return dnb_fail(err, DNB_EARG, "%s: all %zu voxels asked into a row of %zu", b->path,
                        b->n_vox, n);
    to.stride = n;
    if (!vox)
        return b->format->read(b, first, count, NULL, &to, progress, err);
    dnb_status status = dnb_brain_picks_init(&picks, b, vox, n, err);
    if (status == DNB_OK)
        status = b->format->read(b, first, count, &picks, &to, progress, err);
    dnb_brain_picks_release(&picks);
    return status;
}

dnb_status dnb_brain_read_f64(dnb_brain *b, size_t first, size_t count, const size_t *vox,
                              size_t n_sel, double *out, const dnb_progress *progress, dnb_err *err)
{
    return read_any(b, first, count, vox, n_sel, (dnb_brain_target){.f64 = out}, progress, err);
}

dnb_status dnb_brain_read_f32(dnb_brain *b, size_t first, size_t count, const size_t *vox,
                              size_t n_sel, float *out, const dnb_progress *progress, dnb_err *err)
{
    return read_any(b, first, count, vox, n_sel, (dnb_brain_target){.f32 = out}, progress, err);
}

/* The values of dnb_brain_write_like, laid out a map at a time. */
typedef struct map_source {
    const dnb_brain *like;
    const double *values;
    const size_t *vox;
    size_t n;
    double fill;
} map_source;

static void fill_map(void *ctx, size_t i, double *row)
{
    const map_source *s = ctx;
    const double *values = s->values + i * s->n;
    if (s->vox)
        for (size_t k = 0; k < s->like->n_vox; k++)
            row[k] = s->fill;
    for (size_t j = 0; j < s->n; j++)
        row[s->like->format->file_index(s->like, s->vox ? s->vox[j] : j)] = values[j];
}

dnb_status dnb_brain_write_like(const char *path, const dnb_brain *like, size_t n_maps,
                                const double *values, const size_t *vox, size_t n_sel,
                                const dnb_brain_write_options *opt, dnb_err *err)
{
    static const dnb_brain_write_options DEFAULTS = {0};
    if (!opt)
        opt = &DEFAULTS;
    if (n_maps == 0)
        return dnb_fail(err, DNB_EARG, "%s: an image of no maps cannot be written", path);
    if (!vox && n_sel != like->n_vox)
        return dnb_fail(err, DNB_EARG, "%s: %zu values per map for the %zu voxels of %s", path,
                        n_sel, like->n_vox, like->path);
    dnb_status status = vox ? check_voxels(like, vox, n_sel, err) : DNB_OK;
    if (status != DNB_OK)
        return status;
    map_source source = {.like = like, .values = values, .vox = vox, .n = n_sel, .fill = opt->fill};
    return like->format->write_like(path, like, n_maps, fill_map, &source, opt, err);
}
