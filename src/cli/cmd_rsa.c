/* dnnbrain rsa: do a network's RDMs resemble a brain's? Correlation, permutation test, table,
 * figure. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dnnbrain/rdmfile.h>
#include <dnnbrain/rdmtest.h>
#include <dnnbrain/table.h>

#include "rsa_report.h"

static const cli_option options[] = {
    {.name = "drdm",
     .type = CLI_INFILE,
     .offset = offsetof(rsa_args, drdm),
     .required = true,
     .value = "FILE",
     .help = "RDMs of the network's layers (.rdm.h5)."},
    {.name = "brdm",
     .type = CLI_INFILE,
     .offset = offsetof(rsa_args, brdm),
     .required = true,
     .value = "FILE",
     .help = "RDMs of the brain's ROIs (.rdm.h5), over the same conditions in the same order."},
    {.name = "layer",
     .type = CLI_STRINGS,
     .offset = offsetof(rsa_args, layer),
     .value = "LAYER",
     .help = "Layers to use, in this order. Default: all."},
    {.name = "roi",
     .type = CLI_STRINGS,
     .offset = offsetof(rsa_args, roi),
     .value = "ROI",
     .help = "ROIs to use, in this order. Default: all."},
    {.name = "method",
     .type = CLI_CHOICE,
     .offset = offsetof(rsa_args, method),
     .choices = "spearman|pearson|kendall-a|kendall-b",
     .fallback = "spearman",
     .help = "Correlation of the two RDMs; kendall-a suits models that predict ties."},
    {.name = "permute",
     .type = CLI_INT,
     .offset = offsetof(rsa_args, permute),
     .value = "N",
     .fallback = "1000",
     .min = 0,
     .max = 1e8,
     .help = "Permutations of the condition labels for the p-values; 0 for none."},
    {.name = "twosided",
     .type = CLI_FLAG,
     .offset = offsetof(rsa_args, two_sided),
     .help = "Test for a correlation of either sign. Default: larger than chance."},
    {.name = "boot",
     .type = CLI_INT,
     .offset = offsetof(rsa_args, boot),
     .value = "N",
     .fallback = "0",
     .min = 0,
     .max = 1e7,
     .help = "Bootstrap draws of the conditions for 95% intervals; 0 for none."},
    {.name = "seed",
     .type = CLI_INT,
     .offset = offsetof(rsa_args, seed),
     .value = "SEED",
     .fallback = "1",
     .min = 0,
     .max = 9e15,
     .help = "Seed of the random numbers; results do not depend on --threads."},
    {.name = "out",
     .type = CLI_OUTNAME,
     .offset = offsetof(rsa_args, out),
     .required = true,
     .value = "NAME",
     .help = "Writes NAME.tsv, NAME.json and the figure NAME.png."},
    {.name = "figformat",
     .type = CLI_CHOICE,
     .offset = offsetof(rsa_args, format),
     .choices = "png|svg|pdf|none",
     .fallback = "png",
     .help = "Format of the figure."},
    {.name = "show",
     .type = CLI_FLAG,
     .offset = offsetof(rsa_args, show),
     .help = "Open the figure when there is a display."},
    {.name = NULL}};

/* The statistics know no names; a dissimilarity they refuse is reported with them here. */
static dnb_status check_finite(const rsa_rdms *set, size_t first, dnb_err *err)
{
    for (size_t k = first; k < set->count; k++) {
        const double *pairs = set->values + k * set->n_pairs;
        size_t n = dnb_condensed_order(set->n_pairs), i = 0, j = 1;
        for (size_t p = 0; p < set->n_pairs; p++) {
            if (!isfinite(pairs[p]))
                return dnb_fail(err, DNB_EARG,
                                "%s: '%s': the dissimilarity of conditions %zu and %zu is %g (a "
                                "constant pattern?); leave such conditions out",
                                set->path, set->names[k], i + 1, j + 1, pairs[p]);
            if (++j == n)
                j = ++i + 1;
        }
    }
    return DNB_OK;
}

static dnb_status append(rsa_rdms *set, dnb_rdmfile *file, size_t key, dnb_err *err)
{
    const dnb_rdm_entry *e = dnb_rdmfile_entry(file, key);
    size_t first = set->count, total = first + e->n_iter;
    if (set->n_pairs && e->n_pairs != set->n_pairs)
        return dnb_fail(
            err, DNB_ESHAPE,
            "%s: '%s' has %zu pairs and '%s' %zu; all RDMs must be over the same conditions",
            set->path, set->names[0], set->n_pairs, e->key, e->n_pairs);
    set->n_pairs = e->n_pairs;
    char **names = realloc(set->names, total * sizeof *names);
    if (names)
        set->names = names;
    double *values = realloc(set->values, total * e->n_pairs * sizeof *values);
    if (values)
        set->values = values;
    if (!names || !values)
        return dnb_fail(err, DNB_ENOMEM, "%s: out of memory for %zu RDMs", set->path, total);
    dnb_status status =
        dnb_rdmfile_read(file, key, 0, e->n_iter, values + set->count * e->n_pairs, err);
    for (size_t k = 0; k < e->n_iter && status == DNB_OK; k++) {
        char name[512];
        if (e->n_iter > 1)
            snprintf(name, sizeof name, "%s:%zu", e->key, k + 1);
        else
            snprintf(name, sizeof name, "%s", e->key);
        set->names[set->count] = strdup(name);
        if (!set->names[set->count])
            return dnb_fail(err, DNB_ENOMEM, "out of memory");
        set->count++;
    }
    return status == DNB_OK ? check_finite(set, first, err) : status;
}

static dnb_status read_rdms(rsa_rdms *set, const char *path, const cli_strings *wanted,
                            const char *key, cli_context *ctx, dnb_err *err)
{
    dnb_rdmfile *file = NULL;
    set->path = path;
    dnb_status status = dnb_rdmfile_open(&file, path, err);
    if (status != DNB_OK)
        return status;
    status = cli_record_input(ctx, key, path, dnb_rdmfile_provenance(file), err);
    set->brain = dnb_rdmfile_type(file) == DNB_BRDM;
    size_t n = wanted->count ? wanted->count : dnb_rdmfile_count(file);
    for (size_t i = 0; i < n && status == DNB_OK; i++) {
        size_t index = i;
        if (wanted->count)
            status = dnb_rdmfile_find(file, wanted->items[i], &index, err);
        if (status == DNB_OK)
            status = append(set, file, index, err);
    }
    if (status == DNB_OK && set->count == 0)
        status = dnb_fail(err, DNB_EFORMAT, "%s: holds no RDM", path);
    dnb_rdmfile_close(file);
    return status;
}

static void release_rdms(rsa_rdms *set)
{
    for (size_t i = 0; i < set->count; i++)
        free(set->names[i]);
    free(set->names);
    free(set->values);
}

static dnb_status check_same_conditions(const rsa_result *r, dnb_err *err)
{
    size_t nd = dnb_condensed_order(r->models.n_pairs), nb = dnb_condensed_order(r->rois.n_pairs);
    if (nd != nb)
        return dnb_fail(
            err, DNB_ESHAPE,
            "%s is over %zu conditions but %s over %zu; both need the same stimuli (use "
            "-cate on both when one is averaged by label)",
            r->models.path, nd, r->rois.path, nb);
    return DNB_OK;
}

static dnb_status bootstrap(rsa_result *r, const rsa_args *a, dnb_correlation kind,
                            cli_context *ctx, dnb_err *err)
{
    dnb_rdm_bootstrap_options bo = {
        .kind = kind, .n_boot = (size_t)a->boot, .level = 0.95, .seed = (uint64_t)a->seed};
    for (size_t i = 0; i < r->models.count * r->rois.count; i++) {
        const double *model = r->models.values + i / r->rois.count * r->models.n_pairs;
        const double *roi = r->rois.values + i % r->rois.count * r->rois.n_pairs;
        if (ctx->progress.report)
            ctx->progress.report(ctx, "bootstrap", i, r->models.count * r->rois.count);
        if (cli_stop_requested())
            return dnb_fail(err, DNB_ECANCELLED, "interrupted");
        dnb_status status = dnb_rdm_bootstrap_run(&r->intervals[i], model, roi, r->n, &bo, err);
        if (status != DNB_OK)
            return status;
    }
    return DNB_OK;
}

/* What the test will hold: every RDM twice, the models as squares too, and at least one ROI's null
 * distributions. In floating point: the numbers are the user's and may be anything. */
static dnb_status check_memory(const rsa_result *r, const rsa_args *a, cli_context *ctx,
                               dnb_err *err)
{
    double models = (double)r->models.count, rois = (double)r->rois.count, n = (double)r->n;
    double rdms =
        8 * (models * (2 * (double)r->models.n_pairs + n * n) + rois * 2 * (double)r->rois.n_pairs);
    double null = 8 * (double)a->permute * (models + 1), boot = 8 * (double)a->boot;
    if (rdms + null + boot <= (double)ctx->memory)
        return DNB_OK;
    return dnb_fail(err, DNB_ENOMEM,
                    "the RDMs take %.1f MB and %lld permutations of %zu layers %.1f MB, the memory "
                    "budget is %.1f MB; raise --memory, name fewer layers or permute less",
                    rdms / 1e6, a->permute, r->models.count, (null + boot) / 1e6,
                    (double)ctx->memory / 1e6);
}

static dnb_status compute(rsa_result *r, const rsa_args *a, cli_context *ctx, dnb_err *err)
{
    dnb_rdm_test_options to = {.n_perm = (size_t)a->permute,
                               .seed = (uint64_t)a->seed,
                               .progress = &ctx->progress,
                               .alternative = a->two_sided ? DNB_TWO_SIDED : DNB_GREATER};
    size_t cells = r->models.count * r->rois.count;
    dnb_status status = dnb_correlation_parse(&to.kind, a->method, err);
    if (status != DNB_OK)
        return status;
    r->n = dnb_condensed_order(r->models.n_pairs);
    status = check_memory(r, a, ctx, err);
    if (status != DNB_OK)
        return status;
    r->tests = calloc(cells, sizeof *r->tests);
    r->intervals = a->boot ? calloc(cells, sizeof *r->intervals) : NULL;
    if (!r->tests || (a->boot && !r->intervals))
        return dnb_fail(err, DNB_ENOMEM, "out of memory for %zu results", cells);
    status = dnb_rdm_test_run(r->tests, NULL, r->models.values, r->models.count, r->rois.values,
                              r->rois.count, r->n, &to, err);
    if (status == DNB_OK && a->boot)
        status = bootstrap(r, a, to.kind, ctx, err);
    return status;
}

static dnb_status run(const void *args, cli_context *ctx, dnb_err *err)
{
    const rsa_args *a = args;
    rsa_result r = {0};
    dnb_status status = DNB_OK;
    if (a->boot == 1)
        status = cli_usage(ctx, err, "-boot takes 0 or at least 2 draws");
    if (status == DNB_OK)
        status = read_rdms(&r.models, a->drdm, &a->layer, "drdm", ctx, err);
    if (status == DNB_OK)
        status = read_rdms(&r.rois, a->brdm, &a->roi, "brdm", ctx, err);
    if (status == DNB_OK)
        status = check_same_conditions(&r, err);
    if (status == DNB_OK && r.models.brain && !r.rois.brain)
        cli_warn(ctx, "%s holds RDMs of ROIs and %s of layers: are -drdm and -brdm swapped?",
                 r.models.path, r.rois.path);
    if (status == DNB_OK)
        status = dnb_provenance_set_number(ctx->provenance, "seed", (double)a->seed, err);
    if (status == DNB_OK)
        status = compute(&r, a, ctx, err);
    if (status == DNB_OK)
        status = rsa_report(&r, a, ctx, err);
    release_rdms(&r.models);
    release_rdms(&r.rois);
    free(r.tests);
    free(r.intervals);
    return status;
}

static const char *const examples[] = {"dnnbrain rsa -drdm dnn.rdm.h5 -brdm brain.rdm.h5 -out rsa",
                                       "Every layer against every ROI.",
                                       "dnnbrain rsa -drdm dnn.rdm.h5 -brdm brain.rdm.h5 -roi hIT "
                                       "-method kendall-a -permute 10000 -boot 1000 -out rsa",
                                       "One ROI, more permutations, bootstrap intervals.", NULL};

const cli_command cmd_rsa = {
    .name = "rsa",
    .summary = "correlate RDMs of layers with RDMs of brain ROIs, with permutation tests",
    .description =
        "Correlates the RDM of every layer with the RDM of every ROI and tests each correlation by "
        "permuting the "
        "condition labels (rows and columns of the RDM together), since the entries of an RDM are "
        "not independent of "
        "each other. p = (1 + number of permutations at least as extreme) / (1 + N), so it is "
        "never 0; p_max is "
        "corrected for all layers and ROIs by the largest correlation of each "
        "permutation.\n\nIntervals come from "
        "drawing conditions with replacement, pairs of a condition with itself left out.",
    .examples = examples,
    .options = options,
    .args_size = sizeof(rsa_args),
    .run = run};
