/* Writing scores, locations and maps. */
#include "score_maps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "outputs.h"

/* Folders of a layer's name ("inception_3b/output"); parts that would leave the tree are renamed.
 */
static dnb_status make_layer_dirs(char *path, size_t size, const char *layer, dnb_err *err)
{
    dnb_status status = DNB_OK;
    for (const char *at = layer; status == DNB_OK;) {
        size_t n = strcspn(at, "/"), used = strlen(path);
        bool odd = n == 0 || (n == 1 && at[0] == '.') || (n == 2 && strncmp(at, "..", 2) == 0);
        if (used + n + 4 > size)
            return dnb_fail(err, DNB_EARG, "layer %s: its name is too long for a folder", layer);
        snprintf(path + used, size - used, "/%.*s", odd ? 1 : (int)n, odd ? "_" : at);
        status = cli_make_dir(path, err);
        if (!at[n])
            break;
        at += n + 1;
    }
    return status;
}

dnb_status cli_maps_folder(char **out, const char *root, const char *layer, const char *last,
                           dnb_err *err)
{
    size_t size = strlen(root) + 3 * strlen(layer) + (last ? strlen(last) : 0) + 16;
    char *path = malloc(size);
    if (!path)
        return dnb_fail(err, DNB_ENOMEM, "%s: out of memory", root);
    snprintf(path, size, "%s", root);
    dnb_status status = cli_make_dir(path, err);
    if (status == DNB_OK)
        status = make_layer_dirs(path, size, layer, err);
    if (status == DNB_OK && last)
        status = make_layer_dirs(path, size, last, err);
    if (status == DNB_OK)
        *out = path;
    else
        free(path);
    return status;
}

dnb_status cli_maps_array(const char *dir, const char *name, dnb_dtype type, int ndim,
                          const size_t *shape, const void *data, cli_context *ctx, dnb_err *err)
{
    char file[64];
    dnb_array a;
    snprintf(file, sizeof file, "%s.npy", name);
    char *path = cli_join(dir, file);
    if (!path)
        return dnb_fail(err, DNB_ENOMEM, "%s: out of memory", dir);
    dnb_array_borrow(&a, type, ndim, shape, (void *)data);
    dnb_status status = dnb_npy_write(&a, path, err);
    if (status == DNB_OK)
        cli_list_output(ctx, path);
    free(path);
    return status;
}

dnb_status cli_maps_image(const char *dir, const char *name, const cli_responses *r, size_t n_maps,
                          const double *values, bool whole_numbers, cli_context *ctx, dnb_err *err)
{
    char file[96];
    dnb_brain_write_options o = {.provenance = dnb_provenance_json(ctx->provenance),
                                 .type = whole_numbers ? DNB_NIFTI_INT32 : DNB_NIFTI_FLOAT32};
    snprintf(file, sizeof file, "%s%s", name, dnb_brain_suffix(r->path));
    char *path = cli_join(dir, file);
    if (!path)
        return dnb_fail(err, DNB_ENOMEM, "%s: out of memory", dir);
    dnb_status status =
        dnb_brain_write_like(path, r->image, n_maps, values, r->voxels, r->m, &o, err);
    if (status == DNB_OK)
        cli_list_output(ctx, path);
    free(path);
    return status;
}

/* The three axes of n places as images. */
static dnb_status write_places(const char *dir, const cli_responses *r, size_t n_maps,
                               const int64_t *place, cli_context *ctx, dnb_err *err)
{
    static const char *const names[] = {"chn_location", "row_location", "col_location"};
    size_t cells = n_maps * r->m;
    double *values = calloc(cells + 1, sizeof *values);
    dnb_status status =
        values ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory for location maps");
    for (int axis = 0; axis < 3 && status == DNB_OK; axis++) {
        for (size_t i = 0; i < cells; i++)
            values[i] = (double)place[3 * i + (size_t)axis];
        status = cli_maps_image(dir, names[axis], r, n_maps, values, true, ctx, err);
    }
    free(values);
    return status;
}

/* The scores of what was found, 0 elsewhere. */
static dnb_status write_found(const char *dir, const char *name, const cli_maps *maps,
                              size_t n_maps, const double *score, const double *p_max,
                              const double *q, cli_context *ctx, dnb_err *err)
{
    size_t cells = n_maps * maps->responses->m;
    double *values = calloc(cells + 1, sizeof *values);
    if (!values)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for a map of findings");
    for (size_t i = 0; i < cells; i++)
        values[i] = cli_job_finds(maps->job, p_max[i], q[i]) ? score[i] : 0;
    dnb_status status = cli_maps_image(dir, name, maps->responses, n_maps, values, false, ctx, err);
    free(values);
    return status;
}

/* Columns are ROIs, rows iterations; a repeated name gets a number, as pandas does. */
static dnb_status write_csv(const char *dir, const cli_responses *r, const cli_scores *s,
                            cli_context *ctx, dnb_err *err)
{
    dnb_table table;
    char *path = cli_join(dir, "score.csv");
    double *column = calloc(s->n_iter + 1, sizeof *column);
    dnb_status status =
        path && column ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "%s: out of memory", dir);
    dnb_table_init(&table, s->n_iter);
    for (size_t t = 0; t < s->m && status == DNB_OK; t++) {
        char name[512];
        snprintf(name, sizeof name, "%s", r->names[t]);
        for (int k = 1; dnb_table_find(&table, name); k++)
            snprintf(name, sizeof name, "%.480s.%d", r->names[t], k);
        for (size_t i = 0; i < s->n_iter; i++)
            column[i] = s->mean[i * s->m + t];
        status = dnb_table_add_real(&table, name, column, err);
    }
    if (status == DNB_OK)
        status = dnb_table_write(&table, path, NULL, err);
    if (status == DNB_OK)
        cli_list_output(ctx, path);
    dnb_table_release(&table);
    free(column);
    free(path);
    return status;
}

static dnb_status write_tests(const char *dir, const cli_maps *maps, const cli_scores *s,
                              cli_context *ctx, dnb_err *err)
{
    const size_t by_iter[2] = {s->n_iter, s->m}, units[3] = {s->m, 1, 1},
                 *shape = maps->decoded ? units : by_iter;
    const struct {
        const char *name;
        const double *values;
    } list[] = {{"p", s->p}, {"p_max", s->p_max}, {"q", s->q}, {"p_family", s->p_family}};
    dnb_status status = DNB_OK;
    for (size_t i = 0; i < 4 && status == DNB_OK; i++) {
        if (!list[i].values)
            continue;
        status = cli_maps_array(dir, list[i].name, DNB_F64, maps->decoded ? 3 : 2, shape,
                                list[i].values, ctx, err);
        if (status == DNB_OK && maps->responses && maps->responses->image)
            status = cli_maps_image(dir, list[i].name, maps->responses, s->n_iter, list[i].values,
                                    false, ctx, err);
    }
    if (status != DNB_OK || !s->low)
        return status;
    const size_t pair[3] = {s->n_iter, s->m, 2};
    double *both = calloc(2 * s->n_iter * s->m + 1, sizeof *both);
    if (!both)
        return dnb_fail(err, DNB_ENOMEM, "%s: out of memory", dir);
    for (size_t i = 0; i < s->n_iter * s->m; i++) {
        both[2 * i] = s->low[i];
        both[2 * i + 1] = s->high[i];
    }
    status = cli_maps_array(dir, "interval", DNB_F64, 3, pair, both, ctx, err);
    free(both);
    return status;
}

/* Of columns decoded: the best ROI or voxel, m x 1 x 1. */
static dnb_status write_numbers(const char *dir, const cli_scores *s, cli_context *ctx,
                                dnb_err *err)
{
    const size_t shape[3] = {s->m, 1, 1};
    int64_t *number = calloc(s->m + 1, sizeof *number);
    if (!number)
        return dnb_fail(err, DNB_ENOMEM, "%s: out of memory", dir);
    for (size_t t = 0; t < s->m; t++)
        number[t] = s->place[3 * t];
    dnb_status status = cli_maps_array(dir, "location", DNB_I64, 3, shape, number, ctx, err);
    free(number);
    return status;
}

/* Classes decoded, in the shapes that decode writes. */
static dnb_status write_decoded(const char *dir, const cli_scores *s, cli_context *ctx,
                                dnb_err *err)
{
    const size_t shape[6] = {s->m, 1, 1, s->k, s->n_classes, s->n_classes};
    dnb_status status = cli_maps_array(dir, "score", DNB_F64, 4, shape, s->score, ctx, err);
    if (status == DNB_OK && s->place)
        status = cli_maps_array(dir, "max_score", DNB_F64, 3, shape, s->mean, ctx, err);
    if (status == DNB_OK && s->place)
        status = write_numbers(dir, s, ctx, err);
    if (status == DNB_OK && s->confusion)
        status = cli_maps_array(dir, "conf_m", DNB_F64, 6, shape, s->confusion, ctx, err);
    return status;
}

static dnb_status write_scores(const char *dir, const cli_maps *maps, const cli_scores *s,
                               cli_context *ctx, dnb_err *err)
{
    const size_t two[2] = {s->n_iter, s->m}, folds[3] = {s->n_iter, s->m, s->k},
                 place[3] = {s->n_iter, s->m, 3},
                 matrix[5] = {s->n_iter, s->m, s->k, s->n_classes, s->n_classes};
    dnb_status status = DNB_OK;
    if (maps->decoded)
        return write_decoded(dir, s, ctx, err);
    if (maps->corr)
        status = cli_maps_array(dir, "score", DNB_F64, 2, two, s->mean, ctx, err);
    if (status == DNB_OK && !maps->corr && s->place)
        status = cli_maps_array(dir, "max_score", DNB_F64, 2, two, s->mean, ctx, err);
    if (status == DNB_OK && s->place)
        status = cli_maps_array(dir, "location", DNB_I64, 3, place, s->place, ctx, err);
    if (status == DNB_OK && !maps->corr && !maps->probe)
        status = cli_maps_array(dir, "score", DNB_F64, 3, folds, s->score, ctx, err);
    if (status == DNB_OK && s->confusion)
        status = cli_maps_array(dir, "conf_m", DNB_F64, 5, matrix, s->confusion, ctx, err);
    return status;
}

dnb_status cli_maps_write(const cli_maps *maps, const cli_scores *s, cli_context *ctx, dnb_err *err)
{
    char *dir = NULL;
    const cli_responses *r = maps->responses;
    dnb_status status = cli_maps_folder(&dir, maps->out, s->layer, maps->iteraxis, err);
    if (status == DNB_OK)
        status = write_scores(dir, maps, s, ctx, err);
    if (status == DNB_OK)
        status = write_tests(dir, maps, s, ctx, err);
    if (status == DNB_OK && r && r->image)
        status = cli_maps_image(dir, "score", r, s->n_iter, s->mean, false, ctx, err);
    if (status == DNB_OK && r && r->image && s->p && cli_job_tests(maps->job))
        status = write_found(dir, "score_significant", maps, s->n_iter, s->mean, s->p_max, s->q,
                             ctx, err);
    if (status == DNB_OK && r && r->image && s->place)
        status = write_places(dir, r, s->n_iter, s->place, ctx, err);
    if (status == DNB_OK && maps->corr && r->names)
        status = write_csv(dir, r, s, ctx, err);
    if (status == DNB_OK)
        cli_say(ctx, "wrote %s: %zu target%s%s", dir, s->m, s->m == 1 ? "" : "s",
                r && r->image ? ", with images" : "");
    free(dir);
    return status;
}

dnb_status cli_maps_write_best(const cli_maps *maps, const cli_best *b, cli_context *ctx,
                               dnb_err *err)
{
    const size_t two[2] = {b->m, b->k}, one[1] = {b->m};
    const cli_responses *r = maps->responses;
    dnb_status status =
        cli_maps_array(maps->out, "best_layer", DNB_I64, 2, two, b->layer, ctx, err);
    if (status == DNB_OK)
        status = cli_maps_array(maps->out, "best_score", DNB_F64, 2, two, b->score, ctx, err);
    if (status == DNB_OK && b->p)
        status = cli_maps_array(maps->out, "best_p", DNB_F64, 1, one, b->p, ctx, err);
    if (status == DNB_OK && b->p)
        status = cli_maps_array(maps->out, "best_p_max", DNB_F64, 1, one, b->p_max, ctx, err);
    if (status == DNB_OK && b->p)
        status = cli_maps_array(maps->out, "best_q", DNB_F64, 1, one, b->q, ctx, err);
    if (status != DNB_OK || !r || !r->image)
        return status;
    double *mode = calloc(b->m + 1, sizeof *mode);
    if (!mode)
        return dnb_fail(err, DNB_ENOMEM, "%s: out of memory", maps->out);
    for (size_t t = 0; t < b->m; t++)
        mode[t] = (double)b->mode[t];
    status = cli_maps_image(maps->out, "best_layer", r, 1, mode, true, ctx, err);
    if (status == DNB_OK)
        status = cli_maps_image(maps->out, "best_score", r, 1, b->mean, false, ctx, err);
    if (status == DNB_OK && b->p && cli_job_tests(maps->job))
        status = write_found(maps->out, "best_score_significant", maps, 1, b->mean, b->p_max, b->q,
                             ctx, err);
    free(mode);
    return status;
}

dnb_status cli_maps_provenance(const char *out, cli_context *ctx, dnb_err *err)
{
    char *path = cli_join(out, "provenance.json");
    if (!path)
        return dnb_fail(err, DNB_ENOMEM, "%s: out of memory", out);
    dnb_status status = cli_write_text(path, dnb_provenance_json(ctx->provenance), err);
    free(path);
    return status;
}
