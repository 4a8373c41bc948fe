/* Orientation of a NIfTI image: quaternion and affine, both ways. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "neuro/nifti_internal.h"

dnb_status dnb_nifti_header_init(dnb_nifti_header *out, int ndim, const size_t *shape, dnb_err *err)
{
    dnb_nifti_header h = {.version = 1, .ndim = ndim, .datatype = DNB_NIFTI_FLOAT32};
    size_t total = 1;
    if (ndim < 1 || ndim > DNB_NIFTI_MAX_DIMS)
        return dnb_fail(err, DNB_EARG, "a NIfTI image has 1 to 7 dimensions, not %d", ndim);
    for (int i = 0; i < DNB_NIFTI_MAX_DIMS; i++) {
        h.shape[i] = i < ndim ? shape[i] : 1;
        if (h.shape[i] == 0)
            return dnb_fail(err, DNB_EARG, "dimension %d of a NIfTI image is 0", i + 1);
        if (!dnb_mul_size(&total, total, h.shape[i]) || total > SIZE_MAX / 16)
            return dnb_fail(err, DNB_ENOMEM, "a NIfTI image of that many voxels cannot be held");
    }
    for (int i = 0; i < 8; i++)
        h.pixdim[i] = 1;
    h.xyzt_units = 2 | 8; /* mm, s */
    h.scl_slope = 1;
    *out = h;
    return DNB_OK;
}

/* Spacing along axis i as nibabel reads it: magnitude, and 1 for 0. */
static double spacing(const dnb_nifti_header *h, int i)
{
    double d = fabs(h->pixdim[1 + i]);
    return d > 0 ? d : 1;
}

static dnb_status affine_from_qform(const dnb_nifti_header *h, double m[4][4], dnb_err *err)
{
    double b = h->quatern[0], c = h->quatern[1], d = h->quatern[2];
    double w2 = 1 - (b * b + c * c + d * d);
    /* Quaternions are stored as floats, so a half turn may come out slightly longer than 1. */
    if (!(w2 >= -3 * (double)FLT_EPSILON))
        return dnb_fail(err, DNB_EFORMAT,
                        "qform quaternion (%g, %g, %g) is longer than 1: no rotation", b, c, d);
    double a = w2 > 0 ? sqrt(w2) : 0;
    double s = 2 / (a * a + b * b + c * c + d * d);
    double r[3][3] = {
        {1 - s * (c * c + d * d), s * (b * c - a * d), s * (b * d + a * c)},
        {s * (b * c + a * d), 1 - s * (b * b + d * d), s * (c * d - a * b)},
        {s * (b * d - a * c), s * (c * d + a * b), 1 - s * (b * b + c * c)},
    };
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++)
            m[i][j] = r[i][j] * spacing(h, j) * (j == 2 && h->pixdim[0] == -1 ? -1 : 1);
        m[i][3] = h->qoffset[i];
    }
    return DNB_OK;
}

/* Neither form: spacing alone, x flipped (Analyze's convention), centre of the grid at 0. */
static void affine_from_spacing(const dnb_nifti_header *h, double m[4][4])
{
    for (int i = 0; i < 3; i++) {
        double step = (i < h->ndim ? spacing(h, i) : 1) * (i == 0 ? -1 : 1);
        m[i][i] = step;
        m[i][3] = -step * ((double)h->shape[i] - 1) / 2;
    }
}

dnb_status dnb_nifti_affine(const dnb_nifti_header *h, double affine[4][4], dnb_err *err)
{
    double m[4][4] = {[3] = {0, 0, 0, 1}};
    if (h->sform_code > 0)
        memcpy(m, h->srow, sizeof h->srow);
    else if (h->qform_code > 0) {
        dnb_status status = affine_from_qform(h, m, err);
        if (status != DNB_OK)
            return status;
    } else
        affine_from_spacing(h, m);
    memcpy(affine, m, sizeof m);
    return DNB_OK;
}

/* (b, c, d) of a proper rotation, the sign chosen so that a >= 0. The largest of the four
 * components is found first and divides the others, so nothing cancels. */
static void rotation_to_quaternion(double r[3][3], double q[3])
{
    double four[4] = {1 + r[0][0] + r[1][1] + r[2][2], 1 + r[0][0] - r[1][1] - r[2][2],
                      1 - r[0][0] + r[1][1] - r[2][2], 1 - r[0][0] - r[1][1] + r[2][2]};
    double p[4];
    int k = 0;
    for (int i = 1; i < 4; i++)
        if (four[i] > four[k])
            k = i;
    double anti[3] = {r[2][1] - r[1][2], r[0][2] - r[2][0], r[1][0] - r[0][1]};
    p[k] = sqrt(four[k]) / 2;
    for (int i = 0; i < 4; i++) {
        if (i == k)
            continue;
        int axis = k == 0 ? i - 1 : i == 0 ? k - 1 : -1;
        double pair = axis >= 0 ? anti[axis] : r[i - 1][k - 1] + r[k - 1][i - 1];
        p[i] = pair / (4 * p[k]);
    }
    for (int i = 0; i < 3; i++)
        q[i] = p[0] < 0 ? -p[i + 1] : p[i + 1];
}

void dnb_nifti_set_affine(dnb_nifti_header *h, const double affine[4][4], int code)
{
    double r[3][3], length[3];
    bool rigid = true;
    memcpy(h->srow, affine, sizeof h->srow);
    h->sform_code = code;
    for (int j = 0; j < 3; j++) {
        length[j] = sqrt(affine[0][j] * affine[0][j] + affine[1][j] * affine[1][j] +
                         affine[2][j] * affine[2][j]);
        rigid = rigid && length[j] > 0;
        h->pixdim[1 + j] = length[j] > 0 ? length[j] : 1;
        for (int i = 0; i < 3; i++)
            r[i][j] = affine[i][j] / h->pixdim[1 + j];
        h->qoffset[j] = affine[j][3];
    }
    for (int j = 0; j < 3; j++) /* columns at right angles, or it shears */
        for (int k = 0; k < j; k++)
            rigid = rigid && fabs(r[0][j] * r[0][k] + r[1][j] * r[1][k] + r[2][j] * r[2][k]) < 1e-5;
    double det = r[0][0] * (r[1][1] * r[2][2] - r[1][2] * r[2][1]) -
                 r[0][1] * (r[1][0] * r[2][2] - r[1][2] * r[2][0]) +
                 r[0][2] * (r[1][0] * r[2][1] - r[1][1] * r[2][0]);
    h->pixdim[0] = rigid && det < 0 ? -1 : 1;
    h->qform_code = rigid ? code : 0;
    memset(h->quatern, 0, sizeof h->quatern);
    if (!rigid)
        return;
    for (int i = 0; i < 3; i++)
        r[i][2] *= h->pixdim[0];
    rotation_to_quaternion(r, h->quatern);
}
