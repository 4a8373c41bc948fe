/* Every allocation of the statistics made to fail in turn, each time in a fresh process: the call
 * must say so (DNB_ENOMEM with a message), leave its outputs alone and leak nothing (leaks are the
 * sanitizer's to see). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "dnnbrain/distance.h"
#include "dnnbrain/features.h"
#include "dnnbrain/linalg.h"
#include "dnnbrain/pca.h"
#include "dnnbrain/random.h"
#include "dnnbrain/rdmtest.h"

enum { N = 12, D = 300, P = 66 };
static double x[N * D], rdms[2 * P];

static dnb_status read_rows(void *ctx, size_t row, size_t n_rows, size_t col, size_t n_cols,
                            void *dst, dnb_err *err)
{
    (void)ctx;
    (void)err;
    for (size_t i = 0; i < n_rows; i++)
        memcpy((double *)dst + i * n_cols, x + (row + i) * D + col, n_cols * sizeof *x);
    return DNB_OK;
}

static dnb_rows piecewise(void)
{
    return (dnb_rows){.n = N, .d = D, .dtype = DNB_F64, .read = read_rows};
}

static dnb_status distance(dnb_metric metric, dnb_err *err)
{
    dnb_rows rows = piecewise();
    dnb_array out = {0};
    dnb_pdist_options o = {.metric = metric, .zscore = metric == DNB_SEUCLIDEAN};
    dnb_status status = dnb_pdist(&out, &rows, &o, err);
    if (status != DNB_OK && out.data)
        return DNB_EINTERNAL;
    dnb_array_release(&out);
    return status;
}

static dnb_status run_correlation(dnb_err *err)
{
    return distance(DNB_CORRELATION, err);
}

static dnb_status run_seuclidean(dnb_err *err)
{
    return distance(DNB_SEUCLIDEAN, err);
}

static dnb_status run_jensenshannon(dnb_err *err)
{
    return distance(DNB_JENSENSHANNON, err);
}

static dnb_status run_mahalanobis(dnb_err *err)
{
    dnb_rows rows = dnb_rows_f64(x, N * 10, D / 10);
    dnb_array out = {0};
    dnb_pdist_options o = {.metric = DNB_MAHALANOBIS};
    dnb_status status = dnb_pdist(&out, &rows, &o, err);
    dnb_array_release(&out);
    return status;
}

static dnb_status pca(size_t n, size_t d, dnb_err *err)
{
    dnb_rows rows = dnb_rows_f64(x, n, d);
    dnb_pca p = {0};
    dnb_pca_options o = {.n_components = 2, .components = true};
    dnb_status status = dnb_pca_fit(&p, &rows, &o, err);
    dnb_pca_release(&p);
    return status;
}

static dnb_status run_pca_wide(dnb_err *err)
{
    return pca(N, D, err);
}

static dnb_status run_pca_tall(dnb_err *err)
{
    return pca(D, N, err);
}

static dnb_status test(dnb_correlation kind, dnb_err *err)
{
    dnb_rdm_test t;
    dnb_rdm_test_options o = {.kind = kind, .n_perm = 10};
    return dnb_rdm_test_run(&t, NULL, rdms, 1, rdms + P, 1, N, &o, err);
}

static dnb_status run_spearman(dnb_err *err)
{
    return test(DNB_SPEARMAN, err);
}

static dnb_status run_kendall(dnb_err *err)
{
    return test(DNB_KENDALL_A, err);
}

static dnb_status run_bootstrap(dnb_err *err)
{
    dnb_rdm_interval t;
    dnb_rdm_bootstrap_options o = {.kind = DNB_SPEARMAN, .n_boot = 3, .level = 0.9};
    return dnb_rdm_bootstrap_run(&t, rdms, rdms + P, N, &o, err);
}

static dnb_status run_ceiling(dnb_err *err)
{
    double lower, upper;
    return dnb_rdm_ceiling_run(&lower, &upper, rdms, 2, N, DNB_KENDALL_B, err);
}

static dnb_status run_features(dnb_err *err)
{
    double y[5];
    float z[3];
    dnb_status status = dnb_hist_f64(y, 5, x, D, err);
    if (status == DNB_OK)
        status = dnb_psd(y, 5, x, D, err);
    return status == DNB_OK ? dnb_pool_run(z, (const float[]){1, 2, 3}, 1, 3, DNB_POOL_MEDIAN, err)
                            : status;
}

/* Exit code of `run` in a child whose n-th allocation fails: 0 fine, 1 a proper refusal, else a
 * fault. */
static int child(dnb_status (*run)(dnb_err *), int n)
{
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char text[16];
        dnb_err err = {0};
        snprintf(text, sizeof text, "%d", n);
        setenv("DNNBRAIN_FAULT_ALLOC", text, 1);
        dnb_status status = run(&err);
        exit(status == DNB_OK ? 0 : status == DNB_ENOMEM && err.message[0] ? 1 : 2);
    }
    int how = 0;
    assert_int_equal(waitpid(pid, &how, 0), pid);
    return WIFEXITED(how) ? WEXITSTATUS(how) : 100;
}

static void test_faults(void **state)
{
    (void)state;
#ifndef DNB_FAULTS
    skip();
#endif
    static dnb_status (*const runs[])(dnb_err *) = {
        run_correlation, run_seuclidean, run_jensenshannon, run_mahalanobis,
        run_pca_wide,    run_pca_tall,   run_spearman,      run_kendall,
        run_bootstrap,   run_ceiling,    run_features,
    };
    dnb_random random;
    dnb_random_init(&random, 1, 0);
    for (size_t i = 0; i < N * D; i++)
        x[i] = dnb_random_uniform(&random);
    for (size_t i = 0; i < 2 * P; i++)
        rdms[i] = dnb_random_uniform(&random);
    for (size_t r = 0; r < sizeof runs / sizeof *runs; r++)
        for (int n = 1;; n++) {
            int code = child(runs[r], n);
            if (code == 0) {
                assert_true(n > 1); /* at least one allocation did fail */
                break;
            }
            if (code != 1)
                fail_msg("function %zu, allocation %d: exit code %d", r, n, code);
            assert_true(n < 500);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_faults)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
