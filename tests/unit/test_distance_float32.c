/* distance: correlation and cosine of float32 rows against the same numbers in float64. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dnnbrain/distance.h"
#include "dnnbrain/random.h"

typedef struct sample {
    size_t n, d;
    float *x;
} sample;

static const dnb_metric METRICS[2] = {DNB_CORRELATION, DNB_COSINE};

/* Rows with a common part, so that distances spread. */
static sample sample_new(size_t n, size_t d)
{
    sample s = {n, d, malloc(n * d * sizeof(float))};
    dnb_random rng;
    dnb_random_init(&rng, 7, 0);
    assert_non_null(s.x);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) {
            double common = sin(0.37 * (double)j * (double)(1 + i % 5));
            s.x[i * d + j] = (float)(dnb_random_normal(&rng) + 1.5 * common + 0.7);
        }
    return s;
}

static double *pdist(const dnb_rows *x, dnb_metric metric, size_t memory)
{
    dnb_array d = {0};
    dnb_err err = {0};
    dnb_pdist_options o = {.metric = metric, .memory = memory};
    size_t size = dnb_condensed_count(x->n) * sizeof(double);
    double *out = malloc(size);
    assert_non_null(out);
    assert_int_equal(dnb_pdist(&d, x, &o, &err), DNB_OK);
    memcpy(out, d.data, size);
    dnb_array_release(&d);
    return out;
}

/* Largest difference from the float64 answer; NaN must stand in the same places. */
static double worst(const sample *s, dnb_metric metric)
{
    double *wide = malloc(s->n * s->d * sizeof *wide), most = 0;
    assert_non_null(wide);
    for (size_t i = 0; i < s->n * s->d; i++)
        wide[i] = s->x[i];
    dnb_rows single = dnb_rows_f32(s->x, s->n, s->d), both = dnb_rows_f64(wide, s->n, s->d);
    double *ours = pdist(&single, metric, 0), *want = pdist(&both, metric, 0);
    for (size_t i = 0; i < dnb_condensed_count(s->n); i++) {
        assert_int_equal(isnan(ours[i]), isnan(want[i]));
        most = fmax(most, fabs(ours[i] - want[i]));
    }
    free(wide);
    free(ours);
    free(want);
    return most;
}

static double distance(const sample *s, dnb_metric metric, size_t i, size_t j)
{
    dnb_rows rows = dnb_rows_f32(s->x, s->n, s->d);
    double *all = pdist(&rows, metric, 0), value = all[dnb_condensed_index(s->n, i, j)];
    free(all);
    return value;
}

/* row i = scale * row j + offset. */
static void copy_row(sample *s, size_t i, size_t j, float scale, float offset)
{
    for (size_t c = 0; c < s->d; c++)
        s->x[i * s->d + c] = scale * s->x[j * s->d + c] + offset;
}

static void test_shapes(void **state)
{
    (void)state;
    static const size_t shapes[][2] = {{2, 2048},  {3, 2049},   {50, 2500},  {9, 8191},  {13, 2113},
                                       {37, 2111}, {201, 2175}, {260, 2110}, {700, 2100}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        sample s = sample_new(shapes[i][0], shapes[i][1]);
        for (int m = 0; m < 2; m++)
            assert_true(worst(&s, METRICS[m]) < 1e-7);
        free(s.x);
    }
    sample few = sample_new(40, 2047);
    assert_true(worst(&few, DNB_CORRELATION) < 1e-13);
    free(few.x);
}

/* A mean of 1000 deviations, and rows whose first columns tell nothing of the rest. */
static void test_means(void **state)
{
    (void)state;
    sample s = sample_new(40, 9000);
    for (size_t i = 0; i < s.n * s.d; i++)
        s.x[i] += 1000;
    assert_true(worst(&s, DNB_CORRELATION) < 1e-7);
    assert_true(worst(&s, DNB_COSINE) < 1e-13);
    free(s.x);
    s = sample_new(6, 150000);
    for (size_t i = 0; i < s.n; i++)
        for (size_t c = 0; c < 4096; c++)
            s.x[i * s.d + c] += (float)(i % 2 ? -50 : 50);
    assert_true(worst(&s, DNB_CORRELATION) < 1e-12);
    free(s.x);
}

/* Half the numbers are 0, so 0 - shift comes again and again: its products must not add up to an
 * error (without rounding of the shift it is 2e-8). */
static void test_relu(void **state)
{
    (void)state;
    sample s = sample_new(40, 40000);
    dnb_random rng;
    dnb_random_init(&rng, 3, 0);
    for (size_t i = 0; i < s.n * s.d; i++)
        s.x[i] = (float)fmax(0, dnb_random_normal(&rng));
    for (int m = 0; m < 2; m++)
        assert_true(worst(&s, METRICS[m]) < 7e-9);
    free(s.x);
}

/* Distances near 0 keep all digits, be they few or the most. */
static void test_close(void **state)
{
    (void)state;
    sample s = sample_new(200, 3000);
    copy_row(&s, 150, 3, 1, 0);
    copy_row(&s, 151, 3, 2, 0);
    copy_row(&s, 199, 70, 1, 0);
    s.x[199 * s.d + 40] += 0.01F;
    for (int m = 0; m < 2; m++) {
        assert_true(fabs(distance(&s, METRICS[m], 3, 150)) < 1e-15);
        assert_true(fabs(distance(&s, METRICS[m], 150, 151)) < 1e-15);
        double near = distance(&s, METRICS[m], 70, 199);
        assert_true(near > 1e-9 && near < 1e-7);
        assert_true(worst(&s, METRICS[m]) < 1e-7);
    }
    for (size_t i = 1; i < s.n; i++) {
        copy_row(&s, i, 0, 1, 0);
        s.x[i * s.d + i] += 0.1F;
    }
    for (int m = 0; m < 2; m++)
        assert_true(worst(&s, METRICS[m]) < 1e-13);
    free(s.x);
}

/* Rows too large or too small for squares in float32; constant rows, NaN, infinity. */
static void test_hard_rows(void **state)
{
    (void)state;
    static const float scales[] = {1e-30F, 1e-25F, 1e-21F, 1e-12F, 1e12F, 1e17F, 1e25F, 1e36F};
    for (size_t k = 0; k < sizeof scales / sizeof *scales; k++) {
        sample s = sample_new(30, 2100);
        copy_row(&s, 4, 9, scales[k], 0);
        copy_row(&s, 5, 8, -scales[k], 0);
        for (int m = 0; m < 2; m++)
            assert_true(worst(&s, METRICS[m]) < 1e-7);
        free(s.x);
    }
    static const float values[] = {0, 3.3F, NAN, INFINITY};
    for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
        sample s = sample_new(30, 5000);
        copy_row(&s, 4, 9, 0, isfinite(values[k]) ? values[k] : 0);
        s.x[4 * s.d + 4500] = values[k];
        /* A row of 3.3 alone rounds all its sums in the same direction. */
        for (int m = 0; m < 2; m++)
            assert_true(worst(&s, METRICS[m]) < 1e-6);
        assert_int_equal(isnan(distance(&s, DNB_CORRELATION, 4, 20)), 1);
        assert_int_equal(isnan(distance(&s, DNB_CORRELATION, 5, 20)), 0);
        free(s.x);
    }
}

/* A file of which only tiles fit the memory. */
static dnb_status read_tile(void *ctx, size_t row, size_t n_rows, size_t col, size_t n_cols,
                            void *dst, dnb_err *err)
{
    const sample *s = ctx;
    (void)err;
    for (size_t i = 0; i < n_rows; i++)
        memcpy((float *)dst + i * n_cols, s->x + (row + i) * s->d + col, n_cols * sizeof(float));
    return DNB_OK;
}

static void test_same_bits(void **state)
{
    (void)state;
    sample s = sample_new(70, 9100);
    copy_row(&s, 60, 3, 1, 0);
    dnb_rows rows = dnb_rows_f32(s.x, s.n, s.d), tiles = rows;
    tiles.data = NULL;
    tiles.read = read_tile;
    tiles.ctx = &s;
    size_t size = dnb_condensed_count(s.n) * sizeof(double);
    for (int m = 0; m < 2; m++) {
        dnb_threads_set(1);
        double *one = pdist(&rows, METRICS[m], 0);
        for (int threads = 1; threads < 5; threads++) {
            dnb_threads_set(threads);
            double *many = pdist(&rows, METRICS[m], 0), *part = pdist(&tiles, METRICS[m], 1600000);
            assert_memory_equal(one, many, size);
            assert_memory_equal(one, part, size);
            free(many);
            free(part);
        }
        free(one);
    }
    dnb_threads_set(0);
    free(s.x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),    cmocka_unit_test(test_means),
        cmocka_unit_test(test_relu),      cmocka_unit_test(test_close),
        cmocka_unit_test(test_hard_rows), cmocka_unit_test(test_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
