/* Runs the univariate engine on .npy files, for diff_univariate.py and bench_univariate.py:
 *   probe_univariate X.npy Y.npy OUT.npy [key=value ...]
 * kind=glm|lasso|corr, scoring=, alpha=, folds=KIND, k=, seed=, groups=FILE.npy, absolute=1, perm=,
 * memory=BYTES, threads=, source=tiles|rows (x piece by piece), all=OUT.npy (every pair's score),
 * repeat= (prints the best time in seconds; of the processor with clock=cpu), chn= area= axis= (a
 * layer's parts, one after another). OUT: fold scores, then rows of mean, unit, p and p_max, per
 * target. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dnnbrain/array.h"
#include "dnnbrain/univariate.h"

static dnb_err err;
static int n_words;
static char **words;

static void must(dnb_status status)
{
    if (status == DNB_OK)
        return;
    fprintf(stderr, "%s: %s\n", dnb_status_name(status), err.message);
    exit(1);
}

static const char *option(const char *key)
{
    size_t len = strlen(key);
    for (int i = 4; i < n_words; i++)
        if (strncmp(words[i], key, len) == 0 && words[i][len] == '=')
            return words[i] + len + 1;
    return NULL;
}

static double number(const char *key, double otherwise)
{
    return option(key) ? strtod(option(key), NULL) : otherwise;
}

static dnb_status read_tile(void *ctx, size_t row, size_t n_rows, size_t col, size_t n_cols,
                            void *dst, dnb_err *e)
{
    const dnb_rows *x = ctx;
    size_t item = dnb_dtype_size(x->dtype);
    (void)e;
    for (size_t i = 0; i < n_rows; i++)
        memcpy((char *)dst + i * n_cols * item,
               (const char *)x->data + ((row + i) * x->stride + col) * item, n_cols * item);
    return DNB_OK;
}

static dnb_univariate_options options(dnb_folds *folds, dnb_array *groups, size_t n)
{
    const char *kind = option("kind") ? option("kind") : "glm";
    dnb_univariate_options o = {.alpha = number("alpha", 0),
                                .absolute = number("absolute", 0) != 0,
                                .n_perm = (size_t)number("perm", 0),
                                .seed = (uint64_t)number("seed", 0),
                                .memory = (size_t)number("memory", 0)};
    dnb_folds_options f = {.k = (size_t)number("k", 3), .seed = 5};
    o.kind = strcmp(kind, "corr") == 0    ? DNB_UV_CORR
             : strcmp(kind, "lasso") == 0 ? DNB_UV_LASSO
                                          : DNB_UV_GLM;
    if (option("scoring"))
        must(dnb_scoring_parse(&o.scoring, option("scoring"), &err));
    if (option("folds"))
        must(dnb_folds_kind_parse(&f.kind, option("folds"), &err));
    if (option("groups")) {
        must(dnb_npy_read(groups, option("groups"), &err));
        f.groups = groups->data;
    }
    must(dnb_folds_init(folds, n, &f, &err));
    o.folds = folds;
    return o;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(option("clock") ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void run_all(dnb_univariate **list, size_t *parts, const dnb_rows *x, const double *y,
                    size_t m, const dnb_univariate_options *o)
{
    const size_t shape[3] = {(size_t)number("chn", 1), (size_t)number("area", 1), 1};
    dnb_iteraxis axis;
    if (option("axis")) {
        must(dnb_iteraxis_parse(&axis, option("axis"), &err));
        must(dnb_univariate_of_rows(list, parts, "layer", x, shape, NULL, axis, y, x->n, m, o,
                                    &err));
        return;
    }
    *list = calloc(1, sizeof **list);
    *parts = 1;
    must(dnb_univariate_run(*list, x, y, m, o, &err));
}

static void write_results(const dnb_univariate *list, size_t parts)
{
    size_t m = list->m, rows = list->k + 4;
    const size_t shape[3] = {parts, rows, m};
    dnb_array out = {0};
    must(dnb_array_init(&out, DNB_F64, 3, shape, &err));
    for (size_t i = 0; i < parts; i++) {
        double *to = (double *)out.data + i * rows * m;
        const dnb_univariate *u = &list[i];
        memcpy(to, u->score, u->k * m * sizeof *to);
        for (size_t t = 0; t < m; t++) {
            to[u->k * m + t] = u->mean[t];
            to[(u->k + 1) * m + t] = (double)u->unit[t];
            to[(u->k + 2) * m + t] = u->p ? u->p[t] : -1;
            to[(u->k + 3) * m + t] = u->p ? u->p_max[t] : -1;
        }
    }
    must(dnb_npy_write(&out, words[3], &err));
    dnb_array_release(&out);
}

int main(int argc, char **argv)
{
    dnb_array x = {0}, y = {0}, groups = {0}, all = {0};
    dnb_folds folds;
    dnb_rows held, rows;
    dnb_univariate *list = NULL;
    size_t parts = 0;
    double best = 1e300;
    n_words = argc;
    words = argv;
    if (argc < 4)
        return 2;
    must(dnb_npy_read(&x, argv[1], &err));
    must(dnb_npy_read(&y, argv[2], &err));
    must(dnb_rows_of_array(&held, &x, &err));
    dnb_threads_set((int)number("threads", 0));
    rows = held;
    if (option("source")) {
        rows.data = NULL;
        rows.read = read_tile;
        rows.ctx = &held;
        rows.whole_rows = strcmp(option("source"), "rows") == 0;
    }
    dnb_univariate_options o = options(&folds, &groups, x.shape[0]);
    if (option("all")) {
        must(dnb_array_init(&all, DNB_F64, 2, (size_t[]){held.d, y.shape[1]}, &err));
        o.all = all.data;
    }
    for (int i = 0; i < (int)number("repeat", 1); i++) {
        dnb_univariate_list_free(list, parts);
        double start = now();
        run_all(&list, &parts, &rows, y.data, y.shape[1], &o);
        best = now() - start < best ? now() - start : best;
    }
    printf("%.6f\n", best);
    write_results(list, parts);
    if (option("all"))
        must(dnb_npy_write(&all, option("all"), &err));
    dnb_univariate_list_free(list, parts);
    dnb_folds_release(&folds);
    dnb_array_release(&x);
    dnb_array_release(&y);
    dnb_array_release(&groups);
    dnb_array_release(&all);
    return 0;
}
