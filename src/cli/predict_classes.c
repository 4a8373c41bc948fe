/* Predicted classes into a table; with the truth, how many are right and what is taken for what. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "predict.h"

enum { LONGEST = 512 /* name of a column */ };

/* What a classifier says of one target. */
typedef struct answer {
    size_t k; /* classes */
    const char *const *classes;
    size_t *said;   /* n */
    double *values; /* n x k, or NULL */
} answer;

static void answer_release(answer *a)
{
    free(a->said);
    free(a->values);
    *a = (answer){0};
}

/* Probabilities where the model has them, unless decisions (or none) are asked for. */
static bool wants_probability(const prediction *p)
{
    return p->args->values ? strcmp(p->args->values, "probability") == 0
                           : p->info->classifier != DNB_SVC;
}

static bool wants_values(const prediction *p)
{
    return !p->args->values || strcmp(p->args->values, "none") != 0;
}

static dnb_status ask(answer *out, prediction *p, size_t t, cli_context *ctx, dnb_err *err)
{
    const dnb_weights_classes *classes = &p->info->classes[p->target[t]];
    answer a = {.k = classes->n, .classes = classes->names};
    bool values = wants_values(p);
    double bytes = 8.0 * (double)p->n * (double)(a.k + 1);
    if (values && bytes > (double)ctx->memory / 4)
        return dnb_fail(err, DNB_ENOMEM,
                        "values of %zu stimuli and %zu classes take %.1f MB; raise --memory, or "
                        "give -values none",
                        p->n, a.k, bytes * 1e-6);
    a.said = calloc(p->n + 1, sizeof *a.said);
    a.values = values ? malloc(p->n * a.k * sizeof *a.values + 1) : NULL;
    dnb_status status = a.said && (a.values || !values)
                            ? DNB_OK
                            : dnb_fail(err, DNB_ENOMEM, "out of memory for the predictions");
    if (status == DNB_OK)
        status = dnb_weightsfile_classify(a.said, a.values, p->weights, p->layer, p->target[t],
                                          &p->rows, wants_probability(p), ctx->memory / 2, err);
    if (status == DNB_OK)
        *out = a;
    else
        answer_release(&a);
    return status;
}

/* The label of every stimulus, and a column of values per class. */
static dnb_status add_answer(dnb_table *table, const answer *a, const prediction *p, size_t t,
                             dnb_err *err)
{
    const char *target = p->info->targets[p->target[t]];
    const char **labels = malloc(p->n * sizeof *labels + 1);
    double *column = malloc(p->n * sizeof *column + 1);
    char name[LONGEST];
    dnb_status status =
        labels && column ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory for the predictions");
    for (size_t i = 0; i < p->n && status == DNB_OK; i++)
        labels[i] = a->classes[a->said[i]];
    if (status == DNB_OK)
        status = dnb_table_add_text(table, target, labels, err);
    for (size_t c = 0; c < a->k && a->values && status == DNB_OK; c++) {
        snprintf(name, sizeof name, "%s(%s=%s)", wants_probability(p) ? "p" : "decision", target,
                 a->classes[c]);
        for (size_t i = 0; i < p->n; i++)
            column[i] = a->values[i * a->k + c];
        status = dnb_table_add_real(table, name, column, err);
    }
    free(labels);
    free(column);
    return status;
}

/* ---- the truth ---- */

/* True classes: the classes of the weights, in their order, and after them those that they do not
 * know. */
typedef struct truth {
    size_t n_known, n_names;
    const char **names;
    size_t *row; /* n: place among the names */
    cli_codes codes;
    char **own; /* names of the codes */
    size_t n_own;
} truth;

static void truth_release(truth *t)
{
    free(t->names);
    free(t->row);
    cli_codes_names_free(t->own, t->n_own);
    cli_codes_release(&t->codes);
    *t = (truth){0};
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* row[i] of every stimulus, by way of the distinct codes (ascending, as their names are). */
static dnb_status place_rows(truth *t, size_t n, dnb_err *err)
{
    int64_t *codes = malloc(n * sizeof *codes + 1);
    size_t *place = malloc(t->n_own * sizeof *place + 1), found = 0;
    if (!codes || !place) {
        free(codes);
        free(place);
        return dnb_fail(err, DNB_ENOMEM, "out of memory for %zu stimuli", n);
    }
    memcpy(codes, t->codes.value, n * sizeof *codes);
    qsort(codes, n, sizeof *codes, by_value);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || codes[i] != codes[found - 1])
            codes[found++] = codes[i];
    for (size_t c = 0; c < t->n_own; c++) {
        place[c] = 0;
        while (place[c] < t->n_names && strcmp(t->names[place[c]], t->own[c]) != 0)
            place[c]++;
        if (place[c] == t->n_names)
            t->names[t->n_names++] = t->own[c];
    }
    for (size_t i = 0; i < n; i++) {
        const int64_t *at = bsearch(&t->codes.value[i], codes, found, sizeof *codes, by_value);
        t->row[i] = place[at - codes];
    }
    free(codes);
    free(place);
    return DNB_OK;
}

static dnb_status read_truth(truth *out, const dnb_column *column, const answer *a,
                             const prediction *p, dnb_err *err)
{
    truth t = {.n_known = a->k};
    dnb_status status = cli_codes_of(&t.codes, column, p->n, p->args->stim, err);
    if (status == DNB_OK)
        status = cli_codes_names(&t.own, &t.n_own, &t.codes, err);
    t.names = calloc(a->k + t.n_own + 1, sizeof *t.names);
    t.row = calloc(p->n + 1, sizeof *t.row);
    if (status == DNB_OK && (!t.names || !t.row))
        status = dnb_fail(err, DNB_ENOMEM, "out of memory for %zu stimuli", p->n);
    for (size_t c = 0; c < a->k && status == DNB_OK; c++)
        t.names[t.n_names++] = a->classes[c];
    if (status == DNB_OK)
        status = place_rows(&t, p->n, err);
    if (status == DNB_OK)
        *out = t;
    else
        truth_release(&t);
    return status;
}

/* Stimuli by true (row) and said (column) class. */
static dnb_status save_confusion(const truth *t, const answer *a, const prediction *p,
                                 cli_context *ctx, dnb_err *err)
{
    dnb_table table = {0};
    int64_t *count = calloc(t->n_names + 1, sizeof *count);
    dnb_save_options so = {.provenance = dnb_provenance_json(ctx->provenance)};
    dnb_status status =
        count ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory for the confusion matrix");
    dnb_table_init(&table, t->n_names);
    if (status == DNB_OK)
        status = dnb_table_add_text(&table, "true class", t->names, err);
    for (size_t c = 0; c < a->k && status == DNB_OK; c++) {
        memset(count, 0, t->n_names * sizeof *count);
        for (size_t i = 0; i < p->n; i++)
            count[t->row[i]] += a->said[i] == c;
        status = dnb_table_add_int(&table, a->classes[c], count, err);
    }
    if (status == DNB_OK)
        status = dnb_table_write(&table, p->args->confusion, &so, err);
    if (status == DNB_OK)
        cli_wrote(ctx, p->args->confusion, "%zu true x %zu said classes", t->n_names, a->k);
    dnb_table_release(&table);
    free(count);
    return status;
}

static void say_accuracy(const truth *t, const answer *a, const prediction *p, const char *target,
                         cli_context *ctx)
{
    size_t right = 0, strange = 0;
    for (size_t i = 0; i < p->n; i++) {
        right += t->row[i] == a->said[i];
        strange += t->row[i] >= t->n_known;
    }
    double accuracy = (double)right / (double)p->n;
    cli_say(ctx, "%s: accuracy %.4f, %zu of %zu stimuli (%zu classes)", target, accuracy, right,
            p->n, a->k);
    if (strange)
        cli_warn(ctx,
                 "%s: %zu stimuli are of classes that the weights do not know (the first: '%s'); "
                 "they count as wrong",
                 target, strange, t->names[t->n_known]);
    cJSON *scores = cJSON_GetObjectItemCaseSensitive(ctx->summary, "scores");
    if (!scores)
        scores = cJSON_AddObjectToObject(ctx->summary, "scores");
    cJSON_AddNumberToObject(cJSON_AddObjectToObject(scores, target), "accuracy", accuracy);
}

/* ---- all targets ---- */

static dnb_status answer_target(dnb_table *table, truth *was, answer *a, prediction *p, size_t t,
                                cli_context *ctx, dnb_err *err)
{
    const char *target = p->info->targets[p->target[t]];
    const dnb_column *column = NULL;
    dnb_status status = ask(a, p, t, ctx, err);
    if (status == DNB_OK)
        status = add_answer(table, a, p, t, err);
    if (status == DNB_OK && p->args->confusion)
        status = cli_column_find(&column, &p->stim.data, p->args->stim, target, err);
    if (status == DNB_OK)
        column = cli_predict_truth(p, t);
    if (status == DNB_OK && column)
        status = read_truth(was, column, a, p, err);
    if (status == DNB_OK && p->has_stim && !column)
        cli_say(ctx, "%s has no column '%s': nothing to compare with", p->args->stim, target);
    return status;
}

dnb_status cli_predict_classes(prediction *p, cli_context *ctx, dnb_err *err)
{
    dnb_table table = {0};
    answer *a = calloc(p->m + 1, sizeof *a);
    truth *was = calloc(p->m + 1, sizeof *was);
    dnb_save_options so = {.provenance = dnb_provenance_json(ctx->provenance)};
    dnb_status status = a && was ? cli_predict_table(&table, p, err)
                                 : dnb_fail(err, DNB_ENOMEM, "out of memory for the predictions");
    for (size_t t = 0; t < p->m && status == DNB_OK; t++) {
        status = answer_target(&table, &was[t], &a[t], p, t, ctx, err);
        free(a[t].values); /* in the table now */
        a[t].values = NULL;
    }
    if (status == DNB_OK)
        status = dnb_table_write(&table, p->args->out, &so, err);
    if (status == DNB_OK)
        cli_wrote(ctx, p->args->out, "%zu stimuli x %zu targets", p->n, p->m);
    for (size_t t = 0; t < p->m && status == DNB_OK; t++)
        if (was[t].n_names)
            say_accuracy(&was[t], &a[t], p, p->info->targets[p->target[t]], ctx);
    if (status == DNB_OK && p->args->confusion)
        status = save_confusion(&was[0], &a[0], p, ctx, err);
    for (size_t t = 0; t < p->m; t++) {
        if (was)
            truth_release(&was[t]);
        if (a)
            answer_release(&a[t]);
    }
    dnb_table_release(&table);
    free(was);
    free(a);
    return status;
}
