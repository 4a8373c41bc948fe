/* Runs one function of the stats room on .npy files, for diff_stats.py and bench_stats.py:
 *   probe_stats COMMAND IN.npy ... OUT.npy [key=value ...]
 * Keys every command knows: threads=N, repeat=N (prints the best time in seconds),
 * source=tiles|rows (reads the first input piece by piece), memory=BYTES. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dnnbrain/distance.h"
#include "dnnbrain/linalg.h"

typedef struct args {
    int argc;
    char **argv;
    dnb_array in[4];
    int n_in;
    const char *out;
} args;

static const char *option(const args *a, const char *key)
{
    size_t len = strlen(key);
    for (int i = 2; i < a->argc; i++)
        if (strncmp(a->argv[i], key, len) == 0 && a->argv[i][len] == '=')
            return a->argv[i] + len + 1;
    return NULL;
}

static double number(const args *a, const char *key, double otherwise)
{
    const char *s = option(a, key);
    return s ? strtod(s, NULL) : otherwise;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A reader over an array in memory, as a file would be read. */
static dnb_status read_tile(void *ctx, size_t row, size_t n_rows, size_t col, size_t n_cols,
                            void *dst, dnb_err *err)
{
    const dnb_rows *x = ctx;
    size_t item = dnb_dtype_size(x->dtype);
    (void)err;
    for (size_t i = 0; i < n_rows; i++)
        memcpy((char *)dst + i * n_cols * item,
               (const char *)x->data + ((row + i) * x->stride + col) * item, n_cols * item);
    return DNB_OK;
}

/* rows of the first input; *memory_rows keeps the array behind a piecewise source. */
static dnb_status source(const args *a, dnb_rows *out, dnb_rows *memory_rows, dnb_err *err)
{
    const char *kind = option(a, "source");
    dnb_status status = dnb_rows_of_array(memory_rows, &a->in[0], err);
    if (status != DNB_OK)
        return status;
    *out = *memory_rows;
    if (kind) {
        out->data = NULL;
        out->read = read_tile;
        out->ctx = memory_rows;
        out->whole_rows = strcmp(kind, "rows") == 0;
    }
    return DNB_OK;
}

static dnb_status run_pdist(const args *a, dnb_array *out, dnb_err *err)
{
    dnb_rows x, held;
    dnb_pdist_options o = {.p = number(a, "p", 0),
                           .zscore = number(a, "zscore", 0) != 0,
                           .memory = (size_t)number(a, "memory", 0)};
    dnb_status status = dnb_metric_parse(&o.metric, option(a, "metric"), err);
    if (status == DNB_OK)
        status = source(a, &x, &held, err);
    if (a->n_in > 1)
        o.variance = a->in[1].data;
    return status == DNB_OK ? dnb_pdist(out, &x, &o, err) : status;
}

static dnb_status run_gram(const args *a, dnb_array *out, dnb_err *err)
{
    dnb_rows x, held;
    dnb_gram_options o = {(dnb_gram_centre_kind)number(a, "centre", 0),
                          (size_t)number(a, "memory", 0), NULL};
    dnb_status status = source(a, &x, &held, err);
    if (status == DNB_OK)
        status = dnb_array_init(out, DNB_F64, 2, (size_t[]){x.n, x.n}, err);
    return status == DNB_OK ? dnb_gram_run(out->data, &x, &o, err) : status;
}

static const struct {
    const char *name;
    dnb_status (*run)(const args *a, dnb_array *out, dnb_err *err);
} commands[] = {
    {"pdist", run_pdist},
    {"gram", run_gram},
};

static dnb_status run_command(args *a, dnb_array *out, dnb_err *err)
{
    int repeat = (int)number(a, "repeat", 0);
    for (size_t c = 0; c < sizeof commands / sizeof *commands; c++) {
        if (strcmp(commands[c].name, a->argv[1]) != 0)
            continue;
        double best = 1e300;
        dnb_status status = DNB_OK;
        for (int r = 0; r < (repeat ? repeat : 1) && status == DNB_OK; r++) {
            dnb_array_release(out);
            double start = now();
            status = commands[c].run(a, out, err);
            double took = now() - start;
            best = took < best ? took : best;
        }
        if (repeat)
            printf("%.6f\n", best);
        return status;
    }
    return dnb_fail(err, DNB_EARG, "no command %s", a->argv[1]);
}

int main(int argc, char **argv)
{
    args a = {.argc = argc, .argv = argv};
    dnb_array out = {0};
    dnb_err err = {0};
    dnb_status status = DNB_OK;
    for (int i = 2; i < argc && status == DNB_OK; i++) {
        if (strchr(argv[i], '='))
            continue;
        if (i + 1 < argc && !strchr(argv[i + 1], '=') && a.n_in < 4)
            status = dnb_npy_read(&a.in[a.n_in++], argv[i], &err);
        else
            a.out = argv[i];
    }
    if (argc < 3 || !a.out || a.n_in == 0) {
        fputs("usage: probe_stats COMMAND IN.npy ... OUT.npy [key=value ...]\n", stderr);
        return 2;
    }
    dnb_threads_set((int)number(&a, "threads", 0));
    if (status == DNB_OK)
        status = run_command(&a, &out, &err);
    if (status == DNB_OK)
        status = dnb_npy_write(&out, a.out, &err);
    if (status != DNB_OK)
        fprintf(stderr, "probe_stats: %s\n", err.message);
    for (int i = 0; i < a.n_in; i++)
        dnb_array_release(&a.in[i]);
    dnb_array_release(&out);
    return status != DNB_OK;
}
