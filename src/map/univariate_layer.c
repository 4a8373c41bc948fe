/* Univariate mapping of a layer: the whole, or each channel or position by itself. */
#include "base/mem.h"
#include "base/progress.h"
#include "map/actsource.h"
#include "map/univariate_own.h"

void dnb_univariate_list_free(dnb_univariate *list, size_t n)
{
    for (size_t i = 0; list && i < n; i++)
        dnb_univariate_release(&list[i]);
    dnb_free(list);
}

typedef struct job {
    dnb_actsource *s;
    dnb_iteraxis axis;
    const double *y;
    size_t m, n_parts;
    const dnb_univariate_options *o;
    size_t budget;
} job;

/* Where unit j of a part stands among the layer's. */
static size_t unit_of(const job *b, size_t part, size_t j)
{
    return b->axis == DNB_ITER_CHANNEL   ? part * b->s->area + j
           : b->axis == DNB_ITER_ROW_COL ? j * b->s->area + part
                                         : j;
}

static dnb_status run_part(dnb_univariate *out, const job *b, const dnb_rows *rows, size_t part,
                           dnb_err *err)
{
    dnb_univariate_options o = *b->o;
    dnb_progress quiet = {0};
    if (o.progress && b->n_parts > 1) {
        quiet.cancelled = o.progress->cancelled;
        quiet.ctx = o.progress->ctx;
        o.progress = &quiet;
    }
    o.memory = b->budget / 2;
    if (o.all)
        o.all += part * rows->d * b->m;
    dnb_status status = dnb_univariate_run(out, rows, b->y, b->m, &o, err);
    if (status != DNB_OK)
        return b->n_parts > 1 ? dnb_fail_prefix(err, status, "layer %s, part %zu", b->s->name, part)
                              : dnb_fail_prefix(err, status, "layer %s", b->s->name);
    for (size_t t = 0; t < b->m; t++)
        out->unit[t] = unit_of(b, part, out->unit[t]);
    return DNB_OK;
}

/* Parts are read together as far as half the budget goes. */
static dnb_status run_parts(dnb_univariate *list, const job *b, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_actsource *s = b->s;
    const size_t width = s->d / b->n_parts;
    size_t step = 0;
    float *values = NULL;
    DNB_TRY(dnb_actsource_fit(&step, s, b->n_parts, b->budget, err));
    values = dnb_alloc_aligned(s->n * width, step * sizeof *values);
    if (!values) {
        status = dnb_fail_memory(err, "patterns", s->n * width * step * sizeof *values);
        goto done;
    }
    for (size_t k = 0; k < b->n_parts; k += step) {
        size_t count = b->n_parts - k < step ? b->n_parts - k : step;
        dnb_window w = dnb_actsource_window(s, b->axis, k, count);
        DNB_TRY(dnb_actsource_read(s, &w, b->axis == DNB_ITER_ROW_COL, values,
                                   b->n_parts > step ? NULL : b->o->progress, err));
        for (size_t i = 0; i < count; i++) {
            dnb_rows rows = {.n = s->n,
                             .d = width,
                             .dtype = DNB_F32,
                             .data = values + i * width,
                             .stride = width * count};
            if (b->n_parts > 1)
                dnb_report(b->o->progress, "parts", k + i, b->n_parts);
            DNB_TRY(run_part(&list[k + i], b, &rows, k + i, err));
        }
    }
done:
    dnb_free(values);
    return status;
}

static dnb_status run_source(dnb_univariate **out, size_t *n_parts, dnb_actsource *s,
                             dnb_iteraxis axis, const double *y, size_t n, size_t m,
                             const dnb_univariate_options *opt, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_univariate *list = NULL;
    dnb_rows rows;
    job b = {.s = s, .axis = axis, .y = y, .m = m, .o = opt, .n_parts = 0};
    b.budget = opt->memory ? opt->memory : dnb_memory_budget();
    if (s->n != n)
        return dnb_fail(err, DNB_ESHAPE, "layer %s has %zu rows, the targets have %zu", s->name,
                        s->n, n);
    if (s->d == 0)
        return dnb_fail(err, DNB_EARG, "layer %s: no units are selected", s->name);
    if (opt->all && axis == DNB_ITER_ROW_COL)
        return dnb_fail(err, DNB_EARG,
                        "scores of all pairs are not kept when iterating over positions");
    b.n_parts = dnb_actsource_parts(s, axis);
    DNB_NEW(list, b.n_parts, "scores");
    if (axis == DNB_ITER_NONE && dnb_actsource_rows(&rows, s))
        DNB_TRY(run_part(&list[0], &b, &rows, 0, err));
    else
        DNB_TRY(run_parts(list, &b, err));
    *out = list;
    *n_parts = b.n_parts;
    list = NULL;
done:
    dnb_univariate_list_free(list, b.n_parts);
    return status;
}

dnb_status dnb_univariate_of_layer(dnb_univariate **out, size_t *n_parts, dnb_actfile *file,
                                   size_t layer, const dnb_select *units, const dnb_groups *groups,
                                   dnb_iteraxis iteraxis, const double *y, size_t n, size_t m,
                                   const dnb_univariate_options *opt, dnb_err *err)
{
    dnb_actsource s;
    dnb_status status = dnb_actsource_init(&s, file, layer, units, groups, err);
    if (status == DNB_OK)
        status = run_source(out, n_parts, &s, iteraxis, y, n, m, opt, err);
    dnb_actsource_release(&s);
    return status;
}

dnb_status dnb_univariate_of_rows(dnb_univariate **out, size_t *n_parts, const char *name,
                                  const dnb_rows *rows, const size_t shape[3],
                                  const dnb_groups *groups, dnb_iteraxis iteraxis, const double *y,
                                  size_t n, size_t m, const dnb_univariate_options *opt,
                                  dnb_err *err)
{
    dnb_actsource s;
    dnb_status status = dnb_actsource_init_rows(&s, name, rows, shape, groups, err);
    if (status == DNB_OK)
        status = run_source(out, n_parts, &s, iteraxis, y, n, m, opt, err);
    dnb_actsource_release(&s);
    return status;
}
