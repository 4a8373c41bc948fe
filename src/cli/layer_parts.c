/* Rows of a layer and of its parts, from a file or from memory. */
#include "layer_parts.h"

#include <stdlib.h>
#include <string.h>

static size_t units_of(const cli_layer *l)
{
    return l->shape[0] * l->shape[1] * l->shape[2];
}

static bool takes_all(const cli_layer *l)
{
    return !l->select || dnb_select_is_all(l->select);
}

/* A tile of the selected units; where they are not all, row by row through the selection. */
static dnb_status read_tile(void *ctx, size_t row, size_t n_rows, size_t col, size_t n_cols,
                            void *dst, dnb_err *err)
{
    cli_layer *l = ctx;
    float *to = dst;
    if (takes_all(l))
        return dnb_actfile_read_units(l->file, l->index, row, n_rows, col, n_cols, to, err);
    for (size_t i = 0; i < n_rows; i++) {
        dnb_status status = dnb_actfile_read(l->file, l->index, row + i, 1, l->raw, err);
        if (status != DNB_OK)
            return status;
        dnb_select_apply(l->select, l->raw, l->picked);
        memcpy(to + i * n_cols, l->picked + col, n_cols * sizeof *to);
    }
    return DNB_OK;
}

static dnb_status open_file(cli_layer *l, cli_patterns *p, size_t i, size_t memory, dnb_err *err)
{
    size_t n = p->n, d;
    dnb_status status = DNB_OK;
    l->file = p->file;
    l->index = p->set.index[i];
    l->select = &p->set.selects[i];
    memcpy(l->shape, l->select->n, sizeof l->shape);
    d = units_of(l);
    l->raw = calloc(dnb_select_source_count(l->select) + 1, sizeof *l->raw);
    l->picked = calloc(d + 1, sizeof *l->picked);
    if (!l->raw || !l->picked)
        return dnb_fail(err, DNB_ENOMEM, "layer %s: out of memory", l->name);
    l->rows = (dnb_rows){
        .n = n, .d = d, .dtype = DNB_F32, .read = read_tile, .ctx = l, .whole_rows = !takes_all(l)};
    if ((double)n * (double)d * sizeof(float) > (double)memory)
        return DNB_OK;
    l->hold = malloc(n * d * sizeof *l->hold + 1);
    if (!l->hold)
        return dnb_fail(err, DNB_ENOMEM, "layer %s: out of memory", l->name);
    status = read_tile(l, 0, n, 0, d, l->hold, err);
    if (status == DNB_OK)
        l->rows = dnb_rows_f32(l->hold, n, d);
    return status;
}

dnb_status cli_layer_open(cli_layer *out, cli_patterns *p, size_t i, size_t memory, dnb_err *err)
{
    *out = (cli_layer){.name = p->set.names[i]};
    if (p->file)
        return open_file(out, p, i, memory, err);
    memcpy(out->shape, p->layers[i].shape, sizeof out->shape);
    out->select = &p->set.selects[i];
    out->rows = cli_patterns_rows(p, i);
    return DNB_OK;
}

void cli_layer_of_table(cli_layer *out, const char *name, const double *values, size_t n, size_t d)
{
    *out = (cli_layer){.name = name, .shape = {d, 1, 1}, .rows = dnb_rows_f64(values, n, d)};
}

void cli_layer_release(cli_layer *l)
{
    free(l->hold);
    free(l->raw);
    free(l->picked);
    free(l->gathered);
    *l = (cli_layer){0};
}

size_t cli_layer_parts(const cli_layer *l, dnb_iteraxis axis)
{
    return axis == DNB_ITER_CHANNEL   ? l->shape[0]
           : axis == DNB_ITER_ROW_COL ? l->shape[1] * l->shape[2]
                                      : 1;
}

size_t cli_layer_unit(const cli_layer *l, dnb_iteraxis axis, size_t part, size_t j)
{
    size_t area = l->shape[1] * l->shape[2];
    return axis == DNB_ITER_CHANNEL   ? part * area + j
           : axis == DNB_ITER_ROW_COL ? j * area + part
                                      : j;
}

void cli_layer_place(const cli_layer *l, size_t u, int64_t place[3])
{
    const size_t *s = l->shape, at[3] = {u / (s[1] * s[2]), u / s[2] % s[1], u % s[2]};
    for (int axis = 0; axis < 3; axis++) {
        /* A pooled axis has lost its selection. */
        const size_t *index =
            l->select && l->select->n[axis] == s[axis] ? l->select->index[axis] : NULL;
        place[axis] = (int64_t)(index ? index[at[axis]] : at[axis]) + 1;
    }
}

/* Gathers a part's units from whole rows, or from wherever a unit stands. */
static dnb_status gather(cli_layer *l, size_t width, dnb_err *err)
{
    size_t n = l->rows.n, d = l->rows.d;
    float *row = NULL, *grown = realloc(l->gathered, n * width * sizeof *grown + 1);
    dnb_status status = DNB_OK;
    if (grown)
        l->gathered = grown;
    if (!l->rows.data)
        row = malloc(d * sizeof *row + 1);
    if (!grown || (!l->rows.data && !row))
        status = dnb_fail(err, DNB_ENOMEM, "layer %s: out of memory", l->name);
    for (size_t i = 0; i < n && status == DNB_OK; i++) {
        const float *from = row;
        if (l->rows.data)
            from = (const float *)l->rows.data + i * l->rows.stride;
        else
            status = l->rows.read(l->rows.ctx, i, 1, 0, d, row, err);
        for (size_t j = 0; j < width && status == DNB_OK; j++)
            l->gathered[i * width + j] = from[cli_layer_unit(l, l->axis, l->part, j)];
    }
    free(row);
    return status;
}

dnb_status cli_layer_part(dnb_rows *out, cli_layer *l, dnb_iteraxis axis, size_t part, dnb_err *err)
{
    size_t width = units_of(l) / cli_layer_parts(l, axis);
    dnb_status status = DNB_OK;
    if (axis == DNB_ITER_NONE || l->rows.dtype != DNB_F32) {
        *out = l->rows;
        return DNB_OK;
    }
    l->axis = axis;
    l->part = part;
    if (axis == DNB_ITER_CHANNEL && l->rows.data) {
        *out = l->rows;
        out->d = width;
        out->data = (const float *)l->rows.data + part * width;
        return DNB_OK;
    }
    if (axis == DNB_ITER_CHANNEL && !l->rows.whole_rows) {
        float *grown = realloc(l->gathered, l->rows.n * width * sizeof *grown + 1);
        if (!grown)
            return dnb_fail(err, DNB_ENOMEM, "layer %s: out of memory", l->name);
        l->gathered = grown;
        status = l->rows.read(l->rows.ctx, 0, l->rows.n, part * width, width, grown, err);
    } else {
        status = gather(l, width, err);
    }
    if (status == DNB_OK)
        *out = dnb_rows_f32(l->gathered, l->rows.n, width);
    return status;
}
