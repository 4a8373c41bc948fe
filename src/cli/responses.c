/* Reading responses of every kind into one matrix. */
#include "responses.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <dnnbrain/array.h>
#include <dnnbrain/roi.h>
#include <dnnbrain/roifile.h>

#include "columns.h"

static bool ends_in(const char *name, const char *suffix)
{
    size_t n = strlen(name), k = strlen(suffix);
    return n > k && strcasecmp(name + n - k, suffix) == 0;
}

static bool is_table(const char *path)
{
    return ends_in(path, ".csv") || ends_in(path, ".tsv");
}

dnb_status cli_brain_check(const cli_brain *b, cli_context *ctx, dnb_err *err)
{
    bool image = dnb_brain_is_image_name(b->resp);
    if (!image && !is_table(b->resp) && !ends_in(b->resp, ".h5") && !ends_in(b->resp, ".npy"))
        return cli_usage(ctx, err,
                         "-resp %s: responses are a .roi.h5, an image (.nii, .nii.gz), a .npy, a "
                         ".csv or a .tsv",
                         b->resp);
    if (b->bmask && !image)
        return cli_usage(ctx, err, "-bmask belongs to a -resp that is a brain image");
    if (b->roi.count && image && !b->bmask)
        return cli_usage(ctx, err, "-roi of an image needs -bmask, the image of ROI labels");
    if (b->roi.count && ends_in(b->resp, ".npy"))
        return cli_usage(ctx, err, "-roi does not belong to an array: its columns have no names");
    return DNB_OK;
}

const char *cli_responses_name(const cli_responses *r, size_t t, bool bare, char *buf, size_t size)
{
    if (r->image) {
        const size_t *s = dnb_brain_shape(r->image);
        size_t v = r->voxels[t];
        snprintf(buf, size, "%s(%zu,%zu,%zu)", bare ? "" : "voxel ", v / (s[1] * s[2]),
                 v / s[2] % s[1], v % s[2]);
    } else if (r->names) {
        snprintf(buf, size, "%s%s",
                 bare                ? ""
                 : is_table(r->path) ? "column "
                                     : "ROI ",
                 r->names[t]);
    } else {
        snprintf(buf, size, "%s%zu", bare ? "" : "column ", t + 1);
    }
    return buf;
}

/* Room for n x m numbers within half the budget. */
static dnb_status make_room(cli_responses *r, cli_context *ctx, dnb_err *err)
{
    double bytes = 8.0 * (double)r->n * (double)r->m;
    if (r->n == 0 || r->m == 0)
        return dnb_fail(err, DNB_EARG, "%s: holds no responses (%zu rows of %zu)", r->path, r->n,
                        r->m);
    if (bytes > (double)ctx->memory / 2) /* the rest is the analysis's */
        return dnb_fail(err, DNB_ENOMEM,
                        "%s: %zu responses of %zu targets take %.1f MB and the memory budget is "
                        "%.1f MB; raise --memory, or use a smaller -bmask",
                        r->path, r->n, r->m, bytes / 1e6, (double)ctx->memory / 1e6);
    r->y = calloc(r->n * r->m, sizeof *r->y);
    return r->y ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "%s: out of memory", r->path);
}

static dnb_status set_names(cli_responses *r, const char *const *names, const size_t *index,
                            dnb_err *err)
{
    r->names = calloc(r->m + 1, sizeof *r->names);
    for (size_t t = 0; r->names && t < r->m; t++)
        if (!(r->names[t] = strdup(names[index[t]])))
            return dnb_fail(err, DNB_ENOMEM, "%s: out of memory", r->path);
    return r->names ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "%s: out of memory", r->path);
}

/* ---- ROI tables ---- */

/* Which columns: those named, or all. free() *out. */
static dnb_status choose_rois(size_t **out, size_t *count, const dnb_roi *roi, const cli_brain *b,
                              dnb_err *err)
{
    size_t n = b->roi.count ? b->roi.count : roi->n_roi;
    size_t *index = calloc(n + 1, sizeof *index);
    dnb_status status = index ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "%s: out of memory", b->resp);
    for (size_t i = 0; i < n && status == DNB_OK; i++) {
        index[i] = i;
        if (b->roi.count)
            status = dnb_roi_find(roi, b->roi.items[i], &index[i], b->resp, err);
    }
    *out = index;
    *count = n;
    return status;
}

static dnb_status read_rois(cli_responses *r, const cli_brain *b, const char *key, cli_context *ctx,
                            dnb_err *err)
{
    dnb_roi roi = {0};
    size_t *index = NULL;
    dnb_status status = dnb_roi_read(&roi, b->resp, err);
    if (status != DNB_OK)
        return status;
    status = cli_record_input(ctx, key, b->resp, roi.provenance, err);
    if (status == DNB_OK)
        status = choose_rois(&index, &r->m, &roi, b, err);
    r->n = roi.n_vol;
    if (status == DNB_OK)
        status = make_room(r, ctx, err);
    if (status == DNB_OK)
        status = set_names(r, (const char *const *)roi.names, index, err);
    for (size_t i = 0; status == DNB_OK && i < r->n; i++)
        for (size_t t = 0; t < r->m; t++)
            r->y[i * r->m + t] = roi.data[i * roi.n_roi + index[t]];
    free(index);
    dnb_roi_release(&roi);
    return status;
}

/* ---- tables ---- */

/* How many cells of a column of text are numbers; *bad: one that is none. */
static size_t count_numbers(const dnb_column *c, size_t n, size_t *bad)
{
    size_t count = 0;
    for (size_t i = n; i-- > 0;) {
        char *end;
        strtod(c->texts[i], &end);
        bool number = end != c->texts[i] && *end == '\0';
        count += number;
        if (!number)
            *bad = i;
    }
    return count;
}

/* The columns named, or all numeric ones. */
static dnb_status choose_columns(size_t **out, size_t *count, const dnb_table *t,
                                 const cli_brain *b, cli_context *ctx, dnb_err *err)
{
    size_t n = b->roi.count ? b->roi.count : t->n_columns, found = 0;
    size_t *index = calloc(n + 1, sizeof *index);
    *out = index;
    if (!index)
        return dnb_fail(err, DNB_ENOMEM, "%s: out of memory", b->resp);
    for (size_t i = 0; i < n; i++) {
        const dnb_column *c = &t->columns[i];
        if (b->roi.count) {
            dnb_status status = cli_column_find(&c, t, b->resp, b->roi.items[i], err);
            if (status != DNB_OK)
                return status;
        }
        if (c->kind == DNB_COLUMN_TEXT && b->roi.count)
            return dnb_fail(err, DNB_EARG, "%s: column '%s' is text; responses are numbers",
                            b->resp, c->name);
        if (c->kind != DNB_COLUMN_TEXT) {
            index[found++] = (size_t)(c - t->columns);
            continue;
        }
        size_t bad = 0, numbers = count_numbers(c, t->n_rows, &bad);
        if (2 * numbers >= t->n_rows && numbers > 0)
            return dnb_fail(err, DNB_EARG,
                            "%s: column '%s' is '%.60s' in row %zu; responses are numbers", b->resp,
                            c->name, c->texts[bad], bad + 1);
    }
    *count = found;
    if (found == 0)
        return dnb_fail(err, DNB_EARG,
                        "%s: no column of numbers (%zu of text, the first is '%.60s'); columns are "
                        "separated by commas or tabs, and numbers take a decimal point",
                        b->resp, t->n_columns, t->n_columns ? t->columns[0].name : "");
    for (size_t i = 0; i < n && !b->roi.count; i++)
        if (t->columns[i].kind == DNB_COLUMN_TEXT)
            cli_say(ctx, "%s: column '%s' is text and left out", b->resp, t->columns[i].name);
    return DNB_OK;
}

static dnb_status read_table(cli_responses *r, const cli_brain *b, const char *key,
                             cli_context *ctx, dnb_err *err)
{
    dnb_table table = {0};
    size_t *index = NULL;
    dnb_status status = cli_table_read(&table, b->resp, err);
    if (status != DNB_OK)
        return status;
    status = cli_record_input(ctx, key, b->resp, table.provenance, err);
    if (status == DNB_OK)
        status = choose_columns(&index, &r->m, &table, b, ctx, err);
    r->n = table.n_rows;
    if (status == DNB_OK)
        status = make_room(r, ctx, err);
    r->names = status == DNB_OK ? calloc(r->m + 1, sizeof *r->names) : NULL;
    if (status == DNB_OK && !r->names)
        status = dnb_fail(err, DNB_ENOMEM, "%s: out of memory", b->resp);
    for (size_t t = 0; status == DNB_OK && t < r->m; t++) {
        const dnb_column *c = &table.columns[index[t]];
        if (!(r->names[t] = strdup(c->name)))
            status = dnb_fail(err, DNB_ENOMEM, "%s: out of memory", b->resp);
        for (size_t i = 0; i < r->n; i++)
            r->y[i * r->m + t] = c->kind == DNB_COLUMN_INT ? (double)c->ints[i] : c->reals[i];
    }
    free(index);
    dnb_table_release(&table);
    return status;
}

/* ---- arrays ---- */

static dnb_status read_array(cli_responses *r, const cli_brain *b, const char *key,
                             cli_context *ctx, dnb_err *err)
{
    char shape[128];
    dnb_array raw = {0}, wide = {0};
    dnb_status status = dnb_npy_read(&raw, b->resp, err);
    if (status == DNB_OK)
        status = cli_record_input(ctx, key, b->resp, NULL, err);
    if (status == DNB_OK && raw.ndim != 1 && raw.ndim != 2)
        status = dnb_fail(err, DNB_ESHAPE, "%s: is %s; responses are stimuli x targets", b->resp,
                          dnb_array_shape_text(&raw, shape, sizeof shape));
    r->n = status == DNB_OK ? raw.shape[0] : 0;
    r->m = status != DNB_OK ? 0 : raw.ndim == 2 ? raw.shape[1] : 1;
    if (status == DNB_OK)
        status = make_room(r, ctx, err);
    if (status == DNB_OK)
        status = dnb_array_convert(&wide, &raw, DNB_F64, err);
    if (status == DNB_OK)
        memcpy(r->y, wide.data, r->n * r->m * sizeof *r->y);
    dnb_array_release(&wide);
    dnb_array_release(&raw);
    return status;
}

/* ---- images ---- */

static dnb_status parse_labels(int64_t **out, const cli_brain *b, dnb_err *err)
{
    *out = calloc(b->roi.count + 1, sizeof **out);
    if (!*out)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for -roi");
    for (size_t i = 0; i < b->roi.count; i++) {
        char *end;
        errno = 0;
        (*out)[i] = strtoll(b->roi.items[i], &end, 10);
        if (*end || end == b->roi.items[i] || errno)
            return dnb_fail(err, DNB_EARG, "-roi %s: ROIs of %s are whole numbers, its labels",
                            b->roi.items[i], b->bmask);
    }
    return DNB_OK;
}

dnb_status cli_responses_mask(cli_responses *r, const cli_brain *b, dnb_err *err)
{
    dnb_mask *mask = NULL;
    int64_t *labels = NULL;
    size_t *voxels = NULL;
    dnb_status status = dnb_mask_read(&mask, b->bmask, err);
    if (status == DNB_OK)
        status = dnb_mask_check(mask, r->image, err);
    if (status == DNB_OK)
        status = parse_labels(&labels, b, err);
    if (status == DNB_OK)
        status = dnb_mask_select(mask, labels, b->roi.count, &voxels, &r->m, err);
    if (status == DNB_OK) {
        r->voxels = malloc((r->m + 1) * sizeof *voxels);
        if (r->voxels)
            memcpy(r->voxels, voxels, r->m * sizeof *voxels);
        else
            status = dnb_fail(err, DNB_ENOMEM, "%s: out of memory", b->bmask);
    }
    dnb_mask_select_free(voxels);
    free(labels);
    dnb_mask_free(mask);
    return status;
}

/* Voxels that are not 0 in some volume. */
static dnb_status voxels_in_use(cli_responses *r, dnb_err *err)
{
    size_t all = dnb_brain_n_vox(r->image), step = (64u << 20) / (all * sizeof(double) + 1) + 1;
    double *block = calloc(step, all * sizeof *block);
    bool *used = calloc(all, sizeof *used);
    dnb_status status = DNB_OK;
    r->voxels = malloc((all + 1) * sizeof *r->voxels);
    if (!block || !used || !r->voxels)
        status = dnb_fail(err, DNB_ENOMEM, "%s: out of memory for %zu voxels", r->path, all);
    for (size_t i = 0; i < r->n && status == DNB_OK; i += step) {
        size_t count = r->n - i < step ? r->n - i : step;
        status = dnb_brain_read_f64(r->image, i, count, NULL, all, block, NULL, err);
        for (size_t k = 0; k < count * all && status == DNB_OK; k++)
            if (block[k] != 0)
                used[k % all] = true;
    }
    r->m = 0;
    for (size_t v = 0; v < all && status == DNB_OK; v++)
        if (used[v])
            r->voxels[r->m++] = v;
    if (status == DNB_OK && r->m == 0)
        status = dnb_fail(err, DNB_EARG, "%s: every voxel is 0 in every volume", r->path);
    free(block);
    free(used);
    return status;
}

/* The voxels of places given from 0. */
static dnb_status voxels_of_places(cli_responses *r, const cli_brain *b, dnb_err *err)
{
    const size_t *shape = dnb_brain_shape(r->image);
    r->voxels = malloc((b->n_places + 1) * sizeof *r->voxels);
    if (!r->voxels)
        return dnb_fail(err, DNB_ENOMEM, "%s: out of memory", r->path);
    for (size_t i = 0; i < b->n_places; i++) {
        const size_t *at = b->places + 3 * i;
        if (at[0] >= shape[0] || at[1] >= shape[1] || at[2] >= shape[2])
            return dnb_fail(err, DNB_ESHAPE,
                            "%s: has no voxel (%zu,%zu,%zu), it is %zux%zux%zu; the weights were "
                            "fitted to another geometry",
                            r->path, at[0], at[1], at[2], shape[0], shape[1], shape[2]);
        r->voxels[i] = (at[0] * shape[1] + at[1]) * shape[2] + at[2];
    }
    r->m = b->n_places;
    return DNB_OK;
}

static dnb_status read_image(cli_responses *r, const cli_brain *b, const char *key,
                             cli_context *ctx, dnb_err *err)
{
    dnb_status status = dnb_brain_open(&r->image, b->resp, err);
    if (status == DNB_OK)
        status = cli_record_input(ctx, key, b->resp, NULL, err);
    if (status == DNB_OK && b->bmask)
        status = cli_record_input(ctx, "bmask", b->bmask, NULL, err);
    r->n = status == DNB_OK ? dnb_brain_n_vol(r->image) : 0;
    if (status == DNB_OK)
        status = b->bmask    ? cli_responses_mask(r, b, err)
                 : b->places ? voxels_of_places(r, b, err)
                             : voxels_in_use(r, err);
    if (status == DNB_OK)
        status = make_room(r, ctx, err);
    if (status == DNB_OK) /* once more from its start, in case it was streamed */
        status = dnb_brain_read_f64(r->image, 0, r->n, r->voxels, r->m, r->y, &ctx->progress, err);
    return status;
}

/* ---- all of them ---- */

static dnb_status check_values(cli_responses *r, dnb_err *err)
{
    char name[256];
    for (size_t i = 0; i < r->n; i++)
        for (size_t t = 0; t < r->m; t++)
            if (!isfinite(r->y[i * r->m + t]))
                return dnb_fail(err, DNB_EARG, "%s: %s is %g in %s %zu; leave it out%s", r->path,
                                cli_responses_name(r, t, false, name, sizeof name),
                                r->y[i * r->m + t], r->image ? "volume" : "row", i + 1,
                                r->image ? " of -bmask" : "");
    return DNB_OK;
}

dnb_status cli_responses_read(cli_responses *out, const cli_brain *b, const char *key,
                              cli_context *ctx, dnb_err *err)
{
    cli_responses r = {.path = b->resp};
    dnb_status status = dnb_brain_is_image_name(b->resp) ? read_image(&r, b, key, ctx, err)
                        : is_table(b->resp)              ? read_table(&r, b, key, ctx, err)
                        : ends_in(b->resp, ".npy")       ? read_array(&r, b, key, ctx, err)
                                                         : read_rois(&r, b, key, ctx, err);
    if (status == DNB_OK)
        status = check_values(&r, err);
    if (status == DNB_OK)
        *out = r;
    else
        cli_responses_release(&r);
    return status;
}

void cli_responses_release(cli_responses *r)
{
    for (size_t t = 0; r->names && t < r->m; t++)
        free(r->names[t]);
    free(r->names);
    free(r->y);
    free(r->voxels);
    dnb_brain_close(r->image);
    *r = (cli_responses){0};
}
