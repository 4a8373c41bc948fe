/* Label images: which voxels belong to which region. Voxels are kept grouped by label, ascending
 * inside a group, so that a group is what numpy's data[mask == label] lists. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "dnnbrain/roi.h"

/* A scaled integer file gives labels that miss whole numbers by rounding errors: half a step of the
 * scale, which is label / 65535 for the 16-bit masks that nibabel writes from floats. */
#define LABEL_TOLERANCE 0.01
#define LABEL_MAX 0x1p53
/* Labels spelt out in a message before "...". */
#define LABELS_LISTED 60

struct dnb_mask {
    char *path;
    size_t shape[3];
    size_t n_labels;
    int64_t *labels; /* ascending */
    size_t *start;   /* n_labels + 1 positions in vox */
    size_t *vox;
};

typedef struct member {
    int64_t label;
    size_t vox;
} member;

static int compare_members(const void *a, const void *b)
{
    const member *x = a, *y = b;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    return (x->vox > y->vox) - (x->vox < y->vox);
}

static dnb_status fail_label(const char *name, const size_t shape[3], size_t i, double v,
                             dnb_err *err)
{
    size_t x = i / (shape[1] * shape[2]), y = i / shape[2] % shape[1], z = i % shape[2];
    return dnb_fail(err, DNB_EFORMAT,
                    "%s: voxel (%zu, %zu, %zu) of the mask is %.9g; a mask holds whole numbers: 0 "
                    "outside, the region's label inside",
                    name, x, y, z, v);
}

/* The voxels that are not 0, in voxel order. */
static dnb_status collect(const char *name, const size_t shape[3], const double *values, size_t n,
                          member **out, size_t *n_out, dnb_err *err)
{
    dnb_status status = DNB_OK;
    member *members = NULL;
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        double r = rint(values[i]);
        if (!(fabs(values[i] - r) <= LABEL_TOLERANCE) || fabs(r) > LABEL_MAX)
            return fail_label(name, shape, i, values[i], err);
        count += r != 0;
    }
    if (count == 0)
        return dnb_fail(err, DNB_EFORMAT, "%s: the mask is 0 everywhere: it selects no voxel",
                        name);
    DNB_NEW(members, count, "the mask's voxels");
    count = 0;
    for (size_t i = 0; i < n; i++)
        if (rint(values[i]) != 0)
            members[count++] = (member){.label = (int64_t)rint(values[i]), .vox = i};
    *out = members;
    *n_out = count;
done:
    return status;
}

/* Splits sorted members into groups. */
static dnb_status group(dnb_mask *m, const member *members, size_t n, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t k = 1;
    for (size_t i = 1; i < n; i++)
        k += members[i].label != members[i - 1].label;
    DNB_NEW(m->labels, k, "the mask's labels");
    DNB_NEW(m->start, k + 1, "the mask's labels");
    DNB_NEW(m->vox, n, "the mask's voxels");
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || members[i].label != members[i - 1].label) {
            m->labels[m->n_labels] = members[i].label;
            m->start[m->n_labels++] = i;
        }
        m->vox[i] = members[i].vox;
    }
    m->start[m->n_labels] = n;
done:
    return status;
}

dnb_status dnb_mask_new(dnb_mask **out, const size_t shape[3], const double *values,
                        const char *name, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_mask *m = NULL;
    member *members = NULL;
    size_t n = 0, n_vox;
    if (!dnb_mul_size(&n_vox, shape[0], shape[1]) || !dnb_mul_size(&n_vox, n_vox, shape[2]))
        return dnb_fail(err, DNB_EARG, "%s: the mask's sizes overflow", name);
    DNB_TRY(collect(name, shape, values, n_vox, &members, &n, err));
    qsort(members, n, sizeof *members, compare_members);
    DNB_NEW(m, 1, "mask");
    memcpy(m->shape, shape, sizeof m->shape);
    m->path = dnb_strdup(name);
    if (!m->path) {
        status = dnb_fail_memory(err, "path", strlen(name) + 1);
        goto done;
    }
    DNB_TRY(group(m, members, n, err));
    *out = m;
    m = NULL;
done:
    dnb_free(members);
    dnb_mask_free(m);
    return status;
}

dnb_status dnb_mask_read(dnb_mask **out, const char *path, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_brain *b = NULL;
    double *values = NULL;
    DNB_TRY(dnb_brain_open(&b, path, err));
    size_t n = dnb_brain_n_vox(b);
    if (dnb_brain_n_vol(b) != 1) {
        status = dnb_fail(err, DNB_ESHAPE, "%s: has %zu volumes; a mask has one", path,
                          dnb_brain_n_vol(b));
        goto done;
    }
    if (n > dnb_memory_budget() / sizeof *values) {
        status = dnb_fail(err, DNB_ENOMEM, "%s: a mask of %zu voxels does not fit %zu bytes", path,
                          n, dnb_memory_budget());
        goto done;
    }
    DNB_NEW(values, n, "the mask's values");
    DNB_TRY(dnb_brain_read_f64(b, 0, 1, NULL, n, values, NULL, err));
    DNB_TRY(dnb_mask_new(out, dnb_brain_shape(b), values, path, err));
done:
    dnb_free(values);
    dnb_brain_close(b);
    return status;
}

void dnb_mask_free(dnb_mask *m)
{
    if (!m)
        return;
    dnb_free(m->path);
    dnb_free(m->labels);
    dnb_free(m->start);
    dnb_free(m->vox);
    dnb_free(m);
}

const char *dnb_mask_path(const dnb_mask *m)
{
    return m->path;
}

const size_t *dnb_mask_shape(const dnb_mask *m)
{
    return m->shape;
}

size_t dnb_mask_n_labels(const dnb_mask *m)
{
    return m->n_labels;
}

const int64_t *dnb_mask_labels(const dnb_mask *m)
{
    return m->labels;
}

const size_t *dnb_mask_voxels(const dnb_mask *m, size_t i, size_t *n)
{
    *n = m->start[i + 1] - m->start[i];
    return m->vox + m->start[i];
}

static dnb_status fail_unknown(const dnb_mask *m, int64_t label, dnb_err *err)
{
    dnb_status status;
    dnb_strbuf list = {0};
    char *text = NULL;
    size_t shown = m->n_labels < LABELS_LISTED ? m->n_labels : LABELS_LISTED;
    for (size_t i = 0; i < shown; i++)
        dnb_strbuf_addf(&list, "%s%" PRId64, i ? " " : "", m->labels[i]);
    if (shown < m->n_labels)
        dnb_strbuf_addf(&list, " ... (%zu in all, up to %" PRId64 ")", m->n_labels,
                        m->labels[m->n_labels - 1]);
    status = dnb_strbuf_take(&list, &text, err);
    if (status == DNB_OK)
        status = dnb_fail(err, DNB_ENOTFOUND,
                          "%s: no voxel has the label %" PRId64 "; its labels are %s", m->path,
                          label, text);
    dnb_free(text);
    dnb_strbuf_release(&list);
    return status;
}

dnb_status dnb_mask_find(const dnb_mask *m, int64_t label, size_t *index, dnb_err *err)
{
    size_t lo = 0, hi = m->n_labels;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (m->labels[mid] < label)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == m->n_labels || m->labels[lo] != label)
        return fail_unknown(m, label, err);
    *index = lo;
    return DNB_OK;
}

static int compare_sizes(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

dnb_status dnb_mask_select(const dnb_mask *m, const int64_t *labels, size_t n_labels, size_t **out,
                           size_t *n_out, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t *vox = NULL, *groups = NULL;
    size_t n = 0, kept = 0, n_groups = n_labels ? n_labels : m->n_labels;
    DNB_NEW(groups, n_groups, "the chosen labels");
    for (size_t i = 0; i < n_groups; i++) {
        groups[i] = i;
        if (n_labels)
            DNB_TRY(dnb_mask_find(m, labels[i], &groups[i], err));
    }
    qsort(groups, n_groups, sizeof *groups, compare_sizes);
    for (size_t i = 0; i < n_groups; i++) /* a label named twice counts once */
        if (i == 0 || groups[i] != groups[i - 1])
            groups[kept++] = groups[i];
    for (size_t i = 0; i < kept; i++)
        n += m->start[groups[i] + 1] - m->start[groups[i]];
    DNB_NEW(vox, n, "the chosen voxels");
    n = 0;
    for (size_t i = 0; i < kept; i++) {
        size_t size;
        const size_t *from = dnb_mask_voxels(m, groups[i], &size);
        memcpy(vox + n, from, size * sizeof *vox);
        n += size;
    }
    qsort(vox, n, sizeof *vox, compare_sizes);
    *out = vox;
    *n_out = n;
    vox = NULL;
done:
    dnb_free(groups);
    dnb_free(vox);
    return status;
}

void dnb_mask_select_free(size_t *vox)
{
    dnb_free(vox);
}

dnb_status dnb_mask_check(const dnb_mask *m, const dnb_brain *b, dnb_err *err)
{
    char tm[72], tb[72];
    if (memcmp(m->shape, dnb_brain_shape(b), sizeof m->shape) == 0)
        return DNB_OK;
    return dnb_fail(err, DNB_ESHAPE,
                    "mask %s is %s voxels but image %s is %s; resample the mask to the image's "
                    "grid",
                    m->path, dnb_brain_shape_text(m->shape, tm, sizeof tm), dnb_brain_path(b),
                    dnb_brain_shape_text(dnb_brain_shape(b), tb, sizeof tb));
}
