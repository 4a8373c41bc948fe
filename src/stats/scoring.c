/* Scores of predicted numbers, column by column. Scores of labels: scoring_labels.c. */
#include "dnnbrain/scoring.h"

#include <math.h>
#include <string.h>

#include "base/enum_name.h"
#include "base/mem.h"
#include "dnnbrain/correlation.h"
#include "stats/standard.h"

static const char *const names[DNB_SCORE_COUNT] = {
    [DNB_SCORE_EXPLAINED_VARIANCE] = "explained_variance",
    [DNB_SCORE_R2] = "r2",
    [DNB_SCORE_CORRELATION] = "correlation",
    [DNB_SCORE_SPEARMAN] = "spearman",
    [DNB_SCORE_NEG_MSE] = "neg_mse",
    [DNB_SCORE_ACCURACY] = "accuracy",
    [DNB_SCORE_BALANCED_ACCURACY] = "balanced_accuracy",
    [DNB_SCORE_AUC] = "auc",
    [DNB_SCORE_F1] = "f1",
};

const char *dnb_scoring_name(dnb_scoring scoring)
{
    return (size_t)scoring < DNB_SCORE_COUNT ? names[scoring] : NULL;
}

dnb_status dnb_scoring_parse(dnb_scoring *out, const char *name, dnb_err *err)
{
    static const dnb_enum_alias others[] = {{"ev", DNB_SCORE_EXPLAINED_VARIANCE},
                                            {"corr", DNB_SCORE_CORRELATION},
                                            {"pearson", DNB_SCORE_CORRELATION},
                                            {"neg_mean_squared_error", DNB_SCORE_NEG_MSE},
                                            {"roc_auc", DNB_SCORE_AUC},
                                            {"roc_auc_ovr", DNB_SCORE_AUC},
                                            {"f1_macro", DNB_SCORE_F1}};
    int found = dnb_enum_find(name, names, DNB_SCORE_COUNT, others, sizeof others / sizeof *others);
    if (found < 0)
        return dnb_fail(err, DNB_ENOTFOUND,
                        "no score '%s'; known: explained_variance r2 correlation spearman neg_mse "
                        "accuracy balanced_accuracy auc f1",
                        name);
    *out = (dnb_scoring)found;
    return DNB_OK;
}

bool dnb_scoring_is_label(dnb_scoring scoring)
{
    return scoring >= DNB_SCORE_ACCURACY;
}

size_t dnb_scoring_min_rows(dnb_scoring scoring)
{
    return scoring >= DNB_SCORE_NEG_MSE ? 1 : 2;
}

/* Sum of squared deviations from the mean; from the first number, so a constant gives exactly 0. */
static double scatter(const double *x, size_t n)
{
    double base = x[0], mean = 0, ss = 0;
    for (size_t i = 0; i < n; i++)
        mean += x[i] - base;
    mean /= (double)n;
    for (size_t i = 0; i < n; i++) {
        double dev = x[i] - base - mean;
        ss += dev * dev;
    }
    return ss;
}

/* 1 - lost / total; a constant (total 0) scores 1 when nothing is lost and 0 otherwise. */
static double kept(double lost, double total)
{
    if (total > 0)
        return 1 - lost / total;
    return lost > 0 ? 0 : 1;
}

static double correlation(double *y, double *yhat, size_t n)
{
    if (!dnb_standardise(y, y, n) || !dnb_standardise(yhat, yhat, n))
        return 0;
    return dnb_dot(y, yhat, n);
}

/* One column; y, yhat and work (n each) are spoilt. */
static dnb_status score_column(double *score, dnb_scoring scoring, double *y, double *yhat,
                               double *work, size_t n, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double ss = 0;
    for (size_t i = 0; i < n; i++) {
        work[i] = y[i] - yhat[i];
        ss += work[i] * work[i];
    }
    switch (scoring) {
    case DNB_SCORE_EXPLAINED_VARIANCE:
        *score = kept(scatter(work, n), scatter(y, n));
        break;
    case DNB_SCORE_R2:
        *score = kept(ss, scatter(y, n));
        break;
    case DNB_SCORE_CORRELATION:
        *score = correlation(y, yhat, n);
        break;
    case DNB_SCORE_SPEARMAN:
        DNB_TRY(dnb_rank(work, y, n, err));
        DNB_TRY(dnb_rank(y, yhat, n, err));
        *score = correlation(work, y, n);
        break;
    default:
        *score = -ss / (double)n;
    }
done:
    return status;
}

enum { STRIP = 8 /* columns gathered at a time: a cache line of each row */ };

/* Columns first..first+count-1 of src (n x m) side by side: dst is count x n. */
static void gather(double *dst, const double *src, size_t n, size_t m, size_t first, size_t count)
{
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < count; c++)
            dst[c * n + i] = src[i * m + first + c];
}

static dnb_status check_finite(const double *x, size_t count, const char *what, dnb_err *err)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += x[i] * 0;
    if (sum == 0)
        return DNB_OK;
    return dnb_fail(err, DNB_EARG, "the %s hold NaN or infinity and cannot be scored", what);
}

static dnb_status score_strip(double *score, dnb_scoring scoring, const double *y,
                              const double *yhat, size_t n, size_t m, size_t first, double *work,
                              dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t count = m - first < STRIP ? m - first : STRIP;
    double *a = work, *b = work + STRIP * n, *c = b + STRIP * n;
    gather(a, y, n, m, first, count);
    gather(b, yhat, n, m, first, count);
    DNB_TRY(check_finite(a, count * n, "targets", err));
    DNB_TRY(check_finite(b, count * n, "predictions", err));
    for (size_t j = 0; j < count; j++)
        DNB_TRY(score_column(&score[first + j], scoring, a + j * n, b + j * n, c, n, err));
done:
    return status;
}

/* The strips in parallel; the first failure wins. */
static dnb_status score_strips(double *score, dnb_scoring scoring, const double *y,
                               const double *yhat, size_t n, size_t m, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t strips = (m + STRIP - 1) / STRIP;
#pragma omp parallel
    {
        dnb_err mine = {0};
        dnb_status st = DNB_OK;
        double *work = dnb_alloc_aligned((2 * STRIP + 1) * n, sizeof *work);
        if (!work)
            st = dnb_fail_memory(&mine, "scores", (2 * STRIP + 1) * n * sizeof *work);
#pragma omp for
        for (size_t s = 0; s < strips; s++)
            if (st == DNB_OK)
                st = score_strip(score, scoring, y, yhat, n, m, s * STRIP, work, &mine);
        dnb_free(work);
        if (st != DNB_OK) {
#pragma omp critical(dnb_score_columns_error)
            if (status == DNB_OK) {
                status = st;
                if (err)
                    *err = mine;
            }
        }
    }
    return status;
}

dnb_status dnb_score_columns(double *score, dnb_scoring scoring, const double *y,
                             const double *yhat, size_t n, size_t m, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *own = NULL;
    if (dnb_scoring_is_label(scoring))
        return dnb_fail(err, DNB_EARG, "%s scores labels, not numbers",
                        dnb_scoring_name(scoring) ? names[scoring] : "this");
    if (n < dnb_scoring_min_rows(scoring))
        return dnb_fail(err, DNB_EARG,
                        "%s needs at least %zu rows, there %s %zu: use neg_mse, or fewer folds",
                        names[scoring], dnb_scoring_min_rows(scoring), n == 1 ? "is" : "are", n);
    DNB_NEW(own, m, "scores");
    DNB_TRY(score_strips(own, scoring, y, yhat, n, m, err));
    memcpy(score, own, m * sizeof *score);
done:
    dnb_free(own);
    return status;
}
