/* Fits lasso, elastic net or PLS to raw float64 files: probe_sparse KIND N D M X Y OUT [key=value].
 * Writes coef, intercept and (not for pls) alpha to OUT, one after another; prints the number of
 * targets that did not converge, and the least seconds and processor seconds of `repeat` fits. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dnnbrain/regression.h"

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

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* What the command line asks for beside the model. */
typedef struct request {
    dnb_regression_options opt;
    double alphas[256];
    size_t folds, repeat;
} request;

static void parse(request *r, const char *text)
{
    const char *eq = strchr(text, '=');
    if (!eq)
        leave(text);
    const char *v = eq + 1;
    size_t n = (size_t)(eq - text);
    if (strncmp(text, "alphas", n) == 0) {
        char *end;
        for (; *v && r->opt.n_alphas < 256; v = *end ? end + 1 : end)
            r->alphas[r->opt.n_alphas++] = strtod(v, &end);
        r->opt.alphas = r->alphas;
    } else if (strncmp(text, "l1_ratio", n) == 0) {
        r->opt.l1_ratio = atof(v);
    } else if (strncmp(text, "tolerance", n) == 0) {
        r->opt.tolerance = atof(v);
    } else if (strncmp(text, "iterations", n) == 0) {
        r->opt.max_iterations = (size_t)atol(v);
    } else if (strncmp(text, "components", n) == 0) {
        r->opt.components = (size_t)atol(v);
    } else if (strncmp(text, "per_target", n) == 0) {
        r->opt.per_target = atoi(v) != 0;
    } else if (strncmp(text, "no_scale", n) == 0) {
        r->opt.no_scale = atoi(v) != 0;
    } else if (strncmp(text, "shared", n) == 0) {
        r->opt.shared_alpha = atoi(v) != 0;
    } else if (strncmp(text, "memory", n) == 0) {
        r->opt.memory = (size_t)atol(v);
    } else if (strncmp(text, "scoring", n) == 0) {
        if (dnb_scoring_parse(&r->opt.scoring, v, NULL) != DNB_OK)
            leave(text);
    } else if (strncmp(text, "folds", n) == 0) {
        r->folds = (size_t)atol(v);
        r->opt.choice = DNB_PENALTY_CV;
    } else if (strncmp(text, "threads", n) == 0) {
        dnb_threads_set(atoi(v));
    } else if (strncmp(text, "repeat", n) == 0) {
        r->repeat = (size_t)atol(v);
    } else {
        leave(text);
    }
}

int main(int argc, char **argv)
{
    request r = {.repeat = 1};
    dnb_regression_kind kind;
    dnb_folds folds = {0};
    dnb_err err = {0};
    if (argc < 8 || dnb_regression_parse(&kind, argv[1], &err) != DNB_OK)
        leave("probe_sparse KIND N D M X Y OUT [key=value]");
    size_t n = (size_t)atol(argv[2]), d = (size_t)atol(argv[3]), m = (size_t)atol(argv[4]);
    double *x = read_doubles(argv[5], n * d), *y = read_doubles(argv[6], n * m);
    r.opt = dnb_regression_defaults(kind);
    for (int i = 8; i < argc; i++)
        parse(&r, argv[i]);
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
        double start = now(CLOCK_MONOTONIC), used = now(CLOCK_PROCESS_CPUTIME_ID);
        dnb_linear_release(&l);
        if (dnb_regressor_new(&g, x, n, d, &r.opt, &err) != DNB_OK ||
            dnb_regressor_fit(&l, g, y, m, &err) != DNB_OK)
            leave(err.message);
        dnb_regressor_free(g);
        start = now(CLOCK_MONOTONIC) - start;
        used = now(CLOCK_PROCESS_CPUTIME_ID) - used;
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
