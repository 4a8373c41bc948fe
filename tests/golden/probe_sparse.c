/* Fits lasso, elastic net or PLS to raw float64 files: probe_sparse KIND N D M X Y OUT [key=value].
 * Writes coef, intercept and (not for pls) alpha to OUT, one after another; prints the number of
 * targets that did not converge, and the least seconds and processor seconds of `repeat` fits. */
#include "dnnbrain/regression.h"
#include "probe_words.h"

static int leave(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static double *read_doubles(const char *path, size_t count)
{
    FILE *f = fopen(path, "rb");
    double *x = malloc(count * sizeof *x);
    if (!f || !x || fread(x, sizeof *x, count, f) != count)
        leave(path);
    fclose(f);
    return x;
}

/* What the command line asks for beside the model. */
typedef struct request {
    dnb_regression_options opt;
    double alphas[256];
    size_t folds, repeat;
} request;

static void read_request(request *r, const probe_words *w)
{
    dnb_err err = {0};
    probe_check_keys(w, "alphas l1_ratio tolerance iterations components per_target no_scale "
                        "shared memory scoring folds threads repeat");
    r->opt.n_alphas = probe_list(w, "alphas", r->alphas, 256);
    r->opt.alphas = r->opt.n_alphas ? r->alphas : NULL;
    r->opt.l1_ratio = probe_number(w, "l1_ratio", r->opt.l1_ratio);
    r->opt.tolerance = probe_number(w, "tolerance", r->opt.tolerance);
    r->opt.max_iterations = probe_size(w, "iterations", r->opt.max_iterations);
    r->opt.components = probe_size(w, "components", r->opt.components);
    r->opt.per_target = probe_flag(w, "per_target");
    r->opt.no_scale = probe_flag(w, "no_scale");
    r->opt.shared_alpha = probe_flag(w, "shared");
    r->opt.memory = probe_size(w, "memory", 0);
    if (probe_text(w, "scoring"))
        probe_must(dnb_scoring_parse(&r->opt.scoring, probe_text(w, "scoring"), &err), &err);
    r->folds = probe_size(w, "folds", 0);
    r->opt.choice = r->folds ? DNB_PENALTY_CV : r->opt.choice;
    r->repeat = probe_size(w, "repeat", 1);
    if (probe_text(w, "threads"))
        dnb_threads_set((int)probe_size(w, "threads", 1));
}

int main(int argc, char **argv)
{
    request r = {0};
    int files;
    const probe_words words = probe_words_after(argc, argv, 1, &files);
    dnb_regression_kind kind = DNB_GLM;
    dnb_folds folds = {0};
    dnb_err err = {0};
    if (files != 7 || dnb_regression_parse(&kind, argv[1], &err) != DNB_OK)
        leave("probe_sparse KIND N D M X Y OUT [key=value]");
    size_t n = (size_t)atol(argv[2]), d = (size_t)atol(argv[3]), m = (size_t)atol(argv[4]);
    double *x = read_doubles(argv[5], n * d), *y = read_doubles(argv[6], n * m);
    r.opt = dnb_regression_defaults(kind);
    read_request(&r, &words);
    if (r.folds) {
        dnb_folds_options f = {.kind = DNB_FOLDS_CONTIGUOUS, .k = r.folds};
        if (dnb_folds_init(&folds, n, &f, &err) != DNB_OK)
            leave(err.message);
        r.opt.inner = &folds;
    }
    double best = 1e300, cpu = 1e300;
    dnb_linear l = {0};
    for (size_t k = 0; k < r.repeat; k++) {
        dnb_regressor *g = NULL;
        double start = probe_clock(false), used = probe_clock(true);
        dnb_linear_release(&l);
        if (dnb_regressor_new(&g, x, n, d, &r.opt, &err) != DNB_OK ||
            dnb_regressor_fit(&l, g, y, m, &err) != DNB_OK)
            leave(err.message);
        dnb_regressor_free(g);
        start = probe_clock(false) - start;
        used = probe_clock(true) - used;
        best = start < best ? start : best;
        cpu = used < cpu ? used : cpu;
    }
    FILE *f = fopen(argv[7], "wb");
    if (!f || fwrite(l.coef, sizeof(double), d * m, f) != d * m ||
        fwrite(l.intercept, sizeof(double), m, f) != m ||
        (l.alpha && fwrite(l.alpha, sizeof(double), m, f) != m) || fclose(f) != 0)
        leave(argv[7]);
    printf("%zu %.6f %.6f\n", l.n_unconverged, best, cpu);
    dnb_linear_release(&l);
    dnb_folds_release(&folds);
    free(x);
    free(y);
    return 0;
}
