/* The mapping engine: answers that can be worked out, refusals, faults, threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "array/krylov.h"
#include "array/spd.h"
#include "dnnbrain/linalg.h"
#include "dnnbrain/mapping.h"
#include "dnnbrain/random.h"
#include "failing_alloc.h"

enum { N = 48, D = 70, M = 6 };

typedef struct set {
    double wide[N * D], narrow[N * 8], y[N * M];
    int64_t labels[N], runs[N];
    dnb_folds folds;
    dnb_mapping_layer layers[2];
} set;

/* Targets 0..2 follow the wide layer, 3 and 4 the narrow one, 5 is constant. */
static void make(set *s)
{
    dnb_random r;
    dnb_folds_options fo = {.k = 4};
    dnb_random_init(&r, 3, 0);
    for (size_t i = 0; i < N * D; i++)
        s->wide[i] = dnb_random_normal(&r) / (1.0 + (double)(i % D) / 4);
    for (size_t i = 0; i < N * 8; i++)
        s->narrow[i] = dnb_random_normal(&r);
    for (size_t i = 0; i < N; i++) {
        for (size_t t = 0; t < M; t++) {
            const double *x = t < 3 ? s->wide + i * D : s->narrow + i * 8;
            s->y[i * M + t] = t == 5 ? 2 : x[t % 3] - x[t % 3 + 1] + 0.1 * dnb_random_normal(&r);
        }
        s->runs[i] = (int64_t)(i / 8);
        s->labels[i] = s->narrow[i * 8] + s->narrow[i * 8 + 1] > 0 ? 7 : -2;
    }
    assert_int_equal(dnb_folds_init(&s->folds, N, &fo, NULL), DNB_OK);
    s->layers[0] = (dnb_mapping_layer){"wide", dnb_rows_f64(s->wide, N, D)};
    s->layers[1] = (dnb_mapping_layer){"narrow", dnb_rows_f64(s->narrow, N, 8)};
}

static dnb_mapping_options basic(const set *s)
{
    return (dnb_mapping_options){.folds = &s->folds, .n_components = 5, .predictions = true};
}

static void best_layer_is_found(void **state)
{
    (void)state;
    set s;
    make(&s);
    dnb_mapping_options o = basic(&s);
    dnb_mapping map;
    dnb_err err = {0};
    o.n_components = 8;
    o.choose_layer = true;
    o.n_permutations = 39;
    if (dnb_mapping_run(&map, s.layers, 2, s.y, NULL, M, &o, &err) != DNB_OK)
        fail_msg("%s", err.message);
    assert_int_equal(map.n_constant, 1);
    assert_int_equal(map.k, 4);
    for (size_t t = 0; t < 5; t++) {
        size_t right = t < 3 ? 0 : 1;
        assert_int_equal(map.best.mode[t], right);
        assert_int_equal(map.best.chosen[t] + map.best.chosen[M + t], 4);
        assert_true(map.best.mean[t] > 0.2);
        assert_true(map.layer[right].mean[t] > map.layer[1 - right].mean[t]);
        assert_true(fabs(map.best.test.p[t] - 1.0 / 40) < 1e-12);
        assert_true(fabs(map.layer[right].test.p_max[t] - 1.0 / 40) < 1e-12);
        assert_true(map.p_family[right * M + t] >= map.layer[right].test.p_max[t]);
    }
    /* The constant target is predicted exactly, in every permutation too. */
    assert_true(map.layer[0].mean[5] == 1);
    assert_true(map.layer[0].test.p[5] == 1);
    dnb_mapping_release(&map);
    dnb_folds_release(&s.folds);
}

static void scores_are_of_the_predictions(void **state)
{
    (void)state;
    set s;
    make(&s);
    dnb_mapping_options o = basic(&s);
    dnb_mapping map;
    double y[N * M], f[N * M], score[M];
    size_t rows[N];
    o.scoring = DNB_SCORE_CORRELATION;
    assert_int_equal(dnb_mapping_run(&map, s.layers, 2, s.y, NULL, M, &o, NULL), DNB_OK);
    for (size_t k = 0; k < 4; k++) {
        size_t n = dnb_folds_test_rows(&s.folds, k, rows);
        for (size_t i = 0; i < n; i++) {
            memcpy(y + i * M, s.y + rows[i] * M, sizeof(double) * M);
            memcpy(f + i * M, map.layer[1].prediction + rows[i] * M, sizeof(double) * M);
        }
        assert_int_equal(dnb_score_columns(score, DNB_SCORE_CORRELATION, y, f, n, M, NULL), DNB_OK);
        assert_memory_equal(score, map.layer[1].score + k * M, sizeof score);
    }
    assert_null(map.layer[0].test.p);
    assert_null(map.best.layer);
    dnb_mapping_release(&map);
    dnb_folds_release(&s.folds);
}

static void same_map(const dnb_mapping *a, const dnb_mapping *b)
{
    size_t bytes = M * sizeof(double);
    for (size_t l = 0; l < 2; l++) {
        const dnb_mapping_scores *p = &a->layer[l], *q = &b->layer[l];
        assert_memory_equal(p->score, q->score, 4 * bytes);
        assert_memory_equal(p->mean, q->mean, bytes);
        assert_memory_equal(p->test.p_max, q->test.p_max, bytes);
        assert_memory_equal(p->prediction, q->prediction, N * bytes);
        assert_int_equal(!p->alpha, !q->alpha);
        if (p->alpha)
            assert_memory_equal(p->alpha, q->alpha, 4 * bytes);
        assert_int_equal(p->rank, q->rank);
    }
    assert_memory_equal(a->best.layer, b->best.layer, 4 * M * sizeof(size_t));
    assert_memory_equal(a->best.mean, b->best.mean, bytes);
    assert_memory_equal(a->best.test.p, b->best.test.p, bytes);
    assert_int_equal(a->n_constant, b->n_constant);
}

/* With components: one design for all. Without: hat matrices of their own. */
static void models_in_one_call_are_as_alone(void **state)
{
    (void)state;
    static const double alphas[] = {0.1, 1, 10};
    set s;
    make(&s);
    for (int pca = 0; pca < 2; pca++) {
        dnb_mapping_options o[3];
        dnb_mapping together[3], alone;
        for (int i = 0; i < 3; i++) {
            o[i] = basic(&s);
            o[i].n_components = pca ? 5 : 0;
            o[i].choose_layer = true;
            o[i].n_permutations = 9;
        }
        o[1].regression = (dnb_regression_options){.kind = DNB_RIDGE, .alphas = alphas};
        o[1].regression.n_alphas = pca ? 3 : 1;
        o[1].regression.choice = pca ? DNB_PENALTY_CV : DNB_PENALTY_FIXED;
        o[2].regression = (dnb_regression_options){.kind = DNB_RIDGE};
        if (pca)
            o[2].regression = (dnb_regression_options){.kind = DNB_PLS, .components = 3};
        o[2].scoring = DNB_SCORE_CORRELATION;
        assert_int_equal(dnb_mapping_run_models(together, s.layers, 2, s.y, NULL, M, o, 3, NULL),
                         DNB_OK);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(dnb_mapping_run(&alone, s.layers, 2, s.y, NULL, M, &o[i], NULL),
                             DNB_OK);
            same_map(&together[i], &alone);
            dnb_mapping_release(&alone);
            dnb_mapping_release(&together[i]);
        }
        dnb_err err = {0};
        o[1].n_permutations = 8;
        assert_int_equal(dnb_mapping_run_models(together, s.layers, 2, s.y, NULL, M, o, 3, &err),
                         DNB_EARG);
        assert_non_null(strstr(err.message, "permutations"));
        o[1] = o[0];
        o[1].regression = (dnb_regression_options){.kind = DNB_LASSO};
        assert_int_equal(dnb_mapping_run_models(together, s.layers, 2, s.y, NULL, M, o, 2, &err),
                         pca ? DNB_OK : DNB_EARG);
        for (int i = 0; i < 2 && pca; i++)
            dnb_mapping_release(&together[i]);
        assert_true(pca || strstr(err.message, "layer wide in different forms"));
    }
    dnb_folds_release(&s.folds);
}

/* The mean score of a layer whose features say nothing has p values spread over 0..1. */
static void noise_has_no_small_p(void **state)
{
    (void)state;
    enum { COUNT = 60 };
    set s;
    make(&s);
    dnb_mapping_options o = {.folds = &s.folds, .n_permutations = 99, .seed = 5};
    dnb_mapping map;
    dnb_random r;
    double y[N * COUNT], mean = 0;
    dnb_random_init(&r, 11, 0);
    for (size_t i = 0; i < N * COUNT; i++)
        y[i] = dnb_random_normal(&r);
    for (int wide = 0; wide < 2; wide++) {
        assert_int_equal(dnb_mapping_run(&map, &s.layers[wide], 1, y, NULL, COUNT, &o, NULL),
                         DNB_OK);
        mean = 0;
        for (size_t t = 0; t < COUNT; t++) {
            mean += map.layer[0].test.p[t] / COUNT;
            assert_true(map.layer[0].test.p[t] >= 0.01 && map.layer[0].test.p[t] <= 1);
            assert_true(map.layer[0].test.p_max[t] >= map.layer[0].test.p[t]);
            assert_true(map.layer[0].test.q[t] >= map.layer[0].test.p[t]);
        }
        assert_true(mean > 0.35 && mean < 0.65);
        dnb_mapping_release(&map);
    }
    dnb_folds_release(&s.folds);
}

static void runs_are_exchanged_whole(void **state)
{
    (void)state;
    set s;
    make(&s);
    dnb_mapping_options o = basic(&s);
    dnb_mapping map;
    double y[N];
    for (size_t i = 0; i < N; i++)
        y[i] = (double)s.runs[i];
    o.exchange = s.runs;
    o.n_permutations = 9;
    assert_int_equal(dnb_mapping_run(&map, s.layers, 1, y, NULL, 1, &o, NULL), DNB_OK);
    assert_true(map.layer[0].test.p[0] == 1);
    dnb_mapping_release(&map);
    dnb_folds_release(&s.folds);
}

static void labels_are_classified(void **state)
{
    (void)state;
    set s;
    make(&s);
    dnb_mapping_options o = basic(&s);
    dnb_mapping map;
    double right = 0, counted = 0;
    o.classify = true;
    o.n_components = 0;
    o.scoring = DNB_SCORE_ACCURACY;
    o.n_permutations = 19;
    assert_int_equal(dnb_mapping_run(&map, &s.layers[1], 1, NULL, s.labels, 1, &o, NULL), DNB_OK);
    assert_int_equal(map.n_classes, 2);
    assert_int_equal(map.classes[0], -2);
    for (size_t i = 0; i < N; i++)
        right += map.layer[0].said[i] == s.labels[i];
    for (size_t k = 0; k < 4; k++)
        counted += map.layer[0].confusion[k * 4] + map.layer[0].confusion[k * 4 + 3];
    assert_true(right == counted);
    assert_true(fabs(map.layer[0].mean[0] - right / N) < 1e-12);
    assert_true(right > 0.85 * N);
    assert_true(fabs(map.layer[0].test.p[0] - 0.05) < 1e-12);
    dnb_mapping_release(&map);
    dnb_folds_release(&s.folds);
}

static void threads_change_nothing(void **state)
{
    (void)state;
    set s;
    make(&s);
    double alphas[2] = {1, 10};
    for (int kind = 0; kind < 6; kind++) {
        dnb_mapping_options o = basic(&s);
        dnb_mapping a, b;
        o.n_components = kind % 2 ? 0 : 5;
        o.regression.kind = kind / 2 == 0 ? DNB_GLM : kind / 2 == 1 ? DNB_RIDGE : DNB_PLS;
        o.regression.components = 2;
        o.regression.no_scale = true;
        if (kind / 2 == 1) {
            o.regression.alphas = alphas;
            o.regression.n_alphas = 2;
            o.regression.choice = DNB_PENALTY_CV;
        }
        o.choose_layer = true;
        o.n_permutations = 3;
        int threads = dnb_threads_get();
        dnb_threads_set(1);
        assert_int_equal(dnb_mapping_run(&a, s.layers, 2, s.y, NULL, M, &o, NULL), DNB_OK);
        dnb_threads_set(2);
        assert_int_equal(dnb_mapping_run(&b, s.layers, 2, s.y, NULL, M, &o, NULL), DNB_OK);
        dnb_threads_set(threads);
        for (int l = 0; l < 2; l++) {
            assert_memory_equal(a.layer[l].score, b.layer[l].score, 4 * M * sizeof(double));
            assert_memory_equal(a.layer[l].prediction, b.layer[l].prediction,
                                N * M * sizeof(double));
            assert_memory_equal(a.layer[l].test.p, b.layer[l].test.p, M * sizeof(double));
        }
        assert_memory_equal(a.best.score, b.best.score, 4 * M * sizeof(double));
        dnb_mapping_release(&a);
        dnb_mapping_release(&b);
    }
    dnb_folds_release(&s.folds);
}

/* Weights of all rows predict what they were fitted on, in the layer's own features. */
static void weights_speak_of_features(void **state)
{
    (void)state;
    set s;
    make(&s);
    double w[D * M];
    for (int kind = 0; kind < 3; kind++) {
        dnb_mapping_options o = {.n_components = kind == 2 ? N - 1 : 0};
        dnb_mapping_weights *f = NULL;
        double alpha = 1e-6;
        o.regression.kind = kind == 1 ? DNB_RIDGE : DNB_GLM;
        o.regression.alphas = kind == 1 ? &alpha : NULL;
        o.regression.n_alphas = kind == 1;
        assert_int_equal(dnb_mapping_weights_new(&f, &s.layers[0], s.y, NULL, M, &o, NULL), DNB_OK);
        assert_int_equal(dnb_mapping_weights_features(f), D);
        assert_int_equal(dnb_mapping_weights_targets(f), M);
        assert_true((dnb_mapping_weights_alpha(f) != NULL) == (kind == 1));
        assert_int_equal(dnb_mapping_weights_read(w, f, 0, 40, NULL), DNB_OK);
        assert_int_equal(dnb_mapping_weights_read(w + 40 * M, f, 40, D - 40, NULL), DNB_OK);
        assert_int_equal(dnb_mapping_weights_read(w, f, 40, D, NULL), DNB_EARG);
        for (size_t i = 0; i < N; i++)
            for (size_t t = 0; t < M; t++) {
                double yhat = dnb_mapping_weights_intercept(f)[t];
                for (size_t j = 0; j < D; j++)
                    yhat += s.wide[i * D + j] * w[j * M + t];
                assert_true(fabs(yhat - s.y[i * M + t]) < (kind == 1 ? 1e-4 : 1e-9));
            }
        dnb_mapping_weights_free(f);
    }
    dnb_folds_release(&s.folds);
}

static void expect(const set *s, const dnb_mapping_options *o, const double *y, size_t n_layers,
                   dnb_status status, const char *word)
{
    dnb_mapping map = {.n = 77};
    dnb_err err = {0};
    assert_int_equal(dnb_mapping_run(&map, s->layers, n_layers, y, NULL, M, o, &err), status);
    if (!strstr(err.message, word))
        fail_msg("'%s' does not say '%s'", err.message, word);
    assert_int_equal(map.n, 77);
}

static void wrong_input_is_refused(void **state)
{
    (void)state;
    set s;
    make(&s);
    dnb_mapping_options o = basic(&s);
    double kept = s.y[9 * M + 2];
    expect(&s, &o, NULL, 1, DNB_EARG, "labels");
    expect(&s, &o, s.y, 0, DNB_EARG, "no layer");
    s.y[9 * M + 2] = NAN;
    expect(&s, &o, s.y, 1, DNB_EARG, "target 3 is NaN or infinite at stimulus 10");
    s.y[9 * M + 2] = kept;
    s.wide[4 * D] = INFINITY;
    expect(&s, &o, s.y, 1, DNB_EARG, "layer wide: stimulus 5");
    s.wide[4 * D] = 0;
    s.narrow[3] = NAN;
    expect(&s, &o, s.y, 2, DNB_EARG, "layer narrow: stimulus 1");
    s.narrow[3] = 0;
    o.n_components = 9;
    expect(&s, &o, s.y, 2, DNB_EARG, "narrow has 8 features");
    o = basic(&s);
    o.memory = 4096;
    expect(&s, &o, s.y, 1, DNB_ENOMEM, "MB");
    o = basic(&s);
    o.choose_layer = true;
    expect(&s, &o, s.y, 1, DNB_EARG, "best");
    o = basic(&s);
    o.scoring = DNB_SCORE_AUC;
    expect(&s, &o, s.y, 1, DNB_EARG, "auc");
    o = basic(&s);
    o.folds = NULL;
    expect(&s, &o, s.y, 1, DNB_EARG, "folds");
    o = basic(&s);
    s.layers[1].x.n = N - 1;
    expect(&s, &o, s.y, 2, DNB_ESHAPE, "47");
    dnb_folds_release(&s.folds);
}

typedef struct stop {
    int polls, left;
} stop;

static bool stop_soon(void *ctx)
{
    stop *s = ctx;
    s->polls++;
    return s->left-- <= 0;
}

static void a_cancelled_run_leaves_nothing(void **state)
{
    (void)state;
    set s;
    make(&s);
    for (int left = 0; left < 12; left += 3) {
        stop when = {.left = left};
        dnb_progress progress = {.cancelled = stop_soon, .ctx = &when};
        dnb_mapping_options o = basic(&s);
        o.progress = &progress;
        expect(&s, &o, s.y, 2, DNB_ECANCELLED, "interrupted");
        assert_int_equal(when.polls, left + 1);
    }
    dnb_folds_release(&s.folds);
}

typedef struct job {
    const set *s;
    int kind;
} job;

static dnb_status run_job(const void *ctx, dnb_err *err)
{
    const job *j = ctx;
    const set *s = j->s;
    dnb_mapping_options o = basic(s);
    dnb_mapping map;
    dnb_folds folds = {0};
    dnb_mapping_weights *w = NULL;
    double block[8 * M];
    dnb_status status;
    dnb_threads_set(1);
    o.n_components = j->kind % 2 ? 0 : 5;
    if (j->kind >= 4) {
        status = dnb_mapping_weights_new(&w, s->layers, s->y, NULL, M, &o, err);
        if (status == DNB_OK)
            status = dnb_mapping_weights_read(block, w, 3, 8, err);
        dnb_mapping_weights_free(w);
        return status;
    }
    o.choose_layer = j->kind == 0;
    o.inner.k = 2;
    o.n_permutations = 1;
    o.folds = &folds;
    o.classify = j->kind >= 2;
    o.scoring = o.classify ? DNB_SCORE_ACCURACY : DNB_SCORE_R2;
    status = dnb_folds_init(&folds, N, &(dnb_folds_options){.k = 2}, err);
    if (status == DNB_OK)
        status = dnb_mapping_run(&map, s->layers, j->kind == 0 ? 2 : 1, o.classify ? NULL : s->y,
                                 o.classify ? s->labels : NULL, o.classify ? 1 : M, &o, err);
    if (status == DNB_OK)
        dnb_mapping_release(&map);
    dnb_folds_release(&folds);
    return status;
}

static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    set s;
    make(&s);
#ifdef DNB_FAULTS
    for (int kind = 0; kind < 6; kind++) {
        job j = {&s, kind};
        assert_true(dnb_each_failing_alloc(run_job, &j) > 10);
    }
#else
    job j = {&s, 0};
    assert_int_equal(run_job(&j, NULL), DNB_OK);
#endif
    dnb_folds_release(&s.folds);
}

/* Blocks of 128: an order beside their edge, and one with several. */
static void positive_systems_are_solved(void **state)
{
    (void)state;
    static const size_t orders[] = {1, 5, 128, 129, 300};
    for (size_t q = 0; q < 5; q++) {
        size_t n = orders[q], m = 3;
        double *l = malloc(n * n * sizeof *l), *a = calloc(n * n, sizeof *a);
        double *x = malloc(n * m * sizeof *x), *b = calloc(n * m, sizeof *b);
        bool positive = false;
        dnb_random r;
        dnb_random_init(&r, 1, n);
        for (size_t i = 0; i < n * n; i++)
            l[i] = dnb_random_normal(&r);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                for (size_t k = 0; k < n; k++)
                    a[i * n + j] += l[i * n + k] * l[j * n + k] + (i == j);
        for (size_t i = 0; i < n * m; i++)
            x[i] = dnb_random_normal(&r);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                for (size_t c = 0; c < m; c++)
                    b[i * m + c] += a[i * n + j] * x[j * m + c];
        assert_int_equal(dnb_spd_factor(a, n, 0, &positive, NULL), DNB_OK);
        assert_true(positive);
        assert_int_equal(dnb_spd_solve(b, m, a, n, NULL), DNB_OK);
        for (size_t i = 0; i < n * m; i++)
            assert_true(fabs(b[i] - x[i]) < 1e-9);
        for (size_t i = 0; i < n * n; i++)
            a[i] = i % (n + 1) == 0 ? (i == n * n - 1 ? -1 : 1) : 0;
        assert_int_equal(dnb_spd_factor(a, n, 0, &positive, NULL), DNB_OK);
        assert_false(positive);
        free(l);
        free(a);
        free(x);
        free(b);
    }
}

/* A matrix with known eigenvalues: reflections of a diagonal. */
static void few_eigenvalues_of_a_large_matrix(void **state)
{
    (void)state;
    enum { ORDER = 1001, K = 20 };
    double *a = calloc((size_t)ORDER * ORDER, sizeof *a), *v = malloc(ORDER * sizeof *v), values[K];
    double *u = malloc((size_t)ORDER * K * sizeof *u), square = 0;
    bool converged = false;
    dnb_random r;
    dnb_random_init(&r, 8, 0);
    for (size_t i = 0; i < ORDER; i++) {
        v[i] = dnb_random_normal(&r);
        square += v[i] * v[i];
    }
    /* H diag H with H = I - 2 v v^T / |v|^2; the three largest are equal. */
    for (size_t i = 0; i < ORDER; i++)
        for (size_t j = 0; j < ORDER; j++) {
            double di = i < 3 ? 9 : 8.0 / (1 + (double)i), dj = j < 3 ? 9 : 8.0 / (1 + (double)j);
            a[i * ORDER + j] = (i == j ? di : 0) - 2 * v[i] * v[j] * (di + dj) / square;
        }
    double middle = 0;
    for (size_t i = 0; i < ORDER; i++)
        middle += v[i] * v[i] * (i < 3 ? 9 : 8.0 / (1 + (double)i));
    for (size_t i = 0; i < ORDER; i++)
        for (size_t j = 0; j < ORDER; j++)
            a[i * ORDER + j] += 4 * v[i] * v[j] * middle / square / square;
    assert_true(dnb_krylov_suits(ORDER, K));
    assert_false(dnb_krylov_suits(ORDER, ORDER / 2));
    assert_false(dnb_krylov_suits(200, 5));
    assert_int_equal(dnb_krylov_eigen(&converged, values, u, a, ORDER, K, NULL), DNB_OK);
    assert_true(converged);
    for (size_t c = 0; c < K; c++)
        assert_true(fabs(values[c] - (c < 3 ? 9 : 8.0 / (1 + (double)c))) < 1e-11);
    for (size_t c = 0; c < K; c++)
        for (size_t i = 0; i < ORDER; i += 97) {
            double au = 0;
            for (size_t j = 0; j < ORDER; j++)
                au += a[i * ORDER + j] * u[j * K + c];
            assert_true(fabs(au - values[c] * u[i * K + c]) < 1e-11);
        }
    free(a);
    free(v);
    free(u);
}

/* Clusters, on which LAPACK's bisection fails. */
static dnb_status eigen_job(const void *ctx, dnb_err *err)
{
    enum { ORDER = 150, K = 2 };
    double *a = calloc((size_t)ORDER * ORDER, sizeof *a), values[K];
    bool converged = false;
    (void)ctx;
    dnb_threads_set(1);
    for (size_t i = 0; i < ORDER; i++)
        a[i * ORDER + i] = i < 2 ? 3 - (double)i : 1e-3;
    dnb_status status = dnb_krylov_eigen(&converged, values, NULL, a, ORDER, K, err);
    if (status == DNB_OK)
        assert_true(converged && fabs(values[0] - 3) < 1e-12 && fabs(values[1] - 2) < 1e-12);
    free(a);
    return status;
}

static void eigenvalues_report_failing_allocations(void **state)
{
    (void)state;
#ifdef DNB_FAULTS
    assert_true(dnb_each_failing_alloc(eigen_job, NULL) > 5);
#else
    assert_int_equal(eigen_job(NULL, NULL), DNB_OK);
#endif
}

int main(void)
{
    /* Jobs that fork come first: OpenMP's threads do not survive a fork. */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failing_allocation_is_reported),
        cmocka_unit_test(eigenvalues_report_failing_allocations),
        cmocka_unit_test(best_layer_is_found),
        cmocka_unit_test(scores_are_of_the_predictions),
        cmocka_unit_test(models_in_one_call_are_as_alone),
        cmocka_unit_test(noise_has_no_small_p),
        cmocka_unit_test(runs_are_exchanged_whole),
        cmocka_unit_test(labels_are_classified),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(weights_speak_of_features),
        cmocka_unit_test(wrong_input_is_refused),
        cmocka_unit_test(a_cancelled_run_leaves_nothing),
        cmocka_unit_test(positive_systems_are_solved),
        cmocka_unit_test(few_eigenvalues_of_a_large_matrix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
