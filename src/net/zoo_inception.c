/* GoogLeNet (Szegedy et al. 2014, arXiv 1409.4842, with batch normalisation) and Inception V3
 * (Szegedy et al. 2015, arXiv 1512.00567) as torchvision lays them out. A block is a table: steps
 * of its branches in order; what each branch ends with is concatenated. */
#include "net/zoo_inception.h"

#include "net/zoo_build.h"

#define EPSILON 1e-3
#define MAX_BRANCHES 8

typedef enum step_kind {
    END,      /* of the table */
    BRANCH,   /* starts anew from the block's input */
    FORK,     /* starts anew from before the last step */
    CONV,     /* with batch normalisation and ReLU */
    MAX_POOL, /* pool sizes are square: kh, stride, ph */
    AVERAGE_POOL
} step_kind;

typedef struct step {
    step_kind kind;
    const char *module; /* below the block's */
    size_t out, kh, kw, stride, ph, pw;
} step;

/* Convolution, batch normalisation, ReLU: one module with parts conv and bn, named by its output.
 */
static dnb_value basic_conv(dnb_zoo_builder *b, dnb_value x, const char *layer, const char *module,
                            size_t c_in, const dnb_zoo_conv *spec)
{
    char name[DNB_ZOO_TEXT];
    x = dnb_zoo_conv2d(b, x,
                       (dnb_zoo_name){NULL, dnb_zoo_text(b, name, sizeof name, "%s.conv", module)},
                       c_in, spec);
    x = dnb_zoo_batch_norm(
        b, x, (dnb_zoo_name){NULL, dnb_zoo_text(b, name, sizeof name, "%s.bn", module)}, spec->out,
        EPSILON);
    return dnb_zoo_relu(b, x, (dnb_zoo_name){layer, module});
}

static dnb_value average_pool(dnb_zoo_builder *b, dnb_value x, const step *s)
{
    const int64_t k = (int64_t)s->kh, stride = (int64_t)s->stride, p = (int64_t)s->ph;
    const dnb_attr attrs[] = {DNB_INTS("kernel_shape", k, k), DNB_INTS("strides", stride, stride),
                              DNB_INTS("pads", p, p, p, p), DNB_INT("count_include_pad", 1)};
    return dnb_zoo_op(b, "AveragePool", &x, 1, attrs, 4, (dnb_zoo_name){NULL, NULL});
}

/* A block. *channels: those of x, then those of the result. */
static dnb_value inception(dnb_zoo_builder *b, dnb_value x, const char *layer, const char *module,
                           const step *steps, size_t *channels)
{
    dnb_value ends[MAX_BRANCHES], at = x, before = x;
    size_t width[MAX_BRANCHES], c = *channels, c_before = c, n = 0, total = 0;
    for (const step *s = steps; s->kind != END; s++) {
        char name[DNB_ZOO_TEXT];
        if (s->kind == BRANCH || s->kind == FORK) {
            at = s->kind == BRANCH ? x : before;
            c = s->kind == BRANCH ? *channels : c_before;
            n++;
            continue;
        }
        before = at;
        c_before = c;
        if (s->kind == CONV) {
            const dnb_zoo_conv spec = {s->out, s->kh, s->kw, s->stride, s->ph, s->pw, false};
            at = basic_conv(b, at, NULL,
                            dnb_zoo_text(b, name, sizeof name, "%s.%s", module, s->module), c,
                            &spec);
            c = s->out;
        } else if (s->kind == MAX_POOL) {
            const char *pool =
                s->module ? dnb_zoo_text(b, name, sizeof name, "%s.%s", module, s->module) : NULL;
            at = dnb_zoo_max_pool(b, at, (dnb_zoo_name){NULL, pool}, s->kh, s->stride, s->ph,
                                  s->ph > 0);
        } else {
            at = average_pool(b, at, s);
        }
        ends[n - 1] = at;
        width[n - 1] = c;
    }
    for (size_t i = 0; i < n; i++)
        total += width[i];
    *channels = total;
    return dnb_zoo_concat(b, ends, n, (dnb_zoo_name){layer, module});
}

static void classify(dnb_zoo_builder *b, dnb_value x, size_t channels, const char *pool_layer)
{
    x = dnb_zoo_average_pool(b, x, (dnb_zoo_name){pool_layer, "avgpool"}, 1);
    dnb_zoo_alias(b, "dropout", x);
    x = dnb_zoo_flatten(b, x, (dnb_zoo_name){NULL, "flatten"});
    dnb_zoo_linear(b, x, (dnb_zoo_name){"fc", "fc"}, channels, 1000);
}

/* ---- GoogLeNet ---- */

/* Channels of a block's parts: 1x1; 3x3 reduced, 3x3; "5x5" (in torchvision a 3x3) reduced, itself;
 * pool. */
static const struct {
    const char *name;
    size_t c1, c3r, c3, c5r, c5, pool;
} google_blocks[] = {
    {"inception3a", 64, 96, 128, 16, 32, 32},     {"inception3b", 128, 128, 192, 32, 96, 64},
    {"inception4a", 192, 96, 208, 16, 48, 64},    {"inception4b", 160, 112, 224, 24, 64, 64},
    {"inception4c", 128, 128, 256, 24, 64, 64},   {"inception4d", 112, 144, 288, 32, 64, 64},
    {"inception4e", 256, 160, 320, 32, 128, 128}, {"inception5a", 256, 160, 320, 32, 128, 128},
    {"inception5b", 384, 192, 384, 48, 128, 128},
};

dnb_status dnb_zoo_build_googlenet(dnb_zoo_builder *b, const void *plan)
{
    const dnb_zoo_name pool1 = {"maxpool1", NULL}, pool2 = {"maxpool2", NULL},
                       pool3 = {"maxpool3", NULL}, pool4 = {"maxpool4", NULL};
    size_t c = 192;
    (void)plan;
    dnb_value x = basic_conv(b, b->input, "conv1", "conv1", b->net->input.channels,
                             &(dnb_zoo_conv){64, 7, 7, 2, 3, 3, false});
    x = dnb_zoo_max_pool(b, x, pool1, 3, 2, 0, true);
    x = basic_conv(b, x, "conv2", "conv2", 64, &(dnb_zoo_conv){64, 1, 1, 1, 0, 0, false});
    x = basic_conv(b, x, "conv3", "conv3", 64, &(dnb_zoo_conv){192, 3, 3, 1, 1, 1, false});
    x = dnb_zoo_max_pool(b, x, pool2, 3, 2, 0, true);
    for (size_t i = 0; i < sizeof google_blocks / sizeof google_blocks[0]; i++) {
        const char *name = google_blocks[i].name;
        const step steps[] = {
            {BRANCH, NULL, 0, 0, 0, 0, 0, 0},
            {CONV, "branch1", google_blocks[i].c1, 1, 1, 1, 0, 0},
            {BRANCH, NULL, 0, 0, 0, 0, 0, 0},
            {CONV, "branch2.0", google_blocks[i].c3r, 1, 1, 1, 0, 0},
            {CONV, "branch2.1", google_blocks[i].c3, 3, 3, 1, 1, 1},
            {BRANCH, NULL, 0, 0, 0, 0, 0, 0},
            {CONV, "branch3.0", google_blocks[i].c5r, 1, 1, 1, 0, 0},
            {CONV, "branch3.1", google_blocks[i].c5, 3, 3, 1, 1, 1},
            {BRANCH, NULL, 0, 0, 0, 0, 0, 0},
            {MAX_POOL, "branch4.0", 0, 3, 3, 1, 1, 1},
            {CONV, "branch4.1", google_blocks[i].pool, 1, 1, 1, 0, 0},
            {END, NULL, 0, 0, 0, 0, 0, 0},
        };
        x = inception(b, x, name, name, steps, &c);
        if (i == 1)
            x = dnb_zoo_max_pool(b, x, pool3, 3, 2, 0, true);
        if (i == 6)
            x = dnb_zoo_max_pool(b, x, pool4, 2, 2, 0, true);
    }
    classify(b, x, c, NULL);
    return b->status;
}

/* ---- Inception V3 ---- */

/* clang-format off */
#define START {BRANCH, NULL, 0, 0, 0, 0, 0, 0}
#define AGAIN {FORK, NULL, 0, 0, 0, 0, 0, 0}
#define STOP {END, NULL, 0, 0, 0, 0, 0, 0}
#define AVERAGE {AVERAGE_POOL, NULL, 0, 3, 3, 1, 1, 1}
#define LARGEST {MAX_POOL, NULL, 0, 3, 3, 2, 0, 0}
/* Square, and long in one direction, both of unchanged size. */
#define SQUARE(m, out, k) {CONV, m, out, k, k, 1, (k) / 2, (k) / 2}
#define ROW(m, out, k) {CONV, m, out, 1, k, 1, 0, (k) / 2}
#define COLUMN(m, out, k) {CONV, m, out, k, 1, 1, (k) / 2, 0}
#define HALVE(m, out) {CONV, m, out, 3, 3, 2, 0, 0}

/* pool = channels of the pool branch. */
static dnb_value block_a(dnb_zoo_builder *b, dnb_value x, const char *layer, const char *module,
                         size_t pool,
                         size_t *c)
{
    const step steps[] = {
        START, SQUARE("branch1x1", 64, 1),
        START, SQUARE("branch5x5_1", 48, 1), SQUARE("branch5x5_2", 64, 5),
        START, SQUARE("branch3x3dbl_1", 64, 1), SQUARE("branch3x3dbl_2", 96, 3),
        SQUARE("branch3x3dbl_3", 96, 3),
        START, AVERAGE, SQUARE("branch_pool", pool, 1),
        STOP,
    };
    return inception(b, x, layer, module, steps, c);
}

/* n = channels of the 7x7 branches. */
static dnb_value block_c(dnb_zoo_builder *b, dnb_value x, const char *layer, const char *module,
                         size_t n,
                         size_t *c)
{
    const step steps[] = {
        START, SQUARE("branch1x1", 192, 1),
        START, SQUARE("branch7x7_1", n, 1), ROW("branch7x7_2", n, 7), COLUMN("branch7x7_3", 192, 7),
        START, SQUARE("branch7x7dbl_1", n, 1), COLUMN("branch7x7dbl_2", n, 7),
        ROW("branch7x7dbl_3", n, 7),
        COLUMN("branch7x7dbl_4", n, 7), ROW("branch7x7dbl_5", 192, 7),
        START, AVERAGE, SQUARE("branch_pool", 192, 1),
        STOP,
    };
    return inception(b, x, layer, module, steps, c);
}

static const step block_b[] = {
    START, HALVE("branch3x3", 384),
    START, SQUARE("branch3x3dbl_1", 64, 1), SQUARE("branch3x3dbl_2", 96, 3),
    HALVE("branch3x3dbl_3", 96),
    START, LARGEST,
    STOP,
};

static const step block_d[] = {
    START, SQUARE("branch3x3_1", 192, 1), HALVE("branch3x3_2", 320),
    START, SQUARE("branch7x7x3_1", 192, 1), ROW("branch7x7x3_2", 192, 7),
    COLUMN("branch7x7x3_3", 192, 7),
    HALVE("branch7x7x3_4", 192),
    START, LARGEST,
    STOP,
};

static const step block_e[] = {
    START, SQUARE("branch1x1", 320, 1),
    START, SQUARE("branch3x3_1", 384, 1), ROW("branch3x3_2a", 384, 3), AGAIN,
    COLUMN("branch3x3_2b", 384, 3),
    START, SQUARE("branch3x3dbl_1", 448, 1), SQUARE("branch3x3dbl_2", 384, 3),
    ROW("branch3x3dbl_3a", 384, 3),
    AGAIN, COLUMN("branch3x3dbl_3b", 384, 3),
    START, AVERAGE, SQUARE("branch_pool", 192, 1),
    STOP,
};
/* clang-format on */

dnb_status dnb_zoo_build_inception_v3(dnb_zoo_builder *b, const void *plan)
{
    size_t c = 192;
    (void)plan;
    dnb_value x = basic_conv(b, b->input, "conv1", "Conv2d_1a_3x3", b->net->input.channels,
                             &(dnb_zoo_conv){32, 3, 3, 2, 0, 0, false});
    x = basic_conv(b, x, "conv2", "Conv2d_2a_3x3", 32, &(dnb_zoo_conv){32, 3, 3, 1, 0, 0, false});
    x = basic_conv(b, x, "conv3", "Conv2d_2b_3x3", 32, &(dnb_zoo_conv){64, 3, 3, 1, 1, 1, false});
    x = dnb_zoo_max_pool(b, x, (dnb_zoo_name){"maxpool1", NULL}, 3, 2, 0, false);
    x = basic_conv(b, x, "conv4", "Conv2d_3b_1x1", 64, &(dnb_zoo_conv){80, 1, 1, 1, 0, 0, false});
    x = basic_conv(b, x, "conv5", "Conv2d_4a_3x3", 80, &(dnb_zoo_conv){192, 3, 3, 1, 0, 0, false});
    x = dnb_zoo_max_pool(b, x, (dnb_zoo_name){"maxpool2", NULL}, 3, 2, 0, false);
    x = block_a(b, x, "inception1", "Mixed_5b", 32, &c);
    x = block_a(b, x, "inception2", "Mixed_5c", 64, &c);
    x = block_a(b, x, "inception3", "Mixed_5d", 64, &c);
    x = inception(b, x, "inception4", "Mixed_6a", block_b, &c);
    x = block_c(b, x, "inception5", "Mixed_6b", 128, &c);
    x = block_c(b, x, "inception6", "Mixed_6c", 160, &c);
    x = block_c(b, x, "inception7", "Mixed_6d", 160, &c);
    x = block_c(b, x, "inception8", "Mixed_6e", 192, &c);
    x = inception(b, x, "inception9", "Mixed_7a", block_d, &c);
    x = inception(b, x, "inception10", "Mixed_7b", block_e, &c);
    x = inception(b, x, "inception11", "Mixed_7c", block_e, &c);
    classify(b, x, c, "avgpool");
    return b->status;
}
