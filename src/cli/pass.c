/* A command's stimuli through its network. */
#include "pass.h"

#include <stdlib.h>
#include <string.h>

dnb_scan_layer cli_pass_layer(const cli_pass *pass, size_t i)
{
    dnb_scan_layer layer = {.name = pass->units->names[i]};
    memcpy(layer.shape, pass->units->selects[i].n, sizeof layer.shape);
    if (pass->pool)
        layer.shape[1] = layer.shape[2] = 1;
    return layer;
}

/* What dnb_scan_plan_make and dnb_scan_run both take. */
typedef struct job {
    dnb_scan_request *requests;
    double *error;
    dnb_scan_options o;
    dnb_pool_kind pool;
} job;

static void job_release(job *j)
{
    free(j->requests);
    free(j->error);
}

static dnb_status job_init(job *j, const cli_pass *p, cli_context *ctx, dnb_err *err)
{
    *j = (job){.o = {.batch = p->batch,
                     .memory = ctx->memory,
                     .progress = &ctx->progress,
                     .precision = p->precision,
                     .backend = p->backend}};
    dnb_status status = DNB_OK;
    if (p->pool) {
        status = dnb_pool_parse(&j->pool, p->pool, err);
        j->o.pool = &j->pool;
    }
    if (status != DNB_OK)
        return status;
    j->requests = calloc(p->units->n, sizeof *j->requests);
    j->o.error = j->error = calloc(p->units->n, sizeof *j->error);
    if (!j->requests || !j->error)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for %zu layers", p->units->n);
    for (size_t i = 0; i < p->units->n; i++) {
        const dnb_select *s = &p->units->selects[i];
        j->requests[i] = (dnb_scan_request){.layer = p->units->names[i],
                                            .units = dnb_select_is_all(s) ? NULL : s};
    }
    return DNB_OK;
}

dnb_status cli_pass_plan(dnb_scan_plan *plan, const cli_pass *p, dnb_sink *sink, cli_context *ctx,
                         dnb_err *err)
{
    job j;
    dnb_status status = job_init(&j, p, ctx, err);
    if (status == DNB_OK)
        status = dnb_scan_plan_make(plan, p->net, j.requests, p->units->n, p->images->n, &sink, 1,
                                    &j.o, err);
    job_release(&j);
    return status;
}

dnb_status cli_pass_run(const cli_pass *p, dnb_sink *sink, cli_context *ctx, dnb_err *err)
{
    job j;
    char hash[33];
    dnb_status status = job_init(&j, p, ctx, err);
    if (status == DNB_OK)
        status = dnb_scan_run(p->net, (const char *const *)p->images->paths, p->images->n,
                              j.requests, p->units->n, &sink, 1, &j.o, hash, err);
    if (status == DNB_OK)
        status = dnb_provenance_set(ctx->provenance, "stimuli_xxh128", hash, err);
    if (status == DNB_OK)
        status = cli_precision_record(p->precision, (const char *const *)p->units->names, j.error,
                                      p->units->n, ctx, err);
    job_release(&j);
    return status;
}
