/* .rdm.h5: representational dissimilarity matrices. */
#include "dnnbrain/rdmfile.h"

#include <string.h>

#include "base/mem.h"
#include "data/h5_stream.h"

static const char *const type_names[] = {[DNB_BRDM] = "bRDM", [DNB_DRDM] = "dRDM"};

struct dnb_rdmfile {
    dnb_h5_file *h5;
    dnb_rdm_type type;
    dnb_rdm_entry *entries;
    char *provenance;
};

struct dnb_rdmwriter {
    dnb_h5_stream *stream;
    char *provenance;
};

static dnb_status read_type(dnb_rdmfile *f, dnb_err *err)
{
    dnb_status status = DNB_OK;
    char *text = NULL;
    DNB_TRY(dnb_h5_get_text(f->h5, "type", &text, err));
    if (text && strcmp(text, type_names[DNB_BRDM]) == 0)
        f->type = DNB_BRDM;
    else if (text && strcmp(text, type_names[DNB_DRDM]) == 0)
        f->type = DNB_DRDM;
    else
        status = dnb_fail(err, DNB_EFORMAT,
                          "%s: root attribute 'type' is %s%.40s%s, expected bRDM or dRDM; not a "
                          ".rdm.h5 file",
                          f->h5->path, text ? "'" : "missing", text ? text : "", text ? "'" : "");
done:
    dnb_free(text);
    return status;
}

/* One dataset as an entry of the file's type. */
static dnb_status read_entry(dnb_rdmfile *f, size_t i, dnb_err *err)
{
    const dnb_h5_set *s = &f->h5->sets[i];
    int ndim = f->type == DNB_BRDM ? 1 : 2;
    if (s->ndim != ndim)
        return dnb_fail(err, DNB_EFORMAT, "%s: '%.200s' has %d dimensions; a %s has %s",
                        f->h5->path, s->name, s->ndim, type_names[f->type],
                        ndim == 1 ? "one (the upper triangle)" : "two (RDMs x pairs)");
    f->entries[i] = (dnb_rdm_entry){
        .key = s->name, .n_iter = ndim == 1 ? 1 : s->shape[0], .n_pairs = s->shape[ndim - 1]};
    if (dnb_condensed_order(f->entries[i].n_pairs) < 2)
        return dnb_fail(err, DNB_EFORMAT,
                        "%s: '%.200s' has %zu pairs, which is n(n-1)/2 for no number of "
                        "conditions",
                        f->h5->path, s->name, f->entries[i].n_pairs);
    return DNB_OK;
}

dnb_status dnb_rdmfile_open(dnb_rdmfile **out, const char *path, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_rdmfile *f = NULL;
    DNB_NEW(f, 1, "RDM file");
    DNB_TRY(dnb_h5_open(&f->h5, path, ".rdm.h5", NULL, err));
    DNB_TRY(read_type(f, err));
    if (f->h5->n == 0) {
        status = dnb_fail(err, DNB_EFORMAT, "%s: holds no RDM (no dataset)", path);
        goto done;
    }
    DNB_NEW(f->entries, f->h5->n, "RDM list");
    for (size_t i = 0; i < f->h5->n; i++)
        DNB_TRY(read_entry(f, i, err));
    DNB_TRY(dnb_h5_get_text(f->h5, "provenance", &f->provenance, err));
    *out = f;
    f = NULL;
done:
    dnb_rdmfile_close(f);
    return status;
}

void dnb_rdmfile_close(dnb_rdmfile *f)
{
    if (!f)
        return;
    dnb_h5_file_close(f->h5);
    dnb_free(f->entries);
    dnb_free(f->provenance);
    dnb_free(f);
}

dnb_rdm_type dnb_rdmfile_type(const dnb_rdmfile *f)
{
    return f->type;
}

size_t dnb_rdmfile_count(const dnb_rdmfile *f)
{
    return f->h5->n;
}

const dnb_rdm_entry *dnb_rdmfile_entry(const dnb_rdmfile *f, size_t i)
{
    return &f->entries[i];
}

const char *dnb_rdmfile_provenance(const dnb_rdmfile *f)
{
    return f->provenance;
}

dnb_status dnb_rdmfile_find(const dnb_rdmfile *f, const char *key, size_t *index, dnb_err *err)
{
    return dnb_h5_find(f->h5, "RDM", key, index, err);
}

dnb_status dnb_rdmfile_read(dnb_rdmfile *f, size_t key, size_t first, size_t n, double *out,
                            dnb_err *err)
{
    if (key >= f->h5->n)
        return dnb_fail(err, DNB_EARG, "%s: RDM %zu of %zu", f->h5->path, key, f->h5->n);
    dnb_h5_range r = {.first = first, .n = n, .n_unit = f->entries[key].n_pairs};
    if (f->type == DNB_DRDM)
        return dnb_h5_read(f->h5, key, r, DNB_F64, out, err);
    if (first > 1 || n > 1 - first)
        return dnb_fail(err, DNB_EARG, "%s: '%.200s' is a single RDM", f->h5->path,
                        f->entries[key].key);
    /* To HDF5 the pairs of a bRDM are rows of one element. */
    r = (dnb_h5_range){.n = n ? f->entries[key].n_pairs : 0, .n_unit = 1};
    return dnb_h5_read(f->h5, key, r, DNB_F64, out, err);
}

static dnb_status plan_entries(dnb_h5_plan *plans, const char *path, dnb_rdm_type type, size_t n,
                               const dnb_rdm_entry *entries, dnb_err *err)
{
    for (size_t i = 0; i < n; i++) {
        const dnb_rdm_entry *e = &entries[i];
        if (type == DNB_BRDM && e->n_iter != 1)
            return dnb_fail(err, DNB_EARG, "%s: '%s' has %zu RDMs; a bRDM key holds one", path,
                            e->key, e->n_iter);
        if (dnb_condensed_order(e->n_pairs) < 2)
            return dnb_fail(err, DNB_EARG,
                            "%s: '%s' has %zu pairs, which is n(n-1)/2 for no number of conditions",
                            path, e->key, e->n_pairs);
        plans[i] = (dnb_h5_plan){.name = e->key,
                                 .ndim = type == DNB_BRDM ? 1 : 2,
                                 .rows = e->n_iter,
                                 .shape = {e->n_pairs, 1, 1}};
    }
    return DNB_OK;
}

dnb_status dnb_rdmwriter_open(dnb_rdmwriter **out, const char *path, dnb_rdm_type type,
                              size_t n_entries, const dnb_rdm_entry *entries,
                              const dnb_save_options *options, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_rdmwriter *w = NULL;
    dnb_h5_plan *plans = NULL;
    DNB_NEW(w, 1, "RDM file");
    DNB_NEW(plans, n_entries, "RDM list");
    if (options && options->provenance && !(w->provenance = dnb_strdup(options->provenance))) {
        status = dnb_fail_memory(err, "provenance", strlen(options->provenance) + 1);
        goto done;
    }
    DNB_TRY(plan_entries(plans, path, type, n_entries, entries, err));
    dnb_h5_job job = {.path = path,
                      .n = n_entries,
                      .plans = plans,
                      .type = DNB_F64,
                      .what = "RDM",
                      .row = "RDMs",
                      .compress = options ? options->compress : 0,
                      .type_text = type_names[type]};
    DNB_TRY(dnb_h5_stream_open(&w->stream, &job, NULL, err));
    *out = w;
    w = NULL;
done:
    dnb_free(plans);
    dnb_rdmwriter_abort(w);
    return status;
}

dnb_status dnb_rdmwriter_push(dnb_rdmwriter *w, size_t key, size_t first, size_t n,
                              const double *rows, dnb_err *err)
{
    return dnb_h5_stream_push(w->stream, key, first, n, rows, err);
}

dnb_status dnb_rdmwriter_commit(dnb_rdmwriter *w, dnb_err *err)
{
    dnb_status status = dnb_h5_stream_commit(w->stream, w->provenance, err);
    w->stream = NULL;
    dnb_rdmwriter_abort(w);
    return status;
}

void dnb_rdmwriter_abort(dnb_rdmwriter *w)
{
    if (!w)
        return;
    dnb_h5_stream_abort(w->stream, false);
    dnb_free(w->provenance);
    dnb_free(w);
}

dnb_status dnb_rdm_write(const char *path, dnb_rdm_type type, size_t n_entries,
                         const dnb_rdm_entry *entries, const dnb_save_options *options,
                         dnb_err *err)
{
    dnb_rdmwriter *w = NULL;
    dnb_status status = dnb_rdmwriter_open(&w, path, type, n_entries, entries, options, err);
    for (size_t i = 0; status == DNB_OK && i < n_entries; i++)
        status = dnb_rdmwriter_push(w, i, 0, entries[i].n_iter, entries[i].data, err);
    if (status != DNB_OK) {
        dnb_rdmwriter_abort(w);
        return status;
    }
    return dnb_rdmwriter_commit(w, err);
}
