/* Scores of predicted labels. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dnnbrain/correlation.h"
#include "dnnbrain/scoring.h"

static int compare_labels(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Where label stands in classes (ascending); NULL when it does not. */
static const int64_t *find(int64_t label, const int64_t *classes, size_t n_classes)
{
    return bsearch(&label, classes, n_classes, sizeof label, compare_labels);
}

/* For each label of truth or said, ascending: how often it is true, said, and both. */
typedef struct tally {
    size_t count;
    int64_t *label;
    size_t *truth, *said, *both;
} tally;

static void tally_release(tally *t)
{
    dnb_free(t->label);
    dnb_free(t->truth);
    dnb_free(t->said);
    dnb_free(t->both);
}

static dnb_status tally_init(tally *out, const int64_t *truth, const int64_t *said, size_t n,
                             dnb_err *err)
{
    dnb_status status = DNB_OK;
    tally t = {0};
    DNB_NEW(t.label, 2 * n, "labels");
    DNB_NEW(t.truth, 2 * n, "labels");
    DNB_NEW(t.said, 2 * n, "labels");
    DNB_NEW(t.both, 2 * n, "labels");
    memcpy(t.label, truth, n * sizeof *truth);
    memcpy(t.label + n, said, n * sizeof *said);
    qsort(t.label, 2 * n, sizeof *t.label, compare_labels);
    for (size_t i = 0; i < 2 * n; i++)
        if (i == 0 || t.label[i] != t.label[t.count - 1])
            t.label[t.count++] = t.label[i];
    for (size_t i = 0; i < n; i++) {
        size_t a = (size_t)(find(truth[i], t.label, t.count) - t.label);
        size_t b = (size_t)(find(said[i], t.label, t.count) - t.label);
        t.truth[a]++;
        t.said[b]++;
        t.both[a] += a == b;
    }
    *out = t;
    t = (tally){0};
done:
    tally_release(&t);
    return status;
}

static double accuracy(const int64_t *truth, const int64_t *said, size_t n)
{
    size_t right = 0;
    for (size_t i = 0; i < n; i++)
        right += truth[i] == said[i];
    return (double)right / (double)n;
}

static double mean_recall(const tally *t)
{
    double sum = 0, present = 0;
    for (size_t k = 0; k < t->count; k++)
        if (t->truth[k] > 0) {
            sum += (double)t->both[k] / (double)t->truth[k];
            present++;
        }
    return sum / present;
}

static double mean_f1(const tally *t)
{
    double sum = 0;
    for (size_t k = 0; k < t->count; k++)
        sum += 2 * (double)t->both[k] / (double)(t->truth[k] + t->said[k]);
    return sum / (double)t->count;
}

/* Area under the curve of one class against the rest from the rank sum (Mann & Whitney 1947);
 * values and rank have room for n. */
static dnb_status class_auc(double *auc, const int64_t *truth, int64_t label,
                            const double *decision, size_t stride, size_t n, double *values,
                            double *rank, dnb_err *err)
{
    double inside = 0, sum = 0;
    for (size_t i = 0; i < n; i++)
        values[i] = decision[i * stride];
    dnb_status status = dnb_rank(rank, values, n, err);
    if (status != DNB_OK)
        return status;
    for (size_t i = 0; i < n; i++)
        if (truth[i] == label) {
            inside++;
            sum += rank[i];
        }
    if (inside == 0 || inside == (double)n)
        return dnb_fail(err, DNB_EARG,
                        "AUC needs rows of and beside class %lld; of %zu rows %zu are: use fewer "
                        "or stratified folds, or accuracy",
                        (long long)label, n, (size_t)inside);
    *auc = (sum - 0.5 * inside * (inside + 1)) / (inside * ((double)n - inside));
    return DNB_OK;
}

static dnb_status check_known(const int64_t *labels, size_t n, const int64_t *classes,
                              size_t n_classes, dnb_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (!find(labels[i], classes, n_classes))
            return dnb_fail(err, DNB_EARG, "label %lld of row %zu is none of the %zu classes",
                            (long long)labels[i], i + 1, n_classes);
    return DNB_OK;
}

static dnb_status mean_auc(double *score, const int64_t *truth, const double *decision, size_t n,
                           const int64_t *classes, size_t n_classes, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *values = NULL, *rank = NULL, sum = 0;
    size_t first = n_classes == 2 ? 1 : 0;
    if (!decision || !classes || n_classes < 2)
        return dnb_fail(err, DNB_EARG, "AUC needs decision values of at least two classes");
    DNB_TRY(check_known(truth, n, classes, n_classes, err));
    DNB_NEW(values, n, "scores");
    DNB_NEW(rank, n, "scores");
    for (size_t k = first; k < n_classes; k++) {
        double auc;
        DNB_TRY(class_auc(&auc, truth, classes[k], decision + k, n_classes, n, values, rank, err));
        sum += auc;
    }
    *score = sum / (double)(n_classes - first);
done:
    dnb_free(values);
    dnb_free(rank);
    return status;
}

dnb_status dnb_score_labels(double *score, dnb_scoring scoring, const int64_t *truth,
                            const int64_t *said, const double *decision, size_t n,
                            const int64_t *classes, size_t n_classes, dnb_err *err)
{
    dnb_status status;
    tally t;
    if (!dnb_scoring_is_label(scoring) || !dnb_scoring_name(scoring))
        return dnb_fail(err, DNB_EARG, "%s scores numbers, not labels",
                        dnb_scoring_name(scoring) ? dnb_scoring_name(scoring) : "this");
    if (n == 0)
        return dnb_fail(err, DNB_EARG, "there are no labels to score");
    if (scoring == DNB_SCORE_AUC)
        return mean_auc(score, truth, decision, n, classes, n_classes, err);
    if (scoring == DNB_SCORE_ACCURACY) {
        *score = accuracy(truth, said, n);
        return DNB_OK;
    }
    status = tally_init(&t, truth, said, n, err);
    if (status != DNB_OK)
        return status;
    *score = scoring == DNB_SCORE_F1 ? mean_f1(&t) : mean_recall(&t);
    tally_release(&t);
    return DNB_OK;
}

dnb_status dnb_confusion(double *counts, const int64_t *truth, const int64_t *said, size_t n,
                         const int64_t *classes, size_t n_classes, dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_TRY(check_known(truth, n, classes, n_classes, err));
    DNB_TRY(check_known(said, n, classes, n_classes, err));
    for (size_t i = 0; i < n; i++) {
        size_t a = (size_t)(find(truth[i], classes, n_classes) - classes);
        size_t b = (size_t)(find(said[i], classes, n_classes) - classes);
        counts[a * n_classes + b]++;
    }
done:
    return status;
}
