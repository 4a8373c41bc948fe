/* linalg and rows: products, Gram matrices, decompositions, and what they refuse. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "dnnbrain/linalg.h"
#include "dnnbrain/random.h"

static void fill(double *x, size_t n, uint64_t seed)
{
    dnb_random r;
    dnb_random_init(&r, seed, 0);
    for (size_t i = 0; i < n; i++)
        x[i] = dnb_random_normal(&r);
}

static void test_matmul(void **state)
{
    (void)state;
    enum { M = 3, N = 4, K = 5 };
    double a[M * K], b[K * N], c[M * 6], at[K * M];
    dnb_err err;
    fill(a, M * K, 1);
    fill(b, K * N, 2);
    for (size_t i = 0; i < M * 6; i++)
        c[i] = NAN; /* beta 0: must not be read; columns past N must not be touched */
    assert_int_equal(dnb_matmul(c, 6, a, K, b, N, M, N, K, NULL, &err), DNB_OK);
    for (size_t i = 0; i < M; i++)
        for (size_t j = 0; j < 6; j++) {
            double want = 0;
            for (size_t k = 0; j < N && k < K; k++)
                want += a[i * K + k] * b[k * N + j];
            if (j < N)
                assert_float_equal(c[i * 6 + j], want, 1e-12);
            else
                assert_true(isnan(c[i * 6 + j]));
        }
    for (size_t i = 0; i < M; i++)
        for (size_t k = 0; k < K; k++)
            at[k * M + i] = a[i * K + k];
    double first = c[0];
    dnb_matmul_options o = {.transpose_a = true, .alpha = 2, .beta = -1};
    assert_int_equal(dnb_matmul(c, 6, at, M, b, N, M, N, K, &o, &err), DNB_OK);
    assert_float_equal(c[0], first, 1e-12); /* 2 first - first */
    assert_int_equal(dnb_matmul(c, 3, a, K, b, N, M, N, K, NULL, &err), DNB_ESHAPE);
    assert_non_null(strstr(err.message, "matrix C"));
}

typedef struct failing {
    const double *data;
    size_t d;
    int calls_left;
} failing;

static dnb_status read_failing(void *ctx, size_t row, size_t n_rows, size_t col, size_t n_cols,
                               void *dst, dnb_err *err)
{
    failing *f = ctx;
    if (f->calls_left-- <= 0)
        return dnb_fail(err, DNB_EIO, "layer.h5: cannot read");
    for (size_t i = 0; i < n_rows; i++)
        memcpy((double *)dst + i * n_cols, f->data + (row + i) * f->d + col,
               n_cols * sizeof(double));
    return DNB_OK;
}

static void test_gram(void **state)
{
    (void)state;
    enum { N = 6, D = 700 };
    static double x[N * D];
    double g[N * N], centred[N * N];
    dnb_err err;
    fill(x, N * D, 3);
    for (size_t i = 0; i < N * D; i++)
        x[i] += 1e6; /* an offset that would cost 12 digits */
    dnb_rows rows = dnb_rows_f64(x, N, D);
    for (int centre = 1; centre <= 2; centre++) {
        dnb_gram_options o = {.centre = (dnb_gram_centre_kind)centre};
        assert_int_equal(dnb_gram_run(g, &rows, &o, &err), DNB_OK);
        for (size_t i = 0; i < N; i++)
            for (size_t j = 0; j < N; j++) {
                long double want = 0;
                for (size_t k = 0; k < D; k++) {
                    long double mi = 0, mj = 0;
                    if (centre == 1) {
                        for (size_t r = 0; r < N; r++)
                            mi += x[r * D + k] / (long double)N;
                        mj = mi;
                    }
                    want += (x[i * D + k] - mi) * (x[j * D + k] - mj);
                }
                if (centre == 2) {
                    long double si = 0, sj = 0;
                    want = 0;
                    for (size_t k = 0; k < D; k++) {
                        si += x[i * D + k] - 1e6L;
                        sj += x[j * D + k] - 1e6L;
                        want += (x[i * D + k] - 1e6L) * (x[j * D + k] - 1e6L);
                    }
                    want -= si * sj / D;
                }
                assert_float_equal(g[i * N + j], (double)want, 1e-6);
                assert_true(g[i * N + j] == g[j * N + i]);
            }
    }
    assert_int_equal(dnb_gram_run(g, &rows, NULL, &err), DNB_OK);
    memcpy(centred, g, sizeof g);
    assert_int_equal(dnb_gram_centre(centred, N, &err), DNB_OK);
    for (size_t i = 0; i < N; i++) {
        double sum = 0;
        for (size_t j = 0; j < N; j++)
            sum += centred[i * N + j];
        assert_float_equal(sum, 0, 1.0); /* of 1e14 */
    }
}

static void test_sources_fail_cleanly(void **state)
{
    (void)state;
    enum { N = 40, D = 3000 };
    static double x[N * D], g[N * N];
    dnb_err err;
    fill(x, N * D, 4);
    for (int whole = 0; whole <= 1; whole++)
        for (int calls = 0;; calls++) {
            failing f = {x, D, calls};
            dnb_rows rows = {.n = N,
                             .d = D,
                             .dtype = DNB_F64,
                             .read = read_failing,
                             .ctx = &f,
                             .whole_rows = whole};
            dnb_gram_options o = {.memory = 500000};
            dnb_status status = dnb_gram_run(g, &rows, &o, &err);
            if (status == DNB_OK) {
                assert_true(calls > 1); /* it did come in pieces */
                break;
            }
            assert_int_equal(status, DNB_EIO);
            assert_string_equal(err.message, "layer.h5: cannot read");
            assert_true(calls < 1000);
        }
    dnb_rows nothing = {.n = 2, .d = 2, .dtype = DNB_F32};
    assert_int_equal(dnb_gram_run(g, &nothing, NULL, &err), DNB_EARG);
    dnb_rows empty = dnb_rows_f64(x, 0, 5);
    assert_int_equal(dnb_gram_run(g, &empty, NULL, &err), DNB_ESHAPE);
    dnb_rows huge = dnb_rows_f64(x, SIZE_MAX / 4, 8);
    assert_int_equal(dnb_gram_run(g, &huge, NULL, &err), DNB_ESHAPE);
    dnb_rows overlapping = dnb_rows_f64(x, 4, 8);
    overlapping.stride = 7;
    assert_int_equal(dnb_gram_run(g, &overlapping, NULL, &err), DNB_EARG);
    dnb_rows rows = dnb_rows_f64(x, N, D);
    dnb_gram_options tiny = {.memory = 1000};
    assert_int_equal(dnb_gram_run(g, &rows, &tiny, &err), DNB_ENOMEM);
}

static bool stop_now(void *ctx)
{
    (void)ctx;
    return true;
}

static void test_cancel(void **state)
{
    (void)state;
    static double x[20 * 30], g[20 * 20];
    dnb_progress progress = {.cancelled = stop_now};
    dnb_gram_options o = {.progress = &progress};
    dnb_rows rows = dnb_rows_f64(x, 20, 30);
    dnb_err err;
    assert_int_equal(dnb_gram_run(g, &rows, &o, &err), DNB_ECANCELLED);
}

static void test_decompositions(void **state)
{
    (void)state;
    dnb_err err;
    double a[4] = {2, 1, 1, 2}, w[2], v[4];
    assert_int_equal(dnb_eigen(w, v, a, 2, 2, &err), DNB_OK);
    assert_float_equal(w[0], 3, 1e-14);
    assert_float_equal(w[1], 1, 1e-14);
    assert_float_equal(fabs(v[0]), sqrt(0.5), 1e-14);
    assert_float_equal(v[0], v[2], 1e-14);
    double upper[9] = {5, 0, 0, NAN, 7, 0, NAN, NAN, 6}; /* the lower triangle is not read */
    assert_int_equal(dnb_eigen(w, NULL, upper, 3, 1, &err), DNB_OK);
    assert_float_equal(w[0], 7, 1e-14);
    assert_int_equal(dnb_eigen(w, NULL, upper, 3, 4, &err), DNB_EARG);
    double s[4] = {1, 2, 2, 4}, b[2] = {1, 1};
    assert_int_equal(dnb_solve(s, b, 2, 1, false, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "singular"));
    double t[4] = {0, 2, 1, 0}, y[2] = {6, 5};
    assert_int_equal(dnb_solve(t, y, 2, 1, false, &err), DNB_OK);
    assert_float_equal(y[0], 5, 1e-14);
    assert_float_equal(y[1], 3, 1e-14);
    double m[6] = {3, 0, 0, 0, 4, 0}, u[4], sv[2], vt[6];
    assert_int_equal(dnb_svd(u, sv, vt, m, 2, 3, &err), DNB_OK);
    assert_float_equal(sv[0], 4, 1e-14);
    assert_float_equal(sv[1], 3, 1e-14);
    assert_float_equal(fabs(vt[1]), 1, 1e-14);
}

static void test_core_name(void **state)
{
    (void)state;
    assert_non_null(dnb_blas_core());
    const char *better = dnb_blas_better_core();
    assert_true(!better || strcmp(better, "SKYLAKEX") == 0);
    assert_true(!better || strcmp(dnb_blas_core(), "SkylakeX") != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matmul),
        cmocka_unit_test(test_gram),
        cmocka_unit_test(test_sources_fail_cleanly),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_decompositions),
        cmocka_unit_test(test_core_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
