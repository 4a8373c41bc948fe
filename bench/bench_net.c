/* One network, timed on request: the counterpart of bench_nets.py, which starts it, writes a line
 * for each run it wants and reads back that run's milliseconds.
 *
 *     bench_net FILE.onnx BATCH THREADS float32|bf16
 *
 * Prints "ready LAYER" (the layer tapped: the last) and "error E" (of the result in bf16, else 0),
 * then answers every line read with one number. All on stderr: stdout is left to oneDNN, which
 * reports its primitives there under ONEDNN_VERBOSE=1. Input: numbers made by a fixed rule, about
 * -1..1. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <dnnbrain/dnnbrain.h>

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

typedef struct bench {
    dnb_net *net;
    dnb_runner *runner;
    const char *layer;
    float *input, *out;
    size_t batch;
} bench;

static dnb_status prepare(bench *b, const char *path, const char *precision, dnb_err *err)
{
    dnb_net_options no = {.name = path};
    dnb_runner_options ro = {.batch = b->batch};
    size_t shape[3];
    double error = 0;
    dnb_status status = dnb_precision_find(&ro.precision, precision, err);
    if (status == DNB_OK)
        status = dnb_net_open(&b->net, &no, err);
    if (status != DNB_OK)
        return status;
    b->layer = dnb_net_layer_name(b->net, dnb_net_layer_count(b->net) - 1);
    status = dnb_net_layer_shape(b->net, b->layer, shape, err);
    if (status != DNB_OK)
        return status;
    const dnb_input_spec *in = dnb_net_input_spec(b->net);
    size_t n = b->batch * in->channels * in->height * in->width;
    b->input = malloc(n * sizeof *b->input);
    b->out = malloc(b->batch * shape[0] * shape[1] * shape[2] * sizeof *b->out);
    if (!b->input || !b->out)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for a batch of %zu", b->batch);
    for (size_t i = 0; i < n; i++)
        b->input[i] = (float)(i * 2654435761u % 2001) / 1000.0f - 1;
    status = dnb_runner_new(&b->runner, b->net, &b->layer, 1, &ro, err);
    if (status == DNB_OK && dnb_runner_precision(b->runner) != ro.precision)
        status =
            dnb_fail(err, DNB_EUNSUPPORTED, "this processor does not compute in %s", precision);
    if (status == DNB_OK)
        status = dnb_runner_run(b->runner, b->input, b->batch, &b->out, err);
    if (status == DNB_OK && ro.precision != DNB_PRECISION_F32)
        status = dnb_runner_error(&error, b->net, &b->layer, 1, &ro, b->input, b->batch,
                                  (const float *const *)&b->out, err);
    if (status == DNB_OK)
        fprintf(stderr, "ready %s\nerror %g\n", b->layer, error);
    return status;
}

int main(int argc, char **argv)
{
    bench b = {0};
    dnb_err err = {0};
    char line[64];
    if (argc != 5) {
        fprintf(stderr, "usage: bench_net FILE.onnx BATCH THREADS float32|bf16\n");
        return 2;
    }
    b.batch = (size_t)strtoul(argv[2], NULL, 10);
    dnb_threads_set((int)strtol(argv[3], NULL, 10));
    dnb_status status = prepare(&b, argv[1], argv[4], &err);
    while (status == DNB_OK && fgets(line, sizeof line, stdin)) {
        puts("run"); /* parts what oneDNN says of one run from the next */
        fflush(stdout);
        double start = now_ms();
        status = dnb_runner_run(b.runner, b.input, b.batch, &b.out, &err);
        if (status == DNB_OK)
            fprintf(stderr, "%.3f\n", now_ms() - start);
    }
    if (status != DNB_OK)
        fprintf(stderr, "failed: %s\n", err.message);
    dnb_runner_free(b.runner);
    dnb_net_free(b.net);
    free(b.input);
    free(b.out);
    return status == DNB_OK ? 0 : 1;
}
