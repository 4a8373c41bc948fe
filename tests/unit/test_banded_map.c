/* Banded ridge over folds: the same whatever the memory, refusals. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dnnbrain/banded_map.h"
#include "dnnbrain/random.h"

enum { N = 24, WIDE = 40, NARROW = 5, M = 150, K = 3 };

typedef struct set {
    double wide[N * WIDE], narrow[N * NARROW], y[N * M];
    dnb_folds folds;
    dnb_mapping_layer layers[2];
} set;

static const double alphas[] = {0.1, 10, 1000};

static set *make(void)
{
    dnb_random r;
    set *s = calloc(1, sizeof *s);
    dnb_folds_options fo = {.k = K};
    assert_non_null(s);
    dnb_random_init(&r, 7, 0);
    for (size_t i = 0; i < N * WIDE; i++)
        s->wide[i] = dnb_random_normal(&r);
    for (size_t i = 0; i < N * NARROW; i++)
        s->narrow[i] = dnb_random_normal(&r);
    for (size_t i = 0; i < N; i++)
        for (size_t t = 0; t < M; t++)
            s->y[i * M + t] = s->wide[i * WIDE + t % WIDE] + s->narrow[i * NARROW + t % NARROW] +
                              dnb_random_normal(&r);
    s->layers[0] = (dnb_mapping_layer){"wide", dnb_rows_f64(s->wide, N, WIDE)};
    s->layers[1] = (dnb_mapping_layer){"narrow", dnb_rows_f64(s->narrow, N, NARROW)};
    assert_int_equal(dnb_folds_init(&s->folds, N, &fo, NULL), DNB_OK);
    return s;
}

static void drop(set *s)
{
    dnb_folds_release(&s->folds);
    free(s);
}

static dnb_banded_map_options options(const set *s)
{
    return (dnb_banded_map_options){
        .fit = {.alphas = alphas, .n_alphas = 3, .candidates = 4, .seed = 2},
        .folds = &s->folds,
        .partition = true};
}

static void shares_and_parts_add_up(void **state)
{
    (void)state;
    set *s = make();
    dnb_banded_map map = {0};
    dnb_banded_map_options o = options(s);
    assert_int_equal(dnb_banded_map_run(&map, s->layers, 2, s->y, M, &o, NULL), DNB_OK);
    for (size_t f = 0; f < K; f++)
        for (size_t t = 0; t < M; t++) {
            double shares = 0, parts = 0, r2 = map.r2[f * M + t];
            for (size_t b = 0; b < 2; b++)
                shares += map.split[(f * 2 + b) * M + t];
            for (size_t p = 0; p < 4; p++)
                parts += map.common[(f * 4 + p) * M + t];
            assert_true(fabs(shares - r2) < 1e-12);
            assert_true(fabs(parts - r2) < 1e-9);
            assert_true(map.unique[(f * 2 + 1) * M + t] == map.common[(f * 4 + 2) * M + t]);
        }
    dnb_banded_map_release(&map);
    drop(s);
}

/* The least memory takes 64 targets at once: three blocks. */
static void little_memory_gives_the_same(void **state)
{
    (void)state;
    set *s = make();
    dnb_err err = {0};
    dnb_banded_map all = {0}, blocks = {0};
    dnb_banded_map_options o = options(s);
    assert_int_equal(dnb_banded_map_run(&all, s->layers, 2, s->y, M, &o, NULL), DNB_OK);
    for (o.memory = 1024; dnb_banded_map_run(&blocks, s->layers, 2, s->y, M, &o, &err) != DNB_OK;
         o.memory += 1024) {
        assert_non_null(strstr(err.message, "MB for 64 targets at once"));
        assert_null(blocks.score);
    }
    assert_true(o.memory > 64 * 1024 && o.memory < 1024 * 1024);
    for (size_t i = 0; i < K * M; i++)
        assert_true(fabs(all.score[i] - blocks.score[i]) < 1e-9);
    for (size_t i = 0; i < K * 2 * M; i++)
        assert_true(fabs(all.split[i] - blocks.split[i]) < 1e-9);
    dnb_banded_map_release(&all);
    dnb_banded_map_release(&blocks);
    drop(s);
}

static void refuse(const set *s, const dnb_banded_map_options *o, size_t bands, const char *text)
{
    dnb_err err = {0};
    dnb_banded_map map = {0};
    dnb_mapping_layer layers[5];
    for (size_t b = 0; b < 5; b++)
        layers[b] = s->layers[b % 2];
    assert_int_not_equal(dnb_banded_map_run(&map, layers, bands, s->y, M, o, &err), DNB_OK);
    if (!strstr(err.message, text))
        fail_msg("%s: %s", text, err.message);
    assert_null(map.score);
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    set *s = make();
    dnb_folds alone = {0};
    dnb_folds_options fo = {.kind = DNB_FOLDS_LEAVE_ONE_OUT};
    dnb_banded_map_options o = options(s);
    refuse(s, &o, 0, "0 layers");
    refuse(s, &o, 5, "at most 4");
    assert_int_equal(dnb_folds_init(&alone, N, &fo, NULL), DNB_OK);
    o.folds = &alone;
    refuse(s, &o, 2, "tests 1 stimulus");
    dnb_folds_release(&alone);
    o = options(s);
    s->wide[3 * WIDE + 1] = NAN;
    refuse(s, &o, 2, "layer wide: stimulus 4");
    s->wide[3 * WIDE + 1] = 0;
    s->y[2 * M + 1] = INFINITY;
    refuse(s, &o, 2, "target 2 is NaN or infinite at stimulus 3");
    drop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_and_parts_add_up),
        cmocka_unit_test(little_memory_gives_the_same),
        cmocka_unit_test(bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
