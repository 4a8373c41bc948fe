/* Running every layer of a network by several back ends and comparing. Include after cmocka.h. */
#ifndef DNB_TESTS_LAYER_SETS_H
#define DNB_TESTS_LAYER_SETS_H

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "nets.h"

#define MAX_LAYERS 64

/* Values of several layers for n stimuli. */
typedef struct layer_set {
    size_t n, n_layers;
    const char *names[MAX_LAYERS];
    size_t count[MAX_LAYERS]; /* per stimulus */
    float *data[MAX_LAYERS];
} layer_set;

static inline void set_init(layer_set *s, const dnb_net *net, const char *const *names,
                            size_t n_layers, size_t n)
{
    dnb_err err = {0};
    *s = (layer_set){.n = n, .n_layers = n_layers};
    for (size_t i = 0; i < n_layers; i++) {
        size_t shape[3];
        s->names[i] = names[i];
        if (dnb_net_layer_shape(net, names[i], shape, &err) != DNB_OK)
            fail_msg("%s", err.message);
        s->count[i] = shape[0] * shape[1] * shape[2];
        s->data[i] = dnb_alloc(n * s->count[i] + 1, sizeof(float));
        assert_non_null(s->data[i]);
        s->data[i][n * s->count[i]] = 12345; /* a guard behind the last row */
    }
}

static inline void set_release(layer_set *s)
{
    for (size_t i = 0; i < s->n_layers; i++) {
        assert_true(s->data[i][s->n * s->count[i]] == 12345);
        dnb_free(s->data[i]);
    }
}

static inline float *random_input(const dnb_net *net, size_t n)
{
    const dnb_input_spec *spec = dnb_net_input_spec(net);
    size_t count = n * spec->channels * spec->height * spec->width;
    float *x = dnb_alloc(count, sizeof *x);
    dnb_random r;
    dnb_random_init(&r, 7, 1);
    assert_non_null(x);
    for (size_t i = 0; i < count; i++)
        x[i] = (float)dnb_random_normal(&r);
    return x;
}

/* Runs net for s->n stimuli with the given batch (>= n) and back end. */
static inline void run_set(const dnb_net *net, layer_set *s, dnb_backend backend, size_t batch)
{
    dnb_runner *r = NULL;
    dnb_err err = {0};
    dnb_runner_options opt = {.batch = batch, .backend = backend};
    float *x = random_input(net, s->n);
    if (dnb_runner_new(&r, net, s->names, s->n_layers, &opt, &err) != DNB_OK ||
        dnb_runner_run(r, x, s->n, s->data, &err) != DNB_OK)
        fail_msg("%s", err.message);
    dnb_runner_free(r);
    dnb_free(x);
}

static inline double largest(const float *x, size_t n)
{
    double top = 0;
    for (size_t i = 0; i < n; i++)
        top = fmax(top, fabs((double)x[i]));
    return top;
}

/* Every layer of b agrees with a: max difference over the layer's max. */
static inline void compare_sets(const layer_set *a, const layer_set *b, double tolerance,
                                const char *what)
{
    for (size_t i = 0; i < a->n_layers; i++) {
        double scale = largest(a->data[i], a->n * a->count[i]), worst = 0;
        for (size_t k = 0; k < a->n * a->count[i]; k++) {
            double d = fabs((double)a->data[i][k] - (double)b->data[i][k]);
            worst = d > worst || d != d ? d : worst;
        }
        if (!(worst <= tolerance * scale))
            fail_msg("%s: layer %s differs by %g of %g", what, a->names[i], worst, scale);
    }
}

/* All main layers at once, and each alone (which allows the most fusion), against float64. */
static inline void check_net(const dnb_net *net, const char *what, size_t n, size_t batch)
{
    const char *names[MAX_LAYERS] = {0};
    layer_set truth, all, one;
    size_t n_layers = dnb_net_layer_count(net);
    assert_true(n_layers <= MAX_LAYERS);
    for (size_t i = 0; i < n_layers; i++)
        names[i] = dnb_net_layer_name(net, i);
    set_init(&truth, net, names, n_layers, n);
    set_init(&all, net, names, n_layers, n);
    run_set(net, &truth, DNB_BACKEND_REFERENCE64, n);
    run_set(net, &all, DNB_BACKEND_REFERENCE, n);
    compare_sets(&truth, &all, 1e-5, what);
    run_set(net, &all, DNB_BACKEND_ONEDNN, batch);
    compare_sets(&truth, &all, 2e-5, what);
    for (size_t i = 0; i < n_layers; i++) {
        set_init(&one, net, names + i, 1, n);
        run_set(net, &one, DNB_BACKEND_ONEDNN, batch);
        layer_set part = {.n = n,
                          .n_layers = 1,
                          .names = {names[i]},
                          .count = {truth.count[i]},
                          .data = {truth.data[i]}};
        compare_sets(&part, &one, 2e-5, what);
        set_release(&one);
    }
    set_release(&truth);
    set_release(&all);
}

#endif
