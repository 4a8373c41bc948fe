/* Centred features in columns' order, and their dot products as working sets ask for them: targets
 * share both, so each product is made once however many targets use it. */
#include "stats/sparse_own.h"

#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "array/serial.h"
#include "array/simd.h"
#include "base/mem.h"

/* Columns turned at a time: a row's piece is a few cache lines, and as many rows of xt stay open.
 */
#define TURN 32

static void turn_columns(dnb_sparse_design *s, const double *x, const size_t *rows, size_t j0,
                         size_t j1)
{
    const double *first = x + (rows ? rows[0] : 0) * s->d;
    double sum[TURN] = {0};
    bool varies[TURN] = {0};
    for (size_t i = 0; i < s->n; i++) {
        const double *xi = x + (rows ? rows[i] : i) * s->d;
        for (size_t j = j0; j < j1; j++) {
            double v = xi[j] - first[j];
            s->xt[j * s->n + i] = v;
            sum[j - j0] += v;
            varies[j - j0] |= xi[j] != first[j];
        }
    }
    for (size_t j = j0; j < j1; j++) {
        double *xj = s->xt + j * s->n, shift = sum[j - j0] / (double)s->n;
        s->mean[j] = first[j] + shift;
        for (size_t i = 0; i < s->n; i++)
            xj[i] = varies[j - j0] ? xj[i] - shift : 0;
        s->norm2[j] = dnb_sparse_dot(xj, xj, s->n);
    }
}

dnb_status dnb_sparse_design_init(dnb_sparse_design *out, const double *x, size_t d,
                                  const size_t *rows, size_t n, size_t memory, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_sparse_design s = {.n = n, .d = d};
    size_t numbers, bytes;
    if (!dnb_mul_size(&numbers, n, d) || !dnb_mul_size(&bytes, numbers, sizeof *s.xt) ||
        bytes > memory)
        return dnb_fail(err, DNB_ENOMEM,
                        "a sparse model of %zu features in %zu rows holds %.0f MB of them; the "
                        "memory it may use is %.0f MB",
                        d, n, (double)n * (double)d * 8e-6, (double)memory * 1e-6);
    DNB_NEW(s.mean, d, "feature means");
    DNB_NEW(s.norm2, d, "feature lengths");
    DNB_NEW(s.gram.at, d, "features in use");
    memset(s.gram.at, 0xff, d * sizeof *s.gram.at);
    s.gram.limit = memory - bytes;
    s.xt = dnb_alloc_aligned(numbers, sizeof *s.xt);
    if (!s.xt)
        DNB_TRY(dnb_fail_memory(err, "centred features", bytes));
#pragma omp parallel for schedule(dynamic)
    for (size_t j = 0; j < d; j += TURN)
        turn_columns(&s, x, rows, j, d - j < TURN ? d : j + TURN);
    double longest = 0;
    for (size_t j = 0; j < d; j++)
        longest = fmax(longest, s.norm2[j]);
    int exponent;
    frexp(sqrt(longest), &exponent);
    s.gram.unit = ldexp(1, -exponent);
    *out = s;
    s = (dnb_sparse_design){0};
done:
    dnb_sparse_design_release(&s);
    return status;
}

void dnb_sparse_design_release(dnb_sparse_design *s)
{
    dnb_sparse_gram *g = &s->gram;
    for (size_t b = 0; b < g->n_blocks; b++)
        dnb_free(g->block[b]);
    dnb_free(g->block);
    dnb_free(g->at);
    dnb_free(g->feature);
    dnb_free(g->row);
    dnb_free(g->xu);
    dnb_free(s->xt);
    dnb_free(s->mean);
    dnb_free(s->norm2);
    *s = (dnb_sparse_design){0};
}

/* Rows of a block, and columns multiplied at a time: nothing is made above the diagonal, and
 * packing for BLAS costs little beside the products. */
#define CHUNK 256

/* Room for `want` rows in the lists and in xu. */
static dnb_status make_room(dnb_sparse_design *s, size_t want, dnb_err *err)
{
    dnb_sparse_gram *g = &s->gram;
    size_t blocks = g->n_blocks + want / CHUNK + 1;
    if (blocks > g->block_room) {
        float **block = dnb_realloc(g->block, 2 * blocks, sizeof *block);
        if (!block)
            return dnb_fail_memory(err, "products of features", 2 * blocks * sizeof *block);
        g->block = block;
        g->block_room = 2 * blocks;
    }
    if (want <= g->room)
        return DNB_OK;
    size_t room = 2 * g->room > want ? 2 * g->room : want;
    room = room > s->d ? s->d : room;
    size_t *feature = dnb_realloc(g->feature, room, sizeof *feature);
    if (!feature)
        return dnb_fail_memory(err, "features in use", room * sizeof *feature);
    g->feature = feature;
    float **row = dnb_realloc(g->row, room, sizeof *row);
    if (!row)
        return dnb_fail_memory(err, "products of features", room * sizeof *row);
    g->row = row;
    float *xu = dnb_realloc(g->xu, room, s->n * sizeof *xu);
    if (!xu)
        return dnb_fail_memory(err, "features in use", room * s->n * sizeof *xu);
    g->xu = xu;
    g->room = room;
    return DNB_OK;
}

/* An empty block for the next `count` rows. */
static dnb_status add_block(dnb_sparse_design *s, const size_t *feature, size_t count, dnb_err *err)
{
    dnb_sparse_gram *g = &s->gram;
    size_t width = g->used + count;
    float *block = dnb_alloc_aligned(count * width, sizeof *block);
    if (!block)
        return dnb_fail_memory(err, "products of features", count * width * sizeof *block);
    for (size_t i = 0; i < count; i++) {
        g->row[g->used + i] = block + i * width;
        g->feature[g->used + i] = feature[i];
        g->at[feature[i]] = g->used + i;
    }
    g->used = width;
    g->bytes += count * width * sizeof *block;
    g->block[g->n_blocks++] = block;
    return DNB_OK;
}

/* Products of the features in rows i0..i1 with those in rows j0..j1 <= i0, or with each other. */
static void multiply_tile(const dnb_sparse_gram *g, size_t n, size_t i0, size_t i1, size_t j0,
                          size_t j1)
{
    const float *a = g->xu + i0 * n, *b = g->xu + j0 * n;
    float *c = g->row[i0] + j0;
    int k = (int)n, ld = (int)i1; /* a block's rows end at its diagonal */
    int threads = dnb_serial_begin();
    if (i0 == j0)
        cblas_ssyrk(CblasRowMajor, CblasLower, CblasNoTrans, (int)(i1 - i0), k, 1, a, k, 0, c, ld);
    else
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)(i1 - i0), (int)(j1 - j0), k, 1,
                    a, k, b, k, 0, c, ld);
    dnb_serial_end(threads);
}

/* Fills the blocks of the rows from `first` on, which begin every CHUNK rows. */
static void fill_rows(const dnb_sparse_design *s, size_t first)
{
    const dnb_sparse_gram *g = &s->gram;
    size_t down = (g->used - first + CHUNK - 1) / CHUNK, before = (first + CHUNK - 1) / CHUNK;
    size_t across = before + down;
#pragma omp parallel for schedule(dynamic)
    for (size_t t = 0; t < down * across; t++) {
        /* The longest rows first. */
        size_t i = down - 1 - t / across, j = t % across;
        size_t i0 = first + i * CHUNK, i1 = g->used - i0 < CHUNK ? g->used : i0 + CHUNK;
        size_t j0 = j < before ? j * CHUNK : first + (j - before) * CHUNK;
        size_t most = j < before ? first : g->used, j1 = most - j0 < CHUNK ? most : j0 + CHUNK;
        if (j0 <= i0)
            multiply_tile(g, s->n, i0, i1, j0, j1);
    }
}

/* Bytes that `count` more rows take, and the room in xu, which may double. */
static double bytes_for(const dnb_sparse_design *s, size_t count)
{
    double used = (double)s->gram.used, more = (double)count;
    return sizeof(float) * (more * (used + 0.5 * more + CHUNK) + 2 * (used + more) * (double)s->n);
}

DNB_SIMD static void to_single(float *restrict to, const double *restrict from, double unit,
                               size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (float)(from[i] * unit);
}

void dnb_sparse_single(float *to, const dnb_sparse_design *s, size_t j)
{
    to_single(to, s->xt + j * s->n, s->gram.unit, s->n);
}

dnb_status dnb_sparse_gram_extend(dnb_sparse_design *s, size_t *feature, size_t count, bool *fits,
                                  dnb_err *err)
{
    dnb_sparse_gram *g = &s->gram;
    dnb_status status = DNB_OK;
    double left = (double)(g->limit - (g->bytes < g->limit ? g->bytes : g->limit));
    bool all = g->used == 0 && count > s->d / 3 && bytes_for(s, s->d) <= left;
    *fits = all || bytes_for(s, count) <= left;
    if (!*fits || count == 0)
        return DNB_OK;
    if (all) {
        count = s->d;
        for (size_t j = 0; j < s->d; j++)
            feature[j] = j;
    }
    DNB_TRY(make_room(s, g->used + count, err));
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i++)
        dnb_sparse_single(g->xu + (g->used + i) * s->n, s, feature[i]);
    size_t first = g->used;
    for (size_t i = 0; i < count; i += CHUNK)
        DNB_TRY(add_block(s, feature + i, count - i < CHUNK ? count - i : CHUNK, err));
    fill_rows(s, first);
done:
    return status;
}

/* What rounding may do to a product of two features, relative to their lengths. */
static double lift(size_t n)
{
    return 4 * FLT_EPSILON * sqrt((double)n);
}

void dnb_sparse_complete(float *g, size_t stride, size_t k, size_t n)
{
    float raised = (float)(1 + lift(n));
    /* By tiles, so neither side leaves the cache between uses. */
    for (size_t i0 = 0; i0 < k; i0 += 16)
        for (size_t j0 = i0; j0 < k; j0 += 16)
            for (size_t i = i0; i < k && i < i0 + 16; i++)
                for (size_t j = j0 > i ? j0 : i + 1; j < k && j < j0 + 16; j++)
                    g[i * stride + j] = g[j * stride + i];
    for (size_t i = 0; i < k; i++) {
        g[i * stride + i] *= raised;
        for (size_t j = k; j < stride; j++)
            g[i * stride + j] = 0;
    }
}

DNB_SIMD static void pick(float *restrict to, const float *restrict from, const size_t *restrict at,
                          size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = from[at[i]];
}

void dnb_sparse_gram_gather(float *g, size_t stride, const dnb_sparse_gram *gram, const size_t *pos,
                            size_t k, size_t n)
{
    /* Rows lie pages apart: without a hint each begins with a wait. */
    for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; i + 1 < k && j <= pos[i + 1]; j += 16)
            DNB_PREFETCH(gram->row[pos[i + 1]] + j);
        pick(g + i * stride, gram->row[pos[i]], pos, i + 1);
    }
    dnb_sparse_complete(g, stride, k, n);
}
