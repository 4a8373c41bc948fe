/* The sink that keeps activations for a later sweep over the units, in memory or in a scratch file.
 *
 * A pass writes rows, a sweep reads columns. The scratch file therefore holds a layer as stripes of
 * STRIPE columns, each with all its rows one after the other: a batch adds a run to every stripe,
 * and a tile of columns is read in one run per stripe. */
#include <string.h>

#include "array/panel.h"
#include "base/mem.h"
#include "base/scratch.h"
#include "dnnbrain/sinks.h"

/* Sweeps ask for whole panels. BLOCK rows of a stripe pass through a buffer at a time. */
enum { STRIPE = DNB_PANEL, BLOCK = 256 };

typedef struct kept_layer {
    const struct rows_sink *sink;
    size_t d;
    float *data; /* n x d in memory, or NULL: */
    uint64_t at; /* where the layer starts in the scratch file */
} kept_layer;

typedef struct rows_sink {
    dnb_sink sink; /* first, so that a dnb_sink * is a rows_sink * */
    dnb_sink_rows_options options;
    size_t n, n_layers;
    kept_layer *layers;
    dnb_scratch *scratch;
    float *buffer; /* BLOCK x STRIPE */
} rows_sink;

static dnb_status layer_bytes(size_t *d, size_t *bytes, const dnb_scan_layer *layer, size_t n,
                              dnb_err *err)
{
    const size_t *shape = layer->shape;
    if (!dnb_mul_size(d, shape[0], shape[1]) || !dnb_mul_size(d, *d, shape[2]) ||
        !dnb_mul_size(bytes, *d, n) || !dnb_mul_size(bytes, *bytes, sizeof(float)))
        return dnb_fail(err, DNB_ESHAPE, "layer %s: %zux%zux%zu units of %zu stimuli are too many",
                        layer->name, shape[0], shape[1], shape[2], n);
    return DNB_OK;
}

dnb_status dnb_sink_rows_plan_make(dnb_sink_rows_plan *plan, bool *in_memory,
                                   const dnb_scan_layer *layers, size_t n_layers, size_t n_stimuli,
                                   const dnb_sink_rows_options *options, dnb_err *err)
{
    dnb_sink_rows_plan p = {0};
    for (size_t i = 0; i < n_layers; i++) {
        size_t d, bytes;
        dnb_status status = layer_bytes(&d, &bytes, &layers[i], n_stimuli, err);
        if (status != DNB_OK)
            return status;
        bool held = bytes <= options->memory - p.memory;
        if (!dnb_add_size(held ? &p.memory : &p.scratch, held ? p.memory : p.scratch, bytes))
            return dnb_fail(err, DNB_ESHAPE, "the layers are too large");
        if (in_memory)
            in_memory[i] = held;
    }
    *plan = p;
    return DNB_OK;
}

static size_t bytes(dnb_sink *sink, const dnb_scan_layer *layers, size_t n_layers, size_t n_stimuli)
{
    dnb_sink_rows_plan plan;
    dnb_status status = dnb_sink_rows_plan_make(&plan, NULL, layers, n_layers, n_stimuli,
                                                &((rows_sink *)sink)->options, NULL);
    if (status != DNB_OK)
        return 0; /* beginning will say why */
    return plan.memory + (plan.scratch ? sizeof(float) * BLOCK * STRIPE : 0);
}

static dnb_status begin(dnb_sink *sink, const dnb_scan_layer *layers, size_t n_layers,
                        size_t n_stimuli, size_t *resume, dnb_err *err)
{
    rows_sink *s = (rows_sink *)sink;
    dnb_status status = DNB_OK;
    dnb_sink_rows_plan plan;
    bool *in_memory = NULL;
    uint64_t at = 0;
    DNB_NEW(in_memory, n_layers, "layers");
    DNB_TRY(
        dnb_sink_rows_plan_make(&plan, in_memory, layers, n_layers, n_stimuli, &s->options, err));
    DNB_NEW(s->layers, n_layers, "layers");
    s->n_layers = n_layers;
    s->n = n_stimuli;
    for (size_t i = 0; i < n_layers; i++) {
        kept_layer *l = &s->layers[i];
        size_t size;
        l->sink = s;
        DNB_TRY(layer_bytes(&l->d, &size, &layers[i], n_stimuli, err));
        l->at = at;
        if (!in_memory[i])
            at += size;
        else if (!(l->data = dnb_alloc_aligned(n_stimuli, l->d * sizeof(float))))
            DNB_TRY(dnb_fail_memory(err, layers[i].name, size));
    }
    if (plan.scratch > 0) {
        s->buffer = dnb_alloc_aligned(BLOCK, STRIPE * sizeof(float));
        if (!s->buffer)
            DNB_TRY(dnb_fail_memory(err, "scratch file", sizeof(float) * BLOCK * STRIPE));
        DNB_TRY(dnb_scratch_open(&s->scratch, s->options.folder, plan.scratch, err));
    }
    *resume = 0;
done:
    dnb_free(in_memory);
    return status;
}

/* Columns of the stripe that starts at column c. */
static size_t stripe_width(const kept_layer *l, size_t c)
{
    return l->d - c < STRIPE ? l->d - c : STRIPE;
}

/* Where the row of the stripe that starts at column c stands in the scratch file. */
static uint64_t place(const kept_layer *l, size_t c, size_t row)
{
    return l->at + sizeof(float) * ((uint64_t)c * l->sink->n + (uint64_t)row * stripe_width(l, c));
}

static dnb_status spill(rows_sink *s, const kept_layer *l, size_t first, size_t n,
                        const float *values, dnb_err *err)
{
    for (size_t c = 0; c < l->d; c += STRIPE) {
        size_t width = stripe_width(l, c);
        for (size_t i = 0; i < n; i++)
            memcpy(s->buffer + i * width, values + i * l->d + c, width * sizeof(float));
        dnb_status status = dnb_scratch_write(s->scratch, place(l, c, first), s->buffer,
                                              n * width * sizeof(float), err);
        if (status != DNB_OK)
            return status;
    }
    return DNB_OK;
}

static dnb_status push(dnb_sink *sink, size_t layer, size_t first, size_t n, const float *values,
                       dnb_err *err)
{
    rows_sink *s = (rows_sink *)sink;
    const kept_layer *l = &s->layers[layer];
    if (l->data) {
        memcpy(l->data + first * l->d, values, n * l->d * sizeof(float));
        return DNB_OK;
    }
    for (size_t i = 0; i < n; i += BLOCK) {
        size_t count = n - i < BLOCK ? n - i : BLOCK;
        dnb_status status = spill(s, l, first + i, count, values + i * l->d, err);
        if (status != DNB_OK)
            return status;
    }
    return DNB_OK;
}

/* A tile of columns as dnb_rows wants it. */
typedef struct tile {
    size_t row, n_rows, col, n_cols;
    float *dst;
} tile;

/* The part of the tile in one stripe and at most BLOCK rows from row i of the tile on; buffer holds
 * BLOCK x STRIPE. */
static dnb_status read_part(const kept_layer *l, const tile *t, size_t stripe, size_t i,
                            float *buffer, dnb_err *err)
{
    size_t width = stripe_width(l, stripe), n = t->n_rows - i < BLOCK ? t->n_rows - i : BLOCK;
    size_t from = t->col > stripe ? t->col : stripe, to = stripe + width;
    if (to > t->col + t->n_cols)
        to = t->col + t->n_cols;
    dnb_status status = dnb_scratch_read(l->sink->scratch, place(l, stripe, t->row + i), buffer,
                                         n * width * sizeof(float), err);
    for (size_t r = 0; status == DNB_OK && r < n; r++)
        memcpy(t->dst + (i + r) * t->n_cols + (from - t->col), buffer + r * width + (from - stripe),
               (to - from) * sizeof(float));
    return status;
}

static dnb_status read_tile(void *ctx, size_t row, size_t n_rows, size_t col, size_t n_cols,
                            void *dst, dnb_err *err)
{
    const kept_layer *l = ctx;
    const tile t = {row, n_rows, col, n_cols, dst};
    size_t first = col / STRIPE * STRIPE, stripes = (col + n_cols - first + STRIPE - 1) / STRIPE;
    size_t blocks = (n_rows + BLOCK - 1) / BLOCK, end = col + n_cols;
    dnb_status status = DNB_OK;
#pragma omp parallel num_threads(dnb_threads_get())
    {
        float *buffer = dnb_alloc_aligned(BLOCK, STRIPE * sizeof(float));
        dnb_err own = {0};
        dnb_status mine = buffer ? DNB_OK : dnb_fail_memory(&own, "a tile", BLOCK * STRIPE);
#pragma omp for schedule(dynamic)
        for (size_t k = 0; k < stripes * blocks; k++)
            if (mine == DNB_OK)
                mine =
                    read_part(l, &t, first + k / blocks * STRIPE, k % blocks * BLOCK, buffer, &own);
        dnb_free(buffer);
#pragma omp critical(dnb_sink_rows_read)
        if (mine != DNB_OK && status == DNB_OK) {
            status = mine;
            if (err)
                *err = own;
        }
    }
    /* A sweep asks for the next columns next. */
    if (status == DNB_OK && n_rows == l->sink->n && end < l->d) {
        size_t next = l->d - end < n_cols ? l->d : end + n_cols;
        dnb_scratch_expect(l->sink->scratch, place(l, end / STRIPE * STRIPE, 0),
                           sizeof(float) * (uint64_t)l->sink->n * (next - end));
    }
    return status;
}

dnb_rows dnb_sink_rows_layer(const dnb_sink *sink, size_t i)
{
    const rows_sink *s = (const rows_sink *)sink;
    kept_layer *l = &s->layers[i];
    dnb_rows rows = {.n = s->n, .d = l->d, .dtype = DNB_F32, .stride = l->d, .cheap = true};
    if (l->data)
        rows.data = l->data;
    else {
        rows.read = read_tile;
        rows.ctx = l;
    }
    return rows;
}

dnb_status dnb_sink_rows_new(dnb_sink **out, const dnb_sink_rows_options *options, dnb_err *err)
{
    dnb_status status = DNB_OK;
    rows_sink *s = NULL;
    DNB_NEW(s, 1, "rows");
    s->sink = (dnb_sink){.begin = begin, .push = push, .bytes = bytes, .behind = true};
    if (options)
        s->options = *options;
    *out = &s->sink;
done:
    return status;
}

void dnb_sink_rows_free(dnb_sink *sink)
{
    rows_sink *s = (rows_sink *)sink;
    if (!s)
        return;
    for (size_t i = 0; i < s->n_layers; i++)
        dnb_free(s->layers[i].data);
    dnb_free(s->layers);
    dnb_free(s->buffer);
    dnb_scratch_close(s->scratch);
    dnb_free(s);
}
