/* Resolving -layer, -chn and -dmask against a network or an activation file. */
#include "units.h"

#include <stdlib.h>
#include <string.h>

/* Where shapes and default layers come from. */
typedef struct target {
    const dnb_actfile *file;
    const char *path; /* of the file */
    const dnb_net *net;
} target;

static size_t target_count(const target *t)
{
    return t->file ? dnb_actfile_count(t->file) : dnb_net_layer_count(t->net);
}

static const char *target_name(const target *t, size_t i)
{
    return t->file ? dnb_actfile_name(t->file, i) : dnb_net_layer_name(t->net, i);
}

static dnb_status target_shape(const target *t, const char *layer, size_t *index, size_t shape[3],
                               dnb_err *err)
{
    if (t->net) {
        dnb_status status = dnb_net_find_layer(t->net, layer, err);
        return status == DNB_OK ? dnb_net_layer_shape(t->net, layer, shape, err) : status;
    }
    dnb_status status = dnb_actfile_find(t->file, layer, index, err);
    if (status == DNB_OK)
        memcpy(shape, dnb_actfile_shape(t->file, *index) + 1, 3 * sizeof *shape);
    return status;
}

/* The mask of one layer: the file's, with -chn in place of its channels. */
static dnb_status resolve(cli_unit_set *set, size_t i, const cli_units *units,
                          const dnb_dmask *mask, const target *t, dnb_err *err)
{
    size_t shape[3], *channels = NULL;
    dnb_dmask_layer layer = {.name = set->names[i]};
    dnb_status status = target_shape(t, set->names[i], &set->index[i], shape, err);
    if (status != DNB_OK)
        return units->dmask && !units->layer.count ? cli_blame(err, status, units->dmask, NULL)
                                                   : status;
    if (units->dmask) {
        const dnb_dmask_layer *found = dnb_dmask_find(mask, set->names[i]);
        if (!found)
            return dnb_fail(err, DNB_ENOTFOUND,
                            "%s: no layer '%s'; add it to the mask or leave it out of -layer",
                            units->dmask, set->names[i]);
        layer = *found;
    }
    if (units->chn.count) {
        channels = calloc(units->chn.count, sizeof *channels);
        if (!channels)
            return dnb_fail(err, DNB_ENOMEM, "out of memory for -chn");
        for (size_t k = 0; k < units->chn.count; k++)
            channels[k] = (size_t)units->chn.items[k];
        layer.n[DNB_AXIS_CHN] = units->chn.count;
        layer.index[DNB_AXIS_CHN] = channels;
    }
    status = dnb_select_init(&set->selects[i], &layer, shape, err);
    free(channels);
    if (status == DNB_OK)
        return DNB_OK;
    /* Whose number is it? */
    if (units->dmask && !(units->chn.count && strstr(err->message, ": channel ")))
        return cli_blame(err, status, units->dmask, NULL);
    return cli_blame(err, status, t->file ? t->path : dnb_net_name(t->net), NULL);
}

static dnb_status name_layers(cli_unit_set *set, const cli_units *units, const dnb_dmask *mask,
                              const target *t, dnb_err *err)
{
    size_t n = units->layer.count ? units->layer.count
               : units->dmask     ? mask->n_layers
                                  : target_count(t);
    set->names = calloc(n + 1, sizeof *set->names);
    set->index = calloc(n + 1, sizeof *set->index);
    set->selects = calloc(n + 1, sizeof *set->selects);
    if (!set->names || !set->index || !set->selects)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for %zu layers", n);
    for (set->n = 0; set->n < n; set->n++) {
        size_t i = set->n;
        set->names[i] = strdup(units->layer.count ? units->layer.items[i]
                               : units->dmask     ? mask->layers[i].name
                                                  : target_name(t, i));
        if (!set->names[i])
            return dnb_fail(err, DNB_ENOMEM, "out of memory for %zu layers", n);
    }
    if (n == 0)
        return dnb_fail(err, DNB_EARG, "%s: names no layer", units->dmask ? units->dmask : "input");
    return DNB_OK;
}

static dnb_status resolve_all(cli_unit_set *out, const cli_units *units, const target *t,
                              dnb_err *err)
{
    cli_unit_set set = {0};
    dnb_dmask mask = {0};
    dnb_status status = DNB_OK;
    if (units->dmask)
        status = dnb_dmask_read(&mask, units->dmask, err);
    if (status == DNB_OK)
        status = name_layers(&set, units, &mask, t, err);
    for (size_t i = 0; i < set.n && status == DNB_OK; i++) {
        for (size_t k = 0; k < i && status == DNB_OK; k++)
            if (strcmp(set.names[i], set.names[k]) == 0)
                status = dnb_fail(err, DNB_EARG, "layer %s is named twice", set.names[i]);
        if (status == DNB_OK)
            status = resolve(&set, i, units, &mask, t, err);
    }
    dnb_dmask_release(&mask);
    if (status == DNB_OK)
        *out = set;
    else
        cli_unit_set_release(&set);
    return status;
}

dnb_status cli_units_of_file(cli_unit_set *out, const cli_units *units, const dnb_actfile *file,
                             const char *path, dnb_err *err)
{
    target t = {.file = file, .path = path};
    return resolve_all(out, units, &t, err);
}

dnb_status cli_units_of_net(cli_unit_set *out, const cli_units *units, const dnb_net *net,
                            dnb_err *err)
{
    target t = {.net = net};
    return resolve_all(out, units, &t, err);
}

dnb_status cli_units_same_stimuli(size_t *n, const cli_unit_set *set, const dnb_actfile *file,
                                  dnb_err *err)
{
    *n = dnb_actfile_shape(file, set->index[0])[0];
    for (size_t i = 1; i < set->n; i++) {
        size_t other = dnb_actfile_shape(file, set->index[i])[0];
        if (other != *n)
            return dnb_fail(err, DNB_ESHAPE,
                            "layer %s holds %zu stimuli and layer %s %zu; name layers of one kind",
                            set->names[0], *n, set->names[i], other);
    }
    return DNB_OK;
}

dnb_status cli_blame(dnb_err *err, dnb_status status, const char *path, const char *part)
{
    if (status == DNB_OK || status == DNB_ECANCELLED)
        return status;
    if (strstr(err->message, path))
        return status;
    if (part && !strstr(err->message, part))
        status = dnb_fail_prefix(err, status, "%s", part);
    return dnb_fail_prefix(err, status, "%s", path);
}

void cli_unit_set_release(cli_unit_set *set)
{
    for (size_t i = 0; i < set->n; i++) {
        free(set->names[i]);
        dnb_select_release(&set->selects[i]);
    }
    free(set->names);
    free(set->index);
    free(set->selects);
    *set = (cli_unit_set){0};
}
