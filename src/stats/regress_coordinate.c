/* LASSO and ELASTICNET behind dnb_regressor: options, the choice of a penalty by cross-validation,
 * and results put in place. The solver is sparse_path.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stats/regression_own.h"
#include "stats/sparse_own.h"

typedef struct sparse_state {
    const double *x;
    size_t n, d, memory;
    const dnb_regression_options *opt;
    dnb_sparse_request req; /* what every run has in common */
    dnb_sparse_design all;
    size_t *order;  /* n_alphas: from the largest penalty to the smallest */
    double *sorted; /* the penalties in that order */
} sparse_state;

static void sparse_release(void *state)
{
    sparse_state *s = state;
    if (!s)
        return;
    dnb_sparse_design_release(&s->all);
    dnb_free(s->order);
    dnb_free(s->sorted);
    dnb_free(s);
}

static dnb_status check_sparse(const dnb_regression_options *opt, dnb_err *err)
{
    const char *name = dnb_regression_name(opt->kind);
    for (size_t a = 0; a < opt->n_alphas; a++)
        if (!(opt->alphas[a] > 0))
            return dnb_fail(err, DNB_EARG, "%s: penalty %zu is %g; without a penalty use glm", name,
                            a + 1, opt->alphas[a]);
    if (opt->kind == DNB_ELASTICNET && !(opt->l1_ratio >= 0 && opt->l1_ratio <= 1))
        return dnb_fail(err, DNB_EARG,
                        "elasticnet: l1_ratio is %g; it lies above 0 (0 asks for the default, 0.5) "
                        "and at most at 1; for a penalty on squares alone use ridge",
                        opt->l1_ratio);
    if (!(opt->tolerance >= 0) || isinf(opt->tolerance))
        return dnb_fail(err, DNB_EARG, "%s: the tolerance is %g; it is positive (0 = 1e-4)", name,
                        opt->tolerance);
    return DNB_OK;
}

/* The penalties from the largest to the smallest; equal ones keep their order. */
static void sort_alphas(sparse_state *s)
{
    const double *alphas = s->opt->alphas;
    for (size_t a = 0; a < s->opt->n_alphas; a++) {
        size_t at = a;
        for (; at > 0 && alphas[s->order[at - 1]] < alphas[a]; at--)
            s->order[at] = s->order[at - 1];
        s->order[at] = a;
    }
    for (size_t a = 0; a < s->opt->n_alphas; a++)
        s->sorted[a] = alphas[s->order[a]];
}

static dnb_status sparse_new(void **state, const double *x, size_t n, size_t d,
                             const dnb_regression_options *opt, dnb_err *err)
{
    dnb_status status = DNB_OK;
    sparse_state *s = NULL;
    DNB_TRY(check_sparse(opt, err));
    DNB_NEW(s, 1, "a sparse model");
    s->x = x;
    s->n = n;
    s->d = d;
    s->opt = opt;
    s->memory = opt->memory ? opt->memory : dnb_memory_budget();
    s->req.l1_ratio = opt->kind == DNB_LASSO ? 1 : opt->l1_ratio > 0 ? opt->l1_ratio : 0.5;
    s->req.tolerance = opt->tolerance > 0 ? opt->tolerance : 1e-4;
    s->req.max_iterations = opt->max_iterations ? opt->max_iterations : 1000;
    s->req.memory = s->memory / 4;
    s->req.progress = opt->progress;
    DNB_NEW(s->order, opt->n_alphas, "penalties");
    DNB_NEW(s->sorted, opt->n_alphas, "penalties");
    sort_alphas(s);
    DNB_TRY(dnb_sparse_design_init(&s->all, x, d, NULL, n, s->memory / 2, err));
    *state = s;
    s = NULL;
done:
    sparse_release(s);
    return status;
}

/* A fold's scores, summed into cells of their own. */
typedef struct fold_sink {
    const sparse_state *s;
    const double *y;
    size_t m, n_test;
    const size_t *test;
    double *scores;
    unsigned char *stopped; /* m, or NULL: a fit ran out of iterations */
} fold_sink;

static dnb_status take_score(void *ctx, const dnb_sparse_solution *f, dnb_err *err)
{
    const fold_sink *k = ctx;
    dnb_status status = DNB_OK;
    double *truth = NULL, *said, score;
    DNB_NEW(truth, 2 * k->n_test, "a fold's predictions");
    said = truth + k->n_test;
    for (size_t i = 0; i < k->n_test; i++) {
        const double *x = k->s->x + k->test[i] * k->s->d;
        truth[i] = k->y[k->test[i] * k->m + f->target];
        said[i] = f->intercept;
        for (size_t j = 0; j < f->k; j++)
            said[i] += x[f->support[j]] * f->w[f->support[j]];
    }
    DNB_TRY(dnb_score_columns(&score, k->s->opt->scoring, truth, said, k->n_test, 1, err));
    k->scores[k->s->order[f->step] * k->m + f->target] += score;
    if (k->stopped && !f->converged)
        k->stopped[f->target] = 1;
done:
    dnb_free(truth);
    return status;
}

/* Mean scores over the folds (n_alphas x m). */
static dnb_status score_folds(double *scores, unsigned char *stopped, sparse_state *s,
                              const double *y, size_t m, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const dnb_folds *folds = s->opt->inner;
    dnb_sparse_design design = {0};
    size_t *rows = NULL, cells = s->opt->n_alphas * m;
    memset(scores, 0, cells * sizeof *scores);
    DNB_NEW(rows, 2 * s->n, "a fold's rows");
    for (size_t f = 0; f < folds->k; f++) {
        size_t *test = rows + s->n, n_train = dnb_folds_train_rows(folds, f, rows);
        fold_sink sink = {.s = s, .y = y, .m = m, .test = test, .scores = scores};
        sink.n_test = dnb_folds_test_rows(folds, f, test);
        sink.stopped = stopped;
        dnb_sparse_request req = s->req;
        req.alphas = s->sorted;
        req.n_alphas = s->opt->n_alphas;
        req.take = take_score;
        req.ctx = &sink;
        DNB_TRY(dnb_sparse_design_init(&design, s->x, s->d, rows, n_train, s->memory / 4, err));
        DNB_TRY(dnb_sparse_path_run(&design, y, m, rows, &req, err));
        dnb_sparse_design_release(&design);
    }
    for (size_t i = 0; i < cells; i++)
        scores[i] /= (double)folds->k;
done:
    dnb_sparse_design_release(&design);
    dnb_free(rows);
    return status;
}

static dnb_status sparse_scores(double *scores, void *state, const double *y, size_t m,
                                dnb_err *err)
{
    return score_folds(scores, NULL, state, y, m, err);
}

/* alpha[m] and score[m] of the best penalty: each target's own, or the best mean. */
static void pick(double *alpha, double *score, const double *scores, size_t m,
                 const dnb_regression_options *opt)
{
    size_t shared = 0;
    double best = -INFINITY;
    for (size_t a = 0; opt->shared_alpha && a < opt->n_alphas; a++) {
        double mean = 0;
        for (size_t t = 0; t < m; t++)
            mean += scores[a * m + t];
        if (mean > best) {
            best = mean;
            shared = a;
        }
    }
    for (size_t t = 0; t < m; t++) {
        size_t chosen = shared;
        for (size_t a = 0; !opt->shared_alpha && a < opt->n_alphas; a++)
            if (scores[a * m + t] > scores[chosen * m + t])
                chosen = a;
        alpha[t] = opt->alphas[chosen];
        score[t] = scores[chosen * m + t];
    }
}

typedef struct fit_sink {
    dnb_linear *out;
    unsigned char *stopped;
} fit_sink;

static dnb_status take_fit(void *ctx, const dnb_sparse_solution *f, dnb_err *err)
{
    fit_sink *k = ctx;
    (void)err;
    for (size_t j = 0; j < f->k; j++)
        k->out->coef[f->support[j] * k->out->m + f->target] = f->w[f->support[j]];
    k->out->intercept[f->target] = f->intercept;
    if (!f->converged)
        k->stopped[f->target] = 1;
    return DNB_OK;
}

static dnb_status sparse_fit(dnb_linear *out, void *state, const double *y, size_t m, dnb_err *err)
{
    dnb_status status = DNB_OK;
    sparse_state *s = state;
    const dnb_regression_options *opt = s->opt;
    double *scores = NULL;
    fit_sink sink = {.out = out};
    dnb_sparse_request req = s->req;
    req.own = out->alpha;
    req.take = take_fit;
    req.ctx = &sink;
    DNB_NEW(sink.stopped, m, "targets");
    for (size_t t = 0; t < m; t++)
        out->alpha[t] = opt->alphas[0];
    if (opt->choice == DNB_PENALTY_CV) {
        size_t cells;
        if (!dnb_mul_size(&cells, opt->n_alphas, m))
            DNB_TRY(dnb_fail_memory(err, "scores of penalties", SIZE_MAX));
        DNB_NEW(scores, cells, "scores of penalties");
        DNB_TRY(score_folds(scores, sink.stopped, s, y, m, err));
        pick(out->alpha, out->score, scores, m, opt);
    }
    DNB_TRY(dnb_sparse_path_run(&s->all, y, m, NULL, &req, err));
    for (size_t t = 0; t < m; t++)
        out->n_unconverged += sink.stopped[t];
done:
    dnb_free(scores);
    dnb_free(sink.stopped);
    return status;
}

const dnb_regression_model dnb_regression_lasso = {.name = "lasso",
                                                   .fresh = sparse_new,
                                                   .fit = sparse_fit,
                                                   .scores = sparse_scores,
                                                   .release = sparse_release,
                                                   .penalised = true};
const dnb_regression_model dnb_regression_elasticnet = {.name = "elasticnet",
                                                        .fresh = sparse_new,
                                                        .fit = sparse_fit,
                                                        .scores = sparse_scores,
                                                        .release = sparse_release,
                                                        .penalised = true};
