/* net: every allocation of building, planning and running a network fails in turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "failing_alloc.h"
#include "nets.h"

static dnb_status build_and_run(const void *ctx, dnb_err *err)
{
    const char *names[] = {"block", "prob", "stem"};
    dnb_runner_options opt = {.batch = 2, .backend = *(const dnb_backend *)ctx};
    static float input[3 * 13 * 11], block[8 * 13 * 11], prob[10], stem[8 * 13 * 11];
    float *taps[] = {block, prob, stem};
    net_maker m;
    dnb_runner *r = NULL;
    maker_init(&m, 3);
    dnb_net *net = make_residual(&m, 8);
    dnb_status status = m.status;
    if (err)
        *err = m.err;
    if (status == DNB_OK)
        status = dnb_runner_new(&r, net, names, 3, &opt, err);
    if (status == DNB_OK)
        status = dnb_runner_run(r, input, 1, taps, err);
    dnb_runner_free(r);
    dnb_net_free(net);
    return status;
}

static void each_allocation(dnb_backend backend)
{
    int failed = dnb_each_failing_alloc(build_and_run, &backend);
#ifdef DNB_FAULTS
    assert_true(failed > 100);
#else
    assert_int_equal(failed, 0);
#endif
}

static void test_reference(void **state)
{
    (void)state;
    each_allocation(DNB_BACKEND_REFERENCE);
}

static void test_reference64(void **state)
{
    (void)state;
    each_allocation(DNB_BACKEND_REFERENCE64);
}

static void test_onednn(void **state)
{
    (void)state;
    each_allocation(DNB_BACKEND_ONEDNN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reference),
                                       cmocka_unit_test(test_reference64),
                                       cmocka_unit_test(test_onednn)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
