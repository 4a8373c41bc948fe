/* The largest score a model could reach: given, or estimated from repeats of stimuli. */
#include <math.h>
#include <stdlib.h>

#include <dnnbrain/inference.h>

#include "study.h"

/* Of the same kind and selection as the responses, one row. */
static dnb_status read_ceiling(cli_study *s, cli_context *ctx, dnb_err *err)
{
    cli_responses given = {0};
    cli_brain b = s->args->brain;
    b.resp = s->args->ceiling;
    dnb_status status = cli_responses_read(&given, &b, "ceiling", ctx, err);
    if (status == DNB_OK && given.n * given.m != s->m_all)
        status = dnb_fail(err, DNB_ESHAPE, "%s holds %zu x %zu ceilings but %s %zu targets", b.resp,
                          given.n, given.m, s->target_path, s->m_all);
    for (size_t t = 0; t < s->m_all && status == DNB_OK; t++)
        s->ceiling[t] = given.y[t];
    cli_responses_release(&given);
    return status;
}

/* Every row is scored by itself, repeats too: the ceiling is that of a single measurement. */
static dnb_status estimate(cli_study *s, dnb_err *err)
{
    const dnb_column ids = {.name = (char *)"stimID", .kind = DNB_COLUMN_TEXT, .texts = s->ids};
    bool r = s->job.corr || s->job.scoring == DNB_SCORE_CORRELATION ||
             s->job.scoring == DNB_SCORE_SPEARMAN;
    cli_codes codes = {0};
    dnb_ceiling *list = calloc(s->m + 1, sizeof *list);
    s->ceiling_table = malloc(3 * s->m_all * sizeof *s->ceiling_table + 1);
    dnb_status status = list && s->ceiling_table
                            ? cli_codes_of(&codes, &ids, s->job.n, s->args->network.stim, err)
                            : dnb_fail(err, DNB_ENOMEM, "out of memory for %zu ceilings", s->m);
    if (status == DNB_OK)
        status = dnb_ceiling_run(list, s->y, s->job.n, s->m, codes.value, 0.95, err);
    for (size_t i = 0; i < 3 * s->m_all && status == DNB_OK; i++)
        s->ceiling_table[i] = NAN;
    for (size_t t = 0; t < s->m && status == DNB_OK; t++) {
        size_t at = s->varying[t];
        s->ceiling_table[3 * at] = list[t].single;
        s->ceiling_table[3 * at + 1] = list[t].reliability.value;
        s->ceiling_table[3 * at + 2] = list[t].r.value;
        s->ceiling[at] = r ? sqrt(fmax(list[t].single, 0)) : list[t].single;
    }
    cli_codes_release(&codes);
    free(list);
    return status;
}

dnb_status cli_study_ceiling(cli_study *s, cli_context *ctx, dnb_err *err)
{
    bool repeats = s->job.repeats && s->y && s->job.scoring != DNB_SCORE_NEG_MSE;
    if (!s->responses || s->decoding || (!s->args->ceiling && !repeats))
        return DNB_OK;
    s->ceiling = malloc(s->m_all * sizeof *s->ceiling + 1);
    if (!s->ceiling)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for %zu ceilings", s->m_all);
    for (size_t t = 0; t < s->m_all; t++)
        s->ceiling[t] = NAN;
    return s->args->ceiling ? read_ceiling(s, ctx, err) : estimate(s, err);
}
