/* .roi.h5: signals of regions of interest. */
#include "dnnbrain/roifile.h"

#include <string.h>

#include "base/mem.h"
#include "base/near_name.h"
#include "data/h5_stream.h"

#define DATA "data"

void dnb_roi_release(dnb_roi *r)
{
    dnb_h5_free_texts(r->names, r->n_roi);
    dnb_free(r->data);
    dnb_free(r->provenance);
    *r = (dnb_roi){0};
}

/* Data for r's n_vol and n_roi, zeroed. */
static dnb_status make_data(dnb_roi *r, dnb_err *err)
{
    size_t items;
    if (r->n_vol == 0 || r->n_roi == 0)
        return dnb_fail(err, DNB_EARG, "a ROI table needs at least one volume and one ROI");
    if (!dnb_mul_size(&items, r->n_vol, r->n_roi))
        return dnb_fail(err, DNB_ENOMEM, "a ROI table of %zu volumes x %zu ROIs is too large",
                        r->n_vol, r->n_roi);
    r->data = dnb_calloc(items, sizeof *r->data);
    return r->data ? DNB_OK : dnb_fail_memory(err, "ROI table", items * sizeof *r->data);
}

dnb_status dnb_roi_init(dnb_roi *out, size_t n_vol, size_t n_roi, const char *const *names,
                        dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_roi r = {.n_vol = n_vol, .n_roi = n_roi};
    DNB_TRY(make_data(&r, err));
    DNB_NEW(r.names, n_roi, "ROI names");
    for (size_t i = 0; i < n_roi; i++) {
        r.names[i] = dnb_strdup(names[i]);
        if (!r.names[i]) {
            status = dnb_fail_memory(err, "ROI names", strlen(names[i]) + 1);
            goto done;
        }
    }
    *out = r;
    r = (dnb_roi){0};
done:
    dnb_roi_release(&r);
    return status;
}

/* The dataset `data` as n_vol x n_roi. */
static dnb_status find_data(dnb_h5_file *f, dnb_roi *r, size_t *at, dnb_err *err)
{
    if (dnb_h5_find(f, "dataset", DATA, at, NULL) != DNB_OK)
        return dnb_fail(err, DNB_EFORMAT,
                        "%s: no dataset 'data' (the signals, n_vol x n_roi); not a .roi.h5 file",
                        f->path);
    const dnb_h5_set *s = &f->sets[*at];
    if (s->ndim > 2)
        return dnb_fail(err, DNB_EFORMAT,
                        "%s: dataset 'data' has %d dimensions, expected n_vol x n_roi", f->path,
                        s->ndim);
    r->n_vol = s->shape[0];
    if (s->shape[1] != r->n_roi)
        return dnb_fail(err, DNB_EFORMAT,
                        "%s: attribute 'roi' names %zu ROIs, dataset 'data' has %zu columns",
                        f->path, r->n_roi, s->shape[1]);
    return DNB_OK;
}

dnb_status dnb_roi_read(dnb_roi *out, const char *path, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_h5_file *f = NULL;
    dnb_roi r = {0};
    size_t at = 0;
    DNB_TRY(dnb_h5_open(&f, path, ".roi.h5", DATA, err));
    status = dnb_h5_get_texts(f, "roi", &r.names, &r.n_roi, err);
    if (status == DNB_ENOTFOUND)
        status = dnb_fail(err, DNB_EFORMAT,
                          "%s: no root attribute 'roi' (the ROI names); not a .roi.h5 file", path);
    if (status != DNB_OK)
        goto done;
    DNB_TRY(find_data(f, &r, &at, err));
    DNB_TRY(make_data(&r, err));
    dnb_h5_range all = {.n = r.n_vol, .n_unit = r.n_roi};
    DNB_TRY(dnb_h5_read(f, at, all, DNB_F64, r.data, err));
    DNB_TRY(dnb_h5_get_text(f, "provenance", &r.provenance, err));
    *out = r;
    r = (dnb_roi){0};
done:
    dnb_h5_file_close(f);
    dnb_roi_release(&r);
    return status;
}

dnb_status dnb_roi_write(const dnb_roi *r, const char *path, const dnb_save_options *options,
                         dnb_err *err)
{
    dnb_h5_stream *s = NULL;
    dnb_h5_plan plan = {.name = DATA, .ndim = 2, .rows = r->n_vol, .shape = {r->n_roi, 1, 1}};
    dnb_h5_job job = {.path = path,
                      .n = 1,
                      .plans = &plan,
                      .type = DNB_F64,
                      .what = "dataset",
                      .row = "volumes",
                      .compress = options ? options->compress : 0,
                      .roi = (const char *const *)r->names,
                      .n_roi = r->n_roi};
    const char *provenance = options && options->provenance ? options->provenance : r->provenance;
    dnb_status status = dnb_h5_stream_open(&s, &job, NULL, err);
    if (status == DNB_OK)
        status = dnb_h5_stream_push(s, 0, 0, r->n_vol, r->data, err);
    if (status != DNB_OK) {
        dnb_h5_stream_abort(s, false);
        return status;
    }
    return dnb_h5_stream_commit(s, provenance, err);
}

dnb_status dnb_roi_find(const dnb_roi *r, const char *name, size_t *index, const char *where,
                        dnb_err *err)
{
    for (size_t i = 0; i < r->n_roi; i++)
        if (strcmp(r->names[i], name) == 0) {
            *index = i;
            return DNB_OK;
        }
    dnb_status status =
        dnb_fail(err, DNB_ENOTFOUND, "%s: no ROI '%.200s'", where ? where : "ROI table", name);
    return dnb_fail_suggest(err, status, name, (const char *const *)r->names, r->n_roi);
}
