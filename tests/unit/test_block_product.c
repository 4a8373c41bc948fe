/* block_product: a block of vectors times a symmetric matrix against plain loops. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "array/block_product.h"
#include "dnnbrain/random.h"

static double *numbers(size_t n, uint64_t seed)
{
    double *x = malloc(n * sizeof *x);
    dnb_random rng;
    dnb_random_init(&rng, seed, 0);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = dnb_random_normal(&rng);
    return x;
}

static void check(size_t n, size_t b)
{
    double *a = numbers(n * n, 1), *v = numbers(n * b, 2), *w = malloc(n * b * sizeof *w);
    double *turned = malloc(n * b * sizeof *turned);
    assert_non_null(w);
    assert_non_null(turned);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            a[i * n + j] = a[j * n + i];
    dnb_block_product(w, v, a, n, b, turned);
    for (size_t c = 0; c < b; c++)
        for (size_t i = 0; i < n; i++) {
            double want = 0;
            for (size_t j = 0; j < n; j++)
                want += a[i * n + j] * v[c * n + j];
            assert_true(fabs(w[c * n + i] - want) < 1e-12 * (double)n);
        }
    free(a);
    free(v);
    free(w);
    free(turned);
}

static void test_products(void **state)
{
    static const size_t sizes[] = {1, 5, 6, 7, 95, 96, 97, 511, 512, 515, 1030};
    (void)state;
    assert_false(dnb_block_product_suits(24));
    assert_false(dnb_block_product_suits(64));
    if (!dnb_block_product_suits(16))
        skip();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        check(sizes[i], 16);
        check(sizes[i], 32);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_products)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
