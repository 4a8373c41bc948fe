/* Fits linear models on .npy files for diff_regression.py:
 *   probe_regression X.npy Y.npy OUT.npy [kind=ridge] [choice=cv|gcv|loo] [alphas=1,10] [folds=K]
 *                    [scoring=r2] [shared=1] [threads=N] [predicting=1]
 * OUT: d rows of coefficients, then the intercepts, penalties (0: none), scores (0: none), and,
 * when a penalty is chosen, a row of scores for every penalty. */
#include "dnnbrain/array.h"
#include "dnnbrain/regression.h"
#include "probe_words.h"
#include "stats/ridge_own.h"

static dnb_err err;

static void must(dnb_status status)
{
    probe_must(status, &err);
}

typedef struct request {
    dnb_regression_options opt;
    double alphas[64];
    size_t folds;
    bool predicting;
} request;

static void read_request(request *q, const probe_words *w)
{
    const char *choice = probe_text(w, "choice");
    probe_check_keys(w, "kind choice alphas folds scoring shared threads predicting");
    if (probe_text(w, "kind"))
        must(dnb_regression_parse(&q->opt.kind, probe_text(w, "kind"), &err));
    if (choice)
        q->opt.choice = strcmp(choice, "cv") == 0    ? DNB_PENALTY_CV
                        : strcmp(choice, "gcv") == 0 ? DNB_PENALTY_GCV
                                                     : DNB_PENALTY_LOO;
    q->opt.n_alphas = probe_list(w, "alphas", q->alphas, 64);
    q->opt.alphas = q->opt.n_alphas ? q->alphas : NULL;
    if (probe_text(w, "scoring"))
        must(dnb_scoring_parse(&q->opt.scoring, probe_text(w, "scoring"), &err));
    q->folds = probe_size(w, "folds", 0);
    q->opt.shared_alpha = probe_flag(w, "shared");
    q->predicting = probe_flag(w, "predicting");
    if (probe_text(w, "threads"))
        dnb_threads_set((int)probe_size(w, "threads", 1));
}

int main(int argc, char **argv)
{
    request q = {.opt = dnb_regression_defaults(DNB_GLM)};
    dnb_array x = {0}, y = {0}, out = {0};
    dnb_folds folds = {0};
    dnb_linear l = {0};
    dnb_regressor *r = NULL;
    int files;
    const probe_words words = probe_words_after(argc, argv, 1, &files);
    if (files != 3)
        return 2;
    read_request(&q, &words);
    must(dnb_npy_read(&x, argv[1], &err));
    must(dnb_npy_read(&y, argv[2], &err));
    size_t n = x.shape[0], d = x.shape[1], m = y.shape[1];
    bool chosen = q.opt.choice != DNB_PENALTY_FIXED && q.opt.kind != DNB_GLM;
    if (q.folds) {
        must(dnb_folds_init(&folds, n, &(dnb_folds_options){.k = q.folds}, &err));
        q.opt.inner = &folds;
    }
    must(dnb_regressor_new(&r, x.data, n, d, &q.opt, &err));
    must(dnb_regressor_fit(&l, r, y.data, m, &err));
    const size_t shape[2] = {d + 3 + (chosen ? q.opt.n_alphas : 0), m};
    must(dnb_array_init(&out, DNB_F64, 2, shape, &err));
    double *to = out.data;
    memset(to, 0, shape[0] * m * sizeof *to);
    memcpy(to, l.coef, d * m * sizeof *to);
    memcpy(to + d * m, l.intercept, m * sizeof *to);
    if (l.alpha)
        memcpy(to + (d + 1) * m, l.alpha, m * sizeof *to);
    if (l.score)
        memcpy(to + (d + 2) * m, l.score, m * sizeof *to);
    if (chosen && q.predicting) { /* the slow way, which must agree */
        dnb_ridge *ridge = NULL;
        dnb_ridge_source src = {.n = n, .d = d, .x = x.data, .by_predicting = true};
        must(dnb_ridge_new(&ridge, &src, &q.opt, &err));
        must(dnb_ridge_scores(to + (d + 3) * m, ridge, y.data, m, &err));
        dnb_ridge_free(ridge);
    } else if (chosen) {
        must(dnb_regressor_scores(to + (d + 3) * m, r, y.data, m, &err));
    }
    must(dnb_npy_write(&out, argv[3], &err));
    dnb_regressor_free(r);
    dnb_linear_release(&l);
    dnb_folds_release(&folds);
    dnb_array_release(&x);
    dnb_array_release(&y);
    dnb_array_release(&out);
    return 0;
}
