/* Files of weights: every model goes through a file unchanged, what does not belong together is
 * refused, faults are reported. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dnnbrain/random.h"
#include "dnnbrain/runtime.h"
#include "dnnbrain/weightsfile.h"
#include "failing_alloc.h"
#include "scratch.h"

enum { N = 40, WIDE = 60, NARROW = 9, M = 3, K = 3 };

static double x[N * WIDE], y[N * M];
static int64_t labels[N];

static const char *const classes[] = {"cat", "dog", "owl"};
static const char *const targets[] = {"condition"};
static const dnb_weights_classes class_list[] = {{K, classes}};

static void make(size_t d)
{
    dnb_random r;
    dnb_random_init(&r, 11, d);
    for (size_t i = 0; i < N; i++) {
        labels[i] = (int64_t)(i % K) * 5 - 3;
        for (size_t j = 0; j < d; j++)
            x[i * d + j] = 3 + dnb_random_normal(&r) + (j % K == i % K ? 1.5 : 0.0);
        for (size_t t = 0; t < M; t++)
            y[i * M + t] = x[i * d + t] - 2 * x[i * d + t + 1] + 0.1 * dnb_random_normal(&r);
    }
}

/* Rows through a callback, some columns or whole. */
static dnb_status read_tile(void *ctx, size_t row, size_t n_rows, size_t col, size_t n_cols,
                            void *dst, dnb_err *err)
{
    (void)err;
    size_t d = *(size_t *)ctx;
    for (size_t i = 0; i < n_rows; i++)
        memcpy((double *)dst + i * n_cols, x + (row + i) * d + col, n_cols * sizeof(double));
    return DNB_OK;
}

typedef struct model {
    const char *path;
    size_t d, pca, memory;
    double tolerance;
    bool classify;
    int kind;
} model;

static dnb_weights_info info_of(const model *m, dnb_weights_layer *layer)
{
    *layer = (dnb_weights_layer){"conv/1", {m->d / 3, 3, 1}};
    dnb_weights_info info = {.classify = m->classify, .n_layers = 1, .layers = layer};
    if (m->classify) {
        info.classifier = (dnb_classifier_kind)m->kind;
        info.n_components = info.classifier == DNB_NAIVE_BAYES ? m->pca : 0;
        info.targets = targets;
        info.n_targets = 1;
        info.classes = class_list;
    } else {
        info.regression = (dnb_regression_kind)m->kind;
        info.n_targets = M;
    }
    return info;
}

static dnb_status write_model(const model *m, dnb_err *err)
{
    dnb_weightswriter *w = NULL;
    dnb_mapping_weights *fit = NULL;
    dnb_weights_layer shape;
    dnb_weights_info info = info_of(m, &shape);
    dnb_mapping_layer layer = {"conv/1", dnb_rows_f64(x, N, m->d)};
    dnb_mapping_options o = {.classify = m->classify, .n_components = m->pca};
    o.classifier.kind = info.classifier;
    o.classifier.tolerance = m->tolerance;
    o.regression = dnb_regression_defaults(info.regression);
    dnb_status status =
        dnb_mapping_weights_new(&fit, &layer, m->classify ? NULL : y, m->classify ? labels : NULL,
                                m->classify ? 1 : M, &o, err);
    if (status == DNB_OK)
        status = dnb_weightswriter_open(&w, m->path, &info, 0, err);
    if (status == DNB_OK)
        status = dnb_weightswriter_push(w, 0, 0, fit, err);
    if (status == DNB_OK)
        status = dnb_weightswriter_commit(w, "{}", err);
    else
        dnb_weightswriter_abort(w);
    dnb_mapping_weights_free(fit);
    return status;
}

/* What the file says of the rows it was fitted on; source: 0 in memory, 1 tiles, 2 whole rows. */
static dnb_status apply(double *values, size_t *said, const model *m, int source, dnb_err *err)
{
    dnb_weightsfile *f = NULL;
    size_t d = m->d;
    dnb_rows rows = dnb_rows_f64(x, N, d);
    if (source)
        rows = (dnb_rows){.n = N,
                          .d = d,
                          .dtype = DNB_F64,
                          .read = read_tile,
                          .ctx = &d,
                          .whole_rows = source == 2};
    dnb_status status = dnb_weightsfile_open(&f, m->path, err);
    if (status == DNB_OK && m->classify)
        status = dnb_weightsfile_classify(said, values, f, 0, 0, &rows, false, m->memory, err);
    else if (status == DNB_OK)
        status = dnb_weightsfile_predict(values, f, 0, &rows, m->memory, err);
    dnb_weightsfile_close(f);
    return status;
}

static void must(dnb_status status, const dnb_err *err)
{
    if (status != DNB_OK)
        fail_msg("%s", err->message);
}

/* As the classifier fitted to the features says. */
static void every_classifier_comes_back(void **state)
{
    (void)state;
    scratch s;
    dnb_err err = {0};
    scratch_open(&s);
    for (int kind = 0; kind < DNB_CLASSIFIER_COUNT; kind++)
        for (int wide = 0; wide < 2; wide++) {
            model m = {.path = scratch_path(&s, "w.h5"),
                       .d = wide ? WIDE : NARROW,
                       .classify = true,
                       .kind = kind};
            double want[N * K], got[N * K], other[N * K];
            int64_t label[N];
            size_t said[N], again[N];
            dnb_classifier *c = NULL;
            m.tolerance = kind == DNB_SVC ? 1e-8 : 0;
            dnb_classifier_options o = {.kind = (dnb_classifier_kind)kind,
                                        .tolerance = m.tolerance};
            make(m.d);
            must(dnb_classifier_fit(&c, x, N, m.d, labels, &o, &err), &err);
            must(dnb_classifier_predict(label, want, c, x, N, &err), &err);
            dnb_classifier_free(c);
            must(write_model(&m, &err), &err);
            must(apply(got, said, &m, 0, &err), &err);
            for (size_t i = 0; i < N; i++)
                assert_int_equal((int64_t)said[i] * 5 - 3, label[i]);
            for (size_t i = 0; i < N * K; i++)
                assert_true(fabs(got[i] - want[i]) < 1e-5 * (1 + fabs(want[i])));
            for (int source = 1; source < 3; source++) {
                m.memory = 40000; /* few features and rows at a time */
                must(apply(other, again, &m, source, &err), &err);
                assert_memory_equal(said, again, sizeof said);
                for (size_t i = 0; i < N * K; i++)
                    assert_true(fabs(got[i] - other[i]) < 1e-9 * (1 + fabs(got[i])));
            }
        }
    assert_int_equal(scratch_count(&s), 1);
    scratch_close(&s);
}

/* After PCA with all components the linear models that do not change under rotation say what they
 * say of the features; naive Bayes keeps its components. */
static void components_are_folded_in(void **state)
{
    (void)state;
    scratch s;
    dnb_err err = {0};
    scratch_open(&s);
    for (int wide = 0; wide < 2; wide++)
        for (int kind = 0; kind < DNB_CLASSIFIER_COUNT; kind++) {
            model plain = {.path = scratch_path(&s, "a.h5"),
                           .d = wide ? WIDE : NARROW,
                           .classify = true,
                           .kind = kind},
                  pca = plain;
            double a[N * K], b[N * K];
            size_t said[N], again[N];
            pca.path = scratch_path(&s, "b.h5");
            pca.pca = wide ? N - 1 : NARROW;
            make(plain.d);
            must(write_model(&plain, &err), &err);
            must(write_model(&pca, &err), &err);
            must(apply(a, said, &plain, 0, &err), &err);
            must(apply(b, again, &pca, 0, &err), &err);
            dnb_weightsfile *f = NULL;
            must(dnb_weightsfile_open(&f, pca.path, &err), &err);
            bool bayes = kind == DNB_NAIVE_BAYES;
            assert_int_equal(dnb_weightsfile_info(f)->n_components, bayes ? pca.pca : 0);
            assert_string_equal(dnb_weightsfile_info(f)->classes[0].names[2], "owl");
            assert_string_equal(dnb_weightsfile_provenance(f), "{}");
            dnb_weightsfile_close(f);
            if (kind != DNB_LOGISTIC && kind != DNB_SVC)
                continue;
            assert_memory_equal(said, again, sizeof said);
            for (size_t i = 0; i < N * K; i++)
                assert_true(fabs(a[i] - b[i]) < 1e-3 * (1 + fabs(a[i])));
        }
    scratch_close(&s);
}

/* Noise-free least squares predicts what it was fitted on. */
static void regressions_come_back(void **state)
{
    (void)state;
    scratch s;
    dnb_err err = {0};
    scratch_open(&s);
    for (int kind = 0; kind < 2; kind++) {
        model m = {.path = scratch_path(&s, "w.h5"), .d = WIDE, .kind = kind ? DNB_RIDGE : DNB_GLM};
        double got[N * M], other[N * M];
        make(WIDE);
        must(write_model(&m, &err), &err);
        must(apply(got, NULL, &m, 0, &err), &err);
        for (size_t i = 0; !kind && i < N * M; i++)
            assert_true(fabs(got[i] - y[i]) < 1e-9);
        int threads = dnb_threads_get();
        dnb_threads_set(threads == 1 ? 2 : 1);
        must(apply(other, NULL, &m, 0, &err), &err);
        dnb_threads_set(threads);
        assert_memory_equal(got, other, sizeof got);
        for (int source = 1; source < 3; source++) {
            m.memory = 4000;
            must(apply(other, NULL, &m, source, &err), &err);
            for (size_t i = 0; i < N * M; i++)
                assert_true(fabs(got[i] - other[i]) < 1e-9);
        }
    }
    scratch_close(&s);
}

static void expect(dnb_status got, dnb_status want, const dnb_err *err, const char *word)
{
    assert_int_equal(got, want);
    if (!strstr(err->message, word))
        fail_msg("'%s' does not say '%s'", err->message, word);
}

static void wrong_use_is_refused(void **state)
{
    (void)state;
    scratch s;
    dnb_err err = {0};
    dnb_weightsfile *f = NULL;
    dnb_weightswriter *w = NULL;
    dnb_weights_layer shape;
    double values[N * K];
    size_t said[N], at = 9;
    scratch_open(&s);
    make(WIDE);
    model m = {.path = scratch_path(&s, "w.h5"), .d = WIDE, .classify = true, .kind = DNB_SVC};
    must(write_model(&m, &err), &err);
    must(dnb_weightsfile_open(&f, m.path, &err), &err);
    dnb_rows rows = dnb_rows_f64(x, N, WIDE - 1);
    expect(dnb_weightsfile_classify(said, values, f, 0, 0, &rows, false, 0, &err), DNB_ESHAPE, &err,
           "for 60 features, not 59");
    rows = dnb_rows_f64(x, N, WIDE);
    expect(dnb_weightsfile_classify(said, values, f, 0, 0, &rows, true, 0, &err), DNB_EUNSUPPORTED,
           &err, "not probabilities");
    expect(dnb_weightsfile_predict(values, f, 0, &rows, 0, &err), DNB_EARG, &err, "a classifier");
    expect(dnb_weightsfile_classify(said, values, f, 0, 1, &rows, false, 0, &err), DNB_EARG, &err,
           "no classifier of target 1");
    expect(dnb_weightsfile_find_layer(f, "conv", &at, &err), DNB_ENOTFOUND, &err, "'conv/1'");
    expect(dnb_weightsfile_find_target(f, "RT", &at, &err), DNB_ENOTFOUND, &err, "'condition'");
    assert_int_equal(at, 9);
    x[3 * WIDE + 2] = NAN;
    expect(dnb_weightsfile_classify(said, values, f, 0, 0, &rows, false, 0, &err), DNB_EARG, &err,
           "stimulus 4");
    dnb_weightsfile_close(f);
    make(WIDE);

    dnb_weights_info info = info_of(&m, &shape);
    must(dnb_weightswriter_open(&w, scratch_path(&s, "v.h5"), &info, 0, &err), &err);
    expect(dnb_weightswriter_commit(w, NULL, &err), DNB_EARG, &err, "is missing");
    info.classifier = DNB_CLASSIFIER_COUNT;
    expect(dnb_weightswriter_open(&w, scratch_path(&s, "v.h5"), &info, 0, &err), DNB_EARG, &err,
           "unknown model");
    info.classifier = DNB_SVC;
    info.classes = NULL;
    expect(dnb_weightswriter_open(&w, scratch_path(&s, "v.h5"), &info, 0, &err), DNB_EARG, &err,
           "names and classes");
    assert_int_equal(scratch_count(&s), 1);

    dnb_mapping_weights *fit = NULL;
    dnb_mapping_layer layer = {"conv/1", rows};
    dnb_mapping_options o = {.classify = true};
    expect(dnb_mapping_weights_new(&fit, &layer, y, labels, 1, &o, &err), DNB_EARG, &err, "either");
    expect(dnb_mapping_weights_new(&fit, &layer, NULL, labels, 2, &o, &err), DNB_EARG, &err,
           "one column");
    o.classify = false;
    expect(dnb_mapping_weights_new(&fit, &layer, NULL, labels, 1, &o, &err), DNB_EARG, &err,
           "labels need a classifier");
    assert_null(fit);
    scratch_close(&s);
}

/* Writes, reads and applies one model. */
static dnb_status whole_way(const void *ctx, dnb_err *err)
{
    double values[N * K];
    size_t said[N];
    dnb_threads_set(1);
    dnb_status status = write_model(ctx, err);
    return status == DNB_OK ? apply(values, said, ctx, 2, err) : status;
}

static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    static const model models[] = {
        {.d = WIDE, .kind = DNB_RIDGE},
        {.d = WIDE, .classify = true, .kind = DNB_LOGISTIC},
        {.d = NARROW, .classify = true, .kind = DNB_LDA},
        {.d = NARROW, .classify = true, .kind = DNB_NAIVE_BAYES},
        {.d = WIDE, .pca = 4, .classify = true, .kind = DNB_NAIVE_BAYES},
    };
    scratch s;
    scratch_open(&s);
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        model m = models[i];
        m.path = scratch_path(&s, "w.h5");
        make(m.d);
#ifdef DNB_FAULTS
        assert_true(dnb_each_failing_alloc(whole_way, &m) > 30);
#else
        assert_int_equal(whole_way(&m, NULL), DNB_OK);
#endif
        assert_int_equal(scratch_count(&s), 1);
    }
    scratch_close(&s);
}

int main(void)
{
    /* Jobs that fork come first: OpenMP's threads do not survive a fork. */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failing_allocation_is_reported),
        cmocka_unit_test(every_classifier_comes_back),
        cmocka_unit_test(components_are_folded_in),
        cmocka_unit_test(regressions_come_back),
        cmocka_unit_test(wrong_use_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
