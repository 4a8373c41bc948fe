/* Gradients of an ONNX network for the differential tests and for timing.
 *   probe_gradient [--channel C] [--guided] [--reference] [--time RUNS] [--steps]
 *       FILE INPUT N OUTDIR TARGET WRT...
 *     INPUT holds N images of raw float32, one batch. Writes OUTDIR/<i>.f32, the gradient of the
 * sum of TARGET (of its channel C) with respect to WRT i, and prints "i elements".
 *     --time prints the least seconds of RUNS runs (on the clock, and of processor time), --steps
 *     what runs.
 * Errors go to stderr, exit code 1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net/gradient.h"
#include "net/onnx_load.h"
#include "net/op_util.h"
#include "net/program.h"
#include "probe_io.h"
#include "probe_words.h"

typedef struct job {
    dnb_gradient_request request;
    const char *file, *input, *folder;
    size_t n, n_out;
    int runs;
    bool reference, steps;
    float **out;
    size_t *count;
} job;

/* The named gradients as taps; those of constants whole. */
static dnb_status compile(const dnb_graph *g, const job *j, dnb_program **out, dnb_err *err)
{
    dnb_value taps[64];
    bool whole[64];
    dnb_inference *inf = NULL;
    dnb_status status = dnb_inference_new(&inf, g, j->n, err);
    for (size_t i = 0; status == DNB_OK && i < j->n_out; i++) {
        char name[512];
        snprintf(name, sizeof name, "grad:%s", j->request.wrt[i]);
        taps[i] = dnb_graph_find(g, name);
        whole[i] = dnb_graph_value_at(g, dnb_graph_find(g, j->request.wrt[i]))->is_constant;
        j->count[i] = dnb_shape_count(&inf->shape[taps[i]]);
        j->out[i] = malloc(j->count[i] * sizeof(float));
    }
    dnb_inference_free(inf);
    dnb_program_request r = {.graph = g,
                             .taps = taps,
                             .n_taps = j->n_out,
                             .whole = whole,
                             .batch = j->n,
                             .prims = !j->reference};
    if (status == DNB_OK)
        status = dnb_program_new(out, &r, err);
    return status == DNB_OK ? dnb_program_prepare(*out, err) : status;
}

static dnb_status run(const job *j, dnb_program *p, const float *x, dnb_err *err)
{
    double least = 1e30, least_cpu = 1e30;
    dnb_status status = DNB_OK;
    for (int i = 0; i <= j->runs && status == DNB_OK; i++) {
        double start = probe_clock(false);
        clock_t cpu = clock();
        status = dnb_program_run(p, x, j->n, j->out, err);
        double wall = probe_clock(false) - start, busy = (double)(clock() - cpu) / CLOCKS_PER_SEC;
        least = wall < least ? wall : least;
        least_cpu = busy < least_cpu ? busy : least_cpu;
    }
    if (j->runs)
        printf("seconds %.6f cpu %.6f\n", least, least_cpu);
    for (size_t i = 0; j->steps && i < dnb_program_step_count(p, NULL); i++)
        printf("step %zu %s\n", i, dnb_program_step_name(p, i));
    return status;
}

static int parse(int argc, char **argv, job *j)
{
    int i = 1;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (strcmp(argv[i], "--channel") == 0 && i + 1 < argc) {
            j->request.n_index = 1;
            j->request.index[0] = strtoul(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--time") == 0 && i + 1 < argc) {
            j->runs = atoi(argv[++i]);
        } else if (strcmp(argv[i], "--guided") == 0) {
            j->request.options.guided_relu = true;
        } else if (strcmp(argv[i], "--reference") == 0) {
            j->reference = true;
        } else if (strcmp(argv[i], "--steps") == 0) {
            j->steps = true;
        } else {
            return 2;
        }
    }
    if (argc - i < 6 || argc - i > 5 + 64)
        return 2;
    j->file = argv[i];
    j->input = argv[i + 1];
    j->n = strtoul(argv[i + 2], NULL, 10);
    j->folder = argv[i + 3];
    j->request.target = argv[i + 4];
    j->request.wrt = (const char *const *)argv + i + 5;
    j->request.n_wrt = j->n_out = (size_t)(argc - i - 5);
    return 0;
}

int main(int argc, char **argv)
{
    float *out[64] = {0};
    size_t count[64];
    job j = {.out = out, .count = count};
    dnb_err err = {0};
    dnb_graph *g = NULL;
    dnb_program *p = NULL;
    int rc = parse(argc, argv, &j);
    if (rc)
        return rc;
    dnb_status status = dnb_onnx_load(&g, j.file, 0, 0, &err);
    if (status == DNB_OK)
        status = dnb_graph_gradient_named(g, &j.request, &err);
    if (status == DNB_OK)
        status = compile(g, &j, &p, &err);
    if (status != DNB_OK)
        return die(status, &err);
    dnb_shape s = dnb_graph_value_at(g, dnb_graph_input_at(g, 0))->declared;
    s.dim[0] = j.n;
    float *x = read_floats(j.input, dnb_shape_count(&s));
    status = run(&j, p, x, &err);
    if (status != DNB_OK)
        return die(status, &err);
    for (size_t i = 0; i < j.n_out; i++) {
        if (write_floats(j.folder, i, out[i], count[i]) == 0)
            printf("%zu %zu\n", i, count[i]);
        else
            rc = 1;
        free(out[i]);
    }
    free(x);
    dnb_program_free(p);
    dnb_graph_free(g);
    return rc;
}
