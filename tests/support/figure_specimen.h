/* What the figure tests share: a folder, pictures read back, specimens. */
#ifndef DNB_TEST_FIGURE_SPECIMEN_H
#define DNB_TEST_FIGURE_SPECIMEN_H

#include <dirent.h>
#include <math.h>
#include <png.h>
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

#include "base/mem.h"
#include "base/path.h"
#include "dnnbrain/colormap.h"
#include "dnnbrain/figure.h"

static char folder[] = "/tmp/dnb_figure_XXXXXX";
static char path_buf[4][128];

/* A name in the test's folder; k picks the buffer. */
static const char *name_at(int k, const char *name)
{
    snprintf(path_buf[k], sizeof path_buf[k], "%s/%s", folder, name);
    return path_buf[k];
}

static inline int setup(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : 1;
}

static inline int n_files(bool remove_them)
{
    int n = 0;
    char path[512];
    DIR *d = opendir(folder);
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        n++;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (remove_them)
            unlink(path);
    }
    closedir(d);
    return n;
}

static inline int teardown(void **state)
{
    (void)state;
    n_files(true);
    return rmdir(folder);
}

/* ---- decoding
 * --------------------------------------------------------------------------------------- */

typedef struct picture {
    int w, h;
    uint8_t *rgb;
} picture;

static inline picture load(const char *path)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_int_not_equal(png_image_begin_read_from_file(&image, path), 0);
    image.format = PNG_FORMAT_RGB;
    picture p = {(int)image.width, (int)image.height, malloc(PNG_IMAGE_SIZE(image))};
    assert_non_null(p.rgb);
    assert_int_not_equal(png_image_finish_read(&image, NULL, p.rgb, 0, NULL), 0);
    return p;
}

static inline const uint8_t *pixel(const picture *p, int x, int y)
{
    return p->rgb + 3 * ((size_t)y * (size_t)p->w + (size_t)x);
}

typedef struct area {
    int x0, y0, x1, y1, count; /* of pixels that differ; ends included */
} area;

/* Where two pictures of one size differ, inside columns from..to. */
static inline area differing(const picture *a, const picture *b, int from, int to)
{
    area d = {a->w, a->h, -1, -1, 0};
    assert_int_equal(a->w, b->w);
    assert_int_equal(a->h, b->h);
    for (int y = 0; y < a->h; y++)
        for (int x = from; x < to && x < a->w; x++) {
            if (memcmp(pixel(a, x, y), pixel(b, x, y), 3) == 0)
                continue;
            d.count++;
            d.x0 = x < d.x0 ? x : d.x0;
            d.y0 = y < d.y0 ? y : d.y0;
            d.x1 = x > d.x1 ? x : d.x1;
            d.y1 = y > d.y1 ? y : d.y1;
        }
    return d;
}

static inline void read_all(const char *path, unsigned char **data, size_t *size)
{
    assert_int_equal(dnb_file_read(path, 0, data, size, NULL), DNB_OK);
}

static inline bool contains(const unsigned char *data, size_t size, const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; i + n <= size; i++)
        if (memcmp(data + i, text, n) == 0)
            return true;
    return false;
}

/* ---- specimens
 * -------------------------------------------------------------------------------------- */

enum { N = 6, PAIRS = N * (N - 1) / 2 };

static const char *const two_names[] = {"animal", "thing"};

static inline dnb_figure_rdm rdm_of(const dnb_figure_rdm_panel *panel)
{
    return (dnb_figure_rdm){.panels = panel, .n_panels = 1, .n = N, .low = 0, .high = 1};
}

static inline picture draw_rdm(const dnb_figure_rdm *s)
{
    dnb_err err = {0};
    const dnb_figure_options o = {.dpi = 150};
    assert_int_equal(dnb_figure_rdm_write(s, name_at(0, "rdm.png"), &o, &err), DNB_OK);
    return load(name_at(0, "rdm.png"));
}

static inline size_t pair_at(size_t i, size_t j)
{
    return i * N - i * (i + 1) / 2 + j - i - 1;
}

static inline void fill(double *pairs, double v)
{
    for (size_t i = 0; i < PAIRS; i++)
        pairs[i] = v;
}

static const char *const layer_names[] = {"conv1", "conv2", "conv3", "conv4", "fc"};

#endif
