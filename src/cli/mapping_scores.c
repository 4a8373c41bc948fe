/* Room for scores, and the multivariate runs. */
#include "mapping_scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <dnnbrain/inference.h>

void cli_scores_release(cli_scores *s)
{
    free(s->score);
    free(s->mean);
    free(s->place);
    free(s->confusion);
    free(s->p);
    free(s->p_max);
    free(s->q);
    free(s->p_family);
    free(s->low);
    free(s->high);
    free(s->pooled);
    free(s->penalty);
    free(s->unique);
    *s = (cli_scores){0};
}

void cli_best_release(cli_best *b)
{
    free(b->layer);
    free(b->score);
    free(b->mean);
    free(b->mode);
    free(b->p);
    free(b->p_max);
    free(b->q);
    *b = (cli_best){0};
}

static double *numbers(size_t n)
{
    return calloc(n + 1, sizeof(double));
}

dnb_status cli_scores_init(cli_scores *out, const cli_layer *layer, dnb_iteraxis axis, size_t m,
                           size_t n_classes, const cli_job *job, size_t memory, dnb_err *err)
{
    cli_scores s = {.layer = layer->name,
                    .n_iter = cli_layer_parts(layer, axis),
                    .m = m,
                    .k = job->corr ? 1 : job->folds.k,
                    .n_classes = n_classes};
    size_t cells = s.n_iter * m, square = n_classes * n_classes;
    double bytes = 8.0 * (double)s.n_iter * (double)m *
                   ((double)s.k * (1 + (double)square) + (job->uv ? 4 : 1) +
                    (job->args->permute ? 4 : 0) + (job->args->boot ? 3 : 0));
    bool ok = true;
    if (bytes > (double)memory)
        return dnb_fail(err, DNB_ENOMEM,
                        "layer %s: scores of %zu iterations and %zu targets take %.1f MB and the "
                        "memory budget leaves %.1f MB; raise --memory or take fewer targets",
                        layer->name, s.n_iter, m, bytes / 1e6, (double)memory / 1e6);
    ok &= (s.score = numbers(cells * s.k)) != NULL;
    ok &= (s.mean = numbers(cells)) != NULL;
    if (job->uv)
        ok &= (s.place = calloc(3 * cells + 1, sizeof *s.place)) != NULL;
    if (n_classes)
        ok &= (s.confusion = numbers(cells * s.k * square)) != NULL;
    if (job->args->permute)
        ok &= (s.p = numbers(cells)) && (s.p_max = numbers(cells)) && (s.q = numbers(cells));
    if (job->args->boot)
        ok &= (s.low = numbers(cells)) && (s.high = numbers(cells)) && (s.pooled = numbers(cells));
    if (ok) {
        *out = s;
        return DNB_OK;
    }
    cli_scores_release(&s);
    return dnb_fail(err, DNB_ENOMEM, "layer %s: out of memory for its scores", layer->name);
}

/* `blocks` x from x width numbers become blocks x m x width. */
static bool spread(double **slot, size_t blocks, size_t from, const size_t *varying, size_t m,
                   size_t width, double fill)
{
    double *old = *slot, *wide = old ? numbers(blocks * m * width) : NULL;
    if (!wide)
        return !old;
    for (size_t i = 0; i < blocks * m * width; i++)
        wide[i] = fill;
    for (size_t b = 0; b < blocks; b++)
        for (size_t t = 0; t < from; t++)
            memcpy(wide + (b * m + varying[t]) * width, old + (b * from + t) * width,
                   width * sizeof *wide);
    free(old);
    *slot = wide;
    return true;
}

/* The same of places and layers; the others are 0. */
static bool spread_whole(int64_t **slot, size_t blocks, size_t from, const size_t *varying,
                         size_t m, size_t width)
{
    int64_t *old = *slot, *wide = old ? calloc(blocks * m * width + 1, sizeof *wide) : NULL;
    if (!wide)
        return !old;
    for (size_t b = 0; b < blocks; b++)
        for (size_t t = 0; t < from; t++)
            memcpy(wide + (b * m + varying[t]) * width, old + (b * from + t) * width,
                   width * sizeof *wide);
    free(old);
    *slot = wide;
    return true;
}

dnb_status cli_scores_spread(cli_scores *s, const size_t *varying, size_t m, dnb_err *err)
{
    size_t n = s->n_iter, from = s->m;
    bool ok = spread(&s->score, n, from, varying, m, s->k, 0);
    ok &= spread(&s->mean, n, from, varying, m, 1, 0);
    ok &= spread_whole(&s->place, n, from, varying, m, 3);
    ok &= spread(&s->p, n, from, varying, m, 1, 1);
    ok &= spread(&s->p_max, n, from, varying, m, 1, 1);
    ok &= spread(&s->q, n, from, varying, m, 1, 1);
    ok &= spread(&s->p_family, n, from, varying, m, 1, 1);
    ok &= spread(&s->low, n, from, varying, m, 1, NAN);
    ok &= spread(&s->high, n, from, varying, m, 1, NAN);
    ok &= spread(&s->pooled, n, from, varying, m, 1, 0);
    s->m = m;
    return ok ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory for %zu targets", m);
}

dnb_status cli_best_spread(cli_best *b, const size_t *varying, size_t m, dnb_err *err)
{
    size_t from = b->m;
    bool ok = spread_whole(&b->layer, 1, from, varying, m, b->k);
    ok &= spread(&b->score, 1, from, varying, m, b->k, 0);
    ok &= spread(&b->mean, 1, from, varying, m, 1, 0);
    ok &= spread_whole(&b->mode, 1, from, varying, m, 1);
    ok &= spread(&b->p, 1, from, varying, m, 1, 1);
    ok &= spread(&b->p_max, 1, from, varying, m, 1, 1);
    ok &= spread(&b->q, 1, from, varying, m, 1, 1);
    b->m = m;
    return ok ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory for %zu targets", m);
}

/* Part `iter` of s, targets first .. first + map->m - 1. */
static void take(cli_scores *s, size_t iter, size_t first, const dnb_mapping *map, size_t l)
{
    const dnb_mapping_scores *from = &map->layer[l];
    for (size_t t = 0; t < map->m; t++) {
        size_t cell = iter * s->m + first + t;
        for (size_t f = 0; f < s->k; f++)
            s->score[cell * s->k + f] = from->score[f * map->m + t];
        s->mean[cell] = from->mean[t];
        if (s->p && from->test.p) {
            s->p[cell] = from->test.p[t];
            s->p_max[cell] = from->test.p_max[t];
            s->q[cell] = from->test.q[t];
        }
        if (s->p_family && map->p_family)
            s->p_family[cell] = map->p_family[l * map->m + t];
    }
    size_t c = map->n_classes;
    for (size_t f = 0; s->confusion && from->confusion && f < s->k; f++)
        for (size_t i = 0; i < c; i++)
            memcpy(s->confusion +
                       (((iter * s->m + first) * s->k + f) * s->n_classes + i) * s->n_classes,
                   from->confusion + (f * c + i) * c, c * sizeof *from->confusion);
}

static dnb_status intervals(cli_scores *s, size_t iter, size_t first, const cli_job *job,
                            const dnb_mapping *map, size_t l, const cli_targets *t, size_t memory,
                            dnb_err *err)
{
    const dnb_mapping_scores *from = &map->layer[l];
    size_t at = iter * s->m + first;
    double *low = s->low + at, *high = s->high + at, *pooled = s->pooled + at;
    if (job->classify) {
        size_t hits = 0;
        for (size_t i = 0; i < map->n; i++)
            hits += from->said[i] == t->labels[i];
        dnb_interval one = dnb_proportion_interval(hits, map->n, 0.95);
        *low = one.lo;
        *high = one.hi;
        *pooled = one.value;
        return DNB_OK;
    }
    dnb_bootstrap_options o = {.scoring = job->scoring,
                               .n_boot = (size_t)job->args->boot,
                               .seed = (uint64_t)job->args->seed,
                               .groups = job->groups.value,
                               .memory = memory};
    dnb_interval *list = calloc(map->m + 1, sizeof *list);
    if (!list)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for %zu intervals", map->m);
    dnb_status status =
        dnb_score_interval_run(list, t->y, from->prediction, map->n, map->m, &o, err);
    for (size_t k = 0; k < map->m && status == DNB_OK; k++) {
        low[k] = list[k].lo;
        high[k] = list[k].hi;
        pooled[k] = list[k].value;
    }
    free(list);
    return status;
}

static dnb_status take_best(cli_best *b, const dnb_mapping *map, dnb_err *err)
{
    const dnb_mapping_best *from = &map->best;
    size_t m = map->m, k = map->k;
    *b = (cli_best){.m = m, .k = k, .n_layers = map->n_layers};
    bool ok = (b->layer = calloc(m * k + 1, sizeof *b->layer)) && (b->score = numbers(m * k)) &&
              (b->mean = numbers(m)) && (b->mode = calloc(m + 1, sizeof *b->mode));
    if (ok && from->test.p)
        ok = (b->p = numbers(m)) && (b->p_max = numbers(m)) && (b->q = numbers(m));
    if (!ok)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for the best layers");
    for (size_t t = 0; t < m; t++) {
        for (size_t f = 0; f < k; f++) {
            b->layer[t * k + f] = (int64_t)from->layer[f * m + t] + 1;
            b->score[t * k + f] = from->score[f * m + t];
        }
        b->mean[t] = from->mean[t];
        b->mode[t] = (int64_t)from->mode[t] + 1;
        if (b->p) {
            b->p[t] = from->test.p[t];
            b->p_max[t] = from->test.p_max[t];
            b->q[t] = from->test.q[t];
        }
    }
    return DNB_OK;
}

static dnb_status run_whole(cli_scores *s, cli_best *best, size_t first, const cli_job *job,
                            cli_layer *layers, size_t n_layers, const cli_targets *t, size_t memory,
                            cli_context *ctx, dnb_err *err)
{
    dnb_mapping map = {0};
    dnb_mapping_options o;
    dnb_mapping_layer *list = calloc(n_layers + 1, sizeof *list);
    dnb_status status =
        list ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory for %zu layers", n_layers);
    for (size_t l = 0; l < n_layers && status == DNB_OK; l++)
        list[l] = (dnb_mapping_layer){layers[l].name, layers[l].rows};
    cli_job_options(&o, job, memory, ctx);
    o.choose_layer = best != NULL;
    if (status == DNB_OK)
        status = dnb_mapping_run(&map, list, n_layers, t->y, t->labels, t->m, &o, err);
    for (size_t l = 0; l < n_layers && status == DNB_OK; l++) {
        if (map.p_family && !s[l].p_family && !(s[l].p_family = numbers(s[l].n_iter * s[l].m)))
            status = dnb_fail(err, DNB_ENOMEM, "out of memory for p-values");
        if (status == DNB_OK)
            take(&s[l], 0, first, &map, l);
        if (status == DNB_OK && s[l].low)
            status = intervals(&s[l], 0, first, job, &map, l, t, memory, err);
    }
    if (status == DNB_OK && best)
        status = take_best(best, &map, err);
    dnb_mapping_release(&map);
    free(list);
    return status;
}

static dnb_status run_parts(cli_scores *s, size_t first, const cli_job *job, cli_layer *layer,
                            dnb_iteraxis axis, const cli_targets *t, size_t memory,
                            cli_context *ctx, dnb_err *err)
{
    dnb_mapping_options o;
    dnb_progress quiet = {.cancelled = ctx->progress.cancelled, .ctx = ctx};
    dnb_status status = DNB_OK;
    cli_job_options(&o, job, memory, ctx);
    o.progress = &quiet;
    for (size_t part = 0; part < s->n_iter && status == DNB_OK; part++) {
        dnb_mapping map = {0};
        dnb_mapping_layer one = {.name = layer->name};
        if (ctx->progress.report)
            ctx->progress.report(ctx, layer->name, part, s->n_iter);
        status = cli_layer_part(&one.x, layer, axis, part, err);
        if (status == DNB_OK)
            status = dnb_mapping_run(&map, &one, 1, t->y, t->labels, t->m, &o, err);
        if (status == DNB_OK)
            take(s, part, first, &map, 0);
        if (status == DNB_OK && s->low)
            status = intervals(s, part, first, job, &map, 0, t, memory, err);
        dnb_mapping_release(&map);
    }
    return status;
}

/* Do all layers fit the budget together? */
static bool fit_together(const cli_job *job, const cli_layer *layers, size_t n_layers,
                         const cli_targets *t, size_t memory)
{
    dnb_mapping_options o;
    size_t bytes = 0;
    dnb_mapping_layer *list = calloc(n_layers + 1, sizeof *list);
    for (size_t l = 0; list && l < n_layers; l++)
        list[l] = (dnb_mapping_layer){layers[l].name, layers[l].rows};
    cli_job_options(&o, job, memory, NULL);
    dnb_status status =
        list ? dnb_mapping_plan_bytes(&bytes, list, n_layers, t->m, &o, NULL) : DNB_ENOMEM;
    free(list);
    return status != DNB_ENOMEM; /* other failures are the run's to report */
}

dnb_status cli_scores_mv(cli_scores *s, cli_best *best, size_t first, const cli_job *job,
                         cli_layer *layers, size_t n_layers, dnb_iteraxis axis,
                         const cli_targets *t, size_t memory, cli_context *ctx, dnb_err *err)
{
    dnb_status status = DNB_OK;
    bool whole = best || n_layers == 1 || fit_together(job, layers, n_layers, t, memory);
    if (axis == DNB_ITER_NONE && whole)
        return run_whole(s, best, first, job, layers, n_layers, t, memory, ctx, err);
    if (axis == DNB_ITER_NONE)
        cli_say(ctx, "layers are taken one by one, since together they exceed the memory budget%s",
                job->args->permute ? ": no p_family" : "");
    for (size_t l = 0; l < n_layers && status == DNB_OK; l++)
        status = axis == DNB_ITER_NONE
                     ? run_whole(&s[l], NULL, first, job, &layers[l], 1, t, memory, ctx, err)
                     : run_parts(&s[l], first, job, &layers[l], axis, t, memory, ctx, err);
    return status;
}
