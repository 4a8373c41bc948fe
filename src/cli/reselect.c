/* What mask and pool share. */
#include "reselect.h"

#include <stdlib.h>
#include <string.h>

#include <dnnbrain/features.h>

typedef struct reselect {
    dnb_actfile *file;
    cli_unit_set set;
    const dnb_pool_kind *pool;
    dnb_actwriter *writer;
    float *raw, *picked, *pooled;
    size_t n_stim, block; /* stimuli per reading */
} reselect;

static size_t largest(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Buffers for a block of stimuli of the largest layer: about 64 MB in all, or the budget. */
static dnb_status allocate(reselect *r, const char *act, size_t memory, dnb_err *err)
{
    size_t raw = 1, picked = 1, most = (size_t)64 << 20;
    for (size_t i = 0; i < r->set.n; i++) {
        raw = largest(raw, dnb_select_source_count(&r->set.selects[i]));
        picked = largest(picked, dnb_select_count(&r->set.selects[i]));
    }
    size_t one = (raw + 2 * picked) * sizeof(float);
    if (one > memory)
        return dnb_fail(err, DNB_ENOMEM,
                        "%s: one stimulus takes %.1f MB and the memory budget is %.1f MB; raise "
                        "--memory or name fewer layers",
                        act, (double)one / 1e6, (double)memory / 1e6);
    if (memory < most)
        most = memory;
    r->block = most / one;
    r->block = r->block < 1 ? 1 : r->block > r->n_stim ? r->n_stim : r->block;
    r->raw = calloc(r->block * raw, sizeof(float));
    r->picked = calloc(r->block * picked, sizeof(float));
    r->pooled = calloc(r->block * picked, sizeof(float));
    if (!r->raw || !r->picked || !r->pooled)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for a block of %zu stimuli", r->block);
    return DNB_OK;
}

/* Opens the output. */
static dnb_status open_writer(reselect *r, const char *path, const dnb_actwriter_options *options,
                              dnb_err *err)
{
    dnb_act_layer *layers = calloc(r->set.n, sizeof *layers);
    size_t done;
    if (!layers)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for %zu layers", r->set.n);
    for (size_t i = 0; i < r->set.n; i++) {
        const size_t *shape = r->set.selects[i].n;
        layers[i] =
            (dnb_act_layer){.name = r->set.names[i], .shape = {shape[0], shape[1], shape[2]}};
        if (r->pool)
            layers[i].shape[1] = layers[i].shape[2] = 1;
    }
    dnb_status status =
        dnb_actwriter_open(&r->writer, path, r->set.n, layers, r->n_stim, options, &done, err);
    free(layers);
    return status;
}

static dnb_status move_layer(reselect *r, size_t i, cli_context *ctx, dnb_err *err)
{
    const dnb_select *s = &r->set.selects[i];
    size_t raw = dnb_select_source_count(s), picked = dnb_select_count(s);
    dnb_status status = DNB_OK;
    for (size_t at = 0; at < r->n_stim && status == DNB_OK; at += r->block) {
        size_t n = r->n_stim - at < r->block ? r->n_stim - at : r->block;
        const float *values = r->picked;
        if (ctx->progress.report)
            ctx->progress.report(ctx, r->set.names[i], at, r->n_stim);
        if (cli_stop_requested())
            return dnb_fail(err, DNB_ECANCELLED, "interrupted");
        status = dnb_actfile_read(r->file, r->set.index[i], at, n, r->raw, err);
        for (size_t k = 0; status == DNB_OK && k < n; k++)
            dnb_select_apply(s, r->raw + k * raw, r->picked + k * picked);
        if (status == DNB_OK && r->pool) {
            status = dnb_pool_run(r->pooled, r->picked, n * s->n[DNB_AXIS_CHN],
                                  s->n[DNB_AXIS_ROW] * s->n[DNB_AXIS_COL], *r->pool, err);
            values = r->pooled;
        }
        if (status == DNB_OK)
            status = dnb_actwriter_push(r->writer, i, at, n, values, err);
    }
    return status;
}

dnb_status cli_reselect(const char *act, const cli_units *units, const char *pool, const char *out,
                        bool compress, cli_context *ctx, dnb_err *err)
{
    reselect r = {0};
    dnb_pool_kind kind;
    dnb_actwriter_options options = {.save = {.compress = compress ? 4 : 0}};
    dnb_status status = dnb_actfile_open(&r.file, act, err);
    if (status == DNB_OK)
        status = cli_units_of_file(&r.set, units, r.file, act, err);
    if (status == DNB_OK && pool) {
        status = dnb_pool_parse(&kind, pool, err);
        r.pool = &kind;
    }
    if (status == DNB_OK)
        status = cli_record_input(ctx, "act", act, dnb_actfile_provenance(r.file), err);
    if (status == DNB_OK)
        status = cli_units_same_stimuli(&r.n_stim, &r.set, r.file, err);
    if (status == DNB_OK)
        status = open_writer(&r, out, &options, err);
    if (status == DNB_OK)
        status = allocate(&r, act, ctx->memory, err);
    for (size_t i = 0; i < r.set.n && status == DNB_OK; i++)
        status = move_layer(&r, i, ctx, err);
    if (status == DNB_OK) {
        status = dnb_actwriter_commit(r.writer, dnb_provenance_json(ctx->provenance), err);
        r.writer = NULL;
    }
    if (status == DNB_OK)
        cli_wrote(ctx, out, "%zu layer%s x %zu stimuli", r.set.n, r.set.n == 1 ? "" : "s",
                  r.n_stim);
    dnb_actwriter_abort(r.writer, false);
    free(r.raw);
    free(r.picked);
    free(r.pooled);
    cli_unit_set_release(&r.set);
    dnb_actfile_close(r.file);
    return status;
}
