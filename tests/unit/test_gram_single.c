/* gram_single: packed float32 panels and each kernel this processor runs against plain loops. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "array/gram_single.h"
#include "dnnbrain/random.h"

static const size_t SIZES[] = {1, 2, 8, 9, 13, 16, 37, 48, 201};
static const size_t WIDTHS[] = {1, 3, 63, 64, 65, 130, 256};
enum { N_SIZES = sizeof SIZES / sizeof *SIZES, N_WIDTHS = sizeof WIDTHS / sizeof *WIDTHS };
enum { COLUMNS = 300, ROWS = 204, BEFORE = 7, FROM = 11, UNTOUCHED = 77 };

/* One matrix and its rows' shifts. */
typedef struct sample {
    float x[(BEFORE + ROWS) * COLUMNS];
    double shift[BEFORE + ROWS];
    dnb_piece piece;
} sample;

static sample *sample_new(void)
{
    sample *s = malloc(sizeof *s);
    dnb_random rng;
    dnb_random_init(&rng, 5, 0);
    assert_non_null(s);
    for (size_t i = 0; i < (BEFORE + ROWS) * COLUMNS; i++)
        s->x[i] = (float)dnb_random_normal(&rng);
    for (size_t i = 0; i < BEFORE + ROWS; i++)
        s->shift[i] = 0.3 * dnb_random_normal(&rng);
    s->piece = (dnb_piece){s->x, DNB_F32, 0, BEFORE + ROWS, 0, COLUMNS, COLUMNS};
    return s;
}

static float *panel_new(size_t rows)
{
    float *panel = calloc(dnb_single_size(rows), sizeof *panel);
    assert_non_null(panel);
    return panel;
}

static float value(const sample *s, size_t row, size_t column)
{
    return s->x[row * COLUMNS + FROM + column] - (float)s->shift[row];
}

/* The products of rows first_a.. with first_b.., added to UNTOUCHED, and nothing else written. */
static void check(const sample *s, dnb_panels p, size_t first_a, size_t first_b,
                  dnb_single_block *block)
{
    float *a = panel_new(p.na), *b = p.same ? a : panel_new(p.nb);
    size_t tile = (p.na > p.nb ? p.na : p.nb) + 3, size = tile * p.na;
    double *acc = malloc((size + 64) * sizeof *acc);
    assert_non_null(acc);
    for (size_t i = 0; i < size + 64; i++)
        acc[i] = UNTOUCHED;
    dnb_single_pack(a, &s->piece, first_a, p.na, FROM, p.k, s->shift + first_a, NULL, NULL);
    if (!p.same)
        dnb_single_pack(b, &s->piece, first_b, p.nb, FROM, p.k, s->shift + first_b, NULL, NULL);
    p.a32 = a;
    p.b32 = b;
    dnb_single_multiply(acc + 32, tile, &p, block);
    for (size_t i = 0; i < p.na; i++)
        for (size_t j = p.same ? i : 0; j < tile; j++) {
            double want = 0, size_of = 0, got = acc[32 + i * tile + j] - UNTOUCHED;
            for (size_t c = 0; j < p.nb && c < p.k; c++) {
                double xy = (double)value(s, first_a + i, c) * (double)value(s, first_b + j, c);
                want += xy;
                size_of += fabs(xy);
            }
            assert_true(j < p.nb ? fabs(got - want) <= 1e-6 * size_of : got == 0);
        }
    for (size_t i = 0; i < 32; i++) {
        assert_true(acc[i] == UNTOUCHED);
        assert_true(acc[32 + size + i] == UNTOUCHED);
    }
    if (!p.same)
        free(b);
    free(a);
    free(acc);
}

static void test_products(void **state)
{
    dnb_single_block *blocks[DNB_SINGLE_BLOCKS + 1];
    sample *s = sample_new();
    (void)state;
    dnb_single_blocks(blocks);
    assert_non_null(blocks[0]);
    for (size_t m = 0; blocks[m]; m++)
        for (size_t w = 0; w < N_WIDTHS; w++)
            for (size_t i = 0; i < N_SIZES; i++) {
                dnb_panels p = {.na = SIZES[i], .nb = SIZES[i], .k = WIDTHS[w], .same = true};
                check(s, p, BEFORE, BEFORE, blocks[m]);
                p.same = false;
                for (size_t j = 0; j < N_SIZES; j++) {
                    p.nb = SIZES[j];
                    check(s, p, 0, BEFORE, blocks[m]);
                }
            }
    free(s);
}

/* Row sums are of the numbers as packed; no shift is a shift by 0. */
static void test_sums(void **state)
{
    sample *s = sample_new();
    (void)state;
    for (size_t i = 0; i < N_SIZES; i++)
        for (size_t w = 0; w < N_WIDTHS; w++) {
            float *panel = panel_new(SIZES[i]);
            double sums[ROWS] = {0}, plain[ROWS] = {0};
            dnb_single_pack(panel, &s->piece, BEFORE, SIZES[i], FROM, WIDTHS[w], s->shift + BEFORE,
                            NULL, sums);
            dnb_single_pack(panel, &s->piece, BEFORE, SIZES[i], FROM, WIDTHS[w], NULL, NULL, plain);
            for (size_t r = 0; r < SIZES[i]; r++) {
                double want = 0, raw = 0;
                for (size_t c = 0; c < WIDTHS[w]; c++) {
                    want += (double)value(s, BEFORE + r, c);
                    raw += (double)s->x[(BEFORE + r) * COLUMNS + FROM + c];
                }
                assert_true(fabs(sums[r] - want) < 1e-12);
                assert_true(fabs(plain[r] - raw) < 1e-12);
            }
            free(panel);
        }
    free(s);
}

/* NaN and infinity stay with the pairs of their rows, whatever shares a block with them. */
static void test_not_finite(void **state)
{
    dnb_single_block *blocks[DNB_SINGLE_BLOCKS + 1];
    sample *s = sample_new();
    double *acc = malloc(37 * 37 * sizeof *acc);
    float *panel = panel_new(37);
    (void)state;
    assert_non_null(acc);
    s->x[5 * COLUMNS + FROM + 20] = NAN;
    s->x[30 * COLUMNS + FROM + 60] = INFINITY;
    dnb_single_pack(panel, &s->piece, 0, 37, FROM, 70, NULL, NULL, NULL);
    dnb_single_blocks(blocks);
    for (size_t m = 0; blocks[m]; m++) {
        dnb_panels p = {.a32 = panel, .b32 = panel, .na = 37, .nb = 37, .k = 70, .same = true};
        for (size_t i = 0; i < 37 * 37; i++)
            acc[i] = 0;
        dnb_single_multiply(acc, 37, &p, blocks[m]);
        for (size_t i = 0; i < 37; i++)
            for (size_t j = i; j < 37; j++)
                assert_int_equal(!isfinite(acc[i * 37 + j]),
                                 i == 5 || j == 5 || i == 30 || j == 30);
    }
    free(panel);
    free(acc);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_products), cmocka_unit_test(test_sums),
                                       cmocka_unit_test(test_not_finite)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
