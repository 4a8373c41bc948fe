/* Writing .act.h5: all at once, or streaming and resumable. */
#include "base/mem.h"
#include "data/h5_stream.h"
#include "dnnbrain/actfile.h"

struct dnb_actwriter {
    dnb_h5_stream *stream;
    char *provenance;
};

static dnb_status open_stream(dnb_h5_stream **out, const char *path, size_t n_layers,
                              const dnb_act_layer *layers, size_t n_stim, int compress,
                              const char *signature, size_t *done, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_h5_plan *plans = NULL;
    DNB_NEW(plans, n_layers, "layer list");
    for (size_t i = 0; i < n_layers; i++) {
        const size_t *shape = layers[i].shape;
        plans[i] = (dnb_h5_plan){.name = layers[i].name,
                                 .ndim = 4,
                                 .rows = n_stim,
                                 .shape = {shape[0], shape[1], shape[2]}};
    }
    dnb_h5_job job = {.path = path,
                      .n = n_layers,
                      .plans = plans,
                      .type = DNB_F32,
                      .what = "layer",
                      .row = "stimuli",
                      .compress = compress,
                      .signature = signature};
    status = dnb_h5_stream_open(out, &job, done, err);
done:
    dnb_free(plans);
    return status;
}

dnb_status dnb_actwriter_open(dnb_actwriter **out, const char *path, size_t n_layers,
                              const dnb_act_layer *layers, size_t n_stim,
                              const dnb_actwriter_options *options, size_t *done, dnb_err *err)
{
    const dnb_actwriter_options none = {0};
    dnb_status status = DNB_OK;
    dnb_actwriter *w = NULL;
    options = options ? options : &none;
    DNB_NEW(w, 1, "activation file");
    if (options->save.provenance && !(w->provenance = dnb_strdup(options->save.provenance))) {
        status = dnb_fail_memory(err, "provenance", 0);
        goto done;
    }
    DNB_TRY(open_stream(&w->stream, path, n_layers, layers, n_stim, options->save.compress,
                        options->signature, done, err));
    *out = w;
    w = NULL;
done:
    dnb_actwriter_abort(w, false);
    return status;
}

dnb_status dnb_actwriter_push(dnb_actwriter *w, size_t layer, size_t first, size_t n,
                              const float *rows, dnb_err *err)
{
    return dnb_h5_stream_push(w->stream, layer, first, n, rows, err);
}

dnb_status dnb_actwriter_done(dnb_actwriter *w, size_t n, dnb_err *err)
{
    return dnb_h5_stream_done(w->stream, n, err);
}

dnb_status dnb_actwriter_commit(dnb_actwriter *w, const char *provenance, dnb_err *err)
{
    dnb_status status =
        dnb_h5_stream_commit(w->stream, provenance ? provenance : w->provenance, err);
    w->stream = NULL;
    dnb_actwriter_abort(w, true);
    return status;
}

void dnb_actwriter_abort(dnb_actwriter *w, bool keep)
{
    if (!w)
        return;
    dnb_h5_stream_abort(w->stream, keep);
    dnb_free(w->provenance);
    dnb_free(w);
}

dnb_status dnb_actfile_write(const char *path, size_t n_layers, const dnb_act_layer *layers,
                             size_t n_stim, const dnb_save_options *options, dnb_err *err)
{
    dnb_h5_stream *s = NULL;
    dnb_status status = open_stream(&s, path, n_layers, layers, n_stim,
                                    options ? options->compress : 0, NULL, NULL, err);
    for (size_t i = 0; status == DNB_OK && i < n_layers; i++)
        status = dnb_h5_stream_push(s, i, 0, n_stim, layers[i].data, err);
    if (status != DNB_OK) {
        dnb_h5_stream_abort(s, false);
        return status;
    }
    return dnb_h5_stream_commit(s, options ? options->provenance : NULL, err);
}
