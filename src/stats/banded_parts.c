/* How much of a banded model's held-out R^2 each band makes: the product measure, and unique and
 * common parts from refits without each subset of bands. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "dnnbrain/banded.h"
#include "dnnbrain/scoring.h"
#include "stats/regression_own.h"

/* Adds the sums of one band: part = sum_i p_b (2 y - p), p less the held-out mean. */
static void add_band(double *part, const double *pb, const double *p, const double *y,
                     const double *mean, size_t n, size_t m)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < m; j++)
            part[j] += pb[i * m + j] * (2 * (y[i * m + j] - mean[j]) - (p[i * m + j] - mean[j]));
}

dnb_status dnb_banded_split(double *part, double *r2, const dnb_banded *b, const dnb_band *band,
                            size_t bands, size_t n, const double *y, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t m = b->m;
    double *all = NULL, *one = NULL, *yc = NULL, *mean = NULL, *offset = NULL;
    if (n < 2)
        return dnb_fail(err, DNB_EARG, "variance of %zu rows; it needs 2 or more", n);
    DNB_TRY(dnb_regression_check_finite(y, n, m, "targets", err));
    DNB_NEW(all, n * m, "predictions");
    DNB_NEW(one, n * m, "predictions");
    DNB_NEW(yc, n * m, "targets");
    DNB_NEW(mean, m, "means");
    DNB_NEW(offset, m, "means");
    DNB_TRY(dnb_banded_predict(all, b, band, bands, n, SIZE_MAX, err));
    dnb_regression_centre(yc, mean, y, m, n, 0, m);
    /* The prediction's share that belongs to no band: the fit's mean of y less this one's. */
    for (size_t j = 0; j < m; j++) {
        offset[j] = b->intercept[j] - mean[j];
        for (size_t q = 0; q < b->d; q++)
            offset[j] += b->xmean[q] * b->coef[q * m + j];
    }
    memset(part, 0, bands * m * sizeof *part);
    for (size_t k = 0; k < bands; k++) {
        DNB_TRY(dnb_banded_predict(one, b, band, bands, n, k, err));
        add_band(part + k * m, one, all, y, mean, n, m);
    }
    for (size_t j = 0; j < m; j++) {
        double total = 0, predicted = 0, sum = 0;
        for (size_t i = 0; i < n; i++) {
            total += yc[i * m + j] * yc[i * m + j];
            predicted += all[i * m + j] - mean[j];
        }
        for (size_t k = 0; k < bands; k++) {
            double *to = part + k * m + j;
            *to = total > 0 ? (*to - offset[j] * predicted / (double)bands) / total : 0;
            sum += *to;
        }
        if (r2)
            r2[j] = sum;
    }
done:
    dnb_free(all);
    dnb_free(one);
    dnb_free(yc);
    dnb_free(mean);
    dnb_free(offset);
    return status;
}

/* R^2 of the model of one subset, or of the training mean for none. */
static dnb_status score_subset(double *r2, const dnb_band *band, size_t bands, size_t n,
                               const double *y, const dnb_band *test, size_t n_test,
                               const double *y_test, size_t m, const dnb_banded_options *opt,
                               dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_banded b = {0};
    double *yhat = NULL, *centred = NULL;
    DNB_NEW(yhat, n_test * m, "predictions");
    if (bands == 0) {
        DNB_NEW(centred, n * m, "targets");
        dnb_regression_centre(centred, yhat, y, m, n, 0, m);
        for (size_t i = 1; i < n_test; i++)
            memcpy(yhat + i * m, yhat, m * sizeof *yhat);
    } else {
        DNB_TRY(dnb_banded_fit(&b, band, bands, n, y, m, opt, err));
        DNB_TRY(dnb_banded_predict(yhat, &b, test, bands, n_test, SIZE_MAX, err));
    }
    DNB_TRY(dnb_score_columns(r2, DNB_SCORE_R2, y_test, yhat, n_test, m, err));
done:
    dnb_banded_release(&b);
    dnb_free(yhat);
    dnb_free(centred);
    return status;
}

/* common(S) = sum over T in S of (-1)^(|T| + 1) r2(outside S, and T). */
static void commonality(double *common, const double *r2, size_t bands, size_t m)
{
    size_t all = ((size_t)1 << bands) - 1;
    memcpy(common, r2, m * sizeof *common);
    for (size_t s = 1; s <= all; s++)
        for (size_t t = s;; t = (t - 1) & s) {
            size_t members = 0;
            for (size_t b = 0; b < bands; b++)
                members += t >> b & 1;
            double sign = members % 2 ? 1 : -1;
            for (size_t j = 0; j < m; j++)
                common[s * m + j] += sign * r2[((all & ~s) | t) * m + j];
            if (t == 0)
                break;
        }
}

dnb_status dnb_banded_parts_run(dnb_banded_parts *out, const dnb_band *band, size_t bands, size_t n,
                                const double *y, const dnb_band *test, size_t n_test,
                                const double *y_test, size_t m, const dnb_banded_options *opt,
                                dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_banded_parts p = {.bands = bands, .m = m};
    dnb_band train_of[DNB_BANDED_COMMON_MAX], test_of[DNB_BANDED_COMMON_MAX];
    size_t subsets, cells;
    if (bands == 0 || bands > DNB_BANDED_COMMON_MAX)
        return dnb_fail(err, DNB_EARG, "commonality of %zu bands; it takes 1 to %d", bands,
                        DNB_BANDED_COMMON_MAX);
    if (n < 2 || n_test < 2 || m == 0)
        return dnb_fail(err, DNB_EARG,
                        "commonality from %zu rows, %zu held-out rows and %zu targets; it needs "
                        "2, 2 and 1 or more",
                        n, n_test, m);
    subsets = (size_t)1 << bands;
    if (!dnb_mul_size(&cells, subsets, m))
        return dnb_fail_memory(err, "R^2 of every subset", SIZE_MAX);
    DNB_NEW(p.r2, cells, "R^2 of every subset");
    DNB_NEW(p.common, cells, "R^2 of every subset");
    DNB_TRY(dnb_regression_check_finite(y, n, m, "targets", err));
    for (size_t s = 0; s < subsets; s++) {
        size_t used = 0;
        for (size_t b = 0; b < bands; b++)
            if (s >> b & 1) {
                train_of[used] = band[b];
                test_of[used++] = test[b];
            }
        DNB_TRY(
            score_subset(p.r2 + s * m, train_of, used, n, y, test_of, n_test, y_test, m, opt, err));
    }
    commonality(p.common, p.r2, bands, m);
    *out = p;
    p = (dnb_banded_parts){0};
done:
    dnb_banded_parts_release(&p);
    return status;
}

void dnb_banded_parts_release(dnb_banded_parts *p)
{
    if (!p)
        return;
    dnb_free(p->r2);
    dnb_free(p->common);
    *p = (dnb_banded_parts){0};
}
