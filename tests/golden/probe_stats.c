/* Runs one function of the stats room on .npy files, for diff_stats.py and bench_stats.py:
 *   probe_stats COMMAND IN.npy ... OUT.npy [key=value ...]
 * Keys every command knows: threads=N, repeat=N (prints the best time in seconds; of the processor
 * with clock=cpu), source=tiles|rows (reads the first input piece by piece), memory=BYTES. */
#include "dnnbrain/distance.h"
#include "dnnbrain/features.h"
#include "dnnbrain/linalg.h"
#include "dnnbrain/pca.h"
#include "dnnbrain/rdmtest.h"
#include "probe_commands.h"

/* rows of the first input; *held keeps the array behind a piecewise source. */
static dnb_status source(const probe_args *a, dnb_rows *out, dnb_rows *held, dnb_err *err)
{
    dnb_status status = dnb_rows_of_array(held, &a->in[0], err);
    if (status == DNB_OK)
        *out = probe_source(&a->words, held);
    return status;
}

static dnb_status run_pdist(dnb_array *out, const probe_args *a, dnb_err *err)
{
    dnb_rows x, held;
    dnb_pdist_options o = {.p = probe_number(&a->words, "p", 0),
                           .zscore = probe_flag(&a->words, "zscore"),
                           .memory = probe_size(&a->words, "memory", 0)};
    dnb_status status = dnb_metric_parse(&o.metric, probe_text(&a->words, "metric"), err);
    if (status == DNB_OK)
        status = source(a, &x, &held, err);
    if (a->n_in > 1)
        o.variance = a->in[1].data;
    return status == DNB_OK ? dnb_pdist(out, &x, &o, err) : status;
}

static dnb_status run_gram(dnb_array *out, const probe_args *a, dnb_err *err)
{
    dnb_rows x, held;
    dnb_gram_options o = {.centre = (dnb_gram_centre_kind)probe_number(&a->words, "centre", 0),
                          .single = probe_number(&a->words, "single", 0) != 0,
                          .memory = probe_size(&a->words, "memory", 0)};
    dnb_status status = source(a, &x, &held, err);
    if (status == DNB_OK)
        status = dnb_array_init(out, DNB_F64, 2, (size_t[]){x.n, x.n}, err);
    return status == DNB_OK ? dnb_gram_run(out->data, &x, &o, err) : status;
}

static dnb_status run_pca(dnb_array *out, const probe_args *a, dnb_err *err)
{
    dnb_rows x, held;
    dnb_pca pca = {0};
    const char *what = probe_text(&a->words, "what");
    dnb_pca_options o = {probe_size(&a->words, "k", 0), probe_number(&a->words, "variance", 0),
                         probe_number(&a->words, "components", 1) != 0,
                         probe_size(&a->words, "memory", 0), NULL};
    dnb_status status = source(a, &x, &held, err);
    if (status == DNB_OK)
        status = dnb_pca_fit(&pca, &x, &o, err);
    if (status == DNB_OK && what && strcmp(what, "predict") == 0) {
        dnb_rows other;
        status = dnb_rows_of_array(&other, &a->in[1], err);
        if (status == DNB_OK)
            status = dnb_pca_predict(out, &pca, &other, err);
        dnb_pca_release(&pca);
        return status;
    }
    dnb_array *pick = !what || strcmp(what, "scores") == 0 ? &pca.scores
                      : strcmp(what, "components") == 0    ? &pca.components
                      : strcmp(what, "variance") == 0      ? &pca.variance
                      : strcmp(what, "ratio") == 0         ? &pca.ratio
                                                           : &pca.mean;
    *out = *pick;
    *pick = (dnb_array){0};
    dnb_pca_release(&pca);
    return status;
}

/* All four correlations of two vectors. */
static dnb_status run_correlate(dnb_array *out, const probe_args *a, dnb_err *err)
{
    size_t n = dnb_array_count(&a->in[0]);
    dnb_status status = dnb_array_init(out, DNB_F64, 1, (size_t[]){DNB_CORRELATION_COUNT}, err);
    for (int k = 0; k < DNB_CORRELATION_COUNT && status == DNB_OK; k++)
        status = dnb_correlate((double *)out->data + k, a->in[0].data, a->in[1].data, n,
                               (dnb_correlation)k, err);
    return status;
}

static dnb_status run_rank(dnb_array *out, const probe_args *a, dnb_err *err)
{
    size_t n = dnb_array_count(&a->in[0]);
    dnb_status status = dnb_array_init(out, DNB_F64, 1, &n, err);
    return status == DNB_OK ? dnb_rank(out->data, a->in[0].data, n, err) : status;
}

/* models x rois x (r, p, p_max, null_lo, null_95, null_hi). */
static dnb_status run_rdmtest(dnb_array *out, const probe_args *a, dnb_err *err)
{
    dnb_rdm_test_options o = {(dnb_correlation)probe_number(&a->words, "kind", 0),
                              probe_flag(&a->words, "two") ? DNB_TWO_SIDED : DNB_GREATER,
                              probe_size(&a->words, "n_perm", 0),
                              (uint64_t)probe_number(&a->words, "seed", 0), NULL};
    size_t m = a->in[0].shape[0], r = a->in[1].shape[0], n = dnb_condensed_order(a->in[0].shape[1]);
    dnb_status status = dnb_array_init(out, DNB_F64, 3, (size_t[]){m, r, 6}, err);
    if (status != DNB_OK)
        return status;
    return dnb_rdm_test_run(out->data, NULL, a->in[0].data, m, a->in[1].data, r, n, &o, err);
}

/* r, lo, hi, se, n_used of each pair of rows of the two inputs. */
static dnb_status run_bootstrap(dnb_array *out, const probe_args *a, dnb_err *err)
{
    dnb_rdm_bootstrap_options o = {
        (dnb_correlation)probe_number(&a->words, "kind", 0), probe_size(&a->words, "n_boot", 100),
        probe_number(&a->words, "level", 0.95), (uint64_t)probe_number(&a->words, "seed", 0)};
    size_t rows = a->in[0].shape[0], pairs = a->in[0].shape[1], n = dnb_condensed_order(pairs);
    dnb_status status = dnb_array_init(out, DNB_F64, 2, (size_t[]){rows, 5}, err);
    for (size_t i = 0; i < rows && status == DNB_OK; i++) {
        dnb_rdm_interval t = {0};
        status = dnb_rdm_bootstrap_run(&t, (double *)a->in[0].data + i * pairs,
                                       (double *)a->in[1].data + i * pairs, n, &o, err);
        memcpy((double *)out->data + 5 * i, (double[]){t.r, t.lo, t.hi, t.se, (double)t.n_used},
               5 * sizeof(double));
    }
    return status;
}

static dnb_status run_ceiling(dnb_array *out, const probe_args *a, dnb_err *err)
{
    dnb_status status = dnb_array_init(out, DNB_F64, 1, (size_t[]){2}, err);
    double *r = out->data;
    if (status != DNB_OK)
        return status;
    return dnb_rdm_ceiling_run(&r[0], &r[1], a->in[0].data, a->in[0].shape[0],
                               dnb_condensed_order(a->in[0].shape[1]),
                               (dnb_correlation)probe_number(&a->words, "kind", 0), err);
}

static dnb_status run_hist(dnb_array *out, const probe_args *a, dnb_err *err)
{
    size_t n = dnb_array_count(&a->in[0]), bins = probe_size(&a->words, "bins", 10);
    dnb_status status = dnb_array_init(out, DNB_F64, 1, &bins, err);
    if (status != DNB_OK)
        return status;
    return a->in[0].dtype == DNB_F32 ? dnb_hist_f32(out->data, bins, a->in[0].data, n, err)
                                     : dnb_hist_f64(out->data, bins, a->in[0].data, n, err);
}

static dnb_status run_psd(dnb_array *out, const probe_args *a, dnb_err *err)
{
    size_t n = dnb_array_count(&a->in[0]), bins = probe_size(&a->words, "bins", n / 2 + 1);
    dnb_status status = dnb_array_init(out, DNB_F64, 1, &bins, err);
    return status == DNB_OK ? dnb_psd(out->data, bins, a->in[0].data, n, err) : status;
}

static dnb_status run_zscore(dnb_array *out, const probe_args *a, dnb_err *err)
{
    size_t n = dnb_array_count(&a->in[0]);
    dnb_status status = dnb_array_init(out, DNB_F64, 1, &n, err);
    if (status == DNB_OK)
        dnb_zscore(out->data, a->in[0].data, n);
    return status;
}

static dnb_status run_pool(dnb_array *out, const probe_args *a, dnb_err *err)
{
    dnb_pool_kind kind;
    dnb_status status = dnb_pool_parse(&kind, probe_text(&a->words, "kind"), err);
    if (status == DNB_OK)
        status = dnb_array_init(out, DNB_F32, 1, &a->in[0].shape[0], err);
    if (status != DNB_OK)
        return status;
    return dnb_pool_run(out->data, a->in[0].data, a->in[0].shape[0], a->in[0].shape[1], kind, err);
}

static dnb_status run_matmul(dnb_array *out, const probe_args *a, dnb_err *err)
{
    const dnb_array *x = &a->in[0], *y = &a->in[1];
    dnb_matmul_options o = {probe_flag(&a->words, "ta"), probe_flag(&a->words, "tb"),
                            probe_number(&a->words, "alpha", 1), 0};
    size_t m = x->shape[o.transpose_a], k = x->shape[!o.transpose_a], n = y->shape[!o.transpose_b];
    dnb_status status = dnb_array_init(out, x->dtype, 2, (size_t[]){m, n}, err);
    if (status != DNB_OK)
        return status;
    if (x->dtype == DNB_F32)
        return dnb_matmul_f32(out->data, n, x->data, x->shape[1], y->data, y->shape[1], m, n, k, &o,
                              err);
    return dnb_matmul(out->data, n, x->data, x->shape[1], y->data, y->shape[1], m, n, k, &o, err);
}

/* n x (1 + k): eigenvalues in the first column (k <= n of them), then the vectors. */
static dnb_status run_eigen(dnb_array *out, const probe_args *a, dnb_err *err)
{
    size_t n = a->in[0].shape[0], k = probe_size(&a->words, "k", n);
    dnb_array copy = {0}, v = {0}, w = {0};
    dnb_status status = dnb_array_convert(&copy, &a->in[0], DNB_F64, err);
    if (status == DNB_OK)
        status = dnb_array_init(out, DNB_F64, 2, (size_t[]){n, 1 + k}, err);
    if (status == DNB_OK)
        status = dnb_array_init(&v, DNB_F64, 2, (size_t[]){n, k}, err);
    if (status == DNB_OK)
        status = dnb_array_init(&w, DNB_F64, 1, &k, err);
    if (status == DNB_OK)
        status = dnb_eigen(w.data, v.data, copy.data, n, k, err);
    for (size_t i = 0; status == DNB_OK && i < n; i++) {
        double *row = (double *)out->data + i * (1 + k);
        row[0] = i < k ? ((double *)w.data)[i] : 0;
        memcpy(row + 1, (double *)v.data + i * k, k * sizeof *row);
    }
    dnb_array_release(&copy);
    dnb_array_release(&v);
    dnb_array_release(&w);
    return status;
}

static dnb_status run_solve(dnb_array *out, const probe_args *a, dnb_err *err)
{
    dnb_array copy = {0};
    dnb_status status = dnb_array_convert(&copy, &a->in[0], DNB_F64, err);
    if (status == DNB_OK)
        status = dnb_array_convert(out, &a->in[1], DNB_F64, err);
    if (status == DNB_OK)
        status = dnb_solve(copy.data, out->data, out->shape[0], out->shape[1],
                           probe_flag(&a->words, "positive"), err);
    dnb_array_release(&copy);
    return status;
}

/* u diag(s) vt, or s alone with what=s. */
static dnb_status run_svd(dnb_array *out, const probe_args *a, dnb_err *err)
{
    size_t m = a->in[0].shape[0], n = a->in[0].shape[1], r = m < n ? m : n;
    dnb_array copy = {0}, u = {0}, vt = {0}, s = {0};
    dnb_status status = dnb_array_convert(&copy, &a->in[0], DNB_F64, err);
    if (status == DNB_OK)
        status = dnb_array_init(&u, DNB_F64, 2, (size_t[]){m, r}, err);
    if (status == DNB_OK)
        status = dnb_array_init(&vt, DNB_F64, 2, (size_t[]){r, n}, err);
    if (status == DNB_OK)
        status = dnb_array_init(&s, DNB_F64, 1, &r, err);
    if (status == DNB_OK)
        status = dnb_svd(u.data, s.data, vt.data, copy.data, m, n, err);
    if (status == DNB_OK && probe_text(&a->words, "what")) {
        *out = s;
        s = (dnb_array){0};
    } else if (status == DNB_OK) {
        for (size_t i = 0; i < m * r; i++)
            ((double *)u.data)[i] *= ((double *)s.data)[i % r];
        status = dnb_array_init(out, DNB_F64, 2, (size_t[]){m, n}, err);
        if (status == DNB_OK)
            status = dnb_matmul(out->data, n, u.data, r, vt.data, n, m, n, r, NULL, err);
    }
    dnb_array_release(&copy);
    dnb_array_release(&u);
    dnb_array_release(&vt);
    dnb_array_release(&s);
    return status;
}

int main(int argc, char **argv)
{
    static const probe_command commands[] = {
        {"pdist", run_pdist},
        {"gram", run_gram},
        {"pca", run_pca},
        {"correlate", run_correlate},
        {"rank", run_rank},
        {"rdmtest", run_rdmtest},
        {"bootstrap", run_bootstrap},
        {"ceiling", run_ceiling},
        {"hist", run_hist},
        {"psd", run_psd},
        {"zscore", run_zscore},
        {"pool", run_pool},
        {"matmul", run_matmul},
        {"eigen", run_eigen},
        {"solve", run_solve},
        {"svd", run_svd},
    };
    return probe_main(argc, argv, commands, sizeof commands / sizeof *commands);
}
