/* dnb_net: a finished graph with its input and its layer names. */
#include "net/network.h"

#include <string.h>

#include "base/mem.h"
#include "base/near_name.h"
#include "net/infer.h"
#include "net/op_util.h"

struct dnb_net {
    dnb_graph *graph;
    char *name, *weights_path;
    dnb_input_spec input;
    size_t n_values;
    dnb_shape *shape; /* per value, at batch 1 */
    bool *tappable;   /* per value: float, one row per stimulus */
    char **layers;    /* main layers, owned */
    size_t n_layers;
    const char **names; /* every name that can be tapped; texts are the graph's */
    size_t n_names;
};

void dnb_net_free(dnb_net *net)
{
    if (!net)
        return;
    for (size_t i = 0; net->layers && i < net->n_layers; i++)
        dnb_free(net->layers[i]);
    dnb_free(net->layers);
    dnb_free((void *)net->names);
    dnb_free(net->shape);
    dnb_free(net->tappable);
    dnb_free(net->name);
    dnb_free(net->weights_path);
    dnb_graph_free(net->graph);
    dnb_free(net);
}

/* ---- construction -------------------------------------------------------------------------------
 */

static dnb_status check_input(const dnb_graph *g, const dnb_net_init *init, dnb_err *err)
{
    char text[128];
    if (dnb_graph_input_count(g) != 1)
        return dnb_fail(err, DNB_EUNSUPPORTED, "network '%s' has %zu inputs; one is supported",
                        init->name, dnb_graph_input_count(g));
    const dnb_graph_value *v = dnb_graph_value_at(g, dnb_graph_input_at(g, 0));
    const dnb_shape *s = &v->declared;
    if (s->ndim != 4 || s->dtype != DNB_F32)
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "network '%s': input '%s' is %s; n x channels x height x width of float32 "
                        "is supported",
                        init->name, v->name, dnb_shape_text(s, text, sizeof text));
    if (s->dim[1] != init->input.channels || s->dim[2] != init->input.height ||
        s->dim[3] != init->input.width)
        return dnb_fail(err, DNB_ESHAPE,
                        "network '%s': input '%s' is %s, its specification says %zux%zux%zu",
                        init->name, v->name, dnb_shape_text(s, text, sizeof text),
                        init->input.channels, init->input.height, init->input.width);
    return DNB_OK;
}

/* A value has one row per stimulus when its first dimension, and only that, follows the batch. */
static bool follows_batch(const dnb_shape *one, const dnb_shape *two)
{
    dnb_shape expected = *one;
    if (one->dtype != DNB_F32 || one->ndim < 1 || one->dim[0] != 1)
        return false;
    expected.dim[0] = 2;
    return dnb_shape_equal(&expected, two);
}

static dnb_status find_shapes(dnb_net *net, const dnb_graph *g, dnb_err *err)
{
    dnb_inference *one = NULL, *two = NULL;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_inference_new(&one, g, 1, err));
    DNB_TRY(dnb_inference_new(&two, g, 2, err));
    net->n_values = dnb_graph_value_count(g);
    DNB_NEW(net->shape, net->n_values, "network");
    DNB_NEW(net->tappable, net->n_values, "network");
    for (size_t v = 0; v < net->n_values; v++) {
        net->shape[v] = one->shape[v];
        net->tappable[v] = !one->known[v].data && follows_batch(&one->shape[v], &two->shape[v]);
    }
done:
    dnb_inference_free(one);
    dnb_inference_free(two);
    return status;
}

static dnb_status add_layer(dnb_net *net, const char *name, dnb_err *err)
{
    net->layers[net->n_layers] = dnb_strdup(name);
    if (!net->layers[net->n_layers])
        return dnb_fail_memory(err, "layer name", strlen(name));
    net->n_layers++;
    return DNB_OK;
}

/* The given names, or every named node output that can be tapped. */
static dnb_status choose_layers(dnb_net *net, const dnb_graph *g, const dnb_net_init *init,
                                dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_NEW(net->layers, init->layers ? init->n_layers : net->n_values, "layer names");
    for (size_t i = 0; init->layers && i < init->n_layers; i++) {
        dnb_value v = dnb_graph_find(g, init->layers[i]);
        if (v == DNB_NO_VALUE || !net->tappable[v])
            return dnb_fail(
                err, DNB_EARG, "network '%s': main layer '%s' %s", init->name, init->layers[i],
                v == DNB_NO_VALUE ? "does not exist" : "does not keep one row per stimulus");
        DNB_TRY(add_layer(net, init->layers[i], err));
    }
    for (size_t v = 0; !init->layers && v < net->n_values; v++) {
        const dnb_graph_value *value = dnb_graph_value_at(g, (dnb_value)v);
        if (value->producer >= 0 && *value->name && net->tappable[v])
            DNB_TRY(add_layer(net, value->name, err));
    }
done:
    return status;
}

/* What a misspelt layer is compared with: every name of a value that can be tapped. */
static dnb_status list_names(dnb_net *net, const dnb_graph *g, dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_NEW(net->names, dnb_graph_name_count(g), "layer names");
    for (size_t i = 0; i < dnb_graph_name_count(g); i++) {
        dnb_value v;
        const char *name = dnb_graph_name_at(g, i, &v);
        if (net->tappable[v])
            net->names[net->n_names++] = name;
    }
done:
    return status;
}

dnb_status dnb_net_from_graph(dnb_net **out, dnb_graph *g, const dnb_net_init *init, dnb_err *err)
{
    dnb_net *net = NULL;
    dnb_status status = DNB_OK;
    DNB_TRY(check_input(g, init, err));
    DNB_NEW(net, 1, "network");
    net->input = init->input;
    net->name = dnb_strdup(init->name);
    net->weights_path = init->weights_path ? dnb_strdup(init->weights_path) : NULL;
    if (!net->name || (init->weights_path && !net->weights_path)) {
        status = dnb_fail_memory(err, "network name", strlen(init->name));
        goto done;
    }
    DNB_TRY(find_shapes(net, g, err));
    DNB_TRY(choose_layers(net, g, init, err));
    DNB_TRY(list_names(net, g, err));
    net->graph = g;
    *out = net;
    net = NULL;
done:
    dnb_net_free(net);
    return status;
}

/* ---- looking ------------------------------------------------------------------------------------
 */

const dnb_graph *dnb_net_graph(const dnb_net *net)
{
    return net->graph;
}

const dnb_input_spec *dnb_net_input_spec(const dnb_net *net)
{
    return &net->input;
}

const char *dnb_net_name(const dnb_net *net)
{
    return net->name;
}

const char *dnb_net_weights_path(const dnb_net *net)
{
    return net->weights_path;
}

size_t dnb_net_bytes(const dnb_net *net)
{
    return dnb_graph_bytes(net->graph);
}

size_t dnb_net_layer_count(const dnb_net *net)
{
    return net->n_layers;
}

const char *dnb_net_layer_name(const dnb_net *net, size_t i)
{
    return i < net->n_layers ? net->layers[i] : NULL;
}

dnb_status dnb_net_find_layer(const dnb_net *net, const char *name, dnb_err *err)
{
    dnb_value v = dnb_graph_find(net->graph, name);
    if (v != DNB_NO_VALUE && net->tappable[v])
        return DNB_OK;
    if (v != DNB_NO_VALUE)
        return dnb_fail(err, DNB_ENOTFOUND,
                        "'%s' of network '%s' is no layer: it does not hold one row of numbers per "
                        "stimulus",
                        name, net->name);
    return dnb_fail_suggest(
        err,
        dnb_fail(err, DNB_ENOTFOUND, "network '%s' has no layer '%s'", net->name, name ? name : ""),
        name ? name : "", net->names, net->n_names);
}

dnb_status dnb_net_layer_shape(const dnb_net *net, const char *name, size_t shape[3], dnb_err *err)
{
    dnb_status status = dnb_net_find_layer(net, name, err);
    if (status != DNB_OK)
        return status;
    const dnb_shape *s = &net->shape[dnb_graph_find(net->graph, name)];
    size_t row = 1, col = 1;
    if (s->ndim == 3)
        row = s->dim[2];
    for (int i = 2; s->ndim > 3 && i < s->ndim - 1; i++)
        row *= s->dim[i];
    if (s->ndim > 3)
        col = s->dim[s->ndim - 1];
    shape[0] = s->ndim > 1 ? s->dim[1] : 1;
    shape[1] = row;
    shape[2] = col;
    return DNB_OK;
}
