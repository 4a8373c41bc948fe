/* Sparse random projection between a scan and another sink.
 *
 * Units are taken in groups of GROUP; a group's rows of the matrix, laid end to end, are a line on
 * which geometric gaps lead from one entry that is not zero to the next, drawn from the group's own
 * random numbers. Groups are dealt to SLABS accumulators by their number alone and those added in
 * order, so sums do not depend on threads; each stimulus has sums of its own, so not on batches. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "dnnbrain/random.h"
#include "dnnbrain/runtime.h"
#include "dnnbrain/sinks.h"

enum { GROUP = 64, SLABS = 16, ROWS = 32 };

typedef struct projected {
    const char *name;
    size_t d;
    double s, per_log; /* 1 / log(1 - 1 / s) */
    uint64_t stream;   /* of the first group */
} projected;

typedef struct project_sink {
    dnb_sink sink; /* first, so that a dnb_sink * is a project_sink * */
    dnb_sink *next;
    dnb_projection_options o;
    size_t n_layers;
    projected *layers;
    dnb_scan_layer *seen; /* by `next` */
    double *sums;         /* SLABS x k x ROWS */
    float *out;           /* grows to the largest batch */
    size_t out_rows;
} project_sink;

static uint64_t hash_name(const char *name)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 0x100000001b3u;
    return h;
}

static dnb_status describe(project_sink *s, size_t i, const dnb_scan_layer *layer, dnb_err *err)
{
    projected *p = &s->layers[i];
    p->name = layer->name;
    p->d = layer->shape[0] * layer->shape[1] * layer->shape[2]; /* the scan has checked it */
    if (p->d <= s->o.k)
        return dnb_fail(err, DNB_EARG,
                        "layer %s has %zu units: a projection to %zu features saves nothing; ask "
                        "for fewer or leave the layer out",
                        layer->name, p->d, s->o.k);
    p->s = s->o.kind == DNB_PROJECTION_ACHLIOPTAS ? 3.0 : sqrt((double)p->d);
    p->per_log = 1 / log1p(-1 / p->s);
    p->stream = hash_name(layer->name);
    s->seen[i] = (dnb_scan_layer){.name = layer->name, .shape = {s->o.k, 1, 1}};
    return DNB_OK;
}

static dnb_status begin(dnb_sink *sink, const dnb_scan_layer *layers, size_t n_layers,
                        size_t n_stimuli, size_t *resume, dnb_err *err)
{
    project_sink *s = (project_sink *)sink;
    dnb_status status = DNB_OK;
    DNB_NEW(s->layers, n_layers, "projection");
    DNB_NEW(s->seen, n_layers, "projection");
    s->n_layers = n_layers;
    for (size_t i = 0; i < n_layers; i++)
        DNB_TRY(describe(s, i, &layers[i], err));
    s->sums = dnb_alloc_aligned(SLABS * ROWS, s->o.k * sizeof *s->sums);
    if (!s->sums)
        DNB_TRY(dnb_fail_memory(err, "projection", SLABS * ROWS * s->o.k * sizeof *s->sums));
    *resume = 0;
    if (s->next->begin)
        DNB_TRY(s->next->begin(s->next, s->seen, n_layers, n_stimuli, resume, err));
done:
    return status;
}

/* One group of units: x is `units` x n, sums k x n. */
static void add_group(const project_sink *s, const projected *p, size_t group, const float *x,
                      size_t units, size_t n, double *sums)
{
    const size_t k = s->o.k, end = units * k;
    dnb_random r;
    dnb_random_init(&r, s->o.seed, p->stream + group);
    for (size_t at = 0;; at++) {
        uint64_t draw = dnb_random_u64(&r);
        double u = ((double)(draw >> 11) + 1) * 0x1p-53; /* 0 < u <= 1 */
        double gap = floor(log(u) * p->per_log);
        if (gap >= (double)(end - at))
            return;
        at += (size_t)gap;
        double *sum = sums + at % k * n;
        const float *from = x + at / k * n;
        const double sign = draw & 1 ? 1 : -1;
        for (size_t i = 0; i < n; i++)
            sum[i] += sign * from[i];
    }
}

/* All groups of one slab, for n <= ROWS stimuli. */
static void add_slab(const project_sink *s, const projected *p, size_t slab, const float *values,
                     size_t n)
{
    const size_t groups = (p->d + GROUP - 1) / GROUP;
    const size_t first = slab * groups / SLABS, end = (slab + 1) * groups / SLABS;
    double *sums = s->sums + slab * ROWS * s->o.k;
    float x[GROUP * ROWS];
    memset(sums, 0, n * s->o.k * sizeof *sums);
    for (size_t g = first; g < end; g++) {
        size_t u = g * GROUP, units = p->d - u < GROUP ? p->d - u : GROUP;
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < units; j++)
                x[j * n + i] = values[i * p->d + u + j];
        add_group(s, p, g, x, units, n, sums);
    }
}

/* n <= ROWS stimuli to k features each. */
static void project(project_sink *s, const projected *p, const float *values, size_t n, float *out)
{
    const size_t k = s->o.k;
    const double scale = sqrt(p->s / (double)k);
#pragma omp parallel for schedule(dynamic) num_threads(dnb_threads_get())
    for (size_t slab = 0; slab < SLABS; slab++)
        add_slab(s, p, slab, values, n);
    for (size_t i = 0; i < n; i++)
        for (size_t f = 0; f < k; f++) {
            double sum = 0;
            for (size_t slab = 0; slab < SLABS; slab++)
                sum += s->sums[slab * ROWS * k + f * n + i];
            out[i * k + f] = (float)(sum * scale);
        }
}

static dnb_status push(dnb_sink *sink, size_t layer, size_t first, size_t n, const float *values,
                       dnb_err *err)
{
    project_sink *s = (project_sink *)sink;
    const projected *p = &s->layers[layer];
    if (n > s->out_rows) {
        dnb_free(s->out);
        s->out_rows = 0;
        s->out = dnb_alloc_aligned(n, s->o.k * sizeof *s->out);
        if (!s->out)
            return dnb_fail_memory(err, "projection", n * s->o.k * sizeof *s->out);
        s->out_rows = n;
    }
    for (size_t i = 0; i < n; i += ROWS)
        project(s, p, values + i * p->d, n - i < ROWS ? n - i : ROWS, s->out + i * s->o.k);
    return s->next->push(s->next, layer, first, n, s->out, err);
}

static dnb_status batch_done(dnb_sink *sink, size_t done, dnb_err *err)
{
    dnb_sink *next = ((project_sink *)sink)->next;
    return next->batch_done ? next->batch_done(next, done, err) : DNB_OK;
}

static dnb_status end(dnb_sink *sink, dnb_err *err)
{
    dnb_sink *next = ((project_sink *)sink)->next;
    return next->end ? next->end(next, err) : DNB_OK;
}

static size_t bytes(dnb_sink *sink, const dnb_scan_layer *layers, size_t n_layers, size_t n_stimuli)
{
    project_sink *s = (project_sink *)sink;
    dnb_scan_layer *seen = dnb_calloc(n_layers, sizeof *seen);
    size_t all = SLABS * ROWS * s->o.k * sizeof *s->sums + ROWS * s->o.k * sizeof *s->out;
    for (size_t i = 0; seen && i < n_layers; i++)
        seen[i] = (dnb_scan_layer){.name = layers[i].name, .shape = {s->o.k, 1, 1}};
    if (seen && s->next->bytes)
        all += s->next->bytes(s->next, seen, n_layers, n_stimuli);
    dnb_free(seen);
    return all;
}

dnb_status dnb_sink_project_new(dnb_sink **out, dnb_sink *next,
                                const dnb_projection_options *options, dnb_err *err)
{
    dnb_status status = DNB_OK;
    project_sink *s = NULL;
    /* Nothing near this count is ever useful; it keeps sizes far from wrapping. */
    if (options->k == 0 || options->k > (size_t)1 << 24)
        return dnb_fail(err, DNB_EARG, "a projection to %zu features: at least 1, at most %d",
                        options->k, 1 << 24);
    DNB_NEW(s, 1, "projection");
    s->sink = (dnb_sink){
        .begin = begin, .push = push, .batch_done = batch_done, .end = end, .bytes = bytes};
    s->next = next;
    s->o = *options;
    *out = &s->sink;
done:
    return status;
}

void dnb_sink_project_free(dnb_sink *sink)
{
    project_sink *s = (project_sink *)sink;
    if (!s)
        return;
    dnb_free(s->layers);
    dnb_free(s->seen);
    dnb_free(s->sums);
    dnb_free(s->out);
    dnb_free(s);
}
