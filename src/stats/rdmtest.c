/* The label-permutation test. Permutation k comes from random stream k of the seed, and every sum
 * has a fixed order, so threads change nothing. For pearson and spearman a batch of permuted model
 * RDMs is one matrix, its correlations with all ROIs one product; ROIs come in blocks so that the
 * null fits memory. */
#include "dnnbrain/rdmtest.h"

#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "array/serial.h"
#include "base/mem.h"
#include "base/progress.h"
#include "dnnbrain/distance.h"
#include "dnnbrain/random.h"
#include "stats/order.h"
#include "stats/rdm_side.h"
#include "stats/standard.h"

enum { PIECE = 2048, NULL_BLOCK = 1 << 23 };

/* r counts as at least as extreme as the observed one despite rounding. */
#define TIE 1e-10

typedef struct job {
    const dnb_rdm_test_options *o;
    size_t n, n_pairs, n_model, n_roi;
    dnb_rdm_side models, rois;
    double *square;        /* n_model x n x n: standardised models */
    uint32_t *square_rank; /* the same of dense ranks, for kendall */
    size_t batch;          /* permutations of one batch */
    size_t piece;          /* pairs of one product */
    double *null;          /* [model][roi of the block][permutation] */
    size_t roi0, block;    /* ROIs of the block */
    double *largest;       /* n_perm: largest r (or |r|) of each permutation */
    int n_threads;
    char *work; /* per thread */
    size_t work_size;
} job;

static bool is_kendall(const job *j)
{
    return j->o->kind == DNB_KENDALL_A || j->o->kind == DNB_KENDALL_B;
}

static void job_release(job *j)
{
    dnb_rdm_side_release(&j->models);
    dnb_rdm_side_release(&j->rois);
    dnb_free(j->square);
    dnb_free(j->square_rank);
    dnb_free(j->null);
    dnb_free(j->largest);
    dnb_free(j->work);
}

/* Full matrices of the models, whose rows and columns the permutations pick. */
static dnb_status make_squares(job *j, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t n = j->n, nn = n * n;
    if (is_kendall(j))
        DNB_NEW(j->square_rank, j->n_model * nn, "model RDMs");
    else
        DNB_NEW(j->square, j->n_model * nn, "model RDMs");
    for (size_t m = 0; m < j->n_model; m++) {
        if (!is_kendall(j)) {
            dnb_condensed_expand(j->square + m * nn, j->models.unit + m * j->n_pairs, n);
            continue;
        }
        uint32_t *s = j->square_rank + m * nn;
        const uint32_t *rank = j->models.tau[m].rank;
        for (size_t i = 0, p = 0; i < n; i++)
            for (size_t k = i + 1; k < n; k++, p++)
                s[i * n + k] = s[k * n + i] = rank[p];
    }
done:
    return status;
}

/* What each thread works in: the permutations of a batch and either its permuted models with their
 * correlations, or three sequences. */
static dnb_status make_work(job *j, dnb_err *err)
{
    /* Many ROIs: enough rows to pay for packing them. Few: small batches, for many threads. */
    size_t n = j->n, rows = j->n_roi >= 16 ? 128 : 32;
    j->batch = j->n_model < rows ? rows / j->n_model : 1;
    j->piece = j->n_pairs < PIECE ? j->n_pairs : PIECE;
    j->work_size = j->batch * n * sizeof(size_t);
    if (is_kendall(j))
        j->work_size += 3 * j->n_pairs * sizeof(uint32_t);
    else
        j->work_size += j->batch * j->n_model * (j->piece + j->block) * sizeof(double);
    j->work_size = (j->work_size + 63) / 64 * 64;
    j->n_threads = dnb_threads_get();
    j->work = dnb_alloc_aligned(j->work_size, (size_t)j->n_threads);
    return j->work ? DNB_OK : dnb_fail_memory(err, "permutations", j->work_size);
}

/* dst[0..count) = the permuted triangle from pair (*i, *k) on; moves (*i, *k) past it. */
static void gather(double *dst, const double *square, const size_t *perm, size_t n, size_t count,
                   size_t *i, size_t *k)
{
    size_t done = 0;
    while (done < count) {
        const double *row = square + perm[*i] * n;
        size_t left = n - *k, take = left < count - done ? left : count - done;
        const size_t *pick = perm + *k;
        for (size_t c = 0; c < take; c++)
            dst[done + c] = row[pick[c]];
        done += take;
        *k += take;
        if (*k == n) {
            ++*i;
            *k = *i + 1;
        }
    }
}

/* Correlations of a batch of permuted models with the block's ROIs: r[(perm, model)][roi]. */
static void correlate_batch(const job *j, double *r, double *rows, const size_t *perms,
                            size_t count)
{
    size_t n = j->n, n_rows = count * j->n_model, i = 0, k = 1;
    memset(r, 0, n_rows * j->block * sizeof *r);
    for (size_t first = 0; first < j->n_pairs; first += j->piece) {
        size_t len = j->n_pairs - first < j->piece ? j->n_pairs - first : j->piece;
        size_t next_i = i, next_k = k;
        for (size_t row = 0; row < n_rows; row++) {
            next_i = i;
            next_k = k;
            gather(rows + row * j->piece, j->square + row % j->n_model * n * n,
                   perms + row / j->n_model * n, n, len, &next_i, &next_k);
        }
        i = next_i;
        k = next_k;
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)n_rows, (int)j->block, (int)len,
                    1.0, rows, (int)j->piece, j->rois.unit + j->roi0 * j->n_pairs + first,
                    (int)j->n_pairs, 1.0, r, (int)j->block);
    }
}

static void keep(job *j, size_t perm, size_t model, size_t roi, double r)
{
    size_t n_perm = j->o->n_perm;
    double size = j->o->alternative == DNB_TWO_SIDED ? fabs(r) : r;
    j->null[(model * j->block + roi) * n_perm + perm] = r;
    if (j->models.fine[model] && j->rois.fine[j->roi0 + roi] && size > j->largest[perm])
        j->largest[perm] = size;
}

static void tau_batch(job *j, uint32_t *work, const size_t *perms, size_t first, size_t count)
{
    size_t n = j->n;
    uint32_t *y = work, *seq = y + j->n_pairs, *tmp = seq + j->n_pairs;
    for (size_t b = 0; b < count; b++)
        for (size_t m = 0; m < j->n_model; m++) {
            const uint32_t *square = j->square_rank + m * n * n;
            const size_t *perm = perms + b * n;
            for (size_t i = 0, p = 0; i < n; i++)
                for (size_t k = i + 1; k < n; k++)
                    y[p++] = square[perm[i] * n + perm[k]];
            for (size_t r = 0; r < j->block; r++)
                keep(j, first + b, m, r,
                     dnb_tau(&j->rois.tau[j->roi0 + r], y, j->models.tau[m].ties, j->o->kind, seq,
                             tmp));
        }
}

static void run_batch(job *j, size_t first, size_t count, char *work)
{
    size_t *perms = (size_t *)(void *)work, n = j->n;
    for (size_t b = 0; b < count; b++) {
        dnb_random random;
        dnb_random_init(&random, j->o->seed, first + b);
        dnb_random_permutation(&random, perms + b * n, n);
    }
    if (is_kendall(j)) {
        tau_batch(j, (uint32_t *)(void *)(perms + j->batch * n), perms, first, count);
        return;
    }
    double *r = (double *)(void *)(perms + j->batch * n),
           *rows = r + j->batch * j->n_model * j->block;
    correlate_batch(j, r, rows, perms, count);
    for (size_t row = 0; row < count * j->n_model; row++)
        for (size_t c = 0; c < j->block; c++)
            keep(j, first + row / j->n_model, row % j->n_model, c, r[row * j->block + c]);
}

/* All permutations for the current block of ROIs. */
static dnb_status run_block(job *j, dnb_err *err)
{
    size_t n_perm = j->o->n_perm, stretch = j->batch * 64;
    for (size_t start = 0; start < n_perm; start += stretch) {
        size_t end = n_perm - start < stretch ? n_perm : start + stretch;
        size_t batches = (end - start + j->batch - 1) / j->batch;
#pragma omp parallel for schedule(dynamic) num_threads(j->n_threads)
        for (size_t b = 0; b < batches; b++) {
            size_t first = start + b * j->batch, left = end - first;
            run_batch(j, first, left < j->batch ? left : j->batch,
                      j->work + (size_t)omp_get_thread_num() * j->work_size);
        }
        dnb_report(j->o->progress, "permutations", j->roi0 * n_perm + end, j->n_roi * n_perm);
        dnb_status status = dnb_check_cancel(j->o->progress, err);
        if (status != DNB_OK)
            return status;
    }
    return DNB_OK;
}

/* p and null band of one pair from its (then sorted) null. */
static void summarise(const job *j, dnb_rdm_test *t, double *null)
{
    size_t n_perm = j->o->n_perm, count = 0;
    bool two = j->o->alternative == DNB_TWO_SIDED;
    for (size_t k = 0; k < n_perm; k++)
        count += two ? fabs(null[k]) >= fabs(t->r) - TIE : null[k] >= t->r - TIE;
    t->p = (double)(1 + count) / (double)(1 + n_perm);
    qsort(null, n_perm, sizeof *null, dnb_compare_doubles);
    t->null_lo = dnb_quantile_sorted(null, n_perm, 0.025);
    t->null_95 = dnb_quantile_sorted(null, n_perm, 0.95);
    t->null_hi = dnb_quantile_sorted(null, n_perm, 0.975);
}

static void finish_block(job *j, dnb_rdm_test *out, double *null)
{
    size_t n_perm = j->o->n_perm, pairs = j->n_model * j->block;
#pragma omp parallel for schedule(dynamic)
    for (size_t q = 0; q < pairs; q++) {
        size_t m = q / j->block, r = j->roi0 + q % j->block;
        double *values = j->null + q * n_perm;
        bool fine = j->models.fine[m] && j->rois.fine[r];
        for (size_t k = 0; null && k < n_perm; k++)
            null[(k * j->n_model + m) * j->n_roi + r] = fine ? values[k] : NAN;
        if (fine)
            summarise(j, &out[m * j->n_roi + r], values);
    }
}

/* Corrected p: how many permutations have a largest r that reaches the pair's. */
static void finish_max(job *j, dnb_rdm_test *out)
{
    size_t n_perm = j->o->n_perm;
    qsort(j->largest, n_perm, sizeof *j->largest, dnb_compare_doubles);
    for (size_t q = 0; q < j->n_model * j->n_roi; q++) {
        if (isnan(out[q].r))
            continue;
        double size = j->o->alternative == DNB_TWO_SIDED ? fabs(out[q].r) : out[q].r;
        size_t lo = 0, hi = n_perm;
        while (lo < hi) {
            size_t mid = lo + (hi - lo) / 2;
            if (j->largest[mid] >= size - TIE)
                hi = mid;
            else
                lo = mid + 1;
        }
        out[q].p_max = (double)(1 + n_perm - lo) / (double)(1 + n_perm);
    }
}

/* The observed correlations, everything else NaN. */
static dnb_status observe(const job *j, dnb_rdm_test *out, dnb_err *err)
{
    dnb_status status = DNB_OK;
    uint32_t *seq = NULL, *tmp = NULL;
    DNB_NEW(seq, j->n_pairs, "correlations");
    DNB_NEW(tmp, j->n_pairs, "correlations");
    for (size_t m = 0; m < j->n_model; m++)
        for (size_t c = 0; c < j->n_roi; c++) {
            double r = NAN;
            if (j->models.fine[m] && j->rois.fine[c] && is_kendall(j))
                r = dnb_tau(&j->rois.tau[c], j->models.tau[m].rank, j->models.tau[m].ties,
                            j->o->kind, seq, tmp);
            else if (j->models.fine[m] && j->rois.fine[c])
                r = dnb_dot(j->models.unit + m * j->n_pairs, j->rois.unit + c * j->n_pairs,
                            j->n_pairs);
            out[m * j->n_roi + c] =
                (dnb_rdm_test){r > 1 ? 1 : r < -1 ? -1 : r, NAN, NAN, NAN, NAN, NAN};
        }
done:
    dnb_free(seq);
    dnb_free(tmp);
    return status;
}

static dnb_status permute(job *j, dnb_rdm_test *out, double *null, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t n_perm = j->o->n_perm, per_roi;
    if (!dnb_mul_size(&per_roi, n_perm, j->n_model))
        DNB_TRY(dnb_fail_memory(err, "permutations", (size_t)-1));
    size_t most = NULL_BLOCK / per_roi > 0 ? NULL_BLOCK / per_roi : 1;
    j->block = j->n_roi < most ? j->n_roi : most;
    DNB_TRY(make_squares(j, err));
    DNB_TRY(make_work(j, err));
    DNB_NEW(j->null, per_roi * j->block, "the null distribution");
    DNB_NEW(j->largest, n_perm, "the null distribution");
    for (size_t k = 0; k < n_perm; k++)
        j->largest[k] = -INFINITY;
    for (j->roi0 = 0; j->roi0 < j->n_roi; j->roi0 += j->block) {
        if (j->n_roi - j->roi0 < j->block)
            j->block = j->n_roi - j->roi0;
        DNB_TRY(run_block(j, err));
        finish_block(j, out, null);
    }
    finish_max(j, out);
done:
    return status;
}

dnb_status dnb_rdm_test_run(dnb_rdm_test *out, double *null, const double *models, size_t n_model,
                            const double *rois, size_t n_roi, size_t n,
                            const dnb_rdm_test_options *opt, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const dnb_rdm_test_options defaults = {0};
    job j = {.o = opt ? opt : &defaults, .n = n, .n_model = n_model, .n_roi = n_roi};
    dnb_rdm_test *result = NULL;
    if (n < 3 || n > 65535 || n_model == 0 || n_roi == 0 ||
        (size_t)j.o->kind >= DNB_CORRELATION_COUNT)
        DNB_TRY(dnb_fail(
            err, DNB_EARG,
            "an RDM test needs 3 to 65535 conditions, a model and a ROI; got %zu, %zu, %zu", n,
            n_model, n_roi));
    j.n_pairs = dnb_condensed_count(n);
    DNB_TRY(dnb_rdm_check(models, n_model, n, "model RDM", err));
    DNB_TRY(dnb_rdm_check(rois, n_roi, n, "brain RDM", err));
    DNB_TRY(dnb_rdm_side_init(&j.models, models, n_model, n, j.o->kind, err));
    DNB_TRY(dnb_rdm_side_init(&j.rois, rois, n_roi, n, j.o->kind, err));
    DNB_NEW(result, n_model * n_roi, "RDM tests");
    DNB_TRY(observe(&j, result, err));
    if (j.o->n_perm > 0)
        DNB_TRY(permute(&j, result, null, err));
    memcpy(out, result, n_model * n_roi * sizeof *out);
done:
    dnb_free(result);
    job_release(&j);
    return status;
}
