/* Folds and scores: rows of folds, nesting, repeats, refusals. What they must equal: diff_folds.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "dnnbrain/folds.h"
#include "dnnbrain/scoring.h"
#include "failing_alloc.h"

static const int64_t labels[12] = {3, 3, 1, 1, 3, 1, 2, 2, 2, 3, 1, 2};
static const int64_t groups[12] = {9, 9, 9, 4, 4, 4, 4, -1, -1, 6, 6, 9};

static dnb_folds folds_of(dnb_folds_kind kind, size_t k)
{
    dnb_folds f = {0};
    dnb_folds_options o = {.kind = kind, .k = k, .seed = 1, .labels = labels, .groups = groups};
    dnb_err err;
    assert_int_equal(dnb_folds_init(&f, 12, &o, &err), DNB_OK);
    return f;
}

static void test_every_scheme_is_a_partition(void **state)
{
    (void)state;
    for (int kind = 0; kind < DNB_FOLDS_KIND_COUNT; kind++) {
        dnb_folds f = folds_of((dnb_folds_kind)kind, 3);
        size_t rows[12], others[12], seen = 0;
        for (size_t fold = 0; fold < f.k; fold++) {
            size_t n = dnb_folds_test_rows(&f, fold, rows);
            assert_int_equal(n, f.sizes[fold]);
            assert_true(n > 0);
            assert_int_equal(dnb_folds_train_rows(&f, fold, others), 12 - n);
            for (size_t i = 0; i < n; i++) {
                assert_int_equal(f.fold[rows[i]], fold);
                assert_true(i == 0 || rows[i] > rows[i - 1]);
                for (size_t j = 0; j < 12 - n; j++)
                    assert_true(others[j] != rows[i]);
            }
            seen += n;
        }
        assert_int_equal(seen, 12);
        dnb_folds_release(&f);
    }
}

static void test_groups_stay_whole(void **state)
{
    (void)state;
    dnb_folds f = folds_of(DNB_FOLDS_GROUPS, 3);
    for (size_t i = 0; i < 12; i++)
        for (size_t j = 0; j < i; j++)
            assert_true(groups[i] != groups[j] || f.fold[i] == f.fold[j]);
    dnb_folds_release(&f);
    f = folds_of(DNB_FOLDS_LEAVE_GROUP_OUT, 0);
    assert_int_equal(f.k, 4);
    assert_int_equal(f.fold[7], 0); /* group -1 */
    assert_int_equal(f.fold[0], 3); /* group 9 */
    dnb_folds_release(&f);
}

static void test_folds_within_folds(void **state)
{
    (void)state;
    dnb_folds outer = folds_of(DNB_FOLDS_CONTIGUOUS, 3), inner = {0};
    dnb_folds_options o = {.kind = DNB_FOLDS_LEAVE_GROUP_OUT, .groups = groups};
    dnb_err err;
    assert_int_equal(dnb_folds_of_rows(&inner, &outer, 1, &o, &err), DNB_OK);
    /* Rows 0-3 and 8-11 train; their groups are 9 9 9 4, -1 6 6 9. */
    const size_t expected[8] = {3, 3, 3, 1, 0, 2, 2, 3};
    assert_int_equal(inner.n, 8);
    assert_int_equal(inner.k, 4);
    assert_memory_equal(inner.fold, expected, sizeof expected);
    dnb_folds_release(&inner);
    assert_int_equal(dnb_folds_of_rows(&inner, &outer, 3, &o, &err), DNB_EARG);
    o = (dnb_folds_options){.k = 9};
    assert_int_equal(dnb_folds_of_rows(&inner, &outer, 0, &o, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "fold 1: 9 folds, but there are 8 rows"));
    assert_null(inner.fold);
    dnb_folds_release(&outer);
}

static void test_repeats_of_a_stimulus_are_named(void **state)
{
    (void)state;
    const char *id[12] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "a"};
    dnb_folds f = folds_of(DNB_FOLDS_CONTIGUOUS, 3);
    dnb_err err;
    assert_int_equal(dnb_folds_check_repeats(&f, id, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "'a' is tested in fold 1 (row 1)"));
    assert_non_null(strstr(err.message, "fold 3 (row 12)"));
    id[11] = "l";
    id[1] = "a"; /* the same fold */
    assert_int_equal(dnb_folds_check_repeats(&f, id, &err), DNB_OK);
    dnb_folds_release(&f);
}

static void test_least_class(void **state)
{
    (void)state;
    const int64_t uneven[6] = {5, 5, 5, 2, 2, 8};
    int64_t label;
    size_t count;
    dnb_err err;
    assert_int_equal(dnb_folds_least_class(&label, &count, uneven, 6, &err), DNB_OK);
    assert_true(label == 8 && count == 1);
    assert_int_equal(dnb_folds_least_class(&label, &count, uneven, 0, &err), DNB_EARG);
}

static void test_names(void **state)
{
    (void)state;
    dnb_err err;
    for (int k = 0; k < DNB_FOLDS_KIND_COUNT; k++) {
        dnb_folds_kind kind;
        assert_int_equal(dnb_folds_kind_parse(&kind, dnb_folds_kind_name((dnb_folds_kind)k), &err),
                         DNB_OK);
        assert_int_equal(kind, k);
    }
    assert_null(dnb_folds_kind_name(DNB_FOLDS_KIND_COUNT));
    for (int s = 0; s < DNB_SCORE_COUNT; s++) {
        dnb_scoring scoring;
        assert_int_equal(dnb_scoring_parse(&scoring, dnb_scoring_name((dnb_scoring)s), &err),
                         DNB_OK);
        assert_int_equal(scoring, s);
    }
    dnb_scoring scoring;
    assert_int_equal(dnb_scoring_parse(&scoring, "roc", &err), DNB_ENOTFOUND);
    assert_null(dnb_scoring_name(DNB_SCORE_COUNT));
}

static void test_scores_refuse(void **state)
{
    (void)state;
    const double y[4] = {1, 2, 3, 4};
    const int64_t truth[2] = {0, 1};
    double score = -7;
    dnb_err err;
    assert_int_equal(dnb_score_columns(&score, DNB_SCORE_ACCURACY, y, y, 4, 1, &err), DNB_EARG);
    assert_int_equal(dnb_score_columns(&score, DNB_SCORE_R2, y, y, 1, 1, &err), DNB_EARG);
    assert_int_equal(dnb_score_labels(&score, DNB_SCORE_R2, truth, truth, NULL, 2, NULL, 0, &err),
                     DNB_EARG);
    assert_int_equal(dnb_score_labels(&score, DNB_SCORE_AUC, truth, truth, NULL, 2, truth, 2, &err),
                     DNB_EARG);
    assert_int_equal(
        dnb_score_labels(&score, DNB_SCORE_ACCURACY, truth, truth, NULL, 0, NULL, 0, &err),
        DNB_EARG);
    assert_true(score == -7);
}

static dnb_status every_call(const void *ctx, dnb_err *err)
{
    static const double y[24] = {1, 5, 2, 3, 8, 9, 2, 2, 4, 7, 1, 0, 3, 6, 5, 8, 4, 2, 1, 9, 0, 7};
    const int64_t classes[3] = {1, 2, 3};
    const char *const id[12] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};
    double score[2];
    int64_t label;
    size_t count;
    dnb_folds inner = {0}, f = {0};
    dnb_status status = DNB_OK;
    (void)ctx;
    for (int kind = 0; kind < DNB_FOLDS_KIND_COUNT && status == DNB_OK; kind++) {
        dnb_folds_options o = {
            .kind = (dnb_folds_kind)kind, .k = 2, .labels = labels, .groups = groups};
        status = dnb_folds_init(&f, 12, &o, err);
        if (status == DNB_OK)
            status = dnb_folds_of_rows(&inner, &f, 0, &o, err);
        if (status == DNB_OK)
            status = dnb_folds_check_repeats(&f, id, err);
        dnb_folds_release(&inner);
        dnb_folds_release(&f);
    }
    for (int s = 0; s < DNB_SCORE_COUNT && status == DNB_OK; s++)
        status =
            dnb_scoring_is_label((dnb_scoring)s)
                ? dnb_score_labels(score, (dnb_scoring)s, labels, labels, y, 8, classes, 3, err)
                : dnb_score_columns(score, (dnb_scoring)s, y, y + 2, 11, 2, err);
    return status == DNB_OK ? dnb_folds_least_class(&label, &count, labels, 12, err) : status;
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(dnb_each_failing_alloc(every_call, NULL) >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_every_scheme_is_a_partition),
        cmocka_unit_test(test_groups_stay_whole),
        cmocka_unit_test(test_folds_within_folds),
        cmocka_unit_test(test_repeats_of_a_stimulus_are_named),
        cmocka_unit_test(test_least_class),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_scores_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
