/* .dmask.csv: which channels, rows and columns of each layer. */
#include "dnnbrain/dmask.h"

#include <string.h>

#include "base/mem.h"
#include "base/outfile.h"
#include "base/strbuf.h"
#include "data/numtext.h"
#include "data/textfile.h"

const char *dnb_axis_name(int axis)
{
    static const char *const names[DNB_AXES] = {"chn", "row", "col"};
    return axis >= 0 && axis < DNB_AXES ? names[axis] : "unknown";
}

static void release_layer(dnb_dmask_layer *l)
{
    for (int a = 0; a < DNB_AXES; a++)
        dnb_free(l->index[a]);
    dnb_free(l->name);
    *l = (dnb_dmask_layer){0};
}

void dnb_dmask_release(dnb_dmask *m)
{
    for (size_t i = 0; i < m->n_layers; i++)
        release_layer(&m->layers[i]);
    dnb_free(m->layers);
    *m = (dnb_dmask){0};
}

const dnb_dmask_layer *dnb_dmask_find(const dnb_dmask *m, const char *layer)
{
    for (size_t i = 0; i < m->n_layers; i++)
        if (strcmp(m->layers[i].name, layer) == 0)
            return &m->layers[i];
    return NULL;
}

/* Moves *l behind the others; on failure *l stays the caller's. */
static dnb_status append(dnb_dmask *m, dnb_dmask_layer *l, dnb_err *err)
{
    dnb_dmask_layer *grown = dnb_realloc(m->layers, m->n_layers + 1, sizeof *grown);
    if (!grown)
        return dnb_fail_memory(err, "mask", sizeof *grown);
    m->layers = grown;
    grown[m->n_layers++] = *l;
    *l = (dnb_dmask_layer){0};
    return DNB_OK;
}

dnb_status dnb_dmask_add(dnb_dmask *m, const char *layer, const size_t n[DNB_AXES],
                         const size_t *const index[DNB_AXES], dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_dmask_layer l = {0};
    if (!*layer || strpbrk(layer, "\r\n") || !dnb_is_trimmed(layer))
        return dnb_fail(err, DNB_EARG, "'%.60s' is no layer name", layer);
    if (dnb_dmask_find(m, layer))
        return dnb_fail(err, DNB_EARG, "layer %s is in the mask already", layer);
    l.name = dnb_strdup(layer);
    if (!l.name)
        return dnb_fail_memory(err, "mask", strlen(layer) + 1);
    for (int a = 0; index && a < DNB_AXES; a++) {
        if (!index[a])
            continue;
        if (n[a] == 0) {
            status =
                dnb_fail(err, DNB_EARG, "layer %s: no %s is selected", layer, dnb_axis_name(a));
            goto done;
        }
        DNB_NEW(l.index[a], n[a], "mask");
        l.n[a] = n[a];
        for (size_t i = 0; i < n[a]; i++) {
            l.index[a][i] = index[a][i];
            if (index[a][i] == 0) {
                status = dnb_fail(err, DNB_EARG, "layer %s: %s numbers count from 1", layer,
                                  dnb_axis_name(a));
                goto done;
            }
        }
    }
    status = append(m, &l, err);
done:
    release_layer(&l);
    return status;
}

/* "chn,col" -> order[] = {0, 2}, *n = 2. */
static dnb_status read_axes(char *text, int order[DNB_AXES], int *n, dnb_textfile *f, dnb_err *err)
{
    *n = 0;
    if (!*text)
        return DNB_OK;
    for (char *rest = text; rest;) {
        const char *name = dnb_cut_field(&rest, ',');
        int axis = 0;
        while (axis < DNB_AXES && strcmp(name, dnb_axis_name(axis)) != 0)
            axis++;
        if (axis == DNB_AXES)
            return dnb_textfile_fail(f, err, "axis '%.40s' is unknown; the axes are chn, row, col",
                                     name);
        for (int i = 0; i < *n; i++)
            if (order[i] == axis)
                return dnb_textfile_fail(f, err, "axis %s is named twice", name);
        order[(*n)++] = axis;
    }
    return DNB_OK;
}

/* The line of numbers of one axis. */
static dnb_status read_numbers(dnb_dmask_layer *l, int axis, dnb_textfile *f, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t *index = NULL, n = 0;
    char *line = dnb_textfile_next_full(f);
    if (!line || strchr(line, '='))
        return dnb_textfile_fail(f, err,
                                 "layer %s: expected a line of %s numbers (one line per axis "
                                 "named after '=')",
                                 l->name, dnb_axis_name(axis));
    DNB_NEW(index, dnb_count_fields(line, ','), "mask");
    for (char *rest = line; rest; n++) {
        const char *field = dnb_cut_field(&rest, ',');
        int64_t v;
        if (!dnb_text_to_int(field, &v) || v < 1) {
            status = dnb_textfile_fail(f, err,
                                       "layer %s: '%.40s' is no %s number (whole numbers from 1, "
                                       "separated by commas)",
                                       l->name, field, dnb_axis_name(axis));
            goto done;
        }
        index[n] = (size_t)v;
    }
    l->index[axis] = index;
    l->n[axis] = n;
    index = NULL;
done:
    dnb_free(index);
    return status;
}

/* A `layer=axes` line and the number lines that belong to it. */
static dnb_status read_layer(dnb_dmask *m, dnb_dmask_layer *l, char *line, dnb_textfile *f,
                             dnb_err *err)
{
    int order[DNB_AXES], n = 0;
    char *axes = strrchr(line, '=');
    if (!axes)
        return dnb_textfile_fail(f, err,
                                 "expected layer=axes (chn,row,col or nothing), got '%.60s'; a "
                                 "layer has one number line per axis",
                                 line);
    *axes++ = '\0';
    const char *name = dnb_trim(line);
    if (!*name)
        return dnb_textfile_fail(f, err, "no layer name before '='");
    if (dnb_dmask_find(m, name))
        return dnb_textfile_fail(f, err, "layer %s is there twice", name);
    dnb_status status = read_axes(dnb_trim(axes), order, &n, f, err);
    if (status != DNB_OK)
        return status;
    l->name = dnb_strdup(name);
    if (!l->name)
        return dnb_fail_memory(err, "mask", strlen(name) + 1);
    for (int i = 0; i < n && status == DNB_OK; i++)
        status = read_numbers(l, order[i], f, err);
    return status == DNB_OK ? append(m, l, err) : status;
}

dnb_status dnb_dmask_read(dnb_dmask *out, const char *path, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_textfile f = {0};
    dnb_dmask m = {0};
    dnb_dmask_layer l = {0};
    DNB_TRY(dnb_textfile_open(&f, path, err));
    for (char *line; (line = dnb_textfile_next_full(&f));)
        DNB_TRY(read_layer(&m, &l, line, &f, err));
    if (m.n_layers == 0) {
        status =
            dnb_fail(err, DNB_EFORMAT, "%s: no layer; write layer=chn and a line of numbers", path);
        goto done;
    }
    *out = m;
    m = (dnb_dmask){0};
done:
    dnb_textfile_close(&f);
    release_layer(&l);
    dnb_dmask_release(&m);
    return status;
}

dnb_status dnb_dmask_write(const dnb_dmask *m, const char *path, dnb_err *err)
{
    dnb_strbuf b = {0};
    for (size_t i = 0; i < m->n_layers; i++) {
        const dnb_dmask_layer *l = &m->layers[i];
        const char *comma = "";
        dnb_strbuf_addf(&b, "%s=", l->name);
        for (int a = 0; a < DNB_AXES; a++)
            if (l->index[a]) {
                dnb_strbuf_addf(&b, "%s%s", comma, dnb_axis_name(a));
                comma = ",";
            }
        dnb_strbuf_add(&b, "\n");
        for (int a = 0; a < DNB_AXES; a++) {
            for (size_t k = 0; l->index[a] && k < l->n[a]; k++)
                dnb_strbuf_addf(&b, "%s%zu", k ? "," : "", l->index[a][k]);
            if (l->index[a])
                dnb_strbuf_add(&b, "\n");
        }
    }
    dnb_status status = b.failed ? dnb_fail_memory(err, "mask", b.len)
                                 : dnb_file_write(path, b.text ? b.text : "", b.len, err);
    dnb_strbuf_release(&b);
    return status;
}
