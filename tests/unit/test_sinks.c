/* scan: rows kept in memory and in a scratch file, sparse random projection. */
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "dnnbrain/distance.h"
#include "dnnbrain/linalg.h"
#include "dnnbrain/pca.h"
#include "dnnbrain/random.h"
#include "dnnbrain/runtime.h"
#include "dnnbrain/sinks.h"

/* Two layers: wider than two stripes with a rest, and narrower than one. More rows than a block. */
enum { N = 300, D0 = 5 * 11 * 13, D1 = 7 };

static const dnb_scan_layer layers[2] = {{"conv", {5, 11, 13}}, {"fc", {D1, 1, 1}}};

typedef struct fixture {
    float *x[2]; /* N x D0, N x D1 */
    char folder[64];
} fixture;

static size_t width(size_t layer)
{
    return layer == 0 ? D0 : D1;
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    dnb_random r;
    dnb_random_init(&r, 5, 0);
    for (size_t l = 0; l < 2; l++) {
        f->x[l] = malloc(N * width(l) * sizeof(float));
        for (size_t i = 0; i < N * width(l); i++)
            f->x[l][i] = (float)dnb_random_normal(&r);
    }
    snprintf(f->folder, sizeof f->folder, "/tmp/dnb_sinks_XXXXXX");
    *state = f;
    return mkdtemp(f->folder) ? 0 : -1;
}

static int teardown(void **state)
{
    fixture *f = *state;
    int left = rmdir(f->folder); /* fails when something was left in it */
    free(f->x[0]);
    free(f->x[1]);
    free(f);
    return left;
}

static size_t files_in(const char *folder)
{
    size_t n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e; e = readdir(d))
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* What a scan does, with the fixture's numbers as activations. */
static void feed(dnb_sink *sink, const fixture *f, size_t batch)
{
    dnb_err err = {0};
    size_t resume = 1;
    assert_int_equal(sink->begin(sink, layers, 2, N, &resume, &err), DNB_OK);
    assert_int_equal(resume, 0);
    for (size_t at = 0; at < N; at += batch) {
        size_t n = N - at < batch ? N - at : batch;
        for (size_t l = 0; l < 2; l++)
            assert_int_equal(sink->push(sink, l, at, n, f->x[l] + at * width(l), &err), DNB_OK);
        if (sink->batch_done)
            assert_int_equal(sink->batch_done(sink, at + n, &err), DNB_OK);
    }
    if (sink->end)
        assert_int_equal(sink->end(sink, &err), DNB_OK);
}

static dnb_sink *rows_of(const fixture *f, size_t memory, size_t batch)
{
    dnb_err err = {0};
    dnb_sink *sink = NULL;
    const dnb_sink_rows_options o = {.memory = memory, .folder = f->folder};
    assert_int_equal(dnb_sink_rows_new(&sink, &o, &err), DNB_OK);
    feed(sink, f, batch);
    assert_int_equal(files_in(f->folder), 0); /* a killed process leaves nothing */
    return sink;
}

static void test_plan_is_first_fit(void **state)
{
    (void)state;
    const size_t first = N * D0 * sizeof(float), second = N * D1 * sizeof(float);
    dnb_sink_rows_plan p;
    bool held[2];
    dnb_err err = {0};
    dnb_sink_rows_options o = {.memory = first + second};
    assert_int_equal(dnb_sink_rows_plan_make(&p, held, layers, 2, N, &o, &err), DNB_OK);
    assert_true(held[0] && held[1] && p.memory == first + second && p.scratch == 0);
    o.memory = first - 1;
    assert_int_equal(dnb_sink_rows_plan_make(&p, held, layers, 2, N, &o, &err), DNB_OK);
    assert_true(!held[0] && held[1] && p.memory == second && p.scratch == first);
    o.memory = 0;
    assert_int_equal(dnb_sink_rows_plan_make(&p, NULL, layers, 2, N, &o, &err), DNB_OK);
    assert_true(p.memory == 0 && p.scratch == first + second);
    const dnb_scan_layer huge = {"huge", {SIZE_MAX / 2, 2, 2}};
    assert_int_equal(dnb_sink_rows_plan_make(&p, NULL, &huge, 1, N, &o, &err), DNB_ESHAPE);
    assert_non_null(strstr(err.message, "layer huge"));
}

/* Any tile of the scratch file is that of the matrix, whatever batches it was written in. */
static void test_tiles_of_scratch(void **state)
{
    const fixture *f = *state;
    static const size_t batches[] = {1, 32, 257, N};
    static const struct {
        size_t row, n, col, d;
    } tiles[] = {{0, N, 0, D0}, {0, N, 256, 256},        {3, 290, 255, 258}, {299, 1, 714, 1},
                 {0, 1, 0, D0}, {255, 2, 511, D0 - 511}, {17, 5, 100, 20}};
    float *got = malloc(N * D0 * sizeof *got);
    dnb_err err = {0};
    for (size_t b = 0; b < sizeof batches / sizeof batches[0]; b++) {
        dnb_sink *sink = rows_of(f, 0, batches[b]);
        dnb_rows rows = dnb_sink_rows_layer(sink, 0);
        assert_true(rows.n == N && rows.d == D0 && !rows.data && rows.read);
        for (size_t t = 0; t < sizeof tiles / sizeof tiles[0]; t++) {
            assert_int_equal(
                rows.read(rows.ctx, tiles[t].row, tiles[t].n, tiles[t].col, tiles[t].d, got, &err),
                DNB_OK);
            for (size_t i = 0; i < tiles[t].n; i++)
                assert_memory_equal(got + i * tiles[t].d,
                                    f->x[0] + (tiles[t].row + i) * D0 + tiles[t].col,
                                    tiles[t].d * sizeof *got);
        }
        rows = dnb_sink_rows_layer(sink, 1);
        assert_int_equal(rows.read(rows.ctx, 0, N, 0, D1, got, &err), DNB_OK);
        assert_memory_equal(got, f->x[1], N * D1 * sizeof *got);
        dnb_sink_rows_free(sink);
    }
    free(got);
}

/* Gram matrices and distances: the same bits from memory, scratch and the plain matrix. */
static void test_analyses_agree(void **state)
{
    const fixture *f = *state;
    dnb_err err = {0};
    const dnb_metric metrics[] = {DNB_EUCLIDEAN, DNB_CORRELATION, DNB_CITYBLOCK};
    double *gram[2];
    for (size_t l = 0; l < 2; l++) {
        dnb_rows plain = dnb_rows_f32(f->x[l], N, width(l));
        for (int k = 0; k < 2; k++)
            gram[k] = malloc(N * N * sizeof(double));
        assert_int_equal(dnb_gram_run(gram[0], &plain, NULL, &err), DNB_OK);
        for (size_t memory = 0; memory < 2; memory++) {
            dnb_sink *sink = rows_of(f, memory ? (size_t)1 << 30 : 0, 32);
            dnb_rows rows = dnb_sink_rows_layer(sink, l);
            assert_true(!rows.data == !memory);
            assert_int_equal(dnb_gram_run(gram[1], &rows, NULL, &err), DNB_OK);
            assert_memory_equal(gram[0], gram[1], N * N * sizeof(double));
            for (size_t m = 0; m < sizeof metrics / sizeof metrics[0]; m++) {
                const dnb_pdist_options o = {.metric = metrics[m]};
                dnb_array a = {0}, b = {0};
                assert_int_equal(dnb_pdist(&a, &plain, &o, &err), DNB_OK);
                assert_int_equal(dnb_pdist(&b, &rows, &o, &err), DNB_OK);
                assert_memory_equal(a.data, b.data, dnb_array_bytes(&a));
                dnb_array_release(&a);
                dnb_array_release(&b);
            }
            dnb_sink_rows_free(sink);
        }
        free(gram[0]);
        free(gram[1]);
    }
}

static void test_no_room(void **state)
{
    const fixture *f = *state;
    const dnb_scan_layer vast = {"vast", {1 << 20, 1 << 10, 1 << 10}}; /* 4 TB a stimulus */
    dnb_sink_rows_options o = {.folder = f->folder};
    dnb_sink *sink = NULL;
    dnb_err err = {0};
    size_t resume = 0;
    assert_int_equal(dnb_sink_rows_new(&sink, &o, &err), DNB_OK);
    assert_int_equal(sink->begin(sink, &vast, 1, 1 << 10, &resume, &err), DNB_EIO);
    assert_non_null(strstr(err.message, f->folder));
    assert_non_null(strstr(err.message, "scratch file needs 4503599627.4 MB"));
    dnb_sink_rows_free(sink);
    assert_int_equal(files_in(f->folder), 0);
    o.folder = "/tmp/dnb_no_such_folder";
    assert_int_equal(dnb_sink_rows_new(&sink, &o, &err), DNB_OK);
    assert_int_equal(sink->begin(sink, layers, 2, N, &resume, &err), DNB_EIO);
    assert_non_null(strstr(err.message, "dnb_no_such_folder: cannot make the scratch file"));
    dnb_sink_rows_free(sink);
}

/* The plans are upper bounds that follow the sizes alone. */
static void test_plans(void **state)
{
    (void)state;
    const dnb_pdist_options po = {.memory = (size_t)4 << 30};
    const dnb_pca_options co = {.n_components = 50, .memory = (size_t)4 << 30};
    dnb_rows x = {.n = 5000, .d = 193600, .dtype = DNB_F32, .cheap = true};
    size_t pdist = dnb_pdist_plan_bytes(&x, &po), pca = dnb_pca_plan_bytes(&x, &co);
    /* 100 MB of distances, 107 MB of sums; a matrix of 200 MB and vectors. */
    assert_in_range(pdist, 200e6, 300e6);
    assert_in_range(pca, 300e6, 600e6);
    x.data = &x; /* in memory already: no tiles */
    assert_true(dnb_pdist_plan_bytes(&x, &po) < pdist);
    x.data = NULL;
    x.cheap = false;
    x.n = 1000; /* fits half the budget: loaded whole */
    assert_true(dnb_pdist_plan_bytes(&x, &po) > x.n * x.d * sizeof(float));
}

/* ---- projection ------------------------------------------------------------------------------ */

/* The fixture's layer `fc` would be too narrow, so both layers are the first. */
static float *projected(const fixture *f, const dnb_projection_options *o, size_t batch,
                        const char *name)
{
    const dnb_scan_layer two[2] = {{name, {5, 11, 13}}, {"other", {D0, 1, 1}}};
    const dnb_sink_rows_options ro = {.memory = (size_t)1 << 30};
    dnb_sink *rows = NULL, *sink = NULL;
    dnb_err err = {0};
    size_t resume;
    assert_int_equal(dnb_sink_rows_new(&rows, &ro, &err), DNB_OK);
    assert_int_equal(dnb_sink_project_new(&sink, rows, o, &err), DNB_OK);
    assert_int_equal(sink->begin(sink, two, batch == 32 ? 2 : 1, N, &resume, &err), DNB_OK);
    for (size_t at = 0; at < N; at += batch) {
        size_t n = N - at < batch ? N - at : batch;
        assert_int_equal(sink->push(sink, 0, at, n, f->x[0] + at * D0, &err), DNB_OK);
    }
    dnb_rows got = dnb_sink_rows_layer(rows, 0);
    assert_true(got.n == N && got.d == o->k);
    float *copy = malloc(N * o->k * sizeof *copy);
    memcpy(copy, got.data, N * o->k * sizeof *copy);
    dnb_sink_project_free(sink);
    dnb_sink_rows_free(rows);
    return copy;
}

static void test_projection_is_fixed(void **state)
{
    const fixture *f = *state;
    for (int kind = 0; kind < 2; kind++) {
        const dnb_projection_options o = {.k = 50, .kind = (dnb_projection)kind, .seed = 9};
        const dnb_projection_options other = {.k = 50, .kind = (dnb_projection)kind, .seed = 10};
        const size_t size = N * o.k * sizeof(float);
        float *base = projected(f, &o, 32, "conv");
        const size_t batches[] = {1, 7, 100, N};
        for (size_t b = 0; b < 4; b++) {
            dnb_threads_set((int)b + 1);
            float *again = projected(f, &o, batches[b], "conv");
            assert_memory_equal(base, again, size);
            free(again);
        }
        dnb_threads_set(0);
        float *seed = projected(f, &other, 32, "conv"), *name = projected(f, &o, 32, "conv2");
        assert_memory_not_equal(base, seed, size);
        assert_memory_not_equal(base, name, size);
        free(base);
        free(seed);
        free(name);
    }
}

/* It is linear with the entries it promises: unit vectors show its rows. */
static void test_projection_entries(void **state)
{
    (void)state;
    enum { D = 400, KK = 100 };
    float *x = calloc(D * D, sizeof *x);
    for (size_t i = 0; i < D; i++)
        x[i * D + i] = 1;
    for (int kind = 0; kind < 2; kind++) {
        const double s = kind == DNB_PROJECTION_LI ? 20 : 3, entry = sqrt(s / KK);
        const dnb_projection_options o = {.k = KK, .kind = (dnb_projection)kind, .seed = 1};
        const dnb_sink_rows_options ro = {.memory = (size_t)1 << 30};
        const dnb_scan_layer layer = {"x", {D, 1, 1}};
        dnb_sink *rows = NULL, *sink = NULL;
        dnb_err err = {0};
        size_t resume, plus = 0, minus = 0;
        assert_int_equal(dnb_sink_rows_new(&rows, &ro, &err), DNB_OK);
        assert_int_equal(dnb_sink_project_new(&sink, rows, &o, &err), DNB_OK);
        assert_int_equal(sink->begin(sink, &layer, 1, D, &resume, &err), DNB_OK);
        assert_int_equal(sink->push(sink, 0, 0, D, x, &err), DNB_OK);
        const float *r = dnb_sink_rows_layer(rows, 0).data;
        for (size_t i = 0; i < D * KK; i++) {
            plus += r[i] > 0;
            minus += r[i] < 0;
            assert_true(r[i] == 0 || fabs(fabs(r[i]) / entry - 1) < 1e-6);
        }
        /* Five standard deviations of a binomial count. */
        double mean = D * KK / (2 * s), sd = sqrt(mean);
        assert_true(fabs((double)plus - mean) < 5 * sd && fabs((double)minus - mean) < 5 * sd);
        dnb_sink_project_free(sink);
        dnb_sink_rows_free(rows);
    }
    free(x);
}

/* Squared distances keep their mean, with a spread of about sqrt(2 / k). */
static void test_projection_keeps_distances(void **state)
{
    const fixture *f = *state;
    for (int kind = 0; kind < 2; kind++) {
        const dnb_projection_options o = {.k = 500, .kind = (dnb_projection)kind, .seed = 3};
        float *y = projected(f, &o, 64, "conv");
        dnb_rows before = dnb_rows_f32(f->x[0], N, D0), after = dnb_rows_f32(y, N, o.k);
        const dnb_pdist_options po = {.metric = DNB_SQEUCLIDEAN};
        dnb_array a = {0}, b = {0};
        dnb_err err = {0};
        assert_int_equal(dnb_pdist(&a, &before, &po, &err), DNB_OK);
        assert_int_equal(dnb_pdist(&b, &after, &po, &err), DNB_OK);
        double sum = 0, squares = 0;
        for (size_t i = 0; i < a.shape[0]; i++) {
            double ratio = ((double *)b.data)[i] / ((double *)a.data)[i];
            sum += ratio;
            squares += ratio * ratio;
        }
        double mean = sum / (double)a.shape[0],
               sd = sqrt(squares / (double)a.shape[0] - mean * mean);
        if (!(fabs(mean - 1) < 0.02 && sd > 0.04 && sd < 0.1))
            fail_msg("kind %d: mean ratio %g, standard deviation %g", kind, mean, sd);
        dnb_array_release(&a);
        dnb_array_release(&b);
        free(y);
    }
}

static void test_projection_refuses(void **state)
{
    (void)state;
    dnb_sink *rows = NULL, *sink = NULL;
    dnb_err err = {0};
    size_t resume;
    dnb_projection_options o = {.k = 0};
    assert_int_equal(dnb_sink_rows_new(&rows, NULL, &err), DNB_OK);
    assert_int_equal(dnb_sink_project_new(&sink, rows, &o, &err), DNB_EARG);
    o.k = D1;
    assert_int_equal(dnb_sink_project_new(&sink, rows, &o, &err), DNB_OK);
    assert_int_equal(sink->begin(sink, layers, 2, N, &resume, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "layer fc has 7 units"));
    dnb_sink_project_free(sink);
    dnb_sink_rows_free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan_is_first_fit),
        cmocka_unit_test(test_tiles_of_scratch),
        cmocka_unit_test(test_analyses_agree),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_plans),
        cmocka_unit_test(test_projection_is_fixed),
        cmocka_unit_test(test_projection_entries),
        cmocka_unit_test(test_projection_keeps_distances),
        cmocka_unit_test(test_projection_refuses),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
