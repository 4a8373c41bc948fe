/* dnnbrain group: scores of several subjects, tested over subjects. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "group_report.h"
#include "mapping_report.h"

static const cli_option options[] = {
    {.name = "scores",
     .type = CLI_INPATHS,
     .offset = offsetof(group_args, in.files),
     .required = true,
     .value = "FILE",
     .least = 2,
     .help = "The scores of each subject, all of one kind: folders that encode, probe, decode or "
             "corr wrote (-out), their tables (.tsv, .csv), images (.nii, .nii.gz; a volume is a "
             "layer) or arrays (.npy: layers x targets, folds last)."},
    {.name = "layer",
     .type = CLI_STRINGS,
     .offset = offsetof(group_args, in.layers),
     .value = "LAYER",
     .help = "Layers to use, in this order; volumes of images and rows of arrays are layers 1, 2, "
             "... Default: all."},
    {.name = "column",
     .type = CLI_STRING,
     .offset = offsetof(group_args, in.column),
     .value = "COLUMN",
     .help = "Of tables: the column of scores. Default: score."},
    {.name = "common",
     .type = CLI_FLAG,
     .offset = offsetof(group_args, in.common),
     .help = "Of tables: use the layers and targets that all subjects have, instead of refusing "
             "tables that differ."},
    {.name = "mask",
     .type = CLI_INFILE,
     .offset = offsetof(group_args, in.mask),
     .value = "FILE",
     .help = "Of images: the voxels to use, those that are not 0. Default: those that are not 0 in "
             "some subject. A voxel that is 0 throughout in one subject is left out."},
    {.name = "chance",
     .type = CLI_DOUBLE,
     .offset = offsetof(group_args, chance),
     .value = "X",
     .fallback = "0",
     .help = "The score expected by chance, such as 0.5 for two classes; it is subtracted."},
    {.name = "fisher-z",
     .type = CLI_FLAG,
     .offset = offsetof(group_args, fisher_z),
     .help = "Scores are correlations: take their atanh, also in what is written."},
    {.name = "contrast",
     .type = CLI_STRINGS,
     .offset = offsetof(group_args, contrast),
     .value = "LAYER",
     .least = 2,
     .most = 2,
     .help = "Two layers: test the first minus the second, in every subject, in place of each."},
    {.name = "permute",
     .type = CLI_INT,
     .offset = offsetof(group_args, mapping.permute),
     .value = "N",
     .fallback = "10000",
     .min = 0,
     .max = 1e8,
     .help = "Sign patterns for p-values: all 2^subjects where that is at most N, else N at "
             "random. p_max is corrected for all targets and layers, q is a false discovery "
             "rate over them; 0 for none."},
    {.name = "two-sided",
     .type = CLI_FLAG,
     .offset = offsetof(group_args, two_sided),
     .help = "Also look for means below chance. Default: above."},
    {.name = "max-stat",
     .type = CLI_FLAG,
     .offset = offsetof(group_args, mapping.max_stat),
     .help = "Mark what is found at p_max < 0.05, the largest t of every sign pattern (family-wise "
             "error over targets and layers): a column `significant`, a count per layer, and for "
             "images and arrays NAME_mean_significant, 0 elsewhere."},
    {.name = "fdr",
     .type = CLI_DOUBLE,
     .offset = offsetof(group_args, mapping.fdr),
     .value = "Q",
     .min = 1e-9,
     .max = 1,
     .help = "The same of what is found at a false discovery rate below Q, usually 0.05."},
    {.name = "bootstrap",
     .type = CLI_INT,
     .offset = offsetof(group_args, mapping.boot),
     .value = "N",
     .fallback = "0",
     .min = 0,
     .max = 1e7,
     .help = "Bootstrap draws of the subjects for 95% intervals (bootstrap-t); 0: Student's t."},
    {.name = "seed",
     .type = CLI_INT,
     .offset = offsetof(group_args, mapping.seed),
     .value = "SEED",
     .fallback = "1",
     .min = 0,
     .max = 9e15,
     .help = "Seed of random sign patterns and bootstrap draws."},
    {.name = "fig",
     .type = CLI_OUTFILE,
     .offset = offsetof(group_args, figure),
     .value = "FILE",
     .help = "Also draw scores by layer (.png, .svg or .pdf), a line per subject and their mean "
             "with its interval: a panel per target, or the mean over many targets and voxels. Of "
             "one layer of images: slices of t."},
    {.name = "show",
     .type = CLI_FLAG,
     .offset = offsetof(group_args, show),
     .help = "Open the figure when there is a display."},
    {.name = "out",
     .type = CLI_OUTNAME,
     .offset = offsetof(group_args, out),
     .required = true,
     .value = "NAME",
     .help = "Writes NAME.tsv and NAME.json; of images and arrays also NAME_mean, NAME_t, ... of "
             "their kind."},
    {.name = NULL}};

/* ---- checks ---- */

/* Are all patterns of signs tried? */
static bool is_exact(const group_args *a)
{
    size_t n = a->in.files.count;
    return ldexp(1, n < 1000 ? (int)n : 1000) <= (double)a->mapping.permute;
}

/* The smallest p-value there can be. */
static double least_p(const group_args *a)
{
    if (!is_exact(a))
        return 1 / (1 + (double)a->mapping.permute);
    return ldexp(a->two_sided ? 2 : 1, -(int)a->in.files.count);
}

static dnb_status check_finding(const group_args *a, cli_context *ctx, dnb_err *err)
{
    const cli_mapping *m = &a->mapping;
    const char *option = m->max_stat ? "-max-stat" : "-fdr";
    double level = m->max_stat ? 0.05 : m->fdr;
    if (!m->max_stat && !(m->fdr > 0))
        return DNB_OK;
    if (m->max_stat && m->fdr > 0)
        return cli_usage(ctx, err, "give either -max-stat or -fdr, not both");
    if (!m->permute)
        return cli_usage(ctx, err, "%s needs -permute N, which makes its p-values", option);
    if (least_p(a) >= level)
        return cli_usage(ctx, err,
                         "%s: the smallest p-value of %zu subjects and %lld sign patterns is "
                         "%.3g, so nothing could be found below %g",
                         option, a->in.files.count, m->permute, least_p(a), level);
    return DNB_OK;
}

static dnb_status check(const group_args *a, cli_context *ctx, dnb_err *err)
{
    size_t n = a->in.files.count;
    if (a->contrast.count && a->in.layers.count)
        return cli_usage(ctx, err, "-contrast names its two layers: leave out -layer");
    if (a->contrast.count && a->chance != 0)
        return cli_usage(ctx, err, "-chance does not belong to -contrast: it cancels");
    if (a->fisher_z && !(fabs(a->chance) < 1))
        return cli_usage(ctx, err, "-fisher-z: -chance %g is no correlation", a->chance);
    if (a->mapping.boot == 1 || (a->mapping.boot && n < 4))
        return cli_usage(ctx, err, "-bootstrap takes 0 or at least 2 draws, of 4 subjects or more");
    dnb_status status = check_finding(a, ctx, err);
    if (status == DNB_OK)
        status = cli_report_check(a->figure, a->show, ctx, err);
    return status;
}

/* ---- differences ---- */

/* x becomes differences from chance. */
static dnb_status subtract(cli_subjects *s, const group_args *a, dnb_err *err)
{
    double chance = a->fisher_z ? atanh(a->chance) : a->chance;
    char name[256];
    for (size_t i = 0; i < s->n; i++)
        for (size_t t = 0; t < s->m; t++) {
            double *v = &s->x[i * s->m + t];
            if (isinf(*v) || (a->fisher_z && fabs(*v) >= 1))
                return dnb_fail(err, DNB_EARG, "%s: layer %s, target %s is %g, %s", s->files[i],
                                s->layers[cli_subjects_layer(s, t)],
                                cli_subjects_target(s, t, name, sizeof name), *v,
                                isinf(*v) ? "not a finite number"
                                          : "which has no atanh; -fisher-z is for correlations "
                                            "between -1 and 1");
            *v = (a->fisher_z ? atanh(*v) : *v) - chance;
        }
    return DNB_OK;
}

/* Target of layer 1 that is target t of layer 0, s->m when there is none. */
static size_t partner(const cli_subjects *s, size_t t)
{
    if (!s->targets)
        return s->first[1] + t;
    for (size_t k = 0, n = s->first[2] - s->first[1]; k < n; k++) {
        size_t at = s->first[1] + (t + k) % n; /* most often the first looked at */
        if (strcmp(s->targets[at], s->targets[t]) == 0)
            return at;
    }
    return s->m;
}

/* Two layers become one: the first minus the second. */
static dnb_status contrast(cli_subjects *s, dnb_err *err)
{
    size_t m = s->first[1], old = s->m, size = strlen(s->layers[0]) + strlen(s->layers[1]) + 4;
    char *name = malloc(size);
    double *x = calloc(s->n * m + 1, sizeof *x);
    dnb_status status = name && x ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory");
    if (status == DNB_OK && s->first[2] - m != m)
        status = dnb_fail(err, DNB_ESHAPE,
                          "-contrast: layer %s has %zu targets and layer %s %zu; a contrast needs "
                          "the same",
                          s->layers[0], m, s->layers[1], s->first[2] - m);
    for (size_t t = 0; t < m && status == DNB_OK; t++) {
        size_t other = partner(s, t);
        if (other == old)
            status = dnb_fail(err, DNB_ENOTFOUND, "-contrast: layer %s has no target %s, as %s has",
                              s->layers[1], s->targets[t], s->layers[0]);
        for (size_t i = 0; i < s->n && status == DNB_OK; i++)
            x[i * m + t] = s->x[i * old + t] - s->x[i * old + other];
    }
    if (status != DNB_OK) {
        free(name);
        free(x);
        return status;
    }
    snprintf(name, size, "%s - %s", s->layers[0], s->layers[1]);
    for (size_t t = m; s->targets && t < old; t++) {
        free(s->targets[t]);
        s->targets[t] = NULL;
    }
    free(s->layers[0]);
    free(s->layers[1]);
    s->layers[0] = name;
    s->layers[1] = NULL;
    free(s->x);
    s->x = x;
    s->m = m;
    s->n_layers = 1;
    return DNB_OK;
}

/* ---- statistics ---- */

/* Each subject's mean over the targets of a layer that are tested. */
static double *profile_of(const cli_subjects *s, const dnb_group *g)
{
    double *profile = calloc(s->n * s->n_layers + 1, sizeof *profile);
    for (size_t i = 0; profile && i < s->n; i++)
        for (size_t l = 0; l < s->n_layers; l++) {
            double sum = 0, count = 0;
            for (size_t t = s->first[l]; t < s->first[l + 1]; t++)
                if (!isnan(g->mean[t])) {
                    sum += s->x[i * s->m + t];
                    count++;
                }
            profile[i * s->n_layers + l] = count > 0 ? sum / count : NAN;
        }
    return profile;
}

/* Few subjects, or few patterns, cannot show much. */
static void warn_of_few(const group_args *a, cli_context *ctx)
{
    const char *side = a->two_sided && is_exact(a) ? ", two-sided," : "";
    if (!a->mapping.permute || least_p(a) <= 0.01)
        return;
    if (is_exact(a))
        cli_warn(ctx, "%zu subjects%s give no p-value below %.3g", a->in.files.count, side,
                 least_p(a));
    else
        cli_warn(ctx, "%lld sign patterns give no p-value below %.3g", a->mapping.permute,
                 least_p(a));
}

static void say_tested(const group_result *r, cli_context *ctx)
{
    const dnb_group *g = &r->each;
    char patterns[64] = "no p-values";
    if (g->n_flips)
        snprintf(patterns, sizeof patterns,
                 g->exact ? "all %zu sign patterns" : "%zu sign patterns", g->n_flips);
    cli_say(ctx, "%zu subjects, %zu layer%s, %zu targets in all: %s", g->n, r->subjects->n_layers,
            r->subjects->n_layers == 1 ? "" : "s", g->m, patterns);
    if (r->subjects->n_dropped)
        cli_say(ctx, "-common: %zu rows that not all subjects have are left out",
                r->subjects->n_dropped);
    if (g->n_left_out)
        cli_say(ctx, "%zu of %zu targets have no score in some subject and are left out",
                g->n_left_out, g->m);
    cli_note_number(ctx, "left_out", (double)g->n_left_out);
}

static dnb_status test(const cli_subjects *s, const group_args *a, cli_context *ctx, dnb_err *err)
{
    const cli_mapping *m = &a->mapping;
    cli_job job = {.args = m};
    group_result r = {.args = a, .job = &job, .subjects = s};
    dnb_group_options o = {.two_sided = a->two_sided,
                           .n_perm = (size_t)m->permute,
                           .seed = (uint64_t)m->seed,
                           .n_boot = (size_t)m->boot,
                           .memory = ctx->memory / 4,
                           .progress = &ctx->progress};
    double *profile = NULL;
    dnb_status status = dnb_group_run(&r.each, s->x, s->n, s->m, &o, err);
    if (status == DNB_OK && r.each.n_left_out == s->m)
        status = dnb_fail(err, DNB_EARG,
                          "every target lacks a score in some subject: nothing can be tested");
    if (status == DNB_OK && !(r.profile = profile = profile_of(s, &r.each)))
        status = dnb_fail(err, DNB_ENOMEM, "out of memory for the layers' means");
    o.progress = NULL;
    if (status == DNB_OK)
        status = dnb_group_run(&r.layers, profile, s->n, s->n_layers, &o, err);
    if (status == DNB_OK) {
        warn_of_few(a, ctx);
        say_tested(&r, ctx);
        status = group_report(&r, ctx, err);
    }
    dnb_group_release(&r.each);
    dnb_group_release(&r.layers);
    free(profile);
    return status;
}

static dnb_status run(const void *args, cli_context *ctx, dnb_err *err)
{
    group_args a = *(const group_args *)args;
    cli_subjects s = {0};
    dnb_status status = check(&a, ctx, err);
    if (a.contrast.count)
        a.in.layers = a.contrast;
    if (status == DNB_OK)
        status = dnb_provenance_set_number(ctx->provenance, "seed", (double)a.mapping.seed, err);
    if (status == DNB_OK)
        status = cli_subjects_read(&s, &a.in, ctx, err);
    if (status == DNB_OK)
        status = subtract(&s, &a, err);
    if (status == DNB_OK && a.contrast.count)
        status = s.n_layers == 2 ? contrast(&s, err)
                                 : dnb_fail(err, DNB_EARG,
                                            "-contrast: one of the layers has no target that all "
                                            "subjects have");
    if (status == DNB_OK)
        status = test(&s, &a, ctx, err);
    cli_subjects_release(&s);
    return status;
}

static const char *const examples[] = {
    "dnnbrain group -scores sub-01/enc sub-02/enc sub-03/enc sub-04/enc sub-05/enc sub-06/enc "
    "-max-stat -out group -fig group.png",
    "Which layers predict which ROIs in six subjects' encode folders, corrected for all of them.",
    "dnnbrain group -scores sub-*/enc/conv5/score.nii.gz -mask vtc.nii.gz -fdr 0.05 -out group",
    "The voxels that conv5 predicts, over all subjects in one space.",
    "dnnbrain group -scores sub-*/probe/summary.tsv -chance 0.5 -contrast fc2 conv1 -out group",
    "Whether fc2 tells two classes apart better than conv1 does.",
    NULL};

const cli_command cmd_group = {
    .name = "group",
    .summary = "test scores over subjects",
    .description =
        "Takes the same scores of several subjects and asks whether they are above chance in the "
        "population the subjects come from: subjects are the random factor. Per layer and target "
        "it gives the mean, standard deviation and t over subjects, p by flipping the signs of "
        "subjects (exact where all patterns are tried, the observed one among them), p_max "
        "corrected for all targets and layers by the largest t of each pattern, q, a false "
        "discovery rate, and the mean's 95% interval.\n\n"
        "Rows of tables are matched by the names of layer and target; images must be in one space. "
        "A target without a score in some subject is left out and counted. Values are differences "
        "from -chance; with -fisher-z they are atanh(r) - atanh(chance).\n\n"
        "Above 20,000 targets NAME.tsv has a row per layer, the mean over its targets (t_max: the "
        "largest t among them); images and arrays hold every target.",
    .examples = examples,
    .options = options,
    .args_size = sizeof(group_args),
    .run = run};
