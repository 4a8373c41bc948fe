/* Figures: size, the right pixels in the right places. */
#include "figure_specimen.h"

/* ---- RDMs
 * ------------------------------------------------------------------------------------------- */

static void test_png_has_the_size_asked_for(void **state)
{
    (void)state;
    double pairs[PAIRS];
    fill(pairs, 0.5);
    dnb_figure_rdm_panel panel = {"a", pairs};
    dnb_figure_rdm s = rdm_of(&panel);
    const dnb_figure_options o = {.width_mm = 60, .dpi = 100};
    assert_int_equal(dnb_figure_rdm_write(&s, name_at(0, "a.png"), &o, NULL), DNB_OK);
    picture p = load(path_buf[0]);
    assert_int_equal(p.w, 237); /* 60 mm at 100 dpi, rounded up */
    assert_in_range(p.h, 150, 300);
    free(p.rgb);
    assert_int_equal(dnb_figure_rdm_write(&s, name_at(0, "a.png"), NULL, NULL), DNB_OK);
    p = load(path_buf[0]);
    assert_int_equal(p.w, 1052); /* 89 mm at 300 dpi */
    free(p.rgb);
}

/* Cell (i, j) in pixels: the matrix is where all-low and all-high pictures differ. */
static void test_a_changed_pair_changes_its_two_cells(void **state)
{
    (void)state;
    double low[PAIRS], high[PAIRS], one[PAIRS];
    fill(low, 0);
    fill(high, 1);
    dnb_figure_rdm_panel panel = {"a", low};
    dnb_figure_rdm s = rdm_of(&panel);
    picture a = draw_rdm(&s);
    panel.pairs = high;
    picture b = draw_rdm(&s);
    area all = differing(&a, &b, 0, a.w);
    double side = all.x1 + 1 - all.x0;
    assert_true(side > a.w / 2 && abs(all.y1 + 1 - all.y0 - (int)side) <= 1);
    for (size_t i = 0; i < N; i++)
        for (size_t j = i + 1; j < N; j++) {
            fill(one, 0);
            one[pair_at(i, j)] = 1;
            panel.pairs = one;
            picture c = draw_rdm(&s);
            area d = differing(&a, &c, 0, a.w);
            assert_true(fabs(d.x0 - (all.x0 + side * (double)i / N)) <= 1);
            assert_true(fabs(d.y0 - (all.y0 + side * (double)i / N)) <= 1);
            assert_true(fabs(d.x1 + 1 - (all.x0 + side * (double)(j + 1) / N)) <= 1);
            assert_true(fabs(d.count - 2 * side * side / N / N) < 5 * side / N);
            free(c.rgb);
        }
    free(a.rgb);
    free(b.rgb);
}

static void test_categories_order_the_matrix(void **state)
{
    (void)state;
    const size_t mixed[N] = {1, 0, 1, 0, 0, 1}, order[N] = {1, 3, 4, 0, 2, 5};
    const size_t sorted[N] = {0, 0, 0, 1, 1, 1};
    double pairs[PAIRS], ordered[PAIRS];
    for (size_t i = 0; i < PAIRS; i++)
        pairs[i] = (double)i / PAIRS;
    for (size_t i = 0; i < N; i++)
        for (size_t j = i + 1; j < N; j++) {
            size_t p = order[i] < order[j] ? order[i] : order[j];
            size_t q = order[i] < order[j] ? order[j] : order[i];
            ordered[pair_at(i, j)] = pairs[pair_at(p, q)];
        }
    dnb_figure_rdm_panel panel = {"a", pairs};
    dnb_figure_rdm s = rdm_of(&panel);
    s.category = mixed;
    s.category_names = two_names;
    s.n_categories = 2;
    picture a = draw_rdm(&s);
    s.keep_order = true;
    picture kept = draw_rdm(&s);
    s.category = sorted;
    panel.pairs = ordered;
    picture b = draw_rdm(&s);
    assert_int_equal(differing(&a, &b, 0, a.w).count, 0);
    assert_true(kept.h != a.h || differing(&a, &kept, 0, a.w).count > 0);
    free(a.rgb);
    free(b.rgb);
    free(kept.rgb);
}

static void test_percentiles_ignore_the_scale_of_values(void **state)
{
    (void)state;
    double x[PAIRS], y[PAIRS];
    for (size_t i = 0; i < PAIRS; i++) {
        x[i] = (double)((i * 7) % PAIRS) + (i == 3 ? 1 : 0); /* with a tie */
        y[i] = exp(x[i] / 3);
    }
    dnb_figure_rdm_panel panel = {"a", x};
    dnb_figure_rdm s = {.panels = &panel, .n_panels = 1, .n = N, .percentile = true};
    picture a = draw_rdm(&s);
    panel.pairs = y;
    picture b = draw_rdm(&s);
    assert_int_equal(differing(&a, &b, 0, a.w).count, 0);
    s.percentile = false;
    picture c = draw_rdm(&s);
    assert_true(c.h != a.h || differing(&a, &c, 0, a.w).count > 0);
    free(a.rgb);
    free(b.rgb);
    free(c.rgb);
}

static void test_missing_pairs_are_grey(void **state)
{
    (void)state;
    double full[PAIRS], holes[PAIRS];
    fill(full, 0.5);
    fill(holes, 0.5);
    holes[pair_at(1, 4)] = NAN;
    dnb_figure_rdm_panel panel = {"a", full};
    dnb_figure_rdm s = rdm_of(&panel);
    picture a = draw_rdm(&s);
    panel.pairs = holes;
    picture b = draw_rdm(&s);
    area d = differing(&a, &b, 0, a.w);
    assert_true(d.count > 0);
    int grey = 0;
    for (int y = d.y0; y <= d.y1; y++)
        for (int x = d.x0; x <= d.x1; x++) {
            const uint8_t *p = pixel(&a, x, y), *q = pixel(&b, x, y);
            if (abs(p[0] - q[0]) < 4) /* a cell's border rounds by a level or two */
                continue;
            assert_true(q[0] == q[1] && q[1] == q[2]);
            grey++;
        }
    assert_true(grey > 0.9 * d.count);
    free(a.rgb);
    free(b.rgb);
}

static void test_odd_values_still_draw(void **state)
{
    (void)state;
    const double values[] = {0, 3.5, NAN, INFINITY, -INFINITY, 1e300, -1e-300};
    double pairs[PAIRS];
    for (size_t k = 0; k < sizeof values / sizeof values[0]; k++)
        for (int percentile = 0; percentile < 2; percentile++) {
            fill(pairs, values[k]);
            dnb_figure_rdm_panel panels[] = {{NULL, pairs}, {"\xff bad", pairs}};
            dnb_figure_rdm s = {.panels = panels, .n_panels = 1 + k % 2, .n = N};
            s.percentile = percentile;
            picture p = draw_rdm(&s);
            free(p.rgb);
        }
}

/* ---- layers
 * ----------------------------------------------------------------------------------------- */

static picture draw_layers(const dnb_figure_layers *s, double dpi)
{
    dnb_err err = {0};
    const dnb_figure_options o = {.dpi = dpi};
    assert_int_equal(dnb_figure_layers_write(s, name_at(0, "layers.png"), &o, &err), DNB_OK);
    return load(path_buf[0]);
}

static void test_significance_fills_one_mark(void **state)
{
    (void)state;
    const double r[] = {0.1, 0.2, 0.3, 0.25, 0.2};
    double p[] = {0.9, 0.9, 0.049, 0.051, NAN};
    dnb_figure_roi roi = {.name = "IT", .value = r, .p = p};
    dnb_figure_layers s = {.layer_names = layer_names, .n_layers = 5, .rois = &roi, .n_rois = 1};
    picture a = draw_layers(&s, 300);
    p[3] = 0.001;
    picture b = draw_layers(&s, 300);
    area d = differing(&a, &b, 0, a.w);
    /* a mark's inside, at the fourth of five layers */
    assert_in_range(d.count, 20, 300);
    assert_in_range(d.x1 - d.x0, 4, 24);
    assert_true(fabs((d.x0 + d.x1) / 2.0 / a.w - 0.73) < 0.06);
    s.alpha = 0.0005; /* stricter than every p: open marks, and the legend says so */
    picture c = draw_layers(&s, 300);
    assert_true(differing(&b, &c, 0, a.w).count > 2 * d.count);
    free(a.rgb);
    free(b.rgb);
    free(c.rgb);
}

/* Subjects behind a curve: one that leaves the others' place stretches the axis; a gap stays one.
 */
static void test_thin_lines_stand_where_their_values_are(void **state)
{
    (void)state;
    const double mean[] = {0.3, 0.3, 0.3, 0.3, 0.3};
    double each[] = {0.3, 0.3, 0.3, 0.3, 0.3, 0.4, 0.4, 0.4, 0.4, 0.4};
    dnb_figure_roi roi = {.name = "IT", .value = mean};
    dnb_figure_layers s = {.layer_names = layer_names,
                           .n_layers = 5,
                           .rois = &roi,
                           .n_rois = 1,
                           .low = 0,
                           .high = 0.5};
    picture bare = draw_layers(&s, 300);
    roi.each = each;
    roi.n_each = 2;
    picture a = draw_layers(&s, 300);
    area line = differing(&bare, &a, 0, a.w); /* the first hides behind the curve */
    assert_true(line.x1 - line.x0 > a.w / 2 && line.y1 - line.y0 < 12);
    each[7] = NAN; /* two pieces, and no dot */
    picture b = draw_layers(&s, 300);
    area gap = differing(&a, &b, 0, a.w);
    assert_true(fabs((gap.x0 + gap.x1) / 2.0 - (line.x0 + line.x1) / 2.0) < 4);
    assert_true(fabs((gap.x1 - gap.x0) / (double)(line.x1 - line.x0) - 0.5) < 0.03);
    each[6] = each[8] = NAN; /* the ends alone: dots */
    picture c = draw_layers(&s, 300);
    area dots = differing(&bare, &c, 0, a.w);
    assert_true(dots.x1 - dots.x0 > a.w / 2 && dots.count < 400 && dots.count > 20);
    s.each_name = "a subject";
    picture d = draw_layers(&s, 300);
    assert_true(d.h > c.h || differing(&c, &d, 0, a.w).count > 0);
    free(bare.rgb);
    free(a.rgb);
    free(b.rgb);
    free(c.rgb);
    free(d.rgb);
}

static void test_any_number_of_layers_and_rois(void **state)
{
    (void)state;
    static double value[30], low[30], high[30];
    const char *names[30];
    dnb_figure_roi rois[12];
    for (size_t i = 0; i < 30; i++) {
        value[i] = sin((double)i);
        low[i] = value[i] - 0.1;
        high[i] = value[i] + 0.1;
        names[i] = i % 2 ? "layer3_block2_convolution" : "fc";
    }
    for (size_t k = 0; k < 12; k++)
        rois[k] = (dnb_figure_roi){.name = "ROI",
                                   .value = value,
                                   .low = low,
                                   .high = high,
                                   .null_low = low,
                                   .null_high = high,
                                   .ceiling_low = 0.8,
                                   .ceiling_high = 0.9};
    const size_t layers[] = {1, 2, 9, 30}, regions[] = {1, 2, 5, 12};
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < 4; j++)
            for (int together = 0; together < 2; together++) {
                dnb_figure_layers s = {.layer_names = names,
                                       .n_layers = layers[i],
                                       .rois = rois,
                                       .n_rois = regions[j]};
                s.together = together && regions[j] <= 8;
                s.bars = !s.together && i % 2;
                picture p = draw_layers(&s, 75);
                assert_in_range(p.h, 60, 1200);
                free(p.rgb);
            }
}

static void test_chance_is_a_line_across(void **state)
{
    (void)state;
    double value[4] = {0.1, 0.6, 0.9, 0.7};
    const char *names[4] = {"a", "b", "c", "d"};
    dnb_figure_roi rois[2] = {{.name = "label", .value = value, .chance = 0.3},
                              {.name = "condition", .value = value, .chance = 0.3}};
    dnb_figure_layers s = {.layer_names = names, .n_layers = 4, .rois = rois, .n_rois = 1};
    picture a = draw_layers(&s, 150);
    rois[0].chance = 0.302;
    picture b = draw_layers(&s, 150);
    area d = differing(&a, &b, 0, a.w); /* only the line has moved, by a pixel or two */
    assert_true(d.count > 0 && d.x1 - d.x0 > a.w / 2 && d.y1 - d.y0 < 8);
    free(b.rgb);
    rois[0].chance = 0;
    b = draw_layers(&s, 150);
    assert_true(a.h > b.h); /* no line, no legend */
    free(a.rgb);
    free(b.rgb);
    /* Together: one line for all, or one each in its colour. */
    s.n_rois = 2;
    s.together = true;
    rois[0].chance = 0.3;
    a = draw_layers(&s, 150);
    rois[1].chance = 0.6;
    b = draw_layers(&s, 150);
    d = differing(&a, &b, 0, a.w);
    assert_true(d.x1 - d.x0 > a.w / 2 && d.y1 - d.y0 > a.h / 8);
    free(a.rgb);
    free(b.rgb);
}

/* ---- matrix, grid, chart
 * ------------------------------------------------------------------------------ */

static void test_matrix_and_chart_draw_their_values(void **state)
{
    (void)state;
    double v[12] = {1, 2, 3, NAN, 5, 6, INFINITY, 8, 9, 10, 11, 12};
    bool mark[12] = {true, false, true};
    dnb_figure_matrix m = {
        .n_rows = 3, .n_cols = 4, .value = v, .mark = mark, .low = 0, .high = 12};
    assert_int_equal(dnb_figure_matrix_write(&m, name_at(0, "m.png"), NULL, NULL), DNB_OK);
    picture a = load(path_buf[0]);
    v[9] = 2;
    assert_int_equal(dnb_figure_matrix_write(&m, name_at(0, "m.png"), NULL, NULL), DNB_OK);
    picture b = load(path_buf[0]);
    area d = differing(&a, &b, 0, a.w);
    assert_true(d.count > 500 && d.x1 - d.x0 < a.w / 4 && d.y0 > b.h / 2);
    free(a.rgb);
    free(b.rgb);
    double x[] = {1, 2, 3, 4}, y[] = {1, 4, NAN, 2}, y2[] = {2, 5, 6, 3};
    for (int k = DNB_MARK_LINE; k <= DNB_MARK_BAND; k++) {
        dnb_figure_series series = {.name = "s",
                                    .mark = (dnb_figure_mark)k,
                                    .n = 4,
                                    .x = k % 2 ? x : NULL,
                                    .y = y,
                                    .y2 = k == DNB_MARK_BAND ? y2 : NULL};
        dnb_figure_axes axes = {.series = &series,
                                .n_series = 1,
                                .x_label = "x",
                                .y_label = "y",
                                .diagonal = k == 1,
                                .y_low = 0,
                                .y_high = k == 2 ? 3 : 0};
        dnb_figure_chart s = {.axes = &axes, .n_axes = 1};
        assert_int_equal(dnb_figure_chart_write(&s, name_at(0, "c.png"), NULL, NULL), DNB_OK);
        a = load(path_buf[0]);
        size_t blue = 0; /* the first series' colour, or its tint */
        for (int i = 0; i < a.w * a.h; i++)
            blue += a.rgb[3 * i + 2] > a.rgb[3 * i] + 40;
        assert_true(blue > 300);
        free(a.rgb);
    }
}

static void test_grid_pages_share_their_scale(void **state)
{
    (void)state;
    uint8_t rgb[4 * 4 * 3];
    float map[8][4];
    dnb_figure_cell cells[2 * 8];
    memset(rgb, 77, sizeof rgb);
    for (size_t j = 0; j < 8; j++) {
        for (size_t k = 0; k < 4; k++)
            map[j][k] = (float)(j < 6 ? k : 0);
        cells[j] = (dnb_figure_cell){.rows = 4, .cols = 4, .rgb = rgb};
        cells[8 + j] = (dnb_figure_cell){.rows = 2, .cols = 2, .map = map[j]};
    }
    map[7][3] = 100; /* on page two, but in every page's scale */
    dnb_figure_grid s = {.n_rows = 2, .n_cols = 8, .cells = cells, .count = 6};
    assert_int_equal(dnb_figure_grid_write(&s, name_at(0, "g.png"), NULL, NULL), DNB_OK);
    picture a = load(path_buf[0]);
    dnb_colormap viridis;
    assert_int_equal(dnb_colormap_init(&viridis, "viridis", NULL), DNB_OK);
    /* stimulus above, map below: 3 of 100 is near the low end */
    assert_int_equal(pixel(&a, a.w / 12, a.h / 4)[0], 77);
    const uint8_t *q = pixel(&a, a.w / 8, a.h * 9 / 10);
    assert_memory_equal(q, viridis.rgb[8], 3);
    s.scale = DNB_SCALE_CELL;
    assert_int_equal(dnb_figure_grid_write(&s, name_at(0, "g.png"), NULL, NULL), DNB_OK);
    picture b = load(path_buf[0]);
    q = pixel(&b, b.w / 8, b.h * 9 / 10);
    assert_memory_equal(q, viridis.rgb[255], 3);
    free(a.rgb);
    free(b.rgb);
}

/* Values outside a mask are paper, those of unequal voxels keep their shape. */
static void test_a_masked_slice(void **state)
{
    (void)state;
    const float map[4] = {0, NAN, 1, 1};
    dnb_figure_cell cell = {.rows = 2, .cols = 2, .map = map, .title = "z"};
    dnb_figure_grid s = {.n_rows = 1, .n_cols = 1, .cells = &cell, .scale = DNB_SCALE_ALL};
    picture p[3];
    for (int k = 0; k < 3; k++) {
        s.blank_missing = k > 0;
        cell.pixel_aspect = k == 2 ? 2 : 0;
        assert_int_equal(dnb_figure_grid_write(&s, name_at(0, "s.png"), NULL, NULL), DNB_OK);
        p[k] = load(path_buf[0]);
    }
    area d = differing(&p[0], &p[1], 0, p[0].w);
    assert_true(d.count > 1000); /* the missing quarter of the picture */
    assert_memory_equal(pixel(&p[1], (d.x0 + d.x1) / 2, (d.y0 + d.y1) / 2), "\xff\xff\xff", 3);
    assert_true(p[2].h > p[1].h + (d.y1 - d.y0)); /* rows twice as high: more than one such row */
    for (int k = 0; k < 3; k++)
        free(p[k].rgb);
}

/* Colours come from shade, printed numbers from value. */
static void test_a_matrix_may_be_shaded_by_other_values(void **state)
{
    (void)state;
    const double count[4] = {9, 1, 900, 100}, share[4] = {0.9, 0.1, 0.9, 0.1};
    dnb_figure_matrix m = {
        .n_rows = 2, .n_cols = 2, .value = count, .hide_values = true, .low = 0, .high = 1};
    m.shade = share;
    assert_int_equal(dnb_figure_matrix_write(&m, name_at(0, "m.png"), NULL, NULL), DNB_OK);
    picture a = load(path_buf[0]);
    m.value = share;
    m.shade = NULL;
    assert_int_equal(dnb_figure_matrix_write(&m, name_at(0, "m.png"), NULL, NULL), DNB_OK);
    picture b = load(path_buf[0]);
    assert_int_equal(differing(&a, &b, 0, a.w).count, 0);
    m.value = count;
    assert_int_equal(dnb_figure_matrix_write(&m, name_at(0, "m.png"), NULL, NULL), DNB_OK);
    picture c = load(path_buf[0]);
    assert_true(differing(&a, &c, 0, a.w).count > 1000);
    free(a.rgb);
    free(b.rgb);
    free(c.rgb);
}

/* Two conditions have one distance: it stands apart from the diagonal's 0 by the whole scale. */
static void test_a_single_pair_differs_from_the_diagonal(void **state)
{
    (void)state;
    const double pair[1] = {0.3};
    dnb_figure_rdm_panel panel = {NULL, pair};
    dnb_figure_rdm s = {.panels = &panel, .n_panels = 1, .n = 2};
    dnb_colormap viridis;
    size_t high = 0;
    assert_int_equal(dnb_colormap_init(&viridis, "viridis", NULL), DNB_OK);
    assert_int_equal(dnb_figure_rdm_write(&s, name_at(0, "r.png"), NULL, NULL), DNB_OK);
    picture p = load(path_buf[0]);
    for (int i = 0; i < p.w * p.h; i++)
        high += memcmp(p.rgb + 3 * i, viridis.rgb[255], 3) == 0;
    assert_true(high > (size_t)(p.w * p.h) / 8);
    free(p.rgb);
}

static void test_error_bars_and_a_note_have_their_words(void **state)
{
    (void)state;
    const double r[] = {0.1, 0.2, 0.3, 0.25, 0.2}, low[] = {0, 0.1, 0.2, 0.1, 0.1},
                 high[] = {0.2, 0.3, 0.4, 0.3, 0.3};
    dnb_figure_roi roi = {.name = "IT", .value = r, .low = low, .high = high};
    dnb_figure_layers s = {.layer_names = layer_names, .n_layers = 5, .rois = &roi, .n_rois = 1};
    picture bare = draw_layers(&s, 100);
    s.bar_name = "95% interval";
    picture named = draw_layers(&s, 100);
    assert_true(named.h > bare.h); /* there is a legend now */
    roi.low = NULL;
    picture none = draw_layers(&s, 100);
    assert_int_equal(none.h, bare.h); /* no bars, no entry */
    s.note = "axis cut";
    picture noted = draw_layers(&s, 100);
    assert_true(noted.h > none.h);
    free(bare.rgb);
    free(named.rgb);
    free(none.rgb);
    free(noted.rgb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png_has_the_size_asked_for),
        cmocka_unit_test(test_a_changed_pair_changes_its_two_cells),
        cmocka_unit_test(test_categories_order_the_matrix),
        cmocka_unit_test(test_percentiles_ignore_the_scale_of_values),
        cmocka_unit_test(test_missing_pairs_are_grey),
        cmocka_unit_test(test_odd_values_still_draw),
        cmocka_unit_test(test_significance_fills_one_mark),
        cmocka_unit_test(test_thin_lines_stand_where_their_values_are),
        cmocka_unit_test(test_any_number_of_layers_and_rois),
        cmocka_unit_test(test_chance_is_a_line_across),
        cmocka_unit_test(test_matrix_and_chart_draw_their_values),
        cmocka_unit_test(test_grid_pages_share_their_scale),
        cmocka_unit_test(test_a_masked_slice),
        cmocka_unit_test(test_a_matrix_may_be_shaded_by_other_values),
        cmocka_unit_test(test_a_single_pair_differs_from_the_diagonal),
        cmocka_unit_test(test_error_bars_and_a_note_have_their_words),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
