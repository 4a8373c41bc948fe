/* Runs the univariate engine on .npy files, for diff_univariate.py and bench_univariate.py:
 *   probe_univariate X.npy Y.npy OUT.npy [key=value ...]
 * kind=glm|lasso|corr, scoring=, alpha=, folds=KIND, k=, seed=, groups=FILE.npy, absolute=1, perm=,
 * memory=BYTES, threads=, source=tiles|rows (x piece by piece), all=OUT.npy (every pair's score),
 * repeat= (prints the best time in seconds; of the processor with clock=cpu), chn= area= axis= (a
 * layer's parts, one after another). OUT: fold scores, then rows of mean, unit, p and p_max, per
 * target. */
#include "dnnbrain/array.h"
#include "dnnbrain/univariate.h"
#include "probe_words.h"

static dnb_err err;
static probe_words words;

static void must(dnb_status status)
{
    probe_must(status, &err);
}

static const char *option(const char *key)
{
    return probe_text(&words, key);
}

static dnb_univariate_options options(dnb_folds *folds, dnb_array *groups, size_t n)
{
    const char *kind = option("kind") ? option("kind") : "glm";
    dnb_univariate_options o = {.alpha = probe_number(&words, "alpha", 0),
                                .absolute = probe_flag(&words, "absolute"),
                                .n_perm = probe_size(&words, "perm", 0),
                                .seed = (uint64_t)probe_number(&words, "seed", 0),
                                .memory = probe_size(&words, "memory", 0)};
    dnb_folds_options f = {.k = probe_size(&words, "k", 3), .seed = 5};
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

static void run_all(dnb_univariate **list, size_t *parts, const dnb_rows *x, const double *y,
                    size_t m, const dnb_univariate_options *o)
{
    const size_t shape[3] = {probe_size(&words, "chn", 1), probe_size(&words, "area", 1), 1};
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

static void write_results(const dnb_univariate *list, size_t parts, const char *path)
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
    must(dnb_npy_write(&out, path, &err));
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
    int files;
    bool cpu;
    words = probe_words_after(argc, argv, 1, &files);
    if (files != 3)
        return 2;
    probe_check_keys(&words, "kind scoring alpha folds k seed groups absolute perm memory threads "
                             "source all repeat clock chn area axis");
    cpu = option("clock") != NULL;
    must(dnb_npy_read(&x, argv[1], &err));
    must(dnb_npy_read(&y, argv[2], &err));
    must(dnb_rows_of_array(&held, &x, &err));
    dnb_threads_set((int)probe_number(&words, "threads", 0));
    rows = probe_source(&words, &held);
    dnb_univariate_options o = options(&folds, &groups, x.shape[0]);
    if (option("all")) {
        must(dnb_array_init(&all, DNB_F64, 2, (size_t[]){held.d, y.shape[1]}, &err));
        o.all = all.data;
    }
    for (int i = 0; i < (int)probe_number(&words, "repeat", 1); i++) {
        dnb_univariate_list_free(list, parts);
        double start = probe_clock(cpu);
        run_all(&list, &parts, &rows, y.data, y.shape[1], &o);
        best = probe_clock(cpu) - start < best ? probe_clock(cpu) - start : best;
    }
    printf("%.6f\n", best);
    write_results(list, parts, argv[3]);
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
