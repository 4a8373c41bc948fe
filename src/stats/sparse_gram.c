/* Centred features in columns' order, and their dot products as working sets ask for them: targets
 * share both, so each product is made once however many targets use it. */
#include "stats/sparse_own.h"

#include <stdint.h>
#include <string.h>

#include "array/simd.h"
#include "base/mem.h"
#include "dnnbrain/linalg.h"

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
    if (g->xu != s->xt)
        dnb_free(g->xu);
    dnb_free(s->xt);
    dnb_free(s->mean);
    dnb_free(s->norm2);
    *s = (dnb_sparse_design){0};
}

/* Rows made at a time: little is wasted above the diagonal. */
#define CHUNK 512

/* Room for `want` rows in the lists and, unless it is xt, in xu. */
static dnb_status make_room(dnb_sparse_design *s, size_t want, dnb_err *err)
{
    dnb_sparse_gram *g = &s->gram;
    size_t blocks = g->n_blocks + want / CHUNK + 1;
    if (blocks > g->block_room) {
        double **block = dnb_realloc(g->block, 2 * blocks, sizeof *block);
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
    double **row = dnb_realloc(g->row, room, sizeof *row);
    if (!row)
        return dnb_fail_memory(err, "products of features", room * sizeof *row);
    g->row = row;
    if (g->xu != s->xt) {
        double *xu = dnb_realloc(g->xu, room, s->n * sizeof *xu);
        if (!xu)
            return dnb_fail_memory(err, "features in use", room * s->n * sizeof *xu);
        g->xu = xu;
    }
    g->room = room;
    return DNB_OK;
}

/* Gram rows for the next `count` features, which stand in xu. */
static dnb_status add_rows(dnb_sparse_design *s, const size_t *feature, size_t count, dnb_err *err)
{
    dnb_sparse_gram *g = &s->gram;
    size_t width = g->used + count, n = s->n;
    double *block = dnb_alloc_aligned(count * width, sizeof *block);
    if (!block)
        return dnb_fail_memory(err, "products of features", count * width * sizeof *block);
    dnb_status status = dnb_matmul(block, width, g->xu + g->used * n, n, g->xu, n, count, width, n,
                                   &(dnb_matmul_options){.transpose_b = true, .alpha = 1}, err);
    if (status != DNB_OK) {
        dnb_free(block);
        return status;
    }
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

/* Bytes that `count` more rows take, and their copies in xu, which may double. */
static double bytes_for(const dnb_sparse_design *s, size_t count, bool copied)
{
    double used = (double)s->gram.used, more = (double)count;
    return 8 *
           (more * (used + 0.5 * more + CHUNK) + (copied ? 2 * (used + more) * (double)s->n : 0));
}

dnb_status dnb_sparse_gram_extend(dnb_sparse_design *s, size_t *feature, size_t count, bool *fits,
                                  dnb_err *err)
{
    dnb_sparse_gram *g = &s->gram;
    dnb_status status = DNB_OK;
    double left = (double)(g->limit - (g->bytes < g->limit ? g->bytes : g->limit));
    bool all = g->used == 0 && count > s->d / 3 && bytes_for(s, s->d, false) <= left;
    *fits = all || bytes_for(s, count, true) <= left;
    if (!*fits || count == 0)
        return DNB_OK;
    if (all) {
        dnb_free(g->xu);
        g->xu = s->xt;
        count = s->d;
        for (size_t j = 0; j < s->d; j++)
            feature[j] = j;
    }
    DNB_TRY(make_room(s, g->used + count, err));
    for (size_t i = 0; !all && i < count; i++)
        memcpy(g->xu + (g->used + i) * s->n, s->xt + feature[i] * s->n, s->n * sizeof *g->xu);
    for (size_t i = 0; i < count; i += CHUNK)
        DNB_TRY(add_rows(s, feature + i, count - i < CHUNK ? count - i : CHUNK, err));
done:
    return status;
}

DNB_SIMD static void pick(double *restrict to, const double *restrict from,
                          const size_t *restrict at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = from[at[i]];
}

void dnb_sparse_gram_gather(double *g, size_t stride, const dnb_sparse_gram *gram,
                            const size_t *pos, size_t k)
{
    for (size_t i = 0; i < k; i++) {
        const double *row = gram->row[pos[i]];
        pick(g + i * stride, row, pos, i + 1);
        for (size_t j = k; j < stride; j++)
            g[i * stride + j] = 0;
    }
    /* The upper triangle by tiles, so neither side leaves the cache between uses. */
    for (size_t i0 = 0; i0 < k; i0 += 16)
        for (size_t j0 = i0; j0 < k; j0 += 16)
            for (size_t i = i0; i < k && i < i0 + 16; i++)
                for (size_t j = j0 > i ? j0 : i + 1; j < k && j < j0 + 16; j++)
                    g[i * stride + j] = g[j * stride + i];
}
