/* map: grouping by label, RDMs of activation files along every axis, features along every axis. */
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

#include "dnnbrain/layerfeature.h"
#include "dnnbrain/random.h"
#include "dnnbrain/rdm.h"

enum { N = 6, CHN = 3, ROW = 2, COL = 2, AREA = ROW * COL, UNITS = CHN * AREA };

typedef struct fixture {
    char path[64];
    float x[N][UNITS];
    dnb_actfile *file;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    dnb_random r;
    dnb_err err = {0};
    dnb_random_init(&r, 3, 0);
    for (int i = 0; i < N; i++)
        for (int u = 0; u < UNITS; u++)
            f->x[i][u] = (float)dnb_random_normal(&r);
    snprintf(f->path, sizeof f->path, "/tmp/dnb_groups_%ld.act.h5", (long)getpid());
    dnb_act_layer layer = {.name = "conv", .shape = {CHN, ROW, COL}, .data = &f->x[0][0]};
    if (dnb_actfile_write(f->path, 1, &layer, N, NULL, &err) != DNB_OK ||
        dnb_actfile_open(&f->file, f->path, &err) != DNB_OK) {
        fprintf(stderr, "%s\n", err.message);
        return -1;
    }
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    dnb_actfile_close(f->file);
    unlink(f->path);
    free(f);
    return 0;
}

static double distance(const double *a, const double *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sqrt(sum);
}

static void test_groups_ascend(void **state)
{
    (void)state;
    const int64_t labels[] = {7, -2, 7, 0, -2, 7};
    dnb_groups g = {0};
    dnb_err err;
    assert_int_equal(dnb_groups_init(&g, labels, 6, &err), DNB_OK);
    assert_int_equal(g.n_groups, 3);
    assert_true(g.labels[0] == -2 && g.labels[1] == 0 && g.labels[2] == 7);
    assert_int_equal(g.group[0], 2);
    assert_int_equal(g.group[1], 0);
    assert_int_equal(g.sizes[2], 3);
    dnb_groups_release(&g);
}

/* Every RDM of every iteration axis, with and without averaging, against distances written out
 * here; with a budget of one part at a time too, which takes several passes. */
static void check_rdm(fixture *f, dnb_iteraxis axis, const dnb_groups *g, size_t memory)
{
    dnb_rdm_options o = {
        .pdist = {.metric = DNB_EUCLIDEAN, .memory = memory}, .iteraxis = axis, .groups = g};
    dnb_array rdm = {0};
    dnb_err err = {0};
    size_t n = g ? g->n_groups : N, parts = axis == DNB_ITER_CHANNEL   ? CHN
                                            : axis == DNB_ITER_ROW_COL ? AREA
                                                                       : 1;
    double mean[N][UNITS] = {{0}};
    assert_int_equal(dnb_rdm_of_layer(&rdm, f->file, 0, NULL, &o, &err), DNB_OK);
    assert_int_equal(rdm.shape[0], parts);
    assert_int_equal(rdm.shape[1], n * (n - 1) / 2);
    for (int i = 0; i < N; i++)
        for (int u = 0; u < UNITS; u++)
            mean[g ? g->group[i] : (size_t)i][u] +=
                f->x[i][u] / (double)(g ? g->sizes[g->group[i]] : 1);
    for (size_t k = 0; k < parts; k++) {
        size_t pair = 0;
        for (size_t i = 0; i < n; i++)
            for (size_t j = i + 1; j < n; j++, pair++) {
                double a[UNITS], b[UNITS];
                int d = 0;
                for (size_t u = 0; u < UNITS; u++) {
                    if ((axis == DNB_ITER_CHANNEL && u / AREA != k) ||
                        (axis == DNB_ITER_ROW_COL && u % AREA != k))
                        continue;
                    a[d] = mean[i][u];
                    b[d++] = mean[j][u];
                }
                assert_true(
                    fabs(((double *)rdm.data)[k * rdm.shape[1] + pair] - distance(a, b, d)) < 1e-6);
            }
    }
    dnb_array_release(&rdm);
}

static void test_rdm_along_axes(void **state)
{
    const int64_t labels[N] = {2, 1, 2, 3, 1, 1};
    dnb_groups g = {0};
    dnb_err err;
    assert_int_equal(dnb_groups_init(&g, labels, N, &err), DNB_OK);
    for (int axis = DNB_ITER_NONE; axis <= DNB_ITER_ROW_COL; axis++)
        for (int grouped = 0; grouped < 2; grouped++)
            check_rdm(*state, (dnb_iteraxis)axis, grouped ? &g : NULL, 0);
    dnb_groups_release(&g);
}

static void test_wrong_group_count_is_named(void **state)
{
    fixture *f = *state;
    const int64_t labels[] = {1, 2, 3};
    dnb_groups g = {0};
    dnb_err err;
    dnb_array rdm = {0};
    assert_int_equal(dnb_groups_init(&g, labels, 3, &err), DNB_OK);
    dnb_rdm_options o = {.groups = &g};
    assert_int_equal(dnb_rdm_of_layer(&rdm, f->file, 0, NULL, &o, &err), DNB_ESHAPE);
    assert_non_null(strstr(err.message, "conv holds 6 stimuli but the labels are of 3"));
    dnb_groups_release(&g);
}

/* Shapes of features, and histograms counted by hand: the four positions of channel c of stimulus
 * i. */
static void test_features_along_axes(void **state)
{
    fixture *f = *state;
    dnb_err err = {0};
    dnb_array y = {0};
    dnb_feature_options o = {.method = DNB_FEATURE_HIST, .n = 2, .axis = DNB_FEATURE_ROW_COL};
    assert_int_equal(dnb_feature_of_layer(&y, f->file, 0, NULL, &o, &err), DNB_OK);
    assert_true(y.shape[0] == N && y.shape[1] == CHN && y.shape[2] == 2 && y.shape[3] == 1);
    for (int i = 0; i < N; i++)
        for (int c = 0; c < CHN; c++) {
            float lo = INFINITY, hi = -INFINITY;
            int upper = 0;
            for (int p = 0; p < AREA; p++) {
                lo = fminf(lo, f->x[i][c * AREA + p]);
                hi = fmaxf(hi, f->x[i][c * AREA + p]);
            }
            for (int p = 0; p < AREA; p++)
                upper += f->x[i][c * AREA + p] >= (lo + hi) / 2;
            assert_int_equal(((float *)y.data)[(i * CHN + c) * 2], AREA - upper);
            assert_int_equal(((float *)y.data)[(i * CHN + c) * 2 + 1], upper);
        }
    dnb_array_release(&y);
    o = (dnb_feature_options){.method = DNB_FEATURE_PCA, .n = 2, .axis = DNB_FEATURE_CHN};
    assert_int_equal(dnb_feature_of_layer(&y, f->file, 0, NULL, &o, &err), DNB_OK);
    assert_true(y.shape[0] == N && y.shape[1] == 2 && y.shape[2] == ROW && y.shape[3] == COL);
    dnb_array_release(&y);
    o = (dnb_feature_options){.method = DNB_FEATURE_PSD, .n = 4};
    assert_int_equal(dnb_feature_of_layer(&y, f->file, 0, NULL, &o, &err), DNB_OK);
    assert_true(y.shape[0] == N && y.shape[1] == 4 && y.shape[2] == 1 && y.shape[3] == 1);
    dnb_array_release(&y);
    o.n = UNITS / 2 + 2;
    assert_int_equal(dnb_feature_of_layer(&y, f->file, 0, NULL, &o, &err), DNB_EARG);
}

/* Patterns at hand give the bits that a file of them gives, read in tiles or in memory. */
static dnb_status read_rows(void *ctx, size_t row, size_t n_rows, size_t col, size_t n_cols,
                            void *dst, dnb_err *err)
{
    const fixture *f = ctx;
    (void)err;
    for (size_t i = 0; i < n_rows; i++)
        memcpy((float *)dst + i * n_cols, &f->x[row + i][col], n_cols * sizeof(float));
    return DNB_OK;
}

static void test_rows_are_as_a_file(void **state)
{
    fixture *f = *state;
    const size_t shape[3] = {CHN, ROW, COL};
    const int64_t labels[N] = {2, 1, 2, 1, 1, 2};
    dnb_groups groups = {0};
    dnb_err err = {0};
    dnb_rows rows[2] = {dnb_rows_f32(&f->x[0][0], N, UNITS),
                        {.n = N, .d = UNITS, .dtype = DNB_F32, .read = read_rows, .ctx = f}};
    assert_int_equal(dnb_groups_init(&groups, labels, N, &err), DNB_OK);
    for (int k = 0; k < 2; k++) {
        for (int axis = 0; axis < 3; axis++)
            for (int grouped = 0; grouped < 2; grouped++) {
                const dnb_rdm_options o = {.iteraxis = (dnb_iteraxis)axis,
                                           .groups = grouped ? &groups : NULL};
                dnb_array a = {0}, b = {0};
                assert_int_equal(dnb_rdm_of_layer(&a, f->file, 0, NULL, &o, &err), DNB_OK);
                assert_int_equal(dnb_rdm_of_rows(&b, "conv", &rows[k], shape, &o, &err), DNB_OK);
                assert_int_equal(a.shape[0], b.shape[0]);
                assert_int_equal(a.shape[1], b.shape[1]);
                assert_memory_equal(a.data, b.data, dnb_array_bytes(&a));
                assert_true(dnb_rdm_plan_bytes(&rows[k], shape, &o) >= dnb_array_bytes(&a));
                dnb_array_release(&a);
                dnb_array_release(&b);
            }
        for (int axis = 0; axis < 3; axis++) {
            const dnb_feature_options o = {
                .method = DNB_FEATURE_PCA, .axis = (dnb_feature_axis)axis, .n = 2};
            dnb_array a = {0}, b = {0};
            size_t bytes = 0;
            assert_int_equal(dnb_feature_of_layer(&a, f->file, 0, NULL, &o, &err), DNB_OK);
            assert_int_equal(dnb_feature_of_rows(&b, "conv", &rows[k], shape, &o, &err), DNB_OK);
            assert_memory_equal(a.data, b.data, dnb_array_bytes(&a));
            assert_int_equal(dnb_feature_plan(&bytes, "conv", &rows[k], shape, &o, &err), DNB_OK);
            assert_true(bytes >= dnb_array_bytes(&a));
            dnb_array_release(&a);
            dnb_array_release(&b);
        }
    }
    const size_t wrong[3] = {CHN, ROW, COL + 1};
    dnb_array none = {0};
    assert_int_equal(dnb_rdm_of_rows(&none, "conv", &rows[0], wrong, NULL, &err), DNB_ESHAPE);
    assert_non_null(strstr(err.message, "layer conv"));
    dnb_groups_release(&groups);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups_ascend),
        cmocka_unit_test(test_rdm_along_axes),
        cmocka_unit_test(test_wrong_group_count_is_named),
        cmocka_unit_test(test_features_along_axes),
        cmocka_unit_test(test_rows_are_as_a_file),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
