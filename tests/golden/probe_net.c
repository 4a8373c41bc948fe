/* Runs layers of a network for the differential tests.
 *   probe_net [--weights FILE] [--size H W] [--backend NAME] [--batch N] NET list
 *     prints the input ("input C H W bgr range mean... std...") and the main layers, one a line
 *   probe_net [...] NET run INPUT N OUTDIR LAYER...
 *     INPUT holds N images of raw float32; writes OUTDIR/<i>.f32 and prints "i chn row col"
 * Errors go to stderr as "STATUS: message", exit code 1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnnbrain/net.h"
#include "probe_io.h"

typedef struct job {
    dnb_net_options net;
    dnb_runner_options run;
} job;

static int list(const dnb_net *net)
{
    const dnb_input_spec *s = dnb_net_input_spec(net);
    printf("input %zu %zu %zu %d %g", s->channels, s->height, s->width, s->bgr, s->range);
    for (int i = 0; i < 3; i++)
        printf(" %.17g", s->mean[i]);
    for (int i = 0; i < 3; i++)
        printf(" %.17g", s->std[i]);
    printf("\n");
    for (size_t i = 0; i < dnb_net_layer_count(net); i++)
        printf("%s\n", dnb_net_layer_name(net, i));
    return 0;
}

static int run(const dnb_net *net, const job *j, char **arg, int n_layers)
{
    dnb_err err = {0};
    dnb_runner *r = NULL;
    const dnb_input_spec *s = dnb_net_input_spec(net);
    const size_t n = strtoul(arg[1], NULL, 10), image = s->channels * s->height * s->width;
    const char *const *layers = (const char *const *)arg + 3;
    float *input = read_floats(arg[0], n * image);
    float **all = calloc((size_t)n_layers, sizeof *all),
          **taps = calloc((size_t)n_layers, sizeof *taps);
    size_t *width = calloc((size_t)n_layers, sizeof *width);
    dnb_status status = dnb_runner_new(&r, net, layers, (size_t)n_layers, &j->run, &err);
    for (int i = 0; i < n_layers && status == DNB_OK; i++) {
        size_t shape[3];
        status = dnb_net_layer_shape(net, layers[i], shape, &err);
        if (status != DNB_OK)
            break;
        width[i] = shape[0] * shape[1] * shape[2];
        all[i] = malloc(n * width[i] * sizeof **all);
        printf("%d %zu %zu %zu\n", i, shape[0], shape[1], shape[2]);
    }
    for (size_t at = 0; at < n && status == DNB_OK; at += dnb_runner_batch(r)) {
        size_t count = n - at < dnb_runner_batch(r) ? n - at : dnb_runner_batch(r);
        for (int i = 0; i < n_layers; i++)
            taps[i] = all[i] + at * width[i];
        status = dnb_runner_run(r, input + at * image, count, taps, &err);
    }
    if (status != DNB_OK)
        return die(status, &err);
    for (int i = 0; i < n_layers; i++) {
        if (write_floats(arg[2], (size_t)i, all[i], n * width[i]))
            return 1;
        free(all[i]);
    }
    dnb_runner_free(r);
    free(input);
    free(all);
    free(taps);
    free(width);
    return 0;
}

int main(int argc, char **argv)
{
    job j = {0};
    dnb_err err = {0};
    dnb_net *net = NULL;
    int i = 1;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        if (strcmp(argv[i], "--weights") == 0)
            j.net.weights = argv[i + 1];
        else if (strcmp(argv[i], "--batch") == 0)
            j.run.batch = strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--backend") == 0) {
            dnb_status status = dnb_backend_find(&j.run.backend, argv[i + 1], &err);
            if (status != DNB_OK)
                return die(status, &err);
        } else if (strcmp(argv[i], "--size") == 0 && i + 2 < argc) {
            j.net.height = strtoul(argv[i + 1], NULL, 10);
            j.net.width = strtoul(argv[++i + 1], NULL, 10);
        }
    }
    if (i + 1 >= argc)
        return 2;
    j.net.name = argv[i];
    dnb_status status = dnb_net_open(&net, &j.net, &err);
    if (status != DNB_OK)
        return die(status, &err);
    int rc = 2;
    if (strcmp(argv[i + 1], "list") == 0)
        rc = list(net);
    else if (strcmp(argv[i + 1], "run") == 0 && argc - i > 5)
        rc = run(net, &j, argv + i + 2, argc - i - 5);
    dnb_net_free(net);
    return rc;
}
