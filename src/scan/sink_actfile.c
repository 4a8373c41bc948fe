/* The sink behind `dnnbrain act`: an activation file that an interrupted job continues. */
#include "dnnbrain/scan.h"

#include "base/mem.h"

typedef struct actfile_sink {
    dnb_sink sink; /* first, so that a dnb_sink * is an actfile_sink * */
    char *path;
    dnb_actwriter_options options;
    dnb_actwriter *writer;
    size_t resumed;
} actfile_sink;

static dnb_status begin(dnb_sink *sink, const dnb_scan_layer *layers, size_t n_layers,
                        size_t n_stimuli, size_t *resume, dnb_err *err)
{
    actfile_sink *s = (actfile_sink *)sink;
    dnb_status status = DNB_OK;
    dnb_act_layer *list = NULL;
    DNB_NEW(list, n_layers, "layers");
    for (size_t i = 0; i < n_layers; i++)
        list[i] =
            (dnb_act_layer){.name = layers[i].name,
                            .shape = {layers[i].shape[0], layers[i].shape[1], layers[i].shape[2]}};
    DNB_TRY(dnb_actwriter_open(&s->writer, s->path, n_layers, list, n_stimuli, &s->options, resume,
                               err));
    s->resumed = *resume;
done:
    dnb_free(list);
    return status;
}

static dnb_status push(dnb_sink *sink, size_t layer, size_t first, size_t n, const float *values,
                       dnb_err *err)
{
    return dnb_actwriter_push(((actfile_sink *)sink)->writer, layer, first, n, values, err);
}

static dnb_status batch_done(dnb_sink *sink, size_t done, dnb_err *err)
{
    return dnb_actwriter_done(((actfile_sink *)sink)->writer, done, err);
}

dnb_status dnb_sink_actfile_new(dnb_sink **out, const char *path,
                                const dnb_actwriter_options *options, dnb_err *err)
{
    dnb_status status = DNB_OK;
    actfile_sink *s = NULL;
    DNB_NEW(s, 1, "activation file");
    s->sink = (dnb_sink){.begin = begin, .push = push, .batch_done = batch_done, .behind = true};
    s->path = dnb_strdup(path);
    if (!s->path) {
        status = dnb_fail_memory(err, "activation file", 0);
        goto done;
    }
    if (options)
        s->options = *options;
    *out = &s->sink;
    s = NULL;
done:
    dnb_free(s);
    return status;
}

dnb_status dnb_sink_actfile_commit(dnb_sink *sink, const char *provenance, dnb_err *err)
{
    actfile_sink *s = (actfile_sink *)sink;
    dnb_actwriter *writer = s->writer;
    s->writer = NULL;
    return dnb_actwriter_commit(writer, provenance, err);
}

size_t dnb_sink_actfile_resumed(const dnb_sink *sink)
{
    return ((const actfile_sink *)sink)->resumed;
}

void dnb_sink_actfile_free(dnb_sink *sink)
{
    actfile_sink *s = (actfile_sink *)sink;
    if (!s)
        return;
    dnb_actwriter_abort(s->writer, true);
    dnb_free(s->path);
    dnb_free(s);
}
