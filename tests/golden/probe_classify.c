/* Runs a classifier or a clustering on .npy files, for diff_classify.py and bench_classify.py:
 *   probe_classify COMMAND IN.npy ... OUT.npy [key=value ...]
 *   predict X Y X2 OUT   n2 x (1 + classes): label, decision values
 *   probability X Y X2 OUT
 *   coef X Y OUT         maps x (d + 1): weights, intercept
 *   cross X Y FOLD OUT   n x (1 + classes)
 *   warm X Y X2 OUT      as predict, by a fit that starts from the first half's weights
 * Labels and folds are int64. Keys: kind, c, l1, tolerance, iterations, threads, repeat (prints the
 * best time in seconds; of the processor with clock=cpu). */
#include "dnnbrain/classify.h"
#include "probe_commands.h"

static dnb_status read_options(dnb_classifier_options *o, const probe_args *a, dnb_err *err)
{
    const probe_words *w = &a->words;
    *o = (dnb_classifier_options){.c = probe_number(w, "c", 0),
                                  .l1 = probe_flag(w, "l1"),
                                  .tolerance = probe_number(w, "tolerance", 0),
                                  .max_iterations = probe_size(w, "iterations", 0)};
    return probe_text(w, "kind") ? dnb_classifier_parse(&o->kind, probe_text(w, "kind"), err)
                                 : DNB_OK;
}

/* A fit on the first rows. */
static dnb_status fit(dnb_classifier **c, const probe_args *a, size_t rows,
                      const dnb_classifier *start, dnb_err *err)
{
    dnb_classifier_options o;
    dnb_status status = read_options(&o, a, err);
    o.start = start;
    return status == DNB_OK ? dnb_classifier_fit(c, a->in[0].data, rows, a->in[0].shape[1],
                                                 a->in[1].data, &o, err)
                            : status;
}

/* Labels beside decision values. */
static void beside(double *out, const int64_t *labels, const double *decision, size_t n, size_t k)
{
    for (size_t i = 0; i < n; i++) {
        out[i * (k + 1)] = (double)labels[i];
        memcpy(out + i * (k + 1) + 1, decision + i * k, k * sizeof *decision);
    }
}

static dnb_status predict(dnb_array *out, const probe_args *a, const dnb_classifier *c,
                          dnb_err *err)
{
    size_t k = dnb_classifier_classes(c, NULL), n = a->in[2].shape[0];
    int64_t *labels = malloc(n * sizeof *labels);
    double *decision = malloc(n * k * sizeof *decision);
    dnb_status status = dnb_classifier_predict(labels, decision, c, a->in[2].data, n, err);
    if (status == DNB_OK)
        status = probe_matrix(out, n, k + 1, err);
    if (status == DNB_OK)
        beside(out->data, labels, decision, n, k);
    free(labels);
    free(decision);
    return status;
}

static dnb_status run_predict(dnb_array *out, const probe_args *a, dnb_err *err)
{
    dnb_classifier *c = NULL;
    dnb_status status = fit(&c, a, a->in[0].shape[0], NULL, err);
    if (status == DNB_OK)
        status = predict(out, a, c, err);
    dnb_classifier_free(c);
    return status;
}

static dnb_status run_warm(dnb_array *out, const probe_args *a, dnb_err *err)
{
    dnb_classifier *half = NULL, *c = NULL;
    size_t n = a->in[0].shape[0];
    dnb_status status = fit(&half, a, n / 2, NULL, err);
    if (status == DNB_OK)
        status = fit(&c, a, n, half, err);
    if (status == DNB_OK)
        status = predict(out, a, c, err);
    dnb_classifier_free(half);
    dnb_classifier_free(c);
    return status;
}

static dnb_status run_probability(dnb_array *out, const probe_args *a, dnb_err *err)
{
    dnb_classifier *c = NULL;
    dnb_status status = fit(&c, a, a->in[0].shape[0], NULL, err);
    if (status == DNB_OK)
        status = probe_matrix(out, a->in[2].shape[0], dnb_classifier_classes(c, NULL), err);
    if (status == DNB_OK)
        status = dnb_classifier_probability(out->data, c, a->in[2].data, a->in[2].shape[0], err);
    dnb_classifier_free(c);
    return status;
}

static dnb_status run_coef(dnb_array *out, const probe_args *a, dnb_err *err)
{
    dnb_classifier *c = NULL;
    dnb_status status = fit(&c, a, a->in[0].shape[0], NULL, err);
    const double *coef = NULL, *intercept = NULL;
    size_t maps = status == DNB_OK ? dnb_classifier_coef(c, &coef, &intercept) : 0;
    size_t d = a->in[0].shape[1];
    if (status == DNB_OK)
        status = probe_matrix(out, maps, d + 1, err);
    for (size_t m = 0; status == DNB_OK && m < maps; m++) {
        memcpy((double *)out->data + m * (d + 1), coef + m * d, d * sizeof *coef);
        ((double *)out->data)[m * (d + 1) + d] = intercept[m];
    }
    dnb_classifier_free(c);
    return status;
}

static dnb_status run_cross(dnb_array *out, const probe_args *a, dnb_err *err)
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
    dnb_classifier_options o;
    dnb_status status = read_options(&o, a, err);
    if (status == DNB_OK)
        status =
            dnb_classifier_cross(labels, decision, a->in[0].data, n, d, y, fold, folds, &o, err);
    if (status == DNB_OK)
        status = probe_matrix(out, n, k + 1, err);
    if (status == DNB_OK)
        beside(out->data, labels, decision, n, k);
    free(labels);
    free(fold);
    free(decision);
    return status;
}

int main(int argc, char **argv)
{
    static const probe_command commands[] = {{"predict", run_predict},
                                             {"warm", run_warm},
                                             {"probability", run_probability},
                                             {"coef", run_coef},
                                             {"cross", run_cross}};
    return probe_main(argc, argv, commands, sizeof commands / sizeof *commands);
}
