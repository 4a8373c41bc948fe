/* Patterns of an activation file or of a pass over stimuli, and the byte plan of the latter. */
#include "patterns.h"

#include <stdlib.h>
#include <string.h>

#include "pass.h"
#include "show.h"

bool cli_source_tuned(const cli_source *s, const cli_network *n)
{
    return n->weights || n->channels || n->size.count || n->range != 0 || n->mean.count ||
           n->std.count || n->cuda || s->pool || s->scratch;
}

dnb_status cli_source_check(const cli_source *s, const cli_network *n, cli_context *ctx,
                            dnb_err *err)
{
    if (s->act && (n->net || n->stim))
        return cli_usage(ctx, err, "give either -act or -net with -stim, not both");
    if (!s->act && !(n->net && n->stim))
        return cli_usage(ctx, err, "%s",
                         n->net    ? "-net needs -stim, the stimuli to show"
                         : n->stim ? "-stim needs -net, the network to show them to"
                                   : "give either -act or -net with -stim");
    if (s->act && cli_source_tuned(s, n))
        return cli_usage(ctx, err,
                         "-weights, -size, -channels, -range, -mean, -std, -cuda, -pool and "
                         "-scratch belong to -net");
    return DNB_OK;
}

static dnb_status open_file(cli_patterns *p, const char *act, const cli_units *units,
                            cli_context *ctx, dnb_err *err)
{
    p->path = act;
    dnb_status status = dnb_actfile_open(&p->file, act, err);
    if (status == DNB_OK)
        status = cli_units_of_file(&p->set, units, p->file, act, err);
    if (status == DNB_OK)
        status = cli_record_input(ctx, "act", act, dnb_actfile_provenance(p->file), err);
    if (status == DNB_OK)
        status = cli_units_same_stimuli(&p->n, &p->set, p->file, err);
    return status;
}

static dnb_status open_stimuli(cli_patterns *p, const cli_network *n, const cli_units *units,
                               cli_context *ctx, dnb_err *err)
{
    p->path = n->stim;
    dnb_status status = cli_images_read(&p->images, n->stim, err);
    if (status == DNB_OK)
        status = cli_network_open(&p->net, n, ctx, err);
    if (status == DNB_OK)
        status = cli_units_of_net(&p->set, units, p->net, err);
    p->n = p->images.n;
    return status;
}

dnb_status cli_patterns_open(cli_patterns *p, const cli_source *s, const cli_network *n,
                             const cli_units *units, cli_context *ctx, dnb_err *err)
{
    *p = (cli_patterns){.memory = ctx->memory};
    return s->act ? open_file(p, s->act, units, ctx, err) : open_stimuli(p, n, units, ctx, err);
}

/* The bytes of a run, by the time they are held. */
typedef struct plan {
    dnb_scan_plan scan;          /* the pass, kept layers included */
    dnb_sink_rows_plan patterns; /* where the layers are kept */
    size_t analysis;             /* the most of any layer, with results of those before */
    size_t most;                 /* all of it, when most is held */
} plan;

typedef struct planner {
    const cli_patterns *p;
    const cli_pass *pass;
    cli_analysis_bytes *bytes;
    const void *analysis;
    bool *in_memory;
} planner;

/* Layers kept as options says. */
static dnb_status plan_with(plan *out, const planner *a, const dnb_sink_rows_options *options,
                            cli_context *ctx, dnb_err *err)
{
    const cli_patterns *p = a->p;
    dnb_sink *sink = NULL;
    size_t kept = 0;
    plan r = {0};
    dnb_status status =
        dnb_sink_rows_plan_make(&r.patterns, a->in_memory, p->layers, p->set.n, p->n, options, err);
    if (status == DNB_OK)
        status = dnb_sink_rows_new(&sink, options, err);
    if (status == DNB_OK)
        status = cli_pass_plan(&r.scan, a->pass, sink, ctx, err);
    for (size_t i = 0; i < p->set.n && status == DNB_OK; i++) {
        const size_t *shape = p->layers[i].shape;
        dnb_rows rows = {.n = p->n,
                         .d = shape[0] * shape[1] * shape[2],
                         .dtype = DNB_F32,
                         .data = a->in_memory[i] ? a : NULL,
                         .cheap = true};
        size_t most = 0, stays = 0, taken = r.patterns.memory + kept;
        status = a->bytes(a->analysis, &p->layers[i], &rows,
                          ctx->memory > taken ? ctx->memory - taken : 1, &most, &stays, err);
        if (kept + most > r.analysis)
            r.analysis = kept + most;
        kept += stays;
    }
    dnb_sink_rows_free(sink);
    r.most = r.patterns.memory + r.analysis;
    if (r.scan.bytes > r.most)
        r.most = r.scan.bytes;
    *out = r;
    return status;
}

/* First with all layers on disk, then with what that leaves of the budget. */
static dnb_status make_plan(plan *out, dnb_sink_rows_options *options, const planner *a,
                            cli_context *ctx, dnb_err *err)
{
    options->memory = 0;
    dnb_status status = plan_with(out, a, options, ctx, err);
    if (status != DNB_OK)
        return status;
    if (out->most > ctx->memory)
        return dnb_fail(err, DNB_ENOMEM,
                        "%s: %zu stimuli need %.1f MB and the memory budget is %.1f MB; raise "
                        "--memory",
                        a->p->path, a->p->n, (double)out->most / 1e6, (double)ctx->memory / 1e6);
    options->memory = ctx->memory - out->most;
    return plan_with(out, a, options, ctx, err);
}

/* The folder of scratch files; free() it. */
static char *scratch_folder(const cli_source *s, const char *out)
{
    const char *usual = getenv("TMPDIR"), *slash = strrchr(out, '/');
    if (s->scratch)
        return strdup(s->scratch);
    if (usual && usual[0])
        return strdup(usual);
    if (!slash)
        return strdup(".");
    return strndup(out, slash == out ? 1 : (size_t)(slash - out));
}

static void say_plan(const plan *r, const cli_patterns *p, const char *folder, cli_context *ctx)
{
    if (r->patterns.scratch)
        cli_say(ctx,
                "%s: %zu layers of %zu images, %zu at a time, %.1f MB of memory, %.1f MB in a "
                "scratch file in %s",
                dnb_net_name(p->net), p->set.n, p->n, r->scan.batch, (double)r->most / 1e6,
                (double)r->patterns.scratch / 1e6, folder);
    else
        cli_say(ctx, "%s: %zu layers of %zu images, %zu at a time, %.1f MB of memory",
                dnb_net_name(p->net), p->set.n, p->n, r->scan.batch, (double)r->most / 1e6);
    cli_note_number(ctx, "batch", (double)r->scan.batch);
    cli_note_number(ctx, "planned_bytes", (double)r->most);
    cli_note_number(ctx, "scratch_bytes", (double)r->patterns.scratch);
}

static dnb_status show(cli_patterns *p, const planner *a, const char *folder, cli_context *ctx,
                       dnb_err *err)
{
    dnb_sink_rows_options options = {.folder = folder};
    plan r;
    double start;
    dnb_status status = make_plan(&r, &options, a, ctx, err);
    if (status != DNB_OK)
        return status;
    say_plan(&r, p, folder, ctx);
    start = cli_now();
    status = dnb_sink_rows_new(&p->sink, &options, err);
    if (status == DNB_OK)
        status = cli_pass_run(a->pass, p->sink, ctx, err);
    p->memory = ctx->memory - r.patterns.memory;
    cli_note_number(ctx, "pass_seconds", cli_now() - start);
    return status;
}

dnb_status cli_patterns_run(cli_patterns *p, const cli_source *s, const cli_network *n,
                            const char *out, cli_analysis_bytes *bytes, const void *analysis,
                            cli_context *ctx, dnb_err *err)
{
    if (p->file)
        return DNB_OK;
    cli_pass pass = {.net = p->net,
                     .units = &p->set,
                     .images = &p->images,
                     .pool = s->pool,
                     .backend = cli_backend(ctx, n->cuda)};
    planner a = {.p = p, .pass = &pass, .bytes = bytes, .analysis = analysis};
    char *folder = scratch_folder(s, out);
    a.in_memory = calloc(p->set.n, sizeof *a.in_memory);
    p->layers = calloc(p->set.n, sizeof *p->layers);
    dnb_status status = DNB_OK;
    if (!folder || !a.in_memory || !p->layers) {
        status = dnb_fail(err, DNB_ENOMEM, "out of memory for %zu layers", p->set.n);
    } else {
        for (size_t i = 0; i < p->set.n; i++)
            p->layers[i] = cli_pass_layer(&pass, i);
        status = show(p, &a, folder, ctx, err);
    }
    free(folder);
    free(a.in_memory);
    dnb_net_free(p->net); /* the weights' memory is the analysis's now */
    p->net = NULL;
    return status;
}

dnb_rows cli_patterns_rows(const cli_patterns *p, size_t i)
{
    return dnb_sink_rows_layer(p->sink, i);
}

void cli_patterns_release(cli_patterns *p)
{
    dnb_sink_rows_free(p->sink);
    cli_unit_set_release(&p->set);
    dnb_net_free(p->net);
    cli_images_release(&p->images);
    dnb_actfile_close(p->file);
    free(p->layers);
}
