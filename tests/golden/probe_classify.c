/* Runs a classifier or a clustering on .npy files, for diff_classify.py and bench_classify.py:
 *   probe_classify COMMAND IN.npy ... OUT.npy [key=value ...]
 *   predict X Y X2 OUT   n2 x (1 + classes): label, decision values
 *   probability X Y X2 OUT
 *   coef X Y OUT         maps x (d + 1): weights, intercept
 *   cross X Y FOLD OUT   n x (1 + classes)
 *   warm X Y X2 OUT      as predict, by a fit that starts from the first half's weights
 * Labels and folds are int64. Keys: kind, c, l1, tolerance, iterations, threads, repeat (prints the
 * best time in seconds; of the processor with clock=cpu). */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dnnbrain/array.h"
#include "dnnbrain/classify.h"
#include "dnnbrain/runtime.h"

typedef struct args {
    int argc;
    char **argv;
    dnb_array in[4];
    int n_in;
    const char *out;
    dnb_classifier_options o;
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

static double now(bool cpu)
{
    struct timespec t;
    clock_gettime(cpu ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static dnb_status matrix(dnb_array *out, size_t rows, size_t cols, dnb_err *err)
{
    const size_t shape[2] = {rows, cols};
    return dnb_array_init(out, DNB_F64, 2, shape, err);
}

static dnb_status fit(dnb_classifier **c, const args *a, dnb_err *err)
{
    return dnb_classifier_fit(c, a->in[0].data, a->in[0].shape[0], a->in[0].shape[1], a->in[1].data,
                              &a->o, err);
}

/* Labels beside decision values. */
static void beside(double *out, const int64_t *labels, const double *decision, size_t n, size_t k)
{
    for (size_t i = 0; i < n; i++) {
        out[i * (k + 1)] = (double)labels[i];
        memcpy(out + i * (k + 1) + 1, decision + i * k, k * sizeof *decision);
    }
}

static dnb_status predict(dnb_array *out, const args *a, const dnb_classifier *c, dnb_err *err)
{
    size_t k = dnb_classifier_classes(c, NULL), n = a->in[2].shape[0];
    int64_t *labels = malloc(n * sizeof *labels);
    double *decision = malloc(n * k * sizeof *decision);
    dnb_status status = dnb_classifier_predict(labels, decision, c, a->in[2].data, n, err);
    if (status == DNB_OK)
        status = matrix(out, n, k + 1, err);
    if (status == DNB_OK)
        beside(out->data, labels, decision, n, k);
    free(labels);
    free(decision);
    return status;
}

static dnb_status run_predict(dnb_array *out, const args *a, dnb_err *err)
{
    dnb_classifier *c = NULL;
    dnb_status status = fit(&c, a, err);
    if (status == DNB_OK)
        status = predict(out, a, c, err);
    dnb_classifier_free(c);
    return status;
}

static dnb_status run_warm(dnb_array *out, const args *a, dnb_err *err)
{
    dnb_classifier *half = NULL, *c = NULL;
    args warm = *a;
    warm.in[0].shape[0] /= 2;
    dnb_status status = fit(&half, &warm, err);
    warm.in[0].shape[0] = a->in[0].shape[0];
    warm.o.start = half;
    if (status == DNB_OK)
        status = fit(&c, &warm, err);
    if (status == DNB_OK)
        status = predict(out, a, c, err);
    dnb_classifier_free(half);
    dnb_classifier_free(c);
    return status;
}

static dnb_status run_probability(dnb_array *out, const args *a, dnb_err *err)
{
    dnb_classifier *c = NULL;
    dnb_status status = fit(&c, a, err);
    if (status == DNB_OK)
        status = matrix(out, a->in[2].shape[0], dnb_classifier_classes(c, NULL), err);
    if (status == DNB_OK)
        status = dnb_classifier_probability(out->data, c, a->in[2].data, a->in[2].shape[0], err);
    dnb_classifier_free(c);
    return status;
}

static dnb_status run_coef(dnb_array *out, const args *a, dnb_err *err)
{
    dnb_classifier *c = NULL;
    dnb_status status = fit(&c, a, err);
    const double *coef = NULL, *intercept = NULL;
    size_t maps = status == DNB_OK ? dnb_classifier_coef(c, &coef, &intercept) : 0;
    size_t d = a->in[0].shape[1];
    if (status == DNB_OK)
        status = matrix(out, maps, d + 1, err);
    for (size_t m = 0; status == DNB_OK && m < maps; m++) {
        memcpy((double *)out->data + m * (d + 1), coef + m * d, d * sizeof *coef);
        ((double *)out->data)[m * (d + 1) + d] = intercept[m];
    }
    dnb_classifier_free(c);
    return status;
}

static dnb_status run_cross(dnb_array *out, const args *a, dnb_err *err)
{
    size_t n = a->in[0].shape[0], d = a->in[0].shape[1], k = 0, folds = 0;
    const int64_t *y = a->in[1].data, *in = a->in[2].data;
    int64_t *labels = malloc(n * sizeof *labels);
    size_t *fold = malloc(n * sizeof *fold);
    for (size_t i = 0; i < n; i++) {
        bool seen = false;
        for (size_t j = 0; j < i && !seen; j++)
            seen = y[j] == y[i];
        k += !seen;
        fold[i] = (size_t)in[i];
        folds = fold[i] >= folds ? fold[i] + 1 : folds;
    }
    double *decision = malloc(n * k * sizeof *decision);
    dnb_status status =
        dnb_classifier_cross(labels, decision, a->in[0].data, n, d, y, fold, folds, &a->o, err);
    if (status == DNB_OK)
        status = matrix(out, n, k + 1, err);
    if (status == DNB_OK)
        beside(out->data, labels, decision, n, k);
    free(labels);
    free(fold);
    free(decision);
    return status;
}

static const struct {
    const char *name;
    dnb_status (*run)(dnb_array *, const args *, dnb_err *);
} commands[] = {{"predict", run_predict},
                {"warm", run_warm},
                {"probability", run_probability},
                {"coef", run_coef},
                {"cross", run_cross}};

static dnb_status run(args *a, dnb_err *err)
{
    dnb_array out = {0};
    dnb_status status = DNB_ENOTFOUND;
    int repeat = (int)number(a, "repeat", 0);
    bool cpu = option(a, "clock") != NULL;
    double best = 1e300;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(a->argv[1], commands[i].name) != 0)
            continue;
        for (int r = 0; r < (repeat ? repeat : 1); r++) {
            dnb_array_release(&out);
            double start = now(cpu);
            status = commands[i].run(&out, a, err);
            double took = now(cpu) - start;
            best = took < best ? took : best;
        }
    }
    if (status == DNB_OK)
        status = dnb_npy_write(&out, a->out, err);
    if (status == DNB_OK && repeat)
        printf("%.6f\n", best);
    dnb_array_release(&out);
    return status;
}

int main(int argc, char **argv)
{
    args a = {.argc = argc, .argv = argv};
    dnb_err err = {0};
    dnb_status status = DNB_OK;
    int files = 0;
    while (files + 2 < argc && !strchr(argv[files + 2], '='))
        files++;
    if (files < 2 || files > 5) {
        fprintf(stderr, "usage: probe_classify COMMAND IN.npy ... OUT.npy [key=value ...]\n");
        return 2;
    }
    a.n_in = files - 1;
    a.out = argv[1 + files];
    for (int i = 0; i < a.n_in && status == DNB_OK; i++)
        status = dnb_npy_read(&a.in[i], argv[2 + i], &err);
    dnb_threads_set((int)number(&a, "threads", 2));
    if (status == DNB_OK && option(&a, "kind"))
        status = dnb_classifier_parse(&a.o.kind, option(&a, "kind"), &err);
    a.o.c = number(&a, "c", 0);
    a.o.l1 = number(&a, "l1", 0) != 0;
    a.o.tolerance = number(&a, "tolerance", 0);
    a.o.max_iterations = (size_t)number(&a, "iterations", 0);
    if (status == DNB_OK)
        status = run(&a, &err);
    if (status != DNB_OK)
        fprintf(stderr, "%s: %s\n", dnb_status_name(status), err.message);
    for (int i = 0; i < a.n_in; i++)
        dnb_array_release(&a.in[i]);
    return status != DNB_OK;
}
