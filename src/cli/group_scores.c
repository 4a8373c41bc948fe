/* Which kind of scores the subjects have, and what all kinds share. */
#include "group_scores.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <dnnbrain/suggest.h>

static bool ends_in(const char *name, const char *suffix)
{
    size_t n = strlen(name), k = strlen(suffix);
    return n > k && strcasecmp(name + n - k, suffix) == 0;
}

typedef enum kind { FOLDERS, TABLES, ARRAYS, IMAGES, UNKNOWN } kind;

static kind kind_of(const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return FOLDERS;
    return dnb_brain_is_image_name(path)                    ? IMAGES
           : ends_in(path, ".npy")                          ? ARRAYS
           : ends_in(path, ".tsv") || ends_in(path, ".csv") ? TABLES
                                                            : UNKNOWN;
}

static dnb_status check_kinds(kind *out, const cli_scores_in *in, cli_context *ctx, dnb_err *err)
{
    const cli_strings *files = &in->files;
    kind first = kind_of(files->items[0]);
    for (size_t i = 0; i < files->count; i++) {
        kind k = kind_of(files->items[i]);
        if (k == UNKNOWN)
            return cli_usage(ctx, err,
                             "-scores %s: scores are a table (.tsv, .csv), an image (.nii, "
                             ".nii.gz), an array (.npy) or a folder that encode wrote",
                             files->items[i]);
        if (k != first)
            return cli_usage(ctx, err, "-scores: %s and %s are not of one kind", files->items[0],
                             files->items[i]);
        for (size_t j = 0; j < i; j++)
            if (strcmp(files->items[i], files->items[j]) == 0)
                return cli_usage(ctx, err, "-scores: %s is named twice; a subject counts once",
                                 files->items[i]);
    }
    *out = first;
    return DNB_OK;
}

/* The suffix of the first subject's score images, NULL when there are none. */
static dnb_status find_images(const char **suffix, const cli_scores_in *in, dnb_err *err)
{
    static const char *const known[] = {".nii.gz", ".nii"};
    char **names = NULL, name[1024];
    size_t count = 0;
    struct stat st;
    dnb_status status = DNB_OK;
    *suffix = NULL;
    if (!in->layers.count)
        status = cli_subjects_layers_of(&names, &count, in->files.items[0], err);
    const char *layer = in->layers.count ? in->layers.items[0] : count ? names[0] : NULL;
    for (size_t k = 0; k < 2 && status == DNB_OK && layer && !*suffix; k++) {
        snprintf(name, sizeof name, "%s/%s/score%s", in->files.items[0], layer, known[k]);
        if (stat(name, &st) == 0)
            *suffix = known[k];
    }
    cli_names_free(names, count);
    return status;
}

static dnb_status read_kind(cli_subjects *s, kind k, const cli_scores_in *in, cli_context *ctx,
                            dnb_err *err)
{
    const char *suffix = NULL;
    dnb_status status = k == FOLDERS ? find_images(&suffix, in, err) : DNB_OK;
    bool images = k == IMAGES || suffix;
    bool tables = k == TABLES || (k == FOLDERS && !suffix);
    if (status != DNB_OK)
        return status;
    if (in->mask && !images)
        return cli_usage(ctx, err, "-mask belongs to scores that are brain images");
    if ((in->common || in->column) && !tables)
        return cli_usage(ctx, err, "%s belongs to scores that are tables",
                         in->common ? "-common" : "-column");
    return images   ? cli_subjects_images(s, in, suffix, ctx, err)
           : tables ? cli_subjects_tables(s, in, ctx, err)
                    : cli_subjects_arrays(s, in, ctx, err);
}

dnb_status cli_subjects_read(cli_subjects *out, const cli_scores_in *in, cli_context *ctx,
                             dnb_err *err)
{
    kind k = UNKNOWN;
    cli_subjects s = {.n = in->files.count, .files = in->files.items};
    dnb_status status = check_kinds(&k, in, ctx, err);
    s.folders = k == FOLDERS;
    if (status == DNB_OK)
        status = read_kind(&s, k, in, ctx, err);
    if (status == DNB_OK)
        *out = s;
    else
        cli_subjects_release(&s);
    return status;
}

size_t cli_subjects_layer(const cli_subjects *s, size_t t)
{
    size_t l = 0;
    while (l + 1 < s->n_layers && s->first[l + 1] <= t)
        l++;
    return l;
}

const char *cli_subjects_target(const cli_subjects *s, size_t t, char *buf, size_t size)
{
    if (s->targets) {
        snprintf(buf, size, "%s", s->targets[t]);
        return buf;
    }
    return cli_responses_name(&s->space, t - s->first[cli_subjects_layer(s, t)], true, buf, size);
}

void cli_names_free(char **names, size_t count)
{
    for (size_t i = 0; names && i < count; i++)
        free(names[i]);
    free(names);
}

dnb_status cli_names_number(char ***out, size_t count, dnb_err *err)
{
    char **names = calloc(count + 1, sizeof *names), number[32];
    for (size_t k = 0; names && k < count; k++) {
        snprintf(number, sizeof number, "%zu", k + 1);
        if ((names[k] = strdup(number)))
            continue;
        cli_names_free(names, k);
        names = NULL;
    }
    *out = names;
    return names ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory for %zu layers", count);
}

void cli_subjects_release(cli_subjects *s)
{
    cli_names_free(s->layers, s->n_layers);
    cli_names_free(s->targets, s->m);
    free(s->x);
    free(s->first);
    cli_responses_release(&s->space);
    *s = (cli_subjects){0};
}

dnb_status cli_subjects_choose(cli_subjects *s, size_t **at, const cli_scores_in *in,
                               char *const *names, size_t count, const char *from, dnb_err *err)
{
    char text[512];
    size_t n = in->layers.count ? in->layers.count : count;
    s->layers = calloc(n + 1, sizeof *s->layers);
    s->first = calloc(n + 2, sizeof *s->first);
    *at = calloc(n + 1, sizeof **at);
    if (!s->layers || !s->first || !*at)
        return dnb_fail(err, DNB_ENOMEM, "%s: out of memory", from);
    for (size_t l = 0; l < n; l++) {
        const char *name = in->layers.count ? in->layers.items[l] : names[l];
        size_t k = 0;
        while (k < count && strcmp(names[k], name) != 0)
            k++;
        if (k == count) {
            snprintf(text, sizeof text, "%s: no layer '%s'", from, name);
            dnb_suggest(text, sizeof text, name, (const char *const *)names, count);
            return dnb_fail(err, DNB_ENOTFOUND, "%s", text);
        }
        for (size_t j = 0; j < l; j++)
            if (strcmp(s->layers[j], name) == 0)
                return dnb_fail(err, DNB_EARG, "layer %s is named twice", name);
        (*at)[l] = k;
        if (!(s->layers[l] = strdup(name)))
            return dnb_fail(err, DNB_ENOMEM, "%s: out of memory", from);
        s->n_layers = l + 1;
    }
    return DNB_OK;
}

dnb_status cli_subjects_room(cli_subjects *s, size_t m, cli_context *ctx, dnb_err *err)
{
    double bytes = 8.0 * (double)s->n * (double)m;
    if (m == 0)
        return dnb_fail(err, DNB_EARG, "%s: holds no scores", s->files[0]);
    if (bytes > (double)ctx->memory / 2) /* the rest is the analysis's */
        return dnb_fail(err, DNB_ENOMEM,
                        "scores of %zu subjects and %zu targets take %.1f MB and the memory budget "
                        "is %.1f MB; raise --memory, or use a smaller -mask or fewer layers",
                        s->n, m, bytes / 1e6, (double)ctx->memory / 1e6);
    s->x = calloc(s->n * m, sizeof *s->x);
    s->m = m;
    return s->x ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory for the scores");
}

dnb_status cli_subjects_record(size_t i, const char *path, const char *its_provenance,
                               cli_context *ctx, dnb_err *err)
{
    char key[32];
    snprintf(key, sizeof key, "scores_%zu", i + 1);
    return cli_record_input(ctx, key, path, its_provenance, err);
}
