/* Ridge regression: set-up, the memory it will hold, and the fit with each target's own penalty. */
#include <cblas.h>
#include <string.h>

#include "base/mem.h"
#include "stats/ridge_own.h"

static void split_release(dnb_ridge_split *s)
{
    dnb_free(s->l);
    dnb_free(s->zmap);
    dnb_free(s->xsum);
    dnb_free(s->u);
    dnb_free(s->test);
    dnb_free(s->bsum);
    dnb_free(s->g);
    dnb_free(s->m);
    dnb_free(s->near_j);
    dnb_free(s->near_k);
    dnb_free(s->near_g);
}

void dnb_ridge_free(dnb_ridge *r)
{
    if (!r)
        return;
    for (size_t f = 0; r->fold && f < r->k; f++)
        split_release(&r->fold[f]);
    split_release(&r->all);
    dnb_free(r->fold);
    dnb_free(r->xs);
    dnb_free(r->xmean);
    dnb_free(r->flat);
    dnb_free(r->order);
    dnb_free(r);
}

/* Rows sorted by fold, and every split's place among them. */
static dnb_status sort_rows(dnb_ridge *r, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const dnb_folds *f = r->opt->choice == DNB_PENALTY_CV ? r->opt->inner : NULL;
    size_t at = 0;
    DNB_NEW(r->order, r->n, "rows");
    r->all.n_train = r->n;
    for (size_t i = 0; i < r->n; i++)
        r->order[i] = i;
    if (!f)
        return DNB_OK;
    DNB_NEW(r->fold, f->k, "inner folds");
    r->k = f->k;
    for (size_t k = 0; k < f->k; k++) {
        dnb_ridge_split *s = &r->fold[k];
        s->first = at;
        for (size_t i = 0; i < r->n; i++)
            if (f->fold[i] == k)
                r->order[at++] = i;
        s->n_test = at - s->first;
        s->n_train = r->n - s->n_test;
    }
done:
    return status;
}

/* Factors and the work space to make them and to use them, roughly and from above. */
static dnb_status check_memory(const dnb_ridge *r, dnb_err *err)
{
    double order = (double)(r->dual ? r->n : r->d), n = (double)r->n, k = (double)r->k;
    double threads = dnb_threads_get() > 0 ? (double)dnb_threads_get() : 1;
    double tasks = threads < k + 1 ? threads : k + 1;
    double hold = (k + 1) * (r->dual ? 1 : 2) * order * order /* zmap, sums of parts */
                  + k * order * order + n * order             /* m, test */
                  + (r->dual ? 2 * n * n : n * order)         /* Gram matrices or xs */
                  + tasks * 5 * order * order;                /* LAPACK's */
    double need = hold * sizeof(double);
    double have = (double)(r->opt->memory ? r->opt->memory : dnb_memory_budget());
    if (need > have)
        return dnb_fail(err, DNB_ENOMEM,
                        "ridge regression of %zu rows, %zu features and %zu inner folds holds "
                        "about %.0f MB; the memory budget is %.0f MB (fewer inner folds, gcv or "
                        "loo need less)",
                        r->n, r->d, r->k, need / 1e6, have / 1e6);
    return DNB_OK;
}

static dnb_status centre_features(dnb_ridge *r, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t d = r->d;
    double *plain = NULL;
    DNB_NEW(r->xmean, d, "means");
    DNB_NEW(r->flat, d, "means");
    memset(r->flat, true, d);
    for (size_t i = 1; i < r->n; i++)
        for (size_t j = 0; j < d; j++)
            r->flat[j] = r->flat[j] && r->x[i * d + j] == r->x[j];
    if (r->dual) {
        for (size_t i = 0; i < r->n; i++)
            for (size_t j = 0; j < d; j++)
                r->xmean[j] += (r->x[i * d + j] - r->x[j]) / (double)r->n;
        for (size_t j = 0; j < d; j++)
            r->xmean[j] += r->x[j];
    } else {
        DNB_NEW(plain, r->n * d, "centred features");
        DNB_NEW(r->xs, r->n * d, "centred features");
        dnb_regression_centre(plain, r->xmean, r->x, d, r->n, 0, d);
        for (size_t i = 0; i < r->n; i++)
            memcpy(r->xs + i * d, plain + r->order[i] * d, d * sizeof *plain);
    }
done:
    dnb_free(plain);
    return status;
}

dnb_status dnb_ridge_new(dnb_ridge **out, const dnb_ridge_source *src,
                         const dnb_regression_options *opt, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_ridge *r = NULL;
    DNB_TRY(dnb_regression_check_int(src->n, "rows", err));
    DNB_TRY(dnb_regression_check_int(src->d, "features", err));
    for (size_t a = 0; a < opt->n_alphas; a++)
        if (!(opt->alphas[a] > 0))
            DNB_TRY(dnb_fail(err, DNB_EARG,
                             "ridge regression's penalties are above 0; without one it is glm"));
    DNB_NEW(r, 1, "ridge regression");
    r->n = src->n;
    r->d = src->d;
    r->x = src->x;
    r->opt = opt;
    r->dual = src->gram || src->d >= src->n;
    r->by_predicting = src->by_predicting;
    r->folds_only = src->folds_only;
    DNB_TRY(sort_rows(r, err));
    DNB_TRY(check_memory(r, err));
    if (src->x)
        DNB_TRY(centre_features(r, err));
    DNB_TRY(dnb_ridge_factor(r, src->gram, err));
    *out = r;
    r = NULL;
done:
    dnb_ridge_free(r);
    return status;
}

typedef struct solve_job {
    const dnb_ridge *r;
    dnb_linear *out;
    double *dual;
    const double *y;
    size_t m;
} solve_job;

/* Coefficients of the rows: c = U D U^T y = (U S) z / (l (l + a)), in y's order of rows. */
static void row_coefficients(const solve_job *job, double *z, double *c, double *to, size_t ld,
                             size_t w)
{
    const dnb_ridge *r = job->r;
    const dnb_ridge_split *s = &r->all;
    for (size_t i = 0; i < s->r; i++)
        for (size_t q = 0; q < w; q++)
            z[i * w + q] /= s->l[i];
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)r->n, (int)w, (int)s->r, 1.0,
                s->zmap, (int)s->r, z, (int)w, 0.0, c, (int)w);
    for (size_t i = 0; i < r->n; i++)
        memcpy(to + r->order[i] * ld, c + i * w, w * sizeof *to);
}

static void solve_block(void *ctx, double *scratch, size_t j, size_t w)
{
    const solve_job *job = ctx;
    const dnb_ridge *r = job->r;
    const dnb_ridge_split *s = &r->all;
    double *mean = scratch, *yb = mean + w, *b = yb + r->n * w, *c = b + (r->dual ? 0 : r->d) * w;
    double *rows = c + r->n * w, *z = rows + r->n * w;
    dnb_ridge_gather(yb, mean, r, job->y, job->m, j, w);
    dnb_ridge_coordinates(z, b, r, yb, w);
    for (size_t i = 0; i < s->r; i++)
        for (size_t q = 0; q < w; q++)
            z[i * w + q] /= s->l[i] + job->out->alpha[j + q];
    if (s->r == 0) {
        memcpy(job->out->intercept + j, mean, w * sizeof *mean);
    } else if (job->dual) {
        row_coefficients(job, z, c, job->dual + j, job->m, w);
        memcpy(job->out->intercept + j, mean, w * sizeof *mean);
    } else {
        double *coef = job->out->coef + j;
        const double *a = s->zmap, *v = z;
        if (r->dual) {
            row_coefficients(job, z, c, rows, w, w);
            a = r->x;
            v = rows;
        }
        size_t k = r->dual ? r->n : s->r, lda = r->dual ? r->d : s->r;
        cblas_dgemm(CblasRowMajor, r->dual ? CblasTrans : CblasNoTrans, CblasNoTrans, (int)r->d,
                    (int)w, (int)k, 1.0, a, (int)lda, v, (int)w, 0.0, coef, (int)job->m);
        for (size_t q = 0; q < r->d; q++) /* exactly 0, not up to rounding */
            if (r->flat[q])
                memset(coef + q * job->m, 0, w * sizeof *coef);
        dnb_regression_intercepts(job->out, r->xmean, mean, j, w);
    }
}

dnb_status dnb_ridge_solve(dnb_linear *out, double *dual, const dnb_ridge *r, const double *y,
                           size_t m, dnb_err *err)
{
    dnb_status status = DNB_OK;
    solve_job job = {r, out, dual, y, m};
    size_t width = dnb_regression_block(m), rows;
    DNB_TRY(dnb_regression_check_int(m, "targets", err));
    rows = 1 + 3 * r->n + (r->dual ? 0 : r->d) + r->all.r;
    DNB_TRY(dnb_regression_blocks(solve_block, &job, m, rows * width, "fitting", r->opt->progress,
                                  err));
done:
    return status;
}

static dnb_status ridge_new(void **state, const double *x, size_t n, size_t d,
                            const dnb_regression_options *opt, dnb_err *err)
{
    dnb_ridge_source src = {.n = n, .d = d, .x = x};
    dnb_ridge *r = NULL;
    dnb_status status = dnb_ridge_new(&r, &src, opt, err);
    *state = r;
    return status;
}

static dnb_status ridge_scores(double *scores, void *state, const double *y, size_t m, dnb_err *err)
{
    return dnb_ridge_scores(scores, state, y, m, err);
}

static dnb_status ridge_fit(dnb_linear *out, void *state, const double *y, size_t m, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const dnb_ridge *r = state;
    const dnb_regression_options *opt = r->opt;
    double *table = NULL;
    size_t *choice = NULL, cells;
    DNB_NEW(choice, m, "penalties");
    if (opt->choice != DNB_PENALTY_FIXED) {
        if (!dnb_mul_size(&cells, opt->n_alphas, m))
            DNB_TRY(dnb_fail_memory(err, "scores of penalties", SIZE_MAX));
        DNB_NEW(table, cells, "scores of penalties");
        DNB_TRY(dnb_ridge_scores(table, r, y, m, err));
        dnb_ridge_choose(choice, table, opt->n_alphas, m, opt->shared_alpha);
    }
    for (size_t j = 0; j < m; j++) {
        out->alpha[j] = opt->alphas[choice[j]];
        if (out->score)
            out->score[j] = table[choice[j] * m + j];
    }
    DNB_TRY(dnb_ridge_solve(out, NULL, r, y, m, err));
done:
    dnb_free(choice);
    dnb_free(table);
    return status;
}

static void ridge_free(void *state)
{
    dnb_ridge_free(state);
}

const dnb_regression_model dnb_regression_ridge = {.name = "ridge",
                                                   .closed_form = true,
                                                   .fresh = ridge_new,
                                                   .fit = ridge_fit,
                                                   .scores = ridge_scores,
                                                   .release = ridge_free,
                                                   .penalised = true};
