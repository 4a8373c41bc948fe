/* The pass over the stimuli: byte plan, image batches, forward passes, units, sinks. */
#include "dnnbrain/scan.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/progress.h"
#include "dnnbrain/image.h"

/* Beyond this many stimuli at a time no network gains speed, only memory is lost. */
enum { LARGEST_BATCH = 32 };

/* One requested layer: its shape in the network and after unit selection and pooling. */
typedef struct tap {
    size_t raw_shape[3], raw_units;
    size_t picked_shape[3], picked_units;
    dnb_scan_layer seen; /* by the sinks */
    size_t seen_units;
    const dnb_select *units;
} tap;

typedef struct scan {
    const dnb_net *net;
    const dnb_scan_options *options;
    dnb_sink *const *sinks;
    size_t n_sinks;
    size_t n_taps, n_stimuli;
    tap *taps;
    dnb_scan_layer *layers; /* copies of taps[].seen, for the sinks */
    const char **names;
    size_t work_units; /* floats per stimulus of the largest intermediate */
    bool behind;       /* the sinks take a batch while the next one is computed */
    size_t tap_sets;   /* 2 = it is computed beside the one being taken */
    dnb_scan_plan plan;
} scan;

static void scan_release(scan *s)
{
    dnb_free(s->taps);
    dnb_free(s->layers);
    dnb_free(s->names);
}

static dnb_status units_of(size_t *units, const size_t shape[3], const char *layer, dnb_err *err)
{
    if (!dnb_mul_size(units, shape[0], shape[1]) || !dnb_mul_size(units, *units, shape[2]))
        return dnb_fail(err, DNB_ESHAPE, "layer %s: %zux%zux%zu units are too many", layer,
                        shape[0], shape[1], shape[2]);
    return DNB_OK;
}

static dnb_status resolve_tap(scan *s, tap *t, const dnb_scan_request *request, dnb_err *err)
{
    dnb_status status = dnb_net_layer_shape(s->net, request->layer, t->raw_shape, err);
    if (status == DNB_OK)
        status = units_of(&t->raw_units, t->raw_shape, request->layer, err);
    if (status != DNB_OK)
        return status;
    t->units = request->units;
    memcpy(t->picked_shape, t->raw_shape, sizeof t->raw_shape);
    if (t->units)
        memcpy(t->picked_shape, t->units->n, sizeof t->picked_shape);
    status = units_of(&t->picked_units, t->picked_shape, request->layer, err);
    t->seen.name = request->layer;
    memcpy(t->seen.shape, t->picked_shape, sizeof t->picked_shape);
    t->seen_units = t->picked_units;
    if (s->options->pool) {
        t->seen.shape[1] = t->seen.shape[2] = 1;
        t->seen_units = t->seen.shape[0];
    }
    return status;
}

static dnb_status scan_init(scan *s, const dnb_scan_request *requests, size_t n, dnb_err *err)
{
    dnb_status status = DNB_OK;
    if (n == 0 || s->n_stimuli == 0)
        return dnb_fail(err, DNB_EARG, "nothing to scan: %zu layers, %zu stimuli", n, s->n_stimuli);
    s->n_taps = n;
    DNB_NEW(s->taps, n, "taps");
    DNB_NEW(s->layers, n, "taps");
    DNB_NEW(s->names, n, "taps");
    for (size_t i = 0; i < n; i++) {
        tap *t = &s->taps[i];
        DNB_TRY(resolve_tap(s, t, &requests[i], err));
        s->layers[i] = t->seen;
        s->names[i] = requests[i].layer;
        if (t->units && t->picked_units > s->work_units)
            s->work_units = t->picked_units;
        if (s->options->pool && t->seen_units > s->work_units)
            s->work_units = t->seen_units;
    }
    s->behind = s->work_units == 0; /* else selecting and pooling want all threads */
    for (size_t k = 0; k < s->n_sinks; k++)
        s->behind &= s->sinks[k]->behind;
done:
    return status;
}

static dnb_runner_options runner_options(const scan *s, size_t batch)
{
    return (dnb_runner_options){
        .batch = batch, .backend = s->options->backend, .precision = s->options->precision};
}

/* Is the first batch to be compared with float32? */
static bool compares(const scan *s)
{
    return s->options->error && s->options->precision != DNB_PRECISION_F32 &&
           dnb_precision_available(s->options->precision);
}

static size_t compared(size_t n)
{
    return n < DNB_SCAN_COMPARED ? n : DNB_SCAN_COMPARED;
}

/* Adds what comparing takes, for a moment: a float32 runner and its taps. */
static dnb_status add_comparison(const scan *s, size_t batch, size_t *bytes, dnb_err *err)
{
    dnb_runner_options ro = {.batch = compared(batch), .backend = s->options->backend};
    size_t own = 0, floats = 0, taps;
    dnb_status status = dnb_runner_plan_bytes(s->net, s->names, s->n_taps, &ro, &own, err);
    if (status != DNB_OK)
        return status;
    for (size_t i = 0; i < s->n_taps; i++)
        if (!dnb_add_size(&floats, floats, s->taps[i].raw_units))
            floats = SIZE_MAX;
    if (!dnb_mul_size(&taps, floats, ro.batch * sizeof(float)) ||
        !dnb_add_size(bytes, *bytes, own) || !dnb_add_size(bytes, *bytes, taps))
        return dnb_fail(err, DNB_ENOMEM, "the layers are too large");
    return DNB_OK;
}

/* Bytes of a scan at one batch size. Sizes were checked not to overflow one layer; sums of a few
 * layers of at most PTRDIFF_MAX / 4 are kept from wrapping by saturating. */
static dnb_status plan_at(scan *s, size_t batch, size_t sink_bytes, dnb_scan_plan *plan,
                          dnb_err *err)
{
    const dnb_input_spec *in = dnb_net_input_spec(s->net);
    dnb_runner_options ro = runner_options(s, batch);
    size_t floats = in->channels * in->height * in->width + 2 * s->work_units, bytes;
    dnb_status status =
        dnb_runner_plan_bytes(s->net, s->names, s->n_taps, &ro, &plan->network_bytes, err);
    if (status != DNB_OK)
        return status;
    for (size_t i = 0; i < s->n_taps; i++)
        if (!dnb_add_size(&floats, floats, s->taps[i].raw_units))
            return dnb_fail(err, DNB_ENOMEM, "the layers are too large");
    plan->network_bytes += dnb_net_bytes(s->net);
    /* The loader keeps up to one further batch of 8-bit images. */
    if (!dnb_mul_size(&bytes, floats, batch * sizeof(float)) ||
        !dnb_add_size(&bytes, bytes, batch * 3 * in->height * in->width) ||
        !dnb_add_size(&bytes, bytes, plan->network_bytes) ||
        !dnb_add_size(&bytes, bytes, sink_bytes))
        return dnb_fail(err, DNB_ENOMEM, "the layers are too large");
    if (compares(s)) {
        status = add_comparison(s, batch, &bytes, err);
        if (status != DNB_OK)
            return status;
    }
    plan->batch = batch;
    plan->bytes = bytes;
    return DNB_OK;
}

/* A batch that is not full costs as much as one that is: as few batches as the largest would make,
 * all of about one size. */
static size_t even_batch(size_t n_stimuli)
{
    size_t batches = (n_stimuli + LARGEST_BATCH - 1) / LARGEST_BATCH;
    return (n_stimuli + batches - 1) / batches;
}

/* Where memory allows, a second set of taps, so that computing does not wait for the sinks. */
static void plan_second_set(scan *s, size_t budget)
{
    size_t floats = 0, bytes;
    for (size_t i = 0; i < s->n_taps; i++)
        floats += s->taps[i].raw_units; /* plan_at has checked them */
    s->tap_sets = 1;
    if (!s->behind || s->plan.batch >= s->n_stimuli ||
        !dnb_mul_size(&bytes, floats, s->plan.batch * sizeof(float)) ||
        !dnb_add_size(&bytes, bytes, s->plan.bytes) || bytes > budget)
        return;
    s->tap_sets = 2;
    s->plan.bytes = bytes;
}

static dnb_status make_plan(scan *s, dnb_err *err)
{
    size_t budget = s->options->memory ? s->options->memory : dnb_memory_budget();
    size_t wanted = s->options->batch ? s->options->batch : even_batch(s->n_stimuli);
    size_t sink_bytes = 0;
    for (size_t i = 0; i < s->n_sinks; i++)
        if (s->sinks[i]->bytes)
            sink_bytes += s->sinks[i]->bytes(s->sinks[i], s->layers, s->n_taps, s->n_stimuli);
    if (wanted > s->n_stimuli)
        wanted = s->n_stimuli;
    for (size_t batch = wanted;; batch /= 2) {
        dnb_status status = plan_at(s, batch, sink_bytes, &s->plan, err);
        if (status != DNB_OK)
            return status;
        if (s->plan.bytes <= budget) {
            plan_second_set(s, budget);
            return DNB_OK;
        }
        if (batch == 1 || s->options->batch)
            return dnb_fail(
                err, DNB_ENOMEM,
                "a batch of %zu needs %.1f MB (network %.1f MB, results %.1f MB) and the memory "
                "budget is %.1f MB; raise --memory, name fewer layers or pool",
                batch, (double)s->plan.bytes / 1e6, (double)s->plan.network_bytes / 1e6,
                (double)sink_bytes / 1e6, (double)budget / 1e6);
    }
}

dnb_status dnb_scan_plan_make(dnb_scan_plan *plan, const dnb_net *net,
                              const dnb_scan_request *requests, size_t n_requests, size_t n_stimuli,
                              dnb_sink *const *sinks, size_t n_sinks,
                              const dnb_scan_options *options, dnb_err *err)
{
    static const dnb_scan_options defaults = {0};
    scan s = {.net = net,
              .n_stimuli = n_stimuli,
              .sinks = sinks,
              .n_sinks = n_sinks,
              .options = options ? options : &defaults};
    dnb_status status = scan_init(&s, requests, n_requests, err);
    if (status == DNB_OK)
        status = make_plan(&s, err);
    if (status == DNB_OK)
        *plan = s.plan;
    scan_release(&s);
    return status;
}

/* Selects and pools n stimuli of one tap: *out points at the values the sinks get. `work` holds two
 * areas of n x work_units. */
static dnb_status reduce_units(const scan *s, const tap *t, size_t n, const float *raw, float *work,
                               const float **out, dnb_err *err)
{
    const float *values = raw;
    if (t->units) {
        float *picked = work;
#pragma omp parallel for
        for (size_t i = 0; i < n; i++)
            dnb_select_apply(t->units, raw + i * t->raw_units, picked + i * t->picked_units);
        values = picked;
    }
    if (s->options->pool) {
        float *pooled = work + n * s->work_units;
        size_t area = t->picked_shape[1] * t->picked_shape[2];
        dnb_status status =
            dnb_pool_run(pooled, values, n * t->picked_shape[0], area, *s->options->pool, err);
        if (status != DNB_OK)
            return status;
        values = pooled;
    }
    *out = values;
    return DNB_OK;
}

/* A batch of activations on its way to the sinks. */
typedef struct delivery {
    const scan *s;
    size_t first, n;
    const size_t *resume;
    float *const *raw; /* per tap */
    float *work;
    pthread_t thread;
    bool under_way;
    dnb_status status;
    dnb_err err;
} delivery;

static dnb_status push_batch(const delivery *d, dnb_err *err)
{
    const scan *s = d->s;
    const size_t *resume = d->resume, first = d->first, n = d->n;
    for (size_t l = 0; l < s->n_taps; l++) {
        const tap *t = &s->taps[l];
        const float *values = NULL;
        dnb_status status = reduce_units(s, t, n, d->raw[l], d->work, &values, err);
        if (status != DNB_OK)
            return status;
        for (size_t k = 0; k < s->n_sinks; k++) {
            /* A sink that resumed further than the others skips what it has. */
            size_t skip = resume[k] > first ? resume[k] - first : 0;
            if (skip >= n)
                continue;
            status = s->sinks[k]->push(s->sinks[k], l, first + skip, n - skip,
                                       values + skip * t->seen_units, err);
            if (status != DNB_OK)
                return status;
        }
    }
    for (size_t k = 0; k < s->n_sinks; k++)
        if (s->sinks[k]->batch_done && first + n > resume[k]) {
            dnb_status status = s->sinks[k]->batch_done(s->sinks[k], first + n, err);
            if (status != DNB_OK)
                return status;
        }
    return DNB_OK;
}

static void *deliver(void *arg)
{
    delivery *d = arg;
    d->status = push_batch(d, &d->err);
    return NULL;
}

/* Waits for the batch on its way and says how it went. */
static dnb_status delivered(delivery *d, dnb_err *err)
{
    if (!d->under_way)
        return DNB_OK;
    pthread_join(d->thread, NULL);
    d->under_way = false;
    if (d->status != DNB_OK && err)
        *err = d->err;
    return d->status;
}

static dnb_status begin_sinks(scan *s, size_t *resume, size_t *start, dnb_err *err)
{
    *start = s->n_stimuli;
    for (size_t k = 0; k < s->n_sinks; k++) {
        resume[k] = 0;
        if (s->sinks[k]->begin) {
            dnb_status status = s->sinks[k]->begin(s->sinks[k], s->layers, s->n_taps, s->n_stimuli,
                                                   &resume[k], err);
            if (status != DNB_OK)
                return status;
        }
        if (resume[k] < *start)
            *start = resume[k];
    }
    return DNB_OK;
}

static dnb_image_prep prep_of(const dnb_input_spec *in)
{
    dnb_image_prep prep = {
        .height = in->height, .width = in->width, .bgr = in->bgr, .range = (float)in->range};
    for (int c = 0; c < 3; c++) {
        prep.mean[c] = (float)in->mean[c];
        prep.std[c] = (float)in->std[c];
    }
    return prep;
}

/* Buffers of the loop below. */
typedef struct buffers {
    float *input, *work;
    float **taps;  /* one set after the other */
    size_t n_taps; /* of all sets */
    dnb_image_loader *loader;
    dnb_runner *runner;
} buffers;

static void buffers_release(buffers *b)
{
    dnb_image_loader_free(b->loader);
    dnb_runner_free(b->runner);
    dnb_free(b->input);
    dnb_free(b->work);
    for (size_t i = 0; b->taps && i < b->n_taps; i++)
        dnb_free(b->taps[i]);
    dnb_free(b->taps);
}

static dnb_status buffers_init(buffers *b, scan *s, const char *const *paths, size_t start,
                               dnb_err *err)
{
    dnb_status status = DNB_OK;
    const dnb_input_spec *in = dnb_net_input_spec(s->net);
    size_t batch = s->plan.batch, pixels = in->channels * in->height * in->width;
    dnb_image_prep prep = prep_of(in);
    dnb_image_loader_options lo = {.threads = dnb_threads_get(), .queue = batch};
    dnb_runner_options ro = runner_options(s, batch);
    if (in->channels != 3) {
        status = dnb_fail(err, DNB_EUNSUPPORTED, "%s takes %zu input channels; images have 3",
                          dnb_net_name(s->net), in->channels);
        goto done;
    }
    DNB_TRY(dnb_image_loader_new(&b->loader, paths + start, s->n_stimuli - start, &prep, &lo, err));
    DNB_TRY(dnb_runner_new(&b->runner, s->net, s->names, s->n_taps, &ro, err));
    b->input = dnb_alloc_aligned(batch * pixels, sizeof(float));
    b->work = dnb_alloc_aligned(2 * batch, s->work_units * sizeof(float));
    if (!b->input || !b->work) {
        status = dnb_fail_memory(err, "a batch of images",
                                 batch * (pixels + 2 * s->work_units) * sizeof(float));
        goto done;
    }
    b->n_taps = s->tap_sets * s->n_taps;
    DNB_NEW(b->taps, b->n_taps, "taps");
    for (size_t i = 0; i < b->n_taps; i++) {
        size_t bytes = s->taps[i % s->n_taps].raw_units * sizeof(float);
        b->taps[i] = dnb_alloc_aligned(batch, bytes);
        if (!b->taps[i]) {
            status = dnb_fail_memory(err, s->names[i % s->n_taps], batch * bytes);
            goto done;
        }
    }
done:
    return status;
}

/* Compares the first set of taps. */
static dnb_status compare(const scan *s, const buffers *b, size_t n, dnb_err *err)
{
    dnb_runner_options ro = runner_options(s, n);
    return dnb_runner_error(s->options->error, s->net, s->names, s->n_taps, &ro, b->input, n,
                            (const float *const *)b->taps, err);
}

static dnb_status pass(scan *s, buffers *b, const size_t *resume, size_t start, char (*hash)[33],
                       dnb_err *err)
{
    const dnb_progress *progress = s->options->progress;
    dnb_status status = DNB_OK;
    delivery d = {.s = s, .resume = resume, .work = b->work};
    for (size_t at = start, round = 0; at < s->n_stimuli; at += d.n, round++) {
        size_t n = 0;
        float *const *taps = b->taps + round % s->tap_sets * s->n_taps;
        dnb_image_batch batch = {.n = s->plan.batch, .planes = b->input, .hash = hash + at};
        if (batch.n > s->n_stimuli - at)
            batch.n = s->n_stimuli - at;
        dnb_report(progress, "images", at, s->n_stimuli);
        DNB_TRY(dnb_check_cancel(progress, err));
        DNB_TRY(dnb_image_loader_read(b->loader, &batch, &n, err));
        if (s->tap_sets == 1)
            DNB_TRY(delivered(&d, err));
        DNB_TRY(dnb_runner_run(b->runner, b->input, n, taps, err));
        if (at == start && compares(s))
            DNB_TRY(compare(s, b, compared(n), err));
        DNB_TRY(delivered(&d, err));
        d.raw = taps;
        d.first = at;
        d.n = n;
        d.under_way = s->behind && pthread_create(&d.thread, NULL, deliver, &d) == 0;
        if (!d.under_way)
            DNB_TRY(push_batch(&d, err));
    }
    DNB_TRY(delivered(&d, err));
    dnb_report(progress, "images", s->n_stimuli, s->n_stimuli);
done:
    if (d.under_way) /* something else failed first and is reported */
        pthread_join(d.thread, NULL);
    return status;
}

dnb_status dnb_scan_run(const dnb_net *net, const char *const *paths, size_t n_stimuli,
                        const dnb_scan_request *requests, size_t n_requests, dnb_sink *const *sinks,
                        size_t n_sinks, const dnb_scan_options *options, char stimuli_hash[33],
                        dnb_err *err)
{
    static const dnb_scan_options defaults = {0};
    scan s = {.net = net,
              .n_stimuli = n_stimuli,
              .sinks = sinks,
              .n_sinks = n_sinks,
              .options = options ? options : &defaults};
    buffers b = {0};
    size_t *resume = NULL, start = 0;
    char(*hash)[33] = NULL;
    dnb_status status = scan_init(&s, requests, n_requests, err);
    if (status != DNB_OK)
        goto done;
    for (size_t i = 0; s.options->error && i < n_requests; i++)
        s.options->error[i] = -1;
    DNB_TRY(make_plan(&s, err));
    DNB_NEW(resume, n_sinks + 1, "sinks");
    hash = dnb_calloc(n_stimuli, sizeof *hash);
    if (!hash) {
        status = dnb_fail_memory(err, "hashes", n_stimuli * sizeof *hash);
        goto done;
    }
    DNB_TRY(begin_sinks(&s, resume, &start, err));
    if (start < n_stimuli) {
        DNB_TRY(buffers_init(&b, &s, paths, start, err));
        DNB_TRY(pass(&s, &b, resume, start, hash, err));
    }
    for (size_t k = 0; k < n_sinks; k++)
        if (sinks[k]->end)
            DNB_TRY(sinks[k]->end(sinks[k], err));
    if (stimuli_hash) {
        for (size_t i = 0; i < start; i++) /* images an earlier run has been through */
            DNB_TRY(dnb_hash_file(paths[i], hash[i], err));
        dnb_hash_bytes(hash, n_stimuli * sizeof *hash, stimuli_hash);
    }
done:
    buffers_release(&b);
    scan_release(&s);
    dnb_free(resume);
    dnb_free(hash);
    return status;
}
