/* Any bytes as an ONNX model: parse, build the graph, infer the shapes of every node. */
#include <stddef.h>
#include <stdint.h>

#include "net/network.h"
#include "net/onnx_load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dnb_graph *g = NULL;
    dnb_net *net = NULL;
    dnb_err err = {0};
    if (dnb_onnx_load_memory(&g, "fuzz.onnx", data, size, 8, 8, &err) != DNB_OK)
        return 0;
    const dnb_shape *in = &dnb_graph_value_at(g, dnb_graph_input_at(g, 0))->declared;
    const dnb_net_init init = {
        .name = "fuzz",
        .input = {.channels = in->dim[1], .height = in->dim[2], .width = in->dim[3], .range = 1}};
    if (dnb_net_from_graph(&net, g, &init, &err) != DNB_OK)
        dnb_graph_free(g);
    dnb_net_free(net);
    return 0;
}
